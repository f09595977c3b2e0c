"""The maps of risk: each hazard, the composite, how sure its classes are, risk beside coverage."""

from __future__ import annotations

from typing import Any

import pandas as pd

from qzrisk import rules
from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec, MapSpec, Page
from qzrisk.pipeline import specs
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.risk.assess import Assessment
from qzrisk.pipeline.risk.notes import (
    class_notes,
    confidence_notes,
    hazard_name,
    risk_palette,
    risk_table,
)
from qzrisk.project import Project
from qzrisk.text import text

MAP_LEVELS = ("county", "village")
"""Levels of the maps of one hazard."""

SHEET = 8
"""Hazards at most on their common page."""

_NAMED = 12
"""Towns named at most in a note."""


def risk_layer(loaded: Loaded, results: Results, level: str, hazard: str | None,
               project: Project) -> LayerSpec:
    """Return the risk classes of the units of one level as a map layer.

    Parameters
    ----------
    loaded, results, project : of the run
    level : ``"village"``, ``"town"`` or ``"county"``
    hazard : code of a hazard of the tree, or None for the composite

    Returns
    -------
    LayerSpec
        Classes, thresholds and counts; units without data are NaN, never a class.
    """
    return specs.risk_layer(loaded, results, level, project, hazard=hazard)


def risk_spec(project: Project, loaded: Loaded, results: Results, run_id: str, level: str,
              hazard: str | None = None) -> MapSpec:
    """Return the map of one level, of the composite or of one hazard, with the county table."""
    language, city = project.language, project.word("title")
    name = f"07_risk_{level}" if hazard is None else f"06_{hazard}_{level}"
    title = text("map_risk", language, city=city) if hazard is None else text(
        "map_hazard_risk", language, city=city, hazard=hazard_name(hazard, language))
    synthetic = (text("note_synthetic_units", language),) if level in ("town", "village") else ()
    lines = specs.boundary_lines(loaded, language)
    return MapSpec(
        name=name, title=title, subtitle=text(f"subtitle_{level}", language),
        layers=(risk_layer(loaded, results, level, hazard, project), *lines),
        focus="city", table=specs.county_table(results, loaded, project, hazard),
        class_column=text("head_risk_class", language), table_palette=risk_palette(project),
        table_title=text("subtitle_county", language),
        notes=(*class_notes(results, level, project, hazard), *synthetic,
               *specs.no_data_notes(project)),
        **_parts(project, loaded, run_id))


def _parts(project: Project, loaded: Loaded, run_id: str) -> dict[str, Any]:
    """Return what all maps of risk have in common, with the rule packs that they rest on."""
    return {**specs.common_parts(project, loaded, run_id),
            "rule_pack": specs.rule_pack(*specs.RISK_PACKS)}


def main_hazards(project: Project, made: Assessment) -> list[str]:
    """Return the hazards drawn in every run: those of the coverage, or the one of most weight."""
    named = [hazard for hazard in project.coverage.hazards if hazard in made.by_hazard]
    return named or [str(hazard) for hazard in made.hazards["weight"].nlargest(1).index]


def pages(project: Project, loaded: Loaded, results: Results, run_id: str, *, full: bool = False
          ) -> list[MapSpec | Page]:
    """Return the maps of risk beside those of the composite by county and village.

    Parameters
    ----------
    full : every hazard by county and village, and the composite by county, town and village;
        otherwise the main hazards by village
    """
    made = results.assessed
    assert made is not None
    chosen = list(made.by_hazard) if full else main_hazards(project, made)
    levels = MAP_LEVELS if full else MAP_LEVELS[1:]
    found: list[MapSpec | Page] = [risk_spec(project, loaded, results, run_id, level, hazard)
                                   for hazard in chosen for level in levels]
    if full:
        found += [risk_spec(project, loaded, results, run_id, level)
                  for level in ("county", "town", "village")]
    if len(made.by_hazard) > 1:
        found.append(hazards_page(project, loaded, results, run_id))
    return [*found, confidence_spec(project, loaded, results, run_id),
            pair_page(project, loaded, results, run_id)]


def hazards_page(project: Project, loaded: Loaded, results: Results, run_id: str) -> Page:
    """Return every hazard by town on one page, each with its own classes."""
    assert results.assessed is not None
    language, common = project.language, _parts(project, loaded, run_id)
    lines = specs.boundary_lines(loaded, language)
    notes = (text("note_hazards_apart", language), text("note_weighted", language),
             text("note_synthetic_units", language), *specs.no_data_notes(project))
    maps = []
    for hazard in list(results.assessed.by_hazard)[:SHEET]:
        layer = risk_layer(loaded, results, "town", hazard, project)
        caption = text("layer_hazard_risk", language, hazard=hazard_name(hazard, language))
        maps.append(MapSpec(name=f"06_{hazard}_town", title=caption, focus="city",
                            layers=(layer, *lines), notes=notes, **common))
    return Page(key="06_hazards", maps=tuple(maps), subtitle=text("subtitle_pair", language),
                title=text("map_hazards", language, city=project.word("title")))


def confidence_layer(loaded: Loaded, results: Results, level: str, project: Project) -> LayerSpec:
    """Return how sure the class of each unit is, in three grades."""
    assert results.assessed is not None
    frame, table = specs.of_level(loaded, level), results.assessed.confidence[level]
    if level != "county":
        # A county outside the statistics has no such units: it stands in as one hatched unit.
        county = specs.of_level(loaded, "county")
        outside = county[~county["in_statistics"].astype(bool)]
        frame = pd.concat([frame, outside])
        table = pd.concat([table, results.assessed.confidence["county"].loc[outside.index]])
    codes, table = palette("confidence").codes, table.loc[frame.index]
    low, high = rules.value("natural_hazard", "confidence.bounds")
    grade = pd.cut(table["confidence"], [-1, low, high, 2], right=False, labels=list(codes))
    language = project.language
    frame = frame.assign(confidence=(100 * table["confidence"]).round(1),
                         rank_low=table["rank_low"], rank_high=table["rank_high"])
    return LayerSpec(
        name=f"{level}_confidence", title=text("layer_confidence", language), kind="choropleth",
        frame=frame, classes=ordered(grade.astype("str"), codes), palette="confidence",
        thresholds={codes[0]: f"< {low:.0%}", codes[1]: f"{low:.0%} – {high:.0%}",
                    codes[2]: f"≥ {high:.0%}"},
        fields={"name": text("head_name", language),
                "confidence": text("head_confidence", language) + " %",
                "rank_low": text("head_rank_low", language),
                "rank_high": text("head_rank_high", language)},
        boundary=level == "county", unit_word=text("word_units", language))


def confidence_spec(project: Project, loaded: Loaded, results: Results, run_id: str) -> MapSpec:
    """Return the map of confidence by village, with classes and rank intervals by county."""
    assert results.assessed is not None
    language = project.language
    table = results.assessed.confidence["county"].loc[specs.official_order(loaded)]
    low, high = (table[f"rank_{end}"].map("{:.0f}".format, na_action="ignore")
                 for end in ("low", "high"))
    ranks = low.where(low == high, low + "–" + high)
    shown = pd.DataFrame({
        text("head_name", language): table["name"],
        text("head_own_class", language): table["confidence"].map("{:.0%}".format,
                                                                  na_action="ignore"),
        text("head_rank_short", language): ranks,
        text("head_risk_class", language): table["risk_class"].astype("str")})
    return MapSpec(
        name="08_confidence", subtitle=text("subtitle_village", language),
        title=text("map_confidence", language, city=project.word("title")),
        layers=(confidence_layer(loaded, results, "village", project),
                *specs.boundary_lines(loaded, language)),
        focus="city", table=shown, class_column=text("head_risk_class", language),
        table_palette=risk_palette(project), table_title=text("subtitle_county", language),
        notes=(*confidence_notes(project), text("note_synthetic_units", language),
               *specs.no_data_notes(project)),
        **_parts(project, loaded, run_id))


def pair_page(project: Project, loaded: Loaded, results: Results, run_id: str) -> Page:
    """Return risk beside coverage by town, and name the towns where both are bad."""
    language, city = project.language, project.word("title")
    limit = f"{project.coverage.map_threshold_m:.0f}"
    common = _parts(project, loaded, run_id)
    ground = specs.outside_layer(loaded, language)
    lines = specs.boundary_lines(loaded, language)
    # Two maps leave little height: sentences that belong together share a line.
    joint = "；" if language == "zh" else "; "
    how = class_notes(results, "town", project)
    notes = (both_bad_note(results, project), joint.join(how[:2]), joint.join(how[2:]),
             joint.join((text("note_stress", language), text("note_straight", language))),
             joint.join((text("note_synthetic_units", language), *specs.no_data_notes(project))))
    named, graded = text("head_name", language), text("head_coverage_grade", language)
    risks = specs.county_table(results, loaded, project)
    shares = specs.coverage_table(results, loaded, project)
    index, classed = text("head_risk_index", language), text("head_risk_class", language)
    counties = text("subtitle_county", language)
    maps = (
        MapSpec(name="09_risk", title=text("map_risk", language, city=city), focus="city",
                layers=(risk_layer(loaded, results, "town", None, project), *lines),
                table=risks[[named, index, classed]], table_title=counties, class_column=classed,
                table_palette=risk_palette(project), notes=notes, **common),
        MapSpec(name="09_coverage", focus="city",
                title=text("map_coverage", language, city=city, limit=limit),
                layers=(*ground, specs.coverage_layer(loaded, results, "town", project), *lines),
                table=shares[[named, shares.columns[2], graded]], table_title=counties,
                class_column=graded, table_palette="coverage", notes=notes, **common))
    return Page(key="09_risk_coverage", title=text("map_risk_coverage", language, city=city),
                subtitle=text("subtitle_pair", language), maps=maps)


def both_bad(results: Results, project: Project) -> pd.DataFrame:
    """Return the towns of the two highest risk classes whose coverage is short or worse.

    Returns
    -------
    DataFrame(name, risk_class, coverage_grade, risk_index) by town, the most risky first
    """
    risk, coverage = risk_table(results, "town"), results.coverage["town"]
    high = palette(risk_palette(project)).codes[-2:]
    bad = risk["risk_class"].isin(high) & coverage["coverage_grade"].reindex(
        risk.index).isin(palette("coverage").codes[:2])
    made = risk.loc[bad, ["name", "risk_class", "risk_index"]].join(coverage["coverage_grade"])
    return made.sort_values("risk_index", ascending=False, kind="stable")


def both_bad_note(results: Results, project: Project) -> str:
    """Return the sentence that names the towns of `both_bad`."""
    names = both_bad(results, project)["name"].tolist()
    if not names:
        return text("note_both_none", project.language)
    joint = "、" if project.language == "zh" else ", "
    more = "…" if len(names) > _NAMED else ""
    return text("note_both_bad", project.language, count=len(names),
                names=joint.join(names[:_NAMED]) + more)

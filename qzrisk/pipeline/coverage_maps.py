"""The maps of coverage by hazard: places per person, coverage grade, who is left out and why."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from qzrisk import rules
from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec, MapSpec, Page
from qzrisk.pipeline import specs
from qzrisk.pipeline.cases import Case
from qzrisk.pipeline.coverage_sheets import (
    case_notes,
    hazard_word,
    places_note,
    plan_notes,
    score_notes,
)
from qzrisk.pipeline.load import Loaded
from qzrisk.project import Project
from qzrisk.text import text
from qzrisk.units import ancestors

PANELS = 4
"""Maps at most on the page of reasons."""
WORST = 4
"""Towns in the table beside each of them."""


def pages(project: Project, loaded: Loaded, made: Case, run_id: str) -> list[MapSpec | Page]:
    """Return the static maps of a case with a plan."""
    language, city = project.language, project.word("title")
    word = hazard_word(made.hazard, project)
    common = specs.common_parts(project, loaded, run_id)
    lines = specs.boundary_lines(loaded, language)
    units = (text("note_synthetic_units", language), *specs.no_data_notes(project))
    ground = (*specs.outside_layer(loaded, language), *_calm_layer(loaded, made, project))
    counties = text("subtitle_county", language)
    both: list[MapSpec | Page] = [
        MapSpec(name=f"03_places_{made.hazard}",
                title=text("map_places", language, city=city, hazard=word),
                subtitle=text("subtitle_town", language),
                layers=(*ground, _places_layer(loaded, made, project), *lines), focus="city",
                table=_places_table(loaded, made, project), table_title=counties,
                table_palette="coverage", class_column=text("head_places_grade", language),
                notes=(*case_notes(made, project), places_note(project), *units), **common),
        MapSpec(name=f"04_coverage_{made.hazard}",
                title=text("map_case", language, city=city, hazard=word),
                subtitle=text("subtitle_town", language),
                layers=(*ground, _grade_layer(loaded, made, project), *lines), focus="city",
                table=_grade_table(loaded, made, project), table_title=counties,
                table_palette="coverage", class_column=text("head_coverage_grade", language),
                notes=(*case_notes(made, project), *score_notes(project), *units), **common),
    ]
    reasons = _reason_page(project, loaded, made, run_id)
    return [*both, reasons] if reasons else both


def web_layers(project: Project, loaded: Loaded, made: Case) -> list[LayerSpec]:
    """Return the layers of a case for the interactive map, offered and not drawn at once."""
    layers = [_places_layer(loaded, made, project), _grade_layer(loaded, made, project)]
    word = hazard_word(made.hazard, project)
    layers += [_reason_layer(loaded, left, code, project, title=text(
        "layer_unserved", project.language, hazard=word, persons=f"{left.sum():,}",
        reason=text(f"reason_{code}", project.language)), name=f"{made.hazard}_unserved_{code}")
        for code, left in by_reason(made, loaded).items()]
    return [layer.hidden() for layer in layers]


def by_reason(made: Case, loaded: Loaded) -> dict[str, pd.Series]:
    """Return reason -> persons without a place by town, the reason of most persons first."""
    if made.plan is None:
        return {}
    left = made.plan.unserved
    town = left["origin"].map(made.cells["unit_id"]).map(
        ancestors(loaded.tables["units"], "town"))
    found = {str(code): part.groupby(town[part.index])["persons"].sum()
             for code, part in left.groupby("reason")}
    return dict(sorted(found.items(), key=lambda item: (-item[1].sum(), item[0])))


def _towns(loaded: Loaded, made: Case, project: Project, columns: dict[str, int]
           ) -> tuple[gpd.GeoDataFrame, pd.DataFrame, dict[str, str]]:
    """Towns with somebody to be moved, rounded columns of their table, the table, and the words."""
    frame = specs.of_level(loaded, "town")
    nobody = made.tables["town"]["at_risk_persons"].reindex(frame.index) == 0
    frame = frame[~nobody]
    table = made.tables["town"].reindex(frame.index)
    frame = frame.assign(**{name: table[name].round(digits) for name, digits in columns.items()})
    words = {name: text(f"head_{name}", project.language) for name in ("name", *columns)}
    return frame, table, words


def _calm_layer(loaded: Loaded, made: Case, project: Project) -> tuple[LayerSpec, ...]:
    """Return the towns that have nobody to be moved, none if there are none."""
    frame = specs.of_level(loaded, "town")
    frame = frame[made.tables["town"]["at_risk_persons"].reindex(frame.index) == 0]
    if frame.empty:
        return ()
    title = text("layer_calm", project.language)
    return (LayerSpec(name=f"{made.hazard}_nobody", title=title, kind="choropleth", frame=frame,
                      style="unit", boundary=False,
                      unit_word=text("word_units", project.language)),)


def _places_layer(loaded: Loaded, made: Case, project: Project) -> LayerSpec:
    frame, table, words = _towns(loaded, made, project, {
        "places_per_at_risk_person": 2, "at_risk_persons": 0, "places": 0, "shelters": 0})
    codes = palette("coverage").codes
    bounds = rules.value("coverage", "places_per_person.bounds")
    return LayerSpec(
        name=f"{made.hazard}_places", kind="choropleth", frame=frame, palette="coverage",
        title=text("layer_places", project.language, hazard=hazard_word(made.hazard, project)),
        classes=ordered(table["places_grade"].astype("str"), codes), fields=words, boundary=False,
        thresholds=specs.thresholds((*bounds, float("inf")), codes, ".1f"),
        unit_word=text("word_units", project.language))


def _grade_layer(loaded: Loaded, made: Case, project: Project) -> LayerSpec:
    frame, table, words = _towns(loaded, made, project, {
        "coverage_score": 1, "score_reach": 3, "score_places": 3, "score_backup": 3,
        "at_risk_persons": 0, "cut_off_persons": 0})
    codes = palette("coverage").codes
    return LayerSpec(
        name=f"{made.hazard}_coverage", kind="choropleth", frame=frame, palette="coverage",
        title=text("layer_case", project.language, hazard=hazard_word(made.hazard, project)),
        classes=ordered(table["coverage_grade"].astype("str"), codes), fields=words,
        thresholds=specs.thresholds((*rules.value("coverage", "score.bounds"), 100.0), codes,
                                    ".0f"),
        boundary=False, unit_word=text("word_units", project.language))


def _counties(loaded: Loaded, made: Case) -> pd.DataFrame:
    return made.tables["county"].loc[specs.official_order(loaded)]


def _shown(values: pd.Series, pattern: str) -> pd.Series:
    return values.map(f"{{:{pattern}}}".format, na_action="ignore")


def _places_table(loaded: Loaded, made: Case, project: Project) -> pd.DataFrame:
    frame, language = _counties(loaded, made), project.language
    return pd.DataFrame({
        text("head_name", language): frame["name"],
        text("head_at_risk_short", language): _shown(frame["at_risk_persons"], ",.0f"),
        text("head_places_short", language): _shown(frame["places"], ",.0f"),
        text("head_ratio_short", language): _shown(frame["places_per_at_risk_person"], ".2f"),
        text("head_places_grade", language): frame["places_grade"].astype("str"),
    })


def _grade_table(loaded: Loaded, made: Case, project: Project) -> pd.DataFrame:
    frame, language = _counties(loaded, made), project.language
    parts = [_shown(100 * frame[f"score_{part}"], ".0f") for part in ("reach", "places", "backup")]
    return pd.DataFrame({
        text("head_name", language): frame["name"],
        text("head_parts_short", language): parts[0] + "/" + parts[1] + "/" + parts[2],
        text("head_score_short", language): _shown(frame["coverage_score"], ".1f"),
        text("head_coverage_grade", language): frame["coverage_grade"].astype("str"),
    })


def _reason_layer(loaded: Loaded, left: pd.Series, code: str, project: Project, *, title: str,
                  name: str) -> LayerSpec:
    """Circles at the towns, by the persons left out for one reason."""
    frame = specs.of_level(loaded, "town").loc[left.index]
    column = f"reason_{code}"
    return LayerSpec(
        name=name, title=title, kind="graduated", frame=frame.assign(**{column: left}),
        size=left.astype(float), size_unit=text("word_persons", project.language),
        style="team" if code == "full" else "graduated",
        fields={"name": text("head_name", project.language),
                column: text(f"head_{column}", project.language)})


def _reason_page(project: Project, loaded: Loaded, made: Case, run_id: str) -> Page | None:
    """Small multiples, a reason each; None where everyone has a place."""
    language, found = project.language, by_reason(made, loaded)
    if not found:
        return None
    title = text("map_unserved", language, city=project.word("title"),
                 hazard=hazard_word(made.hazard, project))
    total = sum(int(left.sum()) for left in found.values())
    subtitle = text("subtitle_unserved", language, persons=f"{total:,}")
    shown, rest = list(found)[:PANELS], list(found)[PANELS:]
    notes = [*plan_notes(made, project), text("note_synthetic_units", language),
             *specs.no_data_notes(project)]
    if rest:
        words = ", ".join(_reason_words(code, found[code], project) for code in rest)
        notes.insert(0, text("note_reasons_left", language, words=words))
    if len(shown) > 1:
        notes.insert(0, text("note_circles", language))
    maps = tuple(MapSpec(
        name=f"05_unserved_{made.hazard}_{code}",
        title=_reason_words(code, found[code], project), subtitle="",
        layers=(*specs.outside_layer(loaded, language), *specs.boundary_lines(loaded, language),
                _reason_layer(loaded, found[code], code, project, name="unserved",
                              title=text(f"reason_{code}", language))),
        focus="city", notes=tuple(notes), table=_worst_towns(loaded, found[code], project),
        table_title=text("title_worst_towns", language),
        **specs.common_parts(project, loaded, run_id))
        for code in shown)
    if len(maps) == 1:
        maps = (maps[0].with_(title=title, subtitle=subtitle),)
    return Page(key=f"05_unserved_{made.hazard}", title=title, subtitle=subtitle, maps=maps)


def _worst_towns(loaded: Loaded, left: pd.Series, project: Project) -> pd.DataFrame:
    """Return the towns with most persons left out for one reason, and their counties."""
    units, language = loaded.tables["units"], project.language
    most = left.sort_values(ascending=False, kind="stable").head(WORST)
    return pd.DataFrame({
        text("head_town", language): units["name"].reindex(most.index),
        text("head_county", language): units["name"].reindex(
            ancestors(units, "county").reindex(most.index)).to_numpy(),
        text("word_persons", language).capitalize(): most.map("{:,.0f}".format)})


def _reason_words(code: str, left: pd.Series, project: Project) -> str:
    return text("layer_reason", project.language, persons=f"{left.sum():,}",
                reason=text(f"reason_{code}", project.language))

"""The maps of `qzrisk run` as MapSpecs: every printed number is put in here."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from qzrisk import provenance
from qzrisk.layers.schema import schema
from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.pipeline import publish
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.measures import Results, grade_bounds
from qzrisk.pipeline.risk.notes import (
    class_bounds,
    class_notes,
    hazard_name,
    relative,
    risk_palette,
    risk_table,
)
from qzrisk.project import Project
from qzrisk.text import text
from qzrisk.units import ancestors, roll_up

CONTEXT_STYLES = {"land": "land", "prefectures": "neighbours"}
"""Context layers drawn beneath every map, where a project has them, and their styles."""

RISK_PACKS = ("coverage", "natural_hazard", "weighting")
"""Rule packs that the risk index rests on, printed on its maps."""


def grade_shares() -> tuple[float, float, float]:
    """Return the inner bounds of the coverage grades."""
    low, middle, high, _ = grade_bounds()
    return low, middle, high


def thresholds(bounds: tuple[float, ...], codes: tuple[str, ...], pattern: str) -> dict[str, str]:
    """Return class code -> its interval in words, right-closed, the last open above."""
    lows = ("", *[format(b, pattern) for b in bounds[:-1]])
    highs = (*[format(b, pattern) for b in bounds[:-1]], "")
    return {code: f"≤ {high}" if not low else f"> {low}" if not high else f"{low} – {high}"
            for code, low, high in zip(codes, lows, highs, strict=True)}


def of_level(loaded: Loaded, level: str) -> gpd.GeoDataFrame:
    """Return the shapes of the units of one level."""
    boundaries = loaded.layers["boundaries"]
    return boundaries[boundaries["level"] == level]


def _context(loaded: Loaded) -> tuple[LayerSpec, ...]:
    return tuple(
        LayerSpec(name=name, title="", kind="choropleth", frame=loaded.layers[name], style=style,
                  label="name" if "name" in loaded.layers[name] else None)
        for name, style in CONTEXT_STYLES.items() if name in loaded.layers)


def boundary_lines(loaded: Loaded, language: str) -> tuple[LayerSpec, ...]:
    """Return the county and city lines drawn over every map."""
    county, city = of_level(loaded, "county"), of_level(loaded, "city")
    return (
        LayerSpec(name="counties", title=text("layer_counties", language), kind="outline",
                  frame=county, style="county_line", label="name"),
        LayerSpec(name="city", title=text("layer_city", language), kind="outline", frame=city,
                  style="city_line"),
    )


def outside_layer(loaded: Loaded, language: str) -> tuple[LayerSpec, ...]:
    """Return the hatched layer of counties outside the statistics, none if there are none."""
    county = of_level(loaded, "county")
    frame = county[~county["in_statistics"].astype(bool)]
    if frame.empty:
        return ()
    title = text("layer_outside", language, names="、".join(frame["name"]))
    return (LayerSpec(name="outside", title=title, kind="choropleth", frame=frame,
                      style="no_data"),)


def common_parts(project: Project, loaded: Loaded, run_id: str) -> dict[str, Any]:
    """Return what all maps of a run have in common."""
    province = loaded.layers.get("province")
    return {
        "crs": project.crs, "language": project.language, "audience": project.audience,
        "map_number": project.map_number, "variant": project.variant,
        "synthetic": project.synthetic, "run_id": run_id,
        "source": project.word("source"), "date_text": project.as_of.isoformat(),
        "rule_pack": rule_pack("coverage", "suitability"),
        "context": _context(loaded), "locator": province,
    }


def rule_pack(*names: str) -> str:
    """Return rule packs and the versions in force, as printed on a map."""
    versions = provenance.rule_versions()
    return ", ".join(f"{name} {versions[name]}" for name in names)


def no_data_notes(project: Project) -> tuple[str, ...]:
    """Return the note on units outside the statistics, if there is one."""
    return (project.word("no_data"),) if project.word("no_data") else ()


def risk_layer(loaded: Loaded, results: Results, level: str, project: Project, *,
               hazard: str | None = None) -> LayerSpec:
    """Return the classes of the units of one level, of the composite or of one hazard."""
    frame, table = of_level(loaded, level), risk_table(results, level, hazard)
    if level != "county":
        # A county outside the statistics has no such units: it stands in as one hatched unit.
        county = of_level(loaded, "county")
        outside = county[~county["in_statistics"].astype(bool)]
        frame = pd.concat([frame, outside])
        table = pd.concat([table, risk_table(results, "county", hazard).loc[outside.index]])
    codes = palette(risk_palette(project)).codes
    classes = ordered(table.loc[frame.index, "risk_class"].astype("str"), codes)
    fields = {"name": text("head_name", project.language),
              **({"town": text("web_town", project.language)} if level == "village" else {}),
              "risk_index": text("head_risk_index", project.language) if hazard is None else text(
                  "head_hazard_index", project.language,
                  hazard=hazard_name(hazard, project.language)),
              "persons": text("head_persons", project.language)}
    if level == "village":
        frame = frame.assign(town=town_names(frame.index.to_series(), loaded))
    frame = frame.assign(risk_index=table.loc[frame.index, "risk_index"].round(3),
                         persons=table.loc[frame.index, "persons"])
    title = text(f"layer_{level}_risk", project.language) if hazard is None else text(
        "layer_hazard_risk", project.language, hazard=hazard_name(hazard, project.language))
    if relative(results, project, hazard):
        title = text("layer_relative", project.language, title=title)
    return LayerSpec(
        name=f"{level}_risk" if hazard is None else f"{level}_risk_{hazard}", title=title,
        kind="choropleth", frame=frame, classes=classes, fields=fields,
        palette=risk_palette(project),
        thresholds=thresholds(class_bounds(results, hazard), codes, ".3f"),
        boundary=level == "county", unit_word=text("word_units", project.language),
        search="name" if level == "village" else None)


def town_names(unit_ids: pd.Series, loaded: Loaded) -> pd.Series:
    """Return the name of the town that each unit lies in, NaN where it lies in none."""
    units = loaded.tables["units"]
    return unit_ids.map(ancestors(units, "town")).map(units["name"])


def coverage_layer(loaded: Loaded, results: Results, level: str, project: Project) -> LayerSpec:
    """Return the coverage grades of the units of one level."""
    frame = of_level(loaded, level)
    limit = f"{project.coverage.map_threshold_m:.0f}"
    table = results.coverage[level].loc[frame.index]
    column = f"covered_share_{limit}m"
    codes = palette("coverage").codes
    shares = thresholds((*grade_shares(), 1.0), codes, ".0%")
    frame = frame.assign(**{column: (100 * table[column]).round(1), "persons": table["persons"],
                            "shelters": table["shelters"]})
    return LayerSpec(
        name=f"{level}_coverage", title=text(f"layer_{level}_coverage", project.language),
        kind="choropleth", frame=frame, palette="coverage",
        classes=ordered(table["coverage_grade"].astype("str"), codes), thresholds=shares,
        fields={"name": text("head_name", project.language),
                column: text("head_covered_share", project.language, limit=limit) + " %",
                "persons": text("head_persons", project.language),
                "shelters": text("head_shelters", project.language)},
        boundary=level == "county", unit_word=text("word_units", project.language))


def _shelter_layer(loaded: Loaded, project: Project) -> LayerSpec:
    shelters = publish.layer(loaded.layers["shelters"], "shelters", project)
    fields = ("name", "capacity_persons", "effective_capacity_persons", "hazards_served",
              "status")
    words = {c: schema("shelters").heading(c, project.language) for c in fields if c in shelters}
    words["town"] = text("web_town", project.language)
    return LayerSpec(
        name="shelters", title=text("layer_shelters", project.language), kind="points",
        frame=shelters.assign(town=town_names(shelters["unit_id"], loaded)),
        classes=ordered(shelters["tier"], palette("tier").codes), palette="tier", fields=words,
        search="name", unit_word=text("word_shelters", project.language))


def county_table(results: Results, loaded: Loaded, project: Project, hazard: str | None = None
                 ) -> pd.DataFrame:
    """Return the county table in official order, units outside the statistics last."""
    frame = risk_table(results, "county", hazard).loc[official_order(loaded)]
    language = project.language
    return pd.DataFrame({
        text("head_name", language): frame["name"],
        text("head_risk_index" if hazard is None else "head_index_short", language): frame[
            "risk_index"].map(
            "{:.3f}".format, na_action="ignore"),
        text("head_persons_wan", language): (frame["persons"] / 1e4).map(
            "{:.1f}".format, na_action="ignore"),
        text("head_red_short", language): frame["red_area_share"].map(
            "{:.0%}".format, na_action="ignore"),
        text("head_risk_class", language): frame["risk_class"].astype("str"),
    })


def official_order(loaded: Loaded) -> pd.Index:
    """Return the counties in official order, those outside the statistics last."""
    units = loaded.tables["units"]
    county = units[units["level"] == "county"]
    inside = county["in_statistics"].astype(bool)
    return county.index[inside].append(county.index[~inside])


def _shelter_table(loaded: Loaded, project: Project) -> pd.DataFrame:
    """Return the number of shelters by county and tier, in official order."""
    language, units = project.language, loaded.tables["units"]
    shelters = loaded.layers["shelters"].set_index("unit_id")
    codes = palette("tier").codes[::-1]
    one = pd.DataFrame({code: (shelters["tier"] == code).astype(float) for code in codes})
    counts = roll_up(one.assign(total=1.0), units, to="county").loc[official_order(loaded)]
    inside = units.loc[counts.index, "in_statistics"].astype(bool)
    counts[inside] = counts[inside].fillna(0.0)
    names = units["name"].loc[counts.index]
    counts.loc["total"], names["total"] = counts.sum(), text("tier_total", language)
    table = pd.DataFrame({text("head_name", language): names})
    for column in counts:
        table[text(f"tier_{column}", language)] = counts[column].map(
            "{:,.0f}".format, na_action="ignore")
    return table


def coverage_table(results: Results, loaded: Loaded, project: Project) -> pd.DataFrame:
    """Return the table printed beside the map of coverage: shelters, share, grade by county."""
    frame = results.coverage["county"].loc[official_order(loaded)]
    language = project.language
    limit = f"{project.coverage.map_threshold_m:.0f}"
    return pd.DataFrame({
        text("head_name", language): frame["name"],
        text("head_shelters", language): frame["shelters"].map(
            "{:,.0f}".format, na_action="ignore"),
        text("head_share_short", language, limit=limit): frame[f"covered_share_{limit}m"].map(
            "{:.1%}".format, na_action="ignore"),
        text("head_coverage_grade", language): frame["coverage_grade"].astype("str"),
    })


def static_specs(project: Project, loaded: Loaded, results: Results, run_id: str
                 ) -> list[MapSpec]:
    """Return the static maps of a run, in the order of their numbers."""
    language, city = project.language, project.word("title")
    common = common_parts(project, loaded, run_id)
    lines = boundary_lines(loaded, language)
    county_line, city_line = lines
    counties = text("subtitle_county", language)
    packs = {**common, "rule_pack": rule_pack(*RISK_PACKS)}
    risk_title = text("map_risk", language, city=city)
    village_note = text("note_synthetic_units", language)
    risk_table = {"table": county_table(results, loaded, project),
                  "class_column": text("head_risk_class", language),
                  "table_palette": risk_palette(project), "table_title": counties}
    return [
        MapSpec(name="02_shelters", title=text("map_shelters", language, city=city),
                layers=(*outside_layer(loaded, language), *lines, _shelter_layer(loaded, project)),
                focus="city", table=_shelter_table(loaded, project), table_title=counties,
                notes=no_data_notes(project), **{**common, "rule_pack": ""}),
        coverage_spec(project, loaded, results, run_id),
        MapSpec(name="07_risk_county", title=risk_title, subtitle=counties,
                layers=(risk_layer(loaded, results, "county", project), county_line, city_line),
                notes=(*class_notes(results, "county", project), *no_data_notes(project)),
                **risk_table, **packs),
        MapSpec(name="07_risk_village", title=risk_title,
                subtitle=text("subtitle_village", language),
                layers=(risk_layer(loaded, results, "village", project), county_line, city_line),
                notes=(*class_notes(results, "village", project), village_note,
                       *no_data_notes(project)), focus="city", **risk_table, **packs),
    ]


def coverage_spec(project: Project, loaded: Loaded, results: Results, run_id: str) -> MapSpec:
    """Return the map of all residents within reach, by county: a stress test."""
    language, city = project.language, project.word("title")
    limit = f"{project.coverage.map_threshold_m:.0f}"
    low, middle, high = grade_shares()
    counties = text("subtitle_county", language)
    return MapSpec(
        name="04_coverage", title=text("map_coverage", language, city=city, limit=limit),
        subtitle=counties,
        layers=(coverage_layer(loaded, results, "county", project),
                *boundary_lines(loaded, language)),
        table=coverage_table(results, loaded, project), table_palette="coverage",
        class_column=text("head_coverage_grade", language), table_title=counties,
        notes=(text("note_stress", language), text("note_straight", language),
               text("note_grades", language, low=low, middle=middle, high=high),
               *no_data_notes(project)),
        **{**common_parts(project, loaded, run_id), "rule_pack": rule_pack("coverage")})


def overview_spec(project: Project, loaded: Loaded, results: Results, run_id: str) -> MapSpec:
    """Return the interactive map of a run: village risk, town coverage, shelters, lines."""
    language = project.language
    towns = coverage_layer(loaded, results, "town", project)
    return MapSpec(
        name="overview", title=text("map_overview", language, city=project.word("title")),
        layers=(risk_layer(loaded, results, "village", project), towns.hidden(),
                *boundary_lines(loaded, language), _shelter_layer(loaded, project)),
        notes=(text("note_straight", language), text("note_synthetic_units", language),
               *class_notes(results, "village", project), *no_data_notes(project)),
        focus="city",
        **{**common_parts(project, loaded, run_id), "rule_pack": rule_pack(*RISK_PACKS)})

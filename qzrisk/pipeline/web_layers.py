"""Layers that only the interactive pages have: relief, roads, dated records, words for codes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import shapely

from qzrisk.layers.schema import schema
from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec
from qzrisk.pipeline import coverage_sheets, publish, specs
from qzrisk.pipeline.cases import Case
from qzrisk.pipeline.load import Loaded
from qzrisk.project import Project
from qzrisk.text import table, text
from qzrisk.units import ancestors

TERRAIN = "terrain"
"""Raster of heights, in metres, where a project has one."""

MAIN_ROADS = ("motorway", "national", "provincial")
CODE_COLUMNS = ("hazards_served", "status", "state", "stage", "form", "sector", "hazard_kind",
                "cover_type", "kind", "size", "tier")
"""Columns of codes that popups show in words."""

_UNIT = re.compile(r"(.+) \(([^()]+)\)")
_STAGES: Mapping[str, str] = {"list": "list", "survey": "survey"}


def ground(project: Project, loaded: Loaded, *, show: bool = False) -> tuple[LayerSpec, ...]:
    """Return shaded relief and main roads, those that the project has."""
    made, language = [], project.language
    heights = loaded.rasters.get(TERRAIN)
    if heights is not None:
        made.append(LayerSpec(
            name="relief", title=text("web_layer_relief", language), kind="raster",
            raster=heights, relief=heights, style="shade", show=show))
    roads = loaded.layers.get("roads")
    if roads is not None and "class" in roads:
        main = roads[roads["class"].isin(MAIN_ROADS)]
        words = {"name": text("head_name", language)} if "name" in main else {}
        if len(main):
            made.append(LayerSpec(
                name="roads", title=text("web_layer_roads", language), kind="lines",
                frame=main[[*words, "geometry"]], style="road", fields=words, show=show))
    return tuple(made)


def outside(loaded: Loaded, language: str, *, joined: tuple[str, ...] = (), show: bool = False
            ) -> tuple[LayerSpec, ...]:
    """Return the hatched counties outside the statistics, drawn with `joined` where given."""
    return tuple(replace(layer, joined=joined, show=show or not joined)
                 for layer in specs.outside_layer(loaded, language))


def calm(loaded: Loaded, made: Case, project: Project, joined: tuple[str, ...], *,
         show: bool = False) -> tuple[LayerSpec, ...]:
    """Return the towns with nobody to be moved, drawn with the layers of the case."""
    frame = specs.of_level(loaded, "town")
    frame = frame[made.tables["town"]["at_risk_persons"].reindex(frame.index) == 0]
    if frame.empty:
        return ()
    title = text("web_layer_calm", project.language, count=len(frame))
    return (LayerSpec(
        name=f"{made.hazard}_nobody", title=title, kind="choropleth", style="unit", boundary=False,
        frame=frame[["name", "geometry"]], joined=joined, show=show,
        fields={"name": text("head_name", project.language)}),)


def shelter_use(loaded: Loaded, made: Case, project: Project) -> LayerSpec:
    """Return every shelter by whether it counts for a hazard, and why not."""
    language, shelters = project.language, loaded.layers["shelters"]
    places = publish.layer(shelters, "shelters", project).geometry
    frame = coverage_sheets.judged_frame(made, shelters, project)
    code = frame["excluded"].astype("str").where(frame["serves"], "not_serving")
    code = code.where(~frame["counts"], "counts")
    unsafe = frame["unsafe"].map(
        lambda reason: text(f"unsafe_{reason}", language), na_action="ignore").fillna(
        text("web_no_reason", language))
    shown = frame.assign(unsafe=unsafe, town=specs.town_names(frame["unit_id"], loaded))
    columns = [c for c in ("name", "town", "tier", "places", "unsafe", "assigned_persons",
                           "places_left") if c in shown]
    heads = coverage_sheets.headings(shown[[c for c in columns if c != "town"]], language)
    heads["town"] = text("web_town", language)
    word = coverage_sheets.hazard_word(made.hazard, project)
    return LayerSpec(
        name=f"{made.hazard}_use", title=text("web_layer_use", language, hazard=word),
        kind="points", palette="shelter_use", search="name",
        frame=gpd.GeoDataFrame(shown[columns], geometry=places.reindex(shown.index)),
        classes=ordered(code, palette("shelter_use").codes),
        fields={c: heads[c] for c in columns},
        unit_word=text("word_shelters", language))


def unit_places(loaded: Loaded) -> gpd.GeoSeries:
    """Return a point inside every unit, those of reporting units inside the villages they hold."""
    boundaries, units = loaded.layers["boundaries"], loaded.tables["units"]
    level = units["level"].reindex(boundaries.index)
    points = boundaries.geometry.representative_point()
    villages = boundaries.geometry[level == "village"]
    home = villages.index.to_series().map(ancestors(units, "reporting"))
    missing = home[home.notna() & ~home.isin(points.index)]
    parts = {code: shapely.point_on_surface(shapely.union_all(villages[rows.index].to_numpy()))
             for code, rows in missing.groupby(missing)}
    return pd.concat([points, gpd.GeoSeries(parts, crs=boundaries.crs)])


def ledger(loaded: Loaded, project: Project) -> tuple[LayerSpec, ...]:
    """Return the ledger of hidden dangers at its units: registered, and closed, by date."""
    language, rows = project.language, loaded.tables["hidden_dangers"]
    places, names = unit_places(loaded), loaded.tables["units"]["name"]
    kind = schema("hidden_dangers")
    internal = project.audience == "internal"
    columns = ["unit", "sector", "grade", "found_on", "due_on", "closed_on",
               *(("description",) if internal else ())]
    frame = gpd.GeoDataFrame(rows.assign(unit=rows["unit_id"].map(names)),
                             geometry=places.reindex(rows["unit_id"]).to_numpy(), crs=places.crs)
    kept = [column for column in columns if column in frame]
    heads = {c: text("web_unit", language) if c == "unit" else kind.heading(c, language)
             for c in kept}
    frame = frame.assign(danger_id=frame.index)[[
        *kept, "state", *(["danger_id"] if internal else []), "geometry"]]
    found = _dated("ledger_found", "web_layer_found", ended(frame, language), "state",
                   "danger_state", "found_on", heads, project)
    made = [replace(found, search="danger_id" if internal else None)]
    if "closed_on" in frame and frame["closed_on"].notna().any() and "grade" in frame:
        closed = frame[frame["closed_on"].notna()]
        made.append(_dated("ledger_closed", "web_layer_mended", closed, "grade", "danger_grade",
                           "closed_on", heads, project).hidden())
    return tuple(made)


def _dated(name: str, title: str, frame: gpd.GeoDataFrame, column: str, product: str, when: str,
           heads: Mapping[str, str], project: Project) -> LayerSpec:
    return LayerSpec(
        name=name, title=text(title, project.language), kind="points",
        frame=worded(frame, project.language, keep=(column,)), palette=product,
        when=when if when in frame else None,
        classes=ordered(frame[column], palette(product).codes), fields=heads,
        unit_word=text("web_word_records", project.language))


def census_records(loaded: Loaded, project: Project) -> LayerSpec:
    """Return the census records at their villages, by stage and date."""
    language, rows = project.language, loaded.tables["survey"]
    places, units = unit_places(loaded), loaded.tables["units"]
    kind = schema("survey")
    frame = gpd.GeoDataFrame(
        rows.assign(unit=rows["unit_id"].map(units["name"]),
                    town=specs.town_names(rows["unit_id"], loaded)),
        geometry=places.reindex(rows["unit_id"]).to_numpy(), crs=places.crs)
    stage = frame["stage"].map(lambda code: _STAGES.get(code, "check"), na_action="ignore")
    columns = [c for c in ("form", "stage", "surveyed_on", "submitted_on", "indicators",
                           "indicator_errors") if c in frame]
    heads = {"unit": text("head_name", language), "town": text("web_town", language),
             **{c: kind.heading(c, language) for c in columns}}
    return LayerSpec(
        name="records", title=text("web_layer_records", language), kind="points",
        frame=worded(frame[[*heads, "geometry"]], language), palette="census_stage",
        classes=ordered(stage, palette("census_stage").codes), fields=heads,
        when="surveyed_on" if "surveyed_on" in frame else None,
        unit_word=text("web_word_records", language))


def unplaced(layer: LayerSpec) -> int:
    """Return how many features of a layer have no place."""
    assert layer.frame is not None
    return int(layer.frame.geometry.isna().sum())


def worded(frame: gpd.GeoDataFrame, language: str, *, keep: tuple[str, ...] = (),
           prefix: str = "") -> gpd.GeoDataFrame:
    """Return a frame whose columns of codes hold words; `keep` columns stay codes."""
    columns = [c for c in CODE_COLUMNS if c in frame and c not in keep]
    return frame.assign(**{c: frame[c].map(
        lambda value, c=c: "、".join(_word(code, c, language, prefix)
                                    for code in str(value).split(";")),
        na_action="ignore") for c in columns})


def _word(code: str, column: str, language: str, prefix: str) -> str:
    """Return the words of a code, or the code itself where nobody has given it any."""
    stems = (f"web_{prefix}_{code}", f"web_{column}_{code}", f"hazard_{code}", f"tier_{code}",
             f"themes_code_{code}")
    return next((text(key, language) for key in stems if key in table()), code)


def ended(frame: gpd.GeoDataFrame, language: str) -> gpd.GeoDataFrame:
    """Return a frame in which what is not closed yet says so in place of a date."""
    if "closed_on" not in frame:
        return frame
    day = frame["closed_on"].dt.strftime("%Y-%m-%d").astype("object")
    return frame.assign(closed_on=day.where(frame["closed_on"].notna(),
                                            text("web_not_closed", language)))


def sentence(words: str, language: str, *, stop: bool = False) -> str:
    """Return words with a capital where the language has them, with a full stop if asked."""
    begun = words[:1].upper() + words[1:] if language == "en" else words
    if not stop:
        return begun
    return begun.rstrip(".。；; ") + ("." if language == "en" else "。")


def _unit_words(heading: str, language: str) -> str:
    """Return a heading of the data dictionary with its unit in the language."""
    found = _UNIT.fullmatch(heading)
    if found is None or language != "zh":
        return heading
    unit = text(key, language) if (key := f"web_unit_{found[2]}") in table() else found[2]
    return f"{found[1]}（{unit}）"


def in_words(layer: LayerSpec, language: str) -> LayerSpec:
    """Return a layer whose title and popups are words, also where its frame holds codes."""
    layer = replace(layer, title=sentence(layer.title, language), fields={
        column: _unit_words(head, language) for column, head in layer.fields.items()})
    if layer.frame is None or not set(CODE_COLUMNS) & set(layer.fields):
        return layer
    prefix = "shelter" if layer.name == "shelters" else ""
    return replace(layer, frame=worded(layer.frame, language, prefix=prefix))

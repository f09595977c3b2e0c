"""The maps of the thematic layers, skipped where a project lacks the layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.analysis import classify
from qzrisk.layers.schema import schema
from qzrisk.levels import ordered, palette
from qzrisk.maps import audience
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.pipeline import publish, specs
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import counts, fire
from qzrisk.pipeline.themes.sheets import assumptions, unit_names
from qzrisk.project import Project
from qzrisk.text import text

Common = Mapping[str, Any]

PROGRESS_BOUNDS = (0.5, 0.8, 1.0)
"""Shares of the records due at which census progress changes its class; a cartographic choice."""

CYCLONE_BOUNDS_M_S = (17.2, 24.5, 32.7, 41.5, 51.0)
"""Least wind of each grade above tropical depression, GB/T 19201-2006, m/s."""

APART_M = 2500.0
"""Distance of a line's name from other lines and names, metres: 2 mm at 1:1,300,000."""

NEAREST = 10
"""Typhoons printed in the table of the map of tracks."""


def map_specs(project: Project, loaded: Loaded, common: Common, *,
              only: tuple[str, ...] | None = None) -> list[MapSpec]:
    """Return the maps of the thematic layers, in the order of their numbers.

    Parameters
    ----------
    project : language, audience, date of the data
    loaded : layers and tables
    common : what all maps of a run share, see `specs.common_parts`; its audience rules
    only : layers whose maps are wanted, or None for all

    Returns
    -------
    list of MapSpec
        Those of the layers that the project has.
    """
    made = []
    for needs, build in _MAPS:
        if only is not None and needs[0] not in only:
            continue
        held = [loaded.layers.get(name, loaded.tables.get(name)) for name in needs]
        if all(frame is not None and len(frame) for frame in held):
            made.append(build(project, loaded, common))
    return made


def compose(name: str, key: str, project: Project, loaded: Loaded, common: Common, *,
            below: tuple[LayerSpec, ...] = (), above: tuple[LayerSpec, ...] = (),
            table: pd.DataFrame | None = None, notes: tuple[str, ...] = (),
            subtitle: str = "", named_above: bool = False, packs: tuple[str, ...] = ()
            ) -> MapSpec:
    """Return a map: hatched counties, fills, boundaries, then points and lines on top.

    `named_above`: the layers above carry the names of the counties in the statistics, so that no
    name hides their symbols. `packs` are the rule packs whose values the map shows.
    """
    language = project.language
    county_line, city_line = specs.boundary_lines(loaded, language)
    if named_above:
        frame = specs.of_level(loaded, "county")
        inside = frame["in_statistics"].astype(bool)
        county_line = replace(county_line, frame=frame.assign(name=frame["name"].mask(inside, "")))
    counties = text("subtitle_county", language)
    parts: dict[str, Any] = {"table": table, "table_title": counties}
    told = {**common, "rule_pack": specs.rule_pack(*packs)}
    return MapSpec(
        name=name, title=text(f"themes_map_{key}", language, city=project.word("title")),
        subtitle=subtitle, focus="city",
        layers=(*specs.outside_layer(loaded, language), *below,
                county_line, city_line, *above),
        notes=(*notes, *specs.no_data_notes(project)), **{**parts, **told})


def printed(frame: pd.DataFrame, columns: Mapping[str, str], loaded: Loaded, project: Project
           ) -> pd.DataFrame:
    """Return a printed table: names in official order, then each column by its number format."""
    language = project.language
    names = unit_names(frame.index.to_series(), loaded.tables["units"], language)
    shown = {text("head_name", language): names}
    for column, pattern in columns.items():
        shown[text(f"themes_short_{column}", language)] = frame[column].map(
            f"{{:{pattern}}}".format, na_action="ignore")
    return pd.DataFrame(shown)


def _shown(layer: str, project: Project, loaded: Loaded, common: Common) -> gpd.GeoDataFrame:
    """Return the records of a layer that the audience of the maps may see as points."""
    return publish.layer(loaded.layers[layer], layer, project.with_(audience=common["audience"]))


def _public(common: Common) -> bool:
    return bool(common["audience"] == "public")


def _rounded_note(project: Project, common: Common) -> tuple[str, ...]:
    if not _public(common):
        return ()
    return (text("themes_note_rounded", project.language, step=project.public_step_deg),)


def classed(name: str, frame: gpd.GeoDataFrame, column: str, product: str, project: Project, *,
            fields: tuple[str, ...] = (), layer: str = "", unit_word: str = "count",
            boundary: bool = True, style: str = "") -> LayerSpec:
    """Return points or areas in the colours of a product."""
    language = project.language
    values = frame[column] if column in frame else pd.Series(None, index=frame.index, dtype="str")
    areal = frame.geometry.geom_type.isin(("Polygon", "MultiPolygon")).any()
    kind = schema(layer or name)
    # Only what a popup shows travels with the map.
    kept = frame[[*(c for c in fields if c in frame), frame.geometry.name]]
    return LayerSpec(
        name=name, title=text(f"themes_layer_{name}", language), frame=kept, palette=product,
        kind="choropleth" if areal else "points", boundary=boundary, style=style,
        classes=ordered(values.astype("str"), palette(product).codes),
        fields={c: kind.heading(c, language) for c in fields if c in frame},
        unit_word=text(f"themes_word_{unit_word}", language))


def _by_town(name: str, frame: pd.DataFrame, loaded: Loaded, project: Project, *,
             unit_word: str, style: str = "graduated") -> tuple[LayerSpec | None, int]:
    """Return circles at the towns by the number of records, and how many belong to no town."""
    number = audience.town_counts(frame, loaded.tables["units"])["count"]
    towns = specs.of_level(loaded, "town")
    number = number[number.index.isin(towns.index)]
    unplaced = len(frame) - int(number.sum())
    if number.empty:
        return None, unplaced
    shapes = towns.loc[number.index].assign(count=number)
    word = text(f"themes_word_{unit_word}", project.language)
    title = text(f"themes_layer_{name}", project.language)
    return LayerSpec(
        name=name, title=title, kind="graduated", frame=shapes, size=number.astype(float),
        size_unit=word, style=style, unit_word=word,
        fields={"name": text("head_name", project.language), "count": title}), unplaced


def _counted(name: str, frame: pd.DataFrame, loaded: Loaded, project: Project, *, unit_word: str,
             style: str = "graduated") -> tuple[tuple[LayerSpec, ...], tuple[str, ...]]:
    """Return the layer of counts by town, none if nothing is placed, and its notes."""
    layer, unplaced = _by_town(name, frame, loaded, project, unit_word=unit_word, style=style)
    notes = [text(f"themes_note_{name}", project.language)]
    if unplaced:
        notes.append(text("themes_note_unplaced", project.language, count=unplaced))
    return ((layer,) if layer else ()), tuple(notes)


def _forest(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    zones = loaded.layers["forest_zones"]
    table = counts.forest(zones, loaded.tables["units"]).rename(
        columns=lambda column: column.removeprefix("area_ha_"))
    codes = [code for code in palette("forest_danger").codes[::-1] if code in table]
    fires = _fires(loaded, project, common)
    return compose(
        "10_forest_zones", "forest_zones", project, loaded, common, packs=("forest_fire",),
        below=(classed("zones", zones, "danger_class", "forest_danger", project,
                        fields=("zone_id", "cover_type"), layer="forest_zones", boundary=False),),
        above=fires, table=printed(table, dict.fromkeys(codes, ",.0f"), loaded, project),
        notes=(text("themes_note_forest", project.language), *_near_notes(project, loaded),
               *(_rounded_note(project, common) if fires else ())),
        subtitle=text("themes_sub_fires", project.language) if fires else "")


def _near_notes(project: Project, loaded: Loaded) -> tuple[str, ...]:
    if not {"demand", "shelters"} <= set(loaded.layers):
        return ()
    total = fire.near(loaded).loc[counts.TOTAL]
    return (text("themes_note_near", project.language, limit=f"{fire.near_m():g}",
                 **{name: f"{total[f'{name}_near']:,.0f}"
                    for name in ("persons", "villages", "shelters")}),)


def _fires(loaded: Loaded, project: Project, common: Common) -> tuple[LayerSpec, ...]:
    if "incidents" not in loaded.layers:
        return ()
    frame = _shown("incidents", project, loaded, common)
    frame = frame[frame["kind"] == "forest_fire"]
    if frame.empty:
        return ()
    return (classed("fires", frame, "level", "fire_size", project, layer="incidents",
                     fields=("occurred_on", "burnt_area_m2"), unit_word="times"),)


def apart(lines: gpd.GeoSeries, around: gpd.GeoSeries | None = None) -> gpd.GeoSeries:
    """Return where the name of each line stands: not where it is taken for that of its neighbour.

    The point nearest the middle that lies `APART_M` from all other lines and from `around`, else
    the one that lies farthest from them.
    """
    shares = sorted(np.arange(3, 18) / 20, key=lambda share: (abs(share - 0.5), share))
    symbols = [] if around is None else list(around)
    found = []
    for rank, line in enumerate(lines):
        others = [*lines.iloc[:rank], *lines.iloc[rank + 1:], *symbols]
        places = shapely.line_interpolate_point(line, shares, normalized=True)
        away = shapely.distance(places, shapely.union_all(others)) if others else np.zeros(1)
        found.append(places[int(np.argmax(np.minimum(away, APART_M)))])
    return gpd.GeoSeries(found, index=lines.index, crs=lines.crs)


def _railway_lines(loaded: Loaded, project: Project, around: gpd.GeoSeries | None = None
                   ) -> tuple[LayerSpec, ...]:
    """Return the lines, those not yet open at the date of the data apart, and their names."""
    lines = loaded.layers.get("railways")
    if lines is None or lines.empty:
        return ()
    language = project.language
    codes = lines["line_type"].astype("str")
    if "opened_on" in lines:
        codes = codes.mask(lines["opened_on"] > pd.Timestamp(project.as_of), "unopened")
    shown = "name_en" if language == "en" and "name_en" in lines else "name"
    names = lines[[shown, "geometry"]].set_geometry(apart(lines.geometry, around))
    return (
        LayerSpec(name="railways", title=text("themes_layer_railways", language), kind="lines",
                  frame=lines, palette="railway_line", style="main_road",
                  classes=ordered(codes, palette("railway_line").codes),
                  fields={shown: text("themes_line_name", language)}),
        LayerSpec(name="line_names", title=text("themes_layer_line_names", language),
                  kind="points", frame=names, style="town_name", label=shown),
    )


def _railway(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    points = loaded.layers["railway_points"]
    table = counts.railway_counties(points, loaded.tables["units"])
    if _public(common):
        above, notes = _counted("point_counts", points, loaded, project, unit_word="count",
                                style="team")
        named = [specs.of_level(loaded, "county").representative_point(),
                 *(layer.frame.centroid for layer in above if layer.frame is not None)]
        lines = _railway_lines(loaded, project, pd.concat(named))
        above = (*above, *lines)  # circles would hide the line
    else:
        lines = _railway_lines(loaded, project)
        above, notes = (*lines, classed("points", points, "level", "railway_point", project,
                                 layer="railway_points",
                                 fields=("point_id", "chainage", "hazard_kind", "status")),), ()
    schematic = (text("themes_note_schematic", project.language),) if lines else ()
    return compose(
        "11_railway_points", "railway_points", project, loaded, common, above=above,
        table=printed(table, {"points": ",.0f", "closed": ",.0f", "closure_rate": ".1%"}, loaded,
                     project),
        notes=(*schematic, *assumptions(loaded, project), *notes),
        subtitle=text("themes_sub_schematic", project.language) if lines else "")


def _teams(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    teams = loaded.layers["teams"]
    if _public(common):
        above, notes = _counted("team_counts", teams, loaded, project, unit_word="teams")
    else:
        above, notes = (classed("teams", teams, "kind", "team_kind", project,
                                 fields=("name", "members", "turnout_min", "phone"),
                                 unit_word="teams"),), ()
    table = counts.teams(teams, loaded.tables["units"])
    return compose(
        "12_teams", "teams", project, loaded, common, above=above, notes=notes,
        table=printed(table, {"teams": ",.0f", "members": ",.0f"}, loaded, project))


def _hidden_dangers(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    language = project.language
    table = counts.hidden_dangers(loaded.tables["hidden_danger_counts"], loaded.tables["units"],
                                  level="county")
    county = specs.of_level(loaded, "county")
    county = county[county["in_statistics"].astype(bool)]
    mine = table.loc[county.index]
    rate = (1e4 * mine["open"] / mine["found"].where(mine["found"] > 0)).rename("open_rate")
    frame = county.assign(**mine[["found", "closed", "open"]], open_rate=rate.round(1))
    heads = {"name": text("head_name", language),
             **{c: text(f"themes_{c}", language) for c in ("found", "closed", "open")}}
    shades = _open_shades(frame, rate, heads, language)
    circles = LayerSpec(
        name="open", title=text("themes_layer_open", language), kind="graduated", frame=frame,
        size=mine["open"], size_unit=text("themes_word_count", language), fields=heads,
        style="team", label="name")
    return compose(
        "14_hidden_dangers", "hidden_dangers", project, loaded, common, below=shades,
        above=(circles,), named_above=True,
        table=printed(table, {"found": ",.0f", "open": ",.0f", "closure_rate": ".2%"}, loaded,
                     project),
        notes=(text("themes_note_dangers", language),
               *((text("themes_note_open_rate", language),) if shades else ())))


def _open_shades(frame: gpd.GeoDataFrame, rate: pd.Series, heads: Mapping[str, str],
                 language: str) -> tuple[LayerSpec, ...]:
    """Return counties by open dangers per 10,000 found; none where too few values differ."""
    codes = palette("danger_open").codes
    if rate.round(9).nunique() < len(codes):
        return ()
    bounds = classify.class_bounds(rate, scheme="natural_breaks", k=len(codes))
    rank = np.searchsorted(bounds, rate.to_numpy(), side="left").clip(max=len(codes) - 1)
    named = pd.Series(np.array(codes, dtype=object)[rank], index=rate.index).where(rate.notna())
    return (LayerSpec(
        name="open_rate", title=text("themes_layer_open_rate", language), kind="choropleth",
        frame=frame, palette="danger_open", classes=ordered(named, codes), fields=heads,
        thresholds=specs.thresholds(tuple(float(b) for b in bounds), codes, ".1f"),
        unit_word=text("word_units", language)),)


def _communities(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    frame = _shown("communities", project, loaded, common)
    table = counts.communities(loaded.layers["communities"], loaded.tables["units"])
    return compose(
        "15_communities", "communities", project, loaded, common,
        above=(classed("communities", frame, "kind", "community_kind", project,
                        fields=("name", "awarded_year", "persons")),),
        table=printed(table, {"existing": ",.0f", "new_2021": ",.0f"}, loaded, project),
        notes=(text("themes_note_communities", project.language),
               *_rounded_note(project, common)))


def _census(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    language = project.language
    table = counts.census(loaded.tables["survey"], loaded.tables["survey_targets"],
                          loaded.tables["units"], level="county")
    county = specs.of_level(loaded, "county")
    county = county[county["in_statistics"].astype(bool)]
    rate = table.loc[county.index, "rate"]
    codes = palette("progress").codes
    # Left-closed: whoever has surveyed all that is due is done.
    rank = np.searchsorted(PROGRESS_BOUNDS, rate.to_numpy(), side="right")
    named = pd.Series(np.array(codes, dtype=object)[rank], index=rate.index).where(rate.notna())
    limits = [f"{bound:.0%}" for bound in PROGRESS_BOUNDS]
    intervals = (f"< {limits[0]}", f"{limits[0]} – {limits[1]}", f"{limits[1]} – < {limits[2]}",
                 f"≥ {limits[2]}")
    layer = LayerSpec(
        name="progress", title=text("themes_layer_progress", language), kind="choropleth",
        frame=county.assign(rate=(100 * rate).round(1)), palette="progress",
        classes=ordered(named, codes), thresholds=dict(zip(codes, intervals, strict=True)),
        fields={"name": text("head_name", language), "rate": text("themes_rate", language) + " %"},
        unit_word=text("word_units", language))
    return compose(
        "16_census_progress", "census", project, loaded, common, below=(layer,),
        table=printed(table, {"target": ",.0f", "surveyed": ",.0f", "rate": ".1%"}, loaded,
                     project),
        notes=(text("themes_note_census", language),
               text("themes_note_progress_bounds", language, bounds=", ".join(limits))))


def _hazard_points(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    frame = _shown("hazard_points", project, loaded, common)
    table = counts.hazard_points(loaded.layers["hazard_points"], loaded.tables["units"])
    columns = {"points": ",.0f", "slopes": ",.0f", "threatened_persons": ",.0f"}
    return compose(
        "06_hazard_points", "hazard_points", project, loaded, common,
        above=(classed("hazard_points", frame, "level", "hazard_point", project,
                        fields=("name", "kind", "threatened_persons")),),
        table=printed(table, {c: p for c, p in columns.items() if c in table}, loaded, project),
        notes=_rounded_note(project, common))


def tracks(fixes: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Return the course of each typhoon, its fixes joined in the order of time.

    Typhoons of a single fix have no course and are left out.
    """
    rows = fixes.sort_values(["typhoon_id", "time_beijing"], kind="stable")
    rows = rows[rows.groupby("typhoon_id")["typhoon_id"].transform("size") > 1]
    codes, ids = pd.factorize(rows["typhoon_id"])
    lines = shapely.linestrings(shapely.get_coordinates(rows.geometry.to_numpy()), indices=codes)
    return gpd.GeoSeries(lines, index=pd.Index(ids, name="typhoon_id"), crs=fixes.crs)


def _typhoons(project: Project, loaded: Loaded, common: Common) -> MapSpec:
    """Return the tracks that cross the surroundings of the city."""
    language, table = project.language, loaded.tables["typhoons"]
    left, bottom, right, top = specs.of_level(loaded, "city").total_bounds
    margin = 0.25 * max(right - left, top - bottom)
    ground = (left - margin, bottom - margin, right + margin, top + margin)
    shapes = tracks(loaded.layers["typhoon_fixes"])
    crossing = shapes[shapes.intersects(shapely.box(*ground))].clip_by_rect(*ground)
    known = table.reindex(crossing.index)
    wind = known["nearest_wind_m_s"].where(known["wind_source"] == "wmo_10min")
    codes = palette("cyclone").codes
    rank = np.searchsorted(CYCLONE_BOUNDS_M_S, wind.to_numpy(dtype=float), side="right")
    grade = pd.Series(np.array(codes, dtype=object)[rank.clip(max=len(codes) - 1)],
                      index=wind.index).where(wind.notna())
    frame = gpd.GeoDataFrame(known, geometry=crossing)
    kind = schema("typhoons")
    fields = {c: kind.heading(c, language) for c in ("season", "name", "nearest_wind_m_s")
              if c in frame}
    graded = grade.notna()
    layer = LayerSpec(
        name="tracks", title=text("themes_layer_tracks", language), kind="lines",
        frame=frame[graded], palette="cyclone", style="road",
        classes=ordered(grade[graded].astype("str"), codes), fields=fields,
        unit_word=text("themes_word_tracks", language))
    rest = LayerSpec(
        name="ungraded", kind="lines", frame=frame[~graded], style="road", fields=fields,
        title=text("themes_layer_ungraded", language),
        unit_word=text("themes_word_tracks", language))
    years = table["season"].dropna()
    spec = compose(
        "06_typhoon_tracks", "typhoons", project, loaded, common, above=(rest, layer),
        table=_nearest(table, language),
        notes=(text("themes_note_cyclone", language), text("themes_note_tracks", language)),
        subtitle=text("themes_sub_years", language, first=int(years.min()), last=int(years.max()))
        if len(years) else "")
    return spec.with_(table_title=text("themes_table_typhoons", language,
                                       count=min(NEAREST, len(table))))


def _nearest(table: pd.DataFrame, language: str) -> pd.DataFrame:
    """Return the nearest typhoons, those without a name by their number."""
    rows = table.sort_values("nearest_m", kind="stable").head(NEAREST)
    names = rows["name"].fillna(pd.Series(rows.index.astype(str), index=rows.index))
    one_minute = (rows["wind_source"] == "jtwc_1min").map({True: "*", False: ""})
    return pd.DataFrame({
        text("themes_short_season", language): rows["season"].map("{:.0f}".format),
        text("themes_short_typhoon", language): names + one_minute,
        text("themes_short_nearest_km", language): (rows["nearest_m"] / 1e3).map("{:.0f}".format),
        text("themes_short_wind", language): rows["nearest_wind_m_s"].map(
            "{:.1f}".format, na_action="ignore"),
    })


_MAPS: tuple[tuple[tuple[str, ...], Callable[[Project, Loaded, Common], MapSpec]], ...] = (
    (("hazard_points",), _hazard_points),
    (("typhoons", "typhoon_fixes"), _typhoons),
    (("forest_zones",), _forest),
    (("railway_points",), _railway),
    (("teams",), _teams),
    (("hidden_danger_counts",), _hidden_dangers),
    (("communities",), _communities),
    (("survey", "survey_targets"), _census),
)
"""Layers without which a map is skipped, and its maker; in the order of the series."""

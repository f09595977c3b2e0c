"""The numbered series of maps that `qzrisk run` prints, and map 1: the units themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec, MapSpec, Page
from qzrisk.pipeline import coverage_maps, specs, themes
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.risk import maps as risk_maps
from qzrisk.pipeline.themes import counts
from qzrisk.pipeline.themes.maps import compose, printed
from qzrisk.project import Project
from qzrisk.text import text
from qzrisk.units import ancestors, in_statistics, members, roll_up

CORE_SHARE = 0.17
"""Side of the dense core drawn again as an inset, as a share of the longer side of the city."""

CROWD = 60
"""Units of a layer from which a map of towns or villages gets the inset."""

TINTS = 5
"""Tints of the map of towns: no two neighbours alike."""

WAN, KM2 = 1e4, 1e6


def pages(project: Project, loaded: Loaded, results: Results, run_id: str, *,
          official: pd.DataFrame | None = None, reconciled: pd.DataFrame | None = None
          ) -> list[MapSpec | Page]:
    """Return every static map of a run in the order of their numbers.

    Parameters
    ----------
    project, loaded, results, run_id : what the maps say
    official, reconciled : published figures and their comparison with the data, if there are any

    Returns
    -------
    list of MapSpec and Page
        Maps whose layers the project lacks are left out.
    """
    common = specs.common_parts(project, loaded, run_id)
    made: list[MapSpec | Page] = [
        *unit_specs(project, loaded, results, common),
        *specs.static_specs(project, loaded, results, run_id),
        *(page for case in results.cases.values() if case.plan is not None
          for page in coverage_maps.pages(project, loaded, case, run_id)),
        *risk_maps.pages(project, loaded, results, run_id),
        *themes.map_specs(project, loaded, common)]
    if official is not None and reconciled is not None and len(official):
        made += themes.official_specs(project, loaded, common, official, reconciled)
    core = urban_core(loaded)
    made = [with_core(page, loaded, core) if isinstance(page, MapSpec) else page for page in made]
    return sorted(made, key=lambda page: name_of(page).partition("_")[0])


def name_of(page: MapSpec | Page) -> str:
    """Return the file stem of a page."""
    return page.name if isinstance(page, MapSpec) else page.key


# the dense core


def urban_core(loaded: Loaded) -> tuple[float, float, float, float] | None:
    """Return the square in which most towns lie, metres; None in a city of few towns.

    Notes
    -----
    Of the squares around each town's inner point, side `CORE_SHARE` of the longer side of the city,
    the one with the most inner points, moved to their middle; the first one of equals.
    """
    towns = specs.of_level(loaded, "town")
    towns = towns[~towns.geometry.isna() & ~towns.geometry.is_empty]
    if len(towns) < CROWD:
        return None
    xy = shapely.get_coordinates(shapely.point_on_surface(towns.geometry.to_numpy()))
    left, bottom, right, top = towns.total_bounds
    half = CORE_SHARE * max(right - left, top - bottom) / 2
    near = (np.abs(xy[:, None, :] - xy[None, :, :]) <= half).all(axis=2)
    inside = xy[near[int(np.argmax(near.sum(axis=1)))]]
    x, y = (inside.min(axis=0) + inside.max(axis=0)) / 2
    return float(x - half), float(y - half), float(x + half), float(y + half)


def with_core(spec: MapSpec, loaded: Loaded, core: tuple[float, float, float, float] | None
              ) -> MapSpec:
    """Return a map of towns or villages with the dense core as an inset, any other as it is."""
    units = loaded.tables["units"]
    small = units.index[units["level"].isin(("town", "village"))]
    crowded = any(layer.kind in ("choropleth", "graduated") and layer.frame is not None
                  and len(layer.frame) >= CROWD and layer.frame.index.isin(small).mean() > 0.9
                  for layer in spec.layers)
    return spec.with_(inset=core) if crowded and core is not None and spec.inset is None else spec


# map 1


def unit_specs(project: Project, loaded: Loaded, results: Results, common: dict[str, Any]
               ) -> list[MapSpec]:
    """Return map 1: the reporting units with their names, and where there are any, the towns."""
    language = project.language
    frame = reporting_units(loaded)
    made = []
    if len(frame):
        parts = frame["part"]
        layer = LayerSpec(
            name="units", title=text("series_layer_units", language), kind="choropleth",
            frame=frame[["name", "geometry"]], palette="unit_part", boundary=False, label="name",
            classes=ordered(parts, palette("unit_part").codes),
            fields={"name": text("head_name", language)},
            unit_word=text("word_units", language))
        divided = (parts != "whole").any()
        spec = compose(
            "01_units", "units", project, loaded, common, below=(layer,), named_above=True,
            table=_unit_table(frame, loaded, results, project),
            subtitle=text("series_sub_units", language, count=len(frame)),
            notes=(*((text("series_note_parts", language),) if divided else ()),
                   text("series_note_area", language)))
        made.append(spec.with_(table_title=text("series_table_units", language)))
    towns = specs.of_level(loaded, "town")
    if len(towns):
        spec = compose(
            "01_units_town", "towns", project, loaded, common,
            below=(*_town_tints(towns), *_names(loaded)), named_above=True,
            subtitle=text("series_sub_towns", language, count=len(towns)),
            notes=(text("series_note_tints", language), text("note_synthetic_units", language)))
        made.append(spec.with_(layers=tuple(
            replace(layer, label=None) if layer.name == "counties" else layer
            for layer in spec.layers)))
    return made


def reporting_units(loaded: Loaded) -> gpd.GeoDataFrame:
    """Return the shapes of the reporting units, in official order.

    Returns
    -------
    GeoDataFrame indexed ``unit_id``: ``name, part``
        A county that is not divided is its own unit (``part`` ``"whole"``). A divided county is put
        together from its towns: its largest part is ``"rest"``, the others are ``"zone"``. Units
        outside the statistics and units without a shape are left out.
    """
    units, towns = loaded.tables["units"], specs.of_level(loaded, "town")
    level = "reporting" if units["reporting_id"].notna().any() else "county"
    ids = members(units, level)
    ids = ids[in_statistics(units).reindex(ids).to_numpy()]
    county = specs.of_level(loaded, "county").geometry
    home = towns.index.map(units["reporting_id"])
    shapes = {unit: county[unit] if unit in county.index
              else towns.geometry[home == unit].union_all() for unit in ids}
    frame = gpd.GeoDataFrame({"name": units["name"].reindex(ids)}, index=ids,
                             geometry=list(shapes.values()), crs=county.crs)
    whole = frame.index.isin(county.index)
    area = frame.area.where(~whole)
    largest = area.groupby(units["parent_id"].reindex(ids)).transform("max")
    frame["part"] = np.where(whole, "whole", np.where(area == largest, "rest", "zone"))
    return frame[~frame.geometry.is_empty].rename_axis("unit_id")


def _town_tints(towns: gpd.GeoDataFrame) -> tuple[LayerSpec, ...]:
    """Return the towns in quiet tints: neighbours tell apart without a line between them."""
    shapes = towns.geometry.to_numpy()
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    chosen = np.full(len(towns), -1)
    for rank in range(len(towns)):
        taken = set(chosen[other[one == rank]])
        chosen[rank] = next((tint for tint in range(TINTS) if tint not in taken), rank % TINTS)
    return tuple(LayerSpec(name=f"tint_{tint}", title="", kind="choropleth", boundary=False,
                           frame=towns.loc[chosen == tint, ["name", "geometry"]],
                           style=f"tint_{tint}")
                 for tint in range(TINTS) if (chosen == tint).any())


def _names(loaded: Loaded) -> tuple[LayerSpec, ...]:
    """Return the names of counties, which are placed first, and of towns."""
    county = specs.of_level(loaded, "county")
    return tuple(LayerSpec(name=f"{level}_names", title="", kind="choropleth", label="name",
                           frame=frame[["name", "geometry"]], style=f"{level}_name")
                 for level, frame in (("county", county), ("town", specs.of_level(loaded, "town"))))


def _unit_table(frame: gpd.GeoDataFrame, loaded: Loaded, results: Results, project: Project
                ) -> pd.DataFrame:
    """Return towns, villages, residents and area of each reporting unit, and of all."""
    units = loaded.tables["units"]
    level = "reporting" if units["reporting_id"].notna().any() else "county"
    boundaries = loaded.layers["boundaries"]
    lowest = boundaries[boundaries["level"] == "village"]
    rows = pd.DataFrame({
        "towns": (units["level"] == "town").astype(float),
        "villages": (units["level"] == "village").astype(float),
        "area_km2": lowest["area_m2"].reindex(units.index).astype(float) / KM2})
    below = units["level"].isin(("town", "village")).to_numpy()
    known = units.index.isin(ancestors(units, level).index)
    table = roll_up(rows[below & known], units, to=level).reindex(frame.index)
    table.insert(2, "wan", results.coverage[level]["persons"].reindex(frame.index) / WAN)
    total = pd.DataFrame([table.sum(min_count=1)], index=[counts.TOTAL])
    return printed(pd.concat([table, total]), {
        "towns": ",.0f", "villages": ",.0f", "wan": ",.1f", "area_km2": ",.0f"}, loaded, project)

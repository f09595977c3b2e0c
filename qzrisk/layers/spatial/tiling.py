"""Shapes that should tile: overlaps, gaps, slivers, unequal vertices along shared borders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.layers.schema import LayerSchema

Say = Callable[..., None]
"""``say(layer, rule, severity, ids, *, values, column, expected, shapes)``."""


def check_shapes(say: Say, name: str, frame: gpd.GeoDataFrame, kind: LayerSchema, *,
                 pack: Mapping[str, Any], land: gpd.GeoSeries | None = None) -> None:
    """Check lines and polygons one by one: repeated vertices, slivers, recorded areas.

    A recorded area may be that of the whole shape or of its land.
    """
    shapes = np.asarray(frame.geometry.array)
    repeated = repeated_vertices(shapes)
    say(name, "duplicate_vertices", "note", frame.index[repeated > 0],
        values=repeated[repeated > 0])
    if kind.geometry != "Polygon":
        return
    area = shapely.area(shapes)
    width = _width_m(shapes)
    thin = width < pack["sliver"]["value"]
    say(name, "sliver", "warning", frame.index[thin], values=[f"{w:.2f}" for w in width[thin]])
    if "area_m2" in frame:
        given = frame["area_m2"].astype("Float64").astype(float).to_numpy()
        with np.errstate(invalid="ignore"):
            differs = np.abs(given - area) > pack["area_share"]["value"] * area
        if land is not None and differs.any():
            dry = np.array([_on(shape, land).area for shape in shapes[differs]])
            differs[differs] = (np.abs(given[differs] - dry)
                                > pack["area_share"]["value"] * dry)
        say(name, "area_differs", "warning", frame.index[differs], column="area_m2",
            values=[f"{a:.0f} / {b:.0f}" for a, b in zip(given[differs], area[differs],
                                                         strict=True)])
    if name != "boundaries":
        _check_overlaps(say, name, frame.geometry, pack)


def repeated_vertices(shapes: np.ndarray) -> np.ndarray:
    """Return how many vertices of each line or polygon equal the one before them.

    Examples
    --------
    >>> repeated_vertices(np.array([shapely.LineString([(0, 0), (1, 0), (1, 0), (2, 0)])]))
    array([1])
    """
    parts, shape = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    line = shapely.get_dimensions(parts) == 1
    paths = np.concatenate([rings, parts[line]])
    owner = np.concatenate([shape[part], shape[line]])
    xy, path = shapely.get_coordinates(paths, return_index=True)
    same = (xy[1:] == xy[:-1]).all(axis=1) & (path[1:] == path[:-1])
    return np.bincount(owner[path[1:][same]], minlength=len(shapes))


def check_coverage(say: Say, boundaries: gpd.GeoDataFrame, *, pack: Mapping[str, Any],
                   land: gpd.GeoSeries | None = None) -> None:
    """Check the units: no overlaps within a level, none beyond its parent, no gaps in a parent.

    Where `land` is known only ground on it can be a gap: units may or may not hold their sea.
    """
    for level in ("county", "town", "village"):
        _check_overlaps(say, "boundaries", boundaries.geometry[boundaries["level"] == level], pack)
    if "parent_id" not in boundaries:
        return
    parent = boundaries["parent_id"]
    for unit, members in boundaries.groupby(parent, sort=True):
        if unit in boundaries.index:
            _check_parent(say, str(unit), boundaries.geometry[unit], members.geometry,
                          least_m2=pack["area"]["value"], land=land)


def _check_parent(say: Say, unit: str, whole: Any, members: gpd.GeoSeries, *, least_m2: float,
                  land: gpd.GeoSeries | None) -> None:
    """Find what a unit has that its members lack (gaps), and what a member has beyond it."""
    union = shapely.union_all(np.asarray(members.array))
    bare = shapely.difference(whole, union)
    if land is not None and not shapely.is_empty(bare):
        bare = _on(bare, land)
    gaps = [part for part in _polygons(bare) if part.area >= least_m2]
    say("boundaries", "unit_gap", "warning", pd.Index([unit] * len(gaps)), shapes=gaps,
        values=[f"{gap.area:.0f}" for gap in gaps])
    if shapely.area(shapely.difference(union, whole)) < least_m2:
        return
    beyond = shapely.difference(np.asarray(members.array), whole)
    out = shapely.area(beyond) >= least_m2
    say("boundaries", "beyond_parent", "warning", members.index[out], shapes=beyond[out],
        values=[f"{area:.0f}" for area in shapely.area(beyond[out])])


def _check_overlaps(say: Say, name: str, series: gpd.GeoSeries, pack: Mapping[str, Any]) -> None:
    """Find pairs of shapes that share ground, and shared borders whose vertices differ."""
    shapes = np.asarray(series.array)
    edges = shapely.coverage_invalid_edges(shapes)
    odd = np.flatnonzero(~shapely.is_empty(edges) & ~shapely.is_missing(edges))
    if not len(odd):
        return
    left, right = shapely.STRtree(shapes[odd]).query(shapes[odd], predicate="intersects")
    left, right = left[left < right], right[left < right]
    shared = shapely.intersection(shapes[odd[left]], shapes[odd[right]])
    wide = shapely.area(shared) >= pack["area"]["value"]
    broad = _width_m(shared) >= pack["sliver"]["value"]
    for one, other, ground, grave in zip(odd[left[wide]], odd[right[wide]], shared[wide],
                                         broad[wide], strict=True):
        say(name, "unit_overlap", "warning" if grave else "note", series.index[[one]],
            shapes=[shapely.multipolygons(_polygons(ground))],
            values=[str(series.index[other])], expected=f"{ground.area:.0f}")
    told = np.union1d(left[wide], right[wide]).astype(int)
    plain = np.setdiff1d(np.arange(len(odd)), told)
    say(name, "edge_mismatch", "note", series.index[odd[plain]], shapes=edges[odd[plain]],
        values=[f"{length:.1f}" for length in shapely.length(edges[odd[plain]])])


def _width_m(shapes: np.ndarray) -> np.ndarray:
    """Return the mean width of polygons: twice the area over the length of the outline."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * shapely.area(shapes) / shapely.length(shapes))


def _on(shape: Any, land: gpd.GeoSeries) -> Any:
    near = np.asarray(land.array)[land.sindex.query(shape, predicate="intersects")]
    return shapely.union_all(shapely.intersection(near, shape))


def _polygons(shape: Any) -> list[Any]:
    parts = shapely.get_parts(shape)
    return list(parts[shapely.get_dimensions(parts) == 2])

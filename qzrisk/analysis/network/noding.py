"""From lines as drawn to edges that meet only at nodes."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qzrisk.errors import SchemaError

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Metres = npt.NDArray[np.float64]

OVERSHOOT_M = 1.0
"""A loose end shorter than this, left over where a road was cut at a crossing, is drawing noise."""

_REPORT = ("road_id", "rule", "length_m")


@dataclass(frozen=True)
class Edges:
    """Lines between nodes.

    Attributes
    ----------
    start, end : node of each edge's first and last vertex
    road : row of the road each edge is part of
    length_m : length along the line
    geometry : LineStrings, drawn from start to end
    node_xy : (n, 2) coordinates of the nodes, metres
    report : DataFrame(road_id, rule, length_m) of what was left out
    """

    start: Ints
    end: Ints
    road: Ints
    length_m: Metres
    geometry: npt.NDArray[np.object_]
    node_xy: Metres
    report: pd.DataFrame


@dataclass(frozen=True)
class _Vertices:
    """All vertices of all lines in a row: line number, row of the road, place, is it a node."""

    line: Ints
    road: Ints
    xy: Metres
    node: Bools


def edges(roads: gpd.GeoDataFrame, *, crossings: bool, tolerance_m: float) -> Edges:
    """Cut roads into edges at their nodes.

    Parameters
    ----------
    roads : GeoDataFrame of lines, projected
    crossings : bool
        Also make a node where two roads cross, unless one of them is a bridge.
    tolerance_m : float, m
        Vertices closer than this are one place.

    Notes
    -----
    Nodes are the ends of lines, and vertices of other lines on such an end. Lines of no length and,
    after cutting at crossings, loose ends under `OVERSHOOT_M` are left out and reported. The
    numbering of nodes and edges follows the places, not the order of the roads.
    """
    vertices, dropped = _vertices(roads)
    if crossings:
        vertices = _with_crossings(vertices, _bridges(roads))
    places, key = _places(vertices.xy, tolerance_m)
    at_node = np.zeros(len(places), dtype=bool)
    at_node[key[vertices.node]] = True
    vertices, key, points = _without_repeats(vertices, key)
    breaks = np.flatnonzero(at_node[key])
    pairs = np.flatnonzero(np.diff(vertices.line[breaks]) == 0)
    first, last = breaks[pairs], breaks[pairs + 1]
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(vertices.xy, axis=0).T))])
    length = along[last] - along[first]
    tail, head, road = key[first], key[last], vertices.road[first]
    loose = np.zeros(len(first), dtype=bool)
    if crossings:
        loose = _overshoots(vertices, first, last, tail, head, length)
    report = pd.concat([dropped, _rows(roads, points, np.zeros(len(points)), "zero_length"),
                        _rows(roads, road[loose], length[loose], "overshoot")],
                       ignore_index=True)
    keep = np.flatnonzero(~loose)
    used, number = np.unique(np.concatenate([tail[keep], head[keep]]), return_inverse=True)
    order = morton_order(places[used])
    rank = np.empty(len(used), dtype=np.int64)
    rank[order] = np.arange(len(used))
    tail, head = rank[number[: len(keep)]], rank[number[len(keep):]]
    tidy = np.lexsort((length[keep], head, tail))
    chosen = keep[tidy]
    return Edges(tail[tidy], head[tidy], road[chosen], length[chosen],
                 _lines(vertices.xy, first[chosen], last[chosen]), places[used][order], report)


def morton_order(xy: Metres) -> Ints:
    """Return the order of points along a Z-shaped curve, so that near points have near numbers.

    Examples
    --------
    >>> morton_order(np.array([[9., 9.], [0., 0.], [9., 0.]])).tolist()
    [1, 2, 0]
    """
    if not len(xy):
        return np.empty(0, dtype=np.int64)
    span = np.ptp(xy, axis=0).max() + 1e-9
    cells = ((xy - xy.min(axis=0)) / span * 65535).astype(np.uint64)
    spread = [_spread(cells[:, axis]) for axis in (0, 1)]
    return np.argsort(spread[0] | (spread[1] << np.uint64(1)), kind="stable")


def _spread(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values


def _rows(roads: gpd.GeoDataFrame, road: Ints, length: Metres, rule: str) -> pd.DataFrame:
    return pd.DataFrame({"road_id": roads.index.take(road), "rule": rule, "length_m": length},
                        columns=list(_REPORT))


def _without_repeats(vertices: _Vertices, key: Ints) -> tuple[_Vertices, Ints, Ints]:
    """Drop vertices on the place of the one before; also the road rows of lines of no length."""
    keep = np.ones(len(key), dtype=bool)
    keep[1:] = (np.diff(key) != 0) | (np.diff(vertices.line) != 0)
    left = np.bincount(vertices.line[keep], minlength=1)
    points = np.flatnonzero(left == 1)
    roads = vertices.road[np.searchsorted(vertices.line, points)]
    kept = _Vertices(vertices.line[keep], vertices.road[keep], vertices.xy[keep],
                     vertices.node[keep])
    return kept, key[keep], roads


def _bridges(roads: gpd.GeoDataFrame) -> Bools:
    if "bridge" not in roads:
        return np.zeros(len(roads), dtype=bool)
    return roads["bridge"].fillna(False).to_numpy(dtype=bool)


def _vertices(roads: gpd.GeoDataFrame) -> tuple[_Vertices, pd.DataFrame]:
    shapes = shapely.force_2d(np.asarray(roads.geometry.array))
    missing = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    lines = np.isin(shapely.get_type_id(shapes), (shapely.GeometryType.LINESTRING,
                                                  shapely.GeometryType.LINEARRING,
                                                  shapely.GeometryType.MULTILINESTRING))
    wrong = np.flatnonzero(~missing & ~lines)
    if len(wrong):
        raise SchemaError("a road that is no line", where=f"roads: {roads.index[wrong[0]]}",
                          expected="LineString", got=shapes[wrong[0]].geom_type)
    parts, road = shapely.get_parts(shapes[~missing], return_index=True)
    xy, line = shapely.get_coordinates(parts, return_index=True)
    ends = np.ones(len(line), dtype=bool)
    if len(line):
        change = line[1:] != line[:-1]
        ends[1:-1] = change[1:] | change[:-1]
    gone = np.flatnonzero(missing)
    dropped = _rows(roads, gone, np.full(len(gone), np.nan), "missing_geometry")
    return _Vertices(line, np.flatnonzero(~missing)[road][line], xy, ends), dropped


def _places(xy: Metres, tolerance_m: float) -> tuple[Metres, Ints]:
    """Coordinates of the distinct places, and the place of every vertex."""
    if not len(xy):
        return xy, np.empty(0, dtype=np.int64)
    cells = np.rint(xy / tolerance_m).astype(np.int64)
    cells -= cells.min(axis=0)
    packed = cells[:, 0] * (cells[:, 1].max() + 1) + cells[:, 1]
    _, first, key = np.unique(packed, return_index=True, return_inverse=True)
    return xy[first], key


def _with_crossings(vertices: _Vertices, bridge: Bools) -> _Vertices:
    """Add a node vertex to both lines wherever two lines cross or touch."""
    lines = shapely.linestrings(vertices.xy, indices=vertices.line)
    road = vertices.road[np.searchsorted(vertices.line, np.arange(len(lines)))]
    left, right = shapely.STRtree(lines).query(lines, predicate="intersects")
    pair = (left < right) & ~bridge[road[left]] & ~bridge[road[right]]
    left, right = left[pair], right[pair]
    # A shared stretch meets at its two ends: the boundary of a line is its end points.
    meeting = shapely.intersection(lines[left], lines[right])
    parts, which = shapely.get_parts(meeting, return_index=True)
    flat = shapely.get_dimensions(parts) == 1
    parts[flat] = shapely.boundary(parts[flat])
    xy, part = shapely.get_coordinates(parts, return_index=True)
    of = which[part]
    points = shapely.points(xy)
    line = np.concatenate([vertices.line, left[of], right[of]])
    along = np.concatenate([
        _along(vertices), shapely.line_locate_point(lines[left[of]], points),
        shapely.line_locate_point(lines[right[of]], points)])
    node = np.concatenate([vertices.node, np.ones(2 * len(xy), dtype=bool)])
    order = np.lexsort((along, line))
    return _Vertices(line[order], road[line[order]],
                     np.concatenate([vertices.xy, xy, xy])[order], node[order])


def _along(vertices: _Vertices) -> Metres:
    """Distance of every vertex from the start of its line, metres."""
    steps = np.hypot(*np.diff(vertices.xy, axis=0, prepend=vertices.xy[:1]).T)
    total = np.cumsum(steps)
    first = np.searchsorted(vertices.line, np.arange(vertices.line[-1] + 1))
    return np.maximum(total - total[first][vertices.line], 0.0)


def _overshoots(vertices: _Vertices, first: Ints, last: Ints, tail: Ints, head: Ints,
                length: Metres) -> Bools:
    """Short edges with a loose end that are not a whole line."""
    degree = np.bincount(np.concatenate([tail, head]))
    loose = (degree[tail] == 1) | (degree[head] == 1)
    changes = np.diff(vertices.line, prepend=-1, append=-1) != 0
    whole = changes[first] & changes[last + 1]
    return loose & ~whole & (length < OVERSHOOT_M)


def _lines(xy: Metres, first: Ints, last: Ints) -> npt.NDArray[np.object_]:
    sizes = last - first + 1
    if not len(sizes):
        return np.empty(0, dtype=object)
    edge = np.repeat(np.arange(len(sizes)), sizes)
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    lines: npt.NDArray[np.object_] = shapely.linestrings(xy[first[edge] + offset], indices=edge)
    return lines

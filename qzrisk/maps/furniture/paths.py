"""Geometry to drawing paths, all rings at once: clipped to the view, thinned to paper's grain."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.path import Path

from qzrisk.maps.furniture.view import FINEST_MM, View

SOFT_MM = 8 * FINEST_MM
"""Fine enough for the broad soft strokes of shores and glows."""
_BLEED_MM = 4.0

Geometries = npt.NDArray[Any]


def visible(geometries: Geometries, view: View) -> npt.NDArray[np.bool_]:
    """Tell which geometries reach into the view; missing and empty ones do not."""
    bounds = shapely.bounds(geometries)
    left, bottom, right, top = view.box
    with np.errstate(invalid="ignore"):
        return np.asarray(
            (bounds[:, 0] <= right) & (bounds[:, 2] >= left)
            & (bounds[:, 1] <= top) & (bounds[:, 3] >= bottom)
        )


def clipped(geometries: Geometries, view: View) -> Geometries:
    """Return geometries cut a little outside the view, only those that reach beyond it."""
    bleed = view.metres(_BLEED_MM)
    left, bottom, right, top = view.box
    box = (left - bleed, bottom - bleed, right + bleed, top + bleed)
    bounds = shapely.bounds(geometries)
    beyond = ((bounds[:, :2] < box[:2]) | (bounds[:, 2:] > box[2:])).any(axis=1)
    if not beyond.any():
        return geometries
    cut = geometries.copy()
    cut[beyond] = shapely.clip_by_rect(geometries[beyond], *box)
    return cut


def polygon_path(geometries: Geometries, view: View, *, finest_mm: float = FINEST_MM) -> Path:
    """Return all rings of polygons as one path; holes run against their shells."""
    oriented = shapely.orient_polygons(shapely.get_parts(clipped(geometries, view)))
    rings = shapely.get_rings(oriented[shapely.get_type_id(oriented) == 3])
    return _path(rings, view, finest_mm, closed=True)


def line_path(geometries: Geometries, view: View) -> Path:
    """Return all parts of lines, or all rings of polygons, as one path of strokes."""
    parts = shapely.get_parts(clipped(geometries, view))
    areal = shapely.get_type_id(parts) == 3
    lines = np.concatenate([parts[~areal], shapely.get_rings(parts[areal])])
    return _path(lines, view, FINEST_MM, closed=False)


def shared_lines(geometries: Geometries, view: View) -> Path:
    """Return the boundaries of polygons as one path that runs once along each shared edge.

    Dashes of two coincident lines would fill each other's gaps.
    """
    snapped = shapely.transform(
        shapely.boundary(clipped(geometries, view)), lambda xy: _snap(xy, view, FINEST_MM)
    )
    merged = shapely.line_merge(shapely.union_all(snapped))
    return _path(shapely.get_parts(merged), view, FINEST_MM, closed=False)


def inner_lines(geometries: Geometries, view: View) -> Path:
    """Return only the edges that two polygons share: borders on land, no lines along a coast."""
    rings = shapely.get_rings(shapely.get_parts(clipped(geometries, view)))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy = _snap(xy, view, FINEST_MM)
    joined = (ring[1:] == ring[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    start, end = xy[:-1][joined], xy[1:][joined]
    swap = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    start[swap], end[swap] = end[swap], start[swap].copy()
    edges, times = np.unique(np.hstack([start, end]), axis=0, return_counts=True)
    shared = edges[times > 1].reshape(-1, 2, 2)
    merged = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(shared)))
    return _path(shapely.get_parts(merged), view, FINEST_MM, closed=False)


def _snap(xy: npt.NDArray[np.float64], view: View, finest_mm: float) -> npt.NDArray[np.float64]:
    grain, corner = view.metres(finest_mm), (view.left, view.bottom)
    return np.asarray(np.round((xy - corner) / grain) * grain + corner)


def _path(lines: Geometries, view: View, finest_mm: float, *, closed: bool) -> Path:
    xy, line = shapely.get_coordinates(lines, return_index=True)
    if not len(xy):
        return Path(np.empty((0, 2)))
    xy = _snap(xy, view, finest_mm)
    first = np.r_[True, line[1:] != line[:-1]]
    moved = np.r_[True, (xy[1:] != xy[:-1]).any(axis=1)]
    xy, line = xy[keep := first | moved], line[keep]
    # A ring that fell together to a point or a line has nothing to fill.
    enough = np.bincount(line, minlength=len(lines)) >= (4 if closed else 2)
    xy, line = xy[keep := enough[line]], line[keep]
    codes = np.full(len(xy), Path.LINETO, dtype=Path.code_type)
    if len(xy):
        first = np.r_[True, line[1:] != line[:-1]]
        codes[first] = Path.MOVETO
        if closed:
            codes[np.r_[first[1:], True]] = Path.CLOSEPOLY
    return Path(xy, codes)

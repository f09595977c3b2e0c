"""Exact share of each cell that a zone covers, as a sparse row-sorted list of cells and runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from numba import njit

from qzrisk.errors import SchemaError

Array = npt.NDArray[Any]

_BAND_CELLS = 1 << 20
"""Cells of the scratch band: a zone larger than it is done in bands of rows."""

_ROUNDING = 1e-11
"""A share this near to 0 or 1 is 0 or 1: what summing the edges of a zone may leave."""


@dataclass(frozen=True, slots=True, eq=False)
class Fractions:
    """Cells that zones cover, sorted by row, then by zone.

    Attributes
    ----------
    zone, row, left, right : int32 arrays; an entry covers cells left to right - 1 of a row.
    share : float64 array in (0, 1]; runs of more than one cell are covered whole.
    size : number of zones.
    """

    zone: Array
    row: Array
    left: Array
    right: Array
    share: Array
    size: int


def cell_fractions(
    zones: gpd.GeoDataFrame | gpd.GeoSeries, transform: Affine, shape: tuple[int, int]
) -> Fractions:
    """Exact share of each grid cell covered by each zone.

    Parameters
    ----------
    zones : GeoDataFrame or GeoSeries of valid (Multi)Polygons, in the CRS of the grid
    transform : Affine, north up ; shape : (rows, columns)

    Returns
    -------
    Fractions
        Zones numbered in their order; empty ones and ones outside have no entry.

    Raises
    ------
    SchemaError
        If a geometry is no polygon or is invalid: its area would be wrong.

    Notes
    -----
    Each edge adds, to the cells it crosses, the signed area between it and the right side of the
    cell, and its height to all cells further right; sums along the row are the covered shares
    (the scan conversion of outline fonts, in exact area form). Holes run the other way round.
    """
    geometry = np.asarray(zones.geometry.array, dtype=object)
    _check(geometry, zones)
    xy, offsets, owner, sign = _rings(geometry, transform)
    parts = _scan(xy, offsets, owner, sign, shape[0], shape[1], _BAND_CELLS)
    zone, row, left, right, share = parts
    order = np.argsort(row, kind="stable")
    return Fractions(zone[order], row[order], left[order], right[order], share[order],
                     len(geometry))


def _check(geometry: Array, zones: gpd.GeoDataFrame | gpd.GeoSeries) -> None:
    kind = shapely.get_type_id(geometry)
    polygon = np.isin(kind, (-1, 3, 6)) | shapely.is_empty(geometry)
    for good, what in ((polygon, "a zone that is no polygon"),
                       (shapely.is_valid(geometry) | (kind == -1), "an invalid zone")):
        if not good.all():
            raise SchemaError(what, where=f"zones: {zones.index[~good][0]}",
                              expected="valid Polygon or MultiPolygon",
                              got=f"{(~good).sum()} zones",
                              mend="zones.geometry.make_valid(), then keep the polygons")


def _rings(geometry: Array, transform: Affine) -> tuple[Array, Array, Array, Array]:
    """Rings in cell coordinates: vertices, offsets, zone and winding sign, grouped by zone."""
    polygons, zone = shapely.get_parts(geometry, return_index=True)
    rings, of = shapely.get_rings(polygons, return_index=True)
    hole = np.r_[False, of[1:] == of[:-1]] if len(of) else np.zeros(0, bool)
    ccw = shapely.is_ccw(rings)
    xy = shapely.get_coordinates(rings)
    offsets = np.r_[0, np.cumsum(shapely.get_num_coordinates(rings))].astype(np.int64)
    # Rows count downwards, which turns the ring round.
    cells = np.column_stack([(xy[:, 0] - transform.c) / transform.a,
                             (xy[:, 1] - transform.f) / transform.e])
    return cells, offsets, zone[of].astype(np.int32), np.where(ccw != hole, 1.0, -1.0)


@njit(nogil=True, cache=True)
def _scan(
    xy: Array, offsets: Array, owner: Array, sign: Array, rows: int, columns: int, band_cells: int
) -> tuple[Array, Array, Array, Array, Array]:  # pragma: no cover
    """Entries of all zones, zone by zone."""
    capacity = 1 << 14
    index = np.empty((4, capacity), np.int32)
    share = np.empty(capacity)
    used = 0
    scratch = np.zeros(max(band_cells, columns + 2))
    r = 0
    while r < owner.size:
        end = r
        while end < owner.size and owner[end] == owner[r]:
            end += 1
        part = xy[offsets[r] : offsets[end]]
        left = max(0, int(np.floor(part[:, 0].min())))
        right = min(columns, int(np.ceil(part[:, 0].max())))
        top = max(0, int(np.floor(part[:, 1].min())))
        bottom = min(rows, int(np.ceil(part[:, 1].max())))
        if left < right and top < bottom:
            width = right - left
            tall = max(1, scratch.size // (width + 2))
            for start in range(top, bottom, tall):
                stop = min(start + tall, bottom)
                band = scratch[: (stop - start) * (width + 2)].reshape(stop - start, width + 2)
                for k in range(r, end):
                    _add_ring(xy[offsets[k] : offsets[k + 1]], sign[k], band, left, start)
                need = used + (stop - start) * width
                if need > share.size:
                    need = used + _emit(band, owner[r], start, left, index, share, used, False)
                    if need > share.size:
                        index, share = _grow(index, share, used, 2 * need)
                used += _emit(band, owner[r], start, left, index, share, used, True)
                band[:] = 0.0
        r = end
    return index[0, :used], index[1, :used], index[2, :used], index[3, :used], share[:used]


@njit(nogil=True, cache=True)
def _grow(
    index: Array, share: Array, used: int, size: int
) -> tuple[Array, Array]:  # pragma: no cover
    more_index, more_share = np.empty((4, size), np.int32), np.empty(size)
    more_index[:, :used] = index[:, :used]
    more_share[:used] = share[:used]
    return more_index, more_share


@njit(nogil=True, cache=True)
def _emit(
    band: Array, zone: int, top: int, left: int, index: Array, share: Array, used: int, write: bool
) -> int:  # pragma: no cover
    """Count, and if asked write, the entries of a band; neighbours covered whole make one run."""
    n = 0
    for i in range(band.shape[0]):
        covered, run = 0.0, -1
        for j in range(band.shape[1] - 1):
            covered += band[i, j]
            f = covered
            if f > 1 - _ROUNDING and j < band.shape[1] - 2:
                if run < 0:
                    run = j
                continue
            if run >= 0:
                if write:
                    index[0, used + n], index[1, used + n] = zone, top + i
                    index[2, used + n], index[3, used + n] = left + run, left + j
                    share[used + n] = 1.0
                n += 1
                run = -1
            if f > _ROUNDING and j < band.shape[1] - 2:
                if write:
                    index[0, used + n], index[1, used + n] = zone, top + i
                    index[2, used + n], index[3, used + n] = left + j, left + j + 1
                    share[used + n] = f
                n += 1
    return n


@njit(nogil=True, cache=True)
def _add_ring(
    ring: Array, sign: float, band: Array, left: int, top: int
) -> None:  # pragma: no cover
    """Add the edges of a ring to a band whose corner is cell (top, left)."""
    rows, width = band.shape[0], band.shape[1] - 2
    for k in range(ring.shape[0] - 1):
        x0, y0 = ring[k, 0] - left, ring[k, 1] - top
        x1, y1 = ring[k + 1, 0] - left, ring[k + 1, 1] - top
        if y0 == y1 or max(y0, y1) <= 0 or min(y0, y1) >= rows:
            continue
        turn = sign
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
            turn = -sign
        slope = (x1 - x0) / (y1 - y0)
        if y0 < 0:
            x0, y0 = x0 - y0 * slope, 0.0
        if y1 > rows:
            x1, y1 = x1 - (y1 - rows) * slope, float(rows)
        y, x = y0, x0
        i = int(y0)
        while y < y1:
            below = min(float(i + 1), y1)
            to = x1 if below == y1 else x0 + (below - y0) * slope
            _add_piece(band[i], x, to, (below - y) * turn, width)
            y, x = below, to
            i += 1


@njit(nogil=True, cache=True)
def _add_piece(
    line: Array, xa: float, xb: float, height: float, width: int
) -> None:  # pragma: no cover
    """Add a piece of edge within one row, from xa to xb, of signed height."""
    if xa > xb:
        xa, xb = xb, xa
    if xb <= 0:
        line[0] += height
        return
    if xa >= width:
        return
    if xa < 0:
        part = height * (-xa / (xb - xa))
        line[0] += part
        height -= part
        xa = 0.0
    if xb > width:
        height *= (width - xa) / (xb - xa)
        xb = float(width)
    first, last = int(xa), int(xb)
    if first == last or xb == first + 1:
        # Within one cell: the mean distance to the right side is what it covers there.
        inside = height * (1 - (0.5 * (xa + xb) - first))
        line[first] += inside
        line[first + 1] += height - inside
        return
    per_cell = height / (xb - xa)
    for j in range(first, last + 1):
        a, b = max(xa, float(j)), min(xb, float(j + 1))
        if b <= a:
            break
        h = (b - a) * per_cell
        here = h * (1 - (0.5 * (a + b) - j))
        line[j] += here
        line[j + 1] += h - here

"""Where GCJ-02 differs from WGS84: a coarse outline of mainland China as a test of datum.

The outline (Natural Earth at 1:10,000,000, widened by 22 km over the sea) decides nothing but
whether a coordinate can be shifted. It is good to 1-2 km; `near_border` tells which points are so
near to it that the answer may be wrong.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

Degrees = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NEAR_BORDER_M = 2000.0
"""Width of the band on both sides of the outline in which its answer may be wrong, m."""

EARTH_RADIUS_M = 6_371_008.8
_CELL_DEG = 0.1
_OUTSIDE, _INSIDE, _MIXED, _BESIDE = 0, 1, 2, 3


class _Area(NamedTuple):
    """The outline, and a grid that answers at once for all but the cells it runs through."""

    outline: shapely.Geometry
    west: float
    south: float
    inside: npt.NDArray[np.uint8]
    beside: Mask


@cache
def _area() -> _Area:
    file = resources.files("qzrisk") / "assets" / "outline" / "mainland.json"
    raw = json.loads(file.read_text(encoding="utf-8"))
    outline = shapely.from_geojson(json.dumps({k: raw[k] for k in ("type", "coordinates")}))
    shapely.prepare(outline)
    left, bottom, right, top = outline.bounds
    # Two cells of margin: outside, whatever lies further out is clipped into them.
    west, south = left - 2 * _CELL_DEG, bottom - 2 * _CELL_DEG
    columns, rows = (int(size / _CELL_DEG) + 5 for size in (right - left, top - bottom))
    mixed = _crossed(outline, west, south, (rows, columns))
    row, column = np.nonzero(~mixed)
    state = np.full((rows, columns), _MIXED, dtype=np.uint8)
    state[row, column] = shapely.contains_xy(
        outline, west + (column + 0.5) * _CELL_DEG, south + (row + 0.5) * _CELL_DEG)
    beside = mixed.copy()
    for axis in (0, 1):
        beside |= np.roll(beside, 1, axis) | np.roll(beside, -1, axis)
    return _Area(outline, west, south, state, beside)


def _crossed(outline: shapely.Geometry, west: float, south: float, shape: tuple[int, int]) -> Mask:
    """Return the cells that the outline runs through, and perhaps a few beside them."""
    mixed = np.zeros(shape, dtype=bool)
    for ring in shapely.get_rings(shapely.get_parts(outline)):
        # Pieces half a cell long lie within the cells of the corners of their own box.
        xy = shapely.get_coordinates(shapely.segmentize(ring, _CELL_DEG / 2))
        column, row = ((xy - (west, south)) / _CELL_DEG).astype(int).T
        for c in (column[:-1], column[1:]):
            for r in (row[:-1], row[1:]):
                mixed[r, c] = True
    return mixed


def _cells(x: Degrees, y: Degrees, area: _Area) -> tuple[npt.NDArray, npt.NDArray]:
    rows, columns = area.inside.shape
    with np.errstate(invalid="ignore", over="ignore"):
        # fmin and fmax take NaN into the margin as well.
        column = np.fmax(np.fmin((x - area.west) / _CELL_DEG, columns - 1), 0).astype(np.intp)
        row = np.fmax(np.fmin((y - area.south) / _CELL_DEG, rows - 1), 0).astype(np.intp)
    return row, column


def _flat(lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Degrees, Degrees, tuple[int, ...]]:
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    return x.ravel(), y.ravel(), x.shape


def in_mainland_china(lon: npt.ArrayLike, lat: npt.ArrayLike) -> Mask:
    """Tell which points lie where GCJ-02 differs from WGS84.

    Parameters
    ----------
    lon, lat : arrays of degrees

    Returns
    -------
    bool array
        True inside the outline; False for NaN. Good to `NEAR_BORDER_M`; see `near_border`.

    Notes
    -----
    A grid of tenths of a degree answers for all points but those in the cells that the outline
    runs through; these are tested exactly against it.

    Examples
    --------
    Beijing, Tokyo, Hong Kong and Bangkok:

    >>> in_mainland_china([116.4, 139.7, 114.17, 100.5], [39.9, 35.7, 22.3, 13.75]).tolist()
    [True, False, False, False]
    """
    x, y, shape = _flat(lon, lat)
    area = _area()
    state = area.inside[_cells(x, y, area)]
    mixed = np.flatnonzero(state == _MIXED)
    inside = state == _INSIDE
    inside[mixed] = shapely.contains_xy(area.outline, x[mixed], y[mixed])
    return inside.reshape(shape)


def near_border(lon: npt.ArrayLike, lat: npt.ArrayLike, *, within_m: float = NEAR_BORDER_M
                ) -> Mask:
    """Tell which points lie so near to the outline that `in_mainland_china` may be wrong.

    Parameters
    ----------
    lon, lat : arrays of degrees
    within_m : float, m, at most 5,000

    Returns
    -------
    bool array
        True within `within_m` of the outline, on either side; False for NaN. Coasts are not
        near: over the sea the outline runs 22 km out, but around islands that it leaves out.

    Raises
    ------
    ValueError
        If `within_m` is over 5,000, the reach of the grid.

    Examples
    --------
    Lo Wu on the Shenzhen river, and the middle of Guangzhou:

    >>> near_border([114.113, 113.26], [22.530, 23.13]).tolist()
    [True, False]
    """
    if within_m > 5000:
        raise ValueError(f"within_m: expected at most 5000, got {within_m}")
    x, y, shape = _flat(lon, lat)
    area = _area()
    near = area.beside[_cells(x, y, area)]
    # The cells of the margin hold whatever was clipped into them, near or not; none is beside.
    some = np.flatnonzero(near)
    points = shapely.points(*mercator(x[some], y[some]))
    reach = within_m / (EARTH_RADIUS_M * np.cos(np.deg2rad(y[some])))
    near[some] = False
    near[some[_segments().query(points, predicate="dwithin", distance=reach)[0]]] = True
    return near.reshape(shape)


@cache
def _segments() -> shapely.STRtree:
    """Return the outline's edges in Mercator radians: conformal, so local lengths need one factor.

    Edges are cut to 0.05 degrees first, so that straight in degrees is straight here.
    """
    pieces = []
    for ring in shapely.get_rings(shapely.get_parts(_area().outline)):
        xy = np.column_stack(mercator(*shapely.get_coordinates(shapely.segmentize(ring, 0.05)).T))
        pieces.append(np.stack([xy[:-1], xy[1:]], axis=1))
    return shapely.STRtree(shapely.linestrings(np.concatenate(pieces)))


def mercator(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    """Return spherical Mercator coordinates in radians; a length there times R cos(lat) is m."""
    return np.deg2rad(lon), np.arcsinh(np.tan(np.deg2rad(lat)))

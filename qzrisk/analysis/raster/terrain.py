"""Terrain and neighbourhoods: slope, aspect, hillshade, focal statistics, by window."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from rasterio.windows import Window

from qzrisk.errors import ConfigError
from qzrisk.grid import Blocks, Raster, RasterLike, as_float, as_raster

Array = npt.NDArray[Any]
Kernel = Callable[[Array, Array], None]

FOCAL = ("mean", "sum", "min", "max", "std", "count")

_WINDOW_CELLS = 1 << 21


def slope(dem: RasterLike, *, unit: str = "degree") -> Blocks:
    """Slope of a terrain model by Horn's third-order differences.

    Parameters
    ----------
    dem : Raster or path, m, square cells in a projected CRS
    unit : {"degree", "percent"}

    Returns
    -------
    Blocks of float32, 0 to 90 degrees or percent
        NaN where the cell or one of its eight neighbours is missing, so also along the edge.

    Raises
    ------
    CRSError, QzriskError
        If cells are not square metres.
    ConfigError
        If the unit is unknown.

    References
    ----------
    Horn (1981), Hill shading and the reflectance map.

    Examples
    --------
    >>> from qzrisk.grid import Raster, gather
    >>> ramp = Raster(np.tile([0.0, 200, 400], (3, 1)), crs="EPSG:4549",
    ...               transform=(200, 0, 0, 0, -200, 600))
    >>> round(float(gather(slope(ramp)).read()[1, 1]), 4)
    45.0
    """
    if unit not in ("degree", "percent"):
        raise ConfigError("unknown unit", where="unit", expected="degree, percent", got=unit)
    raster = as_raster(dem)
    return _around(raster, 1, _bind(_slope, raster.cell_m, unit == "degree"), f"slope_{unit}")


def aspect(dem: RasterLike) -> Blocks:
    """Aspect: compass direction that a slope faces (down the slope).

    Parameters
    ----------
    dem : as for `slope`

    Returns
    -------
    Blocks of float32, degrees clockwise from north in [0, 360)
        NaN on flat cells, which face nowhere, and as in `slope`.

    Raises
    ------
    CRSError, QzriskError
        As `slope`.
    """
    raster = as_raster(dem)
    return _around(raster, 1, _bind(_aspect, raster.cell_m), "aspect_degree")


def hillshade(dem: RasterLike, *, azimuth: float = 315.0, altitude: float = 45.0) -> Blocks:
    """Hillshade: light that a slope gets from a low sun.

    Parameters
    ----------
    dem : as for `slope`
    azimuth, altitude : float, degrees
        Direction (clockwise from north) and height of the light; north-west by convention.

    Returns
    -------
    Blocks of float32, 0 (dark) to 255
        NaN as in `slope`.

    Raises
    ------
    CRSError, QzriskError
        As `slope`.
    ConfigError
        If `altitude` is not in [0, 90].
    """
    if not 0 <= altitude <= 90:
        raise ConfigError("height of the light out of range", where="altitude",
                          expected="0 to 90 degrees", got=altitude)
    raster = as_raster(dem)
    light = (math.radians(azimuth), math.radians(altitude))
    return _around(raster, 1, _bind(_shade, raster.cell_m, *light), "hillshade")


def focal(raster: RasterLike, *, stat: str = "mean", size: int = 3) -> Blocks:
    """Focal statistic: each cell from the square of cells around it.

    Parameters
    ----------
    raster : Raster or path
    stat : one of `FOCAL`
    size : int, cells, odd
        Side of the square.

    Returns
    -------
    Blocks of float32, unit of the raster (``count``: cells)
        Missing neighbours are left out; a missing cell stays NaN, so that nothing grows over the
        edge of the land.

    Raises
    ------
    ConfigError
        If the statistic is unknown or `size` is not odd.

    Examples
    --------
    >>> from qzrisk.grid import Raster, gather
    >>> row = Raster(np.array([[1.0, 2.0, np.nan]]), crs="EPSG:4549",
    ...              transform=(200, 0, 0, 0, -200, 200))
    >>> gather(focal(row, stat="sum")).read().tolist()
    [[3.0, 3.0, nan]]
    """
    if stat not in FOCAL or size < 1 or size % 2 == 0:
        raise ConfigError("unknown focal statistic", where="stat, size", got=(stat, size),
                          expected=f"{', '.join(FOCAL)}; an odd size")
    kernel = _bind(_focal, size // 2, FOCAL.index(stat))
    return _around(as_raster(raster), size // 2, kernel, f"focal_{stat}")


def _bind(kernel: Callable[..., None], *values: float) -> Kernel:
    return lambda padded, out: kernel(padded, *values, out)


def _around(raster: Raster, reach: int, kernel: Kernel, name: str) -> Blocks:
    """Run a kernel over windows padded by `reach` cells, NaN beyond the raster."""
    rows, columns = raster.shape

    def make() -> Iterator[tuple[Window, Array]]:
        with raster.reader() as read:
            for window in raster.windows(cells=_WINDOW_CELLS):
                (top, bottom), (left, right) = window.toranges()
                a, b = max(top - reach, 0), min(bottom + reach, rows)
                c, d = max(left - reach, 0), min(right + reach, columns)
                padded = np.full((bottom - top + 2 * reach, right - left + 2 * reach), np.nan)
                y, x = a - top + reach, c - left + reach
                cells = as_float(read(Window(c, a, d - c, b - a)), raster.nodata)
                padded[y : y + b - a, x : x + d - c] = cells
                out = np.empty((window.height, window.width), dtype=np.float32)
                kernel(padded, out)
                yield window, out

    return Blocks(like=raster, dtype="float32", nodata=np.nan, make=make, name=name)


@njit(nogil=True, cache=True, inline="always")
def _gradient(z: Array, i: int, j: int, cell_m: float) -> tuple[float, float]:  # pragma: no cover
    """Rise to the east and to the north around padded cell (i + 1, j + 1); NaN if one misses."""
    a, b, c = z[i, j], z[i, j + 1], z[i, j + 2]
    d, e, f = z[i + 1, j], z[i + 1, j + 1], z[i + 1, j + 2]
    g, h, k = z[i + 2, j], z[i + 2, j + 1], z[i + 2, j + 2]
    hole = e - e + b - b + h - h + d - d + f - f
    east = ((c + 2 * f + k) - (a + 2 * d + g)) / (8 * cell_m) + hole
    north = ((a + 2 * b + c) - (g + 2 * h + k)) / (8 * cell_m) + hole
    return east, north


@njit(nogil=True, cache=True)
def _slope(z: Array, cell_m: float, degrees: bool, out: Array) -> None:  # pragma: no cover
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            east, north = _gradient(z, i, j, cell_m)
            rise = math.sqrt(east * east + north * north)
            out[i, j] = math.degrees(math.atan(rise)) if degrees else 100 * rise


@njit(nogil=True, cache=True)
def _aspect(z: Array, cell_m: float, out: Array) -> None:  # pragma: no cover
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            east, north = _gradient(z, i, j, cell_m)
            if east == 0 and north == 0:
                out[i, j] = np.nan
                continue
            out[i, j] = math.degrees(math.atan2(-east, -north)) % 360.0
            # A hair west of north rounds up to a full turn in float32.
            if out[i, j] >= 360.0:
                out[i, j] = 0.0


@njit(nogil=True, cache=True)
def _shade(
    z: Array, cell_m: float, azimuth: float, altitude: float, out: Array
) -> None:  # pragma: no cover
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            east, north = _gradient(z, i, j, cell_m)
            # Light vector times the normal (-east, -north, 1) of the surface.
            flat = math.cos(altitude)
            dot = math.sin(altitude) - flat * (
                east * math.sin(azimuth) + north * math.cos(azimuth)
            )
            light = dot / math.sqrt(1 + east * east + north * north)
            out[i, j] = light if light != light else 255 * max(light, 0.0)


@njit(nogil=True, cache=True)
def _focal(z: Array, reach: int, stat: int, out: Array) -> None:  # pragma: no cover
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            middle = z[i + reach, j + reach]
            if middle != middle:
                out[i, j] = np.nan
                continue
            n, total, squares, low, high = 0, 0.0, 0.0, middle, middle
            for y in range(i, i + 2 * reach + 1):
                for x in range(j, j + 2 * reach + 1):
                    v = z[y, x]
                    if v == v:
                        n += 1
                        total += v
                        squares += (v - middle) * (v - middle)
                        low, high = min(low, v), max(high, v)
            mean = total / n
            spread = max(squares / n - (mean - middle) * (mean - middle), 0.0)
            out[i, j] = (mean, total, low, high, math.sqrt(spread), float(n))[stat]

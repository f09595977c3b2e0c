"""GCJ-02 and BD-09: WGS84 moved by a published function of position, by hundreds of metres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from qzrisk.crs.mainland import in_mainland_china

Degrees = npt.NDArray[np.float64]
Pair = tuple[Degrees, Degrees]

_AXIS_M, _ECCENTRICITY2 = 6378245.0, 0.00669342162296594323
_BD_PI = np.pi * 3000.0 / 180.0
_BLOCK = 1 << 15
# A step of the inverse leaves 0.6 % (GCJ-02) or 1 % (BD-09) of the error; the last digit stands
# still after these.
_GCJ_STEPS, _BD_STEPS = 6, 7


def wgs84_to_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike, *, everywhere: bool = False) -> Pair:
    """Shift WGS84 degrees to GCJ-02.

    Parameters
    ----------
    lon, lat : arrays of degrees
    everywhere : move points outside the mainland as well: for layers that are known to be shifted
        throughout, such as a map service's own outlines

    Returns
    -------
    (lon, lat) : arrays of degrees
        Points outside mainland China (`in_mainland_china`) are unchanged unless `everywhere`;
        NaN and infinities always.

    Notes
    -----
    Published polynomial-and-sine offset on the Krasovsky 1940 ellipsoid; exact, not fitted.

    Examples
    --------
    >>> lon, lat = wgs84_to_gcj02([118.6757], [24.8741])
    >>> round(float(lon[0]), 6), round(float(lat[0]), 6)
    (118.680247, 24.871192)
    """
    return _in_blocks(_to_gcj, lon, lat, everywhere)


def gcj02_to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, *, everywhere: bool = False) -> Pair:
    """Shift GCJ-02 degrees back to WGS84 by fixed-point iteration (round trip under 0.1 mm).

    Parameters and returns as `wgs84_to_gcj02`. What lies outside as it is given stays; so a point
    inside, but nearer to the outline than its shift is long (see `near_border`), may not come back.

    Examples
    --------
    >>> lon, lat = gcj02_to_wgs84([118.680247], [24.871192])
    >>> round(float(lon[0]), 5), round(float(lat[0]), 5)
    (118.6757, 24.8741)
    """
    return _in_blocks(_from_gcj, lon, lat, everywhere)


def gcj02_to_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike, *, everywhere: bool = False) -> Pair:
    """Shift GCJ-02 degrees to BD-09; outside mainland China unchanged.

    Examples
    --------
    >>> lon, lat = gcj02_to_bd09([118.680247], [24.871192])
    >>> round(float(lon[0]), 5), round(float(lat[0]), 5)
    (118.68669, 24.87755)
    """
    return _in_blocks(_to_bd, lon, lat, everywhere)


def bd09_to_gcj02(lon: npt.ArrayLike, lat: npt.ArrayLike, *, everywhere: bool = False) -> Pair:
    """Shift BD-09 degrees to GCJ-02; outside mainland China unchanged.

    Examples
    --------
    >>> lon, lat = bd09_to_gcj02([118.686692], [24.877552])
    >>> round(float(lon[0]), 5), round(float(lat[0]), 5)
    (118.68025, 24.87119)
    """
    return _in_blocks(_from_bd, lon, lat, everywhere)


def wgs84_to_bd09(lon: npt.ArrayLike, lat: npt.ArrayLike, *, everywhere: bool = False) -> Pair:
    """Shift WGS84 degrees to BD-09; outside mainland China unchanged.

    Examples
    --------
    >>> lon, lat = wgs84_to_bd09([118.6757], [24.8741])
    >>> round(float(lon[0]), 5), round(float(lat[0]), 5)
    (118.68669, 24.87755)
    """
    return _in_blocks(lambda x, y: _to_bd(*_to_gcj(x, y)), lon, lat, everywhere)


def bd09_to_wgs84(lon: npt.ArrayLike, lat: npt.ArrayLike, *, everywhere: bool = False) -> Pair:
    """Shift BD-09 degrees to WGS84; outside mainland China unchanged.

    Examples
    --------
    >>> lon, lat = bd09_to_wgs84([118.686692], [24.877552])
    >>> round(float(lon[0]), 5), round(float(lat[0]), 5)
    (118.6757, 24.8741)
    """
    return _in_blocks(lambda x, y: _from_gcj(*_from_bd(x, y)), lon, lat, everywhere)


def _in_blocks(move: Callable[[Degrees, Degrees], Pair], lon: npt.ArrayLike, lat: npt.ArrayLike,
               everywhere: bool) -> Pair:
    """Move the points that lie inside the outline, block by block: the terms stay in the cache."""
    x, y = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    shape, x, y = x.shape, x.ravel(), y.ravel()
    out_x, out_y = x.copy(), y.copy()
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for start in range(0, x.size, _BLOCK):
            part = slice(start, start + _BLOCK)
            new_x, new_y = move(x[part], y[part])
            inside = (np.isfinite(new_x) & np.isfinite(new_y) if everywhere
                      else in_mainland_china(x[part], y[part]))
            np.copyto(out_x[part], new_x, where=inside)
            np.copyto(out_y[part], new_y, where=inside)
    return out_x.reshape(shape), out_y.reshape(shape)


def _gcj_offset(lon: Degrees, lat: Degrees) -> Pair:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    wave = (20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    north += (20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    east += (20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    phi = np.deg2rad(lat)
    w2 = 1 - _ECCENTRICITY2 * np.sin(phi) ** 2
    w = np.sqrt(w2)
    return (
        np.rad2deg(east / (_AXIS_M / w * np.cos(phi))),
        np.rad2deg(north / (_AXIS_M * (1 - _ECCENTRICITY2) / (w2 * w))),
    )


def _to_gcj(lon: Degrees, lat: Degrees) -> Pair:
    east, north = _gcj_offset(lon, lat)
    return lon + east, lat + north


def _to_bd(x: Degrees, y: Degrees) -> Pair:
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_PI)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_PI)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def _inverse(forward: Callable[[Degrees, Degrees], Pair], lon: Degrees, lat: Degrees,
             steps: int) -> Pair:
    x, y = lon, lat
    for _ in range(steps):
        fx, fy = forward(x, y)
        x, y = x - (fx - lon), y - (fy - lat)
    return x, y


def _from_gcj(lon: Degrees, lat: Degrees) -> Pair:
    return _inverse(_to_gcj, lon, lat, _GCJ_STEPS)


def _from_bd(lon: Degrees, lat: Degrees) -> Pair:
    return _inverse(_to_bd, lon, lat, _BD_STEPS)

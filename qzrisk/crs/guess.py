"""The CRS in which bare numbers may stand, and whether a stated one contradicts them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Transformer

from qzrisk.crs.checks import GEOGRAPHIC
from qzrisk.crs.mainland import in_mainland_china
from qzrisk.text import text

Degrees = npt.NDArray[np.float64]
Pair = tuple[Degrees, Degrees]
Bounds = tuple[float, float, float, float]

_WORLD: Bounds = (-180.0, -90.0, 180.0, 90.0)

_SAMPLE = 500
# A file may run this far past the edge of its zone; beyond it another zone is the better guess.
_SPILL_DEG = 1.5
_RARER, _SPILLED, _ELSEWHERE = 0.9, 0.8, 0.3
_LIKELY = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """One reading of bare coordinates.

    Attributes
    ----------
    crs : what pyproj understands, e.g. ``"EPSG:4549"``.
    swapped : the first number is the northing or the latitude.
    score : 0..1, share of the points that it puts where they can be, less for rarer readings.
    bounds : west, south, east, north of the points so read, degrees.
    evidence : in words.
    """

    crs: str
    swapped: bool
    score: float
    bounds: Bounds
    evidence: str


def guess_crs(points: Bounds | tuple[npt.ArrayLike, npt.ArrayLike] | gpd.GeoDataFrame
              | gpd.GeoSeries, declared: object = None, *, area: Bounds | None = None,
              language: str = "zh") -> list[Candidate]:
    """Rank the coordinate reference systems in which numbers may be written.

    Parameters
    ----------
    points : (west, south, east, north), (x, y) arrays, or a frame whose CRS is not regarded
    declared : CRS that the file states; it wins a tie
    area : west, south, east, north of the project, degrees
        Without it the numbers need only lie in or about mainland China, and a six-digit easting
        leaves the central meridian open: the candidates then share one score.
    language : of the evidence

    Returns
    -------
    list of Candidate, best first; empty if nothing fits

    Notes
    -----
    Tried: degrees; Web Mercator; CGCS2000 Gauss-Krüger in 3-degree and 6-degree zones, with and
    without the zone in front of the easting (EPSG:4491-4554); each in both orders. UTM is tried
    only where it is declared: its numbers look like those of a 6-degree zone.

    Examples
    --------
    >>> best = guess_crs(([40451000.0], [2756000.0]))[0]
    >>> best.crs, best.swapped
    ('EPSG:4528', False)
    >>> [c.crs for c in guess_crs((2755000.0, 348000.0, 2756000.0, 349000.0),
    ...                           area=(117.5, 24.3, 119.1, 26.0)) if c.swapped][:1]
    ['EPSG:4549']
    """
    x, y = _sample(points)
    if not len(x):
        return []
    stated = None if declared is None else CRS.from_user_input(declared)
    found: dict[tuple[str, bool], Candidate] = {}
    for crs, prior, meridian, half in _readings(stated, x, y):
        for swapped in (False, True):
            at = _to_degrees(crs, *((y, x) if swapped else (x, y)))
            score = prior * (_RARER if swapped else 1.0) * _fits(at, area, meridian, half)
            if score > 0 and (crs, swapped) not in found:
                found[crs, swapped] = _candidate(crs, swapped, score, at, area, language)
    # The order of the readings decides a tie: what is stated comes first.
    return sorted(found.values(), key=lambda candidate: -candidate.score)


def contradiction(crs: object, bounds: Bounds, *, area: Bounds | None = None,
                  language: str = "zh") -> str | None:
    """Return in words why coordinates cannot be in the CRS that is stated, None if they can.

    Parameters
    ----------
    crs : anything pyproj understands
    bounds : smallest x, smallest y, largest x, largest y, in units of `crs`, x east
    area : west, south, east, north of the project, degrees; without it, the CRS's area of use
    language : of the words

    Examples
    --------
    >>> contradiction("EPSG:4549", (300000, 2700000, 400000, 2800000)) is None
    True
    >>> print(contradiction("EPSG:4549", (118.1, 24.5, 118.9, 25.2), language="en"))
    the file says EPSG:4549, but its coordinates (118.1, 24.5, 118.9, 25.2) do not lie where that
    is used; they look like EPSG:4490
    """
    made = CRS.from_user_input(crs)
    x, y = _sample(bounds)
    if not len(x):
        return None
    use = made.area_of_use
    allowed = area or (_wider(use.bounds, 2 * _SPILL_DEG) if use is not None else _WORLD)
    # A layer may be larger than the project: they must only meet.
    lon, lat = _to_degrees(made.to_wkt(), x, y)
    degrees_as_metres = made.is_projected and np.abs([x, y]).max() <= 360
    if np.isfinite(lon).any() and not degrees_as_metres and _meet(_box((lon, lat)), allowed):
        return None
    named = made.to_string() if made.to_authority() else made.name
    shown = ", ".join(f"{value:.10g}" for value in bounds)
    words = text("crs_contradiction", language, crs=named, bounds=shown)
    return words + _looks_like(guess_crs(bounds, area=area, language=language), language)


def _looks_like(candidates: list[Candidate], language: str) -> str:
    likely = [c for c in candidates if c.score >= _LIKELY]
    if not likely:
        return text("crs_looks_like_nothing", language)
    best = [c for c in likely if c.score == likely[0].score]
    key = "crs_looks_like" if len(best) == 1 else "crs_looks_like_one_of"
    return text(key, language, crs=", ".join(c.crs for c in best)) + (
        text("crs_order", language) if best[0].swapped else "")


def _sample(points: object) -> Pair:
    """Return finite x and y: a lattice over bounds, or some points spread over all."""
    if isinstance(points, gpd.GeoDataFrame | gpd.GeoSeries):
        x, y = shapely.get_coordinates(points.geometry.array).T
    else:
        values = [np.ravel(np.asarray(value, dtype=float)) for value in points]  # type: ignore[attr-defined]
        if len(values) == 4:
            west, south, east, north = (float(value[0]) for value in values)
            x, y = (part.ravel() for part in np.meshgrid(
                np.linspace(west, east, 5), np.linspace(south, north, 5)))
        else:
            x, y = np.broadcast_arrays(*values)
    good = np.isfinite(x) & np.isfinite(y)
    x, y = x[good], y[good]
    if len(x) > _SAMPLE:
        # By rank, so that the order of the rows does not matter.
        chosen = np.lexsort((y, x))[np.linspace(0, len(x) - 1, _SAMPLE).astype(int)]
        x, y = x[chosen], y[chosen]
    return x, y


def _readings(declared: CRS | None, x: Degrees, y: Degrees
              ) -> Iterator[tuple[str, float, float | None, float]]:
    """Yield CRS, prior, central meridian and half width of its zone, for numbers of this size."""
    if declared is not None:
        yield ":".join(declared.to_authority() or ()) or declared.to_wkt(), 1.0, None, 0.0
    if np.median(np.maximum(np.abs(x), np.abs(y))) <= 360:
        yield GEOGRAPHIC, 1.0, None, 0.0
        return
    yield "EPSG:3857", 1.0, None, 0.0
    for zone in range(25, 46):
        yield f"EPSG:{4534 + zone - 25}", 1.0, 3.0 * zone, 1.5
        yield f"EPSG:{4513 + zone - 25}", 1.0, 3.0 * zone, 1.5
    for zone in range(13, 24):
        # Without the zone's number a 6-degree zone reads as the 3-degree one of its meridian.
        yield f"EPSG:{4502 + zone - 13}", _RARER, 6.0 * zone - 3, 3.0
        yield f"EPSG:{4491 + zone - 13}", 1.0, 6.0 * zone - 3, 3.0


@cache
def _transformer(crs: str) -> Transformer:
    made = CRS.from_user_input(crs)
    # Only the projection is undone: no change of datum moves a point to another place here.
    return Transformer.from_crs(made, made.geodetic_crs, always_xy=True)


def _to_degrees(crs: str, x: Degrees, y: Degrees) -> Pair:
    lon, lat = (x, y) if crs == GEOGRAPHIC else _transformer(crs).transform(x, y)
    bad = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    return np.where(bad, np.nan, lon), np.where(bad, np.nan, lat)


def _within(lon: Degrees, lat: Degrees, area: Bounds) -> npt.NDArray[np.bool_]:
    west, south, east, north = area
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _wider(area: Bounds, by_deg: float) -> Bounds:
    west, south, east, north = area
    return west - by_deg, south - by_deg, east + by_deg, north + by_deg


def _box(at: Pair) -> Bounds:
    lon, lat = at
    return (float(np.nanmin(lon)), float(np.nanmin(lat)),
            float(np.nanmax(lon)), float(np.nanmax(lat)))


def _meet(one: Bounds, other: Bounds) -> bool:
    return (one[0] <= other[2] and other[0] <= one[2]
            and one[1] <= other[3] and other[1] <= one[3])


def _about_china(lon: Degrees, lat: Degrees) -> npt.NDArray[np.bool_]:
    """Return the points within about a degree of the mainland: frames reach over its edge."""
    there = in_mainland_china(lon, lat)
    for east, north in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        there |= in_mainland_china(lon + east, lat + north)
    return there


def _fits(at: Pair, area: Bounds | None, meridian: float | None, half_deg: float) -> float:
    """Return the share of points that lie where they can, less if they spill from their zone."""
    lon, lat = at
    about = _about_china(lon, lat)
    if meridian is not None:
        away = np.abs(lon - meridian)
        about &= away <= half_deg + _SPILL_DEG
    if area:
        there = _within(lon, lat, area) & (about if meridian is not None else True)
        return max(float(there.mean()), _ELSEWHERE * float(about.mean()))
    if meridian is None:
        return max(float(about.mean()), _ELSEWHERE * float(np.isfinite(lon).mean()))
    spilled = about.any() and np.median(away[about]) > half_deg
    return float(about.mean()) * (_SPILLED if spilled else 1.0)


def _candidate(crs: str, swapped: bool, score: float, at: Pair, area: Bounds | None,
               language: str) -> Candidate:
    bounds = _box(at)
    there = _within(*at, area) if area else _about_china(*at)
    words = text("crs_candidate", language, share=f"{100 * there.mean():.0f}",
                 place=text("crs_area" if area else "crs_mainland", language),
                 bounds=", ".join(f"{value:.4f}" for value in bounds))
    if swapped:
        words += text("crs_order", language)
    return Candidate(crs, swapped, round(score, 4), bounds, words)

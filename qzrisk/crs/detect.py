"""From evidence: whether a layer is in WGS84, or shifted to GCJ-02 or BD-09."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.special import bdtrc

from qzrisk.crs.checks import GEOGRAPHIC
from qzrisk.crs.mainland import EARTH_RADIUS_M, mercator
from qzrisk.crs.shift import bd09_to_wgs84, gcj02_to_wgs84, wgs84_to_gcj02
from qzrisk.errors import CRSError
from qzrisk.text import text

Degrees = npt.NDArray[np.float64]
Pair = tuple[Degrees, Degrees]
Points: TypeAlias = gpd.GeoDataFrame | gpd.GeoSeries | tuple[npt.ArrayLike, npt.ArrayLike]

ALPHA = 0.005
"""Largest probability, under the closest rival, of evidence as strong as that met."""

_DATUMS = ("wgs84", "gcj02", "bd09")
# How often a telling point may speak against the truth: a point inside the unit it declares is
# seldom there by chance, one near to a line or inside any unit often is.
_CHANCE = {"declared": 0.25, "any_unit": 0.5, "known": 0.5}
# How many must speak for a datum for each that speaks against it, however many there are.
_MATERIAL = {"declared": 3.0, "any_unit": 3.0, "known": 1.5}
_LEAST_SHARE = {"declared": 0.5, "any_unit": 0.5, "known": 0.0}
_HIT_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Shift:
    """What datum a layer is in, and why.

    Attributes
    ----------
    datum : ``"wgs84"`` (or CGCS2000), ``"gcj02"``, ``"bd09"`` or ``"unknown"``.
    score : 0 where unknown, else 1 minus the probability of such evidence under the closest rival.
    offset_m : median distance by which the layer is shifted, m; 0 for WGS84, NaN where unknown.
    evidence : in words.
    """

    datum: str
    score: float
    offset_m: float
    evidence: str


def detect_shift(points: Points, reference: gpd.GeoDataFrame | gpd.GeoSeries, *,
                 language: str = "zh") -> Shift:
    """Tell from a reference in WGS84 or CGCS2000 whether points are in GCJ-02 or BD-09.

    Parameters
    ----------
    points : GeoDataFrame or GeoSeries in any CRS, or (lon, lat) in degrees
        A column ``unit_id`` says in which unit each point should lie; a code may go deeper than
        the reference's (its first digits are compared).
    reference : GeoDataFrame or GeoSeries in any CRS
        Units (polygons, with ``unit_id`` as a column or index), or known points or lines that the
        layer should meet.
    language : of the evidence

    Returns
    -------
    Shift

    Raises
    ------
    CRSError
        If one of the frames has no CRS.

    Notes
    -----
    Each point is tried as it is, and moved back from GCJ-02 and from BD-09. It is a hit if it then
    lies in the unit it declares (or in any unit; or, with points and lines, if it comes at least
    twice as near to the reference as under the rival, and within a quarter of the GCJ-02 offset).
    Only points on which two datums disagree tell anything. A datum is named if against each rival
    it has three times as many such points (known points and lines: half as many again), if they
    are too many for chance (binomial test, 0.25 against for declared units, else 0.5; `ALPHA`),
    and if half the points lie in their units. Half a shift and a shifted reference are tried as
    well: where they fit better, the answer is unknown. So it is for a mixed file: test its parts.

    Examples
    --------
    >>> known = gpd.GeoSeries.from_xy(118.6 + 0.01 * np.arange(20), [24.9] * 20, crs=4326)
    >>> from_amap = wgs84_to_gcj02(known.x, known.y)
    >>> detect_shift(from_amap, known).datum
    'gcj02'
    """
    lon, lat, declared = _coordinates(points)
    shapes, ids = _reference(reference)
    offset_m = _apart_m((lon, lat), gcj02_to_wgs84(lon, lat))
    movable = offset_m > 1.0
    if not len(lon) or not len(shapes):
        return Shift("unknown", 0.0, np.nan, text("shift_nothing", language))
    if not movable.any():
        return Shift("wgs84", 1.0, 0.0, text("shift_outside", language))
    lon, lat = lon[movable], lat[movable]
    declared = None if declared is None else declared[movable]
    kind, better, shown = _evidence(_trials(lon, lat), shapes, ids, declared,
                                    reach_m=_HIT_SHARE * float(np.median(offset_m[movable])))
    return _decide(kind, better, shown, lon, lat, language)


def _coordinates(points: Points) -> tuple[Degrees, Degrees, pd.Series | None]:
    """Return the finite points as degrees, and the units they declare."""
    if isinstance(points, tuple):
        x, y = (np.atleast_1d(np.asarray(v, dtype=float)) for v in points)
        x, y = (np.ravel(v) for v in np.broadcast_arrays(x, y))
        declared = None
    else:
        shapes = np.array(_degrees(points, "points").geometry.array)
        shapes[shapely.is_empty(shapes)] = None
        other = shapely.get_type_id(shapes) > 0
        shapes[other] = shapely.point_on_surface(shapes[other])
        x, y = shapely.get_x(shapes), shapely.get_y(shapes)
        named = isinstance(points, gpd.GeoDataFrame) and "unit_id" in points
        declared = points["unit_id"].reset_index(drop=True) if named else None
    good = np.isfinite(x) & np.isfinite(y)
    return x[good], y[good], None if declared is None else declared[good]


def _degrees(frame: Any, where: str) -> Any:
    if frame.crs is None:
        raise CRSError("no coordinate reference system", where=where, got="none",
                       expected="the CRS that the layer's coordinates are written in",
                       mend=f"{where}.set_crs(...)")
    return frame.to_crs(GEOGRAPHIC)


def _reference(reference: gpd.GeoDataFrame | gpd.GeoSeries) -> tuple[np.ndarray, pd.Index]:
    shapes = np.asarray(_degrees(reference, "reference").geometry.array)
    named = isinstance(reference, gpd.GeoDataFrame) and "unit_id" in reference
    ids = pd.Index(reference["unit_id"]) if named else reference.index
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return shapes[there], ids[there].astype(str)


def _trials(lon: Degrees, lat: Degrees) -> dict[str, Pair]:
    """Return where the points are under each datum, and under two faults that look alike."""
    gcj = gcj02_to_wgs84(lon, lat)
    return {
        "wgs84": (lon, lat), "gcj02": gcj, "bd09": bd09_to_wgs84(lon, lat),
        "half": ((lon + gcj[0]) / 2, (lat + gcj[1]) / 2),
        "reference": wgs84_to_gcj02(lon, lat),
    }


def _apart_m(one: Pair, two: Pair) -> Degrees:
    a, b = mercator(*one), mercator(*two)
    return np.hypot(a[0] - b[0], a[1] - b[1]) * EARTH_RADIUS_M * np.cos(np.deg2rad(one[1]))


@dataclass(frozen=True, slots=True)
class _Trial:
    """Hits of one trial, and its distances to the reference where that is points or lines."""

    hit: npt.NDArray[np.bool_]
    distance_m: Degrees | None = None

    def beats(self, other: _Trial) -> npt.NDArray[np.bool_]:
        """Return the points that speak for this trial and against the other."""
        if self.distance_m is None or other.distance_m is None:
            return self.hit & ~other.hit
        return self.hit & (2 * self.distance_m <= other.distance_m)


def _evidence(trials: dict[str, Pair], shapes: np.ndarray, ids: pd.Index,
              declared: pd.Series | None, *, reach_m: float
              ) -> tuple[str, dict[str, _Trial], dict[str, float]]:
    """Return the kind of evidence, every trial's, and one figure a trial to print."""
    area = shapely.get_dimensions(shapes) == 2
    if not area.any():
        known = {name: _near(at, shapes, reach_m) for name, at in trials.items()}
        return "known", known, {name: float(np.median(trial.distance_m))
                                for name, trial in known.items() if trial.distance_m is not None}
    shapes, ids = shapes[area], ids[area]
    which = _unit_numbers(declared, ids)
    if (which >= 0).any():
        told = which >= 0
        own = shapes[which[told]]
        shapely.prepare(shapes)
        units = {name: _Trial(shapely.contains_xy(own, x[told], y[told]))
                 for name, (x, y) in trials.items()}
        kind = "declared"
    else:
        tree = shapely.STRtree(shapes)
        units = {name: _Trial(_in_any(at, tree)) for name, at in trials.items()}
        kind = "any_unit"
    return kind, units, {name: 100 * float(trial.hit.mean()) for name, trial in units.items()}


def _unit_numbers(declared: pd.Series | None, ids: pd.Index) -> np.ndarray:
    """Return the row of the declared unit, by its id or by the first digits of a deeper code."""
    if declared is None:
        return np.array([-1])
    names = declared.where(declared.notna(), "").astype(str)
    first = ~ids.duplicated()
    unique, rows = ids[first], np.flatnonzero(first)
    found = unique.get_indexer(names)
    lengths = set(unique.str.len())
    if len(lengths) == 1:
        found = np.where(found < 0, unique.get_indexer(names.str[:lengths.pop()]), found)
    return np.where(found < 0, -1, rows[found])


def _in_any(at: Pair, tree: shapely.STRtree) -> npt.NDArray[np.bool_]:
    hit = np.zeros(len(at[0]), dtype=bool)
    hit[tree.query(shapely.points(*at), predicate="intersects")[0]] = True
    return hit


def _near(at: Pair, shapes: np.ndarray, reach_m: float) -> _Trial:
    tree = shapely.STRtree(shapely.transform(
        shapes, lambda xy: np.column_stack(mercator(xy[:, 0], xy[:, 1]))))
    (row, _), distance = tree.query_nearest(
        shapely.points(*mercator(*at)), return_distance=True, all_matches=False)
    metres = np.full(len(at[0]), np.inf)
    metres[row] = distance * EARTH_RADIUS_M * np.cos(np.deg2rad(at[1][row]))
    return _Trial(metres <= reach_m, metres)


def _wins(one: _Trial, other: _Trial, kind: str) -> tuple[bool, float, int, int]:
    """Return whether `one` beats `other`, the probability of that by chance, for, against."""
    pro, con = int(one.beats(other).sum()), int(other.beats(one).sum())
    # Probability of `pro` or more of all the telling points.
    luck = float(bdtrc(pro - 1, pro + con, _CHANCE[kind])) if pro else 1.0
    return pro >= _MATERIAL[kind] * con and luck <= ALPHA, luck, pro, con


def _decide(kind: str, trials: dict[str, _Trial], shown: dict[str, float], lon: Degrees,
            lat: Degrees, language: str) -> Shift:
    points = len(trials["wgs84"].hit)

    def support(name: str) -> int:
        return min(int(trials[name].beats(trials[rival]).sum())
                   - int(trials[rival].beats(trials[name]).sum())
                   for rival in _DATUMS if rival != name)

    best = max(_DATUMS, key=support)
    duels = {rival: _wins(trials[best], trials[rival], kind)
             for rival in _DATUMS if rival != best}
    words = [text(f"shift_{kind}", language, points=points,
                  **{name: f"{shown[name]:.0f}" for name in _DATUMS})]
    for rival, (_, _, pro, con) in duels.items():
        words.append(text("shift_telling", language, one=_NAMES[best], other=_NAMES[rival],
                          telling=pro + con, pro=pro))
    faults = [name for name in ("half", "reference")
              if _wins(trials[name], trials[best], kind)[0]]
    plain = float(trials[best].hit.mean()) >= _LEAST_SHARE[kind]
    if faults or not plain or not all(won for won, *_ in duels.values()):
        words += [text(f"shift_fault_{name}", language) for name in faults]
        words += [] if faults else [text("shift_unclear", language)]
        return Shift("unknown", 0.0, np.nan, _joined(words, language))
    back = {"gcj02": gcj02_to_wgs84, "bd09": bd09_to_wgs84}.get(best)
    offset_m = float(np.median(_apart_m((lon, lat), back(lon, lat)))) if back else 0.0
    words.append(text("shift_found" if back else "shift_none", language, datum=_NAMES[best],
                      offset_m=f"{offset_m:.0f}"))
    score = 1.0 - max(luck for _, luck, *_ in duels.values())
    return Shift(best, score, offset_m, _joined(words, language))


_NAMES = {"wgs84": "WGS84/CGCS2000", "gcj02": "GCJ-02", "bd09": "BD-09"}


def _joined(words: list[str], language: str) -> str:
    return ("；" if language == "zh" else "; ").join(words)

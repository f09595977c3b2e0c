"""Forest fire: what lies near the most dangerous zones, and the fire-weather grade of a day.

Two scales that run opposite ways and never share a legend: zone classes I to III grade places
(I is the most dangerous), fire-weather grades 1 to 5 grade days (5 is the most dangerous).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qzrisk import rules
from qzrisk.crs import require_projected
from qzrisk.errors import ConfigError, CRSError
from qzrisk.levels import FIVE_LEVELS, THREE_LEVELS, ordered

_PACK = "forest_fire"
_NEEDED = ("date", "max_temperature_c", "humidity_percent", "rain_mm", "wind_m_s")
_LIMITS = {"humidity_percent": (0.0, 100.0), "rain_mm": (0.0, np.inf), "wind_m_s": (0.0, np.inf)}


def distance_to_class(places: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, *,
                      danger_class: str = "I") -> pd.Series:
    """Straight distance from places to the nearest forest fire zone of a class.

    Parameters
    ----------
    places : points or areas in a projected CRS, metres
    zones : fire zones in the same CRS with ``danger_class``
    danger_class : ``"I"`` (most dangerous), ``"II"`` or ``"III"``

    Returns
    -------
    Series in metres named ``distance_m``, indexed as `places`
        0 inside a zone or on its edge; infinite where there is no zone of the class; NaN where a
        place has no geometry.

    Raises
    ------
    ConfigError
        If the class is unknown.
    CRSError
        If the CRS of the two differ or are not projected.

    Examples
    --------
    >>> zones = gpd.GeoDataFrame({"danger_class": ["I"]}, crs="EPSG:4549",
    ...                          geometry=[shapely.box(0, 0, 100, 100)])
    >>> places = gpd.GeoDataFrame(geometry=gpd.points_from_xy([50, 400], [50, 50]),
    ...                           crs="EPSG:4549")
    >>> distance_to_class(places, zones).tolist()
    [0.0, 300.0]
    """
    if danger_class not in THREE_LEVELS:
        raise ConfigError("unknown danger class", expected=", ".join(THREE_LEVELS[::-1]),
                          got=repr(danger_class))
    if places.crs != zones.crs:
        raise CRSError("places and zones are not in one CRS", expected=places.crs, got=zones.crs)
    require_projected(places.crs, where="places")
    shapes = places.geometry.to_numpy()
    held = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    metres = np.where(held, np.inf, np.nan)
    tree = shapely.STRtree(zones.geometry[zones["danger_class"] == danger_class].to_numpy())
    if len(tree.geometries) and held.any():
        (rows, _), found = tree.query_nearest(shapes[held], return_distance=True,
                                              all_matches=False)
        metres[np.flatnonzero(held)[rows]] = found
    return pd.Series(metres, index=places.index, name="distance_m")


def danger_class(factors: pd.DataFrame, scores: pd.DataFrame, *, bounds: Sequence[float]
                 ) -> pd.Series:
    """Danger class of zones by a user's table of factor scores, in the manner of LY/T 1063.

    Parameters
    ----------
    factors : numbers indexed ``zone_id``, one column a factor
    scores : the table: one row a band of a factor with ``factor``, ``upper`` (closed bound of the
        band, in the unit of the factor; infinite for the last) and ``score``
    bounds : two sums of scores; up to and with the first a zone is of class III, up to and with
        the second of class II, above of class I

    Returns
    -------
    Series of ordered `THREE_LEVELS` (III, II, I) named ``danger_class``, indexed as `factors`
        NaN where a factor is missing or lies above its last band.

    Raises
    ------
    ConfigError
        If the bounds do not grow, a factor has no band, or a band has no factor.

    Notes
    -----
    No table is shipped: the scores and weights of the standard were not found in a source that
    can be cited. Weights go into the scores.

    References
    ----------
    LY/T 1063-2008, National classes of forest fire danger zones.

    Examples
    --------
    >>> table = pd.DataFrame({"factor": "fuel", "upper": [1, 2, np.inf], "score": [1, 3, 9]})
    >>> danger_class(pd.DataFrame({"fuel": [1, 2, 5, None]}), table, bounds=(2, 5)).tolist()
    ['III', 'II', 'I', nan]
    """
    low, high = bounds
    if not low < high:
        raise ConfigError("bounds of classes must grow", where="bounds", got=tuple(bounds))
    known = set(scores["factor"])
    if known != set(factors.columns):
        raise ConfigError("factors and their table differ", where="scores",
                          expected=sorted(factors.columns), got=sorted(known))
    total = np.zeros(len(factors))
    for name, column in factors.items():
        bands = scores[scores["factor"] == name].sort_values("upper")
        total += _points(column, bands["upper"].to_numpy(float), bands["score"].to_numpy(float))
    rank = np.searchsorted([low, high], total, side="left")
    codes = pd.Series(np.array(THREE_LEVELS, dtype=object)[rank], index=factors.index)
    return ordered(codes.where(np.isfinite(total)), THREE_LEVELS).rename("danger_class")


def dry_days(weather: pd.DataFrame) -> pd.Series:
    """Days since the last day with rain at each station.

    Parameters
    ----------
    weather : ``station_id``, ``date``, ``rain_mm``; one row a station and day, in any order

    Returns
    -------
    Series of days named ``dry_days``, indexed as `weather`
        0 on a day with rain. After a missing day, and before the first rain of a record, the last
        rain is not known: NaN, until it rains or as many dry days stand on record as the scale of
        the index tells apart; then their number, which is the least it can be.

    Raises
    ------
    ConfigError
        If a station has two rows of one day.

    Notes
    -----
    Up to 0.1 mm a day counts as dry (rule pack ``forest_fire``).

    Examples
    --------
    >>> dry_days(pd.DataFrame({"station_id": "s", "date": pd.date_range("2021-01-01", periods=4),
    ...                        "rain_mm": [0.0, 5.0, 0.0, 0.1]})).tolist()
    [nan, 0.0, 1.0, 2.0]
    """
    rows = weather[["station_id", "date", "rain_mm"]].assign(place=np.arange(len(weather)))
    twice = rows.duplicated(["station_id", "date"])
    if twice.any():
        first = rows[twice].iloc[0]
        raise ConfigError("two rows of one station and day", where=f"station "
                          f"{first['station_id']}", got=first["date"], expected="one row a day")
    rows = rows.sort_values(["station_id", "date"])
    rain = rows["rain_mm"].to_numpy(float, na_value=np.nan)
    apart = pd.to_datetime(rows["date"]).diff().dt.days.to_numpy() != 1
    apart |= (rows["station_id"] != rows["station_id"].shift()).to_numpy()
    # A run is a stretch of days without a gap; a missing amount is a gap of its own.
    run = np.cumsum(apart | np.isnan(rain) | np.isnan(np.r_[0.0, rain[:-1]]))
    day = np.arange(len(rows))
    wet = rain > rules.value(_PACK, "weather.rain_trace")
    last = pd.Series(np.where(wet, day, np.nan)).groupby(run).ffill().to_numpy()
    recorded = (pd.Series(day).groupby(run).cumcount() + 1).to_numpy(float)
    enough = len(rules.value(_PACK, "weather.dry_days")) - 1
    found = np.where(np.isnan(last), np.where(recorded >= enough, recorded, np.nan), day - last)
    out = np.full(len(rows), np.nan)
    out[rows["place"].to_numpy()] = np.where(np.isnan(rain), np.nan, found)
    return pd.Series(out, index=weather.index, name="dry_days")


def weather_index(weather: pd.DataFrame) -> pd.DataFrame:
    """Fire-weather index of each day, and the points that make it up.

    Parameters
    ----------
    weather : DataFrame, one row a station and day
        ``station_id``; ``date``; ``max_temperature_c`` of the day; ``humidity_percent`` at 14
        o'clock; ``rain_mm`` of the day; ``wind_m_s``, strongest of the day at 10 m;
        ``season_correction`` (optional), what is taken off for green cover or snow, 0 if missing.

    Returns
    -------
    DataFrame indexed as `weather`
        ``temperature``, ``humidity``, ``dry_spell``, ``wind``, ``correction`` and ``index``, their
        sum, the correction taken off; 0 to 130 without correction. NaN where an element is
        missing, and with it the index.

    Raises
    ------
    ConfigError
        If a column is missing, a station has two rows of one day, humidity is not within 0 and
        100 %, or rain or wind are negative.

    Notes
    -----
    ``index = A + B + C + D - E`` in the form of LY/T 1172. The tables of points are those of a
    published study as reposted (rule pack ``forest_fire``): its C counts dry days and not the
    amount of the last rain, its B is for 14 o'clock. It is not the grade that the weather service
    issues.

    References
    ----------
    LY/T 1172-1995, National grades of forest fire weather. doi 10.12677/wjf.2020.93016.

    Examples
    --------
    >>> day = pd.DataFrame({"station_id": ["s"], "date": ["2021-01-01"], "rain_mm": [3.0],
    ...                     "max_temperature_c": 18.0, "humidity_percent": 70.0, "wind_m_s": 2.0})
    >>> weather_index(day)["index"].tolist()
    [22.0]
    """
    lacking = [name for name in ("station_id", *_NEEDED) if name not in weather]
    if lacking:
        raise ConfigError("weather without column", where=", ".join(lacking),
                          expected=("station_id", *_NEEDED), got=list(weather.columns))
    for name, (least, most) in _LIMITS.items():
        off = weather[(weather[name] < least) | (weather[name] > most)]
        if len(off):
            raise ConfigError("impossible weather", where=f"{name} of {off.index[0]}",
                              expected=f"{least:g} to {most:g}", got=off[name].iloc[0])
    given = weather.get("season_correction", pd.Series(np.nan, index=weather.index))
    correction = given.astype(float).fillna(rules.value(_PACK, "weather.season"))
    parts = pd.DataFrame({
        "temperature": _table("temperature", weather["max_temperature_c"]),
        "humidity": _table("humidity", weather["humidity_percent"]),
        "dry_spell": _spell(dry_days(weather)),
        "wind": _table("wind", weather["wind_m_s"]),
        "correction": correction.to_numpy(),
    }, index=weather.index)
    plus = parts[["temperature", "humidity", "dry_spell", "wind"]].sum(axis=1, skipna=False)
    return parts.assign(index=plus - parts["correction"])


def weather_grade(index: pd.Series) -> pd.Series:
    """Fire-weather grade 1 to 5 of an index: green, blue, yellow, orange, red.

    Parameters
    ----------
    index : Series of the fire-weather index, see `weather_index`

    Returns
    -------
    Series of ordered `FIVE_LEVELS` named ``fire_weather``, indexed as `index`
        At most 25 green, 50 blue, 72 yellow, 90 orange, above red; NaN where the index is missing.

    References
    ----------
    LY/T 1172 (bounds, as reposted); QX/T 77-2007 (colours).

    Examples
    --------
    >>> weather_grade(pd.Series([25.0, 26.0, 91.0, np.nan])).tolist()
    ['green', 'blue', 'red', nan]
    """
    values = index.to_numpy(float, na_value=np.nan)
    colours = np.array(rules.value(_PACK, "weather.colours"), dtype=object)
    rank = np.searchsorted(rules.value(_PACK, "weather.bounds"), values, side="left")
    codes = pd.Series(colours[np.minimum(rank, len(colours) - 1)], index=index.index)
    return ordered(codes.where(~np.isnan(values)), FIVE_LEVELS).rename("fire_weather")


def _table(name: str, values: pd.Series) -> npt.NDArray[np.float64]:
    """Return the points of the rule pack; above its last bound those of the last band."""
    table: dict[str, Any] = rules.value(_PACK, f"weather.{name}")
    points = np.array(table["points"], float)
    if "least" in table:  # worse downwards: read from the other end
        return _points(-values, np.array([*(-np.array(table["least"])), np.inf]), points)
    return _points(values, np.array([*table["upper"], np.inf]), points)


def _points(values: pd.Series, upper: npt.NDArray[np.float64], points: npt.NDArray[np.float64]
            ) -> npt.NDArray[np.float64]:
    """Return the points of the band that each value lies in; NaN where it is missing or above."""
    number = values.to_numpy(float, na_value=np.nan)
    rank = np.searchsorted(upper, number, side="left")
    return np.where(np.isnan(number), np.nan, np.append(points, np.nan)[rank])


def _spell(days: pd.Series) -> npt.NDArray[np.float64]:
    points = np.array(rules.value(_PACK, "weather.dry_days"), dtype=float)
    number = days.to_numpy(float)
    rank = np.minimum(np.nan_to_num(number), len(points) - 1).astype(int)
    return np.where(np.isnan(number), np.nan, points[rank])

"""Forest fire by county: what lies near the most dangerous zones, and fire-weather grades."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qzrisk import rules
from qzrisk.analysis import forest
from qzrisk.layers.findings import findings, gather
from qzrisk.levels import FIVE_LEVELS, ordered, palette
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes.counts import HA_M2, by_unit, dummies
from qzrisk.units import ancestors, share


def near_m() -> float:
    """Return the distance from class I, metres, within which things are listed."""
    return float(rules.value("forest_fire", "zone.near"))


def near(loaded: Loaded) -> pd.DataFrame:
    """Return what lies within `near_m` of fire zones of class I, by county.

    Returns
    -------
    DataFrame indexed ``unit_id``, see `counts.by_unit`
        ``area_ha_I``; ``persons``, ``persons_near`` and their share ``near_share``; ``villages``
        with a populated cell, ``villages_near`` with one that near; ``shelters``,
        ``shelters_near``.
    """
    units, zones = loaded.tables["units"], loaded.layers["forest_zones"]
    demand, shelters = loaded.layers["demand"], loaded.layers["shelters"]
    cell_near = _near(loaded, "demand").to_numpy()
    persons = demand["persons"].to_numpy(float)
    people = pd.DataFrame({"persons": persons, "persons_near": persons * cell_near},
                          index=demand["unit_id"])
    lived = people[people["persons"] > 0].groupby(level=0).max() > 0
    places = pd.DataFrame({"villages": 1.0, "villages_near": lived["persons_near"].astype(float)},
                          index=lived.index)
    sites = pd.DataFrame({"shelters": 1.0, "shelters_near": _near(loaded, "shelters").astype(
        float).to_numpy()}, index=shelters["unit_id"])
    first = zones[zones["danger_class"] == "I"]
    area = first.get("area_m2", first.geometry.area).to_numpy(float, na_value=np.nan) / HA_M2
    home = first["unit_id"] if "unit_id" in first else pd.Series(np.nan, index=first.index)
    table = pd.concat([
        by_unit(pd.DataFrame({"area_ha_I": area}, index=pd.Index(home, name="unit_id")), units),
        *(by_unit(part.rename_axis("unit_id"), units) for part in (people, places, sites))],
        axis=1)
    return table.assign(near_share=share(table["persons_near"], table["persons"]))


def _near(loaded: Loaded, layer: str) -> pd.Series:
    metres = forest.distance_to_class(loaded.layers[layer], loaded.layers["forest_zones"])
    return metres <= near_m()


def weather(loaded: Loaded) -> pd.DataFrame:
    """Return the fire weather by station and day with ``county``, ``index`` and ``grade``.

    A unit without station number is its own station. Of two rows of a station and day the first
    holds, see `found`. A column that the table lacks is missing weather.
    """
    table = _stations(loaded)
    table = table[~table.duplicated(["station_id", "date"])]
    values = forest.weather_index(table)["index"]
    return table.assign(
        county=table["unit_id"].map(ancestors(loaded.tables["units"], "county")),
        index=values, grade=forest.weather_grade(values))


def _stations(loaded: Loaded) -> pd.DataFrame:
    table = loaded.tables["fire_weather"]
    wanted = ("max_temperature_c", "humidity_percent", "rain_mm", "wind_m_s")
    lacking = {name: np.nan for name in wanted if name not in table}
    own = table["station_id"].astype("str") if "station_id" in table else None
    unit = table["unit_id"].astype("str")
    return table.assign(station_id=unit if own is None else own.where(own.notna(), unit),
                        **lacking)


def latest(made: pd.DataFrame) -> pd.DataFrame:
    """Return index and grade of each county on the last day: those of its worst station.

    Parameters
    ----------
    made : see `weather`

    Returns
    -------
    DataFrame indexed by county
        ``index``, ``grade`` (ordered); NaN where no station has a grade on that day.
    """
    day = made[made["date"] == made["date"].max()]
    worst = day.groupby("county")["index"].max()
    return pd.DataFrame({"index": worst, "grade": forest.weather_grade(worst)})


def days(made: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return station days by county and grade, highest grade first, those without grade last."""
    one = dummies(made.assign(grade=made["grade"].astype("str")), "grade", FIVE_LEVELS[::-1],
                  prefix="days_")
    return by_unit(one.assign(days=1.0), units)


def table(loaded: Loaded) -> pd.DataFrame:
    """Return the grade of the last day by county, then the days of each grade."""
    made = weather(loaded)
    by_grade, last = days(made, loaded.tables["units"]), latest(made)
    by_grade.insert(0, "fire_index", last["index"].reindex(by_grade.index))
    codes = last["grade"].astype("str").reindex(by_grade.index)
    by_grade.insert(1, "fire_grade", ordered(codes, palette("fire_weather").codes).astype("str"))
    return by_grade


def found(loaded: Loaded, language: str) -> pd.DataFrame:
    """Return a finding for each row of fire weather whose station and day stood there before."""
    if "fire_weather" not in loaded.tables:
        return gather([])
    rows = _stations(loaded)
    again = rows[rows.duplicated(["station_id", "date"])]
    said = again["station_id"] + " " + pd.to_datetime(again["date"]).dt.strftime("%Y-%m-%d")
    return findings("same_station_day", "warning", layer="fire_weather", language=language,
                    rows=[0] * len(again), values=said, record_ids=again.index, field="date")

"""Generated weather of November and December 2021 by county, for the fire-weather grades."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .ground import Ground, dates, read, write_table
from .terrain import random_stream

if TYPE_CHECKING:
    from .grid import SampleGrid

FIRST, DAYS = "2021-11-01", 61
WET_SHARE = 0.16  # of days; they come in spells
MEAN_C, FALL_C = 25.0, 7.5  # highest temperature on the first day, and how far it falls
LAPSE_C_M = 0.006
COAST_M = 150  # counties with a lower mean height are windier and damper


def weather(ground: Ground, seed: int) -> pd.DataFrame:
    """One row a county and day; a county is its own station."""
    rng = random_stream(seed, "fire weather")
    county = ground.cells["unit_id"].str[:6]
    height = pd.Series(ground.at_cells("terrain")).groupby(county.to_numpy()).mean().sort_index()
    coastal = (height < COAST_M).to_numpy()
    spell = _spells(rng, DAYS)
    warmth = MEAN_C - FALL_C * np.linspace(0, 1, DAYS) + 2.2 * _drift(rng, DAYS)
    dryness = _drift(rng, DAYS)
    gusts = _drift(rng, DAYS)
    rows = []
    for place, (code, mean_m) in enumerate(height.items()):
        own = rng.standard_normal((4, DAYS))
        # It rains somewhere in the hills before it rains everywhere.
        rain = np.where(spell + 0.25 * own[0] > 0.5, rng.gamma(1.1, 6.0, DAYS) + 0.2, 0.0)
        wet = rain > 0
        heat = warmth - LAPSE_C_M * (mean_m - 100) + 0.7 * own[1] - 3.0 * wet
        damp = 52 + 6 * coastal[place] - 11 * dryness + 4 * own[2] + 26 * wet
        wind = np.exp(1.35 + 0.35 * coastal[place] + 0.35 * gusts + 0.18 * own[3])
        rows.append(pd.DataFrame({
            "record_id": [f"W{code}-{day + 1:02d}" for day in range(DAYS)],
            "station_id": f"S{code}", "unit_id": code, "date": dates(FIRST, np.arange(DAYS)),
            "max_temperature_c": heat.round(1), "humidity_percent": damp.clip(18, 97).round(),
            "rain_mm": rain.round(1), "wind_m_s": wind.clip(0.4, 16).round(1)}))  # fmt: skip
    return pd.concat(rows, ignore_index=True).assign(synthetic=True)


def _drift(rng: np.random.Generator, count: int) -> np.ndarray:
    """Slow changes from day to day, of mean 0 and deviation about 1."""
    step, keep = rng.standard_normal(count), 0.7
    drift = np.empty(count)
    drift[0] = step[0]
    for day in range(1, count):
        drift[day] = keep * drift[day - 1] + np.sqrt(1 - keep**2) * step[day]
    return drift


def _spells(rng: np.random.Generator, count: int) -> np.ndarray:
    """1 on days of the city's wet spells of one to three days, 0 on others."""
    wet = np.zeros(count)
    while wet.mean() < WET_SHARE:
        start = int(rng.integers(count))
        wet[start : start + int(rng.integers(1, 4))] = 1
    return wet


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``forest/fire_weather.csv``."""
    write_table(weather(read(grid, data), seed), data / "forest" / "fire_weather.csv")

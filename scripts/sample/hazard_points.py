"""Generated geological hazard points and steep slopes; Nan'an's 237 and 283 are real counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from .ground import Ground, dates, read, sample_people, write_layer
from .terrain import random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import SampleGrid

# county: (points, slopes); those of 350583 are the census pilot's published results.
COUNTS = {
    "350502": (2, 4), "350503": (9, 15), "350504": (34, 46), "350505": (16, 22),
    "350521": (24, 35), "350524": (342, 410), "350525": (268, 305), "350526": (231, 262),
    "350581": (2, 5), "350582": (11, 20), "350583": (237, 283),
}  # fmt: skip
KINDS = {"landslide": 0.55, "collapse": 0.27, "debris_flow": 0.05, "unstable_slope": 0.13}
CALLED = {"landslide": "滑坡", "collapse": "崩塌", "debris_flow": "泥石流",
          "unstable_slope": "不稳定斜坡", "high_steep_slope": "高陡边坡"}  # fmt: skip
# Danger grade (险情): the worse of persons to move and property, least of each grade.
GRADES = ("small", "medium", "large", "exceptional")
GRADE_PERSONS = (100, 500, 1000)
GRADE_YUAN = (5_000_000, 50_000_000, 100_000_000)


def grade(persons: NDArray[np.int64], property_yuan: NDArray[np.int64]) -> NDArray[np.str_]:
    """Danger grade of each point: the worse of its two criteria, '以上' inclusive."""
    by_persons = np.searchsorted(GRADE_PERSONS, persons, side="right")
    by_yuan = np.searchsorted(GRADE_YUAN, property_yuan, side="right")
    return np.array(GRADES)[np.maximum(by_persons, by_yuan)]


def _drawn(ground: Ground, rng: np.random.Generator) -> pd.DataFrame:
    """Cells of steep ground near houses, county by county; points first, then slopes."""
    persons = ground.cells["persons"].to_numpy(float)
    steep = ground.at_cells("landslide") + 0.004 * ground.at_cells("slope")
    pull = (0.02 + steep) ** 2 * np.sqrt(np.minimum(persons, 60))
    county = ground.cells["unit_id"].str[:6].to_numpy()
    parts = []
    for code, (points, slopes) in COUNTS.items():
        cells = ground.draw(np.where(county == code, pull, 0), points + slopes, rng)
        parts.append(cells.assign(slope=np.arange(points + slopes) >= points))
    return pd.concat(parts, ignore_index=True).sort_values(
        ["slope", "unit_id"], kind="stable", ignore_index=True
    )


def hazard_points(ground: Ground, seed: int) -> gpd.GeoDataFrame:
    """Generate the layer in EPSG:4490, by ``hazard_point_id``."""
    rng = random_stream(seed, "hazard points")
    drawn = _drawn(ground, rng)
    size, slope = len(drawn), drawn["slope"].to_numpy(bool)
    kind = rng.choice(list(KINDS), size, p=list(KINDS.values()))
    kind = np.where(slope, "high_steep_slope", kind)
    households = np.round(np.exp(rng.normal(np.where(slope, 0.6, 1.6), 1.0, size))).astype("int64")
    households = np.maximum(households, 1)
    persons = households * 3 + rng.integers(0, 3, size)
    property_yuan = np.round(households * rng.uniform(120_000, 400_000, size), -4).astype("int64")
    number = drawn.groupby(["slope", drawn["unit_id"].str[:6]]).cumcount() + 1
    codes = drawn["unit_id"].str[:6] + np.where(slope, "-B", "-D")
    town = ground.town_name(drawn["unit_id"])
    people, phones = sample_people(size)
    trigger = rng.choice(["rain", "typhoon", "slope_cut", "weathering"], size,
                         p=[0.45, 0.2, 0.3, 0.05])  # fmt: skip
    return gpd.GeoDataFrame(
        {
            "hazard_point_id": codes + number.astype(str).str.zfill(3),
            "unit_id": drawn["unit_id"],
            "name": [f"{place}样例{CALLED[k]}{n:03d}"
                     for place, k, n in zip(town, kind, number, strict=True)],
            "kind": kind, "level": grade(persons, property_yuan),
            "trend": rng.choice(["stable", "slow", "fast"], size, p=[0.7, 0.25, 0.05]),
            "volume_m3": np.round(np.exp(rng.normal(6.5, 1.2, size)), -1).astype("int64"),
            "threatened_households": households, "threatened_persons": persons,
            "threatened_property_yuan": property_yuan,
            "trigger": np.where(slope, "slope_cut", trigger),
            "found_on": dates("2021-04-30", -rng.integers(0, 4000, size)),
            "monitored": rng.random(size) < np.where(slope, 0.05, 0.35),
            "monitor": people, "phone": phones, "synthetic": True,
        },
        geometry=ground.points(drawn, rng),
    )  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``hazard_points/hazard_points.gpkg`` (layer hazard_points)."""
    layer = hazard_points(read(grid, data), seed)
    write_layer(layer, data / "hazard_points" / "hazard_points.gpkg", "hazard_points")

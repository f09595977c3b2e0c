"""The 5 forest fires and the 10 emergency responses of 2021: the counts are real, the rest not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from .ground import Ground, dates, read, write_layer, write_table
from .terrain import random_stream

if TYPE_CHECKING:
    from .grid import SampleGrid

FIRES = 5
# Day of 2021: in the fire season, none about Qingming (2 to 6 April: no fire, the report says).
FIRE_DAYS = (15, 44, 71, 320, 351)
CAUSES = ("烧荒", "祭祀用火", "电线短路", "施工用火", "野外吸烟")
HECTARE_M2 = 10_000
# kind, level, first day of 2021, days: rain in May and June, typhoons from July to October.
RESPONSES = (
    ("rainstorm", "IV", 126, 2), ("rainstorm", "IV", 141, 3), ("rainstorm", "III", 157, 2),
    ("rainstorm", "IV", 172, 2), ("typhoon", "IV", 200, 3), ("typhoon", "III", 212, 4),
    ("extreme_weather", "IV", 225, 1), ("typhoon", "II", 253, 4), ("typhoon", "IV", 283, 3),
    ("extreme_weather", "IV", 357, 3),
)  # fmt: skip
NOTE = "次数取自报告，类型与日期为合成 / the count is the report's, kinds and dates are synthetic"


def fires(ground: Ground, seed: int) -> gpd.GeoDataFrame:
    """Five fires in the woods, one a county, none major, nobody hurt (EPSG:4490)."""
    rng = random_stream(seed, "forest fires")
    lonely = ground.cells["persons"].to_numpy() < 5
    weight = ground.at_cells("fire_danger") ** 3 * lonely
    drawn = ground.draw(weight, 2000, rng)
    county = drawn["unit_id"].str[:6]
    drawn = drawn[~county.duplicated()].head(FIRES).reset_index(drop=True)
    burnt = np.round(np.exp(rng.normal(0.3, 1.0, FIRES)) * HECTARE_M2, -2)
    return gpd.GeoDataFrame(
        {
            "incident_id": [f"FF2021-{number:02d}" for number in range(1, FIRES + 1)],
            "unit_id": drawn["unit_id"], "kind": "forest_fire",
            "occurred_on": dates("2021-01-01", FIRE_DAYS),
            "level": np.where(burnt < HECTARE_M2, "ordinary", "considerable"),
            "burnt_area_m2": np.minimum(burnt, 99 * HECTARE_M2).astype("int64"),
            "deaths": 0, "injured": 0, "cause": list(CAUSES), "closed": True, "synthetic": True,
        },
        geometry=ground.points(drawn, rng),
    )  # fmt: skip


def responses() -> pd.DataFrame:
    """Return the ten responses, records without a place."""
    kind, level, first, days = zip(*RESPONSES, strict=True)
    start = np.array(first)
    return pd.DataFrame(
        {
            "response_id": [f"R2021-{number:02d}" for number in range(1, len(RESPONSES) + 1)],
            "unit_id": "350500", "kind": kind, "level": level,
            "started_on": dates("2021-01-01", start - 1),
            "ended_on": dates("2021-01-01", start - 1 + np.array(days)),
            "note": NOTE, "synthetic": True,
        }
    )  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``incidents/incidents.gpkg`` (layer incidents) and ``incidents/responses.csv``."""
    folder = data / "incidents"
    write_layer(fires(read(grid, data), seed), folder / "incidents.gpkg", "incidents")
    write_table(responses(), folder / "responses.csv")

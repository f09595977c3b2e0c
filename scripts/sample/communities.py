"""The demonstration communities: 49 that stood before 2021 and 6 accepted in 2021.

The two counts are the report's; which communities they are is drawn and not a fact.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from .ground import Ground, apportion, dates, read, sample_people, write_layer
from .terrain import random_stream

if TYPE_CHECKING:
    from .grid import SampleGrid

EXISTING, NEW = 49, 6


def chosen(ground: Ground, rng: np.random.Generator) -> pd.DataFrame:
    """Draw 55 communities, at least one a county, more where more people live."""
    urban = ground.villages["name"].str.contains("社区|居委会")
    pool = ground.villages[urban & (ground.villages["persons"] > 800)]
    persons = pool.groupby("county")["persons"].sum().sort_index()
    counts = 1 + apportion(EXISTING + NEW - len(persons), persons)
    parts = [
        pool[pool["county"] == county].sample(int(count), random_state=rng)
        for county, count in zip(persons.index, counts, strict=True)
    ]
    return pd.concat(parts).sort_index()


def communities(ground: Ground, seed: int) -> gpd.GeoDataFrame:
    """Generate the layer in EPSG:4490; points stand by the fullest cell of each community."""
    rng = random_stream(seed, "communities")
    pool = chosen(ground, rng)
    cells = ground.cells.sort_values("persons", ascending=False, kind="stable")
    fullest = cells.drop_duplicates("unit_id").set_index("unit_id", drop=False)
    size = len(pool)
    points = ground.points(fullest.loc[pool.index].reset_index(drop=True), rng)
    new = np.zeros(size, dtype=bool)
    new[rng.choice(size, NEW, replace=False)] = True
    people, phones = sample_people(size)
    return gpd.GeoDataFrame(
        {
            "community_id": [f"C{number:02d}" for number in range(1, size + 1)],
            "unit_id": pool.index, "name": pool["name"].to_numpy(),
            "kind": np.where(new, "new_2021", "existing"),
            "awarded_year": np.where(new, 2021, rng.integers(2008, 2021, size)),
            "persons": pool["persons"].to_numpy(), "risk_map": rng.random(size) < 0.9,
            "drills_per_year": rng.integers(1, 5, size),
            "checked_on": dates("2021-04-01", rng.integers(0, 200, size)),
            "contact": people, "phone": phones, "synthetic": True,
        },
        geometry=points,
    )  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``communities/communities.gpkg`` (layer communities)."""
    layer = communities(read(grid, data), seed)
    write_layer(layer, data / "communities" / "communities.gpkg", "communities")

"""Generated enterprises: 130 demonstration (71, 25 and 34 by size), 23 hazchem, 26 mines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from .ground import Ground, read, sample_people, write_layer
from .terrain import random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import SampleGrid

DEMONSTRATION = {"large": 71, "medium": 25, "small": 34}
HAZCHEM, MINES = 23, 26
EMPLOYEES = {"large": 700, "medium": 240, "small": 35}
SECTORS = {"industry_trade": 0.5, "construction": 0.12, "road_traffic": 0.1, "hazchem": 0.06,
           "gas": 0.05, "fire": 0.05, "water_traffic": 0.03, "mining": 0.04,
           "other": 0.05}  # fmt: skip
LEVELS = {  # red, orange, yellow, blue
    "demonstration": (0.02, 0.13, 0.35, 0.50), "hazchem": (0.35, 0.40, 0.20, 0.05),
    "mine": (0.12, 0.48, 0.30, 0.10)}  # fmt: skip
# Parks of the petrochemical industry hold most hazardous-chemical plants; quarries are upland.
HAZCHEM_PULL = {"350505": 40.0, "350521402": 30.0, "350583120": 4.0}
MINE_COUNTIES = {"350524": 1.0, "350526": 0.8, "350525": 0.7, "350583": 0.6, "350504": 0.3}


def _pull(kind: str, ground: Ground) -> NDArray[np.float64]:
    code = ground.cells["unit_id"]
    persons = ground.cells["persons"].to_numpy(float)
    if kind == "mine":
        share = code.str[:6].map(MINE_COUNTIES).fillna(0).to_numpy()
        return share * (persons < 20) * (1 + ground.at_cells("slope"))
    if kind == "hazchem":
        pull = np.ones(len(code))
        for prefix, value in HAZCHEM_PULL.items():
            pull = np.where(code.str.startswith(prefix), value, pull)
        return pull * np.where(persons < 60, 1 + np.sqrt(persons), 0)
    return persons**0.8


def enterprises(ground: Ground, seed: int) -> gpd.GeoDataFrame:
    """Generate the layer in EPSG:4490, by ``enterprise_id``."""
    rng = random_stream(seed, "enterprises")
    counts = {"demonstration": sum(DEMONSTRATION.values()), "hazchem": HAZCHEM, "mine": MINES}
    drawn = pd.concat(
        [ground.draw(_pull(kind, ground), n, rng).assign(kind=kind) for kind, n in counts.items()],
        ignore_index=True,
    )
    points = ground.points(drawn, rng)
    size = len(drawn)
    kind = drawn["kind"].to_numpy(str)
    scale = np.repeat(list(DEMONSTRATION), list(DEMONSTRATION.values()))
    rest = rng.choice(["large", "medium", "small"], HAZCHEM + MINES, p=[0.3, 0.35, 0.35])
    scale = np.concatenate([rng.permutation(scale), rest])
    sector = rng.choice(list(SECTORS), size, p=np.array(list(SECTORS.values())))
    sector = np.select([kind == "hazchem", kind == "mine"], ["hazchem", "mining"], sector)
    names = ["red", "orange", "yellow", "blue"]
    people, phones = sample_people(size)
    staff = np.array([EMPLOYEES[s] for s in scale]) * np.exp(0.4 * rng.standard_normal(size))
    frame = gpd.GeoDataFrame(
        {
            "enterprise_id": [f"E{number:03d}" for number in range(1, size + 1)],
            "unit_id": drawn["unit_id"],
            "name": [f"样例企业{number:03d}" for number in range(1, size + 1)],
            "kind": kind, "size": scale, "sector": sector,
            "level": [rng.choice(names, p=LEVELS[k]) for k in kind],
            "major_hazard_grade": pd.array(
                rng.choice([1, 2, 3, 4], size, p=[0.15, 0.2, 0.3, 0.35]), dtype="Int64"),
            "responsible_system": kind != "demonstration",
            "employees": np.maximum(staff.round(), 6).astype("int64"),
            "safety_officer": people, "phone": phones, "synthetic": True,
        },
        geometry=points,
    )  # fmt: skip
    frame["major_hazard_grade"] = frame["major_hazard_grade"].mask(kind != "hazchem")
    return frame


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``enterprises/enterprises.gpkg`` (layer enterprises)."""
    layer = enterprises(read(grid, data), seed)
    write_layer(layer, data / "enterprises" / "enterprises.gpkg", "enterprises")

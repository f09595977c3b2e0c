"""The 443 generated rescue teams: 23,396 people, among them 7 social teams of 428 + 211."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from .ground import Ground, apportion, read, sample_people, write_layer
from .terrain import random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import SampleGrid

MEMBERS = 23_396
SOCIAL_FULL, SOCIAL_RESERVE = 428, 211
LEAST_MEMBERS = 8
# kind: teams, mean size (relative), turnout min, speed km/h, on duty round the clock, what it has
KINDS = {
    "fire": (96, 26, 1, 50, 1.0, "水罐消防车;破拆器材;救生绳索"),
    "professional": (58, 70, 8, 50, 0.7, "抢险车;发电机;排水泵;卫星电话"),
    "social": (7, 0, 20, 45, 0.5, "冲锋舟;无人机;急救包"),
    "enterprise": (168, 55, 10, 40, 0.6, "空气呼吸器;堵漏器材;防化服"),
    "forest": (114, 58, 15, 40, 0.4, "风力灭火机;水泵;二号工具;对讲机"),
}
CALLED = {"fire": "消防救援队", "professional": "专业抢险队", "social": "社会应急救援队",
          "enterprise": "企业应急救援队", "forest": "森林消防队"}  # fmt: skip


def members(kinds: NDArray[np.str_], rng: np.random.Generator) -> pd.DataFrame:
    """Full and reserve members of each team; they sum to the report's figures."""
    social = kinds == "social"
    size = np.array([KINDS[kind][1] for kind in kinds]) * np.exp(0.5 * rng.standard_normal(
        len(kinds)))  # fmt: skip
    others = MEMBERS - SOCIAL_FULL - SOCIAL_RESERVE
    full, reserve = np.zeros((2, len(kinds)), dtype="int64")
    count = int((~social).sum())
    full[~social] = LEAST_MEMBERS + apportion(others - LEAST_MEMBERS * count, size[~social])
    part = rng.uniform(0.6, 1.4, int(social.sum()))
    full[social], reserve[social] = apportion(SOCIAL_FULL, part), apportion(SOCIAL_RESERVE, part)
    return pd.DataFrame(
        {"members": full + reserve, "full_members": full, "reserve_members": reserve}
    )


def _posts(kind: str, ground: Ground) -> NDArray[np.float64]:
    """How likely each cell is to hold the post of a team of that kind."""
    persons = ground.cells["persons"].to_numpy(float)
    if kind == "forest":
        return np.where(persons > 0, persons**0.3, 0) * (0.02 + ground.at_cells("fire_danger"))
    return persons ** (0.7 if kind == "fire" else 0.9)


def teams(ground: Ground, seed: int) -> gpd.GeoDataFrame:
    """Generate the teams in EPSG:4490, by ``team_id``."""
    rng = random_stream(seed, "teams")
    drawn = pd.concat(
        [
            ground.draw(_posts(kind, ground), row[0], rng).assign(kind=kind)
            for kind, row in KINDS.items()
        ],
        ignore_index=True,
    )
    points = ground.points(drawn, rng)
    kinds = drawn["kind"].to_numpy(str)
    size = len(drawn)
    frame = gpd.GeoDataFrame(drawn[["unit_id", "kind"]], geometry=points)
    frame["team_id"] = [f"T{number:03d}" for number in range(1, size + 1)]
    town = ground.town_name(frame["unit_id"])
    frame["name"] = [
        f"{place}{CALLED[kind]}（样例{number:03d}）"
        for number, (place, kind) in enumerate(zip(town, kinds, strict=True), 1)
    ]
    frame = frame.join(members(kinds, rng))
    base = np.array([KINDS[kind][2] for kind in kinds])
    frame["turnout_min"] = np.maximum(base + rng.integers(-2, 6, size), 1)
    frame["speed_kmh"] = [KINDS[kind][3] for kind in kinds]
    frame["equipment"] = [KINDS[kind][5] for kind in kinds]
    frame["on_duty_24h"] = rng.random(size) < [KINDS[kind][4] for kind in kinds]
    frame["leader"], frame["phone"] = sample_people(size)
    frame["synthetic"] = True
    return frame[COLUMNS]


COLUMNS = ["team_id", "unit_id", "name", "kind", "members", "full_members", "reserve_members",
    "turnout_min", "speed_kmh", "equipment", "on_duty_24h", "leader", "phone", "synthetic",
    "geometry"]  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``teams/teams.gpkg`` (layer teams)."""
    write_layer(teams(read(grid, data), seed), data / "teams" / "teams.gpkg", "teams")

"""Generated enterprises: 130 demonstration (71, 25 and 34 by size), 23 hazchem, 26 mines.

And the risk points of each: its level is that of its worst point.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from .ground import Ground, read, sample_people, write_layer, write_table
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
    # A plant with a major hazard source is red by rule.
    "demonstration": (0.02, 0.13, 0.35, 0.50), "hazchem": (1.0, 0.0, 0.0, 0.0),
    "mine": (0.12, 0.48, 0.30, 0.10)}  # fmt: skip
# Parks of the petrochemical industry hold most hazardous-chemical plants; quarries are upland.
HAZCHEM_PULL = {"350505": 40.0, "350521402": 30.0, "350583120": 4.0}
MINE_COUNTIES = {"350524": 1.0, "350526": 0.8, "350525": 0.7, "350583": 0.6, "350504": 0.3}
POINTS = {"large": (4, 8), "medium": (3, 6), "small": (2, 4)}  # from, below
METHODS = {"LEC": 0.6, "LS": 0.3, "direct": 0.1}
LOW_TO_HIGH = ("blue", "yellow", "orange", "red")
LESSER = (0.60, 0.30, 0.09, 0.01)  # how often points other than the worst have each level
PLACES = {
    "construction": ("深基坑", "起重吊装", "脚手架", "临时用电", "高处作业"),
    "road_traffic": ("停车场", "维修车间", "装卸区", "调度室"),
    "water_traffic": ("码头前沿", "系泊设备", "装卸区"),
    "hazchem": ("储罐区", "装卸台", "反应装置", "危化品库", "配电室"),
    "mining": ("采场边坡", "爆破作业", "排土场", "破碎站", "运输道路"),
    "industry_trade": ("涉粉车间", "有限空间", "冲压设备", "锅炉房", "配电室", "喷涂线", "仓库"),
    "fire": ("疏散通道", "消防控制室", "仓库", "充电棚"),
    "gas": ("储配站", "调压站", "充装台", "气瓶间"),
    "other": ("锅炉房", "配电室", "仓库", "食堂"),
}


def _scores(method: str) -> dict[str, pd.DataFrame]:
    """Every combination of scores of a method, by the level it comes to."""
    letters = {"LEC": {"L": (6, 3, 1, 0.5, 0.2), "E": (10, 6, 3, 2, 1), "C": (40, 15, 7, 3, 1)},
               "LS": {"L": (1, 2, 3, 4, 5), "S": (1, 2, 3, 4, 5)}}[method]  # fmt: skip
    table = pd.MultiIndex.from_product(letters.values(), names=letters).to_frame(index=False)
    product = table.prod(axis=1).round(6)
    bounds = [70, 160, 320] if method == "LEC" else [8, 12, 16]
    level = np.array(LOW_TO_HIGH)[np.searchsorted(bounds, product, side="left")]
    return {name: table[level == name] for name in LOW_TO_HIGH}


def risk_points(firms: gpd.GeoDataFrame, seed: int) -> pd.DataFrame:
    """Generate the risk points of every enterprise; the worst has the level of the enterprise."""
    rng = random_stream(seed, "risk points")
    scores = {method: _scores(method) for method in ("LEC", "LS")}
    rows = []
    for firm in firms.itertuples():
        worst = LOW_TO_HIGH.index(firm.level)
        count = int(rng.integers(*POINTS[firm.size]))
        lesser = np.minimum(rng.choice(4, count - 1, p=LESSER), worst)
        names = PLACES[firm.sector]
        for number, rank in enumerate([worst, *lesser]):
            # The first point of a plant with a graded source is that source.
            source = firm.kind == "hazchem" and number == 0
            method = "direct" if source else str(rng.choice(list(METHODS), p=[*METHODS.values()]))
            row = {"point_id": f"{firm.enterprise_id}-R{number + 1}",
                   "enterprise_id": firm.enterprise_id, "method": method,
                   "name": "重大危险源" if source else
                   f"{names[number % len(names)]}{number // len(names) + 1}",
                   "grade": LOW_TO_HIGH[rank], "major_hazard_source": source,
                   "sector": firm.sector, "unit_id": firm.unit_id}  # fmt: skip
            if method != "direct":
                table = scores[method][LOW_TO_HIGH[rank]]
                row |= table.iloc[int(rng.integers(len(table)))].to_dict()
            rows.append(row)
    columns = ["point_id", "enterprise_id", "name", "method", "L", "E", "C", "S", "grade",
               "major_hazard_source", "sector", "unit_id"]  # fmt: skip
    return pd.DataFrame(rows)[columns].assign(synthetic=True)


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
    """Write ``enterprises/enterprises.gpkg`` (layer enterprises) and ``risk_points.csv``."""
    layer = enterprises(read(grid, data), seed)
    write_layer(layer, data / "enterprises" / "enterprises.gpkg", "enterprises")
    write_table(risk_points(layer, seed), data / "enterprises" / "risk_points.csv")

"""Hidden dangers of 2021: 377,300 found and 376,900 closed by unit and sector, and single rows.

The two sums are the report's (37.73万余, 37.69万余: rounded down there, taken as exact here); how
they divide is generated. Rows stand for all 400 open dangers and for 5,000 of the closed ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .ground import Ground, apportion, dates, read, sample_people, write_table
from .terrain import random_stream

if TYPE_CHECKING:
    from .grid import SampleGrid

FOUND, CLOSED = 377_300, 376_900
CLOSED_ROWS = 5_000
YEAR_DAYS = 365
# sector: (share of all, what is found)
SECTORS = {
    "building": (0.09, ("擅自加层改建", "外墙饰面松动", "承重墙开裂")),
    "construction": (0.12, ("临边防护缺失", "脚手架连墙件不足", "起重机械未验收")),
    "road_traffic": (0.16, ("护栏缺损", "标志标线不清", "车辆带病上路")),
    "water_traffic": (0.02, ("救生设备不足", "渡船超员", "航标失效")),
    "hazchem": (0.05, ("可燃气体报警器失效", "储罐标识不清", "动火作业无票")),
    "mining": (0.02, ("边坡角超设计", "爆破器材管理混乱", "排土场无截水沟")),
    "industry_trade": (0.26, ("机械防护罩缺失", "粉尘清扫不及时", "有限空间无警示")),
    "fire": (0.20, ("疏散通道堵塞", "消火栓无水", "电动车违规充电")),
    "gas": (0.05, ("软管老化", "用户无报警器", "调压箱锈蚀")),
    "other": (0.03, ("应急预案未修订", "培训记录缺失", "台账不全")),
}
COASTAL = ("350503", "350505", "350521r", "350521x", "350581", "350582", "350583")
UPLAND = ("350504", "350524", "350525", "350526", "350583", "350521r")
NOTE = ("合计取自报告（37.73万余、37.69万余），分项为合成 / "
        "totals from the report (over 377,300 and 376,900), the split is synthetic")  # fmt: skip


def counts(ground: Ground, seed: int) -> pd.DataFrame:
    """Found and closed dangers of each of 13 units and 10 sectors; they sum exactly."""
    rng = random_stream(seed, "hidden danger counts")
    persons = ground.villages.groupby("reporting_id")["persons"].sum().sort_index()
    table = pd.MultiIndex.from_product(
        [persons.index, SECTORS], names=["unit_id", "sector"]
    ).to_frame(index=False)
    weight = table["unit_id"].map(persons) * table["sector"].map({k: v[0] for k, v in
        SECTORS.items()})  # fmt: skip
    weight = weight * rng.uniform(0.7, 1.3, len(table))
    at_sea = (table["sector"] == "water_traffic") & ~table["unit_id"].isin(COASTAL)
    dug = (table["sector"] == "mining") & ~table["unit_id"].isin(UPLAND)
    weight = weight.mask(at_sea | dug, 0.0)
    table["found"] = apportion(FOUND, weight)
    still_open = apportion(FOUND - CLOSED, table["found"] * rng.uniform(0.3, 2.0, len(table)))
    table["closed"] = table["found"] - np.minimum(still_open, table["found"])
    table.insert(0, "count_id", table["unit_id"] + "-" + table["sector"])
    return table.assign(year=2021, note=NOTE, synthetic=True)


def ledger(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Rows of all open dangers and of 5,000 closed ones, by unit and sector as in `counts`."""
    rng = random_stream(seed, "hidden danger rows")
    still_open = (table["found"] - table["closed"]).to_numpy()
    closed = apportion(CLOSED_ROWS, table["closed"])
    parts = []
    for state, count in (("open", still_open), ("closed", closed)):
        rows = table.loc[np.repeat(table.index.to_numpy(), count), ["unit_id", "sector"]]
        parts.append(rows.assign(state=state))
    frame = pd.concat(parts, ignore_index=True)
    size = len(frame)
    is_open = (frame["state"] == "open").to_numpy()
    # What is still open was mostly found late in the year.
    found = np.where(is_open, YEAR_DAYS - 1 - rng.integers(0, 120, size),
                     rng.integers(0, YEAR_DAYS - 20, size))  # fmt: skip
    major = rng.random(size) < np.where(is_open, 0.06, 0.008)
    due = found + np.where(major, 90, rng.choice([7, 15, 30, 60], size))
    late = rng.random(size) < 0.04
    closed_day = found + np.round((due - found) * rng.uniform(0.05, 1.0, size)).astype(int)
    closed_day = np.minimum(np.where(late, due + rng.integers(1, 30, size), closed_day),
                            YEAR_DAYS - 1)  # fmt: skip
    pick = rng.integers(0, 3, size)
    people, _ = sample_people(size)
    return pd.DataFrame(
        {
            "danger_id": [f"HD2021-{number:04d}" for number in range(1, size + 1)],
            "unit_id": frame["unit_id"], "sector": frame["sector"],
            "grade": np.where(major, "重大", "一般"),
            "description": [SECTORS[s][1][p] for s, p in zip(frame["sector"], pick, strict=True)],
            "found_on": dates("2021-01-01", found), "due_on": dates("2021-01-01", due),
            "state": frame["state"],
            "closed_on": np.where(is_open, "", dates("2021-01-01", closed_day)),
            "owner": people, "synthetic": True,
        }
    )  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``hidden_dangers/counts.csv`` and ``hidden_dangers/ledger.csv``."""
    table = counts(read(grid, data), seed)
    write_table(table, data / "hidden_dangers" / "counts.csv")
    write_table(ledger(table, seed), data / "hidden_dangers" / "ledger.csv")

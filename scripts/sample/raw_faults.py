"""Faults of the raw shelter files: what clerks really write, each with its truth beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyproj import Geod

if TYPE_CHECKING:
    from collections.abc import Mapping

REPAIRED, FOUND, QUARANTINED = "repaired", "accepted_with_finding", "quarantined"
WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")
HUNDREDS = {"100": "一百", "200": "二百", "300": "三百", "400": "四百", "500": "五百"}
EMPTY_WORDS = ("", "无", "暂缺", "/", "-")
GEOD = Geod(ellps="GRS80")

Row = pd.Series
Table = pd.DataFrame


@dataclass(frozen=True)
class Fault:
    """One way to spoil a cell: rule, column, outcome, which rows suit, what is written instead."""

    rule: str
    column: str
    outcome: str
    write: Callable[[str, Row, np.random.Generator], str]
    suits: Callable[[Table], Any] = field(default=lambda rows: rows["capacity_persons"] != "")


def _composite(value: str, _row: Row, rng: np.random.Generator) -> str:
    inside = int(int(value) * rng.uniform(0.55, 0.85))
    return f"室内{inside}人/室外{int(value) - inside}人"


def _range(value: str, _row: Row, rng: np.random.Generator) -> str:
    low = max(int(value) - 10 * int(rng.integers(1, 6)), 10)
    return f"{low}-{int(value) + 10 * int(rng.integers(2, 12))}"


CELLS: dict[str, Fault] = {
    "full_width": Fault("number_read", "capacity_persons", REPAIRED,
        lambda value, _row, _rng: value.translate(WIDE)),
    "counted": Fault("number_read", "capacity_persons", REPAIRED,
        lambda value, _row, _rng: f"{value}人"),
    "year_word": Fault("number_read", "built_year", REPAIRED,
        lambda value, _row, _rng: f"{value}年", lambda rows: rows["built_year"] != ""),
    "approximate": Fault("approximate", "capacity_persons", REPAIRED,
        lambda value, _row, _rng: f"约{value}人"),
    "ten_thousand": Fault("number_read", "upgrade_cost_yuan", REPAIRED,
        lambda value, _row, _rng: f"{int(value) / 10_000:g}万"),
    "chinese_numeral": Fault("number_read", "capacity_persons", REPAIRED,
        lambda value, _row, _rng: HUNDREDS[value],
        lambda rows: rows["capacity_persons"].isin(HUNDREDS)),
    "composite": Fault("composite", "capacity_persons", REPAIRED, _composite,
        lambda rows: rows["space"] == "both"),
    "range": Fault("number_range", "capacity_persons", FOUND, _range),
    "class": Fault("number_range", "capacity_persons", FOUND,
        lambda value, _row, _rng: f">{int(value) - 10}"),
    "missing": Fault("missing_capacity", "capacity_persons", FOUND,
        lambda _value, _row, _rng: ""),
    "missing_word": Fault("missing_capacity", "capacity_persons", FOUND,
        lambda _value, _row, rng: EMPTY_WORDS[int(rng.integers(1, len(EMPTY_WORDS)))]),
    "indoor_over_total": Fault("indoor_over_total", "indoor_area_m2", FOUND,
        lambda _value, row, rng: str(int(row["usable_area_m2"]) + int(rng.integers(20, 200))),
        lambda rows: rows["space"] == "both"),
    "before_built": Fault("opened_before_built", "upgraded_year", FOUND,
        lambda _value, row, _rng: str(int(row["built_year"]) - 3),
        lambda rows: (rows["upgraded_year"] == "") & rows["built_year"].between("1990", "2015")),
}  # fmt: skip
"""Faults of one cell; the row is one of the 2,746 and is accepted."""

MOVES = {"other_town": ("outside_unit", FOUND), "swapped": ("coordinate_swapped", REPAIRED)}
"""Faults of a position; the row is one of the 2,746 and is accepted."""

SURPLUS = {  # kind: rule, number of the invented site within its village
    "duplicate": ("merged_duplicate", 51), "duplicate_id": ("duplicate_id", 0),
    "missing_id": ("required", 0), "in_water": ("in_water", 61),
    "other_county": ("outside_unit", 71), "zero": ("coordinate_zero", 81),
}  # fmt: skip
"""Rows that are no shelter of their own; each is quarantined."""

VARIANTS = (
    ("避灾点", "避灾安置点"), ("社区", "居委会"), ("小学", "学校"), ("避灾点", "自然灾害避灾点"),
    ("村部", "村委会"), ("老人活动中心", "老年活动中心"),
)  # fmt: skip


@dataclass
class Spoiler:
    """Spoils the rows of one file, each row at most once, and keeps the account.

    Parameters
    ----------
    rows : DataFrame of text cells with canonical names, and numbers ``lon``, ``lat``
    rng : Generator
    elsewhere : places to move points to, by kind: a function of a row that returns lon and lat
    """

    rows: Table
    rng: np.random.Generator
    elsewhere: Mapping[str, Callable[[Row], tuple[float, float]]]
    account: list[dict[str, Any]] = field(default_factory=list)
    _used: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rows = self.rows.reset_index(drop=True)
        self.rows["key"] = self.rows.index
        self.rows["place"] = self.rows.index.astype(float)
        self.rows["true_lon"], self.rows["true_lat"] = self.rows["lon"], self.rows["lat"]
        self.rows["swapped"] = False

    def spoil(self, plan: Mapping[str, int]) -> None:
        """Seed as many faults of each kind as the plan says."""
        for kind, count in plan.items():
            for key in self._pick(kind, count):
                if kind in CELLS:
                    self._cell(kind, key)
                elif kind in MOVES:
                    self._move(kind, key)
                else:
                    self._copy(kind, key)

    def _pick(self, kind: str, count: int) -> list[int]:
        rows = self.rows[self.rows["key"] == self.rows.index]
        suits = CELLS[kind].suits(rows) if kind in CELLS else rows["tier"] == "village"
        free = rows.index[suits & ~rows.index.isin(self._used)]
        chosen = sorted(self.rng.choice(free, count, replace=False).tolist())
        self._used.update(chosen)
        return chosen

    def _cell(self, kind: str, key: int) -> None:
        fault, row = CELLS[kind], self.rows.loc[key]
        raw = fault.write(row[fault.column], row, self.rng)
        self._note(key, kind, fault.rule, fault.column, fault.outcome, raw, row[fault.column])
        self.rows.loc[key, fault.column] = raw

    def _move(self, kind: str, key: int) -> None:
        rule, outcome = MOVES[kind]
        if kind == "swapped":
            self.rows.loc[key, "swapped"] = True
        else:
            self.rows.loc[key, ["lon", "lat"]] = self.elsewhere[kind](self.rows.loc[key])
        self._note(key, kind, rule, "geometry", outcome, "", "")

    def _copy(self, kind: str, key: int) -> None:
        rule, number = SURPLUS[kind]
        row = self.rows.loc[key].copy()
        twin = row["shelter_id"]
        new = len(self.rows)
        row["key"], row["place"] = new, row["place"] + int(self.rng.integers(1, 40)) + 0.5
        if number:
            row["shelter_id"] = f"{row['unit_id']}-S{number:02d}"
        if kind == "duplicate":
            row["name"] = self._variant(row["name"])
            row["lon"], row["lat"] = self._shift(row)
            column, raw, true = "shelter_id", row["shelter_id"], twin
        elif kind == "duplicate_id":
            column, raw, true = "shelter_id", twin, ""
            row["capacity_persons"] = str(int(row["capacity_persons"]) + 10)
        elif kind == "missing_id":
            row["shelter_id"] = ""
            column, raw, true = "shelter_id", "", twin
        else:
            row["name"] = row["name"].replace("避灾点", "临时避灾点")
            row["lon"], row["lat"] = self.elsewhere[kind](row)
            column, raw, true = "geometry", "", ""
        self.rows.loc[new] = row
        self._note(new, kind, rule, column, QUARANTINED, raw, true)

    def _variant(self, name: str) -> str:
        fitting = [pair for pair in VARIANTS if pair[0] in name]
        old, new = fitting[int(self.rng.integers(len(fitting)))]
        return name.replace(old, new)

    def _shift(self, row: Row) -> tuple[float, float]:
        lon, lat, _ = GEOD.fwd(
            row["lon"], row["lat"], self.rng.uniform(0, 360), self.rng.uniform(4, 35)
        )
        return round(lon, 6), round(lat, 6)

    def _note(self, key: int, kind: str, rule: str, column: str, outcome: str, raw: str,
              true: str) -> None:  # fmt: skip
        self.account.append({"key": key, "kind": kind, "rule": rule, "field": column,
                             "raw_value": raw, "true_value": true, "outcome": outcome})  # fmt: skip

"""转移安置对接表: one workbook a town that says who goes to which shelter, and the summaries."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from qzrisk.reports import workbook
from qzrisk.text import text

COLUMNS = ("village", "to_move_persons", "shelter", "tier", "moved_persons", "minutes",
           "longest_min", "stage", "places_left", "reason")
PERSONAL = ("manager", "phone")
REASONS = ("full", "not_whole", "too_far", "road_cut", "outside_unit", "off_network", "unsafe",
           "closed", "capacity_unknown")
STAGES = ("village", "other_village", "town", "county", "whole_county", "whole_city")
"""From the nearest to the widest; a plan has some of them."""
_FORMATS = {"minutes": "0.0", "longest_min": "0.0", "to_move_persons": "#,##0",
            "moved_persons": "#,##0", "places_left": "#,##0"}


def summary(rows: pd.DataFrame, *, by: str) -> pd.DataFrame:
    """Sum a relocation plan by county or town.

    Parameters
    ----------
    rows : DataFrame with ``<by>_id``, ``moved_persons``, ``stage`` and ``reason``
        One row a village and shelter, or a village and reason.
    by : {"county", "town"}

    Returns
    -------
    DataFrame indexed ``<by>_id``
        ``at_risk_persons`` = the sum of ``in_<stage>`` + ``unserved``; the last also by reason.
    """
    persons, unit = rows["moved_persons"], rows[f"{by}_id"]
    parts = {"at_risk_persons": persons}
    parts |= {f"in_{code}": persons.where(rows["stage"] == code, 0) for code in STAGES}
    parts["unserved"] = persons.where(rows["reason"].notna(), 0)
    parts |= {f"reason_{code}": persons.where(rows["reason"] == code, 0) for code in REASONS}
    return pd.DataFrame(parts).groupby(unit, sort=False).sum().astype("int64").rename_axis(
        f"{by}_id")


def save(
    folder: str | Path,
    rows: pd.DataFrame,
    *,
    towns: Mapping[str, str],
    as_of: dt.date,
    language: str,
    hazard: str,
    stages: Sequence[str] = ("town", "county"),
    notes: Sequence[str] = (),
    mark: str = "",
) -> list[Path]:
    """Write one workbook a town.

    Parameters
    ----------
    folder : where to
    rows : DataFrame with ``town_id``, `COLUMNS` and, for the internal audience, `PERSONAL`
    towns : town_id -> name, every town that gets a workbook, also one that moves nobody
    as_of : date stamped into the files
    language : ``"zh"`` or ``"en"``
    hazard : word of the hazard
    stages : those of the plan, see `STAGES`
    notes : lines printed under every table
    mark : printed at the head of every page, see `workbook.save`

    Returns
    -------
    list of Path, in the order of `towns`
    """
    shown = [*COLUMNS, *(column for column in PERSONAL if column in rows)]
    words = sheet_words(language)
    headings = {column: text(f"head_{column}", language) for column in shown}
    parts = dict(iter(rows.groupby("town_id")))
    empty = rows.iloc[:0]
    written = []
    for town, name in towns.items():
        part = parts.get(town, empty)
        title = text("title_plan_town", language, town=name, hazard=hazard)
        sheet = workbook.Sheet(
            name=text("sheet_plan", language), title=title, frame=part[shown], headings=headings,
            words=words, formats=_FORMATS, notes=[totals(part, language, stages), *notes])
        written.append(workbook.save(Path(folder) / f"{_file_name(f'{town}_{name}')}.xlsx", [sheet],
                                     as_of=as_of, title=title, mark=mark))
    return written


def totals(rows: pd.DataFrame, language: str, stages: Sequence[str]) -> str:
    """Return the line that balances persons to be moved with those placed and not placed."""
    persons = rows["moved_persons"]
    placed = " + ".join(text("note_plan_part", language, stage=text(f"served_{code}", language),
                             persons=f"{persons[rows['stage'] == code].sum():,}")
                        for code in stages)
    return text("note_plan_totals", language, total=f"{persons.sum():,}", placed=placed,
                left=f"{persons[rows['reason'].notna()].sum():,}")


def sheet_words(language: str) -> dict[str, dict[str, str]]:
    """Return column -> code -> word of a plan."""
    return {"stage": {code: text(f"served_{code}", language) for code in STAGES},
            "reason": {code: text(f"reason_{code}", language) for code in REASONS},
            "tier": {code: text(f"tier_{code}", language)
                     for code in ("county", "township", "village")}}


def _file_name(name: str) -> str:
    return re.sub(r'[\\/:*?"<>|\s]+', "_", name)

"""Findings: one row for each fault met in the data, and what became of the row.

A frame of findings has the columns `COLUMNS`. ``row`` is the 1-based number of the record in its
file; ``record_id`` its id where it has one; ``geometry`` the true geometry where there is one, in
the project CRS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from qzrisk.errors import ConfigError
from qzrisk.text import text

COLUMNS = ("layer", "source", "record_id", "row", "field", "rule", "severity", "value", "message",
           "suggestion", "owner", "geometry")
Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""error: the row is quarantined or the figure is wrong; warning: accepted, to be checked; note:
a safe repair or a remark."""

REPAIRS = frozenset((
    "approximate", "bracketed", "code_read", "composite", "coordinate_swapped", "date_partial",
    "date_serial", "date_zone", "invalid_geometry", "number_read", "phone_no_area", "phone_read",
    "phone_zero", "remark", "ring_mended", "to_point", "unit_converted", "unit_placed", "whole",
    "year_of_date",
))
"""Rules of values that were not as they should be and could be put right."""

_HERE = "\x00"
_ORDER = ["layer", "source", "row", "rule", "field", "record_id"]


def empty() -> pd.DataFrame:
    """Return a frame of no findings."""
    return pd.DataFrame({column: pd.Series(dtype=object) for column in COLUMNS})


def findings(
    rule: str,
    severity: Severity,
    *,
    layer: str,
    language: str,
    rows: Sequence[int] | np.ndarray = (0,),
    values: Sequence[Any] | np.ndarray | pd.Series | None = None,
    record_ids: Sequence[Any] | np.ndarray | pd.Series | None = None,
    geometry: Sequence[Any] | np.ndarray | gpd.GeoSeries | None = None,
    field: str = "",
    heading: str = "",
    expected: str = "",
    source: str = "",
    owner: str = "",
) -> pd.DataFrame:
    """Return one finding a row for one rule.

    Parameters
    ----------
    rule : the rule's name; its words are ``rule_<rule>`` and ``fix_<rule>`` of the text table.
    severity : one of `SEVERITIES`
    layer, source, owner : where the rows come from and who should answer
    rows : 1-based record numbers in the file; 0 speaks of the whole layer
    values, record_ids, geometry : aligned with `rows`, or None
    field, heading : canonical column and its words in `language`
    expected : what would have been right

    Raises
    ------
    ConfigError
        If the severity is unknown.
    """
    if severity not in SEVERITIES:
        raise ConfigError("unknown severity", expected=SEVERITIES, got=severity)
    count = len(rows)
    shown = _shown(values, count)
    words = heading or field
    return pd.DataFrame({
        "layer": layer, "source": source,
        "record_id": _shown(record_ids, count),
        "row": np.asarray(rows, dtype=int), "field": field, "rule": rule, "severity": severity,
        "value": shown,
        "message": _said(f"rule_{rule}", language, shown, field=words, expected=expected),
        "suggestion": _said(f"fix_{rule}", language, shown, field=words, expected=expected),
        "owner": owner,
        "geometry": list(geometry) if geometry is not None else [None] * count,
    }, columns=list(COLUMNS))


def _shown(values: Sequence[Any] | np.ndarray | pd.Series | None, count: int) -> pd.Series:
    return pd.Series([""] * count if values is None else
                     ["" if _missing(value) else str(value) for value in values], dtype="str")


def _said(key: str, language: str, values: pd.Series, **known: str) -> pd.Series:
    """Return the words of a rule for each value; the table of words is asked but once."""
    before, *after = text(key, language, value=_HERE, **known).split(_HERE)
    said = pd.Series(before, index=values.index, dtype="str")
    for words in after:
        said = said + values + words
    return said


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (
        isinstance(value, float) and np.isnan(value))


def gather(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return all findings in one frame, in an order that does not depend on who found them."""
    kept = [part for part in parts if len(part)]
    if not kept:
        return empty()
    if len(kept) == 1:
        return kept[0].sort_values(_ORDER, kind="stable", ignore_index=True)
    # A column at a time: findings may outweigh the layer, and are never held three times over.
    order = pd.concat([part[_ORDER] for part in kept], ignore_index=True).sort_values(
        _ORDER, kind="stable").index
    return pd.DataFrame({column: pd.concat([part[column] for part in kept], ignore_index=True)
                         .take(order).set_axis(range(len(order))) for column in COLUMNS})


def repaired(issues: pd.DataFrame) -> int:
    """Return in how many records something was put right."""
    mended = issues[issues["rule"].isin(REPAIRS) & (issues["row"] > 0)]
    return len(mended[["layer", "source", "row"]].drop_duplicates())

"""Cells of a column: their text folded, empty-like words, each distinct one read once."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Masks = dict[str, np.ndarray]
"""Rule -> which rows it speaks of, aligned with the series read; only rules met are in it."""

EMPTY_WORDS = frozenset((
    "", "无", "無", "暂无", "暂缺", "缺", "缺失", "待定", "待补", "待核",
    "不详", "不明", "未知", "未填", "没有", "空",
    "/", "//", "\\", "-", "--", "---", "—", "——", "–", "_", ".", "*", "?", "n/a", "na", "nan",
    "null", "none", "nil", "nodata", "no data", "<na>", "nat", "tbd", "unknown"))
ANSWERS = frozenset(("无", "無", "没有", "none"))
"""Empty-like words that are an answer in free text."""
ERROR_WORDS = frozenset(("#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!",
                         "#SPILL!", "#CALC!", "#GETTING_DATA"))
_ODD = str.maketrans({"−": "-", "‐": "-", "‑": "-", "﹣": "-", "～": "~", "〜": "~", "∼": "~",
                      "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "", "\u2060": "", "'": "",
                      "’": "", "‘": "", '"': ""})


def fold(cell: str) -> str:
    """Return text as it is compared: NFKC, lower case, no outer or invisible spaces, no quotes.

    Examples
    --------
    >>> fold("　１，２００ＨＡ ")
    '1,200ha'
    """
    return unicodedata.normalize("NFKC", cell.translate(_ODD)).strip().lower()


def blank(values: pd.Series) -> np.ndarray:
    """Return which cells are null or nothing but spaces."""
    missing = values.isna().to_numpy(dtype=bool)
    if values.dtype.kind in "ifbMmu":
        return missing
    if isinstance(values.dtype, pd.StringDtype):
        return missing | (values.str.strip() == "").to_numpy(dtype=bool, na_value=False)
    words = [isinstance(cell, str) and not cell.strip() for cell in values]
    return missing | np.asarray(words, dtype=bool)


def by_distinct(cells: pd.Series, read: Callable[[Any], tuple[Any, tuple[str, ...]]],
                missing: Any) -> tuple[list[Any], Masks]:
    """Read each distinct cell once.

    Parameters
    ----------
    cells : no nulls among them
    read : cell -> (value, rules)
    missing : value of nothing read

    Returns
    -------
    (values, masks)
        both in the order of `cells`
    """
    held = cells.to_numpy(dtype=object)
    if bool in set(map(type, held)):
        # 1 and True are one key to a hash table; they are not one cell.
        codes, _ = pd.factorize(pd.Series([(type(cell).__name__, cell) for cell in held]))
        _, first = np.unique(codes, return_index=True)
        distinct = held[first]
    else:
        codes, distinct = pd.factorize(held)
    readings = [read(cell) for cell in distinct]
    values = [missing if value is None else value for value, _ in readings]
    masks: Masks = {}
    for rule in sorted({rule for _, rules in readings for rule in rules}):
        masks[rule] = np.fromiter((rule in rules for _, rules in readings), dtype=bool)[codes]
    return [values[code] for code in codes], masks


def spread(masks: Masks, where: np.ndarray) -> Masks:
    """Return masks over the cells of `where` as masks over the whole column."""
    at = np.flatnonzero(where)
    out = {}
    for rule, mask in masks.items():
        if mask.any():
            out[rule] = np.zeros(len(where), dtype=bool)
            out[rule][at[mask]] = True
    return out

"""Columns told apart by what stands under their headers: copies, twins, persons beside areas."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qzrisk.layers.schema import Column
from qzrisk.layers.values import blank, coerce, numbers
from qzrisk.layers.values.cells import fold

M2_PER_PERSON = (1.2, 20.0)
"""Usable area of one person in a shelter: about 2 m2; whatever lies between is no accident."""
_SURE_SHARE, _DOUBTFUL_SHARE = 0.9, 0.5
_MIN_ROWS = 3
_AGAIN = re.compile(r"(.+)\.\d{1,2}")


def repeats(issues: pd.DataFrame) -> list[str]:
    """Return the headers that a reader had to number, as its findings name them."""
    return list(issues.loc[issues["rule"] == "duplicate_header", "value"])


def spellings(headers: Sequence[str], repeated: Iterable[str]) -> dict[str, str]:
    """Return repeated header -> how it was spelt in the file; pandas writes ``容量.1``."""
    spelt = {header: header.rpartition("_")[0] for header in repeated if header in headers}
    spelt |= {header: again[1] for header in headers
              if (again := _AGAIN.fullmatch(header)) and again[1] in headers}
    return spelt


def copies_of(spelt: Mapping[str, str], headers: Sequence[str], given: Mapping[str, str],
            frame: pd.DataFrame | None) -> dict[str, str]:
    """Return headers to pass over -> the one of the same name that holds all they hold.

    Where the project names one of them, that one is meant.
    """
    copies: dict[str, str] = {}
    for name in dict.fromkeys(spelt.values()):
        group = [header for header in headers if spelt.get(header, header) == name]
        if frame is not None and not any(header in given for header in group):
            copies |= contained(frame, group)
    return copies


def differing(frame: pd.DataFrame, repeated: Iterable[str]) -> list[str]:
    """Return the headers of `frame` that stood in the file several times over other contents."""
    spelt = spellings([str(header) for header in frame.columns], repeated)
    groups = [[h for h in frame.columns if spelt.get(str(h), str(h)) == name]
              for name in dict.fromkeys(spelt.values())]
    return [header for group in groups if len(group) - len(contained(frame, group)) > 1
            for header in group]


def contained(frame: pd.DataFrame, group: Sequence[Any]) -> dict[Any, Any]:
    """Return column -> other column of the group in which all its cells stand as well.

    Examples
    --------
    >>> contained(pd.DataFrame({"a": [1, None], "b": [1.0, 2], "c": [1, 3]}), ["a", "b", "c"])
    {'a': 'b'}
    """
    inside: dict[Any, Any] = {}
    for one in group:
        whole = next((other for other in group if other != one and other not in inside
                      and _holds(frame[other], frame[one])), None)
        if whole is not None:
            inside[one] = whole
    for one, whole in inside.items():
        while whole in inside:
            whole = inside[whole]
        inside[one] = whole
    return inside


def _holds(whole: pd.Series, part: pd.Series) -> bool:
    filled = ~blank(part)
    one, two = part[filled], whole[filled]
    differ = (one.astype("str").str.strip() != two.astype("str").str.strip()).fillna(True)
    one, two = one[differ], two[differ]
    return bool(blank(two).sum() == 0 and (numbers(one)[0] == numbers(two)[0]).all())


def fitting(frame: pd.DataFrame | None, group: Sequence[str], column: Column, *, key: bool) -> str:
    """Return the one column whose cells read as demanded while those of the others do not."""
    if frame is None:
        return ""
    shares = {header: _share_read(frame[header], column, key=key) for header in group}
    sure = [header for header, share in shares.items() if share >= _SURE_SHARE]
    if len(sure) == 1 and all(share <= _DOUBTFUL_SHARE for header, share in shares.items()
                              if header != sure[0]):
        return sure[0]
    crowd = column.name.endswith("_persons") or column.name == "persons"
    if crowd and len(group) == 2 and (area := which_is_area(frame, *group)) and _fractions(
            numbers(frame[area])[0].to_numpy(dtype=float)):
        # The ratio alone would also fit two counts of the same people.
        return group[0] if area == group[1] else group[1]
    return ""


def _share_read(raw: pd.Series, column: Column, *, key: bool) -> float:
    """Return the share of the filled cells that read as their column demands."""
    filled = raw[~blank(raw)]
    if len(filled) < _MIN_ROWS:
        return np.nan
    values = coerce(filled, column)[0]
    sound = values.notna()
    if column.type in ("int", "float"):
        low, high = (limit if limit is not None else np.inf * sign
                     for limit, sign in ((column.min, -1), (column.max, 1)))
        sound &= values.between(low, high) & ((values % 1 == 0) | (column.type == "float"))
    elif column.type == "code":
        known = {fold(word) for word in (*column.codes, *column.words, *column.short)}
        sound &= values.map(lambda cell: fold(str(cell)) in known)
    elif key:
        return float(values.nunique() / len(filled))
    return float(sound.mean())


def which_is_area(frame: pd.DataFrame, first: str, second: str) -> str:
    """Return which of two columns is the area beside a number of persons, or ""."""
    one, two = (numbers(frame[name])[0].to_numpy(dtype=float) for name in (first, second))
    known = np.isfinite(one) & np.isfinite(two) & (one > 0) & (two > 0)
    if known.sum() < _MIN_ROWS:
        return ""
    votes = set()
    for name, mine, other in ((first, one, two), (second, two, one)):
        ratio = mine[known] / other[known]
        if np.mean((ratio >= M2_PER_PERSON[0]) & (ratio <= M2_PER_PERSON[1])) >= _SURE_SHARE:
            votes.add(name)
        if _fractions(mine) and not _fractions(other):
            votes.add(name)
    return votes.pop() if len(votes) == 1 else ""


def _fractions(values: np.ndarray) -> bool:
    known = values[np.isfinite(values)]
    return bool(len(known)) and bool((known % 1 != 0).any())

"""Where a table begins and ends on its sheet: title, header rows, records, totals, notes."""

from __future__ import annotations

import re
import statistics
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qzrisk.layers.tables.source import Merge, Row

HEAD_ROWS = 60
DATA, EMPTY, TOTAL, NOTE = range(4)
_MAX_DEPTH = 3
_MIN_NUMBERED = 4  # fewer could be a record
_FULL = 0.5  # share of the table's width that a header row fills
_TOTAL = re.compile(r".{0,10}(?:合计|总计|小计|共计)[:：]?|(?:grand|sub)?-?totals?:?|sum:?",
                    re.IGNORECASE)
_TOTAL_HINT = "计|[Tt]otal|TOTAL|[Ss]um|SUM"
_NOTE = re.compile(
    r"(?:注|备注|说明|附注|资料来源|数据来源|来源|单位负责人|负责人|联系人|审核|复核|制表"
    r"|填表|填报|notes?|source|remarks?)"
    r"\s*\d*\s*[:：].*|(?:填表|填报|制表|审核|复核|统计)(?:人|单位|日期|时间).*|※.*|注[\d一二三].*",
    re.IGNORECASE | re.DOTALL)
_NOTE_HINT = ("^[ 　]*(?:注|备注|说明|附注|资料|数据|来源|单位|负责|联系|审核|复核|制表|填|统计|※"
              "|[Nn]ote|NOTE|[Ss]ource|SOURCE|[Rr]emark|REMARK)")
_NUMBERING = tuple("甲乙丙丁戊己庚辛壬癸")
_UNIT_CELL = re.compile(r"[(（]?(?:单位[:：])?(?:人|户|万人|平方米|㎡|m2|亩|公顷|元|万元"
                        r"|个|座|处|米|m|公里|km|千米|度|°|%|persons|yuan)[)）]?")
_TAG = re.compile(r"#[a-z][a-z0-9_]*(?:\s*\+\s*[a-z0-9_]+)*", re.IGNORECASE)
_CAPTION = re.compile(r"[^:：]{1,15}[:：]")
_NUMBER = re.compile(r"[-+]?[\d,.]+%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the first rows of a sheet are.

    Attributes
    ----------
    titles : 0-based rows above the header that hold something.
    header : 0-based rows of the header, top first.
    names : joined header of each column, "" where there is none.
    below : 0-based rows under the header that number the columns or give their units.
    start : first row of the records.
    sure : False when the header row looks like a record.
    """

    titles: tuple[int, ...]
    header: tuple[int, ...]
    names: tuple[str, ...]
    below: tuple[int, ...]
    start: int
    sure: bool


def words(cell: Any) -> str:
    """Return a header cell as one line of text."""
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell % 1 == 0:
        cell = int(cell)
    text = re.sub(r"\s+", " ", str(cell)).strip()
    # A line break within a Chinese heading stands for nothing.
    return re.sub(r"(?<=[^\x00-\x7f]) (?=[^\x00-\x7f(])", "", text)


def lay_out(head: Sequence[Row], merges: Sequence[Merge], *, form: bool) -> Layout:
    """Find title, header and first record among the first rows, merged ranges already filled.

    Parameters
    ----------
    head : first rows of the sheet
    merges : real merged ranges of these rows
    form : whether it may be laid out for people: rows that number the columns are looked for

    Notes
    -----
    The header is the first row that fills half of the table's usual width with at least two
    different values; sparse short texts right above it are its parents, and it goes on below where
    merged ranges, gaps or tags of HXL say so. A title is one value, merged or alone.
    """
    cells = [[words(cell) for cell in row] for row in head]
    filled = [sum(map(bool, row)) for row in cells]
    width = _usual_width(filled)
    first = _first_full(cells, filled, width)
    top = _with_parents(cells, first)
    header = _depth(cells, top, first, merges)
    if header[-1] + 1 < len(cells) and _is_tags(cells[header[-1] + 1]):
        header.append(header[-1] + 1)
    levels = [_spread_parents(cells, row, header) for row in header]
    names = _join(levels)
    start, below = header[-1] + 1, []
    while form and start < len(cells) and _is_legend(cells[start]):
        below.append(start)
        start += 1
    numeric = sum(bool(_NUMBER.fullmatch(cell)) for cell in cells[first])
    return Layout(
        titles=tuple(row for row in range(top) if filled[row]), header=tuple(header),
        names=tuple(names), below=tuple(below), start=start,
        sure=numeric * 2 <= max(filled[first], 1))


def _usual_width(filled: Sequence[int]) -> int:
    counts = [n for n in filled if n > 1]
    return int(statistics.median_high(counts)) if counts else 1


def _first_full(cells: Sequence[Sequence[str]], filled: Sequence[int], width: int) -> int:
    for row, count in enumerate(filled):
        distinct = len(set(cells[row]) - {""})
        captions = sum(bool(_CAPTION.match(cell)) for cell in cells[row])
        if (count and count >= width * _FULL and distinct >= min(2, width)
                and captions * 2 < max(count, 2)):
            return row
    return next((row for row, count in enumerate(filled) if count), 0)


def _with_parents(cells: Sequence[Sequence[str]], first: int) -> int:
    """Take in the sparse row of parents right above a header row."""
    if first == 0:
        return first
    above = [cell for cell in cells[first - 1] if cell]
    parents = len(set(above)) > 1 and all(
        len(cell) <= 20 and "：" not in cell and ":" not in cell and not _NUMBER.fullmatch(cell)
        for cell in above)
    return first - 1 if parents else first


def _depth(cells: Sequence[Sequence[str]], top: int, first: int, merges: Sequence[Merge]
           ) -> list[int]:
    header = list(range(top, first + 1))
    while len(header) < _MAX_DEPTH and header[-1] + 1 < len(cells) and _goes_on(
            cells, header[-1], merges):
        header.append(header[-1] + 1)
    return header


def _goes_on(cells: Sequence[Sequence[str]], row: int, merges: Sequence[Merge]) -> bool:
    """Whether the next row still belongs to the header."""
    upper, lower = cells[row], cells[row + 1]
    texts = [cell for cell in lower if cell]
    if not texts or any(_NUMBER.fullmatch(cell) for cell in texts):
        return False
    here = [m for m in merges if m[0] <= row <= m[2]]
    if here:
        down = any(m[2] > row for m in here)
        across = {c for m in here if m[3] > m[1] and m[2] == row for c in range(m[1], m[3] + 1)}
        children = [c for c in across if c < len(lower) and lower[c]]
        sure = down or _only(lower, across) or _numbers_below(cells, row + 1)
        return sure and bool(children) and len(across) > 1
    return _fills_gaps(upper, lower)


def _numbers_below(cells: Sequence[Sequence[str]], row: int) -> bool:
    """Whether words of a row without any number stand over numbers, as only headers do."""
    if row + 1 >= len(cells):
        return False
    below = cells[row + 1]
    return any(cell and c < len(below) and _NUMBER.fullmatch(below[c])
               for c, cell in enumerate(cells[row]))


def _only(lower: Sequence[str], columns: set[int]) -> bool:
    return all(not cell or c in columns for c, cell in enumerate(lower))


def _fills_gaps(upper: Sequence[str], lower: Sequence[str]) -> bool:
    """Whether the lower row has a text under each gap of the upper one and its parent, only."""
    last = max((c for c, cell in enumerate(lower) if cell), default=-1)
    gaps = {c for c in range(max(last + 1, len(upper))) if c >= len(upper) or not upper[c]}
    gaps = {c for c in gaps if c <= last}
    parents = {c for c, cell in enumerate(upper) if cell and c + 1 in gaps}
    if not parents or 0 in gaps:
        return False
    return {c for c, cell in enumerate(lower) if cell} == gaps | parents


def _spread_parents(cells: Sequence[Sequence[str]], row: int, header: Sequence[int]) -> list[str]:
    """Carry a parent over the blanks to its right, where a child stands below."""
    width = max(len(cells[r]) for r in header)
    level = [*cells[row], *[""] * (width - len(cells[row]))]
    below = cells[row + 1] if row + 1 in header else []
    for column in range(1, width):
        child = column < len(below) and below[column]
        if not level[column] and child and level[column - 1]:
            level[column] = level[column - 1]
    return level


def _join(levels: Sequence[Sequence[str]]) -> list[str]:
    width = max((len(level) for level in levels), default=0)
    names = []
    for column in range(width):
        stack = [level[column] for level in levels if column < len(level) and level[column]]
        names.append("/".join(dict.fromkeys(stack)))
    return names


def _is_tags(row: Sequence[str]) -> bool:
    """Whether a row holds tags of the Humanitarian Exchange Language: #loc+name, #capacity."""
    texts = [cell for cell in row if cell]
    return len(texts) > 1 and all(map(_TAG.fullmatch, texts))


def _is_legend(row: Sequence[str]) -> bool:
    """Whether a row only numbers the columns (甲 乙 1 2 3) or gives their units."""
    texts = [cell for cell in row if cell]
    if len(texts) < 2:
        return False
    if all(_UNIT_CELL.fullmatch(cell) for cell in texts):
        return True
    figures = [cell.strip("()（）") for cell in texts if cell not in _NUMBERING]
    letters = texts[: len(texts) - len(figures)]
    return (len(texts) >= _MIN_NUMBERED and letters == list(_NUMBERING[: len(letters)])
            and figures == [str(n) for n in range(1, len(figures) + 1)])


def distinct_names(names: Sequence[str], width: int) -> tuple[list[str], list[int], list[int]]:
    """Return a name for each column, and which columns had a repeated name or none.

    Examples
    --------
    >>> distinct_names(["面积", "", "面积"], 3)
    (['面积', 'column_2', '面积_2'], [2], [1])
    """
    out: list[str] = []
    repeated, unnamed = [], []
    for column in range(width):
        name = names[column] if column < len(names) else ""
        if not name:
            unnamed.append(column)
            name = f"column_{column + 1}"
        elif name in out:
            repeated.append(column)
        trial, n = name, 2
        while trial in out:
            trial, n = f"{name}_{n}", n + 1
        out.append(trial)
    return out, repeated, unnamed


def roles(frame: pd.DataFrame, layout: Layout, merges: Sequence[Merge]) -> np.ndarray:
    """Return what each row after the header is: DATA, EMPTY, TOTAL or NOTE.

    Parameters
    ----------
    frame : rows after the header, columns by position, index 0-based row of the sheet
    layout : of the same sheet
    merges : real merged ranges

    Notes
    -----
    A totals row has a word of totals among its first three columns; a note begins with a word of
    notes and leaves half of the columns empty, or is one value merged over the whole width, or one
    text alone on the line beneath a note; a header repeated at a page break is a note.
    """
    filled = frame.notna().sum(axis=1).to_numpy()
    out = np.where(filled == 0, EMPTY, DATA)
    width = max(sum(map(bool, layout.names)), 1)
    for position in range(min(3, frame.shape[1])):
        column = _as_words(frame.iloc[:, position])
        before = frame.iloc[:, :position].notna().any(axis=1).to_numpy()
        _mark(out, column, _TOTAL_HINT, lambda at, text, before=before: (
            TOTAL if _TOTAL.fullmatch(re.sub(r"\s", "", _narrow(text)))
            and (not before[at] or not text.isascii()) else None))
        _mark(out, column, _NOTE_HINT, lambda at, text, before=before: (
            NOTE if not before[at] and filled[at] <= max(1, width / 2)
            and _NOTE.fullmatch(text.strip()) else None))
    _mark_bands(out, frame, merges, width)
    _mark_repeated_header(out, frame, layout)
    _mark_note_lines(out, frame, filled, width)
    return out


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _as_words(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.StringDtype):
        return column
    if column.dtype == object:
        return column.where([isinstance(cell, str) for cell in column], None).astype("str")
    return pd.Series(None, index=column.index, dtype="str")


def _mark(out: np.ndarray, column: pd.Series, hint: str, judge: Any) -> None:
    if column.isna().all():
        return
    hits = column.str.contains(hint, regex=True).to_numpy(dtype=bool, na_value=False)
    for at in np.flatnonzero(hits & (out == DATA)):
        role = judge(at, column.iloc[at])
        if role is not None:
            out[at] = role


def _mark_note_lines(out: np.ndarray, frame: pd.DataFrame, filled: np.ndarray, width: int) -> None:
    """Mark the further lines of a note: ``注：1. ...``, and one text alone beneath it."""
    if width < _MIN_NUMBERED:
        return
    for at in np.flatnonzero((out[1:] == DATA) & (filled[1:] == 1)) + 1:
        cell = frame.iloc[at].dropna().iloc[0]
        if out[at - 1] == NOTE and isinstance(cell, str) and not _NUMBER.fullmatch(cell.strip()):
            out[at] = NOTE


def _mark_bands(out: np.ndarray, frame: pd.DataFrame, merges: Sequence[Merge], width: int) -> None:
    """Rows that are one text merged over nearly the whole width head a section: no records."""
    rows = frame.index.to_numpy()
    for r0, c0, r1, c1 in merges:
        if width > 1 and c1 - c0 + 1 >= max(2, 0.8 * width):
            band = (rows >= r0) & (rows <= r1) & (out == DATA)
            out[band] = NOTE


def _mark_repeated_header(out: np.ndarray, frame: pd.DataFrame, layout: Layout) -> None:
    names = [words(name) for name in layout.names]
    if len([name for name in names if name]) < 2 or frame.empty:
        return
    lead = next(c for c, name in enumerate(names) if name)
    same = _as_words(frame.iloc[:, lead]) == names[lead]
    for at in np.flatnonzero(same.to_numpy(dtype=bool, na_value=False) & (out == DATA)):
        if [words(cell) if cell is not pd.NA else "" for cell in frame.iloc[at]] == names:
            out[at] = NOTE

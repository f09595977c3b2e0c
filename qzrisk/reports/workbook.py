"""Tables as xlsx for people and CSV for programs, with the same numbers in both."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from qzrisk.files import atomic

_MAX_WIDTH, _MIN_WIDTH = 42, 8
_SHEET_NAME_LIMIT = 31
_HEADER_LIMIT = 100
_PAGE_COLUMNS = 20
"""Columns that can still be read on a page; a wider table takes more pages side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One table of a workbook.

    Attributes
    ----------
    name : short name of the sheet.
    title : printed above the table.
    frame : its index (if named) becomes the first column; kept as text.
    headings : column -> words with unit; a column without an entry keeps its name.
    words : column -> code -> word; the workbook shows words, the CSV keeps the codes.
    formats : column -> number format of a spreadsheet, e.g. ``"0.0%"``.
    notes : lines printed under the table.
    """

    name: str
    title: str
    frame: pd.DataFrame
    headings: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    formats: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def save(path: str | Path, sheets: Sequence[Sheet], *, as_of: dt.date, title: str = "",
         mark: str = "") -> Path:
    """Write a workbook, whole or not at all; equal inputs give equal bytes.

    Parameters
    ----------
    path : the .xlsx
    sheets : in order
    as_of : date stamped into the file in place of the clock
    title : document title
    mark : printed at the head of every page on paper, e.g. that the data are synthetic

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        If the disk refuses.

    Notes
    -----
    Text is written as text: a cell that begins with ``=`` is never a formula, a code never a
    number. Missing is an empty cell, never 0.
    """
    import xlsxwriter

    with atomic(path) as temporary:
        book = xlsxwriter.Workbook(str(temporary), {
            "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
            "nan_inf_to_errors": False})
        stamp = dt.datetime(as_of.year, as_of.month, as_of.day)
        book.set_properties({"title": title, "author": "qzrisk", "created": stamp})
        styles = {
            "title": book.add_format({"bold": True, "font_size": 14}),
            "head": book.add_format({"bold": True, "bg_color": "#22313a", "font_color": "white",
                                     "border": 1, "text_wrap": True, "valign": "vcenter"}),
            "note": book.add_format({"font_color": "#555555", "italic": True}),
        }
        for sheet in sheets:
            _write_sheet(book, sheet, styles, mark)
        book.close()
    return Path(path)


def save_csv(path: str | Path, sheet: Sheet) -> Path:
    """Write the table of a sheet as CSV (UTF-8 with BOM, so that spreadsheets read Chinese).

    Column names and codes stay canonical: a program reads this file.
    """
    frame = _flat(sheet.frame)
    for name in frame.columns[[kind.kind == "f" for kind in frame.dtypes]]:
        frame[name] = frame[name].map(_figure)
    with atomic(path) as temporary:
        frame.to_csv(temporary, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    return Path(path)


def _figure(value: float) -> str:
    """Return a number as text: whole ones with all digits, others with ten significant ones.

    The last bits of a sum differ between processors.
    """
    if np.isnan(value):
        return ""
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e15 else f"{value:.10g}"


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    out = frame.reset_index() if frame.index.name else frame.reset_index(drop=True)
    for column in out.columns:
        if isinstance(out[column].dtype, pd.CategoricalDtype):
            out[column] = out[column].astype("str")
    return out.drop(columns=[c for c in out.columns if c == "geometry"])


def _write_sheet(book: object, sheet: Sheet, styles: Mapping[str, object], mark: str) -> None:
    frame = _flat(sheet.frame)
    for column, words in sheet.words.items():
        frame[column] = frame[column].astype("str").replace(dict(words))
    page = book.add_worksheet(sheet.name[:_SHEET_NAME_LIMIT])  # type: ignore[attr-defined]
    page.write_string(0, 0, sheet.title, styles["title"])
    headings = [sheet.headings.get(str(c), str(c)) for c in frame.columns]
    for number, heading in enumerate(headings):
        page.write_string(2, number, heading, styles["head"])
    for number, column in enumerate(frame.columns):
        pattern = sheet.formats.get(str(column))
        style = book.add_format({"num_format": pattern}) if pattern else None  # type: ignore[attr-defined]
        _write_column(page, number, frame[column], style)
        page.set_column(number, number, _width(headings[number], frame[column], pattern))
    for line, note in enumerate(sheet.notes):
        page.write_string(len(frame) + 4 + line, 0, note, styles["note"])
    page.freeze_panes(3, 1)
    if len(frame):
        page.autofilter(2, 0, len(frame) + 2, max(len(frame.columns) - 1, 0))
    page.set_landscape()
    page.set_paper(9)
    wide = -(-len(frame.columns) // _PAGE_COLUMNS)
    page.fit_to_pages(max(wide, 1), 0)
    if wide > 1:
        # A page to the right must say which unit a row is.
        page.repeat_columns(0, 1)
    page.repeat_rows(2)
    left, right = (words.replace("&", "&&")[:_HEADER_LIMIT] for words in (sheet.title, mark))
    # The blank keeps a title that begins with a number from being read as a size of letters.
    page.set_header(f"&L {left}&R {right}")
    page.set_footer("&C&P / &N")


def _write_column(page: object, number: int, values: pd.Series, style: object) -> None:
    missing = values.isna().to_numpy()
    numeric = values.dtype.kind in "ifu"
    for row, (value, absent) in enumerate(zip(values, missing, strict=True), start=3):
        if absent:
            continue
        if numeric:
            page.write_number(row, number, float(value), style)  # type: ignore[attr-defined]
        elif values.dtype.kind == "b":
            page.write_boolean(row, number, bool(value))  # type: ignore[attr-defined]
        else:
            text = value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)
            page.write_string(row, number, text)  # type: ignore[attr-defined]


def _width(heading: str, values: pd.Series, pattern: str | None) -> float:
    shown = [] if pattern else [str(v) for v in values.head(200) if not pd.isna(v)]
    widest = max((_cells(text) for text in (*shown, heading[:16])), default=_MIN_WIDTH)
    return float(min(max(widest + 2, _MIN_WIDTH), _MAX_WIDTH))


def _cells(text: str) -> int:
    """Return the width of a text in character cells; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)

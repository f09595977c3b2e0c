"""Tables as xlsx for people and CSV for programs, with the same numbers in both."""

from __future__ import annotations

import datetime as dt
import re
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
_PAGE_WIDTH = 190
"""Characters that can still be read across a page; a wider table takes more pages side by side."""
_HEADING_WIDTH, _HEADING_LINES, _LINE_PT = 12, 3, 15


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
            **{f"head {side}": book.add_format({
                "bold": True, "bg_color": "#22313a", "font_color": "white", "border": 1,
                "text_wrap": True, "valign": "vcenter", "align": side})
               for side in ("left", "right")},
            # Words stand off the figures of the column before them.
            "words": book.add_format({"indent": 1, "text_wrap": True, "valign": "top"}),
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
    for column in frame.columns.intersection(list(sheet.words)):
        words = sheet.words[column]
        frame[column] = frame[column].astype("str").replace(dict(words))
    page = book.add_worksheet(sheet.name[:_SHEET_NAME_LIMIT])  # type: ignore[attr-defined]
    page.write_string(0, 0, sheet.title, styles["title"])
    headings = [sheet.headings.get(str(c), str(c)) for c in frame.columns]
    lines, across = 1, 0.0
    for number, (heading, column) in enumerate(zip(headings, frame.columns, strict=True)):
        values, pattern = frame[column], sheet.formats.get(str(column), "")
        figures = values.dtype.kind in "ifu"
        style = (book.add_format({"num_format": pattern}) if pattern  # type: ignore[attr-defined]
                 else None if figures else styles["words"])
        page.write_string(2, number, heading, styles[f"head {'right' if figures else 'left'}"])
        _write_column(page, number, values, style)
        width = _width(heading, values, pattern)
        page.set_column(number, number, width)
        across += width
        lines = max(lines, -(-(_cells(heading) + 1) // int(width - 1)))
    page.set_row(2, _LINE_PT * lines)
    for line, note in enumerate(sheet.notes):
        page.write_string(len(frame) + 4 + line, 0, note, styles["note"])
    page.freeze_panes(3, 1)
    if len(frame):
        page.autofilter(2, 0, len(frame) + 2, max(len(frame.columns) - 1, 0))
    page.set_landscape()
    page.set_paper(9)
    wide = -(-int(across) // _PAGE_WIDTH)
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
            page.write_boolean(row, number, bool(value), style)  # type: ignore[attr-defined]
        else:
            text = value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value)
            page.write_string(row, number, text, style)  # type: ignore[attr-defined]


def _width(heading: str, values: pd.Series, pattern: str) -> float:
    """Return the width of a column, in characters: of its cells, and of its heading in lines."""
    if values.dtype.kind in "ifu":
        shown = [_patterned(value, pattern) for value in (values.min(), values.max())
                 if not pd.isna(value)]
    else:
        shown = [str(value) for value in values.head(200) if not pd.isna(value)]
    # A word of a heading is never cut; Chinese may break anywhere.
    words = [_cells(word) for word in re.split(r"[ /]", heading)]
    least = max(min(max(words), _HEADING_WIDTH), -(-_cells(heading) // _HEADING_LINES))
    widest = max((_cells(text) for text in shown), default=0)
    return float(min(max(widest + 2, least + 2, _MIN_WIDTH), _MAX_WIDTH))


def _patterned(value: float, pattern: str) -> str:
    """Return about the figure that a spreadsheet shows for a number format."""
    share = pattern.endswith("%")
    digits = len(pattern.rstrip("%").partition(".")[2])
    shown = f"{value * (100 if share else 1):,.{digits}f}" if pattern else _figure(value)
    return shown + "%" * share


def _cells(text: str) -> int:
    """Return the width of a text in character cells; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)

"""What goes back to the county: its own rows, the cells at fault coloured, each with advice."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk import crs
from qzrisk.files import atomic
from qzrisk.layers.schema import LayerSchema, schema
from qzrisk.text import text

ROW = "_row"
"""Header of the column by which a corrected row finds its record."""

SOURCES = "_qzrisk"
"""Hidden sheet that says of which file each sheet is."""

SEVERITIES = ("error", "warning", "note")
_COLOURS = {"error": "#f4b6b0", "warning": "#fbe7a1", "note": "#d6e8f5"}
_LIST = ("row", "record_id", "field", "severity", "value", "message", "suggestion", "owner")
_HEAD = 2
_KINDS = ("text", "number", "date", "degrees")
_EXACT = 2.0 ** 53  # beyond it a spreadsheet loses digits
CELL_LIMIT = 32_767
"""Characters that a cell of a workbook holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Records of one file that go back, one sheet of a workbook.

    Attributes
    ----------
    records : rows as they were read, under the headers of their file; an index named ``row`` holds
        their rows in the file, otherwise they are counted from 1. The position of points becomes
        columns of longitude and latitude, CGCS2000.
    issues : findings; those on other rows or other files are left out.
    layer : schema or its name.
    headers : header in `records` -> canonical column, ``geometry`` for coordinates.
    source : name of the file; findings of other files are left out.
    key : what names the file for good; written into `SOURCES`.
    digest : of the file as it was read; written into `SOURCES`.
    """

    records: pd.DataFrame
    issues: pd.DataFrame
    layer: str | LayerSchema
    headers: Mapping[str, str]
    source: str = ""
    key: str = ""
    digest: str = ""


def save(path: str | Path, records: pd.DataFrame, issues: pd.DataFrame, *,
         layer: str | LayerSchema, headers: Mapping[str, str], as_of: dt.date, source: str = "",
         language: str = "zh") -> Path:
    """Write the workbook of records of one file to correct, whole or not at all.

    Parameters
    ----------
    path : the .xlsx
    records, issues, layer, headers, source : see `Part`
    as_of : date stamped into the file in place of the clock
    language : of all words

    Returns
    -------
    Path
    """
    part = Part(records=records, issues=issues, layer=layer, headers=headers, source=source)
    return save_book(path, [part], as_of=as_of, language=language)


def save_book(path: str | Path, parts: Sequence[Part], *, as_of: dt.date, language: str = "zh"
              ) -> Path:
    """Write one workbook of records to correct, a sheet for each file, whole or not at all.

    Parameters
    ----------
    path : the .xlsx
    parts : what goes back, in the order of the sheets
    as_of : date stamped into the file in place of the clock
    language : of all words

    Returns
    -------
    Path

    Notes
    -----
    Sheets of records: title, a hint, then the table: ``_row``, findings and advice, the county's
    own columns. Text stays text: no cell is a formula, no code a number. A finding on a column
    that the file lacks colours ``_row``. Next sheet: the list of findings. Last, hidden: which
    file each sheet is of.
    """
    import xlsxwriter

    with atomic(path) as temporary:
        book = xlsxwriter.Workbook(str(temporary), {
            "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
            "nan_inf_to_errors": False})
        titles = [_title(part, language) for part in parts]
        book.set_properties({"title": titles[0], "author": "qzrisk",
                             "created": dt.datetime(as_of.year, as_of.month, as_of.day)})
        styles = _styles(book)
        names = _sheet_names(parts, language)
        pages = [book.add_worksheet(name) for name in names]
        listed = []
        for part, page, title in zip(parts, pages, titles, strict=True):
            page.write_string(0, 0, title, styles["title"])
            page.write_string(1, 0, text("return_hint", language), styles["hint"])
            listed.append(_write_part(page, part, styles, language))
        page = book.add_worksheet(text("return_list", language))
        page.write_string(0, 0, " · ".join(titles), styles["title"])
        _write_list(page, names, parts, listed, styles, language)
        _write_sources(book.add_worksheet(SOURCES), names, parts)
        book.close()
    return Path(path)


def _title(part: Part, language: str) -> str:
    rules = schema(part.layer)
    name = rules.zh if language == "zh" else rules.en
    title = text("return_title", language, layer=name, source=part.source or name)
    if "synthetic" in rules.columns and _synthetic(part.records, part.headers):
        title = f"{title} · {text('synthetic', language)}"
    return title


def _sheet_names(parts: Sequence[Part], language: str) -> list[str]:
    """Return a name for each sheet: of its layer, numbered where several files have one."""
    if len(parts) == 1:
        return [text("return_sheet", language)]
    names: list[str] = []
    for part in parts:
        rules = schema(part.layer)
        stem = re.sub(r"[\[\]:*?/\\']", " ", rules.zh if language == "zh" else rules.en)[:26]
        alike = sum(name.rstrip("0123456789 ") == stem for name in names)
        names.append(f"{stem} {alike + 1}" if alike else stem)
    return names


def _write_part(page: Any, part: Part, styles: Mapping[str, Any], language: str) -> pd.DataFrame:
    """Write the table of one sheet; return the findings on it."""
    rules, rows = schema(part.layer), row_numbers(part.records)
    table = placed(part.records, language)
    added = dict.fromkeys(set(table.columns) - set(part.records.columns), "geometry")
    own = _own(part.issues, part.records, rows, rules, part.headers, part.source)
    _write_table(page, table, rows, own, {**part.headers, **added}, rules, styles, language)
    return own


def _write_sources(page: Any, names: Sequence[str], parts: Sequence[Part]) -> None:
    page.write_row(0, 0, ("sheet", "key", "digest"))
    for line, (name, part) in enumerate(zip(names, parts, strict=True), start=1):
        for at, words in enumerate((name, part.key, part.digest)):
            page.write_string(line, at, words)
    page.hide()


def row_numbers(records: pd.DataFrame) -> np.ndarray:
    """Return the row of each record in its file, by the index ``row`` or counted from 1."""
    if records.index.name == "row":
        return records.index.to_numpy(dtype=int)
    return np.arange(1, len(records) + 1)


def placed(records: pd.DataFrame, language: str) -> pd.DataFrame:
    """Return records without geometry; of points as columns of longitude and latitude, degrees."""
    if not isinstance(records, gpd.GeoDataFrame):
        return records
    table = pd.DataFrame(records.drop(columns=records.geometry.name))
    shapes = np.asarray((records.to_crs(crs.GEOGRAPHIC) if records.crs else records)
                        .geometry.array)
    point = shapely.get_type_id(shapes) == shapely.GeometryType.POINT
    if point.any():
        for key, get in (("return_lon", shapely.get_x), ("return_lat", shapely.get_y)):
            header = text(key, language)
            # A file may have columns of coordinates beside its geometry: those are its own.
            header = header if header not in table else f"{header}_CGCS2000"
            at = np.round(get(shapes), 7)
            table[header] = np.where(np.isfinite(at) & point, at, np.nan)
    return table


def _synthetic(records: pd.DataFrame, headers: Mapping[str, str]) -> bool:
    marked = [header for header, name in headers.items() if name == "synthetic"]
    return any(records[header].notna().any() for header in marked if header in records)


def _own(issues: pd.DataFrame, records: pd.DataFrame, rows: np.ndarray, rules: LayerSchema,
         headers: Mapping[str, str], source: str) -> pd.DataFrame:
    """Return the findings on these records, each with the row it speaks of (0: the whole file)."""
    own = issues[issues["source"].isin([source, ""])] if source else issues
    ids = next((header for header, name in headers.items() if name == rules.key), None)
    row = own["row"].astype(int)
    if ids is not None:
        by_id = pd.Series(rows, index=records[ids].astype("str").str.strip())
        by_id = by_id[~by_id.index.duplicated()]
        row = row.where(row > 0, own["record_id"].map(by_id).fillna(0).astype(int))
    whole = (row == 0) & (own["record_id"] == "") & (own["source"] == source)
    own = own.assign(row=row)[row.isin(rows) | whole]
    severity = pd.Categorical(own["severity"], SEVERITIES, ordered=True)
    return own.assign(severity=severity).sort_values(
        ["row", "severity", "rule", "field"], kind="stable").astype({"severity": "str"})


def _styles(book: Any) -> dict[str, Any]:
    edge = {"border": 1, "border_color": "#999999"}
    styles = {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "hint": book.add_format({"font_color": "#555555", "italic": True}),
        "head": book.add_format({"bold": True, "bg_color": "#22313a", "font_color": "white",
                                 "border": 1, "text_wrap": True, "valign": "vcenter"}),
        "finding": book.add_format({"text_wrap": True, "valign": "top", "font_size": 9}),
    }
    for severity in ("", *SEVERITIES):
        fill = {"bg_color": _COLOURS[severity], **edge} if severity else {}
        for kind, pattern in (("text", "@"), ("number", "General"), ("date", "yyyy-mm-dd"),
                              ("degrees", "0.0000000")):
            styles[severity + kind] = book.add_format({**fill, "num_format": pattern})
    return styles


def _write_table(page: Any, table: pd.DataFrame, rows: np.ndarray, own: pd.DataFrame,
                 fields: Mapping[str, str], rules: LayerSchema, styles: Mapping[str, Any],
                 language: str) -> None:
    columns = [str(column) for column in table.columns]
    for at, heading in enumerate([ROW, text("return_finding", language), *columns]):
        page.write_string(_HEAD, at, heading, styles["head"])
    at_column: dict[str, list[int]] = {}
    for at, column in enumerate(columns, start=2):
        at_column.setdefault(fields.get(column, column), []).append(at)
        at_column.setdefault(column, [at])
    marks, advice = _marks(own, at_column, language)
    kinds = ["number", "text", *(_kind(fields.get(column, ""), rules) for column in columns)]
    for line, (row, record) in enumerate(zip(rows, table.itertuples(index=False), strict=True),
                                         start=_HEAD + 1):
        page.write_string(line, 1, "\n".join(advice.get(int(row), ())), styles["finding"])
        for at, value in enumerate((int(row), *record)):
            place = at if at == 0 else at + 1
            severity, words = marks.get((int(row), place), ("", ()))
            _write_cell(page, line, place, value, styles, severity + kinds[place])
            if words:
                page.write_comment(line, place, "\n".join(words), {"x_scale": 2})
    page.set_column(0, 0, 7)
    page.set_column(1, 1, 46)
    # What is typed into an empty cell of codes or words must stay text too.
    for at, column in enumerate(table.columns, start=2):
        number = table[column].dtype.kind in "iufM"
        page.set_column(at, at, 16, None if number else styles["text"])
    page.freeze_panes(_HEAD + 1, 2)
    page.autofilter(_HEAD, 0, _HEAD + max(len(table), 1), len(columns) + 1)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(_HEAD)


def _marks(own: pd.DataFrame, at_column: Mapping[str, list[int]], language: str
           ) -> tuple[dict[tuple[int, int], tuple[str, list[str]]], dict[int, list[str]]]:
    """Return (row, column) -> worst severity and words, and row -> lines of advice."""
    marks: dict[tuple[int, int], tuple[str, list[str]]] = {}
    advice: dict[int, list[str]] = {}
    for issue in own.itertuples():
        line = f"{text(f'severity_{issue.severity}', language)}: {issue.message}"
        line = f"{line} → {issue.suggestion}" if issue.suggestion else line
        advice.setdefault(int(issue.row), []).append(line)
        # Findings come worst first: the colour of a cell is that of its first one.
        for at in at_column.get(issue.field, [0]):
            marks.setdefault((int(issue.row), at), (issue.severity, []))[1].append(line)
    return marks, advice


def _kind(name: str, rules: LayerSchema) -> str:
    """Return how cells of a canonical column are shown: codes and words as text."""
    if name == "geometry":
        return "degrees"
    return "text" if name in rules.columns and rules.columns[name].type == "str" else "number"


def _write_cell(page: Any, row: int, at: int, value: Any, styles: Mapping[str, Any],
                style: str) -> None:
    """Write a value as what it is; numbers of a text column as text, digit for digit."""
    severity, kind = next((style.removesuffix(k), k) for k in _KINDS if style.endswith(k))
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        if severity:
            page.write_blank(row, at, None, styles[f"{severity}text"])
    elif isinstance(value, bool | np.bool_):
        page.write_boolean(row, at, bool(value), styles[f"{severity}number"])
    elif kind != "text" and _plain_number(value):
        # Metres stand in columns of coordinates too.
        kind = kind if abs(float(value)) <= 180 else "number"
        page.write_number(row, at, float(value), styles[severity + kind])
    elif isinstance(value, dt.date) and value.year >= 1900 and not getattr(value, "tzinfo", None):
        moment = value if isinstance(value, dt.datetime) else dt.datetime(
            value.year, value.month, value.day)
        page.write_datetime(row, at, moment, styles[f"{severity}date"])
    else:
        whole = isinstance(value, float) and value % 1 == 0
        shown = f"{value:.0f}" if whole else str(value)
        page.write_string(row, at, shown[:CELL_LIMIT], styles[f"{severity}text"])


def _plain_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and abs(float(value)) < _EXACT


def _write_list(page: Any, names: Sequence[str], parts: Sequence[Part],
                listed: Sequence[pd.DataFrame], styles: Mapping[str, Any], language: str) -> None:
    keys = ("row", "id", "field", "severity", "value", "message", "suggestion", "owner", "at")
    for at, key in enumerate(keys):
        page.write_string(_HEAD, at, text(f"return_{key}", language), styles["head"])
    line = _HEAD
    for name, part, own in zip(names, parts, listed, strict=True):
        rules = schema(part.layer)
        for issue in own[list(_LIST)].itertuples(index=False):
            line += 1
            page.write_number(line, 0, int(issue.row))
            known = issue.field in rules.columns
            words = (issue.record_id,
                     rules.heading(issue.field, language) if known else issue.field,
                     text(f"severity_{issue.severity}", language), issue.value, issue.message,
                     issue.suggestion, issue.owner, name)
            for at, word in enumerate(words, start=1):
                page.write_string(line, at, str(word)[:CELL_LIMIT], styles["text"])
    for at, width in enumerate((7, 22, 22, 8, 22, 50, 50, 16, 16)):
        page.set_column(at, at, width)
    page.freeze_panes(_HEAD + 1, 0)
    page.autofilter(_HEAD, 0, max(line, _HEAD + 1), len(keys) - 1)

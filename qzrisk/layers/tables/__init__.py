"""Tables as offices really send them -> a frame of cells under one header row, nothing lost.

Every row of the sheet is a header, a record, a totals row, a note or empty; what is set aside is
kept and told. Cell values are not interpreted here: see `qzrisk.layers.values`.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qzrisk.errors import ConfigError
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.tables.delimited import read_delimited, read_json
from qzrisk.layers.tables.layout import (
    DATA,
    EMPTY,
    HEAD_ROWS,
    NOTE,
    TOTAL,
    Layout,
    distinct_names,
    lay_out,
    roles,
)
from qzrisk.layers.tables.source import Merge, Remark, Row, Source, unreadable
from qzrisk.layers.tables.workbook import OLE, read_workbook
from qzrisk.layers.values.cells import ERROR_WORDS

__all__ = ["Table", "read_cells"]

_BLOCK_ROWS = 20_000
_LONG_CELL = 5_000
_JSON = {".json", ".jsonl", ".ndjson"}
_WORKBOOKS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_REPEATED_CODES = ("代码", "编码", "编号", "code", "id", "年份", "year", "序号")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table read from a file.

    Attributes
    ----------
    frame : the records; columns are the headers; the index ``row`` is the 1-based row of the sheet
        (of a CSV: of the record, header and blank lines counted; of JSON: of the object).
    totals : totals rows set aside, same columns.
    notes : other rows set aside: ``role`` (title, header, note) and ``text`` by ``row``.
    issues : findings.
    first_row : 1-based row of the first record, 0 if there is none.
    sheet, sheets : name of the sheet read, and of all.
    encoding : of a text file, else "".
    date_system : 1900 or 1904, what serial numbers of days count from.
    counts : rows read, and what became of them: ``rows = header + data + totals + notes + empty``.
    """

    frame: pd.DataFrame
    totals: pd.DataFrame
    notes: pd.DataFrame
    issues: pd.DataFrame
    first_row: int
    sheet: str
    sheets: tuple[str, ...]
    encoding: str
    date_system: int
    counts: dict[str, int]


def read_cells(path: str | Path, *, sheet: str | None = None, encoding: str | None = None,
               language: str = "zh", layer: str = "") -> Table:
    """Read a table: CSV and other delimited text, xlsx, xls, ods or JSON records.

    Parameters
    ----------
    path : the file; what it is is told by its content before its name
    sheet : of a workbook; None takes the first visible one that holds a table
    encoding : of a text file, believed only where it fits
    language : of the findings
    layer : name of the layer the findings speak of

    Returns
    -------
    Table

    Raises
    ------
    ConfigError
        If the file is missing, empty, broken, protected by a password, or no table.

    Notes
    -----
    Merged cells are filled from their real ranges: text in every cell of the range, but a number
    only in its first (a capacity merged over two shelters must not count twice), with a finding.
    Error cells (#REF!) and formulas that were never calculated are missing, with a finding.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError("missing input file", where=str(path), expected="a readable file",
                          got="nothing there", mend="correct the path in project.toml")
    source = _open(path, sheet, encoding, language)
    try:
        return _build(source, path=path, language=language, layer=layer)
    except (OverflowError, RecursionError) as error:
        raise unreadable(path, error) from error


def _open(path: Path, sheet: str | None, encoding: str | None, language: str) -> Source:
    with path.open("rb") as stream:
        head = stream.read(1024)
    if not head:
        raise unreadable(path, "an empty file", "check that the file was exported completely")
    suffix = path.suffix.lower()
    if head.startswith((b"PK", OLE)):
        if zipfile.is_zipfile(path) and suffix == ".zip":
            raise unreadable(path, "a zip archive", "name the table inside it")
        return read_workbook(path, sheet)
    if suffix in _JSON:
        return read_json(path, encoding, language=language)
    source = read_delimited(path, encoding, language=language)
    if suffix in _WORKBOOKS:
        rows = list(islice(source.rows, HEAD_ROWS))
        if max(map(len, rows), default=0) < 2 or "\ufffd" in str(rows):
            raise unreadable(path, "neither a workbook nor a table of text")
        source.rows = chain(rows, source.rows)
        source.remarks.append(Remark(rule="text_as_workbook", severity="warning",
                                     values=(suffix,)))
    return source


def _build(source: Source, *, path: Path, language: str, layer: str) -> Table:
    rows = iter(source.rows)
    head = [list(row) for row in islice(rows, HEAD_ROWS)]
    if not any(cell not in ("", None) for row in head for cell in row):
        raise unreadable(path, f"an empty sheet {source.sheet}".strip(),
                         "check that the file was exported completely")
    merges = source.merges or []
    filler = _Merged(merges)
    filler.fill(head, 0, texts_only_from=len(head))
    layout = lay_out(head, [m for m in merges if m[0] < len(head)],
                     form=source.merges is not None)
    filler.codes = {c for c, name in enumerate(layout.names)
                    if any(word in name.lower() for word in _REPEATED_CODES)}
    filler.withdraw(head, layout.start)
    frame, lengths = _columns(head, rows, layout, filler)
    frame = _erase_errors(frame, source)
    role = roles(frame, layout, merges)
    frame.index = pd.Index(frame.index + source.first, name="row")
    frame, names = _named(frame, layout, source)
    _remark_rows(frame, role, lengths, layout, source)
    _remark_header(layout, head, source)
    if filler.withheld:
        at = sorted(filler.withheld)
        source.remarks.append(Remark(rule="merged_number", severity="warning",
                                     rows=[r + source.first for r, _ in at],
                                     columns=[c for _, c in at],
                                     values=[filler.withheld[cell] for cell in at]))
    data = frame[role == DATA].infer_objects()
    _remark_cells(data, source)
    counts = {"rows": layout.start + len(frame), "header": layout.start,
              "data": len(data), "totals": int((role == TOTAL).sum()),
              "notes": int((role == NOTE).sum()), "empty": int((role == EMPTY).sum())}
    return Table(
        frame=data, totals=frame[role == TOTAL].infer_objects(),
        notes=_notes(head, layout, frame[role == NOTE], source.first),
        issues=_issues(source, names, path=path, language=language, layer=layer),
        first_row=int(data.index[0]) if len(data) else 0, sheet=source.sheet,
        sheets=source.sheets, encoding=source.encoding, date_system=source.date_system,
        counts=counts)


class _Merged:
    """Fills merged ranges as rows pass by, numbers of the records only in the first cell."""

    def __init__(self, merges: Sequence[Merge]) -> None:
        self.by_row: dict[int, list[Merge]] = {}
        for merge in merges:
            for row in range(merge[0], merge[2] + 1):
                self.by_row.setdefault(row, []).append(merge)
        self.rows = np.array(sorted(self.by_row), dtype=int)
        self.values: dict[Merge, Any] = {}
        self.codes: set[int] = set()
        self.filled: list[tuple[int, int, Any]] = []
        self.withheld: dict[tuple[int, int], Any] = {}

    def fill(self, block: list[list[Any]], first: int, *, texts_only_from: int) -> None:
        """Fill the rows of a block, the first of which is `first`, in place."""
        low, high = np.searchsorted(self.rows, (first, first + len(block)))
        for row in self.rows[low:high]:
            cells = block[row - first]
            for merge in self.by_row[row]:
                r0, c0, _, c1 = merge
                if row == r0:
                    self.values[merge] = cells[c0] if c0 < len(cells) else None
                cells.extend([None] * (c1 + 1 - len(cells)))
                for column in range(c0, c1 + 1):
                    if (row, column) != (r0, c0):
                        self._put(cells, int(row), column, self.values.get(merge),
                                  row >= texts_only_from)

    def _put(self, cells: list[Any], row: int, column: int, value: Any, texts_only: bool) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and texts_only and column not in self.codes:
            self.withheld[row, column] = value
            return
        if number:
            self.filled.append((row, column, value))
        cells[column] = value

    def withdraw(self, head: list[list[Any]], start: int) -> None:
        """Take back the numbers filled into records before the header was known."""
        for row, column, value in self.filled:
            if row >= start and column not in self.codes:
                head[row][column] = None
                self.withheld[row, column] = value


def _columns(head: list[list[Any]], rows: Iterator[Row], layout: Layout, filler: _Merged
             ) -> tuple[pd.DataFrame, np.ndarray]:
    """Return all rows after the header as columns, and how many cells each row had."""
    parts, lengths = [], []
    first, block = layout.start, head[layout.start:]
    filled_already = True
    while block or filled_already:
        if not filled_already:
            filler.fill(block, first, texts_only_from=0)
        lengths.append(np.fromiter(map(len, block), dtype=int, count=len(block)))
        part = pd.DataFrame(block or None)
        part.index = pd.RangeIndex(first, first + len(part))
        parts.append(part)
        first += len(block)
        block, filled_already = [list(row) for row in islice(rows, _BLOCK_ROWS)], False
    whole = pd.concat([part for part in parts if part.size] or parts[:1])
    return whole.apply(_without_blanks) if whole.size else whole, np.concatenate(lengths)


def _without_blanks(column: pd.Series) -> pd.Series:
    if isinstance(column.dtype, pd.StringDtype):
        empty = (column == "").to_numpy(dtype=bool, na_value=False)
        return column.mask(empty) if empty.any() else column
    if column.dtype != object:
        return column
    empty = np.array([isinstance(cell, str) and not cell.strip() for cell in column], dtype=bool)
    return column.mask(empty, None).infer_objects()


def _erase_errors(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Make error words in text cells missing, with a remark."""
    for position, column in enumerate(frame.columns):
        cells = frame[column]
        if cells.dtype == object or isinstance(cells.dtype, pd.StringDtype):
            bad = cells.isin(ERROR_WORDS).to_numpy(dtype=bool)
            if bad.any():
                source.remarks.append(Remark(
                    rule="error_cell", severity="warning", values=cells[bad].tolist(),
                    rows=(frame.index[bad] + source.first).tolist(),
                    columns=[position] * int(bad.sum())))
                frame[column] = cells.mask(bad)
    return frame


def _named(frame: pd.DataFrame, layout: Layout, source: Source
           ) -> tuple[pd.DataFrame, dict[int, str]]:
    """Give the columns their names; a column without header and cells is no column."""
    width = max(frame.shape[1], len(layout.names))
    frame = frame.reindex(columns=range(width))
    kept = [c for c in range(width)
            if (c < len(layout.names) and layout.names[c]) or frame[c].notna().any()]
    names, repeated, unnamed = distinct_names(
        [layout.names[c] if c < len(layout.names) else "" for c in kept], len(kept))
    by_column = dict(zip(kept, names, strict=True))
    for rule, hits in (("duplicate_header", repeated), ("unnamed_column", unnamed)):
        if hits:
            source.remarks.append(Remark(rule=rule, severity="warning", rows=[0] * len(hits),
                                         columns=[kept[c] for c in hits],
                                         values=[names[c] for c in hits]))
    return frame[kept].set_axis(names, axis=1), by_column


def _remark_rows(frame: pd.DataFrame, role: np.ndarray, lengths: np.ndarray, layout: Layout,
                 source: Source) -> None:
    rows = frame.index.to_numpy()
    for what, rule in ((TOTAL, "total_row"), (NOTE, "note_row")):
        hit = np.flatnonzero(role == what)
        if len(hit):
            source.remarks.append(Remark(
                rule=rule, severity="note", rows=rows[hit],
                values=[_joined(frame.iloc[at]) for at in hit]))
    empty = int((role == EMPTY).sum())
    if empty:
        source.remarks.append(Remark(rule="empty_rows", severity="note", values=(str(empty),)))
    uneven = _uneven(lengths, role, layout)
    if uneven.any():
        usual = _usual(lengths, role)
        source.remarks.append(Remark(rule="uneven_row", severity="warning", rows=rows[uneven],
                                     values=lengths[uneven].tolist(), expected=str(usual)))


def _usual(lengths: np.ndarray, role: np.ndarray) -> int:
    return int(np.bincount(lengths[role == DATA]).argmax())


def _uneven(lengths: np.ndarray, role: np.ndarray, layout: Layout) -> np.ndarray:
    """Return which records have another number of cells than most."""
    data = role == DATA
    if not data.any():
        return data
    usual = _usual(lengths, role)
    return data & (lengths != usual) & ~((lengths > usual) & (lengths <= len(layout.names)))


def _joined(cells: Sequence[Any] | pd.Series) -> str:
    shown = [str(cell) for cell in cells if not pd.isna(cell) and str(cell).strip()]
    return " | ".join(dict.fromkeys(shown))[:200]


def _remark_header(layout: Layout, head: Sequence[Row], source: Source) -> None:
    if len(layout.header) > 1:
        source.remarks.append(Remark(rule="header_joined", severity="note",
                                     rows=(layout.header[0] + source.first,),
                                     values=(len(layout.header),)))
    if not layout.sure:
        source.remarks.append(Remark(rule="header_unsure", severity="warning",
                                     rows=(layout.header[0] + source.first,),
                                     values=(_joined(head[layout.header[-1]]),)))
    aside = [*layout.titles, *layout.below]
    if aside:
        source.remarks.append(Remark(rule="title_row", severity="note",
                                     rows=[row + source.first for row in aside],
                                     values=[_joined(head[row]) for row in aside]))


def _remark_cells(data: pd.DataFrame, source: Source) -> None:
    for position in range(data.shape[1]):
        cells = data.iloc[:, position]
        if isinstance(cells.dtype, pd.StringDtype):
            long = (cells.str.len() > _LONG_CELL).to_numpy(dtype=bool, na_value=False)
        elif cells.dtype == object:
            long = np.array([isinstance(c, str) and len(c) > _LONG_CELL for c in cells], dtype=bool)
        else:
            continue
        if long.any():
            source.remarks.append(Remark(
                rule="long_cell", severity="note", rows=data.index[long].tolist(),
                columns=[-1 - position] * int(long.sum()),
                values=[len(cell) for cell in cells[long]]))


def _notes(head: Sequence[Row], layout: Layout, notes: pd.DataFrame, first: int
           ) -> pd.DataFrame:
    kinds = [("title", row) for row in (*layout.titles, *layout.below)]
    kinds += [("header", row) for row in layout.header]
    held = [(row + first, kind, _joined(head[row])) for kind, row in kinds]
    held += [(row, "note", _joined(cells)) for row, cells in notes.iterrows()]
    return pd.DataFrame(sorted(held), columns=["row", "role", "text"]).set_index("row")


def _issues(source: Source, names: dict[int, str], *, path: Path, language: str, layer: str
            ) -> pd.DataFrame:
    parts = []
    ordered = list(names.values())
    for remark in source.remarks:
        columns = np.asarray(remark.columns, dtype=int)
        values = pd.Series(list(remark.values), dtype=object)
        rows = np.asarray(remark.rows, dtype=int)
        for column in sorted(set(columns.tolist())) if len(columns) else [None]:
            here = np.ones(len(rows), dtype=bool) if column is None else columns == column
            field = "" if column is None else (
                ordered[-1 - column] if column < 0 else names.get(column, f"column_{column + 1}"))
            parts.append(findings(remark.rule, remark.severity, layer=layer, language=language,
                                  rows=rows[here], values=values[here], field=field,
                                  expected=remark.expected, source=path.name))
    return gather(parts)


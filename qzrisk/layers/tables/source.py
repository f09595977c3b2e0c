"""Rows of one sheet or text file as they stand there, with what was noticed on the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qzrisk.errors import ConfigError
from qzrisk.layers.findings import Severity

_MAX_CELLS = 60_000_000
Row = Sequence[Any]
Merge = tuple[int, int, int, int]
"""First row, first column, last row, last column, 0-based, in the sheet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something noticed, to become findings: a rule, its severity and the cells it speaks of."""

    rule: str
    severity: Severity
    rows: Sequence[int] = (0,)
    values: Sequence[Any] = ("",)
    columns: Sequence[int] = ()
    expected: str = ""


@dataclass(slots=True, kw_only=True)
class Source:
    """Rows to be read once, from the first row of the sheet on; an empty cell is "" or None.

    Attributes
    ----------
    rows : each a list of cells, of any length.
    merges : real merged ranges; None where the format does not tell.
    sheet, sheets : name of the sheet read and of all sheets ("" and none for text).
    encoding : of a text file, "" for workbooks.
    date_system : 1900 or 1904.
    first : number of the first row; 0 where the headers are no row of the file.
    remarks : what was noticed; may grow while `rows` are read.
    """

    rows: Iterable[Row]
    merges: list[Merge] | None = None
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    encoding: str = ""
    date_system: int = 1900
    first: int = 1
    remarks: list[Remark] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Scanned:
    """What the reader of workbooks does not tell of a sheet.

    Attributes
    ----------
    remarks : of its cells.
    merges : merged ranges of an OpenDocument.
    rows, columns : 0-based, that are hidden; columns as ranges, since all right of a table may be.
    filtered : rows are hidden by a filter.
    null_date : day 0 of the serial numbers of an OpenDocument, else "".
    errors : words of the cells of an OpenDocument whose formulas failed, by row and column.
    """

    remarks: list[Remark] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)
    columns: list[tuple[int, int]] = field(default_factory=list)
    filtered: bool = False
    null_date: str = ""
    errors: dict[tuple[int, int], str] = field(default_factory=dict)


def require_size(rows: int, width: int, path: Path) -> None:
    """Refuse a sheet that the reader could not hold: it takes the rectangle, empty cells too."""
    if rows * width > _MAX_CELLS:
        raise unreadable(path, f"a sheet of {rows:,} rows x {width:,} columns",
                         "delete the stray cells far below or right of the table")


def unreadable(path: Path, got: object, mend: str = "open it to see whether it is whole"
               ) -> ConfigError:
    """Return the error of a table that cannot be read."""
    return ConfigError("cannot read the table", where=str(path), got=str(got).strip(), mend=mend)

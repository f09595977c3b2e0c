"""Workbooks (xlsx, xls, ods): one sheet's rows, its merged ranges, error and formula cells."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import python_calamine as calamine

from qzrisk.errors import ConfigError
from qzrisk.layers.tables import opendocument
from qzrisk.layers.tables.source import (
    Merge,
    Remark,
    Row,
    Scanned,
    Source,
    require_size,
    unreadable,
)

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_CHUNK_BYTES = 1 << 22
_BOMB_BYTES, _BOMB_RATIO = 1 << 28, 150  # sheets shrink 10 to 30 times
_ERROR = re.compile(rb'<c r="([A-Z]{1,3})(\d+)"[^>]*\bt="e"[^>]*>'
                    rb"(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)?<v>([^<]*)</v>")
_UNCALCULATED = re.compile(rb'<c r="([A-Z]{1,3})(\d+)"[^>]*>(?:<f[^>]*/>|<f[^>]*>[^<]*</f>)'
                           rb"(?:<v></v>|<v ?/>)?</c>")
_HIDDEN_ROW = re.compile(rb'<row (?=[^>]*\bhidden="(?:1|true)")[^>]*?\br="(\d+)"[^>]*(?<!/)>')
_COLUMN = re.compile(rb'<col (?=[^>]*\bhidden="(?:1|true)")[^>]*>')
_EDGE = re.compile(rb'\b(min|max)="(\d+)"')
_FORMULA = re.compile(rb"<f[ >/]")
_FAR = re.compile(rb""" r=["'](?:([A-Za-z]{2,})\d|[A-Za-z]?(\d{7,})["'])""")
_ANY_ROW = re.compile(rb""" r=["'][A-Za-z]*(\d+)["']""")
_ROW = re.compile(rb'<row [^>]*?\br="(\d+)"')
_TAIL_BYTES = 1 << 17  # longer than any cell's markup but that of a text cell
_BOF = re.compile(rb"\x09\x08..\x00[\x05\x06]\x05\x00", re.DOTALL)
_DATEMODE, _END = 0x22, 0x0A
_GLOBALS_BYTES = 1 << 20


def read_workbook(path: Path, sheet: str | None) -> Source:
    """Return the rows of one sheet: the one named, else the first visible one that holds a table.

    Parameters
    ----------
    path : xlsx, xlsm, xlsb, xls or ods
    sheet : its name

    Raises
    ------
    ConfigError
        If the file is broken, protected by a password, too large, empty, or lacks the sheet.
    """
    scanned = _guard(path)
    try:
        with path.open("rb") as stream, calamine.load_workbook(stream) as book:
            found = _choose(book, sheet, path, scanned)
            seen = scanned.get(found.name, Scanned())
            return Source(
                rows=_without(_rows(found), seen.errors), merges=_merges(found, seen),
                sheet=found.name, sheets=tuple(book.sheet_names),
                date_system=_date_system(path, seen),
                remarks=[*_sheet_remarks(book, found.name, asked=sheet is not None),
                         *_hidden(found, seen), *seen.remarks])
    except calamine.PasswordError as error:
        raise _protected(path) from error
    except (calamine.CalamineError, OSError, ValueError, OverflowError, MemoryError, LookupError,
            zipfile.BadZipFile, zlib.error, ElementTree.ParseError, NotImplementedError,
            EOFError, RuntimeError) as error:
        raise unreadable(path, error) from error


def _protected(path: Path) -> ConfigError:
    return ConfigError("the workbook is protected by a password", where=str(path),
                       expected="a workbook that opens without a password",
                       mend="open it, remove the password, save it again")


def _guard(path: Path) -> dict[str, Scanned]:
    """Refuse what must not be opened; return what is to be said of each sheet."""
    with path.open("rb") as stream:
        head = stream.read(8)
        if head == OLE:
            if _ENCRYPTED in stream.read():
                raise _protected(path)
            return {}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            size, packed = (sum(getattr(e, a) for e in entries)
                            for a in ("file_size", "compress_size"))
            if size > _BOMB_BYTES and size > _BOMB_RATIO * max(packed, 1):
                raise unreadable(path, f"{size:,} bytes packed into {packed:,}",
                                 "such a file is made to exhaust the memory: ask for another")
            if "content.xml" in archive.namelist():
                return opendocument.scan(archive, path)
            return {name: _scan(archive, part, path)
                    for name, part in _parts(archive).items()}
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, LookupError,
            ElementTree.ParseError, NotImplementedError, EOFError, RuntimeError) as error:
        raise unreadable(path, error) from error


def _parts(archive: zipfile.ZipFile) -> dict[str, str]:
    if "xl/workbook.xml" not in archive.namelist():
        return {}
    links = {}
    for link in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels")):
        target = link.get("Target", "")
        links[link.get("Id")] = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    found = {}
    for entry in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
        if entry.tag.endswith("}sheet"):
            ident = next((v for k, v in entry.items() if k.endswith("}id")), "")
            if links.get(ident) in archive.namelist():
                found[entry.get("name", "")] = links[ident]
    return found


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield overlapping pieces of a part, and what each repeats of the one before."""
    with archive.open(part) as stream:
        tail = b""
        while piece := stream.read(_CHUNK_BYTES):
            whole = tail + piece
            yield whole, tail
            floor = max(0, len(whole) - _TAIL_BYTES)
            tail = whole[max(whole.rfind(b"<c ", floor), floor):]


def _scan(archive: zipfile.ZipFile, part: str, path: Path) -> Scanned:
    """Refuse a sheet too large to open; remark on its error cells, formulas and what is hidden.

    The reader gives error cells as empty and formulas as their last values.
    """
    rows, width, formulas = 1, 26, 0
    errors: dict[tuple[int, int], str] = {}
    blind: dict[tuple[int, int], str] = {}
    hidden: set[int] = set()
    columns: list[tuple[int, int]] = []
    filtered = False
    for piece, repeated in _chunks(archive, part):
        last = piece.rfind(b"<row ")
        if last >= 0 and (match := _ROW.match(piece, last)):
            rows = max(rows, int(match[1]))
        for letters, deep in set(_FAR.findall(piece)):
            width = max(width, column_number(letters.decode().upper()) + 1)
            rows = max(rows, int(deep or 0))
        if width > 26:
            rows = max(rows, *map(int, set(_ANY_ROW.findall(piece))), 1)
        require_size(rows, width, path)
        if b"hidden=" in piece:
            hidden.update(int(row) - 1 for row in _HIDDEN_ROW.findall(piece))
            for entry in _COLUMN.findall(piece[:max(0, piece.find(b"<sheetData"))]):
                edges = {name: int(number) - 1 for name, number in _EDGE.findall(entry)}
                columns.append((edges[b"min"], edges[b"max"]))
        filtered |= b"<filterColumn" in piece
        if b't="e"' in piece:
            errors.update(_cells(_ERROR, piece))
        if found := len(_FORMULA.findall(piece)):
            formulas += found - len(_FORMULA.findall(repeated))
            blind.update(_cells(_UNCALCULATED, piece))
    remarks = [Remark(rule=rule, severity="warning", rows=[r for r, _ in found],
                      columns=[c for _, c in found], values=list(found.values()))
               for rule, found in (("error_cell", errors), ("formula_cell", blind)) if found]
    if formulas:
        remarks.append(Remark(rule="formulas", severity="note", values=(str(formulas),)))
    return Scanned(remarks=remarks, rows=hidden, columns=columns, filtered=filtered)


def column_number(letters: str) -> int:
    """Return the 0-based number of a spreadsheet column.

    Examples
    --------
    >>> column_number("A"), column_number("AA"), column_number("XFD")
    (0, 26, 16383)
    """
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _choose(book: calamine.CalamineWorkbook, sheet: str | None, path: Path,
            scanned: Mapping[str, Scanned]) -> calamine.CalamineSheet:
    if sheet is not None:
        if sheet not in (scanned or book.sheet_names):
            raise ConfigError("no such sheet", where=str(path), got=repr(sheet),
                              expected=", ".join(book.sheet_names))
        return book.get_sheet_by_name(sheet)
    metas = [meta for meta in book.sheets_metadata
             if meta.typ == calamine.SheetTypeEnum.WorkSheet
             and (not scanned or meta.name in scanned)]
    # Stable: visible ones first, each in the order of the workbook.
    metas.sort(key=lambda meta: meta.visible != calamine.SheetVisibleEnum.Visible)
    held = None
    for meta in metas:
        found = book.get_sheet_by_name(meta.name)
        if found.height > 1 and found.width > 1:
            return found
        held = held or (found if found.height else None)
    if held is None:
        raise ConfigError("no sheet holds anything", where=str(path),
                          got=f"sheets {', '.join(book.sheet_names)}",
                          mend="check that the file was exported completely")
    return held


def _rows(sheet: calamine.CalamineSheet) -> Iterable[Row]:
    left = sheet.start[1] if sheet.start else 0
    if not left:
        return sheet.iter_rows()
    return ([""] * left + row for row in sheet.iter_rows())


def _without(rows: Iterable[Row], errors: Mapping[tuple[int, int], str]) -> Iterable[Row]:
    """Return the rows with the cells of `errors` emptied."""
    if not errors:
        return rows
    return (["" if (number, column) in errors else cell for column, cell in enumerate(row)]
            for number, row in enumerate(rows))


def _merges(sheet: calamine.CalamineSheet, seen: Scanned) -> list[Merge] | None:
    given = sheet.merged_cell_ranges
    if given is None and not seen.null_date:
        return None
    found = seen.merges if given is None else [(*a, *b) for a, b in given]
    # Whole columns are merged at times: only what holds cells counts.
    bottom, right = sheet.end or (-1, -1)
    return sorted((r0, c0, min(r1, bottom), min(c1, right)) for r0, c0, r1, c1 in found
                  if r0 <= bottom and c0 <= right)


def _hidden(sheet: calamine.CalamineSheet, seen: Scanned) -> Iterator[Remark]:
    """Say what the scan saw: errors of an ods, hidden and filtered rows, unusual serial numbers."""
    if seen.null_date not in ("", opendocument.NULL_DATE, "1904-01-01"):
        yield Remark(rule="null_date", severity="warning", values=(seen.null_date,))
    if seen.errors:
        yield Remark(rule="error_cell", severity="warning", values=list(seen.errors.values()),
                     rows=[row + 1 for row, _ in seen.errors],
                     columns=[column for _, column in seen.errors])
    bottom, right = sheet.end or (-1, -1)
    rows = sum(row <= bottom for row in seen.rows)
    columns = sum(max(0, min(last, right) - first + 1) for first, last in seen.columns)
    if rows or columns:
        yield Remark(rule="filtered_cells" if rows and seen.filtered else "hidden_cells",
                     severity="note", values=(str(rows),), expected=str(columns))


def _date_system(path: Path, seen: Scanned) -> int:
    if seen.null_date:
        return 1904 if seen.null_date == "1904-01-01" else 1900
    with path.open("rb") as stream:
        head = stream.read(_GLOBALS_BYTES)
    if head.startswith(OLE):
        return date_system_of_xls(head)
    with zipfile.ZipFile(path) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            return 1900
        for entry in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():
            if entry.tag.endswith("}workbookPr"):
                return 1904 if entry.get("date1904") in ("1", "true") else 1900
    return 1900


def date_system_of_xls(data: bytes) -> int:
    """Return 1904 or 1900 as the record DATEMODE of an .xls says, found from its first BOF on.

    Examples
    --------
    >>> date_system_of_xls(bytes.fromhex("0908080000060500 00000000 220002000100 0a000000"))
    1904
    """
    start = _BOF.search(data)
    at = start.start() if start else -1
    while 0 <= at <= len(data) - 6:
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == _DATEMODE:
            return 1904 if data[at + 4:at + 6] == b"\x01\0" else 1900
        if kind == _END:
            break
        at += 4 + size
    return 1900


def _sheet_remarks(book: calamine.CalamineWorkbook, chosen: str, *, asked: bool
                   ) -> Iterator[Remark]:
    hidden = [meta.name for meta in book.sheets_metadata
              if meta.visible != calamine.SheetVisibleEnum.Visible]
    if hidden:
        yield Remark(rule="hidden_sheet", severity="note", values=("、".join(hidden),))
    others = [name for name in book.sheet_names if name not in (chosen, *hidden)]
    if others and not asked:
        yield Remark(rule="other_sheets", severity="note", values=("、".join(others),),
                     expected=chosen)


def _cells(pattern: re.Pattern[bytes], piece: bytes) -> Iterator[tuple[tuple[int, int], Any]]:
    for match in pattern.finditer(piece):
        words = match[3].decode(errors="replace") if pattern.groups > 2 else ""
        yield (int(match[2]), column_number(match[1].decode())), words

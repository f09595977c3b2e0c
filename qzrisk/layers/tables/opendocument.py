"""What the reader of workbooks does not tell of an OpenDocument: merged, hidden, its day 0."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from qzrisk.layers.tables.source import Scanned, require_size

NULL_DATE = "1899-12-30"
"""Day 0 of serial numbers where the file does not say it."""
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_MAX_ROWS = 1 << 20
_ERROR = re.compile(r"#[A-Z/0!?]{3,8}|(?:Err|Fehler|错误|エラー):\s?\d{3}")


def scan(archive: zipfile.ZipFile, path: Path) -> dict[str, Scanned]:
    """Return what is to be said of each sheet; refuse one too large to open.

    Read whole before the reader sees it: that one never comes back from broken XML.
    """
    found: dict[str, Scanned] = {}
    place, null_date = _Place(Scanned(), path), NULL_DATE
    for part in ("META-INF/manifest.xml", "content.xml"):
        for event, entry in ElementTree.iterparse(archive.open(part), events=("start", "end")):
            tag = entry.tag.removeprefix(_TABLE)
            if event == "end":
                if tag == "table-cell":
                    _end_cell(place, entry)
                place.row += place.times if tag == "table-row" else 0
                if tag in ("table-row", "file-entry"):
                    entry.clear()
            elif tag == "null-date":
                null_date = entry.get(f"{_TABLE}date-value", NULL_DATE)
            elif tag == "table":
                place = _Place(Scanned(null_date=null_date), path)
                found[entry.get(f"{_TABLE}name", "")] = place.seen
            elif tag in _BEGIN:
                _BEGIN[tag](place, entry)
    return found


@dataclass
class _Place:
    """Where on a sheet the reading is, 0-based; `times` rows are written as one."""

    seen: Scanned
    path: Path
    row: int = 0
    column: int = 0
    times: int = 1
    width: int = 1


def _number(entry: ElementTree.Element, what: str) -> int:
    return int(entry.get(f"{_TABLE}number-{what}", 1))


def _begin_column(place: _Place, entry: ElementTree.Element) -> None:
    first, place.column = place.column, place.column + _number(entry, "columns-repeated")
    if entry.get(f"{_TABLE}visibility", "visible") != "visible":
        place.seen.columns.append((first, place.column - 1))


def _begin_row(place: _Place, entry: ElementTree.Element) -> None:
    place.times, place.column = _number(entry, "rows-repeated"), 0
    shown = entry.get(f"{_TABLE}visibility", "visible")
    if shown != "visible":
        place.seen.rows.update(range(place.row, place.row + min(place.times, _MAX_ROWS)))
        place.seen.filtered |= shown == "filter"


def _begin_cell(place: _Place, entry: ElementTree.Element) -> None:
    down, across = _number(entry, "rows-spanned"), _number(entry, "columns-spanned")
    row, column = place.row, place.column
    if down > 1 or across > 1:
        place.seen.merges.append((row, column, row + down - 1, column + across - 1))
    place.column += _number(entry, "columns-repeated")
    if any(key.endswith("}value-type") for key in entry.attrib):
        place.width = max(place.width, place.column)
        require_size(row + place.times, place.width, place.path)


def _end_cell(place: _Place, entry: ElementTree.Element) -> None:
    """Note an error of a formula: older programs write it as the number 0 with other words."""
    if not entry.get(f"{_TABLE}formula"):
        return
    shown = "".join(entry.itertext()).strip()
    stated = any(key.endswith("}value-type") and "error" in value
                 for key, value in entry.attrib.items())
    if stated or _ERROR.fullmatch(shown):
        first = place.column - _number(entry, "columns-repeated")
        place.seen.errors |= {(row, column): shown
                              for row in range(place.row, place.row + place.times)
                              for column in range(first, place.column)}


_BEGIN = {"table-column": _begin_column, "table-row": _begin_row, "table-cell": _begin_cell,
          "covered-table-cell": _begin_cell}

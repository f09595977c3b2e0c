"""Text tables: comma, tab, semicolon or bar separated, in any encoding; and JSON records."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from qzrisk.errors import ConfigError
from qzrisk.layers.encoding import MIXED, decode, detect
from qzrisk.layers.tables.source import Remark, Row, Source, unreadable

DELIMITERS = (",", "\t", ";", "|", "，")
_SNIFFED_LINES = 60
_GUESS = 0.5
_NATIONAL = ("cp949", "cp874", "cp1251", "koi8_r", "cp866", "cp1252", "euc_jp")
_BREAKS = re.compile("[\x0b\x0c]")  # breaks within a cell
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def read_delimited(path: Path, encoding: str | None, *, language: str) -> Source:
    """Return the records of a delimited text file; the delimiter is found from its first lines.

    Raises
    ------
    ConfigError
        If the file is no text.
    """
    text, source = _text(path, encoding, language)
    delimiter = sniff(text)
    quoted = text.count('"') % 2 == 0
    if not quoted:
        source.remarks.append(Remark(rule="unbalanced_quote", severity="warning"))
    source.rows = _records(text, delimiter, quoted=quoted, path=path)
    return source


def read_json(path: Path, encoding: str | None, *, language: str) -> Source:
    """Return JSON records as rows, headers first; nested names are joined by ``/``.

    Notes
    -----
    A list of objects, an object holding such a list, or one object a line.

    Raises
    ------
    ConfigError
        If the file is no JSON, or holds no records.
    """
    text, source = _text(path, encoding, language)
    try:
        records = _objects(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, error) from error
    if not records:
        raise unreadable(path, "no list of objects", 'write [{"name": ..., ...}, ...]')
    flat = [_flat(record) for record in records]
    headers = list(dict.fromkeys(key for record in flat for key in record))
    cells: Iterator[Row] = ([record.get(key) for key in headers] for record in flat)
    source.first = 0
    # A nameless key would leave a gap in the header, and the first record be taken for it.
    shown = [key if key.strip() else f"column_{n}" for n, key in enumerate(headers, start=1)]
    source.rows = chain([shown], cells)
    return source


def _text(path: Path, encoding: str | None, language: str) -> tuple[str, Source]:
    data = path.read_bytes()
    if not data.strip():
        raise unreadable(path, "an empty file", "check that the file was exported completely")
    found = detect(data, encoding, language=language)
    if b"\0" in data and not found.name.startswith("utf-"):
        raise unreadable(path, "no text file", "save it as CSV or xlsx")
    text, strange = decode(data, found)
    if not text.strip():
        raise unreadable(path, "an empty file", "check that the file was exported completely")
    if text.lstrip()[:200].lower().startswith(("<html", "<!doctype", "<table", "<?xml")):
        raise unreadable(path, "a web page or XML, not a table",
                         "open it in a spreadsheet program and save it as xlsx")
    source = Source(rows=(), encoding=found.name)
    text = _printable(text, source)
    if found.name == MIXED:
        source.remarks.append(Remark(rule="mixed_encoding", severity="warning",
                                     rows=list(strange) or [0],
                                     values=list(strange.values()) or [""]))
    if found.mojibake:
        source.remarks.append(Remark(rule="mojibake", severity="warning",
                                     values=(found.mojibake,)))
    doubtful = found.confidence < _GUESS and found.name != MIXED
    if doubtful or (encoding and not _same(encoding, found.name)):
        source.remarks.append(Remark(rule="encoding_guess", severity="warning",
                                     values=(f"{found.name}: {found.evidence}",)))
    elif not encoding and found.name in _NATIONAL:
        source.remarks.append(Remark(rule="encoding_told", severity="note", values=(found.name,),
                                     expected=found.evidence))
    return text, source


def _printable(text: str, source: Source) -> str:
    """Return the text without control characters, at which other programs cut a cell short."""
    lines: list[int] = []
    at = number = 0
    for found in _CONTROL.finditer(text):
        number += text.count("\n", at, found.start())
        at = found.start()
        lines.append(number + 1)
    if not lines:
        return text
    lines = sorted(set(lines))
    source.remarks.append(Remark(rule="control_characters", severity="note", rows=lines,
                                 values=[""] * len(lines)))
    return _CONTROL.sub("", _BREAKS.sub(" ", text))


def _same(given: str, found: str) -> bool:
    plain = str.maketrans("", "", "-_ ")
    given, found = given.lower().translate(plain), found.lower().translate(plain)
    families = ({"gbk", "gb2312", "cp936", "gb18030"}, {"utf8", "utf8sig", "ascii"},
                {"big5", "big5hkscs", "cp950"}, {"shiftjis", "sjis", "cp932"}, {"eucjp", "ujis"})
    return found.startswith(given) or any({given, found} <= family for family in families)


def sniff(text: str) -> str:
    r"""Return the delimiter that cuts the first lines into the most even number of fields.

    Examples
    --------
    >>> sniff("名称;面积\n甲;1,5\n乙;2,5")
    ';'
    """
    lines = [line for line in text[:200_000].splitlines() if line.strip()][:_SNIFFED_LINES]
    if lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) == 5:
        return lines[0].strip()[4]
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        if delimiter == "，" and best_score > (0.0, 0):
            break
        try:
            counts = Counter(map(len, csv.reader(lines, delimiter=delimiter)))
        except csv.Error:
            counts = Counter(line.count(delimiter) + 1 for line in lines)
        wide = {n: times for n, times in counts.items() if n > 1}
        if not wide:
            continue
        fields = max(wide, key=lambda n: (wide[n], n))
        score = (round(wide[fields] / sum(counts.values()), 2), fields)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _records(text: str, delimiter: str, *, quoted: bool, path: Path) -> Iterator[Row]:
    if not quoted:
        yield from _split(text, delimiter)
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        yield from reader
    except csv.Error as error:
        raise unreadable(path, f"line {reader.line_num}: {error}",
                         "look for a quotation mark that is never closed") from error


def _split(text: str, delimiter: str) -> Iterator[Row]:
    """Yield lines cut at every delimiter: quotation marks cannot be trusted here."""
    for line in re.split(r"\r\n|\n|\r", text):
        cells = line.split(delimiter) if line else []
        yield [cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell
               for cell in cells]


def _objects(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        found = [json.loads(line) for line in lines]
    if isinstance(found, dict):
        if found.get("type") == "FeatureCollection":
            raise ConfigError("a GeoJSON is a layer, not a table", expected="records",
                              got="FeatureCollection", mend="read it with read_layer")
        if "geometryType" in found and "features" in found:
            # Its spatialReference may be a datum that must not be passed over.
            raise ConfigError("an Esri JSON is not read", expected="GeoJSON or records",
                              got=str(found["geometryType"]), mend="export it as GeoJSON")
        lists = {key: value for key, value in found.items() if _is_records(value)}
        if len(lists) > 1:
            raise ConfigError("several lists of records in the file", expected="one list",
                              got=", ".join(f"{key} ({len(v)})" for key, v in lists.items()),
                              mend="save the one that is meant in a file of its own")
        found = next(iter(lists.values()), [found])
    return list(found) if _is_records(found) else []


def _is_records(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def _flat(record: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = f"{above}/{key}" if above else key
        if isinstance(value, dict):
            flat |= _flat(value, name)
        else:
            listed = isinstance(value, list)
            flat[name] = json.dumps(value, ensure_ascii=False) if listed else value
    return flat

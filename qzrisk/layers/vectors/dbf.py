"""The parts of a shapefile as bytes: table of attributes, index, and what is wrong in them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from qzrisk.layers.encoding import MIXED, Encoding, detect

_HEADER = 32
_END_OF_FIELDS = 0x0D
_BEYOND_ASCII = 0x80
_SURE = 0.5
_IDEOGRAPHS = 3
_WIDE = ("utf-16", "utf-32", "utf_16", "utf_32")
_NAME = 10
_NAME_BYTES = 11
_SHP_HEADER = 100
_SHP_MAGIC = 9994
_MAX_ROWS_SEEN = 64 << 20
_MAX_SAMPLE = 2 << 20
_LANGUAGES = {0x4D: "cp936", 0x7A: "cp936", 0x4F: "cp950", 0x78: "cp950", 0x13: "cp932",
              0x7B: "cp932", 0x4E: "cp949", 0x79: "cp949"}
"""Byte 29 of the header -> code page; Western ones are what programs write who never thought."""
_PAGES = {"65001": "utf-8", "936": "gb18030", "950": "cp950", "932": "cp932", "949": "cp949",
          "54936": "gb18030"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the table: its name as bytes, its type and place in the record."""

    name: bytes
    type: str
    start: int
    width: int


@dataclass(frozen=True, slots=True)
class Dbf:
    """The header of a .dbf.

    Attributes
    ----------
    records : number the header gives; `present` whole records that the file holds.
    header, width : bytes of the header and of one record.
    fields : in order.
    language : byte 29, the language driver.
    """

    records: int
    present: int
    header: int
    width: int
    fields: tuple[Field, ...]
    language: int


def read_header(path: Path) -> Dbf | None:
    """Return the header of a .dbf, or None where it makes no sense."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(_HEADER)
        if len(head) < _HEADER:
            return None
        records, header, width = struct.unpack("<IHH", head[4:12])
        body = stream.read(max(0, header - _HEADER))
    fields, start = [], 1
    for at in range(0, len(body) - _HEADER + 1, _HEADER):
        entry = body[at:at + _HEADER]
        if entry[0] == _END_OF_FIELDS:
            break
        fields.append(Field(entry[:_NAME_BYTES].split(b"\0")[0], chr(entry[11]), start, entry[16]))
        start += entry[16]
    if not fields or start != width or header > size:
        return None
    return Dbf(records, (size - header) // width, header, width, tuple(fields), head[29])


def declared_encoding(dbf: Dbf | None, cpg: Path | None) -> str:
    """Return what the .cpg or else the language byte says, as a codec, or ""."""
    said = cpg.read_bytes()[:64].decode("ascii", "ignore").strip().lower() if cpg else ""
    digits = said.removeprefix("ansi").removeprefix("cp").strip(" -_")
    if said:
        return _PAGES.get(digits, said)
    return _LANGUAGES.get(dbf.language, "") if dbf else ""


def rows_of(path: Path, dbf: Dbf, count: int) -> np.ndarray:
    """Return the bytes of the records, one row each, mapped from the file."""
    count = min(count, dbf.present)
    if not count:
        return np.empty((0, dbf.width), dtype=np.uint8)
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=dbf.header,
                     shape=(count, dbf.width))
    return np.asarray(data)


def sniff(path: Path, dbf: Dbf, hint: str, language: str) -> tuple[Encoding, bool]:
    """Return the encoding of names and texts, and whether every text can be decoded in it.

    Cells filled to their last byte may have been cut within a character: they do not take part in
    the judgement, but in the check.
    """
    rows = rows_of(path, dbf, dbf.present)
    step = max(1, rows.size // _MAX_ROWS_SEEN)
    rows = rows[::step]
    whole = [f.name for f in dbf.fields if len(f.name) < _NAME]
    full = [f.name for f in dbf.fields if len(f.name) >= _NAME]
    cells, cut = [b"\n".join(whole)], []
    for field in dbf.fields:
        if field.type != "C" or not field.width:
            continue
        block = rows[:, field.start:field.start + field.width]
        block = block[(block >= _BEYOND_ASCII).any(axis=1)]
        ends = block[:, -1] >= _BEYOND_ASCII
        cut.append(_lines(block[ends]))
        cells.append(_lines(block[~ends]))
    # A table is written in single bytes: zeros are filling, never half of a wide character.
    sample = b"\n".join(cells).replace(b"\0", b" ")
    if sample.isascii():
        sample = b"\n".join([*whole, *full, *cut])
    found = _judge(sample[:_MAX_SAMPLE] if len(sample) > _MAX_SAMPLE else sample, hint, language)
    mixed = bool(hint) and detect(sample, language=language).name == MIXED
    return found, not mixed and all(_decodes(part, found.name) for part in [sample, *cut, *full])


def _judge(sample: bytes, hint: str, language: str) -> Encoding:
    """Return the encoding; a single-byte hint fits any bytes and proves nothing."""
    believed = detect(sample, hint or None, language=language)
    if believed.name.startswith(_WIDE):
        believed = replace(believed, name=MIXED, confidence=0.0)
    if believed.name.startswith(("iso8859", "cp125", "latin", "cp437", "cp850")):
        free = detect(sample, language=language)
        if free.confidence >= _SURE:
            return free
    return believed


def _lines(block: np.ndarray) -> bytes:
    ends = np.full((len(block), 1), ord("\n"), dtype=np.uint8)
    return np.hstack([block, ends]).tobytes()


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        return all(bool(line.decode(encoding)) or True for line in data.split(b"\n"))
    except (UnicodeError, LookupError):
        return False


def decode(raw: bytes, encoding: str) -> tuple[str, str]:
    """Return a text and the rule that speaks of how it had to be read, or "".

    Examples
    --------
    >>> decode("避灾点".encode("gbk")[:5], "gb18030")
    ('避灾', 'text_cut')
    """
    if encoding != "utf-8" and (plain := _plainly_utf8(raw)):
        return plain, "text_mixed"
    try:
        return raw.decode(encoding), ""
    except UnicodeError:
        pass
    cut = _without_tail(raw, encoding)
    if cut is not None:
        return cut, "text_cut"
    for other in ("utf-8", "gb18030"):
        try:
            return raw.decode(other), "text_mixed"
        except UnicodeError:
            continue
    return raw.decode(encoding, "replace"), "text_lost"


def _plainly_utf8(raw: bytes) -> str:
    """Return the text if it is UTF-8 with three ideographs: another encoding never looks so."""
    if raw.isascii():
        return ""
    try:
        words = raw.decode("utf-8")
    except UnicodeError:
        return ""
    return words if sum("\u4e00" <= c <= "\u9fff" for c in words) >= _IDEOGRAPHS else ""


def _without_tail(raw: bytes, encoding: str) -> str | None:
    for tail in (1, 2, 3):
        try:
            return raw[:-tail].decode(encoding)
        except UnicodeError:
            continue
    return None


def shape_index(shp: Path, shx: Path | None) -> tuple[bytes, bool, np.ndarray]:
    """Return a sound .shx, whether it had to be made anew, and rows whose shape is not in the file.

    Raises
    ------
    ValueError
        If the .shp itself is none.
    """
    size = shp.stat().st_size
    with shp.open("rb") as stream:
        head = stream.read(_SHP_HEADER)
    if len(head) < _SHP_HEADER or struct.unpack(">i", head[:4])[0] != _SHP_MAGIC:
        raise ValueError("no header of a shapefile")
    if shx is not None and shx.stat().st_size >= _SHP_HEADER:
        data = shx.read_bytes()
        count = (len(data) - _SHP_HEADER) // 8
        table = np.frombuffer(data, ">i4", count * 2, _SHP_HEADER).reshape(-1, 2).astype("int64")
        start, length = table[:, 0] * 2, table[:, 1] * 2
        beyond = (start < _SHP_HEADER) | (length < 0) | (start + 8 + length > size)
        # An index cut short would hide shapes; one that is whole is right even where the .shp has
        # gaps, which editors leave.
        whole = data[:4] == head[:4] and struct.unpack(">i", data[24:28])[0] * 2 == len(data)
        if whole and not beyond[: len(beyond) // 2].any():
            return data, False, np.flatnonzero(beyond) + 1
    return _rebuilt(shp, head, size)


def _rebuilt(shp: Path, head: bytes, size: int) -> tuple[bytes, bool, np.ndarray]:
    """Walk the records of a .shp from its start, as long as they make sense."""
    entries, at, number = [], _SHP_HEADER, 0
    with shp.open("rb") as stream:
        while at + 8 <= size:
            stream.seek(at)
            words = struct.unpack(">ii", stream.read(8))[1]
            number += 1
            if words < 2 or at + 8 + words * 2 > size:
                break
            entries.append((at // 2, words))
            at += 8 + words * 2
        else:
            number = 0
    body = np.asarray(entries, dtype=">i4").tobytes()
    length = struct.pack(">i", (_SHP_HEADER + len(body)) // 2)
    lost = np.array([number] if number else [], dtype=int)
    return head[:24] + length + head[28:] + body, True, lost

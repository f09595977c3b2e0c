"""Shapefiles as counties send them: parts missing, cut short, in an encoding that nobody names."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from qzrisk.errors import ConfigError
from qzrisk.layers.encoding import MIXED, Encoding
from qzrisk.layers.tables.source import Remark
from qzrisk.layers.vectors import dbf as dbf_
from qzrisk.layers.vectors.reading import read_gdal, unreadable
from qzrisk.text import text

_BYTES = "ISO-8859-1"
"""Reads every byte as the character of its number, so that the bytes can be had back."""
_DELETED = ord("*")
_LISTED_ROWS = 100_000


@dataclass(slots=True)
class _Parts:
    """The files of one shapefile by suffix, and what GDAL is to be given instead."""

    files: dict[str, Path]
    replaced: dict[str, bytes] = field(default_factory=dict)
    padded: tuple[int, int] | None = None
    """Records the .dbf must say it has, and bytes to add to its end."""


def read_shapefile(path: Path, encoding: str | None, remarks: list[Remark], language: str
                   ) -> tuple[pd.DataFrame, Encoding | None]:
    """Read a shapefile, or its .dbf alone, saying what had to be made up for.

    Parameters
    ----------
    path : the .shp, .dbf or .shx
    encoding : what the caller says of the text; believed where it fits
    remarks : grows by what was noticed

    Returns
    -------
    (frame, encoding)
        Where records are marked deleted, the index ``row`` holds the numbers of the others.

    Raises
    ------
    ConfigError
        If there is neither shape nor table to be read.
    """
    parts = _Parts(_siblings(path))
    spatial = ".shp" in parts.files
    if not spatial and ".dbf" not in parts.files:
        raise unreadable(path, "no .shp and no .dbf beside it")
    count = _check_shapes(parts, path, remarks) if spatial else None
    if spatial:
        _check_crs(parts, remarks)
    dbf = _check_table(parts, path, count, remarks)
    if dbf is None:
        with _presented(parts) as whole:
            return read_gdal(whole, None, remarks, records=count), None
    count = dbf.present if count is None else count
    found, clean = _encoding(parts, dbf, encoding, remarks, language)
    deleted = dbf_.rows_of(parts.files[".dbf"], dbf, count)[:, 0] == _DELETED
    with _presented(parts) as whole:
        frame = _decoded(whole, found, clean=clean, dbf=dbf, remarks=remarks,
                         records=count - int(deleted.sum()))
    if deleted.any() and frame.index.name != "row":
        remarks.append(Remark(rule="row_deleted", severity="note",
                              values=[str(int(deleted.sum()))]))
        kept = np.setdiff1d(np.arange(1, count + 1), np.flatnonzero(deleted) + 1)
        if len(kept) == len(frame):
            frame = frame.set_axis(pd.Index(kept, name="row"))
    return frame, found


def _siblings(path: Path) -> dict[str, Path]:
    """Return the files of the shapefile by lower-case suffix, whatever the case of their names."""
    stem = path.stem.lower()
    found = {file.suffix.lower(): file for file in sorted(path.parent.iterdir())
             if file.stem.lower() == stem and file.is_file()}
    return {suffix: file for suffix, file in found.items()
            if suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg")}


def _check_crs(parts: _Parts, remarks: list[Remark]) -> None:
    file = parts.files.get(".prj")
    if file is None:
        remarks.append(Remark(rule="prj_missing", severity="warning"))
        return
    words = file.read_bytes().decode("utf-8", "replace")
    try:
        pyproj.CRS.from_user_input(words)
    except (pyproj.exceptions.CRSError, UnicodeError, ValueError):
        del parts.files[".prj"]
        remarks.append(Remark(rule="prj_broken", severity="warning", values=[words[:60]]))


def _check_shapes(parts: _Parts, path: Path, remarks: list[Remark]) -> int:
    """Give the shapes a sound index and return their number."""
    try:
        index, anew, lost = dbf_.shape_index(parts.files[".shp"], parts.files.get(".shx"))
    except ValueError as error:
        raise unreadable(path, error, expected="a shapefile",
                         mend="check that the file was copied completely") from error
    if anew:
        parts.replaced[".shx"] = index
        remarks.append(Remark(rule="shx_rebuilt", severity="warning"))
    if len(lost):
        remarks.append(Remark(rule="shape_lost", severity="warning", rows=lost.tolist(),
                              values=[""] * len(lost)))
    return (len(index) - 100) // 8


def _check_table(parts: _Parts, path: Path, shapes: int | None, remarks: list[Remark]
                 ) -> dbf_.Dbf | None:
    """Make the table as long as the shapes, and return its header or None if there is none."""
    file = parts.files.get(".dbf")
    dbf = dbf_.read_header(file) if file else None
    if dbf is None:
        if shapes is None:
            raise unreadable(path, "no header of a table", expected="a .dbf")
        parts.files.pop(".dbf", None)
        remarks.append(Remark(rule="dbf_broken" if file else "dbf_missing", severity="error"))
        return None
    wanted = dbf.records if shapes is None else shapes
    if dbf.present < wanted:
        whole = wanted if shapes is not None else dbf.present
        lost = np.arange(dbf.present + 1, min(wanted, dbf.present + _LISTED_ROWS) + 1)
        remarks.append(Remark(rule="attributes_lost", severity="error", rows=lost.tolist(),
                              values=[""] * len(lost), expected=str(wanted)))
        size = file.stat().st_size if file else 0
        parts.padded = (whole, dbf.header + whole * dbf.width - size)
    elif dbf.records != wanted:
        parts.padded = (wanted, 0)
        remarks.append(Remark(rule="dbf_count", severity="warning", values=[str(dbf.records)],
                              expected=str(wanted)))
    spare = min(dbf.records, dbf.present) - wanted
    if spare > 0 and shapes is not None:
        rows = np.arange(wanted + 1, wanted + min(spare, _LISTED_ROWS) + 1)
        remarks.append(Remark(rule="shape_missing", severity="error", rows=rows.tolist(),
                              values=[""] * len(rows)))
    return dbf


def _encoding(parts: _Parts, dbf: dbf_.Dbf, given: str | None, remarks: list[Remark],
              language: str) -> tuple[Encoding, bool]:
    said = given or dbf_.declared_encoding(dbf, parts.files.get(".cpg"))
    try:
        found, clean = dbf_.sniff(parts.files[".dbf"], dbf, said, language)
    except ConfigError:
        if given:
            raise
        remarks.append(Remark(rule="cpg_unknown", severity="note", values=[said]))
        said = ""
        found, clean = dbf_.sniff(parts.files[".dbf"], dbf, "", language)
    remarks.extend(_encoding_remarks(said, found))
    return found, clean and found.name != MIXED


def _encoding_remarks(said: str, found: Encoding) -> Iterator[Remark]:
    # A file of plain figures and Latin letters is the same in every encoding.
    plain = any(found.evidence == text("encoding_ascii", tongue) for tongue in ("zh", "en"))
    if said and not plain and not _same(said, found.name):
        yield Remark(rule="encoding_overruled", severity="warning", values=[said],
                     expected=f"{found.name}: {found.evidence}")
    elif not said and not plain and found.name != "utf-8":
        yield Remark(rule="encoding_told", severity="note", values=[found.name],
                     expected=found.evidence)
    if found.mojibake:
        yield Remark(rule="mojibake", severity="warning", values=[found.mojibake])


def _same(said: str, found: str) -> bool:
    sample = "避灾点"
    try:
        return sample.encode(said) == sample.encode(found)
    except (UnicodeError, LookupError):
        return said.lower().replace("_", "-") == found.lower().replace("_", "-")


def _decoded(path: Path, found: Encoding, *, clean: bool, dbf: dbf_.Dbf, remarks: list[Remark],
             records: int) -> pd.DataFrame:
    """Read in one go where every text is sound, else by bytes and text by text."""
    if clean and len({f.name for f in dbf.fields}) == len(dbf.fields):
        try:
            return read_gdal(path, None, remarks, encoding=found.name, records=records)
        except UnicodeDecodeError:
            pass
    frame = read_gdal(path, None, remarks, encoding=_BYTES, records=records)
    main = "utf-8" if found.name == MIXED else found.name
    shape = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    names = [column if column == shape else dbf_.decode(_bytes(column), main)[0]
             for column in frame.columns]
    for number, name in enumerate(names):
        cells = frame.iloc[:, number]
        if name != shape and (cells.dtype == object or isinstance(cells.dtype, pd.StringDtype)):
            frame.isetitem(number, _redecoded(cells, main, name, remarks))
    return frame.set_axis(names, axis=1)


def _redecoded(cells: pd.Series, main: str, name: str, remarks: list[Remark]) -> pd.Series:
    """Return a column of bytes as text, each distinct cell decoded for itself."""
    readings = {cell: dbf_.decode(_bytes(cell), main) for cell in cells.dropna().unique()
                if isinstance(cell, str)}
    words = cells.map({cell: words for cell, (words, _) in readings.items()})
    rules = cells.map({cell: rule for cell, (_, rule) in readings.items() if rule})
    for rule in sorted(rules.dropna().unique()):
        hit = np.flatnonzero(rules == rule)
        remarks.append(Remark(rule=rule, severity="note" if rule == "text_cut" else "warning",
                              rows=(hit + 1).tolist(), values=words.iloc[hit].tolist(),
                              expected=name))
    return words.astype("str")


def _bytes(words: object) -> bytes:
    return str(words).encode("latin-1", "replace")


@contextmanager
def _presented(parts: _Parts) -> Iterator[Path]:
    """Give the path of the shapefile with its repaired parts, in a folder of its own."""
    main = ".shp" if ".shp" in parts.files else ".dbf"
    with tempfile.TemporaryDirectory(prefix="qzrisk-") as folder:
        for suffix, file in parts.files.items():
            # GDAL is told the encoding: a .cpg that it does not know would stop it.
            if suffix not in parts.replaced and suffix != ".cpg":
                copied = suffix == ".dbf" and parts.padded is not None
                _place(file, Path(folder) / f"layer{suffix}", copied=copied)
        for suffix, data in parts.replaced.items():
            (Path(folder) / f"layer{suffix}").write_bytes(data)
        if parts.padded is not None and ".dbf" in parts.files:
            records, missing = parts.padded
            with (Path(folder) / "layer.dbf").open("rb+") as stream:
                stream.seek(4)
                stream.write(struct.pack("<I", records))
                stream.seek(0, 2)
                if missing < 0:
                    stream.truncate(stream.tell() + missing)
                stream.write(b" " * max(0, missing))
        yield Path(folder) / f"layer{main}"


def _place(file: Path, target: Path, *, copied: bool) -> None:
    try:
        if copied:
            raise OSError
        target.symlink_to(file.absolute())
    except OSError:  # a copy is due, or links are not allowed here
        shutil.copyfile(file, target)

"""Zip archives as counties send them, unpacked with care: one layer out, nothing elsewhere.

Refused: names that lead out of the folder, links, passwords, bombs, archives in archives in
archives. Names in GBK are read as GBK.
"""

from __future__ import annotations

import re
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from qzrisk.errors import ConfigError
from qzrisk.layers.encoding import MIXED, detect

MAX_MEMBERS = 10_000
MAX_BYTES = 4 << 30
MAX_RATIO = 200
"""An archive may unpack to `MAX_BYTES`, and beyond `FREE_BYTES` to `MAX_RATIO` times its size."""
FREE_BYTES = 64 << 20

ARCHIVES = {".zip", ".kmz"}
_FILES = {".shp", ".gpkg", ".geojson", ".geojsonl", ".json", ".jsonl", ".ndjson", ".fgb",
          ".parquet", ".geoparquet", ".kml", ".gml", ".gpx", ".tab", ".mif", ".csv", ".tsv",
          ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", *ARCHIVES}
_MINOR = {".txt", ".dbf"}
"""Layers only where nothing else is: a note to the reader, the table of a shapefile."""
_JUNK = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|~\$|\._)")
_BLOCK = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError,
           RuntimeError)


def is_archive(path: str | Path) -> bool:
    """Return whether a file is a zip or KMZ that holds layers (workbooks are zips that do not)."""
    path = Path(path)
    return path.suffix.lower() in ARCHIVES and path.is_file()


@contextmanager
def opened(path: str | Path, *, layer: str | None = None) -> Iterator[Path]:
    """Give the one layer inside an archive as a path; any other path is given as it is.

    Parameters
    ----------
    path : zip, KMZ, or any file or folder
    layer : name of the file inside, with or without its suffix, where there are several; a name
        that no file bears is left to the reader of the file (layers of a GeoPackage)

    Yields
    ------
    Path
        In a temporary folder that vanishes at the end, for an archive.

    Raises
    ------
    ConfigError
        If the archive is broken, protected, unsafe or too large, holds no layer, or several and
        `layer` names none of them.

    Examples
    --------
    >>> with opened("shelters.gpkg") as source:
    ...     source.name
    'shelters.gpkg'
    """
    path = Path(path)
    if not is_archive(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="qzrisk-") as folder:
        inner = _pick(unpack(path, Path(folder) / "0"), path, layer)
        if is_archive(inner):
            inner = _pick(unpack(inner, Path(folder) / "1"), path, layer)
            if is_archive(inner):
                raise ConfigError("archives inside an archive inside an archive", where=str(path),
                                  expected="at most one level", got=inner.name,
                                  mend="unpack it and name the file")
        yield inner


def unpack(path: Path, folder: Path) -> list[Path]:
    """Unpack an archive into a folder and return what was written, in the order of names.

    Raises
    ------
    ConfigError
        See `opened`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, path)
            left = max(FREE_BYTES, min(MAX_BYTES, MAX_RATIO * path.stat().st_size))
            for name, info in members:
                left -= _write(archive, info, folder / name, left, path)
    except _BROKEN as error:
        raise ConfigError("cannot unpack the archive", where=str(path), got=str(error).strip(),
                          expected="a whole zip file", mend="pack or fetch it again") from error
    return [folder / name for name, _ in members]


def _members(archive: zipfile.ZipFile, path: Path) -> list[tuple[str, zipfile.ZipInfo]]:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MAX_MEMBERS:
        raise _refused("too many files in the archive", path, len(infos), f"<= {MAX_MEMBERS}")
    names = _names(infos)
    for name, info in zip(names, infos, strict=True):
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or ":" in name or "\0" in name or not parts:
            raise _refused("a name in the archive leads out of its folder", path, name)
        if stat.S_ISLNK(info.external_attr >> 16):
            raise _refused("a link in the archive", path, name, "plain files")
        if info.flag_bits & 1:
            raise _refused("the archive is protected by a password", path, name, "no password")
    kept = [(name, info) for name, info in zip(names, infos, strict=True)
            if not _JUNK.search(name)]
    lower = [name.lower() for name, _ in kept]
    twice = sorted({name for name in lower if lower.count(name) > 1}) if kept else []
    if twice:
        raise _refused("a name occurs twice in the archive", path, ", ".join(twice))
    return sorted(kept, key=lambda item: item[0])


def _names(infos: list[zipfile.ZipInfo]) -> list[str]:
    """Return the names as their writer meant them: most Chinese packers write GBK unmarked."""
    utf8 = 0x800
    raw = [None if info.flag_bits & utf8 else info.orig_filename.encode("cp437", "replace")
           for info in infos]
    encoding = detect(b"\n".join(name for name in raw if name)).name
    encoding = "gb18030" if encoding == MIXED else encoding
    names = [info.orig_filename if name is None else name.decode(encoding, "replace")
             for info, name in zip(infos, raw, strict=True)]
    return [name.replace("\\", "/") for name in names]


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, limit: int,
           path: Path) -> int:
    """Unpack one file and return its size, counted while it is written: headers may lie."""
    target.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(info) as stream, target.open("wb") as out:
        while block := stream.read(_BLOCK):
            size += len(block)
            if size > limit:
                raise _refused("the archive unpacks to far more than it holds (a zip bomb?)", path,
                               info.filename, f"at most {MAX_RATIO} times its size")
            out.write(block)
    return size


def _pick(files: list[Path], path: Path, layer: str | None) -> Path:
    """Return the layer among the unpacked files; a file geodatabase is a folder."""
    folders = {parent for file in files for parent in file.parents
               if parent.suffix.lower() == ".gdb"}
    loose = [file for file in files if not folders & set(file.parents)]
    found = sorted(folders) + [file for file in loose if file.suffix.lower() in _FILES]
    if not found:
        found = [file for file in loose if file.suffix.lower() in _MINOR]
    if path.suffix.lower() == ".kmz":
        # The first document of a KMZ is its content, others are linked from it.
        found = ([file for file in found if file.name.lower() == "doc.kml"]
                 or [file for file in found if file.suffix.lower() == ".kml"][:1])
    named = [file for file in found if layer in (file.name, file.stem)]
    if len(named) == 1 or len(found) == 1:
        return (named or found)[0]
    listed = ", ".join(sorted(file.name for file in found))
    if not found:
        raise ConfigError("no layer in the archive", where=str(path),
                          got=", ".join(sorted(file.name for file in files)[:12]) or "nothing",
                          expected="a shapefile, GeoPackage, GeoJSON, KML, table, ...")
    raise ConfigError("several layers in the archive", where=str(path), got=listed,
                      expected="one layer", mend="name one of them: table = ... in project.toml, "
                      "layer = ... in a call")


def _refused(what: str, path: Path, got: object, expected: object = None) -> ConfigError:
    return ConfigError(what, where=str(path), got=got, expected=expected,
                       mend="unpack it by hand, look at it, and name the file")

"""GeoJSON as it is written in the wild: read by GDAL where it is sound, else object by object.

GDAL passes over coordinates written as text and shapes of too few points in silence, and refuses a
whole file for one comma. Here every object is read for itself and what cannot be read is told.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.errors import QzriskError
from qzrisk.layers.encoding import decode, detect
from qzrisk.layers.tables.source import Remark
from qzrisk.layers.vectors.reading import GDAL_ERRORS, read_gdal, unreadable

_SNIFFED_BYTES = 64 << 20
_NULL = re.compile(rb'"geometry"\s*:\s*null')
_GEOMETRY = re.compile(rb'"geometry"\s*:')
_FEATURE = re.compile(r'\{\s*"(?:type"\s*:\s*"Feature"|properties"\s*:|geometry"\s*:)')
_LIST = re.compile(r'"features"\s*:\s*\[')
_CRS = re.compile(r'"crs"\s*:\s*(\{)')
_EPSG = re.compile(r"EPSG:+(?:[\d.]*:)?(\d{4,6})", re.IGNORECASE)
_SPACE = re.compile(r"[\s,]*")
_WRAPPED = re.compile(r"\s*(\[|\{)")


def is_geojson(path: Path) -> bool:
    """Return whether a text file begins like GeoJSON rather than like records of a table."""
    with path.open("rb") as stream:
        head = stream.read(100_000)
    words = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1", "ignore")
    return bool(re.search(r'"type"\s*:\s*"(FeatureCollection|Feature|Topology|(Multi)?'
                          r'(Point|LineString|Polygon)|GeometryCollection)"', words))


def read_geojson(path: Path, encoding: str | None, remarks: list[Remark], language: str
                 ) -> pd.DataFrame:
    """Read GeoJSON, a list of features, or one feature a line.

    Raises
    ------
    ConfigError
        If no feature can be read.
    """
    try:
        if _plain_utf8(path, encoding):
            noticed: list[Remark] = []
            frame = _fast(path, noticed)
            if _complete(frame, path):
                remarks.extend(noticed)
                _note_crs(path, remarks)
                return _note_winding(frame, remarks)
    except (QzriskError, *GDAL_ERRORS):
        pass
    return _note_winding(_salvage(path, encoding, remarks, language), remarks)


def _fast(path: Path, remarks: list[Remark]) -> pd.DataFrame:
    # The number of features would be counted by reading the file twice.
    return read_gdal(path, None, remarks, records=0)


def _plain_utf8(path: Path, encoding: str | None) -> bool:
    if encoding and encoding.lower().replace("_", "-") not in ("utf-8", "utf8", "utf-8-sig"):
        return False
    if path.stat().st_size > _SNIFFED_BYTES:
        return True
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _complete(frame: pd.DataFrame, path: Path) -> bool:
    """Whether every object with a shape is in the frame, and what has none has none in the file."""
    if not isinstance(frame, gpd.GeoDataFrame):
        return False
    if _times(_GEOMETRY, path) > len(frame):  # GDAL passes over an object of another type
        return False
    if not len(frame):
        return path.stat().st_size < 1 << 16
    shapes = np.asarray(frame.geometry.array)
    absent = int((shapely.is_missing(shapes) | shapely.is_empty(shapes)).sum())
    return not absent or absent == _times(_NULL, path)


def _times(pattern: re.Pattern[bytes], path: Path) -> int:
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return sum(1 for _ in pattern.finditer(data))


def _note_crs(path: Path, remarks: list[Remark]) -> None:
    with path.open("rb") as stream:
        head = stream.read(2000).decode("utf-8", "ignore")
    found = _EPSG.search(head) if _CRS.search(head) else None
    if found and found[1] != "4326":
        remarks.append(Remark(rule="geojson_crs", severity="note", values=[f"EPSG:{found[1]}"]))


def _note_winding(frame: pd.DataFrame, remarks: list[Remark]) -> pd.DataFrame:
    if isinstance(frame, gpd.GeoDataFrame):
        rings = shapely.get_exterior_ring(shapely.get_parts(np.asarray(frame.geometry.array)))
        rings = rings[~shapely.is_missing(rings)]
        wrong = int((~shapely.is_ccw(rings)).sum())
        if wrong:
            remarks.append(Remark(rule="geojson_winding", severity="note", values=[str(wrong)]))
    return frame


def _salvage(path: Path, encoding: str | None, remarks: list[Remark], language: str
             ) -> gpd.GeoDataFrame:
    data = path.read_bytes()
    found = detect(data, encoding, language=language)
    words, strange = decode(data, found)
    if found.name not in ("utf-8", "utf-8-sig"):
        remarks.append(Remark(rule="encoding_told", severity="note", values=[found.name],
                              expected=found.evidence))
    if strange:
        remarks.append(Remark(rule="mixed_encoding", severity="warning",
                              values=[str(len(strange))]))
    rows, cells, shapes = [], [], []
    lost: list[tuple[int, str]] = []
    told: dict[str, list[int]] = {}
    for number, item in enumerate(_objects(words), start=1):
        if isinstance(item, str):
            lost.append((number, item))
            continue
        rows.append(number)
        cells.append(_properties(item))
        shape, rules = _shape(item.get("geometry"))
        shapes.append(shape)
        for rule in rules:
            told.setdefault(rule, []).append(number)
    if not rows and not _empty(words):
        raise unreadable(path, lost[0][1] if lost else "no feature in it", expected="GeoJSON")
    remarks.append(Remark(rule="geojson_tolerant", severity="note", values=[str(len(rows))]))
    remarks.extend(Remark(rule=rule, severity="warning", rows=at, values=[""] * len(at))
                   for rule, at in sorted(told.items()))
    if lost:
        remarks.append(Remark(rule="row_lost", severity="error", rows=[n for n, _ in lost],
                              values=[why for _, why in lost]))
    return _frame(rows, cells, shapes, _crs(words, remarks))


def _frame(rows: list[int], cells: list[dict[str, Any]], shapes: list[Any], crs: str
           ) -> gpd.GeoDataFrame:
    index = pd.Index(rows, name="row", dtype=int)
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    table = pd.DataFrame(cells, index=index)
    table = table.drop(columns="geometry", errors="ignore").infer_objects()
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(geometry, index=index), crs=crs)


def _empty(words: str) -> bool:
    found = _LIST.search(words)
    return bool(found and words[found.end():].lstrip().startswith("]"))


def _crs(words: str, remarks: list[Remark]) -> str:
    start = _CRS.search(words[:100_000]) or _CRS.search(words[-100_000:])
    found = _EPSG.search(start.string, start.start(), start.start() + 400) if start else None
    if not found:
        return "EPSG:4326"
    remarks.append(Remark(rule="geojson_crs", severity="note", values=[f"EPSG:{found[1]}"]))
    return f"EPSG:{found[1]}"


def _objects(words: str) -> Iterator[dict[str, Any] | str]:
    """Give every feature of the text, or words on why one cannot be read."""
    decoder = json.JSONDecoder(strict=False)
    start = _LIST.search(words)
    at = start.end() if start else 0
    if not start and (opening := _WRAPPED.match(words)) and opening[1] == "[":
        at = opening.end()
    while True:
        at = _SPACE.match(words, at).end()  # type: ignore[union-attr]
        if at >= len(words) or words[at] != "{":
            if at >= len(words) or words[at] in "]}":
                return
            yield f"{words[at:at + 60]!r}"
            at = _next_feature(words, at + 1)
            continue
        try:
            item, at = decoder.raw_decode(words, at)
        except (ValueError, RecursionError) as error:
            yield str(error)
            at = _next_feature(words, at + 1)
            continue
        if "geometry" not in item and "coordinates" in item:
            item = {"geometry": item, "properties": {}}
        yield item if "geometry" in item or "properties" in item else "no feature"


def _next_feature(words: str, at: int) -> int:
    """Return where the next feature begins after one that is broken."""
    found = _FEATURE.search(words, at)
    return found.start() if found else len(words)


def _properties(item: dict[str, Any]) -> dict[str, Any]:
    cells = item.get("properties")
    cells = dict(cells) if isinstance(cells, dict) else {}
    if "id" in item and "id" not in cells:
        cells["id"] = item["id"]
    return cells


def _shape(geometry: Any) -> tuple[Any, list[str]]:
    """Return the shape, or None, and the rules that speak of how it was written."""
    if not isinstance(geometry, dict):
        return None, [] if geometry is None else ["shape_unreadable"]
    rules: list[str] = []
    try:
        return _BUILD[geometry["type"]](geometry, rules), rules
    except (KeyError, ValueError, TypeError, IndexError, RecursionError,
            shapely.errors.ShapelyError):
        return None, [*rules, "shape_unreadable"]


def _positions(raw: Any, rules: list[str]) -> np.ndarray:
    """Return x and y of a list of positions; figures written as text are figures."""
    out = []
    for position in raw:
        if any(isinstance(c, str) for c in position[:2]) and "text_coordinates" not in rules:
            rules.append("text_coordinates")
        out.append([float(position[0]), float(position[1])])
    return np.asarray(out, dtype=float).reshape(-1, 2)


def _point(raw: Any, rules: list[str]) -> Any:
    return shapely.points(_positions([raw], rules)[0])


def _line(raw: Any, rules: list[str]) -> Any:
    return shapely.linestrings(_positions(raw, rules))


def _polygon(raw: Any, rules: list[str]) -> Any:
    rings = []
    for ring in raw:
        at = _positions(ring, rules)
        if len(at) and not np.array_equal(at[0], at[-1]):
            at = np.vstack([at, at[:1]])
            if "ring_closed" not in rules:
                rules.append("ring_closed")
        rings.append(shapely.linearrings(at))
    return shapely.polygons(rings[0], rings[1:])


def _collection(geometry: dict[str, Any], rules: list[str]) -> Any:
    parts = [_BUILD[part["type"]](part, rules) for part in geometry["geometries"]]
    return shapely.geometrycollections(parts)


_BUILD: dict[str, Any] = {
    "Point": lambda g, rules: _point(g["coordinates"], rules),
    "LineString": lambda g, rules: _line(g["coordinates"], rules),
    "Polygon": lambda g, rules: _polygon(g["coordinates"], rules),
    "MultiPoint": lambda g, rules: shapely.multipoints(
        [_point(part, rules) for part in g["coordinates"]]),
    "MultiLineString": lambda g, rules: shapely.multilinestrings(
        [_line(part, rules) for part in g["coordinates"]]),
    "MultiPolygon": lambda g, rules: shapely.multipolygons(
        [_polygon(part, rules) for part in g["coordinates"]]),
    "GeometryCollection": _collection,
}

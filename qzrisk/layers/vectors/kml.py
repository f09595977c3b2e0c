"""KML as map viewers export it (奥维, Google Earth): folders, extended data, tables in text.

GDAL's reader makes every Chinese field name of extended data "______", so that two fields become
one, and refuses a whole file for one bare "&". Here the placemarks are read as they stand.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.errors import ConfigError
from qzrisk.layers.encoding import decode, detect
from qzrisk.layers.tables.source import Remark
from qzrisk.layers.vectors.reading import unreadable

_BARE_AND = re.compile(r"&(?!#?\w{1,31};)")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_NAMED = re.compile(r"&(\w+);")
_PREFIX = re.compile(r"(</?)[A-Za-z][\w.-]*:(?=[A-Za-z])")
_ATTRIBUTE_PREFIX = re.compile(r"\s[A-Za-z][\w.-]*:([\w.-]+)(?=\s*=\s*[\"'])")
_XML_NAMES = {"amp", "lt", "gt", "quot", "apos"}
_FOLDERS = {"Document", "Folder"}
_ROW = re.compile(r"<tr[^>]*>(.*?)</tr>", re.IGNORECASE | re.DOTALL)
_CELL = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_CHUNK = 1 << 16


def read_kml(path: Path, layer: str | None, encoding: str | None, remarks: list[Remark],
             language: str) -> gpd.GeoDataFrame:
    """Read every placemark of a KML, or those of one folder; a column ``folder`` says which.

    Parameters
    ----------
    layer : name of a folder or its path; None reads all of them

    Returns
    -------
    GeoDataFrame
        In EPSG:4326, heights dropped: columns ``name``, ``description``, ``folder`` and the fields
        of extended data and of simple tables in the descriptions.

    Raises
    ------
    ConfigError
        If no placemark can be read, or no folder is called `layer`.
    """
    data = path.read_bytes()
    found = detect(data, encoding, language=language)
    words, _ = decode(data, found)
    if "<!DOCTYPE" in words or "<!ENTITY" in words:
        raise unreadable(path, "a document type with entities", expected="plain KML",
                         mend="export the file anew")
    marks: list[tuple[str, dict[str, Any], Any]] = []
    broken = ""
    try:
        marks.extend(_placemarks(_sound(words), remarks))
    except ElementTree.ParseError as error:
        broken = str(error)
        marks = list(_whole_placemarks(words, remarks))
        opened = len(re.findall(r"<Placemark\b", words))
        remarks.append(Remark(rule="kml_broken", severity="error",
                              values=[f"{len(marks)} / {opened}"],
                              expected=broken))
    if not marks and (broken or "<kml" not in words[:5000].lower()):
        raise unreadable(path, broken or "no KML", expected="KML with placemarks")
    return _frame(_of_folder(marks, layer, path), remarks)


def _sound(words: str) -> str:
    """Return text that a parser takes: no bare &, no control characters, no prefixes to look up."""
    words = _CONTROL.sub("", _DECLARATION.sub("", words, count=1))
    words = _BARE_AND.sub("&amp;", words)
    words = _NAMED.sub(lambda m: m[0] if m[1] in _XML_NAMES else html.escape(
        html.unescape(m[0])) if html.unescape(m[0]) != m[0] else f"&amp;{m[1]};", words)
    return _ATTRIBUTE_PREFIX.sub(r" \1", _PREFIX.sub(r"\1", words))


def _placemarks(words: str, remarks: list[Remark]
                ) -> Iterator[tuple[str, dict[str, Any], Any]]:
    parser: Any = ElementTree.XMLPullParser(("start", "end"))
    path: list[ElementTree.Element] = []
    marks = []
    for at in range(0, len(words), _CHUNK):
        parser.feed(words[at:at + _CHUNK])
        for event, element in parser.read_events():
            name = _local(element)
            if event == "start" and name in _FOLDERS:
                path.append(element)
            elif event == "end" and name in _FOLDERS:
                path.pop()
            elif event == "end" and name == "Placemark":
                marks.append((tuple(path), _cells(element), _shape_of(element, remarks)))
                element.clear()
    parser.close()
    for folders, cells, shape in marks:
        names = [_text_of(folder, "name") for folder in folders[1:] or folders]
        yield "/".join(name for name in names if name), cells, shape


def _whole_placemarks(words: str, remarks: list[Remark]
                      ) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Read the placemarks of a broken file one by one."""
    for piece in re.findall(r"<Placemark\b.*?</Placemark>", words, re.DOTALL):
        try:
            element = ElementTree.fromstring(_sound(piece))
        except ElementTree.ParseError:
            remarks.append(Remark(rule="row_lost", severity="error",
                                  values=[piece[:60]]))
            continue
        yield "", _cells(element), _shape_of(element, remarks)


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: ElementTree.Element, *names: str) -> Iterator[ElementTree.Element]:
    return (child for child in element if _local(child) in names)


def _text_of(element: ElementTree.Element, name: str) -> str:
    return next((("".join(child.itertext())).strip() for child in _children(element, name)), "")


def _cells(mark: ElementTree.Element) -> dict[str, Any]:
    cells: dict[str, Any] = {"name": _text_of(mark, "name") or None}
    description = _text_of(mark, "description")
    table = _table(description)
    if description and not table:
        cells["description"] = description
    cells.update(table)
    for element in mark.iter():
        if _local(element) == "Data":
            cells[element.get("name", "")] = _text_of(element, "value") or None
        elif _local(element) == "SimpleData":
            cells[element.get("name", "")] = (element.text or "").strip() or None
        elif _local(element) == "when":
            cells["time"] = (element.text or "").strip() or None
    return cells


def _table(description: str) -> dict[str, str]:
    """Return the pairs of a simple table, name beside value in every row, or nothing."""
    rows = [[html.unescape(_TAG.sub("", cell)).strip() for cell in _CELL.findall(row)]
            for row in _ROW.findall(description)]
    rows = [row for row in rows if any(row)]
    pairs = {row[0]: row[1] for row in rows if len(row) == 2 and row[0]}
    return pairs if pairs and len(pairs) == len(rows) else {}


def _shape_of(mark: ElementTree.Element, remarks: list[Remark]) -> Any:
    shapes = [shape for child in mark if _local(child) in _SHAPES
              for shape in [_shape(child, remarks)] if shape is not None]
    if not shapes:
        return None
    return shapes[0] if len(shapes) == 1 else shapely.geometrycollections(shapes)


def _shape(element: ElementTree.Element, remarks: list[Remark]) -> Any:
    try:
        return _SHAPES[_local(element)](element)
    except (ValueError, IndexError, KeyError, TypeError, shapely.errors.ShapelyError):
        words = "".join(element.itertext()).strip()[:60]
        remarks.append(Remark(rule="kml_shape", severity="warning", values=[words]))
        return None


def _positions(element: ElementTree.Element) -> np.ndarray:
    words = next(("".join(child.itertext()) for child in element.iter()
                  if _local(child) == "coordinates"), "")
    # Some programs write blanks after the commas.
    tuples = re.sub(r"\s*,\s*", ",", words).split()
    return np.array([[float(part) for part in item.split(",")[:2]] for item in tuples]
                    ).reshape(-1, 2)


def _polygon(element: ElementTree.Element) -> Any:
    shell = next(_children(element, "outerBoundaryIs"))
    holes = [shapely.linearrings(_positions(ring))
             for ring in _children(element, "innerBoundaryIs")]
    return shapely.polygons(shapely.linearrings(_positions(shell)), holes)


def _several(element: ElementTree.Element) -> Any:
    parts = [_SHAPES[_local(child)](child) for child in element if _local(child) in _SHAPES]
    parts = [part for part in parts if part is not None]
    if not parts:
        return None
    several = _MULTI.get(parts[0].geom_type)
    alike = {part.geom_type for part in parts} == {parts[0].geom_type}
    return several(parts) if several and alike else shapely.geometrycollections(parts)


def _track(element: ElementTree.Element) -> Any:
    at = [[float(part) for part in (child.text or "").split()[:2]]
          for child in _children(element, "coord")]
    return shapely.linestrings(at)


_MULTI = {"Point": shapely.multipoints, "LineString": shapely.multilinestrings,
          "Polygon": shapely.multipolygons}
_SHAPES: dict[str, Any] = {
    "Point": lambda e: shapely.points(_positions(e)[0]),
    "LineString": lambda e: shapely.linestrings(_positions(e)),
    "LinearRing": lambda e: shapely.linestrings(_positions(e)),
    "Polygon": _polygon, "MultiGeometry": _several, "Track": _track, "MultiTrack": _several,
}


def _of_folder(marks: list[tuple[str, dict[str, Any], Any]], layer: str | None, path: Path
               ) -> list[tuple[str, dict[str, Any], Any]]:
    if layer is None or layer == path.stem:
        return marks
    kept = [mark for mark in marks if layer in (mark[0], *mark[0].split("/"))]
    if not kept:
        raise ConfigError("no such folder in the KML", where=str(path), got=layer,
                          expected=", ".join(sorted({mark[0] for mark in marks})))
    return kept


def _frame(marks: list[tuple[str, dict[str, Any], Any]], remarks: list[Remark]
           ) -> gpd.GeoDataFrame:
    folders = sorted({folder for folder, _, _ in marks})
    if len(folders) > 1:
        remarks.append(Remark(rule="kml_folders", severity="note", values=[
            ", ".join(folder or "/" for folder in folders)]))
    shapes = np.empty(len(marks), dtype=object)
    shapes[:] = [shape for _, _, shape in marks]
    table = pd.DataFrame([{**cells, "folder": folder} for folder, cells, _ in marks])
    table = table.drop(columns="geometry", errors="ignore").dropna(axis=1, how="all")
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, index=table.index),
                            crs="EPSG:4326")

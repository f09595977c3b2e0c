"""Where the records of a file are: columns of coordinates, CRS, swapped axes, shifted datums."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk import crs as _crs
from qzrisk.errors import CRSError, QzriskError, SchemaError
from qzrisk.layers import coordinates
from qzrisk.layers.contents import contained
from qzrisk.layers.findings import Severity, findings, gather
from qzrisk.layers.headers import as_in_file, normal, readings
from qzrisk.layers.schema import LayerSchema
from qzrisk.layers.validate import Remark, Surroundings

_SHIFTS = {"gcj02": _crs.gcj02_to_wgs84, "bd09": _crs.bd09_to_wgs84}
_DEGREES = 360
_LON = ("lon", "lng", "long", "longitude", "x", "经度", "东经", "x坐标", "横坐标",
        "längengrad", "laengengrad", "geographische länge", "lon wgs84", "point x", "xcoord",
        "x coordinate", "coord x", "#geo+lon", "долгота", "경도", "ลองจิจูด")
_LAT = ("lat", "latitude", "y", "纬度", "北纬", "y坐标", "纵坐标",
        "breitengrad", "geographische breite", "lat wgs84", "point y", "ycoord", "y coordinate",
        "coord y", "#geo+lat", "широта", "위도", "ละติจูด")
_PAIR = ("坐标", "经纬度", "coordinates", "位置坐标", "wkt")


def points(raw: pd.DataFrame, headers: Sequence[Any], *, source_crs: str | None,
           around: Surroundings) -> tuple[gpd.GeoDataFrame, list[Remark]]:
    """Return the records as points in CGCS2000 degrees, and what was noticed of their place.

    `headers` are those of `coordinate_headers`.
    """
    columns = [raw[header] for header in headers]
    found = coordinates.locate(*columns, bounds=around.bounds, source_crs=source_crs)
    shown = columns[0].astype(str)
    for column in columns[1:]:
        shown = shown + ", " + column.astype(str)
    remarks = [Remark(rule, coordinates.RULES[rule], mask, shown.to_numpy(), "geometry")
               for rule, mask in found.rules.items() if mask.any()]
    shapes = np.full(len(raw), None, dtype=object)
    known = np.isfinite(found.lon) & np.isfinite(found.lat)
    shapes[known] = shapely.points(found.lon[known], found.lat[known])
    frame = gpd.GeoDataFrame(raw, geometry=gpd.GeoSeries(shapes, index=raw.index),
                             crs=_crs.GEOGRAPHIC)
    return frame, remarks


def coordinate_headers(raw: pd.DataFrame, xy: tuple[str, str] | None, path: Path,
                       repeated: Sequence[str] = ()) -> list[Any]:
    """Return the two headers of coordinates, or the one of pairs, as given or as recognised.

    `repeated` are the headers that the reader numbered, see `headers.match`.
    """
    if xy:
        named = [as_in_file(header, raw.columns) for header in xy]
        for header in named:
            if header not in raw:
                raise SchemaError("no such column of coordinates", where=path.name, got=header,
                                  expected=", ".join(map(str, raw.columns)))
        return named
    by_name: dict[str, list[Any]] = {}
    for header in raw.columns:
        spelt = header.rpartition("_")[0] if header in repeated else str(header)
        for name in set(map(normal, readings(spelt))):
            by_name.setdefault(name, []).append(header)
    for names in ((_LON, _LAT), (_PAIR,)):
        hits = [next((by_name[normal(n)] for n in group if normal(n) in by_name), None)
                for group in names]
        if all(hit is not None for hit in hits):
            return [_only(raw, hit, path) for hit in hits if hit is not None]
    raise SchemaError("no columns of coordinates", where=path.name,
                      expected="经度 and 纬度, lon and lat, x and y, or one of pairs",
                      got=", ".join(map(str, raw.columns)), mend="name them: x = ..., y = ...")


def _only(raw: pd.DataFrame, alike: Sequence[Any], path: Path) -> Any:
    """Return the one column of those that bear one name, where their contents do not differ."""
    copies = contained(raw, alike)
    kept = [header for header in alike if header not in copies]
    if len(kept) > 1:
        raise SchemaError("several columns of coordinates bear one name and differ",
                          where=path.name, got=", ".join(map(str, kept)), expected="one of each",
                          mend=f"name the one that is meant: x = ..., y = {str(kept[-1])!r}")
    return kept[0]


def spare_headers(raw: pd.DataFrame, used: list[Any]) -> list[Any]:
    """Return further headers of coordinates, beside those that are used."""
    known = {normal(name) for name in (*_LON, *_LAT, *_PAIR)}
    return [header for header in raw.columns
            if header not in used and normal(str(header).rpartition("/")[2]) in known]


def referenced(raw: gpd.GeoDataFrame, rules: LayerSchema, *, path: Path, source_crs: str | None,
               around: Surroundings, language: str
               ) -> tuple[gpd.GeoDataFrame, list[Remark], pd.DataFrame]:
    """Return the frame with its CRS, remarks on its points, and what was said of the CRS.

    Refused where its datum or its bounds forbid to trust it. `source_crs` counts where the file
    has no CRS, or one in which its coordinates cannot be.
    """
    if raw.crs is None and not source_crs:
        raise CRSError("the file carries no coordinate reference system", where=str(path),
                       expected="a .prj or an embedded CRS", got="none",
                       mend='give source_crs, e.g. source_crs = "EPSG:4490"')
    given = source_crs and _crs.require_datum(source_crs, where=f"source_crs of {path.name}")
    said = gather([])
    placed, remarks = _as_stated(raw if raw.crs else raw.set_crs(given), rules, path, around)
    words = _contradiction(placed, around)
    if words and given and raw.crs and not raw.crs.equals(given):
        stated = raw.crs.to_string()
        placed, remarks = _as_stated(raw.set_crs(given, allow_override=True), rules, path, around)
        words = _contradiction(placed, around)
        said = findings("crs_overruled", "warning", layer=rules.name, language=language,
                        source=path.name, values=[stated], expected=str(source_crs))
    if words:
        raise CRSError(words, where=str(path), expected="coordinates where the CRS is used",
                       got=str(placed.crs), mend="correct the .prj, or give source_crs")
    return placed, remarks, said


def _as_stated(frame: gpd.GeoDataFrame, rules: LayerSchema, path: Path, around: Surroundings
               ) -> tuple[gpd.GeoDataFrame, list[Remark]]:
    """Return the frame with points in the other order put right, before its place is judged."""
    _crs.require_datum(frame.crs, where=str(path))
    return repair_points(frame, around) if rules.geometry == "Point" else (frame, [])


def _contradiction(frame: gpd.GeoDataFrame, around: Surroundings) -> str | None:
    west, south, east, north = map(float, frame.total_bounds)
    if not np.isfinite([west, south, east, north]).all():
        return None
    # An error is worded in English; its Chinese stands in the tables of errors.
    return _crs.contradiction(frame.crs, (west, south, east, north), area=around.bounds,
                              language="en")


def repair_points(frame: gpd.GeoDataFrame, around: Surroundings
                   ) -> tuple[gpd.GeoDataFrame, list[Remark]]:
    """Judge points in degrees as those of a table are judged: swapped, 0/0, infinite, outside."""
    shapes = np.array(frame.geometry.array, dtype=object)
    points = shapely.get_type_id(shapes) == shapely.GeometryType.POINT
    points &= ~shapely.is_empty(shapes)
    if frame.crs.is_projected or not points.any():
        return frame, []
    at = np.flatnonzero(points)
    x, y = shapely.get_x(shapes[at]), shapely.get_y(shapes[at])
    if np.nanmax(np.abs([x, y]), where=np.isfinite([x, y]), initial=0) > _DEGREES:
        return frame, []  # metres under a CRS of degrees: the layer is judged as a whole
    found = coordinates.locate(x, y, bounds=around.bounds)
    remarks = []
    for rule, hit in found.rules.items():
        if hit.any() and rule != "coordinate_sexagesimal":
            mask = np.zeros(len(frame), dtype=bool)
            mask[at[hit]] = True
            shown = np.full(len(frame), "", dtype=object)
            shown[at] = [f"{a:g}, {b:g}" for a, b in zip(x, y, strict=True)]
            remarks.append(Remark(rule, coordinates.RULES[rule], mask, shown, "geometry"))
    swapped = found.rules["coordinate_swapped"]
    if not swapped.any():
        return frame, remarks
    shapes[at[swapped]] = shapely.points(found.lon[swapped], found.lat[swapped])
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs)), remarks


def unshift(frame: gpd.GeoDataFrame, datum: str, *, rules: LayerSchema, path: Path,
             around: Surroundings, language: str) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Shift a layer back from GCJ-02 or BD-09 where the project says or allows it, and say so."""
    said = gather([])
    if rules.geometry == "Point" and around.units is not None and datum in ("as_is", "auto"):
        shift = _crs.detect_shift(frame, around.units, language=language)
        if shift.datum in _SHIFTS:
            severity: Severity = "note" if datum == "auto" else "warning"
            rule = "datum_shifted" if datum == "auto" else "datum_suspect"
            said = findings(rule, severity, layer=rules.name, language=language,
                            source=path.name, values=[shift.datum.upper()],
                            expected=shift.evidence)
            datum = shift.datum if datum == "auto" else datum
    if datum not in _SHIFTS:
        return frame, said
    degrees = frame.to_crs(_crs.GEOGRAPHIC)

    def back(points: Any) -> Any:
        points = points.copy()
        points[:, 0], points[:, 1] = _SHIFTS[datum](points[:, 0], points[:, 1])
        return points

    shapes = shapely.transform(np.asarray(degrees.geometry.array), back)
    return degrees.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=degrees.crs)), said


def transform(frame: gpd.GeoDataFrame, crs: str, *, path: Path) -> gpd.GeoDataFrame:
    """Return the frame in `crs`; an error names the file and both CRSs."""
    try:
        return frame.to_crs(crs)
    except (ValueError, RuntimeError) as error:
        raise QzriskError("cannot transform the coordinates", where=str(path), got=str(error),
                          expected=f"{frame.crs} -> {crs}") from error

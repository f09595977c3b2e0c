"""Raw files -> named, checked layers. What cannot pass is quarantined with its reason.

read = accepted + quarantined, always; no row is dropped in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from qzrisk import crs as _crs
from qzrisk.errors import ConfigError, CRSError, QzriskError, SchemaError
from qzrisk.layers import coordinates
from qzrisk.layers.findings import Severity, findings, gather
from qzrisk.layers.schema import LayerSchema, schema
from qzrisk.layers.tables import read_cells
from qzrisk.layers.validate import Remark, Surroundings, conform

Read = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

DATUMS = ("as_is", "auto", "gcj02", "bd09")
_PARQUET = {".parquet", ".geoparquet"}
_TABLES = {".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".json", ".jsonl",
           ".ndjson"}
_SHIFTS = {"gcj02": _crs.gcj02_to_wgs84, "bd09": _crs.bd09_to_wgs84}
_LON = ("lon", "lng", "long", "longitude", "x", "经度", "东经", "x坐标", "横坐标")
_LAT = ("lat", "latitude", "y", "纬度", "北纬", "y坐标", "纵坐标")
_PAIR = ("坐标", "经纬度", "coordinates", "位置坐标", "wkt")


def read_layer(
    path: str | Path,
    schema_: str | LayerSchema,
    *,
    crs: str,
    source_crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    datum: str = "as_is",
    xy: tuple[str, str] | None = None,
    around: Surroundings | None = None,
    language: str = "zh",
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """Read a vector file, or a table with coordinates, into a checked layer.

    Parameters
    ----------
    path : any vector file that GDAL reads, GeoParquet, or a table of points
    schema_ : LayerSchema or its name
    crs : projected CRS in which the layer is delivered
    source_crs : CRS of a file that carries none; of a table's metres
    columns : header in the file -> canonical column, beside the aliases
    layer : name of the layer inside the file, or of the sheet
    encoding : text encoding, where the file does not say
    datum : ``"as_is"``; ``"gcj02"`` or ``"bd09"``: what the coordinates are; ``"auto"``: told by
        `crs.detect_shift` from where the points should lie, and said
    xy : headers of x (or longitude) and y (or latitude) of a table whose headers do not say it
    around : what the project knows; without it nothing can be told of place and datum
    language : of the messages

    Returns
    -------
    (frame, issues, quarantine)
        `frame` indexed by the schema's key, in `crs`; see `validate.conform`.

    Raises
    ------
    ConfigError
        If the file is missing, unreadable or empty of layers, or `datum` is unknown.
    CRSError
        If the file has no CRS and `source_crs` is not given, it is Beijing 1954 or Xi'an 1980
        without parameters, or `crs` is not projected in metres.
    SchemaError
        If the file has neither geometry nor columns of coordinates.
    """
    path, rules, around = Path(path), schema(schema_), around or Surroundings()
    if rules.far:
        around = replace(around, bounds=None, units=None)
    _crs.require_projected(crs, where="crs")
    if datum not in DATUMS:
        raise ConfigError("unknown datum", where=path.name, expected=", ".join(DATUMS), got=datum)
    remarks: list[Remark] = []
    if path.suffix.lower() in _TABLES or xy:
        raw, said, date_system = _read_cells(path, rules, layer, encoding, language)
        raw, remarks = _points(raw, xy, path=path, source_crs=source_crs, around=around)
    else:
        raw, said, date_system = _read_vector(path, layer, encoding), findings_none(), 1900
        if not isinstance(raw, gpd.GeoDataFrame):
            raise SchemaError("the file has no geometry", where=path.name,
                              mend="name its columns of coordinates: xy=(x, y)")
        # Files of one layer may call their geometry differently; canonical layers never do.
        raw = raw.rename_geometry("geometry") if raw.geometry.name != "geometry" else raw
        raw = _referenced(raw, path=path, source_crs=source_crs, around=around)
        if rules.geometry == "Point":
            raw, remarks = _repair_points(raw, around)
    named = rename(raw, rules, columns)
    shifted, datum_said = _unshift(named, datum, rules=rules, path=path, around=around,
                                   language=language)
    placed = _transform(shifted, crs, path=path)
    frame, issues, quarantine = conform(
        placed, rules, language=language, source=path.name, date_system=date_system,
        remarks=remarks, around=around)
    return frame, gather([said, datum_said, issues, _note_empty(raw, rules, path, language)]), \
        quarantine


def read_table(
    path: str | Path,
    schema_: str | LayerSchema,
    *,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    around: Surroundings | None = None,
    language: str = "zh",
) -> Read:
    """Read a table without geometry (CSV, workbook, JSON records, Parquet) into checked records.

    Parameters and returns as `read_layer`; `layer` is the sheet of a workbook.

    Raises
    ------
    ConfigError
        If the file is missing or unreadable.
    """
    path, rules, around = Path(path), schema(schema_), around or Surroundings()
    raw, said, date_system = _read_cells(path, rules, layer, encoding, language)
    frame, issues, quarantine = conform(
        rename(raw, rules, columns), rules, language=language, source=path.name,
        date_system=date_system, around=around)
    return frame, gather([said, issues, _note_empty(raw, rules, path, language)]), quarantine


def findings_none() -> pd.DataFrame:
    """Return no findings."""
    return gather([])


def normal(header: object) -> str:
    """Return a header as it is compared: NFKC, lower case, without spaces and brackets' units."""
    folded = unicodedata.normalize("NFKC", str(header)).lower()
    return re.sub(r"[\s_\-]+|\(.*?\)", "", folded)


def last_part(header: object) -> str:
    """Return the lowest of several header rows: ``规模/可容纳人数`` -> ``可容纳人数``."""
    return str(header).rpartition("/")[2]


def rename(raw: pd.DataFrame, rules: LayerSchema, columns: Mapping[str, str] | None
           ) -> pd.DataFrame:
    """Return `raw` with canonical names, by the given mapping, then names and aliases.

    Raises
    ------
    ConfigError
        If the given mapping names a header that the file lacks or an unknown column.
    """
    given = dict(columns or {})
    for header, name in given.items():
        if header not in raw.columns or name not in rules.columns:
            raise ConfigError(
                "columns names something unknown", where=f"{rules.name}: {header!r} -> {name!r}",
                expected=f"a header of the file ({', '.join(map(str, raw.columns[:12]))}) and a "
                f"column of {rules.name}",
            )
    taken = set(given.values()) | set(raw.columns)
    by_alias: dict[str, str] = {}
    for name, column in rules.columns.items():
        for alias in (name, column.zh, column.en, *column.aliases):
            by_alias.setdefault(normal(alias), name)
    for header in raw.columns:
        name = by_alias.get(normal(header)) or by_alias.get(normal(last_part(header)), "")
        if header not in given and header not in rules.columns and name and name not in taken:
            given[header] = name
            taken.add(name)
    return raw.rename(columns=given)


def _missing(path: Path) -> ConfigError:
    return ConfigError("missing input file", where=str(path), expected="a readable file",
                       got="nothing there", mend="correct the path in project.toml")


def _require_one_layer(path: Path) -> None:
    """Raise where a file holds several layers and none is named: reading the first loses others."""
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if len(names) > 1:
        raise ConfigError("the file holds several layers", where=str(path),
                          expected=f"one of {', '.join(names)}", got="none named",
                          mend=f'give table = "{names[0]}", and a [[source]] for each wanted')


def _read_vector(path: Path, layer: str | None, encoding: str | None) -> pd.DataFrame:
    if not path.exists():
        raise _missing(path)
    try:
        if path.suffix.lower() in _PARQUET:
            return gpd.read_parquet(path)
        if layer is None:
            _require_one_layer(path)
        return pyogrio.read_dataframe(path, layer=layer, encoding=encoding, use_arrow=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError,
            OSError) as error:
        raise ConfigError("cannot read the file", where=str(path), got=str(error).strip(),
                          expected="a vector file with that layer",
                          mend="open it in QGIS to see whether it is whole") from error


def _read_cells(path: Path, rules: LayerSchema, sheet: str | None, encoding: str | None,
                language: str) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return the records of a table, what the reader said of them, and its date system."""
    if path.suffix.lower() in _PARQUET:
        if not path.exists():
            raise _missing(path)
        try:
            return pd.read_parquet(path), findings_none(), 1900
        except (ValueError, OSError) as error:
            raise ConfigError("cannot read the table", where=str(path), got=str(error).strip(),
                              mend="open it to see whether it is whole") from error
    table = read_cells(path, sheet=sheet, encoding=encoding, language=language, layer=rules.name)
    return table.frame, table.issues, table.date_system


def _points(raw: pd.DataFrame, xy: tuple[str, str] | None, *, path: Path,
            source_crs: str | None, around: Surroundings
            ) -> tuple[gpd.GeoDataFrame, list[Remark]]:
    """Return the records as points in CGCS2000 degrees, and what was noticed of their place."""
    headers = _coordinate_headers(raw, xy, path)
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


def _coordinate_headers(raw: pd.DataFrame, xy: tuple[str, str] | None, path: Path) -> list[Any]:
    if xy:
        for header in xy:
            if header not in raw:
                raise SchemaError("no such column of coordinates", where=path.name, got=header,
                                  expected=", ".join(map(str, raw.columns)))
        return list(xy)
    by_name = {normal(last_part(header)): header for header in raw.columns}
    for names in ((_LON, _LAT), (_PAIR,)):
        hits = [next((by_name[normal(n)] for n in group if normal(n) in by_name), None)
                for group in names]
        if all(hit is not None for hit in hits):
            return hits
    raise SchemaError("no columns of coordinates", where=path.name,
                      expected="经度 and 纬度, lon and lat, x and y, or one of pairs",
                      got=", ".join(map(str, raw.columns)), mend="name them: x = ..., y = ...")


def _referenced(raw: gpd.GeoDataFrame, *, path: Path, source_crs: str | None,
                around: Surroundings) -> gpd.GeoDataFrame:
    """Return the frame with its CRS, refused where its datum or its bounds forbid to trust it."""
    if raw.crs is None and not source_crs:
        raise CRSError("the file carries no coordinate reference system", where=str(path),
                       expected="a .prj or an embedded CRS", got="none",
                       mend='give source_crs, e.g. source_crs = "EPSG:4490"')
    if raw.crs is None:
        raw = raw.set_crs(_crs.require_datum(source_crs, where=f"source_crs of {path.name}"))
    placed = raw
    _crs.require_datum(placed.crs, where=str(path))
    west, south, east, north = map(float, placed.total_bounds)
    if np.isfinite([west, south, east, north]).all():
        words = _crs.contradiction(placed.crs, (west, south, east, north), area=around.bounds)
        if words:
            raise CRSError(words, where=str(path), expected="coordinates where the CRS is used",
                           got=str(placed.crs), mend="correct the .prj, or give source_crs")
    return placed


def _repair_points(frame: gpd.GeoDataFrame, around: Surroundings
                   ) -> tuple[gpd.GeoDataFrame, list[Remark]]:
    """Judge points in degrees as those of a table are judged: swapped, 0/0, infinite, outside."""
    shapes = np.array(frame.geometry.array, dtype=object)
    points = shapely.get_type_id(shapes) == shapely.GeometryType.POINT
    points &= ~shapely.is_empty(shapes)
    if frame.crs.is_projected or not points.any():
        return frame, []
    at = np.flatnonzero(points)
    x, y = shapely.get_x(shapes[at]), shapely.get_y(shapes[at])
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


def _unshift(frame: gpd.GeoDataFrame, datum: str, *, rules: LayerSchema, path: Path,
             around: Surroundings, language: str) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Shift a layer back from GCJ-02 or BD-09 where the project says or allows it, and say so."""
    said = findings_none()
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


def _transform(frame: gpd.GeoDataFrame, crs: str, *, path: Path) -> gpd.GeoDataFrame:
    try:
        return frame.to_crs(crs)
    except (ValueError, RuntimeError) as error:
        raise QzriskError("cannot transform the coordinates", where=str(path), got=str(error),
                          expected=f"{frame.crs} -> {crs}") from error


def _note_empty(raw: pd.DataFrame, rules: LayerSchema, path: Path, language: str) -> pd.DataFrame:
    if len(raw):
        return findings_none()
    return findings("empty_layer", "error", layer=rules.name, language=language, source=path.name)

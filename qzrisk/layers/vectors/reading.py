"""What GDAL reads of one layer as a frame, with everything it would pass over in silence told.

GDAL may stop early at a broken record, drop a ring or a measure, and say nothing: rows are counted,
shapes compared, warnings read.
"""

from __future__ import annotations

import json
import sqlite3
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from qzrisk.errors import ConfigError, require
from qzrisk.layers.tables.layout import distinct_names
from qzrisk.layers.tables.source import Remark

GDAL_ERRORS = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, OSError,
               RuntimeError, UnboundLocalError, shapely.errors.GEOSException)
"""What the readers raise at a broken file. pyarrow's errors are ValueErrors and OSErrors; pyogrio
stumbles over an unbound name where GDAL cannot write a CRS out again."""
_DEEPEST_CRS = 2
_MEASURED = "Measured (M)"
_FIRST_ID = {"GPKG": 1, "OpenFileGDB": 1}


def unreadable(path: Path, got: object, *, expected: str = "a vector file",
               mend: str = "open it in QGIS to see whether it is whole") -> ConfigError:
    """Return the error of a vector file that cannot be read."""
    return ConfigError("cannot read the file", where=str(path), got=str(got).strip(),
                       expected=expected, mend=mend)


def read_gdal(path: Path, layer: str | None, remarks: list[Remark], *,
              encoding: str | None = None, records: int | None = None) -> pd.DataFrame:
    """Read one layer through Arrow; where that fails or falls short, row by row.

    Parameters
    ----------
    path, layer : what to read
    remarks : grows by what was noticed
    encoding : of the text, where the format does not fix it
    records : number of records that must come; None asks the file

    Returns
    -------
    GeoDataFrame, or DataFrame of a layer without geometry. Where records were lost, the index
    ``row`` holds the 1-based numbers of those that remain.

    Raises
    ------
    ConfigError
        If nothing can be read.
    """
    try:
        info = pyogrio.read_info(path, layer=layer, encoding=encoding)
        expected = int(info["features"]) if records is None else records
        frame = _read(path, layer, encoding, remarks)
    except UnicodeDecodeError:
        raise
    except GDAL_ERRORS as error:
        return _salvage(path, layer, encoding, error, remarks)
    if len(frame) < expected:
        count = _count(path, layer, info["driver"])
        if count is None or len(frame) < count:
            return _salvage(path, layer, encoding, f"{len(frame)} of {expected} records came",
                            remarks)
    return frame


def _read(path: Path, layer: str | None, encoding: str | None, remarks: list[Remark]
          ) -> pd.DataFrame:
    options: dict[str, Any] = {"layer": layer, "encoding": encoding, "use_arrow": True}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            frame = pyogrio.read_dataframe(path, **options)
        except shapely.errors.GEOSException:
            frame = _mended(path, options, remarks)
    if any(_MEASURED in str(warning.message) for warning in caught):
        remarks.append(Remark(rule="measure_dropped", severity="note"))
    return frame


def _mended(path: Path, options: dict[str, Any], remarks: list[Remark]) -> gpd.GeoDataFrame:
    """Read shapes that break the rules of rings: closed where that helps, else missing."""
    frame = pyogrio.read_dataframe(path, on_invalid="fix", **options)
    sound = pyogrio.read_dataframe(path, on_invalid="ignore", **options)
    fixed = np.flatnonzero(sound.geometry.isna() & frame.geometry.notna())
    remarks.append(Remark(rule="ring_mended", severity="note", rows=(fixed + 1).tolist(),
                          values=[""] * len(fixed)))
    return frame


def _count(path: Path, layer: str | None, driver: str) -> int | None:
    """Return the true number of rows where the file's own count may be stale, or None."""
    if driver != "GPKG":
        return None
    name = layer or pyogrio.list_layers(path)[0][0]
    quoted = str(name).replace('"', '""')
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
            return int(base.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])
    except sqlite3.Error:
        return None


def _salvage(path: Path, layer: str | None, encoding: str | None, why: object,
             remarks: list[Remark]) -> pd.DataFrame:
    """Read record by record with fiona and tell each one that cannot be read."""
    try:
        fiona = require("fiona", "fiona")
    except ConfigError as absent:
        raise unreadable(path, why, mend="its sound records can be saved with fiona: "
                         "pip install fiona") from absent
    try:
        with fiona.open(path, layer=layer, encoding=encoding) as source:
            rows, features = _rows(source, fiona.errors.FionaError)
            crs, is_spatial = source.crs_wkt, source.schema["geometry"] != "None"
            expected = len(source)
    except (fiona.errors.FionaError, *GDAL_ERRORS) as error:
        raise unreadable(path, f"{why}; {error}") from error
    if not rows:
        raise unreadable(path, why, expected="at least one record that can be read")
    lost = sorted(set(range(1, expected + 1)) - set(rows))[:max(0, expected - len(rows))]
    remarks.append(Remark(rule="row_lost", severity="error", rows=lost,
                          values=[str(why)] * len(lost)) if lost else
                   Remark(rule="read_by_record", severity="note", values=[str(why)]))
    index = pd.Index(rows, name="row")
    table = pd.DataFrame([dict(f.properties) for f in features], index=index)
    if not is_spatial:
        return table
    shapes = np.empty(len(features), dtype=object)
    shapes[:] = [_shape(f.geometry) for f in features]
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, index=index),
                            crs=crs or None)


def _rows(source: Any, failure: type[Exception]) -> tuple[list[int], list[Any]]:
    first = _FIRST_ID.get(source.driver, 0)
    rows, features = [], []
    for number in range(len(source)):
        try:
            feature = source.get(number + first)
        except (failure, LookupError, *GDAL_ERRORS):
            continue
        if feature is not None:
            rows.append(number + 1)
            features.append(feature)
    return rows, features


def _shape(geometry: Any) -> Any:
    if geometry is None:
        return None
    try:
        return shapely.geometry.shape(geometry)
    except (*GDAL_ERRORS, TypeError, LookupError):
        return None


def tidy(frame: pd.DataFrame, remarks: list[Remark]) -> pd.DataFrame:
    """Return the frame with distinct column names, flat cells and flat shapes, all told."""
    names, repeated, _ = distinct_names([str(name) for name in frame.columns], frame.shape[1])
    if repeated and not isinstance(frame, gpd.GeoDataFrame):
        frame = frame.set_axis(names, axis=1)
        remarks.append(Remark(rule="duplicate_header", severity="warning",
                              rows=[0] * len(repeated), values=[names[c] for c in repeated]))
    nested = [name for name in frame.columns if frame[name].dtype == object
              and frame[name].map(lambda cell: isinstance(cell, dict | list | np.ndarray)).any()]
    if nested:
        frame = frame.assign(**{name: frame[name].map(_flat) for name in nested})
    return _flatten(frame, remarks) if isinstance(frame, gpd.GeoDataFrame) else frame


def _flat(cell: Any) -> Any:
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    return json.dumps(cell, ensure_ascii=False) if isinstance(cell, dict | list) else cell


def _flatten(frame: gpd.GeoDataFrame, remarks: list[Remark]) -> gpd.GeoDataFrame:
    """Drop heights and measures, and tell layers of several kinds of shape."""
    shapes = np.asarray(frame.geometry.array)
    deep = shapely.has_z(shapes) | _has_m(shapes)
    crs = frame.crs
    if crs is not None and len(crs.axis_info) > _DEEPEST_CRS:
        crs = crs.to_2d()
    if deep.any():
        remarks.append(Remark(rule="height_dropped", severity="note",
                              values=[str(int(deep.sum()))]))
        shapes = shapely.force_2d(shapes)
    if deep.any() or crs is not frame.crs:
        flat = gpd.GeoSeries(shapes, index=frame.index, crs=crs)
        frame = frame.set_geometry(flat.rename(frame.geometry.name))
    kinds = pd.Series(shapely.get_dimensions(shapes))
    kinds = kinds[kinds >= 0]
    if kinds.nunique() > 1:
        counts = frame.geometry.geom_type.value_counts().sort_index()
        remarks.append(Remark(rule="mixed_shapes", severity="note", values=[
            ", ".join(f"{name} {n}" for name, n in counts.items())]))
    return frame


def _has_m(shapes: np.ndarray) -> np.ndarray:
    has_m = getattr(shapely, "has_m", None)  # GEOS 3.12
    return np.zeros(len(shapes), dtype=bool) if has_m is None else has_m(shapes)


def layers(path: Path) -> list[tuple[str, int, str, bool]]:
    """Return name, rows, CRS and whether it has shapes, of each layer of a file.

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    try:
        found = []
        for name, shape in pyogrio.list_layers(path):
            info = pyogrio.read_info(path, layer=name)
            found.append((str(name), int(info["features"]), str(info["crs"] or ""),
                          shape is not None))
    except GDAL_ERRORS as error:
        raise unreadable(path, error) from error
    return found


def choose_layer(path: Path, layer: str | None) -> str | None:
    """Return the layer to read: the one named, or the only one with records.

    Raises
    ------
    ConfigError
        If the file lacks the named layer, or several have records and none is named.
    """
    found = layers(path)
    listed = ", ".join(f"{name} ({rows}{', ' + crs if crs else ''})"
                       for name, rows, crs, _ in found)
    if layer is not None:
        if layer in [name for name, *_ in found]:
            return layer
        if len(found) == 1 and path.stem == layer:
            return found[0][0]
        raise ConfigError("no such layer in the file", where=str(path), got=layer, expected=listed)
    spatial = [entry for entry in found if entry[3]] or found
    filled = [entry for entry in spatial if entry[1]] or spatial[:1]
    if len(filled) > 1:
        raise ConfigError("several layers in the file", where=str(path), got=listed,
                          expected="one layer", mend="name one of them: table = ... in "
                          "project.toml, layer = ... in a call")
    if not filled:
        raise unreadable(path, "no layer in it")
    return filled[0][0]


def strange_crs(path: Path, layer: str) -> list[str]:
    """Return the CRSs, other than their table's, that shapes of a GeoPackage claim.

    A database too broken to ask is left to the reader.
    """
    quoted = layer.replace('"', '""')
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
            row = base.execute("SELECT column_name, srs_id FROM gpkg_geometry_columns "
                               "WHERE table_name = ?", (layer,)).fetchone()
            if row is None:
                return []
            column, declared = str(row[0]).replace('"', '""'), int(row[1])
            # Byte 4 of the header tells the order of bytes 5 to 8, the number of the CRS.
            heads = base.execute(
                f'SELECT DISTINCT substr("{column}", 4, 5) FROM "{quoted}" '
                f'WHERE "{column}" IS NOT NULL').fetchall()
    except sqlite3.Error:
        return []
    numbers = {int.from_bytes(bytes(head)[1:], "little" if head[0] & 1 else "big", signed=True)
               for (head,) in heads if isinstance(head, bytes) and len(head) == 5}
    return sorted(f"EPSG:{n}" for n in numbers - {declared, 0, -1})

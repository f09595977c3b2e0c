"""Raw files -> named, checked layers. What cannot pass is quarantined with its reason.

read = accepted + quarantined, always; no row is dropped in silence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio
import shapely
from python_calamine import CalamineError

from qzrisk import crs as _crs
from qzrisk.errors import ConfigError, CRSError, QzriskError, SchemaError
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.schema import LayerSchema, schema
from qzrisk.layers.validate import conform

Read = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

_PARQUET = {".parquet", ".geoparquet"}
_SHIFTS = {"gcj02": _crs.gcj02_to_wgs84, "bd09": _crs.bd09_to_wgs84}


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
    language: str = "zh",
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """Read a vector file into a checked layer.

    Parameters
    ----------
    path : any vector file that GDAL reads, or GeoParquet
    schema_ : LayerSchema or its name
    crs : projected CRS in which the layer is delivered
    source_crs : CRS of a file that carries none
    columns : header in the file -> canonical column, beside the aliases
    layer : name of the layer inside the file
    encoding : text encoding, where the file does not say
    datum : ``"as_is"``, ``"gcj02"`` or ``"bd09"``: what the coordinates are
    xy : headers of x (or longitude) and y (or latitude) of a table of points
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
        If the file has no CRS and `source_crs` is not given, or `crs` is not projected.
    SchemaError
        If the file has no geometry.
    """
    path, rules = Path(path), schema(schema_)
    _crs.require_projected(crs, where="crs")
    raw = (_points(_read_records(path, layer, encoding), xy, path) if xy
           else _read_vector(path, layer, encoding))
    if not isinstance(raw, gpd.GeoDataFrame):
        raise SchemaError("the file has no geometry", where=path.name,
                          mend="name its columns of coordinates: xy=(x, y)")
    raw = _place(raw, path=path, crs=crs, source_crs=source_crs, datum=datum)
    frame, issues, quarantine = conform(
        rename(raw, rules, columns), rules, language=language, source=path.name)
    return frame, gather([issues, _note_empty(raw, rules, path, language)]), quarantine


def read_table(
    path: str | Path,
    schema_: str | LayerSchema,
    *,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    language: str = "zh",
) -> Read:
    """Read a table without geometry (CSV, xlsx, Parquet) into checked records.

    Parameters and returns as `read_layer`; `layer` is the sheet of a workbook.

    Raises
    ------
    ConfigError
        If the file is missing or unreadable.
    """
    path, rules = Path(path), schema(schema_)
    raw = _read_records(path, layer, encoding)
    frame, issues, quarantine = conform(
        rename(raw, rules, columns), rules, language=language, source=path.name)
    return frame, gather([issues, _note_empty(raw, rules, path, language)]), quarantine


def normal(header: object) -> str:
    """Return a header as it is compared: NFKC, lower case, without spaces and brackets' units."""
    folded = unicodedata.normalize("NFKC", str(header)).lower()
    return re.sub(r"[\s_\-]+|\(.*?\)", "", folded)


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
        name = by_alias.get(normal(header), "")
        if header not in given and header not in rules.columns and name and name not in taken:
            given[header] = name
            taken.add(name)
    return raw.rename(columns=given)


def _missing(path: Path) -> ConfigError:
    return ConfigError("missing input file", where=str(path), expected="a readable file",
                       got="nothing there", mend="correct the path in project.toml")


def _read_vector(path: Path, layer: str | None, encoding: str | None) -> pd.DataFrame:
    if not path.exists():
        raise _missing(path)
    try:
        if path.suffix.lower() in _PARQUET:
            return gpd.read_parquet(path)
        return pyogrio.read_dataframe(path, layer=layer, encoding=encoding, use_arrow=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError,
            OSError) as error:
        raise ConfigError("cannot read the file", where=str(path), got=str(error).strip(),
                          expected="a vector file with that layer",
                          mend="open it in QGIS to see whether it is whole") from error


def _read_records(path: Path, sheet: str | None, encoding: str | None) -> pd.DataFrame:
    if not path.exists():
        raise _missing(path)
    suffix = path.suffix.lower()
    try:
        if suffix in _PARQUET:
            return pd.read_parquet(path)
        if suffix in {".xlsx", ".xls", ".ods"}:
            return pd.read_excel(path, sheet_name=sheet or 0, dtype=str, engine="calamine")
        for codec in (encoding,) if encoding else ("utf-8-sig", "gb18030"):
            try:
                return pd.read_csv(path, dtype=str, encoding=codec, keep_default_na=False,
                                   na_values=[""])
            except UnicodeDecodeError:
                continue
    except (ValueError, OSError, CalamineError) as error:
        raise ConfigError("cannot read the table", where=str(path), got=str(error).strip(),
                          mend="open it to see whether it is whole") from error
    raise ConfigError("cannot tell the text encoding", where=str(path),
                      expected="UTF-8 or GB18030", mend="give encoding in project.toml")


def _points(raw: pd.DataFrame, xy: tuple[str, str], path: Path) -> gpd.GeoDataFrame:
    """Return the records as points; one that is no number, or half a pair, has no geometry."""
    for header in xy:
        if header not in raw:
            raise SchemaError("no such column of coordinates", where=path.name, got=header,
                              expected=", ".join(map(str, raw.columns)))
    x, y = (pd.to_numeric(raw[header], errors="coerce") for header in xy)
    points = gpd.GeoSeries(gpd.points_from_xy(x, y), index=raw.index)
    return gpd.GeoDataFrame(raw.drop(columns=list(xy)),
                            geometry=points.where(x.notna() & y.notna()))


def _place(raw: gpd.GeoDataFrame, *, path: Path, crs: str, source_crs: str | None, datum: str
           ) -> gpd.GeoDataFrame:
    """Bring a frame to `crs`: its own CRS or the one given, its datum shifted back if so stated."""
    if raw.crs is None and not source_crs:
        raise CRSError("the file carries no coordinate reference system", where=str(path),
                       expected="a .prj or an embedded CRS", got="none",
                       mend='give source_crs, e.g. source_crs = "EPSG:4490"')
    placed = raw if raw.crs is not None else raw.set_crs(source_crs)
    if datum != "as_is":
        placed = _unshift(placed, datum)
    try:
        return placed.to_crs(crs)
    except (ValueError, RuntimeError) as error:
        raise QzriskError("cannot transform the coordinates", where=str(path), got=str(error),
                          expected=f"{placed.crs} -> {crs}") from error


def _unshift(frame: gpd.GeoDataFrame, datum: str) -> gpd.GeoDataFrame:
    if datum not in _SHIFTS:
        raise ConfigError("unknown datum", expected="as_is, gcj02 or bd09", got=datum)
    degrees = frame.to_crs(_crs.GEOGRAPHIC)

    def shift(points: Any) -> Any:
        lon, lat = _SHIFTS[datum](points[:, 0], points[:, 1])
        points = points.copy()
        points[:, 0], points[:, 1] = lon, lat
        return points

    return degrees.set_geometry(
        gpd.GeoSeries(shapely.transform(degrees.geometry.array, shift), index=frame.index,
                      crs=degrees.crs))


def _note_empty(raw: pd.DataFrame, rules: LayerSchema, path: Path, language: str) -> pd.DataFrame:
    if len(raw):
        return findings("empty_layer", "error", layer=rules.name, language=language, rows=())
    return findings("empty_layer", "error", layer=rules.name, language=language, source=path.name)

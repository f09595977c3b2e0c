"""The database: every checked layer, result and finding in CGCS2000 degrees.

One GeoPackage (`write`, `read`, `upsert`) or a folder of GeoParquet files (`write_parquet`,
`read_parquet`), with the same content. A frame is stored in six types: text, whole numbers,
numbers, yes/no, times (UTC, ms) and geometry; missing values stay missing.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely

from qzrisk.crs import GEOGRAPHIC
from qzrisk.errors import ConfigError, SchemaError
from qzrisk.files import atomic, disk_error, sha256, write_text

INDEX = "tables.json"
"""In a folder of GeoParquet: name of each table -> SHA-256 of its file."""

_DIGITS = 8
_GDAL_ERRORS = (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError,
                pyogrio.errors.FeatureError)
# Whole numbers and yes/no stay what they are beside missing values.
_NULLABLE = {**{pa_type: pd.Int64Dtype() for pa_type in (
    pa.int8(), pa.int16(), pa.int32(), pa.int64())}, pa.bool_(): pd.BooleanDtype()}
_DTYPE_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "floating", "M": "datetime"}
_MULTI = {shapely.GeometryType.POINT: shapely.multipoints,
          shapely.GeometryType.LINESTRING: shapely.multilinestrings,
          shapely.GeometryType.POLYGON: shapely.multipolygons}


def write(path: str | Path, tables: Mapping[str, pd.DataFrame], *, as_of: dt.date,
          crs: str = GEOGRAPHIC) -> Path:
    """Write frames into one GeoPackage, whole or not at all; equal inputs give equal bytes.

    Parameters
    ----------
    path : the .gpkg
    tables : name -> frame; a GeoDataFrame becomes a layer, a DataFrame a table; a named index is
        written as a column
    as_of : date stamped into the file in place of the clock
    crs : CRS of all layers in the file

    Returns
    -------
    Path

    Raises
    ------
    SchemaError
        If two columns of a frame differ in case only.
    ConfigError
        If the disk refuses.
    """
    with atomic(path) as temporary, fixed_date(as_of), _explained(path):
        for name in sorted(tables):
            _write_layer(temporary, name, _plain(tables[name], crs))
    return Path(path)


def read(path: str | Path) -> dict[str, pd.DataFrame]:
    """Read every layer and table of a GeoPackage, by name.

    Raises
    ------
    ConfigError
        If the file is missing or no database.
    """
    return {name: _read_layer(Path(path), name) for name in _layers(Path(path))}


def upsert(path: str | Path, name: str, frame: pd.DataFrame, *, key: str,
           as_of: dt.date | None = None) -> Path:
    """Add the rows of a frame to a layer by their ids, whole or not at all.

    Rows with new ids are added at the end, rows with known ids replaced, others kept; the same
    frame twice is the same as once, and then the file is not touched. A column that the frame
    lacks keeps its values. Other layers stay as they are.

    Parameters
    ----------
    path : the .gpkg; made if there is none
    name : layer or table; made if there is none
    frame : rows; geometry in any CRS
    key : column, or name of the index, of unique ids
    as_of : date stamped into the file; None takes today's

    Raises
    ------
    SchemaError
        If the key is missing, empty or not unique, on either side; a column changes between text,
        number, yes/no and time; or a layer meets a table.
    ConfigError
        If the disk refuses or the file is no database.
    """
    path, day = Path(path), as_of or dt.date.today()
    known = _layers(path) if path.exists() else []
    if name not in known:
        new = _keyed(_plain(frame, GEOGRAPHIC), key, where=name).reset_index()
        old, merged = None, new
    else:
        old = _read_layer(path, name)
        crs = str(old.crs) if isinstance(old, gpd.GeoDataFrame) else GEOGRAPHIC
        merged = _merged(old, _plain(frame, crs), key, where=name)
    if old is not None and _same(old, merged):
        return path
    with atomic(path) as temporary, fixed_date(day), _explained(path):
        if known:
            shutil.copyfile(path, temporary)
        _write_layer(temporary, name, merged)
    return path


def write_parquet(folder: str | Path, tables: Mapping[str, pd.DataFrame], *,
                  crs: str = GEOGRAPHIC) -> Path:
    """Write frames into a folder of GeoParquet files, all of them or none.

    Parameters
    ----------
    folder : gets ``<name>.parquet`` for each frame, and `INDEX`
    tables, crs : see `write`

    Returns
    -------
    Path

    Raises
    ------
    SchemaError
        If two columns of a frame differ in case only.
    ConfigError
        If a name cannot be a file's, or the disk refuses.

    Notes
    -----
    New files stand beside the old ones, under names with their hash, until the index that names
    their hashes takes the old one's place at once; then they take the plain names. A reader looks
    for the hash first, so that wherever the writer stops it finds all old or all new files.
    """
    folder = Path(folder)
    for name in tables:
        if not name or set(name) & set('/\\:*?"<>|.'):
            raise ConfigError("a table's name cannot be a file's", where=str(folder), got=name)
    before = _index(folder) if (folder / INDEX).exists() else {}
    digests = {name: _stage(folder, name, _plain(tables[name], crs)) for name in sorted(tables)}
    write_text(folder / INDEX, json.dumps(digests, indent=1, ensure_ascii=False) + "\n")
    try:
        for name, digest in digests.items():
            _staged(folder, name, digest).replace(folder / f"{name}.parquet")
        for name in sorted({*before, *digests}):
            for left in folder.glob(f"{name}.{'[0-9a-f]' * _DIGITS}.parquet"):
                left.unlink()
        for name in sorted(set(before) - set(digests)):
            (folder / f"{name}.parquet").unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(folder, error) from error
    return folder


def read_parquet(folder: str | Path) -> dict[str, pd.DataFrame]:
    """Read every layer and table of a folder that `write_parquet` wrote, by name.

    Raises
    ------
    ConfigError
        If the folder has no index, or a file is missing or damaged.
    """
    folder = Path(folder)
    found = {}
    for name, digest in _index(folder).items():
        file = _staged(folder, name, digest)
        file = file if file.exists() else folder / f"{name}.parquet"
        try:
            found[name] = _read_file(file)
        except (OSError, ValueError) as error:
            raise ConfigError("cannot read the table", where=str(file), got=str(error).strip(),
                              mend="write the folder again") from error
    return found


@contextmanager
def fixed_date(as_of: dt.date) -> Iterator[None]:
    """Stamp files with `as_of` instead of the clock while GDAL writes them."""
    keys = {"OGR_CURRENT_DATE": f"{as_of.isoformat()}T00:00:00.000Z",
            "DBF_DATE_LAST_UPDATE": as_of.isoformat()}
    before = {key: pyogrio.get_gdal_config_option(key) for key in keys}
    pyogrio.set_gdal_config_options(keys)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _plain(frame: pd.DataFrame, crs: str = GEOGRAPHIC) -> pd.DataFrame:
    """Return the frame as it is stored and read back, in `crs`, a named index as a column.

    Raises
    ------
    SchemaError
        If two columns differ in case only.
    """
    out = frame.reset_index() if frame.index.name else frame.reset_index(drop=True)
    out = out.rename(columns=str)
    folded = out.columns.str.casefold()
    if folded.has_duplicates:
        raise SchemaError("two columns differ in case only", got=", ".join(
            out.columns[folded.duplicated(keep=False)]), mend="rename one of them")
    if isinstance(out, gpd.GeoDataFrame):
        out = out.to_crs(crs) if out.crs is not None else out.set_crs(crs)
        out = out.rename_geometry("geometry") if out.geometry.name != "geometry" else out
        out = out.set_geometry(_one_family(out.geometry))
        out = out[[*out.columns.drop("geometry"), "geometry"]]
    for column in out.columns.drop("geometry", errors="ignore"):
        out[column] = _typed(out[column])
    return out


def _typed(values: pd.Series) -> pd.Series:
    """Return a column in the type that all stores give back."""
    kind = (pd.api.types.infer_dtype(values, skipna=True) if values.dtype == object
            else _DTYPE_KINDS.get(values.dtype.kind, ""))
    if kind == "boolean":
        return values.astype("boolean" if values.hasnans else "bool")
    if kind == "integer":
        return values.astype("Int64" if values.hasnans else "int64")
    if kind in ("floating", "mixed-integer-float"):
        return values.astype("float64")
    if kind in ("date", "datetime", "datetime64"):
        times = pd.to_datetime(values)
        times = times.dt.tz_convert("UTC").dt.tz_localize(None) if times.dt.tz else times
        return times.astype("datetime64[ms]")
    return values.astype("str")


def _one_family(shapes: gpd.GeoSeries) -> gpd.GeoSeries:
    """Return the shapes, single ones made multiple where both kinds occur (as layers require)."""
    array = np.asarray(shapes.array)
    kinds = shapely.get_type_id(array)
    present = set(kinds[kinds >= 0].tolist())
    for single, multiple in _MULTI.items():
        if present == {int(single), int(single) + 3}:
            at = np.flatnonzero(kinds == single)
            array = array.copy()
            array[at] = multiple(array[at], indices=np.arange(len(at)))
            return gpd.GeoSeries(array, index=shapes.index, crs=shapes.crs)
    return shapes


def _write_layer(path: Path, name: str, frame: pd.DataFrame) -> None:
    """Write a plain frame as a layer; the file's own columns make room for the frame's."""
    taken = set(frame.columns.str.casefold())
    options = {option: f"{column}_of_file" for option, column in
               (("FID", "fid"), ("GEOMETRY_NAME", "geom")) if column in taken}
    pyogrio.write_dataframe(frame, path, layer=name, driver="GPKG", append=False,
                            layer_options=options, use_arrow=True)


def _read_layer(path: Path, name: str) -> pd.DataFrame:
    frame = pyogrio.read_dataframe(path, layer=name, use_arrow=True,
                                   arrow_to_pandas_kwargs={"types_mapper": _mapped})
    return _plain(frame, str(frame.crs) if isinstance(frame, gpd.GeoDataFrame) else GEOGRAPHIC)


def _mapped(kind: pa.DataType) -> object:
    """Return the pandas type of an Arrow type where it is not the usual one."""
    return _NULLABLE.get(kind) or (
        pd.StringDtype(na_value=np.nan) if kind in (pa.string(), pa.large_string()) else None)


def _read_file(file: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    spatial = b"geo" in (pq.read_schema(file).metadata or {})
    frame = gpd.read_parquet(file) if spatial else pd.read_parquet(file)
    return _plain(frame, str(frame.crs) if isinstance(frame, gpd.GeoDataFrame) else GEOGRAPHIC)


def _layers(path: Path) -> list[str]:
    try:
        return [str(name) for name, _ in pyogrio.list_layers(path)]
    except pyogrio.errors.DataSourceError as error:
        raise ConfigError("cannot read the database", where=str(path), got=str(error).strip(),
                          expected="a GeoPackage") from error


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except _GDAL_ERRORS as error:
        # GDAL tells of a full disk in words only.
        number = errno.ENOSPC if "full" in str(error) else errno.EIO
        raise disk_error(Path(path), OSError(number, str(error).strip())) from error


def _keyed(frame: pd.DataFrame, key: str, *, where: str) -> pd.DataFrame:
    if key not in frame:
        raise SchemaError("the key is no column", where=where, expected=key,
                          got=", ".join(frame.columns))
    if frame[key].isna().any() or frame[key].duplicated().any():
        bad = frame[key][frame[key].isna() | frame[key].duplicated()].iloc[0]
        raise SchemaError("an id is missing or occurs twice", where=f"{where}.{key}", got=bad)
    return frame.set_index(key)


def _merged(old: pd.DataFrame, new: pd.DataFrame, key: str, *, where: str) -> pd.DataFrame:
    """Return the rows of `old` with those of `new` in their places, further ones at the end."""
    if isinstance(old, gpd.GeoDataFrame) != isinstance(new, gpd.GeoDataFrame):
        raise SchemaError("a layer and a table cannot be one", where=where,
                          expected="geometry on both sides or on neither")
    before, after = (_keyed(frame, key, where=where) for frame in (old, new))
    columns = [*old.columns.drop(key), *new.columns.drop(key).difference(old.columns, sort=False)]
    for column in [key, *after.columns.intersection(before.columns)]:
        _check_type(old[column], new[column], where=f"{where}.{column}")
    order = before.index.append(after.index[~after.index.isin(before.index)])
    loose = {"int64": "Int64", "bool": "boolean"}
    parts = [part.astype({column: loose[str(kind)] for column, kind in part.dtypes.items()
                          if str(kind) in loose})
             for part in (before[~before.index.isin(after.index)],
                          after.join(before[before.columns.difference(after.columns)]))]
    merged = pd.concat([part for part in parts if len(part)] or parts[:1]).reindex(order)
    merged = merged.reindex(columns=columns).rename_axis(key).reset_index()
    # The key keeps its place among the columns.
    merged = merged[[*old.columns, *merged.columns.difference(old.columns, sort=False)]]
    if isinstance(old, gpd.GeoDataFrame):
        return _plain(gpd.GeoDataFrame(merged, geometry="geometry", crs=old.crs), str(old.crs))
    return _plain(merged)


def _check_type(old: pd.Series, new: pd.Series, *, where: str) -> None:
    kinds = [_kind(values) for values in (old, new) if values.notna().any()]
    if len(set(kinds)) > 1:
        raise SchemaError("a column changes its type", where=where, expected=kinds[0],
                          got=kinds[1], mend="give it in the stored type")


def _kind(values: pd.Series) -> str:
    kind = str(values.dtype).lower()
    return next((word for start, word in (("int", "number"), ("float", "number"),
                                          ("bool", "yes/no"), ("datetime", "time"),
                                          ("geometry", "geometry")) if kind.startswith(start)),
                "text")


def _same(old: pd.DataFrame, new: pd.DataFrame) -> bool:
    if isinstance(old, gpd.GeoDataFrame):
        if old.geometry.to_wkb().tolist() != new.geometry.to_wkb().tolist():
            return False
        old, new = (pd.DataFrame(frame).drop(columns="geometry") for frame in (old, new))
    return bool(old.equals(new))


def _index(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / INDEX).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigError("the folder is no database", where=str(folder), got=str(error),
                          expected=f"a readable {INDEX}") from error


def _staged(folder: Path, name: str, digest: str) -> Path:
    return folder / f"{name}.{digest[:_DIGITS]}.parquet"


def _stage(folder: Path, name: str, frame: pd.DataFrame) -> str:
    """Write one table under the name with its hash, and return the hash."""
    draft = folder / f"{name}.draft"
    with atomic(draft) as temporary:
        frame.to_parquet(temporary, index=False)
    digest = sha256(draft)
    try:
        draft.replace(_staged(folder, name, digest))
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise disk_error(folder, error) from error
    return digest

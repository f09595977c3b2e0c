"""The workbook that comes back corrected -> the records it speaks of, with its corrections."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk import crs
from qzrisk.errors import ConfigError, SchemaError
from qzrisk.layers import ingest, positions
from qzrisk.layers.schema import LayerSchema, schema
from qzrisk.layers.tables import read_cells
from qzrisk.text import LANGUAGES, text

ROW = "_row"
SOURCES = "_qzrisk"
_DEGREE = 5e-8  # what rounding to seven decimals leaves
_LONG = 30_000
_LON, _LAT = ([f"{text(key, language)}{tail}" for language in LANGUAGES
               for tail in ("", "_CGCS2000")] for key in ("return_lon", "return_lat"))


class Sheet(NamedTuple):
    """A sheet of a workbook that came back: its name, which file it is of, and its digest."""

    name: str
    key: str
    digest: str


def sheets(corrected: str | Path) -> list[Sheet]:
    """Return which sheets of a workbook written by `reports.returns.save_book` are of which file.

    Raises
    ------
    SchemaError
        If the workbook is another one, or lost its hidden sheet.
    """
    path = Path(corrected)
    columns = ["sheet", "key", "digest"]
    try:
        table = read_cells(path, sheet=SOURCES).frame.reindex(columns=columns)
    except ConfigError as error:
        if error.what != "no such sheet":
            raise
        table = pd.DataFrame(columns=columns)
    if table["sheet"].isna().all():
        raise SchemaError("not a workbook of records to correct", where=path.name,
                          expected=f"the hidden sheet {SOURCES}", got="none",
                          mend="return the workbook that was sent, saved under any name")
    return [Sheet(*("" if pd.isna(cell) else str(cell) for cell in row))
            for row in table.itertuples(index=False)]


def headers(records: pd.DataFrame, layer: str | LayerSchema, *,
            columns: Mapping[str, str] | None = None, xy: tuple[str, str] | None = None
            ) -> dict[str, str]:
    """Return what each header of a file means: its canonical column, ``geometry`` for coordinates.

    Parameters
    ----------
    records : frame as it was read from the file
    layer : schema or its name
    columns, xy : as given to `ingest.read_layer`

    Examples
    --------
    >>> raw = pd.DataFrame(columns=["避灾点编码", "可容纳人数", "经度", "纬度"])
    >>> list(headers(raw, "shelters").values())
    ['shelter_id', 'capacity_persons', 'geometry', 'geometry']
    """
    rules = schema(layer)
    named = ingest.rename(records.head(0), rules, columns).columns
    out = {str(header): str(name) for header, name in zip(records.columns, named, strict=True)}
    if rules.geometry == "Point" and not isinstance(records, gpd.GeoDataFrame):
        for header in _coordinates(records, xy):
            out[str(header)] = "geometry"
    return out


def apply(records: pd.DataFrame, corrected: str | Path, *, sheet: str | None = None
          ) -> pd.DataFrame:
    """Return the records with the corrections of a workbook written by `reports.returns.save`.

    Parameters
    ----------
    records : frame as it was when the workbook was written, index ``row`` or counted from 1
    corrected : the workbook that came back
    sheet : of the workbook; None takes the first

    Returns
    -------
    DataFrame or GeoDataFrame, as `records`
        Changed cells replaced; rows that the workbook lacks stay as they were, rows without
        ``_row`` are new and stand last, under numbers of their own. No row is lost.

    Raises
    ------
    SchemaError
        If the workbook has no column ``_row``.
    ConfigError
        If a number in it is none of the file's, or stands twice.
    """
    path = Path(corrected)
    table = read_cells(path, sheet=sheet).frame
    if ROW not in table:
        raise SchemaError("not a workbook of records to correct", where=path.name,
                          expected=f"a column {ROW}", got=", ".join(map(str, table.columns[:8])),
                          mend="return the workbook that was sent, with its first column")
    rows = _rows(table[ROW], path)
    out = records.copy()
    if records.index.name != "row":
        out.index = pd.RangeIndex(1, len(records) + 1, name="row")
    _check_rows(rows, out.index, path)
    new = rows.isna()
    last = int(out.index.max()) if len(out) else 0
    at = rows.astype(float).where(~new, last + new.cumsum()).astype(int)
    table = table.drop(columns=[ROW]).set_axis(pd.Index(at, name="row"))
    out = out.reindex(out.index.union(table.index[new.to_numpy()], sort=False))
    for column in records.columns:
        if str(column) in table and column != getattr(records, "_geometry_column_name", None):
            out[column] = _corrected(out[column], table[str(column)])
    if isinstance(records, gpd.GeoDataFrame):
        out = _moved(out, records, table)
    if records.index.name != "row" and not new.any():
        out.index = records.index
    return out


def changed(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return which cells of the records `before` are others `after`, by row and header.

    Parameters
    ----------
    before, after : given to `apply`, and what it returned

    Returns
    -------
    DataFrame of bool, indexed and named as `before`
    """
    out = {}
    for column in before.columns:
        old, new = before[column], after[column].iloc[: len(before)]
        if isinstance(before, gpd.GeoDataFrame) and column == before.geometry.name:
            out[column] = ~shapely.equals(np.asarray(old.array), np.asarray(new.array)) & ~(
                old.isna().to_numpy() & new.isna().to_numpy())
        elif old.array is new.array:
            out[column] = np.zeros(len(before), dtype=bool)
        else:
            out[column] = np.array([not _same(a, b) for a, b in zip(old, new, strict=True)],
                                   dtype=bool)
    return pd.DataFrame(out, index=before.index)


def _coordinates(records: pd.DataFrame, xy: tuple[str, str] | None) -> list[Any]:
    try:
        return positions.coordinate_headers(records, xy, Path())
    except SchemaError:
        return []


def _rows(cells: pd.Series, path: Path) -> pd.Series:
    numbers = pd.to_numeric(cells, errors="coerce")
    strange = cells.notna() & (numbers.isna() | (numbers % 1 != 0))
    if strange.any():
        raise ConfigError(f"{ROW} holds something else than a row number", where=path.name,
                          got=str(cells[strange].iloc[0]), mend=f"leave {ROW} as it was sent")
    return numbers.astype("Int64")


def _check_rows(rows: pd.Series, known: pd.Index, path: Path) -> None:
    given = rows.dropna()
    for fault, words in ((given.duplicated(), f"a number of {ROW} stands twice"),
                         (~given.isin(known), f"a number of {ROW} is no row of the file")):
        if fault.any():
            raise ConfigError(words, where=path.name, got=str(given[fault].iloc[0]),
                              expected=f"{known.min()} to {known.max()}, each once",
                              mend=f"leave {ROW} as it was sent; empty for a new record")


def _corrected(old: pd.Series, new: pd.Series) -> pd.Series:
    """Return a column with the cells that differ replaced, its type kept where they fit it."""
    before = old.reindex(new.index)
    changed = [not _same(a, b) for a, b in zip(before, new, strict=True)]
    if not any(changed):
        return old
    cells = new[changed]
    if isinstance(old.dtype, pd.StringDtype):
        cells = cells.map(as_text).astype(old.dtype)
    elif old.dtype.kind not in "fiu" or cells.map(lambda cell: isinstance(cell, str)).any():
        old = old.astype(object)
    elif old.dtype.kind in "iu":
        old = old.astype(float)
    out = old.copy()
    out[cells.index] = cells
    return out


def _same(old: Any, new: Any) -> bool:
    gone = [pd.isna(cell) or cell == "" for cell in (old, new)]
    if any(gone):
        return all(gone)
    if isinstance(old, dt.date) and isinstance(new, dt.date):
        return bool(pd.Timestamp(old) == pd.Timestamp(new))
    numbers = [isinstance(cell, int | float | np.number) for cell in (old, new)]
    if all(numbers):
        return float(old) == float(new)
    # A workbook changes line ends, and holds no more than so much in a cell.
    before, after = (" ".join(str(as_text(cell)).split()) for cell in (old, new))
    return before == after or (len(after) > _LONG and before.startswith(after))


def as_text(cell: Any) -> Any:
    """Return a cell as the text a person sees: 270, not 270.0."""
    if pd.isna(cell):
        return None
    return f"{cell:.0f}" if isinstance(cell, float) and cell % 1 == 0 else str(cell)


def _moved(out: gpd.GeoDataFrame, records: gpd.GeoDataFrame, table: pd.DataFrame
           ) -> gpd.GeoDataFrame:
    """Return the records with points where the workbook's longitude and latitude put them."""
    lon, lat = (next((h for h in reversed(names) if h in table and h not in records), None)
                for names in (_LON, _LAT))
    out = gpd.GeoDataFrame(out, geometry=records.geometry.name, crs=records.crs)
    if lon is None or lat is None:
        return out
    given = table[[lon, lat]].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    shapes = np.array(out.geometry.array, dtype=object)
    degrees = out.geometry.to_crs(crs.GEOGRAPHIC) if out.crs else out.geometry
    place = out.index.get_indexer(table.index)
    own = np.asarray(degrees.array)[place]
    before = np.column_stack([shapely.get_x(own), shapely.get_y(own)])
    with np.errstate(invalid="ignore"):
        near = (np.abs(given - before) <= _DEGREE + 1e-12).all(axis=1)
    moved = np.isfinite(given).all(axis=1) & ~near
    point = shapely.is_missing(own) | (shapely.get_type_id(own) == shapely.GeometryType.POINT)
    moved &= point
    new = gpd.GeoSeries(shapely.points(given[moved]), crs=crs.GEOGRAPHIC if out.crs else None)
    shapes[place[moved]] = np.asarray((new.to_crs(out.crs) if out.crs else new).array)
    return out.set_geometry(gpd.GeoSeries(shapes, index=out.index, crs=out.crs))

"""The database: every checked layer, result and finding in one GeoPackage, in CGCS2000 degrees."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from qzrisk.crs import GEOGRAPHIC
from qzrisk.files import atomic


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
    ConfigError
        If the disk refuses.
    """
    with atomic(path) as temporary, fixed_date(as_of):
        for name in sorted(tables):
            pyogrio.write_dataframe(_plain(tables[name], crs), temporary, layer=name,
                                    driver="GPKG", append=False)
    return Path(path)


def read(path: str | Path) -> dict[str, pd.DataFrame]:
    """Read every layer and table of a GeoPackage, by name."""
    return {str(name): pyogrio.read_dataframe(path, layer=name, use_arrow=True)
            for name, _ in pyogrio.list_layers(path)}


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


def _plain(frame: pd.DataFrame, crs: str) -> pd.DataFrame:
    """Return the frame as GDAL takes it: index as column, categories and lists as text."""
    out = frame.reset_index() if frame.index.name else frame.reset_index(drop=True)
    if isinstance(out, gpd.GeoDataFrame):
        out = out.to_crs(crs)
    for column in out.columns:
        if isinstance(out[column].dtype, pd.CategoricalDtype):
            out[column] = out[column].astype("str")
    return out

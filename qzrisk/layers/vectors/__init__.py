"""Vector files as offices really send them -> a frame with its own headers, nothing lost unsaid.

Shapefile, GeoPackage, GeoJSON, FlatGeobuf, GeoParquet, KML and KMZ, file geodatabase, whatever else
GDAL reads, and a zip of any of them. Cell values are not interpreted here.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import pandas as pd

from qzrisk.errors import ConfigError, QzriskError
from qzrisk.layers import archive
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.tables.source import Remark
from qzrisk.layers.vectors.geojson import is_geojson, read_geojson
from qzrisk.layers.vectors.kml import read_kml
from qzrisk.layers.vectors.reading import (
    GDAL_ERRORS,
    choose_layer,
    read_gdal,
    strange_crs,
    tidy,
    unreadable,
)
from qzrisk.layers.vectors.shapefile import read_shapefile

__all__ = ["Features", "is_vector", "read_features"]

_JSON = {".json", ".geojson", ".geojsonl", ".jsonl", ".ndjson", ".topojson"}
_PARQUET = {".parquet", ".geoparquet"}
_SHAPEFILE = {".shp", ".shx", ".dbf"}
_TEMPORARY = re.compile(r"[^\s'\"]*qzrisk-\w{8}[^\s'\",;:]*")
_TABLES = {".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """A layer read from a file.

    Attributes
    ----------
    frame : records under the file's own headers: GeoDataFrame (CRS as the file says, None where it
        does not), or DataFrame where there are no shapes. An index called ``row`` holds the
        1-based numbers of records in the file where some could not be read.
    issues : findings.
    evidence : why the text is read in its encoding, "" where the format fixes it.
    encoding : of the text, "" where the format fixes it.
    layer : name of the layer inside the file, "" where there is but one.
    """

    frame: pd.DataFrame
    issues: pd.DataFrame
    evidence: str = ""
    encoding: str = ""
    layer: str = ""


def is_vector(path: str | Path) -> bool:
    """Return whether a file is read as features, by its suffix and, for JSON, its beginning.

    Examples
    --------
    >>> is_vector("shelters.gpkg"), is_vector("shelters.csv")
    (True, False)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _JSON and path.is_file():
        return is_geojson(path)
    return suffix not in _TABLES


def read_features(path: str | Path, *, layer: str | None = None, encoding: str | None = None,
                  subject: str = "", language: str = "zh") -> Features:
    """Read one layer of a vector file with its own headers.

    Parameters
    ----------
    path : the file, a ``.gdb`` folder, or a zip of one layer
    layer : name of the layer inside the file (folder of a KML, file of a zip); None takes the only
        one that has records
    encoding : of the text, believed only where it fits
    subject : name of the layer the findings speak of
    language : of the findings

    Returns
    -------
    Features

    Raises
    ------
    ConfigError
        If the file is missing, empty, broken beyond saving, or has several layers and none is
        named.

    Notes
    -----
    Heights and measures are dropped, rings closed, a missing index of a shapefile made anew, cut
    tables filled up with empty cells: each with a finding. Records that cannot be read have a
    finding each.
    """
    path = Path(path)
    if not path.exists():
        raise ConfigError("missing input file", where=str(path), expected="a readable file",
                          got="nothing there", mend="correct the path in project.toml")
    if path.is_file() and not path.stat().st_size:
        raise unreadable(path, "an empty file", mend="check that the file was exported completely")
    remarks: list[Remark] = []
    with archive.opened(path, layer=layer) as source:
        chosen = None if source != path and layer in (source.name, source.stem) else layer
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what matters of them is among the remarks
                frame, told = _read(source, chosen, encoding, remarks, language)
        except GDAL_ERRORS as error:
            raise unreadable(path, _plain(error, path)) from error
        except QzriskError as error:
            raise type(error)(error.what, where=str(path), expected=error.expected,
                              got=error.got and _plain(error.got, path),
                              mend=error.mend) from error
    frame = tidy(frame, remarks)
    issues = gather(
        findings(r.rule, r.severity, layer=subject, language=language, rows=list(r.rows),
                 values=[_plain(value, path) for value in r.values] or [""] * len(r.rows),
                 expected=r.expected, source=path.name) for r in remarks)
    return Features(frame=frame, issues=issues, **told)


def _plain(words: object, path: Path) -> str:
    """Return words in which the temporary copies that were read go by the name of the file."""
    return _TEMPORARY.sub(path.name, str(words))


def _read(path: Path, layer: str | None, encoding: str | None, remarks: list[Remark],
          language: str) -> tuple[pd.DataFrame, dict[str, str]]:
    suffix = path.suffix.lower()
    if suffix in _SHAPEFILE:
        frame, found = read_shapefile(path, encoding, remarks, language)
        return frame, {} if found is None else {"evidence": found.evidence,
                                                "encoding": found.name}
    if suffix == ".kml":
        return read_kml(path, layer, encoding, remarks, language), {"layer": layer or ""}
    if suffix in _PARQUET:
        return _read_parquet(path), {}
    if suffix in _JSON and path.is_file():
        return read_geojson(path, encoding, remarks, language), {}
    chosen = choose_layer(path, layer)
    if suffix == ".gpkg" and chosen is not None:
        strange = strange_crs(path, chosen)
        if strange:
            remarks.append(Remark(rule="two_crs", severity="error", values=[", ".join(strange)]))
    return read_gdal(path, chosen, remarks, encoding=encoding), {"layer": chosen or ""}


def _read_parquet(path: Path) -> pd.DataFrame:
    """Read GeoParquet, or the table of a Parquet file without shapes."""
    try:
        return gpd.read_parquet(path)
    except ValueError as error:
        if "geo metadata" not in str(error).lower():
            raise
    return pd.read_parquet(path)

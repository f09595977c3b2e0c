"""What goes back to the counties: a workbook of records to correct for each, and an error layer.

Both hold whatever the county itself wrote, names and telephone numbers with it, and the true place
of every fault. They go back to where they came from and are no products: a public project gets
neither (`return_files`), and `write_returns` refuses to write them for one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk import files
from qzrisk import units as _units
from qzrisk.errors import ConfigError
from qzrisk.layers import database, forms, ingest, returned, spatial, values
from qzrisk.layers.records import Records, read
from qzrisk.layers.schema import schema
from qzrisk.pipeline.load import Loaded
from qzrisk.project import Project, Source
from qzrisk.reports import returns
from qzrisk.text import text

GRAVE = ("error", "warning")
"""Severities that somebody must answer; a note asks for nothing."""

_OWN_FILE = 0.9  # share of a file's known records in one county that makes it that county's file


def return_files(project: Project, loaded: Loaded, issues: pd.DataFrame, out: Path
                 ) -> Mapping[str, Any]:
    """Write ``tables/returns/`` of an internal project; nothing of a public one."""
    internal = project.audience == "internal"
    return {"returns": write_returns(project, loaded, issues, out / "tables" / "returns")
            if internal else []}


def write_returns(project: Project, loaded: Loaded, issues: pd.DataFrame, folder: Path
                  ) -> list[Path]:
    """Write a workbook for each county with errors or warnings, and ``errors.gpkg``.

    Parameters
    ----------
    project, loaded : see `open_project`, `load`
    issues : findings
    folder : made if absent

    Returns
    -------
    list of Path
        ``<county>.xlsx`` in official order, a sheet for each of its files; records of no county
        in one of their own; last ``errors.gpkg``, one point, line or polygon a finding.

    Raises
    ------
    ConfigError
        If the project is public, or the disk refuses.

    Notes
    -----
    A record goes to the county whose code or name it bears, else to the one whose file it stands
    in, else to the one it lies in.
    """
    if project.audience != "internal":
        raise ConfigError("records that go back hold names and telephone numbers",
                          where=str(folder), expected="an internal project", got="public",
                          mend="add --audience internal")
    units = loaded.tables["units"]
    books: dict[str, list[returns.Part]] = {}
    for source in project.sources:
        for county, part in _parts(source, project, loaded, issues):
            books.setdefault(county, []).append(part)
    names = _book_names(units, project.language)
    written = [returns.save_book(folder / f"{names[county]}.xlsx", books[county],
                                 as_of=project.as_of, language=project.language)
               for county in names if county in books]
    found = spatial.error_layer(issues, crs_=project.crs)
    written.append(database.write(folder / "errors.gpkg", {"errors": found},
                                  as_of=project.as_of))
    return written


def source_key(source: Source, project: Project) -> str:
    """Return what names a source of a project for good: layer, path, layer in the file."""
    path = Path(source.path)
    short = path.relative_to(project.root) if path.is_relative_to(project.root) else path
    return "#".join(filter(None, (f"{source.name or source.layer}: {short.as_posix()}",
                                  source.table)))


def digest(path: Path) -> str:
    """Return a digest of a source: of its file, of all files of a shapefile or a folder."""
    parts = [path]
    if path.is_dir():
        parts = sorted(file for file in path.iterdir() if file.is_file())
    elif path.suffix.lower() == ".shp":
        parts = [file for file in sorted(path.parent.iterdir()) if file.stem == path.stem
                 and file.suffix.lower() in (".shp", ".dbf")]
    return hashlib.sha256("".join(map(files.sha256, parts)).encode()).hexdigest()[:16]


def read_records(source: Source, project: Project) -> Records:
    """Return the records of a source under the headers of its file."""
    found = read(source.path, layer=source.table or None, encoding=source.encoding or None,
                 subject=source.name or source.layer, language=project.language)
    frame = found.frame
    if isinstance(frame, gpd.GeoDataFrame) and frame.crs is None and source.source_crs:
        return found._replace(frame=frame.set_crs(source.source_crs))
    return found


def _book_names(units: pd.DataFrame, language: str) -> dict[str, str]:
    """Return code of each county, and "" for none -> name of its workbook."""
    counties = units.loc[units["level"] == "county", "name"].astype(str)
    twice = counties.duplicated(keep=False)
    plain = {code: re.sub(r'[\\/:*?"<>|\s]+', "_", f"{name}_{code}" if twice[code] else name)
             for code, name in counties.items()}
    return {str(code): name for code, name in plain.items()} | {
        "": text("return_nobody", language)}


def _parts(source: Source, project: Project, loaded: Loaded, issues: pd.DataFrame
           ) -> Iterable[tuple[str, returns.Part]]:
    """Yield county -> its records of one file that somebody must answer for."""
    name, file = source.name or source.layer, source.path.name
    own = issues[(issues["layer"] == name) & issues["source"].isin([file, ""])]
    grave = own[own["severity"].isin(GRAVE) & ((own["row"] > 0) | (own["record_id"] != ""))]
    if grave.empty or not source.path.exists():
        return
    records, rules = read_records(source, project).frame, schema(source.layer)
    headers = returned.headers(
        records, rules, columns=source.columns,
        xy=(source.x, source.y) if source.x and source.y else None)
    shown = next((header for header, column in headers.items() if column == rules.key), None)
    ids = (records[shown].astype("str").str.strip() if shown in records
           else pd.Series("", index=records.index))
    tables = [s for s in project.sources if (s.name or s.layer, s.path.name) == (name, file)]
    if len(tables) > 1:
        # Layers of one file share its name: rows are told apart by what stands in them.
        own, grave = (part[part["record_id"].isin(ids)] for part in (own, grave))
    rows = returns.row_numbers(records)
    records = records.set_axis(pd.Index(rows, name="row"))
    ids = ids.set_axis(records.index)
    hit = np.isin(rows, grave["row"][grave["row"] > 0]) | ids.isin(
        grave["record_id"][grave["row"] == 0].replace("", None).dropna()).to_numpy()
    counties = _counties(records, ids, rows, own, source, loaded)
    for county in sorted(set(counties[hit])):
        words = loaded.tables["units"]["name"].get(county, "")
        yield county, returns.Part(
            records=records[hit & (counties == county)], layer=rules, headers=headers,
            issues=own.assign(owner=own["owner"].where(own["owner"] != "", words)),
            source=file, key=source_key(source, project), digest=digest(source.path))


def _counties(records: pd.DataFrame, ids: pd.Series, rows: np.ndarray, own: pd.DataFrame,
              source: Source, loaded: Loaded) -> np.ndarray:
    """Return the county that each record goes back to, "" where none can be told."""
    units, name = loaded.tables["units"], source.name or source.layer
    above = _units.ancestors(units, "county")
    rules = schema(source.layer)
    named = pd.DataFrame(ingest.rename(records, rules, source.columns))
    county = pd.Series(np.nan, index=range(len(records)), dtype="str")
    if "unit_id" in rules.columns:
        coded = forms.with_unit_codes(named, units)[0]
        if "unit_id" in coded:
            codes = values.codes(coded["unit_id"])[0].reset_index(drop=True)
            county = codes.map(above).astype("str")
    held = loaded.layers.get(name, loaded.tables.get(name))
    keys = ids.reset_index(drop=True)
    if held is not None and "unit_id" in held:
        county = county.fillna(keys.map(held["unit_id"].map(above)).astype("str"))
    share = county.value_counts(normalize=True)
    if len(share) and share.iloc[0] >= _OWN_FILE:
        return county.fillna(share.index[0]).to_numpy(dtype=object)
    shapes = own[own["row"] > 0].groupby("row")["geometry"].first().reindex(rows).set_axis(
        county.index)
    if isinstance(held, gpd.GeoDataFrame):
        shapes = shapes.fillna(keys.map(held.geometry.astype(object)))
    lost = (county.isna() & shapes.notna()).to_numpy()
    county[lost] = _placed(shapes[lost], loaded)
    return county.fillna("").to_numpy(dtype=object)


def _placed(shapes: pd.Series, loaded: Loaded) -> np.ndarray:
    """Return the county in which each shape lies."""
    found = np.full(len(shapes), None, dtype=object)
    boundaries = loaded.layers["boundaries"]
    counties = boundaries.geometry[boundaries["level"] == "county"]
    tree = shapely.STRtree(np.asarray(counties.array))
    points = shapely.point_on_surface(np.asarray(shapes, dtype=object))
    usable = np.flatnonzero(np.isfinite(shapely.get_x(points)) & np.isfinite(shapely.get_y(points)))
    at, unit = tree.query(points[usable], predicate="intersects")
    found[usable[at[::-1]]] = counties.index.to_numpy()[unit[::-1]]
    return found

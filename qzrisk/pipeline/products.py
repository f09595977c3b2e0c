"""What `qzrisk run` writes: database, tables, static maps, the interactive map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from qzrisk.layers import database
from qzrisk.layers.schema import schemas
from qzrisk.pipeline import specs, tables
from qzrisk.pipeline.load import Loaded, Tick
from qzrisk.pipeline.measures import Results
from qzrisk.project import Project
from qzrisk.reports import workbook
from qzrisk.text import text


def public(frame: pd.DataFrame, layer: str, project: Project, *, strict: bool = False
           ) -> pd.DataFrame:
    """Return a frame without its personal columns, unless the project is internal.

    `strict` keeps only columns of the data dictionary: a raw file may hold personal values in
    columns that nobody has named.
    """
    if project.audience == "internal":
        return frame
    known = schemas().get(layer)
    if known is None:
        return frame
    columns = [c for c in frame.columns if c in known.columns or c.startswith("_")
               or c == "geometry"] if strict else list(frame.columns)
    return frame[[c for c in columns if c not in known.personal()]]


def database_files(project: Project, loaded: Loaded, results: Results, issues: pd.DataFrame,
                   reconciled: pd.DataFrame, out: Path) -> Mapping[str, Any]:
    """Write ``database.gpkg``: layers, membership, results, findings and quarantine."""
    kinds = project.kinds()
    frames: dict[str, pd.DataFrame] = {
        name: public(frame, kinds[name], project, strict=True)
        for name, frame in loaded.layers.items()}
    frames["units"] = loaded.tables["units"]
    boundaries = loaded.layers["boundaries"]
    for level in tables.LEVELS:
        frame = results.coverage[level].drop(columns="name").join(
            results.risk[level].drop(columns=["persons"]))
        shapes = boundaries.geometry.reindex(frame.index) if level != "reporting" else None
        frames[f"results_{level}"] = frame if shapes is None else gpd.GeoDataFrame(
            frame, geometry=shapes, crs=boundaries.crs)
    frames["indicators"] = results.indicators
    frames["official_figures"] = reconciled
    frames["findings"] = _finding_layer(_masked(issues, project), project.crs)
    for name, frame in loaded.quarantine.items():
        frames[f"quarantine_{name}"] = public(frame, kinds[name], project, strict=True)
    path = database.write(out / "database.gpkg", frames, as_of=project.as_of)
    return {"database": [path]}


def _masked(issues: pd.DataFrame, project: Project) -> pd.DataFrame:
    """Return findings whose value and message do not quote personal columns."""
    if project.audience == "internal":
        return issues
    personal = {(name, column) for name, kind in project.kinds().items()
                for column in schemas()[kind].personal()}
    hidden = [pair in personal for pair in zip(issues["layer"], issues["field"], strict=True)]
    masked = issues.copy()
    masked.loc[hidden, ["value", "message"]] = "***"
    return masked


def _finding_layer(issues: pd.DataFrame, crs: str) -> gpd.GeoDataFrame:
    shapes = gpd.GeoSeries(list(issues["geometry"]), index=issues.index, crs=crs)
    return gpd.GeoDataFrame(issues.drop(columns="geometry"), geometry=shapes, crs=crs)


def table_files(project: Project, loaded: Loaded, results: Results, issues: pd.DataFrame,
                official: pd.DataFrame, reconciled: pd.DataFrame, out: Path, run_id: str
                ) -> Mapping[str, Any]:
    """Write ``tables/``: coverage, risk and checks as xlsx, and each sheet as CSV."""
    masked = _masked(issues, project).drop(columns="geometry")
    books = tables.books(project, loaded, results, masked, official, reconciled, run_id)
    folder = out / "tables"
    written = []
    for book, pages in books.items():
        title = text(f"title_{book}", project.language, city=project.word("title"))
        written.append(workbook.save(folder / f"{book}.xlsx", pages, as_of=project.as_of,
                                     title=title))
        for page, stem in zip(pages, tables.stems(book), strict=True):
            written.append(workbook.save_csv(folder / f"{stem}.csv", page))
    return {"tables": written}


def map_files(project: Project, loaded: Loaded, results: Results, out: Path, run_id: str,
              tick: Tick) -> Mapping[str, Any]:
    """Write ``maps/*.png`` and ``maps/*.pdf``."""
    from qzrisk.maps import static

    written = []
    for spec in specs.static_specs(project, loaded, results, run_id):
        for suffix in (".png", ".pdf"):
            tick(spec.name)
            written.append(static.save(spec, out / "maps" / f"{spec.name}{suffix}"))
    return {"maps": written}


def web_files(project: Project, loaded: Loaded, results: Results, out: Path, run_id: str
              ) -> Mapping[str, Any]:
    """Write ``maps/overview.html``, one file that needs no network."""
    from qzrisk.maps import web

    spec = specs.overview_spec(project, loaded, results, run_id)
    return {"web": [web.save(spec, out / "maps" / f"{spec.name}.html")]}

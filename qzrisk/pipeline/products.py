"""What `qzrisk run` writes: database, tables, static maps, the interactive map."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from qzrisk.layers import database
from qzrisk.layers.schema import schemas
from qzrisk.maps import audience
from qzrisk.maps.spec import MapSpec, Page
from qzrisk.pipeline import coverage_maps, coverage_sheets, relocation, specs, tables, themes
from qzrisk.pipeline.load import Loaded, Tick
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.plans import STAGES
from qzrisk.project import Project
from qzrisk.reports import relocation as reports
from qzrisk.reports import workbook
from qzrisk.text import text

# Telephone numbers, whole or grouped: seven digits and more that are no division code.
_LONG_NUMBER = r"(?<!\d)(?:\d{3,4}-\d{7,8}|1[3-9]\d{9}|\d{7,8})(?!\d)"


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
        name: audience.shown(public(frame, kinds[name], project, strict=True), kinds[name],
                             audience=project.audience)
        for name, frame in loaded.layers.items()}
    frames["units"] = loaded.tables["units"]
    boundaries = loaded.layers["boundaries"]
    for level in coverage_sheets.LEVELS:
        frame = results.coverage[level].drop(columns="name").join(
            results.risk[level].drop(columns=["persons"]))
        shapes = boundaries.geometry.reindex(frame.index) if level != "reporting" else None
        frames[f"results_{level}"] = frame if shapes is None else gpd.GeoDataFrame(
            frame, geometry=shapes, crs=boundaries.crs)
    for hazard, made in results.cases.items():
        if made.plan is None:
            continue
        for level in coverage_sheets.LEVELS:
            frames[f"coverage_{hazard}_{level}"] = made.tables[level]
        judged = coverage_sheets.judged_frame(made, loaded.layers["shelters"], project)
        frames[f"shelters_{hazard}"] = gpd.GeoDataFrame(
            judged, geometry=loaded.layers["shelters"].geometry, crs=project.crs)
        frames[f"relocation_{hazard}"] = relocation.rows(made, loaded, project)
    frames["indicators"] = results.indicators
    frames["official_figures"] = reconciled
    frames["findings"] = _finding_layer(_masked(issues, project), project.crs)
    for name, frame in loaded.quarantine.items():
        frames[f"quarantine_{name}"] = _public_rejects(frame, kinds[name], project)
    for name, frame in loaded.tables.items():
        frames.setdefault(name, public(frame, kinds.get(name, name), project, strict=True))
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
    for column in ("value", "message", "suggestion"):
        # A telephone number may stand in any cell that could not be read.
        masked[column] = masked[column].astype("str").str.replace(_LONG_NUMBER, "***", regex=True)
        masked.loc[hidden, column] = "***"
    return masked


def _public_rejects(frame: pd.DataFrame, layer: str, project: Project) -> pd.DataFrame:
    """Return quarantined rows; in public only which they are and why, since any cell is raw."""
    if project.audience == "internal":
        return frame
    key = schemas()[layer].key
    return frame[[c for c in frame.columns if c in (key, "geometry") or c.startswith("_")]]


def _finding_layer(issues: pd.DataFrame, crs: str) -> gpd.GeoDataFrame:
    shapes = gpd.GeoSeries(list(issues["geometry"]), index=issues.index, crs=crs)
    return gpd.GeoDataFrame(issues.drop(columns="geometry"), geometry=shapes, crs=crs)


def table_files(project: Project, loaded: Loaded, results: Results, issues: pd.DataFrame,
                official: pd.DataFrame, reconciled: pd.DataFrame, out: Path, run_id: str
                ) -> Mapping[str, Any]:
    """Write ``tables/``: coverage, risk and checks as xlsx, and each sheet as CSV."""
    masked = _masked(issues, project).drop(columns="geometry")
    books = tables.books(project, loaded, results, masked, official, reconciled, run_id)
    return {"tables": _save_books(books, project, out)}


def coverage_table_files(project: Project, loaded: Loaded, results: Results, out: Path,
                         run_id: str) -> Mapping[str, Any]:
    """Write the tables of coverage alone."""
    books = tables.coverage_books(project, loaded, results, run_id)
    return {"tables": _save_books(books, project, out)}


def _save_books(books: Mapping[str, Mapping[str, workbook.Sheet]], project: Project, out: Path
                ) -> list[Path]:
    folder = out / "tables"
    written = []
    for book, pages in books.items():
        written.append(workbook.save(folder / f"{book}.xlsx", list(pages.values()),
                                     as_of=project.as_of, title=tables.book_title(book, project),
                                     mark=tables.mark(project)))
        written += [workbook.save_csv(folder / f"{stem}.csv", page)
                    for stem, page in pages.items()]
    return written


def relocation_files(project: Project, loaded: Loaded, results: Results, out: Path, run_id: str
                     ) -> Mapping[str, Any]:
    """Write ``tables/relocation/``: for each main hazard a workbook a town, summaries and CSV."""
    folder, written = out / "tables" / "relocation", []
    units, lines = loaded.tables["units"], tables.note_lines(project, run_id)
    town = units[(units["level"] == "town") & units["in_statistics"].astype(bool)]
    for hazard, made in results.cases.items():
        if made.plan is None:
            continue
        plan = relocation.rows(made, loaded, project)
        word = coverage_sheets.hazard_word(hazard, project)
        written += reports.save(
            folder / hazard, plan, towns=town["name"].to_dict(), as_of=project.as_of,
            language=project.language, hazard=word, stages=list(STAGES[project.coverage.within]),
            notes=[*coverage_sheets.plan_notes(made, project), *lines], mark=tables.mark(project))
        sheets = coverage_sheets.summary_sheets(plan, made, units, project, lines)
        title = text("title_plan_summary", project.language, city=project.word("title"),
                     hazard=word)
        written.append(workbook.save(folder / f"{hazard}.xlsx", list(sheets.values()),
                                     as_of=project.as_of, title=title,
                                     mark=tables.mark(project)))
        written += [workbook.save_csv(folder / f"{stem}.csv", page)
                    for stem, page in sheets.items()]
        cells = workbook.Sheet(name="cells", title=title, frame=relocation.cells(made))
        written.append(workbook.save_csv(folder / f"relocation_{hazard}_cells.csv", cells))
    return {"relocation": written}


def map_files(project: Project, loaded: Loaded, results: Results, out: Path, run_id: str,
              tick: Tick) -> Mapping[str, Any]:
    """Write ``maps/*.png`` and ``maps/*.pdf``."""
    pages: list[MapSpec | Page] = [*specs.static_specs(project, loaded, results, run_id)]
    pages += _case_pages(project, loaded, results, run_id)
    pages += themes.map_specs(project, loaded, specs.common_parts(project, loaded, run_id))
    return {"maps": _save_maps(pages, out, tick)}


def coverage_map_files(project: Project, loaded: Loaded, results: Results, out: Path,
                       run_id: str, tick: Tick) -> Mapping[str, Any]:
    """Write the maps of coverage alone."""
    pages: list[MapSpec | Page] = [specs.coverage_spec(project, loaded, results, run_id)]
    pages += _case_pages(project, loaded, results, run_id)
    return {"maps": _save_maps(pages, out, tick)}


def _case_pages(project: Project, loaded: Loaded, results: Results, run_id: str
                ) -> list[MapSpec | Page]:
    return [page for made in results.cases.values() if made.plan is not None
            for page in coverage_maps.pages(project, loaded, made, run_id)]


def _save_maps(pages: list[MapSpec | Page], out: Path, tick: Tick) -> list[Path]:
    from qzrisk.maps import static

    written = []
    for page in pages:
        name = page.key if isinstance(page, Page) else page.name
        tick(name)
        for suffix in (".png", ".pdf"):
            path = out / "maps" / f"{name}{suffix}"
            written.append(static.save(page, path) if isinstance(page, MapSpec) else static.write(
                static.draw_page(page), path, title=page.title, subject=page.subtitle))
    return written


def web_files(project: Project, loaded: Loaded, results: Results, out: Path, run_id: str
              ) -> Mapping[str, Any]:
    """Write ``maps/overview.html``, one file that needs no network."""
    from qzrisk.maps import web

    spec = specs.overview_spec(project, loaded, results, run_id)
    more = [layer for made in results.cases.values() if made.plan is not None
            for layer in coverage_maps.web_layers(project, loaded, made)]
    # Areas beneath lines and points, circles on top.
    areas = tuple(layer for layer in more if layer.kind == "choropleth")
    circles = tuple(layer for layer in more if layer.kind != "choropleth")
    first, rest = spec.layers[:2], spec.layers[2:]
    spec = spec.with_(layers=(*first, *areas, *rest, *circles))
    return {"web": [web.save(spec, out / "maps" / f"{spec.name}.html")]}

"""What `qzrisk run` writes: database, tables, static and interactive maps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from qzrisk import grid
from qzrisk.files import write_text
from qzrisk.layers import database
from qzrisk.levels import palette
from qzrisk.maps import audience
from qzrisk.maps.spec import MapSpec, Page
from qzrisk.pipeline import (
    coverage_maps,
    coverage_sheets,
    publish,
    relocation,
    series,
    specs,
    tables,
    web_pages,
)
from qzrisk.pipeline.access import Access, road_check
from qzrisk.pipeline.load import Loaded, Tick
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.plans import STAGES
from qzrisk.pipeline.risk import grid as risk_grid
from qzrisk.pipeline.risk import maps as risk_maps
from qzrisk.pipeline.risk.assess import COMPOSITE
from qzrisk.pipeline.risk.notes import risk_palette
from qzrisk.project import Project
from qzrisk.reports import relocation as reports
from qzrisk.reports import workbook
from qzrisk.text import text


def database_files(project: Project, loaded: Loaded, results: Results, issues: pd.DataFrame,
                   reconciled: pd.DataFrame, out: Path) -> Mapping[str, Any]:
    """Write ``database.gpkg``: layers, membership, results, findings and quarantine."""
    kinds = project.kinds()
    frames: dict[str, pd.DataFrame] = {
        name: publish.layer(publish.columns(frame, kinds[name], project, strict=True),
                            kinds[name], project)
        for name, frame in loaded.layers.items()}
    frames["units"] = loaded.tables["units"]
    boundaries, shelters = loaded.layers["boundaries"], loaded.layers["shelters"]
    places = publish.layer(shelters, "shelters", project).geometry
    for level in coverage_sheets.LEVELS:
        frame = results.coverage[level].drop(columns="name").join(
            results.risk[level].drop(columns=["persons"]))
        if results.assessed is not None:
            frame = frame.join(results.assessed.wide(level)).join(
                results.assessed.confidence[level].drop(columns=["name", "risk_class"]))
        shapes = boundaries.geometry.reindex(frame.index) if level != "reporting" else None
        frames[f"results_{level}"] = frame if shapes is None else gpd.GeoDataFrame(
            frame, geometry=shapes, crs=boundaries.crs)
    for hazard, made in results.cases.items():
        if made.plan is None:
            continue
        for level in coverage_sheets.LEVELS:
            frames[f"coverage_{hazard}_{level}"] = made.tables[level]
        judged = coverage_sheets.judged_frame(made, shelters, project)
        frames[f"shelters_{hazard}"] = gpd.GeoDataFrame(judged, geometry=places, crs=project.crs)
        frames[f"relocation_{hazard}"] = relocation.rows(made, loaded, project)
    frames["indicators"] = results.indicators
    frames["official_figures"] = reconciled
    frames["findings"] = publish.findings(issues, loaded, project)
    for name, frame in loaded.quarantine.items():
        frames[f"quarantine_{name}"] = publish.rejects(frame, kinds[name], project)
    for name, frame in loaded.tables.items():
        kind = kinds.get(name, name)
        if project.audience == "public":
            frame = frame[~audience.counted_only(frame, kind)]
        frames.setdefault(name, publish.columns(frame, kind, project, strict=True))
    path = database.write(out / "database.gpkg", frames, as_of=project.as_of)
    return {"database": [path]}


def table_files(project: Project, loaded: Loaded, results: Results, issues: pd.DataFrame,
                official: pd.DataFrame, reconciled: pd.DataFrame, access: Access, out: Path,
                run_id: str) -> Mapping[str, Any]:
    """Write ``tables/``: coverage, risk and checks as xlsx, and each sheet as CSV."""
    masked = pd.DataFrame(publish.findings(issues, loaded, project)).drop(columns="geometry")
    books = tables.books(project, loaded, results, masked, official, reconciled,
                         road_check(access), run_id)
    return {"tables": [*_save_books(books, project, out), *_bounds_file(results, out)]}


def risk_table_files(project: Project, loaded: Loaded, results: Results, out: Path, run_id: str
                     ) -> Mapping[str, Any]:
    """Write the tables of risk alone."""
    books = tables.risk_books(project, loaded, results, run_id)
    return {"tables": [*_save_books(books, project, out), *_bounds_file(results, out)]}


def _bounds_file(results: Results, out: Path) -> list[Path]:
    """Write what ``[risk] frozen`` may name next year: bounds, scales and weights."""
    if results.assessed is None:
        return []
    return [write_text(out / "tables" / "risk_bounds.toml", results.assessed.frozen_text())]


def grid_files(project: Project, loaded: Loaded, results: Results, out: Path
               ) -> Mapping[str, Any]:
    """Write ``rasters/risk_composite.tif`` with its colour table, category names and ``.qml``."""
    return {"grid": _save_grids(project, loaded, results, out, (COMPOSITE,))}


def risk_grid_files(project: Project, loaded: Loaded, results: Results, out: Path
                    ) -> Mapping[str, Any]:
    """Write the class rasters of the composite and of every hazard."""
    assert results.assessed is not None
    return {"grid": _save_grids(project, loaded, results, out, tuple(results.assessed.bounds))}


def _save_grids(project: Project, loaded: Loaded, results: Results, out: Path,
                names: tuple[str, ...]) -> list[Path]:
    if not loaded.rasters or results.assessed is None:
        return []
    chosen, written = palette(risk_palette(project)), []
    words = dict(enumerate(chosen.words(project.language).values(), 1))
    classed = risk_grid.classed(loaded, results.assessed, project, names)
    for name in names:
        path = out / "rasters" / f"risk_{name}.tif"
        grid.write(path, risk_grid.blocks(classed[name]), names=words,
                   colours=dict(enumerate(chosen.colours, 1)))
        written += [path, path.with_name(f"{path.name}.aux.xml"), path.with_suffix(".qml")]
    return written


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


def map_files(project: Project, loaded: Loaded, results: Results, official: pd.DataFrame,
              reconciled: pd.DataFrame, out: Path, run_id: str, tick: Tick) -> Mapping[str, Any]:
    """Write ``maps/*.png`` and ``maps/*.pdf``, the numbered series."""
    pages = series.pages(project, loaded, results, run_id, official=official,
                         reconciled=reconciled)
    return {"maps": _save_maps(pages, out, tick)}


def risk_map_files(project: Project, loaded: Loaded, results: Results, out: Path, run_id: str,
                   tick: Tick) -> Mapping[str, Any]:
    """Write the maps of risk alone, every hazard among them."""
    return {"maps": _save_maps(risk_maps.pages(project, loaded, results, run_id, full=True), out,
                               tick)}


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
        name = series.name_of(page)
        tick(name)
        figure = static.draw(page) if isinstance(page, MapSpec) else static.draw_page(page)
        written += [static.write(figure, out / "maps" / f"{name}{suffix}", title=page.title,
                                 subject=page.subtitle) for suffix in (".png", ".pdf")]
    return written


def web_files(project: Project, loaded: Loaded, out: Path, run_id: str, tick: Tick,
              results: Results | None = None, access: Access | None = None,
              names: tuple[str, ...] = web_pages.RUN_PAGES) -> Mapping[str, Any]:
    """Write ``maps/<page>.html``, each one file that needs no network."""
    given = web_pages.Given(project=project, loaded=loaded, run_id=run_id, results=results,
                            access=access)
    return {"web": web_pages.save(names, given, out / "maps", tick=tick)}

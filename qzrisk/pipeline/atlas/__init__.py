"""The atlas of a run: cover, contents, index map, overview, a page for each unit, appendix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from qzrisk import provenance
from qzrisk.errors import ConfigError
from qzrisk.layers.schema import schemas
from qzrisk.maps import atlas
from qzrisk.maps.atlas import AtlasPage, Contents, Cover, IndexPage, TextBlock, TextPage
from qzrisk.maps.spec import MapSpec, Page
from qzrisk.pipeline import coverage_maps, coverage_sheets, specs
from qzrisk.pipeline.access import Access
from qzrisk.pipeline.atlas import units
from qzrisk.pipeline.atlas.units import PARTS, Book
from qzrisk.pipeline.load import Loaded, Tick
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.risk import maps as risk_maps
from qzrisk.pipeline.risk.notes import class_notes
from qzrisk.pipeline.series import name_of
from qzrisk.project import Project
from qzrisk.reports import workbook
from qzrisk.text import text

LEVELS = tuple(PARTS)
"""Levels that an atlas can have pages for."""
_SMALL, _EDGE = 0.3, 0.15
# Share of units that are small, and of those left out on each side of the dense part.
NAMED_UNITS = 40
"""Up to this many units the index map prints names beside the page numbers."""


def files(project: Project, loaded: Loaded, results: Results, access: Access, out: Path,
          run_id: str, tick: Tick, *, level: str = "reporting") -> Mapping[str, Any]:
    """Write ``atlas/atlas_<level>.pdf``, and beside it the list of pages that failed, if any.

    Returns
    -------
    dict
        ``atlas``: the files; ``failed_pages``: DataFrame(key, title, number, message).
    """
    made = pages(project, loaded, results, access, run_id, level=level)
    path = out / "atlas" / f"atlas_{level}.pdf"
    done = atlas.save(made, path, tick=tick)
    beside = path.with_name(f"{path.stem}_failed.csv")
    beside.unlink(missing_ok=True)
    written = [path]
    if len(done.findings):
        language = project.language
        written.append(workbook.save_csv(beside, workbook.Sheet(
            name="failed", title=made[0].title, frame=done.findings.set_index("key"),
            headings={"key": text("head_unit_id", language), "title": text("head_name", language),
                      "number": text("atlas_head_page", language),
                      "message": text("head_message", language)})))
    return {"atlas": written, "failed_pages": done.findings}


def pages(project: Project, loaded: Loaded, results: Results, access: Access, run_id: str, *,
          level: str = "reporting") -> list[AtlasPage]:
    """Return the pages of an atlas.

    Parameters
    ----------
    project, loaded, results, access, run_id : as in a run
    level : one of `LEVELS`: whose units get a page

    Raises
    ------
    ConfigError
        If the level has no atlas, or the project no unit of it.
    """
    if level not in LEVELS:
        raise ConfigError("no atlas of this level", expected=", ".join(LEVELS), got=level)
    book = Book(project=project, loaded=loaded, results=results, access=access, run_id=run_id,
                level=level)
    if not len(book.paged):
        raise ConfigError("no unit to make a page of", where=f"level {level}",
                          expected=">= 1 in the membership table", got=0)
    spec = MapSpec(name="imprint", title="", layers=(), **specs.common_parts(
        project, loaded, run_id) | {"context": (), "locator": None})
    title = book.words("atlas_title", city=project.word("title"))
    listed = units.pages(book)
    return [
        _cover(book, title),
        Contents(key="contents", title=book.words("atlas_contents"), spec=spec,
                 note=_unpaged(book)),
        _index(book),
        *_overview(book),
        *listed,
        TextPage(key="appendix", title=book.words("atlas_appendix"), spec=spec,
                 section=book.words("atlas_section_appendix"), blocks=_appendix(book)),
    ]


def _unpaged(book: Book) -> str:
    """Name the units that have no page, and why."""
    if not len(book.unpaged):
        return ""
    names = "、".join(book.units.loc[book.unpaged, "name"])
    return book.words("atlas_unpaged", names=names)


def _cover(book: Book, title: str) -> Cover:
    project = book.project
    common = specs.common_parts(project, book.loaded, book.run_id)
    county = specs.of_level(book.loaded, "county")
    lines = specs.boundary_lines(book.loaded, project.language)
    layers = (units.class_layer(book, "county", county),
              *(replace(line, label=None) for line in lines)) if len(county) else ()
    spec = MapSpec(name="cover", title=title, layers=layers, focus="units" if layers else "",
                   **common | {"locator": None})
    imprint = [project.word("source"), _made_from(book)]
    subtitle = book.words(f"atlas_of_{book.level}", count=len(book.paged))
    return Cover(key="cover", title=title, subtitle=subtitle, spec=spec,
                 lines=tuple(line for line in imprint if line))


def _made_from(book: Book) -> str:
    return book.words("atlas_made_from", as_of=book.project.as_of.isoformat(),
                      run_id=book.run_id)


def _index(book: Book) -> IndexPage:
    """Return the index map: the units by class, their page numbers on them."""
    frame = unit_shapes(book)
    language = book.project.language
    lines = specs.boundary_lines(book.loaded, language)
    if book.level != "town":
        lines = tuple(replace(line, label=None) for line in lines)
    layers = (units.class_layer(book, book.level, frame),
              *specs.outside_layer(book.loaded, language), *lines)
    title = book.words("atlas_index")
    spec = MapSpec(
        name="index", title=title, subtitle=book.words("atlas_index_note"), layers=layers,
        focus="city" if len(specs.of_level(book.loaded, "city")) else "units",
        class_column=book.words(units.classed(book)[0]),
        inset=dense_part(frame) if book.level == "town" else None,
        notes=tuple(filter(None, (*_synthetic_note(book), _unpaged(book)))),
        **specs.common_parts(book.project, book.loaded, book.run_id))
    return IndexPage(key="index", title=title, spec=spec, layer="units",
                     named=len(frame) <= NAMED_UNITS,
                     targets={str(unit): str(unit) for unit in frame.index},
                     groups={str(unit): units.section(book, str(unit)) for unit in frame.index})


def dense_part(frame: gpd.GeoDataFrame) -> tuple[float, float, float, float] | None:
    """Return the rectangle where most of the small units lie; None for few units."""
    shapes = frame.geometry.dropna()
    if len(shapes) <= NAMED_UNITS:
        return None
    middles = shapes[shapes.area <= shapes.area.quantile(_SMALL)].representative_point()
    (left, right), (bottom, top) = (at.quantile([_EDGE, 1 - _EDGE]) for at in (
        middles.x, middles.y))
    return float(left), float(bottom), float(right), float(top)


def _synthetic_note(book: Book) -> tuple[str, ...]:
    return (book.words("note_synthetic_units"),) if book.project.synthetic else ()


def unit_shapes(book: Book) -> gpd.GeoDataFrame:
    """Return the shapes of the units with a page: their own, else those of their parts in one.

    A unit without any shape has a missing geometry.
    """
    own = specs.of_level(book.loaded, "county" if book.level == "reporting" else book.level)
    shapes = own.geometry.reindex(book.paged)
    for unit in shapes.index[shapes.isna()]:
        for level in ("town", "village"):
            home = book.home[level]
            parts = specs.of_level(book.loaded, level).geometry.reindex(
                home.index[home == unit]).dropna()
            if len(parts):
                shapes[unit] = parts.union_all()
                break
    names = book.units.loc[book.paged, "name"]
    return gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=book.project.crs)


def _overview(book: Book) -> list[Page]:
    """Return the maps of the whole city."""
    given = (book.project, book.loaded)
    found: list[MapSpec | Page] = [*specs.static_specs(*given, book.results, book.run_id)]
    for made in book.results.cases.values():
        if made.plan is not None:
            found += coverage_maps.pages(*given, made, book.run_id)
    if book.results.assessed is not None:
        found += risk_maps.pages(*given, book.results, book.run_id)
    found.sort(key=lambda page: name_of(page)[:2])
    name = book.words("atlas_section_overview")
    return [Page(key=page.key, title=page.title, subtitle=page.subtitle, maps=page.maps,
                 section=name) if isinstance(page, Page) else
            Page(key=page.name, section=name, maps=(page,), title=" · ".join(
                filter(None, (page.title, page.subtitle.partition(" · ")[0])))) for page in found]


# appendix


def _appendix(book: Book) -> tuple[TextBlock, ...]:
    project = book.project
    low, middle, high = specs.grade_shares()
    methods = [book.words("note_stress"), book.words("note_straight"),
               book.words("note_grades", low=low, middle=middle, high=high),
               *class_notes(book.results, "town", project)]
    if book.case is not None:
        methods += [*coverage_sheets.plan_notes(book.case, project),
                    *coverage_sheets.score_notes(project), coverage_sheets.places_note(project)]
    data = [book.words("synthetic")] if project.synthetic else []
    data += [project.word("source"), project.word("no_data"), _unpaged(book),
             *_synthetic_note(book), book.words(f"atlas_audience_{project.audience}"),
             _made_from(book)]
    # The longest, the counts, head a column: what is short fills the columns beside it.
    blocks = [TextBlock(heading=book.words("atlas_methods"), lines=_sentences(methods)),
              TextBlock(heading=book.words("atlas_rules"), table=_rules(book)),
              TextBlock(heading=book.words("sheet_counts"), table=_counts(book)),
              TextBlock(heading=book.words("atlas_data"), lines=_sentences(data))]
    if project.risk.indicators and "risk_class" in book.tables[book.level]:
        blocks.insert(1, TextBlock(heading=book.words("sheet_indicators"),
                                   table=_indicators(book)))
    return tuple(blocks)


def _sentences(lines: list[str]) -> tuple[str, ...]:
    """Return each line once, numbered by nothing, empty ones left out."""
    return tuple(dict.fromkeys(line for line in lines if line))


def _indicators(book: Book) -> pd.DataFrame:
    entries, language = book.project.risk.indicators, book.project.language
    whole = sum(entry.weight for entry in entries)
    return pd.DataFrame({
        book.words("head_key"): [entry.zh if language == "zh" else entry.en for entry in entries],
        book.words("indicator_dimension"): [
            text(f"dimension_{entry.dimension}", language) for entry in entries],
        book.words("indicator_direction"): [f"{entry.direction:+d}" for entry in entries],
        book.words("indicator_weight"): [f"{entry.weight / whole:.3f}" for entry in entries]})


def _counts(book: Book) -> pd.DataFrame:
    counts = book.loaded.counts
    table = counts.rename(columns={c: book.words(f"column_{c}") for c in counts})
    kinds, known = book.project.kinds(), schemas()
    found = pd.Series({name: known[kind].zh if book.project.language == "zh" else known[kind].en
                       for name in counts.index
                       if (kind := kinds.get(name, name)) in known})
    # Several layers may be of one kind.
    twins = found[found.duplicated(keep=False)]
    found[twins.index] = twins + " " + twins.index
    table.insert(0, book.words("column_layer"),
                 found.reindex(counts.index).fillna(counts.index.to_series()).to_list())
    return table


def _rules(book: Book) -> pd.DataFrame:
    packs = provenance.rule_versions()
    return pd.DataFrame({book.words("atlas_rule_pack"): list(packs),
                         book.words("atlas_version"): list(packs.values())})

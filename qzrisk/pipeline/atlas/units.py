"""The page of each unit: every number on it is one of the tables of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.layers.schema import schemas
from qzrisk.levels import ordered, palette
from qzrisk.maps import audience
from qzrisk.maps.atlas import Bars, UnitPage
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.pipeline import specs
from qzrisk.pipeline.access import Access
from qzrisk.pipeline.cases import Case
from qzrisk.pipeline.coverage_sheets import hazard_word
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.plans import STAGES
from qzrisk.pipeline.risk.notes import class_notes, risk_palette
from qzrisk.pipeline.shelters import usable
from qzrisk.project import Project
from qzrisk.text import text
from qzrisk.units import ancestors, in_statistics, members

PARTS = {"reporting": "town", "county": "town", "town": "village"}
"""Level of the pages -> level of the table on them."""

_WINDOW, _LEAST_WINDOW_M = 1.3, 4_000.0
_REASONS = 3
_DASH = "—"


@dataclass(frozen=True, kw_only=True)
class Book:
    """What the pages of an atlas are made from.

    Attributes
    ----------
    project, loaded, results, access, run_id : as in a run.
    level : of the units that get a page.
    """

    project: Project
    loaded: Loaded
    results: Results
    access: Access
    run_id: str
    level: str

    @property
    def units(self) -> pd.DataFrame:
        """The membership table."""
        return self.loaded.tables["units"]

    @cached_property
    def paged(self) -> pd.Index:
        """Units that get a page, in official order; those outside the statistics get none."""
        ids = members(self.units, self.level)
        return ids[in_statistics(self.units)[ids].to_numpy()]

    @cached_property
    def unpaged(self) -> pd.Index:
        """Counties outside the statistics, and units of this level that are left out alone."""
        counted = in_statistics(self.units)
        counties, own = (ids[~counted[ids].to_numpy()] for ids in (
            members(self.units, "county"), members(self.units, self.level)))
        inside = ~ancestors(self.units, "county").reindex(own).isin(counties).to_numpy()
        return counties.append(own[inside])

    @cached_property
    def home(self) -> Mapping[str, pd.Series]:
        """Level -> unit of this atlas that each unit of that level lies in, official order."""
        of = ancestors(self.units, self.level)
        return {level: of.reindex(members(self.units, level)).dropna()
                for level in ("village", "town")}

    @cached_property
    def case(self) -> Case | None:
        """The main hazard, whose persons to be moved are on the pages."""
        return next(iter(self.results.cases.values()), None)

    @cached_property
    def shelters(self) -> gpd.GeoDataFrame:
        """Usable shelters as the audience may see them, with the unit of this atlas (``home``)."""
        kind, frame = schemas()["shelters"], self.access.shelters
        frame = frame[usable(frame)]
        shown = audience.shown(frame, "shelters", audience=self.project.audience,
                               personal=kind.personal())
        return shown.assign(home=frame["unit_id"].map(ancestors(self.units, self.level)))

    @cached_property
    def moved(self) -> pd.DataFrame | None:
        """Persons by unit and where they go: the stages of the plan, then the reasons."""
        if self.case is None or self.case.plan is None:
            return None
        plan, village = self.case.plan, self.case.cells["unit_id"]
        served = plan.moves[["origin", "stage", "persons"]].rename(columns={"stage": "end"})
        left = plan.unserved[["origin", "reason", "persons"]].rename(columns={"reason": "end"})
        both = pd.concat([served.assign(served=True), left.assign(served=False)])
        both["home"] = both["origin"].map(village).map(ancestors(self.units, self.level))
        return both.groupby(["home", "served", "end"], observed=True)["persons"].sum().reset_index()

    def words(self, key: str, **values: object) -> str:
        """Return a text in the language of the project."""
        return text(key, self.project.language, **values)

    def table(self, level: str) -> pd.DataFrame:
        """Return all figures of a level side by side; columns of the case begin with ``case_``."""
        parts = [self.results.coverage[level]]
        risk = self.results.risk.get(level)
        if risk is not None:
            parts.append(risk.drop(columns=[c for c in ("name", "persons") if c in risk]))
        if self.case is not None:
            parts.append(self.case.tables[level].add_prefix("case_"))
        table = pd.concat(parts, axis=1)
        return table.loc[:, ~table.columns.duplicated()]

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Level -> `table`, for the units, their parts and the city."""
        return {level: self.table(level)
                for level in (self.level, PARTS[self.level], "village", "city")}


def pages(book: Book) -> list[UnitPage]:
    """Return the pages of all units with one, in official order."""
    return [_page(book, str(unit)) for unit in book.paged]


def _page(book: Book, unit: str) -> UnitPage:
    name = str(book.units.loc[unit, "name"])
    row, city = book.tables[book.level].loc[unit], book.tables["city"].iloc[0]
    return UnitPage(
        key=unit, title=name, section=section(book, unit), spec=_map(book, unit, name, row),
        comparison=_comparison(book, row, city), comparison_title=book.words("atlas_comparison"),
        chart=_where_to(book, unit, row) or _ladder(book, row, city))


def section(book: Book, unit: str) -> str:
    """Return the outline entry over a unit: its county, or one for all above towns."""
    if book.level != "town":
        return book.words("atlas_section_units")
    county = ancestors(book.units, "county")[unit]
    return str(book.units.loc[county, "name"])


# figures


Figure = tuple[str, Callable[[pd.Series, Book], str]]


def _number(column: str, pattern: str = ",.0f") -> Callable[[pd.Series, Book], str]:
    def made(row: pd.Series, _: Book) -> str:
        value = row.get(column)
        return _DASH if value is None or pd.isna(value) else format(value, pattern)

    return made


def _ratio(part: str, whole: str, factor: float, pattern: str
           ) -> Callable[[pd.Series, Book], str]:
    def made(row: pd.Series, _: Book) -> str:
        share = row.get(part, np.nan) / row.get(whole, np.nan) if row.get(whole, 0) else np.nan
        return _DASH if pd.isna(share) else format(factor * share, pattern)

    return made


def _class_words(row: pd.Series, book: Book) -> str:
    index, code = row.get("risk_index"), row.get("risk_class")
    if code is None or pd.isna(code):
        return _DASH
    words = palette(risk_palette(book.project)).words(book.project.language)
    word = words[str(code)].split("（")[0].split(" (")[0]
    return f"{index:.3f} {word}"


def _figures(book: Book) -> list[Figure]:
    """Return words and printer of the key figures, those whose columns a run has."""
    limit, columns = f"{book.project.coverage.map_threshold_m:.0f}", book.tables[book.level]
    unserved = book.moved is not None
    given: list[tuple[str, str, Callable[[pd.Series, Book], str]]] = [
        ("persons", book.words("atlas_persons"), _number("persons")),
        ("case_at_risk_persons", book.words("atlas_at_risk"), _number("case_at_risk_persons")),
        ("shelters", book.words("atlas_shelters"), _number("shelters")),
        ("capacity_persons", book.words("atlas_capacity"), _number("capacity_persons")),
        (f"covered_share_{limit}m", book.words("atlas_covered", limit=limit),
         _number(f"covered_share_{limit}m", ".1%")),
        ("case_covered_share_15min", book.words("atlas_reached", limit="15"),
         _number("case_covered_share_15min", ".1%")),
        ("unserved", book.words("atlas_unserved"), _unserved),
        ("risk_class", book.words("atlas_risk"), _class_words),
    ]
    return [(words, show) for column, words, show in given
            if (unserved if column == "unserved" else column in columns)]


def _unserved(row: pd.Series, book: Book) -> str:
    assert book.moved is not None
    here = book.moved[(book.moved["home"] == row.name) & ~book.moved["served"]]
    return f"{here['persons'].sum():,.0f}"


def _comparison(book: Book, row: pd.Series, city: pd.Series) -> pd.DataFrame:
    """Return rates and shares of the unit beside those of the whole city."""
    limit = f"{book.project.coverage.map_threshold_m:.0f}"
    given: list[tuple[str, str, Callable[[pd.Series, Book], str]]] = [
        ("elderly_persons", "atlas_elderly_share", _ratio("elderly_persons", "persons", 1, ".1%")),
        ("case_at_risk_persons", "atlas_at_risk_share",
         _ratio("case_at_risk_persons", "persons", 1, ".2%")),
        ("shelters", "atlas_shelters_rate", _ratio("shelters", "persons", 1e4, ".2f")),
        ("case_places_per_at_risk_person", "atlas_places_rate",
         _number("case_places_per_at_risk_person", ".2f")),
        (f"covered_share_{limit}m", "atlas_covered", _number(f"covered_share_{limit}m", ".1%")),
        ("case_coverage_score", "atlas_score", _number("case_coverage_score", ".1f")),
        ("risk_index", "atlas_index_value", _number("risk_index", ".3f")),
        ("red_area_share", "atlas_red", _number("red_area_share", ".1%")),
    ]
    rows = [(book.words(key, limit=limit), show(row, book), show(city, book))
            for column, key, show in given if column in city.index]
    return pd.DataFrame(rows, columns=[book.words("head_key"), book.words("atlas_unit"),
                                       book.words("level_city")])


def _where_to(book: Book, unit: str, row: pd.Series) -> Bars | None:
    """Return where the persons to be moved go, and why the others stay; None without a plan."""
    if book.moved is None or not row.get("case_at_risk_persons", 0) > 0:
        return None
    here = book.moved[book.moved["home"] == unit]
    served = here[here["served"]].set_index("end")["persons"]
    left = here[~here["served"]].set_index("end")["persons"].sort_values(ascending=False)
    values = {book.words(f"served_{stage}"): float(served.get(stage, 0))
              for stage in STAGES[book.project.coverage.within]}
    placed = list(values)
    values |= {book.words(f"head_reason_{code}"): float(n)
               for code, n in left.iloc[:_REASONS].items() if n}
    if rest := float(left.iloc[_REASONS:].sum()):
        values[book.words("atlas_other_reasons")] = rest
    whole = float(row["case_at_risk_persons"])
    assert book.case is not None
    return Bars(
        title=book.words("atlas_where_to", hazard=hazard_word(book.case.hazard, book.project)),
        values=pd.Series(values, dtype=float),
        texts={words: f"{n:,.0f} ({n / whole:.1%})" for words, n in values.items()},
        colours={words: "#2b7f6d" if words in placed else "#7b3f73" for words in values})


def _ladder(book: Book, row: pd.Series, city: pd.Series) -> Bars:
    """Return the shares of residents within each distance, the city's as ticks."""
    steps = [f"{step:.0f}" for step in book.project.coverage.thresholds_m]
    words = {book.words("atlas_within", limit=step): f"covered_share_{step}m" for step in steps}
    values = pd.Series({name: row[column] for name, column in words.items()}, dtype=float)
    return Bars(
        title=book.words("atlas_ladder"), values=values, most=1.0,
        texts={name: _number(column, ".1%")(row, book) for name, column in words.items()},
        marks=pd.Series({name: city[column] for name, column in words.items()}, dtype=float),
        mark_words=book.words("level_city"))


def _part_table(book: Book, unit: str) -> tuple[pd.DataFrame, str]:
    """Return the table of the parts of a unit, in official order, and its class column."""
    level = PARTS[book.level]
    home = book.home[level]
    frame = book.tables[level].loc[home.index[home == unit]]
    whole = {"head_persons_short": "persons", "head_at_risk_short": "case_at_risk_persons",
             "head_shelters_short": "shelters"}
    made = {book.words("head_name"): frame["name"]}
    made |= {book.words(key): frame[column].map("{:,.0f}".format, na_action="ignore")
             for key, column in whole.items() if column in frame}
    key, column, _ = classed(book)
    made[book.words(key)] = frame[column].astype("str")
    return pd.DataFrame(made), book.words(key)


def classed(book: Book) -> tuple[str, str, str]:
    """Return heading key, column and palette of the classes shown: risk, else coverage."""
    if "risk_class" in book.tables[book.level]:
        return "head_risk_class", "risk_class", risk_palette(book.project)
    return "head_coverage_grade", "coverage_grade", "coverage"


# map


def class_layer(book: Book, level: str, frame: gpd.GeoDataFrame, **changes: Any) -> LayerSpec:
    """Return units coloured by their class of risk (else coverage), without outlines."""
    _, column, product = classed(book)
    table, codes = book.table(level), palette(product).codes
    bounds = ((book.results.bounds, ".3f") if column == "risk_class"
              else ((*specs.grade_shares(), 1.0), ".0%"))
    given: dict[str, Any] = {
        "name": "units", "kind": "choropleth", "frame": frame, "palette": product,
        "title": book.words(f"atlas_layer_{column.partition('_')[0]}",
                            level=book.words(f"atlas_level_{level}")),
        "classes": ordered(table[column].astype("str").reindex(frame.index), codes),
        "thresholds": specs.thresholds(bounds[0], codes, bounds[1]), "boundary": False,
        "unit_word": book.words("word_units"), **changes}
    return LayerSpec(**given)


def _map(book: Book, unit: str, name: str, row: pd.Series) -> MapSpec:
    project = book.project
    above = ancestors(book.units, "county").get(unit, unit)
    subtitle = book.words("atlas_subtitle", city=project.word("title"),
                          county="" if above == unit or book.level != "town" else
                          f"{book.units.loc[above, 'name']} · ", unit=unit)
    table, class_column = _part_table(book, unit)
    _, _, product = classed(book)
    common = specs.common_parts(project, book.loaded, book.run_id)
    city = specs.of_level(book.loaded, "city")
    common |= {"locator": city if len(city) else None, "context": ()}
    ground = _ground(book, unit)
    if ground is not None:
        common["context"] = (*_clipped(specs.common_parts(project, book.loaded, "")["context"],
                                       ground.total_bounds), *_around(book, unit, ground))
    return MapSpec(
        name=f"unit_{unit}", title=name, subtitle=subtitle,
        layers=() if ground is None else _layers(book, unit, ground),
        focus="" if ground is None else "units",
        key_figures={words: show(row, book) for words, show in _figures(book)},
        table=table, class_column=class_column, table_palette=product,
        table_title=book.words(f"atlas_parts_{PARTS[book.level]}", count=len(table)),
        notes=_notes(book), **common)


def _ground(book: Book, unit: str) -> gpd.GeoDataFrame | None:
    """Return the smallest units with a shape that make up the unit; None where there are none."""
    for level in ("village", "town"):
        home = book.home[level]
        frame = specs.of_level(book.loaded, level).reindex(home.index[home == unit])
        if frame.geometry.notna().any() and not frame.geometry.dropna().is_empty.all():
            return gpd.GeoDataFrame(frame, geometry="geometry", crs=book.project.crs)
    own = specs.of_level(book.loaded, book.level if book.level != "reporting" else "county")
    return own.loc[[unit]] if unit in own.index and own.geometry.notna()[unit] else None


def _layers(book: Book, unit: str, ground: gpd.GeoDataFrame) -> tuple[LayerSpec, ...]:
    level = str(ground["level"].dropna().iloc[0])
    small = book.level == "town"
    layers = [class_layer(book, level, ground, **(
        {"label": "name", "style": "village_name"} if small else {}))]
    if not small:
        home = book.home["town"]
        towns = specs.of_level(book.loaded, "town")
        towns = towns[towns.index.isin(home.index[home == unit])]
        layers.append(LayerSpec(name="towns", title="", kind="choropleth", frame=towns,
                                style="town_name", label="name"))
    county, city = specs.boundary_lines(book.loaded, book.project.language)
    lines = _clipped((county, city), ground.total_bounds, label=None)
    mine = book.shelters[book.shelters["home"] == unit]
    mine = gpd.GeoDataFrame(mine[["tier", "geometry"]] if "tier" in mine else mine[["geometry"]],
                            geometry="geometry", crs=book.project.crs)
    tiers = palette("tier").codes
    tiered: dict[str, Any] = {}
    if "tier" in mine:
        tiered = {"classes": ordered(mine["tier"], tiers), "palette": "tier"}
    layers += [*lines, LayerSpec(
        name="shelters", title=book.words("atlas_layer_shelters"), kind="points", frame=mine,
        style="shelter_near" if small else "shelter", unit_word=book.words("word_shelters"),
        **tiered)]
    return tuple(layers)


def _around(book: Book, unit: str, ground: gpd.GeoDataFrame) -> tuple[LayerSpec, ...]:
    """Return the other units near by, grey, with their names."""
    level = "town" if book.level == "town" else "county"
    frame = specs.of_level(book.loaded, level)
    of = ancestors(book.units, book.level)
    own = frame.index[(frame.index == unit) | (frame.index == of.get(unit))]
    if level == "county" and book.level == "reporting":
        # Of a divided county the other parts are around: their towns, in one grey.
        town = specs.of_level(book.loaded, "town")
        county = ancestors(book.units, "county").get(unit, "")
        apart = book.home["town"].reindex(town.index)
        rest = town[(ancestors(book.units, "county").reindex(town.index) == county)
                    & (apart != unit)]
        frame = pd.concat([frame[frame.index != county], rest])
    frame = frame.drop(index=[one for one in own if one in frame.index])
    inside = in_statistics(book.units).reindex(frame.index).fillna(True).astype(bool)
    layers = [LayerSpec(name=name, title="", kind="choropleth", frame=part, style=style,
                        label="name", boundary=False)
              for name, part, style in (("around", frame[inside], "around"),
                                        ("without_data", frame[~inside], "no_data"))
              if len(part)]
    return _clipped(tuple(layers), ground.total_bounds)


def _clipped(layers: tuple[LayerSpec, ...], bounds: np.ndarray, **changes: Any
             ) -> tuple[LayerSpec, ...]:
    """Return layers cut to the surroundings of some bounds, those with nothing there left out."""
    left, bottom, right, top = bounds
    reach = max(_WINDOW * max(right - left, top - bottom), _LEAST_WINDOW_M)
    window = (left - reach, bottom - reach, right + reach, top + reach)
    made = []
    for layer in layers:
        assert layer.frame is not None
        frame = layer.frame[layer.frame.intersects(shapely.box(*window))]
        frame = frame[[c for c in ("name", "angle", "geometry") if c in frame]]
        if len(frame):
            cut = gpd.GeoSeries(shapely.clip_by_rect(frame.geometry.to_numpy(), *window),
                                index=frame.index, crs=frame.crs)
            made.append(replace(layer, frame=frame.set_geometry(cut), **changes))
    return tuple(made)


def _notes(book: Book) -> tuple[str, ...]:
    project = book.project
    notes = [book.words("note_synthetic_units")] if project.synthetic else []
    if "risk_class" in book.tables[book.level]:
        notes.append(class_notes(book.results, "village", project)[0])
    notes.append(book.words("atlas_note_shelters"))
    if book.case is not None:
        notes.append(book.words("atlas_note_case", hazard=hazard_word(book.case.hazard, project)))
    return (book.words("atlas_join").join(notes),)

"""The interactive pages of `qzrisk run` and `qzrisk map`: a table of names and their makers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from qzrisk import rules
from qzrisk.errors import ConfigError
from qzrisk.layers.schema import schema
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.pipeline import cases, coverage_maps, coverage_sheets, specs, themes, web_layers
from qzrisk.pipeline.access import Access
from qzrisk.pipeline.cases import Case
from qzrisk.pipeline.load import Loaded, Tick
from qzrisk.pipeline.measures import Results
from qzrisk.project import Project
from qzrisk.text import text


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """A map of a page, and the one that is laid beside it behind a divider, or None."""

    spec: MapSpec
    after: MapSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What pages are made of; results and access are None for pages that need only the data."""

    project: Project
    loaded: Loaded
    run_id: str
    results: Results | None = None
    access: Access | None = None

    @property
    def main(self) -> Case | None:
        """The first case with a plan, or None."""
        made = self.results.cases.values() if self.results else ()
        return next((case for case in made if case.plan is not None), None)


def _overview(given: Given) -> WebPage | None:
    """Village risk, coverage by town, who is left out, shelters: one page for all."""
    assert given.results is not None
    project, loaded = given.project, given.loaded
    spec = specs.overview_spec(project, loaded, given.results, given.run_id)
    more = [layer for made in given.results.cases.values() if made.plan is not None
            for layer in coverage_maps.web_layers(project, loaded, made)]
    areas = [layer for layer in more if layer.kind == "choropleth"]
    circles = [layer for layer in more if layer.kind != "choropleth"]
    calm = [layer for made in given.results.cases.values() if made.plan is not None
            for layer in web_layers.calm(loaded, made, project, tuple(
                area.name for area in areas if area.name.startswith(made.hazard)))]
    fills = ("village_risk", "town_coverage", *(layer.name for layer in areas))
    first = [_inside(layer, loaded) for layer in spec.layers[:2]]
    rest = spec.layers[2:]
    return WebPage(spec=spec.with_(layers=(
        *web_layers.outside(loaded, project.language, joined=fills, show=True),
        *first, *areas, *calm,
        *web_layers.ground(project, loaded), *rest, *circles)))


def _shelters(given: Given) -> WebPage | None:
    """Shelters by whether they count, coverage of those to be moved, who is left out."""
    assert given.results is not None
    project, loaded, made = given.project, given.loaded, given.main
    language, city = project.language, project.word("title")
    by_tier = specs.overview_spec(project, loaded, given.results, given.run_id).layer("shelters")
    stress = specs.coverage_spec(project, loaded, given.results, given.run_id)
    lines = specs.boundary_lines(loaded, language)
    common = specs.common_parts(project, loaded, given.run_id)
    ground = web_layers.ground(project, loaded)
    if made is None:
        return WebPage(spec=stress.with_(
            name="shelters", title=text("web_map_shelters_plain", language, city=city),
            layers=(*stress.layers, *ground, by_tier), focus="city"))
    places, grade, *circles = (
        replace(layer, search="name") if layer.kind == "choropleth" else layer
        for layer in coverage_maps.web_layers(project, loaded, made))
    static = coverage_maps.pages(project, loaded, made, given.run_id)[1]
    assert isinstance(static, MapSpec)
    return WebPage(spec=MapSpec(
        name="shelters", title=text("web_map_shelters", language, city=city,
                                    hazard=coverage_sheets.hazard_word(made.hazard, project)),
        subtitle=text("subtitle_town", language),
        layers=(*web_layers.outside(loaded, language), places, replace(grade, show=True),
                *web_layers.calm(loaded, made, project, (places.name, grade.name), show=True),
                *ground, *lines, *circles, by_tier.hidden(),
                web_layers.shelter_use(loaded, made, project)),
        focus="city", table=static.table, table_title=static.table_title,
        table_palette=static.table_palette, class_column=static.class_column,
        notes=(*static.notes, coverage_sheets.places_note(project)), **common))


def _sites(given: Given) -> WebPage | None:
    """Coverage with and without the shelters on unsafe sites, behind a divider."""
    project, loaded, made = given.project, given.loaded, given.main
    if made is None or given.access is None:
        return None
    language, city = project.language, project.word("title")
    use = web_layers.shelter_use(loaded, made, project)
    assert use.classes is not None
    assert use.frame is not None
    unsafe = use.classes == "unsafe"
    if not unsafe.any():
        return None
    anywhere = cases.case(loaded, project, given.access, made.hazard, plan=False, any_site=True)
    sides = {text("web_side_any", language): anywhere, text("web_side_safe", language): made}
    grades = [replace(coverage_maps.web_layers(project, loaded, case)[1], search="name")
              for case in sides.values()]
    lines = specs.boundary_lines(loaded, language)
    points = replace(use, name="unsafe", frame=use.frame[unsafe], classes=None, palette=None,
                     style="team", title=text("web_layer_unsafe", language))
    below = web_layers.outside(loaded, language)
    above = (*web_layers.calm(loaded, made, project, (grades[0].name,), show=True),
             *web_layers.ground(project, loaded), *lines, points)
    before = MapSpec(
        name="shelter_sites", title=text(
            "web_map_compare", language, city=city,
            hazard=coverage_sheets.hazard_word(made.hazard, project)),
        subtitle=next(iter(sides)), focus="city",
        layers=(*below, replace(grades[0], show=True), *above),
        key_figures=_compared(sides, language),
        notes=(text("web_note_compare", language), *coverage_sheets.case_notes(made, project),
               *coverage_sheets.score_notes(project), text("note_synthetic_units", language),
               *specs.no_data_notes(project)),
        **specs.common_parts(project, loaded, given.run_id))
    after = before.with_(subtitle=list(sides)[1],
                         layers=(*below, replace(grades[1], show=True), *above))
    return WebPage(spec=before, after=after)


def _compared(sides: Mapping[str, Case], language: str) -> dict[str, str]:
    """Return what the city gains or loses, both sides of each figure."""
    limit = f"{float(rules.value('coverage', 'walk.catchment')):.0f}"
    figures = {}
    for key, column, pattern in (
            ("shelters", "shelters", "{:,.0f}"), ("places", "places", "{:,.0f}"),
            ("reach", "score_reach", "{:.1%}"), ("score", "coverage_score", "{:.1f}")):
        for side, case in sides.items():
            value = case.tables["city"][column].iloc[0]
            figures[text(f"web_figure_{key}", language, side=side, **(
                {"limit": limit} if key == "reach" else {}))] = pattern.format(value)
    return figures


def _risk(given: Given) -> WebPage | None:
    """Risk by village, town and county, and the rasters of hazard that it is made of."""
    assert given.results is not None
    project, loaded, results = given.project, given.loaded, given.results
    language = project.language
    village = specs.static_specs(project, loaded, results, given.run_id)[-1]
    county = specs.risk_layer(loaded, results, "county", project)
    town = replace(_inside(specs.risk_layer(loaded, results, "town", project), loaded),
                   search="name")
    rasters = [
        LayerSpec(name=f"raster_{entry.source}", kind="raster", style=_ramp(entry.source),
                  title=entry.zh if language == "zh" else entry.en, show=False,
                  raster=loaded.rasters[entry.source], unit_word=_unit(entry.source, project))
        for entry in project.risk.indicators
        if entry.measure == "raster_mean" and entry.source in loaded.rasters]
    notes = (text("web_note_rasters", language),) if rasters else ()
    return WebPage(spec=village.with_(
        name="risk", layers=(*web_layers.outside(loaded, language, show=True,
                                                 joined=("town_risk", "village_risk")),
                             *rasters, county.hidden(), town.hidden(),
                             _inside(village.layers[0], loaded),
                             *web_layers.ground(project, loaded), *village.layers[1:]),
        notes=(*village.notes, *notes)))


def _inside(layer: LayerSpec, loaded: Loaded) -> LayerSpec:
    """Return a layer of towns or villages without the counties that stand in for theirs.

    These are hatched by the layer of what is outside: a legend counts villages as villages.
    """
    assert layer.frame is not None
    units = loaded.tables["units"]
    own = layer.frame.index.to_series().map(units["level"]) != "county"
    return replace(layer, frame=layer.frame[own],
                   classes=None if layer.classes is None else layer.classes[own])


def _ramp(raster: str) -> str:
    return "rain" if any(word in raster for word in ("depth", "rain", "flood")) else "heat"


def _unit(raster: str, project: Project) -> str:
    return next((source.unit for source in project.rasters if source.name == raster), "")


def _theme(layer: str, name: str, given: Given) -> WebPage | None:
    """Return the page of a thematic map, with the ground beneath its symbols."""
    project, loaded = given.project, given.loaded
    common = specs.common_parts(project, loaded, given.run_id)
    found = themes.map_specs(project, loaded, common, only=(layer,))
    if not found:
        return None
    spec = found[0]
    at = next(place for place, one in enumerate(spec.layers) if one.kind == "outline")
    # With fills below, the ground is only offered.
    bare = not any(one.classes is not None for one in spec.layers[:at])
    ground = web_layers.ground(project, loaded, show=bare)
    if any(one.style == "road" for one in spec.layers):
        ground = tuple(layer for layer in ground if layer.style != "road")
    layers = tuple(
        replace(one, search="name") if one.search is None and "name" in one.fields else one
        for one in spec.layers)
    # A page tells by itself that its points are rounded.
    rounded = text("themes_note_rounded", project.language, step=project.public_step_deg)
    return WebPage(spec=spec.with_(
        name=name, layers=(*layers[:at], *ground, *layers[at:]),
        notes=tuple(note for note in spec.notes if note != rounded)))


def _railway(given: Given) -> WebPage | None:
    """Railway points, by date where single ones may be shown; in public counts by town."""
    page = _theme("railway_points", "railway", given)
    if page is None:
        return None
    points, layers = given.loaded.layers["railway_points"], []
    for layer in page.spec.layers:
        if layer.name == "points" and layer.frame is not None:
            extra = [c for c in ("found_on", "due_on", "closed_on") if c in points]
            heads = {c: schema("railway_points").heading(c, given.project.language)
                     for c in ("point_id", *extra)}
            frame = web_layers.ended(layer.frame.join(points[extra]), given.project.language)
            layer = replace(
                layer, frame=frame.assign(point_id=frame.index), fields={**heads, **layer.fields},
                when="found_on" if "found_on" in extra else None, search="point_id")
        layers.append(layer)
    return WebPage(spec=page.spec.with_(layers=tuple(layers)))


def _hidden_dangers(given: Given) -> WebPage | None:
    """Draw hidden dangers: counts by county, and the ledger by date."""
    page = _theme("hidden_danger_counts", "hidden_dangers", given)
    if page is None or not len(given.loaded.tables.get("hidden_dangers", ())):
        return page
    language = given.project.language
    ledger = web_layers.ledger(given.loaded, given.project)
    # Names stand on the county lines: the circles that bear them in print are only offered here.
    named = {"open": lambda layer: replace(layer, show=False, label=None),
             "counties": lambda _: specs.boundary_lines(given.loaded, language)[0]}
    layers = [named.get(layer.name, lambda same: same)(layer) for layer in page.spec.layers]
    missing = web_layers.unplaced(ledger[0])
    notes = [text("web_note_unit_places", language), text("web_note_found", language)]
    notes += [text("web_note_unit_unknown", language, count=missing)] if missing else []
    return WebPage(spec=page.spec.with_(layers=(*layers, *reversed(ledger)),
                                        notes=(*notes, *page.spec.notes)))


def _census(given: Given) -> WebPage | None:
    """Progress of the census by county, and its records by stage and date."""
    page = _theme("survey", "census", given)
    if page is None:
        return None
    records = web_layers.census_records(given.loaded, given.project)
    return WebPage(spec=page.spec.with_(
        layers=(*page.spec.layers, records),
        notes=(text("web_note_record_places", given.project.language), *page.spec.notes)))


PAGES: Mapping[str, tuple[str, Callable[[Given], WebPage | None]]] = {
    "overview": ("results", _overview),
    "shelters": ("results", _shelters),
    "shelter_sites": ("results", _sites),
    "risk": ("results", _risk),
    "railway": ("data", _railway),
    "hidden_dangers": ("data", _hidden_dangers),
    "census": ("data", _census),
    "hazard_points": ("data", partial(_theme, "hazard_points", "hazard_points")),
    "typhoons": ("data", partial(_theme, "typhoons", "typhoons")),
    "forest_zones": ("data", partial(_theme, "forest_zones", "forest_zones")),
    "teams": ("data", partial(_theme, "teams", "teams")),
    "enterprises": ("data", partial(_theme, "enterprises", "enterprises")),
    "fire_weather": ("data", partial(_theme, "fire_weather", "fire_weather")),
    "communities": ("data", partial(_theme, "communities", "communities")),
}
"""Name of a page -> what it needs (``"data"`` or ``"results"``) and its maker, which returns None
where the project has not what it shows."""

RUN_PAGES = ("overview", "shelters", "shelter_sites", "risk", "railway", "hidden_dangers",
             "census")
"""Pages that `qzrisk run` writes."""


def listing() -> str:
    """Return the pages, a line each: name and what it shows, in Chinese and English."""
    wide = max(map(len, PAGES))
    return "\n".join(f"{name:{wide}}  {text(f'web_about_{name}', 'zh')} / "
                     f"{text(f'web_about_{name}', 'en')}" for name in PAGES)


def needs_results(names: Iterable[str]) -> bool:
    """Tell whether any of the pages needs more than the data as read.

    Raises
    ------
    ConfigError
        If there is no page of a name.
    """
    names = list(names)
    for name in names:
        if name not in PAGES:
            raise ConfigError("no such page", where="qzrisk map", got=name,
                              expected=", ".join(PAGES))
    return any(PAGES[name][0] == "results" for name in names)


def page(name: str, given: Given) -> WebPage | None:
    """Return a page of `PAGES` with words for codes, None where the project lacks its layers."""
    made = PAGES[name][1](given)
    if made is None:
        return None
    done: dict[int, LayerSpec] = {}  # a layer of both sides of a divider stays one

    def in_words(spec: MapSpec) -> MapSpec:
        notes = (web_layers.sentence(note, spec.language, stop=True) for note in spec.notes)
        return spec.with_(notes=tuple(notes), layers=tuple(
            done.setdefault(id(layer), web_layers.in_words(layer, spec.language))
            for layer in spec.layers))

    return WebPage(spec=in_words(made.spec),
                   after=None if made.after is None else in_words(made.after))


def save(names: Iterable[str], given: Given, folder: Path, *, tick: Tick = lambda _: None
         ) -> list[Path]:
    """Write pages into a folder, those whose layers the project has.

    Parameters
    ----------
    names : of `PAGES`
    given : what they are made of
    folder : gets ``<name>.html``
    tick : called with each name

    Returns
    -------
    list of Path, in the order of `names`
    """
    from qzrisk.maps import web

    settings = given.project.web_map
    tiles = web.Tiles(addresses=settings.addresses(), subdomains=settings.subdomains,
                      credit=settings.credit, max_zoom=settings.max_zoom)
    written = []
    for name in names:
        tick(name)
        made = page(name, given)
        if made is None:
            continue
        written.append(web.save(made.spec, folder / f"{name}.html", after=made.after,
                                tiles=tiles))
    return written

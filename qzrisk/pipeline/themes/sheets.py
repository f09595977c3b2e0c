"""The workbook of the thematic layers: a sheet each, skipped where a project lacks the layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from qzrisk import rules
from qzrisk.layers.schema import schema
from qzrisk.levels import palette
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import counts, fire, safety
from qzrisk.project import Project
from qzrisk.reports.workbook import Sheet
from qzrisk.text import table as words_table
from qzrisk.text import text

_RATES = ("closure_rate", "rate", "near_share")
_LISTED = {
    "railway_sections": (
        "section_id", "line_id", "unit_id", "from_m", "to_m", "track", "bureau_unit",
        "local_chief", "local_phone", "railway_chief", "railway_phone", "patrol_interval_days",
        "last_patrol_on", "in_force"),
    "incidents": ("incident_id", "unit_id", "kind", "occurred_on", "level", "burnt_area_m2",
                  "deaths", "injured", "cause", "closed"),
    "responses": ("response_id", "unit_id", "kind", "level", "started_on", "ended_on"),
    "typhoons": ("typhoon_id", "season", "name", "nearest_at", "nearest_m", "nearest_wind_m_s",
                 "wind_source", "max_wind_m_s", "fixes", "source"),
}
"""Layers printed record by record, and their columns in order."""


def sheets(project: Project, loaded: Loaded, notes: Sequence[str]) -> list[Sheet]:
    """Return the sheets of the workbook of layers.

    Parameters
    ----------
    project : language, audience and date of the data
    loaded : layers and tables
    notes : lines under every sheet: synthetic mark, run, sources

    Returns
    -------
    list of Sheet
        Those of the layers that the project has, in a fixed order.
    """
    return list(books(project, loaded, notes).values())


def books(project: Project, loaded: Loaded, notes: Sequence[str]) -> dict[str, Sheet]:
    """Return file stem of a CSV -> sheet; see `sheets`."""
    made: dict[str, Sheet] = {}
    for name, needs, build in _SHEETS:
        if name in _INTERNAL and project.audience != "internal":
            continue
        if all(_layer(loaded, layer) is not None for layer in needs):
            made[f"layers_{name}"] = build(project, loaded, notes)
    return made


def _layer(loaded: Loaded, name: str) -> pd.DataFrame | None:
    found = loaded.layers.get(name)
    return found if found is not None else loaded.tables.get(name)


def _need(loaded: Loaded, name: str) -> pd.DataFrame:
    found = _layer(loaded, name)
    assert found is not None
    return found


def _units(loaded: Loaded) -> pd.DataFrame:
    return loaded.tables["units"]


def unit_names(ids: pd.Series, units: pd.DataFrame, language: str) -> pd.Series:
    """Return the names of units, and the words of the rows that are no unit."""
    extra = {code: text(f"themes_row_{code}", language)
             for code in (counts.TOTAL, counts.UNPLACED)}
    return ids.map({**units["name"].to_dict(), **extra})


def heading(column: str, language: str) -> str:
    """Return the heading of a column of counts; ``teams_fire`` is read as teams, fire.

    Raises
    ------
    ConfigError
        If neither the column nor its stem has words.
    """
    if f"themes_{column}" in words_table():
        return text(f"themes_{column}", language)
    stem, _, code = column.rpartition("_")
    name = _PALETTES.get(stem)
    chosen = palette(name).words(language) if name else {}
    word = chosen.get(code) or text(f"themes_code_{code}", language)
    return text(f"themes_stem_{stem}", language, code=word)


_PALETTES = {"teams": "team_kind", "members": "team_kind", "kind": "enterprise_kind",
             "grade": "hazard_point", "firms": "safety", "points": "safety",
             "days": "fire_weather"}


def _by_unit(name: str, frame: pd.DataFrame, project: Project, loaded: Loaded,
             notes: Sequence[str], *, more: Sequence[str] = ()) -> Sheet:
    """Return a sheet of numbers by unit."""
    language = project.language
    shown = frame.copy()
    shown.insert(0, "name", unit_names(shown.index.to_series(), _units(loaded), language))
    heads = {column: heading(column, language) for column in frame.columns}
    return _sheet(name, shown, project, [*more, *notes], heads=heads)


def _sheet(name: str, frame: pd.DataFrame, project: Project, notes: Sequence[str], *,
           heads: Mapping[str, str], words: Mapping[str, Mapping[str, str]] | None = None
           ) -> Sheet:
    language = project.language
    numbers = {str(c): "#,##0" for c in frame.columns if frame[c].dtype.kind == "f"}
    numbers |= {c: "0.00%" for c in _RATES if c in frame}
    numbers |= {c: "#,##0.0" for c in frame.columns if str(c).startswith("area_ha")}
    return Sheet(
        name=text(f"themes_sheet_{name}", language),
        title=text(f"themes_title_{name}", language, city=project.word("title")),
        # The name of a total says it; its code is for programs.
        frame=frame, formats=numbers, words={"unit_id": {counts.TOTAL: ""}, **(words or {})},
        notes=list(notes),
        headings={"unit_id": text("head_unit_id", language),
                  "name": text("head_name", language), **heads})


def _forest(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    frame = counts.forest(_need(loaded, "forest_zones"), _units(loaded))
    return _by_unit("forest_zones", frame, project, loaded, notes,
                    more=[text("themes_note_forest", project.language)])


def _railway_counties(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    frame = counts.railway_counties(_need(loaded, "railway_points"), _units(loaded))
    return _by_unit("railway_counties", frame, project, loaded, notes,
                    more=_railway_notes(project, loaded))


def _railway_notes(project: Project, loaded: Loaded) -> list[str]:
    return [text("themes_note_schematic", project.language), *assumptions(loaded, project)]


def assumptions(loaded: Loaded, project: Project) -> list[str]:
    """Return what the railway points assume, each once, as their records say."""
    points = loaded.layers.get("railway_points")
    if points is None or "assumption" not in points:
        return []
    said = sorted(points["assumption"].dropna().unique())
    return [_of_language(str(words), project.language) for words in said]


def _of_language(words: str, language: str) -> str:
    """Return the half of a note written ``Chinese / English``."""
    chinese, slash, english = words.partition("/")
    return (english if slash and language == "en" else chinese).strip()


def _railway_points(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    language = project.language
    lines = loaded.layers.get("railways")
    if lines is not None and language == "en" and "name_en" in lines:
        lines = lines.assign(name=lines["name_en"].fillna(lines["name"]))
    frame = counts.railway_sections(_need(loaded, "railway_points"),
                                    loaded.tables.get("railway_sections"), lines)
    words = {"line_id": {counts.TOTAL: text("themes_row_total", language)}}
    heads = {c: text(f"themes_{c}", language) for c in frame.columns}
    return _sheet("railway_points", frame, project, [*_railway_notes(project, loaded), *notes],
                  heads=heads, words=words)


def _teams(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    frame = _need(loaded, "teams")
    more = []
    if {"full_members", "reserve_members"} <= set(frame.columns):
        social = frame[frame["kind"] == "social"]
        more.append(text("themes_note_social", project.language, teams=len(social),
                         full=int(social["full_members"].sum()),
                         reserve=int(social["reserve_members"].sum())))
    return _by_unit("teams", counts.teams(frame, _units(loaded)), project, loaded, notes,
                    more=more)


def _communities(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    frame = counts.communities(_need(loaded, "communities"), _units(loaded))
    return _by_unit("communities", frame, project, loaded, notes,
                    more=[text("themes_note_communities", project.language)])


def _enterprises(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    firms = _need(loaded, "enterprises").assign(level=safety.firm_levels(loaded).astype("str"))
    frame = counts.enterprises(firms, _units(loaded))
    return _by_unit("enterprises", frame, project, loaded, notes,
                    more=[text("themes_note_enterprises", project.language)])


def _safety_notes(project: Project, loaded: Loaded) -> list[str]:
    more = [text("themes_note_enterprises", project.language)]
    if "risk_points" not in loaded.tables:
        more.append(text("themes_note_declared_only", project.language))
    return [*more, *rule_notes(project)]


def rule_notes(project: Project) -> tuple[str, ...]:
    """Return the lines that say how the colours are found, and how sure the bounds are."""
    language = project.language
    low, middle, high = rules.value("work_safety", "lec.bounds")
    most = {code: max(numbers) for code, numbers in rules.value(
        "work_safety", "ls.products").items() if code != "red"}
    return (text("themes_note_lec", language, low=low, middle=middle, high=high),
            text("themes_note_ls", language, **most),
            text("themes_note_unconfirmed", language))


def _safety_counties(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    return _by_unit("safety_counties", safety.by_county(loaded), project, loaded, notes,
                    more=_safety_notes(project, loaded))


def _safety_towns(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    return _by_unit("safety_towns", safety.by_town(loaded), project, loaded, notes,
                    more=_safety_notes(project, loaded))


def _safety_sectors(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    language = project.language
    frame = safety.by_sector(loaded)
    words = {"sector": {**_code_words(frame.index.to_series(), language),
                        counts.TOTAL: text("themes_row_total", language)}}
    heads = {c: heading(c, language) for c in ("sector", *frame.columns)}
    return _sheet("safety_sectors", frame, project, [*_safety_notes(project, loaded), *notes],
                  heads=heads, words=words)


def _safety_firms(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    language = project.language
    frame = safety.by_firm(loaded)
    kind = schema("enterprises")
    heads = {c: kind.heading(c, language) for c in ("enterprise_id", *frame.columns)
             if c in kind.columns}
    heads |= {c: heading(c, language) for c in frame.columns if c not in heads}
    levels = palette("safety").words(language)
    words = {"level": levels, "declared": levels, **{
        c: _code_words(frame[c], language) for c in ("kind", "sector") if c in frame}}
    words["kind"] = palette("enterprise_kind").words(language)
    return _sheet("safety_firms", frame, project, [*_safety_notes(project, loaded), *notes],
                  heads={**heads, "level": text("themes_level", language)}, words=words)


def _forest_near(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    language, limit = project.language, f"{fire.near_m():g}"
    sheet = _by_unit("forest_near", fire.near(loaded), project, loaded, notes,
                     more=[text("themes_note_near_rule", language, limit=limit),
                           text("themes_note_forest", language)])
    return replace(sheet, headings={**sheet.headings,
                                    "persons": text("themes_residents", language)})


def _fire_weather(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    language = project.language
    sheet = _by_unit("fire_weather", fire.table(loaded), project, loaded, notes,
                     more=[text("themes_note_fire_weather", language),
                           text("themes_note_fire_form", language)])
    return replace(sheet, words={"fire_grade": palette("fire_weather").words(language)})


def _hidden_dangers(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    frame = counts.hidden_dangers(_need(loaded, "hidden_danger_counts"), _units(loaded))
    return _by_unit("hidden_dangers", frame, project, loaded, notes,
                    more=[text("themes_note_dangers", project.language)])


def _danger_sectors(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    language = project.language
    frame = counts.danger_sectors(_need(loaded, "hidden_danger_counts"), _units(loaded))
    frame.insert(1, "name", unit_names(frame["unit_id"], _units(loaded), language))
    heads = {c: text(f"themes_{c}", language)
             for c in ("sector", "found", "closed", "open", "closure_rate")}
    return _sheet("danger_sectors", frame, project,
                  [text("themes_note_dangers", language), *notes], heads=heads,
                  words={"sector": _code_words(frame["sector"], language)})


def _three_lists(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    frame = counts.three_lists(_need(loaded, "hidden_dangers"), _units(loaded),
                               as_of=project.as_of)
    return _by_unit("three_lists", frame, project, loaded, notes,
                    more=[text("themes_note_lists", project.language,
                               as_of=project.as_of.isoformat())])


def _hazard_points(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    frame = counts.hazard_points(_need(loaded, "hazard_points"), _units(loaded))
    return _by_unit("hazard_points", frame, project, loaded, notes)


def _census(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
    """Return progress of all forms together, then of each form, by unit."""
    language = project.language
    survey, targets = _need(loaded, "survey"), _need(loaded, "survey_targets")
    forms = [code for code in schema("survey").columns["form"].codes
             if (targets["form"] == code).any() or (survey["form"] == code).any()]
    parts = {"all": counts.census(survey, targets, _units(loaded))}
    parts |= {form: counts.census(survey, targets, _units(loaded), form=form) for form in forms}
    frame = pd.concat(parts, names=["form", "unit_id"]).reset_index()
    frame.insert(2, "name", unit_names(frame["unit_id"], _units(loaded), language))
    heads = {c: text(f"themes_{c}", language)
             for c in ("form", "target", "listed", "surveyed", "checked", "rate")}
    return _sheet("census", frame, project, [text("themes_note_census", language), *notes],
                  heads=heads, words={"form": _code_words(frame["form"], language)})


def _records(layer: str) -> Callable[[Project, Loaded, Sequence[str]], Sheet]:
    """Return the maker of a sheet that prints the records of a layer."""
    def build(project: Project, loaded: Loaded, notes: Sequence[str]) -> Sheet:
        language, kind = project.language, schema(layer)
        hidden = set() if project.audience == "internal" else set(kind.personal())
        frame = pd.DataFrame(_need(loaded, layer)).reset_index()
        frame = frame[[c for c in _LISTED[layer] if c in frame and c not in hidden]]
        heads = {str(c): kind.heading(str(c), language) for c in frame.columns}
        if "unit_id" in frame:
            place = list(frame.columns).index("unit_id") + 1
            frame.insert(place, "name", unit_names(frame["unit_id"], _units(loaded), language))
        words = {str(c): _code_words(frame[c], language) for c in frame.columns
                 if str(c) in kind.columns and kind.columns[str(c)].type == "code"}
        more = [text(f"themes_note_{layer}", language)] if \
            f"themes_note_{layer}" in words_table() else []
        return _sheet(layer, frame, project, [*more, *notes], heads=heads, words=words)
    return build


def _code_words(values: pd.Series, language: str) -> dict[str, str]:
    """Return code -> word for the codes that have one; others stay as they are."""
    known = words_table()
    return {code: text(f"themes_code_{code}", language)
            for code in sorted(values.dropna().astype(str).unique())
            if f"themes_code_{code}" in known}


_SHEETS: tuple[tuple[str, tuple[str, ...],
                     Callable[[Project, Loaded, Sequence[str]], Sheet]], ...] = (
    ("forest_zones", ("forest_zones",), _forest),
    ("forest_near", ("forest_zones", "demand", "shelters"), _forest_near),
    ("fire_weather", ("fire_weather",), _fire_weather),
    ("railway_points", ("railway_points",), _railway_points),
    ("railway_counties", ("railway_points",), _railway_counties),
    ("railway_sections", ("railway_sections",), _records("railway_sections")),
    ("teams", ("teams",), _teams),
    ("communities", ("communities",), _communities),
    ("enterprises", ("enterprises",), _enterprises),
    ("safety_counties", ("enterprises",), _safety_counties),
    ("safety_towns", ("enterprises",), _safety_towns),
    ("safety_sectors", ("enterprises",), _safety_sectors),
    ("safety_firms", ("enterprises",), _safety_firms),
    ("incidents", ("incidents",), _records("incidents")),
    ("responses", ("responses",), _records("responses")),
    ("hidden_dangers", ("hidden_danger_counts",), _hidden_dangers),
    ("danger_sectors", ("hidden_danger_counts",), _danger_sectors),
    ("three_lists", ("hidden_dangers",), _three_lists),
    ("hazard_points", ("hazard_points",), _hazard_points),
    ("census", ("survey", "survey_targets"), _census),
    ("typhoons", ("typhoons",), _records("typhoons")),
)
"""Name, layers without which it is skipped, maker; in the order of the workbook."""

_INTERNAL = ("safety_firms",)
"""Sheets that name single enterprises: not for the public."""

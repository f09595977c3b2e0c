"""The sheets of coverage by hazard, each with what it counts and how."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from qzrisk import rules
from qzrisk.analysis.network.snapping import CLOSED_ROAD, NO_GEOMETRY, OFF_MAIN, TOO_FAR
from qzrisk.levels import palette
from qzrisk.pipeline import evenness
from qzrisk.pipeline import relocation as _relocation
from qzrisk.pipeline.cases import PARTS, Case
from qzrisk.pipeline.plans import STAGES
from qzrisk.pipeline.shelters import BASES, OUTDOOR_HAZARD
from qzrisk.project import Project
from qzrisk.reports import relocation, workbook
from qzrisk.text import text

LEVELS = ("city", "reporting", "county", "town", "village")
JUDGED = ("unit_id", "name", "tier", "serves", "usable", "suitable", "unsafe", "value", "limit",
          "places", "places_basis", "excluded", "counts", "flags")
SNAP_REASONS = (NO_GEOMETRY, TOO_FAR, CLOSED_ROAD, OFF_MAIN)
HIDDEN_VALUES = ("hazardous_plant",)
"""Reasons whose distance would tell the public where a dangerous place is."""


def books(made: Case, shelters: pd.DataFrame, units: pd.DataFrame, project: Project,
          notes: list[str]) -> dict[str, workbook.Sheet]:
    """Return file stem of the CSV -> sheet, in the order of the workbook of a case.

    Parameters
    ----------
    made : the case
    shelters : the layer, for names and tiers
    units : membership table
    project : language and audience
    notes : lines under every table: synthetic mark, run, sources
    """
    stem = f"coverage_{made.hazard}"
    sheets = {f"{stem}_{level}": _level_sheet(made, level, project, notes) for level in LEVELS}
    # Villages by size of catchment are many rows: for the hazards with a plan only.
    levels = LEVELS if made.plan is not None else LEVELS[:-1]
    frames = {"sensitivity": evenness.by_catchment(made, units, levels),
              "lorenz": evenness.lorenz(made, units, LEVELS[:3])}
    if made.basis == "road":
        frames["off_network"] = off_network(made, shelters, units)
    for name, frame in frames.items():
        sheets[f"{stem}_{name}"] = _detail_sheet(name, frame, made, project, notes)
    sheets[f"{stem}_shelters"] = _shelter_sheet(made, shelters, project, notes)
    return sheets


def off_network(made: Case, shelters: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the cells and shelters of a case that have no place on the main road network.

    Returns
    -------
    DataFrame(kind, point_id, unit_id, name, persons, reason)
        ``name``: of the unit of a cell, or of the shelter; ``persons``: to be moved, or places;
        shelters that serve the hazard only.
    """
    cells = made.cells[made.cells["off_network"] != ""]
    halls = made.shelters[made.shelters["serves"] & (made.shelters["off_network"] != "")]
    parts = [("cell", cells, cells["unit_id"].map(units["name"]), cells["persons"]),
             ("shelter", halls, shelters["name"].reindex(halls.index), halls["places"])]
    return pd.concat([pd.DataFrame({
        "kind": kind, "point_id": frame.index, "unit_id": frame["unit_id"].to_numpy(),
        "name": names.to_numpy(), "persons": persons.to_numpy(),
        "reason": frame["off_network"].to_numpy()}) for kind, frame, names, persons in parts],
        ignore_index=True)


def hazard_word(hazard: str, project: Project) -> str:
    """Return the word of a hazard."""
    return text(f"hazard_{hazard}", project.language)


def case_notes(made: Case, project: Project) -> list[str]:
    """Return what a table or map of a case counts, and how."""
    language, word, pack = project.language, hazard_word(made.hazard, project), rules.load(
        "coverage")
    counting = made.shelters[made.shelters["counts"]]
    notes = [text("note_case_demand", language, hazard=word),
             text("note_case_shelters", language, hazard=word, count=f"{len(counting):,}",
                  places=f"{counting['places'].sum():,}"),
             text(f"note_basis_{made.basis}", language, speed=rules.value("roads", "walk.adult"),
                  detour=rules.value("roads", "detour"))]
    if made.basis == "road":
        notes.append(text(f"note_roads_{project.coverage.roads}", language,
                          count=f"{made.flooded_roads:,}"))
    if made.hazard == OUTDOOR_HAZARD:
        notes.append(text("note_earthquake", language,
                          area=pack["places"]["outdoor_m2_per_person"]["value"]))
    if made.basis == "road":
        cells = made.cells[made.cells["off_network"] != ""]
        halls = counting[counting["off_network"] != ""]
        if len(cells) or len(halls):
            notes.append(text("note_off_network", language, cells=f"{len(cells):,}",
                              persons=f"{cells['persons'].sum():,}", shelters=f"{len(halls):,}",
                              places=f"{halls['places'].sum():,}"))
    if made.untested:
        names = [text(f"unsafe_{code}", language) for code in made.untested]
        notes.append(text("note_untested", language, rules=", ".join(names)))
    if made.lost_persons:
        notes.append(text("note_lost", language, persons=f"{made.lost_persons:,}"))
    return notes


def score_notes(project: Project) -> list[str]:
    """Return the parts, weights and bounds of the composite score."""
    pack = rules.load("coverage")
    score = pack["score"]
    bounds = ", ".join(f"{bound:g}" for bound in score["bounds"]["value"])
    shown = {part: float(score[f"weight_{part}"]["value"]) for part in PARTS}
    return [text("note_score", project.language, bounds=bounds,
                 catchment=float(pack["walk"]["catchment"]["value"]), **shown),
            text("note_parts", project.language)]


def places_note(project: Project) -> str:
    """Return the bounds of the grades of places per person."""
    bounds = rules.value("coverage", "places_per_person.bounds")
    return text("note_places_bounds", project.language,
                bounds=", ".join(f"{bound:g}" for bound in bounds))


def headings(frame: pd.DataFrame, language: str) -> dict[str, str]:
    """Return column -> words; a limit inside a name becomes a value of the text."""
    words = {}
    for column in filter(None, [frame.index.name, *map(str, frame.columns)]):
        stem, _, tail = str(column).rpartition("_")
        if tail.endswith("min") and tail[:-3].isdigit():
            words[str(column)] = text(f"head_{stem}_min", language, limit=tail[:-3])
        elif tail.endswith("m") and tail[:-1].isdigit():
            words[str(column)] = text(f"head_{stem}", language, limit=tail[:-1])
        else:
            words[str(column)] = text(f"head_{column}", language)
    return words


_PATTERNS: Mapping[str, str] = {
    "risk_index": "0.0000", "persons_share": "0%", "minutes": "0.0", "coverage_score": "0.0",
    "places_per_at_risk_person": "0.00", "access": "0.00", "places_per_person": "0.00",
    "value": "0.00", "limit": "0.00", "catchment_min": "0",
}


def formats(frame: pd.DataFrame) -> dict[str, str]:
    """Return column -> number format of a spreadsheet."""
    found = {}
    for name in map(str, frame.columns):
        if name in _PATTERNS:
            found[name] = _PATTERNS[name]
        elif name.endswith("gini"):
            found[name] = "0.000"
        elif name.endswith(("access", "places_per_person")):
            found[name] = "0.00"
        elif "_share" in name:
            found[name] = "0.0%"
        elif name.startswith("score_"):
            found[name] = "0.000"
        elif "persons" in name or name in ("distance_m", "shelters", "places", "places_left"):
            found[name] = "#,##0"
    return found


def _level_sheet(made: Case, level: str, project: Project, notes: list[str]) -> workbook.Sheet:
    frame = made.tables[level]
    grades = palette("coverage").words(project.language)
    return workbook.Sheet(
        name=text(f"level_{level}", project.language),
        title=text("title_case", project.language, city=project.word("title"),
                   hazard=hazard_word(made.hazard, project)),
        frame=frame, words={"coverage_grade": grades, "places_grade": grades},
        headings=headings(frame, project.language), formats=formats(frame),
        notes=[*case_notes(made, project), text("note_ages", project.language),
               *score_notes(project), places_note(project), *notes])


def _detail_sheet(name: str, frame: pd.DataFrame, made: Case, project: Project,
                  notes: list[str]) -> workbook.Sheet:
    language = project.language
    words = {"level": {level: text(f"level_{level}", language) for level in LEVELS},
             "kind": {kind: text(f"point_{kind}", language) for kind in ("cell", "shelter")}}
    heads = headings(frame, language)
    if name == "off_network":
        words["reason"] = {code: text(f"snap_{code}", language) for code in SNAP_REASONS}
        heads |= {column: text(f"head_off_{column}", language) for column in ("persons", "reason")}
    return workbook.Sheet(
        name=text(f"sheet_{name}", language), frame=frame, headings=heads,
        title=text(f"title_{name}", language, city=project.word("title"),
                   hazard=hazard_word(made.hazard, project)),
        words={column: table for column, table in words.items() if column in frame},
        formats=formats(frame),
        notes=[*case_notes(made, project), text("note_ages", language), *notes])


def judged_frame(made: Case, shelters: pd.DataFrame, project: Project) -> pd.DataFrame:
    """Return what each shelter is worth for a hazard, with its name; for the sheet and the map."""
    frame = made.shelters.rename(columns={"reason": "unsafe"})
    frame["unsafe"] = frame["unsafe"].where(frame["unsafe"] != "")
    frame["flags"] = frame["flags"].where(frame["flags"] != "")
    for column in ("name", "tier"):
        frame[column] = shelters.get(column)
    if project.audience == "public":
        frame["value"] = frame["value"].where(~frame["unsafe"].isin(HIDDEN_VALUES))
    frame = frame[list(JUDGED)]
    if made.plan is not None:
        frame = frame.assign(assigned_persons=_relocation.assigned(made),
                             places_left=_relocation.places_left(made))
    return frame


def _shelter_sheet(made: Case, shelters: pd.DataFrame, project: Project, notes: list[str]
                   ) -> workbook.Sheet:
    language = project.language
    frame = judged_frame(made, shelters, project)
    unsafe = {code: text(f"unsafe_{code}", language) for code in rules.load("suitability")}
    yes_no = {str(value): text(f"word_{value}".lower(), language) for value in (True, False)}
    flags = {code: _flag_words(code, language) for code in frame["flags"].dropna().unique()}
    return workbook.Sheet(
        name=text("sheet_judged", language),
        title=text("title_judged", language, city=project.word("title"),
                   hazard=hazard_word(made.hazard, project)),
        frame=frame, headings=headings(frame, language), formats=formats(frame),
        words={"unsafe": unsafe, "flags": flags,
               **dict.fromkeys(("serves", "usable", "suitable", "counts"), yes_no),
               "places_basis": {code: text(f"basis_{code}", language) for code in BASES},
               "excluded": relocation.sheet_words(language)["reason"],
               "tier": relocation.sheet_words(language)["tier"]},
        notes=[*case_notes(made, project), *notes])


def _flag_words(codes: str, language: str) -> str:
    return "; ".join(text(f"flag_{code}", language) for code in codes.split(";"))


def summary_sheets(plan: pd.DataFrame, made: Case, units: pd.DataFrame, project: Project,
                   notes: list[str]) -> dict[str, workbook.Sheet]:
    """Return file stem -> sheet: the plan summed by county and town, and the plan itself."""
    language, word = project.language, hazard_word(made.hazard, project)
    title = text("title_plan_summary", language, city=project.word("title"), hazard=word)
    stages = list(STAGES[project.coverage.within])
    lines = [relocation.totals(plan, language, stages), *plan_notes(made, project), *notes]
    sheets = {}
    for level in ("county", "town"):
        frame = relocation.summary(plan, by=level).rename_axis("unit_id")
        used = [c for c in frame if not c.startswith(("reason_", "in_")) or frame[c].any()
                or c.removeprefix("in_") in stages]
        frame = frame[used]
        frame.insert(0, "name", units["name"].reindex(frame.index))
        sheets[f"relocation_{made.hazard}_{level}"] = workbook.Sheet(
            name=text(f"level_{level}", language), title=title, frame=frame,
            headings=headings(frame, language), notes=lines,
            formats=dict.fromkeys(map(str, frame.columns[1:]), "#,##0"))
    sheets[f"relocation_{made.hazard}"] = workbook.Sheet(
        name=text("sheet_plan", language), title=title, frame=plan,
        headings=headings(plan, language), words=relocation.sheet_words(language),
        formats=formats(plan) | {"longest_min": "0.0"}, notes=lines)
    return sheets


def plan_notes(made: Case, project: Project) -> list[str]:
    """Return how people are placed."""
    language, made_plan = project.language, made.plan
    notes = [text("note_plan", language, limit=float(rules.value("coverage", "walk.plan_limit")),
                  order=text(f"note_plan_{project.coverage.within}", language))]
    if made_plan is not None and not made_plan.split:
        notes.append(text("note_whole", language, gap=made_plan.gap,
                          cost_gap=made_plan.cost_gap))
    return [*notes, *case_notes(made, project)]

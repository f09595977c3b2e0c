"""The tables of `qzrisk run` as sheets of workbooks, each with its notes and its provenance."""

from __future__ import annotations

import pandas as pd

from qzrisk import provenance
from qzrisk.layers.findings import SEVERITIES
from qzrisk.layers.reconcile import VERDICTS
from qzrisk.layers.schema import schemas
from qzrisk.levels import palette
from qzrisk.pipeline import coverage_sheets, specs, themes
from qzrisk.pipeline.coverage_sheets import LEVELS, formats, headings
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.risk import sheets, validation
from qzrisk.project import Project
from qzrisk.reports import workbook
from qzrisk.text import text

_UNITS_OF = ("count", "persons", "percent", "yuan", "1e8 yuan", "km2")
_NAMED_LAYERS = ("land", "water", "prefectures", "province", "official")


def books(project: Project, loaded: Loaded, results: Results, issues: pd.DataFrame,
          official: pd.DataFrame, reconciled: pd.DataFrame, roads: pd.DataFrame, run_id: str
          ) -> dict[str, dict[str, workbook.Sheet]]:
    """Return name of a workbook -> file stem of a CSV -> sheet."""
    layers = themes.books(project, loaded, note_lines(project, run_id))
    return {
        **coverage_books(project, loaded, results, run_id),
        **({"layers": layers} if layers else {}),
        **risk_books(project, loaded, results, run_id),
        "checks": {"checks_official": _reconcile_sheet(official, reconciled, project, run_id),
                   "checks_counts": _counts_sheet(loaded, project, run_id),
                   "checks_findings": _issue_sheet(issues, project, run_id),
                   "checks_duplicates": _duplicate_sheet(loaded, project, run_id),
                   "checks_roads": _road_sheet(roads, project, run_id)},
    }


def coverage_books(project: Project, loaded: Loaded, results: Results, run_id: str
                   ) -> dict[str, dict[str, workbook.Sheet]]:
    """Return the workbooks of coverage: all residents, and one a hazard."""
    notes = note_lines(project, run_id)
    made = {"coverage": {f"coverage_{level}": _coverage_sheet(level, results, project, run_id)
                         for level in LEVELS}}
    for hazard, case in results.cases.items():
        made[f"coverage_{hazard}"] = coverage_sheets.books(
            case, loaded.layers["shelters"], loaded.tables["units"], project, notes)
    return made


def risk_books(project: Project, loaded: Loaded, results: Results, run_id: str
               ) -> dict[str, dict[str, workbook.Sheet]]:
    """Return the workbooks of risk: composite, hazards, confidence; validation where it may be."""
    lines = note_lines(project, run_id)
    assert results.assessed is not None
    checked = validation.sheets(loaded, results.assessed, project, lines)
    return {**sheets.books(project, results, lines),
            **({"risk_validation": checked} if checked else {})}


def book_title(book: str, project: Project) -> str:
    """Return the title of a workbook."""
    stem, _, hazard = book.partition("_")
    if stem == "risk" or not hazard:
        stem = book
        return text(f"title_{stem}", project.language, city=project.word("title"))
    return text("title_case", project.language, city=project.word("title"),
                hazard=coverage_sheets.hazard_word(hazard, project))


def no_demand_notes(results: Results, project: Project) -> list[str]:
    """Return the line that a project without persons to be moved needs."""
    return [] if results.cases else [text("note_no_at_risk", project.language)]


def mark(project: Project) -> str:
    """Return what stands at the head of every page: that data are synthetic, if they are."""
    return text("synthetic", project.language) if project.synthetic else ""


def note_lines(project: Project, run_id: str) -> list[str]:
    """Return the lines printed under every table: synthetic mark, run, no-data note."""
    lines = [mark(project)] if project.synthetic else []
    lines.append(text("note_run", project.language, run_id=run_id,
                      as_of=project.as_of.isoformat(), rules=", ".join(provenance.rule_versions())))
    if project.word("no_data"):
        lines.append(project.word("no_data"))
    if project.word("source"):
        lines.append(project.word("source"))
    return lines


def _coverage_sheet(level: str, results: Results, project: Project, run_id: str
                    ) -> workbook.Sheet:
    frame = results.coverage[level]
    low, middle, high = specs.grade_shares()
    words = palette("coverage").words(project.language)
    return workbook.Sheet(
        name=text(f"level_{level}", project.language),
        title=text("title_coverage", project.language, city=project.word("title")),
        frame=frame, words={"coverage_grade": words},
        headings=headings(frame, project.language), formats=formats(frame),
        notes=[text("note_stress", project.language), *no_demand_notes(results, project),
               text("note_straight", project.language),
               text("note_grades", project.language, low=low, middle=middle, high=high),
               *note_lines(project, run_id)])


def _reconcile_sheet(official: pd.DataFrame, reconciled: pd.DataFrame, project: Project,
                     run_id: str) -> workbook.Sheet:
    language = project.language
    name = f"name_{language}"
    extra = [c for c in ("unit", "year", "form", "source") if c in official]
    frame = reconciled.join(official[extra])
    if name in official:
        frame.insert(0, "name", official[name])
    words = {v: text(f"verdict_{v}", language) for v in VERDICTS}
    for column in extra:
        frame[column] = frame[column].astype("str")
    return workbook.Sheet(
        name=text("sheet_reconcile", language), title=text("sheet_reconcile", language),
        frame=frame.rename_axis("key"), headings=headings(frame.rename_axis("key"), language),
        formats=dict.fromkeys(("official", "found", "difference"), "#,##0.##"),
        words={"verdict": words, "unit": {
            unit: text(f"unit_of_{unit.replace(' ', '_')}", language) for unit in _UNITS_OF}},
        notes=note_lines(project, run_id))


def _counts_sheet(loaded: Loaded, project: Project, run_id: str) -> workbook.Sheet:
    language = project.language
    heads = {c: text(f"column_{c}", language) for c in ("layer", *loaded.counts.columns)}
    return workbook.Sheet(
        name=text("sheet_counts", language), title=text("sheet_counts", language),
        frame=loaded.counts, headings=heads, words={"layer": _layer_words(language)},
        notes=note_lines(project, run_id))


def _layer_words(language: str) -> dict[str, str]:
    """Return layer -> its words; layers named by the project keep their names."""
    return {**{name: text(f"layer_{name}", language) for name in _NAMED_LAYERS},
            **{name: getattr(layout, language) for name, layout in schemas().items()}}


def _field_words(language: str) -> dict[str, str]:
    """Return canonical column -> its heading, as the first schema that has it calls it."""
    words = {"geometry": text("field_geometry", language)}
    for layout in schemas().values():
        for column in layout.columns:
            words.setdefault(column, layout.heading(column, language))
    return words


def _issue_sheet(issues: pd.DataFrame, project: Project, run_id: str) -> workbook.Sheet:
    language = project.language
    heads = {c: text("column_layer" if c == "layer" else f"head_{c}", language)
             for c in issues.columns}
    words: dict[str, str] = {s: text(f"severity_{s}", language) for s in SEVERITIES}
    return workbook.Sheet(
        name=text("sheet_issues", language), title=text("sheet_issues", language),
        frame=issues, headings=heads,
        words={"severity": words, "layer": _layer_words(language), "field": _field_words(language)},
        notes=note_lines(project, run_id))


def _duplicate_sheet(loaded: Loaded, project: Project, run_id: str) -> workbook.Sheet:
    """Return the pairs of records that may be one: with its last column filled, the decisions."""
    language = project.language
    parts = [pairs.assign(layer=name) for name, pairs in sorted(loaded.pairs.items()) if len(pairs)]
    columns = ["layer", "left", "right", "score", "reason", "decision"]
    frame = pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
    heads = {"layer": text("column_layer", language), "reason": text("pair_reason", language),
             **{c: text(f"pair_{c}", language) for c in ("left", "right", "score", "decision")}}
    return workbook.Sheet(
        name=text("sheet_duplicates", language), title=text("sheet_duplicates", language),
        frame=frame, headings=heads, formats={"score": "0.00"},
        words={"decision": {c: text(f"pair_{c}", language) for c in ("merge", "keep")}},
        notes=[text("note_duplicates", language), *note_lines(project, run_id)])


def _road_sheet(roads: pd.DataFrame, project: Project, run_id: str) -> workbook.Sheet:
    """Return the connected parts of the walking network and the roads left out of it."""
    language = project.language
    words = {part: text(f"road_{part}", language)
             for part in ("main", "apart", "not_for_mode", "unknown_class", "zero_length",
                          "overshoot", "missing_geometry")}
    return workbook.Sheet(
        name=text("sheet_roads", language), title=text("sheet_roads", language), frame=roads,
        headings={c: text(f"road_head_{c}", language) for c in ("number", *roads.columns)},
        formats={"length_m": "#,##0"}, words={"part": words}, notes=note_lines(project, run_id))

"""The tables of `qzrisk run` as sheets of workbooks, each with its notes and its provenance."""

from __future__ import annotations

import pandas as pd

from qzrisk import provenance
from qzrisk.layers.findings import SEVERITIES
from qzrisk.layers.reconcile import VERDICTS
from qzrisk.levels import palette
from qzrisk.pipeline import specs
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.measures import Results
from qzrisk.project import Project
from qzrisk.reports import workbook
from qzrisk.text import text

LEVELS = ("city", "reporting", "county", "town", "village")


def books(project: Project, loaded: Loaded, results: Results, issues: pd.DataFrame,
          official: pd.DataFrame, reconciled: pd.DataFrame, run_id: str
          ) -> dict[str, list[workbook.Sheet]]:
    """Return name of a workbook -> its sheets."""
    return {
        "coverage": [_coverage_sheet(level, results, project, run_id) for level in LEVELS],
        "risk": [*(_risk_sheet(level, results, project, run_id) for level in LEVELS),
                 _indicator_sheet(project, run_id)],
        "checks": [_reconcile_sheet(official, reconciled, project, run_id),
                   _counts_sheet(loaded, project, run_id),
                   _issue_sheet(issues, project, run_id)],
    }


def stems(book: str) -> list[str]:
    """Return the file stems of the sheets of a workbook, as CSV."""
    tails = {"coverage": LEVELS, "risk": (*LEVELS, "indicators"),
             "checks": ("official", "counts", "findings")}
    return [f"{book}_{tail}" for tail in tails[book]]


def note_lines(project: Project, run_id: str) -> list[str]:
    """Return the lines printed under every table: synthetic mark, run, no-data note."""
    lines = [text("synthetic", project.language)] if project.synthetic else []
    lines.append(text("note_run", project.language, run_id=run_id,
                      as_of=project.as_of.isoformat(), rules=", ".join(provenance.rule_versions())))
    if project.word("no_data"):
        lines.append(project.word("no_data"))
    if project.word("source"):
        lines.append(project.word("source"))
    return lines


def _heads(frame: pd.DataFrame, language: str) -> dict[str, str]:
    """Return column -> words; a limit in metres inside a name becomes a value of the text."""
    words = {}
    for column in [frame.index.name, *frame.columns]:
        stem, _, tail = str(column).rpartition("_")
        if tail.endswith("m") and tail[:-1].isdigit():
            words[str(column)] = text(f"head_{stem}", language, limit=tail[:-1])
        elif column:
            words[str(column)] = text(f"head_{column}", language)
    return words


def _formats(frame: pd.DataFrame) -> dict[str, str]:
    found = {}
    for column in frame.columns:
        name = str(column)
        if "_share" in name:
            found[name] = "0.0%"
        elif "persons" in name or name in ("distance_m", "shelters"):
            found[name] = "#,##0"
        elif name == "risk_index":
            found[name] = "0.0000"
    return found


def _coverage_sheet(level: str, results: Results, project: Project, run_id: str
                    ) -> workbook.Sheet:
    frame = results.coverage[level]
    low, middle, high = specs.grade_shares()
    words = palette("coverage").words(project.language)
    return workbook.Sheet(
        name=text(f"level_{level}", project.language),
        title=text("title_coverage", project.language, city=project.word("title")),
        frame=frame, words={"coverage_grade": words},
        headings=_heads(frame, project.language), formats=_formats(frame),
        notes=[text("note_straight", project.language),
               text("note_grades", project.language, low=low, middle=middle, high=high),
               *note_lines(project, run_id)])


def _risk_sheet(level: str, results: Results, project: Project, run_id: str) -> workbook.Sheet:
    frame = results.risk[level]
    words = palette("risk").words(project.language)
    return workbook.Sheet(
        name=text(f"level_{level}", project.language),
        title=text("title_risk", project.language, city=project.word("title")),
        frame=frame, words={"risk_class": words},
        headings=_heads(frame, project.language), formats=_formats(frame),
        notes=[*specs.class_notes(results, level, project), *note_lines(project, run_id)])


def _indicator_sheet(project: Project, run_id: str) -> workbook.Sheet:
    language = project.language
    total = sum(entry.weight for entry in project.risk.indicators)
    words = {name: text(f"dimension_{name}", language)
             for name in ("hazard", "exposure", "vulnerability", "capacity")}
    frame = pd.DataFrame([{
        "name": entry.zh if language == "zh" else entry.en,
        "dimension": entry.dimension,
        "direction": f"{entry.direction:+d}", "weight": entry.weight / total,
        "source": entry.source,
    } for entry in project.risk.indicators],
        columns=["name", "dimension", "direction", "weight", "source"])
    heads = {"name": text("head_name", language), "source": text("head_source", language),
             **{f: text(f"indicator_{f}", language) for f in ("dimension", "direction", "weight")}}
    return workbook.Sheet(
        name=text("sheet_indicators", language), frame=frame, headings=heads,
        title=text("sheet_indicators", language), formats={"weight": "0.000"},
        words={"dimension": words},
        notes=note_lines(project, run_id))


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
        frame=frame.rename_axis("key"), headings=_heads(frame.rename_axis("key"), language),
        formats=dict.fromkeys(("official", "found", "difference"), "#,##0.##"),
        words={"verdict": words},
        notes=note_lines(project, run_id))


def _counts_sheet(loaded: Loaded, project: Project, run_id: str) -> workbook.Sheet:
    language = project.language
    heads = {c: text(f"column_{c}", language) for c in ("layer", *loaded.counts.columns)}
    return workbook.Sheet(
        name=text("sheet_counts", language), title=text("sheet_counts", language),
        frame=loaded.counts, headings=heads, notes=note_lines(project, run_id))


def _issue_sheet(issues: pd.DataFrame, project: Project, run_id: str) -> workbook.Sheet:
    language = project.language
    heads = {c: text("column_layer" if c == "layer" else f"head_{c}", language)
             for c in issues.columns}
    words = {s: text(f"severity_{s}", language) for s in SEVERITIES}
    return workbook.Sheet(
        name=text("sheet_issues", language), title=text("sheet_issues", language),
        frame=issues, headings=heads, words={"severity": words},
        notes=note_lines(project, run_id))

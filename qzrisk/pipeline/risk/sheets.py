"""The tables of risk as sheets: composite, hazards, confidence, indicator tree, bounds."""

from __future__ import annotations

import pandas as pd

from qzrisk.levels import palette
from qzrisk.pipeline.coverage_sheets import formats, headings
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.risk.assess import COMPOSITE, Assessment
from qzrisk.pipeline.risk.measures import MEASURES
from qzrisk.pipeline.risk.notes import (
    class_notes,
    confidence_notes,
    hazard_name,
    indicator_names,
    risk_palette,
)
from qzrisk.project import Indicator, Project
from qzrisk.reports import workbook
from qzrisk.text import text

LEVELS = ("city", "reporting", "county", "town", "village")


def books(project: Project, results: Results, lines: list[str]
          ) -> dict[str, dict[str, workbook.Sheet]]:
    """Return name of a workbook -> file stem of a CSV -> sheet.

    Parameters
    ----------
    project, results : of the run
    lines : lines under every table: synthetic mark, run, sources
    """
    made = results.assessed
    assert made is not None
    found = {"risk": {
        **{f"risk_{level}": _composite(level, results, made, project, lines) for level in LEVELS},
        "risk_indicators": _tree(made, project, lines),
        "risk_bounds": _bounds(made, project, lines)}}
    if made.by_hazard:
        found["risk_hazards"] = {
            f"risk_hazards_{level}": _hazards(level, results, made, project, lines)
            for level in LEVELS}
    found["risk_confidence"] = {f"risk_confidence_{level}": _confidence(level, made, project, lines)
                                for level in LEVELS}
    return found


def _level_words(level: str, project: Project) -> dict[str, str]:
    return {"name": text(f"level_{level}", project.language)}


def _class_words(project: Project) -> dict[str, str]:
    return palette(risk_palette(project)).words(project.language)


def _composite(level: str, results: Results, made: Assessment, project: Project, lines: list[str]
               ) -> workbook.Sheet:
    language, frame = project.language, results.risk[level]
    shares = {f"share_{hazard}": text("head_hazard_share", language,
                                      hazard=hazard_name(hazard, language))
              for hazard in made.by_hazard}
    plain = frame.drop(columns=list(shares))
    if level == "village":
        frame = frame.assign(filled_indicators=made.flags.sum(axis=1).reindex(frame.index).where(
            frame["risk_class"].notna()))
        plain = frame.drop(columns=list(shares))
    return workbook.Sheet(
        **_level_words(level, project), frame=frame, words={"risk_class": _class_words(project)},
        title=text("title_risk", language, city=project.word("title")),
        headings={**headings(plain, language), **shares},
        formats={**formats(plain), **dict.fromkeys(shares, "0.0%")},
        notes=[*class_notes(results, level, project), *lines])


def _hazards(level: str, results: Results, made: Assessment, project: Project, lines: list[str]
             ) -> workbook.Sheet:
    """Index and class of every hazard, side by side."""
    language, tables = project.language, made.by_hazard
    first = next(iter(tables.values()))[level]
    plain = first[["name", "persons"]]
    heads: dict[str, str] = {}
    shown: dict[str, str] = {}
    words: dict[str, dict[str, str]] = {}
    for hazard in tables:
        word = hazard_name(hazard, language)
        heads |= {f"{hazard}_index": text("head_hazard_index", language, hazard=word),
                  f"{hazard}_class": text("head_hazard_class", language, hazard=word)}
        heads[f"{hazard}_confidence"] = text("head_hazard_confidence", language, hazard=word)
        shown |= {f"{hazard}_index": "0.0000", f"{hazard}_confidence": "0.0%"}
        words[f"{hazard}_class"] = _class_words(project)
    notes = [text("note_bounds", language, bounds=f"{hazard_name(hazard, language)} "
                  + " / ".join(f"{bound:.3f}" for bound in made.bounds[hazard].upper[:-1]))
             for hazard in tables]
    return workbook.Sheet(
        **_level_words(level, project), frame=plain.join(made.wide(level)), words=words,
        title=text("title_risk_hazards", language, city=project.word("title")),
        headings={**headings(plain, language), **heads},
        formats={**formats(plain), **shown},
        notes=[*class_notes(results, level, project), *notes, *lines])


def _confidence(level: str, made: Assessment, project: Project, lines: list[str]
                ) -> workbook.Sheet:
    frame, language = made.confidence[level], project.language
    shares = ["confidence", *[c for c in frame if str(c).startswith("draws_")]]
    return workbook.Sheet(
        **_level_words(level, project), frame=frame, words={"risk_class": _class_words(project)},
        title=text("title_risk_confidence", language, city=project.word("title")),
        headings=headings(frame, language),
        formats={**dict.fromkeys(shares, "0.0%"),
                 **dict.fromkeys(("rank", "rank_low", "rank_high"), "0")},
        notes=[*confidence_notes(project), *lines])


def _tree(made: Assessment, project: Project, lines: list[str]) -> workbook.Sheet:
    """Return the indicator tree: what is measured, how, and what it weighs."""
    language, names = project.language, indicator_names(project)
    rows = []
    for entry in project.risk.indicators:
        row = made.tree.loc[entry.name]
        rows.append({
            "indicator": entry.name, "name": names[entry.name], "dimension": entry.dimension,
            "hazard": row["hazard"] or None, "measure": entry.measure,
            "source": _source_words(entry) or None,
            "unit": entry.unit or None, "direction": f"{entry.direction:+d}",
            "weight": row["weight"], "low": row["low"], "high": row["high"],
            "missing_rule": entry.missing, "missing": row["missing"], "filled": row["filled"]})
    frame = pd.DataFrame(rows).set_index("indicator")
    dimensions = {name: text(f"dimension_{name}", language)
                  for name in ("hazard", "exposure", "vulnerability", "capacity")}
    rules = {name: text(f"missing_{name}", language) for name in ("exclude", "median", "fail")}
    heads = {"indicator": text("head_key", language), "name": text("head_name", language),
             **{c: text(f"indicator_{c}", language) for c in frame.columns if c != "name"}}
    return workbook.Sheet(
        name=text("sheet_indicators", language), title=text("sheet_indicators", language),
        frame=frame, headings=heads, words={
            "dimension": dimensions, "missing_rule": rules,
            "hazard": {hazard: hazard_name(hazard, language) for hazard in made.by_hazard},
            "measure": {name: text(f"measure_{name}", language) for name in MEASURES}},
        formats={"weight": "0.000", "low": "0.####", "high": "0.####"}, notes=lines)


def _source_words(entry: Indicator) -> str:
    """Return what a measure reads: source and column, the value or radius that it takes."""
    words = ".".join(filter(None, (entry.source, entry.column)))
    words += "".join(f" {column}={value}" for column, value in entry.where.items())
    if entry.above is not None:
        words += f" > {entry.above:g}"
    return words + (f" ({entry.radius_m:g} m)" if entry.radius_m is not None else "")


def _bounds(made: Assessment, project: Project, lines: list[str]) -> workbook.Sheet:
    """Return the upper bounds of the classes of every index; the top class is open."""
    language, words = project.language, _class_words(project)
    codes = list(words)
    names = {name: text("risk_composite", language) if name == COMPOSITE
             else hazard_name(name, language) for name in made.bounds}
    rows = [{"bound_index": name, "name": names[name], "scheme": one.scheme, "period": one.period,
             **dict(zip(codes, one.upper, strict=True))}
            for name, one in made.bounds.items()]
    frame = pd.DataFrame(rows).set_index("bound_index")
    heads = {"bound_index": text("head_bound_index", language),
             **{c: text(f"head_{c}", language) for c in ("name", "scheme", "period")},
             **{code: f"{words[code]} ≤" for code in codes[:-1]},
             codes[-1]: text("head_largest", language)}
    return workbook.Sheet(
        name=text("sheet_bounds", language), title=text("sheet_bounds", language), frame=frame,
        headings=heads, formats=dict.fromkeys(codes, "0.0000"), notes=lines,
        words={"scheme": {one.scheme: text(f"scheme_{one.scheme}", language)
                          for one in made.bounds.values()}})

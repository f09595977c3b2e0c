"""What must stand under every map and table of risk: scheme, bounds, method, weights, gaps."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from qzrisk import rules
from qzrisk.levels import RISK_PALETTES
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.risk.assess import COMPOSITE, Assessment
from qzrisk.project import Project
from qzrisk.text import table, text

DIMENSIONS = ("hazard", "exposure", "vulnerability", "capacity")


def hazard_name(hazard: str, language: str) -> str:
    """Return the word of a hazard; a code of the project's own stays as it is."""
    key = f"hazard_{hazard}"
    return text(key, language) if key in table() else hazard


def indicator_names(project: Project) -> dict[str, str]:
    """Return indicator -> its word in the language of the project."""
    return {entry.name: entry.zh if project.language == "zh" else entry.en
            for entry in project.risk.indicators}


def risk_table(results: Results, level: str, hazard: str | None = None) -> pd.DataFrame:
    """Return the table of one level, of the composite or of one hazard."""
    if hazard is None or results.assessed is None:
        return results.risk[level]
    return results.assessed.by_hazard[hazard][level]


def class_bounds(results: Results, hazard: str | None = None) -> tuple[float, ...]:
    """Return the upper bounds of the classes, of the composite or of one hazard."""
    if results.assessed is None:
        return results.bounds
    return results.assessed.bounds[hazard or COMPOSITE].upper


def risk_palette(project: Project) -> str:
    """Return the name of the palette of the project's risk classes."""
    return RISK_PALETTES[project.risk.levels]


def relative(results: Results, project: Project, hazard: str | None = None) -> bool:
    """Tell whether the classes follow the data of this run, and not fixed or frozen bounds."""
    made = results.assessed
    if made is None:
        return not project.risk.bounds
    return not made.frozen and made.bounds[hazard or COMPOSITE].relative


def class_notes(results: Results, level: str, project: Project, hazard: str | None = None
                ) -> list[str]:
    """Return the notes that belong under a risk map or table.

    Scheme and bounds (relative where they follow the data), method and weights, how units are
    averaged, and what is missing or filled in.
    """
    language, made = project.language, results.assessed
    notes = [_scheme_note(results, project, hazard)]
    notes.append(text("note_weighted", language))
    if made is not None:
        notes += _weight_notes(made, project, hazard)
    missing = int(risk_table(results, level, hazard)["risk_class"].isna().sum())
    if missing:
        notes.append(text("note_missing", language, count=missing))
    if made is not None:
        notes += _gap_notes(made, project, hazard)
    return notes


def _scheme_note(results: Results, project: Project, hazard: str | None) -> str:
    language, made = project.language, results.assessed
    if made is not None and made.frozen:
        return text("note_frozen", language, period=made.frozen)
    scheme = (made.bounds[hazard or COMPOSITE].scheme if made is not None
              else "fixed" if project.risk.bounds else project.risk.scheme)
    if scheme == "fixed":
        return text("note_fixed", language)
    return text("note_relative", language, scheme=text(f"scheme_{scheme}", language))


def _listed(parts: Iterable[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(parts)


def weighted(weights: pd.Series, words: dict[str, str], language: str) -> str:
    """Return names with their weights in percent, in the order given."""
    gap = "" if language == "zh" else " "
    return _listed((f"{words[str(name)]}{gap}{weight:.0%}" for name, weight in weights.items()
                    if weight > 0), language)


def _weight_notes(made: Assessment, project: Project, hazard: str | None) -> list[str]:
    language, settings = project.language, project.risk
    words = {part: text(f"dimension_{part}", language) for part in DIMENSIONS}
    load = made.tree["weight"].groupby(made.tree["dimension"]).sum().reindex(DIMENSIONS).dropna()
    notes = [text("note_method", language, method=text(f"method_{settings.method}", language),
                  weights=weighted(load, words, language),
                  weighting=text(f"weighting_{settings.weighting}", language))]
    if made.consistency_ratio is not None:
        notes.append(text("note_consistency", language, ratio=made.consistency_ratio))
    if made.worst_judgement is not None:
        pair = made.worst_judgement
        notes.append(text("note_inconsistent", language, row=words[str(pair.row)],
                          column=words[str(pair.column)], given=pair.given, implied=pair.implied,
                          limit=rules.value("weighting", "ahp.consistency_limit")))
    if hazard is not None:
        own = made.members[hazard][(made.tree["hazard"] == hazard)]
        notes.append(text("note_hazard_own", language, names=weighted(
            own / own.sum(), indicator_names(project), language)))
    elif len(made.hazards):
        names = {str(h): hazard_name(str(h), language) for h in made.hazards.index}
        notes.append(text("note_hazards", language, weights=weighted(
            made.hazards["weight"], names, language)))
    return notes


def _gap_notes(made: Assessment, project: Project, hazard: str | None) -> list[str]:
    """Return which indicators lack values, which were filled, which say nothing."""
    language, names, notes = project.language, indicator_names(project), []
    gaps = (made.tree["missing"] - made.tree["filled"]).where(made.tree["weight"] > 0, 0)
    if not (gaps.any() or made.tree["filled"].any()):
        notes.append(text("note_complete", language, count=len(made.tree)))
    for key, counts in (("note_gaps", gaps), ("note_filled", made.tree["filled"])):
        words = [text("word_indicator_count", language, word=names[str(name)], count=int(count))
                 for name, count in counts.items() if count]
        if words:
            notes.append(text(key, language, words=_listed(words, language)))
    asked = list(made.by_hazard) if hazard is None else [hazard]
    absent = [hazard_name(one, language) for one in asked if not made.present[one].all()]
    if absent:
        notes.append(text("note_absent", language, names=_listed(absent, language)))
    flat = made.tree.index[made.tree["low"] == made.tree["high"]]
    if len(flat):
        notes.append(text("note_constant", language,
                          names=_listed((names[str(name)] for name in flat), language)))
    return notes


def confidence_notes(project: Project) -> list[str]:
    """Return what was drawn, and how to read the ranks."""
    settings = project.risk
    return [text("note_draws", project.language, draws=settings.draws,
                 concentration=settings.concentration, error=settings.data_error),
            text("note_rank", project.language)]

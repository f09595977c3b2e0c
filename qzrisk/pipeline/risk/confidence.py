"""How sure the classes of an assessment are: the Monte Carlo of every index at every level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qzrisk.analysis import classify
from qzrisk.analysis import risk as _risk
from qzrisk.project import Project
from qzrisk.units import ancestors

if TYPE_CHECKING:
    from qzrisk.pipeline.risk.assess import Assessment

Array = npt.NDArray[Any]

COMPOSITE = "composite"
"""Name of the multi-hazard index beside those of the hazards."""


def added(made: Assessment, units: pd.DataFrame, project: Project) -> Assessment:
    """Return the assessment with the confidence of the composite and of every hazard.

    Parameters
    ----------
    made : without confidence
    units : membership table
    project : its ``[risk]`` says how many draws and how wide

    Returns
    -------
    Assessment

    Notes
    -----
    A data error is that of a unit of the level: all its villages share it, so that it does not
    average out on the way up. A weighted mean is drawn for the units themselves; any other score
    village by village, and then averaged over persons as the index itself is.
    """
    linear = project.risk.method == "arithmetic"
    drawn_by = _of_means if linear else _of_villages
    confidence = {level: table[["name", "risk_class"]].join(
        drawn_by(made, units, project, level, None)) for level, table in made.tables.items()}
    by_hazard = {hazard: {level: table.join(
        drawn_by(made, units, project, level, hazard)["confidence"])
        for level, table in levels.items()} for hazard, levels in made.by_hazard.items()}
    return replace(made, confidence=confidence, by_hazard=by_hazard)


def _of_means(made: Assessment, units: pd.DataFrame, project: Project, level: str,
              hazard: str | None) -> pd.DataFrame:
    table = _table(made, level, hazard)
    means = made.means(level, units, hazard).reindex(table.index)
    load = made.tree["weight"] if hazard is None else made.members[hazard]
    return _told(table, project, lambda: _risk.rank_stability(
        means.where(table["risk_class"].notna()), load, **_law(made, project, hazard)))


def _of_villages(made: Assessment, units: pd.DataFrame, project: Project, level: str,
                 hazard: str | None) -> pd.DataFrame:
    table, village = _table(made, level, hazard), _table(made, "village", hazard)
    home = table.index.get_indexer(ancestors(units, level).reindex(village.index))
    # Villages themselves stand alone, whether or not anyone lives there.
    persons = village["persons"].to_numpy() if level != "village" else np.ones(len(village))
    part = village["risk_index"].notna().to_numpy() & (home >= 0) & (persons > 0)
    home, persons = home[part], persons[part]
    total = np.bincount(home, persons, len(table))
    values = made.scaled[part].to_numpy()
    of_village = _risk.hazard_score(made.tree, made.present[part], method=project.risk.method,
                                    hazard=hazard)

    def score(w: Array, errors: Array) -> Array:
        found = of_village(w, np.clip(values + errors[home], 0, 1))
        summed = np.bincount(home, persons * found, len(table))
        return np.divide(summed, total, out=np.full(len(table), np.nan), where=total > 0)

    return _told(table, project, lambda: _risk.score_stability(
        score, made.tree["weight"], table.index, **_law(made, project, hazard)))


def _table(made: Assessment, level: str, hazard: str | None) -> pd.DataFrame:
    return made.tables[level] if hazard is None else made.by_hazard[hazard][level]


def _law(made: Assessment, project: Project, hazard: str | None) -> dict[str, Any]:
    settings = project.risk
    bounds = made.bounds[hazard or COMPOSITE]
    return {"draws": settings.draws, "seed": project.seed, "error": settings.data_error,
            "concentration": settings.concentration, "bounds": bounds.upper}


def _told(table: pd.DataFrame, project: Project, draw: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """Return the share of draws in each class, that of the unit's own class, and the ranks."""
    codes = classify.level_codes(project.risk.levels)
    columns = {f"share_{code}": f"draws_{code}" for code in codes}
    kept = [*columns.values(), "confidence", "rank", "rank_low", "rank_high"]
    classes = table["risk_class"]
    if classes.isna().all():
        return pd.DataFrame(np.nan, index=table.index, columns=kept)
    drawn = draw().rename(columns=columns)
    own = pd.Series(np.nan, index=drawn.index)
    for code in codes:
        own = own.mask(classes == code, drawn[f"draws_{code}"])
    return drawn.assign(confidence=own)[kept]

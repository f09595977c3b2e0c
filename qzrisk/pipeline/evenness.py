"""How evenly a case shares its places: by size of catchment, and along the Lorenz curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from qzrisk.analysis import coverage
from qzrisk.units import ancestors, members

if TYPE_CHECKING:
    from qzrisk.pipeline.cases import Case

GROUPS = ("persons", "elderly", "children")
STEP = 0.05
"""Steps of the Lorenz curve, share of persons."""


def gini(access: pd.Series, persons: pd.Series, units: pd.Series) -> pd.Series:
    """Return the Gini by unit; a cell whose persons are unknown counts for nobody."""
    found = coverage.gini(access, persons.astype(float).fillna(0.0), units)
    assert isinstance(found, pd.Series)
    return found


def by_catchment(made: Case, units: pd.DataFrame, levels: tuple[str, ...]) -> pd.DataFrame:
    """Return places per person by unit and size of the catchment.

    Parameters
    ----------
    made : the case
    units : membership table
    levels : of units, in order

    Returns
    -------
    DataFrame(level, unit_id, name, catchment_min, places_per_person, without_share, gini, ...)
        The last three also with ``elderly_`` and ``children_`` before them; units with somebody to
        be moved. ``without_share``: share of persons with no shelter in the catchment.
    """
    return pd.concat([_of_level(made, units, level) for level in levels], ignore_index=True)


def _of_level(made: Case, units: pd.DataFrame, level: str) -> pd.DataFrame:
    """Return for every unit of a level that moves somebody its rows, one a catchment."""
    of = made.cells["unit_id"].map(ancestors(units, level))
    by_size = {}
    for size, access in made.catchments.items():
        columns = {}
        for group in (group for group in GROUPS if group in made.cells):
            stem = "" if group == "persons" else f"{group}_"
            persons = made.cells[group].astype(float)
            total = persons.groupby(of).sum()
            total = total.where(total > 0)
            columns[f"{stem}places_per_person"] = (access * persons).groupby(of).sum() / total
            columns[f"{stem}without_share"] = persons.where(access == 0, 0.0).groupby(
                of).sum() / total
            columns[f"{stem}gini"] = gini(access, persons, of)
        by_size[size] = pd.DataFrame(columns)
    table = pd.concat(by_size, names=["catchment_min", "unit_id"]).reset_index()
    place = {unit: number for number, unit in enumerate(members(units, level))}
    order = np.lexsort((table["catchment_min"], table["unit_id"].map(place)))
    table = table.iloc[order]
    first = pd.DataFrame({"level": level, "unit_id": table["unit_id"],
                          "name": table["unit_id"].map(units["name"])})
    return first.join(table.drop(columns="unit_id"))


def lorenz(made: Case, units: pd.DataFrame, levels: tuple[str, ...]) -> pd.DataFrame:
    """Return the Lorenz curves of access, by unit and share of persons from the worst served.

    Returns
    -------
    DataFrame(level, unit_id, name, persons_share, access_share, ...)
        ``access_share`` also for the elderly and children; NaN where nobody has any access.
    """
    cells, access = made.cells, made.cells["places_per_person"]
    steps = np.round(np.arange(0, 1 + STEP / 2, STEP), 10)
    parts = []
    for level in levels:
        of = cells["unit_id"].map(ancestors(units, level))
        inside = cells.groupby(of).groups
        for unit in members(units, level)[members(units, level).isin(list(inside))]:
            part = pd.DataFrame({"level": level, "unit_id": unit, "name": units.loc[unit, "name"],
                                 "persons_share": steps})
            for group in (group for group in GROUPS if group in cells):
                stem = "" if group == "persons" else f"{group}_"
                persons = cells.loc[inside[unit], group].astype(float).fillna(0.0)
                part[f"{stem}access_share"] = _curve(access[inside[unit]], persons, steps)
            parts.append(part)
    columns = ["level", "unit_id", "name", "persons_share", "access_share"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _curve(access: pd.Series, persons: pd.Series, steps: np.ndarray) -> np.ndarray:
    if not persons.sum() > 0:
        return np.full(len(steps), np.nan)
    curve = coverage.lorenz(access, persons)
    return np.interp(steps, curve["persons_share"], curve["access_share"])

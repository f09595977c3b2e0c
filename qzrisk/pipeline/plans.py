"""Who goes to which shelter: by stages of units, with people of a cell split or kept together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qzrisk.analysis import coverage
from qzrisk.analysis.coverage.allocation import Within
from qzrisk.costs import CostMatrix
from qzrisk.project import Project
from qzrisk.units import ancestors

STAGES: Mapping[str, Mapping[str, str]] = {
    "village": {"village": "village", "other_village": "town", "county": "county"},
    "town": {"town": "town", "county": "county"},
    "county": {"whole_county": "county"},
    "city": {"whole_city": ""},
}
"""``[coverage] within`` -> stage of a plan -> level of unit that nobody leaves in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who goes to which shelter.

    Attributes
    ----------
    moves : DataFrame(origin, destination, persons, stage, minutes), whole persons above 0.
    unserved : DataFrame(origin, persons, reason): everyone else.
    split : may the people of one cell go to several shelters.
    gap, cost_gap : how far the persons served and their walking can be from the best, 0..1; the
        largest of the stages. 0 where people may be split: that plan is proven best.
    """

    moves: pd.DataFrame
    unserved: pd.DataFrame
    split: bool = True
    gap: float = 0.0
    cost_gap: float = 0.0


def plan(project: Project, cells: pd.DataFrame, shelters: pd.DataFrame, every: CostMatrix, *,
         units: pd.DataFrame, open_costs: CostMatrix | None, off_network: pd.Index | None) -> Plan:
    """Place everyone to be moved, in the own unit first, and name the reason for all others.

    Parameters
    ----------
    project : says how far from their unit people may go, and whether a cell may be split
    cells : by demand_id, with ``unit_id, persons``
    shelters : by shelter_id, with ``unit_id, places, counts, excluded``
    every : minutes to all shelters that serve the hazard, also those that do not count
    units : membership table
    open_costs : the same with all roads open, or None where none is closed
    off_network : cells without a way to the main network, or None without roads
    """
    costs = every.select(destinations=shelters.index[shelters["counts"]])
    stages = {name: _within(level, cells, shelters, units)
              for name, level in STAGES[project.coverage.within].items()}
    persons, places = cells["persons"], shelters["places"]
    if project.coverage.split:
        moves, gap, cost_gap = coverage.staged_allocation(costs, persons, places,
                                                          stages=stages), 0.0, 0.0
    else:
        moves, gap, cost_gap = _together(costs, persons, places, stages)
    rows = costs.origins.get_indexer(pd.Index(moves["origin"]))
    columns = costs.destinations.get_indexer(pd.Index(moves["destination"]))
    moves["minutes"] = np.asarray(costs.matrix[rows, columns]).ravel() if len(moves) else 0.0
    room = places - moves.groupby("destination")["persons"].sum().reindex(places.index,
                                                                          fill_value=0)
    left = coverage.unserved(
        moves, every, persons, excluded=shelters.loc[every.destinations, "excluded"],
        within=list(stages.values())[-1], open_costs=open_costs, off_network=off_network,
        room=None if project.coverage.split else room)
    return Plan(moves=moves, unserved=left, split=project.coverage.split, gap=gap,
                cost_gap=cost_gap)


def _within(level: str, cells: pd.DataFrame, shelters: pd.DataFrame, units: pd.DataFrame
            ) -> Within:
    if not level:
        return None
    of = ancestors(units, level)
    return cells["unit_id"].map(of), shelters["unit_id"].map(of)


def _together(costs: CostMatrix, persons: pd.Series, places: pd.Series,
              stages: Mapping[str, Within]) -> tuple[pd.DataFrame, float, float]:
    """Stages one after the other, a cell as a whole; the moves and the largest gaps."""
    parts, gaps, cost_gaps = [], [0.0], [0.0]
    for name, within in stages.items():
        found = coverage.allocation_together(costs, persons, places, within=within)
        sent, taken = (found.plan.groupby(side)["persons"].sum()
                       for side in ("origin", "destination"))
        persons = persons - sent.reindex(persons.index, fill_value=0)
        places = places - taken.reindex(places.index, fill_value=0)
        parts.append(found.plan.assign(stage=name))
        gaps.append(found.gap)
        cost_gaps.append(found.cost_gap)
    return pd.concat(parts, ignore_index=True), max(gaps), max(cost_gaps)

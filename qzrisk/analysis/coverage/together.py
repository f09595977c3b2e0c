"""Allocation in which the people of one place stay together: a mixed-integer program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse

from qzrisk.analysis.coverage.allocation import Within, apart, whole_pairs
from qzrisk.costs import CostMatrix

GAP = 1e-3
NODES = 500
"""Default relative gap and number of branch-and-bound nodes at which the solver stops."""

EXACT_PAIRS = 300
"""Parts of more pairs find the least cost for the people already chosen, not for as many others:
one equation for all pairs of a part would take hours where these take seconds."""

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Together:
    """A plan and how far from the best it can be.

    Attributes
    ----------
    plan : DataFrame(origin, destination, persons), one row a served origin
    served_persons : persons in the plan
    bound_persons : no plan serves more
    gap : (bound - served) / bound, 0..1; 0 where the number served is proven best
    cost_gap : (cost - bound) / cost, 0..1, over plans that serve as many in each part of up to
        `EXACT_PAIRS` pairs and the same people in each larger one
    status : {"optimal", "gap"}
        ``"gap"`` where the solver stopped at its limits and ``gap`` is above 0.
    """

    plan: pd.DataFrame
    served_persons: int
    bound_persons: float
    gap: float
    cost_gap: float
    status: str


def allocation_together(
    costs: CostMatrix,
    demand: pd.Series,
    capacity: pd.Series,
    *,
    within: Within = None,
    gap: float = GAP,
    nodes: int = NODES,
) -> Together:
    """Allocate every demand point as a whole to one shelter, or not at all.

    Parameters
    ----------
    costs, demand, capacity, within : as `allocation`
    gap : float
        Relative gap at which a solution is good enough; 0 asks for proof.
    nodes : int
        Most nodes of branch and bound a part; the solver has no clock, so that runs repeat.

    Returns
    -------
    Together

    Raises
    ------
    As `allocation`.

    Notes
    -----
    Generalised assignment: most persons served, then least cost among plans that serve as many
    (in large parts the same people, see `EXACT_PAIRS`).
    Demand and shelters that share no pair, such as towns under `within`, are solved apart, which is
    what makes a whole city quick. A demand point larger than every shelter in reach is not served.

    References
    ----------
    Martello & Toth (1990), Knapsack Problems, ch. 7.

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a", "b"], ["s", "s"], [1, 2], unit="min")
    >>> found = allocation_together(costs, pd.Series({"a": 3, "b": 4}), pd.Series({"s": 5}))
    >>> found.plan.values.tolist(), found.gap
    ([['b', 's', 4]], 0.0)
    """
    used, persons, places = whole_pairs(costs, demand, capacity, within)
    rows, columns = used.rows, used.matrix.indices
    fits = np.flatnonzero((persons[rows] > 0) & (persons[rows] <= places[columns]))
    size, price = persons[rows[fits]].astype(float), used.matrix.data[fits]
    taken = np.zeros(len(fits), dtype=bool)
    bound, least = 0.0, 0.0
    for part in apart(rows[fits], columns[fits], used.matrix.shape):
        taken[part], most, cheapest = _solved(size[part], price[part], rows[fits][part],
                                              columns[fits][part], places, gap, nodes)
        bound, least = bound + most, least + cheapest
    served, spent = int(size[taken].sum()), float(size[taken] @ price[taken])
    short = (bound - served) / bound if bound else 0.0
    pairs = fits[taken]
    plan = pd.DataFrame({"origin": used.origins.take(rows[pairs]),
                         "destination": used.destinations.take(columns[pairs]),
                         "persons": persons[rows[pairs]]})
    return Together(plan, served, bound, short, max(spent - least, 0.0) / spent if spent else 0.0,
                    "gap" if short > 0 else "optimal")


def _solved(size: Array, price: Array, i: Ints, j: Ints, places: Ints, gap: float, nodes: int
            ) -> tuple[Bools, float, float]:
    """Pairs taken in one part, the bound of persons served and that of the cost."""
    n, pair = len(size), np.arange(len(size))
    (people, row), (shelters, column) = (np.unique(ids, return_inverse=True) for ids in (i, j))
    once = sparse.csr_array((np.ones(n), (row, pair)), shape=(len(people), n))
    loads = sparse.csr_array((size, (column, pair)), shape=(len(shelters), n))
    room = optimize.LinearConstraint(loads, ub=places[shelters])
    most = _milp(-size, [optimize.LinearConstraint(once, ub=1), room], gap, nodes)
    taken = np.zeros(n, dtype=bool) if most.x is None else most.x > 0.5
    served = size[taken].sum()
    total = size[np.unique(row, return_index=True)[1]].sum()
    bound = total if most.mip_dual_bound is None else np.floor(1e-6 - most.mip_dual_bound)
    chosen = once @ taken.astype(float)
    rules = [room, optimize.LinearConstraint(once, lb=chosen, ub=chosen)] if n > EXACT_PAIRS else [
        room, optimize.LinearConstraint(once, ub=1),
        optimize.LinearConstraint(size[None, :], lb=served)]
    cheap = _milp(size * price, rules, gap, nodes)
    if cheap.x is not None:
        taken = cheap.x > 0.5
    least = 0.0 if cheap.mip_dual_bound is None else float(cheap.mip_dual_bound)
    # The cheap plan may serve more than asked, never less.
    return taken, float(max(bound, size[taken].sum())), least


def _milp(cost: Array, rules: list[optimize.LinearConstraint], gap: float, nodes: int) -> Any:
    return optimize.milp(cost, integrality=np.ones(len(cost)), bounds=optimize.Bounds(0, 1),
                         constraints=rules, options={"mip_rel_gap": gap, "node_limit": nodes})

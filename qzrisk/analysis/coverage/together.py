"""Allocation in which the people of one place stay together: a mixed-integer program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse

from qzrisk.analysis.coverage.allocation import Within, whole_pairs
from qzrisk.costs import CostMatrix

GAP = 1e-3
NODES = 20_000
"""Default relative gap and number of branch-and-bound nodes at which the solver stops."""


@dataclass(frozen=True)
class Together:
    """A plan and how far from the best it can be.

    Attributes
    ----------
    plan : DataFrame(origin, destination, persons), one row a served origin
    served_persons : persons in the plan
    bound_persons : no plan serves more
    gap : (bound - served) / bound, 0..1; 0 where the number served is proven best
    cost_gap : the same for the total cost among plans that serve as many; NaN if not sought
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
        Most nodes of branch and bound; the solver has no clock, so that runs repeat.

    Returns
    -------
    Together

    Raises
    ------
    As `allocation`.

    Notes
    -----
    Generalised assignment: most persons served, then least cost among plans that serve as many.
    A demand point larger than every shelter in reach is not served.

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
    i, j = rows[fits], columns[fits]
    if not len(fits):
        return Together(_plan(used, fits, persons), 0, 0.0, 0.0, float("nan"), "optimal")
    size, n = persons[i].astype(float), len(fits)
    pair = np.arange(n)
    once = sparse.csr_array((np.ones(n), (i, pair)), shape=(len(persons), n))
    room = sparse.csr_array((size, (j, pair)), shape=(len(places), n))
    rules = [optimize.LinearConstraint(once, ub=1), optimize.LinearConstraint(room, ub=places)]
    most = _solve(-size, rules, gap, nodes)
    chosen = _chosen(most, n)
    served = int(size[chosen].sum())
    bound = max(float(np.floor(-most.mip_dual_bound + 1e-6)), float(served))
    rules.append(optimize.LinearConstraint(size[None, :], lb=served))
    cheap = _solve(size * used.matrix.data[fits], rules, gap, nodes)
    if cheap.x is not None:
        chosen = _chosen(cheap, n)
    short = (bound - served) / bound if bound else 0.0
    return Together(_plan(used, fits[chosen], persons), served, bound, short,
                    float("nan") if cheap.x is None else float(cheap.mip_gap),
                    "gap" if short > 0 else "optimal")


def _solve(cost: npt.NDArray[np.float64], rules: list[optimize.LinearConstraint], gap: float,
           nodes: int) -> Any:
    return optimize.milp(cost, integrality=np.ones(len(cost)), bounds=optimize.Bounds(0, 1),
                         constraints=rules, options={"mip_rel_gap": gap, "node_limit": nodes})


def _chosen(result: Any, n: int) -> npt.NDArray[np.bool_]:
    if result.x is None:
        return np.zeros(n, dtype=bool)
    taken: npt.NDArray[np.bool_] = result.x > 0.5
    return taken


def _plan(costs: CostMatrix, pairs: npt.NDArray[np.intp], persons: npt.NDArray[np.int64]
          ) -> pd.DataFrame:
    return pd.DataFrame({"origin": costs.origins.take(costs.rows[pairs]),
                         "destination": costs.destinations.take(costs.matrix.indices[pairs]),
                         "persons": persons[costs.rows[pairs]]})

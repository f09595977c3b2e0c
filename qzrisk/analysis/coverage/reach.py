"""Who reaches a shelter at all: nearest, covered, shares by threshold, backup."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from qzrisk.analysis.coverage.kernels import nearest_k
from qzrisk.costs import CostMatrix, check_limit
from qzrisk.errors import ConfigError, ReachError, SchemaError

LADDER_M = (500.0, 1000.0, 2000.0)
LADDER_MIN = (5.0, 10.0, 15.0, 30.0)


def aligned(values: pd.Series, ids: pd.Index, *, what: str) -> pd.Series:
    """Return numbers in the order of ids.

    Raises
    ------
    ReachError
        If an id has no value in the Series.
    SchemaError
        If an id occurs twice, or a number is missing or negative.
    """
    if not values.index.is_unique:
        raise SchemaError("an id occurs twice", expected="unique ids",
                          where=f"{what}: {values.index[values.index.duplicated()][0]}")
    bad = values.index[~(values >= 0).to_numpy(dtype=bool)]
    if len(bad):
        raise SchemaError("a number that is missing or negative", where=f"{what}: {bad[0]}",
                          expected=">= 0", got=f"{values.loc[bad[0]]} ({len(bad)} rows)",
                          mend="estimate or drop it before, and say so")
    if values.index.equals(ids):
        return values
    lost = ids.difference(values.index, sort=False)
    if len(lost):
        raise ReachError(f"costs name an id that {what} lacks", where=f"{what}: {lost[0]}",
                         got=f"{len(lost)} ids")
    return values.reindex(ids)


def id_rank(ids: pd.Index) -> np.ndarray:
    """Return the rank of each id in id order, by which ties are broken."""
    rank = np.empty(len(ids), dtype=np.int64)
    rank[ids.argsort()] = np.arange(len(ids))
    return rank


def k_nearest(costs: CostMatrix, *, k: int) -> pd.DataFrame:
    """Nearest k destinations of every origin; ties go to the least id.

    Parameters
    ----------
    costs : CostMatrix
    k : int, >= 1

    Returns
    -------
    DataFrame(origin, destination, rank, cost), cost in ``costs.unit``
        In the order of the origins, then of rank 1..k; fewer rows where fewer are within reach.

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a", "a", "a"], ["t", "s", "r"], [2, 2, 1], unit="min")
    >>> k_nearest(costs, k=2).values.tolist()
    [['a', 'r', 1, 1.0], ['a', 's', 2, 2.0]]
    """
    if k < 1:
        raise ConfigError("at least one nearest is wanted", where="k", expected=">= 1", got=k)
    m = costs.matrix
    offsets, chosen, order = nearest_k(m.indptr, m.indices, m.data, id_rank(costs.destinations), k)
    return pd.DataFrame({
        "origin": costs.origins.repeat(np.diff(offsets)),
        "destination": costs.destinations.take(m.indices[chosen]),
        "rank": order,
        "cost": m.data[chosen],
    })


def nearest(costs: CostMatrix) -> pd.DataFrame:
    """Nearest destination of every origin; ties go to the least id.

    Parameters
    ----------
    costs : CostMatrix

    Returns
    -------
    DataFrame(destination, cost), indexed by origin, cost in ``costs.unit``
        NaN where nothing is within reach.

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a", "a"], ["t", "s"], [2, 2], unit="min",
    ...                               origins=["a", "b"])
    >>> nearest(costs)["destination"].tolist()
    ['s', nan]
    """
    found = k_nearest(costs, k=1).set_index("origin")[["destination", "cost"]]
    return found.reindex(costs.origins.rename("origin"))


def covered(costs: CostMatrix, *, max_cost: float) -> pd.Series:
    """Tell which origins have at least one destination within a limit.

    Parameters
    ----------
    costs : CostMatrix
    max_cost : float, in ``costs.unit``

    Returns
    -------
    bool Series ``covered``, indexed by origin

    Examples
    --------
    >>> from qzrisk import CostMatrix
    >>> costs = CostMatrix.from_pairs(["a"], ["s"], [400.0], unit="m", origins=["a", "b"])
    >>> covered(costs, max_cost=500.0).to_dict()
    {'a': True, 'b': False}
    """
    return (backup(costs, max_cost=max_cost) > 0).rename("covered")


def backup(costs: CostMatrix, *, max_cost: float) -> pd.Series:
    """Count the destinations of every origin within a limit: 2 or more are a backup.

    Parameters
    ----------
    costs : CostMatrix
    max_cost : float, in ``costs.unit``

    Returns
    -------
    integer Series ``destinations``, indexed by origin

    Notes
    -----
    The share of persons with a backup is ``covered_share(backup(...) >= 2, persons)``.

    References
    ----------
    Hogan & ReVelle (1986), Concepts and applications of backup coverage.
    """
    limit = check_limit(max_cost)
    counted = np.concatenate([[0], np.cumsum(costs.matrix.data <= limit)])
    return pd.Series(np.diff(counted[costs.matrix.indptr]), index=costs.origins,
                     name="destinations")


def covered_share(
    covered: pd.Series, persons: pd.Series, units: pd.Series | None = None
) -> float | pd.Series:
    """Share of persons (not of points) who are covered.

    Parameters
    ----------
    covered : bool Series, indexed by demand_id
    persons : Series, persons, indexed by demand_id
        Persons of a demand that `covered` does not list count as not covered.
    units : Series of unit_id, indexed by demand_id, optional
        Without it one number for all.

    Returns
    -------
    float, or Series ``covered_persons_share`` indexed unit_id (sorted); 0..1
        NaN where a unit has no persons. Demand without a unit (NaN) counts in no unit.

    Raises
    ------
    ReachError
        If `covered` names a demand that `persons` lacks, or `persons` one that `units` lacks.
    SchemaError
        If `covered` is not bool, or persons are missing or negative.

    Examples
    --------
    >>> inside = pd.Series([True, False], index=["a", "b"])
    >>> covered_share(inside, pd.Series([30, 10], index=["a", "b"]))
    0.75
    """
    if covered.dtype != bool:
        raise SchemaError("covered must be True or False", where="covered", got=covered.dtype)
    aligned(persons, covered.index, what="persons")
    counted = persons.astype(float)
    inside = counted.where(covered.reindex(persons.index, fill_value=False), 0.0)
    if units is None:
        return float(inside.sum() / counted.sum()) if counted.sum() > 0 else float("nan")
    lost = persons.index.difference(units.index)
    if len(lost):
        raise ReachError("a demand without an entry in units", where=f"units: {lost[0]}",
                         got=f"{len(lost)} ids")
    of = units.reindex(persons.index)
    total, inside = counted.groupby(of).sum(), inside.groupby(of).sum()
    return (inside / total.where(total > 0)).rename("covered_persons_share").rename_axis("unit_id")


def ladder(
    costs: CostMatrix,
    persons: pd.Series,
    *,
    bounds: Sequence[float] | None = None,
    units: pd.Series | None = None,
) -> pd.Series | pd.DataFrame:
    """Share of persons covered at each of several thresholds.

    Parameters
    ----------
    costs : CostMatrix
    persons : Series, persons, indexed by demand_id
    bounds : thresholds in ``costs.unit``, optional
        By default `LADDER_M` or `LADDER_MIN`.
    units : Series of unit_id, indexed by demand_id, optional

    Returns
    -------
    Series indexed by threshold, or DataFrame units x thresholds; 0..1
        Never falls from a threshold to a longer one. NaN where a unit has no persons.
    """
    steps = bounds if bounds is not None else LADDER_M if costs.unit == "m" else LADDER_MIN
    shares = {bound: covered_share(covered(costs, max_cost=bound), persons, units)
              for bound in sorted(steps)}
    if units is None:
        return pd.Series(shares, name="covered_persons_share").rename_axis(f"max_{costs.unit}")
    return pd.DataFrame(shares).rename_axis(columns=f"max_{costs.unit}")

"""Places per person by floating catchments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from qzrisk.analysis.coverage.reach import aligned
from qzrisk.costs import CostMatrix, check_limit
from qzrisk.errors import ConfigError

Array = npt.NDArray[np.float64]
Decay = str | Sequence[tuple[float, float]] | Callable[[Array], Array]
"""``"gaussian"``, ``"epanechnikov"``, steps of (bound, weight), or a function of costs."""


def _gaussian(share: Array) -> Array:
    edge = np.exp(-0.5)
    return (np.exp(-0.5 * share * share) - edge) / (1 - edge)


def _epanechnikov(share: Array) -> Array:
    return 0.75 - 0.75 * share * share


_KERNELS: dict[str, Callable[[Array], Array]] = {
    "gaussian": _gaussian, "epanechnikov": _epanechnikov}


def decay_weights(costs: Array, *, max_cost: float, decay: Decay) -> Array:
    """Weight of each cost under a distance decay.

    Parameters
    ----------
    costs : array, in the unit of `max_cost`
    max_cost : float
        Catchment limit d0; costs beyond it weigh 0.
    decay : {"gaussian", "epanechnikov"}, steps of (bound, weight) or a function of costs
        A cost takes the weight of the first step whose bound is not below it; beyond the last
        bound it weighs 0.

    Returns
    -------
    array, 0..1 (Epanechnikov 0..0.75)

    Raises
    ------
    ConfigError
        If the decay is unknown, the bounds do not rise, or a weight is negative or not finite.

    Notes
    -----
    Gaussian ``(exp(-(d/d0)^2/2) - exp(-1/2)) / (1 - exp(-1/2))``; Epanechnikov
    ``0.75 (1 - (d/d0)^2)``.

    References
    ----------
    Dai (2010), 10.1016/j.healthplace.2010.06.012 (Gaussian); Dai & Wang (2011) (Epanechnikov);
    Luo & Qi (2009), 10.1016/j.healthplace.2009.06.002 (steps).

    Examples
    --------
    >>> decay_weights(np.array([0., 500.]), max_cost=1000, decay="gaussian").round(6).tolist()
    [1.0, 0.701367]
    """
    limit = check_limit(max_cost)
    if callable(decay):
        weights = np.asarray(decay(costs), dtype=np.float64)
    elif isinstance(decay, str):
        if decay not in _KERNELS or not 0 < limit < np.inf:
            raise ConfigError("unknown decay, or a limit it cannot scale by", got=(decay, max_cost),
                              expected=f"{', '.join(_KERNELS)} or steps; 0 < max_cost < inf")
        weights = _KERNELS[decay](costs / limit)
    else:
        weights = _stepped(costs, decay)
    if len(weights) and not (weights.max() < np.inf
                             and np.min(weights, where=costs <= limit, initial=0.0) >= 0):
        raise ConfigError("weights must be finite and not negative", where="decay",
                          got=(weights.min(), weights.max()))
    if len(costs) and costs.max() > limit:
        weights = np.where(costs <= limit, weights, 0.0)
    return weights


def _stepped(costs: Array, steps: Sequence[tuple[float, float]]) -> Array:
    bounds, weights = (np.array(column, dtype=float) for column in zip(*steps, strict=True))
    if (np.diff(bounds) <= 0).any():
        raise ConfigError("bounds of steps must rise", where="decay", got=bounds.tolist())
    step = np.searchsorted(bounds, costs, side="left")
    result: Array = np.append(weights, 0.0)[step]
    return result


def two_step(costs: CostMatrix, demand: pd.Series, capacity: pd.Series, *, max_cost: float
             ) -> pd.Series:
    """Places per person within reach of each demand point (two-step floating catchment).

    Parameters
    ----------
    costs : CostMatrix, demand x shelters
        A missing pair is out of reach.
    demand : Series, persons, indexed demand_id
        A demand that `costs` does not list has no pair.
    capacity : Series, persons, indexed shelter_id
    max_cost : float, in ``costs.unit``
        Catchment limit; inclusive.

    Returns
    -------
    Series ``places_per_person``, indexed as `demand`
        0.0 where no shelter is within `max_cost`; never NaN.

    Raises
    ------
    ReachError
        If `costs` names a demand or shelter that `demand` or `capacity` lacks.
    SchemaError
        If persons or places are missing or negative.
    ConfigError
        If `max_cost` is negative or NaN.

    Notes
    -----
    ``R_j = S_j / sum(P_k, d_kj <= d0)``, ``A_i = sum(R_j, d_ij <= d0)``. Summed over demand,
    access times persons equals the capacity of all shelters that have a person within reach; a
    shelter with nobody in reach adds nothing.

    References
    ----------
    Luo & Wang (2003), 10.1068/b29120.

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a", "b", "b"], ["s", "s", "t"], [5, 9, 9], unit="min")
    >>> two_step(costs, pd.Series({"a": 10, "b": 30}), pd.Series({"s": 20, "t": 15}),
    ...          max_cost=10).tolist()
    [0.5, 1.0]
    """
    limit = check_limit(max_cost)
    inside = costs.matrix.data <= limit
    return _access(costs, inside.astype(np.float64), demand, capacity)


def e2sfca(costs: CostMatrix, demand: pd.Series, capacity: pd.Series, *, max_cost: float,
           decay: Decay = "gaussian") -> pd.Series:
    """Places per person with distance decay in both steps (enhanced two-step floating catchment).

    Parameters
    ----------
    costs, demand, capacity, max_cost : as `two_step`
    decay : as `decay_weights`

    Returns
    -------
    Series ``places_per_person``, indexed as `demand`
        0.0 where no shelter is within `max_cost`; never NaN.

    Raises
    ------
    As `two_step` and `decay_weights`.

    Notes
    -----
    ``R_j = S_j / sum(w_kj P_k)``, ``A_i = sum(w_ij R_j)``. Summed over demand, access times persons
    equals the capacity of all shelters that have a person with a weight above 0.

    References
    ----------
    Luo & Qi (2009), 10.1016/j.healthplace.2009.06.002; Dai (2010); Dai & Wang (2011).

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a", "b"], ["s", "s"], [0, 15], unit="min")
    >>> e2sfca(costs, pd.Series({"a": 64, "b": 50}), pd.Series({"s": 98}), max_cost=30,
    ...        decay=[(10, 1), (20, 0.68), (30, 0.22)]).round(4).tolist()
    [1.0, 0.68]
    """
    weights = decay_weights(costs.matrix.data, max_cost=max_cost, decay=decay)
    return _access(costs, weights, demand, capacity)


def sensitivity(costs: CostMatrix, demand: pd.Series, capacity: pd.Series, *,
                max_costs: Sequence[float], decay: Decay | None = None) -> pd.DataFrame:
    """Places per person under several catchment sizes, which matter most at community scale.

    Parameters
    ----------
    costs, demand, capacity : as `two_step`
    max_costs : catchment limits, in ``costs.unit``
    decay : as `decay_weights`, optional
        None weighs all within the limit alike.

    Returns
    -------
    DataFrame, demand x limits, places per person

    References
    ----------
    Chen & Jia (2019), comparison of 24 models.
    """
    found: dict[float, Any] = {}
    for limit in sorted(max_costs):
        found[limit] = (two_step(costs, demand, capacity, max_cost=limit) if decay is None else
                        e2sfca(costs, demand, capacity, max_cost=limit, decay=decay))
    return pd.DataFrame(found).rename_axis(columns=f"max_{costs.unit}")


def _access(costs: CostMatrix, weights: Array, demand: pd.Series, capacity: pd.Series
            ) -> pd.Series:
    persons = aligned(demand, costs.origins, what="demand").to_numpy(dtype=float)
    places = aligned(capacity, costs.destinations, what="capacity").to_numpy(dtype=float)
    m = costs.matrix
    weighted = sparse.csr_array((weights, m.indices, m.indptr), shape=m.shape)
    sharing = weighted.T @ persons
    ratio = np.divide(places, sharing, where=sharing > 0, out=np.zeros(len(places)))
    access = pd.Series(weighted @ ratio, index=costs.origins, name="places_per_person")
    if demand.index.equals(costs.origins):
        return access.set_axis(demand.index)
    return access.reindex(demand.index, fill_value=0.0)

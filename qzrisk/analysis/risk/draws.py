"""How sure a level is where the score is no weighted mean: a plain loop over the draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from qzrisk.analysis.risk.scores import PARTS, aggregate
from qzrisk.analysis.risk.stability import (
    Array,
    check_law,
    level_bounds,
    report,
    simulate,
    streams,
)
from qzrisk.analysis.risk.tree import LEAST_CAPACITY
from qzrisk.analysis.scaling import check_weights

Score: TypeAlias = Callable[[Array, Array], Array]

INTERVAL = 0.90
"""Probability of the rank interval."""


def score_stability(
    score: Score,
    weights: pd.Series,
    units: pd.Index,
    *,
    draws: int = 1000,
    seed: int,
    concentration: float = 100.0,
    error: float = 0.0,
    bounds: Sequence[float] | Array,
) -> pd.DataFrame:
    """Share of draws that put a unit in each level, by any way of scoring.

    Parameters
    ----------
    score : function (weights, errors) -> scores of `units`
        `weights` is an array of one number an indicator, sum 1; `errors` an array units x
        indicators to be added to the indicators of a unit. Called twice with the same it must
        return the same; NaN where a unit has no score, in every draw or in none.
    weights : the chosen weights, indexed by indicator, sum 1
    units : unit_id of the scores
    draws, seed, concentration, error, bounds : as for `rank_stability`

    Returns
    -------
    DataFrame indexed by `units`
        As that of `rank_stability`, ``rank_low`` and ``rank_high`` enclosing `INTERVAL`.

    Raises
    ------
    ConfigError
        If an argument is out of range.

    Notes
    -----
    `rank_stability` draws one normal number a unit, which is right for weighted means alone. Here
    every indicator has its own. Weights drawn are those of `rank_stability` for the same seed.

    Examples
    --------
    >>> X = np.array([[0.1, 0.2], [0.9, 0.8]])
    >>> made = score_stability(lambda w, e: ((X + e) * (w / w.max())).max(axis=1),
    ...                        pd.Series({"a": 0.5, "b": 0.5}), pd.Index(["low", "high"]),
    ...                        draws=50, seed=1, error=0.01, bounds=[0.25, 0.5, 0.7])
    >>> made["share_red"].tolist(), made["rank_high"].tolist()
    ([0.0, 1.0], [2.0, 1.0])
    """
    w, columns = check_weights(weights, weights.index), len(weights)
    check_law(draws, concentration, INTERVAL, np.array([error], dtype=float))
    used = w > 0
    none = np.zeros((len(units), columns))
    chosen = np.asarray(score(w, none), dtype=float)
    known = ~np.isnan(chosen)
    upper = level_bounds(chosen[known], bounds)
    of_weights, of_noise = streams(seed)

    def scored(size: int) -> Array:
        drawn = np.zeros((size, columns))
        drawn[:, used] = of_weights.dirichlet(concentration * w[used], size)
        return np.array([score(one, error * of_noise.standard_normal(none.shape) if error
                               else none)[known] for one in drawn])

    shares, low, high = simulate(scored, int(known.sum()), upper, draws, INTERVAL)
    return report(units, known, chosen[known], shares, low, high)


def hazard_score(tree: pd.DataFrame, present: pd.DataFrame, *, method: str,
                 hazard: str | None = None) -> Score:
    """Return the score of a hazard, or of the composite, as a function of arrays.

    Parameters
    ----------
    tree : DataFrame indexed by indicator: dimension, hazard
    present : bool DataFrame, units x hazards, see `presence`
    method : one of `METHODS`
    hazard : None for the composite

    Returns
    -------
    function (weights, values) -> scores
        Of an array of one weight an indicator and of indicators on [0, 1] units x indicators; the
        same as `hazard_scores` and `composite` of frames, in a fraction of the time.
    """
    own = (tree["dimension"] == "hazard").to_numpy()
    mine = {name: own & (tree["hazard"] == name).to_numpy() if name else own
            for name in present.columns}
    parts = [(tree["dimension"] == part).to_numpy() for part in PARTS]
    there = {name: present[name].to_numpy(dtype=bool) for name in present.columns}

    def of_hazard(name: str, w: Array, values: Array) -> Array:
        load = np.where(own, 0.0, w)
        load[mine[name]] = _inside(w, mine[name]) * w[own].sum()
        made = (_hazard_product(values, load, parts) if method == "product"
                else aggregate(values[:, load > 0], load[load > 0], method))
        return np.where(there[name] | np.isnan(made), made, 0.0)

    def of_all(w: Array, values: Array) -> Array:
        load = {name: w[mine[name]].sum() for name in mine}
        whole = sum(load.values())
        return np.asarray(sum(
            (part / whole if whole > 0 else 1 / len(load)) * of_hazard(name, w, values)
            for name, part in load.items() if part > 0 or whole == 0))

    if hazard is None:
        return of_all
    return lambda w, values: of_hazard(hazard, w, values)


def _inside(w: Array, mine: Array) -> Array:
    """Shares of a hazard's own indicators among themselves."""
    part = w[mine].sum()
    return np.asarray(w[mine] / part if part > 0 else np.full(mine.sum(), 1 / max(mine.sum(), 1)))


def _hazard_product(values: Array, load: Array, parts: list[Array]) -> Array:
    heavy = [part & (load > 0) for part in parts]
    means = [values[:, part] @ (load[part] / load[part].sum()) if part.any() else None
             for part in heavy]
    made = np.ones(len(values))
    for mean in means[:3]:
        made = made * (1.0 if mean is None else mean)
    lack = means[3]
    # Normalised capacity is the lack of it.
    return made if lack is None else made * LEAST_CAPACITY / (
        LEAST_CAPACITY + (1 - LEAST_CAPACITY) * (1 - lack))

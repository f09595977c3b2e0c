"""What a score is made of: the multi-hazard composite, TOPSIS and the account of one unit."""

# ruff: noqa: N803 - X, L, E, C and S are the letters of the literature.

from __future__ import annotations

import numpy as np
import pandas as pd

from qzrisk.analysis.scaling import (
    Array,
    Directions,
    Weights,
    check_directions,
    check_table,
    check_weights,
)
from qzrisk.errors import ConfigError


def composite(X: pd.DataFrame, weights: Weights) -> pd.DataFrame:
    """Multi-hazard composite of each unit, with the share that each hazard has in it.

    Parameters
    ----------
    X : DataFrame >= 0, one column a hazard, indexed unit_id
        Scores on one scale, high = risky.
    weights : one a column, by name or in order, sum 1

    Returns
    -------
    DataFrame indexed as `X`
        ``score``, the weighted mean, and ``share_<hazard>`` in [0, 1], sum 1. All NaN where a
        hazard of weight > 0 is missing; shares are NaN where the score is 0.

    Raises
    ------
    ConfigError
        If a score is negative or weights do not fit.

    Examples
    --------
    >>> X = pd.DataFrame({"flood": [0.6], "surge": [0.2]})
    >>> composite(X, [0.5, 0.5]).round(2).iloc[0].tolist()
    [0.4, 0.75, 0.25]
    """
    parts = _contributions(X, weights)
    score = parts.sum(axis=1, skipna=False)
    shares = parts.div(score.where(score > 0), axis=0).add_prefix("share_")
    return pd.concat([score.rename("score"), shares], axis=1)


def explain(X: pd.DataFrame, weights: Weights, unit: object) -> pd.DataFrame:
    """Break one unit's score down into what each indicator adds to it.

    Parameters
    ----------
    X : DataFrame of normalised indicators, high = risky, indexed unit_id
    weights : one a column, by name or in order, sum 1
    unit : an id in the index of `X`

    Returns
    -------
    DataFrame indexed by indicator, the largest contribution first
        ``value``; ``weight``; ``contribution`` = weight x value (their sum is the index);
        ``share`` of the index; ``median`` of all units; ``rank`` of the unit among those known
        (1 = most risky). NaN where the indicator is missing, and ``share`` also where the index
        is not known or 0.

    Raises
    ------
    ConfigError
        If the unit is not in the index or weights do not fit.

    Examples
    --------
    >>> X = pd.DataFrame({"rain": [0.2, 0.9], "slope": [0.5, 0.1]}, index=["A", "B"])
    >>> explain(X, [0.5, 0.5], "B")[["contribution", "rank"]].values.tolist()
    [[0.45, 1.0], [0.05, 2.0]]
    """
    if unit not in X.index:
        raise ConfigError("unknown unit", where="unit", got=unit,
                          expected=f"one of {len(X)} ids, e.g. {list(X.index[:3])}")
    w = pd.Series(check_weights(weights, X.columns), index=X.columns)
    check_table(X)
    value = X.loc[unit].astype(float)
    contribution = value * w
    total = contribution[w > 0].sum(skipna=False)
    made = pd.DataFrame({
        "value": value,
        "weight": w,
        "contribution": contribution,
        "share": contribution / (total if total else np.nan),
        "median": X.median(),
        "rank": X.rank(ascending=False, method="min").loc[unit],
    })
    made.index.name = "indicator"
    return made.sort_values("contribution", ascending=False, kind="stable", na_position="last")


def topsis(
    X: pd.DataFrame, weights: Weights, directions: Directions, *, normalise: str = "vector"
) -> pd.Series:
    """Rank by closeness to the riskiest ideal (technique for order preference by similarity).

    Parameters
    ----------
    X : DataFrame, one column an indicator in its own unit, indexed unit_id
    weights : one a column, by name or in order, sum 1
    directions : +1 (raises risk) or -1 a column
    normalise : {"vector", "minmax"}
        Division by the column's Euclidean norm (Hwang and Yoon), or min-max.

    Returns
    -------
    Series named ``closeness`` in [0, 1], indexed as `X`
        1 = worst in every indicator. NaN where an indicator of weight > 0 is missing. 0.5 for all
        where no indicator tells the units apart.

    Raises
    ------
    ConfigError
        If weights, directions or values do not fit.

    Notes
    -----
    C = d- / (d+ + d-) with Euclidean distances to the worst and to the best corner met.

    References
    ----------
    Hwang and Yoon (1981), Multiple Attribute Decision Making.

    Examples
    --------
    >>> X = pd.DataFrame([[4, 4], [1, 5], [3, 2], [4, 2]])
    >>> topsis(X, [0.5, 0.5], [1, -1], normalise="minmax").round(4).tolist()
    [0.6126, 0.0, 0.7829, 1.0]
    """
    values, sign = check_table(X), check_directions(directions, X.columns)
    w = check_weights(weights, X.columns)
    used = w > 0
    known = ~np.isnan(values[:, used]).any(axis=1)
    made = np.full(len(X), np.nan)
    if known.any():
        scaled = _scale(values[known][:, used], normalise) * w[used] * sign[used]
        to_best = np.sqrt(((scaled - scaled.max(axis=0)) ** 2).sum(axis=1))
        to_worst = np.sqrt(((scaled - scaled.min(axis=0)) ** 2).sum(axis=1))
        whole = to_best + to_worst
        made[known] = np.divide(to_worst, whole, out=np.full(len(whole), 0.5), where=whole > 0)
    return pd.Series(made, index=X.index, name="closeness")


def _contributions(X: pd.DataFrame, weights: Weights) -> pd.DataFrame:
    values, w = check_table(X), check_weights(weights, X.columns)
    if (values < 0).any():
        raise ConfigError("shares need scores >= 0", where="X", got=float(np.nanmin(values)))
    # A hazard of weight 0 adds nothing, known or not.
    return pd.DataFrame(np.where(w > 0, values * w, 0.0), index=X.index, columns=X.columns)


def _scale(values: Array, how: str) -> Array:
    if how == "vector":
        size = np.sqrt((values**2).sum(axis=0))
    elif how == "minmax":
        values = values - values.min(axis=0)
        size = values.max(axis=0)
    else:
        raise ConfigError("unknown normalisation", where="normalise", expected="vector, minmax",
                          got=how)
    return np.asarray(values / np.where(size > 0, size, 1))

"""Indicators to one score: weighted means, the hazard product, the worst indicator."""

# ruff: noqa: N803 - X, L, E, C and S are the letters of the literature.

from __future__ import annotations

import numpy as np
import pandas as pd

from qzrisk.analysis.scaling import Array, Weights, by_column, check_table, check_weights
from qzrisk.errors import ConfigError

PARTS = ("hazard", "exposure", "vulnerability", "capacity")
METHODS = ("arithmetic", "geometric", "product", "maximum", "topsis")
"""How indicators become one score."""


def index(
    X: pd.DataFrame, weights: Weights | None = None, *, method: str = "arithmetic"
) -> pd.Series:
    """Composite index of normalised indicators.

    Parameters
    ----------
    X : DataFrame in [0, 1], high = risky, indexed unit_id
        For ``"product"``: columns hazard, exposure, vulnerability and, if known, capacity
        (high = able, > 0).
    weights : one number a column, by name or in order, sum 1
        Left out only for ``"product"`` (all exponents 1), ``"maximum"`` and ``"topsis"`` (all
        equal).
    method : {"arithmetic", "geometric", "product", "maximum", "topsis"}

    Returns
    -------
    Series named ``index``, indexed as `X`
        In [0, 1] but for ``"product"`` (>= 0). NaN where any indicator of weight > 0 is missing:
        nothing is filled in here.

    Raises
    ------
    ConfigError
        If weights do not fit or do not sum to 1, an indicator is negative where a root or a
        product is taken, or capacity is not above 0.

    Notes
    -----
    arithmetic: sum w x. geometric: product x^w. product: H E V / C, each to the power of its
    weight where weights are given. maximum: max w x / max w, the worst indicator decides. topsis:
    d- / (d+ + d-) of the weighted distances to the corners where all indicators are 0 and 1: the
    ends of the scale stand for the worst and the best unit met, so that a score means the same for
    other units and next year (`topsis` takes the corners met).

    Examples
    --------
    >>> X = pd.DataFrame({"a": [1.0, 0.25], "b": [0.0, 1.0]})
    >>> index(X, [0.5, 0.5]).tolist(), index(X, [0.5, 0.5], method="geometric").tolist()
    ([0.5, 0.625], [0.0, 0.5])
    """
    values = check_table(X)
    if method not in METHODS:
        raise ConfigError("unknown method", where="method", got=method,
                          expected=", ".join(METHODS))
    if weights is None and method in ("arithmetic", "geometric"):
        raise ConfigError("weights are needed", where=f"method {method}",
                          mend="qz.weights.equal(X.columns)")
    if method == "product":
        made = _product(X, values, weights)
    else:
        even = np.full(X.shape[1], 1 / max(X.shape[1], 1))
        w = check_weights(even if weights is None else weights, X.columns)
        made = aggregate(values[:, w > 0], w[w > 0], method)
    return pd.Series(made, index=X.index, name="index")


def aggregate(values: Array, w: Array, method: str) -> Array:
    """Return the index of arrays, units x indicators, all weights above 0; see `index`."""
    if method == "arithmetic":
        return np.asarray(values @ w)
    if method == "maximum":
        # max passes NaN on: a missing indicator might be the worst.
        return np.asarray((values * (w / w.max())).max(axis=1))
    if method == "topsis":
        to_low, to_high = (np.sqrt((((values - end) * w) ** 2).sum(axis=1)) for end in (0, 1))
        return np.asarray(to_low / (to_low + to_high))
    if (values < 0).any():
        raise ConfigError("a geometric mean needs indicators >= 0", where="X",
                          got=float(np.nanmin(values)), mend="qz.risk.normalise(X, directions)")
    missing = np.isnan(values).any(axis=1)
    return np.where(missing, np.nan, np.prod(np.where(np.isnan(values), 1, values) ** w, axis=1))


def _product(X: pd.DataFrame, values: Array, weights: Weights | None) -> Array:
    if not set(PARTS[:3]) <= set(X.columns) or not set(X.columns) <= set(PARTS):
        raise ConfigError("the hazard product has its own columns", where="X",
                          expected=f"{', '.join(PARTS)} (capacity may be left out)",
                          got=list(X.columns))
    power = np.ones(len(X.columns)) if weights is None else by_column(
        weights, X.columns, where="weights")
    over = np.asarray(X.columns == "capacity")
    if (values[:, ~over] < 0).any() or (values[:, over] <= 0).any():
        raise ConfigError("the hazard product divides by capacity", where="X",
                          expected="hazard, exposure, vulnerability >= 0 and capacity > 0",
                          mend="scale capacity into e.g. [0.1, 1] before the division")
    return np.asarray(np.prod(values ** np.where(over, -power, power), axis=1))

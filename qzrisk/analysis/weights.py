"""Weights of indicators: AHP, entropy, CRITIC, equal, manual, and their combination."""

# ruff: noqa: N803 - X, L, E, C and S are the letters of the literature.

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from qzrisk import rules
from qzrisk.analysis.scaling import (
    WEIGHT_SLACK,
    Directions,
    check_directions,
    check_table,
    normalise,
)
from qzrisk.errors import ConfigError

Array = npt.NDArray[np.float64]

_RECIPROCAL_TOLERANCE = 0.02
"""Judgements are typed with two or three digits: 0.33 stands for 1/3."""


class Judgement(NamedTuple):
    """The judgement that disturbs a comparison matrix most.

    Attributes
    ----------
    row, column : names (or numbers) of the two criteria.
    given : judgement in the matrix: how many times more `row` matters than `column`.
    implied : ratio of the two weights that the whole matrix gives.
    """

    row: object
    column: object
    given: float
    implied: float


def ahp(
    matrix: pd.DataFrame | npt.ArrayLike, *, random_index: str = "saaty"
) -> tuple[pd.Series, float]:
    """Weights of the analytic hierarchy process: principal eigenvector of a comparison matrix.

    Parameters
    ----------
    matrix : n x n DataFrame (named criteria) or array, n >= 1
        ``a[i, j]``: how many times more i matters than j, so that ``a[j, i] = 1 / a[i, j]``.
    random_index : {"saaty", "chinese"}
        Table of random indices, in the rule pack ``weighting``; the two differ by up to 10 %.

    Returns
    -------
    (weights, consistency_ratio)
        Series > 0 that sums to 1, indexed by the criteria; and CR, to be below 0.10 (0 for n < 3).

    Raises
    ------
    ConfigError
        If the matrix is not square, positive and reciprocal, or the table has no entry for n.

    Notes
    -----
    CI = (lambda_max - n) / (n - 1), CR = CI / RI(n). The table used belongs beside the result.

    References
    ----------
    Saaty (1980), The Analytic Hierarchy Process.

    Examples
    --------
    >>> w, cr = ahp([[1, 3, 5], [1 / 3, 1, 2], [1 / 5, 1 / 2, 1]])
    >>> w.round(6).tolist(), round(cr, 6)
    ([0.648329, 0.229651, 0.12202], 0.003185)
    """
    judgements = _judgements(matrix)
    n = len(judgements)
    table = rules.value("weighting", f"ahp.{random_index}")
    if n > len(table):
        raise ConfigError("no random index for a matrix of this size", where=f"ahp.{random_index}",
                          expected=f"n <= {len(table)}", got=n,
                          mend="group the criteria into a hierarchy")
    roots, vectors = np.linalg.eig(judgements.to_numpy())
    main = int(np.argmax(roots.real))
    vector = np.abs(vectors[:, main].real)
    index = max(float(roots[main].real) - n, 0.0) / max(n - 1, 1)
    ratio = index / table[n - 1] if n > 2 else 0.0
    return pd.Series(vector / vector.sum(), index=judgements.index, name="weight"), ratio


def most_inconsistent(matrix: pd.DataFrame | npt.ArrayLike) -> Judgement:
    """Name the judgement farthest from the ratio of the weights: the one to ask about again.

    Parameters
    ----------
    matrix : as for `ahp`, n >= 2

    Returns
    -------
    Judgement
        The pair with the largest ``|log(a[i, j] w[j] / w[i])|``, read in the direction in which
        `given` >= 1. The first such pair if several tie: for n = 3 all three always do.

    Raises
    ------
    ConfigError
        As `ahp`; also if there is only one criterion.

    References
    ----------
    Saaty (2003), Decision-making with the AHP: why is the principal eigenvector necessary.

    Examples
    --------
    >>> w = np.array([8, 4, 2, 1])
    >>> matrix = w[:, None] / w
    >>> matrix[0, 3], matrix[3, 0] = 1 / 2, 2
    >>> most_inconsistent(matrix)[:3]
    (3, 0, 2.0)
    """
    judgements = _judgements(matrix)
    if len(judgements) < 2:
        raise ConfigError("one criterion is never inconsistent", where="matrix", expected="n >= 2")
    w = ahp(judgements)[0].to_numpy()
    a = judgements.to_numpy()
    # Rounded, so that pairs that tie in theory tie here too and the first one is named.
    gap = np.round(np.abs(np.log(a * w[None, :] / w[:, None])), 9)
    i, j = np.unravel_index(int(np.argmax(np.triu(gap, 1))), gap.shape)
    if a[i, j] < 1:
        i, j = j, i
    names = judgements.index
    return Judgement(names[i], names[j], float(a[i, j]), float(w[i] / w[j]))


def entropy(X: pd.DataFrame, directions: Directions, *, normalise: str = "minmax") -> pd.Series:
    """Entropy weights: an indicator that tells the units apart weighs more.

    Parameters
    ----------
    X : DataFrame, one column an indicator, indexed unit_id
        Units with a missing indicator are left out, with a warning.
    directions : +1 or -1 a column, by name or in order
    normalise : {"minmax", "sum"}
        Min-max with directions first (the usual way), or the shares of the raw values, which
        must be >= 0; there the direction does not matter.

    Returns
    -------
    Series named ``weight``, >= 0, sum 1, indexed by the columns
        0 for a constant column.

    Raises
    ------
    ConfigError
        If fewer than two units are complete or no column tells them apart.

    Notes
    -----
    p = r / sum r; e = -sum p ln p / ln m with 0 ln 0 = 0 (no shift of zeros); w = (1 - e) / sum.

    References
    ----------
    Shannon (1948); Zeleny (1982), Multiple Criteria Decision Making.

    Examples
    --------
    >>> entropy(pd.DataFrame({"a": [1.0, 2, 9], "b": [5.0, 5, 6]}), [1, 1]).round(3).tolist()
    [0.406, 0.594]
    """
    complete = _complete(X)
    if normalise == "sum":
        check_directions(directions, X.columns)
        shares = complete.to_numpy(dtype=float)
        if (shares < 0).any():
            raise ConfigError("shares need values >= 0", where="X", got=float(shares.min()),
                              mend="normalise='minmax'")
    elif normalise == "minmax":
        shares = _scaled(complete, directions)
    else:
        raise ConfigError("unknown normalisation", where="normalise", expected="minmax, sum",
                          got=normalise)
    total = shares.sum(axis=0)
    p = np.divide(shares, total, out=np.full_like(shares, 1 / len(shares)), where=total > 0)
    e = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=0) / np.log(len(p))
    return _weights(np.where(np.ptp(shares, axis=0) == 0, 0, 1 - e), X.columns)


def critic(X: pd.DataFrame, directions: Directions) -> pd.Series:
    """CRITIC weights: contrast of an indicator times its conflict with the others.

    Parameters
    ----------
    X, directions
        As for `entropy`.

    Returns
    -------
    Series named ``weight``, >= 0, sum 1, indexed by the columns
        0 for a constant column.

    Raises
    ------
    ConfigError
        As `entropy`; also if all indicators are one and the same.

    Notes
    -----
    On min-max values: c_j = sd_j sum_k (1 - r_jk), w = c / sum c. A constant column is in
    conflict with none.

    References
    ----------
    Diakoulaki, Mavrotas and Papayannakis (1995).

    Examples
    --------
    >>> critic(pd.DataFrame({"a": [1.0, 2, 3], "b": [3.0, 2, 1]}), [1, 1]).tolist()
    [0.5, 0.5]
    """
    scaled = _scaled(_complete(X), directions)
    sd = scaled.std(axis=0, ddof=1)
    centred = scaled - scaled.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
    conflict = 1 - unit.T @ unit
    np.fill_diagonal(conflict, 0)
    conflict[:, norm == 0] = 0
    # Rounding leaves 1e-16 of conflict between equal columns: no information.
    return _weights(sd * np.where(conflict < 1e-12, 0, conflict).sum(axis=1), X.columns)


def equal(names: Iterable[str]) -> pd.Series:
    """Equal weights.

    Parameters
    ----------
    names : names of the indicators, e.g. ``X.columns``

    Returns
    -------
    Series named ``weight``, sum 1, indexed by `names`

    Examples
    --------
    >>> equal(["a", "b"]).tolist()
    [0.5, 0.5]
    """
    columns = pd.Index(list(names))
    return _weights(np.ones(len(columns)), columns)


def manual(weights: Mapping[str, float] | pd.Series, *, rescale: bool = False) -> pd.Series:
    """Weights set by hand, checked.

    Parameters
    ----------
    weights : indicator -> weight, >= 0
    rescale : bool
        Divide by the sum, whatever it is; otherwise the sum must be 1 (0.005 is forgiven).

    Returns
    -------
    Series named ``weight``, sum 1, indexed by the indicators

    Raises
    ------
    ConfigError
        If a weight is negative or no number, or the sum is not 1.

    Examples
    --------
    >>> manual({"rain": 3, "slope": 1}, rescale=True).tolist()
    [0.75, 0.25]
    """
    try:
        given = pd.Series(weights, dtype=float)
    except (TypeError, ValueError) as error:
        raise ConfigError("weights are numbers", where="weights", got=str(error)) from error
    if not rescale and abs(given.sum() - 1) > WEIGHT_SLACK:
        raise ConfigError("weights do not sum to 1", where="weights", got=f"{given.sum():g}",
                          mend="correct them, or rescale=True")
    return _weights(given.to_numpy(), given.index)


def combine(*weights: pd.Series) -> pd.Series:
    """Multiply several weightings into one (subjective x objective), normalised.

    Parameters
    ----------
    *weights : Series over the same indicators, e.g. of `ahp` and of `entropy`

    Returns
    -------
    Series named ``weight``, sum 1, in the order of the first

    Raises
    ------
    ConfigError
        If the indicators differ, or the product is 0 everywhere.

    Notes
    -----
    w = prod_m w_m / sum prod_m w_m. Equal weights change nothing; a weight 0 stays 0.

    References
    ----------
    Multiplicative synthesis as common in Chinese comprehensive-evaluation practice.

    Examples
    --------
    >>> a, b = manual({"x": 0.6, "y": 0.4}), manual({"x": 0.2, "y": 0.8})
    >>> combine(a, b).round(4).tolist()
    [0.2727, 0.7273]
    """
    if not weights:
        raise ConfigError("nothing to combine", where="weights", expected=">= 1 Series")
    first = weights[0]
    product = np.ones(len(first))
    for other in weights:
        if set(other.index) != set(first.index) or other.index.has_duplicates:
            raise ConfigError("weightings of different indicators", where="weights",
                              expected=list(first.index), got=list(other.index))
        product = product * other.reindex(first.index).to_numpy(dtype=float)
    return _weights(product, first.index)


def _judgements(matrix: pd.DataFrame | npt.ArrayLike) -> pd.DataFrame:
    table = matrix if isinstance(matrix, pd.DataFrame) else pd.DataFrame(np.asarray(matrix))
    try:
        a = table.to_numpy(dtype=float)
    except (TypeError, ValueError) as error:
        raise ConfigError("judgements are positive numbers", where="matrix", got=str(error)
                          ) from error
    if a.ndim != 2 or a.shape[0] != a.shape[1] or not a.size:
        raise ConfigError("a comparison matrix is square", where="matrix", got=a.shape)
    if isinstance(matrix, pd.DataFrame) and list(table.index) != list(table.columns):
        raise ConfigError("rows and columns name different criteria", where="matrix",
                          expected=list(table.index), got=list(table.columns))
    if not (np.isfinite(a) & (a > 0)).all():
        raise ConfigError("judgements are positive numbers", where="matrix", got=a.tolist())
    wrong = np.abs(a * a.T - 1) > _RECIPROCAL_TOLERANCE
    if wrong.any():
        i, j = np.argwhere(wrong)[0]
        raise ConfigError("judgements are not reciprocal",
                          where=f"{table.index[i]} against {table.columns[j]}",
                          expected=f"{1 / a[i, j]:.4g}", got=f"{a[j, i]:.4g}",
                          mend="a[j, i] = 1 / a[i, j], and 1 on the diagonal")
    return pd.DataFrame(a, index=table.index, columns=table.index)


def _complete(X: pd.DataFrame) -> pd.DataFrame:
    """Units without a missing indicator, at least two of them."""
    known = ~np.isnan(check_table(X)).any(axis=1)
    if not known.all():
        warnings.warn(f"weights leave out {int((~known).sum())} of {len(X)} units with a missing "
                      "indicator", UserWarning, stacklevel=3)
    if known.sum() < 2:
        raise ConfigError("objective weights need two complete units", where="X",
                          expected=">= 2", got=int(known.sum()), mend="use equal or AHP weights")
    return X[known]


def _scaled(X: pd.DataFrame, directions: Directions) -> Array:
    with warnings.catch_warnings():
        # A constant column is told by its weight 0.
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(normalise(X, directions))


def _weights(raw: Array, columns: pd.Index) -> pd.Series:
    total = float(raw.sum())
    if not np.isfinite(raw).all() or (raw < 0).any() or not total > 0 or columns.has_duplicates:
        raise ConfigError("no weights can be made", where=f"{list(columns)}",
                          expected="unique names, numbers >= 0, not all 0 (indicators that tell "
                          "the units apart)", got=raw.tolist())
    return pd.Series(raw / total, index=columns, name="weight")

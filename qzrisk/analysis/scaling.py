"""Indicator tables: what they must hold, and min-max normalisation."""

# ruff: noqa: N803 - X, L, E, C and S are the letters of the literature.

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from qzrisk.errors import ConfigError

Array = npt.NDArray[np.float64]
Directions: TypeAlias = Mapping[str, int] | Sequence[int] | pd.Series
Weights: TypeAlias = Mapping[str, float] | Sequence[float] | pd.Series | Array

CONSTANT = 0.5
"""Normalised value of a column whose values are all equal: it tells the units nothing."""

WEIGHT_SLACK = 0.005
"""Weights may miss 1 by this much (printed roundings); they are rescaled to 1."""


def by_column(values: Mapping[str, float] | Sequence[float] | pd.Series | Array, columns: pd.Index,
              *, where: str) -> Array:
    """Return one number a column, matched by name where the values have names."""
    if isinstance(values, Mapping):
        values = pd.Series(values)
    if isinstance(values, pd.Series) and not isinstance(values.index, pd.RangeIndex):
        if set(values.index) != set(columns):
            raise ConfigError("names do not match the columns", where=where,
                              expected=list(columns), got=list(values.index))
        values = values.reindex(columns)
    found = np.asarray(values, dtype=np.float64)
    if found.shape != (len(columns),):
        raise ConfigError("one number a column is needed", where=where,
                          expected=f"{len(columns)}: {list(columns)}", got=found.shape)
    return found


def check_directions(directions: Directions, columns: pd.Index) -> Array:
    """Return +1 or -1 for each column."""
    found = by_column(directions, columns, where="directions")
    if not np.isin(found, (-1, 1)).all():
        raise ConfigError("a direction is +1 (raises risk) or -1 (lowers it)", where="directions",
                          got=found.tolist())
    return found


def check_weights(weights: Weights, columns: pd.Index) -> Array:
    """Return weights that sum to 1."""
    found = by_column(weights, columns, where="weights")
    if not (np.isfinite(found).all() and (found >= 0).all()
            and abs(found.sum() - 1) <= WEIGHT_SLACK):
        raise ConfigError("weights must be >= 0 and sum to 1", where="weights",
                          expected=f"1 within {WEIGHT_SLACK}", got=f"{found.tolist()}, "
                          f"sum {found.sum():g}", mend="qz.weights.manual(weights, rescale=True)")
    total = found.sum()
    # A sum that is 1 but for rounding is left alone, bit by bit.
    return found if abs(total - 1) < 1e-12 else np.asarray(found / total)


def check_table(X: pd.DataFrame) -> Array:
    """Return the numbers of an indicator table; infinite ones and text are refused."""
    if not isinstance(X, pd.DataFrame) or X.columns.has_duplicates or X.index.has_duplicates:
        raise ConfigError("indicators come as a DataFrame with unique columns and index", where="X",
                          got=type(X).__name__)
    try:
        values = X.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ConfigError("indicators must be numbers", where="X",
                          got=X.dtypes.to_dict()) from error
    if np.isinf(values).any():
        raise ConfigError("infinite indicator", where="X",
                          got=X.columns[np.isinf(values).any(axis=0)].tolist(),
                          mend="replace infinite values by NaN or by a number")
    return np.asarray(values)


def normalise(X: pd.DataFrame, directions: Directions) -> pd.DataFrame:
    """Min-max normalisation: 0 the least risky, 1 the most risky value of each indicator.

    Parameters
    ----------
    X : DataFrame, one column an indicator, indexed unit_id
    directions : one of +1 (raises risk) and -1 (lowers it) a column, by name or in order

    Returns
    -------
    DataFrame in [0, 1], index and columns of `X`
        NaN stays NaN and moves no other value; a column whose values are all equal becomes
        `CONSTANT` and warns.

    Raises
    ------
    ConfigError
        If a value is infinite or no number, or a direction is neither +1 nor -1.

    Notes
    -----
    (x - min) / (max - min), or (max - x) / (max - min) where the direction is -1.

    Examples
    --------
    >>> X = pd.DataFrame({"rain_mm": [0.0, 5, 10], "beds": [1.0, 2, 3]})
    >>> normalise(X, [1, -1]).iloc[1:].values.tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    values, sign = check_table(X), check_directions(directions, X.columns)
    made = np.full(values.shape, np.nan)
    for j, column in enumerate(X.columns):
        known = ~np.isnan(values[:, j])
        if not known.any():
            continue
        x = values[known, j]
        low, high = x.min(), x.max()
        if low == high:
            warnings.warn(f"{column}: all values equal {low:g}, normalised to {CONSTANT}",
                          UserWarning, stacklevel=2)
            made[known, j] = CONSTANT
        else:
            # Halves first: high - low of huge numbers would overflow.
            share = (x / 2 - low / 2) / (high / 2 - low / 2)
            made[known, j] = share if sign[j] > 0 else 1 - share
    return pd.DataFrame(made, index=X.index, columns=X.columns)

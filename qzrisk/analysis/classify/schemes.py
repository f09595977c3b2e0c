"""From numbers to ordered levels: always all levels, never a level for the missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from qzrisk.analysis.classify.breaks import natural_breaks
from qzrisk.errors import ConfigError
from qzrisk.levels import FOUR_LEVELS

Array = npt.NDArray[np.float64]

LEVEL_CODES: dict[int, tuple[str, ...]] = {
    3: ("low", "medium", "high"),
    4: FOUR_LEVELS,
    5: ("low", "fairly_low", "medium", "fairly_high", "high"),
}
"""Codes of the levels, low to high, by their number."""


def level_codes(k: int) -> tuple[str, ...]:
    """Return the codes of k levels, low to high: `FOUR_LEVELS` for four.

    Examples
    --------
    >>> level_codes(4), level_codes(2)
    (('blue', 'yellow', 'orange', 'red'), ('class_1', 'class_2'))
    """
    return LEVEL_CODES.get(k) or tuple(f"class_{i + 1}" for i in range(k))


def classes(
    series: pd.Series,
    *,
    scheme: str = "natural_breaks",
    k: int = 4,
    bounds: Sequence[float] | Array | None = None,
) -> pd.Series:
    """Ordered levels of a numeric series, right-closed: a value on a bound takes the lower level.

    Parameters
    ----------
    series : Series of numbers
        NaN is no data.
    scheme : {"natural_breaks", "quantile", "equal_interval", "std_dev", "head_tail", "fixed"}
        All but ``"fixed"`` follow the data: their levels are relative (`RELATIVE_SCHEMES`).
    k : int
        Number of levels.
    bounds : k - 1 or k numbers, only with ``"fixed"``
        Increasing upper bounds of the levels. The top level is open: a k-th bound is the largest
        value of the year that froze the bounds and limits nothing.

    Returns
    -------
    Series of ordered Categorical with the k codes of `level_codes`, indexed as `series`
        All k levels are categories, also the empty ones. NaN = no data, never a level.

    Raises
    ------
    ConfigError
        If the scheme is unknown, a value is infinite or not a number, or the bounds do not fit.

    Warns
    -----
    UserWarning
        If a level stays empty, saying why (few distinct values, ties, or nothing to class).

    Notes
    -----
    With fewer distinct values than levels the lowest levels are used, so that a constant column
    is all of the lowest level and never of the highest. Units of several administrative levels
    share one set of bounds: take `class_bounds` once and pass it as ``"fixed"``.

    Examples
    --------
    >>> series = pd.Series([10.0, 70, 71, 400, None])
    >>> classes(series, scheme="fixed", bounds=[70, 160, 320]).tolist()
    ['blue', 'blue', 'yellow', 'red', nan]
    """
    values = _numbers(series)
    known = ~np.isnan(values)
    codes = level_codes(k)
    if bounds is None and scheme in RELATIVE_SCHEMES and not known.any():
        level = np.zeros(values.size, dtype=np.intp)
    else:
        upper = class_bounds(series, scheme=scheme, k=k, bounds=bounds)
        level = np.searchsorted(upper[:-1], values, side="left")
    if scheme in RELATIVE_SCHEMES or not known.any():
        _warn_empty(series, codes, level[known])
    made = pd.Categorical.from_codes(
        np.where(known, level, -1).tolist(), categories=list(codes), ordered=True
    )
    return pd.Series(made, index=series.index, name=series.name)


def class_bounds(
    series: pd.Series,
    *,
    scheme: str = "natural_breaks",
    k: int = 4,
    bounds: Sequence[float] | Array | None = None,
) -> Array:
    """Upper bounds of the k levels that `classes` cuts at.

    Parameters
    ----------
    series, scheme, k, bounds
        As in `classes`.

    Returns
    -------
    array of k floats, unit of `series`
        Never falling. Two equal bounds enclose an empty level. The last is the largest value, or
        infinity for ``"fixed"`` with k - 1 bounds.

    Raises
    ------
    ConfigError
        As `classes`; also if a data-driven scheme meets no value at all.

    Notes
    -----
    quantile: empirical quantiles with linear interpolation. equal_interval: equal steps between
    least and largest. std_dev: mean plus whole (k even) or half (k odd) standard deviations
    (ddof 1), symmetric. head_tail: mean, then the mean of what lies above it, and so on (Jiang
    2013), to k levels at most. natural_breaks: exact Fisher-Jenks; fewer distinct values than
    k: one level a value.

    Examples
    --------
    >>> class_bounds(pd.Series([0.0, 4.0]), scheme="equal_interval").tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    if k < 2:
        raise ConfigError("a classification needs two levels", where="k", expected=">= 2", got=k)
    values = _numbers(series)
    if scheme == "fixed":
        return _fixed(bounds, k)
    if scheme not in _SCHEMES:
        raise ConfigError("unknown scheme", expected=", ".join([*_SCHEMES, "fixed"]), got=scheme)
    if bounds is not None:
        raise ConfigError("bounds are given, but the scheme computes its own", where="bounds",
                          expected="scheme='fixed'", got=f"scheme={scheme!r}")
    present = np.sort(values[~np.isnan(values)])
    if not present.size:
        raise ConfigError("no value to take bounds from", where=str(series.name), got="all NaN")
    upper = np.minimum(_SCHEMES[scheme](present, k), present[-1])
    return np.append(np.maximum.accumulate(upper), present[-1])


def bound_words(bounds: Sequence[float] | Array, *, digits: int = 3) -> dict[str, str]:
    """Return each level's interval in signs, for the legend: code -> ``"(70, 160]"``.

    Parameters
    ----------
    bounds : k numbers
        As `class_bounds` returns them.
    digits : int
        Significant digits printed; more are used where two bounds would read the same.

    Examples
    --------
    >>> bound_words([70, 160, 320, float("inf")])
    {'blue': '≤ 70', 'yellow': '(70, 160]', 'orange': '(160, 320]', 'red': '> 320'}
    """
    upper = [float(bound) for bound in bounds]
    inner = upper[:-1]
    distinct = len(set(inner))
    words = [f"{bound:.{digits}g}" for bound in inner]
    while len(set(words)) < distinct and digits < 17:
        digits += 1
        words = [f"{bound:.{digits}g}" for bound in inner]
    spans = [f"≤ {words[0]}", *(f"({a}, {b}]" for a, b in pairwise(words)),
             f"> {words[-1]}"]
    return dict(zip(level_codes(len(upper)), spans, strict=True))


def _numbers(series: pd.Series) -> Array:
    try:
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ConfigError("only numbers can be classed", where=str(series.name),
                          expected="a numeric Series", got=str(series.dtype)) from error
    if np.isinf(values).any():
        raise ConfigError("an infinite value cannot be classed", where=str(series.name),
                          got=series.index[np.isinf(values)][:5].tolist(),
                          mend="replace infinite values by NaN or by a number")
    return np.asarray(values)


def _fixed(bounds: Sequence[float] | Array | None, k: int) -> Array:
    try:
        given = np.asarray([] if bounds is None else bounds, dtype=np.float64)
    except (TypeError, ValueError):
        given = np.array([np.nan])
    if given.size not in (k - 1, k) or np.isnan(given).any() or (np.diff(given) < 0).any():
        raise ConfigError("bounds do not fit the levels", where="bounds",
                          expected=f"{k - 1} or {k} rising numbers for k={k}",
                          got=None if bounds is None else list(bounds))
    return given if given.size == k else np.append(given, np.inf)


def _natural(values: Array, k: int) -> Array:
    distinct = np.unique(values)
    return natural_breaks(values, k)[:-1] if distinct.size >= k else _pad(distinct, k)


def _head_tail(values: Array, k: int) -> Array:
    means: list[float] = []
    head = values
    while len(means) < k - 1 and head.size and head[0] < head[-1]:
        means.append(float(head.mean()))
        head = head[head > means[-1]]
    return _pad(np.array(means), k)


def _pad(bounds: Array, k: int) -> Array:
    """Leave the levels above the last bound empty."""
    return np.append(bounds, np.full(max(k - 1 - bounds.size, 0), np.inf))[: k - 1]


def _std_dev(values: Array, k: int) -> Array:
    sd = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return np.asarray(values.mean() + (np.arange(1, k) - k / 2) * sd)


def _quantile(values: Array, k: int) -> Array:
    return np.asarray(np.quantile(values, np.arange(1, k) / k))


def _equal_interval(values: Array, k: int) -> Array:
    return np.asarray(values[0] + (values[-1] - values[0]) * np.arange(1, k) / k)


_SCHEMES: dict[str, Callable[[Array, int], Array]] = {
    "natural_breaks": _natural,
    "quantile": _quantile,
    "equal_interval": _equal_interval,
    "std_dev": _std_dev,
    "head_tail": _head_tail,
}

RELATIVE_SCHEMES = tuple(_SCHEMES)
"""Schemes whose levels follow the data: label them as relative levels, and freeze their bounds."""


def _warn_empty(series: pd.Series, codes: tuple[str, ...], level: npt.NDArray[np.intp]) -> None:
    empty = [code for i, code in enumerate(codes) if not (level == i).any()]
    if not empty:
        return
    distinct = series.nunique()
    why = (
        "no value to class" if not distinct
        else f"{distinct} distinct values for {len(codes)} levels" if distinct < len(codes)
        else "ties or gaps between values leave no value between two bounds"
    )
    name = "series" if series.name is None else str(series.name)
    warnings.warn(f"{name}: no unit in {', '.join(empty)} ({why})", UserWarning, stacklevel=3)

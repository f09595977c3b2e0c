"""Exact natural breaks (Fisher 1958, Jenks) by divide and conquer at two resolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from qzrisk.errors import ConfigError

Array = npt.NDArray[Any]

_COARSE = 4096
"""Blocks of the coarse pass; below twice as many values the fine pass alone is as fast."""

_SLACK = 1e-9
"""Relative slack when a block is ruled out: rounding must never rule out the optimum."""


def natural_breaks(values: npt.ArrayLike, k: int) -> npt.NDArray[np.float64]:
    """Upper bounds of the k classes with the least sum of squared deviations from class means.

    Parameters
    ----------
    values : array of numbers
        NaN is left out.
    k : int
        Number of classes.

    Returns
    -------
    array of k floats, unit of `values`
        Increasing; each is a value that occurs, the last is the maximum.

    Raises
    ------
    ConfigError
        If k < 1, a value is infinite, or there are fewer than k distinct values.

    Notes
    -----
    The optimum is exact, not sampled. Squared deviations satisfy the quadrangle inequality, so the
    best last break moves right with the number of values and a layer of the dynamic programme
    costs O(n log n). Above some thousand values a coarse pass bounds the optimum from above and,
    leaving the blocks that hold a break uncounted, every solution from below; only the blocks that
    can hold an optimal break are searched value by value.

    References
    ----------
    Fisher (1958), On grouping for maximum homogeneity; Jenks (1967).
    Wang and Song (2011), Ckmeans.1d.dp.

    Examples
    --------
    >>> natural_breaks([1, 2, 3, 10, 11, 30, 31, 32], 3).tolist()
    [3.0, 11.0, 32.0]
    """
    data = np.asarray(values, dtype=np.float64).ravel()
    data = np.sort(data[~np.isnan(data)])
    if k < 1:
        raise ConfigError("no classes", where="k", expected=">= 1", got=k)
    if data.size and not np.isfinite(data[[0, -1]]).all():
        raise ConfigError("an infinite value cannot be classed", where="values",
                          mend="replace infinite values by NaN or by a number")
    unique, weight, sums, squares = _prefix(data)
    if unique.size < k:
        raise ConfigError("fewer distinct values than classes", where="values",
                          expected=f">= {k}", got=unique.size, mend="choose a smaller k")
    ends = _optimum(weight, sums, squares, k)
    return np.asarray(unique[ends - 1])


def _optimum(weight: Array, sums: Array, squares: Array, k: int) -> Array:
    """Positions after the last value of each class in the optimum."""
    n = weight.size - 1
    low, high = np.arange(k + 1), n - k + np.arange(k + 1)
    high[0], low[k] = 0, n
    if n > 2 * _COARSE and k > 1:
        edges = np.unique(np.linspace(0, n, _COARSE + 1).round().astype(np.int64))
        low, high = _narrow(weight[edges], sums[edges], squares[edges], edges, k, low, high)
    return _search(weight, sums, squares, low, high, k)[1]


def _narrow(
    weight: Array, sums: Array, squares: Array, edges: Array, k: int, low: Array, high: Array
) -> tuple[Array, Array]:
    """Windows [low, high] of positions that can hold each optimal break."""
    m = edges.size - 1
    bottom, top = np.arange(k + 1), m - k + np.arange(k + 1)
    bottom[k], top[0] = m, 0
    best = _search(weight, sums, squares, bottom, top, k)[0]
    before = _lower(weight, sums, squares, k)
    after = _lower(
        weight[-1] - weight[::-1], sums[-1] - sums[::-1], squares[-1] - squares[::-1], k
    )
    limit = best + _SLACK * max(best, squares[-1])
    low, high = low.copy(), high.copy()
    for c in range(1, k):
        possible = np.flatnonzero(before[c] + after[k - c][::-1] <= limit)
        low[c] = max(low[c], edges[possible[0]] + 1)
        high[c] = min(high[c], edges[possible[-1] + 1])
    return low, high


@njit(nogil=True, cache=True)
def _prefix(data: Array) -> tuple[Array, Array, Array, Array]:  # pragma: no cover
    """Distinct values of sorted data and the prefix sums of count, value and square, centred."""
    n = data.size
    unique = np.empty(n)
    weight, sums, squares = np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1)
    # The median lies within a standard deviation of the mean: squares at most double.
    centre = data[n // 2]
    u = 0
    for i in range(n):
        if i == 0 or data[i] != data[i - 1]:
            unique[u] = data[i]
            u += 1
            weight[u], sums[u], squares[u] = weight[u - 1], sums[u - 1], squares[u - 1]
        d = data[i] - centre
        weight[u] += 1
        sums[u] += d
        squares[u] += d * d
    return unique[:u], weight[: u + 1], sums[: u + 1], squares[: u + 1]


@njit(nogil=True, cache=True, inline="always")
def _cost(weight: Array, sums: Array, squares: Array, a: int, b: int) -> float:  # pragma: no cover
    """Squared deviations of the values after position a up to position b."""
    s = sums[b] - sums[a]
    d: float = squares[b] - squares[a] - s * s / (weight[b] - weight[a])
    return d


@njit(nogil=True, cache=True)
def _search(
    weight: Array, sums: Array, squares: Array, low: Array, high: Array, k: int
) -> tuple[float, Array]:  # pragma: no cover
    """Least cost and ends of k classes whose c-th break lies in [low[c], high[c]]."""
    width = 1
    for c in range(k + 1):
        width = max(width, high[c] - low[c] + 1)
    previous, current = np.full(width, np.inf), np.full(width, np.inf)
    back = np.zeros((k + 1, width), np.int64)
    previous[0] = 0.0
    stack = np.empty((80, 4), np.int64)
    for c in range(1, k + 1):
        current[:] = np.inf
        stack[0, 0], stack[0, 1] = low[c], high[c]
        stack[0, 2], stack[0, 3] = low[c - 1], high[c - 1]
        top = 1
        while top:
            top -= 1
            first, last, a, b = stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3]
            if first > last:
                continue
            middle = (first + last) // 2
            best, at = np.inf, a
            for j in range(a, min(b, middle - 1) + 1):
                v = previous[j - low[c - 1]] + _cost(weight, sums, squares, j, middle)
                if v < best:
                    best, at = v, j
            current[middle - low[c]], back[c, middle - low[c]] = best, at
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = first, middle - 1, a, at
            top += 1
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = middle + 1, last, at, b
            top += 1
        previous, current = current, previous
    ends = np.empty(k, np.int64)
    i = high[k]
    for c in range(k, 0, -1):
        ends[c - 1] = i
        i = back[c, i - low[c]]
    return previous[0], ends


@njit(nogil=True, cache=True)
def _lower(weight: Array, sums: Array, squares: Array, k: int) -> Array:  # pragma: no cover
    """Least cost up to block j of c classes whose c-th break lies in block j, breaks uncounted."""
    m = weight.size - 1
    found = np.full((k + 1, m), np.inf)
    for j in range(m):
        found[1, j] = _cost(weight, sums, squares, 0, j) if j else 0.0
    stack = np.empty((80, 4), np.int64)
    for c in range(2, k + 1):
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, m - 1, 0, m - 1
        top = 1
        while top:
            top -= 1
            first, last, a, b = stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3]
            if first > last:
                continue
            middle = (first + last) // 2
            best, at = np.inf, a
            for j in range(a, min(b, middle) + 1):
                v = found[c - 1, j]
                if j + 1 < middle:
                    v += _cost(weight, sums, squares, j + 1, middle)
                if v < best:
                    best, at = v, j
            found[c, middle] = best
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = first, middle - 1, a, at
            top += 1
            stack[top, 0], stack[top, 1], stack[top, 2], stack[top, 3] = middle + 1, last, at, b
            top += 1
    return found

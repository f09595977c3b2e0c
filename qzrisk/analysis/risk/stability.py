"""How sure a level is: Monte Carlo over the weights and the errors of the data."""

# ruff: noqa: N803 - X, L, E, C and S are the letters of the literature.

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from qzrisk.analysis.classify import class_bounds, level_codes
from qzrisk.analysis.scaling import Weights, by_column, check_table, check_weights
from qzrisk.errors import ConfigError

Array = npt.NDArray[Any]

BATCH = 512
"""Draws at a time: it bounds the memory."""

_HUGE = 1e100
"""Normalised values and their errors stay far below: differences of such numbers may overflow."""

_BUCKETS = 3
"""Buckets a unit when ranks are sorted: with fewer more units share one, more cost their count."""


def rank_stability(
    X: pd.DataFrame,
    weights: Weights,
    *,
    draws: int = 1000,
    seed: int,
    concentration: float = 100.0,
    error: float | Sequence[float] | pd.Series = 0.0,
    bounds: Sequence[float] | Array | None = None,
    interval: float = 0.90,
) -> pd.DataFrame:
    """Share of draws that put a unit in each level, and the interval of its rank.

    Parameters
    ----------
    X : DataFrame of normalised indicators, high = risky, indexed unit_id
    weights : the chosen weights, one a column, by name or in order, sum 1
    draws : int
        Number of Monte-Carlo draws.
    seed : int
    concentration : float
        Drawn weights follow a Dirichlet law with this many times `weights` as its parameters:
        mean `weights`, standard deviation sqrt(w (1 - w) / (concentration + 1)). At 100 a weight
        of 0.2 varies by 0.04.
    error : number >= 0, or one a column
        Standard deviation of the data error of an indicator, in units of `X`, independent between
        units and indicators.
    bounds : k - 1 or k numbers (k from their number, with 3 read as four levels), optional
        Bounds of the levels, the same in every draw; by default the natural breaks of the chosen
        index into four levels.
    interval : float in (0, 1)
        Probability of the rank interval.

    Returns
    -------
    DataFrame indexed as `X`
        ``index`` of the chosen weights; ``level`` most frequent level (ordered, ties to the
        higher); ``share_<code>`` in [0, 1] for each level, sum 1; ``rank`` (1 = most risky, ties
        to the best) and ``rank_low``, ``rank_high``, the ranks that enclose `interval` of the
        draws. NaN where an indicator of weight > 0 is missing; such units are not ranked.

    Raises
    ------
    ConfigError
        If an argument is out of range or a column does not fit.

    Notes
    -----
    The index is the weighted mean, so the summed data error of a unit given the weights is normal
    with variance sum w^2 error^2: one normal number a unit and draw replaces one an indicator,
    with the same law. Values drawn outside [0, 1] are kept.

    References
    ----------
    Saisana, Saltelli and Tarantola (2005), Uncertainty and sensitivity analysis techniques as
    tools for the quality assessment of composite indicators.

    Examples
    --------
    >>> X = pd.DataFrame({"a": [0.0, 1.0], "b": [0.1, 0.9]}, index=["low", "high"])
    >>> made = rank_stability(X, [0.5, 0.5], draws=100, seed=1, bounds=[0.25, 0.5, 0.75])
    >>> made.loc["high", ["share_red", "rank_low", "rank_high"]].tolist()
    [1.0, 1.0, 1.0]
    """
    values, w = check_table(X), check_weights(weights, X.columns)
    sd = np.broadcast_to(np.asarray(error, dtype=float), w.shape) if np.ndim(error) == 0 else (
        by_column(error, X.columns, where="error"))
    check_law(draws, concentration, interval, sd)
    if (np.abs(values) >= _HUGE).any():
        raise ConfigError("argument out of range", where="X",
                          expected="indicators on a scale of 0 to 1", got=np.nanmax(values))
    used = w > 0
    known = np.asarray(~np.isnan(values[:, used]).any(axis=1))
    w, sd = w[used], sd[used]
    cells = np.ascontiguousarray(values[known][:, used].T)
    score = w @ cells
    upper = level_bounds(score, bounds)
    shares, low, high = simulate(_weighted(cells, w, sd, seed, concentration), cells.shape[1],
                                 upper, draws, interval)
    return report(X.index, known, score, shares, low, high)


def check_law(draws: int, concentration: float, interval: float, sd: Array) -> None:
    """Raise on a number that no draw can be made with."""
    for name, good, got in (
        ("draws", draws >= 1, draws), ("concentration", 0 < concentration < np.inf, concentration),
        ("interval", 0 < interval < 1, interval),
        ("error", ((sd >= 0) & (sd < _HUGE)).all(), sd.tolist()),
    ):
        if not good:
            raise ConfigError("argument out of range", where=name, got=got)


def level_bounds(score: Array, bounds: Sequence[float] | Array | None) -> Array:
    """Return upper bounds of the levels: those given, or four natural breaks of the scores."""
    if bounds is None:
        if np.unique(score).size < 4:
            raise ConfigError("too few distinct scores for four levels", where="bounds",
                              expected=">= 4 units", got=np.unique(score).size, mend="give bounds")
        return class_bounds(pd.Series(score), scheme="natural_breaks")
    k = 4 if len(bounds) in (3, 4) else len(bounds)
    return class_bounds(pd.Series(score), scheme="fixed", k=k, bounds=bounds)


def simulate(
    scored: Callable[[int], Array], n: int, upper: Array, draws: int, interval: float
) -> tuple[Array, Array, Array]:
    """Return shares of draws in each level, units x levels, and the ranks that enclose `interval`.

    `scored` is asked for the scores of some more draws, draws x `n` units.
    """
    above = np.zeros((len(upper) - 1, n), np.int32)
    at_rank = np.zeros((n, n), np.int32)
    for start in range(0, draws, BATCH):
        _tally(scored(min(BATCH, draws - start)), upper[:-1], above, at_rank)
    # Rounded, for 400 draws of 0.8 leave 40 out on each side, not 39.999.
    tail = round(draws * (1 - interval) / 2, 6)
    low, high = _rank_interval(at_rank, tail, draws - tail)
    reached = np.vstack([np.full(n, draws), above, np.zeros(n, np.int32)])
    return -np.diff(reached, axis=0).T / draws, low, high


def _weighted(cells: Array, w: Array, sd: Array, seed: int, concentration: float
              ) -> Callable[[int], Array]:
    """Return the scores of weighted means as `simulate` asks for them."""
    of_weights, of_noise = streams(seed)

    def scored(size: int) -> Array:
        drawn = of_weights.dirichlet(concentration * w, size)
        noise = of_noise.standard_normal((size, cells.shape[1]) if sd.any() else (0, 0))
        return np.asarray(_scores(cells, drawn, noise, np.sqrt((drawn**2) @ (sd**2))))

    return scored


def streams(seed: int) -> tuple[np.random.Generator, np.random.Generator]:
    """Return the random streams of weights and of errors.

    They are two, so that the draws do not depend on the size of a batch.
    """
    return np.random.default_rng(seed), np.random.default_rng([seed, 1])


@njit(nogil=True, cache=True)
def _rank_down(s: Array, rank: Array, count: Array, bucket: Array, order: Array, key: Array
               ) -> None:  # pragma: no cover
    """Write 0-based ranks, the largest first, ties to the best: buckets, then insertion."""
    # Positions are unsigned: a signed one is tested for the end of the array at every access.
    n, one = s.size, np.uint64(1)
    highest, lowest = s[0], s[0]
    for i in range(n):
        highest, lowest = max(highest, s[i]), min(lowest, s[i])
    scale = (count.size - 2) / (highest - lowest) if highest > lowest else 0.0
    for i in range(n):
        bucket[i] = np.int32((highest - s[i]) * scale)
    count[:] = 0
    for i in range(n):
        count[bucket[i] + one] += np.uint32(1)
    total = np.uint32(0)
    for b in range(count.size):
        total += count[b]
        count[b] = total
    for i in range(n):
        a = count[bucket[i]]
        count[bucket[i]] = a + one
        order[a], key[a] = i, s[i]
    for place in range(1, n):
        a = np.uint64(place)
        i, x = order[a], key[a]
        while a and key[a - one] < x:
            order[a], key[a] = order[a - one], key[a - one]
            a -= one
        order[a], key[a] = i, x
    r = 0
    for a in range(n):
        if key[a] != key[a - 1]:
            r = a
        rank[order[a]] = r


@njit(nogil=True, cache=True)
def _index(cells: Array, weights: Array, s: Array) -> None:  # pragma: no cover
    """Write the weighted sum of the indicators of every unit."""
    n, whole = s.size, cells.shape[0] // 4 * 4
    s[:] = 0.0
    # Four indicators at a time: the sums are read and written a quarter as often.
    for j in range(0, whole, 4):
        w, x, y, z = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        for i in range(n):
            s[i] += (w * cells[j, i] + x * cells[j + 1, i]
                     + y * cells[j + 2, i] + z * cells[j + 3, i])
    for j in range(whole, cells.shape[0]):
        w = weights[j]
        for i in range(n):
            s[i] += w * cells[j, i]


@njit(nogil=True, cache=True)
def _scores(cells: Array, weights: Array, noise: Array, spread: Array
            ) -> Array:  # pragma: no cover
    """Return the score of every unit in every draw, draws x units."""
    made = np.empty((weights.shape[0], cells.shape[1]))
    for d in range(weights.shape[0]):
        s = made[d]
        _index(cells, weights[d], s)
        if noise.size:
            for i in range(s.size):
                s[i] += spread[d] * noise[d, i]
    return made


@njit(nogil=True, cache=True)
def _tally(scores: Array, inner: Array, above: Array, at_rank: Array) -> None:  # pragma: no cover
    """Add to the counts of draws above each bound and at each rank, for every unit."""
    draws, n = scores.shape
    count, bucket = np.empty(_BUCKETS * n + 2, np.uint32), np.empty(n, np.uint32)
    order, key = np.empty(n, np.uint32), np.empty(n)
    ranks = np.empty((draws, n), np.uint32)
    for d in range(draws if n else 0):
        s = scores[d]
        for b in range(inner.size):
            for i in range(n):
                above[b, i] += s[i] > inner[b]
        _rank_down(s, ranks[d], count, bucket, order, key)
    # Unit by unit, so that a row of counts stays in cache.
    for i in range(n):
        for d in range(draws):
            at_rank[i, ranks[d, i]] += 1


@njit(nogil=True, cache=True)
def _rank_interval(
    at_rank: Array, low: float, high: float
) -> tuple[Array, Array]:  # pragma: no cover
    """Return the first rank of more than `low` draws and the rank that `high` draws reach."""
    n = at_rank.shape[0]
    first, last = np.zeros(n), np.zeros(n)
    for i in range(n):
        seen = 0
        for r in range(n):
            if not at_rank[i, r]:
                continue
            seen += at_rank[i, r]
            if first[i] == 0 and seen > low:
                first[i] = r + 1
            if last[i] == 0 and seen >= high:
                last[i] = r + 1
    return first, last


def report(index: pd.Index, known: Array, score: Array, shares: Array, low: Array, high: Array
           ) -> pd.DataFrame:
    """Return the frame of `rank_stability` from what was counted of the units known."""
    codes = level_codes(shares.shape[1])
    best = shares.shape[1] - 1 - np.argmax(shares[:, ::-1], axis=1)
    made = pd.DataFrame({"index": score}, index=index[known])
    made["level"] = pd.Categorical.from_codes(best, categories=list(codes), ordered=True)
    for j, code in enumerate(codes):
        made[f"share_{code}"] = shares[:, j]
    made["rank"] = made["index"].rank(ascending=False, method="min")
    made["rank_low"], made["rank_high"] = low, high
    return made.reindex(index)

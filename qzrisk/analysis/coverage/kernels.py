"""Loops over sparse costs that numpy cannot say: single-threaded, without the lock."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@numba.njit(nogil=True, cache=True)
def nearest_k(
    indptr: Array, columns: Array, data: Array, rank: Array, k: int
) -> tuple[Array, Array, Array]:
    """Return the positions of each row's k least entries by (cost, rank), and their offsets."""
    n = indptr.size - 1
    offsets = np.zeros(n + 1, np.int64)
    for i in range(n):
        offsets[i + 1] = offsets[i] + min(k, indptr[i + 1] - indptr[i])
    chosen = np.empty(offsets[n], np.int64)
    order = np.empty(offsets[n], np.int64)
    for i in range(n):
        start, held = offsets[i], 0
        for q in range(indptr[i], indptr[i + 1]):
            at = start + held
            while at > start:
                p = chosen[at - 1]
                if data[p] < data[q] or (
                    data[p] == data[q] and rank[columns[p]] < rank[columns[q]]
                ):
                    break
                at -= 1
            if at - start >= k:
                continue
            held = min(held + 1, k)
            for t in range(start + held - 1, at, -1):
                chosen[t] = chosen[t - 1]
            chosen[at] = q
        for t in range(held):
            order[start + t] = t + 1
    return offsets, chosen, order


@numba.njit(nogil=True, cache=True)
def fill_nearest(
    order: Array, rows: Array, columns: Array, persons: Array, places: Array
) -> Array:
    """Persons moved over each pair, taking pairs in order while persons and places last."""
    left, room = persons.copy(), places.copy()
    moved = np.zeros(order.size, np.int64)
    for q in order:
        number = min(left[rows[q]], room[columns[q]])
        if number > 0:
            moved[q] = number
            left[rows[q]] -= number
            room[columns[q]] -= number
    return moved


@numba.njit(nogil=True, cache=True)
def whole_parts(exact: Array, totals: Array) -> Array:
    """Whole numbers for the parts of each row, each the floor or ceiling of the exact one.

    Rows sum to their totals. Of the parts of a row those are raised that have fallen short most in
    the rows so far, so that sums over rows that follow one another stay near the exact ones.
    """
    n, parts = exact.shape
    whole = np.floor(exact + 1e-9).astype(np.int64)
    short = np.zeros(parts)
    for i in range(n):
        for _ in range(totals[i] - whole[i].sum()):
            best = -1
            for k in range(parts):
                rest = exact[i, k] - whole[i, k]
                if rest > 1e-9 and (best < 0 or rest + short[k]
                                    > exact[i, best] - whole[i, best] + short[best]):
                    best = k
            if best >= 0:
                whole[i, best] += 1
        for k in range(parts):
            short[k] += exact[i, k] - whole[i, k]
    return whole

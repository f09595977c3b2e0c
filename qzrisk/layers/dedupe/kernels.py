"""Kernels of `pairs`: which records are compared, and what the evidence weighs."""

from __future__ import annotations

import numpy as np
from numba import njit

WEIGHTS = ("prior", "phone_same", "phone_differs", "unit_same", "unit_parent_same",
           "unit_differs", "facility_same", "facility_one_sided", "facility_conflict",
           "number_one_sided", "number_conflict", "contrast_one_sided", "contrast_conflict")
(_PRIOR, _PHONE_SAME, _PHONE_DIFFERS, _UNIT_SAME, _PARENT_SAME, _UNIT_DIFFERS, _FACILITY_SAME,
 _FACILITY_ONE, _FACILITY_CONFLICT, _NUMBER_ONE, _NUMBER_CONFLICT, _CONTRAST_ONE,
 _CONTRAST_CONFLICT) = range(len(WEIGHTS))
PARTS = ("name", "distance", "phone", "unit", "facility", "number", "contrast", "prior")
_N_PARTS = 8

CROWD = 2000
"""Records in one square beyond which not all pairs of the square are compared."""
WINDOW = 50
"""Next records that each record of a crowd or of a long list is compared with."""
_SUFFIX_SIMILARITY = 0.75  # the name of the wider unit may be left out

Arrays = tuple[np.ndarray, ...]

_X, _Y, _KEY, _PHONE, _UNIT = 0, 1, 8, 9, 11


def search(records: Arrays, weights: Arrays,
           max_distance_m: float, threshold_bits: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of positions ``left < right`` whose weights reach the threshold, sorted."""
    limits = (max_distance_m, threshold_bits)
    found = [_in_squares(*_squares(records, max_distance_m), records, weights, *limits)]
    named = records[_KEY] * np.uint64(1099511628211) ^ records[_UNIT].astype(np.uint64)
    named[(records[_KEY] == 0) | (records[_UNIT] < 0)] = 0
    for key in (records[_PHONE], named):
        order = np.argsort(key, kind="stable")
        order = order[key[order] != 0]
        found.append(_in_lists(order, key, records, weights, *limits))
    n = len(records[_X])
    pairs = np.unique(np.concatenate([left * n + right for left, right in found]))
    return pairs // max(n, 1), pairs % max(n, 1)


def explain(left: np.ndarray, right: np.ndarray, records: Arrays,
            weights: Arrays, max_distance_m: float
            ) -> tuple[np.ndarray, np.ndarray]:
    """Return weights in bits and facts of the pairs, one column for each of `PARTS`.

    Facts are the similarity of names, the distance in metres, and 1 same, 0 near, -1 different.
    """
    return _explain(left, right, records, weights, max_distance_m)


def _squares(records: Arrays, side_m: float
             ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return records by square, where each square begins, and its own and forward neighbours."""
    x, y, place, start = records[:4]
    known = np.flatnonzero(np.isfinite(x))
    column = np.floor((x[known] - x[known].min(initial=np.inf)) / side_m).astype(np.int64) + 1
    row = np.floor((y[known] - y[known].min(initial=np.inf)) / side_m).astype(np.int64) + 1
    key = column << 32 | row
    heads = _heads(place, start)[known]
    order = np.lexsort((heads, key))
    squares, first = np.unique(key[order], return_index=True)
    steps = np.array([0, 1, (1 << 32) - 1, 1 << 32, (1 << 32) + 1])
    beside = np.searchsorted(squares, squares[:, None] + steps)
    beside[beside == len(squares)] = 0
    exists = squares[beside] == squares[:, None] + steps if len(squares) else beside > 0
    return known[order], np.append(first, len(order)), np.where(exists, beside, -1)


@njit(nogil=True, cache=True)
def _heads(place: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Return the first three characters of the places as one number, for sorting."""
    heads = np.zeros(len(start) - 1, dtype=np.int64)
    for i in range(len(heads)):
        for k in range(3):
            code = place[start[i] + k] if start[i] + k < start[i + 1] else 0
            heads[i] = heads[i] << 21 | np.int64(code)
    return heads


@njit(nogil=True, cache=True)
def _line(value: float, at: np.ndarray, weight: np.ndarray) -> float:
    """Return the value of a broken line, flat beyond its ends."""
    if value <= at[0]:
        return weight[0]
    for k in range(1, len(at)):
        if value <= at[k]:
            share = (value - at[k - 1]) / (at[k] - at[k - 1])
            return weight[k - 1] + share * (weight[k] - weight[k - 1])
    return weight[-1]


@njit(nogil=True, cache=True)
def _gram(place: np.ndarray, k: int) -> np.int64:
    """Return the k-th bigram of a place with its ends marked."""
    before = np.int64(place[k - 1] if k > 0 else 0)
    after = np.int64(place[k] if k < len(place) else 0)
    return before << 21 | after


@njit(nogil=True, cache=True)
def _dice(a: np.ndarray, b: np.ndarray) -> float:
    used = np.uint64(0)
    shared = 0
    for i in range(len(a) + 1):
        gram = _gram(a, i)
        for j in range(len(b) + 1):
            bit = np.uint64(1) << np.uint64(j)
            if not used & bit and _gram(b, j) == gram:
                used |= bit
                shared += 1
                break
    return 2 * shared / (len(a) + len(b) + 2)


@njit(nogil=True, cache=True)
def _edits(a: np.ndarray, b: np.ndarray, row: np.ndarray) -> int:
    """Return the Levenshtein distance; `row` is room for ``len(b) + 1`` numbers."""
    for j in range(len(b) + 1):
        row[j] = j
    for i in range(len(a)):
        diagonal, row[0] = row[0], i + 1
        for j in range(len(b)):
            best = diagonal + (a[i] != b[j])
            diagonal = row[j + 1]
            row[j + 1] = min(best, diagonal + 1, row[j] + 1)
    return row[len(b)]


@njit(nogil=True, cache=True)
def _similarity(a: np.ndarray, b: np.ndarray, row: np.ndarray) -> float:
    """Return the similarity of two places, 0-1."""
    edit = 1 - _edits(a, b, row) / max(len(a), len(b))
    alike = (_dice(a, b) + edit) / 2
    short = min(len(a), len(b))
    if short >= 2 and alike < _SUFFIX_SIMILARITY:
        same = True
        for k in range(1, short + 1):
            same &= a[len(a) - k] == b[len(b) - k]
        if same:
            return _SUFFIX_SIMILARITY
    return alike


@njit(nogil=True, cache=True)
def _sets(a: int, b: int, same: float, one_sided: float, conflict: float) -> float:
    """Return the weight of two sets of marks: equal or nested, on one side only, at odds."""
    if a == b:
        return same if a else 0.0
    if a & ~b and b & ~a:
        return conflict
    return one_sided if a == 0 or b == 0 else same


@njit(nogil=True, cache=True)
def _weigh(i: int, j: int, records: Arrays, weights: Arrays, max_distance_m: float, least: float,
           row: np.ndarray, parts: np.ndarray, facts: np.ndarray) -> float:
    """Fill the weights and facts of one pair and return their sum.

    As soon as the pair cannot reach `least` any more, minus infinity is returned instead.
    """
    x, y, place, start, letters, facility, number, contrast, _, phone, sharing, unit, parent = \
        records
    w, name_at, name_weight, distance_at, distance_weight = weights
    parts[:] = 0.0
    facts[:] = 0.0
    parts[7] = w[_PRIOR]
    away = np.sqrt((x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2)
    if np.isfinite(away):
        facts[1] = away
        parts[1] = _line(away / max_distance_m, distance_at, distance_weight)
    if phone[i] and phone[j]:
        facts[2] = 1.0 if phone[i] == phone[j] else -1.0
        parts[2] = max(w[_PHONE_SAME] - np.log2(max(sharing[i] - 1, 1)), 0.0) \
            if facts[2] > 0 else w[_PHONE_DIFFERS]
    if unit[i] >= 0 and unit[j] >= 0:
        facts[3] = 1.0 if unit[i] == unit[j] else (0.0 if parent[i] == parent[j] else -1.0)
        parts[3] = w[_UNIT_SAME] if facts[3] > 0 else (
            w[_PARENT_SAME] if facts[3] == 0 else w[_UNIT_DIFFERS])
    parts[4] = _sets(facility[i], facility[j], w[_FACILITY_SAME], w[_FACILITY_ONE],
                     w[_FACILITY_CONFLICT])
    facts[4] = 1.0 if parts[4] == w[_FACILITY_SAME] else (
        0.0 if parts[4] == w[_FACILITY_ONE] else -1.0)
    parts[5] = _sets(number[i], number[j], 0.0, w[_NUMBER_ONE], w[_NUMBER_CONFLICT])
    parts[6] = _sets(contrast[i], contrast[j], 0.0, w[_CONTRAST_ONE], w[_CONTRAST_CONFLICT])
    a, b = place[start[i]:start[i + 1]], place[start[j]:start[j + 1]]
    total = parts[1:].sum()
    if len(a) and len(b):
        best = name_weight[-1] if letters[i] & letters[j] else name_weight[0]
        if total + best < least:
            return -np.inf
        facts[0] = _similarity(a, b, row)
        parts[0] = _line(facts[0], name_at, name_weight)
    return parts.sum() if total + parts[0] >= least else -np.inf


@njit(nogil=True, cache=True)
def _bits(word: np.uint64) -> np.int64:
    """Return how many bits are set."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + (
        (word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(nogil=True, cache=True)
def _hopeless(i: int, j: int, records: Arrays, weights: Arrays, least: float) -> bool:
    """Say of most pairs of unlike names that they cannot reach `least`, before they are weighed.

    Every character of one place that the other lacks costs a match and, with its neighbours, at
    least as many bigrams: that bounds the similarity by the sets of characters.
    """
    start, letters, facility, phone = records[3], records[4], records[5], records[9]
    w, name_at, name_weight, distance_weight = weights[0], weights[1], weights[2], weights[4]
    ceiling = w[_PRIOR] + distance_weight[0] + w[_UNIT_SAME] + w[_FACILITY_SAME]
    if phone[i] and phone[i] == phone[j]:
        ceiling += w[_PHONE_SAME]
    if facility[i] & ~facility[j] and facility[j] & ~facility[i]:
        ceiling += w[_FACILITY_CONFLICT] - w[_FACILITY_SAME]
    size_i, size_j = start[i + 1] - start[i], start[j + 1] - start[j]
    if size_i == 0 or size_j == 0:
        return ceiling < least
    lacking_i = _bits(letters[i] & ~letters[j])
    lacking_j = _bits(letters[j] & ~letters[i])
    common = min(size_i - lacking_i, size_j - lacking_j)
    shared = min(size_i - lacking_i + (lacking_i == 0), size_j - lacking_j + (lacking_j == 0))
    alike = (common / max(size_i, size_j) + 2 * shared / (size_i + size_j + 2)) / 2
    if lacking_i == 0 or lacking_j == 0:
        alike = max(alike, _SUFFIX_SIMILARITY)
    return ceiling + _line(alike, name_at, name_weight) < least


@njit(nogil=True, cache=True)
def _kept(pairs: np.ndarray, size: int, i: int, j: int) -> np.ndarray:
    """Return the list of pairs with one more, grown where it is full."""
    if size == len(pairs):
        grown = np.empty((2 * size, 2), dtype=np.int64)
        grown[:size] = pairs
        pairs = grown
    pairs[size, 0] = min(i, j)
    pairs[size, 1] = max(i, j)
    return pairs


@njit(nogil=True, cache=True)
def _in_squares(order: np.ndarray, first: np.ndarray, beside: np.ndarray, records: Arrays,
                weights: Arrays, max_distance_m: float, least: float
                ) -> tuple[np.ndarray, np.ndarray]:
    """Compare the records of each square with one another and with those of forward squares."""
    x, y = records[0], records[1]
    row = np.empty(64, dtype=np.int64)
    parts, facts = np.empty(_N_PARTS), np.empty(_N_PARTS)
    pairs, size = np.empty((1024, 2), dtype=np.int64), 0
    for square in range(len(first) - 1):
        crowd = first[square + 1] - first[square] > CROWD
        for other in beside[square]:
            crowded = crowd or first[other + 1] - first[other] > CROWD
            if other < 0 or (other != square and crowded):
                continue
            for p in range(first[square], first[square + 1]):
                begin = p + 1 if other == square else first[other]
                end = first[other + 1]
                if crowd:
                    end = min(end, p + 1 + WINDOW)
                i = order[p]
                for q in range(begin, end):
                    j = order[q]
                    apart = (x[i] - x[j]) ** 2 + (y[i] - y[j]) ** 2 > max_distance_m ** 2
                    if apart or _hopeless(i, j, records, weights, least):
                        continue
                    total = _weigh(i, j, records, weights, max_distance_m, least, row, parts,
                                   facts)
                    if total >= least:
                        pairs = _kept(pairs, size, i, j)
                        size += 1
    return pairs[:size, 0].copy(), pairs[:size, 1].copy()


@njit(nogil=True, cache=True)
def _in_lists(order: np.ndarray, key: np.ndarray, records: Arrays, weights: Arrays,
              max_distance_m: float, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Compare each record with the next ones of the same key."""
    row = np.empty(64, dtype=np.int64)
    parts, facts = np.empty(_N_PARTS), np.empty(_N_PARTS)
    pairs, size = np.empty((1024, 2), dtype=np.int64), 0
    for p in range(len(order)):
        i = order[p]
        for q in range(p + 1, min(p + 1 + WINDOW, len(order))):
            j = order[q]
            if key[j] != key[i]:
                break
            if _weigh(i, j, records, weights, max_distance_m, least, row, parts, facts) >= least:
                pairs = _kept(pairs, size, i, j)
                size += 1
    return pairs[:size, 0].copy(), pairs[:size, 1].copy()


@njit(nogil=True, cache=True)
def _explain(left: np.ndarray, right: np.ndarray, records: Arrays, weights: Arrays,
             max_distance_m: float) -> tuple[np.ndarray, np.ndarray]:
    row = np.empty(64, dtype=np.int64)
    parts = np.empty((len(left), _N_PARTS))
    facts = np.empty((len(left), _N_PARTS))
    for k in range(len(left)):
        _weigh(left[k], right[k], records, weights, max_distance_m, -np.inf, row, parts[k],
               facts[k])
    return parts, facts

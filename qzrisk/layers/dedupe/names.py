"""Names of objects taken apart: the place, the kind of facility, numbers and words of contrast."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
from numba import njit

MAX_PLACE = 48
"""Characters of a place that are compared; what a longer name says after them is ignored."""

_CHUNK = 100_000
_BREAK = "\x00"
_TEN, _HUNDRED, _SPACE = 2, 3, 32
_LONG = 6  # letters of a Latin word in which one may be wrong
_DROP, _COMMITTEE, _WIDER, _WHOLE, _FACILITY, _CONTRAST, _SETTLEMENT = range(7)


@dataclass(frozen=True, slots=True)
class Names:
    """What the names say, aligned with the records.

    Attributes
    ----------
    place : code points of the places, one after another.
    start : record i has ``place[start[i]:start[i + 1]]``; empty where the name tells no place.
    letters : bit set of the characters of the place.
    facility, number, contrast : bit sets; 0 where the name tells none.
    key : hash of all of it, 0 where the name is missing.
    """

    place: np.ndarray
    start: np.ndarray
    letters: np.ndarray
    facility: np.ndarray
    number: np.ndarray
    contrast: np.ndarray
    key: np.ndarray


def parse_names(names: pd.Series) -> Names:
    """Return what the names say, character forms, widths and suffixes evened out.

    Parameters
    ----------
    names : text; a missing one says nothing

    Notes
    -----
    NFKD without marks, lower case, traditional to simplified characters, Chinese numerals to
    digits. Words of ``words.toml`` are then found from left to right, longest first.
    """
    parts = [_parse(codes, *_vocabulary()) for codes in _evened(names.tolist())]
    lengths = np.concatenate([part[1] for part in parts])
    start = np.zeros(len(names) + 1, dtype=np.int64)
    np.cumsum(lengths, out=start[1:])
    rest = [np.concatenate([part[k] for part in parts]) for k in range(2, 7)]
    return Names(np.concatenate([part[0] for part in parts]), start, *rest)


def place(names: Names, which: np.ndarray) -> list[str]:
    """Return the places of some records as text."""
    return ["".join(map(chr, names.place[names.start[i]:names.start[i + 1]])) for i in which]


def phone_keys(phones: pd.Series) -> np.ndarray:
    """Return a hash of each telephone number, 0 where there is none that means something.

    Separators, the country code 86 and leading zeros do not count; of several numbers in one cell
    the first speaks; fewer than seven digits or one digit throughout are no number.
    """
    parts = [_phones(codes) for codes in _code_chunks(phones.tolist())]
    return np.concatenate(parts)


def _evened(words: Iterable[Any]) -> Iterator[np.ndarray]:
    """Yield code points of many texts at once, each text ended by 0, characters evened out."""
    table = _characters()
    for codes in _code_chunks(words):
        low = codes < len(table)
        yield np.where(low, table[np.where(low, codes, 0)], codes)


def _code_chunks(words: Iterable[Any]) -> Iterator[np.ndarray]:
    """Yield code points of many texts at once, each text ended by 0, in NFKD and lower case."""
    words = [word if isinstance(word, str) else "" for word in words]
    for first in range(0, max(len(words), 1), _CHUNK):
        part = words[first:first + _CHUNK]
        joined = _BREAK.join(part)
        if joined.count(_BREAK) != max(len(part) - 1, 0):
            joined = _BREAK.join(word.replace(_BREAK, "") for word in part)
        flat = unicodedata.normalize("NFKD", joined.casefold()) + (_BREAK if part else "")
        yield np.frombuffer(flat.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


@cache
def _words() -> dict[str, Any]:
    file = resources.files(__package__) / "words.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _characters() -> np.ndarray:
    """Return code point -> the one that stands for it; 1 vanishes, space parts words."""
    table = np.arange(65536, dtype=np.uint32)
    for code in range(1, 65536):
        kind = unicodedata.category(chr(code))[0]
        if kind in "PSZC":
            table[code] = _SPACE
        elif kind == "M":
            table[code] = 1
    for numerals, digits in (("〇一二三四五六七八九", "0123456789"), ("零两兩", "022")):
        table[[ord(c) for c in numerals]] = [ord(c) for c in digits]
    table[[ord("十"), ord("百")]] = _TEN, _HUNDRED
    for traditional, simplified in _words()["simplified"].items():
        table[[ord(c) for c in traditional]] = [ord(c) for c in simplified]
    return table


@cache
def _vocabulary() -> tuple[np.ndarray, ...]:
    """Return the vocabulary as arrays: words by first character, longest first.

    (flat code points, start of each word, kind, bits, first word of a character, number of them)
    """
    words = _words()
    entries: dict[str, tuple[int, int]] = {}
    for kind, name in ((_DROP, "purpose"), (_SETTLEMENT, "settlement"), (_WIDER, "wider"),
                       (_COMMITTEE, "committee"), (_WHOLE, "whole")):
        entries |= dict.fromkeys(words[name], (kind, 0))
    kinds = {name: 1 << k for k, name in enumerate(words["facilities"])}
    for name, spellings in words["facilities"].items():
        bits = kinds[name]
        for narrower in words["broader"].get(name, ()):
            bits |= kinds[narrower]
        entries |= dict.fromkeys(spellings, (_FACILITY, bits))
    for name in words["committee"]:
        entries[name] = (_COMMITTEE, kinds["office"])
    # Below the bits of contrast, above 32 the character that stands for the word.
    for side, (character, spellings) in enumerate(words["contrasts"].items()):
        for word in (character, *spellings):
            entries.setdefault(word, (_CONTRAST, 1 << side | ord(character) << 32))
    order = sorted(entries, key=lambda word: (ord(word[0]), -len(word), word))
    flat = np.array([ord(c) for word in order for c in word], dtype=np.uint32)
    start = np.cumsum([0, *map(len, order)])
    meanings = np.array([entries[word] for word in order], dtype=np.int64)
    first = np.zeros(65536, dtype=np.int32)
    count = np.zeros(65536, dtype=np.int32)
    for number in reversed(range(len(order))):
        first[ord(order[number][0])] = number
        count[ord(order[number][0])] += 1
    return (flat, start, np.ascontiguousarray(meanings[:, 0]),
            np.ascontiguousarray(meanings[:, 1]), first, count)


@njit(nogil=True, cache=True)
def _latin(code: int) -> bool:
    return 97 <= code <= 122


@njit(nogil=True, cache=True)
def _digit(code: int) -> int:
    """Return the value of a digit, 10 or 100 for what stands for 十 and 百, -1 otherwise."""
    if 48 <= code <= 57:
        return code - 48
    return 10 if code == _TEN else (100 if code == _HUNDRED else -1)


@njit(nogil=True, cache=True)
def _rest(text: np.ndarray, at: int, word: np.ndarray, k: int) -> int:
    """Return where the rest of a word from its k-th character ends in the text, or -1."""
    end = at + len(word) - k
    if end > len(text):
        return -1
    for m in range(k, len(word)):
        if text[at + m - k] != word[m]:
            return -1
    inside = _latin(word[-1]) and end < len(text) and _latin(text[end])
    return -1 if inside else end


@njit(nogil=True, cache=True)
def _nearly(text: np.ndarray, at: int, word: np.ndarray) -> int:
    """Return where a Latin word ends that has one letter wrong, lost or too many, or -1."""
    k = 1
    while k < len(word) and at + k < len(text) and text[at + k] == word[k]:
        k += 1
    if k == len(word):
        return -1
    for step, skip in ((1, 1), (0, 1), (1, 0)):
        end = _rest(text, at + k + step, word, k + skip) if at + k + step <= len(text) else -1
        if end >= 0:
            return end
    return -1


@njit(nogil=True, cache=True)
def _word_at(text: np.ndarray, at: int, flat: np.ndarray, start: np.ndarray, first: np.ndarray,
             count: np.ndarray) -> tuple[int, int]:
    """Return the longest word of the vocabulary that stands at a place of the text, and its end.

    If there is none, -1 and the next place. Long Latin words may have one letter wrong.
    """
    head = text[at]
    if head >= len(first) or count[head] == 0:
        return -1, at + 1
    if _latin(head) and at > 0 and _latin(text[at - 1]):
        return -1, at + 1
    words = range(first[head], first[head] + count[head])
    for word in words:
        end = _rest(text, at, flat[start[word]:start[word + 1]], 0)
        if end >= 0:
            return word, end
    if _latin(head):
        for word in words:
            if start[word + 1] - start[word] >= _LONG:
                end = _nearly(text, at, flat[start[word]:start[word + 1]])
                if end >= 0:
                    return word, end
    return -1, at + 1


@njit(nogil=True, cache=True)
def _number_at(text: np.ndarray, at: int) -> tuple[int, int]:
    """Return the value of the numeral that stands at a place of the text, and where it ends."""
    total, current, end = 0, 0, at
    while end < len(text):
        value = _digit(text[end])
        if value < 0:
            break
        if value >= 10:
            total += max(current, 1) * value
            current = 0
        else:
            current = (current * 10 + value) % 1_000_000_007
        end += 1
    return total + current, end


@njit(nogil=True, cache=True)
def _follows(text: np.ndarray, at: int, flat: np.ndarray, start: np.ndarray, kind: np.ndarray,
             first: np.ndarray, count: np.ndarray) -> int:
    """Return how many characters of a place still follow, counted up to two."""
    found = 0
    while at < len(text) and found < 2:
        word, end = _word_at(text, at, flat, start, first, count)
        settled = word >= 0 and kind[word] == _SETTLEMENT and end > at + 1
        if word < 0 or (not settled and kind[word] not in (_DROP, _COMMITTEE, _FACILITY)):
            end = at + 1
            found += text[at] != _SPACE
        at = end
    return found


@njit(nogil=True, cache=True)
def _put_number(out: np.ndarray, size: int, value: int) -> int:
    """Add a number to a place, in digits, and return the new length."""
    digits = 1
    while value >= 10 ** digits:
        digits += 1
    for k in range(min(digits, len(out) - size)):
        out[size + k] = 48 + value // 10 ** (digits - 1 - k) % 10
    return min(size + digits, len(out))


@njit(nogil=True, cache=True)
def _put(out: np.ndarray, size: int, text: np.ndarray, at: int, end: int) -> int:
    """Add characters to a place, without spaces and 第 before a number; return the new length."""
    for k in range(at, end):
        ordinal = text[k] == 0x7B2C and k + 1 < len(text) and _digit(text[k + 1]) >= 0
        if text[k] != _SPACE and not ordinal and size < len(out):
            out[size] = text[k]
            size += 1
    return size


@njit(nogil=True, cache=True)
def _silent(what: int, length: int, size: int) -> bool:
    """Say whether a word tells nothing after `size` characters of the place."""
    long = what == _SETTLEMENT and length > 1
    return what == _DROP or long or (what in (_SETTLEMENT, _WIDER) and size >= 2)


@njit(nogil=True, cache=True)
def _read(text: np.ndarray, out: np.ndarray, flat: np.ndarray, start: np.ndarray,
          kind: np.ndarray, bits: np.ndarray, first: np.ndarray, count: np.ndarray
          ) -> tuple[int, int, int, int]:
    """Take one name apart; the place goes to `out`: its length, facility, number, contrast."""
    size, facility, committee, number, contrast, at = 0, 0, 0, 0, 0, 0
    while at < len(text):
        if _digit(text[at]) >= 0:
            value, at = _number_at(text, at)
            number |= 1 << (value % 61)
            size = _put_number(out, size, value)
            continue
        word, end = _word_at(text, at, flat, start, first, count)
        what = -1 if word < 0 else kind[word]
        if what == _FACILITY:
            facility |= bits[word]
        elif what == _COMMITTEE:
            committee |= bits[word]
        elif what == _WIDER and _follows(text, end, flat, start, kind, first, count) >= 2:
            size, number, contrast = 0, 0, 0
        elif what == _CONTRAST:
            contrast |= bits[word] & 0xFFFFFFFF
            if size < len(out):
                out[size] = bits[word] >> 32
                size += 1
        elif not _silent(what, end - at, size):
            size = _put(out, size, text, at, end)
        at = end
    return size, facility if facility else committee, number, contrast


@njit(nogil=True, cache=True)
def _parse(codes: np.ndarray, flat: np.ndarray, start: np.ndarray, kind: np.ndarray,
           bits: np.ndarray, first: np.ndarray, count: np.ndarray
           ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray,
                      np.ndarray]:
    n = 0
    for code in codes:
        n += code == 0
    place = np.empty(len(codes) * 2, dtype=np.uint32)
    lengths = np.zeros(n, dtype=np.int64)
    letters = np.zeros(n, dtype=np.uint64)
    facility = np.zeros(n, dtype=np.int64)
    number = np.zeros(n, dtype=np.int64)
    contrast = np.zeros(n, dtype=np.int64)
    key = np.zeros(n, dtype=np.uint64)
    out = np.empty(48, dtype=np.uint32)
    text = np.empty(len(codes), dtype=np.uint32)
    used, size, i = 0, 0, 0
    for code in codes:
        if code == 1:
            continue
        if code:
            text[size] = code
            size += 1
            continue
        found = _read(text[:size], out, flat, start, kind, bits, first, count)
        lengths[i], facility[i], number[i], contrast[i] = found
        mixed = np.uint64(14695981039346656037)
        for k in range(found[0]):
            place[used + k] = out[k]
            letters[i] |= np.uint64(1) << np.uint64(out[k] % 64)
            mixed = (mixed ^ np.uint64(out[k])) * np.uint64(1099511628211)
        mixed = (mixed ^ np.uint64(found[1])) * np.uint64(1099511628211)
        if found[0] or found[1]:
            key[i] = mixed | np.uint64(1)
        used += found[0]
        size = 0
        i += 1
    return place[:used].copy(), lengths, letters, facility, number, contrast, key


@njit(nogil=True, cache=True)
def _phones(codes: np.ndarray) -> np.ndarray:
    n = 0
    for code in codes:
        n += code == 0
    keys = np.zeros(n, dtype=np.uint64)
    digits = np.empty(20, dtype=np.uint32)
    size, i, ended = 0, 0, False
    for code in codes:
        if code == 0:
            keys[i] = _phone(digits[:size])
            size, i, ended = 0, i + 1, False
        elif 48 <= code <= 57:
            if not ended and size < 20:
                digits[size] = code
                size += 1
        elif size >= 7 and (code in (44, 47, 59, 124) or _latin(code) or code > 0x2E80):
            ended = True  # , / ; | or a word
    return keys


@njit(nogil=True, cache=True)
def _phone(digits: np.ndarray) -> np.uint64:
    first = 0
    while first < len(digits) and digits[first] == 48:
        first += 1
    if len(digits) - first >= 12 and digits[first] == 56 and digits[first + 1] == 54:
        first += 2
    while first < len(digits) and digits[first] == 48:
        first += 1
    if len(digits) - first < 7:
        return np.uint64(0)
    one = True
    mixed = np.uint64(14695981039346656037)
    for k in range(first, len(digits)):
        one &= digits[k] == digits[len(digits) - 1]
        mixed = (mixed ^ np.uint64(digits[k])) * np.uint64(1099511628211)
    return np.uint64(0) if one else mixed | np.uint64(1)

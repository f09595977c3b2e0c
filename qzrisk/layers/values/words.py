"""Yes and no, codes, telephone numbers and free text in one cell."""

from __future__ import annotations

import re
from typing import Any

from qzrisk.layers.values.cells import ANSWERS, EMPTY_WORDS, fold

Reading = tuple[Any, tuple[str, ...]]

_TRUE = frozenset(("true", "1", "1.0", "yes", "y", "t", "是", "有", "对", "√", "✓", "✔",
                   "☑", "v", "已",
                   "真", "on"))
_FALSE = frozenset(("false", "0", "0.0", "no", "n", "f", "否", "无", "無", "没有", "不是", "错",
                    "×", "✗",
                    "✘", "✕", "x", "☒", "未", "假", "off", "none"))
_FLOAT_CODE = re.compile(r"\d(?:\.\d+)?e\+\d{1,2}")
_TAIL = re.compile(r"(\d+)\.0+")
_EXACT_DIGITS = 15  # what a spreadsheet keeps of a number
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"(010|02\d|0[3-9]\d{2})-?(\d{7,8})(?:(?:-|转|ext\.?)(\d{1,6}))?")
_LOCAL = re.compile(r"[1-9]\d{6,7}")
_SERVICE = re.compile(r"1[12]\d|1[0-9]{4}|9\d{4}|[48]00-?\d{3}-?\d{4}")
_SEVERAL = re.compile(r"[/;,、|\n]+|\s{2,}")
_SHORT = re.compile(r"\(?(0\d{2,3})\)?[-\s]*(?=\d)")


def read_bool(cell: Any) -> Reading:
    """Return True, False or None of one cell.

    Examples
    --------
    >>> [read_bool(cell)[0] for cell in ("√", "否", "×", 1.0, "也许")]
    [True, False, False, True, None]
    """
    word = fold(str(cell))
    if word in _TRUE:
        return True, ()
    if word in _FALSE:
        return False, ()
    return None, ("empty_word",) if word in EMPTY_WORDS else ("bool",)


def read_code(cell: Any) -> Reading:
    """Return a code as text; what a spreadsheet has rounded is told, never guessed.

    Examples
    --------
    >>> read_code(440305001002.0)
    ('440305001002', ())
    >>> read_code("4.40305E+11")
    (None, ('damaged_code',))
    """
    if isinstance(cell, bool):
        return str(cell), ()
    if isinstance(cell, int | float):
        return _number_code(cell)
    word = str(cell).strip()
    plain = fold(word)
    if plain in EMPTY_WORDS:
        return None, ("empty_word",)
    if _FLOAT_CODE.fullmatch(plain):
        return None, ("damaged_code",)
    if match := _TAIL.fullmatch(plain):
        return match[1], ("code_read",)
    # Letters keep their case; only width and quotes are folded.
    kept = plain if plain == plain.upper() else _wide(word)
    return kept, () if kept == word else ("code_read",)


def _wide(word: str) -> str:
    folded = fold(word)
    return "".join(c.upper() if c.isalpha() and o.isupper() else c
                   for c, o in zip(folded, word, strict=True)) if len(folded) == len(word) else word


def _number_code(cell: float) -> Reading:
    if abs(cell) >= 10 ** _EXACT_DIGITS:
        return None, ("damaged_code",)
    if cell % 1:
        return repr(cell), ()
    return str(int(cell)), ()


def read_text(cell: Any) -> Reading:
    """Return free text without outer spaces; whole numbers without a decimal point."""
    if isinstance(cell, float) and cell % 1 == 0 and abs(cell) < 1e18:
        return str(int(cell)), ()
    word = str(cell).strip()
    plain = fold(word)
    if plain in EMPTY_WORDS and plain not in ANSWERS:
        return None, ("empty_word",) if plain else ()
    return word, ()


def read_phone(cell: Any) -> Reading:
    """Return telephone numbers in one form: mobile 11 digits, landline ``0755-22222222``.

    Notes
    -----
    Several are joined by ``;``. A number cell that lost its leading zero gets it back with the
    rule ``phone_zero``; what cannot be read stays as it came with the rule ``phone``.

    Examples
    --------
    >>> read_phone("（0755）２２２２０００１")
    ('0755-22220001', ('phone_read',))
    """
    lost = isinstance(cell, int | float) and not isinstance(cell, bool)
    if lost and cell != int(cell):
        return str(cell), ("phone",)
    word = str(int(cell)) if lost else str(cell).strip()
    if fold(word) in EMPTY_WORDS:
        return None, ("empty_word",)
    pieces = [piece for piece in _SEVERAL.split(fold(word)) if piece.strip()]
    read = [_one_phone(piece, lost) for piece in pieces]
    if not read or any(number is None for number, _ in read):
        return word, ("phone",)
    joined = ";".join(dict.fromkeys(str(number) for number, _ in read))
    rules = {rule for _, rules in read for rule in rules}
    if joined != word and not rules:
        rules.add("phone_read")
    return joined, tuple(sorted(rules))


def _one_phone(piece: str, lost_zero: bool) -> tuple[str | None, tuple[str, ...]]:
    text = re.sub(r"\s|^(?:电话|手机|座机|tel)[:.]?", "", piece.strip())
    text = re.sub(r"^(?:\+|00)?86-?(?=1[\d-]{10,13}$|\(?0\d)", "", text)
    text = re.sub(r"^(?:\+|00)?86-?([1-9]\d{1,2})-(?=\d{7,8}$)", r"0\1-", text)
    text = _SHORT.sub(r"\1-", text, count=1)
    bare = text.replace("-", "")
    if _MOBILE.fullmatch(bare):
        return bare, ()
    if match := _LANDLINE.fullmatch(text) or _LANDLINE.fullmatch(bare):
        return f"{match[1]}-{match[2]}" + (f"-{match[3]}" if match[3] else ""), ()
    if _SERVICE.fullmatch(text) or _LOCAL.fullmatch(bare):
        return bare, ("phone_no_area",) if _LOCAL.fullmatch(bare) else ()
    if lost_zero and (match := _LANDLINE.fullmatch("0" + bare)):
        return f"{match[1]}-{match[2]}", ("phone_zero",)
    return None, ()

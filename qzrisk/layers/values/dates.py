"""Dates as people and spreadsheets write them: Chinese forms, serial numbers, parts of dates."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from qzrisk.layers.values.cells import EMPTY_WORDS, fold
from qzrisk.layers.values.numbers import _DIGITS, chinese

Reading = tuple[dt.date | None, tuple[str, ...]]

BEIJING = dt.timezone(dt.timedelta(hours=8))
_EPOCHS = {1900: dt.date(1899, 12, 30), 1904: dt.date(1904, 1, 1)}
_SERIALS = range(2_200, 73_051)  # days since the epoch that a year number cannot be mistaken for
_YEARS = range(1800, 2101)
_CLOCK = (r"(?:[t ]*(?:上午|下午)?\d{1,2}"
          r"(?:[:时点]\d{1,2}(?:[:分]\d{1,2}(?:\.\d+)?秒?|分)?|时|点)?)?")
_WEEKDAY = r"(?:\(?(?:星期|周)[一二三四五六日天]\)?)?"
_YMD = re.compile(
    rf"(\d{{4}})(?:[-/.]|年)(\d{{1,2}})(?:[-/.]|月)(\d{{1,2}})[日号]?{_WEEKDAY}{_CLOCK}")
_YM = re.compile(r"(\d{4})(?:[-/.]|年)(\d{1,2})(?:月(?:份)?)?")
_Y = re.compile(r"(\d{4})年?(?:度)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})?")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_MONTHS = {name: n for n, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}
_ENGLISH = re.compile(r"(?:(\d{1,2})[ -])?([a-z]{3})[a-z]*\.?[ -](?:(\d{1,2}),? )?(\d{4})")
_NUMERALS = re.compile(rf"[{''.join(_DIGITS)}十廿卅]+")


def read_date(cell: Any, date_system: int) -> Reading:
    """Return the date in one cell, text or number, and the rules that speak of it.

    Parameters
    ----------
    cell : text, number, date or datetime
    date_system : 1900 or 1904, what serial numbers count from

    Examples
    --------
    >>> read_date("二〇二一年三月五日", 1900)
    (datetime.date(2021, 3, 5), ())
    >>> read_date(44260, 1900)
    (datetime.date(2021, 3, 5), ('date_serial',))
    >>> read_date("2021年3月", 1900)
    (datetime.date(2021, 3, 1), ('date_partial',))
    """
    if isinstance(cell, dt.datetime):
        return cell.date(), ()
    if isinstance(cell, dt.date):
        return cell, ()
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _from_number(float(cell), date_system)
    if not isinstance(cell, str):
        return None, ("date",)
    text = fold(cell)
    if text in EMPTY_WORDS:
        return None, ("empty_word",)
    if re.fullmatch(r"\d{5}(?:\.\d+)?", text):
        return _from_number(float(text), date_system)
    return _from_text(text)


def _from_number(number: float, date_system: int) -> Reading:
    if number % 1 == 0 and (number in _YEARS or 180_001 <= number <= 21_001_231):
        return _from_text(str(int(number)))
    if int(number) in _SERIALS:
        return _EPOCHS[date_system] + dt.timedelta(days=int(number)), ("date_serial",)
    return None, ("date",)


def _from_text(text: str) -> Reading:
    zoned = _with_zone(text)
    if zoned:
        return zoned
    text = _arabic(text)
    text = re.sub(r"\s*([-/.年月日])\s*", r"\1", text)
    if match := _YMD.fullmatch(text):
        return _made(*match.groups())
    if match := _COMPACT.fullmatch(text):
        return _made(*match.groups())
    if match := _YM.fullmatch(text):
        return _made(match[1], match[2], None)
    if match := _Y.fullmatch(text):
        return _made(match[1], None, None)
    if match := _ENGLISH.fullmatch(text):
        return _english(match)
    if match := _DAY_FIRST.fullmatch(text):
        return _either_order(int(match[1]), int(match[2]), match[3])
    return None, ("date",)


def _made(year: str, month: str | None, day: str | None) -> Reading:
    try:
        made = dt.date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None, ("date",)
    if made.year not in _YEARS:
        return None, ("date",)
    return made, () if day else ("date_partial",)


def _either_order(first: int, second: int, year: str) -> Reading:
    """Read day/month/year or month/day/year where only one of them can be meant."""
    if first == second or first > 12:
        return _made(year, str(second), str(first))
    if second > 12:
        return _made(year, str(first), str(second))
    return None, ("date_ambiguous",)


def _english(match: re.Match[str]) -> Reading:
    month, day = _MONTHS.get(match[2]), match[1] or match[3]
    return _made(match[4], str(month), day) if month else (None, ("date",))


def _with_zone(text: str) -> Reading | None:
    """Read an ISO moment with a time zone as its day in Beijing."""
    if ("t" not in text and ":" not in text) or not re.search(r"(?:z|[+-]\d\d:?\d\d)$", text):
        return None
    try:
        moment = dt.datetime.fromisoformat(text.upper())
        if moment.tzinfo is None:
            return None
        return moment.astimezone(BEIJING).date(), ("date_zone",)
    except (ValueError, OverflowError):
        return None


def _arabic(text: str) -> str:
    """Write the Chinese numerals of a date as figures; a weekday is left alone."""
    if not ("年" in text or "月" in text) or not any(c in _DIGITS or c == "十" for c in text):
        return text
    head, mark, tail = re.split(r"((?:\(?星期|\(?周).*)", text, maxsplit=1) if re.search(
        "星期|周", text) else (text, "", "")

    def figure(match: re.Match[str]) -> str:
        number = chinese(match[0])
        return match[0] if number is None else str(int(number))

    return _NUMERALS.sub(figure, head) + mark + tail

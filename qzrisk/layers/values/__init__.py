"""Cell values as people write them -> numbers, dates, yes/no, codes: exact, or missing with a rule.

Each function takes a column of raw cells and returns ``(values, masks)``: values aligned with its
index, and for every rule met a boolean array of the rows it speaks of. Nothing is guessed in
silence: a value that was not plain has a rule, one that could not be told is missing and has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from qzrisk.layers.findings import Severity
from qzrisk.layers.schema import Column
from qzrisk.layers.values.cells import EMPTY_WORDS, ERROR_WORDS, Masks, blank, by_distinct, spread
from qzrisk.layers.values.commas import decimal_commas
from qzrisk.layers.values.dates import read_date
from qzrisk.layers.values.numbers import chinese, parts, read_number
from qzrisk.layers.values.words import read_bool, read_code, read_phone, read_text

__all__ = ["ERROR_WORDS", "OF_COLUMN", "SEVERITIES", "Masks", "blank", "booleans", "chinese",
           "codes", "coerce", "counts", "dates", "numbers", "phones", "split_parts", "texts",
           "years"]

Read = tuple[pd.Series, Masks]

SEVERITIES: dict[str, Severity | None] = {
    "number": None, "date": None, "bool": None, "damaged_code": None, "unit": None,
    "number_range": None, "number_is_date": None, "date_ambiguous": None,
    "approximate": "warning", "composite": "warning", "bracketed": "warning", "remark": "note",
    "number_read": "note", "unit_converted": "note", "empty_word": "note", "date_serial": "note",
    "date_partial": "warning", "date_zone": "note", "year_of_date": "note", "code_read": "note",
    "decimal_comma": "warning", "separator_doubtful": "warning", "thousands_point": None,
    "phone": "warning", "phone_read": "note", "phone_zero": "note", "phone_no_area": "note",
}
"""Rule -> severity of its finding; None: error in a required column, else warning."""


_NUMERIC = frozenset(("string", "floating", "integer", "mixed-integer-float", "empty"))
OF_COLUMN = frozenset(("decimal_comma",))
"""Rules that are told once a column."""

_POINTED = r"\s*[0-9]{1,3}(?:\.[0-9]{3})+\s*"
_THOUSANDS = r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?"
_WIDE = str.maketrans("/-.*?na", "／－．＊？ｎａ")
_EMPTY = sorted(EMPTY_WORDS | {word.translate(_WIDE) for word in EMPTY_WORDS})
_CODE = r"[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*"
# What `read_phone` gives back unchanged and without a word.
_PHONE = r"(?:1[3-9][0-9]{9}|0(?:10|2[0-9]|[3-9][0-9]{2})-[0-9]{7,8})"


def numbers(raw: pd.Series, *, unit: str = "", whole: bool = False) -> Read:
    """Read numbers: figures, full-width, separators, 万, Chinese numerals, 约, units, parts.

    Parameters
    ----------
    raw : cells as they came
    unit : of the column (``"m2"``: 亩 and 公顷 are converted)
    whole : whether the column counts something

    Returns
    -------
    (values, masks)
        float64, finite or NaN; NaN where the cell is empty, an empty-like word, a range or class
        (rule ``number_range``), or no number (rule ``number``).

    Examples
    --------
    >>> values, masks = numbers(pd.Series(["３００人", "两千五百", "250-500", "2亩"]), unit="m2")
    >>> values.round(1).tolist(), sorted(masks)
    ([nan, 2500.0, nan, 1333.3], ['number_range', 'number_read', 'unit', 'unit_converted'])
    """
    values, left = _plain_numbers(raw)
    if not left.any():
        return values, {}
    cells, commas, doubtful = decimal_commas(raw, left, whole=whole)
    if commas.any():
        values, masks = numbers(cells, unit=unit, whole=whole)
        return values, masks | {"decimal_comma": commas}
    odd = raw[left]
    found, masks = by_distinct(odd, lambda cell: _number_cell(cell, unit), np.nan)
    values = values.copy()
    values[left] = np.asarray(found, dtype=float)
    said = {"separator_doubtful": doubtful} if doubtful.any() else {}
    return values, spread(masks, left) | said


def counts(raw: pd.Series, *, unit: str = "") -> Read:
    """Read numbers of what is counted; ``1.200`` is none, nobody counts thousandths of persons.

    Parameters and returns as `numbers`; the rule ``thousands_point`` names such cells, unless the
    column is written with decimal commas.

    Examples
    --------
    >>> counts(pd.Series(["1.200", "80"]))[0].tolist()
    [nan, 80.0]
    >>> counts(pd.Series(["1.200", "80", "12.500.000"]))[0].tolist()
    [1200.0, 80.0, 12500000.0]
    """
    values, masks = numbers(raw, unit=unit, whole=True)
    pointed = raw.astype("str").str.fullmatch(_POINTED).fillna(False).to_numpy(dtype=bool)
    pointed = pointed & ~masks.get("decimal_comma", np.zeros(len(raw), dtype=bool))
    return (values.mask(pointed), masks | {"thousands_point": pointed}) if pointed.any() else (
        values, masks)


def _plain_numbers(raw: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Return what is a plain number already, and which other cells hold something."""
    if raw.dtype.kind in "iufb" and not isinstance(raw.dtype, pd.StringDtype):
        values = raw.astype(float)
        left = np.isinf(values.to_numpy(dtype=float, na_value=np.nan))
        return values.mask(left), left
    if raw.dtype.kind == "M":
        return pd.Series(np.nan, index=raw.index, name=raw.name), raw.notna().to_numpy()
    cells = raw
    if raw.dtype == object and pd.api.types.infer_dtype(raw, skipna=True) not in _NUMERIC:
        cells = raw.where([isinstance(c, str | int | float | np.number)
                           and not isinstance(c, bool) for c in raw], None)
    values = pd.to_numeric(cells, errors="coerce").astype(float)
    sound = np.isfinite(values.to_numpy())
    if sound.all():
        return values, ~sound
    values = values.where(sound)
    left = ~sound
    left[left] = ~blank(raw[left])
    return _separated(raw, values, left)


def _separated(raw: pd.Series, values: pd.Series, left: np.ndarray
               ) -> tuple[pd.Series, np.ndarray]:
    """Read figures with thousands separators all at once: whole columns are written so."""
    at = np.flatnonzero(left)
    words = raw.iloc[at].astype("str").str.strip()
    hit = words.str.fullmatch(_THOUSANDS).to_numpy(dtype=bool, na_value=False)
    if not hit.any():
        return values, left
    figures = pd.to_numeric(words[hit].str.replace(",", "", regex=False), errors="coerce")
    values = values.copy()
    values.iloc[at[hit]] = figures.astype(float).to_numpy()
    left[at[hit]] = ~np.isfinite(values.iloc[at[hit]].to_numpy())
    return values, left


def _number_cell(cell: Any, unit: str) -> tuple[float, tuple[str, ...]]:
    if isinstance(cell, str):
        return read_number(cell, unit)
    # A spreadsheet makes a date of "3-5": the number is lost.
    return np.nan, ("number_is_date",) if hasattr(cell, "year") else ("number",)


def split_parts(raw: pd.Series) -> pd.DataFrame:
    """Split composites such as ``室内137人/室外547人`` into one column a part.

    Parameters
    ----------
    raw : cells as they came

    Returns
    -------
    DataFrame indexed as `raw`, one float column a label met; NaN where a cell has no such part.

    Examples
    --------
    >>> split_parts(pd.Series(["室内137人/室外547人", "300"])).loc[0].to_dict()
    {'室内': 137.0, '室外': 547.0}
    """
    text = raw.map(lambda cell: isinstance(cell, str) and len(cell) < 100)
    found = {at: split for at, cell in raw[text].items() if (split := parts(cell))}
    return pd.DataFrame.from_dict(found, orient="index", dtype=float).reindex(raw.index)


def dates(raw: pd.Series, *, date_system: int = 1900) -> Read:
    """Read days: ISO, 2021.3.5, 2021年3月5日, 二〇二一年三月, 20210305, serial numbers.

    Parameters
    ----------
    raw : cells as they came
    date_system : 1900 or 1904, what the workbook's serial numbers count from

    Returns
    -------
    (values, masks)
        datetime64[s] at midnight; a month or year alone is its first day, with ``date_partial``.
    """
    if raw.dtype.kind == "M":
        naive = raw.dt.tz_convert("Asia/Shanghai").dt.tz_localize(None) if getattr(
            raw.dt, "tz", None) is not None else raw
        return naive.dt.normalize().astype("datetime64[s]"), {}
    here = ~blank(raw)
    found, masks = by_distinct(raw[here], lambda cell: read_date(cell, date_system), None)
    days = np.full(len(raw), np.datetime64("NaT", "s"))
    days[here] = np.asarray(found, dtype="datetime64[s]")
    return pd.Series(days, index=raw.index, name=raw.name), spread(masks, here)


def years(raw: pd.Series) -> Read:
    """Read years: a number, or the year of a date (rule ``year_of_date``); float64 or NaN."""
    values, masks = numbers(raw, unit="")
    lost = values.isna().to_numpy() & ~blank(raw) | (values > 10_000).to_numpy(dtype=bool)
    days, day_masks = dates(raw[lost])
    known = days.notna().to_numpy()
    at = np.flatnonzero(lost)[known]
    values = values.copy()
    values.iloc[at] = days.dt.year.to_numpy()[known]
    for mask in masks.values():
        mask[at] = False
    masks["year_of_date"] = np.zeros(len(raw), dtype=bool)
    masks["year_of_date"][at] = True
    del day_masks
    return values, {rule: mask for rule, mask in masks.items() if mask.any()}


def booleans(raw: pd.Series) -> Read:
    """Read yes and no (是/否, 有/无, √/×, 1/0): boolean with NA; others have the rule ``bool``."""
    if raw.dtype.kind == "b":
        return raw.astype("boolean"), {}
    values, masks = _cellwise(raw, read_bool)
    return values.astype("boolean"), masks


def codes(raw: pd.Series) -> Read:
    """Read codes as text; one that a spreadsheet rounded is missing with ``damaged_code``."""
    return _texts(raw, read_code, lambda words: words.str.fullmatch(_CODE))


def phones(raw: pd.Series) -> Read:
    """Read telephone numbers in one form; an unreadable one stays with the rule ``phone``."""
    return _texts(raw, read_phone, lambda words: words.str.fullmatch(_PHONE))


def texts(raw: pd.Series) -> Read:
    """Read free text; empty-like words but 无 and 没有, which are an answer, are missing."""
    return _texts(raw, read_text, lambda words: ~words.str.lower().isin(_EMPTY))


def _texts(raw: pd.Series, read: Callable[[Any], tuple[Any, tuple[str, ...]]],
           plain: Callable[[pd.Series], pd.Series]) -> Read:
    """Read text; of a column of text, cells that are `plain` once stripped are taken as such."""
    if not isinstance(raw.dtype, pd.StringDtype):
        values, masks = _cellwise(raw, read)
        return values.astype("str"), masks
    words = raw.str.strip()
    odd = ~(plain(words).to_numpy(dtype=bool, na_value=True) | words.isna().to_numpy())
    if not odd.any():
        return words, {}
    values, masks = _cellwise(raw[odd], read)
    words = words.copy()
    words[odd] = values.astype("str")
    return words, spread(masks, odd)


def _cellwise(raw: pd.Series, read: Callable[[Any], tuple[Any, tuple[str, ...]]]) -> Read:
    here = ~blank(raw)
    found, masks = by_distinct(raw[here], read, None)
    values = np.full(len(raw), None, dtype=object)
    values[here] = found
    return pd.Series(values, index=raw.index, name=raw.name, dtype=object), spread(masks, here)


def coerce(raw: pd.Series, column: Column, *, date_system: int = 1900) -> Read:
    """Read a column of raw cells by the type the data dictionary gives it.

    Parameters
    ----------
    raw : cells as they came
    column : its entry in the data dictionary
    date_system : 1900 or 1904

    Returns
    -------
    (values, masks)
        ``int`` and ``float`` columns: float64; ``bool``: boolean; ``date``: datetime64[s]; others
        text. Code lists and ranges are not checked here.
    """
    if column.type in ("int", "float"):
        if column.name.endswith("_year"):
            return years(raw)
        return (counts if column.type == "int" else numbers)(raw, unit=column.unit)
    if column.type == "date":
        return dates(raw, date_system=date_system)
    if column.type == "bool":
        return booleans(raw)
    if column.name == "phone" or column.name.endswith("_phone"):
        return phones(raw)
    if column.name.endswith(("_id", "_code", "id")):
        return codes(raw)
    return texts(raw)

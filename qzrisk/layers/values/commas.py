"""Decimal commas: told by a whole column, since ``1,234`` alone may be a thousand or a decimal."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from qzrisk.layers.values.cells import fold

_FIGURE = re.compile(r"([+-]?)(\d[\d., ]*\d|\d)((?:\D|(?<=m)2)*)")
_FORM = r"\d{{1,3}}(?:[{0} ]\d{{3}})+{1}\d+|\d{{1,3}}(?:{0}\d{{3}}){{2,}}|\d+{1}\d{{1,2}}"
_FORM += r"|\d{{4,}}{1}\d+|0\d*{1}\d+"
_COMMA = re.compile(_FORM.format(r"\.", ","))
_POINT = re.compile(_FORM.format(",", r"\.") + r"|\d+\.\d{4,}")
_PARTS = re.compile(r".*,(?!0*$)\d+")
_EITHER = re.compile(r"\d{1,3}(?:[.,]\d{3}|,\d{4,})")


def decimal_commas(raw: pd.Series, odd: np.ndarray, *, whole: bool = False
                   ) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Write the numbers of a column of decimal commas with points.

    Parameters
    ----------
    raw : cells as they came
    odd : cells that are no plain numbers
    whole : they count something: ``3,4`` is then more likely two numbers than a fraction

    Returns
    -------
    (cells, read, doubtful)
        `read`: cells that were written anew. `doubtful`: cells such as ``1,234`` of a column in
        which some are written with a comma and others speak against it.

    Notes
    -----
    A column is one of decimal commas where some cell can be read in no other way (``12,5``,
    ``1.234,5``, ``1.234.567``), none only with a point (``12.5``, ``1,234.5``), and no more cells
    can be read both ways than must be read so, and of those with a comma fewer.

    Examples
    --------
    >>> raw = pd.Series(["1.234,5", "12,5 ha", "1.200", "350"])
    >>> decimal_commas(raw, np.array([True, True, False, False]))[0].tolist()
    ['1234.5', '12.5 ha', '1200', '350']
    """
    none = np.zeros(len(raw), dtype=bool)
    if not _kinds(raw[odd], whole)[0].any():
        return raw, none, none
    comma, point, either = _kinds(raw, whole)
    thousands = np.array([isinstance(c, str) and "," in c for c in raw], dtype=bool) & either
    for_comma, against = comma.sum(), max(point.sum(), either.sum())
    if point.any() or against > for_comma or thousands.sum() == for_comma:
        return raw, none, either if 2 * for_comma >= against else none
    read = comma | either
    return raw.astype(object).where(~read, raw[read].map(_pointed)), read, none


def _kinds(cells: pd.Series, whole: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which cells demand a comma, which a point, and which may have either."""
    codes, distinct = pd.factorize(cells.to_numpy(dtype=object), use_na_sentinel=True)
    figures = [_figure(cell) for cell in distinct]
    if whole:
        figures = [_of_count(figure) for figure in figures]
    comma, point, either = (
        np.array([bool(kind.fullmatch(figure)) for figure in figures] + [False])[codes]
        for kind in (_COMMA, _POINT, _EITHER))
    return comma, point, either & ~comma & ~point


def _of_count(figure: str) -> str:
    """Return the figure of a count, "" if it says nothing; 1,234 of them are no fraction."""
    if _EITHER.fullmatch(figure):
        return figure.replace(",", ",000,")  # as plain as 1,000,234
    return "" if _PARTS.fullmatch(figure) else figure


def _figure(cell: object) -> str:
    """Return the figure of a text without sign and unit, "" of whatever else."""
    # A number of a spreadsheet does not say how people write there.
    found = _FIGURE.fullmatch(fold(cell)) if isinstance(cell, str) else None
    return found[2] if found else ""


def _pointed(cell: object) -> str:
    sign, figure, rest = _FIGURE.fullmatch(fold(str(cell))).groups()  # type: ignore[union-attr]
    whole, _, fraction = re.sub(r"[. ]", "", figure).partition(",")
    return f"{sign}{whole}{'.' if fraction.strip('0') else ''}{fraction.rstrip('0')}{rest}"

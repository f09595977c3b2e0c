"""The table beside a map: columns by their longest words, classes in their colours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qzrisk.levels import NO_DATA_FILL, NO_DATA_HATCH, palette
from qzrisk.maps.furniture.lettering import fitted, measure
from qzrisk.maps.furniture.panel import HATCH_INK, heading
from qzrisk.maps.furniture.sheet import Block, Sheet
from qzrisk.maps.spec import MapSpec
from qzrisk.maps.style import INK, INK_SOFT, PAPER, STRIPE, fills, ink_on
from qzrisk.text import text

_ROW_MM, _LEAST_ROW_MM = 4.7, 3.3
_LEAST_HEAD = 0.8
_LEAST_WORDS = 0.45
"""Least share of their width to which the columns of words of a table shrink for its numbers."""
_LEAST_TABLE_PT = 6.2
"""Size to which the letters of a whole table shrink where its longest words then fit."""


def table(sheet: Sheet, spec: MapSpec, x: float, width: float, room: float, *,
          least_row_mm: float = _LEAST_ROW_MM) -> Block:
    """Return the table in the order given, rows as high as the room allows.

    Rows that cannot be printed legibly in the room, `least_row_mm` high on A4, are left out and
    counted in its last line.
    """
    assert spec.table is not None
    zoom, frame = sheet.zoom, spec.table
    titled = (5.6 * zoom) if spec.table_title else 0.0
    row = min(_ROW_MM * zoom, (room - titled) / (len(frame) + 1.1))
    kept = len(frame)
    if row < least_row_mm * zoom:
        row = least_row_mm * zoom
        kept = max(int((room - titled) / row - 2.2), 1)
    rest = len(frame) - kept
    height = titled + row * (kept + 1.1 + (1 if rest else 0))

    decimals = [decimals_of(frame[name]) for name in frame.columns]

    def draw(top: float) -> None:
        y = heading(sheet, x, top, spec.table_title, width) if titled else top
        edges, aligns, size = _columns(spec, sheet, x, width, row)
        head = row * 1.1
        sheet.box(x, y - head, width, head, facecolor=INK)
        for name, (left, right), align in zip(frame.columns, edges, aligns, strict=True):
            _cell(sheet, str(name), left, right, y - head / 2, align, size, bold=True, color=PAPER)
        y -= head
        for rank in range(kept):
            if rank % 2:
                sheet.box(x, y - row, width, row, facecolor=STRIPE)
            for column, (name, (left, right), align) in enumerate(
                zip(frame.columns, edges, aligns, strict=True)
            ):
                value = frame.iat[rank, column]
                if name == spec.class_column:
                    _chip(sheet, spec, value, left, right, y - row, row, size)
                    continue
                words = cell_text(value, decimals[column])
                _cell(sheet, words, left, right, y - row / 2, align, size)
            y -= row
        if rest:
            _cell(sheet, text("rows_left", spec.language, n=rest), x, x + width, y - row / 2,
                  "center", size, color=INK_SOFT)
            y -= row
        sheet.line((x, x + width), (y, y), color=INK, width_pt=0.8, solid_capstyle="butt")

    return Block(height, draw)


def cell_text(value: object, decimals: int = 2) -> str:
    """Return how a table prints a value; the missing is a dash.

    Examples
    --------
    >>> cell_text(1234567), cell_text(0.8264), cell_text(float("nan")), cell_text("东关镇")
    ('1,234,567', '0.83', '—', '东关镇')
    """
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "—"
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, (float, np.floating)):
        return f"{value:,.{decimals}f}"
    return str(value)


def decimals_of(values: pd.Series) -> int:
    """Return how many decimals, at most two, a column of numbers needs.

    Examples
    --------
    >>> decimals_of(pd.Series([22.0, 70.7])), decimals_of(pd.Series([3.0, None]))
    (1, 0)
    """
    if not pd.api.types.is_float_dtype(values):
        return 0
    given = values.dropna().to_numpy(dtype=float)
    return next((n for n in (0, 1) if np.allclose(given, np.round(given, n), rtol=0, atol=1e-9)),
                2)


def chip_words(code: object, spec: MapSpec) -> str:
    """Return the short word of a class, e.g. 高风险 for 高风险（红）."""
    if code is None or pd.isna(code):
        return text("no_data_short", spec.language)
    words = palette(spec.table_palette).words(spec.language)[str(code)]
    return words.split("（")[0].split(" (")[0]


def _columns(spec: MapSpec, sheet: Sheet, x: float, width: float, row: float
             ) -> tuple[list[tuple[float, float]], list[str], float]:
    """Share the width by the longest text of each column; numbers align right.

    Where it does not suffice, all letters shrink alike if that is enough; else headings and words
    give way before numbers: they may wrap.

    Returns
    -------
    Left and right of each column in mm, its alignment, and the size of the letters in points.
    """
    assert spec.table is not None
    size, pad = _table_pt(sheet, row) * sheet.zoom, 3.2 * sheet.zoom
    wants, leasts, aligns = [], [], []
    for name in spec.table.columns:
        values = spec.table[name]
        if name == spec.class_column:
            words = [chip_words(code, spec) for code in values.unique()]
        else:
            words = [cell_text(value, decimals_of(values)) for value in values]
        widest = max((measure(word, size)[0] for word in words), default=0.0)
        head = measure(str(name), size, bold=True)[0]
        wants.append(max(widest, head))
        leasts.append(max(widest, _LEAST_HEAD * head))
        numeric = pd.api.types.is_numeric_dtype(values) or _looks_numeric(words)
        aligns.append("center" if name == spec.class_column else "right" if numeric else "left")
    shrunk = min(1.0, (width - pad * len(wants)) / max(sum(wants), pad))
    # One very long name does not make the others small.
    shrunk = shrunk if shrunk * size >= _LEAST_TABLE_PT * sheet.zoom else 1.0
    size *= shrunk
    wants, leasts = ([want * shrunk + pad for want in each] for each in (wants, leasts))
    if sum(wants) > width * (1 + 1e-9):
        wants = [least if align == "right" else want
                 for want, least, align in zip(wants, leasts, aligns, strict=True)]
    soft = sum(want for want, align in zip(wants, aligns, strict=True) if align == "left")
    firm = sum(wants) - soft
    give = (width - firm) / soft if soft else 0.0
    share = width / sum(wants)
    shares = {"left": give} if _LEAST_WORDS <= give < 1 else dict.fromkeys(set(aligns), share)
    edges, left = [], x
    for want, align in zip(wants, aligns, strict=True):
        edges.append((left, left + want * shares.get(align, 1.0)))
        left = edges[-1][1]
    return edges, aligns, size


def _looks_numeric(words: list[str]) -> bool:
    given = [word.strip("—%,. ") for word in words if word not in ("—", "")]
    return bool(given) and all(word.replace(",", "").replace(".", "").isdigit() for word in given)


def _table_pt(sheet: Sheet, row: float) -> float:
    return min(7.4, row / sheet.zoom / 0.353 * 0.58)


def _cell(sheet: Sheet, words: str, left: float, right: float, y: float, align: str,
          size_pt: float, **style: object) -> None:
    zoom, pad = sheet.zoom, 1.4 * sheet.zoom
    place = {"left": left + pad, "center": (left + right) / 2, "right": right - pad}[align]
    bold = bool(style.get("bold", False))
    lines, size = fitted(words, right - left - 2 * pad, size_pt, least_pt=4.2 * zoom, bold=bold)
    sheet.text(place, y, "\n".join(lines[:2]), size / zoom, ha=align, linespacing=1.0,
               **style)  # type: ignore[arg-type]


def _chip(sheet: Sheet, spec: MapSpec, code: object, left: float, right: float, y: float,
          row: float, size_pt: float) -> None:
    pad, gap = 1.2 * sheet.zoom, row * 0.13
    missing = code is None or bool(pd.isna(code))
    colour, hatch = (NO_DATA_FILL, NO_DATA_HATCH) if missing else fills(
        palette(spec.table_palette), spec.variant)[str(code)]
    # Letters do not stand on a hatch: there the chip is a sample and the word is beside it.
    beside = spec.variant == "colour_blind"
    wide = 0.26 * (right - left) if beside else right - left - 2 * pad
    patch = sheet.box(left + pad, y + gap, wide, row - 2 * gap, facecolor=colour)
    if hatch and (beside or missing):
        patch.set(hatch=hatch * 2, hatchcolor="#c9cdd0" if missing else HATCH_INK)
        patch.set_hatch_linewidth(0.3 * sheet.zoom)
    words = chip_words(code, spec)
    if beside:
        _cell(sheet, words, left + wide + pad, right, y + row / 2, "left", size_pt * 0.94,
              color=INK)
    else:
        _cell(sheet, words, left + pad / 2, right - pad / 2, y + row / 2, "center", size_pt * 0.94,
              color=INK_SOFT if missing else ink_on(colour))

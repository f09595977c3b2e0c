"""Beside the map: legend, locator, key figures, table and notes, each a block of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch

from qzrisk.levels import NO_DATA_EDGE, NO_DATA_FILL, NO_DATA_HATCH, palette
from qzrisk.maps.furniture.legend import LegendRow, bracketed
from qzrisk.maps.furniture.lettering import capital, fitted, measure, wrap
from qzrisk.maps.furniture.paths import line_path, polygon_path
from qzrisk.maps.furniture.sheet import Block, Sheet
from qzrisk.maps.furniture.view import View, fit
from qzrisk.maps.spec import MapSpec
from qzrisk.maps.style import (
    INK,
    INK_SOFT,
    PAPER,
    RULE,
    SEA,
    SEAL,
    STRIPE,
    fills,
    ink_on,
)
from qzrisk.text import text

_ROW_MM, _LEAST_ROW_MM = 4.7, 3.3
_SWATCH_MM = (7.0, 3.5)
_HATCH_INK = "#3b464e"
_LEAST_HEAD = 0.8
_LEAST_WORDS = 0.45
"""Least share of their width to which the columns of words of a table shrink for its numbers."""


def heading(sheet: Sheet, x: float, y: float, words: str, width: float) -> float:
    """Write the heading of a block over a fine rule; return the y below it."""
    zoom = sheet.zoom
    sheet.box(x, y - 3.9 * zoom, 0.9 * zoom, 3.5 * zoom, facecolor=INK)
    lines, size = fitted(capital(words), width - 3 * zoom, 9.2 * zoom, least_pt=6.5 * zoom,
                         bold=True)
    sheet.text(x + 2.2 * zoom, y - 2.2 * zoom, lines[0], size / zoom, bold=True)
    return y - 5.6 * zoom


# legend


def legend(sheet: Sheet, rows: Sequence[LegendRow], x: float, width: float, *, language: str,
           ranges: Mapping[str, tuple[float, float]], row_mm: float = _ROW_MM,
           headed: bool = True) -> Block:
    """Return the legend as a block.

    Parameters
    ----------
    sheet, x, width : where it stands, mm
    rows : from `legend_rows`
    language : ``"zh"`` or ``"en"``
    ranges : raster layer -> (least, most) printed under its ramp
    row_mm : height of a row on A4
    headed : whether the word "legend" stands above it
    """
    zoom = sheet.zoom
    step = row_mm * zoom
    heights = [_legend_height(row, step, zoom) for row in rows]

    def draw(top: float) -> None:
        y = heading(sheet, x, top, text("legend", language), width) if headed else top
        for row, high in zip(rows, heights, strict=True):
            _LEGEND_ROWS.get(row.swatch, _draw_row)(sheet, row, x, y, width, high, ranges)
            y -= high

    return Block((5.6 * zoom if headed else 0.0) + sum(heights), draw)


def _legend_height(row: LegendRow, step: float, zoom: float) -> float:
    if row.swatch == "heading":
        return step * 1.05
    if row.swatch == "ramp":
        return step * 1.9
    if row.swatch == "sized":
        return max(step, row.size_pt * zoom * 0.353 + 0.8 * zoom)
    return step


def _draw_heading(sheet: Sheet, row: LegendRow, x: float, y: float, width: float, high: float,
                  _: Mapping[str, tuple[float, float]]) -> None:
    zoom = sheet.zoom
    unit = bracketed(row.unit_word)
    right = measure(unit, 6.4 * zoom)[0] + 1 * zoom
    lines, size = fitted(capital(row.words), width - right, 7.6 * zoom, least_pt=5 * zoom,
                         bold=True)
    sheet.text(x, y - high * 0.5, lines[0], size / zoom, bold=True, color=INK)
    if unit:
        sheet.text(x + width, y - high * 0.5, unit, 6.4, ha="right", color=INK_SOFT)


def _draw_ramp(sheet: Sheet, row: LegendRow, x: float, y: float, width: float, high: float,
               ranges: Mapping[str, tuple[float, float]]) -> None:
    zoom = sheet.zoom
    least, most = ranges.get(row.layer, (0.0, 1.0))
    bar_width, bar_high = min(width, 46 * zoom), 2.6 * zoom
    ramp = LinearSegmentedColormap.from_list("ramp", list(row.look.ramp or ("white", INK)))
    top = y - 0.6 * zoom
    sheet.ax.imshow(np.linspace(0, 1, 128)[None], cmap=ramp, aspect="auto", zorder=1,
                    extent=(x, x + bar_width, top - bar_high, top), interpolation="bilinear")
    sheet.ax.set(xlim=(0, sheet.width_mm), ylim=(0, sheet.height_mm))
    sheet.box(x, top - bar_high, bar_width, bar_high, edgecolor=INK, linewidth=0.4 * zoom, zorder=2)
    for place, align in ((0.0, "left"), (0.5, "center"), (1.0, "right")):
        value = f"{least + place * (most - least):,.{0 if most - least >= 20 else 2}f}"
        if place == 1.0 and row.unit_word:
            value += f" {row.unit_word}"
        sheet.text(x + place * bar_width, y - high + 1.9 * zoom, value, 6.2, ha=align)


def _draw_row(sheet: Sheet, row: LegendRow, x: float, y: float, width: float, high: float,
              _: Mapping[str, tuple[float, float]]) -> None:
    zoom, middle = sheet.zoom, y - high / 2
    _swatch(sheet, row, x, middle)
    left = x + (_SWATCH_MM[0] + 2.2) * zoom
    right = x + width
    if row.count is not None:
        count = f"{row.count:,}"
        sheet.text(right, middle, count, 7.6, ha="right", color=INK)
        right -= measure(count, 7.6 * zoom)[0] + 1.5 * zoom
    note_width = measure(row.note, 6.2 * zoom)[0] + 1.5 * zoom if row.note else 0.0
    lines, size = fitted(row.words, right - left - note_width, 7.6 * zoom, least_pt=5 * zoom)
    sheet.text(left, middle, lines[0] + ("…" if len(lines) > 1 else ""), size / zoom)
    if row.note:
        sheet.text(right, middle, row.note, 6.2, ha="right", color=INK_SOFT)


_LEGEND_ROWS = {"heading": _draw_heading, "ramp": _draw_ramp}


def _swatch(sheet: Sheet, row: LegendRow, x: float, y: float) -> None:
    zoom = sheet.zoom
    wide, high = _SWATCH_MM[0] * zoom, _SWATCH_MM[1] * zoom
    if row.swatch in ("fill", "no_data"):
        edge = NO_DATA_EDGE if row.swatch == "no_data" else INK
        face = row.colour or "none"
        patch = sheet.box(x, y - high / 2, wide, high, facecolor=face, zorder=1)
        if row.hatch:
            patch.set(hatch=row.hatch, hatchcolor=_HATCH_INK if row.swatch == "fill" else edge)
        sheet.box(x, y - high / 2, wide, high, edgecolor=edge, linewidth=0.4 * zoom, zorder=2)
    elif row.swatch == "line":
        _line_sample(sheet, row, (x, x + wide), y)
    else:
        sheet.ax.add_line(Line2D(
            [x + wide / 2], [y], linestyle="", marker=row.marker, markersize=row.size_pt * zoom,
            markerfacecolor=row.colour or "none", alpha=0.75 if row.swatch == "sized" else None,
            markeredgecolor=_point_edge(row), markeredgewidth=row.look.width_pt * zoom,
        ))


def _point_edge(row: LegendRow) -> str:
    if row.hatch == NO_DATA_HATCH:
        return NO_DATA_EDGE
    return row.look.edge or PAPER


def _line_sample(sheet: Sheet, row: LegendRow, x: tuple[float, float], y: float) -> None:
    look = row.look
    dash = (0, look.dash) if look.dash else "-"
    sheet.line(x, (y, y), color=look.edge or INK, width_pt=look.width_pt, linestyle=dash,
               solid_capstyle="butt", dash_capstyle="butt")


# locator


def locator(sheet: Sheet, spec: MapSpec, view: View, x: float, width: float) -> Block:
    """Return the locator: the map's ground within its province, islands included."""
    assert spec.locator is not None
    province = spec.locator
    zoom = sheet.zoom
    left, bottom, right, top = (float(v) for v in province.total_bounds)
    high = width * min((top - bottom) / (right - left), 1.25)

    def draw(y: float) -> None:
        small = fit((left, bottom, right, top), width_mm=width, height_mm=high, crs=spec.crs,
                    margin=0.05, exact=True, zoom=zoom)
        fraction = (x / sheet.width_mm, (y - high) / sheet.height_mm,
                    width / sheet.width_mm, high / sheet.height_mm)
        ax = sheet.figure.add_axes(fraction, facecolor=SEA, zorder=1, label="locator")
        ax.set(xlim=(small.left, small.right), ylim=(small.bottom, small.top),
               xticks=[], yticks=[])
        for spine in ax.spines.values():
            spine.set(color=INK, linewidth=0.6 * zoom)
        geometries = province.geometry.to_numpy()
        # The stroke keeps islands smaller than a hair visible.
        window = line_path(np.array([shapely.box(*view.box)]), small)
        for path, face, edge, width_pt in (
            (polygon_path(geometries, small), "#efe9dc", "#b5aa94", 0.35),
            (polygon_path(_focus(spec), small), INK, INK, 0.35),
            (window, "none", SEAL, 0.8),
        ):
            ax.add_artist(PathPatch(path, facecolor=face, edgecolor=edge,
                                    linewidth=width_pt * zoom))
        sheet.text(x + width / 2, y - high - 2.2 * zoom, text("locator", spec.language), 6.2,
                   ha="center", color=INK_SOFT)

    return Block(high + 4.4 * zoom, draw)


def _focus(spec: MapSpec) -> np.ndarray:
    layer = spec.layer(spec.focus) if spec.focus else spec.layers[0]
    frame = layer.frame if layer.frame is not None else gpd.GeoDataFrame(geometry=[])
    return np.asarray(frame.geometry.dropna().to_numpy())


# key figures, table, notes


def key_figures(sheet: Sheet, figures: Mapping[str, str], x: float, width: float, *,
                columns: int = 0) -> Block:
    """Return the key figures as cards, `columns` to a row (0: three, or two of two or four)."""
    zoom = sheet.zoom
    columns = columns or (3 if len(figures) != 2 and len(figures) != 4 else 2)
    gap, high = 1.6 * zoom, 11.0 * zoom
    card = (width - gap * (columns - 1)) / columns
    lines = -(-len(figures) // columns)

    def draw(top: float) -> None:
        for rank, (words, value) in enumerate(figures.items()):
            row, column = divmod(rank, columns)
            left, y = x + column * (card + gap), top - row * (high + gap)
            sheet.box(left, y - high, card, high, facecolor=STRIPE)
            sheet.line((left, left + card), (y, y), color=INK, width_pt=0.9,
                       solid_capstyle="butt")
            for label, size, bold, drop, color in (
                (value, 12.0, True, 4.6, INK), (words, 6.4, False, 8.9, INK_SOFT)
            ):
                shown, fit_pt = fitted(label, card - 2 * zoom, size * zoom, least_pt=4.2 * zoom,
                                       bold=bold)
                sheet.text(left + card / 2, y - drop * zoom, "\n".join(shown), fit_pt / zoom,
                           bold=bold, ha="center", color=color, linespacing=1.0)

    return Block(lines * (high + gap) - gap, draw)


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
        edges, aligns = _columns(spec, sheet, x, width, row)
        head = row * 1.1
        sheet.box(x, y - head, width, head, facecolor=INK)
        for name, (left, right), align in zip(frame.columns, edges, aligns, strict=True):
            _cell(sheet, str(name), left, right, y - head / 2, align, row, bold=True, color=PAPER)
        y -= head
        for rank in range(kept):
            if rank % 2:
                sheet.box(x, y - row, width, row, facecolor=STRIPE)
            for column, (name, (left, right), align) in enumerate(
                zip(frame.columns, edges, aligns, strict=True)
            ):
                value = frame.iat[rank, column]
                if name == spec.class_column:
                    _chip(sheet, spec, value, left, right, y - row, row)
                    continue
                words = cell_text(value, decimals[column])
                _cell(sheet, words, left, right, y - row / 2, align, row)
            y -= row
        if rest:
            _cell(sheet, text("rows_left", spec.language, n=rest), x, x + width, y - row / 2,
                  "center", row, color=INK_SOFT)
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
             ) -> tuple[list[tuple[float, float]], list[str]]:
    """Share the width by the longest text of each column; numbers align right.

    Where it does not suffice, headings and words give way before numbers: they may wrap.
    """
    assert spec.table is not None
    size = _table_pt(sheet, row) * sheet.zoom
    wants, leasts, aligns = [], [], []
    for name in spec.table.columns:
        values = spec.table[name]
        if name == spec.class_column:
            words = [chip_words(code, spec) for code in values.unique()]
        else:
            words = [cell_text(value, decimals_of(values)) for value in values]
        widest = max((measure(word, size)[0] for word in words), default=0.0)
        head = measure(str(name), size, bold=True)[0]
        wants.append(max(widest, head) + 3.2 * sheet.zoom)
        leasts.append(max(widest, _LEAST_HEAD * head) + 3.2 * sheet.zoom)
        numeric = pd.api.types.is_numeric_dtype(values) or _looks_numeric(words)
        aligns.append("center" if name == spec.class_column else "right" if numeric else "left")
    if sum(wants) > width:
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
    return edges, aligns


def _looks_numeric(words: list[str]) -> bool:
    given = [word.strip("—%,. ") for word in words if word not in ("—", "")]
    return bool(given) and all(word.replace(",", "").replace(".", "").isdigit() for word in given)


def _table_pt(sheet: Sheet, row: float) -> float:
    return min(7.4, row / sheet.zoom / 0.353 * 0.58)


def _cell(sheet: Sheet, words: str, left: float, right: float, y: float, align: str, row: float,
          **style: object) -> None:
    zoom, pad = sheet.zoom, 1.4 * sheet.zoom
    place = {"left": left + pad, "center": (left + right) / 2, "right": right - pad}[align]
    size = _table_pt(sheet, row) * zoom
    bold = bool(style.get("bold", False))
    lines, size = fitted(words, right - left - 2 * pad, size, least_pt=4.2 * zoom, bold=bold)
    sheet.text(place, y, "\n".join(lines[:2]), size / zoom, ha=align, linespacing=1.0,
               **style)  # type: ignore[arg-type]


def _chip(sheet: Sheet, spec: MapSpec, code: object, left: float, right: float, y: float,
          row: float) -> None:
    pad, gap = 1.2 * sheet.zoom, row * 0.13
    missing = code is None or bool(pd.isna(code))
    colour, hatch = (NO_DATA_FILL, NO_DATA_HATCH) if missing else fills(
        palette(spec.table_palette), spec.variant)[str(code)]
    # Letters do not stand on a hatch: there the chip is a sample and the word is beside it.
    beside = spec.variant == "colour_blind"
    wide = 0.26 * (right - left) if beside else right - left - 2 * pad
    patch = sheet.box(left + pad, y + gap, wide, row - 2 * gap, facecolor=colour)
    if hatch and (beside or missing):
        patch.set(hatch=hatch * 2, hatchcolor="#c9cdd0" if missing else _HATCH_INK)
        patch.set_hatch_linewidth(0.3 * sheet.zoom)
    words = chip_words(code, spec)
    if beside:
        _cell(sheet, words, left + wide + pad, right, y + row / 2, "left", row * 0.94, color=INK)
    else:
        _cell(sheet, words, left + pad / 2, right - pad / 2, y + row / 2, "center", row * 0.94,
              color=INK_SOFT if missing else ink_on(colour))


def notes(sheet: Sheet, lines: Sequence[tuple[str, str]], x: float, width: float) -> Block:
    """Return lines of (label, words) as small print that is wrapped to the column."""
    zoom = sheet.zoom
    size, step = 6.1, 6.1 * 0.353 * 1.5 * zoom
    printed: list[tuple[str, str]] = []
    for label, words in lines:
        head = label if label else ""
        # On the screen's pixels letters stand a little wider than on paper.
        broken = wrap(head + words, 0.97 * width, size * zoom)
        printed.extend((head if rank == 0 else "", line) for rank, line in enumerate(broken))

    def draw(top: float) -> None:
        sheet.line((x, x + width), (top, top), color=RULE, width_pt=0.5)
        y = top - 1.4 * zoom - step / 2
        for head, line in printed:
            body = line.removeprefix(head)
            if head:
                sheet.text(x, y, head, size, bold=False, color=INK)
            away = measure(head.rstrip(), size * zoom)[0] + (0.3 * sheet.em(size)
                                                             if head.endswith(" ") else 0.0)
            sheet.text(x + (away if head else 0.0), y, body, size, color=INK_SOFT)
            y -= step

    return Block(1.4 * zoom + step * len(printed), draw)

"""Beside the map: legend, locator, key figures and notes, each a block of a column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import shapely
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch

from qzrisk.levels import NO_DATA_EDGE, NO_DATA_HATCH
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
)
from qzrisk.text import text

_ROW_MM = 4.7
_SWATCH_MM = (7.0, 3.5)
HATCH_INK = "#3b464e"
_APART_MM = 2.4
"""Least distance between words and the figures right of them in a legend."""


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
        sizes = _words_pt(rows, width, zoom)
        for row, high in zip(rows, heights, strict=True):
            if row.swatch == "heading":
                _draw_heading(sheet, row, x, y, width, high)
            elif row.swatch == "ramp":
                _draw_ramp(sheet, row, x, y, width, high, ranges)
            else:
                _draw_row(sheet, row, x, y, width, high, sizes[row.layer])
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


def _draw_heading(sheet: Sheet, row: LegendRow, x: float, y: float, width: float, high: float
                  ) -> None:
    zoom = sheet.zoom
    unit = bracketed(row.unit_word)
    right = measure(unit, 6.4 * zoom)[0] + _APART_MM * zoom if unit else 0.0
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


def _words_pt(rows: Sequence[LegendRow], width: float, zoom: float) -> dict[str, float]:
    """Return layer -> size of the words of its rows: one size, whatever the longest needs."""
    sizes: dict[str, float] = {}
    for row in rows:
        if row.swatch in ("heading", "ramp"):
            continue
        room = width - (_SWATCH_MM[0] + 2.2) * zoom - sum(_figures_mm(row, zoom))
        _, size = fitted(row.words, room, 7.6 * zoom, least_pt=5 * zoom)
        sizes[row.layer] = min(size, sizes.get(row.layer, size))
    return sizes


def _figures_mm(row: LegendRow, zoom: float) -> tuple[float, float]:
    """Return the width that count and bounds take at the right of a row, gaps included."""
    count = "" if row.count is None else f"{row.count:,}"
    return (measure(count, 7.6 * zoom)[0] + (1.5 if row.note else _APART_MM) * zoom if count
            else 0.0, measure(row.note, 6.2 * zoom)[0] + _APART_MM * zoom if row.note else 0.0)


def _draw_row(sheet: Sheet, row: LegendRow, x: float, y: float, width: float, high: float,
              size_pt: float) -> None:
    zoom, middle = sheet.zoom, y - high / 2
    _swatch(sheet, row, x, middle)
    left = x + (_SWATCH_MM[0] + 2.2) * zoom
    right = x + width
    count_mm, note_mm = _figures_mm(row, zoom)
    if row.count is not None:
        sheet.text(right, middle, f"{row.count:,}", 7.6, ha="right", color=INK)
        right -= count_mm
    lines, size = fitted(row.words, right - left - note_mm, size_pt, least_pt=5 * zoom)
    sheet.text(left, middle, lines[0] + ("…" if len(lines) > 1 else ""), size / zoom)
    if row.note:
        sheet.text(right, middle, row.note, 6.2, ha="right", color=INK_SOFT)


def _swatch(sheet: Sheet, row: LegendRow, x: float, y: float) -> None:
    zoom = sheet.zoom
    wide, high = _SWATCH_MM[0] * zoom, _SWATCH_MM[1] * zoom
    if row.swatch in ("fill", "no_data"):
        edge = NO_DATA_EDGE if row.swatch == "no_data" else INK
        face = row.colour or "none"
        patch = sheet.box(x, y - high / 2, wide, high, facecolor=face, zorder=1)
        if row.hatch:
            patch.set(hatch=row.hatch, hatchcolor=HATCH_INK if row.swatch == "fill" else edge)
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


# key figures, notes


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

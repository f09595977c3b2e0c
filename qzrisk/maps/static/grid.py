"""Several maps on one page: before and after, risk and coverage, small multiples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from qzrisk.maps.furniture import panel
from qzrisk.maps.furniture.frame import Z_FRAME, Box
from qzrisk.maps.furniture.legend import LegendRow, legend_rows
from qzrisk.maps.furniture.lettering import capital, fitted
from qzrisk.maps.furniture.sheet import Block, Sheet
from qzrisk.maps.furniture.table import table
from qzrisk.maps.furniture.view import fit, within
from qzrisk.maps.spec import MapSpec, Page
from qzrisk.maps.static.layers import raster_range
from qzrisk.maps.static.page import (
    GAP_MM,
    GUTTER_MM,
    MARGIN_MM,
    foot_line,
    map_axes,
    neat_line,
    new_sheet,
    tenths,
    title,
)
from qzrisk.maps.static.panel import draw_map, known_ground
from qzrisk.maps.static.words import note_lines
from qzrisk.maps.style import INK

_CAPTION_MM, _FOOT_MM = 6.0, 9.0
_LEGEND_MM, _ROW_MM = 60.0, 3.9
# More maps than these leave little height: rows are closer, the heading goes.
_MANY, _CLOSE_MM = 6, 3.4
_BESIDE = 0.36
"""Largest share of a cell that a legend beside its map takes."""
_TABLE_MM = 80.0
"""Width of a table below a legend that stands beside its map; no other place has room for one."""
_LEAST_LEGEND_MM = 40.0
"""Width in which class, bounds and count stand beside one another."""
_GROUND = ("line", "no_data", "fill")
_COLUMNS = {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3, 7: 4, 8: 4}


def grid_page(page: Page, paper: str, *, number: str = "", foot: bool = True) -> Figure:
    """Return a page of several maps at one scale, each with its own legend and counts."""
    sheet = new_sheet(paper)
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    first = page.maps[0]
    neat_line(sheet)
    top = title(sheet, first.with_(title=page.title, subtitle=page.subtitle)) + 2 * zoom
    width = sheet.width_mm - 2 * margin
    bottom = margin + _FOOT_MM * zoom
    bottom += _two_columns(sheet, _notes(page.maps), (margin, width), bottom - 2 * zoom)
    columns = _COLUMNS.get(len(page.maps), 3)
    lines = -(-len(page.maps) // columns)
    gap = GUTTER_MM * zoom
    wide = (width - gap * (columns - 1)) / columns
    high = (top - bottom - GAP_MM * zoom * (lines - 1)) / lines
    bounds = _common_bounds(page.maps)
    keys, shared = _keys(page.maps, apart=columns * lines > len(page.maps))
    close = len(page.maps) > _MANY
    below = max(_legend(sheet, spec, rows, 0.0, wide, close=close).height_mm
                for spec, rows in zip(page.maps, keys, strict=True))
    for rank, (spec, rows) in enumerate(zip(page.maps, keys, strict=True)):
        line, column = divmod(rank, columns)
        x = margin + column * (wide + gap)
        y = top - line * (high + GAP_MM * zoom)
        _cell(sheet, spec.with_(extent=bounds), rows, (x, y - high, x + wide, y), below=below,
              furnished=rank == 0, close=close)
    if shared:
        x, y = margin + (columns - 1) * (wide + gap), bottom + high - _CAPTION_MM * zoom
        _legend(sheet, first, shared, x, wide).draw(y)
    if foot:
        foot_line(sheet, first, number=number)
    return sheet.figure


def _two_columns(sheet: Sheet, lines: Sequence[tuple[str, str]], across: tuple[float, float],
                 bottom: float) -> float:
    """Write notes in two columns that end at a height; return how high they are, mm."""
    x, width = across
    gap, half = GUTTER_MM * sheet.zoom, -(-len(lines) // 2)
    each = (width - gap) / 2
    parts = [(lines[:half], x), (lines[half:], x + each + gap)]
    blocks = [panel.notes(sheet, part, left, each) for part, left in parts if part]
    high = max(block.height_mm for block in blocks)
    for block in blocks:
        block.draw(bottom + high)
    return high


def _common_bounds(maps: Sequence[MapSpec]) -> tuple[float, float, float, float]:
    """Return bounds that hold those of every map, so that they compare at one scale."""
    boxes = [spec.bounds() for spec in maps]
    return (min(b[0] for b in boxes), min(b[1] for b in boxes),
            max(b[2] for b in boxes), max(b[3] for b in boxes))


def _notes(maps: Sequence[MapSpec]) -> list[tuple[str, str]]:
    """Return the small print of all maps, each line once."""
    seen: dict[str, str] = {}
    for spec in maps:
        for label, words in note_lines(spec, labels_left=0):
            seen.setdefault(words, label)
    used: set[str] = set()
    lines = []
    for words, label in seen.items():
        lines.append(("" if label in used else label, words))
        used.add(label)
    return lines


def _ranges(spec: MapSpec) -> dict[str, tuple[float, float]]:
    return {layer.name: raster_range(layer) for layer in spec.layers
            if layer.raster is not None and not layer.palette}


def _keys(maps: Sequence[MapSpec], *, apart: bool
          ) -> tuple[list[list[LegendRow]], list[LegendRow]]:
    """Return the legend of each map, and what all share: boundaries and ground.

    That stands apart where a cell is empty, else in the legend of the first map.
    """
    rows = [legend_rows(spec) for spec in maps]
    shared = [row for row in rows[0] if not row.code and row.swatch in _GROUND
              and all(row in mine for mine in rows)]
    own = [[row for row in mine if row not in shared] for mine in rows]
    return (own, shared) if apart else ([rows[0], *own[1:]], [])


def _legend(sheet: Sheet, spec: MapSpec, rows: Sequence[LegendRow], x: float, width: float, *,
            close: bool = False, headed: bool = True) -> Block:
    return panel.legend(sheet, rows, x, width, language=spec.language, ranges=_ranges(spec),
                        row_mm=_CLOSE_MM if close else _ROW_MM,
                        headed=headed and not close)


def _cell(sheet: Sheet, spec: MapSpec, rows: list[LegendRow], box: Box, *,
          below: float, furnished: bool, close: bool) -> None:
    """Draw caption, map and legend; the legend beside the map in wide cells, else below it.

    Parameters
    ----------
    sheet, spec, rows : the page, the map and its legend
    box : of the cell, mm
    below : height kept for a legend below the map, the same in every cell
    furnished : whether this map shows scale and north for all
    close : whether the legend saves height
    """
    zoom, gap = sheet.zoom, 3 * sheet.zoom
    left, bottom, right, top = box
    lines, size = fitted(capital(spec.title), right - left, 10.0 * zoom, least_pt=6.5 * zoom,
                         bold=True)
    sheet.text(left, top - 2.4 * zoom, lines[0], size / zoom, bold=True)
    top -= _CAPTION_MM * zoom
    beside = _beside(spec, (right - left, top - bottom), below=below, gap=gap, zoom=zoom)
    tabled = beside and spec.table is not None
    legend_wide = _legend_wide(right - left, zoom) if beside else min(
        _LEGEND_MM * zoom, right - left)
    map_wide = right - left - (legend_wide + gap if beside else 0.0)
    map_high = top - bottom - (0.0 if beside else below + gap)
    view = fit(spec.bounds(), width_mm=tenths(map_wide), height_mm=tenths(map_high),
               crs=spec.crs, margin=0.03, zoom=zoom * _letters(map_high / zoom))
    view = within(view, known_ground(spec), spec.bounds())
    x, y = tenths(left), tenths(top - view.height_mm)
    ax = map_axes(sheet, view, x, y)
    draw_map(ax, spec, view, paper=sheet.paper, grid=False, scaled=furnished)
    ax.add_patch(Rectangle((view.left, view.bottom), view.right - view.left,
                           view.top - view.bottom, facecolor="none", edgecolor=INK,
                           linewidth=0.8 * zoom, clip_on=False, zorder=Z_FRAME))
    # Symbols in a legend are as large as on its map.
    rows = [replace(row, size_pt=row.size_pt * view.zoom / zoom) for row in rows]
    legend = _legend(sheet, spec, rows, x + view.width_mm + gap if beside else left, legend_wide,
                     close=close, headed=not tabled)
    legend.draw(top if beside else y - gap)
    if tabled:
        x, below_legend = x + view.width_mm + gap, top - legend.height_mm - gap
        table(sheet, spec, x, min(right - x, _TABLE_MM * zoom), below_legend - y).draw(
            below_legend)


def _legend_wide(wide: float, zoom: float) -> float:
    """Return the width of a legend beside its map in a cell of a width, mm."""
    return min(_LEGEND_MM * zoom, _BESIDE * wide)


def _beside(spec: MapSpec, cell: tuple[float, float], *, below: float, gap: float, zoom: float
            ) -> bool:
    """Tell whether the map is larger with its legend beside it than with it below."""
    west, south, east, north = spec.bounds()
    across, along = max(east - west, 1.0), max(north - south, 1.0)
    wide, high = cell
    if _legend_wide(wide, zoom) < _LEAST_LEGEND_MM * zoom:
        return False
    left = wide - _legend_wide(wide, zoom) - gap
    return min(left / across, high / along) >= min(wide / across, (high - below - gap) / along)


def _letters(map_high_mm: float) -> float:
    """Return the factor on letters of a small map, 1 at the height of a whole page's map."""
    return float(min(1.0, max(0.62, (map_high_mm / 150.0) ** 0.5)))

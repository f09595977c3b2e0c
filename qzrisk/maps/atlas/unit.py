"""The page of one unit: figures and map left, legend, comparison and chart, table right."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from qzrisk.levels import NO_DATA_EDGE, NO_DATA_FILL, NO_DATA_HATCH
from qzrisk.maps.atlas.pages import Bars, UnitPage
from qzrisk.maps.furniture import panel
from qzrisk.maps.furniture.legend import legend_rows
from qzrisk.maps.furniture.lettering import fitted, measure
from qzrisk.maps.furniture.sheet import Block, Sheet
from qzrisk.maps.furniture.table import table
from qzrisk.maps.furniture.view import LEAST_SPAN_M, View, fit, within
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.maps.static.layers import geometries_of
from qzrisk.maps.static.page import MARGIN_MM, map_axes, neat_line, new_sheet, tenths
from qzrisk.maps.static.page import title as write_title
from qzrisk.maps.static.panel import draw_map, known_ground, require_drawable
from qzrisk.maps.static.words import note_lines
from qzrisk.maps.style import INK, INK_SOFT, SEAL, STRIPE
from qzrisk.text import text

_LABELS_MM, _FOOT_MM = 5.2, 8.0
_TABLE_MM, _MIDDLE_MM, _GUTTER_MM, _GAP_MM = 66.0, 54.0, 5.5, 4.0
_LOCATOR_MM, _CARD_COLUMNS = 27.0, 4
_LEAST_ROW_MM = 3.0
_BAR_ROW_MM = 4.6
# Of legend and comparison, the first pair that leaves room for all.
_ROWS_MM = ((4.7, 4.4), (4.5, 4.0), (4.2, 3.7), (3.95, 3.5))


def unit_page(page: UnitPage, paper: str) -> Figure:
    """Return the page of a unit.

    Raises
    ------
    ConfigError
        If its map has layers but shows none of their features.
    """
    spec = page.spec
    if spec.layers:
        require_drawable(spec)
    sheet = new_sheet(paper)
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    neat_line(sheet)
    top = write_title(sheet, spec.with_(title=page.title))
    bottom = margin + _FOOT_MM * zoom
    aside = (_TABLE_MM + _MIDDLE_MM + _GUTTER_MM) * zoom
    wide = sheet.width_mm - 2 * margin - aside - _GUTTER_MM * zoom
    map_top = _band(sheet, spec, margin, top, wide)
    view, unnamed = _map(sheet, spec, (margin, bottom, margin + wide, map_top), paper)
    middle = margin + wide + _GUTTER_MM * zoom
    small = panel.notes(sheet, note_lines(spec, labels_left=unnamed), middle, aside)
    small.draw(bottom + small.height_mm - 1.5 * zoom)
    floor = bottom + small.height_mm + _GAP_MM * zoom - 1.5 * zoom
    _middle(sheet, page, view, middle, (floor, top))
    if spec.table is not None:
        x = middle + (_MIDDLE_MM + _GUTTER_MM) * zoom
        table(sheet, spec, x, _TABLE_MM * zoom, top - floor,
                    least_row_mm=_LEAST_ROW_MM).draw(top)
    if spec.locator is not None and spec.layers:
        _locator(sheet, spec, view, margin + wide, top)
    return sheet.figure


def _band(sheet: Sheet, spec: MapSpec, x: float, top: float, wide: float) -> float:
    """Draw the key figures over the map, the locator's place left free; return the y below."""
    zoom = sheet.zoom
    kept = (_LOCATOR_MM + 3.0) * zoom if spec.locator is not None and spec.layers else 0.0
    figures = panel.key_figures(sheet, spec.key_figures, x, wide - kept, columns=_CARD_COLUMNS)
    if spec.key_figures:
        figures.draw(top)
    high = max(figures.height_mm if spec.key_figures else 0.0, _LOCATOR_MM * zoom if kept else 0.0)
    return top - high - _GAP_MM * zoom


def _map(sheet: Sheet, spec: MapSpec, box: tuple[float, float, float, float], paper: str
         ) -> tuple[View, int]:
    """Draw the map in a box of the page, mm; return its view and the number of names left out."""
    zoom, labels = sheet.zoom, _LABELS_MM * sheet.zoom
    left, bottom = tenths(box[0] + labels), tenths(box[1] + labels)
    width, height = tenths(box[2] - labels - left), tenths(box[3] - labels - bottom)
    if not spec.layers:
        _no_map(sheet, spec, (left, bottom, width, height))
        half = LEAST_SPAN_M / 2
        return View(-half, -half, half, half, width, spec.crs, zoom), 0
    view = fit(spec.bounds(), width_mm=width, height_mm=height, crs=spec.crs, margin=0.05,
               zoom=zoom)
    view = within(view, known_ground(spec), spec.bounds())
    ax = map_axes(sheet, view, left, tenths(bottom + (height - view.height_mm) / 2))
    short = draw_map(ax, spec, view, paper=paper)
    return view, sum(label.centre is None for label in short)


def _no_map(sheet: Sheet, spec: MapSpec, box: tuple[float, float, float, float]) -> None:
    """Say in the place of the map that the unit has no shape."""
    zoom = sheet.zoom
    patch = sheet.box(*box, facecolor=NO_DATA_FILL, edgecolor=NO_DATA_EDGE)
    patch.set(hatch=NO_DATA_HATCH, hatchcolor="#d7dadb")
    words = text("atlas_no_shape", spec.language)
    wide = measure(words, 11 * zoom, bold=True)[0] + 8 * zoom
    x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
    sheet.ax.add_patch(Rectangle((x - wide / 2, y - 5 * zoom), wide, 10 * zoom, facecolor="white",
                                 edgecolor=NO_DATA_EDGE, linewidth=0.6 * zoom))
    sheet.text(x, y, words, 11, bold=True, ha="center")


def _locator(sheet: Sheet, spec: MapSpec, view: View, right: float, top: float) -> None:
    """Draw the locator right above the map, no higher than its place."""
    assert spec.locator is not None
    zoom = sheet.zoom
    left, bottom, east, north = spec.locator.total_bounds
    # Its height follows its shape, up to 1.25 of its width, and words stand beneath.
    tall = min((north - bottom) / (east - left), 1.25)
    width = min(_LOCATOR_MM, (_LOCATOR_MM - 4.4) / tall) * zoom
    panel.locator(sheet, spec, view, right - width, width).draw(top)


def _middle(sheet: Sheet, page: UnitPage, view: View, x: float, ends: tuple[float, float]) -> None:
    """Stack legend, comparison and chart, as large as they all fit; the legend has precedence."""
    wide, (floor, y) = _MIDDLE_MM * sheet.zoom, ends
    gap = _GAP_MM * sheet.zoom
    for legend_mm, table_mm in _ROWS_MM:
        blocks = _blocks(sheet, page, view, x, wide, legend_mm, table_mm)
        if sum(block.height_mm + gap for block in blocks) - gap <= y - floor:
            break
    for block in blocks:
        if y - block.height_mm < floor - 0.1 and block is not blocks[0]:
            continue
        block.draw(y)
        y -= block.height_mm + gap


def _blocks(sheet: Sheet, page: UnitPage, view: View, x: float, wide: float, legend_mm: float,
            table_mm: float) -> list[Block]:
    spec, blocks = page.spec, []
    if spec.layers:
        rows = [row for row in legend_rows(spec)
                if row.swatch != "line" or _reaches(spec.layer(row.layer), view)]
        blocks.append(panel.legend(sheet, rows, x, wide, language=spec.language, ranges={},
                                   row_mm=legend_mm))
    if page.comparison is not None:
        given = spec.with_(table=page.comparison, table_title=page.comparison_title,
                           class_column="")
        room = 5.6 + table_mm * (len(page.comparison) + 1.1)
        blocks.append(table(sheet, given, x, wide, room * sheet.zoom))
    if page.chart is not None:
        blocks.append(bars(sheet, page.chart, x, wide))
    return blocks


def _reaches(layer: LayerSpec, view: View) -> bool:
    """Tell whether a line of the layer is on the map: of areas, their boundary."""
    shapes = geometries_of(layer)
    lines = np.where(shapely.get_dimensions(shapes) == 2, shapely.boundary(shapes), shapes)
    return bool(shapely.intersects(lines, shapely.box(*view.box)).any())


def bars(sheet: Sheet, chart: Bars, x: float, wide: float) -> Block:
    """Return horizontal bars with their words on the left and their texts behind them."""
    zoom = sheet.zoom
    step = _BAR_ROW_MM * zoom
    legend = 3.6 * zoom if chart.marks is not None else 0.0
    size = 6.8 * zoom
    words_wide = min(max((measure(str(name), size)[0] for name in chart.values.index), default=0.0)
                     + 1.5 * zoom, 0.40 * wide)
    text_wide = max((measure(words, size)[0] for words in chart.texts.values()), default=0.0)
    room = wide - words_wide - text_wide - 2.2 * zoom
    most = chart.most or max(_greatest(chart.values), _greatest(chart.marks)) or 1.0

    def draw(top: float) -> None:
        y = panel.heading(sheet, x, top, chart.title, wide)
        left = x + words_wide
        for name, value in chart.values.items():
            _bar(sheet, chart, str(name), float(value), (x, left, room, y - step / 2, most))
            y -= step
        sheet.line((left, left), (y + 0.6 * zoom, y + step * len(chart.values) - 0.6 * zoom),
                   color=INK, width_pt=0.6)
        if chart.marks is not None:
            sheet.line((x + 1 * zoom,) * 2, (y - 3.0 * zoom, y - 0.6 * zoom), color=SEAL,
                       width_pt=1.3)
            sheet.text(x + 2.6 * zoom, y - 1.8 * zoom, chart.mark_words, 6.2, color=INK_SOFT)

    return Block(5.6 * zoom + step * len(chart.values) + legend, draw)


def _greatest(values: pd.Series | None) -> float:
    if values is None or values.isna().all():
        return 0.0
    return float(np.nanmax(values.to_numpy(dtype=float)))


def _bar(sheet: Sheet, chart: Bars, name: str, value: float,
         place: tuple[float, float, float, float, float]) -> None:
    zoom = sheet.zoom
    x, left, room, y, most = place
    lines, size = fitted(name, left - x - 1.2 * zoom, 6.8 * zoom, least_pt=4.6 * zoom)
    sheet.text(x, y, "\n".join(lines[:2]), size / zoom, linespacing=1.0)
    half, long = 1.7 * zoom, 0.0
    sheet.box(left, y - half, room, 2 * half, facecolor=STRIPE)
    if np.isfinite(value):
        long = room * min(value / most, 1.0)
        sheet.box(left, y - half, long, 2 * half, facecolor=chart.colours.get(name, "#4d6f86"),
                  zorder=1.2)
    mark = float("nan") if chart.marks is None else float(chart.marks.get(name, np.nan))
    if np.isfinite(mark):
        at = left + room * min(mark / most, 1.0)
        sheet.line((at, at), (y - half - 0.5 * zoom, y + half + 0.5 * zoom), color=SEAL,
                   width_pt=1.3, zorder=1.4)
    sheet.text(left + room + 1.4 * zoom, y, chart.texts.get(name, ""), 6.8)

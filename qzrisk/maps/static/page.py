"""A printed page: title, map, column and foot in a double neat line, laid out in millimetres."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qzrisk.errors import ConfigError
from qzrisk.maps.furniture import panel
from qzrisk.maps.furniture.key import number_key
from qzrisk.maps.furniture.legend import LegendRow, legend_rows
from qzrisk.maps.furniture.lettering import capital, fitted
from qzrisk.maps.furniture.sheet import PAPERS_MM, Block, Sheet
from qzrisk.maps.furniture.table import table
from qzrisk.maps.furniture.view import View, fit, within
from qzrisk.maps.spec import MapSpec
from qzrisk.maps.static.house import SheetFigure
from qzrisk.maps.static.labels import Label
from qzrisk.maps.static.layers import raster_range
from qzrisk.maps.static.panel import draw_map, known_ground
from qzrisk.maps.static.words import note_lines, provenance_words, status_words
from qzrisk.maps.style import INK, INK_SOFT, PAPER, SEAL
from qzrisk.text import text

_COLUMN_MM, GUTTER_MM = 86.0, 7.5
_TWO_COLUMNS_MM = 128.0
_LOCATOR_MM = 29.0
_NEAT_MM = (6.0, 7.7)
MARGIN_MM = 12.5
_TITLE_MM, _FOOT_MM = 21.0, 8.0
_LABELS_MM = 5.2
GAP_MM = 4.2
KEY_ROOM, KEY_ROOM_BESIDE_A_TABLE = 66, 18
"""Names that the key of a page may explain."""
_KEY_SHARE = 0.72
_LEGEND_ROWS_MM = (4.9, 4.4, 4.0, 3.6, 3.2)


def new_sheet(paper: str) -> Sheet:
    """Return an empty page.

    Raises
    ------
    ConfigError
        If the paper is unknown.
    """
    if paper not in PAPERS_MM:
        raise ConfigError("unknown paper", expected=", ".join(PAPERS_MM), got=repr(paper))
    width, height, _ = PAPERS_MM[paper]
    figure = SheetFigure(figsize=(width / 25.4, height / 25.4), facecolor=PAPER)
    FigureCanvasAgg(figure)
    return Sheet(figure, paper)


def map_page(spec: MapSpec, paper: str, *, number: str = "", foot: bool = True) -> Figure:
    """Return the page of one map."""
    sheet = new_sheet(paper)
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    neat_line(sheet)
    top = title(sheet, spec)
    labels, above = _LABELS_MM * zoom, margin + _FOOT_MM * zoom
    left, bottom = tenths(margin + labels), tenths(above + labels)
    width = sheet.width_mm - 2 * margin - 2 * labels - (_COLUMN_MM + GUTTER_MM) * zoom
    view = fit(spec.bounds(), width_mm=tenths(width), height_mm=tenths(top - labels - bottom),
               crs=spec.crs, margin=0.035, zoom=zoom)
    view = within(view, known_ground(spec), spec.bounds())
    ax = map_axes(sheet, view, left, bottom)
    numbers = range(1, 1 + (KEY_ROOM if spec.table is None else KEY_ROOM_BESIDE_A_TABLE))
    unnamed = draw_map(ax, spec, view, paper=paper, numbers=numbers)
    column_x = left + view.width_mm + labels + GUTTER_MM * zoom
    _beside(sheet, spec, view, column_x, (bottom - labels * 0.6, top - 0.5 * zoom),
            unnamed)
    if foot:
        foot_line(sheet, spec, number=number)
    return sheet.figure


def tenths(millimetres: float) -> float:
    """Return a length in whole tenths of a point, the grain of the paths."""
    return round(millimetres * 720 / 25.4) * 25.4 / 720


def map_axes(sheet: Sheet, view: View, left: float, bottom: float) -> Axes:
    """Return axes for a view with their lower left corner at a place on the sheet, mm."""
    return sheet.figure.add_axes(
        (left / sheet.width_mm, bottom / sheet.height_mm, view.width_mm / sheet.width_mm,
         view.height_mm / sheet.height_mm), zorder=1, label="map",
    )


def neat_line(sheet: Sheet) -> None:
    """Draw the double line around the page."""
    for inset, width in zip(_NEAT_MM, (1.5, 0.45), strict=True):
        away = inset * sheet.zoom
        sheet.box(away, away, sheet.width_mm - 2 * away, sheet.height_mm - 2 * away,
                  edgecolor=INK, linewidth=width * sheet.zoom)


def title(sheet: Sheet, spec: MapSpec) -> float:
    """Write title, subtitle and, on internal maps, the stamp; return the y below them."""
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    top = sheet.height_mm - margin
    width = sheet.width_mm - 2 * margin
    stamp = _stamp(sheet, spec, top) if spec.audience == "internal" else 0.0
    lines, size = fitted(spec.title, width - stamp, 21 * zoom, least_pt=11.5 * zoom, bold=True)
    lines = lines[:2]
    middle = top - (5.2 if spec.subtitle else 7.6) * zoom
    sheet.text(margin, middle, "\n".join(lines), size / zoom, bold=True, linespacing=1.1)
    if spec.subtitle:
        lines, size = fitted(capital(spec.subtitle), width - stamp, 9.2 * zoom, least_pt=6.5 * zoom)
        sheet.text(margin, top - 13.4 * zoom, lines[0], size / zoom, color=INK_SOFT)
    rule = top - 17.6 * zoom
    sheet.line((margin, sheet.width_mm - margin), (rule, rule), color=INK, width_pt=0.8)
    return top - _TITLE_MM * zoom


def _stamp(sheet: Sheet, spec: MapSpec, top: float) -> float:
    zoom = sheet.zoom
    words = text("internal_line", spec.language)
    wide, high = 27.0 * zoom, 8.0 * zoom
    x = sheet.width_mm - MARGIN_MM * zoom - wide
    sheet.box(x, top - 1.2 * zoom - high, wide, high, edgecolor=SEAL, linewidth=1.1 * zoom)
    sheet.text(x + wide / 2, top - 1.2 * zoom - high / 2, words, 12, bold=True, ha="center",
               color=SEAL)
    return wide + 4 * zoom


def foot_line(sheet: Sheet, spec: MapSpec, *, number: str = "") -> None:
    """Write the status left, the page number in the middle, the provenance right."""
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    y = margin + 1.2 * zoom
    sheet.line((margin, sheet.width_mm - margin), (y + 3.6 * zoom, y + 3.6 * zoom), width_pt=0.5)
    sheet.text(margin, y, status_words(spec), 7.4, bold=True,
               color=INK if spec.map_number and spec.audience == "public" else SEAL)
    if number:
        sheet.text(sheet.width_mm / 2, y, number, 7.4, ha="center")
    words = provenance_words(spec)
    if spec.synthetic:
        words = " · ".join(part for part in (text("synthetic", spec.language), words) if part)
    room = sheet.width_mm * (0.42 if number else 0.6)
    lines, size = fitted(words, room, 6.8 * zoom, least_pt=5.0 * zoom)
    sheet.text(sheet.width_mm - margin, y, lines[0], size / zoom, ha="right", color=INK_SOFT)


def _beside(sheet: Sheet, spec: MapSpec, view: View, x: float, ends: tuple[float, float],
            unnamed: Sequence[Label]) -> None:
    """Stack the blocks beside the map: legend and locator, figures, table; key, notes at the foot.

    Where the paper is wide the table gets a column of its own.
    """
    zoom = sheet.zoom
    width = sheet.width_mm - MARGIN_MM * zoom - x
    two = spec.table is not None and width > _TWO_COLUMNS_MM * zoom
    first = (width - GUTTER_MM * zoom) / 2 if two else width
    bottom, top = ends
    gap = GAP_MM * zoom
    small = panel.notes(sheet, note_lines(
        spec, labels_left=sum(label.centre is None and not label.number for label in unnamed),
        shortened=any(label.shortened for label in unnamed)), x, first)
    small.draw(bottom + small.height_mm)
    floor = bottom + small.height_mm + gap
    numbered = dict(sorted((label.number, label.name) for label in unnamed if label.number))
    if numbered:
        key = number_key(sheet, numbered, x, first, language=spec.language,
                         room_mm=_KEY_SHARE * (top - floor))
        key.draw(floor + key.height_mm)
        floor += key.height_mm + gap
    figures = (panel.key_figures(sheet, spec.key_figures, x, first)
               if spec.key_figures else Block(0.0, lambda _: None))
    table_room = 0.0
    if spec.table is not None and not two:
        table_room = (6.7 + 3.3 * min(len(spec.table), 13)) * zoom + gap
    head = _head(sheet, spec, view, x, first, top - floor - figures.height_mm - gap - table_room)
    y = top
    for block in (head, figures):
        if block.height_mm:
            block.draw(y)
            y -= block.height_mm + gap
    if two:
        table(sheet, spec, x + first + GUTTER_MM * zoom, first, top - bottom).draw(top)
    elif spec.table is not None:
        table(sheet, spec, x, width, y - floor).draw(y)


def _head(sheet: Sheet, spec: MapSpec, view: View, x: float, width: float, room: float) -> Block:
    """Put the legend beside the locator, its rows as high as the room allows."""
    zoom = sheet.zoom
    rows: list[LegendRow] = legend_rows(spec)
    ranges = {layer.name: raster_range(layer) for layer in spec.layers
              if layer.raster is not None and not layer.palette}
    aside = 0.0 if spec.locator is None else (_LOCATOR_MM + 5.0) * zoom
    for row_mm in _LEGEND_ROWS_MM:
        legend = panel.legend(sheet, rows, x, width - aside, language=spec.language,
                              ranges=ranges, row_mm=row_mm)
        if legend.height_mm <= room:
            break
    if spec.locator is None:
        return legend
    where = panel.locator(sheet, spec, view, x + width - _LOCATOR_MM * zoom, _LOCATOR_MM * zoom)

    def draw(top: float) -> None:
        legend.draw(top)
        where.draw(top)

    return Block(max(legend.height_mm, where.height_mm), draw)

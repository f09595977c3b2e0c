"""Pages of words: cover, contents, methods and data, and the stand-in for a page that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from qzrisk.levels import palette
from qzrisk.maps.atlas.pages import Contents, Cover, TextBlock, TextPage
from qzrisk.maps.furniture import panel
from qzrisk.maps.furniture.frame import Z_FRAME
from qzrisk.maps.furniture.lettering import fitted, measure, wrap
from qzrisk.maps.furniture.sheet import PAPERS_MM, Block, Sheet
from qzrisk.maps.furniture.table import table
from qzrisk.maps.furniture.view import fit, within
from qzrisk.maps.spec import MapSpec
from qzrisk.maps.static.page import MARGIN_MM, map_axes, neat_line, new_sheet, tenths
from qzrisk.maps.static.page import title as write_title
from qzrisk.maps.static.panel import draw_map, known_ground
from qzrisk.maps.static.words import projection_words, status_words
from qzrisk.maps.style import INK, INK_SOFT, SEAL, fills
from qzrisk.text import text

Link = tuple[float, float, float, float, str]
"""Left, bottom, right, top in millimetres of the page, and the key of the page it leads to."""

_TITLE_MM, _FOOT_MM, _GAP_MM = 24.0, 10.0, 8.0
_ROW_MM, _ROW_PT, _COLUMNS = 6.1, 8.6, 3
_LINE_PT, _LINE_MM = 8.0, 4.5


# cover


def cover(page: Cover, paper: str) -> Figure:
    """Return the cover: the title on the left, the city on the right."""
    sheet, spec = new_sheet(paper), page.spec
    zoom = sheet.zoom
    neat_line(sheet)
    left, middle = 22.0 * zoom, 0.57 * sheet.width_mm
    wide = middle - left - 12 * zoom
    lines, size = fitted(page.title, wide, 30 * zoom, least_pt=20 * zoom, bold=True)
    y = 0.66 * sheet.height_mm + (len(lines) - 1) * 6 * zoom
    for line in lines:
        sheet.text(left, y, line, size / zoom, bold=True)
        y -= 1.35 * size * 0.353
    sheet.box(left, y + 1.5 * zoom, 24 * zoom, 1.3 * zoom, facecolor=SEAL)
    y -= 6.5 * zoom
    for line in wrap(page.subtitle, wide, 12.5 * zoom) if page.subtitle else ():
        sheet.text(left, y, line, 12.5, color=INK_SOFT)
        y -= 7 * zoom
    y = 27 * zoom + _imprint(sheet, page, left, wide)
    if spec.synthetic:
        words = text("synthetic", spec.language)
        room = measure(words, 13 * zoom, bold=True)[0] + 7 * zoom
        sheet.box(left, y + 3 * zoom, room, 9 * zoom, edgecolor=SEAL, linewidth=1.2 * zoom)
        sheet.text(left + room / 2, y + 7.5 * zoom, words, 13, bold=True, ha="center", color=SEAL)
    if spec.layers:
        _silhouette(sheet, spec, middle)
    return sheet.figure


def _imprint(sheet: Sheet, page: Cover, left: float, wide: float) -> float:
    """Write the lines of the cover and its status upwards from the foot; return their height."""
    zoom, step = sheet.zoom, 5.2 * sheet.zoom
    lines = [line for words in page.lines for line in wrap(words, wide, 8.6 * zoom)]
    height = step * (len(lines) + 1)
    y = 25 * zoom + height
    for line in lines:
        y -= step
        sheet.text(left, y, line, 8.6, color=INK_SOFT)
    sheet.text(left, y - step, status_words(page.spec), 8.6, bold=True, color=SEAL)
    return height


def _silhouette(sheet: Sheet, spec: MapSpec, x: float) -> None:
    zoom = sheet.zoom
    edge = 18.0 * zoom
    view = fit(spec.bounds(), width_mm=tenths(sheet.width_mm - edge - x),
               height_mm=tenths(sheet.height_mm - 2 * edge), crs=spec.crs, margin=0.06, exact=True,
               zoom=zoom)
    view = within(view, known_ground(spec), spec.bounds())
    ax = map_axes(sheet, view, tenths(sheet.width_mm - edge - view.width_mm),
                  tenths((sheet.height_mm - view.height_mm) / 2))
    draw_map(ax, spec, view, grid=False, scaled=False)
    ax.add_patch(Rectangle((view.left, view.bottom), view.right - view.left,
                           view.top - view.bottom, facecolor="none", edgecolor=INK,
                           linewidth=0.8 * zoom, clip_on=False, zorder=Z_FRAME))
    _key(sheet, spec, sheet.width_mm - edge, (sheet.height_mm - view.height_mm) / 2 - 6 * zoom)


def _key(sheet: Sheet, spec: MapSpec, right: float, y: float) -> None:
    """Write the classes of the first layer in one line that ends at the right, low to high."""
    layer, zoom = spec.layers[0], sheet.zoom
    if layer.classes is None or layer.palette is None:
        return
    words = palette(layer.palette).words(spec.language)
    for code, (colour, hatch) in reversed(fills(palette(layer.palette), spec.variant).items()):
        right -= measure(words[code], 7.2 * zoom)[0]
        sheet.text(right, y, words[code], 7.2)
        right -= 6.6 * zoom
        sheet.box(right, y - 1.5 * zoom, 5.2 * zoom, 3 * zoom, facecolor=colour, edgecolor=INK,
                  hatch=hatch or None, linewidth=0.4 * zoom)
        right -= 4 * zoom
    sheet.text(right, y, layer.title, 7.2, bold=True, ha="right")


# contents


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents: a page and its number, or a section (without key)."""

    title: str
    number: str = ""
    key: str = ""


def contents_parts(entries: Sequence[Entry], paper: str) -> list[list[list[Entry]]]:
    """Return the lines of each column of each sheet of contents.

    One sheet has two columns of equal length, several have three; no section stands last.
    """
    _, height, zoom = PAPERS_MM[paper]
    rows = int((height / zoom - 2 * MARGIN_MM - _TITLE_MM - _FOOT_MM) / _ROW_MM)
    count = 2 if len(entries) <= 2 * (rows - 1) else _COLUMNS
    rows = min(rows, -(-len(entries) // 2) + 1) if count == 2 else rows
    columns: list[list[Entry]] = [[]]
    for entry in entries:
        if len(columns[-1]) >= rows - (not entry.key):
            columns.append([])
        columns[-1].append(entry)
    return [columns[start:start + count] for start in range(0, len(columns), count)]


def contents(page: Contents, columns: Sequence[Sequence[Entry]], paper: str, *, count: int
             ) -> tuple[Figure, list[Link]]:
    """Return a sheet of contents with `count` columns, and where its lines lead."""
    sheet = new_sheet(paper)
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    neat_line(sheet)
    top = write_title(sheet, page.spec.with_(title=page.title, subtitle=page.note)) - 3 * zoom
    gap, step = _GAP_MM * zoom, _ROW_MM * zoom
    wide = (sheet.width_mm - 2 * margin - gap * (count - 1)) / count
    links = []
    for column, entries in enumerate(columns):
        x = margin + column * (wide + gap)
        for row, entry in enumerate(entries):
            y = top - (row + 0.5) * step
            _entry(sheet, entry, x, y, wide)
            if entry.key:
                links.append((x, y - step / 2, x + wide, y + step / 2, entry.key))
    return sheet.figure, links


def _entry(sheet: Sheet, entry: Entry, x: float, y: float, wide: float) -> None:
    zoom = sheet.zoom
    if not entry.key:
        sheet.box(x, y - 1.9 * zoom, 0.9 * zoom, 3.6 * zoom, facecolor=INK)
        lines, size = fitted(entry.title, wide - 3 * zoom, 9.4 * zoom, least_pt=6 * zoom, bold=True)
        sheet.text(x + 2.4 * zoom, y, lines[0], size / zoom, bold=True)
        return
    left = x + 2.4 * zoom
    number_wide = measure(entry.number, _ROW_PT * zoom)[0]
    room = wide - 2.4 * zoom - number_wide - 6 * zoom
    lines, size = fitted(entry.title, room, _ROW_PT * zoom, least_pt=5.2 * zoom)
    words = lines[0] + ("…" if len(lines) > 1 else "")
    sheet.text(left, y, words, size / zoom)
    sheet.text(x + wide, y, entry.number, _ROW_PT, ha="right")
    start, end = left + measure(words, size)[0] + 2 * zoom, x + wide - number_wide - 2 * zoom
    if end > start:
        sheet.line((start, end), (y - 0.9 * zoom,) * 2, color="#9aa5ac", width_pt=0.7,
                   linestyle=(0, (0.9, 2.6)), dash_capstyle="round")


# methods and data


def text_parts(page: TextPage, paper: str) -> list[list[tuple[int, TextBlock]]]:
    """Return the blocks of each sheet with their columns; a block is never broken."""
    sheet = new_sheet(paper)
    zoom = sheet.zoom
    room = sheet.height_mm - (2 * MARGIN_MM + _TITLE_MM + _FOOT_MM) * zoom
    parts: list[list[tuple[int, TextBlock]]] = [[]]
    column, left = 0, room
    for given in page.blocks:
        for block in _broken(sheet, given, room):
            height = _text_block(sheet, page.spec, block, 0.0).height_mm + 4 * zoom
            if height > left:
                column, left = column + 1, room
                if column == 2:
                    parts.append([])
                    column = 0
            parts[-1].append((column, block))
            left -= height
    return parts


def _broken(sheet: Sheet, block: TextBlock, room: float) -> list[TextBlock]:
    """Return a block as pieces that each fit a column."""
    rows = max(int((room / sheet.zoom - 12.0) / 4.7), 1)
    if block.table is not None:
        cuts = range(0, max(len(block.table), 1), rows)
        return [TextBlock(heading=block.heading, table=block.table.iloc[cut:cut + rows])
                for cut in cuts]
    pieces: list[TextBlock] = []
    lines: list[str] = []
    used = 0.0
    wide = _text_column(sheet)
    for line in block.lines:
        high = (len(wrap(line, wide, _LINE_PT * sheet.zoom)) * _LINE_MM + 1.2) * sheet.zoom
        if lines and used + high > room - 12 * sheet.zoom:
            pieces.append(TextBlock(heading=block.heading, lines=tuple(lines)))
            lines, used = [], 0.0
        lines.append(line)
        used += high
    return [*pieces, TextBlock(heading=block.heading, lines=tuple(lines))]


def _text_column(sheet: Sheet) -> float:
    return (sheet.width_mm - (2 * MARGIN_MM + _GAP_MM) * sheet.zoom) / 2


def text_page(page: TextPage, blocks: Sequence[tuple[int, TextBlock]], paper: str) -> Figure:
    """Return a sheet of words and tables in two columns."""
    sheet = new_sheet(paper)
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    neat_line(sheet)
    top = write_title(sheet, page.spec.with_(title=page.title, subtitle="")) - 3 * zoom
    y = [top, top]
    for column, given in blocks:
        x = margin + column * (_text_column(sheet) + _GAP_MM * zoom)
        block = _text_block(sheet, page.spec, given, x)
        block.draw(y[column])
        y[column] -= block.height_mm + 4 * zoom
    return sheet.figure


def _text_block(sheet: Sheet, spec: MapSpec, block: TextBlock, x: float) -> Block:
    wide, zoom = _text_column(sheet), sheet.zoom
    if block.table is not None:
        given = spec.with_(table=block.table, table_title=block.heading, class_column="")
        return table(sheet, given, x, wide, 10_000.0)
    lines = [wrap(line, wide, _LINE_PT * zoom) for line in block.lines]
    step, gap = _LINE_MM * zoom, 1.2 * zoom
    height = 5.6 * zoom + sum(len(paragraph) * step + gap for paragraph in lines)

    def draw(top: float) -> None:
        y = panel.heading(sheet, x, top, block.heading, wide)
        for paragraph in lines:
            for line in paragraph:
                sheet.text(x, y - step / 2, line, _LINE_PT)
                y -= step
            y -= gap

    return Block(height, draw)


# stand-in


def failed_page(title: str, reason: str, spec: MapSpec, paper: str) -> Figure:
    """Return the sheet that stands for a page that could not be made, and says why."""
    sheet = new_sheet(paper)
    zoom, margin = sheet.zoom, MARGIN_MM * sheet.zoom
    neat_line(sheet)
    top = write_title(sheet, spec.with_(title=title, subtitle=projection_words(
        spec.crs, spec.language)))
    words = wrap(text("atlas_failed", spec.language, reason=reason),
                 sheet.width_mm - 2 * margin, 10 * zoom)
    for rank, line in enumerate(words):
        sheet.text(margin, top - (8 + 6 * rank) * zoom, line, 10, color=SEAL)
    return sheet.figure

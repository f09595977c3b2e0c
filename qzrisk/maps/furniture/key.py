"""The key beside a map: numbers that stand on it in place of names."""

from __future__ import annotations

from collections.abc import Mapping

from qzrisk.maps.furniture.lettering import fitted, measure
from qzrisk.maps.furniture.panel import heading
from qzrisk.maps.furniture.sheet import Block, Sheet
from qzrisk.maps.style import INK_SOFT
from qzrisk.text import text

_ROW_MM, _SIZE_PT, _NUMBER_MM, _GAP_MM = 3.15, 6.4, 4.4, 1.6
_HEAD_MM = 5.6


def number_key(sheet: Sheet, names: Mapping[int, str], x: float, width: float, *, language: str
               ) -> Block:
    """Return the key as a block: in columns, read downward, as many as the names let stand.

    Parameters
    ----------
    sheet, x, width : where it stands, mm
    names : number on the map -> name, in order
    language : ``"zh"`` or ``"en"``
    """
    zoom = sheet.zoom
    widest = max(measure(name, _SIZE_PT * zoom)[0] for name in names.values())
    want = widest + (_NUMBER_MM + _GAP_MM) * zoom
    columns = max(1, min(int(width // want), len(names), 5))
    lines = -(-len(names) // columns)
    each = width / columns
    room = each - (_NUMBER_MM + _GAP_MM) * zoom

    def draw(top: float) -> None:
        y = heading(sheet, x, top, text("key_title", language), width)
        for rank, (number, name) in enumerate(names.items()):
            column, line = divmod(rank, lines)
            left, middle = x + column * each, y - (line + 0.5) * _ROW_MM * zoom
            sheet.text(left + (_NUMBER_MM - 1.2) * zoom, middle, str(number), _SIZE_PT, bold=True,
                       ha="right", color=INK_SOFT)
            shown, size = fitted(name, room, _SIZE_PT * zoom, least_pt=4.4 * zoom)
            sheet.text(left + _NUMBER_MM * zoom, middle, shown[0], size / zoom)

    return Block((_HEAD_MM + lines * _ROW_MM) * zoom, draw)

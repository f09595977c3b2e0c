"""The key beside a map: numbers that stand on it in place of names."""

from __future__ import annotations

from collections.abc import Mapping

from qzrisk.maps.furniture.lettering import fitted, measure
from qzrisk.maps.furniture.panel import heading
from qzrisk.maps.furniture.sheet import Block, Sheet
from qzrisk.maps.style import INK_SOFT
from qzrisk.text import text

_ROW_MM, _SIZE_PT, _NUMBER_MM, _GAP_MM = 3.15, 6.4, 4.4, 1.6
_HEAD_MM, _LEAST_PT, _COLUMNS = 5.6, 4.2, 5


def number_key(sheet: Sheet, names: Mapping[int, str], x: float, width: float, *, room_mm: float,
               language: str) -> Block:
    """Return the key as a block: in columns, read downward, as many as the room asks for.

    Parameters
    ----------
    sheet, x, width : where it stands, mm
    names : number on the map -> name, in order
    room_mm : height to keep within: names shrink, then take two lines, before it is exceeded
    language : ``"zh"`` or ``"en"``
    """
    zoom = sheet.zoom
    widest = max(measure(name, _SIZE_PT * zoom)[0] for name in names.values())
    fitting = int(width // (widest + (_NUMBER_MM + _GAP_MM) * zoom))
    most = max(1, int((room_mm / zoom - _HEAD_MM) // _ROW_MM))
    columns = min(max(1, fitting, -(-len(names) // most)), _COLUMNS)
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
            shown, size = fitted(name, room, _SIZE_PT * zoom, least_pt=_LEAST_PT * zoom)
            words = "\n".join(shown[:2]) + ("…" if len(shown) > 2 else "")
            sheet.text(left + _NUMBER_MM * zoom, middle, words, size / zoom, linespacing=0.95)

    return Block((_HEAD_MM + lines * _ROW_MM) * zoom, draw)

"""Chinese and Latin lettering: fonts, measures, line breaks, halos, and the check for glyphs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

import numpy as np
from matplotlib import font_manager, ft2font
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import text_to_path

from qzrisk import assets
from qzrisk.errors import GlyphError
from qzrisk.maps.furniture.view import FINEST_MM, View

FAMILY = ("Noto Sans SC", "DejaVu Sans")
MM_PER_PT = 25.4 / 72
BASELINE_EM = 0.37
"""From the middle of a line of Chinese type down to its baseline."""
_EM = 100.0
_NOT_FIRST = frozenset("，。、；：！？）〕】》」』”’％°′″…·,.;:!?)]}%")
_NOT_LAST = frozenset("（〔【《「『“‘([{")


@cache
def register() -> tuple[str, ...]:
    """Make the bundled fonts known to matplotlib, once; return their files."""
    paths = tuple(str(path) for path in assets.font_paths().values())
    for path in paths:
        font_manager.fontManager.addfont(path)
    return paths


@cache
def font(size_pt: float, *, bold: bool = False) -> FontProperties:
    """Return the map's type at a size; Chinese first, DejaVu Sans for what it lacks."""
    register()
    return FontProperties(
        family=list(FAMILY), size=size_pt, weight="bold" if bold else "normal"
    )


@lru_cache(maxsize=4096)
def _advance_em(text: str, bold: bool) -> float:
    width, _, _ = text_to_path.get_text_width_height_descent(text, font(_EM, bold=bold), False)
    return float(width) / _EM


def measure(text: str, size_pt: float, *, bold: bool = False) -> tuple[float, float]:
    """Return width and height of one line of text in millimetres on paper.

    Examples
    --------
    >>> width, _ = measure("城市", 72)
    >>> round(width, 1)
    50.8
    """
    em_mm = size_pt * MM_PER_PT
    return _advance_em(text, bold) * em_mm, 1.0 * em_mm


def wrap(text: str, width_mm: float, size_pt: float, *, bold: bool = False) -> list[str]:
    """Break a text into lines no wider than `width_mm`.

    Chinese breaks between any two characters, Latin words at spaces; no line begins with a
    closing mark or ends with an opening one.

    Examples
    --------
    >>> wrap("全市统计数据不含东山县。", 12, 8)
    ['全市统计', '数据不含', '东山县。']
    >>> wrap("见表“未接入路网”）", 23, 8)
    ['见表“未接入路', '网”）']
    """
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for piece in _pieces(paragraph):
            if line and measure((line + piece).rstrip(), size_pt, bold=bold)[0] > width_mm:
                lines.append(line.rstrip())
                line = piece.lstrip()
            else:
                line += piece
        lines.append(line.rstrip())
    return lines


def _pieces(text: str) -> list[str]:
    """Split into units that stay together: one Chinese character or one Latin word."""
    pieces: list[str] = []
    for character in text:
        joins = bool(pieces) and (
            character in _NOT_FIRST
            or pieces[-1][-1] in _NOT_LAST
            or (_latin(character) and _latin(pieces[-1][-1]))
            or character == " "
        )
        if joins:
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _latin(character: str) -> bool:
    return character.isascii() and not character.isspace()


def fitted(
    text: str, width_mm: float, size_pt: float, *, least_pt: float, bold: bool = False
) -> tuple[list[str], float]:
    """Return lines and size of a text made to fit a width: shrunk first, then broken.

    Examples
    --------
    >>> fitted("全市", 100, 20, least_pt=10)
    (['全市'], 20)
    """
    width, _ = measure(text, size_pt, bold=bold)
    if width <= width_mm:
        return [text], size_pt
    shrunk = size_pt * width_mm / width
    if shrunk >= least_pt:
        return [text], shrunk
    return wrap(text, width_mm, least_pt, bold=bold), least_pt


def capital(words: str) -> str:
    """Return words that stand on their own line with a capital first.

    Examples
    --------
    >>> capital("by county"), capital("按县"), capital("")
    ('By county', '按县', '')
    """
    return words[:1].upper() + words[1:]


def write(
    ax: Axes, x: float, y: float, text: str, size_pt: float, *, bold: bool = False, **style: Any
) -> Text:
    """Put a text on axes in the map's type; it stays text (searchable) in PDF."""
    style = {"va": "center", "ha": "left", "linespacing": 1.35, **style}
    return ax.text(
        x, y, text, fontproperties=font(size_pt, bold=bold), parse_math=False, **style
    )


@lru_cache(maxsize=8192)
def _outline(text: str, bold: bool, curved: bool) -> tuple[np.ndarray, np.ndarray]:
    vertices, codes = text_to_path.get_text_path(font(_EM, bold=bold), text)
    vertices, codes = np.asarray(vertices, dtype=float), np.array(codes, dtype=Path.code_type)
    if not curved:
        # Of a quadratic curve only its end is kept: control points come first in each pair.
        control = np.zeros(len(codes), dtype=bool)
        control[np.flatnonzero(codes == Path.CURVE3)[::2]] = True
        vertices, codes = vertices[~control], codes[~control]
        codes[codes == Path.CURVE3] = Path.LINETO
    return vertices, codes


def outlines(
    texts: Iterable[tuple[str, float, float, float, float]], *, bold: bool, view: View,
    curved: bool = True,
) -> Path:
    """Return the letter shapes of many texts as one path, to be stroked as their halo.

    Parameters
    ----------
    texts : (text, x, y, em, degrees)
        Position of the lower left corner of the line and height of an em in the path's units,
        and the text's angle.
    bold : bool
        Weight.
    curved : bool
        False draws curves as chords, which no one sees under a halo.
    view : View
        Its grain on paper rounds the shapes, which keeps files small.
    """
    vertices, codes = [np.empty((0, 2))], [np.empty(0, dtype=Path.code_type)]
    scale = text_to_path.FONT_SCALE
    for text, x, y, em, degrees in texts:
        shape, code = _outline(text, bold, curved)
        turn = np.deg2rad(degrees)
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        vertices.append(shape / scale * em @ rotation + (x, y))
        codes.append(code)
    grain, corner = view.metres(FINEST_MM if curved else 2 * FINEST_MM), (view.left, view.bottom)
    xy = np.round((np.concatenate(vertices) - corner) / grain) * grain + corner
    return Path(xy, np.concatenate(codes).astype(Path.code_type))


@cache
def _fallback_characters() -> frozenset[str]:
    path = font_manager.findfont(FontProperties(family=FAMILY[1]))
    return frozenset(map(chr, ft2font.FT2Font(path).get_charmap()))


def require_glyphs(artist: Artist) -> None:
    """Refuse a figure that would print an empty box.

    Parameters
    ----------
    artist : figure or axes
        Every text below it is read.

    Raises
    ------
    GlyphError
        Naming each text and the characters that neither font can draw.
    """
    faults = []
    for found in artist.findobj(Text):
        words = found.get_text() if isinstance(found, Text) else ""
        missing = [c for c in assets.missing_glyphs(words) if c not in _fallback_characters()]
        if missing:
            named = " ".join(f"{c} (U+{ord(c):04X})" for c in missing)
            faults.append(f"{words!r}: {named}")
    if faults:
        raise GlyphError(
            "the bundled fonts have no glyph for some characters of the map",
            got="; ".join(sorted(set(faults))),
            mend="replace the characters in the names, titles or notes that hold them",
        )

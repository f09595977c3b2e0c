"""Where a dense part of a map is drawn again, enlarged: a free corner of the frame."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from qzrisk.maps.furniture.frame import Z_FRAME, Z_FURNITURE, Box
from qzrisk.maps.furniture.lettering import measure, write
from qzrisk.maps.furniture.view import View, fit
from qzrisk.maps.style import INK, PAPER, SEAL
from qzrisk.text import text

_ENLARGEMENTS = (3.0, 2.75, 2.5, 2.25, 2.0, 1.75, 1.5)
_WIDEST, _HIGHEST = 0.45, 0.55
_GAP_MM = 1.5
_HIDES_AT_MOST = (0.002, 0.02, 0.08)
_LETTERS, _WORDS_PT = 0.78, 6.4
# Over the symbols, below leader lines and names.
_Z_SOURCE = 6.7


def place_inset(
    ground: Box, view: View, subject: npt.NDArray[Any] | None, taken: list[Box]
) -> Box | None:
    """Return the place of an inset on the frame, mm: the largest that hides little of the subject.

    Parameters
    ----------
    ground : what is enlarged, metres
    view : of the whole map
    subject : polygons that the inset should not hide, or None
    taken : places of scale bar and arrow, mm

    Returns
    -------
    Left, bottom, right, top in millimetres of the frame; None where no corner has room for it.
    """
    area = shapely.union_all(subject) if subject is not None else shapely.Polygon()
    source = shapely.box(*ground)
    found: list[tuple[float, Box]] = []
    for times in _ENLARGEMENTS:
        wide = times * (ground[2] - ground[0]) / view.metres(1.0)
        high = times * (ground[3] - ground[1]) / view.metres(1.0)
        if wide > _WIDEST * view.width_mm or high > _HIGHEST * view.height_mm:
            continue
        for box in _corners(view, wide, high):
            left, bottom = view.at(box[0], box[1])
            right, top = view.at(box[2], box[3])
            place = shapely.box(left, bottom, right, top)
            if any(_meet(box, other) for other in taken) or shapely.intersects(place, source):
                continue
            hidden = float(shapely.area(shapely.intersection(area, place)) / place.area)
            found.append((hidden, box))
    for most in _HIDES_AT_MOST:
        for hidden, box in found:
            if hidden <= most:
                return box
    return None


def _corners(view: View, wide: float, high: float) -> list[Box]:
    gap = _GAP_MM * view.zoom
    right, top = view.width_mm - gap, view.height_mm - gap
    return [(right - wide, gap, right, gap + high), (gap, top - high, gap + wide, top),
            (right - wide, top - high, right, top), (gap, gap, gap + wide, gap + high)]


def _meet(one: Box, other: Box) -> bool:
    return (one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1])


def inset_axes(ax: Axes, view: View, box: Box, ground: Box) -> tuple[Axes, View]:
    """Return axes at the place of an inset, and its view; the frame is drawn, and its source."""
    height = view.height_mm
    where = (box[0] / view.width_mm, box[1] / height, (box[2] - box[0]) / view.width_mm,
             (box[3] - box[1]) / height)
    inner = ax.inset_axes(where, zorder=Z_FRAME - 0.5, label="inset")
    shown = fit(ground, width_mm=box[2] - box[0], height_mm=box[3] - box[1], crs=view.crs,
                margin=0.0, exact=True, zoom=_LETTERS * view.zoom)
    ax.add_patch(Rectangle(ground[:2], ground[2] - ground[0], ground[3] - ground[1],
                           facecolor="none", edgecolor=SEAL, linewidth=0.9 * view.zoom,
                           zorder=_Z_SOURCE))
    return inner, shown


def frame_inset(inner: Axes, shown: View, language: str) -> Box:
    """Draw the frame of an inset and its scale; return the place of the words, mm."""
    zoom = shown.zoom
    inner.add_patch(Rectangle((shown.left, shown.bottom), shown.right - shown.left,
                              shown.top - shown.bottom, facecolor="none", edgecolor=SEAL,
                              linewidth=1.1 * zoom, clip_on=False, zorder=Z_FURNITURE))
    digits = round(shown.denominator, -4) if shown.denominator > 1e5 else round(
        shown.denominator, -2)
    words = text("inset_words", language, n=f"{digits:,.0f}".replace(",", " "))
    width, height = measure(words, _WORDS_PT * zoom)
    box = (0.0, 0.0, width + 2.4 * zoom, height + 1.6 * zoom)
    inner.add_patch(Rectangle(shown.box[:2], shown.metres(box[2]), shown.metres(box[3]),
                              facecolor=PAPER, edgecolor="none", alpha=0.8,
                              zorder=Z_FURNITURE - 0.1))
    write(inner, *shown.at(1.2 * zoom, 0.8 * zoom + 0.13 * height), words, _WORDS_PT * zoom,
          va="baseline", color=INK, zorder=Z_FURNITURE)
    return box

"""A sheet of paper in millimetres, and the few marks that everything printed on it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from qzrisk.maps.furniture.lettering import BASELINE_EM, MM_PER_PT, write
from qzrisk.maps.style import INK, RULE

PAPERS_MM: dict[str, tuple[float, float, float]] = {
    # width, height, factor on letters and margins
    "A4": (297.0, 210.0, 1.0),
    "A3": (420.0, 297.0, 1.36),
    "16:9": (338.667, 190.5, 1.0),
}


class Sheet:
    """One page: axes in millimetres from the lower left corner, and a factor on letters."""

    def __init__(self, figure: Figure, paper: str) -> None:
        self.figure, self.paper = figure, paper
        self.width_mm, self.height_mm, self.zoom = PAPERS_MM[paper]
        self.ax = figure.add_axes((0.0, 0.0, 1.0, 1.0), zorder=0)
        self.ax.set(xlim=(0, self.width_mm), ylim=(0, self.height_mm))
        self.ax.set_axis_off()

    def text(self, x: float, y: float, words: str, size_pt: float, *, bold: bool = False,
             color: str = INK, **style: Any) -> Text:
        """Write words with their middle at `y`; `size_pt` is that on A4.

        One line stands by its baseline, so that figures and characters side by side are level.
        """
        if "\n" not in words and "va" not in style:
            style["va"], y = "baseline", y - BASELINE_EM * self.em(size_pt)
        return write(self.ax, x, y, words, size_pt * self.zoom, bold=bold, color=color, **style)

    def box(self, x: float, y: float, width: float, height: float, **style: Any) -> Rectangle:
        """Draw a rectangle from its lower left corner."""
        style = {"facecolor": "none", "edgecolor": "none", "linewidth": 0.5 * self.zoom, **style}
        patch = Rectangle((x, y), width, height, **style)
        hatch_width = 0.55 * self.zoom
        patch.set_hatch_linewidth(hatch_width)
        self.ax.add_patch(patch)
        return patch

    def line(self, x: tuple[float, float], y: tuple[float, float], *, color: str = RULE,
             width_pt: float = 0.5, **style: Any) -> None:
        """Draw a line."""
        self.ax.add_line(Line2D(x, y, color=color, linewidth=width_pt * self.zoom, **style))

    def em(self, size_pt: float) -> float:
        """Return the height of an em in millimetres."""
        return size_pt * self.zoom * MM_PER_PT


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a column: how high it is, and how it is drawn from its upper edge down."""

    height_mm: float
    draw: Callable[[float], None]

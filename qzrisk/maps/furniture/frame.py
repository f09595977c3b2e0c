"""On the map's own window: graticule and border, scale, north, the mark of generated data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path

from qzrisk.maps.furniture.lettering import BASELINE_EM, MM_PER_PT, measure, outlines, write
from qzrisk.maps.furniture.view import View, geodesic_m, to_grid
from qzrisk.maps.style import INK, PAPER
from qzrisk.text import text

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in millimetres from the frame's lower left corner."""

# Above the data, below the letters.
Z_GRATICULE, Z_MARK, Z_FRAME, Z_FURNITURE = 4.5, 4.6, 8.0, 9.0

_STEPS_MIN = (1, 2, 3, 5, 6, 10, 15, 20, 30, 60, 120, 300, 600)
_BAND_MM = 1.1
_BAR_HEIGHT_MM = 1.1
_SHORT_BAR_MM = 19.0
_ARROW_MM = 11.0
_MARK_PT, _MARK_DEG = 21.0, 28.0


@dataclass(frozen=True, slots=True)
class Meridian:
    """One line of the graticule.

    Attributes
    ----------
    axis : 0 for a meridian (of longitude `degree`), 1 for a parallel.
    degree : its longitude or latitude.
    xy : points along it in metres, a curve.
    """

    axis: int
    degree: float
    xy: npt.NDArray[np.float64]

    def crossings(self, view: View) -> list[tuple[str, float]]:
        """Return (side, position in metres) where the line leaves the frame."""
        sides = (("bottom", view.bottom), ("top", view.top)) if self.axis == 0 else (
            ("left", view.left), ("right", view.right))
        along, across = self.xy[:, self.axis], self.xy[:, 1 - self.axis]
        least, most = ((view.left, view.right) if self.axis == 0 else (view.bottom, view.top))
        found = [(side, float(np.interp(edge, across, along))) for side, edge in sides
                 if across[0] <= edge <= across[-1]]
        return [(side, position) for side, position in found if least < position < most]


def graticule_step_min(view: View) -> int:
    """Return the spacing of the graticule in minutes of arc: four to eight lines a side."""
    west, south, east, north = view.degrees()
    span = 60 * max(east - west, north - south)
    return next((step for step in _STEPS_MIN if span / step <= 8), _STEPS_MIN[-1])


def meridians(view: View, step_min: float) -> list[Meridian]:
    """Return the meridians and parallels that cross the view, as curves in its projection."""
    west, south, east, north = view.degrees()
    lines = []
    for axis, (least, most), (start, end) in (
        (0, (west, east), (south, north)), (1, (south, north), (west, east))
    ):
        along = np.linspace(start - 0.02, end + 0.02, 61)
        for count in range(int(np.ceil(least * 60 / step_min)),
                           int(np.floor(most * 60 / step_min)) + 1):
            degree = count * step_min / 60
            fixed = np.full_like(along, degree)
            x, y = to_grid(view.crs, *((fixed, along) if axis == 0 else (along, fixed)))
            lines.append(Meridian(axis, degree, np.column_stack([x, y])))
    return lines


def degree_text(degree: float, axis: int) -> str:
    """Return e.g. 118°30′E.

    Examples
    --------
    >>> degree_text(118.5, 0), degree_text(24.75, 1)
    ('118°30′E', '24°45′N')
    """
    minutes = round(abs(degree) * 60)
    half = ("E" if degree >= 0 else "W") if axis == 0 else ("N" if degree >= 0 else "S")
    return f"{minutes // 60}°{minutes % 60:02d}′{half}"


def graticule(ax: Axes, view: View) -> None:
    """Draw the graticule as true curves, its labels on four sides, and the ladder border."""
    step = graticule_step_min(view)
    lines = meridians(view, step)
    ax.add_collection(
        LineCollection([line.xy for line in lines], colors="#6f8797", linewidths=0.3 * view.zoom,
                       alpha=0.55, zorder=Z_GRATICULE), autolim=False,
    )
    _ladder(ax, view, step / 3 if step >= 3 else step / 2)
    gap = view.metres(_BAND_MM * view.zoom + 1.5 * view.zoom)
    places = {
        "bottom": (view.bottom - gap, "top"), "top": (view.top + gap, "bottom"),
        "left": (view.left - gap, "right"), "right": (view.right + gap, "left"),
    }
    for line in lines:
        words = degree_text(line.degree, line.axis)
        for side, position in line.crossings(view):
            edge, align = places[side]
            if line.axis == 0:
                write(ax, position, edge, words, 6 * view.zoom, ha="center", va=align,
                      color=INK, zorder=Z_FRAME)
            else:
                write(ax, edge, position, words, 6 * view.zoom, ha=align, va="center",
                      rotation=90, color=INK, zorder=Z_FRAME)


def _ladder(ax: Axes, view: View, step_min: float) -> None:
    """Draw the black and white border whose rungs are the fine divisions of the graticule."""
    band = view.metres(_BAND_MM * view.zoom)
    left, bottom, right, top = view.box
    rungs: dict[str, list[tuple[float, int]]] = {"bottom": [], "top": [], "left": [], "right": []}
    for line in meridians(view, step_min):
        for side, position in line.crossings(view):
            rungs[side].append((position, round(line.degree * 60 / step_min)))
    blocks = []
    for side, found in rungs.items():
        ends = (left, right) if side in ("bottom", "top") else (bottom, top)
        marks = [ends[0], *(position for position, _ in found), ends[1]]
        parity = found[0][1] + 1 if found else 0
        for rank in range(len(marks) - 1):
            if (rank + parity) % 2:
                blocks.append(_rung(side, marks[rank], marks[rank + 1], view, band))
    outer = Rectangle((left - band, bottom - band), right - left + 2 * band,
                      top - bottom + 2 * band)
    for shape, face, width in ((outer, "none", 0.9), (None, "none", 0.5)):
        patch = shape or Rectangle((left, bottom), right - left, top - bottom)
        patch.set(facecolor=face, edgecolor=INK, linewidth=width * view.zoom, clip_on=False,
                  zorder=Z_FRAME)
        ax.add_patch(patch)
    ax.add_collection(
        PathCollection(blocks, facecolors=INK, edgecolors="none", zorder=Z_FRAME, clip_on=False),
        autolim=False,
    )


def _rung(side: str, start: float, end: float, view: View, band: float) -> Path:
    outer = {"bottom": -band, "top": band, "left": -band, "right": band}[side]
    edge = {"bottom": view.bottom, "top": view.top, "left": view.left, "right": view.right}[side]
    corners = [(start, edge), (end, edge), (end, edge + outer), (start, edge + outer),
               (start, edge)]
    if side in ("left", "right"):
        corners = [(y, x) for x, y in corners]
    return Path(np.array(corners), closed=True)


def bar_length_m(view: View, *, share: float = 0.2) -> float:
    """Return the round true length that the scale bar stands for, near `share` of the width."""
    wanted = share * view.denominator * view.width_mm / 1000
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(max(step for step in (1, 2, 4, 8) if step * power <= wanted) * power)


def grid_length_m(view: View, x: float, y: float, true_m: float) -> float:
    """Return the eastward grid length from a position that is truly `true_m` long."""
    grid = true_m
    for _ in range(3):
        grid *= true_m / geodesic_m(view.crs, (x, x + grid), (y, y))
    return grid


def _length_words(metres: float) -> str:
    return f"{metres / 1000:g}" if metres % 1000 == 0 or metres >= 1000 else f"{metres:g}"


def scale_bar(
    ax: Axes, view: View, *, corner: str, language: str, paper: str = ""
) -> Box:
    """Draw a scale bar of true length and the numeric scale; return the paper it takes.

    Parameters
    ----------
    ax : map axes in metres
    view : what they show
    corner : ``"left"`` or ``"right"`` of the lower edge
    language : ``"zh"`` or ``"en"``
    paper : paper at which the numeric scale holds, or "" where it is unknown
    """
    zoom = view.zoom
    total = bar_length_m(view)
    width_mm = total / view.metres(1.0)
    unit = "km" if total >= 1000 else "m"
    words = scale_words(view, language, paper)
    room = max(width_mm + 9 * zoom, measure(words, 6.6 * zoom)[0] + 2 * zoom)
    x_mm = 5 * zoom if corner == "left" else view.width_mm - room - 3 * zoom
    y_mm = 7.4 * zoom
    x, y = view.at(x_mm, y_mm)
    high = view.metres(_BAR_HEIGHT_MM * zoom)
    ends = [grid_length_m(view, x, y, total * part) for part in (0.25, 0.5, 1.0)]
    top = y_mm + 5.4 * zoom
    box = ((0.0, 0.0, x_mm + room, top) if corner == "left"
           else (x_mm - 4 * zoom, 0.0, view.width_mm, top))
    _plate(ax, view, box)
    for rank, (start, end) in enumerate(zip([0.0, *ends[:-1]], ends, strict=True)):
        ax.add_patch(Rectangle((x + start, y), end - start, high, facecolor=(INK, PAPER)[rank % 2],
                               edgecolor=INK, linewidth=0.5 * zoom, zorder=Z_FURNITURE,
                               gid="scale_bar"))
    for part, end in zip((0.0, 0.25, 0.5, 1.0), [0.0, *ends], strict=True):
        if 0.0 < part < 1.0 and width_mm < _SHORT_BAR_MM * zoom:
            continue
        write(ax, x + end, y + high + view.metres(0.7 * zoom), _length_words(total * part),
              6.2 * zoom, ha="center", va="bottom", color=INK, zorder=Z_FURNITURE)
    write(ax, x + ends[-1] + view.metres(2.8 * zoom), y + high + view.metres(0.7 * zoom), unit,
          6.2 * zoom, va="bottom", color=INK, zorder=Z_FURNITURE)
    write(ax, x, y - view.metres(1.1 * zoom), words, 6.6 * zoom,
          va="top", color=INK, zorder=Z_FURNITURE)
    return box


def scale_words(view: View, language: str, paper: str = "") -> str:
    """Return the numeric scale in words, rounded to three figures where the paper is unknown."""
    figures = 4 if paper else 3
    digits = round(view.denominator)
    digits = round(digits, figures - 1 - int(np.floor(np.log10(digits))))
    key = "scale_on_paper" if paper else "scale_about"
    return text(key, language, n=f"{digits:,}".replace(",", " "), paper=paper)


def _plate(ax: Axes, view: View, box: Box) -> None:
    """Lay a translucent sheet of paper under furniture, so that lines do not run through it."""
    left, bottom = view.at(box[0], box[1])
    right, top = view.at(box[2], box[3])
    ax.add_patch(Rectangle((left, bottom), right - left, top - bottom, facecolor=PAPER, alpha=0.72,
                           edgecolor="none", zorder=Z_FURNITURE - 0.1))


def north_arrow(ax: Axes, view: View, *, corner: str, language: str) -> Box:
    """Draw an arrow to true north, turned by the convergence at the map's centre.

    Returns the paper it takes.
    """
    zoom = view.zoom
    length = _ARROW_MM * zoom
    x_mm = 8.5 * zoom if corner == "left" else view.width_mm - 8.5 * zoom
    y_mm = view.height_mm - 5 * zoom - length * 0.62 - 4 * zoom
    x, y = view.at(x_mm, y_mm)
    turn = np.deg2rad(view.convergence_deg())
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])

    def place(points: list[tuple[float, float]]) -> npt.NDArray[np.float64]:
        return np.asarray(view.metres(length) * np.array(points) @ rotation + (x, y))

    tip, notch = (0.0, 0.56), (0.0, -0.22)
    ax.add_patch(Polygon(place([tip, (0.30, -0.44), notch, (-0.30, -0.44)]), closed=True,
                         facecolor=PAPER, edgecolor=PAPER, linewidth=3.4 * zoom, alpha=0.8,
                         zorder=Z_FURNITURE - 0.05))
    for foot, face in (((-0.30, -0.44), INK), ((0.30, -0.44), PAPER)):
        ax.add_patch(Polygon(place([tip, foot, notch]), closed=True, facecolor=face, edgecolor=INK,
                             linewidth=0.6 * zoom, joinstyle="miter", zorder=Z_FURNITURE,
                             gid="north_arrow"))
    head = place([(0.0, 0.79)])[0]
    words, size = text("north", language), 8.5 * zoom
    width, em = view.metres(measure(words, size)[0]), view.metres(size * MM_PER_PT)
    ax.add_artist(PathPatch(
        outlines([(words, head[0] - width / 2, head[1] - BASELINE_EM * em, em, 0.0)], bold=False,
                 view=view, curved=False), facecolor=PAPER, edgecolor=PAPER,
        linewidth=2.4 * zoom, alpha=0.8, joinstyle="round", zorder=Z_FURNITURE - 0.05,
    ))
    write(ax, head[0], head[1] - BASELINE_EM * em, words, size, ha="center", va="baseline",
          color=INK, zorder=Z_FURNITURE)
    half = 0.45 * length
    return x_mm - half, y_mm - 0.5 * length, x_mm + half, view.height_mm


def synthetic_mark(ax: Axes, view: View, language: str) -> None:
    """Write 合成数据 over the whole map, aslant and light, above the data and below the letters."""
    words = text("synthetic", language)
    zoom = view.zoom
    size = _MARK_PT * zoom * (1.0 if language == "zh" else 0.8)
    length, _ = measure(words, size, bold=True)
    step_x, step_y = length * 1.25 + 14 * zoom, length * 0.62 + 7 * zoom
    turn = np.deg2rad(_MARK_DEG)
    texts = []
    for row in range(int(view.height_mm / step_y) + 2):
        for column in range(-1, int(view.width_mm / step_x) + 2):
            x, y = view.at((column + 0.5 * (row % 2)) * step_x + 4 * zoom, (row - 0.3) * step_y)
            texts.append((words, x, y, view.metres(size * MM_PER_PT), np.rad2deg(turn)))
    # A light rim keeps the dark letters readable on dark fills.
    ax.add_artist(PathPatch(
        outlines(texts, bold=True, view=view), facecolor=to_rgba(INK, 0.085),
        edgecolor=to_rgba(PAPER, 0.26), linewidth=0.5 * zoom, zorder=Z_MARK, gid="synthetic_mark",
    ))

"""Names on a map: inside their area where they fit, else beside it on a leader line; no overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import PathPatch

from qzrisk.maps.furniture.frame import Box
from qzrisk.maps.furniture.lettering import BASELINE_EM, MM_PER_PT, fitted, measure, outlines, write
from qzrisk.maps.furniture.paths import clipped, visible
from qzrisk.maps.furniture.view import View
from qzrisk.maps.spec import LayerSpec
from qzrisk.maps.static.layers import geometries_of, symbol_places, symbol_widths_pt
from qzrisk.maps.style import INK, PAPER, Style, point_shapes, style

Z_LEADER, Z_HALO, Z_LABEL = 6.8, 7.0, 7.1

# Letters by the number of names on the map: few speak louder.
_SIZES = ((20, 9.2), (60, 7.2), (120, 6.0), (400, 5.2), (10**9, 4.6))
_WIDEST_MM = 34.0
_PAD_MM = 0.5
_HALO_EM = 0.24
_FRAME_GAP_MM = 1.2
# Steps from the best inner point, in inner radii.
_SHIFTS = [(0.0, 0.0)] + [(dx, dy) for dy in (0.0, -0.35, 0.35, -0.7, 0.7)
                          for dx in (0.0, -0.4, 0.4, -0.8, 0.8) if (dx, dy) != (0.0, 0.0)]
# Further ones, tried where symbols stand at the best inner point.
_FAR_SHIFTS = [(dx, dy) for dy in (-1.0, 1.0, -1.4, 1.4) for dx in (0.0, -0.4, 0.4)]
_ANGLES = np.deg2rad(np.arange(0, 360, 15))
_REACH_MM = (4.0, 6.0, 8.5, 11.5, 15.0, 19.0, 24.0)
_INSIDE, _TOLERABLE = 0.985, 0.76
_SMALLER = 0.86
_POINT_SIDES = ((1, 0), (1, 1), (1, -1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1))
_SYMBOL_SIDES = ((0, -1), (0, 1), *_POINT_SIDES[:6])


@dataclass(slots=True, kw_only=True)
class Label:
    """A name to place; all measures in millimetres of the map frame.

    Attributes
    ----------
    lines, size_pt, look : what is written and how.
    x, y : anchor: the best inner point of its area, or the point itself.
    room : its area, or None for a point.
    radius : of the largest circle in the area; the symbol's for a point.
    degrees : angle of the text.
    centre : where the text's middle went, or None while it has no place.
    leader : whether a line leads from the text to the anchor.
    """

    lines: list[str]
    size_pt: float
    look: Style
    x: float
    y: float
    room: shapely.Geometry | None
    radius: float
    degrees: float = 0.0
    centre: tuple[float, float] | None = None
    leader: bool = False

    def size(self) -> tuple[float, float]:
        """Return width and height of the text."""
        widths = [measure(line, self.size_pt, bold=self.look.bold) for line in self.lines]
        step = widths[0][1] * 1.15
        return max(w for w, _ in widths), step * (len(self.lines) - 1) + widths[0][1] * 0.98

    def box(self, centre: tuple[float, float]) -> Box:
        """Return the text's box around a centre."""
        (width, height), (x, y) = self.size(), centre
        return (x - width / 2 - _PAD_MM, y - height / 2 - _PAD_MM / 2,
                x + width / 2 + _PAD_MM, y + height / 2 + _PAD_MM / 2)


def labels_of(layer: LayerSpec, view: View) -> list[Label]:
    """Return the names of a layer's features that reach into the view, not yet placed."""
    if layer.label is None or layer.frame is None:
        return []
    look = style(layer.style, kind=layer.kind)
    shapes = geometries_of(layer)
    names = layer.frame[layer.label].to_numpy()
    seen = visible(shapes, view) & np.array([isinstance(name, str) and name != ""
                                             for name in names], dtype=bool)
    shapes, names = clipped(shapes[seen], view), names[seen]
    degrees = (layer.frame["angle"].to_numpy(dtype=float)[seen] if "angle" in layer.frame.columns
               else np.zeros(len(shapes)))
    size = look.label_pt or next(pt for most, pt in _SIZES if len(names) <= most)
    made = [_label(str(name), shape, view, look, size, float(turn))
            for name, shape, turn in zip(names, shapes, degrees, strict=True)]
    if layer.kind == "graduated" and layer.size is not None:
        widths = symbol_widths_pt(layer.size)[seen] * view.zoom
        for label, place, width in zip(made, symbol_places(shapes), widths, strict=True):
            if label is not None and width > 0:
                label.x, label.y = (float(v) for v in (place - (view.left, view.bottom))
                                    / view.metres(1.0))
                label.room, label.radius = None, float(width) * MM_PER_PT / 2
    return [label for label in made if label is not None]


def _label(name: str, shape: shapely.Geometry, view: View, look: Style, size_pt: float,
           degrees: float) -> Label | None:
    lines, shown = fitted(name, _WIDEST_MM * view.zoom, size_pt * view.zoom,
                          least_pt=0.72 * size_pt * view.zoom, bold=look.bold)
    scale = 1 / view.metres(1.0)
    if shapely.get_dimensions(shape) == 0:
        x, y = shapely.get_coordinates(shape)[0]
        x, y = (x - view.left) * scale, (y - view.bottom) * scale
        inside = 0 <= x <= view.width_mm and 0 <= y <= view.height_mm
        radius = 0.0 if look.label_only else look.size_pt * view.zoom * MM_PER_PT / 2
        return Label(lines=lines, size_pt=shown, look=look, x=x, y=y, room=None, radius=radius,
                     degrees=degrees) if inside else None
    # Only the part inside the frame can hold a name.
    room = shapely.clip_by_rect(shape, *view.box)
    parts = shapely.get_parts(room)
    if not len(parts):
        return None
    largest = parts[int(np.argmax(shapely.area(parts)))]
    room = shapely.transform(largest, lambda xy: (xy - (view.left, view.bottom)) * scale)
    room = shapely.simplify(room, 0.25)
    if room.is_empty or shapely.area(room) <= 0:
        return None
    circle = shapely.maximum_inscribed_circle(room, tolerance=0.4)
    (x, y), edge = shapely.get_coordinates(circle)
    return Label(lines=lines, size_pt=shown, look=look, x=float(x), y=float(y), room=room,
                 radius=float(np.hypot(*(edge - (x, y)))), degrees=degrees)


def clear_boxes(layer: LayerSpec, view: View) -> list[Box]:
    """Return the boxes of a layer's symbols, mm, if its style wants them clear of names."""
    look = style(layer.style, kind=layer.kind)
    if not (look.clear and layer.show and layer.kind == "points"):
        return []
    shapes = geometries_of(layer)
    widest = max(size for _, size in point_shapes(layer.palette or "", 4))
    half = widest * view.zoom * MM_PER_PT / 2
    places = (shapely.get_coordinates(shapes[visible(shapes, view)])
              - (view.left, view.bottom)) / view.metres(1.0)
    return [(x - half, y - half, x + half, y + half) for x, y in places.tolist()]


class Placer:
    """Finds room for names, one after another; keeps what is taken."""

    def __init__(self, view: View, taken: list[Box], symbols: Sequence[Box] = ()) -> None:
        self.view, self.taken = view, list(taken)
        self.symbols = list(symbols)  # no name covers them, but a leader line may cross them
        self.leaders: list[tuple[float, float, float, float]] = []

    def place(self, labels: list[Label], *, led: bool = True) -> list[Label]:
        """Place names, large areas first; return those that found no room."""
        order = sorted(range(len(labels)), key=lambda rank: -labels[rank].radius)
        few = len(labels) <= 40
        waiting = []
        for rank in order:
            label = labels[rank]
            found = self._inside(label) if label.room is not None else self._beside(label)
            if found is None:
                waiting.append(label)
            else:
                self._take(label, found)
        self.land = shapely.union_all([label.room for label in labels if label.room is not None])
        self.anchors = np.array([(label.x, label.y) for label in waiting]).reshape(-1, 2)
        # The most hemmed in choose first.
        waiting.sort(key=lambda label: -self._crowd(label))
        left = []
        for label in waiting:
            found = self._led(label, few=few) if led and label.room is not None else None
            if found is None:
                left.append(label)
            else:
                label.leader = True
                self._take(label, found)
                self.leaders.append(self._leader(label, _nearest_edge(label.box(found), label)))
        return left

    def _leader(self, label: Label, end: tuple[float, float]
                ) -> tuple[float, float, float, float]:
        """Return the line to a name: from its anchor or, if symbols stand there, their edge."""
        line = shapely.LineString([(label.x, label.y), end])
        bare = line.difference(shapely.union_all([shapely.box(*box) for box in self.symbols]))
        outer = [part for part in shapely.get_parts(bare)
                 if shapely.distance(part, shapely.Point(end)) < 1e-6]
        foot = shapely.get_coordinates(outer[0])[0] if outer else (label.x, label.y)
        return float(foot[0]), float(foot[1]), *end

    def _crowd(self, label: Label) -> float:
        distances = np.hypot(*(self.anchors - (label.x, label.y)).T)
        return float((1 / (1 + distances)).sum())

    def _take(self, label: Label, centre: tuple[float, float]) -> None:
        label.centre = centre
        self.taken.append(label.box(centre))

    def _free(self, boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Tell which boxes lie in the frame and meet nothing that is taken."""
        gap = _FRAME_GAP_MM * self.view.zoom
        within = ((boxes[:, :2] >= gap).all(axis=1)
                  & (boxes[:, 2] <= self.view.width_mm - gap)
                  & (boxes[:, 3] <= self.view.height_mm - gap))
        if self.taken or self.symbols:
            taken = np.array([*self.taken, *self.symbols])
            meets = ((boxes[:, None, 0] < taken[:, 2]) & (boxes[:, None, 2] > taken[:, 0])
                     & (boxes[:, None, 1] < taken[:, 3]) & (boxes[:, None, 3] > taken[:, 1]))
            within &= ~meets.any(axis=1)
        if self.leaders:
            lines = shapely.multilinestrings([[led[:2], led[2:]] for led in self.leaders])
            within &= ~shapely.intersects(shapely.box(*boxes.T), lines)
        return within

    def _inside(self, label: Label) -> tuple[float, float] | None:
        """Return a place in the label's area, at its size or, failing that, a little smaller."""
        found = self._inside_at_size(label)
        if found is None:
            given, label.size_pt = label.size_pt, label.size_pt * _SMALLER
            found = self._inside_at_size(label)
            if found is None:
                label.size_pt = given
        return found

    def _inside_at_size(self, label: Label) -> tuple[float, float] | None:
        centres = [(label.x + dx * label.radius, label.y + dy * label.radius)
                   for dx, dy in (*_SHIFTS, *(_FAR_SHIFTS if self.symbols else ()))]
        boxes = np.array([label.box(centre) for centre in centres])
        free = self._free(boxes)
        if not free.any():
            return None
        share = _share_in(boxes[free], label.room)
        centres = [centre for centre, ok in zip(centres, free, strict=True) if ok]
        good = np.flatnonzero(share >= _INSIDE)
        if len(good):
            return centres[int(good[0])]
        best = int(np.argmax(share - 0.02 * np.arange(len(share))))
        return centres[best] if share[best] >= _TOLERABLE else None

    def _beside(self, label: Label) -> tuple[float, float] | None:
        width, height = label.size()
        reach = label.radius + 0.7 * self.view.zoom
        sides = _POINT_SIDES if label.radius < 1.5 * self.view.zoom else _SYMBOL_SIDES
        if label.look.label_only:
            centres = [(label.x, label.y)]
        else:
            centres = [(label.x + sx * (reach + width / 2) * (1 if sx else 0),
                        label.y + sy * (reach + height / 2) * (1 if not sx else 0.7))
                       for sx, sy in sides]
        free = np.flatnonzero(self._free(np.array([label.box(c) for c in centres])))
        return centres[int(free[0])] if len(free) else None

    def _led(self, label: Label, *, few: bool) -> tuple[float, float] | None:
        """Return the cheapest free place on rings around the anchor."""
        width, height = label.size()
        reaches = np.array(_REACH_MM if few else _REACH_MM[:4]) * self.view.zoom
        centres, lengths = [], []
        for reach in reaches:
            for angle in _ANGLES:
                east, north = np.cos(angle), np.sin(angle)
                centres.append((label.x + east * (reach + width / 2),
                                label.y + north * (reach + height / 2)))
                lengths.append(reach)
        boxes = np.array([label.box(centre) for centre in centres])
        free = np.flatnonzero(self._free(boxes))
        if not len(free):
            return None
        cost = np.array(lengths)[free] + (22.0 if few else 3.0) * _share_in(boxes[free], self.land)
        for rank in np.argsort(cost, kind="stable"):
            centre = centres[int(free[rank])]
            if self._line_is_clear(label, centre):
                return centre
        return None

    def _line_is_clear(self, label: Label, centre: tuple[float, float]) -> bool:
        box = label.box(centre)
        line = shapely.LineString([(label.x, label.y), _nearest_edge(box, label)])
        if self.taken and shapely.intersects(line, shapely.box(*np.array(self.taken).T)).any():
            return False
        others = self.anchors[(self.anchors != (label.x, label.y)).any(axis=1)]
        inside = ((others > box[:2]) & (others < box[2:])).all(axis=1) if len(others) else []
        if np.any(inside):
            return False
        near = shapely.distance(line, shapely.points(others)) if len(others) else np.array([9.0])
        crossed = [shapely.LineString([led[:2], led[2:]]) for led in self.leaders]
        return bool((near > 0.8).all()) and not (
            len(crossed) and shapely.intersects(line, np.array(crossed)).any()
        )


def _share_in(boxes: npt.NDArray[np.float64], area: shapely.Geometry | None
              ) -> npt.NDArray[np.float64]:
    """Return the share of each box inside an area, by a net of points that holds its corners."""
    across, up = np.linspace(0, 1, 9), np.linspace(0, 1, 4)
    x = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * np.tile(across, 4)
    y = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * np.repeat(up, 9)
    shapely.prepare(area)
    return np.asarray(shapely.contains_xy(area, x, y).mean(axis=1))


def _nearest_edge(box: Box, label: Label) -> tuple[float, float]:
    return (float(np.clip(label.x, box[0], box[2])), float(np.clip(label.y, box[1], box[3])))


def draw_labels(ax: Axes, labels: list[Label], placer: Placer) -> None:
    """Write placed names with halos; all halos of one weight are one path."""
    view = placer.view
    placed = [label for label in labels if label.centre is not None]
    looks = sorted({(label.look.bold, round(label.size_pt, 1)) for label in placed})
    for bold, size in looks:
        lines = [line for label in placed for line in _lines_at(label, view)
                 if (label.look.bold, round(label.size_pt, 1)) == (bold, size)]
        ax.add_artist(PathPatch(
            outlines(lines, bold=bold, view=view, curved=False), facecolor=PAPER,
            edgecolor=PAPER, alpha=0.85, linewidth=_HALO_EM * size, joinstyle="round",
            zorder=Z_HALO,
        ))
    for label in placed:
        for words, x, y, _, degrees in _lines_at(label, view):
            write(ax, x, y, words, label.size_pt, bold=label.look.bold, va="baseline",
                  color=label.look.label_colour, rotation=degrees, rotation_mode="anchor",
                  zorder=Z_LABEL)
    _draw_leaders(ax, placer)


def _draw_leaders(ax: Axes, placer: Placer) -> None:
    view, zoom = placer.view, placer.view.zoom
    ends = [(view.at(*led[:2]), view.at(*led[2:])) for led in placer.leaders]
    if not ends:
        return
    for colour, width in ((PAPER, 1.7), (INK, 0.6)):
        ax.add_collection(LineCollection(ends, colors=colour, linewidths=width * zoom,
                                         zorder=Z_LEADER), autolim=False)
    feet = np.array([foot for foot, _ in ends])
    ax.plot(feet[:, 0], feet[:, 1], linestyle="", marker="o", markersize=2.4 * zoom,
            markerfacecolor=INK, markeredgecolor=PAPER, markeredgewidth=0.5 * zoom,
            zorder=Z_LEADER, scalex=False, scaley=False)


def _lines_at(label: Label, view: View) -> list[tuple[str, float, float, float, float]]:
    """Return (words, x, y, em, degrees) of each line: its baseline's left end in metres."""
    assert label.centre is not None
    em = label.size_pt * MM_PER_PT
    step, turn = em * 1.15, np.deg2rad(label.degrees)
    found = []
    for rank, line in enumerate(label.lines):
        width, _ = measure(line, label.size_pt, bold=label.look.bold)
        dx, dy = -width / 2, (0.5 * (len(label.lines) - 1) - rank) * step - BASELINE_EM * em
        x = label.centre[0] + dx * np.cos(turn) - dy * np.sin(turn)
        y = label.centre[1] + dx * np.sin(turn) + dy * np.cos(turn)
        found.append((line, *view.at(x, y), view.metres(em), label.degrees))
    return found

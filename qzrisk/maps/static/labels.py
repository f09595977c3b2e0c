"""Names on a map: inside their area where they fit, else beside it on a leader line; no overlap."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

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
from qzrisk.maps.static.names import on_small_map, without_bracket, without_generic
from qzrisk.maps.style import INK, PAPER, Style, point_shapes, style

Z_LEADER, Z_HALO, Z_LABEL = 6.8, 7.0, 7.1

# Letters by the number of names on the map: few speak louder.
_SIZES = ((20, 9.2), (60, 7.2), (120, 6.0), (400, 5.2), (10**9, 4.6))
_WIDEST_MM = 34.0
_PAD_MM = 0.5
# Maps of more names than these may drop generic parts of names.
_CROWD = 60
# Maps narrower than this, at the size of their letters, name counties without it.
_SMALL_MM = 130.0
_NUMBER_PT, _NUMBER_PAD_MM = 5.0, 0.15
_NET_MM = 0.4
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
_TURNS = 6
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
    name : the whole name, whatever is written.
    key : layer and id of the feature: two features may have one name.
    short : the name without its generic part, tried where the whole one has no room; or "".
    number : that stands on the map in place of the name, explained in a key; 0 for none.
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
    name: str = ""
    key: tuple[str, Hashable] = ("", "")
    short: str = ""
    number: int = 0

    @property
    def shortened(self) -> bool:
        """Whether the name stands on the map without its generic part."""
        return self.centre is not None and self.lines == [self.short]

    def size(self) -> tuple[float, float]:
        """Return width and height of the text."""
        widths = [measure(line, self.size_pt, bold=self.look.bold) for line in self.lines]
        step = widths[0][1] * 1.15
        return max(w for w, _ in widths), step * (len(self.lines) - 1) + widths[0][1] * 0.98

    def box(self, centre: tuple[float, float]) -> Box:
        """Return the text's box around a centre."""
        (width, height), (x, y) = self.size(), centre
        pad = _NUMBER_PAD_MM if self.number else _PAD_MM
        return (x - width / 2 - pad, y - height / 2 - pad / 2,
                x + width / 2 + pad, y + height / 2 + pad / 2)


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
    # Outlines are counties; 区 also ends the names of communities and zones, which keep theirs.
    small = layer.kind == "outline" and view.width_mm < _SMALL_MM * view.zoom
    made = [_label(str(name), shape, view, look, size, float(turn), small=small)
            for name, shape, turn in zip(names, shapes, degrees, strict=True)]
    for label, unit in zip(made, layer.frame.index[seen], strict=True):
        if label is not None:
            label.key = (layer.name, unit)
            label.short = without_generic(label.name) if len(names) > _CROWD else ""
    if layer.kind == "graduated" and layer.size is not None:
        widths = symbol_widths_pt(layer.size)[seen] * view.zoom
        for label, place, width in zip(made, symbol_places(shapes), widths, strict=True):
            if label is not None and width > 0:
                label.x, label.y = (float(v) for v in (place - (view.left, view.bottom))
                                    / view.metres(1.0))
                label.room, label.radius = None, float(width) * MM_PER_PT / 2
    return [label for label in made if label is not None]


def _label(name: str, shape: shapely.Geometry, view: View, look: Style, size_pt: float,
           degrees: float, *, small: bool = False) -> Label | None:
    written = on_small_map(name) if small else without_bracket(name) or name
    lines, shown = fitted(written, _WIDEST_MM * view.zoom, size_pt * view.zoom,
                          least_pt=0.72 * size_pt * view.zoom, bold=look.bold)
    scale = 1 / view.metres(1.0)
    if shapely.get_dimensions(shape) == 0:
        x, y = shapely.get_coordinates(shape)[0]
        x, y = (x - view.left) * scale, (y - view.bottom) * scale
        inside = 0 <= x <= view.width_mm and 0 <= y <= view.height_mm
        radius = 0.0 if look.label_only else look.size_pt * view.zoom * MM_PER_PT / 2
        return Label(lines=lines, size_pt=shown, look=look, x=x, y=y, room=None, radius=radius,
                     degrees=degrees, name=name) if inside else None
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
                 radius=float(np.hypot(*(edge - (x, y)))), degrees=degrees, name=name)


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

    def __init__(self, view: View, taken: list[Box], clear: Sequence[Box] = ()) -> None:
        self.view, self.taken = view, list(taken)
        self.clear = list(clear)  # no name covers them, but a leader line may cross them
        self.leaders: list[tuple[float, float, float, float]] = []
        self.symbols: list[Box] = []
        self.land: shapely.Geometry = shapely.Polygon()
        self.anchors = np.empty((0, 2))

    def place(self, labels: list[Label], *, led: bool = True) -> list[Label]:
        """Place names, large areas first; return those that found no room."""
        order = sorted(range(len(labels)), key=lambda rank: -labels[rank].radius)
        few = len(labels) <= 40
        self.symbols = [(label.x - label.radius, label.y - label.radius,
                         label.x + label.radius, label.y + label.radius)
                        for label in labels if label.room is None and label.radius > 0]
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
        if not led:
            return waiting
        # The most hemmed in choose first.
        waiting.sort(key=lambda label: -self._crowd(label))
        return self._lead_all(waiting, few=few)

    def _lead_all(self, waiting: list[Label], *, few: bool) -> list[Label]:
        """Lead names to their places; where one of few finds none it chooses first in a new turn.

        The turn that leaves fewest names counts.
        """
        taken, leaders = len(self.taken), len(self.leaders)
        words = {id(label): label.lines for label in waiting}

        def turn(order: list[Label]) -> list[Label]:
            del self.taken[taken:], self.leaders[leaders:]
            for label in order:
                label.lines, label.centre, label.leader = words[id(label)], None, False
            return [label for label in order
                    if label.room is None or not self._lead(label, few=few)]

        order, orders = waiting, []
        for _ in range(_TURNS if few else 1):
            left = turn(order)
            orders.append((len(left), order))
            if not any(label.room is not None for label in left):
                return left
            first = {id(label) for label in left}
            order = [*left, *(label for label in order if id(label) not in first)]
        return turn(min(orders, key=lambda held: held[0])[1]) if len(orders) > 1 else left

    def number(self, labels: list[Label]) -> list[tuple[Label, Label]]:
        """Find places for numbers that stand for names; return the pairs of name and number.

        The names of points, and those whose number finds no room either, are left out.
        """
        self.anchors = np.empty((0, 2))
        made: list[tuple[Label, Label]] = []
        for label in labels:
            if label.room is None:
                continue
            mark = replace(label, lines=["88"], short="", degrees=0.0, number=88,
                           size_pt=_NUMBER_PT * self.view.zoom, look=replace(label.look, bold=True))
            found = self._anywhere_inside(mark)
            if found is not None:
                self._take(mark, found)
            elif not self._lead(mark, few=True):
                continue
            made.append((label, mark))
        return made

    def _anywhere_inside(self, label: Label) -> tuple[float, float] | None:
        """Return the free place nearest the anchor whose middle lies in the label's area."""
        assert label.room is not None
        left, bottom, right, top = shapely.bounds(label.room)
        step = _NET_MM * self.view.zoom
        x, y = (net.ravel() for net in np.meshgrid(np.arange(left, right, step),
                                                   np.arange(bottom, top, step)))
        inside = shapely.contains_xy(label.room, x, y)
        centres = np.vstack([[(label.x, label.y)], np.column_stack([x, y])[inside]])
        centres = centres[np.argsort(np.hypot(*(centres - (label.x, label.y)).T), kind="stable")]
        free = np.flatnonzero(self._free(np.array([label.box((px, py)) for px, py in centres])))
        return (float(centres[free[0]][0]), float(centres[free[0]][1])) if len(free) else None

    def _lead(self, label: Label, *, few: bool) -> bool:
        """Place a name at the end of a line, whole or else without its generic part."""
        whole = label.lines
        for lines in filter(None, (whole, [label.short] if label.short else [])):
            label.lines = lines
            if (found := self._led(label, few=few)) is not None:
                label.leader = True
                self._take(label, found)
                self.leaders.append(self._leader(label, _nearest_edge(label.box(found), label)))
                return True
        label.lines = whole
        return False

    def _leader(self, label: Label, end: tuple[float, float]
                ) -> tuple[float, float, float, float]:
        """Return the line to a name: from its anchor or, if symbols stand there, their edge."""
        line = shapely.LineString([(label.x, label.y), end])
        bare = line.difference(shapely.union_all([shapely.box(*box) for box in self.clear]))
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
        if blocked := [*self.taken, *self.clear]:
            within &= ~_meets_any(boxes, blocked)
        if self.leaders:
            lines = shapely.multilinestrings([[led[:2], led[2:]] for led in self.leaders])
            within &= ~shapely.intersects(shapely.box(*boxes.T), lines)
        return within

    def _inside(self, label: Label) -> tuple[float, float] | None:
        """Return a place in the label's area: as given, smaller, or without the generic part."""
        given, size = label.lines, label.size_pt
        for lines in filter(None, (given, [label.short] if label.short else [])):
            for label.size_pt in (size, size * _SMALLER):
                label.lines = lines
                if (found := self._inside_at_size(label)) is not None:
                    return found
        label.lines, label.size_pt = given, size
        return None

    def _inside_at_size(self, label: Label) -> tuple[float, float] | None:
        centres = [(label.x + dx * label.radius, label.y + dy * label.radius)
                   for dx, dy in (*_SHIFTS, *(_FAR_SHIFTS if self.clear else ()))]
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
        far = np.array((0.0, 2.4, 5.0) if self.symbols else (0.0,)) * self.view.zoom
        # A name without a symbol of its own stands on its place.
        centres = [(label.x, label.y)] if label.look.label_only else []
        centres += [(label.x + sx * (reach + away + width / 2) * (1 if sx else 0),
                     label.y + sy * (reach + away + height / 2) * (1 if not sx else 0.7))
                    for away in far for sx, sy in sides]
        boxes = np.array([label.box(c) for c in centres])
        free = np.flatnonzero(self._free(boxes))
        # Rather beside another symbol than on it.
        clear = free[~_meets_any(boxes[free], self.symbols)]
        best = clear if len(clear) else free
        return centres[int(best[0])] if len(best) else None

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


def _meets_any(boxes: npt.NDArray[np.float64], others: list[Box]) -> npt.NDArray[np.bool_]:
    if not others:
        return np.zeros(len(boxes), dtype=bool)
    taken = np.array(others)
    meets = ((boxes[:, None, 0] < taken[:, 2]) & (boxes[:, None, 2] > taken[:, 0])
             & (boxes[:, None, 1] < taken[:, 3]) & (boxes[:, None, 3] > taken[:, 1]))
    return np.asarray(meets.any(axis=1))


def give_numbers(pairs: list[tuple[Label, Label]], numbers: range, zoom: float) -> list[Label]:
    """Give numbers to pairs of name and mark in the order of reading; return the marks used."""
    band = 6.0 * zoom
    pairs = sorted(pairs, key=lambda pair: (-round(pair[0].y / band), pair[0].x))
    for number, (label, mark) in zip(numbers, pairs, strict=False):
        label.number, mark.number, mark.lines = number, number, [str(number)]
    return [mark for _, mark in pairs[:len(numbers)]]


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

"""The map itself on a pair of axes: layers, graticule, labels, scale, north, mark."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes

from qzrisk.errors import ConfigError
from qzrisk.maps.furniture.frame import Box, graticule, north_arrow, scale_bar, synthetic_mark
from qzrisk.maps.furniture.paths import visible
from qzrisk.maps.furniture.view import View, inner_rectangle
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.maps.static.inset import frame_inset, inset_axes, place_inset
from qzrisk.maps.static.labels import (
    Label,
    Placer,
    clear_boxes,
    draw_labels,
    give_numbers,
    labels_of,
)
from qzrisk.maps.static.layers import draw_layer, geometries_of, glow, water
from qzrisk.maps.style import SEA, style

_Z_CONTEXT, _Z_GLOW, _Z_LAYERS = 1.0, 1.9, 2.0
# Outlines lie over the fills and below the points, whatever the order they came in.
_Z_OUTLINES, _Z_POINTS = 5.0, 6.0
_ATTEMPTS = 4
Keys = frozenset[tuple[str, Hashable]]
"""Features by layer and id, see `Label.key`."""


def require_drawable(spec: MapSpec) -> None:
    """Refuse a map without layers, or one whose frame shows none of its features.

    Raises
    ------
    ConfigError
        Saying which layers there are and where they lie.
    """
    shown = [layer for layer in spec.layers if layer.show]
    if not shown:
        raise ConfigError("a map needs at least one layer that is shown", where=spec.name,
                          expected=">= 1 layer", got=len(spec.layers))
    left, bottom, right, top = spec.bounds()
    places = []
    for layer in shown:
        found = layer.raster.bounds if layer.frame is None else layer.frame.total_bounds
        bounds = np.asarray(found, dtype=float)
        if (bounds[0] <= right and bounds[2] >= left and bounds[1] <= top and bounds[3] >= bottom):
            return
        places.append(f"{layer.name} {_rounded(bounds)}")
    raise ConfigError(
        "no feature of the map lies in its frame", where=spec.name, got="; ".join(places),
        expected=f"features in {_rounded(np.array([left, bottom, right, top]))} of {spec.crs}",
        mend="give an extent in metres of the map's CRS, or None for the extent of the data",
    )


def known_ground(spec: MapSpec) -> Box | None:
    """Return the rectangle, in metres, that the surroundings of the map fill; None without any."""
    hulls = [shapely.convex_hull(shapely.multipoints(layer.frame.get_coordinates().to_numpy()))
             for layer in spec.context
             if layer.frame is not None and layer.kind in ("choropleth", "outline")
             and not layer.frame.empty]
    if not hulls:
        return None
    return inner_rectangle(spec.crs, shapely.get_coordinates(hulls))


def _rounded(bounds: npt.NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.0f}" for value in bounds) + ")"


def draw_map(ax: Axes, spec: MapSpec, view: View, *, paper: str = "",
             grid: bool = True, scaled: bool = True, kept: Sequence[Box] = (),
             numbers: range = range(0), needed: Keys | None = None) -> list[Label]:
    """Draw the map on axes; return the names that are not written in full.

    Parameters
    ----------
    ax : axes to draw on; limits, ticks and frame become the map's
    spec : what to draw
    view : window in metres and its paper
    paper : paper at which the numeric scale holds, or ""
    grid : draw the graticule and its border; False for small multiples and insets
    scaled : draw scale bar and north arrow
    kept : places that no name may take, mm of the frame
    numbers : that may stand for names without room; whoever gives them prints the key
    needed : features that nothing else names, None for all; others may go without a name
    """
    ax.set(xlim=(view.left, view.right), ylim=(view.bottom, view.top), xticks=[], yticks=[],
           facecolor=SEA)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for rank, layer in enumerate(spec.context):
        draw_layer(ax, layer, view, zorder=_Z_CONTEXT + 0.1 * rank, variant=spec.variant)
    subject = _subject(spec)
    if subject is not None:
        glow(ax, subject, view, zorder=_Z_GLOW)
        water(ax, subject, _land(spec), view, zorder=_Z_GLOW + 0.02)
    for rank, layer in enumerate(layer for layer in spec.layers if layer.show):
        draw_layer(ax, layer, view, zorder=_base(layer) + 0.08 * rank, variant=spec.variant)
    if spec.synthetic:
        synthetic_mark(ax, view, spec.language)
    if grid:
        graticule(ax, view)
    taken = list(kept)
    if scaled:
        taken += _scale_and_north(ax, spec, view, subject, paper)
    box = place_inset(spec.inset, view, subject, taken) if spec.inset is not None else None
    if box is None or spec.inset is None:
        return _names(ax, spec.with_(inset=None), view, taken, numbers, needed)
    inner, shown = inset_axes(ax, view, box, spec.inset)
    words = frame_inset(inner, shown, spec.language)
    inside = frozenset(
        label.key for layer in spec.layers if layer.show and layer.kind != "outline"
        for label in labels_of(layer, view)
        if _holds(spec.inset, view.at(label.x, label.y)))
    left = draw_map(inner, spec.with_(inset=None), shown, grid=False, scaled=False, kept=[words],
                    numbers=numbers, needed=inside)
    used = sum(label.number > 0 for label in left)
    # What is named there, and larger, is not named again; what found no room there is.
    silent = frozenset(label.key for label in left if label.centre is None and not label.number)
    left = [label for label in left if label.key not in silent]
    return left + _names(ax, spec, view, [*taken, box], numbers[used:], needed,
                         skipped=inside - silent)


def _base(layer: LayerSpec) -> float:
    if layer.kind == "outline":
        return _Z_OUTLINES
    return _Z_POINTS if layer.kind in ("points", "graduated") else _Z_LAYERS


def _subject(spec: MapSpec) -> npt.NDArray[np.object_] | None:
    """Return the polygons that the map is about: of the widest area layer, in fewest pieces."""
    found: list[tuple[float, int, int, npt.NDArray[np.object_]]] = []
    for layer in [spec.layer(spec.focus)] if spec.focus else spec.layers:
        if layer.frame is None or layer.kind not in ("choropleth", "outline"):
            continue
        shapes = geometries_of(layer)
        shapes = shapes[shapely.get_dimensions(shapes) == 2]
        if len(shapes):
            left, bottom, right, top = shapely.total_bounds(shapes)
            found.append((-round((right - left) * (top - bottom), -6), len(shapes), len(found),
                          shapes))
    return min(found)[-1] if found else None


def _land(spec: MapSpec) -> npt.NDArray[np.object_]:
    """Return the polygons of land among the surroundings."""
    found = [geometries_of(layer) for layer in spec.context
             if layer.frame is not None and style(layer.style, kind=layer.kind).water_lined]
    return np.concatenate(found) if found else np.empty(0, dtype=object)


def _scale_and_north(ax: Axes, spec: MapSpec, view: View,
                     subject: npt.NDArray[np.object_] | None, paper: str) -> list[Box]:
    covered = _covered(subject, view)
    lower = min(("left", "right"), key=lambda side: covered[f"bottom {side}"])
    upper = min(("right", "left"), key=lambda side: covered[f"top {side}"])
    return [
        scale_bar(ax, view, corner=lower, language=spec.language, paper=paper),
        north_arrow(ax, view, corner=upper, language=spec.language),
    ]


def _covered(subject: npt.NDArray[np.object_] | None, view: View) -> dict[str, float]:
    """Return how much of each corner of the frame the subject fills."""
    wide, high = 0.3 * (view.right - view.left), 0.14 * (view.top - view.bottom)
    corners = {
        f"{row} {column}": shapely.box(
            x := view.left if column == "left" else view.right - wide,
            y := view.bottom if row == "bottom" else view.top - high, x + wide, y + high)
        for row in ("bottom", "top") for column in ("left", "right")
    }
    if subject is None:
        return dict.fromkeys(corners, 0.0)
    seen = subject[visible(subject, view)]
    parts = {name: shapely.clip_by_rect(seen, *box.bounds) for name, box in corners.items()}
    return {name: round(float(shapely.area(part).sum()) / (wide * high), 2)
            for name, part in parts.items()}


def _holds(box: Box, point: tuple[float, float]) -> bool:
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _names(ax: Axes, spec: MapSpec, view: View, taken: Sequence[Box], numbers: range,
           needed: Keys | None, *, skipped: Keys = frozenset()
           ) -> list[Label]:
    """Place the names of the layers, then those of their surroundings where room is left.

    Where names are given by number, the places of numbers that found none are kept free first.
    """
    found = [[label for label in labels_of(layer, view)
              if layer.kind == "outline" or label.key not in skipped] if layer.show else []
             for layer in spec.layers]
    clear = [box for layer in spec.layers for box in clear_boxes(layer, view)]
    first: Keys = frozenset()
    least = math.inf
    for _ in range(_ATTEMPTS if numbers else 1):
        labels = [[replace(label) for label in layer] for layer in found]
        placer, left, pairs = _placed(
            labels, Placer(view, list(taken), clear), bool(numbers), needed, first)
        told = {id(label) for label, _ in pairs}
        silent = frozenset(label.key for label in left if id(label) not in told)
        if not silent or len(silent) > least:
            break
        first, least = first | silent, len(silent)
    marks = give_numbers(pairs, numbers, view.zoom)
    written = [label for layer in labels for label in layer]
    around = [label for layer in spec.context for label in labels_of(layer, view)]
    placer.place(around, led=False)
    draw_labels(ax, [*written, *marks, *around], placer)
    return left + [label for label in written if label.shortened]


def _placed(labels: list[list[Label]], placer: Placer, numbered: bool,
            needed: Keys | None, first: Keys
            ) -> tuple[Placer, list[Label], list[tuple[Label, Label]]]:
    """Place the names of each layer; return the placer, the names left and their numbers.

    `first` are features that get a number before anything else is placed.
    """
    left = [label for layer in labels for label in layer if label.key in first]
    pairs = placer.number(left) if first else []
    for layer in labels:
        mine = [label for label in layer if label.key not in first]
        left += [label for label in placer.place(mine)
                 if needed is None or label.key in needed] if mine else []
    if numbered:
        waiting = [label for label in left if label.key not in first]
        pairs += placer.number(waiting)
    return placer, left, pairs

"""The layers of a page as its script reads them: looks, classes, columns, limits of the view."""

from __future__ import annotations

import html as markup
from collections.abc import Sequence
from typing import Any

import numpy as np
from pyproj import Transformer

from qzrisk.errors import ConfigError
from qzrisk.levels import NO_DATA_EDGE, NO_DATA_FILL, NO_DATA_HATCH, palette
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.maps.style import SEA, fills, point_shapes, style
from qzrisk.maps.web import page, payload, picture
from qzrisk.maps.web.page import Placed
from qzrisk.maps.web.tiles import Tiles
from qzrisk.text import text

STEPS_ACROSS = 8000
"""The frame is drawn with no detail finer than its longer side over this: about 20 m for a city."""
MAX_ZOOM = {"public": 14, "internal": 17}
CLUSTER_BELOW = 13
"""Zoom from which points are drawn one by one."""
PX_PER_PT = 1.5
SYMBOL_PX_PER_PT = 1.9
LABEL_PX_PER_PT = 1.45
_MARGIN = 0.25
_LEAST_MARGIN = 0.2


def contents(
    spec: MapSpec, placed: Sequence[Placed], sides: tuple[str, str] | None,
    tiles: Tiles | None,
) -> str:
    """Return what the page's script draws, as JSON that may stand inside a script element."""
    left, bottom, right, top = spec.bounds()
    if not np.isfinite([left, bottom, right, top]).all():
        raise ConfigError("no feature to set the frame by", where=spec.name, got="no geometry")
    store = payload.Store(tolerance_m=max(right - left, top - bottom, 1.0) / STEPS_ACROSS)
    steps, when = payload.time_axis([one.layer for one in placed])
    layers = [_layer(one, spec, store, when) for one in placed]
    frame = _degrees((left, bottom, right, top), spec.crs)
    rest = {
        "language": spec.language,
        "words": page.script_words(spec),
        "frame": frame,
        "limits": _limits(spec, frame),
        "sheet": _sheet(spec),
        "sea": SEA,
        "maxZoom": MAX_ZOOM[spec.audience],
        "clusterBelow": CLUSTER_BELOW,
        "noData": {"hatch": NO_DATA_HATCH, "ink": NO_DATA_EDGE, "paper": NO_DATA_FILL},
        "steps": steps,
        "swipe": sides,
        "tiles": None if tiles is None else {
            "addresses": tiles.addresses, "subdomains": tiles.subdomains,
            "credit": markup.escape(tiles.credit), "maxZoom": tiles.max_zoom,
        },
        "layers": layers,
    }
    return "{" + store.json() + "," + payload.dump(rest)[1:]


def _layer(
    one: Placed, spec: MapSpec, store: payload.Store, when: dict[str, str]
) -> dict[str, Any]:
    layer, frame = one.layer, one.layer.frame
    described: dict[str, Any] = {
        "name": layer.name, "title": layer.title, "kind": layer.kind, "unit": layer.unit_word,
        "muted": one.muted, "side": one.side, "show": layer.show, "style": _style(layer, one),
        "joined": layer.joined, "shade": layer.raster is not None and layer.style == "shade",
        "classes": payload.class_codes(layer), "palette": _palette(layer, spec),
        "boundary": layer.boundary and layer.kind == "choropleth",
        # A drawn outline hides the seams between fills; without one they are widened a little.
        "seamless": not layer.boundary or one.muted,
        "when": when.get(layer.name),
        "geometry": None, "image": None, "fields": [], "label": None, "search": None, "size": None,
    }
    if frame is None:
        described["image"] = picture.overlay(layer, spec)
        return described
    words = (text("web_yes", spec.language), text("web_no", spec.language))
    points = layer.kind in ("points", "graduated")
    step = payload.PUBLIC_STEP if spec.audience == "public" else 1
    described["geometry"] = store.geometry(frame, points=points, step=step)
    if not one.muted:
        described["fields"] = [
            [label, store.column(frame[name], words)] for name, label in layer.fields.items()
        ]
        described["search"] = _search(layer, store, words)
    if layer.label is not None:
        column = store.column(frame[layer.label], words)
        described["label"] = {"column": column, "anchors": payload.anchors(frame)}
    if layer.size is not None:
        values = [v if np.isfinite(v) else None for v in layer.size.astype(float).tolist()]
        described["size"] = {"values": values, "largest": float(np.nanmax([0.0, *layer.size]))}
    return described


def _search(
    layer: LayerSpec, store: payload.Store, words: tuple[str, str]
) -> dict[str, Any] | None:
    frame = layer.frame
    if layer.search is None or frame is None:
        return None
    apart = payload.telling_column(layer)
    told = [layer.search] if apart is None else [layer.search, apart]
    codes = frame.index.to_series().astype(str).where(frame.duplicated(told, keep=False).to_numpy())
    return {
        "name": store.column(frame[layer.search], words),
        "apart": None if apart is None else store.column(frame[apart], words),
        # Where words cannot tell two features apart, their codes do.
        "codes": store.column(codes, words) if codes.notna().any() else None,
    }


def _palette(layer: LayerSpec, spec: MapSpec) -> dict[str, Any] | None:
    if layer.classes is None or layer.palette is None:
        return None
    chosen = palette(layer.palette)
    painted = fills(chosen, spec.variant)
    shapes = point_shapes(layer.palette, len(chosen.codes))
    return {
        "colours": [painted[code][0] for code in chosen.codes],
        "hatches": [painted[code][1] for code in chosen.codes],
        "words": list(chosen.words(spec.language).values()),
        "shapes": [[marker, round(size * SYMBOL_PX_PER_PT / 2, 2)] for marker, size in shapes],
    }


def _style(layer: LayerSpec, one: Placed) -> dict[str, Any]:
    look = style(layer.style, kind=layer.kind)
    return {
        "fill": look.face,
        "hatched": look.hatched,
        "stroke": look.edge,
        "width": round(look.width_pt * PX_PER_PT, 2),
        "casing": round(look.casing_pt * PX_PER_PT, 2),
        "dash": [round(length * look.width_pt * PX_PER_PT, 2) for length in look.dash],
        "marker": look.marker,
        "radius": round(look.size_pt * SYMBOL_PX_PER_PT / 2, 2),
        "label": {
            "size": round(look.label_pt * LABEL_PX_PER_PT, 1), "colour": look.label_colour,
            "bold": look.bold and not one.muted, "only": look.label_only,
        },
    }


def _degrees(bounds: Sequence[float], crs: str) -> list[float]:
    left, bottom, right, top = bounds
    to_degrees = Transformer.from_crs(crs, payload.GEOGRAPHIC, always_xy=True)
    degrees = to_degrees.transform_bounds(left, bottom, right, top)
    return [round(value, 5) for value in degrees]


def _sheet(spec: MapSpec) -> list[float] | None:
    """Return how far the ground is drawn, in degrees, or None without any."""
    boxes = [
        layer.frame.to_crs(payload.GEOGRAPHIC).total_bounds
        for layer in spec.context
        if layer.frame is not None and not layer.frame.empty
    ]
    if not boxes:
        return None
    lows, highs = np.array(boxes)[:, :2].min(axis=0), np.array(boxes)[:, 2:].max(axis=0)
    return [round(value, 5) for value in (*lows.tolist(), *highs.tolist())]


def _limits(spec: MapSpec, frame: list[float]) -> list[float]:
    """Return where the map may be moved: as far as the ground is drawn, and a little round it."""
    left, bottom, right, top = frame
    aside = max(_MARGIN * (right - left), _LEAST_MARGIN)
    above = max(_MARGIN * (top - bottom), _LEAST_MARGIN)
    boxes = [[left - aside, bottom - above, right + aside, top + above]]
    boxes.extend(filter(None, [_sheet(spec)]))
    lows, highs = np.array(boxes)[:, :2].min(axis=0), np.array(boxes)[:, 2:].max(axis=0)
    return [round(value, 5) for value in (*lows.tolist(), *highs.tolist())]

"""The words around an interactive map: legend with counts, notes, provenance, tool bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import shapely
from markupsafe import Markup

from qzrisk.levels import palette
from qzrisk.maps.spec import NO_DATA, LayerSpec, MapSpec
from qzrisk.maps.style import fills, style
from qzrisk.maps.web import picture
from qzrisk.text import text

ASSETS = files("qzrisk.maps") / "web_assets"

# Strokes of 20 x 20 pictures: nothing is loaded for them.
_TOOLS = (
    ("in", "M10 3v14M3 10h14", ""),
    ("out", "M3 10h14", ""),
    ("home", "M3 9.5 10 3l7 6.5M5 8.5V17h10V8.5", ""),
    ("measure", "M2.5 13.5 13.5 2.5l4 4-11 11zM6 10l2 2M9 7l2 2M12 4l2 2", ' aria-pressed="false"'),
    ("full", "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4", ""),
    ("print", "M5.5 7V2.5h9V7M5.5 14H3V7h14v7h-2.5M5.5 11.5h9v6h-9z", ""),
    ("panel", "M2.5 3.5h15v13h-15zM12.5 3.5v13", ' aria-expanded="true"'),
)
_SPOKEN = {
    "total": "web_total", "shown": "web_shown", "none": "web_none", "more": "web_more",
    "noPlace": "web_no_place", "noData": "no_data", "measureHint": "web_measure_hint",
    "length": "web_length", "area": "web_area", "hectares": "web_hectares",
    "allDates": "web_all_dates", "untilDate": "web_until_date", "onlyDate": "web_only_date",
    "swipe": "web_swipe", "noFull": "web_no_full", "others": "web_others",
}
_PRINTED = {
    "panel": "web_panel", "search": "web_search", "results": "web_results", "legend": "legend",
    "table": "web_table", "filter": "web_filter", "tools": "web_tools", "time": "web_time",
    "play": "web_play", "only": "web_only", "noscript": "web_noscript", "synthetic": "synthetic",
    "all_notes": "web_all_notes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A layer of a page, and the side of the swipe it is on ("" for both)."""

    layer: LayerSpec
    side: str = ""
    muted: bool = False


def script_words(spec: MapSpec) -> dict[str, str]:
    """Return the words that the page's own script says."""
    words = {
        # The script fills the values in itself.
        name: _template(key, spec.language) for name, key in _SPOKEN.items()
    }
    counted = "；".join(
        f"{layer.title} {len(layer.frame):,} {layer.unit_word}".strip()
        for layer in spec.layers
        if layer.frame is not None and layer.show
    )
    words["alt"] = text("web_alt", spec.language, title=spec.title, summary=counted)
    return words


def _template(key: str, language: str) -> str:
    names = ("count", "shown", "unit", "value", "date")
    return text(key, language, **{name: "{" + name + "}" for name in names})


def body(
    spec: MapSpec, placed: Sequence[Placed], *, swiped: tuple[str, str] | None, data: str
) -> str:
    """Return the page around the map; every value is escaped."""
    words = {name: text(key, spec.language) for name, key in _PRINTED.items()}
    tools = [
        {"key": key, "icon": icon, "state": Markup(state),
         "word": text({"panel": "web_fold"}.get(key, f"web_{key}"), spec.language)}
        for key, icon, state in _TOOLS
    ]
    # What the map shows comes first, lines and ground after its classes, then what it only offers;
    # each from the top layer down.
    in_order = sorted(enumerate(placed), key=lambda entry: (
        not entry[1].layer.show, not _counted(entry[1].layer), -entry[0]))
    legend = [
        _section(place, one, spec, swiped)
        for place, one in in_order
        if not one.muted and not style(one.layer.style, kind=one.layer.kind).label_only
    ]
    return _templates().render(
        spec=spec,
        # The sides of a swipe bear their own names on the map.
        subtitle="" if swiped and spec.subtitle in swiped else spec.subtitle,
        words=words | {"standing": standing(spec)},
        legend=legend,
        searchable=any(one.layer.search for one in placed),
        timed=any(one.layer.when for one in placed),
        table=_table(spec),
        notes=notes(spec, placed),
        lines=provenance_lines(spec),
        tools=tools,
        # JSON has escaped itself for a script element.
        data=Markup(data),
    )


@cache
def _templates() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string((ASSETS / "page.html").read_text(encoding="utf-8"))


def standing(spec: MapSpec) -> str:
    """Return what may be done with the map: internal, a sketch, or approved under a number."""
    if spec.audience == "internal":
        return text("internal_line", spec.language)
    if spec.map_number:
        return text("web_number", spec.language, value=spec.map_number)
    return text("draft_line", spec.language)


def notes(spec: MapSpec, placed: Sequence[Placed]) -> list[str]:
    """Return the notes of the map, and the one on rounded points if it is public and has any."""
    rounded = spec.audience == "public" and any(
        one.layer.kind in ("points", "graduated") for one in placed
    )
    return [*spec.notes, *([text("web_rounded", spec.language)] if rounded else [])]


def provenance_lines(spec: MapSpec) -> list[str]:
    """Return source, date, rule pack, run and projection, those that are given."""
    language = spec.language
    given = {
        "web_source": spec.source, "web_date": spec.date_text, "web_rules": spec.rule_pack,
        "web_run": spec.run_id, "web_projection": "-",
    }
    return [text(key, language, value=value) for key, value in given.items() if value]


def _counted(layer: LayerSpec) -> bool:
    return layer.classes is not None or layer.size is not None or layer.kind == "points"


def _section(
    place: int, one: Placed, spec: MapSpec, swiped: tuple[str, str] | None
) -> dict[str, Any]:
    layer = one.layer
    count = 0 if layer.frame is None else len(layer.frame)
    counted = layer.frame is not None and bool(layer.unit_word or layer.classes is not None)
    return {
        "place": place,
        "name": layer.name,
        "title": layer.title,
        "show": layer.show,
        "joined": bool(layer.joined),
        # Two layers that are compared bear the names of their sides already.
        "side": "" if layer.title in (swiped or ()) else dict(
            zip(("left", "right"), swiped or (), strict=False)).get(one.side, ""),
        "swatch": layer.frame is not None and layer.size is None,
        "classes": _classes(layer, spec),
        "total": text("web_total", spec.language, count=f"{count:,}", unit=layer.unit_word)
        if counted else "",
        "sizes": _sizes(layer),
        "ramp": _ramp(layer, spec),
        "remarks": _remarks(layer, spec),
    }


def _classes(layer: LayerSpec, spec: MapSpec) -> list[dict[str, Any]]:
    if layer.palette is None:
        return []
    if layer.raster is not None:
        return _raster_classes(layer, spec)
    if layer.classes is None:
        return []
    counts, words = layer.counts(), palette(layer.palette).words(spec.language)
    rows = [
        {"key": key, "code": code, "word": words[code], "count": f"{counts[code]:,}",
         "threshold": layer.thresholds.get(code, "")}
        for key, code in reversed(list(enumerate(palette(layer.palette).codes)))
    ]
    if counts[NO_DATA]:
        rows.append({"key": -1, "code": NO_DATA, "word": text("no_data", spec.language),
                     "count": f"{counts[NO_DATA]:,}", "threshold": ""})
    return rows


def _raster_classes(layer: LayerSpec, spec: MapSpec) -> list[dict[str, Any]]:
    assert layer.palette is not None
    chosen = palette(layer.palette)
    words, painted = chosen.words(spec.language), fills(chosen, spec.variant)
    return [
        {"key": None, "word": words[code], "colour": painted[code][0],
         "threshold": layer.thresholds.get(code, "")}
        for code in reversed(chosen.codes)
    ]


def _sizes(layer: LayerSpec) -> list[dict[str, Any]]:
    """Return round values, large to small, and the share of the largest symbol's width."""
    most = 0.0 if layer.size is None else float(layer.size.max(skipna=True))
    if not most > 0:
        return []
    power = 10.0 ** np.floor(np.log10(most))
    top = max(step for step in (1, 2, 5) if step * power <= most * (1 + 1e-9)) * power
    return [
        {"share": round(float(value / most), 6), "word": f"{value:,g} {layer.size_unit}".strip()}
        for value in (top, top / 2, top / 10)
    ]


def _ramp(layer: LayerSpec, spec: MapSpec) -> dict[str, str] | None:
    if layer.raster is None or layer.palette is not None:
        return None
    if len(set(picture.ramp(layer, spec))) == 1:
        return None  # shading alone has no scale
    low, high = picture.value_range(layer.raster)
    colours = ", ".join(picture.ramp(layer, spec))
    return {
        "background": f"linear-gradient(to right, {colours})",
        "low": f"{low:,.4g}", "high": f"{high:,.4g} {layer.unit_word}".strip(),
    }


def _remarks(layer: LayerSpec, spec: MapSpec) -> list[str]:
    if layer.frame is None:
        return []
    shapes = layer.frame.geometry.to_numpy()
    drawn = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    missing = int((~drawn).sum())
    frame = shapely.box(*spec.bounds())
    outside = int((~shapely.intersects(shapes[drawn], frame)).sum())
    found = []
    if missing:
        found.append(text("web_unplaced", spec.language, count=missing))
    if outside:
        found.append(text("web_outside", spec.language, count=outside))
    return found


def _table(spec: MapSpec) -> dict[str, Any] | None:
    if spec.table is None:
        return None
    colours: Mapping[str, tuple[str, str]] = {}
    words: Mapping[str, str] = {}
    if spec.class_column:
        chosen = palette(spec.table_palette)
        colours, words = fills(chosen, spec.variant), chosen.words(spec.language)
    heads = [str(head) for head in spec.table.columns]
    missing = text("no_data", spec.language)
    rows = []
    for values in spec.table.itertuples(index=False):
        cells = []
        for head, value in zip(heads, values, strict=True):
            chip = head == spec.class_column
            empty = not isinstance(value, str) and bool(pd.isna(value))
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            shown = missing if empty else f"{value:,}" if number else str(value)
            cells.append({
                "text": words.get(shown, shown) if chip else shown,
                "number": number and not empty,
                "colour": colours[shown][0] if chip and shown in colours else "",
            })
        rows.append(cells)
    return {"heads": heads, "rows": rows}


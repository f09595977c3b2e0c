"""What the legend says, as data: rows of words, colours and counts, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from qzrisk.levels import NO_DATA_FILL, NO_DATA_HATCH, palette
from qzrisk.maps.spec import NO_DATA, LayerSpec, MapSpec
from qzrisk.maps.style import CLASSED_LINE, INK, Style, fills, point_shapes, style
from qzrisk.text import text


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendRow:
    """One line of a legend.

    Attributes
    ----------
    layer : name of its layer.
    swatch : ``"heading"``, ``"fill"``, ``"no_data"``, ``"point"``, ``"sized"``, ``"line"`` or
        ``"ramp"``.
    words, note, count : printed left, small beside, and right (None prints nothing).
    code : class code, or "".
    colour, hatch, marker, size_pt, look : how the sample is drawn.
    """

    layer: str
    swatch: str
    words: str
    note: str = ""
    count: int | None = None
    unit_word: str = ""
    code: str = ""
    colour: str = ""
    hatch: str = ""
    marker: str = "o"
    size_pt: float = 4.0
    look: Style = field(default_factory=Style)


def legend_rows(spec: MapSpec) -> list[LegendRow]:
    """Return the rows of a map's legend, top to bottom; classes high to low, then the missing.

    Empty classes are listed with 0; the row of the missing appears where something is missing.
    """
    rows: list[LegendRow] = []
    for layer in spec.layers:
        if layer.show:
            rows.extend(_rows(layer, spec))
    # What belongs to no class comes after all classes, then areas without data; plain lines close
    # the legend, boundaries strongest first as they are given last.
    single = [row for row in rows if not row.code]
    apart = [row for row in single if row.swatch == "fill" or (
        row.swatch == "line" and row.count is not None)]
    empty = [row for row in single if row.swatch == "no_data"]
    plain = [row for row in single if row.swatch == "line" and row.count is None]
    ends = [*apart, *empty, *plain[::-1]]
    return [row for row in rows if row not in ends] + ends


def _rows(layer: LayerSpec, spec: MapSpec) -> list[LegendRow]:
    look = style(layer.style, kind=layer.kind)
    if look.label_only or not look.listed:
        return []
    if layer.kind == "graduated" and layer.size is not None:
        return _sized_rows(layer, look)
    if layer.palette and (layer.classes is not None or layer.kind == "raster"):
        return _class_rows(layer, spec, look)
    if layer.kind == "raster":
        return [
            LegendRow(layer=layer.name, swatch="heading", words=layer.title),
            LegendRow(layer=layer.name, swatch="ramp", words="", look=look,
                      unit_word=layer.unit_word),
        ]
    counted = layer.kind == "points" or look.hatched or bool(layer.unit_word)
    count = len(layer.frame) if counted and layer.frame is not None else None
    swatch = {"points": "point", "choropleth": "fill"}.get(layer.kind, "line")
    if look.hatched:
        swatch = "no_data"
    return [
        LegendRow(layer=layer.name, swatch=swatch, words=layer.title, count=count,
                  unit_word=layer.unit_word, colour=look.face or "",
                  hatch=NO_DATA_HATCH if look.hatched else "", marker=look.marker,
                  size_pt=look.size_pt, look=look)
    ]


_SWATCHES = {"points": "point", "lines": "line"}


def _class_rows(layer: LayerSpec, spec: MapSpec, look: Style) -> list[LegendRow]:
    assert layer.palette is not None
    chosen = palette(layer.palette)
    words, counts = chosen.words(spec.language), layer.counts()
    painted = fills(chosen, spec.variant)
    shapes = dict(zip(chosen.codes, point_shapes(layer.palette, len(chosen.codes)), strict=True))
    pointed = layer.kind == "points"
    if pointed and spec.variant == "grey":
        look = replace(look, edge=INK)
    rows = [LegendRow(layer=layer.name, swatch="heading", words=layer.title,
                      unit_word=layer.unit_word)]
    for code in reversed(chosen.codes):
        colour, hatch = painted[code]
        marker, size = shapes[code]
        sample = look if layer.kind != "lines" else replace(
            look, edge=colour, dash=(), casing_pt=0.0, width_pt=CLASSED_LINE * look.width_pt)
        rows.append(LegendRow(
            layer=layer.name, swatch=_SWATCHES.get(layer.kind, "fill"), words=words[code],
            note=layer.thresholds.get(code, ""), count=counts.get(code), code=code, colour=colour,
            hatch=hatch, marker=marker, size_pt=look.scale * size, look=sample,
        ))
    if counts.get(NO_DATA):
        rows.append(LegendRow(
            layer=layer.name, swatch="point" if pointed else "no_data", code=NO_DATA,
            words=text("no_data", spec.language), count=counts[NO_DATA], colour=NO_DATA_FILL,
            hatch=NO_DATA_HATCH, look=look,
        ))
    return rows


def _sized_rows(layer: LayerSpec, look: Style) -> list[LegendRow]:
    assert layer.size is not None
    unit = bracketed(layer.size_unit)
    heading = f"{layer.title} {unit}" if unit.isascii() and unit else layer.title + unit
    rows = [LegendRow(layer=layer.name, swatch="heading", words=heading)]
    most = float(layer.size.max(skipna=True)) if layer.size.notna().any() else 0.0
    whole = bool((layer.size.dropna() % 1 == 0).all())
    for value in size_steps(most, whole=whole):
        rows.append(LegendRow(layer=layer.name, swatch="sized", words=f"{value:,.10g}", look=look,
                              colour=look.face or "", size_pt=symbol_pt(value, most)))
    return rows


def bracketed(unit: str) -> str:
    """Return a unit in brackets of its script, "" for none.

    Examples
    --------
    >>> bracketed("个"), bracketed("units"), bracketed("")
    ('（个）', '(units)', '')
    """
    if not unit:
        return ""
    return f"({unit})" if unit.isascii() else f"（{unit}）"


def size_steps(most: float, *, whole: bool = False) -> list[float]:
    """Return up to three round values, large to small, that explain graduated symbols.

    Counts (`whole`) get whole steps: there is no half an enterprise.

    Examples
    --------
    >>> size_steps(206.2)
    [200.0, 100.0, 20.0]
    >>> size_steps(5, whole=True)
    [5.0, 2.0, 1.0]
    """
    if not most > 0:
        return []
    power = 10.0 ** np.floor(np.log10(most))
    top = float(max(step for step in (1, 2, 5) if step * power <= most * (1 + 1e-9)) * power)
    steps = [top, top / 2, top / 10]
    if whole:
        steps = sorted({max(1.0, float(np.floor(step))) for step in steps}, reverse=True)
    return steps


LARGEST_SYMBOL_PT = 26.0


def symbol_pt(value: float, most: float) -> float:
    """Return the width in points of a symbol whose area is proportional to its value."""
    return LARGEST_SYMBOL_PT * float(np.sqrt(max(value, 0.0) / most)) if most > 0 else 0.0

"""How things look, as data: inks, papers, line and symbol styles, ramps; light to import.

Widths and sizes are points on an A4 page; every back end scales them to its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from qzrisk.errors import ConfigError
from qzrisk.levels import Palette

INK = "#22303a"
INK_SOFT = "#5d6973"
RULE = "#cfd6da"
STRIPE = "#f4f6f7"
PAPER = "#ffffff"
SEA = "#e3eef5"
SEA_INK = "#4b7da1"
LAND = "#f6f3ec"
GROUND = "#f9f7f1"
"""What a map is about, where no layer fills it."""
LAND_INK = "#8f8777"
SEAL = "#a8322f"
"""The red of the internal stamp and of the sketch-map line; never a class colour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One look.

    Attributes
    ----------
    face : fill colour, or None for no fill.
    edge : line colour, or None for no line.
    width_pt : line width.
    dash : on-off lengths in line widths, empty for a solid line.
    casing_pt : white added on both sides under the line, so that equal neighbours do not merge.
    marker : symbol, ``o s ^ D`` as in matplotlib.
    size_pt : symbol width.
    water_lined : draw faint lines of depth off the shore of this land.
    label_pt, label_colour, bold : lettering; 0 chooses the size by the number of labels.
    label_only : only the names are drawn, e.g. of a sea.
    listed : has rows in the legend; False for fills that only tell neighbours apart.
    hatched : hatched as missing, whatever the face.
    clear : names keep off these symbols.
    inner_only : only edges shared by two polygons are drawn, none along a coast.
    ramp : colours low to high of a continuous raster.
    scale : factor on the symbols of classed points, for maps of a small area.
    """

    face: str | None = None
    edge: str | None = None
    width_pt: float = 0.5
    dash: tuple[float, ...] = ()
    casing_pt: float = 0.0
    marker: str = "o"
    size_pt: float = 4.0
    water_lined: bool = False
    label_pt: float = 0.0
    label_colour: str = INK
    bold: bool = True
    label_only: bool = False
    listed: bool = True
    hatched: bool = False
    clear: bool = False
    inner_only: bool = False
    ramp: tuple[str, ...] = ()
    scale: float = 1.0


STYLES: Mapping[str, Style] = {
    # boundaries, strongest first
    "city_line": Style(edge=INK, width_pt=1.3, casing_pt=0.6),
    "county_line": Style(edge="#4a3a33", width_pt=0.6, dash=(9, 2.4, 1.4, 2.4), casing_pt=0.6),
    "town_line": Style(edge="#6d5f57", width_pt=0.32, dash=(1.2, 2.2), casing_pt=0.35, bold=False),
    # ground
    "land": Style(face=LAND, edge="#a9b9c4", width_pt=0.35, water_lined=True),
    "neighbours": Style(
        face=None, edge="#bdb5a6", width_pt=0.5, dash=(7, 2.2, 1.2, 2.2),
        label_pt=8.5, label_colour=LAND_INK, bold=False, inner_only=True,
    ),
    "county_name": Style(label_pt=7.6, label_colour="#7a2e1d", label_only=True),
    "town_name": Style(bold=False, label_only=True),
    "village_name": Style(bold=False),
    # units beside the one a page is about
    "around": Style(face="#e6e3dc", label_pt=6.4, label_colour=LAND_INK, bold=False),
    "sea_name": Style(label_pt=9.5, label_colour=SEA_INK, bold=False, label_only=True),
    "river": Style(edge="#8fb6d3", width_pt=0.6),
    "no_data": Style(face="#f4f4f1", edge="#8a8f94", width_pt=0.4, hatched=True),
    "unit": Style(face="#ece6d8", edge="#b9ad95", width_pt=0.4),
    **{f"tint_{rank}": Style(face=face, listed=False) for rank, face in enumerate(
        ("#efe6cf", "#dfe8d3", "#e3dcec", "#d5e4ea", "#f3dcd3"))},
    # lines
    "road": Style(edge="#a4722f", width_pt=0.35),
    "main_road": Style(edge="#a4722f", width_pt=0.9, casing_pt=0.4),
    "railway": Style(edge=INK, width_pt=0.9, dash=(6, 3), casing_pt=0.4),
    "track": Style(edge="#8a3b6b", width_pt=0.8, dash=(5, 2)),
    # unclassed points
    "point": Style(face="#2f5d8a", edge=PAPER, width_pt=0.35, size_pt=3.6),
    "shelter": Style(face="#2b7f6d", edge=PAPER, width_pt=0.3, size_pt=3.2),
    "shelter_near": Style(face="#2b7f6d", edge=PAPER, width_pt=0.4, size_pt=4.6, scale=1.6),
    "team": Style(face="#7a1f3d", edge=PAPER, width_pt=0.35, marker="s", size_pt=4.2),
    # Pale classes need an edge; symbols in rows stand for a number and must all be seen.
    "firm": Style(edge="#4f5a63", width_pt=0.3),
    "in_rows": Style(edge="#4f5a63", width_pt=0.3, clear=True),
    "graduated": Style(face="#2f5d8a", edge=PAPER, width_pt=0.5),
    # rasters
    "rain": Style(ramp=("#f2f8fc", "#b9d7ea", "#6aa5d8", "#2f6aa8", "#16335f")),
    "heat": Style(ramp=("#fdf6e3", "#f6dc74", "#ee9347", "#c8393b", "#6d1420")),
    "elevation": Style(ramp=("#dfe8d2", "#f0ead0", "#d9c29a", "#b08c63", "#7d5d43")),
    # shading alone: white where the light falls
    "shade": Style(ramp=("#ffffff", "#ffffff")),
    "persons": Style(ramp=("#f7f1f5", "#d9b8d1", "#b07ba6", "#7b3f73", "#3f1a3c")),
}

CLASSED_LINE = 2.2
"""Lines in the colours of classes are so many times as wide as plain ones of their style."""

_BY_KIND = {
    "choropleth": "unit", "points": "point", "graduated": "graduated", "lines": "road",
    "outline": "county_line", "raster": "heat",
}

POINT_SHAPES: Mapping[str, tuple[tuple[str, float], ...]] = {
    # Few important ones stand out among many small ones; shapes differ for readers without colour.
    "tier": (("o", 2.3), ("s", 3.9), ("D", 6.2)),
    "safety": (("o", 4.2), ("^", 5.2), ("s", 4.5), ("D", 4.9)),
    # What cannot be used stands out from what can.
    "shelter_use": (("o", 2.2), ("s", 2.8), ("^", 3.2), ("D", 3.8), ("o", 2.6)),
    "census_stage": (("o", 3.0), ("o", 3.0), ("o", 3.0)),
    "danger_state": (("o", 3.0), ("o", 3.0)),
}
_SHAPES = (("o", 3.6), ("^", 4.4), ("s", 4.0), ("D", 4.6))


def style(key: str, *, kind: str = "outline") -> Style:
    """Return the look of that name, or the kind's own for an empty one.

    Raises
    ------
    ConfigError
        If no look has that name; the nearest is proposed.

    Examples
    --------
    >>> style("city_line").width_pt > style("county_line").width_pt > style("town_line").width_pt
    True
    """
    try:
        return STYLES[key or _BY_KIND[kind]]
    except KeyError:
        near = get_close_matches(key, STYLES, n=1)
        raise ConfigError(
            "unknown style", expected=", ".join(STYLES), got=repr(key),
            mend=f"did you mean {near[0]!r}?" if near else "",
        ) from None


def point_shapes(product: str, count: int) -> tuple[tuple[str, float], ...]:
    """Return marker and width in points of each of `count` classes, low to high."""
    shapes = POINT_SHAPES.get(product, _SHAPES)
    return tuple(shapes[rank % len(shapes)] for rank in range(count))


def fills(chosen: Palette, variant: str = "colour") -> dict[str, tuple[str, str]]:
    """Return class code -> (fill colour, hatch) of a palette in one of its variants.

    Notes
    -----
    ``"colour_blind"`` adds the palette's hatches. ``"grey"`` replaces colour by a ramp that darkens
    with severity; severity grows with the density of the palette's hatches.

    Examples
    --------
    >>> from qzrisk.levels import palette
    >>> fills(palette("risk"), "grey")["red"], fills(palette("risk"))["red"]
    (('#4c4c4c', ''), ('#c8393b', ''))
    """
    if variant == "colour":
        return {code: (colour, "") for code, colour in chosen.colour().items()}
    if variant == "colour_blind":
        return dict(zip(chosen.codes, zip(chosen.colours, chosen.hatches, strict=True),
                        strict=True))
    worst_first = bool(chosen.hatches[0]) and not chosen.hatches[-1]
    codes = tuple(reversed(chosen.codes)) if worst_first else chosen.codes
    return {code: (grey, "") for code, grey in zip(codes, _greys(len(codes)), strict=True)}


def _greys(count: int) -> list[str]:
    lightest, darkest = 0xEE, 0x4C
    step = (lightest - darkest) / max(count - 1, 1)
    return [f"#{round(lightest - rank * step):02x}" + f"{round(lightest - rank * step):02x}" * 2
            for rank in range(count)]


def ink_on(fill: str) -> str:
    """Return the ink, dark or white, that reads on a fill (relative luminance of WCAG 2).

    Examples
    --------
    >>> ink_on("#f6dc74"), ink_on("#c8393b")
    ('#22303a', '#ffffff')
    """
    channels = [int(fill[start:start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return INK if luminance > 0.28 else PAPER

"""The interactive map: one HTML file with everything inside, which never asks the network.

Leaflet, by way of folium, moves and scales the map; one canvas of our own draws it. A content
security policy in the page lets no address be loaded and no script run but the page's own.
"""

from __future__ import annotations

import html as markup
import re
from pathlib import Path
from typing import Any

from qzrisk.assets import missing_glyphs, subset_font_css
from qzrisk.errors import ConfigError
from qzrisk.files import write_text
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.maps.web import page
from qzrisk.maps.web.contents import contents
from qzrisk.maps.web.embedding import Figure, embed, link
from qzrisk.maps.web.page import Placed
from qzrisk.maps.web.shell import SLOT, policy, shell
from qzrisk.maps.web.tiles import Tiles, tiles_of

__all__ = ["Figure", "Tiles", "embed", "figure", "html", "link", "save"]


def html(
    spec: MapSpec,
    *,
    after: MapSpec | None = None,
    swipe: tuple[str, str] | None = None,
    tiles: str | Tiles | None = None,
) -> str:
    """Draw a map as one self-contained page.

    Parameters
    ----------
    spec : MapSpec
        What to draw; only columns named in ``fields``, ``search``, ``label`` and ``when`` of a
        layer enter the page.
    after : MapSpec, optional
        A second map of the same frame, drawn right of a divider that the reader moves.
    swipe : (str, str), optional
        Names of two layers of `spec` to compare in the same way.
    tiles : Tiles or str, optional
        Raster tiles of the reader's own service, or the address of them; the one thing that makes
        the page ask the network. The project's own layers are the ground without them, and until
        the first of them has come.

    Returns
    -------
    str
        HTML; equal inputs give equal text.

    Raises
    ------
    ConfigError
        If `after` and `swipe` are both given, a name of `swipe` is unknown, the two maps differ in
        CRS, or `tiles` is no address of tiles.

    Notes
    -----
    Points of a public map are rounded to 0.001 degree, which its notes say.
    """
    placed, sides = _placed(spec, after, swipe)
    ground = tiles_of(tiles)
    data = contents(spec, placed, sides, ground)
    body = page.body(spec, placed, swiped=sides, data=data)
    characters = set(body) | set((page.ASSETS / "tools.js").read_text(encoding="utf-8"))
    drawn = "".join(sorted(characters - set(missing_glyphs("".join(characters)))))
    fonts = "".join(subset_font_css(drawn, weight) for weight in ("Regular", "Bold"))
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy(ground)}">'
        f"<title>{markup.escape(spec.title)}</title><style>{fonts}</style>"
    )
    whole = {
        f"<!--{SLOT}-->": body,
        f"<!--{SLOT}-head-->": head,
        f"{SLOT}-lang": {"zh": "zh-CN"}.get(spec.language, spec.language),
    }
    drawn_page = re.sub("|".join(map(re.escape, whole)), lambda found: whole[found[0]], shell())
    # Lone surrogates, which no UTF-8 page can hold, become question marks.
    return drawn_page.encode("utf-8", "replace").decode("utf-8")


def save(
    spec: MapSpec,
    path: str | Path,
    *,
    after: MapSpec | None = None,
    swipe: tuple[str, str] | None = None,
    tiles: str | Tiles | None = None,
) -> Path:
    """Write the page of `html` to a file and return its path.

    Raises
    ------
    ConfigError
        As `html`, or if the disk refuses.
    """
    return write_text(path, html(spec, after=after, swipe=swipe, tiles=tiles))


def figure(spec: MapSpec, *, height_px: int = 620, **options: Any) -> Figure:
    """Return the map as an object that displays itself in a notebook; options as in `html`."""
    return Figure(spec, html(spec, **options), height_px)


def _placed(
    spec: MapSpec, after: MapSpec | None, swipe: tuple[str, str] | None
) -> tuple[list[Placed], tuple[str, str] | None]:
    context = [Placed(layer=layer, muted=True) for layer in spec.context]
    if after is None and swipe is None:
        return [*context, *(Placed(layer=layer) for layer in spec.layers)], None
    if after is not None:
        if swipe is not None or after.crs != spec.crs:
            raise ConfigError(
                "compare two layers or two maps of one CRS", where=spec.name,
                expected=f"swipe or after, crs {spec.crs}", got=f"swipe {swipe}, crs {after.crs}",
            )
        sides = (spec.subtitle or spec.title, after.subtitle or after.title)
        return [*context, *_paired(spec, after)], sides
    assert swipe is not None
    left, right = (spec.layer(name) for name in swipe)
    side = {left.name: "left", right.name: "right"}
    layers = [Placed(layer=layer, side=side.get(layer.name, "")) for layer in spec.layers]
    return [*context, *layers], (left.title, right.title)


def _paired(spec: MapSpec, after: MapSpec) -> list[Placed]:
    """Return the layers of two maps, each on its side; what is the same in both stands once."""
    others = {layer.name: layer for layer in after.layers}
    placed = []
    for layer in spec.layers:
        other = others.pop(layer.name, None)
        if other is not None and _same(layer, other):
            placed.append(Placed(layer=layer))
            continue
        if other is not None:
            placed.append(Placed(layer=other, side="right"))
        placed.append(Placed(layer=layer, side="left"))
    return [*placed, *(Placed(layer=other, side="right") for other in others.values())]


def _same(one: LayerSpec, other: LayerSpec) -> bool:
    if one.frame is not other.frame or one.kind != other.kind or one.raster is not other.raster:
        return False
    if one.classes is None or other.classes is None:
        return one.classes is other.classes and one.size is other.size
    return bool(one.classes.equals(other.classes))

"""The page without a map in it: Leaflet by way of folium, our scripts and styles, the policy."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache

from qzrisk.assets import inline
from qzrisk.maps.web.page import ASSETS
from qzrisk.maps.web.tiles import Tiles

SCRIPTS = ("model.js", "labels.js", "board.js", "hits.js", "panel.js", "find.js", "tools.js")
SLOT = "qz-page-goes-here"
"""Where body, head and language of a map are put."""


def policy(tiles: Tiles | None) -> str:
    """Return what the page may do: run its own scripts, show its own pictures and fonts."""
    scripts = re.findall(r"<script>(.*?)</script>", shell(), re.DOTALL)
    own = " ".join(map(_digest, scripts))
    hosts = "".join(f" {host}" for host in tiles.hosts()) if tiles else ""
    # Page inspectors and test drivers evaluate strings; the page's own scripts never do.
    return (
        f"default-src 'none'; script-src 'unsafe-eval' {own}; style-src 'unsafe-inline'; "
        f"img-src data: blob:{hosts}; font-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _digest(script: str) -> str:
    found = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(found).decode('ascii')}'"


@cache
def shell() -> str:
    """Return the page of an empty map with all scripts and styles in it, the same on every run."""
    import folium
    from branca.element import Element, Figure

    root = Figure()
    root._id = "page"
    css = (ASSETS / "page.css").read_text(encoding="utf-8")
    root.header.add_child(Element(f"<!--{SLOT}-head--><style>{css}</style>"), name="qz")
    root.html.add_child(Element(f"<!--{SLOT}-->"), name="qz")
    world = folium.Map(tiles=None, prefer_canvas=True, zoom_control=False)
    world._id = "qz"
    world.default_js = [entry for entry in world.default_js if entry[0] == "leaflet"]
    world.default_css = [entry for entry in world.default_css if entry[0] == "leaflet_css"]
    root.add_child(world)
    rendered = root.render()
    scripts = "\n".join((ASSETS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    own = f"\n(() => {{\n'use strict';\nconst map = {world.get_name()};\n{scripts}}})();\n"
    # Zooming is a reader's right: folium's viewport forbids it.
    rendered = re.sub(
        r'<meta name="viewport".*?/>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        rendered,
        flags=re.DOTALL,
    )
    rendered = rendered.replace("<html>", f'<html lang="{SLOT}-lang">', 1)
    before, after = rendered.rsplit("</script>", 1)
    return inline(f"{before}{own}</script>{after}")

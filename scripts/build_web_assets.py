"""Vendor the web scripts that the interactive map inlines, from exact npm versions.

Minimal files only (minified script, style sheet, the images the sheet names), each package with
its licence, and ``manifest.json``: version, licence, hash, size, what was changed, and the
addresses that folium and its plugins print for which each file stands in.

    python scripts/build_web_assets.py
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from packages import PACKAGES, fetch

from qzrisk.assets.page import css_addresses, external_urls
from qzrisk.errors import QzriskError
from qzrisk.files import sha256, write_bytes, write_text

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "qzrisk" / "assets" / "web"
FOLIUM = "0.20.0"
JSDELIVR = "https://cdn.jsdelivr.net"
CLOUDFLARE = "https://cdnjs.cloudflare.com/ajax/libs"


class Edit(NamedTuple):
    """A change made to a vendored text: said in words, done by a pattern that matches once."""

    words: str
    pattern: str
    replacement: str


class File(NamedTuple):
    """One vendored file: where it comes from, what it stands in for, what was changed."""

    source: str
    urls: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()
    lang: str = ""
    target: str = ""
    used_by: tuple[str, ...] = ()


NO_FLAG = Edit(
    "default attribution prefix is the plain word Leaflet, without link and flag",
    r"""prefix:'<a href="https://leafletjs\.com".*?"Leaflet</a>"\}""",
    'prefix:"Leaflet"}',
)
NO_ATTRIBUTION = Edit(
    "no default attribution: tiles are cut from the project's own layers",
    r"""'<a href="https://protomaps\.com">Protomaps</a> \S+ <a href="[^"]+">OpenStreetMap</a>'""",
    '""',
)
PLAIN_SCRIPT = (
    Edit("wrapped as a plain script", r"\Avar L = require\('leaflet'\)\n", "(function () {\n"),
    Edit(
        "style sheets are files of their own",
        r"require\('\./layout\.css'\)\nrequire\('\./range\.css'\)\n",
        "",
    ),
    Edit("no module export", r"\nmodule\.exports = .*\s*\Z", "})()\n"),
)
MEASURE = f"{JSDELIVR}/gh/ljagis/leaflet-measure@2.1.7/dist/leaflet-measure.min"
CLUSTER = f"{CLOUDFLARE}/leaflet.markercluster/1.1.0"
MINIMAP = f"{CLOUDFLARE}/leaflet-minimap/3.6.1/Control.MiniMap"
GROUPED = f"{CLOUDFLARE}/leaflet-groupedlayercontrol/0.6.1/leaflet.groupedlayercontrol.min"
FULLSCREEN = f"{JSDELIVR}/npm/leaflet.fullscreen@3.0.0/Control.FullScreen"
SIDE_BY_SIDE = f"{JSDELIVR}/gh/digidem/leaflet-side-by-side@2.0.0/leaflet-side-by-side.min.js"
JQUERY = (
    "https://code.jquery.com/jquery-3.7.1.min.js",
    f"{CLOUDFLARE}/jquery/3.7.1/jquery.min.js",
)

# Package -> (its licence file, or the package that has the same holder's text; its files).
FILES: dict[str, tuple[str, tuple[File, ...]]] = {
    "leaflet": (
        "LICENSE",
        (
            File("dist/leaflet.js", (f"{JSDELIVR}/npm/leaflet@1.9.3/dist/leaflet.js",), (NO_FLAG,)),
            File("dist/leaflet.css", (f"{JSDELIVR}/npm/leaflet@1.9.3/dist/leaflet.css",)),
            File("dist/images/marker-icon-2x.png"),
            File("dist/images/marker-shadow.png"),
        ),
    ),
    "leaflet.markercluster": (
        "MIT-LICENCE.txt",
        (
            File("dist/leaflet.markercluster.js", (f"{CLUSTER}/leaflet.markercluster.js",)),
            File("dist/MarkerCluster.css", (f"{CLUSTER}/MarkerCluster.css",)),
            File("dist/MarkerCluster.Default.css", (f"{CLUSTER}/MarkerCluster.Default.css",)),
        ),
    ),
    "leaflet-minimap": (
        "LICENSE.txt",
        (
            File("dist/Control.MiniMap.min.js", (f"{MINIMAP}.js",)),
            File("dist/Control.MiniMap.min.css", (f"{MINIMAP}.css",)),
        ),
    ),
    "leaflet.fullscreen": (
        "LICENSE",
        (
            File("Control.FullScreen.js", (f"{FULLSCREEN}.min.js",)),
            File("Control.FullScreen.css", (f"{FULLSCREEN}.css",)),
        ),
    ),
    "leaflet-measure": (
        "LICENSE",
        (
            File("dist/leaflet-measure.cn.js", (f"{MEASURE}.js",), lang="zh"),
            File("dist/leaflet-measure.en.js", (f"{MEASURE}.js",), lang="en"),
            File("dist/leaflet-measure.css", (f"{MEASURE}.css",)),
        ),
    ),
    "leaflet-groupedlayercontrol": (
        "LICENSE.txt",
        (
            File("dist/leaflet.groupedlayercontrol.min.js", (f"{GROUPED}.js",)),
            File("dist/leaflet.groupedlayercontrol.min.css", (f"{GROUPED}.css",)),
        ),
    ),
    "leaflet-side-by-side": (
        "LICENSE",
        (
            # folium asks for a bundle that brings its sheets along: all three stand in for it.
            File("layout.css", (SIDE_BY_SIDE,)),
            File("range.css", (SIDE_BY_SIDE,)),
            File("index.js", (SIDE_BY_SIDE,), PLAIN_SCRIPT, target="leaflet-side-by-side.js"),
        ),
    ),
    "jquery": (
        "LICENSE.txt",
        (File("dist/jquery.min.js", JQUERY, used_by=("$(", "$.", "jQuery")),),
    ),
    "pmtiles": ("protomaps-leaflet/LICENSE", (File("dist/pmtiles.js"),)),
    "protomaps-leaflet": (
        "LICENSE",
        (File("dist/protomaps-leaflet.js", edits=(NO_ATTRIBUTION,)),),
    ),
}

# Addresses that every folium page prints and that no page of ours needs: dropped, unless the page
# shows one of the given signs of use, which is an error since nothing stands in for them.
BOOTSTRAP = ("new bootstrap.", "data-bs-toggle", "data-bs-target")
AWESOME_MARKERS = ("L.AwesomeMarkers",)
AWESOME = f"{CLOUDFLARE}/Leaflet.awesome-markers/2.0.2/leaflet.awesome-markers"
DROPPED = {
    f"{JSDELIVR}/npm/bootstrap@5.2.2/dist/js/bootstrap.bundle.min.js": BOOTSTRAP,
    f"{JSDELIVR}/npm/bootstrap@5.2.2/dist/css/bootstrap.min.css": BOOTSTRAP,
    "https://netdna.bootstrapcdn.com/bootstrap/3.0.0/css/bootstrap-glyphicons.css": (
        "glyphicon glyphicon-",
    ),
    f"{JSDELIVR}/npm/@fortawesome/fontawesome-free@6.2.0/css/all.min.css": (
        *(f"fa{style} fa-" for style in ("", "s", "r", "b", "-solid", "-regular", "-brands")),
    ),
    f"{AWESOME}.js": AWESOME_MARKERS,
    f"{AWESOME}.css": AWESOME_MARKERS,
    f"{JSDELIVR}/gh/python-visualization/folium/folium/templates/leaflet.awesome.rotate.min.css": (
        AWESOME_MARKERS
    ),
}
SOURCE_MAP = re.compile(r"\n?(?://|/\*)# sourceMappingURL=\S*(?: ?\*/)?\s*\Z")


def edited(text: str, file: File) -> tuple[str, list[str]]:
    """Return the text as it is vendored, and in words what was changed."""
    changed = []
    for edit in file.edits:
        text, times = re.subn(edit.pattern, lambda _: edit.replacement, text, flags=re.DOTALL)  # noqa: B023
        if times != 1:
            raise QzriskError("an edit no longer fits", where=file.source, got=edit.words)
        changed.append(edit.words)
    text, times = SOURCE_MAP.subn("\n", text)
    if times:
        changed.append("source map reference removed")
    return text, changed


def vendor(package: str, file: File, tree: Path, web: Path) -> dict[str, dict[str, object]]:
    """Write one file, and the images a style sheet names, into `web`; return manifest entries."""
    relative = file.source.removeprefix("dist/")
    name = f"{package}/{file.target or relative}"
    entry: dict[str, object] = {"source": file.source}
    entries = {name: entry}
    if file.source.endswith((".js", ".css")):
        text, changed = edited((tree / file.source).read_text(encoding="utf-8"), file)
        left = external_urls(
            f"<script>{text}</script>" if name.endswith(".js") else f"<style>{text}</style>"
        )
        if left:
            raise QzriskError("a vendored file would ask the network", where=name, got=left)
        write_text(web / name, text)
        if changed:
            entry["changed"] = changed
        for image in css_addresses(text) if name.endswith(".css") else ():
            source = (Path(file.source).parent / image).as_posix()
            entries |= vendor(package, File(source), tree, web)
    else:
        write_bytes(web / name, (tree / file.source).read_bytes())
    for key in ("urls", "lang", "used_by"):
        if value := getattr(file, key):
            entry[key] = value
    path = web / name
    return entries | {name: entry | {"sha256": sha256(path), "size": path.stat().st_size}}


def build(packages: Path, web: Path) -> None:
    """Write every vendored file, the licences and the manifest into `web`."""
    trees = {package: fetch(package, packages) / "package" for package in FILES}
    about: dict[str, dict[str, str]] = {}
    files: dict[str, dict[str, object]] = {}
    for package, (licence, wanted) in FILES.items():
        # pmtiles ships no licence text; its package.json and its holder's other package say which.
        holder, _, file = licence.rpartition("/")
        text = (trees[holder or package] / file).read_text(encoding="utf-8")
        write_text(web / package / "LICENSE.txt", text.strip() + "\n")
        about[package] = {
            "version": PACKAGES[package].version,
            "licence": PACKAGES[package].licence,
            "licence_file": f"{package}/LICENSE.txt",
        }
        for item in wanted:
            files |= vendor(package, item, trees[package], web)
    manifest = {"folium": FOLIUM, "packages": about, "files": files, "dropped": DROPPED}
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    write_text(web / "manifest.json", text + "\n")


def main() -> None:
    """Fetch the packages and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder that keeps the fetched packages")
    chosen = parser.parse_args().packages
    with tempfile.TemporaryDirectory() as temporary:
        build(chosen.resolve() if chosen else Path(temporary), WEB)
    size = sum(path.stat().st_size for path in WEB.rglob("*") if path.is_file())
    sys.stdout.write(f"{len(FILES)} packages, {size:,} bytes in all\n")


if __name__ == "__main__":
    main()

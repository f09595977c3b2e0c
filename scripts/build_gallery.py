"""Shrink the maps of a run to a gallery: ``docs/gallery/``, a picture each and an index page.

    qzrisk run
    python scripts/build_gallery.py --maps outputs/maps --out docs/gallery

Pictures are JPEG of at most `MOST_BYTES`, all of them of `MOST_IN_ALL`; what is no map of the run
any more is removed. Pages of the atlas beside the maps are drawn by pdftoppm (poppler-utils,
`make system`).
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from PIL import Image
from pypdf import PdfReader

ROOT = Path(__file__).parents[1]
Shown = tuple[str, str, str, Image.Image]
MOST_BYTES, MOST_IN_ALL = 60_000, 1_500_000
WIDTHS_PX = (960, 840, 720, 640, 560)
QUALITIES = (82, 74, 66, 58)
ENGLISH = {
    "01_units": "Reporting units",
    "01_units_town": "Towns, every one named",
    "02_shelters": "Shelters by tier",
    "03_places": "Shelter places per person to be moved",
    "04_coverage": "Coverage by shelters",
    "05_unserved": "Persons without a place, by reason",
    "06_hazard_points": "Geological hazard points",
    "06_typhoon_tracks": "Typhoon tracks",
    "06_hazards": "Risk of each hazard by town",
    "06_typhoon_village": "Typhoon risk by village",
    "06": "Risk of one hazard",
    "07_risk": "Composite risk by county",
    "07_risk_village": "Composite risk by village",
    "08_confidence": "Confidence of the risk class",
    "09_risk_coverage": "Risk beside coverage by town",
    "10_fire_weather": "Fire-weather grade",
    "10_forest_zones": "Forest fire zones",
    "11_railway_points": "Hazard points along railways",
    "12_teams": "Rescue teams",
    "13_enterprises": "Work-safety risk of enterprises in four colours",
    "14_hidden_dangers": "Hidden dangers by county",
    "15_communities": "Demonstration communities",
    "16_census_progress": "Progress of the census",
    "17_official_figures": "Official figures and the data",
}
"""English captions by the beginning of a file's name; the longest that fits counts."""

ATLAS = {0: "Atlas: cover", 1: "Atlas: contents", 2: "Atlas: index map with page numbers",
         4: "Atlas: page of a unit", 5: "Atlas: appendix of methods and data"}
"""English captions of atlas pages by the rank of their entry in the outline; the maps of the
overview are in the gallery already."""
ATLAS_DPI = 96

HEAD = """# 图集样张 / Gallery

`qzrisk run` 的各幅专题图，缩小为小图；原图为 300 dpi PNG 和 PDF。
均由合成数据绘制，示意图，未经审图，不得公开发布。
由 `make gallery` 从 `outputs/maps/` 重建。

The maps that `qzrisk run` prints, made small; the originals are PNG at 300 dpi and PDF.
All are drawn from synthetic data: sketch maps, not reviewed, not for publication.
Rebuilt from `outputs/maps/` by `make gallery`.
"""


def caption(stem: str) -> str:
    """Return the English caption of a map.

    Examples
    --------
    >>> caption("07_risk_village"), caption("03_places_typhoon")
    ('Composite risk by village', 'Shelter places per person to be moved')
    """
    fitting = [start for start in ENGLISH if stem.startswith(start)]
    return ENGLISH[max(fitting, key=len)] if fitting else stem


def shrunk(plain: Image.Image, name: str, most: int) -> bytes:
    """Return a picture as JPEG of at most `most` bytes, as fine as fits."""
    data = b""
    for width in WIDTHS_PX:
        size = (width, round(plain.height * width / plain.width))
        small = plain.resize(size, Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            data = buffer.getvalue()
            if len(data) <= most:
                return data
    raise SystemExit(f"{name}: {len(data)} bytes at the smallest, expected <= {most}")


def map_pictures(paths: list[Path]) -> Iterator[Shown]:
    """Yield file stem, title, caption and picture of each map."""
    for path in paths:
        with Image.open(path) as picture:
            yield (path.stem, str(picture.info.get("Title", path.stem)), caption(path.stem),
                   picture.convert("RGB"))


def atlas_pages(path: Path) -> Iterator[Shown]:
    """Yield file stem, title, caption and picture of a page of each kind of the atlas."""
    reader = PdfReader(path)
    entries = [entry for entry in reader.outline if not isinstance(entry, list)]
    for rank, words in ATLAS.items():
        page = reader.get_destination_page_number(entries[rank]) + 1
        data = subprocess.run(["pdftoppm", "-r", str(ATLAS_DPI), "-f", str(page), "-l", str(page),
                               "-png", str(path)], capture_output=True, check=True).stdout
        yield (f"atlas_{rank}", str(entries[rank].title), words,
               Image.open(io.BytesIO(data)).convert("RGB"))


def build(maps: Path, out: Path) -> list[Path]:
    """Write the pictures and the index; return what was written."""
    paths = sorted(maps.glob("[0-9][0-9]_*.png"))
    atlas = maps.parent / "atlas" / "atlas_reporting.pdf"
    if not paths:
        raise SystemExit(f"no maps in {maps}: run `qzrisk run` first")
    if atlas.exists() and shutil.which("pdftoppm") is None:
        raise SystemExit("pdftoppm is not installed: make system")
    most = min(MOST_BYTES, MOST_IN_ALL // (len(paths) + len(ATLAS)))
    out.mkdir(parents=True, exist_ok=True)
    written, lines = [], [HEAD]
    for stem, title, words, picture in chain(
            map_pictures(paths), atlas_pages(atlas) if atlas.exists() else ()):
        target = out / f"{stem}.jpg"
        target.write_bytes(shrunk(picture, stem, most))
        written.append(target)
        lines.append(f"## {title}\n\n{words}\n\n![{title}]({target.name})\n")
    for stale in set(out.glob("*.jpg")) - set(written):
        stale.unlink()
    index = out / "README.md"
    index.write_text("\n".join(lines), encoding="utf-8")
    return [*written, index]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=Path, default=ROOT / "outputs" / "maps")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "gallery")
    given = parser.parse_args()
    build(given.maps, given.out)


if __name__ == "__main__":
    main()

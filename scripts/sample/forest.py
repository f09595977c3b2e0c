"""Generated forest fire zones of class I-III (I the most dangerous) over the woods of the city."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio.features
import shapely
from scipy import ndimage

from .ground import FILES_CRS, Ground, read, write_layer
from .terrain import random_stream, spectral_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import SampleGrid

FOREST_SHARE = 0.587  # of the land: the cover the city aimed at in 2016
OPEN_PERSONS = 12  # cells with more residents are no woods
CLASS_SHARE = (0.28, 0.42, 0.30)  # of the woods, I to III
CLASSES = ("I", "II", "III")
LEAST_CELLS = 25  # 1 km2: smaller patches join their neighbours
SIMPLIFY_M = 220.0
COVERS = ("evergreen_broadleaf", "conifer", "mixed", "bamboo", "shrub")


def class_grid(ground: Ground) -> NDArray[np.int32]:
    """Class of each cell: 1, 2, 3 in the woods, 0 elsewhere, without specks."""
    danger = ground.band("fire_danger")
    land = np.isfinite(danger)
    weight = ndimage.gaussian_filter(land.astype(float), 2)
    smooth = ndimage.gaussian_filter(np.nan_to_num(danger), 2) / np.maximum(weight, 1e-6)
    peopled = np.zeros(ground.grid.shape, dtype=bool)
    cells = ground.cells[ground.cells["persons"] > OPEN_PERSONS]
    peopled[cells["row"], cells["col"]] = True
    wooded = np.where(land & ~peopled, smooth, -1.0)
    bound = np.sort(wooded[land])[::-1][round(FOREST_SHARE * land.sum())]
    woods = wooded > bound
    upper = np.quantile(smooth[woods], [1 - CLASS_SHARE[0], CLASS_SHARE[2]])
    grade = np.select([~woods, smooth > upper[0], smooth > upper[1]], [0, 1, 2], 3).astype("int32")
    # Sea and land of no village must not swallow patches: they are a value of their own.
    grade[~land] = 9
    return rasterio.features.sieve(grade, size=LEAST_CELLS)


def zones(ground: Ground, seed: int) -> gpd.GeoDataFrame:
    """One zone for each town and class in EPSG:4490, by code and class."""
    grid = ground.grid
    grade = class_grid(ground)
    towns = ground.cells["unit_id"].str[:9]
    codes = np.array(sorted(towns.unique()))
    town = np.zeros(grid.shape, dtype="int32")
    row, col = ground.cells["row"].to_numpy(), ground.cells["col"].to_numpy()
    town[row, col] = np.searchsorted(codes, towns.to_numpy()) + 1
    mark = np.where(np.isin(grade, (1, 2, 3)) & (town > 0), town * 4 + grade, 0).astype("int32")
    parts = pd.DataFrame(
        [
            (int(value), shapely.geometry.shape(shape))
            for shape, value in rasterio.features.shapes(
                mark, mask=mark > 0, transform=grid.transform
            )
        ],
        columns=["mark", "geometry"],
    )
    parts = parts[shapely.area(parts["geometry"].to_numpy()) >= 4 * grid.cell_m**2]
    merged = parts.groupby("mark")["geometry"].agg(lambda pieces: shapely.union_all(list(pieces)))
    # Neighbours keep their common edges: nothing gaps or overlaps.
    smooth = shapely.coverage_simplify(merged.to_numpy(), SIMPLIFY_M)
    frame = gpd.GeoDataFrame(
        {"mark": merged.index}, geometry=gpd.GeoSeries(shapely.make_valid(smooth), crs=grid.crs)
    )
    frame["unit_id"] = codes[frame["mark"] // 4 - 1]
    frame["danger_class"] = [CLASSES[value] for value in frame["mark"] % 4 - 1]
    frame["zone_id"] = frame["unit_id"] + "-F" + (frame["mark"] % 4).astype(str)
    return _describe(frame, mark, ground, seed)


def _describe(
    frame: gpd.GeoDataFrame, mark: NDArray[np.int32], ground: Ground, seed: int
) -> gpd.GeoDataFrame:
    frame = frame.sort_values("zone_id", ignore_index=True)
    for column, band, digits in (
        ("danger_index", "fire_danger", 3), ("elevation_m", "terrain", 0), ("slope_deg", "slope", 1)
    ):  # fmt: skip
        values = np.nan_to_num(ground.band(band))
        frame[column] = ndimage.mean(values, mark, frame["mark"]).round(digits)
    noise = spectral_noise(ground.grid.shape, random_stream(seed, "forest cover"), exponent=3)
    wave = ndimage.mean(noise, mark, frame["mark"])
    high = frame["elevation_m"].to_numpy()
    frame["cover_type"] = np.select(
        [(frame["danger_class"] == "III") & (high < 150), wave < -0.5, (high > 550) & (wave > 0.4),
         frame["danger_class"] == "I"],
        ["shrub", "evergreen_broadleaf", "bamboo", "conifer"], "mixed",
    )  # fmt: skip
    frame["area_m2"] = frame.geometry.area.round().astype("int64")
    frame["synthetic"] = True
    columns = ["zone_id", "unit_id", "danger_class", "cover_type", "area_m2", "danger_index",
               "elevation_m", "slope_deg", "synthetic", "geometry"]  # fmt: skip
    degrees = frame[columns].to_crs(FILES_CRS)
    shapes = shapely.set_precision(degrees.geometry.array, 1e-6)
    return degrees.set_geometry(gpd.GeoSeries(shapely.make_valid(shapes), crs=FILES_CRS))


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``forest/forest.gpkg`` (layer forest_zones)."""
    layer = zones(read(grid, data), seed)
    write_layer(layer, data / "forest" / "forest.gpkg", "forest_zones")

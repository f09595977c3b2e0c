"""Rasters made from features: distance to the nearest one, density of points; and alignment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from numba import njit
from rasterio.features import rasterize
from rasterio.windows import Window
from rasterio.windows import transform as window_transform
from scipy.spatial import cKDTree

from qzrisk.errors import ConfigError, SchemaError
from qzrisk.grid import Blocks, Raster, RasterLike, as_raster, require_crs, warped

Array = npt.NDArray[Any]

_WINDOW_CELLS = 1 << 18

KERNELS = ("quartic", "uniform")


def align(raster: RasterLike, like: RasterLike, *, method: str) -> Blocks:
    """Bring a raster onto the grid of another: its CRS, origin, cells and shape.

    Parameters
    ----------
    raster : Raster or path
    like : Raster or path whose grid is taken
    method : {"nearest", "mode", "bilinear", "cubic", "average", "sum", "min", "max", "med"}
        Stated by the caller, for it decides what the numbers mean: nearest or mode for classes,
        bilinear for surfaces, average for shares, sum for counts.

    Returns
    -------
    Blocks on the grid of `like`, unit of the raster
        Missing outside the raster and where nothing known is near.

    Raises
    ------
    ConfigError
        If the method is unknown, or a raster of integers without nodata would have no value for
        missing.
    """
    return warped(as_raster(raster), as_raster(like), method=method)


def distance(features: gpd.GeoDataFrame | gpd.GeoSeries, like: RasterLike) -> Blocks:
    """Straight distance from each cell's centre to the nearest feature.

    Parameters
    ----------
    features : GeoDataFrame or GeoSeries of any geometries, in the CRS of `like`
    like : Raster or path whose grid is taken, in metres

    Returns
    -------
    Blocks of float32, m
        0 inside a polygon. Never NaN: cells missing in `like` have a distance too.

    Raises
    ------
    CRSError, QzriskError
        If the CRS differs or cells are not square metres.
    SchemaError
        If there is no feature to be near to.

    Examples
    --------
    >>> from qzrisk.grid import Raster, gather
    >>> grid = Raster(np.zeros((1, 2)), crs="EPSG:4549", transform=(200, 0, 0, 0, -200, 200))
    >>> station = gpd.GeoSeries([shapely.Point(100, 100)], crs="EPSG:4549")
    >>> gather(distance(station, grid)).read().tolist()
    [[0.0, 200.0]]
    """
    grid = as_raster(like)
    require_crs(grid, features, names=(grid.where, "features"))
    _ = grid.cell_m
    shapes = np.asarray(features.geometry.array, dtype=object)
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise SchemaError("no feature to measure to", where="features", expected=">= 1 geometry")

    def make() -> Iterator[tuple[Window, Array]]:
        nearest = nearest_m(shapes)
        for window in grid.windows(cells=_WINDOW_CELLS):
            x, y = _centres(grid, window)
            cells = nearest(x.ravel(), y.ravel()).astype(np.float32)
            yield window, cells.reshape(window.height, window.width)

    return Blocks(like=grid, dtype="float32", nodata=np.nan, make=make, name="distance_m")


def density(
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    like: RasterLike,
    *,
    radius_m: float,
    values: pd.Series | None = None,
    kernel: str = "quartic",
) -> Blocks:
    """Kernel density of points.

    Parameters
    ----------
    points : GeoDataFrame or GeoSeries of Points, in the CRS of `like`
    like : Raster or path whose grid is taken, in metres
    radius_m : float
        Radius beyond which a point adds nothing.
    values : Series on the index of `points`, optional
        What each point counts, e.g. persons; 1 without it.
    kernel : {"quartic", "uniform"}

    Returns
    -------
    Blocks of float32, points (or unit of `values`) per km2
        0 where no point is within the radius; never NaN.

    Raises
    ------
    CRSError, QzriskError
        If the CRS differs or cells are not square metres.
    SchemaError
        If a feature is no point.
    ConfigError
        If the radius is not positive, the kernel unknown, or `values` do not fit or are missing.

    Notes
    -----
    quartic: 3 / (pi r2) (1 - d2 / r2)^2; uniform: 1 / (pi r2). Both have volume 1, so the
    density summed over cells gives back the number of points (edge and cell size aside).

    References
    ----------
    Silverman (1986), Density Estimation.
    """
    grid = as_raster(like)
    require_crs(grid, points, names=(grid.where, "points"))
    cell_m = grid.cell_m
    if not radius_m > 0 or kernel not in KERNELS:
        raise ConfigError("unusable kernel", where="radius_m, kernel", got=(radius_m, kernel),
                          expected=f"a radius > 0 and one of {', '.join(KERNELS)}")
    load = np.ones(len(points)) if values is None else values.to_numpy(dtype=np.float64)
    if values is not None and not (values.index.equals(points.index) and np.isfinite(load).all()):
        raise ConfigError("one number a point is needed", where="values",
                          expected="the index of points, no NaN")
    if not np.isin(shapely.get_type_id(points.geometry.to_numpy()), (-1, 0)).all():
        raise SchemaError("a density is that of points", where="points", expected="Point",
                          got=", ".join(sorted(points.geom_type.dropna().unique())),
                          mend="points.geometry.representative_point()")
    x, y = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    known = np.isfinite(x)
    load = load[known]
    # Cells from the centre of the first cell: the same in every window.
    column = (x[known] - grid.transform.c) / cell_m - 0.5
    row = (grid.transform.f - y[known]) / cell_m - 0.5

    def make() -> Iterator[tuple[Window, Array]]:
        for window in grid.windows(cells=_WINDOW_CELLS):
            out = np.zeros((window.height, window.width))
            _scatter(column, row, load, radius_m / cell_m, kernel == "quartic",
                     window.row_off, window.col_off, out)
            yield window, (out * (1e6 / (math.pi * radius_m**2))).astype(np.float32)

    return Blocks(like=grid, dtype="float32", nodata=np.nan, make=make, name="density_per_km2")


def burn(zones: gpd.GeoDataFrame | gpd.GeoSeries, like: RasterLike) -> Blocks:
    """Write the number of the zone at its centre into each cell.

    Parameters
    ----------
    zones : GeoDataFrame or GeoSeries of Polygons, in the CRS of `like`
    like : Raster or path whose grid is taken

    Returns
    -------
    Blocks of int32
        Position in `zones`; -1 where no zone is. Of zones that overlap the last.

    Raises
    ------
    CRSError
        If the CRS differs.

    Examples
    --------
    >>> from qzrisk.grid import Raster, gather
    >>> grid = Raster(np.zeros((1, 2)), crs="EPSG:4549", transform=(200, 0, 0, 0, -200, 200))
    >>> zone = gpd.GeoSeries([shapely.box(0, 0, 200, 200)], crs="EPSG:4549")
    >>> gather(burn(zone, grid)).read().tolist()
    [[0, -1]]
    """
    grid = as_raster(like)
    require_crs(grid, zones, names=(grid.where, "zones"))
    shapes = [(shape, rank) for rank, shape in enumerate(zones.geometry)
              if shape is not None and not shape.is_empty]

    def make() -> Iterator[tuple[Window, Array]]:
        for window in grid.windows(cells=_WINDOW_CELLS):
            out = np.full((window.height, window.width), -1, dtype=np.int32)
            if shapes:
                rasterize(shapes, out=out, transform=window_transform(window, grid.transform))
            yield window, out

    return Blocks(like=grid, dtype="int32", nodata=-1, make=make, name="zone")


def nearest_m(shapes: Array) -> Any:
    """Return a function of arrays x, y -> distance to the nearest of some shapes."""
    if (shapely.get_type_id(shapes) == 0).all():
        tree = cKDTree(shapely.get_coordinates(shapes))
        return lambda x, y: tree.query(np.column_stack([x, y]))[0]
    index = shapely.STRtree(shapes)

    def query(x: Array, y: Array) -> Array:
        (at, _), far = index.query_nearest(shapely.points(x, y), return_distance=True,
                                           all_matches=False)
        found = np.empty(len(x))
        found[at] = far
        return found

    return query


def _centres(grid: Raster, window: Window) -> tuple[Array, Array]:
    columns = window.col_off + np.arange(window.width) + 0.5
    rows = window.row_off + np.arange(window.height) + 0.5
    x = grid.transform.c + columns * grid.transform.a
    y = grid.transform.f + rows * grid.transform.e
    return np.meshgrid(x, y)


@njit(nogil=True, cache=True)
def _scatter(
    column: Array, row: Array, load: Array, reach: float, quartic: bool, first: int, left: int,
    out: Array,
) -> None:  # pragma: no cover
    """Add each point's kernel to the window, in the order of the points."""
    height, width = out.shape
    for p in range(load.size):
        for i in range(
            max(first, math.ceil(row[p] - reach)),
            min(first + height - 1, math.floor(row[p] + reach)) + 1,
        ):
            for j in range(
                max(left, math.ceil(column[p] - reach)),
                min(left + width - 1, math.floor(column[p] + reach)) + 1,
            ):
                u = ((i - row[p]) ** 2 + (j - column[p]) ** 2) / (reach * reach)
                if u <= 1:
                    out[i - first, j - left] += load[p] * (3 * (1 - u) ** 2 if quartic else 1.0)

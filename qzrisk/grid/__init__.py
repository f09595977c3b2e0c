"""Rasters: a handle on a file or an array, read by window; the only package that opens rasters.

What analysis makes of rasters is a `Blocks`: a lazy stream of (window, array) on a stated grid,
which `write` turns into a cloud-optimised GeoTIFF and `gather` into a `Raster` in memory.
"""

from qzrisk.grid.blocks import METHODS, Blocks, gather, warped, write
from qzrisk.grid.handle import (
    BLOCK_CELLS,
    Raster,
    RasterLike,
    as_float,
    as_raster,
    require_crs,
    require_same_grid,
    same_grid,
    windows,
)

__all__ = [
    "BLOCK_CELLS",
    "METHODS",
    "Blocks",
    "Raster",
    "RasterLike",
    "as_float",
    "as_raster",
    "gather",
    "require_crs",
    "require_same_grid",
    "same_grid",
    "warped",
    "windows",
    "write",
]

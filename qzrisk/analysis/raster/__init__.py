"""Rasters by window: terrain, neighbourhoods, distance, density, overlay, classes, alignment.

Every function returns a `qzrisk.grid.Blocks`, a lazy stream on a stated grid: ``qz.grid.write``
makes a file of it, ``qz.grid.gather`` a raster in memory. Results do not depend on the windows.
"""

from qzrisk.analysis.raster.overlay import NO_CLASS, as_stored, reclass, weighted_overlay
from qzrisk.analysis.raster.proximity import KERNELS, align, burn, density, distance, nearest_m
from qzrisk.analysis.raster.terrain import FOCAL, aspect, focal, hillshade, slope

__all__ = [
    "FOCAL",
    "KERNELS",
    "NO_CLASS",
    "align",
    "as_stored",
    "aspect",
    "burn",
    "density",
    "distance",
    "focal",
    "hillshade",
    "nearest_m",
    "reclass",
    "slope",
    "weighted_overlay",
]

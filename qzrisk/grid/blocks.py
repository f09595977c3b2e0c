"""Rasters on their way: a lazy stream of blocks, gathered in memory, written, or warped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.shutil import copy as gdal_copy
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from qzrisk import files
from qzrisk.errors import ConfigError
from qzrisk.grid.handle import TILE, Array, Raster, opened

METHODS = ("nearest", "bilinear", "cubic", "average", "mode", "sum", "min", "max", "med")
"""Resampling methods: nearest and mode for classes, sum for counts, average for shares."""

_EXACT_TYPE = ("nearest", "mode", "min", "max", "med")
_CACHE_MB = 64


@dataclass(frozen=True, eq=False, kw_only=True)
class Blocks:
    """A raster that is not computed yet: a stream of (window, array) on the grid of `like`.

    Attributes
    ----------
    like : Raster whose grid (shape, transform, CRS) the blocks follow.
    dtype, nodata : type and missing value of the cells.
    make : function that starts the stream; iterating twice computes twice.
    name : what the cells mean, with unit.
    """

    like: Raster
    dtype: str
    nodata: float
    make: Callable[[], Iterator[tuple[Window, Array]]]
    name: str = ""

    def __iter__(self) -> Iterator[tuple[Window, Array]]:
        """Start the stream."""
        return self.make()


def gather(blocks: Blocks) -> Raster:
    """Compute a stream into a raster in memory.

    Returns
    -------
    Raster on the grid of ``blocks.like``
    """
    cells = np.full(blocks.like.shape, blocks.nodata, dtype=blocks.dtype)
    for window, block in blocks:
        cells[window.toslices()] = block
    return Raster(cells, crs=blocks.like.crs, transform=blocks.like.transform,
                  nodata=blocks.nodata, name=blocks.name)


def write(
    path: str | Path,
    blocks: Blocks,
    *,
    colours: Mapping[int, str] | None = None,
    names: Mapping[int, str] | None = None,
) -> Path:
    """Write a stream as a cloud-optimised GeoTIFF: tiled, compressed, with overviews.

    Parameters
    ----------
    path : path ending in ``.tif``
        Written whole or not at all.
    blocks : Blocks
    colours : class -> ``#rrggbb``, optional
        Colour table of a raster of classes (uint8).
    names : class -> words, optional
        Category names, written to ``<path>.aux.xml`` and, with the colours, to a ``.qml`` beside
        it, so that GDAL and QGIS show a legend of just these classes.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ConfigError
        If the disk refuses, or colours or names are given for a raster that is not uint8.

    Notes
    -----
    Overviews take the most frequent class, or the mean of numbers.
    """
    path = Path(path)
    if (colours or names) and blocks.dtype != "uint8":
        raise ConfigError("colours and names are for classes", where=str(path), expected="uint8",
                          got=blocks.dtype)
    classes = blocks.dtype == "uint8"
    with files.atomic(path) as temporary, rasterio.Env(GDAL_CACHEMAX=_CACHE_MB):
        stage = temporary.with_name(f"{temporary.name}.stage.tif")
        _stage(stage, blocks, colours)
        gdal_copy(stage, temporary, driver="COG", blocksize=TILE, bigtiff="IF_SAFER",
                  # Classes: the smallest and the fastest of the four codecs tried.
                  **({"compress": "LZW", "predictor": "NO", "overview_resampling": "MODE"}
                     if classes else
                     {"compress": "DEFLATE", "predictor": "YES", "overview_resampling": "AVERAGE"}))
    if names:
        files.write_text(path.with_name(f"{path.name}.aux.xml"), _aux(names))
    if names and colours:
        files.write_text(path.with_suffix(".qml"), _qml(names, colours))
    return path


def warped(raster: Raster, like: Raster, *, method: str) -> Blocks:
    """Resample a raster onto the grid of another, in its CRS.

    Parameters
    ----------
    raster : Raster
    like : Raster whose grid is taken
    method : one of `METHODS`

    Returns
    -------
    Blocks on the grid of `like`
        ``dtype`` of the raster for methods that choose a value, float64 for those that compute
        one. Missing (NaN, or the raster's nodata) where it has no cell.

    Raises
    ------
    ConfigError
        If the method is unknown, or cells are chosen from a raster of integers without nodata.
    """
    if method not in METHODS:
        raise ConfigError("unknown resampling method", where="method", expected=METHODS, got=method)
    whole = raster.dtype.kind in "iu"
    kept = method in _EXACT_TYPE
    if kept and whole and raster.nodata is None:
        raise ConfigError("no value stands for missing outside the raster", where=raster.where,
                          expected="a nodata value", mend="Raster(source, nodata=...)")
    dtype = raster.dtype.name if kept else "float64"
    nodata = float(raster.nodata) if kept and raster.nodata is not None else float("nan")

    def make() -> Iterator[tuple[Window, Array]]:
        with _dataset(raster) as file, WarpedVRT(
            file, src_crs=raster.crs.to_wkt(), crs=like.crs.to_wkt(), transform=like.transform,
            height=like.shape[0], width=like.shape[1], resampling=Resampling[method],
            src_nodata=raster.nodata, nodata=nodata, dtype=dtype,
            # Cells are transformed one by one, not interpolated: no block depends on its window.
            tolerance=1e-9, **_scale(raster, like),
        ) as view:
            band = raster.band if isinstance(raster.source, Path) else 1
            for window in like.windows():
                yield window, view.read(band, window=window)

    return Blocks(like=like, dtype=dtype, nodata=nodata, make=make, name=raster.name)


def _scale(raster: Raster, like: Raster) -> dict[str, str]:
    """Cells of `like` a cell of `raster`, in the middle: GDAL would guess anew in each window."""
    x, y = like.transform * (like.shape[1] / 2, like.shape[0] / 2)
    corner = np.array([[x, x + like.transform.a, x], [y, y, y + like.transform.e]])
    there = Transformer.from_crs(like.crs, raster.crs, always_xy=True).transform(*corner)
    column, row = ~raster.transform * (there[0], there[1])
    across, down = (np.hypot(column[k] - column[0], row[k] - row[0]) for k in (1, 2))
    # Meridians differ by parts in ten thousand: cells of one size stay of one size.
    scale = [1.0 if abs(step - 1) < 0.01 or not step else 1 / step for step in (across, down)]
    return {"XSCALE": repr(float(scale[0])), "YSCALE": repr(float(scale[1]))}


def _stage(path: Path, blocks: Blocks, colours: Mapping[int, str] | None) -> None:
    """Write the plain tiled file that the cloud-optimised one is copied from."""
    rows, columns = blocks.like.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=columns, count=1, dtype=blocks.dtype,
        crs=blocks.like.crs.to_wkt(), transform=blocks.like.transform, nodata=blocks.nodata,
        tiled=True, blockxsize=TILE, blockysize=TILE, bigtiff="IF_SAFER", compress="LZW",
        predictor=3 if np.dtype(blocks.dtype).kind == "f" else 1,
    ) as file:
        for window, block in blocks:
            file.write(block, 1, window=window)
        if colours:
            table = {code: _rgba(colour) for code, colour in colours.items()}
            file.write_colormap(1, {int(blocks.nodata): (0, 0, 0, 0)} | table)
        if blocks.name:
            file.set_band_description(1, blocks.name)


@contextmanager
def _dataset(raster: Raster) -> Iterator[Any]:
    """Give the open dataset of a file, or of an array in memory."""
    if isinstance(raster.source, Path):
        with opened(raster.source) as file:
            yield file
        return
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", height=raster.shape[0], width=raster.shape[1], count=1,
            dtype=raster.dtype.name, crs=raster.crs.to_wkt(), transform=raster.transform,
            nodata=raster.nodata,
        ) as file:
            file.write(np.asarray(raster.source), 1)
        with memory.open() as file:
            yield file


def _rgba(colour: str) -> tuple[int, int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16), 255


def _aux(names: Mapping[int, str]) -> str:
    """Category names for GDAL, one for each number from 0."""
    rows = "".join(f"<Category>{_plain(names.get(code, ''))}</Category>"
                   for code in range(max(names) + 1))
    return ("<PAMDataset><PAMRasterBand band=\"1\"><CategoryNames>"
            f"{rows}</CategoryNames></PAMRasterBand></PAMDataset>\n")


def _qml(names: Mapping[int, str], colours: Mapping[int, str]) -> str:
    """QGIS style: a palette of the named classes, the highest first as legends print them."""
    rows = "".join(
        f'<paletteEntry value="{code}" color="{colours[code]}" alpha="255" '
        f"label={quoteattr(names[code])}/>"
        for code in sorted(set(names) & set(colours), reverse=True)
    )
    return ('<qgis version="3.22" styleCategories="Symbology"><pipe>'
            '<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">'
            f"<colorPalette>{rows}</colorPalette></rasterrenderer></pipe></qgis>\n")


def _plain(text: str) -> str:
    return quoteattr(text)[1:-1]

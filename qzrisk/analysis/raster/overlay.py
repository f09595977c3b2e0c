"""Layers on one grid to an index or to classes: weighted overlay and reclassification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit
from rasterio.windows import Window

from qzrisk.analysis.scaling import check_weights
from qzrisk.errors import ConfigError
from qzrisk.grid import Blocks, Raster, RasterLike, as_raster, require_same_grid

Array = npt.NDArray[Any]

NO_CLASS = 0
"""Cell of a class raster without data; classes count from 1, the lowest."""


def weighted_overlay(
    rasters: Sequence[RasterLike],
    weights: Sequence[float],
    *,
    bounds: Sequence[float] | None = None,
) -> Blocks:
    """Weighted mean of layers cell by cell, as an index or, given bounds, as classes.

    Parameters
    ----------
    rasters : Rasters or paths on one grid, high = risky
    weights : one a layer, >= 0, sum 1
    bounds : inner bounds of the classes, rising, optional
        A value on a bound takes the lower class.

    Returns
    -------
    Blocks
        Without bounds float32, NaN where a layer of weight > 0 is missing. With k - 1 bounds
        uint8 classes 1 (lowest) to k, `NO_CLASS` where missing.

    Raises
    ------
    CRSError, QzriskError
        If the grids differ: align them first, with a method you state.
    ConfigError
        If weights or bounds do not fit.

    Notes
    -----
    Sums and comparisons are in float64: in float32 some cells cross a bound. Memory is that of
    one window, whatever the size of the rasters.

    Examples
    --------
    >>> from qzrisk.grid import Raster, gather
    >>> place = {"crs": "EPSG:4549", "transform": (200, 0, 0, 0, -200, 200)}
    >>> a, b = Raster(np.array([[0.0, 1.0]]), **place), Raster(np.array([[0.4, np.nan]]), **place)
    >>> gather(weighted_overlay([a, b], [0.5, 0.5], bounds=[0.2, 0.5, 0.8])).read().tolist()
    [[1, 0]]
    """
    layers = [as_raster(raster) for raster in rasters]
    w = check_weights(weights, pd.RangeIndex(len(layers)))
    require_same_grid(layers)
    inner = None if bounds is None else _rising(bounds)
    used = [(layer, weight) for layer, weight in zip(layers, w, strict=True) if weight]

    def make() -> Iterator[tuple[Window, Array]]:
        part = [layer for layer, _ in used]
        load = np.array([weight for _, weight in used])
        single = all(layer.dtype in ("float32", "uint8", "int16", "uint16") for layer in part)
        dtype = np.dtype("float32" if single else "float64")
        missing = np.array([np.nan if layer.missing is None else layer.missing for layer in part],
                           dtype=dtype)
        with ExitStack() as files:
            reads = [files.enter_context(layer.reader()) for layer in part]
            stack = np.empty((len(part), 0, 0), dtype=dtype)
            for window in layers[0].windows():
                shape = (len(part), window.height, window.width)
                # One stack for all windows of a size: fresh pages cost more than the sums.
                stack = stack if stack.shape == shape else np.empty(shape, dtype=dtype)
                for layer, read in enumerate(reads):
                    read(window, stack[layer])
                if inner is None:
                    index = np.empty(shape[1:], dtype=np.float32)
                    _index(stack, load, missing, index)
                    yield window, index
                else:
                    classes = np.empty(shape[1:], dtype=np.uint8)
                    _classes(stack, load, missing, inner, classes)
                    yield window, classes

    if inner is None:
        return Blocks(like=layers[0], dtype="float32", nodata=np.nan, make=make, name="index")
    return Blocks(like=layers[0], dtype="uint8", nodata=NO_CLASS, make=make, name="class")


def reclass(
    raster: RasterLike,
    *,
    bounds: Sequence[float] | None = None,
    table: Mapping[int, int] | None = None,
) -> Blocks:
    """Turn cells into classes, by bounds or by a table.

    Parameters
    ----------
    raster : Raster or path
    bounds : inner bounds, rising: class 1 up to and including the first, and so on; rounded to
        the type of the cells, so that a cell written as 0.3 is not above 0.3
    table : value -> class in 1 to 255, for rasters of codes

    Returns
    -------
    Blocks of uint8
        `NO_CLASS` where the raster is missing.

    Raises
    ------
    ConfigError
        If not exactly one of `bounds` and `table` is given or it does not fit; while the blocks
        are made, if a cell holds a value that the table lacks.

    Examples
    --------
    >>> from qzrisk.grid import Raster, gather
    >>> codes = Raster(np.array([[10, 20]]), crs="EPSG:4549", transform=(200, 0, 0, 0, -200, 200))
    >>> gather(reclass(codes, table={10: 4, 20: 1})).read().tolist()
    [[4, 1]]
    """
    if (bounds is None) == (table is None):
        raise ConfigError("reclass by bounds or by a table", where="bounds, table",
                          expected="exactly one of them")
    layer = as_raster(raster)
    if bounds is not None:
        return weighted_overlay([layer], [1.0], bounds=as_stored(bounds, layer))
    assert table is not None
    known = np.array(sorted(table), dtype=np.float64)
    codes = np.array([table[key] for key in sorted(table)])
    if not len(codes) or codes.min() < 1 or codes.max() > 255:
        raise ConfigError("classes are whole numbers 1 to 255", where="table", got=table)

    def make() -> Iterator[tuple[Window, Array]]:
        for window in layer.windows():
            cells = layer.values(window)
            at = np.minimum(np.searchsorted(known, cells), len(known) - 1)
            missing = np.isnan(cells)
            strange = cells[~missing & (known[at] != cells)]
            if strange.size:
                raise ConfigError("a value that the table lacks", where=layer.where,
                                  expected=list(table), got=float(strange[0]))
            yield window, np.where(missing, NO_CLASS, codes[at]).astype(np.uint8)

    return Blocks(like=layer, dtype="uint8", nodata=NO_CLASS, make=make, name="class")


def as_stored(bounds: Sequence[float], raster: Raster) -> list[float]:
    """Return bounds rounded as the raster's cells are: a float32 cell of 0.3 equals the bound 0.3.

    Examples
    --------
    >>> place = {"crs": "EPSG:4549", "transform": (200, 0, 0, 0, -200, 200)}
    >>> as_stored([0.3], Raster(np.zeros((1, 1), "float32"), **place))
    [0.30000001192092896]
    """
    if raster.dtype.kind != "f":
        return list(bounds)
    return [float(bound) for bound in np.asarray(bounds, dtype=raster.dtype)]


def _rising(bounds: Sequence[float]) -> Array:
    inner = np.asarray(bounds, dtype=np.float64)
    if inner.ndim != 1 or not 1 <= inner.size <= 254 or not (np.diff(inner) >= 0).all():
        raise ConfigError("bounds must rise", where="bounds", expected="1 to 254 numbers",
                          got=inner.tolist())
    return inner


@njit(nogil=True, cache=True)
def _line(stack: Array, i: int, weights: Array, missing: Array, total: Array, hole: Array
          ) -> None:  # pragma: no cover
    """Weighted sum of one row over the layers, and where a layer is missing."""
    total[:] = 0.0
    hole[:] = False
    for layer in range(stack.shape[0]):
        w, nodata = weights[layer], missing[layer]
        line = stack[layer, i]
        for j in range(line.size):
            x = line[j]
            hole[j] |= (x == nodata) | (x != x)
            total[j] += w * x


@njit(nogil=True, cache=True)
def _index(stack: Array, weights: Array, missing: Array, out: Array) -> None:  # pragma: no cover
    total, hole = np.empty(out.shape[1]), np.empty(out.shape[1], np.bool_)
    for i in range(out.shape[0]):
        _line(stack, i, weights, missing, total, hole)
        for j in range(out.shape[1]):
            out[i, j] = np.nan if hole[j] else total[j]


@njit(nogil=True, cache=True)
def _classes(
    stack: Array, weights: Array, missing: Array, inner: Array, out: Array
) -> None:  # pragma: no cover
    total, hole = np.empty(out.shape[1]), np.empty(out.shape[1], np.bool_)
    for i in range(out.shape[0]):
        _line(stack, i, weights, missing, total, hole)
        line = out[i]
        line[:] = 1
        for b in inner:
            for j in range(line.size):
                line[j] += total[j] > b
        for j in range(line.size):
            if hole[j]:
                line[j] = 0

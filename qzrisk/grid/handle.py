"""A handle on a raster, file or array, that is read window by window."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
from affine import Affine
from pyproj import CRS, Transformer
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from qzrisk.errors import CRSError, QzriskError

Array = npt.NDArray[Any]

BLOCK_CELLS = 1 << 22
"""Cells of a window at most: six float32 layers of it take 100 MB, whatever the raster's size."""

TILE = 512
_CACHE_MB = 64
_DEGREES_NEAR = 10.0
_LONGITUDE_FAR = 30.0


class Reader(Protocol):
    """Read a window, into `out` (cast to its type) where one is given."""

    def __call__(self, window: Window, out: Array | None = None) -> Array:
        """Return the cells of `window` as stored."""
        ...


@dataclass(frozen=True, eq=False)
class Raster:
    """A single-band raster: a file, or an array with its place on the ground.

    Parameters
    ----------
    source : path or 2-D array
    crs : anything pyproj understands, optional
        Needed for an array. For a file that carries none it is taken, for one that carries
        another it raises.
    transform : Affine, optional
        Needed for an array: cell to map coordinates, north up.
    nodata : number, optional
        Overrides the file's own. NaN is always missing, whatever `nodata` says.
    band : int
        Band of a file, from 1.
    name : str
        Names the layer in results; the stem of a file by default.

    Attributes
    ----------
    shape : (rows, columns) ; dtype : type of the cells ; block : (rows, columns) of a file's tile

    Raises
    ------
    QzriskError
        If the file cannot be read, the band does not exist or the grid is turned or south up.
    CRSError
        If there is no CRS, two that differ, or one that the bounds contradict.

    Examples
    --------
    >>> dem = Raster(np.array([[1.0, 2.0], [3.0, -9.0]]), crs="EPSG:4549",
    ...              transform=Affine(200, 0, 600000, 0, -200, 2750400), nodata=-9)
    >>> dem.shape, dem.cell_m, dem.values().tolist()
    ((2, 2), 200.0, [[1.0, 2.0], [3.0, nan]])
    """

    source: Path | Array
    crs: CRS = None  # type: ignore[assignment]
    transform: Affine = None  # type: ignore[assignment]
    nodata: float | None = None
    band: int = 1
    name: str = ""
    shape: tuple[int, int] = field(init=False)
    dtype: np.dtype[Any] = field(init=False)
    block: tuple[int, int] = field(init=False)
    _packed: bool = field(init=False, default=False, repr=False)

    def __post_init__(self) -> None:
        """Take what the file says, and refuse a grid that cannot be trusted."""
        if isinstance(self.source, (str, Path)):
            self._from_file(Path(self.source))
        else:
            self._from_array(np.asarray(self.source))
        _check_grid(self.transform, self.shape, self.crs, where=self.where)

    def _set(self, **values: object) -> None:
        for key, item in values.items():
            object.__setattr__(self, key, item)

    def _from_file(self, path: Path) -> None:
        self._set(source=path, name=self.name or path.stem)
        with opened(path) as file:
            if not 1 <= self.band <= file.count:
                raise QzriskError("no such band", where=str(path),
                                  expected=f"1 to {file.count}", got=self.band)
            at = self.band - 1
            own = CRS.from_user_input(file.crs) if file.crs else None
            self._set(
                crs=_one_crs(own, self.crs, where=str(path)),
                transform=file.transform,
                nodata=file.nodatavals[at] if self.nodata is None else self.nodata,
                shape=file.shape,
                block=file.block_shapes[at],
                # A mask band or packed values: the cells cannot be read as they are stored.
                _packed=file.scales[at] != 1 or file.offsets[at] != 0
                or MaskFlags.per_dataset in file.mask_flag_enums[at],
                dtype=np.dtype(file.dtypes[at]),
            )
            if self._packed:
                self._set(dtype=np.dtype(float), nodata=None)

    def _from_array(self, array: Array) -> None:
        if array.ndim != 2:
            raise QzriskError("a raster needs two dimensions", where=self.where,
                              expected="(rows, columns)", got=array.shape)
        if self.transform is None:
            raise QzriskError("an array without a place", where=self.where, expected="transform",
                              mend="rasterio.transform.from_origin(west, north, width, height)")
        # A view that cannot be written through: a handle does not change.
        view = array.view()
        view.flags.writeable = False
        self._set(source=view, crs=_one_crs(None, self.crs, where=self.where), shape=array.shape,
                  dtype=array.dtype, block=(TILE, array.shape[1]),
                  transform=Affine(*self.transform[:6]))

    @property
    def where(self) -> str:
        """File, or name of the array, for messages."""
        return str(self.source) if isinstance(self.source, Path) else self.name or "array"

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in map units."""
        west, north = self.transform.c, self.transform.f
        rows, columns = self.shape
        return (west, north + rows * self.transform.e, west + columns * self.transform.a, north)

    @property
    def cell_m(self) -> float:
        """Side of the square cells, in metres; raises if they are not square metres."""
        if not self.crs.is_projected or self.crs.axis_info[0].unit_name not in ("metre", "meter"):
            raise CRSError("cells are not in metres", where=self.where,
                           expected="a projected CRS in metres", got=self.crs.name,
                           mend="qz.raster.align(raster, like)")
        if not math.isclose(self.transform.a, -self.transform.e, rel_tol=1e-9):
            raise QzriskError("cells are not square", where=self.where,
                              got=(self.transform.a, -self.transform.e),
                              mend="qz.raster.align(raster, like)")
        return float(self.transform.a)

    @property
    def missing(self) -> np.generic | None:
        """`nodata` in the type of the cells; None where NaN alone, or nothing, is missing."""
        if self.nodata is None or math.isnan(self.nodata):
            return None
        if self.dtype.kind in "iu":
            limits = np.iinfo(self.dtype)
            if self.nodata != int(self.nodata) or not limits.min <= self.nodata <= limits.max:
                return None
        with np.errstate(over="ignore"):
            made: np.generic = self.dtype.type(self.nodata)
        return made

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """Give a function window -> array that keeps the file open between windows."""
        if not isinstance(self.source, Path):
            yield partial(_from_array, self.source)
            return
        with opened(self.source) as file:
            if not self._packed:
                yield lambda window, out=None: file.read(self.band, window=window, out=out)
                return

            def unpack(window: Window, out: Array | None = None) -> Array:
                at = self.band - 1
                cells = file.read(self.band, window=window).astype(float)
                cells = cells * file.scales[at] + file.offsets[at]
                cells[file.read_masks(self.band, window=window) == 0] = np.nan
                return cells if out is None else _from_array(cells, None, out)

            yield unpack

    def read(self, window: Window | None = None) -> Array:
        """Return the cells as stored, the missing ones holding `nodata`.

        Parameters
        ----------
        window : Window, optional
            The whole raster without it.

        Returns
        -------
        2-D array of `dtype`
            Read-only where the raster is an array.
        """
        with self.reader() as read:
            return read(self.window if window is None else window)

    def values(self, window: Window | None = None) -> npt.NDArray[np.float64]:
        """Return the cells as float64, NaN where missing; `window` as in `read`."""
        return as_float(self.read(window), self.nodata)

    @property
    def window(self) -> Window:
        """The whole raster as a window."""
        return Window(0, 0, self.shape[1], self.shape[0])

    def windows(self, *, cells: int = BLOCK_CELLS) -> Iterator[Window]:
        """Yield windows that cover the raster once, row by row, along the file's own blocks.

        Parameters
        ----------
        cells : int
            Cells of a window at most (a window is at least one block).
        """
        return windows(self.shape, block=self.block, cells=cells)

    def sample(self, points: gpd.GeoDataFrame | gpd.GeoSeries) -> pd.Series:
        """Return the value of the cell under each point.

        Parameters
        ----------
        points : GeoDataFrame or GeoSeries of Points, in the CRS of the raster

        Returns
        -------
        Series of float64, in the unit of the cells, indexed as `points`
            NaN outside the raster, on missing cells and for empty points. A cell owns its west
            and north edge.

        Raises
        ------
        CRSError
            If the CRS differs.
        """
        require_crs(self, points, names=(self.where, "points"))
        xy = np.column_stack([points.geometry.x, points.geometry.y])
        with np.errstate(invalid="ignore"):
            column = np.floor((xy[:, 0] - self.transform.c) / self.transform.a)
            row = np.floor((xy[:, 1] - self.transform.f) / self.transform.e)
            inside = (row >= 0) & (row < self.shape[0]) & (column >= 0) & (column < self.shape[1])
        found = np.full(len(points), np.nan)
        at = np.flatnonzero(inside)
        row, column = row[at].astype(int), column[at].astype(int)
        with self.reader() as read:
            for window in self.windows():
                (top, bottom), (left, right) = window.toranges()
                here = (row >= top) & (row < bottom) & (column >= left) & (column < right)
                if here.any():
                    cells = as_float(read(window), self.nodata)
                    found[at[here]] = cells[row[here] - top, column[here] - left]
        return pd.Series(found, index=points.index, name=self.name or "value")


RasterLike = Raster | str | Path


def as_float(cells: Array, nodata: float | None) -> npt.NDArray[np.float64]:
    """Return cells as float64 with NaN for `nodata`.

    Examples
    --------
    >>> as_float(np.array([[1, 255]], dtype="uint8"), 255).tolist()
    [[1.0, nan]]
    """
    out = cells.astype(np.float64)
    if nodata is not None and not math.isnan(nodata):
        out[cells == nodata] = np.nan
    return out


def windows(
    shape: tuple[int, int], *, block: tuple[int, int] = (TILE, TILE), cells: int = BLOCK_CELLS
) -> Iterator[Window]:
    """Yield windows covering `shape` once, in whole blocks, of at most `cells` cells.

    Examples
    --------
    >>> [(w.row_off, w.height, w.width) for w in windows((5, 4), block=(2, 4), cells=8)]
    [(0, 2, 4), (2, 2, 4), (4, 1, 4)]
    """
    tall, wide = min(block[0], shape[0]), min(block[1], shape[1])
    width = shape[1] if tall * shape[1] <= cells else max(cells // (tall * wide), 1) * wide
    width = min(width, shape[1])
    height = max(cells // (tall * width), 1) * tall
    for top in range(0, shape[0], height):
        for left in range(0, shape[1], width):
            yield Window(left, top, min(width, shape[1] - left), min(height, shape[0] - top))


def as_raster(raster: RasterLike) -> Raster:
    """Return a Raster for a path, or the Raster itself."""
    return raster if isinstance(raster, Raster) else Raster(Path(raster))


def same_grid(one: Raster, two: Raster) -> bool:
    """Tell whether two rasters share CRS, shape and, within a thousandth of a cell, origin."""
    near = np.allclose(one.bounds, two.bounds, rtol=0, atol=abs(one.transform.a) * 1e-3)
    return one.shape == two.shape and near and one.crs.equals(two.crs, ignore_axis_order=True)


def require_same_grid(rasters: Sequence[Raster]) -> None:
    """Raise, naming both, unless all rasters share one grid.

    Raises
    ------
    CRSError
        If the CRS differs.
    QzriskError
        If origin, cell size or shape differs.
    """
    first = rasters[0]
    for other in rasters[1:]:
        if same_grid(first, other):
            continue
        where, mend = f"{first.where} and {other.where}", "qz.raster.align(raster, like)"
        if not first.crs.equals(other.crs, ignore_axis_order=True):
            raise CRSError("two rasters in different coordinate reference systems", where=where,
                           expected=first.crs.name, got=other.crs.name, mend=mend)
        raise QzriskError("two rasters on different grids", where=where,
                          expected=f"bounds {first.bounds}, shape {first.shape}",
                          got=f"bounds {other.bounds}, shape {other.shape}", mend=mend)


def require_crs(
    raster: Raster, frame: gpd.GeoDataFrame | gpd.GeoSeries, *, names: tuple[str, str]
) -> None:
    """Raise CRSError, naming both, unless a raster and a frame share one CRS."""
    if frame.crs is None or not CRS(frame.crs).equals(raster.crs, ignore_axis_order=True):
        raise CRSError("raster and features in different coordinate reference systems",
                       where=" and ".join(names), expected=f"{names[0]}: {raster.crs.name}",
                       got=f"{names[1]}: {frame.crs.name if frame.crs else None}",
                       mend=f"{names[1]}.to_crs(raster.crs)")


def _from_array(array: Array, window: Window | None, out: Array | None = None) -> Array:
    cells = array if window is None else array[window.toslices()]
    if out is None:
        return cells
    np.copyto(out, cells, casting="unsafe")
    return out


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Give the open dataset of a file, or say why it cannot be read."""
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_MB), rasterio.open(path) as file:
            yield file
    except RasterioIOError as error:
        raise QzriskError("cannot read the raster", where=str(path), got=str(error),
                          expected="a raster that GDAL opens", mend="check the path and the file"
                          ) from error


def _one_crs(own: CRS | None, given: object, *, where: str) -> CRS:
    if given is None:
        if own is not None:
            return own
        raise CRSError("a raster without a coordinate reference system", where=where,
                       expected="a CRS", got="none", mend="give crs=... for this raster")
    made = CRS.from_user_input(given)
    if own is not None and not own.equals(made, ignore_axis_order=True):
        raise CRSError("the file's CRS is another one than the one given", where=where,
                       expected=own.name, got=made.name,
                       mend="leave crs out, and align the raster to the grid you need")
    return made


def _check_grid(transform: Affine, shape: tuple[int, int], crs: CRS, *, where: str) -> None:
    if 0 in shape:
        raise QzriskError("a raster without cells", where=where, got=shape)
    if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
        raise QzriskError("a turned or south-up raster", where=where, expected="north up",
                          got=tuple(transform)[:6], mend="gdalwarp in.tif out.tif")
    x = np.array([transform.c, transform.c + shape[1] * transform.a])
    y = np.array([transform.f + shape[0] * transform.e, transform.f])
    if _contradicted(x, y, crs):
        raise CRSError("the bounds contradict the coordinate reference system", where=where,
                       expected=f"coordinates of {crs.name}", got=f"x {x.tolist()}, y {y.tolist()}",
                       mend="assign the CRS the data were made in (the .prj may be a wrong copy)")


def _contradicted(x: Array, y: Array, crs: CRS) -> bool:
    """Degrees under a projected CRS, metres under a geographic one, or a point off the earth."""
    if crs.is_geographic:
        return bool(np.abs(x).max() > 540 or np.abs(y).max() > 90.5)
    area = crs.area_of_use
    if not crs.is_projected or area is None or area.east - area.west > 90:
        return False
    west, south = max(area.west - _DEGREES_NEAR, 1), max(area.south - _DEGREES_NEAR, 1)
    east, north = area.east + _DEGREES_NEAR, area.north + _DEGREES_NEAR
    if west < x.min() and x.max() < east and south < y.min() and y.max() < north:
        return True
    to_degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    lon, _ = to_degrees.transform(x.mean(), y.mean())
    middle = (area.west + area.east) / 2
    wide = max(area.east - area.west, 0) / 2
    return not math.isfinite(lon) or abs(lon - middle) > wide + _LONGITUDE_FAR

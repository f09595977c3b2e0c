"""The content of a page as a hash: equal pages of equal code are drawn once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import qzrisk
from qzrisk import assets
from qzrisk.files import sha256

_DRAWN_BY = ("maps/*.py", "maps/furniture/*.py", "maps/static/*.py", "text/*.toml", "levels.py",
             *(f"maps/atlas/{name}.py" for name in ("front", "making", "pages", "unit")))
_PACKAGES = ("matplotlib", "shapely", "numpy", "pyproj", "fonttools", "pandas")


def digest(value: Any) -> str:
    """Return 32 hexadecimal digits of what a value says and of the code that would draw it.

    Parameters
    ----------
    value : dataclasses, mappings, sequences, frames, rasters and plain values

    Examples
    --------
    >>> digest({"a": 1.0}) == digest({"a": 1.0}) != digest({"a": 2.0})
    True
    """
    whole = hashlib.sha256(_code().encode())
    _feed(value, whole.update)
    return whole.hexdigest()[:32]


@cache
def _code() -> str:
    """Return the hash of everything beside the page that shapes its file."""
    root = Path(qzrisk.__file__).parent
    paths = sorted(path for pattern in _DRAWN_BY for path in root.glob(pattern))
    parts = [sha256(path) for path in (*paths, *assets.font_paths().values())]
    parts += [f"{package} {metadata.version(package)}" for package in _PACKAGES]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _feed(value: Any, take: Callable[[bytes], object]) -> None:
    """Give the bytes of a value to a hash, each part with its kind so that none run together."""
    take(f"<{type(value).__name__}>".encode())
    if isinstance(value, pd.DataFrame):
        _feed_frame(value, take)
    elif isinstance(value, pd.Series | pd.Index):
        _feed_column(value, take)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            take(field.name.encode())
            _feed(getattr(value, field.name), take)
    elif isinstance(value, Mapping):
        _feed([*value.items()], take)
    elif isinstance(value, list | tuple):
        take(str(len(value)).encode())
        for part in value:
            _feed(part, take)
    elif hasattr(value, "values") and hasattr(value, "transform"):
        _feed_raster(value, take)
    else:
        take(repr(value).encode())


def _feed_frame(frame: pd.DataFrame, take: Callable[[bytes], object]) -> None:
    crs = frame.crs if isinstance(frame, gpd.GeoDataFrame) else None
    take(crs.to_string().encode() if crs is not None else b"")
    _feed_column(frame.index, take)
    for number, name in enumerate(frame.columns):
        take(str(name).encode())
        _feed_column(frame.iloc[:, number], take)


def _feed_column(column: pd.Series | pd.Index, take: Callable[[bytes], object]) -> None:
    take(str(column.dtype).encode())
    if column.dtype == "geometry":
        shapes = np.asarray(column, dtype=object)
        kinds, xy, offsets = (None, None, ()) if not len(shapes) else _ragged(shapes)
        for part in (kinds, xy, *offsets):
            take(b"" if part is None else np.ascontiguousarray(part).tobytes())
    elif pd.api.types.is_numeric_dtype(column.dtype) and isinstance(column.dtype, np.dtype):
        take(np.ascontiguousarray(column.to_numpy()).tobytes())
    else:
        take("\x00".join(map(repr, column.tolist())).encode("utf-8", "surrogatepass"))


def _ragged(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:
    """Return types, coordinates and the number of points of each shape."""
    return (shapely.get_type_id(shapes), shapely.get_coordinates(shapes),
            (shapely.get_num_coordinates(shapes), shapely.get_num_geometries(shapes),
             _rings(shapes)))


def _rings(shapes: np.ndarray) -> np.ndarray:
    return np.asarray(shapely.get_num_coordinates(shapely.get_rings(shapely.get_parts(
        shapes[~shapely.is_missing(shapes)]))))


def _feed_raster(raster: Any, take: Callable[[bytes], object]) -> None:
    take(f"{raster.crs} {tuple(raster.transform)}".encode())
    take(np.ascontiguousarray(np.asarray(raster.values(), dtype=float)).tobytes())

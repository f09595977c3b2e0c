"""Points as arrays: ids and metres, from a frame or from bare coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qzrisk import crs
from qzrisk.errors import CRSError, SchemaError

Metres = npt.NDArray[np.float64]
Points: TypeAlias = gpd.GeoDataFrame | gpd.GeoSeries | Metres
"""A frame of points in a projected CRS, or an array (n, 2) of metres, whose ids are 0..n-1."""


@dataclass(frozen=True)
class Places:
    """Ids and coordinates of points.

    Attributes
    ----------
    ids : Index
    xy : array (n, 2), metres; NaN where the geometry is missing
    crs : pyproj CRS or None for bare arrays
    """

    ids: pd.Index
    xy: Metres
    crs: object

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """True where the point has coordinates."""
        return np.isfinite(self.xy[:, 0]) & np.isfinite(self.xy[:, 1])


def places(points: Points, *, where: str) -> Places:
    """Return the ids and coordinates of points.

    Raises
    ------
    CRSError
        If a frame is not in a projected CRS in metres.
    SchemaError
        If a geometry is no point, an id occurs twice, or an array is not (n, 2).
    """
    if isinstance(points, np.ndarray):
        if points.ndim != 2 or points.shape[1] != 2:
            raise SchemaError("coordinates of the wrong shape", where=where, expected="(n, 2)",
                              got=points.shape)
        return Places(pd.RangeIndex(len(points)), np.asarray(points, dtype=np.float64), None)
    made = crs.require_projected(points.crs, where=where)
    geometry = points.geometry.array
    kinds = shapely.get_type_id(np.asarray(geometry))
    wrong = ~np.isin(kinds, (shapely.GeometryType.MISSING, shapely.GeometryType.POINT))
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise SchemaError("a geometry that is no point", where=f"{where}: {points.index[first]}",
                          expected="Point", got=geometry[first].geom_type,
                          mend="representative_point()")
    if not points.index.is_unique:
        raise SchemaError("an id occurs twice", expected="unique ids",
                          where=f"{where}: {points.index[points.index.duplicated()][0]}")
    return Places(points.index, np.column_stack([shapely.get_x(geometry),
                                                 shapely.get_y(geometry)]), made)


def require_same(left: Places, right: Places, *, names: tuple[str, str]) -> None:
    """Raise CRSError, naming both, if two sets of points are in different CRSs."""
    if left.crs is None or right.crs is None or left.crs == right.crs:
        return
    if not left.crs.equals(right.crs, ignore_axis_order=True):  # type: ignore[attr-defined]
        raise CRSError(
            "two layers in different coordinate reference systems", where=" and ".join(names),
            expected=f"{names[0]}: {left.crs}", got=f"{names[1]}: {right.crs}",
            mend=f"{names[1]}.to_crs({names[0]}.crs)",
        )


def id_rank(ids: pd.Index) -> npt.NDArray[np.int64]:
    """Return the rank of each id in id order, by which ties are broken; ids need not be sorted."""
    if ids.is_monotonic_increasing:
        return np.arange(len(ids))
    rank = np.empty(len(ids), dtype=np.int64)
    rank[ids.argsort()] = np.arange(len(ids))
    return rank

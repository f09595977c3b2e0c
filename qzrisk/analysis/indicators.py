"""Indicators of units from rasters, things in space and persons: frames in, aligned Series out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.analysis import raster as _raster
from qzrisk.analysis import zonal
from qzrisk.crs import require_same
from qzrisk.errors import ConfigError
from qzrisk.grid import RasterLike, gather

Zones: TypeAlias = gpd.GeoDataFrame | gpd.GeoSeries


def share_above(raster: RasterLike, zones: Zones, above: float) -> pd.Series:
    """Share of each zone's known area where a raster is greater than a value.

    Parameters
    ----------
    raster : path or Raster
    zones : Polygons in the CRS of the raster, indexed unit_id
    above : number in the unit of the raster; a cell that equals it is not above

    Returns
    -------
    Series in [0, 1] indexed as `zones`
        NaN where no cell is known.

    Raises
    ------
    CRSError, SchemaError
        As `zonal.zonal_shares`.

    Examples
    --------
    >>> from qzrisk.grid import Raster
    >>> grid = Raster(np.array([[0.0, 3.0]]), crs="EPSG:4549", transform=(2, 0, 0, 0, -2, 2))
    >>> zone = gpd.GeoSeries([shapely.box(1, 0, 4, 2)], index=["A"], crs="EPSG:4549")
    >>> share_above(grid, zone, 1.0).round(4).tolist()
    [0.6667]
    """
    classes = gather(_raster.reclass(raster, bounds=[above]))
    return zonal.zonal_shares(classes, zones, [2])[2].rename("share")


def class_score(
    raster: RasterLike,
    zones: Zones,
    scores: Sequence[float] | Mapping[float, float],
    *,
    bounds: Sequence[float] = (),
) -> pd.Series:
    """Mean score of each zone, its cells scored by a table of classes.

    Parameters
    ----------
    raster : path or Raster
    zones : Polygons in the CRS of the raster, indexed unit_id
    scores : one score a class, low to high, with `bounds`; or code -> score for a raster of codes
    bounds : inner bounds of the classes, rising; a value on a bound takes the lower class

    Returns
    -------
    Series indexed as `zones`, unit of the scores
        NaN where no cell is known.

    Raises
    ------
    ConfigError
        If the table does not fit the bounds, or a zone holds a code that the table lacks.
    CRSError, SchemaError
        As `zonal.zonal_shares`.

    Examples
    --------
    >>> from qzrisk.grid import Raster
    >>> grid = Raster(np.array([[0.0, 3.0]]), crs="EPSG:4549", transform=(2, 0, 0, 0, -2, 2))
    >>> zone = gpd.GeoSeries([shapely.box(1, 0, 4, 2)], index=["A"], crs="EPSG:4549")
    >>> class_score(grid, zone, [0, 6], bounds=[1.0]).tolist()
    [4.0]
    """
    if isinstance(scores, Mapping):
        codes, points = list(scores), np.array(list(scores.values()), dtype=float)
        classes: RasterLike = raster
    else:
        codes, points = list(range(1, len(scores) + 1)), np.array(scores, dtype=float)
        if len(scores) != len(bounds) + 1 or not len(bounds):
            raise ConfigError("one score a class is needed", where="scores",
                              expected=f"{len(bounds) + 1} for {len(bounds)} bounds",
                              got=list(scores), mend="one score more than bounds")
        classes = gather(_raster.reclass(raster, bounds=bounds))
    shares = zonal.zonal_shares(classes, zones, codes)
    total = shares.sum(axis=1, skipna=False)
    lost = total[total < 1 - 1e-9]
    if len(lost):
        raise ConfigError("a code that the table lacks", where=f"zone {lost.index[0]}",
                          expected=codes, got=f"{1 - lost.iloc[0]:.1%} of its area has another",
                          mend="give every code a score")
    return pd.Series(shares.to_numpy() @ points, index=zones.index, name="score")


def zone_of(things: Zones, zones: Zones) -> pd.Series:
    """Zone in which each thing lies, an area or a line by a point on it.

    Parameters
    ----------
    things, zones : in one CRS; `zones` are Polygons indexed unit_id

    Returns
    -------
    Series of unit_id indexed as `things`
        Missing outside all zones and for things without a shape; on a shared edge the first zone.

    Raises
    ------
    CRSError
        If the CRS differs.
    """
    require_same(things, zones, names=("things", "zones"))
    points = shapely.point_on_surface(np.asarray(things.geometry.array))
    which, found = shapely.STRtree(np.asarray(zones.geometry.array)).query(
        points, predicate="intersects")
    first = pd.Series(found, index=which).groupby(level=0).min()
    made = np.full(len(things), None, dtype=object)
    made[first.index] = zones.index.to_numpy()[first]
    return pd.Series(made, index=things.index, name="unit_id", dtype="str")


def total(units: pd.Series, index: pd.Index, values: pd.Series | None = None) -> pd.Series:
    """Count the things of each unit, or sum their values.

    Parameters
    ----------
    units : Series of unit_id of each thing, see `zone_of`; missing is in no unit
    index : the units asked for
    values : Series of numbers on the index of `units`, optional; a missing value adds nothing

    Returns
    -------
    Series indexed by `index`
        0 where nothing is; NaN where things are but none has a value.

    Examples
    --------
    >>> total(pd.Series(["A", "A", None]), pd.Index(["A", "B"])).tolist()
    [2.0, 0.0]
    """
    load = pd.Series(1.0, index=units.index) if values is None else values.astype(float)
    groups = load.groupby(units.to_numpy())
    summed = groups.sum(min_count=1).reindex(index)
    empty = ~index.isin(units.dropna())
    return summed.where(~empty, 0.0).rename("total")


def persons_mean(values: pd.Series, persons: pd.Series, units: pd.Series, index: pd.Index
                 ) -> pd.Series:
    """Mean of values over the persons of each unit.

    Parameters
    ----------
    values : Series at the demand points, any unit
    persons, units : Series of persons and of unit_id on the same index
    index : the units asked for

    Returns
    -------
    Series in the unit of `values`, indexed by `index`
        Persons without a value count nowhere; NaN where no person has one.

    Examples
    --------
    >>> persons_mean(pd.Series([100.0, 400]), pd.Series([3, 1]), pd.Series(["A", "A"]),
    ...              pd.Index(["A", "B"])).tolist()
    [175.0, nan]
    """
    known = persons.where(values.notna(), 0.0).astype(float)
    parts = pd.DataFrame({"x": (values * known).fillna(0.0), "w": known})
    summed = parts.groupby(units.to_numpy()).sum()
    return (summed["x"] / summed["w"].where(summed["w"] > 0)).reindex(index).rename("mean")


def distance_to(points: Zones, features: Zones) -> pd.Series:
    """Straight distance of each point to the nearest feature, m; 0 inside a polygon.

    Raises
    ------
    CRSError
        If the CRS differs.
    ConfigError
        If there is no feature.
    """
    require_same(points, features, names=("points", "features"))
    shapes = np.asarray(features.geometry.array)
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise ConfigError("no feature to measure to", where="features", expected=">= 1 geometry")
    x, y = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    return pd.Series(_raster.nearest_m(shapes)(x, y), index=points.index, name="distance_m")

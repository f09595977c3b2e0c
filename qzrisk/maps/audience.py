"""What the public may see of a layer: as functions on frames, used before anything is drawn.

Hazardous plants, stores, team bases and railway points are told only as counts by town; other
points are rounded; no person is named.
"""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.crs import GEOGRAPHIC
from qzrisk.errors import ConfigError
from qzrisk.units import ancestors, in_statistics, members

STEP_DEG = 0.001
"""Step in degrees to which points are rounded for the public: about 100 m."""

COUNTED_LAYERS = ("teams", "railway_points", "risk_points")
"""Layers of which the public sees no single record, only counts by town."""

PARTLY_COUNTED = ("enterprises",)
"""Layers of which some records are only counted, see `counted_only`."""

_COUNTED_VALUES = {"kind": ("hazchem", "store"), "sector": ("hazchem", "gas")}
_PLACE_COLUMNS = ("chainage", "measure_m", "offset_m", "lon", "lat")


def counted_only(frame: pd.DataFrame, layer: str) -> pd.Series:
    """Return which records the public sees only as counts by town.

    Parameters
    ----------
    frame : records of a layer
    layer : its schema, e.g. ``"enterprises"``

    Returns
    -------
    bool Series on the index of `frame`
        All of `COUNTED_LAYERS`; of enterprises the hazardous-chemical and gas ones, stores, and
        all with a graded major hazard source; of other layers none.

    Examples
    --------
    >>> counted_only(pd.DataFrame({"kind": ["mine", "hazchem"]}), "enterprises").tolist()
    [False, True]
    """
    hidden = pd.Series(layer in COUNTED_LAYERS, index=frame.index)
    if layer not in PARTLY_COUNTED:
        return hidden
    for column, values in _COUNTED_VALUES.items():
        if column in frame:
            hidden |= frame[column].isin(values)
    if "major_hazard_grade" in frame:
        hidden |= frame["major_hazard_grade"].notna()
    return hidden


def rounded(points: gpd.GeoDataFrame, *, step_deg: float = STEP_DEG) -> gpd.GeoDataFrame:
    """Return points moved to the nearest multiple of a step in degrees, in their own CRS.

    Parameters
    ----------
    points : points in any CRS; missing geometries stay missing
    step_deg : step of longitude and latitude, degrees

    Raises
    ------
    ConfigError
        If the step is not positive.

    Examples
    --------
    >>> frame = gpd.GeoDataFrame(geometry=gpd.points_from_xy([118.58764], [24.91249]),
    ...                          crs="EPSG:4490")
    >>> rounded(frame).geometry.iloc[0].coords[0]
    (118.588, 24.912)
    """
    if not step_deg > 0:
        raise ConfigError("a step must be positive", where="rounded", expected="> 0",
                          got=step_deg)
    degrees = points.geometry.to_crs(GEOGRAPHIC)
    # Whole numbers of steps, then division by their inverse: no 118.58800000000001.
    per_degree = 1.0 / step_deg
    moved = shapely.transform(
        degrees.to_numpy(), lambda xy: np.round(np.round(xy * per_degree) / per_degree, 9))
    shapes = gpd.GeoSeries(moved, index=points.index, crs=GEOGRAPHIC)
    return points.set_geometry(shapes.to_crs(points.crs))


def shown(frame: gpd.GeoDataFrame, layer: str, *, audience: str, personal: Iterable[str] = (),
          step_deg: float = STEP_DEG) -> gpd.GeoDataFrame:
    """Return the records of a layer that an audience may see one by one.

    Parameters
    ----------
    frame : records of a layer
    layer : its schema
    audience : ``"public"`` or ``"internal"``
    personal : columns that name or reach a person
    step_deg : see `rounded`

    Returns
    -------
    GeoDataFrame
        For ``"internal"`` the frame itself. For ``"public"`` without the records of
        `counted_only`, without personal columns, points rounded.
    """
    if audience == "internal":
        return frame
    kept = frame[~counted_only(frame, layer)]
    kept = kept[[column for column in kept.columns if column not in set(personal)]]
    points = kept.geometry.geom_type.isin(("Point", "MultiPoint"))
    if not points.any():
        return kept
    return rounded(kept.drop(columns=[c for c in _PLACE_COLUMNS if c in kept]), step_deg=step_deg)


def town_counts(frame: pd.DataFrame, units: pd.DataFrame, *, by: pd.Series | None = None
                ) -> pd.DataFrame:
    """Return how many records lie in each town.

    Parameters
    ----------
    frame : records with the ``unit_id`` of a town or a village, where they have one
    units : membership table
    by : codes on the index of `frame`; a column for each

    Returns
    -------
    DataFrame of int indexed ``unit_id``, towns with at least one record in official order
        Columns: the sorted codes of `by`, then ``count``. Records that belong to no town, or to
        one outside the statistics, are in none; compare the sum with the length of `frame`.

    Examples
    --------
    >>> units = pd.DataFrame(
    ...     {"name": ["C", "K", "T", "V"], "level": ["city", "county", "town", "village"],
    ...      "parent_id": [None, "c", "k", "t"], "reporting_id": None, "in_statistics": True},
    ...     index=["c", "k", "t", "v"])
    >>> town_counts(pd.DataFrame({"unit_id": ["v", "t", "k"]}), units)["count"].to_dict()
    {'t': 2}
    """
    counted = in_statistics(units)
    given = frame.get("unit_id", pd.Series(index=frame.index, dtype="str"))
    home = given.map(ancestors(units, "town"))
    home = home.where(home.map(counted).fillna(False).astype(bool))
    known = home.notna()
    made = pd.crosstab(home[known], by[known]) if by is not None and known.any() else \
        pd.DataFrame(index=pd.Index(sorted(home[known].unique())))
    made.columns = [str(code) for code in made.columns]
    made["count"] = home[known].value_counts()
    towns = members(units, "town")
    return made.reindex(towns[towns.isin(made.index)]).astype("int64").rename_axis("unit_id")

"""Who can walk where in a project: roads, cells and shelters put together once for all hazards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk import rules
from qzrisk.analysis import network
from qzrisk.costs import CostMatrix
from qzrisk.pipeline.load import Loaded

SAMPLE_M = 100.0
"""Distance of the points along a road at which its depth of water is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Cells and shelters on the walking network.

    Attributes
    ----------
    demand : cells whose unit is known, by code or by place.
    lost : cells without a known unit; they are in no table, and said so.
    shelters : all shelters; ``unit_id`` filled from the place where it is missing or unknown.
    roads : the network for walkers, or None for a project without roads.
    cells, places : cells and shelters on it, see `network.snap`; None without roads.
    """

    demand: gpd.GeoDataFrame
    lost: gpd.GeoDataFrame
    shelters: gpd.GeoDataFrame
    roads: network.RoadNetwork | None
    cells: pd.DataFrame | None
    places: pd.DataFrame | None

    @property
    def basis(self) -> str:
        """``"road"``, or ``"straight"`` where minutes are straight distance times a detour."""
        return "straight" if self.roads is None else "road"


def access(loaded: Loaded) -> Access:
    """Return the cells and shelters of a project on its walking network."""
    units = loaded.tables["units"]
    demand = _located(loaded.layers["demand"], loaded, units)
    shelters = _located(loaded.layers["shelters"], loaded, units)
    known = demand["unit_id"].notna()
    inside = demand[known]
    lines = loaded.layers.get("roads")
    if lines is None or lines.empty:
        return Access(demand=inside, lost=demand[~known], shelters=shelters, roads=None,
                      cells=None, places=None)
    roads = network.road_network(lines, mode="walk")
    limit = rules.value("roads", "snap_limit")
    return Access(demand=inside, lost=demand[~known], shelters=shelters, roads=roads,
                  cells=network.snap(roads, inside, snap_limit_m=limit),
                  places=network.snap(roads, shelters, snap_limit_m=limit))


def road_check(given: Access) -> pd.DataFrame:
    """Return what the network is made of and what was left out of it.

    Returns
    -------
    DataFrame with a number from 1: ``part`` (``main``, ``apart`` or the rule by which roads were
    left out or assumed), ``roads``, ``nodes``, ``edges``, ``length_m``
        A row for each connected part, the largest first, then one for each rule; empty without
        roads.
    """
    columns = ["part", "roads", "nodes", "edges", "length_m"]
    if given.roads is None:
        return pd.DataFrame(columns=columns).rename_axis("number")
    parts = given.roads.components
    linked = parts.assign(part=np.where(np.arange(len(parts)) == 0, "main", "apart"))
    told = given.roads.report.groupby("rule", sort=True).agg(
        roads=("road_id", "nunique"), length_m=("length_m", lambda m: m.sum(min_count=1)))
    table = pd.concat([linked, told.rename_axis("part").reset_index()], ignore_index=True)
    for column in ("roads", "nodes", "edges"):
        table[column] = table[column].astype("Int64")
    return table[columns].set_axis(pd.RangeIndex(1, len(table) + 1, name="number"))


def _located(frame: gpd.GeoDataFrame, loaded: Loaded, units: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return a copy whose unit_id is a unit of the table, found by place where it must be."""
    given = frame["unit_id"] if "unit_id" in frame else pd.Series(pd.NA, index=frame.index)
    known = given.where(given.isin(units.index[units["in_statistics"].astype(bool)]))
    lost = known.isna()
    boundaries = loaded.layers.get("boundaries")
    if not lost.any() or boundaries is None:
        return frame.assign(unit_id=known)
    villages = boundaries[(boundaries["level"] == "village")
                          & boundaries.index.isin(units.index)]
    points = np.asarray(frame.geometry[lost].array)
    which, found = shapely.STRtree(np.asarray(villages.geometry.array)).query(
        points, predicate="intersects")
    # On a shared edge the first village takes the point.
    first = pd.Series(found, index=which).groupby(level=0).min()
    filled = known.astype(object)
    filled[known.index[lost.to_numpy()][first.index]] = villages.index.to_numpy()[first]
    return frame.assign(unit_id=filled.astype("str"))


def closed_roads(loaded: Loaded, hazard: str) -> tuple[pd.Series, pd.Series]:
    """Return the roads that a hazard closes: those on record, and those under water.

    Returns
    -------
    (recorded, flooded), bool Series indexed road_id
        ``flooded`` are the roads with a depth above the limit of the rule pack ``coverage`` at one
        of their points `SAMPLE_M` apart; bridges stand above the water.
    """
    roads = loaded.layers["roads"]
    none = pd.Series(False, index=roads.index, name="closed")
    limits = rules.load("coverage")["closure"].get(hazard, {})
    depths = {name: entry["value"] for name, entry in limits.items() if name in loaded.rasters}
    return network.closed_by(roads, hazard), _flooded(roads, loaded, depths) if depths else none


def _flooded(roads: gpd.GeoDataFrame, loaded: Loaded, depths: dict[str, float]) -> pd.Series:
    lines = np.asarray(roads.geometry.array)
    parts = np.maximum(np.ceil(np.nan_to_num(shapely.length(lines)) / SAMPLE_M).astype(int), 1) + 1
    of = np.repeat(np.arange(len(lines)), parts)
    step = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    points = gpd.GeoSeries(shapely.line_interpolate_point(
        lines[of], step / (parts[of] - 1), normalized=True), crs=roads.crs)
    wet = np.zeros(len(lines), dtype=bool)
    for name, limit in sorted(depths.items()):
        # Where the raster knows nothing a road stays open.
        np.logical_or.at(wet, of, loaded.rasters[name].sample(points).to_numpy() > limit)
    if "bridge" in roads:
        wet &= ~roads["bridge"].fillna(False).to_numpy(dtype=bool)
    return pd.Series(wet, index=roads.index, name="closed")


def walk_costs(given: Access, origins: Iterable[str], destinations: Iterable[str], *,
               max_cost_min: float, closed: pd.Series | None = None) -> CostMatrix:
    """Return the minutes on foot from cells to shelters, within a limit.

    Parameters
    ----------
    given : see `access`
    origins, destinations : ids of cells and shelters
    max_cost_min : limit
    closed : bool Series by road_id, optional
        Roads that nobody can use.
    """
    left, right = list(origins), list(destinations)
    if given.roads is None:
        speed_m_min = rules.value("roads", "walk.adult") * 60
        metres = network.straight_costs(
            given.demand.loc[left], given.shelters.loc[right],
            max_distance_m=max_cost_min * speed_m_min, detour=rules.value("roads", "detour"))
        return CostMatrix.from_csr(metres.matrix / speed_m_min, metres.origins,
                                   metres.destinations, unit="min")
    assert given.cells is not None and given.places is not None
    shut = closed is not None and bool(closed.any())
    roads = network.close(given.roads, closed) if shut else given.roads  # type: ignore[arg-type]
    return network.od_costs(roads, given.cells.loc[left], given.places.loc[right],
                            max_cost_min=max_cost_min)


def walk_nearest(given: Access, shelters: pd.Index, *, max_cost_min: float) -> pd.Series:
    """Return the minutes of every cell to its nearest of some shelters; NaN beyond the limit."""
    if given.roads is None:
        speed_m_min = rules.value("roads", "walk.adult") * 60
        found = network.straight_nearest(given.demand, given.shelters.loc[shelters])
        minutes = found["distance_m"] * rules.value("roads", "detour") / speed_m_min
        return minutes.where(minutes <= max_cost_min)
    assert given.cells is not None and given.places is not None
    found = network.road_nearest(given.roads, given.cells, given.places.loc[shelters],
                                 max_cost=max_cost_min)
    return found["cost"]

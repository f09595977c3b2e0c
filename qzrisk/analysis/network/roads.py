"""A road graph: nodes, edges with speeds in both directions, components."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy import sparse

from qzrisk import crs, rules
from qzrisk.analysis.network.noding import Edges, edges
from qzrisk.costs import Unit
from qzrisk.errors import ConfigError, ReachError

Mode = Literal["drive", "walk"]
Array = npt.NDArray[np.float64]

TOLERANCE_M = 0.01
"""Vertices of roads closer than this are one place."""

DEFAULT_CLASS = "unclassified"
_BACKWARD = ("-1", "reverse", "backward", "t")
_FORWARD = ("true", "yes", "1", "forward", "f")


@dataclass(frozen=True, eq=False, repr=False)
class RoadNetwork:
    """A graph of roads for one mode of travel; make one with `road_network`.

    Attributes
    ----------
    mode : {"drive", "walk"}
    crs : pyproj CRS, projected in metres
    edges : cut roads, with the nodes they join
    forward_m_min, backward_m_min : speed along and against each edge as drawn, metres a minute
        0 where that direction is closed.
    road_ids : Index
        Ids of the roads that ``edges.road`` counts.
    walk_m_min : float, metres a minute
        Speed of the walk from a point to its road.
    report : DataFrame(road_id, rule, length_m)
        What was left out or assumed: missing_geometry, zero_length, overshoot, unknown_class,
        not_for_mode.
    """

    mode: Mode
    crs: object
    edges: Edges
    forward_m_min: Array
    backward_m_min: Array
    road_ids: pd.Index
    walk_m_min: float
    report: pd.DataFrame

    def __repr__(self) -> str:
        return (f"RoadNetwork({self.mode}, {len(self.edges.node_xy):,} nodes, "
                f"{len(self.edges.start):,} edges, {len(self.components):,} components)")

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Spatial index of the edges, made at the first use."""
        return shapely.STRtree(self.edges.geometry)

    @cached_property
    def component(self) -> npt.NDArray[np.int64]:
        """Component of every node over the open edges; 0 is the one with the most road."""
        n = len(self.edges.node_xy)
        open_ = (self.forward_m_min > 0) | (self.backward_m_min > 0)
        i, j = self.edges.start[open_], self.edges.end[open_]
        linked = sparse.csr_array((np.ones(len(i)), (i, j)), shape=(n, n))
        count, label = sparse.csgraph.connected_components(linked, directed=False)
        length = np.bincount(label[i], weights=self.edges.length_m[open_], minlength=count)
        rank = np.empty(count, dtype=np.int64)
        rank[np.argsort(-length, kind="stable")] = np.arange(count)
        return rank[label]

    @cached_property
    def components(self) -> pd.DataFrame:
        """Nodes, edges and metres of road of every component; 0 is the main one."""
        count = int(self.component.max(initial=-1)) + 1
        open_ = (self.forward_m_min > 0) | (self.backward_m_min > 0)
        of_edge = self.component[self.edges.start[open_]]
        return pd.DataFrame({
            "nodes": np.bincount(self.component, minlength=count),
            "edges": np.bincount(of_edge, minlength=count),
            "length_m": np.bincount(of_edge, weights=self.edges.length_m[open_],
                                    minlength=count),
        }).rename_axis("component")

    def graph(self, unit: Unit, *, reverse: bool = False) -> Graph:
        """Return the sparse graph of costs in `unit`, made at the first use."""
        return self._graphs[unit, reverse]

    @cached_property
    def _graphs(self) -> _Graphs:
        return _Graphs(self)


@dataclass(frozen=True)
class Graph:
    """Costs in one unit and one sense of travel.

    Attributes
    ----------
    indptr, heads, weights : neighbours and costs of each node
    forward, backward : cost per metre along and against each edge; infinite where closed
    """

    indptr: npt.NDArray[np.int64]
    heads: npt.NDArray[np.int32]
    weights: Array
    forward: Array
    backward: Array


class _Graphs(dict[tuple[Unit, bool], Graph]):
    def __init__(self, network: RoadNetwork) -> None:
        super().__init__()
        self.network = network

    def __missing__(self, key: tuple[Unit, bool]) -> Graph:
        unit, reverse = key
        speeds = (self.network.forward_m_min, self.network.backward_m_min)
        rates = [np.divide(1.0, 1.0 if unit == "m" else speed, where=speed > 0,
                           out=np.full(len(speed), np.inf)) for speed in speeds]
        forward, backward = reversed(rates) if reverse else rates
        cut = self.network.edges
        along, against = np.isfinite(forward), np.isfinite(backward)
        tails = np.concatenate([cut.start[along], cut.end[against]])
        heads = np.concatenate([cut.end[along], cut.start[against]])
        weights = np.concatenate([(cut.length_m * np.where(along, forward, 0))[along],
                                  (cut.length_m * np.where(against, backward, 0))[against]])
        order = np.argsort(tails, kind="stable")
        indptr = np.zeros(len(cut.node_xy) + 1, dtype=np.int64)
        np.cumsum(np.bincount(tails, minlength=len(cut.node_xy)), out=indptr[1:])
        self[key] = Graph(indptr, heads[order].astype(np.int32), weights[order], forward, backward)
        return self[key]


def road_network(
    roads: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    mode: Mode = "drive",
    crossings: bool = False,
    closed: pd.Series | None = None,
    walk_m_s: float | None = None,
    speeds_kmh: dict[str, float] | None = None,
    tolerance_m: float = TOLERANCE_M,
) -> RoadNetwork:
    """Graph of a layer of roads.

    Parameters
    ----------
    roads : GeoDataFrame of lines in a projected CRS, indexed road_id
        Only the geometry is required. Read if present: ``class`` (speed by class), ``speed_kmh``
        (overrides the class), ``oneway`` (True, or ``"-1"`` against the line as drawn; ignored on
        foot), ``bridge`` (makes no crossing).
    mode : {"drive", "walk"}
    crossings : bool
        Also make a node where roads cross without a shared end. Otherwise roads join at shared
        ends and where an end lies on a vertex of another road.
    closed : bool Series indexed road_id, optional
        Roads that nobody can use now; see `close`.
    walk_m_s : float, m/s, optional
        Walking speed; by default that of adults in the rule pack ``roads``.
    speeds_kmh : dict of class -> km/h, optional
        Replaces single classes of the rule pack; 0 bars vehicles.
    tolerance_m : float, m
        Vertices closer than this are one place.

    Returns
    -------
    RoadNetwork

    Raises
    ------
    CRSError
        If the CRS is not projected in metres.
    SchemaError
        If a geometry is no line.
    ConfigError
        If the mode is unknown, a speed is not positive, or no usable road is left.

    Examples
    --------
    >>> lines = shapely.linestrings([[[0, 0], [100, 0]], [[100, 0], [100, 50]]])
    >>> road_network(gpd.GeoDataFrame(geometry=lines, crs="EPSG:4549"), mode="walk")
    RoadNetwork(walk, 3 nodes, 2 edges, 1 components)
    """
    if mode not in ("drive", "walk"):
        raise ConfigError("unknown mode of travel", expected="drive or walk", got=repr(mode))
    made = crs.require_projected(roads.crs, where="roads")
    frame = gpd.GeoDataFrame(geometry=roads) if isinstance(roads, gpd.GeoSeries) else roads
    walk = _positive(walk_m_s or rules.value("roads", "walk.adult"), "walk_m_s") * 60
    speed, assumed = _speeds(frame, mode, walk, speeds_kmh or {})
    usable = speed > 0
    lines = frame[usable]
    if not len(lines):
        raise ConfigError("no road can be used", where="roads", got=f"{len(frame)} roads",
                          expected="at least one line", mend=f"check class and mode {mode!r}")
    cut = edges(lines, crossings=crossings, tolerance_m=tolerance_m)
    forward, backward = _directions(lines, mode)
    network = RoadNetwork(
        mode, made, cut, (speed[usable] * forward)[cut.road], (speed[usable] * backward)[cut.road],
        lines.index, walk, pd.concat([assumed, cut.report], ignore_index=True),
    )
    return network if closed is None else close(network, closed)


def close(network: RoadNetwork, closed: pd.Series) -> RoadNetwork:
    """Network with some roads closed to everybody.

    Parameters
    ----------
    network : RoadNetwork
    closed : bool Series indexed road_id
        Roads it does not name stay as they are.

    Returns
    -------
    RoadNetwork
        Same nodes and edges, so that points already snapped stay valid. A point on a closed road
        keeps its place there and is cut off: a closed road never shortens a trip.

    Raises
    ------
    ReachError
        If a closed road is not in the network's roads (roads barred to the mode are not).
    """
    shut = closed.index[closed.to_numpy(dtype=bool)]
    lost = shut[~shut.isin(network.road_ids) & ~shut.isin(network.report["road_id"])]
    if len(lost):
        raise ReachError("a closed road that the network lacks", where=f"closed: {lost[0]}",
                         got=f"{len(lost)} of {len(shut)}")
    open_ = ~network.road_ids.isin(shut)[network.edges.road]
    return replace(network, forward_m_min=network.forward_m_min * open_,
                   backward_m_min=network.backward_m_min * open_)


def closed_by(roads: pd.DataFrame, hazard: str) -> pd.Series:
    """Tell which roads a hazard closes, by their column ``closed_by`` (codes joined by ``;``).

    Returns
    -------
    bool Series ``closed``, indexed as `roads`; False where nothing is recorded

    Examples
    --------
    >>> closed_by(pd.DataFrame({"closed_by": ["flood;surge", None]}), "surge").tolist()
    [True, False]
    """
    if "closed_by" not in roads:
        return pd.Series(False, index=roads.index, name="closed")
    codes = roads["closed_by"].fillna("").astype(str).str.split(";")
    return codes.map(lambda found: hazard in found).astype(bool).rename("closed")


def _positive(value: float, where: str) -> float:
    if not value > 0:
        raise ConfigError("a speed must be positive", where=where, got=value)
    return float(value)


def _speeds(frame: gpd.GeoDataFrame, mode: Mode, walk_m_min: float, own: dict[str, float]
            ) -> tuple[Array, pd.DataFrame]:
    """Speed of every road, metres a minute, 0 = barred; and the report on classes."""
    names = pd.Series(DEFAULT_CLASS, index=frame.index)
    if "class" in frame:
        names = frame["class"].astype(object).fillna(DEFAULT_CLASS).astype(str)
        names = names.str.removesuffix("_link")
    if mode == "walk":
        barred = names.isin(rules.value("roads", "walk.closed_classes")).to_numpy()
        return np.where(barred, 0.0, walk_m_min), _named(frame.index, barred, "not_for_mode")
    table = {name: entry["value"] for name, entry in rules.load("roads")["drive"].items()} | own
    speed = names.map(table).astype(float)
    unknown = speed.isna().to_numpy()
    speed = speed.fillna(float(table[DEFAULT_CLASS]))
    barred = (speed == 0).to_numpy()
    if "speed_kmh" in frame:
        given = pd.to_numeric(frame["speed_kmh"])
        if (given <= 0).any():
            raise ConfigError("a speed must be positive", got=given[given <= 0].iloc[0],
                              where=f"roads.speed_kmh: {given.index[given <= 0][0]}",
                              mend="leave it empty to take the speed of the class")
        speed = given.fillna(speed).where(~barred, 0.0)
        unknown = unknown & given.isna().to_numpy()
    report = pd.concat([_named(frame.index, unknown, "unknown_class"),
                        _named(frame.index, barred, "not_for_mode")], ignore_index=True)
    return speed.to_numpy() * (1000 / 60), report


def _named(ids: pd.Index, which: npt.NDArray[np.bool_], rule: str) -> pd.DataFrame:
    return pd.DataFrame({"road_id": ids[which], "rule": rule,
                         "length_m": np.full(int(which.sum()), np.nan)})


def _directions(lines: gpd.GeoDataFrame, mode: Mode
                ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which roads are open along and against the line as drawn."""
    every = np.ones(len(lines), dtype=bool)
    if mode == "walk" or "oneway" not in lines:
        return every, every
    code = lines["oneway"].astype(object).fillna("no").astype(str).str.lower()
    against = code.isin(_BACKWARD).to_numpy()
    return ~against, ~code.isin(_FORWARD).to_numpy()

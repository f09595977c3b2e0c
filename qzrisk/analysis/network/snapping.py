"""Points onto roads: the edge, the place along it, the walk to it, or the reason why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qzrisk.analysis.network.kernels import ends
from qzrisk.analysis.network.points import Places, Points, places, require_same
from qzrisk.analysis.network.roads import Graph, RoadNetwork
from qzrisk.costs import Unit, check_limit
from qzrisk.errors import ConfigError

SNAP_COLUMNS = ("edge", "position_m", "walk_m", "component", "reason")
NO_GEOMETRY, TOO_FAR, CLOSED_ROAD, OFF_MAIN = ("no_geometry", "too_far_from_road", "closed_road",
                                               "off_main_component")
_ON_NODE_M = 1e-6

Ways = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float64]]
"""(indptr, node or target numbers, costs)."""


def snap(network: RoadNetwork, points: Points, *, snap_limit_m: float) -> pd.DataFrame:
    """Place points on their nearest edge, and name those that have no way to the main network.

    Parameters
    ----------
    network : RoadNetwork
    points : GeoDataFrame or GeoSeries of points in the network's CRS, or array (n, 2), m
    snap_limit_m : float, m
        A point farther from every road is not on the network.

    Returns
    -------
    DataFrame(edge, position_m, walk_m, component, reason), indexed as `points`
        ``edge``: number in ``network.edges``, -1 if none; ``position_m``: metres from the edge's
        start; ``walk_m``: metres from the point to the road; ``component``: 0 is the main one, -1
        none; ``reason``: empty where all is well, else ``no_geometry``, ``too_far_from_road``,
        ``closed_road`` or ``off_main_component``. Metres are NaN where there is no edge.

    Raises
    ------
    CRSError
        If the CRSs differ or are not projected in metres.
    """
    limit = check_limit(snap_limit_m)
    where = places(points, where="points")
    require_same(Places(network.road_ids, where.xy[:0], network.crs), where,
                 names=("network", "points"))
    n = len(where.ids)
    edge, position, walk = np.full(n, -1), np.full(n, np.nan), np.full(n, np.nan)
    present = np.flatnonzero(where.present)
    if len(present):
        dots = shapely.points(where.xy[present])
        (which, found), distance = network.tree.query_nearest(
            dots, max_distance=max(limit, _ON_NODE_M) * (1 + 1e-9), return_distance=True,
            all_matches=False)
        near = distance <= limit
        which, found, walk[present[which[near]]] = which[near], found[near], distance[near]
        edge[present[which]] = found
        position[present[which]] = shapely.line_locate_point(network.edges.geometry[found],
                                                             dots[which])
    on = edge >= 0
    component, reason = np.full(n, -1), np.where(where.present, TOO_FAR, NO_GEOMETRY).astype(object)
    component[on], reason[on] = _standing(network, edge[on], position[on])
    return pd.DataFrame(dict(zip(SNAP_COLUMNS, (edge, position, walk, component,
                                                reason.astype(str)), strict=True)),
                        index=where.ids)


def at_nodes(network: RoadNetwork) -> pd.DataFrame:
    """Snapped places of all nodes, numbered 0..n-1, to measure from everywhere at once.

    Returns
    -------
    DataFrame as `snap`; ``walk_m`` is 0
    """
    cut = network.edges
    nodes = np.concatenate([cut.start, cut.end])
    _, first = np.unique(nodes, return_index=True)
    edge = first % len(cut.start)
    position = np.where(first < len(cut.start), 0.0, cut.length_m[edge])
    component, reason = _standing(network, edge, position)
    return pd.DataFrame(dict(zip(SNAP_COLUMNS, (edge, position, np.zeros(len(edge)), component,
                                                reason.astype(str)), strict=True)))


def _standing(network: RoadNetwork, edge: npt.NDArray[np.int64], position: npt.NDArray[np.float64]
              ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    cut = network.edges
    node = np.where(position > cut.length_m[edge] / 2, cut.end[edge], cut.start[edge])
    component = network.component[node]
    at_node = _at_start(position) | _at_end(position, cut.length_m[edge])
    shut = (network.forward_m_min[edge] == 0) & (network.backward_m_min[edge] == 0) & ~at_node
    reason = np.where(component == 0, "", OFF_MAIN).astype(object)
    reason[shut] = CLOSED_ROAD
    return component, reason


def _at_start(position: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return position <= _ON_NODE_M


def _at_end(position: npt.NDArray[np.float64], length: npt.NDArray[np.float64]
            ) -> npt.NDArray[np.bool_]:
    return (position >= length - _ON_NODE_M) & ~_at_start(position)


@dataclass(frozen=True)
class Stops:
    """Points on the network as arrays.

    Attributes
    ----------
    ids : Index
    edge, position_m : place on the network; edge -1 if not snapped
    walk : cost of the walk to the road, in `unit`
    """

    ids: pd.Index
    edge: npt.NDArray[np.int64]
    position_m: npt.NDArray[np.float64]
    walk: npt.NDArray[np.float64]


def stops(network: RoadNetwork, snapped: pd.DataFrame, unit: Unit) -> Stops:
    """Return snapped points as arrays with their walk in `unit`.

    Raises
    ------
    ConfigError
        If the frame does not come from `snap` on a network with these edges.
    """
    edge = snapped["edge"].to_numpy()
    if edge.max(initial=-1) >= len(network.edges.start):
        raise ConfigError("points snapped to another network", where="edge", got=edge.max(),
                          expected=f"< {len(network.edges.start)}", mend="snap them to this one")
    rate = 1.0 if unit == "m" else 1.0 / network.walk_m_min
    return Stops(snapped.index, edge, snapped["position_m"].to_numpy(),
                 snapped["walk_m"].to_numpy() * rate)


def leaving(network: RoadNetwork, points: Stops, graph: Graph) -> Ways:
    """Nodes that each point reaches first, and the cost: one on a node, else its edge's two ends.

    Costs are of leaving; take the opposite graph for the cost of arriving.
    """
    cut = network.edges
    ways: Ways = ends((points.edge, points.position_m, points.walk),
                      (cut.start, cut.end, cut.length_m), (graph.forward, graph.backward),
                      _ON_NODE_M)
    return ways


def _grouped(group: npt.NDArray[np.int64], member: npt.NDArray[np.int64],
            cost: npt.NDArray[np.float64], n: int) -> Ways:
    """Return (indptr, members, costs) of rows sorted by group 0..n-1."""
    order = np.argsort(group, kind="stable")
    indptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(group, minlength=n), out=indptr[1:])
    return indptr, member[order], cost[order]


def along_edge(network: RoadNetwork, sources: Stops, targets: Stops, graph: Graph) -> Ways:
    """Costs from sources to targets on the same edge without touching a node, by source."""
    by_edge = np.argsort(targets.edge, kind="stable")
    sorted_edge = targets.edge[by_edge]
    inside = _inside(network, sources)
    low = np.searchsorted(sorted_edge, sources.edge[inside], side="left")
    sizes = np.searchsorted(sorted_edge, sources.edge[inside], side="right") - low
    source = np.repeat(inside, sizes)
    step = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    target = by_edge[np.repeat(low, sizes) + step]
    gap = targets.position_m[target] - sources.position_m[source]
    edge = sources.edge[source]
    rate = np.where(gap >= 0, graph.forward[edge], graph.backward[edge])
    # Two points at one place meet also on a closed edge.
    cost = np.where(gap == 0, 0.0, np.abs(gap) * np.where(gap == 0, 0.0, rate))
    keep = np.isfinite(cost)
    total = cost + sources.walk[source] + targets.walk[target]
    return _grouped(source[keep], target[keep], total[keep], len(sources.ids))


def _inside(network: RoadNetwork, points: Stops) -> npt.NDArray[np.int64]:
    """Rows of points that lie on an edge, not on its ends."""
    on = np.flatnonzero(points.edge >= 0)
    position, length = points.position_m[on], network.edges.length_m[points.edge[on]]
    return on[~_at_start(position) & ~_at_end(position, length)]

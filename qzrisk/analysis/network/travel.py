"""Costs of travel over a road network."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from qzrisk import rules
from qzrisk.analysis.network.kernels import (
    by_member,
    count,
    least_label,
    nearest_labels,
    scatter,
    search,
)
from qzrisk.analysis.network.points import Points, id_rank
from qzrisk.analysis.network.roads import RoadNetwork
from qzrisk.analysis.network.snapping import (
    SNAP_COLUMNS,
    Stops,
    Ways,
    along_edge,
    leaving,
    snap,
    stops,
)
from qzrisk.costs import CostMatrix, Unit, check_limit
from qzrisk.engine import map_blocks
from qzrisk.errors import ConfigError

BLOCK_SOURCES = 3000
"""Sources searched by one thread in a row; the result does not depend on it."""

Ints = npt.NDArray[np.int64]
Block = tuple[Ints, Ints, npt.NDArray[np.int32], npt.NDArray[np.float64]]
"""(first, last, target numbers, costs), the first two by source."""


def od_costs(
    network: RoadNetwork,
    origins: Points | pd.DataFrame,
    destinations: Points | pd.DataFrame,
    *,
    max_cost_min: float | None = None,
    max_cost_m: float | None = None,
    snap_limit_m: float | None = None,
) -> CostMatrix:
    """Least cost of travel from every origin to every destination within a limit.

    Parameters
    ----------
    network : RoadNetwork
    origins, destinations : points (projected as the network), or frames from `snap`
    max_cost_min : float, minutes
    max_cost_m : float, metres
        Give exactly one limit; it sets the unit of the costs.
    snap_limit_m : float, m, optional
        Farthest a point may lie from a road; by default that of the rule pack ``roads``.

    Returns
    -------
    CostMatrix, min or m
        The walk from a point to its road is part of the cost and of the limit. A point that has no
        place on the network has no pair.

    Raises
    ------
    ConfigError
        Unless exactly one limit is given.
    CRSError
        If the CRSs differ.

    Warns
    -----
    UserWarning
        Names points without a place on the main network; `snap` gives the reason for each.

    Notes
    -----
    One bounded shortest-path search from each point of the smaller side, against the direction of
    travel where that side is the destinations. A point on an edge leaves and arrives by both ends
    that its direction allows; two points on one edge also meet along it.

    References
    ----------
    Dijkstra (1959), A note on two problems in connexion with graphs.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely.geometry import LineString
    >>> from qzrisk.analysis.network import road_network
    >>> road = gpd.GeoDataFrame(geometry=[LineString([(0, 0), (900, 0)])], crs="EPSG:4549")
    >>> homes = gpd.GeoSeries.from_xy([0, 800], [0, 0], index=["a", "b"], crs="EPSG:4549")
    >>> shelter = gpd.GeoSeries.from_xy([300], [0], index=["s"], crs="EPSG:4549")
    >>> walk = road_network(road, mode="walk")
    >>> od_costs(walk, homes, shelter, max_cost_m=400.0).to_series().to_dict()
    {('a', 's'): 300.0}
    """
    unit, limit = _limit(max_cost_min, max_cost_m)
    left, right = (_stops(network, points, unit, snap_limit_m, what)
                   for points, what in ((origins, "origins"), (destinations, "destinations")))
    forward = len(left.ids) <= len(right.ids)
    sources, targets = (left, right) if forward else (right, left)
    blocks, places = _searched(network, sources, targets, unit, limit, reverse=not forward)
    shape = (len(targets.ids), len(sources.ids))
    matrix = _transposed(blocks, places, shape)
    if forward:
        matrix = matrix.tocsc().T
    return CostMatrix.from_csr(sparse.csr_array(matrix), left.ids, right.ids, unit=unit)


def road_nearest(
    network: RoadNetwork,
    origins: Points | pd.DataFrame,
    destinations: Points | pd.DataFrame,
    *,
    unit: Unit = "min",
    max_cost: float = float("inf"),
    snap_limit_m: float | None = None,
) -> pd.DataFrame:
    """Nearest destination of every origin over the network; ties go to the least id.

    Parameters
    ----------
    network, origins, destinations, snap_limit_m : as `od_costs`
    unit : {"min", "m"}
    max_cost : float, in `unit`

    Returns
    -------
    DataFrame(destination, cost), indexed as `origins`, cost in `unit`
        NaN where no destination is within reach.

    Notes
    -----
    One search from all destinations at once, against the direction of travel.
    """
    limit = check_limit(max_cost)
    left, right = (_stops(network, points, unit, snap_limit_m, what)
                   for points, what in ((origins, "origins"), (destinations, "destinations")))
    toward = network.graph(unit, reverse=True)
    rank = id_rank(right.ids)
    starts = leaving(network, right, toward)
    # About the reach of one source if all had as many nodes: only the speed depends on it.
    share = len(network.edges.node_xy) / max(len(right.ids), 1)
    step = float(toward.weights.sum()) / max(len(toward.weights), 1)
    radius = min(limit, step * share**0.5)
    found = nearest_labels((toward.indptr, toward.heads, toward.weights), starts,
                           _near_together(starts), rank, radius, limit)
    graph = network.graph(unit)
    cost, label = least_label(leaving(network, left, graph),
                              along_edge(network, left, right, graph), found, rank, limit)
    near = np.flatnonzero(label >= 0)
    result = pd.DataFrame({"destination": right.ids.take(label[near]), "cost": cost[near]},
                          index=left.ids[near])
    return result if len(near) == len(left.ids) else result.reindex(left.ids)


def _limit(max_cost_min: float | None, max_cost_m: float | None) -> tuple[Unit, float]:
    if max_cost_m is not None and max_cost_min is None:
        return "m", check_limit(max_cost_m)
    if max_cost_min is not None and max_cost_m is None:
        return "min", check_limit(max_cost_min)
    raise ConfigError("exactly one limit is wanted", where="od_costs",
                      expected="max_cost_min or max_cost_m", got=(max_cost_min, max_cost_m))


def _stops(network: RoadNetwork, points: Points | pd.DataFrame, unit: Unit,
           snap_limit_m: float | None, what: str) -> Stops:
    if isinstance(points, pd.DataFrame) and set(SNAP_COLUMNS) <= set(points.columns):
        return stops(network, points, unit)
    limit = rules.value("roads", "snap_limit") if snap_limit_m is None else snap_limit_m
    snapped = snap(network, points, snap_limit_m=limit)
    off = snapped.index[snapped["reason"] != ""]
    if len(off):
        named = ", ".join(map(str, off[:5]))
        warnings.warn(f"{len(off)} of {len(snapped)} {what} have no place on the main network: "
                      f"{named}{' ...' if len(off) > 5 else ''}; snap() gives the reasons",
                      UserWarning, stacklevel=3)
    return stops(network, snapped, unit)


def _searched(network: RoadNetwork, sources: Stops, targets: Stops, unit: Unit, limit: float, *,
              reverse: bool) -> tuple[list[Block], Ints]:
    """Pairs by source, targets numbered along the nodes; and the target of every such number."""
    graph, back = network.graph(unit, reverse=reverse), network.graph(unit, reverse=not reverse)
    by_node, number, cost, order = by_member(leaving(network, targets, back),
                                             len(network.edges.node_xy))
    starts = leaving(network, sources, graph)
    direct = along_edge(network, sources, targets, graph)
    if len(direct[1]):
        # Targets on a closed edge have no node and are met along the edge alone.
        order = np.concatenate([order, np.setdiff1d(direct[1], order)])
        place = np.empty(len(targets.ids), dtype=np.int64)
        place[order] = np.arange(len(order))
        direct = (direct[0], place[direct[1]], direct[2])
    run = partial(_search_block, (graph.indptr, graph.heads, graph.weights), starts,
                  (by_node, number, cost), direct, len(order), limit)
    n = len(sources.ids)
    blocks = [(low, min(low + BLOCK_SOURCES, n)) for low in range(0, n, BLOCK_SOURCES)]
    return map_blocks(run, blocks), order


def _search_block(graph: Ways, starts: Ways, targets: Ways, direct: Ways, n_targets: int,
                  limit: float, block: tuple[int, int]) -> Block:
    own = _rows(starts, block)
    found: Block = search(graph, own, targets, _rows(direct, block), _near_together(own),
                          n_targets, limit)
    return found


def _near_together(starts: Ways) -> Ints:
    """Order of the sources by the nodes they start from: near ones follow one another."""
    first = np.zeros(len(starts[0]) - 1, dtype=np.int64)
    some = np.diff(starts[0]) > 0
    first[some] = starts[1][starts[0][:-1][some]]
    return np.argsort(first, kind="stable")


def _rows(ways: Ways, block: tuple[int, int]) -> Ways:
    indptr, member, cost = ways
    low, high = indptr[block[0]], indptr[block[1]]
    return indptr[block[0]: block[1] + 1] - low, member[low:high], cost[low:high]


def _transposed(blocks: list[Block], places: Ints, shape: tuple[int, int]
                ) -> sparse.csr_array:
    """Pairs by target from blocks of pairs by source."""
    counts = np.zeros(shape[0], dtype=np.int64)
    for _, _, ids, _ in blocks:
        count(ids, places, counts)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    at = indptr[:-1].copy()
    columns, data = np.empty(indptr[-1], dtype=np.int32), np.empty(indptr[-1])
    row = 0
    while blocks:
        block = blocks.pop(0)
        scatter(block, row, places, at, columns, data)
        row += len(block[0])
    return sparse.csr_array((data, columns, indptr), shape=shape)

"""Road networks and straight lines against their peers: CPU time of whole public calls.

Run ``python benchmarks/bench_network.py [nodes]``. Every peer works in the same process on the
same graph, rounds are interleaved, and the answers are compared before the times are.
"""

from __future__ import annotations

import sys
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from harness import Table, memory_peak_mb, reset_memory_peak_mb
from scipy import sparse
from scipy.spatial import Delaunay, cKDTree

from qzrisk.analysis import network as net

SIDE_M = 180_000.0
SHELTERS = 2746
ORIGIN = np.array([560_000.0, 2_700_000.0])


def town_points(n: int, seed: int, rural: float) -> np.ndarray:
    """Points in 175 towns of lognormal size on a thin rural background, metres."""
    towns = np.random.default_rng(1)
    centre = towns.uniform(0.05 * SIDE_M, 0.95 * SIDE_M, (175, 2))
    weight = towns.lognormal(0, 1.2, 175)
    spread = 1500 + 6000 * np.sqrt(weight / weight.max())
    rng = np.random.default_rng(seed)
    town = rng.choice(175, n, p=weight / weight.sum())
    xy = centre[town] + rng.normal(size=(n, 2)) * spread[town, None]
    wild = rng.random(n) < rural
    xy[wild] = rng.uniform(0, SIDE_M, (int(wild.sum()), 2))
    return np.clip(xy, 0, SIDE_M) + ORIGIN


def road_lines(n: int) -> gpd.GeoDataFrame:
    """Roads with n nodes: a spanning tree of a triangulation and a quarter of the other edges."""
    xy = np.unique(np.round(town_points(n, 3, 0.45), 1), axis=0)
    corners = Delaunay(xy).simplices
    pairs = np.unique(np.sort(np.vstack([corners[:, [0, 1]], corners[:, [1, 2]],
                                         corners[:, [0, 2]]]), axis=1), axis=0).astype(np.int64)
    length = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    tree = sparse.csgraph.minimum_spanning_tree(
        sparse.csr_array((length, pairs.T), shape=(len(xy), len(xy)))).tocoo()
    packed = pairs[:, 0] * len(xy) + pairs[:, 1]
    in_tree = np.isin(packed, np.minimum(tree.row, tree.col).astype(np.int64) * len(xy)
                      + np.maximum(tree.row, tree.col))
    chance = np.random.default_rng(9).random(len(pairs)) < 0.26
    keep = in_tree | (chance & (length < 6 * np.median(length)))
    return gpd.GeoDataFrame(geometry=shapely.linestrings(xy[pairs[keep]]), crs="EPSG:4549")


def as_matrix(network: net.RoadNetwork) -> sparse.csr_array:
    """The network as a scipy matrix of metres, for the peers."""
    cut, n = network.edges, len(network.edges.node_xy)
    i, j = np.r_[cut.start, cut.end], np.r_[cut.end, cut.start]
    return sparse.csr_array((np.r_[cut.length_m, cut.length_m], (i, j)), shape=(n, n))


def scipy_pairs(matrix: sparse.csr_array, sources: np.ndarray, limit: float) -> float:
    """Sum of all costs within the limit: dense rows in chunks, as the peer gives them."""
    total = 0.0
    for low in range(0, len(sources), 60):
        rows = sparse.csgraph.dijkstra(matrix, indices=sources[low: low + 60], limit=limit)
        total += rows[np.isfinite(rows)].sum()
    return total


def bench_roads(n: int) -> None:
    """All pairs within a limit, and the nearest, on n nodes."""
    clock = time.process_time()
    lines = road_lines(n)
    made = time.process_time()
    network = net.road_network(lines, mode="walk")
    built = time.process_time()
    del lines
    nodes = net.at_nodes(network)
    matrix = as_matrix(network)
    spots = net.snap(network, town_points(SHELTERS, 77, 0.2), snap_limit_m=1e6)
    at = np.unique(network.edges.start[spots["edge"]])
    shelters = nodes.iloc[at]
    print(network, f"lines {made - clock:.1f} s, road_network {built - made:.2f} s CPU,",
          len(at), "sources")

    def ours(limit: float) -> float:
        return float(net.od_costs(network, nodes, shelters, max_cost_m=limit).matrix.data.sum())

    def peer_pandana() -> float:
        found = pandana_network(network).nodes_in_range(list(at), 2500.0)
        return float(found.iloc[:, -1].sum())

    table = Table(f"all pairs within 2.5 km, {n:,} nodes x {len(at):,}")
    table.add("qzrisk od_costs", lambda: ours(2500.0))
    if n <= 200_000:
        pandana_network(network)
        table.add("pandana range (built before)", peer_pandana)
        table.add("scipy dijkstra(limit)", lambda: scipy_pairs(matrix, at, 2500.0))
    table.run(rounds=3, tolerance=1e-4)
    if n >= 1_000_000:
        before = reset_memory_peak_mb()
        clock = time.process_time()
        found = net.od_costs(network, nodes, shelters, max_cost_m=10_000.0)
        print(f"within 10 km: {found.matrix.nnz:,} pairs, {time.process_time() - clock:.1f} s CPU, "
              f"peak {memory_peak_mb():.0f} MB, of which {before:.0f} MB were there before")
        del found

    table = Table(f"nearest, {n:,} nodes")
    table.add("qzrisk road_nearest", lambda: float(np.nansum(
        net.road_nearest(network, nodes, shelters, unit="m")["cost"])))
    table.add("scipy dijkstra(min_only, predecessors)", lambda: finite_sum(
        sparse.csgraph.dijkstra(matrix, indices=at, min_only=True, return_predecessors=True)[0]))
    table.run(rounds=3, tolerance=1e-9)


_PANDANA: dict[int, object] = {}


def pandana_network(network: net.RoadNetwork) -> object:
    """Build the peer's network once."""
    import pandana

    if id(network) not in _PANDANA:
        cut, clock = network.edges, time.process_time()
        xy = pd.DataFrame(cut.node_xy, columns=["x", "y"])
        _PANDANA[id(network)] = pandana.Network(
            xy["x"], xy["y"], pd.Series(cut.start), pd.Series(cut.end),
            pd.DataFrame({"metres": cut.length_m}), twoway=True)
        print(f"pandana network build {time.process_time() - clock:.1f} s CPU (not counted)")
    return _PANDANA[id(network)]


def finite_sum(values: np.ndarray) -> float:
    """Sum of the finite values."""
    return float(values[np.isfinite(values)].sum())


def bench_straight() -> None:
    """Nearest of a million points on arrays."""
    xy, shelters = town_points(1_000_000, 5, 0.3), town_points(SHELTERS, 77, 0.2)
    table = Table("straight nearest, 1,000,000 points x 2,746")
    table.add("qzrisk straight_nearest",
              lambda: float(net.straight_nearest(xy, shelters)["distance_m"].sum()))
    table.add("scipy cKDTree", lambda: float(cKDTree(shelters).query(xy)[0].sum()))
    table.run(rounds=5, tolerance=1e-12)


if __name__ == "__main__":
    bench_straight()
    bench_roads(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)

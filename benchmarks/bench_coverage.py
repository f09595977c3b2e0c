"""Floating catchments and allocation against their peers: CPU time of whole public calls.

Run ``python benchmarks/bench_coverage.py [catchment] [allocation] [large]``; without arguments the
first two. Rounds are interleaved and the answers compared before the times are.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd
from bench_network import SHELTERS, town_points
from harness import Table, memory_peak_mb
from scipy import sparse
from scipy.spatial import cKDTree

from qzrisk.analysis import coverage as cov
from qzrisk.analysis import network as net
from qzrisk.costs import CostMatrix

DEMAND, VILLAGES = 100_000, 2572
PENALTY = 10_000_000


def bench_catchment() -> None:
    """E2SFCA on some 20 million pairs."""
    xy, shelters = town_points(DEMAND, 5, 0.3), town_points(SHELTERS, 77, 0.2)
    limit = 12_000.0
    costs = net.straight_costs(xy, shelters, max_distance_m=limit)
    while costs.matrix.nnz < 19_000_000:
        limit *= 1.12
        costs = net.straight_costs(xy, shelters, max_distance_m=limit)
    demand = pd.Series(np.random.default_rng(1).lognormal(3, 1, DEMAND))
    capacity = pd.Series(np.random.default_rng(2).lognormal(6, 0.8, SHELTERS))
    print(costs, f"within {limit:.0f} m")
    m = costs.matrix
    sigma = limit / 3

    def weigh(d: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * (d / sigma) ** 2)

    def ours(decay: object) -> float:
        return float(cov.e2sfca(costs, demand, capacity, max_cost=limit, decay=decay)  # type: ignore[arg-type]
                     .to_numpy() @ demand)

    pairs = pd.DataFrame({"o": costs.rows, "d": m.indices, "c": m.data})

    def peer() -> float:
        from access import Access, weights

        table = Access(
            demand_df=demand.rename_axis("id").rename("p").reset_index(), demand_index="id",
            demand_value="p", supply_df=capacity.rename_axis("id").rename("s").reset_index(),
            supply_index="id", supply_value="s", cost_df=pairs, cost_origin="o", cost_dest="d",
            cost_name="c")
        found = table.enhanced_two_stage_fca(name="x", max_cost=limit,
                                             weight_fn=weights.gaussian(sigma))
        return float((found["x_s"].fillna(0) * demand).sum())

    table = Table(f"e2sfca, {m.nnz:,} pairs, normal weights")
    table.add("qzrisk e2sfca, weights by a function", lambda: ours(weigh))
    table.add("PySAL access, its own weight function", peer)
    table.run(rounds=1, tolerance=1e-6)

    weights = sparse.csr_array((weigh(m.data), m.indices, m.indptr), shape=m.shape)
    given = weights.data

    def products() -> float:
        sharing = weights.T @ demand.to_numpy()
        return float((weights @ (capacity.to_numpy() / sharing)) @ demand.to_numpy())

    table = Table(f"given the weights, {m.nnz:,} pairs")
    table.add("qzrisk e2sfca, weights given", lambda: ours(lambda _: given))
    table.add("scipy, a pair of products", products)
    table.add("qzrisk two_step", lambda: products_of_two_step(costs, demand, capacity, limit))
    table.run(rounds=5, tolerance=float("inf"))
    table = Table("the same with the named decays")
    table.add("qzrisk e2sfca gaussian", lambda: ours("gaussian"))
    table.add("qzrisk e2sfca epanechnikov", lambda: ours("epanechnikov"))
    table.add("qzrisk e2sfca steps", lambda: ours([(limit / 3, 1), (limit / 2, .68), (limit, .22)]))
    table.run(rounds=3, tolerance=float("inf"))
    print(f"peak {memory_peak_mb():.0f} MB with the peer's table")


def products_of_two_step(costs: CostMatrix, demand: pd.Series, capacity: pd.Series, limit: float
                         ) -> float:
    return float(cov.two_step(costs, demand, capacity, max_cost=limit).to_numpy() @ demand)


def transport(n: int) -> tuple[CostMatrix, pd.Series, pd.Series]:
    """Demand and room for a tenth more, each demand with its 20 nearest shelters."""
    xy, shelters = town_points(n, 11, 0.3), town_points(SHELTERS, 77, 0.2)
    rng = np.random.default_rng(3)
    demand = np.maximum(1, rng.lognormal(5 if n < 5000 else 2.5, 0.8, n).astype(np.int64))
    room = rng.lognormal(6, 0.8, SHELTERS)
    room = np.maximum(1, room * demand.sum() * 1.1 / room.sum()).astype(np.int64)
    distance, nearest = cKDTree(shelters).query(xy, 20)
    costs = CostMatrix.from_pairs(np.repeat(np.arange(n), 20), nearest.ravel(),
                                  np.rint(distance.ravel()), unit="m",
                                  origins=range(n), destinations=range(SHELTERS))
    return costs, pd.Series(demand), pd.Series(room)


def bare_ortools(costs: CostMatrix, demand: np.ndarray, room: np.ndarray) -> float:
    """The solver alone on the same arcs and whole metres."""
    from ortools.graph.python import min_cost_flow

    flow, m, n = min_cost_flow.SimpleMinCostFlow(), costs.matrix, len(demand)
    sink = n + len(room)
    flow.add_arcs_with_capacity_and_unit_cost(
        np.r_[costs.rows, np.arange(n), n + np.arange(len(room))].astype(np.int32),
        np.r_[n + m.indices, np.full(n + len(room), sink)].astype(np.int32),
        np.r_[demand[costs.rows], demand, room],
        np.r_[m.data.astype(np.int64), np.full(n, PENALTY), np.zeros(len(room), np.int64)])
    flow.set_nodes_supplies(np.arange(sink + 1, dtype=np.int32),
                            np.r_[demand, np.zeros(len(room), np.int64), -demand.sum()])
    if flow.solve() != flow.OPTIMAL:
        raise AssertionError("the peer found no optimum")
    return float(flow.optimal_cost())


def by_networkx(costs: CostMatrix, demand: np.ndarray, room: np.ndarray) -> float:
    """Network simplex in Python."""
    import networkx as nx

    graph, n, m = nx.DiGraph(), len(demand), costs.matrix
    sink = n + len(room)
    graph.add_nodes_from((k, {"demand": -int(p)}) for k, p in enumerate(demand))
    graph.add_node(sink, demand=int(demand.sum()))
    graph.add_edges_from((int(i), n + int(j), {"weight": int(c)})
                         for i, j, c in zip(costs.rows, m.indices, m.data, strict=True))
    graph.add_edges_from((k, sink, {"weight": PENALTY}) for k in range(n))
    graph.add_edges_from((n + k, sink, {"weight": 0, "capacity": int(c)})
                         for k, c in enumerate(room))
    return float(nx.network_simplex(graph)[0])


def objective(plan: pd.DataFrame, costs: CostMatrix, demand: pd.Series) -> float:
    """Total cost of a plan with the peers' penalty."""
    paid = costs.matrix[plan["origin"].to_numpy(), plan["destination"].to_numpy()]
    unmet = int(demand.sum() - plan["persons"].sum())
    return float(paid @ plan["persons"].to_numpy()) + unmet * PENALTY


def bench_allocation(n: int, *, slow_peer: bool, rounds: int) -> None:
    """Optimal allocation of n demand points over 20 arcs each."""
    costs, demand, room = transport(n)
    table = Table(f"allocation, {n:,} x {SHELTERS:,}, {costs.matrix.nnz:,} arcs")
    table.add("qzrisk allocation(optimal)",
              lambda: objective(cov.allocation(costs, demand, room), costs, demand))
    table.add("OR-Tools min-cost flow, bare",
              lambda: bare_ortools(costs, demand.to_numpy(), room.to_numpy()))
    if slow_peer:
        table.add("networkx network_simplex",
                  lambda: by_networkx(costs, demand.to_numpy(), room.to_numpy()))
    table.run(rounds=rounds, tolerance=1e-12)
    clock = time.process_time()
    plan = cov.allocation(costs, demand, room, method="nearest")
    print(f"  nearest-first: {time.process_time() - clock:.3f} s CPU, "
          f"{plan['persons'].sum():,} of {demand.sum():,} persons")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["catchment", "allocation"]
    if "catchment" in wanted:
        bench_catchment()
    if "allocation" in wanted:
        bench_allocation(VILLAGES, slow_peer=True, rounds=3)
    if "large" in wanted:
        bench_allocation(DEMAND, slow_peer=False, rounds=1)

"""Who goes to which shelter, and who is left out and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from qzrisk.analysis.coverage.kernels import fill_nearest
from qzrisk.analysis.coverage.reach import aligned, id_rank, k_nearest
from qzrisk.costs import CostMatrix
from qzrisk.errors import ConfigError, InfeasibleError, ReachError, SchemaError

Method = Literal["optimal", "nearest"]
Within = tuple[pd.Series, pd.Series] | None
"""Units of the demand (indexed demand_id) and of the shelters (indexed shelter_id)."""

Ints = npt.NDArray[np.int64]

TICKS = {"m": 10, "min": 100}
"""Steps of a metre or minute that the optimal method tells apart."""

FULL, TOO_FAR, ROAD_CUT, OUTSIDE_UNIT, OFF_NETWORK = (
    "full", "too_far", "road_cut", "outside_unit", "off_network")
NOT_WHOLE = "not_whole"
REASONS = (FULL, NOT_WHOLE, TOO_FAR, ROAD_CUT, OUTSIDE_UNIT, OFF_NETWORK, "unsafe", "closed",
           "capacity_unknown")


def allocation(
    costs: CostMatrix,
    demand: pd.Series,
    capacity: pd.Series,
    *,
    method: Method = "optimal",
    within: Within = None,
) -> pd.DataFrame:
    """Allocate persons to shelters with room (capacitated transport problem).

    Parameters
    ----------
    costs : CostMatrix, demand x shelters
        A missing pair is out of reach. Limit it with ``costs.within``.
    demand : Series, whole persons, indexed demand_id
    capacity : Series, whole places, indexed shelter_id
    method : {"optimal", "nearest"}
        ``"optimal"``: as many persons as possible, and among such plans the least total cost.
        ``"nearest"``: the cheapest pairs first, ties by demand id and shelter id.
    within : (Series, Series), optional
        Unit of every demand point and of every shelter: nobody leaves the own unit.

    Returns
    -------
    DataFrame(origin, destination, persons)
        Whole persons above 0, in the order of the costs' origins and destinations; the persons of
        one demand point may be split. Whoever is missing is told by `unserved`.

    Raises
    ------
    ReachError
        If `costs` names a demand or shelter that another argument lacks.
    SchemaError
        If persons or places are missing, negative or not whole.
    ConfigError
        If the method is unknown, or OR-Tools is not installed.

    Notes
    -----
    Rows sum to at most the demand and columns to at most the capacity, exactly. The optimal method
    rounds costs to 0.1 m or 0.01 min and solves a minimum-cost flow; the result does not depend on
    the order of the rows.

    References
    ----------
    Ahuja, Magnanti & Orlin (1993), Network Flows; Goldberg (1997), cost scaling.

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a", "a", "b"], ["s", "t", "s"], [1, 2, 1], unit="min")
    >>> demand, capacity = pd.Series({"a": 5, "b": 5}), pd.Series({"s": 5, "t": 5})
    >>> allocation(costs, demand, capacity).values.tolist()
    [['a', 't', 5], ['b', 's', 5]]
    >>> allocation(costs, demand, capacity, method="nearest").values.tolist()
    [['a', 's', 5]]
    """
    return staged_allocation(costs, demand, capacity, stages={"": within}, method=method).drop(
        columns="stage")


def staged_allocation(
    costs: CostMatrix,
    demand: pd.Series,
    capacity: pd.Series,
    *,
    stages: Mapping[str, Within],
    method: Method = "optimal",
) -> pd.DataFrame:
    """Allocate to the own unit first and to wider ones only who finds no place there.

    Parameters
    ----------
    costs, demand, capacity, method : as `allocation`
    stages : name of the stage -> `within` of `allocation`, from the narrowest to the widest
        ``{"town": (...), "county": (...)}`` fills a town's shelters with its own people first and
        then shows who spills over to the county.

    Returns
    -------
    DataFrame(origin, destination, persons, stage)
        By stage, then as `allocation`; the stage of a pair is the first that allows it.

    Raises
    ------
    As `allocation`.

    Notes
    -----
    Optimal means here: most persons within the first stage, among such plans most within the
    second, and so on, then the least total cost. One flow decides all of it: stages solved one
    after the other would place as many at first but fewer in all, since the first would not know
    whose way it bars.

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a", "a", "b"], ["s", "t", "s"], [1, 2, 9], unit="min")
    >>> towns = pd.Series({"a": "u", "b": "v"}), pd.Series({"s": "u", "t": "u"})
    >>> staged_allocation(costs, pd.Series({"a": 5, "b": 5}), pd.Series({"s": 5, "t": 5}),
    ...                   stages={"town": towns, "county": None}).values.tolist()
    [['a', 't', 5, 'town'], ['b', 's', 5, 'county']]
    """
    solve = {"optimal": _optimal, "nearest": _nearest}.get(method)
    if solve is None:
        raise ConfigError("unknown method", expected="optimal or nearest", got=repr(method))
    every, persons, places = whole_pairs(costs, demand, capacity, None)
    used, stage = _staged(every, list(stages.values()))
    moved = solve(used, persons, places, stage)
    sent = np.flatnonzero(moved)
    sent = sent[np.argsort(stage[sent], kind="stable")]
    return pd.DataFrame({
        "origin": used.origins.take(used.rows[sent]),
        "destination": used.destinations.take(used.matrix.indices[sent]),
        "persons": moved[sent],
        "stage": np.array(list(stages), dtype=object)[stage[sent]].astype(str),
    })


def _staged(costs: CostMatrix, stages: list[Within]) -> tuple[CostMatrix, Ints]:
    """Return the pairs that some stage allows, and the number of the first that does."""
    stage = np.full(costs.matrix.nnz, len(stages))
    for number, within in reversed(list(enumerate(stages))):
        stage[slice(None) if within is None else costs.in_same_unit(*within)] = number
    allowed = stage < len(stages)
    return costs.only(allowed), stage[allowed]


def nearest_only(costs: CostMatrix, *, k: int) -> CostMatrix:
    """Return only the pairs to the k nearest destinations of every origin (ties by id).

    Fewer pairs make the optimal allocation quicker; it is then optimal among these pairs.
    """
    found = k_nearest(costs, k=k)
    return CostMatrix.from_pairs(found["origin"], found["destination"], found["cost"],
                                 unit=costs.unit, origins=costs.origins,
                                 destinations=costs.destinations)


def unserved(
    allocated: pd.DataFrame,
    costs: CostMatrix,
    demand: pd.Series,
    *,
    excluded: pd.Series | None = None,
    within: Within = None,
    open_costs: CostMatrix | None = None,
    off_network: pd.Index | None = None,
    room: pd.Series | None = None,
) -> pd.DataFrame:
    """Persons left out of an allocation, with the reason for every one.

    Parameters
    ----------
    allocated : DataFrame(origin, destination, persons), from `allocation`
    costs : CostMatrix, demand x shelters
        To all shelters, also those that were excluded from the allocation.
    demand : Series, persons, indexed demand_id
    excluded : Series of reasons, indexed shelter_id, optional
        ``"unsafe"``, ``"closed"`` or ``"capacity_unknown"`` for shelters that did not count.
    within : as in `allocation`, optional
    open_costs : CostMatrix, optional
        Costs with all roads open, to tell a cut road from a long way.
    off_network : Index of demand_id, optional
        Demand that `network.snap` could not place on the main network.
    room : Series of places left, indexed shelter_id, optional
        For plans that keep people together: tells too little room from none.

    Returns
    -------
    DataFrame(origin, persons, reason), in the order of `demand`; persons above 0
        The first that holds: ``not_whole`` (a shelter that counts is in reach and has places left,
        too few for all of them); ``full`` (a shelter that counts is in reach); the reason of the
        nearest excluded shelter in reach; ``outside_unit`` (only shelters of other units are in
        reach); ``off_network``; ``road_cut`` (in reach were all roads open); ``too_far``.

    Raises
    ------
    ReachError
        If an allocated origin is not in `demand`, or `costs` names a demand it lacks.
    SchemaError
        If more persons are allocated than there are, or a reason is unknown.

    Notes
    -----
    Allocated and unserved persons sum to the demand, exactly.

    Examples
    --------
    >>> costs = CostMatrix.from_pairs(["a"], ["s"], [1], unit="min", origins=["a", "b"])
    >>> demand = pd.Series({"a": 5, "b": 2})
    >>> plan = allocation(costs, demand, pd.Series({"s": 4}))
    >>> unserved(plan, costs, demand).values.tolist()
    [['a', 1, 'full'], ['b', 2, 'too_far']]
    """
    aligned(demand, costs.origins, what="demand")
    lost = pd.Index(allocated["origin"]).difference(demand.index)
    if len(lost):
        raise ReachError("an allocated origin without demand", where=f"allocated: {lost[0]}")
    rest = demand - _sums(allocated, "origin", demand.index)
    if (rest < 0).any():
        raise SchemaError("more persons allocated than there are", where=f"{rest.idxmin()}",
                          got=rest.min())
    rest = rest[rest > 0]
    reason = pd.Series(TOO_FAR, index=rest.index, dtype=object)
    if open_costs is not None:
        reason[_some(open_costs, rest.index)] = ROAD_CUT
    if off_network is not None:
        reason[rest.index.isin(off_network)] = OFF_NETWORK
    reason[_some(costs, rest.index)] = OUTSIDE_UNIT
    own = costs if within is None else costs.same_unit(*within)
    out = _excluded(excluded)
    barred = _nearest_reason(own, out)
    hit = rest.index.intersection(barred.index)
    reason[hit] = barred[hit]
    counts = own.select(destinations=own.destinations[~own.destinations.isin(out.index)])
    reason[_some(counts, rest.index)] = FULL
    if room is not None:
        free = counts.destinations[counts.destinations.isin(room.index[room > 0])]
        reason[_some(counts.select(destinations=free), rest.index)] = NOT_WHOLE
    return pd.DataFrame({"origin": rest.index, "persons": rest.to_numpy(),
                         "reason": reason.to_numpy().astype(str)})


def whole_pairs(costs: CostMatrix, demand: pd.Series, capacity: pd.Series, within: Within
                ) -> tuple[CostMatrix, Ints, Ints]:
    """Return the pairs that may be used, and whole persons and places in their order.

    Raises
    ------
    ReachError
        If `costs` names a demand or shelter that another argument lacks.
    SchemaError
        If persons or places are missing, negative or not whole.
    """
    persons, places = (_whole(aligned(values, ids, what=what), what) for values, ids, what in (
        (demand, costs.origins, "demand"), (capacity, costs.destinations, "capacity")))
    return costs if within is None else costs.same_unit(*within), persons, places


def _excluded(excluded: pd.Series | None) -> pd.Series:
    if excluded is None:
        return pd.Series(dtype=object)
    reasons = excluded.dropna()
    unknown = sorted(set(reasons) - set(REASONS))
    if unknown:
        raise SchemaError("unknown reason", where="excluded", expected=", ".join(REASONS),
                          got=unknown)
    return reasons


def _nearest_reason(costs: CostMatrix, excluded: pd.Series) -> pd.Series:
    """Reason of the nearest excluded shelter of every origin that has one in reach."""
    there = costs.destinations[costs.destinations.isin(excluded.index)]
    found = k_nearest(costs.select(destinations=there), k=1).set_index("origin")["destination"]
    return found.map(excluded)


def _some(costs: CostMatrix, ids: pd.Index) -> npt.NDArray[np.bool_]:
    reached = costs.origins[np.diff(costs.matrix.indptr) > 0]
    return ids.isin(reached)


def _sums(allocated: pd.DataFrame, column: str, ids: pd.Index) -> pd.Series:
    sums = allocated.groupby(column)["persons"].sum()
    return sums.reindex(ids, fill_value=0)


def _whole(values: pd.Series, what: str) -> Ints:
    numbers = values.to_numpy(dtype=float)
    if not np.isfinite(numbers).all() or (numbers != np.rint(numbers)).any():
        bad = values.index[~(np.isfinite(numbers) & (numbers == np.rint(numbers)))][0]
        raise SchemaError(f"{what} must be whole numbers", where=f"{what}: {bad}",
                          expected="integers", got=values[bad], mend="round so that sums hold")
    return numbers.astype(np.int64)


def apart(i: Ints, j: Ints, shape: tuple[int, int]) -> list[Ints]:
    """Return the positions of the pairs (i, j) of each component of the graph of pairs."""
    n = shape[0] + shape[1]
    linked = sparse.csr_array((np.ones(len(i)), (i, shape[0] + j)), shape=(n, n))
    label = connected_components(linked, directed=False)[1][i]
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if len(order) else []


def _nearest(costs: CostMatrix, persons: Ints, places: Ints, stage: Ints) -> Ints:
    m = costs.matrix
    order = np.lexsort((id_rank(costs.destinations)[m.indices], id_rank(costs.origins)[costs.rows],
                        m.data, stage))
    moved: Ints = fill_nearest(order, costs.rows, m.indices, persons, places)
    return moved


def _optimal(costs: CostMatrix, persons: Ints, places: Ints, stage: Ints) -> Ints:
    """Minimum-cost flow over source -> demand -> shelter -> sink, at its greatest value.

    Demand and shelters that share no pair, such as counties, are solved apart.
    """
    m = costs.matrix
    moved = np.zeros(m.nnz, dtype=np.int64)
    used = np.flatnonzero((persons[costs.rows] > 0) & (places[m.indices] > 0))
    # In id order, so that equal plans are chosen alike whatever the order of the rows.
    i, j = id_rank(costs.origins)[costs.rows[used]], id_rank(costs.destinations)[m.indices[used]]
    order = np.lexsort((j, i))
    used, i, j = used[order], i[order], j[order]
    supply, room = np.empty_like(persons), np.empty_like(places)
    supply[id_rank(costs.origins)], room[id_rank(costs.destinations)] = persons, places
    price = np.rint(m.data[used] * TICKS[costs.unit]).astype(np.int64)
    for part in apart(i, j, m.shape):
        (people, tails), (shelters, heads) = (np.unique(ids[part], return_inverse=True)
                                              for ids in (i, j))
        moved[used[part]] = _flow(tails, heads, price[part], stage[used[part]], supply[people],
                                  room[shelters])
    return moved


def _flow(tails: Ints, heads: Ints, price: Ints, stage: Ints, supply: Ints, room: Ints) -> Ints:
    # Late: the import takes longer than the flow of a small city.
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

    flow = SimpleMinCostFlow()
    n, sink = len(supply), len(supply) + len(room)
    worth = _worth(int(stage.max()) + 1, int(price.max()) + 1, min(n, len(room)) + 1)
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate([tails, np.arange(n), n + np.arange(len(room))]).astype(np.int32),
        np.concatenate([n + heads, np.full(n + len(room), sink)]).astype(np.int32),
        np.concatenate([np.minimum(supply[tails], room[heads]), supply, room]),
        np.concatenate([price + worth[0] - worth[stage], np.full(n, worth[0]),
                        np.zeros(len(room), dtype=np.int64)]),
    )
    flow.set_nodes_supplies(
        np.arange(sink + 1, dtype=np.int32),
        np.concatenate([supply, np.zeros(len(room), dtype=np.int64), [-supply.sum()]]),
    )
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise InfeasibleError("the allocation has no solution", where="min-cost flow", got=status)
    result: Ints = flow.flows(arcs[: len(tails)])
    return result


def _worth(stages: int, dear: int, ways: int) -> Ints:
    """Return what a place in each stage is worth in steps of cost.

    One person more in a stage moves at most `ways` others: it is worth more than all that they can
    lose, their places in later stages and the longest walk (`dear`) each.
    """
    worth = [0]
    for _ in range(stages):
        worth.append(ways * (worth[-1] + dear))
    return np.array(worth[:0:-1], dtype=np.int64)

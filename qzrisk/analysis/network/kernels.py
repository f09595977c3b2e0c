"""Shortest-path loops over a sparse graph: single-threaded, without the lock.

A search has *starts* (nodes with the cost already paid to get there) and *targets* (nodes with the
cost still to pay from there), so that points along an edge need no nodes of their own.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@numba.njit(nogil=True, cache=True, inline="always")
def _push(keys: Array, nodes: Array, size: int, key: float, node: int) -> int:
    i = size
    while i > 0:
        parent = (i - 1) >> 2
        if keys[parent] <= key:
            break
        keys[i] = keys[parent]
        nodes[i] = nodes[parent]
        i = parent
    keys[i] = key
    nodes[i] = node
    return size + 1


@numba.njit(nogil=True, cache=True, inline="always")
def _pop(keys: Array, nodes: Array, size: int) -> int:
    """Remove the least entry of a heap with four children a node; return the new size."""
    size -= 1
    key, node = keys[size], nodes[size]
    i = 0
    while True:
        child = 4 * i + 1
        if child >= size:
            break
        least = child
        for other in range(child + 1, min(child + 4, size)):
            if keys[other] < keys[least]:
                least = other
        if keys[least] >= key:
            break
        keys[i] = keys[least]
        nodes[i] = nodes[least]
        i = least
    keys[i] = key
    nodes[i] = node
    return size


@numba.njit(nogil=True, cache=True)
def _grown(old: Array, size: int) -> Array:
    new = np.empty(size, old.dtype)
    new[: old.size] = old
    return new


@numba.njit(nogil=True, cache=True)
def _explore(
    graph: tuple[Array, Array, Array],
    cost: Array,
    touched: Array,
    n_touched: int,
    heap: tuple[Array, Array],
    size: int,
    limit: float,
) -> int:
    """Settle every node within the limit; return how many were touched."""
    indptr, heads, weights = graph
    keys, nodes = heap
    while size > 0:
        c, node = keys[0], nodes[0]
        size = _pop(keys, nodes, size)
        if c > cost[node]:
            continue
        for q in range(indptr[node], indptr[node + 1]):
            head = heads[q]
            new = c + weights[q]
            if new <= limit and new < cost[head]:
                if cost[head] == np.inf:
                    touched[n_touched] = head
                    n_touched += 1
                cost[head] = new
                size = _push(keys, nodes, size, new, head)
    return n_touched


@numba.njit(nogil=True, cache=True, inline="always")
def _offer(best: Array, found: Array, total: int, target: int, cost: float) -> int:
    """Keep a cost if it is the target's least so far; return how many targets are found."""
    if cost < best[target]:
        if best[target] == np.inf:
            found[total] = target
            total += 1
        best[target] = cost
    return total


@numba.njit(nogil=True, cache=True)
def search(
    graph: tuple[Array, Array, Array],
    starts: tuple[Array, Array, Array],
    targets: tuple[Array, Array, Array],
    direct: tuple[Array, Array, Array],
    order: Array,
    n_targets: int,
    limit: float,
) -> tuple[Array, Array, Array, Array]:
    """Cost from each source to every target within the limit, one bounded search a source.

    Parameters
    ----------
    graph : (indptr, heads, weights) by tail node
    starts : (indptr, nodes, costs) by source
    targets : (indptr, target numbers, costs) by node
    direct : (indptr, target numbers, costs) by source, ways that touch no node
    order : sources in the order to search from them, near ones together
    n_targets, limit

    Returns
    -------
    (first, last, target numbers, costs), the first two by source; target numbers in no order
    """
    target_ptr, target_id, target_cost = targets
    n_nodes, n_edges = graph[0].size - 1, graph[1].size
    cost, touched = np.full(n_nodes, np.inf), np.empty(n_nodes, np.int32)
    keys, nodes = np.empty(n_edges + 8, np.float64), np.empty(n_edges + 8, np.int32)
    best = np.full(n_targets, np.inf)
    low, high = np.zeros(order.size, np.int64), np.zeros(order.size, np.int64)
    found, found_cost = np.empty(n_targets, np.int32), np.empty(n_targets, np.float64)
    total = 0
    for source in order:
        if total + n_targets > found.size:
            found = _grown(found, 2 * found.size + n_targets)
            found_cost = _grown(found_cost, found.size)
        size, n_touched = 0, 0
        for q in range(starts[0][source], starts[0][source + 1]):
            node, c = starts[1][q], starts[2][q]
            if c <= limit and c < cost[node]:
                n_touched = _offer(cost, touched, n_touched, node, c)
                size = _push(keys, nodes, size, c, node)
        n_touched = _explore(graph, cost, touched, n_touched, (keys, nodes), size, limit)
        first = total
        for k in range(n_touched):
            node = touched[k]
            for q in range(target_ptr[node], target_ptr[node + 1]):
                total = _offer(best, found, total, target_id[q], cost[node] + target_cost[q])
            cost[node] = np.inf
        for q in range(direct[0][source], direct[0][source + 1]):
            total = _offer(best, found, total, direct[1][q], direct[2][q])
        kept = first
        for q in range(first, total):
            target = found[q]
            if best[target] <= limit:
                found[kept] = target
                found_cost[kept] = best[target]
                kept += 1
            best[target] = np.inf
        total = kept
        low[source], high[source] = first, total
    return low, high, found[:total], found_cost[:total]


@numba.njit(nogil=True, cache=True, inline="always")
def _better(
    new: float, source: int, cost: Array, label: Array, rank: Array, node: int
) -> bool:
    return new < cost[node] or (new == cost[node] and rank[source] < rank[label[node]])


@numba.njit(nogil=True, cache=True)
def _flood(
    graph: tuple[Array, Array, Array],
    found: tuple[Array, Array],
    rank: Array,
    heap: tuple[Array, Array],
    size: int,
    limit: float,
) -> None:
    """Spread costs and labels from the nodes on the heap as far as they improve on others."""
    indptr, heads, weights = graph
    cost, label = found
    keys, nodes = heap
    while size > 0:
        c, node = keys[0], nodes[0]
        size = _pop(keys, nodes, size)
        if c > cost[node]:
            continue
        source = label[node]
        for q in range(indptr[node], indptr[node + 1]):
            head = heads[q]
            new = c + weights[q]
            if new <= limit and _better(new, source, cost, label, rank, head):
                cost[head] = new
                label[head] = source
                size = _push(keys, nodes, size, new, head)


@numba.njit(nogil=True, cache=True)
def _start(
    starts: tuple[Array, Array, Array],
    source: int,
    found: tuple[Array, Array],
    rank: Array,
    heap: tuple[Array, Array],
    size: int,
    limit: float,
) -> int:
    """Put the starts of a source on the heap where they improve; return the size of the heap."""
    for q in range(starts[0][source], starts[0][source + 1]):
        node, c = starts[1][q], starts[2][q]
        if c <= limit and _better(c, source, found[0], found[1], rank, node):
            found[0][node] = c
            found[1][node] = source
            size = _push(heap[0], heap[1], size, c, node)
    return size


@numba.njit(nogil=True, cache=True)
def nearest_labels(
    graph: tuple[Array, Array, Array],
    starts: tuple[Array, Array, Array],
    order: Array,
    rank: Array,
    radius: float,
    limit: float,
) -> tuple[Array, Array]:
    """Cost of the nearest source at every node and its number; ties go to the least rank.

    Parameters
    ----------
    graph : (indptr, heads, weights) by tail node
    starts : (indptr, nodes, costs) by source
    order : sources in the order to search from them, near ones together
    rank : rank of each source
    radius : first every source alone floods its surroundings, which stay in the cache, up to here;
        then one flood from all of them goes on. Any radius gives the same result.
    limit

    Returns
    -------
    (costs, source numbers) by node; infinity and -1 where no source is within the limit
    """
    indptr, heads, weights = graph
    n = indptr.size - 1
    cost, label = np.full(n, np.inf), np.full(n, -1, np.int32)
    found = (cost, label)
    room = heads.size + starts[1].size + n + 8
    heap = (np.empty(room, np.float64), np.empty(room, np.int32))
    for source in order:
        size = _start(starts, source, found, rank, heap, 0, radius)
        _flood(graph, found, rank, heap, size, radius)
    size = 0
    for source in order:
        size = _start(starts, source, found, rank, heap, size, limit)
    for node in range(n):
        c = cost[node]
        for q in range(indptr[node], indptr[node + 1]):
            if c + weights[q] < cost[heads[q]]:
                size = _push(heap[0], heap[1], size, c, node)
                break
    _flood(graph, found, rank, heap, size, limit)
    return found


@numba.njit(nogil=True, cache=True)
def least_label(
    ends: tuple[Array, Array, Array],
    direct: tuple[Array, Array, Array],
    found: tuple[Array, Array],
    rank: Array,
    limit: float,
) -> tuple[Array, Array]:
    """Cost and number of the nearest source for points that leave through several ends.

    Parameters
    ----------
    ends : (indptr, nodes, costs) by point
    direct : (indptr, source numbers, costs) by point, ways that touch no node
    found : (costs, source numbers) by node, from `nearest_labels`
    rank, limit : as there

    Returns
    -------
    (costs, source numbers) by point; infinity and -1 where nothing is within the limit
    """
    ptr, node, paid = ends
    direct_ptr, direct_id, direct_cost = direct
    cost = np.full(ptr.size - 1, np.inf)
    label = np.full(ptr.size - 1, -1, np.int64)
    for i in range(ptr.size - 1):
        n_ends = ptr[i + 1] - ptr[i]
        n_direct = direct_ptr[i + 1] - direct_ptr[i]
        for k in range(n_ends + n_direct):
            if k < n_ends:
                q = ptr[i] + k
                c, source = found[0][node[q]] + paid[q], found[1][node[q]]
            else:
                q = direct_ptr[i] + k - n_ends
                c, source = direct_cost[q], direct_id[q]
            if source < 0 or c > limit or c > cost[i]:
                continue
            if c < cost[i] or rank[source] < rank[label[i]]:
                cost[i] = c
                label[i] = source
    return cost, label


@numba.njit(nogil=True, cache=True)
def count(ids: Array, places: Array, counts: Array) -> None:
    """Add up how often each place occurs among the ids."""
    for q in range(ids.size):
        counts[places[ids[q]]] += 1


@numba.njit(nogil=True, cache=True)
def scatter(
    block: tuple[Array, Array, Array, Array], row: int, places: Array, at: Array, columns: Array,
    data: Array,
) -> None:
    """Write the rows of a block, the first of them `row`, into the columns of their transpose.

    Parameters
    ----------
    block : (first, last, ids, values), from `search`
    row : number of the block's first row
    places : row of the transpose of every id
    at : next free position of every row of the transpose; moved on
    columns, data : arrays to fill; each row comes out sorted if blocks come in order
    """
    low, high, ids, values = block
    for i in range(low.size):
        for q in range(low[i], high[i]):
            place = places[ids[q]]
            columns[at[place]] = row + i
            data[at[place]] = values[q]
            at[place] += 1


@numba.njit(nogil=True, cache=True)
def ends(
    place: tuple[Array, Array, Array],
    edges: tuple[Array, Array, Array],
    rates: tuple[Array, Array],
    on_node_m: float,
) -> tuple[Array, Array, Array]:
    """Nodes that points on edges reach first, and the costs.

    Parameters
    ----------
    place : (edge, metres along it, cost of the walk) of every point; edge -1 has no end
    edges : (start, end, length in metres)
    rates : cost per metre along and against each edge; infinite where closed
    on_node_m : a point this near an end stands on the node

    Returns
    -------
    (indptr, nodes, costs) by point
    """
    edge, position, walk = place
    start, end, length = edges
    forward, backward = rates
    indptr = np.zeros(edge.size + 1, np.int64)
    nodes, costs = np.empty(2 * edge.size, np.int32), np.empty(2 * edge.size, np.float64)
    total = 0
    for i in range(edge.size):
        e = edge[i]
        if e >= 0:
            back, ahead = position[i], length[e] - position[i]
            if back <= on_node_m or ahead <= on_node_m:
                nodes[total] = start[e] if back <= on_node_m else end[e]
                costs[total] = walk[i]
                total += 1
            else:
                if backward[e] < np.inf:
                    nodes[total] = start[e]
                    costs[total] = walk[i] + back * backward[e]
                    total += 1
                if forward[e] < np.inf:
                    nodes[total] = end[e]
                    costs[total] = walk[i] + ahead * forward[e]
                    total += 1
        indptr[i + 1] = total
    return indptr, nodes[:total].copy(), costs[:total].copy()


@numba.njit(nogil=True, cache=True)
def by_member(ways: tuple[Array, Array, Array], n: int) -> tuple[Array, Array, Array, Array]:
    """Turn (indptr, members, costs) by owner into the same by member 0..n-1.

    Returns
    -------
    (indptr, owner numbers, costs) by member, and the owner of every number: owners are numbered
    as they first occur, so that what is found together lies together
    """
    ptr, member, cost = ways
    indptr = np.zeros(n + 1, np.int64)
    for q in range(member.size):
        indptr[member[q] + 1] += 1
    for i in range(n):
        indptr[i + 1] += indptr[i]
    at = indptr[:-1].copy()
    owners, costs = np.empty(member.size, np.int32), np.empty(member.size, np.float64)
    for i in range(ptr.size - 1):
        for q in range(ptr[i], ptr[i + 1]):
            owners[at[member[q]]] = i
            costs[at[member[q]]] = cost[q]
            at[member[q]] += 1
    number = np.full(ptr.size - 1, -1, np.int32)
    order = np.empty(ptr.size - 1, np.int64)
    known = 0
    for q in range(owners.size):
        i = owners[q]
        if number[i] < 0:
            number[i] = known
            order[known] = i
            known += 1
        owners[q] = number[i]
    return indptr, owners, costs, order[:known].copy()

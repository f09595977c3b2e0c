"""Grow seeds into regions that meet on ridges, and turn a label raster into a valid coverage.

Regions are cost-distance cells: walking costs its length, weighted by a friction, and every metre
climbed or descended costs extra, so that neighbouring valleys part along the ridge between them.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from numba import njit
from rasterio.features import shapes, sieve
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from affine import Affine
    from numpy.typing import NDArray

CLIMB_COST = 10.0
"""Metres of walking that one metre of height is worth."""

_STEPS = np.array(
    [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)], dtype=np.int64
)


@njit(cache=False)
def _grow(
    rows: NDArray[Any],
    cols: NDArray[Any],
    labels: NDArray[Any],
    region: NDArray[Any],
    friction: NDArray[Any],
    elevation: NDArray[Any],
    budget: NDArray[Any],
    cell_m: float,
) -> NDArray[Any]:
    height, width = region.shape
    owner = np.zeros((height, width), np.int32)
    cost = np.full((height, width), np.float32(np.inf))
    done = np.zeros((height, width), np.bool_)
    taken = np.zeros(budget.size, np.int64)
    heap = [(np.float32(0.0), np.int64(0), np.int64(0))]
    heap.clear()
    for k in range(rows.size):
        cost[rows[k], cols[k]] = 0.0
        owner[rows[k], cols[k]] = labels[k]
        heapq.heappush(heap, (np.float32(0.0), rows[k], cols[k]))
    while len(heap) > 0:
        here, row, col = heapq.heappop(heap)
        if done[row, col]:
            continue
        done[row, col] = True
        label = owner[row, col]
        if 0 < budget[label] <= taken[label]:
            owner[row, col] = 0
            continue
        taken[label] += 1
        for step in range(8):
            to_row, to_col = row + _STEPS[step, 0], col + _STEPS[step, 1]
            if to_row < 0 or to_col < 0 or to_row >= height or to_col >= width:
                continue
            if done[to_row, to_col] or region[to_row, to_col] != region[row, col]:
                continue
            length = cell_m if _STEPS[step, 0] * _STEPS[step, 1] == 0 else cell_m * 1.4142135
            weight = 0.5 * (friction[row, col] + friction[to_row, to_col])
            climb = abs(elevation[to_row, to_col] - elevation[row, col]) * CLIMB_COST
            there = np.float32(here + length * weight + climb)
            if there < cost[to_row, to_col]:
                cost[to_row, to_col] = there
                owner[to_row, to_col] = label
                heapq.heappush(heap, (there, to_row, to_col))
    return owner


def grow(
    seeds: NDArray[np.int64],
    region: NDArray[np.int32],
    friction: NDArray[np.float32],
    elevation: NDArray[np.float32],
    *,
    cell_m: float,
    budget: NDArray[np.int64] | None = None,
) -> NDArray[np.int32]:
    """Grow seeds over a raster, each within its own region, until everything reachable is taken.

    Parameters
    ----------
    seeds : ndarray of int, shape (n, 3)
        Row, column and positive label of each seed.
    region : ndarray of int
        A seed never leaves the region number it starts in.
    friction : ndarray of float
        Cost of a metre of walking in each cell.
    elevation : ndarray of float
        Height of each cell, metres.
    cell_m : float
        Side of a cell, metres.
    budget : ndarray of int, optional
        Largest number of cells by label (index = label); 0 is without limit.

    Returns
    -------
    ndarray of int
        Label that owns each cell, 0 where none reached.
    """
    rows, cols, labels = (np.ascontiguousarray(seeds[:, k]) for k in range(3))
    limit = np.zeros(int(labels.max()) + 1, np.int64) if budget is None else budget
    owner: NDArray[np.int32] = _grow(
        rows, cols, labels.astype(np.int32), region, friction, elevation, limit, float(cell_m)
    )
    return owner


def fill_nearest(
    labels: NDArray[np.int32], where: NDArray[np.bool_], *, within_cells: float = np.inf
) -> NDArray[np.int32]:
    """Give cells of ``where`` that have no label (0) the label of the nearest cell that has one."""
    distance, (rows, cols) = ndimage.distance_transform_edt(
        labels == 0, return_distances=True, return_indices=True
    )
    fill = where & (labels == 0) & (distance <= within_cells)
    filled = labels.copy()
    filled[fill] = labels[rows[fill], cols[fill]]
    return filled


def fill_within(
    labels: NDArray[np.int32], region: NDArray[np.int32], parent: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Fill unlabelled cells of each region from the nearest label whose parent is that region.

    Parameters
    ----------
    labels, region : ndarray of int
        Labels grown so far; region of every cell (0 = outside).
    parent : ndarray of int
        Region of each label (index = label).
    """
    filled = labels.copy()
    windows = ndimage.find_objects(region)
    for number in np.unique(region[(labels == 0) & (region > 0)]):
        window = windows[number - 1]
        # islands may lie far from their region's mainland, inside the same bounding box
        here = region[window] == number
        own = np.where(parent[labels[window]] == number, labels[window], 0)
        part = fill_nearest(own.astype(np.int32), here)
        filled[window] = np.where(here, part, filled[window])
    return filled


def outline(
    labels: NDArray[np.int32],
    inside: NDArray[np.bool_],
    transform: Affine,
    *,
    margin_cells: int,
    smallest_cells: int,
    tolerance_m: float,
) -> gpd.GeoDataFrame:
    """Turn labels into smooth polygons that share their edges and overshoot ``inside`` a little.

    Returns
    -------
    GeoDataFrame
        One row a polygon: label, geometry. A label may have several.
    """
    rows, cols = (
        slice(max(s.start - margin_cells - 1, 0), s.stop + margin_cells + 1)
        for s in ndimage.find_objects(inside.astype(np.int8))[0]
    )
    part = np.where(inside[rows, cols], labels[rows, cols], 0).astype(np.int32)
    part = fill_nearest(part, np.ones(part.shape, np.bool_), within_cells=margin_cells)
    part = sieve(part, smallest_cells, connectivity=4)
    window = transform * transform.translation(cols.start, rows.start)
    found = list(shapes(part, mask=part > 0, connectivity=4, transform=window))
    polygons = np.array([shapely.geometry.shape(geometry) for geometry, _ in found], dtype=object)
    # A node on every cell corner: neighbours then share all their nodes, and steps can be smoothed.
    smooth = _smoothed(shapely.segmentize(polygons, transform.a))
    return gpd.GeoDataFrame(
        {"label": [int(value) for _, value in found]},
        geometry=list(shapely.coverage_simplify(smooth, tolerance_m)),
    )


def _smoothed(polygons: NDArray[np.object_], rounds: int = 4) -> NDArray[np.object_]:
    """Average every node with its two neighbours on the edge; junctions of edges stay."""
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    at, ring = shapely.get_coordinates(rings, return_index=True)
    _, first, node = np.unique(
        (at * 8).round().astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    node = node.reshape(-1)
    xy = at[first]
    inner = ring[1:] == ring[:-1]
    edges = np.sort(np.column_stack([node[:-1][inner], node[1:][inner]]), axis=1)
    ends = np.unique(edges, axis=0)
    both = np.concatenate([ends, ends[:, ::-1]])
    between = np.bincount(both[:, 0], minlength=len(xy)) == 2
    for _ in range(rounds):
        around = np.column_stack(
            [np.bincount(both[:, 0], weights=xy[both[:, 1], k], minlength=len(xy)) for k in (0, 1)]
        )
        xy = np.where(between[:, None], 0.5 * xy + 0.25 * around, xy)
    moved = shapely.linearrings(xy[node], indices=ring)
    return shapely.polygons(moved, indices=polygon)


def arrange(lines: list[Any], *, grid_m: float) -> NDArray[np.object_]:
    """Node all lines together on a fine grid and return the faces between them (a coverage)."""
    noded = shapely.unary_union(np.asarray(lines, dtype=object), grid_size=grid_m)
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(noded)))
    centre = shapely.get_coordinates(shapely.point_on_surface(faces)).round(2)
    return faces[np.lexsort((centre[:, 0], centre[:, 1]))]


def absorb_slivers(
    faces: NDArray[np.object_],
    labels: NDArray[np.int64],
    group: NDArray[np.int64],
    *,
    smallest_m2: float,
) -> NDArray[np.int64]:
    """Give small faces cut off from the rest of their label to the neighbour they share most with.

    Parameters
    ----------
    faces : ndarray of Polygon
        A coverage.
    labels, group : ndarray of int
        Label of each face, and the unit it may not leave.
    smallest_m2 : float
        A connected part of a label smaller than this is given away, unless it is an island or
        the largest part of its label.

    Returns
    -------
    ndarray of int
        Labels after the exchange.
    """
    labels = labels.copy()
    area = shapely.area(faces)
    left, right, length = _shared_edges(faces)
    keep = group[left] == group[right]
    left, right, length = left[keep], right[keep], length[keep]
    for _ in range(4):
        part = _parts(labels, left, right)
        part_area = np.bincount(part, weights=area)
        largest = np.zeros(labels.max() + 1)
        np.maximum.at(largest, labels, part_area[part])
        small = (part_area[part] < smallest_m2) & (part_area[part] < largest[labels])
        moved = False
        for face in np.flatnonzero(small):
            edges = np.flatnonzero(((left == face) | (right == face)) & (length > 0))
            other = np.where(left[edges] == face, right[edges], left[edges])
            fits = labels[other] != labels[face]
            if not fits.any():
                continue
            names, index = np.unique(labels[other[fits]], return_inverse=True)
            labels[face] = names[np.argmax(np.bincount(index, weights=length[edges[fits]]))]
            moved = True
        if not moved:
            break
    return labels


def _parts(labels: NDArray[Any], left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """Find the connected parts of equal labels over the shared edges."""
    same = labels[left] == labels[right]
    shape = (labels.size, labels.size)
    graph = coo_array((np.ones(same.sum()), (left[same], right[same])), shape=shape)
    return connected_components(graph, directed=False)[1]


def _shared_edges(
    faces: NDArray[np.object_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Find pairs of faces with a common edge, and its length."""
    tree = shapely.STRtree(faces)
    left, right = tree.query(faces, predicate="intersects")
    pairs = left < right
    left, right = left[pairs], right[pairs]
    shared = shapely.intersection(shapely.boundary(faces[left]), shapely.boundary(faces[right]))
    length = shapely.length(shared)
    touching = length > 0
    return left[touching], right[touching], length[touching]


def lone_parts(faces: NDArray[np.object_], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Area (m2) of the land mass that each face belongs to, whatever the labels on it."""
    left, right, _ = _shared_edges(faces)
    part = _parts(np.zeros_like(labels), left, right)
    mass: NDArray[np.float64] = np.bincount(part, weights=shapely.area(faces))[part]
    return mass

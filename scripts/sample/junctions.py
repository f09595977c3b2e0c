"""Junctions and links of the generated road network of the sample city.

Junctions stand where people live, closer in towns than in the hills. A Delaunay triangulation
joins them; the costliest side of every triangle goes, so that towns keep a grid and valleys a
single road.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay, cKDTree

from .boundaries import coast
from .grid import SampleGrid, land_mask
from .terrain import landscape, slope_degrees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

URBAN_PERSONS = 220  # of a cell: from here on streets form a grid
# Least persons of a 200 m cell, side of the block (cells) that gets one junction, lattice or not.
SPACING = ((450, 2, True), (URBAN_PERSONS, 3, True), (60, 5, False), (1, 9, False))
APART_M = 230.0  # no junction nearer to another one of higher rank
LONGEST_M = 14_000.0
LONGEST_CROSSING = 0.35  # share of a road that may lie over water (a bridge)
MOST_OUTSIDE = 0.15  # share of a road that may run beyond the city limits
KEEP = 0.93  # a side goes when both others of its triangle cost less than this share of it


@dataclass(frozen=True)
class Junctions:
    """Ends of roads: place and height, people around, and which villages they serve.

    Parameters
    ----------
    x, y : ndarray, metres
    persons : ndarray
        Persons of the 200 m cell.
    villages : Series
        Number of the junction of each village, indexed by its code.
    """

    x: Floats
    y: Floats
    persons: Ints
    villages: pd.Series


def junctions(
    grid: SampleGrid,
    villages: gpd.GeoDataFrame,
    cells: pd.DataFrame,
    facilities: gpd.GeoSeries,
    rng: np.random.Generator,
) -> Junctions:
    """Choose the junctions: one a village, one near each facility, the rest where people live.

    Parameters
    ----------
    grid : SampleGrid
    villages : GeoDataFrame
        ``unit_id`` and polygons in the grid's CRS.
    cells : DataFrame
        Populated cells: ``unit_id``, ``persons``, ``x``, ``y``, ``row``, ``col``.
    facilities : GeoSeries
        Points in the grid's CRS that a road passes at some 40 m.
    rng : Generator
    """
    order = np.lexsort((cells["col"], cells["row"], -cells["persons"]))
    ranked = cells.iloc[order]
    best = ranked.drop_duplicates("unit_id").set_index("unit_id")
    spot = villages.geometry.representative_point()
    seat = pd.DataFrame({"x": spot.x, "y": spot.y}).set_index(villages["unit_id"].to_numpy())
    drawn_xy = best[["x", "y"]] + rng.uniform(-45, 45, (len(best), 2))
    polygons = villages.set_index("unit_id").geometry[best.index]
    seat.update(drawn_xy[shapely.contains_xy(polygons, drawn_xy["x"], drawn_xy["y"])])
    parts = [seat.to_numpy()]
    angle = rng.uniform(0, 2 * np.pi, len(facilities))
    near = np.column_stack([facilities.x, facilities.y])
    parts.append(near + 40 * np.column_stack([np.cos(angle), np.sin(angle)]))
    parts += [spots + rng.uniform(-off, off, spots.shape) for spots, off in _blocks(grid, ranked)]
    points = np.vstack(parts).round(1)
    dry = shapely.contains_xy(coast().union_all(), points[:, 0], points[:, 1])
    dry[: len(seat)] = True
    points = points[dry]
    kept = _thin(points, fixed=len(seat), apart_m=APART_M)
    x, y = points[kept].T
    persons = np.zeros(grid.shape, dtype=np.int64)
    persons[cells["row"], cells["col"]] = cells["persons"]
    return Junctions(x, y, grid.sample(persons, x, y), pd.Series(range(len(seat)), seat.index))


def _blocks(grid: SampleGrid, ranked: pd.DataFrame) -> Iterator[tuple[Floats, float]]:
    """Yield one spot a settled block, the denser the smaller, and how far it may be moved."""
    left = ranked
    for least, block, lattice in SPACING:
        dense = left[left["persons"] >= least]
        left = left[left["persons"] < least]
        key = (dense["row"] // block) * 10_000 + dense["col"] // block
        first = dense[~key.duplicated()]
        if lattice:
            middle = (first[["col", "row"]] // block * block + block / 2).to_numpy()
            yield middle * (grid.cell_m, -grid.cell_m) + (grid.left, grid.top), 20.0
        else:
            yield first[["x", "y"]].to_numpy(), 80.0


def _thin(points: Floats, *, fixed: int, apart_m: float) -> Ints:
    """Rows to keep: the first ``fixed``, then each one that is apart from all kept before."""
    keep = np.ones(len(points), dtype=bool)
    pairs = cKDTree(points).query_pairs(apart_m, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    for first, second in pairs[pairs[:, 1] >= fixed]:
        if keep[first]:
            keep[second] = False
    return np.flatnonzero(keep)


def links(grid: SampleGrid, seed: int, nodes: Junctions) -> pd.DataFrame:
    """Edges between junctions: ``a``, ``b``, ``length_m``, ``cost``, ``wet_share``; a < b.

    The cost is the length, stretched by slope and water. The costliest side of a triangle of the
    Delaunay triangulation is dropped when two cheaper ones lead around it; this never parts two
    junctions.
    """
    triangles = Delaunay(np.column_stack([nodes.x, nodes.y])).simplices.astype(np.int64)
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [0, 2]]], axis=2)
    flat, number = np.unique(sides.reshape(-1, 2), axis=0, return_inverse=True)
    edges = _costed(grid, seed, nodes, flat[:, 0], flat[:, 1])
    cost = edges["cost"].to_numpy()[number.reshape(-1, 3)]
    ranked = np.sort(cost, axis=1)
    drop = number.reshape(-1, 3)[np.arange(len(cost)), cost.argmax(axis=1)]
    drop = drop[ranked[:, 1] < KEEP * ranked[:, 2]]
    keep = np.isfinite(edges["cost"].to_numpy())
    keep[drop] = False
    return edges[keep].reset_index(drop=True)


def _costed(grid: SampleGrid, seed: int, nodes: Junctions, a: Ints, b: Ints) -> pd.DataFrame:
    """Length, cost and share over water of straight roads between junctions."""
    ground = landscape(grid, seed)
    slope = slope_degrees(ground.elevation_m, grid.cell_m)
    length = np.hypot(nodes.x[a] - nodes.x[b], nodes.y[a] - nodes.y[b])
    share = np.linspace(0.02, 0.98, 25)[:, None]
    x = nodes.x[a] * (1 - share) + nodes.x[b] * share
    y = nodes.y[a] * (1 - share) + nodes.y[b] * share
    wet = grid.sample(ground.sea, x, y).mean(axis=0)
    steep = grid.sample(slope, x, y).mean(axis=0)
    rise = grid.sample(ground.elevation_m, x, y)
    climb = np.abs(np.diff(rise, axis=0)).sum(axis=0)
    cost = length * (1 + 0.08 * steep + 6 * wet) + 12 * climb
    city = grid.sample(land_mask(grid) | ground.sea, x, y)
    away = (~city).mean(axis=0) > MOST_OUTSIDE
    over = (wet > LONGEST_CROSSING) | (wet * length > 2500)
    cost[(length > LONGEST_M) | over | away] = np.inf
    return pd.DataFrame({"a": a, "b": b, "length_m": length, "cost": cost, "wet_share": wet})


def connected(grid: SampleGrid, seed: int, nodes: Junctions, edges: pd.DataFrame) -> pd.DataFrame:
    """Join the parts that share one piece of land by their shortest link; islands stay apart."""
    land, _ = ndimage.label(~landscape(grid, seed).sea, structure=np.ones((3, 3)))
    piece = grid.sample(land, nodes.x, nodes.y)
    places = np.column_stack([nodes.x, nodes.y])
    while True:
        part = _parts(len(places), edges)
        main = part == np.bincount(part).argmax()
        mainland = piece == np.bincount(piece[main]).argmax()
        loose = np.flatnonzero(mainland & ~main)
        if not len(loose):
            return edges
        joined = np.flatnonzero(mainland & main)
        distance, near = cKDTree(places[joined]).query(places[loose])
        best = int(np.argmin(distance))
        a, b = sorted((int(loose[best]), int(joined[near[best]])))
        link = _costed(grid, seed, nodes, np.array([a]), np.array([b]))
        link["cost"] = 3 * link["length_m"]
        edges = pd.concat([edges, link], ignore_index=True)


def matrix(size: int, edges: pd.DataFrame, cost: Floats) -> csr_array:
    """Symmetric matrix of the cost between junctions."""
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    ends = (np.concatenate([a, b]), np.concatenate([b, a]))
    return csr_array((np.concatenate([cost, cost]), ends), shape=(size, size))


def _parts(size: int, edges: pd.DataFrame) -> Ints:
    """Give each junction the number of its connected part."""
    ones = np.ones(len(edges))
    _, part = connected_components(matrix(size, edges, ones), directed=False)
    return np.asarray(part, dtype=np.int64)

"""The generated road network of the sample city: about 20,000 edges over all villages.

Classes follow use: the ways between county seats, towns and villages.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from .grid import SampleGrid
from .junctions import URBAN_PERSONS, Junctions, connected, junctions, links, matrix
from .terrain import landscape, random_stream, streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

CLASSES = ("motorway", "national", "provincial", "county", "township", "village")
UNBENDINGS = 4
BRIDGE_KM2 = 40.0  # catchment from which a stream needs a bridge worth the name

# Schematic motorways (示意): towns with an interchange, in order.
MOTORWAYS = {
    "沈海高速": (
        "泉港区界山镇", "泉港区涂岭镇", "惠安县黄塘镇", "洛江区双阳街道", "鲤城区江南街道",
        "晋江市磁灶镇", "晋江市内坑镇", "南安市水头镇"),
    "泉南高速": (
        "石狮市灵秀镇", "晋江市罗山街道", "晋江市池店镇", "鲤城区江南街道", "南安市霞美镇",
        "南安市康美镇", "南安市金淘镇", "永春县东平镇", "永春县石鼓镇", "永春县下洋镇"),
    "厦沙高速": (
        "安溪县龙门镇", "安溪县官桥镇", "安溪县城厢镇", "安溪县魁斗镇", "安溪县金谷镇",
        "永春县达埔镇", "永春县石鼓镇", "德化县三班镇", "德化县浔中镇", "德化县赤水镇",
        "德化县上涌镇"),
    "沈海复线": (
        "泉港区涂岭镇", "洛江区马甲镇", "南安市洪濑镇", "南安市康美镇", "南安市美林街道",
        "南安市仑苍镇", "安溪县官桥镇"),
}  # fmt: skip


@dataclass(frozen=True)
class Seats:
    """Junctions that stand for the centres of villages, towns and counties, by code."""

    villages: pd.Series
    towns: pd.Series
    counties: pd.Series


def seats(nodes: Junctions, persons: pd.Series) -> Seats:
    """Take the most peopled village of each town as its seat, and its first town as the county's.

    The division codes count from the seat of the county: its town has the lowest code.

    Parameters
    ----------
    nodes : Junctions
    persons : Series, persons, indexed by village code
    """
    ranked = persons.sort_index().sort_values(ascending=False, kind="stable")
    junction = nodes.villages.reindex(ranked.index)
    towns = junction[~ranked.index.str[:9].duplicated()].rename(lambda code: code[:9]).sort_index()
    counties = towns[~towns.index.str[:6].duplicated()].rename(lambda code: code[:6])
    return Seats(nodes.villages, towns, counties)


def classify(nodes: Junctions, edges: pd.DataFrame, seat: Seats, names: pd.Series) -> pd.DataFrame:
    """Add ``class`` and ``name``: the best way that uses an edge decides.

    National roads join county seats, provincial roads lead from towns to their county seat where
    three towns or more share the way, county roads are the rest of these and join neighbouring
    towns, township roads lead from villages to their town where three or more share the way or
    run through densely peopled cells; all others are village roads.

    Parameters
    ----------
    nodes, edges, seat : see `links` and `seats`
    names : Series
        Name of each town and county, by code.
    """
    size = len(nodes.x)
    kind = np.full(len(edges), CLASSES.index("village"))
    name = np.full(len(edges), "", dtype=object)
    number = pd.Series(range(len(edges)), pd.MultiIndex.from_frame(edges[["a", "b"]]))
    cost = edges["cost"].to_numpy().copy()

    def mark(paths: list[tuple[str, Ints]], grade: str) -> None:
        for label, path in paths:
            rank = CLASSES.index(grade)
            better = path[kind[path] > rank]
            kind[better] = rank
            name[better] = label

    def ways(pairs: list[tuple[str, str]], at: pd.Series) -> list[tuple[str, Ints]]:
        return _ways(pairs, at, names, number, matrix(size, edges, cost))

    mark(ways(_neighbours(nodes, seat.counties), seat.counties), "national")
    cost[kind <= CLASSES.index("national")] *= 0.6  # later ways follow the better road
    both = pd.concat([seat.counties, seat.towns])
    inward = ways([(code[:6], code) for code in seat.towns.index], both)
    shared = np.bincount(np.concatenate([path for _, path in inward]), minlength=len(edges))
    mark([(label, path[shared[path] >= 3]) for label, path in inward], "provincial")
    mark(inward, "county")
    cost[kind <= CLASSES.index("county")] *= 0.8
    mark(ways(_neighbours(nodes, seat.towns), seat.towns), "county")
    both = pd.concat([seat.towns, seat.villages])
    inward = ways([(code[:9], code) for code in seat.villages.index], both)
    shared = np.bincount(np.concatenate([path for _, path in inward]), minlength=len(edges))
    mark([("", path[shared[path] >= 3]) for _, path in inward], "township")
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    dense = np.minimum(nodes.persons[a], nodes.persons[b]) >= URBAN_PERSONS
    kind[dense & (kind == CLASSES.index("village"))] = CLASSES.index("township")
    return edges.assign(**{"class": np.array(CLASSES)[kind], "name": name.astype(str)})


def _neighbours(nodes: Junctions, at: pd.Series) -> list[tuple[str, str]]:
    """Pairs of seats with no third seat in the circle between them (Gabriel graph)."""
    places = np.column_stack([nodes.x[at], nodes.y[at]])
    tree = cKDTree(places)
    first, second = np.triu_indices(len(places), 1)
    middle = (places[first] + places[second]) / 2
    radius = np.hypot(*(places[first] - places[second]).T) / 2
    near, _ = tree.query(middle)
    alone = near >= radius * (1 - 1e-9)
    codes = at.index.to_numpy()
    return list(zip(codes[first[alone]], codes[second[alone]], strict=True))


def _ways(
    pairs: list[tuple[str, str]],
    at: pd.Series,
    names: pd.Series,
    number: pd.Series,
    graph: csr_array,
) -> list[tuple[str, Ints]]:
    """Cheapest way of each pair of seats: its name and the numbers of its edges."""
    by_start: dict[str, list[str]] = {}
    for start, end in pairs:
        by_start.setdefault(start, []).append(end)
    edge_of = number.to_dict()
    found = []
    for start, ends in by_start.items():
        _, before = dijkstra(graph, indices=at[start], return_predecessors=True)
        for end in ends:
            path, node = [], int(at[end])
            while before[node] >= 0:
                path.append(edge_of[tuple(sorted((int(before[node]), node)))])
                node = int(before[node])
            label = _road_name(names.get(start, ""), names.get(end, ""))
            found.append((label, np.array(path[::-1], dtype=np.int64)))
    return found


def _road_name(start: str, end: str) -> str:
    """Name a road by its two ends.

    Examples
    --------
    >>> _road_name("湖头镇", "剑斗镇"), _road_name("安溪县", "")
    ('湖头至剑斗公路', '')
    """
    if not start or not end or start == end:
        return ""
    bare = [pd.Series([name]).str.replace("(街道|回族乡|[镇乡区县市])$", "", regex=True)[0]
            for name in (start, end)]  # fmt: skip
    return f"{bare[0]}至{bare[1]}公路"


def motorways(nodes: Junctions, seat: Seats, towns: pd.DataFrame) -> pd.DataFrame:
    """Motorway edges, one a direction: ``a``, ``b``, ``name``, ``oneway`` True.

    Parameters
    ----------
    nodes, seat : see `seats`
    towns : DataFrame
        ``unit_id`` and ``full_name`` (county and town).
    """
    code = towns.set_index("full_name")["unit_id"]
    rows = [
        (int(seat.towns[code[first]]), int(seat.towns[code[second]]), name)
        for name, stops in MOTORWAYS.items()
        for first, second in pairwise(stops)
    ]
    rows += [(b, a, name) for a, b, name in rows]
    frame = pd.DataFrame(rows, columns=["a", "b", "name"]).drop_duplicates(["a", "b"])
    frame["length_m"] = np.hypot(
        nodes.x[frame["a"]] - nodes.x[frame["b"]], nodes.y[frame["a"]] - nodes.y[frame["b"]]
    )
    return frame.assign(wet_share=0.0, oneway=True, **{"class": "motorway"})


def drawn(
    grid: SampleGrid, seed: int, nodes: Junctions, edges: pd.DataFrame
) -> NDArray[np.object_]:
    """Lines of the edges in map coordinates, bent sideways to where the ground is most even.

    Streets of a town and bridges over the sea run straight; a carriageway of a motorway keeps
    to the right.
    """
    ground = landscape(grid, seed)
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    length = edges["length_m"].to_numpy()
    oneway = edges["oneway"].to_numpy()
    dense = np.minimum(nodes.persons[a], nodes.persons[b]) >= URBAN_PERSONS
    straight = (length < 350) | dense | (edges["wet_share"].to_numpy() > 0)
    unit_x, unit_y = (nodes.x[b] - nodes.x[a]) / length, (nodes.y[b] - nodes.y[a]) / length
    bend = np.zeros(len(edges))
    best = np.full(len(edges), np.inf)
    offers = np.array([0.0, 0.06, -0.06, 0.11, -0.11])
    level = (grid.sample(ground.elevation_m, nodes.x[a], nodes.y[a])
             + grid.sample(ground.elevation_m, nodes.x[b], nodes.y[b])) / 2  # fmt: skip
    for offer in offers:
        x = (nodes.x[a] + nodes.x[b]) / 2 - offer * length * unit_y
        y = (nodes.y[a] + nodes.y[b]) / 2 + offer * length * unit_x
        climb = np.abs(grid.sample(ground.elevation_m, x, y) - level)
        climb = climb + np.where(grid.sample(ground.sea, x, y), 1e6, 0) + 0.01 * abs(offer) * length
        bend = np.where(climb < best, offer, bend)
        best = np.minimum(climb, best)
    bend = np.where(straight & ~oneway, 0.0, bend)
    # Both directions of a motorway share the bend, 15 m to either side.
    forward = np.where(a < b, 1.0, -1.0)
    bend = np.where(oneway, 0.03 * forward * ((a + b) % 3 - 1) - 15 / length, bend)
    # Bends that would cross a neighbour are taken back; straight sides of triangles never cross.
    plain = np.flatnonzero(~oneway)
    for _ in range(UNBENDINGS):
        lines = _bent(nodes, a, b, bend)
        hits = shapely.STRtree(lines[plain]).query(lines[plain], predicate="crosses")
        bend[plain[np.unique(hits)]] = 0.0
    return _bent(nodes, a, b, bend)


def _bent(nodes: Junctions, a: Ints, b: Ints, bend: Floats) -> NDArray[np.object_]:
    """Lines from ``a`` to ``b`` whose middle lies ``bend`` times their length to the left."""
    east, north = nodes.x[b] - nodes.x[a], nodes.y[b] - nodes.y[a]
    length = np.hypot(east, north)
    lines = []
    for row in range(len(a)):
        inner = np.array([0.5] if length[row] < 1200 else [0.25, 0.5, 0.75])
        share = np.array([0.0, *(inner if bend[row] else ()), 1.0])
        side = 4 * share * (1 - share) * bend[row]
        x = nodes.x[a[row]] + share * east[row] - side * north[row]
        y = nodes.y[a[row]] + share * north[row] + side * east[row]
        x[-1], y[-1] = nodes.x[b[row]], nodes.y[b[row]]  # exactly, not to the last bit
        lines.append(shapely.LineString(np.column_stack([x, y])))
    return np.array(lines, dtype=object)


def roads(
    grid: SampleGrid,
    villages: gpd.GeoDataFrame,
    names: pd.Series,
    cells: pd.DataFrame,
    facilities: gpd.GeoSeries,
    *,
    seed: int,
) -> gpd.GeoDataFrame:
    """Generate the roads layer (EPSG:4490), one row an edge, by ``road_id``.

    Parameters
    ----------
    grid : SampleGrid
    villages : GeoDataFrame
        ``unit_id``, ``persons`` and polygons.
    names : Series
        Name of each town and county, by code.
    cells : DataFrame
        Populated cells: ``unit_id``, ``persons``, ``x``, ``y``, ``row``, ``col``.
    facilities : GeoSeries
        Points that a road should pass.
    seed : int
    """
    villages = villages.to_crs(grid.crs)
    rng = random_stream(seed, "roads")
    nodes = junctions(grid, villages, cells, facilities.to_crs(grid.crs), rng)
    edges = connected(grid, seed, nodes, links(grid, seed, nodes))
    seat = seats(nodes, villages.set_index("unit_id")["persons"])
    edges = classify(nodes, edges, seat, names).assign(oneway=False)
    towns = names[names.index.str.len() == 9]
    full = towns.index.str[:6].map(names) + towns
    express = motorways(nodes, seat, pd.DataFrame({"unit_id": towns.index, "full_name": full}))
    edges = pd.concat([express, edges], ignore_index=True)
    rank = edges["class"].map(CLASSES.index)
    edges = edges.iloc[np.lexsort((edges["b"], edges["a"], rank))].reset_index(drop=True)
    lines = drawn(grid, seed, nodes, edges)
    crossed = shapely.STRtree(streams(grid, seed, least_km2=BRIDGE_KM2)).query(
        lines, predicate="crosses"
    )[0]
    bridge = edges["wet_share"].to_numpy() > 0
    bridge[np.unique(crossed)] = True
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4490", always_xy=True)
    degrees = shapely.transform(
        lines, lambda xy: np.column_stack(to_degrees.transform(*xy.T)).round(6)
    )
    table = pd.DataFrame(
        {
            "road_id": [f"R{number:05d}" for number in range(1, len(edges) + 1)],
            "class": edges["class"],
            "name": edges["name"],
            "speed_kmh": np.full(len(edges), np.nan),
            "oneway": edges["oneway"].astype(bool),
            "bridge": bridge,
            "closed_by": "",
            "synthetic": True,
        }
    )
    layer = gpd.GeoDataFrame(table, geometry=degrees, crs="EPSG:4490")
    layer.insert(5, "length_m", layer.to_crs(grid.crs).length.round(1))
    return layer


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``roads/roads.gpkg`` from boundaries, population and shelters in ``data``."""
    boundaries = data / "boundaries" / "boundaries.gpkg"
    layers = {name: gpd.read_file(boundaries, layer=name) for name in ("county", "town", "village")}
    names = pd.concat([layers["county"], layers["town"]]).set_index("unit_id")["name"]
    persons = pd.read_csv(data / "population" / "villages.csv", dtype={"unit_id": str})
    villages = layers["village"][["unit_id", "geometry"]]
    villages["persons"] = villages["unit_id"].map(persons.set_index("unit_id")["persons"])
    demand = gpd.read_parquet(data / "population" / "demand.parquet")
    cells = pd.DataFrame(demand[["unit_id", "persons"]])
    cells["x"], cells["y"] = demand.geometry.x, demand.geometry.y
    cells["row"], cells["col"] = grid.rows_cols(cells["x"], cells["y"])
    shelters = gpd.read_file(data / "shelters" / "shelters.gpkg")
    path = data / "roads" / "roads.gpkg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    layer = roads(grid, villages, names, cells, shelters.geometry, seed=seed)
    # Without a spatial index the file is a third smaller; readers take the whole layer anyway.
    layer.to_file(path, layer="roads", driver="GPKG", engine="pyogrio", SPATIAL_INDEX="NO")

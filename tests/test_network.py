"""Road networks and straight lines against hand-checked worlds, networkx and brute force."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from qzrisk import engine, rules
from qzrisk.analysis import network as net
from qzrisk.analysis.network import travel
from qzrisk.analysis.network.noding import morton_order
from qzrisk.errors import ConfigError, CRSError, ReachError, SchemaError

CRS = "EPSG:4549"
X0, Y0 = 500_000.0, 2_750_000.0


def roads(*lines, **columns):
    shapes = [shapely.LineString([(x + X0, y + Y0) for x, y in line]) for line in lines]
    ids = pd.Index([f"r{i}" for i in range(len(lines))], name="road_id")
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS, index=ids)


def points(**places):
    return gpd.GeoSeries({name: shapely.Point(x + X0, y + Y0) for name, (x, y) in places.items()},
                         crs=CRS)


def walk(lines, **options):
    return net.road_network(lines, mode="walk", walk_m_s=1.0, **options)


def metres(network, origins, destinations, limit=1e9, snap_limit_m=1000.0):
    found = net.od_costs(network, origins, destinations, max_cost_m=limit,
                         snap_limit_m=snap_limit_m)
    return found.to_series().to_dict()


SQUARE = ([(0, 0), (100, 0)], [(100, 0), (100, 100)], [(100, 100), (0, 100)], [(0, 100), (0, 0)])


# --- hand-checked worlds ------------------------------------------------------------------------

def test_costs_by_hand_on_a_square():
    network = walk(roads(*SQUARE))
    got = metres(network, points(a=(10, -5)), points(s=(60, 0), t=(100, 70)))
    # a walks 5 m to the road; s lies on the same edge; t is 90 m to the corner and 70 m up.
    assert got == pytest.approx({("a", "s"): 55.0, ("a", "t"): 165.0})


def test_minutes_use_speed_on_the_road_and_walking_speed_to_it():
    network = net.road_network(roads([(0, 0), (1000, 0)], speed_kmh=[60.0]), walk_m_s=1.0)
    got = net.od_costs(network, points(a=(0, 60)), points(s=(1000, 0)), max_cost_min=10,
                       snap_limit_m=100)
    assert got.unit == "min"
    assert got.to_series().tolist() == pytest.approx([1.0 + 1.0])  # 60 m at 1 m/s; 1 km at 60 km/h


def test_the_limit_counts_the_walks_and_is_inclusive():
    network = walk(roads(*SQUARE))
    ends = points(a=(10, -5)), points(s=(60, 0))
    assert metres(network, *ends, limit=55.0)
    assert not metres(network, *ends, limit=54.999)


def test_one_edge_two_points_may_be_quicker_around_or_direct():
    # A long loop and a fast bypass: both points on the loop's only edge.
    loop = [(0, 0), (0, 300), (400, 300), (400, 0)]
    network = walk(roads(loop, [(0, 0), (400, 0)]))
    got = metres(network, points(a=(0, 10)), points(s=(400, 10), t=(0, 50)))
    assert got == pytest.approx({("a", "s"): 10 + 400 + 10, ("a", "t"): 40.0})


def test_a_ring_road_is_an_edge_from_a_node_to_itself():
    network = walk(roads([(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]))
    assert (network.edges.start == network.edges.end).all()
    assert metres(network, points(a=(10, 0)), points(s=(0, 10))) == pytest.approx({("a", "s"): 20})


def test_oneway_costs_are_not_symmetric():
    lines = roads(*SQUARE, oneway=[True, False, False, False])
    network = net.road_network(lines)
    a, b = points(a=(10, 0)), points(b=(60, 0))
    assert metres(network, a, b)["a", "b"] == pytest.approx(50)
    assert metres(network, b, a)["b", "a"] == pytest.approx(40 + 300 + 10)
    assert metres(walk(lines), b, a)["b", "a"] == pytest.approx(50)  # on foot both ways


def test_oneway_against_the_line_as_drawn():
    network = net.road_network(roads(*SQUARE, oneway=["-1", "no", "no", "no"]))
    a, b = points(a=(10, 0)), points(b=(60, 0))
    assert metres(network, b, a)["b", "a"] == pytest.approx(50)
    assert metres(network, a, b)["a", "b"] == pytest.approx(350)


def test_oneway_dead_end_is_reached_but_not_left():
    network = net.road_network(roads([(0, 0), (100, 0)], [(100, 0), (200, 0)],
                                     oneway=[False, True]))
    start, inside = points(a=(50, 0)), points(b=(150, 0))
    assert metres(network, start, inside)["a", "b"] == pytest.approx(100)
    assert metres(network, inside, start) == {}
    many = points(**{f"o{i}": (i, 0) for i in range(5)})  # searched from the destinations
    assert len(metres(network, many, inside)) == 5


def test_classes_give_speeds_and_unknown_ones_are_reported():
    lines = roads([(0, 0), (550, 0)], [(550, 0), (550, 250)], [(550, 250), (0, 250)],
                  [(0, 250), (0, 500)])
    lines["class"] = ["primary_link", "goat_track", "footway", None]
    network = net.road_network(lines)
    speed = dict(zip(network.road_ids[network.edges.road], network.forward_m_min * 0.06,
                     strict=True))
    primary, default = (rules.value("roads", f"drive.{c}") for c in ("primary", "unclassified"))
    assert speed == pytest.approx({"r0": primary, "r1": default, "r3": default})
    assert network.report[["road_id", "rule"]].values.tolist() == [
        ["r1", "unknown_class"], ["r2", "not_for_mode"]]
    own = net.road_network(lines, speeds_kmh={"goat_track": 6.0})
    assert pytest.approx(min(own.forward_m_min) * 0.06) == 6.0


def test_walkers_keep_off_motorways():
    lines = roads([(0, 0), (100, 0)], [(0, 0), (0, 50)])
    lines["class"] = ["motorway", "primary"]
    assert walk(lines).road_ids.tolist() == ["r1"]


# --- noding -------------------------------------------------------------------------------------

def test_an_end_on_a_vertex_of_another_road_joins_and_a_bare_crossing_does_not():
    cross = roads([(0, 0), (50, 0), (100, 0)], [(50, 0), (50, 80)], [(75, -50), (75, 50)])
    network = walk(cross)
    assert len(network.edges.start) == 4  # r0 cut at the joint, r2 passes over
    assert len(network.components) == 2
    noded = walk(cross, crossings=True)
    assert len(noded.components) == 1
    assert len(noded.edges.start) == 6
    got = metres(noded, points(a=(0, 0)), points(s=(75, 50)))
    assert got["a", "s"] == pytest.approx(75 + 50)


def test_a_bridge_makes_no_crossing():
    cross = roads([(0, 0), (100, 0)], [(50, -50), (50, 50)], bridge=[True, False])
    assert len(walk(cross, crossings=True).components) == 2
    assert len(walk(cross.drop(columns="bridge"), crossings=True).components) == 1


def test_crossing_of_lines_that_share_a_stretch():
    shared = roads([(0, 0), (100, 0)], [(40, 0), (80, 0), (80, 30)])
    noded = walk(shared, crossings=True)
    got = metres(noded, points(a=(0, 0)), points(s=(80, 30), t=(100, 0)))
    assert got == pytest.approx({("a", "s"): 110.0, ("a", "t"): 100.0})


def test_noise_is_left_out_and_reported():
    lines = roads([(0, 0), (100, 0)], [(50, -0.4), (50, 80)], [(5, 5), (5, 5)], [(0, 0), (1, 1)])
    lines.loc["r3", "geometry"] = None
    network = walk(lines, crossings=True)
    report = network.report.set_index("road_id")["rule"].to_dict()
    assert report == {"r1": "overshoot", "r2": "zero_length", "r3": "missing_geometry"}
    assert network.report.set_index("road_id").loc["r1", "length_m"] == pytest.approx(0.4)
    assert sorted(network.edges.length_m) == pytest.approx([50, 50, 80])


def test_multilines_heights_and_bare_geometry():
    shape = shapely.MultiLineString([[(X0, Y0, 5), (X0 + 9, Y0, 5)],
                                     [(X0 + 9, Y0), (X0 + 9, Y0 + 9)]])
    network = walk(gpd.GeoSeries([shape], index=["m"], crs=CRS))
    assert len(network.edges.start) == 2
    assert metres(network, points(a=(0, 0)), points(s=(9, 9)))["a", "s"] == pytest.approx(18)


def test_components_are_listed_by_length():
    network = walk(roads([(0, 0), (10, 0)], [(0, 500), (900, 500)], [(0, 900), (50, 900)]))
    assert network.components["length_m"].tolist() == pytest.approx([900, 50, 10])
    assert network.components["nodes"].tolist() == [2, 2, 2]


def test_bad_layers_raise():
    with pytest.raises(CRSError):
        net.road_network(roads(*SQUARE).to_crs(4490))
    with pytest.raises(CRSError):
        net.od_costs(walk(roads(*SQUARE)), points(a=(0, 0)).to_crs("EPSG:4548"),
                     points(s=(0, 0)), max_cost_m=9, snap_limit_m=9)
    with pytest.raises(SchemaError, match="r0"):
        net.road_network(gpd.GeoSeries([shapely.Point(X0, Y0)], index=["r0"], crs=CRS))
    with pytest.raises(ConfigError, match="mode"):
        net.road_network(roads(*SQUARE), mode="fly")
    with pytest.raises(ConfigError, match="speed"):
        net.road_network(roads(*SQUARE, speed_kmh=[30, 0, 30, 30]))
    with pytest.raises(ConfigError, match="no road"):
        net.road_network(roads(*SQUARE).iloc[:0])
    for limits in ({}, {"max_cost_m": 1, "max_cost_min": 1}):
        with pytest.raises(ConfigError, match="exactly one"):
            net.od_costs(walk(roads(*SQUARE)), points(), points(), snap_limit_m=9, **limits)
    with pytest.raises(ConfigError):
        metres(walk(roads(*SQUARE)), points(a=(0, 0)), points(s=(0, 0)), limit=-1)


# --- snapping -----------------------------------------------------------------------------------

def test_snap_names_every_point_without_a_way():
    network = walk(roads(*SQUARE, [(900, 900), (950, 900)]))
    where = points(a=(10, -5), far=(400, 400), isle=(920, 903))
    where["none"] = None
    found = net.snap(network, where, snap_limit_m=50)
    assert found["reason"].to_dict() == {
        "a": "", "far": "too_far_from_road", "isle": "off_main_component", "none": "no_geometry"}
    assert found["walk_m"].to_dict() == pytest.approx(
        {"a": 5, "far": np.nan, "isle": 3, "none": np.nan}, nan_ok=True)
    assert found["component"].to_dict() == {"a": 0, "far": -1, "isle": 1, "none": -1}
    assert found.loc["far", "edge"] == -1
    ends = net.snap(network, points(s=(0, 0), t=(950, 900)), snap_limit_m=50)
    with pytest.warns(UserWarning, match=r"3 of 4 origins.*far"):
        costs = net.od_costs(network, where, ends, max_cost_m=1e6, snap_limit_m=50)
    assert costs.origins.tolist() == ["a", "far", "isle", "none"]
    assert costs.to_series().to_dict() == pytest.approx({("a", "s"): 15, ("isle", "t"): 33})


def test_the_snap_limit_is_inclusive():
    network = walk(roads(*SQUARE))
    assert net.snap(network, points(a=(50, -30)), snap_limit_m=30)["edge"].iloc[0] >= 0
    assert net.snap(network, points(a=(50, -30)), snap_limit_m=29.99)["edge"].iloc[0] == -1
    assert net.snap(network, points(a=(50, 0)), snap_limit_m=0)["walk_m"].iloc[0] == 0


def test_snapped_frames_give_the_same_costs():
    network = walk(roads(*SQUARE))
    a, s = points(a=(10, -5), b=(99, 50)), points(s=(60, 0), t=(100, 70), u=(0, 0))
    frames = (net.snap(network, p, snap_limit_m=100) for p in (a, s))
    assert metres(network, *frames) == metres(network, a, s)


def test_at_nodes_covers_every_node_once():
    network = walk(roads(*SQUARE))
    found = net.at_nodes(network)
    got = net.od_costs(network, found, found, max_cost_m=1e6).matrix.toarray()
    assert sorted(got.ravel()) == pytest.approx(sorted([0, 100, 100, 200] * 4))


# --- closed roads -------------------------------------------------------------------------------

def test_a_closed_road_cuts_off_and_is_named():
    lines = roads(*SQUARE, [(100, 0), (200, 0)],
                  closed_by=["flood;surge", None, None, None, "flood"])
    network = walk(lines)
    shut = net.close(network, net.closed_by(lines, "flood"))
    where = points(a=(0, 0), b=(150, 0), c=(100, 0))
    found = net.snap(shut, where, snap_limit_m=10)
    assert found["reason"].to_dict() == {"a": "", "b": "closed_road", "c": ""}
    snapped = net.snap(network, where, snap_limit_m=10)
    assert metres(shut, snapped, points(s=(100, 0))) == pytest.approx(
        {("a", "s"): 300, ("c", "s"): 0})
    surge = net.road_network(lines, mode="walk", closed=net.closed_by(lines, "surge"))
    assert metres(surge, where, points(s=(100, 0)))["b", "s"] == pytest.approx(50)
    with pytest.raises(ReachError, match="r9"):
        net.close(network, pd.Series([True], index=["r9"]))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_a_closed_road_never_shortens_a_trip(seed):
    rng = np.random.default_rng(seed)
    lines = random_roads(rng, 25)
    network = net.road_network(lines)
    shut = net.close(network, pd.Series(rng.random(len(lines)) < 0.3, index=lines.index))
    ends = [random_points(rng, 6, p) for p in "os"]
    before, after = (net.od_costs(n, *(net.snap(n, e, snap_limit_m=500) for e in ends),
                                  max_cost_min=60).to_series() for n in (network, shut))
    assert after.index.isin(before.index).all()
    assert (after >= before[after.index] - 1e-9).all()


# --- oracles ------------------------------------------------------------------------------------

def random_roads(rng, n):
    """A grid's random streets, of which some are one-way, with parallel and dangling ones."""
    corners = rng.integers(0, 5, (n, 2)) * 100.0
    steps = np.array([(100, 0), (0, 100), (100, 100), (200, 0)])[rng.integers(0, 4, n)]
    bend = corners + steps / 2 + rng.uniform(-20, 20, (n, 2))
    lines = [[a, b, c] for a, b, c in zip(corners, bend, corners + steps, strict=True)]
    return roads(*lines, oneway=rng.random(n) < 0.4, speed_kmh=rng.uniform(10, 60, n))


def random_points(rng, n, prefix):
    xy = rng.uniform(-50, 650, (n, 2))
    xy[: n // 3] = rng.integers(0, 5, (n // 3, 2)) * 100.0  # some exactly on corners
    return points(**{f"{prefix}{i}": tuple(p) for i, p in enumerate(xy)})


def oracle(network, origins, destinations, unit):
    """All costs by networkx, with a node of its own for every point."""
    nx = pytest.importorskip("networkx")
    cut, graph = network.edges, nx.DiGraph()
    frames = [net.snap(network, p, snap_limit_m=500) for p in (origins, destinations)]
    stops = [(f"{side}:{i}", row) for side, frame in zip("od", frames, strict=True)
             for i, row in frame.iterrows() if row.edge >= 0]

    def link(a, b, cost):
        if not graph.has_edge(a, b) or graph[a][b]["weight"] > cost:
            graph.add_edge(a, b, weight=cost)

    for e in range(len(cut.start)):
        on = sorted([(row.position_m, name) for name, row in stops if row.edge == e])
        chain = [(0.0, cut.start[e]), *((p, ("on", name)) for p, name in on),
                 (cut.length_m[e], cut.end[e])]
        for (p, a), (q, b) in itertools.pairwise(chain):
            for one, two, speed in ((a, b, network.forward_m_min[e]),
                                    (b, a, network.backward_m_min[e])):
                if speed > 0 or q - p < 1e-6:
                    link(one, two, max(q - p, 0) / (speed if unit == "min" and speed else 1))
    for name, row in stops:
        step = row.walk_m / (network.walk_m_min if unit == "min" else 1)
        link(name, ("on", name), step)
        link(("on", name), name, step)
    wanted = {}
    for o in origins.index:
        if f"o:{o}" in graph:
            reached = nx.single_source_dijkstra_path_length(graph, f"o:{o}", weight="weight")
            wanted |= {(o, d): reached[f"d:{d}"] for d in destinations.index
                       if f"d:{d}" in reached}
    return wanted


@pytest.mark.filterwarnings("ignore:.*no place on the main network")
@pytest.mark.parametrize("unit", ["min", "m"])
@pytest.mark.parametrize("sides", [(4, 9), (9, 4)])
@pytest.mark.parametrize("seed", range(6))
def test_costs_equal_networkx_on_directed_disconnected_graphs(seed, sides, unit):
    rng = np.random.default_rng(seed)
    network = net.road_network(random_roads(rng, 30))
    origins, destinations = random_points(rng, sides[0], "o"), random_points(rng, sides[1], "d")
    wanted = oracle(network, origins, destinations, unit)
    limit = float(np.median(list(wanted.values()))) + 1e-6  # off any value: sums round differently
    options = {f"max_cost_{unit}": limit, "snap_limit_m": 500}
    got = net.od_costs(network, origins, destinations, **options)
    within = {pair: cost for pair, cost in wanted.items() if cost <= limit}
    assert got.to_series().to_dict() == pytest.approx(within)
    nearest = net.road_nearest(network, origins, destinations, unit=unit, snap_limit_m=500)
    for o, row in nearest.iterrows():
        costs = {d: c for (i, d), c in wanted.items() if i == o}
        assert row.cost == pytest.approx(min(costs.values(), default=np.nan), nan_ok=True)
        if costs:
            assert costs[row.destination] == pytest.approx(row.cost)
        else:
            assert pd.isna(row.destination)


def test_nodes_equal_scipy_dijkstra():
    from scipy import sparse
    rng = np.random.default_rng(5)
    network = net.road_network(random_roads(rng, 60))
    cut, n = network.edges, len(network.edges.node_xy)
    dense = np.full((n, n), np.inf)
    for i, j, length, up, down in zip(cut.start, cut.end, cut.length_m, network.forward_m_min,
                                      network.backward_m_min, strict=True):
        dense[i, j] = min(dense[i, j], length if up else np.inf)
        dense[j, i] = min(dense[j, i], length if down else np.inf)
    np.fill_diagonal(dense, 0)
    wanted = sparse.csgraph.dijkstra(sparse.csr_array(np.where(np.isfinite(dense), dense, 0)))
    everywhere = net.at_nodes(network)
    got = net.od_costs(network, everywhere, everywhere, max_cost_m=1e9)
    filled = np.full((n, n), np.inf)
    filled[got.rows, got.matrix.indices] = got.matrix.data
    np.testing.assert_allclose(filled, wanted)


# --- invariance ---------------------------------------------------------------------------------

@pytest.mark.filterwarnings("ignore:.*no place on the main network")
def test_order_of_roads_points_and_blocks_does_not_matter(monkeypatch):
    rng = np.random.default_rng(3)
    lines, a, b = random_roads(rng, 40), random_points(rng, 15, "o"), random_points(rng, 15, "d")
    first = metres(net.road_network(lines), a, b, limit=400)
    turned = metres(net.road_network(lines.iloc[rng.permutation(40)]), a[::-1], b, limit=400)
    assert turned == pytest.approx(first)
    monkeypatch.setattr(travel, "BLOCK_SOURCES", 4)
    assert metres(net.road_network(lines), a, b, limit=400) == first


def test_the_projection_hardly_matters():
    lines, a, b = roads(*SQUARE), points(a=(10, -5)), points(s=(60, 0), t=(100, 70))
    wanted = metres(walk(lines), a, b)
    other = metres(walk(lines.to_crs(4548)), a.to_crs(4548), b.to_crs(4548))
    assert other == pytest.approx(wanted, rel=2e-3)  # zones stretch by up to 1 m/km here
    assert other != wanted


def test_inputs_are_not_changed():
    lines, a = roads(*SQUARE, oneway=[True, False, False, False]), points(a=(10, -5))
    kept = lines.copy(), a.copy()
    metres(net.road_network(lines), a, a)
    pd.testing.assert_frame_equal(lines, kept[0])
    pd.testing.assert_series_equal(a, kept[1])


def test_equal_ways_go_to_the_least_id():
    network = walk(roads([(0, 0), (100, 0)], [(100, 0), (200, 0)]))
    shelters = points(z=(0, 0), m=(200, 0), a=(200, 0))
    found = net.road_nearest(network, points(p=(100, 0)), shelters, unit="m", snap_limit_m=9)
    assert found["destination"].tolist() == ["a"]
    assert found["cost"].tolist() == [100.0]


def test_nothing_to_do():
    network = walk(roads(*SQUARE))
    none, some = points(a=(0, 0)).iloc[:0], points(a=(0, 0))
    assert net.od_costs(network, none, some, max_cost_m=9, snap_limit_m=9).matrix.nnz == 0
    assert net.od_costs(network, some, none, max_cost_m=9, snap_limit_m=9).matrix.shape == (1, 0)
    found = net.road_nearest(network, some, none, snap_limit_m=9)
    assert found.isna().all(axis=None)
    assert found.index.tolist() == ["a"]


# --- straight lines -----------------------------------------------------------------------------

def test_straight_costs_by_hand():
    got = net.straight_costs(points(a=(0, 0), b=(5000, 0)), points(s=(300, 400), t=(0, 501)),
                             max_distance_m=500)
    assert got.unit == "m"
    assert got.to_series().to_dict() == {("a", "s"): 500.0}
    assert got.matrix.shape == (2, 2)


def test_straight_costs_keep_a_pair_in_one_place():
    got = net.straight_costs(points(a=(7, 7)), points(s=(7, 7)), max_distance_m=0)
    assert got.to_series().to_dict() == {("a", "s"): 0.0}


@settings(deadline=None, derandomize=True, max_examples=25)
@given(seed=st.integers(0, 10_000), detour=st.sampled_from([1.0, 1.3]))
def test_straight_costs_equal_brute_force(seed, detour):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, 12, (n, 2)) * 100.0 for n in (9, 7))
    dense = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1)) * detour
    got = net.straight_costs(a, b, max_distance_m=500, detour=detour)
    i, j = np.nonzero(dense <= 500)
    assert got.to_series().to_dict() == dict(zip(zip(i, j, strict=True), dense[i, j], strict=True))
    near = net.straight_nearest(a, b)
    plain = np.hypot(*(a[:, None] - b[None]).transpose(2, 0, 1))
    assert near["distance_m"].tolist() == plain.min(axis=1).tolist()
    assert near["destination"].tolist() == plain.argmin(axis=1).tolist()  # argmin: least position


def test_straight_nearest_ties_go_to_the_least_id_not_to_the_first():
    shelters = points(d=(0, 10), c=(10, 0), b=(0, -10), a=(-10, 0), e=(-10, 0))
    found = net.straight_nearest(points(p=(0, 0), q=(0, 9)), shelters)
    assert found["destination"].tolist() == ["a", "d"]
    assert found["distance_m"].tolist() == [10.0, 1.0]


def test_straight_nearest_without_geometry_or_destinations():
    some = points(a=(0, 0), b=(1, 1))
    some["c"] = None
    found = net.straight_nearest(some, points(s=(0, 0)))
    assert found["destination"].tolist()[:2] == ["s", "s"]
    assert found.loc["c"].isna().all()
    empty = net.straight_nearest(some, points(s=(0, 0)).iloc[:0])
    assert empty.isna().all(axis=None)
    assert empty.index.tolist() == ["a", "b", "c"]


def test_straight_lines_are_never_in_degrees():
    with pytest.raises(CRSError):
        net.straight_nearest(points(a=(0, 0)).to_crs(4490), points(s=(0, 0)).to_crs(4490))
    with pytest.raises(CRSError):
        net.straight_costs(points(a=(0, 0)), points(s=(0, 0)).to_crs("EPSG:4548"),
                           max_distance_m=9)
    with pytest.raises(ConfigError):
        net.straight_costs(points(a=(0, 0)), points(s=(0, 0)), max_distance_m=-1)
    with pytest.raises(ConfigError):
        net.straight_costs(points(a=(0, 0)), points(s=(0, 0)), max_distance_m=9, detour=0.5)
    with pytest.raises(SchemaError, match="no point"):
        net.straight_nearest(points(a=(0, 0)).buffer(5), points(s=(0, 0)))


# --- small parts --------------------------------------------------------------------------------

def test_morton_order_keeps_quarters_together():
    xy = np.array([(x, y) for x in range(4) for y in range(4)], dtype=float)
    quarter = (xy[morton_order(xy)] >= 2) @ [1, 2]
    assert quarter.tolist() == sorted(quarter.tolist())


def test_map_blocks_keeps_the_order():
    assert engine.map_blocks(lambda x: x * x, range(20), workers=4) == [x * x for x in range(20)]

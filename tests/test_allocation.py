"""Allocation: by hand, conservation, monotony, invariance, brute force and peers."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from coverage_world import SEEDS, few, line_world, turned, world
from hypothesis import given, settings
from hypothesis import strategies as st

from qzrisk.analysis import coverage as cov
from qzrisk.analysis.coverage.allocation import REASONS
from qzrisk.costs import CostMatrix
from qzrisk.errors import ConfigError, ReachError, SchemaError
from qzrisk.text import LANGUAGES, text


def brute(costs, demand, capacity):
    """Most persons served, then least cost, by trying every person-by-person plan."""
    pairs = costs.to_series()
    best = (0, 0.0)
    people = [o for o in demand.index for _ in range(demand[o])]
    choices = [[None, *(d for d in capacity.index if (o, d) in pairs.index)] for o in people]
    for plan in itertools.product(*choices):
        used = pd.Series([d for d in plan if d is not None], dtype=object).value_counts()
        if all(used[d] <= capacity[d] for d in used.index):
            cost = sum(pairs[o, d] for o, d in zip(people, plan, strict=True) if d is not None)
            best = max(best, (int(used.sum()), -cost))
    return best[0], -best[1]


def total_cost(plan, costs):
    pairs = costs.to_series()
    return sum(pairs[o, d] * n for o, d, n in plan.itertuples(index=False))


@settings(deadline=None, derandomize=True, max_examples=12)
@given(seed=SEEDS)
def test_optimal_equals_brute_force(seed):
    costs, demand, capacity = world(seed, n=3, m=3, density=0.7)
    demand, capacity = demand.clip(upper=2), capacity.clip(upper=2)
    plan = cov.allocation(costs, demand, capacity)
    served, cost = brute(costs, demand, capacity)
    assert plan["persons"].sum() == served
    assert total_cost(plan, costs) == pytest.approx(cost)


@pytest.mark.parametrize("seed", range(4))
def test_optimal_equals_networkx(seed):
    nx = pytest.importorskip("networkx")
    costs, demand, capacity = world(seed, n=25, m=8, density=0.4)
    graph, penalty = nx.DiGraph(), 10_000
    graph.add_node("sink", demand=int(demand.sum()))
    for o, persons in demand.items():
        graph.add_node(o, demand=-int(persons))
        graph.add_edge(o, "sink", weight=penalty)
    for d, places in capacity.items():
        graph.add_edge(d, "sink", weight=0, capacity=int(places))
    for (o, d), cost in costs.to_series().items():
        graph.add_edge(o, d, weight=int(cost))
    wanted = nx.network_simplex(graph)[0]
    plan = cov.allocation(costs, demand, capacity)
    unmet = demand.sum() - plan["persons"].sum()
    assert total_cost(plan, costs) + unmet * penalty == pytest.approx(wanted)


@few
@given(seed=SEEDS, method=st.sampled_from(["optimal", "nearest"]))
def test_persons_are_conserved_and_capacities_hold(seed, method):
    costs, demand, capacity = world(seed)
    plan = cov.allocation(costs, demand, capacity, method=method)
    assert plan["persons"].dtype == np.int64
    assert (plan["persons"] > 0).all()
    assert not plan.duplicated(["origin", "destination"]).any()
    used = plan.groupby("destination")["persons"].sum()
    assert (used <= capacity[used.index]).all()
    left = cov.unserved(plan, costs, demand)
    moved = plan.groupby("origin")["persons"].sum().reindex(demand.index, fill_value=0)
    rest = left.set_index("origin")["persons"].reindex(demand.index, fill_value=0)
    assert (moved + rest == demand).all()
    # Nobody is left beside a shelter with room.
    room = capacity - used.reindex(capacity.index, fill_value=0)
    for o in left["origin"]:
        for _, d in [pair for pair in costs.to_series().index if pair[0] == o]:
            assert room[d] == 0


@few
@given(seed=SEEDS, method=st.sampled_from(["optimal", "nearest"]))
def test_the_plan_does_not_depend_on_row_order(seed, method):
    costs, demand, capacity = world(seed)
    plan, other = (cov.allocation(c, demand, capacity, method=method).sort_values(
        ["origin", "destination"], ignore_index=True) for c in (costs, turned(costs)))
    pd.testing.assert_frame_equal(plan, other)


@few
@given(seed=SEEDS)
def test_optimal_serves_at_least_as_many_as_nearest_and_more_with_more_shelters(seed):
    costs, demand, capacity = world(seed)
    best = cov.allocation(costs, demand, capacity)["persons"].sum()
    assert best >= cov.allocation(costs, demand, capacity, method="nearest")["persons"].sum()
    fewer = costs.select(destinations=costs.destinations[:-1])
    assert best >= cov.allocation(fewer, demand, capacity)["persons"].sum()


def test_nearest_first_by_hand():
    costs = CostMatrix.from_pairs(["a", "a", "b", "b"], ["s", "t", "s", "t"], [2, 3, 1, 9],
                                  unit="min")
    demand, capacity = pd.Series({"a": 4, "b": 3}), pd.Series({"s": 5, "t": 1})
    plan = cov.allocation(costs, demand, capacity, method="nearest")
    assert plan.values.tolist() == [["a", "s", 2], ["a", "t", 1], ["b", "s", 3]]
    assert cov.unserved(plan, costs, demand).values.tolist() == [["a", 1, "full"]]


def test_serving_one_more_is_worth_any_detour():
    # b reaches s alone: a must make the long way to t.
    costs = CostMatrix.from_pairs(["a", "a", "b"], ["s", "t", "s"], [0, 20_000, 20_000], unit="m")
    plan = cov.allocation(costs, pd.Series({"a": 1, "b": 1}), pd.Series({"s": 1, "t": 1}))
    assert plan.values.tolist() == [["a", "t", 1], ["b", "s", 1]]


def test_within_keeps_people_in_their_unit_and_stages_spill():
    costs, demand, capacity = line_world()
    towns = pd.Series({"a": "u", "b": "u", "c": "v"}), pd.Series({"s": "u", "t": "v"})
    demand, capacity = demand // 10, pd.Series({"s": 12, "t": 14})
    plan = cov.allocation(costs, demand, capacity, within=towns)
    assert plan.values.tolist() == [["a", "s", 10], ["b", "s", 2], ["c", "t", 10]]
    left = cov.unserved(plan, costs, demand, within=towns)
    assert left.values.tolist() == [["b", 8, "full"]]
    staged = cov.staged_allocation(costs, demand, capacity, stages={"town": towns, "city": None})
    assert staged.values.tolist() == [["a", "s", 10, "town"], ["b", "s", 2, "town"],
                                      ["c", "t", 10, "town"], ["b", "t", 4, "city"]]


def staged_brute(costs, demand, capacity, own):
    """Most persons in the own unit, then most in all, then least cost, person by person."""
    pairs = costs.to_series()
    people = [o for o in demand.index for _ in range(demand[o])]
    best = (0, 0, 0.0)
    choices = [[None, *(d for d in capacity.index if (o, d) in pairs.index)] for o in people]
    for plan in itertools.product(*choices):
        used = pd.Series([d for d in plan if d is not None], dtype=object).value_counts()
        if all(used[d] <= capacity[d] for d in used.index):
            sent = [(o, d) for o, d in zip(people, plan, strict=True) if d is not None]
            best = max(best, (sum(pair in own for pair in sent), len(sent),
                              -sum(pairs[pair] for pair in sent)))
    return best


@settings(deadline=None, derandomize=True, max_examples=15)
@given(seed=SEEDS)
def test_stages_equal_brute_force(seed):
    costs, demand, capacity = world(seed, n=3, m=3, density=0.8)
    demand, capacity = demand.clip(upper=2), capacity.clip(upper=2)
    rng = np.random.default_rng(seed)
    towns = (pd.Series(rng.integers(0, 2, 3), index=demand.index),
             pd.Series(rng.integers(0, 2, 3), index=capacity.index))
    own = {(o, d) for o in demand.index for d in capacity.index if towns[0][o] == towns[1][d]}
    plan = cov.staged_allocation(costs, demand, capacity, stages={"town": towns, "all": None})
    served, total, cost = staged_brute(costs, demand, capacity, own)
    assert plan.loc[plan["stage"] == "town", "persons"].sum() == served
    assert plan["persons"].sum() == total
    assert total_cost(plan.drop(columns="stage"), costs) == pytest.approx(-cost)
    inside = pd.Series([pair in own for pair in zip(plan["origin"], plan["destination"],
                                                    strict=True)], dtype=bool)
    assert ((plan["stage"] == "town") == inside).all()


def test_the_first_stage_does_not_bar_the_way_of_the_second():
    # a and b are of town u, whose shelters are s and t; c of town v reaches s alone.
    costs = CostMatrix.from_pairs(["a", "a", "b", "c"], ["s", "t", "t", "s"], [1, 5, 1, 9],
                                  unit="min")
    towns = pd.Series({"a": "u", "b": "u", "c": "v"}), pd.Series({"s": "u", "t": "u"})
    demand, capacity = pd.Series({"a": 2, "b": 2, "c": 2}), pd.Series({"s": 2, "t": 4})
    plan = cov.staged_allocation(costs, demand, capacity, stages={"town": towns, "all": None})
    assert plan.values.tolist() == [["a", "t", 2, "town"], ["b", "t", 2, "town"],
                                    ["c", "s", 2, "all"]]
    greedy = cov.staged_allocation(costs, demand, capacity, method="nearest",
                                   stages={"town": towns, "all": None})
    assert greedy["persons"].sum() == 4  # nearest-first does bar it


def test_every_reason_is_named():
    ids = ["full", "unsafe", "closed", "outside", "cut", "off", "far"]
    pairs = [("full", "s", 1), ("full", "x", 0), ("unsafe", "x", 1), ("unsafe", "y", 2),
             ("closed", "x", 2), ("closed", "y", 1), ("outside", "t", 1)]
    costs = CostMatrix.from_pairs(*zip(*pairs, strict=True), unit="min", origins=ids,
                                  destinations=["s", "t", "x", "y"])
    open_roads = CostMatrix.from_pairs(["cut"], ["s"], [3], unit="min", origins=ids,
                                       destinations=["s", "t", "x", "y"])
    demand = pd.Series(1, index=[*ids, "unlisted"])
    units = (pd.Series("u", index=ids), pd.Series({"s": "u", "t": "v", "x": "u", "y": "u"}))
    nobody = pd.DataFrame({"origin": [], "destination": [], "persons": []})
    got = cov.unserved(nobody, costs, demand, within=units, open_costs=open_roads,
                       excluded=pd.Series({"x": "unsafe", "y": "closed", "t": None}),
                       off_network=pd.Index(["off"]))
    assert got.set_index("origin")["reason"].to_dict() == {
        "full": "full", "unsafe": "unsafe", "closed": "closed", "outside": "outside_unit",
        "cut": "road_cut", "off": "off_network", "far": "too_far", "unlisted": "too_far"}


def test_every_reason_has_words_in_both_languages():
    words = {text(f"reason_{reason}", language) for reason in REASONS for language in LANGUAGES}
    assert len(words) == 2 * len(REASONS)


def test_unserved_checks_its_plan():
    costs, demand, _ = line_world()
    plan = pd.DataFrame({"origin": ["a"], "destination": ["s"], "persons": [101]})
    with pytest.raises(SchemaError, match="more persons"):
        cov.unserved(plan, costs, demand)
    with pytest.raises(ReachError, match="z"):
        cov.unserved(plan.assign(origin="z"), costs, demand)
    with pytest.raises(SchemaError, match="unknown reason"):
        cov.unserved(plan.iloc[:0], costs, demand, excluded=pd.Series({"s": "ugly"}))


def test_allocation_of_nothing():
    costs, demand, capacity = line_world()
    for persons, places in ((demand * 0, capacity), (demand, capacity * 0)):
        for method in ("optimal", "nearest"):
            assert cov.allocation(costs, persons, places, method=method).empty
    more = cov.allocation(costs, demand, capacity)
    assert more["persons"].sum() == 20  # 300 persons, 20 places


def test_persons_must_be_whole():
    costs, demand, capacity = line_world()
    with pytest.raises(SchemaError, match="whole"):
        cov.allocation(costs, demand + 0.5, capacity)
    with pytest.raises(SchemaError, match="capacity: s"):
        cov.allocation(costs, demand, capacity * np.nan)
    with pytest.raises(ConfigError, match="method"):
        cov.allocation(costs, demand, capacity, method="lucky")
    with pytest.raises(ReachError):
        cov.allocation(costs, demand.drop("a"), capacity)


# --- staying together ---------------------------------------------------------------------------

@settings(deadline=None, derandomize=True, max_examples=15)
@given(seed=SEEDS)
def test_together_equals_brute_force(seed):
    costs, demand, capacity = world(seed, n=4, m=3, density=0.7)
    pairs, best = costs.to_series(), (0, 0.0)
    choices = [[None, *(d for d in capacity.index if (o, d) in pairs.index)] for o in demand.index]
    for plan in itertools.product(*choices):
        used = dict.fromkeys(capacity.index, 0)
        for o, d in zip(demand.index, plan, strict=True):
            if d is not None:
                used[d] += demand[o]
        if all(used[d] <= capacity[d] for d in used):
            cost = sum(pairs[o, d] * demand[o] for o, d in zip(demand.index, plan, strict=True)
                       if d is not None)
            best = max(best, (sum(used.values()), -cost))
    found = cov.allocation_together(costs, demand, capacity, gap=0)
    assert (found.served_persons, found.gap, found.status) == (best[0], 0, "optimal")
    assert total_cost(found.plan, costs) == pytest.approx(-best[1])
    assert not found.plan["origin"].duplicated().any()
    assert (found.plan.set_index("origin")["persons"] == demand[found.plan["origin"]]).all()


def test_together_within_units_and_with_nobody():
    costs, demand, capacity = line_world()
    towns = pd.Series({"a": "u", "b": "u", "c": "v"}), pd.Series({"s": "u", "t": "v"})
    found = cov.allocation_together(costs, demand // 10, capacity, within=towns)
    assert found.plan["origin"].tolist() == ["a", "c"]
    assert found.bound_persons == 20
    none = cov.allocation_together(costs, demand, capacity)
    assert none.plan.empty
    assert none.gap == 0
    left = cov.unserved(none.plan, costs, demand)
    assert left["persons"].tolist() == [100, 100, 100]


def test_large_parts_find_their_cost_for_the_same_people(monkeypatch):
    costs, demand, capacity = world(5, n=12, m=4, density=0.8)
    exact = cov.allocation_together(costs, demand, capacity, gap=0)
    monkeypatch.setattr(cov.together, "EXACT_PAIRS", 0)
    quick = cov.allocation_together(costs, demand, capacity, gap=0)
    assert quick.served_persons == exact.served_persons
    used = quick.plan.groupby("destination")["persons"].sum()
    assert (used <= capacity[used.index]).all()
    assert not quick.plan["origin"].duplicated().any()
    assert total_cost(quick.plan, costs) >= total_cost(exact.plan, costs) - 1e-9


def test_too_little_room_is_told_from_none():
    costs = CostMatrix.from_pairs(["a", "b"], ["s", "s"], [1, 2], unit="min")
    demand, capacity = pd.Series({"a": 3, "b": 4}), pd.Series({"s": 6})
    plan = cov.allocation_together(costs, demand, capacity).plan
    room = capacity - plan.groupby("destination")["persons"].sum()
    assert cov.unserved(plan, costs, demand, room=room).values.tolist() == [["a", 3, "not_whole"]]
    assert cov.unserved(plan, costs, demand, room=room * 0)["reason"].tolist() == ["full"]


def test_nearest_only_keeps_the_k_nearest():
    costs, _, _ = line_world()
    assert cov.nearest_only(costs, k=1).to_series().to_dict() == {
        ("a", "s"): 0, ("b", "s"): 1, ("c", "t"): 0}


def test_inputs_are_not_changed():
    costs, demand, capacity = world(4)
    kept = demand.copy(), capacity.copy()
    plan = cov.allocation(costs, demand, capacity)
    cov.unserved(plan, costs, demand)
    cov.e2sfca(costs, demand, capacity, max_cost=5)
    pd.testing.assert_series_equal(demand, kept[0])
    pd.testing.assert_series_equal(capacity, kept[1])

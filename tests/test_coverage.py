"""Coverage: published examples, conservation, monotony, invariance and peers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from coverage_world import SEEDS, few, line_world, turned, world
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.analysis import coverage as cov
from qzrisk.costs import CostMatrix
from qzrisk.errors import ConfigError, ReachError, SchemaError

# --- reach --------------------------------------------------------------------------------------

def test_nearest_breaks_ties_by_id_and_tells_who_has_none():
    costs = CostMatrix.from_pairs(["a", "a", "a", "b"], ["z", "m", "k", "z"], [2, 2, 5, 0],
                                  unit="min", origins=["c", "b", "a"])
    found = cov.nearest(costs)
    assert found.index.tolist() == ["c", "b", "a"]
    assert found["destination"].tolist()[1:] == ["z", "m"]
    assert found.loc["c"].isna().all()
    assert found["cost"].tolist()[1:] == [0.0, 2.0]


@few
@given(seed=SEEDS, k=st.integers(1, 5))
def test_k_nearest_equals_sorting(seed, k):
    costs, _, _ = world(seed)
    pairs = costs.to_series().rename("cost").reset_index().sort_values(
        ["origin", "cost", "destination"])
    wanted = pairs.groupby("origin").head(k)
    got = cov.k_nearest(costs, k=k).sort_values(["origin", "rank"])
    assert got[["origin", "destination", "cost"]].values.tolist() == wanted[
        ["origin", "destination", "cost"]].values.tolist()
    assert (got["rank"] == got.groupby("origin").cumcount() + 1).all()
    other = cov.k_nearest(turned(costs), k=k).sort_values(["origin", "rank"])
    assert other.values.tolist() == got.values.tolist()


def test_covered_is_inclusive_and_backup_counts():
    costs, persons, _ = line_world()
    assert cov.covered(costs, max_cost=0).tolist() == [True, False, True]
    assert cov.backup(costs, max_cost=1).tolist() == [1, 2, 1]
    assert cov.covered_share(cov.backup(costs, max_cost=1) >= 2, persons) == pytest.approx(1 / 3)
    with pytest.raises(ConfigError):
        cov.covered(costs, max_cost=-1)
    with pytest.raises(ConfigError):
        cov.k_nearest(costs, k=0)


def test_covered_share_counts_persons_not_points():
    inside = pd.Series([True, False, True], index=["a", "b", "c"])
    persons = pd.Series([1, 7, 2], index=["b", "a", "c"])
    units = pd.Series(["u", "v", "u"], index=["a", "c", "b"])
    assert cov.covered_share(inside, persons) == pytest.approx(0.9)
    by_unit = cov.covered_share(inside, persons, units)
    assert by_unit.to_dict() == {"u": 7 / 8, "v": 1.0}
    assert by_unit.name == "covered_persons_share"
    assert np.isnan(cov.covered_share(inside, persons * 0))
    assert cov.covered_share(inside, persons.where(persons != 2, 0), units).isna().to_dict() == {
        "u": False, "v": True}


def test_covered_share_never_loses_persons():
    inside = pd.Series([True], index=["a"])
    assert cov.covered_share(inside, pd.Series({"a": 1, "b": 3})) == 0.25
    with pytest.raises(ReachError, match="a"):
        cov.covered_share(inside, pd.Series({"b": 3}))
    with pytest.raises(ReachError, match="units"):
        cov.covered_share(inside, pd.Series({"a": 3}), pd.Series({"b": "u"}))
    with pytest.raises(SchemaError, match="True or False"):
        cov.covered_share(inside.astype(int), pd.Series({"a": 3}))
    with pytest.raises(SchemaError, match="persons: a"):
        cov.covered_share(inside, pd.Series({"a": np.nan}))


@few
@given(seed=SEEDS)
def test_a_longer_limit_and_another_shelter_never_lower_coverage(seed):
    costs, persons, _ = world(seed)
    steps = cov.ladder(costs, persons + 1, bounds=[0, 2, 5, 8])
    assert (steps.diff().dropna() >= 0).all()
    fewer = costs.select(destinations=costs.destinations[:-1])
    assert (cov.ladder(fewer, persons + 1, bounds=[0, 2, 5, 8]) <= steps).all()


def test_ladder_by_unit():
    costs, persons, _ = line_world()
    units = pd.Series({"a": "u", "b": "u", "c": "v"})
    got = cov.ladder(costs, persons, bounds=[1, 0], units=units)
    assert got.columns.tolist() == [0, 1]
    assert got.columns.name == "max_m"
    assert got.loc["u"].tolist() == [0.5, 1.0]
    assert cov.ladder(costs, persons).index.tolist() == list(cov.reach.LADDER_M)


# --- floating catchments ------------------------------------------------------------------------

def test_decays_equal_published_values():
    d = np.array([0, 250, 500, 750, 1000, 1001.0])
    gauss = cov.decay_weights(d, max_cost=1000, decay="gaussian")
    assert gauss == pytest.approx([1, .921806, .701367, .376926, 0, 0], abs=5e-7)
    epan = cov.decay_weights(d, max_cost=1000, decay="epanechnikov")
    assert epan == pytest.approx([.75, .703125, .5625, .328125, 0, 0])
    steps = [(10, 1), (20, 0.68), (30, 0.22)]
    assert cov.decay_weights(np.array([0, 10, 10.1, 30, 31]), max_cost=99,
                             decay=steps).tolist() == [1, 1, .68, .22, 0]
    assert cov.decay_weights(np.array([25.0]), max_cost=20, decay=steps).tolist() == [0]


def test_decays_that_make_no_sense_raise():
    for decay in ("cosine", [(10, 1), (10, .5)], [(10, -1)], [(10, np.nan)]):
        with pytest.raises(ConfigError):
            cov.decay_weights(np.array([1.0]), max_cost=10, decay=decay)
    with pytest.raises(ConfigError):
        cov.decay_weights(np.array([0.0]), max_cost=0, decay="gaussian")


def test_untruncated_gaussian_equals_the_published_example():
    costs, demand, capacity = line_world()
    got = cov.e2sfca(costs, demand, capacity, max_cost=np.inf, decay=lambda d: np.exp(-d * d / 2))
    assert got.tolist() == pytest.approx([.065179, .069641, .065179], abs=5e-7)


def test_two_step_by_hand():
    costs, demand, capacity = line_world()
    assert cov.two_step(costs, demand, capacity, max_cost=0).tolist() == [.1, 0, .1]
    assert cov.two_step(costs, demand, capacity, max_cost=1).tolist() == [.05, .1, .05]
    with pytest.raises(ConfigError):
        cov.two_step(costs, demand, capacity, max_cost=-1)


def test_demand_in_another_order_or_beyond_the_costs():
    costs, demand, capacity = line_world()
    more = pd.concat([pd.Series({"z": 40}), demand[::-1]])
    got = cov.two_step(costs, more, capacity, max_cost=1)
    assert got.to_dict() == {"z": 0.0, "c": .05, "b": .1, "a": .05}
    assert got.index.tolist() == ["z", "c", "b", "a"]
    with pytest.raises(ReachError, match="demand: c"):
        cov.two_step(costs, demand.drop("c"), capacity, max_cost=1)
    with pytest.raises(ReachError, match="capacity: t"):
        cov.two_step(costs, demand, capacity.drop("t"), max_cost=1)
    with pytest.raises(SchemaError, match="capacity: t"):
        cov.two_step(costs, demand, capacity.where(capacity.index != "t"), max_cost=1)
    with pytest.raises(SchemaError, match="demand: a"):
        cov.two_step(costs, -demand, capacity, max_cost=1)


def test_zero_demand_zero_capacity_nothing_in_reach():
    costs, demand, capacity = line_world()
    assert cov.two_step(costs, demand * 0, capacity, max_cost=1).tolist() == [0, 0, 0]
    assert cov.two_step(costs, demand, capacity * 0, max_cost=1).tolist() == [0, 0, 0]
    nothing = CostMatrix.from_pairs([], [], [], unit="m", origins=demand.index,
                                    destinations=capacity.index)
    assert cov.two_step(nothing, demand, capacity, max_cost=9).tolist() == [0, 0, 0]


@few
@given(seed=SEEDS, decay=st.sampled_from(["gaussian", "epanechnikov", [(3, 1.0), (6, .4)], None]))
def test_access_times_persons_is_the_capacity_in_reach(seed, decay):
    costs, demand, capacity = world(seed)
    limit = 6.0
    if decay is None:
        access = cov.two_step(costs, demand, capacity, max_cost=limit)
        weights = (costs.matrix.data <= limit).astype(float)
    else:
        access = cov.e2sfca(costs, demand, capacity, max_cost=limit, decay=decay)
        weights = cov.decay_weights(costs.matrix.data, max_cost=limit, decay=decay)
    pairs = costs.to_series().index[weights > 0]
    served = {d for o, d in pairs if demand[o] > 0}
    assert (access * demand).sum() == pytest.approx(capacity[sorted(served)].sum())


@few
@given(seed=SEEDS)
def test_access_does_not_depend_on_order_or_on_splitting_a_cell(seed):
    costs, demand, capacity = world(seed)
    access = cov.e2sfca(costs, demand, capacity, max_cost=7)
    other = cov.e2sfca(turned(costs), demand, capacity, max_cost=7)
    pd.testing.assert_series_equal(other, access)
    pairs = costs.to_series().rename("cost").reset_index()
    twin = pairs[pairs["origin"] == "d0"].assign(origin="d0b")
    pairs = pd.concat([pairs, twin])
    split = CostMatrix.from_pairs(pairs["origin"], pairs["destination"], pairs["cost"], unit="min",
                                  origins=[*costs.origins, "d0b"], destinations=costs.destinations)
    halves = pd.concat([demand, pd.Series({"d0b": demand["d0"] - demand["d0"] // 2})])
    halves["d0"] = demand["d0"] // 2
    got = cov.e2sfca(split, halves, capacity, max_cost=7)
    assert got[access.index].tolist() == pytest.approx(access.tolist())
    assert got["d0b"] == pytest.approx(access["d0"])


@few
@given(seed=SEEDS)
def test_another_shelter_never_lowers_access_of_two_step(seed):
    costs, demand, capacity = world(seed)
    fewer = costs.select(destinations=costs.destinations[:-1])
    less = cov.two_step(fewer, demand, capacity, max_cost=6)
    assert (cov.two_step(costs, demand, capacity, max_cost=6) >= less - 1e-12).all()


def test_access_package_gives_the_same():
    access = pytest.importorskip("access")
    costs, demand, capacity = world(8, n=30, m=9, density=0.5)
    demand += 1
    pairs = costs.to_series().rename("cost").reset_index()
    peer = access.Access(
        demand_df=demand.rename_axis("id").rename("p").reset_index(), demand_index="id",
        demand_value="p", supply_df=capacity.rename_axis("id").rename("s").reset_index(),
        supply_index="id", supply_value="s", cost_df=pairs, cost_origin="origin",
        cost_dest="destination", cost_name="cost")
    wanted = peer.two_stage_fca(name="x", max_cost=5)["x_s"].fillna(0)
    got = cov.two_step(costs, demand, capacity, max_cost=5)
    assert got.tolist() == pytest.approx(wanted[got.index].tolist())


def test_sensitivity_lists_the_limits():
    costs, demand, capacity = line_world()
    got = cov.sensitivity(costs, demand, capacity, max_costs=[1, 0])
    assert got.columns.tolist() == [0, 1]
    assert got[1].tolist() == [.05, .1, .05]
    decayed = cov.sensitivity(costs, demand, capacity, max_costs=[2], decay="gaussian")
    assert decayed[2].tolist() == cov.e2sfca(costs, demand, capacity, max_cost=2).tolist()


# --- equity -------------------------------------------------------------------------------------

def test_gini_equals_the_worked_example_and_its_extremes():
    persons = pd.Series([400, 100, 300, 200], index=list("dacb"))
    access = pd.Series([.5, 1, 2, 4], index=list("abcd"))
    assert cov.gini(access, persons) == pytest.approx(0.3)
    assert cov.gini(access * 0 + 2, persons) == pytest.approx(0)
    assert np.isnan(cov.gini(access * 0, persons))
    one = pd.Series([0.0] * 99 + [1.0])
    assert cov.gini(one, pd.Series(1, index=one.index)) == pytest.approx(0.99)


@few
@given(seed=SEEDS)
def test_gini_is_mean_difference_and_ignores_splitting(seed):
    rng = np.random.default_rng(seed)
    access = pd.Series(rng.integers(0, 5, 8) * 1.0)
    persons = pd.Series(rng.integers(0, 4, 8))
    persons[0], access[0] = 3, 2.0
    people = np.repeat(access, persons)
    wanted = np.abs(people.values[:, None] - people.values).mean() / 2 / people.mean()
    assert cov.gini(access, persons) == pytest.approx(wanted)
    curve = cov.lorenz(access, persons)
    assert (curve["access_share"] <= curve["persons_share"] + 1e-12).all()
    assert curve.iloc[[0, -1]].values.tolist() == [[0, 0], [1, 1]]


@few
@given(seed=SEEDS)
def test_gini_by_unit_is_the_gini_of_each_unit(seed):
    rng = np.random.default_rng(seed)
    access = pd.Series(rng.integers(0, 4, 20) * 1.0)
    persons, units = pd.Series(rng.integers(0, 3, 20)), pd.Series(rng.integers(0, 5, 20))
    units = units.map(dict(enumerate(["w", "u", "v", "t", None])))
    got = cov.gini(access, persons, units)
    assert got.index.tolist() == sorted(units.dropna().unique())
    for unit, value in got.items():
        inside = units == unit
        if persons[inside].sum() == 0 or (access * persons)[inside].sum() == 0:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(cov.gini(access[inside], persons[inside]), abs=1e-12)
    with pytest.raises(ReachError, match="units: 19"):
        cov.gini(access, persons, units.drop(19))


@few
@given(seed=SEEDS)
def test_ages_are_whole_near_their_shares_and_never_more_than_the_people(seed):
    rng = np.random.default_rng(seed)
    n = 60
    residents = pd.Series(rng.integers(0, 40, n))
    groups = pd.DataFrame({"elderly": rng.binomial(residents, 0.2)})
    groups["children"] = rng.binomial(residents - groups["elderly"], 0.3)
    persons = pd.Series(rng.binomial(residents, rng.random(n)))
    got = cov.persons_by_group(persons, residents, groups)
    empty = residents == 0
    assert got[empty].isna().all(axis=None)
    exact = groups[~empty].mul(persons[~empty] / residents[~empty], axis=0)
    got, some = got[~empty], groups[~empty]
    assert (got == got.round()).all(axis=None)
    assert ((got - exact).abs() < 1).all(axis=None)
    assert (got.sum(axis=1) <= persons[~empty]).all()
    assert (got <= some).all(axis=None)
    assert ((got - exact).cumsum().abs() < 2).all(axis=None)
    whole = cov.persons_by_group(residents, residents, groups)[~empty]
    assert (whole == some).all(axis=None)  # all residents: their ages as they are


def test_rounding_of_ages_does_not_lean_to_one_side():
    same = pd.Series(10, index=range(101))
    got = cov.persons_by_group(same // 2, same, pd.DataFrame({"elderly": same - 7}))
    assert got["elderly"].sum() in (151, 152)  # 1.5 in each of 101 places
    assert set(got["elderly"]) == {1.0, 2.0}


def test_ages_that_nobody_knows_stay_unknown():
    got = cov.persons_by_group(pd.Series([4, 4]), pd.Series([8.0, np.nan]),
                               pd.DataFrame({"elderly": [2.0, 2.0]}))
    assert got["elderly"].tolist()[0] == 1 and np.isnan(got["elderly"].tolist()[1])
    with pytest.raises(SchemaError, match="different demand"):
        cov.persons_by_group(pd.Series([4]), pd.Series([8], index=["x"]),
                             pd.DataFrame({"elderly": [2]}))


def test_lorenz_without_persons_raises():
    with pytest.raises(SchemaError, match="no persons"):
        cov.lorenz(pd.Series([1.0]), pd.Series([0]))
    with pytest.raises(SchemaError, match="access"):
        cov.lorenz(pd.Series([np.nan]), pd.Series([1]))


def test_places_per_person_by_unit():
    got = cov.places_per_person(pd.Series([50, 30, 5], index=["u", "u", "w"]),
                                pd.Series([100, 60, 10], index=["u", "u", "v"]))
    assert got.drop("w").to_dict() == {"u": 0.5, "v": 0.0}
    assert np.isnan(got["w"])

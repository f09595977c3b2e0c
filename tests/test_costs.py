"""CostMatrix: the contract of sparse costs, clause by clause."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from qzrisk.costs import CostMatrix
from qzrisk.errors import ConfigError, ReachError, SchemaError


def small():
    return CostMatrix.from_pairs(["b", "a", "a"], ["s", "t", "s"], [3.0, 0.0, 7.0], unit="min",
                                 origins=["a", "b", "c"], destinations=["t", "s", "u"])


def test_ids_stay_in_the_order_given_also_without_a_pair():
    costs = small()
    assert costs.origins.tolist() == ["a", "b", "c"]
    assert costs.destinations.tolist() == ["t", "s", "u"]
    assert costs.matrix.shape == (3, 3)
    assert CostMatrix.from_pairs(["b", "a"], ["s", "s"], [1, 2], unit="m").origins.tolist() == [
        "b", "a"]


def test_a_zero_is_a_pair_and_a_missing_pair_is_not():
    series = small().to_series()
    assert series.to_dict() == {("a", "t"): 0.0, ("a", "s"): 7.0, ("b", "s"): 3.0}
    assert series.name == "cost_min"
    assert series.index.names == ["origin", "destination"]


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_costs_that_are_none_raise_and_name_the_pair(bad):
    with pytest.raises(SchemaError, match=r"\(b, t\)"):
        CostMatrix.from_pairs(["a", "b"], ["s", "t"], [1.0, bad], unit="m")


def test_repeated_pairs_and_ids_raise():
    with pytest.raises(SchemaError, match=r"\(a, s\)"):
        CostMatrix.from_pairs(["b", "a", "a"], ["s", "s", "s"], [1, 2, 2], unit="m")
    with pytest.raises(SchemaError, match="origins: a"):
        CostMatrix.from_pairs(["a"], ["s"], [1], unit="m", origins=["a", "a"])
    with pytest.raises(SchemaError, match="missing id"):
        CostMatrix.from_pairs(["a"], ["s"], [1], unit="m", origins=["a", None])
    twice = sparse.csr_array((np.ones(2), np.zeros(2, dtype=int), [0, 2]), shape=(1, 1))
    with pytest.raises(SchemaError, match="twice"):
        CostMatrix.from_csr(twice, ["a"], ["s"], unit="m")


def test_unknown_ids_shapes_and_units_raise():
    with pytest.raises(ReachError, match="origins: x"):
        CostMatrix.from_pairs(["x"], ["s"], [1], unit="m", origins=["a"])
    with pytest.raises(ReachError, match="destinations: s"):
        CostMatrix.from_pairs(["a"], ["s"], [1], unit="m", destinations=["t"])
    with pytest.raises(SchemaError, match="fit"):
        CostMatrix.from_csr(sparse.csr_array((2, 2)), ["a"], ["s"], unit="m")
    with pytest.raises(SchemaError, match="length"):
        CostMatrix.from_pairs(["a"], ["s", "t"], [1], unit="m")
    with pytest.raises(ConfigError, match="unit"):
        CostMatrix.from_pairs(["a"], ["s"], [1], unit="km")


def test_it_cannot_be_changed():
    costs = small()
    with pytest.raises(AttributeError):
        costs.unit = "m"
    for part in (costs.matrix.data, costs.matrix.indices, costs.matrix.indptr):
        with pytest.raises(ValueError, match="read-only"):
            part[0] = 1


def test_from_csr_sorts_and_takes_whole_numbers():
    loose = sparse.csr_array((np.array([5, 0]), np.array([1, 0]), [0, 2]), shape=(1, 2))
    costs = CostMatrix.from_csr(loose, ["a"], ["s", "t"], unit="m")
    assert costs.to_series().to_dict() == {("a", "s"): 0.0, ("a", "t"): 5.0}


def test_within_is_inclusive_and_keeps_all_ids():
    near = small().within(3.0)
    assert near.to_series().to_dict() == {("a", "t"): 0.0, ("b", "s"): 3.0}
    assert near.matrix.shape == (3, 3)
    for bad in (-1, np.nan):
        with pytest.raises(ConfigError):
            small().within(bad)


def test_select_reorders_destinations_and_keeps_zeros():
    part = small().select(destinations=["u", "t"])
    assert part.destinations.tolist() == ["u", "t"]
    assert part.to_series().to_dict() == {("a", "t"): 0.0}
    with pytest.raises(ReachError):
        small().select(destinations=["x"])


def test_by_destination_holds_the_same_pairs():
    columns = small().by_destination
    assert columns.nnz == 3
    assert columns.indices[columns.indptr[1]:columns.indptr[2]].tolist() == [0, 1]
    assert columns.data[columns.indptr[1]:columns.indptr[2]].tolist() == [7.0, 3.0]


def test_same_unit_keeps_pairs_in_one_unit():
    of = pd.Series({"c": "x", "b": "y", "a": "x"}), pd.Series({"s": "x", "t": None, "u": "y"})
    assert small().same_unit(*of).to_series().to_dict() == {("a", "s"): 7.0}
    with pytest.raises(ReachError, match="c"):
        small().same_unit(of[0].drop("c"), of[1])


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_pairs_survive_the_round_trip(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 8, 2)
    i, j = np.nonzero(rng.random((n, m)) < 0.5)
    shuffled = rng.permutation(len(i))
    cost = rng.integers(0, 3, len(i)).astype(float)
    costs = CostMatrix.from_pairs(i[shuffled], j[shuffled], cost[shuffled], unit="m",
                                  origins=range(n), destinations=range(m))
    assert costs.to_series().to_dict() == dict(zip(zip(i, j, strict=True), cost, strict=True))
    again = CostMatrix.from_csr(costs.by_destination, costs.origins, costs.destinations, unit="m")
    pd.testing.assert_series_equal(again.to_series(), costs.to_series())

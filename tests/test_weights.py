"""Weights: published worked examples, and inputs that cannot give weights."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.analysis import weights
from qzrisk.errors import ConfigError

X = pd.DataFrame([[250, 16, 12, 5], [200, 16, 8, 3], [300, 32, 16, 4], [275, 32, 8, 4],
                  [225, 16, 16, 2]], columns=list("abcd"), dtype=float)
SIGNS = [-1, 1, 1, 1]
JUDGED = [[1, 3, 5], [1 / 3, 1, 2], [1 / 5, 1 / 2, 1]]


def test_ahp_worked_example():
    w, ratio = weights.ahp(JUDGED)
    assert w.tolist() == pytest.approx([0.648329, 0.229651, 0.122020], abs=5e-7)
    assert ratio == pytest.approx(0.003185, abs=5e-7)
    assert (ratio * 0.58 * 2 + 3) == pytest.approx(3.003695, abs=5e-7)


def test_ahp_random_index_table_is_a_choice():
    saaty, chinese = weights.ahp(JUDGED)[1], weights.ahp(JUDGED, random_index="chinese")[1]
    assert chinese / saaty == pytest.approx(0.58 / 0.52)
    with pytest.raises(ConfigError, match=r"ahp\.saaty"):
        weights.ahp(JUDGED, random_index="sauty")


@given(st.lists(st.floats(0.2, 5), min_size=1, max_size=9))
def test_ahp_gives_back_the_weights_of_a_consistent_matrix(parts):
    w = np.array(parts)
    found, ratio = weights.ahp(w[:, None] / w)
    assert found.to_numpy() == pytest.approx(w / w.sum(), rel=1e-6)
    assert ratio == pytest.approx(0, abs=1e-6)


def test_ahp_names_criteria_and_takes_rounded_judgements():
    table = pd.DataFrame([[1, 3], [0.33, 1]], index=["rain", "slope"], columns=["rain", "slope"])
    w, ratio = weights.ahp(table)
    assert w.index.tolist() == ["rain", "slope"] and ratio == 0.0


@pytest.mark.parametrize("matrix", [
    [[1, 2], [2, 1]], [[1, 2, 3]], [[1, 0], [0, 1]], [[1, -1], [-1, 1]], [[2, 1], [1, 1]],
    np.ones((20, 20)), [[1, np.nan], [1, 1]], np.ones((0, 0)),
])
def test_ahp_refuses(matrix):
    with pytest.raises(ConfigError):
        weights.ahp(matrix)


def test_the_most_inconsistent_judgement_is_named():
    w = np.array([8.0, 4, 2, 1])
    matrix = pd.DataFrame(w[:, None] / w, index=list("abcd"), columns=list("abcd"))
    matrix.loc["b", "d"], matrix.loc["d", "b"] = 1 / 6, 6
    found = weights.most_inconsistent(matrix)
    assert (found.row, found.column, found.given) == ("d", "b", 6)
    w = weights.ahp(matrix)[0]
    assert found.implied == pytest.approx(w["d"] / w["b"]) and found.implied < 2
    assert weights.ahp(matrix)[1] > 0.1
    with pytest.raises(ConfigError):
        weights.most_inconsistent([[1]])


def test_entropy_worked_example():
    found = weights.entropy(X, SIGNS)
    assert found.tolist() == pytest.approx([0.157775, 0.438639, 0.265454, 0.138132], abs=5e-7)


def test_critic_worked_example():
    found = weights.critic(X, SIGNS)
    assert found.tolist() == pytest.approx([0.271570, 0.281672, 0.256385, 0.190374], abs=5e-7)


def test_entropy_and_critic_against_pymcdm():
    objective = pytest.importorskip("pymcdm.weights")
    table = pd.DataFrame(np.random.default_rng(4).uniform(1, 9, (30, 5)))
    ours = weights.entropy(table, [1] * 5, normalise="sum").to_numpy()
    assert ours == pytest.approx(objective.entropy_weights(table.to_numpy()))
    assert weights.critic(table, [1] * 5).to_numpy() == pytest.approx(
        objective.critic_weights(table.to_numpy()))


@pytest.mark.parametrize("method", [weights.entropy, weights.critic])
def test_a_constant_column_weighs_nothing(method):
    found = method(X.assign(flat=7.0), [*SIGNS, 1])
    assert found["flat"] == 0 and found.sum() == pytest.approx(1)
    assert found.drop("flat").to_numpy() == pytest.approx(method(X, SIGNS).to_numpy())


@pytest.mark.parametrize("method", [weights.entropy, weights.critic])
@pytest.mark.filterwarnings("ignore:weights leave out")
@pytest.mark.parametrize("table", [X.iloc[:1], X * 0, X.replace(16, np.nan).iloc[:2]])
def test_no_information_raises(method, table):
    with pytest.raises(ConfigError):
        method(table, SIGNS)


@pytest.mark.parametrize("method", [weights.entropy, weights.critic])
def test_units_with_a_missing_indicator_are_left_out_aloud(method):
    holed = pd.concat([X, X.iloc[[0]].assign(a=np.nan).set_axis([9])])
    with pytest.warns(UserWarning, match="leave out 1 of 6"):
        found = method(holed, SIGNS)
    assert found.to_numpy() == pytest.approx(method(X, SIGNS).to_numpy())


@pytest.mark.parametrize("method", [weights.entropy, weights.critic])
def test_weights_do_not_depend_on_units_or_order(method):
    base = method(X, SIGNS)
    assert method(X * [1, 1000, 0.5, 3], SIGNS).to_numpy() == pytest.approx(base.to_numpy())
    turned = method(X.iloc[::-1, ::-1], dict(zip("abcd", SIGNS, strict=True)))
    assert turned[list("abcd")].to_numpy() == pytest.approx(base.to_numpy())


@pytest.mark.parametrize("call", [
    lambda: weights.entropy(X, [1, 1]), lambda: weights.entropy(X, [1, 1, 1, 0]),
    lambda: weights.entropy(X, SIGNS, normalise="max"),
    lambda: weights.entropy(X - 100, SIGNS, normalise="sum"),
    lambda: weights.entropy(X.replace(250, np.inf), SIGNS),
    lambda: weights.critic(X.assign(a=list("vwxyz")), SIGNS),
    lambda: weights.equal([]), lambda: weights.equal(["a", "a"]),
    lambda: weights.manual({"a": 0.5, "b": 0.4}), lambda: weights.manual({"a": -1, "b": 2}),
    lambda: weights.combine(), lambda: weights.combine(weights.equal("ab"), weights.equal("ac")),
    lambda: weights.combine(pd.Series({"a": 1.0, "b": 0}), pd.Series({"a": 0.0, "b": 1})),
])
def test_bad_arguments_raise(call):
    with pytest.raises(ConfigError):
        call()


def test_manual_and_combined():
    manual = weights.manual({"a": 1, "b": 3}, rescale=True)
    assert manual.to_dict() == {"a": 0.25, "b": 0.75}
    assert weights.manual({"a": 0.333, "b": 0.333, "c": 0.333}).sum() == pytest.approx(1)
    other = pd.Series({"b": 0.4, "a": 0.6})
    # 0.25 * 0.6 = 0.15 and 0.75 * 0.4 = 0.30.
    assert weights.combine(manual, other).to_dict() == pytest.approx({"a": 1 / 3, "b": 2 / 3})
    assert weights.combine(manual, weights.equal("ab")).to_dict() == pytest.approx(manual.to_dict())

"""Indicator tables: min-max to the digit, and what a table must hold."""

# ruff: noqa: N803, N806 - X, L, E, C and S are the letters of the literature.

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.analysis.scaling import CONSTANT, normalise
from qzrisk.errors import ConfigError

values = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)), min_size=1, max_size=20)


def test_by_hand():
    X = pd.DataFrame({"rain": [0.0, 5, 10, np.nan], "beds": [4.0, 2, 3, 0]}, index=list("abcd"))
    made = normalise(X, {"beds": -1, "rain": 1})
    assert made["rain"].tolist()[:3] == [0, 0.5, 1] and pd.isna(made["rain"]["d"])
    assert made["beds"].tolist() == [0, 0.5, 0.25, 1]
    assert made.index.equals(X.index) and made.columns.equals(X.columns)


def test_a_constant_column_is_defined_and_warns():
    X = pd.DataFrame({"flat": [3.0, 3, np.nan], "gone": [np.nan] * 3})
    with pytest.warns(UserWarning, match="flat: all values equal 3"):
        made = normalise(X, [1, -1])
    assert made["flat"].tolist()[:2] == [CONSTANT] * 2 and made["flat"].isna()[2]
    assert made["gone"].isna().all()


@given(values, st.sampled_from([1, -1]))
@pytest.mark.filterwarnings("ignore:.*all values equal")
def test_range_missing_and_direction(column, sign):
    X = pd.DataFrame({"x": column}, dtype=float)
    made = normalise(X, [sign])["x"]
    assert made.isna().equals(X["x"].isna())
    known = made.dropna()
    assert ((known >= 0) & (known <= 1)).all()
    other = normalise(X, [-sign])["x"].dropna()
    assert (known + other).to_numpy() == pytest.approx(np.ones(len(known)))
    if X["x"].nunique() > 1:
        assert {known.min(), known.max()} == {0.0, 1.0}


def test_huge_values_do_not_overflow():
    made = normalise(pd.DataFrame({"x": [-1.7e308, 0, 1.7e308]}), [1])
    assert made["x"].tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(("X", "directions"), [
    (pd.DataFrame({"x": [1.0, np.inf]}), [1]),
    (pd.DataFrame({"x": ["a", "b"]}), [1]),
    (pd.DataFrame({"x": [1.0, 2]}), [2]),
    (pd.DataFrame({"x": [1.0, 2]}), {"y": 1}),
    (pd.DataFrame({"x": [1.0, 2]}), [1, 1]),
    (pd.DataFrame({"x": [1.0, 2]}, index=["a", "a"]), [1]),
    (pd.DataFrame([[1.0, 2]], columns=["x", "x"]), [1, 1]),
    (pd.Series([1.0]), [1]),
])
def test_bad_tables_raise(X, directions):
    with pytest.raises(ConfigError):
        normalise(X, directions)


def test_inputs_are_not_changed():
    X = pd.DataFrame({"x": [1.0, 3, np.nan]})
    before = X.copy()
    normalise(X, [-1])
    pd.testing.assert_frame_equal(X, before)

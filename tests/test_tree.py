"""The indicator tree by hand: missing rules, frozen scales, a score for each hazard."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.analysis import risk
from qzrisk.errors import ConfigError

TREE = pd.DataFrame({
    "dimension": ["hazard", "hazard", "hazard", "exposure", "vulnerability", "capacity"],
    "hazard": ["flood", "flood", "wind", "", "", ""],
    "direction": [1, 1, 1, 1, 1, -1]}, index=["depth", "rain", "gust", "people", "old", "beds"])
WEIGHTS = pd.Series([0.2, 0.1, 0.2, 0.2, 0.2, 0.1], index=TREE.index)
X = pd.DataFrame({"depth": [1.0, 0.0], "rain": [0.5, 0.0], "gust": [0.25, 1.0],
                  "people": [0.5, 0.5], "old": [1.0, 0.0], "beds": [0.0, 1.0]}, index=["A", "B"])


def members():
    return risk.member_weights(TREE, WEIGHTS)


def test_each_missing_rule():
    column = [1.0, 5.0, 9.0, None]
    frame = pd.DataFrame({"a": column, "b": column}, index=list("wxyz"))
    made = risk.fill(frame, pd.Series({"a": "median", "b": "exclude"}))
    assert made.X.loc["z", "a"] == 5.0
    assert np.isnan(made.X.loc["z", "b"])
    assert made.flags.to_numpy().sum() == 1
    assert made.flags.loc["z", "a"]
    assert frame.isna().to_numpy().sum() == 2  # the input is as it was
    with pytest.raises(ConfigError, match=r"gaps.*'z'"):
        risk.fill(frame, pd.Series({"a": "fail", "b": "exclude"}))
    with pytest.raises(ConfigError, match="rule"):
        risk.fill(frame, pd.Series({"a": "zero", "b": "exclude"}))


def test_nothing_known_stays_unknown_under_the_median():
    made = risk.fill(pd.DataFrame({"a": [np.nan, np.nan]}), pd.Series({"a": "median"}))
    assert made.X["a"].isna().all()
    assert not made.flags.to_numpy().any()


def test_a_frozen_scale_cuts_what_lies_beyond():
    scale = pd.DataFrame({"low": [0.0, 3.0], "high": [10.0, 3.0]}, index=["a", "b"])
    frame = pd.DataFrame({"a": [-5.0, 2.0, 20.0, None], "b": [1.0, 3.0, 9.0, None]})
    up = risk.rescale(frame, pd.Series({"a": 1, "b": 1}), scale)
    assert up["a"].tolist()[:3] == [0.0, 0.2, 1.0]
    assert up["b"].tolist()[:3] == [0.5, 0.5, 0.5]
    assert up.iloc[3].isna().all()
    assert risk.rescale(frame, pd.Series({"a": -1, "b": 1}), scale)["a"].tolist()[:3] == [
        1.0, 0.8, 0.0]
    with pytest.raises(ConfigError, match="range"):
        risk.rescale(frame, pd.Series({"a": 1, "b": 1}), scale.iloc[:1])


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9).filter(lambda v: max(v) > min(v)))
def test_on_its_own_range_it_is_normalise(values):
    frame = pd.DataFrame({"a": values, "b": values})
    directions = pd.Series({"a": 1, "b": -1})
    made = risk.rescale(frame, directions, risk.ranges(frame))
    pd.testing.assert_frame_equal(made, risk.normalise(frame, directions), rtol=0, atol=0)


def test_weights_of_hazards_and_inside_them():
    assert risk.hazard_weights(TREE, WEIGHTS).round(12).to_dict() == {"flood": 0.6, "wind": 0.4}
    made = members()
    assert np.allclose(made.sum(), 1.0)
    assert np.allclose(made["flood"], [1 / 3, 1 / 6, 0, 0.2, 0.2, 0.1])
    assert np.allclose(made["wind"], [0, 0, 0.5, 0.2, 0.2, 0.1])
    assert np.allclose(made @ risk.hazard_weights(TREE, WEIGHTS), WEIGHTS)


def test_score_of_each_hazard_by_hand():
    made = risk.hazard_scores(X, TREE, members())
    # flood A: 1/3 + 0.5/6 + 0.2 * 0.5 + 0.2; wind B: 0.5 + 0.2 * 0.5 + 0.1.
    assert made.loc["A", "flood"] == pytest.approx(1 / 3 + 0.5 / 6 + 0.1 + 0.2)
    assert made.loc["B", "wind"] == pytest.approx(0.7)
    whole = risk.composite(made, risk.hazard_weights(TREE, WEIGHTS))
    assert np.allclose(whole["score"], X @ WEIGHTS)
    assert np.allclose(whole[["share_flood", "share_wind"]].sum(axis=1), 1.0)


def test_no_hazard_no_risk():
    raw = pd.DataFrame({"depth": [2.0, 0.0, 0.0], "rain": [10.0, 0.0, None],
                        "gust": [9.0, 0.0, 8.0]}, index=["A", "B", "C"])
    present = risk.presence(raw, TREE)
    assert present["flood"].tolist() == [True, False, True]  # the unknown might be there
    assert present["wind"].tolist() == [True, False, True]
    wet = present.loc[["A", "B"]].assign(wind=True)
    made = risk.hazard_scores(X, TREE, members(), present=wet)
    assert made.loc["B", "flood"] == 0.0
    assert made.loc["B", "wind"] == pytest.approx(0.7)
    # What enters the composite is linear still, so that its parts sum to it.
    load = risk.hazard_weights(TREE, WEIGHTS)
    entering = risk.effective(X, TREE, wet, load)
    assert np.allclose(entering @ WEIGHTS, risk.composite(made, load)["score"])
    assert entering.loc["B", "people"] == pytest.approx(0.5 * 0.4)


def test_missing_is_no_score_and_absence_does_not_hide_it():
    holed = X.assign(people=[np.nan, 0.5])
    absent = pd.DataFrame({"flood": [False, True], "wind": [True, True]}, index=X.index)
    made = risk.hazard_scores(holed, TREE, members(), present=absent)
    assert made.loc["A"].isna().all()
    assert made.loc["B"].notna().all()


def test_product_divides_by_capacity():
    # H 1 and 0.5 weighted 2:1; E 0.5; V 1; capacity 1 - 0 = 1, scaled 1: 5/6 * 0.5 * 1 / 1 * 0.1.
    made = risk.hazard_scores(X, TREE, members(), method="product")
    assert made.loc["A", "flood"] == pytest.approx(5 / 6 * 0.5 * 0.1)
    assert made.loc["B", "flood"] == 0.0
    # No capacity at all: divided by 0.1.
    poor = risk.hazard_scores(X.assign(beds=1.0), TREE, members(), method="product")
    assert poor.loc["A", "flood"] == pytest.approx(5 / 6 * 0.5)
    with pytest.raises(ConfigError, match="method"):
        risk.hazard_scores(X, TREE, members(), method="sum")


def test_a_tree_without_hazards_told_apart():
    tree = TREE.assign(hazard="")
    assert risk.hazard_weights(tree, WEIGHTS).to_dict() == {"": 1.0}
    made = risk.hazard_scores(X, tree, risk.member_weights(tree, WEIGHTS))
    assert np.allclose(made[""], X @ WEIGHTS)


@given(st.lists(st.floats(0.01, 1), min_size=6, max_size=6))
def test_the_composite_is_the_weighted_mean_for_any_weights(raw):
    weights = pd.Series(raw, index=TREE.index) / sum(raw)
    scores = risk.hazard_scores(X, TREE, risk.member_weights(TREE, weights))
    whole = risk.composite(scores, risk.hazard_weights(TREE, weights))
    assert np.allclose(whole["score"], X @ weights)
    assert np.allclose(whole.drop(columns="score").sum(axis=1), 1.0)

"""Validation against events: curves by hand, and what cannot be validated."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.analysis import validation
from qzrisk.errors import ConfigError
from qzrisk.levels import FOUR_LEVELS

units = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=25)


def test_roc_by_hand_with_a_tie():
    score = pd.Series([0.9, 0.5, 0.5, 0.1, np.nan])
    event = pd.Series([True, True, False, False, True])
    made = validation.roc(score, event)
    assert made.to_numpy().tolist() == [[np.inf, 0, 0], [0.9, 0, 0.5], [0.5, 0.5, 1], [0.1, 1, 1]]
    # Trapezoids: 0 + 0.5 * 0.75 + 0.5 * 1.
    assert validation.auc(score, event) == pytest.approx(0.875)


@given(units)
def test_auc_is_the_chance_to_outscore(rows):
    score, event = pd.Series([r[0] for r in rows], dtype=float), pd.Series([r[1] for r in rows])
    if event.all() or not event.any():
        with pytest.raises(ConfigError):
            validation.auc(score, event)
        return
    pairs = [(a > b) + 0.5 * (a == b) for a in score[event] for b in score[~event]]
    found = validation.auc(score, event)
    assert found == pytest.approx(np.mean(pairs))
    assert validation.auc(-score, event) == pytest.approx(1 - found)
    assert validation.auc(score**3 + 7, event) == pytest.approx(found)


def test_auc_against_sklearn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    score, event = pd.Series(rng.integers(0, 20, 300) / 20), pd.Series(rng.random(300) < 0.3)
    assert validation.auc(score, event) == pytest.approx(metrics.roc_auc_score(event, score))


def test_success_rate_by_hand():
    score = pd.Series([0.2, 0.8, np.nan, 0.8], index=list("abcd"))
    events = pd.Series([1, 2, 50, 1], index=list("abcd"))
    area = pd.Series([6.0, 1, 99, 3], index=list("abcd"))
    made = validation.success_rate(score, events, area=area)
    assert made.to_numpy().tolist() == [[np.inf, 0, 0], [0.8, 0.4, 0.75], [0.2, 1, 1]]
    even = validation.success_rate(score, events)
    assert even["area_share"].tolist() == pytest.approx([0, 2 / 3, 1])


@given(units)
def test_success_rate_rises_from_nothing_to_all(rows):
    score, events = pd.Series([r[0] for r in rows], dtype=float), pd.Series([r[1] for r in rows])
    if not events.any():
        return
    made = validation.success_rate(score, events)
    for column in ("area_share", "event_share"):
        assert made[column].is_monotonic_increasing
        assert (made[column].iloc[0], made[column].iloc[-1]) == (0, 1)


def test_events_by_class_loses_nothing():
    classes = pd.Series(pd.Categorical(["red", "blue", "blue", None, "blue"],
                                       categories=FOUR_LEVELS, ordered=True))
    events = pd.Series([3, 1, 0, 2, 0])
    made = validation.events_by_class(classes, events)
    assert made.index.tolist() == ["red", "orange", "yellow", "blue", "no_data"]
    assert made["units"].tolist() == [1, 0, 0, 3, 1] and made["events"].sum() == 6
    assert made.loc["red", ["area_share", "event_share", "ratio"]].tolist() == [0.25, 0.75, 3]
    assert made.loc["blue", "ratio"] == pytest.approx(1 / 3)
    assert made.loc["orange", "ratio":].isna().all()
    assert made.loc["no_data", "area_share":].isna().all()
    by_area = validation.events_by_class(classes, events, area=pd.Series([1.0, 3, 3, 9, 3]))
    assert by_area.loc["red", "ratio"] == pytest.approx(7.5)
    nothing = validation.events_by_class(classes, events * 0)
    assert nothing["ratio"].isna().all() and nothing["units"].sum() == 5


@pytest.mark.parametrize("call", [
    lambda s: validation.roc(s, pd.Series([True])),
    lambda s: validation.roc(s, pd.Series([1, 2, 0])),
    lambda s: validation.roc(s, pd.Series([True, None, False], dtype=object)),
    lambda s: validation.success_rate(s, pd.Series([0, 0, 0])),
    lambda s: validation.success_rate(s, pd.Series([1, -1, 0])),
    lambda s: validation.success_rate(s, pd.Series([1, np.nan, 0])),
    lambda s: validation.success_rate(s, pd.Series([1, 1, 0]), area=pd.Series([1, 0, 1])),
    lambda s: validation.events_by_class(s, pd.Series([1, 1, 0])),
])
def test_bad_arguments_raise(call):
    with pytest.raises(ConfigError):
        call(pd.Series([1.0, 2, 3]))

"""Confidence of scores that are no weighted means, against a plain loop over the draws."""

import numpy as np
import pandas as pd
import pytest

import qzrisk as qz
from qzrisk.errors import ConfigError

TREE = pd.DataFrame({
    "dimension": ["hazard", "hazard", "hazard", "exposure", "vulnerability", "capacity"],
    "hazard": ["flood", "flood", "wind", "", "", ""]},
    index=["depth", "rain", "gust", "people", "old", "beds"])
WEIGHTS = pd.Series([0.2, 0.1, 0.3, 0.2, 0.1, 0.1], index=TREE.index)
BOUNDS = [0.2, 0.35, 0.5]


def world(n=25, seed=5):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.random((n, 6)).round(2), columns=TREE.index,  # noqa: N806
                     index=[f"u{i}" for i in range(n)])
    present = pd.DataFrame({"flood": rng.random(n) < 0.7, "wind": True}, index=X.index)
    return X, present


def by_frames(X, present, weights, method, hazard):  # noqa: N803
    """Score with the functions that make the tables."""
    members = qz.risk.member_weights(TREE, weights)
    scores = qz.risk.hazard_scores(X, TREE, members, present=present, method=method)
    if hazard:
        return scores[hazard]
    return qz.risk.composite(scores, qz.risk.hazard_weights(TREE, weights))["score"]


@pytest.mark.parametrize("hazard", [None, "flood", "wind"])
@pytest.mark.parametrize("method", qz.risk.METHODS)
def test_the_arrays_score_as_the_frames_do(method, hazard):
    X, present = world()  # noqa: N806
    X.loc["u3", "rain"] = np.nan
    for weights in (WEIGHTS, WEIGHTS.replace(0.3, 0.0) / 0.7, WEIGHTS.replace(0.2, 0.0) / 0.6):
        if method == "product" and weights["people"] == 0:
            continue
        score = qz.risk.hazard_score(TREE, present, method=method, hazard=hazard)
        made = score(weights.to_numpy(), X.to_numpy())
        assert np.allclose(made, by_frames(X, present, weights, method, hazard), equal_nan=True)


@pytest.mark.parametrize("method", ["geometric", "product", "maximum", "topsis"])
def test_shares_and_ranks_are_those_of_a_plain_loop(method):
    X, present = world()  # noqa: N806
    score = qz.risk.hazard_score(TREE, present, method=method)
    made = qz.risk.score_stability(
        lambda w, e: score(w, np.clip(X.to_numpy() + e, 0, 1)), WEIGHTS, X.index, draws=80, seed=3,
        concentration=40.0, error=0.05, bounds=BOUNDS)
    of_weights, of_noise = np.random.default_rng(3), np.random.default_rng([3, 1])
    drawn, rows = of_weights.dirichlet(40.0 * WEIGHTS, 80), []
    for w in drawn:
        moved = (X + 0.05 * of_noise.standard_normal(X.shape)).clip(0, 1)
        rows.append(by_frames(moved, present, pd.Series(w, TREE.index), method, None))
    scores = pd.DataFrame(rows)
    for name, low, high in zip(qz.FOUR_LEVELS, [-1, *BOUNDS], [*BOUNDS, 9], strict=True):
        assert np.allclose(made[f"share_{name}"], ((scores > low) & (scores <= high)).mean())
    ranks = np.sort(scores.rank(axis=1, ascending=False, method="min").to_numpy(), axis=0)
    # 90 % of 80 draws leave out 4 on each side.
    assert made["rank_low"].tolist() == ranks[4].tolist()
    assert made["rank_high"].tolist() == ranks[75].tolist()
    assert np.allclose(made["index"], by_frames(X, present, WEIGHTS, method, None))


def test_a_weighted_mean_has_the_confidence_of_rank_stability():
    X, _ = world()  # noqa: N806
    one = qz.risk.rank_stability(X, WEIGHTS, draws=600, seed=9, bounds=BOUNDS)
    two = qz.risk.score_stability(lambda w, e: (X.to_numpy() + e) @ w, WEIGHTS, X.index,
                                  draws=600, seed=9, bounds=BOUNDS)
    pd.testing.assert_frame_equal(one, two)
    one = qz.risk.rank_stability(X, WEIGHTS, draws=4000, seed=9, bounds=BOUNDS, error=0.05)
    two = qz.risk.score_stability(lambda w, e: (X.to_numpy() + e) @ w, WEIGHTS, X.index,
                                  draws=4000, seed=9, bounds=BOUNDS, error=0.05)
    shares = [f"share_{level}" for level in qz.FOUR_LEVELS]
    # One number a unit or one an indicator: the same law, not the same draws.
    assert np.abs(one[shares] - two[shares]).to_numpy().max() < 0.05


def test_a_unit_without_a_score_has_no_share_and_no_rank():
    X, _ = world(4)  # noqa: N806
    X.loc["u2", "old"] = np.nan
    made = qz.risk.score_stability(lambda w, e: (X.to_numpy() + e) @ w, WEIGHTS, X.index,
                                   draws=20, seed=1, bounds=BOUNDS)
    assert made.loc["u2"].isna().all()
    assert sorted(made["rank"].dropna()) == [1, 2, 3]
    none = qz.risk.score_stability(lambda *_: np.full(4, np.nan), WEIGHTS, X.index,
                                   draws=20, seed=1, bounds=BOUNDS)
    assert none.isna().all(axis=None)


@pytest.mark.parametrize("given", [
    {"concentration": np.inf}, {"concentration": -1}, {"draws": 0},
    {"error": np.nan}, {"error": np.inf}, {"error": -0.1}])
def test_extreme_parameters_raise(given):
    X, _ = world(4)  # noqa: N806
    law = {"draws": 20, "seed": 1, "bounds": BOUNDS, **given}
    with pytest.raises(ConfigError, match="out of range"):
        qz.risk.score_stability(lambda w, e: (X.to_numpy() + e) @ w, WEIGHTS, X.index, **law)
    with pytest.raises(ConfigError, match="out of range"):
        qz.risk.rank_stability(X, WEIGHTS, **law)


def test_numbers_beyond_all_scales_raise_before_they_overflow():
    X, _ = world(4)  # noqa: N806
    X.iloc[0, 0], X.iloc[1, 0] = 1e308, -1e308
    with pytest.raises(ConfigError, match="scale of 0 to 1"):
        qz.risk.rank_stability(X, WEIGHTS, draws=20, seed=1, bounds=BOUNDS)

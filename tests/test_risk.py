"""Risk: published examples to the digit, levels of work safety, and how stable they are."""

# ruff: noqa: N806 - X, L, E, C and S are the letters of the literature.

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.stats import rankdata

from qzrisk import rules
from qzrisk.analysis import classify, risk
from qzrisk.analysis.risk import stability
from qzrisk.errors import ConfigError
from qzrisk.levels import FOUR_LEVELS

X5 = pd.DataFrame([[250, 16, 12, 5], [200, 16, 8, 3], [300, 32, 16, 4], [275, 32, 8, 4],
                   [225, 16, 16, 2]], columns=list("abcd"), index=list("vwxyz"), dtype=float)
SIGNS = [-1, 1, 1, 1]
# Weights published for forest-fire vulnerability in central Yunnan; they sum to 1.000.
YUNNAN = {"rain": 0.223, "revenue": 0.177, "temperature": 0.123, "output": 0.107, "income": 0.097,
          "density": 0.085, "cover": 0.067, "urban": 0.067, "gdp": 0.054}
tables = npst.arrays(float, st.tuples(st.integers(1, 8), st.integers(1, 4)),
                     elements=st.floats(0, 1).map(lambda x: round(x, 3)))


def frame(array):
    return pd.DataFrame(array, columns=[f"i{j}" for j in range(array.shape[1])])


# index

def test_aggregations_by_hand():
    X = pd.DataFrame({"a": [1.0, 0.25, 0.5], "b": [0.0, 1.0, np.nan]}, index=list("xyz"))
    w = {"b": 0.25, "a": 0.75}
    assert risk.index(X, w).tolist()[:2] == [0.75, 0.4375]
    geometric = risk.index(X, w, method="geometric").tolist()
    assert geometric[:2] == pytest.approx([0, 0.25**0.75])
    assert risk.index(X, w, method="maximum").tolist()[:2] == pytest.approx([1, 1 / 3])
    for method in ("arithmetic", "geometric", "maximum"):
        made = risk.index(X, w, method=method)
        assert pd.isna(made["z"]) and made.index.equals(X.index)


def test_hazard_product_by_hand():
    X = pd.DataFrame({"capacity": [0.5, 1.0], "hazard": [0.8, 0.5], "exposure": [0.5, 0.4],
                      "vulnerability": [0.25, 1.0]})
    assert risk.index(X, method="product").tolist() == pytest.approx([0.2, 0.2])
    assert risk.index(X.drop(columns="capacity"), method="product").tolist() == pytest.approx(
        [0.1, 0.2])
    powers = {"hazard": 2, "exposure": 1, "vulnerability": 1, "capacity": 0}
    assert risk.index(X, powers, method="product").tolist() == pytest.approx([0.08, 0.1])
    with pytest.raises(ConfigError, match="capacity > 0"):
        risk.index(X.assign(capacity=0.0), method="product")
    with pytest.raises(ConfigError, match="own columns"):
        risk.index(X.rename(columns={"hazard": "danger"}), method="product")


def test_an_indicator_of_weight_zero_may_be_missing():
    X = pd.DataFrame({"a": [0.5], "b": [np.nan]})
    for method in ("arithmetic", "geometric", "maximum"):
        assert risk.index(X, [1, 0], method=method).tolist() == [0.5]


def test_published_weights_of_a_weighted_overlay():
    X = pd.DataFrame(np.eye(9), columns=list(YUNNAN))
    assert risk.index(X, YUNNAN).to_numpy() == pytest.approx(list(YUNNAN.values()))
    assert sum(YUNNAN.values()) == pytest.approx(1)


@given(tables)
def test_means_lie_between_the_extremes_and_in_order(array):
    X = frame(array)
    w = np.full(X.shape[1], 1 / X.shape[1])
    low, high = X.min(axis=1), X.max(axis=1)
    arithmetic, geometric = risk.index(X, w), risk.index(X, w, method="geometric")
    slack = 1e-9
    assert ((geometric >= low - slack) & (geometric <= arithmetic + slack)).all()
    assert (arithmetic <= high + slack).all()
    assert risk.index(X, method="maximum").to_numpy() == pytest.approx(high.to_numpy())


@pytest.mark.parametrize(("w", "method"), [
    ([0.5, 0.6], "arithmetic"), ([1.5, -0.5], "arithmetic"), ([1.0], "arithmetic"),
    ({"a": 0.5, "c": 0.5}, "arithmetic"), ([0.5, 0.5], "harmonic"), (None, "arithmetic"),
    (None, "geometric"), ([np.nan, 1], "arithmetic"),
])
def test_bad_weights_and_methods_raise(w, method):
    with pytest.raises(ConfigError):
        risk.index(pd.DataFrame({"a": [0.1], "b": [0.2]}), w, method=method)


def test_geometric_refuses_negative_values():
    with pytest.raises(ConfigError, match=">= 0"):
        risk.index(pd.DataFrame({"a": [-0.1]}), [1], method="geometric")


# TOPSIS

def test_topsis_worked_examples():
    found = risk.topsis(X5, [0.25] * 4, SIGNS)
    assert found.tolist() == pytest.approx([0.534277, 0.308368, 0.691632, 0.534737, 0.401046],
                                           abs=5e-7)
    small = pd.DataFrame([[4, 4], [1, 5], [3, 2], [4, 2]])
    assert risk.topsis(small, [0.5, 0.5], [1, -1], normalise="minmax").round(4).tolist() == [
        0.6126, 0, 0.7829, 1]


def test_topsis_against_pymcdm():
    methods = pytest.importorskip("pymcdm.methods")
    normal = pytest.importorskip("pymcdm.normalizations")
    rng = np.random.default_rng(5)
    X = frame(rng.uniform(1, 9, (40, 5)))
    w, signs = rng.dirichlet(np.ones(5)), [1, -1, 1, 1, -1]
    theirs = methods.TOPSIS(normal.minmax_normalization)(X.to_numpy(), w, np.array(signs))
    assert risk.topsis(X, w, signs, normalise="minmax").to_numpy() == pytest.approx(theirs)


def test_topsis_of_degenerate_tables():
    X = pd.DataFrame({"a": [1.0, 1, np.nan], "b": [2.0, 2, 2]})
    found = risk.topsis(X, [0.5, 0.5], [1, 1])
    assert found.tolist()[:2] == [0.5, 0.5] and pd.isna(found[2])
    assert risk.topsis(X.iloc[:1], [0.5, 0.5], [1, 1]).tolist() == [0.5]
    assert risk.topsis(X.iloc[2:], [0.5, 0.5], [1, 1]).isna().all()
    with pytest.raises(ConfigError):
        risk.topsis(X, [0.5, 0.5], [1, 1], normalise="rank")


@given(tables)
def test_topsis_is_in_the_unit_interval_and_blind_to_units(array):
    X = frame(array)
    w, signs = np.full(X.shape[1], 1 / X.shape[1]), [1] * X.shape[1]
    found = risk.topsis(X, w, signs)
    assert ((found >= 0) & (found <= 1)).all()
    assert risk.topsis(X * 1024, w, signs).to_numpy() == pytest.approx(found.to_numpy())


# composite and explanation

def test_composite_shares():
    X = pd.DataFrame({"flood": [0.6, 0.0, np.nan], "surge": [0.2, 0.0, 0.4]})
    made = risk.composite(X, [0.5, 0.5])
    assert made.loc[0].tolist() == pytest.approx([0.4, 0.75, 0.25])
    assert made.loc[1, "score"] == 0 and made.loc[1, "share_flood":].isna().all()
    assert made.loc[2].isna().all()
    with pytest.raises(ConfigError, match=">= 0"):
        risk.composite(X - 1, [0.5, 0.5])


@given(tables)
def test_contributions_add_up_to_the_index(array):
    X = frame(array)
    w = np.full(X.shape[1], 1 / X.shape[1])
    for unit in X.index:
        made = risk.explain(X, w, unit)
        assert made["contribution"].sum() == pytest.approx(risk.index(X, w)[unit])
        assert made["contribution"].is_monotonic_decreasing
    shares = risk.composite(X, w).filter(like="share_").sum(axis=1)
    assert all(abs(s - 1) < 1e-9 or s == 0 for s in shares)


def test_explain_names_what_is_missing():
    X = pd.DataFrame({"a": [0.2, 0.9], "b": [np.nan, 0.1]}, index=["u", "v"])
    made = risk.explain(X, [0.5, 0.5], "u")
    assert made.index.tolist() == ["a", "b"] and pd.isna(made.loc["b", "value"])
    assert made["share"].isna().all() and made.loc["a", "rank"] == 2
    with pytest.raises(ConfigError, match="unknown unit"):
        risk.explain(X, [0.5, 0.5], "w")


# rank stability

def example(n=60, p=4):
    return frame(np.random.default_rng(0).random((n, p)))


def test_shares_sum_to_one_and_ranks_enclose():
    made = risk.rank_stability(example(), [0.25] * 4, draws=500, seed=3, error=0.02)
    assert made.filter(like="share_").sum(axis=1).to_numpy() == pytest.approx(np.ones(60))
    assert (made["rank_low"] <= made["rank_high"]).all()
    assert made["rank_low"].min() == 1 and made["rank_high"].max() == 60
    best = made[[f"share_{code}" for code in FOUR_LEVELS]].to_numpy().argmax(axis=1)
    assert (made["level"].cat.codes.to_numpy() == best).mean() > 0.95


def test_without_uncertainty_every_draw_is_the_chosen_index():
    X = example()
    bounds = [0.4, 0.5, 0.6]
    made = risk.rank_stability(X, [0.25] * 4, draws=50, seed=1, concentration=1e12, bounds=bounds)
    levels = classify.classes(made["index"], scheme="fixed", bounds=bounds)
    assert made["level"].astype(str).tolist() == levels.astype(str).tolist()
    shares = made.filter(like="share_").to_numpy()
    assert set(shares.ravel()) == {0.0, 1.0}
    assert (made["rank_low"] == made["rank"]).all() and (made["rank_high"] == made["rank"]).all()


def test_against_a_loop_over_draws():
    X, w, draws = example(30, 3), np.array([0.5, 0.3, 0.2]), 400
    made = risk.rank_stability(X, w, draws=draws, seed=11, bounds=[0.3, 0.5, 0.7], interval=0.8)
    rng = np.random.default_rng(11)
    drawn = np.vstack([rng.dirichlet(100 * w, 256), rng.dirichlet(100 * w, draws - 256)])
    scores = pd.DataFrame(drawn @ X.to_numpy().T)
    level = np.digitize(scores, [0.3, 0.5, 0.7], right=True)
    for c, code in enumerate(FOUR_LEVELS):
        assert made[f"share_{code}"].to_numpy() == pytest.approx((level == c).mean(axis=0))
    rank = scores.rank(axis=1, ascending=False, method="min")
    # The rank that the 40th of 400 draws reaches, and the 360th.
    assert made["rank_low"].tolist() == [np.sort(rank[i])[40] for i in X.index]
    assert made["rank_high"].tolist() == [np.sort(rank[i])[359] for i in X.index]


def test_summed_noise_has_the_law_of_noise_in_each_indicator():
    X, w, sd = example(5, 3), np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.1, 0.2])
    made = risk.rank_stability(X, w, draws=40_000, seed=2, error=sd, bounds=[0.3, 0.5, 0.7])
    rng = np.random.default_rng(9)
    drawn = rng.dirichlet(100 * w, 40_000)
    noisy = X.to_numpy()[None] + rng.normal(size=(40_000, 5, 3)) * sd
    level = np.digitize(np.einsum("dj,dij->di", drawn, noisy), [0.3, 0.5, 0.7], right=True)
    for c, code in enumerate(FOUR_LEVELS):
        assert made[f"share_{code}"].to_numpy() == pytest.approx((level == c).mean(axis=0),
                                                                 abs=0.015)


def test_stability_is_repeatable_and_keeps_missing_units_out():
    X = example()
    X.loc[7, "i2"] = np.nan
    one = risk.rank_stability(X, [0.25] * 4, draws=300, seed=5, error=0.1)
    pd.testing.assert_frame_equal(one, risk.rank_stability(X, [0.25] * 4, draws=300, seed=5,
                                                           error=0.1))
    assert one.loc[7].isna().all() and one["rank"].max() == 59
    assert tuple(one["level"].cat.categories) == FOUR_LEVELS
    alone = risk.rank_stability(X, {"i0": 0.5, "i1": 0.5, "i2": 0, "i3": 0}, draws=30, seed=5)
    assert alone.notna().all(axis=None)


def test_equal_units_share_the_best_rank():
    X = pd.DataFrame({"a": [0.9, 0.9, 0.1], "b": [0.5, 0.5, 0.2]})
    made = risk.rank_stability(X, [0.5, 0.5], draws=20, seed=1, bounds=[0.2, 0.4, 0.6])
    assert made["rank"].tolist() == [1, 1, 3]
    assert made["rank_low"].tolist() == made["rank_high"].tolist() == [1, 1, 3]


@pytest.mark.parametrize("shape", [(1, 1), (2, 4), (50, 5), (80, 7)])
def test_ranks_of_rounded_scores_are_those_of_scipy(shape):
    X = frame(np.random.default_rng(4).random(shape).round(1))
    w, draws = np.full(shape[1], 1 / shape[1]), 64
    made = risk.rank_stability(X, w, draws=draws, seed=6, bounds=[0.3, 0.5, 0.7], interval=0.999)
    drawn = np.random.default_rng(6).dirichlet(100 * w, draws)
    rank = rankdata(-(drawn @ X.to_numpy().T).round(12), axis=1, method="min")
    assert made["rank_low"].tolist() == rank.min(axis=0).tolist()
    assert made["rank_high"].tolist() == rank.max(axis=0).tolist()


def test_weights_and_errors_are_drawn_apart():
    of_weights, of_errors = stability.streams(5)
    assert not set(of_weights.random(50)) & set(of_errors.random(50))


def test_the_size_of_a_batch_changes_nothing(monkeypatch):
    def made():
        return risk.rank_stability(example(), [0.25] * 4, draws=300, seed=5, error=0.1)

    whole = made()
    monkeypatch.setattr("qzrisk.analysis.risk.stability.BATCH", 7)
    pd.testing.assert_frame_equal(made(), whole)


@pytest.mark.parametrize("arguments", [
    {"draws": 0}, {"concentration": 0}, {"interval": 1}, {"error": -1}, {"error": [0.1]},
    {"bounds": [3, 2, 1]},
])
def test_stability_refuses(arguments):
    with pytest.raises(ConfigError):
        risk.rank_stability(example(), [0.25] * 4, **{"draws": 10, "seed": 1} | arguments)


def test_stability_of_too_few_units_asks_for_bounds():
    with pytest.raises(ConfigError, match="give bounds"):
        risk.rank_stability(example(3), [0.25] * 4, draws=10, seed=1)


# work safety

def test_lec_bands_at_their_edges():
    scale = {name: rules.value("work_safety", f"lec.{name}")
             for name in ("likelihood", "exposure", "consequence")}
    triples = list(itertools.product(*scale.values()))
    found = risk.lec(*(pd.Series(column) for column in zip(*triples, strict=True)))
    for (a, b, c), level in zip(triples, found, strict=True):
        d = round(a * b * c, 6)
        assert level == ("blue" if d <= 70 else "yellow" if d <= 160 else
                         "orange" if d <= 320 else "red")
    edges = {round(a * b * c, 6) for a, b, c in triples}
    assert {70.0} <= edges and found.cat.ordered


def test_lec_at_seventy_exactly():
    assert risk.lec([10], [1], [7]).tolist() == ["blue"]
    assert risk.lec(10, 0.5, 15).tolist() == ["yellow"]


@pytest.mark.parametrize("score", [(5, 6, 7), (10, 4, 7), (10, 6, 8), (0, 6, 7), (10, 6, -1),
                                   (np.inf, 6, 7)])
def test_lec_refuses_scores_off_the_scales(score):
    with pytest.raises(ConfigError, match="off its scale"):
        risk.lec(*[[s] for s in score])


def test_ls_table():
    pairs = list(itertools.product(range(1, 6), repeat=2))
    found = risk.ls(*(pd.Series(column) for column in zip(*pairs, strict=True)))
    for (a, b), level in zip(pairs, found, strict=True):
        d = a * b
        assert level == ("blue" if d <= 8 else "yellow" if d <= 12 else
                         "orange" if d <= 16 else "red")


@pytest.mark.parametrize("score", [(0, 1), (6, 1), (2.5, 2), (1, -1)])
def test_ls_refuses_scores_off_the_scales(score):
    with pytest.raises(ConfigError, match="off its scale"):
        risk.ls([score[0]], [score[1]])


def test_a_missing_score_is_no_level():
    index = ["p", "q"]
    L, S = pd.Series([5, np.nan], index=index), pd.Series([5, 5], index=index)
    assert risk.ls(L, S).isna().tolist() == [False, True]
    assert risk.lec([np.nan], [6], [7]).isna().all()
    assert tuple(risk.lec([np.nan], [6], [7]).cat.categories) == FOUR_LEVELS
    with pytest.raises(ConfigError, match="same points"):
        risk.ls(L, S.set_axis(["p", "r"]))


def test_an_enterprise_takes_its_worst_point_and_counties_count_colours():
    points = risk.ls([1, 5, 2, 1], [1, 5, 1, 1])
    points.iloc[3] = np.nan
    owner = pd.Series(["mill", "mill", "dock", "yard"])
    worst = risk.worst(points, owner)
    assert worst["mill"] == "red" and worst["dock"] == "blue" and pd.isna(worst["yard"])
    table = risk.counts(points, owner)
    assert table.columns.tolist() == [*FOUR_LEVELS, "no_data"]
    assert table.loc["mill"].tolist() == [1, 0, 0, 1, 0]
    assert table.loc["yard"].tolist() == [0, 0, 0, 0, 1]
    assert table.to_numpy().sum() == 4
    with pytest.raises(ConfigError):
        risk.counts(points, owner.iloc[:2])
    with pytest.raises(ConfigError):
        risk.worst(pd.Series([1, 2]), owner)

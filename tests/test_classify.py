"""Classes: exact breaks, always all levels, the missing never a level."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.analysis import classify
from qzrisk.analysis.classify import breaks
from qzrisk.errors import ConfigError
from qzrisk.levels import FOUR_LEVELS

RELATIVE = classify.RELATIVE_SCHEMES
numbers = st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=40)
few = st.lists(st.integers(-5, 5), min_size=1, max_size=12)


def deviation(values, bounds):
    """Sum of squared deviations from class means, class by class."""
    level = np.searchsorted(np.asarray(bounds)[:-1], values)
    parts = [values[level == c] for c in range(len(bounds))]
    return sum(((part - part.mean()) ** 2).sum() for part in parts if part.size)


def best_by_hand(values, k):
    """Least deviation over all ways to cut the distinct values."""
    unique = np.unique(values)
    cuts = itertools.combinations(range(len(unique) - 1), k - 1)
    return min(deviation(values, [*unique[list(cut)], unique[-1]]) for cut in cuts)


def quietly(*args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return classify.classes(*args, **kwargs)


# natural breaks

def test_natural_breaks_of_three_heaps():
    assert classify.natural_breaks([30, 1, 2, 3, 31, 10, 11, 32], 3).tolist() == [3, 11, 32]


@given(few, st.integers(1, 4))
def test_natural_breaks_are_the_optimum_over_all_cuts(values, k):
    data = np.array(values, dtype=float)
    if len(np.unique(data)) < k:
        with pytest.raises(ConfigError, match="fewer distinct"):
            classify.natural_breaks(data, k)
        return
    found = classify.natural_breaks(data, k)
    assert found[-1] == data.max()
    assert (np.diff(found) > 0).all() and np.isin(found, data).all()
    assert deviation(data, found) == pytest.approx(best_by_hand(data, k), abs=1e-9)


@pytest.mark.parametrize("k", [2, 3, 4, 5, 7])
@pytest.mark.parametrize("kind", ["lognormal", "heaps", "uniform", "rounded", "far"])
def test_two_resolutions_give_the_same_as_one(kind, k, monkeypatch):
    rng = np.random.default_rng(k)
    data = {
        "lognormal": rng.lognormal(0, 1, 3000),
        "heaps": np.concatenate([rng.normal(m, 0.01, 600) for m in range(5)]),
        "uniform": rng.random(3000),
        "rounded": np.round(rng.lognormal(0, 2, 3000), 1),
        "far": rng.normal(1e9, 1, 3000),
    }[kind]
    monkeypatch.setattr(breaks, "_COARSE", 10**9)
    one = classify.natural_breaks(data, k)
    monkeypatch.setattr(breaks, "_COARSE", 16)
    assert classify.natural_breaks(data, k).tolist() == one.tolist()


@pytest.mark.parametrize("k", [3, 4, 5])
def test_natural_breaks_against_peers(k):
    jenkspy = pytest.importorskip("jenkspy")
    mapclassify = pytest.importorskip("mapclassify")
    data = np.random.default_rng(7).lognormal(0, 1, 800)
    ours = deviation(data, classify.natural_breaks(data, k))
    assert ours == pytest.approx(deviation(data, jenkspy.jenks_breaks(data, k)[1:]))
    assert ours == pytest.approx(deviation(data, mapclassify.FisherJenks(data, k).bins))


def test_natural_breaks_do_not_depend_on_order_or_missing():
    data = np.random.default_rng(1).normal(size=200)
    shuffled = np.r_[np.nan, np.random.default_rng(2).permutation(data)]
    found = classify.natural_breaks(shuffled, 4)
    assert found.tolist() == classify.natural_breaks(data, 4).tolist()


@pytest.mark.parametrize(("values", "k"), [([1, np.inf], 2), ([1, 2], 0), ([], 1), ([1, 1], 2)])
def test_natural_breaks_refuse(values, k):
    with pytest.raises(ConfigError):
        classify.natural_breaks(values, k)


# classes: exact numbers

@pytest.mark.parametrize(("scheme", "expected"), [
    ("equal_interval", [3, 6, 9, 12]),
    ("quantile", [1.75, 3.5, 5.25, 12]),
    ("natural_breaks", None),  # several cuts tie: the deviation decides
    ("head_tail", [4.125, 7.6666666666666667, 12, 12]),
    ("std_dev", [4.125 - 3.7583241, 4.125, 4.125 + 3.7583241, 12]),
])
def test_bounds_by_hand(scheme, expected):
    series = pd.Series([0.0, 1, 2, 3, 4, 5, 6, 12])
    found = classify.class_bounds(series, scheme=scheme)
    if expected is None:
        assert deviation(series.to_numpy(), found) == pytest.approx(best_by_hand(series, 4))
    else:
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("scheme", ["quantile", "equal_interval", "std_dev"])
def test_schemes_against_mapclassify(scheme):
    mapclassify = pytest.importorskip("mapclassify")
    data = pd.Series(np.random.default_rng(3).normal(size=501))
    ours = classify.class_bounds(data, scheme=scheme)
    if scheme == "quantile":
        theirs = mapclassify.Quantiles(data, 4).bins
    elif scheme == "equal_interval":
        theirs = mapclassify.EqualInterval(data, 4).bins
    else:
        ours, theirs = ours[:-1], mapclassify.StdMean(data, multiples=[-1, 0, 1]).bins[:3]
    assert ours == pytest.approx(theirs)


def test_fixed_bounds_are_right_closed_and_open_at_the_top():
    series = pd.Series([70, 70.01, 160, 320, 320.01, 1e9, -5, np.nan], index=list("abcdefgh"))
    found = classify.classes(series, scheme="fixed", bounds=[70, 160, 320])
    assert found.tolist()[:7] == ["blue", "yellow", "yellow", "orange", "red", "red", "blue"]
    assert pd.isna(found["h"]) and found.index.equals(series.index)
    four = classify.classes(series, scheme="fixed", bounds=[70, 160, 320, 500])
    assert four.equals(found)


def test_levels_of_three_four_five_and_more():
    assert classify.level_codes(4) == FOUR_LEVELS
    for k in (2, 3, 5, 9):
        assert len(set(classify.level_codes(k))) == k
        made = quietly(pd.Series(range(30)), scheme="equal_interval", k=k)
        assert tuple(made.cat.categories) == classify.level_codes(k)
        assert made.nunique() == k


# degenerate inputs: always all levels, NaN never a level

@pytest.mark.parametrize("scheme", RELATIVE)
@pytest.mark.parametrize("values", [
    [5.0] * 7, [5.0], [0.0, 1], [1.0, 1, 2, 2, 3], [1.0, np.nan], [np.nan, np.nan], [],
    [0.0] * 50 + [1.0], [1.0, 2, 3, 4, np.nan],
])
def test_all_levels_always_and_missing_never_one(scheme, values):
    series = pd.Series(values, dtype=float)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = classify.classes(series, scheme=scheme)
    assert tuple(found.cat.categories) == FOUR_LEVELS and found.cat.ordered
    assert found.isna().equals(series.isna())
    empty = set(FOUR_LEVELS) - set(found.dropna())
    assert bool(empty) == bool(caught)
    if empty:
        message = str(caught[0].message)
        assert all(code in message for code in empty) and "(" in message


@pytest.mark.parametrize("scheme", RELATIVE)
def test_a_constant_column_is_the_lowest_level(scheme):
    assert set(quietly(pd.Series([3.0] * 5), scheme=scheme)) == {"blue"}


@pytest.mark.parametrize("scheme", [*RELATIVE, "fixed"])
def test_infinite_values_raise(scheme):
    bounds = [1, 2, 3] if scheme == "fixed" else None
    with pytest.raises(ConfigError, match="infinite"):
        classify.classes(pd.Series([1.0, np.inf]), scheme=scheme, bounds=bounds)


@pytest.mark.parametrize("arguments", [
    {"scheme": "jenks"}, {"k": 1}, {"scheme": "fixed"}, {"scheme": "fixed", "bounds": [3, 2, 1]},
    {"scheme": "fixed", "bounds": [1, 2]}, {"scheme": "fixed", "bounds": [1, np.nan, 2]},
    {"scheme": "quantile", "bounds": [1, 2, 3]},
])
def test_bad_arguments_raise(arguments):
    with pytest.raises(ConfigError):
        classify.classes(pd.Series([1.0, 2, 3, 4, 5]), **arguments)


def test_text_raises_and_masked_integers_work():
    with pytest.raises(ConfigError, match="only numbers"):
        classify.classes(pd.Series(["a", "b"]))
    found = quietly(pd.Series([1, 2, None], dtype="Int64"), scheme="equal_interval")
    assert found.isna().tolist() == [False, False, True]


# properties

@given(numbers, st.sampled_from(RELATIVE))
def test_a_larger_value_never_has_a_lower_level(values, scheme):
    series = pd.Series(values)
    code = quietly(series, scheme=scheme).cat.codes
    assert (np.diff(code[series.sort_values().index]) >= 0).all()


@given(numbers, st.sampled_from(RELATIVE), st.randoms())
def test_levels_do_not_depend_on_the_order_of_units(values, scheme, random):
    series = pd.Series(values)
    other = list(series.index)
    random.shuffle(other)
    assert quietly(series[other], scheme=scheme).sort_index().equals(quietly(series, scheme=scheme))


@given(few, st.sampled_from(RELATIVE))
def test_levels_do_not_depend_on_the_unit(values, scheme):
    series = pd.Series(values, dtype=float)
    # Powers of two scale exactly.
    assert quietly(series * 8, scheme=scheme).equals(quietly(series, scheme=scheme))


@given(numbers, st.sampled_from(RELATIVE))
def test_frozen_bounds_repeat_the_levels(values, scheme):
    series = pd.Series(values)
    bounds = classify.class_bounds(series, scheme=scheme)
    again = classify.classes(series, scheme="fixed", bounds=bounds)
    assert again.equals(quietly(series, scheme=scheme))


def test_inputs_are_not_changed():
    series = pd.Series([3.0, 1, 2, np.nan])
    before = series.copy()
    quietly(series)
    pd.testing.assert_series_equal(series, before)


# words, frozen text, matrix

def test_bound_words_tell_close_bounds_apart():
    words = classify.bound_words([0.12341, 0.12344, 0.5, np.inf])
    assert list(words) == list(FOUR_LEVELS)
    assert words["yellow"] == "(0.12341, 0.12344]" and words["red"] == "> 0.5"
    assert classify.bound_words([1, 1, 2, 3])["yellow"] == "(1, 1]"


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=6), st.text(max_size=12))
def test_frozen_bounds_round_trip(bounds, word):
    frozen = classify.FrozenBounds(word, "人/km2", "quantile", tuple(sorted(bounds)), "2021")
    again = classify.parse_bounds(classify.bounds_to_text(frozen))
    assert again == frozen and again.relative


def test_open_top_survives_freezing():
    bounds = classify.class_bounds(pd.Series([1.0]), scheme="fixed", bounds=[70, 160, 320])
    frozen = classify.FrozenBounds("D", "score", "fixed", tuple(bounds))
    again = classify.parse_bounds(classify.bounds_to_text(frozen))
    assert again.upper[-1] == np.inf and not again.relative


@pytest.mark.parametrize("text", [
    "", "upper = 3", "upper = [2, 1]\nindicator=''\nunit=''\nscheme=''", "not toml at all [",
])
def test_damaged_frozen_bounds_raise(text):
    with pytest.raises(ConfigError):
        classify.parse_bounds(text)


def test_risk_matrix_is_the_table_of_the_pack():
    level = pd.Series(pd.Categorical(["blue", "yellow", "orange", "red", None],
                                     categories=FOUR_LEVELS, ordered=True))
    low = pd.Series(pd.Categorical(["red"] * 4 + ["blue"], categories=FOUR_LEVELS, ordered=True))
    assert classify.risk_matrix(level, low).tolist()[:4] == ["yellow", "orange", "red", "red"]
    assert classify.risk_matrix(level, low).isna().tolist() == [False] * 4 + [True]
    assert classify.risk_matrix(level, level).tolist()[:4] == ["blue", "yellow", "orange", "red"]
    with pytest.raises(ConfigError, match="index"):
        classify.risk_matrix(level, low.iloc[:3])
    with pytest.raises(ConfigError, match="does not fit"):
        classify.risk_matrix(level, low, matrix=[["blue"]])
    with pytest.raises(ConfigError, match="not ordered"):
        classify.risk_matrix(pd.Series([1, 2, 3, 4, 5]), low)

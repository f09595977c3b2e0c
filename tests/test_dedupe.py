from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import twins
from hypothesis import given, settings
from hypothesis import strategies as st

from qzrisk.errors import ConfigError, CRSError, SchemaError
from qzrisk.layers.dedupe import apply_decisions, duplicates, kernels
from qzrisk.layers.dedupe.names import parse_names, phone_keys, place

SAMPLE = Path(__file__).parents[1] / "data" / "shelters" / "shelters.gpkg"


def layer(names, *, x=None, crs="EPSG:4549", **columns):
    x = np.arange(len(names)) * 20.0 if x is None else x
    ids = pd.Index([f"s{k}" for k in range(len(names))], name="shelter_id")
    shapes = [None if np.isnan(at) else point for at, point in
              zip(x, gpd.points_from_xy(np.asarray(x, float) + 5e5, [2.7e6] * len(names)),
                  strict=True)]
    return gpd.GeoDataFrame({"name": names, **columns}, index=ids, geometry=shapes, crs=crs)


def found(*args, **options):
    pairs = duplicates(*args, **options)
    return list(zip(pairs["left"], pairs["right"], strict=True))


# names


@pytest.mark.parametrize(("left", "right"), [
    ("仁风社区小学避灾点", "仁风居委会小学自然灾害避灾点"),
    ("仁風社區小學避難所", "仁风社区小学应急避难场所"),
    ("仁风村村部", "仁风行政村村部避灾点"),
    ("某市某区东湖街道仁风社区礼堂避灾点", "仁风社区大礼堂"),
    ("第一中学", "１中学"),
    ("第二十三中学避灾点", "第23中学"),
    ("东湖街道中心小学避灾点", "东湖中心小学"),
    ("仁风社区　小学（避灾点）", "仁风社区小学避灾点"),
    ("Saint José Elementary School Shelter", "saint jose elementary"),
    ("North Marshall Community Center", "NORTHERN MARSHALL Comunity Centre (shelter)"),
])
def test_names_that_say_the_same(left, right):
    names = parse_names(pd.Series([left, right]))
    assert place(names, [0])[0] == place(names, [1])[0] != ""
    assert names.facility[0] & names.facility[1] or names.facility.tolist() == [0, 0]
    assert names.number[0] == names.number[1]
    assert names.contrast[0] == names.contrast[1]


@pytest.mark.parametrize(("left", "right"), [
    ("东升社区小学避灾点", "东升社区村部避灾点"),
    ("仁风第一中学", "仁风第二中学"),
    ("上坂村村部避灾点", "下坂村村部避灾点"),
    ("上坂村村部避灾点", "坂村村部避灾点"),
    ("Elmwood High School", "Elmwood Elementary School"),
    ("North Elmwood Library", "South Elmwood Library"),
    ("PS 12 Elmwood", "PS 21 Elmwood"),
])
def test_names_that_tell_two_places_apart_however_near(left, right):
    assert found(layer([left, right], unit_id=["u", "u"])) == []


def test_parts_of_a_name():
    names = parse_names(pd.Series([
        "样例镇上村村小学避灾点", "Marshall", None, "避灾点", "十里坪村"]))
    assert place(names, range(5)) == ["上村", "marshall", "", "", "10里坪"]
    assert names.facility.astype(bool).tolist() == [True, False, False, False, False]
    assert names.key.astype(bool).tolist() == [True, True, False, False, True]


def test_long_and_odd_names_are_read():
    odd = pd.Series(["坂" * 10_000, "a\x00b", "", "\x00", "😀坂", "\ud800", 7])
    names = parse_names(odd)
    assert [len(text) for text in place(names, range(7))] == [48, 2, 0, 0, 2, 0, 0]


def test_telephones():
    same = ["0595-1234567", "05951234567", "+86 595 1234567", "86-0595-1234567",
            "0595-1234567/13900001111", "０５９５—1234567 转 8"]
    keys = phone_keys(pd.Series([*same, "0595-1234568", "00000000", "110", "", None]))
    assert len(set(keys[:6])) == 1 and keys[0]
    assert keys[6] not in (0, keys[0])
    assert keys[7:].tolist() == [0] * 4


# pairs


def test_score_by_hand():
    # 30 of 300 m: 4 - 0.7 * 0.1 / 0.15; two share the number: 7; 6 + 3.53 + 7 + 1.5 - 6 bits
    frame = layer(["仁风社区避灾点"] * 2, x=[0, 30], phone=["0595-1234567"] * 2,
                  unit_id=["350503001007"] * 2)
    pair = duplicates(frame, language="en").iloc[0]
    total = 6 + 4 - 0.7 * 0.1 / 0.15 + 7 + 1.5 - 6
    assert pair["score"] == round(1 / (1 + 2**-total), 4) == 0.9998
    assert pair["reason"] == ("names alike 1.00 (+6.0); 30 m apart (+3.5); same telephone (+7.0); "
                              "same unit (+1.5); prior (-6.0)")
    assert duplicates(frame)["reason"].item().startswith("名称相似度 1.00（+6.0）；相距 30 米")


def test_similarity_by_hand():
    # 仁风山 / 仁峰山: 2 of 4 bigrams with ends each, one edit of three: (2/4 + 2/3) / 2
    pair = duplicates(layer(["仁风山", "仁峰山"], phone=["0595-1234567"] * 2), threshold=1e-6,
                      language="en").iloc[0]
    assert "names alike 0.58" in pair["reason"]


@pytest.mark.parametrize(("units", "words"), [
    (("350503001007", "350503001008"), "same unit above"), (("350503001007", "350503001"),
     "same unit above"), (("350503001007", "350503002007"), "units differ"),
    (("T1", "T2"), "units differ"), (("T1", "T1"), "same unit"), (("T1", None), ""),
])
def test_units(units, words):
    reason = duplicates(layer(["仁风小学"] * 2, unit_id=list(units)), threshold=1e-6,
                        language="en")["reason"].item()
    assert (words in reason) if words else "unit" not in reason


def test_far_records_meet_by_telephone_or_by_name_and_unit_only():
    names = ["仁风社区小学"] * 2
    assert found(layer(names, x=[0, 900])) == []
    assert found(layer(names, x=[0, 900], phone=["0595-1234567"] * 2)) == [("s0", "s1")]
    missing = layer(names, x=[0, np.nan], phone=["0595-1234567"] * 2, unit_id=["u", "u"])
    assert found(missing) == [("s0", "s1")]


def test_a_telephone_that_many_share_says_less():
    few = duplicates(layer(["仁风小学", "仁风小学"], phone=["0595-1234567"] * 2))
    frame = layer(["仁风小学", "仁风小学", *(f"另{k}处" for k in range(30))],
                  x=[0, 20, *range(10_000, 40_000, 1000)], phone=["0595-1234567"] * 32)
    many = duplicates(frame).set_index(["left", "right"])["score"]
    assert many.index.tolist() == [("s0", "s1")]
    assert many.item() < few["score"].item()


def test_nothing_and_one_record_and_nameless_ones():
    columns = ["left", "right", "score", "reason"]
    for frame in (layer([]), layer(["仁风小学"]), layer([None, None]), layer(["避灾点", ""])):
        pairs = duplicates(frame)
        assert pairs.columns.tolist() == columns
        assert len(pairs) == 0
    assert found(layer([None, "仁风小学"], x=[0, 1], phone=["0595-1234567"] * 2)) == [("s0", "s1")]


def test_bad_arguments():
    frame = layer(["仁风小学", "仁风小学"])
    with pytest.raises(CRSError):
        duplicates(frame.to_crs("EPSG:4490"))
    with pytest.raises(CRSError):
        duplicates(frame.set_crs(None, allow_override=True))
    with pytest.raises(SchemaError, match="name"):
        duplicates(frame.drop(columns="name"))
    with pytest.raises(SchemaError, match="occurs twice"):
        duplicates(frame.set_index(pd.Index(["a", "a"])))
    for bad in (0, -1, np.nan, np.inf):
        with pytest.raises(ConfigError):
            duplicates(frame, max_distance_m=bad)
    for bad in (0, 1, 2, np.nan):
        with pytest.raises(ConfigError):
            duplicates(frame, threshold=bad)


WORDS = ("仁风", "东湖", "上", "下", "村", "社区", "小学", "礼堂", "避灾点", "1", "第二", "Elm ",
         "school ", "north ")
RECORD = st.tuples(st.lists(st.sampled_from(WORDS), max_size=5).map("".join),
                   st.integers(0, 12), st.sampled_from(["0595-1234567", "0595-7654321", None]),
                   st.sampled_from(["350503001007", "350503001008", "350503002001", None]))


def world(records):
    names, x, phones, units = (list(part) for part in zip(*records, strict=True))
    return layer(names, x=np.array(x) * 60.0, phone=phones, unit_id=units)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(RECORD, min_size=2, max_size=14), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_and_input_stays(records, random):
    frame = world(records)
    before = frame.copy()
    pairs = duplicates(frame, threshold=0.2)
    pd.testing.assert_frame_equal(frame, before)
    order = list(range(len(frame)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(duplicates(frame.iloc[order], threshold=0.2), pairs)
    assert (pairs["left"] < pairs["right"]).all()
    assert not pairs.duplicated(["left", "right"]).any()
    assert pairs["score"].between(0.2 - 1e-4, 1).all()
    assert (pairs["score"].diff().dropna() <= 0).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(RECORD, min_size=2, max_size=14))
def test_blocking_loses_no_near_pair(records):
    frame = world(records)
    pairs = set(found(frame, threshold=0.2))
    for i in range(len(frame)):
        for j in range(i + 1, len(frame)):
            two = frame.iloc[[i, j]]
            if two["phone"].nunique() == 2:  # how many share a number changes its weight
                alone = found(two, threshold=0.2)
                assert set(alone) == pairs & {tuple(sorted(two.index))}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(RECORD, min_size=2, max_size=14))
def test_screens_lose_no_pair(records):
    everything = duplicates(world(records), threshold=1e-12)
    pairs = duplicates(world(records), threshold=0.6)
    kept = everything[everything["score"] >= 0.6 - 1e-4]
    near = (kept["score"] - 0.6).abs() < 1e-4  # the score is rounded, the screen is not
    assert set(zip(kept["left"][~near], kept["right"][~near], strict=True)) <= set(
        zip(pairs["left"], pairs["right"], strict=True))


def test_a_crowd_on_one_spot_ends_soon_and_finds_like_names():
    n = kernels.CROWD + 1000
    names = [f"{chr(0x4E00 + k % 3000 + 300)}{chr(0x5E00 + k % 2999)}坂避灾点" for k in range(n)]
    names[17] = names[2900]
    pairs = duplicates(layer(names, x=np.zeros(n)))
    assert ("s17", "s2900") in set(zip(pairs["left"], pairs["right"], strict=True))
    same = duplicates(layer(["仁风小学"] * n, x=np.zeros(n)))
    assert len(same) <= n * kernels.WINDOW
    assert set(same["left"]) | set(same["right"]) == {f"s{k}" for k in range(n)}


@pytest.fixture(scope="module")
def sample():
    return gpd.read_file(SAMPLE).set_index("shelter_id").to_crs("EPSG:4549")


def test_sample_has_no_duplicates_of_its_own(sample):
    assert len(duplicates(sample)) <= 3


@pytest.mark.parametrize("seed", [31, 32])
def test_seeded_duplicates_of_the_sample(sample, seed):
    both, truth = twins.with_twins(sample, 0.15, twins.CHINESE, seed)
    precision, recall = twins.quality(duplicates(both), truth)
    assert precision >= 0.98
    assert recall >= 0.97


@pytest.mark.parametrize("drop", [[], ["phone"], ["phone", "unit_id"]])
def test_seeded_duplicates_of_a_foreign_city(drop):
    both, truth = twins.with_twins(twins.foreign_city(3000, 33), 0.15, twins.ENGLISH, 34)
    precision, recall = twins.quality(duplicates(both.drop(columns=drop)), truth)
    assert precision >= 0.95
    assert recall >= 0.92


# decisions


FOUR = layer(["仁风小学"] * 4, x=[0, 10, 20, 30])


def decide(*rows):
    return pd.DataFrame(rows, columns=["left", "right", "decision"])


def applied(*rows, frame=FOUR, **options):
    pairs = duplicates(frame)
    kept, quarantine, issues = apply_decisions(frame, pairs, decide(*rows), **options)
    assert len(kept) + len(quarantine) == len(frame)
    assert sorted([*kept.index, *quarantine["shelter_id"]]) == sorted(frame.index)
    return kept, quarantine, issues


def test_nothing_is_merged_without_a_decision():
    for decisions in (None, decide()):
        kept, quarantine, issues = apply_decisions(FOUR, duplicates(FOUR), decisions,
                                                   layer="shelters", language="en")
        assert kept.equals(FOUR)
        assert len(quarantine) == 0
        assert len(issues) == 6
        assert set(issues["rule"]) == {"duplicate_suspect"}
        assert set(issues["severity"]) == {"warning"}
        first = issues.iloc[0]
        assert (first["layer"], first["record_id"], first["value"]) == ("shelters", "s1", "s0")
        assert first["message"].startswith("may be the same object as s0: 0.9")
        assert first["geometry"] == FOUR.geometry["s1"]


def test_merge_quarantines_the_right_row_and_says_why():
    frame = FOUR.iloc[:2]
    decisions = decide(("s1", "s0", "merge")).assign(reason="one telephone")
    kept, quarantine, issues = apply_decisions(frame, duplicates(frame), decisions, language="en",
                                               source="all.csv")
    assert kept.index.tolist() == ["s1"]
    assert quarantine[["shelter_id", "name", "_row", "_source", "_rules"]].to_numpy().tolist() == [
        ["s0", "仁风小学", 0, "all.csv", "merged_duplicate"]]
    assert issues[["rule", "severity", "record_id", "value"]].to_numpy().tolist() == [
        ["merged_duplicate", "note", "s0", "s1"]]
    assert "one telephone" in issues["message"].item()


def test_keep_settles_a_pair():
    _, quarantine, issues = applied(("s1", "s0", "keep"), frame=FOUR.iloc[:2])
    assert len(quarantine) == len(issues) == 0


def test_chains_are_followed_and_open_pairs_of_those_who_stay_are_told():
    kept, quarantine, issues = applied(("s0", "s1", "merge"), ("s1", "s2", "merge"))
    assert kept.index.tolist() == ["s0", "s3"]
    assert quarantine["shelter_id"].tolist() == ["s1", "s2"]
    merged = issues[issues["rule"] == "merged_duplicate"]
    assert merged.set_index("record_id")["value"].to_dict() == {"s1": "s0", "s2": "s0"}
    open_ = issues[issues["rule"] == "duplicate_suspect"]
    assert open_[["value", "record_id"]].to_numpy().tolist() == [["s0", "s3"]]


@pytest.mark.parametrize(("rows", "words"), [
    ([("s0", "s1", "join")], "unknown decision"),
    ([("s0", "s1", "merge"), ("s0", "s1", "keep")], "two ways"),
    ([("s0", "s1", "merge"), ("s1", "s0", "merge")], "two ways"),
    ([("s0", "s0", "merge")], "against itself"),
    ([("s0", "s2", "merge"), ("s1", "s2", "merge")], "both stay"),
    ([("s0", "s1", "merge"), ("s1", "s2", "merge"), ("s2", "s0", "merge")], "circle"),
    ([("s0", "s1", "merge"), ("s1", "s2", "merge"), ("s0", "s2", "keep")], "kept apart"),
])
def test_conflicts_raise(rows, words):
    with pytest.raises(ConfigError, match=words):
        applied(*rows)


def test_agreeing_repeats_are_no_conflict():
    kept, _, _ = applied(("s0", "s1", "merge"), ("s0", "s1", "merge"), ("s2", "s3", "keep"),
                         ("s3", "s2", "keep"), ("s0", "s2", "merge"), ("s1", "s2", "merge"))
    assert kept.index.tolist() == ["s0", "s3"]


def test_a_decision_on_an_unknown_record_is_a_finding_and_loses_nothing():
    kept, quarantine, issues = applied(("gone", "s1", "merge"), ("s0", "lost", "keep"))
    assert len(kept) == 4
    assert len(quarantine) == 0
    stale = issues[issues["rule"] == "decision_without_record"]
    assert stale["value"].tolist() == ["gone"]


def test_no_pairs_at_all():
    kept, quarantine, issues = apply_decisions(FOUR, duplicates(FOUR.iloc[:1]))
    assert (len(kept), len(quarantine), len(issues)) == (4, 0, 0)


def test_columns_are_asked_for():
    with pytest.raises(SchemaError, match="decision"):
        apply_decisions(FOUR, duplicates(FOUR), pd.DataFrame({"left": ["s0"], "right": ["s1"]}))
    with pytest.raises(SchemaError, match="pairs"):
        apply_decisions(FOUR, pd.DataFrame({"left": []}))

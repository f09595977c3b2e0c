"""Degrees in every spelling, pairs, swapped columns, projected metres, as counties write them."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qzrisk.errors import CRSError
from qzrisk.layers.coordinates import EMPTY_WORDS, RULES, locate, parse_degrees, split_pairs
from qzrisk.layers.findings import findings

CITY = (117.4, 24.2, 119.3, 26.1)
DMS = 118 + 40 / 60 + 32.5 / 3600

SPELLINGS = {
    "decimal": [
        (118.6757, [118.6757, "118.6757", " 118.6757 ", "E118.6757", "118.6757E", "118,6757",
                    "118.6757°", "118.6757°E", "东经118.6757", "东经：118.6757度",
                    "１１８．６７５７", "经度118.6757", "lon=118.6757", "Longitude: 118.6757",
                    "+118.6757", "1.186757E+02", "118°.6757"]),
        (-70.5, [-70.5, "-70.5", "－７０．５", "−70.5", "W70.5", "70.5°W", "西经70.5",
                 "西經70.5"]),
        (-33.0, ["南纬33", "33S", "s33°", "-33"]),
        (24.9, ["北纬24.9", "N24.9", "纬度24.9"]),
        (0.0, [0, "0", "0.0", "0°"])],
    "dm": [
        (118 + 40.54 / 60, ["118°40.54′", "118 40.54", "118:40.54", "118度40.54分",
                            "118°40′.54", "E118°40.54'", "118°40,54′"]),
        (-(33 + 27 / 60), ["南纬33°27′", "S33 27", "33°27'S", "-33°27'"])],
    "dms": [(DMS, ["118°40′32.5″E", "118度40分32.5秒", "东经118°40'32.5\"", "118 40 32.5",
                   "118:40:32.5", "118：40：32．5", "118-40-32.5", "118.40.32.5", "118.40.32.5E",
                   "118º40ʹ32.5ʺ", "118°40’32.5”", "118°40'32.5''", "118°40′32″.5", "118°40'32,5\"",
                   "118 ° 40 ′ 32.5 ″ E", "東經118度40分32.5秒", "e118°40′32.5″", "118°40′ 32.5″",
                   "１１８°４０′３２．５″", "东经：118°40′32.5″", "118˚40´32.5\"", "118,40,32.5"])],
    "": [(np.nan, ["", " ", "无", "暂缺", "/", "-", "—", None, np.nan, pd.NA, "NaN", "null"])],
    "unreadable": [(np.nan, ["abc", "118°60′", "118°40′60″", "118°40′75.2″", "200", "-181", "N95",
                             "E118W", "-70W", "118:", "118。67", "118.5°40′", "118°40.5′32″", "°",
                             "118°40′32″5″", "inf", "泉州", "118°-40′", "1184032", "100度以上"])],
}


@pytest.mark.parametrize(("kind", "value", "text"), [
    (kind, value, text) for kind, rows in SPELLINGS.items() for value, texts in rows
    for text in texts])
def test_every_spelling(kind, value, text):
    degrees, kinds, bad = parse_degrees([text])
    assert kinds[0] == kind and bad[0] == (kind == "unreadable")
    assert degrees[0] == pytest.approx(value, abs=1e-12, nan_ok=True)


def test_mixed_styles_in_one_column_keep_their_rows():
    texts = [text for rows in SPELLINGS.values() for _, texts in rows for text in texts]
    column = pd.Series(texts, dtype=object, index=range(7, 7 + len(texts)))
    degrees, kinds, bad = parse_degrees(column)
    alone = [parse_degrees([text]) for text in texts]
    assert np.array_equal(degrees, [d[0] for d, *_ in alone], equal_nan=True)
    assert kinds.tolist() == [k[0] for _, k, _ in alone]
    assert bad.tolist() == [b[0] for *_, b in alone]
    order = np.random.default_rng(1).permutation(len(texts))
    assert np.array_equal(parse_degrees([texts[i] for i in order])[0], degrees[order],
                          equal_nan=True)


def test_types_of_columns():
    assert parse_degrees(pd.Series([118.5, np.nan]))[0].tolist()[:1] == [118.5]
    assert parse_degrees(pd.Series(["118.5", None], dtype="str"))[1].tolist() == ["decimal", ""]
    assert parse_degrees(np.array([118, 24]))[0].tolist() == [118.0, 24.0]
    odd = [True, [118.5], dt.date(2021, 1, 1), pd.Timestamp("2021-01-01"), {"a": 1}, b"118"]
    assert parse_degrees(odd)[2].all()
    degrees, kinds, bad = parse_degrees([])
    assert len(degrees) == len(kinds) == len(bad) == 0
    assert all(parse_degrees([word])[1][0] == "" for word in EMPTY_WORDS)


def test_packed_numbers_need_the_flag():
    packed = [1184032, "1184032", "1184032.5", 245210.0, "0245210"]
    expected = [118 + 40 / 60 + 32 / 3600, 118 + 40 / 60 + 32 / 3600, DMS,
                24 + 52 / 60 + 10 / 3600, 24 + 52 / 60 + 10 / 3600]
    degrees, kinds, bad = parse_degrees(packed, packed=True)
    assert degrees == pytest.approx(expected, abs=1e-12)
    assert set(kinds) == {"packed"} and not bad.any()
    assert parse_degrees(packed)[2].all()
    assert parse_degrees([1187532, 1184075], packed=True)[2].all()
    assert parse_degrees([118.5, "118°30′"], packed=True)[0].tolist() == [118.5, 118.5]


STYLES = ["{d}°{m}′{s}″", "{d}度{m}分{s}秒", "{d} {m} {s}", "{d}:{m}:{s}", "{d}-{m}-{s}",
          "{d}°{m}'{s}\"", "{d}° {m}' {s}''", "{d}º{m}´{s}″"]
LETTERS = [("", "", 1), ("E", "", 1), ("", "E", 1), ("东经", "", 1), ("W", "", -1),
           ("西经", "", -1), ("", "W", -1), ("东经：", "", 1)]
WIDE = str.maketrans("0123456789.:-", "０１２３４５６７８９．：－")


@given(st.integers(0, 179), st.integers(0, 59), st.integers(0, 59_999), st.sampled_from(STYLES),
       st.sampled_from(LETTERS), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=300)
def test_what_is_written_is_read_back(d, m, thousandths, style, letters, wide):
    before, after, sign = letters
    text = before + style.format(d=d, m=f"{m:02d}", s=f"{thousandths / 1000:06.3f}") + after
    degrees, kinds, bad = parse_degrees([text.translate(WIDE) if wide else text])
    assert kinds[0] == "dms" and not bad[0]
    assert degrees[0] == pytest.approx(sign * (d + m / 60 + thousandths / 3_600_000), abs=1e-12)


@given(st.floats(-180, 180, allow_subnormal=False), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=150)
def test_decimals_are_read_back_exactly(value, comma):
    text = f"{value:.9f}"
    assert parse_degrees([text.replace(".", ",") if comma else text])[0][0] == float(text)


@given(st.text(max_size=20))
@settings(deadline=None, derandomize=True, max_examples=300)
def test_any_text_gives_a_number_or_a_mark(text):
    degrees, kinds, bad = parse_degrees([text])
    assert np.isfinite(degrees[0]) != (bad[0] or kinds[0] == "")
    found = locate([text])
    reasons = [rule for rule, severity in RULES.items() if severity == "error"]
    assert np.isfinite(found.lon[0]) != any(found.rules[rule][0] for rule in reasons)


# ---- pairs

PAIRS = ["118.67,24.87", "118.67，24.87", "118.67、24.87", "118.67/24.87", "118.67 24.87",
         "118.67;24.87", "（118.67，24.87）", "[118.67, 24.87]", "POINT(118.67 24.87)",
         "POINT Z (118.67 24.87 12)", "SRID=4326;POINT (118.67 24.87)", "118.67,24.87,12.0",
         '{"type": "Point", "coordinates": [118.67, 24.87]}', "118,67;24,87", "118,67, 24,87",
         "E118.67 N24.87", "118.67E,24.87N", "N24.87 E118.67", "E118.67N24.87",
         "lon:118.67,lat:24.87", "lat 24.87 lon 118.67", "24.87,118.67",
         "东经118°40′12″，北纬24°52′12″",
         "118°40′12″E24°52′12″N", "118 40 12 24 52 12",
         "北纬24度52分12秒 东经118度40分12秒"]


@pytest.mark.parametrize("text", PAIRS)
def test_one_column_of_pairs(text):
    found = locate([text], bounds=CITY)
    assert (found.lon[0], found.lat[0]) == pytest.approx((118.67, 24.87), abs=1e-9)
    first = split_pairs([text])[0][0]
    assert found.rules["coordinate_swapped"][0] == ("24" in first)


def test_half_pairs_and_no_pairs():
    found = locate(["118.67", "无", None, "118.67,abc", "118.67;"])
    assert found.rules["coordinate_half"].tolist() == [True, False, False, False, True]
    assert found.rules["coordinate_missing"].tolist() == [False, True, True, False, False]
    assert found.rules["coordinate_unreadable"].tolist() == [False, False, False, True, False]
    assert np.isnan(found.lon).all() and np.isnan(found.lat).all()


# ---- two columns


def test_every_rule_marks_its_rows_and_no_others():
    rows = [("118.67", "24.87"), ("24.87", "118.67"), (0, "0"), ("", ""), ("118.67", ""),
            ("inf", "24.87"), ("118°40′", "24.87"), ("abc", "24.87"), ("121.5", "31.2"),
            ("东经118.67", "东经118.68"), (95, 200), ("348441.28", "24.9")]
    found = locate(*zip(*rows, strict=True), bounds=CITY)
    marks = {rule: np.flatnonzero(mask).tolist() for rule, mask in found.rules.items()}
    assert marks == {
        "coordinate_missing": [3], "coordinate_half": [4], "coordinate_unreadable": [7, 9, 10, 11],
        "coordinate_infinite": [5], "coordinate_zero": [2], "coordinate_crs_unknown": [],
        "coordinate_outside": [8], "coordinate_swapped": [1], "coordinate_projected": [],
        "coordinate_sexagesimal": [6]}
    assert list(marks) == list(RULES)
    placed = np.isfinite(found.lon)
    assert np.flatnonzero(placed).tolist() == [0, 1, 6, 8]
    assert np.array_equal(placed, np.isfinite(found.lat))
    assert found.kinds[6] == "dm"


def test_swapped_by_letters_by_latitude_and_by_bounds():
    x, y = ["24.87N", "24.87", "24.87", "118.67E", "50.0"], ["118.67E", "118.67", "48.0", "N24.87",
                                                          "60.0"]
    found = locate(x, y)
    assert found.rules["coordinate_swapped"].tolist() == [True, True, False, False, False]
    # Both orders possible: only the project can tell; what letters say is not overruled.
    found = locate(["48.0", "48.0E"], ["60.0", "60.0N"], bounds=(55, 40, 65, 50))
    assert found.rules["coordinate_swapped"].tolist() == [True, False]
    assert found.rules["coordinate_outside"].tolist() == [False, True]


@pytest.mark.parametrize("code", [4549, 4548, 4528, 4527, 3857])
@pytest.mark.parametrize("swapped", [False, True])
def test_projected_columns(code, swapped):
    lon, lat = np.array([118.52, 118.7, 118.3]), np.array([24.85, 25.1, 24.7])
    metres = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=4490).to_crs(code)
    x, y = ([f"{value:,.3f}" for value in part] for part in (metres.x, metres.y))
    found = locate(*((y, x) if swapped else (x, y)), bounds=CITY)
    assert found.candidates[0].crs == f"EPSG:{code}"
    assert np.abs(found.lon - lon).max() < 2e-8 and np.abs(found.lat - lat).max() < 2e-8
    assert found.rules["coordinate_projected"].all() and set(found.kinds) == {"projected"}
    assert found.rules["coordinate_swapped"].all() == swapped


def test_an_open_meridian_is_asked_for_not_guessed():
    x, y = ["348441.28", "118.6"], ["2755812.38", "24.9"]
    found = locate(x, y)
    assert found.rules["coordinate_crs_unknown"].tolist() == [True, False]
    assert np.isnan(found.lon[0]) and found.lon[1] == 118.6 and len(found.candidates) > 3
    # domain figures: 118.5 E 24.9 N in zone CM 120 E, and 651,558.72 in CM 117 E
    found = locate(x, y, source_crs="EPSG:4549")
    assert (found.lon[0], found.lat[0]) == pytest.approx((118.5, 24.9), abs=2e-7)
    found = locate(["651558.72"], ["2755812.38"], bounds=CITY)
    assert (found.lon[0], found.lat[0]) == pytest.approx((118.5, 24.9), abs=2e-7)
    # Degrees stated, metres met: the statement does not help, the project does.
    assert locate(x, y, bounds=CITY, source_crs="EPSG:4490").candidates[0].crs == "EPSG:4549"
    assert locate(x, y, source_crs="EPSG:4490").rules["coordinate_crs_unknown"][0]


def test_stated_crs_in_the_other_order_and_old_datums():
    found = locate([2755812.38], [348441.28], source_crs="EPSG:4549", bounds=CITY)
    assert found.rules["coordinate_swapped"][0]
    assert (found.lon[0], found.lat[0]) == pytest.approx((118.5, 24.9), abs=2e-7)
    with pytest.raises(CRSError, match="Beijing 1954"):
        locate([348441.28], [2755812.38], source_crs="EPSG:2437")


def test_packed_and_order_and_inputs():
    found = locate([1184032, 118.5], [245210, 24.9], packed=True)
    assert found.lon[0] == pytest.approx(118 + 40 / 60 + 32 / 3600)
    assert found.kinds.tolist() == ["packed", "decimal"]
    texts = pd.Series(PAIRS, dtype=object)
    order = np.random.default_rng(0).permutation(len(PAIRS))
    before = texts.copy()
    straight, mixed = locate(texts, bounds=CITY), locate(texts[order], bounds=CITY)
    assert texts.equals(before)
    assert np.array_equal(straight.lon[order], mixed.lon)
    for rule, mask in straight.rules.items():
        assert np.array_equal(mask[order], mixed.rules[rule])
    assert len(locate([], []).lon) == 0


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_rule_has_its_words(language):
    for rule, severity in RULES.items():
        row = findings(rule, severity, layer="shelters", language=language, rows=[1],
                       values=["118.67"]).iloc[0]
        assert row["message"] and row["suggestion"]


def test_an_array_of_numbers_is_read_as_its_cells_are():
    numbers = np.array([118.5, -24.25, np.nan, 200.0, np.inf, 1185030.0])
    for packed in (False, True):
        arrays = parse_degrees(numbers, packed=packed)
        cells = parse_degrees(numbers.tolist(), packed=packed)
        for one, other in zip(arrays, cells, strict=True):
            np.testing.assert_array_equal(one, other)
    assert np.isinf(numbers[4])  # the caller's array is not written to

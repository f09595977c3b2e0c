import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.layers import values as v
from qzrisk.layers.schema import Column, schema
from qzrisk.layers.values.words import read_phone
from qzrisk.text import table

NOTE = ("number_read",)
ABOUT = ("approximate", "number_read")


def one(read, cell, **options):
    """Value and sorted rules of one cell."""
    values, masks = read(pd.Series([cell], dtype=object), **options)
    assert all(mask.tolist() == [True] for mask in masks.values())
    return values.iloc[0], tuple(sorted(masks))


@pytest.mark.parametrize("cell, value, rules", [
    (12, 12, ()), (1.5, 1.5, ()), ("12", 12, ()), (" 12 ", 12, ()), ("1,200", 1200, ()),
    ("-3.5", -3.5, ()), ("1e3", 1000, ()), ("12,345,678.5", 12345678.5, ()),
    ("１，２００", 1200, NOTE), ("３００人", 300, NOTE), ("负五", -5, NOTE), ("−5", -5, NOTE),
    ("一百二十", 120, NOTE), ("两千五百", 2500, NOTE), ("廿", 20, NOTE), ("廿三人", 23, NOTE),
    ("〇", 0, NOTE), ("十", 10, NOTE), ("十五", 15, NOTE), ("三百零五", 305, NOTE),
    ("三百五", 350, NOTE), ("一万二", 12000, NOTE), ("壹佰贰拾", 120, NOTE), ("三点五", 3.5, NOTE),
    ("二〇二一", 2021, NOTE), ("一千万", 10_000_000, NOTE), ("三亿零五万", 300_050_000, NOTE),
    ("3千", 3000, NOTE), ("1.2万", 12000, NOTE), ("1.13万", 11300, NOTE), ("3亿", 3e8, NOTE),
    ("1万2千", 12000, NOTE), ("约300人", 300, ABOUT), ("近百", 100, ABOUT), ("300余", 300, ABOUT),
    ("300多人", 300, ABOUT), ("百余人", 100, ABOUT), ("两百来人", 200, ABOUT),
    ("300人左右", 300, ABOUT), ("约1.2万人", 12000, ABOUT), ("50张", 50, NOTE),
    ("（300）", -300, ("bracketed",)), ("300（含临时）", 300, ("remark",)),
    ("室内137人/室外547人", 684, ("composite",)), ("室内:137、室外:547", 684, ("composite",)),
    ("男12女13", 25, ("composite",)),
])
def test_numbers_are_read(cell, value, rules):
    assert one(v.numbers, cell, unit="persons") == (pytest.approx(value, abs=1e-9), rules)


@pytest.mark.parametrize("cell, rules", [
    ("250-500", ("number_range",)), ("300～400人", ("number_range",)), (">500", ("number_range",)),
    ("≥500人", ("number_range",)), ("500以上", ("number_range",)), ("不足100", ("number_range",)),
    ("三百至五百", ("number_range",)), ("300+", ("number_range",)), ("大于500", ("number_range",)),
    ("1万-2万", ("number_range",)), ("无", ("empty_word",)), ("/", ("empty_word",)),
    ("——", ("empty_word",)), ("N/A", ("empty_word",)), ("待定", ("empty_word",)),
    ("NULL", ("empty_word",)), ("暂缺", ("empty_word",)), ("many", ("number",)),
    ("几百", ("number",)), ("十几", ("number",)), ("1,2345", ("number",)), ("12 30", ("number",)),
    ("1_000", ("number",)), ("0x1F", ("number",)), ("inf", ("number",)), ("1e999", ("number",)),
    (math.inf, ("number",)), (True, ("number",)), ("三百二百", ("number",)), ("2亩", ("unit",)),
    ("85%", ("unit",)), (dt.datetime(2021, 3, 5), ("number_is_date",)),
    ("室内100人/地下室20人", ("number",)), ("2021年3月", ("number",)), (None, ()),
    ("", ()), ("　", ()),
])
def test_what_is_no_single_number_is_missing_and_told(cell, rules):
    value, found = one(v.numbers, cell, unit="persons")
    assert math.isnan(value)
    assert found == rules


@pytest.mark.parametrize("cell, unit, value", [
    ("2亩", "m2", 4000 / 3), ("1.5公顷", "m2", 15_000), ("500㎡", "m2", 500), ("500m2", "m2", 500),
    ("3万平方米", "m2", 30_000), ("0.5平方公里", "m2", 500_000), ("3万元", "yuan", 30_000),
    ("1.2亿元", "yuan", 1.2e8), ("3公里", "m", 3000), ("60km/h", "km/h", 60), ("7度", "", 7),
    ("85%", "", 0.85), ("85%", "%", 85), ("1.5小时", "min", 90), ("0.15g", "g", 0.15),
])
def test_units_are_converted_to_the_column(cell, unit, value):
    assert one(v.numbers, cell, unit=unit)[0] == pytest.approx(value)


def chinese(n):
    """Write 0..99,999,999 in Chinese numerals: an independent writer."""
    if n >= 10_000:
        head, tail = divmod(n, 10_000)
        gap = "零" if tail and tail < 1000 else ""
        return chinese(head) + "万" + gap + (chinese(tail) if tail else "")
    if n == 0:
        return "零"
    out, zero = "", False
    for power, step in ((3, "千"), (2, "百"), (1, "十"), (0, "")):
        digit = n // 10**power % 10
        if digit:
            out += ("零" if zero and out else "") + "零一二三四五六七八九"[digit] + step
            zero = False
        else:
            zero = True
    return out


@given(st.integers(0, 99_999_999))
def test_chinese_numerals_round_trip(n):
    assert int(v.chinese(chinese(n))) == n


@given(st.integers(-10**12, 10**12), st.integers(0, 3))
def test_every_spelling_of_a_number_reads_the_same(n, decimals):
    number = n / 10**decimals
    plain = f"{number:.{decimals}f}"
    wide = plain.translate({ord(c): chr(ord(c) + 0xFEE0) for c in "0123456789.-"})
    for cell in (plain, f"{number:,.{decimals}f}", wide, f" {plain}人", f"约{plain}"):
        assert one(v.numbers, cell, unit="persons")[0] == float(plain)


@given(st.lists(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.booleans(),
                          st.none(), st.dates(),
                          st.text("0123456789一二十百千万亿约余人-/.,年月日e%()",
                                                         max_size=10)), max_size=12))
def test_nothing_escapes_and_every_missing_value_has_a_reason(cells):
    raw = pd.Series(cells, dtype=object)
    for read in (v.numbers, v.dates, v.booleans, v.codes, v.phones, v.texts, v.years):
        before = raw.copy(deep=True)
        values, masks = read(raw)
        pd.testing.assert_series_equal(raw, before)
        assert values.index.equals(raw.index)
        told = np.logical_or.reduce([*masks.values(), v.blank(raw)])
        missing = values.isna().to_numpy()
        assert (told | ~missing).all(), read
        assert set(masks) <= set(v.SEVERITIES)
        if values.dtype == float:
            assert not np.isinf(values).any()


@given(st.permutations(["1", "约2人", "三", "250-500", "无", 4.0, None]))
def test_order_does_not_matter(cells):
    expected = {"1": 1, "约2人": 2, "三": 3, 4.0: 4}
    values, masks = v.numbers(pd.Series(cells, dtype=object), unit="persons")
    for cell, value in zip(cells, values, strict=True):
        assert value == expected[cell] if cell in expected else math.isnan(value)
    assert masks["number_range"].tolist() == [cell == "250-500" for cell in cells]


def test_parts_of_a_capacity():
    split = v.split_parts(pd.Series(["室内137人/室外547人", "300", None], index=list("abc")))
    assert split.loc["a"].to_dict() == {"室内": 137, "室外": 547}
    assert split.loc[["b", "c"]].isna().all(axis=None)


@pytest.mark.parametrize("cell, day, rules", [
    ("2021-03-05", "2021-03-05", ()), ("2021.3.5", "2021-03-05", ()),
    ("2021/3/5", "2021-03-05", ()), ("2021年3月5日", "2021-03-05", ()),
    ("2021 年 3 月 5 日", "2021-03-05", ()), ("２０２１年３月５日", "2021-03-05", ()),
    ("2021年3月5日（星期五）", "2021-03-05", ()), ("2021-3-5 8:30", "2021-03-05", ()),
    ("二〇二一年三月五日", "2021-03-05", ()), ("二○二一年十二月三十一日", "2021-12-31", ()),
    ("20210305", "2021-03-05", ()), (20210305.0, "2021-03-05", ()),
    ("25/3/2021", "2021-03-25", ()), ("5 Mar 2021", "2021-03-05", ()),
    (dt.date(2021, 3, 5), "2021-03-05", ()), (dt.datetime(2021, 3, 5, 9), "2021-03-05", ()),
    ("2021/03", "2021-03-01", ("date_partial",)),
    ("二〇二一年三月", "2021-03-01", ("date_partial",)),
    ("2021年", "2021-01-01", ("date_partial",)), (44260, "2021-03-05", ("date_serial",)),
    ("44260", "2021-03-05", ("date_serial",)), (44260.75, "2021-03-05", ("date_serial",)),
    ("2021-03-05T16:00:00Z", "2021-03-06", ("date_zone",)),
    ("3/5/2021", None, ("date_ambiguous",)), ("2021-02-30", None, ("date",)),
    ("民国110年", None, ("date",)), ("21.3.5", None, ("date",)), ("2021年底", None, ("date",)),
    ("2021-03~2021-05", None, ("date",)), (dt.time(8), None, ("date",)), (3.0, None, ("date",)),
    ("无", None, ("empty_word",)), (None, None, ()),
])
def test_dates(cell, day, rules):
    value, found = one(v.dates, cell)
    assert (None if pd.isna(value) else str(value.date())) == day
    assert found == rules


def test_serial_numbers_count_from_the_workbooks_own_day():
    assert str(one(v.dates, 42798, date_system=1904)[0].date()) == "2021-03-05"
    # Excel's own table: 1 January 2000 is 36526 in one system and 35064 in the other.
    assert str(one(v.dates, 36526)[0].date()) == "2000-01-01"
    assert str(one(v.dates, 35064, date_system=1904)[0].date()) == "2000-01-01"


@given(st.dates(dt.date(1800, 1, 1), dt.date(2100, 12, 31)))
def test_every_spelling_of_a_day_reads_the_same(day):
    y, m, d = day.year, day.month, day.day
    positional = "".join("〇一二三四五六七八九"[int(c)] for c in str(y))
    for cell in (day.isoformat(), f"{y}.{m}.{d}", f"{y}/{m}/{d}", f"{y}年{m}月{d}日",
                 f"{day:%Y%m%d}",
                 f"{positional}年{chinese(m).removeprefix('一') if 10 <= m < 20 else chinese(m)}月"
                 f"{chinese(d)}日"):
        assert one(v.dates, cell) == (pd.Timestamp(day), ()), cell


def test_times_with_a_zone_are_days_in_beijing():
    aware = pd.Series(pd.to_datetime(["2021-03-05T16:00:00Z"]))
    assert str(v.dates(aware)[0].iloc[0].date()) == "2021-03-06"


def test_years_come_from_numbers_and_dates():
    cells = pd.Series(["2015", "2015年", "2015-06", dt.datetime(2016, 1, 1),
                       "二〇一五年", "x", None],
                      dtype=object)
    values, masks = v.years(cells)
    assert values.fillna(-1).tolist() == [2015, 2015, 2015, 2016, 2015, -1, -1]
    assert masks["year_of_date"].tolist() == [False, False, True, True, False, False, False]
    assert np.flatnonzero(masks["number"]).tolist() == [5]


def test_booleans():
    cells = pd.Series(["是", "否", "√", "×", "有", "无", 1, 0.0, True, "Y", "/", "maybe", None],
                      dtype=object)
    values, masks = v.booleans(cells)
    assert values.dtype == "boolean"
    assert values.fillna(False).tolist() == [True, False, True, False, True, False, True, False,
                                             True, True, False, False, False]
    assert np.flatnonzero(values.isna()).tolist() == [10, 11, 12]
    assert np.flatnonzero(masks["bool"]).tolist() == [11]


@pytest.mark.parametrize("cell, code, rules", [
    (440305001002.0, "440305001002", ()), ("440305001002", "440305001002", ()),
    ("\t440305001002", "440305001002", ()), ("'0012", "0012", ("code_read",)),
    ("440305001002.0", "440305001002", ("code_read",)), ("４４０３", "4403", ("code_read",)),
    ("Ab-１", "Ab-1", ("code_read",)), ("4.40305E+11", None, ("damaged_code",)),
    (4.4e17, None, ("damaged_code",)), ("/", None, ("empty_word",)), ("007", "007", ()),
])
def test_codes_stay_text_and_damage_is_told(cell, code, rules):
    value, found = one(v.codes, cell)
    assert (None if pd.isna(value) else value) == code
    assert found == rules
    again, masks = v.codes(pd.Series([cell])) if isinstance(cell, str) else (None, None)
    if again is not None:  # the fast way of a whole text column says the same
        assert (None if again.isna().iloc[0] else again.iloc[0], tuple(masks)) == (code, rules)


PHONES = st.one_of(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.from_regex(r"0(?:10|2[0-9]|[3-9][0-9]{2})-?[0-9]{6,9}", fullmatch=True),
    st.from_regex(r"0[0-9]{1,3}-[0-9]{7,8}", fullmatch=True),
    st.text("0123456789-86+()（）/; 转", max_size=16))


@given(st.lists(PHONES, min_size=1, max_size=20))
def test_plain_phones_are_read_as_each_alone(cells):
    values, masks = v.phones(pd.Series(cells, dtype="str"))
    blank = [not cell.strip() for cell in cells]
    alone = [(None, ()) if empty else read_phone(cell)
             for cell, empty in zip(cells, blank, strict=True)]
    found = [None if pd.isna(value) or not value else value for value in values]
    assert found == [value for value, _ in alone]
    told = [tuple(sorted(rule for rule, mask in masks.items() if mask[at]))
            for at in range(len(cells))]
    assert told == [rules for _, rules in alone]


def test_columns_of_clean_phones_are_not_read_cell_by_cell(monkeypatch):
    monkeypatch.setattr(v, "read_phone", lambda cell: pytest.fail(cell))
    cells = pd.Series(["13900000001", " 0595-00000001", "010-22220001", None, "029-2222000"])
    assert v.phones(cells)[0].tolist()[:3] == ["13900000001", "0595-00000001", "010-22220001"]


@pytest.mark.parametrize("cell, phone, rules", [
    ("13900000001", "13900000001", ()), ("+86 139-0000-0001", "13900000001", ("phone_read",)),
    (13900000001.0, "13900000001", ()), ("0595-00000001", "0595-00000001", ()),
    ("（0595）00000001", "0595-00000001", ("phone_read",)),
    (59500000001.0, "0595-00000001", ("phone_zero",)), ("22220001", "22220001", ("phone_no_area",)),
    ("13900000001、059500000002", "13900000001;0595-00000002", ("phone_read",)),
    ("0595-00000001转801", "0595-00000001-801", ("phone_read",)),
    ("张三13900000001", "张三13900000001", ("phone",)), ("无", None, ("empty_word",)),
])
def test_phones(cell, phone, rules):
    value, found = one(v.phones, cell)
    assert (None if pd.isna(value) else value) == phone
    assert found == rules


def test_free_text_keeps_its_answers_and_loses_its_blanks():
    cells = pd.Series([" 样例 ", "无", "/", "", None, 12.0, "Ａ座"], dtype=object)
    values, masks = v.texts(cells)
    assert values.fillna("?").tolist() == ["样例", "无", "?", "?", "?", "12", "Ａ座"]
    assert np.flatnonzero(masks["empty_word"]).tolist() == [2]


def test_coerce_follows_the_data_dictionary():
    columns = schema("shelters").columns
    cells = pd.Series(["３００"])
    assert v.coerce(cells, columns["capacity_persons"])[0].tolist() == [300.0]
    assert v.coerce(pd.Series(["2亩"]), columns["usable_area_m2"])[0].round().tolist() == [1333.0]
    assert v.coerce(pd.Series(["2015-06"]), columns["built_year"])[0].tolist() == [2015.0]
    assert v.coerce(pd.Series([440305.0]), columns["unit_id"])[0].tolist() == ["440305"]
    assert v.coerce(pd.Series([13900000001.0]), columns["phone"])[0].tolist() == ["13900000001"]
    assert v.coerce(pd.Series(["是"]), columns["synthetic"])[0].tolist() == [True]
    assert v.coerce(pd.Series(["无"]), columns["name"])[0].tolist() == ["无"]
    day = Column(name="on", type="date", zh="", en="")
    assert v.coerce(pd.Series([42798]), day, date_system=1904)[0].dt.year.tolist() == [2021]


def test_every_rule_has_its_words():
    assert {f"{kind}_{rule}" for kind in ("rule", "fix") for rule in v.SEVERITIES} <= set(table())


# --- decimal commas: of a whole column, never of a cell


@pytest.mark.parametrize(("cells", "values", "read", "doubtful"), [
    (["1.234,5", "12,5 ha", "1.200", "350"], [1234.5, 125_000, 1200, 350], 3, 0),
    (["1\u202f234,50", "7,25 m²", "-3 000,0"], [1234.5, 7.25, -3000], 3, 0),
    (["1.234.567", "0,125", "1,2345"], [1_234_567, 0.125, 1.2345], 3, 0),
    (["1'234", "1’234.5", "2"], [1234, 1234.5, 2], 0, 0),
    (["1,234", "1,234,567.5"], [1234, 1_234_567.5], 0, 0),
    (["1,234", "2,345", "12,5"], [1234, 2345, None], 0, 2),
    (["12,5", "12.5", "1,234"], [None, 12.5, 1234], 0, 1),
    ([*["1,234"] * 9, "12,5"], [*[1234] * 9, None], 0, 0),
    ([12.5, "12,5", None], [12.5, 12.5, None], 1, 0),
    (["12,5-13,5", "3"], [None, 3], 0, 0),
])
def test_decimal_commas_are_told_by_the_column(cells, values, read, doubtful):
    found, masks = v.numbers(pd.Series(cells), unit="m2")
    assert found.tolist() == pytest.approx(
        [math.nan if value is None else value for value in values], nan_ok=True)
    assert masks.get("decimal_comma", np.zeros(1)).sum() == read
    assert masks.get("separator_doubtful", np.zeros(1)).sum() == doubtful


@pytest.mark.parametrize(("cells", "values"), [
    (["1.200", "980,0"], [1200, 980]), (["1.200", "1.250.000"], [1200, 1_250_000]),
    (["1,200", "1,250,000"], [1200, 1_250_000]), (["1.200", "80"], [None, 80]),
    (["3,4", "2"], [None, 2]),  # two numbers rather than a fraction
    (["1,200", "1.250.000"], [1200, None]),
])
def test_counts_have_no_fractions(cells, values):
    found, masks = v.counts(pd.Series(cells), unit="persons")
    assert [None if math.isnan(value) else value for value in found] == values
    assert ("thousands_point" in masks) == (cells in (["1.200", "80"], ["1,200", "1.250.000"]))

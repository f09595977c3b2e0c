"""Headers matched to the data dictionary by name and content, never by order."""

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.errors import ConfigError
from qzrisk.layers.headers import match, names_of, normal, pinyin
from qzrisk.layers.schema import schemas

CROWD = [100, 200, 350, 40]
ROOM = [200.5, 410.0, 700.0, 80.0]


def said(issues):
    return issues[["rule", "severity", "value"]].to_numpy().tolist()


@pytest.mark.parametrize(("header", "expected"), [
    ("场所名称", "name"), ("避灾点名称", "name"), (" 场所 名称：", "name"), ("*场所名称", "name"),
    ("3. 场所名称", "name"), ("ＮＡＭＥ", "name"), ("mingcheng", "name"),
    ("Changsuo Mingcheng", "name"), ("基本情况/场所名称", "name"),
    ("可容纳人数（人）", "capacity_persons"), ("可容纳人数（申报）", "capacity_persons"),
    ("Usable area [m2]", "usable_area_m2"), ("youxiao_binan_mianji", "usable_area_m2"),
    ("有效避难面积(㎡)", "usable_area_m2"), ("CAPACITY_PERSONS", "capacity_persons"),
])
def test_spellings_of_a_header(header, expected):
    mapping, issues = match([header], "shelters")
    assert mapping == {header: expected}
    assert said(issues) == [["column_mapped", "note", header]]


def test_canonical_names_need_no_finding_and_strange_ones_no_column():
    mapping, issues = match(["shelter_id", "FID_1", "避灾", "geometry"], "shelters")
    assert mapping == {"shelter_id": "shelter_id"} and issues.empty


@pytest.mark.parametrize("schema", sorted(schemas()))
def test_every_name_of_every_column_finds_it(schema):
    for name, column in schemas()[schema].columns.items():
        for words in (name, column.zh, column.en, *column.aliases):
            if normal(words) in set(map(normal, schemas()[schema].columns)) - {normal(name)}:
                continue  # the name of another column: that one is meant
            mapping, _ = match([words], schema)
            assert mapping.get(words) == name, words


@pytest.mark.parametrize("schema", sorted(schemas()))
def test_every_chinese_name_has_pinyin(schema):
    for column in schemas()[schema].columns.values():
        for words in (column.zh, *column.aliases):
            if any("\u4e00" <= c <= "\u9fff" for c in normal(words)):
                assert pinyin(words), words


def test_pinyin_by_hand():
    assert pinyin("可容纳避灾人数") == ["kerongnabizairenshu"]
    assert pinyin("行政区划代码")[0].endswith("zhengquhuadaima")
    assert set(pinyin("长度")) == {"changdu", "zhangdu"}
    assert pinyin("name") == [] and pinyin("龘") == []


# --- several headers for one column


def test_surer_name_wins_whatever_the_order():
    for headers in itertools.permutations(["容量", "可容纳人数", "capacity_persons"]):
        mapping, issues = match(headers, "shelters")
        assert mapping == {"capacity_persons": "capacity_persons"}
        assert sorted(said(issues)) == [["column_double", "warning", "可容纳人数"],
                                        ["column_double", "warning", "容量"]]


def test_equally_sure_names_are_left_out():
    mapping, issues = match(["容量", "容 量"], "shelters")
    assert mapping == {}
    assert {rule for rule, *_ in said(issues)} == {"column_ambiguous"}
    mapping, issues = match(["名称", "名 称", "编码"], "shelters")
    assert mapping == {"编码": "shelter_id"}
    assert set(issues.query("rule == 'column_ambiguous'")["severity"]) == {"error"}  # required


def test_given_mapping_rules():
    mapping, issues = match(["甲", "可容纳人数"], "shelters", given={"甲": "capacity_persons"})
    assert mapping == {"甲": "capacity_persons"}
    assert said(issues) == [["column_double", "warning", "可容纳人数"]]
    for wrong in ({"乙": "name"}, {"甲": "no_such"}):
        with pytest.raises(ConfigError, match="columns names something unknown"):
            match(["甲"], "shelters", given=wrong)


# --- names cut to ten bytes


@pytest.mark.parametrize(("header", "expected"), [
    ("capacity_p", "capacity_persons"), ("effective_", "effective_capacity_persons"),
    ("USABLE_ARE", "usable_area_m2"), ("有效避难面", "usable_area_m2"),  # GBK
    ("有效避", "usable_area_m2"),  # UTF-8: three characters
    ("室内有效面", "indoor_area_m2"), ("抗震设防烈", "seismic_intensity"),
])
def test_cut_names_that_begin_one_column(header, expected):
    mapping, issues = match([header], "shelters")
    assert mapping == {header: expected}
    assert said(issues) == [["column_cut", "note", header]]


def test_cut_name_of_a_column_that_is_there_already():
    mapping, issues = match(["usable_area_m2", "有效避难面"], "shelters")
    assert mapping == {"usable_area_m2": "usable_area_m2"}
    assert said(issues) == [["column_double", "warning", "有效避难面"]]


@pytest.mark.parametrize("first_is_area", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
def test_twins_are_told_apart_by_content_never_by_order(first_is_area, reverse):
    cells = (ROOM, CROWD) if first_is_area else (CROWD, ROOM)
    frame = pd.DataFrame(dict(zip(["可容纳避灾", "可容纳避_1"], cells, strict=True)))
    frame = frame[frame.columns[::-1]] if reverse else frame
    mapping, issues = match(frame.columns, "shelters", frame=frame)
    area, crowd = (("可容纳避灾", "可容纳避_1") if first_is_area
                   else ("可容纳避_1", "可容纳避灾"))
    assert mapping == {area: "usable_area_m2", crowd: "capacity_persons"}
    assert sorted(said(issues)) == sorted(
        ["column_twins", "warning", name] for name in frame.columns)


def test_twins_as_text_and_whole_areas():
    frame = pd.DataFrame({"可容纳避灾": ["１００人", "200", "约350人", "40"],
                          "可容纳避_1": ["210", "400㎡", "720", "90"]})
    mapping, _ = match(frame.columns, "shelters", frame=frame)
    assert mapping == {"可容纳避灾": "capacity_persons", "可容纳避_1": "usable_area_m2"}


@pytest.mark.parametrize("cells", [
    (CROWD, CROWD), (CROWD, [1, 900, 3, 7]), ([None] * 4, ROOM), (["a"] * 4, ["b"] * 4),
    # Persons with fractions beside twice as many whole square metres: the signs disagree.
    ([100.5, 200.5, 350.5, 40.5], [201, 401, 701, 81]),
    ([100], [200.5]),
])
def test_twins_that_cannot_be_told_are_left_out(cells):
    frame = pd.DataFrame(dict(zip(["可容纳避灾", "可容纳避_1"], cells, strict=True)))
    mapping, issues = match(frame.columns, "shelters", frame=frame)
    assert mapping == {}
    assert {rule for rule, *_ in said(issues)} == {"column_ambiguous"}
    assert set(issues["severity"]) == {"warning"}  # neither column is required


def test_one_twin_alone_or_without_content_is_a_question():
    for headers, frame in ((["可容纳避灾"], pd.DataFrame({"可容纳避灾": ROOM})),
                           (["可容纳避灾", "可容纳避_1"], None)):
        mapping, issues = match(headers, "shelters", frame=frame)
        assert mapping == {} and len(issues) == len(headers)
        assert issues["message"].str.contains("可容纳人数（申报）").all()


def test_names_are_listed_surest_first():
    column = schemas()["shelters"].columns["name"]
    assert names_of(column)[:4] == ["name", "场所名称", "Name", "名称"]


@given(st.permutations(["场所编码", "名称", "容量", "capacity_persons", "有效避难面", "级别", "x"]))
def test_order_of_headers_does_not_matter(headers):
    mapping, issues = match(headers, "shelters")
    again, same = match(sorted(headers), "shelters")
    assert mapping == again
    assert sorted(map(tuple, said(issues))) == sorted(map(tuple, said(same)))
    assert len(set(mapping.values())) == len(mapping)


def test_headers_of_a_county_summary():
    mapping, _ = match(["避灾点编号", "使用状态", "灾害种类"], "shelters")
    assert list(mapping.values()) == ["shelter_id", "status", "hazards_served"]


# --- columns under one and the same header


AREAS = ["220㎡", "410㎡", "700㎡", "80㎡"]
REPEATED = [  # cells of two columns 容量, which of them is taken, the rules
    ((CROWD, CROWD), 0, {"column_copy"}),
    ((CROWD, [100.0, None, 350.0, None]), 0, {"column_copy"}),
    ((CROWD, [None] * 4), 0, {"column_copy"}),
    ((CROWD, ["100", "200 ", "350", "40"]), 0, {"column_copy"}),
    ((CROWD, AREAS), 0, {"column_told", "column_double"}),
    ((CROWD, [200.5, 410.0, 700.5, 80.0]), 0, {"column_told", "column_double"}),
    ((CROWD, ROOM), 0, {"column_told", "column_double"}),
    # Twice as many may be room for them, or another count of them: nobody can tell.
    ((CROWD, [200, 400, 700, 80]), None, {"column_ambiguous"}),
    ((CROWD, [100, 200, 351, 40]), None, {"column_ambiguous"}),
    (([100, None, None, 1], [None, 200, None, 1]), None, {"column_ambiguous"}),
]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("cells", "taken", "rules"), REPEATED)
def test_columns_of_one_header_count_by_content_never_by_order(cells, taken, rules, reverse):
    order = cells[::-1] if reverse else cells
    for headers in (["容量", "容量_2"], ["规模/容量", "规模/容量_2"]):
        frame = pd.DataFrame(dict(zip(headers, order, strict=True)))
        mapping, issues = match(headers, "shelters", frame=frame, repeated=headers[1:])
        assert {rule for rule, *_ in said(issues)} - {"column_mapped"} == rules
        if taken is None:
            assert mapping == {}
            assert all(f'columns = {{ "{h}" = ' in s for h, s in zip(
                headers, issues.sort_values("value")["suggestion"], strict=True))
        else:
            (header,) = mapping
            assert mapping[header] == "capacity_persons"
            assert frame[header].astype(str).str.strip().tolist() == list(map(str, cells[taken]))


def test_codes_that_repeat_are_not_the_key_and_pandas_numbers_repeated_headers_too():
    frame = pd.DataFrame({"编码": ["a", "a", "b", "b"], "编码.1": ["1", "2", "3", "4"]})
    assert match(frame.columns, "shelters", frame=frame)[0] == {"编码.1": "shelter_id"}
    names = pd.DataFrame({"名称": ["甲", "乙"], "名称.1": ["丙", "丁"]})
    mapping, issues = match(names.columns, "shelters", frame=names)
    assert mapping == {} and set(issues["severity"]) == {"error"}  # a name is required


def test_a_number_that_somebody_wrote_is_another_header():
    frame = pd.DataFrame({"名称": ["甲"], "名称_2": ["丙"]})
    assert match(frame.columns, "shelters", frame=frame)[0] == {"名称": "name"}


def test_the_project_says_which_of_the_repeated_headers_is_meant():
    frame = pd.DataFrame({"容量": CROWD, "容量_2": [1, 2, 3, 4]})
    for header, other in (("容量", "容量_2"), ("容量_2", "容量")):
        mapping, issues = match(frame.columns, "shelters", given={header: "capacity_persons"},
                                frame=frame, repeated=["容量_2"])
        assert mapping == {header: "capacity_persons"}
        assert said(issues) == [["column_double", "warning", other]]


def test_a_tag_of_hxl_under_a_header_names_the_column_or_else_its_words_do():
    headers = ["Site/#loc+name", "Places/#capacity+max", "Nr of rooms/#rooms"]
    mapping, _ = match(headers, "shelters", given={"Nr of rooms": "manager"})
    assert list(mapping.values()) == ["name", "capacity_persons", "manager"]
    assert list(mapping) == headers

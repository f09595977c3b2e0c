"""Words of units become codes; rows marked as example are no records."""

import city
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.layers import forms

UNITS = city.units_table().set_index("unit_id").astype({"reporting_id": "str"})


def test_marked_rows_and_the_column_of_marks_go():
    raw = pd.DataFrame({"标记": ["说明", "示例", None, None],
                        "名称": ["必填", "样例", "甲", "示例"],
                        "人数": ["整数", 1, 2, 3]}, index=pd.Index([4, 5, 6, 7], name="row"))
    frame, said = forms.without_examples(raw, source="a.xlsx", layer="shelters")
    assert frame.to_dict("list") == {"名称": ["甲", "示例"], "人数": [2, 3]}
    assert frame.index.tolist() == [6, 7] and frame["人数"].dtype.kind == "i"
    assert said[["row", "rule", "severity", "source"]].values.tolist() == [
        [4, "example_row", "note", "a.xlsx"], [5, "example_row", "note", "a.xlsx"]]
    assert len(raw.columns) == 3


def test_other_files_pass_unchanged():
    for raw in (pd.DataFrame({"编号": ["1", "示例甲"]}), pd.DataFrame({"x": [1.0]}),
                pd.DataFrame()):
        frame, said = forms.without_examples(raw)
        pd.testing.assert_frame_equal(frame, raw)
        assert said.empty


def test_the_smallest_unit_named_counts():
    words = pd.DataFrame({
        "county": ["A县", "A县", "A县", None, "A县", "B县", " Ａ县 ", None],
        "town": ["A镇", "A镇", None, "B镇", "B镇", None, "A镇", None],
        "village": ["va村", None, None, "vd村", "vd村", "vf村", "vb村", None]})
    assert forms.unit_codes(words, UNITS).fillna("?").tolist() == [
        "va", "tA", "A", "vd", "?", "vf", "vb", "?"]


def test_a_name_that_two_units_bear_is_not_guessed():
    units = UNITS.copy()
    units.loc["vd", "name"] = "va村"
    words = pd.DataFrame({"county": [None, "A县", "B县"], "village": ["va村"] * 3})
    assert forms.unit_codes(words, units).fillna("?").tolist() == ["?", "va", "vd"]


def test_given_codes_stay_and_unknown_words_are_told():
    raw = pd.DataFrame({"unit_id": ["vx", None, None], "所属县": ["A县", "A县", "C县"],
                        "乡镇（街道）": ["A镇", "A镇", None]},
                       index=pd.Index([6, 7, 9], name="row"))
    frame, said = forms.with_unit_codes(raw, UNITS, language="en")
    assert frame["unit_id"].fillna("?").tolist() == ["vx", "tA", "?"]
    assert said[["row", "rule", "value"]].values.tolist() == [[9, "unit_words", "C县"]]
    plain = raw[["unit_id"]]
    assert forms.with_unit_codes(plain, UNITS)[0] is plain


@given(st.lists(st.sampled_from(["va", "vb", "vc", "vd", "ve", "vf", "tA", "tB", "A", "B", "Z"]),
                min_size=1))
def test_names_lead_back_to_their_code(ids):
    path = {"village": {}, "town": {}, "county": {}}
    for number, unit in enumerate(ids):
        at = unit
        while UNITS.loc[at, "level"] in path:
            path[UNITS.loc[at, "level"]][number] = UNITS.loc[at, "name"]
            at = UNITS.loc[at, "parent_id"]
    words = pd.DataFrame({level: pd.Series(names, dtype="str") for level, names in path.items()},
                         index=range(len(ids)))
    assert forms.unit_codes(words, UNITS).tolist() == ids

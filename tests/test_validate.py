import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon

from qzrisk.layers.findings import COLUMNS
from qzrisk.layers.validate import conform, validate

BOW_TIE = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


def people(**columns):
    base = {"unit_id": ["a", "b"], "persons": ["1", "2"]}
    return pd.DataFrame(base | columns)


def points(geometry, **columns):
    base = {"shelter_id": [str(i) for i in range(len(geometry))], "name": "x"}
    return gpd.GeoDataFrame(base | columns, geometry=geometry, crs="EPSG:4549")


def rules(issues):
    return issues["rule"].tolist()


def test_clean_rows_pass_typed_and_indexed():
    frame, issues, bad = conform(people(), "population")
    assert frame.index.tolist() == ["a", "b"]
    assert frame["persons"].tolist() == [1, 2]
    assert frame["persons"].dtype == "int64"
    assert len(issues) == len(bad) == 0
    assert list(issues.columns) == list(COLUMNS)


def test_required_missing_and_unreadable_are_quarantined_with_their_rule():
    raw = people(unit_id=["a", "b"], persons=["", "many"])
    frame, issues, bad = conform(raw, "population", language="en")
    assert len(frame) == 0
    assert bad["_rules"].tolist() == ["required", "number"]
    assert bad["_row"].tolist() == [1, 2]
    assert bad["persons"].tolist() == ["", "many"]  # as they came
    assert "many" in issues.set_index("row").loc[2, "message"]


def test_optional_faults_are_accepted_with_a_finding_and_become_missing():
    raw = people(elderly_persons=["-3", "few"])
    frame, issues, bad = conform(raw, "population")
    assert len(frame) == 2
    assert len(bad) == 0
    assert frame["elderly_persons"].isna().all()
    assert sorted(rules(issues)) == ["number", "range"]
    assert set(issues["severity"]) == {"warning"}


def test_second_row_of_an_id_is_quarantined_the_first_stays():
    frame, issues, bad = conform(people(unit_id=["a", "a"]), "population")
    assert frame["persons"].tolist() == [1]
    assert rules(issues) == ["duplicate_id"]
    assert bad["persons"].tolist() == ["2"]


def test_a_quarantined_row_does_not_bar_its_sound_twin():
    frame, _, bad = conform(people(unit_id=["a", "a"], persons=["?", "2"]), "population")
    assert frame["persons"].tolist() == [2]
    assert len(bad) == 1


def test_absent_required_column_quarantines_all_and_says_why():
    frame, issues, bad = conform(people().drop(columns="persons"), "population")
    assert len(frame) == 0
    assert rules(issues) == ["required_column"]
    assert bad["_rules"].tolist() == ["required_column"] * 2


def test_codes_stay_text_and_floats_lose_their_point():
    raw = pd.DataFrame({"unit_id": [350502001001.0, 350502001002.0], "persons": [1, 2]})
    assert conform(raw, "population")[0].index.tolist() == ["350502001001", "350502001002"]


def test_code_lists_booleans_and_dates():
    raw = pd.DataFrame({
        "unit_id": ["a", "b", "c"], "name": "x", "level": ["town", "village", "hamlet"],
        "in_statistics": ["是", "0", "maybe"]})
    frame, issues, bad = conform(raw, "units")
    assert frame["in_statistics"].tolist() == [True, False]
    assert bad["unit_id"].tolist() == ["c"]
    assert sorted(rules(issues)) == ["bool", "code"]


def test_geometry_faults():
    raw = points([Point(0, 0), None, Point(np.inf, 0), LineString([(0, 0), (2, 0)])])
    frame, issues, bad = conform(raw, "shelters")
    assert frame.index.tolist() == ["0", "3"]
    assert frame.geometry.iloc[1].equals(Point(1, 0))
    assert rules(issues[issues["field"].isin(["geometry", ""])]) == [
        "null_geometry", "bad_coordinate", "to_point"]
    assert bad["_rules"].tolist() == ["null_geometry", "bad_coordinate"]


def test_bow_tie_is_repaired_and_said():
    raw = gpd.GeoDataFrame({"unit_id": ["a"], "name": "x", "level": "town"}, geometry=[BOW_TIE],
                           crs="EPSG:4549")
    frame, issues, _ = conform(raw, "boundaries")
    assert isinstance(frame.geometry.iloc[0], MultiPolygon)
    assert frame.area.iloc[0] == pytest.approx(2.0)
    assert issues["severity"].tolist() == ["note"]


def test_validate_changes_nothing():
    raw = people(persons=["1", "x"])
    before = raw.copy()
    assert rules(validate(raw, "population")) == ["number"]
    pd.testing.assert_frame_equal(raw, before)
    assert len(validate(conform(people(), "population")[0], "population")) == 0


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "", None]),
                          st.sampled_from(["1", "2.5", "-1", "x", "", None])), max_size=20))
def test_read_is_accepted_plus_quarantined(rows):
    raw = pd.DataFrame(rows, columns=["unit_id", "persons"], dtype=object)
    frame, issues, bad = conform(raw, "population")
    assert len(frame) + len(bad) == len(raw)
    assert frame.index.is_unique
    assert (bad["_rules"] != "").all()
    errors = set(issues.loc[issues["severity"] == "error", "row"])
    assert errors == set(bad["_row"])


def test_context_without_ids_is_numbered():
    raw = gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=[Point(0, 0), Point(1, 1)],
                           crs="EPSG:4549")
    assert conform(raw, "context")[0].index.tolist() == ["1", "2"]


def test_codes_are_offered_in_the_words_people_write():
    raw = pd.DataFrame({"shelter_id": ["1"], "name": ["甲"], "status": ["临时"]})
    for language, words in (("zh", "启用 open, 备用 standby, 停用 unfit"),
                            ("en", "allowed: open, standby, unfit")):
        issues = conform(raw, "shelters", language=language)[1]
        assert issues.loc[issues["rule"] == "code", "suggestion"].item().endswith(words)


def test_what_the_reader_says_bars_its_row_and_counts_those_it_could_not_read():
    from qzrisk.layers.findings import findings

    raw = points([Point(0, 0), Point(1, 1)])
    told = findings("row_lost", "error", layer="shelters", language="zh", rows=[2, 5])
    heard = findings("encoding_told", "note", layer="shelters", language="zh", rows=[1])
    frame, issues, bad = conform(raw, "shelters", told=pd.concat([told, heard]))
    assert frame.index.tolist() == ["0"]
    assert bad[["_row", "_rules"]].to_numpy().tolist() == [[2, "row_lost"], [5, "row_lost"]]
    assert bad["shelter_id"].isna().tolist() == [False, True]
    assert {"row_lost", "encoding_told"} <= set(issues["rule"])

"""Logic within a record: exact small cases, one for each rule, and what the capacity comes to."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point

from qzrisk import rules, text
from qzrisk.layers import logic
from qzrisk.layers.schema import schemas

PACK = rules.load("shelters")


def shelters(**columns):
    count = len(next(iter(columns.values())))
    return pd.DataFrame(columns, index=pd.Index([f"S{n}" for n in range(count)],
                                                name="shelter_id"))


def found(frame, layer="shelters", **options):
    issues = logic.check(frame, layer, language="en", **options)[1]
    return {(r.record_id, r.rule): (r.severity, r.value) for r in issues.itertuples()}


def test_effective_capacity_is_the_lesser_and_the_declared_one_stays():
    frame = shelters(capacity_persons=pd.array([200, 150, None, 90, None, 50], dtype="Int64"),
                     indoor_area_m2=[361.0, 361.0, 99.9, np.nan, np.nan, 0.0],
                     space=["indoor", "both", "indoor", "both", "both", "outdoor"])
    out, _ = logic.check(frame, "shelters")
    assert out["effective_capacity_persons"].tolist() == [180, 150, 49, 90, pd.NA, 0]
    assert out["capacity_persons"].equals(frame["capacity_persons"])
    assert "effective_capacity_persons" not in frame
    assert found(frame) == {
        ("S0", "over_capacity"): ("warning", "200 / 361"),
        ("S2", "missing_capacity"): ("warning", "49"),
        ("S2", "capacity_from_area"): ("note", "49"),
        ("S3", "indoor_area_missing"): ("warning", "both"),
        ("S4", "indoor_area_missing"): ("warning", "both"),
        ("S4", "missing_capacity"): ("warning", ""),
        ("S4", "no_capacity_no_area"): ("warning", ""),
    }


def test_an_indoor_shelter_without_indoor_part_is_all_indoors():
    frame = shelters(capacity_persons=[500, 500], usable_area_m2=[200.0, 200.0],
                     space=["indoor", "outdoor"])
    out, _ = logic.check(frame, "shelters")
    assert out["effective_capacity_persons"].tolist() == [100, 0]
    assert out["effective_capacity_persons"].dtype == "int64"


def test_a_recorded_effective_capacity_is_kept_and_compared():
    frame = shelters(capacity_persons=[200, 200], indoor_area_m2=[360.0, 360.0],
                     effective_capacity_persons=[180, 200])
    out, _ = logic.check(frame, "shelters")
    assert out["effective_capacity_persons"].tolist() == [180, 200]
    assert found(frame)[("S1", "effective_differs")] == ("warning", "200 / 180")
    assert ("S0", "effective_differs") not in found(frame)


def test_a_shelter_out_of_use_needs_no_capacity():
    frame = shelters(capacity_persons=pd.array([None, None], dtype="Int64"),
                     status=["unfit", "standby"])
    told = {key: said[0] for key, said in found(frame).items() if key[1] == "missing_capacity"}
    assert told == {("S0", "missing_capacity"): "note", ("S1", "missing_capacity"): "warning"}


def test_a_file_without_capacities_is_told_once():
    frame = shelters(name=["a", "b", "c"])
    assert found(frame) == {("", "missing_capacity"): ("warning", ""),
                            **{(f"S{n}", "no_capacity_no_area"): ("warning", "")
                               for n in range(3)}}


def test_shelter_rules():
    frame = shelters(
        capacity_persons=[299, 300, 100, 99], tier=["county", "county", "village", "village"],
        indoor_area_m2=[700.0, 600.0, 400.0, 0.0], usable_area_m2=[600.0, 600.0, 400.0, 900.0],
        built_year=[2000, 2000, 2010, 2010], upgraded_year=[1999, 2000, 2025, np.nan],
        space=["indoor", "indoor", "indoor", "outdoor"],
        hazards_served=["earthquake", "flood", "earthquake;flood", "earthquake;flood"],
        seismic_intensity=[7, np.nan, np.nan, np.nan])
    assert found(frame, as_of=dt.date(2021, 12, 31)) == {
        ("S0", "below_tier_minimum"): ("note", "299 / county"),
        ("S0", "indoor_over_total"): ("warning", "700 / 600"),
        ("S0", "opened_before_built"): ("warning", "1999 / 2000"),
        ("S2", "intensity_missing"): ("note", "earthquake;flood / indoor"),
        ("S2", "in_future"): ("warning", "2025"),
        ("S3", "below_tier_minimum"): ("note", "99 / village"),
        ("S3", "outdoor_only"): ("note", "earthquake;flood / outdoor"),
    }


DAY, NEXT = pd.Timestamp("2021-03-01"), pd.Timestamp("2021-03-02")
CASES = [
    ("hidden_dangers", "closed_before_found", {"found_on": NEXT, "closed_on": DAY},
     {"found_on": DAY, "closed_on": DAY}),
    ("railway_points", "due_before_found", {"found_on": NEXT, "due_on": DAY},
     {"found_on": DAY, "due_on": pd.NaT}),
    ("hidden_dangers", "closed_without_date", {"state": "closed", "closed_on": pd.NaT},
     {"state": "open", "closed_on": pd.NaT}),
    ("railway_points", "open_with_closing_date", {"status": "open", "closed_on": DAY},
     {"status": "closed", "closed_on": DAY}),
    ("hidden_dangers", "major_without_due", {"grade": "重大", "due_on": pd.NaT},
     {"grade": "一般", "due_on": pd.NaT}),
    ("hidden_danger_counts", "closed_over_found", {"found": 3, "closed": 4},
     {"found": 3, "closed": 3}),
    ("railway_sections", "section_reversed", {"from_m": 5.0, "to_m": 5.0},
     {"from_m": 5.0, "to_m": 6.0}),
    ("railway_sections", "chief_missing", {"in_force": True, "local_chief": None},
     {"in_force": False, "local_chief": None}),
    ("teams", "parts_differ", {"full_members": 4, "reserve_members": 3, "members": 6},
     {"full_members": 4, "reserve_members": 3, "members": 7}),
    ("hazard_points", "households_over_persons",
     {"threatened_households": 5, "threatened_persons": 4},
     {"threatened_households": 4, "threatened_persons": 4}),
    ("responses", "ended_before_started", {"started_on": NEXT, "ended_on": DAY},
     {"started_on": DAY, "ended_on": pd.NaT}),
    ("survey", "submitted_before_surveyed", {"surveyed_on": NEXT, "submitted_on": DAY},
     {"surveyed_on": DAY, "submitted_on": NEXT}),
    ("survey", "errors_over_indicators", {"indicators": 1, "indicator_errors": 2},
     {"indicators": 2, "indicator_errors": 2}),
    ("population", "parts_over_total",
     {"persons": 9, "elderly_persons": 5, "children_persons": 5},
     {"persons": 10, "elderly_persons": 5, "children_persons": 5}),
    ("demand", "at_risk_over_persons", {"persons": 9, "at_risk_persons_any": 10},
     {"persons": 9, "at_risk_persons_any": 9}),
]


@pytest.mark.parametrize(("layer", "rule", "bad", "good"), CASES)
def test_rules_of_other_layers(layer, rule, bad, good):
    key = schemas()[layer].key
    frame = pd.DataFrame([good, bad], index=pd.Index(["good", "bad"], name=key))
    assert list(found(frame, layer)) == [("bad", rule)]
    out, _ = logic.check(frame, layer)
    pd.testing.assert_frame_equal(out, frame)


def test_every_rule_names_real_columns_and_has_words():
    for rule in logic.RULES:
        columns = schemas()[rule.layer].columns
        assert {rule.field, *rule.needs} <= set(columns), rule
        for language in text.LANGUAGES:
            assert text.text(f"rule_{rule.name}", language, field="", value="", expected="")
            assert text.text(f"fix_{rule.name}", language, field="", value="", expected="")
    tested = {case[:2] for case in CASES}
    untested = {(rule.layer, rule.name) for rule in logic.RULES if rule.layer != "shelters"}
    assert {name for _, name in untested} == {name for _, name in tested}


def test_missing_values_and_absent_columns_break_no_rule():
    for name, kind in schemas().items():
        empty = pd.DataFrame({kind.key: ["a"]})
        assert set(found(empty, name)) <= {("", "missing_capacity"), ("a", "no_capacity_no_area")}
        blank = pd.DataFrame({column: pd.array([None], dtype="Float64")
                              if entry.type in ("int", "float") else
                              pd.Series([pd.NaT]) if entry.type == "date" else
                              pd.Series([None], dtype="str")
                              for column, entry in kind.columns.items()}).assign(
                                  **{kind.key: ["a"]})
        assert {rule for _, rule in found(blank, name, as_of=dt.date(2021, 1, 1))} <= {
            "missing_capacity", "no_capacity_no_area"}


def test_rounded_coordinates_are_noted():
    at = [Point(118.651, 24.912), Point(118.651234, 24.912), Point(118.65, 24.9)]
    frame = gpd.GeoDataFrame({"team_id": list("abc")}, geometry=at, crs="EPSG:4490").to_crs(
        "EPSG:4549").set_index("team_id")
    assert set(found(frame, "teams")) == {("a", "coarse_coordinates"), ("c", "coarse_coordinates")}
    issues = logic.check(frame, "teams")[1]
    assert issues["geometry"].iloc[0].equals(frame.geometry["a"])


def test_rows_and_source_are_told():
    frame = shelters(capacity_persons=[1, 200], indoor_area_m2=[9.0, 361.0])
    issue = logic.check(frame, "shelters", rows=np.array([4, 7]), source="a.csv",
                        language="zh")[1].iloc[0]
    assert (issue["row"], issue["source"], issue["field"]) == (7, "a.csv", "capacity_persons")
    assert "200 / 361" in issue["message"]


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 10_000)),
                          st.one_of(st.none(), st.floats(0, 20_000, width=32))), min_size=1))
def test_effective_capacity_never_exceeds_what_is_known(pairs):
    declared, area = zip(*pairs, strict=True)
    frame = shelters(capacity_persons=pd.array(declared, dtype="Int64"),
                     indoor_area_m2=pd.array(area, dtype="Float64"))
    got = logic.effective_capacity(frame, PACK)
    for persons, m2, value in zip(declared, area, got, strict=True):
        known = [n for n in (persons, None if m2 is None else int(m2 // 2)) if n is not None]
        assert pd.isna(value) if not known else value == min(known)

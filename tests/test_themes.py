"""Maps and tables of the thematic layers: exact on a tiny world, whole on the sample."""

import dataclasses
import datetime as dt
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from city import BOTTOM, CRS, LEFT, boundaries, units_table
from shapely.geometry import LineString, Point, box

import qzrisk as qz
from qzrisk.layers import reconcile
from qzrisk.layers.schema import schemas
from qzrisk.maps import static
from qzrisk.pipeline import specs, tables, themes
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import counts
from qzrisk.pipeline.themes.maps import APART_M, apart, tracks

AS_OF = dt.date(2021, 12, 31)
SERIES = ["06_hazard_points", "06_typhoon_tracks", "10_forest_zones", "11_railway_points",
          "12_teams", "13_enterprises", "14_hidden_dangers", "15_communities",
          "16_census_progress"]
SECRET = ("秘密人", "0595-00009999")


def day(text):
    return pd.Timestamp(text)


def points(columns, key, places=None):
    count = len(next(iter(columns.values())))
    places = places or [(1000 + 1000 * i, 1000 + 500 * i) for i in range(count)]
    return gpd.GeoDataFrame(
        {**columns, "contact": SECRET[0], "phone": SECRET[1]},
        geometry=[Point(LEFT + x, BOTTOM + y) for x, y in places], crs=CRS,
        index=pd.Index([f"{key}{i}" for i in range(count)], name=f"{key}_id"))


@pytest.fixture(scope="module")
def loaded():
    """Two counties with data, A (villages va vb vc; vb is a functional zone) and B (vd ve vf)."""
    drawn = boundaries().set_index("unit_id")
    layers = {
        "boundaries": drawn,
        "forest_zones": gpd.GeoDataFrame(
            {"unit_id": ["tA", "tA", "tB"], "danger_class": ["I", "III", "III"],
             "area_m2": [2e4, 1e4, 5e4]}, crs=CRS, index=["f1", "f2", "f3"],
            geometry=[box(LEFT + x, BOTTOM, LEFT + x + 900, BOTTOM + 900)
                      for x in (0, 2000, 8000)]),
        "railways": gpd.GeoDataFrame(
            {"name": ["甲线", "乙线"], "line_type": ["ordinary", "high_speed"],
             "opened_on": [pd.NaT, day("2022-12-30")]}, crs=CRS, index=["L1", "L2"],
            geometry=[LineString([(LEFT, BOTTOM + y), (LEFT + 12000, BOTTOM + y)])
                      for y in (1000, 3000)]),
        "railway_points": points(
            {"unit_id": ["va", "va", "vd", None], "line_id": ["L1"] * 4,
             "section_id": ["S1", "S1", "S2", None], "level": ["red", "blue", "blue", None],
             "status": ["closed", "open", "closed", "closed"]}, "r"),
        "teams": points(
            {"unit_id": ["va", "vb", "vd", "ve"], "kind": ["fire", "social", "fire", "forest"],
             "name": list("甲乙丙丁"), "members": [10, 20, 30, 40],
             "full_members": [10, 15, 30, 40], "reserve_members": [0, 5, 0, 0]}, "team"),
        "communities": points({"unit_id": ["va", "vb", "vd"], "persons": [100, 200, 300],
                               "kind": ["existing", "new_2021", "existing"]}, "c"),
        "enterprises": points(
            {"unit_id": ["va", "va", "vd", "vf"], "size": ["large", "small", "small", "medium"],
             "kind": ["demonstration", "hazchem", "mine", "demonstration"],
             "level": ["red", "orange", "blue", "blue"]}, "e"),
        "incidents": points(
            {"unit_id": ["va"], "kind": ["forest_fire"], "occurred_on": [day("2021-03-01")],
             "level": ["ordinary"]}, "i"),
        "hazard_points": points(
            {"unit_id": ["va", "vd", "vd"], "kind": ["landslide", "high_steep_slope", "collapse"],
             "level": ["small", "medium", "small"], "threatened_persons": [5, 7, 11],
             "threatened_property_yuan": [1e4, 2e4, 3e4]}, "h"),
        "typhoon_fixes": points(
            {"typhoon_id": ["t1", "t1", "t2", "t3", "t3"], "time_beijing": [
                "2020-08-01 08:00", "2020-08-01 02:00", "2020-09-01 02:00",
                "2020-09-03 02:00", "2020-09-03 08:00"]}, "fix",
            [(12000, 2000), (0, 2000), (0, 0), (0, 1000), (12000, 1000)]),
    }
    found = pd.DataFrame({
        "unit_id": ["A1", "A1", "A2", "B"], "sector": ["fire", "gas", "fire", "fire"],
        "found": [100, 50, 40, 10], "closed": [90, 50, 39, 10]}, index=list("abcd"))
    ledger = pd.DataFrame({
        "unit_id": ["A1", "A1", "A2", "B"], "state": ["open", "open", "open", "closed"],
        "grade": ["重大", "一般", "一般", "重大"], "owner": SECRET[0],
        "due_on": [day("2021-12-30"), day("2021-12-31"), pd.NaT, day("2021-01-01")]},
        index=list("abcd"))
    survey = pd.DataFrame({
        "unit_id": ["va", "va", "vb", "vd"], "form": ["shelter", "shelter", "team", "shelter"],
        "stage": ["list", "survey", "county_check", "national_check"], "enumerator": SECRET[0]})
    targets = pd.DataFrame({"unit_id": ["A1", "A2", "B"], "form": ["shelter", "team", "shelter"],
                            "target": [4, 2, 1]})
    sections = pd.DataFrame(
        {"line_id": ["L1", "L1", "L1"], "unit_id": ["A", "B", "B"], "from_m": [0.0, 6e3, 9e3],
         "to_m": [6e3, 9e3, 12e3], "local_chief": SECRET[0], "local_phone": SECRET[1]},
        index=pd.Index(["S1", "S2", "S3"], name="section_id"))
    typhoons = pd.DataFrame(
        {"season": [2020, 2020, 2020], "name": ["甲", None, None],
         "nearest_m": [2e3, 1e3, 3e3], "nearest_wind_m_s": [32.7, 20.0, 30.0],
         "wind_source": ["wmo_10min", "jtwc_1min", "jtwc_1min"]},
        index=pd.Index(["t1", "t2", "t3"], name="typhoon_id"))
    responses = pd.DataFrame({"unit_id": ["city"], "kind": ["typhoon"], "level": ["IV"],
                              "started_on": [day("2021-08-01")]}, index=["r1"])
    return Loaded(
        layers=layers, rasters={}, quarantine={}, issues=pd.DataFrame(), counts=pd.DataFrame(),
        tables={"units": units_table().set_index("unit_id"), "hidden_dangers": ledger,
                "hidden_danger_counts": found, "survey": survey, "survey_targets": targets,
                "railway_sections": sections, "typhoons": typhoons, "responses": responses})


@pytest.fixture(scope="module")
def project(tiny_city):
    return dataclasses.replace(qz.open_project(tiny_city), as_of=AS_OF)


def drawn(project, loaded):
    return {spec.name: spec for spec in themes.map_specs(
        project, loaded, specs.common_parts(project, loaded, "run"))}


@pytest.fixture(scope="module")
def public(project, loaded):
    return drawn(dataclasses.replace(project, audience="public"), loaded)


def test_layers_without_rules_print_no_rule_pack(public):
    packs = {spec.rule_pack.split()[0] for spec in public.values() if spec.rule_pack}
    assert {"06_hazard_points", "06_typhoon_tracks", "12_teams"} <= set(public)
    assert not public["06_hazard_points"].rule_pack and not public["06_typhoon_tracks"].rule_pack
    assert packs <= {"forest_fire", "work_safety"}


def units_of(loaded):
    return loaded.tables["units"]


def test_forest_by_county_and_class(loaded):
    table = counts.forest(loaded.layers["forest_zones"], units_of(loaded))
    assert table.index.tolist() == ["A", "B", "Z", "total"]
    assert table["area_ha_I"].tolist()[:2] == [2, 0]
    assert np.isnan(table.loc["Z", "area_ha"]), "no data is not 0"
    assert table.loc["total", ["zones_I", "zones_II", "zones_III", "area_ha"]].tolist() == [
        1, 0, 2, 8]


def test_teams_by_kind(loaded):
    table = counts.teams(loaded.layers["teams"], units_of(loaded))
    assert table.loc["A", ["teams", "members", "teams_social", "members_fire"]].tolist() == [
        2, 30, 1, 10]
    assert table.loc["total", ["teams", "members"]].tolist() == [4, 100]


def test_a_point_without_unit_stays_in_the_total(loaded):
    table = counts.railway_counties(loaded.layers["railway_points"], units_of(loaded))
    assert table["points"].to_dict() == pytest.approx(
        {"A": 2, "B": 1, "Z": np.nan, "unplaced": 1, "total": 4}, nan_ok=True)
    assert table["closure_rate"].to_dict() == pytest.approx(
        {"A": 0.5, "B": 1, "Z": np.nan, "unplaced": 1, "total": 0.75}, nan_ok=True)
    assert table.loc["total", "level_none"] == 1


def test_railway_sections_list_the_empty_and_the_unknown(loaded):
    table = counts.railway_sections(
        loaded.layers["railway_points"], loaded.tables["railway_sections"],
        loaded.layers["railways"])
    assert table["section_id"].tolist() == ["S1", "S2", "S3", "", ""]
    assert table["points"].tolist() == [2, 1, 0, 1, 4]
    assert table["line_name"].tolist()[:4] == ["甲线"] * 4
    assert np.isnan(table["closure_rate"][2])


def test_enterprises_are_counted_by_colour(loaded):
    table = counts.enterprises(loaded.layers["enterprises"], units_of(loaded))
    assert table.loc["A", ["level_red", "level_orange", "level_yellow", "level_blue"]].tolist() \
        == [1, 1, 0, 0]
    # Sizes of the demonstration enterprises alone: the hazchem and the mine are not among them.
    assert table.loc["total", ["size_large", "size_medium", "size_small"]].tolist() == [1, 1, 0]


def test_hidden_dangers_by_unit_and_by_county(loaded):
    table = counts.hidden_dangers(loaded.tables["hidden_danger_counts"], units_of(loaded))
    assert table["found"].to_dict() == {"A1": 150, "A2": 40, "B": 10, "total": 200}
    assert table.loc["total", "open"] == 11
    assert table.loc["total", "closure_rate"] == 0.945
    county = counts.hidden_dangers(loaded.tables["hidden_danger_counts"], units_of(loaded),
                                   level="county")
    assert county.loc["A", "found"] == 190


def test_sectors_in_official_order_then_all_units(loaded):
    table = counts.danger_sectors(loaded.tables["hidden_danger_counts"], units_of(loaded))
    assert list(zip(table["unit_id"], table["sector"], table["open"], strict=True)) == [
        ("A1", "fire", 10), ("A1", "gas", 0), ("A2", "fire", 1), ("B", "fire", 0),
        ("total", "fire", 11), ("total", "gas", 0)]


def test_due_on_the_day_is_not_overdue(loaded):
    table = counts.three_lists(loaded.tables["hidden_dangers"], units_of(loaded), as_of=AS_OF)
    assert table.loc["A1", ["registered", "mending", "overdue", "mending_major"]].tolist() == [
        2, 2, 1, 1]
    assert table.loc["A2", "overdue"] == 0, "no deadline, not overdue"
    assert table.loc["total", ["registered", "mended"]].tolist() == [4, 1]


def test_hazard_points_and_what_they_threaten(loaded):
    table = counts.hazard_points(loaded.layers["hazard_points"], units_of(loaded))
    assert table.loc["B", ["points", "slopes", "threatened_persons",
                           "threatened_property_wan_yuan"]].tolist() == [1, 1, 18, 5]


def test_census_counts_what_is_past_the_list(loaded):
    survey, targets = loaded.tables["survey"], loaded.tables["survey_targets"]
    table = counts.census(survey, targets, units_of(loaded))
    assert table.loc["A1", ["target", "listed", "surveyed", "checked", "rate"]].tolist() == [
        4, 2, 1, 0, 0.25]
    assert table.loc["total", "rate"] == pytest.approx(3 / 7)
    team = counts.census(survey, targets, units_of(loaded), form="team")
    assert team["target"].to_dict() == {"A1": 0, "A2": 2, "B": 0, "total": 2}
    assert np.isnan(team.loc["B", "rate"]), "nothing due, no rate"


def test_tracks_follow_time_not_the_order_of_rows(loaded):
    lines = tracks(loaded.layers["typhoon_fixes"])
    assert lines.index.tolist() == ["t1", "t3"], "one fix is no course"
    assert list(lines["t1"].coords) == [(LEFT, BOTTOM + 2000), (LEFT + 12000, BOTTOM + 2000)]


def test_the_series_is_whole_and_in_order(public):
    assert list(public) == SERIES


def test_every_map_hatches_the_county_outside_and_prints_it_last(public):
    for name, spec in public.items():
        assert spec.layer("outside").frame["name"].tolist() == ["Z县"], name
        if name != "06_typhoon_tracks":
            assert spec.table.iloc[:, 0].tolist()[:3] == ["A县", "B县", "Z县"], name
            assert spec.table.iloc[2, 1:].isna().all(), name
        assert spec.synthetic


def test_public_maps_show_no_base_no_plant_no_railway_point(public):
    assert public["12_teams"].layer("team_counts").size.to_dict() == {"tA": 2, "tB": 2}
    assert public["11_railway_points"].layer("point_counts").size.to_dict() == {"tA": 2, "tB": 1}
    assert any("1" in note and "图上不示" in note for note in public["11_railway_points"].notes)
    assert "enterprises" not in [layer.name for layer in public["13_enterprises"].layers]
    for spec in public.values():
        for layer in spec.layers:
            assert not {"contact", "phone", "chainage"} & set(layer.frame), layer.name


def test_internal_maps_show_the_points(project, loaded):
    made = drawn(dataclasses.replace(project, audience="internal"), loaded)
    assert len(made["12_teams"].layer("teams").frame) == 4
    assert len(made["11_railway_points"].layer("points").frame) == 4
    assert len(made["13_enterprises"].layer("enterprises").frame) == 4


def test_a_line_opened_after_the_date_is_not_open(public):
    assert public["11_railway_points"].layer("railways").classes.tolist() == [
        "ordinary", "unopened"]
    assert "示意" in public["11_railway_points"].subtitle


def test_no_shades_where_too_few_counties_differ(public):
    names = [layer.name for layer in public["14_hidden_dangers"].layers]
    assert "open_rate" not in names
    assert public["14_hidden_dangers"].layer("open").size.to_dict() == {"A": 11, "B": 0}


def test_progress_is_done_when_all_that_is_due_is_surveyed(public):
    assert public["16_census_progress"].layer("progress").classes.to_dict() == {
        "A": "behind", "B": "done"}


def test_one_minute_winds_are_not_graded(public):
    spec = public["06_typhoon_tracks"]
    assert spec.layer("tracks").classes.to_dict() == {"t1": "ty"}, "32.7 m/s begins a typhoon"
    assert spec.layer("ungraded").frame.index.tolist() == ["t3"]
    assert spec.table.iloc[:, 1].tolist() == ["t2*", "甲", "t3*"]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_map_and_sheet_has_its_words(project, loaded, language):
    spoken = dataclasses.replace(project, language=language)
    made = themes.books(spoken, loaded, ["note"])
    assert [sheet.title for sheet in made.values()] == [
        sheet.title for sheet in themes.sheets(spoken, loaded, ["note"])]
    for stem, sheet in made.items():
        assert set(sheet.frame) <= set(sheet.headings), stem
        assert sheet.notes[-1] == "note"
        assert len(sheet.name) <= 31
    assert list(drawn(spoken, loaded)) == SERIES
    assert tables.book_title("layers", spoken)


def test_a_map_draws(public, tmp_path):
    for name in ("11_railway_points", "06_typhoon_tracks"):
        assert static.save(public[name], tmp_path / f"{name}.png", dpi=40).stat().st_size > 10_000


def test_names_are_only_for_the_house(project, loaded):
    def said(audience):
        spoken = dataclasses.replace(project, audience=audience)
        frames = [sheet.frame for sheet in themes.sheets(spoken, loaded, [])]
        return "\n".join(frame.to_csv() for frame in frames)

    assert not any(secret in said("public") for secret in SECRET)
    assert all(secret in said("internal") for secret in SECRET)


def test_a_project_without_the_layers_has_no_maps_and_no_sheets(project, loaded):
    bare = dataclasses.replace(
        loaded, layers={"boundaries": loaded.layers["boundaries"]},
        tables={"units": loaded.tables["units"]})
    assert drawn(project, bare) == {}
    assert themes.sheets(project, bare, []) == []


def test_official_figures_are_summed_by_county(project, loaded):
    official = pd.DataFrame(
        {"unit_id": ["A1", "A2", "B", "city", None], "value": [5.0, 6.0, 7.0, 18.0, 1.0],
         "name_zh": ["人口：甲", "人口：乙", "人口：丙", "人口：城", "队伍"], "unit": "persons",
         "year": 2021, "tolerance": 0.0},
        index=["p_A1", "p_A2", "p_B", "p_city", "teams"])
    table = reconcile.reconcile(official, {"p_A1": 5, "p_A2": 4, "p_B": 7, "teams": 1})
    common = specs.common_parts(project, loaded, "run")
    spec, = themes.official_specs(project, loaded, common, official, table)
    assert spec.layer("verdict").classes.to_dict() == {"A": "differs", "B": "equal"}
    assert spec.layer("official").size.to_dict() == {"A": 0.0011, "B": 0.0007}
    assert spec.table.iloc[:, 1:].loc["A"].tolist() == ["11", "9", "-2"]
    assert spec.table.loc["total"].tolist()[1:] == ["18", "16", "-2"]
    assert spec.subtitle == "人口 2021"
    none = official.drop(columns="unit_id")
    assert themes.official_specs(project, loaded, common, none, table) == []


def test_optional_columns_may_be_absent(project, loaded):
    slim = {"railway_points": ["line_id"], "enterprises": ["kind"], "communities": ["kind"],
            "hazard_points": ["unit_id", "kind"], "forest_zones": ["danger_class"],
            "teams": ["name", "kind", "members"], "incidents": ["kind", "occurred_on"]}
    layers = {name: frame[[*slim[name], "geometry"]] if name in slim else frame
              for name, frame in loaded.layers.items()}
    less = dataclasses.replace(loaded, layers=layers)
    assert list(drawn(project, less)) == SERIES
    teams = themes.books(project, less, [])["layers_teams"].frame
    assert teams.loc["unplaced", "members"] == teams.loc["total", "members"] == 100


def test_every_sheet_has_only_known_layers():
    known = set(schemas())
    for name, needs, _ in themes.sheets.__globals__["_SHEETS"]:
        assert set(needs) <= known, name


# the sample


@pytest.fixture(scope="module")
def sample():
    opened = qz.open_project(Path(__file__).parents[1] / "project.toml")
    wanted = ("boundaries", "forest_zones", "railways", "railway_points", "railway_sections",
              "teams", "communities", "enterprises", "hidden_dangers", "hidden_danger_counts",
              "hazard_points", "survey", "survey_targets", "typhoons")
    sources = tuple(source for source in opened.sources if source.layer in wanted
                    and source.table not in ("town", "village"))
    small = dataclasses.replace(opened, sources=sources)
    return themes.books(small, qz.load(small), [])


@pytest.mark.parametrize(("stem", "figures"), [
    ("hidden_dangers", {"found": 377_300, "closed": 376_900, "open": 400}),
    ("three_lists", {"registered": 5_400, "mending": 400, "mended": 5_000}),
    ("teams", {"teams": 443, "members": 23_396, "teams_social": 7, "members_social": 639}),
    ("railway_counties", {"points": 310, "closed": 310, "open": 0, "closure_rate": 1}),
    ("communities", {"existing": 49, "new_2021": 6}),
    ("enterprises", {"kind_demonstration": 130, "size_large": 71, "size_medium": 25,
                     "size_small": 34, "kind_hazchem": 23, "kind_mine": 26}),
])
def test_totals_are_the_official_figures(sample, stem, figures):
    total = sample[f"layers_{stem}"].frame.loc["total"]
    assert {name: total[name] for name in figures} == figures
    assert "unplaced" not in sample[f"layers_{stem}"].frame.index


def test_sectors_and_units_agree(sample):
    long = sample["layers_danger_sectors"].frame
    units = sample["layers_hidden_dangers"].frame
    summed = long.groupby("unit_id")[["found", "closed", "open"]].sum()
    pd.testing.assert_frame_equal(summed, units[summed.columns].loc[summed.index])
    assert len(units) == 14


def test_pilot_county_by_hand(sample):
    nanan = sample["layers_hazard_points"].frame.loc["350583"]
    assert (nanan["points"], nanan["slopes"]) == (237, 283)
    census = sample["layers_census"].frame.query("form == 'all'").set_index("unit_id")
    assert census.loc["350583", "rate"] == 1
    assert census.loc["total", "target"] == 10_303


def test_the_name_of_a_line_keeps_away_from_other_lines():
    # The second line crosses the first in its middle; the third lies alone.
    lines = gpd.GeoSeries([LineString([(0, 0), (20_000, 0)]),
                           LineString([(10_000, -10_000), (10_000, 10_000)]),
                           LineString([(0, 90_000), (20_000, 90_000)])], crs=CRS)
    first, second, third = apart(lines)
    assert (first.x, second.y, third.x) == (7_000, -3_000, 10_000)
    assert first.distance(lines[1]) >= APART_M and second.distance(lines[0]) >= APART_M
    # A name that stands at (5,000, 0) drives the first to the other side.
    assert apart(lines, gpd.GeoSeries([Point(5_000, 0)], crs=CRS))[0].x == 13_000

"""Work-safety risk: points to enterprises to counts of colours, exact on the small city."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from city import BOTTOM, CRS, LEFT, boundaries, units_table, write_city
from shapely.geometry import Point

import qzrisk as qz
from qzrisk import pipeline, risk
from qzrisk.errors import ConfigError
from qzrisk.levels import FOUR_LEVELS
from qzrisk.maps import static
from qzrisk.maps.furniture.legend import legend_rows
from qzrisk.pipeline import specs, themes
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import safety
from qzrisk.pipeline.themes.safety_maps import symbol_worth

FIRMS = pd.DataFrame({
    "enterprise_id": ["mill", "dock", "yard", "tank", "pit"],
    "unit_id": ["va", "va", "vd", "vf", None],
    "name": ["甲厂", "乙厂", "丙厂", "丁厂", "戊厂"],
    "kind": ["demonstration", "demonstration", "demonstration", "hazchem", "mine"],
    "sector": ["industry_trade", "industry_trade", "gas", "hazchem", "mining"],
    "level": ["red", "yellow", "blue", "orange", "blue"],
    "major_hazard_grade": [None, None, None, 3, None]})
# mill: 10*6*7=420 red and a lower one; dock: 3*6*3=54 blue by LEC, 3*4=12 yellow by LS; yard: no
# point; tank: a major hazard source with no score; pit: a score off the scale, one missing.
POINTS = pd.DataFrame({
    "point_id": ["p1", "p2", "p3", "p4", "p5", "p6", "p7"],
    "enterprise_id": ["mill", "mill", "dock", "dock", "tank", "pit", "pit"],
    "method": ["LEC", "direct", "LEC", "LS", "LEC", "LEC", "LS"],
    "L": [10, None, 3, 3, None, 5, 4], "E": [6, None, 6, None, None, 6, None],
    "C": [7, None, 3, None, None, 7, None], "S": [None, None, None, 4, None, None, None],
    "grade": ["red", "blue", "yellow", "yellow", None, "red", "red"],
    "major_hazard_source": [False, False, False, False, True, False, False]})


def firms_frame():
    places = [Point(LEFT + x, BOTTOM + 1234) for x in (1011, 1511, 7011, 11011, 11511)]
    return gpd.GeoDataFrame(FIRMS, geometry=places, crs=CRS)


@pytest.fixture(scope="module")
def loaded():
    return Loaded(
        layers={"boundaries": boundaries().set_index("unit_id"),
                "enterprises": firms_frame().set_index("enterprise_id")},
        tables={"units": units_table().set_index("unit_id"),
                "risk_points": POINTS.set_index("point_id")},
        rasters={}, quarantine={}, issues=pd.DataFrame(), counts=pd.DataFrame())


@pytest.fixture(scope="module")
def project(tiny_city):
    return qz.open_project(tiny_city)


def the_map(project, loaded, audience):
    spoken = dataclasses.replace(project, audience=audience)
    common = specs.common_parts(spoken, loaded, "run")
    spec, = [spec for spec in themes.map_specs(spoken, loaded, common)
             if spec.name == "13_enterprises"]
    return spec


# analysis


def test_each_method_answers_for_itself():
    points = POINTS.set_index("point_id").drop(index="p6")
    levels = risk.point_levels(points)
    assert levels.drop("p7").to_dict() == {
        "p1": "red", "p2": "blue", "p3": "blue", "p4": "yellow", "p5": "red"}
    assert pd.isna(levels["p7"]), "declared red, but LS without S is no level"
    assert levels.cat.categories.tolist() == list(FOUR_LEVELS)
    assert levels.index.equals(points.index)


def test_a_score_off_its_scale_is_refused():
    points = POINTS.set_index("point_id")
    assert risk.off_scale(points).to_dict() == {
        **dict.fromkeys(points.index, ""), "p6": "L=5"}
    with pytest.raises(ConfigError, match="off its scale"):
        risk.point_levels(points)
    with pytest.raises(ConfigError, match="unknown method"):
        risk.point_levels(points.assign(method="MES"))
    with pytest.raises(ConfigError, match="unknown class"):
        risk.point_levels(points.loc[["p2"]].assign(grade="purple"))


def test_several_faults_of_a_point_are_all_told():
    points = pd.DataFrame({"method": ["LEC", "LS", None], "L": [5, 0, 99], "E": [4, 4, 4],
                           "C": [7, 8, 8], "S": [9, 6, 6]}, index=list("abc"))
    assert risk.off_scale(points).tolist() == ["L=5, E=4", "L=0, S=6", ""]


def test_a_gap_is_never_the_lowest_level_and_a_source_always_the_highest():
    one = {"method": "LEC", "L": 1.0, "E": 1.0, "C": 1.0}
    rows = pd.DataFrame([one, {**one, "C": np.nan}, {"method": None},
                         {"method": "direct", "grade": None},
                         {**one, "major_hazard_source": True},
                         {"method": None, "major_hazard_source": True}])
    levels = risk.point_levels(rows)
    assert levels.isna().tolist() == [False, True, True, True, False, False]
    assert levels.dropna().tolist() == ["blue", "red", "red"]


def test_columns_that_no_point_needs_may_be_absent():
    assert risk.point_levels(pd.DataFrame({"method": ["direct"], "grade": ["orange"]})).tolist() \
        == ["orange"]
    assert risk.point_levels(pd.DataFrame({"method": ["LS"], "L": [5], "S": [5]})).tolist() \
        == ["red"]
    assert risk.point_levels(pd.DataFrame({"method": pd.Series(dtype="str")})).empty
    assert risk.point_levels(pd.DataFrame({"method": ["LS"], "L": [5]})).isna().all()


# enterprises, counties, sectors


def test_an_enterprise_takes_its_worst_point(loaded):
    levels = safety.firm_levels(loaded)
    assert levels.drop(["yard", "pit"]).to_dict() == {
        "mill": "red", "dock": "yellow", "tank": "red"}
    assert levels[["yard", "pit"]].isna().all(), "no graded point, no level, whatever is declared"


def test_without_risk_points_the_declared_level_counts_but_a_source_is_red(loaded):
    declared = dataclasses.replace(loaded, tables={"units": loaded.tables["units"]})
    assert safety.firm_levels(declared).tolist() == ["red", "yellow", "blue", "red", "blue"]
    assert safety.found(declared, "en").empty


def test_counties_count_colours(loaded):
    table = safety.by_county(loaded)
    assert table.index.tolist() == ["A", "B", "Z", "unplaced", "total"]
    assert table.loc["A", ["firms_red", "firms_orange", "firms_yellow", "firms_blue",
                           "firms_none", "firms"]].tolist() == [1, 0, 1, 0, 0, 2]
    assert table.loc["B", ["firms_red", "firms_none", "firms"]].tolist() == [1, 1, 2]
    assert table.loc["Z"].isna().all(), "outside the statistics is no zero"
    assert table.loc["total", ["firms", "risk_points", "points_red", "points_blue",
                               "points_none"]].tolist() == [5, 7, 2, 2, 2]
    colours = [c for c in table if c.startswith("points_")]
    assert (table[colours].sum(axis=1)[["A", "B", "total"]]
            == table.loc[["A", "B", "total"], "risk_points"]).all()


def test_towns_and_sectors_sum_to_the_same(loaded):
    towns, sectors = safety.by_town(loaded), safety.by_sector(loaded)
    assert towns.index.tolist() == ["tA", "tB", "unplaced", "total"]
    assert towns.loc["tB", ["firms_red", "firms_none", "firms"]].tolist() == [1, 1, 2]
    assert sectors.index.tolist() == ["gas", "hazchem", "industry_trade", "mining", "total"]
    assert sectors.loc["industry_trade", ["firms_red", "firms_yellow", "points_blue"]].tolist() \
        == [1, 1, 2]
    county = safety.by_county(loaded).loc["total"]
    for table in (towns, sectors):
        assert table.loc["total"].to_dict() == county[table.columns].to_dict()
        assert (table.drop(index="total").sum() == table.loc["total"]).all()


# findings


def test_what_does_not_agree_is_found(loaded):
    found = safety.found(loaded, "en").set_index(["rule", "record_id"])
    assert sorted(found.index) == sorted([
        ("score_off_scale", "p6"), ("score_missing", "p7"), ("grade_differs", "p3"),
        ("level_differs", "tank"), ("no_risk_points", "yard")])
    assert found["severity"].to_dict()[("score_off_scale", "p6")] == "error"
    assert "L=5" in found.loc[("score_off_scale", "p6"), "message"]
    words = found.loc[("level_differs", "tank"), "message"]
    assert "Larger (orange)" in words and "Major (red)" in words
    assert "甲厂" not in "".join(found["message"])
    strange = dataclasses.replace(loaded, tables={**loaded.tables, "risk_points":
                                  loaded.tables["risk_points"].assign(enterprise_id="nobody")})
    assert (safety.found(strange, "zh")["rule"] == "unknown_enterprise").sum() == 7


# map and sheets


def test_the_public_map_counts_and_shows_no_place(project, loaded, tmp_path):
    spec = the_map(project, loaded, "public")
    layer = spec.layer("firm_counts")
    assert layer.counts() == {"blue": 0, "yellow": 1, "orange": 0, "red": 2, "no_data": 1}
    assert set(layer.frame) == {"name", "geometry"}, "a county's name, nothing of an enterprise"
    true = {point.coords[0] for point in loaded.layers["enterprises"].geometry}
    assert not true & {point.coords[0] for point in layer.frame.geometry}
    # A is 6 km wide and 5 km high: its two symbols stand side by side about its middle.
    first = layer.frame[layer.frame["name"] == "A县"]
    assert np.mean([p.x for p in first.geometry]) == pytest.approx(LEFT + 3000, abs=600)
    assert np.mean([p.y for p in first.geometry]) == pytest.approx(BOTTOM + 2500, abs=60)
    assert spec.layer("outside").frame["name"].tolist() == ["Z县"]
    assert spec.table.iloc[:, 0].tolist() == ["A县", "B县", "Z县", "未注明单元", "合计"]
    assert spec.table.iloc[2, 1:].isna().all()
    assert any("1" in note and "图上不示" in note for note in spec.notes)
    assert spec.rule_pack.startswith("work_safety ") and "coverage" not in spec.rule_pack
    assert static.save(spec, tmp_path / "13.png", dpi=40).stat().st_size > 10_000


def test_its_legend_is_its_own(project, loaded):
    rows = {row.code: row for row in legend_rows(the_map(project, loaded, "public")) if row.code}
    assert rows["red"].words == "重大风险（红）" and rows["red"].count == 2
    assert rows["orange"].count == 0, "an empty class stays"
    assert "高风险" not in {row.words for row in rows.values()}


def test_the_internal_map_shows_each_enterprise(project, loaded):
    layer = the_map(project, loaded, "internal").layer("enterprises")
    assert layer.classes.astype("str").fillna("-").tolist() == ["red", "yellow", "-", "red", "-"]
    assert layer.frame.geometry.iloc[0].x == LEFT + 1011


def test_many_enterprises_share_a_symbol(project, loaded):
    many = pd.concat([loaded.layers["enterprises"].iloc[[0]]] * 120)
    many.index = pd.Index([f"f{n}" for n in range(120)], name="enterprise_id")
    crowd = dataclasses.replace(loaded, layers={**loaded.layers, "enterprises": many},
                                tables={"units": loaded.tables["units"]})
    spec = the_map(project, crowd, "public")
    assert spec.layer("firm_counts").counts()["red"] == 24
    assert any("5家" in note for note in spec.notes)
    assert [symbol_worth(n) for n in (0, 49, 50, 98, 99, 4900)] == [1, 1, 2, 2, 5, 100]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sheets_by_audience(project, loaded, language):
    spoken = dataclasses.replace(project, language=language)
    public = themes.books(dataclasses.replace(spoken, audience="public"), loaded, [])
    assert [name for name in public if "safety" in name] == [
        "layers_safety_counties", "layers_safety_towns", "layers_safety_sectors"]
    words = "".join(f"{sheet.frame.to_csv()}" for sheet in public.values())
    assert not any(name in words for name in FIRMS["name"])
    inside = themes.books(dataclasses.replace(spoken, audience="internal"), loaded, [])
    firms = inside["layers_safety_firms"]
    assert firms.frame.loc["tank", ["level", "declared", "points_red"]].tolist() == [
        "red", "orange", 1]
    assert firms.frame.loc["yard", "risk_points"] == 0
    for sheet in inside.values():
        assert set(sheet.frame) <= set(sheet.headings)
        assert any("LEC" in note for note in sheet.notes) or "safety" not in sheet.name


# a whole project


@pytest.fixture(scope="module")
def city_with_firms(tmp_path_factory):
    path = write_city(tmp_path_factory.mktemp("firms"))
    firms_frame().to_crs("EPSG:4326").to_file(path.parent / "firms.geojson")
    table = POINTS.replace({"grade": {"red": "重大风险", "yellow": "一般", "blue": "低"}})
    table.rename(columns={"method": "评价方法", "L": "可能性"}).to_csv(
        path.parent / "points.csv", index=False)
    with path.open("a", encoding="utf-8") as file:
        for layer, name in (("enterprises", "firms.geojson"), ("risk_points", "points.csv")):
            file.write(f'[[source]]\nlayer = "{layer}"\npath = "{name}"\n')
    return qz.open_project(path)


def test_check_tells_the_findings(city_with_firms):
    loaded, _, issues = pipeline.check(city_with_firms)
    assert loaded.tables["risk_points"]["grade"].dropna().tolist() == [
        "red", "blue", "yellow", "yellow", "red", "red"]
    assert {"score_off_scale", "score_missing", "level_differs"} <= set(issues["rule"])


def test_the_public_database_holds_no_risk_point(city_with_firms, tmp_path):
    from qzrisk.layers import database
    from qzrisk.pipeline import products

    loaded = qz.load(dataclasses.replace(city_with_firms, audience="public"))
    project = dataclasses.replace(city_with_firms, audience="public")
    results = pipeline.measures.Results(
        coverage={}, risk={}, indicators=pd.DataFrame(), bounds=(), cases={})
    held = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products.coverage_sheets, "LEVELS", ())
        patch.setattr(database, "write", lambda path, frames, **_: held.update(frames) or path)
        products.database_files(project, loaded, results, loaded.issues, pd.DataFrame(), tmp_path)
    assert len(held["risk_points"]) == 0
    assert "tank" not in held["enterprises"].index

"""Forest fire: distance to class I, classes by a user's table, fire-weather grades by hand."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from city import BOTTOM, CRS, LEFT, boundaries, demand, shelters, units_table
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box

import qzrisk as qz
from qzrisk import rules
from qzrisk.analysis import forest
from qzrisk.errors import ConfigError, CRSError
from qzrisk.levels import FIVE_LEVELS, THREE_LEVELS, palette
from qzrisk.maps import static
from qzrisk.maps.furniture.legend import legend_rows
from qzrisk.pipeline import specs, themes
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import fire


def days(rain, station="s", first="2021-01-01", **columns):
    count = len(rain)
    return pd.DataFrame({
        "station_id": station, "date": pd.date_range(first, periods=count), "rain_mm": rain,
        "max_temperature_c": 18.0, "humidity_percent": 70.0, "wind_m_s": 2.0, **columns})


# zones


def zones(**columns):
    return gpd.GeoDataFrame(
        {"danger_class": ["I", "III", "I"], **columns}, crs=CRS,
        geometry=[box(LEFT, BOTTOM, LEFT + 1000, BOTTOM + 1000),
                  box(LEFT + 1000, BOTTOM, LEFT + 2000, BOTTOM + 1000),
                  box(LEFT + 8000, BOTTOM, LEFT + 9000, BOTTOM + 1000)], index=["f1", "f2", "f3"])


def test_distance_is_to_the_nearest_zone_of_that_class():
    places = gpd.GeoDataFrame(
        geometry=[Point(LEFT + 500, BOTTOM), Point(LEFT + 1500, BOTTOM + 500),
                  Point(LEFT + 1300, BOTTOM + 1400), None], crs=CRS, index=list("abcd"))
    found = forest.distance_to_class(places, zones())
    assert found.drop("d").tolist() == pytest.approx([0, 500, 500])  # c: 300 east, 400 north
    assert np.isnan(found["d"])
    assert forest.distance_to_class(places, zones(), danger_class="III")["b"] == 0
    none = forest.distance_to_class(places, zones(), danger_class="II")
    assert np.isinf(none.drop("d")).all() and np.isnan(none["d"])


def test_distance_refuses_degrees_other_systems_and_other_classes():
    places = gpd.GeoDataFrame(geometry=[Point(118, 25)], crs="EPSG:4490")
    with pytest.raises(CRSError, match="4490"):
        forest.distance_to_class(places, zones())
    with pytest.raises(CRSError):
        forest.distance_to_class(places, zones().to_crs("EPSG:4490"))
    with pytest.raises(ConfigError, match="IV"):
        forest.distance_to_class(places.to_crs(CRS), zones(), danger_class="IV")


def test_classes_by_a_users_table():
    table = pd.DataFrame({"factor": ["fuel"] * 3 + ["rain"] * 2,
                          "upper": [np.inf, 1, 2, 50, 100], "score": [9, 1, 3, 2, 0]})
    values = pd.DataFrame({"fuel": [1, 1.5, 5, 5, np.nan, 1], "rain": [50, 60, 40, 100, 40, 101]},
                          index=list("abcdef"))
    # Sums: 3, 3, 11, 9; e lacks a factor, f lies above the last band of rain.
    made = forest.danger_class(values, table, bounds=(3, 9))
    assert made.cat.categories.tolist() == list(THREE_LEVELS)
    assert made[:4].tolist() == ["III", "III", "I", "II"]
    assert made[4:].isna().all()
    assert made[:4].max() == "I", "class I is the highest"
    with pytest.raises(ConfigError, match="bounds"):
        forest.danger_class(values, table, bounds=(9, 3))
    with pytest.raises(ConfigError, match="factors"):
        forest.danger_class(values[["fuel"]], table, bounds=(3, 9))


# weather


def test_dry_days_by_hand():
    found = forest.dry_days(days([0, 3, 0, 0.1, 0.2, 0, np.nan, 0, 0, 8, 0]))
    assert found.fillna(-1).tolist() == [-1, 0, 1, 2, 0, 1, -1, -1, -1, 0, 1]


def test_enough_dry_days_on_record_are_known_whatever_came_before():
    found = forest.dry_days(days([0.0] * 13))
    assert found.isna().tolist() == [True] * 9 + [False] * 4
    # From the tenth on the points are the greatest, so the rain before does not matter.
    assert forest.weather_index(days([0.0] * 13))["dry_spell"].dropna().tolist() == [50] * 4


def test_a_missing_day_and_another_station_break_the_count():
    two = pd.concat([days([2, 0, 0]), days([0, 0], first="2021-01-05"),
                     days([0, 0], station="t", first="2021-01-04")], ignore_index=True)
    found = forest.dry_days(two.sample(frac=1, random_state=3)).sort_index()
    assert found.fillna(-1).tolist() == [0, 1, 2, -1, -1, -1, -1]
    with pytest.raises(ConfigError, match="one station and day"):
        forest.dry_days(pd.concat([two, two.iloc[[0]]]))


HAND = [  # temperature, humidity, days since rain, wind -> points, grade
    (18, 70, 0, 2.0, (12, 0, 0, 10), "green"),
    (22, 50, 3, 4.0, (16, 8, 15, 15), "yellow"),
    (26, 30, 12, 6.0, (20, 16, 50, 20), "red"),
    (5, 65, 0, 0.2, (0, 0, 0, 0), "green"),
    (5.1, 64, 1, 0.3, (4, 4, 5, 5), "green"),
    (25, 25, 9, 17.1, (16, 16, 45, 35), "red"),
    (25.1, 24, 10, 17.2, (20, 20, 50, 40), "red"),
    (20, 55, 6, 1.0, (12, 4, 30, 5), "yellow"),
    (20, 55, 5, 1.0, (12, 4, 25, 5), "blue"),
]


@pytest.mark.parametrize(("heat", "damp", "dry", "wind", "points", "grade"), HAND)
def test_index_and_grade_by_hand(heat, damp, dry, wind, points, grade):
    table = days([5.0] + [0.0] * dry, max_temperature_c=heat, humidity_percent=damp, wind_m_s=wind)
    made = forest.weather_index(table).iloc[-1]
    assert made[["temperature", "humidity", "dry_spell", "wind"]].tolist() == list(points)
    assert made["index"] == sum(points)
    assert forest.weather_grade(pd.Series([made["index"]])).tolist() == [grade]


def test_published_bounds_of_the_grades():
    index = pd.Series([-5, 0, 25, 26, 50, 51, 72, 73, 90, 91, 130, np.nan])
    made = forest.weather_grade(index)
    assert made[:-1].tolist() == ["green"] * 3 + ["blue"] * 2 + ["yellow"] * 2 + ["orange"] * 2 \
        + ["red"] * 2
    assert pd.isna(made.iloc[-1])
    assert made.cat.ordered and made.cat.categories.tolist() == list(FIVE_LEVELS)


def test_a_correction_is_taken_off_and_none_is_0():
    table = days([5.0] * 3, season_correction=[10.0, None, 0.0])
    assert forest.weather_index(table)["index"].tolist() == [12, 22, 22]


@pytest.mark.parametrize("column", ["max_temperature_c", "humidity_percent", "rain_mm",
                                    "wind_m_s"])
def test_missing_weather_has_no_grade(column):
    table = days([5.0, 5.0])
    table.loc[0, column] = np.nan
    grade = forest.weather_grade(forest.weather_index(table)["index"])
    assert grade.isna().tolist() == [True, False]


@pytest.mark.parametrize(("column", "value"), [
    ("humidity_percent", 101), ("humidity_percent", -1), ("rain_mm", -0.1), ("wind_m_s", -1)])
def test_impossible_weather_is_refused(column, value):
    with pytest.raises(ConfigError, match=column):
        forest.weather_index(days([5.0], **{column: value} if column != "rain_mm" else {})
                             .assign(**{column: value}))
    with pytest.raises(ConfigError, match="wind_m_s"):
        forest.weather_index(days([5.0]).drop(columns="wind_m_s"))


@given(st.floats(-20, 45), st.floats(0, 100), st.floats(0, 30), st.floats(0, 10), st.floats(0, 10))
def test_hotter_drier_and_windier_is_never_safer(heat, damp, wind, more, less):
    table = pd.concat([days([5.0], station=name, max_temperature_c=t, humidity_percent=h,
                            wind_m_s=w) for name, t, h, w in
                       (("a", heat, damp, wind), ("b", heat + more, max(damp - less, 0),
                                                  wind + more))])
    low, high = forest.weather_index(table)["index"]
    assert 0 <= low <= high <= 130


def test_every_figure_says_how_sure_it_is():
    entries = rules.entries("forest_fire")
    assert entries["weather.temperature"]["confidence"] == "secondary"
    assert entries["zone.near"]["confidence"] == entries["weather.season"]["confidence"] \
        == "assumed"
    for name in ("temperature", "wind"):
        table = rules.value("forest_fire", f"weather.{name}")
        assert len(table["points"]) == len(table["upper"]) + 1
        assert table["upper"] == sorted(table["upper"])


# in a project


@pytest.fixture(scope="module")
def loaded():
    weather = pd.concat([
        days([5.0, 0, 0], "s1", unit_id="tA", max_temperature_c=26.0, humidity_percent=30.0),
        days([5.0, 5, 5], "s2", unit_id="A"),
        days([5.0, 5, np.nan], "s3", unit_id="B"),
        days([9.0], "s2", unit_id="A", first="2021-01-03", wind_m_s=17.2, max_temperature_c=30.0)],
        ignore_index=True)
    weather.index = pd.Index([f"w{n}" for n in range(len(weather))], name="record_id")
    return Loaded(
        layers={"boundaries": boundaries().set_index("unit_id"),
                "forest_zones": zones(unit_id=["va", "va", "ve"], area_m2=[1e6, 1e6, 1e6]),
                "demand": demand().set_index("demand_id"),
                "shelters": shelters().set_index("shelter_id")},
        tables={"units": units_table().set_index("unit_id"), "fire_weather": weather},
        rasters={}, quarantine={}, issues=pd.DataFrame(), counts=pd.DataFrame())


@pytest.fixture(scope="module")
def project(tiny_city):
    return qz.open_project(tiny_city)


def test_what_lies_near_class_one(loaded):
    """Class I is 0..1 km and 8..9 km east, 0..1 km north; cells stand 0.5, 1.5, ... km north.

    va (cells 1 km east): the cells at 0.5 km (on the edge) and 1.5 km (500 m) are near. vb (3 km
    east) is not. vd's cells (7 km east) are 1 km off; ve's (9 km) stand on the edge like va's.
    """
    table = fire.near(loaded)
    assert table.loc["A", ["persons", "persons_near", "villages", "villages_near"]].tolist() == [
        1500, 200, 3, 1]
    assert table.loc["B", ["persons_near", "villages_near", "area_ha_I"]].tolist() == [
        200, 1, 100]
    assert table.loc["A", "near_share"] == pytest.approx(200 / 1500)
    assert table.loc["total", ["shelters", "shelters_near"]].tolist() == [5, 0]
    assert table.loc["Z"].isna().all()


def test_a_county_takes_its_worst_station_and_missing_weather_is_no_grade(loaded):
    table = fire.table(loaded)
    # s1: 20 + 16 + 10 (two dry days) + 10; s2: 12 + 0 + 0 + 10; the second row of its last day
    # would make 60 and is not used.
    assert table["fire_index"].to_dict() == pytest.approx(
        {"A": 56, "B": np.nan, "Z": np.nan, "total": np.nan}, nan_ok=True)
    assert table.loc["A", "fire_grade"] == "yellow" and pd.isna(table.loc["B", "fire_grade"])
    assert table.loc["B", ["days_green", "days_none", "days"]].tolist() == [2, 1, 3]
    assert table.loc["total", "days"] == 9


def test_a_second_row_of_a_day_is_a_finding(loaded):
    found = fire.found(loaded, "en")
    assert found["record_id"].tolist() == ["w9"]
    assert "s2 2021-01-03" in found["message"].iloc[0]


def test_units_are_stations_where_none_is_named_and_columns_may_lack(loaded):
    slim = loaded.tables["fire_weather"].iloc[3:6].drop(columns=["station_id", "wind_m_s"])
    less = dataclasses.replace(loaded, tables={**loaded.tables, "fire_weather": slim})
    made = fire.weather(less)
    assert made["station_id"].tolist() == ["A"] * 3
    assert made["grade"].isna().all(), "no wind, no grade"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_map_has_its_own_legend(project, loaded, language, tmp_path):
    spoken = dataclasses.replace(project, language=language)
    made = {spec.name: spec for spec in themes.map_specs(
        spoken, loaded, specs.common_parts(spoken, loaded, "run"))}
    assert list(made) == ["10_fire_weather", "10_forest_zones"]
    spec = made["10_fire_weather"]
    layer = spec.layer("fire_weather")
    assert layer.classes.astype("str").fillna("-").to_dict() == {"A": "yellow", "B": "-"}
    assert layer.counts() == {"green": 0, "blue": 0, "yellow": 1, "orange": 0, "red": 0,
                              "no_data": 1}
    rows = [row for row in legend_rows(spec) if row.layer == "fire_weather" and row.code]
    assert [row.code for row in rows] == ["red", "orange", "yellow", "blue", "green", "no_data"]
    assert rows[0].note == "≥ 91" and rows[1].note == "73 – 90" and rows[4].note == "≤ 25"
    words = set(palette("fire_weather").words(language).values())
    for other in ("risk", "safety", "forest_danger", "danger_grade"):
        assert not words & set(palette(other).words(language).values())
    assert spec.layer("outside").frame["name"].tolist() == ["Z县"]
    assert spec.subtitle == "2021-01-03"
    assert spec.rule_pack.startswith("forest_fire ")
    assert any("推算" in note or "Computed" in note for note in spec.notes)
    assert any("500" in note for note in made["10_forest_zones"].notes)
    if language == "zh":
        assert static.save(spec, tmp_path / "10.png", dpi=40).stat().st_size > 10_000


@pytest.mark.parametrize("language", ["zh", "en"])
def test_sheets(project, loaded, language):
    books = themes.books(dataclasses.replace(project, language=language), loaded, ["note"])
    assert {"layers_forest_zones", "layers_forest_near", "layers_fire_weather"} == set(books)
    for sheet in books.values():
        assert set(sheet.frame) <= set(sheet.headings)
        assert sheet.notes[-1] == "note"
    assert books["layers_fire_weather"].words["fire_grade"]["red"]


def test_a_project_without_weather_has_no_such_map(project, loaded):
    bare = dataclasses.replace(loaded, tables={"units": loaded.tables["units"]})
    made = themes.map_specs(project, bare, specs.common_parts(project, bare, "run"))
    assert [spec.name for spec in made] == ["10_forest_zones"]
    assert fire.found(bare, "zh").empty

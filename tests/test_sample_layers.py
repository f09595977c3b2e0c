"""The rest of the sample city: the ten other layers and the report's numbers.

Reads only files under data/, with pandas and geopandas; the schemas are asked whether they know
every column and code.
"""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from sample_world import DATA, KINMEN, LAYERS, read, units, villages

from qzrisk import risk
from qzrisk.analysis import forest
from qzrisk.layers.schema import schema
from qzrisk.levels import FIVE_LEVELS

COUNTIES = ["350502", "350503", "350504", "350505", "350521", "350524", "350525", "350526",
            "350581", "350582", "350583"]  # fmt: skip
PERSONS = re.compile(r"样例\d{3,4}")
PHONES = re.compile(r"0595-0000\d{4}")


# ------------------------------------------------------------------ every layer


@pytest.mark.parametrize("name", LAYERS)
def test_columns_and_codes_are_those_of_the_schema(name):
    frame, rules = read(name), schema(name)
    strange = set(frame.columns) - set(rules.columns) - {"geometry", "lon", "lat"}
    assert not strange
    assert frame[rules.key].is_unique
    for column in rules.columns.values():
        if column.required:
            assert frame[column.name].notna().all(), column.name
        if column.type == "code" and column.name in frame:
            assert set(frame[column.name].dropna()) <= set(column.codes), column.name
        if column.type in {"int", "float"} and column.name in frame:
            values = frame[column.name].dropna()
            assert column.min is None or (values >= column.min).all(), column.name
            assert column.max is None or (values <= column.max).all(), column.name


@pytest.mark.parametrize("name", LAYERS)
def test_every_record_says_whether_it_is_synthetic(name):
    expected = name not in {"typhoons", "typhoon_fixes"}
    assert (read(name)["synthetic"].astype(bool) == expected).all()


@pytest.mark.parametrize("name", LAYERS)
def test_persons_and_telephones_are_unmistakably_invented(name):
    frame, rules = read(name), schema(name)
    people = [column for column in rules.personal() if "phone" not in column]
    for column in people:
        assert frame[column].map(lambda v: bool(PERSONS.fullmatch(v))).all(), column
    for column in {"phone", "local_phone", "railway_phone"} & set(frame.columns):
        assert rules.columns[column].personal
        assert frame[column].map(lambda v: bool(PHONES.fullmatch(v))).all(), column


@pytest.mark.parametrize("name", [n for n in LAYERS if "unit_id" in schema(n).columns])
def test_units_exist_and_none_is_in_kinmen(name):
    codes = read(name)["unit_id"]
    assert codes.isin(units()["unit_id"]).all()
    assert not codes.str.startswith(KINMEN).any()


@pytest.mark.parametrize("name", ["railway_points", "teams", "communities", "enterprises",
                                  "incidents", "hazard_points"])  # fmt: skip
def test_points_stand_in_their_village(name):
    frame = read(name)
    assert frame.crs.to_epsg() == 4490
    home = villages().set_index("unit_id").geometry[frame["unit_id"]]
    inside = frame.geometry.within(gpd.GeoSeries(home.to_numpy(), crs=frame.crs))
    assert inside.all()


def test_all_data_stays_under_20_mb():
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) <= 20_000_000


# ------------------------------------------------------------------ the report's numbers


def test_forest_zones():
    zones = read("forest_zones")
    assert 150 <= len(zones) <= 600
    assert set(zones["danger_class"]) == {"I", "II", "III"}
    metres = zones.to_crs(4549)
    assert metres.geometry.is_valid.all()
    assert np.allclose(metres.geometry.area, zones["area_m2"], rtol=1e-3)
    assert metres.union_all().area >= 0.9999 * metres.geometry.area.sum()  # no overlaps
    danger = zones.groupby("danger_class")["danger_index"].mean()
    assert danger["I"] > danger["II"] > danger["III"]
    assert 0.5 < zones["area_m2"].sum() / 10.95e9 < 0.68


def test_railway_lines():
    rails = read("railways").set_index("name")
    assert rails["line_type"].to_dict() == {
        "漳泉肖铁路": "ordinary", "兴泉铁路": "ordinary", "福厦铁路": "high_speed",
        "福厦高铁": "high_speed"}  # fmt: skip
    assert rails["schematic"].all()
    assert rails.index[rails["in_service_2021"]].tolist() == ["漳泉肖铁路", "福厦铁路"]
    length = rails.to_crs(4549).geometry.length
    assert np.allclose(rails["end_m"] - rails["start_m"], length, atol=0.5)
    land = villages().to_crs(4549).union_all().buffer(1000)
    inside = rails.to_crs(4549).geometry.intersection(land).length / length
    assert (inside > 0.93).all()


def test_310_railway_points_closed_in_2021_on_the_ordinary_line():
    points = read("railway_points")
    assert len(points) == 310
    assert (points["status"] == "closed").all()
    assert set(points["line_id"]) == {"ZQX"}
    assert points["assumption"].str.contains("假定").all()
    dates = points[["found_on", "due_on", "closed_on"]].apply(pd.to_datetime)
    assert (dates["found_on"] <= dates["closed_on"]).all()
    assert (dates["found_on"] < dates["due_on"]).all()
    for column in ("found_on", "closed_on"):
        assert dates[column].between("2021-01-01", "2021-12-31").all()
    line = read("railways").set_index("line_id").to_crs(4549).loc["ZQX"]
    metres = points.to_crs(4549)
    assert np.allclose(metres.distance(line.geometry), points["offset_m"], atol=1.0)
    along = metres.geometry.map(line.geometry.project) + line["start_m"]
    near = points["offset_m"] < 100  # far from a bent line the foot point may jump
    assert np.allclose(along[near], points["measure_m"][near], atol=3.0)
    parts = points["chainage"].str.extract(r"K(\d+)\+([\d.]+)").astype(float)
    assert np.allclose(parts[0] * 1000 + parts[1], points["measure_m"])


def test_sections_cover_the_lines_without_gaps():
    parts = read("railway_sections")
    rails = read("railways").set_index("line_id")
    assert set(parts["line_id"]) == set(rails.index)
    for line, rows in parts.groupby("line_id"):
        rows = rows.sort_values("from_m")
        assert rows["from_m"].iloc[0] == rails.loc[line, "start_m"]
        assert rows["to_m"].iloc[-1] == pytest.approx(rails.loc[line, "end_m"])
        assert (rows["from_m"].iloc[1:].to_numpy() == rows["to_m"].iloc[:-1].to_numpy()).all()
        assert (rows["unit_id"].iloc[1:].to_numpy() != rows["unit_id"].iloc[:-1].to_numpy()).all()
    assert set(parts["bureau_unit"]) == {"厦门工务段", "龙岩工务段"}
    assert parts["points"].sum() == parts["points_closed"].sum() == 310
    points = read("railway_points").merge(parts, on="section_id", suffixes=("", "_of_section"))
    assert len(points) == 310
    assert points["measure_m"].between(points["from_m"], points["to_m"]).all()
    assert parts["local_chief"].iloc[0] == "样例001"
    assert pd.concat([parts["local_chief"], parts["railway_chief"]]).is_unique


def test_443_teams_of_23396():
    teams = read("teams")
    assert len(teams) == 443
    assert teams["members"].sum() == 23_396
    social = teams[teams["kind"] == "social"]
    assert len(social) == 7
    assert social["full_members"].sum() == 428
    assert social["reserve_members"].sum() == 211
    assert (teams["members"] == teams["full_members"] + teams["reserve_members"]).all()
    assert (teams["members"] >= 8).all()


def test_49_and_6_communities():
    places = read("communities")
    assert places["kind"].value_counts().to_dict() == {"existing": 49, "new_2021": 6}
    assert ((places["awarded_year"] == 2021) == (places["kind"] == "new_2021")).all()
    assert set(places["unit_id"].str[:6]) == set(COUNTIES)
    assert places["unit_id"].is_unique


def test_enterprises():
    firms = read("enterprises")
    assert firms["kind"].value_counts().to_dict() == {"demonstration": 130, "mine": 26,
                                                      "hazchem": 23}  # fmt: skip
    shown = firms[firms["kind"] == "demonstration"]["size"].value_counts().to_dict()
    assert shown == {"large": 71, "medium": 25, "small": 34}
    assert firms["name"].str.fullmatch(r"样例企业\d{3}").all()
    in_care = firms["kind"].isin(["hazchem", "mine"])
    assert (firms["responsible_system"].astype(bool) == in_care).all()
    assert (firms["major_hazard_grade"].notna() == (firms["kind"] == "hazchem")).all()


def test_the_worst_point_of_an_enterprise_is_its_level():
    firms, points = read("enterprises"), read("risk_points").set_index("point_id")
    levels = risk.point_levels(points)
    assert (levels.astype("str") == points["grade"]).all(), "declared as the scores come out"
    worst = risk.worst(levels, points["enterprise_id"]).astype("str")
    assert worst.to_dict() == firms.set_index("enterprise_id")["level"].to_dict()
    source = points[points["major_hazard_source"]]
    assert set(source["enterprise_id"]) == set(
        firms["enterprise_id"][firms["major_hazard_grade"].notna()])
    home = points["enterprise_id"].map(firms.set_index("enterprise_id")["unit_id"])
    assert (home == points["unit_id"]).all()
    assert set(points["method"]) == {"LEC", "LS", "direct"}


def test_weather_of_every_county_and_day():
    table = read("fire_weather")
    assert set(table["unit_id"]) == set(COUNTIES)
    assert table.groupby("unit_id")["date"].nunique().eq(61).all()
    assert table["date"].max() == "2021-12-31"
    grade = forest.weather_grade(forest.weather_index(table)["index"])
    assert set(grade.dropna()) == set(FIVE_LEVELS)
    # Only the days before the first rain of the record have no grade.
    assert grade[table["date"] > "2021-11-20"].notna().all()


def test_5_fires_and_10_responses():
    fires, responses = read("incidents"), read("responses")
    assert len(fires) == 5
    assert set(fires["kind"]) == {"forest_fire"}
    assert set(fires["level"]) <= {"ordinary", "considerable"}
    assert (fires["level"] == "ordinary").equals(fires["burnt_area_m2"] < 10_000)
    assert fires[["deaths", "injured"]].to_numpy().sum() == 0
    dates = pd.to_datetime(fires["occurred_on"])
    assert (dates.dt.year == 2021).all()
    assert not dates.between("2021-03-28", "2021-04-12").any()  # Qingming: no fire
    joined = fires.sjoin(read("forest_zones")[["geometry"]], predicate="within")
    assert len(set(joined["incident_id"])) >= 4
    assert len(responses) == 10
    assert "geometry" not in responses
    assert (responses["started_on"] < responses["ended_on"]).all()
    assert responses["started_on"].str.startswith("2021").all()


def test_hidden_dangers_close_exactly():
    counts, rows = read("hidden_danger_counts"), read("hidden_dangers")
    assert counts["found"].sum() == 377_300
    assert counts["closed"].sum() == 376_900
    assert (counts["closed"] <= counts["found"]).all()
    assert counts["unit_id"].nunique() == 13
    assert set(counts["unit_id"]) == set(units()["reporting_id"]) - {""}
    assert len(counts) == 13 * counts["sector"].nunique() == 130
    assert rows["state"].value_counts().to_dict() == {"closed": 5_000, "open": 400}
    key = ["unit_id", "sector"]
    left = counts.set_index(key)["found"] - counts.set_index(key)["closed"]
    still_open = rows[rows["state"] == "open"].groupby(key).size()
    assert left[left > 0].sort_index().equals(still_open.rename(None).sort_index())
    assert (rows["closed_on"].notna() == (rows["state"] == "closed")).all()
    assert (rows["closed_on"].dropna() >= rows["found_on"][rows["closed_on"].notna()]).all()
    assert rows["closed_on"].dropna().between("2021-01-01", "2021-12-31").all()
    assert rows["found_on"].between("2021-01-01", "2021-12-31").all()
    assert set(rows["grade"]) == {"一般", "重大"}


def test_hazard_points_and_grades():
    points = read("hazard_points")
    slope = points["kind"] == "high_steep_slope"
    nanan = points["unit_id"].str.startswith("350583")
    assert (nanan & ~slope).sum() == 237
    assert (nanan & slope).sum() == 283
    assert set(points["unit_id"].str[:6]) == set(COUNTIES)
    persons, yuan = points["threatened_persons"], points["threatened_property_yuan"]
    worst = np.select(
        [(persons >= 1000) | (yuan >= 100e6), (persons >= 500) | (yuan >= 50e6),
         (persons >= 100) | (yuan >= 5e6)], ["exceptional", "large", "medium"], "small",
    )  # fmt: skip
    assert (points["level"] == worst).all()


def test_census_records():
    records, targets = read("survey"), read("survey_targets")
    assert (DATA / "census" / "survey.csv").stat().st_size <= 1_000_000
    assert targets["unit_id"].nunique() == 13
    due = targets.groupby("form")["target"].sum()
    assert due["shelter"] == 2746
    assert due["team"] == 443
    assert due["hazard_point"] == len(read("hazard_points"))
    assert due["community"] == 2572
    assert due["enterprise"] == len(read("enterprises"))
    town = units()[units()["level"] == "village"].assign(
        town=lambda frame: frame["unit_id"].str[:9]).drop_duplicates("town")  # fmt: skip
    unit = records["unit_id"].str[:9].map(town.set_index("town")["reporting_id"])
    sent = records.groupby([unit, "form"]).size()
    left = targets.set_index(["unit_id", "form"])["target"].sub(sent, fill_value=0)
    assert (left >= 0).all()
    assert (left.xs("350583") == 0).all()  # the pilot is through
    assert set(records["stage"][unit == "350583"]) == {"national_check"}
    assert (left.drop("350583").groupby("unit_id").sum() > 0).sum() >= 11
    assert (records["surveyed_on"] <= records["submitted_on"]).all()
    assert records["submitted_on"].max() <= "2021-12-31"
    assert (records["indicator_errors"] <= records["indicators"]).all()


def test_typhoons_are_the_real_tracks_in_beijing_time():
    storms, fixes = read("typhoons"), read("typhoon_fixes")
    source = pd.read_csv(DATA / "sources" / "typhoon_tracks_ibtracs_1980_2024_300km.csv")
    source = source.sort_values(["track_id", "time"], ignore_index=True)
    assert len(storms) == 139
    assert len(fixes) == len(source)
    hours = pd.to_datetime(fixes["time_beijing"]) - pd.to_datetime(source["time"])
    assert (hours == pd.Timedelta(hours=8)).all()
    assert (fixes["lat"] == source["lat"]).all()
    assert np.allclose((fixes["lon"] - source["lon"]) % 360, 0)  # past the date line: -179
    assert fixes["lon"].between(-180, 180).all()
    wmo, jtwc = source["wmo_wind_kt"], source["jtwc_wind_kt"]
    assert ((fixes["wind_source"] == "wmo_10min") == wmo.notna()).all()
    assert ((fixes["wind_source"] == "jtwc_1min") == (wmo.isna() & jtwc.notna())).all()
    assert np.allclose(fixes["wind_m_s"], wmo.fillna(jtwc) * 0.514444, atol=0.051, equal_nan=True)
    assert (storms["nearest_m"] <= 300_000 * 1.2).all()
    assert storms["fixes"].sum() == len(fixes)

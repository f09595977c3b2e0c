"""What the public may see: rounded points, counts by town, nobody named."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from city import units_table
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box

from qzrisk.errors import ConfigError
from qzrisk.maps import audience

CRS = "EPSG:4547"


@pytest.fixture(scope="module")
def units():
    return units_table().set_index("unit_id")


def firms():
    return gpd.GeoDataFrame(
        {"unit_id": ["va", "va", "ve", "ve", "va"],
         "kind": ["mine", "hazchem", "demonstration", "demonstration", "demonstration"],
         "sector": ["mining", "hazchem", "gas", "fire", "building"],
         "major_hazard_grade": pd.array([None, None, None, 3, None], dtype="Int64"),
         "phone": "0595-00000001"},
        geometry=[Point(480_000 + 37 * i, 3_300_000 + 11 * i) for i in range(5)],
        crs=CRS, index=list("pqrst"))


def test_hazardous_plants_are_found_by_kind_sector_and_grade():
    assert audience.counted_only(firms(), "enterprises").tolist() == [
        False, True, True, True, False]


@pytest.mark.parametrize(("layer", "all_of_it"), [
    ("teams", True), ("railway_points", True), ("communities", False), ("hazard_points", False)])
def test_layers_that_are_only_counted(layer, all_of_it):
    assert (audience.counted_only(firms(), layer) == all_of_it).all()


def test_public_sees_no_hidden_record_no_person_and_no_exact_place():
    given_ = firms()
    seen = audience.shown(given_, "enterprises", audience="public", personal=["phone"])
    assert seen.index.tolist() == ["p", "t"]
    assert "phone" not in seen
    degrees = seen.geometry.to_crs("EPSG:4490")
    for value in np.concatenate([degrees.x, degrees.y]):
        assert value == pytest.approx(round(value, 3), abs=1e-8)
    assert (seen.distance(given_.loc[seen.index]) > 0.5).all()
    assert "phone" in given_, "the input stays as it was"


def test_public_loses_the_columns_that_tell_the_place():
    frame = firms().assign(lon=118.1, lat=24.9, chainage="K1+000")
    seen = audience.shown(frame, "incidents", audience="public")
    assert not {"lon", "lat", "chainage"} & set(seen)


def test_internal_sees_the_frame_itself():
    frame = firms()
    assert audience.shown(frame, "teams", audience="internal", personal=["phone"]) is frame


def test_areas_are_not_moved():
    zones = gpd.GeoDataFrame({"unit_id": ["va"]}, geometry=[box(1, 1, 2, 2)], crs=CRS)
    seen = audience.shown(zones, "forest_zones", audience="public")
    assert seen.geometry.iloc[0].equals(zones.geometry.iloc[0])


@given(st.floats(73, 135), st.floats(4, 53))
def test_rounding_moves_at_most_half_a_step_and_only_once(lon, lat):
    frame = gpd.GeoDataFrame(geometry=[Point(lon, lat)], crs="EPSG:4490")
    once = audience.rounded(frame)
    place = once.geometry.iloc[0]
    assert abs(place.x - lon) <= 0.0005 + 1e-9
    assert abs(place.y - lat) <= 0.0005 + 1e-9
    assert audience.rounded(once).geometry.iloc[0].equals(place)


def test_missing_points_stay_missing():
    frame = gpd.GeoDataFrame(geometry=[None, Point(118.12345, 24.98765)], crs="EPSG:4490")
    made = audience.rounded(frame)
    assert made.geometry.iloc[0] is None
    assert made.geometry.iloc[1].coords[0] == (118.123, 24.988)


def test_a_step_of_zero_is_refused():
    with pytest.raises(ConfigError, match="step"):
        audience.rounded(firms(), step_deg=0)


def test_counts_by_town_add_up(units):
    frame = firms()
    made = audience.town_counts(frame, units, by=frame["kind"])
    assert made.index.tolist() == ["tA", "tB"]
    assert made["count"].tolist() == [3, 2]
    assert made["demonstration"].tolist() == [1, 2]
    assert made["mine"].tolist() == [1, 0]


def test_what_has_no_town_is_in_no_count(units):
    frame = pd.DataFrame({"unit_id": ["A", None, "nowhere", "Z", "tB"]})
    assert audience.town_counts(frame, units)["count"].to_dict() == {"tB": 1}
    assert audience.town_counts(frame.iloc[:0], units).empty

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point

from qzrisk import crs
from qzrisk.errors import CRSError

# 118.6757 E 24.8741 N, figures of the public algorithm.
WGS, GCJ, BD = (118.6757, 24.8741), (118.680247, 24.871192), (118.686692, 24.877552)


def test_published_example():
    assert np.allclose(crs.wgs84_to_gcj02(*WGS), GCJ, atol=1e-6)
    assert np.allclose(crs.wgs84_to_bd09(*WGS), BD, atol=1e-6)
    assert np.allclose(crs.gcj02_to_bd09(*GCJ), BD, atol=1e-6)


@given(st.floats(100, 119.5), st.floats(24.0, 40.0))
def test_round_trip_is_under_a_tenth_of_a_millimetre(lon, lat):
    for there, back in ((crs.wgs84_to_gcj02, crs.gcj02_to_wgs84),
                        (crs.gcj02_to_bd09, crs.bd09_to_gcj02),
                        (crs.wgs84_to_bd09, crs.bd09_to_wgs84)):
        x, y = back(*there(lon, lat))
        assert abs(x - lon) * 111e3 < 1e-4
        assert abs(y - lat) * 111e3 < 1e-4


def test_identity_far_from_mainland_china():
    lon = np.array([139.69, 103.82, 100.50, -0.12, 121.56, np.nan])
    lat = np.array([35.69, 1.35, 13.75, 51.50, 25.03, np.nan])
    x, y = crs.wgs84_to_gcj02(lon, lat)
    assert np.array_equal(x, lon, equal_nan=True)
    assert np.array_equal(y, lat, equal_nan=True)


def test_offset_is_over_five_hundred_metres_here():
    x, y = crs.wgs84_to_gcj02(118.6, 24.9)
    metres = np.hypot((x - 118.6) * 101e3, (y - 24.9) * 110.8e3)
    assert 540 < metres < 620


@pytest.mark.parametrize(("bad", "words"), [
    (None, "no coordinate reference system"), ("EPSG:4490", "projected CRS in metres"),
    ("EPSG:3857", "Web Mercator"), ("EPSG:2263", "metres")])
def test_require_projected_refuses(bad, words):
    with pytest.raises(CRSError, match=words):
        crs.require_projected(bad, where="here")


def test_require_same_names_both():
    one = gpd.GeoSeries([Point(0, 0)], crs="EPSG:4549")
    two = gpd.GeoSeries([Point(0, 0)], crs="EPSG:4548")
    crs.require_same(one, one, names=("a", "b"))
    with pytest.raises(CRSError, match=r"EPSG:4549.*EPSG:4548"):
        crs.require_same(one, two, names=("a", "b"))

"""Indicators in a world of two zones and a 1 x 4 raster, every number by hand."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from qzrisk.analysis import indicators, raster
from qzrisk.errors import ConfigError, CRSError, SchemaError
from qzrisk.grid import Raster, gather

CRS = "EPSG:4549"
PLACE = {"crs": CRS, "transform": (100, 0, 0, 0, -100, 100), "nodata": -9}
# Zone A covers cells 1 and 2, zone B half of cell 3; cell 4 is in no zone; C is off the grid.
ZONES = gpd.GeoSeries([box(0, 0, 200, 100), box(200, 0, 250, 100), box(900, 0, 1000, 100)],
                      index=["A", "B", "C"], crs=CRS)
DEPTH = Raster(np.array([[0.0, 2.0, 1.0, 9.0]]), **PLACE)


def test_share_above_counts_area_and_a_value_on_the_limit_is_not_above():
    assert indicators.share_above(DEPTH, ZONES, 1.0).tolist()[:2] == [0.5, 0.0]
    assert np.isnan(indicators.share_above(DEPTH, ZONES, 1.0)["C"])


def test_a_cell_of_a_float32_raster_equals_the_limit_it_was_written_as():
    # 0.3 is 0.30000001 in float32, and is not above 0.3 for that; 0.7 is 0.69999999.
    depth = Raster(np.array([[0.3, 0.3, 0.7, 0.7]], dtype="float32"), **PLACE)
    assert indicators.share_above(depth, ZONES, 0.3).tolist()[:2] == [0.0, 1.0]
    assert indicators.class_score(depth, ZONES, [1, 2, 3], bounds=[0.3, 0.7]).tolist()[:2] == [1, 2]


def test_missing_cells_are_left_out_of_a_share():
    holed = Raster(np.array([[-9.0, 2.0, -9.0, 9.0]]), **PLACE)
    made = indicators.share_above(holed, ZONES, 1.0)
    assert made["A"] == 1.0
    assert np.isnan(made["B"])


def test_class_score_by_bounds_and_by_table():
    by_bounds = indicators.class_score(DEPTH, ZONES, [0, 10, 40], bounds=[0.5, 1.5])
    assert by_bounds.tolist()[:2] == [20.0, 10.0]
    codes = Raster(np.array([[3, 7, 7, 3]], dtype="uint8"), **{**PLACE, "nodata": 255})
    assert indicators.class_score(codes, ZONES, {3: 1.0, 7: 5.0}).tolist()[:2] == [3.0, 5.0]
    with pytest.raises(ConfigError, match="lacks"):
        indicators.class_score(codes, ZONES, {3: 1.0})
    with pytest.raises(ConfigError, match="3 for 2 bounds"):
        indicators.class_score(DEPTH, ZONES, [0, 10], bounds=[0.5, 1.5])


def test_things_belong_where_they_lie_and_are_counted_or_summed():
    things = gpd.GeoDataFrame(
        {"members": [3.0, None, 5.0, 7.0, 9.0]}, index=list("vwxyz"), crs=CRS,
        geometry=[Point(10, 10), Point(200, 50), LineString([(60, 50), (140, 50)]),
                  Point(600, 50), Point(1, 1)])
    home = indicators.zone_of(things, ZONES)
    # A point on the shared edge goes to the first zone; the one outside has none.
    assert home.fillna("-").tolist() == ["A", "A", "A", "-", "A"]
    assert indicators.total(home, ZONES.index).tolist() == [4.0, 0.0, 0.0]
    assert indicators.total(home, ZONES.index, things["members"]).tolist() == [17.0, 0.0, 0.0]
    lone = indicators.total(home.loc[["w"]], ZONES.index, things["members"].loc[["w"]])
    assert np.isnan(lone["A"])  # something is there, how much is not known
    with pytest.raises(CRSError):
        indicators.zone_of(things.to_crs(4490), ZONES)


def test_persons_mean_leaves_out_persons_without_a_value():
    made = indicators.persons_mean(
        pd.Series([100.0, 400, None, None]), pd.Series([3, 1, 50, 2]),
        pd.Series(["A", "A", "A", "B"]), ZONES.index)
    assert made["A"] == 175.0
    assert made[["B", "C"]].isna().all()


def test_distance_to_points_lines_and_areas():
    points = gpd.GeoSeries([Point(0, 0), Point(50, 50)], index=["p", "q"], crs=CRS)
    far = gpd.GeoSeries([Point(30, 40), box(40, 40, 60, 60)], crs=CRS)
    assert indicators.distance_to(points, far.iloc[:1]).round(6).tolist() == [50.0, 22.36068]
    assert indicators.distance_to(points, far).tolist() == [50.0, 0.0]
    with pytest.raises(ConfigError, match="no feature"):
        indicators.distance_to(points, far.iloc[:0])


def test_burn_is_the_zone_at_the_centre():
    wider = gpd.GeoSeries([ZONES["A"], box(200, 0, 260, 100)], crs=CRS)
    assert gather(raster.burn(wider, DEPTH)).read().tolist() == [[0, 0, 1, -1]]
    narrower = gpd.GeoSeries([ZONES["A"], box(200, 0, 240, 100)], crs=CRS)
    assert gather(raster.burn(narrower, DEPTH)).read().tolist() == [[0, 0, -1, -1]]
    assert gather(raster.burn(ZONES.iloc[:0], DEPTH)).read().tolist() == [[-1] * 4]
    with pytest.raises((CRSError, SchemaError)):
        raster.burn(ZONES.to_crs(4490), DEPTH)

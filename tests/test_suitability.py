"""Which sites are unsafe for which hazard: every rule on a case that a hand can check."""

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from qzrisk import rules
from qzrisk.analysis.suitability import RULES, suitability, untested
from qzrisk.errors import ConfigError, CRSError
from qzrisk.grid import Raster

CRS = "EPSG:4549"


def points(*xy, **columns):
    return gpd.GeoDataFrame(columns, geometry=[Point(*one) for one in xy], crs=CRS,
                            index=[f"s{i}" for i in range(len(xy))])


def depth(*values, name="flood_depth"):
    """Cells of 10 m from x = 0, y = 0..10."""
    return {name: Raster(np.array([values], dtype=float), crs=CRS, nodata=-1,
                         transform=Affine(10, 0, 0, 0, -10, 10), name=name)}


def test_depth_at_the_limit_is_allowed_and_just_above_is_not():
    halls = points((5, 5), (15, 5), (25, 5), (35, 5))
    found = suitability(halls, hazard="flood", rasters=depth(0.0, 0.3, 0.31, -1))
    assert found["suitable"].tolist() == [True, True, False, True]
    assert found["reason"].tolist() == ["", "", "flood_depth", ""]
    assert found["value"].tolist()[2] == 0.31 and found["limit"].tolist()[2] == 0.3
    assert found["value"].isna().tolist() == [True, True, False, True]
    # No value under the last one: it passes, and says that nobody looked.
    assert found["unknown"].tolist() == ["", "", "", "flood_depth"]


@pytest.mark.parametrize(("rule", "layer", "kind", "hazard"), [
    ("slope_point", "hazard_points", "high_steep_slope", "landslide"),
    ("slope_point", "hazard_points", "unstable_slope", "flood"),
    ("hazard_point", "hazard_points", "debris_flow", "typhoon"),
    ("hazardous_plant", "enterprises", "hazchem", "surge"),
])
def test_distance_to_points_of_a_kind(rule, layer, kind, hazard):
    limit = rules.value("suitability", f"{rule}.limit")
    halls = points((limit - 1, 0), (limit, 0), (limit + 1, 0))
    near = points((0, 0), (limit + 1, 0), kind=[kind, "none of these"])
    found = suitability(halls, hazard=hazard, layers={layer: near})
    assert found["reason"].tolist() == [rule, "", ""]
    assert found["value"].tolist()[0] == limit - 1


@pytest.mark.parametrize(("rule", "layer", "shape", "hazard"), [
    ("forest_edge", "forest_zones", box(-100, -100, 0, 100), "forest_fire"),
    ("railway_strip", "railways", LineString([(0, -100), (0, 100)]), "earthquake"),
])
def test_distance_to_zones_and_lines_is_0_inside(rule, layer, shape, hazard):
    limit = rules.value("suitability", f"{rule}.limit")
    zone = gpd.GeoDataFrame(geometry=[shape], crs=CRS)
    found = suitability(points((0, 0), (limit - 1, 0), (limit, 0)), hazard=hazard,
                        layers={layer: zone})
    assert found["reason"].tolist() == [rule, rule, ""]
    assert found["value"].tolist()[:2] == pytest.approx([0.0, limit - 1])


def test_a_rule_holds_for_its_hazards_only():
    forest = gpd.GeoDataFrame(geometry=[box(-9, -9, 9, 9)], crs=CRS)
    for hazard in ("typhoon", "flood", "landslide"):
        assert suitability(points((0, 0)), hazard=hazard,
                           layers={"forest_zones": forest})["suitable"].all()
    wet = depth(9.0)
    assert suitability(points((5, 5)), hazard="surge", rasters=wet)["suitable"].all()
    assert not suitability(points((5, 5)), hazard="typhoon", rasters=wet)["suitable"].any()


def test_the_first_rule_gives_the_reason_and_a_later_unknown_stays_told():
    given_ = {**depth(1.0), **depth(-1, name="landslide")}
    found = suitability(points((5, 5)), hazard="flood", rasters=given_)
    assert found.iloc[0].tolist() == [False, "flood_depth", 1.0, 0.3, "landslide"]


def test_layers_that_are_not_there_are_named():
    assert untested("flood", rasters=depth(0.0)) == [
        "landslide", "slope_point", "hazard_point", "hazardous_plant", "railway_strip"]
    assert untested("drought") == []
    every = {rule.layer: object() for rule in RULES}
    assert untested("flood", rasters=every, layers=every) == []


def test_an_empty_layer_has_nothing_to_keep_away_from():
    none = points().iloc[:0].set_crs(CRS)
    found = suitability(points((0, 0)), hazard="typhoon", layers={"railways": none})
    assert found["suitable"].all() and (found["unknown"] == "").all()


def test_a_shelter_without_a_place_is_unknown():
    halls = gpd.GeoDataFrame(geometry=[None, Point(0, 0)], crs=CRS, index=["a", "b"])
    line = gpd.GeoDataFrame(geometry=[LineString([(0, 0), (1, 0)])], crs=CRS)
    found = suitability(halls, hazard="typhoon", layers={"railways": line})
    assert found["reason"].tolist() == ["", "railway_strip"]
    assert found["unknown"].tolist() == ["railway_strip", ""]


def test_own_pack_and_faulty_ones():
    pack = rules.load("suitability")
    pack["flood_depth"]["limit"]["value"] = 2.0
    assert suitability(points((5, 5)), hazard="flood", rasters=depth(1.5), pack=pack)[
        "suitable"].all()
    del pack["forest_edge"]
    with pytest.raises(ConfigError, match="forest_edge"):
        suitability(points((5, 5)), hazard="flood", pack=pack)


def test_different_crs_raise_and_name_both():
    line = gpd.GeoDataFrame(geometry=[LineString([(0, 0), (1, 0)])], crs="EPSG:4548")
    with pytest.raises(CRSError, match="shelters and railways"):
        suitability(points((0, 0)), hazard="flood", layers={"railways": line})
    with pytest.raises(CRSError):
        suitability(points((0, 0)).to_crs("EPSG:4490"), hazard="flood")


@given(st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), min_size=1,
                max_size=8, unique=True), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_inputs_stay(xy, random):
    halls = points(*xy)
    near = points((0, 0), (100, 50), kind=["landslide", "unstable_slope"])
    before = halls.copy()
    found = suitability(halls, hazard="landslide", layers={"hazard_points": near})
    brute = [any(Point(*one).distance(geometry) < limit for geometry, limit in
                 ((Point(0, 0), 100), (Point(100, 50), 50))) for one in xy]
    assert (~found["suitable"]).tolist() == brute
    order = random.sample(list(halls.index), len(halls))
    again = suitability(halls.loc[order], hazard="landslide", layers={"hazard_points": near})
    assert again.loc[halls.index].equals(found)
    assert halls.equals(before)

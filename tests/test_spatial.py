"""Checks of place in the small city: two counties side by side, strips of villages 2 km wide."""

import city
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from qzrisk.grid import Raster
from qzrisk.layers import spatial
from qzrisk.layers.spatial.tiling import repeated_vertices

X, Y = city.LEFT, city.BOTTOM


def units():
    return city.units_table().set_index("unit_id").astype({"reporting_id": "str"})


def boundaries():
    return city.boundaries().set_index("unit_id")


def shelters(**places):
    """Shelters by id -> (declared unit, east, north), metres from the corner of the city."""
    return gpd.GeoDataFrame(
        {"unit_id": [unit for unit, _, _ in places.values()]},
        index=pd.Index(list(places), name="shelter_id"),
        geometry=[Point(X + east, Y + north) for _, east, north in places.values()], crs=city.CRS)


def check(layers, **options):
    tables = {"units": units(), **options.pop("tables", {})}
    return spatial.check({"boundaries": boundaries(), **layers}, tables, language="en", **options)


def told(issues):
    return {(r.record_id, r.rule): r.severity for r in issues.itertuples()}


def test_the_sound_city_has_no_findings():
    layers = {"shelters": city.shelters().set_index("shelter_id"),
              "demand": city.demand().set_index("demand_id")}
    issues, barred = check(layers)
    assert issues.empty and barred == {}


def test_positions_against_the_declared_unit():
    layer = shelters(
        inside=("va", 1000, 2500), border=("va", 2150, 2500), town=("va", 5000, 2500),
        county=("va", 7000, 2500), sea=("va", 1000, -900), shore=("va", 1000, -50),
        empty=("va", 13000, 2500), by_town=("tA", 3000, 100), part=("A2", 3000, 200),
        county_code=("A", 5500, 100), unknown=(None, 1000, 1000))
    issues, barred = check({"shelters": layer})
    assert told(issues) == {
        ("border", "near_border"): "note", ("town", "outside_unit"): "warning",
        ("county", "outside_unit"): "error", ("sea", "outside_all"): "error",
        ("shore", "near_border"): "note", ("empty", "outside_unit"): "error"}
    assert barred["shelters"].to_dict() == {
        "county": "outside_unit", "empty": "outside_unit", "sea": "outside_all"}
    message = issues.set_index("record_id")["message"]
    assert "va村 va" in message["town"] and "lies in vc村 vc, 3000 m from" in message["town"]
    assert "lies in vd村 vd, 5000 m" in message["county"]
    assert "Z县 Z, 11000 m" in message["empty"] and "; 900 m from" in message["sea"]
    assert issues.set_index("record_id").loc["sea", "geometry"].equals(layer.geometry["sea"])


def test_the_sea_and_lakes():
    layer = shelters(sea=("va", 1000, -900), lake=("va", 500, 500), far=("va", 1000, -9000))
    land = gpd.GeoDataFrame(geometry=[box(X - 5000, Y, X + 14000, Y + 5000),
                                      box(X, Y - 5000, X + 10, Y - 4990)], crs=city.CRS)
    water = gpd.GeoDataFrame(geometry=[box(X, Y, X + 700, Y + 700)], crs=city.CRS)
    issues, barred = check({"shelters": layer, "land": land, "water": water})
    assert told(issues) == {("sea", "in_water"): "error", ("lake", "in_water"): "warning",
                            ("far", "outside_all"): "error"}
    assert barred["shelters"].to_dict() == {"sea": "in_water", "far": "outside_all"}


def test_swapped_longitude_and_latitude_are_suggested():
    right = gpd.GeoSeries([Point(X + 1000, Y + 1000)], crs=city.CRS).to_crs("EPSG:4490").iloc[0]
    layer = gpd.GeoDataFrame({"unit_id": ["va", "va"]}, index=pd.Index(["s", "t"],
                             name="shelter_id"), crs=city.CRS,
                             geometry=[Point(Y + 1000, X + 1000), Point(X, Y - 40_000)])
    message = check({"shelters": layer})[0].set_index("record_id")["message"]
    assert "swap them" in message["s"] and "swap them" not in message["t"]
    assert 24 < right.y < 32 < right.x


def test_records_without_unit_are_only_warned_of():
    layer = shelters(sea=("va", 1000, -900)).drop(columns="unit_id").rename_axis("event_id")
    issues, barred = check({"events": layer})
    assert told(issues) == {("sea", "outside_all"): "warning"} and barred == {}


def test_same_place_names_the_first():
    layer = shelters(a=("va", 1000, 1000), b=("va", 1000, 1000), c=("va", 1000, 1001))
    issues, _ = check({"shelters": layer})
    assert issues[["record_id", "rule", "value"]].values.tolist() == [["b", "same_place", "a"]]


def test_overlap_gap_and_stray_ground_have_their_true_shapes():
    units_ = boundaries()
    shapes = units_.geometry.copy()
    shapes["va"] = box(X, Y, X + 2010, Y + 5000)  # 10 m into vb
    shapes["vc"] = box(X + 4020, Y, X + 6000, Y + 5000)  # 20 m short of vb
    shapes["vf"] = box(X + 10000, Y - 30, X + 12000, Y + 5000)  # 30 m beyond its town
    issues, barred = spatial.check({"boundaries": units_.set_geometry(shapes)},
                                   {"units": units()}, language="en")
    # The borders of vf and ve now end at different points, which is noted too.
    issues = issues[~issues["rule"].isin(["area_differs", "edge_mismatch"])]
    issues = issues.set_index(["rule", "record_id"])
    assert set(issues.index) == {("unit_overlap", "va"), ("unit_gap", "tA"),
                                 ("beyond_parent", "vf")}
    assert barred == {}
    overlap = issues.loc[("unit_overlap", "va")]
    assert overlap["value"] == "vb" and "50000 m2" in overlap["message"]
    assert overlap["geometry"].equals(box(X + 2000, Y, X + 2010, Y + 5000))
    gap = issues.loc[("unit_gap", "tA")]
    assert gap["value"] == "100000"
    assert gap["geometry"].equals(box(X + 4000, Y, X + 4020, Y + 5000))
    beyond = issues.loc[("beyond_parent", "vf"), "geometry"]
    assert beyond.equals(box(X + 10000, Y - 30, X + 12000, Y))


def test_a_gap_off_the_land_is_no_gap():
    units_ = boundaries()
    shapes = units_.geometry.copy()
    shapes["vc"] = box(X + 4000, Y + 100, X + 6000, Y + 5000)
    land = gpd.GeoDataFrame(geometry=[box(X, Y + 100, X + 14000, Y + 5000)], crs=city.CRS)
    layers = {"boundaries": units_.set_geometry(shapes)}
    rules = [set(spatial.check({**layers, **more}, {"units": units()})[0]["rule"])
             for more in ({}, {"land": land})]
    assert rules == [{"unit_gap", "edge_mismatch"}, {"edge_mismatch"}]


def test_unequal_vertices_along_a_border_are_noted():
    units_ = boundaries()
    shapes = units_.geometry.copy()
    at = X + 2000
    shapes["va"] = Polygon([(X, Y), (at, Y), (at, Y + 2500), (at, Y + 5000), (X, Y + 5000)])
    issues, _ = spatial.check({"boundaries": units_.set_geometry(shapes)}, {"units": units()})
    assert set(issues["rule"]) == {"edge_mismatch"} and set(issues["record_id"]) == {"va", "vb"}


def test_shapes_one_by_one():
    zones = gpd.GeoDataFrame(
        {"area_m2": [10_000.0, 15.0, 500.0, np.nan]},
        index=pd.Index(["ok", "mu", "thin", "none"], name="zone_id"), crs=city.CRS,
        geometry=[box(X, Y, X + 100, Y + 100), box(X + 200, Y, X + 300, Y + 100),
                  box(X, Y + 200, X + 1000, Y + 200.5), box(X, Y + 300, X + 9, Y + 310)])
    issues, _ = check({"forest_zones": zones})
    assert told(issues) == {("mu", "area_differs"): "warning", ("thin", "sliver"): "warning"}
    assert set(issues["value"]) == {"15 / 10000", "0.50"}


def test_repeated_vertices_are_counted_within_rings_only():
    ring = [(0, 0), (9, 0), (9, 0), (9, 9), (0, 9)]
    shapes = np.array([
        LineString([(0, 0), (0, 0), (1, 1)]), Polygon(ring), box(0, 0, 1, 1),
        MultiPolygon([Polygon(ring), Polygon([(20, 0), (29, 0), (29, 9)])]), None, Point(0, 0)])
    assert repeated_vertices(shapes).tolist() == [1, 1, 0, 1, 0, 0]
    roads = gpd.GeoDataFrame(index=pd.Index(["r"], name="road_id"), crs=city.CRS, geometry=[
        LineString([(X, Y), (X, Y), (X + 9, Y)])])
    assert told(check({"roads": roads})[0]) == {("r", "duplicate_vertices"): "note"}


def test_names_beside_codes():
    table = pd.DataFrame({"name": ["A县", "B镇", "某镇", None]},
                         index=pd.Index(["A", "tB", "tA", "B"], name="unit_id"))
    layer = shelters(a=("va", 1000, 1000), b=("va", 1000, 2000)).assign(
        unit_name=["va", "vb村"])
    issues, _ = check({"shelters": layer}, tables={"seismic": table})
    assert issues[["layer", "record_id", "value"]].values.tolist() == [
        ["seismic", "tA", "某镇 / A镇"], ["shelters", "b", "vb村 / va村"]]


def test_villages_must_add_up_to_their_town():
    persons = pd.DataFrame({"persons": [100, 200, 300, 10, 20, 600, 40]}, index=pd.Index(
        ["va", "vb", "vc", "vd", "ve", "tA", "tB"], name="unit_id"))
    assert check({}, tables={"population": persons})[0].empty  # vf of tB is not known
    whole = pd.concat([persons, pd.DataFrame({"persons": [9]}, index=["vf"])])
    whole.index.name = "unit_id"
    issues, _ = check({}, tables={"population": whole})
    assert issues[["record_id", "rule", "value"]].values.tolist() == [
        ["tB", "total_differs", "39 / 40"]]
    towns = whole.loc[["tA", "tB"]]
    issues, _ = check({}, tables={"population": whole.drop(["tA", "tB"]), "towns": towns},
                      kinds={"towns": "population"})
    assert issues["record_id"].tolist() == ["tB"]


def test_shelters_in_hazard_areas_and_near_slopes():
    layer = shelters(wet=("va", 150, 150), dry=("va", 350, 150), slope=("va", 1000, 1000),
                     near=("va", 1000, 3000))
    depth = Raster(np.array([[0.31, 0.3]]), crs=city.CRS, nodata=-9,
                   transform=rasterio.Affine(200, 0, X, 0, -200, Y + 200))
    points = gpd.GeoDataFrame(
        {"unit_id": "va", "kind": ["high_steep_slope", "landslide", "landslide"]},
        index=pd.Index(["p1", "p2", "p3"], name="hazard_point_id"), crs=city.CRS,
        geometry=[Point(X + 1000, Y + 1049), Point(X + 1099, Y + 3000),
                  Point(X + 1000, Y + 1101)])
    zone = gpd.GeoDataFrame(index=pd.Index(["z"]), geometry=[box(X, Y, X + 400, Y + 200)],
                            crs=city.CRS)
    issues, barred = check({"shelters": layer, "hazard_points": points, "hazards_flood": zone},
                           rasters={"flood_depth": depth})
    got = {(r.record_id, r.rule, r.value) for r in issues.itertuples()}
    assert got == {("wet", "in_hazard", "0.31"), ("wet", "in_hazard", "z"),
                   ("dry", "in_hazard", "z"), ("slope", "near_hazard_point", "p1, 49"),
                   ("near", "near_hazard_point", "p2, 99")}
    assert set(issues["severity"]) == {"note"} and barred == {}


def test_findings_know_their_file_and_row():
    layer = shelters(a=("va", 7000, 2500))
    origin = pd.DataFrame({"row": [12], "source": ["x.csv"]}, index=layer.index)
    issue = check({"shelters": layer}, origin={"shelters": origin})[0].iloc[0]
    assert (issue["row"], issue["source"]) == (12, "x.csv")


def test_the_error_layer_is_in_degrees_with_true_shapes(tmp_path):
    from qzrisk.layers import database

    layer = shelters(a=("va", 7000, 2500), b=("va", 5000, 2500))
    issues, _ = check({"shelters": layer})
    more = pd.concat([issues, issues.iloc[:1].assign(geometry=None),
                      issues.iloc[:1].assign(geometry=Point(np.inf, 0))], ignore_index=True)
    errors = spatial.error_layer(more, crs_=city.CRS)
    assert errors.crs == "EPSG:4490" and errors.index.tolist() == ["F000001", "F000002"]
    back = errors.to_crs(city.CRS).geometry
    assert shapely.distance(back.to_numpy(), layer.geometry.to_numpy()).max() < 1e-3
    import datetime as dt

    path = database.write(tmp_path / "e.gpkg", {"errors": errors}, as_of=dt.date(2021, 1, 1))
    assert len(database.read(path)["errors"]) == 2
    assert spatial.error_layer(issues.iloc[:0], crs_=city.CRS).empty


@pytest.mark.parametrize("gone", ["shelters", "boundaries"])
def test_empty_layers_pass(gone):
    layers = {"boundaries": boundaries(), "shelters": shelters(a=("va", 1000, 1000))}
    layers[gone] = layers[gone].iloc[:0]
    issues, barred = spatial.check(layers, {"units": units()})
    assert barred == {} or gone == "boundaries"
    assert len(issues) <= 1


@given(st.lists(st.tuples(st.integers(-3000, 17000), st.integers(-3000, 8000)), min_size=1,
                max_size=20))
def test_only_what_lies_far_abroad_is_barred(places):
    layer = shelters(**{f"s{n}": ("ve", east, north) for n, (east, north) in enumerate(places)})
    _, barred = check({"shelters": layer})
    home = boundaries().geometry
    away = layer.distance(home["ve"]) > 200
    out = away & ~layer.intersects(home["B"])
    assert set(barred.get("shelters", pd.Series(dtype=str)).index) == set(layer.index[out])

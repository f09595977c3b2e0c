"""The committed sample city: counts, closures, parent chains and the common grid.

Reads only files under data/, with pandas, geopandas and rasterio.
"""

from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

DATA = Path(__file__).parents[1] / "data"
KINMEN = "350527"
COUNTIES = [
    "350502", "350503", "350504", "350505", "350521", "350524", "350525", "350526", "350581",
    "350582", "350583",
]  # fmt: skip
RASTERS = [
    "terrain", "slope", "rain", "flood_depth", "surge_depth", "landslide", "wind", "fire_danger",
    "drought",
]  # fmt: skip
EVACUABLE = ["typhoon", "flood", "surge", "landslide", "earthquake", "forest_fire"]
HAZARDS = [*EVACUABLE, "drought"]


@cache
def layer(path, name=None):
    return gpd.read_file(DATA / path, layer=name)


@cache
def demand():
    return gpd.read_parquet(DATA / "population" / "demand.parquet")


@cache
def villages_csv():
    return pd.read_csv(DATA / "population" / "villages.csv", dtype={"unit_id": str})


@cache
def units():
    return pd.read_csv(DATA / "boundaries" / "units.csv", dtype=str, keep_default_na=False)


@cache
def band(name):
    with rasterio.open(DATA / "hazards" / f"{name}.tif") as raster:
        return raster.read(1, masked=True), raster.profile, raster.descriptions[0]


@cache
def villages():
    return layer("boundaries/boundaries.gpkg", "village").set_index("unit_id")


@cache
def shelters():
    return layer("shelters/shelters.gpkg", "shelters")


@cache
def roads():
    return layer("roads/roads.gpkg", "roads")


def rows_cols(frame):
    code = frame["demand_id"]
    return code.str[1:5].astype(int).to_numpy(), code.str[5:9].astype(int).to_numpy()


# -- boundaries ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "count"), [("city", 1), ("county", 12), ("town", 174), ("village", 2572)]
)
def test_units_by_level(level, count):
    frame = layer("boundaries/boundaries.gpkg", level)
    assert len(frame) == count
    assert frame["unit_id"].is_unique
    assert (units()["level"] == level).sum() == count
    assert set(frame["unit_id"]) == set(units().loc[units()["level"] == level, "unit_id"])
    assert frame.geometry.is_valid.all()


def test_parents_follow_the_codes():
    table = units().set_index("unit_id")
    for level, above, digits in (("village", "town", 9), ("town", "county", 6)):
        members = table[table["level"] == level]
        assert (members["parent_id"] == members.index.str[:digits]).all()
        assert (table.loc[members["parent_id"], "level"] == above).all()
    counties = table[table["level"] == "county"]
    assert set(counties["parent_id"]) == {"350500"}
    assert (table["level"] == "reporting").sum() == 4
    members = table[table["level"] == "village"]
    assert members["reporting_id"].nunique() == 13
    town_report = table.loc[members["parent_id"], "reporting_id"].to_numpy()
    assert (members["reporting_id"].to_numpy() == town_report).all()
    zone = set(members.loc[members["reporting_id"] == "350521x", "parent_id"])
    assert zone == {"350521104", "350521105", "350521106", "350521200"}


def test_kinmen_is_listed_and_nothing_more():
    counties = layer("boundaries/boundaries.gpkg", "county").set_index("unit_id")
    assert not counties.loc[KINMEN, "in_statistics"]
    assert sorted(counties.index[counties["in_statistics"]]) == COUNTIES
    codes = [
        villages().index, demand()["unit_id"], villages_csv()["unit_id"], shelters()["unit_id"],
        layer("boundaries/boundaries.gpkg", "town")["unit_id"],
        pd.read_csv(DATA / "hazards" / "seismic_towns.csv", dtype=str)["unit_id"],
    ]  # fmt: skip
    assert not any(pd.Series(code).str.startswith(KINMEN).any() for code in codes)
    shape = counties.geometry[KINMEN]
    events = pd.read_csv(DATA / "hazards" / "events.csv")
    assert not shapely.contains_xy(shape, events["lon"], events["lat"]).any()
    assert not shelters().within(shape).any()
    assert not roads().intersects(shape).any()
    grid_crs = band("terrain")[1]["crs"]
    inner = gpd.GeoSeries([shape], crs=counties.crs).to_crs(grid_crs).buffer(-300).iloc[0]
    terrain, profile, _ = band("terrain")
    rows, cols = np.nonzero(~terrain.mask)
    x, y = profile["transform"] @ (cols + 0.5, rows + 0.5)
    assert not shapely.contains_xy(inner, x, y).any()


# -- population ---------------------------------------------------------------------------------


def test_population_closes_on_the_13_units():
    official = pd.read_csv(DATA / "sources" / "county_population_2021.csv", dtype={"adcode": str})
    expected = official.set_index("adcode")["resident_pop_2021_wan"] * 10_000
    expected = expected.rename({"350502": "350502r", "350521": "350521r"}).round().astype(int)
    report = units().set_index("unit_id")["reporting_id"]
    found = villages_csv().groupby(villages_csv()["unit_id"].map(report))["persons"].sum()
    assert len(expected) == 13
    assert found.sort_index().to_dict() == expected.sort_index().to_dict()
    assert found.sum() == 8_850_000


@pytest.mark.parametrize("kind", ["persons", "elderly_persons", "children_persons"])
def test_cells_sum_to_villages(kind):
    cells = demand().groupby("unit_id")[kind].sum()
    totals = villages_csv().set_index("unit_id")[kind]
    assert cells.reindex(totals.index, fill_value=0).equals(totals)
    assert len(totals) == 2572


def test_population_raster_equals_the_cells():
    with rasterio.open(DATA / "population" / "population_200m.tif") as raster:
        array, transform = raster.read(1), raster.transform
    rows, cols = rows_cols(demand())
    assert demand()["demand_id"].is_unique
    assert array.sum() == 8_850_000
    assert (array[rows, cols] == demand()["persons"]).all()
    x, y = transform @ (cols + 0.5, rows + 0.5)
    assert np.allclose(x, demand().geometry.x) and np.allclose(y, demand().geometry.y)


def test_persons_at_risk():
    cells = demand()
    columns = [f"at_risk_persons_{hazard}" for hazard in EVACUABLE]
    moved = cells[columns]
    assert all(np.issubdtype(kind, np.integer) for kind in moved.dtypes)
    assert (moved >= 0).all(axis=None)
    every = cells["at_risk_persons_any"]
    assert (every <= cells["persons"]).all()
    assert (every == moved.max(axis=1)).all()  # the smaller group is part of the larger
    total = cells["persons"].sum()
    assert 0.02 <= every.sum() / total <= 0.06
    assert 0.02 <= cells["at_risk_persons_typhoon"].sum() / total <= 0.06
    assert (moved.sum() > 0).all()
    quake = cells.groupby("unit_id")["at_risk_persons_earthquake"].sum()
    frail = villages_csv().set_index("unit_id")["dilapidated_persons"]
    assert (quake <= frail.reindex(quake.index)).all()
    inland = cells["unit_id"].str[:6].isin(["350524", "350525", "350526"])
    assert cells.loc[inland, "at_risk_persons_surge"].sum() == 0


# -- hazards ------------------------------------------------------------------------------------


def test_rasters_share_one_grid_and_one_mask():
    terrain, first, _ = band("terrain")
    with rasterio.open(DATA / "population" / "population_200m.tif") as raster:
        assert raster.crs == first["crs"] and raster.transform == first["transform"]
        assert raster.shape == terrain.shape
    assert first["crs"].to_epsg() == 4549
    transform = first["transform"]
    assert (transform.a, transform.e) == (200, -200)
    assert transform.c % 200 == 0 and transform.f % 200 == 0
    for name in RASTERS:
        array, profile, description = band(name)
        assert profile["nodata"] == -9999, name
        assert (profile["crs"], profile["transform"]) == (first["crs"], transform), name
        assert (array.mask == terrain.mask).all(), name
        assert "合成数据 / synthetic" in description, name
    rows, cols = rows_cols(demand())
    on_land = ~terrain.mask[rows, cols]
    assert demand()["persons"][on_land].sum() / 8_850_000 > 0.999
    land_km2 = (~terrain.mask).sum() * 0.04
    counties = layer("boundaries/boundaries.gpkg", "county")
    counted_km2 = counties.loc[counties["in_statistics"], "area_m2"].sum() / 1e6
    assert land_km2 == pytest.approx(counted_km2, rel=0.005)


@pytest.mark.parametrize(
    ("name", "low", "high", "least_max"),
    [
        ("terrain", -5, 1860, 1500), ("slope", 0, 60, 30), ("rain", 200, 600, 350),
        ("flood_depth", 0, 9, 1.5), ("surge_depth", 0, 6, 1.5), ("landslide", 0, 1, 0.9),
        ("wind", 20, 70, 55), ("fire_danger", 0, 1, 0.8), ("drought", 0, 1, 0.7),
    ],
)  # fmt: skip
def test_ranges(name, low, high, least_max):
    array = band(name)[0]
    assert low <= array.min() and least_max <= array.max() <= high


def test_hazards_obey_their_physics():
    fields = {name: band(name)[0].compressed().astype(float) for name in RASTERS}
    height, flood, surge = fields["terrain"], fields["flood_depth"], fields["surge_depth"]
    assert 0.01 < (flood > 0).mean() < 0.15 and 0.005 < (surge > 0).mean() < 0.1
    assert height[surge > 0].max() < 5
    assert fields["slope"][flood > 1].mean() < fields["slope"][flood == 0].mean()
    assert fields["slope"][fields["landslide"] > 0.6].min() > 5
    low, high = height < 50, height > 500
    assert fields["wind"][low].mean() > fields["wind"][high].mean() + 5
    assert fields["drought"][low].mean() > fields["drought"][high].mean() + 0.2
    assert fields["rain"][high].mean() > fields["rain"][low].mean()
    assert fields["fire_danger"][high].mean() > 2 * fields["fire_danger"][low].mean()


def test_seismic_values_of_every_town():
    table = pd.read_csv(DATA / "hazards" / "seismic_towns.csv", dtype={"unit_id": str})
    assert list(table.columns) == ["unit_id", "name", "pga_g", "source", "confidence"]
    assert set(table["unit_id"]) == set(units().loc[units()["level"] == "town", "unit_id"])
    assert set(table["pga_g"]) == {0.05, 0.10, 0.15}
    assert set(table["confidence"]) == {"K-"}
    assert set(table.loc[table["unit_id"].str[:6] == "350526", "pga_g"]) == {0.05}
    assert set(table.loc[table["unit_id"].str[:6] == "350582", "pga_g"]) == {0.15}


def test_past_events():
    events = pd.read_csv(DATA / "hazards" / "events.csv", parse_dates=["occurred_on"])
    assert len(events) == 200 and events["event_id"].is_unique
    assert set(events["hazard"]) <= set(HAZARDS)
    assert events["occurred_on"].dt.year.between(1990, 2020).all()
    assert events["synthetic"].all()
    points = gpd.GeoSeries(gpd.points_from_xy(events["lon"], events["lat"]), crs=4490)
    points = points.to_crs(4549)
    at = {"flood": "flood_depth", "landslide": "landslide", "forest_fire": "fire_danger"}
    for hazard, name in at.items():
        array, profile, _ = band(name)
        mine = points[events["hazard"] == hazard]
        cols, rows = ~profile["transform"] @ (mine.x.to_numpy(), mine.y.to_numpy())
        value = array[np.floor(rows).astype(int), np.floor(cols).astype(int)]
        assert not np.ma.getmaskarray(value).any()
        # Likelier where the hazard is high, and yet not only there.
        assert value.mean() > 1.5 * array.mean()
        assert value.min() <= np.ma.median(array)


# -- shelters -----------------------------------------------------------------------------------


def test_shelter_counts_and_tiers():
    frame = shelters()
    assert len(frame) == 2746 and frame["shelter_id"].is_unique
    counts = frame["tier"].value_counts().to_dict()
    assert counts == {"village": 2469, "township": 253, "county": 24}
    assert (frame["upgraded_year"] == 2021).sum() == 100
    done = frame[frame["upgraded_year"] == 2021]
    assert (done["upgrade_cost_yuan"] == 50_000).all() and (done["status"] == "open").all()
    by_county = frame[frame["tier"] == "county"].groupby(frame["unit_id"].str[:6]).size()
    assert by_county.index.tolist() == COUNTIES and by_county.between(2, 3).all()
    by_town = frame[frame["tier"] == "township"].groupby(frame["unit_id"].str[:9]).size()
    assert len(by_town) == 174 and by_town.between(1, 2).all()
    by_village = frame[frame["tier"] == "village"].groupby("unit_id").size()
    by_village = by_village.reindex(villages().index, fill_value=0)
    assert set(by_village) == {0, 1, 2}
    share = frame["status"].value_counts(normalize=True)
    assert share["open"] == pytest.approx(0.90, abs=0.02)
    assert share["standby"] == pytest.approx(0.08, abs=0.02)
    assert share["unfit"] == pytest.approx(0.02, abs=0.01)


def test_shelters_stand_in_their_village_and_off_its_centre():
    frame = shelters()
    home = villages().geometry.loc[frame["unit_id"]]
    assert frame.geometry.within(home.set_axis(frame.index)).all()
    assert (frame["shelter_id"].str[:12] == frame["unit_id"]).all()
    metres = frame.to_crs(4549).geometry
    centres = home.to_crs(4549).centroid.set_axis(frame.index)
    assert (metres.distance(centres) > 1).all()
    assert metres.distance(centres).median() > 200
    assert not frame.geometry.duplicated().any()
    array, profile, _ = band("terrain")
    cols, rows = ~profile["transform"] @ (metres.x.to_numpy(), metres.y.to_numpy())
    assert not np.ma.getmaskarray(array)[
        np.floor(rows).astype(int), np.floor(cols).astype(int)
    ].any()


def test_shelter_areas_and_places():
    frame = shelters()
    assert (frame["indoor_area_m2"] <= frame["usable_area_m2"]).all()
    held = np.minimum(frame["capacity_persons"], np.floor(frame["indoor_area_m2"] / 2))
    assert (frame["effective_capacity_persons"] == held).all()
    outdoor = frame["space"] == "outdoor"
    assert ((frame["indoor_area_m2"] == 0) == outdoor).all()
    least = frame["tier"].map({"county": 300, "township": 200, "village": 100})
    met = (frame["capacity_persons"] >= least).mean()
    assert 0.9 < met < 1.0
    over = (frame["capacity_persons"] > frame["indoor_area_m2"] / 2)[~outdoor].mean()
    assert 0.03 < over < 0.15
    for codes in frame["hazards_served"].str.split(";"):
        assert codes and codes == sorted(set(codes)) and set(codes) <= set(HAZARDS)
    assert frame["name"].str.endswith("避灾点").all()
    assert frame["phone"].str.fullmatch(r"0595-0000\d{4}").all()
    assert frame["manager"].str.fullmatch(r"样例\d{4}").all()


def test_share_of_residents_beyond_two_kilometres():
    cells, sites = demand(), shelters().to_crs(4549).geometry
    distance, _ = cKDTree(np.column_stack([sites.x, sites.y])).query(
        np.column_stack([cells.geometry.x, cells.geometry.y])
    )
    beyond = cells["persons"][distance > 2000].sum() / cells["persons"].sum()
    assert 0.08 <= beyond <= 0.15


# -- roads --------------------------------------------------------------------------------------


def test_roads_form_one_network_over_all_villages():
    frame = roads()
    assert 18_000 <= len(frame) <= 23_000 and frame["road_id"].is_unique
    assert set(frame["class"]) == {
        "motorway", "national", "provincial", "county", "township", "village",
    }  # fmt: skip
    line = frame.geometry.to_numpy()
    ends = np.concatenate(
        [shapely.get_coordinates(shapely.get_point(line, end)) for end in (0, -1)]
    )
    _, node = np.unique(ends, axis=0, return_inverse=True)
    a, b = node[: len(frame)], node[len(frame) :]
    assert (a != b).all()
    size = node.max() + 1
    _, part = connected_components(coo_array((np.ones(len(a)), (a, b)), shape=(size, size)), False)
    assert np.sort(np.bincount(part))[::-1][1:].max() <= 12  # islands alone stand apart
    assert np.bincount(part).max() / size > 0.998
    reached, _ = shapely.STRtree(line).query(villages().geometry, predicate="intersects")
    assert len(villages()) - len(np.unique(reached)) <= 2  # 惠屿村 is an island


def test_road_attributes():
    frame = roads()
    metres = frame.to_crs(4549).length
    assert np.allclose(frame["length_m"], metres, atol=0.06)
    assert frame["length_m"].min() > 50
    assert (frame["class"][frame["oneway"]] == "motorway").all()
    assert 0.02 < frame["bridge"].mean() < 0.2
    assert frame["speed_kmh"].isna().all()
    assert (frame["closed_by"].fillna("") == "").all()


# -- everything ---------------------------------------------------------------------------------


def test_every_generated_record_is_marked_synthetic():
    frames = {
        "town": layer("boundaries/boundaries.gpkg", "town"), "village": villages(),
        "demand": demand(), "villages.csv": villages_csv(), "shelters": shelters(),
        "roads": roads(), "events": pd.read_csv(DATA / "hazards" / "events.csv"),
    }  # fmt: skip
    for name, frame in frames.items():
        assert frame["synthetic"].astype(bool).all(), name
    counties = layer("boundaries/boundaries.gpkg", "county")
    assert not counties["synthetic"].any()


def test_sizes_stay_small():
    size = {part: sum(f.stat().st_size for f in (DATA / part).rglob("*")) for part in
            ("hazards", "roads", "shelters")}  # fmt: skip
    assert size["hazards"] <= 3_000_000
    assert size["roads"] <= 5_000_000
    assert size["shelters"] <= 3_000_000

"""Zonal statistics: exact fractions by hand, by area and against two peers."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from qzrisk.analysis import zonal
from qzrisk.analysis.zonal import fractions as kernel
from qzrisk.errors import ConfigError, CRSError, QzriskError, SchemaError
from qzrisk.grid import Raster

CRS = "EPSG:4549"
AT = Affine(10, 0, 0, 0, -10, 100)
ALL = ("count", "sum", "mean", "min", "max", "std")


def zones(*shapes, crs=CRS):
    return gpd.GeoSeries(list(shapes), index=[f"z{i}" for i in range(len(shapes))], crs=crs)


def raster(array, nodata=None, **more):
    return Raster(np.asarray(array), crs=CRS, transform=AT, nodata=nodata, **more)


def cover(shape, size=(10, 10)):
    """Dense fractions of one zone."""
    found = zonal.cell_fractions(zones(shape), AT, size)
    dense = np.zeros(size)
    for entry in zip(found.row, found.left, found.right, found.share, strict=True):
        dense[entry[0], entry[1] : entry[2]] += entry[3]
    return dense


def by_shapely(shape, size=(10, 10)):
    cells = [[shapely.box(10 * j, 100 - 10 * (i + 1), 10 * (j + 1), 100 - 10 * i)
              for j in range(size[1])] for i in range(size[0])]
    return shapely.area(shapely.intersection(np.array(cells), shape)) / 100


# the kernel

SHAPES = {
    "one cell": shapely.box(20, 20, 30, 30),
    "quarter cells": shapely.box(15, 15, 25, 25),
    "inside one cell": shapely.box(21, 21, 23, 24),
    "triangle": shapely.Polygon([(0, 0), (100, 0), (0, 100)]),
    "thin": shapely.Polygon([(1, 1), (99, 98), (99, 99)]),
    "hole": shapely.box(10, 10, 90, 90).difference(shapely.Point(50, 50).buffer(23)),
    "hole on an edge": shapely.box(0, 0, 100, 100).difference(shapely.box(30, 30, 50, 50)),
    "island in a hole": shapely.box(10, 10, 90, 90).difference(shapely.box(20, 20, 80, 80)).union(
        shapely.box(40, 40, 61, 62)),
    "over the west": shapely.Point(0, 50).buffer(33),
    "over the east": shapely.Point(100, 50).buffer(33),
    "over a corner": shapely.box(-50, -50, 33, 27),
    "around everything": shapely.box(-500, -500, 500, 500),
    "around but for a hole": shapely.Point(50, 50).buffer(500).difference(
        shapely.Point(50, 50).buffer(31)),
    "two parts": shapely.MultiPolygon([shapely.box(0, 0, 15, 15), shapely.box(85, 85, 120, 93)]),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("band", [1 << 20, 12])
def test_fractions_are_areas(shape, turned, band, monkeypatch):
    monkeypatch.setattr(kernel, "_BAND_CELLS", band)
    shape = shapely.reverse(shape) if turned else shape
    assert cover(shape) == pytest.approx(by_shapely(shape), abs=1e-12)


@given(st.lists(st.tuples(st.integers(-30, 130), st.integers(-30, 130)), min_size=3, max_size=7))
def test_fractions_of_any_polygon(points):
    shape = shapely.convex_hull(shapely.MultiPoint(points))
    if shape.geom_type == "Polygon":
        assert cover(shape) == pytest.approx(by_shapely(shape), abs=1e-10)


def test_neighbours_share_every_cell_between_them():
    rng = np.random.default_rng(0)
    parts = gpd.GeoSeries(
        list(shapely.voronoi_polygons(shapely.MultiPoint(rng.uniform(0, 100, (40, 2)))).geoms),
        crs=CRS).intersection(shapely.box(0, 0, 100, 100))
    found = zonal.cell_fractions(parts, AT, (10, 10))
    total = np.zeros((10, 10))
    for entry in zip(found.row, found.left, found.right, found.share, strict=True):
        total[entry[0], entry[1] : entry[2]] += entry[3]
    assert total == pytest.approx(np.ones((10, 10)), abs=1e-12)
    assert (np.diff(found.row) >= 0).all()


def test_whole_cells_are_kept_as_runs():
    found = zonal.cell_fractions(zones(shapely.box(0, 0, 100, 100)), AT, (10, 10))
    assert len(found.row) == 10 and (found.share == 1).all()


@pytest.mark.parametrize("shape", [shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)]),
                                   shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])])
def test_zones_that_have_no_area_to_trust_raise(shape):
    with pytest.raises(SchemaError, match="z1"):
        zonal.zonal_stats(raster(np.zeros((10, 10))), zones(shapely.box(0, 0, 9, 9), shape))


# statistics

def test_by_hand():
    cells = np.zeros((10, 10))
    cells[0, :3] = [2, 4, 9]
    # Half of the first cell, the whole second, a quarter of the third.
    zone = zones(shapely.box(5, 90, 20, 100).union(shapely.box(20, 95, 25, 100)))
    found = zonal.zonal_stats(raster(cells), zone, ALL).loc["z0"]
    assert found["count"] == pytest.approx(1.75) and found["sum"] == pytest.approx(7.25)
    assert found["mean"] == pytest.approx(7.25 / 1.75)
    assert (found["min"], found["max"]) == (2, 9)
    variance = (0.5 * 4 + 16 + 0.25 * 81) / 1.75 - (7.25 / 1.75) ** 2
    assert found["std"] == pytest.approx(variance**0.5)


@pytest.mark.parametrize(("dtype", "nodata"), [("float32", -9999), ("float64", np.nan),
                                               ("int16", -9999), ("uint8", 255)])
def test_outside_and_all_missing_is_nothing_not_zero(dtype, nodata):
    cells = np.ones((10, 10), dtype)
    cells[:, 5:] = nodata
    found = zonal.zonal_stats(
        raster(cells, nodata),
        zones(shapely.box(60, 0, 90, 50), shapely.box(500, 500, 600, 600), shapely.Polygon(), None,
              shapely.box(45, 0, 55, 10)), ALL)
    for zone in ("z0", "z1", "z2", "z3"):
        assert found.loc[zone, "count"] == 0
        assert found.loc[zone, "sum":].isna().all()
    assert found.loc["z4"].tolist() == [0.5, 0.5, 1, 1, 1, 0]


def test_layers_on_one_or_several_grids():
    a, b = raster(np.full((10, 10), 3.0), name="a"), raster(np.full((10, 10), 5, "int32"), name="b")
    coarse = Raster(np.full((5, 5), 7.0), crs=CRS, transform=Affine(20, 0, 0, 0, -20, 100),
                    name="c")
    zone = zones(shapely.box(3, 3, 33, 44), shapely.box(50, 50, 60, 60))
    found = zonal.zonal_stats([a, coarse, b], zone, ("mean", "count"))
    assert found.columns.tolist() == ["a_mean", "a_count", "c_mean", "c_count", "b_mean", "b_count"]
    assert found["a_mean"].tolist() == pytest.approx([3, 3])
    assert found["b_mean"].tolist() == pytest.approx([5, 5])
    assert found["c_mean"].tolist() == pytest.approx([7, 7])
    assert found["c_count"].tolist() == pytest.approx([30 * 41 / 400, 0.25])
    named = zonal.zonal_stats({"x": a, "y": b}, zone)
    assert named.columns.tolist() == ["x_mean", "y_mean"]
    with pytest.raises(ConfigError, match="different names"):
        zonal.zonal_stats([a, a], zone)


def test_results_do_not_depend_on_windows_or_on_the_company(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    cells = rng.random((10, 10))
    path = tmp_path / "r.tif"
    with rasterio.open(path, "w", driver="GTiff", height=10, width=10, count=1, dtype="float64",
                       crs=CRS, transform=AT) as file:
        file.write(cells, 1)
    zone = zones(SHAPES["hole"], SHAPES["triangle"])
    whole = zonal.zonal_stats(raster(cells), zone, ALL)
    strips = Raster(path)
    monkeypatch.setattr(Raster, "windows", lambda self: (w for w in _tiles(self.shape, 3)))
    parts = zonal.zonal_stats(strips, zone, ALL)
    assert parts.to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-12)
    alone = zonal.zonal_stats(strips, zone.iloc[[1]], ALL)
    assert alone.loc["z1"].tolist() == parts.loc["z1"].tolist()


def _tiles(shape, size):
    for top in range(0, shape[0], size):
        for left in range(0, shape[1], size):
            yield Window(left, top, min(size, shape[1] - left), min(size, shape[0] - top))


def test_weighted_mean_is_by_persons():
    risk, persons = np.zeros((10, 10)), np.zeros((10, 10))
    risk[9, :3], persons[9, :3] = [1, 2, 3], [10, 30, np.nan]
    risk[9, 3], persons[9, 3] = np.nan, 1000
    zone = zones(shapely.box(0, 0, 15, 10), shapely.box(60, 60, 70, 70), shapely.box(0, 0, 40, 10))
    found = zonal.zonal_stats(raster(risk), zone, ("weighted_mean",), weights=raster(persons))
    # Half of the second cell: (10 * 1 + 15 * 2) / 25.
    assert found["weighted_mean"].tolist()[0] == pytest.approx(1.6)
    assert np.isnan(found["weighted_mean"]["z1"])
    assert found["weighted_mean"]["z2"] == pytest.approx(70 / 40)
    with pytest.raises(QzriskError, match="different grids"):
        zonal.zonal_stats(raster(risk), zone, ("weighted_mean",), weights=Raster(
            persons, crs=CRS, transform=AT @ Affine.translation(1, 0)))


def test_shares_of_classes():
    cells = np.array([[1, 1, 4, 0]], "uint8")
    zone = zones(shapely.box(0, 90, 40, 100), shapely.box(15, 90, 30, 100),
                 shapely.box(30, 90, 40, 100))
    found = zonal.zonal_shares(raster(cells, 0), zone, [1, 2, 4])
    assert found.loc["z0"].tolist() == pytest.approx([2 / 3, 0, 1 / 3])
    assert found.loc["z1"].tolist() == pytest.approx([1 / 3, 0, 2 / 3])
    assert found.loc["z2"].isna().all() and found.columns.tolist() == [1, 2, 4]


@pytest.mark.parametrize("arguments", [{"stats": ("median",)}, {"stats": ()}, {"stats": "mean"},
                                       {"stats": ("weighted_mean",)}])
def test_bad_arguments_raise(arguments):
    with pytest.raises(ConfigError):
        zonal.zonal_stats(raster(np.zeros((10, 10))), zones(shapely.box(0, 0, 9, 9)), **arguments)


def test_another_crs_raises_and_names_both():
    zone = zones(shapely.box(0, 0, 9, 9), crs="EPSG:4548")
    for call in (zonal.zonal_stats, lambda r, z: zonal.zonal_shares(r, z, [1])):
        with pytest.raises(CRSError, match="zones"):
            call(raster(np.zeros((10, 10))), zone)


def messy(rng, n):
    parts = gpd.GeoSeries(
        list(shapely.voronoi_polygons(shapely.MultiPoint(rng.uniform(0, 600, (n, 2)))).geoms),
        crs=CRS).intersection(shapely.Point(300, 300).buffer(290))
    parts = parts[~parts.is_empty]
    return gpd.GeoDataFrame({"id": range(len(parts))}, geometry=parts.to_numpy(), crs=CRS)


@pytest.fixture
def written(tmp_path):
    rng = np.random.default_rng(6)
    at = Affine(10, 0, 0, 0, -10, 600)
    cells = rng.gamma(0.5, 4, (60, 60)).astype("float32")
    cells[rng.random((60, 60)) < 0.2] = -9999
    path = tmp_path / "gamma.tif"
    with rasterio.open(path, "w", driver="GTiff", height=60, width=60, count=1, dtype="float32",
                       crs=CRS, transform=at, nodata=-9999) as file:
        file.write(cells, 1)
    return path, messy(rng, 80)


def test_against_exactextract(written):
    exactextract = pytest.importorskip("exactextract")
    path, zone = written
    ours = zonal.zonal_stats(path, zone, ALL)
    theirs = exactextract.exact_extract(path, zone, ["count", "sum", "mean", "min", "max", "stdev"],
                                        output="pandas")
    for stat, name in zip(ALL, ("count", "sum", "mean", "min", "max", "stdev"), strict=True):
        assert ours[stat].to_numpy() == pytest.approx(theirs[name].to_numpy(), rel=1e-6, abs=1e-6,
                                                      nan_ok=True)


def test_near_rasterstats_which_counts_cell_centres(written):
    rasterstats = pytest.importorskip("rasterstats")
    path, zone = written
    ours = zonal.zonal_stats(path, zone, ("count",))["count"].to_numpy()
    theirs = np.array([row["count"] for row in rasterstats.zonal_stats(
        zone.geometry, str(path), stats=["count"])])
    assert np.abs(ours - theirs).max() < 6 and ours.sum() == pytest.approx(theirs.sum(), rel=0.02)

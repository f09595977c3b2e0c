"""Rasters by window: planes and cones by hand, and the same bits whatever the windows."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from pyproj import Transformer

from qzrisk.analysis import raster as qr
from qzrisk.analysis.raster import proximity, terrain
from qzrisk.errors import ConfigError, CRSError, QzriskError, SchemaError
from qzrisk.grid import Raster, gather, write

CRS = "EPSG:4549"
AT = Affine(200, 0, 600_000, 0, -200, 2_760_000)


def layer(array, nodata=None, name="", at=AT):
    return Raster(np.asarray(array), crs=CRS, transform=at, nodata=nodata, name=name)


def plane(east, north, shape=(5, 6)):
    """Terrain that rises by `east` and `north` metres a metre."""
    i, j = np.mgrid[: shape[0], : shape[1]]
    return layer(200.0 * (east * j - north * i))


def file_of(path, array, *, block, nodata=-9999.0, crs=CRS, at=AT):
    with rasterio.open(path, "w", driver="GTiff", height=array.shape[0], width=array.shape[1],
                       count=1, dtype=array.dtype, crs=crs, transform=at, nodata=nodata,
                       tiled=True, blockxsize=block, blockysize=block, compress="zstd") as file:
        file.write(array, 1)
    return path


# terrain

@pytest.mark.parametrize(("east", "north", "faces"), [
    (1, 0, 270), (-1, 0, 90), (0, 1, 180), (0, -1, 0), (0.5, 0.5, 225), (-0.3, -0.3, 45),
])
def test_slope_and_aspect_of_planes(east, north, faces):
    dem = plane(east, north)
    rise = np.hypot(east, north)
    inner = np.s_[1:-1, 1:-1]
    assert gather(qr.slope(dem)).read()[inner] == pytest.approx(np.degrees(np.arctan(rise)))
    assert gather(qr.slope(dem, unit="percent")).read()[inner] == pytest.approx(100 * rise)
    assert gather(qr.aspect(dem)).read()[inner] == pytest.approx(faces, abs=1e-4)


def test_the_edge_and_the_neighbours_of_missing_cells_are_missing():
    dem = np.zeros((5, 6))
    dem[2, 2] = -9999
    made = gather(qr.slope(layer(dem, -9999))).read()
    hole = np.ones((5, 6), bool)
    hole[1:-1, 4] = False
    assert np.isnan(made).tolist() == hole.tolist()
    assert np.isnan(gather(qr.slope(layer(np.zeros((2, 2))))).read()).all()


def test_flat_land_faces_nowhere_and_is_lit_by_the_height_of_the_sun():
    flat = plane(0, 0)
    assert np.isnan(gather(qr.aspect(flat)).read()).all()
    lit = gather(qr.hillshade(flat, altitude=30)).read()[1:-1, 1:-1]
    assert lit == pytest.approx(255 * 0.5)
    towards = gather(qr.hillshade(plane(1, 0), azimuth=270, altitude=45)).read()[2, 2]
    away = gather(qr.hillshade(plane(-1, 0), azimuth=270, altitude=45)).read()[2, 2]
    assert towards == pytest.approx(255) and away == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize("call", [
    lambda dem: qr.slope(dem, unit="grade"), lambda dem: qr.hillshade(dem, altitude=91),
    lambda dem: qr.focal(dem, size=2), lambda dem: qr.focal(dem, stat="median"),
])
def test_terrain_refuses(call):
    with pytest.raises(ConfigError):
        call(plane(0, 0))


def test_slope_needs_metres():
    degrees = Raster(np.zeros((3, 3)), crs="EPSG:4490", transform=Affine(0.1, 0, 118, 0, -0.1, 25))
    with pytest.raises(CRSError, match="not in metres"):
        qr.slope(degrees)


@given(npst.arrays(float, (5, 7), elements=st.one_of(st.integers(-9, 9).map(float),
                                                     st.just(np.nan))),
       st.sampled_from(qr.FOCAL), st.sampled_from([1, 3, 5]))
def test_focal_against_slices(cells, stat, size):
    made = gather(qr.focal(layer(cells), stat=stat, size=size)).read()
    reach = size // 2
    measure = {"mean": np.mean, "sum": np.sum, "min": np.min, "max": np.max, "std": np.std,
               "count": np.size}[stat]
    for i in range(5):
        for j in range(7):
            part = cells[max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1]
            known = part[~np.isnan(part)]
            if np.isnan(cells[i, j]):
                assert np.isnan(made[i, j])
            else:
                assert made[i, j] == pytest.approx(measure(known), rel=1e-6, abs=1e-6)


# overlay and reclass

def test_overlay_is_the_sequential_float64_sum():
    rng = np.random.default_rng(0)
    cells = [np.round(rng.random((40, 50)), 2).astype("float32") for _ in range(4)]
    w, bounds = [0.4, 0.3, 0.2, 0.1], [0.4, 0.5, 0.6]
    total = np.zeros((40, 50))
    for weight, array in zip(w, cells, strict=True):
        total += weight * array.astype(float)
    layers = [layer(array) for array in cells]
    made = gather(qr.weighted_overlay(layers, w, bounds=bounds)).read()
    assert (made == 1 + np.digitize(total, bounds, right=True)).all()
    index = gather(qr.weighted_overlay(layers, w)).read()
    assert index.dtype == np.float32 and (index == total.astype("float32")).all()


def test_a_value_on_a_bound_takes_the_lower_class():
    made = gather(qr.weighted_overlay([layer([[0.25, 0.250001, 0.5, 0.75, 1.0]])], [1],
                                      bounds=[0.25, 0.5, 0.75]))
    assert made.read().tolist() == [[1, 2, 2, 3, 4]]


@pytest.mark.parametrize(("dtype", "nodata"), [("float32", -9999.9), ("float64", np.nan),
                                               ("uint8", 255), ("int32", -1), ("float32", 0)])
def test_a_cell_missing_in_one_layer_has_no_class(dtype, nodata):
    holed = np.ones((1, 3), dtype)
    holed[0, 1] = nodata
    layers = [layer(holed, nodata, "a"), layer(np.ones((1, 3)), name="b")]
    made = gather(qr.weighted_overlay(layers, [0.5, 0.5], bounds=[0.5]))
    assert made.read().tolist() == [[2, qr.NO_CLASS, 2]] and made.nodata == 0
    assert np.isnan(gather(qr.weighted_overlay(layers, [0.5, 0.5])).read()).tolist() == [
        [False, True, False]]
    # A layer of weight 0 is not asked.
    assert gather(qr.weighted_overlay(layers, [0, 1], bounds=[0.5])).read().tolist() == [[2, 2, 2]]


@pytest.mark.parametrize("call", [
    lambda a: qr.weighted_overlay([a], [0.5]), lambda a: qr.weighted_overlay([a], [1, 0]),
    lambda a: qr.weighted_overlay([a, a], [1.5, -0.5]), lambda _: qr.weighted_overlay([], []),
    lambda a: qr.weighted_overlay([a], [1], bounds=[2, 1]),
    lambda a: qr.weighted_overlay([a], [1], bounds=[]), lambda a: qr.reclass(a),
    lambda a: qr.reclass(a, bounds=[1], table={1: 1}), lambda a: qr.reclass(a, table={1: 0}),
    lambda a: qr.reclass(a, table={}), lambda a: gather(qr.reclass(a, table={7: 1})),
])
def test_overlay_refuses(call):
    with pytest.raises(ConfigError):
        call(layer(np.ones((2, 2))))


def test_misaligned_grids_raise_and_align_mends(tmp_path):
    one = layer(np.ones((4, 4)), name="one")
    moved = layer(np.full((6, 6), 3.0), name="moved", at=AT @ Affine.translation(-0.5, -0.5))
    with pytest.raises(QzriskError, match="one and moved"):
        qr.weighted_overlay([one, moved], [0.5, 0.5])
    aligned = gather(qr.align(moved, one, method="bilinear"))
    made = gather(qr.weighted_overlay([one, aligned], [0.5, 0.5]))
    assert (made.read() == 2).all()
    other = Raster(np.ones((4, 4)), crs="EPSG:4548", transform=AT, name="other")
    with pytest.raises(CRSError, match="other"):
        qr.weighted_overlay([one, other], [0.5, 0.5])


def test_reclass_by_table_and_bounds():
    codes = layer(np.array([[10, 20, 255]], "uint8"), 255)
    assert gather(qr.reclass(codes, table={20: 4, 10: 1})).read().tolist() == [[1, 4, 0]]
    assert gather(qr.reclass(codes, bounds=[10, 15])).read().tolist() == [[1, 3, 0]]


# features

def test_distance_by_hand():
    grid = layer(np.zeros((3, 3)))
    x, y = 600_100, 2_759_900
    points = gpd.GeoSeries([shapely.Point(x, y), None, shapely.Point()], crs=CRS)
    made = gather(qr.distance(points, grid)).read()
    assert made[0].tolist() == [0, 200, 400] and made[2, 2] == pytest.approx(400 * 2**0.5)
    road = gpd.GeoSeries([shapely.LineString([(x, 0), (x, 1e7)])], crs=CRS)
    assert gather(qr.distance(road, grid)).read().tolist() == [[0, 200, 400]] * 3
    lake = gpd.GeoSeries([shapely.box(x - 50, y - 250, x + 50, y + 50)], crs=CRS)
    assert gather(qr.distance(lake, grid)).read()[:, 0].tolist() == [0, 0, 150]


def test_density_by_hand_and_its_total():
    grid = layer(np.zeros((41, 41)))
    middle = shapely.Point(600_000 + 20.5 * 200, 2_760_000 - 20.5 * 200)
    points = gpd.GeoSeries([middle, middle], crs=CRS)
    quartic = gather(qr.density(points, grid, radius_m=2000)).read()
    assert quartic[20, 20] == pytest.approx(2 * 3 / (np.pi * 4))
    assert quartic[20, 25] == pytest.approx(2 * 3 / (np.pi * 4) * (1 - 0.25) ** 2)
    assert quartic[20, 31] == 0 and quartic[20, 30] == 0
    uniform = gather(qr.density(points, grid, radius_m=2000, kernel="uniform")).read()
    assert set(np.unique(uniform)) == {0, np.float32(2 / (np.pi * 4))}
    weighted = gather(qr.density(points, grid, radius_m=2000, values=pd.Series([3.0, 4.0])))
    for made, total in ((quartic, 2), (uniform, 2), (weighted.read(), 7)):
        assert made.sum() * 0.04 == pytest.approx(total, rel=0.02)


@pytest.mark.parametrize(("error", "call"), [
    (CRSError, lambda g, p: qr.distance(p.set_crs("EPSG:4548", allow_override=True), g)),
    (CRSError, lambda g, p: qr.density(p.set_crs(None, allow_override=True), g, radius_m=1)),
    (SchemaError, lambda g, p: qr.distance(p.iloc[:0], g)),
    (ConfigError, lambda g, p: qr.density(p, g, radius_m=0)),
    (ConfigError, lambda g, p: qr.density(p, g, radius_m=9, kernel="gaussian")),
    (ConfigError, lambda g, p: qr.density(p, g, radius_m=9, values=pd.Series([np.nan]))),
    (ConfigError, lambda g, p: qr.density(p, g, radius_m=9, values=pd.Series([1.0], index=[9]))),
])
def test_features_refuse(error, call):
    points = gpd.GeoSeries([shapely.Point(600_100, 2_759_900)], crs=CRS)
    with pytest.raises(error):
        call(layer(np.zeros((2, 2))), points)


# alignment

def test_align_states_what_its_numbers_mean():
    fine = layer(np.array([[1, 2], [3, 9]], "int32"), -1, at=AT @ Affine.scale(0.5))
    like = layer(np.zeros((1, 2)))
    assert gather(qr.align(fine, like, method="sum")).read()[0, 0] == 15
    assert gather(qr.align(fine, like, method="average")).read()[0, 0] == 3.75
    nearest = gather(qr.align(fine, like, method="nearest"))
    assert nearest.dtype == np.int32 and nearest.read()[0, 1] == -1
    assert np.isnan(gather(qr.align(fine, like, method="bilinear")).read()[0, 1])


def test_align_between_two_meridians_keeps_a_plane(tmp_path):
    i, j = np.mgrid[:80, :80]
    at = Affine(200, 0, 655_000, 0, -200, 2_760_000)
    path = file_of(tmp_path / "p.tif", (i + 2.0 * j), block=16, crs="EPSG:4548", at=at)
    to = Affine(200, 0, 355_000, 0, -200, 2_757_000)
    like = Raster(np.zeros((30, 30)), crs=CRS, transform=to)
    made = gather(qr.align(path, like, method="bilinear")).values()
    x, y = to * (np.mgrid[:30, :30][1] + 0.5, np.mgrid[:30, :30][0] + 0.5)
    there = ~at * Transformer.from_crs(CRS, "EPSG:4548", always_xy=True).transform(x, y)
    expected = there[1] - 0.5 + 2 * (there[0] - 0.5)
    inside = (there[0] > 1) & (there[1] > 1) & (there[0] < 79) & (there[1] < 79)
    assert inside.sum() > 500
    assert made[inside] == pytest.approx(expected[inside], abs=1e-4)
    assert np.isnan(made[(there[0] < 0) | (there[1] < 0)]).all()


# the same bits whatever the windows

def shapes_and_points():
    rng = np.random.default_rng(8)
    xy = np.column_stack([rng.uniform(600_000, 630_000, 60), rng.uniform(2_730_000, 2_760_000, 60)])
    points = gpd.GeoSeries(shapely.points(xy), crs=CRS)
    return points, points.iloc[:20].buffer(700)


RECIPES = {
    "slope": lambda r: qr.slope(r),
    "aspect": lambda r: qr.aspect(r),
    "hillshade": lambda r: qr.hillshade(r),
    "focal mean": lambda r: qr.focal(r, stat="mean", size=7),
    "focal std": lambda r: qr.focal(r, stat="std", size=5),
    "index": lambda r: qr.weighted_overlay([r, r], [0.3, 0.7]),
    "classes": lambda r: qr.weighted_overlay([r, r], [0.3, 0.7], bounds=[0.2, 0.5, 0.8]),
    "reclass": lambda r: qr.reclass(r, bounds=[0.3]),
    "distance to points": lambda r: qr.distance(shapes_and_points()[0], r),
    "distance to lakes": lambda r: qr.distance(shapes_and_points()[1], r),
    "density": lambda r: qr.density(shapes_and_points()[0], r, radius_m=3333.3),
    "align": lambda r: qr.align(
        layer(r.values(), np.nan, at=AT @ Affine.translation(0.31, 0.77)), r, method="cubic"),
    "align from another meridian": lambda r: qr.align(
        Raster(r.values(), crs="EPSG:4548", nodata=np.nan,
               transform=Affine(200, 0, 903_000, 0, -200, 2_765_000)), r, method="bilinear"),
    "align average": lambda r: qr.align(
        layer(r.values(), np.nan, at=AT @ Affine.scale(0.37)), r, method="average"),
}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_windows_and_the_whole_array_are_bit_equal(recipe, tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    cells = rng.random((150, 150)).astype("float32")
    cells[rng.random((150, 150)) < 0.02] = -9999
    whole = recipe(layer(cells, -9999.0))
    assert len(list(whole)) == 1
    one = gather(whole).read()
    path = file_of(tmp_path / "tiles.tif", cells, block=32)
    for module in (terrain, proximity):
        monkeypatch.setattr(module, "_WINDOW_CELLS", 32 * 64)
    windows = Raster.windows
    monkeypatch.setattr(Raster, "windows",
                        lambda self, *, cells=32 * 64: windows(self, cells=cells))
    parts = recipe(Raster(path))
    assert len(list(parts)) > 10
    assert np.array_equal(gather(parts).read(), one, equal_nan=True)


def test_a_stream_can_be_written_twice_and_read_by_zone(tmp_path):
    blocks = qr.weighted_overlay([layer(np.array([[0.1, 0.9]]))], [1], bounds=[0.2, 0.5, 0.8])
    a, b = write(tmp_path / "a.tif", blocks), write(tmp_path / "b.tif", blocks)
    assert a.read_bytes() == b.read_bytes() and Raster(a).read().tolist() == [[1, 4]]

"""Raster handles: what they refuse, what they read, and what is written back."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from qzrisk import grid
from qzrisk.errors import ConfigError, CRSError, QzriskError
from qzrisk.grid import Blocks, Raster

CRS = "EPSG:4549"
AT = Affine(200, 0, 600_000, 0, -200, 2_750_400)


def write(path, array, *, crs=CRS, transform=AT, **more):
    with rasterio.open(path, "w", driver="GTiff", height=array.shape[0], width=array.shape[1],
                       count=1, dtype=array.dtype, crs=crs, transform=transform, **more) as file:
        file.write(array, 1)
    return path


@pytest.fixture
def dem(tmp_path):
    array = np.arange(12, dtype="float32").reshape(3, 4)
    array[1, 1] = -9999
    return write(tmp_path / "dem.tif", array, nodata=-9999)


def test_a_file_and_an_array_say_the_same(dem):
    file = Raster(dem)
    array = Raster(file.read(), crs=CRS, transform=AT, nodata=-9999, name="dem")
    for raster in (file, array):
        assert raster.shape == (3, 4) and raster.name == "dem" and raster.cell_m == 200
        assert raster.bounds == (600_000, 2_749_800, 600_800, 2_750_400)
        assert raster.values()[0].tolist() == [0, 1, 2, 3] and np.isnan(raster.values()[1, 1])
        assert raster.read(Window(1, 0, 2, 1)).tolist() == [[1, 2]]
        assert raster.missing == np.float32(-9999)
    assert grid.same_grid(file, array)


def test_an_array_handle_cannot_be_written_through():
    source = np.zeros((2, 2))
    raster = Raster(source, crs=CRS, transform=AT)
    with pytest.raises(ValueError, match="read-only"):
        raster.read()[0, 0] = 1
    source[0, 0] = 1  # the caller's own array stays his


@pytest.mark.parametrize(("dtype", "nodata", "missing"), [
    ("uint8", 255, 255), ("uint8", -9999, None), ("int16", 0.5, None), ("float32", np.nan, None),
    ("float32", -3.4028234663852886e38, np.float32(-3.4028234663852886e38)), ("int32", None, None),
])
def test_missing_value_in_the_type_of_the_cells(dtype, nodata, missing):
    raster = Raster(np.zeros((1, 1), dtype), crs=CRS, transform=AT, nodata=nodata)
    assert raster.missing == missing
    assert raster.values().tolist() == [[0.0]]


def test_nan_is_always_missing():
    raster = Raster(np.array([[np.nan, 0.0, 1.0]]), crs=CRS, transform=AT, nodata=0)
    assert np.isnan(raster.values()).tolist() == [[True, True, False]]


def test_packed_and_masked_files_are_read_as_numbers(tmp_path):
    path = write(tmp_path / "packed.tif", np.array([[10, 20]], "int16"))
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5,), (1.0,)
    assert Raster(path).values().tolist() == [[6, 11]]
    path = tmp_path / "masked.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write(path, np.array([[3, 4]], "int16"))
        with rasterio.open(path, "r+") as file:
            file.write_mask(np.array([[255, 0]], "uint8"))
    values = Raster(path).values()
    assert values[0, 0] == 3 and np.isnan(values[0, 1])


# refusals: what, where

@pytest.mark.parametrize(("error", "arguments"), [
    (CRSError, {"transform": AT}),
    (QzriskError, {"crs": CRS}),
    (QzriskError, {"crs": CRS, "transform": Affine(200, 1, 0, 0, -200, 0)}),
    (QzriskError, {"crs": CRS, "transform": Affine(200, 0, 0, 0, 200, 0)}),
    # A .prj that contradicts the bounds: degrees under metres, metres under degrees, zone prefix.
    (CRSError, {"crs": CRS, "transform": Affine(0.01, 0, 118, 0, -0.01, 25)}),
    (CRSError, {"crs": "EPSG:4490", "transform": AT}),
    (CRSError, {"crs": CRS, "transform": Affine(200, 0, 39_600_000, 0, -200, 2_750_400)}),
])
def test_arrays_without_a_trustworthy_place_raise(error, arguments):
    with pytest.raises(error, match="here"):
        Raster(np.zeros((3, 3)), name="here", **arguments)


@pytest.mark.parametrize("shape", [(0, 3), (3,), (1, 3, 3)])
def test_arrays_of_another_shape_raise(shape):
    with pytest.raises(QzriskError):
        Raster(np.zeros(shape), crs=CRS, transform=AT)


def test_files_that_cannot_be_read_are_named(tmp_path, dem):
    with pytest.raises(QzriskError, match=r"gone\.tif"):
        Raster(tmp_path / "gone.tif")
    (tmp_path / "text.tif").write_text("no raster", encoding="utf-8")
    with pytest.raises(QzriskError, match=r"text\.tif"):
        Raster(tmp_path / "text.tif")
    with pytest.raises(QzriskError, match="band"):
        Raster(dem, band=2)


def test_crs_given_to_a_file(tmp_path, dem):
    with pytest.raises(CRSError, match=r"dem\.tif"):
        Raster(dem, crs="EPSG:4548")
    bare = write(tmp_path / "bare.tif", np.zeros((2, 2), "uint8"), crs=None)
    with pytest.raises(CRSError, match=r"bare\.tif"):
        Raster(bare)
    assert Raster(bare, crs=CRS).crs.to_epsg() == 4549


def test_cell_m_needs_square_metres():
    oblong = Raster(np.zeros((2, 2)), crs=CRS, transform=Affine(200, 0, 0, 0, -100, 0))
    with pytest.raises(QzriskError, match="not square"):
        _ = oblong.cell_m
    degrees = Raster(np.zeros((2, 2)), crs="EPSG:4490", transform=Affine(1, 0, 118, 0, -1, 25))
    with pytest.raises(CRSError, match="not in metres"):
        _ = degrees.cell_m


# windows and samples

@given(st.tuples(st.integers(1, 40), st.integers(1, 40)),
       st.tuples(st.integers(1, 16), st.integers(1, 16)), st.integers(1, 300))
def test_windows_cover_every_cell_once(shape, block, cells):
    seen = np.zeros(shape, int)
    for window in grid.windows(shape, block=block, cells=cells):
        seen[window.toslices()] += 1
        assert window.height * window.width <= max(cells, min(block[0], shape[0])
                                                   * min(block[1], shape[1]))
    assert (seen == 1).all()


def test_sample_takes_the_cell_under_the_point(dem):
    xy = [(600_000, 2_750_400), (600_199.9, 2_750_201), (600_200, 2_750_200), (600_300, 2_750_100),
          (600_800, 2_750_000), (599_999, 2_750_000), (600_700, 2_749_801)]
    points = gpd.GeoSeries([*map(shapely.Point, xy), shapely.Point()], index=list("abcdefgh"),
                           crs=CRS)
    found = Raster(dem).sample(points)
    assert found.index.equals(points.index)
    assert found.tolist()[:2] == [0, 0] and found["g"] == 11
    # Missing cell (c and d lie in it), beyond the east edge, west of the raster, empty point.
    assert found[list("cdefh")].isna().all()
    with pytest.raises(CRSError, match="points"):
        Raster(dem).sample(points.set_crs("EPSG:4548", allow_override=True))


def test_require_same_grid_names_both(dem):
    one = Raster(dem)
    shifted = Raster(one.read(), crs=CRS, transform=AT @ Affine.translation(0.5, 0), name="shifted")
    with pytest.raises(QzriskError, match=r"dem\.tif and shifted"):
        grid.require_same_grid([one, shifted])
    other = Raster(one.read(), crs="EPSG:4548", transform=AT, name="other")
    with pytest.raises(CRSError, match="other"):
        grid.require_same_grid([one, other])
    grid.require_same_grid([one, one])


# blocks: written, gathered, warped

def stream(array, dtype, nodata, *, cells=10_000):
    like = Raster(array, crs=CRS, transform=AT, nodata=nodata)
    return Blocks(like=like, dtype=dtype, nodata=nodata, name="made",
                  make=lambda: ((w, array[w.toslices()]) for w in like.windows(cells=cells)))


def test_classes_come_back_with_colours_names_and_overviews(tmp_path):
    array = np.random.default_rng(0).integers(0, 5, (1300, 1100)).astype("uint8")
    colours = {1: "#6aa5d8", 2: "#f6dc74", 3: "#ee9347", 4: "#c8393b"}
    names = {1: "低", 2: "中 <a>", 3: "较高", 4: "高"}
    path = grid.write(tmp_path / "risk.tif", stream(array, "uint8", 0), colours=colours,
                      names=names)
    with rasterio.open(path) as file:
        assert (file.read(1) == array).all() and file.nodata == 0
        assert file.crs.to_epsg() == 4549 and file.transform == AT
        assert file.profile["blockxsize"] == 512 and file.overviews(1) == [2, 4]
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.colormap(1)[4] == (0xC8, 0x39, 0x3B, 255) and file.colormap(1)[0][3] == 0
    aux = (tmp_path / "risk.tif.aux.xml").read_text(encoding="utf-8")
    assert aux.count("<Category>") == 5 and "<Category>中 &lt;a&gt;</Category>" in aux
    qml = (tmp_path / "risk.qml").read_text(encoding="utf-8")
    assert qml.count("<paletteEntry") == 4 and qml.index('value="4"') < qml.index('value="1"')
    written = sorted(p.name for p in tmp_path.iterdir())
    assert written == ["risk.qml", "risk.tif", "risk.tif.aux.xml"]


def test_numbers_come_back_to_the_bit_and_reruns_are_equal(tmp_path):
    array = np.random.default_rng(0).random((700, 300)).astype("float32")
    array[:50] = np.nan
    one = grid.write(tmp_path / "a.tif", stream(array, "float32", np.nan))
    two = grid.write(tmp_path / "b.tif", stream(array, "float32", np.nan, cells=200_000))
    assert one.read_bytes() == two.read_bytes()
    assert np.array_equal(Raster(one).read(), array, equal_nan=True)
    assert np.array_equal(grid.gather(stream(array, "float32", np.nan)).read(), array,
                          equal_nan=True)


def test_write_refuses_colours_for_numbers_and_leaves_nothing_behind(tmp_path):
    with pytest.raises(ConfigError, match="for classes"):
        grid.write(tmp_path / "x.tif", stream(np.zeros((2, 2), "float32"), "float32", np.nan),
                   colours={1: "#ffffff"})

    def broken():
        yield Window(0, 0, 2, 1), np.zeros((1, 2), "uint8")
        raise ConfigError("a fault on the way")

    blocks = Blocks(like=stream(np.zeros((2, 2)), "uint8", 0).like, dtype="uint8", nodata=0,
                    make=broken)
    with pytest.raises(ConfigError, match="on the way"):
        grid.write(tmp_path / "x.tif", blocks)
    assert not list(tmp_path.iterdir())


def test_warped_refuses(dem):
    raster = Raster(dem)
    with pytest.raises(ConfigError, match="method"):
        grid.warped(raster, raster, method="guess")
    bare = Raster(np.zeros((2, 2), "uint8"), crs=CRS, transform=AT)
    with pytest.raises(ConfigError, match="missing"):
        grid.warped(bare, raster, method="nearest")

"""Static maps: pages with every kind of layer, bad input, embedded fonts, equal bytes."""

import dataclasses
import shutil
import subprocess

import map_world as world
import matplotlib as mpl
import numpy as np
import pandas as pd
import pypdf
import pytest
from drawn import panel_axes, pixels, rgb, texts
from matplotlib.text import Text
from PIL import Image
from rasterio.transform import from_origin
from shapely.geometry import Point, box

from qzrisk.errors import ConfigError, CRSError, QzriskError, SchemaError
from qzrisk.grid import Raster
from qzrisk.levels import palette
from qzrisk.maps import static
from qzrisk.maps.spec import Page
from qzrisk.maps.static import words

LOW_DPI = 72


# what is drawn


def test_a_page_says_everything_the_spec_says():
    shown = texts(static.draw(world.risk_map()))
    for expected in ("小城综合风险等级图", "县级单元", "图例", "高风险（红）", "> 0.7", "88.5 万",
                     "各县综合风险", "0.75", "—", "暂缺", "示意图 · 未经审图 · 不得公开发布"):
        assert expected in shown
    whole = "\n".join(shown)
    for part in ("北岛县暂缺资料", "2021-12-31", "R 1", "abc123", "EPSG:4549", "120°00′E",
                 "合成数据"):
        assert part in whole


def test_status_follows_audience_and_map_number():
    assert words.status_words(world.risk_map()) == "示意图 · 未经审图 · 不得公开发布"
    numbered = world.risk_map(map_number="某S〔2022〕1号")
    assert words.status_words(numbered) == "审图号：某S〔2022〕1号"
    internal = world.risk_map(audience="internal")
    assert words.status_words(internal) == "内部资料"
    assert texts(static.draw(internal)).count("内部资料") == 2
    assert "示意图 · 未经审图 · 不得公开发布" not in texts(static.draw(internal))


def test_english_pages_have_no_chinese_words_of_the_house():
    frame = world.units().assign(name=list("ABCD"))
    spec = world.risk_map(
        language="en", title="Risk", subtitle="", notes=(), source="Synthetic.", table=None,
        key_figures={}, layers=(world.risk_layer(frame=frame, title="Risk"),))
    shown = "".join(texts(static.draw(spec)))
    assert not [character for character in shown if "\u4e00" <= character <= "\u9fff"]
    assert "High (red)" in shown and "Sketch map" in shown


def test_units_have_the_colours_of_their_classes_and_the_missing_is_hatched():
    spec = world.risk_map(synthetic=False, layers=(world.risk_layer(label=None),))
    at, picture = pixels(spec)
    colours = palette("risk").colour()
    middle = world.BOTTOM + 5_000
    for column, code in enumerate(["red", "blue", "red"]):
        seen = at(world.LEFT + 10_000 * column + 5_000, middle)
        assert np.abs(seen - rgb(colours[code])).max() < 3
    missing = np.array([at(world.LEFT + 31_000 + 100 * i, middle) for i in range(80)])
    assert missing.std() > 3  # the hatch
    assert not any((np.abs(picture - rgb(c)).max(axis=2) < 3).sum() for c in
                   (colours["yellow"], colours["orange"]))


def test_equal_neighbours_without_boundary_have_no_seam():
    layer = world.risk_layer(classes=world.risk(("red",) * 4), label=None)
    at, _ = pixels(world.risk_map(synthetic=False, layers=(layer,)))
    row = np.array([at(world.LEFT + 9_000 + 20 * i, world.BOTTOM + 5_000) for i in range(100)])
    assert np.ptp(row, axis=0).max() <= 2
    outlined = dataclasses.replace(layer, boundary=True)
    at, _ = pixels(world.risk_map(synthetic=False, layers=(outlined,)))
    row = np.array([at(world.LEFT + 9_000 + 20 * i, world.BOTTOM + 5_000) for i in range(100)])
    assert np.ptp(row, axis=0).max() > 20


def test_generated_data_are_marked_without_hiding_the_classes():
    layers = (world.risk_layer(label=None),)
    _, marked = pixels(world.risk_map(layers=layers))
    _, plain = pixels(world.risk_map(layers=layers, synthetic=False))
    change = np.abs(marked.astype(int) - plain.astype(int)).max(axis=2)
    assert 0.05 < (change > 4).mean() < 0.6
    assert change.max() < 90


def test_grey_is_grey():
    _, picture = pixels(world.risk_map(synthetic=False, variant="grey",
                                       layers=(world.risk_layer(label=None),)))
    dark = (np.abs(picture.astype(int) - 0x4C).max(axis=2) < 3).mean()
    assert dark > 0.1


@pytest.mark.parametrize("paper", ["A4", "A3", "16:9"])
def test_papers_have_their_size(tmp_path, paper):
    path = static.save(world.risk_map(), tmp_path / "m.pdf", paper=paper)
    box_ = pypdf.PdfReader(path).pages[0].mediabox
    expected = {"A4": (297, 210), "A3": (420, 297), "16:9": (338.667, 190.5)}[paper]
    assert (float(box_.width) / 72 * 25.4, float(box_.height) / 72 * 25.4) == pytest.approx(
        expected, abs=0.2)


def every_kind():
    frame = world.units()
    size = pd.Series([10.0, 5.0, np.nan, 0.0], index=frame.index)
    return (
        world.raster_layer(),
        world.raster_layer(name="shaded", relief=world.raster_layer().raster, show=True),
        world.risk_layer(),
        world.lines_layer(name="road", title="公路", kind="lines", frame=world.road(),
                          style="main_road"),
        world.lines_layer(name="danger", title="危险路段", kind="lines", frame=world.road(),
                          classes=world.risk().iloc[:1].set_axis(["r"]), palette="risk", style=""),
        world.points_layer(label="name"),
        world.lines_layer(name="people", title="人口", kind="graduated", style="", size=size,
                          size_unit="万人", label="name"),
        world.lines_layer(name="none", title="暂缺资料", kind="choropleth", style="no_data"),
        world.lines_layer(),
    )


def test_every_kind_of_layer_draws(tmp_path):
    spec = world.risk_map(layers=every_kind(), focus="risk", variant="colour_blind")
    path = static.save(spec, tmp_path / "all.png", dpi=LOW_DPI)
    assert Image.open(path).size == (841, 595)
    shown = texts(static.draw(spec))
    assert {"人口（万人）", "公路", "危险路段", "248 mm"} <= set(shown)


def test_classed_rasters_take_the_palette_and_leave_the_missing_clear():
    values = np.ones((10, 40))
    values[:, 20:] = 4
    values[:, 30:] = np.nan
    transform = from_origin(world.LEFT, world.BOTTOM + 10_000, 1000, 1000)
    layer = world.raster_layer(raster=Raster(values, crs=world.CRS, transform=transform),
                               palette="risk")
    spec = world.risk_map(layers=(world.risk_layer(show=False), layer), synthetic=False)
    at, _ = pixels(spec)
    colours = palette("risk").colour()
    y = world.BOTTOM + 5_000
    assert np.abs(at(world.LEFT + 5_000, y) - rgb(colours["blue"])).max() < 3
    assert np.abs(at(world.LEFT + 25_000, y) - rgb(colours["red"])).max() < 3
    assert np.abs(at(world.LEFT + 35_000, y) - rgb(colours["red"])).max() > 50


def test_a_panel_on_axes_of_ones_own():
    ax = panel_axes()
    figure = static.draw(world.risk_map(), ax)
    assert figure is ax.figure
    left, right = ax.get_xlim()
    assert left < world.LEFT and right > world.LEFT + 40_000
    metres_per_inch = (right - left) / 6.0
    bottom, top = ax.get_ylim()
    assert (top - bottom) / 3.0 == pytest.approx(metres_per_inch)
    assert any(words_.startswith("比例尺 约 1∶") for words_ in texts(figure))


# bad input


def test_no_layer_is_refused():
    for layers in ((), (world.risk_layer(show=False),)):
        with pytest.raises(ConfigError, match="at least one layer"):
            static.draw(world.risk_map(layers=layers))


def test_a_frame_far_from_the_data_is_refused_with_both_places():
    spec = world.risk_map(extent=(118.0, 24.0, 119.0, 25.0))
    with pytest.raises(ConfigError, match=r"no feature.*118.*330000"):
        static.draw(spec)


def test_a_missing_glyph_stops_the_run_and_leaves_no_file(tmp_path):
    frame = world.units().assign(name=["东城区", "西城区", "南山县", "岛\U0001f3dd县"])
    spec = world.risk_map(layers=(world.risk_layer(frame=frame),))
    with pytest.raises(QzriskError, match=r"岛.*县.*U\+1F3DD"):
        static.save(spec, tmp_path / "m.png", dpi=LOW_DPI)
    assert list(tmp_path.iterdir()) == []


def test_units_without_shape_are_counted_and_said():
    frame = world.units()
    frame.loc["b", "geometry"] = None
    frame.loc["c", "geometry"] = box(0, 0, 0, 0).boundary.intersection(box(9, 9, 9, 9))
    spec = world.risk_map(layers=(world.risk_layer(frame=frame),))
    figure = static.draw(spec)
    assert "综合风险等级：2 个单元无图形" in "".join(texts(figure))


def test_one_unit_and_one_point_and_an_empty_class_draw():
    one = world.units().iloc[:1]
    layer = world.risk_layer(frame=one, classes=world.risk().iloc[:1])
    static.draw(world.risk_map(layers=(layer,)))
    points = world.points_layer()
    single = world.points_layer(frame=points.frame.iloc[:1], classes=points.classes.iloc[:1])
    static.draw(world.risk_map(layers=(single,)))


def test_very_long_names_stay_on_the_paper():
    frame = world.units().assign(name=["中国石化湄洲湾南岸石油化学工业园区管理委员会" * 2] * 4)
    long = "自然灾害综合风险与综合减灾能力普查成果" * 4
    table = world.table().assign(县=frame["name"].to_numpy())
    spec = world.risk_map(title=long, layers=(world.risk_layer(frame=frame, title=long),),
                          table=table, table_title=long, key_figures={long: "88.5 万"})
    figure = static.draw(spec)
    figure.draw_without_rendering()
    page = figure.bbox
    for found in figure.findobj(Text):
        if found.get_text() and found.get_visible():
            extent = found.get_window_extent()
            assert extent.x0 >= page.x0 - 1 and extent.x1 <= page.x1 + 1, found.get_text()


def test_a_long_table_ends_with_what_it_leaves_out():
    table = pd.DataFrame({"镇": [f"第{i}镇" for i in range(174)], "人口": range(174)})
    spec = world.risk_map(table=table, class_column="", table_palette="")
    shown = texts(static.draw(spec))
    rest = next(words_ for words_ in shown if words_.startswith("另有"))
    listed = sum(words_.startswith("第") and words_.endswith("镇") for words_ in shown)
    assert rest == f"另有 {174 - listed} 行，见附表"


def test_shapes_that_are_no_points_and_rasters_elsewhere_are_refused():
    layer = world.points_layer(frame=world.units().iloc[:3].set_axis(["p", "q", "r"]))
    with pytest.raises(SchemaError, match="points"):
        static.draw(world.risk_map(layers=(layer,)))
    raster = world.raster_layer().raster
    elsewhere = world.raster_layer(raster=Raster(raster.source, crs="EPSG:4548",
                                           transform=raster.transform))
    with pytest.raises(CRSError, match="rain"):
        static.draw(world.risk_map(layers=(world.risk_layer(), elsewhere)))
    coarse = Raster(np.zeros((2, 2)), crs=world.CRS, transform=raster.transform)
    with pytest.raises(SchemaError, match="another grid"):
        static.draw(world.risk_map(layers=(world.raster_layer(relief=coarse),)))


@pytest.mark.parametrize(("name", "paper"), [("m.svg", "A4"), ("m", "A4"), ("m.png", "A5")])
def test_unknown_formats_and_papers_are_refused(tmp_path, name, paper):
    with pytest.raises(ConfigError, match=r"unknown"):
        static.save(world.risk_map(), tmp_path / name, paper=paper)


# files


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_equal_maps_are_equal_bytes(tmp_path, suffix):
    spec = world.risk_map(layers=(world.risk_layer(), world.points_layer(), world.lines_layer()))
    paths = [static.save(spec, tmp_path / f"{i}{suffix}", dpi=LOW_DPI) for i in "ab"]
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert b"CreationDate" not in first and b"ModDate" not in first
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_pdf_fonts_are_embedded_and_chinese_is_text(tmp_path):
    path = static.save(world.risk_map(), tmp_path / "m.pdf")
    page = pypdf.PdfReader(path).pages[0]
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
    names = sorted(font["/BaseFont"].split("+")[1] for font in fonts)
    assert set(names) == {"NotoSansSC-Bold", "NotoSansSC-Regular"}
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert "/FontFile2" in descriptor and "/ToUnicode" in font
    extracted = page.extract_text()
    for expected in ("小城综合风险等级图", "东城区", "高风险（红）", "暂缺资料", "比例尺"):
        assert expected in extracted


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
def test_poppler_finds_the_text_and_the_embedded_fonts(tmp_path):
    path = static.save(world.risk_map(), tmp_path / "m.pdf")
    found = subprocess.run(["pdftotext", path, "-"], capture_output=True, check=True)
    assert "小城综合风险等级图" in found.stdout.decode("utf-8")
    fonts = subprocess.run(["pdffonts", path], capture_output=True, check=True).stdout.decode()
    rows = fonts.splitlines()[2:]
    assert rows and all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows)


def test_settings_of_the_caller_neither_change_nor_matter(tmp_path):
    before = dict(mpl.rcParams)
    plain = static.save(world.risk_map(), tmp_path / "a.png", dpi=LOW_DPI).read_bytes()
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.family": ["serif"], "savefig.bbox": "tight", "lines.linewidth": 9,
                         "axes.facecolor": "black", "patch.linewidth": 5, "hatch.linewidth": 9}):
        assert static.save(world.risk_map(), tmp_path / "b.png", dpi=LOW_DPI).read_bytes() == plain


def test_frames_are_left_alone():
    spec = world.risk_map(layers=every_kind(), focus="risk")
    before = [layer.frame.copy() for layer in spec.layers if layer.frame is not None]
    static.draw(spec)
    after = [layer.frame for layer in spec.layers if layer.frame is not None]
    for one, other in zip(before, after, strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one), pd.DataFrame(other))


def test_points_far_outside_are_left_out_but_counted():
    points = world.points_layer()
    frame = points.frame.copy()
    frame.loc["r", "geometry"] = Point(0, 0)
    layer = world.points_layer(frame=frame)
    spec = world.risk_map(layers=(world.risk_layer(), layer))
    assert layer.counts()["village"] == 2
    static.draw(spec)


def test_a_page_shows_itself_in_a_notebook():
    shown = static.draw(world.risk_map())._repr_png_()
    assert shown.startswith(b"\x89PNG")


def test_a_legend_stands_beside_a_map_only_where_its_columns_have_room():
    from qzrisk.maps.static.grid import _beside

    class Spec:
        def bounds(self):
            return (0.0, 0.0, 100.0, 150.0)

    room = {"below": 30.0, "gap": 3.0, "zoom": 1.0}
    assert _beside(Spec(), (130.0, 110.0), **room)
    assert not _beside(Spec(), (60.0, 110.0), **room)  # 20 mm: bounds would cover words


def test_a_table_stands_below_a_legend_that_stands_beside_its_map():
    west, south, east, north = world.risk_map().bounds()
    tall = (west, south - 2 * (east - west), east, north + 2 * (east - west))

    def lettering(table):
        maps = tuple(world.risk_map(name=name, table=table, class_column="", table_palette="",
                                    table_title="最多的三个乡镇", extent=tall)
                     for name in "ab")
        made = static.draw_page(Page(key="pair", title="对比", maps=maps))
        return [artist.get_text() for artist in made.findobj(Text)]

    printed = lettering(pd.DataFrame({"乡镇": ["甲镇", "乙镇"], "人": ["1,200", "7"]}))
    assert printed.count("甲镇") == printed.count("最多的三个乡镇") == 2
    assert "图例" not in printed and lettering(None).count("图例") == 2

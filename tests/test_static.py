"""Static maps: pages with every kind of layer, bad input, embedded fonts, equal bytes."""

import dataclasses
import shutil
import subprocess
from io import BytesIO

import geopandas as gpd
import map_world as world
import matplotlib as mpl
import numpy as np
import pandas as pd
import pypdf
import pytest
import shapely
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from rasterio.transform import from_origin
from shapely.geometry import LineString, Point, box

from qzrisk.errors import ConfigError, CRSError, QzriskError, SchemaError
from qzrisk.grid import Raster
from qzrisk.levels import ordered, palette
from qzrisk.maps import static
from qzrisk.maps.furniture.view import fit
from qzrisk.maps.spec import LayerSpec, Page
from qzrisk.maps.static import words
from qzrisk.maps.static.labels import Placer, clear_boxes, labels_of
from qzrisk.maps.static.panel import draw_map
from qzrisk.maps.style import GROUND, SEA

LOW_DPI = 72


def texts(figure):
    return [found.get_text() for found in figure.findobj(Text) if found.get_text()]


def panel_axes(inches=(6.0, 3.0)):
    figure = Figure(figsize=inches, dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0, 0, 1, 1))


def pixels(spec, inches=(6.0, 3.0)):
    """Draw the bare map and return colours by position in metres."""
    ax = panel_axes(inches)
    view = fit(spec.bounds(), width_mm=inches[0] * 25.4, height_mm=inches[1] * 25.4, crs=spec.crs)
    draw_map(ax, spec, view, grid=False, scaled=False)
    buffer = BytesIO()
    ax.figure.savefig(buffer, dpi=100)
    picture = np.asarray(Image.open(buffer).convert("RGB"))

    def at(x, y):
        column = int((x - view.left) / (view.right - view.left) * picture.shape[1])
        row = int((view.top - y) / (view.top - view.bottom) * picture.shape[0])
        return picture[row, column]

    return at, picture


def rgb(colour):
    return np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)])


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


def raster_layer(**changes):
    values = np.add.outer(np.arange(50.0), np.arange(200.0))
    values[:10, :10] = np.nan
    transform = from_origin(world.LEFT, world.BOTTOM + 10_000, 200, 200)
    given = {"name": "rain", "title": "降雨量", "kind": "raster", "style": "rain",
             "raster": Raster(values, crs=world.CRS, transform=transform), "unit_word": "mm"}
    return LayerSpec(**{**given, **changes})


def every_kind():
    frame = world.units()
    size = pd.Series([10.0, 5.0, np.nan, 0.0], index=frame.index)
    return (
        raster_layer(), raster_layer(name="shaded", relief=raster_layer().raster, show=True),
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
    layer = raster_layer(raster=Raster(values, crs=world.CRS, transform=transform), palette="risk")
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


# labels


def view_of(spec, width_mm=170.0, height_mm=80.0):
    return fit(spec.bounds(), width_mm=width_mm, height_mm=height_mm, crs=spec.crs)


def crowd(count, width=2_000.0):
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 30_000, (count, 2)) + np.array([world.LEFT, world.BOTTOM])
    shapes = [box(x, y, x + width, y + width) for x, y in places]
    names = [f"第{i}号街道办事处" for i in range(count)]
    return gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=world.CRS)


def test_labels_never_meet_each_other_or_the_furniture_or_the_frame():
    layer = world.lines_layer(frame=crowd(60), label="name")
    spec = world.risk_map(layers=(layer,))
    view = view_of(spec)
    taken = [(0.0, 0.0, 40.0, 12.0)]
    labels = labels_of(layer, view)
    placer = Placer(view, taken)
    left = placer.place(labels)
    placed = [label for label in labels if label.centre is not None]
    assert len(placed) + len(left) == 60 and len(placed) > 20
    boxes = np.array([*taken, *(label.box(label.centre) for label in placed)])
    for rank, (x0, y0, x1, y1) in enumerate(boxes):
        others = np.delete(boxes, rank, axis=0)
        meets = ((others[:, 0] < x1) & (others[:, 2] > x0)
                 & (others[:, 1] < y1) & (others[:, 3] > y0))
        assert not meets.any()
    for line in placer.leaders:
        others = [box_ for box_, label in zip(boxes[1:], placed, strict=True)
                  if (label.x, label.y) != line[:2]]
        led = LineString([line[:2], line[2:]])
        assert not any(led.intersects(box(*other)) for other in others)
    assert (boxes[1:, :2] >= 0).all() and (boxes[1:, 2] <= view.width_mm).all()
    assert (boxes[1:, 3] <= view.height_mm).all()


def test_small_units_get_a_leader_from_their_own_middle():
    frame = pd.concat([world.units(), gpd.GeoDataFrame(
        {"name": ["小小开发区"]}, index=["e"], crs=world.CRS,
        geometry=[box(world.LEFT + 19_500, world.BOTTOM + 10_000, world.LEFT + 20_000,
                      world.BOTTOM + 10_400)])])
    layer = world.lines_layer(frame=frame, label="name")
    view = view_of(world.risk_map(layers=(layer,)))
    labels = labels_of(layer, view)
    placer = Placer(view, [])
    assert placer.place(labels) == []
    small = next(label for label in labels if label.lines == ["小小开发区"])
    assert small.leader and len(placer.leaders) == 1
    assert view.at(*placer.leaders[0][:2]) == pytest.approx(
        (world.LEFT + 19_750, world.BOTTOM + 10_200), abs=150)
    assert all(not label.leader for label in labels if label is not small)


def test_names_keep_off_symbols_in_rows_and_leaders_end_at_their_edge():
    """A wide unit has room beside its symbols; a small one is full and gets a leader."""
    small = box(world.LEFT + 14_000, world.BOTTOM + 4_000, world.LEFT + 16_000,
                world.BOTTOM + 6_000)
    frame = gpd.GeoDataFrame({"name": ["小区", "大区"]}, crs=world.CRS, geometry=[
        small, box(world.LEFT + 17_000, world.BOTTOM, world.LEFT + 40_000,
                   world.BOTTOM + 10_000)])
    centres = [(world.LEFT + 15_000, world.BOTTOM + 5_000),
               (world.LEFT + 28_500, world.BOTTOM + 5_000)]
    places = [Point(x + 400 * i, y + 400 * j) for x, y in centres
              for i in (-1, 0, 1) for j in (-1, 0, 1)]
    points = gpd.GeoDataFrame(geometry=places, crs=world.CRS)
    given = {"name": "firms", "title": "企业", "kind": "points", "frame": points,
             "palette": "safety", "classes": ordered(pd.Series("red", index=points.index))}
    layer, rows = world.lines_layer(frame=frame, label="name"), LayerSpec(**given, style="in_rows")
    view = view_of(world.risk_map())
    symbols = clear_boxes(rows, view)
    assert len(symbols) == 18 and clear_boxes(LayerSpec(**given), view) == []
    labels = labels_of(layer, view)
    placer = Placer(view, [], symbols)
    assert placer.place(labels) == []
    drawn = shapely.union_all([box(*symbol) for symbol in symbols])
    for label in labels:
        assert not box(*label.box(label.centre)).intersects(drawn)
    led, = [label for label in labels if label.leader]
    assert led.lines == ["小区"]
    line = LineString([placer.leaders[0][:2], placer.leaders[0][2:]])
    assert line.intersection(drawn).length == pytest.approx(0, abs=1e-6)
    assert line.length > 0


def test_names_without_room_are_counted_in_the_notes():
    layer = world.lines_layer(frame=crowd(300, 300.0), label="name")
    shown = "".join(texts(static.draw(world.risk_map(layers=(layer,), table=None))))
    assert "处注记从略" in shown


# insets and pages of several maps


def dense_map(**changes):
    """A wide unit with a crowd of tiny ones in its lower left, room for an inset elsewhere."""
    frame = crowd(60, 900.0)
    frame = frame.set_geometry(frame.geometry.translate(0, 0).affine_transform(
        [0.15, 0, 0, 0.15, 0.85 * world.LEFT, 0.85 * world.BOTTOM]))
    tiny = world.lines_layer(name="tiny", frame=frame, label="name", kind="choropleth",
                             style="unit")
    return world.risk_map(
        layers=(tiny,), extent=(world.LEFT - 4_000, world.BOTTOM - 12_000,
                                world.LEFT + 40_000, world.BOTTOM + 24_000), table=None,
        **changes)


def test_an_inset_names_what_the_map_cannot():
    box_ = (world.LEFT - 500, world.BOTTOM - 500, world.LEFT + 5_500, world.BOTTOM + 5_500)
    plain, enlarged = dense_map(), dense_map(inset=box_)
    names = [sum("街道办事处" in words_ for words_ in texts(static.draw(spec)))
             for spec in (plain, enlarged)]
    assert names[1] > names[0]
    figure = static.draw(enlarged)
    inner = next(ax for ax in figure.findobj(mpl.axes.Axes) if ax.get_label() == "inset")
    outer = next(ax for ax in figure.axes if ax.get_label() == "map")
    figure.draw_without_rendering()
    scale = [np.ptp(ax.get_xlim()) / ax.get_window_extent().width for ax in (outer, inner)]
    assert scale[0] / scale[1] >= 1.5
    assert np.allclose(inner.get_xlim(), (box_[0], box_[2]), atol=50)
    assert any(words_.startswith("局部放大 1∶") for words_ in texts(figure))


def test_a_pair_shares_its_frame_and_each_map_keeps_its_legend():
    other = world.risk_layer(name="after", title="整治后", label=None,
                             classes=world.risk(("blue", "blue", "blue", None)))
    page = Page(key="pair", title="整治前后", maps=(
        world.risk_map(name="a", title="整治前"),
        world.risk_map(name="b", title="整治后", layers=(other,), notes=("另一条说明。",))))
    figure = static.draw_page(page, number="— 7 —")
    maps = [ax for ax in figure.axes if ax.get_label() == "map"]
    assert len(maps) == 2 and maps[0].get_xlim() == maps[1].get_xlim()
    shown = texts(figure)
    assert shown.count("图例") == 2 and shown.count("高风险（红）") == 2
    assert {"整治前后", "整治前", "— 7 —", "3", "示意图 · 未经审图 · 不得公开发布"} <= set(shown)
    whole = "".join(shown)
    assert "另一条说明。" in whole and whole.count("坐标系：") == 1


@pytest.mark.parametrize("count", [1, 3, 4, 6, 7])
def test_small_multiples_stay_on_the_paper(count):
    maps = tuple(world.risk_map(name=f"m{i}", title=f"灾种{i}") for i in range(count))
    figure = static.draw_page(Page(key="all", title="各灾种", maps=maps))
    found = [ax.get_position() for ax in figure.axes if ax.get_label() == "map"]
    assert len(found) == count
    for rank, one in enumerate(found):
        assert one.x0 > 0.03 and one.x1 < 0.97 and one.y0 > 0.06 and one.y1 < 0.9
        assert not any(one.overlaps(other) for other in found[rank + 1:])
    with pytest.raises(ConfigError, match="needs a map"):
        static.draw_page(Page(key="none", title="x", maps=()))


@pytest.mark.parametrize("count", [3, 4, 7])
def test_what_all_maps_share_stands_in_one_legend(count):
    maps = tuple(world.risk_map(name=f"m{i}", title=f"灾种{i}") for i in range(count))
    shown = texts(static.draw_page(Page(key="all", title="各灾种", maps=maps)))
    assert shown.count("县界") == 1
    assert shown.count("高风险（红）") == count


def test_bays_within_the_subject_are_sea_and_its_land_is_ground():
    city = gpd.GeoDataFrame(geometry=[box(*world.units().total_bounds)], crs=world.CRS,
                            index=["city"])
    # The eastern half of the city is a bay.
    land = gpd.GeoDataFrame(index=["land"], crs=world.CRS, geometry=[box(
        world.LEFT - 9_000, world.BOTTOM - 9_000, world.LEFT + 20_000, world.BOTTOM + 19_000)])
    spec = world.risk_map(
        synthetic=False, focus="counties", layers=(world.lines_layer(frame=city),),
        context=(LayerSpec(name="land", title="", kind="choropleth", frame=land, style="land"),))
    at, _ = pixels(spec)
    middle = world.BOTTOM + 5_000
    assert np.abs(at(world.LEFT + 10_000, middle) - rgb(GROUND)).max() < 3
    assert np.abs(at(world.LEFT + 30_000, middle) - rgb(SEA)).max() < 3


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
    raster = raster_layer().raster
    elsewhere = raster_layer(raster=Raster(raster.source, crs="EPSG:4548",
                                           transform=raster.transform))
    with pytest.raises(CRSError, match="rain"):
        static.draw(world.risk_map(layers=(world.risk_layer(), elsewhere)))
    coarse = Raster(np.zeros((2, 2)), crs=world.CRS, transform=raster.transform)
    with pytest.raises(SchemaError, match="another grid"):
        static.draw(world.risk_map(layers=(raster_layer(relief=coarse),)))


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

"""Furniture as data: scale against geodesics, north against convergence, legend, lettering."""

import map_world as world
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pyproj import CRS, Geod, Proj, Transformer

from qzrisk.errors import ConfigError, QzriskError
from qzrisk.levels import palette
from qzrisk.maps import furniture, style
from qzrisk.maps.furniture import frame, lettering, panel, paths, view
from qzrisk.maps.furniture import table as printed
from qzrisk.maps.furniture.legend import size_steps, symbol_pt
from qzrisk.maps.static import page

BOUNDS = (260_000.0, 2_700_000.0, 420_000.0, 2_880_000.0)
GRS80 = Geod(ellps="GRS80")


def fitted(bounds=BOUNDS, **changes):
    return furniture.fit(bounds, **{"width_mm": 170.0, "height_mm": 150.0, "crs": world.CRS,
                                    **changes})


def axes_of(shown):
    figure = Figure(figsize=(shown.width_mm / 25.4, shown.height_mm / 25.4))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(shown.left, shown.right), ylim=(shown.bottom, shown.top))
    return ax


def to_degrees(x, y, crs=world.CRS):
    return Transformer.from_crs(crs, CRS(crs).geodetic_crs, always_xy=True).transform(x, y)


# scale


@pytest.mark.parametrize("crs", ["EPSG:4549", "EPSG:4548", "EPSG:32650", "EPSG:3415"])
def test_the_scale_bar_is_as_long_as_it_says(crs):
    x0, y0 = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(118.3, 24.5)
    shown = fitted((x0, y0, x0 + 150_000, y0 + 150_000), crs=crs)
    ax = axes_of(shown)
    furniture.scale_bar(ax, shown, corner="left", language="zh", paper="A4")
    rungs = [patch for patch in ax.patches if patch.get_gid() == "scale_bar"]
    start = rungs[0].get_x()
    end = rungs[-1].get_x() + rungs[-1].get_width()
    y = rungs[0].get_y()
    lon, lat = to_degrees([start, end], [y, y], crs)
    geod = CRS(crs).get_geod()
    true = geod.inv(lon[0], lat[0], lon[1], lat[1])[2]
    words = [t.get_text() for t in ax.texts]
    assert true == pytest.approx(frame.bar_length_m(shown), rel=1e-6)
    assert f"{frame.bar_length_m(shown) / 1000:g}" in words


def test_the_numeric_scale_is_the_length_on_paper_over_the_true_length():
    shown = fitted()
    x, y = shown.centre
    half = shown.metres(50.0)  # a line of 10 cm on paper
    lon, lat = to_degrees([x - half, x + half], [y, y])
    true_m = GRS80.inv(lon[0], lat[0], lon[1], lat[1])[2]
    assert true_m / 0.1 == pytest.approx(shown.denominator, rel=5e-5)
    assert shown.denominator == pytest.approx(1_400_000, rel=1e-5)
    assert frame.scale_words(shown, "zh", "A4") == "比例尺 1∶1 400 000（A4）"
    assert frame.scale_words(shown, "en") == "Scale about 1∶1 400 000"


@given(st.floats(2e3, 3e5), st.floats(2e3, 3e5))
def test_a_view_holds_its_bounds_at_a_round_scale(width, height):
    bounds = (300_000.0, 2_700_000.0, 300_000.0 + width, 2_700_000.0 + height)
    shown = fitted(bounds)
    assert shown.left <= bounds[0] and shown.right >= bounds[2]
    assert shown.bottom <= bounds[1] and shown.top >= bounds[3]
    figures = f"{shown.denominator:.4e}".split("e")[0].rstrip("0").rstrip(".")
    assert len(figures) <= 4, figures
    assert shown.height_mm == pytest.approx(150.0)


def test_a_single_point_gets_a_frame():
    shown = fitted((300_000.0, 2_700_000.0, 300_000.0, 2_700_000.0))
    assert shown.right - shown.left >= view.LEAST_SPAN_M


def test_the_view_slides_then_crops_into_known_ground():
    shown = fitted((0.0 + 3e5, 2.7e6, 3.4e5, 2.74e6))
    wide = shown.right - shown.left
    slid = view.within(shown, (shown.left + 1_000, 2e6, shown.right + 9e4, 3e6),
                       (3.1e5, 2.71e6, 3.2e5, 2.72e6))
    assert slid.left == shown.left + 1_000 and slid.right - slid.left == pytest.approx(wide)
    cropped = view.within(shown, (shown.left + 2_000, 2e6, shown.right - 2_000, 3e6),
                          (3.1e5, 2.71e6, 3.2e5, 2.72e6))
    assert cropped.right - cropped.left == pytest.approx(wide - 4_000)
    assert cropped.metres(1.0) == pytest.approx(shown.metres(1.0))
    kept = view.within(shown, (3.15e5, 2e6, 3.16e5, 3e6), shown.box)
    assert kept == shown


# north and graticule


@pytest.mark.parametrize("crs", ["EPSG:4549", "EPSG:4548", "EPSG:32650"])
def test_the_arrow_points_to_true_north(crs):
    x0, y0 = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(118.3, 25.1)
    shown = fitted((x0 - 8e4, y0 - 8e4, x0 + 8e4, y0 + 8e4), crs=crs)
    lon, lat = to_degrees(*shown.centre, crs)
    # PROJ gives the angle from true to grid north; the arrow turns the other way.
    expected = -Proj(crs).get_factors(lon, lat).meridian_convergence
    assert abs(expected) > 0.3
    assert shown.convergence_deg() == pytest.approx(expected, abs=2e-3)
    ax = axes_of(shown)
    furniture.north_arrow(ax, shown, corner="right", language="zh")
    halves = [p.get_xy() for p in ax.patches if p.get_gid() == "north_arrow"]
    tip, notch = halves[0][0], halves[0][2]
    turned = np.degrees(np.arctan2(*(tip - notch)))
    assert turned == pytest.approx(expected, abs=2e-3)


def test_meridians_are_curves_of_one_longitude_and_labelled_where_they_leave():
    shown = fitted()
    lines = frame.meridians(shown, frame.graticule_step_min(shown))
    for line in lines:
        degrees = to_degrees(line.xy[:, 0], line.xy[:, 1])[line.axis]
        assert np.ptp(degrees) < 1e-9
        for side, position in line.crossings(shown):
            point = {"bottom": (position, shown.bottom), "top": (position, shown.top),
                     "left": (shown.left, position), "right": (shown.right, position)}[side]
            assert to_degrees(*point)[line.axis] == pytest.approx(line.degree, abs=2e-5)
    parallel = next(line for line in lines if line.axis == 1)
    chord = np.interp(parallel.xy[30, 0], parallel.xy[[0, -1], 0], parallel.xy[[0, -1], 1])
    assert abs(chord - parallel.xy[30, 1]) > 50  # metres: a true curve, no chord
    sides = {side for line in lines for side, _ in line.crossings(shown)}
    assert sides == {"bottom", "top", "left", "right"}


# legend


def test_the_legend_lists_words_colours_and_counts_high_at_top():
    rows = furniture.legend_rows(world.risk_map())
    found = [(row.code, row.words, row.colour, row.count, row.note) for row in rows
             if row.swatch in ("fill", "no_data")]
    colours = palette("risk").colour()
    assert found == [
        ("red", "高风险（红）", colours["red"], 2, "> 0.7"),
        ("orange", "较高风险（橙）", colours["orange"], 0, ""),
        ("yellow", "中风险（黄）", colours["yellow"], 0, ""),
        ("blue", "低风险（蓝）", colours["blue"], 1, "≤ 0.2"),
        ("no_data", "暂缺资料", "#f4f4f1", 1, ""),
    ]
    assert rows[0].words == "综合风险等级" and rows[-1].words == "县界"


def test_the_legend_has_no_missing_row_where_nothing_is_missing():
    layer = world.risk_layer(classes=world.risk(("red", "blue", "red", "yellow")))
    rows = furniture.legend_rows(world.risk_map(layers=(layer,)))
    assert "no_data" not in {row.swatch for row in rows}


def test_hidden_layers_and_context_stay_out_of_the_legend():
    spec = world.risk_map(layers=(world.risk_layer(), world.lines_layer(show=False)),
                          context=(world.lines_layer(name="land", title="陆地"),))
    assert {row.layer for row in furniture.legend_rows(spec)} == {"risk"}


def test_legend_in_english_and_points_with_shapes():
    rows = furniture.legend_rows(world.risk_map(language="en", layers=(world.points_layer(),)))
    assert [(r.words, r.count, r.marker) for r in rows[1:]] == [
        ("County tier", 1, "D"), ("Township tier", 0, "s"), ("Village tier", 2, "o")]


def test_graduated_symbols_have_areas_in_proportion():
    assert symbol_pt(50, 200) == pytest.approx(symbol_pt(200, 200) / 2)
    assert symbol_pt(5, 0) == 0.0
    assert size_steps(5.0, whole=True) == [5, 2, 1]
    assert size_steps(1.0, whole=True) == [1]
    assert size_steps(0.0) == [] and size_steps(float("nan")) == []


# variants


@pytest.mark.parametrize("product", ["risk", "safety", "coverage"])
def test_grey_darkens_with_severity(product):
    codes = palette(product).codes
    worst = codes[0] if product == "coverage" else codes[-1]
    greys = {code: int(fill[1:3], 16) for code, (fill, _) in
             style.fills(palette(product), "grey").items()}
    assert min(greys, key=greys.get) == worst
    assert len(set(greys.values())) == len(codes)


def test_hatches_tell_the_classes_apart_without_colour():
    hatches = [hatch for _, hatch in style.fills(palette("risk"), "colour_blind").values()]
    assert len(set(hatches)) == 4


def test_an_unknown_style_proposes_the_nearest():
    with pytest.raises(ConfigError, match="county_line"):
        style.style("county_lines")


# lettering


@given(st.text("泉州市风险（）。，、abc XY12 ", min_size=1, max_size=60),
       st.floats(15, 80))
def test_wrapped_lines_fit_and_lose_nothing(words, width):
    lines = furniture.wrap(words, width, 7.0)
    assert "".join("".join(lines).split()) == "".join(words.split())
    for line in lines:
        unbreakable = line.rstrip("（。，、） ").count(" ") == 0 and line.isascii()
        close = any(mark in line for mark in "（）。，、")
        assert furniture.measure(line, 7.0)[0] <= width or unbreakable or close
    assert not any(line[:1] in "）。，、" for line in lines[1:])


def test_long_names_shrink_first_then_break():
    name = "中国石化湄洲湾南岸石油化学工业园区管理委员会"
    lines, size = lettering.fitted(name, 60, 9.0, least_pt=6.0)
    assert len(lines) == 1 and 6.0 <= size < 9.0
    lines, size = lettering.fitted(name, 30, 9.0, least_pt=6.0)
    assert len(lines) > 1 and size == 6.0 and "".join(lines) == name


def test_a_missing_glyph_names_text_and_character():
    figure = Figure()
    figure.text(0.5, 0.5, "洛江区")
    furniture.require_glyphs(figure)
    figure.text(0.5, 0.4, "新区\U0001f3dd")
    with pytest.raises(QzriskError, match=r"新区.*U\+1F3DD"):
        furniture.require_glyphs(figure)


# paths and table


def test_shared_edges_stay_shared_and_holes_stay_open():
    shown = fitted((330_000.0, 2_760_000.0, 370_000.0, 2_770_000.0))
    ring = shapely.box(*BOUNDS).difference(shapely.box(330_000, 2_760_000, 340_000, 2_770_000))
    path = paths.polygon_path(np.array([ring]), shown)
    shell, hole = (shapely.LinearRing(xy) for xy in path.to_polygons())
    assert shapely.is_ccw(shell) != shapely.is_ccw(hole)
    left, right = (set(map(tuple, paths.polygon_path(np.array([box]), shown).vertices))
                   for box in world.units().geometry.iloc[:2])
    assert len(left & right) == 2


def test_shared_lines_run_once():
    shown = fitted((330_000.0, 2_760_000.0, 370_000.0, 2_770_000.0))
    path = paths.shared_lines(world.units().geometry.to_numpy(), shown)
    strokes = path.to_polygons(closed_only=False)
    length = sum(float(np.hypot(*np.diff(xy, axis=0).T).sum()) for xy in strokes)
    assert length == pytest.approx(2 * 40_000 + 5 * 10_000, rel=1e-3)


def test_inner_lines_are_the_edges_that_two_units_share():
    shown = fitted((330_000.0, 2_760_000.0, 370_000.0, 2_770_000.0))
    path = paths.inner_lines(world.units().geometry.to_numpy(), shown)
    strokes = path.to_polygons(closed_only=False)
    assert len(strokes) == 3
    assert sorted(round(xy[0, 0], -2) for xy in strokes) == [340_000, 350_000, 360_000]
    assert all(np.ptp(xy[:, 1]) == pytest.approx(10_000, abs=10) for xy in strokes)
    alone = paths.inner_lines(world.units().geometry.to_numpy()[:1], shown)
    assert len(alone.vertices) == 0


def test_table_cells_say_the_missing_and_keep_decimals_level():
    assert printed.cell_text(np.nan) == "—" and printed.cell_text(None) == "—"
    values = pd.Series([22.0, 70.75, np.nan])
    assert [printed.cell_text(v, printed.decimals_of(values)) for v in values] == [
        "22.00", "70.75", "—"]
    spec = world.risk_map()
    assert [printed.chip_words(code, spec) for code in spec.table["等级"]] == [
        "高风险", "低风险", "高风险", "暂缺"]


def test_words_of_a_table_give_way_before_its_numbers():
    table = pd.DataFrame({"Name": ["Licheng District (excl. Development Zone)", "Total"],
                          "Towns": ["8", "174"], "Villages": ["81", "2,572"],
                          "Persons/10k": ["39.7", "885.0"], "km²": ["47", "10,932"]})
    spec = world.risk_map(table=table, class_column="", table_palette="")
    sheet = page.new_sheet("A4")
    edges, aligns, size = printed._columns(spec, sheet, 0.0, 74.0, 4.7)
    assert aligns == ["left", *["right"] * 4] and edges[-1][1] == pytest.approx(74.0)
    assert size == pytest.approx(7.4)  # one long name does not make the others small
    for name, (left, right) in list(zip(table, edges, strict=True))[1:]:
        words = max(0.8 * lettering.measure(name, size, bold=True)[0],
                    *(lettering.measure(value, size)[0] for value in table[name]))
        assert right - left == pytest.approx(words + 3.2)


def test_all_letters_of_a_table_shrink_alike_where_the_longest_name_then_fits():
    table = pd.DataFrame({"Name": ["Licheng District (excl. Development Zone)", "Total"],
                          "Towns": ["8", "174"], "Persons/10k": ["39.7", "885.0"]})
    spec = world.risk_map(table=table, class_column="", table_palette="")
    sheet = page.new_sheet("A4")
    assert printed._columns(spec, sheet, 0.0, 120.0, 4.7)[2] == pytest.approx(7.4)
    edges, _, size = printed._columns(spec, sheet, 0.0, 80.0, 4.7)
    assert 6.2 < size < 7.4 and edges[-1][1] == pytest.approx(80.0)
    left, right = edges[0]
    assert right - left == pytest.approx(lettering.measure(table["Name"][0], size)[0] + 3.2)


def test_class_words_of_a_legend_share_one_size_and_stand_clear_of_their_figures():
    rows = [furniture.legend.LegendRow(layer="a", swatch="fill", words=words, count=12,
                                       note="0.210 – 0.262")
            for words in ("High", "Fairly high (orange) and more")]
    sizes = panel._words_pt(rows, 48.0, 1.0)
    assert list(sizes) == ["a"] and 5.0 <= sizes["a"] < 7.6
    assert panel._words_pt(rows[:1], 48.0, 1.0) == {"a": 7.6}
    figures = lettering.measure("12", 7.6)[0] + lettering.measure("0.210 – 0.262", 6.2)[0]
    assert sum(panel._figures_mm(rows[0], 1.0)) == pytest.approx(figures + 1.5 + 2.4)


def test_what_belongs_to_no_class_follows_the_classes_in_a_legend():
    calm = world.lines_layer(name="calm", title="无需转移人口", kind="choropleth", style="unit",
                             frame=world.units().iloc[:1])
    rest = world.lines_layer(name="rest", title="未分级", kind="lines", frame=world.road(),
                             style="main_road", unit_word="条")
    rows = furniture.legend_rows(world.risk_map(layers=(
        calm, rest, world.risk_layer(), world.lines_layer())))
    layers = [row.layer for row in rows]
    assert layers[0] == "risk" and layers.count("calm") == layers.count("rest") == 1
    last = max(rank for rank, name in enumerate(layers) if name == "risk")
    assert last < layers.index("calm") < layers.index("rest") < len(layers) - 1


def test_lines_in_colours_of_classes_stay_under_their_heading_as_wide_as_on_the_map():
    road = world.lines_layer(name="road", title="危险路段", kind="lines", frame=world.road(),
                             classes=world.risk().iloc[:1].set_axis(["r"]), palette="risk",
                             style="main_road")
    rows = furniture.legend_rows(world.risk_map(layers=(world.lines_layer(), road)))
    assert [row.words for row in rows[:2]] == ["危险路段", "高风险（红）"]
    assert rows[-1].words == "县界"
    base = style.STYLES["main_road"].width_pt
    assert {row.look.width_pt for row in rows[1:5]} == {style.CLASSED_LINE * base}

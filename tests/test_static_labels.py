"""Static maps: names and their leaders, insets, pages of several maps."""

import dataclasses

import geopandas as gpd
import map_world as world
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import shapely
from drawn import pixels, rgb, texts
from shapely.geometry import LineString, Point, box

from qzrisk.errors import ConfigError
from qzrisk.levels import ordered
from qzrisk.maps import static
from qzrisk.maps.furniture.view import fit
from qzrisk.maps.spec import LayerSpec, Page
from qzrisk.maps.static import labels as naming
from qzrisk.maps.static.labels import Placer, clear_boxes, labels_of
from qzrisk.maps.style import GROUND, SEA


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


def test_a_small_map_names_units_without_the_word_for_a_county():
    frame = gpd.GeoDataFrame(
        {"name": ["石狮市", "鲤城区（不含开发区）"]}, index=["s", "l"], crs=world.CRS,
        geometry=[box(world.LEFT + x, world.BOTTOM, world.LEFT + x + 9_000, world.BOTTOM + 9_000)
                  for x in (0, 10_000)])
    layer = world.lines_layer(frame=frame, label="name")
    view = view_of(world.risk_map(layers=(layer,)))
    small = dataclasses.replace(view, width_mm=45.0)
    assert [label.lines for label in labels_of(layer, view)] == [["石狮市"], ["鲤城区"]]
    assert [label.lines for label in labels_of(layer, small)] == [["石狮"], ["鲤城"]]
    assert [label.name for label in labels_of(layer, small)] == ["石狮市", "鲤城区（不含开发区）"]


def test_a_name_without_room_chooses_first_in_a_new_turn(monkeypatch):
    """A name is left out only where another order of choosing does not help it either."""
    layer = world.lines_layer(frame=crowd(16, 1_500.0), label="name")
    spec = world.risk_map(layers=(layer,))
    left = []
    for turns in (1, 6):
        monkeypatch.setattr(naming, "_TURNS", turns)
        view = dataclasses.replace(view_of(spec), width_mm=80.0)
        placer = Placer(view, [])
        found = labels_of(layer, view)
        out = placer.place(found)
        left.append(len(out))
        placed = [label for label in found if label.centre is not None]
        assert len(placer.taken) == len(placed) == len(found) - len(out)
        assert len(placer.leaders) == sum(label.leader for label in placed)
    assert left == [6, 3]


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

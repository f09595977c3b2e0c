"""The numbered series: which maps, in which order, what map 1 says, names of an English run."""

import geopandas as gpd
import map_world as world
import pytest
from city import units_table
from matplotlib.text import Text
from shapely.geometry import box

import qzrisk as qz
from qzrisk import pipeline
from qzrisk.errors import ConfigError
from qzrisk.maps import static
from qzrisk.maps.furniture import legend_rows
from qzrisk.maps.furniture.view import fit
from qzrisk.maps.spec import LayerSpec
from qzrisk.maps.static.labels import Placer, give_numbers, labels_of
from qzrisk.maps.static.names import without_generic
from qzrisk.pipeline import names, series, specs


def worked(project):
    """Run the stages up to the results."""
    state = {"project": project, "tick": str}
    for stage in pipeline.STAGES:
        if stage.name == "database":
            return state
        state.update(stage.function(**{name: state[name] for name in stage.needs}))
    raise AssertionError


def drawn(state):
    return series.pages(state["project"], state["loaded"], state["results"], "run",
                        official=state["official"], reconciled=state["reconciled"])


@pytest.fixture(scope="module")
def state(tiny_city):
    return worked(qz.open_project(tiny_city))


@pytest.fixture(scope="module")
def pages(state):
    return {series.name_of(page): page for page in drawn(state)}


def test_maps_come_by_number_and_those_without_data_are_left_out(pages):
    assert [name[:2] for name in pages] == sorted(name[:2] for name in pages)
    assert {"01_units", "01_units_town", "02_shelters", "04_coverage", "07_risk_county"} <= set(
        pages)
    assert not [name for name in pages if name[:2] in ("10", "11", "12", "13", "14", "15", "16")]


def test_a_map_prints_the_rule_packs_of_its_thresholds_alone(pages):
    packs = {name: [part.split()[0] for part in pages[name].rule_pack.split(", ") if part]
             for name in ("01_units", "02_shelters", "04_coverage", "07_risk_county")}
    assert packs == {"01_units": [], "02_shelters": [], "04_coverage": ["coverage"],
                     "07_risk_county": ["coverage", "natural_hazard", "weighting"]}


def test_reporting_units_are_counties_and_parts_of_counties(state):
    frame = series.reporting_units(state["loaded"])
    # Town tA has no reporting unit of its own in this city: its parts have no shape.
    assert frame["part"].to_dict() == {"B": "whole"}
    loaded = state["loaded"]
    units = loaded.tables["units"].copy()
    units.loc[["tA"], "reporting_id"] = "A1"
    made = series.reporting_units(type(loaded)(
        layers=loaded.layers, tables={**loaded.tables, "units": units}, rasters={},
        issues=loaded.issues, quarantine={}, counts=loaded.counts))
    assert made["part"].to_dict() == {"A1": "rest", "B": "whole"}
    county = loaded.layers["boundaries"].geometry["A"]
    assert made.geometry["A1"].equals(county)


def test_map_one_counts_units_and_persons(pages):
    table = pages["01_units"].table
    assert table.iloc[:, 0].tolist() == ["B县", "合计"]
    assert table.iloc[0, 1:].tolist() == ["1", "3", "0.1", "30"]
    assert pages["01_units"].layer("units").counts()["whole"] == 1


def test_a_city_without_reporting_units_reports_by_county(state):
    loaded = state["loaded"]
    units = loaded.tables["units"].drop(["A1", "A2"]).assign(reporting_id=None)
    frame = series.reporting_units(type(loaded)(
        layers=loaded.layers, tables={"units": units}, rasters={}, issues=loaded.issues,
        quarantine={}, counts=loaded.counts))
    assert frame.index.tolist() == ["A", "B"], "the county outside the statistics is no unit"


def test_neighbouring_towns_have_different_tints(pages):
    spec = pages["01_units_town"]
    tints = [layer for layer in spec.layers if layer.name.startswith("tint_")]
    assert sum(len(layer.frame) for layer in tints) == 2 and len(tints) == 2
    assert not [row for row in legend_rows(spec) if row.layer.startswith("tint_")]


def test_every_page_draws(pages):
    for name in ("01_units", "01_units_town"):
        words = [t.get_text() for t in static.draw(pages[name]).findobj(Text)]
        assert "合成数据" in "".join(words), name


@pytest.mark.parametrize("variant", ["colour_blind", "grey"])
def test_the_variant_of_the_project_reaches_every_map(state, variant):
    changed = {**state, "project": state["project"].with_(variant=variant)}
    for page in drawn(changed):
        for spec in getattr(page, "maps", (page,)):
            assert spec.variant == variant, spec.name


def test_an_unknown_variant_is_refused(tiny_city, tmp_path):
    path = tmp_path / "project.toml"
    text = tiny_city.read_text(encoding="utf-8")
    path.write_text(text.replace('name = "tiny"', 'name = "tiny"\nvariant = "sepia"', 1),
                    encoding="utf-8")
    with pytest.raises(ConfigError, match="colour_blind"):
        qz.open_project(path)


# the dense core


def crowd(count=80):
    """Towns on a net of 10 km, and half of them again on a net of 1 km around one place."""
    places = [(world.LEFT + 10_000 * (i % 8), world.BOTTOM + 10_000 * (i // 8))
              for i in range(count // 2)]
    places += [(world.LEFT + 20_000 + 1_000 * (i % 7), world.BOTTOM + 20_000 + 1_000 * (i // 7))
               for i in range(count // 2)]
    shapes = [box(x, y, x + 900, y + 900) for x, y in places]
    return gpd.GeoDataFrame({"name": [f"第{i}镇" for i in range(count)], "level": "town",
                             "in_statistics": True}, geometry=shapes, crs=world.CRS,
                            index=[f"t{i}" for i in range(count)])


def test_the_core_is_where_most_towns_are(state):
    loaded = state["loaded"]
    made = type(loaded)(layers={"boundaries": crowd()}, tables=loaded.tables, rasters={},
                        issues=loaded.issues, quarantine={}, counts=loaded.counts)
    left, bottom, right, top = series.urban_core(made)
    assert right - left == pytest.approx(top - bottom)
    inside = crowd().geometry.centroid
    held = ((inside.x > left) & (inside.x < right) & (inside.y > bottom) & (inside.y < top)).sum()
    assert held >= 40
    assert series.urban_core(loaded) is None, "few towns need no inset"


# names


def test_english_names_stand_in_every_table_of_an_english_run(tiny_city, tmp_path):
    table = units_table()
    table["name_en"] = [f"Unit {unit}" for unit in table["unit_id"]]
    table.loc[table["unit_id"] == "vf", "name_en"] = None
    for path in tiny_city.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table.to_csv(tmp_path / "units.csv", index=False)
    state = worked(qz.open_project(tmp_path).with_(language="en"))
    assert state["results"].coverage["county"]["name"].tolist() == ["Unit A", "Unit B", "Unit Z"]
    assert state["results"].risk["village"]["name"]["vf"] == "vf村", "its own where it has no other"
    assert state["loaded"].layers["boundaries"]["name"]["tA"] == "Unit tA"
    assert state["loaded"].layers["boundaries"]["name_zh"]["tA"] == "A镇"
    for page in drawn(state):
        for spec in getattr(page, "maps", (page,)):
            words = "".join(t.get_text() for t in static.draw(spec).findobj(Text))
            assert not [c for c in words if "\u4e00" <= c <= "\u9fff"], spec.name
        break


def test_a_chinese_run_keeps_its_names(state):
    loaded = state["loaded"]
    assert names.in_language(loaded, "zh") is loaded
    assert names.in_language(loaded, "en").tables["units"]["name"].equals(
        loaded.tables["units"]["name"]), "no English names in this city"


# names on a map


def test_generic_parts_are_dropped_where_a_name_remains():
    assert [without_generic(name) for name in ("水头镇", "开元街道", "某乡", "石化工业园区",
                                               "Shuitou Town", "东山社区居委会")] == [
        "水头", "开元", "", "", "Shuitou", "东山"]


def tight(count, step=1_000.0):
    """Towns so small and near that few names fit."""
    shapes = [box(x, y, x + 0.9 * step, y + 0.9 * step) for x, y in (
        (world.LEFT + step * (i % 10), world.BOTTOM + step * (i // 10)) for i in range(count))]
    frame = gpd.GeoDataFrame({"name": [f"第{i}号工业开发区" for i in range(count)]},
                             geometry=shapes, crs=world.CRS)
    return LayerSpec(name="towns", title="乡镇", kind="choropleth", frame=frame, style="unit",
                     label="name", boundary=False)


def test_every_name_stands_on_the_map_or_in_the_key():
    layer = tight(60, 1_700.0)
    spec = world.risk_map(layers=(layer,), table=None, key_figures={}, notes=(), extent=(
        world.LEFT - 20_000, world.BOTTOM - 20_000, world.LEFT + 30_000, world.BOTTOM + 30_000))
    words = [t.get_text() for t in static.draw(spec).findobj(Text)]
    assert "图上编号" in words
    for name in layer.frame["name"]:
        assert name in words, name
    numbers = sorted(int(word) for word in words if word.isdigit())
    twice = {number for number in numbers if numbers.count(number) >= 2}
    # Each number stands on the map and in the key, some on the scale bar as well.
    assert twice and twice == set(range(1, max(twice) + 1))
    assert "注记从略" not in "".join(words)


def test_numbers_follow_the_order_of_reading_and_meet_nothing():
    layer = tight(40)
    view = fit((world.LEFT - 20_000, world.BOTTOM - 20_000, world.LEFT + 30_000,
                world.BOTTOM + 30_000), width_mm=160, height_mm=160, crs=world.CRS)
    labels = labels_of(layer, view)
    placer = Placer(view, [])
    left = placer.place(labels)
    pairs = placer.number(left)
    marks = give_numbers(pairs, range(1, 61), view.zoom)
    assert len(marks) == len(pairs) > 3
    assert sorted(mark.number for mark in marks) == list(range(1, len(marks) + 1))
    first = min(pairs, key=lambda pair: pair[0].number)[0]
    last = max(pairs, key=lambda pair: pair[0].number)[0]
    assert first.y > last.y or first.x < last.x
    boxes = [mark.box(mark.centre) for mark in marks]
    for rank, one in enumerate(boxes):
        for other in boxes[rank + 1:]:
            assert not (one[0] < other[2] - 0.3 and one[2] > other[0] + 0.3
                        and one[1] < other[3] - 0.3 and one[3] > other[1] + 0.3)


# bad input


def test_a_missing_layer_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match="counties"):
        world.risk_map(focus="nowhere").bounds()


def test_a_unit_without_shape_is_counted_in_the_table_and_said_under_the_map(state):
    loaded = state["loaded"]
    frame = loaded.layers["boundaries"].copy()
    frame.loc["B", "geometry"] = None
    changed = type(loaded)(layers={**loaded.layers, "boundaries": frame}, tables=loaded.tables,
                           rasters=loaded.rasters, issues=loaded.issues, quarantine={},
                           counts=loaded.counts)
    common = specs.common_parts(state["project"], changed, "run")
    spec = series.unit_specs(state["project"], changed, state["results"], common)[0]
    assert spec.table.iloc[:, 0].tolist() == ["B县", "合计"]
    words = "".join(t.get_text() for t in static.draw(spec).findobj(Text))
    assert "1 个单元无图形" in words


def test_a_city_of_one_unit_draws(state):
    loaded = state["loaded"]
    keep = ["city", "B", "tB", "vd", "ve", "vf"]
    made = type(loaded)(
        layers={**loaded.layers, "boundaries": loaded.layers["boundaries"].loc[keep]},
        tables={"units": loaded.tables["units"].loc[keep]}, rasters={}, issues=loaded.issues,
        quarantine={}, counts=loaded.counts)
    common = specs.common_parts(state["project"], made, "run")
    one, towns = series.unit_specs(state["project"], made, state["results"], common)
    assert one.table.iloc[:, 0].tolist() == ["B县", "合计"]
    for spec in (one, towns):
        static.draw(spec)

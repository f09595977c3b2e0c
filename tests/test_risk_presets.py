"""Presets of project.toml [risk]: five levels, other aggregations, validation against events."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from city import BOTTOM, CRS, LEFT, VILLAGES, write_city
from shapely.geometry import Point

import qzrisk as qz
from qzrisk import cli
from qzrisk.errors import ConfigError
from qzrisk.levels import palette
from qzrisk.maps.furniture.legend import legend_rows
from qzrisk.pipeline import measures, tables
from qzrisk.pipeline.risk import maps, validation
from qzrisk.pipeline.risk.assess import COMPOSITE, assess
from qzrisk.project import open_project

TREE = "\n".join(f"""\
[[risk.indicators]]
name = "{name}"
dimension = "{dimension}"
direction = {direction}
weight = 0.25
zh = "{name}"
en = "{name}"
{keys}
""" for name, dimension, direction, keys in (
    ("flood_grade", "hazard", 1, 'hazard = "flood"\nmeasure = "raster_mean"\nsource = "hazard"'),
    ("persons_per_km2", "exposure", 1, 'measure = "persons_per_km2"'),
    ("dependent_share", "vulnerability", 1, 'measure = "dependent_share"'),
    ("covered_share_1500m", "capacity", -1,
     'measure = "coverage_column"\nsource = "covered_share_1500m"')))

# Villages 0..5 have flood 0, 0.2, .. 1 on its scale; persons and ages are equal everywhere (0.5);
# five have the best coverage (lack of capacity 0), the last has none (1).
FLOOD = np.arange(6) / 5
LACK = np.array([0, 0, 0, 0, 0, 1.0])
EVENTS = (("flood", 5), ("flood", 5), ("flood", 2), ("landslide", 0))


def write(folder, head, events=()):
    path = write_city(folder)
    text = path.read_text(encoding="utf-8").split("[risk]")[0]
    if events:
        gpd.GeoDataFrame(
            {"event_id": [f"E{i}" for i in range(len(events))],
             "hazard": [hazard for hazard, *_ in events],
             "synthetic": [made for *_, made in events]}, crs=CRS,
            geometry=[Point(LEFT + 2000 * place + 700, BOTTOM + 900) for _, place, _ in events],
        ).to_file(path.parent / "events.gpkg", layer="events")
        text = text.replace("[[raster]]", '[[source]]\nlayer = "events"\npath = "events.gpkg"\n'
                            "[[raster]]", 1)
    path.write_text(f"{text}[risk]\ndraws = 50\n{head}\n{TREE}", encoding="utf-8")
    return path


def assessed(path):
    project = open_project(path)
    loaded = qz.load(project)
    coverage = measures.coverage_tables(loaded, project)
    return project, loaded, coverage, assess(loaded, coverage, project)


def test_product_by_hand(tmp_path):
    _, _, _, made = assessed(write(tmp_path, 'method = "product"'))
    # H E V / C, where C falls from 1 to 0.1 with the lack, times 0.1; no hazard, no risk.
    expected = FLOOD * 0.5 * 0.5 / (1 - 0.9 * LACK) * 0.1
    assert np.allclose(made.tables["village"].loc[list(VILLAGES), "risk_index"], expected)


def test_topsis_by_hand(tmp_path):
    _, _, _, made = assessed(write(tmp_path, 'method = "topsis"'))
    low = np.sqrt(FLOOD**2 + 0.25 + 0.25 + LACK**2)
    high = np.sqrt((1 - FLOOD) ** 2 + 0.25 + 0.25 + (1 - LACK) ** 2)
    expected = np.where(FLOOD > 0, low / (low + high), 0.0)
    assert np.allclose(made.tables["village"].loc[list(VILLAGES), "risk_index"], expected)


def test_topsis_of_a_full_scale_is_that_of_the_literature():
    X = pd.DataFrame({"a": [0.0, 1, 0.3], "b": [0.5, 0, 1.0]})  # noqa: N806
    fixed = qz.risk.index(X, [0.7, 0.3], method="topsis")
    met = qz.risk.topsis(X, [0.7, 0.3], [1, 1], normalise="minmax")
    assert np.allclose(fixed, met)
    assert np.isnan(qz.risk.index(X.mask(X == 0.5), [0.7, 0.3], method="topsis")[0])


@pytest.mark.parametrize(("language", "word"), [("zh", "中高风险（橙）"), ("en", "Fairly high")])
def test_five_levels_and_the_product_reach_every_output(tmp_path, monkeypatch, capsys, language,
                                                        word):
    path = write(tmp_path, 'method = "product"\nlevels = 5\nscheme = "equal_interval"')
    every = maps.pages
    monkeypatch.setattr(maps, "pages", lambda *given, **full: every(*given, **full)[1:2])
    out = tmp_path / "out"
    assert cli.main(["risk", str(path), "--out", str(out), "--lang", language]) == 0
    assert word in capsys.readouterr().out
    frame = pd.read_csv(out / "tables" / "risk_village.csv", encoding="utf-8-sig")
    codes = palette("risk_5").codes
    # Scores 0, .005, .01, .015, .02, .25: equal steps of 0.05 leave three levels empty.
    assert frame.set_index("unit_id").loc[list(VILLAGES), "risk_class"].tolist() == [
        codes[0]] * 5 + [codes[4]]
    drawn = pd.read_csv(out / "tables" / "risk_confidence_village.csv", encoding="utf-8-sig")
    assert [c for c in drawn if c.startswith("draws_")] == [f"draws_{code}" for code in codes]
    bounds = pd.read_csv(out / "tables" / "risk_bounds.csv", encoding="utf-8-sig")
    assert list(bounds.columns[-5:]) == list(codes)
    with rasterio.open(out / "rasters" / "risk_composite.tif") as file:
        assert set(np.unique(file.read(1))) == {0, 1, 5}
        assert file.colormap(1)[5][:3] == tuple(bytes.fromhex(palette("risk_5").colours[4][1:]))


def test_five_levels_on_a_map(tmp_path):
    project, loaded, coverage, made = assessed(write(tmp_path, "levels = 5"))
    results = measures.Results.of(coverage, made)
    spec = maps.risk_spec(project, loaded, results, "run", "county")
    layer = spec.layers[0]
    assert spec.table_palette == layer.palette == "risk_5"
    assert list(layer.thresholds) == list(palette("risk_5").codes)
    assert "相对等级" in layer.title
    assert sum(layer.counts().values()) == 3


def test_frozen_bounds_of_four_levels_are_not_five(tmp_path):
    project, loaded, coverage, made = assessed(write(tmp_path, ""))
    frozen = tmp_path / "frozen.toml"
    frozen.write_text(made.frozen_text(), encoding="utf-8")
    five = project.with_(risk=dataclasses.replace(project.risk, frozen=frozen, levels=5))
    with pytest.raises(ConfigError, match="another number of classes"):
        assess(loaded, coverage, five)
    four = project.with_(risk=dataclasses.replace(project.risk, frozen=frozen))
    results = measures.Results.of(coverage, assess(loaded, coverage, four))
    assert "相对等级" not in maps.risk_spec(four, loaded, results, "run", "county").layers[0].title


def test_validation_by_hand(tmp_path):
    path = write(tmp_path, "", [(*event, False) for event in EVENTS])
    project, loaded, _, made = assessed(path)
    events = validation.recorded(loaded, project)
    summary, success, classes = validation.compare(loaded, made, events)
    # Scores rise with the number of the village: events in 0, 2, 5 against 1, 3, 4.
    index = made.tables["village"].loc[list(VILLAGES), "risk_index"]
    assert index.is_monotonic_increasing and index.is_unique
    assert summary.loc[COMPOSITE, ["events", "outside", "villages"]].tolist() == [4, 0, 3]
    assert summary.loc[COMPOSITE, "auc"] == pytest.approx((0 + 1 + 3) / 9)
    assert summary.loc["flood", ["events", "villages"]].tolist() == [3, 2]
    assert summary.loc["flood", "auc"] == pytest.approx((2 + 4) / 8)
    assert classes.loc[COMPOSITE]["events"].sum() == 4
    curve = success.loc["flood"].set_index("area_share")["event_share"]
    # Villages are of one area: the riskiest sixth holds two of three events.
    assert curve[0.1] == pytest.approx(0.6 * 2 / 3) and curve[1.0] == 1.0


@pytest.mark.parametrize(("audience", "synthetic", "written"), [
    ("internal", False, True), ("public", False, False), ("internal", True, False),
    ("internal", None, False)])
def test_validation_is_never_told_of_generated_events_or_to_the_public(tmp_path, audience,
                                                                       synthetic, written):
    path = write(tmp_path, "", [(*event, synthetic) for event in EVENTS])
    project, loaded, coverage, made = assessed(path)
    project = project.with_(audience=audience)
    books = tables.risk_books(project, loaded, measures.Results.of(coverage, made), "run")
    assert ("risk_validation" in books) == written
    if written:
        pages = books["risk_validation"]
        assert [page.name for page in pages.values()] == ["汇总", "成功率曲线", "分等级"]
        for page in pages.values():
            assert {page.frame.index.name, *page.frame.columns} <= set(page.headings)


def test_confidence_of_each_hazard(tmp_path):
    made = assessed(write(tmp_path, ""))[-1]
    found = made.by_hazard["flood"]["village"]["confidence"]
    assert found.notna().equals(made.tables["village"]["risk_class"].notna())
    # The only hazard is the composite, so it is as sure.
    assert found.equals(made.confidence["village"]["confidence"])
    assert "flood_confidence" in made.wide("county")


def test_areas_without_data_close_the_classes_of_a_legend(tmp_path):
    project, loaded, coverage, made = assessed(write(tmp_path, ""))
    page = maps.pair_page(project, loaded, measures.Results.of(coverage, made), "run")
    # The hatched county is drawn beneath the coverage, but listed after its classes.
    kinds = [row.swatch for row in legend_rows(page.maps[1])]
    assert kinds == ["heading", "fill", "fill", "fill", "fill", "no_data", "line", "line"]
    assert "natural_hazard" in page.maps[0].rule_pack

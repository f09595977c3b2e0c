"""The risk of the small city of city.py by hand: measures, hazards, confidence, products."""

import dataclasses
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from city import BOTTOM, CRS, LEFT, VILLAGES, write_city
from shapely.geometry import LineString, Point

import qzrisk as qz
from qzrisk import cli, pipeline
from qzrisk.analysis import classify
from qzrisk.errors import ConfigError
from qzrisk.maps import static
from qzrisk.pipeline import measures
from qzrisk.pipeline.risk import account, grid, maps, notes
from qzrisk.pipeline.risk import measures as indicators
from qzrisk.pipeline.risk.assess import COMPOSITE, assess
from qzrisk.project import Indicator, open_project

TREE = """\
[risk]
scheme = "natural_breaks"
draws = 200
[[risk.indicators]]
name = "flood_grade"
dimension = "hazard"
hazard = "flood"
measure = "raster_mean"
source = "hazard"
direction = 1
weight = 0.4
zh = "洪水"
en = "Flood"
[[risk.indicators]]
name = "wind_share"
dimension = "hazard"
hazard = "typhoon"
measure = "raster_share"
source = "hazard"
above = 2.5
direction = 1
weight = 0.2
zh = "大风"
en = "Wind"
[[risk.indicators]]
name = "persons_per_km2"
dimension = "exposure"
measure = "persons_per_km2"
direction = 1
weight = 0.2
zh = "人口"
en = "People"
[[risk.indicators]]
name = "covered_share_1500m"
dimension = "capacity"
measure = "coverage_column"
source = "covered_share_1500m"
direction = -1
weight = 0.2
zh = "覆盖"
en = "Covered"
"""


def rewrite(path, risk=TREE):
    head = path.read_text(encoding="utf-8").split("[risk]")[0]
    path.write_text(head + risk, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = write_city(tmp_path_factory.mktemp("risk"))
    things = gpd.GeoDataFrame(
        {"team_id": ["T1", "T2"], "name": ["甲队", "乙队"], "kind": ["fire", "social"],
         "members": [10, 30]}, crs=CRS,
        geometry=[Point(LEFT + 1000, BOTTOM + 500), Point(LEFT + 11000, BOTTOM + 4500)])
    things.to_file(path.parent / "teams.gpkg", layer="teams")
    pd.DataFrame({"unit_id": ["tA", "vb"], "pga_g": [0.1, 0.2]}).to_csv(
        path.parent / "seismic.csv", index=False)
    y = BOTTOM + 2500
    gpd.GeoDataFrame({"road_id": ["r"]}, crs=CRS, geometry=[
        LineString([(LEFT, y), (LEFT + 12000, y)])]).to_file(path.parent / "roads.gpkg",
                                                            layer="roads")
    text = path.read_text(encoding="utf-8").replace("[[raster]]", (
        '[[source]]\nlayer = "teams"\npath = "teams.gpkg"\n'
        '[[source]]\nlayer = "seismic"\npath = "seismic.csv"\n[[raster]]'), 1)
    path.write_text(text, encoding="utf-8")
    return rewrite(path)


@pytest.fixture(scope="module")
def project(folder):
    return open_project(folder)


@pytest.fixture(scope="module")
def loaded(project):
    return qz.load(project)


@pytest.fixture(scope="module")
def coverage(loaded, project):
    return measures.coverage_tables(loaded, project)


@pytest.fixture(scope="module")
def results(loaded, coverage, project):
    return measures.Results.of(coverage, assess(loaded, coverage, project))


def entry(measure, **given):
    return Indicator(**{"name": "x", "dimension": "hazard", "measure": measure, "direction": 1,
                        "weight": 1.0, "zh": "", "en": "", **given})


# Six villages of 10 km2 and 500 persons; the raster holds the number of the village.
@pytest.mark.parametrize(("given", "expected"), [
    (entry("raster_mean", source="hazard"), [0, 1, 2, 3, 4, 5]),
    (entry("raster_sum", source="hazard"), [0, 250, 500, 750, 1000, 1250]),
    (entry("raster_share", source="hazard", above=2.5), [0, 0, 0, 1, 1, 1]),
    (entry("raster_class", source="hazard", bounds=(1.0, 3.0), scores=(0.0, 2.0, 9.0)),
     [0, 0, 2, 2, 9, 9]),
    (entry("raster_class", source="hazard",
           table={str(n): n / 2 for n in range(6)}), [0, 0.5, 1, 1.5, 2, 2.5]),
    (entry("raster_persons_mean", source="hazard"), [0, 1, 2, 3, 4, 5]),
    (entry("persons_per_km2"), [50] * 6),
    (entry("dependent_share"), [0.3] * 6),
    (entry("coverage_column", source="covered_share_1500m"), [0.6] * 5 + [0]),
    (entry("count", source="teams"), [1, 0, 0, 0, 0, 1]),
    (entry("count", source="teams", where={"kind": "fire"}), [1, 0, 0, 0, 0, 0]),
    (entry("count", source="teams", column="members"), [10, 0, 0, 0, 0, 30]),
    (entry("count_per_km2", source="teams"), [0.1, 0, 0, 0, 0, 0.1]),
    (entry("count_per_10000_persons", source="teams", column="members"),
     [200, 0, 0, 0, 0, 600]),
    # Cells 0 to 4 km up from the team of va; those of vb stand 2 km beside.
    (entry("distance_persons_m", source="teams", where={"kind": "fire"}),
     [2000.0, np.mean([np.hypot(2000, 1000 * n) for n in range(5)])]),
    (entry("unit_value", source="seismic", column="pga_g"), [0.1, 0.2, 0.1, None, None, None]),
])
def test_each_measure_by_hand(loaded, coverage, given, expected):
    made = indicators.measured(loaded, coverage["village"], (given,))["x"]
    wanted = np.array([np.nan if value is None else value for value in expected], dtype=float)
    assert made.index.tolist() == list(VILLAGES)
    assert np.allclose(made.to_numpy()[:len(wanted)], wanted, equal_nan=True)


def test_mean_over_cells_and_kernel(loaded, coverage):
    far = indicators.measured(loaded, coverage["village"], (
        entry("distance_m", source="teams", where={"kind": "fire"}),))["x"]
    x, y = np.meshgrid(np.arange(100, 2000, 200) - 1000, np.arange(100, 5000, 200) - 500)
    assert far["va"] == pytest.approx(np.hypot(x, y).mean(), rel=1e-6)
    dense = indicators.measured(loaded, coverage["village"], (
        entry("kernel_density", source="teams", radius_m=400.0, where={"kind": "social"}),))["x"]
    # The whole kernel lies in vf: one thing on 10 km2, as its volume is 1.
    assert dense["vf"] == pytest.approx(0.1, rel=0.05)
    assert dense[["va", "ve"]].tolist() == [0, 0]


def test_nearest_cost_counts_the_limit_for_whom_it_is_out_of_reach(folder, coverage, loaded):
    roads = gpd.read_file(folder.parent / "roads.gpkg").set_index("road_id")
    with_roads = dataclasses.replace(loaded, layers={**loaded.layers, "roads": roads})
    asked = entry("nearest_cost_min", source="shelters", max_cost_min=30.0)
    made = indicators.measured(with_roads, coverage["village"], (asked,))["x"]
    # 300 m off the road to the shelter at 72 m/min; the two outer cells are too far from the road.
    assert np.allclose(made[:5], ((300 + 2 * 1300) / 72 + 2 * 30) / 5)
    assert made["vf"] == 30.0
    with pytest.raises(ConfigError, match="without its layer"):
        indicators.measured(loaded, coverage["village"], (asked,))


@pytest.mark.parametrize(("given", "message"), [
    (entry("raster_maen", source="hazard"), "did you mean 'raster_mean'"),
    (entry("raster_mean", source="hazrad"), "did you mean 'hazard'"),
    (entry("raster_share", source="hazard"), "needs above"),
    (entry("raster_mean", source="hazard", above=1.0), "does not use above"),
    (entry("count", source="team"), "did you mean 'teams'"),
    (entry("count", source="teams", column="member"), "did you mean 'members'"),
    (entry("coverage_column", source="covered"), "column"),
    (entry("unit_value", source="seismik", column="pga_g"), "did you mean 'seismic'"),
    (entry("raster_class", source="hazard"), "neither"),
])
def test_a_measure_that_does_not_fit_is_refused(loaded, coverage, given, message):
    with pytest.raises(ConfigError, match=message):
        indicators.measured(loaded, coverage["village"], (given,))


def test_each_hazard_and_the_composite_by_hand(results):
    made = results.assessed
    # Scaled: flood n/5, wind 0 0 0 1 1 1, people all equal 0.5, not covered 0 0 0 0 0 1.
    flood = 0.6 * np.arange(6) / 5 + 0.1 + 0.2 * np.array([0, 0, 0, 0, 0, 1])
    flood[0] = 0.0  # no hazard, no risk
    wind = np.array([0, 0, 0, 0.7, 0.7, 0.9])
    village = made.by_hazard["flood"]["village"]
    assert np.allclose(village["risk_index"], flood)
    assert np.allclose(made.by_hazard["typhoon"]["village"]["risk_index"], wind)
    table = results.risk["village"]
    assert np.allclose(table["risk_index"], (2 * flood + wind) / 3)
    assert np.allclose(table["share_flood"].iloc[1:], 2 * flood[1:] / (2 * flood + wind)[1:])
    assert made.hazards["weight"].round(12).to_dict() == {
        "flood": round(2 / 3, 12), "typhoon": round(1 / 3, 12)}


def test_shares_of_the_hazards_sum_to_one_at_every_level(results):
    for level, table in results.risk.items():
        total = table[["share_flood", "share_typhoon"]].sum(axis=1, min_count=1)
        known = table["risk_index"] > 0
        assert np.allclose(total[known], 1.0), level
        assert total[~known].isna().all()


def test_a_unit_is_the_mean_of_its_persons_and_all_levels_share_bounds(loaded, project, coverage):
    heavy = {level: table.copy() for level, table in coverage.items()}
    heavy["village"]["persons"] = [100.0, 300, 600, 500, 500, 500]
    made = assess(loaded, heavy, project)
    for name, levels in {COMPOSITE: made.tables, **made.by_hazard}.items():
        index = levels["village"]["risk_index"]
        a = (0.1 * index["va"] + 0.3 * index["vb"] + 0.6 * index["vc"])
        assert levels["county"].loc["A", "risk_index"] == pytest.approx(a)
        assert levels["reporting"].loc["A1", "risk_index"] == pytest.approx(
            (100 * index["va"] + 600 * index["vc"]) / 700)
        for table in levels.values():
            again = classify.classes(table["risk_index"], scheme="fixed",
                                     bounds=made.bounds[name].upper)
            assert again.tolist() == table["risk_class"].tolist()
    assert made.bounds["flood"].upper[-1] == made.by_hazard["flood"]["village"]["risk_index"].max()


def test_red_area_is_that_of_the_red_villages(results):
    red = (results.risk["village"]["risk_class"] == "red").to_numpy()
    assert results.risk["city"]["red_area_share"].item() == pytest.approx(red.sum() / 6)


def test_the_county_without_data_is_never_classed_or_ranked(results):
    made = results.assessed
    for table in (results.risk["county"], made.confidence["county"],
                  *(levels["county"] for levels in made.by_hazard.values())):
        assert table.loc["Z"].drop("name").isna().all()
    assert sorted(made.confidence["county"]["rank"].dropna()) == [1, 2]


def test_confidence_is_the_share_of_draws_in_the_own_class(results):
    for table in results.assessed.confidence.values():
        known = table["risk_class"].notna()
        draws = table.loc[known, [f"draws_{code}" for code in qz.FOUR_LEVELS]]
        assert np.allclose(draws.sum(axis=1), 1.0)
        own = [row[f"draws_{row['risk_class']}"] for _, row in table[known].iterrows()]
        assert table.loc[known, "confidence"].tolist() == own
        assert (table.loc[known, "rank_low"] <= table.loc[known, "rank_high"]).all()


def holed(folder, tmp_path, rule):
    """The same city, its raster missing in village vc."""
    path = write_city(tmp_path)
    with rasterio.open(path.parent / "hazard.tif", "r+") as file:
        cells = file.read(1)
        cells[:, 20:30] = -9999
        file.write(cells, 1)
    text = TREE.replace('source = "hazard"', f'source = "hazard"\nmissing = "{rule}"')
    project = open_project(rewrite(path, text))
    loaded = qz.load(project)
    return loaded, measures.coverage_tables(loaded, project), project


def test_exclude_gives_no_score_and_no_class(folder, tmp_path):
    made = assess(*holed(folder, tmp_path, "exclude"))
    assert made.tables["village"].loc["vc"].drop(["name", "persons"]).isna().all()
    assert made.tree.loc["flood_grade", ["missing", "filled"]].tolist() == [1, 0]
    # The county is the mean of the villages that are known.
    index = made.tables["village"]["risk_index"]
    assert made.tables["county"].loc["A", "risk_index"] == pytest.approx(
        index[["va", "vb"]].mean())
    assert pd.isna(made.confidence["village"].loc["vc", "rank"])


def test_median_fills_and_flags(folder, tmp_path):
    loaded, coverage, project = holed(folder, tmp_path, "median")
    made = assess(loaded, coverage, project)
    assert made.flags.loc["vc"].tolist() == [True, True, False, False]
    assert made.scaled.loc["vc", "flood_grade"] == pytest.approx(3 / 5)  # of 0 1 3 4 5
    assert np.isnan(made.raw.loc["vc", "flood_grade"])
    assert made.tables["village"]["risk_class"].notna().all()
    result = measures.Results.of(coverage, made)
    assert any("洪水1个村" in line for line in notes.class_notes(result, "village", project))
    assert "洪水" in account.explain(loaded, result, project, "vc").split("补缺")[1]


def test_fail_stops(folder, tmp_path):
    with pytest.raises(ConfigError, match=r"flood_grade.*vc"):
        assess(*holed(folder, tmp_path, "fail"))


def test_frozen_bounds_and_scales_are_used_again(results, loaded, coverage, project, tmp_path):
    path = tmp_path / "bounds.toml"
    path.write_text(results.assessed.frozen_text(), encoding="utf-8")
    frozen = project.with_(risk=dataclasses.replace(project.risk, frozen=path))
    again = assess(loaded, coverage, frozen)
    assert again.frozen == "2024-01-31"
    assert again.bounds == results.assessed.bounds
    pd.testing.assert_frame_equal(again.tables["village"], results.risk["village"])
    # A worse year: the same bounds and scales, so that more is red, not "relatively" the same.
    worse = dataclasses.replace(loaded, rasters={"hazard": qz.Raster(
        loaded.rasters["hazard"].read() + np.float32(3), crs=CRS, nodata=-9996,
        transform=loaded.rasters["hazard"].transform)})
    assert (assess(worse, coverage, frozen).tables["village"]["risk_class"] == "red").sum() > (
        results.risk["village"]["risk_class"] == "red").sum()
    other = dataclasses.replace(frozen.risk, indicators=tuple(
        dataclasses.replace(one, weight=1.0) for one in frozen.risk.indicators))
    with pytest.raises(ConfigError, match="other weights"):
        assess(loaded, coverage, frozen.with_(risk=other))
    fewer = dataclasses.replace(frozen.risk, indicators=frozen.risk.indicators[:-1])
    with pytest.raises(ConfigError, match="other indicators"):
        assess(loaded, coverage, frozen.with_(risk=fewer))


@pytest.mark.parametrize("weighting", ["equal", "entropy", "critic", "combined", "ahp"])
def test_every_weighting_gives_weights_that_sum_to_one(loaded, coverage, project, weighting):
    judged = ([1, 2, 2], [0.5, 1, 1], [0.5, 1, 1])
    changed = project.with_(risk=dataclasses.replace(
        project.risk, weighting=weighting, judgements=judged))
    made = assess(loaded, coverage, changed)
    assert made.tree["weight"].sum() == pytest.approx(1.0)
    assert made.tables["village"]["risk_class"].notna().all()
    if weighting == "ahp":
        assert made.consistency_ratio == pytest.approx(0.0, abs=1e-9)
        assert made.tree["weight"].round(6).tolist() == [0.333333, 0.166667, 0.25, 0.25]


@pytest.mark.parametrize("method", ["geometric", "maximum", "topsis"])
def test_every_method_keeps_scores_in_range(loaded, coverage, project, method):
    changed = project.with_(risk=dataclasses.replace(project.risk, method=method))
    made = assess(loaded, coverage, changed)
    assert made.tables["village"]["risk_index"].between(0, 1).all()
    assert made.confidence["village"]["confidence"].between(0, 1).all()


def test_cells_wear_the_colours_of_their_index(loaded, results, project):
    made = results.assessed
    like = loaded.rasters["hazard"]
    scores = {name: np.full(like.shape, np.nan) for name in made.bounds}
    for window, found in grid.scored(loaded, made, project):
        for name, block in found.items():
            scores[name][window.toslices()] = block
    assert list(grid.classed(loaded, made, project, (COMPOSITE,))) == [COMPOSITE]
    classed = grid.classed(loaded, made, project)
    assert set(classed) == {COMPOSITE, "flood", "typhoon"}
    for rank, village in enumerate(VILLAGES):
        inside = (slice(None), slice(rank * 10, rank * 10 + 10))
        for name, levels in {COMPOSITE: made.tables, **made.by_hazard}.items():
            # The raster is equal all over a village, so cell and village agree.
            index = levels["village"].loc[village, "risk_index"]
            assert np.allclose(scores[name][inside], index), (name, village)
            code = levels["village"]["risk_class"].cat.codes[village] + 1
            assert (classed[name].read()[inside] == code).all()
    assert (classed[COMPOSITE].read()[:, 60:] == 0).all()  # the county without data


def test_the_account_adds_up_to_the_index(loaded, results, project):
    for unit, level in (("vd", "village"), ("tB", "town"), ("A", "county"), ("city", "city")):
        for hazard in (None, "flood", "typhoon"):
            found = account.parts(loaded, results, project, unit, hazard)
            index = notes.risk_table(results, level, hazard).loc[unit, "risk_index"]
            assert found["contribution"].sum() == pytest.approx(index), (unit, hazard)
    said = account.explain(loaded, results, project, "B")
    for part in ("B县", "0.", "列第 1 位", "洪涝占", "洪水", "合成数据"):
        assert part in said
    english = account.explain(loaded, results, project.with_(language="en"), "B")
    assert "Rank 1 of 2" in english
    assert "暂缺资料" in account.explain(loaded, results, project, "Z")
    with pytest.raises(ConfigError, match="unknown unit"):
        account.explain(loaded, results, project, "Q")
    with pytest.raises(ConfigError, match="unknown hazard"):
        account.explain(loaded, results, project, "B", "snow")


def test_the_chart_holds_a_bar_for_each_indicator(loaded, results, project):
    ax, = account.chart(loaded, results, project, "B").axes
    assert next(iter(ax.get_yticklabels())).get_text() == "洪水"
    assert len(ax.patches) == 4
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(
        results.risk["county"].loc["B", "risk_index"])
    with pytest.raises(ConfigError, match="no data"):
        account.chart(loaded, results, project, "Z")


def test_maps_count_what_the_tables_hold(loaded, results, project):
    found = maps.pages(project, loaded, results, "run", full=True)
    names = [page.key if isinstance(page, qz.maps.Page) else page.name for page in found]
    assert names == ["06_flood_county", "06_flood_village", "06_typhoon_county",
                     "06_typhoon_village", "07_risk_county", "07_risk_town", "07_risk_village",
                     "06_hazards", "08_confidence", "09_risk_coverage"]
    together = found[-3]
    assert [spec.title for spec in together.maps] == ["洪涝风险", "台风风险"]
    # Breaks that follow the data are labelled in the legend.
    assert [spec.layers[0].title for spec in together.maps] == [
        "洪涝风险（相对等级）", "台风风险（相对等级）"]
    for spec, hazard in zip(together.maps, ("flood", "typhoon"), strict=True):
        town = results.assessed.by_hazard[hazard]["town"]["risk_class"]
        drawn = spec.layers[0].counts()
        assert {code: drawn[code] for code in qz.FOUR_LEVELS} == {
            code: (town == code).sum() for code in qz.FOUR_LEVELS}
    static.draw_page(together)
    layer = maps.risk_layer(loaded, results, "village", "flood", project)
    counts = layer.counts()
    assert counts["no_data"] == 1
    for code in qz.FOUR_LEVELS:
        assert counts[code] == (
            results.assessed.by_hazard["flood"]["village"]["risk_class"] == code).sum()
    assert any("相对等级" in line for line in found[0].notes)
    assert any("致灾60%" in line for line in found[0].notes)
    short = [page.key if isinstance(page, qz.maps.Page) else page.name
             for page in maps.pages(project, loaded, results, "run")]
    assert short == ["06_flood_village", "06_hazards", "08_confidence", "09_risk_coverage"]
    static.draw_page(found[-1])


def test_towns_where_both_are_bad(results, project):
    risk, grades = results.risk["town"], results.coverage["town"]["coverage_grade"]
    bad = maps.both_bad(results, project)
    assert bad.index.tolist() == [unit for unit in risk.index[::-1] if risk.loc[
        unit, "risk_class"] in ("orange", "red") and grades[unit] in ("severe", "short")]


def test_the_command_writes_every_hazard(folder, tmp_path, capsys, monkeypatch):
    every = maps.pages
    # Drawing is tested elsewhere: the second page and the last are enough.
    monkeypatch.setattr(maps, "pages", lambda *given, **full: every(*given, **full)[1::8])
    assert cli.main(["risk", str(folder), "--out", str(tmp_path)]) == 0
    assert "高风险（红）" in capsys.readouterr().out
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    for name in ("maps/06_flood_village.pdf", "maps/09_risk_coverage.png",
                 "rasters/risk_composite.tif", "rasters/risk_typhoon.qml",
                 "tables/risk_hazards.xlsx", "tables/risk_confidence_village.csv",
                 "tables/risk_bounds.toml"):
        assert name in files
    with rasterio.open(tmp_path / "rasters" / "risk_composite.tif") as file:
        assert set(np.unique(file.read(1))) <= {0, 1, 2, 3, 4}
        assert file.nodata == 0
    frame = pd.read_csv(tmp_path / "tables" / "risk_hazards_county.csv", encoding="utf-8-sig")
    assert pd.isna(frame.set_index("unit_id").loc["Z", "flood_class"])


def test_half_named_hazards_are_refused(loaded, coverage, project):
    first, *rest = project.risk.indicators
    changed = project.with_(risk=dataclasses.replace(
        project.risk, indicators=(dataclasses.replace(first, hazard=""), *rest)))
    with pytest.raises(ConfigError, match="without its hazard"):
        assess(loaded, coverage, changed)


@pytest.mark.parametrize(("old", "new", "message"), [
    ('missing', 'missing = "zero"', "bad value of 'missing'"),
    ('abvoe', 'abvoe = 1', "did you mean 'above'"),
    ('above', 'above = "much"', "must be a number"),
])
def test_keys_of_the_tree_are_checked(tmp_path, old, new, message):
    path = rewrite(write_city(tmp_path), TREE.replace('zh = "洪水"', f'{new}\nzh = "洪水"'))
    with pytest.raises(ConfigError, match=message):
        open_project(path)


def test_run_id_does_not_know_the_folder(project, tmp_path):
    frozen = [project.with_(risk=dataclasses.replace(project.risk, frozen=tmp_path / name / "b"))
              for name in ("one", "two")]
    ids = {pipeline.STAGES[0].function(project=one, tick=str)["run_id"] for one in frozen}
    assert len(ids) == 1
    assert json.dumps(sorted(ids))

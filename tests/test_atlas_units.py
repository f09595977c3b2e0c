"""The atlas of a run on the tiny city: the numbers on its pages are those of the tables."""

import re
import shutil
import subprocess
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pypdf
import pytest
from city import demand, write_city

import qzrisk as qz
from qzrisk import cli, pipeline
from qzrisk.errors import ConfigError, GlyphError
from qzrisk.maps import atlas
from qzrisk.maps.atlas import Contents, IndexPage, UnitPage
from qzrisk.maps.furniture.legend import legend_rows
from qzrisk.pipeline import atlas as stage
from qzrisk.pipeline.atlas.units import Book


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The tiny city with 40 persons to be moved in every cell of village va and vf."""
    path = write_city(tmp_path_factory.mktemp("city"))
    cells = demand()
    cells["at_risk_persons_flood"] = np.where(cells["unit_id"].isin(["va", "vf"]), 40, 0)
    cells.to_file(path.with_name("cells.gpkg"), layer="cells")
    return path


@pytest.fixture(scope="module")
def state(file, tmp_path_factory):
    stages = pipeline.atlas_stages("reporting")[:-1]
    made, _ = pipeline._work(qz.open_project(file), tmp_path_factory.mktemp("s"), stages,
                             lambda _: None, lambda _: None)
    return {name: made[name] for name in ("project", "loaded", "results", "access", "run_id")}


@pytest.fixture(scope="module")
def pages(state):
    return stage.pages(**state, level="reporting")


@pytest.fixture(scope="module")
def bound(pages, tmp_path_factory):
    return atlas.save(pages, tmp_path_factory.mktemp("atlas") / "a.pdf", workers=1)


@pytest.fixture(scope="module")
def texts(bound):
    if not shutil.which("pdftotext"):
        pytest.skip("poppler-utils is not installed: make system")
    done = subprocess.run(["pdftotext", "-layout", str(bound.path), "-"], capture_output=True,
                          text=True, check=True).stdout.split("\f")[:-1]
    return dict(zip(bound.sheets["key"], done, strict=True))


def of_kind(pages, kind):
    return [page for page in pages if isinstance(page, kind)]


def test_every_reporting_unit_has_a_page_and_the_county_without_data_is_named(pages, bound):
    units = of_kind(pages, UnitPage)
    assert [page.key for page in units] == ["A1", "A2", "B"]
    assert bound.findings.empty
    assert "Z县" in of_kind(pages, Contents)[0].note
    index = of_kind(pages, IndexPage)[0]
    assert set(index.targets) == {"A1", "A2", "B"}
    shapes = index.spec.layer("units").frame.geometry
    # A divided county is drawn in its parts: va and vc without the strip of vb between them.
    assert shapes.area.div(1e7).round(6).to_dict() == {"A1": 2.0, "A2": 1.0, "B": 3.0}


def test_numbers_on_the_page_equal_the_tables(pages, state, texts):
    results = state["results"]
    coverage, flood = results.coverage["reporting"], results.cases["flood"].tables["reporting"]
    risk = results.risk["reporting"]
    for page in of_kind(pages, UnitPage):
        row, text = coverage.loc[page.key], texts[page.key]
        shown = list(page.spec.key_figures.values())
        assert shown[:5] == [
            f"{row['persons']:,.0f}", f"{flood.loc[page.key, 'at_risk_persons']:,.0f}",
            f"{row['shelters']:.0f}", f"{row['capacity_persons']:,.0f}",
            f"{row['covered_share_1500m']:.1%}"]
        assert shown[-1].startswith(f"{risk.loc[page.key, 'risk_index']:.3f} ")
        for words, value in page.spec.key_figures.items():
            assert words in text and value in text, (page.key, words, value)
    # By hand: three villages of 500 persons, 2 shelters of 120; 200 persons to be moved in vf.
    shown = list({page.key: page for page in of_kind(pages, UnitPage)}["B"].spec.key_figures
                 .values())
    assert shown[:4] == ["1,500", "200", "2", "240"]


def test_placed_and_left_add_up_to_those_to_be_moved(pages, state):
    case = state["results"].cases["flood"]
    left = 0
    for page in of_kind(pages, UnitPage):
        at_risk = case.tables["reporting"].loc[page.key, "at_risk_persons"]
        if page.key == "A2":
            assert at_risk == 0 and "1500米内" in page.chart.values.index
            continue
        assert page.chart.values.sum() == at_risk == 200
        figures = dict(zip(page.spec.key_figures, page.spec.key_figures.values(), strict=True))
        left += int(figures["未安置（人）"].replace(",", ""))
    assert left == case.plan.unserved["persons"].sum()


def test_the_comparison_sets_the_unit_beside_the_city(pages, state):
    page = of_kind(pages, UnitPage)[2]
    table = page.comparison.set_index("指标")
    city, unit = (state["results"].coverage[level] for level in ("city", "reporting"))
    assert table.loc["1500米内居民占比"].tolist() == [
        f"{unit.loc['B', 'covered_share_1500m']:.1%}",
        f"{city['covered_share_1500m'].iloc[0]:.1%}"]
    assert table.loc["60岁及以上占比"].tolist() == ["20.0%", "20.0%"]
    # 2 shelters for 1,500 persons, 5 for 3,000.
    assert table.loc["每万人避灾点（个）"].tolist() == ["13.33", "16.67"]


def test_legends_count_what_the_tables_count(pages, state):
    shelters = state["results"].coverage["reporting"]["shelters"]
    for page, villages in zip(of_kind(pages, UnitPage), (2, 1, 3), strict=True):
        rows = legend_rows(page.spec)
        assert sum(row.count for row in rows if row.layer == "units" and row.code) == villages
        assert sum(row.count for row in rows
                   if row.layer == "shelters" and row.code) == shelters[page.key]


def test_parts_of_a_unit_are_in_its_table(pages, state):
    page = of_kind(pages, UnitPage)[2]
    row = state["results"].coverage["town"].loc["tB"]
    assert page.spec.table.iloc[0].tolist()[:4] == ["B镇", f"{row['persons']:,.0f}", "200", "2"]
    town = {page.key: page for page in stage.pages(**state, level="town")
            if isinstance(page, UnitPage)}
    assert town["tB"].spec.table["名称"].tolist() == ["vd村", "ve村", "vf村"]
    assert town["tB"].section == "B县"


def test_synthetic_units_are_fills_without_outlines(pages):
    for page in of_kind(pages, UnitPage):
        for layer in (*page.spec.layers, *page.spec.context):
            if layer.kind == "choropleth" and layer.style not in ("land", "neighbours"):
                assert not layer.boundary or layer.style in ("town_name", "no_data"), layer.name
        assert not [layer for layer in page.spec.layers if layer.kind == "outline"
                    and set(layer.frame.index) - {"A", "B", "Z", "city"}]


def test_public_pages_name_no_person_and_round_the_shelters(pages, texts, state):
    assert not [key for key, text in texts.items() if re.search(r"联系人|0999-?1234567", text)]
    frame = of_kind(pages, UnitPage)[0].spec.layer("shelters").frame
    assert not {"manager", "phone", "name"} & set(frame.columns)
    degrees = frame.to_crs("EPSG:4490").geometry
    assert np.allclose(degrees.x, degrees.x.round(3), atol=1e-7, rtol=0)
    inside = {**state, "project": state["project"].with_(audience="internal")}
    page = of_kind(stage.pages(**inside), UnitPage)[0]
    exact = page.spec.layer("shelters").frame
    assert exact.geometry.equals(state["access"].shelters.loc[exact.index].geometry)
    assert page.spec.audience == "internal"


def test_every_page_says_synthetic_and_sketch(texts, state):
    for key, text in texts.items():
        assert "合成数据" in text and "示意图 · 未经审图" in text, key
        assert (state["run_id"] in text), key


def test_a_rerun_draws_nothing_and_a_new_figure_one_page(pages, bound, tmp_path):
    shutil.copytree(bound.path.with_name("a.pages"), tmp_path / "a.pages")
    again = atlas.save(pages, tmp_path / "a.pdf", workers=1)
    assert not again.sheets["made"].any()
    assert again.path.read_bytes() == bound.path.read_bytes()
    changed = [replace(page, spec=page.spec.with_(key_figures={"常住人口（人）": "1"}))
               if page.key == "B" else page for page in pages]
    done = atlas.save(changed, tmp_path / "a.pdf", workers=1)
    assert done.sheets.loc[done.sheets["made"], "key"].tolist() == ["B"]


def test_a_unit_without_geometry_still_has_its_figures(state, tmp_path):
    boundaries = state["loaded"].layers["boundaries"]
    lost = boundaries.geometry.where(~boundaries.index.isin(["vd", "ve", "vf", "tB", "B"]))
    layers = {**state["loaded"].layers, "boundaries": boundaries.set_geometry(lost)}
    bare = {**state, "loaded": replace(state["loaded"], layers=layers)}
    made = stage.pages(**bare, level="county")
    page = {page.key: page for page in of_kind(made, UnitPage)}["B"]
    assert page.spec.layers == () and page.spec.key_figures["常住人口（人）"] == "1,500"
    done = atlas.save([page], tmp_path / "a.pdf", workers=1)
    assert done.findings.empty


def test_a_run_without_risk_or_persons_to_be_moved_skips_their_figures(state):
    results = replace(state["results"], risk={}, cases={})
    book = Book(**{**state, "results": results}, level="reporting")
    figures = stage.units.pages(book)[0].spec.key_figures
    assert list(figures) == ["常住人口（人）", "可用避灾点（个）", "有效容量（人）",
                             "1500米内居民占比"]


def test_one_unit_only(state, tmp_path):
    units = state["loaded"].tables["units"]
    only = units.assign(in_statistics=units.index.isin(["city", "A", "A1", "A2", "tA", "va", "vb",
                                                        "vc", "B"]))
    only.loc["B", "in_statistics"] = False
    book = {**state, "loaded": replace(state["loaded"], tables={
        **state["loaded"].tables, "units": only})}
    made = stage.pages(**book, level="county")
    assert [page.key for page in of_kind(made, UnitPage)] == ["A"]
    assert "B县" in of_kind(made, Contents)[0].note


def test_a_name_without_glyph_fails_the_run_by_name(state, tmp_path):
    units = state["loaded"].tables["units"].copy()
    units.loc["B", "name"] = "B\U0001f9ed县"
    odd = {**state, "loaded": replace(state["loaded"], tables={
        **state["loaded"].tables, "units": units})}
    made = [page for page in stage.pages(**odd) if isinstance(page, UnitPage)]
    with pytest.raises(GlyphError, match="B\U0001f9ed县"):
        atlas.save(made, tmp_path / "a.pdf", workers=1)


def test_unknown_level(state):
    with pytest.raises(ConfigError, match="reporting, county, town"):
        stage.pages(**state, level="village")


def test_english(state, tmp_path):
    english = {**state, "project": state["project"].with_(language="en")}
    page = of_kind(stage.pages(**english), UnitPage)[0]
    house = "".join([page.comparison_title, page.chart.title, *page.spec.key_figures,
                     *page.spec.notes, page.spec.table_title, *page.comparison.columns])
    assert not re.search(r"[\u4e00-\u9fff]", house)


def test_the_command_writes_the_atlas_and_names_failed_pages(file, tmp_path, capsys, monkeypatch):
    assert cli.main(["atlas", str(file), "--level", "town", "--out", str(tmp_path)]) == 0
    path = tmp_path / "atlas" / "atlas_town.pdf"
    assert "atlas/atlas_town.pdf" in capsys.readouterr().out
    labels = pypdf.PdfReader(path).page_labels
    assert labels[:3] == ["i", "ii", "1"] and not path.with_name("atlas_town_failed.csv").exists()
    real = stage.units.pages

    def far_away(book):
        first, *rest = real(book)
        broken = first.spec.with_(extent=(0.0, 0.0, 9_000.0, 9_000.0))
        return [replace(first, spec=broken), *rest]

    monkeypatch.setattr(stage.units, "pages", far_away)
    assert cli.main(["atlas", str(file), "--level", "town", "--out", str(tmp_path)]) == 1
    assert "A镇" in capsys.readouterr().out
    listed = path.with_name("atlas_town_failed.csv").read_text(encoding="utf-8-sig")
    assert "A镇" in listed and len(pypdf.PdfReader(path).pages) == len(labels)


def test_frames_of_a_page_are_its_surroundings_only(pages):
    for page in of_kind(pages, UnitPage):
        reach = [gpd.GeoSeries(layer.frame.geometry).total_bounds
                 for layer in page.spec.context if len(layer.frame)]
        left, bottom, right, top = page.spec.bounds()
        room = 1.31 * max(right - left, top - bottom, 4_000.0)
        assert all(b[0] >= left - room and b[2] <= right + room for b in reach)

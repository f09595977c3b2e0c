"""The whole job on a second city made here; every number is checked by hand (see city.py)."""

import json
import re
import zipfile

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pypdf
import pytest
from city import VILLAGES, demand, shelters, write_city

import qzrisk as qz
from qzrisk import pipeline
from qzrisk.files import sha256
from qzrisk.layers import database
from qzrisk.pipeline import specs


@pytest.fixture(scope="module")
def outcome(tiny_city, tmp_path_factory):
    return pipeline.run(qz.open_project(tiny_city), tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="module")
def project(tiny_city):
    return qz.open_project(tiny_city)


def test_read_is_accepted_plus_quarantined(outcome):
    counts = outcome.loaded.counts
    assert (counts["read"] == counts["accepted"] + counts["quarantined"]).all()
    assert counts["accepted"].to_dict() == {"boundaries": 12, "demand": 30, "shelters": 5}


def test_coverage_by_hand(outcome):
    village = outcome.results.coverage["village"]
    # Cells 300, 700, 1300, 1700, 2300 m from the shelter; vf only reaches that of ve.
    assert village["covered_persons_400m"].tolist() == [100] * 5 + [0]
    assert village["covered_persons_1500m"].tolist() == [300] * 5 + [0]
    assert village["covered_persons_2500m"].tolist() == [500] * 5 + [300]
    assert village["distance_m"]["va"] == pytest.approx(1260.0)
    assert village["coverage_grade"].tolist() == ["short"] * 5 + ["severe"]
    assert village["shelters"].tolist() == [1] * 5 + [0]
    city = outcome.results.coverage["city"].iloc[0]
    assert city["persons"] == 3000
    assert city["covered_share_2500m"] == pytest.approx(2800 / 3000)
    assert city["capacity_persons"] == 600


def test_every_level_sums_to_the_same_total(outcome):
    for level, table in outcome.results.coverage.items():
        assert table["persons"].sum() == 3000, level
        assert table["covered_persons_1500m"].sum() == 1500, level
    reporting = outcome.results.coverage["reporting"]
    assert reporting["persons"].to_dict() == {"A1": 1000, "A2": 500, "B": 1500}


def test_county_without_data_has_no_figure_and_no_class(outcome):
    for table in (outcome.results.coverage["county"], outcome.results.risk["county"]):
        assert table.loc["Z"].drop("name").isna().all()


def test_risk_by_hand(outcome):
    risk = outcome.results.risk
    assert np.allclose(risk["village"]["risk_index"], [0, 0.15, 0.3, 0.45, 0.6, 1.0])
    assert np.allclose(risk["county"]["risk_index"][["A", "B"]], [0.15, 2.05 / 3])
    assert risk["city"]["risk_index"].item() == pytest.approx(2.5 / 6)
    # Natural breaks of six values into four: the two closest pairs join, the far one stands alone.
    assert risk["village"]["risk_class"].astype(str).tolist()[-1] == "red"
    assert risk["city"]["red_area_share"].item() == pytest.approx(1 / 6)


def test_reconciled_with_the_official_figures(outcome):
    assert outcome.reconciled["verdict"].to_dict() == {"shelters": "equal",
                                                       "resident_persons_city": "differs"}


def test_products_are_all_there(outcome):
    kinds = {name.rsplit(".", 1)[1] for name in outcome.files}
    assert kinds == {"gpkg", "xlsx", "csv", "png", "pdf", "html", "json", "toml", "tif", "qml",
                     "xml"}
    manifest = json.loads((outcome.out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["run_id"] == outcome.run_id
    for name, digest in manifest["outputs"].items():
        assert sha256(outcome.out / name) == digest
    assert set(manifest["outputs"]) | {"manifest.json"} == set(outcome.files)
    assert manifest["inputs"]["cells.gpkg"]


def test_the_same_totals_in_table_database_and_legend(outcome, project):
    book = openpyxl.load_workbook(outcome.out / "tables" / "risk.xlsx")
    page = book["村（社区）"]
    column = [cell.value for cell in page[3]].index("风险等级")
    printed = pd.Series([row[column].value for row in page.iter_rows(min_row=4, max_row=9)])
    spec = specs.overview_spec(project, outcome.loaded, outcome.results, outcome.run_id)
    legend = spec.layer("village_risk").counts()
    stored = database.read(outcome.out / "database.gpkg")["results_village"]["risk_class"]
    words = qz.levels.palette("risk").words("zh")
    for code, word in words.items():
        assert legend[code] == (printed == word).sum() == (stored == code).sum()
    assert legend["no_data"] == 1  # county Z stands in for the villages it does not have
    assert sum(legend.values()) == len(VILLAGES) + 1


def readable(path):
    """What a reader of the file could find: members of a workbook, text of a PDF, else bytes."""
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            return b"".join(book.read(name) for name in book.namelist())
    if path.suffix == ".pdf":
        return "".join(page.extract_text() for page in pypdf.PdfReader(path).pages).encode()
    return path.read_bytes()


def test_public_products_hold_no_personal_value(outcome):
    for name in outcome.files:
        data = readable(outcome.out / name)
        assert "联系人甲".encode() not in data, name
        assert b"0999-1234567" not in data, name
    # The search finds what is there: a name that is public.
    assert "va村".encode() in readable(outcome.out / "tables" / "coverage.xlsx")


def test_a_telephone_in_the_wrong_cell_stays_in_the_house(tmp_path):
    path = write_city(tmp_path)
    frame = shelters().to_crs(4326).astype({"capacity_persons": object})
    frame.loc[0, "capacity_persons"] = "电话0999-1234567"
    frame.loc[1, "shelter_id"] = "S-va"  # quarantined with all it holds
    (tmp_path / "shelters.geojson").unlink()
    frame.to_file(tmp_path / "shelters.geojson")
    out = tmp_path / "out"
    made = pipeline.run(qz.open_project(path), out)
    assert set(made.issues["rule"]) >= {"number", "duplicate_id"}
    assert "0999-1234567" in " ".join(made.issues["value"])  # the analyst in the house sees it
    for name in made.files:
        data = readable(out / name)
        assert b"0999-1234567" not in data, name
        assert "联系人甲".encode() not in data, name


def test_internal_database_keeps_them(tiny_city, tmp_path, outcome):
    project = qz.open_project(tiny_city).with_(audience="internal")
    made = pipeline.products.database_files(
        project, outcome.loaded, outcome.results, outcome.loaded.issues, outcome.reconciled,
        tmp_path)
    assert b"0999-1234567" in made["database"][0].read_bytes()


def test_html_asks_for_nothing(outcome):
    page = (outcome.out / "maps" / "overview.html").read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert "合成数据" in page


def test_html_opens_offline_with_the_legend_of_the_tables(outcome, visit):
    page = visit((outcome.out / "maps" / "overview.html").read_text(encoding="utf-8"))
    legend = page.inner_text("body")
    assert "避灾点" in legend
    assert "合成数据" in legend
    assert "联系人甲" not in page.content()


def test_two_runs_are_equal_to_the_byte(tiny_city, tmp_path, outcome):
    again = pipeline.run(qz.open_project(tiny_city), tmp_path)
    assert again.run_id == outcome.run_id
    for name in outcome.files:
        assert sha256(tmp_path / name) == sha256(outcome.out / name), name


@pytest.mark.parametrize("change", [{"seed": 5}, {"language": "en"}, {"audience": "internal"}])
def test_run_id_follows_what_changes_the_products(tiny_city, outcome, change):
    project = qz.open_project(tiny_city).with_(**change)
    assert pipeline.STAGES[0].function(project=project, tick=str)["run_id"] != outcome.run_id


def test_mutated_copy_is_seen(tmp_path):
    path = write_city(tmp_path)
    folder = path.parent
    less = shelters().iloc[1:].to_crs("EPSG:4326")
    (folder / "shelters.geojson").unlink()
    less.to_file(folder / "shelters.geojson")
    cells = demand()
    bad = cells.iloc[[0]].assign(demand_id="bad", persons=-5)
    pd.concat([cells, bad]).pipe(gpd.GeoDataFrame, crs=cells.crs).to_file(folder / "cells.gpkg")
    loaded, reconciled, issues = pipeline.check(qz.open_project(path))
    assert loaded.counts.loc["shelters", "accepted"] == 4
    assert loaded.counts.loc["demand"].to_dict() == {
        "read": 31, "accepted": 30, "quarantined": 1, "repaired": 0}
    assert loaded.quarantine["demand"]["demand_id"].tolist() == ["bad"]
    assert reconciled.loc["shelters", "verdict"] == "differs"
    assert issues["rule"].tolist() == ["range", "not_reconciled", "not_reconciled"]


def test_english_run_has_no_chinese_headings(tiny_city, tmp_path):
    project = qz.open_project(tiny_city).with_(language="en")
    made = pipeline.run(project, tmp_path)
    book = openpyxl.load_workbook(tmp_path / "tables" / "coverage.xlsx")
    for page in book:
        words = " ".join(str(cell.value) for cell in page[3])
        assert not re.search(r"[\u4e00-\u9fff]", words), page.title
    assert "synthetic data" in (tmp_path / "maps" / "overview.html").read_text(encoding="utf-8")
    assert made.results.coverage["city"]["persons"].item() == 3000


def test_stage_table_holds_together():
    known = {"project", "out", "tick", "written"}
    for stage in pipeline.STAGES:
        assert set(stage.needs) <= known, stage.name
        known |= set(stage.makes)


def test_results_show_themselves_in_jupyter(outcome, project):
    assert "demand" in outcome.loaded._repr_html_()
    assert "小城" in project._repr_html_()


def test_parts_of_the_road_network_are_told(outcome):
    from city import CRS
    from shapely.geometry import LineString

    from qzrisk.pipeline.access import access, road_check

    lines = {"R1": ("street", (0, 0), (1000, 0)), "R2": ("street", (1000, 0), (1000, 500)),
             "R3": ("street", (9000, 0), (9000, 200)), "R4": ("motorway", (0, 0), (0, 900))}
    roads = gpd.GeoDataFrame(
        {"class": [line[0] for line in lines.values()]}, crs=CRS,
        index=pd.Index(list(lines), name="road_id"),
        geometry=[LineString([(480_000 + x, 3_302_000 + y) for x, y in line[1:]])
                  for line in lines.values()])
    from dataclasses import replace

    given = access(replace(outcome.loaded, layers={**outcome.loaded.layers, "roads": roads}))
    table = road_check(given)
    assert table[["part", "edges"]].fillna(0).to_numpy().tolist() == [
        ["main", 2], ["apart", 1], ["not_for_mode", 0]]
    assert table["length_m"].tolist()[:2] == [1500.0, 200.0]
    assert table["roads"].tolist()[2] == 1
    sheet = (outcome.out / "tables" / "checks_roads.csv").read_text(encoding="utf-8-sig")
    assert sheet.startswith("number,part,roads")  # no roads there: headings alone

"""`qzrisk template` end to end: a form is written, filled in, and read as a source."""

import city
import geopandas as gpd
import openpyxl
import pytest

import qzrisk as qz
from qzrisk.cli import main
from qzrisk.errors import ConfigError
from qzrisk.layers.schema import schemas
from qzrisk.pipeline.forms import save_form


def headings(path):
    return {cell.value: cell.column for cell in openpyxl.load_workbook(path).worksheets[0][3]}


def fill(path, rows):
    book = openpyxl.load_workbook(path)
    page, at = book.worksheets[0], headings(path)
    for line, row in enumerate(rows, start=6):
        for heading, value in row.items():
            page.cell(line, at[heading], value)
    book.save(path)


@pytest.fixture
def project(tmp_path):
    return city.write_city(tmp_path)


def test_in_a_project_the_form_has_its_units_and_its_day(project, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(project.parent)
    assert main(["template", "shelters"]) == 0
    path = project.parent / "shelters.xlsx"
    assert str(path.name) in capsys.readouterr().out
    book = openpyxl.load_workbook(path)
    assert "counties" in book.defined_names and "villages_1" in book.defined_names
    assert str(book.properties.created)[:10] == "2024-01-31"
    monkeypatch.chdir(tmp_path.parent)
    assert main(["template", "teams", str(project), "--out", str(tmp_path / "t.xlsx"),
                 "--lang", "en"]) == 0
    assert "County" in headings(tmp_path / "t.xlsx")


def test_a_form_is_wanted_before_the_data_are_there(project):
    for name in ("shelters.geojson", "cells.gpkg", "units.gpkg", "hazard.tif"):
        (project.parent / name).unlink()
    assert main(["check", str(project)]) == 2
    path = project.parent / "form.xlsx"
    assert main(["template", "shelters", str(project), "--out", str(path)]) == 0
    assert "县（市、区）" in headings(path)


def test_without_a_project_the_code_is_asked_for_and_it_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["template", "enterprises"]) == 0
    assert "没有县、乡镇、村下拉列表" in capsys.readouterr().out
    assert "县（市、区）" not in headings(tmp_path / "enterprises.xlsx")
    assert main(["template", "teams", "--lang", "en"]) == 0
    assert "asks for the code of the unit" in capsys.readouterr().out


@pytest.mark.parametrize(("words", "told"), [
    (["shelter"], "did you mean 'shelters'"), (["roads"], "GeoPackage"),
    (["teams", "--out", "a.csv"], "end its name with .xlsx"),
    (["teams", "nowhere"], "no project file"), (["population", "--out", "old.xlsx"], "filled in")])
def test_what_cannot_be_written_is_a_line_a_language(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.xlsx").write_bytes(b"filled in with care")
    assert main(["template", *words]) == 2
    err = capsys.readouterr().err
    assert told in err and err.count("\n") == 2 and "处理：" in err
    assert [p.name for p in tmp_path.iterdir()] == ["old.xlsx"]
    assert (tmp_path / "old.xlsx").read_bytes() == b"filled in with care"


def test_every_layer_of_points_or_records_has_a_form(project, tmp_path):
    opened = qz.open_project(project)
    for name, kind in schemas().items():
        path = tmp_path / f"{name}.xlsx"
        if kind.geometry in ("", "Point"):
            assert save_form(name, path, project=opened) == path
        else:
            with pytest.raises(ConfigError, match="GeoPackage"):
                save_form(name, path, project=opened)
            assert not path.exists()


ROW = {"县（市、区）": "A县", "乡镇（街道）": "A镇", "村（社区）": "vb村", "场所编码": "001-S01",
       "场所名称": "样例001", "场所级别": "村级", "有效避难面积 (m2)": 512.5,
       "可容纳人数（申报） (persons)": 200, "状态": "启用", "联系电话": "0999-0000001",
       "经度": 110.81, "纬度": 29.82}


def test_a_form_filled_in_is_a_source_like_any_other(project):
    place = city.shelters().to_crs(4490).geometry
    rows = [{**ROW, "经度": place[1].x, "纬度": place[1].y},
            {**ROW, "场所编码": "0002", "村（社区）": "vc村", "状态": "停用",
             "经度": place[2].x, "纬度": place[2].y}]
    assert main(["template", "shelters", str(project), "--out",
                 str(project.parent / "form.xlsx")]) == 0
    fill(project.parent / "form.xlsx", rows)
    project.write_text(project.read_text(encoding="utf-8").replace(
        "shelters.geojson", "form.xlsx"), encoding="utf-8")
    loaded = qz.load(qz.open_project(project))
    frame = loaded.layers["shelters"]
    assert loaded.counts.loc["shelters", ["read", "accepted", "quarantined"]].tolist() == [2, 2, 0]
    assert frame.index.tolist() == ["001-S01", "0002"]
    assert frame["unit_id"].tolist() == ["vb", "vc"]
    assert frame["status"].tolist() == ["open", "unfit"]
    assert frame["phone"].tolist() == ["0999-0000001"] * 2
    assert frame["usable_area_m2"].tolist() == [512.5] * 2
    assert frame["capacity_persons"].tolist() == [200, 200]
    assert isinstance(frame, gpd.GeoDataFrame)
    assert frame.geometry.distance(city.shelters().geometry.iloc[1:3].set_axis(
        frame.index)).max() < 0.2  # the form asks for six decimals
    assert (loaded.issues["severity"] != "error").all()

"""Faults go back to the county they came from and are closed when its workbook returns."""

import datetime as dt
import shutil

import city
import geopandas as gpd
import openpyxl
import pandas as pd
import pyogrio
import pytest
import xlsxwriter
from shapely.geometry import Point

import qzrisk as qz
from qzrisk import pipeline
from qzrisk.cli import main
from qzrisk.errors import ConfigError, SchemaError
from qzrisk.layers import records
from qzrisk.layers.values import dates
from qzrisk.pipeline import corrections, returns
from qzrisk.project import Source

HEADER = ("场所编码,行政区划代码,场所名称,级别,可容纳人数,室内有效面积,建成年份,联系电话,"
          "填表人,经度,纬度")


def county_file():
    """County A's shelters as a CSV: row 3 lacks its name, 4 has a class for a number, 5 is 0/0."""
    at = city.shelters().to_crs(4490).geometry
    places = [f"{at[n].x:.7f},{at[n].y:.7f}" for n in range(3)]
    return "\n".join((
        HEADER, f"01,va,甲村部,村级,150,400,2001,0999-1234567,样例甲,{places[0]}",
        f"02,vb,,村级,150,400,2001,,样例甲,{places[1]}",
        f"03,vc,丙村部,村级,250-500,400,2001,12,样例甲,{places[2]}",
        "04,,丁村部,村级,150,400,2001,,样例甲,0,0", "")).encode()


def records_file():
    """County B's shelters as a layer of points, one without a name, one without a place."""
    frame = city.shelters().iloc[3:].reset_index(drop=True)
    frame.loc[0, "name"] = None
    return pd.concat([frame, frame.iloc[[1]].assign(
        shelter_id="S-x", geometry=Point(city.LEFT + 9000, city.BOTTOM - 90_000),
        unit_id=None)], ignore_index=True)


@pytest.fixture
def project(tmp_path):
    path = city.write_city(tmp_path)
    (tmp_path / "A县.csv").write_bytes(county_file())
    gpd.GeoDataFrame(records_file(), crs=city.CRS).to_file(tmp_path / "B县.gpkg")
    text = path.read_text(encoding="utf-8").replace(
        'path = "shelters.geojson"', 'path = "A县.csv"')
    block = '[[source]]\nlayer = "shelters"\npath = "B县.gpkg"\n'
    path.write_text(text.replace("[[raster]]", block + "[[raster]]", 1), encoding="utf-8")
    return path


@pytest.fixture
def opened(project):
    return qz.open_project(project).with_(audience="internal")


def write(opened, folder):
    loaded = qz.load(opened)
    return loaded, returns.write_returns(opened, loaded, loaded.issues, folder)


def sheets(path):
    """Sheet -> row number -> heading -> cell."""
    out = {}
    for page in openpyxl.load_workbook(path).worksheets:
        if page.sheet_state != "visible" or page["A3"].value != "_row":
            continue
        heads = [cell.value for cell in page[3]]
        out[page.title] = {line[0].value: dict(zip(heads, line, strict=True))
                           for line in page.iter_rows(min_row=4)}
    return out


def edit(path, changes):
    """(sheet number, row, heading) -> value."""
    book = openpyxl.load_workbook(path)
    for (number, row, heading), value in changes.items():
        page = book.worksheets[number]
        at = {cell.value: cell.column for cell in page[3]}
        line = next(n for n in range(4, page.max_row + 1) if page.cell(n, 1).value == row)
        page.cell(line, at[heading]).value = value
    book.save(path)


def test_each_county_gets_its_own_rows_and_no_other(opened, tmp_path):
    _, written = write(opened, tmp_path / "back")
    assert [path.name for path in written] == ["A县.xlsx", "B县.xlsx", "errors.gpkg"]
    (only,) = sheets(written[0]).values()
    # Row 2 has nothing to answer for; row 5 bears no code and stands in county A's file.
    assert set(only) == {3, 4, 5}
    assert only[3]["场所名称"].fill.fgColor.rgb[2:] == "F4B6B0"
    assert only[4]["联系电话"].value == "12" and only[4]["联系电话"].data_type == "s"
    assert only[3]["场所编码"].value == "02"
    (only,) = sheets(written[1]).values()
    assert set(only) == {1, 3} and only[3]["shelter_id"].value == "S-x"
    listed = openpyxl.load_workbook(written[0])["问题清单"]
    assert {listed.cell(n, 8).value for n in range(4, listed.max_row + 1)} == {"A县"}


def test_the_error_layer_has_the_true_place_of_each_finding(opened, tmp_path):
    loaded, written = write(opened, tmp_path / "back")
    layer = pyogrio.read_dataframe(written[-1])
    placed = loaded.issues[loaded.issues["geometry"].notna()]
    assert len(layer) and len(layer) <= len(placed)
    assert layer.crs.to_epsg() == 4490
    named = layer[(layer["rule"] == "required") & (layer["source"] == "B县.gpkg")]
    shape = named.to_crs(city.CRS).geometry.iloc[0]
    assert shape.distance(records_file().geometry[0]) < 1e-3


def test_a_public_project_sends_nothing_back(project, tmp_path, capsys):
    public = qz.open_project(project)
    loaded = qz.load(public)
    assert returns.return_files(public, loaded, loaded.issues, tmp_path / "out") == {"returns": []}
    with pytest.raises(ConfigError, match="--audience internal"):
        returns.write_returns(public, loaded, loaded.issues, tmp_path / "out")
    assert main(["check", str(project), "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()
    capsys.readouterr()


FIRST = {(0, 3, "场所名称"): "乙村部", (0, 4, "可容纳人数"): 150, (0, 4, "联系电话"): None}
SECOND = {(0, 1, "name"): "丁村避灾点"}


def test_corrections_close_their_findings_and_the_others_stay(opened, tmp_path):
    loaded, written = write(opened, tmp_path / "back")
    edit(written[0], FIRST)
    edit(written[1], SECOND)
    found = corrections.recheck(opened, loaded, written[:2], tmp_path / "mended")
    closed = {(row.source, row.row, row.rule) for row in found.closed.itertuples()}
    assert {("A县.csv", 3, "required"), ("A县.csv", 4, "number_range"), ("A县.csv", 4, "phone"),
            ("B县.gpkg", 1, "required")} <= closed
    staying = {(row.source, row.row) for row in found.staying.itertuples() if row.row}
    assert staying == {("A县.csv", 5), ("B县.gpkg", 3)}
    assert found.new.empty
    before = loaded.issues[loaded.issues["severity"] != "note"]
    assert len(found.closed) + len(found.staying) == len(before)
    assert found.loaded.layers["shelters"].loc["02", "name"] == "乙村部"
    assert found.loaded.layers["shelters"].loc["03", "capacity_persons"] == 150
    assert [path.suffix for path in found.files] == [".xlsx", ".parquet"]
    assert (tmp_path / "A县.csv").read_bytes() == county_file()


def test_untouched_workbooks_close_nothing(opened, tmp_path):
    loaded, written = write(opened, tmp_path / "back")
    found = corrections.recheck(opened, loaded, written[:2], tmp_path / "mended")
    assert found.closed.empty and found.new.empty and len(found.staying)
    for name, frame in loaded.layers.items():
        pd.testing.assert_frame_equal(pd.DataFrame(found.loaded.layers[name]), pd.DataFrame(frame))


def test_a_correction_that_is_a_new_fault_is_told(opened, tmp_path):
    loaded, written = write(opened, tmp_path / "back")
    edit(written[0], {(0, 3, "场所名称"): "乙村部", (0, 3, "可容纳人数"): "很多"})
    found = corrections.recheck(opened, loaded, written[:1], tmp_path / "mended")
    assert set(zip(found.new["row"], found.new["field"], strict=True)) == {(3, "capacity_persons")}
    assert "number" in set(found.new["rule"])
    assert (3, "required") in set(zip(found.closed["row"], found.closed["rule"], strict=True))


def test_what_the_reader_said_of_a_cell_is_closed_with_that_cell(opened, project, tmp_path):
    with pd.ExcelWriter(tmp_path / "A.xlsx", engine="xlsxwriter") as book:
        frame = pd.read_csv(tmp_path / "A县.csv", dtype=str)
        frame.to_excel(book, index=False)
        page = book.book.worksheets()[0]
        for line in (1, 2):
            page.write_formula(line, 6, "=1/0", None, "#DIV/0!")
    project.write_text(project.read_text(encoding="utf-8").replace("A县.csv", "A.xlsx"),
                       encoding="utf-8")
    opened = qz.open_project(project).with_(audience="internal")
    loaded, written = write(opened, tmp_path / "back")
    edit(written[0], {(0, 2, "建成年份"): 2003})
    found = corrections.recheck(opened, loaded, written[:1], tmp_path / "mended")
    rules = [[(row.row, row.rule) for row in part.itertuples() if row.rule == "error_cell"]
             for part in (found.closed, found.staying, found.new)]
    assert rules == [[(2, "error_cell")], [(3, "error_cell")], []]


def test_files_that_changed_and_strange_workbooks_are_refused(opened, tmp_path):
    loaded, written = write(opened, tmp_path / "back")
    with pytest.raises(SchemaError, match="not a workbook of records"):
        corrections.recheck(opened, loaded, [tmp_path / "A县.csv"], tmp_path / "mended")
    fewer = opened.with_(sources=opened.sources[:-1])
    with pytest.raises(ConfigError, match="that the project has not"):
        corrections.recheck(fewer, loaded, [written[1]], tmp_path / "mended")
    (tmp_path / "A县.csv").write_bytes(county_file() + b"\n")
    with pytest.raises(ConfigError, match="has changed since"):
        corrections.recheck(opened, loaded, [written[0]], tmp_path / "mended")
    assert not (tmp_path / "mended").exists()


def test_on_the_command_line(project, tmp_path, capsys):
    back = tmp_path / "back"
    assert main(["check", str(project), "--audience", "internal", "--out", str(back)]) == 1
    assert "3 -> " in capsys.readouterr().out
    edit(back / "A县.xlsx", FIRST)
    assert main(["check", str(project), "--lang", "en", "--returned", str(back / "A县.xlsx"),
                 "--out", str(tmp_path / "mended")]) == 1
    out = capsys.readouterr().out
    assert "findings closed by the corrections" in out and "brought: 0" in out
    assert [path.name for path in (tmp_path / "mended").iterdir()] == ["01_shelters_A县.xlsx"]
    # The corrected copy takes the place of the file.
    shutil.copy(tmp_path / "mended" / "01_shelters_A县.xlsx", tmp_path / "A2.xlsx")
    project.write_text(project.read_text(encoding="utf-8").replace("A县.csv", "A2.xlsx"),
                       encoding="utf-8")
    loaded = qz.load(qz.open_project(project))
    assert {"01", "02", "03"} <= set(loaded.layers["shelters"].index)


def test_the_stage_is_one_of_the_run():
    stage = next(stage for stage in pipeline.STAGES if stage.name == "returns")
    assert stage.function is returns.return_files and "returns" in pipeline.WRITERS


def test_bytes_repeat(opened, tmp_path):
    one, two = (write(opened, tmp_path / name)[1] for name in ("a", "b"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


@pytest.mark.parametrize("mac", [False, True])
def test_serial_days_keep_the_date_system_of_their_workbook(tmp_path, mac):
    path = tmp_path / "dangers.xlsx"
    with xlsxwriter.Workbook(str(path), {"date_1904": mac}) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["danger_id", "found_on"])
        page.write_row(1, 0, ["D1", 42798])
        page.write(2, 0, "D2")
        page.write_datetime(2, 1, dt.datetime(2021, 3, 5),
                            book.add_format({"num_format": "yyyy-mm-dd"}))
    read = records.read(path, subject="hidden_dangers")
    source = Source(layer="hidden_dangers", path=path)
    copy = corrections._write(corrections._Corrected(source, read, read.frame), tmp_path, 1)
    again = records.read(copy, subject="hidden_dangers")
    said = [dates(one.frame["found_on"], date_system=one.date_system)[0].tolist()
            for one in (read, again)]
    assert said[0] == said[1] == [pd.Timestamp("2021-03-05" if mac else "2017-03-04"),
                                  pd.Timestamp("2021-03-05")]

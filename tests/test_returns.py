"""Seeded faults go out to the county, come back corrected, and are findings no more."""

import datetime as dt

import city
import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from qzrisk.errors import ConfigError, SchemaError
from qzrisk.layers import ingest, logic, returned
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.tables import read_cells
from qzrisk.layers.validate import conform
from qzrisk.reports import returns

DAY = dt.date(2024, 1, 31)
HEADER = ("避灾点编码,行政区划代码,避灾点名称,级别,可容纳人数,室内有效面积,"
          "建成年份,提升年份,联系电话,合成数据,经度,纬度")
LINES = (
    "01,va,甲村部,村级,200,400,2001,2010,,是,111.801,29.811\n"
    "02,va,=1+1,市区级,200,300,2001,1999,,是,111.802,29.812\n"
    ",vb,丙村部,村级,约80人,400,2001,,,是,111.803,29.813\n"
    "04,vb,丁村部,村级,250-500,400,2001,,,是,111.804,29.814\n"
    "0005,vc,戊村部,村级,100,400,2001,,,是,0,0\n")


def write_file(folder):
    path = folder / "raw.csv"
    path.write_text(f"{HEADER}\n{LINES}", encoding="utf-8")
    return path


def check(path):
    """Everything that is said of a file, the counts with it."""
    frame, issues, bad = ingest.read_layer(path, "shelters", crs=city.CRS)
    more = logic.check(frame, "shelters", source=path.name)[1]
    return frame, gather([issues, more]), bad


def send(path, records, issues, **options):
    headers = returned.headers(records, "shelters")
    return returns.save(path, records, issues, layer="shelters", headers=headers, as_of=DAY,
                        **{"source": "raw.csv", **options})


def edit(path, corrections):
    """Correct cells as a person does: by the row number and the heading."""
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    at = {cell.value: cell.column for cell in page[3]}
    line = {page.cell(n, 1).value: n for n in range(4, page.max_row + 1)}
    for (row, heading), value in corrections.items():
        page.cell(line[row], at[heading], value)
    book.save(path)
    return path


CORRECTIONS = {
    (3, "级别"): "县级", (3, "室内有效面积"): 400, (3, "提升年份"): "2009", (4, "避灾点编码"): "03",
    (4, "可容纳人数"): 180, (5, "可容纳人数"): 200, (6, "经度"): 111.805, (6, "纬度"): "29.815",
    (3, "可容纳人数"): 200, (3, "避灾点名称"): "乙村部"}


def faults(issues):
    return set(issues.loc[issues["severity"] != "note", "rule"])


def test_corrected_cells_close_the_findings(tmp_path):
    raw = write_file(tmp_path)
    frame, issues, bad = check(raw)
    assert len(frame) + len(bad) == 5 and bad["_row"].tolist() == [4, 6]
    assert {"required", "coordinate_zero", "code", "number_range", "opened_before_built",
            "over_capacity", "missing_capacity", "approximate"} <= faults(issues)
    records = read_cells(raw).frame
    path = edit(send(tmp_path / "back.xlsx", records, issues), CORRECTIONS)
    mended = returned.apply(records, path)
    assert mended.index.equals(records.index) and list(mended.columns) == list(records.columns)
    direct = check(path)  # the workbook itself can stand in the place of the file
    mended.to_csv(tmp_path / "raw2.csv", index=False)
    for frame, issues, bad in (check(tmp_path / "raw2.csv"), direct):
        assert len(frame) + len(bad) == 5 and bad.empty
        assert faults(issues) == set()
        assert frame.index.tolist() == ["01", "02", "03", "04", "0005"]
        assert frame["capacity_persons"].tolist() == [200, 200, 180, 200, 100]
        assert frame.loc["02", "name"] == "乙村部" and frame.loc["02", "tier"] == "county"
        assert frame.loc["01", "unit_id"] == "va"


def test_an_untouched_workbook_changes_nothing(tmp_path):
    raw = write_file(tmp_path)
    records = read_cells(raw).frame
    path = send(tmp_path / "back.xlsx", records, check(raw)[1])
    pd.testing.assert_frame_equal(returned.apply(records, path), records)


def test_cells_at_fault_are_coloured_and_explained(tmp_path):
    raw = write_file(tmp_path)
    path = send(tmp_path / "back.xlsx", read_cells(raw).frame, check(raw)[1])
    book = openpyxl.load_workbook(path)
    page, listed, sources = book.worksheets
    assert sources.sheet_state == "hidden"
    assert "合成数据" in page["A1"].value and "raw.csv" in page["A1"].value
    at = {cell.value: cell.column for cell in page[3]}
    assert list(at)[:3] == ["_row", "问题与建议", "避灾点编码"]

    def colour(line, heading):
        cell = page.cell(line, at[heading])
        return cell.fill.fgColor.rgb[2:].lower() if cell.fill.fill_type else ""

    red, yellow = "f4b6b0", "fbe7a1"
    assert [colour(6, name) for name in ("避灾点编码", "可容纳人数", "避灾点名称")] == [
        red, yellow, ""]
    assert colour(5, "级别") == yellow and colour(5, "提升年份") == yellow
    assert colour(8, "经度") == colour(8, "纬度") == red
    assert colour(4, "级别") == ""
    comment = page.cell(6, at["避灾点编码"]).comment.text
    assert "缺少必填项" in comment and "补填" in comment
    assert comment in page.cell(6, at["问题与建议"]).value
    name = page.cell(5, at["避灾点名称"])
    assert (name.value, name.data_type) == ("=1+1", "s")
    assert page.cell(4, at["避灾点编码"]).value == "01"
    assert page.cell(8, at["避灾点编码"]).number_format == "@"
    assert [cell.value for cell in listed[3]][:4] == ["行", "编号", "列", "程度"]
    assert listed.max_row - 3 >= 8


def test_only_the_rows_given_and_their_findings_are_sent(tmp_path):
    raw = write_file(tmp_path)
    records, issues = read_cells(raw).frame, check(raw)[1]
    other = findings("required", "error", layer="shelters", language="zh", rows=[2],
                     source="other.csv", field="name")
    by_id = findings("near_border", "note", layer="shelters", language="zh", rows=[0],
                     record_ids=["01"], values=["va"], field="geometry")
    part = records[records["行政区划代码"] == "va"]
    path = send(tmp_path / "back.xlsx", part, gather([issues, other, by_id]))
    page, listed, _ = openpyxl.load_workbook(path).worksheets
    assert [page.cell(n, 1).value for n in range(4, page.max_row + 1)] == [2, 3]
    rows = [listed.cell(n, 1).value for n in range(4, listed.max_row + 1)]
    assert set(rows) == {0, 2, 3}  # 0: how its headers were read
    messages = [listed.cell(n, 6).value for n in range(4, listed.max_row + 1)]
    assert sum("界外" in words for words in messages) == 1  # by its id
    assert not any("缺少必填项" in words and "场所名称" in words for words in messages)


def test_new_rows_stand_last_and_left_out_rows_stay(tmp_path):
    raw = write_file(tmp_path)
    records = read_cells(raw).frame
    path = send(tmp_path / "back.xlsx", records, check(raw)[1])
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    page.delete_rows(5)
    page.append([None, None, "0099", "va", "己村部"])
    book.save(path)
    mended = returned.apply(records, path)
    assert mended.index.tolist() == [2, 3, 4, 5, 6, 7]
    assert mended.loc[3].equals(records.loc[3])
    assert mended.loc[7, ["避灾点编码", "避灾点名称"]].tolist() == ["0099", "己村部"]


@pytest.mark.parametrize(("value", "words"), [(99, "no row of the file"), (3, "stands twice"),
                                              ("x", "something else")])
def test_row_numbers_that_were_changed_are_refused(tmp_path, value, words):
    raw = write_file(tmp_path)
    records = read_cells(raw).frame
    path = edit(send(tmp_path / "back.xlsx", records, check(raw)[1]), {(2, "_row"): value})
    with pytest.raises(ConfigError, match=words):
        returned.apply(records, path)
    with pytest.raises(SchemaError, match="_row"):
        returned.apply(records, raw)


def points():
    return gpd.GeoDataFrame(
        {"shelter_id": ["a", "b", "c"], "name": ["甲", None, "丙"], "members": [1, 2, 3],
         "day": pd.to_datetime(["2020-01-01", None, "2020-01-03"])},
        geometry=[Point(city.LEFT, city.BOTTOM), Point(city.LEFT + 9, city.BOTTOM), None],
        crs=city.CRS)


def test_points_move_where_their_coordinates_were_changed(tmp_path):
    records = points()
    issues = gather([findings("required", "error", layer="shelters", language="en", rows=[2],
                              field="name"),
                     findings("null_geometry", "error", layer="shelters", language="en",
                              rows=[3], field="geometry")])
    path = send(tmp_path / "b.xlsx", records, issues, source="", language="en")
    same = returned.apply(records, path)
    pd.testing.assert_frame_equal(pd.DataFrame(same), pd.DataFrame(records))
    assert same.crs == records.crs
    edit(path, {(2, "name"): "乙", (3, "lon"): 111.0, (3, "lat"): 30.0, (1, "lon"): 111.5})
    mended = returned.apply(records, path)
    assert mended["name"].tolist() == ["甲", "乙", "丙"]
    assert mended.geometry[1].equals(records.geometry[1])
    degrees = mended.to_crs("EPSG:4490").geometry
    assert degrees[2].x == pytest.approx(111.0, abs=1e-9)
    assert degrees[0].x == pytest.approx(111.5, abs=1e-9)
    frame, issues, bad = conform(mended, "shelters")
    assert bad.empty and len(frame) == 3


def test_polygons_keep_their_shapes(tmp_path):
    records = gpd.GeoDataFrame({"unit_id": ["a"], "name": ["x"]}, geometry=[box(0, 0, 9, 9)],
                               crs=city.CRS)
    path = returns.save(tmp_path / "b.xlsx", records, gather([]), layer="boundaries",
                        headers={"unit_id": "unit_id", "name": "name"}, as_of=DAY)
    edit(path, {(1, "name"): "y"})
    mended = returned.apply(records, path)
    assert mended["name"].tolist() == ["y"] and mended.geometry[0].equals(records.geometry[0])


def test_bytes_repeat(tmp_path):
    raw = write_file(tmp_path)
    records, issues = read_cells(raw).frame, check(raw)[1]
    one, two = (send(tmp_path / name, records, issues).read_bytes()
                for name in ("a.xlsx", "b.xlsx"))
    assert one == two


CELL = st.one_of(
    st.none(), st.integers(-2**60, 2**60), st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(), st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]),
                           min_size=1, max_size=8).filter(lambda t: t.strip() == t))


@settings(max_examples=40)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6))
def test_any_cells_come_back_as_they_went(tmp_path_factory, cells):
    records = pd.DataFrame(cells, columns=["名称", "其他"]).assign(编码=[
        f"k{n}" for n in range(len(cells))])
    path = tmp_path_factory.mktemp("r") / "a.xlsx"
    returns.save(path, records, gather([]), layer="shelters", as_of=DAY,
                 headers={"编码": "shelter_id", "名称": "name", "其他": "其他"})
    back = returned.apply(records, path)
    for column in records:
        for old, new in zip(records[column], back[column], strict=True):
            both_missing = pd.isna(old) and pd.isna(new)
            assert both_missing or old == new or np.isclose(old, new)

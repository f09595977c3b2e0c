"""The form: drop-downs that depend on one another, and what is filled in is read back equal."""

import datetime as dt
import re
import zipfile

import city
import openpyxl
import pandas as pd
import pytest
from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.utils import range_boundaries

from qzrisk.errors import ConfigError
from qzrisk.layers import forms, validate
from qzrisk.layers.ingest import rename
from qzrisk.layers.schema import schema, schemas
from qzrisk.layers.tables import read_cells
from qzrisk.reports import template

DAY = dt.date(2024, 1, 31)
UNITS = city.units_table().set_index("unit_id").astype({"reporting_id": "str"})


def odd_units():
    """Names that are no names of ranges: brackets, digits first, alike in two counties, a space."""
    units = UNITS.copy()
    units.loc["A", "name"] = "1县（新区）"
    units.loc["B", "name"] = "B-县 & 旗"
    units.loc[["tA", "tB"], "name"] = "城关镇"
    units.loc["vd", "name"] = "=SUM(A1)村"
    return units


def form(tmp_path, layer="shelters", units=None, **options):
    path = template.save(tmp_path / "form.xlsx", layer, UNITS if units is None else units,
                         as_of=DAY, **options)
    return path, openpyxl.load_workbook(path)


def fill(path, rows):
    book = openpyxl.load_workbook(path)
    page = book.worksheets[0]
    at = {cell.value: cell.column for cell in page[3]}
    for line, row in enumerate(rows, start=6):
        for heading, value in row.items():
            cell = page.cell(line, at[heading], value)
            if isinstance(value, str):
                cell.data_type = "s"  # openpyxl makes a formula of text that begins with =
    book.save(path)


def read(path, layer, units):
    table = read_cells(path)
    frame, said = forms.without_examples(table.frame)
    named, more = forms.with_unit_codes(rename(frame, schema(layer), None), units)
    out, issues, bad = validate.conform(named.drop(columns=["经度", "纬度"], errors="ignore"),
                                        layer, date_system=table.date_system)
    return out, pd.concat([said, more, issues]), bad


ROW = {"县（市、区）": "1县（新区）", "乡镇（街道）": "城关镇", "村（社区）": "vb村",
       "场所编码": "001-S01", "场所名称": "=1+1", "场所级别": "村级", "依托设施": "学校",
       "空间类型": "兼有", "有效避难面积 (m2)": 512.5, "室内有效面积 (m2)": 400,
       "可容纳人数（申报） (persons)": 200, "适用灾种": "台风;暴雨", "建筑结构": "砖混",
       "抗震设防烈度": 7, "状态": "启用", "设施": "厕所", "责任人": "样例001",
       "联系电话": "0999-0000001", "建成年份": 2001, "提升年份": 2010,
       "提升费用 (yuan)": 3000, "提升后新增容量 (persons)": 20, "经度": 118.5, "纬度": 24.5}


def test_what_is_filled_in_is_read_back_equal(tmp_path):
    path, book = form(tmp_path, units=odd_units())
    headings = [cell.value for cell in book.worksheets[0][3]][1:]
    assert headings == list(ROW)
    other = {**ROW, "场所编码": "0002", "县（市、区）": "B-县 & 旗", "村（社区）": "=SUM(A1)村",
             "状态": "停用", "可容纳人数（申报） (persons)": None}
    fill(path, [ROW, other])
    out, issues, bad = read(path, "shelters", odd_units())
    assert bad.empty and out.index.tolist() == ["001-S01", "0002"]
    assert out["unit_id"].tolist() == ["vb", "vd"]
    first = out.iloc[0]
    assert {name: first[name] for name in (
        "name", "tier", "space", "usable_area_m2", "indoor_area_m2", "capacity_persons",
        "hazards_served", "seismic_intensity", "status", "phone", "built_year",
        "upgraded_year", "upgrade_cost_yuan", "upgrade_capacity_persons")} == {
            "name": "=1+1", "tier": "village", "space": "both", "usable_area_m2": 512.5,
            "indoor_area_m2": 400, "capacity_persons": 200, "hazards_served": "flood;typhoon",
            "seismic_intensity": 7, "status": "open", "phone": "0999-0000001",
            "built_year": 2001, "upgraded_year": 2010, "upgrade_cost_yuan": 3000,
            "upgrade_capacity_persons": 20}
    assert pd.isna(out["capacity_persons"].iloc[1]) and out["status"].iloc[1] == "unfit"
    assert set(issues["rule"]) == {"example_row", "missing_capacity", "capacity_from_area"}


def named_list(book, name):
    sheet, cells = book.defined_names[name].attr_text.split("!")
    left, top, right, bottom = range_boundaries(cells)
    assert left == right
    page = book[sheet.strip("'")]
    assert page.sheet_state == "hidden"
    return [page.cell(row, left).value for row in range(top, bottom + 1)]


def test_lists_of_units_depend_on_one_another(tmp_path):
    _, book = form(tmp_path, units=odd_units())
    rules = {str(rule.sqref): rule.formula1
             for rule in book.worksheets[0].data_validations.dataValidation}
    assert rules["B6:B2005"] == "counties"
    assert rules["C6:C2005"] == 'INDIRECT("towns_"&MATCH($B6,counties,0))'
    assert rules["D6:D2005"] == 'INDIRECT("villages_"&MATCH($B6&"/"&$C6,town_paths,0))'
    assert named_list(book, "counties") == ["1县（新区）", "B-县 & 旗"]  # Z has no towns
    assert named_list(book, "town_paths") == ["1县（新区）/城关镇", "B-县 & 旗/城关镇"]
    assert named_list(book, "towns_2") == ["城关镇"]
    assert named_list(book, "villages_1") == ["va村", "vb村", "vc村"]
    assert named_list(book, "villages_2") == ["=SUM(A1)村", "ve村", "vf村"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("layer", [name for name, kind in schemas().items()
                                   if kind.geometry in ("", "Point")])
def test_every_form_is_read_as_empty_and_its_example_is_sound(tmp_path, layer, language):
    path, book = form(tmp_path, layer, language=language)
    page = book.worksheets[0]
    assert "合成数据" in page["A2"].value or "synthetic data" in page["A2"].value
    frame, said = forms.without_examples(read_cells(path).frame)
    assert frame.empty and len(said) == 2
    page["A5"] = None  # the example as a record
    book.save(path)
    frame, _ = forms.without_examples(read_cells(path).frame)
    named, _ = forms.with_unit_codes(rename(frame, schema(layer), None), UNITS)
    out, issues, bad = validate.conform(pd.DataFrame(named), layer)
    grave = issues[(issues["severity"] == "error") & (issues["field"] != "geometry")]
    assert grave.empty and len(out) + len(bad) == 1, grave
    told = issues[issues["severity"] == "warning"]
    assert told.empty, told[["field", "rule", "value"]]


def pattern_of_column(path, book, column):
    """What an empty cell of the column is formatted as: openpyxl does not keep it."""
    with zipfile.ZipFile(path) as package:
        sheet = package.read("xl/worksheets/sheet1.xml").decode()
    spans = re.findall(r'<col min="(\d+)" max="(\d+)" width="[\d.]+" style="(\d+)"', sheet)
    style = next(int(s) for low, high, s in spans if int(low) <= column <= int(high))
    number = book._cell_styles[style].numFmtId
    return BUILTIN_FORMATS.get(number) or book._number_formats[number - 164]


def test_checks_and_formats_of_cells(tmp_path):
    path, book = form(tmp_path)
    page = book.worksheets[0]
    at = {cell.value: cell for cell in page[3]}
    rules = {str(rule.sqref).split("6:")[0]: rule
             for rule in page.data_validations.dataValidation}
    year = rules[at["建成年份"].column_letter]
    assert (year.type, year.formula1, year.formula2) == ("whole", "1800", "2100")
    assert rules[at["场所级别"].column_letter].formula1 == '"县级,乡镇级,村级"'
    for heading, pattern in (("场所编码", "@"), ("联系电话", "@"), ("建成年份", "0"),
                             ("经度", "0.000000")):
        assert pattern_of_column(path, book, at[heading].column) == pattern
    assert at["场所名称"].fill.fgColor.rgb != at["依托设施"].fill.fgColor.rgb  # required
    assert "2 m" not in page["A4"].value and page["A4"].value == "说明"


def test_bytes_repeat_and_lines_are_refused(tmp_path):
    one, two = (template.save(tmp_path / name, "teams", UNITS, as_of=DAY).read_bytes()
                for name in ("a.xlsx", "b.xlsx"))
    assert one == two
    with pytest.raises(ConfigError, match="GeoPackage"):
        template.save(tmp_path / "c.xlsx", "roads", UNITS, as_of=DAY)


def test_without_units_the_code_is_asked_for(tmp_path):
    path = template.save(tmp_path / "f.xlsx", "shelters", None, as_of=DAY)
    headings = [cell.value for cell in openpyxl.load_workbook(path).worksheets[0][3]]
    assert "所属单元代码" in headings and "县（市、区）" not in headings


def test_few_levels_of_units(tmp_path):
    units = UNITS[UNITS["level"].isin(["city", "county"])]
    _, book = form(tmp_path, units=units)
    assert named_list(book, "counties") == ["A县", "B县", "Z县"]
    assert "town_paths" not in book.defined_names

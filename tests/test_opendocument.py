"""OpenDocument sheets and what is hidden in workbooks: read, counted and told."""

import datetime as dt
import zipfile

import openpyxl
import pytest

from qzrisk.layers.ingest import read_table
from qzrisk.layers.tables import read_cells

SPACES = " ".join(f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
                  for short, name in (("office", "office"), ("table", "table"), ("text", "text"),
                                      ("style", "style")))
MANIFEST = ('<manifest:manifest '
            'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" manifest:media-type='
            '"application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>')
COVERED = "<table:covered-table-cell/>"


def text(words, **spans):
    return cell("string", "", words, spans)


def number(value, kind="float", **spans):
    return cell(kind, f'office:value="{value}"', value, spans)


def day(value):
    return cell("date", f'office:date-value="{value}"', value, {})


def cell(kind, value, shown, spans):
    spans = "".join(f' table:number-{what}="{n}"' for what, n in spans.items())
    return (f'<table:table-cell office:value-type="{kind}" {value}'
            f'{spans.replace("_", "-")}><text:p>{shown}</text:p></table:table-cell>')


def empty(times=1):
    return f'<table:table-cell table:number-columns-repeated="{times}"/>'


def row(*cells, times=1, shown="visible"):
    return (f'<table:table-row table:number-rows-repeated="{times}" table:visibility="{shown}">'
            f'{"".join(cells)}</table:table-row>')


def sheet(name, *rows, columns="", style=""):
    return f'<table:table table:name="{name}"{style}>{columns}{"".join(rows)}</table:table>'


def write(path, *sheets, null_date="1899-12-30"):
    settings = (f'<table:calculation-settings><table:null-date table:date-value="{null_date}"/>'
                '</table:calculation-settings>')
    hidden = ('<office:automatic-styles><style:style style:name="ta2" style:family="table">'
              '<style:table-properties table:display="false"/></style:style>'
              '</office:automatic-styles>')
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", (
            f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {SPACES}>{hidden}'
            f'<office:body><office:spreadsheet>{settings}{"".join(sheets)}'
            '</office:spreadsheet></office:body></office:document-content>'))
    return path


SURVEY = (
    row(text("隐患点一览表", columns_spanned=6), COVERED * 5),
    row(text("统一编号", rows_spanned=2), text("区划代码", rows_spanned=2),
        text("类型", rows_spanned=2), text("威胁情况", columns_spanned=2), COVERED,
        text("发现日期", rows_spanned=2)),
    row(COVERED * 3, text("威胁人数"), text("威胁财产（万元）"), COVERED),
    row(text("A1"), text("u1"), text("landslide"), number(100), number(3.5, "currency"),
        day("2015-03-05")),
    row(text("A2"), text("u1"), text("landslide"), number(7, columns_repeated=2), number(40000)),
    row(empty(6), times=3),
    row(text("A3"), text("u2"), text("collapse"), number(0.5, "percentage"), empty(2), times=2),
    row(text("合计"), empty(2), number(107), number(10.5), empty()),
    row(empty(1024), times=1_048_000),
)


@pytest.mark.parametrize(("null_date", "second"), [
    ("1899-12-30", dt.date(2009, 7, 6)), ("1904-01-01", dt.date(2013, 7, 7))])
def test_a_sheet_of_merged_headers_totals_and_repeated_rows(tmp_path, null_date, second):
    path = write(tmp_path / "survey.ods", sheet("表", *SURVEY), null_date=null_date)
    table = read_cells(path)
    assert table.counts == {"rows": 11, "header": 3, "data": 4, "totals": 1, "notes": 0, "empty": 3}
    assert list(table.frame) == ["统一编号", "区划代码", "类型", "威胁情况/威胁人数",
                                 "威胁情况/威胁财产（万元）", "发现日期"]
    assert table.frame.index.tolist() == [4, 5, 9, 10]
    frame, issues, quarantine = read_table(path, "hazard_points")
    assert frame.index.tolist() == ["A1", "A2", "A3"] and quarantine["_row"].tolist() == [10]
    assert quarantine["_rules"].tolist() == ["duplicate_id"]
    assert frame["threatened_persons"].tolist() == [100, 7, 0]  # half a person is rounded
    assert frame["threatened_property_yuan"].tolist()[:2] == [35_000, 70_000]
    assert table.date_system == (1904 if "1904" in null_date else 1900)
    assert frame["found_on"].dt.date.tolist()[:2] == [dt.date(2015, 3, 5), second]
    assert "total_row" in set(issues["rule"]) and "null_date" not in set(issues["rule"])


def test_days_that_count_from_elsewhere_are_told(tmp_path):
    path = write(tmp_path / "old.ods", sheet("表", *SURVEY), null_date="1900-01-01")
    issues = read_cells(path).issues
    assert issues.loc[issues["rule"] == "null_date", "value"].tolist() == ["1900-01-01"]


@pytest.mark.parametrize(("shown", "rule"), [
    ("collapse", "hidden_cells"), ("filter", "filtered_cells")])
def test_hidden_rows_columns_and_sheets_of_an_ods(tmp_path, shown, rule):
    columns = ('<table:table-column table:number-columns-repeated="2"/><table:table-column '
               'table:visibility="collapse" table:number-columns-repeated="1022"/>')
    path = write(
        tmp_path / "hidden.ods",
        sheet("旧表", row(text("编码"), text("名称")), row(text("0"), text("零")),
              style=' table:style-name="ta2"'),
        sheet("表", row(text("编码"), text("名称"), text("容量")),
              row(text("1"), text("甲"), number(5)),
              row(text("2"), text("乙"), number(6), shown=shown),
              row(text("3"), text("丙"), number(7), times=2, shown=shown),
              row(empty(1024), times=1_000_000, shown=shown), columns=columns))
    frame, issues, quarantine = read_table(path, "shelters")
    assert frame["capacity_persons"].tolist() == [5, 6, 7] and len(quarantine) == 1
    assert issues.loc[issues["rule"] == "hidden_sheet", "value"].tolist() == ["旧表"]
    said = issues[issues["rule"] == rule]
    assert said["value"].tolist() == ["3"] and said["severity"].tolist() == ["note"]
    assert "1 列" in said["message"].iloc[0]


@pytest.mark.parametrize("filtered", [False, True])
def test_hidden_and_filtered_rows_of_an_xlsx(tmp_path, filtered):
    book = openpyxl.Workbook()
    page = book.active
    records = ([f"s{n}", f"点{n}", n, "x"] for n in range(6))
    for cells in (["编码", "名称", "容量", "备注"], *records):
        page.append(cells)
    for number_ in (3, 5):
        page.row_dimensions[number_].hidden = True
    page.row_dimensions[400].hidden = True  # nothing is there
    for letter in ("D", "E", "F"):
        page.column_dimensions[letter].hidden = True
    if filtered:
        page.auto_filter.ref = "A1:D7"
        page.auto_filter.add_filter_column(0, ["s0", "s2", "s4", "s5"])
    book.create_sheet("底稿").sheet_state = "hidden"
    book.save(tmp_path / "hidden.xlsx")
    frame, issues, quarantine = read_table(tmp_path / "hidden.xlsx", "shelters")
    assert frame["capacity_persons"].tolist() == [0, 1, 2, 3, 4, 5] and quarantine.empty
    said = issues[issues["rule"] == ("filtered_cells" if filtered else "hidden_cells")]
    assert said["value"].tolist() == ["2"] and "1 列" in said["message"].iloc[0]
    assert {"hidden_cells", "filtered_cells"} & set(issues["rule"]) == set(said["rule"])
    assert issues.loc[issues["rule"] == "hidden_sheet", "value"].tolist() == ["底稿"]


def test_a_sheet_of_which_nothing_is_hidden_has_no_such_note(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["编码", "名称"])
    book.active.append(["1", "甲"])
    book.save(tmp_path / "plain.xlsx")
    issues = read_cells(tmp_path / "plain.xlsx").issues
    assert not issues["rule"].isin(["hidden_cells", "filtered_cells"]).any()


def test_formulas_that_failed_are_missing_and_told(tmp_path):
    def failed(shown, value):
        return (f'<table:table-cell table:formula="of:=1/0" {value}><text:p>{shown}</text:p>'
                '</table:table-cell>')

    new = ('office:value-type="string" office:string-value="" xmlns:calcext="urn:calcext" '
           'calcext:value-type="error"')
    old = 'office:value-type="float" office:value="0"'
    path = write(tmp_path / "errors.ods", sheet(
        "表", row(text("编码"), text("名称"), text("容量")),
        row(text("1"), text("甲"), failed("#DIV/0!", new)),
        row(text("2"), text("乙"), failed("Err:508", old)),
        row(text("3"), text("丙"), failed("5", 'office:value-type="float" office:value="5"'))))
    frame, issues, quarantine = read_table(path, "shelters")
    assert frame["capacity_persons"].fillna(-1).tolist() == [-1, -1, 5] and quarantine.empty
    said = issues[issues["rule"] == "error_cell"]
    assert said[["row", "field", "value"]].to_numpy().tolist() == [
        [2, "容量", "#DIV/0!"], [3, "容量", "Err:508"]]

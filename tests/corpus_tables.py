"""Broken and awkward table files, written into a folder: what counties send, and worse."""

import datetime as dt
import io
import json
import random
import zipfile
from pathlib import Path

import openpyxl
import xlsxwriter

HEADER = ["代码", "名称", "人口"]
RECORDS = [["440305001001", "甲村", "120"], ["440305001002", "乙村", "80"],
           ["440305001003", "丙村", "60"]]
CSV = "\n".join(",".join(row) for row in [HEADER, *RECORDS]) + "\n"
BROKEN = None
"""Expectation of a file that must be refused with a clear error; else the number of records."""


def workbook(path, rows, *, merges=(), title="调查表"):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    for area in merges:
        sheet.merge_cells(area)
    book.save(path)


def text_files():
    """Name -> (bytes, expectation)."""
    half = CSV.encode("gb18030")
    lines = CSV.splitlines()
    return {
        "plain.csv": (CSV.encode(), 3),
        "bom.csv": (CSV.encode("utf-8-sig"), 3),
        "gb18030.csv": (half, 3),
        "big5.csv": ("代碼,名稱,人口\n1,東莞學校避難點,120\n2,風險縣區,80\n".encode("big5"), 2),
        "shift_jis.csv": ("コード,名称,人口\n1,ひなん所の学校,120\n".encode("shift_jis"), 1),
        "utf16.csv": (CSV.replace(",", "\t").encode("utf-16"), 3),
        "utf16_no_mark.csv": (CSV.encode("utf-16-le"), 3),
        "semicolon.csv": (CSV.replace(",", ";").encode(), 3),
        "tab.tsv": (CSV.replace(",", "\t").encode(), 3),
        "full_width_comma.csv": (CSV.replace(",", "，").encode(), 3),
        "cr_only.csv": (CSV.replace("\n", "\r").encode(), 3),
        "zero_byte.csv": (b"", BROKEN),
        "only_spaces.csv": (b" \n \n", BROKEN),
        "only_header.csv": ((lines[0] + "\n").encode(), 0),
        "uneven.csv": ("\n".join([*lines[:2], "1,短", "2,长,3,4,5", lines[3]]).encode(), 4),
        "embedded_newline.csv": (f'{lines[0]}\n1,"甲\n村",120\n{lines[2]}\n'.encode(), 2),
        "open_quote.csv": (f'{lines[0]}\n1,"甲村,120\n{lines[2]}\n{lines[3]}\n'.encode(), 3),
        "mixed_encodings.csv": (
            "\n".join([CSV.strip(), ""]).encode() + "4,丁村避难场所,5\n".encode("gb18030"), 4),
        "cut_in_a_character.csv": (f"{CSV}4,丁".encode()[:-1], 4),
        "mojibake.csv": ("代码,名称\n1,娉夊窞甯傚尯閬跨伨鐐�\n2,锟斤拷锟斤拷\n".encode(), 2),
        "long_cell.csv": (f"{lines[0]}\n1,{'长' * 10_000},3\n".encode(), 1),
        "nul.csv": (f"{lines[0]}\n1,a\0b,3\n".encode(), 1),
        "binary.csv": (bytes(random.Random(1).randbytes(4000)), BROKEN),
        "web_page.xls": ("<html><table><tr><td>代码</td></tr></table></html>".encode(), BROKEN),
        "text_named.xlsx": (CSV.encode(), 3),
        "junk.xlsx": (b"hello" * 50, BROKEN),
        "zero_byte.xlsx": (b"", BROKEN),
        "protected.xlsx": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1016)
                           + "EncryptedPackage".encode("utf-16-le") + bytes(480), BROKEN),
        "records.json": (json.dumps([{"名称": "甲", "坐标": {"lon": 1.5, "lat": 2}},
                                     {"名称": "乙"}], ensure_ascii=False).encode(), 2),
        "wrapped.json": (b'{"code": 0, "data": [{"a": 1}, {"a": 2}]}', 2),
        "lines.jsonl": (b'{"a": 1}\n{"a": 2}\n', 2),
        "broken.json": (b'[{"a": 1}, {"a"', BROKEN),
        "no_records.json": (b"[1, 2]", BROKEN),
        "deep.json": (b"[" * 100_000, BROKEN),
        "layer.json": (b'{"type": "FeatureCollection", "features": []}', BROKEN),
    }


def _forms(folder):
    """Workbooks laid out as forms; name -> expectation."""
    workbook(folder / "merged.xlsx", [
        ["避灾点调查表", None, None, None], ["填报单位：样例县", None, None, "日期：2021-03-05"],
        ["县", "乡镇", "人口", None], [None, None, "男", "女"], ["甲", "乙", 1, 2],
        ["样例县", "东镇", 10, 20], [None, "西镇", 30, 40], ["合计", None, 40, 60],
        ["注：样例数据", None, None, None]],
        merges=["A1:D1", "A3:A4", "B3:B4", "C3:D3", "A6:A7", "A8:B8"])
    workbook(folder / "three_rows.xlsx", [
        ["名称", "容量", None, None], [None, "室内", None, "室外"], [None, "面积", "人数", "人数"],
        ["甲", 100, 50, 20], ["乙", 200, 90, 30]],
        merges=["A1:A3", "B1:D1", "B2:C2"])
    workbook(folder / "repeated_header.xlsx", [HEADER, *RECORDS[:2], HEADER, RECORDS[2]])
    workbook(folder / "duplicate_header.xlsx", [["名称", "面积", "面积", None],
                                                ["甲", 1, 2, "无列名"]])
    workbook(folder / "gaps.xlsx", [[None] * 4, [None, *HEADER], [None] * 4, [None, *RECORDS[0]],
                                    [None] * 4, [None, *RECORDS[1]]])
    workbook(folder / "merged_number.xlsx", [["名称", "容量"], ["甲", 500], ["乙", None]],
             merges=["B2:B3"])
    return {"merged.xlsx": 2, "three_rows.xlsx": 2, "repeated_header.xlsx": 3,
            "duplicate_header.xlsx": 1, "gaps.xlsx": 2, "merged_number.xlsx": 2}


def _books(folder):
    book = openpyxl.Workbook()
    book.active.title = "空表"
    data = book.create_sheet("数据")
    for row in [HEADER, *RECORDS]:
        data.append(row)
    book.create_sheet("字典").sheet_state = "hidden"
    book.save(folder / "sheets.xlsx")
    book = openpyxl.Workbook()
    book.save(folder / "empty_sheets.xlsx")
    with xlsxwriter.Workbook(str(folder / "errors.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["名称", "人口", "面积"])
        sheet.write_row(1, 0, ["甲", 1])
        sheet.write_formula(1, 2, "=B2*2", None, 2)
        sheet.write_string(2, 0, "乙")
        sheet.write_formula(2, 1, "=B99/0", None, "#DIV/0!")
        sheet.write_formula(2, 2, "=NOWHERE!A1", None, "#REF!")
        sheet.write_string(3, 0, "#N/A")
        sheet.write_string(3, 1, "丙" * 10_000)
    for name, mac in (("dates.xlsx", False), ("dates_1904.xlsx", True)):
        with xlsxwriter.Workbook(str(folder / name), {"date_1904": mac}) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, ["名称", "日期", "序号"])
            sheet.write_string(1, 0, "甲")
            sheet.write_datetime(1, 1, dt.datetime(2021, 3, 5),
                                 book.add_format({"num_format": "yyyy-mm-dd"}))
            sheet.write_number(1, 2, 42798 if mac else 44260)
    return {"sheets.xlsx": 3, "empty_sheets.xlsx": BROKEN, "errors.xlsx": 3, "dates.xlsx": 1,
            "dates_1904.xlsx": 1}


def repacked(path, part, change):
    """Bytes of a workbook with one part changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.namelist():
            data = old.read(entry)
            new.writestr(entry, change(data) if entry == part else data)
    return out.getvalue()


def _damaged(folder):
    source = folder / "merged.xlsx"
    whole = source.read_bytes()
    sheet = "xl/worksheets/sheet1.xml"
    (folder / "truncated.xlsx").write_bytes(whole[: len(whole) // 2])
    (folder / "no_sheet.xlsx").write_bytes(repacked(source, sheet, lambda _: b""))
    (folder / "broken_xml.xlsx").write_bytes(repacked(source, sheet, lambda d: d[: len(d) // 2]))
    (folder / "far_cell.xlsx").write_bytes(repacked(source, sheet, lambda d: d.replace(
        b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>')))
    (folder / "deep_cell.xlsx").write_bytes(repacked(source, sheet, lambda d: d.replace(
        b'r="A7"', b'r="A712345678"').replace(b'r="B7"', b'r="B712345678"')))
    with zipfile.ZipFile(folder / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("xl/worksheets/sheet1.xml", "w") as stream:
            for _ in range(300):
                stream.write(bytes(1 << 20))
        archive.writestr("xl/workbook.xml", "<workbook/>")
    with zipfile.ZipFile(folder / "not_a_table.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    with zipfile.ZipFile(folder / "not_a_book.xlsx", "w") as archive:
        archive.writestr("readme.txt", "x")
    return dict.fromkeys(("truncated.xlsx", "no_sheet.xlsx", "broken_xml.xlsx", "far_cell.xlsx",
                          "deep_cell.xlsx", "bomb.xlsx",
                          "not_a_table.zip", "not_a_book.xlsx"), BROKEN)


def ods(path):
    """Write a small OpenDocument table with a merged column."""
    def cell(text, spans=""):
        return (f'<table:table-cell office:value-type="string"{spans}><text:p>{text}</text:p>'
                "</table:table-cell>")

    covered = "<table:covered-table-cell/>"
    rows = [cell("县") + cell("村"),
            cell("样例县", ' table:number-rows-spanned="2" table:number-columns-spanned="1"')
            + cell("甲村"), covered + cell("乙村")]
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (f'<?xml version="1.0"?><office:document-content xmlns:office="{space}:office:1.0" '
               f'xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0"><office:body>'
               f'<office:spreadsheet><table:table table:name="表1">{body}</table:table>'
               "</office:spreadsheet></office:body></office:document-content>")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", '<?xml version="1.0"?><m/>')


def write_corpus(folder: Path) -> dict[str, int | None]:
    """Write every file; return name -> number of records, or BROKEN."""
    expected = {}
    for name, (data, records) in text_files().items():
        (folder / name).write_bytes(data)
        expected[name] = records
    expected |= _forms(folder) | _books(folder) | _damaged(folder)
    ods(folder / "merged.ods")
    whole = (folder / "merged.ods")
    (folder / "broken_xml.ods").write_bytes(repacked(whole, "content.xml", lambda d: d[:-60]))
    (folder / "far_cell.ods").write_bytes(repacked(whole, "content.xml", lambda d: d.replace(
        b"<table:table-row>", b'<table:table-row table:number-rows-repeated="99999999">', 1)))
    return expected | {"merged.ods": 2, "broken_xml.ods": BROKEN, "far_cell.ods": BROKEN}

import datetime as dt

import numpy as np
import openpyxl
import pandas as pd

from qzrisk.files import sha256
from qzrisk.levels import ordered
from qzrisk.reports.workbook import Sheet, save, save_csv

AS_OF = dt.date(2024, 1, 31)


def sheet():
    frame = pd.DataFrame({
        "name": ["=1+1", "甲镇"], "persons": [10, 20], "share": [0.5, np.nan],
        "risk_class": ordered(pd.Series(["red", None], index=["007", "008"])),
    }, index=pd.Index(["007", "008"], name="unit_id"))
    return Sheet(name="表", title="标题", frame=frame, headings={"persons": "人口（人）"},
                 formats={"share": "0.0%"}, words={"risk_class": {"red": "高"}},
                 notes=["合成数据"])


def test_cells_say_what_the_frame_says(tmp_path):
    page = openpyxl.load_workbook(save(tmp_path / "a.xlsx", [sheet()], as_of=AS_OF))["表"]
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    assert rows[0][0] == "标题"
    assert rows[2] == ["unit_id", "name", "人口（人）", "share", "risk_class"]
    assert rows[3] == ["007", "=1+1", 10, 0.5, "高"]
    assert rows[4] == ["008", "甲镇", 20, None, None]
    assert rows[-1][0] == "合成数据"
    assert page["B4"].data_type == "s"  # text, never a live formula
    assert page["D4"].number_format == "0.0%"


def test_equal_inputs_give_equal_bytes(tmp_path):
    one = save(tmp_path / "1.xlsx", [sheet()], as_of=AS_OF)
    two = save(tmp_path / "2.xlsx", [sheet()], as_of=AS_OF)
    assert sha256(one) == sha256(two)


def test_csv_reads_back(tmp_path):
    path = save_csv(tmp_path / "a.csv", sheet())
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    back = pd.read_csv(path, dtype=str)
    assert back["unit_id"].tolist() == ["007", "008"]
    assert back["share"].isna().tolist() == [False, True]
    assert back["risk_class"].tolist()[0] == "red"  # codes for programs, words for people


def test_empty_table_still_opens(tmp_path):
    empty = Sheet(name="空", title="空", frame=pd.DataFrame({"a": []}))
    book = openpyxl.load_workbook(save(tmp_path / "e.xlsx", [empty], as_of=AS_OF))
    assert book["空"]["A3"].value == "a"


def test_headings_stand_over_their_figures_and_break_into_lines(tmp_path):
    frame = pd.DataFrame({"name": ["东山村"], "share": [0.12345], "note": ["很长" * 60]})
    heads = {"name": "名称", "share": "步行三十分钟内可达避灾点的老年人占比", "note": "说明"}
    path = save(tmp_path / "a.xlsx", [Sheet(name="a", title="t", frame=frame, headings=heads,
                                            formats={"share": "0.0%"})], as_of=AS_OF, mark="m")
    sheet = openpyxl.load_workbook(path).active
    assert [sheet.cell(3, c).alignment.horizontal for c in (1, 2, 3)] == ["left", "right", "left"]
    assert all(sheet.cell(3, c).alignment.wrap_text for c in (1, 2, 3))
    # 36 cells of heading in three lines of 14; words of any length in 42, wrapped.
    assert round(sheet.column_dimensions["B"].width) == 15
    assert sheet.row_dimensions[3].height == 45
    assert sheet.column_dimensions["C"].width < 44 and sheet.cell(4, 3).alignment.wrap_text


def test_every_page_on_paper_has_its_title_and_mark_and_wide_tables_take_more_pages(tmp_path):
    wide = pd.DataFrame({f"c{n}": [1] for n in range(60)})
    sheets = [Sheet(name="w", title="12 & more", frame=wide),
              Sheet(name="n", title="narrow", frame=wide.iloc[:, :3])]
    path = save(tmp_path / "a.xlsx", sheets, as_of=AS_OF, mark="合成数据")
    first, second = openpyxl.load_workbook(path)
    assert first.oddHeader.right.text.strip() == "合成数据"
    assert first.oddHeader.left.text.strip().endswith("more")
    assert first.page_setup.fitToWidth == 3 and first.page_setup.fitToHeight == 0
    assert first.print_title_cols == "$A:$B" and second.print_title_cols is None

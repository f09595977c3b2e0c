import io
import os
import random
import zipfile

import corpus_tables
import numpy as np
import pandas as pd
import pytest
from corpus_tables import BROKEN, workbook, write_corpus
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.errors import ConfigError, QzriskError
from qzrisk.layers.tables import read_cells
from qzrisk.layers.tables.delimited import sniff
from qzrisk.layers.tables.layout import lay_out

FUZZ = int(os.environ.get("QZRISK_FUZZ", "40"))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    return folder, write_corpus(folder)


def balanced(counts):
    return counts["rows"] == sum(n for kind, n in counts.items() if kind != "rows")


def rules(table):
    return set(table.issues["rule"])


def cells(frame):
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


NAMES = [*corpus_tables.text_files(), "merged.xlsx", "three_rows.xlsx", "repeated_header.xlsx",
         "duplicate_header.xlsx", "gaps.xlsx", "merged_number.xlsx", "sheets.xlsx",
         "empty_sheets.xlsx", "errors.xlsx", "dates.xlsx", "dates_1904.xlsx", "truncated.xlsx",
         "no_sheet.xlsx", "broken_xml.xlsx", "far_cell.xlsx", "deep_cell.xlsx",
         "bomb.xlsx", "not_a_table.zip",
         "not_a_book.xlsx", "merged.ods", "broken_xml.ods", "far_cell.ods"]


@pytest.mark.parametrize("name", NAMES)
def test_each_file_gives_rows_or_a_clear_error(corpus, name):
    folder, expected = corpus
    if expected[name] is BROKEN:
        with pytest.raises(ConfigError) as caught:
            read_cells(folder / name)
        assert caught.value.got or caught.value.mend
        return
    table = read_cells(folder / name, language="en")
    assert len(table.frame) == expected[name]
    assert balanced(table.counts)
    assert table.counts["data"] == expected[name]
    assert set(table.issues["severity"]) <= {"warning", "note"}


def test_the_whole_corpus_is_tried(corpus):
    assert set(NAMES) == set(corpus[1])


def test_a_form_with_title_merged_header_numbering_totals_and_note(corpus):
    table = read_cells(corpus[0] / "merged.xlsx")
    assert table.frame.columns.tolist() == ["县", "乡镇", "人口/男", "人口/女"]
    assert cells(table.frame) == [["样例县", "东镇", 10, 20], ["样例县", "西镇", 30, 40]]
    assert table.frame.index.tolist() == [6, 7]
    assert table.frame.index.name == "row"
    assert table.first_row == 6
    assert table.totals["人口/男"].tolist() == [40]
    assert table.notes["role"].to_dict() == {1: "title", 2: "title", 3: "header", 4: "header",
                                             5: "title", 9: "note"}
    assert table.counts == {"rows": 9, "header": 5, "data": 2, "totals": 1, "notes": 1, "empty": 0}
    told = table.issues.set_index("row")["rule"]
    assert told[8] == "total_row"
    assert told[9] == "note_row"


def test_three_header_rows_are_joined(corpus):
    table = read_cells(corpus[0] / "three_rows.xlsx")
    assert table.frame.columns.tolist() == ["名称", "容量/室内/面积", "容量/室内/人数",
                                            "容量/室外/人数"]


def test_header_gaps_of_a_csv_are_joined_without_merged_ranges(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("县,人口,,面积\n,男,女,\n甲,1,2,3\n", encoding="utf-8")
    table = read_cells(path)
    assert table.frame.columns.tolist() == ["县", "人口/男", "人口/女", "面积"]
    assert len(table.frame) == 1
    path.write_text("县,人口,,面积\n甲,1,2,3\n乙,1,2,3\n", encoding="utf-8")
    assert read_cells(path).frame.columns.tolist() == ["县", "人口", "column_3", "面积"]


def test_text_is_filled_into_its_merged_range_only_and_numbers_never_twice(tmp_path, corpus):
    path = tmp_path / "a.xlsx"
    workbook(path, [["县", "村", "代码"], ["甲", "一", 11], [None, "二", None], [None, "三", 13]],
             merges=["A2:A3", "C2:C3"])
    assert cells(read_cells(path).frame) == [["甲", "一", 11], ["甲", "二", 11], [None, "三", 13]]
    table = read_cells(corpus[0] / "merged_number.xlsx")
    assert table.frame["容量"].fillna(-1).tolist() == [500, -1]
    found = table.issues[table.issues["rule"] == "merged_number"]
    assert found[["row", "field", "value"]].to_numpy().tolist() == [[3, "容量", "500.0"]]


def test_a_merge_over_a_whole_column_ends_with_the_cells(tmp_path):
    path = tmp_path / "a.xlsx"
    workbook(path, [["县", "人口"], ["甲", 1], [None, 2]], merges=["A2:A3"])
    # openpyxl would write each cell of the whole column.
    path.write_bytes(corpus_tables.repacked(
        path, "xl/worksheets/sheet1.xml", lambda d: d.replace(b"A2:A3", b"A2:A1048576")))
    assert cells(read_cells(path).frame) == [["甲", 1], ["甲", 2]]


def test_open_document_merges_are_filled(corpus):
    assert cells(read_cells(corpus[0] / "merged.ods").frame) == [
        ["样例县", "甲村"], ["样例县", "乙村"]]


def test_error_cells_and_formulas_are_missing_and_told(corpus):
    table = read_cells(corpus[0] / "errors.xlsx")
    found = table.issues[table.issues["rule"] == "error_cell"]
    assert sorted(zip(found["row"], found["field"], found["value"], strict=True)) == [
        (3, "人口", "#DIV/0!"), (3, "面积", "#REF!"), (4, "名称", "#N/A")]
    assert table.frame["面积"].iloc[0] == 2  # the formula's last value
    assert table.frame["名称"].isna().tolist() == [False, False, True]
    assert {"formulas", "long_cell"} <= rules(table)


def test_a_formula_never_calculated_is_missing_and_told(tmp_path):
    path = tmp_path / "a.xlsx"
    workbook(path, [["a", "b"], [1, "=A2+1"]])
    table = read_cells(path)
    assert table.frame["b"].isna().all()
    assert table.issues.set_index("rule").loc["formula_cell", "field"] == "b"


def test_sheets_hidden_ones_and_choice(corpus):
    path = corpus[0] / "sheets.xlsx"
    table = read_cells(path, language="en")
    assert table.sheet == "数据"
    assert table.sheets == ("空表", "数据", "字典")
    words = table.issues.set_index("rule")["message"]
    assert "字典" in words["hidden_sheet"]
    assert "空表" in words["other_sheets"]
    with pytest.raises(ConfigError, match=r"no such sheet.*数据"):
        read_cells(path, sheet="表")
    with pytest.raises(ConfigError):
        read_cells(path, sheet="空表")


def test_date_systems(corpus):
    first = read_cells(corpus[0] / "dates.xlsx")
    second = read_cells(corpus[0] / "dates_1904.xlsx")
    assert (first.date_system, second.date_system) == (1900, 1904)
    for table in (first, second):
        assert str(table.frame["日期"].iloc[0])[:10] == "2021-03-05"


def test_rows_of_unequal_length_are_kept_with_a_finding(corpus):
    table = read_cells(corpus[0] / "uneven.csv")
    assert cells(table.frame)[1:3] == [["1", "短", None, None, None], ["2", "长", "3", "4", "5"]]
    found = table.issues[table.issues["rule"] == "uneven_row"]
    assert found[["row", "value"]].to_numpy().tolist() == [[3, "2"], [4, "5"]]


def test_line_breaks_within_quotes_and_a_quote_never_closed(corpus):
    table = read_cells(corpus[0] / "embedded_newline.csv")
    assert table.frame["名称"].tolist() == ["甲\n村", "乙村"]
    assert table.frame.index.tolist() == [2, 3]
    table = read_cells(corpus[0] / "open_quote.csv")
    assert table.frame["名称"].tolist() == ['"甲村', "乙村", "丙村"]
    assert "unbalanced_quote" in rules(table)


def test_repeated_and_missing_headers(corpus):
    table = read_cells(corpus[0] / "duplicate_header.xlsx")
    assert table.frame.columns.tolist() == ["名称", "面积", "面积_2", "column_4"]
    assert {"duplicate_header", "unnamed_column"} <= rules(table)
    assert read_cells(corpus[0] / "repeated_header.xlsx").counts["notes"] == 1


def test_json_rows_are_numbered_by_object_and_names_joined(corpus):
    table = read_cells(corpus[0] / "records.json")
    assert table.frame.columns.tolist() == ["名称", "坐标/lon", "坐标/lat"]
    assert table.frame.index.tolist() == [1, 2]
    assert table.frame["坐标/lon"].iloc[0] == 1.5


@pytest.mark.parametrize("name, word", [
    ("gb18030.csv", "gb18030"), ("utf16.csv", "utf-16"), ("big5.csv", "big5hkscs"),
    ("mixed_encodings.csv", "mixed")])
def test_encodings(corpus, name, word):
    table = read_cells(corpus[0] / name)
    assert table.encoding == word
    assert "人口" in table.frame.columns


def test_a_wrong_encoding_given_is_not_obeyed_in_silence(corpus):
    table = read_cells(corpus[0] / "plain.csv", encoding="gbk")
    assert table.frame["名称"].tolist() == ["甲村", "乙村", "丙村"]
    assert "encoding_guess" in rules(table)
    assert rules(read_cells(corpus[0] / "gb18030.csv", encoding="gbk")) == set()


def test_a_small_record_is_not_taken_for_column_numbers(tmp_path):
    path = tmp_path / "a.xlsx"
    workbook(path, [["a", "b", "c"], [1, 2, 3], [4, 5, 6]])
    assert len(read_cells(path).frame) == 2
    path = tmp_path / "a.csv"
    path.write_text("a,b,c,d\n1,2,3,4\n", encoding="utf-8")
    assert len(read_cells(path).frame) == 1


@pytest.mark.parametrize("label, kept", [
    ("合计", False), ("总 计", False), ("东镇小计", False), ("Total", False),
    ("Grand total", False),
    ("合计村", True), ("会计学校", True), ("Total petrol station", True), ("设计院合计划", True)])
def test_totals_rows(tmp_path, label, kept):
    path = tmp_path / "a.csv"
    path.write_text(f"名称,人口,面积\n甲,1,2\n{label},1,2\n", encoding="utf-8")
    table = read_cells(path)
    assert len(table.frame) == 1 + kept
    assert len(table.totals) == 1 - kept


def test_a_header_of_years_and_one_that_looks_like_data(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("县,2019,2020\n甲,1,2\n", encoding="utf-8")
    assert read_cells(path).frame.columns.tolist() == ["县", "2019", "2020"]
    path.write_text("1,2\n3,4\n", encoding="utf-8")
    assert "header_unsure" in rules(read_cells(path))


def test_sniffing():
    assert sniff("名称;x;y\n甲;1,5;2,5\n乙;1,5;2,5") == ";"
    assert sniff("sep=|\na|b") == "|"
    assert sniff("a\tb,c\n1\t2\n3\t4,4") == "\t"
    assert sniff("one\ntwo") == ","


def test_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ConfigError, match="missing input file"):
            read_cells(path)


def test_layout_of_a_lone_column_and_of_nothing():
    layout = lay_out([["名称"], ["甲"]], [], form=False)
    assert (layout.header, layout.start, layout.titles) == ((0,), 1, ())


def test_big_sheets_pass_in_blocks_with_merges_across_them(tmp_path, monkeypatch):
    monkeypatch.setattr("qzrisk.layers.tables._BLOCK_ROWS", 7)
    path = tmp_path / "a.xlsx"
    rows = [["县", "人口"], *(["甲" if n == 0 else None, n] for n in range(200))]
    workbook(path, rows, merges=["A2:A201"])
    table = read_cells(path)
    assert set(table.frame["县"]) == {"甲"}
    assert table.frame["人口"].tolist() == list(range(200))
    assert table.frame["人口"].dtype == np.float64


WORDS = st.text(st.characters(codec="gb18030", exclude_characters='"\r\n,;\t|，:：',
                              exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1,
                max_size=6)


@given(st.lists(st.tuples(WORDS, st.integers(0, 10**6)), min_size=1, max_size=25),
       st.integers(0, 2), st.integers(0, 3), st.integers(0, 2),
       st.sampled_from(["utf-8-sig", "utf-16"]))
def test_every_row_is_accounted_for(tmp_path_factory, records, totals, empty, notes, codec):
    path = tmp_path_factory.getbasetemp() / "accounting.csv"
    lines = ["样例表,,", "名称,人口,备注", *(f"村{name},{n},x" for name, n in records),
             *["合计,9,"] * totals, *[""] * empty, *["注：样例,,"] * notes]
    path.write_text("\n".join(lines) + "\n", encoding=codec)
    table = read_cells(path)
    assert table.counts == {"rows": len(lines), "header": 2, "data": len(records),
                            "totals": totals, "notes": notes, "empty": empty}
    assert table.frame["名称"].tolist() == [f"村{name}" for name, _ in records]
    assert table.frame["人口"].astype(int).tolist() == [n for _, n in records]


@given(st.lists(st.lists(st.one_of(st.none(), st.text("甲乙1.,-合计注：", max_size=5),
                                   st.floats(-1e6, 1e6)), min_size=1, max_size=4), min_size=1,
                max_size=12))
def test_no_row_of_a_workbook_is_lost(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "any.xlsx"
    workbook(path, rows)
    try:
        table = read_cells(path)
    except QzriskError:
        return
    assert balanced(table.counts)
    assert len(table.frame) == table.counts["data"]
    held = sum(table.counts[kind] for kind in ("data", "totals"))
    assert held == len(table.frame) + len(table.totals)


def mutated(data, rnd):
    """Flip, cut, repeat or insert a few bytes."""
    out = bytearray(data)
    for _ in range(rnd.randint(1, 8)):
        at = rnd.randrange(len(out) or 1)
        kind = rnd.randrange(5)
        if kind == 0:
            out[at:at + 1] = bytes([rnd.randrange(256)])
        elif kind == 1:
            del out[at:at + rnd.randint(1, 20)]
        elif kind == 2:
            out[at:at] = out[at:at + rnd.randint(1, 20)]
        elif kind == 3:
            out[at:at] = rnd.choice([b"\0", b'"', b",", b"\n", b"\xff", b"\xe4", b"<", b">", b"="])
        else:
            out[at:at + 1] = str(rnd.randrange(10**9)).encode()
    return bytes(out)


def survives(path):
    try:
        table = read_cells(path)
    except QzriskError as error:
        assert str(error)
    else:
        assert balanced(table.counts)


@pytest.mark.parametrize("name", ["plain.csv", "gb18030.csv", "utf16.csv", "mixed_encodings.csv",
                                  "records.json"])
def test_fuzzed_text_gives_rows_or_a_clear_error(corpus, tmp_path, name):
    rnd = random.Random(name)
    data = (corpus[0] / name).read_bytes()
    for _ in range(FUZZ):
        path = tmp_path / name
        path.write_bytes(mutated(data, rnd))
        survives(path)


@pytest.mark.parametrize("name", ["merged.xlsx", "errors.xlsx", "dates_1904.xlsx", "merged.ods"])
def test_fuzzed_workbooks_give_rows_or_a_clear_error(corpus, tmp_path, name):
    rnd = random.Random(name)
    data = (corpus[0] / name).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    for n in range(FUZZ):
        path = tmp_path / name
        if n % 2:  # the archive itself
            path.write_bytes(mutated(data, rnd))
        else:  # what is inside
            chosen = rnd.choice(sorted(parts))
            with zipfile.ZipFile(path, "w") as archive:
                for entry, held in parts.items():
                    archive.writestr(entry, mutated(held, rnd) if entry == chosen else held)
        survives(path)


def test_reading_twice_gives_the_same(corpus):
    first, second = (read_cells(corpus[0] / "merged.xlsx") for _ in range(2))
    pd.testing.assert_frame_equal(first.frame, second.frame)
    pd.testing.assert_frame_equal(first.issues, second.issues)


def test_notes_run_on_beneath_one_another(tmp_path):
    path = tmp_path / "n.csv"
    path.write_text("编码,名称,人数,备注\n01,甲,5,\n注：1. 人数为申报数,,,\n"
                    "2. 合成数据,,,\n02,乙,6,\n", encoding="utf-8")
    table = read_cells(path)
    assert table.frame["编码"].tolist() == ["01", "02"]
    assert table.issues.loc[table.issues["rule"] == "note_row", "row"].tolist() == [3, 4]

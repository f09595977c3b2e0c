"""Files of other cities and countries, as people really send them."""

import pandas as pd
import pytest

from qzrisk.errors import SchemaError
from qzrisk.layers import headers
from qzrisk.layers.ingest import read_layer, read_table
from qzrisk.layers.validate import Surroundings


@pytest.mark.parametrize("columns, wanted", [
    (["共通ID", "施設名", "想定収容人数", "電話番号"],
     ["shelter_id", "name", "capacity_persons", "phone"]),
    (["Kennung", "Bezeichnung", "Plätze", "Nutzfläche", "Baujahr", "Telefon"],
     ["shelter_id", "name", "capacity_persons", "usable_area_m2", "built_year", "phone"]),
    (["osm_id", "name", "capacity:persons", "start_date"],
     ["shelter_id", "name", "capacity_persons", "built_year"]),
    (["#loc+code", "#loc+name", "#capacity"], ["shelter_id", "name", "capacity_persons"]),
])
def test_headers_of_other_countries(columns, wanted):
    mapping, issues = headers.match(columns, "shelters")
    assert mapping == dict(zip(columns, wanted, strict=True))
    assert not issues["severity"].eq("error").any()


@pytest.mark.parametrize("header", ["OBJECTID", "FID", "gml_id", "OGC_FID"])
def test_a_running_number_is_the_key_only_where_nothing_else_is(header):
    mapping, issues = headers.match([header, "名称"], "shelters")
    assert mapping == {header: "shelter_id", "名称": "name"}
    assert "column_serial" in set(issues["rule"])
    mapping, _ = headers.match([header, "编码", "名称"], "shelters")
    assert mapping == {"编码": "shelter_id", "名称": "name"}
    mapping, issues = headers.match([header, "FID_2", "globalid", "名称"], "shelters")
    assert mapping == {"名称": "name"}
    assert issues.loc[issues["rule"] == "column_ambiguous", "severity"].eq("error").all()


def test_short_words_are_codes_with_a_finding(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("编码,名称,级别,状态\n1,甲,村,开放\n2,乙,镇,启用中\n3,丙,县,关闭\n"
                    "4,丁,市,停用\n5,戊,村级,Open\n6,己,省,什么\n", encoding="utf-8")
    frame, issues, quarantine = read_table(path, "shelters")
    assert quarantine.empty
    assert frame["tier"].tolist()[:5] == ["village", "township", "county", "county", "village"]
    assert frame["status"].tolist()[:5] == ["open", "open", "unfit", "unfit", "open"]
    assert frame[["tier", "status"]].iloc[5].isna().all()
    read = issues[issues["rule"] == "code_read"]
    assert sorted(zip(read["row"], read["field"], strict=True)) == [
        (2, "status"), (2, "tier"), (3, "status"), (3, "tier"), (4, "status"), (4, "tier"),
        (5, "tier"), (6, "status")]
    assert set(issues.loc[issues["rule"] == "code", "row"]) == {7}


def test_a_german_file_is_read_without_being_told(tmp_path):
    path = tmp_path / "hallen.csv"
    path.write_bytes("Kennung;Bezeichnung;Plätze;Längengrad;Breitengrad\n"
                     "H1;Turnhalle Süd;1.200;8,6821;50,1109\n"
                     "H2;Große Halle;80;8,6900;50,1200\n".encode("cp1252"))
    frame, issues, quarantine = read_layer(path, "shelters", crs="EPSG:25832", language="en")
    assert len(frame) + len(quarantine) == 2
    assert frame["name"].tolist() == ["Turnhalle Süd", "Große Halle"]
    assert frame.loc["H2", "capacity_persons"] == 80
    # 1.200 in a count is a finding and no number.
    assert frame["capacity_persons"].isna().tolist() == [True, False]
    assert "thousands_point" in set(issues["rule"])
    assert frame.geometry.x.round(-3).tolist() == [477_000.0, 478_000.0]


@pytest.mark.parametrize("header, m2", [
    ("可容纳避灾面积(亩)", 2000 / 3 * 2), ("可容纳避灾面积（公顷）", 20_000.0),
    ("Usable area [ha]", 20_000.0),
    ("Usable area (acres)", 8093.7128448), ("Usable area (sq ft)", 0.18580608),
    ("可容纳避灾面积（万平方米）", 20_000.0), ("可容纳避灾面积（㎡）", 2.0),
    ("有效避难面积（单位：亩）", 2000 / 3 * 2),
])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_unit_of_a_header_counts(header, m2, ending, tmp_path):
    table = pd.DataFrame({"编码": ["a", "b", "c"], "名称": ["甲", "乙", "丙"],
                          header: ["2", "300平方米", None]})
    path = tmp_path / f"table.{ending}"
    if ending == "csv":
        table.to_csv(path, index=False)
    else:
        table[header] = [2, "300平方米", None]
        table.to_excel(path, index=False)
    frame, issues, quarantine = read_table(path, "shelters")
    assert len(frame) + len(quarantine) == 3
    assert frame["usable_area_m2"].tolist()[:2] == pytest.approx([m2, 300.0])
    assert frame["usable_area_m2"].isna().tolist() == [False, False, True]
    told = issues.loc[issues["rule"] == "unit_converted", "row"].tolist()
    assert told == ([] if m2 == 2 else [2]) or "万" in header


def test_ten_thousands_of_a_header_count(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("统一编号,区划代码,类型,威胁人数（人）,威胁财产（万元）\n1,u1,landslide,12,3.5\n",
                    encoding="utf-8")
    frame, issues, _ = read_table(path, "hazard_points")
    assert frame["threatened_property_yuan"].tolist() == [35_000.0]
    assert frame["threatened_persons"].tolist() == [12]
    assert {"number_read", "unit_converted"} & set(issues["rule"])


def test_repeated_headers_of_a_file_are_not_told_apart_by_order(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("编码,名称,容量,容量\n1,甲,100,220\n2,乙,200,410\n3,丙,50,101\n",
                    encoding="utf-8")
    frame, issues, quarantine = read_table(path, "shelters")
    assert len(frame) == 3 and quarantine.empty and "capacity_persons" not in frame
    assert issues.loc[issues["rule"] == "column_ambiguous", "value"].tolist() == ["容量", "容量_2"]
    frame, *_ = read_table(path, "shelters", columns={"容量_2": "capacity_persons"})
    assert frame["capacity_persons"].tolist() == [220, 410, 101]


def test_repeated_columns_of_coordinates_must_not_differ(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text("编码,名称,经度,纬度,经度\n1,甲,118.6,24.9,118.60\n", encoding="utf-8")
    frame, *_ = read_layer(path, "shelters", crs="EPSG:4549")
    assert len(frame) == 1
    path.write_text("编码,名称,经度,纬度,经度\n1,甲,118.6,24.9,118.7\n", encoding="utf-8")
    with pytest.raises(SchemaError, match="bear one name and differ"):
        read_layer(path, "shelters", crs="EPSG:4549")
    frame, *_ = read_layer(path, "shelters", crs="EPSG:4549", xy=("经度_2", "纬度"))
    assert len(frame) == 1


def test_two_columns_of_towns_that_differ_place_no_record(tmp_path):
    units = pd.DataFrame(
        {"name": ["市", "甲县", "东镇", "西镇"], "level": ["city", "county", "town", "town"],
         "parent_id": [None, "0", "1", "1"], "reporting_id": None, "in_statistics": True},
        index=["0", "1", "2", "3"])
    path = tmp_path / "towns.csv"
    for second, codes in (("东镇", ["2"]), ("西镇", [])):
        path.write_text(f"编码,名称,乡镇,乡镇\n1,甲,东镇,{second}\n", encoding="utf-8")
        frame, issues, _ = read_table(path, "shelters", around=Surroundings(membership=units))
        held = frame["unit_id"].dropna().tolist() if "unit_id" in frame else []
        assert held == codes
        assert ("乡镇" in set(issues.loc[issues["rule"] == "column_ambiguous", "value"])) == (
            not codes)

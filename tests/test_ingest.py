import json
import tempfile
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
from city import CRS, shelters
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from qzrisk import crs as qcrs
from qzrisk.errors import ConfigError, CRSError, SchemaError
from qzrisk.layers.headers import normal
from qzrisk.layers.ingest import read_layer, read_table, rename
from qzrisk.layers.schema import schema


@pytest.mark.parametrize("suffix", [".gpkg", ".geojson", ".fgb", ".parquet"])
def test_vector_formats_give_the_same_layer(tmp_path, suffix):
    path = tmp_path / f"s{suffix}"
    frame = shelters().to_crs("EPSG:4326")
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_file(path)
    read, issues, bad = read_layer(path, "shelters", crs=CRS)
    assert read.crs == CRS
    assert set(issues["rule"]) <= {"below_tier_minimum"}
    assert bad.empty
    read = read.sort_index()  # FlatGeobuf stores rows in the order of its spatial index
    assert read.index.tolist() == shelters()["shelter_id"].tolist()
    assert np.allclose(read.geometry.x, shelters().geometry.x, atol=0.02)
    assert read["capacity_persons"].tolist() == [150] * 5


def test_chinese_headers_are_matched_by_alias_and_by_the_given_mapping(tmp_path):
    frame = gpd.GeoDataFrame({"场所编码": ["1"], "避灾点名称": ["甲"], "可容纳人数": [10],
                              "x1": ["open"]}, geometry=[Point(118, 25)], crs="EPSG:4490")
    frame.to_file(tmp_path / "a.gpkg")
    read, _, _ = read_layer(tmp_path / "a.gpkg", "shelters", crs="EPSG:4549",
                            columns={"x1": "status"})
    assert read.loc["1", ["name", "capacity_persons", "status"]].tolist() == ["甲", 10, "open"]


def test_unknown_header_or_column_in_the_mapping():
    raw = pd.DataFrame({"a": [1]})
    with pytest.raises(ConfigError, match="unknown"):
        rename(raw, schema("shelters"), {"b": "name"})
    with pytest.raises(ConfigError, match="unknown"):
        rename(raw, schema("shelters"), {"a": "nome"})


def test_header_normal_form():
    assert normal("可容纳人数（人）") == normal("可容纳人数")
    assert normal(" Unit_ID ") == "unitid"


def test_no_crs_needs_source_crs(tmp_path):
    bare = shelters()[["name", "geometry"]].set_crs(None, allow_override=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the missing CRS is the point of the test
        bare.to_file(tmp_path / "s.shp")
    with pytest.raises(CRSError, match="source_crs"):
        read_layer(tmp_path / "s.shp", "context", crs=CRS)
    frame, _, _ = read_layer(tmp_path / "s.shp", "context", crs=CRS, source_crs=CRS,
                             columns={"name": "context_id"})
    assert frame.geometry.iloc[0].x == shelters().geometry.iloc[0].x


def test_geographic_target_is_refused(tmp_path):
    shelters().to_file(tmp_path / "s.gpkg")
    with pytest.raises(CRSError, match="projected CRS"):
        read_layer(tmp_path / "s.gpkg", "shelters", crs="EPSG:4490")


def test_declared_datum_is_shifted_back(tmp_path):
    true = gpd.GeoDataFrame({"shelter_id": ["1"], "name": "x"}, geometry=[Point(118.6, 24.9)],
                            crs="EPSG:4326")
    lon, lat = qcrs.wgs84_to_gcj02(118.6, 24.9)
    true.set_geometry([Point(lon, lat)], crs=true.crs).to_file(tmp_path / "g.gpkg")
    frame, _, _ = read_layer(tmp_path / "g.gpkg", "shelters", crs="EPSG:4549", datum="gcj02")
    wanted = true.to_crs("EPSG:4549").geometry.iloc[0]
    assert frame.geometry.iloc[0].distance(wanted) < 0.001
    as_is, _, _ = read_layer(tmp_path / "g.gpkg", "shelters", crs="EPSG:4549")
    assert 500 < as_is.geometry.iloc[0].distance(wanted) < 650


def test_tables_in_utf8_gb18030_xlsx(tmp_path):
    raw = pd.DataFrame({"单元代码": ["01", "02"], "常住人口": ["1", "2"]})
    raw.to_csv(tmp_path / "u.csv", index=False, encoding="utf-8-sig")
    raw.to_csv(tmp_path / "g.csv", index=False, encoding="gb18030")
    raw.to_excel(tmp_path / "x.xlsx", index=False)
    for name in ("u.csv", "g.csv", "x.xlsx"):
        frame, issues, _ = read_table(tmp_path / name, "population")
        assert frame.index.tolist() == ["01", "02"], name
        assert frame["persons"].tolist() == [1, 2]
        assert set(issues["rule"]) == {"column_mapped"}  # said, and nothing else to say
        assert sorted(issues["value"]) == ["单元代码", "常住人口"]


def test_bad_files_are_explained(tmp_path):
    with pytest.raises(ConfigError, match="missing input file"):
        read_layer(tmp_path / "no.gpkg", "shelters", crs=CRS)
    (tmp_path / "broken.gpkg").write_bytes(b"not a database")
    with pytest.raises(ConfigError, match="cannot read the file"):
        read_layer(tmp_path / "broken.gpkg", "shelters", crs=CRS)
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04 no")
    with pytest.raises(ConfigError, match="cannot read the table"):
        read_table(tmp_path / "broken.xlsx", "population")
    pd.DataFrame({"shelter_id": ["1"]}).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(SchemaError, match="no columns of coordinates"):
        read_layer(tmp_path / "t.csv", "shelters", crs=CRS)
    with pytest.raises(ConfigError, match="unknown datum"):
        shelters().to_file(tmp_path / "s.gpkg")
        read_layer(tmp_path / "s.gpkg", "shelters", crs=CRS, datum="mars")


def test_empty_layer_is_a_finding(tmp_path):
    shelters().iloc[:0].to_file(tmp_path / "s.gpkg")
    frame, issues, _ = read_layer(tmp_path / "s.gpkg", "shelters", crs=CRS)
    assert len(frame) == 0
    assert issues["rule"].tolist() == ["empty_layer"]


def test_table_of_points_and_a_pair_that_is_none(tmp_path):
    pd.DataFrame({"event_id": ["1", "2"], "hazard": "flood", "lon": ["118.51234", "x"],
                  "lat": ["25.12345", "25"]}).to_csv(tmp_path / "e.csv", index=False)
    frame, issues, bad = read_layer(tmp_path / "e.csv", "events", crs="EPSG:4549",
                                    source_crs="EPSG:4490", xy=("lon", "lat"))
    assert frame.index.tolist() == ["1"]
    assert bad["event_id"].tolist() == ["2"]
    assert issues["rule"].tolist() == ["coordinate_unreadable"]
    with pytest.raises(SchemaError, match="no such column"):
        read_layer(tmp_path / "e.csv", "events", crs="EPSG:4549", xy=("x", "y"))


def test_two_row_headers_are_matched_by_their_lowest_row(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["2021年避灾点登记表"], ["基本信息", None, "位置", None, "规模"],
                ["场所编码", "场所名称", "经度", "纬度", "可容纳人数"],
                ["S1", "甲避灾点", 118.5, 24.9, "１２０人"], ["S2", "乙避灾点", 118.6, 24.8, 80],
                ["S3", "丙避灾点", 118.7, 24.7, 100], ["合计", None, None, None, 300]):
        sheet.append(row)
    sheet.merge_cells("A1:E1")
    sheet.merge_cells("A2:B2")
    sheet.merge_cells("C2:D2")
    book.save(tmp_path / "t.xlsx")
    frame, issues, bad = read_layer(tmp_path / "t.xlsx", "shelters", crs="EPSG:4549")
    assert frame.index.tolist() == ["S1", "S2", "S3"]
    assert frame["capacity_persons"].tolist() == [120, 80, 100]
    assert len(bad) == 0
    assert {"number_read", "total_row"} <= set(issues["rule"])


def test_several_layers_and_none_named_is_refused(tmp_path):
    for name in ("one", "two"):
        shelters().to_file(tmp_path / "s.gpkg", layer=name)
    with pytest.raises(ConfigError, match=r"several layers.*one \(5.*two \(5.*table ="):
        read_layer(tmp_path / "s.gpkg", "shelters", crs=CRS)
    assert len(read_layer(tmp_path / "s.gpkg", "shelters", crs=CRS, layer="two")[0]) == 5


@pytest.mark.parametrize(("encoding", "headers", "crs"), [
    ("cp932", ("施設番号", "避難所名", "経度", "緯度", "収容人数"), "EPSG:32654"),
    ("big5", ("編號", "名稱", "經度", "緯度", "收容人數"), "EPSG:3826"),
    ("utf-16", ("Shelter ID", "Name", "Lon", "Lat", "Capacity (persons)"), "EPSG:32647"),
])
def test_shelters_of_other_countries_with_their_own_headers(tmp_path, encoding, headers, crs):
    lon, lat = {"EPSG:32654": (139.71234, 35.61234), "EPSG:3826": (121.51234, 25.01234),
                "EPSG:32647": (100.51234, 13.71234)}[crs]
    names = {"big5": ["國小", "活動中心"], "cp932": ["第一小学校", "公民館"],
             "utf-16": ["School", "Hall"]}[encoding]
    raw = pd.DataFrame(dict(zip(headers, (["A1", "A2"], names, [lon, lon + 0.01], [lat, lat],
                                          ["1,200", "80"]), strict=True)))
    raw.to_csv(tmp_path / "s.csv", index=False, encoding=encoding)
    frame, _, bad = read_layer(tmp_path / "s.csv", "shelters", crs=crs,
                               source_crs="EPSG:4326")
    assert bad.empty
    assert frame["name"].tolist() == names
    assert frame["capacity_persons"].tolist() == [1200, 80]
    back = frame.to_crs("EPSG:4326").geometry.iloc[0]
    assert (back.x, back.y) == pytest.approx((lon, lat), abs=1e-6)


def test_western_names_and_a_point_between_thousands(tmp_path):
    raw = "ID;Name;Lat;Lon;Capacity\nS1;Turnhalle Süd;53,551;10,012;1.200\n" \
          "S2;Grüne Schule;53,601;10,102;300\n"
    (tmp_path / "de.csv").write_bytes(raw.encode("cp1252"))
    frame, issues, _ = read_layer(tmp_path / "de.csv", "shelters", crs="EPSG:25832",
                                  source_crs="EPSG:4258")
    assert frame["name"].tolist() == ["Turnhalle Süd", "Grüne Schule"]
    assert pd.isna(frame["capacity_persons"].iloc[0])
    assert frame["capacity_persons"].iloc[1] == 300
    told = issues[issues["rule"] == "thousands_point"]
    assert told[["record_id", "value"]].to_numpy().tolist() == [["S1", "1.200"]]
    # The coordinates of the same file are read with its decimal comma.
    assert frame.to_crs("EPSG:4258").geometry.iloc[0].x == pytest.approx(10.012)


def table(path, *rows, encoding="utf-8", header="id,name,lon,lat,capacity"):
    path.write_bytes("\n".join((header, *rows, "")).encode(encoding))
    return path


def test_counts_that_no_number_holds_are_out_of_range_and_nothing_breaks(tmp_path):
    counts = ["99999999999999999999", "1e308", "1e400", "-1e30", "9007199254740992", "12"]
    path = table(tmp_path / "s.csv", *(f"{n},a,118.61234,24.91234,{count}"
                                       for n, count in enumerate(counts)))
    frame, issues, bad = read_layer(path, "shelters", crs="EPSG:4549")
    assert len(frame) == 6 and bad.empty
    assert frame["capacity_persons"].dropna().to_dict() == {"4": 2**53, "5": 12}
    told = issues[(issues["rule"] == "range") & (issues["field"] == "capacity_persons")]
    assert told["record_id"].tolist() == ["0", "1", "3"]  # 1e400 is no number to begin with


def test_an_area_without_end_gives_no_places(tmp_path):
    path = table(tmp_path / "s.csv", "1,a,118.61234,24.91234,1e300", "2,b,118.61234,24.91234,inf",
                 header="id,name,lon,lat,室内有效面积")
    frame, _, _ = read_layer(path, "shelters", crs="EPSG:4549")
    assert frame["indoor_area_m2"].isna().all()
    assert frame["effective_capacity_persons"].isna().all()


def test_source_crs_counts_where_the_file_contradicts_itself(tmp_path):
    true = gpd.GeoDataFrame({"shelter_id": ["1"], "name": "x"}, geometry=[Point(118.6, 24.9)],
                            crs="EPSG:4326").to_crs("EPSG:3857")
    true.set_crs("EPSG:4326", allow_override=True).to_file(tmp_path / "s.gpkg")
    with pytest.raises(CRSError, match="source_crs"):
        read_layer(tmp_path / "s.gpkg", "shelters", crs="EPSG:4549")
    frame, issues, _ = read_layer(tmp_path / "s.gpkg", "shelters", crs="EPSG:4549",
                                  source_crs="EPSG:3857")
    assert frame.to_crs("EPSG:3857").geometry.iloc[0].distance(true.geometry.iloc[0]) < 0.001
    told = issues[issues["rule"] == "crs_overruled"]
    assert told[["severity", "value"]].to_numpy().tolist() == [["warning", "EPSG:4326"]]
    # One that fits the coordinates no better is no help.
    with pytest.raises(CRSError, match="EPSG:4549"):
        read_layer(tmp_path / "s.gpkg", "shelters", crs="EPSG:4549", source_crs="EPSG:4549")
    # A file in order is believed, whatever the project says.
    true.to_file(tmp_path / "t.gpkg")
    frame, issues, _ = read_layer(tmp_path / "t.gpkg", "shelters", crs="EPSG:4549",
                                  source_crs="EPSG:4490")
    assert frame.to_crs("EPSG:3857").geometry.iloc[0].distance(true.geometry.iloc[0]) < 0.001
    assert "crs_overruled" not in set(issues["rule"])


def test_a_layer_of_points_wholly_in_the_other_order_is_put_right(tmp_path):
    gpd.GeoDataFrame({"shelter_id": ["1", "2"], "name": "x"}, geometry=[
        Point(24.91234, 118.61234), Point(24.81234, 118.71234)], crs="EPSG:4490").to_file(
            tmp_path / "s.gpkg")
    frame, issues, _ = read_layer(tmp_path / "s.gpkg", "shelters", crs="EPSG:4549")
    back = frame.to_crs("EPSG:4490").geometry
    assert back.x.round(6).tolist() == [118.61234, 118.71234]
    assert (issues["rule"] == "coordinate_swapped").sum() == 2


def test_metres_of_another_country_are_not_turned_by_a_stray_row(tmp_path):
    rows = ["1,a,565000.5,5934000.25,1", "2,b,32566000,5935000,1"]
    path = table(tmp_path / "s.csv", *rows, header="id,name,x,y,capacity")
    frame, issues, bad = read_layer(path, "shelters", crs="EPSG:25832", source_crs="EPSG:25832")
    assert frame.geometry.iloc[0].equals_exact(Point(565000.5, 5934000.25), 0.01)
    assert bad["shelter_id"].tolist() == ["2"] and len(frame) == 1
    assert "coordinate_swapped" not in set(issues["rule"])


def test_signs_of_degrees_beside_accents_are_western_too(tmp_path):
    path = table(tmp_path / "br.csv", "1;Escola São José;43°10'12\"W;22°54'00\"S;80",
                 "2;Ginásio;-43,17;-22,9;90", encoding="latin-1", header="id;name;lon;lat;capacity")
    frame, _, bad = read_layer(path, "shelters", crs="EPSG:31983", source_crs="EPSG:4674")
    assert frame["name"].tolist() == ["Escola São José", "Ginásio"] and bad.empty
    assert frame.to_crs("EPSG:4674").geometry.x.round(6).tolist() == [-43.17, -43.17]


def test_control_characters_do_not_cut_a_name_short(tmp_path):
    path = table(tmp_path / "s.csv", "1,甲\0乙,118.61234,24.91234,1",
                 "2,丙\x0b丁,118.61234,24.91234,1", "3,戊,118.61234,24.91234,1")
    frame, issues, _ = read_layer(path, "shelters", crs="EPSG:4549")
    assert frame["name"].tolist() == ["甲乙", "丙 丁", "戊"]
    assert issues.loc[issues["rule"] == "control_characters", "row"].tolist() == [2, 3]
    frame[["name", "geometry"]].to_file(tmp_path / "s.gpkg")
    assert gpd.read_file(tmp_path / "s.gpkg")["name"].tolist() == frame["name"].tolist()


def test_two_pairs_of_coordinate_columns_are_told_unless_one_is_named(tmp_path):
    path = table(tmp_path / "s.csv", "1,a,118.61234,24.91234,118.71234,24.81234",
                 header="id,name,lon,lat,经度,纬度")
    frame, issues, _ = read_layer(path, "shelters", crs="EPSG:4549")
    told = issues[issues["rule"] == "coordinates_twice"]
    assert told[["severity", "value"]].to_numpy().tolist() == [["warning", "经度, 纬度"]]
    assert frame.to_crs("EPSG:4490").geometry.x.iloc[0] == pytest.approx(118.61234)
    frame, issues, _ = read_layer(path, "shelters", crs="EPSG:4549", xy=("经度", "纬度"))
    assert "coordinates_twice" not in set(issues["rule"])
    assert frame.to_crs("EPSG:4490").geometry.x.iloc[0] == pytest.approx(118.71234)


@pytest.mark.parametrize(("found", "words"), [
    ({"sources": [{"id": "x"}], "data": [{"id": "1", "name": "a", "lon": 118.6, "lat": 24.9}]},
     r"several lists.*sources \(1\), data \(1\)"),
    ({"geometryType": "esriGeometryPoint", "fields": [{"name": "id"}],
      "features": [{"attributes": {"id": "1"}, "geometry": {"x": 1, "y": 2}}]}, "Esri JSON"),
])
def test_json_of_several_lists_is_refused_not_read_by_its_first(tmp_path, found, words):
    (tmp_path / "s.json").write_text(json.dumps(found))
    with pytest.raises(ConfigError, match=words):
        read_layer(tmp_path / "s.json", "shelters", crs="EPSG:4549")


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", "d", "", None]),
                          st.sampled_from(["10", "约20", "三十", "1-5", "x", ""]),
                          st.sampled_from(["118.6", "24.9", "0", "", "nan", "500"])),
                min_size=1, max_size=12), st.randoms())
def test_no_row_is_lost_and_order_does_not_matter(rows, random):
    raw = pd.DataFrame(rows, columns=["场所编码", "可容纳人数", "经度"]).assign(
        场所名称="甲", 纬度="24.9")
    shuffled = list(range(len(raw)))
    random.shuffle(shuffled)
    accepted = []
    with tempfile.TemporaryDirectory() as folder:
        for order in (list(range(len(raw))), shuffled):
            path = Path(folder) / "s.csv"
            raw.iloc[order].to_csv(path, index=False)
            frame, _, bad = read_layer(path, "shelters", crs="EPSG:4549", source_crs="EPSG:4490")
            assert len(frame) + len(bad) == len(raw)
            assert frame.index.is_unique
            accepted.append(sorted(frame.index))
    assert accepted[0] == accepted[1]

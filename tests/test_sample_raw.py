"""Raw shelter files of the sample city: what they hold, and their faults row by row.

Reads only files under data/, with pandas, geopandas and openpyxl.
"""

import re
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
from pyproj import Transformer
from sample_world import DATA, KINMEN, shelters

from qzrisk.crs import gcj02_to_wgs84

RAW = DATA / "shelters" / "raw"


def _dms(text):
    degrees, minutes, seconds = (float(part) for part in re.findall(r"[\d.]+", text))
    return degrees + minutes / 60 + seconds / 3600


def _numbers(frame, first, second):
    x, y = (pd.to_numeric(frame[name]).to_numpy() for name in (first, second))
    return np.column_stack([x, y])


def _table(frame, code, capacity, first, second):
    given = pd.DataFrame({"code": frame[code].fillna(""), "capacity": frame[capacity].fillna("")})
    return given.astype(str).reset_index(drop=True), _numbers(frame, first, second)


def _vector(frames, code, capacity):
    frame = pd.concat(frames, ignore_index=True)
    values = frame[capacity].map(lambda v: "" if pd.isna(v) else str(v).removesuffix(".0"))
    given = pd.DataFrame({"code": frame[code].fillna(""), "capacity": values}).astype(str)
    return given, np.column_stack([frame.geometry.x, frame.geometry.y])


def _licheng():
    frame = pd.read_csv(RAW / "350502_licheng.csv", encoding="gb18030", dtype=str)
    return _table(frame, "场所编码", "可容纳人数", "经度", "纬度")


def _fengze():
    frame = pd.read_csv(RAW / "350503_fengze.csv", encoding="utf-8-sig", dtype=str)
    frame = frame.assign(**{name: frame[name].map(_dms) for name in ("东经", "北纬")})
    return _table(frame, "避灾点编码", "可容纳避灾人数", "东经", "北纬")


def _luojiang():
    return _vector([pyogrio.read_dataframe(RAW / "350504_luojiang.kml")], "bianma", "renshu")


def _quangang():
    frame = pd.read_excel(RAW / "350505_quangang.ods", engine="calamine", dtype=str)
    return _table(frame, "场所编码", "可容纳人数", "经度", "纬度")


def _huian():
    sheet = openpyxl.load_workbook(RAW / "350521_huian.xlsx").worksheets[0]
    lines = list(sheet.iter_rows(values_only=True))
    records = [line for line in lines[4:] if isinstance(line[0], int)]
    frame = pd.DataFrame(records, columns=lines[3]).iloc[:, 2:]
    return _table(frame, "场所编码", "可容纳人数", "经度", "纬度")


def _taishang():
    frame = pd.read_csv(RAW / "350521_taishang.tsv", sep="\t", encoding="utf-16", dtype=str)
    return _table(frame, "避灾点编码", "可容纳避灾人数", "经度", "纬度")


def _anxi():
    frame = pyogrio.read_dataframe(RAW / "350524_anxi.shp", encoding="gbk")
    return _vector([frame], "避灾点编码", "可容纳避_1")


def _yongchun():
    frame = pd.read_excel(RAW / "350525_yongchun.xlsx", engine="calamine", dtype=str)
    given, metres = _table(frame, "场所编码", "可容纳人数", "Y坐标", "X坐标")
    swapped = metres[:, 0] < metres[:, 1]
    east, north = np.where(swapped, metres[:, 1], metres[:, 0]), metres.min(axis=1)
    to_degrees = Transformer.from_crs("EPSG:4528", "EPSG:4490", always_xy=True)
    return given, np.column_stack(to_degrees.transform(east, north))


def _dehua():
    path = RAW / "350526_dehua.gpkg"
    layers = [pyogrio.read_dataframe(path, layer=name) for name in ("乡镇级避灾点", "村级避灾点")]
    return _vector(layers, "bianma", "renshu")


def _shishi():
    return _vector([gpd.read_file(RAW / "350581_shishi.geojson")], "shelter_id", "capacity_persons")


def _jinjiang():
    frame = pd.read_csv(RAW / "350582_jinjiang.csv", dtype=str)
    given, shifted = _table(frame, "避灾点编码", "可容纳避灾人数", "高德经度", "高德纬度")
    return given, np.column_stack(gcj02_to_wgs84(shifted[:, 0], shifted[:, 1]))


def _nanan():
    frame = pd.read_excel(
        RAW / "350583_nanan.xlsx", sheet_name="避灾点", engine="calamine", dtype=str
    )
    return _table(frame, "场所编码", "可容纳人数", "经度", "纬度")


READERS = {
    "350502_licheng.csv": _licheng, "350503_fengze.csv": _fengze,
    "350504_luojiang.kml": _luojiang, "350505_quangang.ods": _quangang,
    "350521_huian.xlsx": _huian, "350521_taishang.tsv": _taishang, "350524_anxi.shp": _anxi,
    "350525_yongchun.xlsx": _yongchun, "350526_dehua.gpkg": _dehua,
    "350581_shishi.geojson": _shishi, "350582_jinjiang.csv": _jinjiang,
    "350583_nanan.xlsx": _nanan,
}  # fmt: skip


@cache
def defects():
    return pd.read_csv(RAW / "defects.csv", dtype=str, keep_default_na=False)


@cache
def raw(file):
    """Records of a file with its faults beside them: code, capacity, lon, lat, row, table."""
    given, place = READERS[file]()
    frame = given.assign(lon=place[:, 0], lat=place[:, 1], table="")
    if file.endswith(".gpkg"):
        path = RAW / file
        sizes = {name: len(pyogrio.read_dataframe(path, layer=name, read_geometry=False))
                 for name in ("乡镇级避灾点", "村级避灾点")}  # fmt: skip
        frame["table"] = np.repeat(list(sizes), list(sizes.values()))
    frame["row"] = frame.groupby("table").cumcount() + 1
    return frame


def marked(file):
    faults = defects()[defects()["file"] == file].assign(row=lambda f: f["row"].astype(int))
    faults = faults.drop(columns="file")
    frame = raw(file).merge(faults, on=["table", "row"], how="left", validate="one_to_one")
    return frame.fillna({"outcome": "", "kind": "", "field": ""})


@pytest.mark.parametrize("file", READERS)
def test_raw_files_hold_the_shelters_and_nothing_unexplained(file):
    frame = marked(file)
    kept = frame[frame["outcome"] != "quarantined"]
    assert kept["code"].is_unique
    true = shelters().loc[kept["code"]]
    sound = ~kept["kind"].isin(["swapped", "other_town"]).to_numpy()
    tolerance = 2e-6  # a hundredth of a second of arc is 0.3 m
    for axis in ("lon", "lat"):
        off = np.abs(kept[axis].to_numpy() - true[axis].to_numpy())
        assert (off[sound] < tolerance).all()
    swapped = (kept["kind"] == "swapped").to_numpy()
    if swapped.any() and file != "350525_yongchun.xlsx":  # there the reader turns them back
        assert np.allclose(kept["lon"].to_numpy()[swapped], true["lat"].to_numpy()[swapped],
                           atol=tolerance)  # fmt: skip
    plain = (kept["field"] != "capacity_persons").to_numpy()
    declared = true["capacity_persons"].astype(str).to_numpy()
    assert (kept["capacity"].to_numpy()[plain] == declared[plain]).all()


def test_raw_files_add_up_to_2746():
    kept = [marked(file).query("outcome != 'quarantined'")["code"] for file in READERS]
    codes = pd.concat(kept)
    assert len(codes) == 2746
    assert set(codes) == set(shelters().index)
    surplus = sum(len(raw(file)) for file in READERS) - 2746
    assert surplus == (defects()["outcome"] == "quarantined").sum() == 38
    files = {path.stem for path in RAW.iterdir()} - {"defects", "decisions"}
    assert files == {Path(name).stem for name in READERS}


def test_defects_tell_raw_and_true_values():
    table = defects()
    assert 60 <= len(table) <= 120
    assert table["defect_id"].is_unique
    assert set(table["outcome"]) == {"repaired", "accepted_with_finding", "quarantined"}
    assert set(table["file"]) == set(READERS)
    cells = table[table["field"] == "capacity_persons"]
    for file in cells["file"].unique():
        frame = marked(file)
        bad = frame[frame["field"] == "capacity_persons"]
        assert (bad["capacity"] == bad["raw_value"]).all()
        declared = shelters().loc[bad["code"], "capacity_persons"].astype(str)
        assert (bad["true_value"].to_numpy() == declared.to_numpy()).all()
    composite = table.loc[table["kind"] == "composite"]
    parts = composite["raw_value"].str.extractall(r"(\d+)")[0].astype(int).groupby(level=0).sum()
    assert (parts == composite["true_value"].astype(int)).all()
    counted = table.groupby("kind").size()
    assert counted["duplicate"] == 14
    assert {"swapped", "full_width", "missing", "missing_word", "ten_thousand", "approximate",
            "range", "composite", "in_water", "other_county", "other_town", "missing_id",
            "duplicate_id", "before_built", "indoor_over_total", "chinese_numeral",
            "zero"} <= set(counted.index)  # fmt: skip


def test_misplaced_rows_lie_where_they_are_said_to():
    land = gpd.read_file(DATA / "boundaries" / "context.gpkg", layer="land").union_all()
    counties = gpd.read_file(DATA / "boundaries" / "boundaries.gpkg", layer="county")
    seen = set()
    for file in READERS:
        frame = marked(file)
        points = gpd.GeoSeries.from_xy(frame["lon"], frame["lat"], crs=4490)
        for row in frame.index[frame["kind"].isin(["in_water", "other_county", "zero"])]:
            kind, point = frame["kind"][row], points[row]
            inside = counties["unit_id"][counties.contains(point)]
            if kind == "in_water":
                assert not land.contains(point)
                assert inside.empty
            elif kind == "other_county":
                assert len(inside) == 1
                assert inside.iloc[0] != frame["code"][row][:6]
                assert inside.iloc[0] != KINMEN
            else:
                assert abs(point.x) + abs(point.y) < 1e-9
            seen.add(kind)
    assert seen == {"in_water", "other_county", "zero"}


def test_decisions_cover_the_duplicates():
    table = pd.read_csv(RAW / "decisions.csv", dtype=str)
    merge = table[table["decision"] == "merge"].set_index("right")["left"]
    twins = defects()[defects()["kind"] == "duplicate"].set_index("raw_value")["true_value"]
    assert merge.sort_index().tolist() == twins.sort_index().tolist()
    assert merge.sort_index().index.tolist() == twins.sort_index().index.tolist()
    assert set(merge) <= set(shelters().index)
    assert not set(merge.index) & set(shelters().index)
    keep = table[table["decision"] == "keep"]
    assert len(keep) == 8
    assert set(keep["left"]) | set(keep["right"]) <= set(shelters().index)
    places = shelters().set_geometry("geometry").to_crs(4549).geometry
    every = pd.concat([raw(file) for file in READERS]).drop_duplicates("code").set_index("code")
    spots = gpd.GeoSeries.from_xy(every["lon"], every["lat"], index=every.index, crs=4490)
    away = spots.to_crs(4549)[merge.index].distance(places[merge], align=False)
    assert (away < 40).all()
    assert table["reason"].str.len().min() > 5


def test_shapefile_has_cut_twin_names_and_no_code_page():
    assert not (RAW / "350524_anxi.cpg").exists()
    head = (RAW / "350524_anxi.dbf").read_bytes()[:800]
    assert head[29] == 0  # no language driver either
    for name in ("可容纳避灾", "可容纳避_1"):
        assert name.encode("gbk") in head
    frame = pyogrio.read_dataframe(RAW / "350524_anxi.shp", encoding="gbk")
    assert (frame["可容纳避灾"] >= frame["可容纳避_1"]).mean() > 0.95  # area, then persons


def test_form_of_huian_has_a_title_merged_headers_totals_and_notes():
    book = openpyxl.load_workbook(RAW / "350521_huian.xlsx")
    sheet = book.worksheets[0]
    merged = {str(cells) for cells in sheet.merged_cells.ranges}
    assert "A3:A4" in merged
    assert "C3:G3" in merged
    assert any(cells.startswith("A1:") for cells in merged)
    assert sum(cells.startswith("B") for cells in merged) >= 8  # towns over their villages
    first = [cell.value for cell in sheet["A"]]
    assert "合计" in first
    assert str(first[-1]).strip().startswith("2.")
    assert "合成数据" in sheet["A1"].value

"""A table of small messy files: what each must give, to the row, the value and the rule."""

import json
import os
import random
import zipfile

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest
import shapely

from qzrisk.errors import QzriskError
from qzrisk.layers import records
from qzrisk.layers.ingest import read_layer
from qzrisk.layers.validate import Surroundings

FUZZ = int(os.environ.get("QZRISK_FUZZ", "6"))
HERE = (118.0, 24.5, 119.5, 25.7)
PLACES = [(118.6, 24.9), (118.65, 25.05)]


def csv(words, encoding="utf-8", name="file.csv"):
    def write(folder):
        path = folder / name
        path.write_bytes(words.encode(encoding))
        return path
    return write


def xlsx(rows, merges=()):
    def write(folder):
        book = openpyxl.Workbook()
        for cells in rows:
            book.active.append(cells)
        for cells in merges:
            book.active.merge_cells(cells)
        book.save(folder / "file.xlsx")
        return folder / "file.xlsx"
    return write


def geojson(shapes, crs=None):
    def write(folder):
        features = [{"type": "Feature", "geometry": json.loads(shapely.to_geojson(shape)),
                     "properties": {"编码": f"S{n}", "名称": f"点{n}", "容量": n * 10}}
                    for n, shape in enumerate(shapes, start=1)]
        whole = {"type": "FeatureCollection", "features": features}
        if crs:
            whole["crs"] = {"type": "name", "properties": {"name": crs}}
        (folder / "file.geojson").write_text(json.dumps(whole, ensure_ascii=False), "utf-8")
        return folder / "file.geojson"
    return write


def shp(folder, *, codec="GBK", crs="EPSG:4548"):
    frame = gpd.GeoDataFrame(
        {"编码": ["S1", "S2"], "名称": ["东山村部", "安溪小学"], "容量": [120, 80]},
        geometry=gpd.points_from_xy(*zip(*PLACES, strict=True)), crs="EPSG:4490").to_crs(crs)
    frame.to_file(folder / "点.shp", encoding=codec, engine="pyogrio")
    return folder / "点.shp"


def zipped(folder):
    shp(folder)
    path = folder / "点.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in sorted(folder.glob("点.*")):
            if part.suffix != ".zip":
                archive.write(part, f"资料/{part.name}")
    return path


HEAD = "编码,名称,容量,经度,纬度\n"
POINTS = [shapely.Point(place) for place in PLACES]
SQUARE = shapely.box(118.64, 25.04, 118.66, 25.06)
UTM = gpd.GeoSeries(POINTS, crs="EPSG:4490").to_crs("EPSG:32650")
ZONE = UTM.to_crs("EPSG:4548")

# What it is: how to write it, capacities accepted, rows quarantined, rules that must be said,
# rules that must not.
FILES = {
    "plain": (csv(HEAD + "S1,东山村部,120,118.6,24.9\nS2,安溪小学,80,118.65,25.05\n"),
              [120, 80], 0, set(), {"coordinate_swapped", "encoding_guess"}),
    "gbk, semicolons": (
        csv((HEAD + "S1,东山村部,120,118.6,24.9\nS2,安溪小学,80,118.65,25.05\n")
            .replace(",", ";"), "gbk"), [120, 80], 0, set(), {"encoding_guess"}),
    "big5": (csv("編碼,名稱,容量,經度,緯度\nS1,東山國民小學,120,118.6,24.9\n"
                 "S2,安溪鄉公所,80,118.65,25.05\n", "big5"), [120, 80], 0, set(), {"mojibake"}),
    "japanese euc": (
        csv("施設番号,施設名,想定収容人数,経度,緯度\nS1,ひがし小学校,120,118.6,24.9\n"
            "S2,みなみコミュニティセンター,80,118.65,25.05\n", "euc_jp"),
        [120, 80], 0, {"encoding_told"}, {"encoding_guess"}),
    "german commas": (
        csv("Kennung;Bezeichnung;Plätze;Nutzfläche;Längengrad;Breitengrad\n"
            "S1;Halle Süd;1.200;1.234,5;118,6;24,9\nS2;Große Halle;1.250.000;980,0;118,65;25,05\n",
            "cp1252"), [1200, 1_250_000], 0, {"decimal_comma"}, {"thousands_point", "number"}),
    "thousands": (csv(HEAD + 'S1,甲,"1,200",118.6,24.9\nS2,乙,"1 080",118.65,25.05\n'),
                  [1200, 1080], 0, set(), {"decimal_comma", "number"}),
    "swapped": (csv("编码,名称,容量,经度,纬度\nS1,甲,120,24.9,118.6\nS2,乙,80,25.05,118.65\n"),
                [120, 80], 0, {"coordinate_swapped"}, set()),
    "degrees, minutes": (
        csv(HEAD + "S1,甲,120,118°36′E,N24°54′\nS2,乙,80,东经118度39分,北纬25度3分0秒\n"),
        [120, 80], 0, {"coordinate_sexagesimal"}, {"coordinate_swapped"}),
    "degrees by colons, 60 minutes": (
        csv(HEAD + "S1,甲,120,118:36:00,24:54:00\nS2,乙,80,118-39-0,25-3-0\n"
            "S3,丙,5,118°60′,24°54′\n"), [120, 80], 1, {"coordinate_unreadable"}, set()),
    "one column of pairs": (
        csv('编码,名称,容量,坐标\nS1,甲,120,"24.9,118.6"\nS2,乙,80,"25.05,118.65"\n'),
        [120, 80], 0, {"coordinate_swapped"}, set()),
    "wkt": (csv("编码,名称,容量,WKT\nS1,甲,120,POINT (118.6 24.9)\n"
                "S2,乙,80,POINT Z (118.65 25.05 12)\n"), [120, 80], 0, set(), set()),
    "metres": (csv(HEAD.replace("经度", "X").replace("纬度", "Y") + "".join(
        f"S{n},点,{c},{p.x:.3f},{p.y:.3f}\n"
        for n, c, p in zip((1, 2), (120, 80), ZONE, strict=True))),
        [120, 80], 0, {"coordinate_projected"}, set()),
    "title, merged headers, units, totals": (
        xlsx([["避灾点一览表"], ["编码", "名称", "规模", None, "位置", None],
              [None, None, "可容纳人数（百人）", "有效避难面积（亩）", "经度", "纬度"],
              ["S1", "甲", 1.2, 3, 118.6, 24.9], ["S2", "乙", 0.8, "600平方米", 118.65, 25.05],
              ["合计", None, 2, None, None, None], ["注：数据截至年底", *[None] * 5]],
             ["A1:F1", "A2:A3", "B2:B3", "C2:D2", "E2:F2"]),
        [120, 80], 0, {"header_joined", "total_row", "title_row", "note_row", "unit_converted"},
        {"header_unsure"}),
    "merged number": (
        xlsx([["编码", "名称", "容量", "经度", "纬度"], ["S1", "甲", 120, 118.6, 24.9],
              ["S2", "乙", None, 118.65, 25.05]], ["C2:C3"]),
        [120, None], 0, {"merged_number"}, set()),
    "repeated columns that differ": (
        csv("编码,名称,容量,容量,经度,纬度\nS1,甲,120,240,118.6,24.9\n"
            "S2,乙,80,150,118.65,25.05\nS3,丙,9,20,118.6,25\n"),
        [], 0, {"column_ambiguous", "duplicate_header"}, {"column_double"}),
    "repeated columns, one of areas": (
        csv("编码,名称,容量,容量,经度,纬度\nS1,甲,240㎡,120,118.6,24.9\n"
            "S2,乙,150㎡,80,118.65,25.05\nS3,丙,20㎡,9人,118.6,25\n"),
        [120, 80, 9], 0, {"column_told"}, {"column_ambiguous"}),
    "tags of hxl": (
        csv("Code,Site,Places,Lon,Lat\n#loc+code,#loc+name,#capacity,#geo+lon,#geo+lat\n"
            "S1,A,120,118.6,24.9\nS2,B,80,118.65,25.05\n"), [120, 80], 0, {"header_joined"}, set()),
    "mixed shapes, a crs member": (
        geojson([POINTS[0], SQUARE], "urn:ogc:def:crs:OGC:1.3:CRS84"),
        [10, 20], 0, {"to_point"}, set()),
    "geojson in metres": (geojson(UTM, "urn:ogc:def:crs:EPSG::32650"), [10, 20], 0, set(), set()),
    "shapefile of GBK": (shp, [120, 80], 0, set(), {"mojibake"}),
    "shapefile in a zip": (zipped, [120, 80], 0, set(), {"mojibake"}),
    "an id twice, a place missing": (
        csv(HEAD + "S1,甲,120,118.6,24.9\nS1,乙,80,118.65,25.05\nS3,丙,5,,\n"),
        [120], 2, {"duplicate_id", "coordinate_missing"}, set()),
}


def mutated(data, chance):
    out = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at, kind = chance.randrange(len(out)), chance.randrange(4)
        if kind == 0:
            out[at] = chance.randrange(256)
        elif kind == 1:
            del out[at:at + chance.randint(1, 9)]
        elif kind == 2:
            out[at:at] = out[at:at + chance.randint(1, 9)]
        else:
            out[at:at] = chance.choice([b",", b";", b"\n", b".", b"'", b'"', b"#", b"\x8e", b"1,5"])
        if not out:
            return b"x"
    return bytes(out)


@pytest.mark.parametrize(("write", "capacities", "barred", "told", "untold"), FILES.values(),
                         ids=FILES)
def test_each_file_gives_its_rows_values_and_rules(write, capacities, barred, told, untold,
                                                   tmp_path):
    frame, issues, quarantine = read_layer(
        write(tmp_path), "shelters", crs="EPSG:4549", around=Surroundings(bounds=HERE))
    held = frame.get("capacity_persons", pd.Series(dtype=object))
    assert [None if pd.isna(value) else int(value) for value in held] == capacities
    assert len(quarantine) == barred
    assert len(frame) == (len(capacities) or 3)  # read = accepted + quarantined
    rules = set(issues["rule"])
    assert told <= rules and not untold & rules
    assert set(issues.loc[issues["severity"] == "error", "rule"]) == {
        rule for part in quarantine["_rules"] for rule in part.split(";")}
    places = frame.to_crs("EPSG:4490").geometry
    for found, wanted in zip(places[:2], PLACES, strict=False):
        assert (found.x, found.y) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("name", ["japanese euc", "german commas", "tags of hxl",
                                  "repeated columns, one of areas", "one column of pairs",
                                  "title, merged headers, units, totals"])
def test_fuzzed_messy_files_are_accepted_or_quarantined_to_the_row(name, tmp_path):
    chance = random.Random(name)
    data = FILES[name][0](tmp_path)
    whole, broken = data.read_bytes(), tmp_path / f"broken{data.suffix}"
    for _ in range(FUZZ):
        broken.write_bytes(mutated(whole, chance))
        try:
            came = records.read(broken).frame
            frame, issues, quarantine = read_layer(
                broken, "shelters", crs="EPSG:4549", around=Surroundings(bounds=HERE))
        except QzriskError as error:
            assert str(error)
        else:
            assert len(frame) + len(quarantine) == len(came)
            assert issues["message"].str.len().gt(0).all()

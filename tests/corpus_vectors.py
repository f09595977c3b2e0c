"""Broken and awkward vector files, written into a folder: what counties send, and worse."""

import io
import json
import sqlite3
import stat
import warnings
import zipfile
from contextlib import closing

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

NAMES = ["甲村避灾点", "乙村学校", "丙镇中学"]
PERSONS, AREAS = [100, 200, 350], [200.5, 410.0, 700.0]
AT = [(113.5, 22.9), (113.6, 23.0), (113.7, 23.1)]
BROKEN = None
"""Expectation of a file that must be refused with a clear error; else the number of records."""
BOW_TIE = shapely.Polygon([(113, 23), (114, 24), (114, 23), (113, 24)])
CROSSING = shapely.MultiPolygon([BOW_TIE, shapely.box(113, 23, 113.6, 23.4)])


def shelters(shapes=None, **columns):
    shapes = shapely.points(AT) if shapes is None else shapes
    columns = columns or {"名称": NAMES, "可容纳避灾人数": PERSONS, "可容纳避灾面积": AREAS}
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs="EPSG:4490")


def shapefile(path, frame=None, encoding="GBK", without=()):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names are cut
        pyogrio.write_dataframe(shelters() if frame is None else frame, path, encoding=encoding)
    for suffix in without:
        path.with_suffix(suffix).unlink()
    return path


def shapefiles(folder):
    """Name -> expected number of records."""
    for name, missing in {"no_cpg": [".cpg"], "no_shx": [".shx"], "no_prj": [".prj"],
                          "no_dbf": [".dbf"], "only_dbf": [".shp", ".shx", ".prj"]}.items():
        shapefile(folder / f"{name}.shp", without=missing)
    (folder / "utf8_names.shp").touch()
    shapefile(folder / "utf8_names.shp", encoding="UTF-8")
    for name, said in (("wrong_cpg", "UTF-8"), ("latin_cpg", "ISO-8859-1"),
                       ("strange_cpg", "ANSI KLINGON"), ("digits_cpg", "936")):
        shapefile(folder / f"{name}.shp").with_suffix(".cpg").write_text(said)
    shapefile(folder / "utf8_said_gbk.shp", encoding="UTF-8").with_suffix(".cpg").write_text("GBK")
    for name, suffix, keep in (("cut_dbf", ".dbf", -120), ("cut_shp", ".shp", -30),
                               ("cut_shx", ".shx", -8), ("empty_shp", ".shp", 0),
                               ("empty_dbf", ".dbf", 0), ("empty_shx", ".shx", 0),
                               ("header_shp", ".shp", 60)):
        part = shapefile(folder / f"{name}.shp").with_suffix(suffix)
        part.write_bytes(part.read_bytes()[:keep])
    part = shapefile(folder / "count_dbf.shp").with_suffix(".dbf")
    data = part.read_bytes()
    part.write_bytes(data[:4] + (2**31).to_bytes(4, "little") + data[8:])
    part = shapefile(folder / "deleted_row.shp").with_suffix(".dbf")
    data = bytearray(part.read_bytes())
    data[int.from_bytes(data[8:10], "little")] = ord("*")
    part.write_bytes(data)
    part = shapefile(folder / "upper.shp")
    for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
        part.with_suffix(suffix).rename(part.with_suffix(suffix.upper()))
    _awkward_texts(folder)
    return {"no_cpg.shp": 3, "no_shx.shp": 3, "no_prj.shp": 3, "no_dbf.shp": 3, "only_dbf.dbf": 3,
            "utf8_names.shp": 3, "wrong_cpg.shp": 3, "latin_cpg.shp": 3, "strange_cpg.shp": 3,
            "digits_cpg.shp": 3, "utf8_said_gbk.shp": 3, "cut_dbf.shp": 3, "cut_shp.shp": 3,
            "cut_shx.shp": 3, "empty_shp.shp": BROKEN, "empty_dbf.shp": 3, "empty_shx.shp": 3,
            "header_shp.shp": BROKEN, "count_dbf.shp": 3, "deleted_row.shp": 2, "upper.SHP": 3,
            "cut_text.shp": 3, "mixed_text.shp": 3, "mojibake.shp": 3, "long_cell.shp": 3}


def _awkward_texts(folder):
    long = "避灾点" * 40  # 240 bytes of GBK, 360 of UTF-8
    shapefile(folder / "cut_text.shp", shelters(备注=["短", "一般学校", "x" * 254]), "UTF-8")
    part = folder / "cut_text.dbf"
    data = part.read_bytes()
    part.write_bytes(data.replace(b"x" * 254, long.encode()[:254]))
    shapefile(folder / "mixed_text.shp", shelters(名称=["甲村避灾点", "乙村学校", "Z" * 15]))
    part = folder / "mixed_text.dbf"
    part.write_bytes(part.read_bytes().replace(b"Z" * 15, "丙镇中学".encode() + b"   "))
    shapefile(folder / "mojibake.shp", shelters(
        名称=[f"{name}避灾场所".encode().decode("gb18030", "replace") for name in NAMES]), "UTF-8")
    shapefile(folder / "long_cell.shp", shelters(备注=["长" * 10_000, "短", "短"]), "UTF-8")


def _feature(coordinates, kind="Point", **properties):
    return {"type": "Feature", "properties": properties,
            "geometry": {"type": kind, "coordinates": coordinates}}


def _collection(*features, **members):
    return json.dumps({"type": "FeatureCollection", **members, "features": list(features)},
                      ensure_ascii=False)


def geojsons(folder):
    """Name -> expected number of records."""
    three = [_feature(at, 名称=name) for at, name in zip(AT, NAMES, strict=True)]
    plain = _collection(*three)
    ring = [[113, 23], [113, 24], [114, 24], [113, 23]]
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}}
    files = {
        "plain.geojson": (plain, 3),
        "bom.geojson": (plain.encode("utf-8-sig"), 3),
        "gbk.geojson": (plain.encode("gbk"), 3),
        "utf16.geojson": (plain.encode("utf-16"), 3),
        "crs.geojson": (_collection(*three, crs=crs), 3),
        "trailing_comma.geojson": (plain.replace("}}]}", "}},]}"), 3),
        "cut.geojson": (plain[:-60], 2),
        "hole.geojson": (plain.replace('"coordinates": [113.6', '"coordinates": ['), 2),
        "text_coordinates.geojson": (_collection(*three, _feature(["113.9", "22.9"])), 4),
        "nan.geojson": (_collection(*three, _feature([float("nan"), 2]),
                                    _feature([float("inf"), 2])), 5),
        "zero.geojson": (_collection(_feature([0, 0], 名称="甲")), 1),
        "winding.geojson": (_collection(_feature([ring], "Polygon")), 1),
        "open_ring.geojson": (_collection(_feature([ring[:3]], "Polygon"), three[0]), 2),
        "two_points_ring.geojson": (_collection(_feature([ring[:2]], "Polygon"), three[0]), 2),
        "no_shape.geojson": (_collection({"type": "Feature", "properties": {"a": 1},
                                          "geometry": None}, three[0]), 2),
        "mixed.geojson": (_collection(three[0], _feature([ring], "Polygon"),
                                      _feature(ring, "LineString")), 3),
        "nested.geojson": (_collection(_feature(AT[0], a={"b": [1, 2]}, c="007")), 1),
        "height.geojson": (_collection(_feature([113.5, 22.9, 30.0])), 1),
        "list.geojson": (json.dumps(three), 3),
        "lines.geojsonl": ("\n".join(json.dumps(f) for f in three), 3),
        "empty.geojson": ('{"type": "FeatureCollection", "features": []}', 0),
        "long_cell.geojson": (_collection(_feature(AT[0], 备注="长" * 10_000)), 1),
        "words.geojson": ("not json at all", BROKEN),
        "spaces.geojson": ("   \n", BROKEN),
        "zero_byte.geojson": (b"", BROKEN),
        "deep.geojson": ('{"type":"FeatureCollection","features":[' + "[" * 50_000, BROKEN),
        "binary.geojson": (np.random.default_rng(1).bytes(3000), BROKEN),
    }
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return {name: count for name, (_, count) in files.items()}


def geopackages(folder):
    """Name -> expected number of records."""
    frame = shelters()
    write = pyogrio.write_dataframe
    write(frame, folder / "plain.gpkg", layer="避灾点")
    write(frame, folder / "two_layers.gpkg", layer="a")
    write(frame.head(1), folder / "two_layers.gpkg", layer="b")
    write(frame, folder / "empty_second.gpkg", layer="a")
    write(frame.head(0), folder / "empty_second.gpkg", layer="b")
    write(frame.drop(columns="geometry"), folder / "no_shapes.gpkg", layer="t")
    write(frame, folder / "two_crs.gpkg", layer="a")
    with closing(sqlite3.connect(folder / "two_crs.gpkg")) as base:
        for row, blob in base.execute("SELECT fid, geom FROM a LIMIT 1").fetchall():
            other = blob[:4] + (4326).to_bytes(4, "little") + blob[8:]
            base.execute("DROP TRIGGER IF EXISTS rtree_a_geom_update6")
            for (name,) in base.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                base.execute(f'DROP TRIGGER "{name}"')
            base.execute("UPDATE a SET geom = ? WHERE fid = ?", (other, row))
        base.commit()
    shapes = [BOW_TIE, None, CROSSING]
    write(shelters(shapes), folder / "bow_tie.gpkg", layer="a", geometry_type="Unknown")
    many = gpd.GeoDataFrame({"名称": [f"避灾点{i}" for i in range(3000)]}, crs="EPSG:4490",
                            geometry=shapely.points(np.arange(3000) * 1e-4 + 113, 23.0))
    write(many, folder / "broken_page.gpkg", layer="a", spatial_index=False)
    data = bytearray((folder / "broken_page.gpkg").read_bytes())
    page = int.from_bytes(data[16:18], "big")
    at = data.find("避灾点2000".encode()) // page * page
    data[at:at + 100] = b"\xff" * 100
    (folder / "broken_page.gpkg").write_bytes(data)
    half = (folder / "plain.gpkg").read_bytes()
    (folder / "cut.gpkg").write_bytes(half[:len(half) // 3])
    (folder / "zero_byte.gpkg").write_bytes(b"")
    (folder / "junk.gpkg").write_bytes(b"SQLite format 3\0" + bytes(3000))
    return {"plain.gpkg": 3, "two_layers.gpkg": BROKEN, "empty_second.gpkg": 3,
            "no_shapes.gpkg": 3, "two_crs.gpkg": 3, "bow_tie.gpkg": 3, "cut.gpkg": BROKEN,
            "zero_byte.gpkg": BROKEN, "junk.gpkg": BROKEN}


KML = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>导出</name>
<Folder><name>避灾点</name><Placemark><name>甲村</name><description><![CDATA[<table><tr><td>人数
</td><td>100</td></tr><tr><td>面积</td><td>200.5</td></tr></table>]]></description>
<Point><coordinates>113.5,22.9,12</coordinates></Point></Placemark>
<Folder><name>学校</name><Placemark><name>乙村</name><ExtendedData><Data name="容量"><value>200
</value></Data><Data name="面积"><value>410</value></Data></ExtendedData>
<Point><coordinates>113.6, 23.0</coordinates></Point></Placemark></Folder></Folder>
<Folder><name>路线</name><Placemark><name>丙线</name><LineString><coordinates>113.5,22.9 113.6,23
</coordinates></LineString></Placemark></Folder></Document></kml>"""


def others(folder):
    """Name -> expected number of records: KML, file geodatabase, FlatGeobuf, Parquet."""
    frame = shelters()
    texts = {
        "plain.kml": KML, "bare_and.kml": KML.replace("甲村", "甲村 & 乙村"),
        "gbk.kml": KML.encode("gbk"), "cut.kml": KML[:KML.index("丙线")],
        "no_namespace.kml": KML.replace(' xmlns="http://www.opengis.net/kml/2.2"', ""),
        "prefix.kml": KML.replace("<Placemark", "<gx:Placemark").replace(
            "</Placemark", "</gx:Placemark"),
        "bad_coordinates.kml": KML.replace("113.6, 23.0", "east, north"),
        "words.kml": "hello", "zero_byte.kml": "",
        "entities.kml": '<!DOCTYPE k [<!ENTITY a "aaa"><!ENTITY b "&a;&a;&a;">]>' + KML[38:],
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    pack(folder / "plain.kmz", {"doc.kml": KML, "files/icon.png": b"x"})
    pack(folder / "no_kml.kmz", {"a.txt": b"x"})
    pyogrio.write_dataframe(frame, folder / "plain.gdb", driver="OpenFileGDB", layer="shelters")
    many = frame.loc[frame.index.repeat(300)].reset_index(drop=True)
    pyogrio.write_dataframe(many, folder / "plain.fgb")
    data = (folder / "plain.fgb").read_bytes()
    (folder / "cut.fgb").write_bytes(data[:len(data) * 3 // 4])
    (folder / "head.fgb").write_bytes(data[:30])
    frame.to_parquet(folder / "plain.parquet")
    frame.drop(columns="geometry").to_parquet(folder / "no_shapes.parquet")
    (folder / "cut.parquet").write_bytes((folder / "plain.parquet").read_bytes()[:-40])
    return {"plain.kml": 3, "bare_and.kml": 3, "gbk.kml": 3, "cut.kml": 2, "no_namespace.kml": 3,
            "prefix.kml": 3, "bad_coordinates.kml": 3, "words.kml": BROKEN,
            "zero_byte.kml": BROKEN, "entities.kml": BROKEN, "plain.kmz": 3, "no_kml.kmz": BROKEN,
            "plain.gdb": 3, "plain.fgb": 900, "head.fgb": BROKEN, "plain.parquet": 3,
            "no_shapes.parquet": 3, "cut.parquet": BROKEN}


def pack(path, files, *, method=zipfile.ZIP_DEFLATED, codec="utf-8"):
    """Write a zip; names in another codec than UTF-8 are written unmarked, as old packers do."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name if codec == "utf-8" else
                                   name.encode(codec).decode("cp437"))
            info.compress_type = method
            archive.writestr(info, data)
    if codec != "utf-8":
        # Python marks such names as UTF-8 and writes them so: put the bytes of the codec back.
        data = path.read_bytes()
        for name in files:
            data = _renamed(data, name.encode(codec).decode("cp437").encode(), name.encode(codec))
        path.write_bytes(data)
    return path


def _renamed(data, old, new):
    """Replace a name in local and central headers, clearing the mark of UTF-8 (bit 11)."""
    out = bytearray()
    at = 0
    growth_central = 0
    while True:
        found = data.find(old, at)
        if found < 0:
            return bytes(out + data[at:])
        local = data[found - 30:found - 26] == b"PK\x03\x04"
        size, flag = (found - 4, found - 24) if local else (found - 18, found - 38)
        head = bytearray(data[at:found])
        head[size - at:size - at + 2] = len(new).to_bytes(2, "little")
        head[flag - at + 1] &= 0xF7
        out += head + new
        at = found + len(old)
        growth_central += len(old) - len(new)


def archives(folder):
    """Name -> expected number of records."""
    inner = folder / "inner"
    inner.mkdir()
    shapefile(inner / "shelters.shp")
    parts = {f"避灾点{p.suffix}": p.read_bytes() for p in sorted(inner.iterdir())}
    pack(folder / "shapefile.zip", {f"资料/{name}": data for name, data in parts.items()})
    plain = _collection(_feature(AT[0], 名称="甲"))
    pack(folder / "junk_beside.zip", {"a.geojson": plain, "__MACOSX/._a.geojson": b"x",
                                      "说明.txt": b"x"})
    pack(folder / "two_layers.zip", {"a.geojson": plain, "b.geojson": plain})
    pack(folder / "nested.zip", {"in.zip": pack(folder / "in.zip", {"a.geojson": plain}
                                                ).read_bytes()})
    pack(folder / "nested_twice.zip", {"n.zip": (folder / "nested.zip").read_bytes()})
    pack(folder / "no_layer.zip", {"readme.md": b"x"})
    pack(folder / "up.zip", {"../../escaped.geojson": plain})
    pack(folder / "absolute.zip", {"/etc/escaped.geojson": plain})
    pack(folder / "back.zip", {"..\\escaped.geojson": plain})
    pack(folder / "drive.zip", {"C:\\escaped.geojson": plain})
    pack(folder / "bomb.zip", {"a.geojson": b" " * (80 << 20)})
    with zipfile.ZipFile(folder / "link.zip", "w") as archive:
        info = zipfile.ZipInfo("a.geojson")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    whole = (folder / "shapefile.zip").read_bytes()
    (folder / "cut.zip").write_bytes(whole[:-40])
    wrong = bytearray(whole)
    wrong[60:90] = bytes(30)
    (folder / "wrong_sum.zip").write_bytes(wrong)
    (folder / "zero_byte.zip").write_bytes(b"")
    (folder / "words.zip").write_bytes(b"hello")
    locked = bytearray((folder / "in.zip").read_bytes())
    locked[6] |= 1
    locked[locked.rfind(b"PK\x01\x02") + 8] |= 1
    (folder / "locked.zip").write_bytes(locked)
    gdb = io.BytesIO()
    source = folder / "lib.gdb"
    pyogrio.write_dataframe(shelters(), source, driver="OpenFileGDB", layer="shelters")
    with zipfile.ZipFile(gdb, "w") as archive:
        for part in sorted(source.iterdir()):
            archive.write(part, f"lib.gdb/{part.name}")
    (folder / "gdb.zip").write_bytes(gdb.getvalue())
    return {"shapefile.zip": 3, "junk_beside.zip": 1, "two_layers.zip": BROKEN, "nested.zip": 1,
            "nested_twice.zip": BROKEN, "no_layer.zip": BROKEN, "up.zip": BROKEN,
            "absolute.zip": BROKEN, "back.zip": BROKEN, "drive.zip": BROKEN, "bomb.zip": BROKEN,
            "link.zip": BROKEN, "cut.zip": BROKEN, "wrong_sum.zip": BROKEN,
            "zero_byte.zip": BROKEN, "words.zip": BROKEN, "locked.zip": BROKEN, "gdb.zip": 3}


def write_corpus(folder):
    """Write every file; return path -> expected number of records or `BROKEN`."""
    expected = {}
    for make in (shapefiles, geojsons, geopackages, others, archives):
        here = folder / make.__name__
        here.mkdir()
        expected |= {here / name: count for name, count in make(here).items()}
    return expected

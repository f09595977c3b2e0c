"""The list of bad inputs, each at the reader that meets it: rows or a clear error, nothing else.

The corpus itself stands in corpus_tables.py and corpus_vectors.py; here is what is made of inputs
that need more than a file, and the table of which file stands for what.
"""

import json
import os
import random
import shutil
import sqlite3
import warnings
import zipfile
from contextlib import closing

import city
import corpus_tables as tables
import corpus_vectors as corpus
import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, box

from qzrisk.errors import ConfigError, QzriskError
from qzrisk.layers import archive, coordinates
from qzrisk.layers.tables import read_cells
from qzrisk.layers.validate import conform
from qzrisk.layers.vectors import read_features

FUZZ = int(os.environ.get("QZRISK_FUZZ", "40"))
LISTED = {
    "truncated .dbf": "shapefiles/cut_dbf.shp", "wrong .cpg": "shapefiles/wrong_cpg.shp",
    "missing .shx": "shapefiles/no_shx.shp", "missing .prj": "shapefiles/no_prj.shp",
    "missing .dbf": "shapefiles/no_dbf.shp", "zero-byte": "shapefiles/empty_shp.shp",
    "bow ties, null, self-crossing multipolygons": "geopackages/bow_tie.gpkg",
    "mixed types": "geojsons/mixed.geojson", "NaN/Inf coordinates": "geojsons/nan.geojson",
    "0/0 points": "geojsons/zero.geojson", "10,000-character cells": "long_cell.csv",
    "formulas, error cells": "errors.xlsx", "hidden and empty sheets": "sheets.xlsx",
    "empty sheets": "empty_sheets.xlsx", "password": "protected.xlsx", "zip bomb": "bomb.xlsx",
    "zip bomb of layers": "archives/bomb.zip", "path traversal": "archives/up.zip",
    "two layers in one zip": "archives/two_layers.zip", "unequal columns": "uneven.csv",
    "embedded newlines": "embedded_newline.csv", "mixed encodings": "mixed_encodings.csv",
    "GeoPackage without geometry": "geopackages/no_shapes.gpkg",
    "GeoPackage with two CRSs": "geopackages/two_crs.gpkg",
}


def test_every_kind_of_bad_input_has_its_file(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = {f"{path.parent.name}/{path.name}" for path in corpus.write_corpus(tmp_path)}
    (tmp_path / "tables").mkdir()
    made |= set(tables.write_corpus(tmp_path / "tables"))
    assert {kind for kind, name in LISTED.items() if name not in made} == set()


# --- shapes and places, at the door


def shapes(**given):
    frame = gpd.GeoDataFrame(
        {"unit_id": [f"{key} shape" for key in given], "name": "样例", "level": "village"},
        geometry=list(given.values()), crs=city.CRS)
    return conform(frame, "boundaries", language="en")


def test_broken_polygons_are_mended_or_barred_and_always_told():
    bow = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    frame, issues, bad = shapes(
        sound=box(0, 0, 1, 1), bow=bow, crossing=MultiPolygon([bow, box(0, 0, 6, 4)]),
        null=None, empty=Polygon(), point=Point(1, 1))
    assert len(frame) + len(bad) == 6
    kept = set(frame.index.str.removesuffix(" shape"))
    assert {"sound", "bow"} <= kept <= {"sound", "bow", "crossing"}
    assert frame.geometry.is_valid.all() and frame.geometry["bow shape"].area == pytest.approx(50)
    told = issues.groupby(issues["record_id"].str.removesuffix(" shape"))["rule"].agg(set).to_dict()
    # What is left of a crossing may be areas and lines, which no layer of areas can hold.
    assert told.pop("crossing") - {"geometry_type"} == {"invalid_geometry"}
    assert told == {"bow": {"invalid_geometry"}, "null": {"null_geometry"},
                    "empty": {"null_geometry"}, "point": {"geometry_type"}}


def test_a_corner_that_is_no_number_bars_its_shape():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner, far = (Polygon([(0, 0), (value, 1), (1, 1)]) for value in (np.nan, np.inf))
    frame, issues, bad = shapes(sound=box(0, 0, 1, 1), inner=inner, far=far)
    assert frame.index.tolist() == ["sound shape"] and len(bad) == 2
    assert set(issues["rule"]) == {"bad_coordinate"}


@pytest.mark.parametrize(("lon", "lat", "rule"), [
    (0, 0, "coordinate_zero"), (np.nan, 24.9, None), (np.inf, 24.9, None), ("1e400", "24.9", None),
    ("NaN", "inf", None), ("东经", "北纬", None), (118.6, 95.0, None), (True, False, None),
    ("118°75′", "24°", None), ("１１８．６", "２４．９", "sound"), ([118.6], {"lat": 1}, None)])
def test_strange_coordinates_are_a_place_or_a_finding(lon, lat, rule):
    cells = [pd.Series([118.6, value], dtype=object) for value in (lon, lat)]
    cells[1].iloc[0] = 24.9
    found = coordinates.locate(*cells)
    assert (found.lon[0], found.lat[0]) == (118.6, 24.9)
    told = {name for name, mask in found.rules.items() if mask[1]}
    placed = np.isfinite(found.lon[1]) and np.isfinite(found.lat[1])
    if rule == "sound":
        assert placed and (found.lon[1], found.lat[1]) == (118.6, 24.9)
    else:
        assert told or pd.isna(lon)
        assert not placed
    assert rule in (None, "sound") or rule in told


# --- workbooks


def packed(path, source, **parts):
    """A copy of a workbook with some of its parts replaced; of the others nothing changes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, parts.pop(name, None) or old.read(name))
        for name, data in parts.items():
            new.writestr(name, data)
    return path


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.xlsx"
    tables.workbook(path, [tables.HEADER, *tables.RECORDS])
    return path


BOMB = ('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">'
                  for a, b in zip("abcdefgh", "bcdefghi", strict=True)) + "]>")


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml",
                                  "xl/sharedStrings.xml", "xl/_rels/workbook.xml.rels"])
def test_entities_that_multiply_do_not_fill_the_memory(book, tmp_path, part):
    with zipfile.ZipFile(book) as whole:
        body = whole.read(part).decode() if part in whole.namelist() else "<sst>120</sst>"
    body = body.split("?>", 1)[-1] if body.startswith("<?xml") else body
    words = "&i;".join(body.split("120", 1)) if "120" in body else body.replace(">", ">&i;", 1)
    path = packed(tmp_path / "bomb.xlsx", book, **{part: (BOMB + words).encode()})
    try:
        table = read_cells(path)
    except QzriskError as error:
        assert "bomb.xlsx" in str(error)
    else:
        assert table.frame.memory_usage(deep=True).sum() < 1 << 20
        assert len(table.frame) == 3


def test_names_inside_a_workbook_lead_nowhere(book, tmp_path):
    with zipfile.ZipFile(book) as whole:
        links = whole.read("xl/_rels/workbook.xml.rels").decode()
    (tmp_path / "secret.xml").write_text("<worksheet/>")
    for target in ("../../secret.xml", "/etc/passwd", "file:///etc/passwd"):
        wrong = links.replace("/xl/worksheets/sheet1.xml", target)
        assert wrong != links
        path = packed(tmp_path / "a.xlsx", book, **{"xl/_rels/workbook.xml.rels": wrong.encode()})
        with pytest.raises(ConfigError):
            read_cells(path)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels"])
def test_a_part_in_an_encoding_that_nobody_knows(book, tmp_path, part):
    with zipfile.ZipFile(book) as whole:
        body = whole.read(part).decode().split("?>", 1)[-1]
    words = f'<?xml version="1.0" encoding="UTF-80"?>{body}'
    with pytest.raises(ConfigError, match="cannot read the table"):
        read_cells(packed(tmp_path / "a.xlsx", book, **{part: words.encode()}))


def test_a_workbook_of_hidden_sheets_alone_is_read_and_told(book, tmp_path):
    opened = openpyxl.load_workbook(book)
    opened.active.sheet_state = "veryHidden"
    opened.create_sheet("空表")
    opened.active = 1
    opened.save(tmp_path / "a.xlsx")
    table = read_cells(tmp_path / "a.xlsx")
    assert len(table.frame) == 3 and "hidden_sheet" in set(table.issues["rule"])


def test_an_open_document_under_a_password_says_so(tmp_path):
    tables.ods(tmp_path / "a.ods")
    manifest = ('<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
                'manifest:1.0"><manifest:file-entry manifest:full-path="content.xml" '
                'manifest:media-type="text/xml"><manifest:encryption-data/></manifest:file-entry>'
                "</manifest:manifest>")
    path = packed(tmp_path / "b.ods", tmp_path / "a.ods", **{
        "content.xml": random.Random(3).randbytes(900),
        "META-INF/manifest.xml": manifest.encode()})
    with pytest.raises(ConfigError, match=r"password|cannot read the table"):
        read_cells(path)


# --- text


@pytest.mark.parametrize(("data", "records"), [
    (b"a,b\n" + b"x" * 2_000_000 + b",1\n", 1),  # one cell of two million characters
    (",".join(f"c{n}" for n in range(1000)).encode() + b"\n" + b"1," * 999 + b"1\n", 1),
    (b'a,b\n"1\r\n2\r3\n4",5\n6,7\n', 2), (b"a,b\n1,2\n\x1a", None),
    (b"\xef\xbb\xbf\xef\xbb\xbfa,b\n1,2\n", 1), (b"a,b\n=cmd|' /C calc'!A0,@SUM(A1)\n", 1),
    (b'"a","b"\n"""","""\n', None), (b"a\tb,c\n1\t2\n", 1), (b"\n" * 5000 + b"a,b\n1,2\n", None),
    (b"\0" * 5000, tables.BROKEN)])
def test_awkward_text_gives_its_rows_or_a_clear_error(tmp_path, data, records):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    try:
        table = read_cells(path)
    except QzriskError as error:
        assert "a.csv" in str(error)
        return
    assert records is None or len(table.frame) == records
    counts = dict(table.counts)
    assert counts.pop("rows") == sum(counts.values())


@pytest.mark.parametrize(("words", "records"), [
    ('[{"a": NaN, "b": Infinity}]', 1), ('[{"a": 1, "a": 2}]', 1),
    ('[{"a": 123456789012345678901234567890}]', 1), ('[{"a": {"b": {"c": [1, {"d": 2}]}}}]', 1),
    ('[{"": 1, " ": 2}]', 1), ('[{}, {"a": 1}]', None), ("[null]", tables.BROKEN),
    ('{"a": ' * 3000 + "1" + "}" * 3000, tables.BROKEN)])
def test_awkward_json_gives_its_rows_or_a_clear_error(tmp_path, words, records):
    path = tmp_path / "a.json"
    path.write_text(words, encoding="utf-8")
    try:
        table = read_cells(path)
    except QzriskError as error:
        assert "a.json" in str(error) and records in (tables.BROKEN, None)
        return
    assert records is None or len(table.frame) == records


# --- GeoPackage and archives


@pytest.mark.parametrize("change", [
    "DELETE FROM gpkg_contents", "DROP TABLE gpkg_geometry_columns",
    "DELETE FROM gpkg_spatial_ref_sys", "UPDATE gpkg_geometry_columns SET srs_id = 99999",
    "UPDATE a SET geom = X'00'", "UPDATE a SET geom = X'47500001E6100000FF' WHERE fid = 2",
    "UPDATE a SET geom = NULL", "DELETE FROM a", "DROP TABLE a",
    "UPDATE gpkg_contents SET table_name = 'b'", "UPDATE a SET 名称 = zeroblob(50000)"])
def test_a_geopackage_that_contradicts_itself(tmp_path, change):
    path = tmp_path / "a.gpkg"
    pyogrio.write_dataframe(corpus.shelters(), path, layer="a", SPATIAL_INDEX="NO")
    with closing(sqlite3.connect(path)) as base:
        for (name,) in base.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute("PRAGMA foreign_keys = OFF")
        base.execute(change)
        base.commit()
    try:
        found = read_features(path)
    except QzriskError as error:
        assert "a.gpkg" in str(error)
        return
    lost = found.issues[found.issues["rule"] == "row_lost"]
    kept = 0 if change == "DELETE FROM a" else 3
    assert len(found.frame) + len(lost) == kept


def test_a_shapefile_in_a_zip_without_some_of_its_parts(tmp_path):
    whole = corpus.shapefile(tmp_path / "a.shp")
    parts = {p.name: p.read_bytes() for p in sorted(tmp_path.glob("a.*"))}
    assert whole.exists()
    for missing, rule in ((".shx", "shx_rebuilt"), (".prj", "prj_missing"), (".dbf", "dbf_missing"),
                          (".cpg", "encoding_told")):
        path = corpus.pack(tmp_path / "z.zip", {name: data for name, data in parts.items()
                                                if not name.endswith(missing)})
        found = read_features(path)
        assert len(found.frame) == 3 and rule in set(found.issues["rule"])
    path = corpus.pack(tmp_path / "z.zip", {"a.dbf": parts["a.dbf"]})
    assert len(read_features(path).frame) == 3
    with pytest.raises(ConfigError), archive.opened(
            corpus.pack(tmp_path / "y.zip", {"a.shx": parts["a.shx"]})):
        pass


def changed(data, chance):
    data = bytearray(data)
    for _ in range(chance.choice([1, 3, 12])):
        at = chance.randrange(len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[at] = chance.randrange(256)
        elif kind == 1:
            del data[at:at + chance.randrange(1, 12)]
        elif kind == 2:
            data[at:at] = chance.choice([b'"', b"}", b"[", b"<", b"&", b"\0", b"1e999", b"NaN"])
        else:
            data = data[:max(at, 1)]
        if not data:
            return b"x"
    return bytes(data)


@pytest.mark.parametrize("name", ["geojsons/plain.geojson", "others/plain.kml",
                                  "geopackages/plain.gpkg", "archives/shapefile.zip"])
def test_fuzzed_layers_give_rows_or_a_clear_error(tmp_path, name):
    folder, file = name.split("/")
    (tmp_path / "corpus").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        getattr(corpus, folder)(tmp_path / "corpus")
    data = (tmp_path / "corpus" / file).read_bytes()
    chance = random.Random(name)
    for _ in range(FUZZ):
        path = tmp_path / file
        path.write_bytes(changed(data, chance))
        try:
            found = read_features(path)
        except QzriskError as error:
            assert str(error)
        else:
            told = len(found.issues)
            assert len(found.frame) >= 3 or told, path.read_bytes()
        path.unlink()


def test_an_object_that_calls_itself_otherwise_is_read_too(tmp_path):
    """GDAL passes over it in silence."""
    features = [corpus._feature([113.5, 23.0], n=n) for n in range(3)]
    features[1]["type"] = "feature"
    (tmp_path / "a.geojson").write_text(json.dumps(
        {"type": "FeatureCollection", "features": features}))
    found = read_features(tmp_path / "a.geojson")
    assert found.frame["n"].tolist() == [0, 1, 2]
    assert "geojson_tolerant" in set(found.issues["rule"])


def test_rows_of_a_big_broken_file_are_not_lost_in_silence(tmp_path):
    """Half a GeoJSON of 2,000 features: what was read and what was lost make up what was there."""
    features = [corpus._feature([113 + n / 1e4, 23.0], n=n) for n in range(2000)]
    words = json.dumps({"type": "FeatureCollection", "features": features})
    (tmp_path / "a.geojson").write_text(words[: len(words) // 2])
    found = read_features(tmp_path / "a.geojson")
    assert found.frame["n"].astype(int).tolist() == list(range(len(found.frame)))
    assert 990 < len(found.frame) < 1010 and len(found.issues)


def test_a_folder_or_nothing_is_refused(tmp_path):
    (tmp_path / "a.shp").mkdir()
    (tmp_path / "b.gdb").mkdir()
    for path in (tmp_path / "a.shp", tmp_path / "b.gdb", tmp_path / "c.gpkg"):
        with pytest.raises(ConfigError):
            read_features(path)
    shutil.rmtree(tmp_path / "a.shp")
    assert shapely.is_valid(Point(0, 0))

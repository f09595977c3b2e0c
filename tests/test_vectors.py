"""Vector files read with their own headers: every awkward file gives rows or a clear error."""

import os
import random
import shutil
import sys
import warnings

import corpus_vectors as corpus
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from qzrisk.errors import ConfigError, QzriskError
from qzrisk.layers import archive, vectors
from qzrisk.layers.findings import COLUMNS
from qzrisk.layers.vectors import Features, dbf, is_vector, read_features

FUZZ = int(os.environ.get("QZRISK_FUZZ", "40"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Path -> expected number of records; paths are unique by folder/name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = corpus.write_corpus(tmp_path_factory.mktemp("corpus"))
    return {f"{path.parent.name}/{path.name}": (path, count) for path, count in found.items()}


def read(files, name, **options) -> Features:
    return read_features(files[name][0], language="en", **options)


def rules(found, severity=None):
    issues = found.issues
    return sorted(set(issues["rule"] if severity is None
                      else issues.loc[issues["severity"] == severity, "rule"]))


def test_every_file_gives_its_rows_or_a_clear_error(files):
    wrong = {}
    for name, (path, expected) in files.items():
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # GDAL's own warnings must not reach the user
            try:
                found = read_features(path, subject="shelters")
                got = len(found.frame)
                assert tuple(found.issues.columns) == COLUMNS
                assert found.frame.columns.is_unique
                assert (found.issues["source"] == path.name).all()
            except QzriskError as error:
                got = corpus.BROKEN
                assert str(path) in str(error), name
                assert "qzrisk-" not in str(error), name  # no temporary copies
                if expected is corpus.BROKEN:
                    assert error.got is not None, name
        if got != expected:
            wrong[name] = (got, expected)
    assert wrong == {}


def test_reading_writes_nothing_beside_the_file(files):
    path, _ = files["shapefiles/no_shx.shp"]
    before = {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir()}
    read_features(path)
    assert {p.name: p.stat().st_mtime_ns for p in path.parent.iterdir()} == before
    assert not path.with_suffix(".shx").exists()


# --- shapefiles


@pytest.mark.parametrize(("name", "encoding"), [
    ("no_cpg", "gb18030"), ("wrong_cpg", "gb18030"), ("latin_cpg", "gb18030"),
    ("strange_cpg", "gb18030"), ("digits_cpg", "gb18030"), ("utf8_said_gbk", "utf-8"),
    ("utf8_names", "utf-8")])
def test_encoding_of_shapefiles_is_found_from_their_bytes(files, name, encoding):
    found = read(files, f"shapefiles/{name}.shp")
    assert found.encoding == encoding and found.evidence
    assert found.frame["名称"].tolist() == corpus.NAMES


def test_lying_cpg_is_told_and_a_missing_one_too(files):
    assert rules(read(files, "shapefiles/wrong_cpg.shp"), "warning") == ["encoding_overruled"]
    assert rules(read(files, "shapefiles/latin_cpg.shp"), "warning") == ["encoding_overruled"]
    assert rules(read(files, "shapefiles/no_cpg.shp")) == ["encoding_told"]
    assert rules(read(files, "shapefiles/strange_cpg.shp")) == ["cpg_unknown", "encoding_told"]
    assert rules(read(files, "shapefiles/digits_cpg.shp")) == []


def test_language_byte_of_the_table_counts_where_there_is_no_cpg(tmp_path):
    path = corpus.shapefile(tmp_path / "a.shp", without=[".cpg"])
    data = bytearray(path.with_suffix(".dbf").read_bytes())
    data[29] = 0x4D
    path.with_suffix(".dbf").write_bytes(data)
    found = read_features(path)
    assert found.encoding == "gb18030" and rules(found) == []


def test_given_encoding_is_believed_only_where_it_fits(files):
    found = read(files, "shapefiles/no_cpg.shp", encoding="utf-8")
    assert found.frame["名称"].tolist() == corpus.NAMES
    assert rules(found, "warning") == ["encoding_overruled"]
    with pytest.raises(ConfigError, match="unknown text encoding"):
        read(files, "shapefiles/no_cpg.shp", encoding="klingon")


def test_missing_parts_are_made_up_for_and_told(files):
    assert rules(read(files, "shapefiles/no_shx.shp"), "warning") == ["shx_rebuilt"]
    whole = read(files, "shapefiles/digits_cpg.shp").frame
    assert read(files, "shapefiles/no_shx.shp").frame.equals(whole)
    assert read(files, "shapefiles/empty_shx.shp").frame.equals(whole)
    assert read(files, "shapefiles/cut_shx.shp").frame.equals(whole)
    bare = read(files, "shapefiles/no_dbf.shp")
    assert rules(bare, "error") == ["dbf_missing"] and list(bare.frame.columns) == ["geometry"]
    flat = read(files, "shapefiles/no_prj.shp")
    assert flat.frame.crs is None and rules(flat, "warning") == ["prj_missing"]
    table = read(files, "shapefiles/only_dbf.dbf").frame
    assert not isinstance(table, gpd.GeoDataFrame) and table["名称"].tolist() == corpus.NAMES


def test_cut_table_keeps_its_shapes_and_names_the_rows_that_lost_their_cells(files):
    found = read(files, "shapefiles/cut_dbf.shp")
    assert found.issues["row"].tolist() == [3] and rules(found, "error") == ["attributes_lost"]
    assert found.frame["名称"].tolist()[:2] == corpus.NAMES[:2]
    assert pd.isna(found.frame.iloc[2]["可容纳避灾"])
    assert found.frame.geometry.notna().all()


def test_cut_shapes_name_the_rows_without_shape(files):
    found = read(files, "shapefiles/cut_shp.shp")
    assert found.issues.query("rule == 'shape_lost'")["row"].tolist() == [2, 3]
    assert found.frame.geometry.notna().tolist() == [True, False, False]


def test_table_longer_than_the_shapes_is_told_row_by_row(tmp_path):
    path = corpus.shapefile(tmp_path / "a.shp")
    two = corpus.shapefile(tmp_path / "b.shp", corpus.shelters().head(2))
    for suffix in (".shp", ".shx"):
        shutil.copy(two.with_suffix(suffix), path.with_suffix(suffix))
    found = read_features(path)
    lost = found.issues.query("rule == 'shape_missing'")
    assert len(found.frame) == 2 and lost["row"].tolist() == [3]
    assert lost["severity"].tolist() == ["error"]


def test_deleted_records_keep_the_numbers_of_the_others(files):
    found = read(files, "shapefiles/deleted_row.shp")
    assert found.frame.index.name == "row" and found.frame.index.tolist() == [2, 3]
    assert found.frame["名称"].tolist() == corpus.NAMES[1:]


def test_texts_cut_within_a_character_and_of_other_encodings(files):
    cut = read(files, "shapefiles/cut_text.shp")
    assert cut.frame["备注"].iloc[2] == ("避灾点" * 40).encode()[:252].decode()
    assert cut.issues.query("rule == 'text_cut'")["row"].tolist() == [3]
    mixed = read(files, "shapefiles/mixed_text.shp")
    assert mixed.frame["名称"].tolist() == corpus.NAMES
    assert mixed.issues.query("rule == 'text_mixed'")["row"].tolist() == [3]


def test_field_names_cut_within_a_character_do_not_stop_the_reading(tmp_path):
    path = corpus.shapefile(tmp_path / "a.shp", corpus.shelters(aaaaaaaaaa=corpus.NAMES), "UTF-8")
    part = path.with_suffix(".dbf")
    part.write_bytes(part.read_bytes().replace(b"a" * 10, "可容纳避".encode()[:10]))
    frame = read_features(path).frame
    assert frame.columns.tolist() == ["可容纳", "geometry"]
    assert frame["可容纳"].tolist() == corpus.NAMES


@pytest.mark.parametrize(("raw", "encoding", "expected"), [
    ("避灾".encode("gbk"), "gb18030", ("避灾", "")),
    ("避灾".encode("gbk")[:3], "gb18030", ("避", "text_cut")),
    ("避灾点".encode()[:8], "utf-8", ("避灾", "text_cut")),
    ("避灾".encode("gbk"), "utf-8", ("避灾", "text_mixed")),
    ("避灾点".encode(), "gb18030", ("避灾点", "text_mixed")),
    (b"\xff\xff\xff\xffabcdefgh", "utf-8", ("\ufffd" * 4 + "abcdefgh", "text_lost")),
])
def test_one_text_of_doubtful_encoding(raw, encoding, expected):
    assert dbf.decode(raw, encoding) == expected


def test_fuzzed_shapefiles_give_rows_or_a_clear_error(tmp_path):
    """Bytes changed, cut or doubled in one part: no traceback, no rows out of nowhere."""
    source = corpus.shapefile(tmp_path / "source.shp", pd.concat(
        [corpus.shelters()] * 5, ignore_index=True))
    chance = random.Random(7)
    for number in range(FUZZ):
        folder = tmp_path / str(number)
        folder.mkdir()
        for part in sorted(tmp_path.glob("source.*")):
            shutil.copy(part, folder / part.name)
        part = folder / f"source{chance.choice(['.shp', '.shx', '.dbf', '.dbf', '.cpg', '.prj'])}"
        data = bytearray(part.read_bytes())
        for _ in range(chance.choice([1, 3, 30])):
            at = chance.randrange(min(len(data), chance.choice([64, 10_000])))
            data[at] = chance.randrange(256)
        if chance.random() < 0.3:
            data = data[:chance.randrange(len(data))]
        elif chance.random() < 0.1:
            data = data + data
        part.write_bytes(data)
        try:
            found = read_features(folder / source.name)
        except QzriskError:
            continue
        told = len(found.issues)
        assert len(found.frame) <= 30, number
        assert len(found.frame) == 15 or told, (number, part.suffix, len(found.frame))
        shutil.rmtree(folder)


# --- GeoJSON


def test_geojson_that_breaks_its_rules(files):
    assert rules(read(files, "geojsons/plain.geojson")) == []
    assert rules(read(files, "geojsons/crs.geojson"), "note") == ["geojson_crs"]
    assert read(files, "geojsons/crs.geojson").frame.crs.to_epsg() == 4490
    assert rules(read(files, "geojsons/winding.geojson")) == ["geojson_winding"]
    texts = read(files, "geojsons/text_coordinates.geojson")
    assert texts.frame.geometry.iloc[3] == shapely.Point(113.9, 22.9)
    assert texts.issues.query("rule == 'text_coordinates'")["row"].tolist() == [4]
    comma = read(files, "geojsons/trailing_comma.geojson")
    assert comma.frame["名称"].tolist() == corpus.NAMES
    assert read(files, "geojsons/gbk.geojson").frame["名称"].tolist() == corpus.NAMES
    assert read(files, "geojsons/utf16.geojson").frame["名称"].tolist() == corpus.NAMES


def test_lost_features_have_a_finding_each_and_the_others_their_numbers(files):
    hole = read(files, "geojsons/hole.geojson")
    assert hole.issues.query("rule == 'row_lost'")["row"].tolist() == [2]
    assert hole.frame.index.tolist() == [1, 3] and hole.frame.index.name == "row"
    cut = read(files, "geojsons/cut.geojson")
    assert cut.issues.query("rule == 'row_lost'")["row"].tolist() == [3]


def test_not_a_number_stays_so_for_the_checks_to_say(files):
    shapes = read(files, "geojsons/nan.geojson").frame.geometry
    assert np.isnan(shapely.get_x(shapes.iloc[3])) and np.isinf(shapely.get_x(shapes.iloc[4]))
    assert shapes.iloc[0] == shapely.Point(corpus.AT[0])


def test_nested_cells_become_text_and_codes_stay_text(files):
    frame = read(files, "geojsons/nested.geojson").frame
    assert frame["c"].tolist() == ["007"]
    assert str(frame["a"].iloc[0]).replace(" ", "") == '{"b":[1,2]}'


# --- GeoPackage and others


def test_several_layers_are_listed_and_one_can_be_named(files):
    with pytest.raises(ConfigError, match=r"a \(3, EPSG:4490\), b \(1, EPSG:4490\)"):
        read(files, "geopackages/two_layers.gpkg")
    assert len(read(files, "geopackages/two_layers.gpkg", layer="b").frame) == 1
    assert read(files, "geopackages/empty_second.gpkg").layer == "a"
    with pytest.raises(ConfigError, match="no such layer"):
        read(files, "geopackages/plain.gpkg", layer="x")


def test_geopackage_without_shapes_or_with_two_systems(files):
    frame = read(files, "geopackages/no_shapes.gpkg").frame
    assert not isinstance(frame, gpd.GeoDataFrame) and frame["名称"].tolist() == corpus.NAMES
    found = read(files, "geopackages/two_crs.gpkg")
    assert found.issues[["rule", "severity", "value"]].to_numpy().tolist() == [
        ["two_crs", "error", "EPSG:4326"]]


def test_stale_count_of_a_geopackage_is_no_loss(tmp_path):
    import sqlite3
    from contextlib import closing

    pyogrio.write_dataframe(corpus.shelters(), tmp_path / "a.gpkg")
    with closing(sqlite3.connect(tmp_path / "a.gpkg")) as base:
        base.execute("UPDATE gpkg_ogr_contents SET feature_count = 99")
        base.commit()
    found = read_features(tmp_path / "a.gpkg")
    assert len(found.frame) == 3 and rules(found) == []


@pytest.mark.parametrize(("name", "total"), [("geopackages/broken_page.gpkg", 3000),
                                             ("others/cut.fgb", 900)])
def test_broken_file_gives_its_sound_rows_and_names_the_lost_ones(files, name, total):
    """Through Arrow GDAL stops at the damage and says nothing."""
    pytest.importorskip("fiona")
    folder = files["geopackages/plain.gpkg"][0].parents[1]
    found = read_features(folder / name)
    lost = found.issues.query("rule == 'row_lost'")
    assert 0 < len(lost) < total / 2
    assert len(found.frame) + len(lost) == total
    assert set(found.frame.index) | set(lost["row"]) == set(range(1, total + 1))
    assert found.frame.crs.to_epsg() == 4490


def test_without_fiona_a_broken_file_is_refused_with_the_way_out(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "fiona", None)
    folder = files["geopackages/plain.gpkg"][0].parents[1]
    with pytest.raises(ConfigError, match="pip install fiona"):
        read_features(folder / "geopackages/broken_page.gpkg")
    assert len(read_features(folder / "geopackages/plain.gpkg").frame) == 3


def test_heights_go_with_a_note(files, tmp_path):
    found = read(files, "geojsons/height.geojson")
    assert rules(found) == ["height_dropped"] and not found.frame.geometry.has_z.any()
    assert found.frame.crs.to_epsg() == 4326
    solid = corpus.shelters(shapely.points([(113, 23, 5), (113, 23, 6), (114, 23, 7)]))
    pyogrio.write_dataframe(solid, tmp_path / "z.gpkg")
    assert read_features(tmp_path / "z.gpkg").issues["rule"].tolist() == ["height_dropped"]


def test_kinds_of_shape_are_counted(files):
    found = read(files, "geojsons/mixed.geojson")
    assert found.issues.query("rule == 'mixed_shapes'")["value"].tolist() == [
        "LineString 1, Point 1, Polygon 1"]


def test_kml_keeps_chinese_fields_apart_and_reads_tables(files):
    found = read(files, "others/plain.kml")
    frame = found.frame
    assert frame["folder"].tolist() == ["避灾点", "避灾点/学校", "路线"]
    assert frame["面积"].tolist()[:2] == ["200.5", "410"]
    assert frame["人数"].iloc[0] == "100" and frame["容量"].iloc[1] == "200"
    assert frame.geometry.iloc[1] == shapely.Point(113.6, 23)
    assert "description" not in frame and frame.crs.to_epsg() == 4326
    assert len(read(files, "others/plain.kml", layer="路线").frame) == 1
    assert len(read(files, "others/plain.kml", layer="避灾点").frame) == 2
    with pytest.raises(ConfigError, match="避灾点/学校"):
        read(files, "others/plain.kml", layer="无")
    pd.testing.assert_frame_equal(pd.DataFrame(read(files, "others/plain.kmz").frame),
                                  pd.DataFrame(frame))


def test_broken_kml_says_how_much_was_read(files):
    found = read(files, "others/cut.kml")
    assert found.issues.query("rule == 'kml_broken'")["value"].tolist() == ["2 / 3"]
    bad = read(files, "others/bad_coordinates.kml")
    assert bad.issues.query("rule == 'kml_shape'")["value"].tolist() == ["east, north"]
    assert read(files, "others/bare_and.kml").frame["name"].iloc[0] == "甲村 & 乙村"


def test_same_content_from_every_format(files):
    def cells(name):
        frame = read(files, name).frame
        return frame["名称"].tolist(), [
            (round(s.x, 9), round(s.y, 9)) for s in frame.geometry]

    expected = (corpus.NAMES, corpus.AT)
    for name in ("geopackages/plain.gpkg", "geojsons/plain.geojson", "others/plain.parquet",
                 "others/plain.gdb", "archives/shapefile.zip", "archives/gdb.zip"):
        assert cells(name) == expected, name


def test_which_files_are_vectors(files, tmp_path):
    (tmp_path / "records.json").write_text('[{"name": "a"}]')
    (tmp_path / "features.json").write_text('{"type": "FeatureCollection", "features": []}')
    assert not is_vector(tmp_path / "records.json") and is_vector(tmp_path / "features.json")
    assert is_vector("a.shp") and not is_vector("a.xlsx")
    with pytest.raises(ConfigError, match="missing input file"):
        read_features(tmp_path / "absent.shp")


def test_archives_are_left_as_they_are(files):
    path, _ = files["archives/shapefile.zip"]
    with archive.opened(path) as inner:
        folder = inner.parents[1]
        assert inner.name == "避灾点.shp" and inner.is_file()
    assert not folder.exists()
    assert vectors.__doc__

"""From files to layers: what is placed, refused, joined and compared at the door."""

import geopandas as gpd
import pandas as pd
import pytest
from city import CRS, LEFT, demand, shelters, units_table, write_city
from shapely.geometry import Point

import qzrisk as qz
from qzrisk.errors import ConfigError, ReachError


@pytest.fixture
def city(tmp_path):
    return write_city(tmp_path)


def rewrite(path, frame):
    path.unlink()
    frame.to_file(path)


def issues_of(loaded, layer):
    return loaded.issues[loaded.issues["layer"] == layer].set_index("record_id")["rule"].to_dict()


def test_unknown_and_coarse_codes_are_placed_by_position(city):
    frame = shelters().to_crs(4326)
    frame.loc[0, "unit_id"], frame.loc[1, "unit_id"], frame.loc[2, "unit_id"] = "??", "tA", None
    rewrite(city.parent / "shelters.geojson", frame)
    loaded = qz.load(qz.open_project(city))
    assert loaded.layers["shelters"]["unit_id"].tolist() == ["va", "vb", "vc", "vd", "ve"]
    assert issues_of(loaded, "shelters") == dict.fromkeys(["S-va", "S-vb", "S-vc"], "unit_placed")


def test_a_record_of_no_unit_is_quarantined(city):
    frame = demand()
    frame.loc[0, "unit_id"] = "??"
    frame.loc[0, "geometry"] = Point(LEFT - 50_000, 0)
    rewrite(city.parent / "cells.gpkg", frame)
    loaded = qz.load(qz.open_project(city))
    assert loaded.counts.loc["demand", ["read", "accepted", "quarantined"]].tolist() == [30, 29, 1]
    assert loaded.quarantine["demand"]["_rules"].tolist() == ["unknown_unit"]


def test_layers_without_a_unit_column_are_placed(city):
    rewrite(city.parent / "shelters.geojson", shelters().drop(columns="unit_id").to_crs(4326))
    loaded = qz.load(qz.open_project(city))
    assert loaded.layers["shelters"]["unit_id"].tolist() == ["va", "vb", "vc", "vd", "ve"]


def add_source(city, name):
    text = city.read_text(encoding="utf-8")
    block = f'[[source]]\nlayer = "shelters"\npath = "{name}"\n'
    city.write_text(text.replace("[[raster]]", block + "[[raster]]", 1), encoding="utf-8")


def test_files_of_one_layer_join_whatever_their_geometry_is_called(city):
    first = shelters().iloc[:3].to_crs(4326)
    rewrite(city.parent / "shelters.geojson", first)
    shelters().iloc[3:].rename_geometry("geom").to_parquet(city.parent / "more.parquet")
    add_source(city, "more.parquet")
    loaded = qz.load(qz.open_project(city))
    layer = loaded.layers["shelters"]
    assert layer.geometry.notna().all()
    assert layer.crs == CRS
    assert layer.index.name == "shelter_id"
    assert len(layer) == 5


def test_id_of_an_earlier_file_is_quarantined_with_its_row_and_file(city):
    again = shelters().iloc[[4]].assign(name="又一次")
    again.to_file(city.parent / "more.gpkg")
    add_source(city, "more.gpkg")
    loaded = qz.load(qz.open_project(city))
    assert loaded.counts.loc["shelters"].tolist() == [6, 5, 1, 0]
    reject = loaded.quarantine["shelters"].iloc[0]
    assert reject[["name", "_row", "_source", "_rules"]].tolist() == [
        "又一次", 1, "more.gpkg", "duplicate_id"]


def test_an_empty_layer_that_all_need_is_refused(city):
    rewrite(city.parent / "shelters.geojson", shelters().iloc[:0].to_crs(4326))
    with pytest.raises(ConfigError, match="empty layer; where: shelters"):
        qz.load(qz.open_project(city))


def test_units_without_shape_and_tables_that_differ_are_findings(city):
    boundaries = gpd.read_file(city.parent / "units.gpkg")
    rewrite(city.parent / "units.gpkg", boundaries[boundaries["unit_id"] != "vf"])
    people = pd.DataFrame({"unit_id": ["va", "vb"], "persons": [500, 501]})
    people.to_csv(city.parent / "people.csv", index=False)
    text = city.read_text(encoding="utf-8")
    block = '[[source]]\nlayer = "population"\npath = "people.csv"\n'
    city.write_text(text.replace("[[raster]]", block + "[[raster]]", 1), encoding="utf-8")
    loaded = qz.load(qz.open_project(city))
    assert issues_of(loaded, "boundaries") == {"vf": "no_polygon", "tB": "unit_gap"}
    assert issues_of(loaded, "population") == {"vb": "cells_differ"}


def test_boundaries_need_neither_area_nor_flag(city):
    bare = gpd.read_file(city.parent / "units.gpkg")[["unit_id", "name", "level", "geometry"]]
    rewrite(city.parent / "units.gpkg", bare)
    layer = qz.load(qz.open_project(city)).layers["boundaries"]
    assert layer.loc["va", "area_m2"] == pytest.approx(1e7)
    assert not layer.loc["Z", "in_statistics"]


def test_a_broken_membership_table_stops_with_its_row(city):
    table = units_table()
    table.loc[3, "unit_id"] = None
    table.to_csv(city.parent / "units.csv", index=False)
    with pytest.raises(ReachError, match="membership table has faults"):
        qz.load(qz.open_project(city))


def twins(city, folder_file="twins.parquet"):
    """Two more records: one beside va's shelter under nearly its name, one far off the city."""
    frame = shelters().iloc[[0, 1]].assign(
        shelter_id=["S-va2", "S-far"], name=["va村避灾场所", "vb村避灾点"])
    frame.geometry = [frame.geometry.iloc[0], Point(900_000, 3_900_000)]
    frame.to_parquet(city.parent / folder_file)
    add_source(city, folder_file)


def test_a_record_far_from_its_unit_leaves_as_it_came(city):
    twins(city)
    loaded = qz.load(qz.open_project(city))
    reject = loaded.quarantine["shelters"].iloc[0]
    assert reject[["shelter_id", "tier", "_row", "_source", "_rules"]].tolist() == [
        "S-far", "village", 2, "twins.parquet", "outside_all"]
    assert reject.geometry.equals(Point(900_000, 3_900_000))
    assert loaded.counts.loc["shelters", ["read", "accepted", "quarantined"]].tolist() == [7, 6, 1]


def test_pairs_are_told_and_merged_only_by_decision(city):
    twins(city)
    loaded = qz.load(qz.open_project(city))
    assert loaded.pairs["shelters"][["left", "right", "decision"]].to_numpy().tolist() == [
        ["S-va", "S-va2", ""]]
    assert "S-va2" in loaded.layers["shelters"].index
    assert issues_of(loaded, "shelters")["S-va2"] in ("duplicate_suspect", "same_place")
    text = city.read_text(encoding="utf-8")
    city.write_text(text.replace("[project]", '[project]\ndecisions = { shelters = "d.csv" }', 1),
                    encoding="utf-8")
    with pytest.raises(ConfigError, match="missing input file"):
        qz.open_project(city)
    (city.parent / "d.csv").write_text("保留,并入,决定\nS-va,S-va2,合并\nS-vb,S-vc,\n",
                                       encoding="gb18030")
    loaded = qz.load(qz.open_project(city))
    assert "S-va2" not in loaded.layers["shelters"].index
    assert loaded.pairs["shelters"]["decision"].tolist() == ["merge"]
    merged = loaded.quarantine["shelters"].set_index("shelter_id").loc["S-va2"]
    assert merged[["_row", "_rules"]].tolist() == [1, "merged_duplicate"]


def test_decisions_on_a_layer_that_is_not_there(city):
    text = city.read_text(encoding="utf-8")
    city.write_text(text.replace("[project]", '[project]\ndecisions = { shelter = "d.csv" }', 1),
                    encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'shelters'"):
        qz.open_project(city)


def test_a_record_that_cannot_be_read_is_counted(city):
    frame = shelters().to_crs(4326)
    whole = frame.to_json(drop_id=True)
    broken = whole.replace('"S-vb"', '"S-vb', 1)
    (city.parent / "shelters.geojson").write_text(broken, encoding="utf-8")
    loaded = qz.load(qz.open_project(city))
    assert loaded.counts.loc["shelters", ["read", "accepted", "quarantined"]].tolist() == [5, 4, 1]
    assert loaded.quarantine["shelters"]["_rules"].tolist() == ["row_lost"]


def test_an_empty_layer_says_what_barred_its_rows(city):
    rewrite(city.parent / "shelters.geojson",
            shelters().to_crs(4326).rename(columns={"shelter_id": "门牌"}))
    with pytest.raises(ConfigError, match=r"empty layer.*文件缺少必填列“场所编码” -> "):
        qz.load(qz.open_project(city))


def test_columns_that_mean_nothing_known_are_named(city):
    rewrite(city.parent / "shelters.geojson", shelters().to_crs(4326).assign(
        备注="新建", 乡镇="A镇", blank=None).rename(columns={"status": "是否在用吗"}))
    issues = qz.load(qz.open_project(city)).issues
    note = issues[issues["rule"] == "column_unread"]
    assert note["message"].tolist() == ["以下列没有读取：是否在用吗、备注"]
    assert note["source"].tolist() == ["shelters.geojson"]

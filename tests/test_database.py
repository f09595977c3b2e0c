import datetime as dt
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from city import demand, shelters
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

from qzrisk.errors import ConfigError, SchemaError
from qzrisk.files import sha256
from qzrisk.layers import database
from qzrisk.levels import ordered

AS_OF = dt.date(2024, 1, 31)


def tables():
    classes = ordered(pd.Series(["red", None], index=pd.Index(["a", "b"], name="unit_id")))
    return {"shelters": shelters().set_index("shelter_id"), "cells": demand(),
            "classes": classes.rename("risk_class").to_frame()}


def every_type():
    """One column of each type that a checked layer may have, with and without missing values."""
    frame = pd.DataFrame({
        "编码": ["010", None, "3"], "名称": ["东湖社区，“甲”", "", None],
        "whole": [1, 2, 2**53 + 1], "small": np.array([1, 2, 3], dtype="int8"),
        "maybe_whole": pd.array([2**53 + 1, None, 3], dtype="Int64"),
        "no_whole": pd.array([None] * 3, dtype="Int64"),
        "number": [1.5, np.nan, -0.0], "single": np.array([1, 2, 0.5], dtype="float32"),
        "yes": [True, False, True], "maybe": pd.array([True, None, False], dtype="boolean"),
        "maybe_object": pd.array([True, None, False], dtype=object),
        "found_on": pd.to_datetime(["2021-01-02", None, "2020-02-29"]).astype("datetime64[s]"),
        "day": pd.array([dt.date(2020, 1, 1), None, dt.date(2021, 1, 1)], dtype=object),
        "at": pd.to_datetime(["2021-01-02 03:04:05.678", None, "1950-02-28 00:00:00"],
                             format="ISO8601"),
        "beijing": pd.to_datetime(["2021-01-02 08:00", None, None]).tz_localize("Asia/Shanghai"),
        "class": pd.Categorical(["red", None, "blue"], ["blue", "red"], ordered=True),
        "none": pd.array([None] * 3, dtype=object), "no_text": pd.array([None] * 3, dtype="str"),
        "fid": [7, 7, 9], "geom": ["a", "b", "c"],
    }, index=pd.Index(["x", "y", "z"], name="场所编码"))
    shapes = [shapely.Point(5e5, 2.7e6), None, shapely.Point(5e5 + 1, 2.7e6)]
    return gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:4549")


def mixed():
    square = shapely.box(5e5, 2.7e6, 5e5 + 9, 2.7e6 + 9)
    shapes = [square, shapely.MultiPolygon([square, shapely.affinity.translate(square, 20)])]
    return gpd.GeoDataFrame({"unit_id": ["a", "b"]}, geometry=shapes, crs="EPSG:4549")


def assert_same(left, right):
    assert list(left) == list(right)
    for name, frame in left.items():
        if isinstance(frame, gpd.GeoDataFrame):
            assert_geodataframe_equal(frame, right[name], check_crs=True)
        else:
            assert type(right[name]) is pd.DataFrame
            assert_frame_equal(frame, right[name])


def test_same_content_comes_back_in_degrees(tmp_path):
    path = database.write(tmp_path / "d.gpkg", tables(), as_of=AS_OF)
    back = database.read(path)
    assert sorted(back) == ["cells", "classes", "shelters"]
    layer = back["shelters"]
    assert isinstance(layer, gpd.GeoDataFrame)
    assert layer.crs == "EPSG:4490"
    assert layer["shelter_id"].tolist() == shelters()["shelter_id"].tolist()
    home = layer.to_crs(shelters().crs).geometry
    assert home.distance(shelters().geometry).max() < 1e-3
    assert back["classes"]["risk_class"].tolist()[0] == "red"
    assert pd.isna(back["classes"]["risk_class"].tolist()[1])


def test_equal_inputs_give_equal_bytes_and_the_given_date(tmp_path):
    one = database.write(tmp_path / "1.gpkg", tables(), as_of=AS_OF)
    two = database.write(tmp_path / "2.gpkg", dict(reversed(tables().items())), as_of=AS_OF)
    assert sha256(one) == sha256(two)
    assert b"2024-01-31T00:00:00.000Z" in one.read_bytes()


def test_the_clock_is_given_back(tmp_path):
    database.write(tmp_path / "1.gpkg", tables(), as_of=AS_OF)
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_full_disk_in_gdal_is_explained_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise pyogrio.errors.FeatureError("sqlite3_step() failed: database or disk is full (13)")

    monkeypatch.setattr(pyogrio, "write_dataframe", full)
    with pytest.raises(ConfigError, match="free some space"):
        database.write(tmp_path / "d.gpkg", tables(), as_of=AS_OF)
    assert list(tmp_path.iterdir()) == []


# both stores


def both_ways(folder, frames):
    file = database.write(folder / "d.gpkg", frames, as_of=AS_OF)
    return database.read(file), database.read_parquet(
        database.write_parquet(folder / "parquet", frames))


def test_both_stores_hold_the_same(tmp_path):
    frames = {**tables(), "types": every_type(), "polygons": mixed(), "empty": shelters().iloc[:0],
              "表": pd.DataFrame(every_type().drop(columns="geometry"))}
    package, parquet = both_ways(tmp_path, frames)
    assert_same({name: package[name] for name in sorted(package)},
                {name: parquet[name] for name in sorted(parquet)})


def test_every_type_comes_back(tmp_path):
    for back in both_ways(tmp_path, {"types": every_type()}):
        frame = back["types"]
        assert frame.columns.tolist() == ["场所编码", *every_type().columns]
        assert frame["场所编码"].tolist() == ["x", "y", "z"]
        assert frame["编码"].fillna("-").tolist() == ["010", "-", "3"]
        assert frame["名称"].fillna("-").tolist() == ["东湖社区，“甲”", "", "-"]
        assert frame["whole"].tolist() == [1, 2, 2**53 + 1]
        assert frame["maybe_whole"].fillna(0).tolist() == [2**53 + 1, 0, 3]
        assert frame["maybe"].tolist() == [True, pd.NA, False]
        assert frame["maybe_object"].equals(frame["maybe"].rename("maybe_object"))
        assert frame["found_on"].dt.date.tolist()[::2] == [dt.date(2021, 1, 2),
                                                          dt.date(2020, 2, 29)]
        assert frame["day"].dt.date.tolist()[::2] == [dt.date(2020, 1, 1), dt.date(2021, 1, 1)]
        assert frame["at"][0] == pd.Timestamp("2021-01-02 03:04:05.678")
        assert frame["beijing"][0] == pd.Timestamp("2021-01-02 00:00")
        assert frame["class"].fillna("-").tolist() == ["red", "-", "blue"]
        assert frame["fid"].tolist() == [7, 7, 9]
        assert frame.geometry[1] is None
        assert frame.to_crs("EPSG:4549").geometry[2].x == pytest.approx(500001, abs=1e-4)
        kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
        assert [kinds[c] for c in ("whole", "small", "maybe_whole", "no_whole", "number", "yes",
                                   "maybe", "found_on", "none")] == [
            "int64", "int64", "Int64", "Int64", "float64", "bool", "boolean", "datetime64[ms]",
            "str"]


def test_what_was_read_is_stored_unchanged(tmp_path):
    back = database.read(database.write(tmp_path / "1.gpkg", {"t": every_type()}, as_of=AS_OF))
    again = database.write(tmp_path / "2.gpkg", back, as_of=AS_OF)
    assert sha256(again) == sha256(tmp_path / "1.gpkg")


def test_columns_that_differ_in_case_only_are_refused(tmp_path):
    frame = pd.DataFrame({"Name": [1], "name": [2]})
    with pytest.raises(SchemaError, match="differ in case"):
        database.write(tmp_path / "d.gpkg", {"t": frame}, as_of=AS_OF)
    assert list(tmp_path.iterdir()) == []


def test_equal_inputs_give_equal_parquet(tmp_path):
    for folder in "12":
        database.write_parquet(tmp_path / folder, tables())
    names = sorted(file.name for file in (tmp_path / "1").iterdir())
    assert names == ["cells.parquet", "classes.parquet", "shelters.parquet", "tables.json"]
    for name in names:
        assert sha256(tmp_path / "1" / name) == sha256(tmp_path / "2" / name)
    assert gpd.read_parquet(tmp_path / "1" / "shelters.parquet").crs == "EPSG:4490"


def test_tables_that_are_gone_leave_the_folder_and_strangers_stay(tmp_path):
    database.write_parquet(tmp_path, tables())
    (tmp_path / "mine.parquet").write_bytes(b"mine")
    database.write_parquet(tmp_path, {"cells": demand()})
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "cells.parquet", "mine.parquet", "tables.json"]


@pytest.mark.parametrize("name", ["", "a/b", "a.b", "..", "x\\y"])
def test_names_that_are_no_file_names_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be a file's"):
        database.write_parquet(tmp_path, {name: demand()})


def test_what_is_no_database_is_told(tmp_path):
    (tmp_path / "d.gpkg").write_bytes(b"nothing of the kind")
    for path in (tmp_path / "d.gpkg", tmp_path / "absent.gpkg"):
        with pytest.raises(ConfigError, match="cannot read the database"):
            database.read(path)
    with pytest.raises(ConfigError, match="no database"):
        database.read_parquet(tmp_path)
    database.write_parquet(tmp_path, {"cells": demand()})
    (tmp_path / "cells.parquet").write_bytes(b"damaged")
    with pytest.raises(ConfigError, match=r"cells\.parquet"):
        database.read_parquet(tmp_path)


# upsert


def points(ids, values, **columns):
    return gpd.GeoDataFrame({"point_id": ids, "persons": values, **columns}, crs="EPSG:4549",
                            geometry=gpd.points_from_xy(5e5 + np.arange(len(ids)),
                                                        [2.7e6] * len(ids)))


@pytest.fixture
def file(tmp_path):
    return database.write(tmp_path / "d.gpkg", as_of=AS_OF, tables={
        "points": points(["a", "b", "c"], [1, 2, 3], checked=[True, True, False]),
        "other": demand()})


def test_upsert_adds_replaces_and_keeps(file):
    other = database.read(file)["other"]
    new = points(["d", "b"], [4, 20])
    database.upsert(file, "points", new, key="point_id", as_of=AS_OF)
    back = database.read(file)
    layer = back["points"]
    assert layer["point_id"].tolist() == ["a", "b", "c", "d"]
    assert layer["persons"].tolist() == [1, 20, 3, 4]
    assert layer["checked"].tolist() == [True, True, False, pd.NA]  # no column of the new rows
    assert layer.to_crs("EPSG:4549").geometry.x.round().tolist() == [5e5, 5e5 + 1, 5e5 + 2, 5e5]
    assert_geodataframe_equal(back["other"], other)
    with sqlite3.connect(file) as base:
        assert base.execute("select count(*) from rtree_points_geom").fetchone() == (4,)
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)


def test_upsert_twice_is_upsert_once(file):
    new = points(["d", "b"], [4, 20], note=["新", None])
    database.upsert(file, "points", new, key="point_id", as_of=AS_OF)
    once, stamp = sha256(file), file.stat().st_mtime_ns
    database.upsert(file, "points", new, key="point_id", as_of=dt.date(2025, 1, 1))
    assert (sha256(file), file.stat().st_mtime_ns) == (once, stamp)


def test_upsert_of_equal_files_gives_equal_bytes(file):
    twin = Path(shutil.copy(file, file.with_name("twin.gpkg")))
    for path in (file, twin):
        database.upsert(path, "points", points(["e"], [5]), key="point_id", as_of=AS_OF)
    assert sha256(file) == sha256(twin)


def test_upsert_makes_the_file_and_the_table(tmp_path):
    path = tmp_path / "new" / "d.gpkg"
    frame = pd.DataFrame({"n": pd.array([1, None], dtype="Int64")},
                         index=pd.Index(["001", "002"], name="编号"))
    database.upsert(path, "表", frame, key="编号", as_of=AS_OF)
    database.upsert(path, "points", points(["a"], [1]), key="point_id", as_of=AS_OF)
    database.upsert(path, "表", frame.iloc[1:].assign(n=7), key="编号", as_of=AS_OF)
    back = database.read(path)
    assert sorted(back) == ["points", "表"]
    assert dict(zip(back["表"]["编号"], back["表"]["n"], strict=True)) == {"001": 1, "002": 7}


@pytest.mark.parametrize(("frame", "words"), [
    (points(["a", "a"], [1, 2]), "occurs twice"),
    (points([None, "a"], [1, 2]), "missing"),
    (points(["a"], [1]).rename(columns={"point_id": "id"}), "no column"),
    (points(["a"], ["one"]), "changes its type"),
    (points([1], [1]), "changes its type"),
    (pd.DataFrame({"point_id": ["a"], "persons": [1]}), "cannot be one"),
])
def test_upsert_refuses_and_leaves_the_file(file, frame, words):
    before = sha256(file)
    with pytest.raises(SchemaError, match=words):
        database.upsert(file, "points", frame, key="point_id", as_of=AS_OF)
    assert sha256(file) == before
    assert [p.name for p in file.parent.iterdir()] == ["d.gpkg"]


# a stop between any two writes


class Stopped(BaseException):
    """Stands for a kill: nothing in the package may catch it."""


STEPS = [(pyogrio, "write_dataframe"), (shutil, "copyfile"), (os, "fsync"), (Path, "replace"),
         (Path, "unlink"), (gpd.GeoDataFrame, "to_parquet"), (pd.DataFrame, "to_parquet")]


def stop_at(monkeypatch, number, *, after):
    """Stop at the number-th step that touches the disk, before or after it is done."""
    count = [0]

    def watched(call):
        def step(*args, **kwargs):
            count[0] += 1
            if count[0] > number:  # after a kill nothing happens any more
                raise Stopped
            if count[0] == number and not after:
                raise Stopped
            result = call(*args, **kwargs)
            if count[0] == number:
                raise Stopped
            return result
        return step

    for owner, name in STEPS:
        monkeypatch.setattr(owner, name, watched(getattr(owner, name)))


OLD = {"cells": demand(), "points": points(["a", "b"], [1, 2])}
NEW = {"added": pd.DataFrame({"k": ["x"]}), "points": points(["a", "b", "c"], [1, 9, 3])}
WRITERS = {
    "gpkg": (lambda at, new: database.write(at / "d.gpkg", new, as_of=AS_OF),
             lambda at: database.read(at / "d.gpkg")),
    "upsert": (lambda at, new: [database.upsert(at / "d.gpkg", name, frame, as_of=AS_OF,
                                                key=frame.columns[0])
                                for name, frame in new.items() if name == "points"],
               lambda at: database.read(at / "d.gpkg")),
    "parquet": (database.write_parquet, database.read_parquet),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("how", WRITERS)
def test_a_stop_anywhere_leaves_the_old_or_the_new(tmp_path, monkeypatch, how, after):
    write, read = WRITERS[how]
    write(tmp_path / "new", OLD)
    write(tmp_path / "new", NEW)
    write(tmp_path / "old", OLD)
    old, new = read(tmp_path / "old"), read(tmp_path / "new")
    seen = set()
    for number in range(1, 60):
        at = tmp_path / str(number)
        write(at, OLD)
        with monkeypatch.context() as patch:
            stop_at(patch, number, after=after)
            try:
                write(at, NEW)
            except Stopped:
                pass
            else:
                break
        found = read(at)
        which = "old" if set(found) == set(old) and found["points"].equals(old["points"]) else "new"
        assert_same(found, old if which == "old" else new)
        seen.add(which)
        write(at, NEW)  # and the next writer is not in the way of what was left
        assert_same(read(at), new)
    assert number > 3
    assert "old" in seen
    assert which == "new" or not after


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.2])
def test_a_killed_writer_leaves_a_whole_file(file, delay_s):
    before = database.read(file)["points"]
    script = textwrap.dedent(f"""
        import sys, datetime as dt
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from test_database import points
        from qzrisk.layers import database
        print("ready", flush=True)
        for k in range(10_000):
            database.upsert({str(file)!r}, "points", points(["a", "z"], [k, k]), key="point_id",
                            as_of=dt.date(2024, 1, 31))
    """)
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True,
                             cwd=Path(__file__).parents[1])
    try:
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(timeout=delay_s)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    found = database.read(file)["points"].set_index("point_id")
    assert found.loc[["b", "c"], "persons"].tolist() == before["persons"].tolist()[1:]
    if "z" in found.index:
        assert found.loc["a", "persons"] == found.loc["z", "persons"]
    else:
        assert found.loc["a", "persons"] == 1

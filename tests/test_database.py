import datetime as dt

import geopandas as gpd
import pandas as pd
import pyogrio
from city import demand, shelters

from qzrisk.files import sha256
from qzrisk.layers import database
from qzrisk.levels import ordered

AS_OF = dt.date(2024, 1, 31)


def tables():
    classes = ordered(pd.Series(["red", None], index=pd.Index(["a", "b"], name="unit_id")))
    return {"shelters": shelters().set_index("shelter_id"), "cells": demand(),
            "classes": classes.rename("risk_class").to_frame()}


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

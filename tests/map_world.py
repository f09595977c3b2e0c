"""A tiny world for the map tests: four square units of 10 km in a row, the last without data."""

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.transform import from_origin
from shapely.geometry import LineString, Point, box

from qzrisk.grid import Raster
from qzrisk.levels import ordered
from qzrisk.maps.spec import LayerSpec, MapSpec

CRS = "EPSG:4549"
LEFT, BOTTOM = 330_000.0, 2_760_000.0


def units():
    shapes = [box(LEFT + 10_000 * i, BOTTOM, LEFT + 10_000 * (i + 1), BOTTOM + 10_000)
              for i in range(4)]
    return gpd.GeoDataFrame({"name": ["东城区", "西城区", "南山县", "北岛县"]}, geometry=shapes,
                            crs=CRS, index=list("abcd"))


def risk(codes=("red", "blue", "red", None)):
    return ordered(pd.Series(list(codes), index=list("abcd")))


def risk_layer(**changes):
    given = {"name": "risk", "title": "综合风险等级", "kind": "choropleth", "frame": units(),
             "classes": risk(), "palette": "risk", "label": "name",
             "thresholds": {"red": "> 0.7", "blue": "≤ 0.2"}, "boundary": False}
    return LayerSpec(**{**given, **changes})


def lines_layer(**changes):
    given = {"name": "counties", "title": "县界", "kind": "outline", "frame": units(),
             "style": "county_line"}
    return LayerSpec(**{**given, **changes})


def points_layer(**changes):
    frame = gpd.GeoDataFrame(
        {"name": ["甲", "乙", "丙"]}, index=["p", "q", "r"], crs=CRS,
        geometry=[Point(LEFT + 2_000 + 9_000 * i, BOTTOM + 3_000) for i in range(3)])
    tiers = ordered(pd.Series(["county", "village", "village"], index=frame.index),
                    ("village", "township", "county"))
    given = {"name": "shelters", "title": "避灾点", "kind": "points", "frame": frame,
             "classes": tiers, "palette": "tier", "unit_word": "处"}
    return LayerSpec(**{**given, **changes})


def table():
    return pd.DataFrame({"县": ["东城区", "西城区", "南山县", "北岛县"],
                         "指数": [0.8, 0.1, 0.75, np.nan],
                         "等级": ["red", "blue", "red", None]})


def risk_map(**changes):
    given = {"name": "risk_map", "title": "小城综合风险等级图", "subtitle": "县级单元", "crs": CRS,
             "layers": (risk_layer(), lines_layer()), "table": table(), "class_column": "等级",
             "table_palette": "risk", "table_title": "各县综合风险",
             "key_figures": {"常住人口": "88.5 万"}, "notes": ("北岛县暂缺资料。",),
             "source": "合成数据。", "date_text": "2021-12-31", "rule_pack": "R 1",
             "run_id": "abc123"}
    return MapSpec(**{**given, **changes})


def road():
    return gpd.GeoDataFrame(index=["r"], crs=CRS, geometry=[
        LineString([(LEFT, BOTTOM + 5_000), (LEFT + 40_000, BOTTOM + 5_000)])])


def raster_layer(**changes):
    values = np.add.outer(np.arange(50.0), np.arange(200.0))
    values[:10, :10] = np.nan
    transform = from_origin(LEFT, BOTTOM + 10_000, 200, 200)
    given = {"name": "rain", "title": "降雨量", "kind": "raster", "style": "rain",
             "raster": Raster(values, crs=CRS, transform=transform), "unit_word": "mm"}
    return LayerSpec(**{**given, **changes})

"""A small second city made by the tests: 2 counties and one without data, 6 villages, 30 cells.

Nothing in it resembles the sample: ids are words, the CRS is another zone, the shelters have no
capacities for one village, one village has no shelter. Numbers can be checked by hand.

County A is the square 0..6 km, county B 6..12 km east of it, county Z (no data) 12..14 km. Each
county with data holds three villages, strips 2 km wide; a village has five cells on its centre
line, 1 km apart, of 100 persons each. Village vb is a functional zone taken out of county A.
Each cell has 100 persons. Each village but the last has one shelter on its middle
cell, moved 300 m north.
"""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import Point, box

CRS = "EPSG:4547"
LEFT, BOTTOM = 480_000.0, 3_300_000.0
VILLAGES = ("va", "vb", "vc", "vd", "ve", "vf")
CELL_PERSONS = 100


def _shapes():
    strips = {v: box(LEFT + 2000 * i, BOTTOM, LEFT + 2000 * (i + 1), BOTTOM + 5000)
              for i, v in enumerate(VILLAGES)}
    county = {"A": box(LEFT, BOTTOM, LEFT + 6000, BOTTOM + 5000),
              "B": box(LEFT + 6000, BOTTOM, LEFT + 12000, BOTTOM + 5000),
              "Z": box(LEFT + 12000, BOTTOM, LEFT + 14000, BOTTOM + 5000)}
    return strips, county


def units_table():
    rows = [("city", "小城", "city", None, None, True)]
    rows += [(c, f"{c}县", "county", "city", "B" if c == "B" else None, c != "Z") for c in "ABZ"]
    rows += [(f"t{c}", f"{c}镇", "town", c, None if c == "A" else "B", True) for c in "AB"]
    parts = {"va": "A1", "vb": "A2", "vc": "A1"}
    rows += [(v, f"{v}村", "village", "tA" if i < 3 else "tB", parts.get(v, "B"), True)
             for i, v in enumerate(VILLAGES)]
    rows += [("A1", "A县其余", "reporting", "A", "A1", True),
             ("A2", "A县新区", "reporting", "A", "A2", True)]
    return pd.DataFrame(rows, columns=["unit_id", "name", "level", "parent_id", "reporting_id",
                                       "in_statistics"])


def boundaries():
    strips, county = _shapes()
    shapes = {"city": box(LEFT, BOTTOM, LEFT + 14000, BOTTOM + 5000), **county,
              "tA": county["A"], "tB": county["B"], **strips}
    table = units_table().set_index("unit_id").loc[list(shapes)].reset_index()
    frame = gpd.GeoDataFrame(table.drop(columns="reporting_id"), geometry=list(shapes.values()),
                             crs=CRS)
    return frame.assign(area_m2=frame.area)


def demand():
    rows = []
    for i, village in enumerate(VILLAGES):
        for j in range(5):
            rows.append((f"{village}{j}", village, CELL_PERSONS, 20, 10,
                         Point(LEFT + 2000 * i + 1000, BOTTOM + 500 + 1000 * j)))
    return gpd.GeoDataFrame(rows, columns=["demand_id", "unit_id", "persons", "elderly_persons",
                                           "children_persons", "geometry"], crs=CRS)


def shelters():
    rows = [(f"S-{v}", v, f"{v}村避灾点", "county" if i == 0 else "village", 150, 120,
             "open", "联系人甲", "0999-1234567",
             Point(LEFT + 2000 * i + 1000, BOTTOM + 2500 + 300))
            for i, v in enumerate(VILLAGES[:-1])]
    return gpd.GeoDataFrame(rows, columns=[
        "shelter_id", "unit_id", "name", "tier", "capacity_persons", "effective_capacity_persons",
        "status", "manager", "phone", "geometry"], crs=CRS)


def write_hazard(path, size=200):
    """A raster whose value is the number of the village (0..5), 200 m cells over the counties."""
    columns = np.arange(70)
    row = np.minimum(columns * size // 2000, 6).astype("float32")
    row[60:] = -9999
    with rasterio.open(path, "w", driver="GTiff", width=70, height=25, count=1, dtype="float32",
                       crs=CRS, nodata=-9999,
                       transform=from_origin(LEFT, BOTTOM + 5000, size, size)) as raster:
        raster.write(np.tile(row, (25, 1)), 1)


PROJECT = """\
[project]
name = "tiny"
zh = "小城"
en = "Tiny"
crs = "EPSG:4547"
as_of = 2024-01-31
synthetic = true
source_zh = "测试"
source_en = "test"
no_data_zh = "Z县暂缺资料"
no_data_en = "No data for county Z"
units = "units.csv"
official = "official.toml"
[[source]]
layer = "boundaries"
path = "units.gpkg"
[[source]]
layer = "demand"
path = "cells.gpkg"
[[source]]
layer = "shelters"
path = "shelters.geojson"
[[raster]]
name = "hazard"
path = "hazard.tif"
unit = "grade"
[coverage]
thresholds_m = [400.0, 1500.0, 2500.0]
map_threshold_m = 1500.0
[risk]
scheme = "natural_breaks"
[[risk.indicators]]
name = "hazard_mean"
dimension = "hazard"
measure = "raster_mean"
source = "hazard"
direction = 1
weight = 3.0
zh = "危险性"
en = "Hazard"
[[risk.indicators]]
name = "covered_share_1500m"
dimension = "capacity"
measure = "coverage_column"
source = "covered_share_1500m"
direction = -1
weight = 1.0
zh = "覆盖"
en = "Covered"
"""

OFFICIAL = """\
[[figures]]
key = "shelters"
value = 5
unit = "个"
year = 2023
form = "5个"
source = "test"
sentence = "5个"
[[figures]]
key = "resident_persons"
unit_id = "city"
value = 3100
tolerance = 50
unit = "人"
year = 2023
form = "0.31万人"
source = "test"
sentence = "0.31万人"
"""


def write_city(folder):
    """Write the city's files and project.toml; return the path of the latter."""
    folder = Path(folder)
    units_table().to_csv(folder / "units.csv", index=False)
    boundaries().to_file(folder / "units.gpkg", layer="units")
    demand().to_file(folder / "cells.gpkg", layer="cells")
    shelters().to_crs("EPSG:4326").to_file(folder / "shelters.geojson")
    write_hazard(folder / "hazard.tif")
    (folder / "official.toml").write_text(OFFICIAL, encoding="utf-8")
    path = folder / "project.toml"
    path.write_text(PROJECT, encoding="utf-8")
    return path

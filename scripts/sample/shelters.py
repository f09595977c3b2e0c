"""The 2,746 generated shelters (避灾点) of the sample city.

The count, the three tiers and the facilities that host shelters are real; every place, area and
capacity is generated. Some villages have no shelter and some have two, some declare more places
than their rooms hold, and some stand where the hazard they serve strikes: as in life.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer
from scipy import ndimage

from .grid import SampleGrid, land_mask
from .hazards import PGA_G
from .terrain import landscape, random_stream, spectral_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHELTERS = {"county": 24, "township": 253, "village": 2469}
UPGRADED_IN_2021 = 100
UPGRADE_YUAN = 50_000
SECOND_SHELTERS = 760  # villages with two of their own
CLUSTERED = 0.95  # how far gaps keep together: 0 scattered, 1 whole districts without
TOWNWARD_M = 300.0  # sites lie on the side of the village that looks to its town
AREA_PER_PERSON_M2 = 2.0  # MZ/T 052-2014
LEAST_PLACES = {"county": 300, "township": 200, "village": 100}
TRIES = 24

# facility: what it is called after the place name, by tier
CALLED = {
    "学校": {"county": "第一中学", "township": "中心小学", "village": "小学"},
    "村部": {"village": "村部"},
    "老人活动中心": {"township": "老人活动中心", "village": "老人活动中心"},
    "礼堂": {"county": "人民会堂", "township": "礼堂", "village": "礼堂"},
    "体育馆": {"county": "体育馆", "township": "体育馆"},
    "敬老院": {"township": "敬老院", "village": "敬老院"},
    "影剧院": {"county": "影剧院", "township": "影剧院"},
    "人防工程": {"county": "人防工程", "township": "人防工程"},
    "祠堂祖厝": {"village": "祖厝"},
    "公园广场": {"county": "人民公园", "township": "文化广场", "village": "文化广场"},
}
HOSTS = {
    "county": {"体育馆": 35, "学校": 30, "影剧院": 12, "人防工程": 13, "礼堂": 5, "公园广场": 5},
    "township": {
        "学校": 46, "敬老院": 13, "礼堂": 12, "影剧院": 9, "体育馆": 8, "老人活动中心": 5,
        "公园广场": 4, "人防工程": 3},
    "village": {
        "村部": 34, "学校": 30, "老人活动中心": 18, "祠堂祖厝": 8, "礼堂": 5, "公园广场": 4,
        "敬老院": 1},
}  # fmt: skip
OPEN_AIR = "公园广场"
WITH_YARD = {"学校": 0.75, "体育馆": 0.7, "村部": 0.25, "祠堂祖厝": 0.2, "敬老院": 0.3}
STRUCTURE_NAMES = ("框架", "砖混", "砖木", "钢结构")
STRUCTURES = {  # share of each: frame, brick and concrete, brick and timber, steel
    "体育馆": (0.5, 0.05, 0.0, 0.45),
    "人防工程": (1.0, 0.0, 0.0, 0.0),
    "祠堂祖厝": (0.05, 0.35, 0.6, 0.0),
}
ORDINARY_STRUCTURE = (0.45, 0.5, 0.04, 0.01)
INDOOR_M2 = {"county": (1500, 0.45), "township": (680, 0.4), "village": (330, 0.38)}
FACILITIES = {  # code: share of sites that have it
    "broadcast": 0.5, "bedding": 0.8, "comms": 0.7, "cooking": 0.35, "duty_room": 0.8,
    "lighting": 0.95, "medical": 0.3, "men_dormitory": 0.65, "power": 0.97, "sign": 0.85,
    "store": 0.6, "toilet": 0.95, "water": 0.95, "women_dormitory": 0.65,
}  # fmt: skip
# "衙口村委会" is the office of 衙口村, "金山社区居委会" that of 金山社区.
PLACE_OF_OFFICE = {r"村委会$": "村", r"社区居[委民]会$": "社区", r"居委会$": "社区"}
MOUNTAIN_COUNTIES = ("350504", "350524", "350525", "350526", "350583")


def villages_with_shelters(
    villages: pd.DataFrame, neglect: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return how many village shelters (0, 1 or 2) each village has; they sum to 2,469.

    Parameters
    ----------
    villages : DataFrame
        Columns ``unit_id, persons``.
    neglect : ndarray
        One value a village, smooth over the map: in each county the villages with the highest
        have none, so that gaps keep together and yet no county stands empty.
    rng : Generator
    """
    persons = villages["persons"].to_numpy(float)
    none = len(villages) + SECOND_SHELTERS - SHELTERS["village"]
    scatter = rng.standard_normal(len(villages))
    county = pd.Series(neglect).groupby(villages["unit_id"].str[:6].to_numpy())
    relative = ((neglect - county.transform("mean")) / county.transform("std")).to_numpy()
    score = CLUSTERED * relative + (1 - CLUSTERED) * scatter
    score = np.where(persons > 0, score, np.inf)
    empty = np.argsort(-score, kind="stable")[:none]
    size = np.log1p(persons) + 0.8 * rng.standard_normal(len(villages))
    size[empty] = -np.inf
    count = np.ones(len(villages), dtype=np.int64)
    count[empty] = 0
    count[np.argsort(-size, kind="stable")[:SECOND_SHELTERS]] = 2
    return count


def tier_table(
    villages: pd.DataFrame, counts: NDArray[np.int64], towns: pd.DataFrame
) -> pd.DataFrame:
    """One row a shelter: unit_id (village), tier, place name it is called after.

    Township sites stand in the most peopled villages of the town, county sites in those of the
    county's seat (the town of the lowest code). The larger counties have three, the larger towns
    two.
    """
    ranked = villages.sort_values(["persons", "unit_id"], ascending=[False, True])
    parts = [
        pd.DataFrame(
            {
                "unit_id": np.repeat(villages["unit_id"].to_numpy(), counts),
                "tier": "village",
                "place": np.repeat(villages["place"].to_numpy(), counts),
            }
        )
    ]
    seat = ~towns["unit_id"].str[:6].duplicated().to_numpy()
    at_seat = ranked["unit_id"].str[:9].isin(towns.loc[seat, "unit_id"])
    for tier, digits, pool in (("county", 6, ranked[at_seat]), ("township", 9, ranked)):
        persons = ranked.groupby(ranked["unit_id"].str[:digits])["persons"].sum()
        persons = persons.sort_values(ascending=False, kind="stable")
        each, extra = divmod(SHELTERS[tier], len(persons))
        sites = pd.Series(each, index=persons.index) + (np.arange(len(persons)) < extra)
        above = pool["unit_id"].str[:digits]
        order, size = pool.groupby(above).cumcount(), above.map(above.value_counts())
        for turn in range(each + 1):
            # A unit with fewer villages than sites puts several into one village.
            chosen = pool[(order == turn % size) & (above.map(sites) > turn)]
            place = chosen[f"{tier}_place"]
            parts.append(pd.DataFrame({"unit_id": chosen["unit_id"], "tier": tier, "place": place}))
    table = pd.concat(parts, ignore_index=True)
    table["tier"] = pd.Categorical(table["tier"], ["county", "township", "village"])
    table = table.sort_values(["unit_id", "tier"], kind="stable", ignore_index=True)
    table["tier"] = table["tier"].astype(str)
    number = table.groupby("unit_id").cumcount() + 1
    table["shelter_id"] = table["unit_id"] + "-S" + number.astype(str).str.zfill(2)
    return table


def places(
    table: pd.DataFrame,
    cells: pd.DataFrame,
    polygons: gpd.GeoSeries,
    grid: SampleGrid,
    land: NDArray[np.bool_],
    rng: np.random.Generator,
) -> gpd.GeoSeries:
    """Points near where people live, off the cell centres, inside the declared village.

    Parameters
    ----------
    table : DataFrame
        Column ``unit_id``.
    cells : DataFrame
        Populated cells: ``unit_id``, ``persons``, ``x``, ``y``, ``seat_m`` (to the town's seat).
    polygons : GeoSeries in EPSG:4490 indexed by village code
    grid, land : grid and its cells on land
    rng : Generator

    Raises
    ------
    ValueError
        If no place was found in a village.
    """
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4490", always_xy=True)
    by_village = dict(tuple(cells.groupby("unit_id")))
    inner = polygons.to_crs(grid.crs).representative_point()
    x, y = (np.empty((len(table), TRIES)) for _ in range(2))
    for row, code in enumerate(table["unit_id"]):
        if code not in by_village:
            x[row], y[row] = inner[code].x, inner[code].y
            continue
        part = by_village[code]
        astray_m = part["seat_m"].to_numpy() - part["seat_m"].min()
        weight = part["persons"].to_numpy(float) ** 0.6 * np.exp(-astray_m / TOWNWARD_M)
        drawn = rng.choice(len(part), size=TRIES, p=weight / weight.sum())
        x[row], y[row] = part["x"].to_numpy()[drawn], part["y"].to_numpy()[drawn]
    angle = rng.uniform(0, 2 * np.pi, x.shape)
    off_m = rng.uniform(25, 130, x.shape)
    x, y = x + off_m * np.cos(angle), y + off_m * np.sin(angle)
    lon, lat = (np.round(values, 6) for values in to_degrees.transform(x, y))
    home = polygons[table["unit_id"]].to_numpy()
    shapely.prepare(home)
    good = shapely.contains_xy(home[:, None], lon, lat) & grid.sample(land, x, y)
    if not good.any(axis=1).all():
        lost = table["unit_id"][~good.any(axis=1)].tolist()
        raise ValueError(f"no place for a shelter after {TRIES} tries in villages {lost}")
    row, first = np.arange(len(table)), good.argmax(axis=1)
    points = shapely.points(lon[row, first], lat[row, first])
    return gpd.GeoSeries(points, index=table.index, crs="EPSG:4490")


def hosts(table: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Draw the facility that hosts each shelter; two of one place never share one."""
    taken: dict[tuple[str, str], set[str]] = {}
    chosen = []
    for tier, unit in zip(table["tier"], table["unit_id"], strict=True):
        digits = {"county": 6, "township": 9, "village": 12}[tier]
        used = taken.setdefault((tier, unit[:digits]), set())
        share = {name: weight for name, weight in HOSTS[tier].items() if name not in used}
        weight = np.array(list(share.values()), dtype=float)
        chosen.append(list(share)[rng.choice(len(share), p=weight / weight.sum())])
        used.add(chosen[-1])
    return pd.Series(chosen, index=table.index)


def areas_and_places(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Space, areas, declared and effective capacity of each shelter.

    Most sites declare their indoor area at 2 m2 a person, rounded down to ten; about one in
    twelve declares more than its rooms hold. The effective capacity is what the rooms hold, at
    most what is declared; a site in the open air alone has no effective place (MZ/T 052-2014).
    """
    size = len(table)
    open_air = (table["host_facility"] == OPEN_AIR).to_numpy()
    yard = rng.random(size) < table["host_facility"].map(WITH_YARD).fillna(0.05).to_numpy()
    median, spread = (table["tier"].map({k: v[i] for k, v in INDOOR_M2.items()}) for i in (0, 1))
    indoor = median.to_numpy() * np.exp(spread.to_numpy() * rng.standard_normal(size))
    floor = table["tier"].map(LEAST_PLACES).to_numpy() * AREA_PER_PERSON_M2
    # Most sites were chosen to meet the least size of their tier.
    meets = rng.random(size) < 0.6
    indoor = np.where(meets, np.maximum(indoor, floor * rng.uniform(1.0, 1.25, size)), indoor)
    indoor = np.where(open_air, 0, np.maximum(indoor, 60)).round()
    outdoor = np.where(open_air, 4.5 * floor, 0.0) + np.where(yard & ~open_air, indoor, 0.0)
    usable = (indoor + outdoor * np.exp(0.5 * rng.standard_normal(size) + 0.4)).round()
    held = np.floor(np.where(open_air, usable * 0.35, indoor) / AREA_PER_PERSON_M2)
    excess = np.where(rng.random(size) < 0.08, rng.uniform(1.15, 2.2, size), 1.0)
    declared = np.maximum(np.floor(held * excess / 10) * 10, 20).astype("int64")
    effective = np.minimum(declared, np.floor(indoor / AREA_PER_PERSON_M2)).astype("int64")
    return pd.DataFrame(
        {
            "space": np.select([open_air, yard], ["outdoor", "both"], "indoor"),
            "usable_area_m2": usable.astype("int64"),
            "indoor_area_m2": indoor.astype("int64"),
            "capacity_persons": declared,
            "effective_capacity_persons": effective,
        },
        index=table.index,
    )


def building(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Structure, year and fortification intensity; all missing in the open air."""
    shares = np.array([STRUCTURES.get(h, ORDINARY_STRUCTURE) for h in table["host_facility"]])
    pick = (rng.random(len(table))[:, None] > shares.cumsum(axis=1)).sum(axis=1)
    pick = np.minimum(pick, len(STRUCTURE_NAMES) - 1)
    old = (table["host_facility"] == "祠堂祖厝").to_numpy()
    year = np.where(old, rng.integers(1880, 1991, len(table)), 0)
    modern = 2018 - np.floor(rng.gamma(2.0, 8.0, len(table)))
    year = np.where(old, year, np.maximum(modern, 1958)).astype("int64")
    # GB 50011: intensity 6 at 0.05 g, 7 at 0.10 and 0.15 g; older houses were built without.
    by_county = {county: 6 if pga < 0.10 else 7 for pga, c in PGA_G.items() for county in c}
    intensity = table["unit_id"].str[:6].map(by_county).to_numpy()
    weak = (year < 1990) | (pick == STRUCTURE_NAMES.index("砖木"))
    intensity = np.where(weak, 6 - (year < 1978), intensity)
    open_air = (table["host_facility"] == OPEN_AIR).to_numpy()
    return pd.DataFrame(
        {
            "structure": np.where(open_air, "", np.array(STRUCTURE_NAMES)[pick]),
            "seismic_intensity": pd.array(intensity, dtype="Int64"),
            "built_year": year,
        },
        index=table.index,
    ).assign(seismic_intensity=lambda frame: frame["seismic_intensity"].mask(open_air))


def hazards_served(
    table: pd.DataFrame, coast_m: NDArray[np.float64], rng: np.random.Generator
) -> pd.Series:
    """Codes of the hazards each shelter serves, sorted and joined by semicolons."""
    size = len(table)
    rooms = (table["space"] != "outdoor").to_numpy()
    county = table["unit_id"].str[:6]
    fortified = county.map({c: 6 if pga < 0.10 else 7 for pga, cs in PGA_G.items() for c in cs})
    sound = (table["seismic_intensity"] >= fortified).fillna(value=False).to_numpy(bool)
    upland = county.isin(MOUNTAIN_COUNTIES).to_numpy()
    serves = {
        "earthquake": ~rooms | ((table["space"] == "both") & sound & (rng.random(size) < 0.8)),
        "flood": rooms & (rng.random(size) < 0.92),
        "forest_fire": upland & (rng.random(size) < 0.45),
        "landslide": rooms & upland & (rng.random(size) < 0.9),
        "surge": rooms & (coast_m < 8000) & (rng.random(size) < 0.85),
        "typhoon": rooms & (rng.random(size) < 0.98),
    }
    serves["typhoon"] |= ~np.any(list(serves.values()), axis=0)
    return _joined(serves, table.index)


def _joined(flags: dict[str, NDArray[np.bool_]], index: pd.Index) -> pd.Series:
    codes = sorted(flags)
    grid = np.column_stack([flags[code] for code in codes])
    return pd.Series([";".join(np.array(codes)[row]) for row in grid], index=index)


def upgrades(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Choose the 100 sites upgraded in 2021 for 50,000 yuan each, and price the others.

    ``upgrade_capacity_persons`` is the number of places an upgrade adds (or added).
    """
    size = len(table)
    able = ((table["status"] == "open") & (table["indoor_area_m2"] > 0)).to_numpy(float)
    done = np.zeros(size, dtype=bool)
    done[rng.choice(size, UPGRADED_IN_2021, replace=False, p=able / able.sum())] = True
    gain = (table["capacity_persons"] * rng.uniform(0.08, 0.5, size) / 5).round() * 5
    cost = 18_000 + 900 * gain * rng.uniform(0.5, 1.5, size)
    cost = np.clip((cost / 1000).round() * 1000, 20_000, 300_000)
    return pd.DataFrame(
        {
            "upgraded_year": pd.array(np.where(done, 2021, 0), dtype="Int64"),
            "upgrade_cost_yuan": np.where(done, UPGRADE_YUAN, cost).astype("int64"),
            "upgrade_capacity_persons": np.maximum(gain, 5).astype("int64"),
        },
        index=table.index,
    ).assign(upgraded_year=lambda frame: frame["upgraded_year"].mask(~done))


def shelters(
    grid: SampleGrid,
    villages: gpd.GeoDataFrame,
    towns: pd.DataFrame,
    counties: pd.DataFrame,
    cells: pd.DataFrame,
    *,
    seed: int,
) -> gpd.GeoDataFrame:
    """Generate the shelters layer (EPSG:4490), one row a site, by ``shelter_id``.

    Parameters
    ----------
    grid : SampleGrid
    villages : GeoDataFrame in EPSG:4490
        ``unit_id``, ``name``, ``persons`` and polygons.
    towns, counties : DataFrame
        ``unit_id``, ``name``.
    cells : DataFrame
        Populated cells: ``unit_id`` (village), ``persons``, ``x``, ``y`` (metres).
    seed : int
    """
    names = {"township_place": (9, towns), "county_place": (6, counties)}
    villages = villages.sort_values("unit_id", ignore_index=True)
    towns = towns.sort_values("unit_id", ignore_index=True)
    villages["place"] = villages["name"].replace(PLACE_OF_OFFICE, regex=True)
    for column, (digits, frame) in names.items():
        called = frame.set_index("unit_id")["name"]
        villages[column] = villages["unit_id"].str[:digits].map(called)
    ground = landscape(grid, seed)
    inner = villages.geometry.to_crs(grid.crs).representative_point()
    neglect = _neglect(grid, seed)[grid.rows_cols(inner.x, inner.y)]
    counts = villages_with_shelters(villages, neglect, random_stream(seed, "village shelters"))
    table = tier_table(villages, counts, towns)
    rng = random_stream(seed, "shelters")
    polygons = villages.set_index("unit_id").geometry
    cells = cells.assign(seat_m=_seat_m(cells, villages))
    spots = places(table, cells, polygons, grid, land_mask(grid), rng)
    table["host_facility"] = hosts(table, rng)
    called = [CALLED[h][t] for h, t in zip(table["host_facility"], table["tier"], strict=True)]
    table["name"] = table.pop("place") + pd.Series(called) + "避灾点"
    for part in (areas_and_places(table, rng), building(table, rng)):
        table = table.join(part)
    metres = spots.to_crs(grid.crs)
    coast_m = ndimage.distance_transform_edt(~ground.sea) * grid.cell_m
    table["hazards_served"] = hazards_served(table, grid.sample(coast_m, metres.x, metres.y), rng)
    draw = rng.random(len(table))
    table["status"] = np.select([draw < 0.02, draw < 0.10], ["unfit", "standby"], "open")
    table["facilities"] = _joined(
        {code: rng.random(len(table)) < share for code, share in FACILITIES.items()}, table.index
    )
    table = table.join(upgrades(table, rng))
    number = np.arange(1, len(table) + 1)
    table["manager"] = [f"样例{value:04d}" for value in number]
    table["phone"] = [f"0595-0000{value:04d}" for value in number]
    table["synthetic"] = True
    return gpd.GeoDataFrame(table[COLUMNS], geometry=spots)


def _neglect(grid: SampleGrid, seed: int) -> NDArray[np.float64]:
    """Smooth field of broad and narrow districts that the programme has passed by."""
    rng = random_stream(seed, "neglect")
    broad = spectral_noise(grid.shape, rng, exponent=2.8)
    narrow = spectral_noise(grid.shape, rng, exponent=2.6, longest_cells=90)
    parts = [ndimage.gaussian_filter(part, 6) for part in (broad, narrow)]
    return parts[0] / parts[0].std() + 0.3 * parts[1] / parts[1].std()


def _seat_m(cells: pd.DataFrame, villages: pd.DataFrame) -> pd.Series:
    """Distance of each cell to the fullest cell of the most peopled village of its town."""
    first = villages.sort_values(["persons", "unit_id"], ascending=[False, True])["unit_id"]
    seat_village = first[~first.str[:9].duplicated()]
    seat = cells[cells["unit_id"].isin(seat_village)].sort_values(
        ["persons", "y", "x"], ascending=[False, True, True]
    )
    seat = seat.assign(town=seat["unit_id"].str[:9]).drop_duplicates("town").set_index("town")
    town = cells["unit_id"].str[:9]
    return np.hypot(cells["x"] - town.map(seat["x"]), cells["y"] - town.map(seat["y"]))


COLUMNS = [
    "shelter_id", "unit_id", "name", "tier", "host_facility", "space", "usable_area_m2",
    "indoor_area_m2", "capacity_persons", "effective_capacity_persons", "hazards_served",
    "structure", "seismic_intensity", "status", "facilities", "manager", "phone", "built_year",
    "upgraded_year", "upgrade_cost_yuan", "upgrade_capacity_persons", "synthetic",
]  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``shelters/shelters.gpkg`` from the boundaries and the population in ``data``."""
    boundaries = data / "boundaries" / "boundaries.gpkg"
    villages, towns, counties = (
        gpd.read_file(boundaries, layer=level)[["unit_id", "name", "geometry"]]
        for level in ("village", "town", "county")
    )
    persons = pd.read_csv(data / "population" / "villages.csv", dtype={"unit_id": str})
    villages["persons"] = villages["unit_id"].map(persons.set_index("unit_id")["persons"])
    demand = gpd.read_parquet(data / "population" / "demand.parquet")
    cells = pd.DataFrame(
        {
            "unit_id": demand["unit_id"],
            "persons": demand["persons"],
            "x": demand.geometry.x,
            "y": demand.geometry.y,
        }
    )
    path = data / "shelters" / "shelters.gpkg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    layer = shelters(grid, villages, towns, counties, cells, seed=seed)
    layer.to_file(path, layer="shelters", driver="GPKG", engine="pyogrio")

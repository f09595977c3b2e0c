"""Residents of the sample city: village totals that close on the yearbook, and a 200 m grid.

Only the totals of the 13 reporting units are real. How persons spread over villages, ages and
cells is generated (合成数据 / synthetic): few large urban communities, many small mountain
villages, settlement in clusters on gentle low ground, large empty slopes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt

from .boundaries import Divisions, reporting_id
from .grid import SOURCES, SampleGrid, cell_ids, write_raster
from .seeds import PARK_AREA_KM2
from .terrain import random_stream, spectral_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

ELDERLY_SHARE, CHILDREN_SHARE = 0.1321, 0.2062  # city, census 2020: 60 and over; 0 to 14
DILAPIDATED_SHARE = 0.007  # of residents; generated
ZONE_PARK, ZONE_PERSONS = "350502400498", 32_000  # 泉州开发区 is one community
URBAN_VILLAGE_PERSONS = 6_500
PARK_PERSONS_PER_KM2 = 450.0
MOST_PERSONS_PER_KM2 = 25_000.0
MOST_PERSONS_PER_VILLAGE = 40_000.0
MOST_PERSONS_PER_CELL = 1_600.0


def liveable(elevation_m: Floats, slope_deg: Floats, above_stream_m: Floats) -> Floats:
    """Say how well people can live in a cell, 0 (not) to 1: low, gentle, near a valley floor."""
    height = np.exp(-np.clip(elevation_m, 0, None) / 450.0)
    gentle = np.exp(-((slope_deg / 10.0) ** 2))
    valley = 0.35 + 0.65 * np.exp(-np.clip(above_stream_m, 0, None) / 60.0)
    return np.asarray(height * gentle * valley, dtype=float)


# -- integers that close on a total -------------------------------------------------------------


def whole_numbers(exact: Floats, total: int) -> Ints:
    """Round down, then add one to the largest remainders until the sum is ``total``.

    Examples
    --------
    >>> whole_numbers(np.array([1.5, 1.3, 1.2]), 4).tolist()
    [2, 1, 1]
    """
    floor = np.floor(exact).astype(np.int64)
    missing = int(total - floor.sum())
    order = np.argsort(-(exact - floor), kind="stable")
    floor[order[:missing]] += 1
    return floor


def scaled(weight: Floats, total: float, *, low: Floats, high: Floats) -> Floats:
    """Scale weights by one factor and clip them to bounds so that they sum to ``total``.

    Raises
    ------
    ValueError
        If the bounds do not allow the total.
    """
    if not low.sum() <= total <= high.sum():
        raise ValueError(f"total {total} outside the bounds {low.sum():.0f}..{high.sum():.0f}")
    small, large = 0.0, 1.0
    while np.clip(large * weight, low, high).sum() < total:
        large *= 2.0
    for _ in range(80):
        middle = (small + large) / 2
        if np.clip(middle * weight, low, high).sum() < total:
            small = middle
        else:
            large = middle
    return np.asarray(np.clip(large * weight, low, high))


def rates(factor: Floats, persons: Ints, share: float, *, most: float) -> Ints:
    """Persons of a kind in each village: rate in proportion to ``factor``, at most ``most``."""
    total = round(share * int(persons.sum()))
    exact = scaled(
        factor * persons, total, low=np.zeros(len(persons)), high=most * persons.astype(float)
    )
    return whole_numbers(exact, total)


# -- villages -----------------------------------------------------------------------------------


def reporting_totals(sources: Path = SOURCES) -> pd.DataFrame:
    """Residents and urban share by reporting unit (index reporting_id: persons, urban_share)."""
    table = pd.read_csv(sources / "county_population_2021.csv", dtype={"adcode": str})
    halves = table["adcode"].isin(["350502", "350521"])
    index = table["adcode"].where(~halves, table["adcode"] + "r")
    persons = (table["resident_pop_2021_wan"] * 10_000).round().astype("int64")
    share = table["urban_pct_2021"] / 100
    return pd.DataFrame(
        {"persons": persons.to_numpy(), "urban_share": share.to_numpy()},
        index=pd.Index(index, name="reporting_id"),
    ).sort_index()


def settings(
    divisions: Divisions, grid: SampleGrid, live: Floats, elevation_m: Floats
) -> pd.DataFrame:
    """Describe every village: land, liveable land, height, distance to its town and county seat.

    Returns
    -------
    DataFrame indexed by unit_id
        reporting_id, area_km2, cells_km2 (land in whole cells), liveable_km2, town_liveable
        (mean, 0..1), elevation_m, seat_km, county_seat_km, community (居委会), park.
    """
    villages = divisions.villages.set_index("unit_id")
    labels = grid.burn(villages.geometry).ravel()
    size = len(villages) + 1
    cells = np.bincount(labels, minlength=size)[1:]
    good = np.bincount(labels, weights=live.ravel(), minlength=size)[1:]
    height = np.bincount(labels, weights=elevation_m.ravel(), minlength=size)[1:]
    area_km2 = villages["area_m2"].to_numpy() / 1e6
    mean_live = np.where(cells > 0, good / np.maximum(cells, 1), live.max())
    town = villages.index.str[:9]
    town_live = pd.Series(good).groupby(town).transform("sum") / np.maximum(
        pd.Series(cells).groupby(town).transform("sum"), 1
    )
    seats = divisions.town_seeds.set_index("unit_id").geometry
    first = {code[:6]: code for code in sorted(seats.index, reverse=True)}
    seed = divisions.village_seeds.set_index("unit_id").geometry
    code = villages.index.to_series()
    town_seat = seats.loc[code.str[:9]]
    county_seat = seats.loc[code.str[:6].map(first)]
    return pd.DataFrame(
        {
            "reporting_id": code.map(reporting_id),
            "area_km2": area_km2,
            "cells_km2": cells * (grid.cell_m / 1000) ** 2,
            "liveable_km2": np.maximum(mean_live, 0.01) * area_km2,
            "town_liveable": town_live.to_numpy(),
            "elevation_m": np.where(cells > 0, height / np.maximum(cells, 1), 0.0),
            "seat_km": seed.distance(town_seat.set_axis(seed.index)) / 1000,
            "county_seat_km": seed.distance(county_seat.set_axis(seed.index)) / 1000,
            "community": code.str[9] < "2",
            "park": code.str[:9].isin(list(PARK_AREA_KM2)),
        },
        index=villages.index,
    )


def _urban(unit: pd.DataFrame, persons: float) -> NDArray[np.bool_]:
    """Communities, and as many villages near the seats as the urban residents need."""
    wanted = min(len(unit), int(np.ceil(persons / URBAN_VILLAGE_PERSONS)))
    closeness = np.exp(-unit["seat_km"] / 2.5) * (1 + 4 * np.exp(-unit["county_seat_km"] / 5.0))
    score = closeness * unit["liveable_km2"] ** 0.3 + 100.0 * unit["community"]
    rank = score.rank(ascending=False, method="first")
    return np.asarray((rank <= wanted) | unit["community"])


def village_persons(
    place: pd.DataFrame, totals: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.Series, pd.Series]:
    """Residents of every village and whether it is urban; exact by reporting unit.

    Parameters
    ----------
    place : DataFrame
        As `settings` returns it.
    totals : DataFrame
        As `reporting_totals` returns it.
    """
    persons = pd.Series(0, index=place.index, dtype="int64", name="persons")
    urban = pd.Series(False, index=place.index, name="urban")
    chance = pd.Series(np.exp(0.5 * rng.standard_normal(len(place))), index=place.index)
    for name, total in totals.iterrows():
        unit = place[place["reporting_id"] == name]
        fixed = (PARK_PERSONS_PER_KM2 * unit.loc[unit["park"], "area_km2"]).round()
        if ZONE_PARK in fixed.index:
            fixed[ZONE_PARK] = ZONE_PERSONS
        persons[fixed.index] = fixed.astype("int64")
        urban[fixed.index] = True
        rest = unit[~unit["park"]]
        left = int(total["persons"] - persons[fixed.index].sum())
        if rest.empty:
            continue
        in_town = _urban(rest, left * total["urban_share"])
        urban[rest.index] = in_town
        groups = (in_town, total["urban_share"]), (~in_town, 1 - total["urban_share"])
        exact = np.zeros(len(rest))
        for group, share in groups:
            if group.any():
                share = 1.0 if group.all() else share
                exact[group] = _spread(rest[group], chance[rest.index][group], left * share)
        persons[rest.index] = whole_numbers(exact, left)
    return persons, urban


def _spread(group: pd.DataFrame, chance: pd.Series, total: float) -> Floats:
    """Share ``total`` persons among villages: liveable land, nearness to the seat, and chance."""
    county_seat = 3.0 * np.exp(-group["county_seat_km"] / 5.0)
    centre = 1 + 1.5 * np.exp(-group["seat_km"] / 2.0) + county_seat
    place = group["liveable_km2"] ** 0.5 * (0.08 + group["town_liveable"])
    weight = (place * centre * chance).to_numpy()
    high = MOST_PERSONS_PER_KM2 * group[["area_km2", "cells_km2"]].min(axis=1).to_numpy()
    high = np.clip(high, 300.0, MOST_PERSONS_PER_VILLAGE)
    return scaled(weight, total, low=np.full(len(group), 60.0), high=high)


def village_ages(
    place: pd.DataFrame, persons: pd.Series, urban: pd.Series, rng: np.random.Generator
) -> pd.DataFrame:
    """Elderly (60 and over), children (0-14) and residents of dilapidated houses by village."""
    rural = (~urban).to_numpy(dtype=float)
    high = np.clip(place["elevation_m"].to_numpy() / 700.0, 0, 1.2)
    draws = np.exp(0.13 * rng.standard_normal((3, len(place))))
    park = place["park"].to_numpy()
    count = persons.to_numpy()
    old = (1 + 0.35 * rural + 0.55 * high) * draws[0] * np.where(park, 0.3, 1.0)
    young = (1 + 0.10 * rural - 0.12 * high) * draws[1] * np.where(park, 0.6, 1.0)
    frail = (0.15 + rural * (1 + 1.2 * high)) * draws[2] ** 3 * np.where(park, 0.0, 1.0)
    return pd.DataFrame(
        {
            "elderly_persons": rates(old, count, ELDERLY_SHARE, most=0.45),
            "children_persons": rates(young, count, CHILDREN_SHARE, most=0.33),
            "dilapidated_persons": rates(frail, count, DILAPIDATED_SHARE, most=0.12),
        },
        index=place.index,
    )


# -- cells --------------------------------------------------------------------------------------


def village_labels(grid: SampleGrid, villages: gpd.GeoDataFrame) -> tuple[NDArray[np.int32], int]:
    """Label every cell with the 1-based number of the village that holds its centre.

    A village too small to hold a cell centre takes the nearest cell of its own town from a
    village that has at least two. Returns the labels and the number of such villages.
    """
    labels = grid.burn(villages.geometry)
    count = np.bincount(labels.ravel(), minlength=len(villages) + 1)
    parents = villages["parent_id"].to_numpy()
    empty = np.flatnonzero(count[1:] == 0)
    for position in empty:
        siblings = np.flatnonzero(parents == parents[position]) + 1
        rows, cols = np.nonzero(np.isin(labels, siblings[count[siblings] >= 2]))
        point = villages.geometry.iloc[position].representative_point()
        nearest = np.argmin(np.hypot(grid.x[cols] - point.x, grid.y[rows] - point.y))
        row, col = rows[nearest], cols[nearest]
        count[labels[row, col]] -= 1
        labels[row, col] = position + 1
        count[position + 1] = 1
    return labels, len(empty)


def _attraction(grid: SampleGrid, live: Floats, spots: gpd.GeoDataFrame, seed: int) -> Floats:
    """Pull of a cell on settlement: liveable ground, hamlets, nearness to a village seed."""
    rng = random_stream(seed, "settlement")
    hamlets = spectral_noise(grid.shape, rng, exponent=1.9, longest_cells=14.0)
    free = np.ones(grid.shape, bool)
    free[grid.rows_cols(spots.geometry.x, spots.geometry.y)] = False
    seed_m = distance_transform_edt(free) * grid.cell_m
    return np.asarray((live + 0.004) * np.exp(0.9 * hamlets) * (1 + 5 * np.exp(-seed_m / 350.0)))


def cell_persons(pull: Floats, persons: int, area_km2: float) -> Ints:
    """Share a village's residents among its cells: the more crowded, the fewer cells stay empty.

    Parameters
    ----------
    pull : ndarray
        Attraction of each cell.
    persons : int
        Residents of the village.
    area_km2 : float
        Land of the village.

    Returns
    -------
    ndarray of int
        Persons in each cell; sums to ``persons``.
    """
    density = persons / max(area_km2, 0.04)
    share = 1.0 - np.exp(-((density / 900.0) ** 0.6))
    settled = int(np.clip(np.ceil(share * len(pull)), 1, max(1, min(len(pull), persons // 3))))
    chosen = np.argsort(-pull, kind="stable")[:settled]
    weight = pull[chosen] ** np.clip(1.15 - density / 20_000.0, 0.4, 1.15)
    most = max(MOST_PERSONS_PER_CELL, 1.25 * persons / settled)
    exact = scaled(weight, persons, low=np.ones(settled), high=np.full(settled, most))
    cells = np.zeros(len(pull), np.int64)
    cells[chosen] = whole_numbers(exact, persons)
    return cells


def cells(
    grid: SampleGrid,
    divisions: Divisions,
    villages: pd.DataFrame,
    live: Floats,
    *,
    seed: int,
) -> tuple[pd.DataFrame, int]:
    """List populated cells: demand_id, unit_id, persons by age, row, col.

    Returns
    -------
    DataFrame, int
        Cells sorted by identifier; number of villages without a cell centre of their own.
    """
    labels, homeless = village_labels(grid, divisions.villages)
    pull = _attraction(grid, live, divisions.village_seeds, seed).ravel()
    flat = labels.ravel()
    order = np.argsort(flat, kind="stable")
    start = np.searchsorted(flat[order], np.arange(1, len(villages) + 2))
    area_km2 = divisions.villages["area_m2"].to_numpy() / 1e6
    parts = []
    for number, row in enumerate(villages.itertuples()):
        mine = order[start[number] : start[number + 1]]
        people = cell_persons(pull[mine], int(row.persons), float(area_km2[number]))
        mine, people = mine[people > 0], people[people > 0]
        rng = random_stream(seed, f"ages {row.unit_id}")
        old = rng.multivariate_hypergeometric(people, int(row.elderly_persons), method="marginals")
        young = rng.multivariate_hypergeometric(
            people - old, int(row.children_persons), method="marginals"
        )
        parts.append(
            pd.DataFrame(
                {
                    "cell": mine,
                    "unit_id": row.unit_id,
                    "persons": people,
                    "elderly_persons": old,
                    "children_persons": young,
                }
            )
        )
    frame = pd.concat(parts).sort_values("cell", ignore_index=True)
    frame["row"], frame["col"] = np.divmod(frame.pop("cell").to_numpy(), grid.width)
    frame.insert(0, "demand_id", cell_ids(frame["row"], frame["col"]))
    return frame, homeless


# -- all ----------------------------------------------------------------------------------------


def build(
    grid: SampleGrid,
    divisions: Divisions,
    *,
    elevation_m: Floats,
    live: Floats,
    seed: int,
    sources: Path = SOURCES,
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    """Return villages (unit_id, persons, ages, ...), populated cells, and villages without a cell.

    Parameters
    ----------
    grid : SampleGrid
    divisions : Divisions
    elevation_m, live : ndarray
        Height (m) and liveability (0..1) of every cell.
    seed : int
    sources : Path
        Folder of the source files.
    """
    place = settings(divisions, grid, live, elevation_m)
    rng = random_stream(seed, "villages")
    persons, urban = village_persons(place, reporting_totals(sources), rng)
    ages = village_ages(place, persons, urban, rng)
    villages = pd.concat([persons, ages], axis=1).reset_index()
    villages["urban"] = urban.to_numpy()
    villages["synthetic"] = True
    populated, homeless = cells(grid, divisions, villages, live, seed=seed)
    return villages, populated, homeless


def write(grid: SampleGrid, villages: pd.DataFrame, populated: pd.DataFrame, folder: Path) -> None:
    """Write ``villages.csv``, ``demand.parquet`` and ``population_200m.tif``."""
    folder.mkdir(parents=True, exist_ok=True)
    villages.to_csv(folder / "villages.csv", index=False, lineterminator="\n")
    points = gpd.points_from_xy(grid.x[populated["col"]], grid.y[populated["row"]], crs=grid.crs)
    frame = populated.drop(columns=["row", "col"]).assign(synthetic=True)
    gpd.GeoDataFrame(frame, geometry=points).to_parquet(
        folder / "demand.parquet", index=False, compression="zstd"
    )
    array = np.zeros(grid.shape, np.int32)
    array[populated["row"], populated["col"]] = populated["persons"]
    write_raster(
        grid,
        folder / "population_200m.tif",
        array,
        nodata=None,
        dtype="int32",
        description="persons per 200 m cell, 合成数据 / synthetic",
    )

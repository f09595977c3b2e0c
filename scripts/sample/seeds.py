"""Seeds from which towns and villages of the sample city grow.

Real settlement points (GeoNames) where there are any; the remaining town seeds were placed by hand
to a few kilometres (``town_seeds.csv``), the remaining village seeds are drawn where people live.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from .grid import EXCLUDED_COUNTY, PROJECT_CRS, SOURCES

if TYPE_CHECKING:
    from numpy.typing import NDArray

PARK_AREA_KM2 = {
    "350502400": 3.5,
    "350505400": 4.0,
    "350521400": 1.5,
    "350521401": 2.0,
    "350521402": 4.0,
    "350521403": 2.0,
    "350581400": 2.5,
    "350582400": 1.2,
    "350582401": 3.0,
    "350582402": 2.0,
    "350583400": 3.0,
}
"""Largest area of the industrial parks that are towns of their own in the code list."""

_RELAXATIONS = 3  # few rounds of relaxation: spread, but not a honeycomb
_MOST_CELLS = 5000


def read_names(sources: Path = SOURCES) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return towns (code, name, county_code) and villages (code, name, town_code), by code."""
    towns = pd.read_csv(sources / "towns_names.csv", dtype=str)
    villages = pd.read_csv(sources / "villages_names.csv", dtype=str)
    towns = towns[towns["county_code"] != EXCLUDED_COUNTY]
    villages = villages[villages["county_code"] != EXCLUDED_COUNTY]
    return (
        towns.sort_values("code", ignore_index=True),
        villages.sort_values("code", ignore_index=True),
    )


def _points(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    points = gpd.points_from_xy(frame["lon"], frame["lat"], crs="EPSG:4326")
    return gpd.GeoDataFrame(frame, geometry=points).to_crs(PROJECT_CRS)


def town_points(sources: Path = SOURCES) -> gpd.GeoDataFrame:
    """Return one seed a town (code, basis, geometry in the project CRS), sorted by code.

    ``basis`` is ``geonames <id>`` for a real point and ``rough`` for one placed by hand.
    """
    known = pd.read_csv(sources / "towns_geonames_coords.csv", dtype={"code": str})
    known = known.dropna(subset=["lon"])
    known["basis"] = "geonames " + known["geonameid"].astype("int64").astype(str)
    placed = pd.read_csv(Path(__file__).with_name("town_seeds.csv"), dtype={"code": str})
    both = pd.concat([known, placed])[["code", "lon", "lat", "basis"]]
    return _points(both.sort_values("code", ignore_index=True))


def pull_inside(
    points: gpd.GeoDataFrame, land: gpd.GeoDataFrame, *, margin_m: float = 300.0
) -> gpd.GeoDataFrame:
    """Move seeds that lie outside their county's land (or on its very edge) to its nearest point.

    ``land`` has one row a county: adcode, geometry. A county is the first six digits of a code.
    """
    core = land.set_index("adcode").geometry.buffer(-margin_m)
    moved = [
        shapely.shortest_line(core[code[:6]], point).boundary.geoms[0]
        if not core[code[:6]].contains(point)
        else point
        for code, point in zip(points["code"], points.geometry, strict=True)
    ]
    return points.set_geometry(gpd.GeoSeries(moved, index=points.index, crs=points.crs))


def village_points(sources: Path = SOURCES) -> gpd.GeoDataFrame:
    """Return the real village points (code, geometry in the project CRS), sorted by code."""
    known = pd.read_csv(sources / "villages_geonames_coords.csv", dtype={"code": str})
    return _points(known[["code", "lon", "lat"]].sort_values("code", ignore_index=True))


def spread(
    xy: NDArray[np.float64],
    weight: NDArray[np.float64],
    count: int,
    *,
    fixed: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draw ``count`` seeds among cells, dense where the weight is high, and spread them out.

    Parameters
    ----------
    xy, weight : ndarray
        Cell centres (n, 2) and what each weighs.
    count : int
        Seeds wanted, the fixed ones included.
    fixed : ndarray, shape (k, 2)
        Seeds that stay where they are; returned first.

    Returns
    -------
    ndarray, shape (count, 2)
        Seed positions; the drawn ones lie on distinct cells.
    """
    wanted = count - len(fixed)
    if wanted <= 0:
        return fixed[:count]
    if len(xy) > _MOST_CELLS:
        chosen = np.sort(rng.choice(len(xy), _MOST_CELLS, replace=False))
        xy, weight = xy[chosen], weight[chosen]
    drawn = xy[rng.choice(len(xy), wanted, replace=False, p=weight / weight.sum())]
    for _ in range(_RELAXATIONS):
        seeds = np.vstack([fixed, drawn])
        nearest = cKDTree(seeds).query(xy)[1]
        mass = np.bincount(nearest, weights=weight, minlength=count)
        for axis in range(2):
            moment = np.bincount(nearest, weights=weight * xy[:, axis], minlength=count)
            centre = moment / np.where(mass > 0, mass, 1.0)
            seeds[:, axis] = np.where(mass > 0, centre, seeds[:, axis])
        drawn = seeds[len(fixed) :]
    return np.vstack([fixed, _distinct_cells(xy, drawn)])


def _distinct_cells(xy: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move every seed to the nearest cell that no other seed has."""
    near = cKDTree(xy).query(drawn, k=min(16, len(xy)))[1].reshape(len(drawn), -1)
    used: set[int] = set()
    cells = []
    for row in near:
        cell = next((int(k) for k in row if int(k) not in used), int(row[0]))
        used.add(cell)
        cells.append(cell)
    return xy[cells]


def by_kind(codes: list[str]) -> list[str]:
    """Sort village codes: communities (居委会, serial below 200) before villages (村委会)."""
    return sorted(codes, key=lambda code: (code[9] >= "2", code))


def order_names(
    codes: list[str], spots: NDArray[np.float64], seat: NDArray[np.float64], fixed: list[str]
) -> list[str]:
    """Give names to seeds: communities nearest to the town seat, villages farther out.

    ``fixed`` codes keep the first seeds; the others follow the distance of their seed to the seat.
    """
    free = [code for code in by_kind(codes) if code not in set(fixed)]
    distance = np.hypot(*(spots[len(fixed) :] - seat).T)
    names = list(fixed) + [""] * len(free)
    for code, position in zip(free, np.argsort(distance, kind="stable"), strict=True):
        names[len(fixed) + int(position)] = code
    return names

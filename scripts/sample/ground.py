"""What the later layers stand on: villages, their cells on land, and draws of points from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from pyproj import Transformer

from .grid import SampleGrid, land_mask

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FILES_CRS = "EPSG:4490"
JITTER_M = 90.0  # points lie off the centres of their cells
TRIES = 12


@dataclass(frozen=True)
class Ground:
    """The city as the stages before have written it.

    Parameters
    ----------
    villages : GeoDataFrame in EPSG:4490, indexed by unit_id
        ``name``, ``town``, ``county``, ``reporting_id``, ``persons``.
    cells : DataFrame, one row a cell on land that lies in a village
        ``row``, ``col``, ``x``, ``y`` (metres), ``unit_id`` (village), ``persons``.
    names : Series
        Name of every unit by its code.
    """

    grid: SampleGrid
    data: Path
    villages: gpd.GeoDataFrame
    cells: pd.DataFrame
    names: pd.Series

    def band(self, name: str) -> NDArray[np.float64]:
        """Values of ``hazards/<name>.tif``, NaN where there is no data."""
        with rasterio.open(self.data / "hazards" / f"{name}.tif") as raster:
            return raster.read(1, masked=True).astype(float).filled(np.nan)

    def at_cells(self, name: str) -> NDArray[np.float64]:
        """Values of a hazard raster at ``cells``, NaN as 0."""
        values = self.band(name)[self.cells["row"].to_numpy(), self.cells["col"].to_numpy()]
        return np.nan_to_num(values)

    def draw(
        self, weights: ArrayLike, count: int, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Draw cells without replacement; the chance of each grows with its weight."""
        weight = np.asarray(weights, dtype=float)
        chosen = rng.choice(len(weight), size=count, replace=False, p=weight / weight.sum())
        return self.cells.iloc[chosen].reset_index(drop=True)

    def points(self, drawn: pd.DataFrame, rng: np.random.Generator) -> gpd.GeoSeries:
        """Points near the centres of drawn cells, inside the village of each, EPSG:4490."""
        to_degrees = Transformer.from_crs(self.grid.crs, FILES_CRS, always_xy=True)
        shift = rng.uniform(-JITTER_M, JITTER_M, (2, len(drawn), TRIES))
        shift[:, :, -1] = 0  # the last try is the centre itself, which lies inside
        x = drawn["x"].to_numpy()[:, None] + shift[0]
        y = drawn["y"].to_numpy()[:, None] + shift[1]
        lon, lat = (np.round(values, 6) for values in to_degrees.transform(x, y))
        home = self.villages.geometry[drawn["unit_id"]].to_numpy()
        first = shapely.contains_xy(home[:, None], lon, lat).argmax(axis=1)
        row = np.arange(len(drawn))
        return gpd.GeoSeries(shapely.points(lon[row, first], lat[row, first]), crs=FILES_CRS)

    def town_name(self, units: pd.Series) -> pd.Series:
        """Name of the town that each village code belongs to."""
        return units.str[:9].map(self.names)


@cache
def read(grid: SampleGrid, data: Path) -> Ground:
    """Read what the stages before have written under ``data``."""
    villages = gpd.read_file(data / "boundaries" / "boundaries.gpkg", layer="village")
    units = pd.read_csv(data / "boundaries" / "units.csv", dtype=str).set_index("unit_id")
    persons = pd.read_csv(data / "population" / "villages.csv", dtype={"unit_id": str})
    villages = villages[["unit_id", "name", "geometry"]].sort_values("unit_id", ignore_index=True)
    villages = villages.set_index("unit_id", drop=False)
    code = villages["unit_id"]
    villages["town"], villages["county"] = code.str[:9], code.str[:6]
    villages["reporting_id"] = code.map(units["reporting_id"])
    villages["persons"] = code.map(persons.set_index("unit_id")["persons"])
    owner = grid.burn(villages.geometry.to_crs(grid.crs))
    rows, cols = np.nonzero((owner > 0) & land_mask(grid))
    cells = pd.DataFrame({"row": rows, "col": cols, "x": grid.x[cols], "y": grid.y[rows]})
    cells["unit_id"] = code.to_numpy()[owner[rows, cols] - 1]
    with rasterio.open(data / "population" / "population_200m.tif") as raster:
        cells["persons"] = raster.read(1, masked=True).filled(0)[rows, cols]
    return Ground(grid, data, villages, cells, units["name"])


def apportion(total: int, weights: ArrayLike) -> NDArray[np.int64]:
    """Split a whole number in proportion to weights by the largest remainder; it sums exactly."""
    weight = np.asarray(weights, dtype=float)
    exact = total * weight / weight.sum()
    whole = np.floor(exact + 1e-9).astype("int64")
    rest = np.argsort(-(exact - whole), kind="stable")[: total - int(whole.sum())]
    whole[rest] += 1
    return whole


def dates(first: str, days: ArrayLike) -> list[str]:
    """ISO dates that many days after ``first``."""
    start = np.datetime64(first)
    return [str(start + np.timedelta64(int(day), "D")) for day in np.asarray(days).tolist()]


def sample_people(count: int, first: int = 1) -> tuple[list[str], list[str]]:
    """Unmistakably invented names and telephone numbers: 样例001, 0595-00000001."""
    numbers = range(first, first + count)
    return [f"样例{n:03d}" for n in numbers], [f"0595-0000{n:04d}" for n in numbers]


def write_layer(frame: gpd.GeoDataFrame, path: Path, layer: str, *, append: bool = False) -> None:
    """Write one layer of a GeoPackage, a new file unless ``append``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not append:
        path.unlink(missing_ok=True)
    frame.to_file(path, layer=layer, driver="GPKG", engine="pyogrio", append=append)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV in UTF-8 with plain line ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False, lineterminator="\n")

"""Divide the land of the counties into towns and villages: one coverage, exactly nested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from rasterio.features import rasterize
from scipy import ndimage

from . import regions, seeds
from .grid import PROJECT_CRS, SampleGrid

if TYPE_CHECKING:
    from numpy.typing import NDArray

FINE_CELL_M = 50
SMALLEST_ISLET_M2 = 20_000.0
"""Islets below this belong to no village (they stay in the county polygon)."""

_SEA_FRICTION = 15.0
_PARK_WIGGLE = 2.0  # on the plain a park would otherwise be a disc
_SLIVER_M2 = 40_000.0
_NODE_GRID_M = 0.001
_TOLERANCE_SHARE, _TOLERANCE_M = 0.03, (15.0, 75.0)
_OVERSHOOT_CELLS = 8
_OFFSET_M = (30.0, 17.0)  # keeps village edges, diagonals too, off the centres of the 200 m cells


@dataclass(frozen=True)
class FineField:
    """The 50 m raster on which regions grow: 1-based county numbers, land, height, friction."""

    transform: Affine
    county: NDArray[np.int32]
    land: NDArray[np.bool_]
    elevation_m: NDArray[np.float32]
    friction: NDArray[np.float32]
    liveable: NDArray[np.float32]

    def cells(self, points: gpd.GeoSeries) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of each point."""
        cols = (points.x.to_numpy() - self.transform.c) // FINE_CELL_M
        rows = (self.transform.f - points.y.to_numpy()) // FINE_CELL_M
        return rows.astype(np.int64), cols.astype(np.int64)

    def xy(self, rows: NDArray[Any], cols: NDArray[Any]) -> NDArray[np.float64]:
        """Cell centres, metres."""
        x = self.transform.c + (cols + 0.5) * FINE_CELL_M
        return np.column_stack([x, self.transform.f - (rows + 0.5) * FINE_CELL_M])


def _noise(shape: tuple[int, int], cells: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise of zero mean and unit deviation with a wavelength of about ``cells``."""
    coarse = (shape[0] // cells + 4, shape[1] // cells + 4)
    drawn = rng.standard_normal(coarse).astype(np.float32)
    field = ndimage.zoom(drawn, cells, order=1)[: shape[0], : shape[1]]
    return (field - field.mean()) / field.std()


def fine_field(
    grid: SampleGrid,
    counties: gpd.GeoDataFrame,
    land: gpd.GeoDataFrame,
    *,
    elevation_m: NDArray[Any],
    liveable: NDArray[Any],
    rng: np.random.Generator,
) -> FineField:
    """Refine the grid to 50 m and lay counties, land and a wiggling friction over it."""
    factor = grid.cell_m // FINE_CELL_M
    shape = (grid.height * factor + 1, grid.width * factor + 1)
    east, north = _OFFSET_M
    transform = Affine(FINE_CELL_M, 0, grid.left - east, 0, -FINE_CELL_M, grid.top + north)

    def burn(shapes: gpd.GeoSeries) -> NDArray[np.int32]:
        pairs = list(zip(shapes, range(1, len(shapes) + 1), strict=True))
        return rasterize(pairs, shape, transform=transform, dtype="int32")

    def refine(values: NDArray[Any]) -> NDArray[np.float32]:
        coarse = np.nan_to_num(values).astype(np.float32)
        fine = ndimage.zoom(coarse, factor, order=1, mode="nearest", grid_mode=True)
        return np.pad(fine, ((0, 1), (0, 1)), mode="edge")

    on_land = burn(land.geometry) > 0
    wiggle = np.exp(0.35 * _noise(shape, 10, rng) + 0.3 * _noise(shape, 36, rng))
    return FineField(
        transform=transform,
        county=burn(counties.geometry),
        land=on_land,
        elevation_m=refine(elevation_m),
        friction=np.where(on_land, wiggle, _SEA_FRICTION * wiggle).astype(np.float32),
        liveable=refine(liveable),
    )


def grow_towns(
    field: FineField, towns: pd.DataFrame, points: gpd.GeoDataFrame, counties: gpd.GeoDataFrame
) -> NDArray[np.int32]:
    """Label cells with 1-based town numbers; parks first, within their budget of area."""
    number = np.arange(1, len(towns) + 1)
    rows, cols = field.cells(points.geometry)
    table = np.column_stack([rows, cols, number])
    budget = np.zeros(len(towns) + 1, np.int64)
    area_m2 = towns["code"].map(seeds.PARK_AREA_KM2).fillna(0.0).to_numpy() * 1e6
    budget[1:] = area_m2 / FINE_CELL_M**2
    park = budget[1:] > 0
    kept_free = np.zeros(field.county.shape, np.bool_)
    kept_free[rows[~park], cols[~park]] = True
    kept_free = ndimage.binary_dilation(kept_free, iterations=8)
    region = np.where(kept_free | ~field.land, 0, field.county).astype(np.int32)
    parks = regions.grow(
        table[park],
        region,
        field.friction**_PARK_WIGGLE,
        field.elevation_m,
        cell_m=FINE_CELL_M,
        budget=budget,
    )
    region = np.where(parks > 0, 0, field.county).astype(np.int32)
    rest = regions.grow(table[~park], region, field.friction, field.elevation_m, cell_m=FINE_CELL_M)
    owner = np.zeros(len(towns) + 1, np.int32)
    owner[1:] = np.searchsorted(counties["adcode"].to_numpy(), towns["county_code"]) + 1
    has_towns = np.isin(field.county, np.unique(owner[1:]))
    everywhere = np.where(has_towns, field.county, 0).astype(np.int32)
    return regions.fill_within((parks + rest).astype(np.int32), everywhere, owner)


def village_seeds(
    field: FineField,
    town_cells: NDArray[np.int32],
    towns: pd.DataFrame,
    villages: pd.DataFrame,
    *,
    points: gpd.GeoDataFrame,
    known: gpd.GeoDataFrame,
    seed: int,
) -> gpd.GeoDataFrame:
    """Place the seeds of all villages: unit_id, basis (geonames/seat/drawn), geometry, by code."""
    windows = ndimage.find_objects(town_cells)
    inside = town_cells[field.cells(known.geometry)]
    records: list[tuple[str, str, shapely.Point]] = []
    for number, town in enumerate(towns["code"], 1):
        codes = villages.loc[villages["town_code"] == town, "code"].tolist()
        window = windows[number - 1]
        here = np.argwhere((town_cells[window] == number) & field.land[window])
        rows, cols = here[:, 0] + window[0].start, here[:, 1] + window[1].start
        xy = field.xy(rows, cols)
        seat = shapely.get_coordinates(points.geometry.iloc[number - 1])[0]
        near = np.exp(-np.hypot(*(xy - seat).T) / 1500.0)
        weight = (0.03 + field.liveable[rows, cols]) * (1.0 + 4.0 * near)
        real = known[(inside == number) & (known["code"].str[:9] == town)]
        fixed_codes, fixed = real["code"].tolist(), shapely.get_coordinates(real.geometry)
        basis = dict.fromkeys(fixed_codes, "geonames")
        if not fixed_codes:
            fixed_codes, fixed = [seeds.by_kind(codes)[0]], seat[None, :]
            basis = {fixed_codes[0]: "seat"}
        rng = np.random.default_rng([seed, int(town)])
        spots = seeds.spread(xy, weight, len(codes), fixed=fixed, rng=rng)
        names = seeds.order_names(codes, spots, seat, fixed_codes)
        records += [
            (name, basis.get(name, "drawn"), shapely.Point(spot))
            for name, spot in zip(names, spots, strict=True)
        ]
    records.sort(key=lambda record: record[0])
    columns = ["unit_id", "basis", "geometry"]
    return gpd.GeoDataFrame(records, columns=columns, geometry="geometry", crs=PROJECT_CRS)


def grow_villages(
    field: FineField, town_cells: NDArray[np.int32], spots: gpd.GeoDataFrame, towns: pd.DataFrame
) -> NDArray[np.int32]:
    """Label cells with 1-based village numbers, each inside its own town."""
    owner = np.zeros(len(spots) + 1, np.int32)
    owner[1:] = np.searchsorted(towns["code"].to_numpy(), spots["unit_id"].str[:9]) + 1
    rows, cols = field.cells(spots.geometry)
    table = np.column_stack([rows, cols, np.arange(1, len(spots) + 1)])
    labels = regions.grow(table, town_cells, field.friction, field.elevation_m, cell_m=FINE_CELL_M)
    return regions.fill_within(labels, town_cells, owner)


@dataclass(frozen=True)
class Faces:
    """A coverage of faces: county number (1-based), land or sea, village number (0 = none)."""

    polygon: NDArray[np.object_]
    county: NDArray[np.int64]
    land: NDArray[np.bool_]
    village: NDArray[np.int64]


def cut(
    counties: gpd.GeoDataFrame,
    county_land: gpd.GeoDataFrame,
    village_cells: NDArray[np.int32],
    field: FineField,
) -> Faces:
    """Cut the counties along the coast and the village edges into faces, and say whose they are."""
    numbers = np.unique(field.county[village_cells > 0])
    outlines = [_village_outlines(village_cells, field, number) for number in numbers]
    lines: list[Any] = [*counties.boundary, *county_land.boundary]
    for number, shapes in zip(numbers, outlines, strict=True):
        edges = shapely.union_all(shapes.boundary.to_numpy())
        lines.append(edges.intersection(county_land.geometry.iloc[number - 1].buffer(2.0)))
    polygon = regions.arrange(lines, grid_m=_NODE_GRID_M)
    inner = shapely.point_on_surface(polygon)
    county = _containing(inner, counties.geometry.to_numpy()) + 1
    polygon, inner, county = polygon[county > 0], inner[county > 0], county[county > 0]
    land = _containing(inner, county_land.geometry.to_numpy()) >= 0
    village = np.zeros(len(polygon), np.int64)
    for number, shapes in zip(numbers, outlines, strict=True):
        mine = np.flatnonzero((county == number) & land)
        found = _containing(inner[mine], shapes.geometry.to_numpy(), nearest=True)
        village[mine] = shapes["label"].to_numpy()[found]
    return Faces(polygon, county, land, village)


def _village_outlines(
    village_cells: NDArray[np.int32], field: FineField, county: int
) -> gpd.GeoDataFrame:
    """Smooth village polygons of one county; the smoothing grows with the size of its villages."""
    inside = (field.county == county) & (village_cells > 0)
    count = np.unique(village_cells[inside]).size
    side_m = FINE_CELL_M * float(np.sqrt(inside.sum() / count))
    return regions.outline(
        village_cells,
        inside,
        field.transform,
        margin_cells=_OVERSHOOT_CELLS,
        smallest_cells=10,
        tolerance_m=float(np.clip(_TOLERANCE_SHARE * side_m, *_TOLERANCE_M)),
    )


def _containing(
    points: NDArray[np.object_], polygons: NDArray[np.object_], *, nearest: bool = False
) -> NDArray[np.int64]:
    """Position of the polygon that holds each point; -1 (or the nearest) where none does."""
    tree = shapely.STRtree(polygons)
    found = np.full(len(points), -1, np.int64)
    at, which = tree.query(points, predicate="within")
    found[at] = which
    lost = np.flatnonzero(found < 0)
    if nearest and lost.size:
        at, which = tree.query_nearest(points[lost], all_matches=False)
        found[lost[at]] = which
    return found


def settle(faces: Faces, town_of: NDArray[np.int64]) -> tuple[Faces, int, float]:
    """Hand slivers to their neighbours and leave islets out of every village.

    Parameters
    ----------
    faces : Faces
    town_of : ndarray of int
        Town number of each village number.

    Returns
    -------
    Faces, int, float
        The settled faces; number and total area (m2) of the islets that belong to no village.
    """
    land = np.flatnonzero(faces.land)
    polygon, village = faces.polygon[land], faces.village[land]
    village = regions.absorb_slivers(polygon, village, town_of[village], smallest_m2=_SLIVER_M2)
    village = regions.absorb_slivers(polygon, village, faces.county[land], smallest_m2=_SLIVER_M2)
    islet = regions.lone_parts(polygon, village) < SMALLEST_ISLET_M2
    dropped = float(shapely.area(polygon[islet]).sum())
    all_villages = faces.village.copy()
    all_villages[land] = np.where(islet, 0, village)
    settled = Faces(faces.polygon, faces.county, faces.land, all_villages)
    return settled, int(islet.sum()), dropped

"""Generated terrain of the sample city: relief, drainage and slope on the 200 m grid.

Nothing here is surveyed. Summits and river courses are rough figures typed by hand and schematic
(示意); between them the relief is spectral noise that running water has cut into valleys.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heapify, heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numba
import numpy as np
import shapely
from pyproj import Transformer
from scipy import ndimage
from scipy.interpolate import RBFInterpolator
from shapely import LineString

from .grid import SOURCES, SampleGrid, land_mask, write_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Field = NDArray[np.float64]

NODATA = -9999
MARGIN_CELLS = 75  # 15 km around the city, so that valleys do not end at its edge
STEPS = 9
DIFFUSED_CELLS = 0.4
STREAM_KM2 = 4.0
RIVER_KM2 = 150.0

# lon, lat, height of ordinary ridges (m): the trend that mountains and plains follow.
TREND = (
    (118.19, 25.66, 1150), (118.05, 25.72, 1050), (118.45, 25.66, 950), (118.20, 25.85, 900),
    (118.00, 25.60, 900), (118.30, 25.75, 850), (118.24, 25.49, 700), (118.14, 25.44, 800),
    (118.15, 25.36, 520), (118.29, 25.32, 330), (118.42, 25.40, 620), (118.50, 25.30, 560),
    (117.80, 25.46, 880), (117.70, 25.25, 1000), (117.80, 25.38, 1080), (117.95, 25.30, 720),
    (117.62, 25.25, 880), (117.85, 25.12, 900), (117.80, 24.98, 740), (117.95, 24.98, 560),
    (118.05, 25.20, 520), (118.18, 25.06, 290), (118.09, 24.92, 420), (118.00, 24.85, 620),
    (118.28, 25.12, 520), (118.40, 25.14, 260), (118.38, 24.98, 130), (118.30, 24.88, 300),
    (118.36, 24.78, 130), (118.43, 24.62, 35), (118.48, 24.85, 90), (118.47, 24.95, 70),
    (118.55, 25.16, 420), (118.60, 25.25, 560), (118.64, 25.10, 260), (118.66, 24.98, 90),
    (118.60, 24.95, 180), (118.59, 24.90, 20), (118.58, 24.80, 22), (118.55, 24.70, 45),
    (118.62, 24.62, 30), (118.68, 24.73, 45), (118.48, 24.70, 40), (118.75, 24.92, 30),
    (118.80, 25.03, 55), (118.90, 24.97, 32), (118.98, 24.96, 30), (118.85, 25.12, 60),
    (118.75, 25.15, 230), (118.82, 25.22, 160), (118.95, 25.15, 25), (118.70, 25.35, 420),
    (118.90, 25.45, 120), (118.70, 25.70, 620), (118.90, 25.80, 450), (118.60, 25.90, 650),
    (118.10, 24.70, 300), (118.10, 24.50, 60), (117.75, 24.55, 200), (117.60, 24.80, 480),
    (117.50, 25.10, 700), (117.50, 25.50, 800), (117.60, 25.80, 850), (117.90, 25.95, 850),
    (118.30, 26.05, 800), (119.05, 25.20, 20), (119.05, 25.65, 350),
)  # fmt: skip
# lon, lat, height (m), radius (km): hills and summits that stand above the trend.
SUMMITS = (
    (118.190, 25.665, 1800, 4.0), (118.110, 25.715, 1600, 3.2), (118.520, 25.670, 1650, 4.0),
    (118.160, 25.445, 1330, 3.0), (117.830, 25.410, 1560, 3.5), (117.700, 25.180, 1400, 3.5),
    (118.280, 25.130, 1080, 3.0), (118.020, 24.880, 1050, 3.0), (118.605, 24.955, 480, 2.2),
    (118.515, 24.870, 500, 2.4), (118.530, 24.755, 290, 1.8), (118.680, 24.715, 200, 1.2),
    (118.780, 25.060, 290, 1.6), (118.560, 25.190, 800, 3.0), (118.900, 25.060, 180, 1.4),
)  # fmt: skip
# Schematic courses (示意), source to mouth; the height of the source bed in metres.
RIVERS: dict[str, tuple[float, tuple[tuple[float, float], ...]]] = {
    "晋江东溪": (430, (
        (118.02, 25.44), (118.05, 25.40), (118.15, 25.375), (118.21, 25.355), (118.28, 25.325),
        (118.335, 25.30), (118.375, 25.265), (118.42, 25.215), (118.44, 25.165), (118.465, 25.12),
        (118.505, 25.07), (118.49, 25.03), (118.475, 24.985))),
    "晋江西溪": (620, (
        (117.76, 25.33), (117.85, 25.295), (117.93, 25.315), (118.01, 25.27), (118.045, 25.23),
        (118.075, 25.19), (118.12, 25.15), (118.155, 25.11), (118.185, 25.055), (118.225, 25.055),
        (118.28, 25.005), (118.335, 24.985), (118.385, 24.97), (118.43, 24.975),
        (118.475, 24.985))),
    "晋江": (11, (
        (118.475, 24.985), (118.51, 24.955), (118.545, 24.925), (118.58, 24.895), (118.61, 24.868),
        (118.65, 24.865), (118.70, 24.86))),
    "蓝溪": (430, (
        (117.83, 24.97), (117.90, 24.985), (117.98, 25.00), (118.06, 25.02), (118.12, 25.04),
        (118.183, 25.057))),
    "洛阳江": (260, (
        (118.59, 25.20), (118.605, 25.14), (118.63, 25.07), (118.655, 25.00), (118.675, 24.955),
        (118.69, 24.91))),
    "林辋溪": (90, (
        (118.74, 25.14), (118.77, 25.11), (118.81, 25.08), (118.85, 25.06), (118.92, 25.05))),
    "九十九溪": (60, (
        (118.43, 24.86), (118.48, 24.84), (118.53, 24.835), (118.58, 24.83), (118.63, 24.82))),
    "石井江": (110, (
        (118.33, 24.84), (118.37, 24.77), (118.40, 24.70), (118.42, 24.64), (118.44, 24.60))),
}  # fmt: skip
REAL_RIVERS = ((4, 130.0), (5, 560.0))  # row of the rivers layer, height of its source (m)


@dataclass(frozen=True)
class Landscape:
    """Elevation and drainage of every cell, arrays of the grid's shape.

    Parameters
    ----------
    elevation_m : ndarray
        Metres above mean sea level; 0 at sea.
    upstream_km2 : ndarray
        Area that drains through the cell, square kilometres.
    above_stream_m, above_river_m : ndarray
        Height above the stream (river) that the cell drains to, metres; 0 in its bed.
    stream_km2, river_km2 : ndarray
        Catchment of that stream (river), square kilometres; 0 where the water reaches the sea
        without meeting one.
    sea : ndarray of bool
        Cells off the land.
    """

    elevation_m: Field
    upstream_km2: Field
    above_stream_m: Field
    stream_km2: Field
    above_river_m: Field
    river_km2: Field
    sea: NDArray[np.bool_]


def random_stream(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one subject: independent of every other name under one seed."""
    return np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(name.encode())]))


def elevation(grid: SampleGrid, seed: int) -> Field:
    """Elevation of the generated terrain, metres above mean sea level; 0 at sea."""
    return landscape(grid, seed).elevation_m


def slope_degrees(elevation_m: Field, cell_m: float) -> Field:
    """Steepest slope by Horn's third-order differences, degrees 0..90.

    Parameters
    ----------
    elevation_m : ndarray, metres
    cell_m : float, metres
        Side of a cell.

    References
    ----------
    Horn, B. K. P. (1981), Hill shading and the reflectance map, Proc. IEEE 69(1), 14-47.
    """
    east = ndimage.sobel(elevation_m, axis=1, mode="nearest") / (8 * cell_m)
    north = ndimage.sobel(elevation_m, axis=0, mode="nearest") / (8 * cell_m)
    return np.degrees(np.arctan(np.hypot(east, north)))


def spectral_noise(
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    exponent: float,
    longest_cells: float = np.inf,
) -> Field:
    """Gaussian field whose power falls with frequency to the ``exponent``; mean 0, deviation 1.

    Waves longer than ``longest_cells`` are damped.
    """
    rows = np.fft.fftfreq(shape[0])[:, None]
    cols = np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.hypot(rows, cols)
    frequency[0, 0] = np.inf
    power = frequency**-exponent / (1 + (frequency * longest_cells) ** -6.0)
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * np.sqrt(power)
    field = np.fft.irfft2(spectrum, s=shape)
    return np.asarray((field - field.mean()) / field.std(), dtype=np.float64)


def rivers(grid: SampleGrid, sources: Path = SOURCES) -> gpd.GeoDataFrame:
    """Return the river courses in the grid's CRS, source to mouth.

    Columns ``name`` ('' for those of the shoreline data set), ``source_m`` (bed height of the
    source, metres) and ``schematic`` (True for courses typed by hand).
    """
    real = gpd.read_file(sources / "coast_gshhg.gpkg", layer="rivers").geometry
    rows = [(name, source_m, True, LineString(line)) for name, (source_m, line) in RIVERS.items()]
    rows += [("", source_m, False, real[number]) for number, source_m in REAL_RIVERS]
    frame = gpd.GeoDataFrame(
        rows, columns=["name", "source_m", "schematic", "geometry"], crs="EPSG:4326"
    ).to_crs(grid.crs)
    bent = [
        _meander(line) if schematic else line
        for line, schematic in zip(frame.geometry, frame["schematic"], strict=True)
    ]
    return frame.set_geometry(gpd.GeoSeries(bent, index=frame.index, crs=frame.crs))


def _meander(line: LineString) -> LineString:
    """Bend a rough course into a winding one; both ends stay where they are."""
    measure = np.arange(0, line.length, 150.0)
    x, y = np.array([line.interpolate(value).coords[0] for value in measure]).T
    x, y = (ndimage.gaussian_filter1d(values, 7, mode="nearest") for values in (x, y))
    turn = np.hypot(np.gradient(x), np.gradient(y))
    offset = 420 * np.sin(measure / 790) + 230 * np.sin(measure / 330 + 1.3)
    offset *= np.minimum(1, np.minimum(measure, line.length - measure) / 2500)
    bent_x, bent_y = x - offset * np.gradient(y) / turn, y + offset * np.gradient(x) / turn
    return LineString([line.coords[0], *zip(bent_x[1:], bent_y[1:], strict=True), line.coords[-1]])


@lru_cache(maxsize=2)
def landscape(grid: SampleGrid, seed: int) -> Landscape:
    """Generate the terrain: trend and summits, spectral noise, river beds, incision by water."""
    pad = MARGIN_CELLS
    wide = replace(
        grid,
        left=grid.left - pad * grid.cell_m,
        top=grid.top + pad * grid.cell_m,
        width=grid.width + 2 * pad,
        height=grid.height + 2 * pad,
    )
    land = gpd.read_file(SOURCES / "coast_gshhg.gpkg", layer="land").to_crs(grid.crs)
    sea = wide.burn(land.geometry) == 0
    height, beds = _uncut_relief(wide, sea, random_stream(seed, "terrain"))
    height, upstream_cells, receiver, order = _cut_valleys(height, beds, sea, wide.cell_m)
    upstream_km2 = upstream_cells * (wide.cell_m / 1000) ** 2
    fields = [height, upstream_km2]
    for least_km2 in (STREAM_KM2, RIVER_KM2):
        foot = _foot(upstream_km2.ravel() >= least_km2, receiver, order).reshape(sea.shape)
        foot_km2 = upstream_km2.ravel()[foot]
        fields.append(np.maximum(height - height.ravel()[foot], 0.0))
        fields.append(np.where(foot_km2 >= least_km2, foot_km2, 0.0))
    inner = (slice(pad, -pad), slice(pad, -pad))
    sea = sea[inner]
    fields = [np.where(sea, 0.0, field[inner]) for field in fields]
    for field in fields:
        field.flags.writeable = False  # shared by every caller of the cache
    return Landscape(*fields, sea)


def _uncut_relief(
    grid: SampleGrid, sea: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Field, Field]:
    """Return the relief before water runs over it, and the river beds (NaN off the rivers)."""
    x, y = grid.centres()
    trend = _trend(grid)
    for east, north, top_m, radius_m in _summits(grid):
        bump = np.exp(-((x - east) ** 2 + (y - north) ** 2) / (2 * radius_m**2))
        trend += np.maximum(top_m - trend, 0) * bump
    inland_m = ndimage.distance_transform_edt(~sea) * grid.cell_m
    trend *= 1 - np.exp(-inland_m / 1500)
    broad = spectral_noise(grid.shape, rng, exponent=3.4)
    hills = spectral_noise(grid.shape, rng, exponent=2.9, longest_cells=45)
    ridges = 0.8 - 2 * np.abs(spectral_noise(grid.shape, rng, exponent=3.0, longest_cells=28))
    rough = 0.05 * broad + 0.25 * hills + 0.38 * np.clip(ridges, -2, 1)
    height = 1.1 * trend * np.clip(1 + rough, 0.2, 1.7)
    height += np.minimum(inland_m / 400, 6) + 5 * (hills + 1) * (1 - np.exp(-inland_m / 3000))
    height = np.maximum(height, 0.5)
    height = np.where(height > 1300, 1300 + 560 * np.tanh((height - 1300) / 560), height)
    beds, nearest_bed, distance_m = _river_beds(grid)
    valley_m = 700 + 2.2 * np.minimum(height, 900)
    floor_m = 150 + 900 * np.exp(-nearest_bed / 30)  # flood plains widen downstream
    wall = 1 - np.exp(-((np.maximum(distance_m - floor_m, 0) / valley_m) ** 1.4))
    over_bed = height - nearest_bed
    height = np.where(over_bed > 0, nearest_bed + over_bed * wall, height)
    # Rounded so that the last bits of a processor's exp() cannot turn a stream elsewhere.
    return np.where(sea, 0.0, height.round(3)), np.where(sea, np.nan, beds.round(3))


def _trend(grid: SampleGrid) -> Field:
    """Thin-plate surface through the trend points, metres, never below 6."""
    lon, lat, level = np.array(TREND).T
    points = np.column_stack(_project(grid, lon, lat)) / 1000
    surface = RBFInterpolator(points, level, kernel="thin_plate_spline", smoothing=2.0)
    coarse_x, coarse_y = np.meshgrid(grid.x[::10], grid.y[::10])
    coarse = surface(np.column_stack([coarse_x.ravel(), coarse_y.ravel()]) / 1000).round(3)
    rows, cols = np.indices(grid.shape) / 10
    fine = ndimage.map_coordinates(
        coarse.reshape(coarse_x.shape), [rows, cols], order=1, mode="nearest"
    )
    return np.maximum(fine, 6.0)


def _summits(grid: SampleGrid) -> list[tuple[float, float, float, float]]:
    """Summits in map coordinates: easting, northing, height, radius, all metres."""
    lon, lat, top_m, radius_km = np.array(SUMMITS).T
    east, north = _project(grid, lon, lat)
    return list(zip(east, north, top_m, radius_km * 1000, strict=True))


def _project(grid: SampleGrid, lon: Field, lat: Field) -> tuple[Field, Field]:
    return Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True).transform(lon, lat)


def _river_beds(grid: SampleGrid) -> tuple[Field, Field, Field]:
    """Bed height in river cells (NaN elsewhere), of the nearest river cell, distance to it."""
    beds = np.full(grid.shape, np.nan)
    for source_m, line in rivers(grid)[["source_m", "geometry"]].itertuples(index=False):
        measures = np.arange(0, line.length, grid.cell_m / 4)
        points = np.array([line.interpolate(measure).coords[0] for measure in measures])
        rows, cols = grid.rows_cols(points[:, 0], points[:, 1])
        # Headwaters fall steeply and the lower course is nearly flat.
        bed = source_m * (1 - measures / line.length) ** 1.8 + 1.0
        bed += 10.0 * (1 - measures / line.length) if source_m > 300 else 0.0
        inside = (rows >= 0) & (rows < grid.height) & (cols >= 0) & (cols < grid.width)
        rows, cols, bed = rows[inside], cols[inside], bed[inside]
        beds[rows, cols] = np.fmin(beds[rows, cols], bed)
    distance, (near_row, near_col) = ndimage.distance_transform_edt(
        np.isnan(beds), return_indices=True
    )
    return beds, beds[near_row, near_col], distance * grid.cell_m


def _cut_valleys(
    height: Field, beds: Field, sea: NDArray[np.bool_], cell_m: float
) -> tuple[Field, Field, NDArray[np.int64], NDArray[np.int64]]:
    """Let water incise the relief in a few implicit steps of the stream-power law.

    Returns the height, the cells upstream, the receiver of every cell and the order of filling.

    References
    ----------
    Braun & Willett (2013), Geomorphology 180-181, 170-179 (implicit scheme); Barnes, Lehman &
    Mulla (2014), Computers & Geosciences 62, 117-127 (priority flood).
    """
    base = sea.copy()
    base[[0, -1], :] = True
    base[:, [0, -1]] = True
    river = ~np.isnan(beds)
    for _ in range(STEPS):
        filled, receiver, order = _fill(height, base)
        upstream = _accumulate(receiver, order).reshape(height.shape)
        height = _incise(filled.ravel(), upstream.ravel(), receiver, order, cell_m)
        height = height.reshape(sea.shape)
        height = np.where(base, filled, ndimage.gaussian_filter(height, DIFFUSED_CELLS))
        height[river] = np.minimum(height[river], beds[river])
    filled, receiver, order = _fill(np.where(sea, 0.0, np.maximum(height, 0.3)), base)
    return filled, _accumulate(receiver, order).reshape(sea.shape), receiver, order


@numba.njit(cache=False)
def _fill(height: Any, base: Any) -> Any:
    """Priority flood: filled heights, the lowest neighbour each cell drains to, and the order."""
    rows, cols = height.shape
    filled = height.copy()
    receiver = np.full(rows * cols, -1, dtype=np.int64)
    order = np.empty(rows * cols, dtype=np.int64)
    seen = np.zeros((rows, cols), dtype=np.bool_)
    heap = [(0.0, 0)]
    heap.pop()
    for row in range(rows):
        for col in range(cols):
            if base[row, col]:
                seen[row, col] = True
                heap.append((filled[row, col], row * cols + col))
    heapify(heap)
    count = 0
    while len(heap) > 0:
        level, cell = heappop(heap)
        order[count] = cell
        count += 1
        row, col = cell // cols, cell % cols
        for up in range(max(row - 1, 0), min(row + 2, rows)):
            for side in range(max(col - 1, 0), min(col + 2, cols)):
                if not seen[up, side]:
                    seen[up, side] = True
                    receiver[up * cols + side] = cell
                    filled[up, side] = max(filled[up, side], level + 0.001)
                    heappush(heap, (filled[up, side], up * cols + side))
    return filled, receiver, order[:count]


@numba.njit(cache=False)
def _accumulate(receiver: Any, order: Any) -> Any:
    """Count the cells upstream of each cell, itself included."""
    upstream = np.ones(receiver.size)
    for position in range(order.size - 1, -1, -1):
        cell = order[position]
        if receiver[cell] >= 0:
            upstream[receiver[cell]] += upstream[cell]
    return upstream


@numba.njit(cache=False)
def _incise(height: Any, upstream: Any, receiver: Any, order: Any, cell_m: float) -> Any:
    """Take one implicit step of dz/dt = -K A^m S, from the outlets upward."""
    cut = height.copy()
    for cell in order:
        below = receiver[cell]
        if below >= 0:
            rate = 40.0 * upstream[cell] ** 0.42 / cell_m
            cut[cell] = (height[cell] + rate * cut[below]) / (1 + rate)
    return cut


@numba.njit(cache=False)
def _foot(stream: Any, receiver: Any, order: Any) -> Any:
    """Find the first stream (or outlet) cell down the flow path of each cell."""
    foot = np.arange(stream.size)
    for cell in order:
        if not stream[cell] and receiver[cell] >= 0:
            foot[cell] = foot[receiver[cell]]
    return foot


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``hazards/terrain.tif`` (whole metres) and ``hazards/slope.tif`` (degrees)."""
    land = land_mask(grid)
    height = elevation(grid, seed)
    slope = slope_degrees(height, grid.cell_m)
    write_raster(
        grid,
        data / "hazards" / "terrain.tif",
        np.where(land, height.round(), NODATA),
        nodata=NODATA,
        dtype="int16",
        description="elevation, m, 合成数据 / synthetic",
    )
    write_raster(
        grid,
        data / "hazards" / "slope.tif",
        np.where(land, (slope * 2).round() / 2, NODATA),
        nodata=NODATA,
        dtype="float32",
        description="slope, degrees, 合成数据 / synthetic",
    )


def streams(grid: SampleGrid, seed: int, *, least_km2: float) -> NDArray[np.object_]:
    """Return the stream segments, cell centre to cell centre, of catchments of that size."""
    ground = landscape(grid, seed)
    x, y = grid.centres()
    lowest, step = ground.elevation_m.copy(), np.zeros(grid.shape, dtype=np.int64)
    padded = np.pad(ground.elevation_m, 1, constant_values=np.inf)
    for row, col in np.ndindex(3, 3):
        near = padded[row : row + grid.height, col : col + grid.width]
        step = np.where(near < lowest, (row - 1) * grid.width + col - 1, step)
        lowest = np.minimum(near, lowest)
    source = np.flatnonzero((ground.upstream_km2 >= least_km2) & ~ground.sea & (step != 0))
    target = source + step.ravel()[source]
    ends = [np.column_stack([x.ravel()[cell], y.ravel()[cell]]) for cell in (source, target)]
    return np.asarray(shapely.linestrings(np.stack(ends, axis=1)))

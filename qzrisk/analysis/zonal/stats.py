"""Statistics of rasters by zone, with exact cell fractions computed once for all layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from numba import njit

from qzrisk.analysis.zonal.fractions import Fractions, cell_fractions
from qzrisk.errors import ConfigError
from qzrisk.grid import Raster, RasterLike, as_raster, require_crs, require_same_grid, same_grid

Array = npt.NDArray[Any]
Layers = RasterLike | Sequence[RasterLike] | Mapping[str, RasterLike]

STATS = ("count", "sum", "mean", "min", "max", "std", "weighted_mean")
_COUNT, _SUM, _MIN, _MAX, _SQUARES, _SHIFT = range(6)


def zonal_stats(
    raster: Layers,
    zones: gpd.GeoDataFrame | gpd.GeoSeries,
    stats: Sequence[str] = ("mean",),
    *,
    weights: RasterLike | None = None,
) -> pd.DataFrame:
    """Statistics of the cells in each zone, each cell weighing by the exact share covered.

    Parameters
    ----------
    raster : path or Raster, or a list, or a mapping name -> one of them
        Rasters on one grid share one computation of the fractions.
    zones : GeoDataFrame or GeoSeries of Polygons, in the CRS of the rasters, indexed unit_id
    stats : of {"count", "sum", "mean", "min", "max", "std", "weighted_mean"}
        ``count`` is in cells, fractional; ``std`` is that of the population (ddof 0).
    weights : path or Raster on the grid of every raster, for ``"weighted_mean"`` only
        E.g. persons a cell; a missing weight counts 0.

    Returns
    -------
    DataFrame of float64 indexed as `zones`, unit of the raster
        Columns `stats`, or ``<name>_<stat>`` for a list (stem of the file, or the array's name)
        or a mapping. A zone outside the raster or on missing cells only has count 0, and NaN
        for everything else, also for the sum. Missing cells count nowhere.

    Raises
    ------
    CRSError
        If a CRS differs.
    SchemaError
        If a zone is no valid polygon.
    ConfigError
        If a statistic is unknown, two layers have one name, or weights are missing or superfluous.

    Notes
    -----
    ``min`` and ``max`` regard every cell that the zone covers at all.

    References
    ----------
    Baston, exactextract: exact coverage fractions in zonal statistics.

    Examples
    --------
    >>> import shapely
    >>> grid = Raster(np.array([[1.0, 3.0]]), crs="EPSG:4549", transform=(2, 0, 0, 0, -2, 2))
    >>> zone = gpd.GeoSeries([shapely.box(1, 0, 4, 2)], index=["A"], crs="EPSG:4549")
    >>> zonal_stats(grid, zone, ("count", "mean")).loc["A"].round(4).tolist()
    [1.5, 2.3333]
    """
    layers = _named(raster)
    _check(stats, weights)
    share = None if weights is None else as_raster(weights)
    columns: dict[str, Array] = {}
    for names in _by_grid(layers):
        first = layers[names[0]]
        require_crs(first, zones, names=(first.where, "zones"))
        cover = cell_fractions(zones, first.transform, first.shape)
        found = _reduce([layers[name] for name in names], cover, stats, share)
        for name, table in zip(names, found, strict=True):
            for stat in stats:
                columns[f"{name}_{stat}" if name else stat] = table[stat]
    order = [f"{name}_{stat}" if name else stat for name in layers for stat in stats]
    return pd.DataFrame({key: columns[key] for key in order}, index=zones.index)


def zonal_shares(
    raster: RasterLike, zones: gpd.GeoDataFrame | gpd.GeoSeries, values: Sequence[float]
) -> pd.DataFrame:
    """Share of each zone's known area that lies in each class of a categorical raster.

    Parameters
    ----------
    raster : path or Raster of integer classes
    zones : GeoDataFrame or GeoSeries of Polygons, in the CRS of the raster, indexed unit_id
    values : the classes asked for

    Returns
    -------
    DataFrame in [0, 1] indexed as `zones`, columns `values`
        A row sums to 1 if `values` holds all classes. NaN where no cell is known.

    Raises
    ------
    CRSError, SchemaError
        As `zonal_stats`.

    Examples
    --------
    >>> import shapely
    >>> grid = Raster(np.array([[1, 4]], "uint8"), crs="EPSG:4549", transform=(2, 0, 0, 0, -2, 2))
    >>> zone = gpd.GeoSeries([shapely.box(1, 0, 4, 2)], index=["A"], crs="EPSG:4549")
    >>> zonal_shares(grid, zone, [1, 4]).round(4).loc["A"].tolist()
    [0.3333, 0.6667]
    """
    layer = as_raster(raster)
    require_crs(layer, zones, names=(layer.where, "zones"))
    cover = cell_fractions(zones, layer.transform, layer.shape)
    area, total = np.zeros((len(values), cover.size)), np.zeros(cover.size)
    asked = np.asarray(values, dtype=np.float64)
    with layer.reader() as read:
        for window in layer.windows():
            cells = read(window)
            _shares(*_entries(cover, window), cells, *_missing(layer), asked, area, total)
    share = np.divide(area, total, out=np.full_like(area, np.nan), where=total > 0)
    return pd.DataFrame(share.T, index=zones.index, columns=pd.Index(values))


def _named(raster: Layers) -> dict[str, Raster]:
    if isinstance(raster, Mapping):
        return {name: as_raster(layer) for name, layer in raster.items()}
    if isinstance(raster, (Raster, str, Path)):
        return {"": as_raster(raster)}
    layers = [as_raster(layer) for layer in raster]
    names = [layer.name or f"layer_{i + 1}" for i, layer in enumerate(layers)]
    if not layers or len(set(names)) < len(names):
        raise ConfigError("layers need different names", where="raster", got=names,
                          mend="give a mapping name -> raster")
    return dict(zip(names, layers, strict=True))


def _check(stats: Sequence[str], weights: RasterLike | None) -> None:
    unknown = [stat for stat in stats if stat not in STATS]
    if isinstance(stats, str) or unknown or not stats:
        raise ConfigError("unknown statistic", where="stats", expected=f"of {', '.join(STATS)}",
                          got=stats)
    if ("weighted_mean" in stats) != (weights is not None):
        raise ConfigError("weights and 'weighted_mean' go together", where="weights",
                          got=f"stats {tuple(stats)}, weights {weights}")


def _by_grid(layers: dict[str, Raster]) -> list[list[str]]:
    """Group the names of layers that share a grid, so that fractions are computed once a grid."""
    groups: list[list[str]] = []
    for name, layer in layers.items():
        for group in groups:
            if same_grid(layers[group[0]], layer):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def _reduce(
    layers: list[Raster], cover: Fractions, stats: Sequence[str], weights: Raster | None
) -> list[dict[str, Array]]:
    """Statistics of layers on one grid."""
    if weights is not None:
        require_same_grid([layers[0], weights])
    full = bool({"min", "max", "std"} & set(stats))
    found = []
    for layer in layers:
        sums = np.zeros((6, cover.size))
        sums[_MIN], sums[_MAX] = np.inf, -np.inf
        pair = np.zeros((2, cover.size))
        with layer.reader() as read:
            for window in layer.windows():
                entries = _entries(cover, window)
                if not entries[0].size:
                    continue
                cells = read(window)
                _accumulate(*entries, cells, *_missing(layer), full, sums)
                if weights is not None:
                    load = np.nan_to_num(weights.values(window))
                    _accumulate_weighted(*entries, cells, *_missing(layer), load, pair)
        found.append(_finish(sums, pair))
    return found


def _missing(layer: Raster) -> tuple[Any, bool]:
    """Missing value in the type of the cells, and whether there is one to look for."""
    missing = layer.missing
    return (layer.dtype.type(0), False) if missing is None else (missing, True)


def _entries(cover: Fractions, window: Any) -> tuple[Array, Array, Array, Array, Array]:
    """Entries of a window in its own rows and columns; runs may stick out sideways."""
    low, high = np.searchsorted(cover.row, [window.row_off, window.row_off + window.height])
    part = slice(low, high)
    return (cover.zone[part], cover.row[part] - np.int32(window.row_off),
            cover.left[part] - np.int32(window.col_off),
            cover.right[part] - np.int32(window.col_off), cover.share[part])


def _finish(sums: Array, pair: Array) -> dict[str, Array]:
    count = sums[_COUNT]
    none = count <= 0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums[_SUM] / count
        around = mean - sums[_SHIFT]
        table = {
            "sum": sums[_SUM],
            "mean": mean,
            "min": sums[_MIN],
            "max": sums[_MAX],
            "std": np.sqrt(np.maximum(sums[_SQUARES] / count - around**2, 0)),
            "weighted_mean": np.where(pair[0] > 0, pair[1] / pair[0], np.nan),
        }
    return {"count": count, **{key: np.where(none, np.nan, item) for key, item in table.items()}}


@njit(nogil=True, cache=True)
def _accumulate(
    zone: Array, row: Array, left: Array, right: Array, share: Array, cells: Array, nodata: Any,
    checked: bool, full: bool, sums: Array,
) -> None:  # pragma: no cover
    width = cells.shape[1]
    for e in range(zone.size):
        z, f = zone[e], share[e]
        a, b = max(left[e], 0), min(right[e], width)
        line = cells[row[e]]
        n, total = 0, 0.0
        for j in range(a, b):
            x = line[j]
            if x == x and not (checked and x == nodata):
                n += 1
                total += x
        if n == 0:
            continue
        if full:
            if sums[0, z] == 0:
                sums[5, z] = total / n
            shift = sums[5, z]
            low, high, squares = sums[2, z], sums[3, z], 0.0
            for j in range(a, b):
                x = line[j]
                if x == x and not (checked and x == nodata):
                    v = float(x)
                    low, high = min(low, v), max(high, v)
                    squares += (v - shift) * (v - shift)
            sums[2, z], sums[3, z] = low, high
            sums[4, z] += f * squares
        sums[0, z] += f * n
        sums[1, z] += f * total


@njit(nogil=True, cache=True)
def _accumulate_weighted(
    zone: Array, row: Array, left: Array, right: Array, share: Array, cells: Array, nodata: Any,
    checked: bool, load: Array, pair: Array,
) -> None:  # pragma: no cover
    for e in range(zone.size):
        z, f, i = zone[e], share[e], row[e]
        for j in range(max(left[e], 0), min(right[e], cells.shape[1])):
            x = cells[i, j]
            if x == x and not (checked and x == nodata):
                pair[0, z] += f * load[i, j]
                pair[1, z] += f * load[i, j] * x


@njit(nogil=True, cache=True)
def _shares(
    zone: Array, row: Array, left: Array, right: Array, share: Array, cells: Array, nodata: Any,
    checked: bool, asked: Array, area: Array, total: Array,
) -> None:  # pragma: no cover
    for e in range(zone.size):
        z, f, i = zone[e], share[e], row[e]
        for j in range(max(left[e], 0), min(right[e], cells.shape[1])):
            x = cells[i, j]
            if x == x and not (checked and x == nodata):
                total[z] += f
                for c in range(asked.size):
                    if x == asked[c]:
                        area[c, z] += f

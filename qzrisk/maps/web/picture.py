"""Raster layers as pictures in Web Mercator, which is what the page draws them in."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from qzrisk.levels import palette
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.maps.style import INK, SEA, fills, style

WEB_MERCATOR = "EPSG:3857"
LONGER_SIDE_PX = 1100
SHADES = 64
SHADE_GREYS = 24
RELIEF_TIMES = 3.0
GREY_RAMP = ("#f2f2f2", "#3c3c3c")


def overlay(layer: LayerSpec, spec: MapSpec) -> dict[str, Any]:
    """Return a raster layer as ``{"uri": PNG as data URI, "bounds": degrees}``.

    Notes
    -----
    Each pixel takes the cell at its centre. Cells of a classed raster hold 1 for the lowest class;
    others take the ramp of the layer's style from the least to the greatest value. Missing cells
    are transparent; `relief` is lit from the north-west.
    """
    from PIL import Image

    raster = layer.raster
    frame = _mercator_box(raster.bounds, str(raster.crs))
    cell = _cells_under_pixels(raster, frame)
    coloured, there = _coloured(_sampled(raster.values(), cell), layer, spec)
    if layer.relief is not None:
        shade = _sampled(hillshade(layer.relief.values(), layer.relief.cell_m), cell)
        coloured = coloured * (0.62 + 0.55 * np.nan_to_num(shade, nan=0.7))[..., None]
    rgba = np.dstack([np.clip(coloured, 0, 255), np.where(there, 255, 0)]).astype(np.uint8)
    picture: Image.Image = Image.fromarray(rgba)
    if layer.relief is None or layer.style == "shade":
        # Few colours, none mixed: a palette keeps them exact and the picture small. Shading alone
        # is told as well by a few greys.
        count = 256 if layer.relief is None else SHADE_GREYS
        picture = picture.quantize(count, method=Image.Quantize.FASTOCTREE)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    degrees = Transformer.from_crs(WEB_MERCATOR, "EPSG:4326", always_xy=True)
    west, south = degrees.transform(frame[0], frame[1])
    east, north = degrees.transform(frame[2], frame[3])
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    bounds = [round(value, 6) for value in (west, south, east, north)]
    return {"uri": f"data:image/png;base64,{data}", "bounds": bounds}


def value_range(raster: Any) -> tuple[float, float]:
    """Return the least and greatest value of a raster; (0, 1) where all is missing."""
    values = raster.values()
    if not np.isfinite(values).any():
        return 0.0, 1.0
    return float(np.nanmin(values)), float(np.nanmax(values))


def ramp(layer: LayerSpec, spec: MapSpec) -> tuple[str, ...]:
    """Return the colours of an unclassed raster, low to high."""
    if spec.variant == "grey":
        return GREY_RAMP
    return style(layer.style, kind="raster").ramp or (SEA, INK)


def hillshade(height: NDArray[np.float64], cell_m: float) -> NDArray[np.float64]:
    """Return how light slopes are, 0 to 1, lit from 315 degrees at 45 degrees, heights threefold.

    Examples
    --------
    >>> hillshade(np.zeros((2, 2)), 200.0).round(2).tolist()
    [[0.71, 0.71], [0.71, 0.71]]
    """
    down, right = np.gradient(np.nan_to_num(height) * RELIEF_TIMES, cell_m)
    # The light comes from the north-west: rising to the east and to the south faces it.
    facing = (1.0 + (right + down) / np.sqrt(2.0)) / np.sqrt(2.0)
    return np.clip(facing / np.sqrt(1.0 + right**2 + down**2), 0.0, 1.0)


def _mercator_box(
    bounds: tuple[float, float, float, float], crs: str
) -> tuple[float, float, float, float]:
    to_mercator = Transformer.from_crs(crs, WEB_MERCATOR, always_xy=True)
    west, south, east, north = to_mercator.transform_bounds(*bounds)
    return west, south, east, north


def _cells_under_pixels(
    raster: Any, frame: tuple[float, float, float, float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return row and column of the cell under each pixel, -1 outside."""
    west, south, east, north = frame
    rows, columns = raster.shape
    pixel = max(max(east - west, north - south) / LONGER_SIDE_PX, (east - west) / columns)
    wide, high = max(1, round((east - west) / pixel)), max(1, round((north - south) / pixel))
    x = west + (np.arange(wide) + 0.5) * (east - west) / wide
    y = north - (np.arange(high) + 0.5) * (north - south) / high
    back = Transformer.from_crs(WEB_MERCATOR, str(raster.crs), always_xy=True)
    there = back.transform(*np.meshgrid(x, y))
    column, row = (np.floor(part).astype(np.int64) for part in ~raster.transform * there)
    inside = (column >= 0) & (row >= 0) & (column < columns) & (row < rows)
    return np.where(inside, row, -1), np.where(inside, column, -1)


def _sampled(
    cells: NDArray[np.float64], at: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> NDArray[np.float64]:
    row, column = at
    return np.where(row < 0, np.nan, cells[row, column])


def _coloured(
    values: NDArray[np.float64], layer: LayerSpec, spec: MapSpec
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return red, green and blue, 0 to 255, and where there is a value."""
    there = np.isfinite(values)
    if layer.palette is not None:
        colours = _rgb([fill for fill, _ in fills(palette(layer.palette), spec.variant).values()])
        rank = np.where(there, values, 0).astype(np.int64)
        there = there & (rank >= 1) & (rank <= len(colours))
        return colours[np.where(there, rank, 1) - 1], there
    stops = _rgb(ramp(layer, spec))
    low, high = value_range(layer.raster)
    share = (np.where(there, values, low) - low) / ((high - low) or 1.0)
    shade = np.round(share * (SHADES - 1)) * (len(stops) - 1) / (SHADES - 1)
    return np.stack([np.interp(shade, range(len(stops)), c) for c in stops.T], axis=-1), there


def _rgb(colours: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours])

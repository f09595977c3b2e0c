"""What a page carries: geometries as deltas of integers, attributes as columns, each thing once.

Lengths of a stream come first, then the deltas; every integer is zigzag coded in base 32 with one
continuation bit, on an alphabet that needs no escape in JSON or HTML.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from qzrisk.maps.spec import LayerSpec

GEOGRAPHIC = "EPSG:4490"
UNITS_PER_DEGREE = 100_000
"""Coordinates are integers of 1e-5 degree, about 1 m."""
PUBLIC_STEP = 100
"""Points shown to the public stand on a lattice of 0.001 degree, about 100 m."""
MAX_STEPS = 120
SIGNIFICANT_DIGITS = 7
LABELS_INSCRIBED = 400
_ALPHABET = np.frombuffer(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", np.uint8
)
_POLYGONS = (3, 6)


def encode(values: ArrayLike) -> str:
    """Write integers as text: zigzag, base 32, least digit first, one bit says that more follow.

    Examples
    --------
    >>> encode([0, -1, 1, 16, -300])
    'ABCgB3S'
    """
    number = np.asarray(values, dtype=np.int64).ravel()
    if number.size == 0:
        return ""
    zigzag = np.where(number < 0, -2 * number - 1, 2 * number)
    width = max(1, -(-int(zigzag.max()).bit_length() // 5))
    shift = 5 * np.arange(width)
    digit = (zigzag[:, None] >> shift) & 31
    more = (zigzag[:, None] >> (shift + 5)) > 0
    keep = np.concatenate([np.ones((len(number), 1), bool), more[:, :-1]], axis=1)
    return str(_ALPHABET[(digit + 32 * more)[keep]].tobytes(), "ascii")


def dump(value: Any) -> str:
    """Return compact JSON that cannot end a script element nor break an old parser."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


@dataclass(slots=True)
class Store:
    """Columns and geometries of a page: equal ones are kept once and named by their number."""

    tolerance_m: float
    columns: dict[str, int] = field(default_factory=dict)
    geometries: dict[bytes, tuple[int, str]] = field(default_factory=dict)

    def column(self, series: pd.Series, words: tuple[str, str]) -> int:
        """Keep a column and return its number."""
        return self.columns.setdefault(dump(column(series, words)), len(self.columns))

    def geometry(self, frame: gpd.GeoDataFrame, *, points: bool, step: int) -> int:
        """Keep the geometries of a frame and return their number."""
        key = shapely.to_wkb(frame.geometry.to_numpy())
        mark = b"|".join([bytes([points, step]), *(b"" if part is None else part for part in key)])
        if mark not in self.geometries:
            text = dump(geometry(frame, self.tolerance_m, points=points, step=step))
            self.geometries[mark] = (len(self.geometries), text)
        return self.geometries[mark][0]

    def json(self) -> str:
        """Return both lists as members of a JSON object."""
        geometries = ",".join(text for _, text in self.geometries.values())
        return f'"columns":[{",".join(self.columns)}],"geometries":[{geometries}]'


def column(series: pd.Series, words: tuple[str, str]) -> dict[str, Any]:
    """Return a column as numbers, or as texts and their codes.

    Parameters
    ----------
    series : Series
        Any column of a layer.
    words : (str, str)
        What true and false are called.

    Returns
    -------
    dict
        ``{"numbers": [...]}`` with None for missing, or ``{"texts": [...], "codes": "..."}`` where
        code -1 is missing.
    """
    if pd.api.types.is_bool_dtype(series.dtype):
        series = series.map({True: words[0], False: words[1]})
    elif pd.api.types.is_numeric_dtype(series.dtype):
        return {"numbers": _numbers(series)}
    elif pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = series.dt.strftime("%Y-%m-%d")
    codes, texts = pd.factorize(series.astype("object"), use_na_sentinel=True)
    return {"texts": [str(text) for text in texts], "codes": encode(codes)}


def _numbers(series: pd.Series) -> list[float | int | None]:
    values = series.to_numpy(dtype=float, na_value=np.nan)
    return [
        None if not np.isfinite(value) else int(value) if value == int(value)
        else float(f"{value:.{SIGNIFICANT_DIGITS}g}")
        for value in values.tolist()
    ]


def geometry(
    frame: gpd.GeoDataFrame, tolerance_m: float, *, points: bool, step: int
) -> dict[str, str]:
    """Return geometries as four streams: parts, rings and points of each, then deltas.

    Parameters
    ----------
    frame : GeoDataFrame, projected
        Missing and empty geometries have no part.
    tolerance_m : float, metres
        Simplification of lines and polygons; shared borders stay shared.
    points : bool
        Draw every geometry as one point.
    step : int, 1e-5 degree
        Lattice of point coordinates.
    """
    shapes = frame.geometry.to_numpy().copy()
    shapes[shapely.is_missing(shapes) | shapely.is_empty(shapes)] = None
    if points:
        other = shapely.get_type_id(shapes) != 0
        shapes[other] = shapely.point_on_surface(shapes[other])
    else:
        shapes = simplified(shapes, tolerance_m)
    degrees = gpd.GeoSeries(shapes, crs=frame.crs).to_crs(GEOGRAPHIC).to_numpy()
    parts, of_shape = shapely.get_parts(degrees, return_index=True)
    if shapely.get_type_id(parts).max(initial=0) == 3:
        rings, of_part = shapely.get_rings(parts, return_index=True)
    else:
        rings, of_part = parts, np.arange(len(parts))
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    lattice = step if points else 1
    units = np.round(xy * (UNITS_PER_DEGREE / lattice)).astype(np.int64) * lattice
    delta = np.diff(units, axis=0, prepend=np.zeros((1, 2), np.int64))
    return {
        "parts": encode(np.bincount(of_shape, minlength=len(shapes))),
        "rings": encode(np.bincount(of_part, minlength=len(parts))),
        "sizes": encode(np.bincount(of_ring, minlength=len(rings))),
        "deltas": encode(delta),
    }


def simplified(shapes: NDArray[Any], tolerance_m: float) -> NDArray[Any]:
    """Return shapes thinned to a tolerance; polygons of a coverage keep their common borders."""
    shapes = shapes.copy()
    there = ~shapely.is_missing(shapes)
    kinds = shapely.get_type_id(shapes[there])
    if np.isin(kinds, _POLYGONS).all() and shapely.coverage_is_valid(shapes[there]):
        shapes[there] = shapely.coverage_simplify(shapes[there], tolerance_m)
    else:
        # A collection (the left-over of an overlay) is drawn by its polygons.
        for place in np.flatnonzero(there)[kinds == 7]:
            shapes[place] = shapely.multipolygons(
                [part for part in shapely.get_parts(shapes[place]) if part.geom_type == "Polygon"]
            )
        shapes[there] = shapely.simplify(shapes[there], tolerance_m, preserve_topology=True)
    return shapes


def anchors(frame: gpd.GeoDataFrame) -> str:
    """Return where labels stand, as deltas: the widest place inside the largest part of each."""
    shapes = frame.geometry.to_numpy().copy()
    shapes[shapely.is_missing(shapes) | shapely.is_empty(shapes)] = shapely.Point(0, 0)
    for place, shape in enumerate(shapes):
        if shape.geom_type.startswith("Multi"):
            parts = shapely.get_parts(shape)
            shapes[place] = parts[np.argmax(shapely.area(parts) + shapely.length(parts))]
    polygons = shapely.get_type_id(shapes) == 3
    at = shapely.point_on_surface(shapes)
    if polygons.sum() <= LABELS_INSCRIBED:
        circles = shapely.maximum_inscribed_circle(shapes[polygons], tolerance=100.0)
        at[polygons] = shapely.get_point(circles, 0)
    xy = shapely.get_coordinates(gpd.GeoSeries(at, crs=frame.crs).to_crs(GEOGRAPHIC).to_numpy())
    units = np.round(xy * UNITS_PER_DEGREE).astype(np.int64)
    return encode(np.diff(units, axis=0, prepend=np.zeros((1, 2), np.int64)))


def class_codes(layer: LayerSpec) -> str:
    """Return one digit a feature, low to high; ``.`` is no data."""
    if layer.classes is None:
        return ""
    return "".join("." if code < 0 else str(code) for code in layer.classes.cat.codes)


def time_axis(layers: Sequence[LayerSpec]) -> tuple[list[str], dict[str, str]]:
    """Return the steps of the time slider and the step of every feature of each dated layer.

    Steps are days, or months or years once there would be more than `MAX_STEPS` of them; step -1
    is a feature without a date.
    """
    dates = {
        layer.name: pd.to_datetime(layer.frame[layer.when], errors="coerce").dt.tz_localize(None)
        for layer in layers
        if layer.when is not None and layer.frame is not None
    }
    steps: list[str] = []
    texts: dict[str, pd.Series] = {}
    for form in ("%Y-%m-%d", "%Y-%m", "%Y"):
        texts = {name: series.dt.strftime(form) for name, series in dates.items()}
        steps = sorted({text for series in texts.values() for text in series.dropna()})
        if len(steps) <= MAX_STEPS:
            break
    number = {step: place for place, step in enumerate(steps)}
    return steps, {
        name: encode(series.map(number).fillna(-1).astype(int)) for name, series in texts.items()
    }


def telling_column(layer: LayerSpec) -> str | None:
    """Return the field of words that best keeps apart the features of one name, or None.

    Villages of one name are told apart by their town wherever the town is among the fields.
    """
    frame = layer.frame
    if layer.search is None or frame is None or not frame[layer.search].duplicated().any():
        return None
    words = [
        name
        for name in layer.fields
        if name != layer.search and not pd.api.types.is_numeric_dtype(frame[name].dtype)
    ]
    left = {name: int(frame.duplicated([layer.search, name]).sum()) for name in words}
    best = min(left, key=left.__getitem__, default=None)
    return best if best and left[best] < frame[layer.search].duplicated().sum() else None

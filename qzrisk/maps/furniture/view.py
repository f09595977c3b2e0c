"""The window of a map: metres of the ground on millimetres of paper, true scale and north."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from pyproj import CRS, Geod, Transformer

Floats = npt.NDArray[np.float64]

_ROUND = (1, 1.1, 1.2, 1.25, 1.3, 1.4, 1.5, 1.6, 1.75, 1.8, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 4,
          4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9, 10)
FINEST_MM = 0.1 * 25.4 / 72
"""Vertices nearer than this on paper fall together, those of shared edges alike. A tenth of a point
also keeps the numbers in a PDF short."""
LEAST_SPAN_M = 2_000.0
"""A single point still gets a frame of this width."""


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle of the ground in a projected CRS and the paper it is printed on.

    Attributes
    ----------
    left, bottom, right, top : metres in `crs`.
    width_mm : of the map frame on paper; its height follows.
    crs : projected CRS.
    zoom : factor on letters and lines, 1 on A4.
    """

    left: float
    bottom: float
    right: float
    top: float
    width_mm: float
    crs: str
    zoom: float = 1.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right, top in metres."""
        return self.left, self.bottom, self.right, self.top

    @property
    def height_mm(self) -> float:
        """Height of the frame on paper."""
        return (self.top - self.bottom) / self.metres(1.0)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the frame, metres."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def metres(self, millimetres: float) -> float:
        """Return grid metres of a length on paper."""
        return millimetres * (self.right - self.left) / self.width_mm

    def at(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Return grid metres of a position in millimetres from the frame's lower left corner."""
        return self.left + self.metres(x_mm), self.bottom + self.metres(y_mm)

    @property
    def denominator(self) -> float:
        """N of the scale 1:N at the centre: true (geodesic) length over length on paper."""
        grid = self.metres(1.0)
        return 1000 * grid / self.stretch(*self.centre)

    def stretch(self, x: float, y: float, length_m: float = 1000.0) -> float:
        """Return grid metres per true metre, eastward at a position."""
        half = length_m / 2
        (west, east), (south, north) = _to_degrees(self.crs).transform([x - half, x + half], [y, y])
        _, _, true = _geod(self.crs).inv(west, south, east, north)
        return float(length_m / true)

    def convergence_deg(self) -> float:
        """Return the angle from grid north to true north at the centre, clockwise positive."""
        x, y = self.centre
        lon, lat = _to_degrees(self.crs).transform(x, y)
        step = 0.01
        (x0, x1), (y0, y1) = to_grid(self.crs, [lon, lon], [lat - step, lat + step])
        return float(np.degrees(np.arctan2(x1 - x0, y1 - y0)))

    def degrees(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north of the frame's border in degrees."""
        side = np.linspace(0, 1, 21)
        x = self.left + side * (self.right - self.left)
        y = self.bottom + side * (self.top - self.bottom)
        lon, lat = _to_degrees(self.crs).transform(
            np.concatenate([x, x, np.full(21, self.left), np.full(21, self.right)]),
            np.concatenate([np.full(21, self.bottom), np.full(21, self.top), y, y]),
        )
        return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())


@cache
def _to_degrees(crs: str) -> Transformer:
    made = CRS.from_user_input(crs)
    return Transformer.from_crs(made, made.geodetic_crs, always_xy=True)


@cache
def _geod(crs: str) -> Geod:
    geod = CRS.from_user_input(crs).get_geod()
    assert geod is not None
    return geod


def to_grid(crs: str, lon: npt.ArrayLike, lat: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return grid metres of degrees in the CRS's own geographic system."""
    x, y = _to_degrees(crs).transform(
        np.asarray(lon, dtype=float), np.asarray(lat, dtype=float), direction="INVERSE"
    )
    return x, y


def geodesic_m(crs: str, x: tuple[float, float], y: tuple[float, float]) -> float:
    """Return the true length between two grid positions on the CRS's ellipsoid."""
    lon, lat = _to_degrees(crs).transform(x, y)
    return float(_geod(crs).inv(lon[0], lat[0], lon[1], lat[1])[2])


def round_up(denominator: float) -> float:
    """Return the next round scale denominator.

    Examples
    --------
    >>> round_up(1_130_000), round_up(96_000)
    (1200000.0, 100000.0)
    """
    power = 10.0 ** np.floor(np.log10(denominator))
    return float(next(r for r in _ROUND if r * power >= denominator * (1 - 1e-9)) * power)


def fit(
    bounds: tuple[float, float, float, float],
    *,
    width_mm: float,
    height_mm: float,
    crs: str,
    margin: float = 0.05,
    exact: bool = False,
    zoom: float = 1.0,
) -> View:
    """Return the view of a frame of paper that holds `bounds` at a round scale.

    Parameters
    ----------
    bounds : (left, bottom, right, top) in metres of `crs`
    width_mm, height_mm : size of the frame on paper
    crs : projected CRS
    margin : share of the bounds left free on each side
    exact : True keeps the scale that fits tightly instead of the next round one
    zoom : factor on letters and lines
    """
    left, bottom, right, top = bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    span_x, span_y = (max(span, LEAST_SPAN_M) * (1 + 2 * margin)
                      for span in (right - left, top - bottom))
    grid_per_mm = max(span_x / width_mm, span_y / height_mm)
    if not exact:
        stretch = View(x - 500, y - 500, x + 500, y + 500, 1.0, crs).stretch(x, y)
        grid_per_mm = round_up(1000 * grid_per_mm / stretch) / 1000 * stretch
    half_x, half_y = grid_per_mm * width_mm / 2, grid_per_mm * height_mm / 2
    return View(x - half_x, y - half_y, x + half_x, y + half_y, width_mm, crs, zoom)


def within(view: View, ground: tuple[float, float, float, float] | None,
           bounds: tuple[float, float, float, float]) -> View:
    """Return the view slid, then cropped, so that it shows no ground of which nothing is known.

    Parameters
    ----------
    view : a frame of paper
    ground : rectangle in metres that the surroundings fill, or None
    bounds : what must stay in view, whatever the ground
    """
    if ground is None:
        return view
    box = list(view.box)
    for low, high in ((0, 2), (1, 3)):
        span, room = box[high] - box[low], ground[high] - ground[low]
        if span <= room:
            shift = max(ground[low] - box[low], 0.0) - max(box[high] - ground[high], 0.0)
            box[low], box[high] = box[low] + shift, box[high] + shift
        else:
            gap = view.metres(2.0)
            box[low] = max(box[low], min(ground[low], bounds[low] - gap))
            box[high] = min(box[high], max(ground[high], bounds[high] + gap))
    # Sliding may have pushed out what the map is about: that weighs more than empty corners.
    if box[0] > bounds[0] or box[1] > bounds[1] or box[2] < bounds[2] or box[3] < bounds[3]:
        return view
    width_mm = (box[2] - box[0]) / view.metres(1.0)
    return View(box[0], box[1], box[2], box[3], width_mm, view.crs, view.zoom)


def inner_rectangle(crs: str, xy: Floats) -> tuple[float, float, float, float]:
    """Return the largest upright rectangle inside the box of degrees that positions span."""
    lon, lat = _to_degrees(crs).transform(xy[:, 0], xy[:, 1])
    side = np.linspace(0, 1, 11)
    meridian = lat.min() + side * (lat.max() - lat.min())
    parallel = lon.min() + side * (lon.max() - lon.min())
    edges = [to_grid(crs, np.full(11, value), meridian) for value in (lon.min(), lon.max())]
    edges += [to_grid(crs, parallel, np.full(11, value)) for value in (lat.min(), lat.max())]
    return (float(edges[0][0].max()), float(edges[2][1].max()),
            float(edges[1][0].min()), float(edges[3][1].min()))

"""Read coastlines and rivers from the binned full-resolution GSHHG files.

GSHHG (Wessel & Smith, 1996) keeps its lines cut into bins of one degree; every segment knows the
sides of the bin where it comes in and goes out, and has the land of its level on the left. Land is
rebuilt bin by bin: cut the bin along its level-1 segments and keep the faces on their left.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from qzrisk.errors import require

Box = tuple[float, float, float, float]
Points = npt.NDArray[np.float64]

_ALL_LAND = 0b001_001_001_001
_GEOD = Geod(ellps="WGS84")
# A step to either side of a line: far below the files' resolution of 1/65535 degree.
_STEP_DEGREES = 1e-7


def read_land(folder: Path, frame: Box) -> gpd.GeoDataFrame:
    """Return land inside a frame, the largest piece first.

    Parameters
    ----------
    folder : Path
        Holds ``binned_GSHHS_f.nc``.
    frame : (west, south, east, north), degrees

    Returns
    -------
    GeoDataFrame of polygons, EPSG:4326
        ``km2`` is the geodesic area. Lakes are not cut out: GSHHG has the built-up river island
        of Fuzhou down as one.
    """
    with require("h5py", "data").File(folder / "binned_GSHHS_f.nc") as file:
        land = [face for west, south, b in _bins(frame) for face in _faces(file, west, south, b)]
    pieces = shapely.get_parts(shapely.union_all(land).intersection(shapely.box(*frame)))
    pieces = [shapely.normalize(piece) for piece in pieces if piece.area > 0]
    areas = [round(abs(_GEOD.geometry_area_perimeter(piece)[0]) / 1e6, 3) for piece in pieces]
    found = gpd.GeoDataFrame({"km2": areas, "wkt": shapely.to_wkt(pieces)}, geometry=pieces)
    found = found.sort_values(["km2", "wkt"], ascending=[False, True], ignore_index=True)
    return found.drop(columns="wkt").set_crs("EPSG:4326")


def read_rivers(folder: Path, frame: Box) -> gpd.GeoDataFrame:
    """Return river lines inside a frame, as `read_land` does; reads ``binned_river_f.nc``."""
    lines = []
    with require("h5py", "data").File(folder / "binned_river_f.nc") as file:
        for west, south, b in _bins(frame):
            for segment in _segments(file, b):
                count = int(file["N_points_for_a_segment"][segment])
                points = _points(file, segment, count)
                lines.append(shapely.LineString(points + np.array([west, south])))
    clipped = shapely.intersection(np.array(lines), shapely.box(*frame))
    return gpd.GeoDataFrame(geometry=clipped[shapely.length(clipped) > 0], crs="EPSG:4326")


def _bins(frame: Box) -> Iterator[tuple[int, int, int]]:
    """South-west corners and numbers of the bins that meet the frame, west to east, northwards."""
    west, south, east, north = frame
    for corner_south in range(int(np.floor(south)), int(np.ceil(north))):
        for corner_west in range(int(np.floor(west)), int(np.ceil(east))):
            yield corner_west, corner_south, (89 - corner_south) * 360 + corner_west


def _segments(file: Any, number: int) -> range:
    first = int(file["Id_of_first_segment_in_a_bin"][number])
    return range(first, first + int(file["N_segments_in_a_bin"][number]))


def _points(file: Any, segment: int, count: int) -> Points:
    """Degrees from the bin's corner; stored as 16-bit fractions of one degree."""
    first = int(file["Id_of_first_point_in_a_segment"][segment])
    axes = ("longitude", "latitude")
    stored = [file[f"Relative_{a}_from_SW_corner_of_bin"][first : first + count] for a in axes]
    return np.column_stack(stored).astype(np.uint16) / 65535.0


def _faces(file: Any, west: int, south: int, number: int) -> list[Any]:
    """Land polygons of one bin."""
    coasts = []
    for segment in _segments(file, number):
        packed = int(file["Embedded_npts_levels_exit_entry_for_a_segment"][segment])
        if (packed >> 6) & 7 == 1:
            coasts.append(_points(file, segment, packed >> 9) + np.array([west, south]))
    cell = shapely.box(west, south, west + 1, south + 1)
    if not coasts:
        corners = int(file["Embedded_node_levels_in_a_bin"][number])
        return [cell] if corners == _ALL_LAND else []
    edges = shapely.node(shapely.union_all([cell.exterior, *map(shapely.LineString, coasts)]))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(edges)))
    beside = shapely.points([_left_of(coast) for coast in coasts])
    found = shapely.STRtree(faces).query(beside, predicate="within")[1]
    return list(faces[np.unique(found)])


def _left_of(line: Points) -> Points:
    """Return a point just left of the middle piece of a directed line."""
    middle = len(line) // 2
    start, end = line[middle - 1], line[middle]
    east, north = (end - start) / np.hypot(*(end - start))
    point: Points = (start + end) / 2 + np.array([-north, east]) * _STEP_DEGREES
    return point

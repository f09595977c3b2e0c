"""Datums and degrees against their peers: CPU seconds of whole public calls.

Run ``python benchmarks/bench_crs.py [points]``. Peers (prcoords, eviltransform; both take one
point a call) work on a hundredth of the points and are shown per point; answers are compared
first. The bar: a million points forward in a CPU second, over a city and over the country.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import shapely
from harness import memory_peak_mb

from qzrisk import crs
from qzrisk.layers.coordinates import parse_degrees

BAR_PER_SECOND = 1_000_000
# eviltransform puts another axis for the Krasovsky ellipsoid's.
ANSWERS_WITHIN_M = {"prcoords": 1e-6, "eviltransform": 1.0}
CLOUDS = {"city": (118.0, 24.4, 119.0, 25.9), "country": (73.5, 18.0, 135.0, 53.5),
          "border town": (113.9, 22.5, 114.3, 22.6)}


def cpu(call: Callable[[], object], rounds: int = 3) -> float:
    """Least CPU seconds of some rounds."""
    times = []
    for _ in range(rounds):
        clock = time.process_time()
        call()
        times.append(time.process_time() - clock)
    return min(times)


def show(title: str, seconds: float, points: int, ours: float = 0.0) -> float:
    """Print one line; return seconds a point."""
    each = seconds / points
    ratio = f"{each / ours:9.1f} x ours" if ours else ""
    print(f"  {title:44s} {each * 1e6:9.3f} us a point {points / seconds / 1e6:8.3f} M/s {ratio}")
    return each


def cloud(name: str, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points spread evenly over a frame."""
    west, south, east, north = CLOUDS[name]
    rng = np.random.default_rng(1)
    return rng.uniform(west, east, points), rng.uniform(south, north, points)


def peers(lon: np.ndarray, lat: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """WGS84 to GCJ-02 by the libraries that are installed, answers as rows of (lon, lat)."""
    made: dict[str, Callable[[], np.ndarray]] = {}
    if importlib.util.find_spec("prcoords"):
        import prcoords

        made["prcoords"] = lambda: np.array(
            [tuple(prcoords.wgs_gcj((b, a), False))[::-1] for a, b in zip(lon, lat, strict=True)])
    if importlib.util.find_spec("eviltransform"):
        import eviltransform

        made["eviltransform"] = lambda: np.array(
            [eviltransform.wgs2gcj(b, a)[::-1] for a, b in zip(lon, lat, strict=True)])
    return made


def forward(points: int) -> None:
    """Conversions both ways over three clouds, and the peers on the city."""
    for name in CLOUDS:
        lon, lat = cloud(name, points)
        crs.in_mainland_china(lon[:1], lat[:1])
        crs.near_border(lon[:1], lat[:1])
        print(f"{points:,} points over a {name}")
        ours = 0.0
        for title in ("wgs84_to_gcj02", "wgs84_to_bd09", "gcj02_to_wgs84", "bd09_to_wgs84",
                      "in_mainland_china", "near_border"):
            call = getattr(crs, title)
            each = show(title, cpu(lambda: call(lon, lat)), points)  # noqa: B023
            ours = ours or each
        met = "met" if ours * BAR_PER_SECOND <= 1 else "MISSED"
        print(f"  bar of {BAR_PER_SECOND:,} a second: {met}")
        some = slice(0, max(points // 100, 1))
        if name != "city":
            continue
        answer = np.column_stack(crs.wgs84_to_gcj02(lon[some], lat[some]))
        for title, call in peers(lon[some], lat[some]).items():
            # Peers shift the islands off the coast that are no part of the mainland, too.
            inside = crs.in_mainland_china(lon[some], lat[some])
            worst_m = np.abs(call() - answer)[inside].max() * 111e3
            assert worst_m < ANSWERS_WITHIN_M[title], (title, worst_m)
            show(f"{title} (differs by {worst_m:.1e} m)", cpu(call, 1), len(answer), ours)


def outline(points: int) -> None:
    """The grid against a prepared polygon without it."""
    from qzrisk.crs.mainland import _area

    lon, lat = cloud("country", points)
    shape = _area().outline
    print(f"{points:,} points over the country, inside the outline")
    ours = show("grid and polygon", cpu(lambda: crs.in_mainland_china(lon, lat)), points)
    show("shapely.contains_xy, prepared", cpu(lambda: shapely.contains_xy(shape, lon, lat)), points,
         ours)


def detection(points: int) -> None:
    """Detection on districts of 2 km."""
    cells = [(i, j) for i in range(50) for j in range(50)]
    units = gpd.GeoDataFrame({"unit_id": [f"{i:02d}{j:02d}" for i, j in cells]}, geometry=[
        shapely.box(118 + i * .02, 24.5 + j * .02, 118.02 + i * .02, 24.52 + j * .02)
        for i, j in cells], crs=4490)
    spot = np.random.default_rng(2).uniform(0, 50, (points, 2))
    lon, lat = crs.wgs84_to_gcj02(118 + spot[:, 0] * .02, 24.5 + spot[:, 1] * .02)
    frame = gpd.GeoDataFrame({"unit_id": [f"{int(i):02d}{int(j):02d}" for i, j in spot]},
                             geometry=gpd.points_from_xy(lon, lat), crs=4490)
    print(f"{points:,} points, 2,500 units")
    assert crs.detect_shift(frame, units).datum == "gcj02"
    show("detect_shift", cpu(lambda: crs.detect_shift(frame, units)), points)


def degrees(points: int) -> None:
    """Reading of degrees, plain and in minutes and seconds, all texts different."""
    values = np.random.default_rng(3).uniform(118, 119, points)
    plain = [f"{value:.7f}" for value in values]
    dms = [f"118°{int(value % 1 * 60):02d}′{value * 3600 % 60:06.3f}″" for value in values]
    print(f"{points:,} texts")
    ours = show("parse_degrees, decimal", cpu(lambda: parse_degrees(plain)), points)
    show("float() in a list", cpu(lambda: [float(text) for text in plain]), points, ours)
    show("parse_degrees, degrees-minutes-seconds", cpu(lambda: parse_degrees(dms)), points)


def main() -> None:
    points = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    forward(points)
    outline(points)
    detection(points // 10)
    degrees(points // 10)
    print(f"peak memory {memory_peak_mb():.0f} MB")


if __name__ == "__main__":
    main()

"""Schematic railway lines, the 310 hazard points on the ordinary line and the sections.

The courses were placed by hand through the neighbourhoods of known stations and then rounded: they
are sketches (示意) some kilometres off the true track, and their chainage is counted from the edge
of the city, not from the line's own zero. The report does not say where the 310 points lie.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString

from .ground import FILES_CRS, Ground, dates, read, sample_people, write_layer, write_table
from .terrain import random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import SampleGrid

POINTS = 310
LATE = 21  # of them closed after they were due
STEP_M = 100.0
SHORT_M = 1500.0  # a shorter stay in a county belongs to the neighbour's section
ASSUMPTION = (
    "假定位于漳泉肖铁路（2021年市内唯一普铁，报告未写明线路）/ assumed to lie on the "
    "Zhangping-Quanzhou-Xiaocuo line, the only ordinary one in 2021; the report names no line"
)
SKETCH = "示意线位，手工概略布设，里程自市界起算 / schematic course, chainage from the city's edge"
NOT_YET = "2021年末未开通；开通日期据常识，待核 / not open at the end of 2021; date to be checked"


@dataclass(frozen=True)
class Line:
    """One line as it was placed by hand; ``course`` is longitude and latitude, rough."""

    name: str
    name_en: str
    line_type: str
    speed_kmh: int
    start_m: int
    opened_on: str
    course: tuple[tuple[float, float], ...]


LINES = {
    "ZQX": Line(
        "漳泉肖铁路", "Zhangping-Quanzhou-Xiaocuo railway", "ordinary", 80, 60_000, "",
        ((117.72, 25.36), (117.83, 25.32), (117.93, 25.33), (118.02, 25.28), (118.06, 25.22),
         (118.12, 25.19), (118.17, 25.12), (118.19, 25.06), (118.23, 25.03), (118.31, 25.02),
         (118.39, 24.98), (118.46, 24.97), (118.53, 24.98), (118.60, 24.97), (118.66, 24.98),
         (118.71, 25.02), (118.78, 25.02), (118.82, 25.08), (118.86, 25.13), (118.90, 25.17),
         (118.94, 25.18))),
    "XQ": Line(
        "兴泉铁路", "Xingguo-Quanzhou railway", "ordinary", 160, 0, "2022-12-30",
        ((118.05, 25.84), (118.12, 25.74), (118.17, 25.64), (118.22, 25.54), (118.25, 25.46),
         (118.28, 25.40), (118.27, 25.32), (118.21, 25.24), (118.22, 25.16), (118.28, 25.09),
         (118.37, 25.05), (118.43, 25.01), (118.52, 24.99), (118.59, 24.98), (118.64, 24.97))),
    "FX": Line(
        "福厦铁路", "Fuzhou-Xiamen railway", "high_speed", 200, 0, "2010-04-26",
        ((118.84, 25.24), (118.81, 25.17), (118.75, 25.10), (118.69, 25.04), (118.63, 24.99),
         (118.57, 24.98), (118.52, 24.97), (118.49, 24.90), (118.47, 24.82), (118.42, 24.75),
         (118.36, 24.72))),
    "FXG": Line(
        "福厦高铁", "Fuzhou-Xiamen high-speed railway", "high_speed", 350, 0, "2023-09-28",
        ((118.86, 25.24), (118.86, 25.15), (118.83, 25.07), (118.77, 25.00), (118.70, 24.96),
         (118.66, 24.90), (118.60, 24.84), (118.55, 24.77), (118.48, 24.72), (118.38, 24.69))),
}  # fmt: skip

HAZARDS = {  # kind: (share of the points, least and largest offset m)
    "light_object": (0.22, 15, 200), "hard_light_object": (0.20, 12, 150),
    "dangerous_tree": (0.16, 6, 30), "illegal_building": (0.08, 5, 15), "stacking": (0.07, 5, 40),
    "crossing_under": (0.05, 4, 8), "fence": (0.06, 4, 10), "drainage": (0.05, 5, 25),
    "crossing_over": (0.03, 4, 8), "parallel_road": (0.03, 8, 30), "level_crossing": (0.02, 4, 8),
    "burning": (0.015, 20, 120), "quarry": (0.01, 200, 900), "hazchem": (0.005, 60, 300),
}  # fmt: skip
LEVELS = {"red": 0.03, "orange": 0.12, "yellow": 0.35, "blue": 0.50}
LONGYAN_COUNTIES = ("350524", "350525", "350526")  # an assumption: the mountain sections


def lines(grid: SampleGrid) -> gpd.GeoDataFrame:
    """Return the four lines in the grid's CRS, drawn in the direction in which chainage grows."""
    rows = []
    for code, line in LINES.items():
        course = _rounded(np.array(line.course))
        opened = bool(line.opened_on) and line.opened_on < "2022"
        in_service = opened or not line.opened_on
        rows.append(
            {
                "line_id": code, "name": line.name, "name_en": line.name_en,
                "line_type": line.line_type, "speed_kmh": line.speed_kmh, "start_m": line.start_m,
                "reversed": False, "opened_on": line.opened_on or None,
                "in_service_2021": in_service, "schematic": True,
                "note": SKETCH if in_service else f"{SKETCH}；{NOT_YET}", "synthetic": True,
                "geometry": LineString(np.round(course, 6)),
            }
        )  # fmt: skip
    frame = gpd.GeoDataFrame(rows, crs=FILES_CRS).to_crs(grid.crs)
    frame["end_m"] = (frame["start_m"] + frame.geometry.length).round(1)
    return frame


def _rounded(course: NDArray[np.float64], times: int = 4) -> NDArray[np.float64]:
    """Cut the corners of a course (Chaikin); both ends stay where they are."""
    for _ in range(times):
        near = 0.75 * course[:-1] + 0.25 * course[1:]
        far = 0.25 * course[:-1] + 0.75 * course[1:]
        inner = np.stack([near, far], axis=1).reshape(-1, 2)
        course = np.vstack([course[:1], inner[1:-1], course[-1:]])
    return course


def sections(rails: gpd.GeoDataFrame, counties: gpd.GeoDataFrame) -> pd.DataFrame:
    """Cut every line where it passes from county to county; each part has two chiefs.

    Parameters
    ----------
    rails : GeoDataFrame of `lines`
    counties : GeoDataFrame in the same CRS
        ``unit_id`` of the 11 counties; a stretch over water goes to the nearest.
    """
    parts = []
    for line in rails.itertuples():
        along = np.append(np.arange(0, line.geometry.length, STEP_M), line.geometry.length)
        middle = shapely.line_interpolate_point(line.geometry, (along[:-1] + along[1:]) / 2)
        nearest = counties.sindex.nearest(middle, return_all=False)[1]
        county = _without_slivers(counties["unit_id"].to_numpy()[nearest])
        starts = np.flatnonzero(np.append(True, county[1:] != county[:-1]))
        ends = np.append(starts[1:], len(county))
        for start, end in zip(starts, ends, strict=True):
            last = end == len(county)
            parts.append(
                {
                    "line_id": line.line_id, "unit_id": county[start],
                    "from_m": line.start_m + along[start],
                    "to_m": line.end_m if last else line.start_m + along[end],
                    "in_force": line.in_service_2021,
                }
            )  # fmt: skip
    frame = pd.DataFrame(parts)
    number = frame.groupby("line_id").cumcount() + 1
    frame.insert(0, "section_id", frame["line_id"] + "-" + number.astype(str).str.zfill(2))
    return frame


def _without_slivers(county: NDArray[np.str_]) -> NDArray[np.str_]:
    county = county.copy()
    least = round(SHORT_M / STEP_M)
    while True:
        starts = np.flatnonzero(np.append(True, county[1:] != county[:-1]))
        ends = np.append(starts[1:], len(county))
        short = np.flatnonzero(ends - starts < least)
        if not len(short) or len(starts) == 1:
            return county
        one = short[0]
        other = one - 1 if one else 1
        county[starts[one] : ends[one]] = county[starts[other]]


def points(
    line: pd.Series, ground: Ground, parts: pd.DataFrame, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Scatter the 310 hazard points along the ordinary line, all found and closed in 2021."""
    kinds = list(HAZARDS)
    share = np.array([HAZARDS[kind][0] for kind in kinds])
    kind = rng.choice(kinds, 2 * POINTS, p=share / share.sum())
    low, high = (np.array([HAZARDS[k][i] for k in kind], float) for i in (1, 2))
    offset = np.round(low + (high - low) * rng.random(2 * POINTS) ** 2, 1)
    along = np.round(_along(line, ground, rng, 2 * POINTS), 1)
    side = rng.choice(["left", "right"], 2 * POINTS)
    place = _beside(line.geometry, along, np.where(side == "left", offset, -offset))
    frame = gpd.GeoDataFrame(
        {"measure_m": line.start_m + along, "offset_m": offset, "side": side, "hazard_kind": kind},
        geometry=place, crs=ground.grid.crs,
    )  # fmt: skip
    homes = ground.villages[["unit_id", "geometry"]].reset_index(drop=True)
    frame = frame.sjoin(homes.to_crs(frame.crs), predicate="within").drop(columns="index_right")
    frame = frame[~frame.index.duplicated()].head(POINTS)
    frame = frame.sort_values("measure_m", ignore_index=True)
    frame["point_id"] = [f"RP{number:03d}" for number in range(1, POINTS + 1)]
    frame["line_id"] = line.line_id
    frame["chainage"] = [_chainage(value) for value in frame["measure_m"]]
    here = parts[parts["line_id"] == line.line_id]
    order = np.searchsorted(here["from_m"].to_numpy(), frame["measure_m"], side="right") - 1
    frame["section_id"] = here["section_id"].to_numpy()[order]
    frame["zone_setting"] = _setting(frame, ground)
    frame["level"] = rng.choice(list(LEVELS), POINTS, p=list(LEVELS.values()))
    frame["status"] = "closed"
    found = rng.integers(8, 255, POINTS)
    due = found + rng.choice([30, 45, 60, 90], POINTS)
    closed = found + np.round((due - found) * rng.uniform(0.2, 1.0, POINTS)).astype(int)
    late = rng.choice(POINTS, LATE, replace=False)
    closed[late] = np.minimum(due[late] + rng.integers(1, 30, LATE), 364)
    for column, day in (("found_on", found), ("due_on", due), ("closed_on", closed)):
        frame[column] = dates("2021-01-01", day)
    frame["assumption"] = ASSUMPTION
    frame["synthetic"] = True
    return frame


def _along(
    line: pd.Series, ground: Ground, rng: np.random.Generator, count: int
) -> NDArray[np.float64]:
    """Distances along the line, more where people live beside it; metres from its start."""
    steps = np.arange(0, line.geometry.length, STEP_M)
    spots = shapely.line_interpolate_point(line.geometry, steps + STEP_M / 2)
    persons = np.zeros(ground.grid.shape)
    cells = ground.cells
    persons[cells["row"], cells["col"]] = cells["persons"]
    near = ground.grid.sample(persons, shapely.get_x(spots), shapely.get_y(spots))
    weight = 4 + np.sqrt(near)
    drawn = rng.choice(len(steps) - 1, count, p=weight[:-1] / weight[:-1].sum())
    return steps[drawn] + rng.uniform(0, STEP_M, count)


def _beside(
    line: LineString, along: NDArray[np.float64], left: NDArray[np.float64]
) -> NDArray[np.object_]:
    """Points beside a line: ``left`` metres to the left of it (negative: right)."""
    here = shapely.line_interpolate_point(line, along)
    ahead = shapely.line_interpolate_point(line, np.minimum(along + 1, line.length))
    behind = shapely.line_interpolate_point(line, np.maximum(along - 1, 0))
    dx = shapely.get_x(ahead) - shapely.get_x(behind)
    dy = shapely.get_y(ahead) - shapely.get_y(behind)
    length = np.hypot(dx, dy)
    return shapely.points(
        shapely.get_x(here) - left * dy / length, shapely.get_y(here) + left * dx / length
    )


def _chainage(measure_m: float) -> str:
    tenths = round(measure_m * 10)
    return f"K{tenths // 10000}+{tenths % 10000 / 10:05.1f}"


def _setting(frame: gpd.GeoDataFrame, ground: Ground) -> NDArray[np.str_]:
    persons = np.zeros(ground.grid.shape)
    persons[ground.cells["row"], ground.cells["col"]] = ground.cells["persons"]
    here = ground.grid.sample(persons, frame.geometry.x, frame.geometry.y)
    return np.select(
        [here >= 300, here >= 120, here >= 15],
        ["urban", "suburban_residential", "village_residential"], "other",
    )  # fmt: skip


def chiefs(parts: pd.DataFrame, marks: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Give each section its two invented chiefs, its patrols and its counts of points."""
    size = len(parts)
    people, phones = sample_people(2 * size)
    mountain = parts["unit_id"].isin(LONGYAN_COUNTIES).to_numpy()
    count = marks.groupby("section_id").size()
    interval = rng.choice([1, 3, 7], size, p=[0.2, 0.3, 0.5])
    active = parts["in_force"].to_numpy(bool)
    patrol = np.array(dates("2021-12-31", -(rng.integers(0, 8, size) % interval)), dtype=object)
    total = parts["section_id"].map(count).fillna(0).astype("int64")
    return parts.assign(
        track=np.where(parts["line_id"] == "ZQX", "single", "double"),
        bureau_unit=np.where(mountain, "龙岩工务段", "厦门工务段"),
        local_chief=people[:size], local_phone=phones[:size],
        railway_chief=people[size:], railway_phone=phones[size:],
        patrol_interval_days=interval, last_patrol_on=np.where(active, patrol, None),
        points=total, points_closed=total,
        note="工务段分界为假定 / the border between the two units is an assumption",
        synthetic=True,
    )  # fmt: skip


LINE_COLUMNS = ["line_id", "name", "name_en", "line_type", "speed_kmh", "start_m", "end_m",
    "reversed", "opened_on", "in_service_2021", "schematic", "note", "synthetic",
    "geometry"]  # fmt: skip
POINT_COLUMNS = ["point_id", "line_id", "unit_id", "chainage", "measure_m", "offset_m", "side",
    "hazard_kind", "zone_setting", "level", "status", "found_on", "due_on", "closed_on",
    "section_id", "assumption", "synthetic", "geometry"]  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``railway/railway.gpkg`` (railways, railway_points) and ``railway/sections.csv``."""
    ground = read(grid, data)
    rng = random_stream(seed, "railway")
    rails = lines(grid)
    counties = ground.villages[["county", "geometry"]].dissolve("county").reset_index()
    counties = counties.rename(columns={"county": "unit_id"}).to_crs(grid.crs)
    parts = sections(rails, counties)
    marks = points(rails.set_index("line_id", drop=False).loc["ZQX"], ground, parts, rng)
    path = data / "railway" / "railway.gpkg"
    write_layer(rails[LINE_COLUMNS].to_crs(FILES_CRS), path, "railways")
    degrees = marks[POINT_COLUMNS].to_crs(FILES_CRS)
    degrees["geometry"] = shapely.set_precision(degrees.geometry.array, 1e-8)
    write_layer(degrees, path, "railway_points", append=True)
    write_table(chiefs(parts, marks, rng), data / "railway" / "sections.csv")

"""Duplicates among records with seeded twins, against plain joins and, if installed, rapidfuzz.

The rivals compare exact or fuzzy names of near records and know nothing of suffixes, kinds of
facility, telephones or units; all must find every seeded twin. `pip install rapidfuzz` adds it.
"""

from __future__ import annotations

import importlib.util
import time

import geopandas as gpd
import numpy as np
import pandas as pd
from harness import Table, memory_peak_mb, reset_memory_peak_mb
from scipy.spatial import cKDTree

from qzrisk.layers.dedupe import MAX_DISTANCE_M, duplicates

CHARACTERS = "东西南北上下前后大小坂厝溪湖山林石龙凤金泉安和平福洋桥头尾新梅兰竹菊松柏云峰岩岭"
KINDS = ("村部", "小学", "礼堂", "老人活动中心", "祖厝", "文化广场")
PER_KM2 = 45  # a city of one million objects on 150 km x 150 km
TWINS = 0.01


def records(n: int) -> gpd.GeoDataFrame:
    """Return n shelters at random places; the last hundredth are some of the first again."""
    rng = np.random.default_rng(1)
    letters = np.array(list(CHARACTERS))[rng.integers(0, len(CHARACTERS), (n, 3))]
    kinds = np.array(KINDS)[rng.integers(0, len(KINDS), n)]
    names = ["".join(place) + f"社区{kind}避灾点"
             for place, kind in zip(letters.tolist(), kinds, strict=True)]
    side_m = np.sqrt(n / PER_KM2) * 1000
    x, y = rng.uniform(0, side_m, (2, n))
    phones = [f"0599-{k:08d}" for k in rng.integers(0, 10 * n, n)]
    units = [f"9901{k:08d}" for k in rng.integers(0, n // 30, n)]
    copies = int(TWINS * n)
    for column in (names, phones, units):
        column[-copies:] = column[:copies]
    x[-copies:] = x[:copies] + rng.uniform(-35, 35, copies)
    y[-copies:] = y[:copies] + rng.uniform(-35, 35, copies)
    return gpd.GeoDataFrame(
        {"name": names, "phone": phones, "unit_id": units}, crs="EPSG:4549",
        index=pd.Index([f"S{k:07d}" for k in range(n)], name="shelter_id"),
        geometry=gpd.points_from_xy(x + 4e5, y + 2.6e6))


def seeded(left: np.ndarray, right: np.ndarray, n: int) -> float:
    """Return how many seeded twins are among pairs of positions."""
    return float((np.asarray(right) - np.asarray(left) == n - int(TWINS * n)).sum())


def ours(frame: gpd.GeoDataFrame) -> float:
    pairs = duplicates(frame)
    at = frame.index.get_indexer
    return seeded(at(pairs["left"]), at(pairs["right"]), len(frame))


def self_join(frame: gpd.GeoDataFrame) -> float:
    """Return the twins of equal name and telephone among near records, by pandas."""
    plain = pd.DataFrame({"name": frame["name"].to_numpy(), "phone": frame["phone"].to_numpy(),
                          "x": frame.geometry.x.to_numpy(), "y": frame.geometry.y.to_numpy(),
                          "at": np.arange(len(frame))})
    both = plain.merge(plain, on=["name", "phone"])
    both = both[both["at_x"] < both["at_y"]]
    near = np.hypot(both["x_x"] - both["x_y"], both["y_x"] - both["y_y"]) <= MAX_DISTANCE_M
    return seeded(both["at_x"][near].to_numpy(), both["at_y"][near].to_numpy(), len(frame))


def fuzzy(frame: gpd.GeoDataFrame) -> float:
    """Return the twins of like name among near records: a k-d tree and rapidfuzz."""
    from rapidfuzz import fuzz, process

    place = np.column_stack([frame.geometry.x, frame.geometry.y])
    pairs = np.sort(cKDTree(place).query_pairs(MAX_DISTANCE_M, output_type="ndarray"), axis=1)
    names = frame["name"].to_numpy(dtype=object)
    score = process.cpdist(names[pairs[:, 0]].tolist(), names[pairs[:, 1]].tolist(),
                           scorer=fuzz.ratio, score_cutoff=85)
    kept = pairs[score >= 85]
    return seeded(kept[:, 0], kept[:, 1], len(frame))


def main() -> None:
    frame = records(100_000)
    table = Table(f"{len(frame):,} records, {TWINS:.0%} twins")
    table.add("qzrisk duplicates", lambda: ours(frame))
    table.add("pandas self-join, equal name and telephone", lambda: self_join(frame))
    if importlib.util.find_spec("rapidfuzz"):
        table.add("k-d tree and rapidfuzz ratio >= 85", lambda: fuzzy(frame))
    table.run(rounds=3, tolerance=0)
    frame = records(1_000_000)
    before = reset_memory_peak_mb()
    clock = time.process_time()
    pairs = duplicates(frame)
    spent = time.process_time() - clock
    print(f"{len(frame):,} records: {spent:.1f} s CPU, {len(pairs):,} pairs, peak "
          f"{memory_peak_mb() - before:.0f} MB above the frame (limit 1024)")


if __name__ == "__main__":
    main()

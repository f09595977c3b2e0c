"""The database against pyogrio's and geopandas' plain writing and reading of the same frame."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from harness import Table

from qzrisk.layers import database

ROWS = 200_000
AS_OF = dt.date(2024, 1, 31)


def layer(n: int) -> gpd.GeoDataFrame:
    """Return a layer of 20 columns of every type in CGCS2000 degrees."""
    rng = np.random.default_rng(1)
    columns: dict[str, object] = {"record_id": [f"99010000{k:06d}" for k in range(n)]}
    columns |= {f"text_{k}": [f"样例避灾点{i:06d}" for i in rng.integers(0, n, n)]
                for k in range(5)}
    columns |= {f"whole_{k}": rng.integers(0, 1000, n) for k in range(4)}
    columns |= {f"maybe_{k}": pd.array(np.where(rng.random(n) < 0.1, np.nan, k), dtype="Int64")
                for k in range(2)}
    columns |= {f"number_{k}": rng.random(n) for k in range(5)}
    columns |= {"yes": rng.random(n) < 0.5, "synthetic": np.ones(n, dtype=bool),
                "found_on": pd.Timestamp("2021-01-01") + pd.to_timedelta(
                    rng.integers(0, 999, n), unit="D")}
    return gpd.GeoDataFrame(columns, crs="EPSG:4490", geometry=gpd.points_from_xy(
        rng.uniform(117, 119, n), rng.uniform(24, 26, n)))


def main() -> None:
    frame = layer(ROWS)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rivals = {
            "GeoPackage written": {
                "qzrisk write": lambda: database.write(
                    folder / "ours.gpkg", {"layer": frame}, as_of=AS_OF),
                "pyogrio write_dataframe": lambda: pyogrio.write_dataframe(
                    frame, folder / "plain.gpkg", layer="layer"),
                "pyogrio write_dataframe, Arrow": lambda: pyogrio.write_dataframe(
                    frame, folder / "arrow.gpkg", layer="layer", use_arrow=True)},
            "GeoPackage read": {
                "qzrisk read": lambda: database.read(folder / "ours.gpkg")["layer"],
                "pyogrio read_dataframe, Arrow": lambda: pyogrio.read_dataframe(
                    folder / "ours.gpkg", use_arrow=True)},
            "GeoParquet written": {
                "qzrisk write_parquet": lambda: database.write_parquet(
                    folder / "parquet", {"layer": frame}),
                "geopandas to_parquet": lambda: frame.to_parquet(folder / "plain.parquet")},
            "GeoParquet read": {
                "qzrisk read_parquet": lambda: database.read_parquet(
                    folder / "parquet")["layer"],
                "geopandas read_parquet": lambda: gpd.read_parquet(folder / "plain.parquet")},
        }
        for title, calls in rivals.items():
            table = Table(f"{title}, {ROWS:,} rows x {frame.shape[1]} columns")
            for rival, call in calls.items():
                table.add(rival, lambda call=call: float(
                    len(result) if isinstance(result := call(), pd.DataFrame) else ROWS))
            table.run(rounds=3, tolerance=0)
        some = frame.iloc[:1000]
        table = Table(f"1,000 of {ROWS:,} rows replaced")
        turn = iter(range(1, 99))
        table.add("qzrisk upsert", lambda: float(database.upsert(
            folder / "ours.gpkg", "layer", some.assign(whole_0=-next(turn)), key="record_id",
            as_of=AS_OF).exists()))
        table.add("qzrisk write of all rows", lambda: float(database.write(
            folder / "again.gpkg", {"layer": frame}, as_of=AS_OF).exists()))
        table.run(rounds=2, tolerance=0)


if __name__ == "__main__":
    main()

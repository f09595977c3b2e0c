"""Real best tracks of the storms that came near the city, in Beijing time and SI units.

From ``data/sources`` (IBTrACS): nothing here is generated. WMO winds are those of the regional
centre (10-minute means); where it gives none, the 1-minute wind of JTWC stands and is named.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from .grid import SOURCES
from .ground import write_table

if TYPE_CHECKING:
    from .grid import SampleGrid

KNOT_M_S = 0.514444
BEIJING = pd.Timedelta(hours=8)
SOURCE = "IBTrACS v04r01 (Knapp et al. 2010)"


def _wind(wmo_kt: pd.Series, jtwc_kt: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Wind in m/s and the name of its source, both missing where neither centre gives one."""
    wind = wmo_kt.fillna(jtwc_kt) * KNOT_M_S
    source = np.select([wmo_kt.notna(), jtwc_kt.notna()], ["wmo_10min", "jtwc_1min"], "")
    return wind.round(1), source


def fixes(tracks: pd.DataFrame) -> pd.DataFrame:
    """One row a fix of the source table, by storm and time."""
    tracks = tracks.sort_values(["track_id", "time"], ignore_index=True)
    wind, source = _wind(tracks["wmo_wind_kt"], tracks["jtwc_wind_kt"])
    number = (tracks.groupby("track_id").cumcount() + 1).astype(str).str.zfill(3)
    local = pd.to_datetime(tracks["time"]) + BEIJING
    wmo, jtwc = tracks["wmo_slp_hpa"], tracks["jtwc_slp_hpa"]
    return pd.DataFrame(
        {
            "fix_id": tracks["track_id"] + "-" + number, "typhoon_id": tracks["track_id"],
            "time_beijing": local.dt.strftime("%Y-%m-%d %H:%M"),
            # Some tracks cross the date line and count on past 180.
            "lon": ((tracks["lon"] + 180) % 360 - 180).round(4), "lat": tracks["lat"],
            "wind_m_s": wind, "wind_source": source,
            "pressure_hpa": wmo.fillna(jtwc),
            "pressure_source": np.select([wmo.notna(), jtwc.notna()], ["wmo", "jtwc"], ""),
            "distance_m": (tracks["dist_km"] * 1000).round().astype("int64"), "synthetic": False,
        }
    )  # fmt: skip


def storms(summary: pd.DataFrame, tracks: pd.DataFrame) -> pd.DataFrame:
    """One row a storm: when and how near it came, and the winds of that moment."""
    summary = summary.sort_values("track_id", ignore_index=True)
    wind, source = _wind(summary["wmo_wind_near"], summary["jtwc_wind_near"])
    near = pd.to_datetime(summary["t_near"]) + BEIJING
    count = tracks.groupby("track_id").size()
    return pd.DataFrame(
        {
            "typhoon_id": summary["track_id"], "season": summary["season"],
            "name": summary["name"], "nearest_at": near.dt.strftime("%Y-%m-%d %H:%M"),
            "nearest_m": (summary["min_dist_km"] * 1000).round().astype("int64"),
            "nearest_wind_m_s": wind, "wind_source": source,
            "max_wind_m_s": (summary["max_wmo_wind"] * KNOT_M_S).round(1),
            "fixes": summary["track_id"].map(count), "source": SOURCE, "synthetic": False,
        }
    )  # fmt: skip


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:  # noqa: ARG001
    """Write ``typhoons/typhoons.csv`` and ``typhoons/fixes.csv``; nothing is drawn."""
    tracks = pd.read_csv(SOURCES / "typhoon_tracks_ibtracs_1980_2024_300km.csv")
    summary = pd.read_csv(SOURCES / "typhoon_summary.csv")
    write_table(storms(summary, tracks), data / "typhoons" / "typhoons.csv")
    write_table(fixes(tracks), data / "typhoons" / "fixes.csv")

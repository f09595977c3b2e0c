"""Generated progress of the risk census at the end of 2021: what is due and what has been sent.

Nan'an, the national pilot, is through; the other units are under way.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd

from .ground import Ground, read, sample_people, write_table
from .terrain import random_stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .grid import SampleGrid

PILOT = "350583"
PILOT_FIRST, OTHERS_FIRST = "2020-12-01", "2021-07-15"
STAGES = ("list", "survey", "county_check", "city_check", "province_check", "national_check")
HOUSEHOLDS = 12  # sampled in each sampled village
SAMPLED_VILLAGES = 0.05
FORM_INDICATORS = {"shelter": 36, "team": 24, "township": 58, "community": 42, "household": 30,
                   "enterprise": 33, "hazard_point": 28, "historical_disaster": 20}  # fmt: skip
ENUMERATORS = 120


def due(ground: Ground, seed: int) -> pd.DataFrame:
    """Objects to be surveyed, one row each: form and unit_id (town or village)."""
    rng = random_stream(seed, "census objects")
    data = ground.data
    layers = {
        "shelter": "shelters/shelters.gpkg", "team": "teams/teams.gpkg",
        "enterprise": "enterprises/enterprises.gpkg",
        "hazard_point": "hazard_points/hazard_points.gpkg",
    }  # fmt: skip
    units = {
        form: gpd.read_file(data / path, ignore_geometry=True)["unit_id"]
        for form, path in layers.items()
    }
    villages = ground.villages["unit_id"]
    units["township"] = pd.Series(sorted(ground.villages["town"].unique()))
    units["community"] = villages
    sampled = villages[rng.random(len(villages)) < SAMPLED_VILLAGES]
    units["household"] = sampled.repeat(HOUSEHOLDS)
    units["historical_disaster"] = units["township"][::3]
    parts = [
        pd.DataFrame({"form": form, "unit_id": units[form].sort_values().to_numpy()})
        for form in FORM_INDICATORS
    ]
    frame = pd.concat(parts, ignore_index=True)
    by_town = ground.villages.drop_duplicates("town").set_index("town")["reporting_id"]
    frame["reporting_id"] = frame["unit_id"].str[:9].map(by_town)
    return frame


def progress(units: pd.Series, forms: pd.Series, rng: np.random.Generator) -> NDArray[np.int64]:
    """Stage number each object has reached, -1 where nothing was sent yet."""
    pace = dict(zip(sorted(units.unique()), rng.uniform(0.45, 0.95, units.nunique()), strict=True))
    pace[PILOT] = 1.0
    slower = forms.map(dict(zip(FORM_INDICATORS, rng.uniform(0.8, 1.1, 8), strict=True)))
    draw = rng.random(len(units))
    sent = draw < np.minimum(units.map(pace) * slower, 0.99)
    later = rng.choice(4, len(units), p=[0.15, 0.45, 0.3, 0.1])
    return np.where(units == PILOT, 5, np.where(sent, later, -1))


def records(objects: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Survey records that have been sent, by ``record_id``."""
    rng = random_stream(seed, "census records")
    stage = progress(objects["reporting_id"], objects["form"], rng)
    frame = objects[stage >= 0].reset_index(drop=True)
    stage = stage[stage >= 0]
    size = len(frame)
    pilot = (frame["reporting_id"] == PILOT).to_numpy()
    people, _ = sample_people(ENUMERATORS)
    surveyed = rng.integers(0, np.where(pilot, 130, 150))
    sent = surveyed + rng.integers(0, 15, size)
    indicators = frame["form"].map(FORM_INDICATORS).to_numpy()
    checked = stage >= STAGES.index("county_check")
    wrong = np.where(checked, rng.binomial(indicators, np.where(pilot, 0.012, 0.03)), 0)
    first = np.where(pilot, PILOT_FIRST, OTHERS_FIRST).astype("datetime64[D]")
    team = frame["reporting_id"].astype("category").cat.codes.to_numpy() * 9
    return pd.DataFrame(
        {
            "record_id": [f"SV{number:05d}" for number in range(1, size + 1)],
            "unit_id": frame["unit_id"], "form": frame["form"],
            "stage": np.array(STAGES)[stage],
            "enumerator": np.array(people)[(team + rng.integers(0, 9, size)) % ENUMERATORS],
            "surveyed_on": (first + surveyed).astype(str),
            "submitted_on": (first + sent).astype(str),
            "indicators": indicators, "indicator_errors": wrong, "synthetic": True,
        }
    )  # fmt: skip


def targets(objects: pd.DataFrame) -> pd.DataFrame:
    """Count the records due by reporting unit and form."""
    table = objects.groupby(["reporting_id", "form"]).size().unstack(fill_value=0)
    table = table.reindex(columns=list(FORM_INDICATORS), fill_value=0)
    table = table.stack().rename("target").reset_index()
    table = table.rename(columns={"reporting_id": "unit_id"})
    table.insert(0, "target_id", table["unit_id"] + "-" + table["form"])
    return table.assign(synthetic=True)


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``census/survey.csv`` and ``census/targets.csv``."""
    objects = due(read(grid, data), seed)
    write_table(records(objects, seed), data / "census" / "survey.csv")
    write_table(targets(objects), data / "census" / "targets.csv")

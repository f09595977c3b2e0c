"""The builder with another seed: another city, the same official totals."""

import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seed7")
    subprocess.run(
        [sys.executable, ROOT / "scripts" / "build_sample.py", "--seed", "7", "--out", folder,
         "--only", "boundaries,population"], check=True, capture_output=True)
    return folder


def people(folder):
    table = pd.read_csv(folder / "population" / "villages.csv", dtype={"unit_id": str})
    return table.set_index("unit_id")["persons"]


def by_reporting_unit(folder):
    units = pd.read_csv(folder / "boundaries" / "units.csv", dtype=str).set_index("unit_id")
    return people(folder).groupby(units["reporting_id"]).sum()


def test_another_seed_is_another_city_with_the_same_totals(other):
    mine = people(ROOT / "data")
    assert (people(other) != mine).mean() > 0.9
    pd.testing.assert_series_equal(by_reporting_unit(other), by_reporting_unit(ROOT / "data"))
    assert people(other).sum() == 8_850_000


def test_its_cells_sum_to_its_villages_and_lie_in_them(other):
    cells = gpd.read_parquet(other / "population" / "demand.parquet")
    assert cells["synthetic"].all()
    pd.testing.assert_series_equal(cells.groupby("unit_id")["persons"].sum().sort_index(),
                                   people(other).sort_index(), check_dtype=False,
                                   check_names=False)
    villages = gpd.read_file(other / "boundaries" / "boundaries.gpkg", layer="village")
    shapes = villages.set_index("unit_id").to_crs(cells.crs).geometry
    assert shapes.loc[cells["unit_id"]].reset_index(drop=True).contains(
        cells.geometry.reset_index(drop=True)).all()

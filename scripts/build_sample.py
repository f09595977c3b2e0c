"""Build the sample city (合成数据 / synthetic) from ``data/sources``: the same bytes on every run.

    python scripts/build_sample.py --seed 2021 --out data
    python scripts/build_sample.py --only boundaries,population

Real: county polygons, names and codes, residents by reporting unit, the typhoon tracks, and the
counts of the city's report. Generated: all the rest.
"""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

os.environ["OGR_CURRENT_DATE"] = "2021-12-31T00:00:00.000Z"  # before GDAL is loaded

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from sample import boundaries, population
from sample.grid import SampleGrid, city_grid
from sample.terrain import Landscape, landscape, slope_degrees


@dataclass
class City:
    """What the stages share; each part is made when the first stage asks for it."""

    seed: int
    data: Path
    grid: SampleGrid = field(default_factory=city_grid)

    @cached_property
    def ground(self) -> Landscape:
        """The generated terrain."""
        return landscape(self.grid, self.seed)

    @cached_property
    def live(self) -> Any:
        """How well people can live in each cell, 0..1."""
        height = self.ground.elevation_m
        slope = slope_degrees(height, self.grid.cell_m)
        return population.liveable(height, slope, self.ground.above_stream_m)

    @cached_property
    def divisions(self) -> boundaries.Divisions:
        """Counties, towns and villages."""
        return boundaries.build(
            self.grid, elevation_m=self.ground.elevation_m, liveable=self.live, seed=self.seed
        )


def build_boundaries(city: City) -> str:
    """Write boundaries, context and the membership table."""
    divided = city.divisions
    boundaries.write(divided, city.data / "boundaries")
    land_km2 = divided.city["area_m2"].sum() / 1e6
    count, area_m2 = divided.islets
    return (
        f"{len(divided.counties)} counties, {len(divided.towns)} towns, "
        f"{len(divided.villages)} villages, {land_km2:,.1f} km2 of land with statistics; "
        f"{count} islets ({area_m2:,.0f} m2) in no village"
    )


def build_population(city: City) -> str:
    """Write village totals, populated cells and the population raster."""
    villages, cells, homeless = population.build(
        city.grid,
        city.divisions,
        elevation_m=city.ground.elevation_m,
        live=city.live,
        seed=city.seed,
    )
    population.write(city.grid, villages, cells, city.data / "population")
    return (
        f"{villages['persons'].sum():,} persons in {len(cells):,} cells; "
        f"{homeless} villages without a cell centre took a neighbour's"
    )


def build_at_risk(city: City) -> str:
    """Add the persons to be moved before each hazard to the populated cells."""
    from sample import hazards

    moved = hazards.build_at_risk(data=city.data)
    return ", ".join(f"{name.removeprefix('at_risk_persons_')} {n:,}" for name, n in moved.items())


def module_stage(name: str, folder: str = "") -> Callable[[City], str]:
    """Make the stage that calls ``build(grid, seed=, data=)`` of ``sample.<name>``.

    It writes to the folder of its name unless ``folder`` says otherwise.
    """

    def stage(city: City) -> str:
        module = importlib.import_module(f"sample.{name}")
        module.build(city.grid, seed=city.seed, data=city.data)
        written = [path for path in (city.data / (folder or name)).iterdir() if path.is_file()]
        return f"{len(written)} files, {sum(path.stat().st_size for path in written) / 1e6:.1f} MB"

    return stage


STAGES: dict[str, Callable[[City], str]] = {
    "boundaries": build_boundaries,
    "population": build_population,
    "hazards": module_stage("hazards"),
    "at_risk": build_at_risk,
    "shelters": module_stage("shelters"),
    "roads": module_stage("roads"),
    "raw_shelters": module_stage("raw_shelters", "shelters/raw"),
    "forest": module_stage("forest"),
    "fire_weather": module_stage("fire_weather", "forest"),
    "railway": module_stage("railway"),
    "teams": module_stage("teams"),
    "communities": module_stage("communities"),
    "enterprises": module_stage("enterprises"),
    "incidents": module_stage("incidents"),
    "hidden_dangers": module_stage("hidden_dangers"),
    "hazard_points": module_stage("hazard_points"),
    "census": module_stage("census"),
    "typhoons": module_stage("typhoons"),
}
"""In order; a stage reads what the ones before it wrote."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=2021, help="seed of everything generated")
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder to write to")
    parser.add_argument("--only", default=",".join(STAGES), help="stages, comma-separated")
    given = parser.parse_args()
    given.only = [name.strip() for name in given.only.split(",")]
    unknown = sorted(set(given.only) - set(STAGES))
    if unknown:
        parser.error(f"unknown stage {unknown[0]}; expected some of {', '.join(STAGES)}")
    return given


def main() -> None:
    """Run the chosen stages in their order."""
    given = arguments()
    city = City(seed=given.seed, data=given.out)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:12}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for name in STAGES:
            if name not in given.only:
                continue
            task = progress.add_task(name, total=None)
            said = STAGES[name](city)
            progress.update(task, total=1, completed=1)
            if said:
                progress.console.print(f"{name}: {said}", highlight=False)


if __name__ == "__main__":
    main()

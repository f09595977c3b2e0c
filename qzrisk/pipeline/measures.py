"""What `qzrisk run` computes from the loaded layers: coverage and the risk index, for every level.

Only joins here: the measures themselves live in ``analysis``, the sums in ``units.roll_up``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd

from qzrisk import rules
from qzrisk.analysis import classify, network, zonal
from qzrisk.analysis import risk as _risk
from qzrisk.errors import ConfigError
from qzrisk.levels import FOUR_LEVELS, palette
from qzrisk.pipeline.access import Access, access, walk_nearest
from qzrisk.pipeline.cases import Case, ladders, roll_able
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.shelters import usable
from qzrisk.project import Indicator, Project
from qzrisk.units import LEVELS, members, roll_up, share

UPWARD = LEVELS
PERSONS = ("persons", "elderly_persons", "children_persons")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What the analysis stages made.

    Attributes
    ----------
    coverage : level -> DataFrame by unit, see `coverage_tables`: all residents, a stress test.
    risk : level -> DataFrame by unit: risk_index, risk_class, red_area_share.
    indicators : DataFrame by village, raw values.
    bounds : upper bounds of the risk classes, low to high.
    cases : hazard -> coverage of the persons to be moved, the main hazards first.
    """

    coverage: dict[str, pd.DataFrame]
    risk: dict[str, pd.DataFrame]
    indicators: pd.DataFrame
    bounds: tuple[float, ...]
    cases: Mapping[str, Case] = field(default_factory=dict)


def coverage_tables(loaded: Loaded, project: Project, given: Access | None = None
                    ) -> dict[str, pd.DataFrame]:
    """Return level -> coverage of all residents by usable shelters: a stress test.

    Parameters
    ----------
    loaded, project : see `load`, `open_project`
    given : see `access`; made here where it is not given

    Returns
    -------
    dict of DataFrame by unit
        Persons and shares within each limit, straight and, with roads, on foot; ages too;
        ``coverage_grade`` by the share within the map's limit. Which hazard a shelter serves and
        whether its site is safe is not asked here: see `cases`.
    """
    given = given or access(loaded)
    shelters = given.shelters[usable(given.shelters)]
    residents = given.demand[[name for name in PERSONS if name in given.demand]].astype(float)
    cells = pd.DataFrame({"distance_m": network.straight_nearest(given.demand, shelters)[
        "distance_m"]})
    steps = project.coverage
    if given.roads is not None:
        cells["minutes"] = walk_nearest(given, shelters.index,
                                        max_cost_min=max(steps.thresholds_min, default=0.0))
    inside = ladders(cells, project)
    parts = {name: residents[name] for name in residents}
    for name in residents:
        parts |= {f"covered_{name}_{step}": residents[name].where(hit, 0.0)
                  for step, hit in inside.items()}
    parts["person_metres"] = residents["persons"] * cells["distance_m"]
    summed = pd.DataFrame(parts).set_axis(pd.Index(given.demand["unit_id"]))
    places = pd.DataFrame({
        "shelters": 1.0, "capacity_persons": shelters.get("effective_capacity_persons", np.nan),
    }, index=shelters.index).astype(float)
    there = shelters["unit_id"].notna()
    places = places[there].set_axis(pd.Index(shelters["unit_id"][there]))
    return {level: _coverage_of(summed, places, loaded.tables["units"], level, project,
                                list(inside))
            for level in UPWARD}


def _coverage_of(cells: pd.DataFrame, places: pd.DataFrame, units: pd.DataFrame, level: str,
                 project: Project, steps: list[str]) -> pd.DataFrame:
    summed = roll_up(cells, units, to=level)
    groups = [name for name in PERSONS if name in summed]
    count = roll_able(places, units, level)
    # A unit with residents and no shelter has 0 places; one outside the statistics has no figure.
    table = summed[groups].join(count.where(count.notna(), count.fillna(0.0).where(
        summed["persons"].notna(), np.nan)))
    for step in steps:
        table[f"covered_persons_{step}"] = summed[f"covered_persons_{step}"]
        for name in groups:
            stem = "" if name == "persons" else f"{name.removesuffix('_persons')}_"
            table[f"{stem}covered_share_{step}"] = share(summed[f"covered_{name}_{step}"],
                                                         summed[name])
    table["distance_m"] = share(summed["person_metres"], summed["persons"])
    chosen = table[f"covered_share_{project.coverage.map_threshold_m:.0f}m"]
    table["coverage_grade"] = classify.classes(
        chosen, scheme="fixed", bounds=grade_bounds()).cat.rename_categories(
        dict(zip(FOUR_LEVELS, palette("coverage").codes, strict=True)))
    table.insert(0, "name", units["name"].reindex(table.index))
    return table


def grade_bounds() -> list[float]:
    """Return the upper bounds of the coverage grades, low to high (project defaults)."""
    pack = rules.load("coverage")
    return [pack["share_severe"]["value"], pack["share_short"]["value"],
            pack["share_basic"]["value"], 1.0]


def risk_tables(loaded: Loaded, coverage: dict[str, pd.DataFrame], project: Project
                ) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, tuple[float, ...]]:
    """Return level -> risk index and class, the indicators by village, and the class bounds.

    The index is formed by village; above it stands the population-weighted mean, and all levels
    share the villages' class bounds.
    """
    entries = project.risk.indicators
    raw = pd.DataFrame({entry.name: _measure(entry, loaded, coverage["village"])
                        for entry in entries})
    scaled = _risk.normalise(raw, pd.Series({entry.name: entry.direction for entry in entries}))
    weights = pd.Series({entry.name: entry.weight for entry in entries})
    index = _risk.index(scaled, weights / weights.sum(), method="arithmetic")
    bounds = risk_bounds(index, project)
    classed = classify.classes(index, scheme="fixed", k=len(bounds), bounds=bounds)
    village = pd.DataFrame({"risk_index": index, "risk_class": classed})
    persons = coverage["village"]["persons"]
    known = persons.where(index.notna())
    area = loaded.layers["boundaries"].loc[index.index, "area_m2"].where(index.notna())
    parts = pd.DataFrame({"points": index * persons, "persons": known, "area": area,
                          "red": area.where(classed == "red", 0.0).where(index.notna())})
    units = loaded.tables["units"]
    tables = {}
    for level in UPWARD:
        summed = roll_up(parts, units, to=level)
        table = pd.DataFrame({"name": units["name"].reindex(summed.index)})
        table["risk_index"] = share(summed["points"], summed["persons"])
        if level == "village":
            table["risk_index"] = village["risk_index"].reindex(table.index)
        table["risk_class"] = classify.classes(table["risk_index"], scheme="fixed",
                                               k=len(bounds), bounds=bounds)
        table["red_area_share"] = share(summed["red"], summed["area"])
        table["persons"] = coverage[level]["persons"]
        tables[level] = table
    return tables, raw, bounds


def risk_bounds(index: pd.Series, project: Project) -> tuple[float, ...]:
    """Return the upper bounds of the four classes: those of the project, or of the scheme."""
    if project.risk.bounds:
        return project.risk.bounds
    if index.isna().all():
        # Nothing to class: any bounds will do, since no unit gets a level.
        return (0.25, 0.5, 0.75, 1.0)
    return tuple(map(float, classify.class_bounds(index, scheme=project.risk.scheme)))


@dataclass(frozen=True, slots=True)
class _Inputs:
    """What a measure may read: `coverage` is the village table; `villages` their polygons."""

    entry: Indicator
    loaded: Loaded
    coverage: pd.DataFrame
    villages: gpd.GeoDataFrame


def _raster_mean(given: _Inputs) -> pd.Series:
    entry, loaded = given.entry, given.loaded
    if entry.source not in loaded.rasters:
        raise ConfigError("indicator without its raster", where=f"risk.indicators {entry.name}",
                          expected=", ".join(loaded.rasters), got=entry.source)
    return zonal.zonal_stats(loaded.rasters[entry.source], given.villages, stats=("mean",))["mean"]


def _density(given: _Inputs) -> pd.Series:
    persons = given.coverage["persons"].reindex(given.villages.index)
    return share(persons, given.villages["area_m2"] / 1e6)


def _age_share(given: _Inputs) -> pd.Series:
    dependent = given.coverage["elderly_persons"] + given.coverage["children_persons"]
    return share(dependent, given.coverage["persons"]).reindex(given.villages.index)


def _column(given: _Inputs) -> pd.Series:
    entry, coverage = given.entry, given.coverage
    if entry.source not in coverage:
        raise ConfigError("indicator without its column", where=f"risk.indicators {entry.name}",
                          expected=", ".join(coverage.columns), got=entry.source)
    return coverage[entry.source].reindex(given.villages.index)


INDICATORS: dict[str, Callable[[_Inputs], pd.Series]] = {
    "raster_mean": _raster_mean,
    "persons_per_km2": _density,
    "dependent_share": _age_share,
    "coverage_column": _column,
}
"""How an indicator is measured by village: its ``measure`` in project.toml -> function."""


def _measure(entry: Indicator, loaded: Loaded, coverage: pd.DataFrame) -> pd.Series:
    if entry.measure not in INDICATORS:
        raise ConfigError("unknown measure", where=f"risk.indicators {entry.name}",
                          expected=", ".join(INDICATORS), got=entry.measure)
    boundaries = loaded.layers["boundaries"]
    villages = boundaries[boundaries["level"] == "village"]
    given = _Inputs(entry, loaded, coverage, villages)
    return INDICATORS[entry.measure](given).rename(entry.name)


def official_counts(loaded: Loaded, project: Project) -> dict[str, float]:
    """Return key of an official figure -> the number that the loaded layers hold for it.

    A key without a layer to count in is absent; ``resident_persons_<unit>`` are persons by
    reporting unit, county and city; shares are in percent, areas in km2.
    """
    units = loaded.tables["units"]
    found = {"reporting_units": float(len(members(units, "reporting")))}
    shelters = loaded.layers["shelters"]
    found["shelters"] = float(len(shelters))
    if "upgraded_year" in shelters:
        upgraded = shelters["upgraded_year"] == project.as_of.year
        found["shelters_upgraded"] = float(upgraded.sum())
    cells = loaded.layers["demand"].set_index("unit_id")
    people = cells[[name for name in PERSONS if name in cells]].astype(float)
    for level in ("city", "county", "reporting"):
        persons = roll_up(people["persons"], units, to=level).dropna()
        found |= {f"resident_persons_{unit}": float(n) for unit, n in persons.items()}
    boundaries = loaded.layers["boundaries"]
    for city in members(units, "city"):
        for column in people.columns[1:]:
            stem = column.removesuffix("_persons")
            percent = 100 * people[column].sum() / people["persons"].sum()
            found[f"{stem}_share_{city}"] = round(float(percent), 2)
        # Official areas count every county, also one outside the statistics.
        area_m2 = boundaries.loc[boundaries["level"] == "county", "area_m2"].sum()
        found[f"area_{city}"] = round(float(area_m2) / 1e6, 1)
    return found

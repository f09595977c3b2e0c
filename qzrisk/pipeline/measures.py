"""What `qzrisk run` computes from the loaded layers: coverage of all residents, for every level.

Only joins here: the measures themselves live in ``analysis``, the sums in ``units.roll_up``; the
risk index is made in ``pipeline.risk``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from qzrisk import rules
from qzrisk.analysis import classify, network
from qzrisk.levels import FOUR_LEVELS, palette
from qzrisk.pipeline.access import Access, access, walk_nearest
from qzrisk.pipeline.cases import Case, ladders, roll_able
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.risk.assess import COMPOSITE, Assessment, assess
from qzrisk.pipeline.shelters import usable
from qzrisk.project import Project
from qzrisk.units import LEVELS, members, roll_up, share

UPWARD = LEVELS
PERSONS = ("persons", "elderly_persons", "children_persons")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What the analysis stages made.

    Attributes
    ----------
    coverage : level -> DataFrame by unit, see `coverage_tables`: all residents, a stress test.
    risk : level -> DataFrame by unit: risk_index, risk_class, red_area_share, persons, and the
        share of each hazard.
    indicators : DataFrame by village, raw values.
    bounds : upper bounds of the risk classes, low to high.
    cases : hazard -> coverage of the persons to be moved, the main hazards first.
    assessed : what the risk is made of, by hazard, and how sure it is; None where only coverage
        was asked for.
    """

    coverage: dict[str, pd.DataFrame]
    risk: dict[str, pd.DataFrame]
    indicators: pd.DataFrame
    bounds: tuple[float, ...]
    cases: Mapping[str, Case] = field(default_factory=dict)
    assessed: Assessment | None = None

    @classmethod
    def of(cls, coverage: dict[str, pd.DataFrame], assessed: Assessment,
           cases: Mapping[str, Case] | None = None) -> Results:
        """Return the results of a coverage and a risk assessment."""
        return cls(coverage=coverage, risk=dict(assessed.tables), indicators=assessed.raw,
                   bounds=assessed.bounds[COMPOSITE].upper, cases=cases or {}, assessed=assessed)


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
    """Return level -> risk index and class, the indicators by village, and the class bounds."""
    made = assess(loaded, coverage, project)
    return dict(made.tables), made.raw, made.bounds[COMPOSITE].upper


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

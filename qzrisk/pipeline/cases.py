"""Coverage for one hazard: who is to be moved, who reaches what, who goes where, who is left."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from qzrisk import rules
from qzrisk.analysis import coverage, network
from qzrisk.costs import CostMatrix
from qzrisk.errors import ConfigError
from qzrisk.levels import palette
from qzrisk.pipeline import plans
from qzrisk.pipeline import shelters as _shelters
from qzrisk.pipeline.access import Access, closed_roads, walk_costs
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.plans import Plan
from qzrisk.project import Project
from qzrisk.units import LEVELS, ancestors, roll_up, share

PREFIX = "at_risk_persons_"
AGES = ("elderly", "children")
PARTS = ("reach", "places", "backup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Coverage for one hazard.

    Attributes
    ----------
    hazard : code.
    basis : ``"road"`` or ``"straight"``, see `Access.basis`.
    shelters : by shelter_id, see `shelters.judged`, and ``unit_id``.
    cells : by demand_id, the cells with persons to be moved: ``unit_id, persons, elderly,
        children`` (persons to be moved; the ages by the shares of the cell's residents),
        ``distance_m`` (straight to the nearest shelter that counts), ``minutes``,
        ``shelters_in_reach``, ``places_per_person`` (E2SFCA), ``cut_off`` (in reach only until the
        roads are under water).
    nearest : DataFrame(origin, destination, rank, cost), the nearest few shelters of each cell.
    tables : level -> DataFrame by unit.
    sensitivity : by catchment in minutes: mean places per person, share without, Gini.
    untested : rules of suitability without a layer.
    flooded_roads : roads closed by the depth of water.
    lost_persons : persons to be moved in cells of no known unit, who are in no table.
    plan : who goes where, or None.
    """

    hazard: str
    basis: str
    shelters: pd.DataFrame
    cells: pd.DataFrame
    nearest: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    sensitivity: pd.DataFrame
    untested: tuple[str, ...]
    flooded_roads: int
    lost_persons: int = 0
    plan: Plan | None = None


def hazards(loaded: Loaded) -> list[str]:
    """Return the hazards for which the cells say who is to be moved, in the order of columns."""
    return [column.removeprefix(PREFIX) for column in loaded.layers["demand"].columns
            if column.startswith(PREFIX) and column != f"{PREFIX}any"]


def main_hazards(loaded: Loaded, project: Project) -> list[str]:
    """Return the hazards with a plan: those of the project, or the one that moves most persons.

    Raises
    ------
    ConfigError
        If the project names a hazard for which no cell says who is to be moved.
    """
    known = hazards(loaded)
    unknown = [hazard for hazard in project.coverage.hazards if hazard not in known]
    if unknown:
        raise ConfigError("nobody is to be moved for this hazard", where="[coverage] hazards",
                          expected=", ".join(known) or f"a column {PREFIX}<hazard> in demand",
                          got=unknown[0], mend=f"add the column {PREFIX}{unknown[0]}")
    if project.coverage.hazards or not known:
        return list(project.coverage.hazards)
    totals = loaded.layers["demand"][[PREFIX + hazard for hazard in known]].sum()
    return [str(totals.idxmax()).removeprefix(PREFIX)]


def cases(loaded: Loaded, project: Project, given: Access) -> dict[str, Case]:
    """Return hazard -> its case, with a plan for the main hazards, which come first."""
    main = main_hazards(loaded, project)
    others = [hazard for hazard in hazards(loaded) if hazard not in main]
    return {hazard: case(loaded, project, given, hazard, plan=hazard in main)
            for hazard in (*main, *others)}


def case(loaded: Loaded, project: Project, given: Access, hazard: str, *, plan: bool = True
         ) -> Case:
    """Return the coverage of the persons to be moved for one hazard.

    Parameters
    ----------
    loaded, project, given : see `load`, `open_project`, `access`
    hazard : code with a column ``at_risk_persons_<hazard>`` in the cells
    plan : also allocate everyone to a shelter

    Returns
    -------
    Case
    """
    pack = rules.load("coverage")
    shelters = _shelters.judged(given.shelters, loaded, project, hazard)
    shelters.insert(0, "unit_id", given.shelters["unit_id"])
    cells = _cells(given, hazard)
    serving, counting = shelters.index[shelters["serves"]], shelters.index[shelters["counts"]]
    recorded, flooded = ((None, None) if given.roads is None
                         else closed_roads(loaded, hazard))
    during = None if recorded is None or flooded is None else recorded | flooded
    closed = during if project.coverage.roads == "during" else recorded
    limit = float(pack["walk"]["plan_limit"]["value"])
    farthest = max(limit, float(pack["walk"]["catchment"]["value"]),
                   *pack["walk"]["sensitivity"]["value"], *project.coverage.thresholds_min)
    every = walk_costs(given, cells.index, serving, max_cost_min=farthest, closed=closed)
    costs = every.select(destinations=counting)
    cells = _reached(cells, costs, shelters, given, pack)
    cells["cut_off"] = _cut_off(cells, given, counting, during, pack)
    made = Case(
        hazard=hazard, basis=given.basis, shelters=shelters, cells=cells,
        nearest=coverage.k_nearest(costs, k=int(pack["walk"]["nearest"]["value"])), tables={},
        sensitivity=_sensitivity(costs, cells, shelters, pack),
        untested=tuple(_shelters.untested(loaded, project, hazard)),
        flooded_roads=0 if flooded is None else int(flooded.sum()),
        lost_persons=int(given.lost[PREFIX + hazard].sum()))
    tables = {level: _table(made, loaded.tables["units"], level, project) for level in LEVELS}
    made = replace(made, tables=tables)
    if not plan:
        return made
    shut = closed is not None and bool(closed.any())
    opened = walk_costs(given, cells.index, serving, max_cost_min=limit) if shut else None
    off = given.cells.index[given.cells["reason"] != ""] if given.cells is not None else None
    return replace(made, plan=plans.plan(project, cells, shelters, every.within(limit),
                                         units=loaded.tables["units"], open_costs=opened,
                                         off_network=off))


def _cells(given: Access, hazard: str) -> pd.DataFrame:
    """Cells with persons to be moved; their ages by the shares of the residents of the cell."""
    demand = given.demand[given.demand[PREFIX + hazard] > 0]
    persons = demand[PREFIX + hazard].astype("int64")
    cells = pd.DataFrame({"unit_id": demand["unit_id"], "persons": persons}, index=demand.index)
    for age in AGES:
        if f"{age}_persons" in demand:
            cells[age] = persons * share(demand[f"{age}_persons"].astype(float),
                                         demand["persons"].astype(float)).fillna(0.0)
    return cells


def _reached(cells: pd.DataFrame, costs: CostMatrix, shelters: pd.DataFrame, given: Access,
             pack: dict[str, dict[str, rules.Entry]]) -> pd.DataFrame:
    catchment = float(pack["walk"]["catchment"]["value"])
    places = shelters.loc[costs.destinations, "places"].astype(float)
    straight = network.straight_nearest(given.demand.loc[cells.index],
                                        given.shelters.loc[costs.destinations])
    return cells.assign(
        distance_m=straight["distance_m"], minutes=coverage.nearest(costs)["cost"],
        shelters_in_reach=coverage.backup(costs, max_cost=catchment),
        places_per_person=coverage.e2sfca(costs, cells["persons"], places, max_cost=catchment))


def _cut_off(cells: pd.DataFrame, given: Access, counting: pd.Index, closed: pd.Series | None,
             pack: dict[str, dict[str, rules.Entry]]) -> npt.NDArray[np.bool_]:
    """Cells within the catchment of a shelter that lose it once the roads are under water."""
    catchment = float(pack["walk"]["catchment"]["value"])
    inside = (cells["minutes"] <= catchment).to_numpy()
    if closed is None or not closed.any():
        return np.zeros(len(cells), dtype=bool)
    left = walk_costs(given, cells.index[inside], counting, max_cost_min=catchment, closed=closed)
    cut = np.zeros(len(cells), dtype=bool)
    cut[inside] = (coverage.backup(left, max_cost=catchment) == 0).to_numpy()
    return cut


def _sensitivity(costs: CostMatrix, cells: pd.DataFrame, shelters: pd.DataFrame,
                 pack: dict[str, dict[str, rules.Entry]]) -> pd.DataFrame:
    """Places per person of all persons under several catchments."""
    persons = cells["persons"].astype(float)
    places = shelters.loc[costs.destinations, "places"].astype(float)
    access = coverage.sensitivity(costs, persons, places, decay="gaussian",
                                  max_costs=pack["walk"]["sensitivity"]["value"])
    some = persons.sum() > 0
    return pd.DataFrame({
        "places_per_person": {size: float((column * persons).sum() / persons.sum())
                              if some else np.nan for size, column in access.items()},
        "without_share": {size: float(persons[column == 0].sum() / persons.sum())
                          if some else np.nan for size, column in access.items()},
        "gini": {size: coverage.gini(column, persons) if some else np.nan
                 for size, column in access.items()},
    }).rename_axis("catchment_min")


def _table(made: Case, units: pd.DataFrame, level: str, project: Project) -> pd.DataFrame:
    """Return sums and shares of a level; no share, no grade where nobody is to be moved."""
    pack, cells = rules.load("coverage"), made.cells
    catchment = float(pack["walk"]["catchment"]["value"])
    steps = ladders(cells, project)
    groups = ["persons", *(age for age in AGES if age in cells)]
    parts = {group: cells[group].astype(float) for group in groups}
    parts |= {f"{group}|{step}": parts[group].where(inside, 0.0)
              for step, inside in steps.items() for group in groups}
    persons = parts["persons"]
    parts |= {"|distance_m": persons * cells["distance_m"], "|walkers": persons.where(
        cells["minutes"].notna(), 0.0), "|minutes": persons * cells["minutes"].fillna(0.0),
        "|access": persons * cells["places_per_person"],
        "|reach": persons.where(cells["minutes"] <= catchment, 0.0),
        "|places": persons * cells["places_per_person"].clip(upper=1.0),
        "|backup": persons.where(cells["shelters_in_reach"] >= 2, 0.0),
        "cut_off_persons": persons.where(cells["cut_off"], 0.0)}
    summed = roll_up(pd.DataFrame(parts).set_axis(pd.Index(cells["unit_id"])), units, to=level)
    counting = made.shelters[made.shelters["counts"]].dropna(subset="unit_id")
    there = pd.DataFrame({"shelters": 1.0, "places": counting["places"].astype(float)})
    there = roll_able(there.set_axis(pd.Index(counting["unit_id"])), units, level)
    inside = units.loc[summed.index, "in_statistics"].astype(bool)
    there = there.fillna(0.0).where(inside, np.nan)
    whole = summed["persons"].where(summed["persons"].notna() | ~inside, 0.0)
    table = pd.DataFrame({"name": units["name"].reindex(summed.index), "at_risk_persons": whole})
    for age in groups[1:]:
        table[f"at_risk_{age}_persons"] = summed[age].where(whole > 0, whole)
    table = table.join(there)
    table["places_per_at_risk_person"] = share(table["places"], whole)
    for step in steps:
        for group in groups:
            stem = "" if group == "persons" else f"{group}_"
            table[f"{stem}covered_share_{step}"] = share(summed[f"{group}|{step}"], summed[group])
    table["distance_m"] = share(summed["|distance_m"], whole)
    table["minutes"] = share(summed["|minutes"], summed["|walkers"])
    table["cut_off_persons"] = summed["cut_off_persons"].where(whole > 0, whole)
    table["access"] = share(summed["|access"], whole)
    if level != "village":
        table["gini"] = _gini(made, units, level).reindex(table.index)
    for part in PARTS:
        table[f"score_{part}"] = share(summed[f"|{part}"], whole)
    weights = {part: float(pack["score"][f"weight_{part}"]["value"]) for part in PARTS}
    points = sum((table[f"score_{part}"] * weight for part, weight in weights.items()),
                 start=pd.Series(0.0, index=table.index))
    table["coverage_score"] = 100.0 * points / sum(weights.values())
    codes = palette("coverage").codes
    table["coverage_grade"] = graded(table["coverage_score"], pack["score"]["bounds"]["value"],
                                     codes)
    table["places_grade"] = graded(table["places_per_at_risk_person"],
                                   pack["places_per_person"]["bounds"]["value"], codes)
    return table


def roll_able(values: pd.DataFrame, units: pd.DataFrame, level: str) -> pd.DataFrame:
    """Roll up what belongs to one unit of a level; a county's own shelter is in no village."""
    at = values.index.isin(ancestors(units, level).index)
    return roll_up(values[at], units, to=level)


def ladders(cells: pd.DataFrame, project: Project) -> dict[str, pd.Series]:
    """Return step of the ladders, e.g. ``"500m"`` or ``"15min"`` -> which cells are within it."""
    limits = project.coverage
    metres = {f"{step:.0f}m": cells["distance_m"] <= step for step in limits.thresholds_m}
    if "minutes" not in cells:
        return metres
    return metres | {f"{step:.0f}min": cells["minutes"] <= step for step in limits.thresholds_min}


def graded(values: pd.Series, bounds: list[float], codes: tuple[str, ...]) -> pd.Series:
    """Return classes right-closed at `bounds`, low to high; NaN stays NaN."""
    return pd.Series(pd.cut(values, [-np.inf, *bounds, np.inf], labels=list(codes)),
                     index=values.index)


def _gini(made: Case, units: pd.DataFrame, level: str) -> pd.Series:
    cells = made.cells
    unit = cells["unit_id"].map(ancestors(units, level))
    return pd.Series({name: coverage.gini(part["places_per_person"], part["persons"])
                      for name, part in cells.groupby(unit)}, dtype=float)

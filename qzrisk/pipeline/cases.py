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
from qzrisk.pipeline import evenness, plans
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
        children`` (whole persons to be moved; the ages estimated by the shares of the cell's
        residents, NaN where these are unknown), ``off_network`` (why it has no place on the main
        network, else empty),
        ``distance_m`` (straight to the nearest shelter that counts), ``minutes``,
        ``shelters_in_reach``, ``places_per_person`` (E2SFCA), ``cut_off`` (in reach only until the
        roads are under water).
    nearest : DataFrame(origin, destination, rank, cost), the nearest few shelters of each cell.
    tables : level -> DataFrame by unit.
    catchments : cells x catchment in minutes: places per person, see `evenness`.
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
    catchments: pd.DataFrame
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


def case(loaded: Loaded, project: Project, given: Access, hazard: str, *, plan: bool = True,
         any_site: bool = False) -> Case:
    """Return the coverage of the persons to be moved for one hazard.

    Parameters
    ----------
    loaded, project, given : see `load`, `open_project`, `access`
    hazard : code with a column ``at_risk_persons_<hazard>`` in the cells
    plan : also allocate everyone to a shelter
    any_site : count shelters on unsafe sites as well, to show what asking for safe ones costs

    Returns
    -------
    Case
    """
    pack = rules.load("coverage")
    shelters = _shelters.judged(given.shelters, loaded, project, hazard)
    if any_site:
        shelters["counts"] |= shelters["excluded"] == "unsafe"
    shelters.insert(0, "unit_id", given.shelters["unit_id"])
    if given.places is not None:
        off = given.places["reason"].reindex(shelters.index) != ""
        shelters["off_network"] = given.places["reason"].reindex(shelters.index)
        shelters["flags"] = _shelters.flagged(shelters["flags"], off, "off_network")
    units = loaded.tables["units"]
    cells = _cells(given, hazard, units)
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
        catchments=_catchments(costs, cells, shelters, pack),
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


def _cells(given: Access, hazard: str, units: pd.DataFrame) -> pd.DataFrame:
    """Cells with persons to be moved; their ages by the shares of the residents of the cell."""
    demand = given.demand[given.demand[PREFIX + hazard] > 0]
    persons = demand[PREFIX + hazard].astype("int64")
    cells = pd.DataFrame({"unit_id": demand["unit_id"], "persons": persons}, index=demand.index)
    if given.cells is not None:
        cells["off_network"] = given.cells.loc[cells.index, "reason"]
    ages = [age for age in AGES if f"{age}_persons" in demand]
    if not ages:
        return cells
    # Cells of one village, town and county follow one another, so that their sums are near exact.
    place = pd.Series(range(len(units)), index=units.index).reindex(cells["unit_id"])
    order = cells.index[np.lexsort((cells.index.argsort().argsort(), place.to_numpy()))]
    groups = demand.loc[order, [f"{age}_persons" for age in ages]].set_axis(ages, axis=1)
    return cells.join(coverage.persons_by_group(
        persons[order], demand.loc[order, "persons"].astype(float), groups.astype(float)))


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


def _catchments(costs: CostMatrix, cells: pd.DataFrame, shelters: pd.DataFrame,
                pack: dict[str, dict[str, rules.Entry]]) -> pd.DataFrame:
    """Places per person of every cell under several catchments."""
    return coverage.sensitivity(
        costs, cells["persons"].astype(float), shelters.loc[costs.destinations, "places"].astype(
            float), decay="gaussian", max_costs=pack["walk"]["sensitivity"]["value"])


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
    parts |= {f"{group}|access": parts[group] * cells["places_per_person"] for group in groups}
    parts |= {f"{group}|blind": parts[group].where(~(cells["minutes"] <= catchment), 0.0)
              for group in groups}
    parts |= {f"{group}|backup": parts[group].where(cells["shelters_in_reach"] >= 2, 0.0)
              for group in groups}
    parts |= {"|distance_m": persons * cells["distance_m"], "|walkers": persons.where(
        cells["minutes"].notna(), 0.0), "|minutes": persons * cells["minutes"].fillna(0.0),
        "|reach": persons.where(cells["minutes"] <= catchment, 0.0),
        "|places": persons * cells["places_per_person"].clip(upper=1.0),
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
    of = cells["unit_id"].map(ancestors(units, level))
    stems = {group: "" if group == "persons" else f"{group}_" for group in groups}
    for group, stem in stems.items():
        table[f"{stem}blind_persons"] = summed[f"{group}|blind"].where(whole > 0, whole)
    for group, stem in stems.items():
        table[f"{stem}backup_share"] = share(summed[f"{group}|backup"], summed[group])
    for group, stem in stems.items():
        table[f"{stem}access"] = share(summed[f"{group}|access"], summed[group])
    for group, stem in stems.items():
        table[f"{stem}gini"] = evenness.gini(cells["places_per_person"], cells[group], of).reindex(
            table.index)
    table["score_reach"] = share(summed["|reach"], whole)
    table["score_places"] = share(summed["|places"], whole)
    table["score_backup"] = table["backup_share"]
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

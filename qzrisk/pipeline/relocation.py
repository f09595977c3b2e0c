"""The plan of a case as rows for people: a village and a shelter, or a village and a reason."""

from __future__ import annotations

import pandas as pd

from qzrisk.pipeline.cases import Case
from qzrisk.pipeline.load import Loaded
from qzrisk.project import Project
from qzrisk.reports import relocation
from qzrisk.units import ancestors


def rows(made: Case, loaded: Loaded, project: Project) -> pd.DataFrame:
    """Return the plan by village.

    Parameters
    ----------
    made : a case with a plan
    loaded, project : for names of units and shelters, and the audience

    Returns
    -------
    DataFrame, in the official order of villages, then the largest group first
        ``county_id, county, town_id, town, unit_id, village, to_move_persons`` (of the village),
        ``shelter_id, shelter, tier, moved_persons`` (of the row), ``minutes`` (mean on foot),
        ``longest_min, stage, places_left`` (of the shelter after the whole plan), ``reason`` (if
        not placed); ``manager, phone`` for the internal audience. The rows of a village sum to
        its persons to be moved.
    """
    assert made.plan is not None
    moves, left, unit = made.plan.moves, made.plan.unserved, made.cells["unit_id"]
    moved = moves.assign(unit_id=moves["origin"].map(unit),
                         weighted=moves["persons"] * moves["minutes"])
    placed = moved.groupby(["unit_id", "destination", "stage"], as_index=False).agg(
        moved_persons=("persons", "sum"), weighted=("weighted", "sum"),
        longest_min=("minutes", "max")).rename(columns={"destination": "shelter_id"})
    placed["minutes"] = placed.pop("weighted") / placed["moved_persons"]
    unplaced = left.assign(unit_id=left["origin"].map(unit)).groupby(
        ["unit_id", "reason"], as_index=False)["persons"].sum().rename(
        columns={"persons": "moved_persons"})
    table = pd.concat([placed, unplaced], ignore_index=True)
    for column in ("shelter_id", "stage", "reason"):
        table[column] = table[column].astype("str")
    table = _named(table, made, loaded, project)
    place = {code: number for number, code in enumerate(loaded.tables["units"].index)}
    order = pd.DataFrame({"village": table["unit_id"].map(place), "none": table["reason"].notna(),
                          "stage": table["stage"].map(relocation.STAGES.index, na_action="ignore"),
                          "persons": -table["moved_persons"],
                          "shelter": table["shelter_id"].fillna(table["reason"])})
    return table.loc[order.sort_values(list(order.columns)).index].reset_index(drop=True)


def _named(table: pd.DataFrame, made: Case, loaded: Loaded, project: Project) -> pd.DataFrame:
    units, shelters = loaded.tables["units"], loaded.layers["shelters"]
    names = units["name"]
    for level in ("county", "town"):
        table[f"{level}_id"] = table["unit_id"].map(ancestors(units, level))
        table[level] = table[f"{level}_id"].map(names)
    table["village"] = table["unit_id"].map(names)
    table["to_move_persons"] = table["unit_id"].map(
        made.cells.groupby("unit_id")["persons"].sum())
    table["places_left"] = table["shelter_id"].map(places_left(made))
    table["shelter"] = table["shelter_id"].map(shelters["name"])
    personal = relocation.PERSONAL if project.audience == "internal" else ()
    for column in ("tier", *personal):
        known = shelters[column] if column in shelters else pd.Series(dtype="str")
        table[column] = table["shelter_id"].map(known)
    return table[["county_id", "county", "town_id", "town", "unit_id", "village",
                  "to_move_persons", "shelter_id", "shelter", "tier", "moved_persons", "minutes",
                  "longest_min", "stage", "places_left", "reason", *personal]]


def assigned(made: Case) -> pd.Series:
    """Return the persons that the plan sends to each shelter; 0 where none."""
    sent = pd.Series(dtype="int64") if made.plan is None else (
        made.plan.moves.groupby("destination")["persons"].sum())
    return sent.reindex(made.shelters.index, fill_value=0).astype("int64")


def places_left(made: Case) -> pd.Series:
    """Return the places of each shelter that the plan leaves free."""
    return made.shelters["places"].where(made.shelters["counts"], 0) - assigned(made)


def cells(made: Case) -> pd.DataFrame:
    """Return the plan by cell: every person to be moved once, with a shelter or a reason.

    Returns
    -------
    DataFrame indexed demand_id
        ``unit_id, shelter_id, persons, minutes, stage, reason``; then what the cell has in reach:
        ``nearest_id, nearest_min, second_id, third_id``.
    """
    assert made.plan is not None
    moves = made.plan.moves.rename(columns={"destination": "shelter_id"})
    table = pd.concat([moves, made.plan.unserved], ignore_index=True).set_index("origin")
    table = table[["shelter_id", "persons", "minutes", "stage", "reason"]]
    table.insert(0, "unit_id", made.cells["unit_id"].reindex(table.index))
    near = made.nearest.pivot(index="origin", columns="rank")
    for rank, word in ((1, "nearest"), (2, "second"), (3, "third")):
        known = near["destination"][rank] if rank in near["destination"] else pd.Series(
            dtype="str")
        table[f"{word}_id"] = known.reindex(table.index)
    table["nearest_min"] = made.cells["minutes"].reindex(table.index)
    place = pd.Series(range(len(made.cells)), index=made.cells.index)
    return table.iloc[place.reindex(table.index).argsort(kind="stable")].rename_axis("demand_id")

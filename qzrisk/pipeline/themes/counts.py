"""What the thematic layers add up to by unit: numbers only, the same for maps and tables."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from qzrisk.levels import palette
from qzrisk.units import ancestors, in_statistics, members, roll_up, share

TOTAL, UNPLACED = "total", "unplaced"
"""Ids of the last rows of a table by unit: all units, and what belongs to none of them."""

SLOPE = "high_steep_slope"
DONE_STAGES = ("survey", "county_check", "city_check", "province_check", "national_check")
CHECKED_STAGES = DONE_STAGES[1:]
HA_M2, WAN_YUAN = 1e4, 1e4


def official_order(units: pd.DataFrame, level: str = "county") -> pd.Index:
    """Return the units of a level in official order, those outside the statistics last."""
    rows = members(units, level)
    inside = in_statistics(units).reindex(rows).to_numpy()
    return rows[inside].append(rows[~inside])


def by_unit(values: pd.DataFrame, units: pd.DataFrame, *, level: str = "county") -> pd.DataFrame:
    """Sum values up to a level, with the row of what has no unit there and the row of all.

    Parameters
    ----------
    values : numbers indexed ``unit_id`` (repeating, of any level)
    units : membership table
    level : ``"county"`` or ``"reporting"``

    Returns
    -------
    DataFrame indexed ``unit_id``
        Units in official order: 0 where there is nothing, NaN outside the statistics; then, where
        it is not empty, `UNPLACED`; then `TOTAL`, the sum of the rows above it, which is the sum
        of `values`.
    """
    if level == "reporting" and units["reporting_id"].isna().all():
        level = "county"  # a project without reporting units reports by county
    target = values.index.map(ancestors(units, level))
    counted = pd.Series(target).map(in_statistics(units)).fillna(False).to_numpy(dtype=bool)
    table = roll_up(values[counted], units, to=level).reindex(official_order(units, level))
    inside = in_statistics(units).reindex(table.index).to_numpy()
    table.loc[inside] = table.loc[inside].fillna(0.0)
    rest = values[~counted]
    if len(rest):
        table.loc[UNPLACED] = rest.astype(float).sum()
    table.loc[TOTAL] = table.sum()
    return table.rename_axis("unit_id")


def dummies(frame: pd.DataFrame, column: str, codes: tuple[str, ...], *, prefix: str = ""
            ) -> pd.DataFrame:
    """Return 0/1 columns, one a code, then those without a code, indexed ``unit_id``."""
    values = frame[column] if column in frame else pd.Series(np.nan, index=frame.index)
    made = {f"{prefix}{code}": (values == code).to_numpy(dtype=float, na_value=0.0)
            for code in codes}
    missing = values.isna().to_numpy(dtype=float)
    if missing.any():
        made[f"{prefix}none"] = missing
    return pd.DataFrame(made, index=_home(frame))


def _home(frame: pd.DataFrame) -> pd.Index:
    home = frame["unit_id"] if "unit_id" in frame else pd.Series(np.nan, index=frame.index)
    return pd.Index(home, name="unit_id")


def forest(zones: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return forest zones by county and class: number and area in hectares."""
    area_m2 = zones.get("area_m2", zones.geometry.area)
    area_ha = area_m2.to_numpy(dtype=float, na_value=np.nan) / HA_M2
    one = dummies(zones, "danger_class", palette("forest_danger").codes[::-1])
    parts = {f"zones_{code}": one[code] for code in one}
    parts |= {f"area_ha_{code}": one[code] * area_ha for code in one}
    values = pd.DataFrame(parts).assign(zones=1.0, area_ha=area_ha)
    return by_unit(values, units)


def railway_counties(points: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return railway points by county: number, closed, open, closure rate, by level."""
    values = dummies(points, "level", palette("railway_point").codes[::-1], prefix="level_")
    return _closing(by_unit(_closed(points, values), units))


def railway_sections(points: pd.DataFrame, sections: pd.DataFrame | None,
                     lines: pd.DataFrame | None) -> pd.DataFrame:
    """Return railway points by line and section: number, closed, open, closure rate.

    Sections without a point are listed with 0 and no rate; points of no known section stand in a
    row of their line without section.
    """
    keys = points.reindex(columns=["line_id", "section_id"]).fillna("")
    counts = _closed(points, pd.DataFrame(index=points.index)).groupby(
        [keys["line_id"], keys["section_id"]]).sum()
    listed = pd.MultiIndex.from_arrays([[], []], names=["line_id", "section_id"])
    if sections is not None:
        listed = pd.MultiIndex.from_arrays([sections["line_id"], sections.index],
                                           names=["line_id", "section_id"])
    rows = listed.append(counts.index.difference(listed))
    table = counts.reindex(rows).fillna(0.0)
    table.loc[(TOTAL, ""), :] = table.sum()
    table = _closing(table).reset_index()
    if lines is not None:
        table.insert(1, "line_name", table["line_id"].map(lines["name"]))
    return table


def _closed(frame: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    status = frame["status"] if "status" in frame else pd.Series(np.nan, index=frame.index)
    closed = (status == "closed").to_numpy(dtype=float, na_value=0.0)
    return values.assign(points=1.0, closed=closed, open=1.0 - closed)


def _closing(table: pd.DataFrame, found: str = "points") -> pd.DataFrame:
    return table.assign(closure_rate=share(table["closed"], table[found]))


def teams(frame: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return teams by county and kind: teams and members."""
    people = frame["members"].to_numpy(dtype=float)
    one = dummies(frame, "kind", palette("team_kind").codes[::-1])
    parts = {f"teams_{code}": one[code] for code in one}
    parts |= {f"members_{code}": one[code] * people for code in one}
    return by_unit(pd.DataFrame(parts).assign(teams=1.0, members=people), units)


def communities(frame: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return demonstration communities by county: already built, newly accepted, residents.

    There is no sum of the two kinds: the figures in use differ by whether the new ones are counted.
    """
    one = dummies(frame, "kind", palette("community_kind").codes)
    if "persons" in frame:
        one["persons"] = frame["persons"].to_numpy(dtype=float, na_value=np.nan)
    return by_unit(one, units)


def enterprises(frame: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return enterprises by county: by kind, size and colour; counts, never a mean colour.

    Sizes are those of the demonstration enterprises. ``level`` is the one to be counted, see
    `safety.firm_levels`.
    """
    kind = dummies(frame, "kind", palette("enterprise_kind").codes, prefix="kind_")
    size = dummies(frame, "size", ("large", "medium", "small"), prefix="size_")
    parts = [
        kind, size.mul(kind["kind_demonstration"].to_numpy(), axis=0),
        dummies(frame, "level", palette("safety").codes[::-1], prefix="level_"),
    ]
    values = pd.DataFrame({column: part[column].to_numpy() for part in parts for column in part},
                          index=parts[0].index)
    return by_unit(values.assign(enterprises=1.0), units)


def hidden_dangers(counted: pd.DataFrame, units: pd.DataFrame, *, level: str = "reporting"
                   ) -> pd.DataFrame:
    """Return hidden dangers by unit: found, closed, open and closure rate.

    Parameters
    ----------
    counted : found and closed by reporting unit and sector
    units : membership table
    level : ``"reporting"`` or ``"county"``
    """
    values = counted.set_index("unit_id")[["found", "closed"]].astype(float)
    table = by_unit(values, units, level=level)
    return _closing(table.assign(open=table["found"] - table["closed"]), "found")


def danger_sectors(counted: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return hidden dangers by unit and sector, in official order, all units of a sector last."""
    rows = counted[["unit_id", "sector", "found", "closed"]].astype(
        {"found": float, "closed": float})
    order = {unit: rank for rank, unit in enumerate((*members(units, "reporting"), TOTAL))}
    total = rows.groupby("sector", sort=False)[["found", "closed"]].sum().reset_index()
    rows = pd.concat([rows, total.assign(unit_id=TOTAL)], ignore_index=True)
    rows = rows.groupby(["unit_id", "sector"], sort=False)[["found", "closed"]].sum().reset_index()
    place = rows["unit_id"].map(order).fillna(len(order) - 1.5)
    rows = rows.iloc[np.lexsort((rows["sector"].to_numpy(dtype=str), place))]
    rows = rows.assign(open=rows["found"] - rows["closed"]).reset_index(drop=True)
    return _closing(rows, "found")


def three_lists(ledger: pd.DataFrame, units: pd.DataFrame, *, as_of: dt.date) -> pd.DataFrame:
    """Return the ledger by unit as three lists: registered, being mended, closed.

    Notes
    -----
    Overdue: the deadline lies before `as_of` and the danger is still open. A ledger may hold only
    some of the closed ones: its sums are those of its rows, not of the published counts.
    """
    still = (ledger["state"] == "open").to_numpy()
    due = ledger["due_on"] if "due_on" in ledger else pd.Series(pd.NaT, index=ledger.index)
    late = still & (pd.to_datetime(due) < pd.Timestamp(as_of)).to_numpy()
    grade = ledger["grade"] if "grade" in ledger else pd.Series("", index=ledger.index)
    values = pd.DataFrame({
        "registered": 1.0, "mending": still.astype(float), "overdue": late.astype(float),
        "mending_major": (still & (grade == "重大").to_numpy(dtype=bool, na_value=False)),
        "mended": (~still).astype(float)}, index=_home(ledger)).astype(float)
    return by_unit(values, units, level="reporting")


def hazard_points(frame: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return geological hazard points by county: grades, slopes, persons and property."""
    one = dummies(frame, "level", palette("hazard_point").codes[::-1], prefix="grade_")
    slope = (frame["kind"] == SLOPE).to_numpy(dtype=float)
    values = one.assign(points=1.0 - slope, slopes=slope, total=1.0)
    for column, divisor in (("threatened_households", 1.0), ("threatened_persons", 1.0),
                            ("threatened_property_yuan", WAN_YUAN)):
        if column in frame:
            name = column.replace("_yuan", "_wan_yuan")
            values[name] = frame[column].to_numpy(dtype=float, na_value=np.nan) / divisor
    return by_unit(values, units)


def census(survey: pd.DataFrame, targets: pd.DataFrame, units: pd.DataFrame, *,
           level: str = "reporting", form: str | None = None) -> pd.DataFrame:
    """Return census progress by unit: due, listed, surveyed, checked, and the rate surveyed / due.

    Parameters
    ----------
    survey : records with form and stage
    targets : number due by reporting unit and form
    units : membership table
    level : ``"reporting"`` or ``"county"``
    form : only this form, or None for all

    Returns
    -------
    DataFrame indexed ``unit_id``
        ``rate`` is NaN where nothing is due and above 1 where more was surveyed than was due.
    """
    rows = survey if form is None else survey[survey["form"] == form]
    due = targets if form is None else targets[targets["form"] == form]
    stages = pd.DataFrame({
        "target": 0.0, "listed": 1.0, "surveyed": rows["stage"].isin(DONE_STAGES).to_numpy(),
        "checked": rows["stage"].isin(CHECKED_STAGES).to_numpy()}, index=_home(rows))
    asked = pd.DataFrame({"target": due["target"].to_numpy(dtype=float), "listed": 0.0,
                          "surveyed": 0.0, "checked": 0.0}, index=_home(due))
    table = by_unit(pd.concat([stages.astype(float), asked]), units, level=level)
    return table.assign(rate=share(table["surveyed"], table["target"]))

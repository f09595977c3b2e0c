"""Membership of units, village to city, and the one `roll_up` that every sum goes through.

Since all totals over units pass here, they agree in every table, map and page.

The membership table has the index ``unit_id`` and the columns ``name, level, parent_id,
reporting_id, in_statistics``, in the official order of units. ``parent_id`` leads from village to
town to county to city. ``reporting_id`` names the reporting unit of villages, towns and undivided
counties: a county that is not divided is its own reporting unit, one from which a functional zone
is taken out has rows of level ``reporting`` beneath it, so that nothing is counted twice.
"""

from __future__ import annotations

from typing import TypeVar

import pandas as pd

from qzrisk.errors import ConfigError, ReachError, SchemaError

LEVELS = ("village", "town", "county", "reporting", "city")
"""Levels, small to large; ``reporting`` stands beside ``county``: some counties divided."""

COLUMNS = ("name", "level", "parent_id", "reporting_id", "in_statistics")
_ABOVE = {"village": "town", "town": "county", "county": "city"}

Frame = TypeVar("Frame", pd.Series, pd.DataFrame)


def check(units: pd.DataFrame) -> pd.DataFrame:
    """Return the membership table if it holds together.

    Parameters
    ----------
    units : DataFrame indexed ``unit_id`` with `COLUMNS`

    Raises
    ------
    SchemaError
        If a column is missing, an id occurs twice, a level is unknown, a parent does not exist or
        stands on the wrong level, or a reporting unit does not exist.
    """
    missing = [column for column in COLUMNS if column not in units.columns]
    if missing:
        raise SchemaError("membership table without column", where="units", expected=COLUMNS,
                          got=list(units.columns), mend=f"add {', '.join(missing)}")
    for fault, where in (
        (units.index.duplicated(), "unit_id occurs twice"),
        (~units["level"].isin(LEVELS), f"level must be one of {', '.join(LEVELS)}"),
    ):
        if fault.any():
            raise SchemaError(where, where="units", got=units.index[fault][:5].tolist())
    level = units["level"]
    for child, parent in _ABOVE.items():
        rows = units[level == child]
        bad = rows[rows["parent_id"].map(level) != parent]
        if len(bad):
            raise SchemaError(
                f"the parent of a {child} must be a {parent}", where=f"units: {bad.index[0]}",
                got=bad["parent_id"].iloc[0], mend="correct parent_id in the membership table",
            )
    lost = (level == "reporting") & (units["parent_id"].map(level) != "county")
    if lost.any():
        raise SchemaError("the parent of a reporting unit must be a county",
                          where=f"units: {units.index[lost][0]}",
                          got=units["parent_id"][lost].iloc[0])
    _check_reporting(units)
    return units


def _check_reporting(units: pd.DataFrame) -> None:
    """Raise unless every reporting_id names a part of the unit's own county, or that county."""
    level, named = units["level"], units["reporting_id"].dropna()
    strange = named[~named.map(level).isin(("reporting", "county"))]
    if len(strange):
        raise SchemaError("reporting_id must name a reporting unit or an undivided county",
                          where=f"units: {strange.index[0]}", got=strange.iloc[0])
    county = ancestors(units, "county")
    home = named.where(named.map(level) == "county", named.map(units["parent_id"]))
    abroad = home[home != county.reindex(home.index)]
    if len(abroad):
        raise SchemaError("reporting_id names a unit of another county",
                          where=f"units: {abroad.index[0]}", got=named[abroad.index[0]])
    village = units.index[(level == "village") & units["reporting_id"].isna()]
    if len(village) and len(named):
        raise SchemaError("a village without reporting unit", where=f"units: {village[0]}",
                          mend="fill in reporting_id")


def ancestors(units: pd.DataFrame, to: str) -> pd.Series:
    """Return the unit of level `to` that each unit belongs to.

    Parameters
    ----------
    units : membership table
    to : one of `LEVELS`

    Returns
    -------
    Series of unit_id, indexed unit_id
        Every unit at or below `to` that has such an ancestor; a county that is divided among
        reporting units has none of level ``"reporting"`` and is absent.

    Raises
    ------
    ConfigError
        If `to` is not a level.
    """
    if to not in LEVELS:
        raise ConfigError("unknown level of unit", expected=", ".join(LEVELS), got=to)
    ids = units.index.to_series()
    if to == "reporting":
        return units["reporting_id"].where(units["level"] != to, ids).dropna().rename(to)
    found = ids.where(units["level"] == to)
    climbing = ids
    for _ in LEVELS:
        climbing = climbing.map(units["parent_id"])
        at_level = climbing.map(units["level"]) == to
        found = found.where(found.notna() | ~at_level, climbing)
    return found.dropna().rename(to)


def in_statistics(units: pd.DataFrame) -> pd.Series:
    """Return which units count in statistics: their own flag and that of their county are true.

    Returns
    -------
    bool Series indexed as `units`
    """
    own = units["in_statistics"].astype(bool)
    county = ancestors(units, "county").reindex(units.index)
    return own & county.map(own).fillna(True).astype(bool)


def members(units: pd.DataFrame, level: str) -> pd.Index:
    """Return the ids of a level in official order.

    The reporting units are the undivided counties and, in the place of a divided county, its parts.

    Examples
    --------
    >>> units = pd.DataFrame({"level": ["county", "county", "reporting", "reporting"],
    ...     "parent_id": [None, None, "a", "a"], "reporting_id": [None, "b", "a1", "a2"]},
    ...     index=["a", "b", "a1", "a2"])
    >>> members(units, "reporting").tolist()
    ['a1', 'a2', 'b']
    """
    if level != "reporting":
        return units.index[units["level"] == level]
    rows = units[units.index.isin(units["reporting_id"].dropna())]
    county = rows.index.to_series().where(rows["level"] == "county", rows["parent_id"])
    place = county.map({unit: number for number, unit in enumerate(units.index)})
    return rows.index[place.argsort(kind="stable")]


def roll_up(values: Frame, units: pd.DataFrame, *, to: str) -> Frame:
    """Sum values of units or of things in units up to a level.

    Parameters
    ----------
    values : Series or DataFrame of numbers indexed ``unit_id``
        Ids may repeat (many cells in one village) and may be of several levels at or below `to`,
        each thing once. NaN is missing and is left out of the sum.
    units : membership table
    to : one of `LEVELS`

    Returns
    -------
    Series or DataFrame, same columns, indexed by every unit of level `to` in official order
        NaN where no value is known, and for units outside the statistics (never 0).

    Raises
    ------
    ReachError
        If an id is not in the table or does not belong to one unit of level `to`.

    Notes
    -----
    Conservation: the sum of the result equals the sum of the values of all units in the
    statistics, at every level. What lies in a county outside them is in no total.

    Examples
    --------
    >>> units = pd.DataFrame(
    ...     {"name": ["C", "K", "T", "V", "W"], "level": ["city", "county", "town", "village",
    ...      "village"], "parent_id": [None, "c", "k", "t", "t"], "reporting_id": None,
    ...      "in_statistics": True}, index=["c", "k", "t", "v", "w"])
    >>> roll_up(pd.Series([1, 2, 4], index=["v", "v", "w"], name="persons"), units, to="county")
    unit_id
    k    7.0
    Name: persons, dtype: float64
    """
    lookup = ancestors(units, to)
    target = values.index.map(lookup)
    lost = values.index[target.isna()]
    if len(lost):
        known = lost[0] in units.index
        raise ReachError(
            f"a unit that belongs to no unit of level {to}" if known else "unknown unit",
            where=f"unit_id {lost[0]}", got=f"{len(lost)} of {len(values)} rows",
            mend="use values of a lower level" if known else "add it to the membership table",
        )
    counted = in_statistics(units)
    keep = values.index.map(counted).to_numpy(dtype=bool)
    summed = values.astype(float)[keep].groupby(target[keep]).sum(min_count=1)
    result = summed.reindex(members(units, to))
    result.index.name = "unit_id"
    return result


def share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """Return part / whole (0..1) on the index of `whole`; NaN where the whole is 0 or unknown."""
    return (part.reindex(whole.index) / whole.where(whole > 0)).rename(part.name)

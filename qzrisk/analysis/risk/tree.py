"""The indicator tree: goal -> hazard, exposure, vulnerability, capacity -> indicators.

Every hazard of a composite has its own hazard indicators; exposure, vulnerability and capacity are
shared. Weights say what an indicator weighs in the composite; inside the score of one hazard its
own indicators take the whole weight of the hazard dimension.
"""

# ruff: noqa: N803 - X, L, E, C and S are the letters of the literature.

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from qzrisk.analysis.risk.scores import METHODS, PARTS, index
from qzrisk.analysis.scaling import CONSTANT, check_directions, check_table
from qzrisk.errors import ConfigError

RULES = ("exclude", "median", "fail")
"""What a missing value does: its unit gets no score, the median stands in, or the work stops."""

LEAST_CAPACITY = 0.1
"""Capacity of the least able unit in the hazard product, on a scale to 1: nothing divides by 0."""


class Filled(NamedTuple):
    """Indicators after their missing-data rules.

    Attributes
    ----------
    X : DataFrame, as given with medians filled in.
    flags : bool DataFrame of the same shape, True where a value was filled in.
    """

    X: pd.DataFrame
    flags: pd.DataFrame


def fill(X: pd.DataFrame, missing: pd.Series) -> Filled:
    """Treat missing indicators by their rules.

    Parameters
    ----------
    X : DataFrame, one column an indicator, indexed unit_id
    missing : rule of each column, one of `RULES`

    Returns
    -------
    Filled
        Under ``"exclude"`` NaN stays NaN; under ``"median"`` it becomes the median of the units
        known (NaN where none is), flagged.

    Raises
    ------
    ConfigError
        If a rule is unknown, or a value is missing under ``"fail"``.

    Examples
    --------
    >>> X = pd.DataFrame({"rain": [1.0, 3.0, None]}, index=["A", "B", "C"])
    >>> fill(X, pd.Series({"rain": "median"})).X["rain"].tolist()
    [1.0, 3.0, 2.0]
    """
    made, flags = X.copy(), pd.DataFrame(False, index=X.index, columns=X.columns)
    for name in X.columns:
        rule, hole = missing[name], X[name].isna()
        if rule not in RULES:
            raise ConfigError("unknown missing-data rule", where=name, expected=", ".join(RULES),
                              got=rule)
        if rule == "fail" and hole.any():
            raise ConfigError("an indicator that must be complete has gaps", where=name,
                              expected="a value for every unit",
                              got=f"{hole.sum()} missing, e.g. {X.index[hole][:3].tolist()}",
                              mend='add the data, or choose missing = "exclude" or "median"')
        if rule == "median" and hole.any() and not hole.all():
            made[name] = X[name].fillna(X[name].median())
            flags[name] = hole
    return Filled(made, flags)


def ranges(X: pd.DataFrame) -> pd.DataFrame:
    """Least and largest value of each indicator: DataFrame(low, high) indexed by the columns."""
    return pd.DataFrame({"low": X.min(), "high": X.max()}).astype(float).rename_axis("indicator")


def rescale(X: pd.DataFrame, directions: pd.Series, scale: pd.DataFrame) -> pd.DataFrame:
    """Put indicators on a given scale: 0 the least risky end of its range, 1 the most risky.

    Parameters
    ----------
    X : DataFrame, one column an indicator
    directions : +1 (raises risk) or -1 a column, by name
    scale : DataFrame(low, high) as `ranges` returns it, of these units or of an earlier year

    Returns
    -------
    DataFrame in [0, 1], index and columns of `X`
        Values beyond the range are cut to its ends; NaN stays NaN; `CONSTANT` where the range is
        a single value or unknown.

    Raises
    ------
    ConfigError
        If a value is infinite, a direction is not +1 or -1, or an indicator has no range.

    Notes
    -----
    `normalise` with the range given instead of taken from `X`, so that a score means the same
    next year, and the same for a cell as for its village.

    Examples
    --------
    >>> X = pd.DataFrame({"rain": [5.0, 30.0]})
    >>> scale = pd.DataFrame({"low": [0.0], "high": [20.0]}, index=["rain"])
    >>> rescale(X, pd.Series({"rain": 1}), scale)["rain"].tolist()
    [0.25, 1.0]
    """
    values, sign = check_table(X), check_directions(directions, X.columns)
    lost = X.columns.difference(scale.index)
    if len(lost):
        raise ConfigError("an indicator without a range", where=str(lost[0]),
                          expected=list(scale.index), mend="freeze the bounds again")
    low, high = (scale.loc[X.columns, end].to_numpy(dtype=float) for end in ("low", "high"))
    wide = high > low
    with np.errstate(invalid="ignore"):
        # Halves first: high - low of huge numbers would overflow.
        share = (values / 2 - low / 2) / np.where(wide, high / 2 - low / 2, 1.0)
    share = np.where(np.isnan(values), np.nan, np.where(wide, np.clip(share, 0, 1), CONSTANT))
    share = np.where((sign > 0) | ~wide, share, 1 - share)
    return pd.DataFrame(share, index=X.index, columns=X.columns)


def hazard_weights(tree: pd.DataFrame, weights: pd.Series) -> pd.Series:
    """Weight of each hazard in the composite: the share of its own indicators.

    Parameters
    ----------
    tree : DataFrame indexed by indicator: dimension (one of `PARTS`), hazard (only for those of
        dimension ``"hazard"``)
    weights : one an indicator, >= 0, sum 1

    Returns
    -------
    Series, sum 1, indexed by hazard in the order of the tree
        Equal where no hazard indicator weighs; ``""`` alone where no hazard is told apart.

    Examples
    --------
    >>> tree = pd.DataFrame({"dimension": ["hazard", "hazard", "exposure"],
    ...                      "hazard": ["flood", "wind", ""]}, index=["a", "b", "c"])
    >>> hazard_weights(tree, pd.Series({"a": 0.4, "b": 0.2, "c": 0.4})).round(3).to_dict()
    {'flood': 0.667, 'wind': 0.333}
    """
    own = tree["dimension"] == "hazard"
    names = list(dict.fromkeys(tree["hazard"][own])) or [""]
    summed = weights[own].groupby(tree["hazard"][own]).sum().reindex(names, fill_value=0.0)
    whole = summed.sum()
    made = summed / whole if whole > 0 else pd.Series(1 / len(names), index=names)
    return made.rename("weight").rename_axis("hazard")


def member_weights(tree: pd.DataFrame, weights: pd.Series) -> pd.DataFrame:
    """Weights of the indicators inside the score of each hazard.

    Returns
    -------
    DataFrame indexed by indicator, one column a hazard, each of sum 1
        0 for the indicators of other hazards. Weighted by `hazard_weights` the columns give back
        `weights`: the composite of weighted means is the weighted mean of all indicators.

    Examples
    --------
    >>> tree = pd.DataFrame({"dimension": ["hazard", "hazard", "exposure"],
    ...                      "hazard": ["flood", "wind", ""]}, index=["a", "b", "c"])
    >>> member_weights(tree, pd.Series({"a": 0.4, "b": 0.2, "c": 0.4})).round(3).to_dict("list")
    {'flood': [0.6, 0.0, 0.4], 'wind': [0.0, 0.6, 0.4]}
    """
    own = tree["dimension"] == "hazard"
    whole = weights[own].sum()
    made = {}
    for hazard in hazard_weights(tree, weights).index:
        mine = own & (tree["hazard"] == hazard)
        part = weights[mine].sum()
        inside = weights / part if part > 0 else pd.Series(1 / max(mine.sum(), 1), weights.index)
        made[hazard] = (inside * whole).where(mine, weights.where(~own, 0.0))
    return pd.DataFrame(made)


def presence(raw: pd.DataFrame, tree: pd.DataFrame) -> pd.DataFrame:
    """Tell where each hazard is present: no hazard, no risk.

    Parameters
    ----------
    raw : DataFrame of indicators in their own units, missing ones filled, indexed unit_id
    tree : DataFrame indexed by indicator: dimension, hazard, direction

    Returns
    -------
    bool DataFrame indexed as `raw`, one column a hazard
        False only where every indicator of the hazard is known and exactly 0, and all of them
        raise risk: no area under water, no hazard point, no susceptible slope.

    Examples
    --------
    >>> tree = pd.DataFrame({"dimension": ["hazard"], "hazard": ["surge"], "direction": [1]},
    ...                     index=["surge_share"])
    >>> presence(pd.DataFrame({"surge_share": [0.0, 0.2, None]}), tree)["surge"].tolist()
    [False, True, True]
    """
    own = tree["dimension"] == "hazard"
    made = {}
    for hazard in dict.fromkeys(tree["hazard"][own]):
        mine = tree.index[own & (tree["hazard"] == hazard)]
        rising = bool((tree.loc[mine, "direction"] > 0).all())
        made[hazard] = ~(raw[mine] == 0).all(axis=1) if rising else pd.Series(True, raw.index)
    return pd.DataFrame(made or {"": True}, index=raw.index, dtype=bool)


def effective(X: pd.DataFrame, tree: pd.DataFrame, present: pd.DataFrame, load: pd.Series
              ) -> pd.DataFrame:
    """Scaled indicators as they enter the composite: shared ones only for hazards that are there.

    Parameters
    ----------
    X : DataFrame in [0, 1], one column an indicator, indexed unit_id
    tree, present : see `presence`
    load : weights of the hazards, see `hazard_weights`

    Returns
    -------
    DataFrame as `X`, so that its weighted sum is the composite of weighted means
        Indicators of exposure, vulnerability and capacity times the weight of the hazards present.

    Examples
    --------
    >>> tree = pd.DataFrame({"dimension": ["hazard", "exposure"], "hazard": ["surge", ""]},
    ...                     index=["a", "c"])
    >>> effective(pd.DataFrame({"a": [0.0], "c": [0.5]}), tree, pd.DataFrame({"surge": [False]}),
    ...           pd.Series({"surge": 1.0}))["c"].tolist()
    [0.0]
    """
    share = present[load.index].astype(float) @ load
    shared = tree.index[tree["dimension"] != "hazard"]
    made = X.copy()
    made[shared] = X[shared].mul(share, axis=0)
    return made


def hazard_scores(X: pd.DataFrame, tree: pd.DataFrame, members: pd.DataFrame, *,
                  present: pd.DataFrame | None = None, method: str = "arithmetic"
                  ) -> pd.DataFrame:
    """Score of each unit for each hazard.

    Parameters
    ----------
    X : DataFrame in [0, 1], high = risky, one column an indicator, indexed unit_id
    tree : as for `hazard_weights`
    members : as `member_weights` returns them
    present : see `presence`; everywhere without it
    method : one of `METHODS`
        How indicators become a score, see `index`. ``"product"`` is H x E x V / C of the weighted
        means of the dimensions, capacity on a scale from `LEAST_CAPACITY` to 1, times that least.

    Returns
    -------
    DataFrame in [0, 1] indexed as `X`, one column a hazard
        0 where the hazard is absent; NaN where an indicator of weight > 0 is missing.

    Raises
    ------
    ConfigError
        If the method is unknown or a product lacks a dimension.

    Examples
    --------
    >>> tree = pd.DataFrame({"dimension": ["hazard", "exposure"], "hazard": ["flood", ""]},
    ...                     index=["a", "c"])
    >>> members = member_weights(tree, pd.Series({"a": 0.5, "c": 0.5}))
    >>> hazard_scores(pd.DataFrame({"a": [1.0], "c": [0.5]}), tree, members)["flood"].tolist()
    [0.75]
    """
    if method not in METHODS:
        raise ConfigError("unknown method", where="method", expected=", ".join(METHODS),
                          got=method)
    made = {}
    for hazard in members.columns:
        load = members[hazard][members[hazard] > 0]
        inside = X[load.index]
        score = (index(inside, load, method=method) if method != "product"
                 else _product(inside, tree.loc[load.index, "dimension"], load))
        made[hazard] = score if present is None else score.where(present[hazard] | score.isna(),
                                                                 0.0)
    return pd.DataFrame(made, index=X.index)


def _product(X: pd.DataFrame, dimension: pd.Series, load: pd.Series) -> pd.Series:
    parts = {}
    for part in PARTS:
        mine = load[dimension == part]
        if len(mine):
            parts[part] = index(X[mine.index], mine / mine.sum(), method="arithmetic")
    if "capacity" in parts:
        # Normalised capacity is the lack of it.
        parts["capacity"] = LEAST_CAPACITY + (1 - LEAST_CAPACITY) * (1 - parts["capacity"])
    made = index(pd.DataFrame(parts), method="product")
    return made * LEAST_CAPACITY if "capacity" in parts else made

"""Validation of a risk score against past events: ROC, success rate, events by class.

On generated events the figures test the software and are never printed on a product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qzrisk.errors import ConfigError

Array = npt.NDArray[Any]


def roc(score: pd.Series, event: pd.Series) -> pd.DataFrame:
    """Receiver operating characteristic of a score against events.

    Parameters
    ----------
    score : Series, high = risky, indexed unit_id
        Units without a score are left out.
    event : Series of bool on the same index
        Whether the unit had an event.

    Returns
    -------
    DataFrame, from the strictest threshold down
        ``threshold`` (called risky: score >= threshold; infinity first), ``false_positive_rate``
        and ``true_positive_rate``, both rising from 0 to 1. Equal scores make one row.

    Raises
    ------
    ConfigError
        If the indexes differ, `event` is not bool, or there is no unit with or none without event.

    References
    ----------
    Fawcett (2006), An introduction to ROC analysis.

    Examples
    --------
    >>> roc(pd.Series([0.9, 0.8, 0.1]), pd.Series([True, False, False])).iloc[1].tolist()
    [0.9, 0.0, 1.0]
    """
    value, happened = _known(score, event)
    order = np.argsort(-value, kind="stable")
    value, happened = value[order], happened[order]
    # The last unit of each run of equal scores.
    last = np.r_[np.flatnonzero(np.diff(value)), len(value) - 1]
    hits, alarms = np.cumsum(happened)[last], np.cumsum(~happened)[last]
    return pd.DataFrame({
        "threshold": np.r_[np.inf, value[last]],
        "false_positive_rate": np.r_[0.0, alarms / alarms[-1]],
        "true_positive_rate": np.r_[0.0, hits / hits[-1]],
    })


def auc(score: pd.Series, event: pd.Series) -> float:
    """Area under the ROC curve: chance that a unit with an event outscores one without.

    Parameters
    ----------
    score, event
        As for `roc`.

    Returns
    -------
    float in [0, 1]
        0.5 tells nothing; equal scores count one half.

    Raises
    ------
    ConfigError
        As `roc`.

    Examples
    --------
    >>> auc(pd.Series([3.0, 2, 2, 1]), pd.Series([True, True, False, False]))
    0.875
    """
    curve = roc(score, event)
    return float(np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"]))


def success_rate(
    score: pd.Series, events: pd.Series, *, area: pd.Series | None = None
) -> pd.DataFrame:
    """Success-rate curve: share of events inside the riskiest share of the area.

    Parameters
    ----------
    score : Series, high = risky, indexed unit_id
        Units without a score are left out, with their events.
    events : Series of counts >= 0 (or bool) on the same index
    area : Series > 0 on the same index, any unit, optional
        Each unit counts 1 without it.

    Returns
    -------
    DataFrame, from the riskiest unit down
        ``score``, ``area_share`` and ``event_share``, both rising from 0 to 1. Equal scores make
        one row.

    Raises
    ------
    ConfigError
        If the indexes differ, a number is missing or out of range, or there is no event.

    References
    ----------
    Chung and Fabbri (2003), Validation of spatial prediction models for landslide hazard mapping.

    Examples
    --------
    >>> success_rate(pd.Series([0.9, 0.5]), pd.Series([3, 1])).values.tolist()
    [[inf, 0.0, 0.0], [0.9, 0.5, 0.75], [0.5, 1.0, 1.0]]
    """
    count, size = _counts(score.index, events, area)
    known = score.notna().to_numpy()
    value, count, size = score.to_numpy(dtype=float)[known], count[known], size[known]
    if not count.sum() > 0:
        raise ConfigError("no event to validate with", where="events", expected="a sum > 0")
    order = np.argsort(-value, kind="stable")
    value = value[order]
    last = np.r_[np.flatnonzero(np.diff(value)), len(value) - 1]
    area_sum, event_sum = np.cumsum(size[order])[last], np.cumsum(count[order])[last]
    return pd.DataFrame({
        "score": np.r_[np.inf, value[last]],
        "area_share": np.r_[0.0, area_sum / area_sum[-1]],
        "event_share": np.r_[0.0, event_sum / event_sum[-1]],
    })


def events_by_class(
    classes: pd.Series, events: pd.Series, *, area: pd.Series | None = None
) -> pd.DataFrame:
    """Share of events by class, and how much denser they lie there than on average.

    Parameters
    ----------
    classes : Series of ordered Categorical, indexed unit_id
    events, area
        As for `success_rate`.

    Returns
    -------
    DataFrame indexed by class, the highest first, then ``no_data``
        ``units`` and ``events`` (sums, nothing lost), ``area_share`` and ``event_share`` of the
        units with a class (NaN for ``no_data``), and ``ratio``, event share by area share: above
        1 where events lie denser (NaN for an empty class or without events).

    Raises
    ------
    ConfigError
        If the indexes differ, the classes are not ordered, or a number is out of range.

    Examples
    --------
    >>> levels = pd.Series(pd.Categorical(["a", "b", "b"], categories=["a", "b"], ordered=True))
    >>> events_by_class(levels, pd.Series([0, 2, 2])).loc["b", ["units", "ratio"]].tolist()
    [2.0, 1.5]
    """
    if not isinstance(classes.dtype, pd.CategoricalDtype) or not classes.dtype.ordered:
        raise ConfigError("not ordered classes", where="classes", got=str(classes.dtype),
                          mend="qz.classify.classes(...)")
    count, size = _counts(classes.index, events, area)
    code, k = classes.cat.codes.to_numpy(), len(classes.cat.categories)
    # Code -1 is no data: counted last.
    code = np.where(code < 0, k, code)
    made = pd.DataFrame(
        {key: np.bincount(code, weights=item, minlength=k + 1)
         for key, item in (("units", np.ones(len(code))), ("events", count), ("area", size))},
        index=pd.Index([*classes.cat.categories, "no_data"], name="class"),
    )
    classed = made.iloc[:k]
    share = classed / classed.sum().where(lambda total: total > 0)
    made["area_share"], made["event_share"] = share["area"], share["events"]
    made["ratio"] = share["events"] / share["area"].where(share["area"] > 0)
    order = [*reversed(classes.cat.categories), "no_data"]
    return made.drop(columns="area").loc[order]


def _known(score: pd.Series, event: pd.Series) -> tuple[Array, Array]:
    if not score.index.equals(event.index):
        raise ConfigError("scores and events are not of the same units", where="event",
                          expected="the index of score")
    if event.isna().any() or not set(event.unique()) <= {True, False}:
        raise ConfigError("an event happened or not", where="event", expected="bool",
                          got=str(event.dtype), mend="events > 0")
    known = score.notna().to_numpy()
    happened = event.to_numpy(dtype=bool)[known]
    if not happened.any() or happened.all():
        raise ConfigError("no ROC without both kinds of units", where="event",
                          expected="units with and without event among those with a score",
                          got=f"{int(happened.sum())} of {len(happened)} with event")
    return score.to_numpy(dtype=float)[known], happened


def _counts(index: pd.Index, events: pd.Series, area: pd.Series | None) -> tuple[Array, Array]:
    found = []
    for name, given, least in (("events", events, 0.0), ("area", area, np.finfo(float).tiny)):
        if given is None:
            found.append(np.ones(len(index)))
            continue
        number = given.to_numpy(dtype=float, na_value=np.nan)
        if not given.index.equals(index) or not (np.isfinite(number) & (number >= least)).all():
            raise ConfigError("numbers that do not fit the units", where=name,
                              expected=f"the index of the units, {'>= 0' if least == 0 else '> 0'}")
        found.append(number)
    return found[0], found[1]

"""Work-safety risk: LEC and LS grades of risk points, the worst point of an enterprise, counts."""

# ruff: noqa: N803 - X, L, E, C and S are the letters of the literature.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from qzrisk import rules
from qzrisk.analysis.classify import classes
from qzrisk.errors import ConfigError
from qzrisk.levels import ordered

Scores: TypeAlias = pd.Series | Sequence[float] | npt.NDArray[Any] | float

_PACK = "work_safety"

METHODS = ("LEC", "LS", "direct")
"""How a risk point was graded: by LEC scores, by LS scores, or by direct judgement."""

_SCALES = {"LEC": {"L": "lec.likelihood", "E": "lec.exposure", "C": "lec.consequence"},
           "LS": {"L": "ls.likelihood", "S": "ls.severity"}}


def lec(L: Scores, E: Scores, C: Scores) -> pd.Series:
    """Risk level by the LEC method: likelihood x exposure x consequence.

    Parameters
    ----------
    L, E, C : Series on one index, arrays of one length, or numbers
        Scores of the published scales (rule pack ``work_safety``); no number in between.

    Returns
    -------
    Series of ordered `FOUR_LEVELS` named ``lec``, indexed as `L`
        D <= 70 blue, (70, 160] yellow, (160, 320] orange, above red. NaN where a score is missing.

    Raises
    ------
    ConfigError
        If a score is not on its scale, or the inputs are not of the same points.

    References
    ----------
    Graham and Kinney (1980), Practical risk analysis for safety management.

    Examples
    --------
    >>> lec([10, 1], [6, 2], [7, 3]).tolist()
    ['red', 'blue']
    """
    product = _product("LEC", {"L": L, "E": E, "C": C})
    bounds = rules.value(_PACK, "lec.bounds")
    if not product.notna().any():
        return ordered(product.astype(object)).rename("lec")
    # 0.1 x 10 x 70 is not 70 in binary: the products have at most two decimals.
    return classes(product.round(6), scheme="fixed", bounds=bounds).rename("lec")


def ls(L: Scores, S: Scores) -> pd.Series:
    """Risk level by the LS method: likelihood x severity, by the product table.

    Parameters
    ----------
    L, S : Series on one index, arrays of one length, or numbers
        Whole scores 1 to 5.

    Returns
    -------
    Series of ordered `FOUR_LEVELS` named ``ls``, indexed as `L`
        1-8 blue, 9-12 yellow, 15-16 orange, 20-25 red. NaN where a score is missing.

    Raises
    ------
    ConfigError
        If a score is not on its scale, or the inputs are not of the same points.

    Examples
    --------
    >>> ls([5, 3, 2], [4, 4, 4]).tolist()
    ['red', 'yellow', 'blue']
    """
    product = _product("LS", {"L": L, "S": S})
    level_of = {number: level for level, numbers in rules.value(_PACK, "ls.products").items()
                for number in numbers}
    return ordered(product.map(level_of).astype(object)).rename("ls")


def off_scale(points: pd.DataFrame) -> pd.Series:
    """Tell which scores of risk points do not stand on the published scale of their method.

    Parameters
    ----------
    points : DataFrame indexed point_id
        As for `point_levels`.

    Returns
    -------
    Series of str on the index of `points`
        The scores at fault as written, e.g. ``"L=5, E=4"``; empty where there is none. A missing
        score is not at fault; a score that the method does not use is not looked at.

    Examples
    --------
    >>> off_scale(pd.DataFrame({"method": ["LEC", "LS"], "L": [5, 5], "E": 6, "C": 7, "S": 5},
    ...                        index=["a", "b"])).to_dict()
    {'a': 'L=5', 'b': ''}
    """
    said: list[list[str]] = [[] for _ in range(len(points))]
    for method, scales in _SCALES.items():
        for letter, rule in scales.items():
            if letter not in points:
                continue
            score = points[letter].astype(float)
            wrong = ((points["method"] == method).fillna(False) & score.notna()
                     & ~score.isin(rules.value(_PACK, rule))).to_numpy()
            for row in np.flatnonzero(wrong):
                said[row].append(f"{letter}={score.iloc[row]:g}")
    return pd.Series([", ".join(words) for words in said], index=points.index, dtype="str")


def point_levels(points: pd.DataFrame) -> pd.Series:
    """Level of each risk point by the method it was assessed with.

    Parameters
    ----------
    points : DataFrame indexed point_id
        ``method`` (`METHODS`; missing is not assessed); ``L``, ``E``, ``C``, ``S`` scores as the
        method needs; ``grade``, the level judged directly; ``major_hazard_source`` (bool). Columns
        that no point needs may be absent.

    Returns
    -------
    Series of ordered `FOUR_LEVELS` named ``level``, indexed as `points`
        NaN where a score, or the judgement, is missing: a gap is never the lowest level.

    Raises
    ------
    ConfigError
        If a method is unknown, a score is not on its scale, or a judgement is no level.

    Notes
    -----
    A major hazard source is red by rule, whatever its scores and even without any. ``grade`` is
    read for direct judgements alone: scores answer for themselves.

    Examples
    --------
    >>> point_levels(pd.DataFrame({
    ...     "method": ["LEC", "LS", "direct"], "L": [3, 2, None], "E": [6, None, None],
    ...     "C": [7, None, None], "S": [4, 4, None], "grade": [None, None, "orange"],
    ... })).tolist()
    ['yellow', 'blue', 'orange']
    """
    if "method" not in points:
        raise ConfigError("risk points without their method", where="points", expected="method",
                          got=list(points.columns))
    method = points["method"]
    strange = method[method.notna() & ~method.isin(METHODS)]
    if len(strange):
        raise ConfigError("unknown method of grading", where=f"point {strange.index[0]}",
                          expected=", ".join(METHODS), got=strange.iloc[0])
    held = points.reindex(columns=[*"LECS", "grade", "major_hazard_source"])
    found = pd.Series(None, index=points.index, dtype="str")
    for name, grade in (("LEC", lambda rows: lec(rows["L"], rows["E"], rows["C"])),
                        ("LS", lambda rows: ls(rows["L"], rows["S"])),
                        ("direct", lambda rows: rows["grade"])):
        chosen = (method == name).to_numpy(dtype=bool, na_value=False)
        if chosen.any():
            found[chosen] = grade(held[chosen]).astype("str")
    # Missing is not True, whatever the type of the column.
    major = held["major_hazard_source"].eq(True).to_numpy(dtype=bool, na_value=False)
    found[major] = rules.value(_PACK, "rules.major_hazard_source")
    return ordered(found).rename("level")


def worst(levels: pd.Series, by: pd.Series) -> pd.Series:
    """Level of each enterprise: that of its worst risk point.

    Parameters
    ----------
    levels : Series of ordered levels, indexed point_id
    by : Series of enterprise ids on the same index; a point without one counts nowhere

    Returns
    -------
    Series of ordered levels indexed by enterprise id, sorted
        NaN only where no point of the enterprise has a level.

    Raises
    ------
    ConfigError
        If the indexes differ or the levels are not ordered.

    Examples
    --------
    >>> worst(ls([5, 1], [5, 1]), pd.Series(["plant", "plant"])).to_dict()
    {'plant': 'red'}
    """
    _check(levels, by)
    code = levels.cat.codes.groupby(by).max()
    made = pd.Categorical.from_codes(code.to_numpy(), dtype=levels.dtype)
    return pd.Series(made, index=code.index, name=levels.name)


def counts(levels: pd.Series, by: pd.Series) -> pd.DataFrame:
    """Count units of each level by group: a county has counts of colours, never a mean colour.

    Parameters
    ----------
    levels : Series of ordered levels
    by : Series of groups (county, sector) on the same index; a unit without one is in no row, so
        name such a group before (``by.fillna("not given")``)

    Returns
    -------
    DataFrame of counts indexed by group, sorted
        One column a level, low to high, and ``no_data``; a row sums to the size of the group.

    Raises
    ------
    ConfigError
        If the indexes differ or the levels are not ordered.

    Examples
    --------
    >>> counts(ls([5, 1], [5, 1]), pd.Series(["A", "A"])).loc["A"].tolist()
    [1, 0, 0, 1, 0]
    """
    _check(levels, by)
    names = [*levels.cat.categories, "no_data"]
    table = pd.crosstab(by, levels.cat.codes)
    table = table.reindex(columns=[*range(len(names) - 1), -1], fill_value=0)
    table.columns = pd.Index(names)
    return table


def _check(levels: pd.Series, by: pd.Series) -> None:
    if not isinstance(levels.dtype, pd.CategoricalDtype) or not levels.dtype.ordered:
        raise ConfigError("not ordered levels", where="levels", got=str(levels.dtype))
    if not levels.index.equals(by.index):
        raise ConfigError("levels and groups are not of the same points", where="by",
                          expected="the index of levels")


def _product(method: str, factors: dict[str, Scores]) -> pd.Series:
    columns = {}
    for name, scores in factors.items():
        scale = rules.value(_PACK, _SCALES[method][name])
        column = scores if isinstance(scores, pd.Series) else pd.Series(np.atleast_1d(scores))
        off = column[column.notna() & ~column.isin(scale)]
        if len(off):
            raise ConfigError("a score off its scale", where=f"{name} of {off.index[0]}",
                              expected=f"one of {scale}", got=off.iloc[0],
                              mend="take the score of the published table; do not interpolate")
        columns[name] = column.astype(float)
    first, *others = columns.values()
    if not all(other.index.equals(first.index) for other in others):
        raise ConfigError("scores are not of the same points", where=", ".join(columns),
                          expected="one index")
    return pd.Series(np.prod(list(columns.values()), axis=0), index=first.index)

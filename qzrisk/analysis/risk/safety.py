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
    product = _product({"L": (L, "lec.likelihood"), "E": (E, "lec.exposure"),
                        "C": (C, "lec.consequence")})
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
    product = _product({"L": (L, "ls.likelihood"), "S": (S, "ls.severity")})
    level_of = {number: level for level, numbers in rules.value(_PACK, "ls.products").items()
                for number in numbers}
    return ordered(product.map(level_of).astype(object)).rename("ls")


def worst(levels: pd.Series, by: pd.Series) -> pd.Series:
    """Level of each enterprise: that of its worst risk point.

    Parameters
    ----------
    levels : Series of ordered levels, indexed point_id
    by : Series of enterprise ids on the same index

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
    by : Series of groups (county, sector) on the same index

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


def _product(factors: dict[str, tuple[Scores, str]]) -> pd.Series:
    columns = {}
    for name, (scores, rule) in factors.items():
        column = scores if isinstance(scores, pd.Series) else pd.Series(np.atleast_1d(scores))
        scale = rules.value(_PACK, rule)
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



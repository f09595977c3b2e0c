"""Bounds frozen to text and read back, so that next year's map means the same; the risk matrix."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from qzrisk import rules
from qzrisk.analysis.classify.schemes import RELATIVE_SCHEMES
from qzrisk.errors import ConfigError
from qzrisk.levels import FOUR_LEVELS, ordered


class FrozenBounds(NamedTuple):
    """Bounds of one indicator with what a reader must know of them.

    Attributes
    ----------
    indicator : what was classed, with its unit in `unit`.
    scheme : how the bounds were found.
    upper : k upper bounds, right-closed; the top level is open.
    period : year or data that froze them.
    method : how an index was formed and weighted, so that next year's is formed alike; or "".
    """

    indicator: str
    unit: str
    scheme: str
    upper: tuple[float, ...]
    period: str = ""
    method: str = ""

    @property
    def relative(self) -> bool:
        """Whether the levels were relative to the data of `period` (a data-driven scheme)."""
        return self.scheme in RELATIVE_SCHEMES


def bounds_to_text(frozen: FrozenBounds) -> str:
    """Return bounds as TOML text that `parse_bounds` reads back to the last bit.

    Examples
    --------
    >>> frozen = FrozenBounds("flood_risk", "index", "quantile", (0.1, 0.2, 0.3), "2021")
    >>> parse_bounds(bounds_to_text(frozen)).upper
    (0.1, 0.2, 0.3)
    """
    upper = ", ".join("inf" if np.isinf(bound) else repr(float(bound)) for bound in frozen.upper)
    words = {key: getattr(frozen, key) for key in (
        "indicator", "unit", "scheme", "period", "method") if key != "method" or frozen.method}
    lines = [f"{key} = {_quoted(word)}" for key, word in words.items()]
    return "\n".join([*lines, f"upper = [{upper}]", ""])


def _quoted(word: str) -> str:
    """Quote as a TOML basic string: JSON's, but for the delete character that TOML forbids."""
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f")


def parse_bounds(text: str) -> FrozenBounds:
    """Return the bounds that `bounds_to_text` wrote.

    Raises
    ------
    ConfigError
        If the text is not TOML, lacks a key or has bounds that fall.
    """
    return _made(_toml(text))


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("frozen bounds cannot be read", got=repr(error),
                          mend="write them again with bounds_to_text") from error


def _made(table: Mapping[str, Any]) -> FrozenBounds:
    try:
        upper = tuple(float(bound) for bound in table["upper"])
        made = FrozenBounds(table["indicator"], table["unit"], table["scheme"], upper,
                            table.get("period", ""), table.get("method", ""))
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError("frozen bounds cannot be read", got=repr(error),
                          expected=", ".join(FrozenBounds._fields),
                          mend="write them again with bounds_to_text") from error
    if list(upper) != sorted(upper) or len(upper) < 2:
        raise ConfigError("frozen bounds must rise", where=made.indicator, got=upper)
    return made


SCALE = ("low", "high", "weight", "direction")
"""What is frozen of an indicator beside the bounds of the index that it enters."""


def index_to_text(bounds: Mapping[str, FrozenBounds], scale: pd.DataFrame) -> str:
    """Return everything that makes next year's index comparable, as TOML text.

    Parameters
    ----------
    bounds : name of an index -> its bounds
    scale : DataFrame indexed by indicator with the columns `SCALE`
        An index of normalised indicators means the same only on the same ranges and weights.
        A column ``definition`` (text), if there is one, says what was measured.

    Examples
    --------
    >>> frozen = FrozenBounds("risk", "index", "quantile", (0.1, 0.2, 0.3), "2021")
    >>> scale = pd.DataFrame({"low": 0.0, "high": 9.0, "weight": 1.0, "direction": 1}, ["rain_mm"])
    >>> bounds, scale = parse_index(index_to_text({"risk": frozen}, scale))
    >>> bounds["risk"].period, scale.loc["rain_mm", list(SCALE)].tolist()
    ('2021', [0.0, 9.0, 1.0, 1.0])
    """
    parts = [f"[bounds.{_quoted(name)}]\n{bounds_to_text(one)}" for name, one in bounds.items()]
    parts += [f"[scale.{_quoted(str(name))}]\n" + "".join(
        f"{key} = {float(row[key])!r}\n" for key in SCALE)
        + (f"definition = {_quoted(row['definition'])}\n" if "definition" in scale else "")
        for name, row in scale.iterrows()]
    return "\n".join(parts)


def parse_index(text: str) -> tuple[dict[str, FrozenBounds], pd.DataFrame]:
    """Return what `index_to_text` wrote; ``definition`` is "" where the file has none.

    Raises
    ------
    ConfigError
        If the text is not TOML or lacks a key, or bounds fall.
    """
    table = _toml(text)
    try:
        bounds = {str(name): _made(one) for name, one in table["bounds"].items()}
        rows = {str(name): [*(float(one[key]) for key in SCALE), str(one.get("definition", ""))]
                for name, one in table["scale"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError("a frozen index cannot be read", got=repr(error),
                          expected=f"[bounds.*] and [scale.*] with {', '.join(SCALE)}",
                          mend="take the file that the run wrote") from error
    return bounds, pd.DataFrame.from_dict(
        rows, orient="index", columns=[*SCALE, "definition"]).rename_axis("indicator")


def risk_matrix(
    likelihood: pd.Series,
    consequence: pd.Series,
    *,
    matrix: Sequence[Sequence[str]] | None = None,
) -> pd.Series:
    """Risk level from two ordered classes by a likelihood x consequence matrix.

    Parameters
    ----------
    likelihood, consequence : Series of ordered Categorical on one index
        As `classes` returns them, low to high.
    matrix : rows of level codes, optional
        Row: likelihood class, column: consequence class, both low to high; by default
        ``matrix.levels`` of the rule pack ``natural_hazard``.

    Returns
    -------
    Series of ordered Categorical over `FOUR_LEVELS`, indexed as `likelihood`
        NaN where either class is.

    Raises
    ------
    ConfigError
        If the indexes differ, an input is not ordered, or the matrix does not fit the classes.

    Examples
    --------
    >>> rank = pd.Series(pd.Categorical(["red", "blue"], categories=FOUR_LEVELS, ordered=True))
    >>> risk_matrix(rank, rank).tolist()
    ['red', 'blue']
    """
    table = np.asarray(
        rules.value("natural_hazard", "matrix.levels") if matrix is None else matrix, dtype=object
    )
    if not likelihood.index.equals(consequence.index):
        raise ConfigError("likelihood and consequence are not of the same units",
                          where="consequence", expected="the index of likelihood")
    for axis, (name, side) in enumerate((("likelihood", likelihood), ("consequence", consequence))):
        if not isinstance(side.dtype, pd.CategoricalDtype) or not side.dtype.ordered:
            raise ConfigError("not ordered classes", where=name, got=str(side.dtype),
                              mend="qz.classify.classes(...)")
        if table.ndim != 2 or table.shape[axis] != len(side.cat.categories):
            raise ConfigError("the matrix does not fit the classes", where=name,
                              expected=f"{len(side.cat.categories)} classes", got=table.shape)
    row, column = likelihood.cat.codes.to_numpy(), consequence.cat.codes.to_numpy()
    known = (row >= 0) & (column >= 0)
    level = np.where(known, table[row, column], None)
    return ordered(pd.Series(level, index=likelihood.index, dtype=object, name="risk"), FOUR_LEVELS)

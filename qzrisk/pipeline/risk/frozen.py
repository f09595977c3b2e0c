"""An index of an earlier year used again: its bounds, scales and weights, and what must agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from qzrisk.analysis import classify
from qzrisk.analysis.classify import FrozenBounds
from qzrisk.errors import ConfigError
from qzrisk.project import Indicator, Project

_DEFINING = ("measure", "source", "column", "where", "above", "bounds", "scores", "table",
             "radius_m", "max_cost_min", "mode")


def method(project: Project) -> str:
    """Return how the index is formed and weighted, as the frozen file says it."""
    return f"{project.risk.method}, {project.risk.weighting}"


def definitions(project: Project, tree: pd.DataFrame) -> pd.Series:
    """Return indicator -> what is measured, in one line: a range means nothing without it."""
    return pd.Series({entry.name: _definition(entry, *tree.loc[entry.name, ["dimension", "hazard"]])
                      for entry in project.risk.indicators}, dtype=object)


def _definition(entry: Indicator, dimension: str, hazard: str) -> str:
    said = {"dimension": dimension, "hazard": hazard,
            **{key: getattr(entry, key) for key in _DEFINING}}
    return "; ".join(f"{key} {_plain(value)}" for key, value in said.items()
                     if value not in ("", None, (), {}))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_plain(item)}" for key, item in sorted(value.items()))
    if isinstance(value, tuple):
        return ", ".join(map(_plain, value))
    return f"{float(value)!r}" if isinstance(value, (int, float)) else str(value)


def read(project: Project, tree: pd.DataFrame, fixed: pd.Series | None
         ) -> tuple[dict[str, FrozenBounds], pd.DataFrame | None]:
    """Return bounds and scales of the project's frozen file, ({}, None) without one.

    Parameters
    ----------
    project : its ``[risk]`` may name a file that an earlier run wrote
    tree : indicators of this year: dimension, hazard, direction
    fixed : their weights where no data decide on them, or None

    Raises
    ------
    ConfigError
        If the file cannot be read, or indicators, definitions, directions, weights or method are
        others than those frozen: the classes would not mean the same.
    """
    path = project.risk.frozen
    if path is None:
        return {}, None
    if project.risk.bounds:
        raise ConfigError("bounds are given twice", where=f"{project.file.name}: [risk]",
                          expected="frozen or bounds", got="both", mend="remove one of them")
    try:
        bounds, scale = classify.parse_index(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the frozen index cannot be read", where=str(path), got=repr(error),
                          expected="tables/risk_bounds.toml of an earlier run") from error
    if set(scale.index) != set(tree.index):
        raise ConfigError("the frozen index has other indicators", where=path.name,
                          expected=sorted(tree.index), got=sorted(scale.index),
                          mend="freeze it again, or restore the indicators")
    _compare(path.name, "directions", tree["direction"], scale["direction"])
    if fixed is not None:
        _compare(path.name, "weights", fixed, scale["weight"])
    made = definitions(project, tree)
    # Files of before definitions were kept have none to compare.
    _compare(path.name, "definitions", made, scale["definition"].where(
        scale["definition"] != "", made))
    ways = {one.method for one in bounds.values() if one.method}
    if ways - {method(project)}:
        raise ConfigError("the frozen index was formed another way", where=path.name,
                          expected=method(project), got=", ".join(sorted(ways)),
                          mend="freeze it again, or restore method and weighting")
    return bounds, scale


def _compare(where: str, what: str, now: pd.Series, then: pd.Series) -> None:
    then = then.reindex(now.index)
    same = now == then if now.dtype == object else np.isclose(
        now.astype(float), then.astype(float), atol=1e-9)
    if not np.all(same):
        name = now.index[~np.asarray(same, dtype=bool)][0]
        raise ConfigError(f"the frozen index has other {what}", where=f"{where}: {name}",
                          expected=now[name], got=then[name],
                          mend=f"freeze it again, or restore the {what}")

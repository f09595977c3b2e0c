"""Totals of the data against the official figures: official, found, difference, verdict."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from qzrisk.errors import ConfigError
from qzrisk.layers.findings import empty, findings, gather

VERDICTS = ("equal", "consistent", "differs", "not_in_data")
"""equal: the same number; consistent: equal within the official figure's own rounding; differs;
not_in_data: the project holds no layer that could tell."""


def read_official(path: str | Path) -> pd.DataFrame:
    """Read a file of official figures.

    Parameters
    ----------
    path : TOML with one ``[[figures]]`` table a figure: key, value, unit, year, form, sentence,
        source (a key of ``[sources]``); optional approximate, tolerance, and unit_id where the
        figure is of one unit

    Returns
    -------
    DataFrame indexed ``key`` (``<key>_<unit_id>`` for a figure of one unit), file order

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, lacks a field or names a key twice.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        table = pd.DataFrame(document["figures"])
        if "unit_id" in table:
            one = table["unit_id"].notna()
            table.loc[one, "key"] = table.loc[one, "key"] + "_" + table.loc[one, "unit_id"]
        table = table.set_index("key")
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise ConfigError("cannot read the official figures", where=str(path), got=str(error),
                          expected="[[figures]] tables with key, value, unit, year") from error
    if table.index.duplicated().any() or "value" not in table:
        raise ConfigError("official figures need unique keys and a value", where=str(path),
                          got=table.index[table.index.duplicated()].tolist())
    if "tolerance" not in table:
        table["tolerance"] = 0.0
    if "source" in table:
        table["source"] = table["source"].replace(document.get("sources", {}))
    return table


def reconcile(official: pd.DataFrame, found: Mapping[str, float]) -> pd.DataFrame:
    """Compare official figures with those found in the data.

    Parameters
    ----------
    official : DataFrame indexed ``key`` with ``value`` and ``tolerance`` (half the last printed
        digit of an official figure that is rounded; 0 for a count)
    found : key -> number found in the data

    Returns
    -------
    DataFrame indexed as `official`
        ``official, found, difference`` (found - official, NaN if not in the data) and ``verdict``.

    Examples
    --------
    >>> table = pd.DataFrame({"value": [100.0], "tolerance": [0.0]}, index=["shelters"])
    >>> reconcile(table, {"shelters": 99})["verdict"].item()
    'differs'
    """
    result = pd.DataFrame(index=official.index)
    result["official"] = official["value"].astype(float)
    result["found"] = pd.Series(dict(found), dtype=float).reindex(official.index)
    result["difference"] = result["found"] - result["official"]
    off = result["difference"].abs()
    result["verdict"] = "differs"
    # Sums of float figures (万) carry rounding noise far below any printed digit.
    result.loc[off <= official["tolerance"].fillna(0.0) + 1e-6, "verdict"] = "consistent"
    result.loc[off <= 1e-6, "verdict"] = "equal"
    result.loc[result["found"].isna(), "verdict"] = "not_in_data"
    return result


def disagreements(table: pd.DataFrame, *, language: str) -> pd.DataFrame:
    """Return a finding for each figure whose verdict is ``"differs"``."""
    bad = table[table["verdict"] == "differs"]
    return gather(
        findings("not_reconciled", "warning", layer="official", language=language, field=str(key),
                 values=[f"{row['found']:g}"], expected=f"{row['official']:g}")
        for key, row in bad.iterrows()) if len(bad) else empty()

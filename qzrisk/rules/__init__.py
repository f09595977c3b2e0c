"""Rule packs as data: every threshold with its unit, its source and how sure we are of it.

A pack is one TOML file beside this module. Its tables end in entries
``{value, unit, source, confidence}``; `CONFIDENCE` says what the last word means.
"""

from __future__ import annotations

import tomllib
from copy import deepcopy
from difflib import get_close_matches
from functools import cache
from importlib import resources
from typing import Any

from qzrisk.errors import ConfigError

Entry = dict[str, Any]

FIELDS = ("value", "unit", "source", "confidence")
CONFIDENCE = {
    "read": "read in the cited source",
    "secondary": "read in a secondary page only: check before relying on it",
    "known": "common professional knowledge, source not read",
    "assumed": "an assumption: confirm or replace it locally",
    "computed": "computed and reproducible",
}
"""Words of an entry's ``confidence``."""


def names() -> list[str]:
    """Return the names of all rule packs.

    Examples
    --------
    >>> "work_safety" in names()
    True
    """
    files = (file.name for file in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml"))


def load(name: str) -> dict[str, Any]:
    """Return a rule pack: nested tables that end in entries.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    dict
        The caller's own copy; each entry holds ``value, unit, source, confidence``.

    Raises
    ------
    ConfigError
        If no pack has that name (the nearest is named), or the pack has a malformed entry.

    Examples
    --------
    >>> load("work_safety")["lec"]["bounds"]["value"]
    [70, 160, 320]
    """
    return deepcopy(_read(name))


def entry(name: str, key: str) -> Entry:
    """Return one entry of a pack by its dotted key.

    Parameters
    ----------
    name : str
        One of `names`.
    key : str
        Dotted path, e.g. ``"lec.bounds"``.

    Returns
    -------
    dict with ``value, unit, source, confidence``

    Raises
    ------
    ConfigError
        If the pack or the entry is unknown; the nearest is named.

    Examples
    --------
    >>> entry("work_safety", "lec.bounds")["confidence"]
    'known'
    """
    found = _entries(_read(name))
    if key not in found:
        raise _unknown("entry", key, sorted(found), where=f"rule pack {name}")
    return deepcopy(found[key])


def entries(name: str) -> dict[str, Entry]:
    """Return every entry of a pack by its dotted key.

    Examples
    --------
    >>> sorted(entries("work_safety"))[0]
    'lec.bounds'
    """
    return deepcopy(_entries(_read(name)))


def value(name: str, key: str) -> Any:
    """Return the value alone of one entry; parameters and errors as `entry`.

    Examples
    --------
    >>> value("work_safety", "ls.likelihood")
    [1, 2, 3, 4, 5]
    """
    return entry(name, key)["value"]


def _unknown(what: str, got: str, known: list[str], *, where: str) -> ConfigError:
    near = get_close_matches(got, known, n=1, cutoff=0.0)
    return ConfigError(
        f"unknown {what}",
        where=where,
        expected=f"one of {', '.join(known)}",
        got=repr(got),
        mend=f"did you mean {near[0]!r}?" if near else "",
    )


def _entries(table: dict[str, Any], path: str = "") -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for key, item in table.items():
        where = f"{path}{key}"
        if not isinstance(item, dict):
            raise ConfigError("a rule outside an entry", where=where, expected=FIELDS, got=item)
        if "value" in item:
            found[where] = item
        else:
            found |= _entries(item, f"{where}.")
    return found


@cache
def _read(name: str) -> dict[str, Any]:
    if name not in names():
        raise _unknown("rule pack", name, names(), where="rules")
    file = resources.files(__package__) / f"{name}.toml"
    pack = tomllib.loads(file.read_text(encoding="utf-8"))
    check(pack, where=name)
    return pack


def check(pack: dict[str, Any], *, where: str) -> None:
    """Raise ConfigError unless every entry has exactly the four fields and a known confidence.

    Examples
    --------
    >>> check({"a": {"value": 1, "unit": "m", "source": "x", "confidence": "known"}}, where="mine")
    """
    for key, item in _entries(pack).items():
        if set(item) != set(FIELDS) or item["confidence"] not in CONFIDENCE:
            raise ConfigError(
                "malformed rule entry",
                where=f"{where}: {key}",
                expected=f"{', '.join(FIELDS)}; confidence one of {', '.join(CONFIDENCE)}",
                got=item,
            )

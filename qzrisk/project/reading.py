"""TOML -> settings: keys known, values of their kind, choices valid, paths absolute."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from qzrisk.errors import ConfigError
from qzrisk.project.settings import Coverage, Indicator, Project, RasterSource, Risk, Source, WebMap

Made = TypeVar("Made")

_PATHS = {"path", "units", "official", "frozen"}
_SECTIONS = ("project", "source", "raster", "coverage", "risk", "map")
_CHOICES = {
    "language": ("zh", "en"),
    "audience": ("public", "internal"),
    "variant": ("colour", "colour_blind", "grey"),
    "datum": ("as_is", "auto", "gcj02", "bd09"),
    "direction": (1, -1),
    "roads": ("before", "during"),
    "within": ("village", "town", "county", "city"),
    "dimension": ("hazard", "exposure", "vulnerability", "capacity"),
    "missing": ("exclude", "median", "fail"),
    "mode": ("walk", "drive"),
    "levels": (4, 5),
    "method": ("arithmetic", "geometric", "product", "maximum", "topsis"),
    "weighting": ("manual", "equal", "entropy", "critic", "combined", "ahp"),
}


# Annotation -> what TOML may give for it, and how to say so.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text in quotes"),
    "Path": ((str,), "a path in quotes"),
    "Path | None": ((str,), "a path in quotes"),
    "bool": ((bool,), "true or false"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "float | None": ((int, float), "a number"),
    "tuple[float, ...]": ((list,), "a list of numbers in [ ]"),
    "tuple[str, ...]": ((list,), "a list of texts in [ ]"),
    "tuple[Sequence[float], ...]": ((list,), "a list of rows in [ ]"),
    "Mapping[str, float]": ((dict,), "a table { \"code\" = score }"),
    "Mapping[str, str]": ((dict,), 'a table { "header" = "column" }'),
    "Mapping[str, Path]": ((dict,), 'a table { layer = "path" }'),
}


def read(file: Path) -> Project:
    """Return the settings in a project.toml as they stand there; `checks` judges them.

    Raises
    ------
    ConfigError
        If the file is not TOML in UTF-8, a key is unknown or missing or a value of the wrong kind.
    """
    document = _parse(file)
    refuse_unknown(document, _SECTIONS, file.name)
    if "project" not in document:
        raise ConfigError("no [project] section", where=file.name, mend="see qzrisk init")
    return _assemble(document, file)


def refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    """Raise on the first key that is not known, and name the nearest one that is."""
    known = sorted(known)
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            raise ConfigError(
                f"unknown key {key!r}", where=where, expected=", ".join(known),
                mend=f"did you mean {near[0]!r}?" if near else "remove the key",
            )


def _make(kind: type[Made], entry: Mapping[str, Any], *, root: Path, where: str,
          assembled: Mapping[str, Any] | None = None) -> Made:
    """Build a dataclass from a TOML table: keys known, choices valid, paths absolute.

    `assembled` are values made already, from other tables of the file.
    """
    ready = dict(assembled or {})
    if not isinstance(entry, Mapping):
        raise ConfigError("expected a table", where=where, got=entry)
    known = {f.name: f for f in fields(kind) if f.name not in ready}  # type: ignore[arg-type]
    refuse_unknown(entry, known, where)
    needed = [name for name, f in known.items()
              if f.default is MISSING and f.default_factory is MISSING]
    for name in needed:
        if name not in entry:
            raise ConfigError(f"missing key {name!r}", where=where, mend=f"add {name} = ...")
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key in _CHOICES and value not in _CHOICES[key]:
            raise ConfigError(f"bad value of {key!r}", where=where, expected=_CHOICES[key],
                              got=repr(value))
        kinds, words = _KINDS.get(str(known[key].type), ((object,), ""))
        number_wanted = int in kinds
        if not isinstance(value, kinds) or (number_wanted and isinstance(value, bool)):
            raise ConfigError(f"{key!r} must be {words}", where=where, got=repr(value))
        if isinstance(value, list):
            value = tuple(value)
        if isinstance(value, dict) and "Path" in str(known[key].type):
            value = {name: root / str(path) for name, path in value.items()}
        values[key] = root / value if key in _PATHS else value
    return kind(**values, **ready)


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError("project.toml must be UTF-8", where=str(file), got=str(error),
                          mend="save it as UTF-8 in your editor") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("project.toml is not valid TOML", where=str(file), got=str(error),
                          mend="mend the line named") from error


def _assemble(document: Mapping[str, Any], file: Path) -> Project:
    root = file.parent

    def many(kind: type[Made], section: str, entries: Any) -> tuple[Made, ...]:
        return tuple(_make(kind, entry, root=root, where=f"{file.name}: [[{section}]] no. {number}")
                     for number, entry in enumerate(entries or (), start=1))

    risk = dict(document.get("risk", {}))
    indicators = many(Indicator, "risk.indicators", risk.pop("indicators", ()))
    values = dict(document["project"])
    assembled = {
        "file": file,
        "sources": many(Source, "source", document.get("source")),
        "rasters": many(RasterSource, "raster", document.get("raster")),
        "coverage": _make(Coverage, document.get("coverage", {}), root=root,
                          where=f"{file.name}: [coverage]"),
        "risk": replace(_make(Risk, risk, root=root, where=f"{file.name}: [risk]"),
                        indicators=indicators),
        "web_map": _make(WebMap, document.get("map", {}), root=root,
                         where=f"{file.name}: [map]"),
    }
    return _make(Project, values, root=root, where=f"{file.name}: [project]", assembled=assembled)

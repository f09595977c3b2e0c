"""What no single key can tell: files that are missing, numbers and names that clash."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from qzrisk.crs import require_projected
from qzrisk.errors import ConfigError
from qzrisk.layers.schema import schema
from qzrisk.project.reading import refuse_unknown
from qzrisk.project.settings import Project

REQUIRED_LAYERS = ("boundaries", "demand", "shelters")
"""Layers without which no stage can work."""


def check_inputs(project: Project) -> None:
    """Refuse settings with which no stage could work: layers, numbers, names, day and CRS."""
    for source in project.sources:
        schema(source.layer)
    _check_numbers(project)
    _check_names(project)
    if type(project.as_of) is not dt.date:
        raise ConfigError("as_of must be a date", where=f"{project.file.name}: [project]",
                          expected="as_of = 2021-12-31", got=repr(project.as_of))
    require_projected(project.crs, where=f"{project.file.name}: [project] crs")


def check_files(project: Project) -> None:
    """Refuse a project whose input files are not all there, and name those that are not."""
    wanted = [project.units, *(s.path for s in project.sources if not s.optional),
              *(r.path for r in project.rasters), *([project.official] if project.official else []),
              *([project.risk.frozen] if project.risk.frozen else []),
              *project.decisions.values()]
    missing = [str(path) for path in dict.fromkeys(wanted) if not path.exists()]
    if missing:
        raise ConfigError("missing input files" if len(missing) > 1 else "missing input file",
                          where=", ".join(missing),
                          expected="the files named in project.toml", got="nothing there",
                          mend=f"put them there, or correct {project.file.name}")


def _check_numbers(project: Project) -> None:
    """Refuse limits, bounds and weights that no stage could work with."""
    where = project.file.name
    if not project.public_step_deg > 0:
        raise ConfigError("public_step_deg must be positive", where=f"{where}: [project]",
                          expected="> 0", got=project.public_step_deg)
    limits = project.coverage.thresholds_m
    if not limits:
        raise ConfigError("thresholds_m needs at least one limit", where=f"{where}: [coverage]")
    for key, unit in (("thresholds_m", "metres"), ("thresholds_min", "minutes")):
        steps = getattr(project.coverage, key)
        if not all(step >= 1 for step in steps) or len({f"{s:.0f}" for s in steps}) < len(steps):
            raise ConfigError(f"{key} must be positive and differ by whole {unit}",
                              where=f"{where}: [coverage]", got=list(steps))
    if project.coverage.map_threshold_m not in limits:
        raise ConfigError("map_threshold_m must be one of thresholds_m",
                          where=f"{where}: [coverage]", expected=list(limits),
                          got=project.coverage.map_threshold_m)
    bounds, levels = project.risk.bounds, project.risk.levels
    if bounds and (len(bounds) != levels or any(a >= b for a, b in pairwise(bounds))):
        raise ConfigError("bounds must be rising numbers, one a level, the last the maximum",
                          where=f"{where}: [risk]", expected=f"{levels} numbers",
                          got=list(bounds), mend="or change levels")
    if project.risk.draws < 1 or project.risk.concentration <= 0 or project.risk.data_error < 0:
        raise ConfigError("draws and concentration must be positive, data_error not negative",
                          where=f"{where}: [risk]", got=[
                              project.risk.draws, project.risk.concentration,
                              project.risk.data_error])
    weights = [entry.weight for entry in project.risk.indicators]
    if weights and (min(weights) < 0 or sum(weights) <= 0):
        raise ConfigError("weights must not be negative and not all 0",
                          where=f"{where}: [[risk.indicators]]", got=weights)


def _check_names(project: Project) -> None:
    """Refuse names that stand for two things, layers that are missing, and half a pair x, y."""
    where = project.file.name
    for section, names in (("raster", [r.name for r in project.rasters]),
                           ("risk.indicators", [e.name for e in project.risk.indicators])):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError("two entries of one name", where=f"{where}: [[{section}]]",
                              got=", ".join(twice), mend="give each its own name")
    kinds: dict[str, str] = {}
    for source in project.sources:
        name = source.name or source.layer
        if kinds.setdefault(name, source.layer) != source.layer or name == "units":
            raise ConfigError("a name that stands for another layer already",
                              where=f"{where}: [[source]] {source.path.name}", got=name)
        if bool(source.x) != bool(source.y):
            raise ConfigError("x and y go together", where=f"{where}: [[source]] "
                              f"{source.path.name}", got=f"x = {source.x!r}, y = {source.y!r}")
    refuse_unknown(project.decisions, kinds, f"{where}: [project] decisions")
    absent = [name for name in REQUIRED_LAYERS if name not in kinds]
    if absent:
        raise ConfigError("a layer that every project needs is missing", where=where,
                          expected=", ".join(REQUIRED_LAYERS), got=", ".join(kinds) or "none",
                          mend=f'add a [[source]] with layer = "{absent[0]}"')

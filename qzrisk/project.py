"""project.toml -> a frozen Project: the only place that knows which city this is."""

from __future__ import annotations

import datetime as dt
import difflib
import glob
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from qzrisk.crs import require_projected
from qzrisk.errors import ConfigError
from qzrisk.layers.schema import schema

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file that feeds a layer or table.

    Attributes
    ----------
    layer : name of the schema; several sources may feed one layer.
    path : the file.
    name : name of the layer in the project where it differs from the schema (context layers).
    table : layer or sheet inside the file, or "" for its only one.
    source_crs : CRS of a file that carries none, or "".
    datum : ``"as_is"``, ``"gcj02"``, ``"bd09"``, or ``"auto"`` to let it be told and shifted back.
    encoding : text encoding, or "" to detect it.
    columns : header in the file -> canonical column, where aliases are not enough.
    x, y : columns of coordinates in a table of points, or "".
    optional : a missing file is a note, not an error.
    """

    layer: str
    path: Path
    name: str = ""
    table: str = ""
    source_crs: str = ""
    datum: str = "as_is"
    encoding: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    x: str = ""
    y: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterSource:
    """One raster of the project: `kind` is the hazard or theme, `unit` its unit."""

    name: str
    path: Path
    unit: str = ""
    kind: str = ""
    return_period_years: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One indicator of the risk index: a leaf of the tree.

    Attributes
    ----------
    name : machine name with its unit.
    dimension : ``"hazard"``, ``"exposure"``, ``"vulnerability"`` or ``"capacity"``.
    measure : how it is computed from the project's layers
        (``pipeline.risk.measures.MEASURES``, each with the keys that it wants).
    source : raster, layer, table or column that the measure reads.
    direction : +1 raises risk, -1 lowers it.
    weight : share in the composite index; the weights are scaled to sum 1.
    hazard : which hazard a hazard indicator speaks of; by default the kind of its raster.
    unit : its unit, printed.
    missing : ``"exclude"`` (a unit without it has no score), ``"median"`` (of the known units,
        flagged) or ``"fail"``.
    column : column of the layer that is summed, or of the table that is read.
    where : column -> value, the things of the layer that count.
    above : value that cells must exceed (``raster_share``).
    bounds, scores : inner bounds of classes and one score a class (``raster_class``), or `table`:
        code -> score.
    radius_m : of the kernel (``kernel_density``).
    max_cost_min : minutes that stand for out of reach (``nearest_cost_min``).
    mode : ``"walk"`` or ``"drive"`` (``nearest_cost_min``).
    zh, en : words.
    """

    name: str
    dimension: str
    measure: str
    direction: int
    weight: float
    zh: str
    en: str
    source: str = ""
    hazard: str = ""
    unit: str = ""
    missing: str = "exclude"
    column: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    above: float | None = None
    bounds: tuple[float, ...] = ()
    scores: tuple[float, ...] = ()
    table: Mapping[str, float] = field(default_factory=dict)
    radius_m: float | None = None
    max_cost_min: float | None = None
    mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How coverage by shelters is measured.

    Attributes
    ----------
    thresholds_m : ladder of straight distances.
    map_threshold_m : the one of them used in the map of residents and in the risk index.
    thresholds_min : ladder of minutes on foot by road.
    hazards : hazards for which people are allocated to shelters and maps are drawn; empty for the
        one with the most persons to be moved.
    roads : ``"before"``: people are moved before the hazard, while roads are open (those that
        ``closed_by`` names are shut); ``"during"``: flooded roads are shut as well.
    within : unit in which people are placed first, ``"village"``, ``"town"`` or ``"county"``; who
        finds no place there is placed elsewhere in the county. ``"city"``: no unit matters.
    split : may the people of one cell be placed in several shelters. If not, every cell goes to one
        shelter as a whole, and the plan states its gap.
    """

    thresholds_m: tuple[float, ...] = (500.0, 1000.0, 2000.0)
    map_threshold_m: float = 1000.0
    thresholds_min: tuple[float, ...] = (5.0, 10.0, 15.0, 30.0)
    hazards: tuple[str, ...] = ()
    roads: str = "before"
    within: str = "town"
    split: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """The risk index: how indicators become scores, scores become levels, and how sure that is.

    Attributes
    ----------
    scheme : how the bounds of the levels are found; `bounds` : those of the composite, fixed.
    levels : number of classes, 4 or 5.
    frozen : file of bounds and ranges that an earlier run wrote, or None.
    method : ``"arithmetic"``, ``"geometric"``, ``"product"`` (H x E x V / C), ``"maximum"`` or
        ``"topsis"``.
    weighting : ``"manual"`` (those of the indicators), ``"equal"``, ``"entropy"``, ``"critic"``,
        ``"combined"`` (manual times entropy) or ``"ahp"`` (`judgements` on the dimensions).
    judgements : comparison matrix over hazard, exposure, vulnerability, capacity (those that
        have indicators); inside a dimension the weights of the indicators share.
    draws, concentration, data_error : Monte Carlo of the confidence, see ``risk.rank_stability``.
    indicators : leaves of the tree.
    """

    scheme: str = "natural_breaks"
    levels: int = 4
    bounds: tuple[float, ...] = ()
    frozen: Path | None = None
    method: str = "arithmetic"
    weighting: str = "manual"
    judgements: tuple[Sequence[float], ...] = ()
    draws: int = 1000
    concentration: float = 100.0
    data_error: float = 0.03
    indicators: tuple[Indicator, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebMap:
    """Tiles under the interactive maps, from a service and with a key of the user's own.

    Attributes
    ----------
    tiles : addresses, drawn first to last (Tianditu: the ground, then its names); ``{z}``, ``{x}``,
        ``{y}`` for the tile, ``{s}`` for one of several hosts, ``{key}`` for the key. Empty, as by
        default: the project's own layers are the ground and no page asks any network.
    key : the key, or "" for none; it can be read in every page drawn with it.
    key_env : name of the environment variable that holds the key where the file should not.
    subdomains : what ``{s}`` stands for, a character each.
    credit : line that the service asks to be shown.
    max_zoom : the most detailed zoom of the service.
    """

    tiles: tuple[str, ...] = ()
    key: str = field(default="", repr=False)
    key_env: str = ""
    subdomains: str = "01234567"
    credit: str = ""
    max_zoom: int = 18

    def addresses(self) -> tuple[str, ...]:
        """Return the addresses with the key filled in.

        Raises
        ------
        ConfigError
            If an address asks for a key and none is given.
        """
        key = self.key or (os.environ.get(self.key_env, "") if self.key_env else "")
        if not key and any("{key}" in address for address in self.tiles):
            raise ConfigError(
                "the tiles ask for a key", where="[map] tiles", got="no key",
                expected='key = "..." or key_env = "NAME" of a variable that is set',
                mend="or remove tiles: the maps need none")
        return tuple(address.replace("{key}", quote(key)) for address in self.tiles)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A city and its files, read from project.toml.

    Attributes
    ----------
    file : the project.toml; every relative path starts at its folder.
    name : short machine name; zh, en : name of the city.
    crs : projected CRS in metres in which everything is measured.
    as_of : the date the figures speak of; printed instead of a clock time.
    language : ``"zh"`` or ``"en"``; audience : ``"public"`` or ``"internal"``.
    seed : seed of everything random.
    synthetic : True if generated data are among the inputs; then every product says so.
    source_zh, source_en : source line printed on products.
    no_data_zh, no_data_en : note on units outside the statistics.
    map_number : 审图号, or "".
    decisions : layer -> file of decisions on pairs of records that may be one, see
        `layers.dedupe`.
    public_step_deg : degrees to which points are rounded for the public.
    variant : ``"colour"``, ``"colour_blind"`` (hatched as well) or ``"grey"`` for black-and-white
        print; of the static maps.
    units : membership table; official : TOML of official figures, or None.
    sources, rasters, coverage, risk, web_map : see their classes.
    """

    file: Path
    name: str
    zh: str
    en: str
    crs: str
    as_of: dt.date
    units: Path
    language: str = "zh"
    audience: str = "public"
    seed: int = 0
    synthetic: bool = False
    source_zh: str = ""
    source_en: str = ""
    no_data_zh: str = ""
    no_data_en: str = ""
    map_number: str = ""
    public_step_deg: float = 0.001
    variant: str = "colour"
    official: Path | None = None
    decisions: Mapping[str, Path] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    rasters: tuple[RasterSource, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    risk: Risk = field(default_factory=Risk)
    web_map: WebMap = field(default_factory=WebMap)

    @property
    def root(self) -> Path:
        """Folder of project.toml."""
        return self.file.parent

    def word(self, stem: str) -> str:
        """Return the attribute ``<stem>_<language>``, or the city's name for ``"title"``."""
        if stem == "title":
            return self.zh if self.language == "zh" else self.en
        return str(getattr(self, f"{stem}_{self.language}"))

    def kinds(self) -> dict[str, str]:
        """Return name of each layer or table -> name of its schema."""
        return {source.name or source.layer: source.layer for source in self.sources}

    def files(self) -> list[Path]:
        """Return every input file that exists, project.toml first."""
        paths = [self.file, self.units, *(p for s in self.sources for p in _with_sidecars(s.path)),
                 *(r.path for r in self.rasters), *([self.official] if self.official else []),
                 *([self.risk.frozen] if self.risk.frozen else []), *self.decisions.values()]
        return [path for path in dict.fromkeys(paths) if path.exists()]

    def with_(self, **changes: Any) -> Project:
        """Return a copy with some attributes changed."""
        return replace(self, **changes)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{source.name or source.layer}</td><td>{source.path.name}</td></tr>"
            for source in self.sources
        )
        return f"<b>{self.zh} / {self.en}</b> · {self.crs} · {self.as_of}<table>{rows}</table>"


def _with_sidecars(path: Path) -> list[Path]:
    """Return a file; for a shapefile and a folder (.gdb) the files that belong to it."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    if path.suffix.lower() != ".shp":
        return [path]
    return sorted(file for file in path.parent.glob(f"{glob.escape(path.stem)}.*"))


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


def _refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
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
    _refuse_unknown(entry, known, where)
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


def open_project(path: str | Path = "project.toml", *, files: bool = True) -> Project:
    """Read a project.toml.

    Parameters
    ----------
    path : file, or the folder that holds ``project.toml``
    files : whether its input files must be there; a form is written before any data has come

    Returns
    -------
    Project

    Raises
    ------
    ConfigError
        If the file is missing or not TOML, a key is unknown (the nearest known one is named) or
        missing, a value is of the wrong kind, or an input file does not exist.
    CRSError
        If the project CRS is not projected in metres.
    """
    file = Path(path).absolute()
    if file.is_dir():
        file = file / "project.toml"
    if not file.is_file():
        raise ConfigError("no project file", where=str(file), expected="a project.toml",
                          mend="qzrisk init DIR makes one")
    document = _parse(file)
    _refuse_unknown(document, _SECTIONS, file.name)
    if "project" not in document:
        raise ConfigError("no [project] section", where=file.name, mend="see qzrisk init")
    project = _assemble(document, file)
    _check_inputs(project)
    if files:
        _check_files(project)
    return project


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


REQUIRED_LAYERS = ("boundaries", "demand", "shelters")
"""Layers without which no stage can work."""


def _check_inputs(project: Project) -> None:
    for source in project.sources:
        schema(source.layer)
    _check_numbers(project)
    _check_names(project)
    if type(project.as_of) is not dt.date:
        raise ConfigError("as_of must be a date", where=f"{project.file.name}: [project]",
                          expected="as_of = 2021-12-31", got=repr(project.as_of))
    require_projected(project.crs, where=f"{project.file.name}: [project] crs")


def _check_files(project: Project) -> None:
    wanted = [project.units, *(s.path for s in project.sources if not s.optional),
              *(r.path for r in project.rasters), *([project.official] if project.official else []),
              *([project.risk.frozen] if project.risk.frozen else []),
              *project.decisions.values()]
    missing = [str(path) for path in dict.fromkeys(wanted) if not path.exists()]
    if missing:
        raise ConfigError("missing input file" + "s" * (len(missing) > 1),
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
    _refuse_unknown(project.decisions, kinds, f"{where}: [project] decisions")
    absent = [name for name in REQUIRED_LAYERS if name not in kinds]
    if absent:
        raise ConfigError("a layer that every project needs is missing", where=where,
                          expected=", ".join(REQUIRED_LAYERS), got=", ".join(kinds) or "none",
                          mend=f'add a [[source]] with layer = "{absent[0]}"')


__all__ = ["Coverage", "Indicator", "Project", "RasterSource", "Risk", "Source",
           "WebMap", "open_project"]

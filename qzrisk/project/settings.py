"""What project.toml may say, as frozen dataclasses: the files, the methods, the city."""

from __future__ import annotations

import datetime as dt
import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qzrisk.errors import ConfigError


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

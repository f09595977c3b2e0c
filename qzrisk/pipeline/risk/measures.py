"""How the indicators of project.toml are measured by village: a table of measures."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import geopandas as gpd
import pandas as pd

from qzrisk import rules
from qzrisk.analysis import indicators as _indicators
from qzrisk.analysis import network, raster, zonal
from qzrisk.errors import ConfigError, CRSError
from qzrisk.grid import Raster, gather
from qzrisk.layers.schema import schemas
from qzrisk.pipeline.load import Loaded
from qzrisk.project import Indicator
from qzrisk.units import ancestors, in_statistics, share

_OPTIONS = ("column", "where", "above", "bounds", "scores", "table", "radius_m", "max_cost_min",
            "mode")

_TOLD = 20
"""Values of a column told at most."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a measure may read.

    Attributes
    ----------
    loaded : layers, tables, rasters.
    coverage : village table of coverage by all residents.
    entries : the indicators, so that the means of all rasters are taken at once.
    """

    loaded: Loaded
    coverage: pd.DataFrame
    entries: tuple[Indicator, ...]

    @cached_property
    def villages(self) -> gpd.GeoDataFrame:
        """Polygons of the villages."""
        boundaries = self.loaded.layers["boundaries"]
        return boundaries[boundaries["level"] == "village"]

    @cached_property
    def zonal(self) -> pd.DataFrame:
        """``<raster>_mean`` and ``<raster>_sum`` by village, of every raster that is asked for."""
        names = {entry.source for entry in self.entries
                 if entry.measure in ("raster_mean", "raster_sum")}
        return zonal.zonal_stats({name: self.loaded.rasters[name] for name in sorted(names)},
                                 self.villages, ("mean", "sum"))

    @cached_property
    def cells(self) -> gpd.GeoDataFrame:
        """Demand points with persons and a known village."""
        demand = self.loaded.layers["demand"]
        return demand[demand["unit_id"].isin(self.villages.index)]

    def raster(self, entry: Indicator) -> Raster:
        """Return the raster of an indicator."""
        if entry.source not in self.loaded.rasters:
            raise _without("raster", entry, list(self.loaded.rasters))
        return self.loaded.rasters[entry.source]

    def things(self, entry: Indicator) -> gpd.GeoDataFrame:
        """Return the features of an indicator's layer that count."""
        if entry.source not in self.loaded.layers:
            raise _without("layer", entry, list(self.loaded.layers))
        frame = self.loaded.layers[entry.source]
        if frame.empty and len(self.loaded.quarantine.get(entry.source, ())):
            raise ConfigError("an indicator of a layer whose rows are all in quarantine",
                              where=_where(entry), got=entry.source, expected="accepted rows",
                              mend="qzrisk check says what is wrong with them")
        for column, value in entry.where.items():
            _require_column(frame, column, entry)
            frame = frame[_holding(frame[column], str(value), entry)]
        return frame

    def numbers(self, entry: Indicator, frame: pd.DataFrame) -> pd.Series | None:
        """Return the column that an indicator sums, or None where it counts things."""
        if not entry.column:
            return None
        _require_column(frame, entry.column, entry)
        return _as_numbers(frame[entry.column], entry)

    def grid(self, entry: Indicator) -> Raster:
        """Return the raster whose cells distances and densities are computed for."""
        if not self.loaded.rasters:
            raise ConfigError("an indicator that needs a grid", where=_where(entry),
                              expected="at least one [[raster]]", got="none",
                              mend="add a raster, or use distance_persons_m")
        return next(iter(self.loaded.rasters.values()))


def _where(entry: Indicator) -> str:
    return f"risk.indicators {entry.name}"


def _without(what: str, entry: Indicator, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(entry.source, known, n=1, cutoff=0.5)
    return ConfigError(f"indicator without its {what}", where=_where(entry),
                       expected=", ".join(known) or f"a {what}", got=repr(entry.source),
                       mend=f"did you mean {near[0]!r}?" if near else f"set source to a {what}")


def _require_column(frame: pd.DataFrame, column: str, entry: Indicator) -> None:
    if column not in frame:
        near = difflib.get_close_matches(column, list(frame.columns), n=1, cutoff=0.5)
        raise ConfigError("indicator without its column", where=_where(entry),
                          expected=", ".join(map(str, frame.columns)), got=column,
                          mend=f"did you mean {near[0]!r}?" if near else "")


def _holding(values: pd.Series, code: str, entry: Indicator) -> pd.Series:
    """Tell where a column holds a code, alone or among several joined by ``;``."""
    words = values.astype("str")
    found = (";" + words + ";").str.contains(f";{code};", regex=False).fillna(False).astype(bool)
    known = schemas()[entry.source].columns if entry.source in schemas() else {}
    allowed = known[values.name].codes if values.name in known else ()
    if len(values) and not found.any() and code not in allowed:
        seen = sorted({*allowed, *words.dropna().unique()[:_TOLD]})
        near = difflib.get_close_matches(code, seen, n=1, cutoff=0.5)
        raise ConfigError(f"no {entry.source} of this {values.name}", where=_where(entry),
                          expected=", ".join(seen), got=repr(code),
                          mend=f"did you mean {near[0]!r}?" if near else "correct where")
    return found


def _as_numbers(values: pd.Series, entry: Indicator) -> pd.Series:
    try:
        return values.astype(float)
    except (TypeError, ValueError) as error:
        raise ConfigError("an indicator of a column that holds no numbers", where=_where(entry),
                          expected="a column of numbers", got=f"{values.name}: {error}",
                          mend="choose another column") from error


def _raster_mean(entry: Indicator, given: Inputs) -> pd.Series:
    return given.zonal[f"{entry.source}_mean"]


def _raster_sum(entry: Indicator, given: Inputs) -> pd.Series:
    return given.zonal[f"{entry.source}_sum"]


def _raster_share(entry: Indicator, given: Inputs) -> pd.Series:
    assert entry.above is not None
    return _indicators.share_above(given.raster(entry), given.villages, entry.above)


def _raster_class(entry: Indicator, given: Inputs) -> pd.Series:
    if bool(entry.table) == bool(entry.scores):
        raise ConfigError("classes are scored by bounds and scores, or by a table",
                          where=_where(entry), expected="bounds + scores, or table",
                          got="both" if entry.table else "neither")
    if entry.scores:
        return _indicators.class_score(given.raster(entry), given.villages, entry.scores,
                                       bounds=entry.bounds)
    return _indicators.class_score(given.raster(entry), given.villages,
                                   {float(code): score for code, score in entry.table.items()})


def _raster_persons_mean(entry: Indicator, given: Inputs) -> pd.Series:
    cells = given.cells
    return _indicators.persons_mean(given.raster(entry).sample(cells), cells["persons"],
                                    cells["unit_id"], given.villages.index)


def _density(_: Indicator, given: Inputs) -> pd.Series:
    return share(given.coverage["persons"], _area_km2(given))


def _area_km2(given: Inputs) -> pd.Series:
    return given.villages["area_m2"] / 1e6


def _age_share(_: Indicator, given: Inputs) -> pd.Series:
    dependent = given.coverage["elderly_persons"] + given.coverage["children_persons"]
    return share(dependent, given.coverage["persons"])


def _column(entry: Indicator, given: Inputs) -> pd.Series:
    _require_column(given.coverage, entry.source, entry)
    return given.coverage[entry.source]


def _count(entry: Indicator, given: Inputs) -> pd.Series:
    things = given.things(entry)
    return _indicators.total(_indicators.zone_of(things, given.villages), given.villages.index,
                             given.numbers(entry, things))


def _count_per_km2(entry: Indicator, given: Inputs) -> pd.Series:
    return share(_count(entry, given), _area_km2(given))


def _count_per_10000(entry: Indicator, given: Inputs) -> pd.Series:
    persons = given.coverage["persons"].reindex(given.villages.index)
    return share(_count(entry, given), persons / 10_000)


def _distance(entry: Indicator, given: Inputs) -> pd.Series:
    made = gather(raster.distance(given.things(entry), given.grid(entry)))
    return zonal.zonal_stats(made, given.villages, ("mean",))["mean"]


def _distance_persons(entry: Indicator, given: Inputs) -> pd.Series:
    cells = given.cells
    return _indicators.persons_mean(_indicators.distance_to(cells, given.things(entry)),
                                    cells["persons"], cells["unit_id"], given.villages.index)


def _kernel_density(entry: Indicator, given: Inputs) -> pd.Series:
    assert entry.radius_m is not None
    things = given.things(entry)
    made = gather(raster.density(things, given.grid(entry), radius_m=entry.radius_m,
                                 values=given.numbers(entry, things)))
    return zonal.zonal_stats(made, given.villages, ("mean",))["mean"]


def _nearest_cost(entry: Indicator, given: Inputs) -> pd.Series:
    """Mean minutes of the residents to the nearest thing; out of reach counts the limit."""
    assert entry.max_cost_min is not None
    cells, limit = given.cells, entry.max_cost_min
    mode: Literal["drive", "walk"] = "drive" if entry.mode == "drive" else "walk"
    if "roads" not in given.loaded.layers:
        raise _without("layer", entry, list(given.loaded.layers))
    found = network.road_nearest(
        network.road_network(given.loaded.layers["roads"], mode=mode), cells, given.things(entry),
        max_cost=limit, snap_limit_m=rules.value("roads", "snap_limit"))
    return _indicators.persons_mean(found["cost"].fillna(limit), cells["persons"],
                                    cells["unit_id"], given.villages.index)


def _unit_value(entry: Indicator, given: Inputs) -> pd.Series:
    """Value of the unit itself, or of the nearest unit above it that has one."""
    tables = given.loaded.tables
    if entry.source not in tables:
        raise _without("table", entry, [name for name in tables if name != "units"])
    _require_column(tables[entry.source], entry.column, entry)
    values = _as_numbers(tables[entry.source][entry.column], entry)
    found = pd.Series(float("nan"), index=given.villages.index)
    for level in ("village", "town", "county", "city"):
        above = ancestors(tables["units"], level).reindex(found.index)
        found = found.fillna(above.map(values))
    return found


Measure = Callable[[Indicator, Inputs], pd.Series]
MEASURES: dict[str, tuple[Measure, tuple[str, ...], tuple[str, ...]]] = {
    "raster_mean": (_raster_mean, ("source",), ()),
    "raster_sum": (_raster_sum, ("source",), ()),
    "raster_share": (_raster_share, ("source", "above"), ()),
    "raster_class": (_raster_class, ("source",), ("bounds", "scores", "table")),
    "raster_persons_mean": (_raster_persons_mean, ("source",), ()),
    "persons_per_km2": (_density, (), ()),
    "dependent_share": (_age_share, (), ()),
    "coverage_column": (_column, ("source",), ()),
    "count": (_count, ("source",), ("column", "where")),
    "count_per_km2": (_count_per_km2, ("source",), ("column", "where")),
    "count_per_10000_persons": (_count_per_10000, ("source",), ("column", "where")),
    "distance_m": (_distance, ("source",), ("where",)),
    "distance_persons_m": (_distance_persons, ("source",), ("where",)),
    "kernel_density": (_kernel_density, ("source", "radius_m"), ("column", "where")),
    "nearest_cost_min": (_nearest_cost, ("source", "max_cost_min"), ("where", "mode")),
    "unit_value": (_unit_value, ("source", "column"), ()),
}
"""Measure -> function, the keys that it needs, the keys that it may have besides."""

CELLWISE = ("raster_mean", "raster_share", "raster_class", "raster_persons_mean")
"""Measures whose value a single cell has too; the others stand for the cell's village."""


def _check_numbers(entry: Indicator) -> None:
    """Refuse numbers that no measure can work with; `table` and the lists may hold anything."""
    given: dict[str, list[object]] = {
        "weight": [entry.weight], "bounds": [*entry.bounds], "scores": [*entry.scores],
        "table": [*entry.table.values()],
        **{key: [] if getattr(entry, key) is None else [getattr(entry, key)]
           for key in ("above", "radius_m", "max_cost_min")}}
    for key, numbers in given.items():
        wrong = [x for x in numbers if isinstance(x, bool) or not isinstance(x, (int, float))
                 or not math.isfinite(x) or (key in ("radius_m", "max_cost_min") and x <= 0)]
        if wrong:
            raise ConfigError(f"{key} of an indicator", where=_where(entry), got=repr(wrong[0]),
                              expected="a number > 0" if key in ("radius_m", "max_cost_min")
                              else "finite numbers", mend=f"correct {key}")
    for code in entry.table:
        try:
            float(code)
        except ValueError as error:
            raise ConfigError("table of an indicator", where=_where(entry), got=repr(code),
                              expected="codes of the raster = score", mend="correct the code"
                              ) from error


def check(entry: Indicator, loaded: Loaded) -> None:
    """Refuse an indicator whose measure is unknown, or whose keys do not fit it.

    Raises
    ------
    ConfigError
        Naming the nearest measure, the key that is missing, or the key that would be ignored.
    """
    if entry.measure not in MEASURES:
        near = difflib.get_close_matches(entry.measure, MEASURES, n=1, cutoff=0.3)
        raise ConfigError("unknown measure", where=_where(entry), expected=", ".join(MEASURES),
                          got=repr(entry.measure),
                          mend=f"did you mean {near[0]!r}?" if near else "")
    _, needed, allowed = MEASURES[entry.measure]
    given = {name for name in ("source", *_OPTIONS)
             if getattr(entry, name) not in ("", None, (), {})}
    absent = [name for name in needed if name not in given]
    if absent:
        raise ConfigError(f"measure {entry.measure} needs {', '.join(absent)}",
                          where=_where(entry), mend=f"add {absent[0]} = ...")
    stray = sorted(given - {*needed, *allowed} - {"source"})
    if stray:
        raise ConfigError(f"measure {entry.measure} does not use {', '.join(stray)}",
                          where=_where(entry), expected=", ".join((*needed, *allowed)) or "no key",
                          mend="remove the key, or choose another measure")
    _check_numbers(entry)
    if entry.measure.startswith("raster_"):
        _check_raster(entry, loaded)


def _check_raster(entry: Indicator, loaded: Loaded) -> None:
    if entry.source not in loaded.rasters:
        raise _without("raster", entry, list(loaded.rasters))
    layer, ground = loaded.rasters[entry.source], loaded.layers["boundaries"].crs
    if not layer.crs.equals(ground, ignore_axis_order=True):
        raise CRSError("a raster in another CRS than the project", where=f"{_where(entry)}: "
                       f"{layer.where}", expected=ground.name, got=layer.crs.name,
                       mend=f"gdalwarp -t_srs {ground.to_string()} -r bilinear (near for codes) "
                       "in.tif out.tif")


def measured(loaded: Loaded, coverage: pd.DataFrame, entries: tuple[Indicator, ...]
             ) -> pd.DataFrame:
    """Measure every indicator by village.

    Parameters
    ----------
    loaded : see `load`
    coverage : village table of coverage by all residents
    entries : indicators of the project

    Returns
    -------
    DataFrame indexed as `coverage`, one column an indicator, in the order of `entries`
        NaN where not known, and for villages outside the statistics.

    Raises
    ------
    ConfigError
        If an indicator does not fit, see `check`, or a value is infinite.
    """
    for entry in entries:
        check(entry, loaded)
    given = Inputs(loaded=loaded, coverage=coverage, entries=entries)
    made = {entry.name: MEASURES[entry.measure][0](entry, given).reindex(coverage.index)
            for entry in entries}
    counted = in_statistics(loaded.tables["units"]).reindex(coverage.index)
    found = pd.DataFrame(made, index=coverage.index).astype(float).where(counted, float("nan"))
    endless = found.isin([math.inf, -math.inf])
    if endless.any(axis=None):
        name = str(endless.columns[endless.any()][0])
        raise ConfigError("an infinite indicator", where=f"risk.indicators {name}",
                          got=f"in {endless[name].sum()} villages, e.g. "
                          f"{endless.index[endless[name]][:3].tolist()}", expected="finite numbers",
                          mend="mend the infinite cells or values of its source")
    return found

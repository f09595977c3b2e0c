"""From a Project to its checked layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from qzrisk import units as _units
from qzrisk.crs import GEOGRAPHIC
from qzrisk.errors import ConfigError, ReachError
from qzrisk.grid import Raster
from qzrisk.layers import ingest
from qzrisk.layers.findings import findings, gather, repaired
from qzrisk.layers.schema import schema
from qzrisk.layers.validate import Checked, Surroundings
from qzrisk.pipeline.settle import AsCame, Joined, settle
from qzrisk.project import REQUIRED_LAYERS, Project, Source

Tick = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The checked inputs of a project.

    Attributes
    ----------
    layers : name -> GeoDataFrame in the project CRS, indexed by id.
    tables : name -> DataFrame, ``"units"`` is the membership table.
    rasters : name -> Raster.
    issues : findings over all files, stable order.
    quarantine : name -> rejected rows as they came.
    counts : DataFrame by layer: read, accepted, quarantined, repaired.
    pairs : name -> pairs of records that may be one object, see `layers.dedupe.duplicates`, with
        what was decided on each.
    """

    layers: dict[str, gpd.GeoDataFrame]
    tables: dict[str, pd.DataFrame]
    rasters: dict[str, Raster]
    issues: pd.DataFrame
    quarantine: dict[str, pd.DataFrame]
    counts: pd.DataFrame
    pairs: dict[str, pd.DataFrame] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        found = self.issues["severity"].value_counts().to_dict()
        words = ", ".join(f"{severity}: {count}" for severity, count in sorted(found.items()))
        return f"{self.counts.to_html()}<p>{words}</p>"


def load(project: Project, *, tick: Tick = lambda _: None) -> Loaded:
    """Read and check every source of a project.

    Parameters
    ----------
    project : see `open_project`
    tick : called with the name of each source as it is read (for a progress bar)

    Returns
    -------
    Loaded
        For every layer ``read == accepted + quarantined``.

    Raises
    ------
    ConfigError, CRSError, SchemaError
        If a file cannot be used at all; faults of single rows are findings.
    """
    units = _read_units(project)
    parts: dict[str, list[pd.DataFrame]] = {}
    rejected: dict[str, list[pd.DataFrame]] = {}
    issues: list[pd.DataFrame] = []
    origin: dict[str, list[pd.DataFrame]] = {}
    around = Surroundings(membership=units, as_of=project.as_of)
    # Boundaries first: they tell where everything else should lie.
    for number, source in sorted(enumerate(project.sources),
                                 key=lambda pair: pair[1].layer != "boundaries"):
        name = source.name or source.layer
        tick(name)
        if source.layer != "boundaries" and around.units is None:
            around = _surroundings(parts, around)
        if source.optional and not source.path.exists():
            issues.append(findings("absent_file", "note", layer=name, values=[source.path.name],
                                   language=project.language))
            continue
        earlier = parts.setdefault(name, [])
        taken = earlier[0].index.append([part.index for part in earlier[1:]]) if earlier else None
        checked = _read(source, project, replace(around, taken=taken))
        frame = checked.frame
        if source.layer == "boundaries":
            frame = _complete(frame, units)
        issues.append(checked.issues.assign(layer=name))
        earlier.append(frame)
        rejected.setdefault(name, []).append(checked.quarantine)
        origin.setdefault(name, []).append(pd.DataFrame(
            {"row": checked.rows, "source": source.path.name, "file": number}, index=frame.index))
    frames = {name: _join(part) for name, part in parts.items() if part}
    _require_layers(frames, project, issues)
    joined = Joined(frames, {name: pd.concat(part) for name, part in origin.items()}, rejected)
    rasters = {raster.name: Raster(raster.path, name=raster.name) for raster in project.rasters}
    tick("")
    issues.append(settle(joined, project, units, rasters, _fetcher(project)))
    frames = joined.frames
    issues.append(_compare(frames, units, project))
    tables = {name: frame for name, frame in frames.items()
              if not isinstance(frame, gpd.GeoDataFrame)}
    found = gather(issues)
    return Loaded(
        layers={name: frame for name, frame in frames.items() if name not in tables},
        tables={"units": units, **tables},
        rasters=rasters,
        issues=found,
        quarantine={name: pd.concat(bad) for name, bad in rejected.items() if sum(map(len, bad))},
        counts=_count(frames, rejected, found),
        pairs=joined.pairs,
    )


def _fetcher(project: Project) -> AsCame:
    """Return the function that fetches rows from the files of a project as they came."""

    def fetch(origin: pd.DataFrame) -> pd.DataFrame:
        parts = []
        for number in sorted(set(origin["file"])):
            source, group = project.sources[number], origin[origin["file"] == number]
            raw = ingest.as_came(source.path, source.layer, group["row"].to_numpy(),
                                 columns=source.columns, layer=source.table or None,
                                 encoding=source.encoding or None)
            parts.append(raw.set_axis(group.index))
        return pd.concat(parts).loc[origin.index].reset_index(drop=True)

    return fetch


def _require_layers(joined: dict[str, pd.DataFrame], project: Project,
                    issues: list[pd.DataFrame]) -> None:
    """Raise where a layer that every stage needs holds no record, and say what barred its rows."""
    for name in REQUIRED_LAYERS:
        if name in joined and joined[name].empty:
            files = ", ".join(s.path.name for s in project.sources if s.layer == name)
            raise ConfigError("empty layer", where=f"{name} ({files})",
                              expected="at least one record that can be used",
                              got="; ".join(["0", *_reasons(gather(issues), name)]),
                              mend="correct the files or their [[source]]")


def _reasons(issues: pd.DataFrame, layer: str, most: int = 3) -> list[str]:
    """Return the errors that most rows of a layer share, each with how to mend it."""
    errors = issues[(issues["layer"] == layer) & (issues["severity"] == "error")]
    words = errors["message"].str.cat(errors["suggestion"], sep=" -> ")
    return words.value_counts(sort=True).index[:most].tolist()


def _complete(boundaries: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the boundaries with what can be told of them where a file does not say it."""
    known = units.reindex(boundaries.index)
    frame = boundaries.copy()
    frame["level"] = known["level"].where(known["level"].notna(), frame["level"])
    frame["in_statistics"] = known["in_statistics"].astype("boolean").fillna(True).astype(bool)
    area_m2 = frame["area_m2"] if "area_m2" in frame else pd.Series(np.nan, index=frame.index)
    frame["area_m2"] = area_m2.where(area_m2.notna(), frame.area)
    return frame


def _compare(joined: dict[str, pd.DataFrame], units: pd.DataFrame, project: Project
             ) -> pd.DataFrame:
    """Return findings on layers that should agree: units with shapes, population with cells."""
    parts = []
    if "boundaries" in joined:
        drawn = units.index[units["level"] != "reporting"]
        bare = drawn.difference(joined["boundaries"].index, sort=False)
        parts.append(findings("no_polygon", "warning", layer="boundaries", values=bare,
                              rows=[0] * len(bare), record_ids=bare, language=project.language))
    if "population" in joined and "demand" in joined:
        table = joined["population"]["persons"].astype(float)
        cells = joined["demand"].groupby("unit_id")["persons"].sum().reindex(table.index)
        off = table.index[(table - cells.fillna(0)).abs() > 0]
        parts += [findings("cells_differ", "warning", layer="population", record_ids=[unit],
                           values=[f"{table[unit]:.0f}"], expected=f"{cells.get(unit, 0):.0f}",
                           field="persons", language=project.language) for unit in off]
    return gather(parts)


def _read(source: Source, project: Project, around: Surroundings) -> Checked:
    kind = schema(source.layer)
    options: dict[str, Any] = {"columns": source.columns, "layer": source.table or None,
                               "encoding": source.encoding or None,
                               "language": project.language, "around": around}
    if not kind.geometry:
        return ingest.table_of(source.path, kind, **options)
    xy = (source.x, source.y) if source.x and source.y else None
    return ingest.layer_of(source.path, kind, crs=project.crs, datum=source.datum, xy=xy,
                           source_crs=source.source_crs or None, **options)


def _read_units(project: Project) -> pd.DataFrame:
    frame, issues, _ = ingest.read_table(project.units, "units", language=project.language)
    broken = issues[issues["severity"] == "error"]
    if len(broken):
        # Sums through a table with holes would be wrong everywhere: this one file must be whole.
        first = broken.iloc[0]
        raise ReachError("the membership table has faults", where=f"{project.units.name}, row "
                         f"{first['row']}", got=first["message"], mend=first["suggestion"])
    for column in ("parent_id", "reporting_id"):
        if column not in frame:
            frame[column] = pd.Series(pd.NA, index=frame.index, dtype="str")
    return _units.check(frame)


def _surroundings(parts: dict[str, list[pd.DataFrame]], around: Surroundings) -> Surroundings:
    """Return what the boundaries tell of where things should lie, from the smallest units."""
    if "boundaries" not in parts:
        return around
    boundaries = pd.concat(parts["boundaries"])
    for level in ("village", "town", "county", "city"):
        frame = boundaries[boundaries["level"] == level]
        if len(frame):
            break
    west, south, east, north = boundaries.to_crs(GEOGRAPHIC).total_bounds
    return replace(around, units=frame,
                   bounds=(float(west), float(south), float(east), float(north)))


def _join(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Put the files of one layer together; ids are unique already, see `Surroundings.taken`."""
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(filled) if len(filled) > 1 else filled[0]


def _count(frames: dict[str, pd.DataFrame], rejected: dict[str, list[pd.DataFrame]],
           issues: pd.DataFrame) -> pd.DataFrame:
    """Return by layer: records read, accepted, quarantined; records put right in some value."""
    table = pd.DataFrame({
        "accepted": {name: len(frame) for name, frame in frames.items()},
        "quarantined": {name: sum(map(len, rejected[name])) for name in frames},
        "repaired": {name: repaired(issues[issues["layer"] == name]) for name in frames},
    }).rename_axis("layer").astype("int64")
    table.insert(0, "read", table["accepted"] + table["quarantined"])
    return table

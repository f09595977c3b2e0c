"""From a Project to its checked layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from qzrisk import units as _units
from qzrisk.crs import GEOGRAPHIC
from qzrisk.errors import ReachError
from qzrisk.grid import Raster
from qzrisk.layers import ingest
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.ingest import Surroundings
from qzrisk.layers.schema import schema
from qzrisk.project import Project, Source

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
    """

    layers: dict[str, gpd.GeoDataFrame]
    tables: dict[str, pd.DataFrame]
    rasters: dict[str, Raster]
    issues: pd.DataFrame
    quarantine: dict[str, pd.DataFrame]
    counts: pd.DataFrame

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
    counts: list[dict[str, object]] = []
    around = Surroundings(unit_ids=units.index)
    for source in sorted(project.sources, key=lambda source: source.layer != "boundaries"):
        name = source.name or source.layer
        tick(name)
        if source.layer != "boundaries" and around.units is None:
            around = _surroundings(parts, units)
        if source.optional and not source.path.exists():
            issues.append(findings("absent_file", "note", layer=name, values=[source.path.name],
                                   language=project.language))
            continue
        frame, found, bad = _read(source, project, around)
        found = found.assign(layer=name)
        issues.append(found)
        parts.setdefault(name, []).append(frame)
        rejected.setdefault(name, []).append(bad)
        counts.append({"layer": name, "read": len(frame) + len(bad), "accepted": len(frame),
                       "quarantined": len(bad),
                       "repaired": int((found["severity"] == "note").sum())})
    joined = {name: _join(name, frames, rejected, issues, project)
              for name, frames in parts.items()}
    tables = {name: frame for name, frame in joined.items()
              if not isinstance(frame, gpd.GeoDataFrame)}
    return Loaded(
        layers={name: frame for name, frame in joined.items() if name not in tables},
        tables={"units": units, **tables},
        rasters={raster.name: Raster(raster.path, name=raster.name) for raster in project.rasters},
        issues=gather(issues),
        quarantine={name: pd.concat(bad) for name, bad in rejected.items() if sum(map(len, bad))},
        counts=_count(counts, joined),
    )


def _read(source: Source, project: Project, around: Surroundings) -> ingest.Read:
    kind = schema(source.layer)
    options: dict[str, Any] = {"columns": source.columns, "layer": source.table or None,
               "encoding": source.encoding or None, "language": project.language,
                               "around": around}
    if not kind.geometry:
        return ingest.read_table(source.path, kind, **options)
    xy = (source.x, source.y) if source.x and source.y else None
    return ingest.read_layer(source.path, kind, crs=project.crs, datum=source.datum, xy=xy,
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


def _surroundings(parts: dict[str, list[pd.DataFrame]], units: pd.DataFrame) -> Surroundings:
    """Return what the boundaries tell of where things should lie, from the smallest units."""
    if "boundaries" not in parts:
        return Surroundings(unit_ids=units.index)
    boundaries = pd.concat(parts["boundaries"])
    for level in ("village", "town", "county", "city"):
        frame = boundaries[boundaries["level"] == level]
        if len(frame):
            break
    west, south, east, north = boundaries.to_crs(GEOGRAPHIC).total_bounds
    return Surroundings(bounds=(float(west), float(south), float(east), float(north)),
                        units=frame, unit_ids=units.index)


def _join(name: str, frames: list[pd.DataFrame], rejected: dict[str, list[pd.DataFrame]],
          issues: list[pd.DataFrame], project: Project) -> pd.DataFrame:
    """Put the files of one layer together; an id that an earlier file has is quarantined."""
    whole = pd.concat(frames) if len(frames) > 1 else frames[0]
    twice = whole.index.duplicated(keep="first")
    if twice.any():
        bad = whole[twice]
        issues.append(findings("duplicate_id", "error", layer=name, language=project.language,
                               rows=[0] * len(bad), record_ids=bad.index, values=bad.index,
                               field=str(whole.index.name),
                               geometry=bad.geometry if isinstance(bad, gpd.GeoDataFrame)
                               else None))
        rejected[name].append(bad.reset_index().assign(_rules="duplicate_id"))
        whole = whole[~twice]
    return whole


def _count(counts: list[dict[str, object]], joined: dict[str, pd.DataFrame]) -> pd.DataFrame:
    table = pd.DataFrame(counts, columns=["layer", "read", "accepted", "quarantined", "repaired"])
    table = table.groupby("layer", sort=False).sum()
    accepted = pd.Series({name: len(frame) for name, frame in joined.items()}, dtype="int64")
    accepted = accepted.reindex(table.index, fill_value=0)
    table["quarantined"] += table["accepted"] - accepted
    table["accepted"] = accepted
    return table.astype("int64")

"""What can be told only of all layers together: records surveyed twice, records out of place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd

from qzrisk.grid import Raster
from qzrisk.layers import dedupe, spatial
from qzrisk.layers.findings import gather
from qzrisk.layers.schema import schema
from qzrisk.project import Project

AsCame = Callable[[pd.DataFrame], pd.DataFrame]
"""Origin of some records -> those rows of their files, under canonical names."""


@dataclass
class Joined:
    """The layers of a project as they stand, and what had to leave them.

    Attributes
    ----------
    frames : name -> frame indexed by id.
    origin : name -> DataFrame(row, source, file) indexed by id; `file` numbers the source.
    left : name -> rejected rows as they came, with ``_row``, ``_source`` and ``_rules``.
    pairs : name -> pairs of records that may be one, and what was decided on each ("" nothing).
    """

    frames: dict[str, pd.DataFrame]
    origin: dict[str, pd.DataFrame]
    left: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    pairs: dict[str, pd.DataFrame] = field(default_factory=dict)

    def bar(self, name: str, rules: pd.Series, as_came: AsCame) -> None:
        """Move records to the quarantine: `rules` names the reason, indexed by id."""
        frame, origin = self.frames[name], self.origin[name].loc[rules.index]
        raw = as_came(origin).assign(_row=origin["row"].to_numpy(),
                                     _source=origin["source"].to_numpy(), _rules=rules.to_numpy())
        if isinstance(frame, gpd.GeoDataFrame):
            raw = gpd.GeoDataFrame(raw, geometry=np.asarray(frame.geometry.loc[rules.index].array),
                                   crs=frame.crs)
        self.left.setdefault(name, []).append(raw)
        self.frames[name] = frame.drop(index=rules.index)


def settle(joined: Joined, project: Project, units: pd.DataFrame, rasters: Mapping[str, Raster],
           as_came: AsCame) -> pd.DataFrame:
    """Bar what lies where it cannot lie, then merge what people decided to merge.

    Parameters
    ----------
    joined : the layers; changed in place
    project : its decisions on duplicates, its language
    units : membership table
    rasters : name -> Raster, of the hazards
    as_came : fetches rows of the files as they came

    Returns
    -------
    DataFrame of findings
    """
    kinds = project.kinds()
    layers = {name: frame for name, frame in joined.frames.items()
              if isinstance(frame, gpd.GeoDataFrame)}
    tables = {"units": units} | {n: f for n, f in joined.frames.items() if n not in layers}
    issues, barred = spatial.check(layers, tables, rasters, kinds=kinds, origin=joined.origin,
                                   language=project.language)
    for name, rules in barred.items():
        joined.bar(name, rules, as_came)
    said = [_merge(joined, name, project, as_came) for name in sorted(joined.frames)
            if _may_hold_duplicates(joined.frames[name], kinds.get(name, name), project, name)]
    return gather([issues, *said])


def _may_hold_duplicates(frame: pd.DataFrame, kind: str, project: Project, name: str) -> bool:
    """Tell whether a layer is of places with names that are surveyed, or has decisions."""
    return name in project.decisions or (
        isinstance(frame, gpd.GeoDataFrame) and "name" in frame
        and schema(kind).geometry == "Point" and not schema(kind).far)


def _merge(joined: Joined, name: str, project: Project, as_came: AsCame) -> pd.DataFrame:
    frame, path = joined.frames[name], project.decisions.get(name)
    decisions = dedupe.read_decisions(path) if path else None
    pairs = dedupe.duplicates(frame, language=project.language)
    joined.pairs[name] = _decided(pairs, decisions)
    kept, _, said = dedupe.apply_decisions(frame, pairs, decisions, layer=name,
                                           language=project.language)
    origin = joined.origin[name]
    said["row"] = said["record_id"].map(origin["row"]).fillna(0).astype(int)
    said["source"] = said["record_id"].map(origin["source"]).fillna("")
    gone = frame.index.difference(kept.index, sort=False)
    if len(gone):
        joined.bar(name, pd.Series("merged_duplicate", index=gone), as_came)
    return said


def _decided(pairs: pd.DataFrame, decisions: pd.DataFrame | None) -> pd.DataFrame:
    """Return the pairs with what people decided on each, whichever id they wrote first."""
    said = {} if decisions is None else {
        frozenset((row.left, row.right)): str(row.decision) for row in decisions.itertuples()}
    return pairs.assign(decision=[said.get(frozenset(pair), "") for pair in
                                  zip(pairs["left"], pairs["right"], strict=True)])

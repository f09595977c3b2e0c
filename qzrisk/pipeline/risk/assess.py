"""From indicators by village to scores, levels and their confidence, for every level of unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from qzrisk.analysis import classify, weights
from qzrisk.analysis import risk as _risk
from qzrisk.analysis.classify import FrozenBounds
from qzrisk.errors import ConfigError
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.risk.measures import measured
from qzrisk.project import Project
from qzrisk.units import LEVELS, roll_up, share

COMPOSITE = "composite"
"""Name of the multi-hazard index beside those of the hazards."""

@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The risk of every unit, and what it is made of.

    Attributes
    ----------
    tree : DataFrame by indicator: dimension, hazard, direction, weight (in the composite), low and
        high (ends of the scale), missing, filled (villages without a value, filled by the median).
    raw, flags, scaled : DataFrames by village x indicator: as measured, filled in, on [0, 1].
    present : bool DataFrame village x hazard: no hazard, no risk.
    members : DataFrame indicator x hazard: weights inside the score of a hazard.
    hazards : DataFrame by hazard: weight in the composite; empty if no hazard is told apart.
    scores : DataFrame village x hazard.
    bounds : index (`COMPOSITE` or hazard) -> bounds, shared by all levels of unit.
    tables : level -> DataFrame by unit of the composite: risk_index, risk_class, red_area_share,
        persons, and share_<hazard> of the index.
    by_hazard : hazard -> level -> DataFrame by unit of its own index; with its confidence where
        the method is the weighted mean.
    confidence : level -> DataFrame by unit: draws_<level>, confidence, rank, rank_low, rank_high.
    consistency_ratio : of the judgements (AHP), or None.
    frozen : period whose bounds and scales are used, or "".
    """

    tree: pd.DataFrame
    raw: pd.DataFrame
    flags: pd.DataFrame
    scaled: pd.DataFrame
    present: pd.DataFrame
    members: pd.DataFrame
    hazards: pd.DataFrame
    scores: pd.DataFrame
    bounds: Mapping[str, FrozenBounds]
    tables: Mapping[str, pd.DataFrame]
    by_hazard: Mapping[str, Mapping[str, pd.DataFrame]]
    confidence: Mapping[str, pd.DataFrame]
    consistency_ratio: float | None = None
    frozen: str = ""

    def frozen_text(self) -> str:
        """Return bounds, scales and weights as the file that ``[risk] frozen`` may name."""
        scale = self.tree[list(classify.frozen.SCALE)]
        return classify.index_to_text(self.bounds, scale)

    def wide(self, level: str) -> pd.DataFrame:
        """Return ``<hazard>_index``, ``_class`` and ``_confidence`` of the units of a level."""
        names = {"risk_index": "index", "risk_class": "class", "confidence": "confidence"}
        parts = [table[[name for name in names if name in table]].rename(
            columns=lambda name, hazard=hazard: f"{hazard}_{names[name]}")
            for hazard, table in ((h, levels[level]) for h, levels in self.by_hazard.items())]
        return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=self.tables[level].index)

    def means(self, level: str, units: pd.DataFrame, hazard: str | None = None, *,
              entering: bool = True) -> pd.DataFrame:
        """Return the scaled indicators of the units of a level.

        Above the village they are means weighted by population over the villages with an index.
        `entering`: as they enter the index, 0 for hazards that are absent, so that the weighted
        sum of a row is the unit's index where the method is the weighted mean.
        """
        if not entering:
            index = self.scores[hazard] if hazard else self.tables["village"]["risk_index"]
            return _mean(self.scaled, self.tables["village"]["persons"], index, units, level)
        if hazard is None:
            load = _risk.hazard_weights(self.tree, self.tree["weight"])
            entering = _risk.effective(self.scaled, self.tree, self.present, load)
            index = self.tables["village"]["risk_index"]
        else:
            entering = self.scaled.where(self.present[hazard] | self.scores[hazard].isna(), 0.0)
            index = self.scores[hazard]
        return _mean(entering, self.tables["village"]["persons"], index, units, level)


def assess(loaded: Loaded, coverage: Mapping[str, pd.DataFrame], project: Project) -> Assessment:
    """Score and class the risk of every unit.

    Parameters
    ----------
    loaded, project : see `load`, `open_project`
    coverage : level -> coverage by all residents

    Returns
    -------
    Assessment
        Indices are formed by village; above it stands the mean weighted by population. All levels
        share the villages' bounds. Units without data have NaN and no rank.

    Raises
    ------
    ConfigError
        If an indicator, weight, judgement or frozen file does not fit.
    """
    settings, entries = project.risk, project.risk.indicators
    tree = _tree(project)
    raw = measured(loaded, coverage["village"], entries)
    filled, flags = _risk.fill(raw, pd.Series({entry.name: entry.missing for entry in entries},
                                              dtype=object))
    frozen, kept = _frozen(project, tree)
    scale = _risk.ranges(filled) if kept is None else kept
    tree[["low", "high"]] = scale.reindex(tree.index)[["low", "high"]]
    scaled = _risk.rescale(filled, tree["direction"], tree)
    tree["weight"], ratio = _weights(scaled, tree, project, kept)
    tree["missing"], tree["filled"] = raw.isna().sum(), flags.sum()
    members = _risk.member_weights(tree, tree["weight"])
    present = _risk.presence(filled, tree)
    scores = _risk.hazard_scores(scaled, tree, members, present=present, method=settings.method)
    load = _risk.hazard_weights(tree, tree["weight"])
    index = _risk.composite(scores, load)["score"]
    named = [hazard for hazard in load.index if hazard]
    indices = {COMPOSITE: index, **{hazard: scores[hazard] for hazard in named}}
    bounds = {name: _bounds(values, name, project, frozen) for name, values in indices.items()}
    tables = {name: _tables(values, bounds[name], loaded, coverage)
              for name, values in indices.items()}
    composite = {level: table.join(_shares(scores[named], load, index, coverage, loaded, level))
                 for level, table in tables[COMPOSITE].items()} if named else tables[COMPOSITE]
    made = Assessment(
        tree=tree, raw=raw, flags=flags, scaled=scaled, present=present, members=members,
        hazards=load[named].to_frame(), scores=scores, bounds=bounds, tables=composite,
        by_hazard={hazard: tables[hazard] for hazard in named}, confidence={},
        consistency_ratio=ratio, frozen=next(iter(frozen.values())).period if frozen else "")
    return _with_confidence(made, loaded, project, load)


def _tree(project: Project) -> pd.DataFrame:
    """Return dimension, hazard, direction and weight given of each indicator."""
    kinds = {raster.name: raster.kind for raster in project.rasters}
    entries = project.risk.indicators
    if not entries:
        raise ConfigError("no indicator", where=f"{project.file.name}: [risk]",
                          mend="add [[risk.indicators]]")
    tree = pd.DataFrame([{
        "indicator": entry.name, "dimension": entry.dimension,
        "hazard": (entry.hazard or kinds.get(entry.source, "")) if entry.dimension == "hazard"
        else "", "direction": entry.direction, "weight": entry.weight} for entry in entries],
    ).set_index("indicator")
    tree["weight"] = tree["weight"] / tree["weight"].sum()
    own = tree["hazard"][tree["dimension"] == "hazard"]
    if (own == "").any() and (own != "").any():
        raise ConfigError("a hazard indicator without its hazard", where=f"risk.indicators "
                          f"{own.index[own == ''][0]}", expected=", ".join(sorted(set(own) - {""})),
                          mend='add hazard = "..."')
    if COMPOSITE in set(own):
        raise ConfigError("a hazard cannot be called composite", where="risk.indicators",
                          mend="give it its own code")
    return tree


def _weights(scaled: pd.DataFrame, tree: pd.DataFrame, project: Project,
             kept: pd.DataFrame | None) -> tuple[pd.Series, float | None]:
    """Return the weights of the indicators in the composite, and the consistency ratio (AHP)."""
    way, given = project.risk.weighting, tree["weight"]
    if kept is not None:
        return kept["weight"].reindex(tree.index), None
    if way == "ahp":
        return _ahp(tree, project)
    positive = pd.Series(1, index=tree.index)  # scaled values are high = risky already
    found = {
        "manual": lambda: given,
        "equal": lambda: weights.equal(tree.index),
        "entropy": lambda: weights.entropy(scaled, positive),
        "critic": lambda: weights.critic(scaled, positive),
        "combined": lambda: weights.combine(given, weights.entropy(scaled, positive)),
    }[way]()
    return found.rename("weight"), None


def _ahp(tree: pd.DataFrame, project: Project) -> tuple[pd.Series, float]:
    """Share the weights of the dimensions, by their judgements, among their indicators."""
    dimensions = [part for part in _risk.scores.PARTS if (tree["dimension"] == part).any()]
    matrix = project.risk.judgements
    if len(matrix) != len(dimensions):
        raise ConfigError("judgements do not fit the dimensions", where=f"{project.file.name}: "
                          "[risk] judgements", got=f"{len(matrix)} rows",
                          expected=f"{len(dimensions)} x {len(dimensions)}: {dimensions}")
    found, ratio = weights.ahp(pd.DataFrame(list(map(list, matrix)), index=dimensions,
                                            columns=dimensions))
    inside = tree["weight"] / tree.groupby("dimension")["weight"].transform("sum")
    return (inside * tree["dimension"].map(found)).rename("weight"), ratio


def _frozen(project: Project, tree: pd.DataFrame
            ) -> tuple[dict[str, FrozenBounds], pd.DataFrame | None]:
    """Return the bounds and scales of an earlier year, checked against the indicators of this."""
    path = project.risk.frozen
    if path is None:
        return {}, None
    bounds, scale = classify.parse_index(path.read_text(encoding="utf-8"))
    if set(scale.index) != set(tree.index):
        raise ConfigError("the frozen index has other indicators", where=path.name,
                          expected=sorted(tree.index), got=sorted(scale.index),
                          mend="freeze it again, or restore the indicators")
    other = tree.index[scale["direction"].reindex(tree.index) != tree["direction"]]
    weighed = project.risk.weighting == "manual" and not np.allclose(
        scale["weight"].reindex(tree.index), tree["weight"], atol=1e-9)
    if len(other) or weighed:
        raise ConfigError("the frozen index has other weights or directions", where=path.name,
                          expected=tree[["weight", "direction"]].to_dict("index"),
                          got=scale[["weight", "direction"]].to_dict("index"),
                          mend="freeze it again, or restore the weights")
    return bounds, scale


def _bounds(values: pd.Series, name: str, project: Project, frozen: Mapping[str, FrozenBounds]
            ) -> FrozenBounds:
    """Return the bounds of an index: of an earlier year, of the project, or of its scheme."""
    if name in frozen:
        if len(frozen[name].upper) != project.risk.levels:
            raise ConfigError("the frozen index has another number of classes",
                              where=str(project.risk.frozen), expected=project.risk.levels,
                              got=len(frozen[name].upper), mend="freeze it again, or set levels")
        return frozen[name]
    period, scheme = project.as_of.isoformat(), project.risk.scheme
    if frozen:
        raise ConfigError("the frozen index lacks a hazard", where=str(project.risk.frozen),
                          expected=name, got=", ".join(frozen), mend="freeze it again")
    if name == COMPOSITE and project.risk.bounds:
        scheme, upper = "fixed", project.risk.bounds
    elif values.isna().all():
        # Nothing to class: any bounds will do, since no unit gets a level.
        upper = tuple(np.linspace(0, 1, project.risk.levels + 1)[1:].tolist())
    else:
        upper = tuple(map(float, classify.class_bounds(
            values, scheme=scheme, k=project.risk.levels)))
    return FrozenBounds(indicator=f"risk_{name}", unit="index 0-1", scheme=scheme, upper=upper,
                        period=period)


def _classed(values: pd.Series, bounds: FrozenBounds) -> pd.Series:
    return classify.classes(values, scheme="fixed", k=len(bounds.upper), bounds=bounds.upper)


def _mean(values: pd.DataFrame, persons: pd.Series, index: pd.Series, units: pd.DataFrame,
          level: str) -> pd.DataFrame:
    """Mean of village values weighted by the persons of villages with an index."""
    if level == "village":
        return values.where(index.notna())
    load = persons.where(index.notna())
    summed = roll_up(values.mul(load, axis=0), units, to=level)
    return summed.div(roll_up(load, units, to=level).pipe(lambda n: n.where(n > 0)), axis=0)


def _tables(index: pd.Series, bounds: FrozenBounds, loaded: Loaded,
            coverage: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return level -> index, class and share of the area in red villages."""
    units = loaded.tables["units"]
    area = loaded.layers["boundaries"]["area_m2"].reindex(index.index).where(index.notna())
    top = classify.level_codes(len(bounds.upper))[-1]
    red = area.where(_classed(index, bounds) == top, 0.0).where(index.notna())
    parts, made = pd.DataFrame({"area": area, "red": red}), {}
    for level in LEVELS:
        mean = _mean(index.to_frame("risk_index"), coverage["village"]["persons"], index, units,
                     level)
        summed = roll_up(parts, units, to=level)
        table = pd.DataFrame({"name": units["name"].reindex(summed.index)})
        table["risk_index"] = mean["risk_index"].reindex(table.index)
        table["risk_class"] = _classed(table["risk_index"], bounds)
        table["red_area_share"] = share(summed["red"], summed["area"])
        table["persons"] = coverage[level]["persons"]
        made[level] = table
    return made


def _shares(scores: pd.DataFrame, load: pd.Series, index: pd.Series,
            coverage: Mapping[str, pd.DataFrame], loaded: Loaded, level: str) -> pd.DataFrame:
    """Return the share of each hazard in the composite of each unit."""
    means = _mean(scores, coverage["village"]["persons"], index, loaded.tables["units"], level)
    return _risk.composite(means, load).drop(columns="score").reindex(coverage[level].index)


def _with_confidence(made: Assessment, loaded: Loaded, project: Project, load: pd.Series
                     ) -> Assessment:
    """Return the assessment with the Monte Carlo of its composite at every level.

    The composite is the weighted mean of the indicators, or else of the hazards' scores; either
    is drawn about its own weights.
    """
    units, village = loaded.tables["units"], made.tables["village"]
    linear = project.risk.method == "arithmetic"
    chosen = made.tree["weight"] if linear else load
    confidence = {}
    for level, table in made.tables.items():
        means = made.means(level, units) if linear else _mean(
            made.scores, village["persons"], village["risk_index"], units, level)
        confidence[level] = table[["name", "risk_class"]].join(_drawn(
            means.reindex(table.index), chosen, table["risk_class"], made.bounds[COMPOSITE],
            project))
    by_hazard = {hazard: {level: table.join(_own_confidence(made, hazard, level, project, units))
                          if linear else table for level, table in levels.items()}
                 for hazard, levels in made.by_hazard.items()}
    return replace(made, confidence=confidence, by_hazard=by_hazard)


def _own_confidence(made: Assessment, hazard: str, level: str, project: Project,
                    units: pd.DataFrame) -> pd.Series:
    """Return the share of draws about the weights inside one hazard that keep a unit's class."""
    table, load = made.by_hazard[hazard][level], made.members[hazard]
    means = made.means(level, units, hazard).reindex(table.index)
    return _drawn(means, load, table["risk_class"], made.bounds[hazard], project)["confidence"]


def _drawn(means: pd.DataFrame, chosen: pd.Series, classes: pd.Series, bounds: FrozenBounds,
           project: Project) -> pd.DataFrame:
    """Return the share of draws in each class, that of the unit's own class, and the ranks."""
    codes = classify.level_codes(len(bounds.upper))
    columns = {f"share_{code}": f"draws_{code}" for code in codes}
    kept = [*columns.values(), "confidence", "rank", "rank_low", "rank_high"]
    if classes.isna().all():
        return pd.DataFrame(np.nan, index=means.index, columns=kept)
    settings = project.risk
    drawn = _risk.rank_stability(
        means.where(classes.notna()), chosen, draws=settings.draws, seed=project.seed,
        concentration=settings.concentration, error=settings.data_error, bounds=bounds.upper)
    drawn = drawn.rename(columns=columns)
    own = pd.Series(np.nan, index=drawn.index)
    for code in codes:
        own = own.mask(classes == code, drawn[f"draws_{code}"])
    return drawn.assign(confidence=own)[kept]

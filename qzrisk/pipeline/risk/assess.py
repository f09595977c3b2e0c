"""From indicators by village to scores, levels and their confidence, for every level of unit."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from qzrisk import rules
from qzrisk.analysis import classify, weights
from qzrisk.analysis import risk as _risk
from qzrisk.analysis.classify import FrozenBounds
from qzrisk.errors import ConfigError
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.risk import confidence
from qzrisk.pipeline.risk import frozen as _frozen
from qzrisk.pipeline.risk.measures import measured
from qzrisk.project import Project
from qzrisk.text import table
from qzrisk.units import LEVELS, roll_up, share

COMPOSITE = confidence.COMPOSITE

@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The risk of every unit, and what it is made of.

    Attributes
    ----------
    tree : DataFrame by indicator: dimension, hazard, direction, weight (in the composite), low and
        high (ends of the scale), missing, filled (villages without a value, filled by the median),
        definition (what is measured, in one line).
    raw, flags, scaled : DataFrames by village x indicator: as measured, filled in, on [0, 1].
    present : bool DataFrame village x hazard: no hazard, no risk.
    members : DataFrame indicator x hazard: weights inside the score of a hazard.
    hazards : DataFrame by hazard: weight in the composite; empty if no hazard is told apart.
    scores : DataFrame village x hazard.
    bounds : index (`COMPOSITE` or hazard) -> bounds, shared by all levels of unit.
    tables : level -> DataFrame by unit of the composite: risk_index, risk_class, red_area_share,
        persons, and share_<hazard> of the index.
    by_hazard : hazard -> level -> DataFrame by unit of its own index, with its confidence.
    confidence : level -> DataFrame by unit: draws_<level>, confidence, rank, rank_low, rank_high.
    consistency_ratio : of the judgements (AHP), or None; `worst_judgement` where it is too high.
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
    worst_judgement: weights.Judgement | None = None
    frozen: str = ""

    def frozen_text(self) -> str:
        """Return bounds, scales and weights as the file that ``[risk] frozen`` may name."""
        scale = self.tree[[*classify.frozen.SCALE, "definition"]]
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
    raw = measured(loaded, coverage["village"], entries)
    tree = _tree(project)
    filled, flags = _risk.fill(raw, pd.Series({entry.name: entry.missing for entry in entries},
                                              dtype=object))
    ratio, worst, fixed = _fixed_weights(tree, project)
    frozen, kept = _frozen.read(project, tree, fixed)
    scale = _risk.ranges(filled) if kept is None else kept
    tree[["low", "high"]] = scale.reindex(tree.index)[["low", "high"]]
    scaled = _risk.rescale(filled, tree["direction"], tree)
    tree["definition"] = _frozen.definitions(project, tree)
    tree["weight"] = (kept["weight"].reindex(tree.index) if kept is not None else fixed
                      if fixed is not None else _weights(scaled, tree, project))
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
        consistency_ratio=ratio, worst_judgement=worst,
        frozen=next((one.period or str(project.risk.frozen) for one in frozen.values()), ""))
    return confidence.added(made, loaded.tables["units"], project)


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
    for entry in entries:
        if entry.hazard and entry.dimension != "hazard":
            raise ConfigError("a hazard of an indicator that all hazards share",
                              where=f"risk.indicators {entry.name}", got=entry.hazard,
                              expected='no hazard, or dimension = "hazard" '
                              f"(it is {entry.dimension})", mend="remove hazard")
        _check_hazard(tree.loc[entry.name, "hazard"], where=f"risk.indicators {entry.name}")
    own = tree["hazard"][tree["dimension"] == "hazard"]
    if (own == "").any() and (own != "").any():
        raise ConfigError("a hazard indicator without its hazard", where=f"risk.indicators "
                          f"{own.index[own == ''][0]}", expected=", ".join(sorted(set(own) - {""})),
                          mend='add hazard = "..."')
    return tree


def _check_hazard(hazard: str, *, where: str) -> None:
    """Refuse a misspelt code, and one that makes no name of a file."""
    known = [key.removeprefix("hazard_") for key in table() if key.startswith("hazard_")]
    if not hazard or hazard in known:
        return
    near = difflib.get_close_matches(hazard, known, n=1, cutoff=0.8)
    if near or hazard == COMPOSITE or not hazard.isidentifier():
        raise ConfigError("unusable code of a hazard", where=where, got=repr(hazard),
                          expected=f"{', '.join(known)}, or a code of your own of letters, digits "
                          "and _", mend=f"did you mean {near[0]!r}?" if near else "change the code")


def _fixed_weights(tree: pd.DataFrame, project: Project
                   ) -> tuple[float | None, weights.Judgement | None, pd.Series | None]:
    """Return consistency ratio and worst judgement (AHP), and weights that need no data, if any."""
    way = project.risk.weighting
    if way == "ahp":
        return _ahp(tree, project)
    return None, None, {"manual": tree["weight"], "equal": weights.equal(tree.index)}.get(way)


def _weights(scaled: pd.DataFrame, tree: pd.DataFrame, project: Project) -> pd.Series:
    """Return the weights of the indicators in the composite that the data decide on."""
    positive = pd.Series(1, index=tree.index)  # scaled values are high = risky already
    if project.risk.weighting == "critic":
        return weights.critic(scaled, positive)
    found = weights.entropy(scaled, positive)
    return found if project.risk.weighting == "entropy" else weights.combine(tree["weight"], found)


def _ahp(tree: pd.DataFrame, project: Project
         ) -> tuple[float, weights.Judgement | None, pd.Series]:
    """Share the weights of the dimensions, by their judgements, among their indicators."""
    dimensions = [part for part in _risk.scores.PARTS if (tree["dimension"] == part).any()]
    rows = [list(row) if isinstance(row, (list, tuple)) else [row]
            for row in project.risk.judgements]
    if {len(rows), *map(len, rows)} != {len(dimensions)} or not all(
            isinstance(x, (int, float)) for row in rows for x in row):
        raise ConfigError("judgements do not fit the dimensions", where=f"{project.file.name}: "
                          "[risk] judgements", got=rows, mend="a row of numbers a dimension",
                          expected=f"{len(dimensions)} x {len(dimensions)} numbers: {dimensions}")
    matrix = pd.DataFrame(rows, index=dimensions, columns=dimensions)
    found, ratio = weights.ahp(matrix)
    good = ratio < rules.value("weighting", "ahp.consistency_limit")
    inside = tree["weight"] / tree.groupby("dimension")["weight"].transform("sum")
    return (ratio, None if good else weights.most_inconsistent(matrix),
            (inside * tree["dimension"].map(found)).rename("weight"))


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
        if not all(isinstance(bound, (int, float)) and 0 < bound < 1 for bound in upper[:-1]):
            raise ConfigError("bounds outside the scale of the index",
                              where=f"{project.file.name}: [risk] bounds", got=list(upper),
                              expected="numbers between 0 and 1, the last the maximum",
                              mend="correct them: the index is 0 to 1")
    elif values.isna().all():
        # Nothing to class: any bounds will do, since no unit gets a level.
        upper = tuple(np.linspace(0, 1, project.risk.levels + 1)[1:].tolist())
    else:
        upper = tuple(map(float, classify.class_bounds(
            values, scheme=scheme, k=project.risk.levels)))
    return FrozenBounds(indicator=f"risk_{name}", unit="index 0-1", scheme=scheme, upper=upper,
                        period=period, method=_frozen.method(project))


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

"""The account of one unit's risk: in words, as a table, and as a small chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from qzrisk.analysis import risk as _risk
from qzrisk.errors import ConfigError
from qzrisk.levels import palette
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.measures import Results
from qzrisk.pipeline.risk.assess import Assessment
from qzrisk.pipeline.risk.notes import (
    class_notes,
    hazard_name,
    indicator_names,
    risk_palette,
    risk_table,
)
from qzrisk.project import Project
from qzrisk.text import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLD = 3
"""Indicators and hazards told in words."""


def parts(loaded: Loaded, results: Results, project: Project, unit: str,
          hazard: str | None = None) -> pd.DataFrame:
    """Return what each indicator adds to the index of one unit.

    Parameters
    ----------
    loaded, results, project : of the run
    unit : unit_id of any level
    hazard : code of a hazard, or None for the composite

    Returns
    -------
    DataFrame by indicator, the largest contribution first
        As `analysis.risk.explain`: value as it enters the index (0 for hazards that are absent),
        weight, contribution, share, median, rank; and score and median_score on the indicator's
        own scale, name, dimension, and filled (True where a village's value is the median).
        Medians and ranks are those of the units of the same level. The contributions sum to the
        index where the method is the weighted mean; else they are those of that mean.

    Raises
    ------
    ConfigError
        If the unit or the hazard is unknown.
    """
    made = _assessed(results, hazard)
    level, units = _level(unit, loaded), loaded.tables["units"]
    means = made.means(level, units, hazard)
    load = made.tree["weight"] if hazard is None else made.members[hazard]
    index = results.risk[level].index
    found = _risk.explain(means.reindex(index), load, unit)
    found = found[found["weight"] > 0]
    plain = made.means(level, units, hazard, entering=False).reindex(index)
    filled = (made.flags.loc[unit] if level == "village"
              else pd.Series(False, index=made.flags.columns))
    return found.assign(
        score=plain.loc[unit].reindex(found.index),
        median_score=plain.median().reindex(found.index),
        name=pd.Series(indicator_names(project)).reindex(found.index),
        dimension=made.tree["dimension"].reindex(found.index),
        filled=filled.reindex(found.index))


def explain(loaded: Loaded, results: Results, project: Project, unit: str,
            hazard: str | None = None) -> str:
    """Return in words why a unit has its class: index, rank and its interval, hazards, indicators.

    Parameters
    ----------
    loaded, results, project, unit, hazard : as `parts`

    Returns
    -------
    str in the language of the project; a unit without data is said to have none.
    """
    made, language = _assessed(results, hazard), project.language
    level = _level(unit, loaded)
    row = risk_table(results, level, hazard).loc[unit]
    found = parts(loaded, results, project, unit, hazard)
    if pd.isna(row["risk_index"]):
        known = made.raw.loc[unit] if level == "village" else pd.Series(dtype=float)
        lost = list(known.index[known.isna()])
        said = text("account_unknown", language, name=row["name"])
        names = indicator_names(project)
        return said + (text("account_missing", language, names=_joined(
            [names[name] for name in lost], language)) if lost else "")
    sentences = [text(
        "account_index", language, name=row["name"], level=text(f"level_{level}", language),
        what=_what(hazard, language), index=row["risk_index"],
        word=palette(risk_palette(project)).words(language)[row["risk_class"]])]
    if hazard is None:
        sentences += _composite_words(made, project, row, unit, level)
    if level != "village":
        sentences.append(text("account_red", language, share=row["red_area_share"]))
    sentences.append(_indicator_words(found, language))
    sentences += _not_mean(project)
    if found["filled"].any():
        sentences.append(text("account_filled", language, names=_joined(
            found["name"][found["filled"]].tolist(), language)))
    sentences += [text("synthetic", language)] if project.synthetic else []
    return ("" if language == "zh" else " ").join(sentences)


def chart(loaded: Loaded, results: Results, project: Project, unit: str,
          hazard: str | None = None) -> Figure:
    """Return a bar chart of what each indicator adds to the index of one unit.

    Parameters
    ----------
    loaded, results, project, unit, hazard : as `parts`

    Raises
    ------
    ConfigError
        If the unit or the hazard is unknown, or the unit has no data.
    """
    from qzrisk.maps import bars

    language = project.language
    found = parts(loaded, results, project, unit, hazard)
    if found["contribution"].isna().all():
        raise ConfigError("no data to draw", where=f"unit {unit}", mend="explain() says what lacks")
    drawn = pd.DataFrame({
        "value": found["contribution"], "median": found["median"] * found["weight"],
        "group": [text(f"dimension_{part}", language) for part in found["dimension"]],
    }).set_axis(found["name"], axis=0)
    name = loaded.tables["units"].loc[unit, "name"]
    foot = [text("synthetic", language)] if project.synthetic else []
    foot += _not_mean(project)
    foot += class_notes(results, _level(unit, loaded), project, hazard)[:1]
    return bars.draw(drawn, axis=text("account_axis", language), foot=" · ".join(foot),
                     title=text("account_chart", language, name=name,
                                what=_what(hazard, language)))


def _not_mean(project: Project) -> list[str]:
    """Return the sentence that contributions do not sum to an index that is no weighted mean."""
    way = project.risk.method
    return [] if way == "arithmetic" else [text(
        "account_not_mean", project.language, method=text(f"method_{way}", project.language))]


def _assessed(results: Results, hazard: str | None) -> Assessment:
    made = results.assessed
    if made is None:
        raise ConfigError("results without risk", where="results",
                          mend="qz.pipeline.risk.assess.assess(...) makes it")
    if hazard is not None and hazard not in made.by_hazard:
        raise ConfigError("unknown hazard", where="hazard", got=hazard,
                          expected=", ".join(made.by_hazard))
    return made


def _level(unit: str, loaded: Loaded) -> str:
    units = loaded.tables["units"]
    if unit not in units.index:
        raise ConfigError("unknown unit", where="unit", got=unit,
                          expected=f"one of {len(units)} ids, e.g. {list(units.index[:3])}")
    return str(units.loc[unit, "level"])


def _what(hazard: str | None, language: str) -> str:
    return text("risk_composite", language) if hazard is None else hazard_name(hazard, language)


def _joined(words: list[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(words)


def _composite_words(made: Assessment, project: Project, row: pd.Series, unit: str, level: str
                     ) -> list[str]:
    language, sure = project.language, made.confidence[level]
    drawn, said = sure.loc[unit], []
    count = int(sure["rank"].notna().sum())
    if count > 1 and pd.notna(drawn["rank"]):
        said.append(text("account_rank", language, count=count, rank=drawn["rank"],
                         low=drawn["rank_low"], high=drawn["rank_high"],
                         draws=project.risk.draws, share=drawn["confidence"]))
    shares = pd.Series({hazard: row[f"share_{hazard}"] for hazard in made.by_hazard}).dropna()
    if len(shares) > 1:
        words = [text("account_share", language, word=hazard_name(str(hazard), language),
                      share=share) for hazard, share in shares.nlargest(TOLD).items()]
        said.append(text("account_hazards", language, words=_joined(words, language)))
    return said


def _indicator_words(found: pd.DataFrame, language: str) -> str:
    words = [text("account_indicator", language, word=row["name"], value=row["score"],
                  side=text("account_above" if row["score"] > row["median_score"]
                            else "account_below", language), median=row["median_score"],
                  contribution=row["contribution"],
                  share=row["share"] if pd.notna(row["share"]) else 0.0)
             for _, row in found.head(TOLD).iterrows()]
    return text("account_indicators", language, words=("；" if language == "zh" else "; ").join(
        words))

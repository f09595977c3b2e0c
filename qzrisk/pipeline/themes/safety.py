"""Work-safety risk of a project: levels of risk points and enterprises, counts, findings.

An enterprise takes its worst point. Groups are told as counts of colours, never as a mean.
"""

from __future__ import annotations

import pandas as pd

from qzrisk.analysis import risk
from qzrisk.layers.findings import findings, gather
from qzrisk.levels import ordered, palette
from qzrisk.maps import audience
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import counts

PARTS = {"firms": "firms", "points": "risk_points"}
"""Stem of the columns of colours -> column of their sum."""

_CODES = palette("safety").codes[::-1]


def point_levels(loaded: Loaded) -> pd.Series:
    """Return the level of each risk point; NaN where a score is missing or off its scale."""
    points = loaded.tables["risk_points"]
    return risk.point_levels(points[risk.off_scale(points) == ""]).reindex(points.index)


def firm_levels(loaded: Loaded) -> pd.Series:
    """Return the level of each enterprise.

    Returns
    -------
    Series of ordered levels named ``level``, indexed ``enterprise_id``
        That of its worst point, NaN without a graded point; in a project without risk points the
        declared one. An enterprise with a graded major hazard source is red by rule.
    """
    firms = loaded.layers["enterprises"]
    if "risk_points" in loaded.tables:
        points = loaded.tables["risk_points"]
        levels = risk.worst(point_levels(loaded), points["enterprise_id"]).astype("str")
    else:
        levels = firms.get("level", pd.Series(None, index=firms.index, dtype="str")).astype("str")
    levels = levels.reindex(firms.index)
    if "major_hazard_grade" in firms:
        levels = levels.mask(firms["major_hazard_grade"].notna(), "red")
    return ordered(levels).rename("level")


def by_county(loaded: Loaded) -> pd.DataFrame:
    """Return enterprises and risk points by county and colour, see `counts.by_unit`."""
    units = loaded.tables["units"]
    tables = []
    for stem, frame in _parts(loaded).items():
        values = counts.dummies(frame, "level", _CODES, prefix=f"{stem}_")
        tables.append(counts.by_unit(values.assign(**{PARTS[stem]: 1.0}), units))
    return pd.concat(tables, axis=1)


def by_town(loaded: Loaded) -> pd.DataFrame:
    """Return enterprises by town and colour; the last rows hold what is in no town, and all."""
    frame = _parts(loaded)["firms"]
    table = audience.town_counts(frame, loaded.tables["units"],
                                 by=frame["level"].fillna("none")).astype(float)
    table = table.reindex(columns=[*_CODES, *(["none"] if "none" in table else []), "count"],
                          fill_value=0.0)
    table.columns = [PARTS["firms"] if c == "count" else f"firms_{c}" for c in table]
    every = _colours(frame.assign(all=counts.TOTAL), "firms", "all")
    rest = (every.iloc[0] - table.sum()).reindex(table.columns, fill_value=0.0)
    if rest.any():
        table.loc[counts.UNPLACED] = rest
    table.loc[counts.TOTAL] = every.iloc[0].reindex(table.columns, fill_value=0.0)
    return table


def by_sector(loaded: Loaded) -> pd.DataFrame:
    """Return enterprises and risk points by sector and colour, all of them last.

    The code ``none`` stands for those whose sector is not given.
    """
    tables = []
    for stem, frame in _parts(loaded).items():
        named = frame.assign(sector=frame.get("sector", pd.Series(
            None, index=frame.index, dtype="str")).fillna("none"))
        tables.append(_colours(named, stem, "sector"))
    table = pd.concat(tables, axis=1).fillna(0.0).sort_index()
    table.loc[counts.TOTAL] = table.sum()
    return table.rename_axis("sector")


def by_firm(loaded: Loaded) -> pd.DataFrame:
    """Return every enterprise with its level, the declared one, and its points by colour."""
    firms = loaded.layers["enterprises"]
    columns = [c for c in ("name", "unit_id", "kind", "sector") if c in firms]
    table = pd.DataFrame(firms[columns]).assign(level=firm_levels(loaded).astype("str"))
    if "level" in firms:
        table["declared"] = firms["level"].astype("str")
    if "risk_points" in loaded.tables:
        points = _parts(loaded)["points"]
        colours = _colours(points, "points", "enterprise_id")
        table = table.join(colours.reindex(table.index, fill_value=0.0))
    return table.rename_axis("enterprise_id")


def found(loaded: Loaded, language: str) -> pd.DataFrame:
    """Return the findings on risk points and on enterprises as they follow from them.

    A score off its scale is an error, and the point has no level; a missing score, a declared
    level that the scores or the points do not bear out, an enterprise without points and a point
    of no enterprise are warnings.
    """
    if not {"risk_points"} <= set(loaded.tables) or "enterprises" not in loaded.layers:
        return gather([])
    points, firms = loaded.tables["risk_points"], loaded.layers["enterprises"]
    levels, off = point_levels(loaded), risk.off_scale(points)
    parts = [_finding("score_off_scale", off[off != ""], "L/E/C/S", language, severity="error"),
             _finding("score_missing", points["method"][levels.isna() & (off == "")], "L/E/C/S",
                      language)]
    if "grade" in points:
        parts.append(_differs("grade_differs", points["grade"], levels, "risk_points", "grade",
                              language))
    if "level" in firms:
        parts.append(_differs("level_differs", firms["level"], firm_levels(loaded), "enterprises",
                              "level", language))
    bare = ~firms.index.isin(points["enterprise_id"])
    parts.append(_finding("no_risk_points", firms.index[bare].to_series(), "level", language,
                          layer="enterprises"))
    strange = points["enterprise_id"][~points["enterprise_id"].isin(firms.index)]
    parts.append(_finding("unknown_enterprise", strange, "enterprise_id", language))
    return gather(parts)


def _finding(rule: str, rows: pd.Series, field: str, language: str, *,
             severity: str = "warning", layer: str = "risk_points") -> pd.DataFrame:
    return findings(rule, "error" if severity == "error" else "warning", layer=layer,
                    language=language, rows=[0] * len(rows), values=rows, record_ids=rows.index,
                    field=field)


def _differs(rule: str, declared: pd.Series, levels: pd.Series, layer: str, field: str,
             language: str) -> pd.DataFrame:
    """Return a finding for each declared level that is not the one found."""
    words = palette("safety").words(language)
    said, mine = declared.astype("str"), levels.astype("str")
    wrong = said.index[said.notna() & mine.notna() & (said != mine)]
    parts = [findings(rule, "warning", layer=layer, language=language, values=[words[said[key]]],
                      record_ids=[key], field=field, expected=words[mine[key]]) for key in wrong]
    return gather(parts)


def _parts(loaded: Loaded) -> dict[str, pd.DataFrame]:
    """Return enterprises, and risk points where there are some, with their levels.

    A point without unit or sector has those of its enterprise.
    """
    firms = loaded.layers["enterprises"]
    made = {"firms": pd.DataFrame(firms.drop(columns=firms.geometry.name)).assign(
        level=firm_levels(loaded).astype("str"))}
    if "risk_points" not in loaded.tables:
        return made
    points = loaded.tables["risk_points"]
    points = points.assign(level=point_levels(loaded).astype("str"))
    for column in ("unit_id", "sector"):
        if column in firms:
            theirs = points["enterprise_id"].map(firms[column].astype("str"))
            own = points[column].astype("str") if column in points else theirs
            points[column] = own.where(own.notna(), theirs)
    return made | {"points": points}


def _colours(frame: pd.DataFrame, stem: str, by: str) -> pd.DataFrame:
    """Return the number of records of each colour, of none, and of all, by group."""
    table = risk.counts(ordered(frame["level"]), frame[by]).astype(float)
    table = table[[*_CODES, "no_data"]]
    table.columns = pd.Index([*(f"{stem}_{code}" for code in _CODES), f"{stem}_none"])
    if not table[f"{stem}_none"].any():
        table = table.drop(columns=f"{stem}_none")
    return table.assign(**{PARTS[stem]: table.sum(axis=1)})

"""Checks of one record against itself: what two of its columns say cannot both be true.

The rules are a table; each names its columns and is passed over where a layer lacks one of them.
None bars a row: the county is asked, the declared value stays as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk import crs, rules
from qzrisk.layers.findings import Severity, findings, gather
from qzrisk.layers.schema import LayerSchema, schema

PACK = "shelters"
Pack = Mapping[str, Any]
Broken = Callable[[pd.DataFrame, Pack], pd.Series]


@dataclass(frozen=True, slots=True)
class Rule:
    """One question asked of each record of a layer.

    Attributes
    ----------
    layer : name of the schema.
    name : of the rule; its words are ``rule_<name>`` and ``fix_<name>`` of the text table.
    field : column that the finding stands at.
    needs : columns that must be there; their values are shown, joined by `` / ``.
    broken : (frame, pack) -> bool Series; missing values break no rule.
    severity : warning or note.
    """

    layer: str
    name: str
    field: str
    needs: tuple[str, ...]
    broken: Broken
    severity: Severity = "warning"


def _after(late: str, early: str) -> Broken:
    """Broken where `late` comes before `early`."""
    return lambda frame, _: frame[late] < frame[early]


def _over(part: str, whole: str) -> Broken:
    """Broken where `part` is more than `whole`."""
    return lambda frame, _: frame[part] > frame[whole]


def _lacks(column: str, when: str, *values: object) -> Broken:
    """Broken where `column` is missing though `when` holds one of `values`."""
    return lambda frame, _: frame[when].isin(values) & frame[column].isna()


def _still(state: str) -> Broken:
    """Broken where `state` is open though a closing date is given."""
    return lambda frame, _: (frame[state] == "open") & frame["closed_on"].notna()


def _sum_over(parts: tuple[str, ...], whole: str) -> Broken:
    return lambda frame, _: frame[list(parts)].sum(axis=1) > frame[whole]


def _over_area(frame: pd.DataFrame, pack: Pack) -> pd.Series:
    # A site of open ground alone is another matter: see `outdoor_only`.
    indoor = frame["space"] != "outdoor" if "space" in frame else True
    return (frame["capacity_persons"] > places_indoors(frame, pack)) & indoor


def _below_tier(frame: pd.DataFrame, pack: Pack) -> pd.Series:
    minimum = {tier: entry["value"] for tier, entry in pack["tier_minimum"].items()}
    return frame["capacity_persons"] < frame["tier"].map(minimum)


def _outdoor_otherwise(frame: pd.DataFrame, _: Pack) -> pd.Series:
    others = frame["hazards_served"].str.replace("earthquake", "").str.strip(";") != ""
    return (frame["space"] == "outdoor") & others & frame["hazards_served"].notna()


def _parts_differ(frame: pd.DataFrame, _: Pack) -> pd.Series:
    both = frame["full_members"] + frame["reserve_members"]
    return both.notna() & (both != frame["members"])


_STATE = {"railway_points": "status", "hidden_dangers": "state"}
"""Ledgers -> their column of state, ``open`` or ``closed``."""

RULES: tuple[Rule, ...] = (
    Rule("shelters", "over_capacity", "capacity_persons", ("capacity_persons", "indoor_area_m2"),
         _over_area),
    Rule("shelters", "indoor_over_total", "indoor_area_m2", ("indoor_area_m2", "usable_area_m2"),
         _over("indoor_area_m2", "usable_area_m2")),
    Rule("shelters", "opened_before_built", "upgraded_year", ("upgraded_year", "built_year"),
         _after("upgraded_year", "built_year")),
    Rule("shelters", "below_tier_minimum", "capacity_persons", ("capacity_persons", "tier"),
         _below_tier, "note"),
    Rule("shelters", "outdoor_only", "hazards_served", ("hazards_served", "space"),
         _outdoor_otherwise, "note"),
    Rule("shelters", "indoor_area_missing", "indoor_area_m2", ("indoor_area_m2", "space"),
         _lacks("indoor_area_m2", "space", "both")),
    Rule("shelters", "intensity_missing", "seismic_intensity",
         ("seismic_intensity", "hazards_served", "space"),
         lambda frame, _: frame["hazards_served"].str.contains("earthquake", na=False)
         & frame["seismic_intensity"].isna() & (frame["space"] != "outdoor"), "note"),
    *(Rule(layer, "closed_before_found", "closed_on", ("closed_on", "found_on"),
           _after("closed_on", "found_on")) for layer in _STATE),
    *(Rule(layer, "due_before_found", "due_on", ("due_on", "found_on"),
           _after("due_on", "found_on")) for layer in _STATE),
    *(Rule(layer, "closed_without_date", "closed_on", (_STATE[layer], "closed_on"),
           _lacks("closed_on", _STATE[layer], "closed")) for layer in _STATE),
    *(Rule(layer, "open_with_closing_date", "closed_on", (_STATE[layer], "closed_on"),
           _still(_STATE[layer])) for layer in _STATE),
    Rule("hidden_dangers", "major_without_due", "due_on", ("grade", "due_on"),
         _lacks("due_on", "grade", "重大")),
    Rule("hidden_danger_counts", "closed_over_found", "closed", ("closed", "found"),
         _over("closed", "found")),
    Rule("railway_sections", "section_reversed", "to_m", ("from_m", "to_m"),
         lambda frame, _: frame["to_m"] <= frame["from_m"]),
    Rule("railway_sections", "closed_over_found", "points_closed", ("points_closed", "points"),
         _over("points_closed", "points")),
    *(Rule("railway_sections", "chief_missing", chief, ("in_force", chief),
           _lacks(chief, "in_force", True)) for chief in ("local_chief", "railway_chief")),
    Rule("teams", "parts_differ", "members", ("full_members", "reserve_members", "members"),
         _parts_differ),
    Rule("hazard_points", "households_over_persons", "threatened_households",
         ("threatened_households", "threatened_persons"),
         _over("threatened_households", "threatened_persons")),
    Rule("responses", "ended_before_started", "ended_on", ("ended_on", "started_on"),
         _after("ended_on", "started_on")),
    Rule("survey", "submitted_before_surveyed", "submitted_on", ("submitted_on", "surveyed_on"),
         _after("submitted_on", "surveyed_on")),
    Rule("survey", "errors_over_indicators", "indicator_errors",
         ("indicator_errors", "indicators"), _over("indicator_errors", "indicators")),
    *(Rule(layer, "parts_over_total", "persons",
           ("elderly_persons", "children_persons", "persons"),
           _sum_over(("elderly_persons", "children_persons"), "persons"))
      for layer in ("population", "demand")),
    Rule("demand", "at_risk_over_persons", "at_risk_persons_any",
         ("at_risk_persons_any", "persons"), _over("at_risk_persons_any", "persons")),
)
_PAST = {"found_on", "closed_on", "occurred_on", "surveyed_on", "submitted_on", "checked_on",
         "started_on", "last_patrol_on", "built_year", "upgraded_year", "awarded_year"}
"""Columns that tell of what has happened: not later than the day of the project."""


def check(frame: pd.DataFrame, layer: str | LayerSchema, *, pack: Pack | None = None,
          as_of: dt.date | None = None, rows: np.ndarray | None = None, source: str = "",
          language: str = "zh") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check each record of a layer for logical consistency between its attributes.

    Parameters
    ----------
    frame : canonical frame, indexed by the schema's key or with it as a column
    layer : schema or its name
    pack : rule pack; by default ``shelters``
    as_of : day of the project: nothing may have happened after it; None asks nothing
    rows : 1-based record numbers in the file, aligned with `frame`; 0 where not known
    source, language : file name for the findings, language of the messages

    Returns
    -------
    (frame, issues)
        The frame with computed columns beside the declared ones (shelters:
        ``effective_capacity_persons``); findings of severity warning or note, none of which bars
        a row.

    Examples
    --------
    >>> shelters = pd.DataFrame({"name": ["a"], "capacity_persons": [200],
    ...     "indoor_area_m2": [361.0]}, index=pd.Index(["S1"], name="shelter_id"))
    >>> out, issues = check(shelters, "shelters", language="en")
    >>> int(out["effective_capacity_persons"].iloc[0]), issues[["rule", "value"]].values.tolist()
    (180, [['over_capacity', '200 / 361']])
    """
    frame, parts = judge(frame, schema(layer), pack=pack, as_of=as_of, rows=rows, source=source,
                         language=language)
    return frame, gather(parts)


def judge(frame: pd.DataFrame, layout: LayerSchema, *, pack: Pack | None = None,
          as_of: dt.date | None = None, rows: np.ndarray | None = None, source: str = "",
          language: str = "zh") -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Do what `check` does; the findings rule by rule, not yet in order."""
    pack = rules.load(PACK) if pack is None else pack
    if frame.empty:
        return frame, []
    say = _Speaker(frame, layout, rows, source, language)
    for rule in RULES:
        if rule.layer == layout.name and all(column in frame for column in rule.needs):
            say(rule.name, rule.severity, rule.broken(frame, pack), rule.field, rule.needs)
    if as_of is not None:
        _check_past(frame, layout, as_of, say)
    if layout.geometry == "Point" and not layout.far and isinstance(frame, gpd.GeoDataFrame):
        coarse = coarse_positions(frame, step_deg=pack["position"]["coarse"]["value"])
        say("coarse_coordinates", "note", coarse, "geometry", ())
    if layout.name == "shelters":
        frame = _with_effective_capacity(frame, pack, say)
    return frame, say.parts


def places_indoors(shelters: pd.DataFrame, pack: Pack) -> pd.Series:
    """Return the persons that the indoor usable area holds, NaN where it is not known.

    An indoor shelter whose indoor part is not recorded is all indoors, an outdoor one not at all.

    Examples
    --------
    >>> places_indoors(pd.DataFrame({"indoor_area_m2": [361.0, 3.9]}), rules.load("shelters"))
    0    180.0
    1      1.0
    Name: indoor_area_m2, dtype: float64
    """
    area, whole = (_numbers(shelters, name) for name in ("indoor_area_m2", "usable_area_m2"))
    space = shelters["space"] if "space" in shelters else pd.Series("", index=shelters.index)
    area = area.fillna(whole.where(space == "indoor"))
    area = area.where(area.notna() | (space != "outdoor"), 0.0)
    return np.floor(area / pack["places"]["m2_per_person"]["value"])


def effective_capacity(shelters: pd.DataFrame, pack: Pack) -> pd.Series:
    """Return the persons a shelter can really take: the lesser of declared and indoor places.

    Parameters
    ----------
    shelters : canonical frame
    pack : rule pack with ``places.m2_per_person``

    Returns
    -------
    Series of Int64, persons, indexed as `shelters`
        Of one figure where only one is known; missing where neither is. Open ground is not in
        it: it counts for earthquakes only.

    References
    ----------
    MZ/T 052-2014: at least 2 m2 a person.
    """
    declared = _numbers(shelters, "capacity_persons")
    both = np.fmin(declared, places_indoors(shelters, pack))
    return pd.Series(both, index=shelters.index, name="effective_capacity_persons").astype("Int64")


def coarse_positions(points: gpd.GeoDataFrame, *, step_deg: float) -> pd.Series:
    """Tell which positions are whole multiples of `step_deg` in longitude and latitude."""
    degrees = points.geometry.to_crs(crs.GEOGRAPHIC)
    shapes = np.asarray(degrees.array)
    steps = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]) / step_deg
    with np.errstate(invalid="ignore"):
        # 1e-5 of a step is a millimetre: what a projection and its inverse may leave.
        whole = (np.abs(steps - np.round(steps)) < 1e-5).all(axis=1)
    return pd.Series(whole, index=points.index)


class _Speaker:
    """Turns masks over a frame into findings."""

    def __init__(self, frame: pd.DataFrame, layout: LayerSchema, rows: np.ndarray | None,
                 source: str, language: str) -> None:
        self.frame, self.layout, self.source, self.language = frame, layout, source, language
        self.rows = np.zeros(len(frame), dtype=int) if rows is None else np.asarray(rows)
        self.ids = frame[layout.key] if layout.key in frame else frame.index.to_series()
        self.parts: list[pd.DataFrame] = []

    def __call__(self, rule: str, severity: Severity, mask: pd.Series, column: str,
                 shown: tuple[str, ...]) -> None:
        """Add a finding for each row of `mask`; its value shows the columns `shown`."""
        hit = np.flatnonzero(mask.to_numpy(dtype=bool, na_value=False))
        if not len(hit):
            return
        cells = [self.frame[name].iloc[hit].map(_cell) for name in shown]
        values = [" / ".join(filter(None, row)) for row in zip(*cells, strict=True)]
        frame = self.frame
        self.parts.append(findings(
            rule, severity, layer=self.layout.name, source=self.source, language=self.language,
            rows=self.rows[hit], record_ids=self.ids.iloc[hit], values=values or None,
            field=column, heading=self.layout.heading(column, self.language)
            if column in self.layout.columns else "",
            geometry=frame.geometry.iloc[hit] if isinstance(frame, gpd.GeoDataFrame) else None))


def _cell(value: Any) -> str:
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return ""
    if isinstance(value, dt.date):
        return value.strftime("%Y-%m-%d")
    return f"{value:g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)


def _numbers(frame: pd.DataFrame, name: str) -> pd.Series:
    if name not in frame:
        return pd.Series(np.nan, index=frame.index, name=name)
    return frame[name].astype("Float64").astype("float64")


def _check_past(frame: pd.DataFrame, layout: LayerSchema, as_of: dt.date, say: _Speaker) -> None:
    for name in sorted(_PAST & set(layout.columns) & set(frame.columns)):
        if layout.columns[name].type == "date":
            late = frame[name] > pd.Timestamp(as_of)
        else:
            late = frame[name] > as_of.year
        say("in_future", "warning", late, name, (name,))


def _with_effective_capacity(shelters: pd.DataFrame, pack: Pack, say: _Speaker) -> pd.DataFrame:
    """Return the shelters with their effective capacity where it was absent, and say so."""
    computed = effective_capacity(shelters, pack)
    given = _numbers(shelters, "effective_capacity_persons").astype("Int64")
    filled = given.fillna(computed)
    say.frame = shelters.assign(effective_capacity_persons=filled, computed=computed)
    absent = _numbers(shelters, "capacity_persons").isna()
    in_use = shelters["status"] != "unfit" if "status" in shelters else absent | True
    if "capacity_persons" in shelters or not absent.any():
        shown = ("effective_capacity_persons",)
        say("missing_capacity", "warning", absent & in_use, "capacity_persons", shown)
        say("missing_capacity", "note", absent & ~in_use, "capacity_persons", shown)
    else:
        say.parts.append(findings("missing_capacity", "warning", layer="shelters",
                                  source=say.source, language=say.language,
                                  field="capacity_persons",
                                  heading=say.layout.heading("capacity_persons", say.language)))
    say("capacity_from_area", "note", absent & given.isna() & computed.notna(),
        "effective_capacity_persons", ("effective_capacity_persons",))
    say("no_capacity_no_area", "warning", absent & in_use & filled.isna(),
        "effective_capacity_persons", ())
    # Where no area is known, the person who filled it in may know of less room, not of more.
    known = places_indoors(shelters, pack).notna()
    say("effective_differs", "warning", (given != computed) & (known | (given > computed)),
        "effective_capacity_persons", ("effective_capacity_persons", "computed"))
    whole = filled.astype("int64") if filled.notna().all() else filled
    return shelters.assign(effective_capacity_persons=whole)

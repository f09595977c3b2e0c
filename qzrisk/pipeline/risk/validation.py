"""The composite and each hazard against past events: a table for the bureau's own eyes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qzrisk.analysis import indicators, validation
from qzrisk.levels import palette
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.risk.assess import COMPOSITE, Assessment
from qzrisk.pipeline.risk.notes import hazard_name, risk_palette
from qzrisk.project import Project
from qzrisk.reports import workbook
from qzrisk.text import text

STEPS = tuple(step / 10 for step in range(1, 11))
"""Shares of the area at which the success-rate curve is told."""

TOP = 2
"""Highest classes whose share of the events is told."""


def recorded(loaded: Loaded, project: Project) -> pd.DataFrame | None:
    """Return the events that happened, without generated ones; None where there are none.

    Parameters
    ----------
    loaded, project : of the run

    Returns
    -------
    GeoDataFrame of the layers of schema ``events``, or None
        An event that does not say whether it is generated counts as generated in a project with
        synthetic data.
    """
    kinds = project.kinds()
    frames = [frame for name, frame in loaded.layers.items() if kinds.get(name) == "events"]
    if not frames:
        return None
    events = frames[0] if len(frames) == 1 else pd.concat(frames)
    told = events.get("synthetic", pd.Series(pd.NA, index=events.index))
    made = told.astype("boolean").fillna(project.synthetic).astype(bool)
    return events[~made] if (~made).any() else None


def compare(loaded: Loaded, made: Assessment, events: pd.DataFrame
            ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Compare the scores of the villages with events.

    Parameters
    ----------
    loaded, made : of the run
    events : GeoDataFrame of points with ``hazard``, in the CRS of the project
        A hazard is compared with its own events, the composite with all.

    Returns
    -------
    (summary, success, classes) : DataFrames
        `summary` by index: events, outside (of all villages with a score), villages (with an
        event), auc (NaN unless some villages with a score have an event and some have none),
        top_event_share and top_area_share of the `TOP` highest classes. `success` by index and
        area_share: event_share. `classes` by index and class: units, events, shares, ratio.
        An index without a single event inside has no rows in `success` and `classes`.
    """
    boundaries = loaded.layers["boundaries"]
    villages = boundaries[boundaries["level"] == "village"]
    place = indicators.zone_of(events, villages)
    rows, curves, classes = {}, {}, {}
    for name in made.bounds:
        table = (made.tables if name == COMPOSITE else made.by_hazard[name])["village"]
        mine = place if name == COMPOSITE else place[events["hazard"] == name]
        count = mine.value_counts().reindex(table.index).fillna(0.0)
        score, area = table["risk_index"], villages["area_m2"].reindex(table.index)
        count = count.where(score.notna(), 0.0)
        row = {"events": len(mine), "outside": len(mine) - int(count.sum()),
               "villages": int((count > 0).sum()), "auc": _auc(score, count > 0)}
        if count.sum():
            found = validation.events_by_class(table["risk_class"], count, area=area)
            top = found.head(TOP)
            row |= {"top_event_share": top["event_share"].sum(),
                    "top_area_share": top["area_share"].sum()}
            classes[name] = found
            curve = validation.success_rate(score, count, area=area)
            curves[name] = pd.DataFrame({"area_share": STEPS, "event_share": np.interp(
                STEPS, curve["area_share"], curve["event_share"])})
        rows[name] = row
    columns = ["events", "outside", "villages", "auc", "top_event_share", "top_area_share"]
    return (pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns),
            pd.concat(curves) if curves else pd.DataFrame(columns=["area_share", "event_share"]),
            pd.concat(classes) if classes else pd.DataFrame())


def _auc(score: pd.Series, event: pd.Series) -> float:
    known = event[score.notna()]
    return validation.auc(score, event) if known.any() and not known.all() else float("nan")


def sheets(loaded: Loaded, made: Assessment, project: Project, lines: list[str]
           ) -> dict[str, workbook.Sheet]:
    """Return the tables of validation; none on a public product or without recorded events.

    Notes
    -----
    On generated events the figures would test the software and not the map, so nothing is written.
    """
    events = recorded(loaded, project) if project.audience == "internal" else None
    if events is None:
        return {}
    language = project.language
    summary, success, classes = compare(loaded, made, events)
    if classes.empty:
        return {}
    names = {name: text("risk_composite", language) if name == COMPOSITE
             else hazard_name(name, language) for name in made.bounds}
    levels = {**palette(risk_palette(project)).words(language),
              "no_data": text("no_data", language)}
    shares = dict.fromkeys(("event_share", "area_share", "top_event_share", "top_area_share"),
                           "0.0%")
    made_sheets = {}
    for stem, frame in (("summary", summary), ("success", success), ("classes", classes)):
        frame = frame.rename_axis(["bound_index", "level"][:frame.index.nlevels]).reset_index()
        if stem == "success":
            frame = frame.drop(columns="level")
        frame = frame.set_index("bound_index")
        heads = {column: text(f"validation_{column}", language) for column in frame}
        made_sheets[f"risk_validation_{stem}"] = workbook.Sheet(
            name=text(f"validation_sheet_{stem}", language),
            title=text("title_risk_validation", language, city=project.word("title")),
            frame=_named(frame, names), words={"level": levels},
            headings={"bound_index": text("head_bound_index", language),
                      "name": text("head_name", language), **heads},
            formats={**shares, "auc": "0.000", "ratio": "0.00"},
            notes=[text("validation_note", language), text("validation_note_auc", language),
                   *lines])
    return made_sheets


def _named(frame: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    named = frame.copy()
    named.insert(0, "name", [names[str(name)] for name in frame.index])
    return named

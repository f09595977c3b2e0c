"""Which shelters count for a hazard, with how many places, and why the others do not."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from qzrisk import rules
from qzrisk.analysis import suitability as _suitability
from qzrisk.pipeline.load import Loaded
from qzrisk.project import Project

USABLE = ("open", "standby")
OUTDOOR_HAZARD = "earthquake"
BASES = ("recorded", "estimated", "declared", "unknown")


def judged(shelters: gpd.GeoDataFrame, loaded: Loaded, project: Project, hazard: str
           ) -> pd.DataFrame:
    """Return what each shelter is worth when a hazard strikes.

    Parameters
    ----------
    shelters : all shelters of the project, with ``unit_id``
    loaded, project : for the layers that tell whether a site is safe
    hazard : code

    Returns
    -------
    DataFrame indexed shelter_id
        ``serves``: the hazard is among ``hazards_served``, or nothing is recorded there;
        ``usable``: status open or standby; ``suitable, reason, value, limit, unknown``: see
        `analysis.suitability`; ``places`` and ``places_basis``: see `places`; ``excluded``: why it
        does not count (``closed``, ``unsafe``, ``capacity_unknown``), NaN if it counts or does not
        serve; ``counts``; ``flags``: what is not known of it, codes joined by ``;``.

    Notes
    -----
    A shelter with nothing recorded of its hazards counts and is flagged: most records are old and
    say nothing, which is not a no. One whose status is missing where others have one does not
    count and is flagged: nobody has said that its door opens.
    """
    kinds = _layers(loaded, project)
    safe = _suitability.suitability(shelters, hazard=hazard, rasters=loaded.rasters, layers=kinds)
    serves, unheard = _serves(shelters, hazard)
    found = pd.concat([places(shelters, hazard), safe], axis=1)
    found.insert(0, "serves", serves)
    found.insert(1, "usable", usable(shelters))
    reasons = ((~found["usable"], "closed"), (~found["suitable"], "unsafe"),
               (found["places_basis"] == "unknown", "capacity_unknown"))
    excluded = pd.Series(np.nan, index=found.index, dtype=object)
    for broken, word in reversed(reasons):
        excluded[broken & serves] = word
    found["excluded"] = excluded
    found["counts"] = serves & excluded.isna()
    unsaid = shelters["status"].isna() if "status" in shelters else serves & False
    flags = {"hazards_unknown": unheard, "status_unknown": unsaid,
             "places_estimated": found["places_basis"].isin(("estimated", "declared")),
             "site_unknown": found["unknown"] != ""}
    found["flags"] = _joined(flags, found.index)
    return found


def untested(loaded: Loaded, project: Project, hazard: str) -> list[str]:
    """Return the rules of suitability that the project has no layer for."""
    return _suitability.untested(hazard, rasters=loaded.rasters, layers=_layers(loaded, project))


def usable(shelters: pd.DataFrame) -> pd.Series:
    """Tell which shelters are open or standby (all, where no status is recorded at all)."""
    if "status" not in shelters:
        return pd.Series(True, index=shelters.index, name="usable")
    return shelters["status"].isin(USABLE).rename("usable")


def places(shelters: pd.DataFrame, hazard: str) -> pd.DataFrame:
    """Return the places of every shelter for a hazard.

    Returns
    -------
    DataFrame(places, places_basis), indexed as `shelters`; whole persons
        ``recorded``: the effective capacity; ``estimated``: indoor usable area over the rule
        pack's area a person; ``declared``: the declared capacity; ``unknown``: 0 places. Where
        both area and declared capacity are known the lesser is taken.

    Notes
    -----
    Open ground counts for earthquakes only, beside the indoor places; it is an estimate from its
    area (``estimated``) wherever it adds places.
    """
    pack = rules.load("coverage")["places"]
    indoor = np.floor(_indoor_m2(shelters) / pack["indoor_m2_per_person"]["value"])
    declared = _number(shelters, "capacity_persons")
    estimate = np.minimum(indoor, declared.where(declared.notna(), np.inf))
    found = pd.DataFrame({"places": _number(shelters, "effective_capacity_persons"),
                          "places_basis": "recorded"}, index=shelters.index)
    for values, basis in ((estimate, "estimated"), (declared, "declared"),
                          (pd.Series(0.0, index=found.index), "unknown")):
        gap = found["places"].isna() & values.notna()
        found.loc[gap, "places"] = values[gap]
        found.loc[gap, "places_basis"] = basis
    if hazard == OUTDOOR_HAZARD:
        ground = np.floor(_outdoor_m2(shelters) / pack["outdoor_m2_per_person"]["value"])
        found["places"] += ground
        found.loc[ground > 0, "places_basis"] = "estimated"
    return found.assign(places=found["places"].astype("int64"))


def _indoor_m2(shelters: pd.DataFrame) -> pd.Series:
    """Usable indoor area: as recorded, else all of an indoor shelter, none of an outdoor one."""
    area, whole = _number(shelters, "indoor_area_m2"), _number(shelters, "usable_area_m2")
    space = _text(shelters, "space")
    return area.fillna(whole.where(space == "indoor")).fillna(
        pd.Series(0.0, index=shelters.index).where(space == "outdoor"))


def _outdoor_m2(shelters: pd.DataFrame) -> pd.Series:
    """Usable open ground of outdoor and mixed shelters; 0 where it is not known."""
    whole, indoor = _number(shelters, "usable_area_m2"), _number(shelters, "indoor_area_m2")
    space = _text(shelters, "space")
    mixed = (whole - indoor).where(space == "both")
    return mixed.fillna((whole - indoor.fillna(0.0)).where(space == "outdoor")).clip(
        lower=0.0).fillna(0.0)


def _layers(loaded: Loaded, project: Project) -> dict[str, gpd.GeoDataFrame]:
    """Return schema of a layer -> the layer, whatever its name in the project."""
    kinds = project.kinds()
    return {kinds[name]: frame for name, frame in loaded.layers.items()}


def _number(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(np.nan, index=frame.index)
    return frame[column].astype("Float64").astype(float)


def _text(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series("", index=frame.index)
    return frame[column].fillna("").astype(str)


def _serves(shelters: pd.DataFrame, hazard: str) -> tuple[pd.Series, pd.Series]:
    """Which shelters serve a hazard or say nothing, and which say nothing."""
    words = _text(shelters, "hazards_served")
    unheard = words == ""
    named = words.str.split(";").map(lambda codes: hazard in codes).astype(bool)
    return named | unheard, unheard


def flagged(flags: pd.Series, raised: pd.Series, code: str) -> pd.Series:
    """Return flags with one code more where it is raised."""
    return flags.where(~raised, (flags + ";" + code).str.lstrip(";"))


def _joined(flags: dict[str, pd.Series], index: pd.Index) -> pd.Series:
    words = pd.Series("", index=index)
    for code, raised in sorted(flags.items()):
        words[raised] = words[raised] + code + ";"
    return words.str.rstrip(";")

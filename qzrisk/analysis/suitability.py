"""Which shelters are themselves unsafe when a hazard strikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from qzrisk import crs, rules
from qzrisk.errors import ConfigError, CRSError
from qzrisk.grid import Raster

PACK = "suitability"


@dataclass(frozen=True, slots=True)
class Rule:
    """One question asked of a shelter.

    Attributes
    ----------
    code : entry of the rule pack, and the reason given.
    layer : raster or layer that answers it.
    kinds : values of the layer's column ``kind`` that matter; empty for all.
    raster : True: the value under the shelter must not exceed the limit; False: the distance to
        the layer (m) must not fall below it.
    """

    code: str
    layer: str
    kinds: tuple[str, ...] = ()
    raster: bool = False


RULES: tuple[Rule, ...] = (
    Rule("flood_depth", "flood_depth", raster=True),
    Rule("surge_depth", "surge_depth", raster=True),
    Rule("landslide", "landslide", raster=True),
    Rule("slope_point", "hazard_points", ("unstable_slope", "high_steep_slope")),
    Rule("hazard_point", "hazard_points", ("landslide", "collapse", "debris_flow")),
    Rule("forest_edge", "forest_zones"),
    Rule("hazardous_plant", "enterprises", ("hazchem",)),
    Rule("railway_strip", "railways"),
)
"""In the order in which a reason is given where several hold."""

COLUMNS = ("suitable", "reason", "value", "limit", "unknown")


def suitability(
    shelters: gpd.GeoDataFrame,
    *,
    hazard: str,
    rasters: Mapping[str, Raster] | None = None,
    layers: Mapping[str, gpd.GeoDataFrame] | None = None,
    pack: Mapping[str, dict[str, rules.Entry]] | None = None,
) -> pd.DataFrame:
    """Screen the sites of shelters against a hazard (exclusion criteria of site selection).

    Parameters
    ----------
    shelters : GeoDataFrame of points in a projected CRS, indexed shelter_id
    hazard : code, e.g. ``"flood"``
    rasters : name -> Raster in that CRS, optional
        Read: ``flood_depth`` (m), ``surge_depth`` (m), ``landslide`` (susceptibility 0..1).
    layers : name -> GeoDataFrame in that CRS, optional
        Read: ``hazard_points`` and ``enterprises`` (column ``kind``), ``forest_zones``,
        ``railways``.
    pack : code of a rule -> {limit, hazards}, optional
        By default the rule pack ``suitability``.

    Returns
    -------
    DataFrame(suitable, reason, value, limit, unknown), indexed as `shelters`
        ``reason``: code of the first of `RULES` that is broken, else empty; ``value`` and ``limit``
        are its measure and limit (m of depth, 0..1, or m of distance), NaN where none is broken;
        ``unknown``: codes joined by ``;`` of rules that found no value at this shelter. An unknown
        value breaks no rule: `unknown` says that nobody looked.

    Raises
    ------
    CRSError
        If the CRS is not projected, or one of the layers has another one.
    ConfigError
        If the pack lacks a rule.

    Notes
    -----
    A depth or susceptibility equal to the limit is allowed, and so is a distance equal to it.
    Rules whose layer is not given are left out: see `untested`.

    Examples
    --------
    >>> halls = gpd.GeoDataFrame(geometry=gpd.points_from_xy([0, 200], [0, 0]), crs="EPSG:4549",
    ...                          index=["a", "b"])
    >>> slope = gpd.GeoDataFrame({"kind": ["high_steep_slope"]}, crs="EPSG:4549",
    ...                          geometry=gpd.points_from_xy([40], [0]))
    >>> found = suitability(halls, hazard="landslide", layers={"hazard_points": slope})
    >>> found["reason"].tolist(), found["value"].tolist()
    (['slope_point', ''], [40.0, nan])
    """
    crs.require_projected(shelters.crs, where="shelters")
    chosen = rules.load(PACK) if pack is None else pack
    found = pd.DataFrame({"suitable": True, "reason": "", "value": np.nan, "limit": np.nan,
                          "unknown": ""}, index=shelters.index)
    for rule in reversed(_applied(hazard, rasters or {}, layers or {}, chosen)):
        limit = float(chosen[rule.code]["limit"]["value"])
        if rule.raster:
            value = (rasters or {})[rule.layer].sample(shelters).to_numpy()
            broken, unknown = value > limit, np.isnan(value)
        else:
            value = _distance_m(shelters, (layers or {})[rule.layer], rule)
            # No feature of the kind anywhere: NaN, and nothing to keep away from.
            broken, unknown = value < limit, shelters.geometry.isna().to_numpy()
        found.loc[broken, ["suitable", "reason"]] = [False, rule.code]
        found.loc[broken, "value"] = value[broken]
        found.loc[broken, "limit"] = limit
        found.loc[unknown, "unknown"] = rule.code + ";" + found.loc[unknown, "unknown"]
    found["unknown"] = found["unknown"].str.rstrip(";")
    return found


def untested(
    hazard: str,
    *,
    rasters: Mapping[str, Raster] | None = None,
    layers: Mapping[str, gpd.GeoDataFrame] | None = None,
    pack: Mapping[str, dict[str, rules.Entry]] | None = None,
) -> list[str]:
    """Return the codes of the rules that matter for a hazard and whose layer is not given.

    Parameters
    ----------
    hazard, rasters, layers, pack : as `suitability`

    Examples
    --------
    >>> untested("surge")
    ['surge_depth', 'hazardous_plant', 'railway_strip']
    """
    chosen = rules.load(PACK) if pack is None else pack
    used = _applied(hazard, rasters or {}, layers or {}, chosen)
    return [rule.code for rule in _of_hazard(hazard, chosen) if rule not in used]


def _of_hazard(hazard: str, pack: Mapping[str, dict[str, rules.Entry]]) -> list[Rule]:
    lost = [rule.code for rule in RULES if rule.code not in pack]
    if lost:
        raise ConfigError("a rule pack without a rule", where=PACK, expected=lost[0],
                          got=sorted(pack), mend=f"add [{lost[0]}] with limit and hazards")
    return [rule for rule in RULES if hazard in pack[rule.code]["hazards"]["value"]]


def _applied(hazard: str, rasters: Mapping[str, Raster], layers: Mapping[str, gpd.GeoDataFrame],
             pack: Mapping[str, dict[str, rules.Entry]]) -> list[Rule]:
    return [rule for rule in _of_hazard(hazard, pack)
            if rule.layer in (rasters if rule.raster else layers)]


def _distance_m(shelters: gpd.GeoDataFrame, layer: gpd.GeoDataFrame, rule: Rule
                ) -> npt.NDArray[np.float64]:
    """Metres from every shelter to the nearest feature of the rule's kinds; NaN if there is none.

    Inside a polygon the distance is 0.
    """
    if layer.crs is None or not crs.require_projected(layer.crs, where=rule.layer).equals(
            shelters.crs, ignore_axis_order=True):
        raise CRSError("two layers in different coordinate reference systems",
                       where=f"shelters and {rule.layer}", expected=f"shelters: {shelters.crs}",
                       got=f"{rule.layer}: {layer.crs}", mend=f"{rule.layer}.to_crs(shelters.crs)")
    kept = layer[layer["kind"].isin(rule.kinds)] if rule.kinds and "kind" in layer else layer
    shapes = kept.geometry.dropna().array
    distance = np.full(len(shelters), np.nan)
    if not len(shapes):
        return distance
    present = np.flatnonzero(shelters.geometry.notna() & ~shelters.geometry.is_empty)
    points = np.asarray(shelters.geometry.array)[present]
    (which, _), near = shapely.STRtree(np.asarray(shapes)).query_nearest(
        points, return_distance=True, all_matches=False)
    distance[present[which]] = near
    return distance

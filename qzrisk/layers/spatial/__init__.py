"""Checks of place: units against one another, records against their unit, layers across.

Positions that cannot be true bar their record; the rest are findings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk import crs, rules
from qzrisk import units as _units
from qzrisk.grid import Raster
from qzrisk.layers.findings import Severity, findings, gather
from qzrisk.layers.schema import LayerSchema, schemas
from qzrisk.layers.spatial.tiling import check_coverage, check_shapes
from qzrisk.layers.values.cells import fold
from qzrisk.text import text

LEVELS = ("village", "town", "county")
_HAZARD_RASTERS = ("flood_depth", "surge_depth", "landslide")
_HAZARD_POINTS = {"slope_point": ("unstable_slope", "high_steep_slope"),
                  "hazard_point": ("landslide", "collapse", "debris_flow")}


@dataclass
class _Run:
    """What is checked, and what was found so far."""

    layers: Mapping[str, gpd.GeoDataFrame]
    tables: Mapping[str, pd.DataFrame]
    kinds: Mapping[str, LayerSchema]
    origin: Mapping[str, pd.DataFrame]
    pack: Mapping[str, Any]
    language: str
    parts: list[pd.DataFrame] = field(default_factory=list)
    barred: dict[str, pd.Series] = field(default_factory=dict)

    def say(self, layer: str, rule: str, severity: Severity, ids: pd.Index | np.ndarray, *,
            values: Any = None, column: str = "", expected: str = "", tail: list[str] | None = None,
            shapes: Any = None) -> None:
        """Add findings on the records `ids`; an error bars them."""
        if not len(ids):
            return
        frame = self.layers.get(layer)
        if shapes is None and frame is not None:
            shapes = frame.geometry.loc[ids]
        known = self.origin.get(layer)
        part = findings(
            rule, severity, layer=layer, language=self.language, values=values, record_ids=ids,
            rows=[0] * len(ids) if known is None else known["row"].reindex(ids).fillna(0),
            field=column, heading=self._heading(layer, column), expected=expected, geometry=shapes)
        if known is not None:
            part["source"] = known["source"].reindex(ids).fillna("").to_numpy()
        if tail is not None:
            part["message"] += tail
        self.parts.append(part)
        if severity == "error":
            told = self.barred.get(layer, pd.Series(dtype=str))
            new = pd.Series(rule, index=pd.Index(ids)).drop(told.index, errors="ignore")
            self.barred[layer] = pd.concat([told, new])

    def _heading(self, layer: str, column: str) -> str:
        kind = self.kinds.get(layer)
        return kind.heading(column, self.language) if kind and column in kind.columns else column


def check(
    layers: Mapping[str, gpd.GeoDataFrame],
    tables: Mapping[str, pd.DataFrame],
    rasters: Mapping[str, Raster] | None = None,
    *,
    kinds: Mapping[str, str] | None = None,
    origin: Mapping[str, pd.DataFrame] | None = None,
    pack: Mapping[str, Any] | None = None,
    language: str = "zh",
) -> tuple[pd.DataFrame, dict[str, pd.Series]]:
    """Check all layers of a project for topological and positional consistency.

    Parameters
    ----------
    layers : name -> canonical GeoDataFrame in one projected CRS, indexed by id
        ``boundaries`` are the units; ``water`` and ``land`` (polygons), if there, tell what is
        water.
    tables : name -> DataFrame; ``units`` is the membership table
    rasters : name -> Raster; ``flood_depth``, ``surge_depth`` and ``landslide`` are read
    kinds : name of a layer -> name of its schema, where they differ
    origin : name of a layer -> DataFrame(row, source) indexed by id, for the findings
    pack : rule pack; by default ``shelters``. Distances to hazards are in ``suitability``.
    language : of the messages

    Returns
    -------
    (issues, barred)
        `barred`: name of a layer -> Series of the rule, indexed by the ids that must be
        quarantined: records in another county, in the sea, or in no unit at all.
    """
    names = {name: (kinds or {}).get(name, name) for name in {**layers, **tables}}
    run = _Run(layers, tables,
               {name: schemas()[kind] for name, kind in names.items() if kind in schemas()},
               origin or {}, rules.load("shelters") if pack is None else pack, language)
    _check_all_shapes(run)
    if "boundaries" in layers:
        places = _Places.of(layers["boundaries"], tables["units"])
        for name in sorted(layers):
            kind = run.kinds.get(name)
            # A populated cell stands for ground on both sides of a border.
            if kind and kind.geometry == "Point" and not kind.far and name != "demand":
                _check_positions(run, name, places)
    if "units" in tables:
        _check_names(run)
        _check_totals(run)
    if "shelters" in layers:
        _check_hazards(run, rasters or {})
    return gather(run.parts), run.barred


def _check_all_shapes(run: _Run) -> None:
    land = run.layers["land"].geometry if "land" in run.layers else None
    for name, frame in sorted(run.layers.items()):
        kind = run.kinds.get(name)
        if kind is not None and kind.geometry in ("Polygon", "LineString"):
            check_shapes(run.say, name, frame, kind, pack=run.pack["coverage"], land=land)
    if "boundaries" in run.layers:
        check_coverage(run.say, run.layers["boundaries"], pack=run.pack["coverage"], land=land)


def error_layer(issues: pd.DataFrame, *, crs_: str) -> gpd.GeoDataFrame:
    """Return the findings that have a place as a layer in CGCS2000 degrees.

    Parameters
    ----------
    issues : findings whose geometry is in `crs_`
    crs_ : CRS of the project

    Returns
    -------
    GeoDataFrame indexed ``finding_id``, in the order of `issues`
        Findings without a geometry, or whose coordinates are not finite, are not in it.
    """
    shapes = np.array(issues["geometry"], dtype=object)
    shapes[pd.isna(issues["geometry"]).to_numpy()] = None
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    out = gpd.GeoDataFrame(issues[finite].drop(columns="geometry"),
                           geometry=gpd.GeoSeries(shapes[finite], index=issues.index[finite]),
                           crs=crs_).to_crs(crs.GEOGRAPHIC)
    out.index = pd.Index([f"F{number:06d}" for number in range(1, len(out) + 1)],
                         name="finding_id")
    return out


# --------------------------------------------------------------------------- positions


@dataclass(frozen=True)
class _Places:
    """The units as a map: where a point is, and how far it is from a unit."""

    shapes: gpd.GeoSeries
    smallest: gpd.GeoSeries
    counties: gpd.GeoSeries
    above: pd.DataFrame
    names: pd.Series

    @classmethod
    def of(cls, boundaries: gpd.GeoDataFrame, units: pd.DataFrame) -> _Places:
        """Arrange the boundaries by level."""
        level = boundaries["level"]
        lowest = next((name for name in LEVELS if (level == name).any()), "city")
        above = pd.DataFrame({name: _units.ancestors(units, name) for name in _units.LEVELS})
        return cls(boundaries.geometry, boundaries.geometry[level == lowest],
                   boundaries.geometry[level == "county"], above, units["name"])

    def locate(self, points: np.ndarray) -> np.ndarray:
        """Return the id of the smallest unit that holds each point, else of its county, or ""."""
        found = np.full(len(points), "", dtype=object)
        for shapes in (self.counties, self.smallest):
            tree = shapely.STRtree(np.asarray(shapes.array))
            point, unit = tree.query(points, predicate="intersects")
            found[point[::-1]] = shapes.index.to_numpy()[unit[::-1]]
        return found

    def shapes_of(self, units: pd.Series) -> np.ndarray:
        """Return the shape of each unit, None where it has none."""
        at = self.shapes.index.get_indexer(pd.Index(units))
        held = np.array([*self.shapes.array, None], dtype=object)
        return np.asarray(held[at])  # -1, not found, is the last

    def label(self, unit: str) -> str:
        """Return name and code of a unit."""
        return f"{self.names.get(unit, '')} {unit}".strip()


def _check_positions(run: _Run, layer: str, places: _Places) -> None:
    frame = run.layers[layer]
    points = np.asarray(frame.geometry.array)
    here = places.locate(points)
    lost = pd.Series(here == "", index=frame.index)
    wet = _in_water(run, frame)
    if "unit_id" not in frame:
        for rule, mask in (("outside_all", lost & ~wet), ("in_water", wet)):
            run.say(layer, rule, "warning", frame.index[mask], column="geometry",
                    values=["—"] * int(mask.sum()))
        return
    found = _compare(frame, here, places)
    far = found["distance_m"] > run.pack["position"]["border"]["value"]
    abroad = found["distance_m"].gt(0) & ~lost & ~found["same_county"]
    groups: tuple[tuple[str, Severity, pd.Series], ...] = (
        ("in_water", "error", lost & wet & far),
        ("outside_all", "error", lost & ~wet & far),
        ("outside_unit", "error", abroad & far),
        ("outside_unit", "warning", far & ~lost & ~abroad),
        ("near_border", "note", found["distance_m"].gt(0) & ~far),
        ("in_water", "warning", wet & ~(lost & far)),
    )
    for rule, severity, mask in groups:
        hit = found[mask.to_numpy()]
        tail = [_whereabouts(row, places, run.language) for row in hit.itertuples()]
        if rule == "outside_all":
            swapped = _swapped(frame.loc[hit.index], hit["declared"], places)
            words = text("lies_swapped", run.language)
            tail = [t + words if s else t for t, s in zip(tail, swapped, strict=True)]
        run.say(layer, rule, severity, hit.index, column="geometry", tail=tail,
                values=[places.label(unit) or "—" for unit in hit["declared"]])
    _check_same_place(run, layer)


def _compare(frame: gpd.GeoDataFrame, here: np.ndarray, places: _Places) -> pd.DataFrame:
    """Return for each record: declared and real unit, whether in one county, distance (m).

    The distance is 0 inside the declared unit, NaN where that is not known or has no shape. A
    declared unit without shape (a reporting unit) is measured by its county.
    """
    declared = frame["unit_id"].fillna("").astype(str).to_numpy(dtype=object)
    own = pd.Series(declared, index=frame.index)
    above = places.above.reindex(here)
    inside = (above.to_numpy(dtype=object) == declared[:, None]).any(axis=1) & (declared != "")
    county = own.map(places.above["county"])
    shape = places.shapes_of(own)
    shape = np.where(shapely.is_missing(shape), places.shapes_of(county), shape)
    distance = np.where(inside, 0.0, shapely.distance(np.asarray(frame.geometry.array), shape))
    # A unit at or above the county has no county of its own to be left.
    same = (above["county"].to_numpy(dtype=object) == county.to_numpy(dtype=object))
    return pd.DataFrame({"declared": declared, "here": here, "distance_m": distance,
                         "same_county": same | inside}, index=frame.index)


def _whereabouts(row: Any, places: _Places, language: str) -> str:
    if not np.isfinite(row.distance_m) or row.distance_m == 0:
        return ""
    distance_m = f"{row.distance_m:.0f}"
    if row.here:
        return text("lies_in", language, unit=places.label(row.here), distance_m=distance_m)
    return text("lies_off", language, distance_m=distance_m)


def _swapped(frame: gpd.GeoDataFrame, declared: pd.Series, places: _Places) -> np.ndarray:
    """Tell which points lie in their declared unit once longitude and latitude are swapped."""
    if frame.empty:
        return np.zeros(0, dtype=bool)
    shapes = places.shapes_of(declared)

    def turned(points: gpd.GeoSeries) -> np.ndarray:
        at = np.asarray(points.array)
        back = gpd.GeoSeries(shapely.points(shapely.get_y(at), shapely.get_x(at)), crs=points.crs)
        return np.asarray(back.to_crs(frame.crs).array)

    own = frame.geometry
    return shapely.intersects(turned(own.to_crs(crs.GEOGRAPHIC)), shapes) | shapely.intersects(
        turned(own), shapes)


def _in_water(run: _Run, frame: gpd.GeoDataFrame) -> pd.Series:
    """Tell which records lie in a polygon of water, or off the land within its frame."""
    points = np.asarray(frame.geometry.array)
    wet = np.zeros(len(points), dtype=bool)
    for name in ("water", "land"):
        if name in run.layers and len(run.layers[name]):
            shapes = np.asarray(run.layers[name].geometry.array)
            hit = np.zeros(len(points), dtype=bool)
            hit[shapely.STRtree(shapes).query(points, predicate="intersects")[0]] = True
            framed = shapely.intersects(shapely.box(*shapely.total_bounds(shapes)), points)
            wet |= hit if name == "water" else framed & ~hit
    return pd.Series(wet, index=frame.index)


def _check_same_place(run: _Run, layer: str) -> None:
    frame = run.layers[layer]
    xy = frame.geometry.get_coordinates()
    first = xy.groupby(["x", "y"], sort=False)["x"].transform(lambda at: at.index[0])
    again = (first != first.index.to_series()) & frame.geometry.notna()
    run.say(layer, "same_place", "note", frame.index[again], column="geometry",
            values=first[again])


# --------------------------------------------------------------------------- names and sums


def _check_names(run: _Run) -> None:
    """Compare the names that stand beside division codes with those of the membership table."""
    names = run.tables["units"]["name"]
    for layer, frame in sorted({**run.layers, **run.tables}.items()):
        kind = run.kinds.get(layer)
        column = "name" if kind and kind.key == "unit_id" else "unit_name"
        if layer == "units" or kind is None or column not in frame:
            continue
        codes = frame.index.to_series() if column == "name" else frame.get("unit_id")
        if codes is None:
            continue
        given, right = frame[column], codes.map(names)
        known = given.notna() & right.notna()
        differs = known & ~pd.Series([_alike(a, b) for a, b in zip(given, right, strict=True)],
                                     index=frame.index)
        run.say(layer, "unit_name_differs", "warning", frame.index[differs], column=column,
                values=[f"{a} / {b}" for a, b in zip(given[differs], right[differs], strict=True)])


def _alike(one: object, other: object) -> bool:
    """Tell whether two names of a unit are the same, one perhaps without its suffix."""
    a, b = fold(str(one)), fold(str(other))
    return a == b or (min(len(a), len(b)) > 1 and (a.startswith(b) or b.startswith(a)))


def _check_totals(run: _Run) -> None:
    """Compare sums over units with the totals that a table gives of the unit above."""
    units = run.tables["units"]
    given = [frame["persons"] for name, frame in sorted(run.tables.items())
             if run.kinds.get(name) and run.kinds[name].name == "population"]
    if not given:
        return
    persons = pd.concat(given).astype("Float64").astype(float)
    persons = persons[~persons.index.duplicated() & persons.index.isin(units.index)]
    parent = persons.index.to_series().map(units["parent_id"])
    summed = persons.groupby(parent).agg(["sum", "count"])
    # Only where all children are known is their sum a total.
    level = units["level"]
    children = units["parent_id"][level.isin(LEVELS)].value_counts()
    whole = summed["sum"][summed["count"] == children.reindex(summed.index)]
    own = persons.reindex(whole.index)
    differs = own.notna() & (own != whole)
    run.say("population", "total_differs", "warning", whole.index[differs], column="persons",
            values=[f"{a:.0f} / {b:.0f}" for a, b in zip(whole[differs], own[differs],
                                                         strict=True)])


# --------------------------------------------------------------------------- hazards


def _check_hazards(run: _Run, rasters: Mapping[str, Raster]) -> None:
    """Note shelters that lie in a hazard area or too near to a hazard point or slope."""
    shelters, limits = run.layers["shelters"], rules.load("suitability")
    for name in _HAZARD_RASTERS:
        if name in rasters:
            value, limit = rasters[name].sample(shelters), limits[name]["limit"]["value"]
            hit = value[value > limit]
            run.say("shelters", "in_hazard", "note", hit.index, column="geometry",
                    values=[f"{v:.2f}" for v in hit], expected=f"{name} > {limit:g}")
    for name, frame in sorted(run.layers.items()):
        if name.startswith("hazards"):
            inside = shelters.sindex.query(frame.geometry, predicate="intersects")
            run.say("shelters", "in_hazard", "note", shelters.index[inside[1]], column="geometry",
                    values=frame.index[inside[0]].astype(str), expected=name)
    points = run.layers.get("hazard_points")
    if points is not None and len(points) and "kind" in points:
        for code, kinds in _HAZARD_POINTS.items():
            _check_near(run, points[points["kind"].isin(kinds)], limits[code]["limit"]["value"])


def _check_near(run: _Run, points: gpd.GeoDataFrame, limit_m: float) -> None:
    shelters = run.layers["shelters"]
    if points.empty:
        return
    (at, nearest), distance = points.sindex.nearest(
        shelters.geometry, max_distance=limit_m, return_distance=True, return_all=False)
    run.say("shelters", "near_hazard_point", "note", shelters.index[at], column="geometry",
            values=[f"{points.index[n]}, {d:.0f}" for n, d in zip(nearest, distance, strict=True)])

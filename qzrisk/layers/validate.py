"""Checks of one frame against the data dictionary: typed values, code lists, ranges, ids, shapes.

`conform` is the door: it turns raw text and numbers into the schema's types and says of every row
whether it may pass. `validate` checks a frame that is already canonical.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.layers import logic
from qzrisk.layers.findings import Severity, findings, gather
from qzrisk.layers.schema import Column, LayerSchema, schema
from qzrisk.layers.values import OF_COLUMN, SEVERITIES, coerce
from qzrisk.layers.values.cells import fold
from qzrisk.layers.values.numbers import with_unit

_GEOMETRY_FAMILY = {
    "Point": ("Point",),
    "LineString": ("LineString", "MultiLineString"),
    "Polygon": ("Polygon", "MultiPolygon"),
}


_COUNTABLE = 2.0 ** 53

_TYPE_NAMES = np.array(["Point", "LineString", "LinearRing", "Polygon", "MultiPoint",
                        "MultiLineString", "MultiPolygon", "GeometryCollection", ""])
"""Names of shapely's type ids; -1, a missing shape, is the last."""


@dataclass
class Check:
    """Findings on one frame as they are gathered, and the rows that must not pass.

    Attributes
    ----------
    frame : the raw frame; `row` its 1-based record numbers; `ids` its raw ids.
    layer, source, language : printed on each finding.
    date_system : what serial numbers of days count from.
    stated : column -> unit that its header states, other than the column's own.
    parts : findings so far.
    barred : column -> rows that a finding on it keeps out; `bad` is all of them together.
    """

    frame: pd.DataFrame
    layer: LayerSchema
    language: str
    source: str = ""
    date_system: int = 1900
    stated: Mapping[str, str] = field(default_factory=dict)
    parts: list[pd.DataFrame] = field(default_factory=list)
    barred: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start with every row passing."""
        self.bad = np.zeros(len(self.frame), dtype=bool)
        # A reader that knows the rows of the sheet names them in the index "row".
        self.row = (self.frame.index.to_numpy(dtype=int) if self.frame.index.name == "row"
                    else np.arange(1, len(self.frame) + 1))
        self.frame = self.frame.reset_index(drop=True)

    def hear(self, told: pd.DataFrame | None) -> np.ndarray:
        """Take the reader's findings over; return the rows that it could not read at all."""
        if told is None or told.empty:
            return np.zeros(0, dtype=int)
        self.parts.append(told)
        barred = told.loc[(told["severity"] == "error") & (told["row"] > 0), "row"].unique()
        self.bad |= np.isin(self.row, barred)
        return np.setdiff1d(barred, self.row).astype(int)

    def report(self, mask: np.ndarray | pd.Series, rule: str, severity: Severity, *,
               column: str = "", values: pd.Series | np.ndarray | None = None,
               expected: str = "") -> None:
        """Add a finding for each row of `mask`; severity error also bars the row."""
        hit = np.flatnonzero(np.asarray(mask, dtype=bool))
        if not len(hit):
            return
        frame = self.frame
        shape = frame.geometry.iloc[hit] if isinstance(frame, gpd.GeoDataFrame) else None
        known = column in self.layer.columns
        self.parts.append(findings(
            rule, severity, layer=self.layer.name, source=self.source, language=self.language,
            rows=self.row[hit], field=column, expected=expected,
            heading=self.layer.heading(column, self.language) if known else column,
            values=None if values is None else pd.Series(np.asarray(values)).iloc[hit],
            record_ids=frame[self.layer.key].iloc[hit] if self.layer.key in frame else None,
            geometry=shape,
        ))
        if severity == "error":
            self.bad[hit] = True
            self.barred.setdefault(column, np.zeros(len(self.bad), dtype=bool))[hit] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a project knows that helps to judge a file.

    Attributes
    ----------
    bounds : west, south, east, north of the project, degrees.
    units : polygons of the smallest units, indexed ``unit_id``, in the project CRS.
    membership : the units that there are, of every level, see `units`.
    taken : ids of the layer that earlier files have.
    as_of : day of the project; nothing recorded may have happened after it.
    """

    bounds: tuple[float, float, float, float] | None = None
    units: gpd.GeoDataFrame | None = None
    membership: pd.DataFrame | None = None
    taken: pd.Index | None = None
    as_of: dt.date | None = None

    @property
    def unit_ids(self) -> pd.Index | None:
        """Ids of all units, None where the membership is not known."""
        return None if self.membership is None else self.membership.index


@dataclass(frozen=True, slots=True)
class Remark:
    """What a reader noticed of some rows before they were checked: see `conform`."""

    rule: str
    severity: Severity
    mask: np.ndarray
    values: np.ndarray | None = None
    column: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A frame that went through the door: see `conform`; `rows` numbers the accepted records."""

    frame: pd.DataFrame
    issues: pd.DataFrame
    quarantine: pd.DataFrame
    rows: np.ndarray


def conform(raw: pd.DataFrame, layer: str | LayerSchema, *, language: str = "zh",
            source: str = "", date_system: int = 1900, remarks: Sequence[Remark] = (),
            told: pd.DataFrame | None = None, around: Surroundings | None = None
            ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Turn a raw frame with canonical column names into a checked layer.

    Parameters
    ----------
    raw : DataFrame or GeoDataFrame, one row a record, columns already named canonically; an
        index called ``row`` holds the rows of the sheet, otherwise records are counted from 1
    layer : schema or its name
    language : of the messages
    source : file name, for the findings
    date_system : 1900 or 1904, what serial numbers of days count from
    remarks : findings of the reader on rows of `raw`; those on the position name ``geometry``
    told : findings of the reader on the file; those of severity error bar their row, and stand in
        the quarantine for a row that could not be read at all
    around : what the project knows: units that a ``unit_id`` must name, ids already taken, its day

    Returns
    -------
    (frame, issues, quarantine)
        `frame` is indexed by the schema's key with typed columns; `quarantine` holds the rejected
        rows as they came, with ``_row`` (1-based), ``_source`` and ``_rules``. Every row of `raw`
        is in one of them; a row that `told` says could not be read is in `quarantine`, empty.
    """
    checked = examine(raw, layer, language=language, source=source, date_system=date_system,
                      remarks=remarks, told=told, around=around)
    return checked.frame, checked.issues, checked.quarantine


def examine(raw: pd.DataFrame, layer: str | LayerSchema, *, language: str = "zh",
            source: str = "", date_system: int = 1900, remarks: Sequence[Remark] = (),
            told: pd.DataFrame | None = None, around: Surroundings | None = None,
            stated: Mapping[str, str] | None = None) -> Checked:
    """Do what `conform` does, and say which rows of the file were accepted."""
    rules = schema(layer)
    if raw.empty:
        # Formats such as GeoJSON lose the columns of an empty layer.
        raw = raw.reindex(columns=list(dict.fromkeys([*raw.columns, *rules.columns])))
    check = Check(raw, rules, language, source, date_system, stated or {})
    raw = check.frame
    lost = check.hear(told)
    for remark in remarks:
        check.report(remark.mask, remark.rule, remark.severity, column=remark.column,
                     values=remark.values)
    typed = raw.copy(deep=False)
    if rules.key not in typed and not rules.columns[rules.key].required:
        # Nobody refers to such records: their number in the file is name enough.
        typed[rules.key] = pd.Series(check.row, index=typed.index).astype(str)
    for name, column in rules.columns.items():
        if name in raw:
            typed[name] = _typed(raw[name], column, check)
        elif column.required:
            check.parts.append(findings("required_column", "error", layer=rules.name,
                                        source=source, language=language, field=name,
                                        heading=rules.heading(name, language)))
            check.bad[:] = True
    _check_required(typed, check)
    if rules.geometry and isinstance(typed, gpd.GeoDataFrame):
        typed = _check_geometry(typed, check)
    around = around or Surroundings()
    if around.unit_ids is not None and "unit_id" in rules.columns and rules.key != "unit_id":
        typed = _check_units(typed, check, around)
    elif around.unit_ids is not None and rules.key == "unit_id":
        strange = typed["unit_id"].notna() & ~typed["unit_id"].isin(around.unit_ids)
        check.report(strange, "unknown_unit", "error", column="unit_id", values=typed["unit_id"])
    _check_ids(typed, check, around.taken)
    sound, rows = check.row[~check.bad], np.concatenate([check.row[check.bad], lost])
    rejected = raw[check.bad].reset_index(drop=True).reindex(range(len(rows)))
    accepted, parts = typed[~check.bad] if check.bad.any() else typed, check.parts
    # Findings may outweigh the layer: the frames that are done with go before they are sorted.
    del raw, typed, check
    accepted, unlikely = logic.judge(accepted, rules, rows=sound, source=source,
                                     as_of=around.as_of, language=language)
    issues = gather([*parts, *unlikely])
    accepted = (accepted.set_index(rules.key) if rules.key in accepted
                else accepted.rename_axis(rules.key))
    quarantine = rejected.assign(_row=rows, _source=source, _rules=_rules_by_row(issues, rows))
    return Checked(accepted, issues, quarantine, sound)


def validate(frame: pd.DataFrame, layer: str | LayerSchema, *, language: str = "zh"
             ) -> pd.DataFrame:
    """Return the findings on a frame that is (or should be) canonical, changing nothing.

    Parameters
    ----------
    frame : frame indexed by the schema's key, or with it as a column
    layer : schema or its name

    Returns
    -------
    DataFrame of findings, stable order
    """
    rules = schema(layer)
    raw = frame if rules.key in frame else frame.reset_index(names=rules.key)
    return conform(raw, rules, language=language)[1]


def _rules_by_row(issues: pd.DataFrame, rows: np.ndarray) -> list[str]:
    errors = issues[issues["severity"] == "error"]
    by_row = errors.groupby("row")["rule"].agg(lambda rule: ";".join(sorted(set(rule))))
    everywhere = by_row.get(0, "")
    return [str(by_row.get(row, everywhere)) for row in rows]


def _typed(raw: pd.Series, column: Column, check: Check) -> pd.Series:
    """Return a column in its logical type; what the cells said otherwise becomes findings."""
    stated = check.stated.get(column.name, "")
    cells = raw.astype(object).map(lambda cell: with_unit(cell, stated)) if stated else raw
    values, masks = coerce(cells, column, date_system=check.date_system)
    # An unreadable number bars a row only where the row cannot do without it.
    grave: Severity = "error" if column.required else "warning"
    for rule in sorted(OF_COLUMN & set(masks)):
        check.parts.append(findings(
            rule, "warning", layer=check.layer.name, source=check.source, language=check.language,
            values=[raw[masks[rule]].iloc[0]], field=column.name,
            heading=check.layer.heading(column.name, check.language),
            expected=str(int(masks[rule].sum()))))
    for rule in sorted(set(masks) - OF_COLUMN):
        check.report(masks[rule], rule, SEVERITIES.get(rule) or grave, column=column.name,
                     values=raw)
    return _RULED[column.type](values, raw, column, check)


def _ranged(values: pd.Series, raw: pd.Series, column: Column, check: Check) -> pd.Series:
    low = -np.inf if column.min is None else column.min
    high = np.inf if column.max is None else column.max
    # Beyond 2^53 a float no longer counts by ones: nothing here is so large, infinity neither.
    outside = (values < low) | (values > high) | (values.abs() > _COUNTABLE)
    check.report(outside, "range", "error" if column.required else "warning", column=column.name,
                 values=raw, expected=f"{low:g} – {high:g}")
    return values.where(~outside)


def _whole(values: pd.Series, raw: pd.Series, column: Column, check: Check) -> pd.Series:
    values = _ranged(values, raw, column, check)
    check.report(values.notna() & (values % 1 != 0), "whole", "note", column=column.name,
                 values=raw)
    rounded = values.round()
    return rounded.astype("int64") if rounded.notna().all() else rounded.astype("Int64")


def _as_they_are(values: pd.Series, *_: object) -> pd.Series:
    return values


def _yes_no(values: pd.Series, *_: object) -> pd.Series:
    return values.astype(bool) if values.notna().all() else values


def _allowed(column: Column, language: str) -> str:
    """Return the codes, each with the first word that means it where words are Chinese."""
    said: dict[str, str] = {}
    for word, code in column.words.items() if language == "zh" else ():
        said.setdefault(code, f"{word} {code}")
    return ", ".join(said.get(code, code) for code in column.codes)


def _coded(values: pd.Series, raw: pd.Series, column: Column, check: Check) -> pd.Series:
    """Return codes; words of the data dictionary that mean a code are replaced by it."""
    codes = values.replace(dict(column.words)) if column.words else values
    loose = {code.lower(): code for code in column.codes} | dict(column.short)
    odd = codes.notna() & ~codes.isin(column.codes)
    read = codes[odd].map({word: loose.get(fold(word)) for word in codes[odd].unique()}).dropna()
    check.report(codes.index.isin(read.index), "code_read", "note", column=column.name, values=raw)
    if len(read):
        codes = codes.copy()
        codes[read.index] = read
    strange = codes.notna() & ~codes.isin(column.codes)
    check.report(strange, "code", "error" if column.required else "warning", column=column.name,
                 values=raw, expected=_allowed(column, check.language))
    return codes.where(~strange)


def _code_sets(values: pd.Series, raw: pd.Series, column: Column, check: Check) -> pd.Series:
    """Return several codes sorted and joined by ``;`` whatever separated them."""
    known = dict.fromkeys(column.codes) | dict(column.words)
    readings = {cell: {known.get(part) or part for part in _SEPARATORS.split(cell) if part}
                for cell in values.dropna().unique()}
    strange = values.map({cell: bool(found - set(column.codes))
                          for cell, found in readings.items()}).fillna(False)
    check.report(strange.astype(bool), "code", "warning", column=column.name, values=raw,
                 expected=_allowed(column, check.language))
    joined = {cell: ";".join(sorted(found & set(column.codes)))
              for cell, found in readings.items()}
    return values.map(joined).replace("", None).astype("str")


_SEPARATORS = re.compile(r"[;；,，、/|\s]+")
_RULED: dict[str, Callable[[pd.Series, pd.Series, Column, Check], pd.Series]] = {
    "str": _as_they_are, "date": _as_they_are, "bool": _yes_no, "float": _ranged, "int": _whole,
    "code": _coded, "codes": _code_sets,
}


def _check_required(typed: pd.DataFrame, check: Check) -> None:
    for name, column in check.layer.columns.items():
        if column.required and name in typed:
            # What was there and could not be read has its own finding already.
            told = check.barred.get(name, False)
            check.report(typed[name].isna().to_numpy() & ~np.asarray(told), "required", "error",
                         column=name)


def _check_units(typed: pd.DataFrame, check: Check, around: Surroundings) -> pd.DataFrame:
    """Find the unit of records whose code is no unit, by their place; bar those without any.

    Only layers that are summed over units (``placed`` in the data dictionary) must have one; in
    others an unknown code is a warning.
    """
    assert around.unit_ids is not None
    absent = pd.Series(pd.NA, index=typed.index, dtype="str")
    codes = typed.get("unit_id", absent)
    if not check.layer.placed or around.units is None:
        strange = codes.notna() & ~codes.isin(around.unit_ids)
        check.report(strange, "unknown_unit", "error" if check.layer.placed else "warning",
                     column="unit_id", values=codes)
        return typed
    # A code of a town or county says too little for a sum over villages.
    lost = (~codes.isin(around.units.index)).to_numpy() & ~check.bad
    if not lost.any() or not isinstance(typed, gpd.GeoDataFrame):
        check.report(lost, "unknown_unit", "error", column="unit_id", values=codes)
        return typed
    shapes = np.asarray(typed.geometry.array)[lost]
    tree = shapely.STRtree(np.asarray(around.units.geometry.array))
    record, unit = tree.query(shapely.point_on_surface(shapes), predicate="intersects")
    first = pd.Series(unit, index=record).groupby(level=0).first()
    found = np.full(len(typed), None, dtype=object)
    found[np.flatnonzero(lost)[first.index]] = around.units.index[first.to_numpy()]
    placed = np.array([unit is not None for unit in found])
    check.report(placed, "unit_placed", "note", column="unit_id", values=codes)
    check.report(lost & ~placed, "unknown_unit", "error", column="unit_id", values=codes)
    return typed.assign(unit_id=codes.where(~placed, pd.Series(found, index=typed.index))
                        .astype("str"))


def _check_ids(typed: pd.DataFrame, check: Check, taken: pd.Index | None) -> None:
    key = check.layer.key
    if key not in typed:
        return
    # Only rows that may pass compete for an id: a quarantined row must not bar its sound twin.
    ids = typed[key].where(~check.bad)
    twice = ids.duplicated(keep="first") & ids.notna()
    if taken is not None:
        twice |= ids.isin(taken)
    check.report(twice, "duplicate_id", "error", column=key, values=typed[key])


def _check_geometry(typed: gpd.GeoDataFrame, check: Check) -> gpd.GeoDataFrame:
    shapes = np.asarray(typed.geometry.array)
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    told = np.asarray(check.barred.get("geometry", np.zeros(len(typed), dtype=bool)))
    check.report(absent & ~told, "null_geometry", "error", column="geometry")
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)
        # The bounds pass over a vertex that is no number; such a shape is never valid.
        for at in np.flatnonzero(finite & ~shapely.is_valid(shapes)):
            finite[at] = np.isfinite(shapely.get_coordinates(shapes[at])).all()
    check.report(~finite & ~absent, "bad_coordinate", "error", column="geometry")
    usable = finite & ~absent
    broken = usable & ~shapely.is_valid(shapes)
    if broken.any():
        check.report(broken, "invalid_geometry", "note")
        shapes = shapes.copy()
        areal = check.layer.geometry == "Polygon"
        shapes[broken] = (shapely.make_valid(shapes[broken], method="structure",
                                             keep_collapsed=False)
                          if areal else shapely.make_valid(shapes[broken]))
    shapes = _check_geometry_type(shapes, usable, check)
    return typed.set_geometry(gpd.GeoSeries(shapes, index=typed.index, crs=typed.crs))


def _check_geometry_type(shapes: np.ndarray, usable: np.ndarray, check: Check) -> np.ndarray:
    wanted = check.layer.geometry
    if wanted == "Any":
        return shapes
    names = _TYPE_NAMES[shapely.get_type_id(shapes)]
    wrong = usable & ~np.isin(names, _GEOMETRY_FAMILY[wanted])
    if wanted == "Point":
        check.report(wrong, "to_point", "warning", values=names)
        return _representative(shapes, wrong)
    check.report(wrong, "geometry_type", "error", values=names, expected=wanted)
    return shapes


def _representative(shapes: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Return the shapes with those of `which` made points: the middle of a line, a point inside."""
    out = shapes.copy()
    line = which & np.isin(shapely.get_dimensions(shapes), [1])
    out[line] = shapely.line_interpolate_point(shapes[line], 0.5, normalized=True)
    out[which & ~line] = shapely.point_on_surface(shapes[which & ~line])
    return out

"""Checks of one frame against the data dictionary: typed values, code lists, ranges, ids, shapes.

`conform` is the door: it turns raw text and numbers into the schema's types and says of every row
whether it may pass. `validate` checks a frame that is already canonical.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.layers.findings import empty, findings, gather
from qzrisk.layers.schema import Column, LayerSchema, schema

_TRUE = {"true", "1", "1.0", "yes", "y", "是", "有", "t"}
_FALSE = {"false", "0", "0.0", "no", "n", "否", "无", "f"}
_GEOMETRY_FAMILY = {
    "Point": ("Point",),
    "LineString": ("LineString", "MultiLineString"),
    "Polygon": ("Polygon", "MultiPolygon"),
}


@dataclass
class Check:
    """Findings on one frame as they are gathered, and the rows that must not pass.

    Attributes
    ----------
    frame : the raw frame; `row` its 1-based record numbers; `ids` its raw ids.
    layer, source, language : printed on each finding.
    bad : True for rows to be quarantined.
    parts : findings so far.
    """

    frame: pd.DataFrame
    layer: LayerSchema
    language: str
    source: str = ""
    parts: list[pd.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start with every row passing."""
        self.bad = np.zeros(len(self.frame), dtype=bool)
        self.row = np.arange(1, len(self.frame) + 1)

    def report(self, mask: np.ndarray | pd.Series, rule: str, severity: str, *, column: str = "",
               values: pd.Series | np.ndarray | None = None, expected: str = "") -> None:
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


def conform(raw: pd.DataFrame, layer: str | LayerSchema, *, language: str = "zh",
            source: str = "") -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Turn a raw frame with canonical column names into a checked layer.

    Parameters
    ----------
    raw : DataFrame or GeoDataFrame, one row a record, columns already named canonically
    layer : schema or its name
    language : of the messages
    source : file name, for the findings

    Returns
    -------
    (frame, issues, quarantine)
        `frame` is indexed by the schema's key with typed columns; `quarantine` holds the rejected
        rows as they came, with ``_row`` (1-based), ``_source`` and ``_rules``;
        ``len(frame) + len(quarantine) == len(raw)``.
    """
    rules = schema(layer)
    raw = raw.reset_index(drop=True)
    if raw.empty:
        # Formats such as GeoJSON lose the columns of an empty layer.
        raw = raw.reindex(columns=list(dict.fromkeys([*raw.columns, *rules.columns])))
    check = Check(raw, rules, language, source)
    typed = raw.copy()
    if rules.key not in typed and not rules.columns[rules.key].required:
        # Nobody refers to such records: their number in the file is name enough.
        typed[rules.key] = pd.Series(check.row, index=typed.index).astype(str)
    for name, column in rules.columns.items():
        if name in raw:
            typed[name] = _TYPES[column.type](typed[name], column, check)
        elif column.required:
            check.parts.append(findings("required_column", "error", layer=rules.name,
                                        source=source, language=language, field=name,
                                        heading=rules.heading(name, language)))
            check.bad[:] = True
    _check_required(typed, check)
    if rules.geometry and isinstance(typed, gpd.GeoDataFrame):
        typed = _check_geometry(typed, check)
    _check_ids(typed, check)
    issues = gather(check.parts) if check.parts else empty()
    accepted = typed[~check.bad]
    if rules.key in accepted:
        accepted = accepted.set_index(rules.key)
    quarantine = raw[check.bad].assign(
        _row=check.row[check.bad], _source=source,
        _rules=_rules_by_row(issues, check.row[check.bad]))
    return accepted, issues, quarantine


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


def blank(values: pd.Series) -> pd.Series:
    """Return which values are missing: null, or text of nothing but spaces."""
    if values.dtype.kind in "ifbM":
        return values.isna()
    return values.isna() | (values.astype(str).str.strip() == "")


def _as_text(values: pd.Series, *_: object) -> pd.Series:
    if values.dtype.kind == "f" and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("str").str.strip().where(~blank(values), None).astype("str")


def _as_number(values: pd.Series, column: Column, check: Check) -> pd.Series:
    number = pd.to_numeric(values, errors="coerce").astype(float)
    number = number.where(np.isfinite(number))
    severity = "error" if column.required else "warning"
    check.report(number.isna() & ~blank(values), "number", severity, column=column.name,
                 values=values)
    low = -np.inf if column.min is None else column.min
    high = np.inf if column.max is None else column.max
    outside = (number < low) | (number > high)
    check.report(outside, "range", severity, column=column.name, values=values,
                 expected=f"{low:g} – {high:g}")
    return number.where(~outside)


def _as_whole(values: pd.Series, column: Column, check: Check) -> pd.Series:
    number = _as_number(values, column, check)
    check.report(number.notna() & (number % 1 != 0), "whole", "note", column=column.name,
                 values=values)
    rounded = number.round()
    return rounded.astype("int64") if rounded.notna().all() else rounded.astype("Int64")


def _as_bool(values: pd.Series, column: Column, check: Check) -> pd.Series:
    if values.dtype.kind == "b":
        return values
    words = values.astype(str).str.strip().str.lower()
    known = words.isin(_TRUE | _FALSE)
    check.report(~known & ~blank(values), "bool", "warning", column=column.name, values=values)
    result = words.isin(_TRUE).astype("boolean").where(known)
    return result.astype(bool) if known.all() else result


def _as_date(values: pd.Series, column: Column, check: Check) -> pd.Series:
    date = pd.to_datetime(values, errors="coerce", format="mixed").dt.normalize()
    check.report(date.isna() & ~blank(values), "date", "warning", column=column.name,
                 values=values)
    return date.astype("datetime64[s]")


def _as_code(values: pd.Series, column: Column, check: Check) -> pd.Series:
    words = _as_text(values)
    strange = words.notna() & ~words.isin(column.codes)
    check.report(strange, "code", "error" if column.required else "warning", column=column.name,
                 values=values, expected=", ".join(column.codes))
    return words.where(~strange)


def _as_codes(values: pd.Series, column: Column, check: Check) -> pd.Series:
    words = _as_text(values)
    sets = words.fillna("").str.split(";").map(lambda parts: {p.strip() for p in parts} - {""})
    allowed = set(column.codes)
    check.report(sets.map(lambda found: bool(found - allowed)), "code", "warning",
                 column=column.name, values=values, expected=", ".join(column.codes))
    joined = sets.map(lambda found: ";".join(sorted(found & allowed)))
    return joined.astype("str").where(joined != "")


_TYPES: dict[str, Callable[[pd.Series, Column, Check], pd.Series]] = {
    "str": _as_text, "int": _as_whole, "float": _as_number, "bool": _as_bool, "date": _as_date,
    "code": _as_code, "codes": _as_codes,
}


def _check_required(typed: pd.DataFrame, check: Check) -> None:
    for name, column in check.layer.columns.items():
        if column.required and name in typed:
            # What was there and could not be read has its own finding already.
            check.report(typed[name].isna() & blank(check.frame[name]), "required", "error",
                         column=name)


def _check_ids(typed: pd.DataFrame, check: Check) -> None:
    key = check.layer.key
    if key not in typed:
        return
    # Only rows that may pass compete for an id: a quarantined row must not bar its sound twin.
    ids = typed[key].where(~check.bad)
    twice = ids.duplicated(keep="first") & ids.notna()
    check.report(twice, "duplicate_id", "error", column=key, values=typed[key])


def _check_geometry(typed: gpd.GeoDataFrame, check: Check) -> gpd.GeoDataFrame:
    shapes = np.asarray(typed.geometry.array)
    absent = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    check.report(absent, "null_geometry", "error")
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    check.report(~finite & ~absent, "bad_coordinate", "error")
    usable = finite & ~absent
    broken = usable & ~shapely.is_valid(shapes)
    if broken.any():
        check.report(broken, "invalid_geometry", "note")
        shapes = shapes.copy()
        shapes[broken] = shapely.make_valid(shapes[broken])
    shapes = _check_geometry_type(shapes, usable, check)
    return typed.set_geometry(gpd.GeoSeries(shapes, index=typed.index, crs=typed.crs))


def _check_geometry_type(shapes: np.ndarray, usable: np.ndarray, check: Check) -> np.ndarray:
    wanted = check.layer.geometry
    if wanted == "Any":
        return shapes
    names = pd.Series(pd.array([s.geom_type if s is not None else "" for s in shapes]))
    wrong = usable & ~names.isin(_GEOMETRY_FAMILY[wanted]).to_numpy()
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

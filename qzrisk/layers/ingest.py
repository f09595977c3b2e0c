"""Raw files -> named, checked layers. What cannot pass is quarantined with its reason.

read = accepted + quarantined, always; no row is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from qzrisk import crs as _crs
from qzrisk.errors import ConfigError
from qzrisk.layers import contents, forms, headers, positions, records
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.schema import LayerSchema, schema
from qzrisk.layers.validate import Checked, Surroundings, examine
from qzrisk.layers.values.numbers import stated_unit

Read = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]

DATUMS = ("as_is", "auto", "gcj02", "bd09")


def read_layer(
    path: str | Path,
    schema_: str | LayerSchema,
    *,
    crs: str,
    source_crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    datum: str = "as_is",
    xy: tuple[str, str] | None = None,
    around: Surroundings | None = None,
    language: str = "zh",
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """Read a vector file, or a table with coordinates, into a checked layer.

    Parameters
    ----------
    path : any vector file that GDAL reads, GeoParquet, or a table of points
    schema_ : LayerSchema or its name
    crs : projected CRS in which the layer is delivered
    source_crs : CRS of a file that carries none; of a table's metres
    columns : header in the file -> canonical column, beside the aliases
    layer : name of the layer inside the file, or of the sheet
    encoding : text encoding, where the file does not say
    datum : ``"as_is"``; ``"gcj02"`` or ``"bd09"``: what the coordinates are; ``"auto"``: told by
        `crs.detect_shift` from where the points should lie, and said
    xy : headers of x (or longitude) and y (or latitude) of a table whose headers do not say it
    around : what the project knows; without it nothing can be told of place and datum
    language : of the messages

    Returns
    -------
    (frame, issues, quarantine)
        `frame` indexed by the schema's key, in `crs`; see `validate.conform`.

    Raises
    ------
    ConfigError
        If the file is missing, unreadable or empty of layers, or `datum` is unknown.
    CRSError
        If the file has no CRS and `source_crs` is not given, it is Beijing 1954 or Xi'an 1980
        without parameters, or `crs` is not projected in metres.
    SchemaError
        If the file has neither geometry nor columns of coordinates.
    """
    checked = layer_of(path, schema_, crs=crs, source_crs=source_crs, columns=columns, layer=layer,
                       encoding=encoding, datum=datum, xy=xy, around=around, language=language)
    return checked.frame, checked.issues, checked.quarantine


def layer_of(
    path: str | Path,
    schema_: str | LayerSchema,
    *,
    crs: str,
    source_crs: str | None = None,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    datum: str = "as_is",
    xy: tuple[str, str] | None = None,
    around: Surroundings | None = None,
    language: str = "zh",
) -> Checked:
    """Do what `read_layer` does, and say which rows of the file were accepted."""
    path, rules, around = Path(path), schema(schema_), around or Surroundings()
    if rules.far:
        around = replace(around, bounds=None, units=None)
    _crs.require_projected(crs, where="crs")
    if datum not in DATUMS:
        raise ConfigError("unknown datum", where=path.name, expected=", ".join(DATUMS), got=datum)
    raw, said, date_system = records.read(path, layer=layer, encoding=encoding,
                                          subject=rules.name, language=language)
    spent: list[str] = []
    placed = gather([])
    if xy or not isinstance(raw, gpd.GeoDataFrame):
        spent = positions.coordinate_headers(raw, xy, path, contents.repeats(said))
        spare = [] if xy else positions.spare_headers(pd.DataFrame(raw), spent)
        if spare:
            placed = findings("coordinates_twice", "warning", layer=rules.name, language=language,
                              source=path.name, values=[", ".join(map(str, spare))],
                              expected=", ".join(map(str, spent)))
        raw, remarks = positions.points(pd.DataFrame(raw), spent, source_crs=source_crs,
                                        around=around)
    else:
        # Files of one layer may call their geometry differently; canonical layers never do.
        raw = raw.rename_geometry("geometry") if raw.geometry.name != "geometry" else raw
        raw, remarks, placed = positions.referenced(raw, rules, path=path, source_crs=source_crs,
                                                    around=around, language=language)
    named, mapped = _named(raw, rules, columns, path, around, language, spent=spent,
                           repeated=contents.repeats(said))
    more, stated = _note_empty(raw, rules, path, language), _stated(raw, named, rules)
    shifted, shift_said = positions.unshift(named, datum, rules=rules, path=path, around=around,
                                            language=language)
    # Handed over, not lent: a large file is held once, and no longer than it is needed.
    held = [positions.transform(shifted, crs, path=path)]
    del raw, named, shifted
    checked = examine(
        held.pop(), rules, language=language, source=path.name, date_system=date_system,
        remarks=remarks, told=gather([said, mapped, placed, shift_said, more]), around=around,
        stated=stated)
    # Coordinates in words have become shapes; in the quarantine they stand as they came.
    frame = checked.frame.drop(columns=set(spent) - set(rules.columns), errors="ignore")
    return replace(checked, frame=frame)


def read_table(
    path: str | Path,
    schema_: str | LayerSchema,
    *,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    around: Surroundings | None = None,
    language: str = "zh",
) -> Read:
    """Read a table without geometry (CSV, workbook, JSON records, Parquet) into checked records.

    Parameters and returns as `read_layer`; `layer` is the sheet of a workbook.

    Raises
    ------
    ConfigError
        If the file is missing or unreadable.
    """
    checked = table_of(path, schema_, columns=columns, layer=layer, encoding=encoding,
                       around=around, language=language)
    return checked.frame, checked.issues, checked.quarantine


def table_of(
    path: str | Path,
    schema_: str | LayerSchema,
    *,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    around: Surroundings | None = None,
    language: str = "zh",
) -> Checked:
    """Do what `read_table` does, and say which rows of the file were accepted."""
    path, rules, around = Path(path), schema(schema_), around or Surroundings()
    raw, said, date_system = records.read(path, layer=layer, encoding=encoding,
                                          subject=rules.name, language=language)
    raw = pd.DataFrame(raw.drop(columns=raw.geometry.name)) if isinstance(
        raw, gpd.GeoDataFrame) else raw
    named, mapped = _named(raw, rules, columns, path, around, language,
                           repeated=contents.repeats(said))
    told = gather([said, mapped, _note_empty(raw, rules, path, language)])
    return examine(named, rules, language=language, source=path.name, date_system=date_system,
                   told=told, around=around, stated=_stated(raw, named, rules))


def as_came(
    path: str | Path,
    schema_: str | LayerSchema,
    rows: Sequence[int] | np.ndarray,
    *,
    columns: Mapping[str, str] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
) -> pd.DataFrame:
    """Return rows of a file as they came, under canonical names where their headers are known.

    Parameters
    ----------
    path, schema_, columns, layer, encoding : as given to `read_layer`
    rows : 1-based numbers of records, or of rows of the sheet

    Returns
    -------
    DataFrame indexed ``row``, in the order of `rows`; without shapes
    """
    path, rules = Path(path), schema(schema_)
    raw, said, _ = records.read(path, layer=layer, encoding=encoding, subject=rules.name)
    if isinstance(raw, gpd.GeoDataFrame):
        raw = pd.DataFrame(raw.drop(columns=raw.geometry.name))
    if raw.index.name != "row":
        raw = raw.set_axis(pd.RangeIndex(1, len(raw) + 1, name="row"))
    named = rename(raw, rules, columns, repeated=contents.repeats(said))
    return named.loc[np.asarray(rows, dtype=int)]


def rename(raw: pd.DataFrame, rules: LayerSchema, columns: Mapping[str, str] | None, *,
           repeated: Sequence[str] = ()) -> pd.DataFrame:
    """Return `raw` with canonical names as `headers.match` finds them."""
    mapping, _ = headers.match(raw.columns, rules, given=columns, frame=raw, repeated=repeated)
    return raw.rename(columns=mapping)


def _named(raw: pd.DataFrame, rules: LayerSchema, columns: Mapping[str, str] | None, path: Path,
           around: Surroundings, language: str, *, spent: Sequence[str] = (),
           repeated: Sequence[str] = ()) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return records under canonical names, codes of units filled in, and what was matched."""
    shape = [raw.geometry.name] if isinstance(raw, gpd.GeoDataFrame) else []
    mapping, said = headers.match(raw.columns.drop(shape), rules, given=columns, frame=raw,
                                  repeated=repeated, source=path.name, language=language)
    named = raw.rename(columns=mapping)
    left = raw.drop(columns=[*shape, *spent])
    said = gather([said, _note_unread(left, mapping, said, rules, path, language)])
    if around.membership is None or "unit_id" not in rules.columns or rules.key == "unit_id":
        return named, said
    differing = contents.differing(named, repeated)
    coded, words = forms.with_unit_codes(
        named.drop(columns=differing) if differing else named, around.membership,
        layer=rules.name, source=path.name, language=language)
    if differing and "unit_id" in coded:
        coded = named.assign(unit_id=coded["unit_id"])
    left_out = forms.unit_headers(named[differing]).values()
    unsure = [findings("column_ambiguous", "warning", layer=rules.name, language=language,
                       source=path.name, values=[header], field="unit_id",
                       expected=rules.heading("unit_id", language)) for header in left_out]
    return coded if "unit_id" in coded else named, gather([said, words, *unsure])


def _stated(raw: pd.DataFrame, named: pd.DataFrame, rules: LayerSchema) -> dict[str, str]:
    """Return canonical column -> unit that its header in the file states, where it is another."""
    pairs = zip(raw.columns, named.columns[:len(raw.columns)], strict=True)
    units = {name: stated_unit(str(header), rules.columns[name].unit) for header, name in pairs
             if name in rules.columns and rules.columns[name].type in ("int", "float")}
    return {name: unit for name, unit in units.items() if unit}


def _note_unread(raw: pd.DataFrame, mapping: Mapping[str, str], said: pd.DataFrame,
                 rules: LayerSchema, path: Path, language: str) -> pd.DataFrame:
    """Name the columns that hold something and mean nothing known: a misspelt one is lost."""
    spoken = {*mapping, *said["value"], *forms.unit_headers(raw).values()}
    left = [str(header) for header in raw.columns
            if str(header) not in spoken and raw[header].notna().any()]
    return findings("column_unread", "note", layer=rules.name, language=language,
                    source=path.name, values=["、".join(left)]) if left else gather([])


def _note_empty(raw: pd.DataFrame, rules: LayerSchema, path: Path, language: str) -> pd.DataFrame:
    if len(raw):
        return gather([])
    return findings("empty_layer", "error", layer=rules.name, language=language, source=path.name)

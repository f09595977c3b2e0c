"""Workbooks that came back corrected: what they close, what stays, and the corrected files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from qzrisk.errors import ConfigError
from qzrisk.files import atomic
from qzrisk.layers import returned
from qzrisk.layers.records import Records
from qzrisk.pipeline.load import Loaded, Tick, load
from qzrisk.pipeline.returns import GRAVE, digest, read_records, source_key
from qzrisk.project import Project, Source

_KEY = ["layer", "source", "row", "field", "rule"]
_TEXT = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recheck:
    """What corrections did to the findings of severity error and warning.

    Attributes
    ----------
    closed : findings that are no more.
    staying : findings on the files sent that stay.
    new : findings that the corrections brought.
    loaded : the project as it stands with the corrections.
    files : corrected copies of the sources, to be named in project.toml in their place.
    """

    closed: pd.DataFrame
    staying: pd.DataFrame
    new: pd.DataFrame
    loaded: Loaded
    files: tuple[Path, ...]


@dataclass(slots=True)
class _Corrected:
    """A source whose records were corrected: as read, as they stand now, and their copy."""

    source: Source
    read: Records
    now: pd.DataFrame
    copy: Path = Path()

    @property
    def name(self) -> str:
        return self.source.name or self.source.layer


def recheck(project: Project, before: Loaded, workbooks: Sequence[str | Path], folder: Path, *,
            tick: Tick = lambda _: None) -> Recheck:
    """Apply corrected workbooks to the records they speak of and check the project again.

    Parameters
    ----------
    project : see `open_project`
    before : the project as it is without them, see `load`
    workbooks : as `returns.write_returns` wrote them and counties corrected them
    folder : gets a corrected copy of each source: .xlsx of a table, .parquet of a layer
    tick : called with the name of each source as it is read

    Returns
    -------
    Recheck

    Raises
    ------
    SchemaError, ConfigError
        If a workbook is another one, speaks of a file that the project has not, or of one that
        has changed since.

    Notes
    -----
    The files of the project are not touched. What a reader said of a cell (an error of a formula,
    a number merged over two rows) is closed when that cell was changed; what it said of a whole
    file stays.
    """
    found = _apply(project, workbooks)
    for number, one in enumerate(found, start=1):
        one.copy = _write(one, folder, number)
    copies = {id(one.source): one for one in found}
    sources = tuple(_replaced(copies[id(source)]) if id(source) in copies else source
                    for source in project.sources)
    after = load(project.with_(sources=sources), tick=tick)
    issues = _renamed(after.issues, found)
    return _compared(before.issues, issues, found, after)


def _apply(project: Project, workbooks: Sequence[str | Path]) -> list[_Corrected]:
    known = {source_key(source, project): source for source in project.sources}
    found: dict[str, _Corrected] = {}
    for path in map(Path, workbooks):
        for sheet in returned.sheets(path):
            if sheet.key not in known:
                raise ConfigError("the workbook speaks of a file that the project has not",
                                  where=f"{path.name}, {sheet.name}", got=sheet.key,
                                  expected="a source of project.toml")
            source = known[sheet.key]
            if digest(source.path) != sheet.digest:
                raise ConfigError("the file has changed since the workbook was written",
                                  where=f"{path.name}, {sheet.name}", got=source.path.name,
                                  mend="write the workbook anew and copy the corrections over")
            one = found.get(sheet.key)
            if one is None:
                read = read_records(source, project)
                one = found[sheet.key] = _Corrected(source, read, read.frame)
            one.now = returned.apply(one.now, path, sheet=sheet.name)
    return list(found.values())


def _write(one: _Corrected, folder: Path, number: int) -> Path:
    """Write the records as they stand now, each cell as what it is."""
    stem = f"{number:02d}_{one.name}_{one.source.path.stem}"
    if isinstance(one.now, gpd.GeoDataFrame):
        frame = one.now.reset_index(drop=True)
        for column in frame.columns.drop(frame.geometry.name):
            if frame[column].dtype == object:
                frame[column] = frame[column].map(returned.as_text).astype("str")
        with atomic(folder / f"{stem}.parquet") as temporary:
            frame.to_parquet(temporary)
        return folder / f"{stem}.parquet"
    # Bare serial numbers of days mean what they meant only under the date system of the source.
    options = {**_TEXT, "date_1904": one.read.date_system == 1904}
    with atomic(folder / f"{stem}.xlsx") as temporary, pd.ExcelWriter(
            temporary, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
        one.now.to_excel(book, sheet_name="1", index=False)
    return folder / f"{stem}.xlsx"


def _replaced(one: _Corrected) -> Source:
    return replace(one.source, path=one.copy, table="", encoding="")


def _rows(frame: pd.DataFrame) -> pd.Index:
    return frame.index if frame.index.name == "row" else pd.RangeIndex(1, len(frame) + 1)


def _renamed(issues: pd.DataFrame, found: Iterable[_Corrected]) -> pd.DataFrame:
    """Return findings on the copies as those on the files: by their names and rows."""
    out = issues.copy()
    for one in found:
        here = (out["layer"] == one.name) & (out["source"] == one.copy.name)
        rows = dict(enumerate(_rows(one.now), start=1 if one.copy.suffix == ".parquet" else 2))
        out.loc[here, "row"] = out.loc[here, "row"].map(lambda row, rows=rows: rows.get(row, 0))
        out.loc[here, "source"] = one.source.path.name
    return out


def _compared(before: pd.DataFrame, after: pd.DataFrame, found: Sequence[_Corrected],
              loaded: Loaded) -> Recheck:
    before, after = (issues[issues["severity"].isin(GRAVE)] for issues in (before, after))
    files = {(one.name, one.source.path.name) for one in found}
    # What a reader says hangs on the form of the file, which the copy has not kept.
    said = pd.concat([one.read.issues.assign(layer=one.name) for one in found] or [before[:0]])
    of_reader = _keys(before).isin(set(_keys(said)))
    closed_cells = pd.Series(False, index=before.index)
    for one in found:
        closed_cells |= of_reader & _answered(before, one)
    left, gone = _difference(before[~of_reader], after)
    _, new = _difference(after, before[~of_reader])
    ours = [pair in files for pair in zip(new["layer"], new["source"], strict=True)]
    told = set(said["rule"])
    new = new[~(pd.Series(ours, index=new.index, dtype=bool) & new["rule"].isin(told))]
    stay = pd.concat([left, before[of_reader & ~closed_cells]]).sort_index()
    sent = [pair in files for pair in zip(stay["layer"], stay["source"], strict=True)]
    return Recheck(
        closed=pd.concat([gone, before[closed_cells]]).sort_index().reset_index(drop=True),
        staying=stay[sent].reset_index(drop=True), new=new.reset_index(drop=True),
        loaded=loaded, files=tuple(one.copy for one in found))


def _keys(issues: pd.DataFrame) -> pd.Series:
    """Return what tells a finding from others; of one on no row, its record and value too."""
    whole = issues["row"].eq(0)
    keys = [*_KEY, "record_id", "value"]
    cells: list[Any] = [issues[key] if key in _KEY else issues[key].where(whole, "")
                        for key in keys]
    return pd.Series(list(zip(*cells, strict=True)), index=issues.index, dtype=object)


def _difference(one: pd.DataFrame, other: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the findings of `one` that `other` has too, and those it has not."""
    left = Counter(_keys(other))
    shared = []
    for key in _keys(one):
        shared.append(left[key] > 0)
        left[key] -= 1
    mask = pd.Series(shared, index=one.index, dtype=bool)
    return one[mask], one[~mask]


def _answered(issues: pd.DataFrame, one: _Corrected) -> pd.Series:
    """Return which findings speak of a cell, or a row, of the file that was changed."""
    touched = returned.changed(one.read.frame, one.now)
    touched.index = _rows(one.read.frame)
    mine = (issues["layer"] == one.name) & (issues["source"] == one.source.path.name)
    rows = set(touched.index[touched.any(axis=1)])
    cells = {(row, str(column)) for column in touched.columns
             for row in touched.index[touched[column].to_numpy()]}
    columns = {str(column) for column in touched.columns}
    answered = [(row, field) in cells if field in columns else row in rows
                for row, field in zip(issues["row"], issues["field"], strict=True)]
    return mine & pd.Series(answered, index=issues.index, dtype=bool)

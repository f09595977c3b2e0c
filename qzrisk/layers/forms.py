"""Forms as people fill them in: example rows passed over, words of units turned into codes."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from qzrisk import units as _units
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.values.cells import fold
from qzrisk.text import LANGUAGES, text

_HEADERS = {
    "county": ("县", "县区", "区县", "市县区", "县市区", "所属县", "所在县", "county"),
    "town": ("乡镇", "镇街", "街道", "乡镇街道", "所属乡镇", "所在乡镇", "town", "township"),
    "village": ("村", "社区", "行政村", "村居", "村社区", "所属村", "所在村", "village"),
}
_MARKS = sorted({text(key, language) for key in ("form_example", "form_notes")
                 for language in LANGUAGES} | {"例", "样例", "e.g."})
_MARK = "|".join(map(re.escape, _MARKS))
_MARK_HEADERS = {fold(text("form_mark", language)) for language in LANGUAGES}


def without_examples(raw: pd.DataFrame, *, layer: str = "", source: str = "",
                     language: str = "zh") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leave out the rows of a form that are marked as example or notes in its first column.

    Parameters
    ----------
    raw : cells under their headers, index ``row`` as `tables.read_cells` gives it
    layer, source, language : for the findings

    Returns
    -------
    (frame, issues)
        A note for each row left out; the column of marks goes too. Other files pass unchanged.

    Examples
    --------
    >>> raw = pd.DataFrame({"标记": ["示例", None], "场所名称": ["样例", "甲村部"]})
    >>> without_examples(raw)[0].to_dict("list")
    {'场所名称': ['甲村部']}
    """
    if not len(raw.columns) or raw.iloc[:, 0].dtype.kind in "ifbM":
        return raw, gather([])
    first = raw.iloc[:, 0].astype("str").str.strip()
    example = first.str.fullmatch(_MARK, case=False).to_numpy(dtype=bool, na_value=False)
    frame = raw
    if example.any():
        # Rows of text had made objects of the columns of numbers.
        frame = raw[~example].infer_objects()
    if fold(str(raw.columns[0])) in _MARK_HEADERS:
        frame = frame.iloc[:, 1:]
    said = findings("example_row", "note", layer=layer, source=source, language=language,
                    rows=raw.index[example].to_numpy(dtype=int))
    return frame, gather([said])


def unit_headers(named: pd.DataFrame) -> dict[str, str]:
    """Return level -> header of the columns that name county, town or village in words.

    Examples
    --------
    >>> unit_headers(pd.DataFrame(columns=["name", "乡镇", "村"]))
    {'town': '乡镇', 'village': '村'}
    """
    return {level: header for level, names in _HEADERS.items()
            if (header := _header(named, names)) is not None}


def with_unit_codes(named: pd.DataFrame, units: pd.DataFrame, *, layer: str = "",
                    source: str = "", language: str = "zh") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fill in ``unit_id`` where it is empty and county, town or village are named in words.

    Parameters
    ----------
    named : frame with canonical column names, and headers such as 县（市、区） or Town beside them
    units : membership table
    layer, source, language : for the findings

    Returns
    -------
    (frame, issues)
        The smallest unit named counts. A name that is no unit leaves the code missing and is a
        finding.
    """
    headers = unit_headers(named)
    if not headers:
        return named, gather([])
    given = named["unit_id"] if "unit_id" in named else pd.Series(pd.NA, index=named.index)
    words = named.loc[given.isna(), list(headers.values())].set_axis(list(headers), axis=1)
    codes = unit_codes(words, units)
    strange = words[codes.isna() & words.notna().any(axis=1)]
    rows = strange.index if named.index.name == "row" else named.index.get_indexer(
        strange.index) + 1
    said = findings("unit_words", "warning", layer=layer, source=source, language=language,
                    rows=np.asarray(rows, dtype=int), field="unit_id",
                    values=[" ".join(str(cell) for cell in row if not pd.isna(cell))
                            for row in strange.itertuples(index=False)])
    return named.assign(unit_id=given.astype("str").fillna(codes)), gather([said])


def unit_codes(words: pd.DataFrame, units: pd.DataFrame) -> pd.Series:
    """Return the code of the smallest unit that each record names.

    Parameters
    ----------
    words : columns ``county``, ``town``, ``village`` or some of them: names of units
    units : membership table

    Returns
    -------
    Series of unit_id, indexed as `words`
        Missing where a name given is no unit below the others, or two units bear it.

    Examples
    --------
    >>> units = pd.DataFrame({"name": ["市", "甲县", "丙镇"], "level": ["city", "county", "town"],
    ...     "parent_id": [None, "0", "1"], "reporting_id": None, "in_statistics": True},
    ...     index=["0", "1", "2"])
    >>> words = pd.DataFrame({"county": ["甲县", "甲县"], "town": ["丙镇", None]})
    >>> unit_codes(words, units).tolist()
    ['2', '1']
    """
    above = {level: _units.ancestors(units, level) for level in ("county", "town")}
    names = units["name"].map(lambda name: fold(str(name)))
    folded = words.map(lambda cell: "" if pd.isna(cell) else fold(str(cell)))
    out = pd.Series(pd.NA, index=words.index, dtype="str")
    for smallest in [level for level in ("village", "town", "county") if level in words]:
        path = [level for level in ("county", "town", "village") if level in words]
        path = path[: path.index(smallest) + 1]
        ids = units.index[units["level"] == smallest]
        keys = [names[ids] if level == smallest else above[level].reindex(ids).map(names)
                for level in path]
        here = (folded[smallest] != "") & out.isna()
        below = [level for level in folded.columns if level not in path]
        here &= (folded[below] == "").all(axis=1)
        for used in _partial(folded.loc[here, path]):
            at, levels = used
            known = pd.Series(ids, index=_joined([keys[path.index(level)] for level in levels]))
            known = known[~known.index.duplicated(keep=False)]
            wanted = _joined([folded.loc[at, level] for level in levels])
            out[at] = pd.Series(wanted, index=at).map(known)
    return out


def _partial(folded: pd.DataFrame) -> list[tuple[pd.Index, list[str]]]:
    """Group records by which levels they name."""
    if folded.empty:
        return []
    given = (folded != "").apply(lambda row: tuple(folded.columns[row]), axis=1)
    return [(rows.index, list(levels)) for levels, rows in given.groupby(given, sort=True)]


def _joined(columns: list[pd.Series]) -> pd.Index:
    return pd.Index(["\n".join(map(str, cells)) for cells in zip(*columns, strict=True)])


def _header(frame: pd.DataFrame, names: tuple[str, ...]) -> str | None:
    for header in frame.columns:
        if re.sub(r"\(.*?\)|[\s_]", "", fold(str(header))) in names:
            return str(header)
    return None

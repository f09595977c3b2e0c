"""Characters that nobody sees taken out of cells and headers, whatever the format of the file."""

from __future__ import annotations

import re

import geopandas as gpd
import pandas as pd

from qzrisk.layers.findings import findings, gather

# Workbooks write a control character as _x000B_. Joiners between Arabic or Indic letters are
# spelling; elsewhere they, marks of direction and byte order marks come along when text is copied.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
    "|(?<![\u0600-\u0dff])[\u200c\u200d]|_x00(?:0[0-8BCEFbcef]|1[0-9A-Fa-f]|7[Ff])_")
# What pandas can search for in a whole column at once: the same and a little more.
_SUSPECT = ("_x00|[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f"
            "\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_BREAKS = re.compile("[\x0b\x0c]|_x000[BCbc]_")


def bare(words: str) -> str:
    r"""Return a text without characters that cannot be seen; breaks within it are blanks.

    Examples
    --------
    >>> bare("东山\u200b村\x0b避灾点\x00")
    '东山村 避灾点'
    """
    return _HIDDEN.sub("", _BREAKS.sub(" ", words))


def printable(frame: pd.DataFrame, *, layer: str, source: str, language: str
              ) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return records without invisible characters in cells and headers, and findings on each cell.

    Parameters
    ----------
    frame : records as read, an index ``row`` or counted from 1
    layer, source, language : of the findings

    Returns
    -------
    (frame, issues)
        one note ``control_characters`` a cell, with the text as it now is.
    """
    said, out = [], frame
    shape = frame.geometry.name if isinstance(frame, gpd.GeoDataFrame) else None
    rows = (frame.index.to_numpy(dtype=int) if frame.index.name == "row"
            else range(1, len(frame) + 1))
    for at, header in enumerate(frame.columns):
        cells = frame.iloc[:, at]
        if header == shape or not (cells.dtype == object
                                   or isinstance(cells.dtype, pd.StringDtype)):
            continue
        if cells.dtype != object and not cells.str.contains(_SUSPECT, na=False).any():
            continue
        held = cells.tolist()
        hit = [n for n, cell in enumerate(held) if isinstance(cell, str) and _HIDDEN.search(cell)]
        for n in hit:
            held[n] = bare(held[n]).strip() or None
        out = out.copy() if out is frame else out
        out.isetitem(at, pd.Series(held, index=frame.index, dtype=cells.dtype))
        said.append(findings("control_characters", "note", layer=layer, language=language,
                             rows=[int(rows[n]) for n in hit], source=source,
                             values=[held[n] or "" for n in hit], field=bare(str(header))))
    names = [header if header == shape or not isinstance(header, str) else bare(header).strip()
             for header in frame.columns]
    if names != list(frame.columns) and len(set(names)) == len(names) and all(names):
        changed = [new for new, old in zip(names, frame.columns, strict=True) if new != old]
        out = out.rename(columns=dict(zip(frame.columns, names, strict=True)))
        said.append(findings("control_characters", "note", layer=layer, language=language,
                             source=source, rows=[0] * len(changed), values=changed))
    return out, gather(said)

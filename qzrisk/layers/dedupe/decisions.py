"""Decisions on pairs: people say which records are one object; nothing else is merged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from qzrisk.errors import ConfigError, SchemaError
from qzrisk.layers.findings import findings, gather
from qzrisk.layers.tables import read_cells
from qzrisk.text import text

DECISIONS = ("keep", "merge")


_HEADERS = {"保留": "left", "并入": "right", "决定": "decision", "理由": "reason"}
_WORDS = {"合并": "merge", "保留": "keep", "不合并": "keep", "保留两条": "keep"}


def read_decisions(path: str | Path) -> pd.DataFrame:
    """Return a file of decisions: ``left``, ``right``, ``decision`` and, if given, ``reason``.

    Parameters
    ----------
    path : table with those headers, or 保留, 并入, 决定 and 理由; the ``checks_duplicates.csv`` of
        a run, with its last column filled in, is one

    Raises
    ------
    ConfigError
        If the file is missing or no table.
    SchemaError
        If a column is missing.
    """
    frame = read_cells(path).frame.rename(columns=_HEADERS)
    _require(frame, ("left", "right", "decision"), Path(path).name)
    frame = frame.astype("str")
    decision = frame["decision"].str.strip().replace(_WORDS)
    # An empty cell is a pair nobody has decided on yet: the list that a run writes is such a file.
    return frame.assign(decision=decision)[decision.notna() & (decision != "")].reset_index(
        drop=True)


def apply_decisions(
    frame: gpd.GeoDataFrame, pairs: pd.DataFrame, decisions: pd.DataFrame | None = None, *,
    layer: str = "", language: str = "zh", source: str = "",
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """Take the records out that people decided to merge, and say which pairs are undecided.

    Parameters
    ----------
    frame : layer indexed by id
    pairs : see `duplicates`
    decisions : ``left``, ``right``, ``decision`` (``keep`` or ``merge``) and, if given,
        ``reason``; ``merge`` keeps the left record and takes out the right one. None decides
        nothing. A pair is the same pair whichever id stands first; pairs that `duplicates` did
        not find may be decided as well
    layer, source : printed on the findings
    language : of the messages

    Returns
    -------
    (kept, quarantine, issues)
        ``len(kept) + len(quarantine) == len(frame)``. `quarantine` has the id as a column, and
        ``_row`` (0), ``_source`` and ``_rules`` (``merged_duplicate``). `issues`: a note for each
        record merged, a warning for each pair undecided and each merge of an unknown record.

    Raises
    ------
    SchemaError
        If a column of `decisions` or `pairs` is missing.
    ConfigError
        If a decision is neither word, a pair is decided both ways, a record is merged into
        itself, into two records that both stay, or round in a circle, or two records are kept
        apart that other decisions make one.

    Notes
    -----
    Chains are followed: with a <- b and b <- c both b and c go, and c's finding names a. A pair
    of which a record went is settled with it.
    """
    _require(pairs, ("left", "right", "score", "reason"), "pairs")
    table = _table(decisions)
    unknown = [pair for pair in table.index if not set(pair) <= set(frame.index)]
    stale = table.loc[unknown]
    known = table.drop(index=unknown)
    merges = known[known["decision"] == "merge"]
    survivor = _survivors(list(merges.index))
    _check_kept(known.index[known["decision"] == "keep"], survivor)
    gone = frame.index.isin([record for record, stays in survivor.items() if stays != record])
    quarantine = frame[gone].reset_index(names=str(frame.index.name or "id")).assign(
        _row=0, _source=source, _rules="merged_duplicate")
    decided = {frozenset(pair) for pair in known.index}
    merged_ids = set(frame.index[gone])
    undecided = [frozenset(pair) not in decided and not set(pair) & merged_ids
                 for pair in zip(pairs["left"], pairs["right"], strict=True)]
    open_pairs = pairs[np.array(undecided, dtype=bool)]
    reasons = dict(zip(merges.index.get_level_values("right"), merges["reason"], strict=True))
    parts = [
        _tell("duplicate_suspect", "warning", frame, open_pairs["right"], open_pairs["left"],
              [f"{score:.2f}, {reason}" for score, reason in
               zip(open_pairs["score"], open_pairs["reason"], strict=True)],
              layer=layer, language=language, source=source),
        _tell("merged_duplicate", "note", frame, frame.index[gone],
              [survivor[record] for record in frame.index[gone]],
              [reasons[record] for record in frame.index[gone]],
              layer=layer, language=language, source=source),
    ]
    lost = stale[stale["decision"] == "merge"]
    if len(lost):
        absent = [next(record for record in pair if record not in frame.index)
                  for pair in lost.index]
        parts.append(findings("decision_without_record", "warning", layer=layer, source=source,
                              language=language, rows=[0] * len(lost), values=absent,
                              record_ids=lost.index.get_level_values("right")))
    return frame[~gone], quarantine, gather(parts)


def _require(table: pd.DataFrame, columns: Iterable[str], where: str) -> None:
    absent = [column for column in columns if column not in table]
    if absent:
        raise SchemaError("a column is missing", where=where, expected=", ".join(columns),
                          got=", ".join(map(str, table.columns)))


def _table(decisions: pd.DataFrame | None) -> pd.DataFrame:
    """Return the decisions by pair, each once, checked."""
    if decisions is None:
        decisions = pd.DataFrame({name: pd.Series(dtype="str")
                                  for name in ("left", "right", "decision")})
    _require(decisions, ("left", "right", "decision"), "decisions")
    reason = decisions["reason"].fillna("") if "reason" in decisions else ""
    table = decisions[["left", "right", "decision"]].assign(reason=reason)
    strange = table[~table["decision"].isin(DECISIONS)]
    if len(strange):
        raise ConfigError("unknown decision", where=_name(strange.iloc[0]),
                          expected=" or ".join(DECISIONS), got=strange["decision"].iloc[0])
    own = table[table["left"] == table["right"]]
    if len(own):
        raise ConfigError("a record stands against itself", where=_name(own.iloc[0]),
                          mend="give two different ids")
    seen: dict[frozenset[str], tuple[str, ...]] = {}
    for _, row in table.iterrows():
        said = (row["decision"], *((row["left"], row["right"])
                                   if row["decision"] == "merge" else ()))
        if seen.setdefault(frozenset((row["left"], row["right"])), said) != said:
            raise ConfigError("a pair is decided in two ways", where=_name(row),
                              mend="leave one decision on the pair")
    # Keep one row a pair: "keep" may stand both ways round.
    ends = table[["left", "right"]].apply(frozenset, axis=1) if len(table) else pd.Series(dtype=str)
    table = table[~ends.duplicated()]
    return table.set_index(["left", "right"]).sort_index()


def _name(row: pd.Series) -> str:
    return f"decisions: {row['left']}, {row['right']}"


def _survivors(merges: list[tuple[str, str]]) -> dict[str, str]:
    """Return of each merged record the one that stays for it."""
    into: dict[str, list[str]] = {}
    for left, right in merges:
        into.setdefault(right, []).append(left)

    def root(record: str, path: tuple[str, ...]) -> str:
        if record in path:
            raise ConfigError("records are merged in a circle", where="decisions",
                              got=" <- ".join((*path[path.index(record):], record)),
                              mend="let one of them be left only")
        roots = {root(left, (*path, record)) for left in into.get(record, ())}
        if len(roots) > 1:
            raise ConfigError("a record is merged into two that both stay",
                              where=f"decisions: {record}", got=", ".join(sorted(roots)),
                              mend="merge those two as well, or keep one pair")
        return roots.pop() if roots else record

    return {record: root(record, ()) for pair in merges for record in pair}


def _check_kept(kept: pd.MultiIndex, survivor: dict[str, str]) -> None:
    for left, right in kept:
        if survivor.get(left, left) == survivor.get(right, right):
            raise ConfigError("a pair is kept apart that other decisions make one",
                              where=f"decisions: {left}, {right}",
                              got=f"both merged into {survivor.get(left, left)}",
                              mend="change one of the decisions")


def _tell(rule: str, severity: str, frame: gpd.GeoDataFrame, records: Iterable[str],
          others: Iterable[str], reasons: Iterable[str], *, layer: str, language: str,
          source: str) -> pd.DataFrame:
    """Return one finding on each record of a pair, with the other one and the reason."""
    records, others, reasons = list(records), list(others), list(reasons)
    shapes = frame.geometry.loc[records] if isinstance(frame, gpd.GeoDataFrame) else None
    found = findings(rule, severity, layer=layer, source=source, language=language,  # type: ignore[arg-type]
                     rows=[0] * len(records), values=others, record_ids=records, geometry=shapes)
    found["message"] = [text(f"rule_{rule}", language, value=other, expected=reason)
                        for other, reason in zip(others, reasons, strict=True)]
    return found

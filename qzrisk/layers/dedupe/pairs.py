"""Pairs of records that may be one object: candidates by place, telephone and name, weighed."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib import resources
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.crs import require_projected
from qzrisk.errors import ConfigError, SchemaError
from qzrisk.layers.dedupe.kernels import PARTS, WEIGHTS, explain, search
from qzrisk.layers.dedupe.names import parse_names, phone_keys
from qzrisk.text import text

MAX_DISTANCE_M = 300.0
"""Points of one object surveyed twice lie closer: positions taken at gate and house, or by hand."""
THRESHOLD = 0.8
"""Score from which a pair is worth a person's look."""

COLUMNS = ("left", "right", "score", "reason")
_STATES = {1: "same", 0: "near", -1: "differs"}
_STATED = {"phone", "unit", "facility"}
_SEPARATOR = {"zh": "；", "en": "; "}
_WEIGHED = {"zh": "{}（{:+.1f}）", "en": "{} ({:+.1f})"}
_TOWN_DIGITS, _VILLAGE_DIGITS = 9, 12  # of the national division code


def duplicates(frame: gpd.GeoDataFrame, *, max_distance_m: float = MAX_DISTANCE_M,
               threshold: float = THRESHOLD, language: str = "zh") -> pd.DataFrame:
    """Return the pairs of records that are probably one object surveyed twice.

    Parameters
    ----------
    frame : layer indexed by unique ids, projected CRS in metres; columns ``name`` and, where
        there are any, ``phone`` and ``unit_id``; of lines and polygons the centroid counts
    max_distance_m : records farther apart are compared only if they share the telephone, or the
        name and the unit
    threshold : lowest score returned, between 0 and 1
    language : of the reasons

    Returns
    -------
    DataFrame
        ``left`` and ``right``, ids with ``left < right``; ``score`` in (0, 1), the probability
        that the two are one object; ``reason``, the evidence with its weight in bits. Sorted by
        score downwards, then ids; the same whatever the order of the rows.

    Raises
    ------
    SchemaError
        If an id occurs twice or is missing, or there is no column ``name``.
    CRSError
        If the frame's CRS is missing or not projected in metres.
    ConfigError
        If `max_distance_m` is not positive or `threshold` not between 0 and 1.

    Notes
    -----
    ``score = 1 / (1 + 2 ** -total)``, where `total` adds the prior and the weights of evidence
    (log2 of likelihood ratios, ``weights.toml``) of names, distance, telephone and unit; what a
    record lacks weighs nothing. Names are compared as places (mean of the Dice coefficient of
    character bigrams and of 1 - edit distance / longer length) after suffixes, character forms
    and numerals are evened out; different kinds of facility, numbers or directions speak against.
    Where more than `CROWD` records share a square of `max_distance_m`, each is compared with the
    `WINDOW` next by name within that square only; so are more than `WINDOW` records of one
    telephone or one name and unit, by id.

    References
    ----------
    Fellegi, I. P. and Sunter, A. B. (1969). A theory for record linkage. JASA 64(328), 1183-1210.
    Hernández, M. A. and Stolfo, S. J. (1995). The merge/purge problem for large databases. SIGMOD.

    Examples
    --------
    >>> layer = gpd.GeoDataFrame(
    ...     {"name": ["东湖社区小学避灾点", "東湖居委会小学避灾点", "东湖社区礼堂避灾点"]},
    ...     index=pd.Index(["a", "b", "c"], name="shelter_id"),
    ...     geometry=gpd.points_from_xy([0, 30, 60], [0, 0, 0]), crs="EPSG:4549")
    >>> pairs = duplicates(layer, language="en")
    >>> pairs[["left", "right"]].to_numpy().tolist(), pairs["score"].round(2).tolist()
    ([['a', 'b']], [0.97])
    >>> pairs["reason"].item()
    'names alike 1.00 (+6.0); 30 m apart (+3.5); same kind of facility (+1.5); prior (-6.0)'
    """
    _check(frame, max_distance_m, threshold)
    order = np.argsort(frame.index.astype(str).to_numpy(dtype=object), kind="stable")
    records = _records(frame, order)
    weights = _weights()
    bits = math.log2(threshold / (1 - threshold))
    left, right = search(records, weights, float(max_distance_m), bits)
    parts, facts = explain(left, right, records, weights, float(max_distance_m))
    with np.errstate(over="ignore"):
        score = np.round(1 / (1 + np.exp2(-parts.sum(axis=1))), 4)
    first = np.lexsort((right, left, -score))
    ids = frame.index.to_numpy()[order]
    return pd.DataFrame({
        "left": ids[left[first]], "right": ids[right[first]], "score": score[first],
        "reason": pd.Series(_reasons(parts[first], facts[first], language), dtype="str"),
    }, columns=list(COLUMNS))


def _check(frame: gpd.GeoDataFrame, max_distance_m: float, threshold: float) -> None:
    if not isinstance(frame, gpd.GeoDataFrame) or "name" not in frame:
        raise SchemaError("duplicates are found by name and position", where="frame",
                          expected="a GeoDataFrame with a column name",
                          got=", ".join(map(str, frame.columns)))
    if frame.index.has_duplicates or frame.index.hasnans:
        raise SchemaError("an id is missing or occurs twice", where=str(frame.index.name or "id"),
                          got=frame.index[frame.index.duplicated() | frame.index.isna()][0])
    require_projected(frame.crs, where="frame")
    if not (math.isfinite(max_distance_m) and max_distance_m > 0):
        raise ConfigError("bad distance", where="max_distance_m", expected="> 0",
                          got=max_distance_m)
    if not 0 < threshold < 1:
        raise ConfigError("bad threshold", where="threshold", expected="between 0 and 1",
                          got=threshold)


def _records(frame: gpd.GeoDataFrame, order: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return what the kernels read of the records, in the order of their ids."""
    at = shapely.centroid(np.asarray(frame.geometry.array)[order])
    x, y = shapely.get_x(at), shapely.get_y(at)
    placed = np.isfinite(x) & np.isfinite(y)
    absent = pd.Series(None, index=frame.index, dtype=object)
    names = parse_names(frame["name"].iloc[order])
    phone = phone_keys(frame.get("phone", absent).iloc[order])
    unit, parent = _units(frame.get("unit_id", absent).iloc[order])
    _, group, sharing = np.unique(phone, return_inverse=True, return_counts=True)
    return (np.where(placed, x, np.nan), np.where(placed, y, np.nan),
            names.place, names.start, names.letters, names.facility, names.number,
            names.contrast, names.key, phone, sharing[group], unit, parent)


def _units(units: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of the units and of the units above them; -1 where there is none."""
    codes, known = pd.factorize(units)
    known = pd.Series(known, dtype="str")
    division = known.str.fullmatch(rf"[0-9]{{{_TOWN_DIGITS}}}|[0-9]{{{_VILLAGE_DIGITS}}}")
    above, _ = pd.factorize(known.where(~division.astype(bool), known.str[:_TOWN_DIGITS]))
    return codes.astype(np.int64), np.append(above, -1)[codes].astype(np.int64)


@cache
def _weights() -> tuple[np.ndarray, ...]:
    file = resources.files(__package__) / "weights.toml"
    table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    lines = [np.array(table[name][side]) for name in ("name", "distance")
             for side in ("at", "weight")]
    return np.array([table[name] for name in WEIGHTS]), *lines


def _reasons(parts: np.ndarray, facts: np.ndarray, language: str) -> list[str]:
    """Return the evidence of each pair in words, each with its weight; silent parts left out."""
    shown = [[f"{value:.2f}" for value in facts[:, 0]], [f"{value:.0f}" for value in facts[:, 1]]]
    spelled = []
    for k, part in enumerate(PARTS):
        keys = [f"duplicate_{part}_{_STATES[int(state)]}" if part in _STATED
                else f"duplicate_{part}" for state in facts[:, k]]
        values = shown[k] if k < len(shown) else [""] * len(keys)
        spelled.append([text(key, language, value=value) if heard else ""
                        for key, value, heard in zip(keys, values, parts[:, k] != 0, strict=True)])
    shape = _WEIGHED[language]
    return [_SEPARATOR[language].join(
        shape.format(word, weight) for word, weight in zip(row, weights, strict=True) if word)
        for row, weights in zip(zip(*spelled, strict=True), parts.tolist(), strict=True)]


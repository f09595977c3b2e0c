"""Coordinates as people write them: degrees in every common spelling, pairs, projected metres.

Pure functions on columns: numbers out, and for each rule the mask of rows that it speaks of.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import CRS, Transformer

from qzrisk.crs import GEOGRAPHIC, Candidate, guess_crs, require_datum
from qzrisk.layers.findings import Severity

Degrees = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Bounds = tuple[float, float, float, float]

EMPTY_WORDS = frozenset({"", "-", "--", "/", "\\", "无", "暂缺", "暂无", "不详", "空", "nan",
                         "none", "null", "n/a", "na", "<na>", "nat"})
"""Texts that stand for nothing, in lower case."""

_SIGNS = {
    **dict.fromkeys("º˚゜∘⁰度", "°"),
    **dict.fromkeys("′’‘`´＇ʹ分", "'"),
    **dict.fromkeys("″”“＂ʺ秒", '"'),
    **dict.fromkeys("−﹣－–—", "-"),
    "‴": "'''", "东": "E", "西": "W", "南": "S", "北": "N", "經": "", "经": "", "緯": "", "纬": "",
    "東": "E",
}
_LABEL = re.compile("([经經纬緯])度")
_TRANSLATION = str.maketrans(_SIGNS)
_NUMBER = r"\d+(?:\.\d+)?"
_ANGLE = re.compile(
    rf"""(?:(?P<label>lon|lat)(?:g|gitude|itude)?\s*|[xy](?=\s*[:=]))?\s*[:=]?\s*
    (?P<before>[EWNS])?\s*[:=]?\s*(?P<sign>[+-])?\s*
    (?P<degrees>{_NUMBER})\s*
    (?:(?:°\s*|[:\s-]\s*(?=\d))
       (?:(?P<minutes>{_NUMBER})\s*
          (?:(?:'\s*|[:\s-]\s*(?=\d))
             (?:(?P<seconds>{_NUMBER})\s*(?:"|'')?)?)?)?)?
    \s*(?P<after>[EWNS])?""", re.VERBOSE | re.IGNORECASE)
_DOTTED = re.compile(r"(\d+)\.(\d+)\.(\d+(?:\.\d+)?)")
_LATE_FRACTION = re.compile(r"(\d+)([°'\"])\.(\d+)")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_PACKED = re.compile(r"(\d{2,3})(\d{2})(\d{2}(?:\.\d+)?)")
_POINT = re.compile(r"""POINT\s*(?:ZM|Z|M)?\s*\(\s*(\S+)\s+([^\s)]+)[^)]*\)
                        |"coordinates"\s*:\s*\[\s*([^,\s]+)\s*,\s*([^,\s\]]+)""",
                    re.VERBOSE | re.IGNORECASE)
_HALF_AT_LETTER = re.compile(r"(.*?\d.*?[EWNS](?!\+))[\s,]*((?=.*\d).+)")
_HALF_AT_HEAD = re.compile(r"([EWNS].*?\d.*?)[\s,]*([EWNS].*\d.*)")
_BETWEEN = tuple(map(re.compile, (r"\s*[;|/\t、]\s*", r",\s+|\s+,", r",", r"\s+")))


_PACKED_FROM = 1e5


class _Parsed(NamedTuple):
    value: float
    kind: str
    axis: str = ""


_BAD = _Parsed(np.nan, "unreadable")
_NONE = _Parsed(np.nan, "")


def parse_degrees(values: Iterable[Any], *, packed: bool = False
                  ) -> tuple[Degrees, npt.NDArray[np.str_], Mask]:
    """Read angles written in any common way, also several ways in one column.

    Parameters
    ----------
    values : numbers or texts
        Decimal degrees (point or comma), degrees-minutes, degrees-minutes-seconds, with signs,
        Chinese words, colons, dashes, dots or spaces between; a hemisphere as E, W, N, S or 东经,
        西经, 南纬, 北纬, before or after; full-width characters.
    packed : read whole numbers of six or seven digits as DDMMSS, DDDMMSS

    Returns
    -------
    (degrees, kinds, bad)
        `degrees` is NaN where empty or unreadable, negative in the west and south. `kinds` is
        ``"decimal"``, ``"dm"``, ``"dms"``, ``"packed"``, ``"unreadable"`` or ``""`` (empty). `bad`
        marks what is unreadable, minutes or seconds of 60 and over, and angles over 180 (with N or
        S, 90).

    Examples
    --------
    >>> degrees, kinds, bad = parse_degrees(
    ...     ["118.6757", "118°40′32.5″E", "东经118度40分32.5秒", "118：40：32.5", "118°75′"])
    >>> degrees.round(6).tolist()
    [118.6757, 118.675694, 118.675694, 118.675694, nan]
    >>> kinds.tolist(), bad.tolist()
    (['decimal', 'dms', 'dms', 'dms', 'unreadable'], [False, False, False, False, True])
    """
    degrees, kinds, _ = _parse(values, packed=packed, limit=180.0)
    return degrees, kinds, kinds == "unreadable"


def _parse(values: Iterable[Any], *, packed: bool, limit: float
           ) -> tuple[Degrees, npt.NDArray[np.str_], npt.NDArray[np.str_]]:
    """Return numbers, kinds and axes (``"lon"``, ``"lat"`` or ``""``)."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "f":
        raw = pd.Series(values)
    else:
        raw = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=object)
    if raw.dtype == object:  # whatever else a cell may hold (dates, lists, True) is read as text
        raw = raw.map(lambda cell: cell if _is_plain(cell) else str(cell))
    number = np.array(pd.to_numeric(raw, errors="coerce"), dtype=float)
    kinds = np.where(np.isnan(number), "unreadable", "decimal").astype("<U10")
    axes = np.full(len(raw), "", dtype="<U3")
    # One regular expression a distinct text; what pandas reads as a number needs none.
    again = np.isnan(number) | (packed & (np.abs(number) >= _PACKED_FROM))
    codes, texts = pd.factorize(raw[again], use_na_sentinel=False)
    read = [_read(text, packed=packed) for text in texts]
    if read:
        values_, kinds_, axes_ = (np.array(part)[codes] for part in zip(*read, strict=True))
        number[again], kinds[again], axes[again] = values_, kinds_, axes_
    most = np.where(axes == "lat", min(90.0, limit), limit)
    with np.errstate(invalid="ignore"):
        over = np.abs(number) > most
    number[over] = np.nan
    kinds[over] = "unreadable"
    return number, kinds, axes


def _is_plain(cell: Any) -> bool:
    return cell is None or cell is pd.NA or cell is pd.NaT or isinstance(cell, str) or (
        isinstance(cell, int | float | np.integer | np.floating) and not isinstance(cell, bool))


def _plain(value: Any) -> str:
    """Return a text in half-width characters, with one sign each for degree, minute and second."""
    text = str(value)
    if "度" in text:
        text = _LABEL.sub(lambda word: "lon " if word[1] in "经經" else "lat ", text)
    text = text.translate(_TRANSLATION)
    if not text.replace("°", "").isascii():
        text = unicodedata.normalize("NFKC", text).translate(_TRANSLATION)
    return text.strip()


def _read(value: Any, *, packed: bool) -> _Parsed:
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return _NONE
    text = _plain(value)
    if text.lower() in EMPTY_WORDS:
        return _NONE
    whole = text.removesuffix(".0")
    if packed and (digits := _PACKED.fullmatch(whole)):
        return _angle(*digits.groups(), kind="packed")
    return _read_angle(_ANGLE.fullmatch(text) or _ANGLE.fullmatch(_mended(text)), text)


def _mended(text: str) -> str:
    """Return rarer spellings in the common one: 32″.5, thousands, decimal commas, 118.40.32."""
    text = _LATE_FRACTION.sub(r"\1.\3\2", text)
    # A decimal comma and a comma between thousands look alike: degrees have no thousands.
    if _THOUSANDS.fullmatch(text) and (
            text.count(",") > 1 or "." in text or float(text.replace(",", ".")) > 180):
        text = text.replace(",", "")
    return _DOTTED.sub(r"\1°\2'\3" + '"', _DECIMAL_COMMA.sub(".", text))


def _read_angle(found: re.Match[str] | None, text: str) -> _Parsed:
    if not found:
        return _number(text)
    label, before, sign, degrees, minutes, seconds, after = (
        part or "" for part in found.groups())
    before, after = before.upper(), after.upper()
    letter = before or after
    if (before and after and before != after) or (letter and sign == "-"):
        return _BAD
    axis = label.lower() if not letter else "lon" if letter in "EW" else "lat"
    made = _angle(degrees, minutes, seconds)
    negative = sign == "-" or letter in ("W", "S")
    return _Parsed(-made.value if negative else made.value, made.kind, axis)


def _number(text: str) -> _Parsed:
    try:
        return _Parsed(float(text), "decimal")
    except ValueError:
        return _BAD


def _angle(degrees: str, minutes: str, seconds: str, *, kind: str = "") -> _Parsed:
    if (minutes and "." in degrees) or (seconds and "." in minutes):
        return _BAD
    d, m, s = float(degrees), float(minutes or 0), float(seconds or 0)
    if m >= 60 or s >= 60:
        return _BAD
    return _Parsed(d + m / 60 + s / 3600,
                   kind or ("dms" if seconds else "dm" if minutes else "decimal"))


def split_pairs(values: Iterable[Any]) -> tuple[list[str | None], list[str | None]]:
    """Split one column of pairs into two of raw texts, in the order in which they stand.

    Parameters
    ----------
    values : texts such as ``"118.67,24.87"``, ``"E118°40′ N24°52′"`` or ``"POINT(118.6 24.9)"``

    Returns
    -------
    (first, second) : lists; None twice where empty, the text and None where there is no pair

    Examples
    --------
    >>> split_pairs(["118.67,24.87", "POINT(118.6 24.9)", "东经118°40′，北纬24°52′"])
    (['118.67', '118.6', "E118°40'"], ['24.87', '24.9', "N24°52'"])
    """
    pairs = [_split(value) for value in values]
    return [first for first, _ in pairs], [second for _, second in pairs]


def _split(value: Any) -> tuple[str | None, str | None]:
    if value is None or value is pd.NA or value != value:
        return None, None
    if made := _POINT.search(str(value)):
        first, second = (part for part in made.groups() if part is not None)
        return first, second
    text = _plain(value).strip("()[]{} ,;")
    if text.lower() in EMPTY_WORDS:
        return None, None
    for letters in (_HALF_AT_HEAD, _HALF_AT_LETTER):
        if halves := letters.fullmatch(text):
            return halves[1].strip(" ,;、/|"), halves[2].strip(" ,;、/|")
    for between in _BETWEEN:
        parts = [part for part in between.split(text) if part]
        if len(parts) == 2 or (len(parts) == 3 and "." in parts[0] and "." in parts[1]):
            return parts[0], parts[1]  # a third is a height
    if len(parts) in (4, 6):  # degrees and minutes with nothing but spaces
        return " ".join(parts[:len(parts) // 2]), " ".join(parts[len(parts) // 2:])
    return text, None


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where the rows of a table lie, and what was noticed on the way.

    Attributes
    ----------
    lon, lat : degrees (EPSG:4490), NaN where the row has no usable coordinates.
    kinds : how each row was written: the kinds of `parse_degrees`, or ``"projected"``.
    rules : rule -> rows; the words of each stand in the text table (``rule_<rule>``).
    candidates : for projected rows, what their numbers may be, best first.
    """

    lon: Degrees
    lat: Degrees
    kinds: npt.NDArray[np.str_]
    rules: dict[str, Mask]
    candidates: list[Candidate] = field(default_factory=list)


RULES: dict[str, Severity] = {
    "coordinate_missing": "error", "coordinate_half": "error", "coordinate_unreadable": "error",
    "coordinate_infinite": "error", "coordinate_zero": "error", "coordinate_crs_unknown": "error",
    "coordinate_outside": "warning", "coordinate_swapped": "note", "coordinate_projected": "note",
    "coordinate_sexagesimal": "note",
}
"""Rules of `locate` and their severity: error, the row has no usable place; warning, it has one
that should be checked; note, it was read or repaired in a way worth saying."""

_METRES_FROM = 360.0
_LIKELY = 0.5


def locate(x: Iterable[Any], y: Iterable[Any] | None = None, *, bounds: Bounds | None = None,
           source_crs: object = None, packed: bool = False) -> Located:
    """Read two raw columns, or one of pairs, as places on the earth.

    Parameters
    ----------
    x, y : columns of longitude and latitude or easting and northing, as they came
        Without `y` each value of `x` holds a pair (`split_pairs`).
    bounds : west, south, east, north of the project, degrees
        Needed to tell swapped columns in all cases, rows outside, and the central meridian.
    source_crs : CRS that the file states; where that is not projected, `guess_crs` must find just
        one for rows in metres
    packed : see `parse_degrees`

    Returns
    -------
    Located
        Aligned with the rows. `rules` holds every rule of `RULES`; a row with an error has NaN.

    Raises
    ------
    CRSError
        If `source_crs` is Beijing 1954 or Xi'an 1980 without parameters.

    Notes
    -----
    A pair is swapped back if its letters say so, or a latitude would be over 90, or it lies
    outside `bounds` and the other order inside. Rows outside keep their place. Rows of metres are
    judged together: one central meridian for all. Datums are not shifted here (`detect_shift`).

    Examples
    --------
    >>> found = locate(["118.67", "24.9", "0"], ["24°52′", "118.6", "0"])
    >>> found.lon.tolist()[:2], found.rules["coordinate_swapped"].tolist()
    ([118.67, 118.6], [False, True, False])
    """
    stated = None if source_crs is None else require_datum(source_crs, where="source_crs")
    if y is None:
        x, y = split_pairs(x)
    a, kind_a, axis_a = _parse(x, packed=packed, limit=np.inf)
    b, kind_b, axis_b = _parse(y, packed=packed, limit=np.inf)
    empty_a, empty_b = kind_a == "", kind_b == ""
    rules = {
        "coordinate_missing": empty_a & empty_b,
        "coordinate_half": empty_a ^ empty_b,
        "coordinate_unreadable": (kind_a == "unreadable") | (kind_b == "unreadable")
        | ((axis_a == axis_b) & (axis_a != "")),
        "coordinate_infinite": np.isinf(a) | np.isinf(b),
        "coordinate_zero": (a == 0) & (b == 0),
        "coordinate_sexagesimal": _sexagesimal(kind_a) | _sexagesimal(kind_b),
    }
    barred = np.logical_or.reduce([mask for rule, mask in rules.items()
                                   if RULES[rule] == "error"])
    metres = ~barred & (np.abs(a) > _METRES_FROM) & (np.abs(b) > _METRES_FROM)
    lon, lat = a.copy(), b.copy()
    known, swapped, candidates = _from_metres(lon, lat, metres, bounds, stated)
    swapped |= _swap(lon, lat, ~barred & ~metres, axis_a, axis_b, bounds)
    impossible = ~barred & ~metres & ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    rules["coordinate_unreadable"] = rules["coordinate_unreadable"] | impossible
    barred = barred | impossible | (metres & ~known)
    lon[barred] = lat[barred] = np.nan
    rules |= {
        "coordinate_crs_unknown": metres & ~known, "coordinate_projected": metres & known,
        "coordinate_swapped": swapped & ~barred,
        "coordinate_outside": ~barred & ~_inside(lon, lat, bounds),
        "coordinate_sexagesimal": rules["coordinate_sexagesimal"] & ~barred,
    }
    kinds = np.where(metres, "projected", np.where(_sexagesimal(kind_a), kind_a, kind_b))
    return Located(lon=lon, lat=lat, kinds=kinds, candidates=candidates,
                   rules={rule: rules[rule] for rule in RULES})


def _sexagesimal(kinds: npt.NDArray[np.str_]) -> Mask:
    return np.isin(kinds, ["dm", "dms", "packed"])


def _inside(lon: Degrees, lat: Degrees, bounds: Bounds | None) -> Mask:
    if bounds is None:
        return np.ones(len(lon), dtype=bool)
    west, south, east, north = bounds
    return (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)


def _swap(lon: Degrees, lat: Degrees, which: Mask, axis_x: npt.NDArray[np.str_],
          axis_y: npt.NDArray[np.str_], bounds: Bounds | None) -> Mask:
    """Swap in place the pairs that stand in the other order; return them."""
    lettered = (axis_x != "") | (axis_y != "")
    crossed = (axis_x == "lat") | (axis_y == "lon")
    impossible = (np.abs(lat) > 90) & (np.abs(lon) <= 90) & (np.abs(lat) <= 180)
    swap = which & np.where(lettered, crossed, impossible)
    if bounds is not None:
        other = ~_inside(lon, lat, bounds) & _inside(lat, lon, bounds)
        swap |= which & ~lettered & other
    lon[swap], lat[swap] = lat[swap], lon[swap]
    return swap


def _from_metres(x: Degrees, y: Degrees, which: Mask, bounds: Bounds | None, stated: CRS | None
                 ) -> tuple[Mask, Mask, list[Candidate]]:
    """Turn projected rows into degrees in place; return which could be, which were swapped."""
    none = np.zeros(len(x), dtype=bool)
    if not which.any():
        return none, none.copy(), []
    if stated is not None and not stated.is_projected:
        stated = None
    candidates = guess_crs((x[which], y[which]), stated, area=bounds or _used_in(stated))
    chosen = _chosen(candidates, stated)
    if chosen is None:
        return none, none.copy(), candidates
    crs, swapped = chosen
    change = Transformer.from_crs(crs, GEOGRAPHIC, always_xy=True)
    first, second = (y[which], x[which]) if swapped else (x[which], y[which])
    lon, lat = (np.asarray(v, dtype=float) for v in change.transform(first, second))
    other = np.full(len(lon), swapped)
    if bounds is not None:
        # A single row in the other order than the rest of its column.
        off = np.flatnonzero(~_inside(lon, lat, bounds))
        back = [np.asarray(v, dtype=float) for v in change.transform(second[off], first[off])]
        mended = _inside(back[0], back[1], bounds)
        lon[off[mended]], lat[off[mended]] = back[0][mended], back[1][mended]
        other[off[mended]] = not swapped
    x[which], y[which] = lon, lat
    turned = np.zeros(len(x), dtype=bool)
    turned[which] = other
    return which & np.isfinite(x) & np.isfinite(y), turned, candidates


def _used_in(stated: CRS | None) -> Bounds | None:
    """Return where a stated CRS is used, with a degree about it: its rows can lie nowhere else."""
    if stated is None or stated.area_of_use is None:
        return None
    west, south, east, north = stated.area_of_use.bounds
    return west - 1, south - 1, east + 1, north + 1


def _chosen(candidates: list[Candidate], stated: CRS | None) -> tuple[CRS | str, bool] | None:
    if stated is not None:
        same = [c.swapped for c in candidates if CRS.from_user_input(c.crs) == stated]
        return stated, bool(same and same[0])
    likely = [c for c in candidates if c.score >= _LIKELY]
    if not likely or sum(c.score == likely[0].score for c in likely) > 1:
        return None
    return likely[0].crs, likely[0].swapped

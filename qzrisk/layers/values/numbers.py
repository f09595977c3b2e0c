"""Numbers as people write them in Chinese tables, read exactly or not at all."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

from qzrisk.layers.values.cells import EMPTY_WORDS, fold

Reading = tuple[float, tuple[str, ...]]
"""Value (NaN where it cannot be told) and the rules that speak of it."""

NAN = float("nan")
_DIGITS = {c: d for d, group in enumerate(("〇零○", "一壹", "二贰貳两兩", "三叁參", "四肆", "五伍",
                                           "六陆陸", "七柒", "八捌", "九玖")) for c in group}
_STEPS = {"亿": 8, "億": 8, "万": 4, "萬": 4, "千": 3, "仟": 3, "百": 2, "佰": 2, "十": 1, "拾": 1}
_SCALES = {"亿": 8, "億": 8, "万": 4, "萬": 4, "千": 3, "仟": 3, "百": 2, "w": 4, "k": 3}
# Word -> (what it measures, factor to the internal unit).
_UNITS: dict[str, tuple[str, Decimal]] = {
    **dict.fromkeys(("人", "名", "位", "人次", "persons", "people"), ("persons", Decimal(1))),
    **dict.fromkeys(("平方米", "平米", "平方公尺", "m2", "m^2", "sqm"), ("m2", Decimal(1))),
    "亩": ("m2", Decimal(2000) / 3), "畝": ("m2", Decimal(2000) / 3),
    **dict.fromkeys(("公顷", "ha", "hm2", "hectare", "hectares"), ("m2", Decimal(10_000))),
    **dict.fromkeys(("英亩", "acre", "acres"), ("m2", Decimal("4046.8564224"))),
    **dict.fromkeys(("平方英尺", "sqft", "sq ft", "sq. ft.", "ft2"), ("m2", Decimal("0.09290304"))),
    "坪": ("m2", Decimal(400) / 121),
    **dict.fromkeys(("平方公里", "平方千米", "km2"), ("m2", Decimal(1_000_000))),
    **dict.fromkeys(("元", "圆", "yuan", "rmb"), ("yuan", Decimal(1))),
    **dict.fromkeys(("米", "m"), ("m", Decimal(1))),
    **dict.fromkeys(("公里", "千米", "km"), ("m", Decimal(1000))),
    **dict.fromkeys(("厘米", "cm"), ("m", Decimal("0.01"))),
    **dict.fromkeys(("公里/小时", "公里/时", "千米/小时", "km/h"), ("km/h", Decimal(1))),
    **dict.fromkeys(("分钟", "分", "min"), ("min", Decimal(1))),
    **dict.fromkeys(("小时", "h"), ("min", Decimal(60))), "g": ("g", Decimal(1)),
    **dict.fromkeys(("年", "岁", "度", "级", "层"), ("scale", Decimal(1))),
    **dict.fromkeys(("个", "处", "座", "间", "套", "张", "顶", "户", "栋", "幢", "辆", "所"),
                    ("count", Decimal(1))),
}
_COUNTED = {"persons": ("count",), "": ("scale", "count", "g")}
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_INSIDE = re.compile(r"[(\[【<]([^()\[\]【】<>]*)[)\]】>]")
_STATED = re.compile(rf"(?:单位|unit)?[: ]*((?:亿|万|千|百)?(?:{_UNIT})?)(?:立方米|m3)?")
_OWN_UNIT = re.compile(rf"(?:{_UNIT}|[亿億万萬])")
_FIGURE = r"(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_QUANTITY = rf"(?:{_FIGURE})(?:[亿億万萬千仟百]|[wk](?![a-z]))?"
_WORDS = "".join(_DIGITS) + "".join(_STEPS) + "廿卅点點"
_PLAIN = re.compile(rf"([+-]?)((?:{_FIGURE})(?:e[+-]?\d{{1,3}})?)")
_SCALED = re.compile(rf"({_FIGURE})(亿|億|万|萬|千|仟|百|w|k)")
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?:\.\d+)?")
_RANGE = re.compile(
    rf"(?:约|大约)?({_QUANTITY}|[{_WORDS}]+)(?:{_UNIT})?(?:-+|~|—+|–|至|到)"
    rf"({_QUANTITY}|[{_WORDS}]+)(?:{_UNIT})?")
_CLASS = re.compile(
    r"(?:[<>≥≤≧≦]=?|大于|小于|超过|超|不足|不到|低于|高于|至少|最多|不少于|不超过|不大于|不小于).+"
    r"|.+(?:以上|以下|以内|及以上|及以下|\+)")
_BEFORE = re.compile(r"(?:大约|约计|约有|约为|约|将近|接近|近|大概|估计|左右|≈|~"
                     r"|about|approx\.?|circa|ca\.)\s*")
_UNIT_END = re.compile(rf"(.*?[\d{_WORDS}余多许来wk])(?:({_UNIT}))")
_AFTER = re.compile(r"(.+?)(左右|上下|开外|余|多|许|来)")
_BRACKETED = re.compile(r"\((\d[\d,.]*)\)")
_REMARK = re.compile(r"([^()]*\d[^()]*)\(([^()]*)\)")
_PART = re.compile(rf"(?:其中)?([^\d:/、;,+]{{1,6}}?)[:为有]?({_FIGURE})(?:{_UNIT})?")
_PARTS_SPLIT = re.compile(r"[/、;,+\s]+")
_INDOOR, _OUTDOOR = ("室内", "indoor"), ("室外", "outdoor")


def chinese(words: str) -> Decimal | None:
    """Return the number written in Chinese numerals, or None if it is none.

    Notes
    -----
    Positional (二〇二一), with steps (两千五百, 一万零三), formal (壹佰), 廿 and 卅,
    decimals (三点五), figures with steps (1万2千), and the colloquial last digit (三百五 = 350).

    Examples
    --------
    >>> [int(chinese(words)) for words in ("一百二十", "两千五百", "廿三", "二〇二一", "一万二")]
    [120, 2500, 23, 2021, 12000]
    """
    words = words.replace("廿", "二十").replace("卅", "三十").replace("點", "点")
    whole, point, fraction = words.partition("点")
    if point:
        after = [_DIGITS.get(c) for c in fraction]
        before = chinese(whole)
        if before is None or not after or None in after:
            return None
        return before + Decimal("0." + "".join(map(str, after)))
    return _stepped(whole)


def _stepped(words: str) -> Decimal | None:
    if words and all(c in _DIGITS for c in words):
        return Decimal("".join(str(_DIGITS[c]) for c in words))
    if re.fullmatch(_FIGURE, words):
        return Decimal(words.replace(",", ""))
    for step in ("亿億", "万萬", "千仟", "百佰", "十拾"):
        at = max(words.rfind(c) for c in step)
        if at >= 0:
            return _around(words[:at], _STEPS[words[at]], words[at + 1:])
    return None


def _around(left: str, power: int, right: str) -> Decimal | None:
    head = Decimal(1) if not left and power == 1 else _stepped(left)
    if head is None or (power < 4 and head >= 10) or (
            len(left) > 1 and set(left) <= set(_DIGITS)):
        return None
    if not right:
        return head.scaleb(power)
    if right in _DIGITS and power > 1 and _DIGITS[right]:
        return head.scaleb(power) + Decimal(_DIGITS[right]).scaleb(power - 1)
    tail = _stepped(right.lstrip("零〇") or "!")
    if tail is None or tail >= Decimal(1).scaleb(power):
        return None
    return head.scaleb(power) + tail


def stated_unit(header: str, unit: str) -> str:
    """Return the unit that a header states in brackets where it is another than the column's.

    Parameters
    ----------
    header : as it stands in the file
    unit : of the canonical column

    Returns
    -------
    str, to be written behind each bare figure of the column; "" where nothing is to be converted

    Examples
    --------
    >>> stated_unit("有效面积（亩）", "m2"), stated_unit("受威胁人数（万人）", "persons")
    ('亩', '万人')
    >>> stated_unit("面积（㎡）", "m2"), stated_unit("容量（申报）", "persons")
    ('', '')
    """
    for inside in _INSIDE.findall(fold(header)):
        match = _STATED.fullmatch(inside.strip())
        if match and match[1]:
            value, _ = read_number(f"1{match[1]}", unit)
            if not math.isnan(value) and value != 1:
                return match[1]
    return ""


def with_unit(cell: object, stated: str) -> object:
    """Return a cell with the unit of its header behind a figure that has none of its own."""
    if isinstance(cell, bool) or cell is None or cell != cell:
        return cell
    if isinstance(cell, str):
        words = fold(cell)
        bare = any(c.isdigit() or c in _WORDS for c in words) and not _OWN_UNIT.search(words)
        return f"{words}{stated}" if bare else cell
    return f"{cell}{stated}" if hasattr(cell, "__float__") else cell


def read_number(cell: str, unit: str) -> Reading:
    """Return the number in one cell of text and the rules that speak of it.

    Parameters
    ----------
    cell : as it came
    unit : of the column; areas, lengths and times are converted to it

    Examples
    --------
    >>> read_number("约1.2万人", "persons")
    (12000.0, ('approximate', 'number_read'))
    >>> read_number("250-500", "persons")
    (nan, ('number_range',))
    """
    raw = fold(cell)
    if raw in EMPTY_WORDS:
        return NAN, ("empty_word",)
    text = raw if _SPACED.fullmatch(raw) else re.sub(r"\s*(\D)\s*", r"\1", raw)
    if _SPACED.fullmatch(text):
        text = text.replace(" ", "")
    plain = _PLAIN.fullmatch(text)
    if plain:
        return _plain(cell, plain)
    if _RANGE.fullmatch(text) or _CLASS.fullmatch(text):
        return NAN, ("number_range",)
    value, rules = _composite(text, unit) or _bracketed(text, unit) or _phrase(text, unit)
    return (NAN, ("number",)) if math.isinf(value) else (value, rules)


def _plain(cell: str, match: re.Match[str]) -> Reading:
    value = float(match[1] + match[2].replace(",", ""))
    if math.isinf(value):
        return NAN, ("number",)
    # Separators and spaces change nothing; other writing is worth a note.
    return value, () if cell.isascii() else ("number_read",)


def _bracketed(text: str, unit: str) -> Reading | None:
    if match := _BRACKETED.fullmatch(text):
        value, rules = read_number(match[1], unit)
        return -value, (*rules, "bracketed")
    if match := _REMARK.fullmatch(text):
        value, rules = read_number(match[1], unit)
        return value, (*rules, "remark")
    return None


def _composite(text: str, unit: str) -> Reading | None:
    found = parts(text)
    if not found:
        return None
    if unit not in ("persons", "m2", ""):
        return NAN, ("number",)
    return float(sum(found.values())), ("composite",)


def parts(cell: str) -> dict[str, float]:
    """Return label -> number of a composite such as ``室内137人/室外547人``, or nothing.

    Notes
    -----
    Only parts that exclude one another (indoor and outdoor, men and women) make a composite.

    Examples
    --------
    >>> parts("室内137人/室外547人")
    {'室内': 137.0, '室外': 547.0}
    """
    text = fold(cell)
    pieces = [piece for piece in _PARTS_SPLIT.split(text) if piece]
    if len(pieces) == 1:
        pieces = [m[0] for m in _PART.finditer(text)] if _PART.match(text) else []
        if "".join(pieces) != text:
            return {}
    matches = [_PART.fullmatch(piece) for piece in pieces]
    found = {m[1]: float(m[2].replace(",", "")) for m in matches if m}
    exclusive = {frozenset(_side(label) for label in found)} <= {
        frozenset(("indoor", "outdoor")), frozenset(("men", "women"))}
    return found if len(found) == len(pieces) == 2 and exclusive else {}


def _side(label: str) -> str:
    for side, words in (("indoor", _INDOOR), ("outdoor", _OUTDOOR), ("women", ("女",)),
                        ("men", ("男",))):
        if any(word in label for word in words):
            return side
    return label


def _phrase(text: str, unit: str) -> Reading:
    """Read an optional 约, sign, figure or numerals, 余, unit and 左右, in that order."""
    rules: list[str] = []
    text, word = _strip_approximate(text, rules)
    sign = Decimal(1)
    if text[:1] in ("-", "负", "負", "+"):
        sign, text = Decimal(1 if text[0] == "+" else -1), text[1:]
    if text.endswith("%"):
        value = _figure(text[:-1])
        factor, bad = (Decimal(1), False) if unit in ("%", "percent") else (
            Decimal("0.01"), unit not in ("", "share", "ratio"))
        word = ""
    else:
        value = _figure(text)
        factor, bad = _convert(word, unit, rules)
    if value is None:
        return NAN, ("number",)
    if bad:
        return NAN, ("unit",)
    return float(sign * value * factor), (*rules, "number_read")


def _strip_approximate(text: str, rules: list[str]) -> tuple[str, str]:
    """Take off what says "about", before, after and around the unit; return figure and unit."""
    word, about = "", False
    if match := _BEFORE.match(text):
        text, about = text[match.end():], True
    for _ in range(2):
        if match := _AFTER.fullmatch(text):
            text, about = match[1], True
        if not word and (match := _UNIT_END.fullmatch(text)):
            text, word = match[1], match[2]
    if match := re.fullmatch(r"(.*)[余多来]([万亿千百])", text):
        text, about = match[1] + match[2], True
    if about:
        rules.append("approximate")
    return ("一" + text if about and text[:1] in "百千万亿" else text), word


def _figure(text: str) -> Decimal | None:
    if re.fullmatch(_FIGURE, text):
        return Decimal(text.replace(",", ""))
    if match := _SCALED.fullmatch(text):
        return Decimal(match[1].replace(",", "")).scaleb(_SCALES[match[2]])
    if match := re.fullmatch(rf"({_FIGURE})e([+-]?\d{{1,3}})", text):
        return Decimal(match[1].replace(",", "")).scaleb(int(match[2]))
    try:
        return chinese(text)
    except (InvalidOperation, RecursionError):
        return None


def _convert(word: str, unit: str, rules: list[str]) -> tuple[Decimal, bool]:
    """Return the factor from the written unit to the column's, and whether they contradict."""
    if not word:
        return Decimal(1), False
    measured, factor = _UNITS[word]
    if measured == unit:
        if factor != 1:
            rules.append("unit_converted")
        return factor, False
    if unit == "":
        return Decimal(1), False
    return Decimal(1), measured not in _COUNTED.get(unit, ())



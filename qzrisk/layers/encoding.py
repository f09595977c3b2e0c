"""Which text encoding a file of unknown origin is written in, with the evidence.

Byte order mark, then strict UTF-8, then UTF-16 without a mark, then the multi-byte encodings of
East Asia told apart by how common the characters are that each would give; where no reading gives
everyday hanzi or kana, Korean, Thai and Cyrillic are looked for (`alphabets`); accents that stand
alone among letters are Western European.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qzrisk.errors import ConfigError
from qzrisk.layers import alphabets
from qzrisk.text import text

MIXED = "mixed"
"""Name of a file whose lines are in more than one encoding."""

_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_FAMILY = {"gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "big5hkscs": "big5hkscs",
           "big5": "big5hkscs", "cp950": "big5hkscs", "shift_jis": "cp932", "ascii": "utf-8"}
_CANDIDATES = ("gb18030", "big5hkscs", "cp932")
# Characters that hardly any table of places, people or buildings is without.
_FREQUENT = set(
    "的一是不在有人大中小上下东西南北年月日号村社区县市省镇乡街道路学校场所名称编码序"
    "地址电话数面积经纬度备注合计室内外平方米级别类型时间单位负责居委会民公园山水河海"
    "風险災害防避难点灾风險難點縣區鄉鎮號學場電話單東国國門门用可容納纳第三二四五六七"
    "八九十男女老幼家户戶新建安福永")
# The same of Japan; its EUC has the kana where GB 2312 has them, but other characters behind them.
_FREQUENT_JAPANESE = _FREQUENT | set(
    "施設収容避難所校園町丁目区体育館学集会児童総合福祉役場広駅橋津川島崎田谷野沢池原府都道"
    "郡字番本前後内間想定指緊急種別職員対応階建築構造文化保健交流研修支援")
_HALF_KANA = re.compile(  # words of half-width katakana with their marks where they can be
    r"(?<!\w)(?![ｧ-ｰ])(?:[ｱｲｴｵﾅ-ﾉﾏ-ﾝｦｧ-ｰ]|[ｳｶ-ﾄ]ﾞ?|[ﾊ-ﾎ][ﾞﾟ]?){3,}(?!\w)")
_ENOUGH_HALF_KANA, _HALF_SHARE = 8, 0.3
_KANA_SHARE, _ENOUGH_KANA = 0.05, 4
_MORE_FREQUENT, _RATHER_FREQUENT = 1.2, 0.6  # points: four frequent characters more, and two
_LIKELY, _SURE, _SHORT = 0.7, 0.5, 0.25
_SAMPLE_BYTES = 100_000
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
# Letters with accents, and the signs of degrees, ordinals and squares.
_ACCENTED = re.compile(rb"(?<![\x80-\xff])[\xaa\xb0\xb2\xb3\xba\xc0-\xff](?![\x80-\xff])")
# Two of them together between letters, as in Größe.
_TWO_ACCENTED = re.compile(rb"(?<=[A-Za-z])[\xc0-\xff]{2}(?=[a-z])")
_ALONE, _MOSTLY_ALONE, _LATIN = 0.9, 0.6, 0.6
_EVERYDAY = 0.15  # of Chinese or Japanese text; other text misread as such has some 0.03
_DOUBTFUL, _THIN = 0.07, 0.4
_ENOUGH_BESIDE_HANZI = 40  # letters; hanzi of names alone may stand like letters by chance
_UTF8_RUN = re.compile(rb"(?:[\xe3-\xe9][\x80-\xbf]{2}){2}")
_SURE_IDEOGRAPHS = 3
_MIN_ROUND_TRIP = 4  # hanzi; two happen to survive the round trip by chance ("联通")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding and why it is believed.

    Attributes
    ----------
    name : Python codec, or `MIXED` when lines differ.
    evidence : the reasons, in words.
    confidence : 0 to 1; below 0.5 a person should look.
    mojibake : what has already gone wrong with the text itself, in words, or "".
    """

    name: str
    evidence: str
    confidence: float
    mojibake: str = ""


def detect(source: bytes | str | Path, hint: str | None = None, *, language: str = "zh"
           ) -> Encoding:
    """Return the text encoding of a file, judged by strict decoding and common characters.

    Parameters
    ----------
    source : the bytes, or the path of the file
    hint : what a .cpg, a header or the user says; believed only where it fits
    language : of the evidence

    Raises
    ------
    ConfigError
        If the hint is no encoding that Python knows.

    Notes
    -----
    UTF-8 wins over a hint of a Chinese encoding when the bytes are valid UTF-8 with several-byte
    characters: by chance that is practically impossible, a wrong hint is common.

    Examples
    --------
    >>> detect("避灾点名称,可容纳人数".encode("gbk"), language="en").name
    'gb18030'
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    said = _known(hint) if hint else ""
    for mark, name in _MARKS:
        if data.startswith(mark) and _strict(data, name) is not None:
            return _found(data, name, text("encoding_mark", language), 1.0, language)
    if said and _fits(data, said):
        return _found(data, said, text("encoding_hint", language, name=said), 0.9, language)
    found = _judge(data, language)
    if said and said != found.name and not (data.isascii() and found.name == "utf-8"):
        refused = text("encoding_refused", language, name=said)
        return Encoding(found.name, f"{refused} {found.evidence}", found.confidence,
                        found.mojibake)
    return found


def decode(data: bytes, encoding: Encoding) -> tuple[str, dict[int, str]]:
    """Return the text, and for each line not in the main encoding its number and encoding.

    Parameters
    ----------
    data : the bytes
    encoding : as `detect` gave it

    Returns
    -------
    (text, lines)
        `lines` is empty unless the file is mixed; numbers are 1-based; ``"?"`` marks lines that
        fit no encoding and hold U+FFFD where a byte made no sense.
    """
    if encoding.name != MIXED:
        return data.decode(encoding.name, errors="replace").removeprefix("\ufeff"), {}
    pieces, strange = [], {}
    readings = [_line(line) for line in data.split(b"\n")]
    names = [name for _, name in readings if name != "ascii"]
    main = max(sorted(set(names)), key=names.count, default="utf-8")
    for number, (piece, name) in enumerate(readings, start=1):
        pieces.append(piece)
        if name not in (main, "ascii"):
            strange[number] = name
    return "\n".join(pieces).removeprefix("\ufeff"), strange


def _line(line: bytes) -> tuple[str, str]:
    if line.isascii():
        return line.decode("ascii"), "ascii"
    for name in ("utf-8", *_by_score(line)):
        piece = _strict(line, name)
        if piece is not None and (name in ("utf-8", "gb18030") or _score(line, name) >= _SHORT):
            return piece, name
    return line.decode("utf-8", errors="replace"), "?"


def _by_chance(data: bytes) -> bool:
    """Whether valid UTF-8 reads better as GB18030: the bytes of 联通 are two-byte letters too."""
    beyond = [c for c in _sample(data, "utf-8") if ord(c) > 127]
    odd = sum(0x17F < ord(c) < 0x800 for c in beyond)
    return (odd == len(beyond) and _strict(data, "gb18030") is not None
            and _score(data, "gb18030") >= _LIKELY)


def _holds_utf8(data: bytes) -> bool:
    for run in _UTF8_RUN.finditer(data):
        end = data.find(b"\n", run.end())
        if _plainly_utf8(data[data.rfind(b"\n", 0, run.start()) + 1:end if end >= 0 else None]):
            return True
    return False


def _plainly_utf8(line: bytes) -> bool:
    """Whether a line is UTF-8 with three ideographs: bytes of another encoding never look so."""
    if line.isascii():
        return False
    words = _strict(line, "utf-8") or ""
    return sum("\u3000" <= c <= "\u9fff" for c in words) >= _SURE_IDEOGRAPHS


def _judge(data: bytes, language: str) -> Encoding:
    if data.isascii() and b"\0" not in data:
        return Encoding("utf-8", text("encoding_ascii", language), 1.0)
    if b"\0" in data[:_SAMPLE_BYTES]:
        wide = max(("utf-16-le", "utf-16-be"), key=lambda name: _score(data, name))
        if _score(data, wide) > _SURE:
            return _found(data, wide, text("encoding_wide", language), 0.9, language)
    whole = _strict(data, "utf-8") is not None
    if whole and not _by_chance(data):
        return _found(data, "utf-8", text("encoding_utf8", language), 1.0, language)
    if not whole and _cut_at_end(data, "utf-8"):
        return Encoding("utf-8", text("encoding_cut", language, name="utf-8"), 0.6)
    if _holds_utf8(data):
        return Encoding(MIXED, text("encoding_mixed", language), 0.3)
    return _ranked(data, language)


def _ranked(data: bytes, language: str) -> Encoding:
    """Judge bytes that are no UTF-8 by the characters they would be."""
    ranked = _by_score(data)
    if script := _alphabet(data, ranked, language):
        return script
    if japanese := _half_width(data, language) or _japanese(data, ranked, language):
        return japanese
    if _is_latin(data) and not (ranked and _score(data, ranked[0]) >= _LIKELY):
        return _found(data, "cp1252", text("encoding_latin", language), _LATIN, language)
    if ranked:
        best, share = ranked[0], _score(data, ranked[0])
        second = _score(data, ranked[1]) if len(ranked) > 1 else 0.0
        if share >= _SHORT:
            words = text("encoding_share", language, name=best, share=f"{share:.0%}",
                         second=f"{second:.0%}")
            return _found(data, best, words, min(1.0, max(0.1, share - second / 2)), language)
    if _cut_at_end(data, "gb18030"):
        return Encoding("gb18030", text("encoding_cut", language, name="gb18030"), 0.6)
    return Encoding(MIXED, text("encoding_mixed", language), 0.3)


def _half_width(data: bytes, language: str) -> Encoding | None:
    """Return the Japanese encoding of a text much of which is in half-width katakana."""
    found = {name: _half_kana(data, name) for name in ("euc_jp", "cp932")
             if _strict(data, name) is not None}
    name = max(found, key=lambda one: found[one], default="")
    beyond = sum(ord(c) > 127 for c in _sample(data, name)) if name else 0
    if not name or found[name] < max(_ENOUGH_HALF_KANA, _HALF_SHARE * beyond) or (
            _strict(data, "gb18030") is not None and _score(data, "gb18030") >= _SURE):
        return None
    words = text("encoding_half_kana", language, name=name, kana=found[name])
    return _found(data, name, words, 0.8, language)


def _half_kana(data: bytes, name: str) -> int:
    """Return how many letters stand in sound words of half-width katakana."""
    return sum(map(len, _HALF_KANA.findall(_sample(data, name))))


def _japanese(data: bytes, ranked: list[str], language: str) -> Encoding | None:
    """Tell EUC of Japan from GB 18030, which reads nearly all of its bytes as common hanzi."""
    if ranked[:1] != ["gb18030"] or _strict(data, "euc_jp") is None:
        return None
    sample = _sample(data, "euc_jp")
    beyond = sum(ord(c) > 127 for c in sample)
    kana = sum("\u3041" <= c <= "\u30fa" for c in sample)
    ours, theirs = _score(data, "euc_jp"), _score(data, "gb18030")
    more = (ours - theirs) * beyond
    if kana >= max(_ENOUGH_KANA, _KANA_SHARE * beyond) and more > 0:
        words = text("encoding_kana", language, kana=kana, share=f"{ours:.0%}",
                     second=f"{theirs:.0%}")
        return _found(data, "euc_jp", words, min(0.9, ours), language)
    if more < _RATHER_FREQUENT:
        return None
    name, other = ("euc_jp", "gb18030") if more >= _MORE_FREQUENT else ("gb18030", "euc_jp")
    words = text("encoding_rival", language, name=name, other=other)
    return _found(data, name, words, _THIN, language)


def _alphabet(data: bytes, ranked: list[str], language: str) -> Encoding | None:
    """Return the alphabet of a text in which nobody would see everyday hanzi or kana."""
    everyday = max((_everyday(data, name) for name in ranked), default=0.0)
    if everyday >= _EVERYDAY:
        return None
    first = _BEYOND_ASCII.search(data)
    start = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    lines = data[start:start + _SAMPLE_BYTES]
    cut = lines.rfind(b"\n") + 1 if start + _SAMPLE_BYTES < len(data) else len(lines)
    script = alphabets.best(lines[:cut])
    if script is None or _strict(data, script.name) is None:
        return None
    least = alphabets.ENOUGH_LETTERS if script.name == "cp949" else _ENOUGH_BESIDE_HANZI
    if ranked and script.letters < least and _score(data, ranked[0]) >= _SURE:
        words = text("encoding_rival", language, name=ranked[0], other=script.name)
        return _found(data, ranked[0], words, _THIN, language)
    thin = script.letters < alphabets.ENOUGH_LETTERS or everyday >= _DOUBTFUL
    words = text("encoding_thin" if thin else "encoding_alphabet", language, name=script.name,
                 share=f"{script.share:.0%}", letters=script.letters)
    return _found(data, script.name, words, _THIN if thin else min(0.9, script.share), language)


def _everyday(data: bytes, name: str) -> float:
    """Return the share of everyday hanzi and of kana among what is beyond ASCII."""
    beyond = [character for character in _sample(data, name) if ord(character) > 127]
    return sum(c in _FREQUENT or "\u3041" <= c <= "\u30fe" for c in beyond) / max(1, len(beyond))


def _is_latin(data: bytes) -> bool:
    """Whether bytes beyond ASCII stand alone among letters, as in Süd: those of hanzi come in runs.

    Letters with accents lie from 0xC0 on, where few leading bytes of Japanese do.
    """
    first = _BEYOND_ASCII.search(data)
    sample = data[first.start() - 1 if first and first.start() else 0:][:_SAMPLE_BYTES]
    high, alone = len(_BEYOND_ASCII.findall(sample)), len(_ACCENTED.findall(sample))
    both = alone + 2 * len(_TWO_ACCENTED.findall(sample))
    return high > 0 and both >= _ALONE * high and alone >= _MOSTLY_ALONE * high


def _found(data: bytes, name: str, evidence: str, confidence: float, language: str) -> Encoding:
    damage = _damage(_sample(data, name))
    return Encoding(name, evidence, confidence, text(damage, language) if damage else "")


def _damage(sample: str) -> str:
    """Return the text key of the damage that the decoded text shows, or ""."""
    if "锟斤拷" in sample or "\ufffd" in sample:
        return "mojibake_lost"
    for codec, key in (("gb18030", "mojibake_gbk"), ("cp1252", "mojibake_latin"),
                       ("latin-1", "mojibake_latin")):
        if _survives(sample, codec):
            return key
    return ""


def _survives(sample: str, codec: str) -> bool:
    """Whether most of the words, written back in `codec`, are UTF-8: they were misread before."""
    words = [word for word in sample.replace(",", " ").replace("\t", " ").split()
             if sum(ord(c) > 127 for c in word) >= _MIN_ROUND_TRIP][:200]
    again = sum(_back(word, codec) for word in words)
    return bool(words) and again > len(words) / 2


def _back(word: str, codec: str) -> bool:
    try:
        return word.encode(codec).decode("utf-8") != word
    except UnicodeError:
        return False


def _known(hint: str) -> str:
    try:
        name = codecs.lookup(hint).name
    except LookupError as error:
        raise ConfigError("unknown text encoding", got=repr(hint),
                          expected="a name such as utf-8, gb18030, big5, shift_jis") from error
    return _FAMILY.get(name, name)


def _fits(data: bytes, name: str) -> bool:
    if _strict(data, name) is None:
        return False
    if name in ("utf-8", "utf-8-sig"):
        return True
    return data.isascii() or _strict(data, "utf-8") is None


def _strict(data: bytes, name: str) -> str | None:
    try:
        return data.decode(name)
    except UnicodeError:
        return None


def _sample(data: bytes, name: str) -> str:
    """Return text from the first line that is not plain ASCII on."""
    if name.startswith("utf-16"):
        return data[:_SAMPLE_BYTES].decode(name, errors="ignore")
    first = _BEYOND_ASCII.search(data)
    start = data.rfind(b"\n", 0, first.start()) + 1 if first else 0
    return data[start:start + _SAMPLE_BYTES].decode(name, errors="ignore")


def _cut_at_end(data: bytes, name: str) -> bool:
    """Whether only the last character is incomplete, as in a file cut in two."""
    return any(_strict(data[:-cut], name) is not None for cut in (1, 2, 3) if cut < len(data))


def _by_score(data: bytes) -> list[str]:
    fitting = [name for name in _CANDIDATES if _strict(data, name) is not None]
    return sorted(fitting, key=lambda name: -_score(data, name))


def _score(data: bytes, name: str) -> float:
    """Mean commonness of the characters beyond ASCII: frequent 1, common 0.7, other 0."""
    sample = _sample(data, name)
    beyond = [character for character in sample if ord(character) > 127]
    if not beyond:
        plain = sum(" " <= c <= "~" or c in "\r\n\t" for c in sample)
        return plain / len(sample) if sample and name.startswith("utf-16") else 0.0
    common = _common(name)
    frequent = _FREQUENT_JAPANESE if name == "euc_jp" else _FREQUENT
    points = sum(1.0 if c in frequent else 0.7 if c in common or _kana_or_mark(c) else 0.0
                 for c in beyond)
    return points / len(beyond)


def _kana_or_mark(character: str) -> bool:
    # Single half-width katakana are what a Japanese reading makes of Chinese bytes: no evidence.
    point = ord(character)
    return (0x3000 <= point <= 0x30FF or 0xFF01 <= point <= 0xFF5E
            or unicodedata.category(character) in ("Po", "Ps", "Pe", "Pd"))


@cache
def _common(name: str) -> frozenset[str]:
    """Return the everyday ideographs of an encoding: the first level of its standard."""
    if name == "big5hkscs":
        area, codec = [(0xA4, 0xC6)], "big5"
    elif name in ("cp932", "euc_jp"):
        area, codec = [(0x88, 0x98)], "shift_jis"
    else:
        area, codec = [(0xB0, 0xD7)], "gb2312"
    block = bytearray()
    for low, high in area:
        for lead in range(low, high + 1):
            for trail in range(0x40, 0xFF):
                block += bytes((lead, trail, 0x20, 0x20))
    hanzi = block.decode(codec, errors="ignore")
    return frozenset(c for c in hanzi if ord(c) >= 0x4E00)

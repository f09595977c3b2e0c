"""Text in Hangul, Thai or Cyrillic of before Unicode, told by how its letters stand together.

Each reading is judged by what its script demands: Hangul by its everyday syllables and the absence
of hanja, Thai by which signs may follow which, Cyrillic by its letters and its capitals. Bytes of
Chinese or Japanese do not meet these demands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

ENOUGH_LETTERS = 12
"""Letters beyond ASCII below which no reading is believed without a word of doubt."""
_SYLLABLES = frozenset(
    "가각간갈감강개거건경계고공과관교구국군권기길김나남내년노농다단대도동두등라락래량려련로료류"
    "리림마만면명목무문물미민바반방번범벽별보복봉부북분불비사산상생서석선설성세소속수순시신실"
    "아안양어업여연영예오옥온외용우운원월위유육은을음읍의이인일임입자장재저전정제조종주중지진"
    "차창천청초층치칭코태터토통특파판평포표피하학한합항해행향현형호화확환황회후를는에대코드센")
_RUSSIAN = frozenset("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё" "іїєґў")
_USUAL = frozenset("оеаинтсрвлкмдпу")
_THAI = re.compile("[\u0e01-\u0e5b]")
_THAI_MARKS = re.compile("[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
# A sign above or below needs a consonant, or one other sign, before it; a vowel written before
# its consonant needs one behind it.
_THAI_BROKEN = re.compile(
    "(?<![\u0e01-\u0e2e\u0e31\u0e34-\u0e39])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]"
    "|[\u0e40-\u0e44](?![\u0e01-\u0e2e])")
_WORD = re.compile(r"[^\W\d_]+")


class Script(NamedTuple):
    """A reading of bytes as an alphabet: the codec, its share of sound letters, how many there are.

    `share` runs from 0 to 1; `letters` counts those beyond ASCII.
    """

    name: str
    share: float
    letters: int


def best(data: bytes) -> Script | None:
    r"""Return the alphabet that bytes are written in, or None where none fits.

    Parameters
    ----------
    data : bytes, beginning at a whole line

    Examples
    --------
    >>> best("Название,Вместимость\nШкола номер пять,120\n".encode("koi8-r")).name
    'koi8_r'
    >>> best("避灾点名称,可容纳人数".encode("gbk")) is None
    True
    """
    found = [Script(name, share, letters) for name, judge in _JUDGES.items()
             for share, letters in [_judged(data, name, judge)] if share >= _LEAST]
    return max(found, key=lambda script: script.share, default=None)


_LEAST = 0.75


def _judged(data: bytes, name: str, judge: Callable[[str], float]) -> tuple[float, int]:
    try:
        words = data.decode(name)
    except UnicodeError:
        return 0.0, 0
    beyond = sum(c > "\x7f" for c in words)
    return (judge(words), beyond) if beyond else (0.0, 0)


def _hangul(words: str) -> float:
    """Return how sound a text is as Korean: syllables, of which many common, and hardly hanja."""
    beyond = [c for c in words if c > "\x7f"]
    syllables = [c for c in beyond if "가" <= c <= "힣"]
    hanja = sum("\u4e00" <= c <= "\u9fff" or "\uf900" <= c <= "\ufaff" for c in beyond)
    if not syllables or hanja > 0.05 * len(beyond) or len(syllables) < 0.85 * len(beyond):
        return 0.0
    usual = sum(c in _SYLLABLES for c in syllables) / len(syllables)
    return min(1.0, usual + 0.25) if usual >= 0.5 else 0.0


def _thai(words: str) -> float:
    """Return how sound a text is as Thai: letters in the order in which they can be written."""
    beyond = sum(c > "\x7f" for c in words)
    letters, marks = len(_THAI.findall(words)), len(_THAI_MARKS.findall(words))
    if letters < 0.95 * beyond or not 0.08 <= marks / letters <= 0.45:
        return 0.0
    return max(0.0, 1.0 - 5 * len(_THAI_BROKEN.findall(words)) / letters)


def _cyrillic(words: str) -> float:
    """Return how sound a text is as Russian or its neighbours: usual letters, capitals in front."""
    beyond = [c for c in words if c > "\x7f"]
    letters = [c for c in beyond if c.lower() in _RUSSIAN]
    if len(letters) < 0.9 * len(beyond):
        return 0.0
    runs = [word for word in _WORD.findall(words) if word[0] > "\x7f" or word[-1] > "\x7f"]
    sound = sum(len(word) for word in runs
                if word.islower() or word.isupper() or word[1:].islower())
    ordered = sound / max(1, sum(map(len, runs)))
    usual = sum(c.lower() in _USUAL for c in letters) / len(letters)
    # Four letters of five are among the usual fifteen; a wrong page scatters them.
    return ordered * min(1.0, usual / 0.75) if usual >= 0.6 and ordered >= 0.9 else 0.0


_JUDGES: dict[str, Callable[[str], float]] = {
    "cp949": _hangul, "cp874": _thai, "cp1251": _cyrillic, "koi8_r": _cyrillic,
    "cp866": _cyrillic}

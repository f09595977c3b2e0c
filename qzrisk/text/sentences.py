"""The Chinese of the sentences in errors: three tables, read when the first error is shown.

Each table ``errors/<table>.toml`` holds ``"English" = "中文"``. A value that a sentence carries is
``{}`` in the English and ``{0}``, ``{1}``, ... in the Chinese, in the order of the English.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

TABLES = ("what", "mend", "values")
"""What is wrong, how to mend it, and the words among what was expected and got."""


@cache
def sentences(table: str) -> dict[str, str]:
    """Return English -> Chinese of one of `TABLES`."""
    file = resources.files("qzrisk.text") / "errors" / f"{table}.toml"
    return dict(tomllib.loads(file.read_text(encoding="utf-8")))


def chinese(table: str, english: str) -> str:
    """Return the Chinese of a sentence, with its values; the sentence itself if there is none.

    Examples
    --------
    >>> chinese("mend", "did you mean 'roads'?")
    "是否应为 'roads'？"
    >>> chinese("mend", "no such sentence")
    'no such sentence'
    """
    known = sentences(table)
    if english in known:
        return known[english]
    for pattern, words in _templates(table):
        if found := pattern.fullmatch(english):
            return found.expand(words)
    return english


@cache
def _templates(table: str) -> list[tuple[re.Pattern[str], str]]:
    """Return the pattern of each sentence with values, and its Chinese for ``Match.expand``."""
    made = [(english, words) for english, words in sentences(table).items() if "{}" in english]
    # The one with the most words comes first: it says most exactly what was meant.
    made.sort(key=lambda pair: -len(pair[0].replace("{}", "")))
    return [(re.compile("(.+?)".join(map(re.escape, english.split("{}"))), re.DOTALL),
             re.sub(r"{(\d)}", lambda place: rf"\g<{int(place[1]) + 1}>", words))
            for english, words in made]

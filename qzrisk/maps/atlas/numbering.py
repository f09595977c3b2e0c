"""Pages to numbered sheets: contents and words take as many as they need."""

from __future__ import annotations

from collections.abc import Sequence

from qzrisk.maps.atlas.front import Entry, contents_parts, text_parts
from qzrisk.maps.atlas.making import Sheet, without_foot
from qzrisk.maps.atlas.pages import FRONT, AtlasPage, Contents, Cover, IndexPage, TextPage

_ROMAN = ((100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"),
          (4, "iv"), (1, "i"))


def roman(number: int) -> str:
    """Return a number from 1 on in small roman figures.

    Examples
    --------
    >>> roman(1), roman(4), roman(19)
    ('i', 'iv', 'xix')
    """
    words = ""
    for value, sign in _ROMAN:
        words += sign * (number // value)
        number %= value
    return words


def expanded(pages: Sequence[AtlasPage], paper: str) -> tuple[list[Sheet], list[str]]:
    """Return the sheets of all pages and the numbers printed on them, "" on a cover.

    Parameters
    ----------
    pages : in order; those of the front come first, whatever their place
    paper : ``"A4"`` or ``"A3"``
    """
    ordered = sorted(pages, key=lambda page: not isinstance(page, FRONT))
    words = {page.key: text_parts(page, paper) for page in ordered if isinstance(page, TextPage)}
    counts = [_count(page, ordered, paper, len(words.get(page.key, [()]))) for page in ordered]
    ahead = sum(n for page, n in zip(ordered, counts, strict=True) if isinstance(page, FRONT))
    numbers: dict[str, list[str]] = {}
    place = 0
    for page, count in zip(ordered, counts, strict=True):
        numbers[page.key] = [
            "" if isinstance(page, Cover) else
            roman(n + 1) if isinstance(page, FRONT) else str(n + 1 - ahead)
            for n in range(place, place + count)]
        place += count
    sheets = []
    for page, count in zip(ordered, counts, strict=True):
        for part in range(count):
            sheets.append(_sheet(page, part, ordered, numbers, words, paper))
    return sheets, [number for page in ordered for number in numbers[page.key]]


def _listed(page: AtlasPage, pages: Sequence[AtlasPage]) -> list[AtlasPage]:
    return [other for other in pages if not isinstance(other, FRONT) and other is not page]


def _count(page: AtlasPage, pages: Sequence[AtlasPage], paper: str, words: int) -> int:
    if isinstance(page, Contents):
        return len(contents_parts(_entries(page, pages, {}), paper))
    return words


def _sections(pages: Sequence[AtlasPage]) -> list[str]:
    """Return the section that begins at each page, "" where none does."""
    before = ["", *(page.section for page in pages)]
    return [page.section if page.section != last else ""
            for page, last in zip(pages, before, strict=False)]


def _entries(page: AtlasPage, pages: Sequence[AtlasPage], numbers: dict[str, list[str]]
             ) -> list[Entry]:
    entries = []
    listed = _listed(page, pages)
    for other, section in zip(listed, _sections(listed), strict=True):
        if section:
            entries.append(Entry(section))
        number = numbers[other.key][0] if numbers else ""
        entries.append(Entry(other.title, number, other.key))
    return entries


def _sheet(page: AtlasPage, part: int, pages: Sequence[AtlasPage],
           numbers: dict[str, list[str]], words: dict[str, list], paper: str) -> Sheet:
    bare = without_foot(page)
    if isinstance(page, Contents):
        parts = contents_parts(_entries(page, pages, numbers), paper)
        return Sheet(page=bare, paper=paper, entries=tuple(map(tuple, parts[part])),
                     columns=max(len(parts[0]), 2))
    if isinstance(page, TextPage):
        return Sheet(page=bare, paper=paper, blocks=tuple(words[page.key][part]))
    if isinstance(page, IndexPage):
        given = {key: numbers[key][0] for key in page.targets.values()}
        return Sheet(page=bare, paper=paper, numbers=tuple(sorted(given.items())))
    return Sheet(page=bare, paper=paper)

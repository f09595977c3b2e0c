"""One set of fonts for all pages: the subsets of the pages replaced by a subset of them all.

The PDF back end of matplotlib numbers the glyphs of its first subset of a font by Unicode code
point, so that a subset with more glyphs serves the pages of all the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.figure import Figure
from pypdf import PageObject
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, PdfObject

from qzrisk.maps.furniture.lettering import font

_PREFIX = 7
"""Length of the tag of a subset, e.g. ``ABCDEF+``, in a font's name."""
_ROW = 60


def fonts_of(page: PageObject) -> DictionaryObject:
    """Return the fonts of a page, name in its content -> font."""
    resources = page["/Resources"].get_object()
    assert isinstance(resources, DictionaryObject)
    found = resources.get("/Font", DictionaryObject()).get_object()
    return found if isinstance(found, DictionaryObject) else DictionaryObject()


def face(shape: DictionaryObject) -> str:
    """Return the name of a font without the tag of its subset."""
    return str(shape["/BaseFont"])[1 + _PREFIX:]


def characters(shape: DictionaryObject) -> frozenset[int]:
    """Return the code points of a subset; empty for a font numbered in another way."""
    if shape.get("/Subtype") != "/Type0":
        return frozenset()
    families = shape["/DescendantFonts"].get_object()
    assert isinstance(families, ArrayObject)
    below = families[0].get_object()
    glyphs = np.frombuffer(below["/CIDToGIDMap"].get_object().get_data(), dtype=">u2")
    codes = frozenset(map(int, np.flatnonzero(glyphs)))
    # A second subset of a font counts from 0: its numbers are no code points.
    return codes if codes and min(codes) >= ord(" ") else frozenset()


def needed(pages: Iterable[PageObject]) -> dict[str, set[int]]:
    """Return face -> code points that the pages print with it."""
    found: dict[str, set[int]] = {}
    for page in pages:
        for shape in fonts_of(page).values():
            found.setdefault(face(shape.get_object()), set()).update(
                characters(shape.get_object()))
    return found


def specimen(characters_by_face: dict[str, set[int]]) -> Figure:
    """Return a figure that prints every character of every face, to have them in one subset."""
    figure = Figure(figsize=(8.0, 8.0))
    for name, codes in sorted(characters_by_face.items()):
        bold = "Bold" in name
        words = "".join(map(chr, sorted(codes)))
        for start in range(0, len(words), _ROW):
            figure.text(0.0, 0.5, words[start:start + _ROW], fontproperties=font(6.0, bold=bold),
                        parse_math=False)
    return figure


def share(page: PageObject, shared: Mapping[str, tuple[PdfObject, frozenset[int]]]) -> None:
    """Point the fonts of a page at the shared ones that hold all their characters."""
    fonts = fonts_of(page)
    for name, shape in list(fonts.items()):
        codes = characters(shape.get_object())
        found = shared.get(face(shape.get_object()))
        if codes and found is not None and codes <= found[1]:
            fonts[NameObject(name)] = found[0]

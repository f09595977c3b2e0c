"""Sheets to one PDF: foot lines, shared fonts, outline, page labels, links."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.backends.backend_pdf import PdfPages
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.annotations import Link as LinkAnnotation
from pypdf.constants import PageLabelStyle
from pypdf.generic import (
    ArrayObject,
    BooleanObject,
    DecodedStreamObject,
    DictionaryObject,
    Fit,
    NameObject,
    NumberObject,
    PdfObject,
    RectangleObject,
    StreamObject,
    TextStringObject,
)

from qzrisk.files import write_bytes
from qzrisk.maps.atlas import fonts
from qzrisk.maps.atlas.front import Link
from qzrisk.maps.atlas.pages import AtlasPage, Cover, spec_of
from qzrisk.maps.static.house import house_style
from qzrisk.maps.static.page import foot_line, new_sheet

_PT_PER_MM = 72 / 25.4
_NAMED = {"/Font": re.compile(rb"/(F\d+)(?= [\d.]+ Tf)"),
          "/ExtGState": re.compile(rb"/(A\d+)(?= gs)")}
"""Kind of resource -> its name before the operator that uses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A sheet ready to be bound.

    Attributes
    ----------
    page : what it belongs to.
    data : its PDF.
    links : where it leads.
    number : printed at its foot, "" on a cover.
    first : whether it is the first sheet of its page.
    """

    page: AtlasPage
    data: bytes
    links: Sequence[Link]
    number: str
    first: bool


def bind(sheets: Sequence[Bound], path: Path, *, paper: str, title: str, front: int) -> Path:
    """Write the sheets as one PDF, whole or not at all; equal sheets give equal bytes.

    Parameters
    ----------
    sheets : in order
    path : the file
    paper : ``"A4"`` or ``"A3"``
    title : of the document
    front : how many sheets at the front are numbered i, ii, iii
    """
    readers = [PdfReader(io.BytesIO(sheet.data)) for sheet in sheets]
    pages = [reader.pages[0] for reader in readers]
    feet = PdfReader(io.BytesIO(_feet(sheets, pages, paper)))
    shared: dict[str, tuple[PdfObject, frozenset[int]]] = {}
    for name in fonts.fonts_of(feet.pages[0]):
        shape = fonts.fonts_of(feet.pages[0]).raw_get(name)
        codes = fonts.characters(shape.get_object())
        shared.setdefault(fonts.face(shape.get_object()), (shape, codes))
    writer = PdfWriter()
    save, restore = (writer._add_object(_stream(word)) for word in (b"q", b"Q"))
    for page, foot in zip(pages, feet.pages, strict=False):
        fonts.share(page, shared)
        content = writer._add_object(_foot(page, foot).flate_encode())
        added = writer.add_page(page)
        added[NameObject("/Contents")] = ArrayObject(
            [save, added.raw_get("/Contents"), restore, save, content, restore])
    _outline(writer, sheets)
    _links(writer, sheets)
    if front:
        writer.set_page_label(0, front - 1, style=PageLabelStyle.LOWERCASE_ROMAN)
    if front < len(sheets):
        writer.set_page_label(front, len(sheets) - 1, style=PageLabelStyle.DECIMAL,
                              start=1)
    _describe(writer, title, spec_of(sheets[0].page).language)
    made = io.BytesIO()
    writer.write(made)
    return write_bytes(path, made.getvalue())


def _feet(sheets: Sequence[Bound], pages: Sequence[PageObject], paper: str) -> bytes:
    """Return a PDF of the foot lines of all sheets; its fonts hold every character of the atlas."""
    made = io.BytesIO()
    with house_style(), PdfPages(made, metadata={"CreationDate": None}) as book:
        for sheet in sheets:
            blank = new_sheet(paper)
            blank.figure.patch.set_visible(False)  # it lies over the page
            if not isinstance(sheet.page, Cover):
                foot_line(blank, spec_of(sheet.page), number=sheet.number)
            book.savefig(blank.figure)
        book.savefig(fonts.specimen(fonts.needed(pages)))
    return made.getvalue()


def _foot(page: PageObject, foot: PageObject) -> DecodedStreamObject:
    """Return the content of a foot, its fonts and states made known to the page under other names.

    The page's own content is not read: it is long.
    """
    content = foot["/Contents"].get_object()
    assert isinstance(content, StreamObject)
    data = content.get_data()
    for kind, operator in _NAMED.items():
        given, own = (_resources(one, kind) for one in (foot, page))
        for name in given:
            own[NameObject(f"/Q{name[1:]}")] = given.raw_get(name)
        data = operator.sub(rb"/Q\1", data)
    return _stream(data)


def _resources(page: PageObject, kind: str) -> DictionaryObject:
    held = page["/Resources"].get_object()
    assert isinstance(held, DictionaryObject)
    found = held[kind].get_object()
    assert isinstance(found, DictionaryObject)
    return found


def _stream(data: bytes) -> DecodedStreamObject:
    made = DecodedStreamObject()
    made.set_data(data)
    return made


def _outline(writer: PdfWriter, sheets: Sequence[Bound]) -> None:
    """Give every page an entry, under that of its section where it has one."""
    section, parent = "", None
    for number, sheet in enumerate(sheets):
        if not sheet.first:
            continue
        if sheet.page.section != section:
            section = sheet.page.section
            parent = None
            if section:
                parent = writer.add_outline_item(title=section, page_number=number, is_open=False)
        writer.add_outline_item(title=sheet.page.title, page_number=number, parent=parent)


def _links(writer: PdfWriter, sheets: Sequence[Bound]) -> None:
    first = {sheet.page.key: number for number, sheet in reversed(list(enumerate(sheets)))}
    for number, sheet in enumerate(sheets):
        for left, bottom, right, top, key in sheet.links:
            box = RectangleObject([round(v * _PT_PER_MM, 2)
                                   for v in (left, bottom, right, top)])
            note = LinkAnnotation(rect=box, border=ArrayObject([NumberObject(0)] * 3),
                                  target_page_index=first[key], fit=Fit.fit())
            writer.add_annotation(number, note)


def _describe(writer: PdfWriter, title: str, language: str) -> None:
    writer.metadata = None
    writer.add_metadata({"/Title": title, "/Author": "qzrisk", "/Creator": "qzrisk",
                         "/Producer": "qzrisk"})
    writer.page_mode = "/UseOutlines"
    writer.page_layout = "/SinglePage"
    root = writer.root_object
    root[NameObject("/Lang")] = TextStringObject({"zh": "zh-CN", "en": "en"}[language])
    root[NameObject("/ViewerPreferences")] = DictionaryObject(
        {NameObject("/DisplayDocTitle"): BooleanObject(True)})

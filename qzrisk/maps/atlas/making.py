"""One sheet of an atlas to a PDF of its own: drawn once, kept under the hash of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from matplotlib.figure import Figure

from qzrisk.files import write_text
from qzrisk.maps import static
from qzrisk.maps.atlas import front
from qzrisk.maps.atlas.front import Entry, Link
from qzrisk.maps.atlas.pages import (
    AtlasPage,
    Contents,
    Cover,
    IndexPage,
    TextBlock,
    TextPage,
    UnitPage,
)
from qzrisk.maps.atlas.unit import unit_page
from qzrisk.maps.furniture.lettering import require_glyphs
from qzrisk.maps.spec import LayerSpec, Page
from qzrisk.maps.static.house import house_style
from qzrisk.text import text

_STRIP_MM, _LEAST_LINK_MM = 1.6, 0.8
_EMPTY = {"run_id": "", "date_text": "", "rule_pack": "", "map_number": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What is drawn on one sheet.

    Attributes
    ----------
    page : what it says, without what its foot says.
    paper : ``"A4"`` or ``"A3"``.
    entries : lines of a sheet of contents, by column; `columns` that a sheet has.
    blocks : blocks of a sheet of words, with their columns.
    numbers : key -> page number, where the page prints numbers.
    """

    page: AtlasPage
    paper: str
    entries: tuple[tuple[Entry, ...], ...] = ()
    columns: int = 2
    blocks: tuple[tuple[int, TextBlock], ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """A sheet to be drawn into a folder, and its hash."""

    sheet: Sheet
    folder: Path
    digest: str

    @property
    def path(self) -> Path:
        """The file of the sheet."""
        return self.folder / f"{self.digest}.pdf"


def without_foot(page: AtlasPage) -> AtlasPage:
    """Return the page without what only its foot prints, so that a new run can keep its drawing.

    The cover prints its imprint itself and keeps it.
    """
    if isinstance(page, Cover):
        return page
    if isinstance(page, Page):
        return replace(page, maps=tuple(spec.with_(**_EMPTY) for spec in page.maps))
    return replace(page, spec=page.spec.with_(**_EMPTY))


def kept(task: Task) -> list[Link] | None:
    """Return the links of a sheet whose file is there and whole, else None."""
    try:
        noted = json.loads(task.path.with_suffix(".json").read_text(encoding="utf-8"))
        whole = hashlib.sha256(task.path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return None
    return [tuple(link) for link in noted["links"]] if noted.get("sha256") == whole else None


def make(task: Task) -> None:
    """Draw a sheet and write its PDF and, when that is whole, its links."""
    sheet = task.sheet
    with house_style():
        figure, links = _DRAW[type(sheet.page)](sheet)
        require_glyphs(figure)
    static.write(figure, task.path, title=sheet.page.title)
    noted = {"links": links, "sha256": hashlib.sha256(task.path.read_bytes()).hexdigest()}
    write_text(task.path.with_suffix(".json"), json.dumps(noted, ensure_ascii=False))


def _cover(sheet: Sheet) -> tuple[Figure, list[Link]]:
    assert isinstance(sheet.page, Cover)
    return front.cover(sheet.page, sheet.paper), []


def _contents(sheet: Sheet) -> tuple[Figure, list[Link]]:
    assert isinstance(sheet.page, Contents)
    return front.contents(sheet.page, sheet.entries, sheet.paper, count=sheet.columns)


def _maps(sheet: Sheet) -> tuple[Figure, list[Link]]:
    assert isinstance(sheet.page, Page)
    return static.draw_page(sheet.page, paper=sheet.paper, foot=False), []


def _unit(sheet: Sheet) -> tuple[Figure, list[Link]]:
    assert isinstance(sheet.page, UnitPage)
    return unit_page(sheet.page, sheet.paper), []


def _text(sheet: Sheet) -> tuple[Figure, list[Link]]:
    assert isinstance(sheet.page, TextPage)
    return front.text_page(sheet.page, sheet.blocks, sheet.paper), []


def _index(sheet: Sheet) -> tuple[Figure, list[Link]]:
    """Draw the index map with page numbers as names; every unit leads to its page."""
    page, numbers = sheet.page, dict(sheet.numbers)
    assert isinstance(page, IndexPage)
    layer = page.spec.layer(page.layer)
    assert layer.frame is not None
    given = {unit: numbers[key] for unit, key in page.targets.items() if key in numbers}
    number = layer.frame.index.to_series().map(given).fillna("")
    words = number
    if page.named:
        # What stands in brackets is in the table.
        short = layer.frame["name"].fillna("").str.replace(r"\s*[（(].*$", "", regex=True)
        words = (short + " " + number).str.strip()
    labelled = replace(layer, frame=layer.frame.assign(page_words=words), label="page_words")
    layers = tuple(labelled if one.name == page.layer else one for one in page.spec.layers)
    spec = page.spec.with_(title=page.title, layers=layers)
    spec = spec.with_(**_index_table(page, layer, number))
    figure = static.draw_page(Page(key=page.key, title=page.title, maps=(spec,)),
                              paper=sheet.paper, foot=False)
    return figure, _unit_links(figure, layer.frame, page.targets)


def _index_table(page: IndexPage, layer: LayerSpec, number: pd.Series) -> dict[str, Any]:
    """Return the table of units, their pages and their classes, as attributes of the map."""
    assert layer.frame is not None
    language = page.spec.language
    name, at = text("head_name", language), text("atlas_head_page", language)
    level = page.spec.class_column or layer.title
    if not page.named:
        pages = number[number != ""].groupby(page.groups, sort=False)
        ends = pages.agg(lambda found: found.iloc[0] if len(found) == 1
                         else f"{found.iloc[0]}–{found.iloc[-1]}")
        grouped = pd.DataFrame({name: ends.index, at: ends.to_numpy()})
        return {"table": grouped if len(grouped) else None, "class_column": ""}
    table = pd.DataFrame({name: layer.frame["name"], at: number})
    if layer.classes is None:
        return {"table": table}
    return {"table": table.assign(**{level: layer.classes.astype("str")}), "class_column": level,
            "table_palette": layer.palette}


_DRAW: Mapping[type, Callable[[Sheet], tuple[Figure, list[Link]]]] = {
    Cover: _cover, Contents: _contents, Page: _maps, UnitPage: _unit, TextPage: _text,
    IndexPage: _index,
}


def _unit_links(figure: Figure, frame: Any, targets: Mapping[str, str]) -> list[Link]:
    """Return strips that together fill the units, on the map and on what is enlarged of it."""
    links: list[Link] = []
    every: list[Any] = [ax for ax in figure.axes if ax.get_label() == "map"]
    every += [ax for top in list(every) for ax in top.child_axes if ax.get_label() == "inset"]
    hidden = [_place(figure, ax) for ax in every[1:]]
    for ax in every:
        left, bottom, right, _ = _place(figure, ax)
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        grain = (x1 - x0) / (right - left)
        for unit, shape in zip(frame.index, frame.geometry, strict=True):
            if unit not in targets or shape is None or shape.is_empty:
                continue
            seen = shapely.clip_by_rect(shape, x0, y0, x1, y1)
            for a, y, b in _strips(seen, _STRIP_MM * grain):
                where = (left + (a - x0) / grain, bottom + (y - y0) / grain - _STRIP_MM / 2,
                         left + (b - x0) / grain, bottom + (y - y0) / grain + _STRIP_MM / 2)
                covered = ax is every[0] and any(_meet(where, box) for box in hidden)
                if where[2] - where[0] >= _LEAST_LINK_MM and not covered:
                    x_left, y_low, x_right, y_high = (round(v, 2) for v in where)
                    links.append((x_left, y_low, x_right, y_high, targets[unit]))
    return links


def _place(figure: Figure, ax: Any) -> tuple[float, float, float, float]:
    """Return where axes lie on the page, mm."""
    wide, high = (inches * 25.4 for inches in figure.get_size_inches())
    box = ax.get_window_extent().transformed(figure.transFigure.inverted())
    return box.x0 * wide, box.y0 * high, box.x1 * wide, box.y1 * high


def _strips(shape: shapely.Geometry, step: float) -> list[tuple[float, float, float]]:
    """Return (left, y, right) of the chords of an area at middles of rows `step` apart."""
    if shape.is_empty:
        return []
    left, bottom, right, top = shape.bounds
    # At least one, through a good inner point of a small unit.
    rows = np.arange(bottom + step / 2, top, step) if top - bottom > 2 * step else np.array(
        [shape.representative_point().y])
    lines = shapely.linestrings([[(left - step, y), (right + step, y)] for y in rows])
    chords = shapely.get_parts(shapely.intersection(lines, shape))
    bounds = shapely.bounds(chords[shapely.get_type_id(chords) == 1])
    return [(float(a), float(y), float(b)) for a, y, b in bounds[:, :3]]


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return (one[0] < other[2] and one[2] > other[0] and one[1] < other[3] and one[3] > other[1])

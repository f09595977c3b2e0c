"""What the pages of an atlas say, as data; `maps.spec.Page` is the page of plain maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from qzrisk.errors import ConfigError
from qzrisk.maps.spec import MapSpec, Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The first page.

    Attributes
    ----------
    key : unique name.
    title, subtitle : large and small heading.
    spec : its layers are drawn beside the title, without furniture; its status and provenance are
        those of the atlas. It may have no layers.
    lines : printed at the foot of the title, e.g. who made it and of what.
    section : outline parent, or "".
    """

    key: str
    title: str
    spec: MapSpec
    subtitle: str = ""
    lines: tuple[str, ...] = ()
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The list of all pages that follow it, with their numbers; as many sheets as it needs.

    Attributes
    ----------
    key, title, section : as of every page.
    spec : status and provenance; its layers are not drawn.
    note : printed under the list, e.g. which units have no page; or "".
    """

    key: str
    title: str
    spec: MapSpec
    note: str = ""
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPage:
    """A map whose units lead to their pages.

    Attributes
    ----------
    key, title, section : as of every page.
    spec : the map; its layer `layer` gets the page numbers as labels.
    layer : name of the layer of units.
    targets : id of a unit in that layer -> key of its page; units without one get no number.
    named : also print the names of the units (column ``name``) before their numbers, and list them
        beside the map.
    groups : id of a unit -> group; where units are not named, the pages of each group are listed.
    """

    key: str
    title: str
    spec: MapSpec
    layer: str
    targets: Mapping[str, str]
    named: bool = True
    groups: Mapping[str, str] = field(default_factory=dict)
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A small chart of horizontal bars.

    Attributes
    ----------
    title : heading.
    values : words -> length, in one unit, 0 or more; NaN prints its text without a bar.
    texts : words -> what is printed behind the bar.
    marks : words -> length of a tick to compare with (e.g. the whole city), or None.
    mark_words : what the ticks are.
    colours : words -> fill, where it is not the house's ink.
    most : length of the full width; 0 for the longest.
    """

    title: str
    values: pd.Series
    texts: Mapping[str, str]
    marks: pd.Series | None = None
    mark_words: str = ""
    colours: Mapping[str, str] = field(default_factory=dict)
    most: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPage:
    """The page of one unit: map, key figures, chart, comparison and table.

    Attributes
    ----------
    key, title, section : as of every page.
    spec : the map with its table, key figures and notes. Without layers the unit has no shape,
        which is said in the place of the map.
    comparison : small table, its first column the words, or None; numbers stand at the right.
    comparison_title : its heading.
    chart : bars, or None.
    """

    key: str
    title: str
    spec: MapSpec
    comparison: pd.DataFrame | None = None
    comparison_title: str = ""
    chart: Bars | None = None
    section: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """A heading with paragraphs or a table under it."""

    heading: str
    lines: tuple[str, ...] = ()
    table: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextPage:
    """Words and tables in columns, e.g. methods and data; as many sheets as it needs.

    Attributes
    ----------
    key, title, section : as of every page.
    spec : status and provenance; its layers are not drawn.
    blocks : in reading order.
    """

    key: str
    title: str
    spec: MapSpec
    blocks: tuple[TextBlock, ...]
    section: str = ""


AtlasPage = Page | Cover | Contents | IndexPage | UnitPage | TextPage
FRONT = (Cover, Contents)
"""Kinds of pages numbered i, ii, iii; the others follow from 1."""


def spec_of(page: AtlasPage) -> MapSpec:
    """Return the map whose language, status and provenance are those of the page."""
    return page.maps[0] if isinstance(page, Page) else page.spec


def check(pages: Sequence[AtlasPage]) -> None:
    """Refuse pages that cannot be bound.

    Raises
    ------
    ConfigError
        If there is no page, a page of maps holds none, two keys are equal, or an index names the
        key of no page.
    """
    if not pages:
        raise ConfigError("an atlas needs a page", expected=">= 1", got=0)
    for page in pages:
        if isinstance(page, Page) and not page.maps:
            raise ConfigError("a page needs a map", where=page.key, expected=">= 1", got=0)
    keys = [page.key for page in pages]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ConfigError("two pages of one key", got=", ".join(twice))
    for page in pages:
        lost = sorted(set(page.targets.values()) - set(keys)) if isinstance(page, IndexPage) else []
        if lost:
            raise ConfigError("an index leads to pages that are not there", where=page.key,
                              got=", ".join(lost))

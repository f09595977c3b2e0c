"""What a map says, apart from how it is drawn: one MapSpec, the same in PNG, PDF, HTML and QGIS.

Every number that a map prints arrives here; the back ends compute drawing geometry only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import geopandas as gpd
import pandas as pd

from qzrisk.crs import require_projected
from qzrisk.errors import ConfigError, CRSError, SchemaError
from qzrisk.levels import PALETTES, palette

Kind = Literal["choropleth", "points", "graduated", "lines", "outline", "raster"]
KINDS: tuple[Kind, ...] = ("choropleth", "points", "graduated", "lines", "outline", "raster")
AUDIENCES = ("public", "internal")
VARIANTS = ("colour", "colour_blind", "grey")
NO_DATA = "no_data"
"""Key of the missing in `LayerSpec.counts`: hatched, never a class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpec:
    """One layer of a map.

    Attributes
    ----------
    name : machine key, unique in its map, e.g. ``"county_risk"``.
    title : heading of the layer in the legend and in the layer switch.
    kind : what is drawn; ``"outline"`` is a boundary line without fill.
    frame : features in the project CRS, index ids (for ``"raster"``: None, see `raster`).
    classes : ordered Categorical over the palette's codes on the index of `frame`; NaN = no data.
    palette : product whose colours and words the classes take (``qzrisk.levels.PALETTES``).
    thresholds : text of each class's bounds, printed in the legend beside its word.
    style : key of ``maps.style`` for lines, outlines and unclassed points or fills.
    size : number on the index of `frame` for ``"graduated"`` symbols; `size_unit` names its unit.
    label : column of `frame` whose text labels the features, or None.
    fields : column -> words, with unit, of what a hover or popup shows (interactive maps).
    search : column searched by name in interactive maps, or None.
    when : column of dates for a time slider, or None.
    raster : ``qzrisk.grid.Raster`` of a raster layer, or None; with a palette it holds 1 for the
        lowest class and so on.
    relief : handle of the heights whose shading lies over a raster layer, on its grid, or None.
    boundary : False for synthetic town and village units, which are fills without outlines.
    show : drawn at once (True) or only offered in the layer switch (interactive maps).
    joined : names of layers that this one completes, e.g. the units to which their classes do not
        apply: it is drawn with them and has no switch of its own (interactive maps).
    unit_word : what is counted, e.g. 个 / shelters, printed after counts where given.
    """

    name: str
    title: str
    kind: Kind
    frame: gpd.GeoDataFrame | None = None
    classes: pd.Series | None = None
    palette: str | None = None
    thresholds: Mapping[str, str] = field(default_factory=dict)
    style: str = ""
    size: pd.Series | None = None
    size_unit: str = ""
    label: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    search: str | None = None
    when: str | None = None
    raster: Any = None
    relief: Any = None
    boundary: bool = True
    show: bool = True
    joined: tuple[str, ...] = ()
    unit_word: str = ""

    def __post_init__(self) -> None:
        """Refuse a layer that no back end could draw truthfully."""
        if self.kind not in KINDS:
            raise ConfigError(
                "unknown kind of layer", where=self.name, expected=KINDS, got=self.kind
            )
        if (self.frame is None) == (self.raster is None):
            raise SchemaError("a layer needs either a frame or a raster", where=self.name)
        if self.classes is not None:
            self._check_classes()
        if self.frame is not None and self.size is not None and not self.size.index.equals(
            self.frame.index
        ):
            raise SchemaError("size must have the index of the frame", where=self.name)

    def _check_classes(self) -> None:
        if self.palette not in PALETTES:
            raise ConfigError(
                "classes need a palette", where=self.name, expected=", ".join(PALETTES),
                got=self.palette,
            )
        assert self.classes is not None
        codes = palette(self.palette).codes
        dtype = self.classes.dtype
        if not isinstance(dtype, pd.CategoricalDtype) or tuple(dtype.categories) != codes:
            raise SchemaError(
                "classes must be a Categorical over the palette's codes, low to high",
                where=self.name, expected=codes, got=dtype,
                mend="qzrisk.levels.ordered(series, codes)",
            )
        if self.frame is not None and not self.classes.index.equals(self.frame.index):
            raise SchemaError("classes must have the index of the frame", where=self.name)

    def hidden(self) -> LayerSpec:
        """Return a copy that is only offered in the layer switch, not drawn at once."""
        return replace(self, show=False)

    def counts(self) -> dict[str, int]:
        """Return class code -> number of features, low to high, empty classes too, then NO_DATA.

        A layer without classes returns an empty dictionary.
        """
        if self.classes is None:
            return {}
        found = self.classes.value_counts(sort=False)
        counts = {str(code): int(found[code]) for code in self.classes.cat.categories}
        counts[NO_DATA] = int(self.classes.isna().sum())
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSpec:
    """One map: its layers and everything printed around them.

    Attributes
    ----------
    name : file stem, e.g. ``"07_risk_county"``.
    title, subtitle : headings.
    layers : drawn first to last (the last on top).
    crs : projected CRS of every frame.
    language : ``"zh"`` or ``"en"``.
    audience : ``"public"`` prints the sketch-map line unless `map_number` is given;
        ``"internal"`` prints 内部资料.
    extent : (left, bottom, right, top) in `crs`, metres, or None for the extent of `focus`.
    focus : name of the layer whose bounds set the frame, or "" for the first one.
    table : printed beside the map, columns are its headings; index not printed; or None.
        A column named `class_column` holds class codes drawn as chips.
    class_column, table_palette, table_title : see `table`.
    key_figures : words -> value text.
    notes : lines under the map (thresholds, caveats, counts of missing).
    source, date_text, rule_pack, run_id, map_number : printed provenance.
    synthetic : True prints 合成数据 across the map.
    inset : (left, bottom, right, top) in `crs` of a dense part drawn again, enlarged, or None.
    context : layers drawn muted beneath (land, neighbours) and never in the legend.
    locator : GeoDataFrame of the province for the locator inset, or None.
    variant : ``"colour"``, ``"colour_blind"`` (hatched) or ``"grey"``.
    """

    name: str
    title: str
    layers: tuple[LayerSpec, ...]
    crs: str
    subtitle: str = ""
    language: str = "zh"
    audience: str = "public"
    extent: tuple[float, float, float, float] | None = None
    focus: str = ""
    table: pd.DataFrame | None = None
    class_column: str = ""
    table_palette: str = ""
    table_title: str = ""
    key_figures: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source: str = ""
    date_text: str = ""
    rule_pack: str = ""
    run_id: str = ""
    map_number: str = ""
    synthetic: bool = True
    context: tuple[LayerSpec, ...] = ()
    locator: gpd.GeoDataFrame | None = None
    inset: tuple[float, float, float, float] | None = None
    variant: str = "colour"

    def __post_init__(self) -> None:
        """Refuse a map whose layers disagree on the CRS or whose words are unknown."""
        require_projected(self.crs, where=f"map {self.name}")
        for value, allowed, what in (
            (self.audience, AUDIENCES, "audience"),
            (self.variant, VARIANTS, "variant"),
            (self.language, ("zh", "en"), "language"),
        ):
            if value not in allowed:
                raise ConfigError(f"unknown {what}", where=self.name, expected=allowed, got=value)
        names = [layer.name for layer in (*self.layers, *self.context)]
        if len(set(names)) < len(names):
            raise ConfigError("two layers of one name", where=self.name, got=sorted(names))
        for layer in (*self.layers, *self.context):
            if layer.frame is not None and layer.frame.crs != self.crs:
                raise CRSError(
                    "a layer is not in the CRS of its map", where=f"{self.name}: {layer.name}",
                    expected=self.crs, got=layer.frame.crs, mend="frame.to_crs(spec.crs)",
                )

    def layer(self, name: str) -> LayerSpec:
        """Return the layer of that name.

        Raises
        ------
        ConfigError
            If there is none; the present ones are listed.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ConfigError(
            "no such layer", where=self.name, got=name,
            expected=", ".join(layer.name for layer in self.layers),
        )

    def bounds(self) -> tuple[float, float, float, float]:
        """Return the frame (left, bottom, right, top) in metres of `crs`."""
        if self.extent is not None:
            return self.extent
        layer = self.layer(self.focus) if self.focus else self.layers[0]
        if layer.raster is not None:
            left, bottom, right, top = layer.raster.bounds
            return float(left), float(bottom), float(right), float(top)
        if layer.frame is None or layer.frame.empty:
            raise ConfigError("no feature to set the frame by", where=f"{self.name}: {layer.name}")
        left, bottom, right, top = layer.frame.total_bounds
        return float(left), float(bottom), float(right), float(top)

    def with_(self, **changes: Any) -> MapSpec:
        """Return a copy with some attributes changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of an atlas: one to four maps and the outline entry that leads to it.

    Attributes
    ----------
    key : unique name, used for file names and links.
    title : text in contents and outline.
    maps : drawn on the page.
    section : outline parent, or "".
    subtitle : second heading of a page of several maps.
    """

    key: str
    title: str
    maps: tuple[MapSpec, ...]
    section: str = ""
    subtitle: str = ""

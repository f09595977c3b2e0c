"""The layers of a map on axes in metres: fills, boundaries, points, symbols, lines, rasters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from matplotlib.axes import Axes
from matplotlib.colors import LightSource, LinearSegmentedColormap, to_rgb
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from pyproj import CRS

from qzrisk.errors import CRSError, SchemaError
from qzrisk.levels import NO_DATA_EDGE, NO_DATA_FILL, NO_DATA_HATCH, palette
from qzrisk.maps.furniture.legend import symbol_pt
from qzrisk.maps.furniture.paths import (
    SOFT_MM,
    inner_lines,
    line_path,
    polygon_path,
    shared_lines,
    visible,
)
from qzrisk.maps.furniture.view import View
from qzrisk.maps.spec import LayerSpec
from qzrisk.maps.style import (
    CLASSED_LINE,
    GROUND,
    INK,
    PAPER,
    SEA,
    SEA_INK,
    Style,
    fills,
    point_shapes,
    style,
)

_SEAM_PT = 0.25
_HATCH_INK = "#3b464e"
_UNIT_EDGE_PT = 0.3
_WATER_LINES_MM = ((3.2, 0.10), (2.0, 0.13), (0.9, 0.18))
_SMALLEST_SHORE_MM = 1.5
_GLOW_MM = tuple((reach, 0.055) for reach in (2.7, 2.25, 1.8, 1.4, 1.0, 0.65))
_PT_PER_MM = 72 / 25.4


def draw_layer(ax: Axes, layer: LayerSpec, view: View, *, zorder: float, variant: str) -> None:
    """Draw one layer of a map.

    Parameters
    ----------
    ax : axes whose limits are the view's
    layer : what to draw; features outside the view are left out
    view : window in metres and its paper
    zorder : of the layer's lowest mark; the layer uses less than 0.1 above it
    variant : ``"colour"``, ``"colour_blind"`` or ``"grey"``
    """
    _KINDS[layer.kind](ax, layer, view, zorder, variant)


def geometries_of(layer: LayerSpec) -> npt.NDArray[np.object_]:
    """Return the geometries of a layer with a frame; missing ones are None."""
    assert layer.frame is not None
    return np.asarray(layer.frame.geometry.to_numpy(), dtype=object)


def _add(ax: Axes, path: Path, **look: Any) -> PathPatch:
    """Put a path on axes without touching their limits."""
    made = PathPatch(path, **{"facecolor": "none", "edgecolor": "none", "linewidth": 0.0,
                              "joinstyle": "round", **look})
    ax.add_artist(made)
    return made


def _stroke(ax: Axes, path: Path, look: Style, view: View, zorder: float) -> None:
    """Draw a line style: its white casing first, then the line."""
    zoom = view.zoom
    if look.casing_pt:
        _add(ax, path, edgecolor=PAPER, linewidth=(look.width_pt + 2 * look.casing_pt) * zoom,
             zorder=zorder, alpha=0.9)
    dash = (0, look.dash) if look.dash else "-"
    _add(ax, path, edgecolor=look.edge or INK, linewidth=look.width_pt * zoom, linestyle=dash,
         capstyle="butt", zorder=zorder + 0.01)


# polygons


def _choropleth(ax: Axes, layer: LayerSpec, view: View, zorder: float, variant: str) -> None:
    shapes = geometries_of(layer)
    seen = visible(shapes, view)
    if layer.classes is None:
        _ground(ax, layer, shapes[seen], view, zorder)
        return
    codes = layer.classes.cat.codes.to_numpy()
    for rank, (face, hatch) in enumerate(fills(palette(layer.palette or ""), variant).values()):
        _fill(ax, shapes[seen & (codes == rank)], view, zorder, face, hatch)
    _missing(ax, shapes[seen & (codes < 0)], view, zorder + 0.02)
    if layer.boundary and seen.any():
        _add(ax, line_path(shapes[seen], view), edgecolor=PAPER,
             linewidth=_UNIT_EDGE_PT * view.zoom, zorder=zorder + 0.03)


def _fill(ax: Axes, shapes: npt.NDArray[np.object_], view: View, zorder: float, face: str,
          hatch: str) -> None:
    """Fill the polygons of one class as one path; a hairline of its colour closes the seams."""
    if not len(shapes):
        return
    path = polygon_path(shapes, view)
    _add(ax, path, facecolor=face, edgecolor=face, linewidth=_SEAM_PT * view.zoom,
         zorder=zorder)
    if hatch:
        _hatched(ax, path, view, zorder + 0.01, hatch, _HATCH_INK)


def _missing(ax: Axes, shapes: npt.NDArray[np.object_], view: View, zorder: float) -> None:
    if not len(shapes):
        return
    path = polygon_path(shapes, view)
    _add(ax, path, facecolor=NO_DATA_FILL, edgecolor=NO_DATA_EDGE,
         linewidth=0.4 * view.zoom, zorder=zorder)
    _hatched(ax, path, view, zorder + 0.01, NO_DATA_HATCH, NO_DATA_EDGE)


def _hatched(ax: Axes, path: Path, view: View, zorder: float, hatch: str, ink: str) -> None:
    made = _add(ax, path, zorder=zorder, hatch=hatch, hatchcolor=ink)
    made.set_hatch_linewidth(0.55 * view.zoom)


def _ground(ax: Axes, layer: LayerSpec, shapes: npt.NDArray[np.object_], view: View,
            zorder: float) -> None:
    """Draw unclassed polygons: plain fills, land with its water lines, neighbours."""
    look = style(layer.style, kind=layer.kind)
    if not len(shapes) or look.label_only:
        return
    if look.hatched:
        _missing(ax, shapes, view, zorder)
        return
    path = polygon_path(shapes, view)
    if look.water_lined:
        # Rings around every islet would look like bubbles.
        parts = shapely.get_parts(shapes)
        shores = parts[shapely.area(parts) > view.metres(_SMALLEST_SHORE_MM) ** 2]
        soft = polygon_path(shores, view, finest_mm=SOFT_MM)
        for reach_mm, alpha in _WATER_LINES_MM:
            _add(ax, soft, edgecolor=SEA_INK, linewidth=2 * reach_mm * _PT_PER_MM * view.zoom,
                 alpha=alpha, zorder=zorder)
    if look.face:
        _add(ax, path, facecolor=look.face, edgecolor=look.face,
             linewidth=_SEAM_PT * view.zoom, zorder=zorder + 0.01)
    if look.edge and layer.boundary:
        if look.inner_only:
            path = inner_lines(shapes, view)
        elif look.dash:
            path = shared_lines(shapes, view)
        _stroke(ax, path, look, view, zorder + 0.02)


def glow(ax: Axes, shapes: npt.NDArray[np.object_], view: View, *, zorder: float) -> None:
    """Set the subject off from its surroundings by a soft shade around its outline."""
    seen = shapes[visible(shapes, view)]
    if not len(seen):
        return
    path = polygon_path(seen, view, finest_mm=SOFT_MM)
    for reach_mm, alpha in _GLOW_MM:
        _add(ax, path, edgecolor="#33475b", linewidth=2 * reach_mm * _PT_PER_MM * view.zoom,
             alpha=alpha, zorder=zorder)
    _add(ax, polygon_path(seen, view), facecolor=GROUND, zorder=zorder + 0.01)


def water(ax: Axes, subject: npt.NDArray[np.object_], land: npt.NDArray[np.object_], view: View,
          *, zorder: float) -> None:
    """Show the bays within the limits of the subject as sea, where units end at the coast.

    Without polygons of land nothing is drawn.
    """
    land = land[visible(land, view)] if len(land) else land
    if not len(land):
        return
    shapes = subject[visible(subject, view)]
    bays = shapely.difference(shapes, shapely.disjoint_subset_union_all(land))
    bays = bays[~shapely.is_empty(bays)]
    if len(bays):
        _add(ax, polygon_path(bays, view), facecolor=SEA, zorder=zorder)


def _outline(ax: Axes, layer: LayerSpec, view: View, zorder: float, variant: str) -> None:
    del variant
    shapes = geometries_of(layer)
    shapes = shapes[visible(shapes, view)]
    if not len(shapes):
        return
    areal = (shapely.get_dimensions(shapes) == 2).all()
    path = shared_lines(shapes, view) if areal else line_path(shapes, view)
    _stroke(ax, path, style(layer.style, kind="outline"), view, zorder)


def _lines(ax: Axes, layer: LayerSpec, view: View, zorder: float, variant: str) -> None:
    shapes = geometries_of(layer)
    seen = visible(shapes, view)
    look = style(layer.style, kind="lines")
    if layer.classes is None:
        if seen.any():
            _stroke(ax, line_path(shapes[seen], view), look, view, zorder)
        return
    codes = layer.classes.cat.codes.to_numpy()
    colours = [*(face for face, _ in fills(palette(layer.palette or ""), variant).values()),
               NO_DATA_EDGE]
    for rank, colour in enumerate(colours):
        chosen = seen & (codes == (rank if rank < len(colours) - 1 else -1))
        if chosen.any():
            _add(ax, line_path(shapes[chosen], view), edgecolor=colour, zorder=zorder,
                 linewidth=CLASSED_LINE * look.width_pt * view.zoom)


# points


def _coordinates(layer: LayerSpec, view: View) -> tuple[npt.NDArray[np.float64],
                                                         npt.NDArray[np.bool_]]:
    shapes = geometries_of(layer)
    seen = visible(shapes, view)
    if seen.any() and (shapely.get_dimensions(shapes[seen]) != 0).any():
        raise SchemaError("a layer of points holds other shapes", where=layer.name,
                          mend="kind='choropleth' or 'lines', or the centroids")
    return shapely.get_coordinates(shapely.centroid(shapes[seen])), seen


def _points(ax: Axes, layer: LayerSpec, view: View, zorder: float, variant: str) -> None:
    look = style(layer.style, kind="points")
    if look.label_only:
        return
    xy, seen = _coordinates(layer, view)
    if layer.classes is None:
        _symbols(ax, xy, view, zorder, look.marker, look.size_pt, look.face or INK,
                 edge=look.edge or PAPER, edge_pt=look.width_pt)
        return
    chosen = palette(layer.palette or "")
    codes = layer.classes.cat.codes.to_numpy()[seen]
    shapes = point_shapes(layer.palette or "", len(chosen.codes))
    _symbols(ax, xy[codes < 0], view, zorder, "o", 3.2, NO_DATA_FILL, edge=NO_DATA_EDGE,
             edge_pt=0.4)
    # The palest grey would vanish on the ground without a dark edge.
    edge = INK if variant == "grey" else look.edge or PAPER
    for rank, (face, _) in enumerate(fills(chosen, variant).values()):
        marker, size = shapes[rank]
        _symbols(ax, xy[codes == rank], view, zorder + 0.01 * (rank + 1), marker,
                 look.scale * size, face, edge=edge, edge_pt=look.width_pt)


def _symbols(ax: Axes, xy: npt.NDArray[np.float64], view: View, zorder: float, marker: str,
             size_pt: float, face: str, *, edge: str, edge_pt: float) -> None:
    if len(xy):
        ax.plot(xy[:, 0], xy[:, 1], linestyle="", marker=marker, markersize=size_pt * view.zoom,
                markerfacecolor=face, markeredgecolor=edge, zorder=zorder,
                markeredgewidth=edge_pt * view.zoom, scalex=False, scaley=False)


def symbol_places(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.float64]:
    """Return where the symbol of each feature stands: the middle of its roomiest part."""
    places = []
    for shape in shapes:
        if shapely.get_dimensions(shape) < 2:
            places.append(shapely.get_coordinates(shapely.centroid(shape))[0])
            continue
        parts = shapely.get_parts(shape)
        largest = parts[int(np.argmax(shapely.area(parts)))]
        places.append(shapely.get_coordinates(shapely.maximum_inscribed_circle(largest))[0])
    return np.array(places).reshape(-1, 2)


def symbol_widths_pt(size: pd.Series) -> npt.NDArray[np.float64]:
    """Return the width in points of each graduated symbol; 0 where the value is missing."""
    values = np.nan_to_num(size.to_numpy(dtype=float, na_value=np.nan))
    most = float(values.max()) if len(values) else 0.0
    return np.array([symbol_pt(float(value), most) for value in values])


def _graduated(ax: Axes, layer: LayerSpec, view: View, zorder: float, variant: str) -> None:
    """Draw circles whose area is the value, large ones first so that small ones stay seen."""
    look = style(layer.style or "graduated", kind="graduated")
    shapes = geometries_of(layer)
    seen = visible(shapes, view)
    if layer.size is None:
        raise SchemaError("graduated symbols need sizes", where=layer.name,
                          mend="LayerSpec(size=...)")
    if not seen.any():
        return
    xy = symbol_places(shapes[seen])
    widths = symbol_widths_pt(layer.size)[seen] * view.zoom
    face: list[str] = [look.face or INK] * len(widths)
    if layer.classes is not None:
        painted = [*(colour for colour, _ in fills(palette(layer.palette or ""),
                                                   variant).values()), NO_DATA_FILL]
        face = [painted[code] for code in layer.classes.cat.codes.to_numpy()[seen]]
    order = [rank for rank in np.argsort(-widths, kind="stable") if widths[rank] > 0]
    ax.scatter(xy[order, 0], xy[order, 1], s=widths[order] ** 2, c=[face[rank] for rank in order],
               edgecolors=look.edge or PAPER, linewidths=look.width_pt * view.zoom, alpha=0.75,
               zorder=zorder)


# rasters


def raster_range(layer: LayerSpec) -> tuple[float, float]:
    """Return the least and greatest value of a raster layer; (0, 1) where all is missing."""
    values = _raster_values(layer)
    if not np.isfinite(values).any():
        return 0.0, 1.0
    return float(np.nanmin(values)), float(np.nanmax(values))


def _raster_values(layer: LayerSpec) -> npt.NDArray[np.float64]:
    return np.asarray(layer.raster.values(), dtype=float)


def _raster(ax: Axes, layer: LayerSpec, view: View, zorder: float, variant: str) -> None:
    if not CRS(layer.raster.crs).equals(CRS(view.crs), ignore_axis_order=True):
        raise CRSError("a raster is not in the CRS of its map", where=layer.name,
                       expected=view.crs, got=layer.raster.crs,
                       mend="warp it to the project CRS first")
    values = _raster_values(layer)
    cell = layer.raster.transform
    rows, columns = values.shape
    extent = (cell.c, cell.c + columns * cell.a, cell.f + rows * cell.e, cell.f)
    limits = ax.get_xlim(), ax.get_ylim()
    ax.imshow(_raster_colours(layer, values, variant), extent=extent, zorder=zorder,
              interpolation="nearest", aspect="auto", interpolation_stage="rgba")
    ax.set(xlim=limits[0], ylim=limits[1])


def _raster_colours(layer: LayerSpec, values: npt.NDArray[np.float64], variant: str
                    ) -> npt.NDArray[np.float64]:
    """Return RGBA; missing cells are transparent. Classed rasters hold 1 for the lowest class."""
    missing = ~np.isfinite(values)
    look = style(layer.style, kind="raster")
    if layer.palette:
        colours = [to_rgb(face) for face, _ in fills(palette(layer.palette), variant).values()]
        rank = np.where(missing, 0, values).astype(int)
        missing |= (rank < 1) | (rank > len(colours))
        rgb = np.array([(1.0, 1.0, 1.0), *colours])[np.where(missing, 0, rank)]
    else:
        least, most = raster_range(layer)
        ramp = ("#f2f2f2", "#3c3c3c") if variant == "grey" else look.ramp or (SEA, INK)
        mapped = LinearSegmentedColormap.from_list("ramp", list(ramp))
        share = (np.where(missing, least, values) - least) / ((most - least) or 1.0)
        rgb = mapped(share)[..., :3]
    if layer.relief is not None:
        rgb = _shaded(rgb, layer)
    return np.dstack([rgb, ~missing])


def _shaded(rgb: npt.NDArray[np.float64], layer: LayerSpec) -> npt.NDArray[np.float64]:
    """Darken and lighten by a hillshade lit from the north-west."""
    height = np.asarray(layer.relief.values(), dtype=float)
    if height.shape != rgb.shape[:2]:
        raise SchemaError("the relief is on another grid than its raster", where=layer.name,
                          expected=rgb.shape[:2], got=height.shape)
    cell = layer.raster.transform
    light = LightSource(azdeg=315, altdeg=45)
    shade = light.hillshade(np.nan_to_num(height), vert_exag=3.0, dx=abs(cell.a), dy=abs(cell.e))
    return np.asarray(np.clip(rgb * (0.62 + 0.55 * shade[..., None]), 0, 1))


_KINDS: Mapping[str, Callable[[Axes, LayerSpec, View, float, str], None]] = {
    "choropleth": _choropleth,
    "points": _points,
    "graduated": _graduated,
    "lines": _lines,
    "outline": _outline,
    "raster": _raster,
}

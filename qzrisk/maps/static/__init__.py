"""Static maps: a MapSpec as a matplotlib figure, and as PNG or PDF on paper.

No pyplot: figures are free-standing, and rcParams are left as they were.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qzrisk.errors import ConfigError
from qzrisk.files import atomic
from qzrisk.maps.furniture.lettering import require_glyphs
from qzrisk.maps.furniture.view import fit
from qzrisk.maps.spec import MapSpec, Page
from qzrisk.maps.static.grey import without_colour
from qzrisk.maps.static.grid import grid_page
from qzrisk.maps.static.house import house_style
from qzrisk.maps.static.page import map_page
from qzrisk.maps.static.panel import draw_map, require_drawable

__all__ = ["draw", "draw_page", "save", "write"]

DPI = 300


def draw(spec: MapSpec, ax: Axes | None = None, *, paper: str = "A4") -> Figure:
    """Draw a map as a printed page, or only its panel on axes of one's own.

    Parameters
    ----------
    spec : MapSpec
        What to draw.
    ax : Axes, optional
        Gets the map with its graticule, scale, north and labels; legend, table and title are left
        to the caller. None makes a whole page.
    paper : {"A4", "A3", "16:9"}
        Landscape page; only used without `ax`.

    Returns
    -------
    Figure
        The page, or the figure of `ax`.

    Raises
    ------
    ConfigError
        If there is no layer to show, the frame holds no feature, or the paper is unknown.
    QzriskError
        If a text holds a character without a glyph; text and character are named.

    Notes
    -----
    The scale of a page is the next round one. Text sizes and line widths are those of A4, enlarged
    on A3.
    """
    require_drawable(spec)
    with house_style():
        figure = map_page(spec, paper) if ax is None else _on_axes(spec, ax)
        if spec.variant == "grey" and ax is None:
            without_colour(figure)
        require_glyphs(figure)
    return figure


def draw_page(page: Page, *, paper: str = "A4", number: str = "", foot: bool = True) -> Figure:
    """Draw a page of an atlas: one map with its column, or several side by side at one scale.

    Parameters
    ----------
    page : Page
        Its maps: one, a pair (before and after, risk and coverage), or small multiples.
    paper : {"A4", "A3", "16:9"}
        Landscape page.
    number : str
        Page number printed at the foot.
    foot : bool
        False leaves the line at the foot to whoever binds the page.

    Returns
    -------
    Figure

    Raises
    ------
    ConfigError
        If there is no map, one of them cannot be drawn, or the paper is unknown.
    QzriskError
        If a glyph is missing.

    Notes
    -----
    Several maps share their frame, the union of their bounds; each keeps its own legend and counts.
    Status, date and run id are those of the first.
    """
    if not page.maps:
        raise ConfigError("a page needs a map", where=page.key, expected=">= 1", got=0)
    for spec in page.maps:
        require_drawable(spec)
    with house_style():
        if len(page.maps) == 1:
            figure = map_page(page.maps[0], paper, number=number, foot=foot)
        else:
            figure = grid_page(page, paper, number=number, foot=foot)
        if page.maps[0].variant == "grey":
            without_colour(figure)
        require_glyphs(figure)
    return figure


def _on_axes(spec: MapSpec, ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    size = ax.get_window_extent()
    width_mm, height_mm = size.width / figure.dpi * 25.4, size.height / figure.dpi * 25.4
    view = fit(spec.bounds(), width_mm=width_mm, height_mm=height_mm, crs=spec.crs, margin=0.03,
               exact=True)
    draw_map(ax, spec, view)
    return figure


def save(spec: MapSpec, path: str | Path, *, paper: str = "A4", dpi: int = DPI) -> Path:
    """Write a map as PNG or PDF, whole or not at all; equal specifications give equal bytes.

    Parameters
    ----------
    spec : MapSpec
        What to draw.
    path : path
        Ends in ``.png`` or ``.pdf``.
    paper : {"A4", "A3", "16:9"}
        Landscape page.
    dpi : int
        Dots per inch of a PNG, and of rasters inside a PDF.

    Returns
    -------
    Path
        The file: fonts embedded as TrueType subsets, its Chinese searchable.

    Raises
    ------
    ConfigError
        If the suffix or the paper is unknown, the map cannot be drawn, or the disk refuses.
    QzriskError
        If a glyph is missing.
    """
    path = Path(path)
    _require_suffix(path)
    return write(draw(spec, paper=paper), path, title=spec.title, subject=spec.subtitle, dpi=dpi)


def _require_suffix(path: Path) -> None:
    if path.suffix.lower() not in _METADATA:
        raise ConfigError("unknown kind of picture", where=str(path),
                          expected=" or ".join(_METADATA), got=path.suffix or "no suffix")


_METADATA = {".png": "Software", ".pdf": "Creator"}


def write(figure: Figure, path: str | Path, *, title: str = "", subject: str = "",
          dpi: int = DPI) -> Path:
    """Write a figure as PNG or PDF without dates, so that equal figures give equal bytes."""
    path = Path(path)
    _require_suffix(path)
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        metadata: dict[str, Any] = {
            "Title": title, "Subject": subject, "Author": "qzrisk", "Creator": "qzrisk",
            "Producer": "matplotlib", "CreationDate": None, "ModDate": None,
        }
    else:
        metadata = {"Title": title, "Software": "qzrisk"}
    with house_style(), atomic(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=dpi, metadata=metadata)
    return path

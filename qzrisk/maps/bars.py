"""A small bar chart beside the maps: parts of one number, in the house's lettering."""

from __future__ import annotations

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qzrisk.errors import ConfigError
from qzrisk.maps.furniture.lettering import require_glyphs
from qzrisk.maps.static.house import house_style
from qzrisk.maps.style import INK, INK_SOFT, PAPER

_ROW_INCH, _WIDE_INCH = 0.3, 7.4
_COLOURS = ("#46616e", "#9a7b4f", "#7b3f73", "#2b7f6d", "#a9b7bd")


def draw(parts: pd.DataFrame, *, title: str, axis: str, foot: str = "") -> Figure:
    """Draw one horizontal bar a row, the first on top.

    Parameters
    ----------
    parts : DataFrame indexed by the words of each bar
        ``value`` >= 0; ``group``, whose words share a colour and stand in the legend; ``median``,
        a tick to compare with (NaN: none).
    title, axis : words above and below
    foot : words at the foot, e.g. that the data are synthetic

    Returns
    -------
    Figure

    Raises
    ------
    ConfigError
        If there is no bar.
    QzriskError
        If a character has no glyph.
    """
    if parts.empty:
        raise ConfigError("no bar to draw", where=title, expected=">= 1 row")
    groups = list(dict.fromkeys(parts["group"]))
    colour = {group: _COLOURS[rank % len(_COLOURS)] for rank, group in enumerate(groups)}
    with house_style():
        figure = Figure(figsize=(_WIDE_INCH, 1.5 + _ROW_INCH * len(parts)), facecolor=PAPER,
                        layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.add_subplot(facecolor=PAPER)
        rows = range(len(parts))
        for group in groups:
            mine = (parts["group"] == group).to_numpy()
            ax.barh([r for r in rows if mine[r]], parts["value"].fillna(0.0)[mine], height=0.68,
                    color=colour[group], label=group)
        known = parts["median"].notna().to_numpy()
        ax.vlines(parts["median"][known], [r - 0.34 for r in rows if known[r]],
                  [r + 0.34 for r in rows if known[r]], color=INK, linewidth=1.6)
        top = max(float(parts[["value", "median"]].max().max()), 1e-9)
        # Beyond bar and tick, so that neither crosses the number.
        ends = parts[["value", "median"]].max(axis=1)
        for row, value, end in zip(rows, parts["value"], ends, strict=True):
            if value == value:
                ax.annotate(f"{value:.3f}", (end, row), xytext=(4, 0), va="center", fontsize=8,
                            textcoords="offset points", color=INK_SOFT)
        ax.set(xlim=(0, top * 1.15), ylim=(len(parts) - 0.4, -0.6))
        ax.set_yticks(list(rows), list(parts.index), fontsize=9, color=INK)
        ax.set_xlabel(axis, fontsize=8.5, color=INK_SOFT)
        ax.set_title(title, fontsize=12, fontweight="bold", loc="left", color=INK)
        ax.tick_params(axis="y", length=0)
        ax.spines[["top", "right", "left"]].set_visible(False)
        ax.legend(loc="lower right", frameon=False, fontsize=8.5)
        if foot:
            figure.supxlabel(foot, fontsize=7.5, color=INK_SOFT, x=0.99, ha="right")
        require_glyphs(figure)
    return figure

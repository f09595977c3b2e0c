"""What surrounds a map: lettering, frame, graticule, scale, north, legend, table, locator, notes.

Drawing happens in millimetres of paper; a `View` turns them into metres of the ground.
"""

from qzrisk.maps.furniture.frame import graticule, north_arrow, scale_bar, synthetic_mark
from qzrisk.maps.furniture.legend import LegendRow, legend_rows
from qzrisk.maps.furniture.lettering import FAMILY, measure, require_glyphs, wrap
from qzrisk.maps.furniture.view import View, fit

__all__ = [
    "FAMILY",
    "LegendRow",
    "View",
    "fit",
    "graticule",
    "legend_rows",
    "measure",
    "north_arrow",
    "require_glyphs",
    "scale_bar",
    "synthetic_mark",
    "wrap",
]

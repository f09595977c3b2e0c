"""What can be read back from a drawn map: its words and its colours by place."""

from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from qzrisk.maps.furniture.view import fit
from qzrisk.maps.static.panel import draw_map


def texts(figure):
    return [found.get_text() for found in figure.findobj(Text) if found.get_text()]


def panel_axes(inches=(6.0, 3.0)):
    figure = Figure(figsize=inches, dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0, 0, 1, 1))


def pixels(spec, inches=(6.0, 3.0)):
    """Draw the bare map and return colours by position in metres."""
    ax = panel_axes(inches)
    view = fit(spec.bounds(), width_mm=inches[0] * 25.4, height_mm=inches[1] * 25.4, crs=spec.crs)
    draw_map(ax, spec, view, grid=False, scaled=False)
    buffer = BytesIO()
    ax.figure.savefig(buffer, dpi=100)
    picture = np.asarray(Image.open(buffer).convert("RGB"))

    def at(x, y):
        column = int((x - view.left) / (view.right - view.left) * picture.shape[1])
        row = int((view.top - y) / (view.top - view.bottom) * picture.shape[0])
        return picture[row, column]

    return at, picture


def rgb(colour):
    return np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)])

"""A drawn page without colour, for black-and-white print: every ink becomes its own lightness."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.colors import to_rgba_array
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

_LUMA = np.array([0.2126, 0.7152, 0.0722])


def without_colour(figure: Figure) -> None:
    """Turn every colour of a figure into the grey of its luminance (Rec. 709 on sRGB values)."""
    for artist in figure.findobj(Artist):
        if isinstance(artist, AxesImage):
            _grey_image(artist)
        elif isinstance(artist, (Patch, Collection)):
            _grey(artist, "facecolor", "edgecolor")
            if isinstance(artist, Patch) and artist.get_hatch():
                artist.set_hatchcolor(_one(artist.get_hatchcolor()))
        elif isinstance(artist, Line2D):
            _grey(artist, "color", "markerfacecolor", "markeredgecolor")
        elif isinstance(artist, Text):
            _grey(artist, "color")


def _grey(artist: Any, *properties: str) -> None:
    """Set properties to their grey; what is drawn in no colour stays so."""
    for name in properties:
        value = getattr(artist, f"get_{name}")()
        if isinstance(value, str) and value in ("none", "auto", "inherit"):
            continue
        greys = _greys(to_rgba_array(value))
        # A setter would give the alpha of the artist to what is drawn in no colour.
        if not len(greys) or not greys[:, 3].any():
            continue
        getattr(artist, f"set_{name}")(
            greys if isinstance(artist, Collection) else tuple(greys[0]))


def _one(colour: Any) -> tuple[float, float, float, float]:
    red, green, blue, alpha = map(float, _greys(to_rgba_array(colour))[0])
    return red, green, blue, alpha


def _greys(rgba: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    made = rgba.copy()
    made[:, :3] = (rgba[:, :3] @ _LUMA)[:, None]
    return made


def _grey_image(image: AxesImage) -> None:
    values = image.get_array()
    if values is None:
        return
    rgba = image.to_rgba(values, norm=True) if values.ndim == 2 else np.asarray(values)
    made = np.array(rgba, dtype=float)
    made[..., :3] = (made[..., :3] @ _LUMA)[..., None]
    image.set_data(made)

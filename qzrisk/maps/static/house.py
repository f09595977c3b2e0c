"""The matplotlib settings that every figure is drawn and written under; put back afterwards."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from qzrisk.maps.furniture.lettering import FAMILY, register

NOTEBOOK_DPI = 110
_RC: dict[str, Any] = {
    "font.family": list(FAMILY),
    "axes.unicode_minus": False,
    "pdf.fonttype": 42,
    # The PDF back end sizes its font subsets by this one: else Latin and Chinese part in two fonts.
    "ps.fonttype": 42,
    "pdf.compression": 4,
    "text.usetex": False,
    "text.parse_math": False,
    "path.sketch": None,
    "path.effects": [],
    "path.simplify": True,
    "axes.autolimit_mode": "data",
    "savefig.bbox": None,
    "savefig.facecolor": "auto",
    "savefig.transparent": False,
    "image.composite_image": True,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and write under the house's settings."""
    register()
    with mpl.rc_context(_RC), warnings.catch_warnings():  # type: ignore[arg-type]
        # `require_glyphs` turns this warning into an error that names the text.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


class SheetFigure(Figure):
    """A page that shows itself in a notebook: without pyplot nobody else does it."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with house_style():
            self.savefig(buffer, format="png", dpi=NOTEBOOK_DPI)
        return buffer.getvalue()

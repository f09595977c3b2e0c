"""A map inside something else: a frame in an intranet page, a link to its file, a notebook."""

from __future__ import annotations

import base64
import html as markup
import io
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote

from qzrisk.maps.spec import MapSpec
from qzrisk.text import text

LABELS_ON_PAPER = 200
_SANDBOX = "allow-scripts allow-modals"
"""A framed page may run its own script and print; it reaches nothing of the page around it."""


def embed(page_or_file: str | Path, *, title: str = "", height_px: int = 620) -> str:
    """Return an ``<iframe>`` that shows a map inside another page.

    Parameters
    ----------
    page_or_file : str or Path
        A page as `html` returns it, which is packed into the frame (``srcdoc``: the other page
        stays one file), or the file of one, relative to the other page (``src``).
    title : str
        What a screen reader calls the frame.
    height_px : int, CSS pixels

    Examples
    --------
    >>> embed("maps/07 风险.html", title="Risk", height_px=400)[:53]
    '<iframe src="maps/07%20%E9%A3%8E%E9%99%A9.html" title'
    """
    packed = isinstance(page_or_file, str) and page_or_file.lstrip()[:1] == "<"
    kind, value = ("srcdoc", str(page_or_file)) if packed else ("src", _address(page_or_file))
    return (
        f'<iframe {kind}="{_plain(value)}" title="{_plain(title)}" '
        f'height="{height_px:d}" width="100%" style="border:0" loading="lazy" allowfullscreen '
        f'sandbox="{_SANDBOX}"></iframe>'
    )


def link(file: str | Path, *, title: str = "") -> str:
    """Return an ``<a>`` to the file of a map, which opens beside the page it stands in.

    Parameters
    ----------
    file : str or Path
        File of the map, relative to the page that links to it; or an ``http`` address.
    title : str
        Words of the link; the name of the file if empty.

    Examples
    --------
    >>> link("maps/risk.html", title="A & B")
    '<a href="maps/risk.html" target="_blank" rel="noopener">A &amp; B</a>'
    """
    words = _plain(title or Path(file).stem)
    href = markup.escape(_address(file))
    return f'<a href="{href}" target="_blank" rel="noopener">{words}</a>'


def _plain(words: str) -> str:
    """Return an attribute's value in ASCII: a page in any encoding carries it unharmed."""
    return markup.escape(words).encode("ascii", "xmlcharrefreplace").decode("ascii")


def _address(file: str | Path) -> str:
    """Return the address of a file: spaces, ``#`` and Chinese in its name are written out."""
    if isinstance(file, str) and file.startswith(("http://", "https://")):
        return file
    written = Path(file).as_posix()
    # A colon in the first part would make it a scheme.
    return quote(written, safe="/" if ":" in written.partition("/")[0] else "/:")


@dataclass(frozen=True, slots=True)
class Figure:
    """A map that shows itself in Jupyter.

    The live page comes as HTML in a sandboxed frame, which needs no trusted notebook. Beneath it
    lies the same map drawn statically: it is what is seen where frames are taken out (an
    untrusted notebook) and what is printed; where only pictures print (nbconvert by way of LaTeX)
    it is offered as a picture of its own.
    """

    spec: MapSpec
    html: str
    height_px: int = 620

    def _repr_html_(self) -> str:
        title = f"{text('web_frame', self.spec.language)}：{self.spec.title}"
        still = base64.b64encode(self._repr_png_()).decode("ascii")
        return (
            f'<div style="position:relative"><img src="data:image/png;base64,{still}" '
            f'alt="{_plain(title)}" style="width:100%;height:{self.height_px:d}px;'
            'object-fit:contain">'
            '<div style="position:absolute;top:0;left:0;right:0">'
            f"{embed(self.html, title=title, height_px=self.height_px)}</div></div>"
        )

    def _repr_png_(self) -> bytes:
        return _still(self)


@cache
def _stills() -> dict[int, tuple[Figure, bytes]]:
    """Return the picture drawn last: one display asks for it twice."""
    return {}


def _still(figure: Figure) -> bytes:
    kept = _stills().get(0)
    if kept is not None and kept[0] is figure:
        return kept[1]
    from qzrisk.maps import static

    # On a page-sized picture thousands of names would neither fit nor end.
    layers = [
        replace(layer, label=None)
        if layer.frame is not None and len(layer.frame) > LABELS_ON_PAPER else layer
        for layer in figure.spec.layers
    ]
    buffer = io.BytesIO()
    static.draw(figure.spec.with_(layers=tuple(layers))).savefig(buffer, format="png", dpi=110)
    _stills()[0] = (figure, buffer.getvalue())
    return buffer.getvalue()

"""Turn a rendered web page into one that never asks the network: vendored text, or an error.

An address loads something where a browser follows it by itself or at a click: ``src``, ``href``
and their kin, ``url()`` and ``@import`` of style sheets, and the calls of scripts that fetch.
The same address in running text, in data or as a namespace is only text and stays.
"""

from __future__ import annotations

import base64
import json
import posixpath
import re
from collections.abc import Collection, Iterator
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any, NamedTuple

from qzrisk.errors import ConfigError

LANGUAGES = ("zh", "en")

_WEB = files("qzrisk.assets") / "web"
_MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".gif": "image/gif"}
_LEAFLET = "leaflet/leaflet.js"
_MARKER_IMAGES = {
    "iconUrl": "leaflet/images/marker-icon.png",
    "iconRetinaUrl": "leaflet/images/marker-icon-2x.png",
    "shadowUrl": "leaflet/images/marker-shadow.png",
}

_EXTERNAL = re.compile(r"(?:(?:https?|wss?|ftp):)?[\\/]{2}[^\s\\/]", re.IGNORECASE)
_SCHEMES = ("https:", "http:", "wss:", "ws:", "ftp:")
_REST = re.compile(r"""[^\s"'`<>)\\]+""")
_NAMESPACE = re.compile(r"https?://www\.w3\.org/(?:\d{4}|XML)/", re.IGNORECASE)
_LOADING_ATTRIBUTES = frozenset(
    {"src", "href", "xlink:href", "poster", "data", "action", "formaction", "background", "ping"}
)
_CSS_ADDRESS = re.compile(
    r"""(?:url\(|image-set\(|@import)\s*(?:url\()?\s*["']?\s*([^"')\s;]+)""", re.IGNORECASE
)
_CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# What stands before the // of an address that code loads: property or tag attribute, call, import.
_LOADING_CODE = re.compile(
    r"""(?:
        (?P<attribute>[.\s"'](?:src|href|srcset|poster|action)\s*=\s*(?=\\?["'`]|[a-z]))
      | \b(?:tileLayer(?:\.wms)?|imageOverlay|videoOverlay|fetch|import|importScripts|Worker
            |EventSource|WebSocket|sendBeacon)\s*\(\s*
      | \.open\s*\(\s*(?:["'][A-Z]+["']\s*,\s*)?
      | ^\s*(?:import|export)\b[^"'\n]*(?=["'])
      | \burl\(\s*
    )\\?["'`]?\s*(?P<scheme>(?:https?|wss?|ftp):)?\Z""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)
_CODE_BEFORE = 120
# The last character of each of those, quotes and scheme taken off: most data stops here.
_CODE_ENDS = ("=", "(", ",", "t", "m")


class _Element(NamedTuple):
    """A start tag and, for script and style, the text up to its end tag."""

    name: str
    attributes: dict[str, str]
    start: int
    body: int
    body_end: int
    end: int


class _Elements(HTMLParser):
    """The elements of a page in their order, with their places in its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[_Element] = []
        self._html = html
        self._lines = [0, *(match.end() for match in re.finditer("\n", html))]
        try:
            self.feed(html)
            self.close()
        except AssertionError as error:
            raise ConfigError("the page is not HTML", got=str(error)) from error

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        start = self._place()
        body = start + len(self.get_starttag_text() or "")
        # A name given twice counts once, the first time, as in browsers.
        attributes = {name: value or "" for name, value in reversed(attrs)}
        raw = tag in self.CDATA_CONTENT_ELEMENTS
        until = len(self._html) if raw else body
        self.found.append(_Element(tag, attributes, start, body, until, until))

    def handle_endtag(self, tag: str) -> None:
        if not self.found or self.found[-1].name != tag or tag not in self.CDATA_CONTENT_ELEMENTS:
            return
        last, start = self.found[-1], self._place()
        closes_itself = start == last.start
        end = last.body if closes_itself else self._html.find(">", start) + 1 or len(self._html)
        self.found[-1] = last._replace(body_end=end if closes_itself else start, end=end)


def web_text(name: str) -> str:
    """Text of one vendored script or style sheet.

    Parameters
    ----------
    name : str
        Path below the web folder, e.g. ``"leaflet/leaflet.js"``.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If no such text is vendored; the message lists those that are.

    Examples
    --------
    >>> web_text("leaflet.markercluster/MarkerCluster.css").strip()[:25]
    '.leaflet-cluster-anim .le'
    """
    texts = [file for file in _manifest()["files"] if file.endswith((".js", ".css"))]
    if name not in texts:
        raise ConfigError("no such vendored text", expected=", ".join(sorted(texts)), got=name)
    return (_WEB / name).read_text(encoding="utf-8")


def inline(html: str, *, lang: str = "zh", allow: Collection[str] = ()) -> str:
    """Make a rendered page self-contained: vendored text for every script and style sheet.

    Parameters
    ----------
    html : str
        A whole page as folium renders it.
    lang : {"zh", "en"}
        Language of plugins that are built for one (the measure tool).
    allow : collection of str
        Address beginnings that may stay, e.g. of a tile service the user configured.

    Returns
    -------
    str
        The page with ``<script>`` and ``<style>`` in the places of ``<script src>`` and
        ``<link href>``, the images of style sheets as data URIs, nothing left that loads.

    Raises
    ------
    ConfigError
        If an address is left that nothing vendored stands for (all are named), or the page uses
        what was dropped.

    Notes
    -----
    Leaflet stays always. jQuery stays where the page's own scripts call it (folium's HTML popups
    do). Bootstrap, Glyphicons, Font Awesome and Awesome Markers are dropped: a page of circle
    markers and div icons needs none of them, and one that does use them is refused.

    Examples
    --------
    >>> address = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet.css"
    >>> inline(f'<link rel="stylesheet" href="{address}">')[:28]
    '<style>/* required styles */'
    """
    if lang not in LANGUAGES:
        raise ConfigError("no such language", expected=", ".join(LANGUAGES), got=lang)
    allowed = (allow,) if isinstance(allow, str) else tuple(allow)
    pieces: list[str] = []
    unknown: list[str] = []
    given: set[str] = set()
    place = 0
    for element in _Elements(html).found:
        address = _asset_address(element)
        if address is None:
            unknown += _loaded(element, html)
            continue
        names = _stand_ins(address, html, lang)
        if names is None:
            unknown.append(address)
            continue
        fresh = [name for name in names if name not in given]
        given.update(fresh)
        pieces += [html[place : element.start], embed(*fresh)]
        place = element.end
    left = [url for url in unknown if not url.startswith(allowed)]
    if left:
        raise ConfigError(
            "the page would ask the network",
            got=", ".join(dict.fromkeys(left)),
            mend="use the vendored plugins and tiles=None, or allow the address of your own tiles",
        )
    return "".join([*pieces, html[place:]])


def embed(*names: str) -> str:
    """Script and style elements that carry vendored files, style sheets with their images.

    Parameters
    ----------
    names : str
        Paths below the web folder, in the order wanted; for what no folium class asks for.

    Returns
    -------
    str

    Raises
    ------
    ConfigError
        If no such text is vendored.

    Examples
    --------
    >>> embed("leaflet-minimap/Control.MiniMap.min.js")[:8]
    '<script>'
    """
    return "".join(map(_element_text, names))


def external_urls(html: str) -> list[str]:
    """Addresses that a browser would load, or follow at a click, from outside the page.

    Parameters
    ----------
    html : str
        A page or a piece of one.

    Returns
    -------
    list of str
        In order of appearance, each once.

    Examples
    --------
    >>> external_urls('<img src="//a.cn/x.png"><p>see https://b.cn</p><a href="#top">up</a>')
    ['//a.cn/x.png']
    """
    found = [url for element in _Elements(html).found for url in _loaded(element, html)]
    return list(dict.fromkeys(found))


def css_addresses(css: str) -> list[str]:
    """Addresses of ``url()`` and ``@import`` in a style sheet, without data URIs and fragments."""
    found = _CSS_ADDRESS.findall(_CSS_COMMENT.sub(" ", css))
    return [url for url in dict.fromkeys(found) if not url.startswith(("data:", "#"))]


@cache
def _manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_WEB / "manifest.json").read_text(encoding="utf-8"))
    return loaded


def _asset_address(element: _Element) -> str | None:
    """Return the address of a script or style sheet that must be replaced, None of the others."""
    attributes = element.attributes
    if element.name == "script" and "src" in attributes:
        address = attributes["src"]
    elif element.name == "link" and "stylesheet" in attributes.get("rel", "").lower().split():
        address = attributes.get("href", "")
    else:
        return None
    address = _plain(address)
    return None if address.startswith("data:") else address


def _stand_ins(url: str, html: str, lang: str) -> list[str] | None:
    """Vendored files for an address, style sheets first; none if dropped; None if unknown."""
    dropped = _manifest()["dropped"].get(url)
    if dropped is not None:
        if sign := next((sign for sign in dropped if sign in html), ""):
            raise ConfigError(
                "the page uses an icon set or script that is not vendored",
                where=url,
                got=sign,
                mend="draw folium.CircleMarker or folium.DivIcon markers (for FastMarkerCluster:"
                " give a callback) instead of icons",
            )
        return []
    entries = {n: e for n, e in _manifest()["files"].items() if url in e.get("urls", ())}
    if not entries:
        return None
    return [
        name
        for name, entry in sorted(entries.items(), key=lambda item: item[0].endswith(".js"))
        if entry.get("lang", lang) == lang
        and any(sign in html for sign in entry.get("used_by", ("",)))
    ]


def _element_text(name: str) -> str:
    text = web_text(name)
    if name.endswith(".css"):
        return f"<style>{_escaped(_with_images(name, text))}</style>"
    if name == _LEAFLET:
        # Leaflet derives the pictures of its default marker from the address of its style sheet.
        urls = {option: _data_uri(image) for option, image in _MARKER_IMAGES.items()}
        text += f'L.Icon.Default.imagePath="";L.Icon.Default.mergeOptions({json.dumps(urls)});\n'
    return f"<script>{_escaped(text)}</script>"


def _escaped(text: str) -> str:
    # The backslash means nothing to strings of either language, and the tag no longer ends.
    return re.sub(r"<(?=/(?:script|style)|!--)", r"<\\", text, flags=re.IGNORECASE)


def _with_images(name: str, css: str) -> str:
    folder = posixpath.dirname(name)
    for url in css_addresses(css):
        image = posixpath.normpath(posixpath.join(folder, url))
        pattern = rf"""url\(\s*["']?{re.escape(url)}["']?\s*\)"""
        css = re.sub(pattern, f"url({_data_uri(image)})", css)
    return css


def _data_uri(name: str) -> str:
    if name not in _manifest()["files"]:
        raise ConfigError("a vendored style sheet names an image that is not vendored", got=name)
    data = base64.b64encode((_WEB / name).read_bytes()).decode("ascii")
    return f"data:{_MEDIA_TYPES[posixpath.splitext(name)[1]]};base64,{data}"


def _loaded(element: _Element, html: str) -> Iterator[str]:
    """Addresses from outside that one element of a page loads or leads to."""
    body = html[element.body : element.body_end]
    if element.name == "script":
        yield from _in_script(body)
    elif element.name == "style":
        yield from _in_css(body)
    for name, value in element.attributes.items():
        if name in _LOADING_ATTRIBUTES:
            yield from _in_attribute(value)
        elif name in ("srcset", "imagesrcset"):
            yield from _in_source_set(value)
        elif name == "style":
            yield from _in_css(value)
        elif name == "srcdoc":
            yield from external_urls(value)
        elif name.startswith("on"):
            yield from _in_script(value)
        elif name == "content" and "http-equiv" in element.attributes:
            yield from _in_attribute(value.partition("=")[2])


def _plain(value: str) -> str:
    """Return an attribute's address as browsers read it."""
    return re.sub(r"[\t\n\r]", "", value).strip()


def _in_attribute(value: str) -> Iterator[str]:
    if _EXTERNAL.match(url := _plain(value)):
        yield url


def _in_source_set(value: str) -> Iterator[str]:
    for item in re.split(r",\s+|(?<=[wx]),", value):
        yield from _in_attribute(item.strip().partition(" ")[0])


def _in_css(css: str) -> Iterator[str]:
    for url in css_addresses(css):
        if _EXTERNAL.match(url) and not _NAMESPACE.match(url):
            yield url


def _in_script(script: str) -> Iterator[str]:
    script = script.replace("\\u003c", "<").replace("\\/", "/")
    place = -1
    while (place := script.find("//", place + 1)) >= 0:
        code = script[max(0, place - _CODE_BEFORE) : place]
        if not _without_scheme(code).endswith(_CODE_ENDS):
            continue
        before, rest = _LOADING_CODE.search(code), _REST.match(script, place + 2)
        if before is None or rest is None:
            continue
        url = f"{before['scheme'] or ''}//{rest.group(0)}"
        # src="..." loads as a property or inside a tag's text; anywhere else it is words.
        attribute = before["attribute"] or "."
        in_tag = script.rfind("<", 0, place) > script.rfind(">", 0, place)
        if (attribute.startswith(".") or in_tag) and not _NAMESPACE.match(url):
            yield url


def _without_scheme(code: str) -> str:
    code = code.lower()
    for scheme in _SCHEMES:
        code = code.removesuffix(scheme)
    return code.rstrip(" \t\r\n\"'`\\")

"""The bundled Chinese fonts: where they are, what they cover, and subsets for web pages."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import tempfile
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

from qzrisk.errors import ConfigError
from qzrisk.files import write_bytes

FAMILY = "Noto Sans SC"

_WEIGHTS = {"Regular": 400, "Bold": 700}
_INVISIBLE = ("Cc", "Cf", "Zl", "Zp")
_KEPT_SUBSETS = 64


def font_paths() -> dict[str, Path]:
    """Files of the bundled font family, one a weight.

    Returns
    -------
    dict
        ``"Regular"`` and ``"Bold"`` to TrueType files.

    Examples
    --------
    >>> [path.name for path in font_paths().values()]
    ['NotoSansSC-Regular.ttf', 'NotoSansSC-Bold.ttf']
    """
    folder = Path(str(files("qzrisk.assets") / "fonts"))
    return {weight: folder / f"NotoSansSC-{weight}.ttf" for weight in _WEIGHTS}


def missing_glyphs(text: str) -> str:
    """Characters of a text that the bundled fonts cannot draw.

    Parameters
    ----------
    text : str
        What will be printed. Control and formatting characters need no glyph.

    Returns
    -------
    str
        Each missing character once, by code point; empty if the text can be printed.

    Examples
    --------
    >>> missing_glyphs("避灾点 坵垵墘岞洑漈濛琯硿磻 2021"), missing_glyphs("a😀")
    ('', '😀')
    """
    return "".join(sorted(_needed(text) - _covered("Regular")))


def subset_font_css(text: str, weight: str = "Regular") -> str:
    """Style sheet rule (``@font-face``) that carries only the glyphs of a page's characters.

    Parameters
    ----------
    text : str
        Everything the page can show.
    weight : {"Regular", "Bold"}

    Returns
    -------
    str
        CSS with the font as a WOFF2 data URI; equal texts give equal bytes. Subsets are kept in
        the folder ``QZRISK_CACHE`` names, or in the user's cache, where these can be written.

    Raises
    ------
    ConfigError
        If the weight is not bundled, or the font lacks a character (all are named).

    Examples
    --------
    >>> subset_font_css("避灾点")[:58]
    '@font-face{font-family:"Noto Sans SC";font-weight:400;src:'
    """
    if weight not in _WEIGHTS:
        raise ConfigError("no such font weight", expected=", ".join(_WEIGHTS), got=weight)
    font = base64.b64encode(_subset(frozenset(_needed(text)), weight)).decode("ascii")
    return (
        f'@font-face{{font-family:"{FAMILY}";font-weight:{_WEIGHTS[weight]};'
        f'src:url(data:font/woff2;base64,{font}) format("woff2")}}'
    )


def _needed(text: str) -> set[str]:
    return {
        character
        for character in set(text)
        if unicodedata.category(character) not in _INVISIBLE
        and not "\ufe00" <= character <= "\ufe0f"
    }


@cache
def _covered(weight: str) -> frozenset[str]:
    from fontTools.ttLib import TTFont

    with TTFont(font_paths()[weight], lazy=True) as font:
        return frozenset(map(chr, font.getBestCmap()))


def _subset(characters: frozenset[str], weight: str) -> bytes:
    """Return the WOFF2 subset, from the cache if it is there and whole."""
    import brotli
    import fontTools

    source = font_paths()[weight].read_bytes()
    made_by = f"{fontTools.version} {brotli.__version__} {''.join(sorted(characters))}"
    key = hashlib.sha256(source + made_by.encode("utf-8", "surrogatepass")).hexdigest()
    folder = _cache_folder() / "fonts"
    path = folder / f"{key[:32]}.woff2"
    with suppress(OSError):
        kept = path.read_bytes()
        # The header says how long the file must be: half a file is made again.
        if kept[:4] == b"wOF2" and int.from_bytes(kept[8:12], "big") == len(kept):
            return kept
    made = _make_subset(source, characters, weight)
    with suppress(ConfigError, OSError):
        write_bytes(path, made)
        _keep_newest(folder.glob("*.woff2"))
    return made


def _make_subset(source: bytes, characters: frozenset[str], weight: str) -> bytes:
    from fontTools import subset
    from fontTools.ttLib import TTFont

    missing = "".join(sorted(characters - _covered(weight)))
    if missing:
        raise ConfigError(
            "the bundled font has no glyph for some characters",
            got=" ".join(f"{c} (U+{ord(c):04X})" for c in missing),
            mend="replace them in the names or notes that hold them",
        )
    options = subset.Options()
    options.flavor = "woff2"
    options.hinting = False
    options.layout_features = ["kern"]
    options.name_IDs = [0, 1, 2, 13, 14]
    font = TTFont(io.BytesIO(source), recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(map(ord, characters)))
    subsetter.subset(font)
    buffer = io.BytesIO()
    subset.save_font(font, buffer, options)
    return buffer.getvalue()


def _cache_folder() -> Path:
    if chosen := os.environ.get("QZRISK_CACHE"):
        return Path(chosen)
    home = {"win32": "LOCALAPPDATA", "darwin": ""}.get(sys.platform, "XDG_CACHE_HOME")
    if base := os.environ.get(home, ""):
        return Path(base) / "qzrisk"
    below = {"win32": "AppData/Local", "darwin": "Library/Caches"}.get(sys.platform, ".cache")
    try:
        return Path.home() / below / "qzrisk"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / "qzrisk"


def _keep_newest(subsets: Iterable[Path]) -> None:
    by_age = sorted(subsets, key=lambda path: path.stat().st_mtime, reverse=True)
    for path in by_age[_KEPT_SUBSETS:]:
        path.unlink(missing_ok=True)

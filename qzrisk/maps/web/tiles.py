"""Raster tiles from a service of the reader's own: all that ever makes a page ask a network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from qzrisk.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """Where a page may fetch the ground from, beneath everything else.

    Attributes
    ----------
    addresses : drawn first to last, e.g. ground and then names; each with ``{z}``, ``{x}`` and
        ``{y}``, a key already filled in, and ``{s}`` where there are several hosts. Web Mercator.
    subdomains : what ``{s}`` stands for, a character each; Tianditu numbers its hosts 0 to 7.
    credit : line that the service asks to be shown, e.g. its map approval number.
    max_zoom : the most detailed zoom that the service has.

    Notes
    -----
    The key stands in the page: who opens the page can read it.

    Raises
    ------
    ConfigError
        If an address is not one of tiles.

    Examples
    --------
    >>> Tiles(addresses=("https://t{s}.example.org/{z}/{x}/{y}",), subdomains="01").hosts()
    ['https://t0.example.org', 'https://t1.example.org']
    """

    addresses: tuple[str, ...]
    subdomains: str = "01234567"
    credit: str = ""
    max_zoom: int = 18

    def __post_init__(self) -> None:
        """Refuse what no browser could fetch tiles from."""
        for address in self.addresses:
            parts = urlsplit(address.replace("{s}", "0"))
            known = parts.scheme in ("http", "https") and parts.hostname
            if not known or not all(mark in address for mark in ("{z}", "{x}", "{y}")):
                raise ConfigError(
                    "not an address of map tiles", where="tiles", got=address,
                    expected="http(s)://host/...{z}...{x}...{y}",
                )

    def hosts(self) -> list[str]:
        """Return scheme and host of every server, each once: all that the page may reach."""
        found = []
        for address in self.addresses:
            for letter in self.subdomains if "{s}" in address else "-":
                parts = urlsplit(address.replace("{s}", letter))
                host = re.sub(r"[^\w.:-]", "", parts.netloc.rpartition("@")[2])
                found.append(f"{parts.scheme}://{host}")
        return list(dict.fromkeys(found))


def tiles_of(given: str | Tiles | None) -> Tiles | None:
    """Return tiles from an address, as they are, or None for nothing."""
    if isinstance(given, str):
        return Tiles(addresses=(given,)) if given else None
    return given if given is not None and given.addresses else None

"""Every word a user reads, in Chinese and English: one table, kept as TOML by subject.

Each file ``<subject>.toml`` beside this module holds ``key = { zh = "...", en = "..." }``;
``{name}`` marks a value. Keys are unique over all files.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from qzrisk.errors import ConfigError

LANGUAGES = ("zh", "en")


@cache
def table() -> dict[str, dict[str, str]]:
    """Return key -> language -> text.

    Raises
    ------
    ConfigError
        If a key stands in two files or lacks a language.
    """
    words: dict[str, dict[str, str]] = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        for key, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
            if key in words or set(entry) != set(LANGUAGES):
                raise ConfigError(
                    "a text must be defined once, in zh and en", where=f"{file.name}: {key}"
                )
            words[key] = entry
    return words


def text(key: str, language: str, **values: object) -> str:
    """Return the text of `key` in ``"zh"`` or ``"en"`` with its values filled in.

    Raises
    ------
    ConfigError
        If the key or the language is unknown.

    Examples
    --------
    >>> text("synthetic", "en")
    'synthetic data'
    """
    if language not in LANGUAGES:
        raise ConfigError("unknown language", expected=" or ".join(LANGUAGES), got=language)
    try:
        return table()[key][language].format(**values)
    except KeyError as error:
        raise ConfigError("unknown text or value", where=key, got=str(error)) from error

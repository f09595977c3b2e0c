"""The data dictionary: canonical layers and columns as data, with units, words and rules.

Everything that needs to know a column (ingest, checks, labels, templates, docs) reads it here.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from qzrisk.errors import ConfigError

Type = Literal["str", "int", "float", "bool", "date", "code", "codes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One canonical column.

    Attributes
    ----------
    name : canonical name, unit suffix included.
    type : logical type; ``"codes"`` is several codes joined by ``;``.
    required : a row without it is quarantined, a file without it is refused.
    unit : persons, m2, m, min, yuan, km/h or "".
    min, max : closed range of numbers, or None.
    codes : allowed codes of ``"code"`` and ``"codes"``.
    words : what people write -> the code it means, for ``"code"`` and ``"codes"``.
    short : shorter words that mean a code too, each reading of which is a finding.
    aliases : other headers that mean this column.
    personal : never enters a public product.
    zh, en : words of the heading.
    """

    name: str
    type: Type
    zh: str
    en: str
    required: bool = False
    unit: str = ""
    min: float | None = None
    max: float | None = None
    codes: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    short: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    personal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSchema:
    """One canonical layer or table.

    Attributes
    ----------
    name : machine name, e.g. ``"shelters"``.
    key : column of unique ids that becomes the index.
    geometry : ``"Point"``, ``"LineString"``, ``"Polygon"``, ``"Any"``, or "" for a table.
    columns : canonical columns by name.
    placed : every record belongs to one of the smallest units; it is summed over them.
    far : records may lie outside the project's area, e.g. the track of a typhoon.
    zh, en : words of the layer.
    """

    name: str
    key: str
    zh: str
    en: str
    columns: dict[str, Column]
    geometry: str = ""
    placed: bool = False
    far: bool = False

    def heading(self, column: str, language: str) -> str:
        """Return the heading of a canonical column in ``"zh"`` or ``"en"``, unit in brackets."""
        entry = self.columns[column]
        words = entry.zh if language == "zh" else entry.en
        return f"{words} ({entry.unit})" if entry.unit else words

    def personal(self) -> list[str]:
        """Return the columns that never enter a public product."""
        return [name for name, column in self.columns.items() if column.personal]


def _column(name: str, rules: dict[str, Any]) -> Column:
    values: dict[str, Any] = {
        key: tuple(item) if isinstance(item, list) else item for key, item in rules.items()}
    return Column(name=name, **values)


@cache
def schemas() -> dict[str, LayerSchema]:
    """Return every schema of the data dictionary by name."""
    folder = resources.files("qzrisk.layers") / "schemas"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        for name, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
            columns = {column: _column(column, rules)
                       for column, rules in entry.pop("columns").items()}
            found[name] = LayerSchema(name=name, columns=columns, **entry)
    return found


def schema(name: str | LayerSchema) -> LayerSchema:
    """Return the schema of that name (a schema is returned as it is).

    Raises
    ------
    ConfigError
        If there is none; the nearest known name is given.

    Examples
    --------
    >>> schema("shelters").key
    'shelter_id'
    """
    if isinstance(name, LayerSchema):
        return name
    known = schemas()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise ConfigError(
            "unknown layer", got=repr(name), expected=", ".join(known),
            mend=f"did you mean {near[0]!r}?" if near else "",
        )
    return known[name]

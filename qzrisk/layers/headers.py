"""Which column of the data dictionary each header of a file means: by name, never by order.

Names, headings, aliases and their pinyin; headers cut to the ten bytes of a .dbf; two headers cut
to the same told apart by what stands under them. What is not certain is a finding, not a guess.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import islice, product
from typing import Any

import pandas as pd

from qzrisk.errors import ConfigError
from qzrisk.layers.contents import copies_of, fitting, spellings, which_is_area
from qzrisk.layers.findings import Severity, findings, gather
from qzrisk.layers.schema import Column, LayerSchema, schema

NAME_BYTES = 10
"""What the field names of a .dbf are cut to."""
_SERIALS = frozenset(("objectid", "fid", "ogcfid", "oid", "gmlid", "globalid", "featureid"))
_MAX_READINGS = 8
_HANZI = re.compile(r"[\u4e00-\u9fff]")
_NUMBERED = re.compile(r"(.+?)_(\d{1,2})")
_NOISE = re.compile(r"[\s_\-*:：.、,;/]+")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|【[^】]*】|<[^<>]*>")
_COUNT = re.compile(r"^\d+[.、]\s*")


def normal(header: object) -> str:
    """Return a header as it is compared: NFKC, lower case, no blanks, marks and brackets.

    Traditional and Japanese forms of characters count as the simplified ones.

    Examples
    --------
    >>> normal(" *可容纳 人数（人）： "), normal("Usable_Area [m2]"), normal("経度")
    ('可容纳人数', 'usablearea', '经度')
    """
    folded = _COUNT.sub("", unicodedata.normalize("NFKC", str(header)).strip().lower())
    folded = folded.translate(_simplified())
    bare = _NOISE.sub("", _BRACKETS.sub("", folded))
    return bare or _NOISE.sub("", folded)


@cache
def _simplified() -> dict[int, int]:
    file = resources.files("qzrisk.layers") / "dedupe" / "words.toml"
    pairs = tomllib.loads(file.read_text(encoding="utf-8"))["simplified"].items()
    return {ord(one): ord(other) for old, new in pairs for one, other in zip(old, new, strict=True)}


@cache
def _syllables() -> dict[str, list[str]]:
    file = resources.files("qzrisk.layers") / "pinyin.toml"
    readings: dict[str, list[str]] = {}
    for syllable, characters in tomllib.loads(file.read_text(encoding="utf-8")).items():
        for character in characters:
            readings.setdefault(character, []).append(syllable)
    return readings


def pinyin(words: str) -> list[str]:
    """Return the readings of a Chinese heading without tones, or none if a character is unknown.

    Examples
    --------
    >>> pinyin("面积"), pinyin("行业")
    (['mianji'], ['hangye', 'xingye'])
    """
    if not _HANZI.search(words):
        return []
    parts = [_syllables().get(c, []) if _HANZI.match(c) else [c] for c in normal(words)]
    return ["".join(parts) for parts in islice(product(*parts), _MAX_READINGS)]


def names_of(column: Column) -> list[str]:
    """Return what a column is called, the surest first: its name, headings, aliases, pinyin."""
    said = [column.name, column.zh, column.en, *column.aliases]
    return list(dict.fromkeys([*said, *(reading for words in said for reading in pinyin(words))]))


def match(raw_headers: Iterable[object], schema_: str | LayerSchema, *,
          given: Mapping[str, str] | None = None, frame: pd.DataFrame | None = None,
          repeated: Iterable[str] = (), source: str = "", language: str = "zh"
          ) -> tuple[dict[str, str], pd.DataFrame]:
    """Match the headers of a file to the columns of a layer.

    Parameters
    ----------
    raw_headers : as they stand in the file
    schema_ : LayerSchema or its name
    given : header -> canonical column as the project says; nothing is looked for there
    frame : the records under the headers; without them twins cannot be told apart
    repeated : headers that stood in the file as another does and were numbered (`contents.repeats`)
    source : file name, for the findings
    language : of the findings

    Returns
    -------
    (mapping, issues)
        `mapping` of header -> canonical column, one header a column at most; headers that mean
        nothing known are not in it. `issues` says every match that is not literal.

    Raises
    ------
    ConfigError
        If `given` names a header that the file lacks or an unknown column.

    Notes
    -----
    Where several headers mean one column, the surer name wins (`names_of`) and the others are
    told; equally sure ones are left out. A header of at most ten bytes that begins the name of
    exactly one column, in GBK or UTF-8, is that column. Where it begins several, two such headers
    are told apart as persons and area: area has fractions, or is 1.2 to 20 m2 a person in nine
    rows of ten; persons are whole. Both signs must not disagree.

    Columns under one and the same header are one column where their contents do not differ; else
    the one that reads as the column demands, where the others do not, is taken; else none.

    Examples
    --------
    >>> mapping, issues = match(["避灾点名称", "容量"], "shelters")
    >>> mapping
    {'避灾点名称': 'name', '容量': 'capacity_persons'}
    """
    rules, headers = schema(schema_), [str(header) for header in raw_headers]
    mapping = _given(given, headers, rules)
    said = _Said(rules, source, language)
    spelt = spellings(headers, repeated)
    copies = copies_of(spelt, headers, mapping, frame)
    free = [header for header in headers if header not in mapping and header not in copies]
    claims = _claims(free, rules, spelt)
    _settle_repeated(claims, spelt, frame, said)
    _settle(claims, mapping, said)
    claimed = {header for claim in claims.values() for header, _ in claim}
    left = {header: found for header in free if header not in claimed
            if (found := _beginnings(spelt.get(header, header), rules))}
    _settle_cut(left, mapping, frame, said)
    _settle_serial(free, mapping, said, spelt)
    for header, same in copies.items():
        if same in mapping:
            said.add("column_copy", "note", header, mapping[same])
    order = {header: number for number, header in enumerate(headers)}
    return dict(sorted(mapping.items(), key=lambda item: order[item[0]])), said.issues(mapping)


def _settle_repeated(claims: dict[str, list[tuple[str, int]]], spelt: Mapping[str, str],
                     frame: pd.DataFrame | None, said: _Said) -> None:
    """Of columns under one header leave the one that alone reads as the column demands."""
    for name, claim in claims.items():
        for spelling in dict.fromkeys(spelt[header] for header, _ in claim if header in spelt):
            group = [h for h, _ in claim if spelt.get(h, h) == spelling]
            best = fitting(frame, group, said.rules.columns[name], key=name == said.rules.key)
            if len(group) > 1 and best:
                claim[:] = [(h, rank) for h, rank in claim if h == best or h not in group]
                said.add("column_told", "warning", best, name)
                for header in group:
                    if header != best:
                        said.add("column_double", "warning", header, name)


def _settle_serial(headers: Sequence[str], mapping: dict[str, str], said: _Said,
                   spelt: Mapping[str, str]) -> None:
    """Take the running number of a program for the key where nothing else names the records."""
    key = said.rules.key
    open_ = {name for _, names in said.open for name in names}
    if key in mapping.values() or key in open_ or key == "unit_id":
        return
    serial = [header for header in headers
              if normal(spelt.get(header, header)) in _SERIALS and header not in mapping]
    if len(serial) == 1:
        mapping[serial[0]] = key
        said.add("column_serial", "warning", serial[0], key)
    else:
        said.open.extend((header, [key]) for header in serial)


class _Said:
    """Findings on headers, gathered."""

    def __init__(self, rules: LayerSchema, source: str, language: str) -> None:
        self.rules, self.source, self.language = rules, source, language
        self.parts: list[pd.DataFrame] = []
        self.open: list[tuple[str, list[str]]] = []

    def heading(self, name: str) -> str:
        return f"{self.rules.heading(name, self.language)} {name}"

    def add(self, rule: str, severity: Severity, header: str, *names: str) -> None:
        self.parts.append(findings(
            rule, severity, layer=self.rules.name, language=self.language, source=self.source,
            values=[header], field=names[0] if len(names) == 1 else "",
            expected=", ".join(self.heading(name) for name in names)))

    def issues(self, mapping: Mapping[str, str]) -> pd.DataFrame:
        """Return the findings; an open question about a required column is an error."""
        found = set(mapping.values())
        for header, names in self.open:
            grave = any(self.rules.columns[n].required and n not in found for n in names)
            self.add("column_ambiguous", "error" if grave else "warning", header, *names)
        self.open = []
        return gather(self.parts)


def as_in_file(header: str, headers: Iterable[Any]) -> str:
    """Return a header as it stands in the file, where a tag of HXL may stand under its words.

    Examples
    --------
    >>> as_in_file("Places", ["Code/#loc+code", "Places/#capacity"])
    'Places/#capacity'
    """
    headers = list(headers)
    tagged = [name for name in headers if str(name).rpartition("/#")[0] == header]
    return tagged[0] if header not in headers and len(tagged) == 1 else header


def _given(given: Mapping[str, str] | None, headers: Sequence[str], rules: LayerSchema
           ) -> dict[str, str]:
    given = {as_in_file(header, headers): name for header, name in (given or {}).items()}
    for header, name in given.items():
        if header not in headers or name not in rules.columns:
            raise ConfigError(
                "columns names something unknown", where=f"{rules.name}: {header!r} -> {name!r}",
                expected=f"a header of the file ({', '.join(headers[:12])}) and a column of "
                f"{rules.name}")
    return given


@cache
def _ranks(names: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, dict[str, int]]:
    """Return normal form -> column -> how far down its list of names it stands."""
    ranks: dict[str, dict[str, int]] = {}
    for column, called in names:
        for rank, words in enumerate(called):
            ranks.setdefault(normal(words), {}).setdefault(column, rank)
    return ranks


def _called(rules: LayerSchema) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((name, tuple(names_of(column))) for name, column in rules.columns.items())


def readings(header: str) -> list[str]:
    """Return what a header may be read as, the surest first.

    The lowest of several header rows names the column; a tag of HXL under it may say nothing.

    Examples
    --------
    >>> readings("规模/可容纳人数"), readings("Capacity/#capacity+max")
    (['规模/可容纳人数', '可容纳人数'], ['Capacity/#capacity+max', '#capacity+max', 'Capacity'])
    """
    upper, _, lowest = header.rpartition("/")
    tagged = [upper, upper.rpartition("/")[2]] if lowest.startswith("#") else []
    return [words for words in dict.fromkeys((header, lowest, *tagged)) if words]


def _claims(headers: Sequence[str], rules: LayerSchema, spelt: Mapping[str, str]
            ) -> dict[str, list[tuple[str, int]]]:
    """Return for each column the headers that mean it, with the rank of the name."""
    ranks = _ranks(_called(rules))
    claims: dict[str, list[tuple[str, int]]] = {}
    for header in headers:
        words = spelt.get(header, header)
        if words in rules.columns:
            claims.setdefault(words, []).append((header, -1))
            continue
        found = next((ranks[said] for said in map(normal, readings(words)) if said in ranks), {})
        best = min(found.values(), default=0)
        for name, rank in found.items():
            if rank == best:
                claims.setdefault(name, []).append((header, rank))
    return claims


def _settle(claims: dict[str, list[tuple[str, int]]], mapping: dict[str, str], said: _Said
            ) -> None:
    """Give each column the header with the surest name; tell the others."""
    several = {header for claim in claims.values() for header, _ in claim
               if sum(header == h for other in claims.values() for h, _ in other) > 1}
    for header in sorted(several):
        said.open.append((header, [n for n, claim in claims.items()
                                   if header in [h for h, _ in claim]]))
    taken = set(mapping.values())
    for name, claim in claims.items():
        sure = sorted((rank, header) for header, rank in claim if header not in several)
        if not sure:
            continue
        tied = [header for rank, header in sure if rank == sure[0][0]]
        if name in taken:
            tied, sure = [], [(0, ""), *sure]
        elif len(tied) > 1:
            said.open.extend((header, [name]) for header in tied)
        else:
            mapping[tied[0]] = name
            if tied[0] != name:
                said.add("column_mapped", "note", tied[0], name)
        for _, header in sure[max(1, len(tied)):]:
            said.add("column_double", "warning", header, name)


def _beginnings(header: str, rules: LayerSchema) -> list[str]:
    """Return the columns one of whose names, cut to ten bytes, is this header.

    A second field cut to the same gets ``_1`` at its end, within the ten bytes.
    """
    bare, room = header, NAME_BYTES
    if (numbered := _NUMBERED.fullmatch(header)):
        bare, room = numbered[1], NAME_BYTES - len(numbered[2]) - 1
    return [name for name, called in _called(rules)
            if any(_cut(words, codec, room) == bare.lower() for words in called
                   for codec in ("gb18030", "utf-8") if _longer(words, codec))]


def _longer(words: str, codec: str) -> bool:
    return len(words.encode(codec)) > NAME_BYTES


def _cut(words: str, codec: str, room: int) -> str:
    return words.encode(codec)[:room].decode(codec, "ignore").lower()


def _settle_cut(left: dict[str, list[str]], mapping: dict[str, str],
                frame: pd.DataFrame | None, said: _Said) -> None:
    """Match headers that were cut: alone where only one column fits, else by their content."""
    twins = _twins(left, frame)
    wanted = [twins.get(header) or (names[0] if len(names) == 1 else "")
              for header, names in left.items()]
    for (header, names), name in zip(left.items(), wanted, strict=True):
        if not name or wanted.count(name) > 1:
            said.open.append((header, names))
        elif name in mapping.values():
            said.add("column_double", "warning", header, name)
        else:
            mapping[header] = name
            told = header in twins
            said.add("column_twins" if told else "column_cut", "warning" if told else "note",
                     header, name)


def _twins(left: dict[str, list[str]], frame: pd.DataFrame | None) -> dict[str, str]:
    """Return header -> column for pairs of headers that may each be persons or an area.

    Exactly two headers must share the candidates, and these be one of each kind.
    """
    if frame is None:
        return {}
    found: dict[str, str] = {}
    open_ = {header: set(names) for header, names in left.items() if len(names) > 1}
    for header, names in open_.items():
        alike = [other for other, theirs in open_.items() if theirs & names]
        both = sorted(set.union(*(open_[other] for other in alike)))
        persons = [name for name in both if name.endswith("_persons") or name == "persons"]
        areas = [name for name in both if name.endswith("_m2")]
        if len(alike) != 2 or [len(persons), len(areas), len(both)] != [1, 1, 2]:
            continue
        if header == alike[0] and (area := which_is_area(frame, *alike)):
            crowd = alike[0] if area == alike[1] else alike[1]
            found |= {area: areas[0], crowd: persons[0]}
    return found

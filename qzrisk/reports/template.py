"""The form that a county fills in: a sheet with drop-downs that is read back without loss."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from qzrisk.errors import ConfigError
from qzrisk.files import atomic
from qzrisk.layers.schema import Column, LayerSchema, schema
from qzrisk.text import text

ROWS = 2000
"""Rows of the form that have drop-downs and checks."""

_LEFT_OUT = ("synthetic", "unit_id", "effective_capacity_persons")
_LEVELS = ("county", "town", "village")
_TITLE, _HINT, _HEAD, _NOTES, _EXAMPLE, _FIRST = 0, 1, 2, 3, 4, 5
_USUAL = {"m2": 400, "persons": 100, "yuan": 10000, "m": 100}
_WIDEST_LIST = 255  # characters of a list written into the validation itself


@dataclass
class _Form:
    """A workbook being written."""

    book: Any
    page: Any
    lists: Any
    language: str
    styles: dict[str, Any]
    column: int = 0
    listed: int = 0
    explained: list[tuple[str, ...]] = field(default_factory=list)

    def say(self, key: str, **values: object) -> str:
        """Return the words of `key` in the form's language."""
        return text(key, self.language, **values)

    def joined(self, *parts: str) -> str:
        """Return parts of a note as one line, those that say something."""
        return ("；" if self.language == "zh" else "; ").join(filter(None, parts))

    def add_list(self, name: str, items: Sequence[str]) -> str:
        """Write a list on the hidden sheet and name its range; return the reference."""
        from xlsxwriter.utility import xl_col_to_name

        for row, item in enumerate(items):
            self.lists.write_string(row, self.listed, item)
        letter = xl_col_to_name(self.listed)
        sheet = self.say("form_lists")
        self.book.define_name(name, f"='{sheet}'!${letter}$1:${letter}${len(items)}")
        self.listed += 1
        return f"={name}"

    def add(self, heading: str, note: str, example: Any, *, rule: dict[str, Any] | None,
            style: str = "text", required: bool = False) -> None:
        """Add a column: heading, notes, example, checks."""
        at = self.column
        self.column += 1
        self.page.write_string(_HEAD, at, heading, self.styles["must" if required else "head"])
        self.page.write_string(_NOTES, at, note, self.styles["note"])
        _write(self.page, _EXAMPLE, at, example, self.styles[f"example_{style}"])
        self.page.set_column(at, at, max(12, min(30, 2 * len(heading) + 2)), self.styles[style])
        if rule is not None:
            message = {"input_title": heading[:32], "input_message": note[:255],
                       "error_title": heading[:32], "error_message": self.say("form_wrong")}
            self.page.data_validation(_FIRST, at, _FIRST + ROWS - 1, at, {**message, **rule})


def save(path: str | Path, layer: str | LayerSchema, units: pd.DataFrame | None, *,
         as_of: dt.date, language: str = "zh") -> Path:
    """Write the survey form of a layer: an xlsx with drop-downs, checks, notes and an example.

    Parameters
    ----------
    path : the .xlsx
    layer : schema or its name: a table or a layer of points
    units : membership table: counties, towns and villages to choose from, each list depending on
        the choice before; None asks for the code of the unit instead
    as_of : date stamped into the file in place of the clock
    language : of headings, notes and words of the code lists

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        If the layer is one of lines or polygons, which no form holds, or the disk refuses.

    Notes
    -----
    Dependent lists are named ranges looked up by position (``towns_3``), so that no name of a
    unit needs to be a valid name of a range. Cells for codes and text are formatted as text.
    """
    import xlsxwriter

    rules = schema(layer)
    if rules.geometry not in ("", "Point"):
        raise ConfigError("a form holds tables and points only", where=rules.name,
                          got=rules.geometry, mend="send lines and polygons as a GeoPackage")
    with atomic(path) as temporary:
        book = xlsxwriter.Workbook(str(temporary), {
            "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False})
        title = text("form_title", language, layer=rules.zh if language == "zh" else rules.en)
        book.set_properties({"title": title, "author": "qzrisk",
                             "created": dt.datetime(as_of.year, as_of.month, as_of.day)})
        page = book.add_worksheet(title[:31].replace(":", ""))
        explain = book.add_worksheet(text("form_explain", language))
        lists = book.add_worksheet(text("form_lists", language))
        lists.hide()
        form = _Form(book, page, lists, language, _styles(book))
        page.write_string(_TITLE, 0, title, form.styles["title"])
        page.write_string(_HINT, 0, form.say("form_hint"), form.styles["hint"])
        _add_columns(form, rules, units)
        page.freeze_panes(_FIRST, 1)
        page.set_landscape()
        page.fit_to_pages(1, 0)
        page.repeat_rows(_HEAD)
        _explain(explain, form)
        book.close()
    return Path(path)


def _add_columns(form: _Form, rules: LayerSchema, units: pd.DataFrame | None) -> None:
    form.add(form.say("form_mark"), form.say("form_notes"), form.say("form_example"), rule=None)
    names = [name for name in rules.columns if name not in _LEFT_OUT]
    if "unit_id" in rules.columns:
        if units is None or rules.key == "unit_id":
            names.insert(1, "unit_id") if "unit_id" not in names else None
        else:
            _add_units(form, units)
    for name in dict.fromkeys(names):
        _add_column(form, rules, rules.columns[name])
    if rules.geometry:
        for key, number, limit in (("return_lon", 118.123456, 180), ("return_lat", 24.123456, 90)):
            note = form.joined(form.say("form_required"), form.say("form_degrees"))
            form.add(form.say(key), note, number, style="degrees", required=True,
                     rule={"validate": "decimal", "criteria": "between", "minimum": -limit,
                           "maximum": limit})
            form.explained.append((form.say(key), form.say("form_required"),
                                   form.say("form_float"), form.say("form_degrees"), ""))


def _add_column(form: _Form, rules: LayerSchema, column: Column) -> None:
    heading = rules.heading(column.name, form.language)
    need = form.say("form_required" if column.required else "form_optional")
    choices = _choices(column, form)
    note = form.joined(need, form.say(f"form_{column.type}"), column.unit, _range(column))
    if column.type == "codes":
        note = form.joined(need, form.say("form_several", codes=";".join(choices)))
    style = {"int": "whole", "float": "decimal", "date": "date"}.get(column.type, "text")
    form.add(heading, note, _example(column, choices), style=style, required=column.required,
             rule=_rule(column, choices, form))
    form.explained.append((heading, need, form.say(f"form_{column.type}"), column.unit,
                           "、".join(choices) or _range(column)))


def _add_units(form: _Form, units: pd.DataFrame) -> None:
    """Add county, town and village, each list by the choice before."""
    from xlsxwriter.utility import xl_col_to_name

    tree = _tree(units)
    depth = 3 if any(v for towns in tree.values() for v in towns.values()) else (
        2 if any(tree.values()) else 1)
    left = [xl_col_to_name(form.column + n) for n in range(2)]
    first = _FIRST + 1
    form.add_list("counties", list(tree))
    pairs = [(county, town) for county, towns in tree.items() for town in towns]
    for number, towns in enumerate(tree.values(), start=1):
        form.add_list(f"towns_{number}", list(towns) or [""])
    if depth == 3:
        # One text a town: names of towns repeat from county to county.
        form.add_list("town_paths", [f"{county}/{town}" for county, town in pairs])
        for number, (county, town) in enumerate(pairs, start=1):
            form.add_list(f"villages_{number}", tree[county][town] or [""])
    sources = ("=counties", f'=INDIRECT("towns_"&MATCH(${left[0]}{first},counties,0))',
               f'=INDIRECT("villages_"&MATCH(${left[0]}{first}&"/"&${left[1]}{first}'
               ",town_paths,0))")
    county = next(iter(tree), "")
    town = next(iter(tree.get(county, {})), "")
    village = next(iter(tree.get(county, {}).get(town, [])), "")
    note = form.joined(form.say("form_required"), form.say("form_choose"))
    for level, source, example in list(zip(_LEVELS, sources, (county, town, village),
                                           strict=True))[:depth]:
        heading = form.say(f"form_{level}")
        form.add(heading, note, example, rule={"validate": "list", "source": source},
                 required=True)
        form.explained.append((heading, form.say("form_required"), form.say("form_choose"), "",
                               ""))


def _tree(units: pd.DataFrame) -> dict[str, dict[str, list[str]]]:
    """Return county -> town -> villages by name, in official order; none without children."""
    by_level = {level: units[units["level"] == level] for level in _LEVELS}
    tree: dict[str, dict[str, list[str]]] = {}
    for code, county in by_level["county"].iterrows():
        towns = by_level["town"][by_level["town"]["parent_id"] == code]
        if towns.empty and len(by_level["town"]):
            continue
        tree[str(county["name"])] = {
            str(town["name"]): by_level["village"]["name"][
                by_level["village"]["parent_id"] == town_code].astype(str).tolist()
            for town_code, town in towns.iterrows()}
    return tree


def _choices(column: Column, form: _Form) -> list[str]:
    """Return what may be chosen: the word of each code in Chinese, the code itself otherwise."""
    if column.type == "bool":
        return [form.say("form_yes"), form.say("form_no")]
    words = dict.fromkeys(column.codes)
    if form.language == "zh":
        for word, code in column.words.items():
            words[code] = words.get(code) or word
    return [word or code for code, word in words.items()]


def _rule(column: Column, choices: list[str], form: _Form) -> dict[str, Any] | None:
    if column.type in ("code", "bool"):
        short = len(",".join(choices)) <= _WIDEST_LIST and not any("," in c for c in choices)
        return {"validate": "list", "source": choices if short else
                form.add_list(f"list_{column.name}", choices)}
    if column.type in ("int", "float"):
        low = -1e12 if column.min is None else column.min
        high = 1e12 if column.max is None else column.max
        return {"validate": "integer" if column.type == "int" else "decimal",
                "criteria": "between", "minimum": low, "maximum": high}
    if column.type == "date":
        return {"validate": "date", "criteria": "between", "minimum": dt.date(1900, 1, 1),
                "maximum": dt.date(2100, 12, 31)}
    # No condition, but the note is shown when the cell is chosen.
    return {"validate": "any"}


def _range(column: Column) -> str:
    if column.min is None and column.max is None:
        return ""
    if column.max is None:
        return f"≥ {column.min:g}"
    return f"{column.min:g}–{column.max:g}" if column.min is not None else f"≤ {column.max:g}"


# What the columns of one example say must agree: parts below their whole, an open case not closed.
_EXAMPLES = {"elderly_persons": 20, "children_persons": 10, "members": 2, "to_m": 200,
             "closed_on": ""}


def _example(column: Column, choices: list[str]) -> Any:
    """Return an unmistakably made-up value of the column."""
    if column.name in _EXAMPLES:
        return _EXAMPLES[column.name]
    if column.name.endswith("phone"):
        return "010-00000001"
    if column.type in ("code", "bool"):
        return choices[0]
    if column.type == "codes":
        return ";".join(choices[:2])
    if column.type == "date":
        return dt.date(2020, 12, 31)
    if column.type in ("int", "float"):
        usual = 2010 if column.name.endswith("_year") else _USUAL.get(column.unit, 1)
        return max(usual, column.min or 0)
    return "样例001" if not column.name.endswith("_id") else "000000000000-001"


def _write(page: Any, row: int, at: int, value: Any, style: Any) -> None:
    if isinstance(value, dt.date):
        page.write_datetime(row, at, dt.datetime(value.year, value.month, value.day), style)
    elif isinstance(value, str):
        page.write_string(row, at, value, style)
    else:
        page.write_number(row, at, value, style)


def _styles(book: Any) -> dict[str, Any]:
    head = {"bold": True, "font_color": "white", "border": 1, "text_wrap": True,
            "valign": "vcenter"}
    formats = {"text": "@", "whole": "0", "decimal": "General", "date": "yyyy-mm-dd",
               "degrees": "0.000000"}
    pale = {"bg_color": "#eef2f4", "font_color": "#777777", "italic": True}
    return {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "hint": book.add_format({"font_color": "#555555"}),
        "head": book.add_format({**head, "bg_color": "#22313a"}),
        "must": book.add_format({**head, "bg_color": "#8a2f1b"}),
        "note": book.add_format({**pale, "text_wrap": True, "valign": "top", "font_size": 9}),
        **{name: book.add_format({"num_format": code}) for name, code in formats.items()},
        **{f"example_{name}": book.add_format({**pale, "num_format": code})
           for name, code in formats.items()},
    }


def _explain(page: Any, form: _Form) -> None:
    head = ("form_column", "form_required", "form_kind", "form_unit", "form_values")
    for at, key in enumerate(head):
        page.write_string(0, at, form.say(key), form.styles["head"])
    for row, cells in enumerate(form.explained, start=1):
        for at, cell in enumerate(cells):
            page.write_string(row, at, cell)
    page.set_column(0, 0, 30)
    page.set_column(4, 4, 90)
    page.freeze_panes(1, 0)

"""The map of work-safety risk: enterprises in four colours, by county for the public."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.pipeline import specs
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import counts, safety
from qzrisk.pipeline.themes.maps import Common, classed, compose, printed
from qzrisk.pipeline.themes.sheets import rule_notes
from qzrisk.project import Project
from qzrisk.text import text

MOST_SYMBOLS = 49
"""Symbols of the largest county at most; above it a symbol stands for several enterprises."""

_PITCH = 1 / 70  # distance of symbols, of the longer side of the map


def map_specs(project: Project, loaded: Loaded, common: Common) -> list[MapSpec]:
    """Return the four-colour map of enterprises, if the project has any.

    Parameters
    ----------
    project, loaded, common : see `maps.map_specs`

    Notes
    -----
    An internal map shows each enterprise where it is. A public one shows as many symbols of each
    colour as a county has enterprises, in rows at its middle: counts, no places.
    """
    firms = loaded.layers.get("enterprises")
    if firms is None or firms.empty:
        return []
    language = project.language
    table = safety.by_county(loaded)
    columns = [*(f"firms_{code}" for code in palette("safety").codes[::-1]),
               *(["firms_none"] if "firms_none" in table else []), "firms"]
    if common["audience"] == "public":
        above, notes = _in_rows(table, loaded, project)
    else:
        above, notes = (classed(
            "enterprises", firms.assign(level=safety.firm_levels(loaded).astype("str")), "level",
            "safety", project, fields=("name", "kind", "sector", "size"), unit_word="firms",
            style="firm"),), ()
    return [compose(
        "13_enterprises", "enterprises", project, loaded, common, above=above,
        table=printed(table, dict.fromkeys(columns, ",.0f"), loaded, project),
        subtitle=text("themes_sub_worst" if "risk_points" in table else "themes_sub_declared",
                      language),
        notes=(text("themes_note_enterprises", language), *_point_notes(table, language),
               *rule_notes(project), *notes), packs=("work_safety",))]


def _point_notes(table: pd.DataFrame, language: str) -> tuple[str, ...]:
    """Return the line that counts the risk points by colour."""
    if "risk_points" not in table:
        return (text("themes_note_declared_only", language),)
    total = {str(name): f"{number:,.0f}" for name, number in table.loc[counts.TOTAL].items()}
    colours = {code: total[f"points_{code}"] for code in palette("safety").codes}
    return (text("themes_note_points", language, count=total["risk_points"],
                 none=total.get("points_none", "0"), **colours),)


def _in_rows(table: pd.DataFrame, loaded: Loaded, project: Project
             ) -> tuple[tuple[LayerSpec, ...], tuple[str, ...]]:
    """Return symbols in rows at the middle of each county, worst first, and the note on them."""
    language = project.language
    county = specs.of_level(loaded, "county")
    county = county[county["in_statistics"].astype(bool)]
    columns = [c for c in table if str(c).startswith("firms_")]
    mine = table.loc[county.index, columns].astype(int)
    each = symbol_worth(int(mine.sum(axis=1).max()))
    west, south, east, north = specs.of_level(loaded, "city").total_bounds
    pitch_m = max(east - west, north - south) * _PITCH
    rows = [(unit, column.removeprefix("firms_"), point)
            for unit in county.index
            for column, point in _placed(mine.loc[unit], county.geometry[unit], each, pitch_m)]
    notes = [text("themes_note_in_rows", language)]
    if each > 1:
        notes.append(text("themes_note_each", language, count=each))
    if counts.UNPLACED in table.index:
        notes.append(text("themes_note_unplaced", language,
                          count=int(table.loc[counts.UNPLACED, "firms"])))
    if not rows:
        return (), tuple(notes)
    units, codes, shapes = zip(*rows, strict=True)
    frame = gpd.GeoDataFrame({"name": list(county["name"].reindex(units))},
                             geometry=list(shapes), crs=county.crs)
    classes = pd.Series(codes, index=frame.index, dtype="str")
    word = text("themes_word_firms" if each == 1 else "themes_word_symbols", language)
    return (LayerSpec(
        name="firm_counts", title=text("themes_layer_enterprises", language), kind="points",
        frame=frame, palette="safety", style="in_rows",
        classes=ordered(classes.mask(classes == "none")),
        fields={"name": text("head_name", language)}, unit_word=word),), tuple(notes)


def _placed(numbers: pd.Series, county: shapely.Geometry, each: int, pitch_m: float
            ) -> list[tuple[str, shapely.Point]]:
    """Return the column and place of each symbol of a county, in rows around its middle."""
    columns = [str(column) for column, count in numbers.items()
               for _ in range(math.ceil(count / each))]
    parts = shapely.get_parts(county)
    largest = parts[int(np.argmax(shapely.area(parts)))]
    middle = shapely.get_coordinates(shapely.maximum_inscribed_circle(largest))[0]
    width = math.ceil(math.sqrt(len(columns)))
    height = math.ceil(len(columns) / width) if columns else 0
    return [(column, shapely.Point(middle[0] + (rank % width - (width - 1) / 2) * pitch_m,
                                   middle[1] - (rank // width - (height - 1) / 2) * pitch_m))
            for rank, column in enumerate(columns)]


def symbol_worth(most: int) -> int:
    """Return how many enterprises a symbol stands for: 1, 2, 5, 10, ... as few as will fit.

    Examples
    --------
    >>> symbol_worth(39), symbol_worth(400)
    (1, 10)
    """
    steps = (step * 10**power for power in range(9) for step in (1, 2, 5))
    return next(step for step in steps if math.ceil(most / step) <= MOST_SYMBOLS)

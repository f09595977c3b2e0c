"""The map of fire-weather grades: days, not places; its own legend, green to red."""

from __future__ import annotations

import pandas as pd

from qzrisk import rules
from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.pipeline import specs
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import fire
from qzrisk.pipeline.themes.maps import Common, compose, printed
from qzrisk.project import Project
from qzrisk.text import text


def map_specs(project: Project, loaded: Loaded, common: Common) -> list[MapSpec]:
    """Return the map of the last day with weather, if the project has a table of it.

    Parameters
    ----------
    project, loaded, common : see `maps.map_specs`
    """
    held = loaded.tables.get("fire_weather")
    if held is None or held.empty:
        return []
    language = project.language
    table = fire.table(loaded)
    county = specs.of_level(loaded, "county")
    county = county[county["in_statistics"].astype(bool)]
    mine = table.reindex(county.index)
    codes = palette("fire_weather").codes
    day = pd.to_datetime(held["date"]).max().strftime("%Y-%m-%d")
    layer = LayerSpec(
        name="fire_weather", title=text("themes_layer_fire_weather", language), kind="choropleth",
        frame=county[["name", county.geometry.name]].assign(fire_index=mine["fire_index"]),
        palette="fire_weather", classes=ordered(mine["fire_grade"].astype("str"), codes),
        thresholds=_intervals(), unit_word=text("word_units", language),
        fields={"name": text("head_name", language),
                "fire_index": text("themes_fire_index", language)})
    rows = table.loc[specs.official_order(loaded)]
    shown = printed(rows, {"fire_index": ".0f"}, loaded, project)
    grade = text("themes_short_fire_grade", language)
    shown[grade] = rows["fire_grade"].astype("str")
    spec = compose("10_fire_weather", "fire_weather", project, loaded, common, below=(layer,),
                   table=shown, subtitle=day,
                   notes=weather_notes(project), packs=("forest_fire",))
    return [spec.with_(class_column=grade, table_palette="fire_weather")]


def weather_notes(project: Project) -> tuple[str, ...]:
    """Return the lines that say what the grades are, and that no weather service issued them."""
    return (text("themes_note_fire_weather", project.language),
            text("themes_note_fire_form", project.language))


def _intervals() -> dict[str, str]:
    """Return grade -> the whole numbers of the index that make it."""
    bounds = rules.value("forest_fire", "weather.bounds")
    lows = [None, *(bound + 1 for bound in bounds)]
    words = [f"≤ {high}" if low is None else f"≥ {low}" if high is None else f"{low} – {high}"
             for low, high in zip(lows, [*bounds, None], strict=True)]
    return dict(zip(rules.value("forest_fire", "weather.colours"), words, strict=True))

"""The map of official figures by county: what is published, and whether the data agree."""

from __future__ import annotations

import pandas as pd

from qzrisk.levels import ordered, palette
from qzrisk.maps.spec import LayerSpec, MapSpec
from qzrisk.pipeline import specs
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes.counts import by_unit
from qzrisk.pipeline.themes.maps import Common, compose, printed
from qzrisk.project import Project
from qzrisk.text import text

WAN = 1e4


def official_specs(project: Project, loaded: Loaded, common: Common, official: pd.DataFrame,
                   reconciled: pd.DataFrame) -> list[MapSpec]:
    """Return the map of the figure that is published for most counties.

    Parameters
    ----------
    project, loaded, common : see `maps.map_specs`
    official : see ``layers.reconcile.read_official``
    reconciled : see ``layers.reconcile.reconcile``

    Returns
    -------
    list of MapSpec
        One, or none where no figure is published by county.
    """
    rows = _by_county(official, loaded.tables["units"])
    if rows.empty:
        return []
    language = project.language
    units = loaded.tables["units"]
    values = reconciled.loc[rows.index, ["official", "found", "difference"]].set_axis(
        pd.Index(rows["unit_id"], name="unit_id"))
    table = by_unit(values.rename(columns={"found": "data"}), units)
    codes = palette("verdict").codes
    verdict = ordered(reconciled.loc[rows.index, "verdict"], codes).cat.codes.set_axis(
        _counties(rows["unit_id"], units))
    worst = verdict.groupby(level=0).max()
    county = specs.of_level(loaded, "county")
    county = county[county["in_statistics"].astype(bool)]
    known = table.reindex(county.index)
    classes = worst.reindex(county.index).map(dict(enumerate(codes)))
    figure = _figure_words(rows, language)
    heads = {"name": text("head_name", language),
             **{c: text(f"themes_short_{c}", language) for c in ("official", "data")}}
    frame = county[["name", "geometry"]].assign(**known[["official", "data"]])
    persons = "unit" in rows and bool((rows["unit"] == "persons").all())
    layers = (
        LayerSpec(name="verdict", title=text("themes_layer_verdict", language),
                  kind="choropleth", frame=frame, palette="verdict", fields=heads,
                  classes=ordered(classes.astype("str"), codes),
                  unit_word=text("word_units", language)),
        LayerSpec(name="official", title=text("themes_layer_official", language, figure=figure),
                  kind="graduated", frame=frame, label="name", fields=heads,
                  size=known["official"] / (WAN if persons else 1.0),
                  size_unit=text("themes_word_wan", language) if persons else ""),
    )
    return [compose(
        "17_official_figures", "official", project, loaded, common, below=layers[:1],
        above=layers[1:], named_above=True,
        subtitle=figure,
        table=printed(table, dict.fromkeys(("official", "data", "difference"), ",.0f"), loaded,
                      project),
        notes=(text("themes_note_official", language),))]


def _by_county(official: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, county level or below, of the figure that has most of them."""
    if "unit_id" not in official:
        return official.iloc[:0]
    rows = official[official["unit_id"].notna()]
    rows = rows[rows["unit_id"].isin(units.index[units["level"].isin(("county", "reporting"))])]
    if rows.empty:
        return rows
    stem = pd.Series([str(key).removesuffix(f"_{unit}") for key, unit in
                      zip(rows.index, rows["unit_id"], strict=True)], index=rows.index)
    return rows[stem == stem.value_counts().index[0]]


def _counties(ids: pd.Series, units: pd.DataFrame) -> pd.Index:
    level, parent = ids.map(units["level"]), ids.map(units["parent_id"])
    return pd.Index(ids.where(level == "county", parent), name="unit_id")


def _figure_words(rows: pd.DataFrame, language: str) -> str:
    """Return the name of the figure, which stands before that of its unit, and its year."""
    first = rows.iloc[0]
    stem = str(rows.index[0]).removesuffix(f"_{first['unit_id']}").replace("_", " ")
    name = str(first.get(f"name_{language}", stem)).replace("：", ":").partition(":")[0]
    return f"{name} {first['year']}" if "year" in rows else name

"""The sample city's files as the tests read them: layers, units, villages and shelters."""

from functools import cache
from pathlib import Path

import geopandas as gpd
import pandas as pd

DATA = Path(__file__).parents[1] / "data"
KINMEN = "350527"

# layer: file, layer inside it
LAYERS = {
    "forest_zones": ("forest/forest.gpkg", "forest_zones"),
    "railways": ("railway/railway.gpkg", "railways"),
    "railway_points": ("railway/railway.gpkg", "railway_points"),
    "railway_sections": ("railway/sections.csv", ""),
    "teams": ("teams/teams.gpkg", "teams"),
    "communities": ("communities/communities.gpkg", "communities"),
    "enterprises": ("enterprises/enterprises.gpkg", "enterprises"),
    "risk_points": ("enterprises/risk_points.csv", ""),
    "fire_weather": ("forest/fire_weather.csv", ""),
    "incidents": ("incidents/incidents.gpkg", "incidents"),
    "responses": ("incidents/responses.csv", ""),
    "hidden_dangers": ("hidden_dangers/ledger.csv", ""),
    "hidden_danger_counts": ("hidden_dangers/counts.csv", ""),
    "hazard_points": ("hazard_points/hazard_points.gpkg", "hazard_points"),
    "survey": ("census/survey.csv", ""),
    "survey_targets": ("census/targets.csv", ""),
    "typhoons": ("typhoons/typhoons.csv", ""),
    "typhoon_fixes": ("typhoons/fixes.csv", ""),
}


@cache
def read(name):
    path, layer = LAYERS[name]
    if layer:
        return gpd.read_file(DATA / path, layer=layer)
    return pd.read_csv(DATA / path, dtype={"unit_id": str})


@cache
def units():
    return pd.read_csv(DATA / "boundaries" / "units.csv", dtype=str, keep_default_na=False)


@cache
def villages():
    frame = gpd.read_file(DATA / "boundaries" / "boundaries.gpkg", layer="village")
    return frame[["unit_id", "geometry"]]


@cache
def shelters():
    frame = gpd.read_file(DATA / "shelters" / "shelters.gpkg").set_index("shelter_id", drop=False)
    return frame.assign(lon=frame.geometry.x, lat=frame.geometry.y)

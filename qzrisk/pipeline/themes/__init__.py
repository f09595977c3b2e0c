"""The thematic layers of a city: each on a map and in a table, where a project has it."""

import pandas as pd

from qzrisk.layers.findings import gather
from qzrisk.maps.spec import MapSpec
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.themes import fire, fire_maps, maps, safety, safety_maps
from qzrisk.pipeline.themes.official import official_specs
from qzrisk.pipeline.themes.sheets import books, sheets
from qzrisk.project import Project

__all__ = ["books", "findings", "map_specs", "official_specs", "sheets"]


_MORE = {"fire_weather": fire_maps.map_specs, "enterprises": safety_maps.map_specs}
"""Layer -> maker of its maps, beside those of `maps`."""


def map_specs(project: Project, loaded: Loaded, common: maps.Common, *,
              only: tuple[str, ...] | None = None) -> list[MapSpec]:
    """Return the maps of the thematic layers by name; parameters as `maps.map_specs`."""
    made = maps.map_specs(project, loaded, common, only=only)
    for layer, build in _MORE.items():
        if only is None or layer in only:
            made += build(project, loaded, common)
    return sorted(made, key=lambda spec: spec.name)


def findings(project: Project, loaded: Loaded) -> pd.DataFrame:
    """Return what the thematic layers say of each other that cannot all be true."""
    return gather([safety.found(loaded, project.language), fire.found(loaded, project.language)])

"""The thematic layers of a city: each on a map and in a table, where a project has it."""

from qzrisk.pipeline.themes.maps import map_specs
from qzrisk.pipeline.themes.official import official_specs
from qzrisk.pipeline.themes.sheets import books, sheets

__all__ = ["books", "map_specs", "official_specs", "sheets"]

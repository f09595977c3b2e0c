"""Names that notebooks and other people's code call: all there, all callable, with examples."""

import pytest

import qzrisk as qz

NAMES = [f"{module}.{name}".lstrip(".") for module, names in {
    "": "open_project load Project Raster CostMatrix",
    "CostMatrix": "from_pairs from_csr to_series",
    "crs": "wgs84_to_gcj02 gcj02_to_wgs84 gcj02_to_bd09 bd09_to_gcj02 wgs84_to_bd09 "
           "bd09_to_wgs84 detect_shift",
    "layers.ingest": "read_layer read_table",
    "layers.validate": "validate",
    "layers.dedupe": "duplicates",
    "network": "road_network od_costs straight_costs straight_nearest",
    "coverage": "nearest covered covered_share two_step e2sfca allocation unserved gini lorenz",
    "zonal": "zonal_stats",
    "weights": "ahp entropy critic combine",
    "risk": "normalise index topsis rank_stability lec ls",
    "classify": "natural_breaks classes",
    "maps": "MapSpec LayerSpec Page",
    "maps.static": "draw save",
    "maps.web": "save",
    "maps.atlas": "save",
}.items() for name in names.split()]
EXAMPLED = ("crs", "network", "coverage", "zonal", "weights", "risk", "classify")
"""Frames in, results out: their docstrings show how, and doctest runs what they show."""


def reach(name):
    found = qz
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_name_is_callable_and_says_what_it_does(name):
    assert callable(reach(name))
    assert reach(name).__doc__.strip()


@pytest.mark.parametrize("name", [n for n in NAMES if n.split(".")[0] in EXAMPLED])
def test_analysis_shows_an_example(name):
    assert ">>>" in reach(name).__doc__

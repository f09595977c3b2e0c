import pytest
from city import PROJECT, write_city

from qzrisk.errors import ConfigError, CRSError
from qzrisk.project import open_project


def rewrite(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_reads_the_tiny_city(tiny_city):
    project = open_project(tiny_city.parent)
    assert project.zh == "小城"
    assert project.coverage.thresholds_m == (400.0, 1500.0, 2500.0)
    assert [entry.weight for entry in project.risk.indicators] == [3.0, 1.0]
    assert project.files()[0] == tiny_city
    assert "小城" in project._repr_html_()


@pytest.mark.parametrize(("old", "new", "words"), [
    ("thresholds_m", "treshold_m", "did you mean 'thresholds_m'"),
    ("crs =", "csr =", "did you mean 'crs'"),
    ("[coverage]", "[covrage]", "did you mean 'coverage'"),
    ('layer = "demand"', 'layer = "demnad"', "did you mean 'demand'"),
    ('name = "tiny"\n', "", "missing key 'name'"),
    ("direction = 1", "direction = 2", "bad value of 'direction'"),
    ("as_of = 2024-01-31", 'as_of = "2024"', "as_of must be a date"),
    ('path = "cells.gpkg"', 'path = "cell.gpkg"', "missing input file"),
    ('zh = "小城"', "zh = 5", "'zh' must be text"),
    ("[project]", "[project", "not valid TOML"),
    ("as_of = 2024-01-31", "as_of = 2024-01-31T10:00:00", "as_of must be a date"),
    ("map_threshold_m = 1500.0", "map_threshold_m = 1.0", "one of thresholds_m"),
    ("[400.0, 1500.0, 2500.0]", "[400.2, 400.4, 1500.0]", "differ by whole metres"),
    ('scheme = "natural_breaks"', "bounds = [0.1, 0.2]", "rising numbers, one a level"),
    ('name = "covered_share_1500m"', 'name = "hazard_mean"', "two entries of one name"),
    ('layer = "shelters"', 'layer = "shelters"\nx = "lon"', "x and y go together"),
    ('layer = "shelters"', 'layer = "context"', "layer that every project needs"),
    ("weight = 3.0", "weight = -3.0", "weights must not be negative"),
])
def test_faults_are_named(tmp_path, old, new, words):
    path = rewrite(write_city(tmp_path), old, new)
    with pytest.raises(ConfigError, match=words):
        open_project(path)


def test_geographic_crs_is_refused(tmp_path):
    path = rewrite(write_city(tmp_path), "EPSG:4547", "EPSG:4490")
    with pytest.raises(CRSError, match="projected CRS in metres"):
        open_project(path)


def test_no_project_and_wrong_encoding(tmp_path):
    with pytest.raises(ConfigError, match="qzrisk init"):
        open_project(tmp_path)
    (tmp_path / "project.toml").write_bytes(PROJECT.encode("gb18030"))
    with pytest.raises(ConfigError, match="must be UTF-8"):
        open_project(tmp_path)

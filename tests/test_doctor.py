import ast
import dataclasses
import re
import sys
import tomllib
from pathlib import Path

import pytest

from qzrisk import doctor
from qzrisk.cli import main
from qzrisk.errors import ConfigError
from qzrisk.project import Coverage


def test_report_names_versions_fonts_drivers_memory():
    rows = {name: state for name, state, _ in doctor.report()}
    assert rows["geopandas"][0].isdigit()
    assert rows["GDAL GPKG"] == "read, write"
    assert any(name.startswith("font ") and state == "present" for name, state in rows.items())
    assert "free memory" in rows


def test_missing_extra_is_told_with_its_command(monkeypatch):
    monkeypatch.setattr(doctor, "EXTRAS", {"notebook": ("no_such_module",)})
    row = next(row for row in doctor.report() if row[0] == "extra [notebook]")
    assert row[1] == "absent: no_such_module"
    assert row[2] == "pip install 'qzrisk[notebook]'"


def test_doctor_command(capsys):
    assert main(["doctor"]) == 0
    assert "geopandas" in capsys.readouterr().out


def test_init_makes_a_project_that_names_what_is_still_missing(tmp_path, capsys):
    folder = tmp_path / "新城 市"
    assert main(["init", str(folder)]) == 0
    assert str(folder / "project.toml") in capsys.readouterr().out
    assert (folder / "data" / "shelters").is_dir()
    document = tomllib.loads((folder / "project.toml").read_text(encoding="utf-8"))
    assert document["project"]["crs"] == "EPSG:4549"
    assert main(["check", str(folder)]) == 2
    assert "missing input file" in capsys.readouterr().err


def test_the_template_names_every_choice_of_coverage_with_its_default(tmp_path):
    doctor.init(tmp_path)
    document = tomllib.loads((tmp_path / "project.toml").read_text(encoding="utf-8"))
    given = {key: tuple(value) if isinstance(value, list) else value
             for key, value in document["coverage"].items()}
    assert given == dataclasses.asdict(Coverage())


def test_init_never_overwrites(tmp_path):
    doctor.init(tmp_path)
    with pytest.raises(ConfigError, match="there is a project already"):
        doctor.init(tmp_path)


def test_every_extra_it_names_is_one_of_the_package():
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(doctor.EXTRAS) <= set(project["optional-dependencies"])


def test_a_run_needs_nothing_but_the_core():
    """Every package imported by qzrisk is a dependency, so that ``make run`` works alone."""
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {re.split(r"[><=;\[ ]", line)[0].lower() for line in project["dependencies"]}
    # Parts of a dependency, and dependencies under the name they are imported by.
    named |= {"branca", "markupsafe", "affine", "pil", "python_calamine"}
    found = set()
    for path in (root / "qzrisk").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    outside = {name.lower() for name in found} - set(sys.stdlib_module_names) - {"qzrisk"}
    assert outside - named == set(), sorted(outside - named)


def test_the_form_comes_before_the_units_of_a_new_project(tmp_path, monkeypatch, capsys):
    doctor.init(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["template", "shelters"]) == 0
    assert "未找到项目" in capsys.readouterr().out
    assert (tmp_path / "shelters.xlsx").is_file()
    # Who names the project wants its units.
    assert main(["template", "shelters", "project.toml", "--out", "other.xlsx"]) == 2


def test_all_missing_files_are_named_at_once(tmp_path, capsys):
    doctor.init(tmp_path)
    assert main(["check", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert "missing input files" in err
    for name in ("units.csv", "boundaries.gpkg", "demand.gpkg", "shelters.gpkg"):
        assert name in err


def test_the_template_names_every_layer_and_key_of_a_source(tmp_path):
    from qzrisk.layers.schema import schemas
    from qzrisk.project import Project, Source

    doctor.init(tmp_path)
    words = set(re.findall(r"\w+", (tmp_path / "project.toml").read_text(encoding="utf-8")))
    assert set(schemas()) - {"units"} <= words
    assert {field.name for field in dataclasses.fields(Source)} <= words
    made = {"file", "sources", "rasters", "web_map"}
    assert {field.name for field in dataclasses.fields(Project)} - made <= words

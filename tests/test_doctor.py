import tomllib

import pytest

from qzrisk import doctor
from qzrisk.cli import main
from qzrisk.errors import ConfigError


def test_report_names_versions_fonts_drivers_memory():
    rows = {name: state for name, state, _ in doctor.report()}
    assert rows["geopandas"][0].isdigit()
    assert rows["GDAL GPKG"] == "read, write"
    assert any(name.startswith("font ") and state == "present" for name, state in rows.items())
    assert "free memory" in rows


def test_missing_extra_is_told_with_its_command(monkeypatch):
    monkeypatch.setattr(doctor, "EXTRAS", {"solve": ("no_such_module",)})
    row = next(row for row in doctor.report() if row[0] == "extra [solve]")
    assert row[1] == "absent: no_such_module"
    assert row[2] == "pip install 'qzrisk[solve]'"


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


def test_init_never_overwrites(tmp_path):
    doctor.init(tmp_path)
    with pytest.raises(ConfigError, match="there is a project already"):
        doctor.init(tmp_path)

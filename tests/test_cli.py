import subprocess
import sys
from pathlib import Path

import pytest
from city import shelters, write_city

from qzrisk.cli import main


@pytest.fixture
def city(tmp_path):
    return write_city(tmp_path)


def test_check_counts_and_exits_zero(city, capsys):
    assert main(["check", str(city), "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert "47 records read, 47 accepted, 0 quarantined" in out


def test_check_exits_one_on_errors_in_the_data(city, capsys):
    units = city.parent / "official.toml"
    units.write_text(units.read_text(encoding="utf-8").replace("value = 5", "value = 6"),
                     encoding="utf-8")
    assert main(["check", str(city)]) == 0  # a difference is a warning
    from city import shelters

    (city.parent / "shelters.geojson").unlink()
    shelters().assign(name=[None, "a", "b", "c", "d"]).to_crs(4326).to_file(
        city.parent / "shelters.geojson")
    assert main(["check", str(city)]) == 1
    assert "必填" in capsys.readouterr().out


def test_run_writes_and_summarises(city, tmp_path, capsys):
    assert main(["run", str(city), "--out", str(tmp_path / "out"), "--lang", "en"]) == 0
    out = capsys.readouterr().out
    assert "files written" in out
    assert "synthetic data" in out
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.mark.parametrize(("change", "words"), [
    (("thresholds_m", "tresholds_m"), "did you mean 'thresholds_m'"),
    (('path = "cells.gpkg"', 'path = "nothing.gpkg"'), "missing input file"),
    (('crs = "EPSG:4547"', 'crs = "EPSG:4326"'), "projected CRS in metres"),
])
def test_wrong_config_is_a_line_a_language_and_exit_two(city, tmp_path, capsys, change, words):
    city.write_text(city.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert main(["run", str(city), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 2  # the language of the project is not known yet
    assert "位置：" in err
    assert not (tmp_path / "out").exists()


def test_unwritable_out_is_told_before_the_work(city, tmp_path, capsys):
    (tmp_path / "out").write_text("a file")
    assert main(["run", str(city), "--out", str(tmp_path / "out"), "--lang", "en"]) == 2
    assert "choose another folder" in capsys.readouterr().err


def test_full_disk_leaves_nothing_half_written(city, tmp_path, capsys, monkeypatch):
    import errno

    real = Path.replace

    def full(self, target):
        if Path(target).suffix == ".xlsx":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", full)
    out = tmp_path / "out"
    assert main(["run", str(city), "--out", str(out), "--lang", "en"]) == 2
    assert "free some space" in capsys.readouterr().err
    assert [p.name for p in out.rglob("*") if p.is_file()] == ["database.gpkg"]


def test_empty_layer_is_one_sentence_and_exit_two(city, tmp_path, capsys):
    from city import shelters

    (city.parent / "shelters.geojson").unlink()
    shelters().iloc[:0].to_crs(4326).to_file(city.parent / "shelters.geojson")
    assert main(["run", str(city), "--out", str(tmp_path / "out"), "--lang", "en"]) == 2
    err = capsys.readouterr().err
    assert "empty layer; where: shelters" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(("language", "words"), [
    ("zh", "无法写出文件；位置："), ("en", "cannot write the file; where: ")])
def test_an_error_speaks_the_language_of_its_project(city, tmp_path, capsys, language, words):
    written = city.read_text(encoding="utf-8")
    city.write_text(written.replace("[project]\n", f'[project]\nlanguage = "{language}"\n', 1),
                    encoding="utf-8")
    (tmp_path / "out").write_text("a file")
    assert main(["run", str(city), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert err.count("\n") == 1


def test_usage_errors():
    with pytest.raises(SystemExit) as stop:
        main(["run", "--no-such-flag"])
    assert stop.value.code == 2


def test_help_is_light():
    script = ("import sys; sys.argv=['qzrisk','--help']\nfrom qzrisk.cli import main\n"
              "try: main()\nexcept SystemExit: pass\n"
              "print('HEAVY', sorted({'numpy','pandas','rich','folium'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                          check=True)
    assert "HEAVY []" in done.stdout


def test_gbk_console_does_not_stop_a_run(city, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "qzrisk", "check", str(city)], capture_output=True,
        env={"PYTHONIOENCODING": "gbk", "PATH": "", "HOME": str(tmp_path)}, check=False)
    assert done.returncode == 0, done.stderr.decode("gbk", "replace")
    assert "读取" in done.stdout.decode("gbk")


def test_an_internal_error_is_one_line_unless_asked(city, capsys, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("surprise")

    monkeypatch.setattr("qzrisk.pipeline.check", broken)
    assert main(["check", str(city)]) == 2
    err = capsys.readouterr().err
    assert "internal error: RuntimeError: surprise" in err
    assert err.count("\n") == 1
    monkeypatch.setenv("QZRISK_TRACE", "1")
    with pytest.raises(RuntimeError):
        main(["check", str(city)])


def test_errors_stand_before_notes_and_say_their_row(city, capsys):
    frame = shelters().to_crs(4326).assign(capacity_persons=[f"{n}人" for n in range(150, 155)])
    frame.loc[4, ["shelter_id", "name"]] = None
    (city.parent / "shelters.geojson").unlink()
    frame.to_file(city.parent / "shelters.geojson")
    assert main(["check", str(city)]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()
             if line.strip().startswith(("error", "warning", "note"))]
    severities = [line[0] for line in lines]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert {"error", "note"} <= set(severities)
    assert lines[0][2] == "shelters.geojson:5"


def test_what_is_not_shown_is_counted_and_its_file_named(city, capsys):
    from qzrisk.layers.findings import findings
    from qzrisk.project import open_project
    from qzrisk.screen import print_findings

    issues = findings("whole", "note", layer="shelters", language="en", rows=range(1, 33),
                      values=range(32))
    print_findings(issues, open_project(city).with_(language="en"))
    assert "2 more are not shown; all are in tables/checks_findings.csv" in capsys.readouterr().out


def test_nothing_in_brackets_where_everybody_is_placed(tmp_path, capsys):
    import geopandas as gpd
    from archipelago import write_isles

    path = write_isles(tmp_path)
    frame = gpd.read_file(tmp_path / "shelters.gpkg").assign(effective_capacity_persons=2000)
    frame.to_file(tmp_path / "shelters.gpkg", layer="shelters")
    assert main(["coverage", str(path), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "未安置 0 人" in out
    assert "()" not in out and "（）" not in out

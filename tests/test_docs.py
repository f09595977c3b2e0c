"""The pages made from data are those that the data make; README speaks of what is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from qzrisk.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_pages_are_up_to_date():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "build_docs.py", "--check"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_names_only_files_that_are_there():
    named = {*re.findall(r"\]\(([^)]+)\)", README),
             *re.findall(r"`((?:docs|data|notebooks|scripts)/[\w./]*\w)`", README)}
    assert {"docs/first-map.png", "docs/layers.md", "docs/rules.md", "docs/ingest.md",
            "docs/risk.md", "docs/gallery", "data/PROVENANCE.md",
            "notebooks/01_first_look.ipynb"} <= named
    for name in (*named, "NOTICE"):
        assert (ROOT / name).exists(), name


def usage(capsys, *words):
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    return capsys.readouterr().out


def test_readme_names_every_command_and_only_options_that_are_there(capsys):
    commands = set(re.findall(r"^    (\w+) ", usage(capsys), re.M))
    shown = re.findall(r"^\| `qzrisk (\w+)([^`]*)`", README, re.M)
    assert {command for command, _ in shown} == commands
    for command, words in shown:
        known = usage(capsys, command)
        for option in re.findall(r"--\w+", words):
            assert option in known, (command, option)
    for command in ("check", "run", "coverage", "risk", "map", "atlas"):
        known = usage(capsys, command)
        assert "--lang" in known and "--audience" in known, command

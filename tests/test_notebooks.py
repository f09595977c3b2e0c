"""Every notebook is stripped, paired with its script, and runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_cells(path):
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            if cell["cell_type"] == "code"]


def test_there_is_a_first_look():
    assert (FOLDER / "01_first_look.ipynb") in NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stripped_paired_and_short(path):
    cells = code_cells(path)
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)
    lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()
             if line.strip()]
    assert len(lines) < 25
    script = path.with_suffix(".py").read_text(encoding="utf-8")
    assert all(line in script for line in lines)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs(path, tmp_path):
    # In a process of its own: the kernel talks over local sockets, which are blocked here.
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", str(path),
         "--output-dir", str(tmp_path), "--ExecutePreprocessor.timeout=300"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "JUPYTER_PLATFORM_DIRS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    shown = [out for cell in code_cells(tmp_path / path.name) for out in cell["outputs"]]
    assert not [out for out in shown if out["output_type"] == "error"]
    kinds = {kind for out in shown for kind in out.get("data", {})}
    assert {"text/html", "image/png"} <= kinds

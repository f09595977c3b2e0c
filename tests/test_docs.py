"""The pages made from data are those that the data make."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_pages_are_up_to_date():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "build_docs.py", "--check"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_names_only_files_that_are_there():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in ("docs/first-map.png", "docs/layers.md", "docs/rules.md", "data/PROVENANCE.md",
                 "NOTICE", "notebooks/01_first_look.ipynb"):
        assert name in text
        assert (ROOT / name).exists(), name

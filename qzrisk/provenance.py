"""Where a number comes from: input hashes, parameters, versions, and the run id made of them.

The run id is a digest of what went in, so that equal inputs give equal products to the byte, and
any printed page leads back to its manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from qzrisk.files import sha256, write_text

PACKAGES = ("qzrisk", "numpy", "pandas", "geopandas", "shapely", "pyogrio", "rasterio", "pyproj",
            "matplotlib", "folium", "scipy", "numba")


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return package -> installed version (``"absent"`` if not installed), and Python's."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def rule_versions() -> dict[str, str]:
    """Return rule pack -> first eight digits of the SHA-256 of its file: the version in force."""
    folder = resources.files("qzrisk.rules")
    return {
        file.name.removesuffix(".toml"): hashlib.sha256(file.read_bytes()).hexdigest()[:8]
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if file.name.endswith(".toml")
    }


def input_hashes(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """Return path relative to `root` (POSIX form) -> SHA-256, sorted."""
    found = {}
    for path in sorted(set(paths)):
        # A file beside the root is named by the way to it, never by a machine's own path.
        name = Path(os.path.relpath(path, root))
        found[name.as_posix()] = sha256(path)
    return found


def run_id(inputs: Mapping[str, str], parameters: Mapping[str, Any], version: str) -> str:
    """Return twelve hexadecimal digits that name a run by its inputs, parameters and code version.

    Examples
    --------
    >>> run_id({"a.csv": "00"}, {"seed": 1}, "0.1") == run_id({"a.csv": "00"}, {"seed": 1}, "0.1")
    True
    """
    text = json.dumps([dict(inputs), dict(parameters), version], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> Path:
    """Write the manifest as JSON, keys sorted, whole or not at all."""
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True, default=str)
    return write_text(path, text + "\n")

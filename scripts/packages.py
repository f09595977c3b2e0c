"""Fetch the exact registry packages that fonts, web scripts and source data are built from.

Each package is asked for by name and version through its own ordinary client (npm, pip, apt) and
checked against the SHA-256 of the archive that was read when the files in this repository were
made: another archive under the same name is refused.
"""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from qzrisk.errors import ConfigError
from qzrisk.files import sha256


class Package(NamedTuple):
    """One archive of a registry: npm, pypi or debian."""

    registry: str
    name: str
    version: str
    licence: str
    archive_sha256: str


with Path(__file__).with_suffix(".csv").open(encoding="utf-8", newline="") as _lines:
    PACKAGES = {row["name"]: Package(**row) for row in csv.DictReader(_lines)}


def fetch(name: str, folder: Path) -> Path:
    """Download and unpack one package of `PACKAGES`.

    Parameters
    ----------
    name : str
        A key of `PACKAGES`.
    folder : Path
        Where archives and unpacked trees go; both are used again when they are there.

    Returns
    -------
    Path
        Root of the unpacked tree.

    Raises
    ------
    ConfigError
        If the client fails, or the archive is not the pinned one.
    """
    package = PACKAGES[name]
    stem = f"{name.replace('/', '-').strip('@')}-{package.version}"
    download, unpack = _CLIENTS[package.registry]
    archives = folder / "archives" / stem
    if not archives.is_dir():
        archives.mkdir(parents=True)
        _run([*download, f"{name}{_PINS[package.registry]}{package.version}"], archives)
    (archive,) = archives.iterdir()
    found = sha256(archive)
    if found != package.archive_sha256:
        raise ConfigError(
            "a registry served another archive than the one these files were made from",
            where=f"{package.registry} {name} {package.version}",
            expected=package.archive_sha256,
            got=found,
            mend="look at what changed, then pin the new hash in scripts/packages.py",
        )
    tree = folder / "trees" / stem
    if not tree.is_dir():
        tree.mkdir(parents=True)
        unpack(archive, tree)
    return tree


def _run(command: list[str], folder: Path) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise ConfigError(f"{command[0]} is not installed", mend=f"install {command[0]} first")
    done = subprocess.run(
        [program, *command[1:]], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()
        raise ConfigError(
            "a package could not be fetched",
            where=" ".join(command),
            got=last[-1] if last else f"exit code {done.returncode}",
            mend="check the network and the client's own configuration (apt: apt-get update)",
        )


def _untar(archive: Path, tree: Path) -> None:
    with tarfile.open(archive) as opened:
        opened.extractall(tree, filter="data")


def _unzip(archive: Path, tree: Path) -> None:
    if archive.suffix == ".gz":
        return _untar(archive, tree)
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tree)


def _undeb(archive: Path, tree: Path) -> None:
    _run(["dpkg-deb", "-x", str(archive), str(tree)], tree)


_PINS = {"npm": "@", "pypi": "==", "debian": "="}
_CLIENTS: dict[str, tuple[list[str], Callable[[Path, Path], None]]] = {
    "npm": (["npm", "pack", "--silent"], _untar),
    "pypi": ([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"], _unzip),
    "debian": (["apt-get", "download", "--quiet"], _undeb),
}

"""First use: what is installed, what is missing, how to get it; a folder to start with."""

from __future__ import annotations

import importlib.util
import os
import shutil
from importlib import resources
from pathlib import Path

from qzrisk.errors import ConfigError
from qzrisk.files import write_text
from qzrisk.provenance import PACKAGES, versions

EXTRAS = {
    "fiona": ("fiona",),
    "notebook": ("ipykernel", "nbconvert"),
}
"""Extra of the package -> modules it brings."""

DRIVERS = ("GPKG", "ESRI Shapefile", "GeoJSON", "FlatGeobuf", "LIBKML", "KML", "OpenFileGDB",
           "PMTiles")
FOLDERS = ("boundaries", "population", "shelters", "roads", "hazards", "reference")
_LOW_MEMORY_GB = 2.0
_ACCESS = {"raw": "read, write", "rw": "read, write", "r": "read"}

Row = tuple[str, str, str]


def report() -> list[Row]:
    """Return (name, state, how to mend) for everything that qzrisk wants of its surroundings."""
    rows: list[Row] = [
        (name, version, "pip install qzrisk" if version == "absent" else "")
        for name, version in versions((*PACKAGES, "fiona", "pyarrow")).items()]
    rows += [_extra(extra, modules) for extra, modules in EXTRAS.items()]
    rows += _fonts()
    rows += _drivers()
    for program, use in (("chromium", "browser tests"), ("pdftoppm", "pictures of PDF pages")):
        path = shutil.which(program)
        rows.append((program, path or "absent",
                     "" if path else f"only for {use}: apt-get install "
                     f"{'poppler-utils' if program == 'pdftoppm' else program}"))
    rows.append(_memory())
    return rows


def _extra(extra: str, modules: tuple[str, ...]) -> Row:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    state = "absent: " + ", ".join(missing) if missing else "installed"
    return f"extra [{extra}]", state, f"pip install 'qzrisk[{extra}]'" if missing else ""


def _fonts() -> list[Row]:
    from qzrisk.assets import font_paths

    return [(f"font {name}", "present" if path.is_file() else "absent",
             "" if path.is_file() else "reinstall qzrisk: its fonts are part of the package")
            for name, path in font_paths().items()]


def _drivers() -> list[Row]:
    import pyogrio

    known = pyogrio.list_drivers()
    return [(f"GDAL {name}", _ACCESS.get(known.get(name, ""), "absent"),
             "" if name in known else "reinstall pyogrio from a wheel")
            for name in DRIVERS]


def _memory() -> Row:
    """Return the free memory; Windows and macOS do not tell it without another package."""
    try:
        free_gb = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    except (AttributeError, ValueError, OSError):
        return "free memory", "unknown on this system", ""
    low = "close other programs" if free_gb < _LOW_MEMORY_GB else ""
    return "free memory", f"{free_gb:.1f} GB", low


def init(folder: str | Path) -> list[Path]:
    """Make a project folder for another city: a commented project.toml and the data folders.

    Parameters
    ----------
    folder : made if absent

    Returns
    -------
    list of Path, what was made

    Raises
    ------
    ConfigError
        If it already holds a project.toml, or the disk refuses.
    """
    root = Path(folder)
    target = root / "project.toml"
    if target.exists():
        raise ConfigError("there is a project already", where=str(target),
                          mend="choose another folder")
    template = resources.files("qzrisk.text") / "project_template.txt"
    made = [write_text(target, template.read_text(encoding="utf-8"))]
    for name in FOLDERS:
        path = root / "data" / name
        path.mkdir(parents=True, exist_ok=True)
        made.append(path)
    return made

"""project.toml -> a frozen Project: the only place that knows which city this is."""

from __future__ import annotations

from pathlib import Path

from qzrisk.errors import ConfigError
from qzrisk.project.checks import REQUIRED_LAYERS, check_files, check_inputs
from qzrisk.project.reading import read
from qzrisk.project.settings import Coverage, Indicator, Project, RasterSource, Risk, Source, WebMap

__all__ = ["REQUIRED_LAYERS", "Coverage", "Indicator", "Project", "RasterSource", "Risk", "Source",
           "WebMap", "open_project"]


def open_project(path: str | Path = "project.toml", *, files: bool = True) -> Project:
    """Read a project.toml.

    Parameters
    ----------
    path : file, or the folder that holds ``project.toml``
    files : whether its input files must be there; a form is written before any data has come

    Returns
    -------
    Project

    Raises
    ------
    ConfigError
        If the file is missing or not TOML, a key is unknown (the nearest known one is named) or
        missing, a value is of the wrong kind, or an input file does not exist.
    CRSError
        If the project CRS is not projected in metres.
    """
    file = Path(path).absolute()
    if file.is_dir():
        file = file / "project.toml"
    if not file.is_file():
        raise ConfigError("no project file", where=str(file), expected="a project.toml",
                          mend="qzrisk init DIR makes one")
    project = read(file)
    check_inputs(project)
    if files:
        check_files(project)
    return project

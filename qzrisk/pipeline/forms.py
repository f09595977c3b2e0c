"""The survey form of a layer, with the units of a project where there is one."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from qzrisk.errors import ConfigError
from qzrisk.layers.schema import schema
from qzrisk.pipeline.load import _read_units
from qzrisk.project import Project
from qzrisk.reports import template


def save_form(layer: str, path: str | Path | None = None, *, project: Project | None = None,
              language: str = "zh") -> Path:
    """Write the form of a layer of the data dictionary.

    Parameters
    ----------
    layer : its name in the data dictionary or in the project
    path : the .xlsx; None takes ``<layer>.xlsx`` in the current folder
    project : whose counties, towns and villages become drop-downs, and whose day is stamped into
        the file; without one the code of the unit is asked for and the file bears today's date
    language : ``"zh"`` or ``"en"``

    Returns
    -------
    Path

    Raises
    ------
    ConfigError
        If there is no such layer, no form holds it (lines, polygons), or a file stands there
        already: somebody may have filled it in.
    """
    kind = schema((project.kinds() if project else {}).get(layer, layer))
    target = Path(path or f"{layer}.xlsx")
    if target.suffix.lower() != ".xlsx":
        raise ConfigError("a form is a workbook", where=str(target), expected=".xlsx",
                          got=target.suffix or "no suffix", mend="end its name with .xlsx")
    if target.exists():
        raise ConfigError("there is a file already, and it may be filled in", where=str(target),
                          mend="choose another name with --out")
    units = _read_units(project) if project else None
    as_of = project.as_of if project else dt.date.today()
    return template.save(target, kind, units, as_of=as_of, language=language)

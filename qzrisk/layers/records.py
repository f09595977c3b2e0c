"""The records of any file of a project as they stand there, before anything is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pandas as pd

from qzrisk.layers import archive, forms
from qzrisk.layers.findings import gather
from qzrisk.layers.printable import printable
from qzrisk.layers.tables import read_cells
from qzrisk.layers.vectors import is_vector, read_features


class Records(NamedTuple):
    """Records under the headers of their file, what the reader said of them, and its date system.

    Serial numbers of days count from 1900 or, in old workbooks of a Mac, from 1904.
    """

    frame: pd.DataFrame
    issues: pd.DataFrame
    date_system: int = 1900


def read(path: str | Path, *, layer: str | None = None, encoding: str | None = None,
         subject: str = "", language: str = "zh") -> Records:
    """Return the records of any file of a project as they stand there.

    Parameters
    ----------
    path, layer, encoding : as `ingest.read_layer` takes them
    subject, language : for the findings

    Raises
    ------
    ConfigError
        If the file cannot be read.
    """
    path = Path(path)
    with archive.opened(path, layer=layer) as source:
        if not is_vector(source):
            inner = None if source != path and layer in (source.name, source.stem) else layer
            table = read_cells(source, sheet=inner, encoding=encoding, language=language,
                               layer=subject)
            frame, said = forms.without_examples(table.frame, layer=subject, source=path.name,
                                                 language=language)
            frame, bared = printable(frame, layer=subject, source=path.name, language=language)
            return Records(frame, gather([table.issues.assign(source=path.name), said, bared]),
                           table.date_system)
    found = read_features(path, layer=layer, encoding=encoding, subject=subject,
                          language=language)
    frame, bared = printable(found.frame, layer=subject, source=path.name, language=language)
    return Records(frame, gather([found.issues, bared]))

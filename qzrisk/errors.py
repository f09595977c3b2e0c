"""Errors a user can act on: what is wrong, where, expected, met, and how to mend it."""

from __future__ import annotations

import importlib
from types import ModuleType


class QzriskError(Exception):
    """Base of every error that qzrisk raises on purpose.

    Parameters
    ----------
    what : str
        One sentence on what is wrong.
    where : str, optional
        File, layer, row or argument at fault.
    expected, got : object, optional
        What would have been right, and what was met.
    mend : str, optional
        What the user can do about it.

    Examples
    --------
    >>> str(QzriskError("empty layer", where="shelters.gpkg", expected=">= 1 row", got=0))
    'empty layer; where: shelters.gpkg; expected: >= 1 row; got: 0'
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        expected: object = None,
        got: object = None,
        mend: str = "",
    ) -> None:
        self.what, self.where, self.expected, self.got, self.mend = what, where, expected, got, mend
        parts = [what]
        if where:
            parts.append(f"where: {where}")
        if expected is not None:
            parts.append(f"expected: {expected}")
        if got is not None:
            parts.append(f"got: {got}")
        if mend:
            parts.append(f"to mend: {mend}")
        super().__init__("; ".join(parts))


class ConfigError(QzriskError):
    """A bad argument, project file, rule pack or environment."""


class SchemaError(QzriskError):
    """A frame or file without the columns, index or types its schema requires."""


class CRSError(QzriskError):
    """A missing, geographic, mismatched or unusable coordinate reference system."""


class ReachError(QzriskError):
    """Costs that name an origin or destination which the other inputs lack, or the reverse."""


class GlyphError(QzriskError):
    """A text that no bundled font can print."""


class InfeasibleError(QzriskError):
    """A model that has no solution; the message names the constraint that cannot hold."""


def require(package: str, extra: str) -> ModuleType:
    """Import an optional package, or say which extra of qzrisk brings it.

    Parameters
    ----------
    package : str
        Import name, e.g. ``"ortools.graph.python.min_cost_flow"``.
    extra : str
        The extra of qzrisk that installs it.

    Returns
    -------
    module

    Raises
    ------
    ConfigError
        If the package cannot be imported.

    Examples
    --------
    >>> require("json", "none").__name__
    'json'
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(
            f"the optional package {package!r} is not installed",
            expected=f"extra {extra!r}",
            got=str(error),
            mend=f"pip install 'qzrisk[{extra}]'",
        ) from error

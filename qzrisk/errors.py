"""Errors a user can act on: what is wrong, where, expected, met, and how to mend it."""

from __future__ import annotations

import importlib
from types import ModuleType

_LABELS = {"en": ("where", "expected", "got", "to mend", ": ", "; "),
           "zh": ("位置", "应为", "实为", "处理", "：", "；")}


class QzriskError(Exception):
    """Base of every error that qzrisk raises on purpose; printed in English, then in Chinese.

    Parameters
    ----------
    what : str
        One sentence on what is wrong, in English; ``qzrisk/text/errors`` holds its Chinese.
    where : str, optional
        File, layer, row or argument at fault.
    expected, got : object, optional
        What would have been right, and what was met.
    mend : str, optional
        What the user can do about it.

    Examples
    --------
    >>> print(QzriskError("empty layer", where="shelters.gpkg", expected=">= 1 row", got=0))
    empty layer; where: shelters.gpkg; expected: >= 1 row; got: 0
    图层没有可用的记录；位置：shelters.gpkg；应为：至少 1 行；实为：0
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
        # One positional argument, so that an error can be pickled.
        super().__init__(self.said("en"))

    def __str__(self) -> str:
        """Return the line in English and, under it, the line in Chinese."""
        return f"{self.said('en')}\n{self.said('zh')}"

    def said(self, language: str) -> str:
        """Return the error as one line in ``"zh"`` or ``"en"``.

        Words without a translation stay in English: an error about an error helps nobody.

        Examples
        --------
        >>> QzriskError("unknown layer", got="'roofs'", mend="did you mean 'roads'?").said("zh")
        "没有这个图层；实为：'roofs'；处理：是否应为 'roads'？"
        """
        what, expected, got, mend = self.what, self.expected, self.got, self.mend
        if language == "zh":
            from qzrisk.text.sentences import chinese

            what, mend = chinese("what", what), chinese("mend", mend)
            expected, got = (chinese("values", value) if isinstance(value, str) else value
                             for value in (expected, got))
        *labels, colon, semicolon = _LABELS[language]
        values = (self.where or None, expected, got, mend or None)
        return semicolon.join([what, *(f"{label}{colon}{value}" for label, value in
                                       zip(labels, values, strict=True) if value is not None)])


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

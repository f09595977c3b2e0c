"""The field rules of a layer as a pandera schema, for frames that are canonical already.

`validate` reads raw cells, puts right what it can and says so; this is for the pipelines of others,
who hand canonical frames on and use pandera to hold one another to the data dictionary.
"""

from __future__ import annotations

from typing import Any

from qzrisk.errors import require
from qzrisk.layers.schema import Column, LayerSchema, schema

_COUNTS = ("int", "float")


def field_rules(layer: str | LayerSchema) -> Any:
    """Return the field rules of a layer as a ``pandera.pandas.DataFrameSchema``.

    Parameters
    ----------
    layer : schema or its name

    Returns
    -------
    DataFrameSchema
        For a frame indexed by the schema's key: required columns and values, ranges, code lists,
        unique ids. Columns that the data dictionary does not know are let through.

    Raises
    ------
    ConfigError
        If pandera is not installed, or there is no such layer.

    Examples
    --------
    >>> import pandas as pd
    >>> rules = field_rules("population")
    >>> frame = pd.DataFrame({"persons": [120]}, index=pd.Index(["0101"], name="unit_id"))
    >>> len(rules.validate(frame))
    1
    """
    pa = require("pandera.pandas", "pandera")
    rules = schema(layer)
    columns = {name: pa.Column(checks=_checks(column, pa), nullable=not column.required,
                               required=column.required, name=name)
               for name, column in rules.columns.items() if name != rules.key}
    return pa.DataFrameSchema(columns, name=rules.name, index=pa.Index(
        checks=_checks(rules.columns[rules.key], pa), unique=True, name=rules.key))


def _checks(column: Column, pa: Any) -> list[Any]:
    checks = []
    if column.type in _COUNTS and column.min is not None:
        checks.append(pa.Check.ge(column.min))
    if column.type in _COUNTS and column.max is not None:
        checks.append(pa.Check.le(column.max))
    if column.type == "code":
        checks.append(pa.Check.isin(column.codes))
    if column.type == "codes":
        known = set(column.codes)
        checks.append(pa.Check(lambda cell: set(cell.split(";")) <= known, element_wise=True,
                               name="codes"))
    return checks

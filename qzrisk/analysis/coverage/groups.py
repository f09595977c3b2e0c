"""Persons by age in whole numbers, where only their shares among the residents are known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qzrisk.analysis.coverage.kernels import whole_parts
from qzrisk.analysis.coverage.reach import aligned
from qzrisk.errors import SchemaError


def persons_by_group(persons: pd.Series, residents: pd.Series, groups: pd.DataFrame
                     ) -> pd.DataFrame:
    """Whole persons of each group among some of the residents, by the groups' shares.

    Parameters
    ----------
    persons : Series, whole persons, indexed demand_id
        In an order in which neighbours follow one another: sums over a stretch of it are exact to
        a person or two.
    residents : Series, persons, indexed as `persons`
    groups : DataFrame, residents of each group, indexed as `persons`; one person is in one group
        at most

    Returns
    -------
    DataFrame, columns and index of `groups`, whole persons as float
        Each the floor or the ceiling of ``persons * group / residents``; together at most
        `persons`. NaN in all groups where residents or a group are unknown, or nobody lives.

    Raises
    ------
    SchemaError
        If persons are missing or negative, or the indexes differ.

    Notes
    -----
    Controlled rounding: of the parts of a place, the rest of the people among them, those are
    raised that have fallen short most so far. An estimate: nobody has counted these people by age.

    References
    ----------
    Balinski & Young (1982), Fair Representation (largest remainders).

    Examples
    --------
    >>> persons_by_group(pd.Series([5, 5]), pd.Series([10, 10]),
    ...                  pd.DataFrame({"elderly": [3, 3]}))["elderly"].tolist()
    [2.0, 1.0]
    """
    if not (persons.index.equals(groups.index) and persons.index.equals(residents.index)):
        raise SchemaError("frames of different demand", where="persons_by_group",
                          expected="one index", mend="reindex them alike")
    aligned(persons, persons.index, what="persons")
    people, lived = groups.to_numpy(dtype=float), residents.to_numpy(dtype=float)
    known = np.isfinite(people).all(axis=1) & (lived > 0)
    count = persons.to_numpy(dtype=np.int64)
    exact = people[known] * (count[known] / lived[known])[:, None]
    rest = np.maximum(count[known] - exact.sum(axis=1), 0.0)
    found = np.full(people.shape, np.nan)
    found[known] = whole_parts(np.column_stack([exact, rest]), count[known])[:, :-1]
    return pd.DataFrame(found, index=groups.index, columns=groups.columns)

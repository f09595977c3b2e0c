"""How evenly places are shared among persons."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qzrisk.analysis.coverage.reach import aligned
from qzrisk.errors import ReachError, SchemaError


def lorenz(access: pd.Series, persons: pd.Series) -> pd.DataFrame:
    """Lorenz curve of access over persons, from the worst served to the best.

    Parameters
    ----------
    access : Series, places per person, indexed by demand_id
    persons : Series, persons, indexed by demand_id

    Returns
    -------
    DataFrame(persons_share, access_share); both rise from 0 to 1
        NaN shares of access where nobody has any. Points without persons are left out.

    Raises
    ------
    ReachError
        If `access` names a demand that `persons` lacks.
    SchemaError
        If access or persons are missing or negative, or there are no persons.

    Examples
    --------
    >>> lorenz(pd.Series([3, 1]), pd.Series([10, 10])).values.tolist()
    [[0.0, 0.0], [0.5, 0.25], [1.0, 1.0]]
    """
    weight = aligned(persons, access.index, what="persons").to_numpy(dtype=float)
    value = aligned(access, access.index, what="access").to_numpy(dtype=float)
    if not weight.sum() > 0:
        raise SchemaError("no persons to share among", where="persons", got=weight.sum())
    order = np.argsort(value, kind="stable")
    order = order[weight[order] > 0]
    people = np.concatenate([[0.0], np.cumsum(weight[order])])
    places = np.concatenate([[0.0], np.cumsum((weight * value)[order])])
    shared = places / places[-1] if places[-1] > 0 else np.full(len(places), np.nan)
    return pd.DataFrame({"persons_share": people / people[-1], "access_share": shared})


def gini(access: pd.Series, persons: pd.Series, units: pd.Series | None = None
         ) -> float | pd.Series:
    """Population-weighted Gini coefficient of access.

    Parameters
    ----------
    access : Series, places per person, indexed by demand_id
    persons : Series, persons, indexed by demand_id
    units : Series of unit_id, indexed by demand_id, optional
        Without it one number for all.

    Returns
    -------
    float, or Series ``gini`` indexed unit_id (sorted); 0 (all alike) to 1
        NaN where nobody has any access, and in a unit without persons.

    Raises
    ------
    As `lorenz`, which asks for persons; and ReachError if `units` lacks a demand of `access`.

    Notes
    -----
    ``G = 1 - sum((p_k - p_k-1) (L_k + L_k-1))`` over the Lorenz curve.

    Examples
    --------
    >>> round(gini(pd.Series([.5, 1, 2, 4]), pd.Series([100, 200, 300, 400])), 6)
    0.3
    """
    if units is None:
        curve = lorenz(access, persons)
        steps = np.diff(curve["persons_share"])
        heights = curve["access_share"].to_numpy()
        return float(1 - np.sum(steps * (heights[1:] + heights[:-1])))
    weight = aligned(persons, access.index, what="persons").to_numpy(dtype=float)
    value = aligned(access, access.index, what="access").to_numpy(dtype=float)
    lost = access.index.difference(units.index)
    if len(lost):
        raise ReachError("a demand without an entry in units", where=f"units: {lost[0]}",
                         got=f"{len(lost)} ids")
    codes, names = pd.factorize(units.reindex(access.index), sort=True)
    order = np.lexsort((value, codes))
    order = order[codes[order] >= 0]
    code, people = codes[order], weight[order]
    shared = people * value[order]
    before = np.cumsum(shared) - shared
    first = np.searchsorted(code, np.arange(len(names)))
    # Twice the height of the curve over each step, in places of the own unit.
    heights = 2 * (before - before[first][code]) + shared
    total = [np.bincount(code, weights=part, minlength=len(names)) for part in (people, shared)]
    area = np.bincount(code, weights=people * heights, minlength=len(names))
    known = (total[0] > 0) & (total[1] > 0)
    found = np.full(len(names), np.nan)
    found[known] = np.maximum(1 - area[known] / (total[0] * total[1])[known], 0.0)
    return pd.Series(found, index=pd.Index(names, name="unit_id"), name="gini")


def places_per_person(capacity: pd.Series, persons: pd.Series) -> pd.Series:
    """Places per person of each unit, whoever may reach them (container ratio).

    Parameters
    ----------
    capacity : Series, persons, indexed unit_id
        Ids may repeat (many shelters in one unit).
    persons : Series, persons, indexed unit_id
        Ids may repeat (many demand points in one unit).

    Returns
    -------
    Series ``places_per_person``, indexed by the unit_id of `persons` and `capacity` (sorted)
        0.0 where a unit has persons and no shelter; NaN where it has no persons.

    Examples
    --------
    >>> places_per_person(pd.Series({"u": 50}), pd.Series({"u": 200, "v": 10})).to_dict()
    {'u': 0.25, 'v': 0.0}
    """
    both = pd.DataFrame({"places": capacity.groupby(level=0).sum(),
                         "persons": persons.groupby(level=0).sum()}).fillna(0.0)
    ratio = both["places"] / both["persons"].where(both["persons"] > 0)
    return ratio.rename("places_per_person").rename_axis("unit_id")

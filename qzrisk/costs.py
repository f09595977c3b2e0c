"""Sparse travel costs between origins and destinations: the narrow waist of accessibility.

Everything that measures access (networks, straight lines, a table from elsewhere) ends in a
`CostMatrix`, and everything that uses access (coverage, allocation, siting) starts from one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from qzrisk.errors import ConfigError, ReachError, SchemaError

Unit = Literal["min", "m"]
UNITS = ("min", "m")


@dataclass(frozen=True, eq=False, repr=False)
class CostMatrix:
    """Travel costs of the pairs within reach, origins x destinations.

    Make one with `from_pairs` or `from_csr`, which check it.

    Attributes
    ----------
    matrix : scipy CSR array, costs in `unit`
        A pair that is not stored is out of reach; a stored 0 is a pair without cost. Finite, not
        negative, columns sorted in each row, read-only.
    origins, destinations : Index of unique ids
        Row and column names in the order given, also of those without a pair.
    unit : {"min", "m"}
    """

    matrix: sparse.csr_array
    origins: pd.Index
    destinations: pd.Index
    unit: Unit

    @classmethod
    def from_pairs(
        cls,
        origin_ids: Iterable[Any],
        destination_ids: Iterable[Any],
        costs: npt.ArrayLike,
        *,
        unit: Unit,
        origins: Iterable[Any] | None = None,
        destinations: Iterable[Any] | None = None,
    ) -> CostMatrix:
        """Build costs from a table of pairs.

        Parameters
        ----------
        origin_ids, destination_ids : sequences of ids, one a pair
        costs : array, in `unit`, one a pair
        unit : {"min", "m"}
        origins, destinations : sequences of unique ids, optional
            All ids, also those without a pair. By default those of the pairs, as they first occur.

        Raises
        ------
        SchemaError
            If a cost is NaN, infinite or negative, or a pair occurs twice (the first is named).
        ReachError
            If a pair names an id that `origins` or `destinations` lacks.

        Examples
        --------
        >>> costs = CostMatrix.from_pairs(
        ...     ["a", "a", "b"], ["s", "t", "s"], [0, 5, 2], unit="min", origins=["a", "b", "c"])
        >>> costs
        CostMatrix(3 origins x 2 destinations, 3 pairs, min)
        >>> costs.to_series().tolist()
        [0.0, 5.0, 2.0]
        """
        from_index, to_index = _index(origin_ids), _index(destination_ids)
        values = np.asarray(costs, dtype=np.float64)
        if not len(from_index) == len(to_index) == len(values):
            raise SchemaError("pairs of unequal length", where="from_pairs",
                              got=(len(from_index), len(to_index), len(values)))
        rows = from_index.unique() if origins is None else _unique(origins, "origins")
        columns = to_index.unique() if destinations is None else _unique(destinations,
                                                                         "destinations")
        i, j = _positions(from_index, rows, "origins"), _positions(to_index, columns,
                                                                   "destinations")
        order = np.lexsort((j, i))
        i, j, values = i[order], j[order], values[order]
        twice = np.flatnonzero((np.diff(i) == 0) & (np.diff(j) == 0))
        if len(twice):
            raise SchemaError(
                "a pair occurs twice", where=f"pair ({rows[i[twice[0]]]}, {columns[j[twice[0]]]})",
                expected="one cost a pair", got=f"{len(twice)} repeated pairs",
                mend="keep the least, e.g. table.groupby([origin, destination]).min()",
            )
        indptr = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum(np.bincount(i, minlength=len(rows)), out=indptr[1:])
        matrix = sparse.csr_array((values, j, indptr), shape=(len(rows), len(columns)))
        return cls.from_csr(matrix, rows, columns, unit=unit)

    @classmethod
    def from_csr(
        cls, matrix: Any, origins: Iterable[Any], destinations: Iterable[Any], *, unit: Unit
    ) -> CostMatrix:
        """Build costs from a sparse matrix whose stored entries (also zeros) are the pairs.

        Parameters
        ----------
        matrix : scipy sparse, origins x destinations, costs in `unit`
            The arrays of a CSR matrix that is already sorted and of floats are taken, not copied,
            and become read-only.
        origins, destinations : sequences of unique ids, as many as rows and columns
        unit : {"min", "m"}

        Raises
        ------
        SchemaError
            If the shape does not fit, an id or a pair occurs twice, or a cost is NaN, infinite or
            negative.
        """
        if unit not in UNITS:
            raise ConfigError("unknown unit of cost", expected=" or ".join(UNITS), got=repr(unit))
        rows, columns = _unique(origins, "origins"), _unique(destinations, "destinations")
        found = sparse.csr_array(matrix)
        if found.shape != (len(rows), len(columns)):
            raise SchemaError("matrix and ids do not fit", where="costs", got=found.shape,
                              expected=(len(rows), len(columns)))
        if not np.issubdtype(found.dtype, np.floating):
            found = found.astype(np.float64)
        if not found.has_sorted_indices:
            found = found.sorted_indices()
        if not found.has_canonical_format:
            raise SchemaError("a pair occurs twice", where="costs", expected="one cost a pair",
                              mend="keep the least cost of each pair")
        _check_values(found, rows, columns)
        for part in (found.data, found.indices, found.indptr):
            part.flags.writeable = False
        return cls(found, rows, columns, unit)

    def __repr__(self) -> str:
        n, m = self.matrix.shape
        return (f"CostMatrix({n:,} origins x {m:,} destinations, {self.matrix.nnz:,} pairs, "
                f"{self.unit})")

    @cached_property
    def by_destination(self) -> sparse.csc_array:
        """The same pairs grouped by destination (CSC), made at the first use."""
        return self.matrix.tocsc()

    @cached_property
    def rows(self) -> npt.NDArray[np.intp]:
        """Row number of every stored pair, in the order of the matrix."""
        return np.repeat(np.arange(len(self.origins)), np.diff(self.matrix.indptr))

    def to_series(self) -> pd.Series:
        """Return the pairs as a Series named ``cost_<unit>``, indexed (origin, destination)."""
        index = pd.MultiIndex(
            levels=[self.origins, self.destinations], codes=[self.rows, self.matrix.indices],
            names=["origin", "destination"], verify_integrity=False,
        )
        return pd.Series(self.matrix.data.copy(), index=index, name=f"cost_{self.unit}")

    def within(self, max_cost: float) -> CostMatrix:
        """Return only the pairs that cost at most `max_cost` (in `unit`); all ids stay listed."""
        return self.only(self.matrix.data <= check_limit(max_cost))

    def select(self, *, destinations: Iterable[Any]) -> CostMatrix:
        """Return the costs to some destinations, in the order given; all origins stay listed.

        Raises
        ------
        ReachError
            If a destination is not listed here.
        """
        wanted = _unique(destinations, "destinations")
        columns = _positions(wanted, self.destinations, "destinations")
        return CostMatrix.from_csr(self.by_destination[:, columns].tocsr(), self.origins, wanted,
                                   unit=self.unit)

    def same_unit(self, origin_units: pd.Series, destination_units: pd.Series) -> CostMatrix:
        """Return only the pairs whose origin and destination lie in one unit.

        Parameters
        ----------
        origin_units, destination_units : Series of unit_id, indexed by origin and destination id
            An id without a unit (NaN) keeps no pair.

        Raises
        ------
        ReachError
            If an id of these costs is missing from a Series.
        """
        return self.only(self.in_same_unit(origin_units, destination_units))

    def in_same_unit(self, origin_units: pd.Series, destination_units: pd.Series
                     ) -> npt.NDArray[np.bool_]:
        """Tell of every stored pair, in the order of the matrix, whether `same_unit` keeps it."""
        parts = []
        for units, ids, what in ((origin_units, self.origins, "origins"),
                                 (destination_units, self.destinations, "destinations")):
            parts.append(units.to_numpy()[_positions(ids, units.index, f"units of {what}")])
        codes, _ = pd.factorize(np.concatenate([np.asarray(p, dtype=object) for p in parts]))
        left, right = codes[: len(self.origins)], codes[len(self.origins):]
        own = left[self.rows]
        kept: npt.NDArray[np.bool_] = (own >= 0) & (own == right[self.matrix.indices])
        return kept

    def only(self, keep: npt.NDArray[np.bool_]) -> CostMatrix:
        """Return only some of the stored pairs; all ids stay listed."""
        if keep.all():
            return self
        counted = np.concatenate([[0], np.cumsum(keep)])
        matrix = sparse.csr_array(
            (self.matrix.data[keep], self.matrix.indices[keep],
             counted[self.matrix.indptr].astype(self.matrix.indptr.dtype)),
            shape=self.matrix.shape,
        )
        return CostMatrix.from_csr(matrix, self.origins, self.destinations, unit=self.unit)


def check_limit(max_cost: float) -> float:
    """Return a limit of cost (in the unit of the costs) that is a number and not negative.

    Raises
    ------
    ConfigError
        If it is NaN or negative.
    """
    if not max_cost >= 0:
        raise ConfigError("a limit of cost must not be negative", where="max_cost",
                          expected=">= 0", got=max_cost)
    return float(max_cost)


def _index(ids: Iterable[Any]) -> pd.Index:
    return ids if isinstance(ids, pd.Index) else pd.Index(
        ids if isinstance(ids, pd.Series | np.ndarray) else list(ids))


def _unique(ids: Iterable[Any], what: str) -> pd.Index:
    index = _index(ids)
    if not index.is_unique:
        raise SchemaError("an id occurs twice", where=f"{what}: {index[index.duplicated()][0]}",
                          expected="unique ids")
    if index.hasnans:
        raise SchemaError("a missing id", where=what, expected="ids without NaN")
    return index


def _positions(ids: pd.Index, known: pd.Index, what: str) -> npt.NDArray[np.intp]:
    found = known.get_indexer(ids)
    if (found < 0).any():
        lost = ids[found < 0].unique()
        raise ReachError("costs name an id that is not listed", where=f"{what}: {lost[0]}",
                         got=f"{len(lost)} unknown ids", mend=f"add them to {what}")
    return found


def _check_values(matrix: sparse.csr_array, rows: pd.Index, columns: pd.Index) -> None:
    data = matrix.data
    if not len(data) or (data.min() >= 0 and np.isfinite(data.max())):
        return
    k = int(np.flatnonzero(~(np.isfinite(data) & (data >= 0)))[0])
    row = int(np.searchsorted(matrix.indptr, k, side="right")) - 1
    raise SchemaError(
        "a cost that is no cost", where=f"pair ({rows[row]}, {columns[matrix.indices[k]]})",
        expected="finite and >= 0", got=data[k],
        mend="leave out pairs that are out of reach",
    )

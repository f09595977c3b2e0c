"""Small worlds of persons, shelters and costs for the tests of coverage and allocation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from qzrisk.costs import CostMatrix

SEEDS = st.integers(0, 10_000)
few = settings(deadline=None, derandomize=True, max_examples=30)


def line_world():
    """Consumers at 0, 1, 2 with 100 persons each; providers at 0 and 2 with 10 places each."""
    where = {"a": 0.0, "b": 1.0, "c": 2.0}
    costs = CostMatrix.from_pairs(
        [o for o in where for _ in range(2)], ["s", "t"] * 3,
        [abs(x - y) for x in where.values() for y in (0.0, 2.0)], unit="m")
    return costs, pd.Series(100, index=list(where)), pd.Series({"s": 10, "t": 10})


def world(seed, n=7, m=4, density=0.6):
    """Random costs with ties, zeros, persons without shelters and shelters without persons."""
    rng = np.random.default_rng(seed)
    i, j = np.nonzero(rng.random((n, m)) < density)
    costs = CostMatrix.from_pairs(
        [f"d{k}" for k in i], [f"s{k}" for k in j], rng.integers(0, 9, len(i)) * 1.0, unit="min",
        origins=[f"d{k}" for k in range(n)], destinations=[f"s{k}" for k in range(m)])
    demand = pd.Series(rng.integers(0, 6, n), index=costs.origins)
    capacity = pd.Series(rng.integers(0, 9, m), index=costs.destinations)
    return costs, demand, capacity


def turned(costs, seed=1):
    """The same costs with rows and columns in another order."""
    rng = np.random.default_rng(seed)
    pairs = costs.to_series().sample(frac=1, random_state=seed).reset_index()
    return CostMatrix.from_pairs(pairs["origin"], pairs["destination"], pairs[pairs.columns[2]],
                                 unit=costs.unit,
                                 origins=costs.origins[rng.permutation(len(costs.origins))],
                                 destinations=costs.destinations[::-1])

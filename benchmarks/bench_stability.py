"""Monte-Carlo stability of ranks and levels against a loop over draws: CPU time and memory.

Run ``python benchmarks/bench_stability.py``. The peer draws the same law in the ordinary way: a
normal number an indicator, scipy's ranks, numpy's quantiles. 400 of its draws are timed and scaled.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from harness import Table, memory_peak_mb
from scipy.stats import rankdata

from qzrisk.analysis.classify import class_bounds
from qzrisk.analysis.risk import rank_stability

UNITS, INDICATORS, DRAWS, PART = 2572, 20, 10_000, 400


def loop(X: np.ndarray, w: np.ndarray, upper: np.ndarray, error: float) -> float:  # noqa: N803
    """Share of draws in the top level, from a loop over `PART` draws."""
    rng = np.random.default_rng(1)
    units = np.arange(len(X))
    levels, ranks = np.zeros((len(X), 4)), np.empty((PART, len(X)))
    for d in range(PART):
        noisy = X + rng.normal(0, error, X.shape) if error else X
        score = noisy @ rng.dirichlet(100 * w)
        levels[units, np.searchsorted(upper[:-1], score)] += 1
        ranks[d] = rankdata(-score, method="min")
    np.quantile(ranks, [0.05, 0.95], axis=0)
    return float(levels[:, 3].sum() / PART / len(X))


def main() -> None:
    """Print the ratios for `DRAWS` draws and the memory they take."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((UNITS, INDICATORS)))  # noqa: N806
    w = rng.dirichlet(np.full(INDICATORS, 5.0))
    upper = class_bounds(pd.Series(X.to_numpy() @ w))
    rank_stability(X, w, draws=10, seed=1)
    for error in (0.05, 0.0):
        table = Table(f"{DRAWS:,} draws, {UNITS:,} units x {INDICATORS}, data error {error} "
                      f"(the loop at least {10 * PART / DRAWS:g} x ours for its {PART} draws)")
        table.add("rank_stability", lambda error=error: float(rank_stability(
            X, w, draws=DRAWS, seed=1, error=error, bounds=upper)["share_red"].mean()))
        table.add(f"loop over draws, {PART} of them",
                  lambda error=error: loop(X.to_numpy(), w, upper, error))
        before = memory_peak_mb()
        ratios = table.run(rounds=3, tolerance=0.05)
        print(f"  a loop over all draws: {list(ratios.values())[1] * DRAWS / PART:.1f} x ours; "
              f"memory above the start: {memory_peak_mb() - before:.0f} MB")


if __name__ == "__main__":
    main()

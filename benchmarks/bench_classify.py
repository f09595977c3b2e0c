"""Natural breaks against jenkspy, mapclassify and plain sorting: CPU time of whole public calls.

Run ``python benchmarks/bench_classify.py``. All classes are compared by their sum of squared
deviations before the times are; mapclassify's sampled variant is left out, for it is not exact.
"""

from __future__ import annotations

from collections.abc import Callable

import jenkspy
import mapclassify
import numpy as np
from harness import Table

from qzrisk.analysis.classify import natural_breaks

K = 4


def deviation(values: np.ndarray, bounds: np.ndarray) -> float:
    """Sum of squared deviations from class means."""
    level = np.searchsorted(np.asarray(bounds)[:-1], values)
    size = np.maximum(np.bincount(level), 1)
    mean = np.bincount(level, values) / size
    return float(((values - mean[level]) ** 2).sum())


def against(values: np.ndarray, breaks: Callable[[np.ndarray], np.ndarray]) -> Callable[[], float]:
    """A call that computes the breaks and tells how good they are."""
    first = deviation(values, breaks(values))

    def call() -> float:
        breaks(values)
        return first

    return call


def main() -> None:
    """Print the ratios."""
    rng = np.random.default_rng(3)
    values = rng.lognormal(0, 1, 10_000)
    table = Table(f"10,000 lognormal values, k={K} (the peers at least 20 x ours)")
    table.add("natural_breaks", against(values, lambda v: natural_breaks(v, K)))
    table.add("jenkspy", against(values, lambda v: np.array(jenkspy.jenks_breaks(v, K)[1:])))
    table.add("mapclassify.FisherJenks",
              against(values, lambda v: mapclassify.FisherJenks(v, K).bins))
    table.run(rounds=5, tolerance=1e-9)
    many = rng.lognormal(0, 1, 1_000_000)
    for k in (4, 5):
        table = Table(f"1,000,000 lognormal values, k={k} (three sorts at least 1 x ours)")
        ours = against(many, lambda v, k=k: natural_breaks(v, k))
        answer = ours()

        def sorts(answer: float = answer) -> float:
            for _ in range(3):
                np.sort(many)
            return answer

        table.add("natural_breaks", ours)
        table.add("three sorts", sorts)
        table.run(rounds=7, tolerance=1e-9)



if __name__ == "__main__":
    main()

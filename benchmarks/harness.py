"""Interleaved rounds of CPU time, with the answers compared first."""

from __future__ import annotations

import ctypes
import gc
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path


class Table:
    """Rival calls that return one number each; the first is ours."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.calls: dict[str, Callable[[], float]] = {}

    def add(self, name: str, call: Callable[[], float]) -> None:
        """Add a rival."""
        self.calls[name] = call

    def run(self, *, rounds: int, tolerance: float) -> dict[str, float]:
        """Check that all answers agree, time every rival in turn, print and return the ratios."""
        answers = {name: call() for name, call in self.calls.items()}
        ours, first = next(iter(answers.items()))
        for name, answer in answers.items():
            if not math.isclose(answer, first, rel_tol=tolerance):
                raise AssertionError(f"{self.title}: {name} gives {answer}, {ours} {first}")
        spent: dict[str, list[float]] = {name: [] for name in self.calls}
        for _ in range(rounds):
            for name, call in self.calls.items():
                gc.collect()
                clock = time.process_time()
                call()
                spent[name].append(time.process_time() - clock)
        median = {name: statistics.median(times) for name, times in spent.items()}
        print(self.title)
        for name, seconds in median.items():
            print(f"  {name:45s} {seconds:9.4f} s CPU  {seconds / median[ours]:8.2f} x ours")
        return {name: seconds / median[ours] for name, seconds in median.items()}


def memory_peak_mb() -> float:
    """Peak resident memory of this process so far, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return math.nan


def reset_memory_peak_mb() -> float:
    """Forget the peak so far and return what is resident now, MB."""
    gc.collect()
    if "pyarrow" in sys.modules:  # its pool keeps what was freed, which would count as in use
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before is not ours
    Path("/proc/self/clear_refs").write_text("5")
    return memory_peak_mb()

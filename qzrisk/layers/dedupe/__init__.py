"""Duplicates: the same object surveyed twice, found by name, place, telephone and code.

`duplicates` scores pairs; `apply_decisions` merges those that people decided to merge, and no
others.
"""

from qzrisk.layers.dedupe.decisions import apply_decisions, read_decisions
from qzrisk.layers.dedupe.pairs import MAX_DISTANCE_M, THRESHOLD, duplicates

__all__ = ["MAX_DISTANCE_M", "THRESHOLD", "apply_decisions", "duplicates",
           "read_decisions"]

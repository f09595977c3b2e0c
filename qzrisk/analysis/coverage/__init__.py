"""Coverage: who can reach which shelter, with how many places, and who is left out and why."""

from __future__ import annotations

from qzrisk.analysis.coverage.allocation import (
    allocation,
    nearest_only,
    staged_allocation,
    unserved,
)
from qzrisk.analysis.coverage.catchment import decay_weights, e2sfca, sensitivity, two_step
from qzrisk.analysis.coverage.equity import gini, lorenz, places_per_person
from qzrisk.analysis.coverage.groups import persons_by_group
from qzrisk.analysis.coverage.reach import (
    backup,
    covered,
    covered_share,
    k_nearest,
    ladder,
    nearest,
)
from qzrisk.analysis.coverage.together import Together, allocation_together

__all__ = ["Together", "allocation", "allocation_together", "backup", "covered", "covered_share",
           "decay_weights", "e2sfca", "gini", "k_nearest", "ladder", "lorenz", "nearest",
           "nearest_only", "persons_by_group", "places_per_person", "sensitivity",
           "staged_allocation", "two_step", "unserved"]

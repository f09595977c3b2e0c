"""Risk: indicators to scores, scores to levels, and how sure the levels are."""

from qzrisk.analysis.risk.explain import composite, explain, topsis
from qzrisk.analysis.risk.safety import counts, lec, ls, off_scale, point_levels, worst
from qzrisk.analysis.risk.scores import index
from qzrisk.analysis.risk.stability import rank_stability
from qzrisk.analysis.scaling import normalise

__all__ = [
    "composite",
    "counts",
    "explain",
    "index",
    "lec",
    "ls",
    "normalise",
    "off_scale",
    "point_levels",
    "rank_stability",
    "topsis",
    "worst",
]

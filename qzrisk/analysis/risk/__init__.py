"""Risk: indicators to scores, scores to levels, and how sure the levels are."""

from qzrisk.analysis.risk.draws import hazard_score, score_stability
from qzrisk.analysis.risk.explain import composite, explain, topsis
from qzrisk.analysis.risk.safety import counts, lec, ls, off_scale, point_levels, worst
from qzrisk.analysis.risk.scores import METHODS, index
from qzrisk.analysis.risk.stability import rank_stability
from qzrisk.analysis.risk.tree import (
    effective,
    fill,
    hazard_scores,
    hazard_weights,
    member_weights,
    presence,
    ranges,
    rescale,
)
from qzrisk.analysis.scaling import normalise

__all__ = [
    "METHODS",
    "composite",
    "counts",
    "effective",
    "explain",
    "fill",
    "hazard_score",
    "hazard_scores",
    "hazard_weights",
    "index",
    "lec",
    "ls",
    "member_weights",
    "normalise",
    "off_scale",
    "point_levels",
    "presence",
    "ranges",
    "rank_stability",
    "rescale",
    "score_stability",
    "topsis",
    "worst",
]

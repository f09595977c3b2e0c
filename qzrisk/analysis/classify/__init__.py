"""Classes of a map: natural breaks and their peers, always all levels, missing never a level."""

from qzrisk.analysis.classify.breaks import natural_breaks
from qzrisk.analysis.classify.frozen import (
    FrozenBounds,
    bounds_to_text,
    index_to_text,
    parse_bounds,
    parse_index,
    risk_matrix,
)
from qzrisk.analysis.classify.schemes import (
    LEVEL_CODES,
    RELATIVE_SCHEMES,
    bound_words,
    class_bounds,
    classes,
    level_codes,
)

__all__ = [
    "LEVEL_CODES",
    "RELATIVE_SCHEMES",
    "FrozenBounds",
    "bound_words",
    "bounds_to_text",
    "class_bounds",
    "classes",
    "index_to_text",
    "level_codes",
    "natural_breaks",
    "parse_bounds",
    "parse_index",
    "risk_matrix",
]

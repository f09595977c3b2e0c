"""qzrisk: from a city's natural-disaster risk census to decisions.

Modules load on first use, so that ``import qzrisk`` stays light: ``qz.network``, ``qz.coverage``,
``qz.layers.ingest``, ``qz.maps.static`` and so on.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_ANALYSIS = ("network", "coverage", "suitability", "zonal", "raster", "weights", "classify", "risk",
             "validation", "forest")
_MODULES = ("crs", "units", "levels", "files", "errors", "grid", "costs", "provenance", "rules",
            "text", "layers", "analysis", "maps", "reports", "project", "pipeline")
_NAMES = {
    "open_project": "project",
    "Project": "project",
    "load": "pipeline",
    "run": "pipeline",
    "CostMatrix": "costs",
    "Raster": "grid",
    "FOUR_LEVELS": "levels",
}

__all__ = ["__version__", *sorted(_NAMES), *sorted(_ANALYSIS), *sorted(_MODULES)]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"qzrisk.{_NAMES[name]}"), name)
    if name in _ANALYSIS:
        return importlib.import_module(f"qzrisk.analysis.{name}")
    if name in _MODULES:
        return importlib.import_module(f"qzrisk.{name}")
    raise AttributeError(f"module 'qzrisk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

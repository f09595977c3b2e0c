"""Frames in, aligned results out; no module here reads or writes a file."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["classify", "coverage", "indicators", "network", "raster", "risk", "validation",
           "weights", "zonal"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Raw files in, named and checked layers out. Modules load on first use."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["database", "dedupe", "findings", "forms", "ingest", "logic", "reconcile",
           "returned", "schema", "spatial", "validate"]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

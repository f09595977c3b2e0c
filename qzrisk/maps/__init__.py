"""Maps: classes and layers in, figures out. Modules load on first use, since each is heavy."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

_MODULES = ("spec", "style", "furniture", "static", "atlas", "web", "bars")
_TYPES = ("LayerSpec", "MapSpec", "Page")

__all__ = [*_TYPES, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _TYPES:
        return getattr(importlib.import_module("qzrisk.maps.spec"), name)
    if name in _MODULES:
        module: ModuleType = importlib.import_module(f"qzrisk.maps.{name}")
        return module
    raise AttributeError(f"module 'qzrisk.maps' has no attribute {name!r}")

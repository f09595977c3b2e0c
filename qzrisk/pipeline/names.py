"""The names of units in the language of the run."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import pandas as pd

from qzrisk.pipeline.load import Loaded

Frame = TypeVar("Frame", bound=pd.DataFrame)


def in_language(loaded: Loaded, language: str) -> Loaded:
    """Return the data with the units' English names in an English run, otherwise as they are.

    Parameters
    ----------
    loaded : see `load`
    language : ``"zh"`` or ``"en"``

    Returns
    -------
    Loaded
        For ``"en"``: where the membership table or a layer of context has ``name_en``, ``name``
        holds it and ``name_zh`` the name as it was. A unit without English name keeps its own.
    """
    if language != "en":
        return loaded
    units = _english(loaded.tables["units"])
    layers = dict(loaded.layers)
    for name, frame in layers.items():
        if name == "boundaries":
            if "name_zh" in units and "name_en" not in frame:
                frame = frame.assign(name_en=units["name"].reindex(frame.index))
            layers[name] = _english(frame)
        elif "name_en" in frame and "name" in frame:
            layers[name] = _english(frame)
    return replace(loaded, layers=layers, tables={**loaded.tables, "units": units})


def _english(frame: Frame) -> Frame:
    if "name_en" not in frame:
        return frame
    named = frame.assign(name=frame["name_en"].where(frame["name_en"].notna(), frame["name"]),
                         name_zh=frame["name"])
    return named.drop(columns="name_en")

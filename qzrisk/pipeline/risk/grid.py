"""The risk of single cells: the same indicators, scales, weights and bounds as the villages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rasterio.windows import Window

from qzrisk.analysis import raster as _raster
from qzrisk.analysis import risk as _risk
from qzrisk.errors import ConfigError
from qzrisk.grid import Blocks, Raster, gather, same_grid
from qzrisk.pipeline.load import Loaded
from qzrisk.pipeline.risk.assess import COMPOSITE, Assessment
from qzrisk.pipeline.risk.measures import CELLWISE
from qzrisk.project import Indicator, Project

Array = npt.NDArray[Any]


def classed(loaded: Loaded, made: Assessment, project: Project,
            names: tuple[str, ...] | None = None) -> dict[str, Raster]:
    """Class every cell by the composite and by each hazard.

    Parameters
    ----------
    loaded, project : of the run
    made : its assessment
    names : `COMPOSITE` or hazards; all of them by default

    Returns
    -------
    dict of Raster of uint8: name -> classes 1 (lowest) to 4 or 5, 0 without data
        On the grid of the first raster of the project.

    Raises
    ------
    ConfigError
        If the project has no raster to take the grid from.

    Notes
    -----
    A raster indicator takes the value of the cell (`CELLWISE`), every other one the scaled value
    of the village at the cell's centre. Scales and bounds are those of the villages, so that a
    cell, its village and its county wear the same colours for the same index; a cell beyond the
    range of all villages takes the end of the scale. In memory stand one byte a cell and index,
    four for the village, eight for each raster on another grid than the first; scores are held
    for one window alone.
    """
    like = _like(loaded)
    cells = {name: np.zeros(like.shape, np.uint8) for name in names or tuple(made.bounds)}
    for window, scores in scored(loaded, made, project):
        for name, kept in cells.items():
            level = np.searchsorted(made.bounds[name].upper[:-1], scores[name], side="left") + 1
            kept[window.toslices()] = np.where(np.isnan(scores[name]), 0, level)
    return {name: Raster(kept, crs=like.crs, transform=like.transform, nodata=0,
                         name=f"risk_{name}") for name, kept in cells.items()}


def _like(loaded: Loaded) -> Raster:
    """Return the raster whose grid the cells are those of."""
    if not loaded.rasters:
        raise ConfigError("no grid to score", where="[[raster]]", expected="at least one raster")
    return next(iter(loaded.rasters.values()))


def scored(loaded: Loaded, made: Assessment, project: Project
           ) -> Iterator[tuple[Window, Mapping[str, Array]]]:
    """Yield window by window the index of every cell: `COMPOSITE` and hazards -> float64 array.

    NaN where there are no data.

    Raises
    ------
    ConfigError
        If the project has no raster to take the grid from.
    """
    like, boundaries = _like(loaded), loaded.layers["boundaries"]
    villages = boundaries[boundaries["level"] == "village"]
    zone = gather(_raster.burn(villages, like))
    own = {entry.name: _values(entry, loaded, like) for entry in project.risk.indicators
           if entry.measure in CELLWISE}
    home = made.scaled.reindex(villages.index)
    load = _risk.hazard_weights(made.tree, made.tree["weight"])
    for window in like.windows():
        place = zone.read(window).ravel()
        inside = place >= 0
        X = home.iloc[place[inside]].reset_index(drop=True)  # noqa: N806 - as in the literature
        raw = pd.DataFrame({name: read(window).ravel()[inside] for name, read in own.items()})
        # Where the village has no value at all (outside the statistics), its cells have none.
        X[list(own)] = _risk.rescale(raw, made.tree["direction"][list(own)], made.tree).where(
            X[list(own)].notna())
        here = made.present.reindex(villages.index).iloc[place[inside]].reset_index(drop=True)
        present = _present(raw, here, made)
        scores = _risk.hazard_scores(X, made.tree, made.members, present=present,
                                     method=project.risk.method)
        index = _risk.composite(scores, load)["score"]
        found = {}
        for name, values in ((COMPOSITE, index), *[(h, scores[h]) for h in made.by_hazard]):
            block = np.full(len(place), np.nan)
            block[inside] = values
            found[name] = block.reshape(int(window.height), int(window.width))
        yield window, found


def _present(raw: pd.DataFrame, village: pd.DataFrame, made: Assessment) -> pd.DataFrame:
    """Tell where a hazard is present in the cell itself, or by an indicator of its village."""
    own = made.tree["dimension"] == "hazard"
    cellwise = own & own.index.isin(raw.columns)
    cell = _risk.presence(raw, made.tree[cellwise]) if cellwise.any() else village
    whole = [hazard for hazard in village.columns
             if cellwise[own & (made.tree["hazard"] == hazard)].all()]
    return village.assign(**{hazard: cell[hazard] for hazard in whole})


def _values(entry: Indicator, loaded: Loaded, like: Raster) -> Callable[[Window], Array]:
    """Return the reader of an indicator's own value of the cells of a window."""
    source = loaded.rasters[entry.source]
    if not same_grid(source, like):
        # Codes must stay codes; numbers are interpolated between cell centres.
        method = "nearest" if entry.table else "bilinear"
        source = gather(_raster.align(source, like, method=method))
    if entry.above is not None:
        above, = _raster.as_stored([entry.above], loaded.rasters[entry.source])
        return lambda window: _above(source.values(window), above)
    if entry.measure == "raster_class" and entry.scores:
        points = np.array(entry.scores)
        bounds = _raster.as_stored(entry.bounds, loaded.rasters[entry.source])
        return lambda window: _points(source.values(window), bounds, points)
    if entry.measure == "raster_class":
        table = {float(code): score for code, score in entry.table.items()}
        return lambda window: pd.Series(source.values(window).ravel()).map(table).to_numpy()
    return source.values


def _above(cells: Array, above: float) -> Array:
    return np.where(np.isnan(cells), np.nan, cells > above)


def _points(cells: Array, bounds: list[float], points: Array) -> Array:
    rank = np.searchsorted(bounds, np.nan_to_num(cells), side="left")
    return np.where(np.isnan(cells), np.nan, points[rank])


def blocks(raster: Raster) -> Blocks:
    """Return a raster in memory as a stream that ``grid.write`` takes."""
    def make() -> Iterator[tuple[Window, Array]]:
        for window in raster.windows():
            yield window, raster.read(window)

    return Blocks(like=raster, dtype=raster.dtype.name, nodata=float(raster.nodata or 0),
                  make=make, name=raster.name)

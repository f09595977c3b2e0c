"""What of the tables and findings may leave the house; inside it, everything stays as it is."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.layers.schema import LayerSchema, schemas
from qzrisk.maps import audience
from qzrisk.pipeline.load import Loaded
from qzrisk.project import Project

MASK = "***"

# Telephone numbers, whole or grouped: seven digits and more that are no division code.
_LONG_NUMBER = r"(?<!\d)(?:\d{3,4}-\d{7,8}|1[3-9]\d{9}|\d{7,8})(?!\d)"
# Degrees with four decimals and more, degrees and minutes, metres of a grid, chainage.
_PLACE = (r"(?<!\d)\d{1,3}\.\d{4,}|(?<!\d)\d{6,8}\.\d+"
          r"|\d{1,3}\s*[°º度]\s*\d{1,2}(?:\.\d+)?\s*(?:[′'分]\s*\d{0,2}(?:\.\d+)?\s*[″\"秒]?)?"
          r"|[A-Z]{0,3}K\s*\d+\s*\+\s*\d+(?:\.\d+)?")
_PLACE_FIELDS = ("geometry", "lon", "lat", "chainage", "measure_m", "offset_m")
_TOLD = ("value", "message", "suggestion")


def columns(frame: pd.DataFrame, layer: str, project: Project, *, strict: bool = False
            ) -> pd.DataFrame:
    """Return a frame without its personal columns, unless the project is internal.

    `strict` keeps only columns of the data dictionary: a raw file may hold personal values in
    columns that nobody has named. Telephone numbers and exact places in free text are masked.
    """
    if project.audience == "internal":
        return frame
    known = schemas().get(layer)
    if known is None:
        return frame
    kept = [c for c in frame.columns if c in known.columns or c.startswith("_")
            or c == "geometry"] if strict else list(frame.columns)
    frame = frame[[c for c in kept if c not in known.personal()]]
    return frame.assign(**{c: masked(frame[c]) for c in frame if _free_text(c, known)})


def masked(words: pd.Series) -> pd.Series:
    """Return words without telephone numbers and exact places: either may stand in any text.

    Examples
    --------
    >>> masked(pd.Series(["出口堵塞，电话0999-7654321", "K12+345处", "3号楼"])).tolist()
    ['出口堵塞，电话***', '***处', '3号楼']
    """
    shown = words.astype("str").str.replace(_LONG_NUMBER, MASK, regex=True).str.replace(
        _PLACE, MASK, regex=True)
    return shown.where(words.notna(), words)


def _free_text(column: str, known: LayerSchema) -> bool:
    """Tell whether a column holds words of one's own: no code, no identifier."""
    entry = known.columns.get(column)
    return (entry is not None and entry.type == "str" and column != known.key
            and not column.endswith("_id"))


def layer(frame: gpd.GeoDataFrame, kind: str, project: Project) -> gpd.GeoDataFrame:
    """Return the records of a layer that the project's audience may see, where it may see them.

    Parameters
    ----------
    frame : records of a layer
    kind : its schema
    project : audience, and step to which points are rounded
    """
    frame = columns(frame, kind, project)
    return audience.shown(frame, kind, audience=project.audience,
                          step_deg=project.public_step_deg)


def findings(issues: pd.DataFrame, loaded: Loaded, project: Project) -> gpd.GeoDataFrame:
    """Return the findings as a layer.

    Parameters
    ----------
    issues : see ``layers.findings``
    loaded : layers, to tell which records the public sees only as counts
    project : audience, CRS, and step to which points are rounded

    Returns
    -------
    GeoDataFrame in the project CRS
        For the public no cell quotes a personal column, a telephone number or an exact place;
        records that are only counted have no shape and quote nothing; other points are rounded.
    """
    shapes = gpd.GeoSeries(list(issues["geometry"]), index=issues.index, crs=project.crs)
    frame = gpd.GeoDataFrame(issues.drop(columns="geometry"), geometry=shapes, crs=project.crs)
    if project.audience == "internal":
        return frame
    counted = _counted(issues, loaded, project)
    frame = frame.assign(**_masked(issues, counted, project))
    frame = frame.set_geometry(frame.geometry.mask(counted))
    if not shapely.is_missing(frame.geometry.to_numpy()).all():
        dots = frame.geometry.geom_type.isin(("Point", "MultiPoint"))
        moved = audience.rounded(frame[dots], step_deg=project.public_step_deg).geometry
        frame = frame.set_geometry(pd.concat([moved, frame.geometry[~dots]]).reindex(frame.index))
    return frame.set_crs(project.crs, allow_override=True)


def _counted(issues: pd.DataFrame, loaded: Loaded, project: Project) -> pd.Series:
    """Return which findings speak of records that the public sees only as counts.

    A record in quarantine may be anything: of a layer with hidden records it counts as hidden.
    """
    hidden = pd.Series(False, index=issues.index)
    for name, kind in project.kinds().items():
        frame = loaded.layers.get(name)
        mine = issues["layer"] == name
        if kind in audience.COUNTED_LAYERS:
            hidden |= mine
        elif kind in audience.PARTLY_COUNTED:
            seen = frame.index[~audience.counted_only(frame, kind)].astype(str) \
                if frame is not None else pd.Index([])
            hidden |= mine & ~issues["record_id"].isin(seen)
    return hidden


def _masked(issues: pd.DataFrame, counted: pd.Series, project: Project) -> dict[str, pd.Series]:
    personal = {(name, column) for name, kind in project.kinds().items()
                for column in schemas()[kind].personal()}
    pairs = zip(issues["layer"], issues["field"], strict=True)
    hidden = counted.to_numpy() | np.fromiter(
        (pair in personal or pair[1] in _PLACE_FIELDS for pair in pairs), bool, len(issues))
    return {column: masked(issues[column].astype("str")).mask(hidden, MASK) for column in _TOLD}


def rejects(frame: pd.DataFrame, kind: str, project: Project) -> pd.DataFrame:
    """Return quarantined rows; in public only which they are and why, since any cell is raw.

    Their shapes stay in the house too: the findings show them as far as they may be shown.
    """
    if project.audience == "internal":
        return frame
    key = schemas()[kind].key
    return pd.DataFrame(frame)[[c for c in frame.columns if c == key or c.startswith("_")]]

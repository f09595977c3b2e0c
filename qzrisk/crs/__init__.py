"""Coordinate reference systems: projected metres for measures, and the shifted Chinese datums.

GCJ-02 (Amap, Tencent) and BD-09 (Baidu) are WGS84 moved by a published function of position, by
hundreds of metres. CGCS2000 (EPSG:4490) is WGS84 within a metre and is treated as equal to it.
"""

from qzrisk.crs.checks import (
    GEOGRAPHIC,
    is_web_mercator,
    require_datum,
    require_projected,
    require_same,
)
from qzrisk.crs.detect import Shift, detect_shift
from qzrisk.crs.guess import Candidate, contradiction, guess_crs
from qzrisk.crs.mainland import NEAR_BORDER_M, in_mainland_china, near_border
from qzrisk.crs.shift import (
    bd09_to_gcj02,
    bd09_to_wgs84,
    gcj02_to_bd09,
    gcj02_to_wgs84,
    wgs84_to_bd09,
    wgs84_to_gcj02,
)

__all__ = [
    "GEOGRAPHIC",
    "NEAR_BORDER_M",
    "Candidate",
    "Shift",
    "bd09_to_gcj02",
    "bd09_to_wgs84",
    "contradiction",
    "detect_shift",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "guess_crs",
    "in_mainland_china",
    "is_web_mercator",
    "near_border",
    "require_datum",
    "require_projected",
    "require_same",
    "wgs84_to_bd09",
    "wgs84_to_gcj02",
]

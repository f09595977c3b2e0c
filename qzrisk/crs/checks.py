"""Refusals: a CRS that cannot measure, two that differ, a datum that cannot be left."""

from __future__ import annotations

import re

import geopandas as gpd
import pyproj
from pyproj import CRS

from qzrisk.errors import CRSError

GEOGRAPHIC = "EPSG:4490"
"""CRS of files and of the database: CGCS2000 degrees."""

_OLD_DATUM = re.compile(r"beijing|xi'?an\b|xian_?1980|北京|西安", re.IGNORECASE)
# Semi-major axis and inverse flattening: Krassowsky 1940, IAG 1975.
_OLD_ELLIPSOIDS = ((6378245.0, 298.3), (6378140.0, 298.257))


def _understood(crs: object, where: str) -> CRS:
    """Return what pyproj makes of `crs`, or say in words that it knows no such CRS."""
    try:
        return CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError as error:
        raise CRSError("no such coordinate reference system", where=where, got=repr(crs),
                       expected="a code such as EPSG:4549, or WKT") from error


def require_projected(crs: object, *, where: str) -> CRS:
    """Return `crs` if it is projected in metres, so that a length means a length.

    Parameters
    ----------
    crs : anything pyproj understands, or None
    where : str
        The argument or file, for the message.

    Raises
    ------
    CRSError
        If it is missing, geographic, not in metres, Web Mercator (lengths 10 % too long here), or
        on a datum without parameters (`require_datum`).

    Examples
    --------
    >>> require_projected("EPSG:4549", where="project").to_epsg()
    4549
    """
    if crs is None:
        raise CRSError(
            "no coordinate reference system",
            where=where,
            expected="a projected CRS in metres, e.g. EPSG:4549",
            got="none",
            mend="give source_crs, or write the .prj of the file",
        )
    made = require_datum(crs, where=where)
    if not made.is_projected or made.axis_info[0].unit_name not in ("metre", "meter"):
        raise CRSError(
            "distances need a projected CRS in metres",
            where=where,
            expected="e.g. EPSG:4549 (CGCS2000, central meridian 120 E)",
            got=_named(made),
            mend="frame.to_crs(project.crs)",
        )
    if is_web_mercator(made):
        raise CRSError(
            "Web Mercator stretches lengths (10 % at 25 degrees north)",
            where=where,
            expected="a national or UTM projection",
            got=_named(made),
            mend="frame.to_crs('EPSG:4549')",
        )
    return made


def is_web_mercator(crs: object) -> bool:
    """Tell whether `crs` is the Mercator of web maps, under any of its codes or names.

    Examples
    --------
    >>> is_web_mercator("ESRI:102100"), is_web_mercator("EPSG:4549")
    (True, False)
    """
    made = CRS.from_user_input(crs)
    base = made.source_crs if made.is_bound and made.source_crs is not None else made
    operation = base.coordinate_operation if base.is_projected else None
    return operation is not None and "Pseudo Mercator" in operation.method_name


def require_datum(crs: object, *, where: str) -> CRS:
    """Return `crs` unless it stands on Beijing 1954 or Xi'an 1980 without parameters to leave it.

    Parameters
    ----------
    crs : anything pyproj understands
    where : str
        The argument or file, for the message.

    Raises
    ------
    CRSError
        If the datum is Beijing 1954, New Beijing or Xi'an 1980 by name, or nameless on one of
        their ellipsoids, and the CRS brings no parameters (``+towgs84``), or only zeros.

    Notes
    -----
    Public parameters to CGCS2000 do not exist: PROJ would take both datums as equal in silence,
    wrong by 20-150 m. A surveying office gives seven parameters for its area.

    Examples
    --------
    >>> require_datum("EPSG:4490", where="a file").to_epsg()
    4490
    >>> local = "+proj=tmerc +lon_0=120 +x_0=500000 +ellps=krass +towgs84=15.8,-154.4,-82.3"
    >>> require_datum(local, where="a file").is_bound
    True
    """
    made = _understood(crs, where)
    bound = made.coordinate_operation if made.is_bound else None
    shift = list(bound.towgs84) if bound else []
    if any(shift) or not _is_old(made):
        return made
    raise CRSError(
        "Beijing 1954 and Xi'an 1980 cannot be turned into CGCS2000 without local parameters: "
        "taken as equal they are wrong by 20-150 m",
        where=where,
        expected="CGCS2000 (EPSG:4490, 4547-4549 ...), or the datum with its parameters",
        got=_named(made) + (" with parameters that are all zero" if shift else ""),
        mend="ask the surveying office for the file in CGCS2000, or give its parameters: "
        'source_crs = "+proj=tmerc +lon_0=120 +x_0=500000 +ellps=krass '
        '+towgs84=dx,dy,dz,rx,ry,rz,s +units=m"',
    )


def _is_old(crs: CRS) -> bool:
    base = crs.source_crs if crs.is_bound and crs.source_crs is not None else crs
    geodetic = base.geodetic_crs
    if geodetic is None or geodetic.datum is None or geodetic.ellipsoid is None:
        return False
    if _OLD_DATUM.search(geodetic.datum.name) or _OLD_DATUM.search(base.name):
        return True
    ellipsoid = geodetic.ellipsoid
    return geodetic.datum.name.lower().startswith("unknown") and any(
        abs(ellipsoid.semi_major_metre - axis) < 0.5
        and abs(ellipsoid.inverse_flattening - flattening) < 0.01
        for axis, flattening in _OLD_ELLIPSOIDS)


def _named(crs: CRS) -> str:
    return f"{crs.name} ({crs.to_string()[:40]})"


def require_same(left: gpd.GeoDataFrame | gpd.GeoSeries, right: gpd.GeoDataFrame | gpd.GeoSeries,
                 *, names: tuple[str, str]) -> None:
    """Raise CRSError, naming both, unless two frames share one CRS."""
    if left.crs is None or right.crs is None or not CRS(left.crs).equals(
        CRS(right.crs), ignore_axis_order=True
    ):
        raise CRSError(
            "two layers in different coordinate reference systems",
            where=" and ".join(names),
            expected=f"one CRS for both ({names[0]}: {left.crs})",
            got=f"{names[1]}: {right.crs}",
            mend=f"{names[1]}.to_crs({names[0]}.crs)",
        )

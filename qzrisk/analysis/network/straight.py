"""Straight-line distances, for where there are no roads."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial import cKDTree

from qzrisk.analysis.network.points import Metres, Places, Points, id_rank, places, require_same
from qzrisk.costs import CostMatrix, check_limit
from qzrisk.errors import ConfigError

_SLACK = 1 + 1e-12
"""Widens the search so that rounding loses no pair on the limit; the limit itself is exact."""


def _both(origins: Points, destinations: Points) -> tuple[Places, Places]:
    left, right = places(origins, where="origins"), places(destinations, where="destinations")
    require_same(left, right, names=("origins", "destinations"))
    return left, right


def straight_costs(
    origins: Points, destinations: Points, *, max_distance_m: float, detour: float = 1.0
) -> CostMatrix:
    """Straight-line distance, times a detour factor, of every pair within a limit.

    Parameters
    ----------
    origins, destinations : GeoDataFrame or GeoSeries of points (projected CRS), or arrays (n, 2), m
    max_distance_m : float, m
        Limit of the cost, that is of the distance with its detour.
    detour : float, >= 1
        Road length over straight length; 1.2-1.4 is usual for walking where roads are unknown.

    Returns
    -------
    CostMatrix, m
        A point without geometry has no pair.

    Raises
    ------
    CRSError
        If a CRS is not projected in metres, or the two differ.
    ConfigError
        If the limit is negative or not finite, or the detour is below 1.

    Examples
    --------
    >>> costs = straight_costs(np.array([[0., 0.], [900., 0.]]), np.array([[300., 400.]]),
    ...                        max_distance_m=650, detour=1.3)
    >>> costs.to_series().to_dict()
    {(0, 0): 650.0}
    """
    limit = check_limit(max_distance_m)
    if not np.isfinite(limit) or not detour >= 1:
        raise ConfigError("a search needs a finite limit and a detour of at least 1",
                          where="straight_costs", got=(max_distance_m, detour))
    left, right = _both(origins, destinations)
    i, j = np.flatnonzero(left.present), np.flatnonzero(right.present)
    shape = (len(left.ids), len(right.ids))
    if not len(i) or not len(j):
        return CostMatrix.from_csr(sparse.csr_array(shape), left.ids, right.ids, unit="m")
    found = cKDTree(left.xy[i]).sparse_distance_matrix(
        cKDTree(right.xy[j]), limit / detour * _SLACK, output_type="ndarray"
    )
    cost = found["v"] * detour
    keep = cost <= limit
    pairs = (i[found["i"][keep]], j[found["j"][keep]])
    return CostMatrix.from_csr(sparse.coo_array((cost[keep], pairs), shape=shape).tocsr(),
                               left.ids, right.ids, unit="m")


def straight_nearest(origins: Points, destinations: Points) -> pd.DataFrame:
    """Nearest destination of every origin in a straight line; ties go to the least id.

    Parameters
    ----------
    origins, destinations : GeoDataFrame or GeoSeries of points (projected CRS), or arrays (n, 2), m

    Returns
    -------
    DataFrame(destination, distance_m), indexed as `origins`
        NaN where the origin has no geometry or there is no destination.

    Raises
    ------
    CRSError
        If a CRS is not projected in metres, or the two differ.

    Examples
    --------
    >>> straight_nearest(np.array([[0., 0.]]), np.array([[0., 9.], [3., 4.]])).to_dict("list")
    {'destination': [1], 'distance_m': [5.0]}
    """
    left, right = _both(origins, destinations)
    there = np.flatnonzero(right.present)
    # Destinations in order of id: among equals the first found position is the least id.
    there = there[np.argsort(id_rank(right.ids)[there])]
    i = np.flatnonzero(left.present)
    if not len(there) or not len(i):
        nothing = np.full(len(left.ids), np.nan)
        return pd.DataFrame({"destination": nothing.astype(object), "distance_m": nothing},
                            index=left.ids)
    all_present = len(i) == len(left.ids)
    distance, position = _query(left.xy if all_present else left.xy[i], right.xy[there])
    result = pd.DataFrame({"destination": right.ids.take(there[position]),
                           "distance_m": distance}, index=left.ids[i])
    return result if all_present else result.reindex(left.ids)


def _query(xy: Metres, targets: Metres) -> tuple[Metres, np.ndarray]:
    tree = cKDTree(targets)
    if len(targets) == 1:
        distance, position = tree.query(xy)
        return distance, position
    two, which = tree.query(xy, k=2)
    distance, position = two[:, 0].copy(), which.min(axis=1)
    position = np.where(two[:, 0] == two[:, 1], position, which[:, 0])
    tied = np.flatnonzero(two[:, 0] == two[:, 1])
    if len(tied) and len(targets) > 2:
        position[tied] = _least(tree, xy[tied], distance[tied])
    return distance, position


def _least(tree: cKDTree, xy: Metres, distance: Metres) -> np.ndarray:
    """Least position among all targets at exactly the nearest distance."""
    balls = tree.query_ball_point(xy, distance * _SLACK)
    gap = [np.hypot(*(tree.data[ball] - point).T) for ball, point in zip(balls, xy, strict=True)]
    return np.array([min(np.asarray(ball)[d <= d.min()]) for ball, d in zip(balls, gap,
                                                                          strict=True)])

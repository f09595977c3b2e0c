"""Rasters by zone, with exact cell fractions."""

from qzrisk.analysis.zonal.fractions import Fractions, cell_fractions
from qzrisk.analysis.zonal.stats import STATS, zonal_shares, zonal_stats

__all__ = ["STATS", "Fractions", "cell_fractions", "zonal_shares", "zonal_stats"]

"""Travel: straight lines and road networks in, costs out."""

from __future__ import annotations

from qzrisk.analysis.network.roads import RoadNetwork, close, closed_by, road_network
from qzrisk.analysis.network.snapping import at_nodes, snap
from qzrisk.analysis.network.straight import straight_costs, straight_nearest
from qzrisk.analysis.network.travel import od_costs, road_nearest

__all__ = ["RoadNetwork", "at_nodes", "close", "closed_by", "od_costs", "road_nearest",
           "road_network", "snap", "straight_costs", "straight_nearest"]

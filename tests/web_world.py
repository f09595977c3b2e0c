"""Villages and shelters for the tests of interactive maps, and a look at a page's colours."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.levels import FOUR_LEVELS, ordered, palette
from qzrisk.maps import LayerSpec, MapSpec

CRS = "EPSG:4549"
HOSTILE = (
    '</script><script>window.hurt=1</script>',
    "<img src=x onerror=window.hurt=1>",
    """'"`{{ 7*7 }}{% raw %}&amp;${window.hurt=1}""",
    "行\u2028分\u2029隔",
    "\ud800孤立",
    "<!--<script>",
)
SIDES = "东南西北"
LEFT, BOTTOM, CELL = 620_000.0, 2_750_000.0, 6_000.0


def squares(rows=4, columns=6):
    """Rectangular villages of 6 km; the names repeat, their towns tell them apart."""
    place = [(row, column) for row in range(rows) for column in range(columns)]
    boxes = [
        shapely.box(LEFT + c * CELL, BOTTOM + r * CELL, LEFT + (c + 1) * CELL,
                    BOTTOM + (r + 1) * CELL)
        for r, c in place
    ]
    return gpd.GeoDataFrame(
        {
            "name": ["新村" if c == 0 else f"{'甲乙丙丁戊己'[c]}{SIDES[r]}村" for r, c in place],
            "town": [f"{SIDES[r]}镇" for r, _ in place],
            "persons": [1000 + 137 * k for k in range(len(place))],
            "manager": "王小明",
            "phone": "13800001234",
        },
        geometry=boxes, crs=CRS, index=[f"35050000{k:04d}" for k in range(len(place))],
    )


def village_layer(**changes):
    frame = squares()
    codes = [None if k == 23 else FOUR_LEVELS[k % 4] for k in range(len(frame))]
    return LayerSpec(**{
        "name": "villages", "title": "村级风险", "kind": "choropleth", "frame": frame,
        "classes": ordered(pd.Series(codes, index=frame.index)), "palette": "risk",
        "boundary": False, "search": "name", "label": "name", "unit_word": "个",
        "fields": {"name": "名称", "town": "乡镇", "persons": "人口（人）"}, **changes,
    })


def shelter_layer(count=200, **changes):
    rng = np.random.default_rng(3)
    days = pd.to_timedelta(rng.integers(0, 900, count), "D")
    frame = gpd.GeoDataFrame(
        {"name": [f"{k}号避灾点" for k in range(count)], "phone": "13800009999",
         "opened": pd.to_datetime("2018-01-15") + days},
        geometry=gpd.points_from_xy(LEFT + rng.random(count) * 6 * CELL,
                                    BOTTOM + rng.random(count) * 4 * CELL),
        crs=CRS, index=[f"s{k}" for k in range(count)],
    )
    tiers = palette("tier").codes
    tier = pd.Series([tiers[min(k % 7, 2)] for k in range(count)], index=frame.index)
    return LayerSpec(**{
        "name": "shelters", "title": "避灾点", "kind": "points", "frame": frame,
        "classes": ordered(tier, tiers), "palette": "tier", "search": "name", "when": "opened",
        "fields": {"name": "名称"}, "unit_word": "处", **changes,
    })


def make(*layers, **changes):
    return MapSpec(**{
        "name": "web", "title": "综合风险", "crs": CRS, "notes": ("示意",), "source": "样例",
        "layers": layers or (village_layer(), shelter_layer()), **changes,
    })


def colour_at(page, x, y, canvas="main"):
    """Colour of the map at a point in the project CRS."""
    lon, lat = gpd.GeoSeries([shapely.Point(x, y)], crs=CRS).to_crs(4326).get_coordinates().iloc[0]
    return page.evaluate(
        """([lon, lat, name]) => {
          const canvas = document.querySelector(`canvas.qz-${name}`);
          const box = canvas.getBoundingClientRect();
          const map = qz.map.getContainer().getBoundingClientRect();
          const at = qz.map.latLngToContainerPoint([lat, lon]);
          const ratio = canvas.width / box.width;
          const [x, y] = [at.x + map.left - box.left, at.y + map.top - box.top];
          return '#' + [...canvas.getContext('2d').getImageData(x * ratio, y * ratio, 1, 1).data]
            .slice(0, 3).map((v) => v.toString(16).padStart(2, '0')).join('');
        }""",
        [lon, lat, canvas],
    )

"""Map panels to PDF per CPU second: qzrisk.maps.static against GeoDataFrame.plot + savefig.

Both draw the same panel: the sample city's villages filled by class, county lines, 174 town names.
qzrisk also draws graticule, scale, north and halos, and keeps the names apart.

    python benchmarks/bench_static.py [--rounds N]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from qzrisk.levels import ordered, palette
from qzrisk.maps import static
from qzrisk.maps.furniture.lettering import font
from qzrisk.maps.spec import LayerSpec, MapSpec

BAR = 2.0
CRS = "EPSG:4549"
BOUNDARIES = Path(__file__).parent.parent / "data" / "boundaries" / "boundaries.gpkg"
SIZE_INCHES = (7.0, 6.3)


def read(level: str) -> gpd.GeoDataFrame:
    """Return a level of the sample city in the project CRS."""
    return gpd.read_file(BOUNDARIES, layer=level).to_crs(CRS).set_index("unit_id")


def new_axes() -> mpl.axes.Axes:
    """Return axes that fill a panel but for its margin."""
    figure = Figure(figsize=SIZE_INCHES)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.05, 0.05, 0.9, 0.9))


def by_qzrisk(spec: MapSpec) -> int:
    """Draw the panel with qzrisk; return the size of the PDF."""
    with tempfile.TemporaryDirectory() as folder:
        path = static.write(static.draw(spec, new_axes()), Path(folder) / "panel.pdf")
        return path.stat().st_size


def by_geopandas(spec: MapSpec) -> int:
    """Draw the panel with GeoDataFrame.plot; return the size of the PDF."""
    ax = new_axes()
    villages, counties, towns = (layer.frame for layer in spec.layers)
    assert villages is not None and counties is not None and towns is not None
    colours = spec.layers[0].classes.map(palette("risk").colour()).astype(str)
    villages.plot(ax=ax, color=colours, edgecolor=colours, linewidth=0.25)
    counties.boundary.plot(ax=ax, color="#4a3a33", linewidth=0.6)
    letters = font(5.2)
    places = towns.geometry.representative_point()
    for x, y, name in zip(places.x, places.y, towns["name"], strict=True):
        ax.text(x, y, name, fontproperties=letters, ha="center", va="center")
    ax.set_axis_off()
    with mpl.rc_context({"pdf.fonttype": 42}), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.pdf"
        ax.figure.savefig(path)
        return path.stat().st_size


def panel() -> MapSpec:
    """Return the panel: villages by a seeded class, county lines, town names."""
    villages, counties, towns = read("village"), read("county"), read("town")
    codes = np.random.default_rng(0).choice(["blue", "yellow", "orange", "red"], len(villages))
    classes = ordered(pd.Series(codes, index=villages.index))
    points = towns.set_geometry(towns.geometry.representative_point())
    return MapSpec(
        name="bench", title="bench", crs=CRS, synthetic=False,
        layers=(
            LayerSpec(name="villages", title="villages", kind="choropleth", frame=villages,
                      classes=classes, palette="risk", boundary=False),
            LayerSpec(name="counties", title="counties", kind="outline", frame=counties,
                      style="county_line"),
            LayerSpec(name="towns", title="towns", kind="points", frame=points, label="name",
                      style="town_name"),
        ),
    )


def cpu_seconds(task: Callable[[MapSpec], int], spec: MapSpec, rounds: int) -> tuple[float, int]:
    """Return the least CPU seconds of some rounds, after one to warm up, and the size."""
    size = task(spec)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        task(spec)
        times.append(time.process_time() - start)
    return min(times), size


def main() -> int:
    """Run both in turn and compare with the bar."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    spec = panel()
    ours, our_size = cpu_seconds(by_qzrisk, spec, rounds)
    theirs, their_size = cpu_seconds(by_geopandas, spec, rounds)
    ratio = theirs / ours
    sys.stdout.write(
        f"qzrisk {ours:.2f} CPU s, {our_size / 1e6:.2f} MB; "
        f"gdf.plot {theirs:.2f} CPU s, {their_size / 1e6:.2f} MB; "
        f"ratio {ratio:.1f} (bar {BAR:g})\n"
    )
    return 0 if ratio >= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())

"""The interactive map against a folium GeoJson page of the same layers, then in chromium.

Run ``python benchmarks/bench_web.py``. CPU time of whole public calls, interleaved rounds; fonts
are cached by a first call, as on any second run. The page is then opened offline in headless
chromium: ready time, and the time between frames while the map is dragged.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from qzrisk.levels import FOUR_LEVELS, ordered, palette
from qzrisk.maps import LayerSpec, MapSpec, web

ROOT = Path(__file__).resolve().parent.parent
BOUNDARIES = ROOT / "data" / "boundaries"
CRS = "EPSG:4549"
ROUNDS = 3
COLOURS = palette("risk").colour()


def read(layer: str, file: str = "boundaries.gpkg") -> gpd.GeoDataFrame:
    return gpd.read_file(BOUNDARIES / file, layer=layer).to_crs(CRS)


def classes(count: int, index: pd.Index) -> pd.Series:
    draws = np.random.default_rng(5).choice(FOUR_LEVELS, count, p=[0.4, 0.3, 0.2, 0.1])
    return ordered(pd.Series(draws, index=index))


def city() -> MapSpec:
    """2,572 villages, 12 counties, 2,746 shelters, land and neighbours."""
    county, town, village = (read(name).set_index("unit_id") for name in
                             ("county", "town", "village"))
    village["town"] = town["name"].reindex(village["parent_id"]).to_numpy()
    village["persons"] = np.random.default_rng(2).integers(300, 9000, len(village))
    village["risk"] = classes(len(village), village.index).astype(str)
    points = village.sample(2746, replace=True, random_state=1)
    shelters = gpd.GeoDataFrame(
        {"name": points["name"].to_numpy(), "town": points["town"].to_numpy(),
         "capacity": np.arange(2746) % 800 + 40},
        geometry=points.representative_point().to_numpy(), crs=CRS,
        index=[f"s{k:04d}" for k in range(2746)],
    )
    tiers = palette("tier").codes
    tier = pd.Series(np.array(tiers)[(np.arange(2746) % 100 > 88).astype(int)], shelters.index)
    layers = (
        LayerSpec(name="village", title="村级风险", kind="choropleth", frame=village,
                  classes=classes(len(village), village.index), palette="risk", boundary=False,
                  search="name", label="name",
                  fields={"name": "名称", "town": "乡镇", "persons": "人口（人）"}),
        LayerSpec(name="county", title="县界", kind="outline", frame=county, label="name"),
        LayerSpec(name="shelters", title="避灾点", kind="points", frame=shelters,
                  classes=ordered(tier, tiers), palette="tier", search="name",
                  fields={"name": "名称", "town": "乡镇", "capacity": "容量（人）"}),
    )
    context = (
        LayerSpec(name="land", title="", kind="choropleth", frame=read("land", "context.gpkg"),
                  style="land"),
        LayerSpec(name="neighbours", title="", kind="outline", style="neighbours", label="name",
                  frame=read("prefectures", "context.gpkg")),
    )
    return MapSpec(name="bench", title="村级风险与避灾点", layers=layers, crs=CRS, focus="county",
                   context=context, audience="internal")


def many_points(count: int) -> MapSpec:
    """`count` points and 174 towns."""
    town = read("town").set_index("unit_id")
    rng = np.random.default_rng(3)
    home = town.representative_point().iloc[rng.integers(0, len(town), count)]
    frame = gpd.GeoDataFrame(
        {"kind": np.array(["民房", "学校", "厂房"])[rng.integers(0, 3, count)],
         "persons": rng.integers(0, 40, count)},
        geometry=gpd.points_from_xy(home.x.to_numpy() + rng.normal(0, 2500, count),
                                    home.y.to_numpy() + rng.normal(0, 2500, count)),
        crs=CRS, index=[f"p{k}" for k in range(count)],
    )
    layers = (
        LayerSpec(name="town", title="乡镇风险", kind="choropleth", frame=town, palette="risk",
                  classes=classes(len(town), town.index), boundary=False, search="name",
                  fields={"name": "名称"}),
        LayerSpec(name="points", title="承灾体", kind="points", frame=frame, palette="risk",
                  classes=classes(count, frame.index),
                  fields={"kind": "类型", "persons": "人数（人）"}),
    )
    return MapSpec(name="many", title="承灾体", layers=layers, crs=CRS, audience="internal")


def many_polygons(across: int) -> MapSpec:
    """Squares with wavy borders, `across` in a row, as many rows, over the city."""
    left, bottom, right, top = read("city").total_bounds
    x, y = np.linspace(left, right, across + 1), np.linspace(bottom, top, across + 1)
    row, column = np.divmod(np.arange(across * across), across)
    step = np.linspace(0, 1, 9)[:-1]
    wide, high = x[1] - x[0], y[1] - y[0]
    wave = 0.12 * np.sin(2 * np.pi * step)
    ring = np.concatenate([  # opposite borders bend alike, so neighbours share theirs
        np.column_stack([step, wave]), np.column_stack([1 + wave, step]),
        np.column_stack([1 - step, 1 - wave]), np.column_stack([-wave, 1 - step])])
    xy = ring[None] * (wide, high) + np.column_stack([x[column], y[row]])[:, None]
    frame = gpd.GeoDataFrame(
        {"name": [f"网格{k}" for k in range(across * across)]},
        geometry=shapely.polygons(xy), crs=CRS, index=[f"g{k}" for k in range(across * across)])
    layer = LayerSpec(name="grid", title="网格风险", kind="choropleth", frame=frame,
                      classes=classes(len(frame), frame.index), palette="risk", boundary=False,
                      search="name", fields={"name": "名称"})
    return MapSpec(name="grid", title="网格风险", layers=(layer,), crs=CRS, audience="internal")


def folium_page(spec: MapSpec) -> str:
    """The same layers as a folium user would write them: GeoJson with tooltips, clusters."""
    import folium
    from folium.plugins import MarkerCluster

    page = folium.Map([25.1, 118.3], zoom_start=9, tiles=None, prefer_canvas=True)
    page.options["max_zoom"] = 17
    for layer in (*spec.context, *spec.layers):
        assert layer.frame is not None
        frame = layer.frame[[*layer.fields, "geometry"]].to_crs(4326)
        if layer.kind == "points":
            cluster = MarkerCluster().add_to(page)
            for row in frame.itertuples():
                folium.CircleMarker([row.geometry.y, row.geometry.x], radius=4,
                                    tooltip=f"{row.name} {row.capacity}").add_to(cluster)
            continue
        if layer.classes is not None:
            frame["colour"] = layer.classes.map(COLOURS).astype(str)
        folium.GeoJson(
            frame,
            style_function=lambda feature: {
                "fillColor": feature["properties"].get("colour", "#eee"), "weight": 0.5},
            tooltip=folium.GeoJsonTooltip(list(layer.fields), list(layer.fields.values()))
            if layer.fields else None,
        ).add_to(page)
    return page.get_root().render()


def cpu_s(call: Callable[[], str]) -> tuple[float, str]:
    start = time.process_time()
    made = call()
    return time.process_time() - start, made


def compare(spec: MapSpec) -> str:
    """Print CPU and size of both pages; return ours."""
    page = web.html(spec)  # caches the fonts and imports folium for both
    folium_page(spec.with_(layers=spec.layers[1:2], context=()))
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(cpu_s(lambda: web.html(spec))[0])
        spent, other = cpu_s(lambda: folium_page(spec))
        theirs.append(spent)
    print(f"build: {min(ours):.2f} s of CPU, folium {min(theirs):.2f} s, "
          f"ratio {min(ours) / min(theirs):.2f} (bar 0.5)")
    print(f"size:  {len(page.encode()) / 1e6:.2f} MB (bar 5), folium "
          f"{len(other.encode()) / 1e6:.2f} MB and its scripts from elsewhere")
    return page


DRAG = """async () => {
  const gaps = [];
  let last = null, stop = false;
  const tick = (now) => {
    if (last !== null) gaps.push(now - last);
    last = now;
    if (!stop) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  window.__stop = () => { stop = true; return gaps; };
}"""


PAINT = "() => { const from = performance.now(); qz.redraw(); return performance.now() - from; }"


def in_browser(page: str, *, zoom_in: int) -> dict[str, float]:
    """Return ready time, median frame of a drag, and one whole repaint at its end, in ms."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        path.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
        ready, medians, paints = [], [], []
        for _ in range(ROUNDS):
            tab = context.new_page()
            tab.goto(path.as_uri())
            tab.wait_for_selector("html[data-ready=true]", timeout=60_000)
            ready.append(tab.evaluate("qz.ready"))
            for _ in range(zoom_in):
                tab.click("[data-tool=in]")
                tab.wait_for_timeout(600)
            tab.evaluate(DRAG)
            tab.mouse.move(500, 400)
            tab.mouse.down()
            for step in range(60):
                tab.mouse.move(500 + 4 * step, 400 + 2 * step)
            tab.mouse.up()
            medians.append(statistics.median(tab.evaluate("window.__stop()")))
            paints.append(tab.evaluate(PAINT))
            tab.close()
        browser.close()
    return {"ready_ms": min(ready), "pan_ms": statistics.median(medians),
            "paint_ms": statistics.median(paints)}


def main() -> None:
    spec = city()
    page = compare(spec)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("chromium is not installed: no ready time and no frames")
        return
    found = in_browser(page, zoom_in=1)
    print(f"ready: {found['ready_ms']:.0f} ms (bar 2000); pan: median frame "
          f"{found['pan_ms']:.0f} ms (bar 50)")
    for words, spec in (("100,000 points, 174 towns", many_points(100_000)),
                        ("20,164 polygons", many_polygons(142))):
        spent, many = cpu_s(lambda spec=spec: web.html(spec))
        found = in_browser(many, zoom_in=1)
        print(f"{words}: {spent:.2f} s of CPU, {len(many.encode()) / 1e6:.2f} MB (bar 12), "
              f"ready {found['ready_ms']:.0f} ms, median frame {found['pan_ms']:.0f} ms, "
              f"repaint {found['paint_ms']:.0f} ms")


if __name__ == "__main__":
    main()

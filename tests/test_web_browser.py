"""The interactive map in headless chromium, offline: what it shows and what it does."""

import html as markup
import re
import shutil
import subprocess

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image
from web_world import (
    BOTTOM,
    CELL,
    CRS,
    HOSTILE,
    LEFT,
    colour_at,
    make,
    shelter_layer,
    squares,
    village_layer,
)

from qzrisk.levels import FOUR_LEVELS, ordered, palette
from qzrisk.maps import web

pytestmark = pytest.mark.usefixtures("quick_fonts")


def click_at(page, x, y):
    lon, lat = gpd.GeoSeries([shapely.Point(x, y)], crs=CRS).to_crs(4326).get_coordinates().iloc[0]
    at = page.evaluate(
        """([lon, lat]) => {
          const p = qz.map.latLngToContainerPoint([lat, lon]);
          const b = qz.map.getContainer().getBoundingClientRect();
          return [p.x + b.left, p.y + b.top]; }""",
        [lon, lat])
    page.mouse.click(*at)


CORNER = (LEFT + 1200, BOTTOM + 1200)  # in the first village, off its label


@pytest.mark.browser
def test_the_page_brings_its_own_chinese_font(visit, real_fonts):
    page = visit(web.html(make()))
    loaded = page.evaluate("[...document.fonts].map(f => [f.family, f.weight, f.status])")
    assert sorted(loaded) == [["Noto Sans SC", "400", "loaded"], ["Noto Sans SC", "700", "loaded"]]


@pytest.mark.browser
def test_classes_have_their_colours_and_the_missing_is_hatched(visit):
    page = visit(web.html(make(village_layer())))
    colours = palette("risk").colour()
    for place, code in enumerate(FOUR_LEVELS):
        found = colour_at(page, CORNER[0] + place * CELL, CORNER[1])
        assert found == colours[code], code
    last = (CORNER[0] + 5 * CELL, CORNER[1] + 3 * CELL)
    found = {colour_at(page, last[0] + 190 * step, last[1]) for step in range(8)}
    assert len(found) > 1
    assert not found & set(colours.values())


@pytest.mark.browser
def test_legend_filter_hides_a_class_and_counts_change(visit):
    page = visit(web.html(make(village_layer())))
    button = page.locator('[data-name=villages] [data-code="blue"]')
    before = colour_at(page, *CORNER)
    assert button.locator(".qz-count").inner_text() == "6"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert button.locator(".qz-count").inner_text() == "0"
    assert page.locator("[data-name=villages] .qz-total").inner_text() == "显示 18 / 24 个"
    assert colour_at(page, *CORNER) != before
    button.focus()
    page.keyboard.press("Enter")
    assert colour_at(page, *CORNER) == before


@pytest.mark.browser
def test_search_finds_every_village_of_one_name(visit):
    page = visit(web.html(make()))
    page.fill("#qz-search", "新村")
    options = page.locator("#qz-results [role=option]")
    labels = [text.split("\n")[0] for text in options.all_inner_texts()]
    assert labels == ["东镇 新村", "南镇 新村", "西镇 新村", "北镇 新村"]
    heads = []
    for place in (0, 1):
        page.fill("#qz-search", "新村")
        for _ in range(place + 1):
            page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector(".qz-record")
        heads.append(page.locator(".qz-record").first.inner_text())
    assert "东镇" in heads[0] and "1,000" in heads[0]
    assert "南镇" in heads[1] and "1,822" in heads[1]
    page.fill("#qz-search", "没有的")
    assert page.locator("#qz-results").inner_text() == "没有这个名称"


@pytest.mark.browser
def test_popup_and_hover_tell_the_fields_with_units(visit):
    page = visit(web.html(make(village_layer())))
    click_at(page, *CORNER)
    text = page.locator(".leaflet-popup").inner_text()
    assert "人口（人）" in text and "1,000" in text and "低风险（蓝）" in text
    page.keyboard.press("Escape")
    page.mouse.move(500, 420)
    page.wait_for_selector(".qz-tip")
    assert "人口（人）：" in page.locator(".qz-tip").inner_text()


@pytest.mark.browser
def test_time_slider_counts_what_had_happened(visit):
    spec = make()
    page = visit(web.html(spec))
    opened = spec.layers[1].frame["opened"]
    steps = page.evaluate("qz.time.steps")
    total = page.locator("[data-name=shelters] .qz-total")
    assert total.inner_text() == "共 200 处"
    middle = len(steps) // 2
    page.locator("#qz-time input[type=range]").evaluate(
        f"e => {{ e.value = {middle}; e.dispatchEvent(new Event('input')); }}")
    until = int((opened.dt.strftime("%Y-%m") <= steps[middle]).sum())
    assert total.inner_text() == f"显示 {until} / 200 处"
    page.check("#qz-time input[type=checkbox]")
    then = int((opened.dt.strftime("%Y-%m") == steps[middle]).sum())
    assert total.inner_text() == f"显示 {then} / 200 处"


@pytest.mark.browser
def test_swipe_shows_two_maps_and_moves(visit):
    red = village_layer(classes=ordered(pd.Series("red", index=squares().index)))
    blue = village_layer(classes=ordered(pd.Series("blue", index=squares().index)))
    page = visit(web.html(make(red, subtitle="改造前"), after=make(blue, subtitle="改造后")))
    colours = palette("risk").colour()
    assert colour_at(page, *CORNER, canvas="left") == colours["red"]
    assert colour_at(page, *CORNER, canvas="right") == colours["blue"]
    clip = "getComputedStyle(document.querySelector('canvas.qz-right')).clipPath"
    before = page.evaluate(clip)
    handle = page.locator(".qz-swipe").bounding_box()
    page.mouse.move(handle["x"] + 14, 300)
    page.mouse.down()
    page.mouse.move(handle["x"] + 214, 300)
    page.mouse.up()
    assert page.evaluate("qz.swipe.share") == pytest.approx(0.5 + 200 / 976, abs=0.01)
    assert page.evaluate(clip) != before
    page.focus(".qz-swipe")
    page.keyboard.press("Home")
    assert page.evaluate("qz.swipe.share") == 0


@pytest.mark.browser
def test_clusters_hold_every_point_and_open(visit):
    page = visit(web.html(make()))
    found = page.evaluate("qz.layers[1].clusters.list.map(c => [c.n, [...c.counts]])")
    assert sum(n for n, _ in found) == 200
    assert np.sum([counts for _, counts in found], axis=0).tolist() == [29, 29, 142, 0]
    zoom = page.evaluate("qz.map.getZoom()")
    at = page.evaluate("""() => {
      const c = qz.layers[1].clusters.list.reduce((a, b) => (a.n > b.n ? a : b));
      const p = qz.map.latLngToContainerPoint(qz.latlng(c.x, c.y));
      const b = qz.map.getContainer().getBoundingClientRect();
      return [p.x + b.left, p.y + b.top]; }""")
    page.mouse.click(*at)
    page.wait_for_function(f"qz.map.getZoom() > {zoom + 0.2}")


@pytest.mark.browser
def test_measure_agrees_with_the_projected_length(visit):
    page = visit(web.html(make(village_layer())))
    page.click("[data-tool=measure]")
    for x, y in ((LEFT + 6000, BOTTOM + 6000), (LEFT + 24_000, BOTTOM + 6000),
                 (LEFT + 24_000, BOTTOM + 18_000)):
        click_at(page, x, y)
    text = page.locator("#qz-measure").inner_text()
    length, area = map(float, re.findall(r"([\d.]+) km", text))
    # A pixel is about 60 m here; EPSG:4549 itself is within 0.1 % of the ground.
    assert length == pytest.approx(30.0, abs=0.25)
    assert area == pytest.approx(108.0, rel=0.02)
    page.keyboard.press("Escape")
    assert page.locator("#qz-measure").is_hidden()
    page.click("[data-tool=measure]")
    assert page.locator("#qz-measure").is_visible()
    page.keyboard.press("Escape")
    assert page.locator("#qz-measure").is_hidden()


@pytest.mark.browser
def test_print_is_one_sheet_with_the_map_on_it(visit, tmp_path, real_fonts):
    from pypdf import PdfReader

    page = visit(web.html(make(village_layer())))
    place = "[qz.map.getZoom(), qz.map.getCenter().toString(), document.body.className]"
    before = page.evaluate(place)
    page.pdf(path=tmp_path / "print.pdf", prefer_css_page_size=True, print_background=True)
    reader = PdfReader(tmp_path / "print.pdf")
    assert len(reader.pages) == 1
    sheet = reader.pages[0]
    assert (round(sheet.mediabox.width), round(sheet.mediabox.height)) == (842, 595)
    words = sheet.extract_text()
    assert "综合风险" in words and "示意图" in words
    assert page.evaluate(place) == before
    if painter := shutil.which("pdftoppm"):
        subprocess.run([painter, "-r", "40", "-png", "print.pdf", "sheet"], cwd=tmp_path,
                       check=True)
        colours = Image.open(next(tmp_path.glob("sheet*.png"))).convert("RGB").getcolors(1 << 20)
        red = tuple(bytes.fromhex(palette("risk").colour()["red"][1:]))
        # The map itself, not only the chip of its legend: six of 24 squares.
        assert {colour: count for count, colour in colours}[red] > 500


@pytest.mark.browser
def test_frame_in_a_sandboxed_page(browser, tmp_path):
    shown = web.figure(make())._repr_html_()
    outer = ('<iframe id="cell" sandbox="allow-scripts" width="1200" height="700" '
             f'srcdoc="{markup.escape(shown)}"></iframe>')
    path = tmp_path / "notebook.html"
    path.write_text(outer, encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 760})
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: faults.append(request.url)
            if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    inner = page.frame_locator("#cell").frame_locator("iframe")
    inner.locator("html[data-ready=true]").wait_for(state="attached", timeout=20_000)
    assert inner.locator("h1").inner_text() == "综合风险"
    page.close()
    assert faults == []


@pytest.mark.browser
def test_hostile_words_run_nothing(visit):
    frame = squares().astype({"name": object})
    frame.loc[frame.index[:6], "name"] = list(HOSTILE)
    page = visit(web.html(make(village_layer(frame=frame))))
    click_at(page, *CORNER)
    assert page.locator(".leaflet-popup h3").inner_text().strip().endswith(HOSTILE[0])
    page.fill("#qz-search", "onerror")
    page.keyboard.press("Enter")
    assert page.locator(".leaflet-popup h3").inner_text().strip().endswith(HOSTILE[1])
    assert page.evaluate("window.hurt") is None


@pytest.mark.browser
def test_odd_layers_open_without_a_fault(visit):
    shelters = shelter_layer(3)
    frame = shelters.frame.copy()
    frame.loc["s1", "geometry"] = None
    frame.loc["s2", "geometry"] = shapely.Point(LEFT + 9e5, BOTTOM)
    page = visit(web.html(make(
        village_layer(), shelter_layer(3, frame=frame, name="odd"),
        shelter_layer(3, frame=frame.iloc[:0], classes=shelters.classes.iloc[:0], name="none"),
        shelter_layer(1, name="one"))))
    for query in ("1号避灾点", "2号避灾点"):
        page.fill("#qz-search", query)
        page.keyboard.press("Enter")
        assert query in page.locator(".leaflet-popup").inner_text()
    assert page.locator("[data-name=none] .qz-total").inner_text() == "共 0 处"


@pytest.mark.browser
def test_a_map_of_one_point_opens_and_can_be_moved(visit):
    page = visit(web.html(make(shelter_layer(1))))
    page.focus(".folium-map")
    before = page.evaluate("qz.map.getCenter().lng")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"qz.map.getCenter().lng > {before}")


@pytest.mark.browser
def test_readable_at_the_width_of_a_phone(visit):
    page = visit(web.html(make()), viewport={"width": 390, "height": 844}, has_touch=True,
                 is_mobile=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    map_box, panel = (page.locator(name).bounding_box() for name in (".folium-map", ".qz-panel"))
    assert map_box["y"] + map_box["height"] <= panel["y"] + 1
    assert map_box["height"] > 400
    sizes = page.evaluate(
        "[...document.querySelectorAll('[data-class]')].map(e => e.getBoundingClientRect().height)")
    assert min(size for size in sizes if size) >= 30


@pytest.mark.browser
def test_reachable_by_keyboard_and_named(visit):
    page = visit(web.html(make()))
    unnamed = page.evaluate("""[...document.querySelectorAll('button, input, [role=slider]')]
      .filter((e) => !(e.getAttribute('aria-label') || e.innerText.trim() || e.closest('label')))
      .map((e) => e.outerHTML)""")
    assert unnamed == []
    assert "村级风险 24 个" in page.get_attribute(".folium-map", "aria-label")
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("""(() => { const e = document.activeElement;
          return e.id || e.dataset.tool || e.dataset.code || e.type || e.className; })()"""))
    assert {"qz-search", "in", "measure", "print", "red", "checkbox", "range"} <= reached

"""The interactive map: what is in the page without a browser, and what it does in chromium."""

import html as markup
import json
import re
import shutil
import subprocess
from base64 import b64decode
from io import BytesIO

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from PIL import Image

from qzrisk.assets import external_urls
from qzrisk.errors import ConfigError
from qzrisk.grid import Raster
from qzrisk.levels import FOUR_LEVELS, ordered, palette
from qzrisk.maps import LayerSpec, MapSpec, web
from qzrisk.maps.spec import NO_DATA
from qzrisk.maps.web import payload

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


def data_of(page):
    found = re.search(r'<script type="application/json" id="qz-data">(.*?)</script>', page, re.S)
    return json.loads(found[1])


def decoded(text):
    """The inverse of payload.encode, written apart from it."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    values, value, place = [], 0, 0
    for character in text:
        digit = alphabet.index(character)
        value |= (digit & 31) << (5 * place)
        place += 1
        if digit < 32:
            values.append(-(value + 1) // 2 if value & 1 else value // 2)
            value, place = 0, 0
    return values


@pytest.fixture(autouse=True)
def quick_fonts(request, monkeypatch):
    """Fonts cost a second a page: only tests that ask for them get them."""
    if "real_fonts" not in request.fixturenames:
        monkeypatch.setattr(web, "subset_font_css", lambda *_: "")


@pytest.fixture
def real_fonts():
    """Ask for the bundled fonts."""


# ---- without a browser ----


@pytest.mark.parametrize(
    "values", [[], [0], [-1, 1, 31, -32, 2**30, -(2**31)], range(-900, 900, 7)])
def test_encoding_comes_back(values):
    assert decoded(payload.encode(list(values))) == list(values)


def test_geometry_comes_back_within_its_lattice():
    frame = squares()
    packed = payload.geometry(frame, 1.0, points=False, step=1)
    xy = np.cumsum(np.reshape(decoded(packed["deltas"]), (-1, 2)), axis=0) / 1e5
    truth = shapely.get_coordinates(frame.to_crs(4490).geometry.to_numpy())
    assert decoded(packed["parts"]) == [1] * 24
    assert decoded(packed["sizes"]) == [5] * 24
    tree = shapely.STRtree(shapely.points(truth))
    far = tree.query_nearest(shapely.points(xy), return_distance=True)[1]
    assert far.max() < 1.0e-5


def test_borders_stay_common_after_simplification():
    wave = np.column_stack([np.linspace(0, 9000, 400), 40 * np.sin(np.linspace(0, 60, 400))])
    wave += (LEFT, BOTTOM)
    low = shapely.Polygon([*wave, (LEFT + 9000, BOTTOM - 5000), (LEFT, BOTTOM - 5000)])
    high = shapely.Polygon([*wave, (LEFT + 9000, BOTTOM + 5000), (LEFT, BOTTOM + 5000)])
    thin = payload.simplified(np.array([low, high], dtype=object), 60.0)
    assert shapely.get_num_coordinates(thin).sum() < 400
    assert shapely.area(shapely.intersection(*thin)) == pytest.approx(0, abs=1e-6)
    assert shapely.area(shapely.union_all(thin)) == pytest.approx(9000 * 10_000, rel=1e-9)


def test_public_points_are_rounded_and_the_page_says_so():
    spec = make()
    for audience, step in (("public", 100), ("internal", 1)):
        page = web.html(spec.with_(audience=audience))
        given = data_of(page)
        packed = given["geometries"][given["layers"][1]["geometry"]]
        units = np.cumsum(np.reshape(decoded(packed["deltas"]), (-1, 2)), axis=0)
        assert (units % step == 0).all()
        assert (units % 100 == 0).all() == (audience == "public")
        assert ("0.001 度" in page) == (audience == "public")
    truth = spec.layers[1].frame.to_crs(4490).geometry
    assert np.abs(units / 1e5 - np.column_stack([truth.x, truth.y])).max() < 0.6e-5


def test_no_column_beyond_those_named_enters_the_page():
    page = web.html(make())
    assert "王小明" not in page
    assert "1380000" not in page
    assert "甲东村" not in page  # the first column of villages is called 新村
    assert "乙东村" in page


def test_what_is_shown_stands_before_what_is_only_offered():
    page = web.html(make(village_layer(), shelter_layer(show=False, title="只供选择")))
    body = page[page.index("<body"):]
    assert body.index("村级风险") < body.index("只供选择")
    both = web.html(make(village_layer(), shelter_layer(title="在上")))
    body = both[both.index("<body"):]
    assert body.index("在上") < body.index("村级风险")  # the top layer first


def test_legend_counts_are_those_of_the_layers():
    spec = make()
    page = web.html(spec)
    for layer in spec.layers:
        section = re.search(rf'data-name="{layer.name}".*?</section>', page, re.S)[0]
        rows = re.findall(r'data-code="(\w+)".*?class="qz-count">([\d,]+)<', section, re.S)
        counts = layer.counts()
        if not counts[NO_DATA]:
            del counts[NO_DATA]
        assert dict(rows) == {code: f"{count:,}" for code, count in counts.items()}
    codes = [entry for entry in re.findall(r'data-code="(\w+)"', page) if entry in FOUR_LEVELS]
    assert codes == list(reversed(FOUR_LEVELS))


def test_nothing_in_the_page_asks_the_network():
    page = web.html(make())
    assert external_urls(page) == []
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; script-src 'unsafe-eval' 'sha256-")
    assert "http" not in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_tiles_only_from_the_address_given():
    address = "https://t0.example.test/vec_w/wmts?TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=abc"
    page = web.html(make(), tiles=address)
    assert data_of(page)["tiles"]["addresses"] == [address]
    assert "img-src data: blob: https://t0.example.test;" in page
    assert data_of(web.html(make()))["tiles"] is None
    for wrong in ("https://t0.example.test/no", "javascript:{x}{y}{z}", "/tiles/{z}/{x}/{y}"):
        with pytest.raises(ConfigError, match="tiles"):
            web.html(make(), tiles=wrong)


def test_equal_maps_give_equal_bytes(tmp_path):
    first = web.save(make(), tmp_path / "一.html")
    again = web.save(make(), tmp_path / "二.html")
    assert first.read_bytes() == again.read_bytes()
    other = web.html(make(village_layer(title="别的"), shelter_layer()))
    assert other.encode() != first.read_bytes()


def test_equal_geometries_and_columns_are_kept_once():
    one = village_layer()
    seven = [village_layer(name=f"hazard{k}", frame=one.frame, show=k == 0) for k in range(7)]
    given = data_of(web.html(make(*seven)))
    assert len(given["geometries"]) == 1
    assert len(given["columns"]) == 3


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_words_stay_words(name):
    frame = squares().astype({"name": object, "town": object})
    frame.loc[frame.index[1], ["name", "town"]] = name
    safe = name.encode("utf-8", "replace").decode()
    layer = village_layer(frame=frame, title=safe, fields={"name": safe, "town": "镇"})
    spec = make(layer, title=safe, subtitle=safe, notes=(safe,), source=safe,
                key_figures={safe: safe}, table=pd.DataFrame({safe: [safe]}), table_title=safe)
    page = web.html(spec)
    plain = web.html(make(village_layer(), key_figures={"a": "b"}, table=pd.DataFrame({"a": ["b"]}),
                          subtitle="b"))
    assert page.count("<script") == plain.count("<script")
    assert page.count("</script") == plain.count("</script")
    assert "<img" not in page.split("<body>")[1]
    payload_text = re.search(r'id="qz-data">(.*?)</script>', page, re.S)[1]
    assert not set(payload_text) & set("<>&\u2028\u2029")
    assert safe in data_of(page)["columns"][0]["texts"]
    assert f"<h1>{markup.escape(safe, quote=False)}</h1>" in page.replace("&#39;", "'").replace(
        "&#34;", '"')


def test_empty_missing_single_and_outside(tmp_path):
    shelters = shelter_layer(3)
    frame = shelters.frame.copy()
    frame.loc["s1", "geometry"] = None
    frame.loc["s2", "geometry"] = shapely.Point(LEFT + 9e5, BOTTOM)
    odd = shelter_layer(3, frame=frame, name="odd")
    none = shelter_layer(3, frame=frame.iloc[:0], classes=shelters.classes.iloc[:0], name="none")
    one = shelter_layer(1, name="one")
    page = web.html(make(village_layer(), odd, none, one))
    section = re.search(r'data-name="odd".*?</section>', page, re.S)[0]
    assert "其中 1 条无位置" in section
    assert "其中 1 条在图框以外" in section
    given = data_of(page)
    assert decoded(given["geometries"][given["layers"][1]["geometry"]]["parts"]) == [1, 0, 1]
    assert given["layers"][2]["classes"] == ""


def test_a_map_without_any_place_is_refused():
    frame = squares()
    frame["geometry"] = None
    with pytest.raises(ConfigError, match="no feature to set the frame by"):
        web.html(make(village_layer(frame=frame)))


def test_names_that_occur_twice_are_told_apart():
    given = data_of(web.html(make()))
    search = given["layers"][0]["search"]
    assert given["columns"][search["apart"]]["texts"] == ["东镇", "南镇", "西镇", "北镇"]
    assert search["codes"] is None
    frame = squares().assign(town="东镇")
    given = data_of(web.html(make(village_layer(frame=frame))))
    search = given["layers"][0]["search"]
    codes = given["columns"][search["codes"]]
    assert codes["texts"] == [f"35050000{k:04d}" for k in (0, 6, 12, 18)]


def test_time_steps_are_days_until_there_are_too_many():
    few = shelter_layer(5)
    assert len(data_of(web.html(make(village_layer(), few)))["steps"][0]) == len("2018-01-15")
    steps, when = payload.time_axis([shelter_layer(600)])
    assert steps[0] == "2018-01"
    assert steps == sorted(set(shelter_layer(600).frame["opened"].dt.strftime("%Y-%m")))
    undated = shelter_layer(3)
    frame = undated.frame.copy()
    frame.loc["s0", "opened"] = pd.NaT
    _, when = payload.time_axis([shelter_layer(3, frame=frame)])
    assert decoded(when["shelters"])[0] == -1


def test_raster_layers_become_pictures_with_holes():
    cells = np.kron([[1.0, 4.0], [np.nan, 2.0]], np.ones((8, 8)))
    raster = Raster(cells, crs=CRS, transform=Affine(750, 0, LEFT, 0, -750, BOTTOM + 12_000))
    layer = LayerSpec(name="rain", title="雨", kind="raster", raster=raster, palette="risk")
    picture = data_of(web.html(make(village_layer(), layer)))["layers"][1]["image"]
    image = Image.open(BytesIO(b64decode(picture["uri"].split(",")[1]))).convert("RGBA")
    wide, high = image.size
    red, blue = (palette("risk").colour()[code] for code in ("red", "blue"))
    assert image.getpixel((wide // 8, high // 4)) == (*bytes.fromhex(blue[1:]), 255)
    assert image.getpixel((wide - wide // 8, high // 4)) == (*bytes.fromhex(red[1:]), 255)
    assert image.getpixel((wide // 8, high - high // 4))[3] == 0


def test_standing_and_languages():
    assert "示意图 · 未经审图" in web.html(make())
    assert "内部资料" in web.html(make(audience="internal"))
    assert "闽S(2026)1号" in web.html(make(map_number="闽S(2026)1号"))
    english = web.html(make(language="en"))
    assert 'lang="en"' in english
    assert "synthetic data" in english
    assert "High (red)" in english


def test_swipe_and_after_are_refused_together():
    spec = make()
    with pytest.raises(ConfigError, match="two maps"):
        web.html(spec, after=spec, swipe=("villages", "shelters"))
    with pytest.raises(ConfigError, match="no such layer"):
        web.html(spec, swipe=("villages", "nowhere"))
    same = data_of(web.html(spec, after=spec))
    assert [layer["side"] for layer in same["layers"]] == ["", ""]


def test_figure_packs_the_page_into_a_frame():
    shown = web.figure(make(), height_px=333)._repr_html_()
    inner = markup.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1])
    assert inner == web.html(make())
    assert 'height="333"' in shown
    assert "allow-same-origin" not in shown


def test_figure_is_a_picture_where_pages_do_not_print():
    formatters = pytest.importorskip("IPython.core.formatters")
    bundle, _ = formatters.DisplayFormatter().format(web.figure(make()))
    assert {"text/html", "image/png"} <= set(bundle)
    assert Image.open(BytesIO(bundle["image/png"])).size[0] > 1000


# ---- in headless chromium, offline ----


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

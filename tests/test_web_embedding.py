"""A map in another page and in a notebook, and stacks, tiles and units without data in chromium."""

import dataclasses
import html as markup
import re
from io import BytesIO

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from PIL import Image
from web_world import BOTTOM, CELL, CRS, LEFT, colour_at, make, shelter_layer, village_layer

from qzrisk.assets import external_urls
from qzrisk.levels import NO_DATA_FILL, ordered, palette
from qzrisk.maps import LayerSpec, web

pytestmark = pytest.mark.usefixtures("quick_fonts")
TILE = Image.new("RGB", (256, 256), "#123456")


def stacked_layer():
    """90 records of three units, which stand on three places."""
    places = [shapely.Point(LEFT + x * CELL, BOTTOM + 2 * CELL) for x in (1, 3, 5)]
    frame = gpd.GeoDataFrame(
        {"name": [f"第{k}条" for k in range(90)]}, crs=CRS, index=[f"r{k}" for k in range(90)],
        geometry=[places[0 if k < 60 else 1 if k < 89 else 2] for k in range(90)])
    states = pd.Series(["open" if k % 3 == 0 else "closed" for k in range(90)], frame.index)
    return LayerSpec(
        name="ledger", title="台账", kind="points", frame=frame, palette="danger_state",
        classes=ordered(states, palette("danger_state").codes), search="name",
        fields={"name": "名称"}, unit_word="条")


# ---- snippets ----


def test_frame_and_link_carry_any_name_in_any_encoding():
    page = web.html(make())
    packed = web.embed(page, title='风"险')
    assert packed.isascii()
    assert markup.unescape(re.search(r'srcdoc="([^"]*)"', packed)[1]) == page
    assert 'title="&#39118;&quot;&#38505;"' in packed
    filed = web.embed("图 #1?.html")
    assert 'src="%E5%9B%BE%20%231%3F.html"' in filed
    assert 'sandbox="allow-scripts allow-modals"' in filed
    assert web.link("a/图.html").startswith('<a href="a/%E5%9B%BE.html"')
    assert web.link("https://maps.example.test/x?y=1").startswith(
        '<a href="https://maps.example.test/x?y=1"')
    # What looks like a scheme is a file.
    assert 'href="javascript%3Aalert%281%29"' in web.link("javascript:alert(1)")


# ---- notebooks ----


@pytest.fixture(scope="module")
def notebook():
    """A notebook that has shown a map, as Jupyter keeps it."""
    formatters = pytest.importorskip("IPython.core.formatters")
    nbformat = pytest.importorskip("nbformat.v4")
    bundle, _ = formatters.DisplayFormatter().format(web.figure(make()))
    from base64 import b64encode

    data = {kind: b64encode(value).decode() if isinstance(value, bytes) else value
            for kind, value in bundle.items()}
    shown = nbformat.new_output("execute_result", data=data, execution_count=1)
    return nbformat.new_notebook(cells=[nbformat.new_code_cell("figure", outputs=[shown])])


def test_no_banner_and_a_picture_where_frames_are_taken_out():
    shown = web.figure(make())._repr_html_()
    assert "rust" not in re.sub(r'srcdoc="[^"]*"|base64,[^"]*', "", shown)
    # What a sanitiser leaves of it still is the map.
    left = re.sub(r"<iframe.*</iframe>", "", shown, flags=re.S)
    picture = re.search(r'<img src="data:image/png;base64,([^"]*)"', left)[1]
    from base64 import b64decode

    assert Image.open(BytesIO(b64decode(picture))).size[0] > 1000
    assert 'alt="&#' in left


def test_survives_nbconvert_to_html_without_an_address(notebook):
    exporters = pytest.importorskip("nbconvert.exporters")
    # The exporter's own scripts, which no map needs, are named by these.
    blank = dict.fromkeys(("require_js_url", "jquery_url", "mathjax_url", "mermaid_js_url"), "")
    page, _ = exporters.HTMLExporter(**blank).from_notebook_node(notebook)
    assert external_urls(page) == []
    kept = notebook.cells[0].outputs[0].data["text/html"]
    srcdoc = re.compile(r'srcdoc="([^"]*)"')
    assert markup.unescape(srcdoc.search(page)[1]) == markup.unescape(srcdoc.search(kept)[1])


def test_latex_takes_the_picture(notebook):
    exporters = pytest.importorskip("nbconvert.exporters")
    source, resources = exporters.LatexExporter().from_notebook_node(notebook)
    (name, data), = resources["outputs"].items()
    assert name.endswith(".png")
    assert name in source
    assert Image.open(BytesIO(data)).size[0] > 1000


@pytest.mark.browser
def test_a_printed_notebook_shows_the_picture_not_the_live_map(browser, tmp_path):
    from pypdf import PdfReader

    shown = web.figure(make())._repr_html_()
    (tmp_path / "nb.html").write_text(f"<meta charset='utf-8'>{shown}", encoding="utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto((tmp_path / "nb.html").as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready=true]").wait_for(state="attached", timeout=20_000)
    page.pdf(path=tmp_path / "nb.pdf")
    page.close()
    sheets = PdfReader(tmp_path / "nb.pdf").pages
    # The picture is one image; of the live page not a letter is printed.
    assert "".join(sheet.extract_text() for sheet in sheets).strip() == ""
    assert max(image.image.size[0] for sheet in sheets for image in sheet.images) > 1000


@pytest.mark.browser
def test_a_frame_that_begins_as_a_dot_ends_with_the_whole_map(browser, tmp_path):
    (tmp_path / "page.html").write_text(web.html(make()), encoding="utf-8")
    (tmp_path / "outer.html").write_text(
        web.embed("page.html").replace("<iframe", '<iframe id="map"').replace(
            'height="620" width="100%"', 'height="2" width="2"').replace('loading="lazy"', ""),
        encoding="utf-8")
    page = browser.new_page(viewport={"width": 1100, "height": 700})
    page.goto((tmp_path / "outer.html").as_uri())
    inner = page.frame(url=re.compile("page.html"))
    inner.wait_for_selector("html[data-ready=true]", state="attached")
    page.evaluate("Object.assign(document.querySelector('#map').style, "
                  "{width: '1000px', height: '620px'})")
    inner.wait_for_function("qz.map.getSize().y > 300")
    inner.wait_for_timeout(200)
    corners = inner.evaluate("""() => {
      const size = qz.map.getSize();
      const villages = qz.layers.find((layer) => layer.name === 'villages');
      return villages.anchors.map(([x, y]) => {
        const p = qz.map.latLngToContainerPoint(qz.latlng(x, y));
        return p.x > 0 && p.y > 0 && p.x < size.x && p.y < size.y; }); }""")
    page.close()
    assert len(corners) == 24
    assert all(corners)


# ---- stacks, units without data, tiles ----


@pytest.mark.browser
def test_records_on_one_place_are_one_ring_at_any_zoom(visit):
    page = visit(web.html(make(village_layer(), stacked_layer(), audience="internal")))
    for zoom in ("", "qz.map.setView(qz.map.getCenter(), 16, {animate: false})"):
        page.evaluate(zoom or "0")
        found = page.evaluate("qz.layers[1].clusters.list.map(c => [c.n, [...c.counts]])")
        assert sorted(found) == [[1, [1, 0, 0]], [29, [19, 10, 0]], [60, [40, 20, 0]]]
    page.click("[data-tool=home]")
    page.wait_for_timeout(500)
    at = page.evaluate("""() => {
      const c = qz.layers[1].clusters.list.find((one) => one.n === 60);
      const p = qz.map.latLngToContainerPoint(qz.latlng(c.x, c.y));
      const b = qz.map.getContainer().getBoundingClientRect();
      return [p.x + b.left, p.y + b.top]; }""")
    page.mouse.click(*at)
    words = page.locator(".leaflet-popup .qz-record").first.inner_text()
    assert "60 条" in words and "未整改销号" in words and "20" in words
    assert "第0条" in words and "另有 48 条" in words
    # Without the closed ones a third is left, and the last place, closed, is empty.
    page.click('[data-name=ledger] [data-code="closed"]')
    found = page.evaluate("qz.layers[1].clusters.list.map(c => c.n).sort((a, b) => a - b)")
    assert found == [10, 20]


@pytest.mark.browser
def test_a_unit_outside_the_statistics_is_hatched_and_stays(visit):
    rest = village_layer()
    only = rest.frame.iloc[[0]]
    outside = LayerSpec(name="outside", title="暂缺资料", kind="choropleth", frame=only,
                        style="no_data")
    fewer = rest.frame.iloc[1:]
    one = village_layer(frame=fewer, classes=rest.classes.iloc[1:])
    other = dataclasses.replace(one, name="other", title="另一", show=False)
    page = visit(web.html(make(outside, one, other, focus="villages")))

    def colours():
        return {colour_at(page, LEFT + 900 + 190 * step, BOTTOM + 1200) for step in range(8)}

    assert len(colours()) > 1
    assert NO_DATA_FILL in colours()
    page.check("[data-name=other] input[data-switch]")
    assert not page.is_checked("[data-name=villages] input[data-switch]")
    assert page.is_checked("[data-name=outside] input[data-switch]")
    assert NO_DATA_FILL in colours()


@pytest.mark.browser
@pytest.mark.parametrize("answers", [True, False])
def test_tiles_come_from_the_named_hosts_alone_and_their_absence_harms_nothing(
        browser, tmp_path, answers):
    land = LayerSpec(name="land", title="", kind="choropleth", style="land",
                     frame=village_layer().frame.assign(name=""))
    spec = make(shelter_layer(), context=(land,))
    tiles = web.Tiles(addresses=("https://t{s}.example.test/{z}/{y}/{x}?tk=k",), subdomains="01",
                      credit="某图 <GS1>")
    (tmp_path / "page.html").write_text(web.html(spec, tiles=tiles), encoding="utf-8")
    buffer = BytesIO()
    TILE.save(buffer, "PNG")
    asked = []
    context = browser.new_context(viewport={"width": 1000, "height": 700})
    page = context.new_page()

    def answer(route):
        asked.append(route.request.url)
        if answers:
            route.fulfill(body=buffer.getvalue(), content_type="image/png")
        else:
            route.abort()

    page.route(re.compile("^http"), answer)
    page.goto((tmp_path / "page.html").as_uri())
    page.wait_for_selector("html[data-ready=true]")
    page.wait_for_timeout(600)
    ground = colour_at(page, LEFT + 1200, BOTTOM + 1200)
    credit = page.locator(".leaflet-control-attribution").inner_text()
    context.close()
    assert asked
    assert all(re.fullmatch(r"https://t[01]\.example\.test/\d+/\d+/\d+\?tk=k", url)
               for url in asked)
    assert "某图 <GS1>" in credit
    # The own ground gives way to tiles that came (the canvas is clear there), and to no others.
    assert (ground == "#000000") == answers

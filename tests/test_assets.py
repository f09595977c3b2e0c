"""Vendored fonts and web scripts, what they cover, and pages that never ask the network."""

import base64
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk import assets
from qzrisk.assets import glyphs, page
from qzrisk.errors import ConfigError

ROOT = Path(__file__).parents[1]
WEB = ROOT / "qzrisk" / "assets" / "web"
MANIFEST = json.loads((WEB / "manifest.json").read_text(encoding="utf-8"))
LEAFLET = "https://cdn.jsdelivr.net/npm/leaflet@1.9.3/dist/leaflet"
JQUERY = "https://code.jquery.com/jquery-3.7.1.min.js"
# Ten characters of the sample city's village names that GB 2312 lacks.
RARE = "坵垵墘岞洑漈濛琯硿磻"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("QZRISK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def script(url):
    return f'<script src="{url}"></script>'


def sheet(url):
    return f'<link rel="stylesheet" href="{url}"/>'


# ---- what is vendored


def test_hashes_and_sizes_in_the_manifest_match_the_files():
    for name, entry in MANIFEST["files"].items():
        data = (WEB / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], name
        assert len(data) == entry["size"], name


def test_every_file_is_in_the_manifest_and_every_package_has_its_licence():
    licences = {about["licence_file"] for about in MANIFEST["packages"].values()}
    found = {path.relative_to(WEB).as_posix() for path in WEB.rglob("*") if path.is_file()}
    assert found == set(MANIFEST["files"]) | licences | {"manifest.json"}
    for name in licences:
        text = (WEB / name).read_text(encoding="utf-8")
        assert re.search(r"copyright", text, re.IGNORECASE) and "permi" in text.lower(), name
    assert {about["licence"] for about in MANIFEST["packages"].values()} <= {
        "MIT", "BSD-2-Clause", "BSD-3-Clause"
    }


def test_vendored_scripts_and_sheets_name_nothing_outside():
    for name in MANIFEST["files"]:
        if name.endswith((".js", ".css")):
            tag = "script" if name.endswith(".js") else "style"
            assert assets.external_urls(f"<{tag}>{assets.web_text(name)}</{tag}>") == [], name
            assert "sourceMappingURL" not in assets.web_text(name)


def test_size_of_all_assets():
    size = sum(path.stat().st_size for path in WEB.parent.rglob("*")
               if path.is_file() and path.suffix != ".pyc")
    assert size < 7_000_000


def test_web_text_of_an_unknown_name_lists_what_there_is():
    with pytest.raises(ConfigError, match=r"leaflet/leaflet\.css.*got: \.\./fonts/OFL\.txt"):
        assets.web_text("../fonts/OFL.txt")


def test_importing_assets_is_light():
    code = ("import qzrisk.assets, sys; "
            "print([m for m in ('fontTools', 'brotli', 'matplotlib', 'numpy', 'folium')"
            " if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


# ---- the inliner


def test_script_and_sheet_are_replaced_in_place_once_and_in_order():
    html = (f"<head><i>1</i>{sheet(LEAFLET + '.css')}<i>2</i>{script(LEAFLET + '.js')}<i>3</i>"
            f"{script(LEAFLET + '.js')}<i>4</i></head>")
    made = assets.inline(html)
    order = [made.index(mark) for mark in
             ("<i>1</i>", "<style>", "</style>", "<i>2</i>", "<script>", "</script>", "<i>3</i>")]
    assert order == sorted(order)
    assert made.count("<script>") == made.count("</script>") == 1
    assert "<i>3</i><i>4</i>" in made
    assert assets.web_text("leaflet/leaflet.js").strip()[:200] in made


def test_attribute_order_quotes_and_case_do_not_matter():
    for tag in (f"<LINK href='{LEAFLET}.css' REL=\"stylesheet\">",
                f"<link crossorigin href={LEAFLET}.css rel=stylesheet>",
                f'<link rel="preload stylesheet" as="style" href="\n {LEAFLET}.css ">'):
        assert assets.inline(tag).startswith("<style>"), tag
    assert assets.inline(f"<script defer\n src='{LEAFLET}.js'>ignored</script>x").endswith("x")


def test_end_tags_inside_scripts_and_sheets_are_escaped(monkeypatch):
    js = 'var a="</script><img>", b="</SCRIPT >", c="<!-- <script>"; if (1<!0) {}'
    css = 'a{content:"</style>"}'
    monkeypatch.setattr(page, "web_text", lambda name: css if name.endswith(".css") else js)
    made = assets.embed("x.js", "x.css")
    assert r'var a="<\/script><img>", b="<\/SCRIPT >", c="<\!-- <script>"; if (1<!0) {}' in made
    assert r'a{content:"<\/style>"}' in made

    seen = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, _attributes: seen.append(tag)
    reader.feed(made)
    assert seen == ["script", "style"]


def test_images_of_sheets_become_data_uris_whatever_their_quotes(monkeypatch):
    css = ("a{background:url(images/layers.png)}b{background:url('images/layers.png')}"
           'c{background:url( "./images/layers-2x.png" )}d{behavior:url(#default#VML)}'
           "e{background:url(data:image/png;base64,AA==)}")
    monkeypatch.setattr(page, "web_text", lambda _: css)
    made = page._element_text("leaflet/leaflet.css")
    png = base64.b64encode((WEB / "leaflet/images/layers.png").read_bytes()).decode()
    assert made.count(f"url(data:image/png;base64,{png})") == 2
    assert "layers" not in made and "url(#default#VML)" in made and "base64,AA==" in made
    monkeypatch.setattr(page, "web_text", lambda _: "a{background:url(images/none.png)}")
    with pytest.raises(ConfigError, match=r"leaflet/images/none\.png"):
        page._element_text("leaflet/leaflet.css")


def test_no_image_address_is_left_in_any_vendored_sheet():
    for name in MANIFEST["files"]:
        if name.endswith(".css"):
            assert page.css_addresses(assets.embed(name)) == [], name


@pytest.mark.parametrize(("html", "url"), [
    (script("https://a.cn/x.js"), "https://a.cn/x.js"),
    (script("//a.cn/x.js"), "//a.cn/x.js"),
    (script("plugin.js"), "plugin.js"),
    (sheet("http://a.cn/x.css"), "http://a.cn/x.css"),
    ('<link rel="icon" href="https://a.cn/i.png">', "https://a.cn/i.png"),
    ('<IMG alt="it\'s" SRC=//a.cn/x.png>', "//a.cn/x.png"),
    ("<img src='&#104;ttps://a.cn/x.png'>", "https://a.cn/x.png"),
    ("<img src=' ht\ntps://a.cn/x'>", "https://a.cn/x"),
    (r'<img src="\\a.cn/x.png">', r"\\a.cn/x.png"),
    ('<img srcset="a.png 1x, https://a.cn/b.png 2x">', "https://a.cn/b.png"),
    ('<a href="https://a.cn/">x</a>', "https://a.cn/"),
    ('<form action="https://a.cn/"></form>', "https://a.cn/"),
    ('<meta http-equiv="refresh" content="0; url=https://a.cn/">', "https://a.cn/"),
    ('<iframe srcdoc="<img src=https://a.cn/i>"></iframe>', "https://a.cn/i"),
    ('<svg><image xlink:href="https://a.cn/i"/></svg>', "https://a.cn/i"),
    ("<p style='background:url(\"//a.cn/p.png\")'>", "//a.cn/p.png"),
    ("<style>@import 'https://a.cn/x.css';</style>", "https://a.cn/x.css"),
    ("<style>@import url(//a.cn/x.css);</style>", "//a.cn/x.css"),
    ('<style>a{background:url( "http://a.cn/p.png" )}</style>', "http://a.cn/p.png"),
    ('<script>L.tileLayer(\n   "https://{s}.a.cn/{z}/{x}/{y}.png", {})</script>',
     "https://{s}.a.cn/{z}/{x}/{y}.png"),
    ("<script>fetch(`//a.cn/x`)</script>", "//a.cn/x"),
    ('<script>i.src = "https://a.cn/x"</script>', "https://a.cn/x"),
    ('<script>p.bindPopup("<img src=\\"https://a.cn/x\\">")</script>', "https://a.cn/x"),
    (r'<script>p.bindPopup("\u003ca href=\u0027https:\/\/a.cn\/x\u0027>")</script>'
     .replace(r"\u0027", "'"), "https://a.cn/x"),
    ('<script type="module">import a from "https://a.cn/x.js"</script>', "https://a.cn/x.js"),
    ('<script>new WebSocket("wss://a.cn/x")</script>', "wss://a.cn/x"),
    ("<b onclick=\"location.href='https://a.cn/'\">", "https://a.cn/"),
])
def test_an_unknown_address_is_refused_by_name(html, url):
    with pytest.raises(ConfigError) as caught:
        assets.inline(f"<p>泉</p>{html}<p>州</p>")
    assert caught.value.got == url
    assert assets.inline(html, allow=[url]) == html


def test_all_unknown_addresses_are_named_once():
    html = '<img src="//a.cn/1"><img src="//b.cn/2"><img src="//a.cn/1">'
    with pytest.raises(ConfigError) as caught:
        assets.inline(html)
    assert caught.value.got == "//a.cn/1, //b.cn/2"


@pytest.mark.parametrize("html", [
    "<p>see https://a.cn/x, src=\"https://a.cn\" and //a.cn</p>",
    "<p title='https://a.cn'>x</p><!-- <script src='https://a.cn'></script> -->",
    '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    '<use xlink:href="#a"/></svg>',
    "<style>@namespace url(http://www.w3.org/1999/xhtml);/* url(https://a.cn) */</style>",
    '<script>var n = "http://www.w3.org/2000/svg"; document.createElementNS(n, "g")</script>',
    '<script>var d = {"note": "https://a.cn/?src=https://b.cn", "x": "src=\\"//a.cn\\""}</script>',
    "<script>a.src = b; // https://a.cn\nvar r = /https:\\/\\/x/;</script>",
    '<img src="data:image/png;base64,//8="><a href="#top">x</a><a href="mailto:a@b.cn">y</a>',
    "<style>a{background:url(data:image/png;base64,//8=)}</style>",
    '<a href="other.html">x</a><img src="picture.png">',
])
def test_text_data_namespaces_and_local_addresses_stay_as_they_are(html):
    assert assets.inline(html) == html
    assert assets.external_urls(html) == []


@given(st.lists(st.sampled_from(
    ["<b>", "</b>", "泉州", "&amp;", "<!-- c -->", "<script>1</script>", "<p class='a\"b'>", "\n",
     "<style>a{}</style>", "<", ">", "it's", '"', "<br/>", "\u2028"]), max_size=12))
def test_a_page_without_addresses_is_returned_unchanged(pieces):
    html = "".join(pieces)
    assert assets.inline(html) == html


def test_what_is_dropped_leaves_nothing_and_what_needs_it_is_refused():
    (awesome,) = [u for u in MANIFEST["dropped"] if u.endswith("leaflet.awesome-markers.js")]
    everything = "".join(script(u) if u.endswith(".js") else sheet(u) for u in MANIFEST["dropped"])
    assert assets.inline(f"<head>{everything}</head>") == "<head></head>"
    with pytest.raises(ConfigError, match=r"AwesomeMarkers.*CircleMarker"):
        assets.inline(script(awesome) + "<script>L.AwesomeMarkers.icon({})</script>")
    (font,) = [u for u in MANIFEST["dropped"] if "fontawesome" in u]
    with pytest.raises(ConfigError, match="fontawesome"):
        assets.inline(sheet(font) + '<i class="fa fa-home"></i>')


def test_jquery_stays_only_where_the_page_calls_it():
    assert assets.inline(script(JQUERY) + "<p>costs $5, ${x}</p>") == "<p>costs $5, ${x}</p>"
    used = assets.inline(script(JQUERY) + "<script>$(`<b>x</b>`)[0]</script>")
    assert "jQuery" in used and used.startswith("<script>")


def test_language_chooses_the_build_of_the_measure_tool():
    (url,) = MANIFEST["files"]["leaflet-measure/leaflet-measure.cn.js"]["urls"]
    assert "测量距离和面积" in assets.inline(script(url))
    english = assets.inline(script(url), lang="en")
    assert "Measure distances and areas" in english and "测量" not in english
    with pytest.raises(ConfigError, match="expected: zh, en; got: fr"):
        assets.inline("", lang="fr")


def test_leaflet_shows_no_flag_and_knows_its_marker_pictures():
    made = assets.embed("leaflet/leaflet.js")
    assert "#4C7BE1" not in made and 'prefix:"Leaflet"' in made
    assert made.count("data:image/png;base64,") == 3


FOLIUM_CLASSES = ("FastMarkerCluster", "MarkerCluster", "MiniMap", "Fullscreen", "MeasureControl",
                  "GroupedLayerControl", "SideBySideLayers")


def test_every_address_that_folium_prints_for_our_plugins_is_known():
    """A new folium with new addresses shows here, not in a user's meeting room."""
    folium = pytest.importorskip("folium")
    plugins = pytest.importorskip("folium.plugins")
    known = {url for entry in MANIFEST["files"].values() for url in entry.get("urls", ())}
    known |= set(MANIFEST["dropped"])
    classes = [folium.Map, *(getattr(plugins, name) for name in FOLIUM_CLASSES)]
    for made in classes:
        for _, url in [*made.default_js, *made.default_css]:
            assert url in known, f"{made.__name__}: {url}"


@pytest.fixture(scope="module")
def folium_page():
    folium = pytest.importorskip("folium")
    from folium import plugins

    drawn = folium.Map(location=[25, 118.3], zoom_start=9, tiles=None)
    drawn.options["max_zoom"] = 18
    cluster = plugins.MarkerCluster().add_to(drawn)
    for step in range(9):
        popup = folium.Popup("<b>避灾点</b> </script> https://a.cn", parse_html=True)
        folium.CircleMarker([25 + step / 100, 118], popup=popup, tooltip="村").add_to(cluster)
    folium.Marker([25.1, 118.4]).add_to(drawn)
    outline = {"type": "Polygon", "coordinates": [[[118, 25], [118.5, 25], [118, 25.4], [118, 25]]]}
    folium.GeoJson(outline).add_to(drawn)
    plugins.MiniMap(tile_layer=folium.TileLayer(tiles="data:,", attr=" ")).add_to(drawn)
    plugins.Fullscreen().add_to(drawn)
    plugins.MeasureControl().add_to(drawn)
    folium.LayerControl().add_to(drawn)
    return assets.inline(drawn.get_root().render())


def test_a_folium_map_becomes_a_page_with_no_address(folium_page):
    assert assets.external_urls(folium_page) == []
    assert not re.search(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", folium_page)
    assert not re.search(r"bootstrap|fontawesome|AwesomeMarkers", folium_page)
    for name in ("leaflet/leaflet.js", "leaflet.markercluster/leaflet.markercluster.js",
                 "leaflet-minimap/Control.MiniMap.min.js",
                 "leaflet.fullscreen/Control.FullScreen.js",
                 "leaflet-measure/leaflet-measure.cn.js", "jquery/jquery.min.js"):
        assert assets.web_text(name).strip()[-60:] in folium_page, name


def test_default_folium_tiles_and_icons_are_refused():
    folium = pytest.importorskip("folium")
    with pytest.raises(ConfigError, match=r"tile\.openstreetmap\.org"):
        assets.inline(folium.Map([25, 118]).get_root().render())
    drawn = folium.Map([25, 118], tiles=None)
    folium.Marker([25, 118], icon=folium.Icon(color="red")).add_to(drawn)
    with pytest.raises(ConfigError, match="AwesomeMarkers"):
        assets.inline(drawn.get_root().render())


@pytest.mark.browser
def test_the_page_runs_offline_without_error_or_request(folium_page, tmp_path):
    chromium = Path("/usr/bin/chromium")
    if not chromium.exists():
        pytest.skip("no chromium")
    api = pytest.importorskip("playwright.sync_api")
    file = tmp_path / "页面.html"
    file.write_text(folium_page, encoding="utf-8")
    faults, requests = [], []
    with api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        tab = browser.new_context(offline=True).new_page()
        tab.on("pageerror", lambda error: faults.append(str(error)))
        tab.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        tab.on("request", lambda request: requests.append(request.url))
        tab.goto(file.as_uri())
        tab.wait_for_selector(".marker-cluster")
        shown = tab.evaluate("[...document.querySelectorAll('img.leaflet-marker-icon')]"
                             ".map(image => image.naturalWidth)")
        controls = [tab.locator(f".leaflet-control-{name}").count()
                    for name in ("minimap", "measure", "layers")]
        browser.close()
    assert faults == []
    assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
    assert sum(url.startswith("file:") for url in requests) == 1
    assert shown == [25] and controls == [1, 1, 1]


# ---- fonts


def read_names():
    for name in ("towns_names.csv", "villages_names.csv"):
        with (ROOT / "data" / "sources" / name).open(encoding="utf-8", newline="") as lines:
            yield from (row["name"] for row in csv.DictReader(lines))


@pytest.mark.parametrize("weight", ["Regular", "Bold"])
def test_fonts_cover_names_gb2312_and_rare_characters_in_both_weights(weight):
    from fontTools.ttLib import TTFont

    font = TTFont(assets.font_paths()[weight])
    covered = {chr(code) for code in font.getBestCmap()}
    names = set("".join(read_names()))
    assert len(names) == 759
    assert names <= covered
    assert set(RARE) <= covered
    gb2312 = {bytes([a, b]).decode("gb2312", "ignore")
              for a in range(0xA1, 0xF8) for b in range(0xA1, 0xFF)} - {""}
    assert len(gb2312) == 7445 and gb2312 <= covered
    assert set("堃喆赟翀瑄㎡°′″−–—“”…·①⑩■▲●→≥±×√²³ÀéüñōA0") <= covered
    # TrueType outlines: embedded as CFF they come out blank in some PDF readers.
    assert "glyf" in font and "CFF " not in font
    assert font["OS/2"].usWeightClass == {"Regular": 400, "Bold": 700}[weight]
    assert font["name"].getDebugName(1) == glyphs.FAMILY
    assert "SIL Open Font License" in font["name"].getDebugName(13)


def test_glyphs_are_drawn_not_empty():
    from fontTools.ttLib import TTFont

    font = TTFont(assets.font_paths()["Regular"])
    glyf, cmap = font["glyf"], font.getBestCmap()
    assert all(glyf[cmap[ord(character)]].numberOfContours != 0 for character in RARE + "泉州A1")


def test_missing_glyphs_are_named_and_invisible_characters_need_none():
    assert assets.missing_glyphs("".join(read_names())) == ""
    assert assets.missing_glyphs("泉😀州\U00020000😀") == "😀\U00020000"
    assert assets.missing_glyphs("a\tb\nc\r\u200b\u2028\ufeff\ufe0f") == ""
    assert assets.missing_glyphs("") == ""


def font_of(css):
    from fontTools.ttLib import TTFont

    data = re.search(r'url\(data:font/woff2;base64,([^)]+)\) format\("woff2"\)', css)[1]
    return TTFont(io.BytesIO(base64.b64decode(data)))


def test_subset_holds_exactly_the_characters_and_draws_them_the_same():
    css = assets.subset_font_css("泉州泉州 2021\n", "Bold")
    assert css.startswith('@font-face{font-family:"Noto Sans SC";font-weight:700;src:url(')
    font = font_of(css)
    assert {chr(code) for code in font.getBestCmap()} == set("泉州 201")
    from fontTools.ttLib import TTFont

    whole = TTFont(assets.font_paths()["Bold"])
    for code, name in font.getBestCmap().items():
        expected = whole["glyf"][whole.getBestCmap()[code]]
        assert font["glyf"][name].getCoordinates(font["glyf"])[0] == (
            expected.getCoordinates(whole["glyf"])[0]
        )
        assert font["hmtx"][name][0] == whole["hmtx"][whole.getBestCmap()[code]][0]
    assert assets.external_urls(f"<style>{css}</style>") == []


def test_subset_depends_only_on_the_set_of_characters_with_or_without_the_cache(cache, monkeypatch):
    first = assets.subset_font_css("州泉A泉")
    (kept,) = (cache / "fonts").glob("*.woff2")
    assert assets.subset_font_css("A泉州") == first
    kept.write_bytes(kept.read_bytes()[:100])  # half a file is made again
    assert assets.subset_font_css("A泉州") == first
    assert len(kept.read_bytes()) > 100
    blocked = cache.parent / "file"
    blocked.write_text("a file where a folder is needed")
    monkeypatch.setenv("QZRISK_CACHE", str(blocked / "below"))
    assert assets.subset_font_css("A泉州") == first
    assert assets.subset_font_css("A泉州", "Bold") != first


def test_the_cache_is_used_and_bounded(cache, monkeypatch):
    assets.subset_font_css("泉")
    monkeypatch.setattr(glyphs, "_make_subset", lambda *_: pytest.fail("made again"))
    assets.subset_font_css("泉")
    monkeypatch.undo()
    monkeypatch.setenv("QZRISK_CACHE", str(cache))
    monkeypatch.setattr(glyphs, "_KEPT_SUBSETS", 2)
    for index, character in enumerate("州南安"):
        assets.subset_font_css(character)
        for path in (cache / "fonts").glob("*.woff2"):  # older each round
            os.utime(path, (1e9 - index, path.stat().st_mtime - 10))
    assert len(list((cache / "fonts").glob("*.woff2"))) == 2


def test_subset_refuses_missing_glyphs_and_unknown_weights():
    with pytest.raises(ConfigError, match=r"😀 \(U\+1F600\)"):
        assets.subset_font_css("避灾点😀")
    with pytest.raises(ConfigError, match="expected: Regular, Bold; got: Black"):
        assets.subset_font_css("a", "Black")


@pytest.mark.parametrize(("environment", "expected"), [
    ({"QZRISK_CACHE": "/a/b"}, "/a/b"),
    ({"XDG_CACHE_HOME": "/x"}, "/x/qzrisk"),
    ({"HOME": "/home/u"}, "/home/u/.cache/qzrisk"),
])
@pytest.mark.skipif(sys.platform != "linux", reason="folders of Linux")
def test_cache_folder(monkeypatch, environment, expected):
    for name in ("QZRISK_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert glyphs._cache_folder() == Path(expected)

"""The interactive map: what is in the page, without a browser."""

import html as markup
import json
import re
from base64 import b64decode
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from PIL import Image
from web_world import (
    BOTTOM,
    CRS,
    HOSTILE,
    LEFT,
    make,
    shelter_layer,
    squares,
    village_layer,
)

from qzrisk.assets import external_urls
from qzrisk.errors import ConfigError
from qzrisk.grid import Raster
from qzrisk.levels import FOUR_LEVELS, palette
from qzrisk.maps import LayerSpec, web
from qzrisk.maps.spec import NO_DATA
from qzrisk.maps.web import payload

pytestmark = pytest.mark.usefixtures("quick_fonts")


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

"""The pages of `qzrisk map`, on cities small enough to count by hand; then in chromium."""

import dataclasses
import json
import re

import pandas as pd
import pytest
import shapely
from archipelago import write_isles
from city import write_city
from test_themes import SECRET, loaded, project  # noqa: F401 (fixtures)

import qzrisk as qz
from qzrisk import cli, pipeline
from qzrisk.assets import external_urls
from qzrisk.errors import ConfigError
from qzrisk.levels import palette
from qzrisk.maps import web
from qzrisk.maps.spec import NO_DATA
from qzrisk.pipeline import measures, web_layers, web_pages

pytestmark = pytest.mark.usefixtures("quick_fonts")
TILES = """
[map]
tiles = ["https://t{s}.example.test/vec/{z}/{y}/{x}?tk={key}",
         "https://t{s}.example.test/cva/{z}/{y}/{x}?tk={key}"]
subdomains = "01"
credit = "<b>GS(2024)1</b>"
"""


@pytest.fixture(scope="module")
def isles(tmp_path_factory):
    """Islands: S4 is flooded, S3 closed, E1 for earthquakes only; nobody to be moved on some."""
    opened = qz.open_project(write_isles(tmp_path_factory.mktemp("isles")))
    state = {"project": opened, "tick": str}
    for stage in pipeline.map_stages(("overview",))[:-1]:
        state.update(stage.function(**{name: state[name] for name in stage.needs}))
    return web_pages.Given(project=opened, loaded=state["loaded"], run_id="run",
                           results=state["results"], access=state["access"])


@pytest.fixture(scope="module")
def calmed(isles):
    """The islands once more, with nobody to be moved in the first town."""
    case = isles.results.cases["flood"]
    town = case.tables["town"].copy()
    town.loc[town.index[0], "at_risk_persons"] = 0.0
    town.loc[town.index[0], ["coverage_grade", "places_grade"]] = None
    case = dataclasses.replace(case, tables={**case.tables, "town": town})
    results = dataclasses.replace(isles.results, cases={**isles.results.cases, "flood": case})
    return dataclasses.replace(isles, results=results)


def dated(loaded):  # noqa: F811
    """The tiny layers with dates, chainages and one record of an unknown unit."""
    day = pd.Timestamp
    ledger = loaded.tables["hidden_dangers"].assign(
        found_on=[day("2021-03-01"), day("2021-05-01"), day("2021-05-02"), day("2021-01-01")],
        closed_on=[pd.NaT, pd.NaT, pd.NaT, day("2021-06-01")],
        sector=["gas", "fire", "fire", "gas"], description="秘密描述")
    ledger.loc["e"] = ledger.loc["a"]
    ledger.loc["e", "unit_id"] = "nowhere"
    survey = loaded.tables["survey"].assign(
        surveyed_on=[pd.NaT, day("2021-07-01"), day("2021-08-01"), day("2021-09-01")])
    points = loaded.layers["railway_points"].assign(
        found_on=day("2021-02-01"), chainage="K1+234", hazard_kind="dangerous_tree")
    return dataclasses.replace(
        loaded, tables={**loaded.tables, "hidden_dangers": ledger, "survey": survey},
        layers={**loaded.layers, "railway_points": points})


@pytest.fixture
def given(project, loaded):  # noqa: F811
    return web_pages.Given(project=project, loaded=dated(loaded), run_id="run")


def internal(given):
    return dataclasses.replace(given, project=given.project.with_(audience="internal"))


def html_of(name, given):
    made = web_pages.page(name, given)
    return web.html(made.spec, after=made.after)


def legend(page, name):
    section = re.search(rf'data-name="{name}".*?</section>', page, re.S)[0]
    return dict(re.findall(r'data-code="([^"]+)".*?class="qz-count">([\d,]+)<', section, re.S))


# ---- which pages there are ----


def test_an_unknown_page_lists_the_known_before_anything_is_read():
    with pytest.raises(ConfigError, match=r"no such page.*hidden_dangers"):
        pipeline.map_stages(("hidden_danger",))
    assert [stage.name for stage in pipeline.map_stages(("railway", "census"))] == ["read", "web"]
    assert [stage.name for stage in pipeline.map_stages(("risk",))] == [
        "read", "access", "coverage", "risk", "web"]


def test_a_project_without_the_layers_has_no_page(project, loaded):  # noqa: F811
    bare = dataclasses.replace(
        loaded, layers={"boundaries": loaded.layers["boundaries"]},
        tables={"units": loaded.tables["units"]})
    empty = web_pages.Given(project=project, loaded=bare, run_id="run",
                            results=measures.Results(coverage={}, risk={},
                                                     indicators=pd.DataFrame(), bounds=()))
    for name, (needs, _) in web_pages.PAGES.items():
        if needs == "data":
            assert web_pages.page(name, empty) is None, name
    assert web_pages.page("shelter_sites", empty) is None


@pytest.mark.parametrize("audience", ["public", "internal"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_asks_for_nothing_and_names_nobody(given, isles, audience, language):
    for made in (given, isles):
        spoken = dataclasses.replace(
            made, project=made.project.with_(audience=audience, language=language))
        for name, (needs, _) in web_pages.PAGES.items():
            if needs == "results" and spoken.results is None:
                continue
            if web_pages.page(name, spoken) is None:
                continue
            page = html_of(name, spoken)
            assert external_urls(page) == [], name
            said = re.findall(r"<span>[^<]*0\.001[^<]*</span>", page)
            assert len(said) <= (audience == "public"), name
            assert {"zh": "合成数据", "en": "synthetic data"}[language] in page
            if audience == "public":
                assert not any(secret in page for secret in SECRET), name


def test_command_line(tmp_path, capsys):
    path = write_city(tmp_path)
    assert cli.main(["map", "list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(web_pages.PAGES)
    assert all(re.search("[一-鿿].* / [a-z]", line) for line in listed)
    assert cli.main(["map", "risk", "--project", str(path), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.strip().endswith("risk.html")
    assert [file.name for file in (tmp_path / "out/maps").iterdir()] == ["risk.html"]
    assert cli.main(["map", "rsik", "--project", str(path)]) == 2
    assert "no such page" in capsys.readouterr().err
    assert cli.main(["map", "railway", "--project", str(path), "--out", str(tmp_path)]) == 1
    assert "railway" in capsys.readouterr().err


# ---- what the pages say ----


def test_legend_counts_are_those_of_the_tables(isles, given):
    results = isles.results
    page = html_of("risk", isles)
    for level in ("village", "county"):
        counted = results.risk[level]["risk_class"].value_counts()
        found = legend(page, f"{level}_risk")
        assert {code: int(n) for code, n in found.items() if code != NO_DATA} == {
            code: int(counted.get(code, 0)) for code in palette("risk").codes}, level
    page = html_of("shelters", isles)
    assert legend(page, "flood_use") == {
        "counts": "3", "unsafe": "1", "closed": "1", "capacity_unknown": "0", "not_serving": "1"}
    table = isles.results.cases["flood"].tables["town"]
    graded = table.loc[table["at_risk_persons"] > 0, "coverage_grade"].value_counts()
    found = legend(page, "flood_coverage")
    assert {c: int(n) for c, n in found.items() if c != NO_DATA} == graded.to_dict()
    page = html_of("hidden_dangers", given)
    assert legend(page, "ledger_found") == {"open": "4", "closed": "1"}
    assert legend(page, "ledger_closed") == {"重大": "1", "一般": "0"}
    page = html_of("census", given)
    assert legend(page, "records") == {"check": "2", "survey": "1", "list": "1"}


@pytest.mark.parametrize("audience", ["public", "internal"])
def test_every_page_carries_and_prints_the_counts_of_its_layers(given, isles, audience):
    compared = 0
    for made in (given, isles):
        spoken = dataclasses.replace(made, project=made.project.with_(audience=audience))
        for name, (needs, _) in web_pages.PAGES.items():
            page = None if needs == "results" and made.results is None else web_pages.page(
                name, spoken)
            if page is None or page.after is not None:
                continue
            html = web.html(page.spec)
            carried = {layer["name"]: layer for layer in json.loads(
                re.search(r'id="qz-data">(.*?)</script>', html, re.S)[1])["layers"]}
            for layer in page.spec.layers:
                counts = layer.counts()
                if not counts:
                    continue
                signs = carried[layer.name]["classes"]
                codes = palette(layer.palette).codes
                assert {c: signs.count(str(at)) for at, c in enumerate(codes)} | {
                    NO_DATA: signs.count(".")} == counts, (name, layer.name)
                found = {c: int(n.replace(",", "")) for c, n in legend(html, layer.name).items()}
                assert found == {c: n for c, n in counts.items() if n or c != NO_DATA}
                compared += 1
    assert compared > 15


def test_villages_are_counted_as_villages_and_the_county_outside_stays_hatched(isles):
    outside = isles.loaded.layers["boundaries"].query("level == 'county' and not in_statistics")
    for name in ("overview", "risk"):
        spec = web_pages.page(name, isles).spec
        units = isles.loaded.tables["units"]["level"]
        assert set(spec.layer("village_risk").frame.index.map(units)) == {"village"}
        if len(outside):
            assert list(spec.layer("outside").frame.index) == list(outside.index)
            assert "village_risk" in spec.layer("outside").joined
            assert spec.layer("outside").show


def test_what_is_not_closed_says_so_in_place_of_a_date(given):
    frame = web_pages.page("hidden_dangers", given).spec.layer("ledger_found").frame
    assert frame["closed_on"].tolist()[:4] == ["尚未销号"] * 3 + ["2021-06-01"]
    english = dataclasses.replace(given, project=given.project.with_(language="en"))
    frame = web_pages.page("hidden_dangers", english).spec.layer("ledger_found").frame
    assert frame["closed_on"].iloc[0] == "not closed yet"


def test_safe_shelters_say_that_nothing_was_found(isles):
    frame = web_pages.page("shelters", isles).spec.layer("flood_use").frame
    assert frame["unsafe"].notna().all()
    assert frame.loc["S1", "unsafe"] == "未发现"


def test_titles_notes_and_units_are_sentences_of_their_language(isles):
    english = dataclasses.replace(isles, project=isles.project.with_(language="en"))
    for made, stop in ((isles, "。"), (english, ".")):
        spec = web_pages.page("shelters", made).spec
        assert all(note.endswith(stop) and not note.endswith(2 * stop) for note in spec.notes)
        if made is english:
            assert all(one.title[0].isupper() for one in spec.layers)
            assert all(note[0].upper() == note[0] for note in spec.notes)
        else:
            heads = [head for one in spec.layers for head in one.fields.values()]
            assert not [head for head in heads if "persons" in head]


def test_a_town_with_nobody_to_be_moved_says_so(calmed):
    nobody = [calmed.results.cases["flood"].tables["town"].index[0]]
    layers = {layer.name: layer for layer in web_pages.page("shelters", calmed).spec.layers}
    overview = {layer.name: layer for layer in web_pages.page("overview", calmed).spec.layers}
    for found in (layers, overview):
        calm = found["flood_nobody"]
        assert list(calm.frame.index) == list(nobody)
        assert set(calm.joined) == {"flood_places", "flood_coverage"}
        assert not set(found["flood_coverage"].frame.index) & set(nobody)
    assert layers["flood_nobody"].show
    assert not overview["flood_nobody"].show


def test_sites_compares_the_same_towns_with_and_without_the_unsafe(isles):
    made = web_pages.page("shelter_sites", isles)
    before, after = (spec.layer("flood_coverage") for spec in (made.spec, made.after))
    assert list(before.frame.index) == list(after.frame.index)
    assert (before.frame["coverage_score"] >= after.frame["coverage_score"]).all()
    assert (before.frame["coverage_score"] > after.frame["coverage_score"]).any()
    assert list(made.spec.layer("unsafe").frame.index) == ["S4"]
    figures = list(made.spec.key_figures.values())
    assert figures[:2] == ["4", "3"]  # S1 S2 I1, and S4 on the left
    data = web.html(made.spec, after=made.after)
    assert data.count('data-name="unsafe"') == 1  # what both sides share stands once
    assert data.count('data-name="flood_coverage"') == 2


def test_ledger_stands_in_its_units_and_tells_the_public_no_record(given):
    public, house = (web_layers.ledger(one.loaded, one.project)[0]
                     for one in (given, internal(given)))
    home = web_layers.unit_places(given.loaded)
    shapes = given.loaded.layers["boundaries"].geometry
    # A1 is what is left of county A: villages va and vc, not vb between them.
    assert shapely.union_all(shapes[["va", "vc"]].to_numpy()).contains(home["A1"])
    assert shapes["vb"].contains(home["A2"])
    assert shapes["B"].contains(home["B"])
    places = house.frame.geometry
    assert [places[code].equals(home[unit]) for code, unit in
            zip("abcd", ("A1", "A1", "A2", "B"), strict=True)] == [True] * 4
    assert places["e"] is None
    assert "1 条记录的单元无图形" in " ".join(
        web_pages.page("hidden_dangers", given).spec.notes)
    assert "description" not in public.frame
    assert public.search is None
    assert house.search == "danger_id"
    assert house.frame["sector"].tolist()[:2] == ["燃气", "消防"]
    assert "秘密描述" not in html_of("hidden_dangers", given)
    assert "秘密描述" in html_of("hidden_dangers", internal(given))


def test_railway_points_are_counted_by_town_for_the_public(given):
    page = html_of("railway", given)
    assert "K1+234" not in page
    assert 'id="qz-time"' not in page
    spec = web_pages.page("railway", given).spec
    assert spec.layer("point_counts").size.to_dict() == {"tA": 2.0, "tB": 1.0}
    shown = web_pages.page("railway", internal(given)).spec.layer("points")
    assert shown.when == "found_on"
    assert shown.search == "point_id"
    assert shown.frame["hazard_kind"].unique().tolist() == ["危树"]
    assert "K1+234" in html_of("railway", internal(given))


def test_codes_without_words_stay_and_words_follow_the_language(given):
    frame = given.loaded.layers["boundaries"].assign(
        hazards_served="flood;typhoon;meteor", status="open")
    chinese = web_layers.worded(frame, "zh", prefix="shelter")
    assert chinese["hazards_served"].iloc[0] == "洪涝、台风、meteor"
    assert chinese["status"].iloc[0] == "启用"
    assert web_layers.worded(frame, "zh")["status"].iloc[0] == "未销号"
    assert web_layers.worded(frame, "en")["status"].iloc[0] == "open"


def test_villages_of_one_name_are_kept_apart_by_town(isles):
    layer = web_pages.page("overview", isles).spec.layer("village_risk")
    assert layer.search == "name"
    assert "town" in layer.fields
    assert layer.frame["town"].dropna().isin(
        isles.loaded.tables["units"].query("level == 'town'")["name"]).all()


# ---- tiles ----


def test_no_tiles_by_default_and_those_of_the_project_on_request(tmp_path, monkeypatch, loaded):  # noqa: F811
    path = write_city(tmp_path)
    plain = qz.open_project(path)
    assert plain.web_map.addresses() == ()

    def page(city):
        made = web_pages.Given(project=city, loaded=dated(loaded), run_id="run")
        file, = web_pages.save(["railway"], made, tmp_path)
        return file.read_text(encoding="utf-8")

    policy = re.compile(r'Content-Security-Policy" content="([^"]*)"')
    assert "http" not in policy.search(page(plain))[1]
    path.write_text(path.read_text(encoding="utf-8") + TILES, encoding="utf-8")
    keyless = qz.open_project(path)
    with pytest.raises(ConfigError, match="the tiles ask for a key"):
        page(keyless)
    path.write_text(path.read_text(encoding="utf-8") + 'key_env = "TEST_TILE_KEY"\n',
                    encoding="utf-8")
    monkeypatch.setenv("TEST_TILE_KEY", "a&b")
    made = page(qz.open_project(path))
    assert "img-src data: blob: https://t0.example.test https://t1.example.test;" in (
        policy.search(made)[1])
    assert "tk=a%26b" in made
    assert "<b>GS" not in made
    path.write_text(path.read_text(encoding="utf-8").replace("tiles =", "tile ="),
                    encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'tiles'"):
        qz.open_project(path)


def test_a_key_is_not_told_by_the_project(tmp_path):
    path = write_city(tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + TILES + 'key = "geheim"\n',
                    encoding="utf-8")
    project = qz.open_project(path)  # noqa: F811
    assert "geheim" not in repr(project)
    assert "geheim" in project.web_map.addresses()[0]


# ---- in headless chromium, offline ----


@pytest.mark.browser
def test_every_page_opens_without_a_fault(given, isles, visit):
    for made, names in ((isles, ("overview", "shelters", "shelter_sites", "risk")),
                        (internal(given), ("railway", "hidden_dangers", "census", "typhoons"))):
        for name in names:
            page = visit(html_of(name, made))
            assert page.locator(".qz-panel section").count() > 2


@pytest.mark.browser
def test_the_time_bar_counts_the_ledger(given, visit):
    page = visit(html_of("hidden_dangers", given))
    total = page.locator("[data-name=ledger_found] .qz-total")
    assert total.inner_text() == "共 5 条"
    steps = page.evaluate("qz.time.steps")
    at = steps.index("2021-05-01")
    page.locator("#qz-time input[type=range]").evaluate(
        f"e => {{ e.value = {at}; e.dispatchEvent(new Event('input')); }}")
    assert total.inner_text() == "显示 4 / 5 条"


@pytest.mark.browser
def test_counties_keep_their_names_beside_the_rings(given, visit):
    visit(html_of("hidden_dangers", given))
    spec = web_pages.page("hidden_dangers", given).spec
    assert spec.layer("counties").label == "name"
    assert (spec.layer("counties").frame["name"] != "").all()


@pytest.mark.browser
def test_a_shelter_of_two_layers_is_found_once_and_shown_once(isles, visit):
    page = visit(html_of("shelters", isles))
    name = isles.loaded.layers["shelters"]["name"].iloc[0]
    page.fill("#qz-search", name)
    found = page.locator("#qz-results [role=option]")
    assert found.filter(has_text=name).count() == (
        isles.loaded.layers["shelters"]["name"].str.contains(name, regex=False).sum())
    assert "能否启用" in found.first.inner_text()
    page.check("[data-name=shelters] input[data-switch]")
    assert not page.is_checked("[data-name=flood_use] input[data-switch]")
    page.fill("#qz-search", name)
    assert "按级别" in page.locator("#qz-results [role=option]").first.inner_text()


@pytest.mark.browser
def test_long_notes_are_cut_until_asked_for_and_printed_whole(isles, visit):
    made = web_pages.page("shelters", isles)
    many = made.spec.with_(notes=tuple(f"{at} 说明的说明的说明的说明。" for at in range(40)))
    page = visit(web.html(many))
    notes, more = page.locator("#qz-notes"), page.locator("#qz-more")
    shown, whole = notes.evaluate("e => [e.clientHeight, e.scrollHeight]")
    assert shown <= 40 < whole
    more.click()
    # Heights differ with the fonts of the machine: all is shown when nothing is left to scroll to.
    high, needed = notes.evaluate("e => [e.clientHeight, e.scrollHeight]")
    assert shown < high and needed - high <= 1
    assert more.get_attribute("aria-expanded") == "true"
    more.click()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert notes.evaluate("e => e.scrollHeight - e.clientHeight") <= 1
    few = visit(web.html(made.spec.with_(notes=("一。",))))
    assert few.locator("#qz-more").is_hidden()


@pytest.mark.browser
def test_the_legend_of_a_divided_page_is_printed_whole(isles, visit):
    page = visit(html_of("shelter_sites", isles))
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    high, whole = page.locator(".qz-panel").evaluate("e => [e.clientHeight, e.scrollHeight]")
    assert whole <= high + 1


@pytest.mark.browser
def test_completing_layers_come_and_go_with_what_they_complete(calmed, visit):
    page = visit(html_of("overview", calmed))
    calm = page.locator("[data-name=flood_nobody]")
    assert calm.is_hidden()
    page.check("[data-name=flood_places] input[data-switch]")
    assert calm.is_visible()
    assert not page.is_checked("[data-name=village_risk] input[data-switch]")
    page.check("[data-name=village_risk] input[data-switch]")
    assert calm.is_hidden()


@pytest.mark.browser
def test_sides_are_cut_at_the_divider(isles, visit):
    page = visit(html_of("shelter_sites", isles))
    page.focus(".qz-swipe")
    before = page.evaluate("qz.swipe.share")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("qz.swipe.share") > before
    assert page.locator(".qz-side").all_inner_texts() == ["不论选址是否安全", "只计选址安全的"]

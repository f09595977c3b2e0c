"""The atlas as a PDF: numbers, outline, links, fonts, equal bytes, failed and changed pages."""

import dataclasses
import re
import shutil
import subprocess

import geopandas as gpd
import map_world as world
import numpy as np
import pandas as pd
import pypdf
import pytest
from matplotlib.text import Text
from shapely.geometry import box

import qzrisk as qz
from qzrisk.errors import ConfigError, GlyphError
from qzrisk.maps import atlas
from qzrisk.maps.atlas import Bars, Contents, Cover, IndexPage, TextBlock, TextPage, UnitPage
from qzrisk.maps.atlas import fonts as shared_fonts
from qzrisk.maps.atlas.digest import digest
from qzrisk.maps.atlas.making import without_foot
from qzrisk.maps.atlas.numbering import expanded, roman
from qzrisk.maps.atlas.unit import unit_page
from qzrisk.maps.spec import Page

PT_PER_MM = 72 / 25.4
UNITS = dict(zip("abc", ("东城区", "西城区", "南山县"), strict=True))


def unit_spec(unit, **changes):
    frame = world.units().loc[[unit]]
    layer = world.risk_layer(name="units", frame=frame, classes=world.risk().loc[[unit]])
    given = {"title": UNITS[unit], "layers": (layer, world.lines_layer()), "focus": "units",
             "table": pd.DataFrame({"村": [f"{unit}村"], "人口": [1234], "等级": ["red"]}),
             "key_figures": {"常住人口": "1,234", "避灾点": "5"}}
    return world.risk_map(**{**given, **changes})


def unit(key, **changes):
    values = pd.Series({"本乡镇": 30.0, "满员": 10.0})
    given = {"key": key, "title": UNITS[key], "section": "分单元图", "spec": unit_spec(key),
             "comparison": pd.DataFrame({"指标": ["占比"], "本单元": ["1%"], "全市": ["2%"]}),
             "comparison_title": "与全市比较",
             "chart": Bars(title="去向", values=values, texts={"本乡镇": "30", "满员": "10"},
                           marks=values / 2, mark_words="全市")}
    return UnitPage(**{**given, **changes})


def pages(units=None):
    bare = world.risk_map(layers=(), table=None, focus="", key_figures={})
    return [
        Cover(key="cover", title="小城图集", subtitle="分单元", lines=("测试",),
              spec=world.risk_map(table=None)),
        Contents(key="contents", title="目录", spec=bare, note="不设分页：北岛县"),
        IndexPage(key="index", title="索引图", spec=world.risk_map(focus="risk", table=None),
                  layer="risk", targets={key: key for key in UNITS}),
        Page(key="risk", title="综合风险", section="总图", maps=(world.risk_map(),)),
        *(units or [unit(key) for key in UNITS]),
        TextPage(key="methods", title="方法与资料", section="附录", spec=bare, blocks=(
            TextBlock(heading="方法", lines=("等级为相对等级。",)),
            TextBlock(heading="资料", table=pd.DataFrame({"层": ["人口"], "条数": [6]})))),
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return atlas.save(pages(), tmp_path_factory.mktemp("atlas") / "a.pdf", workers=1)


@pytest.fixture(scope="module")
def reader(made):
    return pypdf.PdfReader(made.path)


def page_texts(path):
    if not shutil.which("pdftotext"):
        pytest.skip("poppler-utils is not installed: make system")
    text = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True,
                          check=True).stdout
    return text.split("\f")[:-1]


def links(page):
    """Return (left, bottom, right, top in mm, object of the target page) of each link."""
    notes = [note.get_object() for note in page.get("/Annots", ())]
    return [([float(v) / PT_PER_MM for v in note["/Rect"]], note["/Dest"]) for note in notes
            if note["/Subtype"] == "/Link"]


def target(reader, dest):
    first = dest[0]
    if isinstance(first, pypdf.generic.IndirectObject):
        return reader.get_page_number(first.get_object())
    return int(first)


# what is bound


def test_sheets_are_numbered_front_and_body(made, reader):
    assert made.sheets["number"].tolist() == ["", "ii", "1", "2", "3", "4", "5", "6"]
    assert reader.page_labels == ["i", "ii", "1", "2", "3", "4", "5", "6"]
    assert made.sheets["key"].tolist() == [page.key for page in pages()]
    assert made.findings.empty and list(made.findings.columns) == ["key", "title", "number",
                                                                   "message"]
    assert [roman(n) for n in (1, 4, 9, 14, 40)] == ["i", "iv", "ix", "xiv", "xl"]


def test_the_outline_leads_to_every_page_under_its_section(reader):
    flat = []
    for entry in reader.outline:
        level = entry if isinstance(entry, list) else [entry]
        flat += [(len(flat) and isinstance(entry, list), one.title,
                  reader.get_destination_page_number(one)) for one in level]
    titles = [(bool(below), title, number) for below, title, number in flat]
    assert titles == [
        (False, "小城图集", 0), (False, "目录", 1), (False, "索引图", 2), (False, "总图", 3),
        (True, "综合风险", 3), (False, "分单元图", 4), (True, "东城区", 4), (True, "西城区", 5),
        (True, "南山县", 6), (False, "附录", 7), (True, "方法与资料", 7)]


def test_lines_of_the_contents_lead_to_the_page_they_name(reader, made):
    found = {target(reader, dest) for _, dest in links(reader.pages[1])}
    assert found == {2, 3, 4, 5, 6, 7}
    text = page_texts(made.path)[1]
    for title, number in (("索引图", "1"), ("东城区", "3"), ("方法与资料", "6")):
        assert re.search(rf"{title}\s*{number}\b", text), title
    assert "不设分页：北岛县" in text


def test_units_of_the_index_lead_to_their_pages(reader, made):
    found = links(reader.pages[2])
    by_page = {}
    for rect, dest in found:
        by_page.setdefault(target(reader, dest), []).append(rect)
    # The unit without a page has no link; the squares lie side by side, west to east.
    assert set(by_page) == {4, 5, 6}
    edges = {n: (min(r[0] for r in rects), max(r[2] for r in rects), sum(
        (r[2] - r[0]) * (r[3] - r[1]) for r in rects)) for n, rects in by_page.items()}
    assert edges[4][1] <= edges[5][0] + 0.1 and edges[5][1] <= edges[6][0] + 0.1
    side = edges[4][1] - edges[4][0]
    for left, right, area in edges.values():
        assert right - left == pytest.approx(side, abs=0.2)
        assert area == pytest.approx(side**2, rel=0.08)
    text = page_texts(made.path)[2]
    assert "东城区 3" in text and "南山县 5" in text


def test_every_page_says_what_it_is_and_that_its_data_are_generated(made):
    for number, text in enumerate(page_texts(made.path)):
        assert "合成数据" in text, number
        assert "示意图 · 未经审图 · 不得公开发布" in text, number
        assert ("abc123" in text) == (number > 0), number


def test_unit_pages_hold_their_own_words_and_legend(made):
    texts = page_texts(made.path)
    for number, (key, name) in enumerate(UNITS.items(), start=4):
        text = texts[number]
        for words in (name, "常住人口", "1,234", "与全市比较", "去向", f"{key}村", "图例"):
            assert words in text, (name, words)
    # A legend counts the unit of its own page: red for a and c, blue for b.
    red, blue = r"高风险（红）\s*> 0.7\s*(\d)", r"低风险（蓝）\s*≤ 0.2\s*(\d)"
    counts = [(re.search(red, texts[n])[1], re.search(blue, texts[n])[1]) for n in (4, 5, 6)]
    assert counts == [("1", "0"), ("0", "1"), ("1", "0")]


def test_fonts_are_embedded_subsets_that_all_pages_share(made, reader):
    if not shutil.which("pdffonts"):
        pytest.skip("poppler-utils is not installed: make system")
    shown = subprocess.run(["pdffonts", str(made.path)], capture_output=True, text=True,
                           check=True).stdout.splitlines()[2:]
    assert 2 <= len(shown) <= 3
    for line in shown:
        assert re.search(r"\+(NotoSansSC|DejaVuSans)", line)
        assert line.split()[-5:-2] == ["yes", "yes", "yes"]  # embedded, subset, searchable
    files = set()
    for page in reader.pages:
        for shape in shared_fonts.fonts_of(page).values():
            below = shape.get_object()["/DescendantFonts"][0].get_object()
            files.add(below["/FontDescriptor"].get_object().raw_get("/FontFile2").idnum)
    assert len(files) == len(shown)


def test_paper_and_title(made, reader, tmp_path):
    wide, high = (float(v) / PT_PER_MM for v in reader.pages[3].mediabox[2:])
    assert (round(wide), round(high)) == (297, 210)
    assert reader.metadata.title == "小城图集" and reader.metadata.creation_date is None
    large = atlas.save(pages()[3:5], tmp_path / "b.pdf", paper="A3", workers=1, title="甲")
    box = pypdf.PdfReader(large.path)
    assert round(float(box.pages[0].mediabox[2]) / PT_PER_MM) == 420
    assert box.metadata.title == "甲" and box.page_labels == ["1", "2"]


# again


def test_equal_pages_give_equal_bytes_whoever_draws_them(made, tmp_path):
    again = atlas.save(pages(), tmp_path / "b.pdf", workers=2)
    assert again.sheets["made"].all()
    assert again.path.read_bytes() == made.path.read_bytes()
    third = atlas.save(pages(), again.path)
    assert not third.sheets["made"].any()
    assert third.path.read_bytes() == made.path.read_bytes()


def far_away(key):
    return unit(key, spec=unit_spec(key, extent=(0.0, 0.0, 10_000.0, 10_000.0)))


def test_a_failed_page_is_named_and_a_rerun_makes_only_it(made, tmp_path):
    broken = [far_away(key) if key == "b" else unit(key) for key in UNITS]
    first = atlas.save(pages(broken), tmp_path / "a.pdf", workers=1)
    assert first.findings[["key", "title", "number"]].values.tolist() == [["b", "西城区", "4"]]
    assert "图廓范围内没有任何要素" in first.findings["message"][0]
    texts = page_texts(first.path)
    assert len(texts) == 8
    assert "图廓范围内没有任何要素" in texts[5]
    assert "本页未能制成" in texts[5] and "西城区" in texts[5] and "合成数据" in texts[5]
    assert "南山县" in texts[6]
    # It is tried again, and what changed is made; the rest is as it would have been.
    assert atlas.save(pages(broken), first.path, workers=1).findings["key"].tolist() == ["b"]
    second = atlas.save(pages(), first.path, workers=1)
    assert second.sheets.loc[second.sheets["made"], "key"].tolist() == ["b"]
    assert second.findings.empty and second.path.read_bytes() == made.path.read_bytes()


def test_a_new_run_id_is_printed_without_drawing_the_maps_again(made, tmp_path):
    folder = tmp_path / "a.pages"
    shutil.copytree(made.path.with_name("a.pages"), folder)
    newer = [dataclasses.replace(page, maps=tuple(m.with_(run_id="new99") for m in page.maps))
             if isinstance(page, Page) else
             dataclasses.replace(page, spec=page.spec.with_(run_id="new99")) for page in pages()]
    done = atlas.save(newer, tmp_path / "a.pdf", workers=1)
    assert done.sheets.loc[done.sheets["made"], "key"].tolist() == ["cover"]
    texts = page_texts(done.path)
    assert all("new99" in text and "abc123" not in text for text in texts[1:])
    assert len(list(folder.iterdir())) == 2 * len(texts)  # nothing of the last run is left


def test_a_damaged_sheet_is_drawn_again(made, tmp_path):
    folder = tmp_path / "a.pages"
    shutil.copytree(made.path.with_name("a.pages"), folder)
    hurt, lost = sorted(folder.glob("*.pdf"))[:2]
    hurt.write_bytes(hurt.read_bytes()[:-200])
    lost.with_suffix(".json").write_text("{", encoding="utf-8")
    done = atlas.save(pages(), tmp_path / "a.pdf", workers=1)
    assert done.sheets["made"].sum() == 2
    assert done.path.read_bytes() == made.path.read_bytes()


def test_the_hash_sees_every_change_that_is_drawn():
    given = unit("a")
    frame = world.units().loc[["a"]]
    moved = frame.set_geometry(frame.translate(0.01, 0))
    layers = given.spec.layers
    others = [
        dataclasses.replace(given, title="东区"),
        dataclasses.replace(given, comparison=given.comparison.assign(全市=["3%"])),
        dataclasses.replace(given, chart=None),
        dataclasses.replace(given, spec=given.spec.with_(key_figures={"常住人口": "1,235"})),
        dataclasses.replace(given, spec=given.spec.with_(layers=(dataclasses.replace(
            layers[0], frame=moved), *layers[1:]))),
        dataclasses.replace(given, spec=given.spec.with_(layers=(dataclasses.replace(
            layers[0], classes=world.risk(("blue",) * 4).loc[["a"]]), *layers[1:]))),
    ]
    hashes = [digest(page) for page in (given, *others)]
    assert len(set(hashes)) == len(hashes) and digest(unit("a")) == hashes[0]
    renamed = dataclasses.replace(given, spec=given.spec.with_(run_id="zz", date_text="2030"))
    assert digest(without_foot(renamed)) == digest(without_foot(given))


def test_holes_and_parts_make_different_hashes():
    ring = box(0, 0, 9, 9).difference(box(3, 3, 6, 6))
    filled = gpd.GeoSeries([box(0, 0, 9, 9).union(box(20, 20, 21, 21))], crs=world.CRS)
    frames = [gpd.GeoDataFrame(geometry=shapes) for shapes in (
        gpd.GeoSeries([ring], crs=world.CRS), filled, gpd.GeoSeries([None], crs=world.CRS))]
    assert len({digest(frame) for frame in frames}) == 3


# bad input


def test_a_name_without_glyph_fails_the_run_and_is_named(tmp_path):
    odd = [unit("a"), unit("b", title="西\U0001f9ed城")]
    index = pages()[2]
    index = dataclasses.replace(index, targets={"a": "a"})
    with pytest.raises(GlyphError, match="西\U0001f9ed城"):
        atlas.save([index, *odd], tmp_path / "a.pdf", workers=1)
    assert not (tmp_path / "a.pdf").exists()
    # What could be drawn is kept for the next run.
    good = atlas.save([index, unit("a"), unit("b")], tmp_path / "a.pdf", workers=1)
    assert good.sheets.set_index("key")["made"].to_dict() == {"index": False, "a": False,
                                                              "b": True}


def test_one_unit_and_a_unit_without_shape(tmp_path):
    bare = unit("a", spec=unit_spec("a", layers=(), focus=""))
    done = atlas.save([bare], tmp_path / "a.pdf", workers=1)
    assert done.findings.empty and len(done.sheets) == 1
    text = page_texts(done.path)[0]
    assert "本单元暂缺图形" in text and "1,234" in text and "a村" in text and "图例" not in text
    empty = world.units().loc[["a"]].set_geometry(gpd.GeoSeries([None], index=["a"],
                                                                crs=world.CRS))
    with_none = unit("a", spec=unit_spec("a", layers=(
        world.risk_layer(name="units", frame=empty, classes=world.risk().loc[["a"]]),
        world.lines_layer()), focus="counties"))
    assert atlas.save([with_none], tmp_path / "b.pdf", workers=1).findings.empty


def test_long_names_stay_on_the_page():
    long = "福建省某某市某某自治县某某民族乡某某经济技术开发区管理委员会第一社区居民委员会" * 2
    table = pd.DataFrame({"村": [long] * 45, "人口": [123_456] * 45, "等级": ["red"] * 45})
    spec = unit_spec("a", title=long, subtitle=long, table=table, table_title=long,
                     key_figures={long: long, "人口": "9,999,999"})
    page = unit("a", title=long, spec=spec, comparison_title=long,
                chart=Bars(title=long, values=pd.Series({long: 1.0}), texts={long: "1"}))
    figure = unit_page(page, "A4")
    figure.draw_without_rendering()
    width, height = figure.bbox.width, figure.bbox.height
    for found in figure.findobj(Text):
        if found.get_text() and found.get_visible():
            edge = found.get_window_extent()
            assert edge.x0 >= 0.02 * width and edge.x1 <= 0.98 * width, found.get_text()
            assert edge.y0 >= 0.02 * height and edge.y1 <= 0.98 * height, found.get_text()


def test_contents_of_many_pages_take_sheets_and_no_section_stands_last():
    bare = world.risk_map(layers=(), table=None, focus="", key_figures={})
    many = [Contents(key="contents", title="目录", spec=bare)]
    many += [dataclasses.replace(unit("a"), key=f"u{n}", title=f"镇{n}", section=f"县{n // 14}")
             for n in range(174)]
    sheets, numbers = expanded(many, "A4")
    front = [sheet for sheet in sheets if sheet.page.key == "contents"]
    assert len(front) == 3 and numbers[:4] == ["i", "ii", "iii", "1"]
    columns = [column for sheet in front for column in sheet.entries]
    assert all(column[-1].key for column in columns)
    printed = [(entry.title, entry.number) for column in columns for entry in column if entry.key]
    assert printed == [(f"镇{n}", str(n + 1)) for n in range(174)]
    assert sum(not entry.key for column in columns for entry in column) == 13


def test_long_words_take_sheets(tmp_path):
    bare = world.risk_map(layers=(), table=None, focus="", key_figures={})
    lines = tuple(f"第{n}条，" + "说明文字" * 30 for n in range(60))
    table = pd.DataFrame({"层": [f"层{n}" for n in range(60)], "条数": range(60)})
    page = TextPage(key="t", title="方法", spec=bare, blocks=(
        TextBlock(heading="甲", lines=lines), TextBlock(heading="乙", table=table)))
    done = atlas.save([page], tmp_path / "a.pdf", workers=1)
    text = "".join(page_texts(done.path))
    assert len(done.sheets) > 2 and done.sheets["key"].unique().tolist() == ["t"]
    assert all(f"第{n}条" in text and f"层{n}" in text for n in range(60))


def test_bars_are_as_long_as_their_values(monkeypatch):
    from qzrisk.maps.atlas import unit as drawing
    from qzrisk.maps.static.page import new_sheet

    sheet = new_sheet("A4")
    chart = Bars(title="t", values=pd.Series({"甲": 4.0, "乙": 1.0, "丙": np.nan}),
                 texts={"甲": "4", "乙": "1", "丙": "—"})
    drawing.bars(sheet, chart, 10.0, 80.0).draw(100.0)
    long = [patch.get_width() for patch in sheet.ax.patches if patch.get_zorder() == 1.2]
    assert len(long) == 2 and long[0] == pytest.approx(4 * long[1])


@pytest.mark.parametrize(("given", "words"), [
    ([], "needs a page"),
    ([unit("a"), unit("a")], "two pages of one key"),
    ([IndexPage(key="i", title="索引", spec=world.risk_map(), layer="risk",
                targets={"a": "nowhere"})], "nowhere"),
    ([Page(key="p", title="p", maps=())], "needs a map"),
])
def test_what_cannot_be_bound_is_refused(given, words, tmp_path):
    with pytest.raises(ConfigError, match=words):
        atlas.save(given, tmp_path / "a.pdf")


@pytest.mark.parametrize(("name", "paper"), [("a.png", "A4"), ("a.pdf", "16:9")])
def test_paper_and_suffix_are_checked(name, paper, tmp_path):
    with pytest.raises(ConfigError, match="an atlas is a PDF"):
        atlas.save([unit("a")], tmp_path / name, paper=paper)


def test_a_disk_that_refuses_stops_the_run(tmp_path):
    (tmp_path / "a.pages").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(ConfigError, match="cannot write the file"):
        atlas.save([unit("a")], tmp_path / "a.pdf", workers=1)


def test_the_name_stays_callable():
    assert qz.maps.atlas.save is atlas.save

"""Golden pictures of a hand-made world, with the bundled font; rewritten by running this file.

Compared is the mean difference of the channels over blocks of 8 x 8 pixels at 60 dpi: at most
`MEAN` of 255 on the whole page and `WORST` in any block. A moved label, another colour of a class
or a lost hatch is far above; anti-aliasing of another build of the libraries is far below.
"""

import dataclasses
from io import BytesIO
from pathlib import Path

import map_world as world
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from qzrisk.maps import furniture, static
from qzrisk.maps.spec import Page
from qzrisk.maps.static.house import house_style

PICTURES = Path(__file__).parent / "pictures"
DPI, BLOCK = 60, 8
MEAN, WORST = 0.6, 14.0


def shelter_map():
    return world.risk_map(name="points", title="避灾点", table=None, layers=(
        world.risk_layer(), world.points_layer(label="name"), world.lines_layer()))


def circles():
    size = pd.Series([10.0, 5.0, 1.0, None], index=world.units().index)
    return world.lines_layer(name="people", title="人口", kind="graduated", style="", size=size,
                             size_unit="万人", label="name")


def pages():
    """Return name -> what is drawn."""
    english = world.units().assign(name=["East District", "West District", "South County",
                                         "North Isle County"])
    return {
        "risk": world.risk_map(),
        "risk_grey": world.risk_map(variant="grey"),
        "risk_colour_blind": world.risk_map(variant="colour_blind"),
        "risk_internal_en": world.risk_map(
            language="en", audience="internal", title="Composite risk", subtitle="by county",
            notes=("north isle county has no data",), source="Synthetic.", table=None,
            key_figures={"Residents": "885,000"},
            layers=(world.risk_layer(frame=english, title="risk class"),)),
        "points": shelter_map(),
        "raster": world.risk_map(
            name="rain", title="降雨量", table=None, key_figures={}, focus="rain",
            layers=(world.raster_layer(relief=world.raster_layer().raster), circles(),
                    world.lines_layer())),
        "pair": Page(key="pair", title="整治前后", subtitle="两期对比", maps=(
            world.risk_map(name="a", title="整治前"),
            world.risk_map(name="b", title="整治后", layers=(world.risk_layer(
                classes=world.risk(("blue", "blue", "yellow", None))), world.lines_layer())))),
    }


def drawn(made):
    figure = static.draw_page(made) if isinstance(made, Page) else static.draw(made)
    buffer = BytesIO()
    with house_style():
        figure.savefig(buffer, format="png", dpi=DPI)
    return Image.open(buffer).convert("RGB")


def differences(one, other):
    """Return the mean difference of blocks of pixels, 0..255."""
    one, other = (np.asarray(picture, dtype=float) for picture in (one, other))
    assert one.shape == other.shape
    rows, columns = (side // BLOCK * BLOCK for side in one.shape[:2])
    change = np.abs(one - other)[:rows, :columns].mean(axis=2)
    return change.reshape(rows // BLOCK, BLOCK, columns // BLOCK, BLOCK).mean(axis=(1, 3))


@pytest.mark.parametrize("name", pages())
def test_pages_look_as_they_did(name):
    change = differences(drawn(pages()[name]), Image.open(PICTURES / f"{name}.png").convert("RGB"))
    assert change.mean() <= MEAN, f"mean {change.mean():.2f}"
    assert change.max() <= WORST, f"worst block {change.max():.1f} at {np.argmax(change)}"


@pytest.mark.parametrize("changed", [
    world.risk_map(layers=(world.risk_layer(classes=world.risk(("orange", "blue", "red", None))),
                           world.lines_layer())),
    world.risk_map(layers=(world.risk_layer(label=None), world.lines_layer())),
    world.risk_map(layers=(world.risk_layer(), world.lines_layer(style="city_line"))),
    world.risk_map(synthetic=False)], ids=["class", "label", "line", "mark"])
def test_the_tolerance_sees_what_a_reader_would_see(changed):
    change = differences(drawn(changed), Image.open(PICTURES / "risk.png").convert("RGB"))
    assert change.max() > WORST or change.mean() > MEAN


def test_grey_pages_have_no_colour():
    for name in ("risk_grey",):
        picture = np.asarray(Image.open(PICTURES / f"{name}.png").convert("RGB"), dtype=int)
        assert np.ptp(picture, axis=2).max() <= 2
    pale = drawn(dataclasses.replace(shelter_map(), variant="grey"))
    assert np.ptp(np.asarray(pale, dtype=int), axis=2).max() <= 2


def test_legends_as_data():
    rows = [(row.swatch, row.words, row.note, row.count, row.colour)
            for row in furniture.legend_rows(pages()["points"])]
    assert rows == [
        ("heading", "综合风险等级", "", None, ""),
        ("fill", "高风险（红）", "> 0.7", 2, "#c8393b"),
        ("fill", "较高风险（橙）", "", 0, "#ee9347"),
        ("fill", "中风险（黄）", "", 0, "#f6dc74"),
        ("fill", "低风险（蓝）", "≤ 0.2", 1, "#6aa5d8"),
        ("no_data", "暂缺资料", "", 1, "#f4f4f1"),
        ("heading", "避灾点", "", None, ""),
        ("point", "县级避灾点", "", 1, "#7a1f3d"),
        ("point", "乡镇级避灾点", "", 0, "#2f5d8a"),
        ("point", "村级避灾点", "", 2, "#4f8f86"),
        ("line", "县界", "", None, "")]
    sized = [row.words for row in furniture.legend_rows(pages()["raster"])
             if row.swatch == "sized"]
    assert sized == ["10", "5", "1"]


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for stem, made in pages().items():
        drawn(made).save(PICTURES / f"{stem}.png", optimize=True)

"""The English names of the sample city, and the gallery of its maps."""

from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]


def table(path):
    return pd.read_csv(ROOT / path, dtype=str, keep_default_na=False).set_index("unit_id")


def test_every_unit_has_an_english_name_in_latin_letters():
    units = table("data/boundaries/units.csv")
    assert units["name_en"].str.fullmatch(r"[A-Z][A-Za-zü'\-(). ]+").all()
    assert units["name_en"][["350502", "350521", "350527", "350583"]].tolist() == [
        "Licheng District", "Hui'an County", "Kinmen County", "Nan'an City"]
    town = units[units["level"] == "town"]
    assert town["name_en"].str.endswith((" Town", " Township", " Subdistrict", " Zone",
                                         " Park")).all()


def test_the_table_of_romanised_names_is_that_of_the_units():
    units, made = table("data/boundaries/units.csv"), table("scripts/sample/names_en.csv")
    assert made.loc[units.index, "name"].equals(units["name"]), "run scripts/build_names_en.py"
    assert made.loc[units.index, "name_en"].equals(units["name_en"])


def test_the_gallery_is_small_and_whole():
    folder = ROOT / "docs" / "gallery"
    pictures = sorted(folder.glob("*.jpg"))
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert len(pictures) >= 29
    assert sum(path.stat().st_size for path in pictures) <= 1_500_000
    numbers = {path.name[:2] for path in pictures}
    assert {f"{number:02d}" for number in range(1, 18)} | {"at"} == numbers
    for path in pictures:
        assert path.stat().st_size <= 60_000, path.name
        assert f"({path.name})" in index
    assert "合成数据" in index and "synthetic data" in index

"""Nothing private leaves the house: the bytes of every public file of a planted city are read."""

import json
import re
import struct
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pypdf
import pytest
from city import BOTTOM, CRS, LEFT, write_city
from city import shelters as city_shelters
from PIL import Image
from shapely.geometry import LineString, Point

import qzrisk as qz
from qzrisk import pipeline
from qzrisk.layers.findings import COLUMNS
from qzrisk.layers.schema import schemas
from qzrisk.pipeline import publish

# Offsets in metres from the city's corner, each far from a multiple of 0.001 degree.
PLACES = {
    "teams": [(2345.25, 1234.5), (7395.75, 3210.25)],
    "railway_points": [(3330.25, 2540.5), (9330.5, 2550.25), (-5.5, 90_000.25)],
    "enterprises": [(4321.5, 987.25), (8765.25, 4321.5), (5555.25, 4100.75), (1000.5, 60_000.5)],
    "communities": [(2765.5, 3321.25), (6543.25, 2345.75)],
    "hazard_points": [(1456.25, 1666.5), (9876.5, 3456.25)],
    "incidents": [(4987.75, 2987.25)],
}
TABLES = ("hidden_dangers", "hidden_danger_counts", "survey", "survey_targets", "risk_points",
          "fire_weather")
UNNAMED = ("甲化工厂", "乙加气站", "丁化工厂", "密罐区一号", "密锅炉二号")
"""Names of records that the public sees only as counts."""
SOURCES = """
[[source]]
layer = "railways"
path = "railways.geojson"
[[source]]
layer = "railway_sections"
path = "sections.csv"
""" + "".join(f'[[source]]\nlayer = "{name}"\npath = "{name}.{suffix}"\n'
               for names, suffix in ((PLACES, "geojson"), (TABLES, "csv")) for name in names)


def secrets(layer):
    """Return a value for each personal column of a layer that stands nowhere else."""
    return {column: f"0999-76{len(layer):02d}5{rank}1" if "phone" in column
            else f"密{layer}{rank}人"
            for rank, column in enumerate(schemas()[layer].personal())}


def points(layer, columns):
    places = [Point(LEFT + x, BOTTOM + y) for x, y in PLACES[layer]]
    return gpd.GeoDataFrame({**columns, **secrets(layer)}, geometry=places, crs=CRS)


def shelters():
    """The shelters of the city, moved off the lattice of 0.001 degree."""
    frame = city_shelters()
    return frame.set_geometry(frame.translate(37.75, 57.5))


def planted():
    return {
        "teams": points("teams", {
            "team_id": ["T-0", "T-1"], "unit_id": ["vb", "vd"], "name": ["一队", "二队"],
            "kind": ["fire", "social"], "members": [20, 30]}),
        "railway_points": points("railway_points", {
            "point_id": ["R-0", "R-1", "R-9"], "unit_id": ["vb", "ve", "va"], "line_id": "L1",
            "chainage": ["K3+100", "K9+100", "K88+888"], "hazard_kind": "stacking",
            "level": "red", "status": "open"}),
        # The last of both lies far outside the city: a finding with a place.
        "enterprises": points("enterprises", {
            "enterprise_id": ["E-0", "E-1", "E-2", "E-9"], "unit_id": ["vc", "ve", "vc", "va"],
            "name": ["甲化工厂", "乙加气站", "丙商场", "丁化工厂"],
            "kind": ["hazchem", "demonstration", "demonstration", "hazchem"],
            "sector": ["hazchem", "gas", "fire", "hazchem"],
            "level": ["red", "orange", "blue", "red"],
            "employees": ["位于113.797613,29.824761", "10", "20", "30"]}),
        "communities": points("communities", {
            "community_id": ["C-0", "C-1"], "unit_id": ["vb", "vd"], "name": ["东社区", "西社区"],
            "kind": ["existing", "new_2021"], "persons": [300, 200]}),
        "hazard_points": points("hazard_points", {
            "hazard_point_id": ["H-0", "H-1"], "unit_id": ["va", "ve"], "kind": "landslide",
            "level": ["small", "medium"], "threatened_persons": [10, 20]}),
        "incidents": points("incidents", {
            "incident_id": ["F-0"], "unit_id": ["vc"], "kind": "forest_fire",
            "occurred_on": "2021-02-03", "level": "ordinary"}),
    }


def tables():
    """The layers without a place; of the ledger and the census each record names a person."""
    units = ["A1", "A2", "B"]
    return {
        "hidden_dangers": pd.DataFrame({
            "danger_id": ["D-0", "D-1", "D-2"], "unit_id": units, "sector": "fire",
            "grade": ["一般", "重大", "一般"], "found_on": "2021-03-04", "due_on": "2021-05-06",
            "state": ["open", "open", "closed"], "closed_on": [None, None, "2021-04-05"],
            "description": "出口堵塞，电话0999-7650099", **secrets("hidden_dangers")}),
        "hidden_danger_counts": pd.DataFrame({
            "count_id": units, "unit_id": units, "sector": "fire", "year": 2021,
            "found": [100, 50, 200], "closed": [90, 45, 190]}),
        "survey": pd.DataFrame({
            "record_id": ["Q-0", "Q-1", "Q-2"], "unit_id": ["va", "vb", "vd"], "form": "shelter",
            "stage": "survey", "surveyed_on": "2021-06-07", **secrets("survey")}),
        "survey_targets": pd.DataFrame({
            "target_id": units, "unit_id": units, "form": "shelter", "target": [2, 1, 4]}),
        "risk_points": pd.DataFrame({
            "point_id": ["P-0", "P-1", "P-2"], "enterprise_id": ["E-0", "E-2", "E-1"],
            "name": ["密罐区一号", "密锅炉二号", "密罐区一号"], "method": "LEC", "L": [6, 1, 3],
            "E": [6, 3, 6], "C": [15, 3, 7], "unit_id": ["vc", "vc", "ve"]}),
        "fire_weather": pd.DataFrame({
            "record_id": ["W-0", "W-1"], "station_id": ["站A", "站B"], "unit_id": ["A", "B"],
            "date": "2021-12-31", "max_temperature_c": [20.0, 25.0], "humidity_percent": [40, 60],
            "rain_mm": 0.0, "wind_m_s": [3.0, 4.0]}),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    path = write_city(folder)
    for name, frame in planted().items():
        frame.to_crs("EPSG:4326").to_file(folder / f"{name}.geojson")
    for name, frame in tables().items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    # A shelter that is refused with all it holds.
    frame = shelters().to_crs("EPSG:4326")
    twin = frame.iloc[[0]].assign(name="另一处", manager="联系人乙")
    (folder / "shelters.geojson").unlink()
    pd.concat([frame, twin]).to_file(folder / "shelters.geojson")
    gpd.GeoDataFrame({"line_id": ["L1"], "name": ["小城线"], "line_type": ["ordinary"]},
                     geometry=[LineString([(LEFT, BOTTOM + 2500), (LEFT + 12_000, BOTTOM + 2500)])],
                     crs=CRS).to_crs("EPSG:4326").to_file(folder / "railways.geojson")
    pd.DataFrame({"section_id": ["S1"], "line_id": ["L1"], "unit_id": ["A"], "from_m": [0],
                  "to_m": [6000], **secrets("railway_sections")}
                 ).to_csv(folder / "sections.csv", index=False)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[[raster]]", f"{SOURCES}[[raster]]", 1), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def outcome(folder, tmp_path_factory):
    return pipeline.run(qz.open_project(folder), tmp_path_factory.mktemp("public"))


@pytest.fixture(scope="module")
def private(folder):
    """Names and numbers of persons, and every exact place, as text and as bytes."""
    people = {"联系人甲", "联系人乙", "0999-1234567", "0999-7650099", *UNNAMED,
              *(word for layer in (*PLACES, *TABLES, "railway_sections") for word in
                secrets(layer).values())}
    needles = {word.encode(encoding) for word in people for encoding in ("utf-8", "utf-16-be")}
    needles |= {word.encode("ascii") for word in ("K88+888", "K9+100", "K3+100", "113.7976")}
    exact = pd.concat([*planted().values(), shelters()])[["geometry"]]
    for crs in (CRS, "EPSG:4490"):
        for x, y in exact.to_crs(crs).get_coordinates().to_numpy():
            for value in (x, y):
                needles |= {struct.pack("<d", value), struct.pack(">d", value)}
                whole = f"{value:.9f}"
                if crs == "EPSG:4490":
                    # Else the rounded place would read like the exact one.
                    assert whole[whole.index(".") + 4] not in "09", whole
                needles.add(whole[:whole.index(".") + (5 if crs == "EPSG:4490" else 2)].encode())
    return needles


def readable(path):
    """What a reader of the file could find: its bytes, and whatever lies packed in them."""
    data = [path.read_bytes()]
    if path.suffix == ".xlsx":
        with zipfile.ZipFile(path) as book:
            data += [book.read(name) for name in book.namelist()]
    elif path.suffix == ".pdf":
        reader = pypdf.PdfReader(path)
        data += ["".join(page.extract_text() for page in reader.pages).encode(),
                 str(reader.metadata).encode()]
    elif path.suffix == ".png":
        data.append(str(Image.open(path).info).encode())
    elif path.suffix == ".gpkg":
        for name, _ in pyogrio.list_layers(path):
            frame = pyogrio.read_dataframe(path, layer=name)
            data.append(pd.DataFrame(frame).to_csv().encode())
    return b"\0".join(data)


def everything(outcome):
    """Every file below the folder of a run, what is kept for the next run too."""
    return sorted(path for path in outcome.out.rglob("*") if path.is_file())


def test_the_run_made_every_kind_of_file_that_is_searched(outcome):
    names = {path.relative_to(outcome.out).as_posix() for path in everything(outcome)}
    assert {f"maps/{name}.html" for name in (
        "overview", "shelters", "risk", "railway", "hidden_dangers", "census")} <= names
    for number in ("06_hazard_points", "10_fire_weather", "11_railway_points", "12_teams",
                   "13_enterprises", "14_hidden_dangers", "15_communities", "16_census_progress"):
        assert {f"maps/{number}.png", f"maps/{number}.pdf"} <= names, number
    assert "atlas/atlas_reporting.pdf" in names
    assert any(name.startswith("atlas/atlas_reporting.pages/") for name in names)
    assert not [name for name in names if name.startswith("tables/returns")]


def test_no_public_file_holds_a_person_or_an_exact_place(outcome, private):
    for path in everything(outcome):
        data = readable(path)
        found = [needle for needle in private if needle in data]
        assert not found, (path.relative_to(outcome.out), found[:3])


def test_the_search_finds_them_in_the_files_of_the_house(folder, tmp_path, private):
    project = qz.open_project(folder).with_(audience="internal")
    loaded = pipeline.load(project)
    inside = publish.findings(loaded.issues, loaded, project)
    inside.to_file(tmp_path / "inside.gpkg")
    data = readable(tmp_path / "inside.gpkg")
    exact = planted()["enterprises"].geometry.iloc[3]
    assert struct.pack("<d", exact.x) in data
    assert b"113.7976" in data
    pd.DataFrame(loaded.layers["teams"]).to_csv(tmp_path / "teams.csv")
    assert any(needle in (tmp_path / "teams.csv").read_bytes() for needle in private)


def near(frame, places, metres):
    """Tell which places have a point of the frame within so many metres."""
    dots = frame[frame.geometry.geom_type.isin(["Point", "MultiPoint"])].to_crs(CRS)
    return [bool((dots.distance(place) < metres).any()) for place in places]


def test_public_layers_hold_no_point_of_what_is_only_counted(outcome):
    hidden = [*planted()["teams"].geometry, *planted()["railway_points"].geometry,
              *planted()["enterprises"].geometry.iloc[[0, 1, 3]]]
    path = outcome.out / "database.gpkg"
    for name, kind in pyogrio.list_layers(path):
        if kind is None:
            continue
        frame = gpd.read_file(path, layer=name)
        assert not any(near(frame, hidden, 120)), name
        dots = frame[frame.geometry.geom_type.isin(["Point", "MultiPoint"])]
        steps = dots.to_crs("EPSG:4490").get_coordinates().to_numpy() * 1000
        assert np.allclose(steps, np.round(steps), atol=1e-4), name
    shown = gpd.read_file(path, layer="enterprises")
    assert shown["enterprise_id"].tolist() == ["E-2"]


def units_of(stream):
    """Read the integers of the interactive map's payload."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    values, value, shift = [], 0, 0
    for letter in stream:
        digit = alphabet.index(letter)
        value |= (digit & 31) << shift
        shift += 5
        if digit < 32:
            values.append(-(value + 1) // 2 if value & 1 else value // 2)
            value, shift = 0, 0
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize("name", ["overview", "shelters", "railway", "risk"])
def test_the_interactive_map_carries_no_exact_point(outcome, name):
    page = (outcome.out / "maps" / f"{name}.html").read_text(encoding="utf-8")
    packed = json.loads(re.search(r'"geometries":(\[.*?\])', page).group(1))
    places = np.concatenate([np.cumsum(units_of(one["deltas"]).reshape(-1, 2), axis=0) / 1e5
                             for one in packed])
    assert len(places) > 20
    exact = pd.concat([*planted().values(), shelters()])[["geometry"]].to_crs("EPSG:4490")
    for lon, lat in exact.get_coordinates().to_numpy():
        assert np.abs(places - (lon, lat)).max(axis=1).min() > 2e-5


def test_findings_are_told_without_what_they_must_not_tell(outcome, folder):
    project = qz.open_project(folder)
    shown = publish.findings(outcome.issues, outcome.loaded, project)
    assert len(shown) == len(outcome.issues) and shown["rule"].tolist() == list(
        outcome.issues["rule"])
    places = shown.set_index(["record_id", "rule"]).geometry
    assert places["E-9", "coordinate_outside"] is None
    assert places["R-9", "coordinate_outside"] is None
    exact = shelters().set_index("shelter_id").geometry["S-va"]
    assert 1 < places["S-va", "duplicate_id"].distance(exact) < 80
    inside = publish.findings(outcome.issues, outcome.loaded, project.with_(audience="internal"))
    places = inside.set_index(["record_id", "rule"]).geometry
    assert places["S-va", "duplicate_id"].distance(exact) < 1e-3
    assert places["E-9", "coordinate_outside"] is not None


@pytest.mark.parametrize(("said", "told"), [
    ("118.58764", "***"), ("24°54'45.1″", "***"), ("118度35分", "***"), ("K12+345", "***"),
    ("651234.5", "***"), ("0595-22345678", "***"), ("13800000000", "***"),
    ("118.588", "118.588"), ("350502001", "350502001"), ("11089.1", "11089.1"), ("K", "K")])
def test_places_and_numbers_are_masked_in_any_words(folder, outcome, said, told):
    row = dict.fromkeys(COLUMNS, "") | {"layer": "shelters", "row": 1, "value": said,
                                        "message": f"读作 {said}！", "geometry": None}
    issues = pd.DataFrame([row])
    shown = publish.findings(issues, outcome.loaded, qz.open_project(folder))
    assert shown["value"].item() == told
    assert shown["message"].item() == f"读作 {told}！"


def test_the_step_is_the_projects(folder, outcome):
    project = qz.open_project(folder).with_(public_step_deg=0.01)
    moved = publish.layer(outcome.loaded.layers["shelters"], "shelters", project)
    steps = moved.to_crs("EPSG:4490").get_coordinates().to_numpy() * 100
    assert np.allclose(steps, np.round(steps), atol=1e-5)

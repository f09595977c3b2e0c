"""Settings of [risk] that no index can be made of, each refused by name; frozen files of others."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from city import BOTTOM, CRS, LEFT, write_city
from shapely.geometry import Point

import qzrisk as qz
from qzrisk.errors import ConfigError, CRSError, QzriskError
from qzrisk.pipeline import measures
from qzrisk.pipeline.risk import account, grid, notes
from qzrisk.pipeline.risk import measures as indicators
from qzrisk.pipeline.risk.assess import COMPOSITE, assess
from qzrisk.project import Indicator, open_project
from qzrisk.units import roll_up

FLOOD = Indicator(name="flood", dimension="hazard", hazard="flood", measure="raster_mean",
                  source="hazard", direction=1, weight=0.4, zh="洪水", en="Flood")
WIND = dataclasses.replace(FLOOD, name="wind", hazard="typhoon", weight=0.2, zh="风", en="Wind",
                           measure="raster_share", above=2.5)
PEOPLE = Indicator(name="people", dimension="exposure", measure="persons_per_km2", direction=1,
                   weight=0.2, zh="人口", en="People")
COVER = Indicator(name="cover", dimension="vulnerability", measure="coverage_column", direction=-1,
                  source="covered_share_1500m", weight=0.2, zh="覆盖", en="Covered")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    path = write_city(tmp_path_factory.mktemp("settings"))
    teams = gpd.GeoDataFrame(
        {"team_id": ["T1", "T2"], "name": ["甲队", "乙队"], "kind": ["fire", "social"],
         "members": [10, 30]}, crs=CRS,
        geometry=[Point(LEFT + 1000, BOTTOM + 500), Point(LEFT + 11000, BOTTOM + 4500)])
    teams.to_file(path.parent / "teams.gpkg", layer="teams")
    path.write_text(path.read_text(encoding="utf-8").replace(
        "[[raster]]", '[[source]]\nlayer = "teams"\npath = "teams.gpkg"\n[[raster]]', 1),
        encoding="utf-8")
    project = open_project(path)
    project = project.with_(risk=dataclasses.replace(
        project.risk, draws=60, indicators=(FLOOD, WIND, PEOPLE, COVER)))
    loaded = qz.load(project)
    return project, loaded, measures.coverage_tables(loaded, project)


def made_with(world, loaded=None, **changes):
    project, own, coverage = world
    changed = project.with_(risk=dataclasses.replace(project.risk, **changes))
    return changed, assess(loaded or own, coverage, changed)


def entry(measure, **given):
    return dataclasses.replace(FLOOD, **{"measure": measure, "source": "teams", **given})


@pytest.mark.parametrize(("given", "message"), [
    (entry("raster_share", source="hazard", above=np.nan), "above of an indicator"),
    (entry("raster_mean", source="hazard", weight=np.inf), "weight of an indicator"),
    (entry("kernel_density", radius_m=-5.0), "a number > 0"),
    (entry("nearest_cost_min", max_cost_min=0.0), "a number > 0"),
    (entry("raster_class", source="hazard", bounds=(1.0,), scores=(0.0, "high")), "scores of an"),
    (entry("raster_class", source="hazard", table={"x": 1.0}), "table of an indicator.*'x'"),
    (entry("raster_class", source="hazard", table={"0": np.nan}), "table of an indicator"),
    (entry("count", column="name"), "no numbers"),
    (entry("kernel_density", column="name", radius_m=500.0), "no numbers"),
    (entry("count", where={"kind": "fier"}), "no teams of this kind.*did you mean 'fire'"),
    (entry("count", where={"kind": "7"}), "no teams of this kind"),
    (entry("kernel_density", source="boundaries", radius_m=500.0), "density is that of points"),
])
def test_a_measure_that_no_number_can_come_of(world, given, message):
    _, loaded, coverage = world
    with pytest.raises(QzriskError, match=message):
        indicators.measured(loaded, coverage["village"], (given,))


def test_a_code_of_the_dictionary_may_be_absent_and_one_of_several_counts(world):
    _, loaded, coverage = world
    none = indicators.measured(loaded, coverage["village"], (
        entry("count", where={"kind": "forest"}),))["flood"]
    assert none.tolist() == [0] * 6
    shelters = loaded.layers["shelters"].assign(hazards_served=[
        "flood;typhoon", "typhoon", "typhoon_surge", None, "flood"])
    several = dataclasses.replace(loaded, layers={**loaded.layers, "shelters": shelters})
    found = indicators.measured(several, coverage["village"], (
        entry("count", source="shelters", where={"hazards_served": "typhoon"}),))["flood"]
    assert found.tolist() == [1, 1, 0, 0, 0, 0]


def test_a_layer_whose_rows_are_all_in_quarantine_counts_nothing(world):
    _, loaded, coverage = world
    teams = loaded.layers["teams"]
    lost = dataclasses.replace(loaded, layers={**loaded.layers, "teams": teams.iloc[:0]},
                               quarantine={"teams": teams})
    with pytest.raises(ConfigError, match="all in quarantine"):
        indicators.measured(lost, coverage["village"], (entry("count"),))


def test_infinite_cells_and_another_crs_name_the_indicator(world):
    _, loaded, coverage = world
    raster = loaded.rasters["hazard"]
    cells = raster.read().copy()
    cells[3, 3] = np.inf
    for crs, array, kind, message in (
            (CRS, cells, ConfigError, "risk.indicators flood.*va"),
            ("EPSG:4548", raster.read(), CRSError, "risk.indicators flood.*gdalwarp -t_srs")):
        other = qz.Raster(array, crs=crs, transform=raster.transform, nodata=-9999)
        changed = dataclasses.replace(loaded, rasters={"hazard": other})
        with pytest.raises(kind, match=message):
            indicators.measured(changed, coverage["village"], (FLOOD,))


@pytest.mark.parametrize(("changes", "message"), [
    ({"bounds": (20.0, 40.0, 60.0, 100.0)}, "outside the scale"),
    ({"bounds": ("a", "b", "c", "d")}, "outside the scale"),
    ({"bounds": (0.2, np.nan, 0.6, 1.0)}, "outside the scale"),
    ({"weighting": "ahp", "judgements": ("a", "b", "c")}, "judgements do not fit"),
    ({"weighting": "ahp", "judgements": ([1, 2, 3], [0.5, 1], [0.3, 0.5, 1])}, "3 x 3 numbers"),
    ({"weighting": "ahp", "judgements": (["1"] * 3,) * 3}, "judgements do not fit"),
    ({"concentration": np.inf}, "out of range.*concentration"),
    ({"indicators": (FLOOD, WIND, dataclasses.replace(PEOPLE, hazard="flood"), COVER)},
     "a hazard of an indicator that all hazards share"),
    ({"indicators": (FLOOD, dataclasses.replace(WIND, hazard="typhoons"))},
     "did you mean 'typhoon'"),
    ({"indicators": (FLOOD, dataclasses.replace(WIND, hazard="../out"))}, "letters, digits"),
    ({"indicators": (FLOOD, dataclasses.replace(WIND, hazard=COMPOSITE))}, "unusable code"),
    ({"indicators": (FLOOD, dataclasses.replace(WIND, hazard="", source="hazrad"))},
     "did you mean 'hazard'"),
])
def test_settings_that_give_no_index(world, changes, message):
    with pytest.raises(ConfigError, match=message):
        made_with(world, **changes)


def test_a_hazard_of_the_users_own_is_taken(world):
    _, made = made_with(world, indicators=(FLOOD, dataclasses.replace(WIND, hazard="雪灾")))
    assert list(made.by_hazard) == ["flood", "雪灾"]


@pytest.fixture
def frozen(world, tmp_path):
    path = tmp_path / "risk_bounds.toml"
    path.write_text(made_with(world)[1].frozen_text(), encoding="utf-8")
    return path


@pytest.mark.parametrize(("changes", "message"), [
    ({"method": "geometric"}, "another way.*geometric, manual.*arithmetic, manual"),
    ({"weighting": "entropy"}, "another way"),
    ({"weighting": "equal"}, "other weights.*flood"),
    ({"levels": 5}, "another number of classes"),
    ({"bounds": (0.2, 0.4, 0.6, 1.0)}, "frozen or bounds"),
    ({"indicators": (FLOOD, dataclasses.replace(WIND, above=1.5), PEOPLE, COVER)},
     "other definitions.*wind.*above 1.5.*above 2.5"),
    ({"indicators": (FLOOD, WIND, PEOPLE, dataclasses.replace(COVER, dimension="capacity"))},
     "other definitions.*cover"),
    ({"indicators": (FLOOD, WIND, PEOPLE, dataclasses.replace(COVER, direction=1))},
     "other directions.*cover"),
])
def test_a_frozen_file_of_another_index_is_refused(world, frozen, changes, message):
    with pytest.raises(ConfigError, match=message):
        made_with(world, frozen=frozen, **changes)


def test_a_frozen_file_of_before_definitions_is_taken_and_rubbish_is_not(world, frozen, tmp_path):
    old = "\n".join(line for line in frozen.read_text(encoding="utf-8").splitlines()
                    if not line.startswith(("definition", "method", "period")))
    frozen.write_text(old, encoding="utf-8")
    _, made = made_with(world, frozen=frozen)
    # Without a period it is still frozen, and no class is called relative.
    assert made.frozen
    rubbish = tmp_path / "rubbish.toml"
    rubbish.write_bytes(b"\xff\xfe\x00")
    for path in (rubbish, tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            made_with(world, frozen=path)


def test_inconsistent_judgements_are_named_under_every_table(world):
    # Hazard beats exposure 9 to 1, exposure beats vulnerability 9 to 1, and is itself beaten.
    judged = ([1, 9, 1 / 9], [1 / 9, 1, 9], [9, 1 / 9, 1])
    project, made = made_with(world, weighting="ahp", judgements=judged)
    result = measures.Results.of(world[2], made)
    said = [line for line in notes.class_notes(result, "county", project) if "不一致" in line]
    assert len(said) == 1
    assert "9" in said[0]
    project, made = made_with(world, weighting="ahp",
                              judgements=([1, 2, 2], [0.5, 1, 1], [0.5, 1, 1]))
    assert made.worst_judgement is None
    assert not any("不一致" in line for line in notes.class_notes(
        measures.Results.of(world[2], made), "county", project))


@pytest.mark.parametrize("method", ["geometric", "product", "maximum", "topsis"])
def test_every_hazard_and_level_has_a_confidence_by_any_method(world, method):
    project, made = made_with(world, method=method)
    units = world[1].tables["units"]
    persons = made.tables["village"]["persons"]
    assert np.allclose(persons, 500)
    for hazard, levels in {None: made.tables, **made.by_hazard}.items():
        for level, table in levels.items():
            sure = (made.confidence[level] if hazard is None else table)["confidence"]
            assert (sure.notna() == table["risk_class"].notna()).all(), (hazard, level)
    # The county by a plain loop: errors of a county are shared by its villages.
    rng, noise = np.random.default_rng(project.seed), np.random.default_rng([project.seed, 1])
    counties = made.tables["county"].index
    home = units["parent_id"].map(units["parent_id"])[made.scaled.index]
    kept = pd.Series(0.0, index=counties)
    for w in rng.dirichlet(project.risk.concentration * made.tree["weight"], 60):
        weights = pd.Series(w, index=made.tree.index)
        errors = pd.DataFrame(project.risk.data_error * noise.standard_normal(
            (len(counties), 4)), counties, made.tree.index)
        moved = (made.scaled + errors.loc[home].set_axis(home.index)).clip(0, 1)
        scores = qz.risk.hazard_scores(moved, made.tree, qz.risk.member_weights(
            made.tree, weights), present=made.present, method=method)
        index = qz.risk.composite(scores, qz.risk.hazard_weights(made.tree, weights))["score"]
        mean = roll_up(index * 500, units, to="county") / 1500
        classes = qz.classify.classes(mean, scheme="fixed", bounds=made.bounds[COMPOSITE].upper)
        kept += (classes.astype("str") == made.tables["county"]["risk_class"].astype("str"))
    sure = made.confidence["county"]["confidence"]
    assert np.allclose(sure[["A", "B"]], kept[["A", "B"]] / 60)
    assert np.isnan(sure["Z"])


def test_the_account_says_that_contributions_are_of_a_mean_the_index_is_not(world):
    for method, told in (("arithmetic", False), ("topsis", True)):
        project, made = made_with(world, method=method)
        result = measures.Results.of(world[2], made)
        said = account.explain(world[1], result, project, "B")
        assert ("其和不等于指数" in said) == told
        english = account.explain(world[1], result, project.with_(language="en"), "B")
        assert ("do not sum to it" in english) == told


def test_cells_on_a_bound_wear_the_class_of_their_village(world):
    _, loaded, _ = world
    raster = loaded.rasters["hazard"]
    cells = np.where(raster.read() > 0, np.float32(0.3), raster.read())
    changed = dataclasses.replace(loaded, rasters={"hazard": qz.Raster(
        cells, crs=CRS, transform=raster.transform, nodata=-9999)})
    limit = dataclasses.replace(WIND, above=0.3)
    project, made = made_with(world, changed, indicators=(limit, PEOPLE, COVER),
                              bounds=(0.1, 0.2, 0.3, 1.0))
    # Nothing lies above 0.3: no hazard, no risk, in villages and in cells alike.
    assert made.raw["wind"].tolist() == [0.0] * 6
    classed = grid.classed(changed, made, project)[COMPOSITE].read()
    assert set(np.unique(classed)) <= {0, 1}

"""Coverage by hazard and the relocation plan on a city of islands, by hand (see archipelago.py)."""

from dataclasses import replace

import openpyxl
import pandas as pd
import pytest
from archipelago import AT_RISK, point, write_isles
from hypothesis import given, settings
from hypothesis import strategies as st

import qzrisk as qz
from qzrisk import cli, pipeline
from qzrisk.errors import ConfigError
from qzrisk.layers import database
from qzrisk.maps.spec import MapSpec
from qzrisk.pipeline import (
    cases,
    coverage_maps,
    coverage_sheets,
    evenness,
    measures,
    relocation,
    shelters,
)
from qzrisk.pipeline.access import access, closed_roads
from qzrisk.reports import relocation as report

CELLS = ["c1", "c2", "c9", "d/1", "d2", "e1", "e2"]


def opened(folder, **options):
    project = qz.open_project(write_isles(folder, **options))
    return project, qz.load(project)


def made(folder, **options):
    project, loaded = opened(folder, **options)
    return cases.case(loaded, project, access(loaded), "flood")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("isles")


@pytest.fixture(scope="module")
def project(folder):
    return qz.open_project(write_isles(folder))


@pytest.fixture(scope="module")
def outcome(project, tmp_path_factory):
    return pipeline.run(project, tmp_path_factory.mktemp("isles_out"))


@pytest.fixture(scope="module")
def case(outcome):
    return outcome.results.cases["flood"]


# which shelters count


def test_who_counts_and_why_not(case):
    found = case.shelters
    assert found["counts"].to_dict() == {"S1": True, "S2": True, "S3": False, "S4": False,
                                         "I1": True, "E1": False}
    assert found["excluded"].dropna().to_dict() == {"S3": "closed", "S4": "unsafe"}
    assert not found.loc["E1", "serves"]
    assert found.loc["S4", ["reason", "value", "limit"]].tolist() == ["flood_depth", 2.0, 0.3]
    assert found["flags"].to_dict()["S2"] == "hazards_unknown"
    assert found.loc["S2", "unit_id"] == "vx"  # by its place, for lack of a code
    assert case.untested == ("landslide", "slope_point", "hazard_point", "hazardous_plant",
                             "railway_strip")


def test_places_by_hand():
    frame = pd.DataFrame({
        "space": ["indoor", "both", "outdoor", "outdoor", "indoor", None],
        "usable_area_m2": [101, 300, 500, 500, None, None],
        "indoor_area_m2": [None, 100, None, 0, None, None],
        "capacity_persons": [None, 40, None, None, 7, None],
        "effective_capacity_persons": [None, None, 0, None, None, None]})
    flood = shelters.places(frame, "flood")
    assert flood["places"].tolist() == [50, 40, 0, 0, 7, 0]
    assert flood["places_basis"].tolist() == ["estimated", "estimated", "recorded", "estimated",
                                              "declared", "unknown"]
    quake = shelters.places(frame, "earthquake")
    assert quake["places"].tolist() == [50, 140, 250, 250, 7, 0]


# coverage


def test_coverage_by_hand(case):
    cells = case.cells
    assert cells["unit_id"].to_dict()["d/1"] == "vx"
    assert cells["distance_m"].tolist() == [0, 1000, 0, 1000, 2000, 0, 1000]
    assert (cells["minutes"] * 72).round(6).tolist() == [0, 1000, 0, 1000, 2000, 0, 1000]
    # Within 30 minutes (2,160 m): c1 reaches S1 and S2; c2 both; c9 both; d/1 and d2 only S2.
    assert cells["shelters_in_reach"].tolist() == [2, 2, 2, 1, 1, 1, 1]
    village = case.tables["village"]
    assert village["at_risk_persons"].to_dict() == {"v 9": 40, "vx": 40, "vβ": 20, "isle": 40}
    assert village["covered_share_400m"].tolist() == [0.5, 0.5, 0, 0.5]
    assert village["covered_share_15min"].tolist() == [1, 1, 0, 1]
    assert village["elderly_covered_share_15min"].tolist() == [1, 1, 0, 1]
    assert village["at_risk_elderly_persons"].tolist() == [10, 10, 5, 10]
    county = case.tables["county"]
    assert county["places"].to_dict() == {"K": 45, "L": 100}
    assert county["places_per_at_risk_person"].to_dict() == {"K": 0.45, "L": 2.5}
    assert county["places_grade"].tolist() == ["severe", "ample"]
    assert county.loc["L", ["score_reach", "score_places", "score_backup"]].tolist() == [1, 1, 0]
    assert county.loc["L", "coverage_score"] == pytest.approx(80)
    assert county.loc["L", "coverage_grade"] == "basic"  # right-closed at 80


def test_blind_areas_backup_and_evenness_by_level_and_age(case):
    village = case.tables["village"]
    assert village["backup_share"].tolist() == [1.0, 0.5, 0.0, 0.0]
    assert village["elderly_backup_share"].tolist() == [1.0, 0.5, 0.0, 0.0]
    assert village["blind_persons"].tolist() == [0, 0, 0, 0]
    # All cells of the isle are alike but for the walk; one cell alone is even.
    assert village.loc["vβ", "gini"] == 0 and village.loc["isle", "gini"] > 0
    for level, table in case.tables.items():
        for column in ("gini", "elderly_gini", "children_access", "children_blind_persons",
                       "elderly_access"):
            assert table[column].notna().all(), (level, column)
        assert table["at_risk_elderly_persons"].sum() == 35, level
        assert table["at_risk_children_persons"].sum() == 14, level


def test_blind_persons_by_hand(isles_by):
    gone = isles_by(("I1", "S2"))  # d2 is 4,000 m from S1, d/1 and the isle too far as well
    table = gone.tables["county"]
    assert table["blind_persons"].to_dict() == {"K": 40, "L": 40}
    assert table["elderly_blind_persons"].to_dict() == {"K": 10, "L": 10}
    assert table["children_blind_persons"].to_dict() == {"K": 4, "L": 4}


def test_size_of_catchment_and_lorenz_curves(case, outcome):
    units = outcome.loaded.tables["units"]
    table = evenness.by_catchment(case, units, ("city", "county", "village"))
    assert table.groupby("level", sort=False)["unit_id"].unique().map(list).to_dict() == {
        "city": ["city"], "county": ["K", "L"], "village": ["v 9", "vx", "vβ", "isle"]}
    assert table["catchment_min"].tolist()[:5] == [10, 15, 20, 30, 45]
    city = table[table["level"] == "city"].set_index("catchment_min")
    # Within 10 min (720 m) c1, c9 and e1 have a shelter at their door, the other four have none.
    assert city.loc[10, "without_share"] == pytest.approx(4 / 7)
    assert city.loc[10, "elderly_without_share"] == pytest.approx(4 / 7)
    assert city.loc[30, "places_per_person"] == pytest.approx(145 / 140)
    assert city.loc[30, "gini"] == pytest.approx(case.tables["city"]["gini"].item())
    curve = evenness.lorenz(case, units, ("city",))
    assert curve["persons_share"].tolist()[::10] == [0, 0.5, 1]
    assert (curve["access_share"] <= curve["persons_share"] + 1e-12).all()
    assert curve["elderly_access_share"].iloc[-1] == 1


def test_minutes_beyond_the_limit_of_the_plan_are_measured_and_nobody_is_sent_so_far(tmp_path):
    project, loaded = opened(tmp_path, without=("S2", "S3", "S4", "I1"))
    loaded.layers["demand"].loc["d2", "geometry"] = point(5900)
    loaded.layers["shelters"].loc["S1", "effective_capacity_persons"] = 500
    far = coverage_of(project, thresholds_min=(5.0, 60.0, 90.0))
    found = cases.case(loaded, far, access(loaded), "flood")
    assert found.cells.loc["d2", "minutes"] == pytest.approx(5400 / 72)  # 75 min to S1
    table = found.tables["county"]
    assert table.loc["K", ["covered_share_60min", "covered_share_90min"]].tolist() == [0.8, 1.0]
    assert set(found.plan.moves["origin"]) == {"c1", "c2", "c9", "d/1"}
    assert found.plan.unserved.set_index("origin").loc["d2", "reason"] == "too_far"


def test_points_off_the_network_are_named(tmp_path):
    project, loaded = opened(tmp_path)
    cells = loaded.layers["demand"].copy()
    # Cell d2 5 km north of every road: no way, and said so.
    cells.loc["d2", "geometry"] = point(4500, 5000)
    loaded.layers["demand"] = cells
    found = cases.case(loaded, project, access(loaded), "flood")
    table = coverage_sheets.off_network(found, loaded.layers["shelters"],
                                        loaded.tables["units"]).set_index("point_id")
    assert table["reason"].to_dict() == {
        "d2": "too_far_from_road", "e1": "off_main_component", "e2": "off_main_component",
        "I1": "off_main_component"}
    assert table.loc["I1", "persons"] == 100
    assert "off_network" in found.shelters.loc["I1", "flags"]
    left = found.plan.unserved.set_index("origin")["reason"]
    assert left["d2"] == "off_network"
    assert any("格网 3 个、需转移 60 人" in note
               for note in coverage_sheets.case_notes(found, project))


def test_places_reached_are_all_places_shared(case):
    cells = case.cells
    assert (cells["places_per_person"] * cells["persons"]).sum() == pytest.approx(145)


def test_every_level_says_the_same(outcome, case):
    for level, table in case.tables.items():
        assert table["at_risk_persons"].sum() == 7 * AT_RISK, level
        assert table["places"].sum() == 145, level
        assert outcome.results.coverage[level]["persons"].sum() == 280, level


def test_residents_are_a_stress_test_with_ages_and_roads(outcome):
    city = outcome.results.coverage["city"].iloc[0]
    # All but d2 within 1,000 m of an open shelter of any hazard; d2 stands on S4 itself.
    assert city["covered_share_1000m"] == 1.0
    assert city["elderly_covered_share_15min"] == 1.0


@settings(max_examples=25)
@given(st.sets(st.sampled_from(["S1", "S2", "S3", "S4", "I1", "E1"]), max_size=5))
def test_removing_shelters_never_raises_coverage(isles_by, gone):
    whole, less = isles_by(()), isles_by(tuple(sorted(gone)))
    for level in whole.tables:
        columns = [c for c in whole.tables[level].columns if "_share_" in c
                   or c.startswith("score_") or c in ("access", "coverage_score", "places")]
        before = whole.tables[level][columns].fillna(0)
        after = less.tables[level][columns].fillna(0)
        assert (after <= before + 1e-12).all(axis=None)
    for one in (whole, less):
        assert one.plan.moves["persons"].sum() + one.plan.unserved["persons"].sum() == 140


@pytest.fixture(scope="module")
def isles_by(project):
    """Return the case of the city without some shelters, made once for each set of them."""
    loaded = qz.load(project)
    known = {}

    def without(gone):
        if gone not in known:
            kept = loaded.layers["shelters"].drop(index=list(gone))
            less = pipeline.Loaded(
                layers={**loaded.layers, "shelters": kept}, tables=loaded.tables,
                rasters=loaded.rasters, issues=loaded.issues, quarantine={}, counts=loaded.counts)
            known[gone] = cases.case(less, project, access(less), "flood")
        return known[gone]

    return without


def test_unsafe_shelters_lower_coverage(tmp_path, case):
    (tmp_path / "dry").mkdir()
    dry = made(tmp_path / "dry", wet=())
    assert dry.shelters.loc["S4", "counts"]
    assert dry.tables["city"]["access"].item() > case.tables["city"]["access"].item()


# the plan


def test_plan_by_hand(case):
    moves = case.plan.moves.groupby(["destination", "stage"])["persons"].sum()
    # 45 places of T-1 for the 80 persons of its own; none are left for T-7, and I1 is an island.
    assert moves.to_dict() == {("I1", "town"): 40, ("S1", "town"): 15, ("S2", "town"): 30}
    left = case.plan.unserved.groupby(["origin", "reason"])["persons"].sum()
    assert left.groupby("reason").sum().to_dict() == {"full": 55}
    assert left.groupby("origin").sum()["d2"] == 20


@pytest.mark.parametrize(("options", "reasons"), [
    # S1, 4,000 m at most from everyone, counts and is full.
    ({"without": ("S2",)}, {"full"}),
    # The nearest is unfit for some and under water for others.
    ({"without": ("S1", "S2")}, {"closed", "unsafe"}),
    # No mainland shelter is left but one that is unfit.
    ({"without": ("S1", "S2", "S4")}, {"closed"}),
    ({"without": ("S1", "S2", "S3", "S4")}, {"too_far"}),
    # r2 under water while the hazard lasts: c2 stands on it and is cut off.
    ({"state": "during", "wet": ((1200, 1800, 1.0),)}, {"full", "road_cut"}),
])
def test_every_person_left_out_has_a_reason(tmp_path, options, reasons):
    found = made(tmp_path, **options)
    left = found.plan.unserved
    assert set(left["reason"]) == reasons
    moved = found.plan.moves.groupby("origin")["persons"].sum()
    rest = left.groupby("origin")["persons"].sum()
    assert moved.add(rest, fill_value=0).reindex(CELLS).eq(AT_RISK).all()
    sent = found.plan.moves.groupby("destination")["persons"].sum()
    assert (sent <= found.shelters["places"].reindex(sent.index)).all()


def test_flooded_roads_and_who_they_cut_off(tmp_path):
    project, loaded = opened(tmp_path, wet=((1200, 1800, 1.0),))
    recorded, flooded = closed_roads(loaded, "flood")
    assert flooded[flooded].index.tolist() == ["r2"] and not recorded.any()
    before = cases.case(loaded, project, access(loaded), "flood")
    # Moved before the hazard c2 reaches S1; once r2 is under water it reaches nothing.
    assert before.cells.loc["c2", "cut_off"] and before.cells["cut_off"].sum() == 1
    assert before.tables["city"]["cut_off_persons"].item() == AT_RISK
    assert before.flooded_roads == 1
    during = cases.case(loaded, project.with_(coverage=type(project.coverage)(roads="during")),
                        access(loaded), "flood")
    assert (during.cells["minutes"].fillna(999) >= before.cells["minutes"].fillna(999)).all()
    assert closed_roads(loaded, "earthquake")[1].sum() == 0


def test_rows_of_a_village_sum_to_its_persons(case, project, outcome):
    rows = relocation.rows(case, outcome.loaded, project)
    sums = rows.groupby("unit_id")["moved_persons"].sum()
    assert sums.to_dict() == {"v 9": 40, "vx": 40, "vβ": 20, "isle": 40}
    assert (rows["to_move_persons"] == rows["unit_id"].map(sums)).all()
    assert (rows["shelter_id"].isna() == rows["reason"].notna()).all()
    assert rows.drop_duplicates("shelter_id").set_index("shelter_id")["places_left"].dropna(
        ).to_dict() == {"S1": 0, "S2": 0, "I1": 60}
    assert "phone" not in rows
    county = report.summary(rows, by="county")
    assert county["at_risk_persons"].to_dict() == {"K": 100, "L": 40}
    assert (county["in_town"] + county["in_county"] + county["unserved"]
            == county["at_risk_persons"]).all()
    cells = relocation.cells(case)
    assert cells.groupby(level=0)["persons"].sum().reindex(CELLS).eq(AT_RISK).all()


# products


def test_one_workbook_a_town_and_equal_totals_everywhere(outcome, case, project):
    folder = outcome.out / "tables" / "relocation"
    books = sorted(path.name for path in (folder / "flood").iterdir())
    assert books == ["T-1_西镇.xlsx", "T-7_东镇.xlsx", "T-isle_岛镇.xlsx"]
    printed = 0
    for name in books:
        page = openpyxl.load_workbook(folder / "flood" / name).active
        heads = [cell.value for cell in page[3]]
        column = heads.index("本行人数（人）")
        rows = [row for row in page.iter_rows(min_row=4, values_only=True)
                if isinstance(row[column], int | float)]
        printed += sum(row[column] for row in rows)
        words = {str(cell) for row in page.iter_rows(values_only=True) for cell in row if cell}
        assert "合成数据" in words and not any("联系人乙" in word for word in words)
    csv = pd.read_csv(folder / "relocation_flood.csv")
    legend = {code: int(left.sum())
              for code, left in coverage_maps.by_reason(case, outcome.loaded).items()}
    unplaced = csv[csv["reason"].notna()].groupby("reason")["moved_persons"].sum().to_dict()
    assert printed == csv["moved_persons"].sum() == 140
    assert legend == unplaced == {"full": 55}
    stored = database.read(outcome.out / "database.gpkg")
    assert stored["relocation_flood"]["moved_persons"].sum() == 140
    assert stored["coverage_flood_county"]["at_risk_persons"].sum() == 140
    pages = coverage_maps.pages(project, outcome.loaded, case, "run")
    assert [getattr(page, "name", None) or page.key for page in pages] == [
        "03_places_flood", "04_coverage_flood", "05_unserved_flood"]
    grade = pages[1].layer("flood_coverage").counts()
    table = case.tables["town"]["coverage_grade"].value_counts()
    assert {code: grade[code] for code in table.index} == table.to_dict()
    for name in ("03_places_flood.png", "04_coverage_flood.pdf", "05_unserved_flood.png"):
        assert f"maps/{name}" in outcome.files
    assert isinstance(pages[0], MapSpec)


def test_internal_plan_names_who_to_call(outcome, project, case):
    rows = relocation.rows(case, outcome.loaded, project.with_(audience="internal"))
    assert set(rows.loc[rows["shelter_id"].notna(), "phone"]) == {"0999-7654321"}
    assert rows.loc[rows["shelter_id"].isna(), "phone"].isna().all()


def test_without_roads_straight_lines_and_said_so(tmp_path):
    project, loaded = opened(tmp_path, with_roads=False)
    found = cases.case(loaded, project, access(loaded), "flood")
    assert found.basis == "straight"
    assert (found.cells["minutes"] * 72 / 1.3).round(6).tolist()[:4] == [0, 1000, 0, 1000]
    tables = measures.coverage_tables(loaded, project)["city"]
    assert "covered_share_15min" not in tables and "covered_share_1000m" in tables
    made_ = pipeline.tables.coverage_books(
        project, loaded, measures.Results(coverage=measures.coverage_tables(loaded, project),
                                          risk={}, indicators=pd.DataFrame(), bounds=(),
                                          cases={"flood": found}), "run")
    notes = made_["coverage_flood"]["coverage_flood_city"].notes
    assert any("没有道路资料" in note for note in notes)
    assert any("高陡边坡" in note for note in notes)  # not tested for, and said so


def test_command_without_persons_to_be_moved_is_a_stress_test(tmp_path, capsys):
    path = write_isles(tmp_path, at_risk=False)
    assert cli.main(["coverage", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "仅作压力测试" in capsys.readouterr().out
    assert (tmp_path / "out" / "tables" / "coverage.xlsx").is_file()
    assert not (tmp_path / "out" / "tables" / "relocation").exists()
    assert cli.main(["coverage", str(path), "--hazard", "flood", "--out",
                     str(tmp_path / "out")]) == 2
    assert "at_risk_persons_flood" in capsys.readouterr().err


def coverage_of(project, **changes):
    return project.with_(coverage=replace(project.coverage, **changes))


@pytest.mark.parametrize(("within", "placed"), [
    # v 9 has S1 (15), vx has S2 (30): 40 persons each; the isle places its 40 in any case.
    ("village", {"village": 85}),
    ("town", {"town": 85}),
    ("county", {"whole_county": 85}),
    ("city", {"whole_city": 85}),
])
def test_how_far_from_home_is_a_choice_of_the_project(project, outcome, within, placed):
    changed = coverage_of(project, within=within)
    found = cases.case(outcome.loaded, changed, access(outcome.loaded), "flood")
    assert found.plan.moves.groupby("stage")["persons"].sum().to_dict() == placed
    rows = relocation.rows(found, outcome.loaded, changed)
    sums = report.summary(rows, by="county")
    inside = [c for c in sums if c.startswith("in_")]
    assert (sums[[*inside, "unserved"]].sum(axis=1) == sums["at_risk_persons"]).all()


def test_another_village_of_the_town_is_its_own_stage(project, outcome):
    changed = coverage_of(project, within="village")
    loaded = outcome.loaded
    kept = loaded.layers["shelters"].drop(index="S1")
    less = pipeline.Loaded(layers={**loaded.layers, "shelters": kept}, tables=loaded.tables,
                           rasters=loaded.rasters, issues=loaded.issues, quarantine={},
                           counts=loaded.counts)
    kept.loc["S2", "effective_capacity_persons"] = 70
    found = cases.case(less, changed, access(less), "flood")
    moves = found.plan.moves.groupby(["destination", "stage"])["persons"].sum().to_dict()
    # vx fills 40 of 70 places, v 9 follows: c2 and c1 are 1,000 and 2,000 m away; none is left
    # for T-7 but what they leave.
    assert moves == {("I1", "village"): 40, ("S2", "village"): 40, ("S2", "other_village"): 30}


def test_a_cell_may_be_kept_together_and_the_gap_is_told(tmp_path, capsys):
    path = write_isles(tmp_path)
    text = path.read_text(encoding="utf-8").replace("[coverage]\n", "[coverage]\nsplit = false\n")
    path.write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    assert cli.main(["coverage", str(path), "--out", str(out)]) == 0
    assert "同一格网的人不拆分" in capsys.readouterr().out
    cells = pd.read_csv(out / "tables" / "relocation" / "relocation_flood_cells.csv")
    assert not cells["demand_id"].duplicated().any()  # nobody is parted
    served = cells[cells["shelter_id"].notna()]
    # S1 with 15 places takes no cell of 20, S2 with 30 takes one, I1 both of the isle.
    assert served.groupby("shelter_id")["persons"].sum().to_dict() == {"S2": 20, "I1": 40}
    assert cells.loc[cells["shelter_id"].isna(), "reason"].unique().tolist() == ["not_whole"]
    assert cells["persons"].sum() == 140
    page = openpyxl.load_workbook(out / "tables" / "relocation" / "flood" / "T-1_西镇.xlsx").active
    words = [str(c) for row in page.iter_rows(values_only=True) for c in row if c]
    assert any("混合整数规划" in word for word in words) and "余位不足以整格安置" in words


def test_unknown_hazard_names_the_known_ones(project):
    wrong = project.with_(coverage=type(project.coverage)(hazards=("meteor",)))
    with pytest.raises(ConfigError, match="flood"):
        cases.main_hazards(qz.load(wrong), wrong)


def test_nobody_to_be_moved_in_the_whole_city(tmp_path):
    project, loaded = opened(tmp_path)
    loaded.layers["demand"]["at_risk_persons_flood"] = 0
    found = cases.case(loaded, project, access(loaded), "flood")
    assert found.plan.moves.empty and found.plan.unserved.empty
    assert found.tables["city"]["coverage_grade"].isna().all()
    assert found.catchments.empty
    assert relocation.rows(found, loaded, project).empty

"""The sample city through the whole job, against golden tables; a mutated copy must be seen.

The golden tables are rewritten by ``python tests/test_sample_run.py`` when a change of numbers is
meant; CHANGELOG.md then says why.
"""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

import qzrisk as qz
from qzrisk import pipeline
from qzrisk.pipeline import cases, measures
from qzrisk.pipeline.access import access
from qzrisk.project import Source

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "tests" / "golden"
RULES = {"outside_unit": ("outside_unit", "near_border")}
LEVELS = ("city", "reporting", "county")


def tables(loaded, project):
    given = access(loaded)
    coverage = measures.coverage_tables(loaded, project, given)
    risk, _, bounds = measures.risk_tables(loaded, coverage, project)
    made = {f"coverage_{level}": coverage[level] for level in LEVELS}
    typhoon = cases.case(loaded, project, given, "typhoon")
    made |= {f"coverage_typhoon_{level}": typhoon.tables[level] for level in LEVELS}
    left = typhoon.plan.unserved.groupby("reason")["persons"].sum()
    made["unserved_typhoon"] = left.rename_axis("unit_id").to_frame()
    made |= {f"risk_{level}": risk[level] for level in LEVELS}
    made["risk_bounds"] = pd.DataFrame({"bound": bounds}).rename_axis("unit_id")
    for level in ("town", "village"):
        counts = risk[level]["risk_class"].value_counts(sort=False, dropna=False)
        made[f"risk_counts_{level}"] = counts.rename_axis("unit_id").to_frame("units")
    return made


@pytest.fixture(scope="module")
def project():
    return qz.open_project(ROOT)


@pytest.fixture(scope="module")
def checked(project):
    return pipeline.check(project)


def test_read_is_accepted_plus_quarantined(checked):
    counts = checked[0].counts
    assert (counts["read"] == counts["accepted"] + counts["quarantined"]).all()
    assert counts.loc["shelters", "accepted"] == 2746
    assert counts.loc["boundaries", "accepted"] == 1 + 12 + 174 + 2572


def test_every_seeded_fault_has_the_outcome_written_down(checked):
    loaded = checked[0]
    issues = loaded.issues[loaded.issues["layer"] == "shelters"]
    defects = pd.read_csv(ROOT / "data" / "shelters" / "raw" / "defects.csv", dtype=str,
                          keep_default_na=False)
    for fault in defects.itertuples():
        told = issues[(issues["source"] == fault.file) & issues["rule"].isin(RULES.get(
            fault.rule, (fault.rule,)))]
        if fault.shelter_id:
            told = told[told["record_id"] == fault.shelter_id]
        assert len(told), fault
        barred = told["severity"].eq("error") | told["rule"].eq("merged_duplicate")
        assert barred.any() == (fault.outcome == "quarantined"), fault
        if fault.outcome != "quarantined":
            assert fault.shelter_id in loaded.layers["shelters"].index, fault
    assert (defects["outcome"] == "repaired").sum() == loaded.counts.loc["shelters", "repaired"]
    assert len(loaded.quarantine["shelters"]) == loaded.counts.loc["shelters", "quarantined"] == 38


def test_quarantined_rows_stand_as_they_came(checked):
    rejects = checked[0].quarantine["shelters"].set_index("shelter_id")
    # Barred for its place after its values had been read: still the words of the county.
    assert rejects.loc["350582110240-S01", "_rules"] == "duplicate_id"
    merged = rejects[rejects["_rules"] == "merged_duplicate"]
    assert set(merged["tier"]) <= {"县级", "乡镇级", "村级", "county", "township", "village"}
    assert "村级" in set(merged["tier"])
    assert merged.geometry.notna().all()


def test_repaired_values_are_the_true_ones(checked):
    shelters = checked[0].layers["shelters"]
    defects = pd.read_csv(ROOT / "data" / "shelters" / "raw" / "defects.csv", dtype=str,
                          keep_default_na=False)
    mended = defects[(defects["outcome"] == "repaired") & (defects["field"] != "geometry")]
    for fault in mended.itertuples():
        assert str(shelters.loc[fault.shelter_id, fault.field]) in (
            fault.true_value, f"{fault.true_value}.0"), fault


def test_official_figures_that_the_data_can_tell(checked):
    verdict = checked[1]["verdict"]
    for key in ("shelters", "shelters_upgraded", "reporting_units", "resident_persons_350500",
                "resident_persons_350502x", "resident_persons_350521x"):
        assert verdict[key] == "equal", key
    # The drawn land is 0.7 % larger than the official area: said, not hidden.
    assert verdict["area_350500"] == "differs"
    assert (verdict == "differs").sum() == 1


def test_golden_tables(checked, project):
    for name, table in tables(checked[0], project).items():
        golden = pd.read_csv(GOLDEN / f"{name}.csv", dtype={"unit_id": str}).set_index("unit_id")
        made = table.astype({c: str for c in table if table[c].dtype == "category"})
        made.index = made.index.astype(str)
        pd.testing.assert_frame_equal(
            made, golden, check_dtype=False, check_index_type=False, check_column_type=False,
            rtol=1e-9, obj=name)


def test_nothing_is_said_of_the_county_without_data(checked, project):
    made = tables(checked[0], project)
    for name in ("coverage_county", "coverage_typhoon_county", "risk_county"):
        row = made[name].loc["350527"].drop("name")
        assert row.isna().all(), name
    assert "350527" not in made["coverage_reporting"].index
    assert len(made["coverage_reporting"]) == 13


def test_mutated_copy_gives_2745_and_the_new_finding(project, tmp_path):
    """One shelter less, one faulty row more: the counts and the findings say so."""
    shelters = gpd.read_file(ROOT / "data/shelters/shelters.gpkg")
    faulty = shelters.iloc[[1]].assign(shelter_id="faulty", name=None)
    mutated = pd.concat([shelters.iloc[1:], faulty], ignore_index=True)
    mutated.to_file(tmp_path / "shelters.gpkg", layer="shelters")
    others = tuple(s for s in project.sources if s.layer not in ("shelters", "roads"))
    changed = project.with_(
        sources=(*others, Source(layer="shelters", path=tmp_path / "shelters.gpkg")))
    loaded, reconciled, issues = pipeline.check(changed)
    assert loaded.counts.loc["shelters"].to_dict() == {
        "read": 2746, "accepted": 2745, "quarantined": 1, "repaired": 0}
    assert reconciled.loc["shelters", "difference"] == -1
    assert ("faulty", "required") in set(zip(issues["record_id"], issues["rule"], strict=True))


if __name__ == "__main__":
    sample = qz.open_project(ROOT)
    for stem, frame in tables(qz.load(sample), sample).items():
        frame.to_csv(GOLDEN / f"{stem}.csv", float_format="%.12g", lineterminator="\n",
                     index_label="unit_id")

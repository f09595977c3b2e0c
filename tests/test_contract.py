"""pandera, behind our own schema tables, as the oracle of our field rules."""

import numpy as np
import pandas as pd
import pytest

pa = pytest.importorskip("pandera.pandas")

from qzrisk.layers.contract import field_rules  # noqa: E402
from qzrisk.layers.schema import schemas  # noqa: E402
from qzrisk.layers.validate import conform  # noqa: E402


def faulty(seed, rows=200):
    """Shelters of which about every tenth cell breaks its rule."""
    chance = np.random.default_rng(seed)

    def mixed(good, bad):
        return np.where(chance.random(rows) < 0.1, bad, good)

    return pd.DataFrame({
        "shelter_id": mixed(np.arange(rows), 7).astype(str), "name": "甲",
        "tier": mixed("village", "hamlet"), "status": mixed("open", "shut"),
        "space": mixed("indoor", "cellar"), "usable_area_m2": mixed(100.0, -1.0),
        "capacity_persons": mixed(50, -5), "seismic_intensity": mixed(7.0, 13.0),
        "built_year": mixed(2001, 1066), "hazards_served": mixed("flood;typhoon", "flood;war")})


@pytest.mark.parametrize("seed", range(5))
def test_field_rules_agree_with_pandera(seed):
    raw = faulty(seed)
    issues = conform(raw, "shelters")[1]
    ours = {(row.row - 1, row.field) for row in issues.itertuples()
            if row.rule in ("range", "code", "duplicate_id")}
    with pytest.raises(pa.errors.SchemaErrors) as failure:
        field_rules("shelters").validate(
            raw.set_index("shelter_id").astype({"capacity_persons": "Int64"}), lazy=True)
    cases = failure.value.failure_cases
    value = cases[cases["schema_context"] == "Column"]
    # pandera names rows by their ids, of which some stand twice: compare by id and column.
    ids = raw["shelter_id"]
    assert set(zip(value["index"].astype(str), value["column"], strict=True)) == {
        (ids[row], field) for row, field in ours if field != "shelter_id"}
    assert ids.duplicated().any() == any(field == "shelter_id" for _, field in ours)
    assert (cases["schema_context"] == "Index").any() == ids.duplicated().any()


@pytest.mark.parametrize("layer", sorted(schemas()))
def test_what_conform_accepts_pandera_accepts(layer):
    rules = schemas()[layer]
    raw = pd.DataFrame({name: [column.codes[0] if column.codes else
                               max(column.min or 0, 1) if column.type in ("int", "float") else
                               "2021-05-06" if column.type == "date" else
                               "是" if column.type == "bool" else "x1"]
                        for name, column in rules.columns.items()})
    frame, issues, bad = conform(raw, layer)
    assert bad.empty, issues[["rule", "field", "value"]]
    assert len(field_rules(layer).validate(frame)) == 1


def test_a_missing_required_value_and_column_are_refused():
    frame = pd.DataFrame({"name": ["甲", None]}, index=pd.Index(["1", "2"], name="shelter_id"))
    with pytest.raises(pa.errors.SchemaError):
        field_rules("shelters").validate(frame)
    with pytest.raises(pa.errors.SchemaError):
        field_rules("shelters").validate(frame[[]])

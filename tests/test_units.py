import numpy as np
import pandas as pd
import pytest
from city import VILLAGES, units_table
from hypothesis import given
from hypothesis import strategies as st

from qzrisk import units
from qzrisk.errors import ConfigError, ReachError, SchemaError

TABLE = units_table().set_index("unit_id")


def test_hand_checked_sums():
    values = pd.Series([1, 2, 3, 4, 5, 6], index=VILLAGES, name="n")
    assert units.roll_up(values, TABLE, to="town").to_dict() == {"tA": 6, "tB": 15}
    assert units.roll_up(values, TABLE, to="reporting").to_dict() == {"A1": 4, "A2": 2, "B": 15}
    county = units.roll_up(values, TABLE, to="county")
    assert county.index.tolist() == ["A", "B", "Z"]
    assert county[["A", "B"]].tolist() == [6, 15]
    assert np.isnan(county["Z"])
    assert units.roll_up(values, TABLE, to="city").tolist() == [21]


def test_outside_the_statistics_is_nan_even_with_values():
    values = pd.Series([7.0, 1.0], index=["Z", "A"])
    assert np.isnan(units.roll_up(values, TABLE, to="county")["Z"])


def test_missing_values_are_left_out_and_all_missing_is_missing():
    values = pd.Series([1.0, np.nan, np.nan], index=["va", "vb", "vd"])
    assert units.roll_up(values, TABLE, to="town")["tA"] == 1
    assert np.isnan(units.roll_up(values, TABLE, to="town")["tB"])


@given(st.lists(st.tuples(st.sampled_from(VILLAGES), st.integers(0, 10**6)), max_size=40))
def test_conservation_at_every_level(rows):
    values = pd.Series([n for _, n in rows], index=[v for v, _ in rows], dtype=float)
    for level in units.LEVELS:
        assert units.roll_up(values, TABLE, to=level).sum() == values.sum()


@given(st.permutations(range(6)))
def test_order_of_rows_does_not_matter(order):
    values = pd.Series(range(6), index=VILLAGES, dtype=float)
    pd.testing.assert_series_equal(units.roll_up(values.iloc[order], TABLE, to="county"),
                                   units.roll_up(values, TABLE, to="county"))


def test_frames_keep_their_columns():
    frame = pd.DataFrame({"a": 1, "b": 2}, index=list(VILLAGES))
    assert units.roll_up(frame, TABLE, to="city").to_numpy().tolist() == [[6, 12]]


def test_unknown_unit_and_unusable_level():
    with pytest.raises(ReachError, match="unknown unit"):
        units.roll_up(pd.Series([1], index=["vx"]), TABLE, to="town")
    with pytest.raises(ReachError, match="belongs to no unit of level reporting"):
        units.roll_up(pd.Series([1], index=["A"]), TABLE, to="reporting")
    with pytest.raises(ConfigError, match="unknown level"):
        units.roll_up(pd.Series([1], index=["va"]), TABLE, to="street")


@pytest.mark.parametrize(("column", "unit", "value", "words"), [
    ("level", "va", "hamlet", "level must be one of"),
    ("parent_id", "va", "A", "parent of a village must be a town"),
    ("parent_id", "tA", "nowhere", "parent of a town"),
    ("reporting_id", "va", "tA", "reporting_id must name"),
])
def test_check_names_the_fault(column, unit, value, words):
    broken = TABLE.copy()
    broken.loc[unit, column] = value
    with pytest.raises(SchemaError, match=words):
        units.check(broken)


def test_check_refuses_twice_the_same_id():
    with pytest.raises(SchemaError, match="occurs twice"):
        units.check(pd.concat([TABLE, TABLE.tail(1)]))


def test_share_is_nan_over_nothing():
    result = units.share(pd.Series([1.0, 0.0, 1.0]), pd.Series([4.0, 0.0, np.nan]))
    assert result[0] == 0.25
    assert result[1:].isna().all()


def test_what_lies_in_a_county_outside_is_in_no_total():
    extra = pd.DataFrame(
        [("Zt", "Z镇", "town", "Z", None, True), ("Zv", "Z村", "village", "Zt", "B", True)],
        columns=["unit_id", *units.COLUMNS]).set_index("unit_id")
    table = pd.concat([TABLE, extra])
    values = pd.Series([1.0, 100.0], index=["va", "Zv"])
    for level in units.LEVELS:
        assert units.roll_up(values, table, to=level).sum() == 1, level


def test_reporting_unit_of_another_county_and_village_without_one():
    broken = TABLE.copy()
    broken.loc["vd", "reporting_id"] = "A1"
    with pytest.raises(SchemaError, match="unit of another county"):
        units.check(broken)
    broken.loc["vd", "reporting_id"] = None
    with pytest.raises(SchemaError, match="village without reporting unit"):
        units.check(broken)

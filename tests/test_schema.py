import pytest

from qzrisk.errors import ConfigError
from qzrisk.layers.schema import schema, schemas

UNIT_SUFFIXES = {"persons": ("persons", "_persons"), "m2": ("_m2",), "m": ("_m",),
                 "yuan": ("_yuan",), "km/h": ("_kmh",), "g": ("_g",),
                 "m/s": ("_m_s",), "hPa": ("_hpa",), "min": ("_min",), "days": ("_days",)}


def test_every_schema_has_its_key_and_words():
    for name, entry in schemas().items():
        assert entry.columns[entry.key].required or name == "context", name
        assert entry.zh
        assert entry.en


def test_quantities_carry_their_unit_in_the_name():
    for entry in schemas().values():
        for column in entry.columns.values():
            if column.unit:
                known = UNIT_SUFFIXES[column.unit]
                assert any(part in column.name for part in known), column.name


def test_codes_are_listed_and_only_for_codes():
    for entry in schemas().values():
        for column in entry.columns.values():
            assert bool(column.codes) == (column.type in {"code", "codes"}), column.name


def test_no_alias_means_two_columns():
    from qzrisk.layers.headers import normal

    for entry in schemas().values():
        seen = {}
        for column in entry.columns.values():
            for alias in {normal(a) for a in (column.name, column.zh, *column.aliases)}:
                assert seen.setdefault(alias, column.name) == column.name, alias


def test_personal_columns():
    assert schema("shelters").personal() == ["manager", "phone"]


def test_unknown_schema_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'shelters'"):
        schema("shelter")

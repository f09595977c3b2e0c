"""Rule packs: every entry is whole, and a wrong name is answered with the nearest right one."""

import pytest

from qzrisk import rules
from qzrisk.errors import ConfigError


@pytest.mark.parametrize("name", rules.names())
def test_every_pack_is_whole_and_has_sources(name):
    found = rules._entries(rules.load(name))
    assert found
    for key, entry in found.items():
        assert tuple(sorted(entry)) == tuple(sorted(rules.FIELDS)), key
        assert entry["confidence"] in rules.CONFIDENCE, key
        assert entry["source"].strip() and entry["unit"].strip(), key


def test_published_bands():
    assert rules.value("work_safety", "lec.bounds") == [70, 160, 320]
    assert rules.value("work_safety", "lec.likelihood") == [10, 6, 3, 1, 0.5, 0.2, 0.1]
    assert rules.value("weighting", "ahp.saaty")[2] == 0.58
    assert rules.value("weighting", "ahp.chinese")[2] == 0.52


def test_products_of_the_ls_table_are_the_attainable_ones():
    table = rules.value("work_safety", "ls.products")
    listed = sorted(number for numbers in table.values() for number in numbers)
    assert listed == sorted({a * b for a in range(1, 6) for b in range(1, 6)})


@pytest.mark.parametrize(("call", "near"), [
    (lambda: rules.load("work_saftey"), "work_safety"),
    (lambda: rules.entry("work_safety", "lec.bound"), "lec.bounds"),
    (lambda: rules.value("weighting", "ahp.satty"), "ahp.saaty"),
])
def test_unknown_names_name_the_nearest(call, near):
    with pytest.raises(ConfigError, match=f"did you mean '{near}'"):
        call()


def test_a_pack_is_the_callers_own_copy():
    rules.load("work_safety")["lec"]["bounds"]["value"].append(999)
    rules.value("work_safety", "lec.bounds").append(999)
    assert rules.value("work_safety", "lec.bounds") == [70, 160, 320]


@pytest.mark.parametrize("bad", [
    {"a": 3},
    {"a": {"value": 1, "unit": "m", "source": "x"}},
    {"a": {"value": 1, "unit": "m", "source": "x", "confidence": "sure"}},
    {"a": {"value": 1, "unit": "m", "source": "x", "confidence": "known", "more": 1}},
])
def test_malformed_entries_are_refused(bad):
    with pytest.raises(ConfigError):
        rules.check(bad, where="mine")

import pandas as pd
import pytest

from qzrisk import levels
from qzrisk.errors import ConfigError


def test_missing_is_never_a_level():
    made = levels.ordered(pd.Series(["red", None, "blue"], name="x"))
    assert made.isna().tolist() == [False, True, False]
    assert made.cat.ordered
    assert made.cat.categories.tolist() == list(levels.FOUR_LEVELS)
    assert made.max() == "red"


def test_unknown_code_raises():
    with pytest.raises(ConfigError, match="green"):
        levels.ordered(pd.Series(["green"]))


def test_palettes_are_whole_and_distinct():
    for name, palette in levels.PALETTES.items():
        lengths = {len(palette.codes), len(palette.colours), len(palette.hatches),
                   len(palette.zh), len(palette.en)}
        assert len(lengths) == 1, name
        assert len(set(palette.colours)) == len(palette.colours), name


def test_risk_and_coverage_share_no_colour():
    risk, coverage = levels.palette("risk"), levels.palette("coverage")
    assert not set(risk.colours) & set(coverage.colours)
    assert not set(risk.codes) & set(coverage.codes)


def test_unknown_palette_lists_the_known():
    with pytest.raises(ConfigError, match="coverage"):
        levels.palette("rsik")

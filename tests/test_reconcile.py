import pandas as pd
import pytest

from qzrisk.errors import ConfigError
from qzrisk.layers.reconcile import disagreements, read_official, reconcile

OFFICIAL = pd.DataFrame({"value": [100.0, 8850000.0, 5.0, 7.0], "tolerance": [0, 5000, 0, 0]},
                        index=["shelters", "persons", "fires", "none"])


def test_verdicts_by_hand():
    table = reconcile(OFFICIAL, {"shelters": 100, "persons": 8851234, "fires": 4})
    assert table["verdict"].tolist() == ["equal", "consistent", "differs", "not_in_data"]
    assert table.loc["fires", "difference"] == -1
    assert pd.isna(table.loc["none", "difference"])


def test_only_what_differs_is_a_finding():
    table = reconcile(OFFICIAL, {"shelters": 99, "persons": 8850000})
    found = disagreements(table, language="en")
    assert found["field"].tolist() == ["shelters"]
    assert "found 99, official 100" in found["message"].item()


def test_bad_official_files(tmp_path):
    path = tmp_path / "o.toml"
    with pytest.raises(ConfigError, match="cannot read"):
        read_official(path)
    path.write_text('[[figures]]\nkey = "a"\nvalue = 1\n[[figures]]\nkey = "a"\nvalue = 2\n')
    with pytest.raises(ConfigError, match="unique keys"):
        read_official(path)

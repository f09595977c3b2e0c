import json

from qzrisk import provenance
from qzrisk.files import write_text


def test_run_id_follows_inputs_parameters_and_version():
    base = provenance.run_id({"a": "1"}, {"seed": 1}, "0.1")
    assert base == provenance.run_id({"a": "1"}, {"seed": 1}, "0.1")
    others = [provenance.run_id({"a": "2"}, {"seed": 1}, "0.1"),
              provenance.run_id({"a": "1"}, {"seed": 2}, "0.1"),
              provenance.run_id({"a": "1"}, {"seed": 1}, "0.2")]
    assert len({base, *others}) == 4
    assert len(base) == 12


def test_hashes_are_relative_and_sorted(tmp_path):
    for name in ("b.txt", "a.txt"):
        write_text(tmp_path / "data" / name, name)
    found = provenance.input_hashes(sorted((tmp_path / "data").iterdir(), reverse=True), tmp_path)
    assert list(found) == ["data/a.txt", "data/b.txt"]


def test_versions_and_rule_packs():
    assert provenance.versions(("numpy", "no-such-package"))["no-such-package"] == "absent"
    packs = provenance.rule_versions()
    assert len(packs["coverage"]) == 8


def test_manifest_is_sorted_json(tmp_path):
    path = provenance.write_manifest(tmp_path / "m.json", {"b": 1, "a": "甲"})
    assert list(json.loads(path.read_text(encoding="utf-8"))) == ["a", "b"]
    assert "甲" in path.read_text(encoding="utf-8")

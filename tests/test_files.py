import errno
import os
from pathlib import Path

import pytest

from qzrisk import files
from qzrisk.errors import ConfigError


def test_atomic_replaces_whole_file(tmp_path):
    target = tmp_path / "deep" / "a.txt"
    files.write_text(target, "one")
    files.write_text(target, "two")
    assert target.read_text() == "two"
    assert [p.name for p in target.parent.iterdir()] == ["a.txt"]


def test_failure_leaves_the_old_file_and_no_rest(tmp_path):
    target = files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), files.atomic(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(("number", "words"), [
    (errno.ENOSPC, "free some space"), (errno.EACCES, "permission"), (errno.EROFS, "read-only")])
def test_disk_faults_are_explained(tmp_path, monkeypatch, number, words):
    def refuse(self, target):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ConfigError, match=words):
        files.write_text(tmp_path / "a.txt", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_is_due(tmp_path):
    (tmp_path / "f").write_text("x")
    with pytest.raises(ConfigError, match="choose another folder"):
        files.write_text(tmp_path / "f" / "a.txt", "x")


def test_leftovers_beside_the_temporary_name_vanish(tmp_path):
    with files.atomic(tmp_path / "a.gpkg") as temporary:
        temporary.write_bytes(b"x")
        Path(f"{temporary}-journal").write_bytes(b"x")
    assert [p.name for p in tmp_path.iterdir()] == ["a.gpkg"]


def test_sha256_is_the_published_value(tmp_path):
    # FIPS 180-2 example "abc"
    path = files.write_text(tmp_path / "a", "abc")
    assert files.sha256(path).startswith("ba7816bf8f01cfea414140de5dae2223")

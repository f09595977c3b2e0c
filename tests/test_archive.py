"""Zips: one layer out, names in GBK, and nothing that a hostile archive may do."""

import zipfile

import corpus_vectors as corpus
import pytest

from qzrisk.errors import ConfigError
from qzrisk.layers import archive

PLAIN = b'{"type": "FeatureCollection", "features": []}'


def test_other_files_are_given_as_they_are(tmp_path):
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"x")
    with archive.opened(path) as source:
        assert source == path
    assert not archive.is_archive(tmp_path / "absent.zip")


@pytest.mark.parametrize("codec", ["utf-8", "gbk"])
def test_names_in_chinese(tmp_path, codec):
    path = corpus.pack(tmp_path / "a.zip", {"避灾点资料/避灾点.geojson": PLAIN}, codec=codec,
                       method=zipfile.ZIP_STORED)
    if codec == "gbk":
        # Shorter names move what follows them; a packer writes the offsets anew.
        path.write_bytes(_with_directory(path.read_bytes()))
    with archive.opened(path) as source:
        assert source.name == "避灾点.geojson" and source.read_bytes() == PLAIN


def _with_directory(data):
    """Set the place and size of the directory, as they stand."""
    at, end = data.find(b"PK\x01\x02"), data.rfind(b"PK\x05\x06")
    return (data[:end + 12] + (end - at).to_bytes(4, "little") + at.to_bytes(4, "little")
            + data[end + 20:])


def test_one_of_several_can_be_named(tmp_path):
    path = corpus.pack(tmp_path / "a.zip", {"x/a.geojson": PLAIN, "b.csv": b"c", "b.txt": b"d"})
    with pytest.raises(ConfigError, match=r"a\.geojson, b\.csv"), archive.opened(path):
        pass
    for layer, name in (("a", "a.geojson"), ("b.csv", "b.csv")):
        with archive.opened(path, layer=layer) as source:
            assert source.name == name


@pytest.mark.parametrize("name", ["../a.geojson", "x/../../a.geojson", "/tmp/a.geojson",
                                  "..\\a.geojson", "C:\\a.geojson", "\\\\host\\a.geojson"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    path = corpus.pack(tmp_path / "in" / "a.zip" if (tmp_path / "in").mkdir() is None else None,
                       {name: PLAIN})
    with pytest.raises(ConfigError, match="leads out of its folder"), archive.opened(path):
        pass
    assert [p.name for p in sorted(tmp_path.rglob("*"))] == ["in", "a.zip"]


def test_bombs_are_stopped_while_they_unpack(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FREE_BYTES", 1 << 20)
    path = corpus.pack(tmp_path / "a.zip", {"a.geojson": bytes(20 << 20)})
    with pytest.raises(ConfigError, match="zip bomb"), archive.opened(path):
        pass
    # The size in the header lies: what counts is what comes out.
    data = path.read_bytes()
    real, small = (20 << 20).to_bytes(4, "little"), (100).to_bytes(4, "little")
    path.write_bytes(data.replace(real, small))
    with pytest.raises(ConfigError), archive.opened(path):
        pass
    # The same limit does not stop an archive of many small layers' worth.
    fine = corpus.pack(tmp_path / "b.zip", {"a.geojson": PLAIN + bytes(1000)})
    with archive.opened(fine) as source:
        assert source.stat().st_size == len(PLAIN) + 1000


def test_many_bombs_together_are_stopped_too(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FREE_BYTES", 1 << 20)
    path = corpus.pack(tmp_path / "a.zip", {f"{n}.geojson": bytes(1 << 19) for n in range(40)})
    with pytest.raises(ConfigError, match="zip bomb"), archive.opened(path):
        pass


def test_too_many_files_and_doubled_names(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    path = corpus.pack(tmp_path / "a.zip", {f"{n}.geojson": PLAIN for n in range(3)})
    with pytest.raises(ConfigError, match="too many files"), archive.opened(path):
        pass
    path = corpus.pack(tmp_path / "b.zip", {"a.geojson": PLAIN, "A.GEOJSON": PLAIN})
    with pytest.raises(ConfigError, match="occurs twice"), archive.opened(path):
        pass


def test_one_level_of_nesting(tmp_path):
    inner = corpus.pack(tmp_path / "inner.zip", {"a.geojson": PLAIN})
    outer = corpus.pack(tmp_path / "outer.zip", {"inner.zip": inner.read_bytes()})
    with archive.opened(outer) as source:
        assert source.read_bytes() == PLAIN
    third = corpus.pack(tmp_path / "third.zip", {"outer.zip": outer.read_bytes()})
    with pytest.raises(ConfigError, match="archives inside"), archive.opened(third):
        pass


def test_geodatabase_is_one_layer_and_kmz_its_document(tmp_path):
    path = corpus.pack(tmp_path / "a.zip", {"x.gdb/a.gdbtable": b"1", "x.gdb/b.csv": b"2"})
    with archive.opened(path) as source:
        assert source.name == "x.gdb" and source.is_dir()
    path = corpus.pack(tmp_path / "a.kmz", {"doc.kml": b"1", "files/other.kml": b"2"})
    with archive.opened(path) as source:
        assert source.name == "doc.kml"

"""The date system of an .xls: which day bare serial numbers count from."""

import struct

import pytest

from qzrisk.layers.tables.workbook import OLE, date_system_of_xls


def _record(kind, body):
    return struct.pack("<HH", kind, len(body)) + body


@pytest.mark.parametrize("mode, system", [(1, 1904), (0, 1900), (None, 1900)])
def test_the_record_datemode_says_it(mode, system):
    globals_ = _record(0x809, bytes.fromhex("00060500") + bytes(12)) + _record(0x42, b"\xb0\x04")
    if mode is not None:
        globals_ += _record(0x22, struct.pack("<H", mode))
    # The same bytes behind the end of the globals are no DATEMODE.
    data = OLE + bytes(504) + globals_ + _record(0x0A, b"") + _record(0x22, b"\x01\0")
    assert date_system_of_xls(data) == system


def test_what_is_no_workbook_counts_from_1900():
    assert date_system_of_xls(b"") == date_system_of_xls(OLE + bytes(100)) == 1900

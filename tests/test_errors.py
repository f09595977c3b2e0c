import pytest

from qzrisk.errors import ConfigError, QzriskError, require


def test_message_says_what_where_expected_got_mend():
    error = ConfigError("bad key", where="project.toml", expected="crs", got="csr", mend="rename")
    assert str(error) == ("bad key; where: project.toml; expected: crs; got: csr; to mend: rename")
    assert isinstance(error, QzriskError)
    assert error.mend == "rename"


def test_zero_and_false_are_shown():
    assert "got: 0" in str(QzriskError("x", got=0))


def test_require_names_the_extra():
    with pytest.raises(ConfigError, match=r"pip install 'qzrisk\[solve\]'"):
        require("no_such_package_here", "solve")

import re

import pytest

from qzrisk import text
from qzrisk.errors import ConfigError


def test_every_text_has_both_languages_and_the_same_values():
    for key, entry in text.table().items():
        assert set(entry) == {"zh", "en"}, key
        values = [set(re.findall(r"{(\w+)", entry[language])) for language in text.LANGUAGES]
        assert values[0] == values[1], key


def test_chinese_texts_are_chinese():
    missing = [key for key, entry in text.table().items()
               if not re.search(r"[\u4e00-\u9fff]", entry["zh"])
               and re.search("[a-z]{3}", entry["zh"])]
    assert missing == []


def test_unknown_key_and_language():
    with pytest.raises(ConfigError, match="no_such_key"):
        text.text("no_such_key", "en")
    with pytest.raises(ConfigError, match="unknown language"):
        text.text("synthetic", "fr")

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.errors import ConfigError
from qzrisk.layers.encoding import MIXED, decode, detect

SIMPLE = ("村代码,村名,隐患类型,联系电话\n"
          "440305001,坵垵墘头村,滑坡,0755-00000001\n"
          "440305002,东山社区,崩塌,无\n")
TRADITIONAL = "縣市,鄉鎮,學校名稱,風險等級\n臺北,東區,國民小學,高\n"
JAPANESE = "市町村,避難所の名称,人数\n東京都,ひがし小学校,120\n大阪府,みなみセンター,80\n"
PLACES = st.text(st.sampled_from("安溪县凤城镇蓬莱东西南北村社区学校避灾点"
                                  "人口面积的一二三大小中山河路街号"),
                 min_size=4, max_size=40)


@pytest.mark.parametrize("text, codec, expected", [
    (SIMPLE, "utf-8", "utf-8"), (SIMPLE, "utf-8-sig", "utf-8-sig"), (SIMPLE, "gbk", "gb18030"),
    (SIMPLE, "gb18030", "gb18030"), (SIMPLE, "utf-16", "utf-16"),
    (SIMPLE, "utf-16-le", "utf-16-le"), (SIMPLE, "utf-16-be", "utf-16-be"),
    (TRADITIONAL, "big5", "big5hkscs"), (TRADITIONAL, "gb18030", "gb18030"),
    (JAPANESE, "shift_jis", "cp932"), ("a,b\n1,2\n", "ascii", "utf-8"),
    ("a,b\n1,2\n", "utf-16-le", "utf-16-le"), (SIMPLE, "utf-32", "utf-32"),
])
def test_files_are_told_apart_and_come_back_whole(text, codec, expected, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(codec))
    found = detect(path, language="en")
    assert found.name == expected
    assert found.evidence
    assert found.mojibake == ""
    assert decode(path.read_bytes(), found) == (text, {})


@given(PLACES)
def test_any_common_chinese_text_survives(text):
    for codec in ("utf-8", "gb18030", "utf-16"):
        data = text.encode(codec)
        assert decode(data, detect(data))[0] == text


def test_a_short_name_that_is_also_utf8_by_chance_needs_no_guess():
    # The classic: these GBK bytes are valid UTF-8 too, of two-byte letters.
    data = "名称\n联通\n东山村避灾点\n".encode("gbk")
    assert decode(data, detect(data))[0] == "名称\n联通\n东山村避灾点\n"


def test_the_hint_is_believed_where_it_fits_and_refused_with_a_word_where_not():
    assert detect(SIMPLE.encode("gbk"), "gb2312", language="en").name == "gb18030"
    wrong = detect(SIMPLE.encode(), "gbk", language="en")
    assert wrong.name == "utf-8"
    assert "not gb18030" in wrong.evidence
    assert detect(SIMPLE.encode("gbk"), "utf-8", language="en").name == "gb18030"
    assert "not" not in detect(b"a,b", "gbk", language="en").evidence
    with pytest.raises(ConfigError, match="unknown text encoding"):
        detect(b"x", "klingon")


def test_lines_of_another_encoding_are_read_and_named():
    data = SIMPLE.encode() + "3,丁村避难场所,滑坡\n".encode("gb18030") + b"4,\xff\xff,x\n"
    found = detect(data)
    assert found.name == MIXED
    text, strange = decode(data, found)
    assert text.splitlines()[3] == "3,丁村避难场所,滑坡"
    assert strange == {4: "gb18030", 5: "?"}


def test_a_utf8_line_in_a_gbk_file_is_found_though_the_whole_decodes_as_gbk():
    data = SIMPLE.encode("gb18030") + "3,东山社区村庄\n".encode()
    data.decode("gb18030")
    text, strange = decode(data, detect(data))
    assert text == SIMPLE + "3,东山社区村庄\n"
    assert strange == {4: "utf-8"}


def test_a_file_cut_within_a_character_keeps_its_encoding():
    found = detect(SIMPLE.encode() + "村".encode()[:2], language="en")
    assert found.name == "utf-8"
    assert "very end" in found.evidence


@pytest.mark.parametrize("text, words", [
    ("名称\n锟斤拷锟斤拷\n", "cannot be restored"),
    ("name\n" + "样例市东山社区避灾点".encode().decode("gb18030", "replace") * 2, ""),
    ("name\n" + "样例东山村避灾".encode().decode("cp1252", "ignore"), ""),
    ("name\n" + "安溪安溪".encode().decode("gb18030"), "opened as GBK"),
    ("name\n" + "安溪安溪".encode().decode("latin-1"), "Western"),
    ("名称\n正常的中文名称\n", ""),
])
def test_mojibake_is_told(text, words):
    found = detect(text.encode(), language="en")
    assert (words in found.mojibake) if words else True
    if text.startswith("名称\n正常"):
        assert found.mojibake == ""


JAPANESE_FILES = {
    "kana": "避難所名,収容人数\nコミュニティセンター,100\nつつじが丘中学校,300\n",
    "few kana": "市町村,避難所の名称,人数\n東京都,ひがし小学校,120\n大阪府,みなみセンター,80\n",
    "half-width": "ﾋﾅﾝｼﾞｮ,ﾆﾝｽﾞｳ\nﾀﾞｲｲﾁｼｮｳｶﾞｯｺｳ,100\nｺﾐｭﾆﾃｨｾﾝﾀｰ,200\n",
    "both": "施設名,ｶﾅ,人数\n第一小学校,ﾀﾞｲｲﾁｼｮｳｶﾞｯｺｳ,100\n公民館,ｺｳﾐﾝｶﾝ,50\n",
}


@pytest.mark.parametrize("codec", ["euc_jp", "cp932"])
@pytest.mark.parametrize("words", JAPANESE_FILES.values(), ids=JAPANESE_FILES)
def test_japanese_of_both_encodings_is_told_by_its_kana(words, codec):
    found = detect(words.encode(codec))
    assert found.name == codec
    assert decode(words.encode(codec), found) == (words, {})


def test_euc_without_kana_is_read_with_a_word_of_doubt():
    words = "名称,住所\n第一小学校,東京都千代田区\n中央公民館,東京都港区\n"
    found = detect(words.encode("euc_jp"), language="en")
    assert (found.name, found.confidence) == ("euc_jp", 0.4)
    assert "gb18030" in found.evidence and "state" in found.evidence
    # Two characters more are no proof: read as before, but not without a word.
    found = detect("備考,人数\n住所学校体育,1\n".encode("euc_jp"), language="en")
    assert found.name in ("euc_jp", "gb18030") and found.confidence < 0.5


def test_japanese_written_in_gb18030_and_chinese_with_a_kana_stay():
    for words in (JAPANESE_FILES["kana"], "名称,地址\n優の良品店,安溪县凤城镇\n東山社区,中山路\n"):
        assert detect(words.encode("gb18030")).name == "gb18030"

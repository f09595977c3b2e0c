import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qzrisk.layers import alphabets
from qzrisk.layers.encoding import detect
from qzrisk.layers.ingest import read_table
from qzrisk.layers.vectors import read_features

KOREAN = ("시설명,주소,수용인원\n해운대초등학교,부산광역시 해운대구 우동,120\n"
          "중앙회관,서울특별시 종로구,80\n마을경로당,경기도 수원시 팔달구 북수동,40\n")
THAI = ("ชื่อศูนย์พักพิง,ที่อยู่,ความจุ\nโรงเรียนบ้านหนองบัว,อำเภอเมือง จังหวัดเชียงใหม่,120\n"
        "วัดป่า,ตำบลสุเทพ,90\n")
RUSSIAN = ("Название,Адрес,Вместимость\nШкола №5,улица Ленина 4,120\n"
           "Дом культуры,ул. Мира 8,80\n").replace("№", "N")
UPPER = "НАЗВАНИЕ,АДРЕС\nШКОЛА,УЛИЦА ЛЕНИНА\n"
UKRAINIAN = "Назва,Адреса,Місткість\nШкола,вулиця Шевченка,120\n"
GERMAN = "Name,Plätze,Straße\nTurnhalle Süd,120,Große Straße 4\nGebäude Nord,80,Königsäcker\n"
PLACES = st.text(st.sampled_from("安溪县凤城镇蓬莱东西南北村社区学校避灾点坵垵墘厝浔岱"
                                  "人口面积的一二三大小中山河路街号"), min_size=4, max_size=40)


@pytest.mark.parametrize("text, codec, expected", [
    (KOREAN, "cp949", "cp949"), (KOREAN, "euc-kr", "cp949"),
    (THAI, "cp874", "cp874"), (THAI, "tis-620", "cp874"),
    (RUSSIAN, "cp1251", "cp1251"), (RUSSIAN, "koi8-r", "koi8_r"), (RUSSIAN, "cp866", "cp866"),
    (UPPER, "cp1251", "cp1251"), (UPPER, "koi8-r", "koi8_r"), (UPPER, "cp866", "cp866"),
    (UKRAINIAN, "cp1251", "cp1251"), (GERMAN, "cp1252", "cp1252"),
])
def test_national_pages_are_told_apart_and_come_back_whole(text, codec, expected):
    data = text.encode(codec)
    found = detect(data, language="en")
    assert (found.name, found.mojibake) == (expected, "")
    assert data.decode(found.name) == text
    assert found.confidence >= 0.5 or "check" in found.evidence


@given(PLACES)
def test_chinese_is_never_taken_for_an_alphabet(text):
    assert detect(f"名称\n{text}\n".encode("gb18030")).name in ("gb18030", "utf-8")


def test_japanese_and_traditional_text_stays_what_it_is():
    for text, codec in (("市町村,避難所の名称\n東京都,ひがし小学校\n", "cp932"),
                        ("縣市,鄉鎮,學校名稱,風險等級\n臺北,東區,國民小學,高\n", "big5hkscs")):
        assert detect(text.encode(codec)).name == codec


def test_thin_evidence_is_a_finding_that_says_how_to_name_the_encoding(tmp_path):
    path = tmp_path / "short.csv"
    path.write_bytes("shelter_id,name,unit_id\nS1,Школа,U1\n".encode("cp1251"))
    frame, issues, quarantine = read_table(path, "shelters", language="en")
    assert frame["name"].tolist() == ["Школа"] and quarantine.empty
    said = issues[issues["rule"] == "encoding_guess"]
    assert len(said) == 1 and "encoding" in said["message"].iloc[0]
    frame, issues, _ = read_table(path, "shelters", encoding="cp1251")
    assert frame["name"].tolist() == ["Школа"]
    assert "encoding_guess" not in set(issues["rule"])


def test_a_sure_reading_is_a_note(tmp_path):
    path = tmp_path / "halls.csv"
    path.write_bytes(("shelter_id,name\nS1,Дом культуры\nS2,Школа номер пять\n").encode("koi8-r"))
    frame, issues, _ = read_table(path, "shelters", language="en")
    assert frame["name"].tolist() == ["Дом культуры", "Школа номер пять"]
    assert issues.loc[issues["rule"] == "encoding_told", "value"].tolist() == ["koi8_r"]


def test_a_dbf_without_cpg_is_read_in_its_page(tmp_path):
    for codec, names in (("cp949", ["해운대초등학교", "중앙회관 경로당"]),
                         ("cp874", ["โรงเรียนบ้านหนองบัว", "วัดป่าตำบลสุเทพ"]),
                         ("cp1251", ["Дом культуры", "Школа номер пять"])):
        path = tmp_path / f"{codec}.dbf"
        rows = b"".join(b" " + name.encode(codec).ljust(40) for name in names)
        head = struct.pack("<4B I H H 20x", 3, 124, 1, 1, len(names), 65, 41)
        field = b"NAME".ljust(11, b"\0") + b"C" + bytes(4) + bytes([40, 0]) + bytes(14)
        path.write_bytes(head + field + b"\r" + rows + b"\x1a")
        assert read_features(path).frame["NAME"].tolist() == names


def test_each_script_is_judged_by_its_own_demands():
    assert alphabets.best("กกกกกกกกก".encode("cp874")) is None  # no vowels: no Thai
    assert alphabets.best("щщъъ ЩъЪщ".encode("cp1251")) is None

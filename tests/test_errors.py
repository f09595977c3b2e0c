import pickle
import subprocess
import sys

import geopandas as gpd
import pandas as pd
import pytest

import qzrisk as qz
from qzrisk import costs, crs, engine, rules, units
from qzrisk.analysis.coverage.reach import aligned
from qzrisk.errors import ConfigError, CRSError, QzriskError, SchemaError, require
from qzrisk.layers import ingest


def test_message_says_what_where_expected_got_mend():
    error = ConfigError("bad key", where="project.toml", expected="crs", got="csr", mend="rename")
    assert error.said("en") == (
        "bad key; where: project.toml; expected: crs; got: csr; to mend: rename")
    assert error.said("zh") == "bad key；位置：project.toml；应为：crs；实为：csr；处理：rename"
    assert str(error) == f"{error.said('en')}\n{error.said('zh')}"
    assert isinstance(error, QzriskError)
    assert error.mend == "rename"


def test_zero_and_false_are_shown():
    assert "got: 0" in str(QzriskError("x", got=0))


def test_require_names_the_extra():
    with pytest.raises(ConfigError, match=r"pip install 'qzrisk\[solve\]'"):
        require("no_such_package_here", "solve")


def _units():
    return units.check(pd.DataFrame(
        {"name": ["C"], "level": ["city"], "parent_id": [None], "reporting_id": None,
         "in_statistics": True}, index=["c"]))


@pytest.mark.parametrize(("call", "line"), [
    (lambda: units.roll_up(pd.Series([1], index=["x"]), _units(), to="county"),
     "未知的单元；位置：unit_id x；实为：1 行中的 1 行；处理：在隶属表中补上该单元"),
    (lambda: qz.classify.class_bounds(pd.Series([1.0]), scheme="fixed", bounds=[3, 1, 2]),
     "界限与级数不符；位置：bounds；应为：k=4 时为 3 个或 4 个递增的数；实为：[3, 1, 2]"),
    (lambda: costs.check_limit(-1),
     "出行成本上限不能为负；位置：max_cost；应为：>= 0；实为：-1"),
    (lambda: qz.weights.manual({"a": 0.5, "b": 0.2}),
     "权重之和不为 1；位置：weights；实为：0.7；处理：改正权重，或用 rescale=True"),
    (lambda: crs.require_projected(None, where="shelters.gpkg"),
     "没有坐标系；位置：shelters.gpkg；应为：以米为单位的投影坐标系，如 EPSG:4549；实为：无；"
     "处理：给出 source_crs，或补写该文件的 .prj"),
    (lambda: aligned(pd.Series([1, -1]), pd.RangeIndex(2), what="demand"),
     "数值缺失或为负；位置：demand: 1；应为：>= 0；实为：-1（1 行）；"
     "处理：事先估算或剔除，并加以说明"),
    (lambda: require("no_such_package_here", "solve"),
     "可选程序包 'no_such_package_here' 没有安装；应为：附加组件 'solve'；"
     "实为：No module named 'no_such_package_here'；处理：执行 pip install 'qzrisk[solve]'"),
    (lambda: qz.open_project("/no_such_folder"),
     "没有项目文件；位置：/no_such_folder；应为：一个 project.toml；处理：用 qzrisk init DIR 新建"),
    (lambda: rules.load("shelter"), "没有这个规则包；位置：rules；应为："
     f"{', '.join(rules.names())} 之一；实为：'shelter'；处理：是否应为 'shelters'？"),
])
def test_errors_of_public_calls_in_chinese(call, line):
    with pytest.raises(QzriskError) as caught:
        call()
    assert caught.value.said("zh") == line
    assert str(caught.value).splitlines() == [caught.value.said("en"), line]


def test_a_file_that_denies_its_crs_says_so_in_chinese(tmp_path):
    path = tmp_path / "shelters.gpkg"
    gpd.GeoDataFrame({"shelter_id": ["a"], "name": ["甲"]}, crs="EPSG:4549",
                     geometry=gpd.points_from_xy([118.6], [24.9])).to_file(path)
    with pytest.raises(CRSError, match="do not lie where that is used") as caught:
        ingest.read_layer(path, "shelters", crs="EPSG:4549")
    assert caught.value.said("zh").startswith(
        "文件声明为 EPSG:4549，但坐标 (118.6, 24.9, 118.6, 24.9) 不在其适用范围内；看来是")


def test_an_error_is_the_same_after_a_journey_between_processes():
    error = SchemaError("an id occurs twice", where="demand: 3", expected="unique ids", got=3,
                        mend="give two different ids")
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is SchemaError
    assert vars(there) == vars(error)
    assert str(there) == str(error)
    done = engine.map_tasks(rules.load, ["shelters", "shelter"], workers=2)
    assert "是否应为 'shelters'？" in str(done[1].error)


def test_tables_are_read_when_an_error_is_shown():
    code = ("import sys; from qzrisk.errors import ConfigError as E; e = E('empty layer')\n"
            "e.said('en'); print('qzrisk.text.sentences' in sys.modules); str(e)\n"
            "print('qzrisk.text.sentences' in sys.modules)")
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False", "True"]

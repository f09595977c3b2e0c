"""The 2,746 shelters as twelve raw files of eleven counties, with faults that are written down.

``defects.csv`` is the truth of every fault (``row`` counts the records of the file or layer from
1, without headings, titles and totals), ``decisions.csv`` says of every pair that looks like one
object whether it is. Whoever reads the files and mends what can be mended has the sites of
``shelters.gpkg`` again, and a reason for every other row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import Transformer
from scipy.spatial import cKDTree

from qzrisk.crs import wgs84_to_gcj02

from . import raw_formats
from .grid import EXCLUDED_COUNTY
from .ground import FILES_CRS, Ground, read, write_table
from .raw_faults import MOVES, Spoiler
from .terrain import random_stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .grid import SampleGrid

ZONE_40 = "EPSG:4528"  # CGCS2000 / 3-degree zone 40: eastings carry the zone number
KEPT_PAIRS = 8
STANDARD = {
    "shelter_id": "场所编码", "unit_id": "所属单元代码", "name": "场所名称", "tier": "场所级别",
    "host_facility": "依托设施", "space": "空间类型", "usable_area_m2": "有效避难面积",
    "indoor_area_m2": "室内有效面积", "capacity_persons": "可容纳人数",
    "hazards_served": "适用灾种", "structure": "建筑结构", "seismic_intensity": "抗震设防烈度",
    "status": "状态", "facilities": "设施", "manager": "责任人", "phone": "联系电话",
    "built_year": "建成年份", "upgraded_year": "提升年份", "upgrade_cost_yuan": "提升费用",
    "upgrade_capacity_persons": "提升后新增容量", "synthetic": "合成数据",
}  # fmt: skip
OTHERWISE = STANDARD | {
    "shelter_id": "避灾点编码", "unit_id": "行政区划代码", "name": "避灾点名称", "tier": "级别",
    "usable_area_m2": "可容纳避灾面积", "capacity_persons": "可容纳避灾人数"}  # fmt: skip
PINYIN = {
    "shelter_id": "bianma", "unit_id": "quhua_daima", "name": "mingcheng", "tier": "jibie",
    "host_facility": "yituo_sheshi", "space": "kongjian", "usable_area_m2": "youxiao_mianji",
    "indoor_area_m2": "shinei_mianji", "capacity_persons": "renshu", "hazards_served": "zaizhong",
    "structure": "jiegou", "seismic_intensity": "liedu", "status": "zhuangtai",
    "facilities": "sheshi", "manager": "zerenren", "phone": "dianhua",
    "built_year": "jiancheng_nian", "upgraded_year": "tisheng_nian",
    "upgrade_cost_yuan": "tisheng_feiyong", "upgrade_capacity_persons": "xinzeng_renshu",
    "synthetic": "hecheng"}  # fmt: skip
PLACEMARK = {name: header for name, header in PINYIN.items() if name != "name"}  # has its own
ENGLISH = {name: name for name in STANDARD}
WORDS = {
    "tier": {"county": "县级", "township": "乡镇级", "village": "村级"},
    "space": {"indoor": "室内", "outdoor": "室外", "both": "室内外兼有"},
    "status": {"open": "启用", "standby": "备用", "unfit": "停用"},
    "hazards_served": {
        "typhoon": "台风", "flood": "洪涝", "surge": "风暴潮", "landslide": "地质灾害",
        "earthquake": "地震", "forest_fire": "森林火灾", "drought": "干旱"},
    "synthetic": {"true": "是"},
}  # fmt: skip


@dataclass(frozen=True)
class RawFile:
    """One file a county sends.

    Parameters
    ----------
    unit : reporting unit or county whose shelters it holds
    file : its name
    write : writer, called with rows, path and headers
    names : headers
    axes : headers of the two coordinates; empty where the file has geometry
    spelling : how the coordinates are written, a key of `SPELLINGS`
    words : Chinese words in place of codes
    plan : faults to seed
    """

    unit: str
    file: str
    write: Callable[..., None]
    names: dict[str, str]
    plan: dict[str, int]
    axes: tuple[str, ...] = ("经度", "纬度")
    spelling: str = "degrees"
    words: bool = True
    extra: tuple[str, ...] = field(default=())


_csv = raw_formats.write_text
FILES = (
    RawFile("350502", "350502_licheng.csv", partial(_csv, encoding="gb18030"), STANDARD,
        {"full_width": 3, "approximate": 1, "counted": 1, "range": 1, "missing": 1, "swapped": 2,
         "indoor_over_total": 1, "duplicate": 1, "duplicate_id": 1, "missing_id": 1}),
    RawFile("350503", "350503_fengze.csv", partial(_csv, encoding="utf-8-sig"), OTHERWISE,
        {"composite": 1, "missing_word": 2, "swapped": 1, "before_built": 1, "duplicate": 1,
         "other_county": 1}, ("东经", "北纬"), "dms"),
    RawFile("350504", "350504_luojiang.kml", raw_formats.write_kml, PLACEMARK,
        {"missing": 1, "swapped": 1, "duplicate": 1, "other_county": 1}, (), extra=("place",)),
    RawFile("350505", "350505_quangang.ods", raw_formats.write_ods, STANDARD,
        {"missing_word": 1, "in_water": 1}),
    RawFile("350521r", "350521_huian.xlsx", raw_formats.write_form, STANDARD,
        {"counted": 2, "year_word": 2, "approximate": 2, "composite": 2, "class": 1,
         "ten_thousand": 1, "chinese_numeral": 1, "missing_word": 1, "before_built": 1,
         "other_town": 1, "duplicate": 2, "duplicate_id": 1, "missing_id": 1, "in_water": 1},
        extra=("place", "towns")),
    RawFile("350521x", "350521_taishang.tsv", partial(_csv, encoding="utf-16", separator="\t"),
        OTHERWISE, {"full_width": 2, "missing": 1, "swapped": 1, "duplicate": 1, "in_water": 1}),
    RawFile("350524", "350524_anxi.shp", raw_formats.write_shapefile, OTHERWISE,
        {"missing": 2, "swapped": 1, "indoor_over_total": 1, "before_built": 1, "duplicate": 2,
         "duplicate_id": 1}, ()),
    RawFile("350525", "350525_yongchun.xlsx", partial(raw_formats.write_sheets, notes=False),
        STANDARD, {"ten_thousand": 2, "swapped": 1, "indoor_over_total": 1, "duplicate": 1,
         "missing_id": 1, "other_county": 1}, ("Y坐标", "X坐标"), "zone 40"),
    RawFile("350526", "350526_dehua.gpkg", raw_formats.write_geopackage, PINYIN,
        {"missing": 1, "swapped": 1, "indoor_over_total": 1, "duplicate": 1, "duplicate_id": 1,
         "other_county": 1}, (), words=False),
    RawFile("350581", "350581_shishi.geojson", raw_formats.write_geojson, ENGLISH,
        {"missing": 1, "swapped": 1, "missing_id": 1, "in_water": 1}, (), words=False),
    RawFile("350582", "350582_jinjiang.csv", partial(_csv, encoding="utf-8"), OTHERWISE,
        {"full_width": 2, "approximate": 2, "chinese_numeral": 1, "range": 1, "missing": 1,
         "before_built": 1, "other_town": 1, "duplicate": 2, "duplicate_id": 1, "in_water": 1,
         "zero": 1}, ("高德经度", "高德纬度"), "gcj02"),
    RawFile("350583", "350583_nanan.xlsx", partial(raw_formats.write_sheets, notes=True), STANDARD,
        {"full_width": 3, "counted": 1, "year_word": 1, "approximate": 3, "ten_thousand": 2,
         "chinese_numeral": 1, "composite": 2, "range": 1, "class": 1, "missing_word": 1,
         "swapped": 1, "indoor_over_total": 1, "before_built": 1, "other_town": 1, "duplicate": 2,
         "duplicate_id": 1, "missing_id": 1, "other_county": 2, "zero": 1}),
)  # fmt: skip


def _degrees(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[list[str], list[str]]:
    return [f"{v:.6f}" for v in lon], [f"{v:.6f}" for v in lat]


def _dms(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[list[str], list[str]]:
    """Degrees, minutes and seconds to a hundredth, in three spellings by turns."""
    marks = (("°", "′", "″"), ("°", "'", '"'), ("度", "分", "秒"))

    def spell(value: float, number: int) -> str:
        hundredths = round(value * 360_000)
        degrees, rest = divmod(hundredths, 360_000)
        minutes, seconds = divmod(rest, 6_000)
        parts = (f"{degrees}", f"{minutes:02d}", f"{seconds / 100:05.2f}")
        return "".join(a + b for a, b in zip(parts, marks[number % 3], strict=True))

    return ([spell(v, n) for n, v in enumerate(lon)], [spell(v, n) for n, v in enumerate(lat)])


def _zone_40(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[list[str], list[str]]:
    east, north = Transformer.from_crs(FILES_CRS, ZONE_40, always_xy=True).transform(lon, lat)
    return [f"{v:.2f}" for v in east], [f"{v:.2f}" for v in north]


def _gcj02(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[list[str], list[str]]:
    return _degrees(*wgs84_to_gcj02(lon, lat))


SPELLINGS = {"degrees": _degrees, "dms": _dms, "zone 40": _zone_40, "gcj02": _gcj02}


def text_cells(shelters: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the columns a county fills in as text, and ``lon`` and ``lat`` as numbers."""
    frame = pd.DataFrame(shelters.drop(columns="geometry"))[list(STANDARD)]
    for column in raw_formats.NUMBERS:
        frame[column] = [str(int(v)) if pd.notna(v) else "" for v in frame[column]]
    frame["synthetic"] = "true"
    frame = frame.fillna("").astype(str)
    return frame.assign(lon=shelters.geometry.x, lat=shelters.geometry.y)


class Elsewhere:
    """Wrong places for points: at sea, in another county, in another town, at zero."""

    def __init__(self, ground: Ground, cells: pd.DataFrame, rng: np.random.Generator) -> None:
        self.cells, self.rng = cells, rng
        grid = ground.grid
        boundaries = ground.data / "boundaries"
        land = gpd.read_file(boundaries / "context.gpkg", layer="land").to_crs(grid.crs)
        counties = gpd.read_file(boundaries / "boundaries.gpkg", layer="county").to_crs(grid.crs)
        kinmen = counties[counties["unit_id"] == EXCLUDED_COUNTY].buffer(5_000)
        dry = grid.burn([*land.geometry, *counties.geometry, *kinmen]) > 0
        rows, cols = np.nonzero(~dry)
        to_degrees = Transformer.from_crs(grid.crs, FILES_CRS, always_xy=True)
        lon, lat = to_degrees.transform(grid.x[cols], grid.y[rows])
        self.sea = np.round(np.column_stack([lon, lat]), 6)
        self.sea_tree = cKDTree(self.sea)

    def in_water(self, row: pd.Series) -> tuple[float, float]:
        """Pick a cell of the sea some way out from the site."""
        _, near = self.sea_tree.query([row["lon"], row["lat"]], k=60)
        lon, lat = self.sea[int(near[-1])]
        return float(lon), float(lat)

    def other_county(self, row: pd.Series) -> tuple[float, float]:
        """Stand beside a site of another county."""
        return self._beside(self.cells["unit_id"].str[:6] != row["unit_id"][:6], row, nearest=False)

    def other_town(self, row: pd.Series) -> tuple[float, float]:
        """Stand beside the nearest site of another town of the county."""
        same = self.cells["unit_id"].str[:6] == row["unit_id"][:6]
        return self._beside(same & (self.cells["unit_id"].str[:9] != row["unit_id"][:9]), row,
                            nearest=True)  # fmt: skip

    def zero(self, _row: pd.Series) -> tuple[float, float]:
        """Measure nothing at all."""
        return 0.0, 0.0

    def _beside(self, which: pd.Series, row: pd.Series, *, nearest: bool) -> tuple[float, float]:
        pool = self.cells[which]
        away = np.hypot(pool["lon"] - row["lon"], pool["lat"] - row["lat"]).to_numpy()
        at = int(away.argmin()) if nearest else int(self.rng.integers(len(pool)))
        lon, lat = pool.iloc[at][["lon", "lat"]] + self.rng.uniform(-3e-4, 3e-4, 2)
        return round(float(lon), 6), round(float(lat), 6)

    def by_kind(self) -> dict[str, Callable[[pd.Series], tuple[float, float]]]:
        """Return the kinds of faults that move a point, each with its mover."""
        return {name: getattr(self, name)
                for name in ("in_water", "other_county", "other_town", "zero")}  # fmt: skip


def spoiled(
    spec: RawFile, cells: pd.DataFrame, elsewhere: Elsewhere, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the text of one file and the account of its faults."""
    spoiler = Spoiler(cells, rng, elsewhere.by_kind())
    spoiler.spoil(spec.plan)
    rows = spoiler.rows.sort_values("place", kind="stable", ignore_index=True)
    if spec.file.endswith(".gpkg"):  # its layers come one after the other
        rows["layer"] = np.where(rows["tier"] == "village", "村级避灾点", "乡镇级避灾点")
    spell = SPELLINGS[spec.spelling]
    first, second = spell(rows["lon"].to_numpy(float), rows["lat"].to_numpy(float))
    swapped = rows["swapped"].to_numpy(bool)
    rows["first"] = np.where(swapped, second, first)
    rows["second"] = np.where(swapped, first, second)
    true = spell(rows["true_lon"].to_numpy(float), rows["true_lat"].to_numpy(float))
    rows["raw_place"] = rows["first"] + " " + rows["second"]
    rows["true_place"] = [f"{a} {b}" for a, b in zip(*true, strict=True)]
    account = pd.DataFrame(spoiler.account).merge(rows, on="key", validate="one_to_one")
    moved = account["field"] == "geometry"
    account["raw_value"] = account["raw_value"].mask(moved, account["raw_place"])
    stays = moved & account["kind"].isin(MOVES)
    account["true_value"] = account["true_value"].mask(stays, account["true_place"])
    layer = rows["layer"] if "layer" in rows else pd.Series("", index=rows.index)
    number = rows.groupby(layer).cumcount() + 1
    account["row"] = account["key"].map(dict(zip(rows["key"], number, strict=True)))
    account["table"] = account["key"].map(dict(zip(rows["key"], layer, strict=True)))
    account["file"] = spec.file
    if spec.words:
        for column, words in WORDS.items():
            rows[column] = [
                "、".join(words[code] for code in cell.split(";")) for cell in rows[column]
            ]
    return rows[[*STANDARD, "first", "second"]], account


def decisions(cells: pd.DataFrame, defects: pd.DataFrame, grid: SampleGrid) -> pd.DataFrame:
    """Merge what is one object twice; keep the closest pairs of one village that are two."""
    twins = defects[defects["kind"] == "duplicate"]
    merge = pd.DataFrame({"left": twins["true_value"], "right": twins["raw_value"]})
    merge = merge.assign(
        decision="merge", reason="名称近似、位置相距不足40米、电话相同，为同一场所 / "
        "like names, less than 40 m apart, one telephone: one site")  # fmt: skip
    points = gpd.GeoSeries.from_xy(cells["lon"], cells["lat"], crs=FILES_CRS).to_crs(grid.crs)
    place = np.column_stack([points.x, points.y])
    pairs = cKDTree(place).query_pairs(400.0, output_type="ndarray")
    away = np.hypot(*(place[pairs[:, 0]] - place[pairs[:, 1]]).T)
    unit = cells["unit_id"].to_numpy()
    same = (unit[pairs[:, 0]] == unit[pairs[:, 1]]) & (cells["tier"] == "village").to_numpy()[
        pairs].all(axis=1)  # fmt: skip
    order = np.lexsort((pairs[same][:, 0], away[same].round(2)))[:KEPT_PAIRS]
    code = cells["shelter_id"].to_numpy()
    ends = np.sort(code[pairs[same][order]].astype(str), axis=1)
    keep = pd.DataFrame({"left": ends[:, 0], "right": ends[:, 1]}).assign(
        decision="keep", reason="依托设施不同，为两处场所 / different host facilities: two sites")
    return pd.concat([merge, keep]).sort_values(["left", "right"], ignore_index=True)


def build(grid: SampleGrid, *, seed: int, data: Path) -> None:
    """Write ``shelters/raw/``: twelve files, ``defects.csv`` and ``decisions.csv``."""
    ground = read(grid, data)
    folder = data / "shelters" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    cells = text_cells(gpd.read_file(data / "shelters" / "shelters.gpkg"))
    home = cells["unit_id"].map(ground.villages["reporting_id"])
    elsewhere = Elsewhere(ground, cells, random_stream(seed, "raw shelters elsewhere"))
    accounts = []
    for spec in FILES:
        rng = random_stream(seed, spec.file)
        own = (home if spec.unit[-1] in "rx" else home.str[:6]) == spec.unit
        rows, account = spoiled(spec, cells[own], elsewhere, rng)
        axes = dict(zip(("first", "second"), spec.axes, strict=False))
        given = {"place": ground.names[spec.unit[:6]], "towns": ground.names}
        spec.write(rows, folder / spec.file, {**spec.names, **axes},
                   **{name: given[name] for name in spec.extra})  # fmt: skip
        accounts.append(account)
    defects = pd.concat(accounts, ignore_index=True).sort_values(["file", "table", "row"])
    defects["defect_id"] = [f"D{number:03d}" for number in range(1, len(defects) + 1)]
    columns = ["defect_id", "file", "table", "row", "shelter_id", "kind", "rule", "field",
               "raw_value", "true_value", "outcome"]  # fmt: skip
    write_table(defects[columns], folder / "defects.csv")
    write_table(decisions(cells, defects, grid), folder / "decisions.csv")

"""Writers of the raw shelter files: the formats counties really send, the same bytes each time."""

from __future__ import annotations

import datetime
import json
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

import geopandas as gpd
import pandas as pd
import pyogrio
import xlsxwriter

from .ground import FILES_CRS, write_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS = ("usable_area_m2", "indoor_area_m2", "capacity_persons", "seismic_intensity",
           "built_year", "upgraded_year", "upgrade_cost_yuan",
           "upgrade_capacity_persons")  # fmt: skip
CREATED = datetime.datetime(2021, 12, 31)
TITLE = "{place}自然灾害避灾点汇总表（2021年）（合成数据 / synthetic data）"
NOTES = ("注：1. 面积单位为平方米，人数为申报数。", "    2. 本表全部为合成数据，仅供演示。")
GROUPS = {  # first row of the header: the columns below it
    "基本信息": ("shelter_id", "unit_id", "name", "tier", "host_facility"),
    "位置": ("first", "second"),
    "规模": ("space", "usable_area_m2", "indoor_area_m2", "capacity_persons"),
    "适用与结构": ("hazards_served", "structure", "seismic_intensity", "status", "facilities"),
    "管理": ("manager", "phone"),
    "建设": ("built_year", "upgraded_year", "upgrade_cost_yuan", "upgrade_capacity_persons",
             "synthetic"),
}  # fmt: skip
SUMS = ("usable_area_m2", "indoor_area_m2", "capacity_persons")


def typed(rows: pd.DataFrame, names: Mapping[str, str]) -> gpd.GeoDataFrame:
    """Return text cells as a frame of points with numbers as numbers and the given headers."""
    frame = rows.drop(columns=["first", "second"])
    for column in NUMBERS:
        frame[column] = pd.to_numeric(frame[column].replace("", None)).astype("Int64")
    x, y = (pd.to_numeric(rows[name]) for name in ("first", "second"))
    frame = frame[list(names)].rename(columns=names)
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(x, y), crs=FILES_CRS)


def write_text(
    rows: pd.DataFrame, path: Path, names: Mapping[str, str], *, encoding: str, separator: str = ","
) -> None:
    """Write a table of text with Windows line ends in that encoding."""
    text = rows[list(names)].rename(columns=names).to_csv(
        index=False, sep=separator, lineterminator="\r\n"
    )
    path.write_bytes(text.encode(encoding))


def write_shapefile(rows: pd.DataFrame, path: Path, names: Mapping[str, str]) -> None:
    """Write a shapefile in GBK with names cut at 10 bytes; its .cpg gets lost."""
    cut = dict(zip(names, cut_names(list(names.values())), strict=True))
    pyogrio.write_dataframe(
        typed(rows, cut), path, driver="ESRI Shapefile", encoding="GBK",
        layer_options={"DBF_DATE_LAST_UPDATE": "2021-12-31", "RESIZE": "YES"},
    )  # fmt: skip
    path.with_suffix(".cpg").unlink()


def cut_names(names: list[str], *, size: int = 10, encoding: str = "gbk") -> list[str]:
    """Cut names at the bytes a .dbf holds; the second of two equal ones ends in ``_1``."""
    found: list[str] = []
    for name in names:
        cut = name.encode(encoding)[:size].decode(encoding, "ignore")
        if cut in found:
            cut = name.encode(encoding)[: size - 2].decode(encoding, "ignore") + "_1"
        found.append(cut)
    return found


def write_geopackage(rows: pd.DataFrame, path: Path, names: Mapping[str, str]) -> None:
    """Write two layers: the sites of county and township, and those of the villages."""
    above = rows["tier"] != "village"
    synthetic = rows.assign(synthetic=True)
    for number, (layer, part) in enumerate((("乡镇级避灾点", synthetic[above]),
                                            ("村级避灾点", synthetic[~above]))):  # fmt: skip
        write_layer(typed(part, names), path, layer, append=number > 0)


def write_geojson(rows: pd.DataFrame, path: Path, names: Mapping[str, str]) -> None:
    """Write GeoJSON (RFC 7946), missing values as null."""
    frame = typed(rows, names)
    features = [
        {
            "type": "Feature",
            "properties": {
                name: None if pd.isna(value) or value == "" else
                int(value) if not isinstance(value, str) else value
                for name, value in zip(frame.columns[:-1], record[:-1], strict=True)
            },
            "geometry": {"type": "Point", "coordinates": [record[-1].x, record[-1].y]},
        }
        for record in frame.itertuples(index=False, name=None)
    ]  # fmt: skip
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
    text = f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n'
    path.write_text(text, encoding="utf-8", newline="\n")


def write_kml(rows: pd.DataFrame, path: Path, names: Mapping[str, str], *, place: str) -> None:
    """Write placemarks as map apps export them: a name, a description and extended data."""
    marks = []
    for row in rows.to_dict("records"):
        data = "".join(
            f"<Data name={quoteattr(header)}><value>{escape(row[name])}</value></Data>"
            for name, header in names.items() if row[name]
        )  # fmt: skip
        said = escape(f"编码：{row['shelter_id']}；可容纳 {row['capacity_persons']} 人；合成数据")
        marks.append(
            f"<Placemark><name>{escape(row['name'])}</name><description>{said}</description>"
            f"<ExtendedData>{data}</ExtendedData>"
            f"<Point><coordinates>{row['first']},{row['second']},0</coordinates></Point>"
            "</Placemark>"
        )
    title = escape(TITLE.format(place=place))
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document><name>{title}</name><Folder><name>避灾点</name>\n" + "\n".join(marks)
        + "\n</Folder></Document></kml>\n",
        encoding="utf-8", newline="\n",
    )  # fmt: skip


def _workbook(path: Path) -> xlsxwriter.Workbook:
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False})
    book.set_properties({"created": CREATED, "comments": "合成数据 / synthetic data"})
    return book


def _cell(column: str, text: str) -> str | float:
    if column in ("first", "second"):
        return float(text)
    return int(text) if column in NUMBERS and text.isascii() and text.isdigit() else text


def write_form(
    rows: pd.DataFrame, path: Path, names: Mapping[str, str], *, place: str, towns: pd.Series
) -> None:
    """Write a printed form: title, two merged rows of headers, merged towns, totals and notes."""
    columns = [column for group in GROUPS.values() for column in group]
    book = _workbook(path)
    sheet = book.add_worksheet("避灾点")
    bold = book.add_format({"bold": True, "align": "center", "valign": "vcenter", "border": 1})
    last = len(columns) + 1
    sheet.merge_range(0, 0, 0, last, TITLE.format(place=place), bold)
    sheet.write_string(1, 0, f"填报单位：{place}应急管理局")
    sheet.write_string(1, last - 1, "填报日期：2021年12月31日")
    for at, word in ((0, "序号"), (1, "乡镇")):
        sheet.merge_range(2, at, 3, at, word, bold)
    at = 2
    for group, below in GROUPS.items():
        sheet.merge_range(2, at, 2, at + len(below) - 1, group, bold)
        at += len(below)
    for at, column in enumerate(columns, 2):
        sheet.write_string(3, at, names[column], bold)
    for line, row in enumerate(rows.to_dict("records"), 4):
        sheet.write_number(line, 0, line - 3)
        for at, column in enumerate(columns, 2):
            sheet.write(line, at, _cell(column, row[column]))
    town = rows["unit_id"].str[:9].to_numpy()
    starts = [0, *(n for n in range(1, len(town)) if town[n] != town[n - 1]), len(town)]
    for first, end in pairwise(starts):
        word = towns[town[first]]
        if end - first > 1:
            sheet.merge_range(4 + first, 1, 3 + end, 1, word)
        else:
            sheet.write_string(4 + first, 1, word)
    foot = 4 + len(rows)
    sheet.write_string(foot, 0, "合计", bold)
    for column in SUMS:
        number = pd.to_numeric(rows[column], errors="coerce").sum()
        sheet.write_number(foot, 2 + columns.index(column), int(number), bold)
    for number, note in enumerate(NOTES, 1):
        sheet.write_string(foot + number, 0, note)
    book.close()


def write_sheets(
    rows: pd.DataFrame, path: Path, names: Mapping[str, str], *, notes: bool
) -> None:
    """Write a plain table as the sheet 避灾点, behind a sheet of instructions if ``notes``."""
    book = _workbook(path)
    if notes:
        page = book.add_worksheet("填表说明")
        for line, note in enumerate(("填表说明（合成数据 / synthetic data）", *NOTES)):
            page.write_string(line, 0, note)
    sheet = book.add_worksheet("避灾点")
    sheet.write_row(0, 0, list(names.values()))
    for line, row in enumerate(rows.to_dict("records"), 1):
        for at, column in enumerate(names):
            sheet.write(line, at, _cell(column, row[column]))
    book.close()


def write_ods(rows: pd.DataFrame, path: Path, names: Mapping[str, str]) -> None:
    """Write an OpenDocument sheet of text cells."""
    table = [list(names.values()), *rows[list(names)].to_numpy().tolist()]
    body = "".join(
        "<table:table-row>" + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p>'
            "</table:table-cell>" for cell in line) + "</table:table-row>\n"
        for line in table
    )  # fmt: skip
    ns = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<office:document-content xmlns:office="{ns}office:1.0" xmlns:table="{ns}table:1.0" '
        f'xmlns:text="{ns}text:1.0" office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="避灾点">\n{body}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>\n"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<manifest:manifest xmlns:manifest="{ns}manifest:1.0" manifest:version="1.2">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>\n"
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in (("mimetype", kind), ("content.xml", content),
                           ("META-INF/manifest.xml", manifest)):  # fmt: skip
            entry = zipfile.ZipInfo(name, (2021, 12, 31, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)

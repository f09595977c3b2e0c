import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely
import xlsxwriter

from qzrisk.layers.ingest import read_layer
from qzrisk.layers.printable import bare

ROWS = {"shelter_id": ["S\u200b1", "S2"], "name": ["东山\x0b村\x1b避灾点", "\ufeff西山村"],
        "capacity_persons": ["1\u200b20", "80"]}


def _xlsx(path):
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        for c, (header, cells) in enumerate({**ROWS, "lon": [118.5, 118.6],
                                             "lat": [24.9, 24.95]}.items()):
            page.write(0, c, header)
            page.write_column(1, c, cells)


def _frame():
    shapes = gpd.points_from_xy([118.5, 118.6], [24.9, 24.95])
    return gpd.GeoDataFrame(ROWS, geometry=shapes, crs="EPSG:4326")


def _geojson(path):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {k: v[n] for k, v in ROWS.items()},
         "geometry": shapely.geometry.mapping(shape)}
        for n, shape in enumerate(_frame().geometry)]}), encoding="utf-8")


def _json(path):
    table = pd.DataFrame({**ROWS, "lon": [118.5, 118.6], "lat": [24.9, 24.95]})
    path.write_text(json.dumps(table.to_dict("records")), encoding="utf-8")


WRITERS = {"a.xlsx": _xlsx, "a.gpkg": lambda path: _frame().to_file(path),
           "a.shp": lambda path: _frame().rename(columns={
               "shelter_id": "编码", "name": "名称", "capacity_persons": "容量"}).to_file(
                   path, encoding="utf-8"),
           "a.geojson": _geojson, "a.json": _json}


@pytest.mark.parametrize("name", WRITERS)
def test_invisible_characters_are_taken_out_of_every_format(name, tmp_path):
    path = tmp_path / name
    WRITERS[name](path)
    frame, issues, quarantine = read_layer(path, "shelters", crs="EPSG:4549")
    assert quarantine.empty
    assert frame.index.tolist() == ["S1", "S2"]
    assert frame["name"].tolist() == ["东山 村避灾点", "西山村"]
    assert frame["capacity_persons"].tolist() == [120, 80]
    assert (issues["rule"] == "control_characters").sum() >= 4


def test_joiners_of_persian_stay():
    assert bare("می\u200cخواهم") == "می\u200cخواهم"
    assert bare("A\u200cB") == "AB"

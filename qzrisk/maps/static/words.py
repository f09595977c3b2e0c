"""The sentences around a map: projection, notes, provenance; words only, nothing drawn."""

from __future__ import annotations

from functools import cache

import shapely
from pyproj import CRS

from qzrisk.maps.furniture.frame import degree_text
from qzrisk.maps.furniture.lettering import capital
from qzrisk.maps.spec import MapSpec
from qzrisk.text import text


@cache
def projection_words(crs: str, language: str) -> str:
    """Return datum, projection and code of a CRS in words.

    Examples
    --------
    >>> projection_words("EPSG:4549", "en")
    'CGCS2000, Gauss-Krüger, central meridian 120°00′E (EPSG:4549)'
    """
    made = CRS.from_user_input(crs)
    geodetic = made.geodetic_crs.name if made.geodetic_crs is not None else ""
    datum = text("datum_cgcs2000", language) if "China Geodetic" in geodetic else geodetic
    operation = made.coordinate_operation
    method = operation.method_name if operation is not None else ""
    key, values = "projection_other", {"name": method}
    if operation is not None and "Transverse Mercator" in method:
        meridian = next(float(param.value) for param in operation.params
                        if param.name == "Longitude of natural origin")
        key = "projection_utm" if "UTM" in operation.name else "projection_gauss"
        values = {"meridian": degree_text(meridian, 0)}
    code = f"EPSG:{made.to_epsg()}" if made.to_epsg() else ""
    comma, closing = ("，", f"（{code}）") if language == "zh" else (", ", f" ({code})")
    return datum + comma + text(key, language, **values) + (closing if code else "")


def note_lines(spec: MapSpec, *, labels_left: int, shortened: bool = False
               ) -> list[tuple[str, str]]:
    """Return (label, words) of the small print: notes, source, projection."""
    language = spec.language
    said = list(spec.notes)
    for layer in spec.layers:
        if layer.frame is not None:
            shapes = layer.frame.geometry.to_numpy()
            missing = int((shapely.is_missing(shapes) | shapely.is_empty(shapes)).sum())
            if missing:
                said.append(text("shapes_missing", language, layer=layer.title, n=missing))
    if labels_left:
        said.append(text("labels_left", language, n=labels_left))
    if shortened:
        said.append(text("short_note", language))
    head = text("sheet_notes", language)
    lines = [(head if rank == 0 else "", capital(line)) for rank, line in enumerate(said)]
    if spec.source:
        lines.append((text("sheet_source", language), spec.source))
    lines.append((text("sheet_crs", language), projection_words(spec.crs, language)))
    return lines


def status_words(spec: MapSpec) -> str:
    """Return whether the map may leave the house: its number, or that it is a sketch map."""
    if spec.audience == "internal":
        return text("internal_line", spec.language)
    if spec.map_number:
        return text("sheet_number_line", spec.language, number=spec.map_number)
    return text("draft_line", spec.language)


def provenance_words(spec: MapSpec) -> str:
    """Return date, rule pack and run id in one line."""
    given = (("sheet_date", spec.date_text), ("sheet_rule_pack", spec.rule_pack),
             ("sheet_run_id", spec.run_id))
    return " · ".join(text(key, spec.language, value=value) for key, value in given if value)

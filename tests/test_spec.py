"""MapSpec: what no back end could draw is refused; counts, bounds and layers are plain data."""

import geopandas as gpd
import map_world as world
import pandas as pd
import pytest

from qzrisk.errors import ConfigError, CRSError, SchemaError
from qzrisk.maps.spec import LayerSpec, MapSpec


def test_counts_list_empty_classes_and_the_missing():
    assert world.risk_layer().counts() == {"blue": 1, "yellow": 0, "orange": 0, "red": 2,
                                           "no_data": 1}
    assert world.lines_layer().counts() == {}


def test_bounds_are_those_of_the_focus():
    spec = world.risk_map(layers=(world.risk_layer(), world.points_layer()), focus="shelters")
    assert spec.bounds() == (332_000.0, 2_763_000.0, 350_000.0, 2_763_000.0)
    assert spec.with_(focus="").bounds() == (330_000.0, 2_760_000.0, 370_000.0, 2_770_000.0)
    assert spec.with_(extent=(0.0, 0.0, 1.0, 2.0)).bounds() == (0.0, 0.0, 1.0, 2.0)


@pytest.mark.parametrize(("changes", "error", "words"), [
    ({"kind": "heatmap"}, ConfigError, "unknown kind"),
    ({"frame": None}, SchemaError, "either a frame or a raster"),
    ({"palette": None}, ConfigError, "palette"),
    ({"classes": pd.Series(["red"] * 4, index=list("abcd"))}, SchemaError, "Categorical"),
    ({"classes": world.risk().iloc[::-1]}, SchemaError, "index of the frame"),
    ({"size": pd.Series([1.0])}, SchemaError, "index of the frame"),
])
def test_a_layer_that_cannot_be_drawn_is_refused(changes, error, words):
    with pytest.raises(error, match=words):
        world.risk_layer(**changes)


@pytest.mark.parametrize("changes", [
    {"audience": "friends"}, {"variant": "sepia"}, {"language": "fr"},
    {"layers": (world.risk_layer(), world.risk_layer())},
])
def test_a_map_with_unknown_words_is_refused(changes):
    with pytest.raises(ConfigError):
        world.risk_map(**changes)


def test_a_layer_in_another_crs_is_refused_with_both_named():
    frame = world.units().to_crs("EPSG:4490")
    with pytest.raises(CRSError, match=r"EPSG:4549.*EPSG:4490"):
        MapSpec(name="m", title="m", crs=world.CRS,
                layers=(LayerSpec(name="u", title="u", kind="outline", frame=frame),))


def test_an_empty_focus_and_an_unknown_layer_are_named():
    empty = world.risk_layer(frame=world.units().iloc[:0], classes=world.risk().iloc[:0])
    with pytest.raises(ConfigError, match="risk_map: risk"):
        world.risk_map(layers=(empty,)).bounds()
    with pytest.raises(ConfigError, match="roads"):
        world.risk_map().layer("roads")


def test_specs_leave_their_frames_alone():
    frame = world.units()
    world.risk_map(layers=(world.risk_layer(frame=frame),))
    pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(world.units()))
    assert isinstance(frame, gpd.GeoDataFrame)

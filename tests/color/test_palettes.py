"""DICOM's color tables, against entries that PS3.6 annex B.1 defines."""

import numpy as np
import pytest

from fusecli.catalog import PALETTES
from fusecli.color import lookup
from fusecli.errors import UsageError

RAMP = np.arange(256) / 255


# Entries of PS3.6 B.1.1 to B.1.4. Those of Hot Metal Blue and PET 20 Step were compared with a second program too.
@pytest.mark.parametrize(
    ("palette", "entries"),
    [
        ("hot-iron", {0: (0, 0, 0), 64: (128, 0, 0), 128: (255, 0, 0), 192: (255, 128, 4), 255: (255, 255, 255)}),
        ("pet", {0: (0, 0, 0), 64: (1, 126, 127), 128: (128, 0, 255), 192: (255, 128, 0), 255: (255, 255, 255)}),
        ("hot-metal-blue", {0: (0, 0, 0), 1: (0, 0, 2), 64: (0, 0, 125), 128: (116, 17, 97), 255: (255, 255, 255)}),
        ("pet-20-step", {0: (0, 0, 0), 64: (96, 96, 176), 128: (80, 192, 80), 192: (208, 144, 0), 255: (255,) * 3}),
        ("none", {0: (0, 0, 0), 64: (64, 64, 64), 255: (255, 255, 255)}),
    ],
)
def test_a_palette_has_the_colors_of_the_standard(palette, entries):
    table = lookup(RAMP, palette)
    assert {index: tuple(table[index].tolist()) for index in entries} == entries


def test_every_palette_of_the_catalog_has_256_colors_from_black_to_white_and_no_two_are_one():
    tables = {name: lookup(RAMP, name) for name in PALETTES}
    for table in tables.values():
        assert (table.shape, table.dtype) == ((256, 3), np.uint8)
        assert table[0].tolist() == [0, 0, 0]
        assert table[-1].tolist() == [255, 255, 255]
    assert len({table.tobytes() for table in tables.values()}) == len(PALETTES)


def test_twenty_steps_are_twenty_colors():
    assert len(np.unique(lookup(RAMP, "pet-20-step"), axis=0)) == 20


def test_in_hot_iron_no_channel_falls_as_uptake_rises():
    red, green, blue = lookup(RAMP, "hot-iron").T.astype(int)
    assert (np.diff([red, green, blue]) >= 0).all()


def test_the_shape_is_kept_and_values_outside_are_clipped():
    colors = lookup(np.array([[[-0.5, 0.0], [1.0, 7.0]]], dtype=np.float32), "hot-iron")
    assert colors.shape == (1, 2, 2, 3)
    assert colors[0, :, :, 0].tolist() == [[0, 0], [255, 255]]


def test_values_go_to_the_nearest_entry_and_are_not_cut_off():
    assert lookup(np.array([100.4, 100.6]) / 255, "none")[:, 0].tolist() == [100, 101]


def test_what_a_caller_does_to_the_colors_leaves_the_palette_alone():
    lookup(np.array([1.0]), "hot-iron")[:] = 0
    assert lookup(np.array([1.0]), "hot-iron").tolist() == [[255, 255, 255]]


def test_an_unknown_palette_is_refused_with_the_list():
    with pytest.raises(UsageError, match="hot-metal-blue"):
        lookup(np.array([1.0]), "rainbow")

"""Pictures of a comparison show the chosen slice, colored and laid out as `fuse` shows it."""

from dataclasses import replace

import numpy as np

from fusecli import color
from fusecli.catalog import Modality
from fusecli.comparing.slice_pictures import SlicePictures
from fusecli.core.geometry import Geometry
from fusecli.core.levels import to_uint8
from fusecli.core.pair import Pair
from fusecli.pipeline import Coloring


def test_sources_are_the_chosen_slice_by_role_and_modality(make_pair):
    pair = make_pair(slices=3)
    brighter = pair.fixed.voxels * np.array([0.2, 0.5, 1.0])[:, None, None]
    pair = replace(pair, fixed=replace(pair.fixed, voxels=brighter))
    fixed, moving = SlicePictures(pair, Coloring(), 1).sources().items()
    assert fixed[0] == "FIXED, MRI"
    assert moving[0] == "MOVING, PET"
    assert np.array_equal(fixed[1], to_uint8(pair.fixed.voxels[1]))
    assert not np.array_equal(fixed[1], to_uint8(pair.fixed.voxels[2]))


def test_a_picture_of_unknown_modality_is_called_by_its_role_alone(pair):
    unknown = Pair(replace(pair.fixed, modality=Modality.OTHER), pair.moving)
    assert list(SlicePictures(unknown, Coloring(), 0).sources()) == ["FIXED", "MOVING, PET"]


def test_a_palette_colors_the_tracer_and_the_fusion_and_not_the_anatomy(pair):
    pictures = SlicePictures(pair, Coloring("hot-iron"), 0)
    fixed, moving = pictures.sources().values()
    assert fixed.ndim == 2
    assert np.array_equal(moving, color.lookup(pair.moving.voxels[0], "hot-iron"))
    fused = np.maximum(pair.fixed.voxels, pair.moving.voxels)
    expected = color.paint_uptake(fused[0], pair.moving.voxels[0], "hot-iron")
    assert np.array_equal(pictures.fused(fused), expected)
    assert SlicePictures(pair, Coloring(), 0).fused(fused).ndim == 2


def test_colors_of_a_source_are_those_of_the_chosen_slice(make_pair):
    pair = make_pair(slices=2)
    colors = np.zeros((2, 40, 48, 3), np.uint8)
    colors[0, ..., 0], colors[1, ..., 2] = 200, 200
    pictures = SlicePictures(pair, Coloring(colors=colors, is_of_moving=True), 1)
    assert np.array_equal(pictures.sources()["MOVING, PET"], colors[1])
    fused = pictures.fused(np.full((2, 40, 48), 0.1, np.float32))
    assert (fused[..., 2] > fused[..., 0]).all()
    assert np.array_equal(SlicePictures(pair, Coloring(colors=colors), 0).sources()["FIXED, MRI"], colors[0])


def test_a_slice_is_laid_out_by_its_place_in_the_patient_with_square_pixels(pair):
    # Rows run to the front and are twice as far apart as columns: turned upside down, and twice as high.
    affine = np.array([[0, 0, 1.0, 0], [0, -2.0, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1]])
    placed = Geometry((1, 40, 48), affine)
    turned = Pair(*(replace(image, geometry=placed) for image in (pair.fixed, pair.moving)))
    fixed, moving = SlicePictures(turned, Coloring(), 0).sources().values()
    assert fixed.shape == moving.shape == (80, 48)
    upper = replace(
        turned, moving=replace(turned.moving, voxels=np.where(np.arange(40)[:, None] < 10, turned.fixed.voxels, 0))
    )
    shown = SlicePictures(upper, Coloring(), 0).sources()["MOVING, PET"]
    assert not shown[:50].any()
    assert shown[70:].any()

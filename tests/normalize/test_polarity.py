import numpy as np
import pytest

from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.history import warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.normalize import white_hot


def picture(voxels, intensity=Intensity.UNIT):
    voxels = np.asarray(voxels, dtype=np.float32)[np.newaxis]
    return Image(voxels, Geometry(voxels.shape), Modality.OTHER, intensity)


@pytest.fixture
def head():
    """Black around, grey inside."""
    voxels = np.zeros((20, 20))
    voxels[5:15, 5:15] = 0.5
    return picture(voxels)


@pytest.fixture
def black_hot():
    """A dark spot on white."""
    voxels = np.ones((20, 20))
    voxels[8:10, 8:10] = 0.1
    return picture(voxels)


def test_dark_on_white_beside_a_dark_frame_is_turned_round_and_said(black_hot, head):
    turned = white_hot(black_hot, beside=head)
    assert turned.voxels[0, 8, 8] == pytest.approx(0.9)
    assert turned.voxels[0, 0, 0] == 0
    assert "--polarity white-hot" in warnings_of(turned.history)[0]


def test_a_picture_that_is_not_dark_on_white_is_kept(head):
    assert white_hot(head, beside=head) is head


def test_a_white_frame_beside_a_white_frame_is_kept(black_hot):
    assert white_hot(black_hot, beside=black_hot) is black_hot


def test_white_hot_keeps_and_black_hot_turns_whatever_is_seen(black_hot, head):
    assert white_hot(black_hot, beside=head, polarity="white-hot") is black_hot
    turned = white_hot(head, beside=head, polarity="black-hot")
    assert turned.voxels[0, 0, 0] == 1
    assert warnings_of(turned.history) == ()


def test_turning_twice_is_where_it_began(black_hot, head):
    once = white_hot(black_hot, beside=head, polarity="black-hot")
    assert np.allclose(white_hot(once, beside=head, polarity="black-hot").voxels, black_hot.voxels)


def test_an_unknown_polarity_and_a_physical_unit_are_our_own_mistakes(head):
    with pytest.raises(ValueError, match="sideways"):
        white_hot(head, beside=head, polarity="sideways")
    with pytest.raises(ValueError, match="SUV"):
        white_hot(picture(np.ones((4, 4)), Intensity.SUV), beside=head)

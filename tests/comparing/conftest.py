"""A small pair without files, and comparisons whose every score is known."""

import numpy as np
import pytest

from fusecli import normalize
from fusecli.catalog import Modality
from fusecli.comparing.comparison import Comparison, Entry
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.metrics import Score


def grey_pair(slices=1, rows=40, columns=48):
    """A ramp and a disc, UNIT, that know where they come from."""
    ramp = np.broadcast_to(np.linspace(0.1, 0.7, columns), (slices, rows, columns))
    row, column = np.mgrid[:rows, :columns]
    disc = np.where(np.hypot(row - rows / 2, column - columns / 2) < rows / 4, 0.9, 0.0)
    source = Source("0" * 64, "PNG", patient="secret")
    fixed, moving = (
        normalize.to_unit(
            Image(voxels.astype(np.float32), Geometry((slices, rows, columns)), modality, Intensity.UNIT, source)
        )
        for voxels, modality in ((ramp, Modality.MRI), (np.stack([disc] * slices), Modality.PET))
    )
    return Pair(fixed, moving)


@pytest.fixture
def pair():
    return grey_pair()


@pytest.fixture
def make_pair():
    return grey_pair


def compared(*entries, pair=None):
    """A comparison of entries with given scores."""
    picture = np.zeros((40, 48), np.uint8)
    done = next(entry for entry in entries if entry.error is None)
    return Comparison(
        entries=entries,
        sources={"FIXED, MRI": picture, "MOVING, PET": picture},
        pair=pair or grey_pair(),
        registration=None,
        keys=tuple(done.scores),
        profile="fusecli",
        shown_slice=0,
        measured_slices=1,
        warnings=(),
    )


def entry(name, better="higher", **values):
    """A model with these scores, all of which go one way."""
    scores = {key: Score(value, "1", better, None if value is not None else "flat") for key, value in values.items()}
    return Entry(name, scores, np.zeros((40, 48), np.uint8))


@pytest.fixture
def make_comparison():
    return compared


@pytest.fixture
def make_entry():
    return entry

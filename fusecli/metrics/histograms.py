"""What the metrics of information share: grey levels as whole numbers, their counts, and entropies of counts."""

import numpy as np
from numpy.typing import NDArray

from fusecli.metrics.kernels import SNAP, Levels

LEVELS = 256

WholeLevels = NDArray[np.intp]
Counts = NDArray[np.int64]


def whole_levels(levels: Levels) -> WholeLevels:
    """Grey levels 0..255 rounded (halves up) and clipped to whole numbers, of the same shape."""
    # Half of all pixels of an average lie midway between two levels; a float32 puts them on either side at random.
    return np.clip(np.floor(levels + (0.5 + SNAP)), 0, LEVELS - 1).astype(np.intp)


def counts_of(levels: WholeLevels) -> Counts:
    """How many pixels have each of the 256 levels, (256,)."""
    return np.bincount(levels.ravel(), minlength=LEVELS)


def joint_counts(rows: WholeLevels, columns: WholeLevels) -> Counts:
    """How many places have level i in one image and level j in the other, (256, 256)."""
    pairs = rows.ravel() * LEVELS + columns.ravel()
    return np.bincount(pairs, minlength=LEVELS * LEVELS).reshape(LEVELS, LEVELS)


def entropy_bits(counts: Counts | Levels) -> float:
    """Shannon entropy in bit of the distribution that counts, or shares, of any shape stand for."""
    present = counts[counts > 0]
    share = present / present.sum()
    return float(np.sum(share * np.log2(1 / share)))

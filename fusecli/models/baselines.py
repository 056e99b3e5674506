"""Ways to fuse that need no weights: the yardsticks that a network has to beat."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import UsageError

Grey = NDArray[np.float32]
Formula = Callable[[Grey, Grey], NDArray[np.floating]]

# Burt and Adelson, IEEE Trans. Commun. 31(4), 1983, section II, with a = 0.375: close to a Gaussian of one pixel.
BURT_KERNEL = np.array([1, 4, 6, 4, 1], dtype=np.float32) / 16
SMALLEST_LEVEL = 8


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fuser made of one formula. `weights_sha256` is empty: there are none."""

    name: str
    formula: Formula
    weights_sha256: str | None = None
    device: str = "cpu"
    backend: str = f"numpy {np.__version__}"

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def __call__(self, fixed: Grey, moving: Grey) -> Grey:
        """Fuse two images, (row, column) in 0..1, into one of the same shape and range."""
        return np.asarray(np.clip(self.formula(fixed, moving), 0, 1), dtype=np.float32)


def baseline(name: str, *, alpha: float = 0.5) -> Baseline:
    """The baseline called `name`: max, average, laplacian or alpha.

    Raises UsageError for an alpha outside 0..1; ValueError for another name.
    """
    if not 0 <= alpha <= 1:
        raise UsageError(f"--alpha {alpha:g} is not a share.", hint="Give a number from 0 (FIXED alone) to 1 (MOVING).")
    formulas: dict[str, Formula] = {
        "max": np.maximum,
        "average": lambda fixed, moving: (fixed + moving) / 2,
        "laplacian": fuse_laplacian,
        "alpha": lambda fixed, moving: (1 - alpha) * fixed + alpha * moving,
    }
    if name not in formulas:
        raise ValueError(f"unknown baseline {name!r}")
    return Baseline(name, formulas[name])


def fuse_laplacian(fixed: Grey, moving: Grey) -> NDArray[np.floating]:
    """Fuse by Laplacian pyramid: at every scale the stronger detail, at the coarsest the mean. Not clipped.

    Source: Burt and Adelson, IEEE Trans. Commun. 31(4), 1983; fusion rule of Toet, Pattern Recognit. Lett. 9, 1989.
    """
    details, coarse = [], (fixed, moving)
    while min(coarse[0].shape) >= 2 * SMALLEST_LEVEL:
        smaller = tuple(_reduce(image) for image in coarse)
        a, b = (image - _expand(small, image.shape) for image, small in zip(coarse, smaller, strict=True))
        details.append(np.where(np.abs(a) >= np.abs(b), a, b))
        coarse = (smaller[0], smaller[1])
    fused: NDArray[np.floating] = (coarse[0] + coarse[1]) / 2
    for detail in reversed(details):
        fused = _expand(fused, detail.shape) + detail
    return fused


def _reduce(image: Grey) -> Grey:
    """Blur, then keep every second row and column."""
    return _blur(image, BURT_KERNEL)[::2, ::2]


def _expand(image: NDArray[np.floating], shape: tuple[int, ...]) -> Grey:
    """The inverse of `_reduce` up to detail: zeros between the pixels, then blur so that the mean is kept."""
    spread = np.zeros(shape, dtype=np.float32)
    spread[::2, ::2] = image
    return _blur(spread, 2 * BURT_KERNEL)


def _blur(image: Grey, kernel: NDArray[np.floating]) -> Grey:
    from scipy import ndimage  # takes a fifth of a second to load, and three of the four baselines need none of it

    # 'mirror' repeats the pattern of zeros between the pixels across the border, so that _expand keeps the mean there.
    rows = ndimage.correlate1d(image, kernel, axis=0, mode="mirror")
    blurred: Grey = ndimage.correlate1d(rows, kernel, axis=1, mode="mirror")
    return blurred

"""The value that flows through the program."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli.catalog import Modality, Window
from fusecli.core import scratch, statistics
from fusecli.core.geometry import Geometry
from fusecli.core.history import Step
from fusecli.core.intensity import Intensity
from fusecli.core.patient import Patient
from fusecli.errors import ImageError, ShapeError


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A display curve: `brightness[k]`, 0..1, is shown for the value `first + k`, in the image's unit."""

    first: float
    brightness: tuple[float, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image comes from, without saying whose it is.

    `digest` is the sha256 of the bytes read, `series_uid` DICOM's (0020,000E). Never a name, birth date or patient ID.
    `windows` are the display windows that the file asks for, in the image's unit, and `tables` its display curves.
    `laterality` is "L", "R" or "B" for a paired part of the body, (0020,0060) or (0020,0062); None: not stated.
    `dark_is_high` is DICOM's MONOCHROME1: the file asks for high numbers to be shown dark.
    `patient` is by what two images are compared, None without a patient ID; never printed, nor written to a report.
    """

    digest: str
    format: str
    series_uid: str | None = None
    windows: tuple[Window, ...] = ()
    tables: tuple[LookupTable, ...] = ()
    dark_is_high: bool = False
    laterality: str | None = None
    patient: Patient | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Voxels and what they mean: where each one lies and what its number measures.

    `voxels` is (slice, row, column), float32, read-only and finite; an RGB image adds a last axis of 3 and is uint8.

    Raises ShapeError when voxels and geometry differ in size; ImageError for NaN or infinite voxels; ValueError for
    color that is not uint8.
    """

    voxels: NDArray[Any]
    geometry: Geometry
    modality: Modality
    intensity: Intensity
    source: Source | None = None
    history: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        color = self.intensity is Intensity.RGB
        if color and self.voxels.dtype != np.uint8:
            raise ValueError(f"color is 8-bit RGB, and this is {self.voxels.dtype}")
        with np.errstate(over="ignore"):  # past float32 a number becomes infinity, and that is refused below
            voxels = scratch.contiguous(self.voxels, np.uint8 if color else np.float32)
        expected = (*self.geometry.shape, 3) if color else self.geometry.shape
        if voxels.shape != expected:
            raise ShapeError(f"The image has {voxels.shape} voxels, and its geometry says {expected}.")
        infinite = 0 if color else statistics.count(voxels, lambda slab: ~np.isfinite(slab))
        if infinite:
            raise ImageError(
                "The image holds values that are not numbers (NaN or infinity).",
                why=f"{infinite} of {voxels.size} voxels are not finite.",
                hint="Replace them in the file, for example by 0 (background), and run again.",
            )
        if voxels.flags.writeable and np.may_share_memory(voxels, self.voxels):
            voxels = scratch.copied(voxels)  # never freeze, nor depend on, an array that the caller still owns
        voxels.setflags(write=False)
        object.__setattr__(self, "voxels", voxels)

    @property
    def is_color(self) -> bool:
        return self.intensity is Intensity.RGB

    def stepped(self, step: Step, **changes: Any) -> "Image":
        """A copy with `changes` and one more step in its history."""
        return replace(self, history=(*self.history, step), **changes)

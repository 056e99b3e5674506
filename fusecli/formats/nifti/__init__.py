"""NIfTI-1 and -2, single files and .hdr/.img pairs, packed or not: to Image and back, through nibabel.

A NIfTI says where its voxels lie and seldom what they measure; that is told by a side-car, a note of our own, the
file's name or the values, and the history says by which. Source: nifti1.h and nifti2.h of the NIfTI Data Format
Working Group.
"""

# mypy: disable-error-code="no-untyped-call"
# nibabel's functions carry no types.

import gzip
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np

from fusecli.catalog import Modality
from fusecli.core.geometry import POSITION_TOLERANCE_MM
from fusecli.core.history import Step, warnings_of
from fusecli.core.image import Image, Source
from fusecli.core.intensity import Intensity
from fusecli.core.scratch import frozen, slabs
from fusecli.core.slices import SliceChoice, slice_index
from fusecli.core.statistics import highest, lowest
from fusecli.errors import ImageError
from fusecli.formats.nifti.file import digest, is_nifti, opened
from fusecli.formats.nifti.meaning import meaning_of, without_nan
from fusecli.formats.nifti.place import RAS_TO_LPS, RGB24, layout, loaded, mm, one_volume, place
from fusecli.formats.nifti.side_car import note, remove_side_car, side_car, side_car_path

__all__ = ["NiftiInfo", "describe", "is_nifti", "read", "remove_side_car", "side_car", "side_car_path", "write"]

# A larger volume takes seconds to unpack, too long for a look at its header.
_DESCRIBED_VOXELS = 2**26


@dataclass(frozen=True, slots=True)
class NiftiInfo:
    """What a NIfTI says of itself.

    `size` and `spacing_mm` go along the stored axes (i, j, k, ...); `orientation` is where these run, RAS for right,
    anterior, superior; None where the file does not say. `value_range` is scaled; None for a file too large to scan.
    `problems` is what `read` would warn of, as far as the file was scanned.
    """

    format: str
    size: tuple[int, ...]
    dtype: str
    spacing_mm: tuple[float, ...]
    orientation: str | None
    units: str
    sform_code: int
    qform_code: int
    modality: str | None
    intensity: str | None
    unit: str | None
    value_range: tuple[float, float] | None
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON takes them."""
        return asdict(self)


def read(path: Path, *, slice_choice: SliceChoice | None = None) -> Image:
    """The volume as (slice, row, column), turned to how radiology looks at it.

    Axes are flipped and permuted, never resampled, to the closest axial order: columns toward the patient's left, rows
    to the back, slices to the head; every voxel keeps its millimetre, which is LPS here and RAS in the file. A file of
    one sagittal or coronal slice keeps its plane. The place comes from the sform, else the qform (code > 0); without
    either the geometry has no millimetres, and the axes are taken as left, anterior, superior.

    Slope and intercept are applied, NaN becomes the smallest number. `slice_choice` reads one slice from disk, and what
    the values tell is then told by that slice alone.
    Raises ImageError for a broken file, several volumes, vectors or complex numbers; UsageError for a missing slice.
    """
    with opened(path) as stored:
        ras, from_form, place_warnings = place(stored.header)
        found = stored.remarks + place_warnings
        shape, is_color = one_volume(stored.header)
        turn, geometry = layout(shape, ras)
        chosen = None if slice_choice is None else slice_index(geometry, slice_choice)
        voxels = loaded(stored.voxels, shape, turn, chosen)
    if chosen is not None:
        geometry = geometry.slices(chosen, chosen + 1)
    facts = {"format": stored.format, "dtype": str(stored.header.get_data_dtype()), "place_from": from_form}
    source = Source(digest(path), stored.format)
    if is_color:
        return Image(frozen(voxels), geometry, Modality.OTHER, Intensity.RGB, source, (Step("read", facts, found),))
    voxels, nan_warnings = without_nan(voxels)
    told = meaning_of(path, voxels, stored.header)
    step = Step("read", facts | told.facts, found + nan_warnings + told.warnings)
    return Image(frozen(voxels), geometry, told.modality, told.intensity, source, (step,))


def describe(path: Path) -> list[NiftiInfo]:
    """What the file says of itself, in a list of one. Raises ImageError for a broken file."""
    with opened(path) as stored:
        header, name = stored.header, stored.format
        ras, _, place_warnings = place(header)
        problems = stored.remarks + place_warnings + _refusal(header)
    size = tuple(int(n) for n in header.get_data_shape())
    is_small = math.prod(size) <= _DESCRIBED_VOXELS and max(size[3:], default=1) == 1
    image = read(path) if is_small else None
    info = NiftiInfo(
        format=name,
        size=size,
        dtype=str(header.get_data_dtype()),
        spacing_mm=tuple(float(step * mm(header)) for step in header.get_zooms()[:3]),
        orientation=None if ras is None else "".join(nib.aff2axcodes(ras)),
        units=header.get_xyzt_units()[0],
        sform_code=int(header["sform_code"]),
        qform_code=int(header["qform_code"]),
        modality=str(image.modality) if image else None,
        intensity=str(image.intensity) if image else None,
        unit=image.intensity.physical_unit if image else None,
        value_range=(lowest(image.voxels), highest(image.voxels)) if image else None,
        problems=warnings_of(image.history) if image else problems,
    )
    return [info]


def _refusal(header: Any) -> tuple[str, ...]:
    """Why `read` would refuse the file, told by its size alone; nothing where it would not."""
    try:
        one_volume(header)
    except ImageError as error:
        return (f"{error.what} {error.why}",)
    return ()


def write(image: Image, path: Path, *, packed: bool) -> None:
    """Write a single-file NIfTI-1, gzip'd if `packed`: float32 in the image's unit, or RGB24 for color.

    sform and qform are equal and carry code 1 (scanner), in mm and RAS; axes that are not at right angles have no
    qform. A picture without geometry gets codes 0 (unknown) and 1 mm, stored front up as readers expect of such files.
    A UNIT image has the display range 0..1 and any other a note of modality and unit, by which `read` knows it again.
    """
    header = _header_of(image)
    with path.open("wb") as file:
        if not packed:
            _write(image, header, file)
            return
        # No name and no time in the gzip header: equal images are equal files, and tell nothing else.
        with gzip.GzipFile("", "wb", compresslevel=4, fileobj=file, mtime=0) as stream:
            _write(image, header, stream)


def _header_of(image: Image) -> Any:
    # nibabel fills in a header from an array: of its voxels it only looks at shape and type.
    voxels = image.voxels.view(RGB24)[..., 0] if image.is_color else image.voxels
    stored = voxels.transpose(2, 1, 0)  # (column, row, slice)
    if image.geometry.is_patient:
        affine = RAS_TO_LPS @ image.geometry.matrix[:, [2, 1, 0, 3]]
        nifti = nib.Nifti1Image(stored, affine)
        nifti.set_sform(affine, code=1)
        nifti.set_qform(affine, code=1)
        if not np.allclose(nifti.get_qform(), affine, atol=POSITION_TOLERANCE_MM):
            nifti.set_qform(None, code=0)
        nifti.header.set_xyzt_units("mm")
    else:
        nifti = nib.Nifti1Image(stored, None)
    nifti.header["descrip"] = note(image)
    nifti.header["cal_max"] = 1 if image.intensity is Intensity.UNIT else 0
    nifti.header["vox_offset"] = nifti.header.single_vox_offset
    nifti.header.set_slope_inter(1, 0)
    return nifti.header


def _write(image: Image, header: Any, stream: BinaryIO | gzip.GzipFile) -> None:
    """The header and the voxels, of which (slice, row, column) in memory is (column, row, slice) on disk."""
    header.write_to(stream)
    stream.write(bytes(header.single_vox_offset - stream.tell()))
    for part in slabs(image.voxels):
        slab = image.voxels[part]
        stream.write((slab if image.geometry.is_patient else slab[:, ::-1]).tobytes())

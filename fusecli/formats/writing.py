"""Image to bytes: the writer that the suffix names, under a temporary name until it is whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fusecli.atomic import replacing
from fusecli.formats.targets import WRITTEN_AS, check_writable, folder_of_dicom, folder_of_slices, suffix_of

if TYPE_CHECKING:
    from fusecli.core.history import Fact
    from fusecli.core.image import Image
    from fusecli.core.pair import Pair
    from fusecli.formats.dicom.lineage import Lineage
    from fusecli.formats.raster import Legend


def write(image: "Image", path: Path | str, *, overwrite: bool = False, legend: "Legend | None" = None) -> Path:
    """Write `image` in the format that the suffix names, whole or not at all; the path really written comes back.

    PNG and JPEG of a volume become a folder named like `path` without its suffix; TIFF and NIfTI are one file.
    Pictures take UNIT and RGB images, NIfTI any; `legend` is drawn beside pictures. No file carries text. A side-car of
    ours that told of a NIfTI which is replaced goes with it.

    Raises what `check_writable` raises, OutputError when the disk refuses, UsageError for a picture of raw numbers.
    """
    path = Path(path)
    slices, suffix = image.geometry.shape[0], suffix_of(path)
    target = check_writable(path, overwrite, slices=slices)
    with replacing(target, overwrite=overwrite, folder_of=folder_of_slices(path, slices)) as temporary:
        if WRITTEN_AS[suffix] == "NIFTI":
            from fusecli.formats import nifti

            nifti.write(image, temporary, packed=suffix == ".nii.gz")
            if overwrite:  # just before, so that no moment shows the new numbers beside the old words
                nifti.remove_side_car(target)
        else:
            from fusecli.formats import raster

            raster.write(image, temporary, WRITTEN_AS[suffix], legend)
    return target


def write_dicom(
    image: "Image",
    path: Path,
    lineage: "Lineage",
    pair: "Pair",
    *,
    layout: str = "series",
    overwrite: bool = False,
    options: "Mapping[str, Fact] | None" = None,
    deidentify: bool = False,
) -> Path:
    """Write `image`, fused of `pair`, as DICOM Secondary Capture in FIXED's study, whole or not at all.

    `layout` is "series", a file per slice, or "multiframe". `path` becomes a folder, or, named .dcm, the only file.
    `lineage` is what `dicom.lineage` says of the two series; `options` decide the pixels and stand in no history.
    `deidentify` leaves the patient out.

    Raises what `check_writable` raises, and what `dicom.secondary_capture.write` does.
    """
    from fusecli.formats.dicom import secondary_capture

    folder_of = folder_of_dicom(path)
    target = check_writable(path, overwrite, slices=image.geometry.shape[0], dicom=layout)
    with replacing(target, overwrite=overwrite, folder_of=folder_of) as temporary:
        secondary_capture.write(
            image,
            temporary,
            lineage,
            pair,
            layout=layout,
            as_file=folder_of is None,
            options=options or {},
            deidentify=deidentify,
        )
    return target

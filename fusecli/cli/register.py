"""`fusecli register`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusecli.catalog import REGISTRATIONS
from fusecli.cli import console, options, register_options
from fusecli.cli.register_options import registration_settings

if TYPE_CHECKING:
    from fusecli.registering import Registered


def register(
    fixed: options.FixedPath,
    moving: options.MovingPath,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            parser=options.named_path,
            metavar="FILE",
            help="MOVING on FIXED's grid, in its own unit: .nii.gz or .nii; pictures: .png, .jpg or .tif; a folder "
            "with --format dicom.",
            show_default=False,
        ),
    ],
    format_: options.GreyFormat = "auto",
    method: Annotated[
        str,
        typer.Option(
            metavar="|".join(REGISTRATIONS),
            help="What may move: rigid, turns and shifts; affine, also scales and shears; deformable, every part by "
            "itself, by a trained network for slices of a head; demons, the same without the network. auto: nothing "
            "where the files agree on one frame of reference, else rigid. none: nothing.",
        ),
    ] = "rigid",
    accept_registration: register_options.AcceptRegistration = False,
    apply: register_options.AppliedTransform = None,
    transform: register_options.SavedTransform = None,
    check: register_options.CheckPicture = None,
    force_pair: options.ForcePair = False,
    fixed_modality: options.FixedModality = None,
    moving_modality: options.MovingModality = None,
    fixed_series: options.FixedSeries = None,
    moving_series: options.MovingSeries = None,
    json: options.AsJson = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Align MOVING with FIXED, and write it on FIXED's grid.

    MOVING is interpolated once, from its own voxels. An alignment that is not believable is refused (exit 6), and
    nothing is written. The path of the result goes to stdout, everything else to stderr.

    Example: fusecli register t1.nii.gz pet.nii.gz -o aligned.nii.gz --check check.png

    Example: fusecli register CT/ PT/ -o suv_on_ct.nii.gz --method affine --transform found.tfm --json

    Example: fusecli register CT/ PT2/ -o second.nii.gz --apply found.tfm
    """
    aligning = registration_settings(
        "--method",
        register=method,
        accept_registration=accept_registration,
        apply=apply,
        transform=transform,
        check=check,
        overwrite=overwrite,
    )
    reading = options.fuse_settings(
        slice_=None,
        fixed_series=fixed_series,
        moving_series=moving_series,
        fixed_modality=fixed_modality,
        moving_modality=moving_modality,
        window=None,
        suv_range=None,
        polarity="auto",
        resize=False,
        force_pair=force_pair,
    )
    dicom = options.dicom_layout(format_, None) is not None
    settings = replace(reading, registration=replace(aligning, dicom=dicom))
    from fusecli import registering
    from fusecli.report.record import to_json

    done = registering.register_files(fixed, moving, output, settings)
    _tell(done)
    console.emit(to_json(done.as_dict()) if json else str(done.output))


def _tell(done: "Registered") -> None:
    console.warn(done.warnings)
    found = done.registration
    console.say(
        f"{found.alignment.method}: moved by {found.motion.mean_mm:.1f} mm, turned by {found.motion.angle_deg:.1f} "
        f"degrees in {done.seconds['register']:.1f} s."
    )
    console.say(
        "normalized mutual information "
        f"{found.before.normalized_mutual_information:.3f} -> {found.after.normalized_mutual_information:.3f}, "
        f"overlap of the foregrounds {found.before.foreground_overlap:.2f} -> {found.after.foreground_overlap:.2f}"
    )

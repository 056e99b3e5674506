"""The words by which MOVING is aligned with FIXED: their types and help, and what they ask for."""

from pathlib import Path
from typing import Annotated

import typer

from fusecli.catalog import REGISTRATIONS
from fusecli.cli import options
from fusecli.settings import RegisterSettings

_PANEL = "Aligning MOVING with FIXED"


def registration_settings(
    option: str,
    *,
    register: str,
    accept_registration: bool,
    apply: Path | None,
    transform: Path | None = None,
    check: Path | None = None,
    overwrite: bool = False,
) -> RegisterSettings:
    """How MOVING is aligned, where `option` is what the command calls the method, and what is kept of it.

    Raises UsageError for a method that is not known.
    """
    return RegisterSettings(
        method=str(options.one_of(option, register, REGISTRATIONS)),
        apply=apply,
        transform=transform,
        check=check,
        accept=accept_registration,
        overwrite=overwrite,
    )


Register = Annotated[
    str,
    typer.Option(
        "--register",
        metavar="|".join(REGISTRATIONS),
        help="How MOVING is aligned. auto: as the files state where they share a frame of reference, checked by their "
        "content; else rigid. affine also scales and shears; deformable moves every part by itself, for slices of a "
        "head by a trained network; demons is the same without it.",
        rich_help_panel=_PANEL,
    ),
]
AcceptRegistration = Annotated[
    bool,
    typer.Option(
        "--accept-registration", help="Go on with an alignment that is not believable.", rich_help_panel=_PANEL
    ),
]
SavedTransform = Annotated[
    Path | None,
    typer.Option(
        "--transform",
        metavar="FILE",
        parser=options.named_path,
        help="Also save the transform, FIXED to MOVING in mm of LPS: .tfm, .txt, .mat or .h5.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
AppliedTransform = Annotated[
    Path | None,
    typer.Option(
        "--apply",
        metavar="FILE",
        parser=options.named_path,
        help="Take this saved transform; search nothing.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
CheckPicture = Annotated[
    Path | None,
    typer.Option(
        "--check",
        metavar="FILE",
        parser=options.named_path,
        help="Also write a picture to judge the alignment by, before and after: .png.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]

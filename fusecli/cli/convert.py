"""`fusecli convert`."""

from pathlib import Path
from typing import Annotated

import typer

from fusecli.catalog import UNITS
from fusecli.cli import console, options, suv_options
from fusecli.settings import ConvertSettings


def convert(
    path: options.InputPath,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            parser=options.named_path,
            metavar="FILE",
            help="Result: .nii.gz or .nii; .png, .jpg or .tif for pictures; a folder with --format dicom.",
            show_default=False,
        ),
    ],
    units: Annotated[
        str,
        typer.Option(
            metavar="|".join(UNITS),
            help="Unit of the result, or an error if it cannot be had. native: as the file has it. suvlbm: lean body "
            "mass by James; suvlbmjanma: by Janmahasatian; suvbsa: body surface by Du Bois.",
        ),
    ] = "native",
    format_: options.GreyFormat = "auto",
    series: Annotated[
        str | None, typer.Option(metavar="UID|NUMBER", help="Which series, if PATH holds several.")
    ] = None,
    slice_: Annotated[
        str | None,
        typer.Option("--slice", metavar="N|Xmm", help="One slice: its number from 0, or its position (45mm)."),
    ] = None,
    allow_gaps: options.AllowGaps = False,
    suv_weight: suv_options.SuvWeight = None,
    suv_dose: suv_options.SuvDose = None,
    suv_injected_at: suv_options.SuvInjectedAt = None,
    suv_half_life: suv_options.SuvHalfLife = None,
    json: options.AsJson = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Write an image as another file, in the unit that is asked for.

    A NIfTI gets a JSON file of the same name beside it, which tells its unit and how it came about. The path of the
    result goes to stdout, everything else to stderr.

    Example: fusecli convert PT/ -o suv.nii.gz --units suvbw

    Example: fusecli convert CT/ -o ct.nii.gz --units hu --series 3

    Example: fusecli convert PT/ -o suv --format dicom --units suvbw

    Example: fusecli convert PT/ -o suv.nii.gz --units suvbw --suv-weight 70 --suv-dose 370MBq
    """
    settings = ConvertSettings(
        units=str(options.one_of("--units", units.lower(), tuple(UNITS))),
        series=series,
        slice_choice=None if slice_ is None else options.parse_slice(slice_),
        allow_gaps=allow_gaps,
        suv=suv_options.suv_settings(suv_weight, suv_dose, suv_injected_at, suv_half_life),
        dicom=options.dicom_layout(format_, None) is not None,
        overwrite=overwrite,
    )

    from fusecli import conversion
    from fusecli.report.record import to_json

    done = conversion.convert_file(path, output, settings)
    console.warn(done.warnings)
    console.emit(to_json(done.as_dict()) if json else str(done.output))

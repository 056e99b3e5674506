"""`fusecli demo`."""

from pathlib import Path
from typing import Annotated

import typer

from fusecli.cli import console, options
from fusecli.settings import FuseSettings, SliceChoice


def demo(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to make for the phantom and the picture.")
    ] = Path("fusecli-demo"),
    model: options.Model = "lrc",
    device: options.Device = "auto",
) -> None:
    """Make a digital chest as real DICOM, CT and PET, and fuse the slice through its tumour.

    The path of the picture goes to stdout. The series stay in DIR/CT and DIR/PET, to try other commands on.

    Example: fusecli demo

    Example: fusecli demo -o try && fusecli fuse try/CT try/PET -o volume.nii.gz
    """
    from fusecli import pipeline
    from fusecli.demo import lesion_slice, thorax_phantom, write_series

    console.say("Making a digital chest: CT in HU and PET in Bq/ml, with tumours of known place and uptake.")
    phantom = thorax_phantom()
    ct, pet = write_series(phantom, output)
    choice = SliceChoice(index=lesion_slice(phantom))
    console.say(f"Fusing slice {choice.index}, through the largest tumour.")
    settings = FuseSettings(model=model, device=device, slice_choice=choice)
    record = pipeline.fuse_files(ct, pet, output / "fused.png", settings)
    console.summary(record)
    console.say(f"Next: fusecli fuse {ct} {pet} -o {output / 'volume.nii.gz'}")
    console.emit(str(record.output))

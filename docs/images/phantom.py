"""Make docs/images/phantom.png, README's picture: `python docs/images/phantom.py`."""

import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

from fusecli import pipeline
from fusecli.demo import lesion_slice, thorax_phantom, write_series
from fusecli.settings import FuseSettings, SliceChoice

# CT alone, PET alone, and both fused.
PANELS = (
    FuseSettings(model="alpha", alpha=0, palette="none"),
    FuseSettings(model="alpha", alpha=1, palette="none"),
    FuseSettings(),
)
# The chest without the air above and below it: left, top, right, bottom, in parts of the picture.
CROP = (0.02, 0.17, 0.98, 0.85)


def main() -> None:
    phantom = thorax_phantom(ct_shape=(24, 448, 448))
    choice = SliceChoice(index=lesion_slice(phantom))
    with tempfile.TemporaryDirectory() as folder:
        ct, pet = write_series(phantom, Path(folder) / "study")
        panels = [panel(ct, pet, Path(folder), replace(settings, slice_choice=choice)) for settings in PANELS]
    sheet = Image.new("RGB", (sum(part.width for part in panels), panels[0].height))
    for number, part in enumerate(panels):
        sheet.paste(part, (number * part.width, 0))
    sheet.save(Path(__file__).with_suffix(".png"), optimize=True)


def panel(ct: Path, pet: Path, folder: Path, settings: FuseSettings) -> Image.Image:
    path = folder / f"{settings.model}{settings.alpha}.png"
    pipeline.fuse_files(ct, pet, path, settings)
    with Image.open(path) as picture:
        left, top, right, bottom = (round(part * picture.width) for part in CROP)
        return picture.convert("RGB").crop((left, top, right, bottom))


if __name__ == "__main__":
    main()

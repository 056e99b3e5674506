"""Write an image as another file, in the unit that was asked for, or not at all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusecli import __version__, formats
from fusecli.atomic import check_may_be_written, replacing
from fusecli.catalog import ONLY_PET_TAKES_SUV, RESEARCH_USE, UNITS
from fusecli.core.history import Step, last_step, warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import ImageError, UsageError
from fusecli.formats import nifti
from fusecli.formats.archive import unpacked
from fusecli.report.record import geometry_facts, input_facts, to_json
from fusecli.settings import ConvertSettings, ReadSettings

if TYPE_CHECKING:
    from fusecli.formats.dicom.grey import Origin

_WANTED = {
    "suvbw": Intensity.SUV,
    "suvlbm": Intensity.SUVLBM,
    "suvlbmjanma": Intensity.SUVLBM,
    "suvbsa": Intensity.SUVBSA,
    "bqml": Intensity.BQML,
    "hu": Intensity.HU,
}
# By which option a quantity is given that a header lacks, told by the number of its element.
_OPTIONS = {
    "(0010,1030)": "--suv-weight 70",
    "(0018,1074)": "--suv-dose 370MBq",
    "(0018,1075)": "--suv-half-life 109.8min",
    "(0018,1072)": "--suv-injected-at 10:00",
    "(0018,1078)": "--suv-injected-at 10:00",
    "(0054,0016)": "--suv-dose 370MBq --suv-half-life 109.8min --suv-injected-at 10:00",
}
NIFTI_SUFFIXES = (".nii", ".nii.gz")


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """What was written: the file or the folder of slices, the JSON beside a NIfTI, and the image in them."""

    output: Path
    side_car: Path | None
    image: Image

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of how far the numbers can be trusted."""
        return warnings_of(self.image.history)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of `fusecli convert --json`; scripts rely on its keys."""
        voxels, intensity = self.image.voxels, self.image.intensity
        return {
            "output": str(self.output),
            "side_car": None if self.side_car is None else str(self.side_car),
            "intensity": intensity.value,
            "unit": intensity.physical_unit,
            "value_range": [float(voxels.min()), float(voxels.max())],
            "warnings": list(self.warnings),
            "version": __version__,
            "input": input_facts(self.image),
            "geometry": geometry_facts(self.image),
            "notice": RESEARCH_USE,
        }


def convert_file(source: Path, output: Path, settings: ConvertSettings) -> Conversion:
    """Write the image at `source` as `output`, in the unit of `settings`: as DICOM, or as what the suffix names.

    A NIfTI gets a JSON file of the same name beside it, with unit and history. Either both are written or none.
    Raises ImageError, naming what is missing, when the unit cannot be had; UsageError for raw numbers as a picture;
    and whatever reading and writing raise. Nothing is left behind then.
    """
    with _opened(source, output, settings) as (place, origin):
        beside = None if origin else _side_car_of(source, output, settings.overwrite)
        image = _read(place, settings)
        files = _files_of(image, origin)
        target = formats.check_writable(output, settings.overwrite, slices=files, dicom=_layout(settings))
        formats.check_not_an_input(target, (source,))
        if origin is not None:
            return _written_as_dicom(image, output, origin, settings.overwrite)
        _check_fits(image, output)
        return _written(image, output, beside, settings.overwrite)


@contextmanager
def _opened(source: Path, output: Path, settings: ConvertSettings) -> Iterator[tuple[Path, "Origin | None"]]:
    """Where the files are, and what DICOM says of its origin, if DICOM is asked for: checked before the long work."""
    formats.check_writable(output, settings.overwrite, dicom=_layout(settings))
    if not settings.dicom:
        yield source, None
        return
    from fusecli.formats.dicom import grey
    from fusecli.formats.dicom.lineage import parent_of

    if settings.allow_gaps:
        raise UsageError(
            "--allow-gaps cannot be had in DICOM.",
            why="Each slice that is written stands for one that was measured.",
            hint="Leave it out, or write NIfTI: -o NAME.nii.gz",
        )
    formats.check_not_beside_sources(output, (source,))
    with unpacked(source) as place:
        parent = parent_of(place, series=settings.series, slice_choice=settings.slice_choice, role="The image")
        grey.check(parent)
        grey.check_grid(parent.geometry, parent)
        yield place, grey.Origin(parent)


def _layout(settings: ConvertSettings) -> str | None:
    return formats.NUMBERS if settings.dicom else None


def _read(place: Path, settings: ConvertSettings) -> Image:
    """The image in the unit that is asked for."""
    suv = replace(settings.suv, norm=UNITS[settings.units])
    image = formats.read(
        place,
        series=settings.series,
        slice_choice=settings.slice_choice,
        settings=ReadSettings(allow_gaps=settings.allow_gaps, suv=suv),
    )
    _check_unit(image, settings.units)
    if suv.given and (image.source is None or image.source.format != "DICOM"):
        return image.stepped(Step("convert", {"units": settings.units}, (ONLY_PET_TAKES_SUV,)))
    return image


def _files_of(image: Image, origin: "Origin | None") -> int:
    slices = image.geometry.shape[0]
    if origin is None:
        return slices
    from fusecli.formats.dicom import grey

    return grey.files_of(origin.parent, slices)


def _written_as_dicom(image: Image, output: Path, origin: "Origin", overwrite: bool) -> Conversion:
    from fusecli.formats.dicom import grey

    image = image.stepped(grey.checked_step(origin.parent))
    return Conversion(grey.write(image, output, origin, overwrite=overwrite), None, image)


def _side_car_of(source: Path, output: Path, overwrite: bool) -> Path | None:
    """The JSON that goes beside a NIfTI, None for a picture; its place is checked before the long work starts."""
    if not output.name.lower().endswith(NIFTI_SUFFIXES):
        return None
    beside = nifti.side_car_path(output)
    check_may_be_written(beside, overwrite=overwrite)
    formats.check_not_an_input(beside, (source,))
    return beside


def _check_unit(image: Image, units: str) -> None:
    """Raises ImageError unless the image is in the unit that was asked for."""
    wanted = _WANTED.get(units)
    read = last_step(image.history, "read")
    facts: Mapping[str, Any] = read.facts if read else {}
    if wanted is None or (image.intensity is wanted and _is_by_same_norm(facts, units)):
        return
    missing = str(facts.get("missing") or "")
    reasons = warnings_of(image.history) if missing else (_other_unit(image, units),)
    raise ImageError(f"This image cannot be had in {units}.", why=" ".join(reasons), hint=_hint(missing))


def _is_by_same_norm(facts: Mapping[str, Any], units: str) -> bool:
    """Lean body mass has two formulas, and one name in a file that does not tell which."""
    return units != "suvlbmjanma" or "Janma" in str(facts.get("suv_norm"))


def _other_unit(image: Image, units: str) -> str:
    what = f"It is {image.modality} in {image.intensity}"
    if units == "hu":
        return f"{what}, and only a CT has Hounsfield units."
    return f"{what}, and only a PET in DICOM tells the dose, the weight and the times that lead to {units}."


def _hint(missing: str) -> str:
    options = dict.fromkeys(option for number, option in _OPTIONS.items() if number in missing)
    given = f"Give it by hand: {' '.join(options)}; or keep" if options else "Keep"
    return f"{given} the unit of the file: --units native"


def _check_fits(image: Image, output: Path) -> None:
    """Raises UsageError for numbers of a scanner under the name of a picture."""
    is_picture = image.intensity in (Intensity.UNIT, Intensity.RGB)
    if not is_picture and not output.name.lower().endswith(NIFTI_SUFFIXES):
        raise UsageError(
            f"Numbers in {image.intensity} cannot be written as the picture {output.name}.",
            why="A picture holds brightness from black to white, and the numbers would be lost.",
            hint="Write NIfTI, which keeps them: -o NAME.nii.gz",
        )


def _written(image: Image, output: Path, beside: Path | None, overwrite: bool) -> Conversion:
    if beside is None:
        return Conversion(formats.write(image, output, overwrite=overwrite), None, image)
    # The JSON is ready before the NIfTI stands, and is renamed right after it.
    with replacing(beside, overwrite=overwrite) as temporary:
        temporary.write_text(to_json(nifti.side_car(image)), encoding="utf-8")
        written = formats.write(image, output, overwrite=overwrite)
    return Conversion(written, beside, image)

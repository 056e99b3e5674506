"""Put a moving image onto the grid of a fixed one, by an alignment that is found or that was saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusecli import __version__, formats, pipeline, register
from fusecli.catalog import RESEARCH_USE
from fusecli.core.history import warnings_of
from fusecli.core.image import Image
from fusecli.pipeline import output as out
from fusecli.pipeline import registration
from fusecli.report.record import Stopwatch, geometry_facts, input_facts
from fusecli.settings import FuseSettings, RegisterSettings

if TYPE_CHECKING:
    from fusecli.formats.dicom.lineage import Parent


@dataclass(frozen=True, slots=True, eq=False)
class Registered:
    """MOVING as it was written, and why it should be believed to lie where it does."""

    output: Path
    image: Image
    registration: register.Registration
    transform: Path | None
    check: Path | None
    seconds: dict[str, float]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know of how far the result can be trusted."""
        return warnings_of(self.image.history)

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of `fusecli register --json`; scripts rely on its keys."""
        return {
            "output": str(self.output),
            "transform": None if self.transform is None else str(self.transform),
            "check": None if self.check is None else str(self.check),
            "registration": self.registration.as_dict(),
            "input": input_facts(self.image),
            "geometry": geometry_facts(self.image),
            "warnings": list(self.warnings),
            "timings_s": self.seconds,
            "version": __version__,
            "notice": RESEARCH_USE,
        }


def register_files(fixed: Path, moving: Path, output: Path, settings: FuseSettings) -> Registered:
    """Write the image at `moving` on the grid of the one at `fixed`; its unit stays what it is.

    `settings` say which series and modalities are meant, and their `registration` how the two are aligned. Raises
    AlignmentError, and writes nothing, for an alignment that is not believable, unless it is to be accepted; else what
    reading, registering and writing raise.
    """
    clock, how = Stopwatch(), settings.registration
    _check_names(output, how, (fixed, moving))
    with clock("read"):
        parent = _parent((fixed, moving), output, settings)
        sources = pipeline.read_sources(fixed, moving, settings)
    slices = _files_of(sources.fixed, parent)
    target = formats.check_writable(output, how.overwrite, slices=slices, dicom=_layout(how))
    formats.check_not_an_input(target, (fixed, moving))
    with clock("register"):
        found = registration.aligned(sources.fixed, sources.moving, how)
    with clock("resample"):
        stepped = sources.moving.stepped(found.step)
        image, _ = register.resample(stepped, onto=sources.fixed.geometry, by=found.alignment)
    with clock("write"):
        picture = registration.picture_of(found, sources) if how.check else None
        registration.write_kept(found, picture, how)
        image, written = _write(image, output, parent, found, how)
    return Registered(written, image, found, how.transform, how.check, clock.with_total())


def _layout(how: RegisterSettings) -> str | None:
    return formats.NUMBERS if how.dicom else None


def _parent(inputs: tuple[Path, Path], output: Path, settings: FuseSettings) -> "Parent | None":
    """What DICOM has to say of MOVING, where it is asked for: checked before the long work."""
    if not settings.registration.dicom:
        return None
    from fusecli.formats.dicom import grey
    from fusecli.formats.dicom.lineage import parent_of

    formats.check_not_beside_sources(output, inputs)
    parent = parent_of(inputs[1], series=settings.moving_series, role="MOVING")
    grey.check(parent)
    return parent


def _files_of(fixed: Image, parent: "Parent | None") -> int:
    """One for each slice of FIXED, unless MOVING's class holds all in one. Checks whether it can lie on that grid."""
    slices = fixed.geometry.shape[0]
    if parent is None:
        return slices
    from fusecli.formats.dicom import grey

    grey.check_grid(fixed.geometry, parent)
    return grey.files_of(parent, slices)


def _write(
    image: Image, output: Path, parent: "Parent | None", found: register.Registration, how: RegisterSettings
) -> tuple[Image, Path]:
    if parent is None:
        return image, formats.write(image, output, overwrite=how.overwrite)
    from fusecli.formats.dicom import grey

    image = image.stepped(grey.checked_step(parent))
    origin = grey.Origin(parent, found.alignment.points)
    return image, grey.write(image, output, origin, overwrite=how.overwrite)


def _check_names(output: Path, how: RegisterSettings, inputs: tuple[Path, Path]) -> None:
    """Before anything is read: whether each result may be written, and is one of its own."""
    formats.check_writable(output, how.overwrite, dicom=_layout(how))
    registration.check_kept(how)
    names = [output, *registration.kept(how)]
    out.check_names(names)
    for path in names:
        formats.check_not_an_input(path, (*inputs, *([how.apply] if how.apply else [])))

"""Put a moving image onto the grid of a fixed one, by an alignment that is found or that was saved."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusecli import __version__, formats, pipeline, register
from fusecli.atomic import check_may_be_written
from fusecli.catalog import RESEARCH_USE
from fusecli.core.history import warnings_of
from fusecli.core.image import Image
from fusecli.errors import UsageError
from fusecli.register import transform_file
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


def register_files(
    fixed: Path, moving: Path, output: Path, settings: RegisterSettings, reading: FuseSettings
) -> Registered:
    """Write the image at `moving` on the grid of the one at `fixed`; its unit stays what it is.

    `reading` says which series and modalities are meant. Raises AlignmentError, and writes nothing, for an alignment
    that is not believable, unless `settings.accept`; else what reading, registering and writing raise.
    """
    clock = Stopwatch()
    _check_targets(output, settings, (fixed, moving))
    with clock("read"):
        parent = _parent((fixed, moving), output, settings, reading)
        sources = pipeline.read_sources(fixed, moving, reading)
    _check_grid(sources.fixed, settings)
    slices = sources.fixed.geometry.shape[0]
    target = formats.check_writable(output, settings.overwrite, slices=slices, dicom=_layout(settings))
    formats.check_not_an_input(target, (fixed, moving))
    with clock("register"):
        found = _registration(sources.fixed, sources.moving, settings)
    if not settings.accept:
        register.check(found)
    with clock("resample"):
        stepped = sources.moving.stepped(found.step)
        image, _ = register.resample(stepped, onto=sources.fixed.geometry, by=found.alignment)
    with clock("write"):
        image, written = _write(image, output, parent, found, settings)
        if settings.transform is not None:
            transform_file.write(found.alignment, settings.transform, overwrite=settings.overwrite)
        if settings.check is not None:
            picture = register.check_picture(sources.fixed, sources.moving, found.alignment)
            formats.write(picture, settings.check, overwrite=settings.overwrite)
    return Registered(written, image, found, settings.transform, settings.check, clock.with_total())


def _layout(settings: RegisterSettings) -> str | None:
    return "series" if settings.dicom else None


def _parent(
    inputs: tuple[Path, Path], output: Path, settings: RegisterSettings, reading: FuseSettings
) -> "Parent | None":
    """What DICOM has to say of MOVING, where it is asked for: checked before the long work."""
    if not settings.dicom:
        return None
    from fusecli.formats.dicom import grey
    from fusecli.formats.dicom.lineage import parent_of

    formats.check_not_beside_sources(output, inputs)
    parent = parent_of(inputs[1], series=reading.moving_series, role="MOVING")
    grey.check(parent)
    return parent


def _check_grid(fixed: Image, settings: RegisterSettings) -> None:
    if settings.dicom:
        from fusecli.formats.dicom import grey

        grey.check_grid(fixed.geometry)


def _write(
    image: Image, output: Path, parent: "Parent | None", found: register.Registration, settings: RegisterSettings
) -> tuple[Image, Path]:
    if parent is None:
        return image, formats.write(image, output, overwrite=settings.overwrite)
    from fusecli.formats.dicom import grey

    image = image.stepped(grey.checked_step(parent))
    origin = grey.Origin(parent, found.alignment.points)
    return image, grey.write(image, output, origin, overwrite=settings.overwrite)


def _registration(fixed: Image, moving: Image, settings: RegisterSettings) -> register.Registration:
    if settings.apply is None:
        return register.align(fixed, moving, method=settings.method)
    return register.judge(fixed, moving, transform_file.read(settings.apply))


def _check_targets(output: Path, settings: RegisterSettings, inputs: tuple[Path, Path]) -> None:
    """Before anything is read: whether each result may be written, and is one of its own."""
    formats.check_writable(output, settings.overwrite, dicom=_layout(settings))
    if settings.transform is not None:
        transform_file.check_transform(settings.transform, overwrite=settings.overwrite)
    if settings.check is not None:
        if not formats.is_picture(settings.check):
            raise UsageError(f"{settings.check} is not the name of a picture.", hint="Name it .png: --check check.png")
        check_may_be_written(settings.check, overwrite=settings.overwrite)
    targets = [path for path in (output, settings.transform, settings.check) if path is not None]
    if len({path.absolute() for path in targets}) < len(targets):
        raise UsageError("Two results have one name.", hint="Give -o, --transform and --check names of their own.")
    for path in targets:
        formats.check_not_an_input(path, (*inputs, *([settings.apply] if settings.apply else [])))

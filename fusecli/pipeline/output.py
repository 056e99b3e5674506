"""What a fusion writes: the fused image as a file or as DICOM in FIXED's study, and what was asked for beside it."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fusecli import formats, fusion
from fusecli.catalog import Modality
from fusecli.core import scratch
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.core.planes import geometry_in
from fusecli.errors import UsageError
from fusecli.pipeline import registration
from fusecli.pipeline.painting import Coloring
from fusecli.pipeline.views import in_planes, legend_of, projection
from fusecli.settings import FuseSettings, RegisterSettings

if TYPE_CHECKING:
    from fusecli.formats.dicom.lineage import Lineage

Inputs = tuple[Path, ...]


def check(output: Path, inputs: Inputs, settings: FuseSettings) -> None:
    """Whether everything that is asked for may be written, as far as can be told before anything is read.

    Raises what `formats.check_writable` raises; UsageError for what DICOM, or NIfTI, cannot carry.
    """
    if settings.dicom is not None:
        _check_dicom(settings)
        formats.check_not_beside_sources(output, inputs)
    elif settings.deidentify:
        raise UsageError(
            "--deidentify has no effect: pictures and NIfTI carry nothing of the patient.",
            hint="Leave it out, or write DICOM: --format dicom",
        )
    elif settings.color_bar and not formats.is_picture(output):
        raise UsageError("A color bar is drawn beside pictures, and NIfTI is none.", hint="Leave --color-bar out.")
    if settings.slice_choice is not None and settings.grid == "moving":
        raise UsageError(
            "--slice picks a slice of FIXED, and --grid moving has MOVING's.",
            hint="Leave one of the two out, or give MOVING's slice as a file of its own.",
        )
    _check_drawn(settings)
    _check_files(output, inputs, settings)


def _check_files(output: Path, inputs: Inputs, settings: FuseSettings) -> None:
    formats.check_writable(output, settings.overwrite, dicom=settings.dicom)
    for path in _extras(settings):
        formats.check_writable(path, settings.overwrite)
    registration.check_kept(settings.registration)
    _check_is_aligned(settings.registration)
    beside = [*_extras(settings), *registration.kept(settings.registration)]
    check_names([output, *beside])
    # Pictures of a volume lie in a folder of their own, which only reading tells.
    for path in beside if settings.dicom is None and formats.is_picture(output) else (output, *beside):
        formats.check_not_an_input(path, _read(inputs, settings))


def check_names(names: list[Path]) -> None:
    """Raises UsageError for two results of one name."""
    if len({path.absolute() for path in names}) < len(names):
        raise UsageError("Two results have one name.", hint="Give each result a name of its own.")


def check_with_inputs(output: Path, inputs: Inputs, geometry: Geometry, settings: FuseSettings) -> None:
    """The same again, now that the fused image's grid tells whether a file or a folder will be written."""
    slices = (geometry if settings.planes is None else geometry_in(settings.planes, geometry)).shape[0]
    target = formats.check_writable(output, settings.overwrite, slices=slices, dicom=settings.dicom)
    formats.check_not_an_input(target, _read(inputs, settings))
    if settings.projection is not None and (slices == 1 or not geometry.is_patient):
        raise _no_projection("There is one slice, or a picture." if slices == 1 else "These are pictures.")


def lineage_of(fixed: formats.Opened, moving: formats.Opened, settings: FuseSettings) -> "Lineage | None":
    """What DICOM has to say of the two sources; None where no DICOM is written."""
    if settings.dicom is None:
        return None
    from fusecli.formats.dicom.lineage import lineage
    from fusecli.formats.dicom.secondary_capture import check_layout

    origin = lineage(
        fixed.path,
        moving.path,
        fixed_series=fixed.series,
        moving_series=moving.series,
        slice_choice=settings.slice_choice,
        allow_gaps=settings.reading.allow_gaps,
    )
    check_layout(origin, settings.dicom, deidentify=settings.deidentify)
    return origin


def check_color_bar(how: Coloring, settings: FuseSettings) -> None:
    """Raises UsageError for a color bar of a fusion that no palette colors."""
    if settings.color_bar and how.palette is None:
        raise _no_color_bar()


def write(
    shown: Image, output: Path, lineage: "Lineage | None", pair: Pair, fuser: fusion.Fuser, settings: FuseSettings
) -> Path:
    """Write `shown` to `output`, as DICOM where there is a `lineage`, and say where it is.

    What was asked for beside it is written first: where the fused image stands, all of it does.
    """
    legend = legend_of(shown, pair) if settings.color_bar else None
    if settings.projection is not None:
        formats.write(projection(pair, shown), settings.projection, overwrite=settings.overwrite, legend=legend)
    if settings.coverage is not None:
        as_picture = formats.is_picture(settings.coverage) and settings.dicom is None and formats.is_picture(output)
        mask = _coverage(pair, settings, as_picture=as_picture)
        formats.write(mask, settings.coverage, overwrite=settings.overwrite)
    if lineage is not None:
        return _write_dicom(shown, output, lineage, pair, fuser, settings)
    viewed = in_planes(shown, settings.planes, as_picture=formats.is_picture(output))
    return formats.write(viewed, output, overwrite=settings.overwrite, legend=legend)


def _check_dicom(settings: FuseSettings) -> None:
    """DICOM lies slice by slice beside FIXED, in FIXED's study, and carries nothing burned in."""
    asked = {
        "--grid": settings.grid != "fixed",
        "--planes": settings.planes is not None,
        "--color-bar": settings.color_bar,
    }
    option = next((name for name, is_asked in asked.items() if is_asked), None)
    if option is not None:
        raise UsageError(
            f"{option} cannot be had in DICOM.",
            why="The fused series has FIXED's slices, each beside the one that it was made of, and no text in them.",
            hint=f"Leave {option} out, or write NIfTI or pictures: -o fused.nii.gz",
        )


def _check_drawn(settings: FuseSettings) -> None:
    """Raises UsageError for a color bar or a projection that the words alone rule out."""
    if settings.color_bar and settings.palette == "none":
        raise _no_color_bar()
    is_one_slice = settings.slice_choice is not None and settings.grid == "fixed" and settings.planes is None
    if settings.projection is not None and is_one_slice:
        raise _no_projection("--slice leaves one slice.")


def _no_color_bar() -> UsageError:
    return UsageError(
        "There is no color bar to draw.",
        why="The fused image is not colored by a palette.",
        hint="Leave --color-bar out, or choose a palette: --palette hot-iron",
    )


def _no_projection(why: str) -> UsageError:
    return UsageError(
        "A projection needs a volume that says where it lies in the patient.",
        why=why,
        hint="Leave --mip or --slice out.",
    )


def _read(inputs: Inputs, settings: FuseSettings) -> Inputs:
    """All files and folders that a fusion reads, which none of its results may replace."""
    return (*inputs, *(path for path in (settings.registration.apply, settings.mask) if path is not None))


def _extras(settings: FuseSettings) -> list[Path]:
    return [path for path in (settings.projection, settings.coverage) if path is not None]


def _check_is_aligned(how: RegisterSettings) -> None:
    """Raises UsageError for a file that is asked for where nothing is aligned."""
    if not how.is_wanted and registration.kept(how):
        raise UsageError(
            "--transform and --check need an alignment, and --register none makes none.",
            hint="Leave them out, or let MOVING be aligned: --register rigid",
        )


def _coverage(pair: Pair, settings: FuseSettings, *, as_picture: bool) -> Image:
    """1 where MOVING has data, 0 elsewhere, in the planes, and if need be on the square pixels, of the fused image."""
    covered = scratch.empty(pair.fixed.geometry.shape)
    for part in scratch.slabs(covered):
        covered[part] = 1 if pair.coverage is None else pair.coverage[part]
    mask = replace(
        pair.fixed, voxels=scratch.frozen(covered), modality=Modality.OTHER, intensity=Intensity.UNIT, history=()
    )
    cut = in_planes(mask, settings.planes, as_picture=as_picture)
    sharp = scratch.empty(cut.voxels.shape)
    for part in scratch.slabs(cut.voxels, sharp):
        sharp[part] = cut.voxels[part] >= 0.5
    return replace(cut, voxels=scratch.frozen(sharp))


def _write_dicom(
    shown: Image, output: Path, lineage: "Lineage", pair: Pair, fuser: fusion.Fuser, settings: FuseSettings
) -> Path:
    # Another backend may round a voxel otherwise, and equal UIDs promise equal voxels.
    options: dict[str, Fact] = {"backend": fuser.backend, "device": fuser.device}
    if settings.model == "alpha":
        options["alpha"] = settings.alpha
    layout = settings.dicom or "series"
    return formats.write_dicom(
        shown,
        output,
        lineage,
        pair,
        layout=layout,
        overwrite=settings.overwrite,
        options=options,
        deidentify=settings.deidentify,
    )

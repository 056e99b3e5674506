"""The corridor: read, put on one grid, normalize, fuse, color, measure, write. Every command walks it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fusecli import color, formats, fusion, metrics, models, normalize
from fusecli.catalog import QUICK_METRICS, Modality
from fusecli.core.geometry import same_grid
from fusecli.core.history import Fact, Step, warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.core.slices import one_slice
from fusecli.errors import ImageError, PairError
from fusecli.report.record import RunRecord, Stopwatch, geometry_facts, input_facts, window_facts
from fusecli.settings import FuseSettings

if TYPE_CHECKING:
    from fusecli.formats.dicom.lineage import Lineage

Coverage = NDArray[np.bool_]

LEAST_COVERED = 0.95  # of FIXED by FUSED: a grid of other voxels may end a little earlier
Scores = dict[str, metrics.Score]


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """The two images as read: what is to be fused, and the whole series that their windows are judged by."""

    fixed: Image
    moving: Image
    fixed_whole: Image
    moving_whole: Image


def fuse_files(
    fixed: Path, moving: Path, output: Path, settings: FuseSettings, *, progress: fusion.Progress | None = None
) -> RunRecord:
    """Fuse the image at `fixed` with the one at `moving` into `output`, and say what was done.

    Raises a FusecliError, and leaves nothing behind, when any step fails.
    """
    clock = Stopwatch()
    formats.check_writable(output, settings.overwrite, dicom=settings.dicom)
    with clock("read"):
        lineage = _lineage(fixed, moving, output, settings)
        sources = read_sources(fixed, moving, settings)
    # Again, now that the number of slices tells whether a file or a folder will be written.
    slices = sources.fixed.geometry.shape[0]
    target = formats.check_writable(output, settings.overwrite, slices=slices, dicom=settings.dicom)
    formats.check_not_an_input(target, (fixed, moving))
    with clock("align"):
        aligned, coverage = put_on_one_grid(sources.fixed, sources.moving, resize=settings.resize)
    with clock("normalize"):
        pair = normalize_pair(sources, aligned, coverage, settings)
    with clock("load_model"):
        # Tiles are worth reporting where there is one slice only; else slices are.
        on_tile = progress if slices == 1 else None
        fuser = models.load(
            settings.model, device=settings.device, backend=settings.backend, alpha=settings.alpha, on_tile=on_tile
        )
    with clock("fuse"):
        fused = fusion.fuse(pair, fuser, progress=progress)
    with clock("measure"):
        scores, problems = measure(pair, fused)
    with clock("color"):
        shown = paint(fused, sources.fixed, aligned, pair.moving, settings.palette)
    with clock("write"):
        written = _written(shown, output, lineage, pair, fuser, settings)
    warnings = warnings_of((*pair.fixed.history, *pair.moving.history, *fused.history, *problems))
    return _record(pair, fuser, scores, written, warnings, clock)


def read_sources(fixed: Path, moving: Path, settings: FuseSettings) -> Sources:
    """Both images: FIXED cut down to the chosen slice, MOVING too when its place in the patient is not known."""
    choice = settings.slice_choice
    # A window that depends on the image is judged by the whole series; one that does not spares us reading it.
    judged = settings.window in (None, "auto")
    whole = formats.read(fixed, series=settings.fixed_series, slice_choice=None if judged else choice)
    other = formats.read(moving, series=settings.moving_series)
    whole, other = _declared(whole, settings.fixed_modality), _declared(other, settings.moving_modality)
    other = _compared(whole, other)
    if choice is None:
        return Sources(whole, other, whole, other)
    own = one_slice(whole, choice) if judged else whole
    is_cut = other.geometry.shape[0] > 1 and not _both_placed(own, other)
    return Sources(own, one_slice(other, choice) if is_cut else other, whole, other)


def put_on_one_grid(
    fixed: Image, moving: Image, *, resize: bool = False, role: str = "MOVING"
) -> tuple[Image, Coverage | None]:
    """MOVING on FIXED's grid, and where it has data (None: everywhere). `role` is what messages call it.

    Raises PairError when they do not overlap, or when nothing says how their sizes belong together.
    """
    if same_grid(fixed.geometry, moving.geometry):
        return moving, None
    if _both_placed(fixed, moving):
        from fusecli.register import resample

        placed = moving.stepped(Step("check_options", {}, (_NO_RESIZE,))) if resize else moving
        return resample(placed, onto=fixed.geometry)
    if fixed.geometry.shape == moving.geometry.shape:
        return _taken_as_aligned(fixed, moving, role), None
    if resize:
        from fusecli.register import resize as scale

        return scale(moving, onto=fixed.geometry), None
    raise _sizes_differ(fixed, moving, role)


def normalize_pair(sources: Sources, aligned: Image, coverage: Coverage | None, settings: FuseSettings) -> Pair:
    """Both images as UNIT: --window is FIXED's, and MOVING's where both are CT; SUV range and polarity are MOVING's."""
    window = settings.window
    both_ct = sources.fixed.modality is Modality.CT and aligned.modality is Modality.CT
    own = normalize.to_unit(sources.fixed, window=window, judged_by=sources.fixed_whole)
    other = normalize.to_unit(
        aligned, window=window if both_ct else None, suv_range=settings.suv_range, judged_by=sources.moving_whole
    )
    if aligned.intensity is Intensity.UNIT:
        other = normalize.white_hot(other, beside=own, polarity=settings.polarity)
    elif settings.polarity != "auto":
        other = other.stepped(Step("check_options", {}, (_NO_POLARITY,)))
    if sources.fixed.modality.is_uptake and not aligned.modality.is_uptake:
        other = other.stepped(Step("check_roles", {}, (_SWAPPED,)))
    return Pair(own, other, coverage)


def fused_on_grid(fixed: Image, image: Image) -> Image:
    """An image made by any program as a result to be measured: UNIT, on FIXED's grid.

    Raises PairError when it does not fit FIXED, or leaves a part of it without a result.
    """
    placed, coverage = put_on_one_grid(fixed, _as_fused(image), role="FUSED")
    if coverage is not None and coverage.mean() < LEAST_COVERED:
        raise PairError(
            f"FUSED covers {coverage.mean():.0%} of FIXED.",
            why="Where it shows nothing, there is nothing to measure.",
            hint="Give the fused image of this very pair, with all of its slices; --slice picks one slice of each.",
        )
    return normalize.to_unit(placed)


def _as_fused(image: Image) -> Image:
    """It should be a picture, or voxels of 0 to 1; else it is warned of."""
    fused = replace(image, modality=Modality.FUSED)
    if image.is_color or image.intensity is Intensity.UNIT:
        return fused
    if image.intensity is Intensity.ARBITRARY and image.voxels.min() >= 0 and image.voxels.max() <= 1:
        return replace(fused, intensity=Intensity.UNIT)
    warning = "FUSED is not a picture of brightness 0 to 1, so its scores depend on how it is stretched: percentiles."
    return replace(fused, intensity=Intensity.ARBITRARY).stepped(Step("measure", {}, (warning,)))


def paint(fused: Image, fixed: Image, moving: Image, moving_unit: Image, palette: str | None) -> Image:
    """The fused image in color, where one of its sources has color or shows a tracer; else as it is.

    `moving` is MOVING on FIXED's grid before it was normalized, `moving_unit` after.
    """
    if palette == "none":
        return fused
    colored = next((image for image in (moving, fixed) if image.is_color), None)
    is_tracer = moving.modality.is_uptake and not moving.is_color
    if palette is not None or is_tracer:
        name = palette or "hot-iron"
        voxels, facts = color.paint_uptake(fused.voxels, moving_unit.voxels, name), {"color": name}
    elif colored is not None:
        voxels, facts = color.paint(fused.voxels, colored.voxels), {"color": "of the source"}
    else:
        return fused
    return fused.stepped(Step("paint", facts), voxels=voxels, intensity=Intensity.RGB)


def measure(pair: Pair, fused: Image) -> tuple[Scores, tuple[Step, ...]]:
    """The scores of a fusion, and why there are none where a source shows nothing."""
    try:
        return metrics.score_volume(pair.fixed.voxels, pair.moving.voxels, fused.voxels, keys=QUICK_METRICS), ()
    except ImageError as error:
        return {}, (Step("measure", {}, (f"No metrics: {error.what} {error.why}".strip(),)),)


def _lineage(fixed: Path, moving: Path, output: Path, settings: FuseSettings) -> "Lineage | None":
    """What DICOM has to say of the two sources; None where no DICOM is written."""
    if settings.dicom is None:
        return None
    from fusecli.formats.dicom.lineage import lineage

    formats.check_not_beside_sources(output, (fixed, moving))
    return lineage(
        fixed,
        moving,
        fixed_series=settings.fixed_series,
        moving_series=settings.moving_series,
        slice_choice=settings.slice_choice,
    )


def _written(
    shown: Image, output: Path, lineage: "Lineage | None", pair: Pair, fuser: fusion.Fuser, settings: FuseSettings
) -> Path:
    if lineage is None or settings.dicom is None:
        return formats.write(shown, output, overwrite=settings.overwrite)
    # Another backend may round a voxel otherwise, and equal UIDs promise equal voxels.
    options: dict[str, Fact] = {"backend": fuser.backend, "device": fuser.device}
    if settings.model == "alpha":
        options["alpha"] = settings.alpha
    return formats.write_dicom(
        shown, output, lineage, pair, layout=settings.dicom, overwrite=settings.overwrite, options=options
    )


def _record(
    pair: Pair, fuser: fusion.Fuser, scores: Scores, output: Path, warnings: tuple[str, ...], clock: Stopwatch
) -> RunRecord:
    return RunRecord(
        output=output,
        model={"name": fuser.name, "sha256": fuser.weights_sha256},
        metrics={key: score.as_dict() for key, score in scores.items()},
        windows={role: window_facts(image) for role, image in pair.named().items()},
        device=fuser.device,
        backend=fuser.backend,
        timings_s=clock.with_total(),
        warnings=warnings,
        inputs={role: input_facts(image) for role, image in pair.named().items()},
        geometry=geometry_facts(pair.fixed),
    )


_SWAPPED = (
    "FIXED shows a tracer and MOVING does not, so the result has the tracer's coarse grid and no color: "
    "give the CT or MRI first."
)


_OTHER_PATIENT = (
    "FIXED and MOVING name different patients (0010,0020): make sure that both are of one person before you trust the "
    "result."
)
_NO_RESIZE = "--resize has no effect: both images say where they lie, and that is what counts."
_NO_POLARITY = "--polarity has no effect: MOVING is not a grey picture, so its numbers say what is hot."


def _both_placed(fixed: Image, moving: Image) -> bool:
    return fixed.geometry.is_patient and moving.geometry.is_patient


def _compared(fixed: Image, moving: Image) -> Image:
    """MOVING, with a warning where the two files name different patients."""
    own, other = (image.source.patient if image.source else None for image in (fixed, moving))
    if own is None or other is None or own == other:
        return moving
    return moving.stepped(Step("check_patients", {}, (_OTHER_PATIENT,)))


def _declared(image: Image, modality: Modality | None) -> Image:
    """The image as the modality that the user names; only a CT can be in HU."""
    if modality is None or modality is image.modality:
        return image
    intensity = image.intensity
    if modality is Modality.CT and intensity is Intensity.ARBITRARY:
        intensity = Intensity.HU
    elif modality is not Modality.CT and intensity is Intensity.HU:
        intensity = Intensity.ARBITRARY
    return image.stepped(Step("declare", {"modality": modality.value}), modality=modality, intensity=intensity)


def _taken_as_aligned(fixed: Image, moving: Image, role: str) -> Image:
    silent = role if fixed.geometry.is_patient else "FIXED"
    warning = f"{silent} does not say where it lies in the patient; FIXED and {role} are of one size, taken as aligned."
    # A picture of the result, or a mask drawn on one, has lost its place on purpose: nothing to warn of.
    warnings = () if role in ("FUSED", "MASK") else (warning,)
    return moving.stepped(Step("align", {"by": "equal size"}, warnings), geometry=fixed.geometry)


def _sizes_differ(fixed: Image, moving: Image, role: str) -> PairError:
    own, other = (_size(image.geometry.shape) for image in (fixed, moving))
    hints = {
        "MOVING": "If both show the same field of view, let MOVING be scaled onto FIXED: --resize",
        "FUSED": "Give the fused image of this very pair; --slice picks one slice of each.",
        "MASK": "Draw the mask on FIXED; --slice picks one slice of each.",
    }
    return PairError(
        f"FIXED and {role} have different sizes, and nothing says how they belong together.",
        why=f"FIXED has {own}, {role} {other}; at least one of them has no position in the patient.",
        hint=hints[role],
    )


def _size(shape: tuple[int, int, int]) -> str:
    return f"{shape[2]} x {shape[1]} pixels" + (f", {shape[0]} slices" if shape[0] > 1 else "")

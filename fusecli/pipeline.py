"""The corridor: read, put on one grid, normalize, fuse, color, write, measure. Every command walks it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusecli import color, formats, fusion, metrics, models, normalize
from fusecli.catalog import Modality
from fusecli.core.geometry import same_grid
from fusecli.core.history import Step, warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.errors import ImageError, PairError
from fusecli.report.record import RunRecord, Stopwatch, geometry_facts, input_facts, window_facts
from fusecli.settings import FuseSettings

Coverage = NDArray[np.bool_]


def fuse_files(
    fixed: Path, moving: Path, output: Path, settings: FuseSettings, *, progress: fusion.Progress | None = None
) -> RunRecord:
    """Fuse the image at `fixed` with the one at `moving` into `output`, and say what was done.

    Raises a FusecliError, and leaves nothing behind, when any step fails.
    """
    clock = Stopwatch()
    formats.check_writable(output, overwrite=settings.overwrite)
    with clock("read"):
        sources = read_pair(fixed, moving, settings)
    # Again, now that the number of slices tells whether a file or a folder will be written.
    formats.check_writable(output, overwrite=settings.overwrite, slices=sources[0].geometry.shape[0])
    with clock("align"):
        aligned, coverage = put_on_one_grid(*sources, resize=settings.resize)
    with clock("normalize"):
        pair = normalize_pair(sources[0], aligned, coverage, settings)
    with clock("load_model"):
        fuser = models.load(settings.model, device=settings.device, alpha=settings.alpha)
    with clock("fuse"):
        fused = fusion.fuse(pair, fuser, progress=progress)
    with clock("color"):
        shown = paint(fused, sources[0], aligned, pair.moving, settings.palette)
    with clock("write"):
        written = formats.write(shown, output, overwrite=settings.overwrite)
    with clock("measure"):
        scores, problems = measure(pair, fused)
    warnings = warnings_of((*pair.fixed.history, *pair.moving.history, *fused.history, *problems))
    return RunRecord(
        output=written,
        model={"name": fuser.name, "sha256": fuser.weights_sha256},
        metrics={key: score.as_dict() for key, score in scores.items()},
        windows={role: window_facts(image) for role, image in pair.named().items()},
        device=fuser.device,
        timings_s=clock.with_total(),
        warnings=warnings,
        inputs={role: input_facts(image) for role, image in pair.named().items()},
        geometry=geometry_facts(pair.fixed),
    )


def measure_files(
    fixed: Path, moving: Path, fused: Path, settings: FuseSettings
) -> tuple[dict[str, metrics.Score], tuple[str, ...]]:
    """The scores of a fused image made by any program, against its two sources; and the warnings on the way.

    Raises PairError when the three are not of one size; ImageError when they cannot be measured.
    """
    own, other = read_pair(fixed, moving, settings)
    aligned, coverage = put_on_one_grid(own, other, resize=settings.resize)
    pair = normalize_pair(own, aligned, coverage, settings)
    result = normalize.to_unit(formats.read(fused, slice_choice=settings.slice_choice))
    if result.voxels.shape != pair.fixed.voxels.shape:
        raise PairError(
            "FUSED does not have the size of FIXED.",
            why=f"(slices, rows, columns): {result.voxels.shape} and {pair.fixed.voxels.shape}.",
            hint="Give the fused image of this very pair; --slice picks one slice of each of the three.",
        )
    scores = metrics.score_volume(pair.fixed.voxels, pair.moving.voxels, result.voxels)
    return scores, warnings_of((*pair.fixed.history, *pair.moving.history, *result.history))


def read_pair(fixed: Path, moving: Path, settings: FuseSettings) -> tuple[Image, Image]:
    """FIXED, cut down to the chosen slice, and MOVING, whole when its place in the patient is known."""
    own = formats.read(fixed, series=settings.fixed_series, slice_choice=settings.slice_choice)
    other = formats.read(moving, series=settings.moving_series)
    if settings.slice_choice is not None and other.geometry.shape[0] > 1 and not _both_placed(own, other):
        other = formats.read(moving, series=settings.moving_series, slice_choice=settings.slice_choice)
    return _declared(own, settings.fixed_modality), _declared(other, settings.moving_modality)


def put_on_one_grid(fixed: Image, moving: Image, *, resize: bool = False) -> tuple[Image, Coverage | None]:
    """MOVING on FIXED's grid, and where it has data (None: everywhere).

    Raises PairError when they do not overlap, or when nothing says how their sizes belong together.
    """
    if same_grid(fixed.geometry, moving.geometry):
        return moving, None
    if _both_placed(fixed, moving):
        from fusecli.register import resample

        return resample(moving, onto=fixed.geometry)
    if fixed.geometry.shape == moving.geometry.shape:
        return _taken_as_aligned(fixed, moving), None
    if resize:
        from fusecli.register import resize as scale

        return scale(moving, onto=fixed.geometry), None
    raise _sizes_differ(fixed, moving)


def normalize_pair(fixed: Image, moving: Image, coverage: Coverage | None, settings: FuseSettings) -> Pair:
    """Both images as UNIT: --window is FIXED's, or MOVING's too where both are CT; SUV range and polarity MOVING's."""
    window = settings.window
    own = normalize.to_unit(fixed, window=window)
    both_ct = fixed.modality is Modality.CT and moving.modality is Modality.CT
    other = normalize.to_unit(moving, window=window if both_ct else None, suv_range=settings.suv_range)
    if moving.intensity is Intensity.UNIT:
        other = normalize.white_hot(other, beside=own, polarity=settings.polarity)
    return Pair(own, other, coverage)


def paint(fused: Image, fixed: Image, moving: Image, moving_unit: Image, palette: str | None) -> Image:
    """The fused image in color, where one of its sources has color or shows a tracer; else as it is.

    `moving` is MOVING on FIXED's grid before it was normalized, `moving_unit` after.
    """
    if palette == "none":
        return fused
    colored = next((image for image in (moving, fixed) if image.is_color), None)
    if colored is not None and palette is None:
        voxels, facts = color.paint(fused.voxels, colored.voxels), {"color": "of the source"}
    elif palette is not None or moving.modality.is_uptake:
        name = palette or "hot-iron"
        voxels, facts = color.paint_uptake(fused.voxels, moving_unit.voxels, name), {"color": name}
    else:
        return fused
    return fused.stepped(Step("paint", facts), voxels=voxels, intensity=Intensity.RGB)


def measure(pair: Pair, fused: Image) -> tuple[dict[str, metrics.Score], tuple[Step, ...]]:
    """The scores of a fusion, and why there are none where a source shows nothing."""
    try:
        return metrics.score_volume(pair.fixed.voxels, pair.moving.voxels, fused.voxels), ()
    except ImageError as error:
        return {}, (Step("measure", {}, (f"No metrics: {error.what} {error.why}".strip(),)),)


def _both_placed(fixed: Image, moving: Image) -> bool:
    return fixed.geometry.is_patient and moving.geometry.is_patient


def _declared(image: Image, modality: Modality | None) -> Image:
    """The image as the modality that the user names."""
    if modality is None or modality is image.modality:
        return image
    is_hu = modality is Modality.CT and image.intensity is Intensity.ARBITRARY
    intensity = Intensity.HU if is_hu else image.intensity
    return image.stepped(Step("declare", {"modality": modality.value}), modality=modality, intensity=intensity)


def _taken_as_aligned(fixed: Image, moving: Image) -> Image:
    silent = "MOVING" if fixed.geometry.is_patient else "FIXED"
    warning = f"{silent} does not say where it lies in the patient; both have one size and are taken as aligned."
    return moving.stepped(Step("align", {"by": "equal size"}, (warning,)), geometry=fixed.geometry)


def _sizes_differ(fixed: Image, moving: Image) -> PairError:
    shapes = (f"{s[2]} x {s[1]} pixels" + (f", {s[0]} slices" if s[0] > 1 else "") for s in _shapes(fixed, moving))
    own, other = shapes
    return PairError(
        "The two images have different sizes, and nothing says how they belong together.",
        why=f"FIXED has {own}, MOVING {other}; at least one of them has no position in the patient.",
        hint="If both show the same field of view, let MOVING be scaled onto FIXED: --resize",
    )


def _shapes(*images: Image) -> tuple[tuple[int, int, int], ...]:
    return tuple(image.geometry.shape for image in images)

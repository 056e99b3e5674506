"""Measure a fused image that any program made: read the three, put them on one grid, score them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli import formats, metrics, pipeline
from fusecli.catalog import Modality
from fusecli.core.history import last_step, warnings_of
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.core.slices import one_slice
from fusecli.errors import ImageError
from fusecli.metrics import clinical
from fusecli.settings import FuseSettings, MeasureSettings

Mask = NDArray[np.bool_]
Volumes = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What was measured on a fused image.

    `scores` are means over `slices`, which are by their index from 0; `whole` are those of all voxels at once, empty
    for a single slice. `clinical` is JSON-ready.
    """

    scores: metrics.Scores
    slices: dict[int, metrics.Scores]
    whole: metrics.Scores
    clinical: dict[str, Any]
    pair: Pair
    warnings: tuple[str, ...]
    profile: str = "fusecli"


def measure_files(
    fixed: Path,
    moving: Path,
    fused: Path,
    settings: FuseSettings,
    measure: MeasureSettings | None = None,
    *,
    progress: Progress | None = None,
) -> Measurement:
    """What `fused` keeps of the images at `fixed` and `moving`.

    FUSED may be a whole volume, or the one slice that `fuse --slice` wrote.
    Raises PairError when FUSED or the mask does not fit FIXED; ImageError when the three cannot be measured.
    """
    measure = measure or MeasureSettings()
    sources = pipeline.read_sources(fixed, moving, settings)
    aligned, coverage = pipeline.put_on_one_grid(sources.fixed, sources.moving, resize=settings.resize)
    pair = pipeline.normalize_pair(sources, aligned, coverage, settings)
    unit = pipeline.fused_on_grid(pair.fixed, _read_like(fused, settings))
    mask = None if measure.mask is None else _read_mask(pair, measure.mask, settings)
    volumes = (pair.fixed.voxels, pair.moving.voxels, unit.voxels)
    inside = metrics.foreground(*volumes[:2]) if measure.foreground else None
    slices, whole = _scores(volumes, measure, inside, progress)
    levels = clinical.Volumes.of(*volumes)
    facts = _clinical(levels, volumes, pair, inside)
    if mask is not None:
        facts |= {"mask": clinical.contrast_kept(levels, mask)}
        facts |= _uptake(volumes[2], sources.moving, aligned, pair, mask)
    warnings = warnings_of((*pair.fixed.history, *pair.moving.history, *unit.history))
    return Measurement(metrics.mean_scores(slices), slices, whole, facts, pair, warnings, measure.profile)


def _scores(
    volumes: Volumes, measure: MeasureSettings, inside: Mask | None, progress: Progress | None
) -> tuple[dict[int, metrics.Scores], metrics.Scores]:
    """Of each slice, and of the whole volume where there is more than one."""
    slices = metrics.score_slices(
        *volumes, profile=measure.profile, keys=measure.keys, anywhere=True, foreground=inside, progress=progress
    )
    if len(volumes[0]) == 1:
        return slices, {}
    return slices, metrics.score_whole_volume(*volumes, profile=measure.profile, keys=measure.keys, foreground=inside)


def _read_like(path: Path, settings: FuseSettings) -> Image:
    """The image at `path`: all of it, or the slice that was chosen where it has more than that."""
    image = formats.read(path)
    if settings.slice_choice is not None and image.geometry.shape[0] > 1:
        return one_slice(image, settings.slice_choice)
    return image


def _read_mask(pair: Pair, path: Path, settings: FuseSettings) -> Mask:
    """Where the image at `path` is above 0, on FIXED's grid: (slice, row, column)."""
    image = _read_like(path, settings)
    inside = image.voxels.max(axis=-1) > 0 if image.is_color else image.voxels > 0
    return _placed_mask(pair.fixed, image, inside)


def _placed_mask(onto: Image, image: Image, inside: Mask) -> Mask:
    """The voxels `inside` of an image, on the grid of another."""
    binary = replace(
        image, voxels=inside.astype(np.float32), modality=Modality.OTHER, intensity=Intensity.ARBITRARY, history=()
    )
    placed, covered = pipeline.put_on_one_grid(onto, binary, role="MASK")
    # Resampled, a border voxel belongs to the mask if at least half of it does.
    mask = placed.voxels >= 0.5
    return np.asarray(mask if covered is None else mask & covered)


def _clinical(levels: clinical.Volumes, volumes: Volumes, pair: Pair, inside: Mask | None) -> dict[str, Any]:
    covered = 1.0 if pair.coverage is None else float(pair.coverage.mean())
    facts: dict[str, Any] = {
        "beyond_sources": clinical.beyond_sources(levels),
        "field_of_view": {"share_of_fixed_in_moving": covered},
    }
    patient = inside if inside is not None else _foreground_or_none(volumes)
    if patient is not None:
        facts["foreground"] = {"share": float(patient.mean()), "applied": inside is not None}
        facts["background_noise"] = clinical.background_noise(levels, patient)
    return facts


def _foreground_or_none(volumes: Volumes) -> Mask | None:
    try:
        return metrics.foreground(*volumes[:2])
    except ImageError:
        return None


def _uptake(fused: NDArray[Any], moving: Image, aligned: Image, pair: Pair, mask: Mask) -> dict[str, Any]:
    """The uptake in a masked region, where MOVING is in SUV."""
    if aligned.intensity is not Intensity.SUV:
        return {}
    # None where the mask is too small to hold one of MOVING's own voxels.
    own = _placed_mask(moving, pair.fixed, mask)
    suv = {
        "unit": "g/ml",
        "before": clinical.uptake_inside(moving.voxels, own) if own.any() else None,
        "after": clinical.uptake_inside(aligned.voxels, mask),
        "read_from_fused": clinical.uptake_inside(_as_suv(fused, pair.moving), mask),
    }
    return {"suv": suv}


def _as_suv(fused: NDArray[Any], moving: Image) -> NDArray[Any]:
    """The SUV that a reader would read from the brightness of the fusion, by the range that MOVING is shown with."""
    step = last_step(moving.history, "to_unit")
    if step is None:
        raise ValueError("MOVING was never made UNIT")
    low, high = float(step.facts["low"] or 0), float(step.facts["high"] or 0)
    return np.asarray(low + fused * (high - low))

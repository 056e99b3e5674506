"""Measure a fused image that any program made: read the three, put them on one grid, score them."""

import re
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

_SAYS_WHICH = re.compile(r"^--|\b(FIXED|MOVING|FUSED|MASK)\b")  # or is about an option


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


@dataclass(frozen=True, slots=True, eq=False)
class SourcePair:
    """FIXED and MOVING ready to be measured against, MOVING as it was read, and then put on FIXED's grid."""

    pair: Pair
    moving: Image
    aligned: Image


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A mask on FIXED's grid, (slice, row, column), and what the user should be warned of."""

    mask: Mask
    warnings: tuple[str, ...]


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
    Raises PairError when FUSED or the mask does not fit FIXED; ImageError when the three cannot be measured. A mask
    that cannot be used is refused before anything is measured.
    """
    measure = measure or MeasureSettings()
    marked = None if measure.mask is None else _read_like(measure.mask, settings)
    sources = read_pair(fixed, moving, settings)
    pair, unit = sources.pair, read_fused(fused, sources.pair, settings)
    region = None if marked is None else _region(pair, marked)
    volumes = (pair.fixed.voxels, pair.moving.voxels, unit.voxels)
    inside = metrics.foreground(*volumes[:2]) if measure.foreground else None
    facts = _clinical(volumes, sources, inside, region)
    slices, whole = _scores(volumes, measure, inside, progress)
    warnings = (
        *warnings_by_role(fixed=pair.fixed, moving=pair.moving, fused=unit),
        *(region.warnings if region else ()),
    )
    return Measurement(metrics.mean_scores(slices), slices, whole, facts, pair, warnings, measure.profile)


def read_pair(fixed: Path, moving: Path, settings: FuseSettings) -> SourcePair:
    """The two sources on one grid and normalized. Raises PairError when they do not make a pair."""
    prepared = pipeline.prepare(pipeline.read_sources(fixed, moving, settings, may_be_one=True), settings)
    return SourcePair(prepared.pair, prepared.moving, prepared.aligned)


def read_fused(path: Path, pair: Pair, settings: FuseSettings) -> Image:
    """The result at `path` on the grid of the pair, UNIT. Raises PairError when it does not fit."""
    image = _read_like(path, settings)
    return pipeline.fused_on_grid(pair.fixed, image)


def warnings_by_role(**images: Image) -> tuple[str, ...]:
    """The warnings of the images, each once; one that does not say which image it means begins with its role."""
    texts = (_said_of(role.upper(), text) for role, image in images.items() for text in warnings_of(image.history))
    return tuple(dict.fromkeys(texts))


def _said_of(role: str, text: str) -> str:
    text = _in_its_role(role, text)
    return text if _SAYS_WHICH.search(text) else f"{role}: {text}"


def _in_its_role(role: str, text: str) -> str:
    """What is put on FIXED's grid is called MOVING there."""
    return text if role == "FIXED" else text.replace("MOVING", role)


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


def _region(pair: Pair, image: Image) -> Region:
    """Where an image is above 0, on FIXED's grid."""
    inside = image.voxels.max(axis=-1) > 0 if image.is_color else image.voxels > 0
    return Region(_placed_mask(pair.fixed, image, inside), warnings_by_role(mask=image))


def _placed_mask(onto: Image, image: Image, inside: Mask) -> Mask:
    """The voxels `inside` of an image, on the grid of another."""
    binary = replace(
        image, voxels=inside.astype(np.float32), modality=Modality.OTHER, intensity=Intensity.ARBITRARY, history=()
    )
    placed, covered = pipeline.put_on_one_grid(onto, binary, role="MASK")
    # Resampled, a border voxel belongs to the mask if at least half of it does.
    mask = placed.voxels >= 0.5
    return np.asarray(mask if covered is None else mask & covered)


def _clinical(volumes: Volumes, sources: SourcePair, inside: Mask | None, region: Region | None) -> dict[str, Any]:
    """The clinical facts. Raises ImageError for a mask that is empty or fills its slices."""
    levels = clinical.Volumes.of(*volumes)
    coverage = sources.pair.coverage
    covered = 1.0 if coverage is None else float(coverage.mean())
    facts: dict[str, Any] = {
        "beyond_sources": clinical.beyond_sources(levels),
        "field_of_view": {"share_of_fixed_in_moving": covered},
    }
    patient = inside if inside is not None else _foreground_or_none(volumes)
    if patient is not None:
        facts["foreground"] = {"share": float(patient.mean()), "applied": inside is not None}
        facts["background_noise"] = clinical.background_noise(levels, patient)
    if region is not None:
        facts["mask"] = clinical.contrast_kept(levels, region.mask)
        facts |= _uptake(volumes[2], sources, region.mask)
    return facts


def _foreground_or_none(volumes: Volumes) -> Mask | None:
    try:
        return metrics.foreground(*volumes[:2])
    except ImageError:
        return None


def _uptake(fused: NDArray[Any], sources: SourcePair, mask: Mask) -> dict[str, Any]:
    """The uptake in a masked region, where MOVING is in SUV."""
    moving, aligned, pair = sources.moving, sources.aligned, sources.pair
    if not aligned.intensity.is_suv:
        return {}
    # None where the mask is too small to hold one of MOVING's own voxels.
    own = _placed_mask(moving, pair.fixed, mask)
    suv = {
        "unit": aligned.intensity.physical_unit,
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

"""The lesions that a mask marks: found on the grid of the fusion, and listed with their uptake and their contrast."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fusecli import formats
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry, same_grid
from fusecli.core.history import Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.core.slices import one_slice
from fusecli.errors import ImageError
from fusecli.metrics import clinical
from fusecli.metrics.lesions import Region, connected, contrast_of, labelled
from fusecli.pipeline.gridding import MOVING_GRID, are_both_placed, put_on_one_grid
from fusecli.pipeline.preparing import Prepared
from fusecli.pipeline.sources import Sources
from fusecli.settings import FuseSettings

if TYPE_CHECKING:
    from fusecli.register import Alignment

MOST_LABELS, MOST_LISTED = 100, 100

Inside = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """The regions of a mask on the grid of a pair, with the values of MOVING in each, in `intensity`.

    `values` is empty for a region outside of MOVING. `problems` are what the user should know.
    """

    regions: tuple[Region, ...]
    values: tuple[NDArray[np.float64], ...]
    intensity: Intensity
    problems: tuple[Step, ...] = ()


def read_mask(settings: FuseSettings) -> Image | None:
    """The mask: all of it, or the chosen slice of one that has no place in the patient; None where none is given.

    Raises what `formats.read` does; ImageError for a mask that marks nothing, or has too many labels.
    """
    if settings.mask is None:
        return None
    image = formats.read(settings.mask)
    if settings.slice_choice is not None and image.geometry.shape[0] > 1 and not image.geometry.is_patient:
        image = one_slice(image, settings.slice_choice)
    if not (image.voxels > 0).any():
        raise _empty("No voxel in it is above 0.")
    if len(_labels(image)) > MOST_LABELS:
        raise ImageError(
            f"The mask has {len(_labels(image))} labels.",
            why=f"At most {MOST_LABELS} are listed.",
            hint="Give a mask that is 0 outside of lesions, and the number of the lesion inside.",
        )
    return image


def mark(mask: Image, sources: Sources, prepared: Prepared, settings: FuseSettings) -> Marked:
    """The regions of a mask that was drawn on FIXED or on MOVING, on the grid of the fusion, largest first.

    A mask of several whole numbers has a region for each; any other has one for each part of what is above 0. One on
    MOVING's grid goes wherever MOVING went.

    Raises PairError when it fits neither image, ImageError when nothing of it lies on the grid.
    """
    found = prepared.registration
    by = None if found is None or found.alignment.is_header else found.alignment
    regions = _regions(mask, sources, prepared.pair.fixed, by, settings)
    if not regions:
        raise _empty("Nothing of it lies on the grid of the fused image.")
    onto = prepared.pair.fixed.geometry
    own = None if settings.grid == MOVING_GRID else by
    values = tuple(_values(region, onto, own, prepared) for region in regions[:MOST_LISTED])
    problems = (_too_many(len(regions)),) if len(regions) > MOST_LISTED else ()
    return Marked(tuple(regions[:MOST_LISTED]), values, prepared.moving.intensity, problems)


def listed(marked: Marked, pair: Pair, fused: Image) -> tuple[dict[str, Any], ...]:
    """A row for each region, JSON-ready.

    `centre_mm` is (x, y, z) in LPS of the centre of mass, `volume_ml` the voxels' own; both None without a place in
    the patient. `uptake` has the largest and the mean value of MOVING's own voxels under the region, in `unit`;
    `contrast` is as `clinical.contrast_kept` has it.
    """
    volumes = clinical.Volumes.of(pair.fixed.voxels, pair.moving.voxels, fused.voxels)
    pairs = zip(marked.regions, marked.values, strict=True)
    return tuple(
        {
            "lesion": number,
            "label": region.label,
            **_place(region, pair.fixed.geometry),
            "uptake": _uptake(values, marked.intensity),
            "contrast": contrast_of(volumes, region),
        }
        for number, (region, values) in enumerate(pairs, start=1)
    )


def _labels(image: Image) -> list[int]:
    """The whole numbers above 0 of a mask that has several of them and nothing else; empty for any other."""
    if image.is_color or not image.geometry.is_patient:
        return []  # a picture's edges are blurred, which are not labels
    above = np.unique(image.voxels[image.voxels > 0])
    return [int(value) for value in above] if len(above) > 1 and (above == np.rint(above)).all() else []


def _regions(
    mask: Image, sources: Sources, onto: Image, by: "Alignment | None", settings: FuseSettings
) -> list[Region]:
    own, other = sources.fixed_whole.geometry, sources.moving_whole.geometry
    is_of_moving = same_grid(mask.geometry, other) and not same_grid(mask.geometry, own)
    way = _way(by, settings.grid, is_of_moving=is_of_moving)

    def placed(inside: Inside) -> Inside:
        image = replace(
            mask, voxels=inside.astype(np.float32), modality=Modality.OTHER, intensity=Intensity.ARBITRARY, history=()
        )
        there, covered = put_on_one_grid(onto, image, resize=settings.resize and is_of_moving, role="MASK", by=way)
        # Resampled, a border voxel belongs to the mask if at least half of it does.
        return np.asarray((there.voxels >= 0.5) & (True if covered is None else covered))

    labels = _labels(mask)
    if not labels:
        return connected(placed(mask.voxels.max(axis=-1) > 0 if mask.is_color else mask.voxels > 0))
    found = (labelled(placed(mask.voxels == label), label) for label in labels)
    return sorted((region for region in found if region is not None), key=lambda one: -int(one.inside.sum()))


def _way(by: "Alignment | None", grid: str, *, is_of_moving: bool) -> "Alignment | None":
    """From points of the grid to those of the image that the mask was drawn on; None where they are the same."""
    if by is None or is_of_moving == (grid == MOVING_GRID):
        return None
    return by if is_of_moving else by.inverse()


def _values(region: Region, onto: Geometry, by: "Alignment | None", prepared: Prepared) -> NDArray[np.float64]:
    """MOVING's own voxels that are nearest to those of the region; without a place, those that it was scaled to."""
    moving, indices = prepared.moving, region.indices
    if moving.is_color:
        return np.empty(0)
    if not are_both_placed(prepared.pair.fixed, moving):
        return np.asarray(prepared.aligned.voxels[tuple(indices.T)], dtype=np.float64)
    points = onto.points(indices.astype(np.float64))
    there = np.rint(moving.geometry.indices(points if by is None else by.points(points))).astype(np.intp)
    within = np.all((there >= 0) & (there < moving.geometry.shape), axis=1)
    return np.asarray(moving.voxels[tuple(there[within].T)], dtype=np.float64)


def _place(region: Region, geometry: Geometry) -> dict[str, Any]:
    indices = region.indices
    place: dict[str, Any] = {
        "voxel": [int(index) for index in region.middle],
        "voxels": len(indices),
        "centre_mm": None,
        "volume_ml": None,
    }
    if geometry.is_patient:
        centre = geometry.points(indices.mean(axis=0, keepdims=True))[0]
        voxel_ml = abs(float(np.linalg.det(geometry.matrix[:3, :3]))) / 1000
        place |= {"centre_mm": [round(float(x), 2) for x in centre], "volume_ml": len(indices) * voxel_ml}
    return place


def _uptake(values: NDArray[np.float64], intensity: Intensity) -> dict[str, Any] | None:
    if not values.size:
        return None
    unit = f"{intensity.value} {intensity.physical_unit}" if intensity.is_suv else intensity.physical_unit
    return {"max": float(values.max()), "mean": float(values.mean()), "unit": unit or ""}


def _too_many(count: int) -> Step:
    warning = f"The mask has {count} regions; the {MOST_LISTED} largest are listed."
    return Step("list_lesions", {"regions": count}, (warning,))


def _empty(why: str) -> ImageError:
    return ImageError(
        "The mask is empty.", why=why, hint="Draw it on FIXED or on MOVING, and check that it belongs to this pair."
    )

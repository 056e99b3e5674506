"""Deformation by a trained network, for the kind of pair that it knows: slices of a head, MRI and another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fusecli.catalog import Modality
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.register.deformable_field import Field, composed, inverted
from fusecli.register.scene import HU_RANGE, Scene, Values, scene
from fusecli.register.upright import upright

# A common window for blood in the skull, 200 HU wide at 75 HU: brain is grey in it and bone white, as in training.
BRAIN_HU = (-25.0, 175.0)
# How far a head reaches from its middle (Scene.size_mm), in cells of its grid: in training 20 to 50, most 24 to 46.
HEAD_CELLS = (24.0, 46.0)
# How much longer cells may be along one axis; in training heads were stretched by no more.
MOST_STRETCHED = 1.2
# In cells: what may be missing when a field and its inverse are gone one after the other.
INVERSE_ERROR = 0.1

# How the fact "network" begins where its answer was not taken; the reason follows.
NOT_USED = "not used"

PARTNERS = (Modality.CT, Modality.PET, Modality.SPECT)


class Network(Protocol):
    """A trained network: two pictures, (rows, columns) in 0..1, the first an MRI, to displacements in their pixels."""

    @property
    def name(self) -> str: ...

    @property
    def weights_sha256(self) -> str: ...

    def __call__(self, fixed: Field, moving: Field, /) -> Field: ...


Load = Callable[[], Network]


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A field on the grid of a scene, and the network that it is from."""

    field: Field
    grid: Scene
    network: Network


class UnsuitedError(Exception):
    """Why the network is not asked, or its answer not taken."""


def is_of_its_kind(fixed: Image, moving: Image) -> bool:
    """Whether both are single slices, one of MRI and the other of CT, PET or SPECT."""
    kinds = {fixed.modality, moving.modality}
    return _are_slices(fixed, moving) and Modality.MRI in kinds and not kinds.isdisjoint(PARTNERS)


def may_be_of_its_kind(fixed: Image, moving: Image) -> bool:
    """Whether both are single slices, and it is not known of what."""
    return _are_slices(fixed, moving) and Modality.OTHER in (fixed.modality, moving.modality)


def _are_slices(fixed: Image, moving: Image) -> bool:
    return fixed.geometry.shape[0] == moving.geometry.shape[0] == 1


def learned(fixed: Image, moved: Image, load: Load, spacing_mm: float, plane: Values | None) -> Learned:
    """What the network answers on a grid over FIXED of about `spacing_mm`; `moved` is MOVING on FIXED's grid.

    It is shown the pair upright, and a pair whose MRI is MOVING the other way round, the field then inverted. Raises
    UnsuitedError for what the network was not trained to see, and for a field without an inverse.
    """
    own, other = (scene(image, spacing_mm, plane) for image in (fixed, moved))
    _check_is_like_training(own)
    network, turn = load(), upright(fixed.geometry)
    pictures = turn.of(_picture(own, fixed)), turn.of(_picture(other, moved))
    if fixed.modality is Modality.MRI:
        return Learned(turn.back(network(*pictures)), own, network)
    field = turn.back(network(*reversed(pictures)))
    back = inverted(field)
    if np.abs(composed(field, back)).max() > INVERSE_ERROR:
        raise UnsuitedError("its field could not be inverted")
    return Learned(back, own, network)


def _check_is_like_training(own: Scene) -> None:
    cells = own.size_mm / float(own.spacing_mm.min())
    if not HEAD_CELLS[0] <= cells <= HEAD_CELLS[1]:
        raise UnsuitedError(
            f"the head reaches {cells:.0f} cells from its middle, not {HEAD_CELLS[0]:g} to {HEAD_CELLS[1]:g}"
        )
    if own.spacing_mm.max() > MOST_STRETCHED * own.spacing_mm.min():
        raise UnsuitedError("FIXED's pixels are not square")


def _picture(seen: Scene, image: Image) -> Field:
    """The scene as a picture of it would be: HU in a window of the brain, all else as it is."""
    if image.intensity is not Intensity.HU:
        return seen.values
    hu = HU_RANGE[0] + (HU_RANGE[1] - HU_RANGE[0]) * seen.values
    return np.asarray(np.clip((hu - BRAIN_HU[0]) / (BRAIN_HU[1] - BRAIN_HU[0]), 0, 1), dtype=np.float32)

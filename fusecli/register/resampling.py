"""MOVING on FIXED's grid, by what the files say of their place in the patient, or by size alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusecli import sitk_bridge
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError

# From this ratio of voxel sizes on, MOVING is smoothed before it is sampled.
COARSER = 1.5

# What stands where MOVING has no data: air for CT, nothing for everything else.
OUTSIDE = {Intensity.HU: -1024.0}


def resample(moving: Image, *, onto: Geometry) -> tuple[Image, NDArray[np.bool_]]:
    """`moving` on the grid `onto`, linearly interpolated once from its own voxels, and where it has data.

    Where the new voxels are more than 1.5 times as large, MOVING is smoothed to their size first.

    Both must have a place in the patient. The second value is (slice, row, column), bool: False outside MOVING's field
    of view, which reaches half a voxel beyond its outermost voxel centres. The unit does not change: SUV stays SUV.

    Raises PairError when the two fields of view do not meet at all.
    """
    mapping = sitk_bridge.index_map(onto, moving.geometry)
    covered = _coverage(moving.geometry.shape, mapping, onto.shape)
    if not covered.any():
        raise _no_overlap(moving.geometry, onto)
    voxels = _interpolated(moving, mapping, onto.shape, outside=OUTSIDE.get(moving.intensity, 0.0))
    blur = max(_blur(mapping))
    facts: dict[str, Fact] = {"interpolation": "linear", "covered_share": round(float(covered.mean()), 4)}
    facts |= {"smoothed_by_voxels": round(blur, 3)} if blur else {}
    step = Step("resample", facts, _warnings(moving.geometry, onto, covered))
    return moving.stepped(step, voxels=voxels, geometry=onto), covered


def resize(moving: Image, *, onto: Geometry) -> Image:
    """`moving` scaled to the size of `onto`, linearly, when nothing is known of its place: edges meet edges.

    Raises PairError when the numbers of slices differ.
    """
    own = moving.geometry.shape
    if own[0] != onto.shape[0]:
        raise PairError(
            "The two images have different numbers of slices.",
            why=f"FIXED has {onto.shape[0]}, MOVING {own[0]}, and nothing says where they lie in the patient.",
            hint="Pick one slice of each series first: --slice N",
        )
    scale = np.array(own, dtype=np.float64) / onto.shape
    mapping = np.diag([*scale, 1.0])
    mapping[:3, 3] = (scale - 1) / 2  # the outer edges coincide, not the outermost voxel centres
    voxels = _interpolated(moving, mapping, onto.shape, outside=0.0)
    warning = (
        f"MOVING was resized from {own[2]} x {own[1]} to {onto.shape[2]} x {onto.shape[1]} pixels, "
        "because nothing says where it lies: check that both show the same field of view."
    )
    if not np.isclose(scale[1], scale[2], rtol=0.02):
        warning += f" Its sides change by different factors, {1 / scale[2]:.2f} and {1 / scale[1]:.2f}."
    step = Step("resize", {"from": f"{own[2]}x{own[1]}", "to": f"{onto.shape[2]}x{onto.shape[1]}"}, (warning,))
    return moving.stepped(step, voxels=voxels, geometry=onto)


def _coverage(own: tuple[int, ...], mapping: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a grid of `shape` lies in MOVING's field of view, which has `own` voxels: (slice, row, column)."""
    # Through the same resampler as the image, so that both round alike on the edge of the field of view.
    ones = sitk_bridge.to_sitk(np.ones(own, dtype=np.uint8))
    return sitk_bridge.to_voxels(sitk_bridge.resample(ones, mapping, shape, outside=0, nearest=True)).astype(bool)


def _interpolated(
    moving: Image, mapping: NDArray[np.float64], shape: tuple[int, ...], *, outside: float
) -> NDArray[Any]:
    # ITK cuts the fraction off when it writes 8 bits, which darkens: color is interpolated in float and rounded once.
    image = sitk_bridge.to_sitk(np.asarray(moving.voxels, dtype=np.float32), is_color=moving.is_color)
    image = sitk_bridge.smooth(image, _blur(mapping))
    voxels = sitk_bridge.to_voxels(sitk_bridge.resample(image, mapping, shape, outside=outside))
    return np.rint(voxels).astype(np.uint8) if moving.is_color else voxels


def _blur(mapping: NDArray[np.float64]) -> tuple[float, ...]:
    """Standard deviations, in voxels of MOVING, that keep detail finer than the new grid from turning into noise.

    A voxel that is s times as large is matched by a Gaussian that widens MOVING's own profile of one voxel to s voxels
    (full width at half maximum); below s = 1.5 there is nothing to lose.
    Source: Cardoso et al., MICCAI 2015, scale factor point spread function matching.
    """
    scales = np.linalg.norm(mapping[:3, :3], axis=1)
    widths = np.where(scales > COARSER, np.sqrt(np.maximum(scales**2 - 1, 0)) / 2.3548, 0)
    return tuple(float(width) for width in widths)


def _warnings(moving: Geometry, onto: Geometry, covered: NDArray[np.bool_]) -> tuple[str, ...]:
    texts = []
    if moving.frame_of_reference and onto.frame_of_reference and moving.frame_of_reference != onto.frame_of_reference:
        texts.append(
            "FIXED and MOVING have different frames of reference (0020,0052), so their coordinates need not agree: "
            "check the alignment in the fused image."
        )
    if not covered.all():
        texts.append(f"MOVING covers {covered.mean():.0%} of FIXED; elsewhere the fused image is FIXED alone.")
    return tuple(texts)


def _no_overlap(moving: Geometry, onto: Geometry) -> PairError:
    return PairError(
        "The two images do not overlap: they show different places.",
        why=f"FIXED spans {_extent(onto)}; MOVING spans {_extent(moving)} (mm in LPS).",
        hint="Check that both belong to one study and, for single slices, that both lie at the same position.",
    )


def _extent(geometry: Geometry) -> str:
    last = np.array(geometry.shape) - 0.5
    corners = np.array(np.meshgrid(*[(-0.5, n) for n in last])).reshape(3, -1).T
    points = geometry.points(corners)
    spans = zip("xyz", points.min(axis=0), points.max(axis=0), strict=True)
    return ", ".join(f"{name} {low:.0f} to {high:.0f}" for name, low, high in spans)

"""MOVING on FIXED's grid, by what the files say of their place in the patient, or by size alone."""

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from fusecli import sitk_bridge
from fusecli.core import scratch, statistics
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact, Step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import PairError
from fusecli.register.alignment import Alignment, identity, placed

# From this ratio of voxel sizes on, MOVING is smoothed before it is sampled.
COARSER = 1.5

# Below this share of a tracer's uptake in FIXED's field of view, before and after are not of the same.
SAME_UPTAKE = 0.98
# Along each axis, at most about so many voxels tell where the uptake lies.
SAMPLES = 64

# What stands where MOVING has no data: air for CT, nothing for everything else.
OUTSIDE = {Intensity.HU: -1024.0}


def resample(
    moving: Image, *, onto: Geometry, by: Alignment | None = None, role: str = "MOVING"
) -> tuple[Image, NDArray[np.bool_]]:
    """`moving` on the grid `onto`, linearly interpolated once from its own voxels, and where it has data.

    `by` takes points of FIXED, whose grid `onto` is, to points of MOVING; without it both lie in one system of
    coordinates, and both must have a place in the patient. `role` is what messages call it. Where the new voxels are
    more than 1.5 times as large, MOVING is smoothed to their size first.

    The second value is (slice, row, column), bool: False outside MOVING's field of view, which reaches half a voxel
    beyond its outermost voxel centres. The unit does not change: SUV stays SUV, and the history has the maximum and
    the integral (mean times volume) of a tracer before and after, where FIXED's field of view holds nearly all of it.

    Raises PairError when the two fields of view do not meet at all.
    """
    own, grid = (moving.geometry, onto) if by is None else (placed(moving.geometry), placed(onto))
    linear = _linear_part(own, grid, by or identity())
    mapping = sitk_bridge.between_indices(linear)
    if by is not None and by.matrix is None:
        mapping = sitk_bridge.through_millimetres(grid, by.transform, own)
    covered = _coverage(own.shape, mapping, onto.shape)
    share = statistics.count(covered) / covered.size
    if share == 0:
        raise _no_overlap(own, grid, by, role)
    blur = _blur(linear)
    voxels = _interpolated(moving, mapping, onto.shape, blur=blur, outside=OUTSIDE.get(moving.intensity, 0.0))
    facts: dict[str, Fact] = {"interpolation": "linear", "covered_share": round(share, 4)}
    facts |= {"smoothed_by_voxels": round(max(blur), 3)} if any(blur) else {}
    facts |= {"aligned_by": by.method} if by else {}
    if moving.modality.is_uptake and not moving.is_color and _uptake_within(moving, linear, onto) >= SAME_UPTAKE:
        facts |= _uptake_facts(moving, voxels, onto)
    step = Step("resample", facts, _warnings(moving.geometry, onto, share, by, role))
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
    voxels = _interpolated(moving, sitk_bridge.between_indices(mapping), onto.shape, blur=_blur(mapping), outside=0.0)
    warning = (
        f"MOVING was resized from {own[2]} x {own[1]} to {onto.shape[2]} x {onto.shape[1]} pixels, "
        "because nothing says where it lies: check that both show the same field of view."
    )
    if not np.isclose(scale[1], scale[2], rtol=0.02):
        warning += f" Its sides change by different factors, {1 / scale[2]:.2f} and {1 / scale[1]:.2f}."
    step = Step("resize", {"from": f"{own[2]}x{own[1]}", "to": f"{onto.shape[2]}x{onto.shape[1]}"}, (warning,))
    return moving.stepped(step, voxels=voxels, geometry=onto)


def _linear_part(own: Geometry, onto: Geometry, by: Alignment) -> NDArray[np.float64]:
    """The affine from indices of `onto` to indices of MOVING: exact, or the closest to an alignment that bends."""
    if by.matrix is not None:
        return np.asarray(np.linalg.inv(own.matrix) @ by.matrix @ onto.matrix)
    # At least two indices along each axis, so that an image of one slice has a third direction too.
    axes = [np.linspace(0, max(size - 1, 1), 5) for size in onto.shape]
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    there = own.indices(by.points(onto.points(indices)))
    fitted = np.linalg.lstsq(np.column_stack([indices, np.ones(len(indices))]), there, rcond=None)[0]
    mapping = np.eye(4)
    mapping[:3] = fitted.T
    return mapping


def _coverage(own: tuple[int, ...], mapping: sitk.Transform, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Where a grid of `shape` lies in MOVING's field of view, which has `own` voxels: (slice, row, column)."""
    # Through the same resampler as the image, so that both round alike on the edge of the field of view.
    ones = sitk_bridge.to_sitk(np.ones(own, dtype=np.uint8))
    covered = scratch.empty(shape, bool)
    for run, inside in sitk_bridge.resample(ones, mapping, shape, outside=0, nearest=True):
        covered[run] = inside
        scratch.release(covered[run])
    return covered


def _interpolated(
    moving: Image, mapping: sitk.Transform, shape: tuple[int, ...], *, blur: tuple[float, ...], outside: float
) -> NDArray[Any]:
    # ITK cuts the fraction off when it writes 8 bits, which darkens: color is interpolated in float and rounded once.
    image = sitk_bridge.to_sitk(np.asarray(moving.voxels, dtype=np.float32), is_color=moving.is_color)
    image = sitk_bridge.smooth(image, blur)
    voxels = scratch.empty((*shape, 3), np.uint8) if moving.is_color else scratch.empty(shape)
    for run, slab in sitk_bridge.resample(image, mapping, shape, outside=outside):
        voxels[run] = np.rint(slab) if moving.is_color else slab
        scratch.release(voxels[run])
    return scratch.frozen(voxels)


def _blur(mapping: NDArray[np.float64]) -> tuple[float, ...]:
    """Standard deviations, in voxels of MOVING, that keep detail finer than the new grid from turning into noise.

    A voxel that is s times as large is matched by a Gaussian that widens MOVING's own profile of one voxel to s voxels
    (full width at half maximum); below s = 1.5 there is nothing to lose.
    Source: Cardoso et al., MICCAI 2015, scale factor point spread function matching.
    """
    scales = np.linalg.norm(mapping[:3, :3], axis=1)
    widths = np.where(scales > COARSER, np.sqrt(np.maximum(scales**2 - 1, 0)) / 2.3548, 0)
    return tuple(float(width) for width in widths)


def _uptake_within(moving: Image, linear: NDArray[np.float64], onto: Geometry) -> float:
    """The share of MOVING's uptake that lies in the field of view of `onto`; 0 where there is none."""
    axes = [np.arange(size // 2 % step, size, step) for size, step in _steps(moving.geometry.shape)]
    values = np.asarray(moving.voxels[np.ix_(*axes)], dtype=np.float64).ravel()
    indices = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inward = np.linalg.inv(linear)
    there = indices @ inward[:3, :3].T + inward[:3, 3]
    inside = ((there > -0.5 - 1e-6) & (there < np.array(onto.shape) - 0.5 + 1e-6)).all(axis=1)
    total = float(values.sum())
    return float(values[inside].sum()) / total if total > 0 else 0.0


def _steps(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Each axis' size, and how many voxels further the next sample is."""
    return [(size, max(1, size // SAMPLES)) for size in shape]


def _uptake_facts(moving: Image, voxels: NDArray[Any], onto: Geometry) -> dict[str, Fact]:
    """The highest value of a tracer, and its integral in the unit times ml, before and after."""
    facts: dict[str, Fact] = {}
    for when, values, geometry in (("before", moving.voxels, moving.geometry), ("after", voxels, onto)):
        facts[f"maximum_{when}"] = statistics.highest(values)
        if moving.geometry.is_patient and onto.is_patient:
            voxel_ml = abs(float(np.linalg.det(geometry.matrix[:3, :3]))) / 1000
            facts[f"integral_{when}"] = float(f"{statistics.total(values) * voxel_ml:.6g}")
    return facts


def _warnings(
    moving: Geometry, onto: Geometry, covered_share: float, by: Alignment | None, role: str
) -> tuple[str, ...]:
    texts = []
    frames = {moving.frame_of_reference, onto.frame_of_reference} - {None, ""}
    if len(frames) == 2 and (by is None or by.is_header):
        texts.append(
            f"FIXED and {role} have different frames of reference (0020,0052), so their coordinates need not agree: "
            "check the alignment in the fused image."
        )
    if covered_share < 1:
        texts.append(_COVERS[role in _SOURCES].format(role=role, share=_per_cent(covered_share)))
    return tuple(texts)


_SOURCES = ("FIXED", "MOVING")
_COVERS = (
    "{role} covers {share} of FIXED.",
    "{role} covers {share} of the result, and has no data elsewhere.",
)


def _per_cent(share: float) -> str:
    """A share that is neither nothing nor everything, and is never rounded to either."""
    return f"{share:.0%}" if 0.005 < share < 0.995 else f"{min(max(share, 0.001), 0.999):.1%}"


def _no_overlap(moving: Geometry, onto: Geometry, by: Alignment | None, role: str) -> PairError:
    aligned = ", brought there by the alignment" if by else ""
    return PairError(
        "The two images do not overlap: they show different places.",
        why=f"FIXED spans {_extent(onto, by)}{aligned}; {role} spans {_extent(moving)} (mm in LPS).",
        hint="Check that both belong to one study and, for single slices, that both lie at the same position.",
    )


def _extent(geometry: Geometry, by: Alignment | None = None) -> str:
    last = np.array(geometry.shape) - 0.5
    corners = np.array(np.meshgrid(*[(-0.5, n) for n in last])).reshape(3, -1).T
    points = geometry.points(corners) if by is None else by.points(geometry.points(corners))
    spans = zip("xyz", points.min(axis=0), points.max(axis=0), strict=True)
    return ", ".join(f"{name} {low:.0f} to {high:.0f}" for name, low, high in spans)

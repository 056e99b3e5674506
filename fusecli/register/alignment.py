"""Where each point of FIXED lies in MOVING: a transform as a value, to apply, invert, compose and save."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from fusecli import sitk_bridge
from fusecli.core.geometry import Geometry
from fusecli.core.history import Fact
from fusecli.errors import AlignmentError

# The method of an alignment that nothing was searched for.
HEADER = "header"

# An affine whose determinant is less than this share of a volume has no inverse.
FLAT = 1e-9

# Distance between the samples of a B-spline that is to be inverted, and how far the inverse may miss.
INVERSE_SPACING_MM = 2.0
INVERSE_TOLERANCE_MM = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Where each point of FIXED lies in MOVING.

    `transform` takes points of FIXED to points of MOVING, both (x, y, z) in millimetres of LPS, which is the direction
    that resampling needs. An image without a place in the patient is measured on its index grid instead: x its column,
    y its row and z its slice, one millimetre each. A pair of single slices has a transform of 3D points too.

    `method` names what found it, `facts` say how; they go into histories and must not identify anybody.

    Raises ValueError for a transform of other than 3D points.
    """

    transform: sitk.Transform
    method: str
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.transform.GetDimension() != 3:  # type: ignore[no-untyped-call]
            raise ValueError("an alignment takes points of three coordinates")

    @property
    def is_header(self) -> bool:
        """Whether the positions that the files state were taken as they are."""
        return self.method == HEADER

    @property
    def is_composed(self) -> bool:
        """Whether the transform has several parts."""
        return len(_parts(self.transform)) > 1

    @property
    def matrix(self) -> NDArray[np.float64] | None:
        """The 4 x 4 affine from FIXED (x, y, z, 1) to MOVING, in mm; None where the transform bends."""
        return _matrix(self.transform)

    def points(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where points of FIXED, (N, 3), lie in MOVING, (N, 3), both (x, y, z) in mm of LPS."""
        points = np.asarray(points, dtype=np.float64).reshape(-1, 3)
        matrix = self.matrix
        if matrix is not None:
            return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])
        move: Any = self.transform.TransformPoint
        return np.array([move(point) for point in points.tolist()], dtype=np.float64).reshape(-1, 3)

    def inverse(self) -> "Alignment":
        """From MOVING to FIXED: exact for affine parts, iterative for those that bend (to some 0.02 mm).

        Raises AlignmentError where the transform cannot be inverted.
        """
        return replace(self, transform=_inverse(self.transform), facts={**self.facts, "inverted": True})

    def then(self, following: "Alignment") -> "Alignment":
        """This alignment, and `following` after it: FIXED to MOVING to what `following` takes MOVING to."""
        method = f"{self.method}, {following.method}"
        own, other = self.matrix, following.matrix
        if own is not None and other is not None:
            return replace(from_matrix(other @ own, method), facts={**self.facts, **following.facts})
        parts = (*_parts(self.transform), *_parts(following.transform))
        return Alignment(sitk_bridge.composite(parts), method, {**self.facts, **following.facts})


def identity() -> Alignment:
    """FIXED and MOVING lie in one system of coordinates already: what the files state is taken as it is."""
    return from_matrix(np.eye(4), HEADER)


def from_matrix(matrix: NDArray[np.float64], method: str, facts: Mapping[str, Fact] | None = None) -> Alignment:
    """The alignment of a 4 x 4 affine from FIXED (x, y, z, 1) to MOVING, in mm of LPS."""
    return Alignment(sitk_bridge.affine_transform(matrix), method, facts or {})


def placed(geometry: Geometry) -> Geometry:
    """The geometry itself, or that of its index grid where it has no place: x, y, z are column, row, slice in mm."""
    return geometry if geometry.is_patient else replace(geometry, affine=_INDEX_GRID)


_INDEX_GRID = np.array([[0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float64)


def _parts(transform: Any) -> list[Any]:
    """What a transform is composed of, in the order of application."""
    if transform.GetName() != "CompositeTransform":
        return [transform]
    queue = sitk.CompositeTransform(transform)  # type: ignore[no-untyped-call]
    count: int = queue.GetNumberOfTransforms()  # type: ignore[no-untyped-call]
    inner = (_parts(queue.GetNthTransform(index)) for index in reversed(range(count)))  # type: ignore[no-untyped-call]
    return [part for parts in inner for part in parts]


def _matrix(transform: Any) -> NDArray[np.float64] | None:
    parts = _parts(transform)
    if not all(part.IsLinear() for part in parts):
        return None
    matrix = np.eye(4)
    for part in parts:
        origin, *axes = (np.array(part.TransformPoint(p)) for p in ((0.0,) * 3, *np.eye(3).tolist()))
        own = np.eye(4)
        own[:3, :3] = np.stack(axes, axis=1) - origin[:, np.newaxis]
        own[:3, 3] = origin
        matrix = own @ matrix
    return matrix


def _inverse(transform: Any) -> sitk.Transform:
    matrix = _matrix(transform)
    if matrix is not None:
        if abs(np.linalg.det(matrix[:3, :3])) < FLAT:
            raise AlignmentError("The transform cannot be inverted.", why="It presses space flat.")
        return sitk_bridge.affine_transform(np.asarray(np.linalg.inv(matrix)))
    return sitk_bridge.composite(_inverse_of_part(part) for part in reversed(_parts(transform)))


def _inverse_of_part(part: Any) -> sitk.Transform:
    if part.IsLinear():
        return _inverse(part)
    invert: Any = sitk.InvertDisplacementField
    field = invert(_displacements(part), 100, INVERSE_TOLERANCE_MM, INVERSE_TOLERANCE_MM / 10, True)
    inverse: sitk.Transform = sitk.DisplacementFieldTransform(field)  # type: ignore[no-untyped-call]
    return inverse


def _displacements(part: Any) -> sitk.Image:
    """The vectors of a displacement field, or of a B-spline over its domain, in mm."""
    part = part.Downcast()
    sample: Any = sitk.TransformToDisplacementField
    if isinstance(part, sitk.DisplacementFieldTransform):
        field: sitk.Image = part.GetDisplacementField()  # type: ignore[no-untyped-call]
    elif isinstance(part, sitk.BSplineTransform):
        field = sample(part, sitk.sitkVectorFloat64, *_samples_of_domain(part))
    else:
        raise AlignmentError(f"A transform of the kind {part.GetName()} cannot be inverted.")
    return field


def _samples_of_domain(spline: Any) -> tuple[Any, ...]:
    """Size, origin, spacing and direction of a grid that covers a B-spline's domain."""
    lengths = spline.GetTransformDomainPhysicalDimensions()
    spacing = [min(INVERSE_SPACING_MM, length / 4) for length in lengths]
    size = [int(np.ceil(length / step)) + 1 for length, step in zip(lengths, spacing, strict=True)]
    return (size, spline.GetTransformDomainOrigin(), spacing, spline.GetTransformDomainDirection())

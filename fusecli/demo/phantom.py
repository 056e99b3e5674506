"""A digital thorax: CT in HU and PET in Bq/ml on two grids of one patient, with the truth they were made from."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from fusecli.core.geometry import Geometry
from fusecli.demo.anatomy import Body, Lesion, sampled, thorax_body
from fusecli.demo.scanner import FWHM_TO_SIGMA, axial_grid, binned, blurred, grainy_noise
from fusecli.demo.wall import Values

CT_FIELD_MM, PET_FIELD_MM, SLICE_MM = 409.6, 500.0, 3.27

# Real scanners agree on slice positions to a few hundredths of a millimetre, and on the middle of the field less well.
CT_CENTRE_MM = (0.0, 12.0, -22.0)
PET_CENTRE_MM = (0.9, 10.6, -21.98)

PET_FWHM_MM = 5.0
# The PET is drawn this much finer in-plane and then binned, so that a voxel is a mean and not a point.
PET_FINENESS = 2

CT_NOISE_HU = 12.0
# Standard deviation of the PET at SUV 1, in SUV; it grows with the square root, as counts do.
PET_NOISE_SUV = 0.13

LESIONS = (
    Lesion("right hilar tumour", (-53.0, 9.0, -19.0), 14.0, 12.0),
    Lesion("right lung nodule", (-84.0, 48.0, -26.0), 6.0, 6.0),
    Lesion("vertebral metastasis", (-7.0, 54.0, -17.0), 7.0, 8.0),
)

# Fluorine-18: 1.8295 h; DDEP, Table of Radionuclides.
F18_HALF_LIFE_S = 6586.2


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """One patient, scanned twice in one session, and the truth.

    `ct_hu` is (slice, row, column) in HU, `pet_bqml` the same in Bq/ml, decay-corrected to `scanned_at`; both float64
    and read-only, on grids of their own that share a frame of reference. `dose_bq` was measured at `injected_at`.
    """

    seed: int
    ct_hu: NDArray[np.float64] = field(repr=False)
    ct_geometry: Geometry
    pet_bqml: NDArray[np.float64] = field(repr=False)
    pet_geometry: Geometry
    lesions: tuple[Lesion, ...]
    body: Body = field(repr=False)
    weight_kg: float
    dose_bq: float
    injected_at: datetime
    scanned_at: datetime
    frame_duration_s: float
    half_life_s: float

    def suv_at(self, points_mm: Values) -> Values:
        """True body-weight SUV in g/ml, (N,), at points in mm LPS, (N, 3): before blur and noise."""
        return self.body.suv_at(np.asarray(points_mm, dtype=np.float64))

    def hu_at(self, points_mm: Values) -> Values:
        """True CT number in HU, (N,), at points in mm LPS, (N, 3): before noise."""
        return self.body.hu_at(np.asarray(points_mm, dtype=np.float64))

    @property
    def bqml_per_suv(self) -> float:
        """Bq/ml of SUV 1: the dose left at `scanned_at`, per gram of patient."""
        return _bqml_per_suv(self.dose_bq, self.scanned_at - self.injected_at, self.half_life_s, self.weight_kg)


def thorax_phantom(
    seed: int = 42,
    *,
    ct_shape: tuple[int, int, int] = (24, 256, 256),
    pet_shape: tuple[int, int, int] = (24, 128, 128),
    noise: float = 1.0,
    weight_kg: float = 75.0,
    dose_bq: float = 370e6,
    half_life_s: float = F18_HALF_LIFE_S,
) -> Phantom:
    """A thorax on its back with three lesions, all on the right or in the middle: hilum, lung, vertebra.

    Shapes are (slice, row, column). The fields of view stay, 409.6 mm for CT and 500 mm for PET, so fewer pixels are
    larger; slices stay 3.27 mm apart round the tumour, so fewer slices show less of the patient. `noise` scales the
    noise of both; 0 leaves none. The same `seed` gives the same bytes.
    """
    rng = np.random.default_rng(seed)
    body = thorax_body(rng, LESIONS)
    frame = _uid(seed, ct_shape, pet_shape, noise, weight_kg, dose_bq, half_life_s)
    ct_geometry = axial_grid(ct_shape, _spacing(CT_FIELD_MM, ct_shape), CT_CENTRE_MM, frame)
    pet_geometry = axial_grid(pet_shape, _spacing(PET_FIELD_MM, pet_shape), PET_CENTRE_MM, frame)
    injected_at = datetime(2020, 1, 1, 10, 0, 0)
    scanned_at = injected_at + timedelta(hours=1)
    factor = _bqml_per_suv(dose_bq, scanned_at - injected_at, half_life_s, weight_kg)
    return Phantom(
        seed=seed,
        ct_hu=_frozen(_ct(body, ct_geometry, rng, noise)),
        ct_geometry=ct_geometry,
        pet_bqml=_frozen(_pet_suv(body, pet_geometry, rng, noise) * factor),
        pet_geometry=pet_geometry,
        lesions=LESIONS,
        body=body,
        weight_kg=weight_kg,
        dose_bq=dose_bq,
        injected_at=injected_at,
        scanned_at=scanned_at,
        frame_duration_s=180.0,
        half_life_s=half_life_s,
    )


def lesion_slice(phantom: Phantom) -> int:
    """The CT slice nearest to the middle of the largest lesion, counted from 0 at the feet."""
    main = max(phantom.lesions, key=lambda lesion: lesion.radius_mm)
    index = round(float(phantom.ct_geometry.indices(np.array([main.centre_mm]))[0, 0]))
    return min(max(index, 0), phantom.ct_geometry.shape[0] - 1)


def _uid(*parameters: object) -> str:
    """A UID that names these parameters and no others, made of a UUID: PS3.5 B.2."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'fusecli phantom {parameters}').int}"


def _spacing(field_mm: float, shape: tuple[int, int, int]) -> tuple[float, float, float]:
    return (SLICE_MM, field_mm / shape[1], field_mm / shape[2])


def _ct(body: Body, geometry: Geometry, rng: np.random.Generator, noise: float) -> Values:
    return sampled(body.hu_at, geometry) + noise * CT_NOISE_HU * grainy_noise(rng, geometry.shape, (0.0, 0.55, 0.55))


def _pet_suv(body: Body, geometry: Geometry, rng: np.random.Generator, noise: float) -> Values:
    """What the PET measures, in SUV: the truth blurred by the scanner, on its voxels, with noise, never below 0."""
    margin = 2  # slices beyond each end, whose uptake blurs into the first and the last
    fine = _finer(geometry, margin)
    sigma = tuple(PET_FWHM_MM * FWHM_TO_SIGMA / spacing for spacing in fine.spacing_mm)
    mean = binned(blurred(sampled(body.suv_at, fine), sigma), PET_FINENESS)[margin:-margin]
    grain = grainy_noise(rng, geometry.shape, (0.4, 0.8, 0.8))
    return np.asarray(np.maximum(mean + noise * PET_NOISE_SUV * np.sqrt(mean) * grain, 0))


def _finer(geometry: Geometry, margin: int) -> Geometry:
    """The same field, with more pixels in each slice and `margin` slices more at each end."""
    slices, rows, columns = geometry.shape
    affine = geometry.matrix.copy()
    first = (1 - PET_FINENESS) / (2 * PET_FINENESS)
    affine[:3, 3] = geometry.points(np.array([[-margin, first, first]]))[0]
    affine[:3, 1:3] /= PET_FINENESS
    return Geometry((slices + 2 * margin, rows * PET_FINENESS, columns * PET_FINENESS), affine)


def _bqml_per_suv(dose_bq: float, waited: timedelta, half_life_s: float, weight_kg: float) -> float:
    remaining = dose_bq * 2 ** (-waited.total_seconds() / half_life_s)
    return float(remaining / (weight_kg * 1000))


def _frozen(volume: Values) -> Values:
    volume.setflags(write=False)
    return volume

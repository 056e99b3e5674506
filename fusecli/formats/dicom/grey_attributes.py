"""Which elements of CT, MR, PET and NM stay true of a volume derived from it. Pure data.

What describes the detector's own grid, the reconstruction's field of view or the raw counts does not. Source: DICOM
PS3.3 C.8.2.1 (CT), C.8.3.1 (MR), C.8.9.1, C.8.9.2 and C.8.9.4 (PET), C.8.4.6 (patient orientation), C.8.4.9 to C.8.4.15
(NM), C.7.6.4 (contrast).
"""

from dataclasses import dataclass

from pydicom.uid import (
    UID,
    CTImageStorage,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
)


@dataclass(frozen=True, slots=True)
class GreyClass:
    """A storage class, and what its slices take over: `required` has a value, `known` may be empty, the rest may lack.

    `of_slice` holds the keywords, of all three kinds, that are a slice's own.
    """

    uid: UID
    required: tuple[str, ...]
    known: tuple[str, ...]
    optional: tuple[str, ...]
    of_slice: frozenset[str] = frozenset()


_CONTRAST = (
    "ContrastBolusAgent", "ContrastBolusAgentSequence", "ContrastBolusRoute", "ContrastBolusVolume",
    "ContrastBolusTotalDose", "ContrastBolusIngredient", "ContrastBolusIngredientConcentration",
)  # fmt: skip

GREY_CLASSES = {
    "CT": GreyClass(
        CTImageStorage,
        required=(),
        known=("KVP", "AcquisitionNumber"),
        optional=(
            "ScanOptions", "RotationDirection", "ExposureTime", "XRayTubeCurrent", "Exposure", "FilterType",
            "GeneratorPower", "FocalSpots", "ConvolutionKernel", "SingleCollimationWidth", "TotalCollimationWidth",
            "SpiralPitchFactor", "ExposureModulationType", "CTDIvol", *_CONTRAST,
        ),
        of_slice=frozenset(("ExposureTime", "XRayTubeCurrent", "Exposure", "CTDIvol")),
    ),
    "MR": GreyClass(
        MRImageStorage,
        required=("ScanningSequence", "SequenceVariant"),
        known=("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"),
        optional=(
            "SequenceName", "AngioFlag", "InversionTime", "NumberOfAverages", "ImagingFrequency", "ImagedNucleus",
            "EchoNumbers", "MagneticFieldStrength", "PixelBandwidth", "ReceiveCoilName", "TransmitCoilName",
            "FlipAngle", "VariableFlipAngleFlag", "TriggerTime", *_CONTRAST,
        ),
    ),
    "PT": GreyClass(
        PositronEmissionTomographyImageStorage,
        required=("SeriesDate", "SeriesTime", "CountsSource", "DecayCorrection", "FrameReferenceTime"),
        known=(
            "CorrectedImage", "CollimatorType", "RadiopharmaceuticalInformationSequence",
            "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence", "AcquisitionDate",
            "AcquisitionTime", "ActualFrameDuration",
        ),
        optional=(
            "ConvolutionKernel", "EnergyWindowRangeSequence", "TypeOfDetectorMotion", "RandomsCorrectionMethod",
            "AttenuationCorrectionMethod", "ScatterCorrectionMethod", "ReconstructionMethod", "DecayFactor",
            "DoseCalibrationFactor",
        ),
        of_slice=frozenset(
            ("AcquisitionDate", "AcquisitionTime", "ActualFrameDuration", "FrameReferenceTime", "DecayFactor")
        ),
    ),
    "NM": GreyClass(
        NuclearMedicineImageStorage,
        required=(),
        known=(
            "PatientOrientationCodeSequence", "PatientGantryRelationshipCodeSequence", "CountsAccumulated",
            "RadiopharmaceuticalInformationSequence", "RotationInformationSequence",
        ),
        optional=(
            "CorrectedImage", "ConvolutionKernel", "TypeOfDetectorMotion", "SeriesDate", "SeriesTime",
        ),
    ),
}  # fmt: skip

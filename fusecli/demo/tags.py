"""The DICOM attributes of a phantom that its slices share: study, CT series, PET series."""

from datetime import datetime, timedelta

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

from fusecli.demo.phantom import Phantom

# Dates are the phantom's, not today's: the same seed must give the same bytes.
CT_BEFORE_PET = timedelta(minutes=2)


def study_tags(phantom: Phantom) -> Dataset:
    """Patient, study and equipment: the same in both series. PS3.3 C.7.1.1, C.7.2.1, C.7.5.1."""
    started = phantom.scanned_at - CT_BEFORE_PET
    tags = Dataset()
    tags.SpecificCharacterSet = "ISO_IR 100"
    tags.PatientName, tags.PatientID = "PHANTOM^THORAX", "PHANTOM"
    tags.PatientBirthDate, tags.PatientSex = "", "O"
    tags.PatientWeight = f"{phantom.weight_kg:.6g}"
    tags.StudyInstanceUID = generate_uid(entropy_srcs=[str(phantom.ct_geometry.frame_of_reference), "study"])
    tags.StudyDate, tags.StudyTime = _date(started), _time(started)
    tags.StudyID, tags.AccessionNumber, tags.ReferringPhysicianName = "1", "", ""
    tags.StudyDescription = "fusecli digital phantom, not a patient"
    tags.Manufacturer, tags.ManufacturerModelName = "fusecli phantom", "digital thorax"
    tags.BodyPartExamined, tags.PatientPosition = "CHEST", "HFS"
    tags.BurnedInAnnotation = "NO"
    return tags


def ct_series_tags(phantom: Phantom) -> Dataset:
    """CT series and CT Image modules: PS3.3 A.3.3 and C.8.2.1."""
    tags = _series_tags("CT", 1, "CT phantom", phantom.scanned_at - CT_BEFORE_PET)
    tags.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    tags.AcquisitionNumber = 1
    tags.KVP = "120"
    tags.WindowCenter, tags.WindowWidth = "40", "400"
    return tags


def pet_series_tags(phantom: Phantom) -> Dataset:
    """PET Series, Isotope and Image modules: PS3.3 C.8.9.1, C.8.9.2 and C.8.9.4."""
    tags = _series_tags("PT", 2, "PET phantom, corrected", phantom.scanned_at)
    tags.ImageType = ["ORIGINAL", "PRIMARY"]
    tags.SeriesType = ["STATIC", "IMAGE"]
    tags.Units, tags.CountsSource, tags.DecayCorrection = "BQML", "EMISSION", "START"
    tags.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"]
    tags.RandomsCorrectionMethod = "DLYD"
    tags.AttenuationCorrectionMethod, tags.ScatterCorrectionMethod = "CT", "simulated"
    tags.ReconstructionMethod, tags.CollimatorType = "simulated", "NONE"
    tags.NumberOfSlices = phantom.pet_geometry.shape[0]
    tags.RadiopharmaceuticalInformationSequence = Sequence([_radiopharmaceutical(phantom)])
    tags.PatientOrientationCodeSequence = Sequence([_supine()])
    tags.PatientGantryRelationshipCodeSequence = Sequence([_code("102540008", "SCT", "headfirst")])
    tags.update(_frame_tags(phantom))
    return tags


def _series_tags(modality: str, number: int, description: str, started: datetime) -> Dataset:
    tags = Dataset()
    tags.Modality, tags.SeriesNumber, tags.SeriesDescription = modality, number, description
    tags.SeriesDate, tags.SeriesTime = _date(started), _time(started)
    tags.AcquisitionDate, tags.AcquisitionTime = _date(started), _time(started)
    tags.ContentDate, tags.ContentTime = _date(started), _time(started)
    return tags


def _frame_tags(phantom: Phantom) -> Dataset:
    """One bed position, counted from the series time on, to which the decay is corrected.

    The average count rate of a frame of length T is reached at ln(x / (1 - exp(-x))) / lambda, x = lambda T, after its
    start; that is the frame's reference time (0054,1300) when the frame starts with the series: PS3.3 C.8.9.4.1.5.
    """
    decay = np.log(2) / phantom.half_life_s
    exponent = decay * phantom.frame_duration_s
    factor = exponent / -np.expm1(-exponent)
    tags = Dataset()
    tags.ActualFrameDuration = round(phantom.frame_duration_s * 1000)
    tags.FrameReferenceTime = f"{1000 * np.log(factor) / decay:.6f}"
    tags.DecayFactor = f"{factor:.8f}"
    return tags


def _radiopharmaceutical(phantom: Phantom) -> Dataset:
    item = Dataset()
    item.Radiopharmaceutical = "Fluorodeoxyglucose"
    item.RadiopharmaceuticalStartTime = _time(phantom.injected_at)
    item.RadiopharmaceuticalStartDateTime = _date(phantom.injected_at) + _time(phantom.injected_at)
    item.RadionuclideTotalDose = f"{phantom.dose_bq:.10g}"
    item.RadionuclideHalfLife = f"{phantom.half_life_s:.10g}"
    item.RadionuclidePositronFraction = "0.967"
    item.RadionuclideCodeSequence = Sequence([_code("77004003", "SCT", "^18^Fluorine")])
    item.RadiopharmaceuticalCodeSequence = Sequence([_code("35321007", "SCT", "Fluorodeoxyglucose F^18^")])
    return item


def _supine() -> Dataset:
    lying = _code("102538003", "SCT", "recumbent")
    lying.PatientOrientationModifierCodeSequence = Sequence([_code("40199007", "SCT", "supine")])
    return lying


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _date(moment: datetime) -> str:
    return moment.strftime("%Y%m%d")


def _time(moment: datetime) -> str:
    return moment.strftime("%H%M%S")

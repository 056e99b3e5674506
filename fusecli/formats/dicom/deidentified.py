"""A derived image without its patient: what may stay is listed, and everything else goes.

Source: DICOM PS3.15 annex E, Basic Application Level Confidentiality Profile, table E.1-1; PS3.3 C.7.1.1 and C.12.1.
"""

import secrets
import uuid

from pydicom import DataElement, Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from fusecli.errors import ImageError
from fusecli.formats.dicom.header import text

# Nothing in these describes a person, a place or a date: what the file is, its pixels, its grid, and our own words.
_KEPT = {
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID",
    "SpecificCharacterSet", "Modality", "ConversionType", "ImageType", "ContentQualification", "Manufacturer",
    "ManufacturerModelName", "SoftwareVersions", "SeriesDescription", "SeriesNumber", "InstanceNumber",
    "ImageComments", "DerivationDescription", "DerivationCodeSequence", "SourceImageSequence", "BodyPartExamined",
    "PatientPosition", "PatientOrientation", "PositionReferenceIndicator", "Laterality", "ImageLaterality",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "NumberOfFrames", "FrameIncrementPointer", "PageNumberVector", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "Rows",
    "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData", "BurnedInAnnotation",
    "RecognizableVisualFeatures", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
}  # fmt: skip
# Type 2, or dummies where an element needs a value: actions Z and D of the table.
_EMPTIED = (
    "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip
_NO_DATE, _NO_TIME = "19000101", "000000"


class Deidentifier:
    """Takes the patient out of the instances of one series; equal UIDs stay equal, and nobody can tell from which.

    The new UIDs and the pseudonym are made with a secret that is drawn anew for every run and kept nowhere, so that a
    second run over the same files gives other ones.
    """

    def __init__(self) -> None:
        self._space = uuid.UUID(bytes=secrets.token_bytes(16))
        self._pseudonym = uuid.uuid5(self._space, "patient").hex[:12].upper()
        self._new: set[str] = set()

    def __call__(self, dataset: Dataset) -> None:
        """Change `dataset`, an instance of ours, in place.

        Raises ImageError where text may be drawn into the pixels, which no header can take back.
        """
        check_no_text_is_drawn(dataset)
        is_dated = "ContentDate" in dataset
        for element in list(dataset):
            if element.keyword not in _KEPT:
                del dataset[element.tag]
        for keyword in _EMPTIED:
            setattr(dataset, keyword, None)
        if is_dated and "NumberOfFrames" in dataset:
            dataset.ContentDate, dataset.ContentTime = _NO_DATE, _NO_TIME  # type 1 in a multi-frame image
        dataset.PatientID = f"ANON-{self._pseudonym}"
        dataset.PatientName = f"Anon^{self._pseudonym}"
        _say_how(dataset)
        dataset.walk(self._replace_uid)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID

    def _replace_uid(self, _: Dataset, element: DataElement) -> None:
        """Every UID but those of the standard itself, such as a SOP class."""
        # Instances of a series share elements, so that one may come by again which has its new UID already.
        if element.VR != "UI" or element.VM != 1 or not UID(element.value).is_private or element.value in self._new:
            return
        element.value = f"2.25.{uuid.uuid5(self._space, str(element.value)).int}"
        self._new.add(element.value)


def check_no_text_is_drawn(dataset: Dataset) -> None:
    """Raises ImageError unless Burned In Annotation says that no text is drawn into the pixels."""
    if text(dataset, "BurnedInAnnotation") != "NO":
        raise ImageError(
            "The result cannot be de-identified: a source may have text drawn into its pixels.",
            why="Burned In Annotation (0028,0301) is not NO in both sources, and neither are both original scans.",
            hint="Look at the pictures. Without --deidentify the result is written as it is.",
        )


def _say_how(dataset: Dataset) -> None:
    profile = codes.DCM.BasicApplicationConfidentialityProfile
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = profile.value, "DCM", profile.meaning
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = "PS3.15 Basic Application Level Confidentiality Profile"
    dataset.DeidentificationMethodCodeSequence = [code]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"

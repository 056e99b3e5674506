"""What a derived image takes over from its sources: patient and study, and what stays true of the pixels.

Source: DICOM PS3.3 C.7.1.1 to C.7.2.3 (patient, study), C.7.3.1 (series), C.7.4.1 (frame of reference), C.7.6.1 (image)
"""

from collections.abc import Sequence

from pydicom import DataElement, Dataset, config
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless
from pydicom.valuerep import validate_value

from fusecli.formats.dicom.header import text, texts

# By these an archive knows the patient and the study: taken as they are, be they valid or not.
_IDENTITY = ("PatientName", "PatientID", "StudyInstanceUID", "StudyID", "AccessionNumber")
# Type 2: present in every image, empty when not known.
_ALWAYS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber",
)  # fmt: skip
_WHERE_KNOWN = (
    "SpecificCharacterSet", "TimezoneOffsetFromUTC", "LongitudinalTemporalInformationModified",
    # Patient
    "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "TypeOfPatientID", "PatientBirthTime",
    "OtherPatientIDsSequence", "OtherPatientNames", "EthnicGroup", "PatientComments", "QualityControlSubject",
    "PatientSpeciesDescription", "PatientSpeciesCodeSequence", "PatientBreedDescription", "PatientBreedCodeSequence",
    "BreedRegistrationSequence", "ResponsiblePerson", "ResponsiblePersonRole", "ResponsibleOrganization",
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    # General Study and Patient Study
    "StudyInstanceUID", "IssuerOfAccessionNumberSequence", "StudyDescription", "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy", "ProcedureCodeSequence", "AdmittingDiagnosesDescription", "PatientAge",
    "PatientSize", "PatientWeight", "PatientSexNeutered", "PregnancyStatus", "MedicalAlerts", "Allergies",
    # General Series and Frame of Reference
    "BodyPartExamined", "PatientPosition", "PositionReferenceIndicator",
)  # fmt: skip
# Clinical Trial Subject and Clinical Trial Study: what must have a value, what must be there, and the rest.
_TRIAL_NAMED_BY = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID")
_TRIAL_SUBJECT = ("ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID")
_TRIAL_ALWAYS = ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")
_TRIAL_STUDY = ("ClinicalTrialTimePointID", "ClinicalTrialTimePointDescription")
_OF_A_SLICE = ("AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime")

# What these modalities store is what the scanner measured, and no text is drawn into it unless the file says so.
_SCANNERS = ("CT", "MR", "PT", "NM")
_LOSSY_SYNTAXES = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000)
# Body parts of PS3.16 annex L of which there is one: they have no side.
_UNPAIRED = {
    "ABDOMEN", "ABDOMENPELVIS", "AORTA", "BACK", "BLADDER", "BRAIN", "CSPINE", "CTSPINE", "CERVIX", "CHEST",
    "CHESTABDOMEN", "CHESTABDPELVIS", "COCCYX", "COLON", "DUODENUM", "ESOPHAGUS", "FACE", "GALLBLADDER", "HEAD",
    "HEADNECK", "HEART", "JAW", "LARYNX", "LIVER", "LSPINE", "LSSPINE", "MEDIASTINUM", "MOUTH", "NECK",
    "NECKCHEST", "NECKCHESTABDOMEN", "NECKCHESTABDPELV", "NOSE", "PANCREAS", "PELVIS", "PHARYNX", "PROSTATE",
    "RECTUM", "SSPINE", "SKULL", "SPINE", "SPLEEN", "STERNUM", "STOMACH", "TSPINE", "TLSPINE", "THYMUS",
    "THYROID", "TONGUE", "TRACHEA", "URETHRA", "UTERUS", "WHOLEBODY",
}  # fmt: skip
# Body parts by whose surface a person is recognized.
_FACES = {"HEAD", "FACE", "BRAIN", "SKULL", "ORBIT", "HEADNECK", "JAW", "MAXILLA", "MANDIBLE", "WHOLEBODY"}


def inherit(derived: Dataset, fixed: Dataset, moving: Dataset) -> None:
    """Patient, study, place and laterality of FIXED, as its file has them, and what both say of the pixels.

    Values that cannot be read are left out. Laterality is left empty where MOVING has another.
    """
    _copy(derived, fixed, _WHERE_KNOWN)
    _copy_or_empty(derived, fixed, _ALWAYS)
    if text(derived, "PatientIdentityRemoved") == "YES" and not _says_how_deidentified(derived):
        del derived.PatientIdentityRemoved
    _copy_trial(derived, fixed)
    _copy_laterality(derived, fixed, moving)
    _copy_lossy_compression(derived, (fixed, moving))
    burned_in, recognizable = burned_in_annotation((fixed, moving)), _recognizable_features(fixed, moving)
    if burned_in:
        derived.BurnedInAnnotation = burned_in
    if recognizable:
        derived.RecognizableVisualFeatures = recognizable


def inherit_of_slice(derived: Dataset, fixed: Dataset) -> None:
    """When the slice of FIXED was scanned, as date of acquisition and of content; nothing where it has no date."""
    _copy(derived, fixed, _OF_A_SLICE)
    for moment in ("Content", "Acquisition", "Series", "Study"):
        found = Dataset()
        _copy(found, fixed, (f"{moment}Date", f"{moment}Time"))
        if f"{moment}Date" in found:
            derived.ContentDate = text(found, f"{moment}Date")
            derived.ContentTime = text(found, f"{moment}Time") or "000000"
            return


def burned_in_annotation(sources: Sequence[Dataset]) -> str:
    """YES where text is drawn into a source, NO where there is none in either, empty where a source leaves it open."""
    said = [text(source, "BurnedInAnnotation") or _expected_annotation(source) for source in sources]
    if "YES" in said:
        return "YES"
    return "NO" if all(answer == "NO" for answer in said) else ""


def _expected_annotation(source: Dataset) -> str:
    is_measured = text(source, "Modality") in _SCANNERS and text(source, "ImageType").startswith("ORIGINAL")
    return "NO" if is_measured else ""


def _says_how_deidentified(derived: Dataset) -> bool:
    return "DeidentificationMethod" in derived or "DeidentificationMethodCodeSequence" in derived


def _copy_trial(derived: Dataset, fixed: Dataset) -> None:
    """The clinical trial, where it is told in full: half of a module is worse than none."""
    named = all(text(fixed, keyword) for keyword in _TRIAL_NAMED_BY)
    if named and any(text(fixed, keyword) for keyword in _TRIAL_SUBJECT):
        _copy(derived, fixed, (*_TRIAL_NAMED_BY, *_TRIAL_SUBJECT))
        _copy_or_empty(derived, fixed, _TRIAL_ALWAYS)
    if text(fixed, _TRIAL_STUDY[0]):
        _copy(derived, fixed, _TRIAL_STUDY)


def _copy_laterality(derived: Dataset, fixed: Dataset, moving: Dataset) -> None:
    if text(fixed, "BodyPartExamined").upper() in _UNPAIRED:
        return
    for keyword in ("Laterality", "ImageLaterality"):
        if text(moving, keyword) in ("", text(fixed, keyword)):
            _copy(derived, fixed, (keyword,))
    if "Laterality" not in derived and "ImageLaterality" not in derived:
        derived.Laterality = None  # type 2C: present for what may be one of a pair


def _copy_lossy_compression(derived: Dataset, sources: Sequence[Dataset]) -> None:
    """What was lost once stays lost: PS3.3 C.7.6.1.1.5."""
    lossy = [source for source in sources if _is_lossy(source)]
    if lossy:
        derived.LossyImageCompression = "01"
    elif all(text(source, "LossyImageCompression") == "00" for source in sources):
        derived.LossyImageCompression = "00"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        values = [value for source in lossy for value in texts(source, keyword)]
        if values:
            setattr(derived, keyword, values)


def _is_lossy(source: Dataset) -> bool:
    stored_as = source.file_meta.TransferSyntaxUID
    return text(source, "LossyImageCompression") == "01" or stored_as in _LOSSY_SYNTAXES


def _recognizable_features(fixed: Dataset, moving: Dataset) -> str:
    said = [text(source, "RecognizableVisualFeatures") for source in (fixed, moving)]
    if "YES" in said:
        return "YES"
    if said == ["NO", "NO"]:
        return "NO"
    return "YES" if text(fixed, "BodyPartExamined").upper() in _FACES else ""


def _copy_or_empty(derived: Dataset, source: Dataset, keywords: Sequence[str]) -> None:
    _copy(derived, source, keywords)
    for keyword in keywords:
        if keyword not in derived:
            setattr(derived, keyword, None)


def _copy(derived: Dataset, source: Dataset, keywords: Sequence[str]) -> None:
    """The elements that have a valid value."""
    for keyword in keywords:
        try:
            element = source[keyword]
            if element.VR == "SQ":
                # Parsed to the last leaf here: an item of another encoding cannot be written as it was stored.
                [list(item.iterall()) for item in element.value]
            elif keyword not in _IDENTITY:
                element = _modern(element)
                _check_valid(element)
        except Exception:  # missing, or broken: pydicom converts on access, and raises one of a dozen kinds
            continue
        if not element.is_empty:
            derived.add(element)


def _modern(element: DataElement) -> DataElement:
    """Dates and times without the dots and colons that ACR-NEMA had: PS3.5 section 6.2."""
    signs = {"DA": ".", "TM": ":"}.get(element.VR)
    if signs is None or signs not in str(element.value):
        return element
    return DataElement(element.tag, element.VR, str(element.value).replace(signs, ""))


def _check_valid(element: DataElement) -> None:
    """Raises ValueError where a code, an age, a date or a time is none."""
    if element.VR in ("AS", "CS", "DA", "DT", "TM"):
        values = element.value if element.VM > 1 else [element.value]
        for value in values:
            validate_value(element.VR, str(value or ""), config.RAISE)

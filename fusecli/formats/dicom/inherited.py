"""What a derived image takes over from its sources: patient and study, and what stays true of the pixels.

Source: DICOM PS3.3 C.7.1.1 to C.7.2.3 (patient, study), C.7.3.1 (series), C.7.4.1 (frame of reference), C.7.6.1 (image)
"""

from collections.abc import Sequence

from pydicom import DataElement, Dataset
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless

from fusecli.formats.dicom.header import text, texts
from fusecli.formats.dicom.valid import valid_element

# By these an archive knows the patient and the study: taken as they are, be they valid or not.
_IDENTITY = ("PatientName", "PatientID", "StudyInstanceUID", "StudyID", "AccessionNumber")
# A name's letters are read by the character set, whichever it is.
_AS_THEY_ARE = (*_IDENTITY, "SpecificCharacterSet")
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
# Who answers for the patient, and as what: one asks for the other.
_RESPONSIBLE = ("ResponsiblePerson", "ResponsiblePersonRole")
_OF_A_SLICE = ("AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime")

# What these modalities store is what the scanner measured, and no text is drawn into it unless the file says so.
_SCANNERS = ("CT", "MR", "PT", "NM")
_LOSSY_SYNTAXES = (JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000)
_COMPRESSION = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
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

    Values that are not valid are left out. Laterality is left empty where MOVING has another. What is made of one
    series alone has it as both.
    """
    _copy(derived, fixed, _WHERE_KNOWN)
    _copy_or_empty(derived, fixed, _ALWAYS)
    if text(derived, "PatientIdentityRemoved") == "YES" and not _says_how_deidentified(derived):
        _remove(derived, ("PatientIdentityRemoved",))
    if not all(keyword in derived for keyword in _RESPONSIBLE):
        _remove(derived, _RESPONSIBLE)
    _copy_trial(derived, fixed)
    _copy_laterality(derived, fixed, moving)
    sources = (fixed,) if moving is fixed else (fixed, moving)
    _copy_lossy_compression(derived, sources)
    burned_in, recognizable = burned_in_annotation(sources), _recognizable_features(fixed, moving)
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
    said = [text(source, "BurnedInAnnotation").upper() or _expected_annotation(source) for source in sources]
    if "YES" in said:
        return "YES"
    return "NO" if all(answer == "NO" for answer in said) else ""


def _expected_annotation(source: Dataset) -> str:
    is_measured = text(source, "Modality") in _SCANNERS and text(source, "ImageType").startswith("ORIGINAL")
    return "NO" if is_measured else ""


def _says_how_deidentified(derived: Dataset) -> bool:
    return "DeidentificationMethod" in derived or "DeidentificationMethodCodeSequence" in derived


def _remove(derived: Dataset, keywords: Sequence[str]) -> None:
    for keyword in keywords:
        if keyword in derived:
            delattr(derived, keyword)


def _copy_trial(derived: Dataset, fixed: Dataset) -> None:
    """The clinical trial, where it is told in full: half of a module is worse than none."""
    told = Dataset()
    _copy(told, fixed, (*_TRIAL_NAMED_BY, *_TRIAL_SUBJECT, *_TRIAL_STUDY))
    if all(keyword in told for keyword in _TRIAL_NAMED_BY) and any(keyword in told for keyword in _TRIAL_SUBJECT):
        _copy(derived, told, (*_TRIAL_NAMED_BY, *_TRIAL_SUBJECT))
        _copy_or_empty(derived, fixed, _TRIAL_ALWAYS)
    if _TRIAL_STUDY[0] in told:
        _copy(derived, told, _TRIAL_STUDY)


def _copy_laterality(derived: Dataset, fixed: Dataset, moving: Dataset) -> None:
    if text(derived, "BodyPartExamined") in _UNPAIRED:
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
    # Value by value they tell of one compression, so that one without its ratio, or its method, spoils the list.
    found = [_compressions(source) for source in lossy]
    for keyword, values in zip(_COMPRESSION, zip(*found, strict=True), strict=False):
        if all(values):
            setattr(derived, keyword, [value for own in values for value in own])


def _compressions(source: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ratios and methods of a source; no methods where they are not as many."""
    known = Dataset()
    _copy(known, source, _COMPRESSION)
    ratios, methods = (texts(known, keyword) for keyword in _COMPRESSION)
    return ratios, methods if len(methods) == len(ratios) else ()


def _is_lossy(source: Dataset) -> bool:
    stored_as = source.file_meta.TransferSyntaxUID
    return text(source, "LossyImageCompression") == "01" or stored_as in _LOSSY_SYNTAXES


def _recognizable_features(fixed: Dataset, moving: Dataset) -> str:
    said = [text(source, "RecognizableVisualFeatures").upper() for source in (fixed, moving)]
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
    """The elements that have a valid value; those that tell whose the study is, as they are."""
    for keyword in keywords:
        element = _as_it_is(source, keyword) if keyword in _AS_THEY_ARE else valid_element(source, keyword)
        if element is not None:
            derived.add(element)


def _as_it_is(source: Dataset, keyword: str) -> DataElement | None:
    try:
        element = source[keyword]
    except Exception:  # missing, or broken: pydicom converts on access, and raises one of a dozen kinds
        return None
    return None if element.is_empty else element

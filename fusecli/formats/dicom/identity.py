"""Whose images these are: shown to the one who asks for it, and never kept in a history, a log or a record."""

from dataclasses import dataclass

from pydicom import Dataset

from fusecli.formats.dicom.header import printable, text


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file says of its patient and study; empty where it says nothing. Dates are YYYYMMDD."""

    name: str
    patient_id: str
    birth_date: str
    sex: str
    study_date: str


def identity_of(header: Dataset) -> Identity:
    """The identity in the header of one file, on one line each."""
    keywords = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate")
    return Identity(*(printable(text(header, keyword)) for keyword in keywords))

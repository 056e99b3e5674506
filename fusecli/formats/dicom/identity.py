"""Whose images these are: shown to the one who asks for it, and never kept in a history, a log or a record."""

import hashlib
from dataclasses import dataclass

from pydicom import Dataset

from fusecli.core.patient import Patient
from fusecli.formats.dicom.header import text


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
    return Identity(*(text(header, keyword) for keyword in keywords))


def patient_of(header: Dataset) -> Patient | None:
    """By what two files are compared; None without a patient ID, which alone gives an issuer a meaning."""
    number, issuer = text(header, "PatientID"), text(header, "IssuerOfPatientID")
    return Patient(_digest(number), _digest(issuer) if issuer else None) if number else None


def _digest(said: str) -> str:
    return hashlib.sha256(said.encode(errors="replace")).hexdigest()

"""Elements that may be handed on: of their own type, in their number of values, and one of the values allowed.

Source: DICOM PS3.5 section 6.2 (value representations), PS3.6 (multiplicity), PS3.3 (enumerated values, items).
"""

import math
import re
from contextlib import suppress
from typing import Any

from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.sequence import Sequence as Items
from pydicom.valuerep import DSfloat, validate_value

from fusecli.formats.dicom.header import text

# What PS3.3 enumerates, and the terms that it defines where another would not be understood.
_ALLOWED = {
    "PatientSex": {"M", "F", "O"},
    "PatientSexNeutered": {"ALTERED", "UNALTERED"},
    "PregnancyStatus": {"1", "2", "3", "4"},
    "QualityControlSubject": {"YES", "NO"},
    "PatientIdentityRemoved": {"YES", "NO"},
    "LongitudinalTemporalInformationModified": {"UNMODIFIED", "MODIFIED", "REMOVED"},
    "Laterality": {"R", "L"},
    "ImageLaterality": {"R", "L", "U", "B"},
    "PatientPosition": {
        *(f"{first}F{side}" for first in "HF" for side in ("P", "S", "DR", "DL")),
        *("LFP", "LFS", "RFP", "RFS", "AFDR", "AFDL", "PFDR", "PFDL"),
    },
    "ResponsiblePersonRole": {
        "OWNER", "PARENT", "CHILD", "SPOUSE", "SIBLING", "RELATIVE", "GUARDIAN", "CUSTODIAN", "AGENT", "INVESTIGATOR",
        "VETERINARIAN",
    },
    "TypeOfPatientID": {"TEXT", "RFID", "BARCODE"},
    "UniversalEntityIDType": {"DNS", "EUI64", "ISO", "URI", "UUID", "X400", "X500"},
    "LossyImageCompressionMethod": {
        "ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_15", "ISO_18181_1", "ISO_13818_2", "ISO_14496_10",
        "ISO_23008_2",
    },
    "CountsSource": {"EMISSION", "TRANSMISSION"},
    "DecayCorrection": {"NONE", "START", "ADMIN"},
    "MRAcquisitionType": {"2D", "3D"},
}  # fmt: skip
# Sequences whose items are nothing without these.
_REQUIRED = {
    "OtherPatientIDsSequence": ("PatientID", "TypeOfPatientID"),
    "ContributingEquipmentSequence": ("Manufacturer", "PurposeOfReferenceCodeSequence"),
    "BreedRegistrationSequence": ("BreedRegistrationNumber", "BreedRegistryCodeSequence"),
}
# Either all of the first, or all of the second, and so on: PS3.3 tables 8.8-1 and 10-17.
_CODED = (("CodeValue", "CodingSchemeDesignator"), ("LongCodeValue", "CodingSchemeDesignator"), ("URNCodeValue",))
_ISSUED = (("LocalNamespaceEntityID",), ("UniversalEntityID", "UniversalEntityIDType"))
_OFFSET = re.compile(r"[+-](0\d|1[0-4])[0-5]\d")
_LINES = ("LT", "ST", "UT")  # may hold line breaks
_UNBOUNDED = ("LT", "ST", "UT", "UR")  # in these a backslash divides nothing
_LONGEST_DECIMAL = 16


def valid_element(header: Dataset, keyword: str) -> DataElement | None:
    """The element as a derived file may have it; None where it is missing, empty, broken or not allowed.

    Small letters in codes, dates and times of ACR-NEMA and decimals of too many digits are rewritten; items that say
    less than they must are left out. Without SpecificCharacterSet (0008,0005) in `header`, letters beyond ASCII are
    none.
    """
    with suppress(Exception):  # broken: pydicom converts on access, and raises one of a dozen kinds
        return _valid(header[keyword], is_ascii="SpecificCharacterSet" not in header)
    return None


def valid_items(found: Items | list[Dataset], keyword: str, *, is_ascii: bool) -> list[Dataset]:
    """What is valid in the items of the sequence `keyword`, without private elements; items that lack something go."""
    cleaned = [_valid_item(item, is_ascii) for item in found]
    return [item for item in cleaned if _says_enough(keyword, item)]


def is_uid(value: str) -> bool:
    """Whether `value` is a UID: PS3.5 section 9.1."""
    try:
        validate_value("UI", value, config.RAISE)
    except ValueError:
        return False
    return bool(value)


def _valid(element: DataElement, *, is_ascii: bool) -> DataElement | None:
    keyword = element.keyword
    if element.is_empty or not keyword or element.VR not in dictionary_VR(element.tag).split(" or "):
        return None
    if element.VR == "SQ":
        found = valid_items(element.value, keyword, is_ascii=is_ascii)
        return DataElement(element.tag, "SQ", Items(found)) if found else None
    element = _modern(element)
    values = element.value if element.VM > 1 else [element.value]
    if not _fits_multiplicity(dictionary_VM(element.tag), len(values)):
        return None
    if all(_is_valid(element.VR, value, is_ascii) and _is_allowed(keyword, str(value)) for value in values):
        return element
    return None


def _modern(element: DataElement) -> DataElement:
    """Codes in capitals, decimals in 16 characters at most, dates and times without the dots and colons of ACR-NEMA."""
    value = element.value
    if element.VR == "CS":
        parts = [str(part).upper() for part in (value if element.VM > 1 else [value])]
        return DataElement(element.tag, "CS", parts if len(parts) > 1 else parts[0])
    if element.VR == "DS":
        parts = value if element.VM > 1 else [value]
        if all(len(str(part)) <= _LONGEST_DECIMAL for part in parts):
            return element
        shorter = [DSfloat(float(part), auto_format=True) for part in parts]
        return DataElement(element.tag, "DS", shorter if len(shorter) > 1 else shorter[0])
    signs = {"DA": ".", "TM": ":"}.get(element.VR)
    if signs is None or signs not in str(value):
        return element
    return DataElement(element.tag, element.VR, str(value).replace(signs, ""))


def _fits_multiplicity(allowed: str, count: int) -> bool:
    """Whether so many values are allowed by a multiplicity such as 1, 1-3, 2-n or 2-2n."""
    low, _, high = allowed.partition("-")
    if not high:
        return count == int(low)
    if high.endswith("n"):
        return count >= int(low) and count % int(high[:-1] or 1) == 0
    return int(low) <= count <= int(high)


def _is_valid(vr: str, value: Any, is_ascii: bool) -> bool:
    if isinstance(value, int | float) and vr not in ("DS", "IS"):
        with suppress(ValueError):
            validate_value(vr, value, config.RAISE)
            return math.isfinite(value)
        return False
    said = str(value)
    with suppress(ValueError):
        validate_value(vr, said, config.RAISE)
        return _is_printable(vr, said, is_ascii) and not (vr in ("DA", "TM") and "-" in said)
    return False


def _is_printable(vr: str, said: str, is_ascii: bool) -> bool:
    shown = said.translate(dict.fromkeys(map(ord, "\r\n\f\t"))) if vr in _LINES else said
    is_read = "\N{REPLACEMENT CHARACTER}" not in said and (said.isascii() or not is_ascii)
    divides = "\\" in said and vr not in _UNBOUNDED
    return is_read and shown.isprintable() and not divides


def _is_allowed(keyword: str, said: str) -> bool:
    if keyword == "TimezoneOffsetFromUTC":
        return _OFFSET.fullmatch(said.strip()) is not None
    return keyword not in _ALLOWED or said.strip() in _ALLOWED[keyword]


def _valid_item(item: Dataset, is_ascii: bool) -> Dataset:
    cleaned = Dataset()
    for tag in list(item.keys()):
        with suppress(Exception):  # broken, as above
            element = _valid(item[tag], is_ascii=is_ascii)
            if element is not None:
                cleaned.add(element)
    return cleaned


def _says_enough(keyword: str, item: Dataset) -> bool:
    if keyword.endswith("CodeSequence"):
        return bool(text(item, "CodeMeaning")) and _has_one_of(item, _CODED)
    if keyword.startswith("Issuer") and keyword.endswith("Sequence") and "Qualifiers" not in keyword:
        return _has_one_of(item, _ISSUED)
    return len(item) > 0 and all(name in item for name in _REQUIRED.get(keyword, ()))


def _has_one_of(item: Dataset, choices: tuple[tuple[str, ...], ...]) -> bool:
    return any(all(name in item for name in names) for names in choices)

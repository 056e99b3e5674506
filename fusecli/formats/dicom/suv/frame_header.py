"""The header of one frame of an enhanced or legacy converted enhanced PET, as a classic PET slice would state it.

Sources: DICOM PS3.3 A.56 and C.8.22 (enhanced PET), A.72 (legacy converted), C.7.6.16.2.11 (real world value mapping).
"""

import math
from collections.abc import Sequence

from pydicom import Dataset

from fusecli.formats.dicom.frames import Frame, functional_group
from fusecli.formats.dicom.header import items, number, text

# Functional groups whose elements a classic PET slice has at its top level.
_GROUPS = (
    "UnassignedSharedConvertedAttributesSequence",
    "UnassignedPerFrameConvertedAttributesSequence",
    "PixelValueTransformationSequence",
    "FrameContentSequence",
    "RadiopharmaceuticalUsageSequence",
)
_INJECTIONS = "RadiopharmaceuticalInformationSequence"
_AGENT = "RadiopharmaceuticalAgentNumber"

# UCUM codes of PS3.16 CID 84 in both orders that are in use, to Units (0054,1001) and SUVType (0054,1006).
_UNITS_OF_CODES = {
    "bq/ml": ("BQML", ""),
    "g/ml{suvbw}": ("GML", "BW"),
    "g/ml{suvlbm}": ("GML", "LBM"),
    "g/ml{suvlbm(james128)}": ("GML", "LBMJAMES128"),
    "g/ml{suvlbm(janma)}": ("GML", "LBMJANMA"),
    "g/ml{suvibw}": ("GML", "IBW"),
    "cm2/ml{suvbsa}": ("CM2ML", ""),
}


def pet_headers(frames: Sequence[Frame]) -> list[Dataset]:
    """For each frame the header that `suv_factors` takes: a classic slice's own, or one put together of its groups."""
    return [frame_header(frame.file.header, frame.index) for frame in frames]


def frame_header(header: Dataset, index: int) -> Dataset:
    """The elements of frame `index` in classic form; the very header where there are no functional groups."""
    groups = [
        *items(header, "SharedFunctionalGroupsSequence")[:1],
        *items(header, "PerFrameFunctionalGroupsSequence")[index : index + 1],
    ]
    if not groups:
        return header
    classic = Dataset()
    # The elements are shared with the file's header: one that changes is put in anew, and never set.
    classic.update(header)
    for name in _GROUPS:
        found = functional_group(header, index, name)
        if found is not header:
            classic.update(found)
    for group in groups:
        if items(group, _INJECTIONS):
            classic[_INJECTIONS] = group[_INJECTIONS]
    _set_units(classic, header, index)
    _set_corrections(classic)
    _set_times(classic)
    _keep_own_injection(classic)
    return classic


def _set_units(classic: Dataset, header: Dataset, index: int) -> None:
    """Units from the real world value map that maps the stored numbers as the rescale slope does."""
    if text(classic, "Units"):
        return
    for group in (
        *items(header, "PerFrameFunctionalGroupsSequence")[index : index + 1],
        *items(header, "SharedFunctionalGroupsSequence")[:1],
    ):
        for value_map in items(group, "RealWorldValueMappingSequence"):
            code = next((text(unit, "CodeValue") for unit in items(value_map, "MeasurementUnitsCodeSequence")), "")
            known = _UNITS_OF_CODES.get(_annotation_last(code.lower()))
            if known and _maps_alike(value_map, classic):
                units, suv_type = known
                classic.add_new("Units", "CS", units)
                classic.add_new("SUVType", "CS", suv_type)
                return


def _annotation_last(code: str) -> str:
    note, _, unit = code.rpartition("}")
    return f"{unit}{note}}}" if code.startswith("{") else code


def _maps_alike(value_map: Dataset, classic: Dataset) -> bool:
    slope, own = number(value_map, "RealWorldValueSlope"), number(classic, "RescaleSlope")
    is_offset = bool(number(value_map, "RealWorldValueIntercept"))
    return slope is not None and own is not None and not is_offset and math.isclose(slope, own, rel_tol=1e-5)


def _set_corrections(classic: Dataset) -> None:
    """CorrectedImage and DecayCorrection from the YES and NO of the enhanced PET corrections module, C.8.22.4."""
    if not text(classic, "CorrectedImage"):
        named = {"DecayCorrected": "DECY", "AttenuationCorrected": "ATTN"}
        done = [name for keyword, name in named.items() if text(classic, keyword) == "YES"]
        classic.add_new("CorrectedImage", "CS", done)
    if not text(classic, "DecayCorrection"):
        # To which moment stands in DecayCorrectionDateTime; without it a START would be counted to a guess.
        is_dated = bool(text(classic, "DecayCorrectionDateTime"))
        words = {"YES": "START" if is_dated else "", "NO": "NONE"}
        classic.add_new("DecayCorrection", "CS", words.get(text(classic, "DecayCorrected"), ""))


def _set_times(classic: Dataset) -> None:
    if text(classic, "FrameAcquisitionDateTime"):
        classic.add_new("AcquisitionDateTime", "DT", text(classic, "FrameAcquisitionDateTime"))
        classic.add_new("AcquisitionDate", "DA", "")
        classic.add_new("AcquisitionTime", "TM", "")
    duration_ms = number(classic, "FrameAcquisitionDuration")
    if duration_ms is not None and number(classic, "ActualFrameDuration") is None:
        classic.add_new("ActualFrameDuration", "FD", duration_ms)  # which is not whole, as the IS of a slice is


def _keep_own_injection(classic: Dataset) -> None:
    """Of several injections the one whose number the frame names."""
    agent, injections = number(classic, _AGENT), items(classic, _INJECTIONS)
    own = [injection for injection in injections if number(injection, _AGENT) == agent]
    if agent is not None and own and len(own) < len(injections):
        classic.add_new(_INJECTIONS, "SQ", own)

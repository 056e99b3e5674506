"""How the classes of CT, MR and PET say what a number measures.

Source: DICOM PS3.3 C.8.2.1 (CT), C.11.1 (rescale type), C.8.9.1.1.3 (PET units), PS3.16 CID 85 (SUV types).
"""

from pydicom import Dataset

from fusecli.core.history import last_step
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.errors import ImageError
from fusecli.formats.dicom.header import tag_name, text
from fusecli.formats.dicom.suv.body import NORM_NAMES

_UNITS = {
    Intensity.SUV: "GML",
    Intensity.SUVLBM: "GML",
    Intensity.SUVBSA: "CM2ML",
    Intensity.BQML: "BQML",
}
_TYPE_OF_NORM = {name: kind for kind, name in NORM_NAMES.items()}


def check_unit(header: Dataset) -> None:
    """Raises ImageError for a PET that does not say in what unit it is: its numbers are brought to none either."""
    if text(header, "Modality") == "PT" and not text(header, "Units"):
        raise ImageError(
            "The PET does not say in what unit it is, and its DICOM class asks for one.",
            why=f"{tag_name('Units')} is missing.",
            hint="Write NIfTI instead: -o NAME.nii.gz",
        )


def unit_elements(image: Image, header: Dataset) -> Dataset:
    """RescaleType of a CT or an MR, Units and SUVType of a PET, for the unit of `image`, whose source has `header`.

    Nothing of an NM, whose unit stands in its real world value map.
    """
    found, modality = Dataset(), text(header, "Modality")
    if modality == "NM":
        return found
    if modality != "PT":
        found.RescaleType = "HU" if image.intensity is Intensity.HU else "US"
        return found
    found.Units = _UNITS.get(image.intensity) or text(header, "Units")
    suv_type = _suv_type(image, header)
    if suv_type:
        found.SUVType = suv_type
    return found


def _suv_type(image: Image, header: Dataset) -> str:
    if not image.intensity.is_suv:
        return "" if image.intensity is Intensity.BQML else text(header, "SUVType")
    read = last_step(image.history, "read")
    norm = str(read.facts.get("suv_norm")) if read else ""
    default = {Intensity.SUV: "BW", Intensity.SUVBSA: "BSA"}.get(image.intensity, "")
    return _TYPE_OF_NORM.get(norm) or default

"""How a fused image came about, as DICOM says it: sources, codes, text and equipment. Source: PS3.3 C.7.6.1, C.12.1."""

import unicodedata
from collections.abc import Iterable, Sequence
from contextlib import suppress

import highdicom as hd
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from fusecli import __version__
from fusecli.core.history import last_step
from fusecli.core.image import Image
from fusecli.core.pair import Pair
from fusecli.formats.dicom.frames import Frame, Plane
from fusecli.formats.dicom.header import number, text
from fusecli.formats.dicom.lineage import Lineage, Parent

LONGEST_DESCRIPTION = 1024  # of the type ST: PS3.5 section 6.2

# CID 7203 has no code for a fusion by a network; two of the yardsticks are in it.
_CODES_OF_MODELS = {"max": codes.DCM.PixelByPixelMaximum, "average": codes.DCM.PixelByPixelMean}


def source_images(lineage: Lineage, indices: Iterable[int], pair: Pair) -> list[Dataset]:
    """SourceImageSequence of slices `indices` of the result: the slices of FIXED and those of MOVING they came from.

    Instances without a UID cannot be named and are left out.
    """
    resampled = last_step(pair.moving.history, "resample")
    blur = float(resampled.facts.get("smoothed_by_voxels") or 0) if resampled else 0.0
    own = [lineage.fixed.frames[index] for index in indices]
    others = [frame for index in indices for frame in lineage.moving_frames(index, smoothed_by_voxels=blur)]
    return [*_items(own, _kept(lineage.fixed)), *_items(others, "NO" if resampled else "")]


def describe(image: Image, pair: Pair) -> str:
    """DerivationDescription: what was done, in ASCII, so that every character set holds it."""
    fuse, painted = last_step(image.history, "fuse"), last_step(image.history, "paint")
    resampled, read = last_step(pair.moving.history, "resample"), last_step(pair.moving.history, "read")
    parts = [f"Fusion of {_window(pair.fixed)} (FIXED) and {_window(pair.moving)} (MOVING)"]
    if resampled:
        parts.append("MOVING resampled linearly onto the grid of FIXED by the positions in the headers")
    if read and read.facts.get("suv_route"):
        parts.append(f"SUV by {read.facts['suv_route']}")
    if fuse:
        weights = fuse.facts.get("weights_sha256")
        parts.append(f"model {fuse.facts['model']}" + (f", weights sha256 {weights}" if weights else ""))
    if painted:
        parts.append(f"color {painted.facts['color']}")
    parts.append(f"fusecli {__version__}")
    return _ascii("; ".join(parts))[:LONGEST_DESCRIPTION]


def derivation_codes(image: Image, pair: Pair) -> list[Dataset]:
    """DerivationCodeSequence, from CID 7203; empty where no code fits."""
    fuse = last_step(image.history, "fuse")
    of_model = _CODES_OF_MODELS.get(str(fuse.facts["model"])) if fuse else None
    resampled = last_step(pair.moving.history, "resample")
    found = ([codes.DCM.SpatialResampling] if resampled else []) + ([of_model] if of_model else [])
    return [_coded(code) for code in found]


def equipment(lineage: Lineage) -> list[Dataset]:
    """ContributingEquipmentSequence: the two scanners, where they name their maker, and this program."""
    found: list[Dataset] = []
    for parent in (lineage.fixed, lineage.moving):
        with suppress(Exception):  # values that highdicom takes for broken, or no maker: not required
            scanner = hd.ContributingEquipment.for_image_acquisition(parent.header)
            _fold(scanner, parent.header, lineage.fixed.header)
            found.extend([] if scanner in found else [scanner])
    own = hd.ContributingEquipment(
        "fusecli",
        codes.DCM.ProcessingEquipment,
        manufacturer_model_name="fusecli",
        software_versions=__version__,
        contribution_description="Image fusion",
    )
    return [*found, own]


def _fold(item: Dataset, source: Dataset, fixed: Dataset) -> None:
    """Write in ASCII what the character set of the whole result, which is FIXED's, may not hold."""
    own = text(fixed, "SpecificCharacterSet")
    if own and own == text(source, "SpecificCharacterSet"):
        return
    for element in item:
        if isinstance(element.value, str) and not element.value.isascii():
            letters = unicodedata.normalize("NFKD", element.value)
            element.value = _ascii("".join(letter for letter in letters if not unicodedata.combining(letter)))


def patient_orientation(plane: Plane) -> list[str]:
    """Toward what rows and columns run, as L, R, A, P, H or F each: PS3.3 C.7.6.1.1.1."""
    ends = ("RL", "AP", "FH")
    closest = [(direction, int(abs(direction).argmax())) for direction in (plane.row, plane.column)]
    return [ends[axis][int(direction[axis] > 0)] for direction, axis in closest]


def _kept(fixed: Parent) -> str:
    return "REORIENTED_ONLY" if fixed.flips.names else "YES"


def _items(frames: Sequence[Frame], spatial_locations: str) -> list[Dataset]:
    """One item for each file, with the numbers of its frames where it holds several."""
    by_file: dict[int, list[Frame]] = {}
    for frame in dict.fromkeys(frames):
        by_file.setdefault(id(frame.file), []).append(frame)
    return [_item(members, spatial_locations) for members in by_file.values() if _is_named(members[0])]


def _is_named(frame: Frame) -> bool:
    return all(text(frame.file.header, keyword) for keyword in ("SOPClassUID", "SOPInstanceUID"))


def _item(frames: Sequence[Frame], spatial_locations: str) -> Dataset:
    header, item = frames[0].file.header, Dataset()
    item.ReferencedSOPClassUID = text(header, "SOPClassUID")
    item.ReferencedSOPInstanceUID = text(header, "SOPInstanceUID")
    if (number(header, "NumberOfFrames") or 1) > 1:
        item.ReferencedFrameNumber = sorted({frame.index + 1 for frame in frames})
    if spatial_locations:
        item.SpatialLocationsPreserved = spatial_locations
    if spatial_locations == "REORIENTED_ONLY" and frames[0].plane is not None:
        item.PatientOrientation = patient_orientation(frames[0].plane)
    item.PurposeOfReferenceCodeSequence = [_coded(codes.DCM.SourceImageForImageProcessingOperation)]
    return item


def _coded(code: Code) -> Dataset:
    item: Dataset = CodedConcept.from_code(code)
    return item


def _window(image: Image) -> str:
    step = last_step(image.history, "to_unit")
    shown = f", {step.facts['text']}" if step else ""
    return f"{image.modality}{shown}"


def _ascii(words: str) -> str:
    return words.encode("ascii", errors="replace").decode("ascii")

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
from fusecli.formats.dicom.valid import is_uid, valid_items

LONGEST_DESCRIPTION = 1024  # of the type ST: PS3.5 section 6.2

# CID 7203 has no code for a fusion by a network; two of the yardsticks are in it.
_EQUIPMENT = "ContributingEquipmentSequence"
_CODES_OF_MODELS = {"max": codes.DCM.PixelByPixelMaximum, "average": codes.DCM.PixelByPixelMean}


def source_images(lineage: Lineage, indices: Iterable[int], pair: Pair) -> list[Dataset]:
    """SourceImageSequence of slices `indices` of the result: the slices of FIXED and those of MOVING they came from.

    Instances without a UID cannot be named and are left out.
    """
    resampled = last_step(pair.moving.history, "resample")
    blur = float(resampled.facts.get("smoothed_by_voxels") or 0) if resampled else 0.0
    own = [lineage.fixed.frames[index] for index in indices]
    # After an alignment, positions no longer say which slices of MOVING a slice of the result was made of.
    reached = (lineage.moving_frames(index, smoothed_by_voxels=blur) for index in indices)
    others = lineage.moving.frames if is_aligned(pair.moving) else [frame for frames in reached for frame in frames]
    return [*named(own, locations_kept(lineage.fixed)), *named(others, "NO" if resampled else "")]


def is_aligned(moving: Image) -> bool:
    """Whether MOVING was moved by more than its own positions."""
    resampled = last_step(moving.history, "resample")
    return bool(resampled and resampled.facts.get("aligned_by"))


def describe(image: Image, pair: Pair) -> str:
    """DerivationDescription: what was done, in ASCII, so that every character set holds it."""
    fuse, painted = last_step(image.history, "fuse"), last_step(image.history, "paint")
    resampled = last_step(pair.moving.history, "resample")
    parts = [f"Fusion of {_window(pair.fixed)} (FIXED) and {_window(pair.moving)} (MOVING)"]
    if resampled:
        how = (
            f"{resampled.facts['aligned_by']} registration"
            if is_aligned(pair.moving)
            else "the positions in the headers"
        )
        parts.append(f"MOVING resampled linearly onto the grid of FIXED by {how}")
    parts += [f"SUV by {'; '.join(route)}" for route in map(_route, (pair.fixed, pair.moving)) if route]
    if fuse:
        weights = fuse.facts.get("weights_sha256")
        parts.append(f"model {fuse.facts['model']}" + (f", weights sha256 {weights}" if weights else ""))
    if painted:
        parts.append(f"color {painted.facts['color']}")
    parts.append(f"fusecli {__version__}")
    return _ascii("; ".join(parts))[:LONGEST_DESCRIPTION]


def describe_numbers(image: Image) -> str:
    """DerivationDescription of a volume that keeps its numbers: unit, route of the SUV, resampling; in ASCII."""
    read, resampled = last_step(image.history, "read"), last_step(image.history, "resample")
    facts = read.facts if read else {}
    parts = [f"{image.modality} in {image.intensity.value}"]
    parts += [f"by {facts['suv_norm']}"] if facts.get("suv_norm") else []
    parts += _route(image)
    if resampled:
        parts.append(f"resampled linearly onto another grid, aligned by {resampled.facts.get('aligned_by', 'headers')}")
    parts.append(f"fusecli {__version__}")
    return _ascii("; ".join(parts))[:LONGEST_DESCRIPTION]


def spatial_resampling() -> Dataset:
    """The code of an interpolation onto another grid, from CID 7203."""
    return _coded(codes.DCM.SpatialResampling)


def derivation_codes(image: Image, pair: Pair) -> list[Dataset]:
    """DerivationCodeSequence, from CID 7203; empty where no code fits."""
    fuse = last_step(image.history, "fuse")
    of_model = _CODES_OF_MODELS.get(str(fuse.facts["model"])) if fuse else None
    resampled = last_step(pair.moving.history, "resample")
    found = ([codes.DCM.SpatialResampling] if resampled else []) + ([of_model] if of_model else [])
    return [_coded(code) for code in found]


def equipment(parents: Sequence[Parent], contribution: str) -> list[Dataset]:
    """ContributingEquipmentSequence: the scanners, where they name their maker, and this program with what it did.

    The character set is that of the first.
    """
    found: list[Dataset] = []
    for parent in parents:
        with suppress(Exception):  # values that highdicom takes for broken, or no maker: not required
            scanner = hd.ContributingEquipment.for_image_acquisition(parent.header)
            _fold(scanner, parent.header, parents[0].header)
            found.extend(one for one in valid_items([scanner], _EQUIPMENT, is_ascii=False) if one not in found)
    own = hd.ContributingEquipment(
        "fusecli",
        codes.DCM.ProcessingEquipment,
        manufacturer_model_name="fusecli",
        software_versions=__version__,
        contribution_description=contribution or None,
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


def locations_kept(fixed: Parent) -> str:
    """Whether the slices of a series lie in a result as they were, or turned for display: PS3.3 C.7.6.1, 0028,135A."""
    return "REORIENTED_ONLY" if fixed.flips.names else "YES"


def named(frames: Sequence[Frame], spatial_locations: str) -> list[Dataset]:
    """SourceImageSequence of `frames`: an item for each file, with the numbers of its frames where it holds several.

    `spatial_locations` is YES, NO or REORIENTED_ONLY; empty: not told. Instances without a UID are left out.
    """
    by_file: dict[int, list[Frame]] = {}
    for frame in dict.fromkeys(frames):
        by_file.setdefault(id(frame.file), []).append(frame)
    return [_item(members, spatial_locations) for members in by_file.values() if _is_named(members[0])]


def _is_named(frame: Frame) -> bool:
    return all(is_uid(text(frame.file.header, keyword)) for keyword in ("SOPClassUID", "SOPInstanceUID"))


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


def _route(image: Image) -> list[str]:
    """How the SUV or the activity of an image was found, and what was given by hand for it."""
    read = last_step(image.history, "read")
    facts = read.facts if read else {}
    found = [str(facts[name]) for name in ("suv_route", "activity_route") if facts.get(name)]
    return [*found, f"given by hand: {facts['suv_overridden']}"] if facts.get("suv_overridden") else found


def _window(image: Image) -> str:
    step = last_step(image.history, "to_unit")
    shown = f", {step.facts['text']}" if step else ""
    return f"{image.modality}{shown}"


def _ascii(words: str) -> str:
    return words.encode("ascii", errors="replace").decode("ascii")

"""A series that holds more than one image of the same place, taken apart by what tells its slices apart.

Echoes, time points, gates, b-values, stacks, acquisitions, orientations. Sources: DICOM PS3.3 C.7.6.16.2 (functional
groups), C.8.3.1 (MR), C.8.9.4 (PET), C.8.13.5 (enhanced MR).
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fusecli.formats.dicom.frames import COSINE_TOLERANCE, Frame, Plane, functional_group
from fusecli.formats.dicom.header import items, text, texts

# (functional group, element, how a listing names it); "vector": a value for each frame, PS3.3 C.8.4.8. The first that
# takes a series apart is used, so what a scanner was asked for comes before what merely went on while it measured.
_ATTRIBUTES = (
    ("MREchoSequence", "EffectiveEchoTime", "echo time {} ms"),
    ("", "EchoTime", "echo time {} ms"),
    ("", "EchoNumbers", "echo {}"),
    ("vector", "EnergyWindowVector", "energy window {}"),
    ("vector", "DetectorVector", "detector {}"),
    ("vector", "RRIntervalVector", "R-R interval {}"),
    ("vector", "TimeSlotVector", "gate {}"),
    ("MRDiffusionSequence", "DiffusionBValue", "b-value {} s/mm2"),
    ("DiffusionGradientDirectionSequence", "DiffusionGradientOrientation", "gradient {}"),
    ("MRDiffusionSequence", "DiffusionDirectionality", "{}"),
    ("FrameContentSequence", "TemporalPositionIndex", "time point {}"),
    ("", "TemporalPositionIdentifier", "time point {}"),
    ("", "FrameReferenceTime", "frame reference time {} ms"),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime", "{} ms after the R wave"),
    ("", "NominalCardiacTriggerDelayTime", "{} ms after the R wave"),
    ("", "TriggerTime", "{} ms after the trigger"),
    ("", "NominalPercentageOfCardiacPhase", "cardiac phase {} %"),
    ("", "NominalPercentageOfRespiratoryPhase", "respiratory phase {} %"),
    ("MRModifierSequence", "InversionTimes", "inversion time {} ms"),
    ("", "InversionTime", "inversion time {} ms"),
    ("MRTimingAndRelatedParametersSequence", "FlipAngle", "flip angle {}"),
    ("", "FlipAngle", "flip angle {}"),
    ("MRImageFrameTypeSequence", "ComplexImageComponent", "{}"),
    ("MRImageFrameTypeSequence", "FrameType", "{}"),
    ("CTImageFrameTypeSequence", "FrameType", "{}"),
    ("PETFrameTypeSequence", "FrameType", "{}"),
    ("CTXRayDetailsSequence", "KVP", "{} kV"),
    ("", "KVP", "{} kV"),
    ("", "ImageType", "{}"),
    ("CTReconstructionSequence", "ConvolutionKernel", "kernel {}"),
    ("", "ConvolutionKernel", "kernel {}"),
    ("FrameContentSequence", "FrameAcquisitionNumber", "acquisition {}"),
    ("", "AcquisitionNumber", "acquisition {}"),
)  # fmt: skip
# In which order images of one place were made, where each slice has a moment of its own.
_MOMENTS = (
    ("", "TriggerTime"),
    ("FrameContentSequence", "FrameReferenceDateTime"),
    ("FrameContentSequence", "FrameAcquisitionDateTime"),
    ("", "AcquisitionDateTime"),
    ("", "AcquisitionTime"),
)
# What tells apart the views of a planar nuclear image, which have no place: from the front and from behind, for one.
_VIEWS = ("EnergyWindowVector", "DetectorVector")
# More attributes than this never vary together, and combinations of many are many.
_MOST_VARYING = 10

Values = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some frames of a series, and what they have that the others have not: `label`, empty for the whole of it."""

    frames: tuple[Frame, ...]
    label: str = ""


def parts_of(frames: Sequence[Frame]) -> list[Part]:
    """The images in one series: one, unless planes, stacks or images of one place have to be told apart.

    A series whose slices nothing tells apart comes back whole.
    """
    placed = [frame for frame in frames if frame.plane is not None]
    if not placed:
        return _by_view(frames)
    found = [
        Part(inner.frames, ", ".join(filter(None, (outer.label, inner.label))))
        for outer in _by_grid(placed)
        for inner in _by_attribute(outer.frames)
    ]
    if len(placed) < len(frames):
        found.append(Part(tuple(frame for frame in frames if frame.plane is None), "without a place"))
    return sorted(found, key=lambda part: _by_number((part.label,)))


def _by_view(frames: Sequence[Frame]) -> list[Part]:
    """One part, unless a nuclear image without a place holds several energy windows or views."""
    views = [(keyword, name) for _, keyword, name in _ATTRIBUTES if keyword in _VIEWS]
    columns = [(name, [_attribute(frame, "vector", keyword) for frame in frames]) for keyword, name in views]
    varying = [(name, values) for name, values in columns if len(set(values)) > 1]
    if not varying:
        return [Part(tuple(frames))]
    keys = list(zip(*(values for _, values in varying), strict=True))
    return _grouped(frames, keys, tuple(name for name, _ in varying))


def _by_grid(frames: Sequence[Frame]) -> list[Part]:
    """By modality, size, direction, pixel spacing, frame of reference and stack: one volume has one of each."""
    groups: list[tuple[Plane, object, list[Frame]]] = []
    for frame in frames:
        plane, marks = _placed(frame), (frame.size, _marks(frame))
        like = (members for first, theirs, members in groups if theirs == marks and _is_parallel(first, plane))
        members = next(like, None)
        if members is None:
            groups.append((plane, marks, [frame]))
        else:
            members.append(frame)
    firsts = [members[0] for _, _, members in groups]
    return [Part(tuple(members), _grid_label(members[0], firsts)) for _, _, members in groups]


def _placed(frame: Frame) -> Plane:
    assert frame.plane is not None
    return frame.plane


def _marks(frame: Frame) -> Values:
    header = frame.file.header
    stack = text(functional_group(header, frame.index, "FrameContentSequence"), "StackID")
    return text(header, "FrameOfReferenceUID"), stack, text(header, "Modality")


def _is_parallel(one: Plane, other: Plane) -> bool:
    turned = np.abs(np.concatenate([one.row - other.row, one.column - other.column])).max()
    return bool(turned <= COSINE_TOLERANCE and np.allclose(one.spacing_mm, other.spacing_mm, rtol=COSINE_TOLERANCE))


def _grid_label(first: Frame, firsts: Sequence[Frame]) -> str:
    """What sets a group apart from the others, of those things in which they differ."""
    own, all_said = _said_of_grid(first), [_said_of_grid(other) for other in firsts]
    differing = [key for key in own if len({said[key] for said in all_said}) > 1]
    if len({said["plane"] for said in all_said}) == len({said["cosines"] for said in all_said}):
        differing = [key for key in differing if key != "cosines"]  # its name is enough to tell a plane
    return ", ".join(own[key] for key in differing)


def _said_of_grid(frame: Frame) -> dict[str, str]:
    plane, (reference, stack, modality) = _placed(frame), _marks(frame)
    return {
        "modality": f"modality {modality}",
        "size": f"{frame.size[0]} x {frame.size[1]}",
        "plane": plane.name,
        "cosines": f"row {_numbers(plane.row)} column {_numbers(plane.column)}",
        "spacing": f"pixels of {plane.spacing_mm[0]:g} x {plane.spacing_mm[1]:g} mm",
        "stack": f"stack {stack}",
        "reference": f"frame of reference ending in {reference[-6:]}",
    }


def _numbers(direction: NDArray[np.float64]) -> str:
    return " ".join(f"{cosine:.3f}" for cosine in direction + 0.0)


def _by_attribute(frames: Sequence[Frame]) -> list[Part]:
    """One part if no two frames lie at one place; else by the fewest attributes that explain it."""
    places = _depth_groups(frames)
    if len(set(places.tolist())) == len(frames):
        return [Part(tuple(frames))]
    for names, keys in _explanations(frames):
        if _is_explained(keys, places):
            return _grouped(frames, keys, names)
    return _by_moment(frames, places) or [Part(tuple(frames))]


def _depth_groups(frames: Sequence[Frame]) -> NDArray[np.intp]:
    """For each frame the number of its place along the normal; frames of one place share it. All have a plane."""
    planes = [_placed(frame) for frame in frames]
    depths = np.array([plane.position @ planes[0].normal for plane in planes])
    order = np.argsort(depths, kind="stable")
    groups = np.empty(len(depths), dtype=np.intp)
    groups[order] = np.concatenate([[0], np.cumsum(np.diff(depths[order]) >= planes[0].same_place_mm)])
    return groups


def _explanations(frames: Sequence[Frame]) -> Iterator[tuple[Values, list[Values]]]:
    """Ways to tell the frames apart: by one attribute, then two, then three, with their value for each frame."""
    columns = [(name, [_attribute(frame, group, keyword) for frame in frames]) for group, keyword, name in _ATTRIBUTES]
    varying = [(name, values) for name, values in columns if len(set(values)) > 1][:_MOST_VARYING]
    for count in (1, 2, 3):
        for chosen in combinations(varying, count):
            yield tuple(name for name, _ in chosen), list(zip(*(values for _, values in chosen), strict=True))


def _attribute(frame: Frame, group: str, keyword: str) -> str:
    header = frame.file.header
    if group == "vector":
        return next(iter(texts(header, keyword)[frame.index : frame.index + 1]), "")
    if group == "DiffusionGradientDirectionSequence":
        found = next(iter(items(functional_group(header, frame.index, "MRDiffusionSequence"), group)), header)
        return text(found, keyword).replace("\\", " ")
    return text(functional_group(header, frame.index, group) if group else header, keyword).replace("\\", " ")


def _is_explained(keys: Sequence[Hashable], places: NDArray[np.intp]) -> bool:
    """Whether each group has a place at most once, and groups are images rather than single slices of one."""
    if len(set(zip(keys, places.tolist(), strict=True))) < len(keys):
        return False
    return len(set(places.tolist())) == 1 or 2 * len(set(keys)) <= len(keys)


def _grouped(frames: Sequence[Frame], keys: Sequence[Values], names: Values) -> list[Part]:
    parts = []
    for key in sorted(set(keys), key=_by_number):
        members = tuple(frame for frame, own in zip(frames, keys, strict=True) if own == key)
        said = (_said(name, value) for name, value in zip(names, key, strict=True))
        parts.append(Part(members, ", ".join(said)))
    return parts


def _said(name: str, value: str) -> str:
    """`echo time 12 ms` for a number however many zeros it is written with; `no echo time` where there is none."""
    sortable = [(word, *_sortable(word)) for word in value.split()]
    words = [f"{number:g}" if kind == 0 else word for word, kind, number, _ in sortable]
    return name.format(" ".join(words)) if value else f"no {name.partition(' {}')[0]}"


def _by_moment(frames: Sequence[Frame], places: NDArray[np.intp]) -> list[Part]:
    """Where every place has as many images: the first made of each place, the second of each, and so on."""
    counts = set(Counter(places.tolist()).values())
    if len(counts) > 1:
        return []
    for group, keyword in _MOMENTS:
        moments = [_attribute(frame, group, keyword) for frame in frames]
        if all(moments) and len(set(zip(moments, places.tolist(), strict=True))) == len(frames):
            order = sorted(range(len(frames)), key=lambda k: (places[k], _by_number((moments[k],))))
            count = counts.pop()
            return [
                Part(tuple(frames[k] for k in order[start::count]), f"time point {start + 1} of {count} by {keyword}")
                for start in range(count)
            ]
    return []


def _by_number(key: Values) -> tuple[tuple[tuple[int, float, str], ...], ...]:
    """Sorts `echo time 4.6 ms` before `echo time 12 ms`: numbers as numbers, words as words."""
    return tuple(tuple(_sortable(word) for word in value.replace(",", " ").split()) for value in key)


def _sortable(word: str) -> tuple[int, float, str]:
    try:
        return 0, float(word), ""
    except ValueError:
        return 1, 0.0, word

"""How a DICOM file wants to be shown: its windows, with their function, and its lookup tables. Source: PS3.3 C.11.2."""

import numpy as np
from pydicom import Dataset
from pydicom.pixels.processing import apply_voi

from fusecli.catalog import Window
from fusecli.core.image import LookupTable
from fusecli.errors import ImageError
from fusecli.formats.dicom.frames import Frame, functional_group
from fusecli.formats.dicom.header import items, numbers, text
from fusecli.formats.dicom.pixels import rescale_of

_FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_SIGNED_FROM = 1 << 15  # where a signed 16-bit number begins that was written as an unsigned one


def windows_of(frame: Frame) -> tuple[Window, ...]:
    """The display windows of a frame, in its rescaled unit. Their names are free text, so they are left out."""
    group = functional_group(frame.file.header, frame.index, "FrameVOILUTSequence")
    try:
        widths, centres = numbers(group, "WindowWidth"), numbers(group, "WindowCenter")
    except ImageError:
        return ()  # a broken wish for display is no reason to refuse the image
    stated = text(group, "VOILUTFunction")
    function = stated if stated in _FUNCTIONS else "LINEAR"
    pairs = zip(widths, centres, strict=False)
    return tuple(Window(width, centre, function=function) for width, centre in pairs if width > 0)


def tables_of(frame: Frame) -> tuple[LookupTable, ...]:
    """The VOI lookup tables (0028,3010) of a frame, over its rescaled values; broken ones are left out."""
    header = functional_group(frame.file.header, frame.index, "FrameVOILUTSequence")
    below_zero = rescale_of(frame.file.header, frame.index)[1] < 0
    tables = (_table(header, index, below_zero) for index in range(len(items(header, "VOILUTSequence"))))
    return tuple(table for table in tables if table is not None)


def _table(header: Dataset, index: int, below_zero: bool) -> LookupTable | None:
    try:
        count, first, bits = (int(part) for part in items(header, "VOILUTSequence")[index].LUTDescriptor)
        entries = np.arange(count or 1 << 16, dtype=np.int64) + first
        brightness = apply_voi(entries, header, index) / ((1 << bits) - 1)
    except Exception:  # whatever is wrong with a wish for display, the image can be shown without it
        return None
    # A table over Hounsfield units begins below 0, and many files write that as an unsigned number.
    is_wrapped = below_zero and first >= _SIGNED_FROM
    if brightness.size < 2 or brightness.max() > 1:
        return None
    return LookupTable(first - (1 << 16) * is_wrapped, tuple(float(value) for value in brightness))

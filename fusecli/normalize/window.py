"""Windows for anatomy: CT in HU by preset, by numbers, by the file or by what is seen; MR by percentiles."""

import re

import numpy as np

from fusecli.catalog import CT_WINDOWS, Window
from fusecli.core.image import Image, LookupTable
from fusecli.core.intensity import Intensity
from fusecli.core.statistics import highest, lowest, percentiles
from fusecli.errors import UsageError
from fusecli.normalize.scale import UNIT_NAMES, Scale

AIR_HU = -1024.0  # the least that a CT of 12 bits measures
PERCENTILES = (0.5, 99.5)
ASKED = "asked for"
SIGMOID_REACH = 3.0  # widths from the centre
SIGMOID_STEPS = 2401
NUMBER = r"[-+]?\d+(?:\.\d*)?|[-+]?\.\d+"
WIDTH_LEVEL = re.compile(rf"({NUMBER})/({NUMBER})", re.ASCII)
FROM_FILE = re.compile(r"dicom(?::(\d+))?", re.ASCII)


def window_scale(image: Image, window: str) -> Scale:
    """The scale that the user asks for: a preset, "width/level", "dicom", "dicom:n" or "auto", in lower case.

    Raises UsageError for anything else, for a preset on an image that is not in HU, for a width under 1, for numbers
    on a picture, and for a window that the file does not have.
    """
    if window == "auto":
        return percentile_scale(image, ASKED)
    if window in CT_WINDOWS:
        return _preset_scale(image, CT_WINDOWS[window])
    if match := WIDTH_LEVEL.fullmatch(window):
        return _numbers_scale(image, window, float(match[1]), float(match[2]))
    if match := FROM_FILE.fullmatch(window):
        return _dicom_scale(image, int(match[1] or 1))
    raise UsageError(f"'{window}' is not a window.", hint=_grammar())


def seen_scale(image: Image) -> Scale:
    """The preset that fits what a CT in HU shows: brain, mediastinum, or soft for all the rest."""
    from fusecli.normalize.anatomy import window_by_anatomy  # scikit-image takes half a second to load

    name, why = window_by_anatomy(image)
    return _window_scale("preset", CT_WINDOWS[name], name, Intensity.HU, why)


def percentile_scale(image: Image, why: str) -> Scale:
    """From the 0.5th to the 99.5th percentile of all voxels, background included.

    In HU what lies below air is padding outside of the scanner's circle, and does not count.
    Where both are one number (a nearly empty image), the extremes; where these are one number too, all is black.
    Either comes with a warning.
    """
    unit = UNIT_NAMES[image.intensity]
    darkest, brightest = lowest(image.voxels), highest(image.voxels)
    is_padded = image.intensity is Intensity.HU and darkest < AIR_HU <= brightest
    low, high = percentiles(image.voxels, PERCENTILES, above=AIR_HU if is_padded else darkest, inclusive=True)
    if low < high:
        return Scale("percentiles", "auto", low, high, unit, f"percentiles 0.5-99.5 ({low:g} to {high:g} {unit})", why)
    low, high = darkest, brightest
    if low < high:
        warning = "Nearly all voxels have one value: the window reaches from the lowest to the highest instead."
        return Scale("percentiles", "auto", low, high, unit, f"extremes ({low:g} to {high:g} {unit})", why, (warning,))
    warning = f"All voxels have one value ({low:g} {unit}): the image is black."
    return Scale("constant", "auto", low, high, unit, f"one value ({low:g} {unit})", why, (warning,))


def _preset_scale(image: Image, window: Window) -> Scale:
    if image.intensity is not Intensity.HU:
        raise UsageError(
            f"The window '{window.name}' needs a CT in Hounsfield units.",
            why=f"This image is not in HU but {image.intensity.value}.",
            hint="Use auto (percentiles), numbers such as 1500/-600 (width/level), or leave the window out.",
        )
    return _window_scale("preset", window, window.name, Intensity.HU, ASKED)


def _numbers_scale(image: Image, text: str, width: float, centre: float) -> Scale:
    if width < 1:
        raise UsageError(f"The window '{text}' has a width under 1.", hint=_grammar())
    if image.intensity is Intensity.UNIT:
        raise UsageError(
            f"The window '{text}' has no meaning for a picture.",
            why="Its brightness is already 0 to 1, and nothing says what it measures.",
            hint="Use auto (percentiles), or leave the window out.",
        )
    return _window_scale("numbers", Window(width, centre), f"{width:g}/{centre:g}", image.intensity, ASKED)


def _dicom_scale(image: Image, number: int) -> Scale:
    """The file's own: lookup tables first, because where there is one it is what the file is shown by, then windows."""
    tables, windows = (image.source.tables, image.source.windows) if image.source else ((), ())
    count = len(tables) + len(windows)
    if not 1 <= number <= count:
        have = f"The file has {count}, counted from 1" if count else "The file has none"
        raise UsageError(
            f"There is no window dicom:{number}.",
            why=f"{have}: VOI LUT (0028,3010), Window Center (0028,1050) and Window Width (0028,1051).",
            hint=_grammar(),
        )
    if number <= len(tables):
        return _table_scale(tables[number - 1], number, image)
    return _own_window_scale(windows[number - 1 - len(tables)], number, image)


def _own_window_scale(window: Window, number: int, image: Image) -> Scale:
    if window.width <= 0:
        raise UsageError(
            f"The window dicom:{number} has a width of {window.width:g}.",
            why="Window Width (0028,1051) must be above 0.",
            hint=_grammar(),
        )
    # The file's own explanation (0028,1055) is free text, so it stays out of what is printed and reported.
    name = f"dicom:{number}"
    if window.function == "SIGMOID":
        return _sigmoid_scale(window, name, image)
    shown = window if window.function == "LINEAR_EXACT" else _as_dicom_shows(window, image)
    return _window_scale("dicom", shown, name, image.intensity, ASKED, window)


def _sigmoid_scale(window: Window, name: str, image: Image) -> Scale:
    """DICOM's SIGMOID, PS3.3 C.11.2.1.3.1, out to where it is black and white to within 1e-5."""
    reach = SIGMOID_REACH * window.width
    values = np.linspace(-reach, reach, SIGMOID_STEPS)
    curve = tuple(1 / (1 + np.exp(-4 * values / window.width)))
    unit = UNIT_NAMES[image.intensity]
    shown = f"{name} sigmoid W{window.width:g} L{window.centre:g} {unit}"
    return Scale("dicom", name, window.centre - reach, window.centre + reach, unit, shown, ASKED, curve=curve)


def _table_scale(table: LookupTable, number: int, image: Image) -> Scale:
    last = table.first + len(table.brightness) - 1
    name, unit = f"dicom:{number}", UNIT_NAMES[image.intensity]
    shown = f"{name} lookup table ({table.first:g} to {last:g} {unit})"
    return Scale("dicom", name, table.first, last, unit, shown, ASKED, curve=table.brightness)


def _as_dicom_shows(window: Window, image: Image) -> Window:
    """The plain window that equals DICOM's LINEAR function, PS3.3 C.11.2.1.2: from c - w/2 to c + w/2 - 1.

    LINEAR counts a width in levels of the file, both ends included. SUV and 0..1 are no longer the file's levels, and
    a width below 1 does not exist in LINEAR: these stay as they are, which is LINEAR_EXACT.
    """
    if image.intensity.is_suv or image.intensity is Intensity.UNIT or window.width < 1:
        return window
    return Window(window.width - 1, window.centre - 0.5)


def _window_scale(
    kind: str, window: Window, name: str, intensity: Intensity, why: str, stated: Window | None = None
) -> Scale:
    told, unit = stated or window, UNIT_NAMES[intensity]
    label = "" if kind == "numbers" else f"{name} "
    shown = f"{label}W{told.width:g} L{told.centre:g} {unit} ({window.low:g} to {window.high:g})"
    return Scale(kind, name, window.low, window.high, unit, shown, why)


def _grammar() -> str:
    return f"Use {', '.join(CT_WINDOWS)}; width/level such as 1500/-600 (width 1 or more); dicom, dicom:2; or auto."

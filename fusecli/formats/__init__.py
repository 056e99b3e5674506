"""Bytes to Image and back: one file per format, told by content when reading and by suffix when writing."""

from fusecli.formats.opening import Opened, opened_pair
from fusecli.formats.reading import Info, describe, read
from fusecli.formats.targets import (
    NUMBERS,
    WRITABLE_SUFFIXES,
    check_not_an_input,
    check_not_beside_sources,
    check_writable,
    is_picture,
)
from fusecli.formats.writing import write, write_dicom

__all__ = [
    "NUMBERS",
    "WRITABLE_SUFFIXES",
    "Info",
    "Opened",
    "check_not_an_input",
    "check_not_beside_sources",
    "check_writable",
    "describe",
    "is_picture",
    "opened_pair",
    "read",
    "write",
    "write_dicom",
]

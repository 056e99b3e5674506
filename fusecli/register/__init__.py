"""MOVING onto FIXED's grid: by what the files say, by size alone, or by an alignment that was found or saved."""

from fusecli.register.aligning import align, check, is_trusted, is_unframed, judge
from fusecli.register.alignment import Alignment, from_matrix, identity, placed
from fusecli.register.check_picture import check_picture
from fusecli.register.registration import Registration
from fusecli.register.resampling import resample, resize

__all__ = [
    "Alignment",
    "Registration",
    "align",
    "check",
    "check_picture",
    "from_matrix",
    "identity",
    "is_trusted",
    "is_unframed",
    "judge",
    "placed",
    "resample",
    "resize",
]

"""The two inputs of a command made ready: a ZIP unpacked, headers read once, and the series of each role chosen."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fusecli.errors import UsageError
from fusecli.formats.archive import unpacked
from fusecli.formats.reading import kind_of
from fusecli.formats.targets import is_same

if TYPE_CHECKING:
    from fusecli.formats.dicom.series import Series, Volume


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """An input that is ready: `path` and `series` as `read` and `lineage` take them."""

    path: Path
    series: "Volume | str | None" = None

    @property
    def takes_suv(self) -> bool:
        """Whether what --suv-... gives has a meaning for it: whether it is a PET in DICOM."""
        return self.series is not None and not isinstance(self.series, str) and self.series.modality == "PT"


@contextmanager
def opened_pair(
    fixed: Path, moving: Path | None = None, fixed_series: str | None = None, moving_series: str | None = None
) -> Iterator[tuple[Opened, Opened]]:
    """FIXED and MOVING for as long as the block runs: files, folders or ZIPs, or one study that holds both.

    Where a folder holds several series and none is named, FIXED is the CT or MR and MOVING the PET or SPECT, or the CT
    beside an MR, if there is exactly one such pair. Without `moving`, both come from `fixed`.

    Raises InputError, listing the series, where none or more than one pair could be meant; UsageError where one picture
    is all there is; what `unpacked` and `read` raise for a path.
    """
    with ExitStack() as stack:
        own = stack.enter_context(unpacked(fixed))
        is_one_study = moving is None or (is_same(fixed, moving) and own.is_dir())
        other = own if moving is None or is_one_study else stack.enter_context(unpacked(moving))
        yield _chosen(own, None if is_one_study else other, fixed_series, moving_series)


def _chosen(
    fixed: Path, moving: Path | None, fixed_series: str | None, moving_series: str | None
) -> tuple[Opened, Opened]:
    own = _series_in(fixed)
    if moving is None and own is None:
        raise UsageError(
            f"{fixed} is one image, and a pair has two.",
            hint="Give FIXED and MOVING, or a folder or ZIP of DICOM that holds both.",
        )
    other = own if moving is None else _series_in(moving)
    place = fixed if moving is None else moving
    if own is None and other is None:
        return Opened(fixed, fixed_series), Opened(place, moving_series)
    from fusecli.formats.dicom import choosing

    if own is not None and other is not None:
        chosen, beside = choosing.choose_pair(own, other, fixed_series, moving_series)
        return Opened(fixed, chosen), Opened(place, beside)
    if own is not None:
        return Opened(fixed, choosing.choose_beside(own, "fixed", fixed_series)), Opened(place, moving_series)
    assert other is not None
    return Opened(fixed, fixed_series), Opened(place, choosing.choose_beside(other, "moving", moving_series))


def _series_in(path: Path) -> "list[Series] | None":
    """The series of a file or folder; None where it is not DICOM."""
    if kind_of(path) != "DICOM":
        return None
    from fusecli.formats.dicom.series import find_series

    return find_series(path)

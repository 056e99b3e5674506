"""Whether MOVING has to be moved before it is put on FIXED's grid, and how; and what is kept of that."""

from pathlib import Path
from typing import TYPE_CHECKING

from fusecli import formats
from fusecli.catalog import DEFORMING
from fusecli.core.image import Image
from fusecli.errors import UsageError
from fusecli.pipeline.gridding import are_both_placed
from fusecli.pipeline.sources import Sources
from fusecli.settings import FuseSettings, RegisterSettings

if TYPE_CHECKING:
    from fusecli.register import Registration


SMALLEST_SIDE = 16  # pixels: below it no search can tell one place from another


def registered(sources: Sources, settings: FuseSettings) -> "Registration | None":
    """What `settings.registration` finds or applies; None where the positions are to be taken as they are.

    A slice of a series is aligned with all of the series. By itself nothing is aligned that --resize scales, or that is
    too small to be judged.

    Raises what `aligned` does.
    """
    how = settings.registration
    if how.apply is None and (how.method == "none" or (how.method == "auto" and not _can_be_judged(sources, settings))):
        return None
    return aligned(*_whole(sources), how)


def aligned(fixed: Image, moving: Image, how: RegisterSettings) -> "Registration":
    """What a search finds, or what the saved transform is worth.

    Raises what `register.align`, `models.load_registration` and `transform_file.read` do; AlignmentError for what is
    not believable, unless it is to be accepted.
    """
    from fusecli import models, register
    from fusecli.register import transform_file

    if how.apply is not None:
        found = register.judge(fixed, moving, transform_file.read(how.apply))
    else:
        found = register.align(fixed, moving, method=how.method, network=models.load_registration)
    if not how.accept:
        register.check(found)
    return found


def kept(how: RegisterSettings) -> list[Path]:
    """The files in which an alignment is asked to be kept: its transform, and a picture to judge it by."""
    return [path for path in (how.transform, how.check) if path is not None]


def check_kept(how: RegisterSettings) -> None:
    """Whether they may be written, asked before the long work.

    Raises UsageError for a name that says no format of its kind, or one that cannot hold a deformation; OutputError for
    a file that stands already.
    """
    if how.transform is not None:
        from fusecli.register.transform_file import check_transform

        if how.method in DEFORMING and how.apply is None and how.transform.suffix.lower() == ".mat":
            raise _several_parts(how.transform)
        check_transform(how.transform, overwrite=how.overwrite)
    if how.check is not None:
        if not formats.is_picture(how.check):
            raise UsageError(f"{how.check} is not the name of a picture.", hint="Name it .png: --check check.png")
        formats.check_writable(how.check, how.overwrite)


def _several_parts(path: Path) -> UsageError:
    return UsageError(
        f"A deformation cannot be written as {path.name!r}.",
        why="A .mat file holds a single transform; a deformation and the alignment that it begins from are two.",
        hint="Write it as .h5 or .tfm: --transform found.h5",
    )


def picture_of(found: "Registration | None", sources: Sources) -> Image | None:
    """The picture to judge an alignment by; None where nothing was aligned."""
    if found is None:
        return None
    from fusecli.register import check_picture

    return check_picture(sources.fixed, sources.moving, found.alignment)


def write_kept(found: "Registration | None", picture: Image | None, how: RegisterSettings) -> None:
    """Write the transform, and the picture to judge it by, where they are asked for and something was aligned."""
    if found is None:
        return
    from fusecli.register import transform_file

    if how.transform is not None:
        transform_file.write(found.alignment, how.transform, overwrite=how.overwrite)
    if how.check is not None and picture is not None:
        formats.write(picture, how.check, overwrite=how.overwrite)


def _can_be_judged(sources: Sources, settings: FuseSettings) -> bool:
    """Whether there is more to go by than an option: places, or two pictures of one size that show something."""
    own, other = sources.fixed.geometry, sources.moving.geometry
    if min(*own.shape[1:], *other.shape[1:]) < SMALLEST_SIDE:
        return False
    return are_both_placed(sources.fixed, sources.moving) or (own.shape == other.shape and not settings.resize)


def _whole(sources: Sources) -> tuple[Image, Image]:
    """Both series with all of their slices where these have places; else the slices that are fused."""
    if are_both_placed(sources.fixed, sources.moving):
        return sources.fixed_whole, sources.moving_whole
    return sources.fixed, sources.moving

"""Whether MOVING has to be moved before it is put on FIXED's grid, and how."""

from typing import TYPE_CHECKING

from fusecli.core.image import Image
from fusecli.pipeline.gridding import are_both_placed
from fusecli.pipeline.sources import Sources
from fusecli.settings import FuseSettings

if TYPE_CHECKING:
    from fusecli.register import Registration


SMALLEST_SIDE = 16  # pixels: below it no search can tell one place from another


def registered(sources: Sources, settings: FuseSettings) -> "Registration | None":
    """What `settings.registration` finds or applies; None where the positions are to be taken as they are.

    A slice of a series is aligned with all of the series. By itself nothing is aligned that --resize scales, or that is
    too small to be judged.

    Raises what `register.align` and `transform_file.read` do; AlignmentError for what is not believable.
    """
    how = settings.registration
    if how.apply is None and (how.method == "none" or (how.method == "auto" and not _can_be_judged(sources, settings))):
        return None
    from fusecli import register
    from fusecli.register import transform_file

    fixed, moving = _whole(sources)
    if how.apply is not None:
        found = register.judge(fixed, moving, transform_file.read(how.apply))
    else:
        found = register.align(fixed, moving, method=how.method)
    if not how.accept:
        register.check(found)
    return found


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

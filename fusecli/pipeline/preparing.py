"""From two images as read to a pair: on one grid, in 0..1, and nothing kept that the fusion does not need."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fusecli.core.image import Image
from fusecli.core.pair import Pair
from fusecli.pipeline.brightness import normalize_pair
from fusecli.pipeline.gridding import put_on_grid
from fusecli.pipeline.painting import Coloring, coloring
from fusecli.pipeline.registration import registered
from fusecli.pipeline.sources import Sources
from fusecli.report.record import Stopwatch
from fusecli.settings import FuseSettings

if TYPE_CHECKING:
    from fusecli.register import Registration


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Two UNIT images on one grid, how their fusion is to be colored, and how MOVING was aligned (None: not at all).

    `moving` is MOVING as it was read, and `aligned` the same on the grid, before it was normalized.
    """

    pair: Pair
    coloring: Coloring
    registration: "Registration | None"
    moving: Image
    aligned: Image


def prepare(sources: Sources, settings: FuseSettings, clock: Stopwatch | None = None) -> Prepared:
    """The pair that is fused or measured; `clock` hears how long each step takes.

    Raises what `registered`, `put_on_grid` and `normalize_pair` do.
    """
    clock = clock or Stopwatch()
    with clock("register"):
        found = registered(sources, settings)
    moving = sources.moving if found is None else sources.moving.stepped(found.step)
    by = None if found is None or found.alignment.is_header else found.alignment
    with clock("align"):
        gridded = put_on_grid(sources.fixed, moving, settings.grid, resize=settings.resize, by=by)
    with clock("normalize"):
        moved = replace(sources, fixed=gridded.fixed)
        pair = normalize_pair(moved, gridded.moving, gridded.coverage, settings)
    colors = coloring(gridded.fixed, gridded.moving, settings.palette)
    pair = replace(pair, fixed_coverage=gridded.fixed_coverage)
    return Prepared(pair, colors, found, sources.moving, gridded.moving)

"""The corridor: read, put on one grid, normalize, fuse, color, measure, write. Every command walks it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fusecli import formats, fusion, metrics, models
from fusecli.catalog import QUICK_METRICS
from fusecli.core.history import Step, warnings_of
from fusecli.core.image import Image
from fusecli.core.pair import Pair
from fusecli.errors import ImageError
from fusecli.pipeline import lesions
from fusecli.pipeline import output as out
from fusecli.pipeline.brightness import fused_on_grid, normalize_pair
from fusecli.pipeline.gridding import put_on_one_grid, target_grid
from fusecli.pipeline.painting import Coloring, coloring, paint
from fusecli.pipeline.preparing import Prepared, prepare
from fusecli.pipeline.registration import picture_of, write_kept
from fusecli.pipeline.reporting import view_of, write_report
from fusecli.pipeline.sources import Sources, read_opened, read_sources
from fusecli.report.record import RunRecord, Stopwatch, geometry_facts, input_facts, window_facts
from fusecli.settings import FuseSettings

__all__ = [
    "Coloring",
    "Fusion",
    "Prepared",
    "Sources",
    "coloring",
    "fuse_files",
    "fuse_to",
    "fused_on_grid",
    "normalize_pair",
    "paint",
    "prepare",
    "put_on_one_grid",
    "read_sources",
    "view_of",
    "write_report",
]

if TYPE_CHECKING:
    from fusecli.register import Registration

Scores = dict[str, metrics.Score]


@dataclass(frozen=True, slots=True, eq=False)
class Fusion:
    """One fusion, as far as it has come: what a report shows besides the record."""

    record: RunRecord
    pair: Pair
    fused: Image
    shown: Image
    coloring: Coloring
    registration: "Registration | None"
    alignment_picture: Image | None = None


def fuse_files(
    fixed: Path,
    moving: Path | None,
    output: Path,
    settings: FuseSettings,
    *,
    progress: fusion.Progress | None = None,
    fuser: fusion.Fuser | None = None,
) -> RunRecord:
    """Fuse the image at `fixed` with the one at `moving` into `output`, and say what was done.

    Without `moving`, both images come from the study at `fixed`, a folder or a ZIP. `fuser` is a model that is loaded
    already, for many pairs one after another; None: the one that `settings` name.

    Raises a FusecliError, and leaves nothing behind, when any step fails.
    """
    return fuse_to(output, fixed, moving, settings, progress=progress, fuser=fuser).record


def fuse_to(
    output: Path,
    fixed: Path,
    moving: Path | None,
    settings: FuseSettings,
    *,
    progress: fusion.Progress | None = None,
    fuser: fusion.Fuser | None = None,
    pictured: bool = False,
) -> Fusion:
    """As `fuse_files`, with the arrays that a report shows; `pictured` adds the picture to judge an alignment by."""
    clock, inputs = Stopwatch(), (fixed,) if moving is None else (fixed, moving)
    out.check(output, inputs, settings)
    mask = lesions.read_mask(settings)
    with clock("read"), formats.opened_pair(fixed, moving, settings.fixed_series, settings.moving_series) as opened:
        lineage = out.lineage_of(*opened, settings)
        sources = read_opened(*opened, settings)
    onto = target_grid(sources.fixed, sources.moving, settings.grid)
    out.check_with_inputs(output, inputs, onto, settings)
    prepared = prepare(sources, settings, clock)
    pair, registration, colors = prepared.pair, prepared.registration, prepared.coloring
    out.check_color_bar(colors, settings)
    picture = picture_of(registration, sources) if pictured or settings.registration.check else None
    marked = None if mask is None else lesions.mark(mask, sources, prepared, settings)
    del sources, prepared  # as large as all that follows, and not needed any more
    with clock("load_model"):
        fuser = fuser or _loaded(settings, progress, slices=onto.shape[0])
    with clock("fuse"):
        fused = fusion.fuse(pair, fuser, progress=progress)
    with clock("measure"):
        scores, problems = measure(pair, fused)
        found = None if marked is None else lesions.listed(marked, pair, fused)
    with clock("color"):
        shown = paint(fused, pair.moving, colors)
    with clock("write"):
        write_kept(registration, picture, settings.registration)
        written = out.write(shown, output, lineage, pair, fuser, settings)
    steps = (*pair.fixed.history, *pair.moving.history, *fused.history, *problems, *(marked.problems if marked else ()))
    record = _record(pair, fuser, scores, written, warnings_of(steps), clock, registration, settings)
    return Fusion(replace(record, lesions=found), pair, fused, shown, colors, registration, picture)


def _loaded(settings: FuseSettings, progress: fusion.Progress | None, *, slices: int) -> fusion.Fuser:
    # Tiles are worth reporting where there is one slice only; else slices are.
    on_tile = progress if slices == 1 else None
    return models.load(
        settings.model, device=settings.device, backend=settings.backend, alpha=settings.alpha, on_tile=on_tile
    )


def measure(pair: Pair, fused: Image) -> tuple[Scores, tuple[Step, ...]]:
    """The scores of a fusion, and why there are none where a source shows nothing."""
    try:
        return metrics.score_volume(pair.fixed.voxels, pair.moving.voxels, fused.voxels, keys=QUICK_METRICS), ()
    except ImageError as error:
        return {}, (Step("measure", {}, (f"No metrics: {error.what} {error.why}".strip(),)),)


def _record(
    pair: Pair,
    fuser: fusion.Fuser,
    scores: Scores,
    output: Path,
    warnings: tuple[str, ...],
    clock: Stopwatch,
    registration: "Registration | None",
    settings: FuseSettings,
) -> RunRecord:
    identified = not settings.deidentify
    return RunRecord(
        output=output,
        model={"name": fuser.name, "sha256": fuser.weights_sha256},
        metrics={key: score.as_dict() for key, score in scores.items()},
        windows={role: window_facts(image) for role, image in pair.named().items()},
        device=fuser.device,
        backend=fuser.backend,
        timings_s=clock.with_total(),
        warnings=warnings,
        inputs={role: input_facts(image, identified=identified) for role, image in pair.named().items()},
        geometry=geometry_facts(pair.fixed, identified=identified),
        registration=None if registration is None else registration.as_dict(),
        identified=identified,
    )

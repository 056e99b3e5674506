"""Read, align and normalize a pair once, and let every model fuse it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from fusecli import measuring, metrics, pipeline
from fusecli.comparing.alone import Trial, fuse_alone
from fusecli.comparing.comparison import Comparison, Entry
from fusecli.comparing.slice_pictures import SlicePictures
from fusecli.core.pair import Pair
from fusecli.core.slices import slice_index
from fusecli.errors import FusecliError, UsageError
from fusecli.fusion import Progress
from fusecli.metrics.scoring import Scores
from fusecli.settings import FuseSettings, MeasureSettings, SliceChoice


def compare_files(
    fixed: Path,
    moving: Path | None,
    names: Sequence[str],
    settings: FuseSettings,
    measure: MeasureSettings | None = None,
    *,
    shown: SliceChoice | None = None,
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """What the models called `names` make of the images at `fixed` and `moving`, or of the study at `fixed`.

    `shown` is the slice that the pictures show, the middle one if None; every slice is fused and measured. Each model
    runs in a process of its own, one after the other, and one that fails costs its own row alone. `progress` hears of
    the slices done by all models, and of all.

    Raises what `pipeline.read_sources` and `pipeline.prepare` do, UsageError for a slice that there is not, and the
    error of the first model if all fail.
    """
    measure = measure or MeasureSettings()
    prepared = pipeline.prepare(pipeline.read_sources(fixed, moving, settings), settings)
    pair, registration = prepared.pair, prepared.registration
    index = _shown_index(pair, shown)
    pictures = SlicePictures(pair, prepared.coloring, index)
    del prepared  # it holds MOVING twice more, and the models need the room
    entries = tuple(_entries(pair, names, settings, measure, pictures, progress))
    if all(entry.error is not None for entry in entries):
        raise next(entry.error for entry in entries if entry.error is not None)
    return Comparison(
        entries=entries,
        sources=pictures.sources(),
        pair=pair,
        registration=registration,
        keys=next(tuple(entry.scores) for entry in entries if entry.error is None),
        profile=measure.profile,
        shown_slice=index,
        measured_slices=len(metrics.scored_slices(pair.fixed.voxels, pair.moving.voxels)) or len(pair.fixed.voxels),
        warnings=(*measuring.warnings_by_role(fixed=pair.fixed, moving=pair.moving), *_notes(entries)),
    )


def _shown_index(pair: Pair, shown: SliceChoice | None) -> int:
    if shown is None:
        return pair.fixed.geometry.shape[0] // 2
    try:
        return slice_index(pair.fixed.geometry, shown)
    except UsageError as error:
        hint = "--show takes a number counted from 0, or a position: --show 45mm"
        raise UsageError(error.what, why=error.why, hint=hint) from error


def _entries(
    pair: Pair,
    names: Sequence[str],
    settings: FuseSettings,
    measure: MeasureSettings,
    pictures: SlicePictures,
    progress: Progress,
) -> Iterator[Entry]:
    """One after the other: two at once would slow each other down."""
    slices = len(pair.fixed.voxels)
    for k, name in enumerate(names):
        before = k * slices

        def on_slice(done: int, total: int, before: int = before) -> None:
            progress(before + done, len(names) * total)

        try:
            trial = fuse_alone(pair, replace(settings, model=name), progress=on_slice)
        except FusecliError as error:
            progress(before + slices, len(names) * slices)
            yield Entry(name, {}, error=error)
            continue
        yield Entry(name, _scores(pair, trial, measure), pictures.fused(trial.voxels), trial.run)


def _scores(pair: Pair, trial: Trial, measure: MeasureSettings) -> Scores:
    """Means over the slices; a metric that is not defined for this pair has no value, and says why."""
    volumes = (pair.fixed.voxels, pair.moving.voxels, trial.voxels)
    slices = metrics.score_slices(*volumes, profile=measure.profile, keys=measure.keys, anywhere=True, allow_none=True)
    return metrics.mean_scores(slices)


def _notes(entries: Sequence[Entry]) -> list[str]:
    return [f"{entry.name}: {note}" for entry in entries if entry.run is not None for note in entry.run.notes]

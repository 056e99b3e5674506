"""A comparison in the words of its page."""

from collections.abc import Iterator

from fusecli import normalize
from fusecli.catalog import MODELS
from fusecli.comparing.comparison import Comparison, Entry
from fusecli.report import comparison as pages

COST_NOTE = (
    "Each model ran by itself, one after the other, in a process of its own and once, with nothing warmed up, as "
    "fusecli fuse runs it. Loading is the model with the library that runs it; processor seconds are those of all "
    "cores together, and the fairest measure where other programs run. Memory is the most that the process held, with "
    "Python, libraries, images and result, and without that of a GPU."
)


def page_of(found: Comparison) -> pages.ComparisonPage:
    """What `report.comparison` shows of it."""
    first = next(entry for entry in found.entries if entry.error is None)
    return pages.ComparisonPage(
        sources=found.sources,
        columns=[_column(found, entry) for entry in found.entries],
        better={key: first.scores[key].better for key in found.keys},
        units={key: first.scores[key].unit for key in found.keys},
        where="Pictures" if len(found.pair.fixed.voxels) == 1 else f"Slice {found.shown_slice}",
        measured=_measured(found),
        cost_note=COST_NOTE,
        facts=list(_facts(found)),
        warnings=found.warnings,
    )


def _column(found: Comparison, entry: Entry) -> pages.Column:
    run = entry.run
    return pages.Column(
        name=entry.name,
        title=MODELS[entry.name].title,
        picture=entry.picture,
        scores={
            key: pages.Score(score.value, found.is_best(entry, key), score.reason or "")
            for key, score in entry.scores.items()
        },
        costs={} if run is None else run.cost.texts,
        ran_by="" if run is None else f"{run.backend}, {run.device}",
        # Not the why: it may name a path, and a page is passed on.
        problem="" if entry.error is None else entry.error.what,
    )


def _measured(found: Comparison) -> str:
    slices = found.measured_slices
    by = "" if found.profile == "fusecli" else f" by the formulas of {found.profile}"
    return f"Scores{by} are {'of the slice shown' if slices == 1 else f'means over {slices} slices'}."


def _facts(found: Comparison) -> Iterator[tuple[str, str]]:
    for role, image in found.pair.named().items():
        yield role.upper(), image.modality.value
    yield "Slices, rows, columns", " × ".join(map(str, found.pair.fixed.geometry.shape))
    yield "Registration", _registration(found)
    for role, image in found.pair.named().items():
        yield f"{role.upper()} shown by", str(normalize.window_of(image))


def _registration(found: Comparison) -> str:
    how = found.registration
    return "none" if how is None else f"{how.alignment.method}, {how.verdict}"

"""How every model does on the test pairs, beside published networks, published pictures and published tables."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import peers
import published
from scoring import fuse, mean, scores_of

from fusecli import metrics, models
from fusecli.catalog import MODELS
from fusecli.train.datasets import Tasks, TrainingPair, load_tasks

COLUMNS = {
    "QABF": "Q^AB/F", "SCD": "SCD", "VIF": "VIF", "VIF_min": "VIF, worse source", "SSIM": "SSIM",
    "FMI_EDGE": "FMI_EDGE", "NABF": "N^AB/F", "AG": "AG", "SF": "SF", "EI": "EI",
}  # fmt: skip
DIGITS = {"AG": 2, "SF": 1, "EI": 1, "SD": 1}
SAME_AS_OURS = ("max", "average", "LP-maxabs")  # formulas that the folder of peers has as well
HALF_AND_HALF = "alpha"  # at its default it is `average`

# What the papers report as means over their own slices, by our names.
REPORTED = {
    "lrc": {"PET-MRI": {"QABF": "0.78", "SCD": "1.12", "VIF": "0.81", "SD": "79.6", "SF": "31.5", "AG": "11.3"}},
    "csafusion": {
        "SPECT-MRI": {
            "SSIM_MOVING": "0.888", "SSIM_FIXED": "0.807", "EPI_MOVING": "0.88", "EPI_FIXED": "0.90", "VIF": "0.630",
            "QNCIE": "0.930", "SF": "29.8", "AG": "9.39",
        },
        "CT-MRI": {
            "SSIM_MOVING": "0.854", "SSIM_FIXED": "0.830", "EPI_MOVING": "0.83", "EPI_FIXED": "0.69", "VIF": "0.335",
            "QNCIE": "0.938",
        },
    },
}  # fmt: skip
EXTRA = ("SD", "SSIM_FIXED", "SSIM_MOVING", "EPI_FIXED", "EPI_MOVING", "QNCIE")

Row = list[str]
Scores = Mapping[str, float]


def tables(data: Path, folder: Path, cache: Path | None) -> Iterator[tuple[str, list[Row]]]:
    """A table for each task, one beside published pictures, and one beside each published table."""
    tasks, _ = load_tasks(data)
    found = scored(tasks, cache)
    for task, pairs in tasks.items():
        theirs = {name: row for name, row in peers.peer_rows(folder, task, pairs).items() if name not in SAME_AS_OURS}
        yield task, task_table({name: mean(rows[pair.name] for pair in pairs) for name, rows in found.items()}, theirs)
    yield "published pictures", list(picture_table(found, folder))
    for name, reported in REPORTED.items():
        yield f"reported {name}", list(reported_table(name, reported, tasks, found))


def scored(tasks: Tasks, cache: Path | None) -> dict[str, dict[str, Scores]]:
    """Of every model the scores of every pair, by name. What `cache` has of the same weights is not measured again."""
    known = json.loads(cache.read_text(encoding="utf-8")) if cache and cache.is_file() else {}
    pairs = [pair for members in tasks.values() for pair in members]
    found: dict[str, dict[str, Scores]] = {}
    for name in MODELS:
        if name != HALF_AND_HALF:
            fuser = models.load(name)
            key = f"{name} {fuser.weights_sha256}"
            found[name] = known.get(key) or {pair.name: all_scores(pair, fuse(fuser, pair)) for pair in pairs}
            known[key] = found[name]
            if cache:
                cache.write_text(json.dumps(known), encoding="utf-8")
    return found


def all_scores(pair: TrainingPair, fused: np.ndarray) -> Scores:
    extra = metrics.score(pair.fixed, pair.moving, fused, keys=EXTRA)
    return scores_of(pair, fused) | {key: score.value for key, score in extra.items() if score.value is not None}


def task_table(ours: Mapping[str, Scores], theirs: Mapping[str, Scores]) -> list[Row]:
    """Ours first, then theirs; bold is the best of those that keep both sources, in what is to be kept."""
    rows = {f"`{name}`": row for name, row in ours.items()} | dict(theirs)
    top = peers.best(rows)
    table = [["", *COLUMNS.values()]]
    for name, row in sorted(rows.items(), key=lambda item: (item[0] in theirs, -item[1]["QABF"])):
        table.append([name, *(marked(key, row, top) for key in COLUMNS)])
    return table


def marked(key: str, row: Scores, top: Scores) -> str:
    text = number(key, row)
    fair = row["SCD"] >= peers.BOTH_SOURCES and key in peers.KEPT
    return f"**{text}**" if fair and key in row and text == number(key, top) else text


def number(key: str, row: Scores) -> str:
    return f"{row[key]:.{DIGITS.get(key, 3)}f}" if key in row else ""


def picture_table(found: Mapping[str, Mapping[str, Scores]], folder: Path) -> Iterator[Row]:
    """Result pictures that authors published, and what our networks make of the same test slices."""
    kept = [key for key in COLUMNS if key != "FMI_EDGE"]  # their files have it in no form
    yield ["slices", "", *(COLUMNS[key] for key in kept)]
    for (method, task), rows in sorted(published.published(folder, "test").items()):
        named = [(method, mean(rows.values()))]
        named += [(f"`{name}`", mean(found[name][pair] for pair in rows)) for name in networks()]
        for k, (name, row) in enumerate(named):
            yield [f"{len(rows)} {task}" if k == 0 else "", name, *(number(key, row) for key in kept)]


def reported_table(
    name: str, reported: Mapping[str, Mapping[str, str]], tasks: Tasks, found: Mapping[str, Mapping[str, Scores]]
) -> Iterator[Row]:
    """The paper's figures for its own slices, and ours for the test pairs; of the network itself where it ships."""
    keys = list(dict.fromkeys(key for row in reported.values() for key in row))
    yield ["", "", *(COLUMNS.get(key, key) for key in keys)]
    for task, row in reported.items():
        yield [task, "the paper, its own slices", *(row.get(key, "") for key in keys)]
        for own in dict.fromkeys((name, "lrc")):
            if own in found:
                yield ["", f"`{own}`", *(number(key, means(found[own], tasks[task])) for key in keys)]


def means(rows: Mapping[str, Scores], pairs: Iterable[TrainingPair]) -> Scores:
    return mean(rows[pair.name] for pair in pairs)


def networks() -> list[str]:
    return [name for name, info in MODELS.items() if info.needs_weights]

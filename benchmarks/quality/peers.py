"""What published methods reach on the same pairs, and what that asks of ours."""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scoring import COLUMNS, mean, picture_scores

from fusecli.train.datasets import TrainingPair

NAMES = {"VIF": "VIF_sum", "NABF": "Nabf"}
KEPT = ("QABF", "SCD", "VIF", "VIF_min", "SSIM", "FMI_EDGE")  # as good as the best peer
SHARP = ("AG", "SF", "EI")  # as high as `max`: higher is sharpening or noise
ARTIFACTS = 0.01
BOTH_SOURCES = 0.5  # SCD below which a method has dropped a source

Row = dict[str, float]


def peer_rows(folder: Path, task: str, pairs: Iterable[TrainingPair]) -> dict[str, Row]:
    """Means of the published methods for a task, by name; FMI_EDGE and IE_head from their pictures, if there are any.

    The tables' own FMI_pixel follows another edge map than `fusecli.metrics.fmi`, so the two must not be compared.
    """
    with (folder / "peers_test.csv").open(encoding="utf-8") as file:
        rows = {row["method"]: known(row) for row in csv.DictReader(file) if row["task"] == task}
    pairs = list(pairs)
    return {method: row | _from_pictures(folder / "fused" / method, method, pairs) for method, row in rows.items()}


def known(row: dict[str, str]) -> Row:
    """The columns of a published row that mean the same here."""
    columns = {name: NAMES.get(name, name) for name in COLUMNS if name != "FMI_EDGE"}
    found = {name: float(row[theirs]) for name, theirs in columns.items() if theirs in row}
    return (
        found
        | {"VIF_fixed": float(row["VIF_mri"]), "VIF_moving": float(row["VIF_func"])}
        | {"VIF_min": min(float(row["VIF_mri"]), float(row["VIF_func"]))}
    )


def _from_pictures(folder: Path, method: str, pairs: list[TrainingPair]) -> Row:
    """Empty without a picture of every pair; the two that need none are made here, rounded halves to even."""
    if method in ("max", "average"):
        made = {"max": np.maximum, "average": lambda a, b: (a + b) / 2}[method]
        return mean(picture_scores(pair, np.rint(made(pair.fixed, pair.moving) * 255) / 255) for pair in pairs)
    paths = [folder / f"{pair.name}.png" for pair in pairs]
    if not all(path.is_file() for path in paths):
        return {}
    return mean(picture_scores(pair, _grey(path)) for pair, path in zip(pairs, paths, strict=True))


def _grey(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float64) / 255


def best(rows: dict[str, Row]) -> Row:
    """The best value of each column among the methods that keep both sources."""
    fair = [row for row in rows.values() if row["SCD"] >= BOTH_SOURCES]
    choose = {name: min if name == "NABF" else max for name in COLUMNS}
    return {
        name: choose[name](row[name] for row in fair if name in row)
        for name in COLUMNS
        if any(name in row for row in fair)
    }


def targets(rows: dict[str, Row]) -> Row:
    """What each column of ours is held against."""
    top = best(rows)
    return {name: top[name] for name in KEPT} | {name: rows["max"][name] for name in SHARP} | {"NABF": ARTIFACTS}


def misses(name: str, value: float, wanted: Row) -> bool:
    """Whether a value, as printed, falls short of its target."""
    if name not in wanted:
        return False
    shown, target = round(value, 3), round(wanted[name], 3)
    return shown > target if name == "NABF" else shown < target

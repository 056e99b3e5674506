"""Pairs for training: found in a folder, held in memory, cut into augmented patches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusecli.errors import ImageError, InputError
from fusecli.settings.training import AugmentSettings, TrainSettings

Grey = NDArray[np.float32]

# Folder names that hold the anatomical image. In a CT-MRI pair the MRI is FIXED, as it shows the finer anatomy.
FIXED_FOLDERS = ("MRI", "MR", "CT")


@dataclass(frozen=True, slots=True, eq=False)
class TrainingPair:
    """One registered pair: `fixed` and `moving` are (row, column) in 0..1, of one size."""

    name: str
    fixed: Grey
    moving: Grey


Tasks = Mapping[str, Sequence[TrainingPair]]


def load_tasks(folder: Path) -> tuple[dict[str, list[TrainingPair]], list[str]]:
    """Every pair under `folder`, by task, and the names of files without a partner and of folders that are no task.

    Layout: folder/TASK/FIXED/name.png and folder/TASK/MOVING/name.png, where FIXED is the first of MRI, MR and CT that
    is there. Files are matched by name, never by their position in a listing.

    Raises InputError when there is no such folder, no pair in it, or two files of one name on one side.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", hint="Give the folder that holds the task folders.")
    tasks: dict[str, list[TrainingPair]] = {}
    unmatched: list[str] = []
    for task in sorted(_folders_by_name(folder).values()):
        pairs, alone = _load_task(task)
        unmatched += alone
        if pairs:
            tasks[task.name] = pairs
    if not tasks:
        raise InputError(
            f"There are no pairs in {folder}.",
            why="A task is a folder with two sub-folders, one named MRI, MR or CT, and equal file names in both.",
            hint="Example: train/PET-MRI/MRI/25001.png and train/PET-MRI/PET/25001.png",
        )
    return tasks, unmatched


def _load_task(task: Path) -> tuple[list[TrainingPair], list[str]]:
    folders = _folders_by_name(task)
    fixed_name = next((name for name in FIXED_FOLDERS if name in folders), None)
    if fixed_name is None or len(folders) != 2:
        return [], [task.name]
    moving_name = next(name for name in folders if name != fixed_name)
    fixed, moving = (_files_by_name(folders[name]) for name in (fixed_name, moving_name))
    both = sorted(fixed.keys() & moving.keys())
    alone = sorted(f"{task.name}/{name}" for name in fixed.keys() ^ moving.keys())
    return [_load_pair(f"{task.name}/{name}", fixed[name], moving[name]) for name in both], alone


def _folders_by_name(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}


def _files_by_name(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for path in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        if path.stem in files:
            raise InputError(
                f"Two files in {folder.parent.name}/{folder.name} have one name, so it is not clear which is meant.",
                why=f"{files[path.stem].name} and {path.name} differ in their suffix alone.",
                hint="Keep one of them in the folder.",
            )
        files[path.stem] = path
    return files


def _load_pair(name: str, fixed: Path, moving: Path) -> TrainingPair:
    pair = TrainingPair(name, _read_grey(fixed), _read_grey(moving))
    if pair.fixed.shape != pair.moving.shape:
        raise ImageError(f"The pair {name} has two sizes: {pair.fixed.shape} and {pair.moving.shape} (rows, columns).")
    return pair


def _read_grey(path: Path) -> Grey:
    from fusecli import formats, normalize

    voxels = normalize.to_unit(formats.read(path)).voxels
    if len(voxels) > 1:
        raise ImageError(f"{path} has {len(voxels)} slices, and a training image has one.")
    return np.asarray(voxels[0], dtype=np.float32)


def patches(tasks: Tasks, settings: TrainSettings, step: int) -> tuple[Grey, Grey]:
    """The batch of one step: augmented patches of FIXED and MOVING, (batch, 1, crop, crop) in 0..1 each.

    The tasks take turns, so that each weighs the same however many pairs it has. The same seed and step give the same
    batch, which is what lets training resume without a trace.
    """
    random = np.random.default_rng((settings.seed, step))
    chosen = tasks_of_step(sorted(tasks), settings.batch, step)
    cuts = [_patch(tasks[name][int(random.integers(len(tasks[name])))], settings, random) for name in chosen]
    fixed, moving = (np.stack(images)[:, np.newaxis] for images in zip(*cuts, strict=True))
    return fixed, moving


def tasks_of_step(names: Sequence[str], batch: int, step: int) -> list[str]:
    """Of which task each patch of a step is."""
    return [names[(step * batch + i) % len(names)] for i in range(batch)]


def _patch(pair: TrainingPair, settings: TrainSettings, random: np.random.Generator) -> tuple[Grey, Grey]:
    side = settings.crop
    fixed, moving = _padded(pair.fixed, side), _padded(pair.moving, side)
    for _ in range(settings.looks):  # a patch of nothing but background teaches little
        top, left = (int(random.integers(size - side + 1)) for size in fixed.shape)
        window = np.s_[top : top + side, left : left + side]
        if max(fixed[window].mean(), moving[window].mean()) > settings.background:
            break
    turns, mirror = int(random.integers(4)) * settings.augment.quarter_turns, bool(random.integers(2))
    return (
        _recolored(_turned(fixed[window], turns, mirror), settings.augment, random),
        _recolored(_turned(moving[window], turns, mirror), settings.augment, random),
    )


def _padded(image: Grey, side: int) -> Grey:
    grow = [(0, max(0, side - size)) for size in image.shape]
    return np.pad(image, grow) if any(after for _, after in grow) else image


def _turned(image: Grey, turns: int, mirror: bool) -> Grey:
    turned = np.rot90(image, turns)
    return turned[:, ::-1] if mirror else turned


def _recolored(image: Grey, augment: AugmentSettings, random: np.random.Generator) -> Grey:
    """Another contrast: a gamma for every image; now and then a narrow window, a lifted background, or a negative.

    Windows differ between readers and saturate what lies outside, a lesion far above the SUV range is a flat white
    disc, CT air is not black in a lung window, and some PET is shown black-hot.
    """
    image = image ** np.float32(2 ** random.uniform(-augment.gamma_octaves, augment.gamma_octaves))
    draw = random.random()
    if draw < augment.window_odds:
        low, width = random.uniform(*augment.window_low), random.uniform(*augment.window_width)
        image = np.clip((image - np.float32(low)) / np.float32(width), 0, 1)
    elif draw < augment.window_odds + augment.lift_odds:
        lift = np.float32(random.uniform(*augment.lift))
        image = image * (1 - lift) + lift
    elif draw < augment.window_odds + augment.lift_odds + augment.negative_odds:
        image = 1 - image
    return np.ascontiguousarray(image, dtype=np.float32)

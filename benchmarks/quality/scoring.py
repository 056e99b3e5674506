"""Every column of the quality benchmarks for one fusion of one pair, and their mean over pairs."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from scipy.ndimage import binary_fill_holes

from fusecli import fusion
from fusecli.catalog import Modality
from fusecli.core.geometry import Geometry
from fusecli.core.image import Image
from fusecli.core.intensity import Intensity
from fusecli.core.pair import Pair
from fusecli.metrics import (
    average_gradient,
    edge_intensity,
    entropy,
    fmi,
    nabf,
    qabf,
    scd,
    spatial_frequency,
    ssim,
    vif,
)
from fusecli.metrics.kernels import grey_levels
from fusecli.models.device import choose_device
from fusecli.models.network import NetworkFuser, build
from fusecli.train.datasets import TrainingPair

COLUMNS = ("QABF", "SCD", "VIF", "VIF_min", "SSIM", "FMI_EDGE", "NABF", "AG", "SF", "EI", "IE_head", "black")


def network(weights: Path, config: str) -> NetworkFuser:
    """A network with weights that no manifest lists, on the device that there is."""
    module = build(config)
    module.load_state_dict(load_file(weights))
    return NetworkFuser(module, name=weights.stem, weights_sha256=None, device=choose_device("auto")[0])


def fuse(fuser: fusion.Fuser, pair: TrainingPair) -> np.ndarray:
    return fusion.fuse(Pair(_image(pair.fixed), _image(pair.moving)), fuser).voxels[0]


def mean_scores(fuser: fusion.Fuser, pairs: Iterable[TrainingPair]) -> dict[str, float]:
    """Mean of every column over the pairs."""
    return mean([scores_of(pair, fuse(fuser, pair)) for pair in pairs])


def mean(rows: Iterable[dict[str, float]]) -> dict[str, float]:
    """Mean of every column over rows; `VIF_min` is the smaller of the means of both sources, not a mean of minima."""
    columns = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            columns[name].append(value)
    means = {name: float(np.mean(values)) for name, values in columns.items()}
    return means | {"VIF_min": min(means["VIF_fixed"], means["VIF_moving"])} if "VIF_fixed" in means else means


def scores_of(pair: TrainingPair, fused: np.ndarray) -> dict[str, float]:
    fixed, moving, result = (grey_levels(image) for image in (pair.fixed, pair.moving, fused))
    of_fixed, of_moving = vif.shares(fixed, moving, result)
    black = (pair.fixed == 0) & (pair.moving == 0)
    return picture_scores(pair, fused) | {
        "QABF": qabf.of_levels(fixed, moving, result),
        "SCD": scd.of_levels(fixed, moving, result),
        "VIF": of_fixed + of_moving,
        "VIF_fixed": of_fixed,
        "VIF_moving": of_moving,
        "SSIM": ssim.of_levels(fixed, moving, result),
        "NABF": nabf.of_levels(fixed, moving, result),
        "AG": average_gradient.of_levels(result),
        "SF": spatial_frequency.of_levels(result),
        "EI": edge_intensity.of_levels(result),
        "black": float((fused[black] <= 1 / 255).mean()) if black.any() else 1.0,
    }


def picture_scores(pair: TrainingPair, fused: np.ndarray) -> dict[str, float]:
    """The columns that the published tables have in no form, or in another: FMI_EDGE, and IE inside the head."""
    fixed, moving, result = (grey_levels(image) for image in (pair.fixed, pair.moving, fused))
    return {"FMI_EDGE": fmi.of_levels(fixed, moving, result), "IE_head": entropy.of_levels(result[head(pair)])}


def head(pair: TrainingPair) -> np.ndarray:
    """Where either source is above 1/255, and every hole in that, such as a dark ventricle."""
    return binary_fill_holes(np.maximum(pair.fixed, pair.moving) > 1 / 255)


def _image(grey: np.ndarray) -> Image:
    return Image(grey[np.newaxis], Geometry((1, *grey.shape)), Modality.OTHER, Intensity.UNIT)

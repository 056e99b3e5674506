"""As VIFB computes them (Zhang, Ye and Xiao, CVPR Workshops 2020; commit 22b2ea9), faults included."""

import math

import numpy as np

from fusecli.metrics import cross_entropy, edge_intensity, entropy, error, qabf, ssim, standard_deviation
from fusecli.metrics.kernels import Levels
from fusecli.metrics.mutual_information import of_source as information
from fusecli.metrics.profiles import toolkit
from fusecli.metrics.profiles.liu import CHEN_BLUM, CHEN_VARSHNEY
from fusecli.metrics.profiles.profile import Profile, mean_of_both, of_fixed, of_fused, of_moving, sum_of_both


def _nats(source: Levels, fused: Levels) -> float:
    return information(source, fused) * math.log(2)


def _spatial_frequency(fused: Levels) -> float:
    # Divided by the number of pixels, though there are fewer differences.
    squares = np.sum(np.diff(fused, axis=0) ** 2) + np.sum(np.diff(fused, axis=1) ** 2)
    return float(np.sqrt(squares / fused.size))


def _rmse(source: Levels, fused: Levels) -> float:
    # The root is taken before the division by the number of pixels, so the value shrinks as images grow.
    return float(np.sqrt(np.sum((source - fused) ** 2))) / fused.size


def _psnr(fixed: Levels, moving: Levels, fused: Levels) -> float:
    # The same quotient stands where the mean squared error belongs.
    return error.decibels((_rmse(fixed, fused) + _rmse(moving, fused)) / 2)


def _qabf(fixed: Levels, moving: Levels, fused: Levels) -> float:
    # Levels are multiplied by 255 once more, which shows only where two gradients are equal.
    return qabf.of_levels(255 * fixed, 255 * moving, 255 * fused)


PROFILE = Profile(
    "vifb",
    {
        "CE": cross_entropy.over_common_levels,
        "IE": of_fused(entropy.of_levels),
        "MI": sum_of_both(_nats),
        "MI_FIXED": of_fixed(_nats),
        "MI_MOVING": of_moving(_nats),
        "PSNR": _psnr,
        "AG": of_fused(toolkit.average_gradient),
        "EI": of_fused(edge_intensity.of_levels),
        "QABF": _qabf,
        "SD": of_fused(standard_deviation.of_levels),
        "SF": of_fused(_spatial_frequency),
        "RMSE": mean_of_both(_rmse),
        "QCB": CHEN_BLUM,
        "QCV": CHEN_VARSHNEY,
        "SSIM": sum_of_both(ssim.gaussian),
        "SSIM_FIXED": of_fixed(ssim.gaussian),
        "SSIM_MOVING": of_moving(ssim.gaussian),
    },
    units={"MI": "nat", "MI_FIXED": "nat", "MI_MOVING": "nat"},
)

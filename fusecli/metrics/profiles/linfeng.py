"""As Evaluation-for-Image-Fusion of L. Tang computes them (commit 0e87153), faults included."""

from functools import partial

import numpy as np

from fusecli.metrics import entropy, error, fmi, mef_ssim, nabf, qabf, spatial_frequency, ssim, standard_deviation, vif
from fusecli.metrics.histograms import counts_of, entropy_bits, joint_counts, whole_levels
from fusecli.metrics.kernels import Levels
from fusecli.metrics.profiles import toolkit
from fusecli.metrics.profiles.profile import Profile, mean_of_both, of_fixed, of_fused, of_moving, sum_of_both
from fusecli.metrics.structure import WINDOW


def _information(source: Levels, fused: Levels) -> float:
    # Its joint histogram counts level 255 as 254, because level + 1 saturates in 8 bits; its marginals do not.
    own, result = whole_levels(source), whole_levels(fused)
    together = joint_counts(np.minimum(own, 254), np.minimum(result, 254))
    return entropy_bits(counts_of(own)) + entropy_bits(counts_of(result)) - entropy_bits(together)


def _mse(fixed: Levels, moving: Levels, fused: Levels) -> float:
    return error.mse_of_levels(fixed, moving, fused) / 255**2


def _psnr(fixed: Levels, moving: Levels, fused: Levels) -> float:
    # A peak of 255 beside an error on the scale 0..1: 48.13 dB too high.
    return error.decibels(_mse(fixed, moving, fused), peak=255.0)


def _ssim(source: Levels, fused: Levels) -> float:
    # MATLAB's ssim takes levels in double precision to be on 0..1, and repeats the border under its window.
    around = len(WINDOW) // 2
    return ssim.gaussian(np.pad(source, around, mode="edge"), np.pad(fused, around, mode="edge"), peak=1.0)


def _nabf(fixed: Levels, moving: Levels, fused: Levels) -> float:
    # Its arguments are in the wrong order: what is judged is FIXED, as if it were fused from MOVING and FUSED.
    return nabf.of_levels(moving, fused, fixed)


PROFILE = Profile(
    "linfeng",
    {
        "IE": of_fused(entropy.of_levels),
        "SF": of_fused(spatial_frequency.of_levels),
        "SD": of_fused(standard_deviation.of_levels),
        "AG": of_fused(toolkit.average_gradient),
        "MI": sum_of_both(_information),
        "MI_FIXED": of_fixed(_information),
        "MI_MOVING": of_moving(_information),
        "PSNR": _psnr,
        "MSE": _mse,
        "VIF": vif.of_levels,
        "VIF_FIXED": of_fixed(vif.of_source),
        "VIF_MOVING": of_moving(vif.of_source),
        "CC": toolkit.correlation,
        "SCD": toolkit.scd,
        "QABF": qabf.of_levels,
        "NABF": _nabf,
        "SSIM": mean_of_both(_ssim),
        "SSIM_FIXED": of_fixed(_ssim),
        "SSIM_MOVING": of_moving(_ssim),
        # What it prints as FMI_pixel is made without naming a feature, which its routine takes to mean edge maps.
        "FMI_PIXEL": partial(fmi.of_levels, feature="edge"),
        "FMI_GRADIENT": partial(fmi.of_levels, feature="gradient"),
        "FMI_EDGE": partial(fmi.of_levels, feature="edge"),
        "FMI_DCT": partial(fmi.of_levels, feature="dct", rounding=True),
        "FMI_WAVELET": partial(fmi.of_levels, feature="wavelet", rounding=True),
        "MEF_SSIM": mef_ssim.of_levels,
        "MS_SSIM": mef_ssim.over_scales,
    },
    units={"MSE": "1"},
)

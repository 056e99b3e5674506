"""As the evaluator of MMIF-CDDFuse computes them (commit fd8da1f), for which many papers print their tables."""

import math

from fusecli.metrics import average_gradient, entropy, error, qabf, spatial_frequency, ssim, standard_deviation, vif
from fusecli.metrics.kernels import Levels
from fusecli.metrics.mutual_information import of_source as information
from fusecli.metrics.profiles import toolkit
from fusecli.metrics.profiles.profile import Profile, of_fixed, of_fused, of_moving, sum_of_both


def _nats(source: Levels, fused: Levels) -> float:
    return information(source, fused) * math.log(2)


def _psnr(fixed: Levels, moving: Levels, fused: Levels) -> float:
    # The peak is the brightest level of the fusion, so a darker fusion scores lower at the same error.
    return error.decibels(error.mse_of_levels(fixed, moving, fused), peak=float(fused.max()))


def _vif(source: Levels, fused: Levels) -> float:
    # A source without information divides 0 by 0, which that evaluator turns into 1.
    share = vif.of_source(source, fused)
    return 1.0 if math.isnan(share) else share


PROFILE = Profile(
    "cddfuse",
    {
        "IE": of_fused(entropy.of_levels),
        "SD": of_fused(standard_deviation.of_levels),
        "SF": of_fused(spatial_frequency.of_levels),
        "AG": of_fused(average_gradient.of_levels),
        "MI": sum_of_both(_nats),
        "MI_FIXED": of_fixed(_nats),
        "MI_MOVING": of_moving(_nats),
        "MSE": error.mse_of_levels,
        "CC": toolkit.correlation,
        "PSNR": _psnr,
        "SCD": toolkit.scd,
        # Its name for the pixel-domain VIF is VIFF, which papers print as VIF: here it stands under both.
        "VIF": sum_of_both(_vif),
        "VIF_FIXED": of_fixed(_vif),
        "VIF_MOVING": of_moving(_vif),
        "VIFF": sum_of_both(_vif),
        "QABF": qabf.of_levels,
        # Today's scikit-image refuses the call that the evaluator makes; this is what it gives on the scale 0..255.
        "SSIM": sum_of_both(ssim.of_source),
    },
    units={"MI": "nat", "MI_FIXED": "nat", "MI_MOVING": "nat"},
)

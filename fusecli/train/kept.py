"""What a fusion keeps of its sources, in forms that have a gradient: the metrics as a network can be trained for them.

Each function mirrors one in `fusecli.metrics` on batches: images are (N, 1, H, W) in 0..1, answers (N,), higher is
better. They differ from the metrics only where those have no gradient or are not defined: orientations of edges are
compared with wrapping, and a source that shows nothing scores 0.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from fusecli.metrics import qabf as edge_shapes
from fusecli.metrics import vif as eye

LEVELS = 255.0
SOBEL = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
SSIM_SIDE = 7
SSIM_FLOORS = ((0.01 * LEVELS) ** 2, (0.03 * LEVELS) ** 2)

# In squared grey levels or grey levels: far below what an eye sees, far above the rounding of float32.
SMALLEST_VARIANCE = 1e-3
SMALLEST_EDGE = 1e-2
# Information per place, in nats, below which a source counts as empty; a head on black has 1 to 3.
SMALLEST_INFORMATION = 0.05


def sobel(image: Tensor, border: str = "replicate") -> Tensor:
    """Unscaled Sobel derivatives along columns and rows: (N, 1, H, W) to (N, 2, H, W); `border` as `F.pad` has it."""
    kernels = torch.stack([SOBEL, SOBEL.T]).unsqueeze(1).to(image)
    return F.conv2d(F.pad(image, (1, 1, 1, 1), mode=border), kernels)


def edges(fixed: Tensor, moving: Tensor, fused: Tensor) -> Tensor:
    """Q^AB/F, 0..0.975: how much of the edges of both sources is kept. See `metrics.qabf`."""
    result, result_length = _edges(fused)
    kept, there = torch.zeros_like(fused), torch.zeros_like(fused)
    for gradient, length in (_edges(fixed), _edges(moving)):
        ratio = torch.minimum(length, result_length) / torch.maximum(length, result_length)
        cosine = (gradient * result).sum(dim=1, keepdim=True) / (length * result_length)
        # acos has an infinite slope at 1, where two gradients agree.
        alignment = 1 - torch.acos(cosine.abs().clamp(max=1 - 1e-4)) / (math.pi / 2)
        share = _sigmoid(ratio, edge_shapes.STRENGTH) * _sigmoid(alignment, edge_shapes.ORIENTATION)
        kept, there = kept + share * length, there + length
    return kept.sum(dim=(1, 2, 3)) / there.sum(dim=(1, 2, 3))


def _edges(image: Tensor) -> tuple[Tensor, Tensor]:
    gradient = sobel(image * LEVELS, border="constant")  # (N, 2, H, W)
    return gradient, torch.sqrt((gradient**2).sum(dim=1, keepdim=True) + SMALLEST_EDGE**2)


def _sigmoid(share: Tensor, shape: tuple[float, float, float]) -> Tensor:
    scale, steepness, midpoint = shape
    return scale * torch.sigmoid(steepness * (share - midpoint))


def information(fixed: Tensor, moving: Tensor, fused: Tensor) -> tuple[Tensor, Tensor]:
    """The two shares that VIF adds up, FIXED's and MOVING's, about 0..1 each. See `metrics.vif`; at least 41 x 41."""
    kept, there = torch.zeros(2, len(fused)).to(fused), torch.zeros(2, len(fused)).to(fused)
    images = torch.cat([fixed, moving, fused]) * LEVELS  # (3N, 1, H, W)
    floor = SMALLEST_INFORMATION * fused[0].numel()
    for scale, weights in enumerate(eye.WINDOWS):
        window = torch.from_numpy(weights).to(fused)
        if scale > 0:
            images = _smooth(images, window)[:, :, ::2, ::2]
        found, available = _information(images.view(3, -1, *images.shape[1:]), window)
        kept, there = kept + found, there + available
    fixed_share, moving_share = kept / (there + floor)
    return fixed_share, moving_share


def _information(images: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Of one scale, (3, N, 1, H, W): information kept and there, (2, N) each."""
    sources, fused = images[:2], images[2:].expand(2, *images.shape[1:])
    means = _means(images, window)
    variance = (_means(images**2, window) - means**2).clamp(min=0)
    signal, result = variance[:2], variance[2:]
    covariance = _means(sources * fused, window) - means[:2] * means[2:]
    gain = (covariance / (signal + SMALLEST_VARIANCE)).clamp(min=0)
    distortion = (result - gain * covariance).clamp(min=SMALLEST_VARIANCE)
    kept = torch.log1p(gain**2 * signal / (distortion + eye.EYE_NOISE))
    there = torch.log1p(signal / eye.EYE_NOISE)
    return kept.sum(dim=(2, 3, 4)), there.sum(dim=(2, 3, 4))


def _means(images: Tensor, window: Tensor) -> Tensor:
    means = _smooth(images.flatten(0, 1), window)
    return means.view(*images.shape[:2], *means.shape[1:])


def _smooth(image: Tensor, window: Tensor) -> Tensor:
    return F.conv2d(F.conv2d(image, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))


def structure(fixed: Tensor, moving: Tensor, fused: Tensor) -> Tensor:
    """Mean of the two SSIM, -1..1: uniform windows of 7 x 7 kept inside the image, sample covariance.

    Source: Wang et al., IEEE Trans. Image Processing 13(4), 2004, as scikit-image computes it by default.
    """
    return (similarity(fixed, fused) + similarity(moving, fused)) / 2


def similarity(one: Tensor, other: Tensor) -> Tensor:
    """SSIM of two images, -1..1; its parameters as in `structure`."""
    return _similarity_of_windows(one, other).mean(dim=(1, 2))


def clearer_structure(fixed: Tensor, moving: Tensor, fused: Tensor) -> Tensor:
    """SSIM to FIXED or MOVING, window by window to the one with the larger variance; -1..1, parameters as above."""
    _, _, of_fixed, of_moving, _ = moments(fixed, moving)
    to_fixed, to_moving = (_similarity_of_windows(source, fused) for source in (fixed, moving))
    return torch.where(of_fixed >= of_moving, to_fixed, to_moving).mean(dim=(1, 2))


def _similarity_of_windows(one: Tensor, other: Tensor) -> Tensor:
    mean, mean_other, variance, variance_other, covariance = moments(one, other)
    brightness, contrast = SSIM_FLOORS
    likeness = (2 * mean * mean_other + brightness) * (2 * covariance + contrast)
    spread = variance + variance_other + contrast
    return likeness / ((mean**2 + mean_other**2 + brightness) * spread)


def moments(one: Tensor, other: Tensor) -> Sequence[Tensor]:
    """Of every window of SSIM: both means, both variances and the covariance, in grey levels, (N, H - 6, W - 6)."""
    one, other = one * LEVELS, other * LEVELS
    products = torch.cat([one, other, one**2, other**2, one * other], dim=1)  # (N, 5, H, W)
    mean, mean_other, square, square_other, product = _boxes(products)
    unbiased = SSIM_SIDE**2 / (SSIM_SIDE**2 - 1)
    variances = unbiased * (square - mean**2), unbiased * (square_other - mean_other**2)
    return mean, mean_other, *variances, unbiased * (product - mean * mean_other)


def _boxes(images: Tensor) -> Sequence[Tensor]:
    return F.avg_pool2d(images, SSIM_SIDE, stride=1).unbind(dim=1)


def differences(fixed: Tensor, moving: Tensor, fused: Tensor) -> Tensor:
    """SCD, -2..2: how well what each source adds to the other arrives in the fusion. See `metrics.scd`."""
    return _correlation(fused - moving, fixed) + _correlation(fused - fixed, moving)


def _correlation(one: Tensor, other: Tensor) -> Tensor:
    one, other = ((image - image.mean(dim=(2, 3), keepdim=True)) * LEVELS for image in (one, other))
    spread = (one**2).mean(dim=(1, 2, 3)) * (other**2).mean(dim=(1, 2, 3))
    return (one * other).mean(dim=(1, 2, 3)) / torch.sqrt(spread + SMALLEST_VARIANCE)


def edge_intensity(fused: Tensor) -> Tensor:
    """Mean length of the Sobel gradient, in grey levels. See `metrics.edge_intensity`."""
    gradient = sobel(fused * LEVELS)
    return torch.sqrt((gradient**2).sum(dim=1) + SMALLEST_EDGE**2).mean(dim=(1, 2))


def spatial_frequency(fused: Tensor) -> Tensor:
    """Root mean square of neighbouring differences, in grey levels. See `metrics.spatial_frequency`."""
    squares = [(torch.diff(fused * LEVELS, dim=axis) ** 2).mean(dim=(1, 2, 3)) for axis in (2, 3)]
    return torch.sqrt(squares[0] + squares[1] + SMALLEST_EDGE**2)

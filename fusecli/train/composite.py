"""The loss of CSAFusion: structure, region mutual information and contrast, each to both sources.

Images are (N, 1, H, W) in 0..1, at least 7 x 7. How we read what the paper leaves open stands in
docs/decisions/0015-csafusion.md.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from fusecli.settings.training import CompositeWeights
from fusecli.train.kept import SMALLEST_VARIANCE, SSIM_FLOORS, moments, similarity

REGION_SIDE = 3

# Added to every variance of a region, in squared brightness: what differs by less than 2.5 grey levels counts as equal.
SMALLEST_DIFFERENCE = 1e-4


def composite_loss(fused: Tensor, fixed: Tensor, moving: Tensor, weights: CompositeWeights) -> Tensor:
    """The weighted sum of six terms, each 0 or more and a mean over the batch.

    Source: the CSAFusion paper, doi 10.21037/qims-2025-1659.
    """
    of_sources = (
        (moving, weights.ssim_moving, weights.region_moving, weights.contrast_moving),
        (fixed, weights.ssim_fixed, weights.region_fixed, weights.contrast_fixed),
    )
    return torch.stack([_lost(source, fused, *part) for source, *part in of_sources]).sum()


def _lost(source: Tensor, fused: Tensor, ssim: float, region: float, contrast: float) -> Tensor:
    missing = region_information_missing(source, fused)
    terms = ssim * (1 - similarity(source, fused)) + region * missing + contrast * (1 - contrast_kept(source, fused))
    return terms.mean()


def contrast_kept(source: Tensor, fused: Tensor) -> Tensor:
    """The factor of SSIM that compares standard deviations alone, (N,), in 0..1, 1 where they are equal.

    Source: Wang et al., IEEE Trans. Image Processing 13(4), 2004, eq. 9.
    """
    _, _, *variances, _ = moments(source, fused)
    # Rounding may make the variance of a flat window negative, and the root has an infinite slope at 0.
    one, other = (variance.clamp(min=SMALLEST_VARIANCE) for variance in variances)
    floor = SSIM_FLOORS[1]
    return ((2 * torch.sqrt(one * other) + floor) / (one + other + floor)).mean(dim=(1, 2))


def region_information_missing(source: Tensor, fused: Tensor) -> Tensor:
    """What the 3 x 3 regions of `fused` leave unknown of those of `source`, (N,), in nats per pixel of a region.

    It is half the logarithm of the determinant of the conditional covariance, over the 9 dimensions: the lower bound of
    mutual information of Zhao et al., "Region Mutual Information Loss", NeurIPS 2019, with its sign turned, and
    measured from SMALLEST_DIFFERENCE, so that a flat source leaves 0. Equal images leave 0.35 (half of ln 2) at most,
    as the fused image's own variance is kept from 0 too.
    """
    of_source, of_fused = _regions(source), _regions(fused)  # (N, 9, n)
    count = of_source.shape[2]
    spread_source, spread_fused = (part @ part.transpose(1, 2) / count for part in (of_source, of_fused))
    shared = of_source @ of_fused.transpose(1, 2) / count
    identity = torch.eye(REGION_SIDE**2).to(shared)
    certain = torch.linalg.solve(spread_fused + SMALLEST_DIFFERENCE * identity, shared.transpose(1, 2))
    unknown = (spread_source - shared @ certain) / SMALLEST_DIFFERENCE + identity
    lengths = torch.linalg.cholesky(unknown).diagonal(dim1=1, dim2=2)
    return (torch.log(lengths).sum(dim=1) / REGION_SIDE**2).to(fused.dtype)


def _regions(image: Tensor) -> Tensor:
    # Neighbours are nearly equal, so that float32 would lose the small eigenvalues that tell detail.
    regions = F.unfold(image, REGION_SIDE).double()
    return regions - regions.mean(dim=2, keepdim=True)

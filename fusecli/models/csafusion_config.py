"""The sizes of the CSAFusion network, and the parts that its ablations leave out."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class CSAFusionConfig:
    """Every size of the network. The default is `csafusion`, the size whose weights ship.

    `channels` is the width of the first level; each level below is twice as wide. `branches` are the CE blocks side by
    side on each level. `code` is the length of the codes from which the gate of the adaptive convolution is made.
    `window`, `head_width` and `mlp_ratio` are the Swin blocks': the side of a window, channels of an attention head,
    and how much wider the hidden layer is. `squeeze` is by how much squeeze-and-excitation narrows.

    `adaptive` and `swin` are for ablations: a plain convolution and no Swin blocks without them. With
    `frozen_statistics` batch normalization uses its running statistics in training too, as it does when it fuses.
    """

    channels: int = 16
    branches: tuple[int, ...] = (1, 2, 3)
    code: int = 4
    window: int = 8
    head_width: int = 8
    mlp_ratio: int = 2
    squeeze: int = 4
    adaptive: bool = True
    swin: bool = True
    frozen_statistics: bool = False

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, from the full resolution down."""
        return tuple(self.channels * 2**level for level in range(len(self.branches)))


# The same network and weights, for the last epochs of a training.
FROZEN = replace(CSAFusionConfig(), frozen_statistics=True)

# Each leaves one part out; what the paper's Table 2 has beside it stands in docs/decisions/0015-csafusion.md.
ABLATIONS = {
    "csafusion-plain-convolution": replace(CSAFusionConfig(), adaptive=False),
    "csafusion-one-branch": replace(CSAFusionConfig(), branches=(1, 1, 1)),
    "csafusion-no-swin": replace(CSAFusionConfig(), swin=False),
}

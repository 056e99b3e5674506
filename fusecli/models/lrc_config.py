"""The sizes of the LRC network: the published one, a fast one, and the steps of the paper's ablation."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class LRCConfig:
    """Every size of the network. The default is `lrc`, with the paper's T = 16 and about its number of parameters.

    With a `gate_stride` above 1 the correlation gates, whose answer is a mean over all pixels, look at features that
    are averaged over squares of that side.

    The last three are for ablations: without `dense` a block sees the block before it alone, and the decoder the last
    layer alone; without `multi_scale` a block is its first convolution; the last `gated` layers have an LCFM (None:
    all).
    """

    channels: int = 16
    blocks: int = 4
    kernels: tuple[int, ...] = (3, 5, 7, 9)
    attention_cells: int = 7
    correlation_cells: int = 16
    decoder: tuple[int, ...] = (128, 64, 32, 16)
    slope: float = 0.2
    gate_stride: int = 1
    dense: bool = True
    multi_scale: bool = True
    gated: int | None = None

    @property
    def layers(self) -> int:
        """Encoder layers: the CMFEM blocks and the 1 x 1 layer after them."""
        return self.blocks + 1

    @property
    def fused_layers(self) -> tuple[bool, ...]:
        """For each layer that the decoder reads, whether it has an LCFM."""
        seen = self.layers if self.dense else 1
        gated = seen if self.gated is None else self.gated
        return tuple(layer >= seen - gated for layer in range(seen))


# `lrc-fast`: the same topology, slimmer, for processors without a GPU beside them.
FAST = LRCConfig(channels=8, decoder=(32, 16, 16, 8), gate_stride=4)

# The steps of the paper's ablation: every one adds a part to the one before; the last is `lrc`.
ABLATIONS = {
    "lrc-base": replace(LRCConfig(), dense=False, multi_scale=False, gated=0),
    "lrc-dense": replace(LRCConfig(), multi_scale=False, gated=0),
    "lrc-cmfem": replace(LRCConfig(), gated=0),
    "lrc-lcfm-last": replace(LRCConfig(), gated=1),
    "lrc-t8": replace(LRCConfig(), correlation_cells=8),
    "lrc-t32": replace(LRCConfig(), correlation_cells=32),
}

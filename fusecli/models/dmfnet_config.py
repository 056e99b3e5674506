"""The sizes of DM-FNet: its diffusion U-Net and the fusion on top of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DMFNetConfig:
    """Every size of the network. The default is `dmfnet`, the published one.

    The U-Net is `channels` times each of `multipliers` wide on its levels, from the full resolution down; each level
    halves the one above. `blocks` are the residual blocks of a level on the way down, and one more on the way up.
    `attention` are the levels with self-attention, counted from 0. `norm_groups` are the groups of every GroupNorm.

    `steps` is how many steps the diffusion has, and `read_at` those at which features are taken. `read_after` is how
    many of a level's residual blocks on the way up the features have behind them. `noise_side` is the side in pixels
    of the noise, which repeats. `head` is the width of the fusion, `squeeze` by how much its channel attention narrows.
    """

    channels: int = 128
    multipliers: tuple[int, ...] = (1, 1, 1, 1, 2)
    blocks: int = 2
    attention: tuple[int, ...] = (4,)
    norm_groups: int = 32
    dropout: float = 0.2
    steps: int = 2000
    read_at: tuple[int, ...] = (5, 10, 20)
    read_after: int = 3
    noise_side: int = 64
    head: int = 128
    squeeze: int = 4
    slope: float = 0.2

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level, from the full resolution down."""
        return tuple(self.channels * multiplier for multiplier in self.multipliers)

    @property
    def multiple(self) -> int:
        """What height and width are padded to a multiple of."""
        return int(2 ** (len(self.multipliers) - 1))


# Most of the time goes into the full resolution: it is narrow there, and the last two blocks there are not needed.
SMALL = DMFNetConfig(
    channels=16, multipliers=(1, 1, 2, 2, 4), norm_groups=4, dropout=0.0, read_after=1, head=16, squeeze=4
)

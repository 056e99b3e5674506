"""From what a scanner measured to brightness in 0..1, by a fixed window that the history states."""

from fusecli.normalize.polarity import white_hot
from fusecli.normalize.unit import to_unit, window_of

__all__ = ["to_unit", "white_hot", "window_of"]

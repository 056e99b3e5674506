"""Color for tracers: the hue says how much uptake there is, the brightness stays that of the fused image."""

from fusecli.catalog import PALETTES
from fusecli.color.paint import paint, paint_uptake, painted_colors
from fusecli.color.palettes import lookup

__all__ = ["PALETTES", "lookup", "paint", "paint_uptake", "painted_colors"]

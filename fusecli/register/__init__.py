"""MOVING onto FIXED's grid. Automatic alignment (methods, quality, alignment) will stand in this room."""

from fusecli.register.resampling import resample, resize

__all__ = ["resample", "resize"]

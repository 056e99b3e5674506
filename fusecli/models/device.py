"""Which processor the network runs on."""

import torch

from fusecli.errors import UsageError

# What the full network needs: 2.5 GB at 1024 x 1024.
BYTES_PER_PIXEL = 2500
# Of the device's memory: it is seldom there for one program alone.
SHARE = 0.25


def choose_device(wanted: str) -> tuple[str, str | None]:
    """The device to use for `auto`, `cpu` or `cuda`, and what to tell the user when it is not the one asked for.

    Raises UsageError for any other word.
    """
    available = torch.cuda.is_available()
    if wanted == "auto":
        return ("cuda" if available else "cpu"), None
    if wanted == "cuda" and not available:
        return "cpu", "There is no usable CUDA device here, so the network runs on the CPU."
    if wanted in ("cpu", "cuda"):
        return wanted, None
    raise UsageError(f"There is no device {wanted!r}.", hint="Choose auto, cpu or cuda.")


def slices_at_once(device: str, pixels: int) -> int:
    """How many slices of so many pixels a device should take at once: at least 1.

    A GPU is sized by all of its memory, not by what is free at the moment, so that a machine gives the same image every
    time: sums over several slices round otherwise. A CPU gains nothing by more than one.
    """
    if device == "cpu":
        return 1
    room = SHARE * torch.cuda.get_device_properties(device).total_memory
    return max(1, int(room // (BYTES_PER_PIXEL * pixels)))

"""Which processor the network runs on."""

import torch

from fusecli.errors import UsageError


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

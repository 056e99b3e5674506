"""Which library runs the network, told without loading either."""

from importlib.util import find_spec

from fusecli.core.processors import gpu_count
from fusecli.errors import ModelError, UsageError


def choose_backend(wanted: str, *, device: str, name: str, converted: bool) -> str:
    """`torch` or `openvino` for the network called `name`; `converted` says whether it ships in OpenVINO's format.

    `auto` takes OpenVINO where it is installed and the network is converted, unless a GPU is asked for, or `device` is
    `auto` and an NVIDIA driver shows one: then torch decides. Raises UsageError for another word, and for OpenVINO with
    a device that it does not run on; ModelError where OpenVINO is asked for and missing, or has no such network.
    """
    if wanted not in ("auto", "torch", "openvino"):
        raise UsageError(f"There is no backend {wanted!r}.", hint="Choose auto, torch or openvino.")
    if wanted == "openvino":
        _check_openvino(device, name, converted)
        return wanted
    on_cpu = device == "cpu" or (device == "auto" and gpu_count() == 0)
    return "openvino" if wanted == "auto" and converted and openvino_is_installed() and on_cpu else "torch"


def _check_openvino(device: str, name: str, converted: bool) -> None:
    if device not in ("auto", "cpu"):
        raise UsageError(
            f"The OpenVINO backend does not run on {device!r}.", hint="Leave --device out, or use --backend torch."
        )
    if not openvino_is_installed():
        raise ModelError("The OpenVINO backend is not installed.", hint='Install it: pip install "fusecli[openvino]"')
    if not converted:
        raise ModelError(f"The model {name!r} is not shipped for OpenVINO.", hint="Use --backend torch.")


def openvino_is_installed() -> bool:
    """Whether OpenVINO could be imported."""
    return find_spec("openvino") is not None

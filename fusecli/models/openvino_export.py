"""Trained weights into OpenVINO's format: python -m fusecli.models.openvino_export NAME.

Writes NAME.openvino.xml and .bin beside the weights and their lines into the manifest. Needs openvino and torch.
"""

import argparse
import hashlib
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.jit import TracerWarning  # type: ignore[attr-defined]

from fusecli.atomic import replacing
from fusecli.models.network import trained
from fusecli.models.openvino import silent_openvino
from fusecli.models.weights import Weights, find_weights

# Any size: only these two sides of an image are free.
SHAPE = (1, 1, -1, -1)


def main() -> None:
    """The command."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("name", metavar="NAME", help="an entry of weights/manifest.toml")
    export(find_weights(words.parse_args().name))


def export(weights: Weights) -> None:
    """Convert the weights' network, and say in the manifest beside them what its files are.

    Raises ModelError when the weights are those of another network.
    """
    model = weights.path.with_name(f"{weights.name}.openvino.xml")
    # Half precision would move the result by more than 1e-4.
    silent_openvino().save_model(convert(trained(weights)), model, compress_to_fp16=False)
    manifest = weights.path.with_name("manifest.toml")
    text = listed(manifest.read_text(encoding="utf-8"), weights.name, _entry(weights, model))
    with replacing(manifest, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


def convert(network: nn.Module) -> Any:
    """The network as an openvino.Model of two images, (1, 1, H, W) of any H and W, by OpenVINO's reader of torch."""
    silent_openvino()
    from openvino.tools.ovc import convert_model

    with torch.inference_mode(), warnings.catch_warnings():
        # OpenVINO's reader of torch has no other way in.
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.", category=DeprecationWarning)
        # As torch does by default: of the checks in its own code the tracer need not speak.
        warnings.filterwarnings("ignore", category=TracerWarning, module=r"torch\.(?!jit)")
        return convert_model(network.eval(), example_input=(torch.rand(1, 1, 64, 72),) * 2, input=[SHAPE, SHAPE])


def listed(manifest: str, name: str, entry: str) -> str:
    """The text of the manifest with `entry` at the end of what it says of `name`, in place of an earlier one."""
    tables = manifest.replace("\n[", "\n\0[").split("\0")
    kept = [table.rstrip("\n") for table in tables if not table.startswith(f"[{name}.openvino]")]
    last = max(i for i, table in enumerate(kept) if table.startswith((f"[{name}]", f"[{name}.")))
    return "\n\n".join([*kept[: last + 1], entry, *kept[last + 1 :]]) + "\n"


def _entry(weights: Weights, model: Path) -> str:
    numbers = model.with_suffix(".bin")
    lines = [
        f"[{weights.name}.openvino]",
        f'made_from = "{weights.sha256}"',
        f'made_with = "openvino {version("openvino")}, torch {version("torch")}"',
        f'model = "{model.name}"',
        f'model_sha256 = "{_sha256(model)}"',
        f'numbers = "{numbers.name}"',
        f'numbers_sha256 = "{_sha256(numbers)}"',
    ]
    return "\n".join(lines)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()

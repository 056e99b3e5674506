"""A converted network on the CPU by OpenVINO, without torch."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from fusecli.models.tiled import Grey, TiledFuser
from fusecli.models.volume import OnTile
from fusecli.models.weights import find_converted

# By default some CPUs compute in bf16, whose 8 bits of mantissa show in the image.
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
CONVERTER = "openvino.tools.ovc"


def load_converted(name: str, *, on_tile: OnTile | None = None) -> "OpenVinoFuser":
    """The network called `name` as it ships for OpenVINO; `on_tile` as `fuse_tiled` has it.

    Raises ModelError when the files are missing, their hash is wrong, or they were made from other weights.
    """
    converted = find_converted(name)
    return OpenVinoFuser(converted.model, name=name, weights_sha256=converted.made_from, on_tile=on_tile)


class OpenVinoFuser(TiledFuser):
    """Runs the network in the file `model`, OpenVINO's XML with its numbers beside it."""

    def __init__(
        self,
        model: Path,
        *,
        name: str,
        weights_sha256: str | None,
        notes: Sequence[str] = (),
        on_tile: OnTile | None = None,
    ) -> None:
        openvino = silent_openvino()
        version = openvino.get_version().split("-")[0]
        super().__init__(
            name=name,
            weights_sha256=weights_sha256,
            device="cpu",
            backend=f"openvino {version}",
            notes=notes,
            on_tile=on_tile,
        )
        self._core = openvino.Core()
        self._model = self._core.read_model(model)
        self._compiled: Any = None

    def _run(self, fixed: Grey, moving: Grey) -> Grey:
        if self._compiled is None:
            self._compiled = self._core.compile_model(self._model, "CPU", SETTINGS | _thread_limit())
        images = [np.array(image, dtype=np.float32)[None, None] for image in (fixed, moving)]
        return np.asarray(np.clip(self._compiled(images)[0][0, 0], 0, 1), dtype=np.float32)

    def _is_out_of_memory(self, error: Exception) -> bool:
        # The CPU plugin raises a bare RuntimeError.
        words = ("Failed to allocate", "bad_alloc")
        return isinstance(error, MemoryError) or any(word in str(error) for word in words)

    def _recover(self) -> None:
        # A network that ran out of memory keeps the shapes of that run and fails for every other size.
        self._compiled = None


def _thread_limit() -> dict[str, int]:
    """OpenVINO does not read OMP_NUM_THREADS by itself, by which workers that share a machine are limited."""
    count = os.environ.get("OMP_NUM_THREADS", "")
    return {"INFERENCE_NUM_THREADS": int(count)} if count.isdecimal() and int(count) > 0 else {}


def silent_openvino() -> Any:
    """The package openvino, kept from reporting its use.

    Importing it loads its converter, which sends an event to Google Analytics and makes a client number in the home
    folder, by the package openvino_telemetry and unless that is missing. So it is made missing for this process. The
    converter is not needed to run a network, and takes 50 ms to load.
    """
    if "openvino" not in sys.modules:
        for part in ("openvino_telemetry", CONVERTER):
            sys.modules[part] = None  # type: ignore[assignment]
        import_module("openvino")
        # Whoever converts a network in this process can: only the reporting stays away.
        del sys.modules[CONVERTER]
    return sys.modules["openvino"]

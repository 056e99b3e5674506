"""A converted network on the CPU by OpenVINO, without torch."""

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from fusecli.core.processors import thread_count, thread_limit
from fusecli.models.tiled import Grey, TiledFuser
from fusecli.models.volume import OnTile
from fusecli.models.weights import find_converted

# Slices of a volume go side by side, a thread each: all threads on one slice wait for one another at every layer.
# Each takes memory of its own: `lrc` 0.8 GB for 512 x 512 pixels, 2.7 GB for 1024 x 1024.
MOST_AT_ONCE, MOST_PIXELS = 4, 2**20
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
        self._requests: list[Any] = []  # as many as slices can go side by side

    def _run(self, fixed: Grey, moving: Grey) -> Grey:
        if fixed.ndim == 3:
            return self._side_by_side(fixed, moving)
        return self._side_by_side(fixed[np.newaxis], moving[np.newaxis]).reshape(fixed.shape)

    def _side_by_side(self, fixed: Grey, moving: Grey) -> Grey:
        """The network on each of some tiles, (tile, row, column)."""
        fused = np.empty(fixed.shape, dtype=np.float32)
        requests = self._requests_for(len(fixed))[: len(fixed)]
        for request, *images in zip(requests, fixed, moving, strict=True):
            request.start_async([np.array(image, dtype=np.float32)[None, None] for image in images])
        for request, result in zip(requests, fused, strict=True):
            request.wait()
            np.clip(request.get_output_tensor().data[0, 0], 0, 1, out=result)
        return fused

    def _requests_for(self, count: int) -> list[Any]:
        if len(self._requests) < count:
            # The last slice of a volume takes one of them: a network compiled for it alone would take its memory too.
            compiled = self._core.compile_model(self._model, "CPU", _settings(count))
            self._requests = [compiled.create_infer_request() for _ in range(count)]
        return self._requests

    def _sized_to_device(self, pixels: int) -> int:
        return max(1, min(thread_count(), MOST_AT_ONCE, MOST_PIXELS // pixels))

    def _is_out_of_memory(self, error: Exception) -> bool:
        # The CPU plugin raises a bare RuntimeError.
        words = ("Failed to allocate", "bad_alloc")
        return isinstance(error, MemoryError) or any(word in str(error) for word in words)

    def _recover(self) -> None:
        # A request that ran out of memory keeps the shapes of that run and fails for every other size.
        self._requests.clear()


def _settings(streams: int) -> dict[str, Any]:
    # By default some CPUs compute in bf16, whose 8 bits of mantissa show in the image.
    chosen: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
    chosen |= {"PERFORMANCE_HINT": "LATENCY"} if streams == 1 else {"NUM_STREAMS": streams}
    if limit := thread_limit():  # which OpenVINO does not read by itself
        chosen["INFERENCE_NUM_THREADS"] = limit
    return chosen


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

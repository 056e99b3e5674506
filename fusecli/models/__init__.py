"""The networks and the baselines, behind one contract: two UNIT arrays in, one out. The only torch besides train/."""

from typing import TYPE_CHECKING

from fusecli import catalog
from fusecli.errors import ModelError

if TYPE_CHECKING:
    from fusecli.models.baselines import Baseline
    from fusecli.models.registering import TrainedRegistration
    from fusecli.models.tiled import TiledFuser
    from fusecli.models.volume import OnTile


def load(
    name: str,
    *,
    device: str = "auto",
    backend: str = "auto",
    alpha: float = 0.5,
    on_tile: "OnTile | None" = None,
) -> "Baseline | TiledFuser":
    """The fuser called `name` in the catalog, ready to run on `device` (auto, cpu or cuda) by `backend`.

    `backend` is auto, torch or openvino, as `choose_backend` has it. `alpha` is MOVING's share in the `alpha` model,
    0..1. Baselines run in numpy and load neither backend. `on_tile(done, total)` is called after each tile of an image
    that is too large for one pass.

    Raises ModelError for an unknown name, missing weights, weights whose hash is wrong, or a missing backend.
    """
    if name not in catalog.MODELS:
        known = ", ".join(catalog.MODELS)
        raise ModelError(f"There is no model called {name!r}.", hint=f"Choose one of: {known}")
    if catalog.MODELS[name].needs_weights:
        return _load_network(name, device, backend, on_tile)
    from fusecli.models.baselines import baseline

    return baseline(name, alpha=alpha)


def _load_network(name: str, device: str, backend: str, on_tile: "OnTile | None") -> "TiledFuser":
    from fusecli.models.backend import choose_backend
    from fusecli.models.weights import list_weights

    # Whoever loads the files checks them: to hash them here as well would read them twice.
    weights = list_weights().get(name)
    converted = weights is not None and weights.converted is not None
    if choose_backend(backend, device=device, name=name, converted=converted) == "openvino":
        from fusecli.models.openvino import load_converted

        return load_converted(name, on_tile=on_tile)
    from fusecli.models.network import load_network

    return load_network(name, device=device, on_tile=on_tile)


def load_registration() -> "TrainedRegistration":
    """The network that bends a CT, PET or SPECT onto an MRI of the head: `register.align` takes it as `network`.

    Raises ModelError for missing weights, or weights whose hash is wrong.
    """
    from fusecli.models.registering import load_registration as load_named

    return load_named(catalog.REGISTRATION_MODEL.name)

"""The networks and the baselines, behind one contract: two UNIT arrays in, one out. The only torch besides train/."""

from typing import TYPE_CHECKING

from fusecli import catalog
from fusecli.errors import ModelError

if TYPE_CHECKING:
    from fusecli.models.baselines import Baseline
    from fusecli.models.network import NetworkFuser


def load(name: str, *, device: str = "auto", alpha: float = 0.5) -> "Baseline | NetworkFuser":
    """The fuser called `name` in the catalog, ready to run on `device` (auto, cpu or cuda).

    `alpha` is MOVING's share in the `alpha` model, 0..1. Baselines run in numpy and load no torch.

    Raises ModelError for an unknown name, missing weights, or weights whose hash is wrong.
    """
    if name not in catalog.MODELS:
        known = ", ".join(catalog.MODELS)
        raise ModelError(f"There is no model called {name!r}.", hint=f"Choose one of: {known}")
    if catalog.MODELS[name].needs_weights:
        from fusecli.models.network import load_network

        return load_network(name, device=device)
    from fusecli.models.baselines import baseline

    return baseline(name, alpha=alpha)

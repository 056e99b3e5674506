"""fusecli: two medical images of one patient become one."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Resolved on first use, so that `import fusecli` and `fusecli --help` load nothing heavy.
_PUBLIC = {
    "Image": "fusecli.core.image",
    "Pair": "fusecli.core.pair",
    "fuse": "fusecli.fusion",
    "read": "fusecli.formats",
    "write": "fusecli.formats",
}

__all__ = ["Image", "Pair", "__version__", "fuse", "read", "write"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'fusecli' has no attribute '{name}'")

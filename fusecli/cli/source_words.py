"""What `fuse` and `metrics` are told of their sources, by the names of their parameters."""

import inspect
from collections.abc import Mapping
from typing import Any

from fusecli.cli import options, suv_options
from fusecli.settings import FuseSettings

_OF_SOURCES = tuple(name for name in inspect.signature(options.fuse_settings).parameters if name != "reading")
_OF_READING = tuple(inspect.signature(suv_options.reading_settings).parameters)


def source_settings(words: Mapping[str, Any]) -> FuseSettings:
    """How the sources are chosen, read and shown.

    Raises UsageError for a word that is not known.
    """
    reading = suv_options.reading_settings(**{name: words[name] for name in _OF_READING})
    return options.fuse_settings(reading=reading, **{name: words[name] for name in _OF_SOURCES})

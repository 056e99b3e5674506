"""What commands are told of their sources and of how to fuse them, by the names of their parameters."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fusecli.catalog import BACKENDS, DEVICES, PALETTES
from fusecli.cli import options, suv_options
from fusecli.cli.options import one_of
from fusecli.settings import FuseSettings

_OF_SOURCES = tuple(name for name in inspect.signature(options.fuse_settings).parameters if name != "reading")
_OF_READING = tuple(inspect.signature(suv_options.reading_settings).parameters)


def source_settings(words: Mapping[str, Any]) -> FuseSettings:
    """How the sources are chosen, read and shown.

    Raises UsageError for a word that is not known.
    """
    reading = suv_options.reading_settings(**{name: words[name] for name in _OF_READING})
    return options.fuse_settings(reading=reading, **{name: words[name] for name in _OF_SOURCES})


def fusing_settings(words: Mapping[str, Any]) -> FuseSettings:
    """As `source_settings`, and what runs a model and colors its result.

    Raises UsageError for a word that is not known.
    """
    return replace(
        source_settings(words),
        device=str(one_of("--device", words["device"], DEVICES)),
        backend=str(one_of("--backend", words["backend"], BACKENDS)),
        palette=one_of("--palette", words["palette"], tuple(PALETTES)),
    )

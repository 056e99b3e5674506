"""The options of `fuse` as words, for commands that fuse many pairs: from a command line, or a row of a table."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, get_args, get_origin

from fusecli.cli.fuse import fuse
from fusecli.cli.fuse import settings_of as fuse_settings
from fusecli.errors import UsageError
from fusecli.settings import FuseSettings

# What `fuse` is told of one pair and of its files, which many pairs cannot share.
_OF_ONE_PAIR = (
    "fixed", "moving", "output", "format_", "mip", "coverage", "mask", "report", "json", "overwrite",
    "apply", "transform", "check",
)  # fmt: skip
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")

_ALL = inspect.signature(fuse, eval_str=True).parameters
_PARAMETERS = {name: parameter for name, parameter in _ALL.items() if name not in _OF_ONE_PAIR}
_DEFAULTS = {name: _ALL[name].default for name in _OF_ONE_PAIR}

# What a table calls them: as on the command line, with `_` for `-`.
COLUMNS = {name.rstrip("_"): name for name in _PARAMETERS}


def with_fuse_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with all options of `fuse` that are not about files, as its keyword argument `words`."""
    own = inspect.signature(command, eval_str=True)
    merged = [*(parameter for name, parameter in own.parameters.items() if name != "words"), *_PARAMETERS.values()]

    @wraps(command)
    def extended(**given: Any) -> None:
        words = {name: given.pop(name) for name in _PARAMETERS}
        command(**given, words=words)

    keyword = inspect.Parameter.KEYWORD_ONLY
    extended.__signature__ = own.replace(parameters=[p.replace(kind=keyword) for p in merged])  # type: ignore[attr-defined]
    del extended.__wrapped__
    return extended


def settings_of(words: Mapping[str, Any], row: Mapping[str, str]) -> FuseSettings:
    """The settings of a case: `words` of the command line, and what its `row` says instead, by the names of COLUMNS.

    Raises UsageError for words that are not known, or that make no sense together.
    """
    given = {**words, **{COLUMNS[column]: _value(column, text) for column, text in row.items()}}
    return fuse_settings({**_DEFAULTS, **given})


def _value(column: str, text: str) -> Any:
    """The text of a cell as the type that its option has."""
    wanted = _type_of(_PARAMETERS[COLUMNS[column]])
    if wanted is bool:
        if text.lower() not in (*_TRUE, *_FALSE):
            raise UsageError(f"{column} {text} is neither true nor false.", hint="Write true or false.")
        return text.lower() in _TRUE
    if wanted is float:
        try:
            return float(text)
        except ValueError:
            raise UsageError(f"{column} {text} is not a number.") from None
    return text


def _type_of(parameter: inspect.Parameter) -> type:
    annotation = parameter.annotation
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return next((kind for kind in (bool, float) if kind in (annotation, *get_args(annotation))), str)

"""How much a command says: `-q` and `--debug` are understood before its name, and after it too."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from fusecli.cli import console

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an unexpected error.")]

OPTIONS = ("quiet", "debug")


def with_manner(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options Quiet and Debug, which add to those that were given before its name."""
    own = inspect.signature(command, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY

    @wraps(command)
    def extended(*, quiet: bool, debug: bool, **given: Any) -> None:
        console.configure(quiet=quiet or console.is_quiet(), debug=debug or console.is_debugging())
        command(**given)

    added = zip(OPTIONS, (Quiet, Debug), strict=True)
    extended.__signature__ = own.replace(  # type: ignore[attr-defined]
        parameters=[
            *(parameter.replace(kind=keyword) for parameter in own.parameters.values()),
            *(inspect.Parameter(name, keyword, default=False, annotation=option) for name, option in added),
        ]
    )
    del extended.__wrapped__
    return extended

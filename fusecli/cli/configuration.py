"""Defaults of options from the environment, then from ./fusecli.toml, then from the user's own file."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

from fusecli.errors import UsageError

PROJECT_FILE = Path("fusecli.toml")
PREFIX = "FUSECLI"


def user_file() -> Path:
    """The user's own file; on Linux ~/.config/fusecli/fusecli.toml."""
    return Path(typer.get_app_dir("fusecli")) / PROJECT_FILE.name


def configured(program: Any, environment: Mapping[str, str]) -> dict[str, Any]:
    """The defaults of all commands that were set outside of the command line, in the form of click's default_map.

    A file has a table for each command, [fuse] or [models.list], with long options as keys: `suv-range = "0-5"`. In the
    environment that is FUSECLI_FUSE_SUV_RANGE, which counts before both files; the file in the current folder counts
    before the user's. `program` is a group of click.

    Raises UsageError for a file that cannot be read, and for a command or an option that does not exist.
    """
    defaults: dict[str, Any] = {}
    for path in (user_file(), PROJECT_FILE):
        if path.is_file():
            defaults = _merged(defaults, _understood(_read(path), program, str(path), ()))
    return _merged(defaults, _from_environment(program, environment, PREFIX))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", why=f"{error}.", hint="Correct it, or remove it.") from error


def _understood(table: Mapping[str, Any], command: Any, file: str, place: tuple[str, ...]) -> dict[str, Any]:
    """A table of the file as click knows it: commands by their names, options by those of their parameters."""
    commands: Mapping[str, Any] = getattr(command, "commands", {})
    options = dict(_options(command)) if place else {}
    understood: dict[str, Any] = {}
    for key, value in table.items():
        if key in commands and isinstance(value, dict):
            understood[key] = _understood(value, commands[key], file, (*place, key))
        elif key.replace("_", "-") in options and not isinstance(value, dict):
            understood[options[key.replace("_", "-")]] = value
        else:
            raise _unknown(key, (*commands, *options), file, place)
    return understood


def _from_environment(command: Any, environment: Mapping[str, str], prefix: str) -> dict[str, Any]:
    understood: dict[str, Any] = {}
    commands: Mapping[str, Any] = getattr(command, "commands", {})
    _check_commands(environment, prefix, tuple(commands))
    for name, inner in commands.items():
        start = f"{prefix}_{name.upper()}"
        if hasattr(inner, "commands"):
            understood[name] = _from_environment(inner, environment, start)
            continue
        own = {
            variable.removeprefix(f"{start}_").lower(): value
            for variable, value in environment.items()
            if variable.startswith(f"{start}_")
        }
        understood[name] = _understood(own, inner, f"The environment (as {start}_...)", (name,))
    return understood


def _check_commands(environment: Mapping[str, str], prefix: str, commands: tuple[str, ...]) -> None:
    """Raises UsageError for a variable that is nearly one of a command; others, such as FUSECLI_WEIGHTS, may be."""
    for variable in environment:
        word = variable.removeprefix(f"{prefix}_").partition("_")[0].lower()
        is_ours = variable.startswith(f"{prefix}_") and word not in commands
        if is_ours and get_close_matches(word, commands, n=1, cutoff=0.75):
            raise _unknown(word, commands, f"The environment (as {variable})", ())


def _options(command: Any) -> Iterator[tuple[str, str]]:
    """Each long option of a command without its dashes, and the name of its parameter."""
    for parameter in command.params:
        for word in getattr(parameter, "opts", ()):
            if word.startswith("--"):
                yield word.removeprefix("--"), str(parameter.name)


def _unknown(key: str, known: tuple[str, ...], file: str, place: tuple[str, ...]) -> UsageError:
    where = f" in [{'.'.join(place)}]" if place else ""
    near = get_close_matches(key.replace("_", "-"), known, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known there: {', '.join(known)}."
    return UsageError(f"{file} has {key!r}{where}, which is not known.", hint=hint)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        merged[key] = _merged(below.get(key, {}), value) if isinstance(value, dict) else value
    return merged

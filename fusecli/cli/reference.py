"""docs/commands.md, made from the program itself: `python -m fusecli.cli.reference > docs/commands.md`."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from fusecli.cli import console
from fusecli.cli.app import app
from fusecli.cli.manner import OPTIONS

HEAD = """# Commands

Made from the program by `python -m fusecli.cli.reference`; do not edit by hand. A test compares the two.

Results go to stdout, everything else to stderr. [Exit codes](exit-codes.md) say how it ended.
"""

EVERYWHERE = "--quiet and --debug may stand before the command or after it, the others alone."


def reference() -> str:
    """The whole page as Markdown: every command with its help, arguments and options."""
    root: Any = typer.main.get_command(app)
    parts = [HEAD, "## Options of every command\n", EVERYWHERE + "\n", *_parameters(root)]
    for path, command in leaves("fusecli", root):
        parts += [f"\n## {path}\n", _prose(command.help), *_parameters(command)]
    return "\n".join(parts).rstrip() + "\n"


def leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Each command that does something, below a group of click, with the words that call it."""
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from leaves(f"{path} {name}", child)


def listed(command: Any) -> list[Any]:
    """The parameters of a command of click that a page tells; what every command takes is told of the program alone."""
    is_program = hasattr(command, "commands")
    shown = (parameter for parameter in command.params if not getattr(parameter, "hidden", False))
    return [parameter for parameter in shown if is_program or parameter.name not in OPTIONS]


def _prose(text: str) -> str:
    """The help text, with its `Example:` lines as code."""
    blocks = (" ".join(block.split()) for block in inspect.cleandoc(text).split("\n\n"))
    lines = [
        f"    {block.removeprefix('Example: ')}\n" if block.startswith("Example:") else block + "\n" for block in blocks
    ]
    return "\n".join(lines)


def _parameters(command: Any) -> list[str]:
    rows = [_row(parameter) for parameter in listed(command)]
    return ["| | | default |", "|---|---|---|", *rows] if rows else []


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    names = parameter.opts if is_option else [parameter.metavar or parameter.name.upper()]
    name = ", ".join(f"`{option}`" for option in names)
    metavar = f" {parameter.metavar}" if is_option and parameter.metavar else ""
    shown = parameter.default
    default = "required" if parameter.required else "" if shown is None or shown is False else f"{shown}"
    cells = (name + metavar, parameter.help or "", default)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


if __name__ == "__main__":
    console.emit(reference())

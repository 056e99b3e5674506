"""docs/commands.md, made from the program itself: `python -m fusecli.cli.reference > docs/commands.md`."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from fusecli.cli import console
from fusecli.cli.app import app

HEAD = """# Commands

Made from the program by `python -m fusecli.cli.reference`; do not edit by hand. A test compares the two.

Results go to stdout, everything else to stderr. [Exit codes](exit-codes.md) say how it ended.
"""


def reference() -> str:
    """The whole page as Markdown: every command with its help, arguments and options."""
    root: Any = typer.main.get_command(app)
    parts = [HEAD, "## Options of every command\n", *_parameters(root)]
    for name, command in root.commands.items():
        for path, leaf in _leaves(f"fusecli {name}", command):
            parts += [f"\n## {path}\n", _prose(leaf.help), *_parameters(leaf)]
    return "\n".join(parts).rstrip() + "\n"


def _leaves(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, child in command.commands.items():
        yield from _leaves(f"{path} {name}", child)


def _prose(text: str) -> str:
    """The help text, with its `Example:` lines as code."""
    blocks = (" ".join(block.split()) for block in inspect.cleandoc(text).split("\n\n"))
    lines = [
        f"    {block.removeprefix('Example: ')}\n" if block.startswith("Example:") else block + "\n" for block in blocks
    ]
    return "\n".join(lines)


def _parameters(command: Any) -> list[str]:
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
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

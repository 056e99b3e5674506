"""The man page fusecli(1), made from the program itself: `python -m fusecli.cli.manual > docs/fusecli.1`."""

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from fusecli import __version__
from fusecli import errors as tree
from fusecli.catalog import RESEARCH_USE
from fusecli.cli import console
from fusecli.cli.app import HUNG_UP, INTERRUPTED, TERMINATED, app
from fusecli.cli.reference import EVERYWHERE, leaves, listed

NAME = "fuse two medical images of one patient into one"
TAIL = """.SH ENVIRONMENT
.TP
.B FUSECLI_COMMAND_OPTION
The default of an option: FUSECLI_FUSE_WINDOW=lung is \\-\\-window lung of fusecli fuse. It counts before both files.
.TP
.B NO_COLOR
Nothing on the terminal is colored.
.SH FILES
.TP
.I ./fusecli.toml
Defaults of options in this folder: a table for each command, such as [fuse], with long options as keys.
.TP
.I ~/.config/fusecli/fusecli.toml
The same for one user. The file in the current folder counts before it.
"""


def manual() -> str:
    """The page in roff with the macros of man(7): every command with its help, arguments and options."""
    root: Any = typer.main.get_command(app)
    parts = [
        f'.TH FUSECLI 1 "" "fusecli {__version__}" "User Commands"',
        f".SH NAME\nfusecli \\- {NAME}",
        ".SH SYNOPSIS\n.B fusecli\n[\\fIoptions\\fR] \\fIcommand\\fR [\\fIarguments\\fR]",
        f".SH DESCRIPTION\n{_text(root.help)}\n.PP\nResults go to stdout, everything else to stderr.",
        f".SH OPTIONS\n{_escaped(EVERYWHERE)}",
        *_parameters(root),
        ".SH COMMANDS",
    ]
    for path, command in leaves("fusecli", root):
        parts += [f".SS {_escaped(path)}", _text(command.help), *_parameters(command)]
    return "\n".join([*parts, ".SH EXIT STATUS", *_exit_codes(), TAIL + f".SH NOTES\n{_escaped(RESEARCH_USE)}"]) + "\n"


def _text(help_: str) -> str:
    """Paragraphs; `Example:` lines as they are typed."""
    blocks = (" ".join(block.split()) for block in inspect.cleandoc(help_).split("\n\n"))
    return "\n.PP\n".join(_example(block) if block.startswith("Example:") else _escaped(block) for block in blocks)


def _example(block: str) -> str:
    return f".EX\n{_escaped(block.removeprefix('Example: '))}\n.EE"


def _parameters(command: Any) -> Iterator[str]:
    for parameter in listed(command):
        yield f".TP\n{_names(parameter)}\n{_escaped(parameter.help or '')}{_default(parameter)}"


def _names(parameter: Any) -> str:
    if parameter.param_type_name != "option":
        return f"\\fI{_escaped(parameter.metavar or parameter.name.upper())}\\fR"
    names = ", ".join(f"\\fB{_escaped(name)}\\fR" for name in (*parameter.opts, *parameter.secondary_opts))
    return names + (f" \\fI{_escaped(parameter.metavar)}\\fR" if parameter.metavar else "")


def _default(parameter: Any) -> str:
    shown = parameter.default
    return (
        "" if parameter.required or shown is None or isinstance(shown, bool) else f" Default: {_escaped(str(shown))}."
    )


def _exit_codes() -> Iterator[str]:
    """Every code once, in the order of the numbers, with the first class of error that has it."""
    meanings = {
        0: "Done.",
        HUNG_UP: "Ended by SIGHUP.",
        INTERRUPTED: "Interrupted by Ctrl-C.",
        TERMINATED: "Ended by SIGTERM.",
    }
    for kind in vars(tree).values():
        if isinstance(kind, type) and issubclass(kind, tree.FusecliError):
            meanings.setdefault(kind.exit_code, _meaning(kind))
    yield from (f".TP\n.B {code}\n{_escaped(meanings[code])}" for code in sorted(meanings))


def _meaning(kind: type[tree.FusecliError]) -> str:
    own_bug = "A bug of fusecli: one line says where the details are."
    return own_bug if kind is tree.FusecliError else str(kind.__doc__).split("\n", 1)[0]


def _escaped(text: str) -> str:
    """Text that roff prints as it is: `-` as the ASCII sign, and no line that begins with a command."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("\n", " ")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    console.emit(manual())

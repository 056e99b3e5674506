"""The program `fusecli`: its commands, and what happens when one of them fails."""

import os
import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer

from fusecli import __version__
from fusecli.catalog import RESEARCH_USE
from fusecli.cli import console
from fusecli.cli.batch import batch
from fusecli.cli.compare import compare
from fusecli.cli.configuration import configured
from fusecli.cli.convert import convert
from fusecli.cli.demo import demo
from fusecli.cli.evaluate import evaluate
from fusecli.cli.fuse import fuse
from fusecli.cli.info import info
from fusecli.cli.manner import Debug, Quiet, with_manner
from fusecli.cli.metrics import metrics
from fusecli.cli.models import models
from fusecli.cli.register import register
from fusecli.cli.train import train
from fusecli.errors import FusecliError, MemoryLimitError

INTERRUPTED = 130
TERMINATED = 143
HUNG_UP = 129
OUT_OF_MEMORY = MemoryLimitError(
    "There is not enough memory.", hint="Close other programs, or fuse one slice: --slice N"
)

app = typer.Typer(
    name="fusecli",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (fuse, batch, register, compare, metrics, evaluate, convert, info, demo):
    app.command()(command)
app.add_typer(models, name="models")
app.command()(train)
for registered in (*app.registered_commands, *models.registered_commands):
    if registered.callback is not None:
        registered.callback = with_manner(registered.callback)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fusecli {__version__}")  # noqa: T201
        console.say(RESEARCH_USE)
        raise typer.Exit


@app.callback(epilog=RESEARCH_USE)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=_print_version, is_eager=True)
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fuse two medical images of one patient into one: CT+PET, MRI+PET, MRI+SPECT, CT+MRI.

    Example: fusecli fuse ct.dcm pet.dcm -o fused.png
    """
    console.configure(quiet=quiet, debug=debug)
    context.default_map = configured(context.command, os.environ)


def main() -> None:
    """Run the program and end the process with the exit code of docs/exit-codes.md."""
    # A batch queue ends a job by SIGTERM, a lost connection by SIGHUP: unwind like Ctrl-C does, so that no half-written
    # file stays. nohup has SIGHUP ignored, and so it stays.
    with suppress(ValueError):  # only the main thread may listen
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, lambda *_: sys.exit(HUNG_UP))
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            console.say("Interrupted.")
        raise
    except FusecliError as error:
        console.fail(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        console.say("Interrupted.")
        sys.exit(INTERRUPTED)
    except MemoryError:
        console.fail(OUT_OF_MEMORY)
        sys.exit(OUT_OF_MEMORY.exit_code)
    except Exception as error:
        console.fail_unexpectedly(error)
        sys.exit(1)

"""What a person reads: stderr. Data goes to stdout by `emit`."""

import io
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from fusecli.errors import FusecliError, OutputError

if TYPE_CHECKING:
    from fusecli.core.pair import Pair
    from fusecli.report.record import RunRecord

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class _Manner:
    quiet: bool = False
    debug: bool = False


_manner = _Manner()


def configure(*, quiet: bool, debug: bool) -> None:
    """How the rest of the process talks. A letter that the terminal cannot show is written as its number."""
    _hold_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    _manner.quiet, _manner.debug = quiet, debug


def _hold_closed_streams() -> None:
    # The system gives a closed stream's number to the next file that is opened: a result, into which a library's
    # remarks on stderr would then be written.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


def is_quiet() -> bool:
    """Whether --quiet was given."""
    return _manner.quiet


def is_debugging() -> bool:
    """Whether --debug was given."""
    return _manner.debug


def emit(text: str) -> None:
    """Data: one line on stdout. When whoever read it has gone, the process ends without a word.

    Raises OutputError when stdout is closed or full.
    """
    _check_stdout()
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
        sys.exit(0)
    except OSError as error:
        _silence(sys.stdout)
        raise OutputError("The result could not be printed.", why=f"stdout: {error.strerror}.") from error


def _check_stdout() -> None:
    if sys.stdout is None:
        raise OutputError("The result could not be printed: stdout is closed.")


def _silence(stream: TextIO) -> None:
    # Python flushes once more at exit, and would complain then.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str) -> None:
    """A remark on stderr, unless --quiet."""
    if not _manner.quiet:
        _remark(text)


def warn(texts: Sequence[str]) -> None:
    """Warnings on stderr, also with --quiet: they change how far a result can be trusted."""
    for text in texts:
        _remark(f"Warning: {text}")


def fail(error: FusecliError) -> None:
    """What is wrong, why, and what to try."""
    _remark(f"Error: {error.what}")
    for part in (error.on_screen or error.why, error.hint):
        if part:
            _remark(f"  {part}")
    if _manner.debug:
        traceback.print_exception(error)


def fail_unexpectedly(error: Exception) -> None:
    """Our own bug: one line and where the traceback lies, or the traceback itself with --debug."""
    if _manner.debug:
        traceback.print_exception(error)
        return
    handle, path = tempfile.mkstemp(prefix="fusecli-error-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as log:
        traceback.print_exception(error, file=log)
    _remark(f"Error: fusecli met a bug of its own ({type(error).__name__}). The details are in {path}")


def _remark(text: str) -> None:
    # A result is not lost because nobody listens to what is said about it.
    with suppress(OSError, AttributeError):
        sys.stderr.write(text + "\n")


def summary(record: "RunRecord", *, table: bool = True) -> None:
    """What a fusion did, on stderr: warnings, windows, time, and the scores as a table."""
    warn(record.warnings)
    for role, facts in record.windows.items():
        _say_window(role, record.inputs[role]["modality"], facts["text"])
    say(f"Fused with {record.model['name']} on {record.device} in {record.timings_s['total']:.1f} s.")
    if table and record.metrics:
        from fusecli.cli.score_table import score_table

        score_table(record.metrics)


def say_windows(pair: "Pair") -> None:
    """By which window each source of a pair became brightness."""
    from fusecli import normalize

    for role, image in pair.named().items():
        _say_window(role, image.modality.value, str(normalize.window_of(image)))


def _say_window(role: str, modality: str, text: str) -> None:
    """By which window one of the two sources is shown, on stderr."""
    say(f"{role.upper():<6} {modality:<5} {text}")


def show(table: Any, *, to_stdout: bool = False, width: int | None = None) -> None:
    """A table of rich, on stdout as a result or on stderr as a remark; `width` in characters where a pipe has none."""
    if to_stdout:
        _check_stdout()
    if to_stdout or not _manner.quiet:
        out = _rich(to_stdout)
        if width is not None and not out.is_terminal:
            out.width = width
        out.print(table)


@contextmanager
def progress(title: str) -> Iterator[Progress]:
    """A bar on a terminal, with the time left; a line every tenth elsewhere; nothing with --quiet or for one step."""
    if _manner.quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        yield from _bar(title)
    else:
        yield _lines(title)


def _bar(title: str) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=_rich(False), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _lines(title: str) -> Progress:
    def report(done: int, total: int) -> None:
        tenth = max(1, total // 10)
        if total > 1 and (done % tenth == 0 or done == total):
            say(f"{title}: {done} of {total}")

    return report


def _rich(to_stdout: bool) -> Any:
    from rich.console import Console

    # NO_COLOR and a pipe turn color off by themselves; a pipe must not cut columns at 80 characters.
    console = Console(stderr=not to_stdout, highlight=False)
    if not console.is_terminal:
        console.width = 120
    return console

"""`fusecli batch`."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fusecli.cli import batch_report, console, options
from fusecli.cli.fuse_words import COLUMNS, settings_of, with_fuse_options
from fusecli.errors import InputError

if TYPE_CHECKING:
    from fusecli.batch.engines import Engine
    from fusecli.batch.plan import Plan

ENGINES = ("processes", "serial", "dask")
FORMATS = ("auto", "png", "jpg", "tif", "nii", "nii.gz", "dicom")


@with_fuse_options
def batch(
    source: Annotated[
        str,
        typer.Argument(
            metavar="MANIFEST|DIR|-", help="A table of cases (CSV, TSV or JSON lines), a folder, or - for stdin."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", parser=options.named_path, help="Folder of results and records."),
    ],
    *,
    words: Mapping[str, Any],
    fixed_glob: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="FIXED in a folder: its * is what MOVING's name shares.")
    ] = None,
    moving_glob: Annotated[str | None, typer.Option(metavar="PATTERN", help="MOVING in a folder, alike.")] = None,
    bids_fixed: Annotated[
        str | None, typer.Option(metavar="ct|T1w", help="Which images are FIXED in a folder with BIDS names.")
    ] = None,
    study_glob: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Studies in a folder: folders or ZIPs that hold both images.")
    ] = None,
    name: Annotated[
        str, typer.Option(metavar="TEMPLATE", help="Names of the results, without suffix.")
    ] = "{id}_{model}",
    format_: Annotated[
        str,
        typer.Option(
            "--format", metavar="|".join(FORMATS), help="auto: png for pictures and one slice, nii.gz for volumes."
        ),
    ] = "auto",
    engine: Annotated[str, typer.Option(metavar="|".join(ENGINES), help="Who does the cases.")] = "processes",
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Worker processes. Default: one for each core, or GPU.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT|FILE", help="A Dask cluster that runs already. Means --engine dask."),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time of one case; then it counts as failed.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Leave alone what an earlier run did and is whole.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, and do nothing.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            parser=options.named_path,
            help="Also write a page of all cases, .html: sortable, with small pictures and outliers marked.",
            show_default=False,
        ),
    ] = None,
    case_reports: Annotated[
        bool,
        typer.Option("--case-reports", help="Also write a page for each case, in DIR/reports; --report links to them."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON on stdout for each case.")] = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Fuse many pairs: all are tried, what fails is listed, and the same command again does the rest.

    DIR gets the results, a record for each, and results.csv and results.jsonl. The path of results.csv goes to stdout.
    A row of a table may have any option of its own, such as window or slice. docs/batch.md has the details.

    Example: fusecli batch cases.csv -o out

    Example: fusecli batch data --fixed-glob 'CT/*.png' --moving-glob 'PET/*.png' -o out --workers 4

    Example: fusecli batch study -o out --report out/index.html --case-reports

    Example: fusecli batch archive --study-glob '*.zip' -o out

    Example: grep -v excluded cases.jsonl | fusecli batch - -o out --json | jq .status
    """
    options.one_of("--engine", engine, ENGINES)
    options.one_of("--format", format_, FORMATS)
    from fusecli.batch import engines, index_page, plan

    index_page.check_page(report, output, overwrite=overwrite)
    if format_ == "dicom":
        words = {**words, "dicom": words["dicom"] or "series"}
    globs = plan.Globs(fixed_glob, moving_glob, bids_fixed, study_glob)
    found = plan.find_rows(source, COLUMNS, globs, _read_stdin)
    target = plan.Target(output, name, format_, resume, case_reports)
    made = plan.make_plan(found, target, lambda row: replace(settings_of(words, row), overwrite=overwrite))
    console.warn(made.notes)
    if dry_run:
        batch_report.show_plan(made, as_json=json)
        return
    chosen = engines.choose(
        engine, made.jobs, workers=workers, scheduler=scheduler, timeout_s=timeout, is_heard=console.is_debugging()
    )
    _run(made, output, chosen, report, as_json=json, overwrite=overwrite)


def _run(made: "Plan", output: Path, engine: "Engine", report: Path | None, *, as_json: bool, overwrite: bool) -> None:
    from fusecli.batch import index_page, run

    started = perf_counter()
    with batch_report.watching(len(made.jobs), as_json=as_json) as on_outcome:
        tally = run.run_batch(made, output, engine, on_outcome, overwrite=overwrite)
    index_page.write_page(output, report, overwrite=overwrite)
    batch_report.summarize(tally, perf_counter() - started)
    if not as_json:
        console.emit(str(output / "results.csv"))
    if tally.failures:
        raise batch_report.failed(tally, output)


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise InputError("There is no table on stdin: it is closed.", hint="Pipe one in, or give a file: cases.csv")
    return sys.stdin.buffer.read()

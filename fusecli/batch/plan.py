"""From files to jobs: what a batch is going to do, known and checked before any of it is done."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

from fusecli.batch.bids import FIXED_SUFFIXES, match_bids
from fusecli.batch.folder import match_folder, match_studies
from fusecli.batch.job import Job
from fusecli.batch.manifest import parse_manifest, read_manifest
from fusecli.batch.naming import check_distinct, check_template, output_name, suffix_for
from fusecli.batch.rows import Found, Row
from fusecli.errors import FusecliError, UsageError
from fusecli.settings import FuseSettings

# The options of a row, in the words of the command line, to settings.
SettingsOf = Callable[[Mapping[str, str]], FuseSettings]


@dataclass(frozen=True, slots=True)
class Globs:
    """How a folder is told apart: by two patterns of files, by one of whole studies, or, without any, by BIDS names."""

    fixed: str | None = None
    moving: str | None = None
    bids_fixed: str | None = None
    study: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where results go: the folder, the template of their names, one of naming.OUTPUT_FORMATS, and which stay.

    With `pages` each case gets a page of its own.
    """

    folder: Path
    template: str = "{id}_{model}"
    format: str = "auto"
    resume: bool = True
    pages: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs in the order of their source, and what a reader should know of files that are in none of them."""

    jobs: tuple[Job, ...]
    notes: tuple[str, ...]


def find_rows(source: str, options: Iterable[str], globs: Globs, stdin: Callable[[], bytes]) -> Found:
    """The cases of a source: a manifest, a folder, or `-` for a manifest from `stdin`.

    Raises what the readers of each do, and UsageError for patterns where there is no folder.
    """
    path, patterns = Path(source), (globs.fixed, globs.moving, globs.study)
    if patterns == (None, None, None):
        if source == "-":
            return parse_manifest(stdin(), options, folder=Path(), name="stdin")
        return _in_bids(path, globs.bids_fixed) if path.is_dir() else read_manifest(path, options)
    if source == "-" or path.is_file():
        raise UsageError(f"A pattern such as --fixed-glob is for a folder, and {source} is none.")
    return _by_patterns(path, *patterns)


def _by_patterns(folder: Path, fixed: str | None, moving: str | None, study: str | None) -> Found:
    if study is not None and fixed is None and moving is None:
        return match_studies(folder, study)
    if study is not None:
        raise UsageError(
            "--study-glob stands alone.", why="A study holds both images.", hint="Leave the other patterns out."
        )
    if fixed is None or moving is None:
        raise UsageError("--fixed-glob and --moving-glob go together.", hint="Give both.")
    return match_folder(folder, fixed, moving)


def _in_bids(folder: Path, suffix: str | None) -> Found:
    if suffix is not None and suffix not in FIXED_SUFFIXES:
        raise UsageError(f"--bids-fixed {suffix} is not known.", hint=f"Choose one of: {', '.join(FIXED_SUFFIXES)}")
    return match_bids(folder, FIXED_SUFFIXES if suffix is None else (suffix,))


def make_plan(found: Found, target: Target, settings_of: SettingsOf) -> Plan:
    """A job for each row, with a name that no other has.

    Raises UsageError for two cases of one id or name, for options that cannot be, for a single image without a
    counterpart, and for a result that would take the place of an input.
    """
    check_template(target.template)
    understood = _Understood(settings_of)
    _check_studies(found.rows)
    jobs = tuple(_job(row, target, understood.of(row)) for row in found.rows)
    check_distinct((job.id for job in jobs), what="id", hint="Give each row an id of its own.")
    check_distinct((_bare(job) for job in jobs), what="output", hint="Put {id} and {model} into --name.")
    _check_inputs(jobs)
    return Plan(jobs, found.notes)


def _check_studies(rows: Iterable[Row]) -> None:
    for row in rows:
        if row.moving is None and row.fixed.is_file() and not is_zipfile(row.fixed):
            raise UsageError(
                f"{row.where} does not say what MOVING is.",
                why=f"{row.fixed.name} is one file; only a folder or a ZIP may hold both images.",
                hint="Fill the column 'moving'.",
            )


class _Understood:
    """Settings by the words that they come from: many rows share them, and share the memory too."""

    def __init__(self, settings_of: SettingsOf) -> None:
        self._settings_of = settings_of
        self._known: dict[tuple[tuple[str, str], ...], FuseSettings] = {}

    def of(self, row: Row) -> FuseSettings:
        words = tuple(sorted(row.options.items()))
        if words not in self._known:
            self._known[words] = self._new(row)
        return self._known[words]

    def _new(self, row: Row) -> FuseSettings:
        try:
            return self._settings_of(row.options)
        except FusecliError as error:
            if not row.options:
                raise
            raise UsageError(f"{row.where}: {error.what}", why=error.why, hint=error.hint) from error


def _job(row: Row, target: Target, settings: FuseSettings) -> Job:
    suffix = suffix_for(target.format, row.fixed, is_one_slice=settings.slice_choice is not None, layout=settings.dicom)
    name = output_name(target.template, id=row.id, model=settings.model, suffix=suffix)
    return Job(row.id, row.fixed, row.moving, target.folder, name, settings, target.resume, target.pages)


def _bare(job: Job) -> str:
    """The name without its suffix: a volume written as pictures becomes a folder of that name."""
    return job.name.removesuffix(".nii.gz")


def _check_inputs(jobs: tuple[Job, ...]) -> None:
    # As texts: of a million cases, paths would take a gigabyte.
    inputs = {os.path.abspath(path) for job in jobs for path in job.inputs}
    folder = Path(os.path.abspath(jobs[0].folder))
    if any(str(place) in inputs for place in (folder, *folder.parents)):
        raise UsageError(
            f"{jobs[0].folder} lies in an input folder.",
            why="Each result would change what the next run reads there.",
            hint="Write beside it: -o",
        )
    for job in jobs:
        if os.path.join(folder, job.name) in inputs:
            raise UsageError(
                f"The result {job.folder / job.name} would take the place of an input.",
                hint="Choose another folder: -o",
            )

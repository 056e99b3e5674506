"""Making the result of a case: out of sight, then its record, then the result under its name."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from time import perf_counter
from typing import TYPE_CHECKING, Any

from fusecli.atomic import check_may_be_written, replacing
from fusecli.batch import records
from fusecli.batch.digest import content_digest
from fusecli.batch.fusers import Fusers
from fusecli.batch.job import Job
from fusecli.errors import InputError, OutputError
from fusecli.report.record import RunRecord, is_own_page

if TYPE_CHECKING:
    from fusecli.fusion import Fuser

# Where results are made before they appear. Below the output folder, so that a renaming is all they need to do so.
WORKSHOP = ".fusecli-batch"

# Called with True before libraries and the model are loaded, which no time limit should count, and with False after.
OnLoad = Callable[[bool], None]


def make(job: Job, key: str, fusers: Fusers, on_load: OnLoad, *, may_replace: bool) -> dict[str, Any]:
    """Fuse the pair, and give the document of its record.

    The record is written before the result appears under its name. So a record of a result that is not there is a case
    that was cut off, and what a batch made always has a record. `may_replace` allows the result to take the place of
    what stands there.

    Raises what `fuse_files` does, and OutputError where something stands that may not be replaced.
    """
    started = perf_counter()
    on_load(True)
    from fusecli import pipeline  # noqa: F401  here, where the clock of no case runs

    fuser = fusers.get(job.settings)
    on_load(False)
    _check_place(job, job.name, may_replace)
    _check_page(job, may_replace)
    with _workplace(job.folder / WORKSHOP) as workplace:
        fusion = _fused(job, fuser, workplace)
        made, name = fusion.output, fusion.output.name
        _check_place(job, name, may_replace)
        case = records.done(job, key, name, _digest_of(made, job), seconds=perf_counter() - started)
        document = {"case": case, "fusion": {**fusion.as_dict(), "output": name}}
        records.write(job, **document)
        _put_page(workplace, job, may_replace)
        _put_in_place(made, job, name, may_replace)
    return document


def _check_place(job: Job, name: str, may_replace: bool) -> None:
    """Whether the result may appear under this name; before the work, and again when it is known to be a folder."""
    from fusecli import formats

    target = job.folder / name
    check_may_be_written(target, overwrite=may_replace, folder_of=_folder_of(job, name))
    formats.check_not_an_input(target, job.inputs)
    if job.settings.dicom is not None:
        formats.check_not_beside_sources(target, job.inputs)


def _check_page(job: Job, may_replace: bool) -> None:
    """Whether the page may be written, where there is to be one; its folder is made."""
    if not job.page:
        return
    place = records.page_path(job)
    try:
        place.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{place.parent} could not be made.", why=f"{error.strerror or error}.") from error
    check_may_be_written(place, overwrite=may_replace or is_own_page(place))


def _folder_of(job: Job, name: str) -> re.Pattern[str] | None:
    """How the files of the result are called, where it is a folder: DICOM, or the slices of a volume as pictures."""
    from fusecli.formats import targets

    if job.settings.dicom is not None:
        return targets.folder_of_dicom(Path(name))
    # `fuse_files` takes the suffix off a folder of slices.
    return None if name == job.name else targets.folder_of_slices(Path(job.name), slices=2)


@contextmanager
def _workplace(workshop: Path) -> Iterator[Path]:
    place = workshop / token_hex(8)
    try:
        workshop.mkdir(exist_ok=True)  # not its parents: a folder that somebody took away stays away
        place.mkdir()
    except OSError as error:
        raise OutputError(f"{workshop} could not be written to.", why=f"{error.strerror or error}.") from error
    try:
        yield place
    except OutputError as error:
        # Nobody knows the workshop; the result is what could not be written.
        texts = [text.replace(str(place), str(workshop.parent)) for text in (error.what, error.why, error.hint)]
        raise OutputError(texts[0], why=texts[1], hint=texts[2]) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _fused(job: Job, fuser: "Fuser", workplace: Path) -> RunRecord:
    """Make the result, and the page where there is to be one; both under their names in `workplace`."""
    from fusecli import pipeline

    settings, target = replace(job.settings, overwrite=False), workplace / job.name
    if not job.page:
        return pipeline.fuse_files(job.fixed, job.moving, target, settings, fuser=fuser)
    fusion = pipeline.fuse_to(target, job.fixed, job.moving, settings, fuser=fuser, pictured=True)
    pipeline.write_report(fusion, workplace / records.page_path(job).name)
    return fusion.record


def _digest_of(made: Path, job: Job) -> str:
    try:
        return content_digest(made)
    except InputError as error:
        raise OutputError(
            f"{job.folder / made.name} could not be written.", why="What was made of it so far was removed."
        ) from error


def _put_page(workplace: Path, job: Job, may_replace: bool) -> None:
    """Put the page in its place, or remove one that shows what stood there before."""
    place = records.page_path(job)
    if not job.page:
        if is_own_page(place):
            with suppress(OSError):
                place.unlink()
        return
    with replacing(place, overwrite=may_replace or is_own_page(place)) as temporary:
        os.rename(workplace / place.name, temporary)


def _put_in_place(made: Path, job: Job, name: str, may_replace: bool) -> None:
    with replacing(job.folder / name, overwrite=may_replace, folder_of=_folder_of(job, name)) as temporary:
        os.rename(made, temporary)

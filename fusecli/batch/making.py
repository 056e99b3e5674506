"""Making the result of a case: out of sight, then its record, then the result under its name."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from time import perf_counter
from typing import Any

from fusecli.atomic import check_may_be_written, replacing
from fusecli.batch import records
from fusecli.batch.digest import content_digest
from fusecli.batch.fusers import Fusers
from fusecli.batch.job import Job
from fusecli.errors import OutputError

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
    from fusecli import pipeline

    fuser = fusers.get(job.settings)
    on_load(False)
    _check_place(job, job.name, may_replace)
    with _workplace(job.folder / WORKSHOP) as workplace:
        settings = replace(job.settings, overwrite=False)
        fusion = pipeline.fuse_files(job.fixed, job.moving, workplace / job.name, settings, fuser=fuser)
        made, name = fusion.output, fusion.output.name
        _check_place(job, name, may_replace)
        case = records.done(job, key, name, content_digest(made), seconds=perf_counter() - started)
        document = {"case": case, "fusion": {**fusion.as_dict(), "output": name}}
        records.write(job, **document)
        _put_in_place(made, job, name, may_replace)
    return document


def _check_place(job: Job, name: str, may_replace: bool) -> None:
    """Whether the result may appear under this name; before the work, and again when it is known to be a folder."""
    from fusecli import formats

    target, inputs = job.folder / name, (job.fixed, job.moving)
    check_may_be_written(target, overwrite=may_replace, folder_of=_folder_of(job, name))
    formats.check_not_an_input(target, inputs)
    if job.settings.dicom is not None:
        formats.check_not_beside_sources(target, inputs)


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
        place.mkdir(parents=True)
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


def _put_in_place(made: Path, job: Job, name: str, may_replace: bool) -> None:
    with replacing(job.folder / name, overwrite=may_replace, folder_of=_folder_of(job, name)) as temporary:
        os.rename(made, temporary)

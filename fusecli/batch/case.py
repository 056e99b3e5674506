"""One case, from its files to its outcome. Every engine calls this, and nothing else."""

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from fusecli.batch import records
from fusecli.batch.digest import case_key
from fusecli.batch.fusers import Fusers
from fusecli.batch.job import Job, Outcome, Status, explained
from fusecli.batch.making import OnLoad, make
from fusecli.catalog import MODELS
from fusecli.errors import FusecliError, OutputError


def run_case(job: Job, fusers: Fusers, on_load: OnLoad) -> Outcome:
    """Do the case, unless an earlier run did. Whatever goes wrong becomes an outcome; nothing half-done is left.

    `on_load` as `make` has it.
    """
    started = perf_counter()
    record = records.read(records.record_path(job))
    whole = records.is_whole(job.folder, record)
    try:
        key = key_of(job)
        if whole and job.resume and record is not None and records.is_complete(job, record, key):
            return Outcome(job, Status.SKIPPED, {**records.row(record), "status": Status.SKIPPED.value})
        may_replace = job.settings.overwrite or _is_ours_to_replace(job, record, key, is_whole=whole)
        document = make(job, key, fusers, on_load, may_replace=may_replace)
        return Outcome(job, Status.DONE, records.row(document))
    except OutputError as error:
        # A worker that outlived its run may have been faster with this very case.
        if not whole and is_done(job) and (made := records.read(records.record_path(job))):
            return Outcome(job, Status.DONE, records.row(made))
        return failure(job, error, seconds=perf_counter() - started)
    except Exception as error:
        return failure(job, explained(error), seconds=perf_counter() - started)


def is_done(job: Job) -> bool:
    """Whether an earlier run did this very case and its result is whole, so that a run that resumes would skip it.

    Raises InputError when an input cannot be read.
    """
    record = records.read(records.record_path(job))
    return records.is_whole(job.folder, record) and records.is_complete(job, record, key_of(job))


def key_of(job: Job) -> str:
    """What a record is told by: see `case_key`.

    Raises InputError when an input cannot be read, ModelError when the list of weights cannot.
    """
    return case_key(job.fixed, job.moving, job.settings, _weights_sha256(job.settings.model))


def failure(job: Job, error: FusecliError, *, seconds: float) -> Outcome:
    """The case as failed, and a record of it, unless the one that is there speaks of a whole result of an earlier run.

    That one stays, for what stands there is told by nothing else.
    """
    case = records.failed(job, error, seconds=seconds)
    outcome = Outcome(job, Status.FAILED, records.row({"case": case}))
    if records.is_whole(job.folder, records.read(records.record_path(job))):
        return outcome
    try:
        records.write(job, case)
    except OutputError:
        return Outcome(job, Status.FAILED, outcome.row, is_recorded=False)
    return outcome


def _is_ours_to_replace(job: Job, record: Mapping[str, Any] | None, key: str, *, is_whole: bool) -> bool:
    if not is_whole:
        # What the record calls done and is not as it says was cut off or damaged.
        return records.is_done(record)
    # The same case again gives the same result, and the page that it lacks.
    return job.resume and record is not None and record["case"].get("key") == key


def _weights_sha256(model: str) -> str | None:
    from fusecli.models.weights import list_weights

    if not MODELS[model].needs_weights:
        return None
    weights = list_weights().get(model)
    return None if weights is None else weights.sha256

"""A file per case that says what was done: the batch's memory, written whole or not at all."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fusecli.atomic import replacing
from fusecli.batch.digest import content_digest
from fusecli.batch.job import Job, Status
from fusecli.errors import FusecliError, InputError

FOLDER = "records"
PAGES = "reports"
SUFFIX = ".json"
_OF_EVERY_CASE = {"id", "status", "exit_code"}


def record_path(job: Job) -> Path:
    """Where the record of a case lies: under the name of its output, in the folder `records` beside it."""
    return job.folder / FOLDER / f"{job.name}{SUFFIX}"


def page_path(job: Job) -> Path:
    """Where the page of a case lies, if it has one: under the name of its output, in the folder `reports` beside it."""
    return job.folder / PAGES / f"{job.name}.html"


def read(path: Path) -> dict[str, Any] | None:
    """A record, and None where there is none or it is not one, as where somebody changed it or left another file."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record if row(record).keys() >= _OF_EVERY_CASE else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(job: Job, case: Mapping[str, Any], fusion: Mapping[str, Any] | None = None) -> None:
    """Write the record of a case: `case` as `done` and `failed` have it, and the document of its fusion.

    Raises OutputError when it cannot be written.
    """
    document = {"case": case, "fusion": fusion}
    with replacing(record_path(job), overwrite=True) as temporary:
        temporary.write_text(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False), encoding="utf-8")


def done(job: Job, key: str, output: str, output_sha256: str, *, seconds: float) -> dict[str, Any]:
    """What a record says of a case that is done. `output` is the name of its file or folder."""
    return {
        **_head(job, Status.DONE),
        "exit_code": 0,
        "reason": "",
        "hint": "",
        "output": output,
        "output_sha256": output_sha256,
        "report": f"{PAGES}/{page_path(job).name}" if job.page else "",
        "key": key,
        "seconds": round(seconds, 4),
    }


def failed(job: Job, error: FusecliError, *, seconds: float) -> dict[str, Any]:
    """What a record says of a case that failed: why, and the exit code that `fusecli fuse` would have ended with."""
    return {
        **_head(job, Status.FAILED),
        "exit_code": error.exit_code,
        "reason": " ".join(part for part in (error.what, error.why) if part).replace("\n", " "),
        "hint": error.hint,
        "output": "",
        "output_sha256": None,
        "report": "",
        "key": None,
        "seconds": round(seconds, 4),
    }


def _head(job: Job, status: Status) -> dict[str, Any]:
    return {"id": job.id, "status": status.value, "model": job.settings.model}


def is_done(record: Mapping[str, Any] | None) -> bool:
    """Whether a record says that its case is done; its result may have been lost since."""
    return record is not None and str(record["case"].get("status")) == Status.DONE


def is_whole(folder: Path, record: Mapping[str, Any] | None) -> bool:
    """Whether a record speaks of a case that is done, and its output in `folder` is what it says, byte for byte."""
    if record is None or not is_done(record):
        return False
    output = folder / Path(str(record["case"].get("output"))).name
    try:
        return content_digest(output) == str(record["case"].get("output_sha256"))
    except InputError:
        return False


def is_complete(job: Job, record: Mapping[str, Any] | None, key: str) -> bool:
    """Whether a record of a whole result is of this very case, and its page is there where the case is to have one."""
    is_this = record is not None and record["case"].get("key") == key
    return is_this and (not job.page or page_path(job).is_file())


def row(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as a line of results.jsonl: the case, its scores as plain numbers, and what to know of its fusion."""
    fusion = record.get("fusion") or {}
    facts = {
        "weights_sha256": fusion.get("model", {}).get("sha256"),
        "device": fusion.get("device"),
        "backend": fusion.get("backend"),
        "version": fusion.get("version"),
        "warnings": [str(warning) for warning in fusion.get("warnings", [])],
        "metrics": {key: score["value"] for key, score in fusion.get("metrics", {}).items()},
    }
    return {**record["case"], **facts}


def rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """A row for every record of a batch, with the name of its output, in the order of these names."""
    names = sorted(entry.name for entry in os.scandir(folder / FOLDER) if entry.name.endswith(SUFFIX))
    for name in names:
        record = read(folder / FOLDER / name)
        if record is not None:
            yield name.removesuffix(SUFFIX), row(record)

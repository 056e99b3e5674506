"""The record of one fusion: everything that a reader needs to repeat it or to doubt it, and nothing of the patient."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from time import perf_counter
from typing import Any

from fusecli import __version__
from fusecli.atomic import check_may_be_written, replacing
from fusecli.catalog import RESEARCH_USE
from fusecli.core.history import last_step
from fusecli.core.image import Image
from fusecli.errors import UsageError

# The programs whose version changes a result.
LIBRARIES = (
    "numpy", "torch", "openvino", "SimpleITK", "pydicom", "highdicom", "nibabel", "pillow", "scipy", "scikit-image",
)  # fmt: skip

PAGE_SUFFIX = ".html"
_OWN_MARK, _HEAD_BYTES = b'<meta name="generator" content="fusecli">', 4096


class Stopwatch:
    """Seconds per named step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.seconds[step] = round(perf_counter() - started, 4)

    def with_total(self) -> dict[str, float]:
        """The steps, and their sum as `total`."""
        return {**self.seconds, "total": round(sum(self.seconds.values()), 4)}


@cache
def _installed(libraries: tuple[str, ...]) -> Mapping[str, str]:
    """Each of the libraries that is there, with its version; looked up once, which takes longer than to fuse."""
    versions = {}
    for name in libraries:
        with suppress(PackageNotFoundError):
            versions[name] = installed_version(name)
    return versions


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One fusion. `as_dict` is the JSON document of `fusecli fuse --json`; scripts rely on its keys.

    Without `identified` the document has the name of `output` and no folder, which may bear the patient's name.
    """

    output: Path
    model: Mapping[str, str | None]
    metrics: Mapping[str, Mapping[str, Any]]
    windows: Mapping[str, Any]
    device: str
    backend: str
    timings_s: Mapping[str, float]
    warnings: tuple[str, ...]
    inputs: Mapping[str, Any]
    geometry: Mapping[str, Any]
    registration: Mapping[str, Any] | None = None
    lesions: tuple[Mapping[str, Any], ...] | None = None
    identified: bool = True
    versions: Mapping[str, str] = field(default_factory=lambda: dict(_installed(LIBRARIES)))

    def as_dict(self) -> dict[str, Any]:
        """The JSON document, ready to be written; `metrics` is {NAME: {value, unit, better}}."""
        return {
            "output": str(self.output) if self.identified else self.output.name,
            "model": dict(self.model),
            "metrics": {key: dict(score) for key, score in self.metrics.items()},
            "windows": dict(self.windows),
            "device": self.device,
            "backend": self.backend,
            "timings_s": dict(self.timings_s),
            "warnings": list(self.warnings),
            "version": __version__,
            "inputs": dict(self.inputs),
            "geometry": dict(self.geometry),
            "registration": None if self.registration is None else dict(self.registration),
            "lesions": None if self.lesions is None else [dict(lesion) for lesion in self.lesions],
            "versions": dict(self.versions),
            "notice": RESEARCH_USE,
        }


def check_report(path: Path, *, overwrite: bool) -> None:
    """Raises UsageError for a suffix other than .json, .csv and .html, OutputError as `check_may_be_written` does."""
    if path.suffix.lower() not in (".json", ".csv", PAGE_SUFFIX):
        raise UsageError(
            f"A report cannot be written as {path.name!r}.", hint="Name it .json, .csv or .html: --report r.html"
        )
    check_may_be_written(path, overwrite=overwrite)


def is_page(path: Path) -> bool:
    """Whether a report of this name is a page with images, which `html.write` makes, and not a bare record."""
    return path.suffix.lower() == PAGE_SUFFIX


def is_own_page(path: Path) -> bool:
    """Whether a page that fusecli wrote stands there."""
    try:
        with path.open("rb") as file:
            return _OWN_MARK in file.read(_HEAD_BYTES)
    except OSError:  # it is not there, or cannot be read and is nobody's to replace
        return False


def write(record: RunRecord, path: Path, *, overwrite: bool = False) -> None:
    """Write the record as JSON, or as CSV with one header line and one row, by the suffix of `path`.

    Raises as `check_report` does, and UsageError for a page, which a record without images cannot fill.
    """
    check_report(path, overwrite=overwrite)
    if is_page(path):
        raise UsageError(f"{path.name!r} is the name of a page, and there are no images for it.", hint="Name it .json.")
    text = to_json(record.as_dict()) if path.suffix.lower() == ".json" else _to_csv(record)
    with replacing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def to_json(document: Mapping[str, Any]) -> str:
    """A document as JSON text, two spaces deep; numbers that are not finite are an error, never `NaN`."""
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _to_csv(record: RunRecord) -> str:
    document = record.as_dict()
    row = {
        "output": document["output"],
        "model": record.model["name"],
        "weights_sha256": record.model["sha256"] or "",
        "device": record.device,
        "backend": record.backend,
        "version": document["version"],
        **{key: repr(score["value"]) for key, score in record.metrics.items()},
        **{f"window_{role}": window["text"] for role, window in record.windows.items()},
        "seconds": record.timings_s["total"],
        "warnings": " | ".join(record.warnings),
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return text.getvalue()


def window_facts(image: Image) -> dict[str, Any]:
    """By which window a UNIT image was made: its text, limits and unit."""
    step = last_step(image.history, "to_unit")
    if step is None:
        raise ValueError("this image was never made UNIT")
    return dict(step.facts)


def input_facts(image: Image, *, identified: bool = True) -> dict[str, Any]:
    """What was read and what was done to it; digests and UIDs, never a name or a path, which may hold one.

    Whoever has the archive finds the patient by a UID or a digest: without `identified` both are None.
    """
    source = image.source if identified else None
    return {
        "modality": image.modality.value,
        "format": image.source.format if image.source else None,
        "sha256": source.digest if source else None,
        "series_uid": source.series_uid if source else None,
        "history": [{"step": step.name, **step.facts} for step in image.history],
    }


def geometry_facts(image: Image, *, identified: bool = True) -> dict[str, Any]:
    """Size and place of the grid, JSON-ready; None where a picture does not say, and as `input_facts` has it."""
    geometry = image.geometry
    placed = geometry.is_patient
    return {
        "shape": list(geometry.shape),
        "axes": ["slice", "row", "column"],
        "spacing_mm": list(geometry.spacing_mm) if placed else None,
        "affine_lps": geometry.matrix.tolist() if placed else None,
        "frame_of_reference": geometry.frame_of_reference if identified else None,
    }

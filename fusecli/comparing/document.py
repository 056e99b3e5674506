"""A comparison as the JSON document of `fusecli compare --json`; scripts rely on its keys."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fusecli import __version__
from fusecli.catalog import MODELS, RESEARCH_USE
from fusecli.comparing.comparison import Comparison, Entry
from fusecli.report.record import geometry_facts, input_facts, window_facts


def document(found: Comparison, outputs: Mapping[str, Path]) -> dict[str, Any]:
    """All of it, ready to be written; `outputs` are the files by what they are."""
    sources = found.pair.named()
    return {
        "models": [_model(found, entry) for entry in found.entries],
        "profile": found.profile,
        "measured_slices": found.measured_slices,
        "shown_slice": found.shown_slice,
        "windows": {role: window_facts(image) for role, image in sources.items()},
        "inputs": {role: input_facts(image) for role, image in sources.items()},
        "geometry": geometry_facts(found.pair.fixed),
        "registration": None if found.registration is None else found.registration.as_dict(),
        "outputs": {what: str(path) for what, path in outputs.items()},
        "warnings": list(found.warnings),
        "version": __version__,
        "notice": RESEARCH_USE,
    }


def _model(found: Comparison, entry: Entry) -> dict[str, Any]:
    """One model: its scores and which of them are the best, its cost, or its error. No key is ever left out."""
    run, error = entry.run, entry.error
    return {
        "name": entry.name,
        "title": MODELS[entry.name].title,
        "status": "done" if error is None else "failed",
        "error": None if error is None else {"what": error.what, "why": error.why, "exit_code": error.exit_code},
        "metrics": {key: score.as_dict() for key, score in entry.scores.items()},
        "best": [key for key in found.keys if found.is_best(entry, key)],
        "cost": None if run is None else asdict(run.cost),
        "device": None if run is None else run.device,
        "backend": None if run is None else run.backend,
        "weights_sha256": None if run is None else run.weights_sha256,
    }

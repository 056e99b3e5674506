"""`fusecli info`."""

from collections.abc import Mapping
from typing import Any

from fusecli.cli import console, options


def info(path: options.InputPath, json: options.AsJson = False) -> None:
    """Say what a file or a folder holds: format, series, size, place, unit, and what stands in the way of using it.

    Nothing that identifies the patient is shown.

    Example: fusecli info CT/

    Example: fusecli info pet.dcm --json
    """
    from fusecli import formats
    from fusecli.report.record import to_json

    documents = [found.as_dict() for found in formats.describe(path)]
    if json:
        console.emit(to_json({"images": documents}))
        return
    for number, document in enumerate(documents):
        console.emit(("\n" if number else "") + "\n".join(_lines(document)))


def _lines(document: Mapping[str, Any]) -> list[str]:
    width = max(len(key) for key in document)
    return [f"{key.replace('_', ' '):<{width}}  {_text(value)}" for key, value in document.items() if value is not None]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items() if part is not None)
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)

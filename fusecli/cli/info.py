"""`fusecli info`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from fusecli.cli import console, options
from fusecli.errors import InputError


def info(
    path: options.InputPath,
    series: Annotated[
        str | None, typer.Option(metavar="UID|NUMBER", help="Tell all of one series, where there are several.")
    ] = None,
    show_identity: Annotated[
        bool, typer.Option("--show-identity", help="Also show name, ID, birth date and sex of the patient.")
    ] = False,
    json: options.AsJson = False,
) -> None:
    """Say what a file, a folder or a ZIP holds: format, series, size, place, unit, and what stands in the way.

    Several series are a table. Nothing that identifies the patient is shown unless --show-identity asks for it.

    Example: fusecli info CT/

    Example: fusecli info study.zip

    Example: fusecli info study/ --series 4

    Example: fusecli info pet.dcm --json
    """
    from fusecli import formats
    from fusecli.report.record import to_json

    found = [entry.as_dict() for entry in formats.describe(path, show_identity=show_identity)]
    documents = found if series is None else [document for document in found if _is_meant(document, series)]
    if not documents:
        known = ", ".join(filter(None, (_name(document) for document in found))) or "none that has a number"
        raise InputError(f"There is no series {series} in {path}.", why=f"There are: {known}.")
    if json:
        console.emit(to_json({"images": documents}))
    elif len(documents) == 1:
        console.emit("\n".join(_lines(documents[0])))
    else:
        _show_table(documents)


def _name(document: Mapping[str, Any]) -> str:
    """What --series takes: the number, or `number:part` for one of several images in a series."""
    number = document.get("series_number") or document.get("series_uid") or ""
    return f"{number}:{document['part']}" if document.get("part") else str(number)


def _is_meant(document: Mapping[str, Any], wanted: str) -> bool:
    by_uid, part = document.get("series_uid"), document.get("part")
    return wanted in (_name(document), document.get("series_number"), by_uid, f"{by_uid}:{part}")


def _show_table(documents: Sequence[Mapping[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    names = [_name(document) for document in documents]
    # A number that two series have chooses neither of them.
    by_uid = len(set(names)) < len(names)
    table = Table(*_HEADS, *(["UID"] if by_uid else []), box=box.SIMPLE_HEAD)
    for document in documents:
        table.add_row(*_row(document), *([document["series_uid"]] if by_uid else []))
    console.show(table, to_stdout=True, width=200)
    for name, document in zip(names, documents, strict=True):
        for problem in document["problems"]:
            console.emit(f"{name} {document['modality']}: {problem}")
        if "identity" in document:
            console.emit(f"{name} {document['modality']}: {_text(document['identity'])}")
    aside = ", ".join(f"{count} {kind}" for kind, count in documents[0]["set_aside"].items() if count)
    if aside:
        console.say(f"Files set aside: {aside}.")
    console.say(f"All of one series: fusecli info PATH --series {documents[0]['series_uid'] if by_uid else names[0]}")


_HEADS = ("number", "modality", "slices", "size", "spacing mm", "unit", "SUV", "description")


def _row(document: Mapping[str, Any]) -> tuple[str, ...]:
    spacing, suv = document["spacing_mm"], document["suv"]
    return (
        _name(document) or "(none)",
        document["modality"] or "unknown",
        str(document["slices"]),
        f"{document['rows']} x {document['columns']}" if document["rows"] else "",
        " ".join(f"{length:.4g}" for length in spacing) if spacing else "",
        document["units"],
        "" if suv is None else _readiness(suv["norms"]),
        "; ".join(filter(None, (document["description"], document["part_label"]))),
    )


def _readiness(norms: Mapping[str, Mapping[str, Any]]) -> str:
    """Whether SUV can be computed, and by which norms, where that is not all or none of them."""
    ready = [name for name, norm in norms.items() if norm["factor_range"]]
    if not ready:
        return "not ready"
    return "ready" if len(ready) == len(norms) else f"ready ({', '.join(ready)})"


def _lines(document: Mapping[str, Any]) -> list[str]:
    """One line for each fact; what a file does not say, and the part of a series that has none, is left out."""
    known = _with_a_line_for_each_norm(document)
    said = {key: value for key, value in known.items() if value not in (None, "") and (key, value) != ("part", 0)}
    width = max(len(key) for key in said)
    return [f"{key.replace('_', ' '):<{width}}  {_text(value)}" for key, value in said.items()]


def _with_a_line_for_each_norm(document: Mapping[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for key, value in document.items():
        norms = value.get("norms", {}) if key == "suv" and value else {}
        known[key] = {name: part for name, part in value.items() if name != "norms"} if norms else value
        known |= {f"suv_{norm}": facts for norm, facts in norms.items()}
    return known


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items() if part is not None)
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)

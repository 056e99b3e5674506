"""`fusecli models list|show|verify|path`."""

from typing import Annotated

import typer

from fusecli.catalog import ALL_MODELS, MODELS, ModelInfo
from fusecli.cli import console, options, own_weights
from fusecli.errors import ModelError

models = typer.Typer(no_args_is_help=True, help="List, show, verify and find the models.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A model of `fusecli models list`.")]


@models.command("list")
def list_models(json: options.AsJson = False) -> None:
    """List every network and baseline that fuses, and the network that registers.

    Example: fusecli models list
    """
    from fusecli.report.record import to_json

    if json:
        rows = [
            {"name": m.name, "title": m.title, "needs_weights": m.needs_weights, "fuses": m.name in MODELS}
            for m in ALL_MODELS.values()
        ]
        console.emit(to_json({"models": rows}))
        return
    longest = max(map(len, ALL_MODELS))
    for model in ALL_MODELS.values():
        console.emit(f"{model.name:<{longest}} {_kind(model):<8}  {model.title}")


def _kind(model: ModelInfo) -> str:
    if model.name not in MODELS:
        return "register"
    return "network" if model.needs_weights else "baseline"


@models.command("show")
def show(name: Name) -> None:
    """Show a model's card: how its weights were made, on what, and how well they do.

    Example: fusecli models show lrc
    """
    from fusecli.models.weights import find_weights
    from fusecli.report.record import to_json

    model = _known(name)
    card = dict(find_weights(name).card) if model.needs_weights else {"weights": None}
    console.emit(to_json({"name": model.name, "title": model.title, **card}))


@models.command("verify")
def verify() -> None:
    """Check every weights file against its sha256, and that OpenVINO's files were made from them.

    Example: fusecli models verify
    """
    from fusecli.models import weights

    for entry in weights.list_weights().values():
        weights.verify(entry)
        console.emit(f"{entry.name}  {entry.sha256}  ok")
        weights.verify_converted(entry)
        for path, sha256 in (entry.converted.files if entry.converted else {}).items():
            console.emit(f"{path.name}  {sha256}  ok")


@models.command("path")
def path(name: Name) -> None:
    """Print where the weights of a model lie.

    Example: fusecli models path lrc
    """
    from fusecli.models.weights import find_weights

    if not _known(name).needs_weights:
        raise ModelError(f"The model {name!r} has no weights: it is one formula.")
    console.emit(str(find_weights(name).path))


def _known(name: str) -> ModelInfo:
    if name not in ALL_MODELS:
        raise own_weights.no_model(name)
    return ALL_MODELS[name]

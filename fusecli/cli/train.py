"""`fusecli train`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusecli.cli import console, own_weights
from fusecli.cli.options import one_of
from fusecli.settings.training import LOSSES, UPRIGHT, LossSettings, TrainSettings

if TYPE_CHECKING:
    from fusecli.train import TrainingSession
    from fusecli.train.loop import EpochReport

DEFAULT = TrainSettings()


def train(
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Training pairs: DATA/TASK/MRI/x.png, DATA/TASK/PET/x.png.")
    ],
    validation: Annotated[Path, typer.Option("--validation", help="Validation pairs, laid out alike.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Weights to write: NAME.safetensors.")],
    config: Annotated[str, typer.Option("--config", "--model", help="The network.")] = "lrc",
    loss: Annotated[
        str,
        typer.Option(
            help="paper: L1 to both sources, gradients; max: L1 to the brighter one, signed and absolute gradients; "
            "metrics: L1 to the brighter one, and what QABF, VIF, SSIM and SCD miss; "
            "balance: the same, each weighed anew as it falls short; "
            "csafusion: SSIM, region mutual information and contrast, to both; "
            "dmfnet: L1 to the brighter one, gradients, SSIM to the clearer one."
        ),
    ] = "paper",
    alpha: Annotated[
        float | None,
        typer.Option(
            help="Weight of the gradient term.  [default: 2; dmfnet: 1; metrics, balance, csafusion: 0]",
            show_default=False,
        ),
    ] = None,
    stage: Annotated[
        str, typer.Option(help="fusion; registration; or diffusion, the first stage of dmfnet, for --start-from.")
    ] = DEFAULT.stage,
    noise_schedule: Annotated[str, typer.Option(help="Of the diffusion: cosine or linear.")] = DEFAULT.noise_schedule,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs at most.")] = DEFAULT.epochs,
    batch: Annotated[int, typer.Option(min=1, help="Patches in one step.")] = DEFAULT.batch,
    crop: Annotated[int, typer.Option(min=32, help="Side of a training patch, pixels.")] = DEFAULT.crop,
    learning_rate: Annotated[float, typer.Option(min=0, help="At its highest.")] = DEFAULT.learning_rate,
    schedule: Annotated[str, typer.Option(help="one-cycle, or paper: 10 % off every 5 epochs.")] = DEFAULT.schedule,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without gain before it stops.")] = DEFAULT.patience,
    seed: Annotated[int, typer.Option(help="Of the first weights and of every patch.")] = DEFAULT.seed,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    start_from: Annotated[
        Path | None, typer.Option(help="Weights to begin with instead of random ones.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from NAME.safetensors.checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace weights that exist.")] = False,
) -> None:
    """Train a network on pairs of your own, and keep the weights with the best validation Q^AB/F.

    After every epoch the best weights and a checkpoint are on disk, so an interrupted run loses one epoch at most.

    Example: fusecli train data/train --validation data/val -o lrc.safetensors

    Example: fusecli train data/train --validation data/val -o unet.safetensors --model dmfnet-small --stage diffusion

    Example: fusecli train train --validation val -o p.safetensors --schedule paper --learning-rate 0.01 --crop 256
    """
    settings = TrainSettings(
        seed=seed,
        epochs=epochs,
        batch=batch,
        crop=crop,
        learning_rate=learning_rate,
        schedule=str(one_of("--schedule", schedule, ("one-cycle", "paper"))),
        patience=patience,
        loss=_loss(loss, alpha),
        stage=str(one_of("--stage", stage, ("fusion", "diffusion", "registration"))),
        augment=UPRIGHT if stage == "registration" else DEFAULT.augment,
        noise_schedule=str(one_of("--noise-schedule", noise_schedule, ("cosine", "linear"))),
    )
    from fusecli.train import start

    with console.progress("Steps of this epoch") as progress:
        session = start(
            data,
            validation,
            output,
            config,
            settings,
            device=device,
            start_from=start_from,
            resume=resume,
            overwrite=overwrite,
            on_step=progress,
        )
        _follow(session, patience)
    _end(output, config, settings.stage)


def _loss(name: str, alpha: float | None) -> LossSettings:
    chosen = LOSSES[str(one_of("--loss", name, tuple(LOSSES)))]
    return chosen if alpha is None else replace(chosen, alpha=alpha)


def _follow(session: "TrainingSession", patience: int) -> None:
    for note in session.notes:
        console.say(note)
    for epoch in session.epochs:
        console.say(_line(epoch, session.measure))
        if epoch.stopped_early:
            console.say(f"No gain for {patience} epochs: stopped.")


def _end(output: Path, config: str, stage: str) -> None:
    console.say(own_weights.how_to_use(output, config, stage))
    console.emit(str(output))


def _line(epoch: "EpochReport", measure: str) -> str:
    left = (epoch.epochs - epoch.epoch) * epoch.seconds / 60
    mark = ", best so far" if epoch.improved else ""
    return (
        f"epoch {epoch.epoch}/{epoch.epochs}: loss {epoch.loss:.4f}, validation {measure} {epoch.score:.4f}{mark}; "
        f"{epoch.seconds:.0f} s, at most {left:.0f} min left"
    )

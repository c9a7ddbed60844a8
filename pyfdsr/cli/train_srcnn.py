"""``pyfdsr train srcnn``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from .display import console
from .resuming import resumed_run

__all__ = ["train_srcnn"]

# What may change when a run is continued: none of it alters the steps already taken.
_CHANGEABLE = ("epochs", "threads", "test_every")

_OBJECTIVE, _SCHEDULE, _CHIP = "Objective", "Data and schedule", "Chip"


def train_srcnn(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Run folder, created.", show_default=False)],
    data: Annotated[
        Path,
        typer.Option(
            help="Folder of photographs, searched recursively (make photos gathers some).",
            rich_help_panel=_SCHEDULE,
        ),
    ] = Path("data/photos"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out, to the bit.")] = False,
    tiles: Annotated[
        int,
        typer.Option(
            help="Squares of 256² cut from each photograph at most; 0: the central one, resized, alone.",
            rich_help_panel=_SCHEDULE,
        ),
    ] = 40,
    epochs: Annotated[int, typer.Option(help="Epochs in all.", rich_help_panel=_SCHEDULE)] = 15,
    epoch_size: Annotated[
        int | None,
        typer.Option(
            help="Squares an epoch, drawn anew for each. Default: all.",
            show_default=False,
            rich_help_panel=_SCHEDULE,
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Images an optimiser step.", rich_help_panel=_SCHEDULE)] = 4,
    learning_rate: Annotated[
        float, typer.Option(help="Adam's, in the first epoch.", rich_help_panel=_SCHEDULE)
    ] = 0.01,
    decay: Annotated[
        float, typer.Option(help="Its factor from epoch to epoch.", rich_help_panel=_SCHEDULE)
    ] = 0.8,
    flips: Annotated[
        bool, typer.Option("--flips", help="Flip batches at random.", rich_help_panel=_SCHEDULE)
    ] = False,
    init: Annotated[
        Path | None,
        typer.Option(
            help="Start from the weights of this run folder or file.",
            show_default=False,
            rich_help_panel=_SCHEDULE,
        ),
    ] = None,
    loss: Annotated[
        str,
        typer.Option(
            help="mse, mge (edges), mge-article (as the article lists it), feature (VGG-16), joined by +.",
            rich_help_panel=_OBJECTIVE,
        ),
    ] = "mse",
    weights: Annotated[
        str | None,
        typer.Option(
            help="Of the losses, joined by commas. Default: all 1.",
            show_default=False,
            rich_help_panel=_OBJECTIVE,
        ),
    ] = None,
    crop: Annotated[
        int,
        typer.Option(
            help="Side of a random square of the target that the loss looks at, pixels; 0: all of it.",
            rich_help_panel=_OBJECTIVE,
        ),
    ] = 0,
    vgg: Annotated[
        Path | None,
        typer.Option(
            help="VGG-16's weights for the feature loss: .pth or .onnx. Default: what make vgg fetched.",
            show_default=False,
            rich_help_panel=_OBJECTIVE,
        ),
    ] = None,
    optical: Annotated[
        Path | None,
        typer.Option(
            help="Train on the emulated chip of this TOML file.", show_default=False, rich_help_panel=_CHIP
        ),
    ] = None,
    gradient: Annotated[str, typer.Option(help="perfect, chip or ste.", rich_help_panel=_CHIP)] = "perfect",
    seed: Annotated[int, typer.Option(help="Seed of weights, order, crops, flips and split.")] = 0,
    threads: Annotated[
        int | None, typer.Option(help="Threads; by default all cores.", show_default=False)
    ] = None,
    test_every: Annotated[
        int, typer.Option(help="Test every so many epochs; 0: never.", rich_help_panel=_SCHEDULE)
    ] = 1,
    device: Annotated[
        str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 or another device of torch.")
    ] = "cpu",
) -> None:
    """Train the super-resolution CNN, 32² to 256², on photographs; 30 % of them are kept for testing.

    [bold]Examples[/bold]

    The article's network by mean squared error, about 15 minutes on one core:
    [dim]pyfdsr train srcnn --data data/photos --out runs/mse[/dim]

    Sharper, from there: [dim]pyfdsr train srcnn --init runs/mse --loss feature+mge --weights 1,3 --crop 96
    --epochs 3 --learning-rate 0.002 --out runs/feature-mge[/dim]

    On a GPU: [dim]pyfdsr train srcnn --device cuda --out runs/mse[/dim]

    Go on after Ctrl-C: [dim]pyfdsr train srcnn --out runs/mse --resume[/dim]

    [bold]Written to --out[/bold]: config.json, metrics.jsonl (a line an epoch), checkpoints/ (the last two),
    model.safetensors (for pyfdsr upscale and compare), evaluation.json, and tensorboard/ if tensorboard is
    installed. Ctrl-C finishes the step, writes a checkpoint and exits with code 130.
    """
    from pyfdsr.training import PhotoTrainingConfig, RunFolder
    from pyfdsr.training.devices import usable_device

    usable_device(device)  # before anything is loaded
    named = {"data": "photos"}
    values = {
        named.get(name, name): str(value) if isinstance(value, Path) else value
        for name, value in context.params.items()
        if name not in ("out", "resume", "device")  # which decide no result
    }
    values["weights"] = _weights(weights)
    if resume:
        given = {
            named.get(name, name)
            for name in context.params
            if context.get_parameter_source(name).name == "COMMANDLINE"
        }
        asked = {name: value for name, value in values.items() if name in given}
        run = RunFolder.open(out)
        config = resumed_run(run, run.config(PhotoTrainingConfig), asked, _CHANGEABLE, {"photos": "--data"})
    else:
        run, config = None, PhotoTrainingConfig(**values)
    _train(out, run, config, device)


def _weights(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--weights {text}: must be numbers joined by commas") from None


def _train(out: Path, run: Any, config: Any, device: str) -> None:
    from pyfdsr._files import write_bytes_atomically
    from pyfdsr.data import load_photos
    from pyfdsr.training import PhotoTrainer, RunFolder, score_photos
    from pyfdsr.training.photo_scores import bicubic, nearest
    from pyfdsr.training.progress import ProgressGroup, RichProgress, TensorBoardProgress
    from pyfdsr.training.threads import apply_threads

    resumed = run is not None
    common = {"size": config.size, "share": config.share, "seed": config.seed}
    train = load_photos(config.photos, "train", tiles=config.tiles, **common)
    test = load_photos(config.photos, "test", **common)
    run = run or RunFolder(out)
    progress = ProgressGroup(
        RichProgress(console()), TensorBoardProgress.if_installed(run.tensorboard_folder)
    )
    # May refuse: before the folder is made.
    trainer = PhotoTrainer(config, train, test, run, progress, device)
    if resumed:
        run.write_config(config)
        trainer.resume()
        where = trainer.resumed_from.name if trainer.resumed_from else "the start"
        console().print(f"continuing {run.path} from {where}", highlight=False, soft_wrap=True)
    else:
        RunFolder.create(out, config)
    trainer.fit()
    apply_threads(config.threads)
    ways = {"nearest": nearest, "bicubic": bicubic, "network": trainer.model}
    scores = {name: score_photos(way, test).means() for name, way in ways.items()}
    for name, means in scores.items():
        console().print(
            f"{name:8} PSNR {means['psnr']:.2f} dB  luma {means['psnr_y']:.2f} dB  SSIM {means['ssim']:.3f}",
            highlight=False,
        )
    numbers = {"test_photos": len(test), "scores": scores}
    write_bytes_atomically(run.path / "evaluation.json", (json.dumps(numbers, indent=2) + "\n").encode())
    console().print(f"run folder {run.path}", highlight=False, soft_wrap=True)

"""``pyfdsr demo``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from .display import console, print_evaluation

__all__ = ["demo"]

_MOST_EPOCHS = 40
_TRIAL_STEPS = 4


def demo(
    out: Annotated[Path, typer.Option(help="Folder to write to; a former demo in it is replaced.")] = Path(
        "demo-run"
    ),
    seconds: Annotated[float, typer.Option(help="Time to train for; the rest takes about 20 s more.")] = 75.0,
    epochs: Annotated[
        int | None, typer.Option(help="Train exactly so many epochs instead.", show_default=False)
    ] = None,
    images: Annotated[int, typer.Option(help="Training images, at most 2000.")] = 2000,
    threads: Annotated[
        int | None, typer.Option(help="Threads; by default all cores.", show_default=False)
    ] = None,
    num_layers: Annotated[int, typer.Option(help="4f units of the network.")] = 10,
    support: Annotated[
        int,
        typer.Option(
            help="Field window and phase mask, samples an axis, a multiple of 28; the grid is 3 times it."
        ),
    ] = 112,
) -> None:
    """Train the paper's ten-layer network on embedded images, and show what it does. At most two minutes.

    2000 FashionMNIST images ship with pyfdsr, 500 more test the result. The learning rate is halved four
    times within the epochs that fit the time.

    [bold]Written to --out[/bold]: report.html (open it in a browser: everything on one page),
    figures/samples.png, figures/loss.png, evaluation.json, and the run itself, for evaluate and masks.
    """
    from pyfdsr.data import load
    from pyfdsr.training import RunFolder, Trainer, TrainingConfig, evaluate
    from pyfdsr.training.progress import RichProgress

    from .results import write_results

    started = time.perf_counter()
    train = load("embedded", "train", limit=images)
    test = load("embedded", "test")
    # Window and grid are scaled together: a frequency bin stays the same number of periods a window, so that
    # the default optics blur the objects alike in every size.
    config = TrainingConfig(
        dataset="embedded",
        per_class=None,
        limit=images,
        test_limit=len(test),
        threads=threads,
        num_layers=num_layers,
        support=support,
        band=support,
        grid=3 * support,
        test_every=0,
        epochs=epochs or _MOST_EPOCHS,
    )
    if epochs is None:
        config, count = _fitting(config, train.images, seconds)
        train = train.take(slice(0, count))
        config = config.replace(limit=count)
    config = config.replace(lr_halve_every=max(1, -(-config.epochs // 5)))
    run = RunFolder.create(_cleared(out), config)
    trainer = Trainer(config, train.images, test.images, run, RichProgress(console()))
    console().print(
        f"training {num_layers} layers on {len(train)} embedded images, {config.epochs} epochs, "
        f"{trainer.train_batches.support}² window",
        highlight=False,
    )
    records = trainer.fit(time_limit=None if epochs else seconds)
    evaluation = evaluate(trainer.model, test.images, keep_pictures=len(test))
    print_evaluation(evaluation, f"{evaluation.count} test images, FashionMNIST")
    lead = (
        f"{num_layers} diffractive layers, trained on {len(train)} images for {trainer.epochs_done} epochs "
        f"in {sum(record['seconds'] for record in records):.0f} s."
    )
    write_results(run.path, "All-optical super-resolution: demo", lead, config, records, evaluation, test)
    console().print(
        f"{time.perf_counter() - started:.0f} s in all; open {run.path / 'report.html'}, picture "
        f"{run.figure_folder / 'samples.png'}",
        highlight=False,
        soft_wrap=True,
    )


def _cleared(out: Path) -> Path:
    """Remove a former demo from `out`; leave any other run alone."""
    from pyfdsr.training import RunFolder

    run = RunFolder(out)
    if run.config_file.exists() and run.config().dataset == "embedded":
        run.discard()
    return out


def _fitting(config: Any, images: Any, seconds: float) -> tuple[Any, int]:
    """Return `config` with the epochs that fit into `seconds`, and the number of images that one needs."""
    from pyfdsr.training import Trainer

    trial = config.replace(epochs=1)
    sample = images[: _TRIAL_STEPS * config.batch_size]
    Trainer(trial, sample).fit()  # plans are made and pages touched; not timed
    trainer = Trainer(trial, sample)
    (record,) = trainer.fit()
    image_seconds = record["seconds"] / len(sample)
    epochs = int(seconds / (image_seconds * len(images)))
    if epochs >= 1:
        return config.replace(epochs=min(_MOST_EPOCHS, epochs)), len(images)
    return config.replace(epochs=1), max(config.batch_size, int(seconds / image_seconds))

"""``pyfdsr train aosrnn``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .display import console, print_evaluation
from .resuming import resumed_run

__all__ = ["train_aosrnn"]

# What may change when a run is continued: none of it alters the steps already taken.
_CHANGEABLE = ("epochs", "threads", "test_every", "pitch")  # the pitch not of a diffractive network

_NO_FIELDS = ("out", "resume", "device")  # what the configuration does not say: it decides no result

_GEOMETRY, _OBJECTIVE, _SCHEDULE = "Geometry (samples an axis)", "Objective", "Data and schedule"


def train_aosrnn(
    context: typer.Context,
    out: Annotated[Path, typer.Option(help="Run folder, created.", show_default=False)],
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out, to the bit.")] = False,
    dataset: Annotated[
        str,
        typer.Option(
            help="mnist, fashion-mnist, quickdraw, kmnist, emnist-letters, animal-mnist, embedded (ships "
            "with pyfdsr), or the path of an idx, npz, npy file or image folder.",
            rich_help_panel=_SCHEDULE,
        ),
    ] = "mnist",
    data_root: Annotated[
        str | None, typer.Option(help="Folder to look in for the data set first.", rich_help_panel=_SCHEDULE)
    ] = None,
    per_class: Annotated[
        int | None,
        typer.Option(
            help="Training images of each class; 0: all. [dim]default: 1000, embedded: 200, "
            "a path: all[/dim]",
            rich_help_panel=_SCHEDULE,
            show_default=False,
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Most training images in all.", rich_help_panel=_SCHEDULE)
    ] = None,
    epochs: Annotated[
        int, typer.Option(help="Epochs in all (the paper: 1000).", rich_help_panel=_SCHEDULE)
    ] = 40,
    learning_rate: Annotated[float, typer.Option(help="Adam's.", rich_help_panel=_SCHEDULE)] = 0.1,
    lr_halve_every: Annotated[
        int, typer.Option(help="Halve it every so many epochs (the paper: 100).", rich_help_panel=_SCHEDULE)
    ] = 8,
    batch_size: Annotated[
        int, typer.Option(help="Images an optimiser step.", rich_help_panel=_SCHEDULE)
    ] = 40,
    micro_batch: Annotated[
        int,
        typer.Option(
            help="Images a mean of the loss is taken over; means are added.", rich_help_panel=_SCHEDULE
        ),
    ] = 10,
    test_limit: Annotated[
        int, typer.Option(help="Test images, the first ones.", rich_help_panel=_SCHEDULE)
    ] = 1000,
    test_every: Annotated[
        int, typer.Option(help="Test every so many epochs; 0: only at the end.", rich_help_panel=_SCHEDULE)
    ] = 5,
    gamma: Annotated[
        float,
        typer.Option(
            help="Weight of the output energy, Eq. 3 (the paper: 1e-9 to 1e-1).", rich_help_panel=_OBJECTIVE
        ),
    ] = 0.0,
    reduction: Annotated[
        str,
        typer.Option(
            help="paper: means over samples; equation: Eq. 3 literally.", rich_help_panel=_OBJECTIVE
        ),
    ] = "paper",
    intensity_robust: Annotated[
        int | None,
        typer.Option(
            help="Draw every epoch's peak intensity from 0.1, 0.25, 0.5, 0.75, 1, 2 … up to this (2, 4, 8).",
            rich_help_panel=_OBJECTIVE,
        ),
    ] = None,
    nonlinearity: Annotated[
        str,
        typer.Option(
            help="linear, kerr:strength=4 (radians per unit intensity), "
            "saturable_kerr:strength=3.14,saturation=1, "
            "saturable_absorber:optical_depth=1,saturation=1, two_photon_absorption:beta_length=1, "
            "optoelectronic_gate:t_min=0,t_max=1,threshold=1,exponent=2.",
            rich_help_panel=_GEOMETRY,
        ),
    ] = "kerr:strength=4",
    model: Annotated[
        str,
        typer.Option(
            help="aosrnn; diffractive (no lenses); classifier (an aosrnn with ten detectors); polychromatic "
            "(400, 550 and 700 nm).",
            rich_help_panel=_GEOMETRY,
        ),
    ] = "aosrnn",
    distance: Annotated[
        float, typer.Option(help="Diffractive: metres between its planes.", rich_help_panel=_GEOMETRY)
    ] = 4e-3,
    num_layers: Annotated[int, typer.Option(help="4f units or planes.", rich_help_panel=_GEOMETRY)] = 10,
    support: Annotated[int, typer.Option(help="Field window.", rich_help_panel=_GEOMETRY)] = 112,
    band: Annotated[int, typer.Option(help="Phase mask.", rich_help_panel=_GEOMETRY)] = 112,
    grid: Annotated[int, typer.Option(help="Padded grid.", rich_help_panel=_GEOMETRY)] = 336,
    cutoff_bins: Annotated[
        float,
        typer.Option(
            help="Radius of the imaging low-pass in bins of the padded grid: 13.5757, 8.5742, 5.8182, 4.5252 "
            "are input resolutions of 51.7, 84, 134.4, 168 µm at 4 µm pitch.",
            rich_help_panel=_GEOMETRY,
        ),
    ] = 13.5757,
    pitch: Annotated[
        float,
        typer.Option(
            help="Metres between field samples; scales reported resolutions, and a diffractive network.",
            rich_help_panel=_GEOMETRY,
        ),
    ] = 4e-6,
    seed: Annotated[int, typer.Option(help="Seed of phases and order.")] = 0,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    threads: Annotated[
        int | None, typer.Option(help="Threads; by default all cores.", show_default=False)
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 or another device of torch.")
    ] = "cpu",
) -> None:
    """Train the all-optical super-resolution network.

    [bold]Examples[/bold]

    The paper's MNIST experiment on a short schedule, about 8 minutes on two cores:
    [dim]pyfdsr train aosrnn --dataset mnist --epochs 40 --out runs/mnist[/dim]

    On two machines' or processes' cores: [dim]torchrun --nproc-per-node 2 -m pyfdsr train aosrnn ...[/dim]

    On a GPU: [dim]pyfdsr train aosrnn --device cuda --out runs/mnist[/dim]

    Keep more energy: [dim]pyfdsr train aosrnn --gamma 1e-6 --out runs/gamma[/dim]

    Go on after Ctrl-C, or for more epochs, also on another device:
    [dim]pyfdsr train aosrnn --out runs/mnist --resume --epochs 60[/dim]

    [bold]Written to --out[/bold]: config.json, metrics.jsonl (a line an epoch), checkpoints/ (the last two),
    model.safetensors, evaluation.json, figures/, report.html, and tensorboard/ if tensorboard is installed.
    Ctrl-C finishes the step, writes a checkpoint and exits with code 130.
    """
    from pyfdsr.training.devices import usable_device

    usable_device(device)  # before anything is loaded
    if resume:
        run, config = _resumed(out, context)
    else:
        names = {name: value for name, value in context.params.items() if name not in _NO_FIELDS}
        run, config = None, _configuration(names)
    _train(out, run, config, device)


def _configuration(values: dict[str, Any]) -> Any:
    """Return the configuration of the options; an absent --per-class depends on the data set."""
    from pyfdsr.training import TrainingConfig
    from pyfdsr.training.image_sets import default_per_class

    per_class = values.pop("per_class")
    if per_class is None:
        per_class = default_per_class(values["dataset"])
    return TrainingConfig(per_class=per_class or None, **values)


def _resumed(out: Path, context: typer.Context) -> tuple[Any, Any]:
    """Return the run in `out` and its configuration with the changes that the options ask for."""
    from pyfdsr.training import RunFolder

    run = RunFolder.open(out)
    asked = {
        name: value
        for name, value in context.params.items()
        if name not in _NO_FIELDS and context.get_parameter_source(name).name == "COMMANDLINE"
    }
    if "per_class" in asked:
        asked["per_class"] = asked["per_class"] or None
    config = run.config()
    # The pitch of a diffractive network decides what light does between its planes.
    changeable = [name for name in _CHANGEABLE if name != "pitch" or config.model != "diffractive"]
    return run, resumed_run(run, config, asked, changeable)


def _train(out: Path, run: Any, config: Any, device: str) -> None:
    from pyfdsr.training.distributed import workers

    with workers() as group:
        _train_with(group, out, run, config, device)


def _train_with(group: Any, out: Path, run: Any, config: Any, device: str) -> None:
    from pyfdsr.training import RunFolder, Trainer
    from pyfdsr.training.image_sets import test_set, training_set
    from pyfdsr.training.progress import Progress, ProgressGroup, RichProgress, TensorBoardProgress

    from .results import scores, write_results

    resumed = run is not None
    train, test = training_set(config), test_set(config)
    if group.leads:
        if resumed:
            run.write_config(config)
        else:
            RunFolder.create(out, config)
    group.wait()
    run = RunFolder.open(out)
    progress = Progress()
    if group.leads:
        log = TensorBoardProgress.if_installed(run.tensorboard_folder)
        progress = ProgressGroup(RichProgress(console()), log)
    labels = train.labels, test.labels
    trainer = Trainer(config, train.images, test.images, run, progress, *labels, group, device)
    if resumed:
        trainer.resume()
        where = trainer.resumed_from.name if trainer.resumed_from else "the start"
        if group.leads:
            console().print(f"continuing {run.path} from {where}", highlight=False, soft_wrap=True)
    records = trainer.fit()
    if not group.leads:
        return
    evaluation = scores(trainer.model, test, config)
    print_evaluation(evaluation, f"first {evaluation.count} test images of {test.name}")
    lead = f"{len(train)} training images of {train.name}, {trainer.epochs_done} epochs, seed {config.seed}."
    title = f"All-optical {'classifier' if config.model == 'classifier' else 'super-resolution network'}"
    write_results(run.path, title, lead, config, records, evaluation, test)
    console().print(
        f"run folder {run.path}, report {run.path / 'report.html'}", highlight=False, soft_wrap=True
    )

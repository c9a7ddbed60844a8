"""``pyfdsr experiment``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .display import console

__all__ = ["experiment"]

_SMALL = {"support": 28, "layers": 3, "limit": 120, "test_limit": 40, "epochs": 2, "headline_epochs": 4}


def experiment(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...",
            help="fig2, na, depth, fig4, wide, fig5, fig6, everything-robust, classify, d2nn, "
            "polychromatic, amplitude, energy, or all.",
            show_default=False,
        ),
    ],
    budget: Annotated[
        float, typer.Option(help="Minutes for training what is missing; 0: only score and report.")
    ] = 60.0,
    out: Annotated[Path, typer.Option(help="Folder of the networks and the report.")] = Path("experiments"),
    executor: Annotated[str, typer.Option(help="local, or ray (a cluster with shared files).")] = "local",
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Trainings at a time. Default: measured; one on another device than the CPU.",
            show_default=False,
            min=1,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="One data set in place of all, such as embedded.", show_default=False),
    ] = None,
    data_root: Annotated[
        str | None, typer.Option(help="Folder to look in for the data sets first.", show_default=False)
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of most trainings. Default: 20.", show_default=False, min=1)
    ] = None,
    headline_epochs: Annotated[
        int | None,
        typer.Option(
            help="Epochs of the network whose figures the paper prints. Default: 100.",
            show_default=False,
            min=1,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            help="Images an optimiser step of the others. Default: 10 (the paper: 40).",
            show_default=False,
            min=1,
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where to train and score: cpu, cuda, cuda:1 or another device of torch.")
    ] = "cpu",
    seed: Annotated[int, typer.Option(help="Seed of phases and order.")] = 0,
    small: Annotated[
        bool,
        typer.Option("--small", help="Networks of 3 units on 28² samples, 120 images: to try things out."),
    ] = False,
) -> None:
    """Repeat the paper's experiments: train their networks, put our numbers beside the paper's.

    Networks are found again in --out by their configuration: what is trained already is not trained again,
    what was cut off goes on, and experiments share networks. A budget that does not suffice is shared by
    importance; the report says how far every network is.

    [bold]Examples[/bold]

    [dim]pyfdsr experiment fig2 energy --budget 30[/dim]

    [dim]pyfdsr experiment all --budget 600 --out runs/paper[/dim]

    Everything in three minutes, without downloads:
    [dim]pyfdsr experiment all --budget 3 --dataset embedded --small[/dim]

    [bold]Written to --out[/bold]: report.html (one page), report.md with figures/, results.json, runs/ (a run
    folder a network, for evaluate and masks). Ctrl-C saves every network and exits with code 130.
    """
    from pyfdsr.experiments import Settings, run_experiments
    from pyfdsr.experiments.registry import chosen

    from .info import environment

    chosen(names)
    values = {**(_SMALL if small else {}), "data_root": data_root, "seed": seed}
    given = {"epochs": epochs, "headline_epochs": headline_epochs, "batch_size": batch_size}
    values |= {name: value for name, value in given.items() if value is not None}
    problems = run_experiments(
        names,
        out,
        Settings.found(dataset, **values),
        budget,
        executor,
        jobs,
        environment(),
        lambda line: console().print(line, highlight=False, soft_wrap=True),
        device,
    )
    console().print(f"report {out / 'report.html'}", highlight=False, soft_wrap=True)
    if problems:
        raise RuntimeError("; ".join(f"{name}: {problem}" for name, problem in problems.items()))

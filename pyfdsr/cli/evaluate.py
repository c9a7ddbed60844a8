"""``pyfdsr evaluate``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .display import console, print_evaluation

__all__ = ["evaluate_run"]


def evaluate_run(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="Run folder of a trained network.", show_default=False)
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="Another data set or path than the one it was trained on.", show_default=False),
    ] = None,
    data_root: Annotated[
        str | None, typer.Option(help="Folder to look in for the data set first.", show_default=False)
    ] = None,
    intensity: Annotated[float, typer.Option(help="Peak intensity of the objects; training used 1.")] = 1.0,
    limit: Annotated[
        int | None,
        typer.Option(help="Test images, the first ones. Default: as in the run.", show_default=False),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads; by default all cores.", show_default=False)
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where to compute: cpu, cuda, cuda:1 or another device of torch.")
    ] = "cpu",
) -> None:
    """Score the network of RUN on test images: PSNR, SSIM, resolution and energy, or a classifier's accuracy.

    [bold]Examples[/bold]

    [dim]pyfdsr evaluate runs/mnist[/dim]

    Another data set: [dim]pyfdsr evaluate runs/mnist --dataset fashion-mnist[/dim]

    Twice as bright: [dim]pyfdsr evaluate runs/mnist --intensity 2[/dim]

    [bold]Written to RUN[/bold]: evaluation-DATASET-INTENSITY.json and figures/samples-DATASET-INTENSITY.png.
    """
    from pyfdsr._files import write_bytes_atomically
    from pyfdsr.report import figure_png
    from pyfdsr.training import RunFolder, load_model
    from pyfdsr.training.devices import usable_device
    from pyfdsr.training.image_sets import test_set
    from pyfdsr.training.threads import apply_threads

    from .results import sample_images, scores

    where = usable_device(device)
    folder = RunFolder.open(run)
    config = folder.config()
    apply_threads(config.replace(threads=threads).threads)
    model = load_model(folder).to(where)
    if data_root is not None:
        config = config.replace(data_root=data_root)
    images = test_set(config, dataset, limit)
    evaluation = scores(model, images, config, intensity)
    print_evaluation(
        evaluation, f"first {evaluation.count} test images of {images.name}, peak intensity {intensity:g}"
    )
    label = f"{images.name}-{intensity:g}"
    folder.figure_folder.mkdir(exist_ok=True)
    numbers = json.dumps(evaluation.as_dict(), indent=2) + "\n"
    written = {folder.path / f"evaluation-{label}.json": numbers.encode()}
    if config.model != "classifier":
        samples = figure_png(sample_images(evaluation, images.labels))
        written[folder.figure_folder / f"samples-{label}.png"] = samples
    for path, content in written.items():
        write_bytes_atomically(path, content)
        console().print(f"wrote {path}", highlight=False, soft_wrap=True)

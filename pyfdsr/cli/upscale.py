"""``pyfdsr upscale``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from pyfdsr.training.optional import require

from .display import console

__all__ = ["upscale_pictures"]


def upscale_pictures(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="Picture, or folder of pictures.", show_default=False)
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Picture or folder to write.", show_default=False)
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="RUN_OR_FILE",
            help="Run folder, .safetensors file, or name of a network that comes with pyfdsr.",
        ),
    ] = "srcnn_mse_x8",
    scale: Annotated[
        int | None,
        typer.Option(
            help="Times that height and width grow: a divisor of the network's scale (2, 4, 8), which is the "
            "default. Smaller ones take the mean of the network's pixels.",
            show_default=False,
        ),
    ] = None,
    optical: Annotated[
        Path | None,
        typer.Option(
            metavar="CONFIG.toml",
            help="Run the convolutions on this emulated chip, calibrated on the middle of each picture.",
            show_default=False,
        ),
    ] = None,
    match_histogram: Annotated[
        bool, typer.Option("--match-histogram", help="Give each colour the distribution that it had in IN.")
    ] = False,
    tile: Annotated[int, typer.Option(help="Side of a tile, input pixels; smaller ones save memory.")] = 256,
    threads: Annotated[
        int | None, typer.Option(help="Threads; by default all cores.", show_default=False, min=1)
    ] = None,
    device: Annotated[
        str, typer.Option(help="Where the network runs: cpu, cuda, cuda:1 or another device of torch.")
    ] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
    max_pixels: Annotated[
        int,
        typer.Option(help="Largest picture to write, millions of pixels; larger ones are refused.", min=1),
    ] = 400,
) -> None:
    """Enlarge photographs with a super-resolution network: PNG, JPEG and TIFF, 8 and 16 bits.

    Transparency is kept and enlarged by bicubic interpolation, colour profiles are kept, the camera's
    orientation is applied. Large pictures go in tiles, which leave no seams. A file that fails does not stop
    the others; no file is left half-written.

    [bold]Examples[/bold]

    [dim]pyfdsr upscale photo.jpg large.png[/dim]

    A folder with its sub-folders, four times: [dim]pyfdsr upscale photos large --scale 4[/dim]

    A network of your own, on a chip: [dim]pyfdsr upscale photo.jpg large.png --model runs/srcnn --optical
    chip.toml[/dim]
    """
    from pyfdsr.training.devices import usable_device
    from pyfdsr.training.threads import apply_threads
    from pyfdsr.upscaling import jobs_of
    from pyfdsr.upscaling.tiling import check_scale

    if tile < 1:
        raise ValueError(f"--tile {tile}: must be 1 or more")
    where = usable_device(device)
    if match_histogram:
        require("skimage.exposure", "matching histograms", "images")
    apply_threads(threads)
    jobs = jobs_of(source, target)
    from pyfdsr.chip import ChipConfig
    from pyfdsr.training import load_cnn

    network = load_cnn(model) if optical is None else load_cnn(model, True, ChipConfig.load(optical))
    network = network.to(where)
    times = network.scale // check_scale(network, scale)
    most = max_pixels * 1_000_000 // times**2

    def run(job: Any, progress: Callable[[float], None]) -> str:
        from pyfdsr.upscaling import calibrate_on, enlarge, read_picture, write_picture
        from pyfdsr.upscaling.files import check_target

        _check_free(job, overwrite)
        picture = read_picture(job.source, most)
        check_target(job.target, picture)
        _make_folder(job.target)
        calibrate_on(network, picture)
        enlarged = enlarge(network, picture, times, tile, match_histogram, progress)
        write_picture(job.target, enlarged)
        height, width = enlarged.colours.shape[:2]
        return f"wrote {job.target} ({width}×{height})"

    failed = _each(jobs, run)
    if failed:
        raise RuntimeError(f"{failed} of {len(jobs)} pictures could not be done")


def _check_free(job: Any, overwrite: bool) -> None:
    from pyfdsr.upscaling import PictureError

    if not job.target.exists():
        return
    if job.target.resolve() == job.source.resolve():
        raise PictureError(f"{job.target}: is the picture to be read; give OUT another name")
    if not overwrite:
        raise PictureError(f"{job.target}: exists; --overwrite replaces it")


def _make_folder(target: Path) -> None:
    from pyfdsr.upscaling import PictureError

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PictureError(f"{target}: its folder cannot be made: {error.strerror or error}") from error


def _each(jobs: list[Any], run: Callable[[Any, Callable[[float], None]], str]) -> int:
    """Do all jobs, with a bar on a terminal; say what each wrote or why it failed; return how many did."""
    rich = require("rich.progress", "the progress bar")
    output = console()
    failed = 0
    bar = rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(bar_width=None),
        rich.TimeRemainingColumn(),
        console=output,
        transient=True,
        expand=True,
        disable=not output.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=len(jobs))
        for index, job in enumerate(jobs):
            bar.update(task, description=job.source.name, completed=index)
            try:
                said = run(job, lambda share, index=index: bar.update(task, completed=index + share))
            except (OSError, RuntimeError, ImportError, ValueError, MemoryError) as error:
                failed += 1
                text = str(error) or type(error).__name__
                named = (
                    text if str(job.source) in text or str(job.target) in text else f"{job.source}: {text}"
                )
                print(f"error: {named}", file=sys.stderr)
            else:
                output.print(said, highlight=False, soft_wrap=True, markup=False)
    return failed

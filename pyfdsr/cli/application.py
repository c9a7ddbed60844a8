"""The commands put together; importing this without typer or rich says which pip command brings them."""

from __future__ import annotations

from typing import Any

from pyfdsr.training.optional import require

__all__ = ["application"]

typer = require("typer", "the commands")
require("rich", "the commands")

_HELP = """All-optical super-resolution: train, look at and export diffractive networks.

Start with [bold]pyfdsr demo[/bold]: two minutes, no downloads, a report to open in a browser.

Lengths are metres, phases radians, intensities relative to a white pixel of the object (1), PSNR decibels.
[bold]--debug[/bold] with any command shows the traceback of an error. Exit codes: 0 done, 1 could not be
done, 2 asked for wrongly, 130 interrupted.
"""


def application() -> Any:
    """Return the typer application of all commands."""
    from .chip import report
    from .compare import compare
    from .demo import demo
    from .evaluate import evaluate_run
    from .experiment import experiment
    from .info import info
    from .macs import macs
    from .masks import masks
    from .train import train_aosrnn
    from .train_srcnn import train_srcnn
    from .upscale import upscale_pictures

    app = typer.Typer(
        help=_HELP,
        rich_markup_mode="rich",
        add_completion=False,
        no_args_is_help=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def _root(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            print(context.get_help())

    train = typer.Typer(
        help="Train a network: [bold]pyfdsr train aosrnn --help[/bold], [bold]srcnn --help[/bold].",
        rich_markup_mode="rich",
    )

    @train.callback(invoke_without_command=True)
    def _train(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            print(context.get_help())

    app.command()(demo)
    app.add_typer(train, name="train")
    train.command("aosrnn")(train_aosrnn)
    train.command("srcnn")(train_srcnn)
    app.command("evaluate")(evaluate_run)
    app.command()(compare)
    app.command()(experiment)
    app.command()(masks)
    app.command()(macs)
    app.command("upscale")(upscale_pictures)
    chip = typer.Typer(
        help="An emulated photonic chip. See [bold]pyfdsr chip report --help[/bold].", rich_markup_mode="rich"
    )

    @chip.callback(invoke_without_command=True)
    def _chip(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            print(context.get_help())

    app.add_typer(chip, name="chip")
    chip.command("report")(report)
    app.command()(info)
    return app

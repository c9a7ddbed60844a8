"""``pyfdsr chip``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pyfdsr.training.optional import require

from .display import console

__all__ = ["report"]


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = require("rich.table", "tables").Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=require("rich.box", "tables").SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    for index, column in enumerate(columns):
        table.add_column(column, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console().print(table)


def _level(sinad: float) -> tuple[str, str]:
    """Return decibels and effective bits as shown."""
    from pyfdsr.chip import effective_bits

    if sinad == float("inf"):
        return "none", "∞"
    return f"{sinad:.2f}", f"{effective_bits(sinad):.2f}"


def _scientific(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def _print_report(found: Any) -> None:
    _table(
        "Transform size",
        ("side", "frames", "dB", "bits"),
        [(f"{side}²", str(frames), *_level(level)) for side, frames, level in found.passes],
    )
    _table(
        "Error budget: signal to error of each source",
        ("source", "dB", "bits"),
        [(name, *_level(level)) for name, level in found.budget.items()],
    )
    _table(
        "Precision against frames",
        ("a value in", "frames", "dB", "bits"),
        [(name, str(frames), *_level(level)) for name, frames, level in found.frames],
    )


def _print_layers(layers: dict[str, Any]) -> None:
    rows = [
        (
            name or "(model)",
            f"{s.frames:,}",
            f"{s.dac_conversions + s.adc_conversions:,}",
            f"{100 * s.dac_clipped:.2f}",
            f"{100 * s.adc_clipped:.2f}",
            *_level(s.sinad),
            _scientific(s.seconds),
            _scientific(s.joules),
        )
        for name, s in layers.items()
    ]
    columns = ("layer", "frames", "conversions", "DAC %", "ADC %", "dB", "bits", "s", "J")
    _table("Layers: a batch of 4 random images; values clipped in %", columns, rows)


def report(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG.toml", help="Chip configuration.", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(help="package.module:callable of a torch model to run on the chip.", show_default=False),
    ] = None,
    input_size: Annotated[
        str, typer.Option(help="Size of the model's images, pixels, or ROWSxCOLUMNS.")
    ] = "32",
    channels: Annotated[int, typer.Option(help="Channels of the model's images.", min=1)] = 3,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers.", show_default=False)
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Write the charts.", show_default=False)
    ] = None,
) -> None:
    """Measure how precise an emulated photonic chip is, and what its frames take.

    Random fields, uniform over the DAC's range, go through the emulator: one and two passes of frames, each
    source of error alone, values split over slices and averaged over shots. Time and energy appear where the
    configuration gives a frame rate and energies per conversion.

    [bold]Examples[/bold]

    [dim]pyfdsr chip report chip.toml --figure chip.png[/dim]

    [dim]pyfdsr chip report chip.toml --model torchvision.models:resnet18 --input-size 64[/dim]
    """
    from pyfdsr.chip import ChipConfig
    from pyfdsr.report.chip_report import chip_report, model_statistics

    from .macs import _image_size, _write

    size = _image_size(input_size)
    if figure is not None and figure.suffix.lower() != ".png":
        raise ValueError(f"--figure {figure}: must end in .png")
    chip = ChipConfig.load(config)
    found = chip_report(chip)
    _print_report(found)
    numbers: dict[str, Any] = {"config": chip.to_toml(), **found.as_dict()}
    if model is not None:
        from dataclasses import asdict

        from pyfdsr.models.tracing import import_model

        layers = model_statistics(chip, import_model(model, device="cpu"), channels, size)
        _print_layers(layers)
        numbers["layers"] = {
            name: {k: v if v == v and abs(v or 0) != float("inf") else None for k, v in asdict(s).items()}
            for name, s in layers.items()
        }
    files: dict[Path, bytes] = {}
    if json_file is not None:
        files[json_file] = (json.dumps(numbers, indent=2) + "\n").encode()
    if figure is not None:
        from pyfdsr.report import figure_png
        from pyfdsr.report.chip_report import chip_chart

        files[figure] = figure_png(chip_chart(found))
    _write(files)

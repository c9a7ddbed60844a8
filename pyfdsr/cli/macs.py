"""``pyfdsr macs``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from pyfdsr.training.optional import require

from .display import console

__all__ = ["macs"]


def _image_size(text: str) -> tuple[int, int]:
    """Return rows and columns of "224" or "224x320"."""
    match = re.fullmatch(r"([1-9]\d{0,5})(?:x([1-9]\d{0,5}))?", text)
    if not match:
        raise ValueError(f"--input-size {text}: must be a number of pixels, or ROWSxCOLUMNS")
    rows, columns = match.groups()
    return int(rows), int(columns or rows)


def _layers(model: str, size: tuple[int, int], channels: int) -> list[Any]:
    from pyfdsr.models.descriptions import DESCRIPTIONS, describe

    if ":" in model:
        from pyfdsr.models.tracing import import_model, trace_layers

        return trace_layers(import_model(model), size, channels)
    if model not in DESCRIPTIONS:
        known = ", ".join(DESCRIPTIONS)
        raise ValueError(f"MODEL {model}: must be one of {known}, or package.module:callable")
    return describe(model, size, channels)


def _row(label: str, total: Any) -> tuple[str, ...]:
    from pyfdsr.report.operation_counts import PRODUCTS, TRANSFORMS

    ratios = (f"{total.reduction(case, m):.2f}" for case in TRANSFORMS for m in PRODUCTS)
    return (label, f"{total.direct / 1e6:.1f}", *ratios)


def _by(pair: tuple[int, int]) -> str:
    return f"{pair[0]}²" if pair[0] == pair[1] else f"{pair[0]}×{pair[1]}"


def _kind(layer: Any) -> str:
    """Return what makes two layers alike in the table: channels, kernel, stride, groups, input map."""
    channels = f"{layer.in_channels}→{layer.out_channels}"
    if layer.kernel == layer.input_size == (1, 1):
        return f"{channels} linear"
    kernel = "×".join(map(str, layer.kernel))
    stride = f"/{layer.stride[0]}" if layer.stride[0] == layer.stride[1] else "/" + _by(layer.stride)
    marks = (stride if max(layer.stride) > 1 else "") + (f" g{layer.groups}" if layer.groups > 1 else "")
    dilation = f" d{_by(layer.dilation).rstrip('²')}" if max(layer.dilation) > 1 else ""
    up = " up" if layer.transposed else ""
    return f"{channels} {kernel}{marks}{dilation}{up}, {_by(layer.input_size)}"


def _print_counts(network: Any) -> None:
    """Print one row for each kind of layer and the sums."""
    from pyfdsr.report.operation_counts import Total

    table = require("rich.table", "tables").Table(
        title=network.name,
        title_justify="left",
        title_style="bold",
        box=require("rich.box", "tables").SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    for index, column in enumerate(("layers", "MMAC", "free 4", "3", "maps 4", "3", "all 4", "3")):
        table.add_column(column, justify="right" if index else "left", no_wrap=index > 0, overflow="fold")
    kinds: dict[str, list[Any]] = {}
    for count in network.layers:
        kinds.setdefault(_kind(count.layer), []).append(count)
    for kind, counts in kinds.items():
        table.add_row(*_row(f"{len(counts)} × {kind}" if len(counts) > 1 else kind, Total.of(counts)))
    table.add_section()
    table.add_row(*_row("all layers", network.total()))
    table.add_row(*_row("kernels larger than 1×1", network.convolutions()))
    table.add_row(*_row("each the cheaper way", network.cheaper()))
    console().print(table)


def macs(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="resnet34, resnet34-7x7, vgg16, unet, or package.module:callable of a torch model.",
            show_default=False,
        ),
    ],
    input_size: Annotated[
        str, typer.Option(help="Size of the input images, pixels; ROWSxCOLUMNS if they are not square.")
    ] = "224",
    channels: Annotated[int, typer.Option(help="Channels of the input images.", min=1)] = 3,
    batch: Annotated[
        int, typer.Option(help="Images in a batch, which share the transforms of the weights.", min=1)
    ] = 128,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all counts.", show_default=False)
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Write the chart.", show_default=False)
    ] = None,
) -> None:
    """Count the multiply-accumulates of convolutional networks, direct and in the Fourier domain.

    [bold]Examples[/bold]

    [dim]pyfdsr macs resnet34[/dim]

    A chart: [dim]pyfdsr macs resnet34 resnet34-7x7 vgg16 unet --figure macs.png[/dim]

    Any torch model: [dim]pyfdsr macs torchvision.models:resnet50 --input-size 256 --json macs.json[/dim]

    [bold]The table[/bold]: MMAC per image by matrix multiplication, then how many times
    fewer in the Fourier domain, with 4 or 3 real products for a complex one.
    Transforms are [bold]free[/bold] (optics), or electronic, for the [bold]maps[/bold] of every layer
    or for [bold]all[/bold]: the weights too, once per batch. Layers of 1×1 kernels stay
    direct. The last row takes every layer in the domain that needs fewer.
    """
    from pyfdsr.report.operation_counts import NetworkCount, operation_chart

    size = _image_size(input_size)
    if figure is not None and figure.suffix.lower() != ".png":
        raise ValueError(f"--figure {figure}: must end in .png")
    networks = [NetworkCount.of(model, _layers(model, size, channels), batch) for model in models]
    for network in networks:
        _print_counts(network)
    console().print(
        "MMAC: direct, per image. Then how many times fewer in the Fourier domain: transforms free (optics), "
        f"electronic for the maps, or for all (maps, and weights once per batch of {batch}); 4 or 3 real "
        "products for a complex one.",
        style="dim",
        highlight=False,
    )
    files: dict[Path, bytes] = {}
    if json_file is not None:
        numbers = {
            "unit": "MAC per image",
            "input_size": size,
            "channels": channels,
            "batch": batch,
            "networks": [network.as_dict() for network in networks],
        }
        files[json_file] = (json.dumps(numbers, indent=2) + "\n").encode()
    if figure is not None:
        from pyfdsr.report import figure_png

        chart = operation_chart(networks, batch, f"{channels}×{size[0]}×{size[1]}")
        files[figure] = figure_png(chart)
    _write(files)


def _write(files: dict[Path, bytes]) -> None:
    from pyfdsr._files import write_bytes_atomically

    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, content)
        console().print(f"wrote {path}", highlight=False, soft_wrap=True)

"""How the convolution's cost grows: over the kernel, the map and the batch.

``python -m bench.convolution_growth`` times the compiled plan (float32, 16 channels, kept spectra) and writes
``docs/figures/convolution_growth.png``, its numbers beside it. ``--draw FILE`` draws numbers measured before.

- At a fixed transform length the cost does not depend on the kernel, as long as it takes the same number of
  tiles: a transform of 144 covers a map of 64² for all kernels up to 81; tiles of 80 step up where one more
  is needed. torch's direct sum is drawn for comparison.
- One transform of the whole map, n samples long on each axis: n² log n (and the product's n²).
- The batch: a line.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import machine
from bench.convolution import better_torch
from bench.convolution_case import ConvolutionCase, make_convolution_inputs
from bench.convolution_implementations import TORCH_FORMATS, convolution_implementations
from bench.crossover import line_fit
from bench.timing import time_in_turns

CHANNELS = 16
MAP_KERNEL = 9
KERNELS = (3, 5, 7, 9, 11, 15, 19, 23, 27, 31, 39, 47, 55, 63)
MAPS = (8, 12, 16, 24, 28, 32, 40, 52, 56, 64, 72, 88, 104, 112, 120, 136)
BATCHES = (1, 2, 4, 6, 8, 12, 16, 24)

WHOLE, TILED, TORCH = (
    "one transform of 144, map 64²",
    "tiles of 80, map 128²",
    "torch, better format, map 64²",
)


def forward_of(case: ConvolutionCase, algorithm: str, tile: int = 0) -> tuple[Callable[[], object], int]:
    """Forward of a plan on random inputs, and the transform length that the plan took."""
    from pyfdsr import _core

    inputs = make_convolution_inputs(case)
    x, w = inputs.x.numpy(), inputs.w.numpy()
    sizes = (case.kernel,) * 2, (case.size,) * 2, (1, 1), (case.padding,) * 4, (1, 1), case.groups
    channels = case.in_channels, case.out_channels
    plan = _core.FourierConv2d(*channels, *sizes, algorithm=algorithm, tile=(tile, tile))
    return (lambda: plan.forward(x, w, None, case.threads, keep_spectra=0)), plan.tile[1]


def case_of(size: int, kernel: int, batch: int, threads: int) -> ConvolutionCase:
    """Dense layer of `CHANNELS` channels."""
    return ConvolutionCase(CHANNELS, CHANNELS, 1, size, kernel, batch, threads)


def over_kernel(kernels: tuple[int, ...], threads: int, rounds: int, share: float) -> list[dict]:
    """Time fixed transforms and torch over the kernel.

    Returns
    -------
    list of dict
        Columns ``over``, ``series``, ``value``, ``transform`` (samples, 0 for torch), ``seconds``.
    """
    rows = []
    known = convolution_implementations()
    for kernel in kernels:
        functions, transforms = {}, {}
        functions[WHOLE], transforms[WHOLE] = forward_of(case_of(64, kernel, 2, threads), "fourier", 144)
        functions[TILED], transforms[TILED] = forward_of(case_of(128, kernel, 2, threads), "tiled", 80)
        case = case_of(64, kernel, 2, threads)
        for name in TORCH_FORMATS:
            functions[name] = known[name].build(case, make_convolution_inputs(case)).infer
        timings = time_in_turns(functions, rounds, share, longest=1.0)
        seconds: dict[str, float | None] = {name: timing.best for name, timing in timings.items()}
        for series, value in (
            (WHOLE, seconds[WHOLE]),
            (TILED, seconds[TILED]),
            (TORCH, better_torch(seconds)),
        ):
            transform = transforms.get(series, 0)
            rows.append(_row("kernel", series, kernel, transform, value))
    return rows


def over_size(sizes: tuple[int, ...], threads: int, rounds: int, share: float) -> list[dict]:
    """Time transforms of the whole map over its size; columns as in `over_kernel`."""
    functions, transforms = {}, {}
    for size in sizes:
        case = case_of(size, MAP_KERNEL, 2, threads)
        functions[str(size)], transforms[str(size)] = forward_of(case, "fourier")
    timings = time_in_turns(functions, rounds, share)
    return [_row("size", "whole map", int(n), transforms[n], t.best) for n, t in timings.items()]


def over_batch(batches: tuple[int, ...], threads: int, rounds: int, share: float) -> list[dict]:
    """Time three layers over the batch; columns as in `over_kernel`."""
    rows = []
    for size, kernel in ((64, 7), (64, 15), (64, 31)):
        plans = {batch: forward_of(case_of(size, kernel, batch, threads), "auto") for batch in batches}
        functions = {str(batch): function for batch, (function, _) in plans.items()}
        for batch, timing in time_in_turns(functions, rounds, share).items():
            rows.append(_row("batch", f"k = {kernel}", int(batch), plans[int(batch)][1], timing.best))
    return rows


def _row(over: str, series: str, value: int, transform: int, seconds: float | None) -> dict:
    return {"over": over, "series": series, "value": value, "transform": transform, "seconds": seconds}


def size_fit(transforms: np.ndarray, seconds: np.ndarray) -> tuple[float, float, float]:
    """Fit a + c·n²·log2(n) by least relative squares: c, a and the largest relative deviation."""
    return line_fit(transforms**2 * np.log2(transforms), seconds)


def growth_figure(rows: list[dict]) -> Any:
    """Three panels: kernel, map, batch.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from pyfdsr.report.style import house_style, new_figure

    with house_style():
        figure = new_figure(10.0, 3.7)
        panels = figure.subplots(1, 3)
        _draw_kernel(panels[0], rows)
        _draw_size(panels[1], [row for row in rows if row["over"] == "size"])
        _draw_batch(panels[2], rows)
    return figure


def _series(rows: list[dict], over: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    names = dict.fromkeys(row["series"] for row in rows if row["over"] == over)
    mine = {name: [row for row in rows if (row["over"], row["series"]) == (over, name)] for name in names}
    return {
        name: (np.array([row["value"] for row in found]), 1e3 * np.array([row["seconds"] for row in found]))
        for name, found in mine.items()
    }


def _draw_kernel(axes: Any, rows: list[dict]) -> None:
    from pyfdsr.report.style import COLOURS

    looks = {WHOLE: ("blue", "o", "-"), TILED: ("green", "D", "-"), TORCH: ("black", "s", "--")}
    for name, (kernels, times) in _series(rows, "kernel").items():
        colour, marker, dash = looks[name]
        axes.loglog(
            kernels, times, color=COLOURS[colour], marker=marker, linestyle=dash, markersize=4, label=name
        )
    _plain_ticks(axes.xaxis, (3, 5, 7, 11, 15, 23, 31, 47, 63))
    _plain_numbers(axes.yaxis)
    axes.set(xlabel="kernel size k (samples)", ylabel="time of a call (ms)")
    axes.set_title("fixed transform length: flat in k")
    axes.legend(loc="upper left")


def _draw_size(axes: Any, rows: list[dict]) -> None:
    from pyfdsr.report.style import COLOURS

    transforms = np.array([row["transform"] for row in rows], float)
    seconds = np.array([row["seconds"] for row in rows])
    slope, intercept, _ = size_fit(transforms, seconds)
    axes.loglog(transforms, 1e3 * seconds, "o", color=COLOURS["blue"], markersize=4, label="whole map")
    line = np.geomspace(transforms.min(), transforms.max(), 100)
    fitted = 1e3 * (slope * line**2 * np.log2(line) + intercept)
    label = f"{slope * 1e9:.3g} ns · n² log₂ n {'+' if intercept >= 0 else '−'} {abs(intercept) * 1e6:.0f} µs"
    axes.loglog(line[fitted > 0], fitted[fitted > 0], color=COLOURS["black"], linewidth=1, label=label)
    _plain_ticks(axes.xaxis, (16, 24, 32, 48, 64, 96, 144))
    _plain_numbers(axes.yaxis)
    axes.set(xlabel="transform length n (samples per axis)", ylabel="time of a call (ms)")
    axes.set_title(f"one transform of the whole map, k = {MAP_KERNEL}")
    axes.legend(loc="upper left")


def _draw_batch(axes: Any, rows: list[dict]) -> None:
    from pyfdsr.report.style import COLOURS

    looks = zip(("blue", "green", "vermilion"), ("o", "D", "^"), strict=True)
    for (name, (batches, times)), (colour, marker) in zip(_series(rows, "batch").items(), looks, strict=True):
        slope, intercept, _ = line_fit(batches.astype(float), times)
        label = f"{name}: {slope:.2f} ms an image"
        axes.plot(batches, times, marker, color=COLOURS[colour], markersize=4, label=label)
        ends = np.array([0, batches.max()])
        axes.plot(ends, slope * ends + intercept, color=COLOURS[colour], linewidth=0.8)
    axes.set(xlabel="batch (images)", ylabel="time of a call (ms)", title="map 64²: linear in the batch")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left")


def _plain_ticks(axis: Any, values: tuple[int, ...]) -> None:
    axis.set_ticks(values, [str(value) for value in values])
    axis.set_ticks([], minor=True)


def _plain_numbers(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def summary(rows: list[dict]) -> dict[str, float]:
    """How flat, how n² log n and how straight the measured growth is.

    Returns
    -------
    dict
        ``flat`` is the largest time over the smallest of the one transform of 144 over kernels; the others
        are largest relative deviations from a fit.
    """
    (_, flat) = _series(rows, "kernel")[WHOLE]
    size = [row for row in rows if row["over"] == "size"]
    columns = (np.array([row[key] for row in size], float) for key in ("transform", "seconds"))
    straight = max(line_fit(b.astype(float), t)[2] for b, t in _series(rows, "batch").values())
    return {
        "flat": float(flat.max() / flat.min()),
        "size_deviation": size_fit(*columns)[2],
        "batch_deviation": straight,
    }


def measure(threads: int, rounds: int, share: float, quick: bool) -> dict:
    """All figures with the machine they were measured on."""
    kernels, sizes, batches = ((3, 5), (8, 16, 24), (1, 2, 3)) if quick else (KERNELS, MAPS, BATCHES)
    rows = [
        *over_kernel(kernels, threads, rounds, share),
        *over_size(sizes, threads, rounds, share),
        *over_batch(batches, threads, rounds, share),
    ]
    return {"machine": machine.describe(), "threads": threads, "channels": CHANNELS, "rows": rows}


def main(arguments: list[str] | None = None) -> int:
    """Measure or read, draw, write; returns the exit status."""
    from pyfdsr.report.style import save_figure

    parser = argparse.ArgumentParser(
        prog="python -m bench.convolution_growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=Path("docs/figures"), metavar="FOLDER")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="draw the numbers of this JSON file")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: exercises the code, its figures mean nothing"
    )
    options = parser.parse_args(arguments)
    if options.draw:
        record = json.loads(options.draw.read_text(encoding="utf-8"))
    else:
        rounds, share = (1, 0.0) if options.quick else (options.rounds, 0.03)
        record = measure(options.threads, rounds, share, options.quick)
        print(*machine.busy_warning(record["machine"]), sep="\n")
    path = save_figure(growth_figure(record["rows"]), options.out / "convolution_growth.png")
    record["summary"] = summary(record["rows"])
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    print(f"one transform of 144, all kernels: slowest over fastest {record['summary']['flat']:.2f}")
    print(f"whole map: within {record['summary']['size_deviation']:.0%} of a + c n² log n")
    print(f"batch: within {record['summary']['batch_deviation']:.0%} of a line")
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())

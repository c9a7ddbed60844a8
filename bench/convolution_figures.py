"""Figure of the convolution over kernel size, from figures that were measured before.

``python -m bench.convolution --json FILE`` measures; ``python -m bench.convolution_figures FILE`` draws
``docs/figures/convolution.png`` and writes its numbers beside it, CSV and JSON.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from bench.convolution import better_torch
from bench.convolution_case import CALLS

DRAWN_CALLS = ("infer", "gradient")

# name: label, colour of the house, marker, line; pyfdsr's last, on top of the others
LOOKS = {
    "torch": ("torch, better memory format", "black", "s", "-"),
    "torch.fft": ("torch.fft, whole map", "orange", "^", "--"),
    "fft-conv": ("fft-conv-pytorch", "purple", "v", ":"),
    "tiled": ("pyfdsr, tiled", "sky", "D", "--"),
    "auto": ("pyfdsr, auto", "blue", "o", "-"),
}


def curves(records: list[dict], row: str, call: str) -> dict[str, tuple[list[int], list[float]]]:
    """Kernels and milliseconds by name of `LOOKS`; kernels that were not measured are left out.

    Examples
    --------
    >>> timings = {"torch": {"best": 0.003}, "torch-last": {"best": 0.002}, "auto": {"best": 0.001}}
    >>> record = {"row": "C4", "call": "infer", "kernel": 7, "timings": timings}
    >>> curves([record], "C4", "infer")
    {'torch': ([7], [2.0]), 'auto': ([7], [1.0])}
    """
    found: dict[str, tuple[list[int], list[float]]] = {}
    mine = [record for record in records if (record["row"], record["call"]) == (row, call)]
    for name in LOOKS:
        kernels, times = [], []
        for record in sorted(mine, key=lambda record: record["kernel"]):
            seconds = {key: timing["best"] for key, timing in record["timings"].items()}
            value = better_torch(seconds) if name == "torch" else seconds.get(name)
            if value is not None:
                kernels.append(record["kernel"])
                times.append(1e3 * value)
        if kernels:
            found[name] = (kernels, times)
    return found


def convolution_figure(records: list[dict]) -> Any:
    """Time over kernel size: a column for each row of the table, inference above training.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from pyfdsr.report.style import COLOURS, house_style, new_figure

    rows = list(dict.fromkeys(record["row"] for record in records))
    calls = [call for call in DRAWN_CALLS if any(record["call"] == call for record in records)]
    with house_style():
        figure = new_figure(2.4 * len(rows) + 0.8, 2.6 * len(calls) + 0.5)
        panels = figure.subplots(len(calls), len(rows), squeeze=False, sharex=True)
        handles: dict[str, Any] = {}
        for call, beside in zip(calls, panels, strict=True):
            for row, axes in zip(rows, beside, strict=True):
                for name, (kernels, times) in curves(records, row, call).items():
                    label, colour, marker, dash = LOOKS[name]
                    look = {"color": COLOURS[colour], "marker": marker, "linestyle": dash, "markersize": 4}
                    (handles[name],) = axes.loglog(kernels, times, label=label, **look)
                _ticks(axes, sorted({record["kernel"] for record in records}))
                if call == calls[0]:
                    axes.set_title(row)
                if call == calls[-1]:
                    axes.set_xlabel("kernel size k (samples)")
            beside[0].set_ylabel(f"{_title(call)}\ntime of a call (ms)")
        ordered = [handles[name] for name in LOOKS if name in handles]
        figure.legend(handles=ordered, loc="outside upper center", ncols=len(ordered))
    return figure


def _title(call: str) -> str:
    return CALLS[call].split(",")[0]


def _ticks(axes: Any, kernels: list[int]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_xticks(kernels, [str(kernel) for kernel in kernels])
    axes.set_xticks([], minor=True)
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def write_numbers(record: dict, path: Path) -> None:
    """Numbers beside the figure ``path``: all in ``.json``, the best seconds in ``.csv``."""
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("call", "row", "kernel", "implementation", "seconds"))
        for row in record["records"]:
            for name, timing in row["timings"].items():
                writer.writerow((row["call"], row["row"], row["kernel"], name, timing["best"]))


def main(arguments: list[str] | None = None) -> int:
    """Draw and write; returns the exit status."""
    from pyfdsr.report.style import save_figure

    parser = argparse.ArgumentParser(
        prog="python -m bench.convolution_figures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="what python -m bench.convolution --json wrote")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    record = json.loads(options.file.read_text(encoding="utf-8"))
    path = save_figure(convolution_figure(record["records"]), options.out / "convolution.png")
    write_numbers(record, path)
    print(f"{path}, {path.with_suffix('.csv').name}, {path.with_suffix('.json').name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Whether ``algorithm="auto"`` keeps its promise: ``python -m bench.auto_choice --minutes 10``.

The promise: where the better of torch's two memory formats takes 200 µs or more, auto takes at most 1/0.95 of
it; below that, at most 10 µs more. Shapes come from a grid in a random order that the seed fixes, so that a
run of any length samples all of it. A shape that seems to break the promise is timed again before it counts.

Reported, too: breaches against torch on the *same* tensors (the format is then no excuse), and shapes for
which tiles or one transform of the whole map would have been faster than what auto took.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F

import pyfdsr
from bench import machine
from bench.convolution_case import ConvolutionCase, ConvolutionInputs, make_convolution_inputs
from bench.timing import time_in_turns

CHANNELS = (3, 4, 16, 32, 64, 128)
KERNELS = (1, 2, 3, 4, 5, 7, 9, 11, 13, 15, 17, 21, 25, 31)
SIZES = (14, 20, 28, 32, 40, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256)
BATCHES = (1, 2, 8)
GROUPINGS = ("dense", "depthwise", "grouped")

LONG_ENOUGH = 200e-6  # seconds of torch from which the ratio counts
LEAST_RATIO = 0.95
MOST_EXTRA = 10e-6  # seconds, below that
WORTH_SAYING = 1.1  # a forgone gain below this is no news

FORMATS = {"nchw": torch.contiguous_format, "last": torch.channels_last}


def grid(seed: int, most_products: float, threads: int) -> Iterator[tuple[ConvolutionCase, bool]]:
    """Shapes and whether they are trained, in the order of the seed.

    Parameters
    ----------
    seed
        Of the order.
    most_products
        Multiply-accumulates of the direct sum above which a shape is left out.
    threads
        Threads of every call.
    """
    settings = list(itertools.product(CHANNELS, CHANNELS, KERNELS, SIZES, BATCHES, GROUPINGS, (False, True)))
    random.Random(seed).shuffle(settings)
    for inputs, outputs, kernel, size, batch, grouping, train in settings:
        groups = {"dense": 1, "depthwise": inputs, "grouped": inputs // 4}[grouping]
        # few pairs of unequal channels, among them an image's three: most layers keep their channels
        if outputs != inputs and (grouping != "dense" or 3 not in (inputs, outputs)):
            continue
        # four channels a group; two groups at least
        if grouping == "grouped" and (inputs % 4 or groups < 2):
            continue
        case = ConvolutionCase(inputs, outputs, groups, size, kernel, batch, threads)
        if case.products <= most_products:
            yield case, train


def functions_of(
    case: ConvolutionCase, inputs: ConvolutionInputs, train: bool, alternatives: bool
) -> dict[str, Callable[[], object]]:
    """Calls to time: torch and auto in both formats and, if asked for, the Fourier algorithms in NCHW."""
    from pyfdsr.functional import fourier_conv2d

    def call(algorithm: str, memory_format: torch.memory_format) -> Callable[[], object]:
        x, w, v = (tensor.clone(memory_format=memory_format) for tensor in (inputs.x, inputs.w, inputs.v))
        options = {"padding": case.padding, "groups": case.groups}
        function = F.conv2d
        if algorithm != "torch":
            function, options = fourier_conv2d, {**options, "algorithm": algorithm}
        if not train:
            return lambda: _infer(function, x, w, options)
        x.requires_grad_()
        w.requires_grad_()
        return lambda: torch.autograd.grad(function(x, w, **options), (x, w), v)

    functions = {
        f"{algorithm}-{name}": call(algorithm, memory_format)
        for name, memory_format in FORMATS.items()
        for algorithm in ("torch", "auto")
    }
    if alternatives:
        for algorithm in ("tiled", "fourier"):
            functions[algorithm] = call(algorithm, torch.contiguous_format)
    return functions


def _infer(function: Callable[..., torch.Tensor], x: torch.Tensor, w: torch.Tensor, options: dict):
    with torch.no_grad():
        return function(x, w, **options)


def chose_torch(case: ConvolutionCase, inputs: ConvolutionInputs, train: bool) -> bool:
    """Whether auto handed over to torch: both results have the same bits."""
    from pyfdsr.functional import fourier_conv2d

    x, w = (tensor.clone().requires_grad_(train) for tensor in (inputs.x, inputs.w))
    options = {"padding": case.padding, "groups": case.groups}
    with torch.set_grad_enabled(train):
        return torch.equal(fourier_conv2d(x, w, **options), F.conv2d(x, w, **options))


def keeps_promise(torch_seconds: float, auto_seconds: float) -> bool:
    """Whether auto is fast enough beside torch.

    Examples
    --------
    >>> keeps_promise(1e-3, 1.05e-3), keeps_promise(1e-3, 1.06e-3)
    (True, False)
    >>> keeps_promise(20e-6, 29e-6), keeps_promise(20e-6, 31e-6)
    (True, False)
    """
    if torch_seconds >= LONG_ENOUGH:
        return torch_seconds >= LEAST_RATIO * auto_seconds
    return auto_seconds <= torch_seconds + MOST_EXTRA


def judge(seconds: dict[str, float]) -> dict:
    """What a case's times say.

    Parameters
    ----------
    seconds
        ``torch-nchw``, ``torch-last``, ``auto-nchw``, ``auto-last``; where measured, ``tiled``, ``fourier``.

    Returns
    -------
    dict
        ``ratio`` of the better torch to auto in NCHW and whether that ``keeps`` the promise; ``same`` format:
        the worse of the two ratios and ``keeps_same``; ``forgone``, auto over the fastest alternative.

    Examples
    --------
    >>> times = {"torch-nchw": 4e-3, "torch-last": 1e-3, "auto-nchw": 4e-3, "auto-last": 1e-3, "tiled": 2e-3}
    >>> judge(times)["keeps"], judge(times)["keeps_same"], judge(times)["forgone"]
    (False, True, 2.0)
    """
    better = min(seconds["torch-nchw"], seconds["torch-last"])
    pairs = [(seconds[f"torch-{name}"], seconds[f"auto-{name}"]) for name in FORMATS]
    others = [seconds[name] for name in ("tiled", "fourier") if name in seconds]
    return {
        "ratio": better / seconds["auto-nchw"],
        "extra": seconds["auto-nchw"] - better,
        "keeps": keeps_promise(better, seconds["auto-nchw"]),
        "same": min(ours and theirs / ours for theirs, ours in pairs),
        "keeps_same": all(keeps_promise(*pair) for pair in pairs),
        "forgone": seconds["auto-nchw"] / min(others) if others else None,
    }


def measure(
    case: ConvolutionCase, train: bool, alternatives: bool, rounds: int, share: float, longest: float
) -> dict:
    """Time one shape; again with four times the rounds if it seems to break the promise.

    Returns
    -------
    dict
        The case, ``train``, ``seconds`` by call, ``direct`` (auto took torch) and what `judge` finds.
    """
    inputs = make_convolution_inputs(case)
    functions = functions_of(case, inputs, train, alternatives)
    seconds = {name: timing.best for name, timing in time_in_turns(functions, rounds, share, longest).items()}
    verdict = judge(seconds)
    if not (verdict["keeps"] and verdict["keeps_same"]):
        again = time_in_turns(functions, 4 * rounds, share, longest)
        seconds = {name: min(seconds[name], timing.best) for name, timing in again.items()}
    return {
        "case": vars(case),
        "train": train,
        "seconds": seconds,
        "direct": chose_torch(case, inputs, train),
        **judge(seconds),
    }


def shape_of(record: dict) -> str:
    """Short name of a record's shape.

    Examples
    --------
    >>> shape_of({"case": vars(ConvolutionCase(16, 16, 16, 56, 7)), "train": True, "direct": False})
    'train  B2 C16>16 g16   56²  k7   fourier'
    """
    case = ConvolutionCase(**record["case"])
    channels = f"C{case.in_channels}>{case.out_channels}"
    return (
        f"{'train' if record['train'] else 'infer':6s} B{case.batch} {channels} g{case.groups:<3d}"
        f" {case.size:3d}²  k{case.kernel:<3d} {'torch' if record['direct'] else 'fourier'}"
    )


def report(records: list[dict], most: int = 20) -> list[str]:
    """Lines on how often the promise was kept, and the worst cases of each kind."""
    total = len(records)
    lines = [f"{total} shapes; auto took torch in {sum(record['direct'] for record in records)}"]
    kinds = (
        ("slower than the better torch format", [r for r in records if not r["keeps"]], "ratio"),
        ("slower than torch on the same tensors", [r for r in records if not r["keeps_same"]], "same"),
    )
    for title, found, key in kinds:
        lines += ["", f"{title}: {len(found)} of {total} ({len(found) / max(total, 1):.1%})"]
        for record in sorted(found, key=lambda record: record[key])[:most]:
            lines.append(f"  {record[key]:6.2f}x  {shape_of(record):42s} {_times(record['seconds'])}")
    missed = [r for r in records if r["forgone"] is not None and r["forgone"] > WORTH_SAYING]
    lines += ["", f"another algorithm more than {WORTH_SAYING}x faster than auto: {len(missed)} of {total}"]
    for record in sorted(missed, key=lambda record: -record["forgone"])[:most]:
        lines.append(f"  {record['forgone']:6.2f}x  {shape_of(record):42s} {_times(record['seconds'])}")
    return lines


def _times(seconds: dict[str, float]) -> str:
    return "  ".join(f"{name} {value * 1e3:.3f}" for name, value in seconds.items()) + " ms"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.auto_choice",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="stop after this long (default 5)")
    parser.add_argument("--cases", type=int, default=None, help="stop after so many shapes")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the shapes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--most-products",
        type=float,
        default=5e9,
        help="leave out shapes with more multiply-accumulates (default 5e9: some 30 ms of torch at its best)",
    )
    parser.add_argument("--promise-only", action="store_true", help="do not time tiled and fourier")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.005, help="seconds of a call in a round")
    parser.add_argument("--longest", type=float, default=1.0, help="a call longer than this is made once")
    parser.add_argument("--worst", type=int, default=20, metavar="N", help="shapes printed of each kind")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; returns the exit status."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    pyfdsr.set_num_threads(options.threads)
    description = machine.describe()
    print(*machine.busy_warning(description), sep="\n")
    records = []
    end = time.monotonic() + 60 * options.minutes
    for case, train in grid(options.seed, options.most_products, options.threads):
        if time.monotonic() > end or len(records) == options.cases:
            break
        alternatives = not options.promise_only
        records.append(measure(case, train, alternatives, options.rounds, options.share, options.longest))
    print(*report(records, options.worst), sep="\n")
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name != "json"}
        record = {"machine": description, "settings": settings, "records": records}
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

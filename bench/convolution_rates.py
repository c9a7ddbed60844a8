"""Rates of the model by which ``algorithm="auto"`` chooses: ``python -m bench.convolution_rates FILE``.

Times random shapes of :mod:`bench.auto_choice`'s grid on one thread: torch in both memory formats, and the
core's transforms, half of them with tiles drawn at random, and direct sums. From the times it fits what
`csrc/conv/rates.hpp` and `pyfdsr/functional/torch_rates.py` hold and prints both in their source's form. For
narrower vectors set
``PYFDSR_ISA=avx2 ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2``. FILE keeps the times; ``--fit`` reads
them from it instead.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import nnls

import pyfdsr
from bench import machine
from bench.auto_choice import FORMATS, grid
from bench.convolution_case import ConvolutionCase, make_convolution_inputs
from bench.timing import time_in_turns
from pyfdsr import _core, _plans
from pyfdsr._convolution import convolution_of
from pyfdsr.functional import fourier_conv2d
from pyfdsr.functional.convolution_times import (
    LONGEST_IN_CHANNELS_LAST,
    TORCH_CALL,
    Case,
    kind_of,
    torch_rates,
)
from pyfdsr.functional.torch_rates import KERNELS

ALGORITHMS = ("tiled", "fourier", "spatial")
UNEQUAL = ((1, 16), (1, 64), (2, 32), (16, 8), (32, 12), (64, 8))  # channels that auto_choice's grid lacks
MOST_DIRECT = 3e8  # multiply-accumulates beyond which direct sums are not timed
# Times from which a rate of torch is taken; else it is that of a neighbouring length, or stays what it is.
LEAST = 5


def calls_of(case: ConvolutionCase, train: bool, plans: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """Calls to time, named ALGORITHM-FORMAT, the core's by its plans."""
    inputs, calls = make_convolution_inputs(case), {}
    options: dict[str, Any] = {"padding": case.padding, "groups": case.groups}
    for name, memory_format in FORMATS.items():
        x, w, v = (t.clone(memory_format=memory_format) for t in (inputs.x, inputs.w, inputs.v))
        if train:
            x.requires_grad_()
            w.requires_grad_()

        def call(function, x=x, w=w, v=v, **more):
            if not train:
                with torch.no_grad():
                    return function(x, w, **options, **more)
            return torch.autograd.grad(function(x, w, **options, **more), (x, w), v)

        # It takes seconds, and auto does not consider it.
        is_hopeless = train and name == "last" and case.kernel > LONGEST_IN_CHANNELS_LAST
        if not is_hopeless:
            calls[f"torch-{name}"] = lambda call=call: call(F.conv2d)
        for algorithm, plan in plans.items():
            if name == "nchw" or algorithm == "spatial":
                calls[f"{algorithm}-{name}"] = lambda call=call, plan=plan: call_with(plan, call)
    return calls


def call_with(plan: Any, call: Callable[..., object]) -> object:
    """Let a plan serve a call and its gradients."""
    usual = _plans.fourier_conv2d_plan
    _plans.fourier_conv2d_plan = lambda *_, **__: plan
    try:
        return call(fourier_conv2d, algorithm="tiled")
    finally:
        _plans.fourier_conv2d_plan = usual


def plans_of(case: ConvolutionCase, train: bool, draw: random.Random) -> dict[str, Any]:
    """Plans to time; that of tiles is the core's choice, or has any tile that does not waste most samples."""
    plans = {name: plan_of(case, train, name) for name in ALGORITHMS}
    if case.products > MOST_DIRECT:
        plans["spatial"] = None
    longest = max(16, min(case.size + case.kernel, 5 * case.kernel))
    for _ in range(20 if draw.random() < 0.5 else 0):
        tile = tuple(draw.randint(min(2 * case.kernel, longest), longest) for _ in range(2))
        if (plan := plan_of(case, train, "tiled", tile)) is not None:
            plans["tiled"] = plan
            break
    return {name: plan for name, plan in plans.items() if plan is not None}


def plan_of(case: ConvolutionCase, train: bool, algorithm: str, tile: Sequence[int] = (0, 0)) -> Any:
    """The core's plan of a case, None if the algorithm cannot do it; tiles are its choice, or given."""
    k, p = case.kernel, case.padding
    sizes = (k, k), (case.size, case.size), (1, 1), (p, p, p, p), (1, 1), case.groups
    try:
        return _core.FourierConv2d(
            case.in_channels, case.out_channels, *sizes, "zeros", False, algorithm, tuple(tile), train
        )
    except ValueError:
        return None


def shapes(seed: int, most_products: float) -> Iterator[tuple[ConvolutionCase, bool]]:
    """auto_choice's grid with more dense shapes, of which it has few, and channels that it lacks."""
    for number, (case, train) in enumerate(grid(seed, most_products, 1)):
        if number % 5 in (1, 3) and case.in_channels == case.out_channels >= 16:
            case = replace(case, groups=1)
        if number % 5 == 4:
            inputs, outputs = UNEQUAL[number // 5 % len(UNEQUAL)]
            case = replace(case, in_channels=inputs, out_channels=outputs, groups=1)
        if case.products <= most_products:
            yield case, train


def measure(minutes: float, seed: int, most_products: float, path: Path) -> list[dict]:
    """Time shapes for so long; every one is written to the file at once."""
    torch.set_num_threads(1)
    pyfdsr.set_num_threads(1)
    records, end, draw = [], time.monotonic() + 60 * minutes, random.Random(seed)
    with path.open("w") as file:
        for case, train in shapes(seed, most_products):
            if time.monotonic() > end:
                break
            plans = plans_of(case, train, draw)
            timings = time_in_turns(calls_of(case, train, plans), rounds=3, share=0.005, longest=0.3)
            seconds = {name: timing.best for name, timing in timings.items()}
            # What is fitted later, perhaps by a core that would choose others, belongs to these tiles.
            tiles = {name: plan.tile for name, plan in plans.items()}
            records.append({"case": vars(case), "train": train, "seconds": seconds, "tiles": tiles})
            print(json.dumps(records[-1]), file=file, flush=True)
    return records


def fitted(work: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, float]:
    """Rates that explain times by amounts of work, not negative, and the median relative error.

    Examples
    --------
    >>> rates, error = fitted(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0]]), np.array([3.0, 5.0, 9.0]))
    >>> rates.round(6).tolist(), round(error, 6)
    ([1.0, 2.0], 0.0)
    """
    relative = work / times[:, None]
    weights = np.ones(len(times))
    for _ in range(30):
        rates, _ = nnls(relative * weights[:, None], weights)
        error = np.abs(relative @ rates - 1)
        # Errors beyond a tenth count by their size, not its square: single disturbed times weigh little.
        weights = 1 / np.sqrt(np.maximum(error, 0.1))
    return rates, float(np.median(error))


def rates_of_core(records: list[dict]) -> list[str]:
    """The lines of one instruction set in rates.hpp."""
    samples: dict[tuple[str, bool], list[tuple[list[float], float]]] = defaultdict(list)
    for record in records:
        case = ConvolutionCase(**record["case"])
        for name, seconds in record["seconds"].items():
            algorithm, memory_format = name.split("-")
            if algorithm == "torch" or (algorithm != "spatial" and case.kernel == 1):
                continue
            plan = plan_of(case, record["train"], algorithm, record["tiles"][algorithm])
            work = plan.work(case.batch, memory_format == "last")
            kind = "sums" if algorithm == "spatial" else "tiles"
            samples[kind, record["train"]].append((work, 1e9 * seconds))
    found, lines = {}, []
    for key in (("tiles", True), ("tiles", False), ("sums", False), ("sums", True)):
        work, times = (np.array(values) for values in zip(*samples[key], strict=True))
        rates, error = fitted(work, times)
        if key == ("tiles", False):
            # Spectra of weights are kept; a training step makes two, and takes one gradient back.
            rates[5] = found["tiles", True][0][5] / 3
        found[key] = rates, f"{key[0]}{', trained' * key[1]}: {len(times)} times, median error {error:.0%}"
    for key in sorted(found, reverse=True, key=lambda key: (key[0], not key[1])):
        rates, name = found[key]
        lines.append(f"    {{{', '.join(f'{rate:.3g}' for rate in rates)}}},  // {name}")
    return lines


def rates_of_torch(records: list[dict]) -> list[str]:
    """The lines of one instruction set in torch_rates.py."""
    found: dict[tuple[str, int, int], list[float]] = defaultdict(list)
    for record in records:
        case = ConvolutionCase(**record["case"])
        shape = convolution_of(case.kernel, padding=case.padding, groups=case.groups)
        channels, size = (case.in_channels, case.out_channels), (case.size, case.size)
        kind = kind_of(Case(shape, channels, size, case.batch, record["train"], False, False))
        for column, name in enumerate(("nchw", "last")):
            if f"torch-{name}" in record["seconds"]:
                time_ = 1e9 * record["seconds"][f"torch-{name}"] - TORCH_CALL[record["train"]]
                length = sum(case.kernel > k for k in KERNELS)
                rate = max(time_, 1e3) / case.products
                found[kind, 2 * record["train"] + column, length].append(rate)
    lines = []
    for kind, present in torch_rates().items():
        lines.append(f'    "{kind}": Rates(')
        for column in range(4):
            rates: list[float] = []
            for length in range(len(KERNELS) + 1):
                near = {0: (0,), 1: (1, 2)}.get(
                    length, (length, length + 1, length - 1)
                )  # 1×1 is no neighbour
                values = next((v for n in near if len(v := found[kind, column, n]) >= LEAST), None)
                rates.append(float(np.median(values)) if values else present[column][length])
            lines.append(f"        ({', '.join(f'{rate:.2g}' for rate in rates)}),")
        lines.append("    ),")
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Measure or read, fit, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.convolution_rates",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, help="times, a line of JSON a shape")
    parser.add_argument("--fit", action="store_true", help="read the times from FILE")
    parser.add_argument("--minutes", type=float, default=10.0, help="measure for so long (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the shapes (auto_choice's: 0)")
    parser.add_argument(
        "--most-products", type=float, default=1e9, help="leave out larger shapes (default 1e9)"
    )
    options = parser.parse_args(arguments)
    description = machine.describe()
    print(*machine.busy_warning(description), sep="\n")
    if options.fit:
        records = [json.loads(line) for line in options.file.read_text().splitlines()]
    else:
        records = measure(options.minutes, options.seed, options.most_products, options.file)
    print(f"{len(records)} shapes; instruction set {pyfdsr.build_config()['isa']}")
    print("csrc/conv/rates.hpp", *rates_of_core(records), sep="\n")
    print("pyfdsr/functional/torch_rates.py", *rates_of_torch(records), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

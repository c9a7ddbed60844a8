"""The headline: pyfdsr against its peers, in turns in one process, and its distance to the machine's peak.

Run ``python -m bench.headline`` (``--help`` lists the options) or ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench import machine, memory, roofline
from bench.case import Case, Inputs, make_inputs
from bench.engine import implementations
from bench.timing import Timing, time_in_turns

CALLS = {"gradient": "forward + backward", "infer": "inference"}
ENGINE = "pyfdsr"


def build_networks(case: Case, names: list[str]) -> dict:
    """Prepare the named implementations on equal inputs and check that they compute the same.

    Raises
    ------
    RuntimeError
        Two implementations disagree by more than float32 rounding: their times would not compare.
    """
    import torch

    inputs: Inputs = make_inputs(case)
    known = implementations()
    networks = {name: known[name].build(case, inputs) for name in names}
    first = next(iter(networks))
    for call in CALLS:
        expected = torch.as_tensor(getattr(networks[first], call)()).double()
        for name, network in networks.items():
            found = torch.as_tensor(getattr(network, call)()).double()
            error = float((found - expected).norm() / expected.norm())
            # rounding through ten float32 layers stays below 5e-6; a wrong implementation is of order 1
            if not error < 1e-4:
                raise RuntimeError(f"{name} and {first} differ in {call} by {error:.1e} relative L2")
    return networks


def measure(case: Case, names: list[str], rounds: int, share: float, with_memory: bool) -> dict:
    """All figures of one case.

    Parameters
    ----------
    case
        The problem.
    names
        Implementations.
    rounds, share
        See `bench.timing.time_in_turns`.
    with_memory
        Also measure peak memory, in one process per implementation and call.

    Returns
    -------
    dict
        ``{call: {name: {"seconds": …, "memory": bytes or None}}}``.
    """
    networks = build_networks(case, names)
    results: dict = {}
    for call in CALLS:
        functions = {name: getattr(network, call) for name, network in networks.items()}
        timings: dict[str, Timing] = time_in_turns(functions, rounds, share)
        results[call] = {name: {"seconds": timings[name].as_dict(), "memory": None} for name in names}
    del networks
    if with_memory:
        for call in CALLS:
            for name in names:
                results[call][name]["memory"] = memory.growth(name, case, call)
    return results


def engine_parts(case: Case, rounds: int, share: float) -> dict:
    """Times and floating-point operations of the engine's parts, NumPy face, threads as in ``case``.

    The count is of the matrix products or FFTs alone; pointwise work is in the time but not in the count.

    Returns
    -------
    dict
        ``{part: {"seconds": …, "flops": operations}}``.
    """
    import numpy as np

    import pyfdsr
    from pyfdsr import _core

    pyfdsr.set_num_threads(case.threads)
    inputs = make_inputs(case)
    window, band, grid = (case.window,) * 2, (case.band,) * 2, (float(case.grid),) * 2
    plan = _core.WindowedDft(window, band, grid, False, case.double)
    stack = _core.FourFStack(window, window, band, grid, False, ["kerr"] * case.layers, case.double)
    field = inputs.field.numpy()
    spectrum = plan.forward(field, case.threads)
    phases = inputs.phases.numpy()[None]
    parameters = np.zeros((case.layers, 4))
    parameters[:, 0] = case.strength
    callbacks = [0] * (2 * case.layers)
    weights = inputs.weights.numpy()

    def stack_forward(save: bool):
        return stack.forward(
            field, phases, None, None, parameters, callbacks, save, True, False, case.threads
        )

    def stack_both() -> None:
        _, tape, _ = stack_forward(True)
        stack.adjoint(
            weights,
            tape,
            case.batch,
            phases,
            None,
            None,
            parameters,
            callbacks,
            True,
            False,
            False,
            case.threads,
        )

    functions = {
        "windowed DFT": lambda: plan.forward(field, case.threads),
        "its adjoint": lambda: plan.adjoint(spectrum, case.threads),
        "stack, inference": lambda: stack_forward(False),
        "stack, forward + backward": stack_both,
    }
    transform, network = plan.flops * case.batch, stack.flops * case.batch
    flops = {
        "windowed DFT": transform,
        "its adjoint": transform,
        "stack, inference": network,
        # backward as many transforms as forward but one: the field needs no gradient
        "stack, forward + backward": 2 * network - transform,
    }
    timings = time_in_turns(functions, rounds, share)
    return {
        name: {
            "seconds": timings[name].as_dict(),
            "flops": flops[name],
            "algorithm": stack.algorithm,
            "rank": stack.rank,
        }
        for name in functions
    }


def table(results: dict, case: Case) -> list[str]:
    """Lines of the comparison; a ratio is the implementation's figure over pyfdsr's."""
    labels = implementations()
    lines = []
    for call, title in CALLS.items():
        rows = results[call]
        lines += ["", f"{title}, {case.layers} layers, batch {case.batch}"]
        lines.append(
            f"  {'':46s} {'best ms':>9s} {'median':>9s} {'ratio':>7s} {'peak MiB':>9s} {'ratio':>7s}"
        )
        own = rows.get(ENGINE)
        for name, row in rows.items():
            seconds, size = row["seconds"], row["memory"]
            times = _ratio(seconds["best"], own and own["seconds"]["best"])
            sizes = _ratio(size, own and own["memory"])
            mebibytes = "" if size is None else f"{size / memory.MEBIBYTE:.1f}"
            lines.append(
                f"  {labels[name].label:46s} {seconds['best'] * 1e3:9.2f}"
                f" {seconds['median'] * 1e3:9.2f} {times:>7s}"
                f" {mebibytes:>9s} {sizes:>7s}"
            )
    return lines


def _ratio(value: float | None, own: float | None) -> str:
    return f"{value / own:.1f}x" if value and own else ""


def parts_table(parts: dict, peaks: roofline.Roofline, case: Case) -> list[str]:
    """Lines on the engine's parts and how near they come to the machine's measured peak."""
    first = next(iter(parts.values()))
    lines = ["", f"the engine's parts, algorithm {first['algorithm']}, rank {tuple(first['rank'])}"]
    lines.append(f"  {'':30s} {'best ms':>9s} {'GFLOP/s':>9s} {'of FMA peak':>12s}")
    for name, part in parts.items():
        best = part["seconds"]["best"]
        share = peaks.fraction(part["flops"], best, case.threads, case.double)
        lines.append(f"  {name:30s} {best * 1e3:9.3f} {part['flops'] / best / 1e9:9.1f} {share:12.0%}")
    return lines


def heading(description: dict, case: Case, peaks: roofline.Roofline) -> list[str]:
    """Lines on what was measured and where."""
    build = description["build_config"] or {}
    versions = ", ".join(f"{name} {version}" for name, version in description["versions"].items() if version)
    precision = "float64" if case.double else "float32"
    return [
        f"machine   {description['cpu']}, {description['cores']} cores; {description['system']}",
        f"software  Python {description['python']}, {versions}",
        "pyfdsr    " + (", ".join(f"{key}={value}" for key, value in build.items()) or "not built"),
        f"case      window {case.window}, band {case.band}, grid {case.grid}, {precision}"
        f", {case.threads} threads",
        *(
            ("peaks     " if number == 0 else "          ") + line
            for number, line in enumerate(roofline.lines(peaks))
        ),
        *machine.busy_warning(description),
    ]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.headline", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: exercises the code, its figures mean nothing"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of every implementation (default 2)")
    parser.add_argument("--batch", type=int, default=10, help="images (default 10)")
    parser.add_argument("--layers", type=int, default=10, help="4f units (default 10)")
    parser.add_argument("--double", action="store_true", help="complex128 instead of complex64")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds through all implementations (default 5)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=list(implementations()), help="these implementations only"
    )
    parser.add_argument("--no-memory", action="store_true", help="leave peak memory out")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; returns the exit status."""
    options = parse(arguments)
    sizes = {"window": 12, "band": 10, "grid": 24} if options.quick else {}
    layers, batch = (2, 2) if options.quick else (options.layers, options.batch)
    rounds, share = (1, 0.0) if options.quick else (options.rounds, 0.3)
    case = Case(**sizes, layers=layers, batch=batch, double=options.double, threads=options.threads)
    names = options.only or list(implementations())

    description = machine.describe()
    peaks = roofline.measure(case.threads, quick=options.quick)
    print(*heading(description, case, peaks), sep="\n", flush=True)
    results = measure(case, names, rounds, share, not options.no_memory)
    print(*table(results, case), sep="\n", flush=True)
    parts = engine_parts(case, rounds, share) if ENGINE in names else None
    if parts:
        print(*parts_table(parts, peaks, case), sep="\n")
    if options.json:
        record = {"machine": description, "case": vars(case), "roofline": peaks.as_dict(), "parts": parts}
        options.json.write_text(json.dumps({**record, "results": results}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

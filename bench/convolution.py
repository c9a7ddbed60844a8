"""Fourier-domain convolution against torch's and its peers', in turns in one process.

``python -m bench.convolution`` prints milliseconds (best of several) over kernels, the ratio to the better of
torch's two memory formats beside the ratio the design asks for, and the growth of peak memory. Before an
implementation is timed, it is checked against ``F.conv2d`` on the same inputs. A call that takes long is
made once, and its implementation left out at the larger kernels of the row.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import torch

import pyfdsr
from bench import machine
from bench.convolution_case import (
    CALLS,
    KERNELS,
    PEER_TARGET,
    QUICK_KERNELS,
    QUICK_ROWS,
    ROWS,
    ConvolutionCase,
    make_convolution_inputs,
    target,
)
from bench.convolution_implementations import (
    AUTO,
    TILED,
    TORCH_FORMATS,
    build_convolutions,
    convolution_implementations,
)
from bench.convolution_memory import convolution_growth
from bench.peak import MEBIBYTE
from bench.roofline import core_round_trip
from bench.timing import time_in_turns

# row and kernel whose memory is measured
MEMORY_ROWS = (("dense C16, 128²", 7), ("dense C64, 64²", 11), ("depthwise C64, 64²", 31))
QUICK_MEMORY_ROWS = (("dense C4, 16²", 3),)


def better_torch(seconds: dict[str, float | None]) -> float | None:
    """Time of the better of torch's two formats, ``None`` if neither was measured.

    Examples
    --------
    >>> better_torch({"torch": 3.0, "torch-last": None, "tiled": 1.0})
    3.0
    """
    measured = [seconds[name] for name in TORCH_FORMATS if seconds.get(name) is not None]
    return min(measured) if measured else None


def too_slow(timings: dict[str, dict], longest: float) -> set[str]:
    """Names to leave out at a larger kernel: a call took longer than ``longest`` seconds.

    The better of torch's formats stays, as the measure of all others, and so does pyfdsr.
    """
    best = {name: timing["best"] for name, timing in timings.items()}
    formats = [name for name in TORCH_FORMATS if name in best]
    stay = {TILED, AUTO, min(formats, key=best.__getitem__, default=TILED)}
    return {name for name, seconds in best.items() if seconds > longest and name not in stay}


def measure_kernel(
    row: str, case: ConvolutionCase, call: str, names: list[str], rounds: int, share: float, longest: float
) -> dict:
    """Time one call of the named implementations.

    Parameters
    ----------
    row
        Name of the row, recorded.
    case
        The problem.
    call
        One of `bench.convolution_case.CALLS`.
    names
        Implementations.
    rounds, share, longest
        See `bench.timing.time_in_turns`.

    Returns
    -------
    dict
        The case, ``timings`` by implementation, ``core_round_trip`` in seconds, the longer of that before and
        after.
    """
    built = build_convolutions(case, make_convolution_inputs(case), names, [call])
    functions = {name: getattr(convolution, call) for name, convolution in built.items()}
    before = core_round_trip()
    timings = time_in_turns(functions, rounds, share, longest)
    trips = [trip for trip in (before, core_round_trip()) if trip]
    return {
        "row": row,
        "call": call,
        "kernel": case.kernel,
        "case": vars(case),
        "timings": {name: timing.as_dict() for name, timing in timings.items()},
        "core_round_trip": max(trips, default=None),
    }


def introduction(description: dict, options: argparse.Namespace, missing: dict[str, str]) -> list[str]:
    """Lines on what is measured and where, and what is left out."""
    known, build = convolution_implementations(), description["build_config"]
    return [
        f"machine   {description['cpu']}, {description['cores']} cores; torch {torch.__version__}",
        "pyfdsr    " + ", ".join(f"{key}={value}" for key, value in build.items()),
        f"case      float32, batch {options.batch}, {options.threads} threads; best time of a call in ms",
        "ratios    of tiled and auto to the better of torch's formats, beside the design's target;",
        f"          of the better of them to fft-conv-pytorch (target {PEER_TARGET}x)",
        "trip      nanoseconds of a cache line from one core to another and back",
        *(f"left out  {known[name].label}: {reason}" for name, reason in missing.items()),
        *machine.busy_warning(description),
    ]


def heading(names: list[str]) -> str:
    """First line of a table."""
    titles = "".join(f"{name:>11s}" for name in names)
    return f"{'':20s}{'k':>3s}{titles}   tiled    auto  target fft-conv/    trip"


def line(record: dict, names: list[str]) -> str:
    """Line of a table: milliseconds, ratios to torch and fft-conv-pytorch, round trip."""
    seconds = {name: timing["best"] for name, timing in record["timings"].items()}
    times = "".join(f"{seconds[name] * 1e3:11.3f}" if name in seconds else f"{'-':>11s}" for name in names)
    torch_best, package = better_torch(seconds), seconds.get("fft-conv")
    own = [seconds[name] for name in (TILED, AUTO) if name in seconds]
    trip = record["core_round_trip"]
    asked = target(record["call"], record["row"], record["kernel"])
    return (
        f"{record['row']:20s}{record['kernel']:3d}{times}"
        f"{_ratio(torch_best, seconds.get(TILED)):>8s}{_ratio(torch_best, seconds.get(AUTO)):>8s}"
        f"{'' if asked is None else f'{asked:g}x':>8s}{_ratio(package, min(own, default=None)):>10s}"
        f"{'' if trip is None else f'{1e9 * trip:.0f}':>8s}"
    )


def _ratio(value: float | None, own: float | None) -> str:
    return f"{value / own:.2f}x" if value and own else ""


def measure_memory(rows: dict, selected: list, names: list[str], skipped: dict, threads: int) -> list[dict]:
    """Growth of peak memory of some rows, implementations left out in ``skipped`` left out here, too."""
    records = []
    for row, kernel in selected:
        case = ConvolutionCase(*rows[row], kernel=kernel, threads=threads)
        for call in ("infer", "gradient"):
            wanted = [name for name in names if name not in skipped.get((row, call), set())]
            sizes = {name: convolution_growth(name, case, call) for name in wanted}
            records.append({"row": row, "call": call, "kernel": kernel, "bytes": sizes})
            figures = ", ".join(f"{name} {size / MEBIBYTE:.1f}" for name, size in sizes.items())
            print(f"  {row}, k = {kernel}, {CALLS[call].split(',')[0]}: {figures}", flush=True)
    return records


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.convolution",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: exercises the code, its figures mean nothing"
    )
    parser.add_argument("--rows", nargs="+", metavar="TEXT", help="rows whose name contains one of these")
    parser.add_argument("--kernels", nargs="+", type=int, help=f"default {' '.join(map(str, KERNELS))}")
    parser.add_argument("--calls", nargs="+", choices=list(CALLS), default=list(CALLS), help="default: all")
    parser.add_argument("--only", nargs="+", choices=list(convolution_implementations()), metavar="NAME",
                        help="these implementations only: %(choices)s")  # fmt: skip
    parser.add_argument("--batch", type=int, default=2, help="images (default 2)")
    parser.add_argument("--threads", type=int, default=2, help="threads of every implementation (default 2)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds through all (default 5)")
    parser.add_argument("--share", type=float, default=0.1, help="seconds of each in a round (default 0.1)")
    parser.add_argument(
        "--longest", type=float, default=2.0, help="a call longer than this is made once (default 2 s)"
    )
    parser.add_argument("--no-memory", action="store_true", help="leave peak memory out")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; returns the exit status."""
    options = parse(arguments)
    rows, kernels = (QUICK_ROWS, QUICK_KERNELS) if options.quick else (ROWS, KERNELS)
    rounds, share = (1, 0.0) if options.quick else (options.rounds, options.share)
    kernels = sorted(options.kernels or kernels)
    chosen = [row for row in rows if not options.rows or any(text in row for text in options.rows)]
    known = convolution_implementations()
    names = options.only or list(known)
    missing = {name: known[name].missing for name in names if known[name].missing}
    present = [name for name in names if name not in missing]

    torch.set_num_threads(options.threads)
    pyfdsr.set_num_threads(options.threads)
    description = machine.describe()
    print(*introduction(description, options, missing), sep="\n")

    records: list[dict] = []
    skipped: dict[tuple[str, str], set[str]] = {}
    for call in options.calls:
        print(f"\n{CALLS[call]}\n{heading(names)}", flush=True)
        for row in chosen:
            leave = skipped.setdefault((row, call), set())
            for kernel in kernels:
                sizes = {"kernel": kernel, "batch": options.batch, "threads": options.threads}
                wanted = [name for name in present if name not in leave]
                case = ConvolutionCase(*rows[row], **sizes)
                record = measure_kernel(row, case, call, wanted, rounds, share, options.longest)
                leave |= too_slow(record["timings"], options.longest)
                records.append(record)
                print(line(record, names), flush=True)

    memory = []
    if not options.no_memory:
        print("\ngrowth of peak memory in MiB")
        pairs = QUICK_MEMORY_ROWS if options.quick else MEMORY_ROWS
        selected = [(row, kernel) for row, kernel in pairs if row in chosen]
        memory = measure_memory(rows, selected, present, skipped, options.threads)
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name != "json"}
        record = {"machine": description, "settings": settings, "missing": missing}
        text = json.dumps({**record, "records": records, "memory": memory}, indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

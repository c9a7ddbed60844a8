"""Growth of peak memory through one implementation, each measured in a process of its own."""

from __future__ import annotations

import argparse
import gc
from dataclasses import asdict, replace

from bench.case import Case, make_inputs
from bench.engine import implementations
from bench.peak import MEBIBYTE, begin_peak, in_fresh_process, peak

CALLS = ("gradient", "infer")


def growth(name: str, case: Case, call: str = "gradient", repeats: int = 3) -> int:
    """Measure in a fresh process how far the peak rises above the memory held before the first call.

    Parameters
    ----------
    name
        Key of `bench.engine.implementations`.
    case
        The problem.
    call
        ``"gradient"`` or ``"infer"``.
    repeats
        Calls made; the peak is that of all of them.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        ``name`` or ``call`` is not one of those there are.
    RuntimeError
        The process failed; the message carries its last words.
    """
    if call not in CALLS:
        raise ValueError(f"call={call!r} must be one of {CALLS}")
    known = implementations()
    if name not in known:
        raise ValueError(f"name={name!r} must be one of {tuple(known)}")
    request = {"name": name, "case": asdict(case), "call": call, "repeats": repeats}
    return in_fresh_process("bench.memory", request)


def answer(request: dict) -> None:
    """Child's part of `growth`: print the bytes as the last line."""
    print(measure(request["name"], Case(**request["case"]), request["call"], request["repeats"]))


def measure(name: str, case: Case, call: str, repeats: int) -> int:
    """Measure in this process; meaningful once per process."""
    implementation = implementations()[name]
    inputs = make_inputs(case)
    # a tiny problem first loads every library and starts every thread: no cost of the network's
    tiny = replace(case, window=6, band=6, grid=18, layers=2, batch=1)
    network = implementation.build(tiny, make_inputs(tiny))
    network.gradient()
    network.infer()
    del network
    gc.collect()
    before = begin_peak()
    network = implementation.build(case, inputs)
    for _ in range(repeats):
        getattr(network, call)()
    return max(0, peak() - before)


def main() -> None:
    """Command line: print the growth of each implementation named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", default=list(implementations()), help="implementations (default: all)"
    )
    parser.add_argument("--call", choices=CALLS, default="gradient")
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    for name in arguments.names:
        size = growth(name, Case(batch=arguments.batch, threads=arguments.threads), arguments.call)
        print(f"{name:15s} {size / MEBIBYTE:8.1f} MiB")


if __name__ == "__main__":
    main()

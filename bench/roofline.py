"""The machine's measured peaks: fused multiply-adds on registers and bytes streamed through memory."""

from __future__ import annotations

import argparse
import ctypes
import functools
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.machine import usable_cores

SOURCE = Path(__file__).with_name("roofline.cpp")


@dataclass(frozen=True)
class Roofline:
    """Measured peaks, best of several tries.

    Attributes
    ----------
    vector_bits
        Width of the vectors the compiler used for this machine.
    threads
        Threads of the second figure of each pair.
    fma_single, fma_double
        (one thread, ``threads`` threads), operations per second; a fused multiply-add counts two.
    bandwidth
        (one thread, ``threads`` threads), bytes per second of ``a = b + s·c`` on arrays beyond the caches,
        the write's own read not counted.
    """

    vector_bits: int
    threads: int
    fma_single: tuple[float, float]
    fma_double: tuple[float, float]
    bandwidth: tuple[float, float]

    def fraction(self, flops: float, seconds: float, threads: int, double: bool = False) -> float:
        """Share of the peak that ``flops`` operations in ``seconds`` reach on one or all threads."""
        peak = self.fma_double if double else self.fma_single
        return flops / seconds / peak[0 if threads == 1 else 1]

    def as_dict(self) -> dict:
        """Plain dictionary for JSON."""
        return asdict(self)


@functools.cache
def _library() -> ctypes.CDLL:
    """Compile and load the kernels."""
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise RuntimeError(
            "measuring the machine's peak needs a C++ compiler: none of c++, g++, clang++ was found"
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "roofline.so"
        options = ["-O3", "-march=native", "-ffp-contract=fast", "-std=c++17", "-shared", "-fPIC", "-pthread"]
        done = subprocess.run(
            [*compiler.split(), *options, str(SOURCE), "-o", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"compiling {SOURCE.name} failed: {done.stderr.strip()[-2000:]}")
        library = ctypes.CDLL(str(path))
    for name in ("roofline_fma_single", "roofline_fma_double"):
        getattr(library, name).argtypes = [ctypes.c_double]
        getattr(library, name).restype = ctypes.c_double
    library.roofline_round_trip.argtypes = [ctypes.c_int] * 3
    library.roofline_round_trip.restype = ctypes.c_double
    library.roofline_triad.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_size_t, ctypes.c_double]
    library.roofline_triad.restype = ctypes.c_double
    return library


def _rate(work: Callable[[], float], threads: int) -> float:
    """Work per second of simultaneous calls, over the time from the first start to the last end."""
    gate = threading.Barrier(threads)

    def call() -> tuple[float, float, float]:
        gate.wait()
        start = time.perf_counter()
        done = work()  # ctypes releases the interpreter's lock
        return done, start, time.perf_counter()

    with ThreadPoolExecutor(threads) as pool:
        results = [future.result() for future in [pool.submit(call) for _ in range(threads)]]
    done, starts, ends = zip(*results, strict=True)
    return sum(done) / (max(ends) - min(starts))


def measure(
    threads: int | None = None, seconds: float = 0.03, tries: int = 12, quick: bool = False
) -> Roofline:
    """Measure the peaks.

    Parameters
    ----------
    threads
        Threads of the second figure of each pair; by default all cores this process may use.
    seconds
        Time of each measurement: long against starting a thread, short enough that other processes miss some.
    tries
        Measurements of each kind, of which the best counts.
    quick
        Much shorter and on small arrays: exercises the code, its figures mean nothing.

    Returns
    -------
    Roofline
        The peaks.

    Raises
    ------
    RuntimeError
        No C++ compiler, or it failed.
    """
    library = _library()
    threads = usable_cores() if threads is None else threads
    count = 1 << 12 if quick else 1 << 23
    if quick:
        seconds, tries = 0.001, 1
    arrays = [tuple(np.ones(count, np.float32) for _ in range(3)) for _ in range(max(1, threads))]

    def best(work: Callable[[], float]) -> tuple[float, float]:
        return tuple(max(_rate(work, width) for _ in range(tries)) for width in (1, threads))

    def triad() -> float:
        mine = arrays.pop()
        try:
            pointers = [array.ctypes.data for array in mine]
            return library.roofline_triad(*pointers, count, seconds)
        finally:
            arrays.append(mine)

    return Roofline(
        vector_bits=library.roofline_vector_bits(),
        threads=threads,
        fma_single=best(lambda: library.roofline_fma_single(seconds)),
        fma_double=best(lambda: library.roofline_fma_double(seconds)),
        bandwidth=best(triad),
    )


def core_round_trip(trips: int = 2000, tries: int = 3) -> float | None:
    """Seconds in which a cache line goes from the first usable core to the second and back.

    Two cores under one cache take some 50 ns; those of two sockets, or of two groups of a processor with a
    cache each, ten times as long. A virtual machine may change between them from one minute to the next.

    Parameters
    ----------
    trips, tries
        The best mean over `trips` counts.

    Returns
    -------
    float or None
        None on a machine of one core, where threads cannot be kept on cores or other processes hold them, or
        without a C++ compiler.
    """
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        return None
    try:
        measure_trips = _library().roofline_round_trip
    except RuntimeError:
        return None
    seconds = min(measure_trips(*cores[:2], trips) for _ in range(tries))
    return seconds if seconds > 0 else None


def lines(roofline: Roofline) -> list[str]:
    """The peaks as lines of a report."""
    names = (("float32 FMA", roofline.fma_single, "GFLOP/s"), ("float64 FMA", roofline.fma_double, "GFLOP/s"))
    pairs = (*names, ("memory triad", roofline.bandwidth, "GB/s"))
    return [
        f"{name:13s} 1 thread {one / 1e9:7.1f} {unit}, {roofline.threads} threads {all_ / 1e9:7.1f} {unit}"
        for name, (one, all_), unit in pairs
    ]


def main() -> None:
    """Command line: print the machine's peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--threads", type=int, default=None, help="threads of the second figure (default: all cores)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")
    arguments = parser.parse_args()
    roofline = measure(arguments.threads)
    trip = core_round_trip()
    if arguments.json:
        print(json.dumps({**roofline.as_dict(), "core_round_trip": trip}, indent=2))
    else:
        print(f"{roofline.vector_bits}-bit vectors", *lines(roofline), sep="\n")
        if trip:
            print(f"cache line    {1e9 * trip:7.1f} ns from one core to another and back")


if __name__ == "__main__":
    main()

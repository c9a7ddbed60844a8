"""Figures of cost: where the transform's algorithms cross, and how the network's cost grows.

``python -m bench.crossover`` writes ``crossover.png`` and ``growth.png`` (over batch and layers) into
``docs/figures``, and their numbers beside them: CSV, and JSON with the machine and the build.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench import machine
from bench.case import Case, make_inputs
from bench.engine import ENGINE
from bench.timing import time_in_turns

MATRIX_ALGORITHMS = ("folded", "skeleton")
ALGORITHMS = (*MATRIX_ALGORITHMS, "fftw")
PADDINGS = (2, 3)
SIZES = (16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512, 640)
BATCHES = (1, 2, 4, 6, 8, 10, 15, 20, 30, 40)
DEPTHS = (1, 2, 4, 6, 8, 10, 12, 16, 20)

# Okabe and Ito's colours, told apart by readers with any colour vision; markers and lines differ as well
STYLES = {
    "folded": ("#0072B2", "o", "-"),
    "skeleton": ("#009E73", "s", "--"),
    "fftw": ("#D55E00", "^", ":"),
}


def crossover(sizes: tuple[int, ...], threads: int, rounds: int, share: float) -> list[dict]:
    """Time the windowed DFT, float32, window = band = n, by each algorithm.

    Returns
    -------
    list of dict
        Columns ``padding``, ``size``, ``algorithm``, ``seconds`` (per image, best), ``gflops``, ``chosen``
        (what ``algorithm="auto"`` takes at that size).
    """
    from pyfdsr import _core

    rows = []
    generator = np.random.default_rng(0)
    for padding in PADDINGS:
        for size in sizes:
            # about 4 MB of field: beyond one image the cost per image must not depend on the count
            batch = max(1, min(40, 2**19 // size**2))
            field = generator.standard_normal((batch, size, size, 2), np.float32).view(np.complex64)[..., 0]
            geometry = ((size, size), (size, size), (float(padding * size),) * 2, False, False)
            plans = {name: _core.WindowedDft(*geometry, name) for name in ALGORITHMS}
            chosen = _core.WindowedDft(*geometry, "auto").algorithm
            functions = {name: _forward(plan, field, threads) for name, plan in plans.items()}
            for name, timing in time_in_turns(functions, rounds, share).items():
                seconds = timing.best / batch
                rows.append(
                    {
                        "padding": padding,
                        "size": size,
                        "algorithm": name,
                        "seconds": seconds,
                        "gflops": plans[name].flops / seconds / 1e9,
                        "chosen": chosen,
                    }
                )
    return rows


def _forward(plan, field: np.ndarray, threads: int):
    return lambda: plan.forward(field, threads)


def crossing(rows: list[dict], padding: int, algorithm: str) -> float | None:
    """Size above which FFTW stays ahead of a matrix algorithm, interpolated; None if it never does."""
    times: dict[int, dict[str, float]] = {}
    for row in rows:
        if row["padding"] == padding:
            times.setdefault(row["size"], {})[row["algorithm"]] = row["seconds"]
    sizes = sorted(times)
    lead = [np.log(times[size]["fftw"] / times[size][algorithm]) for size in sizes]
    if lead[-1] > 0:
        return None
    last = max((index for index, value in enumerate(lead) if value > 0), default=None)
    if last is None:
        return float(sizes[0])
    share = lead[last] / (lead[last] - lead[last + 1])
    return float(sizes[last] + share * (sizes[last + 1] - sizes[last]))


def growth(
    base: Case, batches: tuple[int, ...], depths: tuple[int, ...], rounds: int, share: float
) -> list[dict]:
    """Time the network over batch (at ``base.layers``) and over layers (at ``base.batch``).

    Returns
    -------
    list of dict
        Columns ``over``, ``value``, ``call``, ``seconds`` (per call, best).
    """
    rows = []
    sweeps = {"batch": batches, "layers": depths}
    for over, values in sweeps.items():
        cases = {value: replace(base, **{over: value}) for value in values}
        for call in ("gradient", "infer"):
            networks = {value: ENGINE.build(case, make_inputs(case)) for value, case in cases.items()}
            functions = {str(value): getattr(network, call) for value, network in networks.items()}
            for value, timing in time_in_turns(functions, rounds, share).items():
                rows.append({"over": over, "value": int(value), "call": call, "seconds": timing.best})
    return rows


def line_fit(values: np.ndarray, seconds: np.ndarray) -> tuple[float, float, float]:
    """Line of least relative squares: slope, intercept and the largest relative deviation from it."""
    slope, intercept = np.polyfit(values, seconds, 1, w=1 / seconds)
    deviation = np.abs(slope * values + intercept - seconds) / seconds
    return float(slope), float(intercept), float(deviation.max())


def plot_crossover(rows: list[dict], path: Path) -> None:
    """Time per image against size, one panel per padding."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, len(PADDINGS), figsize=(10, 4.2), sharey=True, layout="constrained")
    for panel, padding in zip(panels, PADDINGS, strict=True):
        for algorithm, (colour, marker, line) in STYLES.items():
            mine = [row for row in rows if row["padding"] == padding and row["algorithm"] == algorithm]
            sizes = [row["size"] for row in mine]
            micros = [row["seconds"] * 1e6 for row in mine]
            panel.loglog(
                sizes, micros, color=colour, marker=marker, linestyle=line, markersize=4, label=algorithm
            )
        for height, algorithm in enumerate(MATRIX_ALGORITHMS):
            where = crossing(rows, padding, algorithm)
            if where is not None:
                colour, _, line = STYLES[algorithm]
                panel.axvline(where, color=colour, linestyle=line, linewidth=0.8)
                place = (where, 0.03 + 0.06 * height)
                note = f"{algorithm} = fftw at {where:.0f} "
                panel.annotate(note, place, xycoords=("data", "axes fraction"), ha="right", color=colour)
        ticks = [2**power for power in range(3, 11) if sizes[0] <= 2**power <= sizes[-1]]
        panel.set_xticks(ticks, [str(tick) for tick in ticks])
        panel.set_xticks([], minor=True)
        panel.set_title(f"grid = {padding} n")
        panel.set_xlabel("window and band n (samples per axis)")
        panel.grid(True, which="both", color="0.9", linewidth=0.5)
    panels[0].set_ylabel("time of one windowed DFT (µs per image)")
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=160)
    plt.close(figure)


def plot_growth(rows: list[dict], base: Case, path: Path) -> None:
    """Time per call against batch and against layers, with fitted lines."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    looks = {"gradient": ("#0072B2", "o", "forward + backward"), "infer": ("#D55E00", "^", "inference")}
    titles = {"batch": f"{base.layers} layers", "layers": f"batch {base.batch}"}
    units = {"batch": "batch (images)", "layers": "layers (4f units)"}
    figure, panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    for panel, over in zip(panels, titles, strict=True):
        for call, (colour, marker, label) in looks.items():
            mine = [row for row in rows if row["over"] == over and row["call"] == call]
            values = np.array([row["value"] for row in mine], float)
            seconds = np.array([row["seconds"] for row in mine])
            slope, intercept, _ = line_fit(values, seconds)
            ends = np.array([0, values.max()])
            panel.plot(
                values, seconds * 1e3, marker, color=colour, label=f"{label}: {slope * 1e3:.2f} ms each"
            )
            panel.plot(ends, (slope * ends + intercept) * 1e3, color=colour, linewidth=0.8)
        panel.set_title(titles[over])
        panel.set_xlabel(units[over])
        panel.set_ylabel("time of one call (ms)")
        panel.set_xlim(left=0)
        panel.set_ylim(bottom=0)
        panel.grid(True, color="0.9", linewidth=0.5)
        panel.legend(frameon=False)
    figure.savefig(path, dpi=160)
    plt.close(figure)


def write(rows: list[dict], path: Path, extra: dict) -> None:
    """Numbers beside the figure ``path``: ``.csv``, and ``.json`` with the machine and the build."""
    with path.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    record = {"machine": machine.describe(), **extra, "rows": rows}
    path.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Measure, draw, write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.crossover", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/figures"), metavar="FOLDER")
    parser.add_argument(
        "--threads", type=int, default=2, help="threads of the network (the crossover is of one thread)"
    )
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: exercises the code, its figures mean nothing"
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    rounds, share = (1, 0.0) if options.quick else (options.rounds, 0.05)

    rows = crossover((8, 12, 16) if options.quick else SIZES, 1, rounds, share)
    crossings = {
        f"{algorithm}, padding {padding}": crossing(rows, padding, algorithm)
        for padding in PADDINGS
        for algorithm in MATRIX_ALGORITHMS
    }
    plot_crossover(rows, options.out / "crossover.png")
    write(rows, options.out / "crossover.png", {"threads": 1, "crossings": crossings})
    for name, where in crossings.items():
        print(
            f"{name}: "
            + ("ahead of fftw throughout" if where is None else f"fftw ahead above n = {where:.0f}")
        )

    sizes = {"window": 12, "band": 10, "grid": 24, "layers": 2, "batch": 2} if options.quick else {}
    base = Case(**sizes, threads=options.threads)
    batches, depths = ((1, 2, 3), (1, 2, 3)) if options.quick else (BATCHES, DEPTHS)
    rows = growth(base, batches, depths, rounds, share)
    plot_growth(rows, base, options.out / "growth.png")
    fits = {}
    for over in ("batch", "layers"):
        for call in ("gradient", "infer"):
            mine = [row for row in rows if row["over"] == over and row["call"] == call]
            fit = line_fit(
                np.array([row["value"] for row in mine], float), np.array([row["seconds"] for row in mine])
            )
            fits[f"{over}, {call}"] = dict(
                zip(("slope", "intercept", "largest_relative_deviation"), fit, strict=True)
            )
            print(f"{call} over {over}: {fit[0] * 1e3:.2f} ms each, within {fit[2]:.0%} of a line")
    write(rows, options.out / "growth.png", {"case": vars(base), "fits": fits})
    return 0


if __name__ == "__main__":
    sys.exit(main())

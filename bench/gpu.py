"""Everything that a GPU is asked, in one table: ``python -m bench.gpu`` (``--help`` lists the options).

The network forward and back and in inference, by the CUDA kernels, by torch's operations behind the same
module, and by the plain and tuned PyTorch peers, eagerly, as CUDA graphs and by ``torch.compile``; a training
step of Adam and what an epoch of 10 000 images takes; convolutions against cuDNN; the card's own ceilings.
No result has TF32's precision: torch's TF32 is off, and the kernels' products on tensor cores have float32's.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from bench import machine
from bench.case import Case, Inputs, make_inputs

IMAGES = 10_000


class Clock:
    """Seconds of a call on a device: the best of several runs of many calls each."""

    def __init__(self, device: str, seconds: float) -> None:
        import torch

        self.cuda = torch.device(device).type == "cuda"
        self.seconds = seconds

    def wait(self) -> None:
        """Let the device finish."""
        if self.cuda:
            import torch

            torch.cuda.synchronize()

    def __call__(self, function: Callable[[], object]) -> float:
        """Time a function that was called before."""
        best = float("inf")
        end = time.perf_counter() + self.seconds
        calls = 1
        while time.perf_counter() < end or best == float("inf"):
            self.wait()
            begun = time.perf_counter()
            for _ in range(calls):
                function()
            self.wait()
            taken = time.perf_counter() - begun
            best = min(best, taken / calls)
            calls = max(1, min(1000, round(calls * 0.05 / max(taken, 1e-6))))  # runs of about 50 ms
        return best


def captured(function: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that replays `function` as a CUDA graph."""
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            function()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = function()

    def replay() -> Any:
        graph.replay()
        return result

    return replay


def networks(case: Case, device: str) -> dict[str, Any]:
    """Return the engine and its peers on equal inputs on the device."""
    from bench.engine import EngineNetwork
    from bench.peers.plain import PlainNetwork
    from bench.peers.tuned import TunedNetwork

    inputs = Inputs(*(tensor.to(device) for tensor in vars(make_inputs(case)).values()))
    kinds = {"pyfdsr": EngineNetwork, "plain": PlainNetwork, "tuned": TunedNetwork}
    return {name: kind(case, inputs) for name, kind in kinds.items()}


def ways(case: Case, device: str) -> dict[str, dict[str, Callable[[], Any]]]:
    """Return both calls of every implementation, warmed up; some may not be captured or compiled."""
    import torch

    import pyfdsr
    from pyfdsr import backends

    built = networks(case, device)

    def by_multiply_adds(call: str) -> Callable[[], Any]:
        def run() -> Any:
            products = pyfdsr.get_float32_products()
            pyfdsr.set_float32_products("fma")
            try:
                return getattr(built["pyfdsr"], call)()
            finally:
                pyfdsr.set_float32_products(products)

        return run

    def by_torch(call: str) -> Callable[[], Any]:
        def run() -> Any:
            with backends.forced("torch"):
                return getattr(built["pyfdsr"], call)()

        return run

    found: dict[str, dict[str, Callable[[], Any]]] = {}
    for call in ("gradient", "infer"):
        eager = {name: getattr(network, call) for name, network in built.items()}
        eager["pyfdsr, FMA"] = by_multiply_adds(call)
        eager["pyfdsr by torch"] = by_torch(call)
        for name, function in eager.items():
            function()
            found.setdefault(name, {})[call] = function
            if torch.device(device).type != "cuda":
                continue
            for suffix, make in (("graph", captured), ("compiled", torch.compile)):
                if suffix == "compiled" and name != "tuned":
                    continue
                try:
                    quick = make(function)
                    quick()
                    found.setdefault(f"{name}, {suffix}", {})[call] = quick
                except Exception as error:
                    print(f"{name}, {suffix}: {type(error).__name__}: {error}", file=sys.stderr)
    return found


def differences(case: Case, device: str) -> dict[str, float]:
    """Return largest errors relative to the largest value, against the core in float64 on the CPU."""
    from dataclasses import replace

    import pyfdsr
    from bench.engine import EngineNetwork

    exact = EngineNetwork(replace(case, double=True), make_inputs(replace(case, double=True)))
    found = networks(case, device)["pyfdsr"]
    errors = {}
    for products in ("fma", "3xtf32"):  # the last is the default
        pyfdsr.set_float32_products(products)
        for call in ("infer", "gradient"):
            wanted = getattr(exact, call)()
            got = getattr(found, call)().cpu().to(wanted.dtype)
            errors[f"{call} ({products})"] = float((got - wanted).abs().max() / wanted.abs().max())
    return errors


def training_step(case: Case, device: str) -> Callable[[], Any]:
    """Return one step of Adam on the paper's network, as a CUDA graph where there is one."""
    import torch

    network = networks(case, device)["pyfdsr"]
    cuda = torch.device(device).type == "cuda"
    adam = torch.optim.Adam(network.model.parameters(), lr=0.1, capturable=cuda)

    def step() -> None:
        network.gradient()
        adam.step()

    step()
    return captured(step) if cuda else step


def convolutions(device: str, quick: bool) -> dict[str, Callable[[], Any]]:
    """Return a layer of 64 channels, by torch and by the Fourier domain, for growing kernels.

    Dense and depthwise; of whole maps, which are `torch.fft`'s, and of tiles by the CUDA kernels and by
    `torch.fft`.
    """
    import torch
    import torch.nn.functional as F

    from pyfdsr import backends
    from pyfdsr.functional import fourier_conv2d

    def in_fourier_domain(weight: Any, options: dict[str, int], algorithm: str, by_torch: bool) -> Any:
        with backends.forced("torch") if by_torch else nullcontext():
            return fourier_conv2d(x, weight, algorithm=algorithm, **options)

    size, channels = (24, 4) if quick else (256, 64)
    x = torch.randn(1 if quick else 8, channels, size, size, device=device)
    found: dict[str, Callable[[], Any]] = {}
    for kernel in (3, 7, 15, 31):
        if kernel >= size:
            continue
        for groups, kind in ((1, ""), (channels, " depthwise")):
            weight = torch.randn(channels, channels // groups, kernel, kernel, device=device) / kernel
            options = {"padding": kernel // 2, "groups": groups}
            label = f"conv2d {kernel}×{kernel}{kind}"
            found[f"{label}, torch"] = partial(F.conv2d, x, weight, **options)
            for way, *how in (
                ("Fourier domain", "fourier", False),
                ("tiles", "tiled", False),
                ("tiles by torch.fft", "tiled", True),
            ):
                found[f"{label}, {way}"] = partial(in_fourier_domain, weight, options, *how)
    return found


def ceilings(device: str, clock: Clock, quick: bool) -> dict[str, float]:
    """Return FLOP/s of a large float32 product, and bytes/s of a copy."""
    import torch

    n = 256 if quick else 8192
    a, b = torch.randn(n, n, device=device), torch.randn(n, n, device=device)
    source = torch.empty((1 << 16) if quick else (1 << 28), device=device)
    target = torch.empty_like(source)
    a @ b
    return {
        "flops": 2 * n**3 / clock(lambda: torch.matmul(a, b)),
        "bytes": 2 * source.numel() * 4 / clock(lambda: target.copy_(source)),
    }


def work_of(case: Case) -> dict[str, float]:
    """Return FLOP of the dense folded transforms, and bytes of the tape written and read, of one gradient."""
    half = (case.window + 1) // 2, (case.band + 1) // 2
    one = 16 * half[0] * half[1] * (half[0] + half[1])  # both axes, four quadrants, real and imaginary parts
    transforms = 4 * case.layers - 1  # two a layer each way, none back to the input
    tape = 2 * 8 * 4 * (half[0] ** 2 + half[1] ** 2) * case.layers
    return {"flops": float(one * transforms * case.batch), "bytes": float(tape * case.batch)}


def measure(device: str, batches: list[int], seconds: float, quick: bool) -> dict[str, Any]:
    """Return all figures."""
    import torch

    import pyfdsr

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    clock = Clock(device, seconds)
    size = {"window": 16, "band": 16, "grid": 48, "layers": 2} if quick else {}
    name = torch.cuda.get_device_name() if clock.cuda else "CPU"
    record: dict[str, Any] = {
        "device": name,
        "machine": machine.describe(),
        "served by": pyfdsr.build_config()["devices"],
        "ceilings": ceilings(device, clock, quick),
        "errors": differences(Case(**{**size, "batch": batches[0]}), device),
        "networks": {},
        "epochs": {},
        "convolutions": {},
    }
    for batch in batches:
        case = Case(**{**size, "batch": batch})
        record["networks"][batch] = {
            label: {call: clock(function) for call, function in calls.items()}
            for label, calls in ways(case, device).items()
        }
        record["networks"][batch]["work"] = work_of(case)
        record["epochs"][batch] = clock(training_step(case, device)) * IMAGES / batch
    for label, function in convolutions(device, quick).items():
        function()
        record["convolutions"][label] = clock(function)
    return record


def table(record: dict[str, Any]) -> list[str]:
    """Return the lines of the report."""
    peak = record["ceilings"]
    lines = [
        f"{record['device']}; CUDA tensors are served by {record['served by']['cuda']}; float32",
        f"ceilings: {peak['flops'] / 1e12:.3g} TFLOP/s (product), {peak['bytes'] / 1e9:.4g} GB/s (copy)",
        "largest error of the largest value against float64 on the CPU: "
        + ", ".join(f"{call} {error:.1e}" for call, error in record["errors"].items()),
    ]
    for batch, rows in record["networks"].items():
        work = rows["work"]
        plain = rows["plain"]
        lines += ["", f"batch {batch}{'':25}forward+backward         inference"]
        for label, calls in rows.items():
            if label == "work":
                continue
            parts = [f"{label:<32}"]
            for call in ("gradient", "infer"):
                if call not in calls:
                    parts.append(f"{'-':>24}")
                    continue
                faster = plain[call] / calls[call]
                parts.append(f"{1e3 * calls[call]:10.3f} ms {faster:8.1f}×")
            lines.append(" ".join(parts))
        taken = min(calls["gradient"] for label, calls in rows.items() if label.startswith("pyfdsr"))
        lines.append(
            f"pyfdsr's best: {work['flops'] / taken / 1e12:.3g} TFLOP/s "
            f"({100 * work['flops'] / taken / peak['flops']:.0f} % of the product's), tape at "
            f"{work['bytes'] / taken / 1e9:.3g} GB/s; an epoch of {IMAGES} images "
            f"{record['epochs'][batch]:.3f} s"
        )
    lines.append("")
    lines += [f"{label:<44} {1e3 * seconds:10.3f} ms" for label, seconds in record["convolutions"].items()]
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[40, 400])
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure")
    parser.add_argument("--quick", action="store_true", help="small sizes: to see that it runs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args(arguments)
    import torch

    if torch.device(given.device).type == "cuda" and not torch.cuda.is_available():
        print("no CUDA device; --device cpu --quick shows that the script runs", file=sys.stderr)
        return 2
    record = measure(given.device, given.batches, given.seconds, given.quick)
    print("\n".join(table(record)))
    if given.json:
        given.json.write_text(json.dumps(record, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

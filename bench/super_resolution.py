"""The super-resolution CNN, 256² to 2048², against itself in PyTorch, and on the emulated chip.

python -m bench.super_resolution [--threads N] [--size N] [--rounds N] [--json FILE] [--quick]

Inference of one image, float32, the torch face included, all in turns in one process. The peers are the same
network of torch.nn.Conv2d, in both memory formats. The chip has 4-bit DACs, 8-bit ADCs and noise.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

import pyfdsr
from bench.machine import busy_warning, describe
from bench.peers.super_resolution import TorchSuperResolution
from bench.timing import time_in_turns
from pyfdsr.chip import ChipConfig, calibrate_ranges
from pyfdsr.models import SuperResolutionCNN

__all__ = ["implementations", "main"]

"""What the emulated chip may take, in units of the electronic network."""


def networks() -> dict[str, torch.nn.Module]:
    """The networks that are timed, with equal weights."""
    torch.manual_seed(0)
    model = SuperResolutionCNN().eval()
    optical = SuperResolutionCNN(optical=True, chip=ChipConfig.assumed_4bit()).eval()
    optical.load_state_dict(model.state_dict())
    calibrate_ranges(optical, [torch.rand(2, 3, 32, 32)])
    return {
        "pyfdsr": model,
        "torch": TorchSuperResolution(model, torch.contiguous_format).eval(),
        "torch, channels_last": TorchSuperResolution(model, torch.channels_last).eval(),
        "pyfdsr, chip": optical,
    }


def implementations(size: int) -> dict[str, Callable[[], torch.Tensor]]:
    """Calls that enlarge one image of `size`² pixels.

    Raises
    ------
    RuntimeError
        If the electronic ones disagree.
    """
    image = torch.rand(1, 3, size, size)
    layouts = {"torch, channels_last": image.contiguous(memory_format=torch.channels_last)}
    calls = {name: partial(network, layouts.get(name, image)) for name, network in networks().items()}
    with torch.inference_mode():
        expected = calls["torch"]()
        for name in ("pyfdsr", "torch, channels_last"):
            error = float((calls[name]() - expected).abs().max() / expected.abs().max())
            if error > 1e-5:
                raise RuntimeError(f"{name} differs from torch by {error:.1e} of the maximum")
    return calls


def processor_times(calls: dict[str, Callable[[], torch.Tensor]], rounds: int) -> dict[str, float]:
    """Least processor time of all threads in seconds, in turns: on a busy machine steadier than the clock."""
    least = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.process_time()
            call()
            least[name] = min(least[name], time.process_time() - begin)
    return least


def main(arguments: list[str] | None = None) -> int:
    """Time the networks, print the table, and keep it as JSON where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=pyfdsr.get_num_threads())
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="a tiny image, one round")
    options = parser.parse_args(arguments)
    if options.quick:
        options.size, options.rounds = 16, 1
    torch.set_num_threads(options.threads)
    pyfdsr.set_num_threads(options.threads)
    machine = describe()
    for line in busy_warning(machine):
        print(line)
    calls = implementations(options.size)
    with torch.inference_mode():
        timings = time_in_turns(calls, options.rounds, share=0.0 if options.quick else 0.5)
        spent = processor_times(calls, options.rounds)
    size = options.size
    print(f"{size}² → {8 * size}², float32, {options.threads} threads, {machine['cpu']}, ms")
    print(f"{'':24}{'best':>9}{'median':>9}{'processor':>11}   best × pyfdsr")
    base = timings["pyfdsr"].best
    for name, timing in timings.items():
        times = f"{timing.best * 1e3:9.1f}{timing.median * 1e3:9.1f}{spent[name] * 1e3:11.1f}"
        print(f"{name:24}{times}   {timing.best / base:.2f}")
    peer = min(timing.best for name, timing in timings.items() if name.startswith("torch"))
    print(f"pyfdsr takes {base / peer:.2f} of the better torch format")
    if options.json:
        results = {name: timing.as_dict() | {"processor": spent[name]} for name, timing in timings.items()}
        record = {"machine": machine, "size": size, "threads": options.threads, "seconds": results}
        options.json.write_text(json.dumps(record, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

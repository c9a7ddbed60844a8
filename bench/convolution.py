"""Fourier-domain convolution against torch's, in turns in one process: ``python -m bench.convolution``.

The better of torch's two memory formats counts. Forward: spectra of the weight kept (inference). Training:
forward and backward to input and weight, whose spectra are made anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

import pyfdsr
from pyfdsr.functional import fourier_conv2d

CASES = (
    # name, input channels, output channels, groups, size
    ("dense C4, 128²", 4, 4, 1, 128),
    ("dense C16, 128²", 16, 16, 1, 128),
    ("dense C64, 64²", 64, 64, 1, 64),
    ("depthwise C64, 64²", 64, 64, 64, 64),
)
KERNELS = (3, 5, 7, 11, 15, 31)


def best_in_turns(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Shortest time of every call in seconds, the calls taking turns."""
    for call in calls:
        call()
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            begin = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - begin)
    return best


def times(case: tuple[str, int, int, int, int], kernel: int, train: bool, rounds: int) -> list[float]:
    """Seconds of torch in NCHW, torch in channels_last, tiles and auto, for a batch of two images."""
    _, inputs, outputs, groups, size = case
    torch.manual_seed(0)
    x = torch.randn(2, inputs, size, size, requires_grad=train)
    w = torch.randn(outputs, inputs // groups, kernel, kernel, requires_grad=train)
    last = [t.detach().to(memory_format=torch.channels_last).requires_grad_(train) for t in (x, w)]
    v = torch.randn(2, outputs, size, size)

    def call(function: Callable[..., torch.Tensor], x: torch.Tensor, w: torch.Tensor, **more: str) -> None:
        y = function(x, w, padding=kernel // 2, groups=groups, **more)
        if train:
            torch.autograd.grad(y, (x, w), v)

    with torch.set_grad_enabled(train):
        return best_in_turns(
            [
                lambda: call(F.conv2d, x, w),
                lambda: call(F.conv2d, *last),
                lambda: call(fourier_conv2d, x, w, algorithm="tiled"),
                lambda: call(fourier_conv2d, x, w, algorithm="auto"),
            ],
            rounds,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=pyfdsr.get_num_threads())
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(f"float32, batch 2, {arguments.threads} threads, {pyfdsr.build_config()['isa']}; milliseconds")
    for train in (False, True):
        print(f"\n{'forward + backward' if train else 'forward'}")
        print(
            f"{'':20}{'k':>4}{'torch':>10}{'ch. last':>10}{'tiled':>10}{'ratio':>8}{'auto':>10}{'ratio':>8}"
        )
        for case in CASES:
            for kernel in KERNELS:
                rounds = arguments.rounds if kernel < 15 else 3
                nchw, last, tiled, auto = (1e3 * t for t in times(case, kernel, train, rounds))
                best = min(nchw, last)
                print(
                    f"{case[0]:20}{kernel:4}{nchw:10.2f}{last:10.2f}{tiled:10.2f}{best / tiled:7.1f}x"
                    f"{auto:10.2f}{best / auto:7.2f}x",
                    flush=True,
                )


if __name__ == "__main__":
    main()

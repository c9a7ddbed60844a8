"""Which way a convolution takes: torch's own kernels, in either memory format, or the Fourier domain."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr import autograd
from pyfdsr._convolution import Convolution, output_size_of

__all__ = ["Case", "direct", "settings_of", "takes"]

_LEAST_PRODUCTS = 2e6
"""Multiply-accumulates of the direct sum below which a call is too short to gain."""


class Case(NamedTuple):
    """What the choice depends on."""

    convolution: Convolution
    channels: tuple[int, int]
    input_size: tuple[int, int]
    batch: int
    recorded: bool
    double: bool
    channels_last: bool

    @property
    def output_size(self) -> tuple[int, int]:
        """Size of the result."""
        return output_size_of(self.convolution, self.input_size)

    @property
    def terms(self) -> int:
        """Input channels that an output channel sums over."""
        return self.channels[0] // self.convolution.groups


def settings_of(convolution: Convolution, size: tuple[int, int]) -> list[int]:
    """Flatten a convolution and the size of its input, as the operators of ``autograd`` take them."""
    kernel, stride, padding, dilation, groups, circular = convolution
    return [*kernel, *stride, *padding, *dilation, groups, *size, int(circular)]


@lru_cache(maxsize=4096)
def takes(case: Case, planner: str, threads: int) -> str:
    """Name the way that a case is expected to take least time on, or that was measured to.

    Parameters
    ----------
    case : Case
        The convolution.
    planner : {"estimate", "measure"}
        Whether to go by a rule or to time all ways once.
    threads : int
        Threads that the calls may use; part of what is remembered.

    Returns
    -------
    {"direct", "channels_last", "fourier"}
        torch's own kernel on the tensors as they are, on channels_last copies, or the Fourier domain.
    """
    if planner == "measure":
        return _measured(case)
    return "fourier" if _is_expected_faster(case) else "direct"


def _is_expected_faster(case: Case) -> bool:
    """Go by rules drawn from measurements of both (``bench/auto_choice.py``)."""
    (inputs, outputs), convolution = case.channels, case.convolution
    area = convolution.kernel[0] * convolution.kernel[1]
    size = case.output_size
    products = case.batch * outputs * size[0] * size[1] * case.terms * area
    if convolution.stride != (1, 1) or products < _LEAST_PRODUCTS or min(size) < 8:
        return False
    # Dilated kernels are long but cheap for the direct sum.
    spread = convolution.extent[0] * convolution.extent[1] / area
    if case.terms == 1 and convolution.groups > 1:
        return outputs == inputs and area >= 49 * spread
    return area >= _break_even(min(case.terms, outputs // convolution.groups), case.recorded) * spread


def _break_even(channels: int, recorded: bool) -> float:
    # Area of a kernel. Every transform is shared by so many channels; training transforms the weights anew.
    if channels >= 16:
        return 9.0
    if channels >= 4:
        return 49.0 if recorded else 25.0
    return 121.0


def _measured(case: Case) -> str:
    """Time all ways on random maps, in turns."""
    convolution, dtype = case.convolution, torch.float64 if case.double else torch.float32
    layout = torch.channels_last if case.channels_last else torch.contiguous_format
    x = torch.randn(case.batch, case.channels[0], *case.input_size, dtype=dtype).to(memory_format=layout)
    weight = torch.randn(case.channels[1], case.terms, *convolution.kernel, dtype=dtype)
    settings = settings_of(convolution, case.input_size)
    ways: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "fourier": lambda x, w: autograd.fourier_conv2d(x, w, None, settings, "auto"),
        "direct": lambda x, w: direct(x, w, None, convolution, "direct"),
        "channels_last": lambda x, w: direct(x, w, None, convolution, "channels_last"),
    }
    # torch's gradients in channels_last take seconds to minutes for large kernels.
    if case.channels_last or (case.recorded and max(convolution.kernel) > 12):
        del ways["channels_last"]
    best = dict.fromkeys(ways, float("inf"))
    x.requires_grad_(case.recorded)
    weight.requires_grad_(case.recorded)
    with torch.set_grad_enabled(case.recorded):
        for _ in range(4):
            for name, way in ways.items():
                if float("inf") > best[name] > 10 * min(best.values()):
                    continue  # hopeless, and perhaps very slow
                begin = time.perf_counter()
                y = way(x, weight)
                if case.recorded:
                    torch.autograd.grad(y, (x, weight), torch.ones_like(y))
                best[name] = min(best[name], time.perf_counter() - begin)
    return min(best, key=best.__getitem__)


def direct(x: Tensor, weight: Tensor, bias: Tensor | None, convolution: Convolution, way: str) -> Tensor:
    """Apply torch's own convolution; in channels_last, the result is laid out as `x` is."""
    kernel, stride, (top, bottom, left, right), dilation, groups, circular = convolution
    if circular or top != bottom or left != right:
        x = F.pad(x, (left, right, top, bottom), mode="circular" if circular else "constant")
        top = left = 0
    if way == "channels_last":
        x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
        return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups).contiguous()
    return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)

"""Which way a convolution takes: torch's own kernels, in either memory format, or the core."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr import autograd
from pyfdsr._convolution import PADDING_MODES, Convolution, convolution_of

from .convolution_times import LONGEST_IN_CHANNELS_LAST, Case, time_of_copies, time_of_core, time_of_torch

__all__ = [
    "Case",
    "direct",
    "is_to_be_padded",
    "padded",
    "settings_of",
    "takes",
    "takes_elsewhere",
    "traced",
]


def settings_of(convolution: Convolution, size: tuple[int, int]) -> list[int]:
    """Flatten a convolution and the size of its input, as the operators of ``autograd`` take them."""
    kernel, stride, padding, dilation, groups, mode = convolution
    return [*kernel, *stride, *padding, *dilation, groups, *size, PADDING_MODES.index(mode)]


def is_to_be_padded(convolution: Convolution, recorded: bool) -> bool:
    """Tell whether the padding is to be carried out beforehand.

    The core has no adjoint of replicate and reflect; circularly, it repeats an input once around results.
    """
    top, bottom, left, right = convolution.padding
    reach = convolution.extent
    if convolution.padding_mode == "circular":
        return top + bottom >= reach[0] or left + right >= reach[1]
    return recorded and convolution.padding_mode != "zeros"


def padded(convolution: Convolution, x: Tensor) -> tuple[Convolution, Tensor]:
    """Carry the padding out; return the convolution that is left to do."""
    top, bottom, left, right = convolution.padding
    mode = convolution.padding_mode
    wide = F.pad(x, (left, right, top, bottom), mode="constant" if mode == "zeros" else mode)
    return convolution._replace(padding=(0, 0, 0, 0), padding_mode="zeros"), wide


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
        torch's own kernel on the tensors as they are, on channels_last copies, or the core's: the Fourier
        domain, or direct sums where they cost less.
    """
    if planner == "measure":
        return _measured(case)
    return _expected(case)


def takes_elsewhere(case: Case) -> str:
    """Name the way on other devices than the CPU: a rule, until somebody has measured.

    Torch's own kernels use what a device has for them; the Fourier domain saves a hundred times the products
    from 15×15 kernels on. A stride makes it compute what nobody wants.
    """
    ky, kx = case.convolution.kernel
    sy, sx = case.convolution.stride
    return "fourier" if ky * kx > 225 * sy * sx else "direct"


def _expected(case: Case) -> str:
    core = time_of_core(case)
    direct, last = (time_of_torch(case, channels_last) for channels_last in (False, True))
    if case.channels_last:
        return "fourier" if core < last else "direct"
    # Copies are made only for a clear gain.
    times = {"fourier": core, "direct": direct, "channels_last": 1.3 * (last + time_of_copies(case))}
    return min(times, key=times.__getitem__)


def _measured(case: Case) -> str:
    """Time all ways on random maps, in turns."""
    convolution, dtype = case.convolution, torch.float64 if case.double else torch.float32
    generator = torch.Generator("cpu").manual_seed(0)  # the user's stays as it is
    draw = partial(torch.randn, generator=generator, dtype=dtype, device="cpu")
    layout = torch.channels_last if case.channels_last else torch.contiguous_format
    x = draw(case.batch, case.channels[0], *case.input_size).to(memory_format=layout)
    weight = draw(case.channels[1], case.terms, *convolution.kernel)

    def in_fourier_domain(x: Tensor, weight: Tensor) -> Tensor:
        to_be_padded = is_to_be_padded(convolution, case.recorded)
        plain, wide = padded(convolution, x) if to_be_padded else (convolution, x)
        settings = settings_of(plain, tuple(wide.shape[-2:]))
        return autograd.fourier_conv2d(wide, weight, None, settings, "auto", autograd.COMPARE)

    ways: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "fourier": in_fourier_domain,
        "direct": lambda x, w: direct(x, w, None, convolution, "direct"),
        "channels_last": lambda x, w: direct(x, w, None, convolution, "channels_last"),
    }
    if case.channels_last or (case.recorded and max(convolution.kernel) > LONGEST_IN_CHANNELS_LAST):
        del ways["channels_last"]
    best = dict.fromkeys(ways, float("inf"))
    x.requires_grad_(case.recorded)
    weight.requires_grad_(case.recorded)
    with torch.set_grad_enabled(case.recorded), torch.autocast("cpu", enabled=False):
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
    top, bottom, left, right = convolution.padding
    if convolution.padding_mode != "zeros" or top != bottom or left != right:
        convolution, x = padded(convolution, x)
    _, stride, (top, _, left, _), dilation, groups, _ = convolution
    if way == "channels_last":
        x, weight = (t.contiguous(memory_format=torch.channels_last) for t in (x, weight))
        return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups).contiguous()
    return F.conv2d(x, weight, bias, stride, (top, left), dilation, groups)


def traced(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    mode: str,
) -> Tensor:
    """Apply torch's own convolution while TorchScript traces: sizes are tensors then, no rule is for them."""
    if mode != "zeros":
        kernel = [int(k) for k in weight.shape[2:]] if isinstance(padding, str) else 1
        top, bottom, left, right = convolution_of(kernel, stride, padding, dilation, groups).padding
        x, padding = F.pad(x, (left, right, top, bottom), mode=mode), 0
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)

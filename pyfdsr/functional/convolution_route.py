"""Which way a convolution takes: torch's own kernels, in either memory format, or the core."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pyfdsr import autograd
from pyfdsr._convolution import PADDING_MODES, Convolution, convolution_of, output_size_of

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

_LONGEST_IN_CHANNELS_LAST = 12
"""torch's gradients in channels_last take seconds to minutes for longer kernels."""


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


# What follows is in nanoseconds of one thread of an AVX2 processor of 2021, measured on some thousand random
# shapes. Processors with wider vectors take less on both sides.


def _expected(case: Case) -> str:
    in_fourier_domain = min(_time_of_fourier(case), _time_of_sums(case))
    direct, last = (_time_of_torch(case, channels_last) for channels_last in (False, True))
    if case.channels_last:
        return "fourier" if in_fourier_domain < last else "direct"
    copies = case.channels[0] * case.input_size[0] * case.input_size[1]
    copies += case.channels[1] * case.output_size[0] * case.output_size[1]
    last += case.batch * copies * (2.0 if case.recorded else 1.0) + 20e3
    # Copies are made only for a clear gain.
    times = {"fourier": in_fourier_domain, "direct": direct, "channels_last": 1.3 * last}
    return min(times, key=times.__getitem__)


def _time_of_fourier(case: Case) -> float:
    """Transforms of tiles of a usual length (or of the whole map), products, and the weight's spectra."""
    if max(case.convolution.kernel) == 1:
        return _NEVER
    (inputs, outputs), convolution = case.channels, case.convolution
    sizes = [
        n + p + q - e + 1
        for n, p, q, e in zip(
            case.input_size,
            convolution.padding[::2],
            convolution.padding[1::2],
            convolution.extent,
            strict=True,
        )
    ]
    length, samples = 1.0, 1.0
    for size, extent in zip(sizes, convolution.extent, strict=True):
        tile = 2.5 * extent + 12
        whole = size + extent // 2
        share = min(tile / (tile - extent + 1), whole / size)  # transformed samples for one result
        samples *= size * share
        length *= min(tile, whole)
    depthwise = case.terms == 1 and outputs == inputs
    terms = 2 if depthwise else case.terms
    image = samples * (6.5 * (inputs + outputs) + 1.15 * terms * outputs) / 16
    weights = length * case.terms * outputs / 8
    time = case.batch * image * (3.4 if case.recorded else 1.0) + weights * (16 if case.recorded else 2)
    time *= _KINDS[_kind_of(case)].surplus
    return (2 if case.double else 1) * time + (100e3 if case.recorded else 25e3)


def _time_of_sums(case: Case) -> float:
    """The core's own direct sums, which take all positions, whatever the stride; not for many weights."""
    if case.channels[1] * case.terms * case.convolution.kernel[0] * case.convolution.kernel[1] > 2**17:
        return _NEVER
    rows, width = (
        size + before + after - extent + 1
        for size, before, after, extent in zip(
            case.input_size,
            case.convolution.padding[::2],
            case.convolution.padding[1::2],
            case.convolution.extent,
            strict=True,
        )
    )
    kernel, channels = case.convolution.kernel, sum(case.channels)
    products = case.channels[1] * case.terms * kernel[0] * kernel[1]
    row = (0.026 if kernel[1] > 1 else 0.063) * products * (width + 4) + channels * (18 + 0.05 * width)
    if case.channels_last:  # samples of a channel are gathered one by one
        row += (1.5 if case.convolution.groups > 1 else 0.8) * channels * width
    time = case.batch * rows * row * (3.3 if case.recorded else 1.0)
    return (2 if case.double else 1) * time + (100e3 if case.recorded else 25e3)


class _Rates(NamedTuple):
    """Time of one multiply-accumulate by torch, for kernels up to 1, 3, 5, 10 and longer."""

    contiguous: tuple[float, ...]
    channels_last: tuple[float, ...]
    contiguous_trained: tuple[float, ...]
    channels_last_trained: tuple[float, ...]
    surplus: float
    """Our time over that of the operations alone: lanes and pairs that few channels leave empty."""


_KERNELS = (1, 3, 5, 10)
_NEVER = float("inf")
_KINDS = {
    "depthwise": _Rates(
        (1.5, 0.18, 0.09, 0.067, 0.82),
        (7.4, 0.1, 0.071, 0.075, 0.056),
        (7.3, 0.82, 1.3, 1.2, 2.0),
        (34.0, 0.4, 0.55, 0.44, 1.1),
        2.3,
    ),
    "grouped": _Rates(
        (0.3, 0.26, 0.24, 0.235, 0.23),
        (1.4, 0.14, 0.1, 0.071, 0.065),
        (1.05, 1.2, 1.05, 1.0, 0.93),
        (4.4, 0.51, 0.31, 0.21, 0.22),
        3.0,
    ),
    "few outputs": _Rates(
        (0.11, 0.15, 0.15, 0.16, 0.29),
        (0.32, 0.1, 0.09, 0.08, 0.07),
        (0.84, 0.55, 0.45, 0.42, 0.63),
        (0.95, 0.45, 0.37, 0.19, 0.31),
        3.3,
    ),
    "some outputs": _Rates(
        (0.1, 0.07, 0.08, 0.13, 0.13),
        (0.3, 0.06, 0.04, 0.032, 0.03),
        (0.4, 0.4, 0.38, 0.3, 0.4),
        (1.0, 0.35, 0.25, 0.14, 0.23),
        2.1,
    ),
    "one input": _Rates(
        (0.17, 0.1, 0.055, 0.041, 0.06),
        (0.2, 0.09, 0.058, 0.042, 0.038),
        (0.8, 0.85, 0.66, 0.51, 0.48),
        (1.0, 0.56, 0.45, 0.3, 0.28),
        3.8,
    ),
    "few inputs": _Rates(
        (0.12, 0.07, 0.036, 0.03, 0.055),
        (0.09, 0.058, 0.037, 0.03, 0.027),
        (0.67, 0.31, 0.2, 0.16, 0.15),
        (1.8, 0.27, 0.18, 0.137, 0.13),
        2.7,
    ),
    "dense": _Rates(
        (0.04, 0.035, 0.026, 0.037, 0.055),
        (0.04, 0.027, 0.026, 0.025, 0.024),
        (0.13, 0.12, 0.086, 0.085, 0.11),
        (0.13, 0.125, 0.087, 0.083, 0.085),
        1.65,
    ),
}


def _kind_of(case: Case) -> str:
    groups, outputs = case.convolution.groups, case.channels[1] // case.convolution.groups
    if groups > 1 and case.terms == 1:
        return "depthwise"
    if groups > 1 and min(case.terms, outputs) < 8:
        return "grouped"
    if outputs < 16:
        return "few outputs" if outputs < 8 else "some outputs"
    if case.terms < 8:
        return "one input" if case.terms < 3 else "few inputs"
    return "dense"


def _time_of_torch(case: Case, channels_last: bool) -> float:
    """Multiply-accumulates of the direct sum by torch's rate."""
    kernel, size = case.convolution.kernel, case.output_size
    if case.recorded and channels_last and max(kernel) > _LONGEST_IN_CHANNELS_LAST:
        return _NEVER
    products = case.batch * case.channels[1] * size[0] * size[1] * case.terms * kernel[0] * kernel[1]
    rates = _KINDS[_kind_of(case)][2 * case.recorded + channels_last]
    rate = rates[sum(max(kernel) > k for k in _KERNELS)]
    return (2 if case.double else 1) * rate * products + 5e3


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
    if case.channels_last or (case.recorded and max(convolution.kernel) > _LONGEST_IN_CHANNELS_LAST):
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

"""The convolution on the emulated chip, and the three gradients that it may have.

``perfect``: the exact gradient of the ideal convolution at the unquantised values. ``ste``: the same at
the values that the first DACs wrote, zero where one or the last ADC clipped. ``chip``: the backward
convolutions run through the chip too, every converter scaled to the largest value of its frame.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pyfdsr import _chip
from pyfdsr._convolution import Convolution
from pyfdsr.backends import backend_of
from pyfdsr.chip.config import ChipConfig

from .straight_through import straight_through_adjoints

__all__ = ["Emulation", "gain_bytes", "optical_conv2d"]

_BACKWARD_LAYERS = 2**61
_COUNTED_BACKWARD = ("frames", "dac_conversions", "adc_conversions")
_COMPARED_PACKS = 16
"""One pack of tiles in so many is compared with the ideal result."""


@dataclass
class Emulation:
    """How one call runs on the chip.

    `gain` holds the chip's static factors as bytes, `scales` the full scales of each stage; `told`
    receives the counts and the histograms of a call, `gone_back` those of its backward pass (of frames and
    conversions; none but with ``gradient="chip"``).
    """

    config: ChipConfig
    convolution: Convolution
    gain: bytes
    scales: tuple[tuple[float, float], ...]
    draw: _chip.Draw
    noise_scale: float
    gradient: str
    observe: bool = False
    told: Callable[[dict[str, Any], Any], None] | None = None
    gone_back: Callable[[dict[str, int]], None] | None = None


def _sizes(e: Emulation, channels: tuple[int, int], convolution: Convolution, size: Any) -> tuple[Any, ...]:
    """Return what a plan of the chip depends on: configuration, static factors, geometry."""
    return e.config, e.gain, (*channels, convolution.kernel, tuple(size), *convolution[1:5])


def _symmetric(convolution: Convolution) -> bool:
    top, bottom, left, right = convolution.padding
    return top == bottom and left == right


def _exact_adjoints(
    v: Tensor, x: Tensor, weight: Tensor, convolution: Convolution, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None]:
    """Cotangents of input and weight of torch's convolution."""
    top, bottom, left, right = convolution.padding
    padding = [top, left]
    if not _symmetric(convolution):
        x, padding = F.pad(x, (left, right, top, bottom)), [0, 0]
    v_x, v_w, _ = torch.ops.aten.convolution_backward(
        v, x, weight, None, convolution.stride, padding, convolution.dilation, False, [0, 0],
        convolution.groups, [*wanted, False],
    )  # fmt: skip
    if v_x is not None and not _symmetric(convolution):
        v_x = v_x[..., top : v_x.shape[-2] - bottom, left : v_x.shape[-1] - right]
    return v_x, v_w


def _spread(v: Tensor, convolution: Convolution, size: tuple[int, int]) -> Tensor:
    """Cotangent with the stride's zeros, so placed that correlating it with turned kernels gives `size`."""
    top, _, left, _ = convolution.padding
    extent = convolution.extent
    spread = v.new_zeros(*v.shape[:2], *(n + e - 1 for n, e in zip(size, extent, strict=True)))
    # Outputs that depend on no input, as the kernel lay in the padding alone, are left out. Slices, unlike
    # indices, do not travel to the device.
    inside, places = [], []
    for axis, before in ((0, top), (1, left)):
        start, step, length = extent[axis] - 1 - before, convolution.stride[axis], spread.shape[2 + axis]
        first = max(0, -(start // step))
        end = min(v.shape[2 + axis], max(first, -((start - length) // step)))
        inside.append(slice(first, end))
        places.append(
            slice(start + step * first, start + step * (end - 1) + 1, step) if end > first else slice(0, 0)
        )
    spread[:, :, places[0], places[1]] = v[:, :, inside[0], inside[1]]
    return spread


def _turned(weight: Tensor, groups: int) -> Tensor:
    outputs, inputs, ky, kx = weight.shape
    split = weight.reshape(groups, outputs // groups, inputs, ky, kx).transpose(1, 2)
    return split.reshape(groups * inputs, outputs // groups, ky, kx).flip(2, 3)


def _chip_adjoints(
    v: Tensor, x: Tensor, weight: Tensor, e: Emulation, wanted: tuple[bool, bool]
) -> tuple[Tensor | None, Tensor | None, dict[str, int]]:
    """Cotangents of input and weight that the chip computes, and what that took."""
    tallies: list[dict[str, int]] = []
    backend, convolution, size = backend_of(x), e.convolution, tuple(x.shape[2:])
    v_x = v_w = None
    if wanted[0]:
        turned = _turned(weight, convolution.groups)
        spread = _spread(v, convolution, size)
        valid = Convolution(
            convolution.kernel, (1, 1), (0, 0, 0, 0), convolution.dilation, convolution.groups
        )
        sizes = _sizes(e, (v.shape[1], x.shape[1]), valid, spread.shape[2:])
        scales = [(_chip.FRAME_MAXIMUM, _chip.FRAME_MAXIMUM)] * len(e.scales)
        draw = e.draw._replace(layer=e.draw.layer + _BACKWARD_LAYERS)
        v_x, counts, *_ = backend.chip_conv2d(
            spread, turned, None, *sizes, scales, draw, e.noise_scale, 0, False, False
        )
        tallies.append(counts)
    if wanted[1]:
        sizes = _sizes(e, (x.shape[1], weight.shape[0]), convolution, size)
        v_w, counts = backend.chip_conv2d_adjoint_weight(v, x, *sizes, e.draw, e.noise_scale)
        tallies.append(counts)
    return v_x, v_w, {name: sum(counts[name] for counts in tallies) for name in _COUNTED_BACKWARD}


class OpticalConv2d(Function):
    """``apply(x, weight, bias, emulation)``: [B, Ci, H, W] to [B, Co, Oy, Ox]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, e: Emulation) -> Tensor:
        sizes = _sizes(e, (x.shape[1], weight.shape[0]), e.convolution, x.shape[2:])
        compare = _COMPARED_PACKS if e.told is not None else 0
        keep = e.gradient == "ste" and e.config.adc.bits > 0 and e.config.product == "digital"
        y, counts, seen, kept = backend_of(x).chip_conv2d(
            x, weight, bias, *sizes, e.scales, e.draw, e.noise_scale, compare, e.observe, keep
        )
        if e.told is not None:
            e.told(counts, seen)
        ctx.save_for_backward(x, weight, kept)
        ctx.emulation = e
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, kept = ctx.saved_tensors
        e: Emulation = ctx.emulation
        wanted = ctx.needs_input_grad[:2]
        v_bias = v.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        counts: dict[str, int] = {}
        if e.gradient == "chip":
            v_x, v_w, counts = _chip_adjoints(v, x, weight, e, wanted)
        elif e.gradient == "ste":
            v = v if kept is None else v * kept
            v_x, v_w = straight_through_adjoints(v, x, weight, e, wanted, _exact_adjoints)
        else:
            v_x, v_w = _exact_adjoints(v, x, weight, e.convolution, wanted)
        if e.gone_back is not None:
            e.gone_back(counts)
        return v_x, v_w, v_bias, None


def optical_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, emulation: Emulation) -> Tensor:
    """Convolve on the emulated chip; the arguments are taken as valid, of one precision and device."""
    return OpticalConv2d.apply(x, weight, bias, emulation)


def gain_bytes(gain: np.ndarray | None) -> bytes:
    """Static factors as the plans take them."""
    return b"" if gain is None else np.ascontiguousarray(gain, np.complex128).tobytes()

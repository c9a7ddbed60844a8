"""Converters and encodings of the emulated chip in torch: the core's operations in the core's order."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "amplitude",
    "dark",
    "encoded",
    "inverse_of",
    "leaked",
    "precise",
    "quantised",
    "quantised_from_zero",
]


def dark(dtype: torch.dtype) -> float:
    """Return the full scale below which a converter is as good as dark: steps per unit would overflow."""
    return torch.finfo(dtype).tiny * 2**20


def precise(tensor: Tensor) -> torch.dtype:
    """Return the precision of sums and inverse functions: double, where the device has it."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def inverse_of(full_scale: Tensor, most: float) -> Tensor:
    """Return ``most / full_scale``, 0 where that is dark."""
    return (most / full_scale).masked_fill_(~(full_scale > dark(full_scale.dtype)), 0.0)


def _level(x: Tensor, per_step: Tensor | float, step: Tensor | float, low: float, most: float) -> Tensor:
    """Round to whole steps, halves to even, between `low` and `most` of them; NaN stays NaN."""
    return (x * per_step).clamp_(low, most).round_().mul_(step)


def quantised(x: Tensor, bits: int, full_scale: Tensor) -> Tensor:
    """Convert with levels on both sides of 0."""
    most = float(2 ** (bits - 1) - 1)
    return _level(x, inverse_of(full_scale, most), full_scale / most, -most, most)


def quantised_from_zero(x: Tensor, bits: int, full_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Convert with levels from 0 on; also tell which values clip, negative ones beyond half a step too."""
    most = float(2 * (2 ** (bits - 1) - 1))
    per_step = inverse_of(full_scale, most)
    clipped = (x > full_scale) | (x * per_step < -0.5)
    return _level(x, per_step, full_scale / most, 0.0, most), clipped


def amplitude(field: Tensor) -> Tensor:
    """Magnitudes of [..., 2], [..., 1]."""
    re, im = field[..., :1], field[..., 1:]
    return (re * re).addcmul_(im, im).sqrt_()


def _polar(field: Tensor, bits: int, full_scale: Tensor) -> Tensor:
    if field.shape[-1] == 1:
        # A real number's phase, 0 or pi, lies on the grid.
        size, _ = quantised_from_zero(field.abs(), bits, full_scale)
        return torch.where(field < 0, -size, size)
    size, _ = quantised_from_zero(amplitude(field), bits, full_scale)
    wide = field.to(precise(field))
    turns = torch.atan2(wide[..., 1:], wide[..., :1]).mul_(0.5 / math.pi).to(field.dtype)
    angle = turns.mul_(float(2**bits)).round_().mul_(2 * math.pi / 2**bits)
    return torch.cat((size * angle.cos(), size * angle.sin()), -1)


def _modulated(field: Tensor, bits: int, linearise: bool, full_scale: Tensor) -> Tensor:
    drive = torch.where(full_scale > dark(field.dtype), field / full_scale, torch.zeros_like(field))
    drive.clamp_(-1.0, 1.0)
    if linearise:
        drive = drive.to(precise(field)).asin_().mul_(2 / math.pi).to(field.dtype)
    most = float(2 ** (bits - 1) - 1)
    return _level(drive, most, 1 / most, -most, most).mul_(math.pi / 2).sin_().mul_(full_scale)


def encoded(field: Tensor, bits: int, encoding: str, linearise: bool, full_scale: Tensor) -> Tensor:
    """Return what modulators behind DACs write, unsliced.

    Parameters
    ----------
    field : Tensor, [..., 1] or [..., 2]
        Real numbers, or the quadratures of complex ones.
    bits, encoding, linearise
        Of the DACs; 0 bits write the field itself.
    full_scale : Tensor
        Of the quadratures, or of the amplitude in polar encoding; broadcast.
    """
    if bits == 0:
        return field
    if encoding == "polar":
        return _polar(field, bits, full_scale)
    if encoding == "mzi":
        return _modulated(field, bits, linearise, full_scale)
    return quantised(field, bits, full_scale)


def leaked(field: Tensor, crosstalk: float) -> Tensor:
    """Add to every element of [..., y, x, q] what leaks from its four neighbours."""
    wide = F.pad(field, (0, 0, 1, 1, 1, 1))
    sides = wide[..., :-2, 1:-1, :] + wide[..., 2:, 1:-1, :]
    sides += wide[..., 1:-1, :-2, :]
    sides += wide[..., 1:-1, 2:, :]
    return field + sides.mul_(crosstalk)

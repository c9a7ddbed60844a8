"""Kerr phase of several fields that one total intensity drives, in torch operations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

__all__ = ["CrossKerr", "cross_kerr"]


def _intensity(x: Tensor) -> Tensor:
    return x.real.square().addcmul_(x.imag, x.imag)


class CrossKerr(Function):
    r"""``apply(strength, factors, *x)``: x_m ↦ exp(i·strength·factors[m]·Σ_n |x_n|²)·x_m.

    With W_m the cotangent of output m, turned back by its phase, and
    q = Σ_m factors[m]·Re(W_m* · i·x_m), the adjoint is v_x_m = W_m + 2·strength·q·x_m and
    v_strength = Σ I·q.
    """

    @staticmethod
    def forward(ctx: Any, strength: Tensor, factors: tuple[float, ...], *x: Tensor) -> tuple[Tensor, ...]:
        # strength [] real, x M times [...] complex of one shape
        total = sum(_intensity(field) for field in x)  # [...]
        turns = [torch.polar(torch.ones_like(total), total * (strength * factor)) for factor in factors]
        ctx.factors = factors
        ctx.save_for_backward(strength, total, *turns, *x)
        return tuple(field * turn for field, turn in zip(x, turns, strict=True))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *v: Tensor) -> tuple[Any, ...]:
        strength, total, *saved = ctx.saved_tensors
        turns, x = saved[: len(v)], saved[len(v) :]
        back = [cotangent * turn.conj() for cotangent, turn in zip(v, turns, strict=True)]
        drive = torch.zeros_like(total)
        for factor, w, field in zip(ctx.factors, back, x, strict=True):
            drive.addcmul_(w.imag, field.real, value=factor).addcmul_(w.real, field.imag, value=-factor)
        v_strength = (total * drive).sum() if ctx.needs_input_grad[0] else None
        drive = drive.mul_(2 * strength)
        v_x = tuple(w.addcmul_(field, drive.to(field.dtype)) for w, field in zip(back, x, strict=True))
        return v_strength, None, *v_x


def cross_kerr(strength: Tensor, factors: tuple[float, ...], x: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Apply the shared phase to every field."""
    return CrossKerr.apply(strength, factors, *x)

"""Kerr phase of several fields that one total intensity drives, in torch operations."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pyfdsr.backends import backend_of

__all__ = ["CrossKerr", "cross_kerr"]


class CrossKerr(Function):
    """``apply(strength, factors, *x)``; see :func:`pyfdsr.backends.by_torch.cross_kerr`."""

    @staticmethod
    def forward(ctx: Any, strength: Tensor, factors: tuple[float, ...], *x: Tensor) -> tuple[Tensor, ...]:
        # strength [] real, x M times [...] complex of one shape
        out, total, turns = backend_of(x[0]).cross_kerr(strength, factors, x)
        ctx.factors = factors
        ctx.save_for_backward(strength, total, *turns, *x)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *v: Tensor) -> tuple[Any, ...]:
        strength, total, *saved = ctx.saved_tensors
        turns, x = saved[: len(v)], saved[len(v) :]
        v_strength, v_x = backend_of(x[0]).cross_kerr_adjoint(
            v, strength, ctx.factors, total, turns, x, ctx.needs_input_grad[0]
        )
        return v_strength, None, *v_x


def cross_kerr(strength: Tensor, factors: tuple[float, ...], x: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Apply the shared phase to every field."""
    return CrossKerr.apply(strength, factors, *x)

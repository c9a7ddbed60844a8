"""Pointwise nonlinearities E -> f(|E|²)·E with gradients to the field and to the parameters of f."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pyfdsr.backends import CallbackAddresses, backend_of

from .bridge import eager_forward, traced_operator

__all__ = ["Nonlinearity", "nonlinearity"]


def _apply(x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]) -> Tensor:
    # x [...] complex, parameters [4] float64
    return backend_of(x).nonlinearity(x, parameters, kind, callbacks)


def _fake_apply(x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]) -> Tensor:
    return x.new_empty(x.shape)


def _apply_adjoint(
    v: Tensor, x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]
) -> tuple[Tensor, Tensor]:
    return backend_of(x).nonlinearity_adjoint(v, x, parameters, kind, callbacks)


def _fake_apply_adjoint(
    v: Tensor, x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]
) -> tuple[Tensor, Tensor]:
    return v.new_empty(v.shape), torch.empty_like(parameters)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, parameters, ctx.kind, ctx.callbacks = inputs
    ctx.save_for_backward(x, parameters)


def _backward(ctx: Any, v: Tensor, adjoint: Any = _apply_adjoint) -> tuple[Any, ...]:
    v_x, v_parameters = adjoint(v, *ctx.saved_tensors, ctx.kind, ctx.callbacks)
    need_x, need_parameters = ctx.needs_input_grad[:2]
    return v_x if need_x else None, v_parameters if need_parameters else None, None, None


class Nonlinearity(Function):
    """``apply(x, parameters, kind, callbacks)``: `x` complex of any shape, `parameters` float64 [4]."""

    forward = eager_forward(_apply, _setup_context)
    backward = staticmethod(once_differentiable(_backward))


_traced_adjoint = traced_operator("nonlinearity_adjoint", _apply_adjoint, _fake_apply_adjoint)
_traced = traced_operator(
    "nonlinearity", _apply, _fake_apply, _setup_context, _backward, adjoint=_traced_adjoint
)


def nonlinearity(x: Tensor, parameters: Tensor, kind: str, callbacks: CallbackAddresses) -> Tensor:
    """Apply a nonlinearity, eagerly or inside a traced graph."""
    return (_traced if torch.compiler.is_compiling() else Nonlinearity.apply)(x, parameters, kind, callbacks)

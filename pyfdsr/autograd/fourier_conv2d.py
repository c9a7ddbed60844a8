"""The convolution and its adjoints to input and weight: bilinear maps, each the derivative of the others.

A convolution travels as a list of integers (``settings``), which traced graphs can carry: kernel, stride,
padding (top, bottom, left, right), dilation, groups, the height and width of the input, and the number of the
padding's mode.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from pyfdsr._convolution import CHANGING, COMPARE, DO_NOT_KEEP
from pyfdsr.backends import backend_of

from .bridge import eager_forward, traced_operator

__all__ = [
    "CHANGING",
    "COMPARE",
    "DO_NOT_KEEP",
    "FourierConv2d",
    "fourier_conv2d",
    "fourier_conv2d_adjoint_input",
]


def _channels_last(tensor: Tensor) -> bool:
    return not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


def _convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[int], algorithm: str, keep: int
) -> Tensor:
    return backend_of(x).fourier_conv2d(x, weight, bias, settings, algorithm, keep)


def _adjoint_input(v: Tensor, weight: Tensor, settings: list[int], algorithm: str) -> Tensor:
    return backend_of(v).fourier_conv2d_adjoint_input(v, weight, settings, algorithm)


def _adjoint_weight(v: Tensor, x: Tensor, settings: list[int], algorithm: str) -> Tensor:
    return backend_of(v).fourier_conv2d_adjoint_weight(v, x, settings, algorithm)


def _adjoints(
    v: Tensor, x: Tensor, weight: Tensor, settings: list[int], algorithm: str
) -> tuple[Tensor, Tensor]:
    return backend_of(v).fourier_conv2d_adjoints(v, x, weight, settings, algorithm)


def _fake_like(reference: Tensor, shape: tuple[Any, ...]) -> Tensor:
    last = _channels_last(reference)
    layout = torch.channels_last if last else torch.contiguous_format
    return torch.empty(shape, dtype=reference.dtype, device=reference.device, memory_format=layout)


def _fake_convolve(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[int], algorithm: str, keep: int
) -> Tensor:
    ky, kx, sy, sx, top, bottom, left, right, dy, dx, _, height, width, _ = settings
    size = (
        (height + top + bottom - dy * (ky - 1) - 1) // sy + 1,
        (width + left + right - dx * (kx - 1) - 1) // sx + 1,
    )
    return _fake_like(x, (x.shape[0], weight.shape[0], *size))


def _fake_adjoint_input(v: Tensor, weight: Tensor, settings: list[int], algorithm: str) -> Tensor:
    return _fake_like(v, (v.shape[0], weight.shape[1] * settings[10], *settings[11:13]))


def _fake_adjoint_weight(v: Tensor, x: Tensor, settings: list[int], algorithm: str) -> Tensor:
    return v.new_empty((v.shape[1], x.shape[1] // settings[10], *settings[:2]))


def _fake_adjoints(
    v: Tensor, x: Tensor, weight: Tensor, settings: list[int], algorithm: str
) -> tuple[Tensor, Tensor]:
    return (
        _fake_adjoint_input(v, weight, settings, algorithm),
        _fake_adjoint_weight(v, x, settings, algorithm),
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])
    ctx.settings, ctx.algorithm = inputs[2:4]


def _setup_convolution(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs[:2])
    ctx.settings, ctx.algorithm = inputs[3:5]


def _setup_adjoints(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs[:3])
    ctx.settings, ctx.algorithm = inputs[3:5]
    ctx.set_materialize_grads(False)  # what nobody asked for costs nothing


# Each map is linear in both of its arguments; the derivatives are the other two maps, eager or traced.


def _backward_convolve(ctx: Any, v: Tensor, **traced: Any) -> tuple[Any, ...]:
    x, weight = ctx.saved_tensors
    settings, algorithm = ctx.settings, ctx.algorithm
    to_input = traced.get("adjoint_input") or AdjointInput.apply
    to_weight = traced.get("adjoint_weight") or AdjointWeight.apply
    to_both = traced.get("adjoints") or Adjoints.apply
    if all(ctx.needs_input_grad[:2]):
        v_x, v_weight = to_both(v, x, weight, settings, algorithm)
    else:
        v_x = to_input(v, weight, settings, algorithm) if ctx.needs_input_grad[0] else None
        v_weight = to_weight(v, x, settings, algorithm) if ctx.needs_input_grad[1] else None
    return (
        v_x,
        v_weight,
        v.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None,
        None,
        None,
        None,
    )


def _backward_adjoint_input(ctx: Any, u: Tensor, **traced: Any) -> tuple[Any, ...]:
    v, weight = ctx.saved_tensors
    settings, algorithm = ctx.settings, ctx.algorithm
    convolve = traced.get("convolve") or FourierConv2d.apply
    to_weight = traced.get("adjoint_weight") or AdjointWeight.apply
    return (
        convolve(u, weight, None, settings, algorithm, CHANGING) if ctx.needs_input_grad[0] else None,
        to_weight(v, u, settings, algorithm) if ctx.needs_input_grad[1] else None,
        None,
        None,
    )


def _backward_adjoint_weight(ctx: Any, u: Tensor, **traced: Any) -> tuple[Any, ...]:
    v, x = ctx.saved_tensors
    settings, algorithm = ctx.settings, ctx.algorithm
    convolve = traced.get("convolve") or FourierConv2d.apply
    to_input = traced.get("adjoint_input") or AdjointInput.apply
    return (
        convolve(x, u, None, settings, algorithm, CHANGING) if ctx.needs_input_grad[0] else None,
        to_input(v, u, settings, algorithm) if ctx.needs_input_grad[1] else None,
        None,
        None,
    )


def _backward_adjoints(
    ctx: Any, u_x: Tensor | None, u_weight: Tensor | None, **traced: Any
) -> tuple[Any, ...]:
    v, x, weight = ctx.saved_tensors
    settings, algorithm = ctx.settings, ctx.algorithm
    convolve = traced.get("convolve") or FourierConv2d.apply
    to_input = traced.get("adjoint_input") or AdjointInput.apply
    to_weight = traced.get("adjoint_weight") or AdjointWeight.apply
    of_v, of_x, of_weight = None, None, None
    if u_x is not None:
        if ctx.needs_input_grad[0]:
            of_v = convolve(u_x, weight, None, settings, algorithm, CHANGING)
        if ctx.needs_input_grad[2]:
            of_weight = to_weight(v, u_x, settings, algorithm)
    if u_weight is not None:
        if ctx.needs_input_grad[0]:
            more = convolve(x, u_weight, None, settings, algorithm, CHANGING)
            of_v = more if of_v is None else of_v + more
        if ctx.needs_input_grad[1]:
            of_x = to_input(v, u_weight, settings, algorithm)
    return of_v, of_x, of_weight, None, None


class FourierConv2d(Function):
    """``apply(x, weight, bias, settings, algorithm, keep)``: [B, Ci, H, W] to [B, Co, Oy, Ox]."""

    forward = eager_forward(_convolve, _setup_convolution)
    backward = staticmethod(_backward_convolve)


class AdjointInput(Function):
    """``apply(v, weight, settings, algorithm)``: [B, Co, Oy, Ox] to [B, Ci, H, W]."""

    forward = eager_forward(_adjoint_input, _setup_context)
    backward = staticmethod(_backward_adjoint_input)


class AdjointWeight(Function):
    """``apply(v, x, settings, algorithm)``: cotangent of the weight, [Co, Ci / groups, ky, kx]."""

    forward = eager_forward(_adjoint_weight, _setup_context)
    backward = staticmethod(_backward_adjoint_weight)


class Adjoints(Function):
    """``apply(v, x, weight, settings, algorithm)``: both cotangents at once, of input and weight."""

    forward = eager_forward(_adjoints, _setup_adjoints)
    backward = staticmethod(_backward_adjoints)


# Looked up when they are called: the operators are each other's derivatives.
_LATER = {
    "convolve": lambda *inputs: _traced_convolve(*inputs),
    "adjoint_input": lambda *inputs: _traced_adjoint_input(*inputs),
    "adjoint_weight": lambda *inputs: _traced_adjoint_weight(*inputs),
    "adjoints": lambda *inputs: _traced_adjoints(*inputs),
}
_traced_adjoint_input = traced_operator(
    "fourier_conv2d_adjoint_input",
    _adjoint_input,
    _fake_adjoint_input,
    _setup_context,
    _backward_adjoint_input,
    **_LATER,
)
_traced_adjoint_weight = traced_operator(
    "fourier_conv2d_adjoint_weight",
    _adjoint_weight,
    _fake_adjoint_weight,
    _setup_context,
    _backward_adjoint_weight,
    **_LATER,
)
_traced_adjoints = traced_operator(
    "fourier_conv2d_adjoints",
    _adjoints,
    _fake_adjoints,
    _setup_adjoints,
    _backward_adjoints,
    **_LATER,
)
_traced_convolve = traced_operator(
    "fourier_conv2d",
    _convolve,
    _fake_convolve,
    _setup_convolution,
    _backward_convolve,
    **_LATER,
)


def fourier_conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, settings: list[int], algorithm: str, keep: int
) -> Tensor:
    """Convolve, eagerly or inside a traced graph.

    Spectra of the weight are kept unless its gradient is recorded: `keep` is `DO_NOT_KEEP`, `COMPARE`, or the
    weight's version.
    """
    if torch.is_grad_enabled() and weight.requires_grad:
        keep = CHANGING
    if torch.compiler.is_compiling():
        return _traced_convolve(
            x, weight, bias, settings, algorithm, DO_NOT_KEEP if keep == COMPARE else keep
        )
    if keep == COMPARE and not weight.is_contiguous():
        keep = DO_NOT_KEEP  # a copy's place says nothing
    if torch.is_grad_enabled() or forward_ad._current_level >= 0:
        return FourierConv2d.apply(x, weight, bias, settings, algorithm, keep)
    return _convolve(x, weight, bias, settings, algorithm, keep)


def fourier_conv2d_adjoint_input(v: Tensor, weight: Tensor, settings: list[int], algorithm: str) -> Tensor:
    """Apply the adjoint to the input, eagerly or inside a traced graph."""
    if torch.compiler.is_compiling():
        return _traced_adjoint_input(v, weight, settings, algorithm)
    return AdjointInput.apply(v, weight, settings, algorithm)

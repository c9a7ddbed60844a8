"""Stacks of 4f layers in one fused call; a single 4f layer is the linear stack of one.

Each layer is windowed DFT, transfer, inverse windowed DFT, nonlinearity.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from pyfdsr.backends import (
    Backend,
    CallbackAddresses,
    Geometry,
    backend_for,
    backend_of,
    is_double,
)

from .bridge import traced_operator
from .windowed_dft import windowed_dft

__all__ = ["FourFStack", "four_f_stack"]


def _plan(
    backend: Backend,
    window: list[int],
    mask: Tensor,
    support: list[int],
    grid: list[float],
    centred: bool,
    nonlinearities: str,
) -> Any:
    geometry = Geometry(tuple(window), tuple(mask.shape[-2:]), tuple(grid), centred)
    return backend.stack_plan(geometry, support, nonlinearities, is_double(mask), mask.device)


def _traceable(results: tuple[Tensor | None, ...], *like: Tensor) -> tuple[Tensor, ...]:
    # A traced operator cannot return None: an empty tensor stands for what was not computed.
    each = like if len(like) == len(results) else like * len(results)
    return tuple(
        other.new_empty(0) if result is None else result for result, other in zip(results, each, strict=True)
    )


def _stack(
    field: Tensor,  # [..., Sy, Sx] complex or real
    mask: Tensor,  # [T, L, My, Mx] real phases or complex transfers, T = 1 or the batch
    aperture: Tensor | None,  # [K, My, Mx] real
    parameters: Tensor,  # [L, 4] float64
    nonlinearities: str,
    callbacks: list[int],
    support: list[int],
    grid: list[float],
    centred: bool,
    save: bool,
    intensity: bool,
    return_fields: bool,
    layout: str,  # of the tape: keeps apart the graphs that torch.compile stores on disk
) -> tuple[Tensor, Tensor, Tensor]:
    backend = backend_for(field.device.type)
    plan = _plan(backend, field.shape[-2:], mask, support, grid, centred, nonlinearities)
    flags = (save, intensity, return_fields)
    results = backend.stack_forward(plan, field, mask, aperture, parameters, callbacks, support, *flags)
    return _traceable(results, mask)


def _fake_stack(
    field: Tensor,
    mask: Tensor,
    aperture: Tensor | None,
    parameters: Tensor,
    nonlinearities: str,
    callbacks: list[int],
    support: list[int],
    grid: list[float],
    centred: bool,
    save: bool,
    intensity: bool,
    return_fields: bool,
    layout: str,
) -> tuple[Tensor, Tensor, Tensor]:
    real, complex_ = (
        (torch.float64, torch.complex128) if is_double(mask) else (torch.float32, torch.complex64)
    )
    leading = field.shape[:-2]
    fields = (mask.shape[1], *leading, *support) if return_fields else (0,)
    tape_size = 0
    if save:
        backend = backend_for(field.device.type)
        plan = _plan(backend, field.shape[-2:], mask, support, grid, centred, nonlinearities)
        tape_size = plan.tape_size(1) * leading.numel()
    return (
        field.new_empty((*leading, *support), dtype=real if intensity else complex_),
        field.new_empty((tape_size,), dtype=real),
        field.new_empty(fields, dtype=complex_ if return_fields else mask.dtype),
    )


def _stack_adjoint(
    v: Tensor,
    tape: Tensor,
    mask: Tensor,
    aperture: Tensor | None,
    parameters: Tensor,
    callbacks: list[int],
    window: list[int],
    intensity: bool,
    real_input: bool,
    need_input: bool,
    need_mask: bool,
    need_parameters: bool,
    nonlinearities: str,
    grid: list[float],
    centred: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    backend = backend_for(v.device.type)
    plan = _plan(backend, window, mask, v.shape[-2:], grid, centred, nonlinearities)
    flags = (intensity, real_input, need_input, need_mask, need_parameters)
    results = backend.stack_adjoint(plan, v, tape, mask, aperture, parameters, callbacks, window, *flags)
    return _traceable(results, v, mask, parameters)


def _fake_stack_adjoint(
    v: Tensor,
    tape: Tensor,
    mask: Tensor,
    aperture: Tensor | None,
    parameters: Tensor,
    callbacks: list[int],
    window: list[int],
    intensity: bool,
    real_input: bool,
    need_input: bool,
    need_mask: bool,
    need_parameters: bool,
    nonlinearities: str,
    grid: list[float],
    centred: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    real, complex_ = (
        (torch.float64, torch.complex128) if is_double(mask) else (torch.float32, torch.complex64)
    )
    shape = (*v.shape[:-2], *window) if need_input else (0,)
    dtype = (real if real_input else complex_) if need_input else v.dtype
    return (
        v.new_empty(shape, dtype=dtype),
        mask.new_empty(mask.shape if need_mask else (0,)),
        parameters.new_empty(parameters.shape if need_parameters else (0,)),
    )


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor | None, ...]) -> None:
    field, mask, aperture, parameters, ctx.nonlinearities, ctx.callbacks, ctx.support, *ctx.grid = inputs[:9]
    ctx.intensity = inputs[10]
    ctx.window, ctx.real_input = field.shape[-2:], not field.is_complex()
    # Only a linear stack is differentiated twice, for which its input is needed beside the tape.
    ctx.linear = set(ctx.nonlinearities.split(",")) == {"none"}
    ctx.save_for_backward(field if ctx.linear else None, mask, aperture, parameters, output[1])
    ctx.mark_non_differentiable(*(result for result in output[1:] if result is not None))
    ctx.set_materialize_grads(False)


def _eager_forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor | None, Tensor | None]:
    field, mask, aperture, parameters, nonlinearities, callbacks, support, grid, centred, *flags, _ = inputs
    # What wrote the tape must read it, even if caches are cleared or another backend is forced in between.
    ctx.backend = backend = backend_of(field)
    ctx.plan = _plan(backend, field.shape[-2:], mask, support, grid, centred, nonlinearities)
    output = backend.stack_forward(ctx.plan, field, mask, aperture, parameters, callbacks, support, *flags)
    _setup_context(ctx, inputs, output)
    return output


def _fused_backward(ctx: Any, v: Tensor, *_: None, adjoint: Any = None) -> tuple[Any, ...]:
    if v is None:
        return (None,) * 13
    need_field, need_mask, _, need_parameters = ctx.needs_input_grad[:4]
    _, mask, aperture, parameters, tape = ctx.saved_tensors
    needs = (need_field, need_mask, need_parameters)
    arguments = (
        v,
        tape,
        mask,
        aperture,
        parameters,
        ctx.callbacks,
        ctx.window,
        ctx.intensity,
        ctx.real_input,
        *needs,
    )
    if adjoint is None:
        gradients = ctx.backend.stack_adjoint(ctx.plan, *arguments)
    else:
        gradients = adjoint(*arguments, ctx.nonlinearities, *ctx.grid)
    v_field, v_mask, v_parameters = (
        gradient if need else None for gradient, need in zip(gradients, needs, strict=True)
    )
    return (v_field, v_mask, None, v_parameters) + (None,) * 9


_fused_backward_once = once_differentiable(_fused_backward)


def _linear_stack_by_pieces(ctx: Any, field: Tensor, mask: Tensor, aperture: Tensor | None) -> Tensor:
    """The linear stack as a chain of transforms, every one of which differentiates again."""
    transfers = mask if mask.is_complex() else torch.polar(torch.ones_like(mask), mask)
    x = field.reshape(-1, *ctx.window).to(transfers.dtype)
    for layer in range(mask.shape[1]):
        transfer = transfers[:, layer]
        if aperture is not None and layer < aperture.shape[0]:
            transfer = transfer * aperture[layer]
        geometry = Geometry(tuple(x.shape[-2:]), tuple(mask.shape[-2:]), *ctx.grid)
        spectrum = transfer * windowed_dft(x, "forward", geometry)
        x = windowed_dft(spectrum, "inverse", geometry._replace(window=tuple(ctx.support)))
    out = x.reshape(*field.shape[:-2], *ctx.support)
    return out.real.square() + out.imag.square() if ctx.intensity else out


def _backward_by_pieces(ctx: Any, v: Tensor) -> tuple[Any, ...]:
    field, mask, aperture = ctx.saved_tensors[:3]
    needed = [index for index in (0, 1) if ctx.needs_input_grad[index]]
    with torch.enable_grad():
        # Views cut the paths by which one input may depend on the other: autograd adds those by itself.
        inputs = (field.view_as(field), mask.view_as(mask))
        out = _linear_stack_by_pieces(ctx, *inputs, aperture)
        gradients = torch.autograd.grad(out, [inputs[index] for index in needed], v, create_graph=True)
    by_index = dict(zip(needed, gradients, strict=True))
    return (by_index.get(0), by_index.get(1)) + (None,) * 11


class FourFStack(Function):
    """``apply``: the arguments of `four_f_stack` with `save` and `layout` to (out, tape, fields).

    Gradients go to the field, to the mask (phases or transfers) and to the nonlinearities' parameters. A
    stack without nonlinearities differentiates twice, any other once.
    """

    forward = staticmethod(_eager_forward)

    @staticmethod
    def backward(ctx: Any, v: Tensor | None, *_: None) -> tuple[Any, ...]:
        if ctx.linear and v is not None and torch.is_grad_enabled():
            return _backward_by_pieces(ctx, v)
        return _fused_backward_once(ctx, v)


_traced_adjoint = traced_operator("four_f_stack_adjoint", _stack_adjoint, _fake_stack_adjoint)
_traced = traced_operator(
    "four_f_stack", _stack, _fake_stack, _setup_context, _fused_backward, adjoint=_traced_adjoint
)


def four_f_stack(
    field: Tensor,
    mask: Tensor,
    aperture: Tensor | None,
    parameters: Tensor,
    nonlinearities: str,
    callbacks: CallbackAddresses,
    support: tuple[int, int],
    grid: tuple[float, float],
    centred: bool,
    intensity: bool,
    return_fields: bool,
) -> tuple[Tensor, Tensor | None]:
    """Run a stack, eagerly or inside a traced graph; return its output and, if wanted, every layer's field.

    Parameters
    ----------
    field : torch.Tensor
        [..., Sy, Sx], complex or real.
    mask : torch.Tensor
        [T, L, My, Mx], real phases or complex transfers of the field's precision; T is 1 or the batch.
    aperture : torch.Tensor or None
        [K, My, Mx], real: multiplies the masks of the first K layers; has no gradient.
    parameters : torch.Tensor
        [L, 4] float64, unused entries 0.
    nonlinearities : str
        L kinds, separated by commas.
    callbacks : list of int
        2·L addresses of compiled responses, 0 for none.
    support, grid, centred
        Output window, padded grid, and whether the padded grid is centred (real sizes).
    intensity, return_fields : bool
        Return |E|² in place of E; return the field after every layer, [L, ..., Ty, Tx], too.
    """
    save = torch.is_grad_enabled() and (field.requires_grad or mask.requires_grad or parameters.requires_grad)
    if torch.compiler.is_compiling():
        call, callbacks, support, grid = _traced, list(callbacks), list(support), list(grid)
        layout = backend_for(field.device.type).TAPE_LAYOUT
    else:
        call, layout = FourFStack.apply, ""
    out, _, fields = call(
        field, mask, aperture, parameters, nonlinearities, callbacks, support, grid, centred, save, intensity,
        return_fields, layout,
    )  # fmt: skip
    return out, fields if return_fields else None

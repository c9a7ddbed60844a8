"""Stacks of 4f layers by the compiled core: one image stays in cache through all layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyfdsr import _core, _plans

from ..geometry import Geometry
from .arrays import array_of, batched, tensor_or_none, threads

__all__ = ["TAPE_LAYOUT", "stack_adjoint", "stack_forward", "stack_plan"]

TAPE_LAYOUT = "{version} {isa}".format(**_core.build_info())
"""The version and instruction set of the core, on which the layout of a tape depends."""


def stack_plan(
    geometry: Geometry, support: Sequence[int], nonlinearities: str, double: bool, device: torch.device
) -> Any:
    """Return the cached plan; see :func:`pyfdsr.backends.by_torch.stack_plan`."""
    window, band, grid, centred = geometry.plain()
    kinds = tuple(nonlinearities.split(","))
    support = (int(support[0]), int(support[1]))
    return _plans.four_f_stack_plan(window, support, band, grid, centred, kinds, double)


def _phase_or_transfer(mask: Tensor) -> tuple[Any, Any]:
    array = array_of(mask)
    return (None, array) if mask.is_complex() else (array, None)


def stack_forward(
    plan: Any,
    field: Tensor,
    mask: Tensor,
    aperture: Tensor | None,
    parameters: Tensor,
    callbacks: list[int],
    support: Sequence[int],
    save: bool,
    intensity: bool,
    return_fields: bool,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Run the layers; see :func:`pyfdsr.backends.by_torch.stack_forward`."""
    leading = field.shape[:-2]
    out, tape, fields = plan.forward(
        batched(array_of(field)),
        *_phase_or_transfer(mask),
        None if aperture is None else array_of(aperture),
        array_of(parameters),
        list(callbacks),
        save,
        intensity,
        return_fields,
        threads(),
    )
    if fields is not None:
        fields = fields.reshape(mask.shape[1], *leading, *support)
    out = torch.from_numpy(out.reshape(*leading, *support))
    return out, tensor_or_none(tape), tensor_or_none(fields)


def stack_adjoint(
    plan: Any,
    v: Tensor,
    tape: Tensor,
    mask: Tensor,
    aperture: Tensor | None,
    parameters: Tensor,
    callbacks: list[int],
    window: Sequence[int],
    intensity: bool,
    real_input: bool,
    need_input: bool,
    need_mask: bool,
    need_parameters: bool,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Go back through the layers; see :func:`pyfdsr.backends.by_torch.stack_adjoint`."""
    array, leading = batched(array_of(v)), v.shape[:-2]
    v_field, v_mask, v_parameters = plan.adjoint(
        array,
        array_of(tape),
        array.shape[0],
        *_phase_or_transfer(mask),
        None if aperture is None else array_of(aperture),
        array_of(parameters),
        list(callbacks),
        intensity,
        need_input,
        real_input,
        threads(),
        need_mask,
        need_parameters,
    )
    if v_field is not None:
        v_field = v_field.reshape(*leading, *window)
    return tensor_or_none(v_field), tensor_or_none(v_mask), tensor_or_none(v_parameters)

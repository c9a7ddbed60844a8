"""Stacks of 4f layers by the fused kernels: one launch a direction, beside those for masks and sums."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyfdsr import _plans

from .. import by_torch
from ..by_torch.precision import COMPLEX_OF, in_own_precision
from ..geometry import Geometry
from .native import (
    address,
    constant,
    dense,
    in_use,
    launch,
    native,
    number_of,
    parameters_on,
    product_ways,
    scratch,
)

__all__ = ["TAPE_LAYOUT", "stack_adjoint", "stack_forward", "stack_plan"]

TAPE_LAYOUT = "cuda 1, else torch 1"
"""Image by image and layer by layer, mirrored samples of the spectrum and of the field."""


class _FusedPlan(NamedTuple):
    """The compiled plan and its constants in the device's memory."""

    compiled: Any
    constants: Tensor

    def tape_size(self, batch: int) -> int:
        """Real numbers that the tape of a batch holds."""
        return self.compiled.tape_size(batch)


def stack_plan(
    geometry: Geometry, support: Sequence[int], nonlinearities: str, double: bool, device: torch.device
) -> Any:
    """Return the cached plan, that of torch's way where the kernels do not reach."""
    support = (int(support[0]), int(support[1]))
    kinds = tuple(nonlinearities.split(","))
    fused = _fused_plan(geometry.plain(), support, kinds, double, device, product_ways(double))
    return fused or by_torch.stack_plan(geometry, support, nonlinearities, double, device)


@lru_cache(maxsize=32)
def _fused_plan(
    geometry: Geometry,
    support: tuple[int, int],
    kinds: tuple[str, ...],
    double: bool,
    device: torch.device,
    ways: tuple[str, ...],
) -> _FusedPlan | None:
    window, band, grid, centred = geometry
    module = native()
    too_large = max(*window, *support, *band) > module.most_samples or len(kinds) > module.most_layers
    if too_large or "custom" in kinds:
        return None
    compiled = module.FourFStack64 if double else module.FourFStack32
    for products in ways:
        plan = compiled(window, support, band, grid, centred, list(kinds), products)
        if plan.fits(number_of(device)):
            return _FusedPlan(plan, constant(plan.constants(), device))
    return None


_plans.cleared_with_plans.append(_fused_plan.cache_clear)


def _shared_arguments(
    plan: _FusedPlan,
    batch: int,
    mask: Tensor,
    aperture: Tensor | None,
    parameters: Tensor,
    value_bytes: int,
) -> tuple[dict[str, int], list[Tensor | None]]:
    """What both directions are told, and the tensors that must live until the call is made."""
    device = mask.device
    mask, aperture = dense(mask), None if aperture is None else dense(aperture)
    numbers = parameters_on(parameters, device)
    size = plan.compiled.workspace_bytes(number_of(device), batch, mask.shape[0], value_bytes)
    workspace = scratch(size, device)
    phase, transfer = (None, mask) if mask.is_complex() else (mask, None)
    told = {
        "workspace": address(workspace),
        "constants": address(in_use(plan.constants)),
        "parameters": address(numbers),
        "batch": batch,
        "masks": mask.shape[0],
        "phase": address(phase),
        "transfer": address(transfer),
        "apertures": 0 if aperture is None else aperture.shape[0],
        "aperture": address(aperture),
    }
    return told, [mask, aperture, numbers, workspace]


@in_own_precision
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
    if not isinstance(plan, _FusedPlan):
        return by_torch.stack_forward(
            plan, field, mask, aperture, parameters, callbacks, support, save, intensity, return_fields
        )
    leading, size = field.shape[:-2], (int(support[0]), int(support[1]))
    batch, layers = leading.numel(), mask.shape[1]
    real = mask.real.dtype if mask.is_complex() else mask.dtype
    told, kept = _shared_arguments(plan, batch, mask, aperture, parameters, 0)
    field = dense(field)
    out = field.new_empty((*leading, *size), dtype=real if intensity else COMPLEX_OF[real])
    tape = field.new_empty(plan.tape_size(batch), dtype=real) if save else None
    fields = field.new_empty((layers, *leading, *size), dtype=COMPLEX_OF[real]) if return_fields else None
    launch(
        plan.compiled.forward,
        mask.device,
        **told,
        field=address(field) if field.is_complex() else 0,
        amplitude=0 if field.is_complex() else address(field),
        out=0 if intensity else address(out),
        intensity=address(out) if intensity else 0,
        fields=address(fields),
        tape=address(tape),
    )
    kept.clear()
    return out, tape, fields


@in_own_precision
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
    needs = (need_input, need_mask, need_parameters)
    if not isinstance(plan, _FusedPlan):
        flags = (intensity, real_input, *needs)
        return by_torch.stack_adjoint(plan, v, tape, mask, aperture, parameters, callbacks, window, *flags)
    leading = v.shape[:-2]
    batch = leading.numel()
    real = mask.real.dtype if mask.is_complex() else mask.dtype
    value_bytes = mask.element_size() if need_mask else 0
    told, kept = _shared_arguments(plan, batch, mask, aperture, parameters, value_bytes)
    v, tape = dense(v), dense(tape)
    dtype = real if real_input else COMPLEX_OF[real]
    v_field = v.new_empty((*leading, int(window[0]), int(window[1])), dtype=dtype) if need_input else None
    # Nothing is written for an empty batch.
    v_mask = v.new_zeros(mask.shape, dtype=mask.dtype) if need_mask else None
    sums = v.new_zeros((mask.shape[1], 4), dtype=torch.float64) if need_parameters else None
    of_mask, of_field = address(v_mask), address(v_field)
    launch(
        plan.compiled.adjoint,
        mask.device,
        **told,
        v_out=0 if intensity else address(v),
        v_intensity=address(v) if intensity else 0,
        tape=address(tape),
        v_phase=0 if mask.is_complex() else of_mask,
        v_transfer=of_mask if mask.is_complex() else 0,
        v_parameters=address(sums),
        v_field=0 if real_input else of_field,
        v_amplitude=of_field if real_input else 0,
    )
    kept.clear()
    return v_field, v_mask, None if sums is None else sums.to(parameters)

"""Stacks of 4f layers in torch operations, forward and adjoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyfdsr import _plans

from ..constants import kept_for_later
from ..geometry import Geometry
from .folded import FoldedTransform, unit, window_centre
from .nonlinearity import apply_response, apply_response_adjoint, gathered, is_phase_only, rows_of
from .precision import COMPLEX_OF, in_own_precision
from .windowed_dft import transform_of

__all__ = ["TAPE_LAYOUT", "stack_adjoint", "stack_forward", "stack_plan"]

TAPE_LAYOUT = "torch 1"
"""Layer by layer, the samples of the spectrum before the mask and of the field before the nonlinearity."""


@dataclass(frozen=True)
class _StackPlan:
    """The transforms of the first layer's input and of all else, and the factor between their gauges."""

    first: Any
    inner: Any
    kinds: tuple[str, ...]
    scale: float
    gauge: Tensor | None  # [My, Mx]

    def tape_size(self, batch: int) -> int:
        """Real numbers that the tape of a batch holds."""
        return batch * len(self.kinds) * (self._size(self.inner.frequency) + self._size(self.inner.space))

    @staticmethod
    def _size(samples: Any) -> int:
        return 2 * torch.Size(samples.shape(1)).numel()

    def tape_views(self, tape: Tensor, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Spectrum and field of every layer, as complex views of a flat real tape."""
        at = 0
        for _ in self.kinds:
            views = []
            for samples in (self.inner.frequency, self.inner.space):
                size = batch * self._size(samples)
                part = tape[at : at + size].view(*samples.shape(batch), 2)
                views.append(torch.view_as_complex(part))
                at += size
            yield views[0], views[1]


def stack_plan(
    geometry: Geometry, support: Sequence[int], nonlinearities: str, double: bool, device: torch.device
) -> _StackPlan:
    """Return the cached plan of a stack.

    Parameters
    ----------
    geometry : Geometry
        Of the first layer's input.
    support : pair of int
        Window behind every layer.
    nonlinearities : str
        L kinds, separated by commas.
    double : bool
    device : torch.device
    """
    return _stack_plan(
        geometry.plain(), (int(support[0]), int(support[1])), tuple(nonlinearities.split(",")), double, device
    )


@lru_cache(maxsize=32)
def _stack_plan(
    geometry: Geometry, support: tuple[int, int], kinds: tuple[str, ...], double: bool, device: torch.device
) -> _StackPlan:
    inner = transform_of(geometry._replace(window=support), double, device)
    first = transform_of(geometry, double, device) if support != geometry.window else inner
    if type(first) is not type(inner):  # both in one kind of samples
        with kept_for_later():
            precision = torch.float64 if double else torch.float32
            first = FoldedTransform(geometry, precision, device)
            inner = FoldedTransform(geometry._replace(window=support), precision, device)
    grid = geometry.grid
    gauge = _gauge(geometry, support) if isinstance(inner, FoldedTransform) else None
    if gauge is not None:
        with kept_for_later():
            gauge = torch.from_numpy(gauge).to(torch.complex128 if double else torch.complex64).to(device)
    return _StackPlan(first, inner, kinds, 1 / (grid[0] * grid[1]), gauge)


_plans.cleared_with_plans.append(_stack_plan.cache_clear)


def _gauge(geometry: Geometry, support: tuple[int, int]) -> np.ndarray | None:
    """exp(2πi·(p_out - p_in)·k'/N), which the first mask carries where the centres of the windows differ."""
    factors, needed = [], False
    for window, other, band, n in zip(geometry.window, support, geometry.band, geometry.grid, strict=True):
        shift = window_centre(other, n, geometry.centred) - window_centre(window, n, geometry.centred)
        needed = needed or shift != 0
        factors.append(unit(-shift, np.arange(band) - 0.5 * np.longdouble(band - 1), n))
    return np.multiply.outer(*factors) if needed else None


def _transfers(plan: _StackPlan, mask: Tensor, aperture: Tensor | None) -> list[Tensor]:
    """Samples of every layer's factor, of all images or of each."""
    sets, layers, *band = mask.shape
    by_layer = mask.transpose(0, 1)  # [L, T, My, Mx]
    open_ = mask.new_ones(()) if aperture is None else _apertures(aperture, layers)
    if mask.is_complex():
        transfers = by_layer * (plan.scale * open_)
    else:
        transfers = torch.polar(
            (plan.scale * open_).expand(by_layer.shape).contiguous(), by_layer.contiguous()
        )
    if plan.gauge is not None:
        transfers[0] *= plan.gauge
    samples = plan.inner.frequency.of(transfers.reshape(layers * sets, *band))
    return list(samples.split(sets, plan.inner.frequency.batch_axis))


def _apertures(aperture: Tensor, layers: int) -> Tensor:
    """Apertures [L, 1, My, Mx], 1 where a layer has none."""
    rest = aperture.new_ones(layers - aperture.shape[0], *aperture.shape[1:])
    return torch.cat([aperture, rest])[:, None]


def _entered(natural: Tensor, transform: Any) -> Tensor:
    samples = transform.space.of(natural)
    return samples if transform.ramp is None else samples * transform.ramp


def _left(samples: Tensor, transform: Any) -> Tensor:
    return transform.space.natural(samples if transform.ramp is None else samples * transform.ramp.conj())


@in_own_precision
def stack_forward(
    plan: _StackPlan,
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
    """Run a stack.

    Parameters
    ----------
    plan : object
        From `stack_plan`.
    field : Tensor
        [..., Sy, Sx], complex or real.
    mask : Tensor
        [T, L, My, Mx], real phases or complex transfers; T is 1 or the batch.
    aperture : Tensor or None
        [K, My, Mx], real: multiplies the first K masks.
    parameters : Tensor
        [L, 4] real; in the CPU's memory where they are plain numbers.
    callbacks : list of int
        2·L addresses of compiled responses.
    support : pair of int
        Output window.
    save, intensity, return_fields : bool
        Write a tape; return |E|² for E; return the field behind every layer.

    Returns
    -------
    out : Tensor, [..., Ty, Tx]
    tape : Tensor or None
        Flat, real, ``plan.tape_size(batch)`` long.
    fields : Tensor or None, [L, ..., Ty, Tx]
    """
    leading, rows = field.shape[:-2], rows_of(parameters)
    batch, inner, space = leading.numel(), plan.inner, plan.inner.space
    real = mask.real.dtype if mask.is_complex() else mask.dtype
    tape = torch.empty(plan.tape_size(batch), dtype=real, device=field.device) if save else None
    views = list(plan.tape_views(tape, batch)) if save else [(None, None)] * len(plan.kinds)
    x = _entered(field.reshape(batch, *field.shape[-2:]).to(COMPLEX_OF[real]), plan.first)
    fields = []
    for layer, (kind, transfer) in enumerate(zip(plan.kinds, _transfers(plan, mask, aperture), strict=True)):
        z = (plan.first if layer == 0 else inner).to_frequency(x, views[layer][0])
        x = inner.to_space(z * transfer, views[layer][1])
        unseen = layer + 1 == len(plan.kinds) and intensity and not return_fields and is_phase_only(kind)
        if not unseen:
            x = apply_response(x, rows[layer], kind, callbacks[2 * layer : 2 * layer + 2])
        if return_fields:
            fields.append(_left(x, inner))
    out = space.natural(x.real.square().addcmul_(x.imag, x.imag)) if intensity else _left(x, inner)
    stacked = torch.stack(fields).reshape(len(fields), *leading, *space.size) if fields else None
    return out.reshape(*leading, *space.size), tape, stacked


@in_own_precision
def stack_adjoint(
    plan: _StackPlan,
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
    """Go back through a stack.

    Parameters
    ----------
    plan, mask, aperture, parameters, callbacks, intensity
        As in `stack_forward`.
    v : Tensor
        Cotangent of the output, [..., Ty, Tx], complex or, for an intensity, real.
    tape : Tensor
        What the forward call wrote.
    window : pair of int
        That of the field.
    real_input : bool
        Whether the field was real.
    need_input, need_mask, need_parameters : bool

    Returns
    -------
    v_field : Tensor or None, [..., Sy, Sx]
    v_mask : Tensor or None, [T, L, My, Mx]
    v_parameters : Tensor or None, [L, 4]
    """
    leading, inner, rows = v.shape[:-2], plan.inner, rows_of(parameters)
    batch, last = leading.numel(), len(plan.kinds) - 1
    views, transfers = list(plan.tape_views(tape, batch)), _transfers(plan, mask, aperture)
    v_masks, v_rows = [], []
    g = v.reshape(batch, *v.shape[-2:])
    unseen = intensity and is_phase_only(plan.kinds[last])
    if intensity:
        seen, calls = views[last][1], callbacks[2 * last : 2 * last + 2]
        seen = seen if unseen else apply_response(seen, rows[last], plan.kinds[last], calls)
        g = seen * (2 * inner.space.of(g))
    else:
        g = _entered(g, inner)
    for layer in range(last, -1, -1):
        (z, e), transfer, kind = views[layer], transfers[layer], plan.kinds[layer]
        sums: list[Tensor] = []
        if not (layer == last and unseen):
            calls, weight = callbacks[2 * layer : 2 * layer + 2], inner.space.weight
            g, sums = apply_response_adjoint(g, e, rows[layer], kind, calls, weight, need_parameters)
        v_rows.append(gathered(sums, parameters) if need_parameters else None)
        w = inner.to_frequency(g)
        v_z = w * transfer.conj()
        if need_mask:
            v_masks.append(_mask_gradient(plan, layer, mask, w, v_z, z))
        if layer > 0 or need_input:
            g = (plan.first if layer == 0 else inner).to_space(v_z)
    v_field = v_mask = None
    if need_input:
        v_field = _left(g, plan.first).reshape(*leading, *window)
        v_field = v_field.real.contiguous() if real_input else v_field
    if need_mask:
        v_mask = torch.stack(v_masks[::-1], 1)
        if mask.is_complex():
            v_mask = v_mask * plan.scale
            if aperture is not None:
                v_mask = v_mask * _apertures(aperture, mask.shape[1]).transpose(0, 1)
    return v_field, v_mask, torch.stack(v_rows[::-1]) if need_parameters else None


def _mask_gradient(plan: _StackPlan, layer: int, mask: Tensor, w: Tensor, v_z: Tensor, z: Tensor) -> Tensor:
    """Gradient [T, My, Mx] of a layer's phases, or of its transfers but for scale and aperture."""
    frequency = plan.inner.frequency
    gradient = w * z.conj() if mask.is_complex() else (v_z * z.conj()).imag
    if mask.shape[0] == 1:
        gradient = gradient.sum(frequency.batch_axis, keepdim=True)
    gradient = frequency.natural(gradient)
    if mask.is_complex() and layer == 0 and plan.gauge is not None:
        gradient = gradient * plan.gauge.conj()
    return gradient

"""Pointwise nonlinearities E -> f(|E|²)·E and their adjoints in torch operations.

Responses are given by their angle or their magnitude, with the slopes θ' and ∂θ/∂p of the one, or the
logarithmic slopes f'/f and (∂f/∂p)/f of the other. With u = f*·v the cotangent of E is u - 2·θ'·Im(u*E)·E or
u + 2·(f'/f)·Re(u*E)·E, and those of the parameters are -Σ ∂θ/∂p·Im(u*E) or Σ (∂f/∂p)/f·Re(u*E).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .. import core
from .precision import in_own_precision

__all__ = [
    "apply_response",
    "apply_response_adjoint",
    "is_phase_only",
    "nonlinearity",
    "nonlinearity_adjoint",
    "rows_of",
]

Values = Sequence[Any]  # numbers, or tensors without axes that never leave their device
Slopes = tuple[Tensor, Any, list[Tensor]]


def _kerr(i: Tensor, p: Values) -> Slopes:  # θ = strength·I
    return p[0] * i, p[0], [i]


def _saturable_kerr(i: Tensor, p: Values) -> Slopes:  # θ = strength·I / (1 + I/saturation)
    d = 1 / (1 + i / p[1])
    turned = i * d
    return p[0] * turned, p[0] * d.square(), [turned, p[0] * (turned / p[1]).square()]


def _saturable_absorber(i: Tensor, p: Values) -> Slopes:  # f = exp(-OD / (2·(1 + I/saturation)))
    d = 1 / (1 + i / p[1])
    slope = (0.5 * p[0] / p[1]) * d.square()
    return torch.exp(-0.5 * p[0] * d), slope, [-0.5 * d, -slope * i / p[1]]


def _two_photon_absorption(i: Tensor, p: Values) -> Slopes:  # f = (1 + βL·I)^-½
    d = 1 / (1 + p[0] * i)
    return d.sqrt(), -0.5 * p[0] * d, [-0.5 * i * d]


def _optoelectronic_gate(
    i: Tensor, p: Values
) -> Slopes:  # f = √(t_min + (t_max - t_min)/(1 + (I/threshold)^m))
    t_min, t_max, threshold, exponent = p
    x = (i / threshold).clamp(min=torch.finfo(i.dtype).tiny)
    power = x**exponent
    d = 1 / (1 + power)
    # Where the power overflows d is 0, and so is the slope.
    slope = torch.where(power.isinf(), 0.0, power * d.square()) * (t_max - t_min)
    transmission = t_min + (t_max - t_min) * d
    half = torch.where(transmission > 0, 0.5 / transmission, 0.0)
    steep = half * slope
    of_parameters = [half * (1 - d), half * d, steep * exponent / threshold, -steep * x.log()]
    return transmission.sqrt(), -steep * exponent / (x * threshold), of_parameters


_ANGLES: dict[str, Callable[[Tensor, Values], Slopes]] = {"kerr": _kerr, "saturable_kerr": _saturable_kerr}
_MAGNITUDES: dict[str, Callable[[Tensor, Values], Slopes]] = {
    "saturable_absorber": _saturable_absorber,
    "two_photon_absorption": _two_photon_absorption,
    "optoelectronic_gate": _optoelectronic_gate,
}


def is_phase_only(kind: str) -> bool:
    """Tell whether |f| is 1."""
    return kind == "none" or kind in _ANGLES


def rows_of(parameters: Tensor) -> list[Values]:
    """Return parameters [L, 4] as values: numbers if they lie in the CPU's memory, else where they are."""
    if parameters.is_cpu:
        return parameters.tolist()
    return [row.unbind() for row in parameters.unbind()]


def _intensity(x: Tensor) -> Tensor:
    return x.real.square().addcmul_(x.imag, x.imag)


def apply_response(x: Tensor, p: Values, kind: str, callbacks: Sequence[int]) -> Tensor:
    """Multiply by f(|x|²)."""
    if kind == "none":
        return x
    if kind == "custom":
        return _custom(x, callbacks)
    intensity = _intensity(x)
    if kind in _ANGLES:
        angle, _, _ = _ANGLES[kind](intensity, p)
        return x * torch.polar(torch.ones_like(angle), angle)
    return x * _MAGNITUDES[kind](intensity, p)[0]


def apply_response_adjoint(
    v: Tensor, x: Tensor, p: Values, kind: str, callbacks: Sequence[int], weight: Tensor | None, need: bool
) -> tuple[Tensor, list[Tensor]]:
    """Return the cotangent of the field and, if they are needed, those of the parameters."""
    if kind == "none":
        return v, []
    if kind == "custom":
        return _custom_adjoint(v, x, callbacks), []
    intensity, turning = _intensity(x), kind in _ANGLES
    f, slope, of_parameters = (_ANGLES if turning else _MAGNITUDES)[kind](intensity, p)
    u = v * (torch.polar(torch.ones_like(f), f).conj() if turning else f)
    product = u.conj() * x
    drive = -product.imag if turning else product.real
    v_x = u + x * (2 * slope * drive)
    if not need:
        return v_x, []
    drive = drive if weight is None else drive * weight
    return v_x, [(s * drive).sum() for s in of_parameters]


def gathered(sums: list[Tensor], parameters: Tensor) -> Tensor:
    """Return cotangents of parameters as a row [4] like theirs."""
    row = torch.zeros(4, dtype=parameters.dtype, device=parameters.device)
    for index, value in enumerate(sums):
        row[index] = value
    return row


# numba's code runs on the CPU: fields go there and back, and whoever waits for them waits for the device.


def _custom(x: Tensor, callbacks: Sequence[int]) -> Tensor:
    if x.is_meta:
        return torch.empty_like(x)
    unused = torch.zeros(4, dtype=torch.float64)
    return core.nonlinearity(x.cpu(), unused, "custom", list(callbacks)).to(x.device)


def _custom_adjoint(v: Tensor, x: Tensor, callbacks: Sequence[int]) -> Tensor:
    if x.is_meta:
        return torch.empty_like(x)
    unused = torch.zeros(4, dtype=torch.float64)
    return core.nonlinearity_adjoint(v.cpu(), x.cpu(), unused, "custom", list(callbacks))[0].to(x.device)


@in_own_precision
def nonlinearity(x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]) -> Tensor:
    """Multiply a field by a function of its own intensity.

    Parameters
    ----------
    x : Tensor
        [...] complex.
    parameters : Tensor
        [4] real, unused entries 0; in the CPU's memory where they are plain numbers.
    kind : str
        One of :mod:`pyfdsr.nonlinearity`.
    callbacks : list of int
        Addresses of a custom response and its derivative.

    Returns
    -------
    Tensor
    """
    y = apply_response(x, rows_of(parameters[None])[0], kind, callbacks)
    return y.clone() if y is x else y.contiguous()


@in_own_precision
def nonlinearity_adjoint(
    v: Tensor, x: Tensor, parameters: Tensor, kind: str, callbacks: list[int]
) -> tuple[Tensor, Tensor]:
    """Return the cotangents of field and parameters; of plain numbers beside another device it is 0."""
    row, need = rows_of(parameters[None])[0], parameters.device == v.device
    v_x, sums = apply_response_adjoint(v, x, row, kind, callbacks, None, need)
    return v_x.clone() if v_x is v else v_x.contiguous(), gathered(sums, parameters)

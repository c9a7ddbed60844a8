"""Pointwise nonlinearities E -> f(|E|²)·E on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pyfdsr import autograd
from pyfdsr.nonlinearity import (
    Custom,
    Kerr,
    Nonlinearity,
    OptoelectronicGate,
    SaturableAbsorber,
    SaturableKerr,
    TwoPhotonAbsorption,
    per_layer,
)

from .checks import check_devices, complex_field, constant_in_graphs, precision_of, tensor_of

__all__ = [
    "custom",
    "kerr",
    "nonlinear",
    "optoelectronic_gate",
    "saturable_absorber",
    "saturable_kerr",
    "two_photon_absorption",
]

# A traced graph holds addresses only: what they point to must stay. By identity: equals have their own code.
_TRACED_OWNERS: dict[int, Custom] = {}


@constant_in_graphs
def _traced_addresses(spec: Custom, double: bool) -> list[int]:
    _TRACED_OWNERS[id(spec)] = spec
    return list(spec.addresses(double))


def addresses_of(specs: Sequence[Nonlinearity | None], double: bool) -> Any:
    """Return two addresses a layer (0 for built-in responses), compiling custom responses on first use."""
    custom = [spec for spec in specs if isinstance(spec, Custom)]
    if not custom:
        return autograd.CallbackAddresses([0] * (2 * len(specs)), ()) if _eager() else [0] * (2 * len(specs))
    addresses: list[int] = []
    for spec in specs:
        if not isinstance(spec, Custom):
            addresses += [0, 0]
        else:
            addresses += spec.addresses(double) if _eager() else _traced_addresses(spec, double)
    return autograd.CallbackAddresses(addresses, custom) if _eager() else addresses


def _eager() -> bool:
    return not torch.compiler.is_compiling()


def _row(values: Sequence[Any], field: Tensor) -> Tensor:
    """Return parameters as a row [4] on the field's device, for which writing numbers does not wait."""
    # One kind of device has no double precision.
    options = {
        "dtype": torch.float32 if field.device.type == "mps" else torch.float64,
        "device": field.device,
    }
    columns = [
        value.reshape(()).to(options["dtype"])
        if isinstance(value, Tensor)
        else torch.full((), value, **options)
        for value in values
    ]
    return torch.stack([*columns, *[torch.zeros((), **options)] * (4 - len(values))])


def _on_device(specs: Sequence[Nonlinearity | None], field: Tensor) -> None:
    for spec in specs:
        for value in () if spec is None else spec.parameters():
            if isinstance(value, Tensor):
                check_devices("field", field, f"a parameter of {type(spec).__name__}", value)


@lru_cache(maxsize=64)
def _numbers(rows: tuple[tuple[float, ...], ...]) -> np.ndarray:
    return np.array([[*row, *[0.0] * (4 - len(row))] for row in rows])


def parameters_of(specs: Sequence[Nonlinearity | None], field: Tensor) -> Tensor:
    """Return the parameters as float64 [L, 4], unused entries 0, connected to those that are tensors.

    Where all are numbers the tensor lies on the CPU, whatever the device of `field`. It may share its memory
    with that of other calls: it is to be read only.

    Raises
    ------
    ValueError
        If a parameter is a tensor of another device than `field`.
    """
    shared = all(spec is specs[0] for spec in specs)
    rows = tuple(() if spec is None else spec.parameters() for spec in (specs[:1] if shared else specs))
    if not any(isinstance(value, Tensor) for row in rows for value in row):
        rows = rows * len(specs) if shared else rows
        if _eager():
            return torch.from_numpy(_numbers(rows))
        padded = [[*row, *[0.0] * (4 - len(row))] for row in rows]
        return torch.tensor(padded, dtype=torch.float64)
    _on_device(specs, field)
    if shared:
        return _row(rows[0], field).expand(len(specs), 4)
    return torch.stack([_row(row, field) for row in rows])


def kinds_of(specs: Sequence[Nonlinearity | None]) -> str:
    """Return the kinds of the layers, separated by commas."""
    return ",".join("none" if spec is None else spec.kind for spec in specs)


def nonlinear(field: Tensor, spec: Nonlinearity | None) -> Tensor:
    """Multiply a field by the function of its own intensity that `spec` describes.

    Parameters
    ----------
    field : torch.Tensor
        [...], complex (a real field is taken as complex), any shape.
    spec : a specification of :mod:`pyfdsr.nonlinearity`, or None
        None returns the field as it is. Parameters that are tensors receive gradients.

    Returns
    -------
    torch.Tensor
        [...], complex64, or complex128 for double precision. Differentiable once.

    Raises
    ------
    TypeError, ValueError
        If `field` is no floating tensor, `spec` no specification, or its tensors are on another device.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import nonlinear
    >>> from pyfdsr.nonlinearity import TwoPhotonAbsorption
    >>> nonlinear(torch.tensor([2.0 + 0.0j]), TwoPhotonAbsorption(0.75)).real
    tensor([1.])
    """
    (spec,) = per_layer(spec, 1)
    field = tensor_of("field", field)
    precision = precision_of(field)
    field = complex_field(field, precision)
    if spec is None:
        return field
    return autograd.nonlinearity(
        field, parameters_of([spec], field)[0], spec.kind, addresses_of([spec], precision == torch.float64)
    )


def kerr(field: Tensor, strength: float | Tensor) -> Tensor:
    """Kerr phase, ``field * exp(i * strength * |field|²)``; `strength` in radians per unit intensity.

    Gradients go to the field and to a one-element tensor `strength`; see `nonlinear`.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import kerr
    >>> field = kerr(torch.tensor([1.0 + 0.0j]), strength=torch.pi / 2)
    >>> torch.allclose(field, torch.tensor([0.0 + 1.0j]), atol=1e-6)
    True
    """
    return nonlinear(field, Kerr(strength))


def saturable_kerr(field: Tensor, strength: float | Tensor, saturation: float | Tensor) -> Tensor:
    """Kerr phase that saturates, see :class:`pyfdsr.nonlinearity.SaturableKerr` and `nonlinear`."""
    return nonlinear(field, SaturableKerr(strength, saturation))


def saturable_absorber(field: Tensor, optical_depth: float | Tensor, saturation: float | Tensor) -> Tensor:
    """Absorber that bleaches, see :class:`pyfdsr.nonlinearity.SaturableAbsorber` and `nonlinear`."""
    return nonlinear(field, SaturableAbsorber(optical_depth, saturation))


def two_photon_absorption(field: Tensor, beta_length: float | Tensor) -> Tensor:
    """Two-photon absorption, see :class:`pyfdsr.nonlinearity.TwoPhotonAbsorption` and `nonlinear`."""
    return nonlinear(field, TwoPhotonAbsorption(beta_length))


def optoelectronic_gate(
    field: Tensor,
    t_min: float | Tensor,
    t_max: float | Tensor,
    threshold: float | Tensor,
    exponent: float | Tensor,
) -> Tensor:
    """Modulator driven by its light, see :class:`pyfdsr.nonlinearity.OptoelectronicGate` and `nonlinear`."""
    return nonlinear(field, OptoelectronicGate(t_min, t_max, threshold, exponent))


@lru_cache(maxsize=64)
def _custom(response: Callable[[float], complex], derivative: Callable[[float], complex]) -> Custom:
    return Custom(response, derivative)


def custom(
    field: Tensor, response: Callable[[float], complex], derivative: Callable[[float], complex]
) -> Tensor:
    """A response of the user's own, compiled by numba once per pair of functions and precision.

    Parameters
    ----------
    field : torch.Tensor
        [...], complex.
    response, derivative : callable
        f(I) and df/dI, see :class:`pyfdsr.nonlinearity.Custom`.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import custom
    >>> def response(intensity):
    ...     return 1.0 / (1.0 + intensity)
    >>> def derivative(intensity):
    ...     return -1.0 / (1.0 + intensity) ** 2
    >>> custom(torch.tensor([1.0 + 0.0j]), response, derivative).real
    tensor([0.5000])
    """
    return nonlinear(field, _custom(response, derivative))

"""Kerr phase driven by the total intensity of several fields."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from pyfdsr import autograd
from pyfdsr._arguments import number_of

from .checks import check_devices, complex_field, precision_of, tensor_of

__all__ = ["cross_kerr"]


def cross_kerr(
    fields: Sequence[Tensor], strength: float | Tensor, factors: Sequence[float] | None = None
) -> tuple[Tensor, ...]:
    r"""Kerr phase of mutually incoherent fields, as of several wavelengths, in one nonlinear medium.

    The index follows the total intensity, :math:`E_m \mapsto E_m\,e^{i s f_m \sum_n |E_n|^2}`.

    Parameters
    ----------
    fields : sequence of torch.Tensor
        M fields [...] of one shape, complex (real ones are taken as complex).
    strength : float or one-element torch.Tensor
        s, radians per unit intensity.
    factors : sequence of M floats, optional
        f_m; for wavelengths λ₀/λ, with `strength` that of λ₀ (Eq. 1). By default 1.

    Returns
    -------
    tuple of M torch.Tensor
        Complex; differentiable once with respect to fields and strength.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, shapes differ, or there are not M factors.

    References
    ----------
    Equation (1) of the all-optical super-resolution paper, with the intensity of all light present.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import cross_kerr
    >>> red, blue = cross_kerr([torch.ones(1), torch.ones(1)], torch.pi / 2, [1.0, 0.5])
    >>> torch.allclose(red, torch.tensor([-1 + 0j])) and torch.allclose(blue, torch.tensor([1j]), atol=1e-6)
    True
    """
    fields = [tensor_of(f"fields[{index}]", field) for index, field in enumerate(fields)]
    if not fields:
        raise ValueError("fields: at least one field is needed")
    for index, field in enumerate(fields):
        if field.shape != fields[0].shape:
            raise ValueError(
                f"fields[{index}] has shape {tuple(field.shape)}: must be that of the first, "
                f"{tuple(fields[0].shape)}"
            )
        check_devices("fields[0]", fields[0], f"fields[{index}]", field)
    factors = [1.0] * len(fields) if factors is None else [number_of("factors", value) for value in factors]
    if len(factors) != len(fields):
        raise ValueError(
            f"factors has {len(factors)} entries: must have one for each of {len(fields)} fields"
        )
    precision = precision_of(*fields)
    if isinstance(strength, Tensor):
        tensor_of("strength", strength, allow_complex=False)
        if strength.numel() != 1:
            raise ValueError(f"strength has shape {tuple(strength.shape)}: must hold one element")
        check_devices("fields[0]", fields[0], "strength", strength)
        strength = strength.reshape(()).to(precision)
    else:
        value = number_of("strength", strength)
        strength = torch.full((), value, dtype=precision, device=fields[0].device)
    fields = tuple(complex_field(field, precision) for field in fields)
    return autograd.cross_kerr(strength, tuple(factors), fields)

"""4f layers on tensors: one with a phase or a transfer, or a stack of them with nonlinearities, fused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pyfdsr import autograd
from pyfdsr._arguments import check_fits, grid_of, pair_of
from pyfdsr.nonlinearity import Nonlinearity, per_layer

from .checks import aperture_of, cast, check_devices, precision_of, tensor_of, window_of
from .nonlinearities import addresses_of, kinds_of, parameters_of

__all__ = ["four_f", "four_f_stack"]


def _aligned(field: Tensor, mask: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """Give field [..., y, x] and masks [..., L, y, x] one batch: the mask's is 1 or becomes the field's."""
    if mask.ndim == 3:
        return field, mask[None]
    try:
        leading = torch.broadcast_shapes(field.shape[:-2], mask.shape[:-3])
    except RuntimeError as error:
        raise ValueError(
            f"{name} has leading axes {tuple(mask.shape[:-3])}: they must broadcast against those of the "
            f"field, {tuple(field.shape[:-2])}"
        ) from error
    field = field.expand(*leading, *field.shape[-2:])
    if all(size == 1 for size in mask.shape[:-3]):
        return field, mask.reshape(1, *mask.shape[-3:])
    return field, mask.expand(*leading, *mask.shape[-3:]).reshape(-1, *mask.shape[-3:])


def _run(
    field: Tensor,
    mask: Tensor,  # [..., L, My, Mx]
    name: str,
    grid: Any,
    specs: Sequence[Nonlinearity | None],
    support: Any,
    aperture: Any,
    intensity: bool,
    return_fields: bool,
) -> tuple[Tensor, Tensor | None]:
    window, band = window_of("field", field), window_of(name, mask)
    check_devices("field", field, name, mask)
    sizes, centred = grid_of(grid)
    support = window if support is None else pair_of("support", support)
    for size_name, size in (
        ("field's last two axes", window),
        (f"{name}'s last two axes", band),
        ("support", support),
    ):
        check_fits(size_name, size, sizes)
    precision = precision_of(field, mask)
    aperture = aperture_of(aperture, band, len(specs), precision, field)
    field, mask = _aligned(cast(field, precision), cast(mask, precision), name)
    return autograd.four_f_stack(
        field,
        mask,
        aperture,
        parameters_of(specs, field),
        kinds_of(specs),
        addresses_of(specs, precision == torch.float64),
        support,
        sizes,
        centred,
        bool(intensity),
        bool(return_fields),
    )


def four_f(
    field: Tensor,
    phase: Tensor | None = None,
    grid: int | float | tuple | None = None,
    support: int | tuple[int, int] | None = None,
    transfer: Tensor | None = None,
    aperture: Any = None,
) -> Tensor:
    """A 4f system: transform, multiply the central band by a mask, transform back.

    Everything outside the band is blocked (the hard aperture of the Fourier plane), everything outside the
    window too (the aperture of the image plane).

    Parameters
    ----------
    field : torch.Tensor
        [..., Sy, Sx], complex or real.
    phase : torch.Tensor, optional
        [My, Mx] or [..., My, Mx], real, radians, zero frequency at index ``M // 2``; the mask is
        exp(i·phase).
    grid : int, float or pair (y, x)
        Size of the padded grid, as in `windowed_dft`.
    support : int or pair (y, x), optional
        Size of the window returned; by default that of the field.
    transfer : torch.Tensor, optional
        [My, Mx] or [..., My, Mx], complex mask in place of `phase`.
    aperture : array_like, optional
        [My, Mx], real, multiplies the mask; has no gradient.

    Returns
    -------
    torch.Tensor
        [..., Ty, Tx], complex, leading axes broadcast. Differentiable any number of times with respect to
        field, phase and transfer.

    Raises
    ------
    TypeError, ValueError
        If not exactly one of `phase` and `transfer` is given, an argument is of the wrong kind, or a size
        exceeds the grid.

    References
    ----------
    J. W. Goodman, Introduction to Fourier Optics, section on 4f filtering.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import four_f
    >>> field = torch.randn(2, 8, 8, dtype=torch.complex64)
    >>> phase = torch.zeros(24, 24, requires_grad=True)
    >>> out = four_f(field, phase, grid=24)
    >>> torch.allclose(out, field, atol=1e-5)
    True
    >>> out.abs().square().sum().backward()
    >>> phase.grad.shape
    torch.Size([24, 24])
    """
    if (phase is None) == (transfer is None):
        raise ValueError("exactly one of phase and transfer must be given")
    field = tensor_of("field", field)
    name, mask = ("phase", phase) if transfer is None else ("transfer", transfer)
    mask = tensor_of(name, mask, allow_real=transfer is None, allow_complex=phase is None)
    window_of(name, mask)
    return _run(field, mask[..., None, :, :], name, grid, (None,), support, aperture, False, False)[0]


def four_f_stack(
    field: Tensor,
    phases: Tensor,
    grid: int | float | tuple,
    nonlinearity: Nonlinearity | str | Sequence[Nonlinearity | None] | None,
    support: int | tuple[int, int] | None = None,
    return_fields: bool = False,
    aperture: Any = None,
    intensity: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """L layers, each a 4f system followed by a nonlinearity, in one fused call.

    One image stays in cache through all layers, and back through them for the gradients.

    Parameters
    ----------
    field : torch.Tensor
        [..., Sy, Sx], complex, or real, which saves half of the first layer's transform.
    phases : torch.Tensor
        [L, My, Mx] or [..., L, My, Mx], real, radians, zero frequency at index ``M // 2``.
    grid : int, float or pair (y, x)
        Size of the padded grid, as in `windowed_dft`.
    nonlinearity : specification, None, "linear" or a sequence of L of them
        What follows each layer, see :mod:`pyfdsr.nonlinearity`. Parameters that are tensors receive
        gradients.
    support : int or pair (y, x), optional
        Window after every layer; by default that of the field.
    return_fields : bool
        Return the field after every layer too, for inspection (without gradient).
    aperture : array_like, optional
        [My, Mx] or [K, My, Mx], real: multiplies the masks of the first layer or the first K; has no
        gradient.
    intensity : bool
        Return the intensity |E|² in place of the field.

    Returns
    -------
    out : torch.Tensor
        [..., Ty, Tx], complex, or real with `intensity`.
    fields : torch.Tensor
        [L, ..., Ty, Tx], complex, with `return_fields` only.

    Raises
    ------
    TypeError, ValueError
        If an argument is of the wrong kind, or a size exceeds the grid.

    Examples
    --------
    >>> import torch
    >>> from pyfdsr.functional import four_f_stack
    >>> from pyfdsr.nonlinearity import Kerr
    >>> field, phases = torch.rand(2, 8, 8), torch.randn(3, 8, 8, requires_grad=True)
    >>> out = four_f_stack(field, phases, grid=24, nonlinearity=Kerr(4.0), intensity=True)
    >>> out.shape, out.dtype
    (torch.Size([2, 8, 8]), torch.float32)
    >>> out.sum().backward()
    """
    field = tensor_of("field", field)
    phases = tensor_of("phases", phases, allow_complex=False)
    if phases.ndim < 3 or phases.shape[-3] < 1:
        raise ValueError(
            f"phases has shape {tuple(phases.shape)}: must be (L, My, Mx) with at least one layer"
        )
    specs = per_layer(nonlinearity, phases.shape[-3])
    out, fields = _run(field, phases, "phases", grid, specs, support, aperture, intensity, return_fields)
    return (out, fields) if return_fields else out
